# SPDX-License-Identifier: BSD-3-Clause
"""What an SA refused, and a window that is set anew while packets come."""
import struct

import wire
import xfrm
from topology import HOST, Topology

STATS = 192  # of struct xfrm_stats in struct xfrm_usersa_info


def frames(tunnel, *sequences, spoil=False):
    inner = wire.udp_packet(tunnel.peer_host, HOST, bytes(72))
    packets = [tunnel.into.seal(inner, sequence) for sequence in sequences]
    if spoil:
        packets = [packet[:-1] + bytes([packet[-1] ^ 1]) for packet in packets]
    return [wire.ether(packet) for packet in packets]


def stats(client, sa):
    """(replay_window, replay, integrity_failed)."""
    (_, body), = client.ask(xfrm.GETSA, xfrm.name(sa))
    return struct.unpack_from("=3I", body, STATS)


def set_window(client, sa, top, bitmap):
    body = xfrm.name(sa) + xfrm.address(sa.source) + struct.pack("=II", 0, 1)
    body += xfrm.attribute(xfrm.REPLAY_VAL, struct.pack("=3I", 0, top, bitmap))
    client.ask(xfrm.NEWAE, body, xfrm.ACK | xfrm.REPLACE)


def test_a_window_is_set_anew_between_packets(start, socket):
    topology = Topology()
    tunnel = topology[1]
    gateway = start(topology.config_without_sas(socket), wan="live")
    client = xfrm.Client(socket)
    client.add(tunnel.into, 1, window=32)
    gateway.feed("wan0", frames(tunnel, *range(1, 101)))
    assert stats(client, tunnel.into) == (0, 0, 0)
    gateway.feed("wan0", frames(tunnel, 90, 91, 10) + frames(tunnel, 200, 201, spoil=True))
    assert stats(client, tunnel.into) == (1, 2, 2)

    # Ahead: all up to 500 counts as seen but for 498 (bit 2).
    set_window(client, tunnel.into, 500, 0xFFFFFFFB)
    gateway.feed("wan0", frames(tunnel, 499, 498, 498, 200, 501))
    assert stats(client, tunnel.into) == (2, 4, 2)
    # Back: what came before comes again.
    set_window(client, tunnel.into, 100, 0xFFFFFFFF)
    gateway.feed("wan0", frames(tunnel, 100, 101, 499, 501))
    assert stats(client, tunnel.into) == (2, 5, 2)
    row, = gateway.show("sas")
    assert (row["sequence"], row["replay_duplicate"], row["replay_late"], row["bad_icv"]) == \
        (501, 5, 2, 2)
    outcome = gateway.stop()
    assert len(outcome.lan) == 100 + 2 + 3
    assert (outcome.drops["replay_duplicate"], outcome.drops["replay_late"],
            outcome.drops["bad_icv"]) == (5, 2, 2)

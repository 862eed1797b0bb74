# SPDX-License-Identifier: BSD-3-Clause
"""What must not come in: forged, replayed, malformed, or not meant for the tunnel. Each is dropped
under its own reason, nothing else suffers, and the SA is billed for genuine packets alone."""
import copy
import random
import struct
from collections import Counter

import pytest

import wire
from esp import AUTHENTICATIONS
from topology import HOST, LAN_ADDRESS, WAN_ADDRESS, Topology

REFUSED_SUITES = [("aes128-cbc", "hmac-sha1-96"), ("aes256-cbc", "hmac-sha512-256"),
                  ("aes192-gcm", None), ("chacha20-poly1305", None)]
OUTER_HEADER_BITS = 20 * 8
SPI_BITS = 32


def genuine(tunnel, size, ident=0):
    """An inner packet for a host behind us."""
    return wire.udp_packet(tunnel.peer_host, HOST, bytes(size - 28), ident=ident)


def assert_billed(outcome, sa, packets):
    """Counters that hold these inner packets and nothing else."""
    row = outcome.sa(sa)
    assert (row["packets"], row["bytes"]) == (len(packets), sum(map(len, packets)))


def flips(packet, first_byte):
    """The packet with one bit flipped, for each bit from that byte on."""
    for bit in range(first_byte * 8, len(packet) * 8):
        damaged = bytearray(packet)
        damaged[bit // 8] ^= 0x80 >> bit % 8
        yield bytes(damaged)


@pytest.mark.parametrize("esn", [False, True], ids=["plain", "esn"])
def test_every_flipped_bit_is_noticed(run, esn):
    """The flips come before their twin: no replay window can catch them, only the ICV. The sequence
    numbers are no single bit apart, so that no flip of one makes one seen before."""
    topology = Topology(REFUSED_SUITES, esn=esn)
    frames, twins, esp_bits = [], [], 0
    for tunnel in topology:
        for sequence, size in ((0x309, 28), (0x30A, 61), (0x30C, 120)):
            inner = genuine(tunnel, size)
            twin = tunnel.into.seal(inner, sequence)
            frames += wire.ethers([*flips(twin, 0), twin])
            twins.append((tunnel, inner))
            esp_bits += 8 * (len(twin) - 20)
    outcome = run(topology, wan=frames)
    assert outcome.drops == {
        "bad_header": len(twins) * OUTER_HEADER_BITS,
        "unknown_spi": len(twins) * SPI_BITS,
        "bad_icv": esp_bits - len(twins) * SPI_BITS}
    assert outcome.lan == [wire.forwarded(inner) for _, inner in twins]
    for tunnel in topology:
        assert_billed(outcome, tunnel.into, [inner for into, inner in twins if into is tunnel])


def test_every_flipped_bit_is_noticed_in_udp(run):
    """The same behind a NAT. The UDP header itself is the NAT's to change, hence left alone."""
    topology = Topology(REFUSED_SUITES, udp_ports=(4500, 4500))
    frames, esp_bits = [], 0
    for tunnel in topology:
        twin = tunnel.into.seal(genuine(tunnel, 80), 5)
        frames += wire.ethers([*flips(twin, 28), twin])
        esp_bits += 8 * (len(twin) - 28)
    outcome = run(topology, wan=frames)
    assert outcome.drops == {"unknown_spi": 4 * SPI_BITS, "bad_icv": esp_bits - 4 * SPI_BITS}
    assert outcome.lan == [wire.forwarded(genuine(tunnel, 80)) for tunnel in topology]


def test_icv_of_another_key_is_noticed(run):
    """Zeros in its place, or an ESP packet that is right in all but the key."""
    topology = Topology()
    sa, inner = topology[1].into, genuine(topology[1], 100)
    impostor = copy.copy(topology[2].into)
    impostor.spi = sa.spi
    sealed = sa.seal(inner, 1)
    outcome = run(topology, wan=wire.ethers([
        sealed[:-12] + bytes(12), impostor.seal(inner, 1), sealed]))
    assert outcome.drops == {"bad_icv": 2}
    assert_billed(outcome, sa, [inner])


def test_replay(run):
    """Every packet twice, the second time at once, in the next burst, or at the end."""
    topology = Topology()
    inner = [genuine(topology[1], 60, ident=n) for n in range(1000)]
    sealed = [topology[1].into.seal(packet, n) for n, packet in enumerate(inner, start=1)]
    frames = []
    for n, packet in enumerate(sealed):
        frames.append(packet)
        if n % 3 == 0:
            frames.append(packet)
        elif n % 3 == 1 and n > 300:
            frames.append(sealed[n - 200])
    frames += sealed
    outcome = run(topology, wan=wire.ethers(frames))
    assert outcome.lan == list(map(wire.forwarded, inner))
    assert outcome.drops == {"replay_duplicate": len(frames) - len(inner)}
    assert_billed(outcome, topology[1].into, inner)
    assert outcome.sa(topology[1].into)["sequence"] == 1000


class Window:
    """RFC 4303 3.4.3 in its simplest form: a set."""

    def __init__(self, size, top=0):
        self.size, self.top, self.seen = size, top, set()

    def take(self, sequence):
        """None, or why it is refused."""
        if sequence == 0 or sequence <= self.top - self.size:
            return "replay_late"
        if sequence in self.seen:
            return "replay_duplicate"
        self.seen.add(sequence)
        self.top = max(self.top, sequence)
        return None


def wander(rng, size, count, start=1):
    """Sequence numbers that mostly go up, with stragglers around the window's edge."""
    top, numbers = start + 2 * size, []
    for _ in range(count):
        step = rng.choice([1, 1, 1, -1, -size + 1, -size, -size - 1, -rng.randrange(2 * size),
                           -rng.randrange(size), rng.randrange(64),
                           rng.choice([1, size, 3 * size])])
        numbers.append(max(start, top + step))
        top = max(top, numbers[-1])
    return numbers


@pytest.mark.parametrize("size", [64, 65, 128, 1000, 1024, 8192])
def test_replay_window_equals_model(run, size):
    """Accepted is exactly what the model accepts. Where a number was seen before and is left of the
    window, either reason is right: a burst is looked at before its packets move the window."""
    topology = Topology(replay_window=size)
    sa, window = topology[1].into, Window(size)
    frames, accepted, refused, either = [], [], Counter(), 0
    for ident, sequence in enumerate(wander(random.Random(size), size, 6000)):
        inner = genuine(topology[1], 40, ident % 65536)
        frames.append(wire.ether(sa.seal(inner, sequence)))
        reason = window.take(sequence)
        if reason:
            refused[reason] += 1
            either += reason == "replay_late" and sequence in window.seen
        else:
            accepted.append(inner)
    assert len(accepted) > 1000 and min(refused.values()) > 300
    outcome = run(topology, wan=frames)
    assert set(outcome.drops) == set(refused)
    assert sum(outcome.drops.values()) == refused.total()
    assert 0 <= refused["replay_late"] - outcome.drops["replay_late"] <= either
    assert outcome.lan == list(map(wire.forwarded, accepted))
    assert outcome.sa(sa)["sequence"] == window.top
    assert_billed(outcome, sa, accepted)


def test_sequence_zero_and_window_edges(run):
    topology = Topology(replay_window=64)
    sa = topology[1].into
    sequences = [0, 1, 1000, 937, 936, 937, 1000, 0xFFFFFFFF, 0xFFFFFFFF - 63, 0xFFFFFFFF - 64]
    good = [1, 1000, 937, 0xFFFFFFFF, 0xFFFFFFFF - 63]
    outcome = run(topology, wan=[wire.ether(sa.seal(genuine(topology[1], 40), n))
                                 for n in sequences])
    assert len(outcome.lan) == len(good)
    assert outcome.drops["replay_duplicate"] == 2
    assert sum(outcome.drops.values()) == len(sequences) - len(good)
    assert outcome.sa(sa)["sequence"] == 0xFFFFFFFF


def test_no_window_no_check(run):
    """replay_window = 0, for manual keys whose sender may restart."""
    topology = Topology(replay_window=0)
    frames = [wire.ether(topology[1].into.seal(genuine(topology[1], 40), n)) for n in (9, 9, 2, 9)]
    outcome = run(topology, wan=frames)
    assert outcome.drops == {} and len(outcome.lan) == 4


def test_esn_across_the_wrap_in_disorder(run):
    """The high half is guessed right on both sides of 2^32; a wrong guess cannot pass the ICV."""
    start = (1 << 32) - 3000
    topology = Topology(esn=True, sequence=start, replay_window=1024)
    sa, window = topology[1].into, Window(1024, start)
    window.seen.update(range(start - 1024, start + 1))
    rng = random.Random(5)
    frames, accepted, duplicates = [], [], 0
    for ident in range(8000):
        sequence = max(window.top + rng.choice([1, 1, 1, 2, 7, -rng.randrange(1000)]), start + 1)
        inner = genuine(topology[1], 40, ident)
        frames.append(wire.ether(sa.seal(inner, sequence)))
        if window.take(sequence):
            duplicates += 1
        else:
            accepted.append(inner)
    assert window.top > (1 << 32) + 3000
    wrong_half = [window.top - (1 << 32) + 1, window.top + (1 << 32)]
    frames += [wire.ether(sa.seal(genuine(topology[1], 40), n)) for n in wrong_half]
    outcome = run(topology, wan=frames)
    assert outcome.lan == list(map(wire.forwarded, accepted))
    assert outcome.drops == {"replay_duplicate": duplicates, "bad_icv": len(wrong_half)}
    assert outcome.sa(sa)["sequence"] == window.top


def test_wrong_padding(run):
    """Authentic, and still refused: padding that does not count, or is longer than the packet."""
    topology = Topology([("aes128-cbc", "hmac-sha1-96"), ("aes128-gcm", None)])
    frames, wrong = [], 0
    for tunnel in topology:
        inner = genuine(tunnel, 40)  # 40 + 6 + 2 = 48
        right = bytes([1, 2, 3, 4, 5, 6, 6])
        tails = [bytes(6) + b"\6", bytes([0, 1, 2, 3, 4, 5, 6]), bytes([1, 2, 3, 4, 5, 7, 6]),
                 bytes([2, 2, 3, 4, 5, 6, 6]), right[:-1] + b"\xff", right[:-1] + bytes([47])]
        wrong += len(tails)
        for sequence, tail in enumerate([*tails, right], start=1):
            frames.append(wire.ether(tunnel.into.seal(inner, sequence, tail=tail)))
    outcome = run(topology, wan=frames)
    assert outcome.drops == {"bad_padding": wrong}
    assert outcome.lan == [wire.forwarded(genuine(tunnel, 40)) for tunnel in topology]
    for tunnel in topology:
        assert_billed(outcome, tunnel.into, [genuine(tunnel, 40)])


@pytest.mark.parametrize("udp_ports", [None, (4500, 4500)], ids=["plain", "natt"])
def test_short_packets(run, udp_ports):
    """Every length from nothing to a full packet: too short, or no multiple of the block."""
    topology = Topology([("aes128-cbc", "hmac-sha1-96"), ("aes256-gcm", None)],
                        udp_ports=udp_ports)
    frames, short, forged = [], 0, 0
    for tunnel in topology:
        sa = tunnel.into
        esp = sa.esp(genuine(tunnel, 90), 1)
        block = sa.encryption.block_bytes
        for length in range(5 if udp_ports else 0, len(esp)):
            frames.append(wire.ether(sa.outer(esp[:length])))
            payload = length - sa.header_bytes - sa.icv_bytes
            if payload < 2 or payload % block:
                short += 1
            else:
                forged += 1
        frames.append(wire.ether(sa.outer(esp)))
    outcome = run(topology, wan=frames)
    assert outcome.drops == {"short_esp": short, "bad_icv": forged}
    assert len(outcome.lan) == 2
    for tunnel in topology:
        assert_billed(outcome, tunnel.into, [genuine(tunnel, 90)])


def test_what_is_inside_must_be_ipv4(run):
    topology = Topology()
    tunnel = topology[1]
    good = genuine(tunnel, 100)
    inside = [  # inner bytes, next header, reason
        (good, 6, "bad_next_header"), (good, 41, "bad_next_header"), (good, 0, "bad_next_header"),
        (b"", 59, "dummy"), (good, 59, "dummy"), (bytes(64), 59, "dummy"),
        (b"", 4, "bad_inner"), (good[:19], 4, "bad_inner"), (good[:99], 4, "bad_inner"),
        (b"\x65" + good[1:], 4, "bad_inner"), (b"\x44" + good[1:], 4, "bad_inner"),
        (good[:10] + b"\0\0" + good[12:], 4, "bad_inner"),
        (wire.resum(good[:2] + b"\0\x13" + good[4:]), 4, "bad_inner"),
        (wire.resum(good[:2] + b"\0\x65" + good[4:]), 4, "bad_inner")]
    frames = [wire.ether(tunnel.into.seal(inner, n, next_header=next_header))
              for n, (inner, next_header, _) in enumerate(inside, start=1)]
    frames.append(wire.ether(tunnel.into.seal(good, len(frames) + 1)))
    outcome = run(topology, wan=frames)
    reasons = [reason for *_, reason in inside]
    assert outcome.drops == {reason: reasons.count(reason) for reason in reasons}
    assert outcome.lan == [wire.forwarded(good)]
    assert_billed(outcome, tunnel.into, [good])


def test_spi_and_destination_name_the_sa(run, socket):
    """Unknown SPI, a known one to another address of ours, and an outbound one."""
    topology = Topology()
    sa = topology[1].into
    elsewhere = wire.ipv4(sa.source, LAN_ADDRESS, sa.esp(genuine(topology[1], 50), 1),
                          protocol=wire.ESP)
    unknown = wire.ipv4(sa.source, WAN_ADDRESS, (0x1234).to_bytes(4, "big") + bytes(60),
                        protocol=wire.ESP)
    ours = wire.ipv4(sa.source, WAN_ADDRESS, topology[1].out.esp(genuine(topology[1], 50), 1),
                     protocol=wire.ESP)
    outcome = run(topology.config(socket), wan=wire.ethers([elsewhere, unknown, ours]))
    assert outcome.drops == {"unknown_spi": 3} and outcome.lan == []


def test_inbound_selectors(run, socket):
    topology = Topology()
    config = topology.config(socket)
    config["tunnels"][0]["selectors"] = (
        {"local": "10.0.0.0/24", "remote": "172.16.1.0/24"},
        {"local": "10.0.1.7/32", "remote": "192.168.0.0/16"})
    flows = [  # remote, local, passes
        ("172.16.1.1", "10.0.0.1", True), ("192.168.9.9", "10.0.1.7", True),
        ("172.16.2.1", "10.0.0.1", False), ("172.16.1.1", "10.0.2.1", False),
        ("192.168.9.9", "10.0.0.1", False), ("172.16.1.1", "10.0.1.7", False),
        ("10.0.0.1", "172.16.1.1", False)]
    inner = [wire.udp_packet(remote, local) for remote, local, _ in flows]
    frames = [wire.ether(topology[1].into.seal(packet, n)) for n, packet in enumerate(inner, 1)]
    outcome = run(config, wan=frames)
    good = [packet for packet, (*_, passes) in zip(inner, flows) if passes]
    assert outcome.lan == list(map(wire.forwarded, good))
    assert outcome.drops == {"policy": 5}
    assert_billed(outcome, topology[1].into, good)
    assert outcome.tunnel(topology[1])["rx"]["packets"] == len(good)


def test_outbound_selectors(run, socket):
    """What is outside takes no sequence number either."""
    topology = Topology()
    config = topology.config(socket)
    config["tunnels"][0]["selectors"] = ({"local": "10.0.0.0/24", "remote": "172.16.1.0/25"},)
    flows = [("10.0.0.1", "172.16.1.1", True), ("10.0.1.1", "172.16.1.1", False),
             ("10.0.0.1", "172.16.1.200", False), ("10.0.0.255", "172.16.1.127", True)]
    inner = [wire.udp_packet(source, destination) for source, destination, _ in flows]
    outcome = run(config, lan=wire.ethers(inner))
    assert outcome.drops == {"policy_out": 2}
    assert [topology[1].out.open(packet, n) for n, packet in enumerate(outcome.wan, 1)] == \
        [wire.forwarded(inner[0]), wire.forwarded(inner[3])]
    assert_billed(outcome, topology[1].out, [inner[0], inner[3]])


def test_udp_on_4500_that_is_not_esp(run):
    """RFC 3948: keepalives are consumed, IKE (four zero bytes first) is for the IKE daemon."""
    topology = Topology(udp_ports=(4500, 4500))

    def to_us(payload):
        return wire.udp_packet("192.0.2.1", WAN_ADDRESS, payload, sport=4500, dport=4500)

    outcome = run(topology, wan=wire.ethers([
        to_us(b"\xff"), to_us(b"\xff"), to_us(bytes(4) + b"IKE" * 20), to_us(b"")]))
    assert outcome.drops == {"natt_keepalive": 2, "local_undeliverable": 2}


def test_udp_says_how_long_its_esp_is(run):
    """RFC 768: what stands behind the datagram is no part of it; one that is cut short is nothing."""
    topology = Topology(udp_ports=(4500, 4500))
    sa, inner = topology[1].into, genuine(topology[1], 100)

    length = 8 + len(sa.esp(inner, 1))

    def said(sequence, udp_length, behind=b""):
        header = struct.pack("!HHHH", 4500, 4500, udp_length, 0)
        return wire.ether(wire.ipv4(sa.source, WAN_ADDRESS, header + sa.esp(inner, sequence) + behind))

    outcome = run(topology, wan=[said(1, length, b"behind"), said(2, length + 1), said(3, 65535),
                                 said(4, 7), said(5, length - 16), said(6, length)])
    assert outcome.lan == [wire.forwarded(inner)] * 2
    assert outcome.drops == {"short_esp": 3, "bad_icv": 1}


def test_every_icv_length_is_checked_whole(run):
    """A damaged last byte of the ICV, for each authentication."""
    topology = Topology([("aes128-cbc", name) for name in AUTHENTICATIONS])
    frames = []
    for tunnel in topology:
        sealed = tunnel.into.seal(genuine(tunnel, 64), 1)
        frames += wire.ethers([sealed[:-1] + bytes([sealed[-1] ^ 1]), sealed])
    outcome = run(topology, wan=frames)
    assert outcome.drops == {"bad_icv": len(AUTHENTICATIONS)}
    assert len(outcome.lan) == len(AUTHENTICATIONS)

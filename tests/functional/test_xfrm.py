# SPDX-License-Identifier: BSD-3-Clause
"""SAs that come by the control socket while packets flow; a stranger's ESP judges the packets."""
import errno
import struct
from pathlib import Path

import pytest

import wire
import xfrm
from esp import ALL_SUITES, Sa
from topology import HOST, WAN_ADDRESS, Topology


def frames_to(tunnel, count, size=100):
    return [wire.ether(wire.udp_packet(HOST, tunnel.peer_host, bytes(size - 28), ident=n))
            for n in range(count)]


def frames_from(tunnel, sa, first, count):
    inner = wire.udp_packet(tunnel.peer_host, HOST, bytes(72))
    return [wire.ether(sa.seal(inner, first + n)) for n in range(count)]


@pytest.mark.parametrize("options", [{}, {"esn": True}, {"udp_ports": (4500, 4501)}],
                         ids=["plain", "esn", "udp"])
def test_sas_of_every_suite_carry_packets(start, socket, options):
    topology = Topology(ALL_SUITES, **options)
    gateway = start(topology.config_without_sas(socket), lan="live", wan="live")
    client = xfrm.Client(socket)
    for tunnel in topology:
        client.add(tunnel.out, tunnel.number)
        client.add(tunnel.into, tunnel.number, window=0 if tunnel.into.esn else 32)
    for tunnel in topology:
        gateway.feed("lan0", frames_to(tunnel, 3))
        gateway.feed("wan0", frames_from(tunnel, tunnel.into, 1, 3) * 2)
    for tunnel in topology:
        assert client.get(tunnel.out).packets == client.get(tunnel.into).packets == 3
    outcome = gateway.stop()
    assert outcome.drops.pop("replay_duplicate") == 3 * len(ALL_SUITES)
    assert set(outcome.drops) == {"not_ip"}
    assert len(outcome.lan) == 3 * len(ALL_SUITES)
    sent = iter(outcome.wan)
    for tunnel in topology:
        for n, frame in enumerate(frames_to(tunnel, 3), start=1):
            assert tunnel.out.open(next(sent), n) == wire.forwarded(frame[14:])


def test_a_rekey_loses_nothing(start, socket):
    """As charon does it: the new pair first, then the old one goes; traffic both ways throughout."""
    topology = Topology()
    tunnel = topology[1]
    gateway = start(topology.config_without_sas(socket), lan="live", wan="live")
    client = xfrm.Client(socket)
    old_in, old_out = tunnel.into, tunnel.out
    sas = [old_out]
    spi = client.reserve(old_in, 1, 0xC6111111, 0xC6111111)
    assert spi == old_in.spi
    client.update(old_in, 1, window=32)
    client.add(old_out, 1)
    for generation in range(1, 4):
        gateway.feed("lan0", frames_to(tunnel, 50))
        gateway.feed("wan0", frames_from(tunnel, old_in, 1, 50))
        new_in = Sa(old_in.spi + 0x1000, tunnel.remote, WAN_ADDRESS)
        new_out = Sa(old_out.spi + 0x1000, WAN_ADDRESS, tunnel.remote)
        new_in.spi = client.reserve(new_in, 1, 0xC7000000, 0xC7FFFFFF)
        client.update(new_in, 1, window=32)
        client.add(new_out, 1)
        gateway.feed("wan0", frames_from(tunnel, old_in, 51, 10))
        client.delete(old_out)
        client.delete(old_in)
        old_in, old_out = new_in, new_out
        sas.append(new_out)
    outcome = gateway.stop()
    assert set(outcome.drops) == {"not_ip"}
    assert len(outcome.lan) == 3 * 60 and len(outcome.wan) == 3 * 50
    for n, packet in enumerate(outcome.wan):
        sas[n // 50].open(packet, n % 50 + 1)


def test_an_sa_moves_and_goes_on_counting(start, socket):
    """GETSA, GETAE, DELSA, NEWSA with what they said, and packets between all of them."""
    topology = Topology()
    tunnel = topology[1]
    gateway = start(topology.config_without_sas(socket), lan="live", wan="live")
    client = xfrm.Client(socket)
    client.add(tunnel.out, 1)
    client.add(tunnel.into, 1, window=32)
    gateway.feed("lan0", frames_to(tunnel, 20))
    gateway.feed("wan0", frames_from(tunnel, tunnel.into, 1, 20))
    said = client.get(tunnel.out)
    assert said.key(xfrm.ALG_CRYPT) == tunnel.out.key
    assert said.key(xfrm.ALG_AUTH_TRUNC) == tunnel.out.mac_key
    states = [(sa, window, client.where(sa))
              for sa, window in ((tunnel.out, 0), (tunnel.into, 32))]
    gateway.feed("lan0", frames_to(tunnel, 7))
    for sa, window, state in states:
        client.delete(sa)
        client.add(sa, 1, xfrm.attribute(xfrm.REPLAY_VAL, state[xfrm.REPLAY_VAL]),
                   xfrm.attribute(xfrm.LTIME_VAL, state[xfrm.LTIME_VAL]), window=window)
    gateway.feed("lan0", frames_to(tunnel, 5))
    gateway.feed("wan0", frames_from(tunnel, tunnel.into, 1, 21))
    assert client.get(tunnel.into).packets == 21
    outcome = gateway.stop()
    assert [tunnel.out.sequence_of(packet) for packet in outcome.wan] == list(range(1, 33))
    assert outcome.drops["replay_duplicate"] == 20


def test_lifetimes_end_with_events(start, socket):
    topology = Topology()
    tunnel = topology[1]
    gateway = start(topology.config_without_sas(socket), lan="live")
    client = xfrm.Client(socket)
    ear = xfrm.Client(Path(str(socket).replace(".sock", "-ro.sock")), [xfrm.GROUP_EXPIRE])
    client.add(tunnel.out, 1, soft_packets=10, hard_packets=15)
    gateway.feed("lan0", frames_to(tunnel, 12))
    kind, body = ear.hear()
    assert (kind, body[224]) == (xfrm.EXPIRE, 0) and xfrm.Info(body[:224]).packets == 12
    gateway.feed("lan0", frames_to(tunnel, 12))
    kind, body = ear.hear()
    assert (kind, body[224]) == (xfrm.EXPIRE, 1) and xfrm.Info(body[:224]).packets == 15
    assert client.list() == []
    client.add(tunnel.into, 1, window=32, soft_seconds=1, hard_seconds=2)
    assert [ear.hear()[1][224] for _ in range(2)] == [0, 1]
    outcome = gateway.stop()
    assert len(outcome.wan) == 15


def test_keys_are_for_the_read_write_socket(start, socket):
    topology = Topology()
    gateway = start(topology.config_without_sas(socket))
    client = xfrm.Client(socket)
    reader = xfrm.Client(Path(str(socket).replace(".sock", "-ro.sock")), [xfrm.GROUP_SA])
    for tunnel in topology:
        client.add(tunnel.out, tunnel.number)
        client.add(tunnel.into, tunnel.number, window=32)
    heard = b"".join(reader.hear()[1] for _ in range(6))
    assert len(reader.list()) == len(client.list()) == 6
    for tunnel in topology:
        for sa in (tunnel.out, tunnel.into):
            assert client.get(sa).key(xfrm.ALG_CRYPT) == sa.key
            assert reader.get(sa).key(xfrm.ALG_CRYPT) == bytes(16)
            assert sa.key not in heard and sa.mac_key not in heard
    with pytest.raises(xfrm.Refused) as refused:
        reader.delete(topology[1].out)
    assert refused.value.error == errno.EPERM
    assert all(sa.key.hex() not in gateway.output() for sa in (topology[1].out, topology[1].into))
    client.ask(xfrm.FLUSHSA, struct.pack("B", 0))
    assert client.list() == []
    client.ask(xfrm.FLUSHSA, struct.pack("B", 0))


def test_other_sas_come_and_go_and_nobody_notices(start, socket):
    """Hundreds of SAs added, updated and deleted while one carries traffic: not a packet is lost."""
    topology = Topology()
    gateway = start(topology, lan="live", wan="live")
    client = xfrm.Client(socket)
    sent = 0
    for turn in range(6):
        for n in range(100):
            other = Sa(0x70000000 + turn * 100 + n, topology[2].remote, WAN_ADDRESS)
            client.add(other, 2, window=32)
            client.update(other, 2, window=32, hard_packets=1000)
            if n % 2:
                client.delete(other)
        gateway.feed("lan0", frames_to(topology[1], 200))
        gateway.feed("wan0", frames_from(topology[1], topology[1].into, sent + 1, 200))
        sent += 200
    assert len(client.list()) == 6 + 300
    outcome = gateway.stop()
    assert set(outcome.drops) == {"not_ip"}
    assert len(outcome.wan) == len(outcome.lan) == sent
    assert "heap: balanced" in outcome.output

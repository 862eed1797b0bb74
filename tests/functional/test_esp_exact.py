# SPDX-License-Identifier: BSD-3-Clause
"""What Espalier seals a stranger opens, and what a stranger seals Espalier opens: byte for byte,
for every suite and every length that fits, bare and in UDP, with and without ESN."""
import random

import pytest
from scapy.layers.inet import IP

import wire
from esp import ALL_SUITES, CBC_SUITES
from topology import HOST, LAN_ROUTER_MAC, WAN_ROUTER_MAC, Topology

SHORTEST = 28  # IPv4 and UDP header
# With ESN the run crosses 2^32, where the half that is not sent goes up.
START_ESN = (1 << 32) - 700

FORMS = pytest.mark.parametrize("udp_ports, esn", [
    (None, False), ((4500, 4500), False), (None, True), ((4500, 4501), True)],
    ids=["plain", "natt", "esn", "natt-esn"])


def make_topology(suites, udp_ports, esn):
    options = {"sequence": START_ESN} if esn else {}
    return Topology(suites, udp_ports=udp_ports, esn=esn, **options)


def numbered(start):
    return iter(range(start + 1, start + 100_000))


def all_lengths(tunnels, source, destination):
    """(tunnel, inner packet) for every length, shuffled; the headers are as different as can be."""
    rng = random.Random(2)
    packets = []
    for tunnel in tunnels:
        for length in range(SHORTEST, tunnel.out.mtu + 1):
            packets.append((tunnel, wire.udp_packet(
                source(tunnel), destination(tunnel), rng.randbytes(length - 28),
                tos=rng.randrange(256), ttl=rng.randrange(2, 256), ident=rng.randrange(65536),
                fragment=rng.choice([0, wire.DONT_FRAGMENT]))))
    rng.shuffle(packets)
    return packets


def to_peer(tunnels):
    return all_lengths(tunnels, lambda _: HOST, lambda tunnel: tunnel.peer_host)


def from_peer(tunnels):
    return all_lengths(tunnels, lambda tunnel: tunnel.peer_host, lambda _: HOST)


@FORMS
def test_stranger_opens_what_we_seal(run, udp_ports, esn):
    topology = make_topology(ALL_SUITES, udp_ports, esn)
    packets = to_peer(topology)
    outcome = run(topology, lan=wire.ethers(inner for _, inner in packets))

    assert outcome.drops == {}
    assert all(frame[:6] == WAN_ROUTER_MAC for frame in outcome.frames["wan0"])
    sequences = {tunnel: numbered(START_ESN if esn else 0) for tunnel in topology}
    assert len(outcome.wan) == len(packets)
    for sealed, (tunnel, inner) in zip(outcome.wan, packets):
        assert tunnel.out.open(sealed, next(sequences[tunnel])) == wire.forwarded(inner)

    for tunnel in topology:
        sent = [inner for through, inner in packets if through is tunnel]
        row = outcome.sa(tunnel.out)
        assert (row["packets"], row["bytes"]) == (len(sent), sum(map(len, sent)))
        assert row["sequence"] == next(sequences[tunnel]) - 1
        assert outcome.tunnel(tunnel)["mtu"] == tunnel.out.mtu


def test_scapy_opens_what_we_seal(run):
    """The scenario's algorithms, the three key sizes: a whole implementation as the judge."""
    topology = Topology([suite for suite in CBC_SUITES if suite[1] == "hmac-sha1-96"])
    assert [tunnel.out.mtu for tunnel in topology] == [1438] * 3
    packets = to_peer(topology)
    outcome = run(topology, lan=wire.ethers(inner for _, inner in packets))
    assert len(outcome.wan) == len(packets)
    judges = {tunnel: tunnel.out.scapy() for tunnel in topology}
    for sealed, (tunnel, inner) in zip(outcome.wan, packets):
        assert bytes(judges[tunnel].decrypt(IP(sealed))) == wire.forwarded(inner)


@FORMS
def test_we_open_what_stranger_seals(run, udp_ports, esn):
    topology = make_topology(ALL_SUITES, udp_ports, esn)
    packets = from_peer(topology)
    sequences = {tunnel: numbered(START_ESN if esn else 0) for tunnel in topology}
    frames = [wire.ether(tunnel.into.seal(inner, next(sequences[tunnel]), tos=inner[1]))
              for tunnel, inner in packets]
    outcome = run(topology, wan=frames)

    assert outcome.drops == {}
    assert all(frame[:6] == LAN_ROUTER_MAC for frame in outcome.frames["lan0"])
    assert len(outcome.lan) == len(packets)
    for opened, (_, inner) in zip(outcome.lan, packets):
        assert opened == wire.forwarded(inner)

    for tunnel in topology:
        sent = [inner for through, inner in packets if through is tunnel]
        row, traffic = outcome.sa(tunnel.into), outcome.tunnel(tunnel)["rx"]
        assert (row["packets"], row["bytes"]) == (len(sent), sum(map(len, sent)))
        assert (traffic["packets"], traffic["bytes"]) == (len(sent), sum(map(len, sent)))
        assert row["sequence"] == next(sequences[tunnel]) - 1


def test_padding_a_peer_may_add(run):
    """RFC 4303 2.4 allows up to 255 bytes, 2.7 any traffic flow padding behind the inner packet."""
    topology = Topology()
    sa = topology[1].into
    inner = wire.udp_packet(topology[1].peer_host, HOST, b"quiet", ident=1)
    frames = []
    for count in range(256):
        if (len(inner) + count + 2) % 16 == 0:
            tail = bytes(range(1, count + 1)) + bytes([count])
            frames.append(wire.ether(sa.seal(inner, len(frames) + 1, tail=tail)))
    for extra in range(0, 800, 37):
        shaped = inner + bytes(extra)
        frames.append(wire.ether(sa.seal(shaped, len(frames) + 1)))
    outcome = run(topology, wan=frames)
    assert outcome.drops == {}
    assert outcome.lan == [wire.forwarded(inner)] * len(frames)


def test_ethernet_padding_stays_outside(run):
    """Short packets come in frames of 60 bytes; what pads them is no part of the packet."""
    topology = Topology()
    short = wire.udp_packet(HOST, topology[1].peer_host)
    outer = topology[1].into.seal(wire.udp_packet(topology[1].peer_host, HOST), 1)
    outcome = run(topology, lan=[wire.ether(short + b"\xee" * 200)],
                  wan=[wire.ether(outer + b"\xee" * 200)])
    assert topology[1].out.open(outcome.wan[0], 1) == wire.forwarded(short)
    assert outcome.lan == [wire.forwarded(wire.udp_packet(topology[1].peer_host, HOST))]


def test_from_tunnel_to_tunnel(run):
    """A hub: in by one tunnel, out by another, which is one hop."""
    topology = Topology()
    inner = [wire.udp_packet(topology[1].peer_host, topology[2].peer_host, bytes(n))
             for n in range(300)]
    outcome = run(topology, wan=[wire.ether(topology[1].into.seal(packet, n))
                                 for n, packet in enumerate(inner, start=1)])
    assert outcome.drops == {}
    assert [topology[2].out.open(packet, n) for n, packet in enumerate(outcome.wan, start=1)] == \
        list(map(wire.forwarded, inner))


def test_nested_esp_is_opened_by_its_owner(run):
    """ESP within ESP to another gateway behind us is a packet like any other."""
    topology = Topology()
    for_other = wire.ipv4(topology[1].peer_host, HOST, bytes(64), protocol=wire.ESP)
    outcome = run(topology, wan=[wire.ether(topology[1].into.seal(for_other, 1))])
    assert outcome.drops == {} and outcome.lan == [wire.forwarded(for_other)]


# RFC 6040 4.2: what the inner packet's ECN field becomes; None: dropped.
NOT_ECT, ECT1, ECT0, CE = range(4)
DECAPSULATED_ECN = {
    (NOT_ECT, NOT_ECT): NOT_ECT, (NOT_ECT, ECT0): NOT_ECT, (NOT_ECT, ECT1): NOT_ECT,
    (NOT_ECT, CE): None,
    (ECT0, NOT_ECT): ECT0, (ECT0, ECT0): ECT0, (ECT0, ECT1): ECT1, (ECT0, CE): CE,
    (ECT1, NOT_ECT): ECT1, (ECT1, ECT0): ECT1, (ECT1, ECT1): ECT1, (ECT1, CE): CE,
    (CE, NOT_ECT): CE, (CE, ECT0): CE, (CE, ECT1): CE, (CE, CE): CE,
}


def test_congestion_marks_survive_decapsulation(run):
    """All of the table; the DSCP stays the inner one (RFC 4301 5.1.2.1)."""
    topology = Topology()
    source, dscp = topology[1].peer_host, 46 << 2
    frames, expected = [], []
    for (inner, outer), result in DECAPSULATED_ECN.items():
        sealed = topology[1].into.seal(
            wire.udp_packet(source, HOST, b"ecn", tos=dscp | inner), len(frames) + 1,
            tos=(10 << 2) | outer)
        frames.append(wire.ether(sealed))
        if result is not None:
            expected.append(wire.udp_packet(source, HOST, b"ecn", tos=dscp | result, ttl=63))
    outcome = run(topology, wan=frames)
    assert outcome.drops == {"bad_ecn": 1}
    assert outcome.lan == expected

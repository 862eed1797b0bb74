# SPDX-License-Identifier: BSD-3-Clause
"""Whatever comes over the wire: no crash, every frame accounted for, and traffic goes on."""
import random

import pytest

import wire
from esp import AEAD_SUITES, CBC_SUITES
from topology import HOST, WAN_ADDRESS, Topology

pytestmark = pytest.mark.once

FRAMES = 20_000


def noise(rng):
    """Runts, giants in several buffers, and everything between."""
    return rng.randbytes(rng.choice([rng.randrange(15), rng.randrange(1515), rng.randrange(9000)]))


def mutated(rng, packet):
    """A valid packet after an accident; mostly with its checksum set right again."""
    data = bytearray(packet)
    for _ in range(rng.randrange(1, 6)):
        data[rng.randrange(min(len(data), rng.choice([20, 40, len(data)])))] = rng.randrange(256)
    data = bytes(data[:rng.randrange(len(data) + 1)] if rng.random() < 0.2 else data)
    if len(data) >= 20 and 5 <= data[0] & 15 <= len(data) // 4 and rng.random() < 0.8:
        data = wire.resum(data)
    return wire.ether(data)


def mixture(rng, topology):
    frames, sequences = [], {tunnel: 0 for tunnel in topology}
    plain = [wire.udp_packet(HOST, "8.8.8.8", bytes(50)),
             wire.ipv4(HOST, "192.168.1.1", bytes(90), protocol=wire.TCP, options=b"\x94\4\0\0"),
             wire.udp_packet(HOST, "192.168.1.1", bytes(1472))]
    for _ in range(FRAMES // 3):
        tunnel = rng.choice(topology.tunnels)
        sequences[tunnel] += 1
        inner = mutated(rng, rng.choice(plain))[14:] or b"\0"
        genuine = tunnel.into.seal(inner, sequences[tunnel],
                                   next_header=rng.choice([4, 4, 4, 59, 41, 0]))
        frames += [wire.ether(genuine), mutated(rng, genuine), mutated(rng, rng.choice(plain))]
    return frames


def assert_accounted_for(outcome, got):
    """Every frame left or was dropped by name; only ICMP errors and pieces come on top."""
    received = sum(row["rx"]["packets"] for row in outcome.shows["ports"])
    sent = sum(row["tx"]["packets"] for row in outcome.shows["ports"])
    assert received == got
    assert sent == len(outcome.lan) + len(outcome.wan)
    assert received <= sent + sum(outcome.drops.values())


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("udp_ports", [None, (4500, 4500)], ids=["plain", "natt"])
def test_flood(run, workers, udp_ports):
    topology = Topology([CBC_SUITES[0], CBC_SUITES[7], *AEAD_SUITES[1:]], udp_ports=udp_ports)
    rng = random.Random(10)
    frames = [noise(rng) for _ in range(FRAMES)] + mixture(rng, topology)
    rng.shuffle(frames)
    survivors = [wire.udp_packet(HOST, "8.8.8.8", b"survivor", ident=n) for n in range(100)]
    outcome = run(topology, lan=frames + wire.ethers(survivors), wan=frames, workers=workers)
    assert_accounted_for(outcome, 2 * len(frames) + len(survivors))
    sent = set(outcome.wan)
    assert all(wire.forwarded(packet) in sent for packet in survivors)


def test_nested_to_ourselves_ends(run):
    """ESP in ESP in ESP, all for us: at most one layer per pass, never a loop."""
    topology = Topology()
    packet = wire.udp_packet(topology[1].peer_host, HOST)
    for depth in range(1, 5):
        packet = topology[1].into.seal(packet, depth, ttl=64)
    outcome = run(topology, wan=[wire.ether(packet)])
    assert sum(outcome.drops.values()) == 1 and outcome.lan == outcome.wan == []


def test_route_into_its_own_tunnel_ends(run, socket):
    """Outer packets that would be routed into the tunnel again have no route."""
    topology = Topology()
    config = topology.config(socket)
    config["routes"] += ({"prefix": "192.0.2.1/32", "nexthops": ({"tunnel": "conn1"},)},)
    outcome = run(config, lan=[wire.ether(wire.udp_packet(HOST, topology[1].peer_host))] * 10)
    assert outcome.wan == [] and outcome.drops == {"no_route": 10}


def test_our_own_packets_coming_back(run):
    """A loop outside: our sealed packets arrive at our own WAN port."""
    topology = Topology()
    inner = wire.udp_packet(HOST, topology[1].peer_host)
    ours = topology[1].out.seal(inner, 1)
    reflected = wire.ipv4("192.0.2.1", WAN_ADDRESS, ours[20:], protocol=wire.ESP)
    outcome = run(topology, wan=wire.ethers([ours, reflected]))
    assert outcome.drops == {"martian": 1, "unknown_spi": 1}
    assert outcome.wan == []

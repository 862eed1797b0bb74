# SPDX-License-Identifier: BSD-3-Clause
"""Flows over tunnels of equal cost: even, steady, and moved only when they must."""
import json
import random
import socket as sockets
from collections import Counter

import pytest

import wire
from gateway import shares
from topology import HOST, Topology

FLOWS = 3000


def flow_packets(count=FLOWS, rounds=1):
    """One packet of each flow and round: few hosts, many ports, as behind a NAT."""
    rng = random.Random(3)
    flows = {(f"10.0.{rng.randrange(4)}.{rng.randrange(1, 30)}",
              f"192.168.{rng.randrange(3)}.{rng.randrange(1, 50)}",
              rng.randrange(1024, 65536), rng.choice([80, 443, 5201])) for _ in range(count + 99)}
    packets = [wire.udp_packet(source, destination, sport=sport, dport=dport)
               for source, destination, sport, dport in sorted(flows)[:count]]
    assert len(packets) == count
    return packets * rounds


def ways(topology, packets):
    """Which tunnel each inner packet took: {inner packet: tunnel's name}."""
    taken = {}
    for packet in packets:
        tunnel = topology.of(packet)
        inner = tunnel.out.open(packet, tunnel.out.sequence_of(packet))
        assert taken.setdefault(inner, tunnel.name) == tunnel.name, "a flow on two tunnels"
    return taken


def assert_even(taken, members, tolerance=0.03):
    for name, share in shares(taken.values()).items():
        assert abs(share - 1 / len(members)) < tolerance, (name, share)
    assert set(taken.values()) == set(members)


def assert_only_moved(before, after, lost):
    """Exactly the lost tunnel's flows moved, and spread over the rest."""
    moved = {inner for inner in before if before[inner] != after[inner]}
    assert moved == {inner for inner in before if before[inner] == lost}
    rest = set(before.values()) - {lost}
    assert_even({inner: after[inner] for inner in moved}, rest, 0.05)


def without_out_sa(topology, config, name):
    spi = f"0x{next(t for t in topology if t.name == name).out.spi:08x}"
    config["security_associations"] = tuple(
        sa for sa in config["security_associations"] if sa["spi"] != spi)
    return config


def test_even_and_steady(run):
    """Each carries a third, again after a restart with the same seed, differently with another."""
    topology = Topology()
    frames = wire.ethers(flow_packets(rounds=3))
    first = ways(topology, run(topology, lan=frames).wan)
    assert len(first) == FLOWS
    assert_even(first, ["conn1", "conn2", "conn3"])
    assert ways(topology, run(topology, lan=frames).wan) == first


def test_seed_decides(run, socket):
    topology = Topology()
    config = topology.config(socket)
    frames = wire.ethers(flow_packets())
    first = ways(topology, run(config, lan=frames).wan)
    config["gateway"]["hash_seed"] = 2
    second = ways(topology, run(config, lan=frames).wan)
    assert_even(second, ["conn1", "conn2", "conn3"])
    assert 0.25 < sum(first[inner] == second[inner] for inner in first) / FLOWS < 0.42


def test_tunnel_goes_and_returns(start, run, socket):
    """Held down by the operator while traffic runs, or without an SA from the start: only its
    flows move, and come back."""
    topology = Topology()
    packets = flow_packets()
    gateway = start(topology, lan="live")
    gateway.feed("lan0", wire.ethers(packets))
    gateway.order("tunnel", "conn2", "down")
    assert [row["state"] for row in gateway.show("tunnels")] == ["up", "down", "up"]
    gateway.feed("lan0", wire.ethers(packets))
    gateway.order("tunnel", "conn2", "up")
    gateway.feed("lan0", wire.ethers(packets))
    sent = gateway.stop().wan
    assert len(sent) == 3 * FLOWS
    before, between, after = (ways(topology, sent[n * FLOWS:(n + 1) * FLOWS]) for n in range(3))

    assert_only_moved(before, between, "conn2")
    assert after == before

    config = without_out_sa(topology, topology.config(socket), "conn2")
    outcome = run(config, lan=wire.ethers(packets))
    assert outcome.tunnel(topology[2])["state"] == "no-sa"
    assert_only_moved(before, ways(topology, outcome.wan), "conn2")


def test_a_tunnel_without_a_way_to_its_peer_carries_nothing(start, socket):
    """Its SA is alive, but nobody would get what is sent through it; and it is said why."""
    topology = Topology()
    config = topology.config(socket)
    config["routes"] += ({"prefix": topology[2].remote + "/32", "nexthops": ({"drop": True},)},)
    gateway = start(config, lan="live")
    row = gateway.show("tunnels")[1]
    assert (row["state"], row["why"]) == ("unreachable", f"no route out of a port leads to {topology[2].remote}")
    assert f"warning: tunnel conn2: unreachable: {row['why']}" in gateway.output()
    explained = gateway.order("explain", "--from", HOST, "--to", topology[2].peer_host)
    assert f"the tunnel is unreachable: {row['why']}" in explained
    gateway.feed("lan0", wire.ethers(flow_packets(300)))
    outcome = gateway.stop()
    counts = Counter(map(topology.of, outcome.wan))
    assert set(counts) == {topology[1], topology[3]} and sum(counts.values()) == 300


def test_last_tunnel_carries_all_then_none(start, run):
    topology = Topology()
    gateway = start(topology, lan="live")
    gateway.order("tunnel", "conn1", "down")
    gateway.order("tunnel", "conn3", "down")
    gateway.feed("lan0", wire.ethers(flow_packets(300)))
    gateway.order("tunnel", "conn2", "down")
    gateway.feed("lan0", wire.ethers(flow_packets(300)))
    outcome = gateway.stop()
    assert Counter(map(topology.of, outcome.wan)) == {topology[2]: 300}
    assert outcome.drops["no_sa"] == 300


def test_weights(run, socket):
    topology = Topology()
    config = topology.config(socket)
    config["routes"][0]["nexthops"] = (
        {"tunnel": "conn1", "weight": 2}, {"tunnel": "conn2"}, {"tunnel": "conn3", "weight": 1})
    taken = ways(topology, run(config, lan=wire.ethers(flow_packets())).wan)
    for name, share in {"conn1": 1 / 2, "conn2": 1 / 4, "conn3": 1 / 4}.items():
        assert abs(shares(taken.values())[name] - share) < 0.03


@pytest.mark.parametrize("members", [2, 5, 8])
def test_other_numbers_of_tunnels(run, members):
    topology = Topology([("aes128-cbc", "hmac-sha1-96")] * members)
    taken = ways(topology, run(topology, lan=wire.ethers(flow_packets())).wan)
    assert_even(taken, [tunnel.name for tunnel in topology])


def explain(gateway, inner):
    """What espalierctl says of a packet."""
    ip = wire.parse(inner)
    arguments = ["--from", ip.source, "--to", ip.destination]
    if ip.protocol in (wire.UDP, wire.TCP):
        sport, dport = (int.from_bytes(ip.payload[n:n + 2], "big") for n in (0, 2))
        arguments += ["--proto", "udp" if ip.protocol == wire.UDP else "tcp",
                      "--sport", sport, "--dport", dport]
    else:
        arguments += ["--proto", "icmp" if ip.protocol == wire.ICMP else ip.protocol]
    return json.loads(gateway.order("-j", "explain", *arguments))


def test_explain_tells_the_truth(start):
    """For 200 flows of several protocols: the tunnel and SPI that it names are those taken."""
    topology = Topology()
    rng = random.Random(4)
    packets = flow_packets(140)
    for n in range(60):
        ends = f"10.0.1.{n + 1}", f"192.168.1.{n + 1}"
        packets.append([
            wire.ipv4(*ends, wire.echo_request(n), protocol=wire.ICMP),
            wire.ipv4(*ends, rng.randbytes(40), protocol=47),
            wire.ipv4(*ends, wire.udp(1024 + n, 443, bytes(12)), protocol=wire.TCP)][n % 3])
    gateway = start(topology, lan=wire.ethers(packets))
    gateway.settle()
    said = {wire.forwarded(packet): explain(gateway, packet) for packet in packets}
    outcome = gateway.stop()
    taken = ways(topology, outcome.wan)
    assert len(taken) == 200
    for inner, tunnel in taken.items():
        assert said[inner]["tunnel"] == tunnel
        assert said[inner]["spi"] == f"0x{topology[int(tunnel[-1])].out.spi:08x}"
        assert said[inner]["route"] == "192.168.0.0/16"
        assert 0 <= said[inner]["bucket"] < 840


def test_fragments_share_a_tunnel(run):
    """The first one too, although it has ports: or the rest would not meet it at the other end."""
    topology = Topology()
    frames = []
    for n in range(100):
        ends = f"10.0.0.{n + 1}", "192.168.0.1"
        body = wire.udp(1000 + n, 80, bytes(600))
        for offset in range(0, len(body), 200):
            more = wire.MORE_FRAGMENTS if offset + 200 < len(body) else 0
            frames.append(wire.ether(wire.ipv4(*ends, body[offset:offset + 200], ident=n,
                                               fragment=more | offset // 8)))
    outcome = run(topology, lan=frames)
    assert outcome.drops == {} and len(outcome.wan) == len(frames)
    used = {}
    for packet in outcome.wan:
        tunnel = topology.of(packet)
        inner = tunnel.out.open(packet, tunnel.out.sequence_of(packet))
        used.setdefault(sockets.inet_ntoa(inner[12:16]), set()).add(tunnel.name)
    assert all(len(names) == 1 for names in used.values())
    assert set.union(*used.values()) == {"conn1", "conn2", "conn3"}

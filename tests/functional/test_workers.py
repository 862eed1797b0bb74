# SPDX-License-Identifier: BSD-3-Clause
"""Two workers: flows stay in order, nothing is lost or doubled between them."""
import random
import struct
import zlib
from collections import Counter

import wire
import xfrm
from esp import SCENARIO_SUITE
from gateway import wait_until
from topology import HOST, Topology

FLOWS, ROUNDS = 200, 40


def numbered_packets(source, destination):
    """FLOWS flows, each packet of a flow with its number inside, shuffled together in order."""
    rng = random.Random(7)
    turns = [flow for flow in range(FLOWS) for _ in range(ROUNDS)]
    rng.shuffle(turns)
    counts, packets = [0] * FLOWS, []
    for flow in turns:
        packets.append(wire.udp_packet(
            source(flow), destination(flow), struct.pack("!I", counts[flow]) +
            bytes(rng.randrange(200)), sport=1000 + flow, dport=80))
        counts[flow] += 1
    return packets


def assert_all_in_order(inner_packets):
    counts = {}
    for packet in inner_packets:
        ip = wire.parse(packet)
        flow = ip.payload[:4]
        number, = struct.unpack_from("!I", ip.payload, 8)
        assert number == counts.setdefault(flow, 0)
        counts[flow] += 1
    assert list(counts.values()) == [ROUNDS] * FLOWS


def opened(topology, packet):
    sa = topology.of(packet).out
    return sa.open(packet, sa.sequence_of(packet))


def outbound(topology):
    return wire.ethers(numbered_packets(
        lambda flow: f"10.0.0.{flow + 1}", lambda flow: f"192.168.1.{flow + 1}"))


def inbound(topology):
    sequences, frames = Counter(), []
    for packet in numbered_packets(
            lambda flow: topology[flow % 3 + 1].peer_host, lambda flow: HOST):
        tunnel = topology[packet[14]]  # third byte of the source, 172.16.N.1
        sequences[tunnel] += 1
        frames.append(wire.ether(tunnel.into.seal(packet, sequences[tunnel])))
    return frames


def assert_both_worked(outcome):
    busy = [row["packets"] for row in outcome.shows["workers"]]
    assert len(busy) == 2 and min(busy) > 0


def test_queue_for_each_worker(run):
    """Three SAs, each with one owner, whichever worker receives their packets."""
    topology = Topology()
    outcome = run(topology, lan=outbound(topology), wan=inbound(topology), workers=2)
    assert outcome.drops == {}
    assert_all_in_order([opened(topology, packet) for packet in outcome.wan])
    assert_all_in_order(outcome.lan)
    assert_both_worked(outcome)


def test_one_queue_for_both_workers(start):
    """Flows go to their worker by ring, and by ring to the queue. The input is paced, for a capture
    file comes faster than a single worker can pass it on."""
    topology = Topology()
    gateway = start(topology, lan="live", wan="live", workers=2, queues=1)
    for port, frames in (("lan0", outbound(topology)), ("wan0", inbound(topology))):
        for at in range(0, len(frames), 500):
            gateway.feed(port, frames[at:at + 500])
    outcome = gateway.stop()
    assert set(outcome.drops) == {"not_ip"}
    assert_all_in_order([opened(topology, packet) for packet in outcome.wan])
    assert_all_in_order(outcome.lan)
    assert_both_worked(outcome)
    assert sum(row["handed_over"] for row in outcome.shows["workers"]) > 0


def test_handed_over_it_still_came_in_where_it_did(start):
    """RFC 4301 5.2: what nobody may send in the clear by the outside port is refused by the worker of
    its flow, too, who has it by ring."""
    topology = Topology()
    gateway = start(topology, lan="live", wan="live", workers=2, queues=1)
    forged = [wire.udp_packet(topology[1].peer_host, HOST, sport=1000 + flow)
              for flow in range(FLOWS)]
    gateway.feed("wan0", wire.ethers(forged))
    outcome = gateway.stop()
    assert outcome.drops.pop("unprotected") == len(forged)
    assert set(outcome.drops) <= {"not_ip"} and outcome.lan == []
    assert sum(row["handed_over"] for row in outcome.shows["workers"]) > 0


def test_one_sa_received_by_both_workers(run):
    """A NIC that spreads ESP at random: the window still takes each packet once."""
    topology = Topology(replay_window=8192)
    sa, count = topology[1].into, 800
    inner = [wire.udp_packet(topology[1].peer_host, HOST, struct.pack("!I", n))
             for n in range(count)]
    sealed = [sa.seal(packet, n) for n, packet in enumerate(inner, start=1)]
    # The harness spreads by outer addresses: other sources, which the SA does not look at.
    anyhow = [sa.source, "192.0.2.77", "192.0.2.78", "192.0.2.79"]
    frames = []
    for n, packet in enumerate(sealed):
        for source in (anyhow[n % 4], anyhow[(n + 1) % 4]):
            frames.append(wire.ether(wire.ipv4(source, sa.destination, packet[20:],
                                               protocol=wire.ESP)))
    assert len({zlib.crc32(frame[23:24] + frame[26:38]) % 2 for frame in frames}) == 2
    outcome = run(topology, wan=frames, workers=2)
    assert sorted(outcome.lan) == sorted(map(wire.forwarded, inner))
    assert outcome.drops == {"replay_duplicate": count}
    assert outcome.sa(sa)["packets"] == count


def test_early_packets_make_nobody_else_the_owner(start, socket):
    """What came before its SA goes back to the worker that the NIC gives that SA's packets to."""
    topology = Topology((SCENARIO_SUITE,) * 6)
    frames = [wire.ether(tunnel.into.seal(
        wire.udp_packet(tunnel.peer_host, HOST, bytes(50)), n))
              for tunnel in topology for n in range(1, 6)]
    gateway = start(topology.config_without_sas(socket), wan=frames, workers=2, held=True)
    client = xfrm.Client(socket)
    for tunnel in topology:
        client.reserve(tunnel.into, tunnel.number, tunnel.into.spi, tunnel.into.spi)
    gateway.order("resume")
    wait_until(gateway.consumed, 20, "all packets to come")
    received = [row["packets"] for row in gateway.show("workers")]
    for tunnel in topology:
        client.update(tunnel.into, tunnel.number, window=32)
    gateway.settle()
    outcome = gateway.stop()
    assert outcome.drops == {} and len(outcome.lan) == len(frames)
    assert [row["packets"] for row in outcome.shows["workers"]] == [2 * n for n in received]
    assert [row["handed_over"] for row in outcome.shows["workers"]] == [0, 0]

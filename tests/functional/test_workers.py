# SPDX-License-Identifier: BSD-3-Clause
"""Two workers: flows stay in order, nothing is lost or doubled between them."""
import random
import struct
import zlib

import pytest

import wire
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


@pytest.mark.parametrize("queues", [1, 2], ids=["one-queue", "queue-each"])
def test_order_outbound(run, queues):
    """With one queue for two workers the flows are passed on by ring, and back for sending."""
    topology = Topology()
    packets = numbered_packets(lambda flow: f"10.0.0.{flow + 1}", lambda flow: "192.168.1.1")
    outcome = run(topology, lan=wire.ethers(packets), workers=2, queues=queues)
    assert outcome.drops == {}
    assert_all_in_order([opened(topology, packet) for packet in outcome.wan])
    busy = [row["packets"] for row in outcome.shows["workers"]]
    assert len(busy) == 2 and min(busy) > 0


@pytest.mark.parametrize("queues", [1, 2], ids=["one-queue", "queue-each"])
def test_order_inbound(run, queues):
    """Three SAs, each with one owner, whichever worker receives their packets."""
    topology = Topology()
    packets = numbered_packets(
        lambda flow: topology[flow % 3 + 1].peer_host, lambda flow: HOST)
    sequences, frames = {}, []
    for packet in packets:
        tunnel = topology[packet[14]]  # third byte of the source, 172.16.N.1
        sequences[tunnel] = sequences.get(tunnel, 0) + 1
        frames.append(wire.ether(tunnel.into.seal(packet, sequences[tunnel])))
    outcome = run(topology, wan=frames, workers=2, queues=queues)
    assert outcome.drops == {}
    assert_all_in_order(outcome.lan)


def test_one_sa_received_by_both_workers(run):
    """A NIC that spreads ESP at random: the window still takes each packet once."""
    topology = Topology(replay_window=8192)
    sa, count = topology[1].into, 4000
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

# SPDX-License-Identifier: BSD-3-Clause
"""More tunnels than caches hold: their SAs are fetched ahead, and each packet still takes its own."""
import random

import wire
from esp import SCENARIO_SUITE
from topology import HOST, Topology

TUNNELS = 200  # more than TUNNELS_NEAR of warm.h
EACH = 5


def test_each_packet_takes_its_own_tunnel(run, socket):
    suites = [SCENARIO_SUITE, ("aes256-gcm", None), ("aes192-cbc", "hmac-sha512-256")]
    topology = Topology([suites[number % 3] for number in range(TUNNELS)])
    config = topology.config(socket)
    config["routes"] = config["routes"][1:]  # a group of them all would be too large
    order = [tunnel for tunnel in topology for _ in range(EACH)]
    random.Random(1).shuffle(order)
    sent = dict.fromkeys(topology, 0)
    lan, wan = [], []
    for tunnel in order:
        sent[tunnel] += 1
        lan.append(wire.udp_packet(HOST, tunnel.peer_host, sent[tunnel].to_bytes(40, "big")))
        wan.append(tunnel.into.seal(
            wire.udp_packet(tunnel.peer_host, HOST, sent[tunnel].to_bytes(40, "big")), sent[tunnel]))

    outcome = run(config, lan=wire.ethers(lan), wan=wire.ethers(wan))

    assert outcome.drops == {}
    assert len(outcome.wan) == len(outcome.lan) == TUNNELS * EACH
    got = dict.fromkeys(topology, 0)
    for packet in outcome.wan:
        tunnel = topology.of(packet)
        got[tunnel] += 1
        inner = tunnel.out.open(packet, got[tunnel])
        assert inner[28:] == got[tunnel].to_bytes(40, "big")
        assert inner[16:20] == bytes([172, 16, tunnel.number, 1])
    assert sorted(packet[12:16] for packet in outcome.lan) == sorted(
        bytes([172, 16, tunnel.number, 1]) for tunnel in order)

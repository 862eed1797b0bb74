# SPDX-License-Identifier: BSD-3-Clause
"""More tunnels than caches hold: their SAs are fetched ahead, and each packet still takes its own."""
import random

import pytest

import wire
from esp import SCENARIO_SUITE
from topology import HOST, WAN_ADDRESS, Topology

TUNNELS = 200  # more than TUNNELS_NEAR of warm.h
EACH = 5


def idle_tunnels(count):
    return tuple({"name": f"idle{n}", "if_id": 1000 + n, "local": WAN_ADDRESS,
                  "remote": f"198.18.{n // 256}.{n % 256}"} for n in range(count))


@pytest.mark.parametrize("idle", [0, 5000])  # with these, more than TUNNELS_NEAR_ENOUGH
def test_each_packet_takes_its_own_tunnel(run, socket, idle):
    suites = [SCENARIO_SUITE, ("aes256-gcm", None), ("aes192-cbc", "hmac-sha512-256"),
              ("chacha20-poly1305", None)]
    topology = Topology([suites[number % len(suites)] for number in range(TUNNELS)])
    config = topology.config(socket)
    config["tunnels"] += idle_tunnels(idle)
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

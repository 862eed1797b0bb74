# SPDX-License-Identifier: BSD-3-Clause
"""A tunnel of three is lost, then withdrawn prefix by prefix, then announced again.

    10.0.0.1 --- lan0 ESPALIER === conn1, conn2, conn3 === 198.18.0.0/16, 2,000 routes of three ways
                              \\=== conn1, conn3        === 198.19.0.0/16, never anything else

The survivors' flows stay where they are all the time, those of the lost one move once and come back.
"""
import json
import subprocess

import pytest

import espalier_run
import wire
from gateway import BUILD, PATIENCE, wait_until
from rtnetlink import NEWROUTE, REPLACE, Client, route
from test_ecmp import assert_even, assert_only_moved
from topology import HOST, Topology

ALL, WITHOUT = (1001, 1002, 1003), (1001, 1003)
PREFIXES, BATCH, FLOWS = 2000, 100, 900
LOADER = BUILD / "tests/bench/espalier-route-load"


def configure(topology, socket):
    config = topology.config(socket)
    config["routes"] += ({"prefix": "198.19.0.0/16",
                          "nexthops": ({"tunnel": "conn1"}, {"tunnel": "conn3"})},)
    return config


def announce(client, ways):
    """As a routing daemon does: one NEWROUTE for each prefix, and not all at once."""
    for at in range(0, PREFIXES, BATCH):
        client.socket.send(b"".join(
            route(NEWROUTE, bytes([198, 18, n // 8, n % 8 * 32]), 27, ways, REPLACE)
            for n in range(at, at + BATCH)))
        assert client.statuses(BATCH) == [0] * BATCH


class Flows:
    """The same flows again and again; `taken` is which tunnel each took, time for time."""

    def __init__(self, gateway, topology):
        self.gateway, self.topology, self.rounds = gateway, topology, 0
        self.packets = [wire.udp_packet(HOST, f"198.{18 + n % 10 // 9}.{n % 250}.{n % 8 * 32 + 5}",
                                        sport=2000 + n) for n in range(FLOWS)]

    def send(self):
        self.gateway.feed("lan0", wire.ethers(self.packets))
        self.rounds += 1

    def taken(self, sent):
        assert len(sent) == self.rounds * FLOWS, "a packet was lost"
        rounds = []
        for at in range(0, len(sent), FLOWS):
            ways = {}
            for packet in sent[at:at + FLOWS]:
                tunnel = self.topology.of(packet)
                ways[tunnel.out.open(packet, tunnel.out.sequence_of(packet))] = tunnel.name
            assert len(ways) == FLOWS
            rounds.append(ways)
        return rounds


def by_order(gateway, _topology, _flows):
    gateway.order("tunnel", "conn2", "down")
    yield
    gateway.order("tunnel", "conn2", "up")


def by_its_last_sa(gateway, topology, _flows):
    """Its outbound SA is deleted, without another in its place."""
    def ip(*words):
        done = espalier_run.run(gateway.socket, "ip", "xfrm", "state", *words)
        assert done.returncode == 0, done.stderr
    out = topology[2].out
    ends = ("src", "203.0.113.191", "dst", "192.0.2.2", "proto", "esp")
    ip("del", *ends, "spi", hex(out.spi))
    yield
    ip("add", *ends, "spi", hex(out.spi), "reqid", "1", "mode", "tunnel", "if_id", "2",
       "enc", "cbc(aes)", "0x" + out.key.hex(),
       "auth-trunc", "hmac(sha1)", "0x" + out.mac_key.hex(), "96")


@pytest.mark.parametrize("lose", [by_order, by_its_last_sa])
def test_lost_withdrawn_announced(start, socket, lose):
    topology = Topology()
    gateway = start(configure(topology, socket), lan="live", wan="live")
    client, flows = Client(socket), Flows(gateway, topology)
    announce(client, ALL)
    flows.send()
    story = lose(gateway, topology, flows)
    next(story)
    flows.send()
    announce(client, WITHOUT)
    flows.send()
    next(story, None)
    flows.send()
    announce(client, ALL)
    flows.send()
    outcome = gateway.stop()
    assert {reason for reason in outcome.drops if reason != "not_ip"} == set()
    before, down, withdrawn, alone, after = flows.taken(outcome.wan)
    three = [inner for inner in before if inner[17] == 18]
    assert_even({inner: before[inner] for inner in three}, ["conn1", "conn2", "conn3"], 0.05)
    assert_only_moved(before, down, "conn2")
    assert withdrawn == down and alone == down
    moved = {inner for inner in after if after[inner] != alone[inner]}
    assert {after[inner] for inner in moved} == {"conn2"}
    assert abs(len(moved) / len(three) - 1 / 3) < 0.05
    assert all(before[inner] == after[inner] for inner in before if inner[17] == 19)


def test_silence_moves_flows_of_many_prefixes_at_once(start, socket):
    """liveness_ms, with 200,000 prefixes behind the group: out in one step, and back with the first
    authentic packet."""
    topology = Topology()
    config = configure(topology, socket)
    config["tunnels"][1]["liveness_ms"] = 300
    gateway = start(config, lan="live", wan="live")
    done = subprocess.run([LOADER, "-s", socket, "-n", "200000", "-i", "1001,1002,1003", "load"],
                          timeout=60 * PATIENCE, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["routes"] == 200000
    client, flows = Client(socket), Flows(gateway, topology)
    announce(client, ALL)
    heard = topology[2].into
    gateway.feed("wan0", [wire.ether(heard.seal(wire.udp_packet("198.18.1.1", HOST), 1))])
    flows.send()
    wait_until(lambda: gateway.show("tunnels")[1]["state"] == "down", 10, "liveness")
    flows.send()
    gateway.feed("wan0", [wire.ether(heard.seal(wire.udp_packet("198.18.1.1", HOST), 2))])
    wait_until(lambda: gateway.show("tunnels")[1]["state"] == "up", 5, "a sign of life")
    assert [280] * 3 in [[member["buckets"] for member in group["members"]]
                         for group in gateway.show("groups")]
    outcome = gateway.stop()
    before, down = flows.taken(outcome.wan)
    assert_only_moved(before, down, "conn2")

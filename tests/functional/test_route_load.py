# SPDX-License-Identifier: BSD-3-Clause
"""Many routes at once, and more than there is room for, while packets flow.

    10.0.0.1 --- lan0 ESPALIER === conn1, conn2, conn3 === 192.168.0.0/16, whose flows nobody touches
"""
import json
import subprocess

import pytest

import wire
from gateway import BUILD, PATIENCE
from rtnetlink import DELROUTE, NEWROUTE, REPLACE, Client, route
from topology import HOST, Topology

pytestmark = pytest.mark.once

LOADER = BUILD / "tests/bench/espalier-route-load"
MANY = 300000
ENOSPC = 28


def load(socket, order):
    return subprocess.Popen([LOADER, "-s", socket, "-n", str(MANY), "--long", "1", "-i",
                             "1001,1002,1003", order], stdout=subprocess.PIPE)


def test_flows_do_not_notice(start, socket):
    """300,000 routes of three ways are loaded, replaced and deleted around the flows."""
    topology = Topology()
    config = topology.config(socket)
    config["gateway"].update(max_tbl8=4096)
    gateway = start(config, lan="live")
    packets = [wire.udp_packet(HOST, f"192.168.1.{host}", sport=2000 + host)
               for host in range(1, 255)]
    rounds = 0
    for order in ("load", "same", "replace", "delete"):
        loader = load(socket, order)
        while loader.poll() is None:
            gateway.feed("lan0", wire.ethers(packets))
            rounds += 1
        done = json.loads(loader.communicate(timeout=60 * PATIENCE)[0])
        assert loader.returncode == 0 and done["routes"] == MANY
    outcome = gateway.stop()
    assert {reason for reason in outcome.drops if reason != "not_ip"} == set()
    assert len(outcome.wan) == rounds * len(packets)
    ways = {}
    for number, packet in enumerate(outcome.wan):
        way = topology.of(packet)
        assert ways.setdefault(number % len(packets), way) is way
    assert set(ways.values()) == set(topology)


def test_full_table(start, socket):
    """What has no room is refused in words, whether routes or groups of long ones run out, and the
    table is as if it had never been asked for."""
    config = Topology().config(socket)
    config["gateway"].update(max_routes=100, max_tbl8=10)
    gateway = start(config, lan="live")
    before = len(gateway.show("routes"))
    client = Client(socket)

    def say(kind, numbers, bits):
        client.socket.send(b"".join(route(kind, bytes([20, 0, number, 0]), bits, 1001, REPLACE)
                                    for number in numbers))
        return client.statuses(len(numbers))

    # Five addresses of the gateway's own hold a group each.
    assert say(NEWROUTE, range(6), 25) == [0] * 5 + [ENOSPC]
    room = 100 - before - 5
    assert say(NEWROUTE, range(100, 102 + room), 24) == [0] * room + [ENOSPC] * 2
    assert len(gateway.show("routes")) == 100
    # What is there can be replaced, and what was given back be had again.
    assert say(NEWROUTE, [0, 100], 25) == [0, ENOSPC]
    assert say(DELROUTE, [0], 25) == [0]
    assert say(NEWROUTE, [5], 25) == [0]
    gateway.feed("lan0", wire.ethers(wire.udp_packet(HOST, f"20.0.{number}.1")
                                     for number in (0, 1, 5, 100, 101 + room)))
    topology, outcome = Topology(), gateway.stop()
    clear = {tuple(packet[16:20]) for packet in outcome.wan if not topology.of(packet)}
    assert clear == {(20, 0, 0, 1), (20, 0, 101 + room, 1)}
    assert len(outcome.wan) == 5

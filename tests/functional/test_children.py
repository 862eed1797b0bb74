# SPDX-License-Identifier: BSD-3-Clause
"""Several CHILD_SAs under one if_id, each with selectors of its own: every packet takes the SA of the
policy that it matches, as with a kernel.

    10.0.0.0/16 === conn1 === 172.16.1.0/25    child "left"
                          === 172.16.1.128/25  child "right"
"""
import json
import struct
from typing import NamedTuple

import pytest

import wire
import xfrm
from esp import Sa
from test_policies import ACQUIRE, FORWARD, GROUP_ACQUIRE, IN, OUT, TEMPLATE, Daemon, selector, \
    template
from topology import HOST, WAN_ADDRESS, Topology

LOCAL = "10.0.0.0/16"
UDP = 17


class Child(NamedTuple):
    network: str
    host: str
    reqid: int


LEFT = Child("172.16.1.0/25", "172.16.1.1", 11)
RIGHT = Child("172.16.1.128/25", "172.16.1.129", 12)
CHILDREN = LEFT, RIGHT


class Scene:
    def __init__(self, start, socket, workers=1, groups=()):
        topology = Topology()
        self.tunnel = topology[1]
        self.gateway = start(topology.config_without_sas(socket), lan="live", wan="live", workers=workers, queues=1)
        self.daemon = Daemon(socket, self.tunnel)
        self.ear = xfrm.Client(socket, groups)
        self.spi = 0x51000000

    def sa(self, child, outbound=True):
        self.spi += 0x00110011
        ends = (WAN_ADDRESS, self.tunnel.remote)
        sa = Sa(self.spi, *(ends if outbound else ends[::-1]))
        self.daemon.add(sa, 1, reqid=child.reqid, window=0 if outbound else 32)
        return sa

    def trap(self, child, spi=0, **settings):
        """The policies of a child, as charon has them; an SPI pins the outbound SA."""
        for direction in (IN, FORWARD):
            self.daemon.say(direction, selector(child.network, LOCAL), reqid=child.reqid)
        self.daemon.say(OUT, selector(LOCAL, child.network), spi, reqid=child.reqid, **settings)

    def send(self, *packets):
        self.gateway.feed("lan0", [wire.ether(packet) for packet in packets])

    def state(self):
        return next(row for row in self.gateway.show("tunnels") if row["name"] == "conn1")


def packets_to(child, count, size=100, **settings):
    return [wire.udp_packet(HOST, child.host, bytes(size), ident=n, **settings)
            for n in range(count)]


def sorted_out(packets, sas):
    """What came out of each SA, opened, in order."""
    opened = {sa.spi: [] for sa in sas}
    by_spi = {sa.spi: sa for sa in sas}
    for packet in packets:
        spi, = struct.unpack_from("!I", packet, 20)
        opened[spi].append(by_spi[spi].open(packet, len(opened[spi]) + 1))
    return [opened[sa.spi] for sa in sas]


def drops(outcome):
    return {reason: n for reason, n in outcome.drops.items() if reason != "not_ip"}


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("pinned", [True, False], ids=["by-spi", "by-reqid"])
def test_each_packet_takes_the_sa_of_its_policy(start, socket, workers, pinned):
    scene = Scene(start, socket, workers)
    sas = [scene.sa(child) for child in CHILDREN]
    for child, sa in zip(CHILDREN, sas):
        scene.trap(child, sa.spi if pinned else 0)
    left, right = packets_to(LEFT, 40), packets_to(RIGHT, 40)
    scene.send(*[packet for pair in zip(left, right) for packet in pair])
    scene.send(wire.udp_packet("10.9.9.9", LEFT.host, bytes(20)))
    for child, sa in zip(CHILDREN, sas):
        told = json.loads(scene.gateway.order("-j", "explain", "--from", HOST, "--to", child.host))
        assert told["spi"] == f"0x{sa.spi:08x}" and told["tunnel"] == "conn1"
    row = scene.state()
    assert (row["state"], row["blocked"], row["mtu"], row["tx"]["packets"]) == \
        ("up", None, sas[0].mtu, 80)
    outcome = scene.gateway.stop()
    assert drops(outcome) == {"policy_out": 1}
    assert sorted_out(outcome.wan, sas) == [
        [wire.forwarded(packet) for packet in packets] for packets in (left, right)]


def test_what_comes_in_must_come_by_the_sa_of_its_policy(start, socket):
    """RFC 4301 5.2: two peers under one if_id, and none speaks for the other."""
    scene = Scene(start, socket)
    sas = [scene.sa(child, outbound=False) for child in CHILDREN]
    for child in CHILDREN:
        scene.trap(child)
    inner = [wire.udp_packet(child.host, HOST, bytes(40)) for child in CHILDREN]
    scene.gateway.feed("wan0", [wire.ether(sa.seal(packet, number)) for sa in sas
                                for number, packet in enumerate(inner, start=1)])
    outcome = scene.gateway.stop()
    assert drops(outcome) == {"policy": 2}
    assert outcome.lan == [wire.forwarded(packet) for packet in inner]


def test_the_first_policy_decides_whose_sa_it_is(start, socket):
    """As in the kernel: one that covers more, and is behind it, does not speak for it."""
    scene = Scene(start, socket)
    sas = [scene.sa(child, outbound=False) for child in CHILDREN]
    for direction in (IN, FORWARD):
        scene.daemon.say(direction, selector("172.16.0.0/12", LOCAL), reqid=LEFT.reqid, priority=2000)
        scene.daemon.say(direction, selector(RIGHT.network, LOCAL), reqid=RIGHT.reqid, priority=1000)
    inner = [wire.udp_packet(child.host, HOST, bytes(40)) for child in CHILDREN]
    scene.gateway.feed("wan0", [wire.ether(sas[0].seal(packet, number))
                                for number, packet in enumerate(inner, start=1)])
    outcome = scene.gateway.stop()
    assert drops(outcome) == {"policy": 1} and outcome.lan == [wire.forwarded(inner[0])]


def test_policies_are_replaced_one_by_one(start, socket):
    """A daemon that comes back numbers anew, and its old SAs go on: between in and fwd, and after."""
    scene = Scene(start, socket)
    sa = scene.sa(LEFT, outbound=False)
    inner = wire.udp_packet(LEFT.host, HOST, bytes(40))
    scene.trap(LEFT)
    for number, direction in enumerate((IN, FORWARD, OUT), start=1):
        scene.daemon.say(direction, *((selector(LEFT.network, LOCAL),) if direction != OUT else
                                      (selector(LOCAL, LEFT.network),)), reqid=LEFT.reqid + 50)
        scene.gateway.feed("wan0", [wire.ether(sa.seal(inner, number))])
    outcome = scene.gateway.stop()
    assert drops(outcome) == {} and outcome.lan == [wire.forwarded(inner)] * 3


def test_what_is_too_large_is_cut_for_its_own_sa(start, socket):
    scene = Scene(start, socket)
    sas = [scene.sa(child) for child in CHILDREN]
    for child, sa in zip(CHILDREN, sas):
        scene.trap(child, sa.spi)
    scene.send(*packets_to(RIGHT, 1, size=1472), *packets_to(LEFT, 1))
    outcome = scene.gateway.stop()
    assert [len(packets) for packets in sorted_out(outcome.wan, sas)] == [1, 2]


def test_one_child_is_rekeyed_beside_the_other(start, socket):
    scene = Scene(start, socket)
    lefts, right = [scene.sa(LEFT)], scene.sa(RIGHT)
    scene.trap(LEFT, lefts[0].spi)
    scene.trap(RIGHT, right.spi)
    for _ in range(5):
        scene.send(*packets_to(LEFT, 20), *packets_to(RIGHT, 20))
        lefts.append(scene.sa(LEFT))
        scene.send(*packets_to(LEFT, 20), *packets_to(RIGHT, 20))
        scene.trap(LEFT, lefts[-1].spi)
        scene.send(*packets_to(LEFT, 20), *packets_to(RIGHT, 20))
        scene.daemon.delete(lefts[-2])
    outcome = scene.gateway.stop()
    assert drops(outcome) == {}
    counts = [len(packets) for packets in sorted_out(outcome.wan, [*lefts, right])]
    assert counts == [40, 60, 60, 60, 60, 20, 300]
    assert "heap: balanced" in outcome.output


def test_a_child_without_sa_asks_for_it_and_only_its_packets_wait(start, socket):
    scene = Scene(start, socket, groups=[GROUP_ACQUIRE])
    left = scene.sa(LEFT)
    scene.trap(LEFT)
    scene.trap(RIGHT)
    assert scene.state()["state"] == "up"
    waiting = packets_to(RIGHT, 10)
    scene.send(*waiting, *packets_to(LEFT, 10))
    kind, body = scene.ear.hear()
    assert kind == ACQUIRE
    assert xfrm.attributes(body[280:])[TEMPLATE] == template(
        WAN_ADDRESS, scene.tunnel.remote, 0, RIGHT.reqid)
    right = scene.sa(RIGHT)
    scene.send(*packets_to(LEFT, 5))
    outcome = scene.gateway.stop()
    assert drops(outcome) == {}
    to_left, to_right = sorted_out(outcome.wan, [left, right])
    assert len(to_left) == 15
    assert to_right == [wire.forwarded(packet) for packet in waiting]


def test_a_policy_that_blocks_comes_first(start, socket):
    scene = Scene(start, socket)
    sas = [scene.sa(child) for child in CHILDREN]
    for child, sa in zip(CHILDREN, sas):
        scene.trap(child, sa.spi)
    scene.daemon.say(OUT, selector(LOCAL, RIGHT.network, UDP, 53), reqid=RIGHT.reqid, block=True,
                     priority=1)
    scene.send(*packets_to(RIGHT, 3, dport=53), *packets_to(RIGHT, 3, dport=54),
               *packets_to(LEFT, 2, dport=53))
    outcome = scene.gateway.stop()
    assert drops(outcome) == {"policy_out": 3}
    assert [len(packets) for packets in sorted_out(outcome.wan, sas)] == [2, 3]


def test_without_the_other_child_all_is_as_before(start, socket):
    """The last policy that wants another SA goes, and with it the branches; and they come again."""
    scene = Scene(start, socket)
    sas = [scene.sa(child) for child in CHILDREN]
    for child, sa in zip(CHILDREN, sas):
        scene.trap(child, sa.spi)
    for _ in range(3):
        scene.send(*packets_to(RIGHT, 2))
        scene.daemon.ask(0x14, selector(LOCAL, RIGHT.network) + struct.pack("=IB3x", 0, OUT) +
                         scene.daemon.if_id())
        scene.send(*packets_to(RIGHT, 1), *packets_to(LEFT, 1))
        scene.trap(RIGHT, sas[1].spi)
    outcome = scene.gateway.stop()
    assert drops(outcome) == {"policy_out": 3}
    assert [len(packets) for packets in sorted_out(outcome.wan, sas)] == [3, 6]
    assert "heap: balanced" in outcome.output

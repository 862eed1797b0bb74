# SPDX-License-Identifier: BSD-3-Clause
"""Policies that come by the control socket: what passes, which SA it takes, and packets that wait
for one. A stranger's ESP judges the packets."""
import errno
import json
import os
import struct
import time
from pathlib import Path

import pytest

import wire
import xfrm
from esp import SCENARIO_SUITE, Sa
from gateway import wait_until
from topology import HOST, WAN_ADDRESS, Topology

NEWPOLICY, DELPOLICY, GETPOLICY, ACQUIRE, UPDPOLICY, FLUSHPOLICY = (
    0x13, 0x14, 0x15, 0x17, 0x19, 0x1D)
IN, OUT, FORWARD = range(3)
POLEXPIRE = 0x1B
GROUP_ACQUIRE, GROUP_EXPIRE, GROUP_POLICY = 1, 2, 4
TEMPLATE, TUNNEL_MODE, REQID = 5, 1, 1
ICMP, UDP, GRE = 1, 17, 47


def network(text):
    address, bits = text.split("/")
    return xfrm.address(address), int(bits)


def selector(source, destination, protocol=0, port=None):
    """struct xfrm_selector; `port` is the destination's."""
    (from_, from_bits), (to, to_bits) = network(source), network(destination)
    ports = struct.pack("!HHHH", port or 0, 0xFFFF if port else 0, 0, 0)
    return to + from_ + ports + struct.pack("=HBBB3xiI", 2, to_bits, from_bits, protocol, 0, 0)


def policy(selector_, direction, *, block=False, priority=1000, soft=0, hard=0):
    """struct xfrm_userpolicy_info."""
    limits = struct.pack("=8Q", *[xfrm.INFINITE] * 4, soft, hard, 0, 0)
    return selector_ + limits + bytes(32) + struct.pack("=IIBBBB4x", priority, 0, direction, block,
                                                        0, 0)


def template(source, destination, spi, reqid=REQID):
    """struct xfrm_user_tmpl."""
    return xfrm.address(destination) + struct.pack("!IB3x", spi, 50) + struct.pack("=H2x", 2) + \
        xfrm.address(source) + struct.pack("=IBBBxIII", reqid, TUNNEL_MODE, 0, 0, *[0xFFFFFFFF] * 3)


class Daemon(xfrm.Client):
    """What an IKE daemon says of one tunnel's policies."""

    def __init__(self, path, tunnel, groups=()):
        super().__init__(path, groups)
        self.tunnel = tunnel
        self.ends = {OUT: (WAN_ADDRESS, tunnel.remote)}
        self.ends[IN] = self.ends[FORWARD] = (tunnel.remote, WAN_ADDRESS)

    def say(self, direction, selector_, spi=0, reqid=REQID, **settings):
        body = policy(selector_, direction, **settings)
        body += xfrm.attribute(TEMPLATE, template(*self.ends[direction], spi, reqid))
        self.ask(UPDPOLICY, body + self.if_id())

    def if_id(self):
        return xfrm.attribute(xfrm.IF_ID, struct.pack("=I", self.tunnel.number))

    def trap(self, local="10.0.0.0/16", remote="172.16.0.0/12", spi=0):
        self.say(IN, selector(remote, local))
        self.say(FORWARD, selector(remote, local))
        self.say(OUT, selector(local, remote), spi)

    def used_at(self, direction, local="10.0.0.0/16", remote="172.16.0.0/12"):
        named = selector(*((local, remote) if direction == OUT else (remote, local)))
        (kind, body), = self.ask(GETPOLICY, named + struct.pack("=IB3x", 0, direction) +
                                 self.if_id())
        assert kind == NEWPOLICY
        return struct.unpack_from("=4Q", body, 56 + 64)[3]


def packets_to(tunnel, count, *, source=HOST, dport=4242):
    return [wire.udp_packet(source, tunnel.peer_host, bytes(100), ident=n, dport=dport)
            for n in range(count)]


def frames(packets):
    return [wire.ether(packet) for packet in packets]


def state_of(gateway, tunnel):
    return next(row["state"] for row in gateway.show("tunnels") if row["name"] == tunnel.name)


@pytest.mark.parametrize("workers", [1, 2])
def test_the_first_packets_wait_for_their_sa(start, socket, workers):
    topology = Topology()
    tunnel = topology[1]
    gateway = start(topology.config_without_sas(socket), lan="live", workers=workers, queues=1)
    daemon = Daemon(socket, tunnel)
    ear = xfrm.Client(Path(str(socket).replace(".sock", "-ro.sock")), [GROUP_ACQUIRE])
    assert state_of(gateway, tunnel) == "no-sa"
    daemon.trap()
    assert state_of(gateway, tunnel) == "idle"
    explained = gateway.order("explain", "--from", HOST, "--to", tunnel.peer_host)
    assert "waits" in explained and "dropped" not in explained
    inner = packets_to(tunnel, 40)
    gateway.feed("lan0", frames(inner))
    kind, body = ear.hear()
    assert kind == ACQUIRE
    asked = xfrm.attributes(body[280:])
    assert asked[TEMPLATE] == template(WAN_ADDRESS, tunnel.remote, 0)
    assert asked[xfrm.IF_ID] == struct.pack("=I", 1)
    gateway.feed("lan0", frames(packets_to(tunnel, 1, source="10.9.9.9")))
    daemon.add(tunnel.into, 1, window=32)
    daemon.add(tunnel.out, 1)
    more = packets_to(tunnel, 10)
    time.sleep(0.3)
    gateway.feed("lan0", frames(more))
    assert state_of(gateway, tunnel) == "up"
    outcome = gateway.stop()
    assert {name: n for name, n in outcome.drops.items() if name != "not_ip"} == {"policy_out": 1}
    assert [tunnel.out.open(packet, n) for n, packet in enumerate(outcome.wan, start=1)] == \
        [wire.forwarded(packet) for packet in inner + more]


def test_waiting_has_its_bounds(start, socket):
    topology = Topology()
    tunnel = topology[1]
    gateway = start(topology.config_without_sas(socket), lan="live")
    daemon = Daemon(socket, tunnel)
    daemon.trap()
    gateway.feed("lan0", frames(packets_to(tunnel, 150)))
    time.sleep(0.3)
    assert gateway.drops()["no_sa"] == 150 - 64
    daemon.ask(FLUSHPOLICY, b"")
    time.sleep(0.3)
    assert gateway.drops()["no_sa"] == 150
    assert state_of(gateway, tunnel) == "no-sa"
    assert gateway.stop().wan == []


def test_selectors_hold_both_ways(start, socket):
    topology = Topology()
    tunnel = topology[1]
    gateway = start(topology.config(socket), lan="live", wan="live")
    daemon = Daemon(socket, tunnel)
    inner = wire.udp_packet(tunnel.peer_host, HOST, bytes(72), dport=4242)
    astray = wire.udp_packet(tunnel.peer_host, "10.0.7.1", bytes(72), dport=4242)
    sealed = iter(range(1, 100))

    def both_ways():
        before = gateway.drops()
        gateway.feed("lan0", frames(packets_to(tunnel, 1) + packets_to(tunnel, 1, dport=80) +
                                    packets_to(tunnel, 1, source="10.0.7.1")))
        gateway.feed("wan0", [wire.ether(tunnel.into.seal(packet, next(sealed)))
                              for packet in (inner, astray)])
        return {name: n - before.get(name, 0) for name, n in gateway.drops().items()
                if name != "not_ip" and n != before.get(name, 0)}

    assert both_ways() == {}
    daemon.trap(local="10.0.0.0/24")
    assert both_ways() == {"policy": 1, "policy_out": 1}
    daemon.say(OUT, selector("10.0.0.0/16", "172.16.0.0/12", UDP, 80), block=True, priority=1)
    assert both_ways() == {"policy": 1, "policy_out": 2}
    daemon.ask(FLUSHPOLICY, b"")
    daemon.say(IN, selector("172.16.0.0/12", "10.0.0.0/16", UDP, 4242))
    assert both_ways() == {"policy_out": 3}
    daemon.ask(FLUSHPOLICY, b"")
    assert both_ways() == {}
    daemon.ask(FLUSHPOLICY, b"")  # there are none
    assert gateway.stop().output.count(f"policies flushed by uid {os.geteuid()}, pid {os.getpid()}") == 2


def test_a_rekey_as_charon_does_it(start, socket):
    """UPDSA in, NEWSA out, UPDPOLICY out, DELSA: it is the policy that moves the sending."""
    topology = Topology()
    tunnel = topology[1]
    gateway = start(topology.config_without_sas(socket), lan="live")
    daemon = Daemon(socket, tunnel)
    new = Sa(tunnel.out.spi + 0x1000, WAN_ADDRESS, tunnel.remote)
    daemon.add(tunnel.into, 1, window=32)
    daemon.add(tunnel.out, 1)
    daemon.trap(spi=tunnel.out.spi)
    gateway.feed("lan0", frames(packets_to(tunnel, 10)))
    daemon.add(new, 1)
    gateway.feed("lan0", frames(packets_to(tunnel, 10)))
    daemon.trap(spi=new.spi)
    gateway.feed("lan0", frames(packets_to(tunnel, 10)))
    daemon.delete(tunnel.out)
    gateway.feed("lan0", frames(packets_to(tunnel, 10)))
    outcome = gateway.stop()
    assert set(outcome.drops) == {"not_ip"} and len(outcome.wan) == 40
    for n, packet in enumerate(outcome.wan):
        sa, number = (tunnel.out, n + 1) if n < 20 else (new, n - 19)
        sa.open(packet, number)


def test_use_times_tell_of_traffic(start, socket):
    """What charon's dead peer detection asks for."""
    topology = Topology()
    tunnel = topology[1]
    gateway = start(topology.config(socket), wan="live")
    daemon = Daemon(socket, tunnel)
    daemon.trap()
    assert daemon.used_at(IN) == daemon.used_at(FORWARD) == 0
    inner = wire.udp_packet(tunnel.peer_host, HOST, bytes(72))
    gateway.feed("wan0", [wire.ether(tunnel.into.seal(inner, 1))])
    first = daemon.used_at(IN)
    assert abs(first - time.time()) < 5 and daemon.used_at(FORWARD) == first
    assert daemon.used_at(OUT) == 0
    time.sleep(1.5)
    assert daemon.used_at(IN) == first
    gateway.feed("wan0", [wire.ether(tunnel.into.seal(inner, 2))])
    time.sleep(1.2)
    assert daemon.used_at(IN) > first
    with pytest.raises(xfrm.Refused) as refused:
        daemon.used_at(IN, local="10.9.0.0/16")
    assert refused.value.error == errno.ENOENT
    gateway.stop()


def test_policies_are_shown(start, socket):
    topology = Topology()
    gateway = start(topology, lan="live")
    assert gateway.show("policies") == []
    daemon = Daemon(socket, topology[2])
    daemon.trap()
    daemon.say(OUT, selector("10.0.0.0/24", "172.16.2.0/24", UDP, 53), spi=0x1234, block=True,
               priority=7)
    rows = gateway.show("policies")
    assert [(row["direction"], row["tunnel"], row["if_id"]) for row in rows] == [
        (direction, "conn2", 2) for direction in ("in", "fwd", "out", "out")]
    assert [row["used_at"] for row in rows] == [None] * 4
    assert abs(rows[0]["added_at"] - time.time()) < 30
    chosen = {key: rows[3][key] for key in rows[3] if key not in ("added_at", "used_at", "index")}
    assert chosen == {
        "tunnel": "conn2", "if_id": 2, "direction": "out", "action": "block", "priority": 7,
        "source": "10.0.0.0/24", "destination": "172.16.2.0/24", "protocol": UDP, "sport": None,
        "dport": 53, "template": True, "reqid": REQID, "spi": "0x00001234"}
    gateway.feed("lan0", frames(packets_to(topology[2], 1)))
    assert gateway.show("policies")[2]["used_at"] is not None
    table = gateway.order("show", "policies").splitlines()
    assert len(table) == 5 and table[4].split()[:5] == [
        "conn2", "2", "out", "10.0.0.0/24", "172.16.2.0/24"]
    gateway.stop()


def test_a_policy_ends_when_its_time_is_over(start, socket):
    topology = Topology()
    gateway = start(topology)
    ear = xfrm.Client(Path(str(socket).replace(".sock", "-ro.sock")), [GROUP_EXPIRE])
    Daemon(socket, topology[1]).say(IN, selector("172.16.0.0/12", "10.0.0.0/16"), soft=1, hard=2)
    for hard in (0, 1):
        kind, body = ear.hear()
        assert (kind, body[168]) == (POLEXPIRE, hard)
    assert gateway.show("policies") == []
    gateway.stop()


def test_an_acquire_that_nobody_heard_is_said_again(start, socket):
    """The next packet asks anew: the daemon may have come meanwhile."""
    topology = Topology()
    tunnel = topology[1]
    gateway = start(topology.config_without_sas(socket), lan="live")
    daemon = Daemon(socket, tunnel)
    daemon.trap()
    gateway.feed("lan0", frames(packets_to(tunnel, 1)))
    time.sleep(0.3)

    ear = xfrm.Client(Path(str(socket).replace(".sock", "-ro.sock")), [GROUP_ACQUIRE])
    gateway.feed("lan0", frames(packets_to(tunnel, 1)))
    kind, _ = ear.hear()
    assert kind == ACQUIRE


def test_a_dead_tunnel_without_sas_asks_for_new_ones(start, socket):
    """Dead peer detection takes the SAs away and leaves the trap: what liveness knew was of them."""
    topology = Topology()
    tunnel = topology[1]
    config = topology.config_without_sas(socket)
    config["tunnels"][0]["liveness_ms"] = 100
    gateway = start(config, lan="live")
    daemon = Daemon(socket, tunnel)
    daemon.trap()
    ear = xfrm.Client(Path(str(socket).replace(".sock", "-ro.sock")), [GROUP_ACQUIRE])
    daemon.add(tunnel.into, 1, window=32)
    daemon.add(tunnel.out, 1)

    def is_down():
        gateway.feed("lan0", frames(packets_to(tunnel, 1)))
        return state_of(gateway, tunnel) == "down"

    wait_until(is_down, 10, "liveness")
    daemon.ask(xfrm.DELSA, xfrm.name(tunnel.out))
    daemon.ask(xfrm.DELSA, xfrm.name(tunnel.into))
    assert state_of(gateway, tunnel) == "idle"
    gateway.feed("lan0", frames(packets_to(tunnel, 1)))
    assert ear.hear()[0] == ACQUIRE
    time.sleep(0.3)  # with nothing sent, nothing says that it is dead
    assert state_of(gateway, tunnel) == "idle"


def test_tunnels_without_an_answer_leave_room_for_others(start, socket):
    """16 of them fill all places; the 17th takes one of theirs, and that is all it takes."""
    topology = Topology((SCENARIO_SUITE,) * 17)
    gateway = start(topology.config_without_sas(socket), lan="live")
    daemons = [Daemon(socket, tunnel, [GROUP_ACQUIRE]) for tunnel in topology]
    for daemon in daemons:
        daemon.say(OUT, selector("10.0.0.0/16", f"172.16.{daemon.tunnel.number}.0/24"))
    *dead, alive = topology
    for tunnel in dead:
        gateway.feed("lan0", frames(packets_to(tunnel, 64)))
        time.sleep(0.08)  # a worker passes on 1000 in a second
    assert gateway.drops().keys() == {"not_ip"}
    inner, = packets_to(alive, 1)
    gateway.feed("lan0", frames([inner]))
    wait_until(lambda: gateway.drops().get("no_sa") == 1, 10, "one packet to make room")
    for tunnel in alive, topology[1]:
        daemons[tunnel.number - 1].add(tunnel.out, tunnel.number, reqid=REQID)
    gateway.feed("lan0", [])
    outcome = gateway.stop()
    assert outcome.drops["no_sa"] == 1
    assert alive.out.open(outcome.wan[0], 1) == wire.forwarded(inner)
    assert len(outcome.wan) == 1 + 63


def test_an_sa_that_no_policy_wants_is_not_said_to_have_expired(start, socket):
    topology = Topology()
    tunnel = topology[1]
    gateway = start(topology.config_without_sas(socket))
    daemon = Daemon(socket, tunnel)
    daemon.trap()
    daemon.add(tunnel.out, 1, reqid=REQID + 6)
    found = gateway.ctl("explain", "--from", HOST, "--to", tunnel.peer_host).stdout
    assert "sa_expired" not in found and "waits" in found


def test_explain_sees_ports_where_a_packet_has_some(start, socket):
    """Selectors take ICMP's type and code for ports; GRE has nothing of the kind."""
    topology = Topology()
    tunnel = topology[1]
    gateway = start(topology.config(socket))
    daemon = Daemon(socket, tunnel)
    for protocol in (GRE, ICMP, UDP):
        daemon.say(OUT, selector("10.0.0.0/16", "172.16.0.0/12", protocol, 8))

    def verdict(protocol):
        return json.loads(gateway.order("-j", "explain", "--from", HOST, "--to", tunnel.peer_host,
                                        "--proto", str(protocol), "--dport", "8")).get("drop")

    assert [verdict(protocol) for protocol in (GRE, ICMP, UDP)] == ["policy_out", None, None]


def test_a_policy_that_leaves_its_tunnel_is_no_secret(start, socket):
    """Two connections of equal selectors without if_id: their policies are one, and it wanders."""
    topology = Topology()
    gateway = start(topology.config_without_sas(socket))
    first, second = (Daemon(socket, topology[n]) for n in (1, 2))
    for daemon in (first, second):
        daemon.if_id = bytes
        daemon.say(OUT, selector("10.0.0.0/16", "172.16.0.0/12"))
    assert [row["tunnel"] for row in gateway.show("policies")] == [topology[2].name]
    assert f"tunnel {topology[1].name} has no policies any more, its last one went to " \
        f"{topology[2].name}" in gateway.output()

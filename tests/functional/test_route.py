# SPDX-License-Identifier: BSD-3-Clause
"""iproute2 as installed, on espalier-run: what it says goes, and packets go where it said."""
import random
import re
import struct

import pytest

import espalier_run
import wire
import xfrm
from rtnetlink import DELROUTE, IPV4_ROUTE, NEWNEIGH, NEWROUTE, OVERRUN, Client, message, route
from test_forwarding import icmp_of
from topology import HOST, WAN_ROUTER, WAN_ROUTER_MAC, Topology

PEER = "198.18.7.7"


@pytest.fixture
def gateway(start, socket):
    running = start(Topology(), lan="live")
    running.topology = Topology()

    def ip(*words, status=0):
        done = espalier_run.run(socket, "--family", "route", "ip", *" ".join(words).split())
        assert done.returncode == status, done.stderr
        assert status or not done.stderr, done.stderr
        return done.stderr if status else done.stdout

    running.ip = ip
    running.sent = []

    def send(ident, destination=PEER):
        packet = wire.udp_packet(HOST, destination, ident=ident)
        running.sent.append(packet)
        running.feed("lan0", wire.ethers([packet]))
        return packet

    running.send = send
    return running


def decrypted(topology, packet):
    """What the stranger's ESP finds in it, if it is of a tunnel."""
    tunnel = topology.of(packet)
    return tunnel.out.open(packet, tunnel.out.sequence_of(packet)) if tunnel else packet


def test_routes_that_refuse_say_so(gateway):
    """unreachable and prohibit are listed as what they are, and answered (RFC 1812 5.2.7.1)."""
    answers = {"unreachable": (3, 1), "prohibit": (3, 13)}
    for number, kind in enumerate(answers, start=1):
        gateway.ip("route replace", kind, "198.18.0.0/16")
        assert f"{kind} 198.18.0.0/16" in gateway.ip("route show")
        gateway.send(number)
    gateway.ip("route del blackhole 198.18.0.0/16", status=2)
    gateway.ip("route del prohibit 198.18.0.0/16")
    outcome = gateway.stop()
    assert outcome.wan == [] and [icmp_of(packet)[1:3] for packet in outcome.lan] == list(answers.values())
    assert [outcome.drops.get(reason) for reason in ("unreachable", "prohibited", "blackhole")] == [1, 1, None]


def test_a_metric_means_another_route_than_the_configurations(gateway):
    """As for the kernel. BIRD gives each of its routes metric 32, and replaces it when it changes."""
    before = gateway.show("routes")
    for prefix in ("default", "203.0.113.0/24"):
        assert "configuration" in gateway.ip("route replace", prefix, "dev conn1 metric 32 proto bird", status=2)
        gateway.ip("route del", prefix, "metric 32 proto bird", status=2)
        gateway.ip("route del", prefix, "metric 77", status=2)
    assert gateway.show("routes") == before
    gateway.ip("route replace default dev conn1")  # without: this one is meant
    assert gateway.show("routes") != before
    gateway.ip("route del default dev conn1 metric 5")  # and it is nobody's any more


def test_packets_follow_routes(gateway):
    """By port, by tunnel, by several, into the hole, and back; nothing is lost on the way."""
    prefix, topology = "198.18.0.0/16", gateway.topology
    gateway.send(1)
    gateway.ip("route add", prefix, "dev conn2")
    gateway.send(2)
    gateway.ip("route change", prefix, "dev conn3")
    gateway.send(3)
    gateway.ip("route replace blackhole", prefix)
    gateway.send(4)
    gateway.ip("route replace", prefix, "via 203.0.113.1 dev wan0")
    gateway.send(5)
    gateway.ip("route del", prefix)
    gateway.send(6)
    outcome = gateway.stop()
    assert outcome.drops.get("blackhole") == 1
    assert [topology.of(packet) for packet in outcome.wan] == \
        [None, topology[2], topology[3], None, None]
    inner = [decrypted(topology, packet) for packet in outcome.wan]
    expected = [packet for number, packet in enumerate(gateway.sent, start=1) if number != 4]
    assert inner == list(map(wire.forwarded, expected))


def test_weights_share_flows(gateway):
    """1200 flows over two tunnels, three to one."""
    gateway.ip("route add 198.18.0.0/16 nexthop dev conn1 weight 3 nexthop dev conn2 weight 1")
    gateway.feed("lan0", wire.ethers(wire.udp_packet(HOST, PEER, sport=1024 + port)
                                     for port in range(1200)))
    tunnels = [gateway.topology.of(packet).name for packet in gateway.stop().wan]
    assert len(tunnels) == 1200
    assert 840 <= tunnels.count("conn1") <= 960


def test_neighbors(gateway):
    """A router's address, changed by message, stands in the very next frame, in tunnels' too."""
    gateway.ip("route add 198.18.0.0/16 dev conn1")
    gateway.send(1)
    gateway.send(1, "8.8.8.8")
    gateway.ip("neigh replace", WAN_ROUTER, "lladdr 02:00:00:00:00:77 dev wan0")
    gateway.send(2)
    gateway.send(2, "8.8.8.8")
    gateway.ip("neigh del", WAN_ROUTER, "dev wan0")
    gateway.send(3)
    outcome = gateway.stop()
    assert [frame[:6] for frame in outcome.frames["wan0"]] == \
        [WAN_ROUTER_MAC] * 2 + [bytes.fromhex("020000000077")] * 2
    assert outcome.drops.get("no_neighbor") == 1


def test_refusals_have_words(gateway):
    gateway.ip("route add 198.18.0.0/16 dev conn1")
    assert "there is a route to 198.18.0.0/16" in \
        gateway.ip("route add 198.18.0.0/16 dev conn2", status=2)
    assert "no route to 198.19.0.0/16" in gateway.ip("route del 198.19.0.0/16", status=2)
    assert "in no network" in gateway.ip("route add 198.19.0.0/16 via 9.9.9.9", status=2)
    assert "IPv4 alone" in gateway.ip("-6 route add 2001:db8::/32 dev conn1", status=2)
    assert "configuration file" in gateway.ip("link set conn1 down", status=2)
    assert "configuration file" in gateway.ip("addr add 10.7.7.7/24 dev lan0", status=2)
    assert "table 100" in gateway.ip("route add 198.19.0.0/16 dev conn1 table 100", status=2)
    gateway.stop()


def test_listings(gateway):
    """What `ip` makes of the answers, and that it has nothing to complain of."""
    gateway.ip("route add 198.18.0.0/16 nexthop dev conn1 weight 2 nexthop dev conn2")
    routes = gateway.ip("route show")
    assert "default via 203.0.113.1 dev wan0 proto static" in routes
    assert "192.168.50.0/24 dev lan0 proto kernel scope link" in routes
    assert re.search(r"198\.18\.0\.0/16.*\n\s+nexthop dev conn1 weight 2.*\n\s+nexthop dev conn2 "
                     r"weight 1", routes)
    assert "local" not in routes
    assert "local 192.168.50.1" in gateway.ip("route show table local")
    assert gateway.ip("route show proto boot").startswith("198.18.0.0/16")
    assert gateway.ip("route get 10.0.9.9").startswith("10.0.9.9 via 192.168.50.2 dev lan0")
    assert "198.18.0.0/16" in gateway.ip("route get fibmatch", PEER)
    assert re.search(r"^1: lan0: <.*LOWER_UP.*mtu 1500", gateway.ip("link show"), re.M)
    assert re.search(r"^1002: conn2: <POINTOPOINT,NOARP,UP,LOWER_UP> mtu 1438",
                     gateway.ip("link show conn2"), re.M)
    assert "inet 169.254.10.1/30" in gateway.ip("addr show dev conn1")
    assert "203.0.113.1 dev wan0 lladdr 02:00:00:00:00:03 PERMANENT" in gateway.ip("neigh show")
    gateway.ip("route flush proto boot")
    assert gateway.ip("route show proto boot") == ""
    gateway.stop()


def test_what_there_is_none_of(gateway):
    """Asked for, it is an empty listing; told to make one, `ip` is told why not. Nothing hangs, and
    `ip` complains of no answer."""
    for listing in ("nexthop", "nexthop bucket", "rule", "-6 rule", "-6 route", "-6 neigh", "ntable",
                    "netconf", "netns list-id", "link afstats", "link show type vlan", "tuntap",
                    "neigh show proxy", "addrlabel", "route show table 100"):
        assert gateway.ip(listing) == "", listing
    assert "espalier_tunnel" in gateway.ip("-d link show type espalier_tunnel")
    assert "routes have their own ways" in gateway.ip("nexthop get id 1", status=2)
    assert "give each route" in gateway.ip("nexthop add id 1 dev conn1", status=2)
    assert "one table" in gateway.ip("rule add from 10.0.0.0/8 table 100", status=2)
    assert "no such rule" in gateway.ip("rule del pref 5", status=2)
    gateway.stop()


def test_neighbors_come_and_go(gateway):
    """What was deleted is not there, in listings either, and a flush comes to its end."""
    gateway.ip("neigh add 192.168.50.77 lladdr 02:00:00:00:00:77 dev lan0 nud reachable")
    gateway.ip("neigh del 192.168.50.77 dev lan0")
    assert "no neighbor 192.168.50.77" in gateway.ip("neigh get 192.168.50.77 dev lan0", status=2)
    assert "192.168.50.77" not in gateway.ip("neigh show")
    gateway.ip("neigh add 192.168.50.98 dev lan0 use")
    gateway.ip("neigh add 192.168.50.78 lladdr 02:00:00:00:00:78 dev lan0 nud stale")
    gateway.ip("neigh flush dev lan0")
    assert "192.168.50.78" not in gateway.ip("neigh show")
    gateway.ip("neigh flush nud permanent")
    assert gateway.ip("neigh show") == ""
    gateway.stop()


def test_ways_of_packets(gateway):
    assert gateway.ip("route get 10.0.9.9 from 10.0.0.1 iif lan0").startswith(
        "10.0.9.9 from 10.0.0.1 via 192.168.50.2 dev lan0")
    assert gateway.ip("route get 10.0.9.9 oif lan0").startswith("10.0.9.9 via 192.168.50.2")
    assert "not go out" in gateway.ip("route get 10.0.9.9 oif wan0", status=2)
    gateway.stop()


# --- without iproute2 ---


def test_listener_hears_and_a_stuck_one_harms_nobody(gateway, socket):
    """One that joined the routes' group and never reads; one that reads all; a busy writer."""
    stuck, reader = Client(socket, [IPV4_ROUTE]), Client(socket, [IPV4_ROUTE])
    writer = Client(socket)
    heard = 0
    for _ in range(40):
        batch = b"".join(route(NEWROUTE, bytes([20, n // 256, n % 256, 0]), 24, 1001, 0x400)
                         for n in range(200))
        batch_away = b"".join(route(DELROUTE, bytes([20, n // 256, n % 256, 0]), 24, 1001)
                              for n in range(200))
        for datagram in (batch, batch_away):
            writer.socket.send(datagram)
            assert writer.statuses(200) == [0] * 200
            for _ in range(200):
                (kind, _), = reader.messages()
                assert kind == (NEWROUTE if datagram is batch else DELROUTE)
                heard += 1
    assert heard == 16000
    kinds = []
    stuck.socket.settimeout(0.5)
    with pytest.raises(TimeoutError):
        while True:
            kinds += [kind for kind, _ in stuck.messages()]
    assert kinds.count(OVERRUN) == 1 and kinds[-1] == OVERRUN
    gateway.stop()


def test_mutated_messages(gateway, socket):
    """A thousand damaged messages through each socket: answered, and nothing is changed by any
    that was refused or came through the read-only one."""
    rng = random.Random(4)
    good = [route(NEWROUTE, bytes([20, 1, 0, 0]), 16, 1001, 0x600),
            route(DELROUTE, bytes([192, 168, 0, 0]), 16, 1001),
            message(NEWNEIGH, struct.pack("=BxxxiHBB", 2, 1, 0x80, 0, 1) +
                    xfrm.attribute(1, bytes([192, 168, 50, 9])) +
                    xfrm.attribute(2, bytes([2, 0, 0, 0, 0, 9])), 0x604)]
    before = gateway.show("routes"), gateway.show("neighbors")
    for path in (str(socket).replace("control.sock", "control-ro.sock"), socket):
        for _ in range(1000):
            damaged = bytearray(rng.choice(good))
            for _ in range(rng.randrange(1, 6)):
                damaged[rng.randrange(16, 28)] = rng.randrange(256)
            damaged[16] = rng.choice([0, 1, 7, 10, 17, 255])  # never a family that we have
            client = Client(path)
            client.socket.send(bytes(damaged[:rng.choice([len(damaged), 16, 20, 28, 33])]))
            assert client.statuses(1)[0] != 0
            client.socket.close()
    assert (gateway.show("routes"), gateway.show("neighbors")) == before
    gateway.stop()

# SPDX-License-Identifier: BSD-3-Clause
"""A port loses its link: what leaves by it is out of its groups at once, though every neighbor is known.

    TAP tap0 --- lan0 ESPALIER wan0 --- TAP tap1   conn1, conn3; a router
                               wan1 --- TAP tap2   conn2; another router
    192.168.0.0/16 is behind the three tunnels, 198.18.0.0/16 behind the two routers
"""
import select
import socket
import time

import pytest

import gateway
import kernel_net
import wire
from test_ecmp import assert_even, assert_only_moved, explain
from topology import HOST, LAN_ROUTER_MAC, WAN_ROUTER, Topology

pytestmark = pytest.mark.skipif(kernel_net.why_not() is not None, reason=str(kernel_net.why_not()))

PORTS = {"lan0": "tap0", "wan0": "tap1", "wan1": "tap2"}
OTHER_ADDRESS, OTHER_ROUTER, OTHER_MAC = "198.51.100.213", "198.51.100.1", "02:00:00:00:00:04"
FLOWS, CHUNK = 600, 40
SO_RCVBUFFORCE = 33


class LinkNet(kernel_net.KernelNet):
    def vdevs(self):
        return [word for n, tap in enumerate(PORTS.values())
                for word in ("--vdev", f"net_tap{n},iface={tap},mac=fixed")]

    def config(self):
        config = self.topology.config(self.socket)
        config["gateway"]["kernel_netns"] = self.up
        lan, wan = ({**port, "device": f"net_tap{n}"} for n, port in enumerate(config["ports"]))
        config["ports"] = (lan, wan, {"name": "wan1", "device": "net_tap2", "mtu": 1500,
                                      "addresses": [OTHER_ADDRESS + "/24"]})
        other = {"port": "wan1", "gateway": OTHER_ROUTER}
        config["routes"] += (
            {"prefix": self.topology[2].remote + "/32", "nexthops": (other,)},
            {"prefix": "198.18.0.0/16", "nexthops": ({"port": "wan0", "gateway": WAN_ROUTER}, other)})
        config["neighbors"] += ({"port": "wan1", "address": OTHER_ROUTER, "mac": OTHER_MAC},)
        return config

    def cable(self, state):
        kernel_net.ip("-n", self.mid, "link", "set", PORTS["wan1"], state)

    def tap(self, name):
        one = self.open_socket(self.mid, socket.AF_PACKET, socket.SOCK_RAW, socket.htons(kernel_net.ETH_P_ALL))
        one.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 22)
        one.bind((name, 0))
        one.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)  # that it is down is no news
        return one


class Flows:
    """The same flows again and again."""

    def __init__(self, net):
        self.net, self.topology = net, net.topology
        self.packets = [wire.udp_packet(HOST, f"{('192.168', '198.18')[n % 2]}.{n % 50}.{n % 250}",
                                        sport=2000 + n) for n in range(FLOWS)]

    def took(self):
        """Sends a packet of each, all of which must arrive: which tunnel the one half took, {inner
        packet: tunnel's name}, and which port the other, {packet: port's name}."""
        taps = {name: self.net.tap(tap) for name, tap in PORTS.items()}
        mac = bytes.fromhex(self.net.show("ports")[0]["mac"].replace(":", ""))
        tunnels, ports = {}, {}
        for at in range(0, FLOWS, CHUNK):
            for packet in self.packets[at:at + CHUNK]:
                taps["lan0"].send(wire.ether(packet, destination=mac, source=LAN_ROUTER_MAC))
            for name, packet in self.arrivals(taps, CHUNK):
                tunnel = self.topology.of(packet)
                if tunnel is None:
                    ports[packet] = name
                    continue
                assert name == ("wan1" if tunnel.number == 2 else "wan0")
                tunnels[tunnel.out.open(packet, tunnel.out.sequence_of(packet))] = tunnel.name
        for one in taps.values():
            one.close()
        assert len(tunnels) == len(ports) == FLOWS // 2, "a packet was lost"
        return tunnels, ports

    @staticmethod
    def arrivals(taps, expected):
        names = {taps[name]: name for name in ("wan0", "wan1")}
        deadline = time.monotonic() + 5 * gateway.PATIENCE
        while expected > 0 and (left := deadline - time.monotonic()) > 0:
            for ready in select.select(list(names), [], [], left)[0]:
                frame = ready.recv(4096)
                if frame[12:14] == b"\x08\0":
                    expected -= 1
                    yield names[ready], frame[14:]


@pytest.mark.parametrize("options", [(), ("--no-kernel-interfaces",)], ids=["interfaces", "alone"])
def test_flows_leave_a_port_without_link_and_come_back(tmp_path, options):
    def buckets():
        return sorted([member["buckets"] for member in group["members"]] for group in net.show("groups"))

    def conn2():
        row = net.show("tunnels")[1]
        return row["state"], row["why"]

    with LinkNet(tmp_path, Topology(), options=options) as net:
        flows = Flows(net)
        before = flows.took()
        assert_even(before[0], ["conn1", "conn2", "conn3"], 0.1)
        assert_even(before[1], ["wan0", "wan1"], 0.1)

        net.cable("down")
        gateway.wait_until(lambda: net.show("ports")[2]["link"] == "down", 1, "no link")
        assert conn2() == ("unreachable", "port wan1 has no link")
        assert buckets() == [[420, 0, 420], [840, 0]]
        assert [[member["up"] for member in group["members"]] for group in net.show("groups")].count([True, False]) == 1
        down = flows.took()
        assert_only_moved(before[0], down[0], "conn2")
        assert set(down[1].values()) == {"wan0"}
        for inner in list(down[0])[:20]:
            assert explain(net, inner)["tunnel"] == down[0][inner]
        alone = net.order("explain", "--from", HOST, "--to", net.topology[2].peer_host)
        assert "the tunnel is unreachable: port wan1 has no link" in alone
        assert "tx_full" in net.order("explain", "--from", HOST, "--to", OTHER_ROUTER)
        said = net.log.read_text()
        assert said.index("port 'wan1' has no link") < said.index("tunnel conn2: unreachable: port wan1 has no link")

        net.cable("up")
        gateway.wait_until(lambda: conn2() == ("up", None), 1, "a link")
        assert buckets() == [[280] * 3, [420] * 2] and net.show("ports")[2]["link"] == "up"
        assert flows.took() == before
        assert net.drops().keys() <= {"not_ip"}
        net.stop()

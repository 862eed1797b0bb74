# SPDX-License-Identifier: BSD-3-Clause
"""The scenario's network: namespaces, cables, and what is fixed on them. What routing daemons
decide is not here."""

from dataclasses import dataclass

import network
import scenario_plan as plan
from plan import namespace
from shell import run, run_in

SHAPER = ("rate", f"{plan.INTER_REGION_MBIT}mbit", "burst", "512kb", "latency", "50ms")
HOST_MTU = 1500


@dataclass(frozen=True)
class Cable:
    """A veth, and what each end has: (node, interface, address, address of the other end)."""

    near: tuple
    far: tuple

    @property
    def ends(self):
        return self.near[:2], self.far[:2]

    @property
    def name(self):
        return "-".join(sorted(node for node, _ in self.ends))


def cables(role):
    """Between kernels. Espalier's ports are plan.links_of(role)."""
    yield Cable(("ecs", "eth0", "10.0.0.1/24", None),
                (plan.REGION, "vswitch1", "10.0.0.253/24", None))
    yield Cable(("ecs2", "eth0", "10.0.1.1/24", None),
                (plan.REGION, "vswitch2", "10.0.1.253/24", None))
    # The VPC's own router: the two vSwitches reach each other without the transit router.
    yield Cable(("ecs", "vpc", None, None), ("ecs2", "vpc", None, None))
    for connection in plan.kernel_connections(role):
        gateway = connection.gateway
        yield Cable(("internet", gateway, connection.internet, f"{connection.peer}/32"),
                    (gateway, "wan0", connection.peer, f"{connection.internet}/32"))
        yield Cable((plan.DC, gateway, None, None), (gateway, "lan0", f"{connection.lan}/24", None))
    for number, client in enumerate(plan.CLIENTS):
        yield Cable((plan.DC, client, f"192.168.{number}.1/24", None),
                    (client, "eth0", f"{plan.ADDRESSES[client]}/24", None))


def create(role):
    network.create_nodes(plan.nodes_of(role))
    for link in plan.links_of(role):
        network.connect(link)
    for cable in cables(role):
        lay(cable)
    bridge_lan(role)
    for node in (plan.REGION, "internet", plan.DC, *plan.PEERS):
        network.sysctl(node, "net.ipv4.ip_forward=1", "net.ipv4.conf.all.rp_filter=0",
                       "net.ipv4.conf.default.rp_filter=0")
    # Flows, not hosts, are what the data centre spreads over its three gateways.
    network.sysctl(plan.DC, "net.ipv4.fib_multipath_hash_policy=1")
    for host in plan.SERVERS + plan.CLIENTS:
        network.sysctl(host, *network.HOST_SYSCTLS)
    routes(role)
    shape()
    run_in("internet", "nft", "-f", "-", stdin=internet_rules())
    for node in plan.wires_of(role):
        run_in(node, "nft", "-f", "-", stdin=network.patch_rules(
            [link for link in plan.links_of(role) if link.gateway == node]))


def lay(cable):
    (node, interface, *_), (other, peer, *_) = cable.near, cable.far
    run("ip", "-n", namespace(node), "link", "add", interface, "mtu", str(HOST_MTU), "type", "veth",
        "peer", "name", peer, "mtu", str(HOST_MTU), "netns", namespace(other))
    for name, port, address, across in (cable.near, cable.far):
        words = [f"address add {address} {f'peer {across} ' if across else ''}dev {port}"] \
            if address else []
        network.batch(namespace(name), *words, f"link set {port} up")


def bridge_lan(role):
    """192.168.50.0/24, on which the DC's router and its three gateways meet."""
    ports = [connection.gateway for connection in plan.CONNECTIONS]
    network.batch(
        namespace(plan.DC), "link add lan type bridge",
        *(f"address add {connection.dc}/24 dev lan" for connection in plan.CONNECTIONS),
        *(f"link set {port} master lan" for port in ports), "link set lan up")


def routes(role):
    """The VPC's routes (table 3), the hosts' default, and each gateway's way to its peer."""
    for host, other, router in (("ecs", "10.0.1.0/24", "10.0.0.253"),
                                ("ecs2", "10.0.0.0/24", "10.0.1.253")):
        network.batch(namespace(host),
                      f"route add {other} dev vpc scope link src {plan.ADDRESSES[host]}",
                      *(f"route add {prefix} via {router}" for prefix in plan.VPC_ROUTES))
    for number, client in enumerate(plan.CLIENTS):
        network.batch(namespace(client), f"route add default via 192.168.{number}.1")
    for connection in plan.kernel_connections(role):
        network.batch(namespace(connection.gateway),
                      f"route add {connection.cloud} via {connection.internet}")


def shape():
    """The inter-region connection's bandwidth, both ways."""
    link = plan.CLOUD_LINKS[0]
    for node, interface in ((link.node, link.interface), (link.gateway, link.cable)):
        run("tc", "-n", namespace(node), "qdisc", "add", "dev", interface, "root", "tbf", *SHAPER)


def internet_rules():
    """The Internet drops what is from or to a broken address in silence, and counts by connection
    and direction: IKE, ESP whether in UDP or not, and what it should never see. On port 4500 IKE
    begins with four zero bytes where ESP has its SPI (RFC 3948 section 2), and a keepalive is one
    byte long."""
    counters, rules = ["counter other { }"], []
    for connection in plan.CONNECTIONS:
        for sender, source, target in (("cloud", connection.cloud, connection.peer),
                                       (connection.gateway, connection.peer, connection.cloud)):
            flow = f"ip saddr {source} ip daddr {target}"
            way = f"{sender}_{connection.number}"
            for name, match in (("ike", "udp dport 500"),
                                ("keepalive", "udp dport 4500 udp length 9"),
                                ("ike", "udp dport 4500 @th,64,32 0"), ("esp", "udp dport 4500"),
                                ("esp", "ip protocol esp")):
                rules.append(f"{flow} {match} counter name {name}_{way} accept")
            counters += [f"counter {name}_{way} {{ }}" for name in ("ike", "keepalive", "esp")]
    return f"""table ip espalier {{
    set broken {{ type ipv4_addr; }}
    {chr(10).join(counters)}
    chain forward {{
        type filter hook forward priority 0; policy drop;
        ip saddr @broken drop
        ip daddr @broken drop
        {chr(10).join(rules)}
        ip protocol icmp accept
        counter name other drop
    }}
}}
"""


def break_address(address):
    run_in("internet", "nft", "add", "element", "ip", "espalier", "broken", f"{{ {address} }}")


def mend_address(address):
    run_in("internet", "nft", "delete", "element", "ip", "espalier", "broken", f"{{ {address} }}")


def set_cable(gateway, state):
    """The gateway's cable to the Internet, at the Internet's end: "up" or "down"."""
    run("ip", "-n", namespace("internet"), "link", "set", gateway, state)

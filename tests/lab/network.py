# SPDX-License-Identifier: BSD-3-Clause
"""The lab's network: namespaces, cables between them, and an Internet that counts what it carries.

No namespace has a way out of the machine: both ends of each cable are born inside the lab.

A gateway's port is a TAP, which Espalier opens as a DPDK device. In the gateway's namespace two nft
rules patch it to the end of a cable (a veth), and so its kernel sees nothing:

    Espalier == TAP "wan0" == nft: fwd == veth "wan0-cable" ======== veth "eth0" of a host

TAPs, for the two other ways both proved worse: DPDK 22.11's af_packet asks the kernel to reassemble
fragments before it hands them over, and af_xdp on a veth loses packets beyond 256 under way.
"""

import json
import os

from plan import (CLIENTS, GATEWAYS, HOST_MTU, LINKS, NODES, SERVERS, TUNNELS, bare, links_of,
                  namespace)
from shell import add_namespace, namespaces, pids_in, run, run_in, stop

# Bounds what TCP has in flight, so that no queue of the kernel overflows (the shortest holds 1000
# packets) and a packet that is lost was lost by a gateway.
HOST_SYSCTLS = (
    "net.ipv4.tcp_rmem=4096 131072 524288",
    "net.ipv4.tcp_wmem=4096 65536 524288",
)
TAP_QUEUE_PACKETS = 4000


def create():
    create_nodes(NODES)
    for link in LINKS:
        connect(link)
        acquaint(link)
    for host in SERVERS + CLIENTS:
        sysctl(host, *HOST_SYSCTLS)
    sysctl("internet", "net.ipv4.ip_forward=1")
    run_in("internet", "nft", "-f", "-", stdin=internet_rules())
    for gateway in GATEWAYS:
        run_in(gateway, "nft", "-f", "-", stdin=patch_rules(links_of(gateway)))


def create_nodes(nodes):
    for node in nodes:
        add_namespace(node)
        # No router solicitations and the like: each packet in the lab is one that was meant.
        sysctl(node, "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1")
        run("ip", "-n", namespace(node), "link", "set", "lo", "up")


def destroy():
    """Ends every process in the lab's namespaces, then the namespaces; fine if there are none."""
    names = namespaces()
    stop(lambda: [pid for name in names for pid in pids_in(name)], grace_s=5)
    for name in names:
        run("ip", "netns", "delete", name, check=False)


def sysctl(node, *settings):
    run_in(node, "sysctl", "-q", "-w", *settings)


def connect(link):
    """One cable, with a port at its end. The gateway's side has no address and does no ARP."""
    near, far = namespace(link.gateway), namespace(link.node)
    run("ip", "-n", near, "tuntap", "add", link.port, "mode", "tap", "multi_queue")
    run("ip", "-n", near, "link", "add", link.cable, "mtu", str(HOST_MTU), "type", "veth",
        "peer", "name", link.interface, "address", link.node_mac, "mtu", str(HOST_MTU),
        "netns", far)
    batch(near,
          f"link set {link.port} mtu {HOST_MTU} txqueuelen {TAP_QUEUE_PACKETS} arp off up",
          f"link set {link.cable} arp off up")
    batch(far,
          *(f"address add {address} dev {link.interface}" for address in link.node_addresses),
          f"link set {link.interface} up")


def join(near, far):
    """A cable between two kernels; each end is (node, interface, address)."""
    (node, interface, _), (other, peer, _) = near, far
    run("ip", "-n", namespace(node), "link", "add", interface, "mtu", str(HOST_MTU), "type", "veth",
        "peer", "name", peer, "mtu", str(HOST_MTU), "netns", namespace(other))
    for name, port, address in (near, far):
        batch(namespace(name), f"address add {address} dev {port}", f"link set {port} up")


def acquaint(link):
    """Tells a node the gateway's MAC, who answers no ARP without kernel interfaces, and its way."""
    far = namespace(link.node)
    batch(far,
          *(f"neighbour replace {bare(address)} lladdr {link.gateway_mac} dev {link.interface} "
            "nud permanent" for address in link.gateway_addresses))
    if link.node != "internet":
        batch(far, f"route add default via {bare(link.gateway_addresses[0])}")


def batch(name, *commands):
    run("ip", "-n", name, "-batch", "-", stdin="\n".join(commands) + "\n")


def patch_rules(links):
    """Joins each port of a gateway to its cable."""
    chains = [f"chain from-{one} {{ type filter hook ingress device {one} priority 0; "
              f"fwd to {other}; }}"
              for link in links
              for one, other in ((link.port, link.cable), (link.cable, link.port))]
    return "table netdev espalier {\n" + "\n".join(chains) + "\n}\n"


def internet_rules():
    """The Internet forwards ESP between the tunnels' ends, counts it, and lets nothing else by."""
    counters, rules = [], []
    for tunnel in TUNNELS:
        for sender in GATEWAYS:
            source = tunnel.end(sender)
            target = tunnel.onprem if sender == "cloud" else tunnel.cloud
            name = f"{sender}_{tunnel.number}"
            counters.append(f"counter {name} {{ }}")
            rules.append(f"ip saddr {source} ip daddr {target} ip protocol esp "
                         f"counter name {name} accept")
    return f"""table ip espalier {{
    counter other {{ }}
    {chr(10).join(counters)}
    chain forward {{
        type filter hook forward priority 0; policy drop;
        {chr(10).join(rules)}
        counter name other drop
    }}
    chain input {{
        type filter hook input priority 0; policy drop;
        counter name other drop
    }}
}}
"""


def internet_counters():
    """Packets by rule name since the lab came up."""
    listed = json.loads(run_in("internet", "nft", "-j", "list", "counters").stdout)
    return {entry["counter"]["name"]: entry["counter"]["packets"]
            for entry in listed["nftables"] if "counter" in entry}


def cable_drops():
    """Packets that ports and cables dropped at both gateways and on the Internet so far:
    what a full queue of the kernel costs when a gateway does not get the processor in time."""
    total = 0
    for node in GATEWAYS + ("internet",):
        for line in run_in(node, "cat", "/proc/net/dev").stdout.splitlines()[2:]:
            received, sent = (line.split(":")[1].split()[first:first + 8] for first in (0, 8))
            total += sum(int(column[errors]) for column in (received, sent) for errors in (2, 3))
    return total


def interfaces():
    """Interfaces of the namespace we stand in, to see that none is left behind."""
    return sorted(os.listdir("/sys/class/net"))

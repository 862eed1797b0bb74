# SPDX-License-Identifier: BSD-3-Clause
"""The lab's network: namespaces, cables between them, and an Internet that counts what it carries.

No namespace has a way out of the machine: both ends of each cable are born inside the lab.
"""

import json
import os

from plan import (CLIENTS, GATEWAYS, HOST_MTU, LINKS, NODES, SERVERS, TUNNELS, bare, links_of,
                  namespace)
from shell import namespaces, pids_in, run, run_in, stop

# Bounds the data in flight, so that a cable's queue in the kernel (1000 packets) never overflows
# and each lost packet is one that a gateway lost.
HOST_SYSCTLS = (
    "net.ipv4.tcp_rmem=4096 131072 524288",
    "net.ipv4.tcp_wmem=4096 65536 524288",
)


def create():
    for node in NODES:
        run("ip", "netns", "add", namespace(node))
        # No router solicitations and the like: each packet in the lab is one that was meant.
        sysctl(node, "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1")
        run("ip", "-n", namespace(node), "link", "set", "lo", "up")
    for link in LINKS:
        connect(link)
    for host in SERVERS + CLIENTS:
        sysctl(host, *HOST_SYSCTLS)
    sysctl("internet", "net.ipv4.ip_forward=1")
    run_in("internet", "nft", "-f", "-", stdin=internet_rules())
    for gateway in GATEWAYS:
        run_in(gateway, "nft", "-f", "-", stdin=mute_rules(gateway))


def destroy():
    """Ends every process in the lab's namespaces, then the namespaces; fine if there are none."""
    names = namespaces()
    stop(lambda: [pid for name in names for pid in pids_in(name)], grace_s=5)
    for name in names:
        run("ip", "netns", "delete", name, check=False)


def sysctl(node, *settings):
    run_in(node, "sysctl", "-q", "-w", *settings)


def connect(link):
    """One cable. The gateway's end has no address and does no ARP: its kernel takes no part."""
    near, far = namespace(link.gateway), namespace(link.node)
    run("ip", "-n", near, "link", "add", link.port, "address", link.gateway_mac,
        "mtu", str(HOST_MTU), "type", "veth", "peer", "name", link.interface,
        "address", link.node_mac, "mtu", str(HOST_MTU), "netns", far)
    run("ip", "-n", near, "link", "set", link.port, "arp", "off", "up")
    batch = [f"address add {address} dev {link.interface}" for address in link.node_addresses]
    batch += [f"link set {link.interface} up"]
    batch += [f"neighbour replace {bare(address)} lladdr {link.gateway_mac} "
              f"dev {link.interface} nud permanent" for address in link.gateway_addresses]
    if link.node != "internet":
        batch += [f"route add default via {bare(link.gateway_addresses[0])}"]
    run("ip", "-n", far, "-batch", "-", stdin="\n".join(batch) + "\n")
    # A gateway's af_packet port takes frames as they lie: no checksum left for hardware to fill in,
    # and none larger than the MTU.
    run_in(link.node, "ethtool", "-K", link.interface,
           "tx", "off", "tso", "off", "gso", "off", "gro", "off")


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


def mute_rules(gateway):
    """Keeps a gateway's kernel from seeing what its ports receive; af_packet is served before."""
    chains = [f"chain {link.port} {{ type filter hook ingress device {link.port} priority 0; "
              "policy drop; }" for link in links_of(gateway)]
    return "table netdev espalier {\n" + "\n".join(chains) + "\n}\n"


def internet_counters():
    """Packets by rule name since the lab came up."""
    listed = json.loads(run_in("internet", "nft", "-j", "list", "counters").stdout)
    return {entry["counter"]["name"]: entry["counter"]["packets"]
            for entry in listed["nftables"] if "counter" in entry}


def interfaces():
    """Interfaces of the namespace we stand in, to see that none is left behind."""
    return sorted(os.listdir("/sys/class/net"))

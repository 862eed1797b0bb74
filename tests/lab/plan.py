# SPDX-License-Identifier: BSD-3-Clause
"""The plan of the reference lab: who is in it, under which names and numbers. Nothing here acts."""

import os
from dataclasses import dataclass
from ipaddress import ip_address, ip_interface

# ESPALIER_LAB, a word, makes a lab beside another: namespaces, files and lock of its own.
NAME = os.environ.get("ESPALIER_LAB", "")
NAMESPACE_PREFIX = f"{NAME}-" if NAME else ""
STATE_DIRECTORY = f"/run/espalier-lab-{NAME}" if NAME else "/run/espalier-lab"
# The namespaces that the lab made: what else bears such a name is not the lab's to touch.
NAMESPACES = f"{STATE_DIRECTORY}/namespaces"

DRAWING = """\
 VPC 10.0.0.0/16                        internet                           data centre

 ecs   10.0.0.1 ──┐         ┌ 203.0.113.191  ══ 1 ══ 192.0.2.1 ┐          ┌── client0 192.168.0.10
                  ├─ cloud ─┼ 198.51.100.213 ══ 2 ══ 192.0.2.2 ┼─ onprem ─┼── client1 192.168.1.10
 ecs2  10.0.1.1 ──┘         └ 198.51.100.161 ══ 3 ══ 192.0.2.3 ┘          └── client2 192.168.2.10
"""

HOST_MTU = 1500
# 1500 less the outer IPv4 header, ESP header, IV, ICV, padding and trailer of AES-CBC and SHA-1-96.
TUNNEL_MTU = 1438
SUITE = ("aes128-cbc", 16, "hmac-sha1-96", 20)


@dataclass(frozen=True)
class Link:
    """A gateway's port, and what its cable leads to."""

    number: int
    gateway: str
    port: str
    gateway_addresses: tuple
    node: str
    interface: str
    node_addresses: tuple

    @property
    def cable(self):
        """The name of the cable's end at the gateway."""
        return f"{self.port}-cable"

    @property
    def gateway_mac(self):
        return f"02:00:00:00:{self.number:02x}:01"

    @property
    def node_mac(self):
        return f"02:00:00:00:{self.number:02x}:02"


@dataclass(frozen=True)
class Tunnel:
    """One IPsec connection: the cloud's end first, as in all that follows."""

    number: int
    cloud: str
    onprem: str
    inside: str

    @property
    def name(self):
        return f"IPsec-VPN Connection {self.number}"

    def end(self, gateway):
        return self.cloud if gateway == "cloud" else self.onprem

    def inside_end(self, gateway):
        return f"{ip_address(self.inside) + (1 if gateway == 'cloud' else 2)}/30"

    def spi(self, sender):
        """The SPI of what `sender` sends through it."""
        return {"cloud": 0x1000, "onprem": 0x2000}[sender] + self.number


GATEWAYS = ("cloud", "onprem")
GATEWAY_NAMES = {"cloud": "hangzhou-tr", "onprem": "hangzhou-dc"}

LINKS = (
    Link(1, "cloud", "vswitch1", ("10.0.0.253/24",), "ecs", "eth0", ("10.0.0.1/24",)),
    Link(2, "cloud", "vswitch2", ("10.0.1.253/24",), "ecs2", "eth0", ("10.0.1.1/24",)),
    Link(3, "cloud", "wan0", ("203.0.113.191/24", "198.51.100.213/24", "198.51.100.161/24"),
         "internet", "cloud", ("203.0.113.1/24", "198.51.100.1/24")),
    Link(4, "onprem", "wan0", ("192.0.2.1/24", "192.0.2.2/24", "192.0.2.3/24"),
         "internet", "onprem", ("192.0.2.254/24",)),
    Link(5, "onprem", "dc0", ("192.168.0.1/24",), "client0", "eth0", ("192.168.0.10/24",)),
    Link(6, "onprem", "dc1", ("192.168.1.1/24",), "client1", "eth0", ("192.168.1.10/24",)),
    Link(7, "onprem", "dc2", ("192.168.2.1/24",), "client2", "eth0", ("192.168.2.10/24",)),
)

TUNNELS = (
    Tunnel(1, "203.0.113.191", "192.0.2.1", "169.254.10.0"),
    Tunnel(2, "198.51.100.213", "192.0.2.2", "169.254.11.0"),
    Tunnel(3, "198.51.100.161", "192.0.2.3", "169.254.12.0"),
)

NODES = ("ecs", "ecs2", "cloud", "internet", "onprem", "client0", "client1", "client2")
SERVERS = ("ecs", "ecs2")
CLIENTS = ("client0", "client1", "client2")


def namespace(node):
    return NAMESPACE_PREFIX + node


def peer(gateway):
    return "onprem" if gateway == "cloud" else "cloud"


def links_of(gateway):
    return [link for link in LINKS if link.gateway == gateway]


def host_link(host):
    return next(link for link in LINKS if link.node == host)


def address(host):
    return bare(host_link(host).node_addresses[0])


def bare(interface):
    """10.0.0.1/24 -> 10.0.0.1"""
    return str(ip_interface(interface).ip)


def prefixes(gateway):
    """What lies behind a gateway, as the other one routes it."""
    return [str(ip_interface(link.node_addresses[0]).network)
            for link in links_of(gateway) if link.node != "internet"]

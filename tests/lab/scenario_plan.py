# SPDX-License-Identifier: BSD-3-Clause
"""The plan of the scenario: who is in it, under which names and numbers. Nothing here acts."""

from dataclasses import dataclass

from plan import TUNNELS, Link, bare

DRAWING = """\
 VPC 10.0.0.0/16      cloud, AS 65531          internet              data centre, AS 65530

 ecs  ─┐               ┌ 203.0.113.191  ══ 1 ══ 192.0.2.1 gw1 ┐      ┌ client0 192.168.0.10
       ├ tr-shanghai ══╡ 198.51.100.213 ══ 2 ══ 192.0.2.2 gw2 ├─ dc ─┼ client1 192.168.1.10
 ecs2 ─┘  inter-region │ 198.51.100.161 ══ 3 ══ 192.0.2.3 gw3 ┘      └ client2 192.168.2.10
             link      │ Espalier                 each: kernel-libipsec,
 10.0.0.1              │ TAPs and TUNs                  charon-systemd, BIRD
 10.0.1.1              └ cloud: kernel, FRR, espalier-sync, espalier-run charon-systemd
"""

# Espalier's ports lie in a namespace of their own, `wires`; where its daemons live, in `cloud`, no
# cable ends. So it is with an Espalier in a data centre gateway's place.
CLOUD, CLOUD_WIRES = "cloud", "wires"
REGION, DC = "tr-shanghai", "dc"
PEERS = ("gw1", "gw2", "gw3")
SERVERS = ("ecs", "ecs2")
CLIENTS = ("client0", "client1", "client2")
NODES = (*SERVERS, REGION, CLOUD, CLOUD_WIRES, "internet", *PEERS, DC, *CLIENTS)
ROLES = ("cloud", "on-prem")  # where an Espalier is: in the cloud; in gateway 1's place too
ONPREM, ONPREM_WIRES = "gw1", "wires1"
ADDRESSES = {"ecs": "10.0.0.1", "ecs2": "10.0.1.1",
             "client0": "192.168.0.10", "client1": "192.168.1.10", "client2": "192.168.2.10"}

CLOUD_ASN, DC_ASN = 65531, 65530
VPC_PREFIXES = ("10.0.0.0/24", "10.0.1.0/24")
DC_PREFIXES = ("192.168.0.0/24", "192.168.1.0/24", "192.168.2.0/24")
VPC_ROUTES = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")  # towards the VPC attachment
INTER_REGION_MBIT = 400

REGION_PORT, WAN_PORT, LAN_PORT = "region0", "wan0", "lan0"
# Espalier's names of these ports, and its own.
PORT_NAMES = {REGION_PORT: "Inter-region-connection", WAN_PORT: "Internet", LAN_PORT: "private"}
ESPALIER_NAMES = {CLOUD: "TR Hangzhou", ONPREM: "DC gateway 1"}
MAX_ROUTES = 262144

# Plugged into the cloud's Espalier.
CLOUD_LINKS = (
    Link(1, CLOUD_WIRES, REGION_PORT, ("100.64.0.1/30",), REGION, "region0", ("100.64.0.2/30",)),
    Link(2, CLOUD_WIRES, WAN_PORT,
         ("203.0.113.191/24", "198.51.100.213/24", "198.51.100.161/24"),
         "internet", "cloud", ("203.0.113.1/24", "198.51.100.1/24")),
)
# Plugged into the Espalier in gateway 1's place, with --role on-prem.
ONPREM_LINKS = (
    Link(3, ONPREM_WIRES, LAN_PORT, ("192.168.50.216/24",), DC, "gw1", ()),
    Link(4, ONPREM_WIRES, WAN_PORT, ("192.0.2.1/24",), "internet", "gw1", ("192.0.2.172/24",)),
)
REGION_ADDRESS = bare(CLOUD_LINKS[0].node_addresses[0])
CLOUD_REGION_ADDRESS = bare(CLOUD_LINKS[0].gateway_addresses[0])


@dataclass(frozen=True)
class Connection:
    """One IPsec connection and the data centre's gateway at its end."""

    number: int
    internet: str     # the Internet's address on the gateway's cable
    lan: str          # the gateway's address in 192.168.50.0/24
    dc: str           # the DC router's there, towards this gateway
    psk: str          # the tutorial's; the asterisks are literal

    @property
    def tunnel(self):
        return TUNNELS[self.number - 1]

    @property
    def name(self):
        """Of the tunnel in Espalier: "IPsec-VPN Connection 1"."""
        return self.tunnel.name

    @property
    def ike_name(self):
        """Of the connection in both charons."""
        return f"connection{self.number}"

    @property
    def gateway(self):
        return f"gw{self.number}"

    @property
    def cloud(self):
        return self.tunnel.cloud

    @property
    def peer(self):
        return self.tunnel.onprem

    @property
    def cloud_inside(self):
        return bare(self.tunnel.inside_end("cloud"))

    @property
    def peer_inside(self):
        return bare(self.tunnel.inside_end("gateway"))

    @property
    def tun(self):
        """The tunnel's interface in the namespace of an Espalier's daemons."""
        return f"vpn{self.number}"


CONNECTIONS = (
    Connection(1, "192.0.2.172", "192.168.50.216", "192.168.50.215", "fddsFF123****"),
    Connection(2, "192.0.2.173", "192.168.50.218", "192.168.50.217", "fddsFF456****"),
    Connection(3, "192.0.2.174", "192.168.50.213", "192.168.50.214", "fddsFF789****"),
)

# Long enough for a machine with two cores and a dozen daemons; what is inside speaks every 100 ms.
LIVENESS_MS = 700
BFD_MS, BFD_MULTIPLIER = 100, 7


def connection_of(gateway):
    return next(connection for connection in CONNECTIONS if connection.gateway == gateway)


def espaliers(role):
    """(node, wires, links) of each Espalier."""
    yield CLOUD, CLOUD_WIRES, CLOUD_LINKS
    if role == "on-prem":
        yield ONPREM, ONPREM_WIRES, ONPREM_LINKS


def links_of(role):
    return [link for _, _, links in espaliers(role) for link in links]


def wires_of(role):
    return [wires for _, wires, _ in espaliers(role)]


def nodes_of(role):
    return (*NODES, *(wires for wires in wires_of(role) if wires not in NODES))


def kernel_connections(role):
    """Those whose other end is a gateway of strongSwan alone."""
    return [connection for connection in CONNECTIONS
            if role == "cloud" or connection.gateway != ONPREM]

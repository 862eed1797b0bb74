# SPDX-License-Identifier: BSD-3-Clause
"""The plan of the scenario: who is in it, under which names and numbers. Nothing here acts."""

from dataclasses import dataclass

from plan import TUNNELS, Link, bare

DRAWING = """\
     VPC 10.0.0.0/16                                             internet              data centre, AS 65530
                                          cloud, AS 65531
 ecs 10.0.0.1 ─┐                    ┌ ESPALIER 203.0.113.191  ═ 1 ═ 192.0.2.1 gw1 ┐      ┌ client0 192.168.0.10
               ├─ tr-shanghai ──────┤          198.51.100.213 ═ 2 ═ 192.0.2.2 gw2 ├─ dc ─┼ client1 192.168.1.10
 ecs2 10.0.1.1 ┘   inter-region     │          198.51.100.161 ═ 3 ═ 192.0.2.3 gw3 ┘      └ client2 192.168.2.10
                       link         │ TAPs and TUNs
                                    └ kernel: charon on espalier-run, FRR, espalier-sync
"""

# Espalier's ports lie in a namespace of their own, `wires`; where its daemons live, in `cloud`, no
# cable ends. So it is with an Espalier in a data centre gateway's place.
CLOUD, CLOUD_WIRES = "cloud", "wires"
REGION, DC = "tr-shanghai", "dc"
PEERS = ("gw1", "gw2", "gw3")
SERVERS = ("ecs", "ecs2")
CLIENTS = ("client0", "client1", "client2")
NODES = (*SERVERS, REGION, CLOUD, CLOUD_WIRES, "internet", *PEERS, DC, *CLIENTS)
ADDRESSES = {"ecs": "10.0.0.1", "ecs2": "10.0.1.1",
             "client0": "192.168.0.10", "client1": "192.168.1.10", "client2": "192.168.2.10"}

CLOUD_ASN, DC_ASN = 65531, 65530
VPC_PREFIXES = ("10.0.0.0/24", "10.0.1.0/24")
DC_PREFIXES = ("192.168.0.0/24", "192.168.1.0/24", "192.168.2.0/24")
VPC_ROUTES = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")  # towards the VPC attachment
INTER_REGION_MBIT = 400

REGION_PORT, WAN_PORT = "region0", "wan0"
# Espalier's names of these ports.
PORT_NAMES = {REGION_PORT: "Inter-region-connection", WAN_PORT: "Internet"}

# Plugged into the cloud's Espalier.
CLOUD_LINKS = (
    Link(1, CLOUD_WIRES, REGION_PORT, ("100.64.0.1/30",), REGION, "region0", ("100.64.0.2/30",)),
    Link(2, CLOUD_WIRES, WAN_PORT,
         ("203.0.113.191/24", "198.51.100.213/24", "198.51.100.161/24"),
         "internet", "cloud", ("203.0.113.1/24", "198.51.100.1/24")),
)
REGION_ADDRESS = bare(CLOUD_LINKS[0].node_addresses[0])
CLOUD_REGION_ADDRESS = bare(CLOUD_LINKS[0].gateway_addresses[0])
CLOUD_DEFAULT_GATEWAY = "203.0.113.1"


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
LIVENESS_MS = 500
BFD_MS, BFD_MULTIPLIER = 100, 8


def connection_of(gateway):
    return next(connection for connection in CONNECTIONS if connection.gateway == gateway)

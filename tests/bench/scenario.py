# SPDX-License-Identifier: BSD-3-Clause
"""What is measured: the gateway, its tunnels, routes and flows, and the packet sizes.

Everything else (packets, configuration files, tables) is made from these few facts, so that every
system under measurement gets the same task.
"""

import dataclasses
import ipaddress
import random

LAN, WAN = 0, 1  # the two ports, in the order in which the devices are made

FLOWS = 1000
ROUTES = 1000
# Whole rounds of the flows and of the IMIX pattern; small enough that reading the packets back
# costs the replay little.
PACKETS = 3000
BUFFERS = 8192  # the replay keeps PACKETS of them for itself

ENCRYPTION_KEY = bytes(range(0x10, 0x20))
AUTHENTICATION_KEY = bytes(range(0x40, 0x54))
IV_BYTES, ICV_BYTES, BLOCK_BYTES = 16, 12, 16

# net_pcap numbers its ports' addresses in the order in which they are made.
PORT_MAC = (bytes.fromhex("027063617000"), bytes.fromhex("027063617001"))
NEXT_MAC = (bytes.fromhex("020000000002"), bytes.fromhex("020000000003"))
PORT_ADDRESS = ("192.168.50.1", "203.0.113.191")
NEXT_ADDRESS = ("192.168.50.2", "203.0.113.1")


@dataclasses.dataclass(frozen=True)
class Tunnel:
    name: str
    if_id: int
    remote: str
    spi_out: int
    spi_in: int
    # A third of the far side's prefixes, for peers that choose a tunnel by destination.
    block: str

    local = PORT_ADDRESS[WAN]


TUNNELS = tuple(
    Tunnel(f"conn{n}", n, f"192.0.2.{n}", 0x1000 + n, 0x2000 + n, f"172.{12 + 4 * n}.0.0/14")
    for n in (1, 2, 3)
)


@dataclasses.dataclass(frozen=True)
class Direction:
    name: str
    source: int  # the port that the packets come in at
    sink: int


OUTBOUND = Direction("outbound", LAN, WAN)
INBOUND = Direction("inbound", WAN, LAN)
DIRECTIONS = (OUTBOUND, INBOUND)


@dataclasses.dataclass(frozen=True)
class Size:
    """The IP lengths of the inner packets: one, or several with their shares."""

    name: str
    pattern: tuple[int, ...]

    def lengths(self) -> list[int]:
        lengths = [self.pattern[n % len(self.pattern)] for n in range(PACKETS)]
        random.Random(self.name).shuffle(lengths)  # no branch predictor learns the pattern
        return lengths


SIZES = tuple(Size(str(n), (n,)) for n in (64, 256, 512, 1420)) + (
    Size("imix", (48,) * 7 + (576,) * 4 + (1420,)),
)


@dataclasses.dataclass(frozen=True)
class Flow:
    near: str  # behind our LAN
    far: str  # behind the tunnels
    near_port: int
    far_port: int = 5001


def far_prefix(n: int) -> str:
    """The n-th prefix behind the tunnels; each third of them lies in one tunnel's block."""
    base = ipaddress.ip_network(TUNNELS[n % len(TUNNELS)].block).network_address
    return f"{base + (n // len(TUNNELS)) * 256}/24"


def near_prefix(n: int) -> str:
    """The n-th prefix behind our LAN."""
    return f"10.{n // 250}.{n % 250}.0/24"


def flows() -> list[Flow]:
    """One flow to each route, either way."""

    def host(prefix, n):
        return str(ipaddress.ip_network(prefix).network_address + 1 + n % 250)

    return [
        Flow(host(near_prefix(n % ROUTES), n), host(far_prefix(n % ROUTES), n), 10000 + n)
        for n in range(FLOWS)
    ]


def esp_bytes(inner: int) -> int:
    """IP length of the ESP packet that carries an inner packet of that length."""
    payload = -(-(inner + 2) // BLOCK_BYTES) * BLOCK_BYTES
    return 20 + 8 + IV_BYTES + payload + ICV_BYTES


def frame_bytes(direction: Direction, size: Size) -> float:
    """Mean length of the Ethernet frames that a gateway sends when that size comes in."""
    outer = [esp_bytes(n) if direction is OUTBOUND else n for n in size.lengths()]
    return 14 + sum(outer) / len(outer)

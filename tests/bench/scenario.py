# SPDX-License-Identifier: BSD-3-Clause
"""What is measured: the gateway, its tunnels and flows, the suites and the packet sizes.

Everything else (packets, configuration files, tables) is made from these few facts, so that every
system under measurement gets the same task.
"""

import dataclasses
import functools
import ipaddress
import random

import prefixes

LAN, WAN = 0, 1  # the two ports, in the order in which the devices are made

# net_pcap numbers its ports' addresses in the order in which they are made.
PORT_MAC = (bytes.fromhex("027063617000"), bytes.fromhex("027063617001"))
NEXT_MAC = (bytes.fromhex("020000000002"), bytes.fromhex("020000000003"))
PORT_ADDRESS = ("192.168.50.1", "203.0.113.191")
NEXT_ADDRESS = ("192.168.50.2", "203.0.113.1")

REMOTES = int(ipaddress.ip_address("198.18.0.1"))  # of the first tunnel, then counted up
GROUP = 3  # tunnels that share the traffic of a route


@dataclasses.dataclass(frozen=True)
class Suite:
    """Algorithms by Espalier's names, and what they add to a packet."""

    encryption: str
    authentication: str | None  # None: encryption does it, its key ends with the salt
    iv_bytes: int
    icv_bytes: int
    block_bytes: int
    encryption_key: bytes
    authentication_key: bytes = b""

    @property
    def name(self) -> str:
        return ",".join(filter(None, (self.encryption, self.authentication)))

    def esp_bytes(self, inner: int) -> int:
        """IP length of the ESP packet that carries an inner packet of that length."""
        payload = -(-(inner + 2) // self.block_bytes) * self.block_bytes
        return 20 + 8 + self.iv_bytes + payload + self.icv_bytes


CBC_SHA1 = Suite("aes128-cbc", "hmac-sha1-96", 16, 12, 16,
                 bytes(range(0x10, 0x20)), bytes(range(0x40, 0x54)))
GCM = Suite("aes128-gcm", None, 8, 16, 4, bytes(range(0x10, 0x24)))
# What else daemons negotiate. Outbound only: traffic.py seals with the two above.
OTHER_SUITES = (
    Suite("aes128-cbc", "hmac-sha256-128", 16, 16, 16, bytes(range(0x10, 0x20)), bytes(range(32))),
    Suite("aes256-cbc", "hmac-sha256-128", 16, 16, 16, bytes(range(0x10, 0x30)), bytes(range(32))),
    Suite("aes256-cbc", "hmac-sha512-256", 16, 32, 16, bytes(range(0x10, 0x30)), bytes(range(64))),
    Suite("aes256-gcm", None, 8, 16, 4, bytes(range(0x10, 0x34))),
)


@dataclasses.dataclass(frozen=True)
class Direction:
    """Which way packets pass: from each source port to the sink beside it."""

    name: str
    ways: tuple[tuple[int, int], ...]


OUTBOUND = Direction("outbound", ((LAN, WAN),))
INBOUND = Direction("inbound", ((WAN, LAN),))
MIXED = Direction("mixed", ((LAN, WAN), (WAN, LAN)))


@dataclasses.dataclass(frozen=True)
class Size:
    """The IP lengths of the inner packets: one, or several with their shares."""

    name: str
    pattern: tuple[int, ...]

    def lengths(self, count: int) -> list[int]:
        lengths = [self.pattern[n % len(self.pattern)] for n in range(count)]
        random.Random(self.name).shuffle(lengths)  # no branch predictor learns the pattern
        return lengths


SIZES = tuple(Size(str(n), (n,)) for n in (64, 256, 512, 1420)) + (
    Size("imix", (48,) * 7 + (576,) * 4 + (1420,)),
)
SMALLEST, IMIX = SIZES[0], SIZES[-1]


@dataclasses.dataclass(frozen=True)
class Tunnel:
    """The n-th tunnel, from 0."""

    number: int

    local = PORT_ADDRESS[WAN]

    @property
    def if_id(self) -> int:
        return self.number + 1

    @property
    def name(self) -> str:
        return f"conn{self.if_id}"

    @property
    def remote(self) -> str:
        return prefixes.dotted(REMOTES + self.number)

    @property
    def spi_out(self) -> int:
        return 0x10000 + self.if_id

    @property
    def spi_in(self) -> int:
        return 0x20000 + self.if_id


@dataclasses.dataclass(frozen=True)
class Flow:
    near: str  # behind our LAN
    far: str  # behind the tunnels
    near_port: int
    tunnel: Tunnel  # that its packets from afar come by
    far_port: int = 5001


@dataclasses.dataclass(frozen=True)
class Task:
    """One thing to measure."""

    direction: Direction
    size: Size
    suite: Suite = CBC_SHA1
    tunnels_n: int = GROUP
    routes_n: int = 1000
    internet: bool = False  # routes of the lengths that the Internet has, instead of /24s
    flows_n: int = 1000
    # One round of the flows: a small file, so that reading the packets back costs the replay little.
    packets_n: int = 1000  # in each source port's file
    replay_window: int = 0  # a replayed file repeats its sequence numbers
    workers: int = 1

    @property
    def tunnels(self) -> tuple[Tunnel, ...]:
        return tuple(Tunnel(n) for n in range(self.tunnels_n))

    def far_prefixes(self) -> list[prefixes.Prefix]:
        """What lies behind the tunnels: the destinations of the routes, outbound."""
        if self.internet:
            return prefixes.internet(self.routes_n)
        return [prefixes.far(n) for n in range(self.routes_n)]

    def near_prefixes(self) -> list[prefixes.Prefix]:
        """What lies behind our LAN: the destinations of the routes, inbound."""
        return [prefixes.near(n) for n in range(self.routes_n)]

    def group(self, route: int) -> list[Tunnel]:
        """The tunnels that share a route's traffic: those of one customer."""
        customers = -(-self.tunnels_n // GROUP)
        first = route % customers * GROUP
        members = min(GROUP, self.tunnels_n)
        return [Tunnel(n % self.tunnels_n) for n in range(first, first + members)]

    @functools.cached_property
    def flows(self) -> list[Flow]:
        """Spread over all routes and all tunnels, either way."""
        far = self.far_prefixes()
        # The near side has few prefixes where the far side is the Internet.
        near = [prefixes.near(n) for n in range(min(self.routes_n, 30000))]
        step = max(1, len(far) // self.flows_n)

        def flow(n: int) -> Flow:
            route = n * step % len(far)
            return Flow(near[n % len(near)].host(n), far[route].host(n),
                        10000 + n % 50000, Tunnel(n % self.tunnels_n))

        return [flow(n) for n in range(self.flows_n)]

    def frame_bytes(self, sink: int) -> float:
        """Mean length of the Ethernet frames that a gateway sends at that port."""
        lengths = self.size.lengths(self.packets_n)
        outer = [self.suite.esp_bytes(n) if sink == WAN else n for n in lengths]
        return 14 + sum(outer) / len(outer)

    def file_name(self, source: int, queue: int) -> str:
        """Distinct wherever the packets are."""
        parts = (self.size.name, self.suite.encryption, self.tunnels_n, self.routes_n,
                 "internet" if self.internet else "even", self.flows_n, self.packets_n,
                 self.workers, source, queue)
        return "-".join(map(str, parts)) + ".pcap"

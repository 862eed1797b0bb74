# SPDX-License-Identifier: BSD-3-Clause
"""The prefixes that routes lead to."""

import functools
import ipaddress
import random
import socket
import struct
import typing


def dotted(address: int) -> str:
    return socket.inet_ntoa(struct.pack("!I", address))


class Prefix(typing.NamedTuple):
    address: int
    bits: int

    def __str__(self) -> str:
        return f"{dotted(self.address)}/{self.bits}"

    def host(self, n: int) -> str:
        """An address in it, another one for most n."""
        room = (1 << 32 - self.bits) - 2
        return dotted(self.address + (1 + n % room if room > 0 else 0))


# A third of the far side's prefixes each, for peers that choose a tunnel by destination.
BLOCKS = ("10.128.0.0/11", "10.160.0.0/11", "10.192.0.0/11")
BLOCK_BASES = [int(ipaddress.ip_network(block).network_address) for block in BLOCKS]
NEAR_BASE = 10 << 24

# Shares of prefix lengths, per thousand, about as a router of 2024 without default route sees
# them, and some of the longer ones that customers announce to their provider.
LENGTHS = {
    8: 0.02, 9: 0.02, 10: 0.05, 11: 0.1, 12: 0.3, 13: 0.6, 14: 1.2, 15: 2, 16: 13, 17: 8, 18: 14,
    19: 25, 20: 45, 21: 52, 22: 112, 23: 103, 24: 618, 28: 2, 30: 1, 32: 3,
}
# None of our own addresses is in here, nor 127.0.0.0/8.
INTERNET = (11 << 24, 127 << 24)


def far(n: int) -> Prefix:
    """The n-th /24 behind the tunnels; each third of them lies in one block."""
    return Prefix(BLOCK_BASES[n % len(BLOCK_BASES)] + n // len(BLOCK_BASES) * 256, 24)


def near(n: int) -> Prefix:
    """The n-th /24 behind our LAN."""
    return Prefix(NEAR_BASE + n * 256, 24)


@functools.cache
def internet(count: int) -> list[Prefix]:
    """That many different prefixes, the same ones every time, in no order."""
    dice = random.Random(count)
    low, high = INTERNET
    found = {}  # a set that keeps its order
    for bits in dice.choices(list(LENGTHS), list(LENGTHS.values()), k=count):
        while True:
            address = low + int(dice.random() * (high - low))
            prefix = Prefix(address >> 32 - bits << 32 - bits, bits)
            if prefix not in found:
                break
            bits = max(bits, min(bits + 1, 24))  # there are few /8
        found[prefix] = None
    return list(found)

# SPDX-License-Identifier: BSD-3-Clause
"""A client of the control socket that sends changes in batches: the kernel's own messages, many to
a datagram, the last of each asking for an ack."""

import os
import pathlib
import socket
import struct

import scenario
from prefixes import Prefix
from process import Failure
from scenario import Suite, Tunnel

HELLO, ERROR = 0xF000, 2
FAMILY_ROUTE, FAMILY_XFRM = 0, 6
REQUEST, ACK, CREATE = 1, 4, 0x400
NEWROUTE, DELROUTE, NEWSA, DELSA = 24, 25, 0x10, 0x11
DST, MULTIPATH, ALG_AUTH_TRUNC, ALG_CRYPT, IF_ID = 1, 9, 20, 2, 31
FIRST_TUNNEL = 1001  # ifindex of the first tunnel without kernel interfaces
UNLIMITED = 2 ** 64 - 1

# Of one datagram, by the limits of the two families.
DATAGRAM_BYTES = {FAMILY_ROUTE: 32768, FAMILY_XFRM: 8192}
AHEAD = 8  # datagrams that wait for their acks

HEADER = struct.Struct("=IHHII")
FLAGS_AT = 6
ROUTE = struct.Struct("=IHHII BBBBBBBBI HHI")  # nlmsghdr, rtmsg, DST


def attribute(kind: int, data: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(data), kind) + data + bytes(-len(data) % 4)


def route_message(kind: int, flags: int, prefix: Prefix, ways: bytes) -> bytes:
    return ROUTE.pack(
        ROUTE.size + len(ways), kind, REQUEST | flags, 0, 0,
        socket.AF_INET, prefix.bits, 0, 0, 254, 186, 0, 1, 0,
        8, DST, socket.htonl(prefix.address)) + ways


def new_routes(prefixes: list[Prefix], tunnels: list[Tunnel]) -> list[bytes]:
    """Each through all of the tunnels."""
    hops = b"".join(
        struct.pack("=HBBi", 8, 0, 0, FIRST_TUNNEL + tunnel.number) for tunnel in tunnels)
    ways = attribute(MULTIPATH, hops)
    return [route_message(NEWROUTE, CREATE, prefix, ways) for prefix in prefixes]


def delete_routes(prefixes: list[Prefix]) -> list[bytes]:
    return [route_message(DELROUTE, 0, prefix, b"") for prefix in prefixes]


def message(kind: int, flags: int, body: bytes) -> bytes:
    return HEADER.pack(HEADER.size + len(body), kind, REQUEST | flags, 0, 0) + body


def address(text: str) -> bytes:
    return socket.inet_aton(text).ljust(16, b"\0")


def algorithm(name: str, key: bytes, more: bytes = b"") -> bytes:
    return name.encode().ljust(64, b"\0") + struct.pack("=I", 8 * len(key)) + more + key


def ends(tunnel: Tunnel, way: str) -> tuple[str, str]:
    """Source and destination of its ESP packets."""
    pair = (tunnel.local, tunnel.remote)
    return pair if way == "out" else pair[::-1]


def new_sa(tunnel: Tunnel, way: str, spi: int, suite: Suite) -> bytes:
    """As charon puts it: struct xfrm_usersa_info and attributes. `suite` is CBC with SHA-1."""
    source, destination = ends(tunnel, way)
    info = bytes(56) + address(destination) + struct.pack("!IB3x", spi, 50) + address(source) + \
        struct.pack("=4Q", *[UNLIMITED] * 4) + bytes(32 + 32 + 12) + \
        struct.pack("=IIHBBB7x", 0, 1, socket.AF_INET, 1, 32, 0)
    return message(NEWSA, 0, info + b"".join([
        attribute(ALG_CRYPT, algorithm("cbc(aes)", suite.encryption_key)),
        attribute(ALG_AUTH_TRUNC, algorithm("hmac(sha1)", suite.authentication_key,
                                            struct.pack("=I", 8 * suite.icv_bytes))),
        attribute(IF_ID, struct.pack("=I", tunnel.if_id)),
    ]))


def delete_sa(tunnel: Tunnel, way: str, spi: int) -> bytes:
    name = address(ends(tunnel, way)[1]) + struct.pack("!I", spi) + \
        struct.pack("=HB1x", socket.AF_INET, 50)
    return message(DELSA, 0, name)


def datagrams(messages: list[bytes], family: int) -> list[bytes]:
    """Many messages to each; all are of one length. The last asks for an ack."""
    per_datagram = DATAGRAM_BYTES[family] // len(messages[0])
    batches = []
    for first in range(0, len(messages), per_datagram):
        batch = messages[first:first + per_datagram]
        last = bytearray(batch[-1])
        last[FLAGS_AT] |= ACK
        batches.append(b"".join(batch[:-1]) + bytes(last))
    return batches


class Client:
    """A connection that speaks one family."""

    def __init__(self, path: pathlib.Path, family: int):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(30)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        self.socket.connect(str(path))
        self.socket.send(message(HELLO, ACK, struct.pack("=II", 1, family)))
        self.read_ack()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_) -> None:
        self.socket.close()

    def read_ack(self) -> int:
        """Acks in the next datagram; fails with the server's words."""
        datagram = self.socket.recv(1 << 16)
        if not datagram:
            raise Failure("the control socket hung up")
        acks = 0
        while datagram:
            length, kind = struct.unpack_from("=IH", datagram)
            error, = struct.unpack_from("=i", datagram, 16)
            if kind != ERROR or error:
                words = datagram[40:length].rstrip(b"\0").decode(errors="replace")
                raise Failure(f"the control socket refuses: {os.strerror(-error)}: {words}")
            acks += 1
            datagram = datagram[length + 3 & ~3:]
        return acks

    def pour(self, batches: list[bytes]) -> None:
        """Sends all of them; returns when the last one is acknowledged."""
        waiting = 0
        for batch in batches:
            while waiting >= AHEAD:
                waiting -= self.read_ack()
            self.socket.send(batch)
            waiting += 1
        while waiting:
            waiting -= self.read_ack()

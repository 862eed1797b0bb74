# SPDX-License-Identifier: BSD-3-Clause
"""The ROUTE family of the control socket, spoken byte by byte."""
import socket as socket_module
import struct

import xfrm

OVERRUN, NEWROUTE, DELROUTE, NEWNEIGH = 4, 24, 25, 28
BEGIN, COMMIT = 0xF020, 0xF021
REPLACE = 0x500  # NLM_F_CREATE | NLM_F_REPLACE
IPV4_ROUTE = 7  # RTNLGRP_IPV4_ROUTE


class Client:
    """One connection of the ROUTE family."""

    def __init__(self, path, groups=()):
        self.socket = socket_module.socket(socket_module.AF_UNIX, socket_module.SOCK_SEQPACKET)
        self.socket.settimeout(20)
        self.socket.connect(str(path))
        self.socket.send(message(xfrm.HELLO, struct.pack("=II", 1, 0)))
        assert self.statuses(1) == [0]
        for group in groups:
            self.socket.send(message(xfrm.GROUP, struct.pack("=II", group, 1)))
            assert self.statuses(1) == [0]

    def messages(self):
        """(type, body) of each message of one datagram."""
        datagram = self.socket.recv(1 << 16)
        assert datagram, "the server hung up"
        while datagram:
            length, kind = struct.unpack_from("=IH", datagram)
            yield kind, datagram[16:length]
            datagram = datagram[length + 3 & ~3:]

    def statuses(self, count):
        """That many errnos of acks, refusals and ends of listings; a refusal has words."""
        found = []
        while len(found) < count:
            for kind, body in self.messages():
                if kind in (xfrm.ERROR, xfrm.DONE):
                    error = -struct.unpack_from("=i", body)[0]
                    assert not error or kind == xfrm.DONE or len(body) > 24, "without words"
                    found.append(error)
        return found


def message(kind, body, flags=xfrm.ACK):
    return struct.pack("=IHHII", 16 + len(body), kind, xfrm.REQUEST | flags, 1, 0) + body


def route(kind, prefix, bits, ifindex, flags=0):
    """A route into one interface, or into several of equal weight."""
    several = not isinstance(ifindex, int)
    ways = xfrm.attribute(9, b"".join(struct.pack("=HBBi", 8, 0, 0, hop) for hop in ifindex)) \
        if several else xfrm.attribute(4, struct.pack("=I", ifindex))
    body = struct.pack("=BBBBBBBBI", 2, bits, 0, 0, 254, 3, 0, 1, 0) + \
        xfrm.attribute(1, prefix) + ways
    return message(kind, body, xfrm.ACK | flags)


def begin(owner):
    return message(BEGIN, xfrm.attribute(1, owner.encode() + b"\0"))


def commit():
    return message(COMMIT, b"")

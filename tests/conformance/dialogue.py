# SPDX-License-Identifier: BSD-3-Clause
"""Traces: what a program and the control socket said to each other, one datagram a line.

    # a remark
    gateway plain                     which configuration (gateways.py) it was said to
    1 > 3c000000...  # 0.012 NEWSA    a datagram from the program on its first connection
    1 < 24000000...  # 0.013 ERROR    and one to it
    lan0 0200...     # 0.500          a frame that came in at a port
    1 -                               the connection ended
"""
import struct
from dataclasses import dataclass

HELLO, GROUP, ERROR, DONE = 0xF000, 0xF001, 2, 3
ROUTE, XFRM = 0, 6
MULTI = 2

COMMON = {ERROR: "ERROR", DONE: "DONE", 4: "OVERRUN", HELLO: "HELLO", GROUP: "GROUP"}
NAMES = {
    XFRM: dict(enumerate(
        "NEWSA DELSA GETSA NEWPOLICY DELPOLICY GETPOLICY ALLOCSPI ACQUIRE EXPIRE UPDPOLICY UPDSA "
        "POLEXPIRE FLUSHSA FLUSHPOLICY NEWAE GETAE REPORT MIGRATE NEWSADINFO GETSADINFO "
        "NEWSPDINFO GETSPDINFO MAPPING SETDEFAULT GETDEFAULT".split(), start=16)),
    ROUTE: {4 * n + 16 + k: verb + noun
            for n, noun in enumerate("LINK ADDR ROUTE NEIGH RULE".split())
            for k, verb in enumerate("NEW DEL GET SET".split())},
}


@dataclass
class Message:
    kind: int
    flags: int
    sequence: int
    pid: int
    body: bytes

    @property
    def error(self):
        """The errno of an ERROR or DONE."""
        return -struct.unpack_from("=i", self.body)[0] if self.kind in (ERROR, DONE) else None


def messages(datagram):
    while len(datagram) >= 16:
        length, *header = struct.unpack_from("=IHHII", datagram)
        yield Message(*header, datagram[16:length])
        datagram = datagram[length + 3 & ~3:]


def family_of(hello):
    """What the first datagram of a connection asks for."""
    return struct.unpack_from("=II", hello, 16)[1]


def kind_name(family, kind):
    return COMMON.get(kind) or NAMES[family].get(kind, str(kind))


def describe(family, datagram):
    """For the remark behind a line."""
    words = []
    for message in messages(datagram):
        name = kind_name(family, message.kind)
        words.append(f"{name} {message.error}" if message.kind == ERROR else name)
    return ", ".join(f"{words.count(word)} {word}" if words.count(word) > 1 else word
                     for word in dict.fromkeys(words))


@dataclass
class Line:
    """`who`: a connection's number or a port's name; `way`: "<", ">", "-" or "" for a frame."""

    number: int
    who: str
    way: str
    data: bytes


def read(path):
    """The gateway's name, and the lines."""
    gateway, lines = None, []
    for number, text in enumerate(path.read_text().splitlines(), start=1):
        words = text.split("#")[0].split()
        if not words:
            continue
        if words[0] == "gateway":
            gateway = words[1]
        elif words[0].isdigit():
            lines.append(Line(number, words[0], words[1], bytes.fromhex("".join(words[2:]))))
        else:
            lines.append(Line(number, words[0], "", bytes.fromhex(words[1])))
    return gateway, lines

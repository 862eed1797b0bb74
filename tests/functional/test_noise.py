# SPDX-License-Identifier: BSD-3-Clause
"""A thousand messages that nobody should send, in each family, on both sockets.

Half are what charon and iproute2 were recorded to ask (tests/conformance), damaged so that they cannot
be right any more; half are random under a header that is. Each is refused with an errno and words,
and afterwards every table is, byte for byte, what it was.
"""
import errno
import random
import socket as sockets
import struct
import sys
from pathlib import Path

import pytest

import xfrm
from esp import SCENARIO_SUITE
from gateway import PATIENCE
from topology import Topology

CONFORMANCE = Path(__file__).parents[1] / "conformance"
sys.path.append(str(CONFORMANCE))

# pylint: disable=wrong-import-position
import dialogue  # noqa: E402
from dialogue import DONE, ERROR, GROUP, HELLO, ROUTE, XFRM, messages  # noqa: E402

OWN = 0xE5
MESSAGES = 1000
REQUEST, ACK, DUMP = 1, 4, 0x300
NEWPOLICY, GETPOLICY, GETSA, GETROUTE, GETNEIGH = 0x13, 0x15, 0x12, 26, 30
# Bytes in front of the attributes.
FIXED = {XFRM: {0x10: 224, 0x1A: 224, 0x11: 24, 0x12: 24, 0x13: 168, 0x19: 168, 0x14: 64, 0x15: 64,
                0x16: 232, 0x1E: 48, 0x1F: 48},
         ROUTE: {24: 12, 25: 12, 26: 12, 28: 12, 29: 12, 30: 12, 18: 16},
         OWN: {0xF011: 0, 0xF013: 0}}
# For these, random bytes cannot be right: a family, an address, an SPI or a name would have to be met.
RANDOM = {XFRM: (0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x19, 0x1A, 0x1B, 0x1E, 0x1F, 0x18, 0x21),
          ROUTE: (16, 17, 19, 20, 21, 24, 25, 26, 28, 29, 30),
          OWN: (0xF010, 0xF011, 0xF013)}
CHANGES = {XFRM: (0x10, 0x11, 0x13, 0x14, 0x16, 0x19, 0x1A), ROUTE: (24, 25, 28, 29)}
TYPES = {XFRM: range(0x10, 0x29), ROUTE: range(16, 128), OWN: range(0xF010, 0xF022)}


def attribute(kind, data):
    return struct.pack("=HH", 4 + len(data), kind) + data + bytes(-len(data) % 4)


def recorded(family):
    """Every request with attributes that a real program has made: (type, flags, body)."""
    if family == OWN:
        return [(0xF011, ACK, attribute(1, bytes([10, 0, 0, 1])) + attribute(2, bytes([10, 1, 1, 1]))
                 + attribute(3, b"\x11")),
                (0xF013, ACK, attribute(1, b"conn1\0") + attribute(2, b"\1"))]
    found = set()
    for path in (CONFORMANCE / "traces").glob("*.trace"):
        families = {}
        for line in dialogue.read(path)[1]:
            if line.way != ">":
                continue
            if line.who not in families:
                families[line.who] = dialogue.family_of(line.data)
            elif families[line.who] == family:
                found |= {(m.kind, m.flags, m.body) for m in messages(line.data)
                          if m.kind in FIXED[family] and not m.flags & 0x200
                          and len(m.body) > FIXED[family][m.kind]}
    return sorted(found)


def spots(fixed, body):
    """Where attributes begin."""
    at = fixed
    while at + 4 <= len(body):
        yield at
        at += max(4, struct.unpack_from("=H", body, at)[0] + 3 & ~3)


def cut_short(rng, fixed, body):
    """Within an attribute, so that it says that it is longer than what there is; or before any."""
    at = rng.choice(list(spots(fixed, body)))
    length, = struct.unpack_from("=H", body, at)
    if length > 4 and rng.random() < 0.7:
        return body[:at + rng.randrange(4, length)]
    return body[:rng.randrange(fixed)] if fixed else body[:at + 4]


def lie_about_length(rng, fixed, body):
    at = rng.choice(list(spots(fixed, body)))
    lie = rng.choice([0, 1, 2, 3, len(body) - at + rng.randrange(1, 60000 - len(body))])
    return body[:at] + struct.pack("=H", lie) + body[at + 2:]


def say_nonsense(rng, fixed, body):
    """An attribute that there is not, and which is none of a nested kind."""
    return body + attribute(rng.randrange(200, 0x3000), rng.randbytes(rng.randrange(40)))


def damaged(rng, family):
    kind, flags, body = rng.choice(RECORDED[family])
    ways = [cut_short, lie_about_length]
    if family == OWN:  # the others pass over attributes that are newer than they, as kernels do
        ways.append(say_nonsense)
    return kind, flags & ~DUMP | REQUEST | ACK, \
        rng.choice(ways)(rng, FIXED[family].get(kind, 0), body)


def of_a_type_that_is_not(rng, family):
    while (kind := rng.randrange(16, 1 << 16)) in TYPES[family] or kind in (HELLO, GROUP, 0xF020,
                                                                           0xF021):
        pass
    return kind, REQUEST | ACK, rng.randbytes(rng.randrange(300))


def noise(rng, family):
    kind = rng.choice(RANDOM[family])
    body = bytearray(rng.randbytes(rng.choice([rng.randrange(8), rng.randrange(400)])))
    if family == ROUTE and body:
        body[0] = rng.choice([rng.randrange(3, 256), rng.randrange(256)])
        body[0] += 100 * (body[0] in (0, 2, 7, 10))  # no family that there is
    if family == OWN and kind == 0xF010:
        body = struct.pack("=I", rng.randrange(100, 1 << 32)) + body[4:]
    return kind, REQUEST | ACK, bytes(body)


RECORDED = {family: recorded(family) for family in (XFRM, ROUTE, OWN)}


class Talker:
    def __init__(self, path, family):
        self.socket = sockets.socket(sockets.AF_UNIX, sockets.SOCK_SEQPACKET)
        self.socket.settimeout(10 * PATIENCE)
        self.socket.connect(str(path))
        self.sequence = 0
        assert self.ask(HELLO, REQUEST | ACK, struct.pack("=II", 1, family))[-1].error == 0

    def ask(self, kind, flags, body=b""):
        """All messages up to the end of the answer."""
        self.sequence += 1
        self.socket.send(struct.pack("=IHHII", 16 + len(body), kind, flags, self.sequence, 7) +
                         body)
        said = []
        while not said or said[-1].kind not in (ERROR, DONE):
            datagram = self.socket.recv(1 << 16)
            assert datagram, "the server hung up"
            said += messages(datagram)
        assert all(message.sequence == self.sequence for message in said)
        return said


def tables(path):
    """All that can be told of SAs with their keys, policies, routes and neighbors."""
    told = {}
    for family, kind, body in ((XFRM, GETSA, b""), (XFRM, GETPOLICY, b""),
                               (ROUTE, GETROUTE, b"\2" + bytes(11)),
                               (ROUTE, GETNEIGH, b"\2" + bytes(11)), (ROUTE, 18, bytes(16))):
        rows = Talker(path, family).ask(kind, REQUEST | DUMP, body)
        told[family, kind] = sorted(row.body for row in rows if row.kind != DONE)
    return told


@pytest.fixture
def gateway(start, socket):
    """With SAs of messages, a policy and a route besides those of the file."""
    topology = Topology([SCENARIO_SUITE] * 4)
    process = start(topology)
    client = Talker(socket, XFRM)
    for kind, flags, body in RECORDED[XFRM]:
        if kind in (xfrm.NEWSA, NEWPOLICY):
            client.ask(kind, flags | ACK, body)
    client = Talker(socket, ROUTE)
    for kind, flags, body in RECORDED[ROUTE]:
        if kind == 24:
            client.ask(kind, flags | ACK, body)
    return process


def refused(message):
    """It has an errno, and words in its last attribute."""
    assert message.kind == ERROR and message.error, message
    words = xfrm.attributes(message.body[20:]).get(1, b"")
    assert len(words) > 8 and words.endswith(b"\0") and words[:-1].decode().isprintable(), message
    return message.error


@pytest.mark.parametrize("family", [XFRM, ROUTE, OWN], ids=["xfrm", "route", "own"])
@pytest.mark.parametrize("access", ["rw", "ro"])
def test_a_thousand_messages_change_nothing(gateway, socket, family, access):
    rng = random.Random(family)
    path = socket if access == "rw" else Path(str(socket).replace(".sock", "-ro.sock"))
    before = tables(socket)
    assert all(before.values())
    client = Talker(path, family)
    errors = set()
    for number in range(MESSAGES):
        kind, flags, body = rng.choice([damaged, damaged, noise, noise, of_a_type_that_is_not])(
            rng, family)
        try:
            errors.add(refused(client.ask(kind, flags, body)[-1]))
        except (AssertionError, TimeoutError) as failure:
            raise AssertionError(f"message {number}: type {kind}, {body.hex()}: {failure}") from failure
    assert len(errors) >= 2
    assert tables(socket) == before
    assert "heap: balanced" in gateway.stop().output


@pytest.mark.parametrize("family", [XFRM, ROUTE], ids=["xfrm", "route"])
def test_who_may_only_read_changes_nothing(gateway, socket, family):
    """Not by what a real program said on the other socket, either."""
    before = tables(socket)
    client = Talker(Path(str(socket).replace(".sock", "-ro.sock")), family)
    changes = [request for request in RECORDED[family] if request[0] in CHANGES[family]]
    assert len(changes) > 10
    for kind, flags, body in changes:
        assert refused(client.ask(kind, flags | ACK, body)[-1]) == errno.EPERM
    assert tables(socket) == before
    gateway.stop()


@pytest.mark.parametrize("family", [XFRM, ROUTE, OWN], ids=["xfrm", "route", "own"])
def test_a_thousand_datagrams_of_noise_change_nothing(gateway, socket, family):
    """No header to believe. Whoever sends such may be sent away, and comes again."""
    rng = random.Random(family)
    before = tables(socket)
    client, answers = Talker(socket, family), 0
    for _ in range(MESSAGES):
        data = bytearray(rng.randbytes(rng.choice([rng.randrange(16), rng.randrange(16, 400)])))
        if rng.random() < 0.3 and len(data) >= 4:
            data[:4] = struct.pack("=I", len(data) + rng.randrange(1, 100))
        try:
            client.socket.send(data)
            said = client.socket.recv(1 << 16, sockets.MSG_DONTWAIT)
        except BlockingIOError:
            continue
        except OSError:
            said = b""
        for message in messages(said):
            refused(message)
            answers += 1
        if not said:
            client = Talker(socket, family)
    client.socket.settimeout(0.5 * PATIENCE)
    try:
        while said := client.socket.recv(1 << 16):
            answers += len(list(messages(said)))
    except OSError:
        pass
    assert answers > MESSAGES / 4
    assert tables(socket) == before
    gateway.stop()

# SPDX-License-Identifier: BSD-3-Clause
"""Recorded conversations of real programs with Espalier (tests/conformance), said again without them.

Every request goes out as it was recorded. Every answer and event must be what it was then: type,
flags, errno, sequence number, port id, each attribute and each byte, but for

* SPIs that ALLOCSPI gives: they are mapped, in what follows too;
* times: set or not set must be the same;
* the wording of refusals: there must be one;
* the order of the rows of a listing.
"""
import socket as sockets
import struct
import sys
from pathlib import Path

import pytest

CONFORMANCE = Path(__file__).parents[1] / "conformance"
sys.path.append(str(CONFORMANCE))

# pylint: disable=wrong-import-position
import dialogue  # noqa: E402
from dialogue import DONE, ERROR, MULTI, XFRM, kind_name, messages  # noqa: E402
from gateway import PATIENCE  # noqa: E402
from gateways import GATEWAYS  # noqa: E402
from xfrm import ALLOCSPI, EXPIRE, NEWAE, NEWSA, UPDSA, attributes  # noqa: E402

TRACES = sorted((CONFORMANCE / "traces").glob("*.trace"))
DELSA, NEWPOLICY, DELPOLICY, ACQUIRE, UPDPOLICY, POLEXPIRE = 0x11, 0x13, 0x14, 0x17, 0x19, 0x1B
# Fixed parts, in bytes, and where in them two u64 say when it was added and last used.
XFRM_FIXED = {NEWSA: (224, 176), UPDSA: (224, 176), DELSA: (24, None), EXPIRE: (232, 176),
              NEWPOLICY: (168, 136), UPDPOLICY: (168, 136), DELPOLICY: (64, None),
              POLEXPIRE: (176, 136), NEWAE: (48, None), ACQUIRE: (280, 232),
              0x22: (4, None), 0x24: (4, None), 0x28: (4, None)}
ROUTE_FIXED = {16: 16, 17: 16, 20: 8, 21: 8, 24: 12, 25: 12, 28: 12, 29: 12}
# Attributes: a whole SA or policy within an event; times within LTIME_VAL; what counts.
SA_WITHIN, POLICY_WITHIN, LTIME_VAL, LAST_USED = 6, 7, 9, 15
ROUTE_COUNTS = {16: {7, 23}, 20: {6}, 28: {3}}


def when(data, offset):
    """Times at which something happened become 1, no time stays 0."""
    times = struct.unpack_from("=2Q", data, offset)
    return data[:offset] + struct.pack("=2Q", *map(bool, times)) + data[offset + 16:]


def canonical(family, message):
    """What must be the same as then, as a tuple for people to read in a failed comparison."""
    name = kind_name(family, message.kind)
    header = (name, message.flags, message.sequence, message.pid)
    if message.kind == ERROR:
        worded = bool(message.error and attributes(message.body[20:])[1])
        return (*header, message.error, message.body[4:20].hex(), worded)
    if message.kind == DONE:
        return (*header, message.error)
    if message.kind >= dialogue.HELLO:
        return (*header, message.body.hex())
    return (*header, *(xfrm if family == XFRM else route)(message.kind, message.body))


def xfrm(kind, body):
    size, times = XFRM_FIXED[kind]
    fixed = body[:size] if times is None else when(body[:size], times)
    found = attributes(body[size:])
    if SA_WITHIN in found and kind == DELSA:
        found[SA_WITHIN] = when(found[SA_WITHIN], 176)
    if POLICY_WITHIN in found and kind == DELPOLICY:
        found[POLICY_WITHIN] = when(found[POLICY_WITHIN], 136)
    if LTIME_VAL in found:
        found[LTIME_VAL] = when(found[LTIME_VAL], 16)
    if LAST_USED in found:
        found[LAST_USED] = b"then"
    return fixed.hex(), {number: data.hex() for number, data in found.items()}


def route(kind, body):
    size = ROUTE_FIXED[kind]
    counts = ROUTE_COUNTS.get(kind, ())
    return body[:size].hex(), {number: "counts" if number in counts else data.hex()
                               for number, data in attributes(body[size:]).items()}


class Spis:
    """SPIs that were given then, and those that are given now."""

    def __init__(self):
        self.pairs = []

    def learn(self, then, now):
        spi_then, spi_now = then.body[72:76], now.body[72:76]
        if (spi_then, spi_now) not in self.pairs:
            self.pairs.append((spi_then, spi_now))

    def now(self, data):
        for then, now in self.pairs:
            data = data.replace(then, now)
        return data

    def then(self, data):
        for then, now in self.pairs:
            data = data.replace(now, then)
        return data


class Connection:
    """One of the program's."""

    def __init__(self, path, spis):
        self.socket = sockets.socket(sockets.AF_UNIX, sockets.SOCK_SEQPACKET)
        self.socket.settimeout(5 * PATIENCE)
        self.socket.connect(str(path))
        self.spis = spis
        self.family = None
        self.reserving = set()  # sequence numbers of ALLOCSPI
        self.expected, self.arrived = [], []

    def send(self, data):
        if self.family is None:
            self.family = dialogue.family_of(data)
        else:
            self.reserving |= {m.sequence for m in messages(data)
                               if (self.family, m.kind) == (XFRM, ALLOCSPI)}
        self.socket.send(self.spis.now(data))

    def expect(self, data):
        """A listing is compared when its end has come, everything else at once."""
        self.expected += messages(data)
        while len(self.arrived) < len(self.expected):
            said = self.socket.recv(1 << 20)
            assert said, "the gateway hung up"
            self.arrived += messages(said)
        if self.expected[-1].flags & MULTI and self.expected[-1].kind != DONE:
            return
        then, now = self.expected, self.arrived[:len(self.expected)]
        self.expected, self.arrived = [], self.arrived[len(then):]
        for one, other in zip(then, now):
            if one.kind == other.kind == NEWSA and one.sequence in self.reserving:
                self.spis.learn(one, other)
        for message in now:
            message.body = self.spis.then(message.body)
        assert self.rows(now) == self.rows(then)

    def rows(self, said):
        rows = [canonical(self.family, message) for message in said]
        return sorted(rows, key=repr) if said[-1].flags & MULTI else rows

    def end(self):
        """Nothing more may have been said."""
        assert self.arrived == []
        self.socket.setblocking(False)
        with pytest.raises(BlockingIOError):
            said = self.socket.recv(1 << 20)
            pytest.fail(f"beyond the trace: {dialogue.describe(self.family, said)}")
        self.socket.close()


@pytest.mark.parametrize("path", TRACES, ids=[path.stem for path in TRACES])
def test_trace(start, socket, path):
    name, lines = dialogue.read(path)
    ports = {line.who for line in lines if not line.way}
    gateway = start(GATEWAYS[name](socket),
                    **{port.rstrip("0"): "live" for port in ports})
    spis, connections = Spis(), {}
    for line in lines:
        place = f"{path.name}:{line.number}"
        if not line.way:
            gateway.feed(line.who, [line.data])
            continue
        if line.who not in connections:
            connections[line.who] = Connection(socket, spis)
        connection = connections[line.who]
        try:
            {">": connection.send, "<": connection.expect,
             "-": lambda _, end=connection.end: end()}[line.way](line.data)
        except (AssertionError, OSError) as failure:
            raise AssertionError(f"{place}: {failure}") from failure
    gateway.stop()


def test_every_program_is_there():
    """A directory that lost its traces would pass in silence."""
    assert {path.stem.split("-")[0] for path in TRACES} == {"charon", "ip"}

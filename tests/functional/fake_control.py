# SPDX-License-Identifier: BSD-3-Clause
"""A control socket without a gateway behind it: records what comes, answers as the kernel would.

Written from linux/netlink.h, linux/xfrm.h and docs/control-socket.md, on struct alone, so that
what it understands is what a stranger understands.
"""
import errno
import os
import socket
import struct
import threading
from dataclasses import dataclass, field

NLMSG_ERROR, NLMSG_DONE = 2, 3
HELLO, GROUP = 0xF000, 0xF001
REQUEST, MULTI, ACK, DUMP = 1, 2, 4, 0x300
ROUTE, XFRM = 0, 6

NEWSA, DELSA, GETSA, ALLOCSPI, EXPIRE, UPDSA, FLUSHSA, GETAE = (
    0x10, 0x11, 0x12, 0x16, 0x18, 0x1A, 0x1C, 0x1F)
NEWPOLICY, NEWSPDINFO, GETSPDINFO = 0x13, 0x24, 0x25
GROUP_EXPIRE, GROUP_SA = 2, 3

# struct xfrm_usersa_info: where the parts of an SA's name stand.
INFO_BYTES, DADDR, SPI, PROTO, SADDR, REQID, FAMILY, MODE = 224, 56, 72, 76, 80, 208, 212, 214


def pad(data):
    return data + bytes(-len(data) % 4)


def message(kind, body=b"", flags=0, sequence=0, pid=0):
    return pad(struct.pack("=IHHII", 16 + len(body), kind, flags, sequence, pid) + body)


def messages(datagram):
    """(kind, flags, sequence, pid, body) of each."""
    while len(datagram) >= 16:
        length, *rest = struct.unpack_from("=IHHII", datagram)
        yield *rest, datagram[16:length]
        datagram = datagram[(length + 3) & ~3:]


def attribute(kind, data):
    return pad(struct.pack("=HH", 4 + len(data), kind) + data)


def sa_info(daddr, spi, *, saddr="203.0.113.191", reqid=1):
    """struct xfrm_usersa_info of an IPv4 tunnel-mode ESP SA."""
    info = bytearray(INFO_BYTES)
    info[DADDR:DADDR + 4] = socket.inet_aton(daddr)
    struct.pack_into(">I", info, SPI, spi)
    info[PROTO] = socket.IPPROTO_ESP
    info[SADDR:SADDR + 4] = socket.inet_aton(saddr)
    struct.pack_into("=I", info, REQID, reqid)
    struct.pack_into("=H", info, FAMILY, socket.AF_INET)
    info[MODE] = 1
    return bytes(info)


def sa_id(info):
    """struct xfrm_usersa_id of an SA."""
    return info[DADDR:SPI + 4] + info[FAMILY:FAMILY + 2] + info[PROTO:PROTO + 1] + b"\0"


@dataclass
class Request:
    family: int
    kind: int
    flags: int
    sequence: int
    pid: int
    body: bytes = field(repr=False)


class Client:
    """One connection, in a thread of its own."""

    def __init__(self, server, connection):
        self.server, self.connection = server, connection
        self.family, self.groups = None, set()

    def run(self):
        try:
            while datagram := self.connection.recv(65536):
                for kind, flags, sequence, pid, body in messages(datagram):
                    if not self.take(Request(self.family, kind, flags, sequence, pid, body)):
                        return
        except OSError:
            pass
        finally:
            self.connection.close()
            self.server.clients.discard(self)

    def take(self, request):
        """False: hang up."""
        if self.family is None:
            version, family = struct.unpack("=II", request.body)
            assert (request.kind, version) == (HELLO, 1)
            error = 0 if family in self.server.families else errno.EPROTO
            self.acknowledge(request, error)
            self.family = family
            return error == 0
        if request.kind == GROUP:
            group, join = struct.unpack("=II", request.body)
            (self.groups.add if join else self.groups.discard)(group)
            self.acknowledge(request, 0)
            return True
        with self.server.lock:
            self.server.requests.append(request)
            silent = self.server.silent
        if not silent:
            self.answer(request)
        return True

    def say(self, *parts):
        self.connection.send(b"".join(parts))

    def acknowledge(self, request, error):
        if error or request.flags & ACK:
            header = struct.pack("=IHHII", 16 + len(request.body), request.kind, request.flags,
                                 request.sequence, request.pid)
            self.say(message(NLMSG_ERROR, struct.pack("=i", -error) + header, 0,
                             request.sequence, request.pid))

    def row(self, request, kind, body, flags=0):
        return message(kind, body, flags, request.sequence, request.pid)

    def answer(self, request):
        sas, error = self.server.sas, self.server.refusals.get(request.kind, 0)
        if request.family == XFRM:
            info = request.body[:INFO_BYTES]
            if request.kind in (NEWSA, UPDSA):
                if request.kind == NEWSA and sa_id(info) in sas:
                    error = errno.EEXIST
                else:
                    sas[sa_id(info)] = request.body
            elif request.kind == DELSA:
                error = 0 if sas.pop(request.body[:24], None) else errno.ESRCH
            elif request.kind == FLUSHSA:
                sas.clear()
            elif request.kind == ALLOCSPI:
                self.server.spi += 1
                info = bytearray(info)
                struct.pack_into(">I", info, SPI, self.server.spi)
                self.say(self.row(request, NEWSA, bytes(info)))
            elif request.kind == GETSPDINFO:
                self.say(self.row(request, NEWSPDINFO, bytes(4)))
            elif request.kind == GETAE:  # no SA has a replay state; charon waits for an answer
                error = errno.ESRCH
            elif request.kind == GETSA and request.flags & DUMP:
                return self.list(request)
            elif request.kind == GETSA:
                if body := sas.get(request.body[:24]):
                    self.say(self.row(request, NEWSA, body))
                else:
                    error = errno.ESRCH
        elif request.kind % 4 == 2 and request.flags & DUMP:  # RTM_GET...
            return self.list(request)
        elif request.kind % 4 == 2:
            error = errno.ENODEV
        self.acknowledge(request, error)
        return None

    def list(self, request):
        """A datagram for each row, the last with the end in it."""
        rows = self.server.rows or [(NEWSA, body) for body in self.server.sas.values()]
        if request.family == ROUTE:
            rows = self.server.routes.get(request.kind, [])
        for kind, body in rows:
            self.say(self.row(request, kind, body, MULTI))
            if self.server.break_off:
                self.connection.shutdown(socket.SHUT_RDWR)
                return
        self.say(self.row(request, NLMSG_DONE, bytes(4), MULTI))


class FakeControl:
    """Serves the control socket at `path`, until stop(); start() begins anew, with empty tables."""

    def __init__(self, path):
        self.path = str(path)
        self.families = {ROUTE, XFRM}
        self.lock = threading.Lock()
        self.requests = []
        self.silent = False  # takes requests and answers none
        self.break_off = False  # hangs up after the first row of a listing
        self.refusals = {}  # errors of requests, by type
        self.routes, self.rows = {}, None
        self.clients, self.spi, self.sas = set(), 0xC0000000, {}
        self.listener = None

    def start(self):
        self.sas = {}
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(self.path)
        self.listener.listen(64)
        threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()
        return self

    def accept(self, listener):
        try:
            while True:
                client = Client(self, listener.accept()[0])
                self.clients.add(client)
                threading.Thread(target=client.run, daemon=True).start()
        except OSError:
            pass

    def stop(self):
        """As a gateway that is killed: everybody's connection breaks."""
        if self.listener is None:
            return
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.listener = None
        os.unlink(self.path)
        clients, self.clients = self.clients, set()
        for client in list(clients):
            try:
                client.connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # gone by itself

    def restart(self):
        self.stop()
        self.silent = False
        self.start()

    def kinds(self, family=XFRM):
        """Types of the requests so far, without the broker's own."""
        with self.lock:
            return [request.kind for request in self.requests
                    if request.family == family and request.pid != 0xFFFFFFFF]

    def joined(self, group):
        return any(group in client.groups for client in list(self.clients))

    def event(self, group, datagram):
        for client in list(self.clients):
            if group in client.groups:
                client.connection.send(datagram)

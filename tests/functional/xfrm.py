# SPDX-License-Identifier: BSD-3-Clause
"""A small client of the control socket's XFRM family: messages as charon and ip put them."""
import ipaddress
import os
import socket
import struct

HELLO, GROUP = 0xF000, 0xF001
ERROR, DONE = 2, 3
NEWSA, DELSA, GETSA, ALLOCSPI, EXPIRE, UPDSA, FLUSHSA, NEWAE, GETAE = (
    0x10, 0x11, 0x12, 0x16, 0x18, 0x1A, 0x1C, 0x1E, 0x1F)
GROUP_EXPIRE, GROUP_SA = 2, 3
REQUEST, ACK, DUMP, REPLACE = 1, 4, 0x300, 0x100
ALG_AUTH, ALG_CRYPT, ENCAP, SA_ATTRIBUTE, LTIME_VAL, REPLAY_VAL = 1, 2, 4, 6, 9, 10
ALG_AEAD, ALG_AUTH_TRUNC, REPLAY_ESN_VAL, IF_ID = 18, 20, 23, 31
ESN_FLAG, INFINITE = 0x80, (1 << 64) - 1

AEADS = {"gcm": "rfc4106(gcm(aes))", "poly1305": "rfc7539esp(chacha20,poly1305)"}
MACS = {"hmac-sha1-96": ("hmac(sha1)", 96), "hmac-sha256-128": ("hmac(sha256)", 128),
        "hmac-sha384-192": ("hmac(sha384)", 192), "hmac-sha512-256": ("hmac(sha512)", 256)}


class Refused(Exception):
    """The errno, and what the server said."""

    def __init__(self, error, words):
        super().__init__(f"{os.strerror(error)}: {words}")
        self.error, self.words = error, words


def attribute(kind, data):
    return struct.pack("=HH", 4 + len(data), kind) + data + bytes(-len(data) % 4)


def attributes(data):
    found = {}
    while data:
        length, kind = struct.unpack_from("=HH", data)
        found[kind] = data[4:length]
        data = data[length + 3 & ~3:]
    return found


def algorithm(name, key, icv_bits=None):
    icv = b"" if icv_bits is None else struct.pack("=I", icv_bits)
    return name.encode().ljust(64, b"\0") + struct.pack("=I", 8 * len(key)) + icv + key


def suite(sa):
    """The attributes that name an SA's suite and hold its keys."""
    if not sa.authentication:
        name = AEADS[sa.suite[0].rsplit("-", 1)[1]]
        return attribute(ALG_AEAD, algorithm(name, sa.key, 128))
    name, bits = MACS[sa.suite[1]]
    return attribute(ALG_CRYPT, algorithm("cbc(aes)", sa.key)) + \
        attribute(ALG_AUTH_TRUNC, algorithm(name, sa.mac_key, bits))


def address(text):
    return ipaddress.IPv4Address(text).packed.ljust(16, b"\0")


LIMITS = ("soft_bytes", "hard_bytes", "soft_packets", "hard_packets",
          "soft_seconds", "hard_seconds", "soft_use", "hard_use")


def info(sa, window=0, flags=0, spi=None, **limits):
    """struct xfrm_usersa_info."""
    values = [limits.get(name, INFINITE if n < 4 else 0) for n, name in enumerate(LIMITS)]
    return bytes(56) + identity(sa, spi)[:24] + address(sa.source) + struct.pack("=8Q", *values) + \
        bytes(32 + 12) + struct.pack("=IIHBBB7x", 0, limits.get("reqid", 1), socket.AF_INET, 1,
                                     window, flags)


def identity(sa, spi=None):
    """struct xfrm_id, which struct xfrm_usersa_id resembles but for its family."""
    return address(sa.destination) + struct.pack("!IB3x", sa.spi if spi is None else spi, 50)


def name(sa):
    """struct xfrm_usersa_id."""
    return address(sa.destination) + struct.pack("!I", sa.spi) + \
        struct.pack("=HB1x", socket.AF_INET, 50)


def state(sa, if_id, *more, window=0, flags=0, **limits):
    """The body of a NEWSA or UPDSA."""
    body = info(sa, window, flags | (ESN_FLAG if sa.esn else 0), **limits) + suite(sa)
    if sa.esn:
        body += attribute(REPLAY_ESN_VAL, struct.pack("=6I", 4, 0, 0, 0, 0, 128) + bytes(16))
    if sa.udp_ports:
        body += attribute(ENCAP, struct.pack("=H", 2) + struct.pack("!HH2x", *sa.udp_ports) +
                          bytes(16))
    return body + attribute(IF_ID, struct.pack("=I", if_id)) + b"".join(more)


class Info:
    """What a struct xfrm_usersa_info and its attributes say."""

    def __init__(self, body):
        self.spi, = struct.unpack_from("!I", body, 72)
        self.bytes, self.packets, self.added, self.used = struct.unpack_from("=4Q", body, 160)
        self.attributes = attributes(body[224:])

    def key(self, kind):
        return self.attributes[kind][68 if kind in (ALG_CRYPT, ALG_AUTH) else 72:]


class Client:
    """One connection; `groups` makes it hear events."""

    def __init__(self, path, groups=()):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(20)
        self.socket.connect(str(path))
        self.sequence = 0
        self.ask(HELLO, struct.pack("=II", 1, 6))
        for group in groups:
            self.ask(GROUP, struct.pack("=II", group, 1))

    def send(self, kind, body, flags=ACK):
        self.sequence += 1
        self.socket.send(struct.pack("=IHHII", 16 + len(body), kind, REQUEST | flags,
                                     self.sequence, 0) + body)

    def receive(self):
        """The messages of one datagram: (type, body)."""
        datagram = self.socket.recv(1 << 16)
        assert datagram, "the server hung up"
        while datagram:
            length, kind = struct.unpack_from("=IH", datagram)
            yield kind, datagram[16:length], datagram[6:8]
            datagram = datagram[length + 3 & ~3:]

    def pour(self, requests, ahead=16):
        """Requests that are only acked, a datagram each, some of them ahead of the acks."""
        waiting = 0
        for request in requests:
            if waiting == ahead:
                waiting -= self.count_acks()
            self.send(*request)
            waiting += 1
        while waiting:
            waiting -= self.count_acks()

    def count_acks(self):
        """Those in the next datagram."""
        answers = list(self.receive())
        for kind, content, _ in answers:
            error, = struct.unpack_from("=i", content)
            assert kind == ERROR and error == 0, f"refused: {os.strerror(-error)}"
        return len(answers)

    def ask(self, kind, body, flags=ACK):
        """All that comes back until the ack or the end of the listing."""
        self.send(kind, body, flags)
        rows = []
        while True:
            for answer, content, answer_flags in self.receive():
                if answer not in (ERROR, DONE):
                    rows.append((answer, content))
                    continue
                error, = struct.unpack_from("=i", content)
                if error:
                    assert struct.unpack("=H", answer_flags)[0] & 0x200, "a refusal without words"
                    raise Refused(-error, attributes(content[20:])[1].rstrip(b"\0").decode())
                return rows

    def put(self, kind, sa, if_id, *more, **settings):
        """NEWSA or UPDSA."""
        self.ask(kind, state(sa, if_id, *more, **settings))

    def add(self, sa, if_id, *more, **settings):
        self.put(NEWSA, sa, if_id, *more, **settings)

    def update(self, sa, if_id, *more, **settings):
        self.put(UPDSA, sa, if_id, *more, **settings)

    def delete(self, sa):
        self.ask(DELSA, name(sa))

    def get(self, sa):
        (kind, body), = self.ask(GETSA, name(sa))
        assert kind == NEWSA
        return Info(body)

    def list(self):
        return [Info(body) for _, body in self.ask(GETSA, b"", DUMP)]

    def reserve(self, sa, if_id, low, high):
        """ALLOCSPI: the SPI."""
        body = info(sa, spi=0) + struct.pack("=II", low, high)
        (_, answer), = self.ask(ALLOCSPI, body + attribute(IF_ID, struct.pack("=I", if_id)))
        return Info(answer).spi

    def where(self, sa):
        """GETAE: the attributes."""
        body = name(sa) + address(sa.source) + struct.pack("=II", 2, 1)
        (_, answer), = self.ask(GETAE, body)
        return attributes(answer[48:])

    def hear(self):
        """The next event: (type, body)."""
        (kind, body, _), = self.receive()
        return kind, body

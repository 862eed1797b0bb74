# SPDX-License-Identifier: BSD-3-Clause
"""The stranger: ESP (RFC 4303) written from the RFCs on top of the `cryptography` package.

It shares no line with Espalier. test_oracle.py proves it against scapy's ESP, which is too slow
for every packet and knows no ESN with HMAC.
"""
import hmac
import os
import random
import struct
from dataclasses import dataclass, field
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, aead, algorithms, modes

import wire

IPV4_NEXT_HEADER = 4


class Encryption(NamedTuple):
    key_bytes: int  # salt included
    iv_bytes: int
    block_bytes: int
    icv_bytes: int  # 0: the authentication says it
    scapy: str


class Authentication(NamedTuple):
    key_bytes: int
    icv_bytes: int
    digest: str
    scapy: str


ENCRYPTIONS = {
    "aes128-cbc": Encryption(16, 16, 16, 0, "AES-CBC"),
    "aes192-cbc": Encryption(24, 16, 16, 0, "AES-CBC"),
    "aes256-cbc": Encryption(32, 16, 16, 0, "AES-CBC"),
    "aes128-gcm": Encryption(20, 8, 4, 16, "AES-GCM"),
    "aes192-gcm": Encryption(28, 8, 4, 16, "AES-GCM"),
    "aes256-gcm": Encryption(36, 8, 4, 16, "AES-GCM"),
    "chacha20-poly1305": Encryption(36, 8, 4, 16, "CHACHA20-POLY1305"),
}
AUTHENTICATIONS = {
    "hmac-sha1-96": Authentication(20, 12, "sha1", "HMAC-SHA1-96"),
    "hmac-sha256-128": Authentication(32, 16, "sha256", "SHA2-256-128"),
    "hmac-sha384-192": Authentication(48, 24, "sha384", "SHA2-384-192"),
    "hmac-sha512-256": Authentication(64, 32, "sha512", "SHA2-512-256"),
}

CBC_SUITES = [(encryption, authentication) for encryption in ENCRYPTIONS
              if encryption.endswith("-cbc") for authentication in AUTHENTICATIONS]
AEAD_SUITES = [(encryption, None) for encryption in ENCRYPTIONS if not encryption.endswith("-cbc")]
ALL_SUITES = CBC_SUITES + AEAD_SUITES
SCENARIO_SUITE = ("aes128-cbc", "hmac-sha1-96")


class Forged(Exception):
    """The integrity check failed."""


@dataclass
class Sa:
    """One security association, as its peer holds it."""

    spi: int
    source: str
    destination: str
    suite: tuple = SCENARIO_SUITE
    esn: bool = False
    udp_ports: tuple = None  # (source, destination): encapsulated in UDP (RFC 3948)
    settings: dict = field(default_factory=dict)  # further keys of the configuration file

    def __post_init__(self):
        self.encryption = ENCRYPTIONS[self.suite[0]]
        self.authentication = AUTHENTICATIONS.get(self.suite[1])
        keys = random.Random(self.spi)
        self.key = keys.randbytes(self.encryption.key_bytes)
        self.mac_key = keys.randbytes(self.authentication.key_bytes) if self.authentication else b""
        self.icv_bytes = self.encryption.icv_bytes or self.authentication.icv_bytes
        self.header_bytes = 8 + self.encryption.iv_bytes
        if self.suite[0].endswith("-gcm"):
            self.aead = aead.AESGCM(self.key[:-4])
        elif not self.authentication:
            self.aead = aead.ChaCha20Poly1305(self.key[:-4])

    @property
    def mtu(self):
        """The largest inner packet that fits into 1500 bytes of outer packet."""
        room = 1500 - 20 - (8 if self.udp_ports else 0) - self.header_bytes - self.icv_bytes
        return room // self.encryption.block_bytes * self.encryption.block_bytes - 2

    def config(self, tunnel, direction):
        """Its entry in the configuration file."""
        entry = {"tunnel": tunnel, "direction": direction, "spi": f"0x{self.spi:08x}",
                 "encryption": self.suite[0], "encryption_key": self.key.hex()}
        if self.authentication:
            entry.update(authentication=self.suite[1], authentication_key=self.mac_key.hex())
        if self.esn:
            entry.update(esn=True)
        if self.udp_ports:
            entry.update(encap_sport=self.udp_ports[0], encap_dport=self.udp_ports[1])
        return {**entry, **self.settings}

    def pad(self, inner):
        """Monotonic padding (RFC 4303 2.4), as little as the cipher wants."""
        count = -(len(inner) + 2) % self.encryption.block_bytes
        return bytes(range(1, count + 1)) + bytes([count])

    def esp(self, inner, sequence, *, next_header=IPV4_NEXT_HEADER, tail=None, iv=None):
        """An ESP packet without outer header. `tail` replaces padding and pad length."""
        clear = inner + (self.pad(inner) if tail is None else tail) + bytes([next_header])
        iv = iv or os.urandom(self.encryption.iv_bytes)
        header = struct.pack("!II", self.spi, sequence & 0xFFFFFFFF)
        if not self.authentication:
            sealed = self.aead.encrypt(self.key[-4:] + iv, clear, self.associated(header, sequence))
            return header + iv + sealed
        cipher = Cipher(algorithms.AES(self.key), modes.CBC(iv)).encryptor()
        body = header + iv + cipher.update(clear) + cipher.finalize()
        return body + self.icv(body, sequence)

    def associated(self, header, sequence):
        """What an AEAD authenticates besides (RFC 4106 5): with ESN all 64 bits."""
        return header[:4] + struct.pack("!Q", sequence) if self.esn else header

    def icv(self, body, sequence):
        """RFC 4303 2.2.1: with ESN the high half goes into the MAC, but not onto the wire."""
        high = struct.pack("!I", sequence >> 32) if self.esn else b""
        return hmac.digest(self.mac_key, body + high, self.authentication.digest)[:self.icv_bytes]

    def open_esp(self, esp, sequence):
        """The plain text, padding included, of an ESP packet with this 64-bit sequence number."""
        header, iv = esp[:8], esp[8:self.header_bytes]
        if not self.authentication:
            try:
                return self.aead.decrypt(self.key[-4:] + iv, esp[self.header_bytes:],
                                         self.associated(header, sequence))
            except InvalidTag:
                raise Forged from None
        body, icv = esp[:-self.icv_bytes], esp[-self.icv_bytes:]
        if self.icv(body, sequence) != icv:
            raise Forged
        cipher = Cipher(algorithms.AES(self.key), modes.CBC(iv)).decryptor()
        return cipher.update(body[self.header_bytes:]) + cipher.finalize()

    def seal(self, inner, sequence, *, tos=0, ttl=64, fragment=0, **oddities):
        """The whole outer packet, as it comes over the Internet. Oddities: see esp()."""
        return self.outer(self.esp(inner, sequence, **oddities), tos=tos, ttl=ttl,
                          fragment=fragment)

    def outer(self, esp, **header):
        if self.udp_ports:
            return wire.ipv4(self.source, self.destination, wire.udp(*self.udp_ports, esp),
                             protocol=wire.UDP, **header)
        return wire.ipv4(self.source, self.destination, esp, protocol=wire.ESP, **header)

    def unwrap(self, packet):
        """The ESP part of an outer packet, whose headers must be what RFC 4303 and 3948 ask."""
        ip = wire.parse(packet)
        assert ip.checksum_good and ip.length == len(packet) and not ip.options
        assert (ip.source, ip.destination) == (self.source, self.destination)
        assert ip.ttl == 64 and ip.fragment & ~wire.DONT_FRAGMENT == 0
        if not self.udp_ports:
            assert ip.protocol == wire.ESP
            return ip.payload
        assert ip.protocol == wire.UDP
        assert ip.payload[:8] == struct.pack("!HHHH", *self.udp_ports, len(ip.payload), 0)
        return ip.payload[8:]

    def open(self, packet, sequence):
        """The inner packet; asserts all that a sender must do, down to the padding."""
        esp = self.unwrap(packet)
        assert struct.unpack_from("!II", esp) == (self.spi, sequence & 0xFFFFFFFF)
        clear = self.open_esp(esp, sequence)
        assert clear[-1] == IPV4_NEXT_HEADER
        inner = clear[:-2 - clear[-2]]
        assert clear[len(inner):-1] == self.pad(inner)
        outer_ip, inner_ip = wire.parse(packet), wire.parse(inner)
        assert outer_ip.tos == inner_ip.tos, "DSCP and ECN are copied (RFC 4301 5.1.2, RFC 6040)"
        assert outer_ip.dont_fragment == inner_ip.dont_fragment
        return inner

    def sequence_of(self, packet):
        return struct.unpack_from("!I", self.unwrap(packet), 4)[0]

    def iv_of(self, packet):
        return self.unwrap(packet)[8:self.header_bytes]

    def scapy(self, sequence=1):
        """The same SA in scapy."""
        from scapy.layers import inet, ipsec
        return ipsec.SecurityAssociation(
            ipsec.ESP, spi=self.spi, seq_num=sequence & 0xFFFFFFFF,
            crypt_algo=self.encryption.scapy, crypt_key=self.key,
            auth_algo=self.authentication.scapy if self.authentication else None,
            auth_key=self.mac_key or None,
            tunnel_header=inet.IP(src=self.source, dst=self.destination),
            nat_t_header=inet.UDP(sport=self.udp_ports[0], dport=self.udp_ports[1])
            if self.udp_ports else None,
            esn_en=self.esn, esn=sequence >> 32)

# SPDX-License-Identifier: BSD-3-Clause
"""Packets as bytes: built and taken apart by hand, since scapy takes a millisecond for each.

test_oracle.py proves this file against scapy.
"""
import socket
import struct
from dataclasses import dataclass

DONT_FRAGMENT = 0x4000
MORE_FRAGMENTS = 0x2000

ICMP, TCP, UDP, ESP = 1, 6, 17, 50

HOST_MAC = bytes.fromhex("020000000099")
ROUTER_MAC = bytes.fromhex("0200000000aa")


def checksum(data):
    """RFC 1071."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def ipv4(source, destination, payload=b"", *, protocol=UDP, ttl=64, tos=0, ident=0, fragment=0,
         options=b""):
    """A packet with a right checksum. `fragment` holds flags and offset as on the wire."""
    header = struct.pack(
        "!BBHHHBBH4s4s", 0x40 | (5 + len(options) // 4), tos, 20 + len(options) + len(payload),
        ident, fragment, ttl, protocol, 0, socket.inet_aton(source),
        socket.inet_aton(destination)) + options
    return resum(header + payload)


def resum(packet):
    """The packet with its header checksum made right."""
    header_bytes = (packet[0] & 15) * 4
    bare = packet[:10] + b"\0\0" + packet[12:header_bytes]
    return bare[:10] + struct.pack("!H", checksum(bare)) + packet[12:]


def udp(source_port, destination_port, payload=b""):
    """Without checksum: RFC 768 allows that, and it makes any payload valid."""
    return struct.pack("!HHHH", source_port, destination_port, 8 + len(payload), 0) + payload


def udp_packet(source, destination, payload=b"", *, sport=1024, dport=2048, **header):
    return ipv4(source, destination, udp(sport, dport, payload), **header)


def icmp(kind, code, rest):
    """`rest` begins with the second word of the ICMP header."""
    body = struct.pack("!BBH", kind, code, 0) + rest
    return body[:2] + struct.pack("!H", checksum(body)) + body[4:]


def echo_request(ident=1, sequence=1, payload=b"espalier"):
    return icmp(8, 0, struct.pack("!HH", ident, sequence) + payload)


def ether(packet, *, ethertype=0x0800, destination=ROUTER_MAC, source=HOST_MAC):
    return destination + source + struct.pack("!H", ethertype) + packet


def ethers(packets):
    return [ether(packet) for packet in packets]


def forwarded(packet):
    """What a router makes of it: TTL lowered by one, and a right checksum."""
    return resum(packet[:8] + bytes([packet[8] - 1]) + packet[9:])


@dataclass(frozen=True)
class Ip:
    """An IPv4 packet taken apart; checksum_good covers the header."""

    tos: int
    length: int
    ident: int
    fragment: int
    ttl: int
    protocol: int
    checksum_good: bool
    source: str
    destination: str
    options: bytes
    payload: bytes

    @property
    def dont_fragment(self):
        return bool(self.fragment & DONT_FRAGMENT)

    @property
    def more_fragments(self):
        return bool(self.fragment & MORE_FRAGMENTS)

    @property
    def offset(self):
        return (self.fragment & 0x1FFF) * 8


def parse(packet):
    version_ihl, tos, length, ident, fragment, ttl, protocol, _, source, destination = \
        struct.unpack_from("!BBHHHBBH4s4s", packet)
    header_bytes = (version_ihl & 15) * 4
    assert version_ihl >> 4 == 4 and header_bytes >= 20
    return Ip(tos, length, ident, fragment, ttl, protocol, checksum(packet[:header_bytes]) == 0,
              socket.inet_ntoa(source), socket.inet_ntoa(destination), packet[20:header_bytes],
              packet[header_bytes:length])


def pieces(packet, *cuts, ident, tos=None):
    """The packet as fragments whose payloads begin at 0 and at `cuts`, with a TOS for each."""
    ip = parse(packet)
    bounds = [0, *cuts, len(ip.payload)]
    toses = tos or [ip.tos] * (len(bounds) - 1)
    return [ipv4(ip.source, ip.destination, ip.payload[begin:end], protocol=ip.protocol,
                 tos=toses[n], ident=ident,
                 fragment=begin // 8 | (MORE_FRAGMENTS if end < len(ip.payload) else 0))
            for n, (begin, end) in enumerate(zip(bounds, bounds[1:]))]


def reassemble(fragments):
    """The payload of a packet from all of its fragments, which must tile it exactly."""
    parts = sorted((parse(fragment) for fragment in fragments), key=lambda part: part.offset)
    payload = b""
    for part in parts:
        assert part.offset == len(payload), "a hole or an overlap"
        assert part.more_fragments == (part is not parts[-1])
        payload += part.payload
    return payload

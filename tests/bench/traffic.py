# SPDX-License-Identifier: BSD-3-Clause
"""Packets as bytes, and the pcap files that replay them."""

import functools
import hmac
import ipaddress
import random
import struct

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

import scenario

UDP, ESP, IPV4_IN_ESP = 17, 50, 4


def write_pcap(path, frames) -> None:
    """Writes the frames as a pcap file of Ethernet, all at time zero."""
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for frame in frames:
            file.write(struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame)


@functools.cache
def address_bytes(address: str) -> bytes:
    return ipaddress.IPv4Address(address).packed


def checksum(header: bytes) -> int:
    total = sum(struct.unpack(f"!{len(header) // 2}H", header))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def ipv4(source: str, destination: str, protocol: int, payload: bytes) -> bytes:
    header = struct.pack(
        "!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0, 0, 64, protocol, 0,
        address_bytes(source), address_bytes(destination),
    )
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + payload


def udp(source_port: int, destination_port: int, length: int) -> bytes:
    """A datagram of that length; no checksum, as RFC 768 allows over IPv4."""
    return struct.pack("!HHHH", source_port, destination_port, length, 0) + bytes(length - 8)


def seal(inner: bytes, spi: int, sequence: int, iv: bytes) -> bytes:
    """The ESP packet (RFC 4303) around an inner IPv4 packet, without its outer header."""
    pad = -(len(inner) + 2) % scenario.BLOCK_BYTES
    plain = inner + bytes(range(1, pad + 1)) + bytes((pad, IPV4_IN_ESP))
    cipher = Cipher(algorithms.AES(scenario.ENCRYPTION_KEY), modes.CBC(iv)).encryptor()
    packet = struct.pack("!II", spi, sequence) + iv + cipher.update(plain) + cipher.finalize()
    icv = hmac.digest(scenario.AUTHENTICATION_KEY, packet, "sha1")
    return packet + icv[: scenario.ICV_BYTES]


def ethernet(port: int, packet: bytes) -> bytes:
    """A frame that the neighbour on that port sends to us."""
    return scenario.PORT_MAC[port] + scenario.NEXT_MAC[port] + b"\x08\x00" + packet


def order(count: int) -> list[int]:
    """The flows in a fixed random order, whole turns of all flows: bursts see them mixed."""
    shuffled = random.Random(count)
    turns = []
    while len(turns) < count:
        turns += shuffled.sample(range(scenario.FLOWS), scenario.FLOWS)
    return turns[:count]


def outbound_frames(size: scenario.Size) -> list[bytes]:
    flows = scenario.flows()
    frames = []
    for number, length in zip(order(scenario.PACKETS), size.lengths()):
        flow = flows[number]
        datagram = udp(flow.near_port, flow.far_port, length - 20)
        frames.append(ethernet(scenario.LAN, ipv4(flow.near, flow.far, UDP, datagram)))
    return frames


def inbound_frames(size: scenario.Size) -> list[bytes]:
    """ESP packets from the far ends. A flow stays on one tunnel, as ECMP over there would do."""
    flows = scenario.flows()
    entropy = random.Random(size.name)
    sequence = dict.fromkeys(scenario.TUNNELS, 0)
    frames = []
    for number, length in zip(order(scenario.PACKETS), size.lengths()):
        flow = flows[number]
        tunnel = scenario.TUNNELS[number % len(scenario.TUNNELS)]
        sequence[tunnel] += 1
        datagram = udp(flow.far_port, flow.near_port, length - 20)
        inner = ipv4(flow.far, flow.near, UDP, datagram)
        packet = seal(inner, tunnel.spi_in, sequence[tunnel], entropy.randbytes(16))
        frames.append(ethernet(scenario.WAN, ipv4(tunnel.remote, tunnel.local, ESP, packet)))
    return frames


def frames(direction: scenario.Direction, size: scenario.Size) -> list[bytes]:
    return (outbound_frames if direction is scenario.OUTBOUND else inbound_frames)(size)

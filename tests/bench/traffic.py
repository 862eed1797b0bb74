# SPDX-License-Identifier: BSD-3-Clause
"""Packets as bytes, and the pcap files that replay them."""

import functools
import hmac
import pathlib
import random
import socket
import struct

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

import scenario
from scenario import LAN, WAN, Suite, Task

UDP, ESP, IPV4_IN_ESP = 17, 50, 4
PADDING = bytes(range(1, 256))


def write_pcap(path, frames) -> None:
    """Writes the frames as a pcap file of Ethernet, all at time zero."""
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for frame in frames:
            file.write(struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame)


def write_files(task: Task, source: int, paths: list[pathlib.Path]) -> None:
    """The packets of a source port, a file for each of its queues; a flow stays in its queue."""
    numbered = list(zip(order(task), frames(task, source)))
    for queue, path in enumerate(paths):
        write_pcap(path, (frame for flow, frame in numbered if flow % len(paths) == queue))


@functools.cache
def address_bytes(address: str) -> bytes:
    return socket.inet_aton(address)


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


def udp(source_port: int, destination_port: int, length: int, number: int) -> bytes:
    """A datagram of that length; its first bytes count. No checksum, as RFC 768 allows."""
    payload = struct.pack("!I", number).ljust(length - 8, b"\0")[: length - 8]
    return struct.pack("!HHHH", source_port, destination_port, length, 0) + payload


class Sealer:
    """Makes ESP packets (RFC 4303) around inner IPv4 packets, without their outer headers."""

    def __init__(self, suite: Suite, seed: str):
        self.suite = suite
        self.iv = random.Random(seed).randbytes(suite.iv_bytes)
        if suite.authentication:
            self.cbc = Cipher(algorithms.AES(suite.encryption_key), modes.CBC(self.iv)).encryptor()
        else:
            self.gcm, self.salt = AESGCM(suite.encryption_key[:-4]), suite.encryption_key[-4:]

    def seal(self, inner: bytes, spi: int, sequence: int) -> bytes:
        pad = -(len(inner) + 2) % self.suite.block_bytes
        plain = inner + PADDING[:pad] + bytes((pad, IPV4_IN_ESP))
        header = struct.pack("!II", spi, sequence)
        if not self.suite.authentication:
            iv = struct.pack("!Q", spi << 32 | sequence)
            return header + iv + self.gcm.encrypt(self.salt + iv, plain, header)  # RFC 4106
        # One chain through all packets: the last block of each is the next one's IV, which is
        # quick, and well enough for packets without secrets.
        sealed = self.cbc.update(plain)
        packet = header + self.iv + sealed
        self.iv = sealed[-self.suite.block_bytes:]
        icv = hmac.digest(self.suite.authentication_key, packet, "sha1")
        return packet + icv[: self.suite.icv_bytes]


def ethernet(port: int, packet: bytes) -> bytes:
    """A frame that the neighbour on that port sends to us."""
    return scenario.PORT_MAC[port] + scenario.NEXT_MAC[port] + b"\x08\x00" + packet


def order(task: Task) -> list[int]:
    """The flows in a fixed random order, whole turns of all flows: bursts see them mixed."""
    shuffled = random.Random(task.packets_n)
    turns = []
    while len(turns) < task.packets_n:
        turns += shuffled.sample(range(task.flows_n), task.flows_n)
    return turns[:task.packets_n]


def outbound_frames(task: Task):
    sent = [0] * task.flows_n
    for number, length in zip(order(task), task.size.lengths(task.packets_n)):
        flow = task.flows[number]
        sent[number] += 1
        datagram = udp(flow.near_port, flow.far_port, length - 20, sent[number])
        yield ethernet(LAN, ipv4(flow.near, flow.far, UDP, datagram))


def inbound_frames(task: Task):
    """ESP packets from the far ends. A flow stays on one tunnel, as ECMP over there would do."""
    sealer = Sealer(task.suite, task.size.name)
    sequence = [0] * task.tunnels_n
    for number, length in zip(order(task), task.size.lengths(task.packets_n)):
        flow = task.flows[number]
        tunnel = flow.tunnel
        sequence[tunnel.number] += 1
        datagram = udp(flow.far_port, flow.near_port, length - 20, sequence[tunnel.number])
        inner = ipv4(flow.far, flow.near, UDP, datagram)
        packet = sealer.seal(inner, tunnel.spi_in, sequence[tunnel.number])
        yield ethernet(WAN, ipv4(tunnel.remote, tunnel.local, ESP, packet))


def frames(task: Task, source: int):
    return (outbound_frames if source == LAN else inbound_frames)(task)

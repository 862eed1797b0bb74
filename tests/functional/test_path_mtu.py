# SPDX-License-Identifier: BSD-3-Clause
"""Routers of the Internet that cannot carry an ESP packet say so (RFC 4301 8.2)."""
import random
import struct

import pytest

import wire
from gateway import wait_until
from test_forwarding import icmp_of
from test_fragments import assert_same_packet
from topology import HOST, WAN_ADDRESS, Topology

SOMEBODY = "198.18.0.9"  # a router of the path
random_bytes = random.Random(17).randbytes


def quoted(sa, sequence):
    """The outer packet as an ICMP error quotes it: its header, and what follows of it."""
    esp = struct.pack("!II", sa.spi, sequence)
    udp = struct.pack("!HHHH", *sa.udp_ports, 1428, 0) if sa.udp_ports else b""
    whole = wire.ipv4(WAN_ADDRESS, sa.destination, udp + esp + bytes(1400),
                      protocol=wire.UDP if udp else wire.ESP, fragment=wire.DONT_FRAGMENT)
    return whole[:20 + len(udp) + len(esp)]


def needs_fragmentation(mtu, quotation, *, code=4):
    return wire.ipv4(SOMEBODY, WAN_ADDRESS, wire.icmp(3, code, struct.pack("!HH", 0, mtu) + quotation),
                     protocol=wire.ICMP)


def mtu_of(gateway, tunnel):
    return next(row["mtu"] for row in gateway.show("tunnels") if row["name"] == tunnel.name)


@pytest.mark.parametrize("udp_ports, inner", [(None, 1342), ((4500, 4500), 1326)],
                         ids=["plain", "natt"])
def test_a_smaller_path(start, socket, udp_ports, inner):
    """Says an Internet router 1400, then larger packets are refused or cut, and others pass."""
    topology = Topology(udp_ports=udp_ports)
    sa, to = topology[1].out, topology[1].peer_host

    def packet(size, **header):
        return wire.udp_packet(HOST, to, random_bytes(size - 28), **header)

    first = packet(1400, fragment=wire.DONT_FRAGMENT)
    refused = packet(1400, fragment=wire.DONT_FRAGMENT, ident=7)
    fits = packet(inner, fragment=wire.DONT_FRAGMENT)
    cut = packet(1400, ident=9)
    gateway = start(topology.config(socket), lan="live", wan="live")
    gateway.feed("lan0", wire.ethers([first]))
    gateway.feed("wan0", wire.ethers([needs_fragmentation(1400, quoted(sa, 1))]))
    wait_until(lambda: mtu_of(gateway, topology[1]) == inner, 10, "the path MTU to be learned")
    assert mtu_of(gateway, topology[2]) > inner
    gateway.feed("lan0", wire.ethers([refused, fits, cut]))
    outcome = gateway.stop()

    (error,) = outcome.lan
    assert icmp_of(error)[1:4] == (3, 4, inner)
    opened = [sa.open(sealed, n) for n, sealed in enumerate(outcome.wan, start=1)]
    assert opened[:2] == [wire.forwarded(first), wire.forwarded(fits)]
    assert_same_packet(opened[2:], cut, inner)
    assert all(len(sealed) <= 1400 for sealed in outcome.wan[1:])


def test_a_router_that_does_not_tell(start, socket):
    """RFC 1191 5, 7.1: before it, routers left that field zero; then the next common MTU is tried."""
    topology = Topology()
    gateway = start(topology.config(socket), lan="live", wan="live")
    gateway.feed("lan0", wire.ethers([wire.udp_packet(HOST, topology[1].peer_host)]))
    gateway.feed("wan0", wire.ethers([needs_fragmentation(0, quoted(topology[1].out, 1))]))
    wait_until(lambda: mtu_of(gateway, topology[1]) != 1438, 10, "the path MTU to be learned")
    assert mtu_of(gateway, topology[1]) == 942, "what 1006 bytes can hold"
    gateway.stop()


def test_what_nobody_believes(start, socket):
    """Errors about packets that we did not send, or that are none; the good one comes last."""
    topology = Topology()
    sa = topology[1].out
    good = quoted(sa, 1)
    damaged = bytearray(needs_fragmentation(600, good))
    damaged[22] ^= 1  # in the checksum
    bad = [
        bytes(damaged),
        needs_fragmentation(600, good, code=0),
        needs_fragmentation(600, good[:-1]),
        needs_fragmentation(600, good[:12]),
        needs_fragmentation(600, b""),
        needs_fragmentation(600, bytes([0x60]) + good[1:]),
        needs_fragmentation(600, bytes([0x4F]) + good[1:]),
        needs_fragmentation(600, bytes([0x40]) + good[1:]),
        needs_fragmentation(600, good[:7] + b"\1" + good[8:]),
        needs_fragmentation(600, good[:9] + bytes([wire.TCP]) + good[10:]),
        needs_fragmentation(600, quoted(topology[2].out, 1)[:20] + good[20:]),
        needs_fragmentation(600, quoted(sa, 1000000)),
        needs_fragmentation(600, quoted(sa, 0)),
        needs_fragmentation(600, quoted(topology[1].into, 1)),
        wire.ipv4(SOMEBODY, WAN_ADDRESS, wire.icmp(3, 4, b"")[:6], protocol=wire.ICMP),
    ]
    inside = topology[1].into.seal(needs_fragmentation(600, good), 1)
    gateway = start(topology.config(socket), lan="live", wan="live")
    gateway.feed("lan0", wire.ethers([wire.udp_packet(HOST, topology[1].peer_host)]))
    gateway.feed("wan0", wire.ethers([*bad, inside, needs_fragmentation(1400, good)]))
    wait_until(lambda: mtu_of(gateway, topology[1]) != 1438, 10, "the path MTU to be learned")
    assert mtu_of(gateway, topology[1]) == 1342
    outcome = gateway.stop()
    assert outcome.drops.pop("local_undeliverable") == len(bad) + 2

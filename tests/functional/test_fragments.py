# SPDX-License-Identifier: BSD-3-Clause
"""Packets too large for the way ahead: refused with word to the sender, or cut into pieces that
make the whole again."""
import random
import struct

import pytest

import wire
from test_forwarding import icmp_of
from topology import HOST, LAN_ADDRESS, Topology

random_bytes = random.Random(9).randbytes


def assert_same_packet(pieces, whole, mtu):
    """The pieces are right fragments (RFC 791 3.2) of the packet after one hop."""
    packet = wire.parse(whole)
    assert len(pieces) > 1
    for piece in pieces:
        ip = wire.parse(piece)
        assert ip.checksum_good and ip.length == len(piece) <= mtu
        assert (ip.source, ip.destination, ip.ident, ip.protocol, ip.tos, ip.ttl) == (
            packet.source, packet.destination, packet.ident, packet.protocol, packet.tos,
            packet.ttl - 1)
    if packet.fragment == 0:
        assert wire.reassemble(pieces) == packet.payload


@pytest.mark.parametrize("udp_ports, mtu", [(None, 1438), ((4500, 4500), 1422)],
                         ids=["plain", "natt"])
def test_too_big_for_the_tunnel(run, udp_ports, mtu):
    """Without DF: cut before it is sealed (RFC 4301 8.1). With DF: the sender learns the MTU."""
    topology = Topology(udp_ports=udp_ports)
    sa, to = topology[1].out, topology[1].peer_host
    assert sa.mtu == mtu

    def packet(size, **header):
        return wire.udp_packet(HOST, to, random_bytes(size - 28), **header)

    fits = packet(mtu, fragment=wire.DONT_FRAGMENT)
    refused = [packet(size, fragment=wire.DONT_FRAGMENT, ident=size)
               for size in (mtu + 1, 1450, 1500)]
    cut = [packet(size, ident=size, tos=0x68) for size in (mtu + 1, mtu + 9, 1499, 1500)]
    outcome = run(topology, lan=wire.ethers([fits, *refused, *cut]))
    assert outcome.drops == {"too_big": len(refused)}

    for error, original in zip(outcome.lan, refused, strict=True):
        ip, kind, code, word, quoted = icmp_of(error)
        assert (ip.source, ip.destination) == (LAN_ADDRESS, HOST)
        assert (kind, code, word) == (3, 4, mtu), "RFC 1191 4: the next hop's MTU"
        assert quoted == original[:len(quoted)] and len(quoted) >= 500

    opened = [sa.open(sealed, n) for n, sealed in enumerate(outcome.wan, start=1)]
    assert opened[0] == wire.forwarded(fits)
    for original in cut:
        pieces = [inner for inner in opened[1:] if inner[4:6] == original[4:6]]
        assert_same_packet(pieces, original, mtu)
    assert len(opened) == 1 + 2 * len(cut)


def test_many_large_packets_in_one_burst(run):
    """More pieces than a burst holds: none is lost, and a flow's order stays."""
    topology = Topology()
    originals = [wire.udp_packet(HOST, topology[1].peer_host, random_bytes(1472), ident=n)
                 for n in range(500)]
    outcome = run(topology, lan=wire.ethers(originals))
    assert outcome.drops == {}
    opened = [topology[1].out.open(sealed, n) for n, sealed in enumerate(outcome.wan, start=1)]
    assert len(opened) == 2 * len(originals)
    for n, original in enumerate(originals):
        assert_same_packet(opened[2 * n:2 * n + 2], original, 1438)


def test_cutting_a_fragment(run):
    """A piece in the middle of a larger packet: offset and the more-flag are carried on."""
    topology = Topology()
    payload = random_bytes(3000)
    middles = [wire.ipv4(HOST, topology[1].peer_host, payload[at:at + 1480], ident=5,
                         fragment=at // 8 | more)
               for at, more in ((0, wire.MORE_FRAGMENTS), (1480, wire.MORE_FRAGMENTS), (2960, 0))]
    outcome = run(topology, lan=wire.ethers(middles))
    assert outcome.drops == {} and len(outcome.wan) == 5
    inner = [topology[1].out.open(sealed, n)
             for n, sealed in enumerate(outcome.wan, start=1)]
    assert wire.reassemble(inner) == payload


def test_options_when_cutting(run):
    """RFC 791 3.1: only options with the copied flag go into every fragment."""
    topology = Topology()
    alert, record = b"\x94\x04\x00\x00", b"\x07\x07\x04\x00\x00\x00\x00\x00"
    packet = wire.ipv4(HOST, topology[1].peer_host, random_bytes(1450), options=alert + record)
    outcome = run(topology, lan=[wire.ether(packet)])
    inner = [topology[1].out.open(sealed, n) for n, sealed in enumerate(outcome.wan, start=1)]
    assert wire.reassemble(inner) == wire.parse(packet).payload
    assert wire.parse(inner[0]).options == alert + record
    assert wire.parse(inner[1]).options.rstrip(b"\0\1") == alert.rstrip(b"\0")


def test_too_big_for_a_port(run, socket):
    """The same rules where no tunnel is in the way."""
    config = Topology().config(socket)
    config["ports"][1]["mtu"] = 1280
    big = [wire.udp_packet(HOST, "8.8.8.8", random_bytes(1472), ident=n, fragment=fragment)
           for n, fragment in enumerate((0, wire.DONT_FRAGMENT))]
    outcome = run(config, lan=wire.ethers(big))
    assert outcome.drops == {"too_big": 1}
    assert_same_packet(outcome.wan, big[0], 1280)
    _, kind, code, word, quoted = icmp_of(outcome.lan[0])
    assert (kind, code, word) == (3, 4, 1280) and quoted == big[1][:len(quoted)]


def test_small_wan_mtu_shrinks_the_tunnel(run, socket):
    topology = Topology()
    config = topology.config(socket)
    config["ports"][1]["mtu"] = 1400
    refused = wire.udp_packet(HOST, topology[1].peer_host, bytes(1350), fragment=wire.DONT_FRAGMENT)
    outcome = run(config, lan=[wire.ether(refused)])
    word = icmp_of(outcome.lan[0])[3]
    assert outcome.tunnel(topology[1])["mtu"] == word == 1342


def test_error_is_not_sent_for_refused_fragments(run):
    """A later fragment with DF is dropped in silence."""
    topology = Topology()
    packet = wire.ipv4(HOST, topology[1].peer_host, bytes(1480),
                       fragment=wire.DONT_FRAGMENT | 185)
    outcome = run(topology, lan=[wire.ether(packet)])
    assert outcome.drops == {"too_big": 1} and outcome.lan == outcome.wan == []


def test_quoted_sequence_is_intact(run):
    """What is quoted is the packet as it was received: TTL and checksum untouched."""
    topology = Topology()
    packet = wire.udp_packet(HOST, topology[1].peer_host, bytes(1472), ttl=9,
                             fragment=wire.DONT_FRAGMENT)
    quoted = icmp_of(run(topology, lan=[wire.ether(packet)]).lan[0])[4]
    assert struct.unpack_from("!B", quoted, 8) == (9,) and wire.checksum(quoted[:20]) == 0


def test_where_nothing_fits_the_packet_was_too_big_all_the_same(run, socket):
    """A port of 80 bytes holds no ESP packet at all: not the packet's time is over."""
    topology = Topology()
    packet = wire.udp_packet(HOST, topology[1].peer_host, bytes(1000), fragment=wire.DONT_FRAGMENT)
    config = topology.config(socket)
    config["ports"][1]["mtu"] = 80
    outcome = run(config, lan=wire.ethers([packet]))
    assert outcome.drops == {"too_big": 1}
    (_, kind, code, _, _), = map(icmp_of, outcome.lan)
    assert (kind, code) == (3, 4)

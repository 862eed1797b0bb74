# SPDX-License-Identifier: BSD-3-Clause
"""espalier-gen between capture files, where strangers look at its packets and make those that it judges.

It runs twice: once to have its packets, and again with what a stranger made of them as its input. A gateway of a few
lines, written from the RFCs (esp.py), forwards as it should, or breaks something, which must be counted by its name.
"""
import random
from collections import Counter

import pytest
from scapy.layers.inet import IP, UDP

import wire
from esp import ALL_SUITES
from generator import Files
from topology import Topology

pytestmark = pytest.mark.once

PACKETS = 200
RUN = ("--id", 7, "--packets", PACKETS, "--flows", 20)
ESN_AND_NATT = pytest.mark.parametrize(
    "options", [{}, {"esn": True}, {"udp_ports": (4500, 4500)}, {"udp_ports": (5005, 6006)}],
    ids=["plain", "esn", "natt", "ports"])


class Bench:
    """A generator, and the gateway that a test is."""

    PLAIN = {}

    def __init__(self, directory, socket, topology):
        self.topology = topology
        self.files = Files(directory, topology.config(socket))
        self.sequences = {}

    def plain(self, *options):
        """What it sends to the LAN port; the same each time, but for time stamps."""
        key = (len(self.topology.tunnels), *options)
        if key not in self.PLAIN:
            verdict = self.files.run(*RUN, *options)
            assert verdict.status == 1, "nothing came back"
            assert verdict.report["out"]["lost"] == PACKETS
            self.PLAIN[key] = self.files.sent("lan0")
        return self.PLAIN[key]

    def tunnel_of(self, inner):
        """The tunnel that leads there, or one for the flow."""
        number = inner[18] if inner[16] == 172 else inner[21] % len(self.topology.tunnels) + 1
        return self.topology[number]

    def seal(self, inner, **oddities):
        """A gateway's outbound half: TTL, the flow's tunnel, the next sequence number."""
        return self.seal_in(self.tunnel_of(inner), wire.forwarded(inner), **oddities)

    def seal_in(self, tunnel, inner, sequence=None, **oddities):
        if sequence is None:
            sequence = self.sequences[tunnel.number] = self.sequences.get(tunnel.number, 0) + 1
        return tunnel.out.seal(inner, sequence, fragment=wire.DONT_FRAGMENT, **oddities)

    def judge(self, wan, *options, lan=()):
        return self.files.run(*RUN, *options, wan=wire.ethers(wan), lan=wire.ethers(lan))


@pytest.fixture
def bench(tmp_path, socket):
    def make(topology=None):
        return Bench(tmp_path, socket, topology or Topology())

    return make


@ESN_AND_NATT
def test_its_esp(bench, options):
    """What it sends as ESP, our oracle opens: every suite, sequence numbers in order, distinct IVs."""
    b = bench(Topology(ALL_SUITES, **options))
    b.files.run(*RUN, "--mode", "in", "--size", "48-900")
    expected = Counter()
    packets = b.files.sent("wan0")
    ivs = set()
    assert len(packets) == PACKETS
    for packet in packets:
        tunnel = next(t for t in b.topology if t.remote == wire.parse(packet).source)
        expected[tunnel.number] += 1
        inner = tunnel.into.open(packet, expected[tunnel.number])
        assert wire.parse(inner).checksum_good and wire.parse(inner).dont_fragment
        assert wire.parse(inner).source.startswith(("192.168.", f"172.16.{tunnel.number}."))
        assert wire.parse(inner).destination.startswith("10.0.")
        ivs.add((tunnel.number, tunnel.into.iv_of(packet)))
    assert len(ivs) == PACKETS and len(expected) == len(ALL_SUITES)


def test_its_esp_to_scapy(bench):
    b = bench()
    b.files.run(*RUN, "--mode", "in", "--size", "imix")
    sas = {t.remote: t.into.scapy() for t in b.topology}
    for packet in b.files.sent("wan0"):
        inner = sas[wire.parse(packet).source].decrypt(IP(packet))
        assert inner[UDP].len == inner.len - 20 and inner.len in (48, 576, 1420)


@ESN_AND_NATT
def test_others_esp(bench, options):
    """Our oracle's ESP passes its judgement, in every suite."""
    b = bench(Topology(ALL_SUITES, **options))
    sealed = [b.seal(packet) for packet in b.plain("--size", "48x7,576x4,1300")]
    verdict = b.judge(sealed, "--size", "48x7,576x4,1300")
    assert verdict.status == 0, verdict.why
    assert verdict.report["out"]["received"] == PACKETS and verdict.faults == {}
    assert all(verdict.report["tunnels"].values())


def test_scapys_esp(bench):
    b = bench()
    sas = {t.number: t.out.scapy() for t in b.topology}
    sealed = [bytes(sas[b.tunnel_of(packet).number].encrypt(IP(wire.forwarded(packet))))
              for packet in b.plain()]
    verdict = b.judge(sealed)
    # scapy leaves DF out of the outer header, which a gateway must not.
    assert verdict.faults == {"tos_lost": PACKETS} and verdict.report["out"]["lost"] == 0


def test_plain_side(bench):
    """Packets that a stranger decrypted arrive at the LAN port."""
    b = bench()
    b.files.run(*RUN, "--mode", "in")
    opened, sequences = [], {1: 0, 2: 0, 3: 0}
    for packet in b.files.sent("wan0"):
        tunnel = next(t for t in b.topology if t.remote == wire.parse(packet).source)
        sequences[tunnel.number] += 1
        opened.append(wire.forwarded(tunnel.into.open(packet, sequences[tunnel.number])))
    verdict = b.judge([], "--mode", "in", lan=opened)
    assert verdict.status == 0 and verdict.faults == {}, verdict.why
    assert verdict.report["in"]["received"] == PACKETS
    # And the same, with the first one left out, twice, or where it does not belong.
    assert b.judge([], "--mode", "in", lan=opened[1:]).report["in"]["lost"] == 1
    assert b.judge([], "--mode", "in", lan=opened + opened[:1]).faults == {"duplicate": 1}
    assert b.judge(opened[:1], "--mode", "in", lan=opened[1:]).faults == {"wrong_port": 1}


def flip(packet, at):
    return packet[:at] + bytes([packet[at] ^ 0x10]) + packet[at + 1:]


def retagged(packet, **changes):
    """The outer packet with fields of its IPv4 header changed, and a right checksum."""
    fields = bytearray(packet)
    for name, value in changes.items():
        at, size = {"tos": (1, 1), "fragment": (6, 2), "ttl": (8, 1), "source": (12, 4)}[name]
        fields[at:at + size] = value.to_bytes(size, "big")
    return wire.resum(bytes(fields))


# What a bad gateway does to the first packet: name, then inner packet -> outer packet(s).
# `b` is the bench, `t` the tunnel that the packet would take.
BAD = {
    "corrupted": lambda b, t, p: b.seal_in(t, flip(wire.forwarded(p), 60)),
    "wrong_length": lambda b, t, p: b.seal_in(
        t, wire.resum(wire.forwarded(p)[:2] + (60).to_bytes(2, "big") + wire.forwarded(p)[4:])),
    "wrong_header": lambda b, t, p: b.seal_in(t, flip(wire.forwarded(p), 21)),
    "bad_checksum": lambda b, t, p: b.seal_in(t, flip(wire.forwarded(p), 10)),
    "wrong_ttl": lambda b, t, p: b.seal_in(t, p),
    "bad_icv": lambda b, t, p: flip(b.seal(p), 40),
    "bad_outer": lambda b, t, p: flip(b.seal(p), 10),
    "tos_lost": lambda b, t, p: retagged(b.seal(p), tos=4),
    "short_esp": lambda b, t, p: wire.resum(
        b.seal(p)[:2] + (100).to_bytes(2, "big") + b.seal(p)[4:100]),
    "unknown_spi": lambda b, t, p: flip(b.seal(p), 22),
    "wrong_encapsulation": lambda b, t, p: wire.ipv4(
        t.out.source, t.out.destination, wire.udp(4500, 4500, b.seal(p)[20:]),
        fragment=wire.DONT_FRAGMENT),
    "esp_zero": lambda b, t, p: b.seal_in(t, wire.forwarded(p), sequence=0),
    "bad_padding": lambda b, t, p: b.seal_in(
        t, wire.forwarded(p), tail=bytes(-(len(p) + 2) % 16) + bytes([-(len(p) + 2) % 16])),
    "bad_next_header": lambda b, t, p: b.seal_in(t, wire.forwarded(p), next_header=41),
    "cleartext": lambda b, t, p: wire.forwarded(p),
}
# In these the packet itself is there, and as it was sent.
HARMLESS = {"wrong_ttl", "tos_lost", "esp_zero"}


@pytest.mark.parametrize("fault", BAD)
def test_fault(bench, fault):
    """One packet that a gateway gets wrong is counted by that name alone."""
    b = bench()
    packets = b.plain()
    tunnel = b.tunnel_of(packets[0])
    bad = BAD[fault](b, tunnel, packets[0])
    verdict = b.judge([bad] + [b.seal(packet) for packet in packets[1:]])
    assert verdict.faults == {fault: 1}, verdict.why
    assert verdict.report["out"]["lost"] == (0 if fault in HARMLESS else 1)
    assert verdict.status == 1


def test_forgiven(bench):
    b = bench()
    packets = [b.seal(packet) for packet in b.plain()]
    spoilt = [flip(packets[0], 40), *packets[1:]]
    assert b.judge(spoilt, "--loss", "1%").status == 1
    assert b.judge(spoilt, "--allow", "bad_icv,late").status == 1
    assert b.judge(spoilt, "--loss", "1%", "--allow", "late,bad_icv").status == 0


def test_relay(bench):
    """A network that loses, doubles, and swaps packets."""
    b = bench()
    packets = b.plain("--flows", 1)
    tunnel = b.topology[1]
    sealed = [b.seal_in(tunnel, wire.forwarded(packet)) for packet in packets]
    judge = lambda frames: b.judge(frames, "--flows", 1)  # noqa: E731

    lost = judge(sealed[:50] + sealed[53:])
    assert (lost.status, lost.report["out"]["lost"], lost.faults) == (1, 3, {})
    assert judge(sealed + sealed[10:15]).faults == {"esp_duplicate": 5, "duplicate": 5}
    swapped = judge(sealed[:10] + [sealed[11], sealed[10]] + sealed[12:])
    assert swapped.faults == {"reordered": 1}
    assert swapped.report["esp_order"]["behind"] == swapped.report["esp_order"]["farthest"] == 1

    # The first one last: beyond a window of 64, and well within 1024.
    late = judge(sealed[1:] + sealed[:1])
    assert late.faults == {"reordered": 1}
    assert late.report["esp_order"] == {"packets": PACKETS, "behind": 1, "farthest": PACKETS - 1,
                                        "beyond_64": 1, "beyond_1024": 0}


def test_gateway_repeats_itself(bench):
    """Packets encrypted twice under new numbers, numbers used twice, and IVs."""
    b = bench()
    packets = b.plain("--flows", 1)
    tunnel = b.topology[1]
    forwarded = [wire.forwarded(packet) for packet in packets]
    judge = lambda frames: b.judge(frames, "--flows", 1)  # noqa: E731

    sealed = [b.seal_in(tunnel, packet) for packet in forwarded]
    assert judge(sealed + [b.seal_in(tunnel, forwarded[0])]).faults == {"duplicate": 1}
    numbers = [b.seal_in(tunnel, packet, sequence=number // 2 + 1)
               for number, packet in enumerate(forwarded)]
    assert judge(numbers).faults == {"esp_duplicate": PACKETS // 2}
    iv = random.Random(1).randbytes(16)
    repeated = [b.seal_in(tunnel, packet, iv=iv) for packet in forwarded]
    assert judge(repeated).faults == {"repeated_iv": PACKETS - 1}


def test_tunnels(bench):
    """Flows that change their tunnel, and flows in a tunnel that does not lead there."""
    b = bench()
    packets = b.plain("--flows", 1, "--remote", "192.168.0.0/16")
    moved = [b.seal_in(b.topology[1 if number < 100 else 2], wire.forwarded(packet))
             for number, packet in enumerate(packets)]
    assert b.judge(moved, "--flows", 1, "--remote", "192.168.0.0/16").faults == {"moved": 1}

    packets = b.plain("--flows", 1, "--remote", "172.16.1.0/24")
    assert all(wire.parse(packet).destination.startswith("172.16.1.") for packet in packets)
    wrong = [b.seal_in(b.topology[2], wire.forwarded(packet)) for packet in packets]
    verdict = b.judge(wrong, "--flows", 1, "--remote", "172.16.1.0/24")
    assert verdict.faults == {"wrong_tunnel": 1} and verdict.report["out"]["lost"] == 0


def test_others_packets(bench):
    """What is not its own is counted apart, and breaks nothing."""
    b = bench()
    packets = [b.seal(packet) for packet in b.plain()]
    refused = wire.ipv4("192.168.50.1", "10.0.0.1", wire.icmp(3, 4, bytes(32)), protocol=wire.ICMP)
    rubbish = [b"", b"\x45", bytes(20), b"\x45" + bytes(19), wire.udp_packet("10.0.0.1", "10.0.0.2"),
               wire.ipv4("10.0.0.1", "192.0.2.1", b"", protocol=wire.ESP),
               wire.ipv4("10.0.0.1", "192.0.2.1", bytes(7), protocol=wire.ESP)]
    verdict = b.judge(rubbish + packets, lan=[refused, *rubbish])
    assert verdict.report["out"]["received"] == PACKETS
    assert verdict.report["icmp_errors"] == 1
    assert verdict.faults == {"short_esp": 4} and verdict.report["foreign"] == 10
    earlier = b.files.run("--id", 6, *RUN[2:], wan=wire.ethers(packets))
    assert earlier.report["foreign"] == PACKETS and earlier.report["out"]["lost"] == PACKETS

# SPDX-License-Identifier: BSD-3-Clause
"""ESP that comes in pieces, as from a peer that seals first and fragments then (RFC 4303 3.4.1)."""
import random
import time

import pytest

import wire
from topology import HOST, WAN_ADDRESS, Topology

PATIENCE = 0.4  # more than PATIENCE_MS of reassembly.c, and the next look


def without_filler(drops):
    """A live port is never empty: what fills it is no IP."""
    return {reason: n for reason, n in drops.items() if reason != "not_ip"}


def inner_packet(tunnel, size, **header):
    return wire.udp_packet(tunnel.peer_host, HOST, random.Random(size).randbytes(size - 28), **header)


@pytest.mark.parametrize("workers, queues", [(1, 1), (2, 2), (2, 1)])
@pytest.mark.parametrize("options", [{}, {"udp_ports": (4500, 4500)}, {"esn": True}],
                         ids=["bare", "in-udp", "esn"])
def test_pieces_make_a_whole(run, options, workers, queues):
    """In any order, with those of other packets between them; two to eight, the smallest there are."""
    topology = Topology([("aes128-cbc", "hmac-sha1-96"), ("aes256-gcm", None),
                         ("aes256-cbc", "hmac-sha512-256")], **options)
    rng = random.Random(workers)
    expected, frames, ident = [], [], 0
    for size in (100, 333, 1000, 1438, 1500):
        for tunnel in topology:
            for cuts in ([8], [48], [16, 24, 64], [8, 16, 24, 32, 40, 48, 56]):
                ident += 1
                inner = inner_packet(tunnel, size, ident=ident)
                expected.append(wire.forwarded(inner))
                frames += wire.pieces(tunnel.into.seal(inner, ident), *cuts, ident=ident)
    window = 24
    for n in range(0, len(frames), window):
        part = frames[n:n + window]
        rng.shuffle(part)
        frames[n:n + window] = part
    outcome = run(topology, wan=wire.ethers(frames), workers=workers, queues=queues)
    assert outcome.drops == {}
    assert sorted(outcome.lan) == sorted(expected)


def test_a_whole_is_as_large_as_a_buffer(start):
    """docs/hardware.md says how large: no byte less, and none more."""
    topology = Topology()
    tunnel = topology[1]
    gateway = start(topology, wan="live")
    for number, size in enumerate((1838, 1839), start=1):
        sealed = tunnel.into.seal(inner_packet(tunnel, size), number)
        gateway.feed("wan0", wire.ethers(wire.pieces(sealed, 1000, ident=number)))
    time.sleep(PATIENCE)
    outcome = gateway.stop()
    assert sum(len(wire.parse(packet).payload) for packet in outcome.lan) == 1838 - 20
    assert without_filler(outcome.drops) == {"esp_fragment": 2}


def test_identifications_are_those_of_a_protocol(run):
    """RFC 791 3.2: a peer that fragments its IKE, too, may use one for both at a time."""
    topology = Topology()
    tunnel = topology[1]
    expected, frames = [], []
    for number in range(1, 21):
        inner = inner_packet(tunnel, 700, ident=number)
        expected.append(wire.forwarded(inner))
        ike = wire.udp_packet(tunnel.remote, WAN_ADDRESS, bytes(700), sport=4500, dport=4500)
        both = zip(wire.pieces(tunnel.into.seal(inner, number), 400, ident=number),
                   wire.pieces(ike, 400, ident=number))
        frames += [piece for pair in both for piece in pair]
    outcome = run(topology, wan=wire.ethers(frames))
    assert outcome.lan == expected
    assert outcome.drops == {"local_undeliverable": 20}


def test_congestion_of_any_piece_counts(run):
    """RFC 3168 5.3: but a packet that cannot do ECN, as one of them says, is dropped."""
    topology = Topology()
    tunnel = topology[1]
    frames = []
    marks = ([2, 2, 2], [2, 2, 3], [2, 3, 2], [3, 2, 2], [0, 3, 2], [3, 0, 2], [2, 3, 0])
    for number, tos in enumerate(marks, start=1):
        sealed = tunnel.into.seal(inner_packet(tunnel, 500, tos=2), number, tos=2)
        frames += wire.pieces(sealed, 48, 160, ident=number, tos=tos)
    outcome = run(topology, wan=wire.ethers(frames))
    assert outcome.drops == {"bad_ecn": 3 * len([tos for tos in marks if 0 in tos])}
    assert [wire.parse(packet).tos for packet in outcome.lan] == [2, 3, 3, 3]
    assert all(wire.parse(packet).checksum_good for packet in outcome.lan)


def test_what_never_becomes_whole_is_dropped(start):
    """Each piece is counted, be it alone, twice, one of too many, or overlapping."""
    topology = Topology()
    tunnel = topology[1]
    gateway = start(topology, wan="live")
    gateway.ready()

    def sealed(number, size=600):
        return tunnel.into.seal(inner_packet(tunnel, size), number)

    sent = 0

    def feed(*packets):
        nonlocal sent
        sent += len(packets)
        gateway.feed("wan0", wire.ethers(packets))

    first, last = wire.pieces(sealed(1), 104, ident=1)
    feed(first)
    feed(*[wire.pieces(sealed(2), 104, ident=2)[1]])
    head, tail = wire.pieces(sealed(3), 104, ident=3)
    feed(head, head, tail)
    feed(*wire.pieces(sealed(4), *range(8, 80, 8), ident=4))  # ten
    whole = wire.parse(sealed(5))
    feed(*(wire.ipv4(whole.source, whole.destination, whole.payload[begin:end], protocol=50,
                     ident=5, fragment=begin // 8 | more)
           for begin, end, more in ((0, 200, wire.MORE_FRAGMENTS), (96, 400, wire.MORE_FRAGMENTS),
                                    (400, len(whole.payload), 0))))
    feed(*(wire.ipv4(whole.source, whole.destination, whole.payload[begin:begin + 8], protocol=50,
                     ident=55, fragment=begin // 8 | more)  # a hole behind the first
           for begin, more in ((16, wire.MORE_FRAGMENTS), (16, wire.MORE_FRAGMENTS),
                               (0, wire.MORE_FRAGMENTS), (24, 0))))
    feed(*wire.pieces(tunnel.into.seal(inner_packet(tunnel, 3000), 6), 1000, 2000, ident=6))
    feed(*wire.pieces(sealed(7), 104, ident=7)[::-1])
    time.sleep(PATIENCE)
    feed(last)  # too late for the first one
    time.sleep(PATIENCE)
    outcome = gateway.stop()
    assert outcome.lan == [wire.forwarded(inner_packet(tunnel, 600))]
    assert without_filler(outcome.drops) == {"esp_fragment": sent - 2}


def test_what_is_lost_does_not_stop_the_rest(start):
    """Every fourth packet lacks a piece: what waits for it makes room."""
    topology = Topology()
    tunnel = topology[1]
    gateway = start(topology, wan="live")
    frames, expected = [], []
    for number in range(1, 2001):
        inner = inner_packet(tunnel, 300, ident=number)
        head, tail = wire.pieces(tunnel.into.seal(inner, number), 104, ident=number)
        if number % 4 == 0:
            frames.append(random.Random(number).choice([head, tail]))
        else:
            frames += [head, tail]
            expected.append(wire.forwarded(inner))
    for n in range(0, len(frames), 100):
        gateway.feed("wan0", wire.ethers(frames[n:n + 100]))
    time.sleep(PATIENCE)
    outcome = gateway.stop()
    assert outcome.lan == expected
    assert without_filler(outcome.drops) == {"esp_fragment": 500}


def beginnings(count):
    """First pieces of packets of which nothing more comes."""
    return [wire.ipv4(f"198.51.100.{n % 250 + 1}", WAN_ADDRESS, bytes(64), protocol=wire.ESP,
                      ident=n, fragment=wire.MORE_FRAGMENTS) for n in range(count)]


def test_what_waits_makes_room(start):
    """Long before its time is over, where there is none left."""
    topology = Topology()
    tunnel = topology[1]
    gateway = start(topology, wan="live")
    inner = inner_packet(tunnel, 700)
    gateway.feed("wan0", wire.ethers(beginnings(300)))  # more than REASSEMBLY_PACKETS
    time.sleep(0.02)  # more than CROWDED_MS
    gateway.feed("wan0", wire.ethers(wire.pieces(tunnel.into.seal(inner, 1), 400, ident=9)))
    assert gateway.stop().lan == [wire.forwarded(inner)]


def test_a_flood_of_beginnings_passes(start):
    """It fills what there is for pieces, for a moment; whole packets never notice."""
    topology = Topology()
    tunnel = topology[1]
    gateway = start(topology, wan="live")
    flood = beginnings(20000)
    good = [tunnel.into.seal(inner_packet(tunnel, 100), n) for n in range(1, 501)]
    gateway.feed("wan0", wire.ethers(flood + good))
    time.sleep(PATIENCE)
    gateway.feed("wan0", wire.ethers(
        wire.pieces(tunnel.into.seal(inner_packet(tunnel, 700), 501), 400, ident=9)))
    time.sleep(PATIENCE)
    outcome = gateway.stop()
    assert outcome.lan == [wire.forwarded(inner_packet(tunnel, 100))] * 500 + \
        [wire.forwarded(inner_packet(tunnel, 700))]
    drops = without_filler(outcome.drops)
    assert drops.keys() == {"esp_fragment", "reassembly_full"}
    assert sum(drops.values()) == len(flood)


def test_other_udp_in_pieces_stays_refused(start):
    """IKE, a keepalive's likes, another port: put together, none of them is ESP for an SA."""
    topology = Topology(udp_ports=(4500, 4500))
    remote = topology[1].remote
    packets = [wire.udp_packet(remote, WAN_ADDRESS, bytes(4) + bytes(range(200)), sport=4500,
                               dport=4500),
               wire.udp_packet(remote, WAN_ADDRESS, bytes(range(200)), sport=4500, dport=500)]
    gateway = start(topology, wan="live")
    gateway.feed("wan0", wire.ethers([piece for n, packet in enumerate(packets, start=1)
                                      for piece in wire.pieces(packet, 104, ident=n)]))
    time.sleep(PATIENCE)
    outcome = gateway.stop()
    assert outcome.lan == []
    assert without_filler(outcome.drops) == {"local_undeliverable": 1 + 2}

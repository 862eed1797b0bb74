# SPDX-License-Identifier: BSD-3-Clause
"""Plain IPv4 forwarding (RFC 1812): what passes, what is refused, and what the sender is told."""
import random
import struct

import pytest

import wire
from topology import (HOST, LAN_ADDRESS, LAN_ROUTER_MAC, WAN_ADDRESS, WAN_ROUTER, WAN_ROUTER_MAC,
                      Topology)

INTERNET = "8.8.8.8"


def icmp_of(packet):
    """(IP, type, code, second word, quoted packet) of an ICMP error whose checksums are right."""
    ip = wire.parse(packet)
    assert ip.checksum_good and ip.protocol == wire.ICMP
    assert wire.checksum(ip.payload) == 0
    kind, code, _, word = struct.unpack_from("!BBHI", ip.payload)
    return ip, kind, code, word, ip.payload[8:]


def test_port_to_port(run, socket):
    """Through a gateway, and to a neighbor on the link; both ways."""
    config = Topology().config(socket)
    config["neighbors"] += (
        {"port": "wan0", "address": "203.0.113.77", "mac": "02:00:00:00:00:77"},)
    rng = random.Random(8)
    out = [wire.udp_packet(HOST, INTERNET, rng.randbytes(n), ttl=2 + n % 250, tos=n % 256)
           for n in range(0, 1472, 7)]
    linked = wire.udp_packet(HOST, "203.0.113.77")
    back = [wire.udp_packet(INTERNET, HOST, rng.randbytes(n)) for n in range(0, 1472, 11)]
    transit_esp = wire.ipv4(INTERNET, HOST, bytes(range(80)), protocol=wire.ESP)
    outcome = run(config, lan=wire.ethers([*out, linked]), wan=wire.ethers([*back, transit_esp]))
    assert outcome.drops == {}
    assert outcome.wan == list(map(wire.forwarded, [*out, linked]))
    assert outcome.lan == list(map(wire.forwarded, [*back, transit_esp]))
    assert {frame[:6] for frame in outcome.frames["lan0"]} == {LAN_ROUTER_MAC}
    assert [frame[:6] for frame in outcome.frames["wan0"]] == \
        [WAN_ROUTER_MAC] * len(out) + [bytes.fromhex("020000000077")]
    macs = [bytes.fromhex(row["mac"].replace(":", "")) for row in outcome.shows["ports"]]
    assert {frame[6:12] for frame in outcome.frames["lan0"]} == {macs[0]}
    assert {frame[6:12] for frame in outcome.frames["wan0"]} == {macs[1]}
    for row, sent, got in zip(outcome.shows["ports"], (out + [linked], back + [transit_esp]),
                              (outcome.lan, outcome.wan)):
        assert row["rx"] == {"packets": len(sent), "bytes": sum(map(len, sent)) + 14 * len(sent)}
        assert row["tx"] == {"packets": len(got), "bytes": sum(map(len, got)) + 14 * len(got)}


def test_runs_of_one_gateway(run, socket):
    """Packets in a row that go to one gateway are sent on together: none overtakes another, whatever
    is between them, and what is special about one of them is nothing to the others."""
    config = Topology().config(socket)
    config["ports"][1]["mtu"] = 1280
    config["routes"] += (
        {"prefix": "100.64.0.0/10", "nexthops": ({"port": "wan0", "gateway": "203.0.113.2"},)},
        {"prefix": "198.18.0.0/16", "nexthops": ({"port": "wan0", "gateway": "203.0.113.9"},)},
        {"prefix": "198.19.0.0/16", "nexthops": ({"drop": True},)})
    second = bytes.fromhex("020000000022")
    config["neighbors"] += (
        {"port": "wan0", "address": "203.0.113.2", "mac": second.hex(":")},)
    macs = {INTERNET: WAN_ROUTER_MAC, "100.64.1.1": second}
    lost = {"198.18.1.1": "no_neighbor", "198.19.1.1": "blackhole"}
    rng = random.Random(31)
    frames, expected, reasons = [], [], {}
    to = INTERNET
    for n in range(2000):
        if rng.random() < 0.3:
            to = rng.choice([*macs, *macs, *lost])
        flaw = rng.choice(["", "", "", "", "", "", "ttl_expired", "too_big"])
        packet = wire.udp_packet(HOST, to, bytes(1253 if flaw == "too_big" else rng.randrange(1252)),
                                 ident=n, ttl=1 if flaw == "ttl_expired" else 2,
                                 fragment=wire.DONT_FRAGMENT)
        frames.append(wire.ether(packet))
        # RFC 1812 5.2.1: the next hop is chosen, then the TTL looked at, then the neighbor asked for.
        reason = "blackhole" if lost.get(to) == "blackhole" else \
            flaw if flaw == "ttl_expired" else lost.get(to, flaw)
        if reason:
            reasons[reason] = reasons.get(reason, 0) + 1
        else:
            expected.append((macs[to], wire.forwarded(packet)))
    outcome = run(config, lan=frames)
    assert {reason: outcome.drops[reason] for reason in reasons} == reasons
    assert [(frame[:6], frame[14:]) for frame in outcome.frames["wan0"]] == expected


def test_checksum_is_that_of_a_fresh_header(run):
    """RFC 1624: patching must give what computing gives, also where the sum wraps."""
    packets = []
    for ident in range(1 << 16):
        packet = wire.ipv4(HOST, INTERNET, ident=ident, protocol=253)
        if packet[10:12] in (b"\xfe\xff", b"\xff\xff", b"\x00\x00", b"\xff\x00", b"\xfe\xfe",
                             b"\xfe\x00", b"\x00\xff"):
            packets.append(packet)
    assert len(packets) >= 5
    assert run(Topology(), lan=wire.ethers(packets)).wan == list(map(wire.forwarded, packets))


def test_longest_prefix_wins(run, socket):
    topology = Topology()
    config = topology.config(socket)
    config["routes"] += (
        {"prefix": "100.64.0.0/10", "nexthops": ({"tunnel": "conn1"},)},
        {"prefix": "100.64.7.0/24", "nexthops": ({"tunnel": "conn2"},)},
        {"prefix": "100.64.7.128/25", "nexthops": ({"tunnel": "conn3"},)},
        {"prefix": "100.64.7.200/32", "nexthops": ({"drop": True},)})
    targets = {"100.64.6.255": 1, "100.64.7.0": 2, "100.64.7.127": 2, "100.64.7.128": 3,
               "100.64.7.199": 3, "100.64.7.200": None, "100.64.7.201": 3, "100.64.8.0": 1,
               "100.127.255.255": 1, "100.128.0.0": None}
    outcome = run(config, lan=[wire.ether(wire.udp_packet(HOST, to)) for to in targets])
    took = {}
    for packet in outcome.wan:
        tunnel = topology.of(packet)
        inner = packet if tunnel is None else \
            tunnel.out.open(packet, tunnel.out.sequence_of(packet))
        took[wire.parse(inner).destination] = tunnel and tunnel.number
    assert outcome.drops == {"blackhole": 1}
    del targets["100.64.7.200"]
    assert took == targets


def test_reasons_not_to_forward(run, socket):
    config = Topology().config(socket)
    config["routes"] = (
        *(route for route in config["routes"] if route["prefix"] != "0.0.0.0/0"),
        {"prefix": "198.18.0.0/15", "nexthops": ({"drop": True},)},
        {"prefix": "198.51.100.0/24", "nexthops": ({"port": "wan0", "gateway": "203.0.113.9"},)},
        {"prefix": "192.0.2.0/24", "nexthops": ({"port": "wan0", "gateway": "203.0.113.1"},)})
    frames = [wire.ether(wire.udp_packet(HOST, to)) for to in (
        INTERNET, "198.18.1.1", "198.19.255.255", "198.51.100.1", "203.0.113.200",
        LAN_ADDRESS, WAN_ADDRESS, "169.254.10.1")]
    outcome = run(config, lan=frames)
    assert outcome.drops == {"no_route": 1, "blackhole": 2, "no_neighbor": 2,
                             "local_undeliverable": 3}
    assert outcome.wan == []
    (ip, kind, code, word, quoted), = map(icmp_of, outcome.lan)  # RFC 1812 5.2.7.1: net unreachable
    assert (ip.source, ip.destination) == (LAN_ADDRESS, HOST)
    assert (kind, code, word, quoted) == (3, 0, 0, wire.udp_packet(HOST, INTERNET))


@pytest.mark.parametrize("allowed", [False, True])
def test_in_the_clear_from_behind_a_tunnel(run, socket, allowed):
    """RFC 4301 5.2: on the outside port nobody speaks for a protected network, or the peer's inside."""
    topology = Topology()
    config = topology.config(socket)
    if allowed:
        config["ports"][1]["allow_clear"] = True
    peer_inside = topology[1].inside.rsplit(".", 1)[0] + ".2"
    shared = "192.168.77.7"  # by a group of tunnels
    forged = [wire.udp_packet(topology[1].peer_host, HOST), wire.udp_packet(shared, HOST),
              wire.udp_packet(topology[1].peer_host, INTERNET)]
    to_inside = wire.udp_packet(peer_inside, topology[1].inside, dport=3784)
    honest = [wire.udp_packet(INTERNET, HOST), wire.udp_packet(topology[1].remote, HOST)]
    ike = wire.udp_packet(topology[1].peer_host, WAN_ADDRESS, dport=500)
    to_lan_side = wire.udp_packet(topology[1].peer_host, LAN_ADDRESS, dport=22)
    sealed = topology[1].into.seal(wire.udp_packet(topology[1].peer_host, HOST, bytes(8)), 1)
    outcome = run(config, wan=wire.ethers([*forged, to_inside, to_lan_side, *honest, ike, sealed]))
    expected = {"local_undeliverable": 3} if allowed else {"unprotected": 5, "local_undeliverable": 1}
    assert outcome.drops == expected
    assert len(outcome.lan) == len(honest) + 1 + (2 if allowed else 0)


def test_from_our_own_address(run):
    """On the outside port nobody else is the gateway: neither through it nor to it."""
    topology = Topology()
    frames = [wire.ether(wire.udp_packet(source, destination))
              for source in (WAN_ADDRESS, LAN_ADDRESS, topology[1].inside)
              for destination in (HOST, INTERNET, topology[1].peer_host, WAN_ADDRESS)]
    good = wire.udp_packet(WAN_ROUTER, HOST)
    outcome = run(topology, wan=[*frames, wire.ether(good)])
    assert outcome.drops == {"martian": len(frames)}
    assert outcome.lan == [wire.forwarded(good)] and outcome.wan == []


def test_frames_that_are_not_ipv4(run):
    ethertypes = [0x0806, 0x86DD, 0x8100, 0x88A8, 0x8847, 0x0000, 0x05DC, 0xFFFF]
    packet = wire.udp_packet(HOST, INTERNET)
    frames = [wire.ether(packet, ethertype=ethertype) for ethertype in ethertypes]
    outcome = run(Topology(), lan=frames, wan=frames)
    assert outcome.drops == {"not_ip": 2 * len(ethertypes)}


def bad_headers():
    good = wire.udp_packet(HOST, INTERNET, bytes(40))
    yield from (wire.resum(bytes([version << 4 | 5]) + good[1:]) for version in (0, 3, 5, 6, 15))
    yield from (bytes([0x40 | words]) + good[1:] for words in range(5))
    yield good[:19]
    yield b"\x45"
    yield b""
    yield from (wire.resum(good[:2] + struct.pack("!H", total) + good[4:])
                for total in (0, 19, len(good) + 1, 0xFFFF))
    yield b"\x4f" + good[1:59]  # 60 bytes of header said, 59 there
    for bit in range(16):
        damaged = bytearray(good)
        damaged[10 + bit // 8] ^= 1 << bit % 8
        yield bytes(damaged)
    for options in (b"\x07\x00\x00\x00", b"\x07\x01\x00\x00", b"\x07\x05\x04\x00",
                    b"\x01\x01\x01\x07", b"\x83\x07\x04\x08\x08\x08\x08\x00",
                    b"\x89\x07\x04\x08\x08\x08\x08\x00"):
        yield wire.ipv4(HOST, INTERNET, options=options)


def test_bad_headers(run):
    """RFC 1812 5.2.2 and 5.3.13: lengths, version, checksum, malformed options, source routes."""
    frames = list(map(wire.ether, bad_headers()))
    good = wire.udp_packet(HOST, INTERNET)
    outcome = run(Topology(), lan=[*frames, wire.ether(good)])
    assert outcome.drops == {"bad_header": len(frames)}
    assert outcome.wan == [wire.forwarded(good)]


def test_harmless_options_pass(run):
    """Through a port and through a tunnel: router alert, record route left alone, no-ops, end."""
    topology = Topology()
    harmless = [b"\x94\x04\x00\x00", b"\x01\x01\x01\x00", b"\x07\x07\x04\x00\x00\x00\x00\x00",
                b"\x00" * 40]
    plain = [wire.ipv4(HOST, INTERNET, b"x", options=options) for options in harmless]
    inner = [wire.ipv4(HOST, topology[1].peer_host, b"y", options=options) for options in harmless]
    outcome = run(topology, lan=wire.ethers([*plain, *inner]))
    assert outcome.drops == {}
    assert outcome.wan[:len(plain)] == list(map(wire.forwarded, plain))
    assert [topology[1].out.open(packet, n)
            for n, packet in enumerate(outcome.wan[len(plain):], start=1)] == \
        list(map(wire.forwarded, inner))


def test_addresses_that_may_not_cross(run):
    """RFC 1812 5.3.7; and 5.3.4: what came as link-layer broadcast stays on its link."""
    evil = ["0.0.0.0", "0.1.2.3", "127.0.0.1", "127.255.0.1", "224.0.0.5", "239.1.1.1",
            "240.0.0.1", "255.255.255.255"]
    frames = [wire.ether(wire.udp_packet(address, INTERNET)) for address in evil]
    frames += [wire.ether(wire.udp_packet(HOST, address)) for address in evil]
    packet = wire.udp_packet(HOST, INTERNET)
    frames += [wire.ether(packet, destination=bytes.fromhex(mac))
               for mac in ("ffffffffffff", "01005e000005")]
    outcome = run(Topology(), lan=frames)
    assert outcome.drops == {"martian": len(frames)} and outcome.wan == outcome.lan == []


@pytest.mark.parametrize("size", [28, 100, 548, 1400])
def test_time_exceeded(run, size):
    """RFC 1812 4.3.2: the source, the quotation, both checksums."""
    topology = Topology()
    dying = [wire.udp_packet(HOST, to, bytes(size - 28), ttl=ttl, ident=77)
             for to in (INTERNET, topology[1].peer_host) for ttl in (1, 0)]
    outcome = run(topology, lan=wire.ethers(dying))
    assert outcome.drops == {"ttl_expired": 4}
    assert outcome.wan == [] and len(outcome.lan) == 4
    for error, packet in zip(outcome.lan, dying):
        ip, kind, code, word, quoted = icmp_of(error)
        assert (ip.source, ip.destination) == (LAN_ADDRESS, HOST)
        assert (kind, code, word) == (11, 0, 0)
        assert quoted == packet[:len(quoted)] and len(quoted) >= min(size, 500)
        assert ip.length <= 576 and ip.ttl >= 32 and ip.tos in (0, 0xC0)
    assert {frame[:6] for frame in outcome.frames["lan0"]} == {LAN_ROUTER_MAC}


def test_ttl_two_is_enough(run):
    topology = Topology()
    packets = [wire.udp_packet(HOST, to, ttl=2) for to in (INTERNET, topology[1].peer_host)]
    outcome = run(topology, lan=wire.ethers(packets))
    assert outcome.drops == {} and len(outcome.wan) == 2
    assert wire.parse(outcome.wan[0]).ttl == 1
    assert wire.parse(topology[1].out.open(outcome.wan[1], 1)).ttl == 1


def test_time_exceeded_goes_back_through_the_tunnel(run):
    """From the tunnel's inside address, sealed like everything else for that prefix."""
    topology = Topology()
    dying = wire.udp_packet(topology[1].peer_host, HOST, ttl=1)
    outcome = run(topology, wan=[wire.ether(topology[1].into.seal(dying, 1))])
    assert outcome.drops == {"ttl_expired": 1} and outcome.lan == []
    ip, kind, code, _, quoted = icmp_of(topology[1].out.open(outcome.wan[0], 1))
    assert (ip.source, ip.destination) == (topology[1].inside, topology[1].peer_host)
    assert (kind, code, quoted) == (11, 0, dying)


def test_no_error_about_what_deserves_none(run):
    """RFC 1812 4.3.2.7: ICMP errors and later fragments. An echo request does deserve one."""
    def dying(payload, protocol=wire.ICMP, fragment=0):
        return wire.ipv4(HOST, INTERNET, payload, protocol=protocol, ttl=1, fragment=fragment)

    quoted = bytes(4) + wire.udp_packet(INTERNET, HOST)
    errors = [dying(wire.icmp(kind, 0, quoted)) for kind in (3, 4, 5, 11, 12)]
    fragments = [dying(bytes(64), wire.UDP, 185), dying(bytes(64), wire.UDP,
                                                        185 | wire.MORE_FRAGMENTS)]
    deserving = [dying(wire.echo_request()), dying(bytes(64), wire.UDP, wire.MORE_FRAGMENTS)]
    outcome = run(Topology(), lan=wire.ethers(errors + fragments + deserving))
    assert outcome.drops == {"ttl_expired": len(errors) + len(fragments) + len(deserving)}
    assert [icmp_of(packet)[4] for packet in outcome.lan] == deserving


def test_errors_are_rate_limited(run):
    """RFC 1812 4.3.2.8: a flood of dying packets is not answered with a flood."""
    count = 50_000
    frames = [wire.ether(wire.udp_packet(HOST, INTERNET, ttl=1))] * count
    outcome = run(Topology(), lan=frames)
    assert 1 <= len(outcome.lan) < 5000
    assert outcome.drops["ttl_expired"] == count
    assert outcome.drops["icmp_limited"] == count - len(outcome.lan)


def test_a_traceroute_does_not_stop_path_mtu_discovery(run):
    """What dies on its way takes no error away from what is too big."""
    topology = Topology()
    dying = [wire.ether(wire.udp_packet(HOST, INTERNET, ttl=1))] * 5000
    large = wire.udp_packet(HOST, topology[1].peer_host, bytes(1472), fragment=wire.DONT_FRAGMENT)
    outcome = run(topology, lan=[*dying, wire.ether(large)])
    codes = [icmp_of(packet)[1:3] for packet in outcome.lan]
    assert outcome.drops["icmp_limited"] > 0 and outcome.drops["too_big"] == 1
    assert codes.count((3, 4)) == 1 and codes.count((11, 0)) == len(codes) - 1

# SPDX-License-Identifier: BSD-3-Clause
"""A NAT gives a peer another address or port: who listens to group MAPPING hears of it, once.

Only the newest authentic packet of an SA tells where its peer is. The gateway goes on sending to the
old place until somebody changes the SAs, as a kernel does.
"""
import ipaddress
import select
import struct
import time
from dataclasses import replace
from typing import NamedTuple

import pytest

import wire
import xfrm
from topology import HOST, WAN_ADDRESS, Topology

MAPPING, GROUP_MAPPING, MTIMER_THRESH = 0x26, 8, 32
PORTS = (4500, 4500)
NOTED_AGAIN_S = 1.1  # a worker notes one change of an SA in a second
TOLD_S = 0.3  # the control core looks every 100 ms


class Mapping(NamedTuple):
    """struct xfrm_user_mapping."""

    spi: int
    destination: str
    reqid: int
    old: tuple
    new: tuple


def read(body):
    destination, spi, family, protocol, reqid, old, new, old_port, new_port = struct.unpack(
        "=4s12x4sHBxI4s12x4s12x2s2s", body)
    assert (family, protocol) == (2, 50)

    def place(address, port):
        return str(ipaddress.IPv4Address(address)), int.from_bytes(port, "big")

    return Mapping(int.from_bytes(spi, "big"), str(ipaddress.IPv4Address(destination)), reqid,
                   place(old, old_port), place(new, new_port))


def moved(sa, port, source=None):
    """The same SA as it comes from elsewhere."""
    return replace(sa, udp_ports=(port, sa.udp_ports[1]), source=source or sa.source)


class Scene:
    def __init__(self, start, socket, **options):
        topology = Topology(udp_ports=PORTS, **options)
        self.tunnel = topology[1]
        self.gateway = start(topology.config_without_sas(socket), lan="live", wan="live")
        self.client = xfrm.Client(socket)
        self.ear = xfrm.Client(str(socket).replace(".sock", "-ro.sock"), [GROUP_MAPPING])

    def install(self, *more):
        self.client.add(self.tunnel.out, 1)
        self.client.add(self.tunnel.into, 1, *more, window=0 if self.tunnel.into.esn else 32)

    def send(self, sa, *sequences, spoil=False):
        inner = wire.udp_packet(self.tunnel.peer_host, HOST, bytes(72))
        frames = [sa.seal(inner, sequence) for sequence in sequences]
        if spoil:
            frames = [frame[:-1] + bytes([frame[-1] ^ 1]) for frame in frames]
        self.gateway.feed("wan0", [wire.ether(frame) for frame in frames])

    def heard(self):
        """The mappings told since the last look."""
        mappings = []
        while select.select([self.ear.socket], [], [], TOLD_S)[0]:
            kind, body = self.ear.hear()
            assert kind == MAPPING
            mappings.append(read(body))
        return mappings


@pytest.fixture
def scene(start, socket):
    return Scene(start, socket)


@pytest.mark.alone
@pytest.mark.once
def test_a_moved_peer_is_told_once(scene):
    tunnel = scene.tunnel
    scene.install()
    scene.send(tunnel.into, 1, 2, 3)
    assert scene.heard() == []
    away = moved(tunnel.into, 61234)
    scene.send(away, 4, 5, 6)
    expected = Mapping(tunnel.into.spi, WAN_ADDRESS, 1, (tunnel.remote, 4500),
                       (tunnel.remote, 61234))
    assert scene.heard() == [expected]
    # The same place is not told again, nor is the old one, to which it returns.
    time.sleep(NOTED_AGAIN_S)
    scene.send(away, 7)
    scene.send(tunnel.into, 8)
    assert scene.heard() == []
    # Another address.
    time.sleep(NOTED_AGAIN_S)
    scene.send(moved(tunnel.into, 61234, "198.51.100.7"), 9)
    assert scene.heard() == [expected._replace(new=("198.51.100.7", 61234))]
    # Until somebody changes the SA, packets leave to where they did.
    scene.gateway.feed("lan0", [wire.ether(wire.udp_packet(HOST, tunnel.peer_host, bytes(72)))])
    outcome = scene.gateway.stop()
    assert tunnel.out.open(outcome.wan[-1], 1)
    assert len(outcome.lan) == 9, "packets from elsewhere are as good as others"


def test_an_updated_sa_has_its_peer_there(scene):
    tunnel = scene.tunnel
    scene.install()
    away = moved(tunnel.into, 61234)
    scene.send(away, 1)
    assert len(scene.heard()) == 1
    scene.client.update(away, 1, window=32)
    new_out = replace(tunnel.out, udp_ports=(4500, 61234))
    scene.client.update(new_out, 1)
    time.sleep(NOTED_AGAIN_S)
    scene.send(away, 2, 3)
    assert scene.heard() == []
    scene.send(tunnel.into, 4)
    mapping, = scene.heard()
    assert (mapping.old, mapping.new) == ((tunnel.remote, 61234), (tunnel.remote, 4500))
    scene.gateway.feed("lan0", [wire.ether(wire.udp_packet(HOST, tunnel.peer_host, bytes(72)))])
    assert new_out.open(scene.gateway.stop().wan[-1], 1)


@pytest.mark.parametrize("esn", [False, True], ids=["plain", "esn"])
def test_only_the_newest_authentic_packet_tells(start, socket, esn):
    scene = Scene(start, socket, esn=esn)
    tunnel = scene.tunnel
    scene.install()
    scene.send(tunnel.into, *range(1, 101), 110)
    away = moved(tunnel.into, 61234)
    scene.send(away, 90, 95, 110)             # replayed
    scene.send(away, 105)                     # held back: authentic and new, but not the newest
    scene.send(away, 111, 1000, spoil=True)   # forged
    assert scene.heard() == []
    scene.send(away, 111)
    assert [mapping.new for mapping in scene.heard()] == [(tunnel.remote, 61234)]
    outcome = scene.gateway.stop()
    assert outcome.drops["replay_duplicate"] == 3 and outcome.drops["bad_icv"] == 2
    assert len(outcome.lan) == 103


@pytest.mark.alone
@pytest.mark.once
def test_a_peer_that_flaps_is_told_of_with_measure(scene):
    tunnel = scene.tunnel
    scene.install()
    places = [moved(tunnel.into, port) for port in (61001, 61002)]
    began = time.monotonic()
    for sequence in range(1, 201):
        scene.send(places[sequence % 2], sequence)
    seconds = time.monotonic() - began
    assert 1 <= len(scene.heard()) <= seconds + 2
    scene.gateway.stop()


def test_who_installs_it_may_want_to_hear_again_sooner(scene):
    scene.install(xfrm.attribute(MTIMER_THRESH, struct.pack("=I", 1)))
    said = scene.client.get(scene.tunnel.into).attributes[MTIMER_THRESH]
    assert said == struct.pack("=I", 1)
    away = moved(scene.tunnel.into, 61234)
    for sequence in (1, 2):
        scene.send(away, sequence)
        assert len(scene.heard()) == 1
        time.sleep(NOTED_AGAIN_S)
    scene.gateway.stop()


def test_without_udp_nobody_moves(start, socket):
    topology = Topology()
    tunnel = topology[1]
    gateway = start(topology.config_without_sas(socket), wan="live")
    client = xfrm.Client(socket)
    ear = xfrm.Client(socket, [GROUP_MAPPING])
    client.add(tunnel.into, 1, window=32)
    with pytest.raises(xfrm.Refused, match="ENCAP"):
        client.add(tunnel.out, 1, xfrm.attribute(MTIMER_THRESH, struct.pack("=I", 1)))
    inner = wire.udp_packet(tunnel.peer_host, HOST, bytes(72))
    elsewhere = replace(tunnel.into, source="198.51.100.7")
    gateway.feed("wan0", [wire.ether(elsewhere.seal(inner, 1))])
    assert not select.select([ear.socket], [], [], TOLD_S)[0]
    assert client.get(tunnel.into).packets == 1
    gateway.stop()

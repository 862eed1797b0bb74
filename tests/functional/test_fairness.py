# SPDX-License-Identifier: BSD-3-Clause
"""What one stranger floods with does not keep the gateway from serving the others."""
import contextlib
import socket
import threading
import time
from pathlib import Path

import pytest

import kernel_net
import wire
import xfrm
from gateway import PATIENCE, wait_until
from test_forwarding import icmp_of
from test_policies import ACQUIRE, GROUP_ACQUIRE, Daemon, frames, packets_to
from topology import HOST, WAN_ADDRESS, Topology

pytestmark = [pytest.mark.alone, pytest.mark.once]

needs_kernel = pytest.mark.skipif(kernel_net.why_not() is not None, reason=kernel_net.why_not() or "")
IKE = 500
SO_RCVBUFFORCE = 33


@pytest.fixture
def net(tmp_path):
    with kernel_net.KernelNet(tmp_path, Topology()) as stage:
        yield stage


@contextlib.contextmanager
def flood(stranger, packets, per_second):
    """Sends them, again and again, while the block runs."""
    done = threading.Event()

    def send():
        began, sent = time.monotonic(), 0
        while not done.is_set():
            for packet in packets:
                stranger.send(packet)
            sent += len(packets)
            time.sleep(max(0, began + sent / per_second - time.monotonic()))

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


@needs_kernel
def test_a_dead_host_does_not_hide_the_others(net):
    """Whatever is sent to it, who else is on the link is asked for."""
    stranger, other = kernel_net.Stranger(net), kernel_net.Stranger(net)
    alive = [f"203.0.113.{host}" for host in range(101, 111)]
    for address in alive:
        kernel_net.ip("-n", net.wire, "address", "add", f"{address}/32", "dev", "peer")
    dead = [wire.udp_packet("198.51.100.7", "203.0.113.66")] * 30

    def all_are_known():
        for address in set(alive) - net.neighbors().keys():
            other.send(wire.udp_packet("198.51.100.8", address))
        time.sleep(0.5)
        return set(alive) <= {address for address, mac in net.neighbors().items() if mac}

    with flood(stranger, dead, 3000):
        time.sleep(1)
        wait_until(all_are_known, 8, "all that live")


@needs_kernel
def test_strangers_ike_does_not_drown_that_of_peers(net):
    stranger, peer = kernel_net.Stranger(net), kernel_net.Stranger(net)
    daemon = net.open_socket(net.up, socket.AF_INET, socket.SOCK_DGRAM)
    daemon.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 24)
    daemon.bind((WAN_ADDRESS, IKE))
    daemon.settimeout(0.5)
    nonsense = [wire.udp_packet(f"198.18.{n // 256}.{n % 256}", WAN_ADDRESS, b"nonsense", dport=IKE)
                for n in range(200)]
    heard = set()
    with flood(stranger, nonsense, 20000):
        time.sleep(1)
        for number in range(20):
            peer.send(wire.udp_packet(net.topology[1].remote, WAN_ADDRESS, b"%d" % number, sport=IKE, dport=IKE))
            time.sleep(0.05)
        time.sleep(0.5 * PATIENCE)
    with contextlib.suppress(TimeoutError):
        while True:
            heard.add(daemon.recv(64))
    assert net.drops()["punt_limited"] > 0
    assert len(heard - {b"nonsense"}) == 20


@needs_kernel
def test_the_host_of_an_error_is_asked_for(net):
    """The host that an ICMP error goes to is asked for, as that of any packet is."""
    address = "203.0.113.77"
    stranger = kernel_net.Stranger(net)
    kernel_net.ip("-n", net.wire, "address", "add", f"{address}/32", "dev", "peer")

    def is_told():
        stranger.send(wire.udp_packet(address, "8.8.8.8", ttl=1))
        return stranger.receive(lambda packet: wire.parse(packet).destination == address, 0.5)

    wait_until(is_told, 5, "the error")
    assert net.neighbors()[address] == kernel_net.PEER_MAC


def test_who_heeds_no_error_takes_none_from_others(run):
    topology = Topology()

    def large(source):
        return wire.ether(wire.udp_packet(source, topology[1].peer_host, bytes(1472), fragment=wire.DONT_FRAGMENT))

    outcome = run(topology, lan=[large(HOST)] * 5000 + [large("10.0.0.99")])
    told = [icmp_of(packet)[0].destination for packet in outcome.lan]
    assert told.count("10.0.0.99") == 1
    assert 1 <= told.count(HOST) < 5000


def test_a_tunnel_without_answer_does_not_silence_the_others(start, socket):
    """Its packets wait, as many as may; the next tunnel asks for its SA all the same."""
    topology = Topology()
    config = topology.config_without_sas(socket)
    gateway = start(config, lan="live")
    ear = xfrm.Client(Path(str(socket).replace(".sock", "-ro.sock")), [GROUP_ACQUIRE])
    for tunnel in (topology[1], topology[2]):
        Daemon(socket, tunnel).trap(remote=f"172.16.{tunnel.number}.0/24")
    burst = frames(packets_to(topology[1], 1000))
    asked = set()
    for _ in range(3):
        gateway.feed("lan0", burst + frames(packets_to(topology[2], 1)))
        time.sleep(0.1 * PATIENCE)
    for _ in range(2):
        kind, body = ear.hear()
        assert kind == ACQUIRE
        asked.add(xfrm.attributes(body[280:])[xfrm.IF_ID][0])
    assert asked == {1, 2}
    gateway.stop()


def test_who_waits_asks_whoever_comes(start, socket):
    """With as many packets waiting as may: when somebody comes to be asked, and after new policies."""
    topology = Topology()
    gateway = start(topology.config_without_sas(socket), lan="live")
    daemon = Daemon(socket, topology[1])
    daemon.trap()
    gateway.feed("lan0", frames(packets_to(topology[1], 300)))
    wait_until(lambda: gateway.drops().get("no_sa", 0) > 200, 5, "all that may wait to do so")
    ear = xfrm.Client(Path(str(socket).replace(".sock", "-ro.sock")), [GROUP_ACQUIRE])
    gateway.feed("lan0", frames(packets_to(topology[1], 2)))
    assert ear.hear()[0] == ACQUIRE
    gateway.feed("lan0", frames(packets_to(topology[1], 2)))
    daemon.trap(remote="172.16.0.0/13")
    time.sleep(1.1)  # between two requests
    gateway.feed("lan0", frames(packets_to(topology[1], 2)))
    assert ear.hear()[0] == ACQUIRE
    gateway.stop()

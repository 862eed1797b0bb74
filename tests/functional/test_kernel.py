# SPDX-License-Identifier: BSD-3-Clause
"""TAPs and TUNs: the host's own network stack lives on ports and tunnels. kernel_net.py draws the stage."""
import os
import random
import signal
import socket
import struct
import subprocess
import threading
import time

import pytest

import gateway
import kernel_net
import rtnetlink
import wire
from topology import WAN_ADDRESS, WAN_ROUTER, Topology

pytestmark = pytest.mark.skipif(kernel_net.why_not() is not None, reason=kernel_net.why_not() or "")

INSIDE, PEER_INSIDE = "169.254.10.1", "169.254.10.2"
BGP = 179
NEWLINK, RTNLGRP_LINK, IFF_RUNNING = 16, 1, 0x40


@pytest.fixture
def net(tmp_path):
    with kernel_net.KernelNet(tmp_path, Topology()) as stage:
        yield stage


def tcp_syn(source_port, destination_port, sequence):
    """A SYN without options from the peer's inside address, checksum and all."""
    header = struct.pack("!HHIIBBHHH", source_port, destination_port, sequence, 0, 5 << 4, 2, 65535,
                         0, 0)
    pseudo = socket.inet_aton(PEER_INSIDE) + socket.inet_aton(INSIDE) + struct.pack(
        "!BBH", 0, wire.TCP, len(header))
    return header[:16] + struct.pack("!H", wire.checksum(pseudo + header)) + header[18:]


def ike_socket(net, port):
    ike = net.open_socket(net.up, socket.AF_INET, socket.SOCK_DGRAM)
    ike.bind((WAN_ADDRESS, port))
    return ike


def test_arp_icmp_and_neighbors(net):
    assert net.ping(5) == 5  # ARP came through the TAP, the kernel above answered
    assert net.neighbors()[WAN_ROUTER] == kernel_net.PEER_MAC
    assert net.drops().keys() <= {"not_ip", "no_neighbor"}
    net.stop()


def test_gateways_are_asked_for_before_anybody_sends(net):
    """Nobody on the wire speaks first: the tunnels' way leads over a router that must be found."""
    gateway.wait_until(lambda: net.neighbors().get(WAN_ROUTER) == kernel_net.PEER_MAC, 5,
                       "the router's address")


def test_a_neighbor_that_goes_is_forgotten(net):
    gateway.wait_until(lambda: net.neighbors().get(WAN_ROUTER), 5, "the router's address")
    kernel_net.ip("-n", net.up, "neigh", "del", WAN_ROUTER, "dev", "wan0")
    kernel_net.ip("-n", net.wire, "address", "flush", "dev", "peer")
    gateway.wait_until(lambda: net.neighbors().get(WAN_ROUTER) is None, 10, "it to be forgotten")


def test_neighbors_beyond_the_networks_of_a_port(net):
    """On the wire without a gateway, and a gateway of another network: routes lead there."""
    network, host, far_gateway = "198.18.0.0/24", "198.18.0.9", "198.51.100.1"
    kernel_net.ip("-n", net.wire, "address", "add", f"{host}/24", "dev", "peer")
    kernel_net.ip("-n", net.wire, "address", "add", f"{far_gateway}/32", "dev", "peer")
    net.stop()

    net.start(lambda config: config.update(routes=tuple(config["routes"]) + (
        {"prefix": network, "nexthops": ({"port": "wan0"},)},)))
    subprocess.run([gateway.BUILD / "app/espalier-run/espalier-run", "-s", net.socket, "--family", "route",
                    "ip", "route", "add", "198.18.1.0/24", "via", far_gateway, "dev", "wan0"], check=True)
    stranger = kernel_net.Stranger(net)

    def both_are_found():
        stranger.send(wire.udp_packet("203.0.113.1", host, b"anybody there?"))
        return {host, far_gateway} <= {a for a, mac in net.neighbors().items() if mac}

    gateway.wait_until(both_are_found, 10, "both addresses")
    assert {net.neighbors()[a] for a in (host, far_gateway)} == {kernel_net.PEER_MAC}


@pytest.mark.parametrize("port, marker", [(500, b""), (4500, bytes(4))])
def test_ike_reaches_its_daemon_and_the_answer_leaves(net, port, marker):
    ike = ike_socket(net, port)
    peer = net.open_socket(net.wire, socket.AF_INET, socket.SOCK_DGRAM)
    peer.sendto(marker + b"IKE_SA_INIT", (WAN_ADDRESS, port))
    said, whence = ike.recvfrom(100)
    assert said == marker + b"IKE_SA_INIT" and whence[0] == WAN_ROUTER
    ike.sendto(marker + b"answer", whence)
    assert peer.recvfrom(100) == (marker + b"answer", (WAN_ADDRESS, port))


def test_esp_and_keepalives_stay_down_here(net):
    """A kernel that got ESP would say that it knows no such protocol."""
    ike = ike_socket(net, 4500)
    stranger = kernel_net.Stranger(net)
    assert net.ping() == 1
    stranger.send(wire.ipv4(WAN_ROUTER, WAN_ADDRESS, bytes(range(1, 41)), protocol=wire.ESP))
    stranger.send(wire.udp_packet(WAN_ROUTER, WAN_ADDRESS, b"\xff", sport=4500, dport=4500))
    stranger.send(wire.udp_packet(WAN_ROUTER, WAN_ADDRESS, bytes(range(1, 41)), sport=4500, dport=4500))
    stranger.send(wire.udp_packet(WAN_ROUTER, WAN_ADDRESS, bytes(4) + b"IKE", sport=4500, dport=4500))
    assert ike.recvfrom(100)[0] == bytes(4) + b"IKE"  # the first and only one
    drops = net.drops()
    assert drops["unknown_spi"] == 2 and drops["natt_keepalive"] == 1


def test_pieces_of_esp_and_of_ike(tmp_path):
    """Both are UDP to one port. ESP becomes whole down here; IKE the daemon gets, also what is too large
    for one buffer, and nothing else."""
    topology = Topology(udp_ports=(4500, 4500))
    esp = topology[1].into.seal(wire.udp_packet(PEER_INSIDE, INSIDE, bytes(range(250)), dport=5000), 1)
    rng = random.Random(3)
    messages = [bytes(4) + rng.randbytes(size) for size in (1000, 4000)]
    with kernel_net.KernelNet(tmp_path, topology, kernel_net.PCAP) as net:
        ike = ike_socket(net, 4500)
        inside = net.open_socket(net.up, socket.AF_INET, socket.SOCK_DGRAM)
        inside.bind((INSIDE, 5000))
        stranger = kernel_net.Stranger(net)
        assert net.ping() == 1
        for piece in wire.pieces(esp, 104, 200, ident=1)[::-1]:
            stranger.send(piece)
        assert inside.recvfrom(2000)[0] == bytes(range(250))
        for ident, message in enumerate(messages, start=2):
            whole = wire.udp_packet(WAN_ROUTER, WAN_ADDRESS, message, sport=4500, dport=4500)
            cuts = [400] if len(message) < 1480 else [1480, 2960]
            for piece in wire.pieces(whole, *cuts, ident=ident):
                stranger.send(piece)
            assert ike.recvfrom(5000)[0] == message
        assert net.drops().keys() <= {"not_ip", "no_neighbor"}


def test_pieces_that_waited_in_vain_take_nobody_with_them(tmp_path):
    """They are given up all at once, in the burst of one that finds no room, which has IKE in it."""
    with kernel_net.KernelNet(tmp_path, Topology(), kernel_net.PCAP) as net:
        ike = ike_socket(net, 4500)
        stranger = kernel_net.Stranger(net)
        pieces = [wire.ipv4(f"198.51.100.{n % 250 + 1}", WAN_ADDRESS, bytes(64), protocol=wire.ESP, ident=n,
                            fragment=wire.MORE_FRAGMENTS) for n in range(300)]
        message = wire.udp_packet(WAN_ROUTER, WAN_ADDRESS, bytes(100), sport=4500, dport=4500)
        assert net.ping() == 1

        def send_at_once(packets):
            os.kill(net.process.pid, signal.SIGSTOP)
            time.sleep(0.02)  # more than CROWDED_MS of reassembly.c
            for packet in packets:
                stranger.send(packet)
            os.kill(net.process.pid, signal.SIGCONT)

        send_at_once(pieces[1:])
        gateway.wait_until(lambda: net.drops().get("reassembly_full"), 5, "the table to be full")
        send_at_once([pieces[0]] + [message] * 60)
        for _ in range(60):
            assert ike.recvfrom(2000)[0] == bytes(100)


def test_what_a_device_drops_is_shown(tmp_path):
    """No worker ever saw it, so it is in no other counter."""
    with kernel_net.KernelNet(tmp_path, Topology(), kernel_net.PCAP) as net:
        stranger = kernel_net.Stranger(net)
        packet = wire.udp_packet(WAN_ROUTER, WAN_ADDRESS, bytes(1400))
        os.kill(net.process.pid, signal.SIGSTOP)
        for _ in range(5000):
            stranger.send(packet)
        os.kill(net.process.pid, signal.SIGCONT)
        gateway.wait_until(lambda: net.show("ports")[0]["rx_missed"] > 1000, 5, "its count")
        assert "RX MISSED" in net.order("show", "ports")


def test_session_inside_a_tunnel(net):
    """BGP: TCP to the tunnel's inside address; the answer has TTL 1 and leaves with it, encrypted."""
    tunnel = net.topology[1]
    listener = net.open_socket(net.up, socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 1)
    listener.bind((INSIDE, BGP))
    listener.listen()
    stranger = kernel_net.Stranger(net)
    gateway.wait_until(lambda: net.neighbors().get(WAN_ROUTER), 5, "the router's address")

    syn = wire.ipv4(PEER_INSIDE, INSIDE, tcp_syn(40000, BGP, 1), protocol=wire.TCP, ttl=1)
    stranger.send(tunnel.into.seal(syn, 1))
    outer = stranger.receive(lambda packet: wire.parse(packet).protocol == wire.ESP)
    assert outer is not None
    answer = wire.parse(tunnel.out.open(outer, 1))
    assert (answer.source, answer.destination, answer.ttl) == (INSIDE, PEER_INSIDE, 1)
    assert answer.payload[13] == 0x12, "SYN and ACK"
    assert struct.unpack_from("!I", answer.payload, 8) == (2,)
    net.stop()


def test_carrier_and_mtu_follow_the_tunnel(net):
    tunnel = net.topology[1]
    gateway.wait_until(lambda: net.link("conn1")["mtu"] == tunnel.out.mtu, 5, "the tunnel's MTU")
    assert "LOWER_UP" in net.link("conn1")["flags"]
    net.order("tunnel", "conn1", "down")
    gateway.wait_until(lambda: "NO-CARRIER" in net.link("conn1")["flags"], 1, "no carrier")
    assert "LOWER_UP" in net.link("conn2")["flags"]
    net.order("tunnel", "conn1", "up")
    gateway.wait_until(lambda: "LOWER_UP" in net.link("conn1")["flags"], 1, "carrier")


def test_carrier_follows_the_cable(tmp_path):
    """A port without link: its TAP, who listens for links, `show ports` and the log say so."""
    def carrier():
        return "LOWER_UP" in net.link("wan0")["flags"]

    def heard():
        (index, flags), = (struct.unpack_from("=iI", body, 4) for kind, body in ear.messages() if kind == NEWLINK)
        assert index == net.link("wan0")["ifindex"]
        return bool(flags & IFF_RUNNING)

    def shown():
        return net.show("ports")[0]["link"], net.log.read_text().splitlines()[-1]

    def cable(state):
        kernel_net.ip("-n", net.mid, "link", "set", "cable", state)

    with kernel_net.KernelNet(tmp_path, Topology(), ("net_tap0", "iface=cable")) as net:
        ear = rtnetlink.Client(net.socket, [RTNLGRP_LINK])
        assert carrier() and shown()[0] == "up"
        cable("down")
        gateway.wait_until(lambda: not carrier(), 1, "no carrier")
        assert not heard() and shown() == ("down", "espalier: warning: port 'wan0' has no link")
        cable("up")
        gateway.wait_until(carrier, 1, "carrier")
        assert heard() and shown() == ("up", "espalier: port 'wan0' has a link")
        net.stop()


def test_a_dead_tunnel_is_asked_whether_it_is_back(net):
    """Nobody could speak first: the TUN has no carrier, and the peer may be as deaf."""
    tunnel = net.topology[1]
    net.stop()
    net.start(lambda config: config["tunnels"][0].update(liveness_ms=50))
    stranger = kernel_net.Stranger(net)
    gateway.wait_until(lambda: net.neighbors().get(WAN_ROUTER), 5, "the router's address")
    asker = net.open_socket(net.up, socket.AF_INET, socket.SOCK_DGRAM)
    asker.sendto(b"anybody?", (PEER_INSIDE, 9))
    gateway.wait_until(lambda: "NO-CARRIER" in net.link("conn1")["flags"], 5, "liveness")

    def opened(packet):
        sequence = struct.unpack_from("!I", tunnel.out.unwrap(packet), 4)[0]
        return wire.parse(tunnel.out.open(packet, sequence))

    probe = None
    while probe is None or probe.protocol != wire.ICMP:
        outer = stranger.receive(lambda packet: wire.parse(packet).protocol == wire.ESP)
        assert outer is not None, "no ping comes out of the dead tunnel"
        probe = opened(outer)
    assert (probe.source, probe.destination) == (INSIDE, PEER_INSIDE)
    assert probe.payload[0] == 8 and wire.checksum(probe.payload) == 0
    answer = bytes(2) + probe.payload[2:]
    stranger.send(tunnel.into.seal(wire.ipv4(PEER_INSIDE, INSIDE, answer, protocol=wire.ICMP), 1))
    gateway.wait_until(lambda: "LOWER_UP" in net.link("conn1")["flags"], 5, "carrier")
    net.stop()


def test_interfaces_outlive_a_restart(net):
    before = {name: net.link(name)["ifindex"] for name in ("wan0", "conn1")}
    daemon = ike_socket(net, 500)
    net.stop()
    assert "NO-CARRIER" in net.link("conn1")["flags"]
    net.start()
    assert {name: net.link(name)["ifindex"] for name in before} == before
    assert net.link("wan0")["address"] == kernel_net.GATEWAY_MAC
    peer = net.open_socket(net.wire, socket.AF_INET, socket.SOCK_DGRAM)
    peer.sendto(b"still there?", (WAN_ADDRESS, 500))
    assert daemon.recvfrom(100)[0] == b"still there?"


def change_addresses(net, stop):
    """Adds and removes an address that is not Espalier's, without a pause, until `stop` is set."""
    lines = b"address add 10.255.255.1/32 dev lo\naddress del 10.255.255.1/32 dev lo\n" * 1000
    with subprocess.Popen(["ip", "-n", net.up, "-batch", "-"], stdin=subprocess.PIPE) as changer:
        while not stop.is_set():
            changer.stdin.write(lines)


def test_start_while_addresses_change(net):
    """More addresses than the kernel lists in one go, of which one comes and goes all the time."""
    kernel_net.ip("-n", net.up, "address", "add", "198.51.100.7/24", "dev", "conn1")
    lines = "".join(f"address add 10.255.{n // 250}.{n % 250}/32 dev lo\n" for n in range(2000))
    subprocess.run(["ip", "-n", net.up, "-batch", "-"], input=lines, text=True, check=True)
    stop = threading.Event()
    changer = threading.Thread(target=change_addresses, args=(net, stop))
    changer.start()
    try:
        for _ in range(3):
            net.stop()
            net.start()
    finally:
        stop.set()
        changer.join()
    assert "198.51.100.7" not in kernel_net.ip("-n", net.up, "address", "show", "conn1")
    assert f"{INSIDE}/30" in kernel_net.ip("-n", net.up, "address", "show", "conn1")
    net.stop()


def received(net):
    return net.show("ports")[0]["rx"]["packets"]


def test_ike_lives_through_a_flood(net):
    """Far more pings and garbage than are let through; each IKE datagram among them arrives."""
    rng = random.Random(1)
    ike = ike_socket(net, 500)
    ike.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    stranger = kernel_net.Stranger(net)
    assert net.ping() == 1
    ping = wire.ipv4(WAN_ROUTER, WAN_ADDRESS, wire.echo_request(), protocol=wire.ICMP)
    sent = received(net)
    for number in range(40):
        for _ in range(100):
            stranger.send(ping)
            stranger.send(wire.ipv4(WAN_ROUTER, WAN_ADDRESS, rng.randbytes(60),
                                    protocol=rng.choice([wire.TCP, wire.UDP, 89, 132])))
            stranger.send(rng.randbytes(60), ethertype=0x88B5)
        stranger.send(wire.udp_packet(WAN_ROUTER, WAN_ADDRESS, struct.pack("!I", number),
                                      sport=500, dport=500))
        # What the veth loses while Espalier waits for a CPU is not its loss.
        sent += 301
        gateway.wait_until(lambda: received(net) >= sent, 10, "the flood to be taken")
    arrived = {ike.recv(100) for _ in range(40)}
    assert arrived == {struct.pack("!I", number) for number in range(40)}
    assert net.drops()["punt_limited"] > 1000


def test_bgp_lives_through_a_flood(net):
    """The same inside a tunnel, whose peer sends far more pings and garbage to the TUN's address than
    are let through; to each connection that it opens to port 179 among them there is an answer."""
    rng = random.Random(2)
    tunnel = net.topology[1]
    listener = net.open_socket(net.up, socket.AF_INET, socket.SOCK_STREAM)
    listener.bind((INSIDE, BGP))
    listener.listen(64)
    stranger = kernel_net.Stranger(net)
    gateway.wait_until(lambda: net.neighbors().get(WAN_ROUTER), 5, "the router's address")
    sent, sequence, opened = received(net), 0, set()

    def send(inner):
        nonlocal sequence
        sequence += 1
        stranger.send(tunnel.into.seal(inner, sequence))

    for number in range(40):
        for _ in range(100):
            send(wire.ipv4(PEER_INSIDE, INSIDE, wire.echo_request(), protocol=wire.ICMP))
            send(wire.ipv4(PEER_INSIDE, INSIDE, rng.randbytes(60),
                           protocol=rng.choice([wire.UDP, 89, 132])))
        send(wire.ipv4(PEER_INSIDE, INSIDE, tcp_syn(40000 + number, BGP, 1), protocol=wire.TCP,
                       ttl=1))
        sent += 201
        gateway.wait_until(lambda: received(net) >= sent, 10, "the flood to be taken")
        opened |= answered(stranger, tunnel, 40000 + number)
    assert opened == set(range(40000, 40040))
    assert net.drops()["punt_limited"] > 1000
    assert net.drops().keys() <= {"punt_limited", "punt_full", "not_ip"}


def answered(stranger, tunnel, port):
    """Looks at what leaves the tunnel until a SYN and ACK goes to that port of the peer; which went."""
    found = set()

    def is_it(packet):
        if wire.parse(packet).protocol != wire.ESP:
            return False
        inner = wire.parse(tunnel.out.open(packet, tunnel.out.sequence_of(packet)))
        if inner.protocol == wire.TCP and inner.payload[13] == 0x12:
            found.add(struct.unpack_from("!H", inner.payload, 2)[0])
        return port in found

    stranger.receive(is_it, 0.7)  # the kernel would say it again after a second
    return found


@pytest.mark.alone
@pytest.mark.once
def test_an_idle_gateway_rests(net):
    """After some seconds without a packet it uses next to none of its two CPUs."""
    time.sleep(9)
    pid = net.process.pid
    before, start = cpu_seconds(pid), time.monotonic()
    time.sleep(4)
    assert (cpu_seconds(pid) - before) / (time.monotonic() - start) < 0.25


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# SPDX-License-Identifier: BSD-3-Clause
"""Espalier between a real kernel on the wire and a real kernel above it, each in a namespace of its own.

      namespace PREFIX-up                 PREFIX-mid                PREFIX-wire
    TAP wan0, TUN conn1..3 --- ESPALIER on veth "wan" (no address) === veth "peer" 203.0.113.1
    the gateway's addresses    (net_af_packet)                         the router, and the stranger
"""
import ctypes
import json
import os
import select
import signal
import socket
import subprocess
import threading
import time

import gateway
import wire
from topology import WAN_ADDRESS, WAN_ROUTER

GATEWAY_MAC = "02:00:00:00:01:01"
PEER_MAC = "02:00:00:00:00:03"
CLONE_NEWNET = 0x40000000
ETH_P_ALL = 3

libc = ctypes.CDLL(None, use_errno=True)


def why_not():
    """Why these tests cannot run here, or None."""
    if os.geteuid() != 0:
        return "needs root: network namespaces, a veth pair and TAPs"
    if not os.path.exists("/dev/net/tun"):
        return "there is no /dev/net/tun"
    return None


def ip(*arguments):
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 0, f"ip {' '.join(arguments)}: {done.stderr}"
    return done.stdout


# How a port meets its wire. The kernel puts fragments together before AF_PACKET's fanout sees them.
AF_PACKET = ("net_af_packet0", "iface=wan")
PCAP = ("net_pcap0", "rx_iface_in=wan,tx_iface=wan")


class KernelNet(gateway.Operated):
    """As a context: the stage, with a running gateway on it, until the block ends."""

    def __init__(self, directory, topology, device=AF_PACKET, options=()):
        self.directory, self.topology, self.options = directory, topology, options
        self.device, self.arguments = device
        self.socket = directory / "control.sock"
        prefix = f"esp{os.getpid()}"
        self.up, self.mid, self.wire = f"{prefix}-up", f"{prefix}-mid", f"{prefix}-wire"
        self.process, self.sockets, self.runs = None, [], 0

    def __enter__(self):
        try:
            self.build()
            self.start()
        except BaseException:
            self.raze()
            raise
        return self

    def __exit__(self, *_):
        self.raze()

    # --- the stage

    def build(self):
        for name in (self.up, self.mid, self.wire):
            ip("netns", "add", name)
            self.run_in(name, "sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1")
            ip("-n", name, "link", "set", "lo", "up")
        ip("-n", self.mid, "link", "add", "wan", "type", "veth", "peer", "name", "peer", "address",
           PEER_MAC, "netns", self.wire)
        ip("-n", self.mid, "link", "set", "wan", "address", GATEWAY_MAC, "arp", "off", "up")
        ip("-n", self.wire, "address", "add", WAN_ROUTER + "/24", "dev", "peer")
        ip("-n", self.wire, "link", "set", "peer", "up")
        # AF_PACKET passes on checksums that a NIC would have filled in.
        self.run_in(self.wire, "ethtool", "-K", "peer", "tx", "off")

    def raze(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for one in self.sockets:
            one.close()
        for name in (self.up, self.mid, self.wire):
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)

    @staticmethod
    def run_in(name, *command):
        return subprocess.run(["ip", "netns", "exec", name, *command], capture_output=True,
                              text=True, timeout=30 * gateway.PATIENCE, check=False)

    def open_socket(self, name, *arguments):
        """A socket that lives in that namespace: made by a thread that went there."""
        made = []

        def make():
            with open(f"/run/netns/{name}", "rb") as netns:
                assert libc.setns(netns.fileno(), CLONE_NEWNET) == 0
            made.append(socket.socket(*arguments))

        thread = threading.Thread(target=make)
        thread.start()
        thread.join()
        self.sockets.append(made[0])
        made[0].settimeout(5 * gateway.PATIENCE)
        return made[0]

    # --- the gateway

    def config(self):
        config = self.topology.config(self.socket)
        config["gateway"]["kernel_netns"] = self.up
        config["ports"] = ({"name": "wan0", "device": self.device,
                            "addresses": [WAN_ADDRESS + "/24"], "mtu": 1500},)
        config["routes"] = tuple(route for route in config["routes"]
                                 if "lan0" not in str(route["nexthops"]))
        del config["neighbors"]
        return config

    def vdevs(self):
        return ["--vdev", f"{self.device},{self.arguments}"]

    def start(self, change=lambda config: None):
        """`change` has its way with the configuration."""
        self.runs += 1
        file = self.directory / f"espalier-{self.runs}.conf"
        self.log = self.directory / f"log-{self.runs}"
        config = self.config()
        change(config)
        gateway.write_config(file, config)
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                ["ip", "netns", "exec", self.mid, str(gateway.ESPALIER), "--no-huge", "--no-shconf",
                 "-m", "256", "--no-pci", "--no-telemetry", "--lcores", gateway.lcores(1),
                 "--file-prefix", self.up, *self.vdevs(), "--", "-f", str(file),
                 *self.options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=gateway.environment(self.directory))
        gateway.wait_until(self.ready, 30, "espalier: ready")
        self.mac = self.show("ports")[0]["mac"]

    def ready(self):
        said = self.log.read_text(errors="replace")
        assert self.process.poll() is None, f"ended early:\n{said}"
        return "espalier: ready" in said

    def stop(self):
        """Ends it cleanly, with every packet buffer back."""
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(20 * gateway.PATIENCE)
        said = self.log.read_text(errors="replace")
        assert status == 0, said
        assert "heap: balanced" in said

    def neighbors(self):
        return {row["address"]: row["mac"] for row in self.show("neighbors")}

    # --- both kernels

    def link(self, name):
        return json.loads(ip("-j", "-n", self.up, "link", "show", name))[0]

    def ping(self, count=1):
        """Round trips to the gateway's own address."""
        said = self.run_in(self.wire, "ping", "-c", str(count), "-i", "0.05", "-W", "2", WAN_ADDRESS)
        return said.stdout.count("bytes from")


class Stranger:
    """The wire itself: every frame the gateway sends, and any frame to it."""

    def __init__(self, net):
        self.gateway_mac = net.mac
        self.raw = net.open_socket(net.wire, socket.AF_PACKET, socket.SOCK_RAW,
                                   socket.htons(ETH_P_ALL))
        self.raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.raw.bind(("peer", 0))

    def send(self, packet, **header):
        self.raw.send(wire.ether(packet, destination=bytes.fromhex(self.gateway_mac.replace(":", "")),
                                 source=bytes.fromhex(PEER_MAC.replace(":", "")), **header))

    def receive(self, wanted, seconds=5):
        """The first packet from the gateway for which wanted(packet) is true, or None."""
        deadline = time.monotonic() + seconds * gateway.PATIENCE
        while (left := deadline - time.monotonic()) > 0:
            if not select.select([self.raw], [], [], left)[0]:
                break
            frame = self.raw.recv(4096)
            if frame[6:12].hex(":") == self.gateway_mac and frame[12:14] == b"\x08\0" and wanted(frame[14:]):
                return frame[14:]
        return None

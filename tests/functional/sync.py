# SPDX-License-Identifier: BSD-3-Clause
"""A real `espalier-sync` between a real kernel's routes and a real Espalier, on the stage of kernel_net.py."""
import contextlib
import ipaddress
import select
import signal
import socket
import struct
import subprocess

import fake_control as nl
import kernel_net
from gateway import BUILD, PATIENCE, wait_until

ESPALIER_SYNC = BUILD / "app/espalier-sync/espalier-sync"
NEWROUTE, DELROUTE, GETROUTE = 24, 25, 26
GROUP_IPV4_ROUTE = 7


class LargeNet(kernel_net.KernelNet):
    """With room for the routes of these tests."""

    def config(self):
        config = super().config()
        config["gateway"]["max_routes"] = 65536
        return config


class Sync:
    """One espalier-sync process."""

    def __init__(self, net, *options):
        self.net = net
        self.command = [str(ESPALIER_SYNC), "-s", str(net.socket), "-n", net.up, *map(str, options)]
        self.process, self.runs = None, 0

    def start(self):
        self.runs += 1
        self.log = self.net.directory / f"sync-{id(self)}-{self.runs}"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        return self

    def said(self):
        return self.log.read_text(errors="replace")

    def in_step(self):
        """How often it said so."""
        assert self.process.poll() is None, f"ended early:\n{self.said()}"
        return self.said().count("espalier-sync: in step")

    def wait_in_step(self, times=1, seconds=20):
        wait_until(lambda: self.in_step() >= times, seconds, f"in step {times} times:\n{self.said()}")
        return self

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(10 * PATIENCE) == 0, self.said()
        assert "Sanitizer" not in self.said() and "runtime error" not in self.said(), self.said()


@contextlib.contextmanager
def syncs(net):
    """A function that starts one with options; what runs at the end is killed."""
    running = []

    def start(*options):
        running.append(Sync(net, *options))
        return running[-1].start()

    try:
        yield start
    finally:
        for one in running:
            one.kill()


class Events:
    """Who listens to Espalier's route events: what changed, and how."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(5 * PATIENCE)
        self.socket.connect(str(path))
        for kind, body in ((nl.HELLO, struct.pack("=II", 1, nl.ROUTE)),
                           (nl.GROUP, struct.pack("=II", GROUP_IPV4_ROUTE, 1))):
            self.socket.send(nl.message(kind, body, nl.REQUEST | nl.ACK, 1))
            (answer,) = nl.messages(self.socket.recv(65536))
            assert answer[0] == nl.NLMSG_ERROR and struct.unpack_from("=i", answer[4])[0] == 0

    def take(self):
        """[(True if new, False if deleted, prefix)] since the last time."""
        seen = []
        while select.select([self.socket], [], [], 0.05 * PATIENCE)[0]:
            datagram = self.socket.recv(65536)
            if not datagram:
                break
            for kind, _, _, _, body in nl.messages(datagram):
                assert kind in (NEWROUTE, DELROUTE), f"an event of type {kind}"
                seen.append((kind == NEWROUTE, prefix_of(body)))
        return seen


def prefix_of(body):
    at, bits = 12, body[1]
    while at + 4 <= len(body):
        length, kind = struct.unpack_from("=HH", body, at)
        if kind == 1:
            return f"{socket.inet_ntoa(body[at + 4:at + 8])}/{bits}"
        at += (length + 3) & ~3
    return f"0.0.0.0/{bits}"


def routes(net):
    """prefix -> (protocol, sorted ways), of what Espalier has from espalier-sync."""
    return {row["prefix"]: (row["protocol"], ways(row)) for row in net.show("routes")
            if row["owner"] in ("kernel", "fpm")}


def ways(row):
    def one(way):
        if way.get("drop"):
            return way.get("reason", "drop")
        name = way.get("tunnel") or f"{way['gateway']}@{way['port']}"
        return name if len(row["nexthops"]) == 1 else f"{name}*{way['weight']}"
    return sorted(one(way) for way in row["nexthops"])


def wait_routes(net, expected, seconds=5):
    try:
        wait_until(lambda: routes(net) == expected, seconds, "the routes")
    except AssertionError:
        raise AssertionError(f"there is {routes(net)}, not {expected}") from None


def compare(net, *options):
    return subprocess.run([str(ESPALIER_SYNC), "--compare", "-s", str(net.socket), "-n", net.up, *options],
                          capture_output=True, text=True, timeout=30 * PATIENCE, check=False)


def agree(net):
    done = compare(net)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def prefixes(n, base="100.64.0.0"):
    """n /28s in a row: of several thousands, none lies in another."""
    first = int(ipaddress.ip_address(base))
    return [f"{ipaddress.ip_address(first + 16 * i)}/28" for i in range(n)]


def batch(net, lines):
    """`ip -batch` in the namespace of the kernel's interfaces."""
    done = subprocess.run(["ip", "-n", net.up, "-batch", "-"], input="\n".join(lines) + "\n",
                          capture_output=True, text=True, timeout=120 * PATIENCE, check=False)
    assert done.returncode == 0, done.stderr


# --- a zebra of our own

NEWNEXTHOP, DELNEXTHOP = 104, 105
DST, OIF, GATEWAY, PRIORITY, MULTIPATH, NH_ID = 1, 4, 5, 6, 9, 30
NHA_ID, NHA_GROUP, NHA_BLACKHOLE, NHA_OIF, NHA_GATEWAY = 1, 2, 4, 5, 6
UNICAST, BLACKHOLE = 1, 6
BGP, MAIN = 186, 254
FPM_PORT = 2620


def u32(value):
    return struct.pack("=I", value)


def route_message(prefix, *attributes, kind=NEWROUTE, protocol=BGP, table=MAIN, route_type=UNICAST):
    network = ipaddress.ip_network(prefix)
    header = struct.pack("=BBBBBBBBI", socket.AF_INET, network.prefixlen, 0, 0, table, protocol, 0, route_type, 0)
    return nl.message(kind, header + nl.attribute(DST, network.network_address.packed) + b"".join(attributes),
                      nl.REQUEST | 0x400 | 0x100)


def multipath(*ways):
    """(ifindex, weight) each."""
    return nl.attribute(MULTIPATH, b"".join(struct.pack("=HBBi", 8, 0, weight - 1, ifindex)
                                            for ifindex, weight in ways))


def nexthop_message(number, *attributes, kind=NEWNEXTHOP, family=socket.AF_INET):
    return nl.message(kind, struct.pack("=BBBBI", family, 0, 0, 0, 0) +
                      nl.attribute(NHA_ID, u32(number)) + b"".join(attributes), nl.REQUEST | 0x400)


def group(*members):
    """(id, weight) each."""
    return nl.attribute(NHA_GROUP, b"".join(struct.pack("=IBBH", number, weight - 1, 0, 0)
                                            for number, weight in members))


def frame(*messages):
    body = b"".join(messages)
    return struct.pack("!BBH", 1, 1, len(body) + 4) + body


class FakeZebra:
    """Says what it is told to."""

    def __init__(self, net, port=FPM_PORT):
        self.socket = net.open_socket(net.up, socket.AF_INET, socket.SOCK_STREAM)
        self.socket.connect(("127.0.0.1", port))

    def say(self, *frames):
        self.socket.sendall(b"".join(frames))

    def is_hung_up(self):
        try:
            return self.socket.recv(100) == b""
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False

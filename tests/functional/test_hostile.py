# SPDX-License-Identifier: BSD-3-Clause
"""Clients of the control socket that mean harm, all at once, beside one that means none.

They are processes of hostile.py: stuck, slow, flooding, deaf, greedy, vanishing, and a crowd of
thousands. The one that does what daemons do gets its answers in time, hears every event, and no
packet is lost. "In time" is seconds, on a machine with two CPUs for a dozen busy processes; a server
that waits for one of them once, or lets one have its way, does not answer at all.
"""
import signal
import socket as sockets
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

import hostile
import wire
import xfrm
from esp import Sa
from gateway import PATIENCE, wait_until
from topology import HOST, Topology, WAN_ADDRESS

SECONDS = 8
USUALLY, AT_WORST = 0.25, 5  # seconds for an answer: the median, and the slowest
MEGABYTES = 64  # more than what 64 clients may have waiting is never kept
ROUNDS = 20


@pytest.fixture
def crowd_of():
    """crowd_of({kind: socket}) starts them."""
    running = []

    def start(kinds):
        for kind, path in kinds:
            running.append(subprocess.Popen(
                [sys.executable, hostile.__file__, kind, str(path)], stdout=subprocess.PIPE))
        for process in running:
            assert process.stdout.readline() == b"at work\n"
        return running

    yield start
    for process in running:
        process.kill()
        process.wait()


def resident_megabytes(process):
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    return int(next(line.split()[1] for line in status.splitlines()
                    if line.startswith("VmRSS"))) / 1024


class Answers:
    """How long each took."""

    def __init__(self):
        self.seconds = []

    def time(self, action, *arguments, **settings):
        began = time.monotonic()
        result = action(*arguments, **settings)
        self.seconds.append(time.monotonic() - began)
        return result


def session(client, answers, tunnel, number):
    """What an IKE daemon asks for in the life of a child SA; the number of events that come of it."""
    into = Sa(0, tunnel.remote, WAN_ADDRESS)
    into.spi = answers.time(client.reserve, into, tunnel.number, 0x40000000, 0x4FFFFFFF)
    out = Sa(0x50000000 + number, WAN_ADDRESS, tunnel.remote)
    answers.time(client.update, into, tunnel.number, window=32)
    answers.time(client.add, out, tunnel.number)
    assert answers.time(client.get, out).key(xfrm.ALG_CRYPT) == out.key
    answers.time(client.list)
    answers.time(client.delete, out)
    answers.time(client.delete, into)
    return 4  # the reservation is told to nobody


@pytest.mark.alone
def test_all_of_them_together(start, socket, crowd_of):
    topology = Topology()
    gateway = start(topology, lan="live", wan="live")
    read_only = Path(str(socket).replace(".sock", "-ro.sock"))
    client = xfrm.Client(socket)
    # The table is long enough for its listing not to fit into a socket.
    others = [Sa(0x60000000 + n, WAN_ADDRESS, topology[3].remote) for n in range(800)]
    client.pour((xfrm.NEWSA, xfrm.state(sa, 3)) for sa in others)
    ear = xfrm.Client(socket, [xfrm.GROUP_SA])
    before = resident_megabytes(gateway.process)
    # Who may open the read-write socket owns the traffic anyhow: it is spared the thousands.
    crowd_of([(kind, path) for kind in hostile.KINDS for path in (socket, read_only)
              if (kind, path) != ("crowd", socket)])

    answers, sent, worst, turns = Answers(), 0, 0, 0
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline or turns < ROUNDS:
        for _ in range(session(client, answers, topology[2], turns)):
            answers.time(ear.hear)
        frames = [wire.ether(wire.udp_packet(HOST, topology[1].peer_host, bytes(72), ident=n))
                  for n in range(50)]
        inner = wire.udp_packet(topology[1].peer_host, HOST, bytes(72))
        gateway.feeds["lan0"].put(frames)
        gateway.feeds["wan0"].put([wire.ether(topology[1].into.seal(inner, sent + n + 1))
                                   for n in range(50)])
        sent, turns = sent + 50, turns + 1
        worst = max(worst, resident_megabytes(gateway.process))
    print(f"{len(answers.seconds)} answers in {SECONDS} s, median "
          f"{statistics.median(answers.seconds) * 1e3:.1f} ms, slowest {max(answers.seconds):.3f} s; "
          f"{worst - before:.1f} MB more")
    assert statistics.median(answers.seconds) < USUALLY * PATIENCE
    assert max(answers.seconds) < AT_WORST * PATIENCE
    assert worst - before < MEGABYTES * PATIENCE  # a sanitizer keeps what was freed

    assert len(client.list()) == len(others) + 6
    wait_until(lambda: client.get(topology[1].out).packets == sent and
               client.get(topology[1].into).packets == sent, 10, "every packet")
    wait_until(lambda: gateway.ctl("show", "version").returncode == 0, 10, "a place for a newcomer")
    # In the crowd there may be no place; then that is what is said.
    for _ in range(20):
        done = gateway.ctl("show", "version", socket=read_only)
        assert done.returncode == 0 or "no place for more" in done.stderr, done.stderr


def test_nothing_of_them_is_left(start, socket, crowd_of):
    """When they are gone so is what was kept for them, and no packet was lost."""
    topology = Topology()
    gateway = start(topology, lan="live")
    read_only = Path(str(socket).replace(".sock", "-ro.sock"))
    crowd = crowd_of([(kind, path) for kind in hostile.KINDS for path in (socket, read_only)])
    for _ in range(10):
        gateway.feeds["lan0"].put([wire.ether(wire.udp_packet(HOST, topology[1].peer_host))] * 50)
        time.sleep(0.2)
    for process in crowd:
        process.kill()
    wait_until(lambda: gateway.ctl("show", "version").returncode == 0, 10, "a place")
    assert len(xfrm.Client(read_only).list()) == 6
    wait_until(lambda: gateway.show("tunnels")[0]["tx"]["packets"] == 500, 10, "every packet")
    assert gateway.drops().keys() <= {"not_ip"}
    assert "heap: balanced" in gateway.stop().output


def test_a_listener_is_not_stuck_because_an_event_just_came(start, socket):
    """All places are taken when somebody comes in the same moment as an event: he is turned away,
    and the listener, which has been quiet for long, hears it."""
    topology = Topology()
    gateway = start(topology.config_without_sas(socket))
    read_only = Path(str(socket).replace(".sock", "-ro.sock"))
    daemon = xfrm.Client(socket)
    ear = xfrm.Client(read_only, [xfrm.GROUP_SA])
    others = [xfrm.Client(read_only) for _ in range(31)]
    time.sleep(5.2)  # longer than a client may be stuck

    gateway.process.send_signal(signal.SIGSTOP)
    daemon.send(xfrm.NEWSA, xfrm.state(topology[1].out, 1))
    with sockets.socket(sockets.AF_UNIX, sockets.SOCK_SEQPACKET) as late:
        late.connect(str(read_only))
        gateway.process.send_signal(signal.SIGCONT)
        assert ear.hear()[0] == xfrm.NEWSA
    assert len(others) == 31

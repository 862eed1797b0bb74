# SPDX-License-Identifier: BSD-3-Clause
"""Runs the real `espalier` between two capture files, without root, hugepages or a network."""
import json
import os
import re
import signal
import subprocess
import threading
import time
import zlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import capture
import wire
from topology import render_file

BUILD = Path(os.environ.get("ESPALIER_BUILD", Path(__file__).parents[2] / "build")).absolute()
ESPALIER = BUILD / "app/espalier/espalier"
ESPALIERCTL = BUILD / "app/espalierctl/espalierctl"
# Sanitizers and busy machines are slower: every time limit is multiplied with this.
PATIENCE = float(os.environ.get("ESPALIER_PATIENCE", "1"))
PORTS = ("lan0", "wan0")


def wait_until(condition, seconds, what):
    deadline = time.monotonic() + seconds * PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s in vain: {what}"
        time.sleep(0.01)


def lcores(workers):
    """The main lcore and the workers, on as many CPUs as we have."""
    cpus = sorted(os.sched_getaffinity(0))
    return ",".join([f"0@{cpus[0]}"] +
                    [f"{n}@{cpus[n % len(cpus)]}" for n in range(1, workers + 1)])


def spread(frames, queues):
    """What a NIC's RSS does: a flow's frames go to one queue, in order."""
    lists = [[] for _ in range(queues)]
    for frame in frames:
        lists[zlib.crc32(frame[23:24] + frame[26:38]) % queues].append(frame)
    return lists


class Feed(threading.Thread):
    """A port's input that a test writes while Espalier runs: a FIFO in place of the capture file.

    A worker that reads an empty FIFO would block, so frames of an ethertype for local experiments
    flow all the time: Espalier counts them as `not_ip`.
    """

    FILLER = capture.record(wire.ether(bytes(46), ethertype=0x88B5)) * 128

    def __init__(self, path):
        super().__init__(daemon=True)
        os.mkfifo(path)
        self.path = path
        self.written = 0
        self.waiting = []
        self.lock = threading.Lock()
        self.done = threading.Event()

    def run(self):
        try:
            with open(self.path, "wb", buffering=0) as fifo:
                fifo.write(capture.FILE_HEADER)
                while not self.done.wait(0.001):
                    with self.lock:
                        frames, self.waiting = self.waiting, []
                    fifo.write(b"".join(map(capture.record, frames)) + self.FILLER)
                    self.written += len(frames) + 128
        except BrokenPipeError:
            pass

    def put(self, frames):
        """Returns once all of them are in the pipe."""
        with self.lock:
            self.waiting += frames
        wait_until(lambda: not self.waiting, 20, "the feed to take the frames")
        target = self.written + len(frames) + 128
        wait_until(lambda: self.written >= target, 20, "the feed to be written")


@dataclass
class Outcome:
    """What a run left behind. Packets are without their Ethernet header; `drops` holds only the
    reasons that occurred."""

    frames: dict = field(default_factory=dict, repr=False)
    queues: dict = field(default_factory=dict, repr=False)
    drops: dict = field(default_factory=dict)
    shows: dict = field(default_factory=dict)
    output: str = ""

    @property
    def lan(self):
        return [frame[14:] for frame in self.frames["lan0"]]

    @property
    def wan(self):
        return [frame[14:] for frame in self.frames["wan0"]]

    def sa(self, sa):
        return next(row for row in self.shows["sas"] if row["spi"] == f"0x{sa.spi:08x}")

    def tunnel(self, tunnel):
        return next(row for row in self.shows["tunnels"] if row["name"] == tunnel.name)


class Operated:
    """Who answers at the control socket self.socket."""

    def ctl(self, *arguments, socket=None):
        return run_ctl("-s", socket or self.socket, *arguments)

    def order(self, *arguments):
        """Runs an espalierctl command that must succeed."""
        done = self.ctl(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def show(self, subject):
        return json.loads(self.order("-j", "show", subject))

    def drops(self):
        return {row["reason"]: row["packets"] for row in self.show("drops") if row["packets"]}


class Gateway(Operated):
    """One `espalier` process. Frames for lan0 and wan0 are lists, or "live" for a Feed."""

    def __init__(self, directory, config, *, lan=(), wan=(), workers=1, queues=None, held=False,
                 options=(), eal=()):
        self.directory = directory
        self.socket = Path(config["gateway"]["control_socket"])
        self.config_file = directory / "espalier.conf"
        self.workers, self.queues = workers, workers if queues is None else queues
        self.held = held
        self.options, self.eal = options, eal
        self.feeds, self.expected, self.process = {}, {}, None
        write_config(self.config_file, config)
        self.inputs(0, lan)
        self.inputs(1, wan)

    def inputs(self, port, frames):
        if isinstance(frames, str):
            assert frames == "live" and self.queues == 1
            self.feeds[PORTS[port]] = Feed(self.directory / f"rx{port}-0.pcap")
            return
        self.expected[PORTS[port]] = len(frames)
        for queue, part in enumerate(spread(frames, self.queues)):
            capture.write(self.directory / f"rx{port}-{queue}.pcap", part)

    def command(self):
        devices = []
        for port in range(2):
            files = [f"{way}_pcap={self.directory}/{way}{port}-{queue}.pcap"
                     for way in ("rx", "tx") for queue in range(self.queues)]
            devices += ["--vdev", f"net_pcap{port}," + ",".join(files)]
        return [str(ESPALIER), "--no-huge", "--no-shconf", "-m", "256", "--no-pci",
                "--no-telemetry", "--lcores", lcores(self.workers),
                "--file-prefix", f"espalier-test-{os.getpid()}", *devices, *self.eal, "--",
                "-f", str(self.config_file), "--no-kernel-interfaces",
                *(["--start-held"] if self.held else []), *self.options]

    def start(self):
        for feed in self.feeds.values():
            feed.start()
        with open(self.directory / "stdout", "wb") as out, \
                open(self.directory / "stderr", "wb") as err:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=out,
                                            stderr=err, env=environment(self.directory))
        if self.held:
            wait_until(lambda: self.running() and self.ctl("show", "version").returncode == 0, 30,
                       "the control socket")
        else:
            self.wait_ready()
        return self

    def running(self):
        assert self.process.poll() is None, f"ended early:\n{self.output()}"
        return True

    def wait_ready(self):
        wait_until(lambda: self.running() and self.ready(), 30, "espalier: ready")

    def ready(self):
        return "espalier: ready" in (self.directory / "stdout").read_text().splitlines()

    def output(self):
        return "".join((self.directory / name).read_text(errors="replace")
                       for name in ("stdout", "stderr"))

    def received(self):
        return {row["name"]: row["rx"]["packets"] for row in self.show("ports")}

    def settle(self):
        """Waits until all input is consumed and nothing counts any more."""
        wait_until(lambda: self.running() and self.consumed(), 60, "the input to be consumed")
        before = None
        while (now := self.figures()) != before:
            before = now
            time.sleep(0.02 * PATIENCE)

    def consumed(self):
        received = self.received()
        return all(received[port] >= count for port, count in self.expected.items())

    def figures(self):
        return [(row["rx"]["packets"], row["tx"]["packets"]) for row in self.show("ports")
                if row["name"] not in self.feeds], self.show("sas"), \
            {reason: n for reason, n in self.drops().items() if reason != "not_ip"}

    def feed(self, port, frames):
        """Sends frames into a live port and waits until they have been dealt with."""
        feed = self.feeds[port]
        feed.put(frames)
        target = feed.written
        wait_until(lambda: self.running() and self.received()[port] >= target, 20, "the feed")

    def stop(self):
        """Ends it with SIGTERM, which must be clean, and gathers what it did."""
        outcome = Outcome(drops=self.drops(), shows={
            subject: self.show(subject) for subject in ("sas", "tunnels", "ports", "workers")})
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(20 * PATIENCE)
        outcome.output = self.output()
        assert status == 0, f"exit status {status}\n{outcome.output}"
        assert "runtime error:" not in outcome.output, f"UBSan:\n{outcome.output}"
        returned = re.search(r"mbufs: (\d+) of (\d+) back in the pool", outcome.output)
        assert returned and returned[1] == returned[2], "a packet buffer is lost"
        for port, name in enumerate(PORTS):
            outcome.queues[name] = [
                capture.read(self.directory / f"tx{port}-{queue}.pcap")
                for queue in range(self.queues)]
            outcome.frames[name] = sum(outcome.queues[name], [])
        return outcome

    def kill(self):
        """For the end of a failed test."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for feed in self.feeds.values():
            feed.done.set()


def write_config(path, config):
    path.touch(mode=0o600)
    path.write_text(config if isinstance(config, str) else render_file(config))


def environment(directory):
    """DPDK keeps its runtime files in XDG_RUNTIME_DIR unless it is root."""
    return {**os.environ, "XDG_RUNTIME_DIR": str(directory)}


def run_ctl(*arguments):
    return subprocess.run([str(ESPALIERCTL), *map(str, arguments)], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=20 * PATIENCE, check=False)


def shares(items):
    """How often each occurs, as a part of all."""
    counts = Counter(items)
    return {item: count / counts.total() for item, count in counts.items()}

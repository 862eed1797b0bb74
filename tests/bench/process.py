# SPDX-License-Identifier: BSD-3-Clause
"""A DPDK process under measurement: started on given CPUs, paused, resumed, counted.

All of them are counted in the same way: by the statistics of the port that sends, asked of DPDK's
telemetry socket, which Espalier, testpmd and the examples have alike.
"""

import contextlib
import ctypes
import dataclasses
import json
import os
import pathlib
import signal
import socket
import subprocess
import time

START_SECONDS = 20
STOP_SECONDS = 10


class Failure(Exception):
    """Something that makes a measurement impossible; the text is for the reader."""


@dataclasses.dataclass(frozen=True)
class Cpus:
    main: int  # for what sleeps
    worker: int
    second: int  # for a second worker; that of `main` where there are only two

    def of_workers(self, workers: int) -> list[int]:
        return [self.worker, self.second][:workers]


@dataclasses.dataclass(frozen=True)
class Way:
    """What one way, from a source port to its sink, saw in a window."""

    mpps_in: float  # received at the source port
    mpps: float  # sent at the sink port
    frame_bytes: float  # mean of the frames sent


@dataclasses.dataclass(frozen=True)
class Window:
    ways: tuple[Way, ...]
    cpu_share: float  # of their CPUs that the workers had

    @property
    def mpps(self) -> float:
        """The figure: what was sent."""
        return sum(way.mpps for way in self.ways)


PR_SET_PDEATHSIG = 1  # linux/prctl.h
LIBC = ctypes.CDLL(None)
HIGHEST_PRIORITY = -20


def go_first() -> None:
    """Before whatever else this machine does, where we may: in our session, and of the sessions.
    Who measures needs that too, where a second worker has the CPU that it shares."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, HIGHEST_PRIORITY)
        pathlib.Path("/proc/self/autogroup").write_text(str(HIGHEST_PRIORITY))


def prepare(cpus: set[int]) -> None:
    """In the child, before it becomes the program to be measured."""
    os.sched_setaffinity(0, cpus)
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # a paused process must not outlive us
    go_first()


class Process:
    """A process with its telemetry connection. `name` names its files in `directory`."""

    def __init__(self, name: str, command: list, directory: pathlib.Path, cpus: list[int]):
        """`cpus`: of its workers, and the last of what sleeps."""
        self.name = name
        self.worker_cpus = cpus[:-1]
        self.log = directory / f"{name}.log"
        # DPDK keeps what belongs to a process below this; no rights and no traces elsewhere.
        environment = dict(os.environ, RUNTIME_DIRECTORY=str(directory))
        with open(self.log, "wb") as log:
            self.child = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT, env=environment,
                start_new_session=True, preexec_fn=lambda: prepare({*cpus}),
            )
        self.telemetry_path = directory / "dpdk" / name / "dpdk_telemetry.v2"
        self.telemetry = None

    def failure(self, what: str) -> Failure:
        tail = self.log.read_text(errors="replace").strip().splitlines()[-8:]
        words = "its last words:" if tail else "it said nothing"
        return Failure("\n    ".join([f"{self.name} {what}; {words}"] + tail))

    def wait_until(self, what: str, condition) -> None:
        """Calls `condition` until it answers something true; fails when the process ends."""
        deadline = time.monotonic() + START_SECONDS
        while not condition():
            if self.child.poll() is not None:
                raise self.failure(f"ended with status {self.child.returncode} before {what}")
            if time.monotonic() > deadline:
                raise self.failure(f"is not {what} after {START_SECONDS} s")
            time.sleep(0.01)

    def connect(self) -> bool:
        """True once the telemetry socket answers."""
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            connection.settimeout(STOP_SECONDS)
            connection.connect(str(self.telemetry_path))
            connection.recv(4096)  # its greeting
        except OSError:
            connection.close()
            return False
        self.telemetry = connection
        return True

    def ask(self, command: str):
        """What telemetry answers to a command."""
        try:
            self.telemetry.send(command.encode())
            return json.loads(self.telemetry.recv(65536))[command.partition(",")[0]]
        except (OSError, ValueError):
            raise self.failure("does not answer on its telemetry socket") from None

    def statistics(self, port: int) -> dict:
        """DPDK's statistics of a port; zeroes until the port exists."""
        answer = self.ask(f"/ethdev/stats,{port}")
        return answer or dict.fromkeys(("ipackets", "opackets", "obytes"), 0)

    def workers_ns(self) -> int:
        """CPU time of the threads that may run on one CPU alone, and that a worker's."""
        total = 0
        for task in pathlib.Path(f"/proc/{self.child.pid}/task").iterdir():
            with contextlib.suppress(OSError):  # a thread that just ended
                cpus = os.sched_getaffinity(int(task.name))
                if len(cpus) == 1 and cpus <= set(self.worker_cpus):
                    total += int((task / "schedstat").read_text().split()[0])
        return total

    def let_workers_preempt(self) -> None:
        """Where we may: from here on a worker yields its CPU to nobody. For what lasts less than the
        second after which the kernel lets others in."""
        for task in pathlib.Path(f"/proc/{self.child.pid}/task").iterdir():
            if "worker" in (task / "comm").read_text():
                with contextlib.suppress(PermissionError):
                    os.sched_setscheduler(int(task.name), os.SCHED_FIFO, os.sched_param(1))

    def count(self, port: int) -> tuple[float, dict]:
        """A port's statistics, and when they were asked for."""
        return time.monotonic(), self.statistics(port)

    def measure(self, ways, seconds: float) -> Window:
        """`ways`: pairs of a source port and its sink."""
        with Span(self, ways) as span:
            time.sleep(seconds)
        return span.window

    def pause(self) -> None:
        """Takes it off the CPU, so that others can be measured while it keeps its state."""
        self.child.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        if self.child.poll() is not None:
            raise self.failure(f"ended with status {self.child.returncode}")
        self.child.send_signal(signal.SIGCONT)

    def stop(self) -> int:
        """Ends it, kindly first; its exit status."""
        if self.telemetry:
            self.telemetry.close()
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGCONT)
            self.child.send_signal(signal.SIGTERM)
        self.child.stdin.close()
        try:
            return self.child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.child.kill()
            return self.child.wait()


class Span:
    """Counts from its beginning to its end: the window is there when it has been left."""

    def __init__(self, process: Process, ways):
        self.process, self.ways = process, ways
        self.window = None

    def look(self) -> tuple[int, list]:
        # The sinks next to what is measured, because they are the figure.
        return self.process.workers_ns(), [
            (self.process.count(source), self.process.count(sink)) for source, sink in self.ways]

    def __enter__(self) -> "Span":
        self.before = time.monotonic(), *self.look()
        return self

    def __exit__(self, *_) -> None:
        start, ns_before, before = self.before
        ns_after, after = self.look()
        seconds = time.monotonic() - start
        share = (ns_after - ns_before) / 1e9 / seconds / len(self.process.worker_cpus)
        self.window = Window(
            tuple(way(*pair) for pair in zip(before, after)), cpu_share=min(1.0, share))


def way(before, after) -> Way:
    """Of the counts at a source and its sink, before and after."""
    (start_in, in_before), (start, out_before) = before
    (end_in, in_after), (end, out_after) = after
    sent = out_after["opackets"] - out_before["opackets"]
    return Way(
        mpps_in=(in_after["ipackets"] - in_before["ipackets"]) / (end_in - start_in) / 1e6,
        mpps=sent / (end - start) / 1e6,
        frame_bytes=(out_after["obytes"] - out_before["obytes"]) / max(1, sent),
    )

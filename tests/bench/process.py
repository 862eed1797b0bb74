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
    main: int
    worker: int


@dataclasses.dataclass(frozen=True)
class Window:
    """What one window of measuring saw."""

    mpps_in: float  # received at the source port
    mpps: float  # sent at the sink port: the figure
    frame_bytes: float  # mean of the frames sent
    cpu_share: float  # of its CPU that the worker had


PR_SET_PDEATHSIG = 1  # linux/prctl.h
LIBC = ctypes.CDLL(None)
HIGHEST_PRIORITY = -20


def prepare(cpus: set[int]) -> None:
    """In the child, before it becomes the program to be measured."""
    os.sched_setaffinity(0, cpus)
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # a paused process must not outlive us
    # Before whatever else this machine does, where we may: in its session, and of the sessions.
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, HIGHEST_PRIORITY)
        pathlib.Path("/proc/self/autogroup").write_text(str(HIGHEST_PRIORITY))


class Process:
    """A process with its telemetry connection. `name` names its files in `directory`."""

    def __init__(self, name: str, command: list, directory: pathlib.Path, cpus: Cpus):
        self.name = name
        self.cpus = cpus
        self.log = directory / f"{name}.log"
        # DPDK keeps what belongs to a process below this; no rights and no traces elsewhere.
        environment = dict(os.environ, RUNTIME_DIRECTORY=str(directory))
        with open(self.log, "wb") as log:
            self.child = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT, env=environment,
                start_new_session=True, preexec_fn=lambda: prepare({cpus.main, cpus.worker}),
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

    def statistics(self, port: int) -> dict:
        """DPDK's statistics of a port; zeroes until the port exists."""
        try:
            self.telemetry.send(f"/ethdev/stats,{port}".encode())
            answer = json.loads(self.telemetry.recv(65536))["/ethdev/stats"]
        except (OSError, ValueError):
            raise self.failure("does not answer on its telemetry socket") from None
        return answer or dict.fromkeys(("ipackets", "opackets", "obytes"), 0)

    def worker_ns(self) -> int:
        """CPU time of the threads that may run on the worker's CPU alone."""
        total = 0
        for task in pathlib.Path(f"/proc/{self.child.pid}/task").iterdir():
            with contextlib.suppress(OSError):  # a thread that just ended
                if os.sched_getaffinity(int(task.name)) == {self.cpus.worker}:
                    total += int((task / "schedstat").read_text().split()[0])
        return total

    def count(self, port: int) -> tuple[float, dict]:
        """A port's statistics, and when they were asked for."""
        return time.monotonic(), self.statistics(port)

    def measure(self, source: int, sink: int, seconds: float) -> Window:
        cpu = self.worker_ns()
        start_in, before_in = self.count(source)
        start, before = self.count(sink)
        time.sleep(seconds)
        end, after = self.count(sink)
        end_in, after_in = self.count(source)
        cpu = self.worker_ns() - cpu
        return Window(
            mpps_in=(after_in["ipackets"] - before_in["ipackets"]) / (end_in - start_in) / 1e6,
            mpps=(after["opackets"] - before["opackets"]) / (end - start) / 1e6,
            frame_bytes=(after["obytes"] - before["obytes"])
            / max(1, after["opackets"] - before["opackets"]),
            cpu_share=min(1.0, cpu / 1e9 / (end_in - start_in)),
        )

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

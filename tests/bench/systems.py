# SPDX-License-Identifier: BSD-3-Clause
"""A system that forwards packets: how it is started over the two devices, counted and checked.

A system is started for one task (scenario.py), over the same devices with the same files.
"""

import dataclasses
import pathlib

import traffic
from process import Cpus, Failure, Process
from scenario import LAN, WAN, Task


@dataclasses.dataclass(frozen=True)
class Bench:
    """Where and on what everything runs."""

    directory: pathlib.Path  # for files that live as long as the run; short: sockets lie there
    build: pathlib.Path  # of what is measured, and of espalier-limit
    cpus: Cpus
    hugepages: bool

    def packets(self, task: Task, source: int) -> list[pathlib.Path]:
        """The pcap files of a source port, one for each queue, made when first asked for."""
        paths = [self.directory / task.file_name(source, queue) for queue in range(task.workers)]
        if not paths[0].exists():
            traffic.write_files(task, source, paths)
        return paths

    def silence(self) -> pathlib.Path:
        """A file without packets: what a port that only sends receives."""
        path = self.directory / "silence.pcap"
        if not path.exists():
            traffic.write_pcap(path, [])
        return path


class System:
    """Base of all: a process that forwards from a task's source ports to their sinks."""

    gateway = True  # sends ESP for what is plain, and the reverse
    optional = False  # its failure ends the run
    device = "net_pcap"  # what its ports are, by DPDK's name without the number
    infinite = ",infinite_rx=1"  # its files are replayed from memory for ever
    buffers_spare = 6144  # beyond what the replay keeps for itself

    def __init__(self, bench: Bench, name: str, task: Task):
        """`name` is that of its column, of its process and of its files."""
        self.bench, self.name, self.task = bench, name, task
        self.process = None

    @property
    def buffers(self) -> int:
        return self.buffers_spare + self.task.packets_n * len(self.task.direction.ways)

    @property
    def memory_mb(self) -> int:
        """For packets, and for what every DPDK process needs."""
        # A buffer does not cross a page: there is one in each of 4 KB.
        return 160 + self.buffers * (2560 if self.bench.hugepages else 4096) // 1000000

    def start(self) -> None:
        """Returns when packets flow."""
        self.launch()
        self.go()
        sinks = [sink for _, sink in self.task.direction.ways]
        self.process.wait_until("sending", lambda: all(
            self.process.statistics(sink)["opackets"] > 0 for sink in sinks))
        self.started()

    def launch(self) -> None:
        """Returns when it answers, but before it is let go."""
        cpus = [*self.bench.cpus.of_workers(self.task.workers), self.bench.cpus.main]
        self.process = Process(self.name, self.command(), self.bench.directory, cpus)
        self.process.wait_until("reachable by telemetry", self.process.connect)

    def stop(self) -> None:
        if self.process:
            self.process.stop()
            self.process = None

    def command(self) -> list:
        raise NotImplementedError

    def go(self) -> None:
        """Lets a process go that starts held."""

    def started(self) -> None:
        """Fails unless it does what it was asked for. Packets flow."""

    def check(self) -> None:
        """Fails unless the system itself says that it lost nothing. It is running."""

    def eal(self) -> list:
        """EAL options: memory, CPUs, and the two devices with the packets at the source ports."""
        memory = ["--in-memory"] if self.bench.hugepages else ["--no-huge", "--no-shconf"]
        lcores = self.lcores()
        return [*memory, "-m", self.memory_mb, "--no-pci", "--file-prefix", self.name,
                "--lcores", lcores, *self.devices()]

    def lcores(self) -> str:
        workers = self.bench.cpus.of_workers(self.task.workers)
        return ",".join(f"{lcore}@{cpu}" for lcore, cpu in enumerate(
            [self.bench.cpus.main, *workers]))

    def devices(self) -> list:
        sources = [source for source, _ in self.task.direction.ways]
        devices = []
        for port in (LAN, WAN):
            if port in sources:
                files, infinite = self.bench.packets(self.task, port), self.infinite
            else:
                files, infinite = [self.bench.silence()] * self.task.workers, ""
            received = "".join(f",rx_pcap={file}" for file in files)
            devices += ["--vdev", f"{self.device}{port}{received}{infinite}{self.sent(port)}"]
        return devices

    def sent(self, port: int) -> str:
        """Devices' arguments for what is sent; without any it is counted and freed."""
        return ""


class Macswap(System):
    """testpmd that swaps MAC addresses: what rx, tx and the devices cost alone."""

    gateway = False
    burst = 64

    def command(self):
        return [
            "dpdk-testpmd", *self.eal(), "--", "--forward-mode=macswap", f"--burst={self.burst}",
            f"--nb-cores={self.task.workers}", f"--rxq={self.task.workers}",
            f"--txq={self.task.workers}", f"--total-num-mbufs={self.buffers}", "--no-mlockall",
        ]

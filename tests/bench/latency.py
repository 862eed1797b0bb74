# SPDX-License-Identifier: BSD-3-Clause
"""Chapter: how long a packet takes at a tenth of the highest rate.

The generator (pace.c) and the system under measurement have a CPU each and two memif wires between
them. What the wires and the generator cost themselves is in the figure of testpmd, too.
"""

import json
import os
import subprocess
import time

import scenario
from chapter import BEFORE, Result, Row, Run
from espalier import Espalier
from process import Failure, prepare
from scenario import LAN, OUTBOUND, WAN, Size, Task
from systems import Macswap

SIZES = ("64", "1420")
SECONDS = 0.5
SHARE_OF_RATE = 0.1
RING = "rsize=13"  # 8192 packets, so that a moment without CPU loses none
TRIES = 5


class Wired:
    """A system whose ports are memif wires instead of files."""

    device = "net_memif"

    def devices(self):
        return [word for port in (LAN, WAN) for word in (
            "--vdev", f"{wire(self, port)},role=server,mac={scenario.PORT_MAC[port].hex(':')}")]

    def start(self):
        self.launch()
        self.go()


class WiredMacswap(Wired, Macswap):
    def command(self):
        return [*super().command(), "--disable-link-check"]


class WiredEspalier(Wired, Espalier):
    def check(self):
        """Nothing to ask: all came back, or there is no figure; what went ahead of it may be lost."""


def wire(system: Wired, port: int) -> str:
    return (f"{system.device}{port},socket-abstract=no,id={port},"
            f"socket={system.bench.directory / system.name}{port}.wire")


def highest_rate(run: Run, size: Size) -> float:
    """Packets per second, by a short look."""
    system = Espalier(run.bench, "latency-rate", Task(OUTBOUND, size))
    try:
        system.start()
        return system.process.measure(OUTBOUND.ways, run.plan.window).mpps * 1e6
    finally:
        system.stop()


def times(system: Wired, rate: float) -> dict[str, float]:
    """Sends for a while through a running system; microseconds by quantile. Repeats what lost
    packets, because then it is not known which took how long."""
    for _ in range(TRIES):
        found = pace(system, rate)
        if found["received"] == found["sent"]:
            return found
    raise Failure(f"{system.name} returned {found['received']} of {found['sent']} packets at"
                  f" {rate / 1e6:.2f} Mpps, and did not do better in {TRIES} tries")


def pace(system: Wired, rate: float) -> dict[str, float]:
    bench = system.bench
    (frames,) = bench.packets(system.task, LAN)
    memory = ["--in-memory"] if bench.hugepages else ["--no-huge", "--no-shconf"]
    command = [
        bench.build / "tests/bench/espalier-pace", *memory, "-m", 128, "--no-pci", "--no-telemetry",
        "--file-prefix", f"pace-{system.name}", "--lcores", f"0@{bench.cpus.main}",
        "--log-level", "3",
        *(word for port in (LAN, WAN) for word in ("--vdev", f"{wire(system, port)},role=client,{RING}")),
        "--", "--frames", frames, "--rate", int(rate), "--seconds", SECONDS]
    answer = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, start_new_session=True,
        preexec_fn=lambda: prepare({bench.cpus.main}),
        env=dict(os.environ, RUNTIME_DIRECTORY=str(bench.directory)))
    lines = answer.stdout.strip().splitlines()
    if answer.returncode != 0 or not lines:
        raise Failure(f"espalier-pace: {answer.stderr.strip() or answer.returncode}")
    return json.loads(lines[-1])


def latency(run: Run) -> Result:
    result = Result("Latency, outbound, at a tenth of the highest rate", "IP length")
    for size in run.sizes:
        if size.name in (SIZES[:1] if run.quick else SIZES):
            result.rows.append(row(run, size))
    result.notes.append("both include the wires (memif) and the generator, who has a CPU of its own"
                        " but for the control core")
    return result


def row(run: Run, size: Size) -> Row:
    rate = highest_rate(run, size) * SHARE_OF_RATE
    task = Task(OUTBOUND, size)
    systems = [WiredMacswap(run.bench, "latency-testpmd", task),
               WiredEspalier(run.bench, "latency-espalier", task)]
    if run.against:
        systems.append(WiredEspalier(run.bench, "latency-before", task, run.against))
    taken = {system.name: [] for system in systems}
    try:
        for system in systems:
            system.start()
            system.process.pause()
        for turn in range(run.plan.turns):
            for system in systems[::(-1) ** turn]:
                system.process.resume()
                time.sleep(run.plan.settle)
                taken[system.name].append(times(system, rate))
                system.check()
                system.process.pause()
            run.progress(f"latency {size.name}, microseconds", turn + 1, run.plan.turns,
                         {name: found[-1]["p50_us"] for name, found in taken.items()})
    finally:
        for system in systems:
            system.stop()
    row = Row(size.name, facts={"rate_pps": rate})
    row.add("rate", [rate / 1e6] * run.plan.turns, "Mpps")
    found = dict(zip(("testpmd", "espalier", BEFORE), taken.values()))
    for name, times_of in found.items():
        row.add(f"{name}, median", [one["p50_us"] for one in times_of], "us")
        row.add(f"{name}, 99 %", [one["p99_us"] for one in times_of], "us")
    row.add("median less testpmd's", [
        ours["p50_us"] - theirs["p50_us"]
        for ours, theirs in zip(found["espalier"], found["testpmd"])], "us")
    return row

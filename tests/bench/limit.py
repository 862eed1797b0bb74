# SPDX-License-Identifier: BSD-3-Clause
"""The crypto library alone, by `espalier-limit` (limit.c): the c of the limit."""

import dataclasses
import json
import resource
import subprocess
import time

from process import Failure, prepare
from scenario import Direction, Size, Suite
from systems import Bench

OURS = "espalier"  # its row of our own layer on the library, which is no limit


@dataclasses.dataclass(frozen=True)
class Measured:
    mpps: dict[str, float]  # by the way the library is called
    cpu_share: float  # of its CPUs that it had


@dataclasses.dataclass(frozen=True)
class Alone:
    """The library at one task; `name` is that of its column."""

    bench: Bench
    name: str
    direction: Direction
    size: Size
    suite: Suite
    threads: int = 1

    def command(self, seconds: float) -> list[str]:
        imix = len(self.size.pattern) > 1
        lengths = ["--lengths", "", "--imix"] if imix else ["--lengths", self.size.name]
        cpus = self.bench.cpus.of_workers(self.threads)
        return [
            str(self.bench.build / "tests/bench/espalier-limit"), "--json",
            "--seconds", str(seconds), "--suite", self.suite.name,
            "--direction", self.direction.name, "--cpus", ",".join(map(str, cpus)), *lengths]

    def measure(self, seconds: float) -> Measured:
        """`seconds` of measuring for each of the library's calls, on the workers' CPUs."""
        cpus = self.bench.cpus.of_workers(self.threads)
        start, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
        answer = subprocess.run(
            self.command(seconds), start_new_session=True, preexec_fn=lambda: prepare({*cpus}),
            capture_output=True, text=True)
        after, elapsed = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic() - start
        if answer.returncode != 0:
            raise Failure(f"espalier-limit: {answer.stderr.strip()}")
        rows = (json.loads(line) for line in answer.stdout.splitlines())
        mpps = {
            f"{row['method']} {row['burst']}{' sorted' if row['sorted'] else ''}": row["mpps"]
            for row in rows if row["kind"] == "measure" and row["method"] != OURS
        }
        used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return Measured(mpps, cpu_share=min(1.0, used / elapsed / self.threads))

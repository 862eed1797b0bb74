# SPDX-License-Identifier: BSD-3-Clause
"""The crypto library alone, by `espalier-limit` (limit.c): the c of the limit."""

import dataclasses
import json
import resource
import subprocess
import time

from process import Failure, prepare
from scenario import Direction, Size
from systems import Bench

OURS = "espalier"  # its row of our own layer on the library, which is no limit


@dataclasses.dataclass(frozen=True)
class Alone:
    mpps: dict[str, float]  # by the way the library is called
    cpu_share: float  # of its CPU that it had


class Crypto:
    def __init__(self, bench: Bench, seconds: float):
        """`seconds` of measuring for each of the library's calls."""
        self.bench = bench
        self.seconds = seconds

    def measure(self, direction: Direction, size: Size) -> Alone:
        """Runs on the worker's CPU."""
        imix = len(size.pattern) > 1
        lengths = ["--lengths", "", "--imix"] if imix else ["--lengths", size.name]
        program = self.bench.build / "tests/bench/espalier-limit"
        start, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
        answer = subprocess.run(
            [program, "--json", "--seconds", str(self.seconds), *lengths],
            start_new_session=True, preexec_fn=lambda: prepare({self.bench.cpus.worker}),
            capture_output=True, text=True)
        after, elapsed = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic() - start
        if answer.returncode != 0:
            raise Failure(f"espalier-limit: {answer.stderr.strip()}")
        rows = (json.loads(line) for line in answer.stdout.splitlines())
        mpps = {
            f"{row['method']} {row['burst']}{' sorted' if row['sorted'] else ''}": row["mpps"]
            for row in rows
            if row["kind"] == "measure" and row["direction"] == direction.name
            and row["method"] != OURS
        }
        used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return Alone(mpps, cpu_share=min(1.0, used / elapsed))

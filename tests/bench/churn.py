# SPDX-License-Identifier: BSD-3-Clause
"""Chapter: changes through the control socket, in batches, while a worker forwards at full rate."""

import time

import control
import prefixes
from chapter import Result, Row, Run
from espalier import Espalier
from figures import Figure
from process import Span
from scale import tunnels_task
from scenario import CBC_SHA1, OUTBOUND, SMALLEST, Task

ROUTES, ROUTES_QUICK = 1000000, 500000
SA_TUNNELS, SA_TUNNELS_QUICK = 10000, 2000
SAS_EACH = 3  # new ones, of each tunnel and direction
SPI_BASE = 0x1000000
WORDS = {"routes added": "route", "SAs added": "SA"}


class Roomy(Espalier):
    """With room for routes or SAs that come while it forwards."""

    def __init__(self, bench, name, task, routes=0, sas=0):
        super().__init__(bench, name, task)
        self.routes_max += routes
        self.tbl8_max += routes // 100
        self.sas = sas

    @property
    def memory_mb(self):
        return super().memory_mb + self.sas // 200


class Changes:
    """Kinds of changes, and what was measured of each: a rate, and how forwarding went."""

    def __init__(self, run: Run, system: Roomy, family: int):
        self.run, self.system, self.family = run, system, family
        self.rows: dict[str, Row] = {}
        self.samples: dict[str, dict[str, list[float]]] = {}

    def lost(self) -> int:
        return sum(row["packets"] for row in self.system.show("drops"))

    def quiet(self) -> float:
        """Mpps while nothing changes."""
        ways = self.system.task.direction.ways
        return self.system.process.measure(ways, self.run.plan.window).mpps

    def make(self, kind: str, batches: list[bytes], count: int) -> None:
        """Makes the changes once, between two looks at undisturbed forwarding."""
        before, lost, memory = self.quiet(), self.lost(), self.memory()
        with control.Client(self.system.socket, self.family) as client:
            with Span(self.system.process, self.system.task.direction.ways) as span:
                start = time.monotonic()
                client.pour(batches)
                seconds = time.monotonic() - start
        memory, after = self.memory() - memory, self.quiet()
        samples = self.samples.setdefault(kind, {})
        for column, value in (
                ("changes", count / seconds),
                ("forwarding", span.window.mpps / ((before + after) / 2)),
                ("packets lost", self.lost() - lost),
                ("memory each", memory / count)):
            samples.setdefault(column, []).append(value)

    def memory(self) -> int:
        """Bytes that DPDK's heap and the C library's hold."""
        heap = self.system.process.ask("/eal/heap_info,0")["Alloc_size"]
        with open(f"/proc/{self.system.process.child.pid}/status") as status:
            anonymous = next(int(line.split()[1]) for line in status if line.startswith("RssAnon"))
        return heap + anonymous * 1024

    def result(self) -> list[Row]:
        units = {"changes": "per second", "forwarding": "ratio", "packets lost": "packets"}
        rows = []
        for kind, samples in self.samples.items():
            row = Row(kind)
            for column, unit in units.items():
                row.add(column, samples[column], unit)
            if kind in WORDS:  # the first time: what is freed is kept for the next
                row.figures["memory each"] = Figure.of(samples["memory each"][:1], "bytes")
            rows.append(row)
        return rows


def churn(run: Run) -> Result:
    result = Result(
        f"Changes by the control socket, beside outbound traffic of IP length {SMALLEST.name}",
        "what")
    result.rows += route_changes(run) + sa_changes(run)
    result.notes.append("`changes` are those of one client, who shares a CPU with the control core;"
                        " `forwarding` is the rate meanwhile, against before and after")
    return result


def route_changes(run: Run) -> list[Row]:
    count = ROUTES_QUICK if run.quick else ROUTES
    task = Task(OUTBOUND, SMALLEST)
    table = prefixes.internet(count)
    add = control.new_routes(table, task.group(0))
    delete = control.delete_routes(table)
    system = Roomy(run.bench, "churn-routes", task, routes=count)
    changes = Changes(run, system, control.FAMILY_ROUTE)
    return turns(run, changes, count, {"routes added": add, "routes deleted": delete})


def sa_changes(run: Run) -> list[Row]:
    """New pairs for each tunnel: traffic moves to the newest, and back when they are deleted."""
    task = tunnels_task(OUTBOUND, SA_TUNNELS_QUICK if run.quick else SA_TUNNELS)
    sas = [(tunnel, way, SPI_BASE * turn + tunnel.number)
           for turn in range(1, SAS_EACH + 1) for tunnel in task.tunnels for way in ("out", "in")]
    add = [control.new_sa(*sa, CBC_SHA1) for sa in sas]
    delete = [control.delete_sa(*sa) for sa in sas]
    system = Roomy(run.bench, "churn-sas", task, sas=len(sas))
    changes = Changes(run, system, control.FAMILY_XFRM)
    return turns(run, changes, len(sas), {"SAs added": add, "SAs deleted": delete})


def turns(run: Run, changes: Changes, count: int, kinds: dict[str, list[bytes]]) -> list[Row]:
    """`kinds`: the messages of each, made round by round in that order."""
    batches = {kind: control.datagrams(messages, changes.family)
               for kind, messages in kinds.items()}
    try:
        changes.system.start()
        for turn in range(run.plan.turns):
            for kind in kinds:
                changes.make(kind, batches[kind], count)
            latest = {kind: samples["changes"][-1] / 1e3
                      for kind, samples in changes.samples.items()}
            run.progress("control, thousands per second", turn + 1, run.plan.turns, latest)
    finally:
        changes.system.stop()
    return changes.result()

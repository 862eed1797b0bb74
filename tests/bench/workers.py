# SPDX-License-Identifier: BSD-3-Clause
"""Chapter: two workers instead of one, with an SA for each flow and with one SA for all."""

from chapter import Result, Row, Run, facts_of
from espalier import Espalier
from figures import ratios
from limit import Alone
from measure import Cell, measure
from scenario import CBC_SHA1, OUTBOUND, Task

THREADS = (1, 2)


def workers(run: Run) -> Result:
    result = Result("Two workers, outbound", "IP length")
    for size in run.few_sizes():
        cell = Cell(
            f"workers {size.name}",
            [Espalier(run.bench, f"sas{tunnels}-workers{workers}",
                      Task(OUTBOUND, size, tunnels_n=tunnels, workers=workers))
             for tunnels in (3, 1) for workers in THREADS],
            [Alone(run.bench, f"threads{threads}", OUTBOUND, size, CBC_SHA1, threads)
             for threads in THREADS])
        measure(cell, run.plan, run.progress)
        result.rows.append(row(cell, size.name))
    if run.bench.cpus.second == run.bench.cpus.main:
        for one in result.rows:
            del one.facts["cpu_share_min"]  # it cannot have all
        result.notes.append("the second worker shares its CPU with the control core and the bench")
    return result


def row(cell: Cell, key: str) -> Row:
    """Ratios of two to one; and of Espalier's to the library's, which is what it could have."""
    row = Row(key, facts=facts_of(cell))
    library = ratios(cell.of("threads2"), cell.of("threads1"))
    row.add("ipsec-mb, 2 / 1", library, "ratio")
    for tunnels, name in ((3, "espalier"), (1, "one SA")):
        one, two = cell.of(f"sas{tunnels}-workers1"), cell.of(f"sas{tunnels}-workers2")
        row.add(f"{name}, 1", one, "Mpps")
        row.add(f"{name}, 2", two, "Mpps")
        row.add(f"{name}, 2 / 1", ratios(two, one), "ratio")
        row.add(f"{name} / ipsec-mb", ratios(ratios(two, one), library), "ratio")
    return row

# SPDX-License-Identifier: BSD-3-Clause
"""Chapters: one worker at each packet size, against the limit of crypto and I/O."""

from chapter import BEFORE, Result, Row, Run, before, facts_of
from figures import harmonic_means, in_series, ratios
from limit import Alone
from measure import Cell, measure
from scenario import (
    CBC_SHA1, GCM, IMIX, INBOUND, MIXED, OTHER_SUITES, OUTBOUND, Direction, Size, Suite, Task)
from systems import Macswap, System

LIBRARY, IO, ESPALIER = "ipsec-mb", "testpmd", "espalier"
SHARE = "share of limit"


def outbound(run: Run) -> Result:
    return speed(run, OUTBOUND, CBC_SHA1)


def inbound(run: Run) -> Result:
    return speed(run, INBOUND, CBC_SHA1)


def gcm_outbound(run: Run) -> Result:
    return speed(run, OUTBOUND, GCM)


def gcm_inbound(run: Run) -> Result:
    return speed(run, INBOUND, GCM)


def suites(run: Run) -> Result:
    """The others at the mix of sizes."""
    result = Result("Other suites, outbound, IMIX", "suite")
    for suite in OTHER_SUITES[:1] if run.quick else OTHER_SUITES:
        cell = against_limit(run, Task(OUTBOUND, IMIX, suite), [])
        result.rows.append(row(cell, suite.name.replace(",", " with "), []))
    return result


def speed(run: Run, direction: Direction, suite: Suite) -> Result:
    words = suite.name.replace(",", " with ")
    result = Result(f"{direction.name.capitalize()}, {words}", "IP length")
    for size in run.sizes if suite is CBC_SHA1 else run.most_sizes():
        task = Task(direction, size, suite)
        peers = run.peers if suite is CBC_SHA1 else []
        cell = against_limit(
            run, task, [peer(run.bench, name, task, path) for peer, name, path in peers])
        result.rows.append(row(cell, size.name, [name for _, name, _ in run.peers]))
    return result


def against_limit(run: Run, task: Task, peers: list[System]) -> Cell:
    """A task done by Espalier and peers, measured beside the library and the devices alone."""
    systems = [Macswap(run.bench, IO, task), *run.both_builds(ESPALIER, task), *peers]
    cell = Cell(f"{task.direction.name} {task.suite.name} {task.size.name}", systems,
                [Alone(run.bench, LIBRARY, task.direction, task.size, task.suite)])
    measure(cell, run.plan, run.progress)
    return cell


def row(cell: Cell, key: str, peers: list[str]) -> Row:
    library, io, espalier = cell.of(LIBRARY), cell.of(IO), cell.of(ESPALIER)
    limit = in_series(library, io)
    row = Row(key, facts=facts_of(cell))
    row.add(LIBRARY, library, "Mpps")
    row.add(IO, io, "Mpps")
    row.add("limit", limit, "Mpps")
    row.add(ESPALIER, espalier, "Mpps")
    row.add(SHARE, ratios(espalier, limit), "ratio")
    add_before(row, cell, ESPALIER, espalier)
    for peer in peers:
        if peer in cell.mpps or peer in cell.failures:
            row.add(peer, cell.of(peer), "Mpps")
            row.add(f"{ESPALIER} / {peer}", ratios(espalier, cell.of(peer)), "ratio")
    return row


def add_before(row: Row, cell: Cell, name: str, now: list[float]) -> None:
    """The other build's columns, where there is one."""
    if before(name) in cell.mpps:
        earlier = cell.of(before(name))
        row.add(BEFORE, earlier, "Mpps")
        row.add(f"{ESPALIER} / {BEFORE}", ratios(now, earlier), "ratio")


def mixed(run: Run) -> Result:
    """Half of the packets out, half in, by one worker."""
    result = Result("Mixed, half out and half in", "IP length")
    for size in run.few_sizes() if run.quick else run.sizes:
        # Half of the flows go each way, so that no more packets are replayed than in one direction.
        tasks = {"out": Task(OUTBOUND, size), "in": Task(INBOUND, size),
                 "mixed": Task(MIXED, size, flows_n=500, packets_n=500)}
        systems = [system for name, task in tasks.items()
                   for system in run.both_builds(name, task)]
        cell = Cell(f"mixed {size.name}", systems)
        measure(cell, run.plan, run.progress)
        mean = harmonic_means(cell.of("out"), cell.of("in"))
        row = Row(size.name, facts=facts_of(cell))
        row.add("outbound", cell.of("out"), "Mpps")
        row.add("inbound", cell.of("in"), "Mpps")
        row.add("harmonic mean", mean, "Mpps")
        row.add("mixed", cell.of("mixed"), "Mpps")
        row.add("mixed / mean", ratios(cell.of("mixed"), mean), "ratio")
        add_before(row, cell, "mixed", cell.of("mixed"))
        result.rows.append(row)
    return result

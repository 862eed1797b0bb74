# SPDX-License-Identifier: BSD-3-Clause
"""Chapters: many tunnels, many routes, with files of as many flows spread over all."""

from chapter import BEFORE, Result, Row, Run, before, facts_of
from figures import ratios
from measure import Cell, measure
from scenario import GROUP, INBOUND, OUTBOUND, SMALLEST, Direction, Task

PACKETS = 65536
TUNNELS = (3, 100, 1000, 10000)
TUNNELS_QUICK = (3, 10000)
ROUTES = (1000, 100000, 1000000)
ROUTES_QUICK = (1000, 1000000)


def tunnels_task(direction: Direction, count: int) -> Task:
    """Each customer has a group of tunnels, and at least one route."""
    return Task(direction, SMALLEST, tunnels_n=count, routes_n=max(1000, -(-count // GROUP)),
                flows_n=PACKETS, packets_n=PACKETS)


def routes_task(count: int) -> Task:
    return Task(OUTBOUND, SMALLEST, routes_n=count, internet=True, flows_n=PACKETS,
                packets_n=PACKETS)


def tunnels(run: Run) -> Result:
    counts = TUNNELS_QUICK if run.quick else TUNNELS
    result = Result(f"Tunnels, IP length {SMALLEST.name}", "tunnels",
                    [Row(str(count)) for count in counts])
    for direction in (OUTBOUND, INBOUND):
        tasks = {count: tunnels_task(direction, count) for count in counts}
        grow(run, result, direction.name, tasks)
    return result


def routes(run: Run) -> Result:
    counts = ROUTES_QUICK if run.quick else ROUTES
    result = Result(f"Routes of the Internet's lengths, outbound, IP length {SMALLEST.name}",
                    "routes", [Row(str(count)) for count in counts])
    grow(run, result, "outbound", {count: routes_task(count) for count in counts})
    return result


def grow(run: Run, result: Result, column: str, tasks: dict[int, Task]) -> None:
    """Measures the tasks turn by turn, and adds the columns of them and of their ratio to the
    first."""
    def name(count: int) -> str:
        return f"{column}-{count}"

    systems = [one for count, task in tasks.items() for one in run.both_builds(name(count), task)]
    cell = Cell(f"{result.key}, {column}", systems)
    measure(cell, run.plan, run.progress)
    first = min(tasks)
    for row, count in zip(result.rows, tasks):
        row.facts |= facts_of(cell)
        row.add(column, cell.of(name(count)), "Mpps")
        row.add(f"{column} / {first}", ratios(cell.of(name(count)), cell.of(name(first))), "ratio")
        earlier = cell.of(before(name(count)))
        if earlier:
            row.add(f"{column}, {BEFORE}", earlier, "Mpps")
            row.add(f"{column} / {BEFORE}", ratios(cell.of(name(count)), earlier), "ratio")

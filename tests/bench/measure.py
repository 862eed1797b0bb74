# SPDX-License-Identifier: BSD-3-Clause
"""Rounds: one system after the other for a short window each, so that all see the same machine.

On shared CPUs absolute figures drift by tens of per cent. Within a round they drift alike, so a
ratio is taken within its round, and the median of the rounds is told with their spread.
"""

import dataclasses
import statistics
import time

import scenario
from process import Failure, Window
from systems import System


@dataclasses.dataclass(frozen=True)
class Plan:
    starts: int  # times that all processes are started anew: memory lies elsewhere each time
    rounds: int  # per start
    settle: float  # seconds before a window, for caches and predictors
    window: float  # seconds
    crypto: float  # seconds for each of the library's calls


QUICK = Plan(starts=1, rounds=3, settle=0.1, window=0.3, crypto=0.05)
STANDARD = Plan(starts=3, rounds=3, settle=0.2, window=0.5, crypto=0.1)


QUIET = 0.95  # of its CPU: with less, the window is taken again
TRIES = 3


@dataclasses.dataclass
class Cell:
    """All samples of one direction and size, in Mpps, round by round."""

    direction: scenario.Direction
    size: scenario.Size
    mpps: dict[str, list[float]] = dataclasses.field(default_factory=dict)
    # The library alone, by the way it is called.
    calls: dict[str, list[float]] = dataclasses.field(default_factory=dict)
    cpu_shares: list[float] = dataclasses.field(default_factory=list)
    failures: dict[str, str] = dataclasses.field(default_factory=dict)

    def add(self, name: str, mpps: float) -> None:
        self.mpps.setdefault(name, []).append(mpps)

    def best_call(self) -> str | None:
        """The way to call the library that was fastest over all rounds: not a lucky one in each."""
        return max(self.calls, key=lambda call: statistics.median(self.calls[call]), default=None)

    def crypto(self) -> list[float]:
        return self.calls.get(self.best_call(), [])

    def limit(self) -> list[float]:
        """What a gateway would reach that does nothing but crypto and I/O, per round."""
        return [1 / (1 / c + 1 / i) for c, i in zip(self.crypto(), self.mpps.get("testpmd", []))]


@dataclasses.dataclass(frozen=True)
class Figure:
    """A median with the spread of its rounds."""

    median: float
    low: float
    high: float

    @staticmethod
    def of(samples: list[float]) -> "Figure | None":
        if not samples:
            return None
        return Figure(statistics.median(samples), min(samples), max(samples))


def ratio(over: list[float], under: list[float]) -> Figure | None:
    """Round by round; None where either was not measured."""
    return Figure.of([a / b for a, b in zip(over, under)])


def judge(system: System, direction, size, window: Window) -> None:
    """Fails unless what was counted is what the gateway was asked for."""
    if window.mpps == 0:
        raise Failure(f"{system.name} sent nothing")
    # Some bursts are on their way, and the two ports are asked one after the other.
    if abs(window.mpps / window.mpps_in - 1) > 0.02:
        raise Failure(
            f"{system.name} sent {window.mpps:.3f} of {window.mpps_in:.3f} Mpps received")
    if system.gateway:
        expected = scenario.frame_bytes(direction, size)
        if abs(window.frame_bytes / expected - 1) > 0.005:
            raise Failure(
                f"{system.name} sent frames of {window.frame_bytes:.1f} bytes,"
                f" not {expected:.1f}")


def quietest(cell: Cell, take):
    """Repeats what others disturbed; the try that had most of its CPU."""
    tries = []
    while len(tries) < TRIES and not (tries and tries[-1].cpu_share >= QUIET):
        tries.append(take())
    best = max(tries, key=lambda one: one.cpu_share)
    cell.cpu_shares.append(best.cpu_share)
    return best


def sample(system: System, cell: Cell, plan: Plan) -> float:
    """One window of one system that is paused before and after."""
    direction = cell.direction

    def window() -> Window:
        window = system.process.measure(direction.source, direction.sink, plan.window)
        judge(system, direction, cell.size, window)
        return window

    system.process.resume()
    time.sleep(plan.settle)
    mpps = quietest(cell, window).mpps
    system.check(direction)
    system.process.pause()
    return mpps


def attempt(cell: Cell, system: System, action):
    """The action's result. An optional system that fails is left out of the cell, not the run."""
    try:
        return action()
    except Failure as failure:
        system.stop()
        if not system.optional:
            raise
        cell.failures[system.name] = str(failure)
        cell.mpps.pop(system.name, None)
        return None


def start(cell: Cell, system: System) -> None:
    system.start(cell.direction, cell.size)
    system.process.pause()


def measure(cell: Cell, systems: list[System], crypto, plan: Plan, progress) -> None:
    """Fills the cell: rounds of the library alone, by `crypto`, and of every system."""
    for _ in range(plan.starts):
        try:
            for system in systems:
                if system.name not in cell.failures:
                    attempt(cell, system, lambda: start(cell, system))
            for turn in range(plan.rounds):
                alone = quietest(cell, lambda: crypto.measure(cell.direction, cell.size))
                for call, mpps in alone.mpps.items():
                    cell.calls.setdefault(call, []).append(mpps)
                # Nobody always runs behind the same neighbour.
                first = turn % len(systems)
                for system in systems[first:] + systems[:first]:
                    if system.process:
                        mpps = attempt(cell, system, lambda: sample(system, cell, plan))
                        if mpps:
                            cell.add(system.name, mpps)
                progress(cell)
        finally:
            for system in systems:
                system.stop()

# SPDX-License-Identifier: BSD-3-Clause
"""Rounds: one system after the other for a short window each, so that all see the same machine.

On shared CPUs absolute figures drift by tens of per cent. Within a round they drift alike, so a
ratio is taken within its round, and the median of the rounds is told with their spread.
"""

import dataclasses
import statistics
import time

from process import Failure, Window
from systems import System


@dataclasses.dataclass(frozen=True)
class Plan:
    starts: int  # times that all processes are started anew: memory lies elsewhere each time
    rounds: int  # per start
    settle: float  # seconds before a window, for caches and predictors
    window: float  # seconds
    crypto: float  # seconds for each of the library's calls

    @property
    def turns(self) -> int:
        return self.starts * self.rounds


QUICK = Plan(starts=1, rounds=3, settle=0.05, window=0.15, crypto=0.02)
STANDARD = Plan(starts=2, rounds=3, settle=0.1, window=0.3, crypto=0.05)


QUIET = 0.95  # of its CPU: with less, the window is taken again
TRIES = 3


@dataclasses.dataclass
class Cell:
    """What is measured turn by turn, and all samples, in Mpps, round by round."""

    title: str
    systems: list[System]
    alone: list = dataclasses.field(default_factory=list)  # of limit.Alone
    mpps: dict[str, list[float]] = dataclasses.field(default_factory=dict)
    # The library alone: by its name in `alone`, by the way it is called.
    calls: dict[str, dict[str, list[float]]] = dataclasses.field(default_factory=dict)
    cpu_shares: list[float] = dataclasses.field(default_factory=list)
    failures: dict[str, str] = dataclasses.field(default_factory=dict)

    def best_call(self, name: str) -> str | None:
        """The way to call the library that was fastest over all rounds: not a lucky one in each."""
        calls = self.calls.get(name, {})
        return max(calls, key=lambda call: statistics.median(calls[call]), default=None)

    def of(self, name: str) -> list[float]:
        """The samples of a system, or of the library's best call; none where it failed."""
        if name in self.calls:
            return self.calls[name][self.best_call(name)]
        return self.mpps.get(name, [])


def judge(system: System, window: Window) -> None:
    """Fails unless what was counted is what the gateway was asked for."""
    for (_, sink), way in zip(system.task.direction.ways, window.ways):
        if way.mpps == 0:
            raise Failure(f"{system.name} sent nothing")
        # Some bursts are on their way, and the two ports are asked one after the other, which
        # takes a moment where a worker has the CPU of those who ask and answer.
        if abs(way.mpps / way.mpps_in - 1) > (0.02 if system.task.workers == 1 else 0.1):
            raise Failure(
                f"{system.name} sent {way.mpps:.3f} of {way.mpps_in:.3f} Mpps received")
        if system.gateway:
            expected = system.task.frame_bytes(sink)
            # A window is many turns of a short file, and some turns of a long one.
            if abs(way.frame_bytes / expected - 1) > 0.01:
                raise Failure(
                    f"{system.name} sent frames of {way.frame_bytes:.1f} bytes,"
                    f" not {expected:.1f}")


def quietest(cell: Cell, take):
    """Repeats what others disturbed, or what failed, which a disturbance can cause; the try that
    had most of its CPU."""
    tries = []
    for left in reversed(range(TRIES)):
        try:
            tries.append(take())
        except Failure:
            if not tries and not left:
                raise
        if tries and tries[-1].cpu_share >= QUIET:
            break
    best = max(tries, key=lambda one: one.cpu_share)
    cell.cpu_shares.append(best.cpu_share)
    return best


def sample(system: System, cell: Cell, plan: Plan) -> float:
    """One window of one system that is paused before and after."""

    def window() -> Window:
        window = system.process.measure(system.task.direction.ways, plan.window)
        judge(system, window)
        return window

    system.process.resume()
    time.sleep(plan.settle)
    mpps = quietest(cell, window).mpps
    system.check()
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


def start(system: System) -> None:
    system.start()
    system.process.pause()


def take_round(cell: Cell, turn: int, plan: Plan) -> None:
    for alone in cell.alone:
        measured = quietest(cell, lambda: alone.measure(plan.crypto))
        for call, mpps in measured.mpps.items():
            cell.calls.setdefault(alone.name, {}).setdefault(call, []).append(mpps)
    # Nobody always runs behind the same neighbour.
    first = turn % len(cell.systems)
    for system in cell.systems[first:] + cell.systems[:first]:
        if system.process:
            mpps = attempt(cell, system, lambda: sample(system, cell, plan))
            if mpps:
                cell.mpps.setdefault(system.name, []).append(mpps)


def measure(cell: Cell, plan: Plan, progress) -> None:
    """Fills the cell: rounds of the library alone and of every system."""
    for anew in range(plan.starts):
        try:
            for system in cell.systems:
                if system.name not in cell.failures:
                    attempt(cell, system, lambda: start(system))
            for turn in range(plan.rounds):
                take_round(cell, turn, plan)
                latest = {name: mpps[-1] for name, mpps in cell.mpps.items()}
                progress(cell.title, anew * plan.rounds + turn + 1, plan.turns, latest)
        finally:
            for system in cell.systems:
                system.stop()

# SPDX-License-Identifier: BSD-3-Clause
"""A chapter of a run: what it needs, and the rows that it finds.

A chapter is a function that takes a Run and returns a Result. What is printed, drawn, judged and
compared is made from the JSON document of the results alone.
"""

import dataclasses
import pathlib

from espalier import Espalier
from figures import Figure
from measure import Cell, Plan
from scenario import IMIX, SMALLEST, Size, Task
from systems import Bench, System

BEFORE = "before"  # the other build of Espalier, with --against


@dataclasses.dataclass(frozen=True)
class Run:
    bench: Bench
    plan: Plan
    quick: bool
    sizes: tuple[Size, ...]
    peers: list[tuple[type, str, pathlib.Path]]  # class, name, program
    against: pathlib.Path | None  # another build directory to take turns with
    progress: object  # called with what is measured, the turn of how many, and the latest

    def few_sizes(self) -> tuple[Size, ...]:
        """Of those wanted: the ends of the range, where a chapter needs no more to be believed;
        one in a quick run."""
        ends = [size for size in (SMALLEST, IMIX) if size in self.sizes] or self.sizes[:1]
        return tuple(ends[:1] if self.quick else ends)

    def most_sizes(self) -> tuple[Size, ...]:
        """All that are wanted; in a quick run the ends of the range."""
        few = tuple(size for size in self.sizes if size in (SMALLEST, IMIX))
        return few if self.quick and few else self.sizes

    def both_builds(self, name: str, task: Task) -> list[System]:
        """Espalier, and the build to compare it with."""
        systems = [Espalier(self.bench, name, task)]
        if self.against:
            systems.append(Espalier(self.bench, before(name), task, self.against))
        return systems


def before(name: str) -> str:
    """The name that the other build has in place of that one."""
    return f"{name}-{BEFORE}"


@dataclasses.dataclass
class Row:
    key: str
    figures: dict[str, Figure | None] = dataclasses.field(default_factory=dict)  # by column
    samples: dict[str, list[float]] = dataclasses.field(default_factory=dict)
    facts: dict = dataclasses.field(default_factory=dict)

    def add(self, column: str, samples: list[float], unit: str) -> None:
        self.figures[column] = Figure.of(samples, unit)
        self.samples[column] = samples

    def document(self) -> dict:
        return {
            "key": self.key,
            "figures": {column: dataclasses.asdict(figure) if figure else None
                        for column, figure in self.figures.items()},
            "samples": self.samples,
            "facts": self.facts,
        }


def facts_of(cell: Cell) -> dict:
    """What a figure means little without."""
    facts = {"cpu_share_min": min(cell.cpu_shares, default=1)}
    facts |= {f"best call, {name}": cell.best_call(name) for name in cell.calls}
    if cell.failures:
        facts["failures"] = cell.failures
    return facts


@dataclasses.dataclass
class Result:
    title: str
    key: str  # what the rows' keys are
    rows: list[Row] = dataclasses.field(default_factory=list)
    notes: list[str] = dataclasses.field(default_factory=list)

    def document(self) -> dict:
        return {"title": self.title, "key": self.key, "notes": self.notes,
                "rows": [row.document() for row in self.rows]}

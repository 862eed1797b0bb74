# SPDX-License-Identifier: BSD-3-Clause
"""What the project requires of itself, and the verdict on a run. Made from its JSON document."""

import dataclasses

SIZES = ("64", "256", "512", "1420", "imix")


@dataclasses.dataclass(frozen=True)
class Goal:
    chapter: str
    row: str
    column: str
    required: float
    aimed_at: float | None = None
    most: bool = False  # at most that, not at least
    never: bool = False  # in no round, not in the median of the rounds

    @property
    def sign(self) -> str:
        return "<=" if self.most else ">="

    def reached(self, value: float, wanted: float | None) -> bool:
        if wanted is None:
            return False
        return value <= wanted if self.most else value >= wanted

    def verdict(self, figure: dict) -> str:
        value = figure["high" if self.never else "median"]
        if self.reached(value, self.aimed_at):
            return "as aimed at"
        return "met" if self.reached(value, self.required) else "MISSED"


def by_size(chapter: str, column: str, *shares: tuple[float, float | None]) -> list[Goal]:
    return [Goal(chapter, size, column, *share) for size, share in zip(SIZES, shares)]


SHARE = "share of limit"
OUTBOUND = (0.80, 0.85), (0.87, 0.90), (0.91, 0.93), (0.96, 0.97), (0.90, 0.93)
INBOUND = (0.78, 0.82), (0.85, 0.88), (0.89, 0.91), (0.94, 0.95), (0.88, 0.91)


def lowered(shares):
    """AES-GCM: the same, but for the smallest size."""
    return (0.75, None), *shares[1:]


GOALS = [
    *by_size("outbound", SHARE, *OUTBOUND),
    *by_size("inbound", SHARE, *INBOUND),
    *by_size("outbound", "espalier / ipsec-secgw",
             (1.5, 1.6), (1.45, 1.5), (1.25, 1.3), (1.13, 1.15), (1.5, 1.55)),
    *by_size("gcm-outbound", SHARE, *lowered(OUTBOUND)),
    *by_size("gcm-inbound", SHARE, *lowered(INBOUND)),
    *by_size("mixed", "mixed / mean", *[(1.0, None)] * len(SIZES)),
    *[Goal("workers", size, f"{name} / ipsec-mb", 0.95)
      for size in ("64", "imix") for name in ("espalier", "one SA")],
    *[Goal("order", size, column, 0, most=True, never=True) for size in ("64", "imix")
      for column in ("out of order within a flow", "beyond 1024")],
    *[Goal("tunnels", count, f"{direction} / 3", ratio)
      for direction in ("outbound", "inbound")
      for count, ratio in (("1000", 0.9), ("10000", 0.75))],
    Goal("routes", "1000000", "outbound / 1000", 0.9),
    *[Goal("control", row, "changes", rate)
      for row, rate in (("routes added", 300e3), ("SAs added", 50e3))],
    *[Goal("control", row, "forwarding", 0.9)
      for row in ("routes added", "routes deleted", "SAs added", "SAs deleted")],
    *[Goal("control", row, "packets lost", 0, most=True, never=True)
      for row in ("routes added", "routes deleted", "SAs added", "SAs deleted")],
    *[Goal("latency", size, "median less testpmd's", 10, most=True) for size in ("64", "1420")],
]


def verdicts(chapters: dict) -> list[dict]:
    """Of the goals that were measured."""
    found = []
    for goal in GOALS:
        rows = chapters.get(goal.chapter, {"rows": []})["rows"]
        figure = next((row["figures"].get(goal.column) for row in rows if row["key"] == goal.row),
                      None)
        if figure:
            found.append({
                "goal": f"{goal.chapter} {goal.row}: {goal.column}", "sign": goal.sign,
                "required": goal.required, "aimed_at": goal.aimed_at, "measured": figure,
                "verdict": goal.verdict(figure)})
    return found

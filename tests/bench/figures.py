# SPDX-License-Identifier: BSD-3-Clause
"""The arithmetic of samples: figures with their spread, ratios round by round, limits."""

import dataclasses
import statistics


@dataclasses.dataclass(frozen=True)
class Figure:
    """A median with the least and the greatest of its rounds."""

    median: float
    low: float
    high: float
    unit: str  # Mpps, ratio, us, per second, bytes

    @staticmethod
    def of(samples: list[float], unit: str) -> "Figure | None":
        if not samples:
            return None
        return Figure(statistics.median(samples), min(samples), max(samples), unit)


def ratios(over: list[float], under: list[float]) -> list[float]:
    """Round by round."""
    return [a / b for a, b in zip(over, under)]


def in_series(*rates: list[float]) -> list[float]:
    """What is left where each packet takes the time of all of them, round by round: the limit of
    crypto and I/O is that of the library and of testpmd."""
    return [1 / sum(1 / rate for rate in round_) for round_ in zip(*rates)]


def harmonic_means(*rates: list[float]) -> list[float]:
    """The rate of a mix that has as many packets of each, round by round."""
    return [len(rates) * rate for rate in in_series(*rates)]

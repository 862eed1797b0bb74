# SPDX-License-Identifier: BSD-3-Clause
"""What a run is doing, on stderr: one line for each thing measured, that on a terminal grows."""

import sys
import time


class Progress:
    def __init__(self, chapters: int):
        self.chapters = chapters
        self.number = 0
        self.name = ""
        self.start = time.monotonic()
        self.terminal = sys.stderr.isatty()

    def chapter(self, name: str) -> None:
        self.number += 1
        self.name = name

    def tell(self, text: str) -> None:
        """A line of its own."""
        erase = "\r\033[K" if self.terminal else ""
        print(f"{erase}{text}", file=sys.stderr, flush=True)

    def __call__(self, title: str, turn: int, turns: int, latest: dict[str, float]) -> None:
        last = turn == turns
        if not last and not self.terminal:
            return
        figures = "  ".join(f"{name} {value:.2f}" for name, value in latest.items())
        erase, ending = ("\r\033[K", "\n" if last else "") if self.terminal else ("", "\n")
        print(f"{erase}{time.monotonic() - self.start:4.0f} s  {self.number:2}/{self.chapters}"
              f"  {title}  round {turn}/{turns}  {figures}",
              end=ending, file=sys.stderr, flush=True)

# SPDX-License-Identifier: BSD-3-Clause
"""Chapter: what the replay window costs.

A replayed file repeats its sequence numbers, so with a window each packet counts once. What is
measured is the first turn of a long file, which the device has read into memory before: the time
from some packets after its beginning to some before its end.
"""

import subprocess
import time

from chapter import Result, Row, Run
from espalier import Espalier
from figures import ratios
from process import Failure
from scenario import INBOUND, SMALLEST, Task

PACKETS = 131072
WINDOWS = (0, 1024)
FIRST, LAST = 0.3, 0.95  # what of the file is timed: at first all memory is cold
GIVE_UP_SECONDS = 20


class OneTurn(Espalier):
    """Starts held; is let go, and watched until it has sent the file once."""

    def turn(self) -> float:
        """Mpps of the first turn."""
        self.launch()
        self.process.wait_until("answering", lambda: self.ctl("show", "version").returncode == 0)
        resume = subprocess.Popen(
            [self.build / "app/espalierctl/espalierctl", "-s", self.socket, "resume"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        begin, end = self.watch(self.task.packets_n * FIRST), self.watch(self.task.packets_n * LAST)
        resume.wait()
        self.judge()
        return (end[1] - begin[1]) / (end[0] - begin[0]) / 1e6

    def watch(self, packets: float) -> tuple[float, int]:
        """When that many were first seen to be sent, and how many there were."""
        ((_, sink),) = self.task.direction.ways
        deadline = time.monotonic() + GIVE_UP_SECONDS
        while True:
            now, sent = self.process.count(sink)
            if sent["opackets"] >= packets:
                return now, sent["opackets"]
            if now > deadline:
                raise Failure(f"{self.name} sent {sent['opackets']} packets in"
                              f" {GIVE_UP_SECONDS} s; {packets:.0f} were to come")

    def judge(self) -> None:
        """With a window every packet passes once, and again never."""
        if not self.task.replay_window:
            return
        ((_, sink),) = self.task.direction.ways
        self.process.wait_until("at the end of its file", lambda: self.process.statistics(sink)[
            "opackets"] >= self.task.packets_n)
        lost = {row["reason"] for row in self.show("drops") if row["packets"]}
        sent = self.process.statistics(sink)["opackets"]
        if sent != self.task.packets_n or not lost <= {"replay_duplicate", "replay_late"}:
            raise Failure(f"{self.name} let {sent} of {self.task.packets_n} different packets pass,"
                          f" and dropped for {', '.join(lost)}")


def window(run: Run) -> Result:
    result = Result(f"Replay window, inbound, IP length {SMALLEST.name}, once through a file",
                    "window")
    rates = {size: [] for size in WINDOWS}
    for turn in range(run.plan.turns):
        for size in WINDOWS[::(-1) ** turn]:
            system = OneTurn(run.bench, f"window-{size}", Task(
                INBOUND, SMALLEST, replay_window=size, packets_n=PACKETS))
            try:
                rates[size].append(system.turn())
            finally:
                system.stop()
        run.progress("window", turn + 1, run.plan.turns,
                     {str(size): rates[size][-1] for size in WINDOWS})
    for size in WINDOWS:
        row = Row(str(size))
        row.add("espalier", rates[size], "Mpps")
        row.add("espalier / no window", ratios(rates[size], rates[WINDOWS[0]]), "ratio")
        result.rows.append(row)
    return result

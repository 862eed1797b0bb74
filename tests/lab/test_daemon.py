# SPDX-License-Identifier: BSD-3-Clause
"""How a daemon of the lab is ended: in good order as long as it takes, within bounds. No rights needed."""
import subprocess

import daemon
import shell

SLOW = "trap 'sleep 1.5; exit 0' TERM; echo ready; while :; do sleep 0.1; done"


class Program:
    """Needs 1.5 seconds after SIGTERM. In no namespace, unlike those of the lab."""

    def __init__(self):
        self.process = subprocess.Popen(["sh", "-c", SLOW], stdout=subprocess.PIPE)
        self.process.stdout.readline()

    def pids(self):
        return [self.process.pid] if self.status() is None else []

    def status(self):
        return self.process.poll()


class Slow(daemon.Daemon):
    name = "slow"

    def __init__(self):
        super().__init__("here", "nowhere")
        self.processes = [Program()]

    def commands(self):
        return []


def test_what_takes_its_time_gets_it(monkeypatch):
    monkeypatch.setattr(shell, "TELL_EVERY_S", 0.4)
    said = []
    assert Slow().stop(said.append) == 0
    assert 1 <= len(said) <= 4 and said[0].startswith("slow of here ends: 0 s so far, ")


def test_but_not_for_ever(monkeypatch):
    monkeypatch.setattr(daemon, "STOP_S", 0.3)
    assert Slow().stop() == -9

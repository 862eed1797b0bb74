# SPDX-License-Identifier: BSD-3-Clause
"""What the report says of the scenario: one trial after the other, each a file of its own."""

import marks
import trial_balance
import trial_demand
import trial_failover
import trial_flood
import trial_kill
import trial_reach
import trial_tables
from load import LEAST_RATE
from sessions import wait_for_sessions
from shell import LabError

# In this order: the first look at what nobody has touched yet.
TRIALS = (trial_tables, trial_reach, trial_balance, trial_failover, trial_flood, trial_demand,
          trial_kill)
SESSIONS_S = 30


class ScenarioTrial:
    """`scratch`: a directory for files. `everything`: the long trials too."""

    def __init__(self, world, report, scratch, everything=False):
        self.world, self.report, self.scratch = world, report, scratch
        self.everything = everything
        self.rate = 2 * LEAST_RATE  # packets a second, each way, that the machine is known to carry

    @property
    def safe_rate(self):
        """With room for what daemons do when something happens."""
        return max(self.rate // 2, LEAST_RATE)

    def run(self):
        took = self.world.wait_converged()
        wait_for_sessions(self.world, SESSIONS_S)
        self.report.progress(f"IKE, BGP, BFD and routes were there after {took:.1f} s")
        marks.install(self.world)
        for trial in TRIALS:
            self.attempt(trial)

    def attempt(self, trial):
        """One that cannot go on is a claim that does not hold, and no reason to skip the rest."""
        try:
            trial.run(self)
        except LabError as error:
            self.report.claim("the trial runs to its end", error, "no error", False)
            for gateway in self.world.failed():
                self.world.heal(gateway)

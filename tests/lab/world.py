# SPDX-License-Identifier: BSD-3-Clause
"""The scenario as it stands: its nodes, its daemons, and what can be done to them.

    world.node("gw2").run("ip", "route")                    a command in a namespace, to its end
    world.espalierctl("show", "routes")                     what the cloud's Espalier says, from JSON
    world.daemon("cloud", "charon").kill()                  "espalier" "charon" "sync" "bgp"
    world.fail("gw2", "blackhole"); world.heal("gw2")

A World is the same whether this process raised it or `lab up` did long ago.
"""


class Node:
    """One namespace."""

    name = ""     # as in scenario_plan.NODES
    address = ""  # of ecs, ecs2 and the clients: who speaks with whom

    def run(self, *command, timeout=20, check=True, stdin=None):
        """Runs it to its end: subprocess.CompletedProcess with text. LabError where it failed and
        `check`, or took longer."""

    def start(self, *command, log=None, stdin=None):
        """Starts it in the background: Popen, in a session of its own. Its output goes to the file
        `log`; where there is none, stdout is a pipe to read from."""

    def pids(self):
        """Of the processes in it."""


class Daemon:
    """A daemon of a node, of one process or, FRR, of several."""

    node = ""
    name = ""
    log = ""      # path of what it says

    def start(self):
        """Starts it and returns at once; wait_ready() says when it serves."""

    def wait_ready(self):
        """LabError where it ends, or does not come up in time."""

    def stop(self):
        """SIGTERM, and waits. Exit status; None where it did not run."""

    def kill(self):
        """SIGKILL, to all of its processes, and waits until they are gone."""

    def restart(self, how="stop"):
        """stop() or kill(), start(), wait_ready()."""

    def running(self):
        """Whether all of its processes are there."""

    def pids(self):
        """Of its processes."""

    def log_text(self):
        """All that it has said so far."""


class World:
    """All of it. Names, addresses and expectations are in scenario_plan.py."""

    links = {}     # name: Cable(name, ends=((node, interface), (node, interface)))
    bgp = "frr"    # or "bird": who speaks BGP in the cloud
    role = "cloud"  # or "on-prem": gw1 is an Espalier too

    def __init__(self, build, bgp="frr", role="cloud"):
        """`build`: the build directory. Raises nothing."""

    @classmethod
    def standing(cls, build):
        """The one that `lab up` raised."""

    def node(self, name):
        """The Node. KeyError where there is none."""

    def daemon(self, node, name):
        """The Daemon. In cloud: "espalier", "charon", "sync", "bgp" (FRR, or BIRD with --bgp bird; or
        by its own name "frr", "bird"). In gw1..3: "charon", "bird". In tr-shanghai and dc: "bird"."""

    def daemons(self, node=None):
        """All of them, or those of a node, in the order of their start."""

    def espalierctl(self, *words, gateway="cloud"):
        """The answer of `espalierctl -j WORDS...`, taken out of its JSON."""

    def vtysh(self, command):
        """What the cloud's FRR answers; from JSON where the command ends in "json"."""

    def birdc(self, node, command):
        """What a node's BIRD answers, as text."""

    def swanctl(self, node, *words):
        """What a node's charon answers, as text: swanctl("gw1", "--list-sas", "--raw")."""

    def missing(self):
        """What is not yet as it must be, in words, empty where all is up: IKE, BGP, BFD, routes
        in Espalier, in tr-shanghai and in dc."""

    def wait_converged(self, timeout=30):
        """Until missing() is empty; returns how long it took, LabError with the rest."""

    def fail(self, gateway, how="blackhole"):
        """Breaks a gateway; returns time.monotonic() of the moment before. "blackhole": the Internet
        drops all from and to it in silence. "cease": its BGP session in the tunnel is shut down in
        words, both ways. "link": the cable of its Internet side loses its carrier."""

    def heal(self, gateway):
        """Undoes whatever fail() did; the same return."""

    def failed(self):
        """{gateway: how} of those that are broken now."""

    def add_prefixes(self, count):
        """The DC announces that many /24s more through all three gateways, out of 20.0.0.0/8 and
        up: to be seen in Espalier after a while. 0 takes them back."""

    def trial(self, report, scratch, everything=False):
        """What the report claims of it: scenario_trial.ScenarioTrial(world, report, scratch,
        everything).run(). `everything`: the long ones too (--all)."""

# SPDX-License-Identifier: BSD-3-Clause
"""A connection on demand ("take effect immediately = no"): the first packet finds no SA, raises an
ACQUIRE, waits while charon negotiates, and is answered.

    cloud: ping 169.254.12.2 ── TUN ── Espalier: no SA, so ACQUIRE ── charon ══ IKE ══ gw3
"""

import re
import time

import scenario_plan as plan
from shell import wait_for
from strongswan import CHILD

CONNECTION = plan.CONNECTIONS[2]
PATIENCE_S = 5
LIMIT_S = 15
HEAL_LIMIT_S = 60


def run(trial):
    world, report = trial.world, trial.report
    report.group("On demand", f"""{CONNECTION.name} is taken down and left with its policies alone, as
        charon does it for start_action = trap. BGP and BFD are still, so that the first packet is
        that of one single ping.""")
    world.wait_converged()
    world.fail(CONNECTION.gateway, "cease")
    try:
        ask(world, report)
    finally:
        world.heal(CONNECTION.gateway)
    world.wait_converged(HEAL_LIMIT_S)


def ask(world, report):
    """Policies, no SA; then one packet."""
    world.swanctl("cloud", "--terminate", "--ike", CONNECTION.ike_name)
    wait_for("charon's SAs to go", lambda: not world.swanctl(
        "cloud", "--list-sas", "--ike", CONNECTION.ike_name).strip(), LIMIT_S)
    forget(world)
    world.swanctl("cloud", "--install", "--child", CHILD, "--ike", CONNECTION.ike_name)
    wait_for("the policies", lambda: state(world) == "idle", LIMIT_S)
    report.claim("policies without SA: the tunnel would ask for one", f"{state(world)}, "
                 f"{len(sas(world))} SAs", "idle, 0 SAs", state(world) == "idle" and not sas(world))
    began = time.monotonic()
    said = world.node("cloud").run("ping", "-n", "-c", "1", "-W", str(PATIENCE_S),
                                   CONNECTION.peer_inside, check=False).stdout
    took = time.monotonic() - began
    answer = re.search(r"time=([\d.]+) ms", said)
    report.claim("the first packet is held until the SAs are there, and answered",
                 f"answered after {answer[1]} ms" if answer else f"no answer in {took:.0f} s",
                 "the first ping is answered", answer)
    ways = sorted(row["direction"] for row in sas(world))
    report.claim("... by SAs that charon negotiated for it", f"{state(world)}, SAs: "
                 + (", ".join(ways) or "none"), "up, SAs: in, out",
                 state(world) == "up" and ways == ["in", "out"])


def forget(world):
    """Takes away what a charon that was killed has left: nobody else knows these SAs."""
    for row in sas(world):
        world.node("cloud").run(*world.daemon("cloud", "charon").carrier(), "/usr/sbin/ip", "xfrm",
                                "state", "delete", "src", row["source"], "dst", row["destination"],
                                "proto", "esp", "spi", row["spi"])


def sas(world):
    return [row for row in world.espalierctl("show", "sas") if row["tunnel"] == CONNECTION.name]


def state(world):
    return next(row["state"] for row in world.espalierctl("show", "tunnels")
                if row["name"] == CONNECTION.name)

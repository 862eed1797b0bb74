# SPDX-License-Identifier: BSD-3-Clause
"""Bulk for the gateway itself, from the Internet and out of a tunnel: BGP, BFD and IKE come first.

    internet ── UDP to 203.0.113.191 ──> cloud <══ 1 ══ gw1: UDP to 169.254.10.1
                                           │ kernel: FRR, BFD, charon
"""

import os
import re
import time
from contextlib import ExitStack, contextmanager

import scenario_plan as plan
from sessions import is_new, sessions, wait_for_sessions
from shell import wait_for
from traffic import read

FLOOD = ("/usr/bin/python3", os.path.join(os.path.dirname(__file__), "flood.py"))
# (node, source, target, packets a second): the wire's flood is beyond any bucket; that of the tunnel is
# what its peer's user space ciphers beside its own BFD.
FLOODS = (("internet", "203.0.113.1", plan.CONNECTIONS[0].cloud, 60000),
          (plan.CONNECTIONS[0].gateway, plan.CONNECTIONS[0].peer_inside,
           plan.CONNECTIONS[0].cloud_inside, 4000))
FLOOD_S = 4.0
SESSIONS_S = 60
REKEY_S = 10
SHED = ("punt_limited", "punt_full")


def run(trial):
    world, report = trial.world, trial.report
    report.group("A flood for the gateway itself", """UDP to an address of the gateway, more than its
        kernel is given: from the Internet, and from a peer out of its tunnel. What is too much is
        dropped by name; BGP and BFD sessions stay, and IKE rekeys meanwhile.""")
    world.wait_converged()
    wait_for_sessions(world, SESSIONS_S)
    before, dropped = sessions(world), drops(world)
    with ExitStack() as stack:
        sent = [stack.enter_context(flood(trial, *one)) for one in FLOODS]
        began = time.monotonic()
        rekeyed = rekey(world)
        time.sleep(max(0.0, began + FLOOD_S - time.monotonic()))
        during = sessions(world)
    shed = sum(drops(world).values()) - sum(dropped.values())
    counts = [count() for count in sent]
    report.table("What was sent", ("from", "to", "packets"),
                 [(node, target, count) for (node, _, target, _), count in zip(FLOODS, counts)])
    report.claim("the flood was one: dropped by name", f"{shed} of {sum(counts)} packets",
                 "more than half of them", shed > sum(counts) / 2)
    others = [f"{name}: since {since}, now {during.get(name, 'down')}"
              for name, since in before.items()
              if name not in during or is_new(during[name], since)]
    report.claim("BGP and BFD sessions stay up", ", ".join(others) or f"all {len(before)}",
                 "all, none of them new", before and not others)
    report.claim("IKE rekeys meanwhile", f"after {rekeyed:.2f} s" if rekeyed else "no answer",
                 f"within {REKEY_S} s", rekeyed)


@contextmanager
def flood(trial, node, source, target, rate):
    """Floods for the block's time; yields a function that tells, afterwards, how many packets."""
    log = os.path.join(trial.scratch, f"flood-{node}")
    process = trial.world.node(node).start(*FLOOD, source, target, str(rate), log=log)
    try:
        wait_for("the flood", lambda: "flooding" in read(log), 10)
        yield lambda: int(read(log).split()[-1])
        process.terminate()
        process.wait(5)
    finally:
        process.kill()
        process.wait()


def drops(world):
    return {row["reason"]: row["packets"] for row in world.espalierctl("show", "drops")
            if row["reason"] in SHED}


def rekey(world):
    """How long it took until the peer knew a new IKE_SA; None where that is too long."""
    connection = plan.CONNECTIONS[0]
    began = time.monotonic()
    old = ike_spis(world, connection)
    world.swanctl("cloud", "--rekey", "--ike", connection.ike_name)
    while ike_spis(world, connection) <= old:
        if time.monotonic() - began > REKEY_S:
            return None
        time.sleep(0.05)
    return time.monotonic() - began


def ike_spis(world, connection):
    """Of the gateway's IKE_SAs."""
    return set(re.findall(r"initiator-spi=(\w+)",
                          world.swanctl(connection.gateway, "--list-sas", "--raw")))

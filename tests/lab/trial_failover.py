# SPDX-License-Identifier: BSD-3-Clause
"""A connection fails under load, in three ways: its flows move within a second, no other notices.

    clients 3000 flows ── dc ─┬── gw1 ══ 1 ═══════════ cloud ── ecs
                              ├── gw2 ══ 2 ══ X
                              └── gw3 ══ 3 ═══════════

"blackhole": the Internet drops what comes from and goes to gw2, in silence. "cease": its BGP session
is shut down, the tunnel stays. "link": the cable of its Internet side loses its carrier.
"""

import statistics
import time

from load import FLOWS, TO_DC, TO_VPC, Load
from sessions import wait_for_sessions

VICTIM, NUMBER = "gw2", 2
HOWS = ("blackhole", "cease", "link")
ROUNDS = 1000
BEFORE_S, BROKEN_S, AFTER_S = 1.5, 3.0, 1.5
HEAL_LIMIT_S = 60
BACK_MS = 1000
PREFIXES = 200_000
PREFIXES_LIMIT_S = 240
SECOND_NS = 10 ** 9


def run(trial):
    fail_each(trial, "a handful of prefixes")
    if trial.everything:
        fill(trial, PREFIXES)
        fail_each(trial, f"{PREFIXES:,} prefixes")
        fill(trial, 0)


def fail_each(trial, prefixes):
    trial.report.group(f"Failover under load, {prefixes}", f"""{FLOWS} flows, each way {trial.safe_rate:,} packets
        a second, while {VICTIM} fails and heals, in three ways. Each packet tells when it left and by which
        gateway it came. A flow is back after the last of its packets that was lost; the times count
        from the failure to when that one left.""")
    judged = [(how, *judge(*one(trial, how))) for how in HOWS]
    trial.report.table("What became of the flows",
                       ("failure", "direction", f"flows on {VICTIM}", "packets lost", "outage, median ms",
                        "worst ms", "other flows", "packets lost", "moved"),
                       [(how, *row) for how, rows, _ in judged for row in rows])
    for how, _, claims in judged:
        for claim, *rest in claims:
            trial.report.claim(f"{how}: {claim}", *rest)


def one(trial, how):
    """Load, failure, healing. The courses of all flows, and the times of failure and healing."""
    world = trial.world
    trial.report.progress(f"{VICTIM} fails: {how}")
    world.wait_converged(HEAL_LIMIT_S)
    wait_for_sessions(world, HEAL_LIMIT_S)
    with Load(trial.scratch, world.build, trial.safe_rate, ROUNDS) as load:
        load.go()
        time.sleep(BEFORE_S)
        failed = world.fail(VICTIM, how)
        time.sleep(BROKEN_S)
        healed = world.heal(VICTIM)
        world.wait_converged(HEAL_LIMIT_S)
        time.sleep(AFTER_S)
        courses = load.stop()
    return courses, int(failed * SECOND_NS), int(healed * SECOND_NS)


def judge(courses, failed, healed):
    """Rows of the table, and claims, of one failure."""
    rows, claims = [], []
    for way in (TO_DC, TO_VPC):
        mine = [course for course in courses if course.way == way]
        victims = [course for course in mine if course.path_at(failed) == NUMBER]
        others = [course for course in mine if course.path_at(failed) != NUMBER]
        outages = [course.outage_ms(failed, healed) for course in victims]
        worst = None if None in outages else max(outages, default=None)
        lost = sum(course.lost_between(failed, healed) for course in victims)
        others_lost = sum(course.lost for course in others)
        moved = sum(len(course.paths_between(failed, healed)) > 1 for course in others)
        rows.append((way, len(victims), lost, shown(statistics.median(filter(known, outages)) if any(map(known, outages)) else None),
                     shown(worst), len(others), others_lost, moved))
        claims.append((f"{way}, the flows on {VICTIM} are back",
                       f"after {worst:.0f} ms at the latest" if known(worst) else "not all of them",
                       f"within {BACK_MS} ms", known(worst) and worst <= BACK_MS))
        claims.append((f"{way}, all other flows", f"{others_lost} packets lost", "0 lost",
                       others and not others_lost))
        if way == TO_DC:
            claims += by_espalier(mine, others, moved, failed, healed)
    return rows, claims


def by_espalier(mine, others, moved, failed, healed):
    """Espalier's groups are resilient: what it places stays, and comes back to where it was."""
    yield (f"{TO_DC}, they stay where they are", f"{moved} of {len(others)} moved", "0 moved",
           not moved)
    left = [course for course in mine if NUMBER in {course.path_at(healed)}]
    yield (f"{TO_DC}, none on {VICTIM} by the end of the failure", f"{len(left)} flows", "0",
           not left)
    home = sum(course.paths[-1][0] == course.path_at(failed) for course in mine if course.paths)
    yield (f"{TO_DC}, healed: each flow is where it was", f"{home} of {len(mine)}", "all",
           home == len(mine))


def fill(trial, count):
    """The DC announces that many prefixes more, by all three gateways."""
    trial.report.progress(f"{count:,} prefixes more from the data centre")
    began = time.monotonic()
    trial.world.add_prefixes(count)
    trial.world.wait_converged(PREFIXES_LIMIT_S)
    trial.report.progress(f"... in Espalier after {time.monotonic() - began:.0f} s")


def known(value):
    return value is not None


def shown(value):
    return "-" if value is None else f"{value:.0f}"

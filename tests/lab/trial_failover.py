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
from peers import PeerDrops, lost_words
from sessions import wait_for_sessions
from shell import wait_for

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
        gateway it came. A flow is back after the last of its packets that was lost there; the times count
        from the failure to when that one left.""")
    judged = [(how, *judge(*one(trial, how))) for how in HOWS]
    trial.report.table("What became of the flows",
                       ("failure", "direction", f"flows on {VICTIM}", "packets lost", "outage, median ms",
                        "worst ms", "other flows", "lost elsewhere", "moved"),
                       [(how, *row) for how, rows, _ in judged for row in rows])
    for how, _, claims in judged:
        for claim, *rest in claims:
            trial.report.claim(f"{how}: {claim}", *rest)


def one(trial, how):
    """Load, failure, healing. The courses of all flows, the times of failure and healing, and what
    the peers lost by themselves."""
    world = trial.world
    trial.report.progress(f"{VICTIM} fails: {how}")
    world.wait_converged(HEAL_LIMIT_S)
    wait_for_sessions(world, HEAL_LIMIT_S)
    drops = PeerDrops(world)
    with Load(trial.scratch, world.build, trial.safe_rate, ROUNDS) as load:
        load.go()
        time.sleep(BEFORE_S)
        failed = world.fail(VICTIM, how)
        time.sleep(BROKEN_S)
        healed = world.heal(VICTIM)
        world.wait_converged(HEAL_LIMIT_S)
        time.sleep(AFTER_S)
        courses = load.stop()
    return courses, int(failed * SECOND_NS), int(healed * SECOND_NS), drops.counted()


def judge(courses, failed, healed, by_peers):
    """Rows of the table, and claims, of one failure."""
    rows, claims = [], []
    for way in (TO_DC, TO_VPC):
        mine = [course for course in courses if course.way == way]
        victims = [course for course in mine if course.path_at(failed) == NUMBER]
        others = [course for course in mine if course.path_at(failed) != NUMBER]
        on_victim = [course.lost_on(NUMBER, failed, healed) for course in victims]
        outages = [(max(times, default=failed) - failed) / 10 ** 6 for times in on_victim]
        lost = sum(map(len, on_victim))
        rest = sum(course.lost for course in mine) - lost
        moved = sum(len(course.paths_between(failed, healed)) > 1 for course in others)
        rows.append((way, len(victims), lost, f"{statistics.median(outages or [0]):.0f}",
                     f"{max(outages, default=0):.0f}", len(others), rest, moved))
        stuck = sum(course.path_at(healed) == NUMBER for course in victims)
        claims.append((f"{way}, the flows on {VICTIM} are back",
                       f"after {max(outages, default=0):.0f} ms at the latest"
                       + (f", but for {stuck}" if stuck else ""), f"within {BACK_MS} ms",
                       victims and not stuck and max(outages) <= BACK_MS))
        claims.append((f"{way}, nothing else is lost, by no flow", lost_words(rest, by_peers[way]),
                       "0 lost", others and rest <= by_peers[way]))
        if way == TO_DC:
            claims += by_espalier(others, moved)
    return rows, claims + list(homecoming(courses, failed))


def by_espalier(others, moved):
    """Espalier's groups are resilient: what it places stays. The DC's router, a kernel, spreads anew
    what it has for the gateways that are left; that is in the table."""
    yield (f"{TO_DC}, the others stay where they are", f"{moved} of {len(others)} moved", "0 moved",
           others and not moved)


def homecoming(courses, failed):
    mine = [course for course in courses if course.way == TO_DC and course.paths]
    home = sum(course.paths[-1][0] == course.path_at(failed) for course in mine)
    yield (f"{TO_DC}, healed: each flow is where it was", f"{home} of {len(mine)}", "all",
           home == len(mine) > 0)


def fill(trial, count):
    """The DC announces that many prefixes more, by all three gateways."""
    trial.report.progress(f"{count:,} prefixes more from the data centre")
    began = time.monotonic()
    trial.world.add_prefixes(count)
    wait_for(f"{count:,} prefixes in Espalier",
             lambda: len(trial.world.espalierctl("show", "routes")) >= count, PREFIXES_LIMIT_S, 2)
    trial.world.wait_converged(PREFIXES_LIMIT_S)
    trial.report.progress(f"... in Espalier after {time.monotonic() - began:.0f} s")

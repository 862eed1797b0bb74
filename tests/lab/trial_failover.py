# SPDX-License-Identifier: BSD-3-Clause
"""A connection fails under load, in three ways: its flows move within a second, no other notices.

    clients 3000 flows ── dc ─┬── gw1 ══ 1 ═══════════ cloud ── ecs
                              ├── gw2 ══ 2 ══ X
                              └── gw3 ══ 3 ═══════════

"blackhole": the Internet drops what comes from and goes to gw2, in silence. "cease": its BGP session
is shut down, the tunnel stays. "link": the cable of its Internet side loses its carrier.
"""

import re
import statistics
import time
from collections import Counter

import scenario_plan as plan
from load import FLOWS, LEAST_RATE, TO_DC, TO_VPC, Load
from peers import PeerDrops, lost_words
from sessions import is_new, sessions, wait_for_sessions
from shell import wait_for

VICTIM, NUMBER = "gw2", 2
HOWS = ("blackhole", "cease", "link")
ROUNDS = 1000
BEFORE_S, BROKEN_S, AFTER_S = 1.0, 3.0, 1.5
ATTEMPTS = 3
HEAL_LIMIT_S = 120
BACK_MS = 1000
POINTS = 3.0
PREFIXES = 200_000
OTHERS = 100  # routes that are there besides
WITHDRAW_LIMIT_S = 30
PREFIXES_LIMIT_S = 240
SETTLED_S = 2.0
SECOND_NS = 10 ** 9
# So many packets that left before the failure can meet it: that is what the TUN of a peer holds that
# has lost its CPU for a moment.
UNDER_WAY = 500


def run(trial):
    fail_each(trial, "a handful of prefixes")
    if trial.everything:
        fill(trial, PREFIXES)
        # Beside BGP, which has 600,000 ways to take back and to learn again each time.
        trial.rate = 2 * LEAST_RATE
        try:
            fail_each(trial, f"{PREFIXES:,} prefixes")
        finally:
            fill(trial, 0)


def fail_each(trial, prefixes):
    trial.report.group(f"Failover under load, {prefixes}", f"""{FLOWS} flows, each way {trial.safe_rate:,} packets
        a second (fewer once the machine stalls), while {VICTIM} fails and heals, in three ways. Each
        packet tells when it left and by which gateway it came. A flow is back after the last of its packets that was lost there; the times count
        from the failure to when that one left.""")
    judged = [(how, *judge(*undisturbed(trial, how), trial.safe_rate)) for how in HOWS]
    trial.report.table("What became of the flows",
                       ("failure", "direction", f"flows on {VICTIM}", "packets lost", "outage, median ms",
                        "worst ms", "other flows", "lost elsewhere", "moved"),
                       [(how, *row) for how, rows, _ in judged for row in rows])
    for how, _, claims in judged:
        for claim, *rest in claims:
            trial.report.claim(f"{how}: {claim}", *rest)


def undisturbed(trial, how):
    """one(), up to ATTEMPTS times, until no other connection was taken for dead meanwhile: where the
    machine gives somebody no processor for as long as liveness and BFD allow, that is no failover that
    was asked for. An Espalier that loses a tunnel along with another does so each time, at half the
    rate, too."""
    for attempt in range(ATTEMPTS):
        others, *seen = one(trial, how)
        if not others:
            break
        words = f"{', '.join(others)} taken for dead meanwhile: the machine stalled"
        if attempt + 1 < ATTEMPTS:
            trial.rate //= 2
            words += f"; once more, with {trial.safe_rate:,} packets a second"
        trial.report.progress(words)
    return seen


class Deaths:
    """Which of the others lost their connection since this was made: Espalier found its tunnel dead, or
    its session of BGP or BFD is a new one."""

    def __init__(self, world):
        self.world = world
        self.tunnels, self.sessions = self.dead_tunnels(), sessions(world)

    def since(self):
        now = sessions(self.world)
        found = set(self.dead_tunnels() - self.tunnels)
        found |= {name for name, since in self.sessions.items() if not name.endswith(VICTIM)
                  and (name not in now or is_new(now[name], since))}
        return sorted(found)

    def dead_tunnels(self):
        """How often each was found dead."""
        return Counter(connection.name for connection in plan.CONNECTIONS
                       if connection.gateway != VICTIM
                       for _ in re.finditer(f"tunnel {connection.name}: down\\b",
                                            self.world.gateways[plan.CLOUD].log_text()))


def one(trial, how):
    """Load, failure, healing. Who else died, the courses of all flows, the times of failure and healing,
    and what the peers lost by themselves."""
    world = trial.world
    trial.report.progress(f"{VICTIM} fails: {how}")
    world.wait_converged(HEAL_LIMIT_S)
    wait_for_sessions(world, HEAL_LIMIT_S)
    wait_settled(world)
    drops, others = PeerDrops(world), Deaths(world)
    with Load(trial.scratch, world.build, trial.safe_rate, ROUNDS) as load:
        load.go()
        time.sleep(BEFORE_S)
        failed = world.fail(VICTIM, how)
        wait_for(f"Espalier to leave {VICTIM} alone", lambda: left_alone(world), WITHDRAW_LIMIT_S)
        time.sleep(BROKEN_S)  # each flow speaks once a second, at the least rate
        healed = world.heal(VICTIM)
        world.wait_converged(HEAL_LIMIT_S)
        time.sleep(AFTER_S)
        courses = load.stop()
    return (others.since(), courses, int(failed * SECOND_NS), int(healed * SECOND_NS),
            drops.counted())


def left_alone(world):
    """Its tunnel is dead, or BGP has taken back the ways through it: that may come behind 200,000
    others, while they go on carrying."""
    connection = plan.connection_of(VICTIM)
    states = {row["name"]: row["state"] for row in world.espalierctl("show", "tunnels")}
    return states[connection.name] != "up" or not any(
        connection.tun in ways for ways in world.ways_of_espalier(plan.DC_PREFIXES).values())


def judge(courses, failed, healed, by_peers, rate):
    """Rows of the table, and claims, of one failure at that rate."""
    met = failed - UNDER_WAY * SECOND_NS * len(plan.CONNECTIONS) // rate
    rows, claims = [], []
    for way in (TO_DC, TO_VPC):
        mine = [course for course in courses if course.way == way]
        victims = [course for course in mine if course.path_at(failed) == NUMBER]
        others = [course for course in mine if course.path_at(failed) != NUMBER]
        on_victim = [course.lost_on(NUMBER, met, healed) for course in victims]
        outages = [max(0, max(times, default=failed) - failed) / 10 ** 6 for times in on_victim]
        lost = sum(map(len, on_victim))
        rest = sum(course.lost for course in mine) - lost
        words = lost_words(rest, by_peers[way]) + (f", {which(mine, met, failed, healed)}" if rest else "")
        moved = sum(len(course.paths_between(failed, healed)) > 1 for course in others)
        rows.append((way, len(victims), lost, f"{statistics.median(outages or [0]):.0f}",
                     f"{max(outages, default=0):.0f}", len(others), rest, moved))
        stuck = sum(course.path_at(healed) == NUMBER for course in victims)
        claims.append((f"{way}, the flows on {VICTIM} are back",
                       f"after {max(outages, default=0):.0f} ms at the latest"
                       + (f", but for {stuck}" if stuck else ""), f"within {BACK_MS} ms",
                       victims and not stuck and max(outages) <= BACK_MS))
        claims.append((f"{way}, nothing else is lost, by no flow", words, "0 lost",
                       others and rest <= by_peers[way]))
        if way == TO_DC:
            claims += by_espalier(others, moved)
    return rows, claims + list(homecoming(courses, failed, healed))


def which(courses, met, failed, healed):
    """What else was lost, by which gateway and when, in words."""
    lost = sorted((when, course.path_at(when)) for course in courses for when in course.lost_times()
                  if not (met <= when < healed
                          and course.path_at(when) == NUMBER))
    if not lost:
        return "at the end"
    return (f"of gateway {'/'.join(map(str, sorted({path for _, path in lost})))}, "
            f"{(lost[0][0] - failed) / 10 ** 6:.0f} to {(lost[-1][0] - failed) / 10 ** 6:.0f} ms from "
            f"the failure, which was healed after {(healed - failed) / 10 ** 6:.0f}")


def by_espalier(others, moved):
    """Espalier's groups are resilient: what it places stays. The DC's router, a kernel, spreads anew
    what it has for the gateways that are left; that is in the table."""
    yield (f"{TO_DC}, the others stay where they are", f"{moved} of {len(others)} moved", "0 moved",
           others and not moved)


def homecoming(courses, failed, healed):
    """A connection that is back takes its share from the others, and they keep the rest. Each flow is
    where it was, too, if BGP told these ways at once and not one after the other: that is shown."""
    mine = [course for course in courses if course.way == TO_DC and course.paths]
    paths = [(course.path_at(healed), course.paths[-1][0]) for course in mine]
    strayed = sum(now not in (then, NUMBER) for then, now in paths)
    share = 100 * sum(now == NUMBER for _, now in paths) / (len(paths) or 1)
    home = sum(course.paths[-1][0] == course.path_at(failed) for course in mine)
    yield (f"{TO_DC}, healed: {VICTIM} has its share again, and no flow moves but to it",
           f"{share:.1f} %, {strayed} moved elsewhere; {home} of {len(mine)} where they were",
           f"33.3 % +- {POINTS:.0f} points, 0 moved elsewhere",
           abs(share - 100 / 3) <= POINTS and not strayed)


def wait_settled(world):
    """Until BGP has given every prefix all of its ways again, which takes it a while where there are
    many: each of Espalier's groups has all connections, and goes on having them."""
    since = time.monotonic()

    def settled():
        nonlocal since
        if any(len(group["members"]) < len(plan.CONNECTIONS)
               for group in world.espalierctl("show", "groups")):
            since = time.monotonic()
        return time.monotonic() - since > SETTLED_S

    wait_for("all ways of all prefixes in Espalier", settled, PREFIXES_LIMIT_S, 0.2)


def fill(trial, count):
    """The DC announces that many prefixes more, by all three gateways."""
    trial.report.progress(f"{count:,} prefixes more from the data centre")
    began = time.monotonic()
    trial.world.add_prefixes(count)
    wait_for(f"{count:,} prefixes in Espalier", lambda: 0 <= len(trial.world.espalierctl(
        "show", "routes")) - count < OTHERS, PREFIXES_LIMIT_S, 2)
    wait_settled(trial.world)
    trial.report.progress(f"... in Espalier after {time.monotonic() - began:.0f} s")

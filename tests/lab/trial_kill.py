# SPDX-License-Identifier: BSD-3-Clause
"""The daemons die, one after the other, and are started again. Not a packet is lost.

    clients 3000 flows ── dc ─── gw1..3 ═══════ Espalier ── ecs
                         BIRD  BIRD, charon       │ FRR, espalier-sync, charon: SIGKILL
"""

import time

from load import FLOWS, Load
from peers import PeerDrops, lost_words
from sessions import wait_for_sessions

ROUNDS = 1000
BACK_LIMIT_S = 60
CALM_S = 1.0
SECOND_NS = 10 ** 9
# node, daemon, how the report calls it
VICTIMS = (("cloud", "bgp", "BGP of the cloud"), ("cloud", "sync", "espalier-sync"),
           ("cloud", "charon", "charon of the cloud"), ("gw1", "bird", "BIRD of gw1"))
# Before the others: what comes back beside a bgpd that was started a moment ago is told at once that
# this was all. See LAN_DELAY_S in routing.py.
MORE = (("tr-shanghai", "bird", "BIRD of TR Shanghai"), ("dc", "bird", "BIRD of the DC's router"))


def run(trial):
    report = trial.report
    report.group("Daemons killed under load", f"""SIGKILL, then a new start, one after the other, while
        {FLOWS} flows send {trial.safe_rate:,} packets a second each way. Espalier keeps what it was given; BGP restarts
        gracefully, its routes stay in the kernels; espalier-sync marks and sweeps; charon
        negotiates anew beside the SAs that it no longer knows.""")
    victims = (MORE if trial.everything else ()) + VICTIMS
    with Load(trial.scratch, trial.world.build, trial.safe_rate, ROUNDS) as load:
        drops = PeerDrops(trial.world)
        load.go()
        time.sleep(CALM_S)
        spans = [span(trial, *victim) for victim in victims]
        courses = load.stop()
    by_peers = sum(drops.counted().values())
    rows = [(name, f"{(end - begin) / SECOND_NS:.1f}", *losses(courses, trial.safe_rate, begin, end))
            for name, begin, end in spans]
    report.table("While each was away and came back",
                 ("killed", "seconds", "packets sent", "packets lost", "flows that moved"), rows)
    for name, _, sent, lost, _ in rows:
        report.claim(f"{name} killed and restarted", f"of {sent}: {lost_words(lost, by_peers)}",
                     "0 lost", lost <= by_peers and sent)
    total = sum(course.lost for course in courses)
    report.claim("all of them, from the first packet to the last", lost_words(total, by_peers),
                 "0 lost", total <= by_peers)


def span(trial, node, name, title):
    """Kills and restarts one. Its name, and the time from before to when all has converged."""
    trial.report.progress(f"SIGKILL: {title}")
    begin = time.monotonic_ns()
    trial.world.daemon(node, name).restart("kill")
    wait_for_sessions(trial.world, BACK_LIMIT_S)
    trial.world.wait_converged(BACK_LIMIT_S)
    time.sleep(CALM_S)
    return title, begin, time.monotonic_ns()


def losses(courses, rate, begin, end):
    """Packets sent (by the pace), lost, and flows that changed their way, in that time."""
    sent = round(2 * rate * (end - begin) / SECOND_NS)
    lost = sum(begin <= when < end for course in courses for when in course.lost_times())
    moved = sum(len(course.paths_between(begin, end)) > 1 for course in courses)
    return sent, lost, moved

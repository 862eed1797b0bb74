# SPDX-License-Identifier: BSD-3-Clause
"""3000 flows of the clients fall evenly upon the three connections, each way, by themselves.

    client0 1000 flows ──┐      ┌── gw1 ══ 1 ══ 33.3 % ══┐
    client1 1000 flows ──┼─ dc ─┼── gw2 ══ 2 ══ 33.3 % ══┼─ cloud ── ecs
    client2 1000 flows ──┘      └── gw3 ══ 3 ══ 33.3 % ══┘
"""

import time

import scenario_plan as plan
from load import FLOWS, LEAST_RATE, TO_DC, TO_VPC, Load

# Packets a second, each way: the highest at which nothing is lost. All of this shares one machine.
RATES = (LEAST_RATE, 2 * LEAST_RATE, 4 * LEAST_RATE)
ATTEMPTS = 3  # at the least rate, where something else took the machine meanwhile
ROUNDS = 4
POINTS = 3.0
# BGP and BFD speak in the tunnels too, some 10 packets a second: below this part of the load.
OTHERS = 0.03
SETTLE_S = 0.5


def run(trial):
    report = trial.report
    report.group("Balance", f"""{FLOWS} UDP flows between the clients and the ECS, {ROUNDS} packets each
        way in each. Towards the DC Espalier chooses the connection, towards the VPC the kernel of
        the DC's router. Flows by the mark that this router gives to what comes and goes by each
        gateway; packets by Espalier's counters, `espalierctl show tunnels`.""")
    for rate in RATES:
        for _ in range(ATTEMPTS if rate == LEAST_RATE else 1):
            seen = one(trial, rate)
            if not lost(seen):
                break
        if rate == RATES[0] or not lost(seen):
            trial.rate, (courses, before, after) = rate, seen
        if lost(seen):
            report.progress(f"{rate} packets a second, each way: more than this machine carries")
            break
    moved = {way: [after[way][name] - before[way][name] for name in after[way]]
             for way in (TO_DC, TO_VPC)}
    flows = {way: [sum(course.way == way and course.path_at(course.paths[0][1]) == number
                       for course in courses if course.paths)
                   for number in (1, 2, 3)] for way in (TO_DC, TO_VPC)}
    report.table("Who carries them", ("connection", *(f"{what}, {way}" for way in (TO_DC, TO_VPC)
                                                      for what in ("flows", "share", "packets"))),
                 [(connection.name, *(cell for way in (TO_DC, TO_VPC) for cell in
                                      (flows[way][index], percent(flows[way])[index] + " %",
                                       moved[way][index])))
                  for index, connection in enumerate(plan.CONNECTIONS)])
    for way in (TO_DC, TO_VPC):
        for what, counts in (("flows", flows[way]), ("packets by Espalier's counters", moved[way])):
            report.claim(f"{way}: {FLOWS} flows over three connections, {what}",
                         " / ".join(percent(counts)) + " %", f"each 33.3 % +- {POINTS:.0f} points",
                         even(counts))
        expected = [sum(course.received for course in courses if course.way == way and course.paths
                        and course.path_at(course.paths[0][1]) == number) for number in (1, 2, 3)]
        report.claim(f"{way}: counters and marks agree", " / ".join(map(str, moved[way])),
                     " / ".join(map(str, expected)) + " and what BGP and BFD say",
                     all(wanted <= seen <= wanted * (1 + OTHERS)
                         for seen, wanted in zip(moved[way], expected)))
    strayed = sum(len(course.paths) != 1 for course in courses)
    late = sum(course.late for course in courses)
    report.claim(f"each flow keeps to one connection; {trial.rate} packets a second each way, nothing "
                 "lost, nothing out of order",
                 f"{strayed} flows strayed, {lost((courses,))} packets lost, {late} late",
                 f"0, 0, 0, at {RATES[0]} or more", not strayed and not lost((courses,)) and not late)


def one(trial, rate):
    """The courses of all flows at that rate, and Espalier's counters before and after."""
    trial.world.wait_converged()
    before = counters(trial.world)
    with Load(trial.scratch, trial.world.build, rate, ROUNDS) as load:
        load.go()
        time.sleep(FLOWS * (ROUNDS - 1) / rate + SETTLE_S)
        courses = load.stop()
    return courses, before, counters(trial.world)


def lost(seen):
    return sum(course.lost for course in seen[0])


def counters(world):
    """{way: {connection: packets}} so far."""
    tunnels = {row["name"]: row for row in world.espalierctl("show", "tunnels")}
    return {way: {connection.name: tunnels[connection.name][side]["packets"]
                  for connection in plan.CONNECTIONS}
            for way, side in ((TO_DC, "tx"), (TO_VPC, "rx"))}


def percent(counts):
    total = sum(counts) or 1
    return [f"{100 * count / total:.1f}" for count in counts]


def even(counts):
    return all(abs(100 * count / (sum(counts) or 1) - 100 / 3) <= POINTS for count in counts)

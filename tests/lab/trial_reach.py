# SPDX-License-Identifier: BSD-3-Clause
"""IKE with the tutorial's proposals, and ping between every ECS and every client, both ways.

    ecs  10.0.0.1 ──┐                                            ┌── client0 192.168.0.10
                    ├── tr-shanghai ── cloud ═══ gw1..3 ── dc ───┼── client1 192.168.1.10
    ecs2 10.0.1.1 ──┘               charon   charons             └── client2 192.168.2.10
"""

from concurrent.futures import ThreadPoolExecutor
from itertools import product

import scenario_plan as plan
from ike_plan import ESP_SUITE, IKE_SUITE
from strongswan import pairs
from traffic import ping

PINGS = 3


def run(trial):
    trial.report.group("IKE and ping", """The tutorial's proposals, negotiated by Debian's strongSwan
        on both sides, and its first test: the ECS reach the clients of all three prefixes.""")
    associations(trial.world, trial.report)
    pings(trial.report)


def associations(world, report):
    shown = {(int(row["spi"], 16), row["direction"], row["tunnel"]) for row in
             world.espalierctl("show", "sas")}
    rows, alike, suites = [], [], []
    for connection in plan.CONNECTIONS:
        ike, child = sas_of(world, "cloud", connection.cloud)
        peer_ike, peer_child = sas_of(world, connection.gateway, connection.peer)
        suites += [suite(ike, IKE_SUITE), suite(peer_ike, IKE_SUITE)]
        suites += [suite(child, ESP_SUITE), suite(peer_child, ESP_SUITE)]
        spis = int(child.get("spi-in", "0"), 16), int(child.get("spi-out", "0"), 16)
        alike.append(child.get("spi-in") == peer_child.get("spi-out")
                     and child.get("spi-out") == peer_child.get("spi-in")
                     and {(spis[0], "in", connection.name), (spis[1], "out", connection.name)}
                     <= shown)
        rows.append((connection.name, connection.cloud, connection.peer, suites[-4], suites[-2],
                     *(f"{spi:08x}" for spi in spis)))
    report.table("swanctl --list-sas", ("connection", "cloud", "gateway", "IKE", "ESP", "SPI in",
                                        "SPI out"), rows)
    wanted = [suite(IKE_SUITE, IKE_SUITE), suite(ESP_SUITE, ESP_SUITE)]
    report.claim("three IKE_SAs and CHILD_SAs of the tutorial's proposals, at both ends of each",
                 f"{sum(said in wanted for said in suites)} of 12", ", ".join(wanted),
                 suites == [wanted[0], wanted[0], wanted[1], wanted[1]] * len(plan.CONNECTIONS))
    report.claim("charon, its peer and espalierctl name the same SPIs",
                 f"{sum(alike)} of {len(alike)} connections", "all", all(alike))


def sas_of(world, node, local):
    """What a charon says of its IKE_SA from that address, and of the newest CHILD_SA in it; the newest
    IKE_SA, where another one's end was killed and never said goodbye."""
    found = [({}, {})]
    for line in world.swanctl(node, "--list-sas", "--raw").splitlines():
        ike, _, children = line.partition("child-sas")
        if pairs(ike).get("local-host") == local and "state=INSTALLED" in children:
            found.append((pairs(ike), pairs(children)))
    return max(found, key=lambda sas: int(sas[0].get("uniqueid", 0)))


def suite(told, expected):
    return "/".join(told.get(name, "-") for name in expected)


def pings(report):
    ways = [*product(plan.SERVERS, plan.CLIENTS), *product(plan.CLIENTS, plan.SERVERS)]
    with ThreadPoolExecutor(4) as pool:
        answered = dict(zip(ways, pool.map(lambda way: ping(*way, count=PINGS), ways)))
    for title, here, there in (("from the VPC", plan.SERVERS, plan.CLIENTS),
                               ("from the data centre", plan.CLIENTS, plan.SERVERS)):
        report.table(f"pings answered, {title}", ("from \\ to", *there),
                     [(one, *(f"{answered[one, other]} of {PINGS}" for other in there))
                      for one in here])
    failed = [f"{here} to {there}" for (here, there), got in answered.items() if got != PINGS]
    report.claim("ping: both ECS to all clients, and back", ", ".join(failed) or "all answered",
                 f"{len(ways)} ways, {PINGS} each, all answered", not failed)

# SPDX-License-Identifier: BSD-3-Clause
"""Tables 1 to 5: what every router of the scenario has learned, row by row, in its own words.

     3 VPC      2 TR Shanghai    1 TR Hangzhou     4 BGP of the connections   5 gateways
    ecs ─────── tr-shanghai ─────── cloud ═══════ conn 1 to 3 ════════════ gw1 gw2 gw3 ── dc
                                   Espalier
"""

import json
import re
import time

import scenario_plan as plan

CONNECTION_NAMES = [connection.name for connection in plan.CONNECTIONS]
# What BGP brought, as the kernel and Espalier call it: BIRD's routes have a protocol of its own.
PROTOCOLS = {"frr": "bgp", "bird": "bird"}
ESPALIER_PROTOCOLS = {"frr": "bgp", "bird": 12}
REGION_LINK = plan.PORT_NAMES[plan.REGION_PORT]
SETTLE_S = 20  # for a table to be whole: a session that was lost a moment ago tells all anew
AGREE_S = 3  # for what BGP changes between two questions


def run(trial):
    world, report = trial.world, trial.report
    report.group("Route tables", """Nobody configured a route that is listed here but for those of
        the VPC: BGP brought them through IKE's tunnels, and espalier-sync carried them into
        Espalier. Each table is what its owner shows.""")
    for trial_of in (hangzhou, shanghai, vpc, connections, gateways, nothing_back, agreement):
        trial_of(world, report)


def hangzhou(world, report):
    def ask():
        return sorted(
            (route["prefix"], hop.get("tunnel") or hop.get("port"), hop.get("gateway") or "")
            for route in world.espalierctl("show", "routes")
            if route["protocol"] == ESPALIER_PROTOCOLS[world.bgp]
            for hop in route["nexthops"])

    wanted = [(prefix, REGION_LINK, plan.REGION_ADDRESS) for prefix in plan.VPC_PREFIXES]
    wanted += [(prefix, name, "") for prefix in plan.DC_PREFIXES for name in CONNECTION_NAMES]
    found = settled(ask, wanted)
    report.table("Table 1, TR Hangzhou: espalierctl show routes, protocol bgp",
                 ("prefix", "via", "gateway"), found)
    rows_claim(report, "table 1: 2 prefixes by the inter-region link, 3 by three connections each",
               found, wanted)


def shanghai(world, report):
    def ask():
        fib = kernel_rows(world, plan.REGION)
        paths = {prefix: len(re.findall(r"\n\s*(?:\S+ )?\s*unicast ", "\n" + world.birdc(
            plan.REGION, f"show route for {prefix}"))) for prefix in plan.DC_PREFIXES}
        rows = [(prefix, 1, *hop) for prefix in plan.VPC_PREFIXES for hop in sorted(fib[prefix])]
        return rows + [(prefix, paths[prefix], *hop) for prefix in plan.DC_PREFIXES
                       for hop in sorted(fib.get(prefix, ()))]

    wanted = [(prefix, 1, "", f"vswitch{number}") for number, prefix in
              enumerate(plan.VPC_PREFIXES, 1)]
    wanted += [(prefix, 3, plan.CLOUD_REGION_ADDRESS, plan.REGION_PORT)
               for prefix in plan.DC_PREFIXES]
    rows = settled(ask, wanted)
    report.table("Table 2, TR Shanghai: birdc show route, ip route",
                 ("prefix", "paths in the RIB", "via", "interface in the FIB"), rows)
    rows_claim(report, "table 2: three BGP paths for each prefix of the DC, one next hop", rows,
               wanted)


def vpc(world, report):
    for host, other, router in (("ecs", 1, "10.0.0.253"), ("ecs2", 0, "10.0.1.253")):
        routes = kernel_rows(world, host)
        rows = sorted((prefix, gateway or "local", device) for prefix, hops in routes.items()
                      for gateway, device in hops)
        wanted = [(plan.VPC_PREFIXES[1 - other], "local", "eth0"),
                  (plan.VPC_PREFIXES[other], "local", "vpc")]
        wanted += [(prefix, router, "eth0") for prefix in plan.VPC_ROUTES]
        if host == "ecs":
            report.table("Table 3, VPC: ip route of ecs", ("prefix", "via", "interface"), rows)
        rows_claim(report, f"table 3, {host}: its vSwitches local, the rest by the VPC attachment",
                   rows, wanted)


def connections(world, report):
    """From the cloud it goes out what came from the VPC; from the DC came its three prefixes."""
    def ask(connection):
        rows = [(prefix, "cloud") for prefix in told_by_cloud(world, connection)]
        return rows + [(prefix, "data centre") for prefix in told_to_cloud(world, connection)]

    wanted = [(prefix, "cloud") for prefix in plan.VPC_PREFIXES]
    wanted += [(prefix, "data centre") for prefix in plan.DC_PREFIXES]
    for connection in plan.CONNECTIONS:
        rows = settled(lambda: ask(connection), wanted)
        report.table(f"Table 4, BGP of {connection.name}", ("prefix", "learned from"), sorted(rows))
        rows_claim(report, f"table 4, {connection.name}: both prefixes of the VPC, three of the DC",
                   rows, wanted)


def gateways(world, report):
    def ask():
        fibs = {connection.gateway: kernel_rows(world, connection.gateway)
                for connection in plan.CONNECTIONS}
        return [(node, prefix, *hop) for node, fib in fibs.items() for prefix in plan.VPC_PREFIXES
                for hop in sorted(fib.get(prefix, ()))]

    wanted = [(connection.gateway, prefix, connection.cloud_inside,
               connection.tun if connection.gateway in world.gateways else "ipsec0")
              for connection in plan.CONNECTIONS for prefix in plan.VPC_PREFIXES]
    rows = settled(ask, wanted)
    report.table("Table 5, the data centre's gateways: ip route, towards the VPC",
                 ("gateway", "prefix", "via", "interface"), rows)
    rows_claim(report, "table 5: both prefixes of the VPC by its own connection, at each gateway",
               rows, wanted)


def nothing_back(world, report):
    """What each gateway's BIRD got out of its tunnel, and whether the cloud says so too."""
    got = {connection.gateway: bird_prefixes(world, connection.gateway, "protocol cloud")
           for connection in plan.CONNECTIONS}
    back = [f"{prefix} to {gateway}" for gateway, prefixes in got.items() for prefix in prefixes
            if prefix not in plan.VPC_PREFIXES]
    back += [f"{prefix} to {connection.gateway}" for connection in plan.CONNECTIONS
             for prefix in told_by_cloud(world, connection) if prefix not in plan.VPC_PREFIXES]
    report.claim("no prefix of the DC goes back over another tunnel: what each gateway got",
                 ", ".join(back) or " / ".join(", ".join(prefixes) for prefixes in got.values()),
                 "the VPC's prefixes alone", not back and all(got.values()))


def agreement(world, report):
    """Espalier's routes of protocol bgp, and those of its namespace's kernel. They are asked one after
    the other: what BGP changes between the two questions is no disagreement, and asked again."""
    deadline = time.monotonic() + AGREE_S
    while (told := rows_of_espalier(world)) != (kernel := rows_of_kernel(world)):
        if time.monotonic() > deadline:
            break
        time.sleep(0.1)
    report.claim("espalierctl show routes and ip route of its namespace agree",
                 f"{len(told & kernel)} rows alike, {len(told ^ kernel)} different",
                 "all rows alike", told == kernel)
    done = world.daemon(plan.CLOUD, "sync").compare()
    report.claim("... and espalier-sync --compare says so", done.stdout.strip().splitlines()[-1],
                 "exit status 0", done.returncode == 0)


def rows_of_espalier(world):
    names = {connection.name: connection.tun for connection in plan.CONNECTIONS}
    names[REGION_LINK] = plan.REGION_PORT
    return {(route["prefix"], names.get(hop.get("tunnel") or hop.get("port")))
            for route in world.espalierctl("show", "routes")
            if route["protocol"] == ESPALIER_PROTOCOLS[world.bgp]
            for hop in route["nexthops"]}


def rows_of_kernel(world):
    return {(prefix, device) for prefix, hops in
            kernel_rows(world, plan.CLOUD, "proto", PROTOCOLS[world.bgp]).items()
            for _, device in hops}


def told_by_cloud(world, connection):
    """Prefixes that the cloud advertises in that tunnel."""
    if world.bgp == "bird":
        return bird_prefixes(world, plan.CLOUD, f"export {connection.gateway}")
    return sorted(world.vtysh(f"show bgp ipv4 unicast neighbors {connection.peer_inside} "
                              "advertised-routes json").get("advertisedRoutes", {}))


def told_to_cloud(world, connection):
    """Prefixes that the cloud learned in that tunnel."""
    if world.bgp == "bird":
        return bird_prefixes(world, plan.CLOUD, f"protocol {connection.gateway}")
    return sorted(world.vtysh(f"show bgp ipv4 unicast neighbors {connection.peer_inside} "
                              "routes json").get("routes", {}))


def bird_prefixes(world, node, which):
    said = world.birdc(node, f"show route {which}")
    return sorted(set(re.findall(r"^(\d+\.\d+\.\d+\.\d+/\d+) ", said, re.MULTILINE)))


def kernel_rows(world, node, *which):
    """{prefix: {(gateway or "", interface)}} of a node's main table."""
    listed = json.loads(world.node(node).run("ip", "-j", "route", "show", *which).stdout or "[]")
    return {row["dst"]: {(hop.get("gateway", ""), hop["dev"])
                         for hop in row.get("nexthops", [row])} for row in listed}


def settled(ask, wanted):
    """The rows that `ask` finds: as soon as they are as wanted, or when the time for that is over."""
    deadline = time.monotonic() + SETTLE_S
    while sorted(rows := ask()) != sorted(wanted) and time.monotonic() < deadline:
        time.sleep(0.2)
    return rows


def rows_claim(report, claim, found, wanted):
    """Exactly the rows wanted, in whatever order."""
    missing = [row for row in wanted if found.count(row) != 1]
    extra = [row for row in found if row not in wanted]
    words = [f"{title} {' '.join(map(str, row))}" for title, rows in
             (("not once:", missing), ("too much:", extra)) for row in rows]
    report.claim(claim, ", ".join(words) or f"{len(found)} rows", f"exactly these {len(wanted)} rows",
                 not words and len(found) == len(wanted))

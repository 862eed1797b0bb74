# SPDX-License-Identifier: BSD-3-Clause
"""The BGP and BFD sessions of the gateways of the data centre, as they see them."""

import re

import scenario_plan as plan
from shell import wait_for


def wait_for_sessions(world, timeout):
    """Until all of them are up; LabError after `timeout` seconds."""
    wait_for("BGP and BFD in all tunnels, and BGP in the data centre",
             lambda: len(sessions(world)) == 3 * len(plan.CONNECTIONS), timeout)


def is_new(since, before):
    """Of two times that sessions() gave. BIRD notes them by one clock and shows them by another; the
    two are a millisecond apart from one look to the next."""
    return abs(seconds(since) - seconds(before)) > 0.1


def seconds(clock):
    hours, minutes, rest = clock.split(":")
    return 3600 * int(hours) + 60 * int(minutes) + float(rest)


def sessions(world):
    """{"BGP of gw1": since when it is up, ...}, the same of BFD, and of BGP with the DC's router; only
    those that are up."""
    found = {}
    for connection in plan.CONNECTIONS:
        node = connection.gateway
        for line in world.birdc(node, "show bfd sessions").splitlines():
            words = line.split()
            if words[:1] == [connection.cloud_inside] and words[2] == "Up":
                found[f"BFD of {node}"] = words[3]
        for block in re.split(r"\n(?=\S)", world.birdc(node, "show protocols all")):
            for title, neighbor in (("BGP", connection.cloud_inside),
                                    ("BGP in the data centre", connection.dc)):
                if f"Neighbor address: {neighbor}" in block and "Established" in block:
                    found[f"{title} of {node}"] = block.split()[4]
    return found

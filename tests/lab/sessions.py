# SPDX-License-Identifier: BSD-3-Clause
"""The BGP and BFD sessions inside the tunnels, as the gateways of the data centre see them."""

import re

import scenario_plan as plan
from shell import wait_for


def wait_for_sessions(world, timeout):
    """Until all of them are up; LabError after `timeout` seconds."""
    wait_for("BGP and BFD in all tunnels",
             lambda: len(sessions(world)) == 2 * len(plan.CONNECTIONS), timeout)


def sessions(world):
    """{"BGP of gw1": since when it is up, ...} and the same of BFD; only those that are up."""
    found = {}
    for connection in plan.CONNECTIONS:
        node = connection.gateway
        for line in world.birdc(node, "show bfd sessions").splitlines():
            words = line.split()
            if words[:1] == [connection.cloud_inside] and words[2] == "Up":
                found[f"BFD of {node}"] = words[3]
        for block in re.split(r"\n(?=\S)", world.birdc(node, "show protocols all")):
            if f"Neighbor address: {connection.cloud_inside}" in block and "Established" in block:
                found[f"BGP of {node}"] = block.split()[4]
    return found

# SPDX-License-Identifier: BSD-3-Clause
"""The DC's router notes in each packet's DSCP by which gateway it comes or goes: 1, 2 or 3. So the
receiver of any packet knows which connection it took, and nothing else in the lab looks at DSCP."""

import json

import scenario_plan as plan

TABLE = "espalier-marks"
# The kernel's hash over the gateways would be seeded at random: a run that fails can be repeated.
SEED = "net.ipv4.fib_multipath_hash_seed=1"


def install(world):
    """At the router of the DC, for as long as the lab stands. Needs its gateways' MACs, which it
    knows once it has spoken with them."""
    router = world.node(plan.DC)
    macs = {row["dst"]: row["lladdr"] for row in
            json.loads(router.run("ip", "-j", "neigh", "show").stdout) if "lladdr" in row}
    rules = "".join(f"        rt ip nexthop {connection.lan} ip dscp set {connection.number}\n"
                    f"        ether saddr {macs[connection.lan]} ip dscp set {connection.number}\n"
                    for connection in plan.CONNECTIONS)
    router.run("nft", "-f", "-", stdin=f"""table ip {TABLE} {{}}
delete table ip {TABLE}
table ip {TABLE} {{
    chain forward {{
        type filter hook forward priority 0;
{rules}    }}
}}
""")
    router.run("sysctl", "-q", "-w", SEED, check=False)  # younger than some kernels

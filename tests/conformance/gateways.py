# SPDX-License-Identifier: BSD-3-Clause
"""The gateways that traces were recorded at: configurations without SAs and without policies."""
from topology import Topology


def plain(socket):
    """conn1 to conn3, as in all functional tests."""
    return Topology().config_without_sas(socket)


def roaming(socket):
    """One tunnel to a peer that says where it is, and may move."""
    config = Topology().config_without_sas(socket)
    config["tunnels"] = ({**config["tunnels"][0], "remote": "%any"},)
    config["routes"] = tuple(
        route for route in config["routes"]
        if not any(way.get("tunnel") in ("conn2", "conn3") for way in route["nexthops"]))
    return config


GATEWAYS = {"plain": plain, "roaming": roaming}

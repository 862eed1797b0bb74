# SPDX-License-Identifier: BSD-3-Clause
"""A narrow link on the way between two gateways: the Internet's kernel is the stranger who says so.

Comes last: a path that was found to be narrow is believed to be for ten minutes.
"""

import json
import re

from plan import TUNNELS, TUNNEL_MTU
from shell import LabError, run_in, wait_for
from traffic import ping, ping_words

LINK_MTU = 1400
INNER_MTU = 1342  # what fits, as plan.TUNNEL_MTU fits into 1500
ICMP_HEADERS = 28
LEARN_S = 5


def run(gateways, report):
    """From the cloud to the data centre; the way back stays as it was."""
    report.progress("a link of 1400 bytes on the way")
    cloud = gateways["cloud"]
    run_in("ecs", "ip", "route", "flush", "cache")
    for tunnel in TUNNELS:
        narrow(tunnel.onprem)
    lost = ping("ecs", "client0", "-M", "do", "-s", str(TUNNEL_MTU - ICMP_HEADERS), count=1)
    try:
        wait_for("the cloud to learn of the link", lambda: INNER_MTU in mtus(cloud), LEARN_S)
    except LabError as error:
        report.claim(f"the cloud learns of a link of {LINK_MTU} bytes", error, "no error", False)
        return
    said = ping_words("ecs", "client0", "-c", "1", "-M", "do", "-s", str(TUNNEL_MTU - ICMP_HEADERS))
    fits = ping("ecs", "client0", "-M", "do", "-s", str(INNER_MTU - ICMP_HEADERS), count=3)
    cut = ping("ecs", "client0", "-M", "dont", "-s", "4000", count=3)
    found = re.search(r"mtu ?= ?(\d+)", said)
    report.claim(f"behind a link of {LINK_MTU} bytes the first large packet is lost, the next refused in words",
                 f"{lost} answered, then " + (f"mtu {found[1]}" if found else "no answer"),
                 f"0, mtu {INNER_MTU}", lost == 0 and found and int(found[1]) == INNER_MTU)
    report.claim(f"... {INNER_MTU} bytes pass, and without DF 4028 in fragments",
                 f"{fits} and {cut} of 3 answered", "3 and 3", (fits, cut) == (3, 3))


def narrow(end):
    """The Internet's way to that end takes no packet that is larger."""
    (way,) = json.loads(run_in("internet", "ip", "-j", "route", "get", end).stdout)
    run_in("internet", "ip", "route", "replace", f"{end}/32", "dev", way["dev"], "mtu", str(LINK_MTU))


def mtus(gateway):
    return [tunnel["mtu"] for tunnel in gateway.show("tunnels")]

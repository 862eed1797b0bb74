# SPDX-License-Identifier: BSD-3-Clause
"""kernel_net.py's stage with an IKE daemon at either end: strongSwan as Debian installs it.

      namespace PREFIX-up                              PREFIX-wire
    charon, kernel-netlink, on espalier-run          charon, kernel-libipsec: it knows nothing of us
    TAP wan0 203.0.113.191, TUN conn1 --- ESPALIER === 203.0.113.1 and 192.0.2.1
    169.254.10.1                                     169.254.10.2

The peer does its own ESP, always in UDP. Limits stand in our charon's configuration alone, and charon
times nothing itself: it hands them to the kernel, here Espalier, and waits for its EXPIRE.
"""
import os
import re
import signal
import subprocess

import charon
import espalier_run
import gateway
import kernel_net
from charon import CHARON, Strongswan
from topology import WAN_ADDRESS, WAN_ROUTER

# Ours may be the other one, of the package strongswan-charon; unpacked, where both are not installed.
OUR_CHARON = os.environ.get("ESPALIER_CHARON", CHARON)
LIBIPSEC = "/usr/lib/ipsec/plugins/libstrongswan-kernel-libipsec.so"
PEER, INSIDE, PEER_INSIDE = "192.0.2.1", "169.254.10.1", "169.254.10.2"
NEVER = "rekey_time = 0s\n        life_time = 0s\n        "  # lines of a child without limits

SWANCTL_CONF = """
connections {{ c {{
    version = 2
    proposals = aes128-sha1-modp2048
    local_addrs = {near}
    remote_addrs = {far}
    {connection}
    local {{
        auth = psk
        id = {near}
    }}
    remote {{
        auth = psk
        id = {far}
    }}
    children {{ n {{
        esp_proposals = aes128-sha1-modp2048
        local_ts = {near_inside}/32
        remote_ts = {far_inside}/32
        close_action = none
        {child}
    }} }}
}} }}
secrets {{ ike {{ secret = "fddsFF123****" }} }}
"""


def why_not():
    """Why tests on this stage cannot run here, or None."""
    if not os.path.exists(LIBIPSEC):
        return "needs the package libcharon-extra-plugins"
    return charon.why_not() or kernel_net.why_not()


class IkeNet(kernel_net.KernelNet):
    """The gateway without SAs of its own, and addresses for both daemons."""

    def config(self):
        return {**super().config(), "security_associations": ()}

    def build(self):
        super().build()
        for address in (PEER, PEER_INSIDE):
            kernel_net.ip("-n", self.wire, "address", "add", f"{address}/32", "dev", "lo")

    def start(self):
        super().start()
        kernel_net.ip("-n", self.up, "route", "replace", PEER, "via", WAN_ROUTER, "dev", "wan0")

    def tunnel_state(self):
        return self.show("tunnels")[0]["state"]

    def spis(self):
        return {row["spi"] for row in self.show("sas")}

    def new_pair(self, besides, seconds):
        """Waits until two SAs stand and none of those; their SPIs. Each look is one answer: between two, old ones may go."""
        looks = []

        def stands():
            looks.append(self.spis())
            return len(looks[-1]) == 2 and not looks[-1] & besides

        gateway.wait_until(stands, seconds, "a new pair of SAs")
        return looks[-1]

    def ping(self, count=1, interval=0.05):
        """Pings through the tunnel, from TUN to TUN; how many came back."""
        said = self.run_in(self.up, "ping", "-n", "-c", str(count), "-i", str(interval), "-W", "2",
                           "-I", INSIDE, PEER_INSIDE)
        return said.stdout.count("bytes from")

    def pinging(self, interval=0.05):
        """The same without end, until lost()."""
        pings = subprocess.Popen(
            ["ip", "netns", "exec", self.up, "ping", "-n", "-i", str(interval), "-I", INSIDE,
             PEER_INSIDE], stdout=subprocess.PIPE, text=True)
        pings.in_half_a_second = round(0.5 / interval)
        return pings


def lost(pings):
    """Ends such pings: which of them were not answered. The last were perhaps under way."""
    pings.send_signal(signal.SIGINT)
    said = pings.communicate(timeout=20 * gateway.PATIENCE)[0]
    sent = int(re.search(r"(\d+) packets transmitted", said)[1])
    return set(range(1, sent - pings.in_half_a_second)) - set(map(int, re.findall(r"icmp_seq=(\d+) ttl", said)))


class Charon(Strongswan):
    """The peer's. It knows nothing of us."""

    near, far, near_inside, far_inside = PEER, WAN_ADDRESS, PEER_INSIDE, INSIDE
    kernel, routes, tie = "kernel-libipsec kernel-netlink", "yes", ""

    def __init__(self, net):
        super().__init__(net.directory / type(self).__name__, self.command(net), kernel=self.kernel,
                         more=f"install_routes = {self.routes}")

    def command(self, net):
        return ["ip", "netns", "exec", net.wire, CHARON]

    def load(self, connection="", child=""):
        """`connection` and `child` are lines of its swanctl.conf."""
        super().load(SWANCTL_CONF.format(
            near=self.near, far=self.far, near_inside=self.near_inside,
            far_inside=self.far_inside, connection=connection, child=self.tie + child))


class OurCharon(Charon):
    """The one whose kernel Espalier is."""

    near, far, near_inside, far_inside = WAN_ADDRESS, PEER, INSIDE, PEER_INSIDE
    kernel, routes = "kernel-netlink", "no"
    tie = "if_id_in = 1\n        if_id_out = 1\n        "

    def command(self, net):
        return espalier_run.command(net.socket, "ip", "netns", "exec", net.up, OUR_CHARON)

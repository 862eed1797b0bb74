# SPDX-License-Identifier: BSD-3-Clause
"""strongSwan in the scenario: in the cloud on espalier-run, at the gateways on its own."""

import os
import shutil

import scenario_plan as plan
from daemon import Daemon, write
from network import batch
from plan import namespace
from shell import run, wait_for
from strongswan import CHARON, CHILD, PRECEDENCE, SWANCTL, End, settings_text

# "Destination-based routing": whatever is routed into a tunnel may pass it.
ALL = "0.0.0.0/0"
# An IKE daemon that was killed comes back without telling its peer to forget what it knew, so the
# old SAs carry traffic until the new ones do. A dead peer is found out, and sought anew.
CONNECTION = """unique = never
    dpd_delay = 10s
    keyingtries = 0
    mobike = no"""
# kernel-libipsec puts a route to all that its selectors cover, here the whole world, into table
# 220. Which packets go into the tunnel is for BGP to say: with this mark nobody looks there.
LIBIPSEC = "kernel-netlink { fwmark = 0x7f000000 }"
# A peer that does not answer is given up after 16 s.
RETRANSMISSION = """retransmit_timeout = 1.0
    retransmit_base = 1.4"""
# Where a kernel has put some packets of a sender aside on one CPU, others overtake them on another:
# dozens, where two CPUs carry all of this.
REPLAY = "replay_window = 1024"
TUN_S = 5


class CharonDaemon(Daemon):
    name = "charon"

    def commands(self):
        # `env` behind the carrier's options, so that nothing else sees these settings.
        yield "charon", ("env", *self.environment(), *PRECEDENCE, *self.carrier(), CHARON)

    def environment(self):
        return f"STRONGSWAN_CONF={self.directory}/strongswan.conf", f"SWANCTL_DIR={self.directory}"

    @property
    def vici(self):
        return f"{self.directory}/vici"

    @property
    def charon_log(self):
        return f"{self.directory}/charon.log"

    def log_files(self):
        return [self.charon_log, *super().log_files()]

    def write_config(self):
        """The file holds secrets: it is born with mode 0600, in a directory that is ours alone."""
        os.mkdir(self.directory, 0o700)
        # A copy: Debian's AppArmor profile of swanctl, which goes by its path, lets it read no
        # configuration but the system's.
        shutil.copy(SWANCTL, self.directory)
        write(f"{self.directory}/strongswan.conf", self.settings())
        write(f"{self.directory}/swanctl.conf", "".join(end.text() for end in self.ends()))

    def serves(self):
        return os.path.exists(self.vici) and \
            self.swanctl("--stats", check=False).returncode == 0

    def swanctl(self, *words, check=True):
        return run("env", *self.environment(), f"{self.directory}/swanctl", *words, check=check)

    def carrier(self):
        """The command that carries it, or nothing."""
        return ()

    def settings(self):
        raise NotImplementedError

    def ends(self):
        raise NotImplementedError


class PeerCharon(CharonDaemon):
    """A gateway's own, which encrypts in user space and waits to be called."""

    def settings(self):
        return settings_text("kernel-libipsec kernel-netlink", "yes", self.charon_log, self.vici,
                             LIBIPSEC, RETRANSMISSION)

    def ends(self):
        connection = plan.connection_of(self.node)
        yield End(self.node, "", "", connection.peer, connection.cloud, ALL, ALL,
                  connection=connection.ike_name, psk=connection.psk, more=CONNECTION)

    def after_start(self):
        """Its TUN is a new one each time; the inside address goes there."""
        connection = plan.connection_of(self.node)
        wait_for(f"{self.node}: ipsec0", lambda: run(
            "ip", "-n", namespace(self.node), "link", "show", "ipsec0", check=False).returncode == 0,
                 TUN_S)
        batch(namespace(self.node), f"address add {connection.peer_inside}/30 dev ipsec0",
              "link set ipsec0 up")
        self.swanctl("--load-all")


class EspalierCharon(CharonDaemon):
    """One that drives an Espalier: all connections of the cloud, or the one of a gateway."""

    def __init__(self, node, build, gateway):
        self.gateway = gateway
        super().__init__(node, build)

    def carrier(self):
        return f"{self.build}/app/espalier-run/espalier-run", "-s", self.gateway.socket

    def settings(self):
        return settings_text("kernel-netlink", "no", self.charon_log, self.vici,
                             more=f"{RETRANSMISSION}\n    {REPLAY}")

    def ends(self):
        for connection in self.gateway.connections:
            near, far = connection.cloud, connection.peer
            calls = "start_action = start\n        dpd_action = restart"  # "take effect immediately"
            if self.node != plan.CLOUD:
                near, far, calls = far, near, ""
            yield End(self.node, "", "", near, far, ALL, ALL,
                      f"if_id_in = {connection.number}\n        if_id_out = {connection.number}\n"
                      f"        {calls}",
                      connection.ike_name, connection.psk, CONNECTION)

    def after_start(self):
        self.swanctl("--load-all")

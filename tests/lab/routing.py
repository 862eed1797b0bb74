# SPDX-License-Identifier: BSD-3-Clause
"""Who speaks BGP and BFD in the scenario: FRR or BIRD in the cloud, BIRD everywhere else."""

import os
import re
import shutil

import scenario_plan as plan
from daemon import Daemon, write
from shell import LabError, run

BIRD, BIRDC, VTYSH, FRR = "/usr/sbin/bird", "/usr/sbin/birdc", "/usr/bin/vtysh", "/usr/lib/frr"
HOLD_S, KEEPALIVE_S = 30, 10  # longer than a change of 600,000 ways keeps a daemon busy: BFD is quick
RESTART_S = 60  # how long a neighbor keeps the routes of one whose BGP daemon restarts,
RECOVERY_S = 20  # and how long that one waits at most for all of its neighbors
# For two minutes after its start bgpd says "restarted" (RFC 4724, 3) to whoever calls, and a BIRD that
# restarts waits for no End-of-RIB of such a neighbor. So a gateway hears the cloud first and then the
# DC, whose End-of-RIB it does wait for: then it takes the kernel's routes over, and has them all.
LAN_DELAY_S = 4
PATHS = 8
# Daemons that only compute routes leave the processor to those that carry packets or say BFD.
BEHIND = ("nice", "-n", "-5")

BIRD_CONFIG = """\
log "{log}" all;
router id {router_id};
graceful restart wait {restart};
debug protocols {{ states }};
protocol device {{ scan time 2; }}
{protocols}
"""

BY_BGP, NETWORKS = "source = RTS_BGP", 'proto = "announced"'

# What a BGP daemon that was killed left in the kernel stays there, and is taken over.
BIRD_KERNEL = """\
protocol kernel {{
    persist;
    graceful restart;
    {merge}
    ipv4 {{ import none; export where {which}; }};
}}
"""

# `direct`: the neighbor is on the link; BGP has TTL 1 where the two are of different ASs.
BIRD_BGP = """\
protocol bgp {name} {{
    local {near} as {near_as};
    neighbor {far} as {far_as};
    direct;
    hold time {hold};
    keepalive time {keepalive};
    connect delay time {delay};
    connect retry time 2;
    error wait time 1, 2;
    graceful restart on;
    graceful restart time {restart};
    {more}
    ipv4 {{ {channel} }};
}}
"""

# Gateways speak as often where nobody has answered yet, so that Espalier hears at once of a tunnel
# that is back.
BFD_TIMES = f"idle tx interval {plan.BFD_MS} ms; min tx interval {plan.BFD_MS} ms; " \
            f"min rx interval {plan.BFD_MS} ms; multiplier {plan.BFD_MULTIPLIER};"


class Bird(Daemon):
    """One BIRD; its protocols by node."""

    name = "bird"
    RECOVERS = '[ ! -S "$1" ]'  # else it starts with -R

    def commands(self):
        """-R after a sudden death, of which its socket's file tells: then the kernel's routes, and
        the neighbors', stay until BGP has said all of them again."""
        yield self.name, ("sh", "-c", f'{self.RECOVERS} || recover=-R; exec {BIRD} -f $recover '
                          f'-c {self.directory}/bird.conf -s "$1"', "sh", self.control)

    @property
    def control(self):
        return f"{self.directory}/bird.ctl"

    def log_files(self):
        return [f"{self.directory}/bird.log", *super().log_files()]

    def write_config(self):
        os.mkdir(self.directory, 0o700)
        write(f"{self.directory}/more.conf", "")
        write(f"{self.directory}/bird.conf", BIRD_CONFIG.format(
            log=self.log, router_id=self.router_id(), restart=RECOVERY_S,
            protocols="\n".join(self.protocols())))

    def serves(self):
        return self.birdc("show", "status", check=False).returncode == 0

    def birdc(self, *words, check=True):
        return run(BIRDC, "-s", self.control, *words, check=check)

    def router_id(self):
        raise NotImplementedError

    def protocols(self):
        raise NotImplementedError


def bird_bgp(name, near, far, channel, more="", delay=1):
    """`near` and `far`: (address, AS). `delay`: in seconds, before it calls."""
    return BIRD_BGP.format(name=name, delay=delay, near=near[0], near_as=near[1],
                           far=far[0], far_as=far[1], hold=HOLD_S, keepalive=KEEPALIVE_S,
                           restart=RESTART_S, more=more, channel=channel)


class GatewayBird(Bird):
    """A data centre's gateway: BGP and BFD in its tunnel, and to the DC's router. The DC's prefixes
    are in its file, as the tutorial has it: a `network` statement and a route for each."""

    def __init__(self, node, build, device):
        """`device`: the tunnel's interface."""
        self.device = device
        super().__init__(node, build)

    @property
    def connection(self):
        return plan.connection_of(self.node)

    def router_id(self):
        return self.connection.peer

    def protocols(self):
        connection = self.connection
        yield BIRD_KERNEL.format(merge="", which=f"{BY_BGP} || {NETWORKS}")
        # A session of its own, so that it is there while BGP waits to try again.
        yield (f'protocol bfd {{ interface "ipsec0", "vpn*" {{ {BFD_TIMES} }};\n'
               f'neighbor {connection.cloud_inside} dev "{self.device}" '
               f"local {connection.peer_inside}; }}")
        networks = " ".join(f"route {prefix} via {connection.dc};" for prefix in plan.DC_PREFIXES)
        yield f"protocol static announced {{ ipv4; {networks} }}"
        yield bird_bgp("cloud", (connection.peer_inside, plan.DC_ASN),
                       (connection.cloud_inside, plan.CLOUD_ASN),
                       f'import all; export where {NETWORKS} || proto = "dc"; next hop self;',
                       "bfd on;")
        yield bird_bgp("dc", (connection.lan, plan.DC_ASN), (connection.dc, plan.DC_ASN),
                       'import all; export where proto = "cloud"; next hop self;', delay=LAN_DELAY_S)


class DcBird(Bird):
    """The DC's router: three gateways, equal paths."""

    precedence = BEHIND

    def router_id(self):
        return plan.CONNECTIONS[0].dc

    def protocols(self):
        yield BIRD_KERNEL.format(merge=f"merge paths on limit {PATHS};", which=BY_BGP)
        yield 'protocol direct clients { ipv4; interface "client*"; }'
        # Prefixes for the long trials: World.add_prefixes() writes that file.
        yield f'protocol static more {{ ipv4;\ninclude "{self.directory}/more.conf";\n}}'
        for connection in plan.CONNECTIONS:
            yield bird_bgp(connection.gateway, (connection.dc, plan.DC_ASN),
                           (connection.lan, plan.DC_ASN),
                           'import all; export where proto = "clients" || proto = "more"; '
                           "next hop self;", "passive;")


class RegionBird(Bird):
    """The transit router of Shanghai: all paths of Hangzhou's, one of them in use."""

    precedence = BEHIND

    def router_id(self):
        return plan.REGION_ADDRESS

    def protocols(self):
        yield BIRD_KERNEL.format(merge="", which=BY_BGP)
        yield 'protocol direct vpc { ipv4; interface "vswitch*"; }'
        yield bird_bgp("hangzhou", (plan.REGION_ADDRESS, plan.CLOUD_ASN),
                       (plan.CLOUD_REGION_ADDRESS, plan.CLOUD_ASN),
                       'import all; export where proto = "vpc"; next hop self; add paths rx;')


class CloudBird(Bird):
    """--bgp bird. BFD is a process of its own, so that it tells of the tunnels' ends and not of
    this daemon's; the cloud itself learns of a dead tunnel from its TUN's carrier. Always with -R: it
    waits for all neighbors, and its first routes have three ways at once."""

    RECOVERS = "false"
    precedence = BEHIND

    def router_id(self):
        return plan.CONNECTIONS[0].cloud

    def protocols(self):
        yield BIRD_KERNEL.format(merge=f"merge paths on limit {PATHS};", which=BY_BGP)
        for connection in plan.CONNECTIONS:
            yield bird_bgp(connection.gateway, (connection.cloud_inside, plan.CLOUD_ASN),
                           (connection.peer_inside, plan.DC_ASN),
                           'import all; export where proto = "shanghai";', "passive;")
        yield bird_bgp("shanghai", (plan.CLOUD_REGION_ADDRESS, plan.CLOUD_ASN),
                       (plan.REGION_ADDRESS, plan.CLOUD_ASN),
                       "import all; next hop self; add paths tx; "
                       'export where proto ~ "gw*" && net ~ 192.168.0.0/16;')


class BfdBird(Bird):
    """The cloud's BFD beside BIRD."""

    name = "bfd"

    def router_id(self):
        return plan.CONNECTIONS[0].cloud

    def protocols(self):
        neighbors = "\n".join(f'neighbor {connection.peer_inside} dev "{connection.tun}" '
                              f"local {connection.cloud_inside};"
                              for connection in plan.CONNECTIONS)
        yield f'protocol bfd {{ interface "vpn*" {{ {BFD_TIMES} }};\n{neighbors} }}'


class FrrDaemon(Daemon):
    """FRR's processes share a directory that their own user owns, as their sockets do."""

    programs = ()

    def __init__(self, node, build, directory):
        self.home = directory
        super().__init__(node, build)

    def commands(self):
        for program, *options in self.programs:
            yield program, (f"{FRR}/{program}", *options, "--vty_socket", self.home,
                            "-z", f"{self.home}/zserv.api", "-i", f"{self.home}/{program}.pid",
                            "-f", f"{self.home}/{program}.conf",
                            "--log", f"file:{self.home}/{program}.log")

    def log_files(self):
        return [f"{self.home}/{name}.log" for name, *_ in self.programs] + super().log_files()

    def write_config(self):
        os.mkdir(self.directory, 0o700)
        if not os.path.exists(self.home):
            os.mkdir(self.home, 0o711)
            shutil.chown(self.home, "frr", "frr")
        for program, *_ in self.programs:
            write(f"{self.home}/{program}.conf", self.config(program), 0o644)

    def config(self, program):
        raise NotImplementedError

    def serves(self):
        return all(self.vtysh(program, "show version", check=False).returncode == 0
                   for program, *_ in self.programs)

    def vtysh(self, program, command, check=True):
        return run(VTYSH, "--vty_socket", self.home, "-d", program, "-c", command, check=check)


# The kernel takes dead members out of a group of next hops (`ip nexthop`) for good; zebra, which
# would use the group again, never hears of it. So routes get next hops of their own.
ZEBRA_CONFIG = """\
hostname cloud
no zebra nexthop kernel enable
no fpm use-next-hop-groups
fpm address 127.0.0.1 port 2620
"""


class Frr(FrrDaemon):
    """zebra, with its FPM client, and bgpd, which hears of its neighbors when it knows the interfaces
    from zebra, and then in one command each: to one who calls before that, as all do whose calls
    nobody took, it would say "finite state machine error" or "other configuration change", and after
    such words a graceful restart is none."""

    name = "frr"
    precedence = BEHIND
    # -K: what an earlier zebra installed stays until BGP had time to say it again.
    programs = (("zebra", "-M", "dplane_fpm_nl", "-K", str(RESTART_S)), ("bgpd",))

    def config(self, program):
        return ZEBRA_CONFIG if program == "zebra" else bgpd_config()

    def serves(self):
        return super().serves() and self.knows_interfaces()

    def knows_interfaces(self):
        said = self.vtysh("zebra", "show zebra client", check=False).stdout
        bgpd = re.search(r"^Client: bgp\b.*?^Intf Addr +(\d+)", said, re.MULTILINE | re.DOTALL)
        return bgpd is not None and int(bgpd[1]) > 0

    def after_start(self):
        neighbors = [(connection.peer_inside, "gateways") for connection in plan.CONNECTIONS]
        neighbors += [(plan.REGION_ADDRESS, "region")]
        words = ("configure terminal", f"router bgp {plan.CLOUD_ASN}",
                 *(f"neighbor {address} peer-group {group}" for address, group in neighbors))
        said = run(VTYSH, "--vty_socket", self.home, "-d", "bgpd",
                   *(part for line in words for part in ("-c", line))).stdout
        if "%" in said:
            raise LabError(f"bgpd: {said.strip()}")


class Bfdd(FrrDaemon):
    """BFD, started apart from the rest of FRR and with sessions of its own: it tells of the
    tunnels, and goes on when BGP restarts."""

    name = "bfd"
    programs = (("bfdd",),)

    def config(self, program):
        peers = "".join(f" peer {connection.peer_inside} local-address {connection.cloud_inside} "
                        f"interface {connection.tun}\n"
                        f"  transmit-interval {plan.BFD_MS}\n  receive-interval {plan.BFD_MS}\n"
                        f"  detect-multiplier {plan.BFD_MULTIPLIER}\n exit\n"
                        for connection in plan.CONNECTIONS)
        return f"hostname cloud\nbfd\n{peers}exit\n"


def bgpd_config():
    """All but the neighbors, of which it has the two kinds. Those of another AS get TTL 1, and nothing
    that was learned from another of them."""
    lines = ["hostname cloud", f"router bgp {plan.CLOUD_ASN}",
             f" bgp router-id {plan.CONNECTIONS[0].cloud}", " no bgp ebgp-requires-policy",
             " bgp graceful-restart", f" bgp graceful-restart restart-time {RESTART_S}",
             " bgp graceful-restart preserve-fw-state",
             # bgpd takes itself for restarted when the neighbors that came back so far have said
             # all, and the others' routes go. So it waits for every neighbor before it decides.
             " bgp graceful-restart select-defer-time 0", f" update-delay {RECOVERY_S}",
             " coalesce-time 0", f" timers bgp {KEEPALIVE_S} {HOLD_S}"]
    for group, asn in (("gateways", plan.DC_ASN), ("region", plan.CLOUD_ASN)):
        # They call: two calls that meet would end one session, and not gracefully.
        lines += [f" neighbor {group} {words}" for words in (
            "peer-group", f"remote-as {asn}", "passive", "timers connect 2",
            "advertisement-interval 0")]
    lines += [" address-family ipv4 unicast", f"  maximum-paths {PATHS}",
              "  neighbor gateways filter-list own out"]
    lines += [f"  neighbor region {words}"
              for words in ("next-hop-self", "addpath-tx-all-paths", "prefix-list dc out")]
    lines += [" exit-address-family", "exit", "bgp as-path access-list own permit ^$",
              "ip prefix-list dc permit 192.168.0.0/16 le 32"]
    return "\n".join(lines) + "\n"


def bird_text(daemon, command):
    done = daemon.birdc(*command.split())
    if "syntax error" in done.stdout:
        raise LabError(f"birdc {command}: {done.stdout.strip()}")
    return done.stdout

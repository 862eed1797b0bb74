# SPDX-License-Identifier: BSD-3-Clause
"""The scenario as it stands: its nodes, its daemons, and what can be done to them.

    world.node("gw2").run("ip", "route")                    a command in a namespace, to its end
    world.espalierctl("show", "routes")                     what the cloud's Espalier says, from JSON
    world.daemon("cloud", "charon").kill()                  "espalier" "charon" "sync" "bgp"
    world.fail("gw2", "blackhole"); world.heal("gw2")

A World is the same whether this process raised it or `lab up` did long ago.
"""



import json
import os
import re
import subprocess
import time

import scenario_network
import scenario_plan as plan
from daemon import read, write
from plan import STATE_DIRECTORY, bare, namespace
from routing import BfdBird, Bfdd, CloudBird, DcBird, Frr, GatewayBird, RegionBird, bird_text
from scenario_charon import EspalierCharon, PeerCharon
from scenario_gateway import EspalierDaemon, ScenarioGateway, SyncDaemon
from shell import LabError, inside, pids_in, run, run_in

STATE = f"{STATE_DIRECTORY}/world.json"
HOWS = ("blackhole", "cease", "link")
MORE_FROM = (20 << 24) >> 8  # 20.0.0.0/24 as a number of /24s


class Node:
    """One namespace."""

    def __init__(self, name):
        self.name = name                         # as in scenario_plan.NODES
        self.address = plan.ADDRESSES.get(name)  # of ecs, ecs2 and the clients: who speaks

    def run(self, *command, timeout=20, check=True, stdin=None):
        """Runs it to its end: subprocess.CompletedProcess with text. LabError where it failed and
        `check`, or took longer."""
        return run_in(self.name, *command, timeout=timeout, check=check, stdin=stdin)

    def start(self, *command, log=None, stdin=None):
        """Starts it in the background: Popen, in a session of its own. Its output goes to the file
        `log`; where there is none, stdout is a pipe to read from."""
        output = open(log, "ab") if log else subprocess.PIPE
        try:
            return subprocess.Popen(inside(self.name, *command), stdout=output,
                                    stdin=subprocess.DEVNULL if stdin is None else stdin,
                                    stderr=subprocess.STDOUT, start_new_session=True)
        finally:
            if log:
                output.close()

    def pids(self):
        """Of the processes in it."""
        return pids_in(namespace(self.name))


class World:
    """All of it. Names, addresses and expectations are in scenario_plan.py."""

    def __init__(self, build, bgp="frr", role="cloud"):
        """`build`: the build directory. `bgp`: "frr" or "bird", who speaks BGP in the cloud;
        `role`: "cloud", or "on-prem" where gw1 is an Espalier too. Raises nothing."""
        self.build, self.bgp, self.role = os.path.abspath(build), bgp, role
        self.nodes = {name: Node(name) for name in plan.nodes_of(role)}
        self.links = {cable.name: cable for cable in scenario_network.cables(role)}
        self.gateways = {node: ScenarioGateway(node, wires, links, self.build)
                         for node, wires, links in plan.espaliers(role)}
        self.by_place = {(daemon.node, daemon.name): daemon for daemon in self.make_daemons()}

    @classmethod
    def standing(cls, build):
        """The one that `lab up` raised."""
        state = json.loads(read(STATE) or "{}")
        if not state:
            raise LabError("the scenario is not up: lab up raises it")
        return cls(build, state["bgp"], state["role"])

    def make_daemons(self):
        """In the order of their start."""
        for node, gateway in self.gateways.items():
            yield EspalierDaemon(node, self.build, gateway)
        for node in plan.PEERS:
            if node not in self.gateways:
                yield PeerCharon(node, self.build)
            else:
                yield EspalierCharon(node, self.build, self.gateways[node])
        cloud = self.gateways[plan.CLOUD]
        yield EspalierCharon(plan.CLOUD, self.build, cloud)
        for node, gateway in self.gateways.items():
            yield SyncDaemon(node, self.build, gateway, node == plan.CLOUD and self.bgp == "frr")
        yield DcBird(plan.DC, self.build)
        yield RegionBird(plan.REGION, self.build)
        for node in plan.PEERS:
            yield GatewayBird(node, self.build, plan.connection_of(node).tun
                              if node in self.gateways else "ipsec0")
        if self.bgp == "frr":
            home = f"{STATE_DIRECTORY}/frr"
            yield Bfdd(plan.CLOUD, self.build, home)
            yield Frr(plan.CLOUD, self.build, home)
        else:
            yield BfdBird(plan.CLOUD, self.build)
            yield CloudBird(plan.CLOUD, self.build)

    # --- raising

    def create(self):
        """Namespaces, cables and files; nothing runs yet."""
        os.chmod(STATE_DIRECTORY, 0o711)  # FRR's user has a directory in it
        scenario_network.create(self.role)
        for daemon in self.daemons():
            daemon.write_config()
        self.save({})

    def start(self):
        """All daemons, each group when the one before serves."""
        started = []
        for daemon in self.daemons():
            if started and started[-1].name != daemon.name:
                for one in started:
                    one.wait_ready()
                started = []
            daemon.start()
            started.append(daemon)
        for one in started:
            one.wait_ready()

    def save(self, failed):
        write(STATE, json.dumps({"bgp": self.bgp, "role": self.role, "failed": failed}))

    # --- what is in it

    def node(self, name):
        """The Node. KeyError where there is none."""
        return self.nodes[name]

    def daemon(self, node, name):
        """The Daemon. In cloud: "espalier", "charon", "sync", "bgp" (by its own name "frr" or
        "bird") and "bfd". In gw1..3: "charon", "bird". In tr-shanghai and dc: "bird"."""
        return self.by_place[node, self.bgp if (node, name) == (plan.CLOUD, "bgp") else name]

    def daemons(self, node=None):
        """All of them, or those of a node, in the order of their start."""
        return [daemon for daemon in self.by_place.values() if node in (None, daemon.node)]

    def espalierctl(self, *words, gateway="cloud"):
        """The answer of `espalierctl -j WORDS...`, taken out of its JSON."""
        return json.loads(self.gateways[gateway].ctl("-j", *words).stdout)

    def vtysh(self, command, program="bgpd"):
        """What the cloud's FRR answers; from JSON where the command ends in "json"."""
        daemon = self.daemon(plan.CLOUD, "bfd" if program == "bfdd" else "frr")
        said = daemon.vtysh(program, command).stdout
        return json.loads(said) if command.endswith("json") else said

    def birdc(self, node, command):
        """What a node's BIRD answers, as text."""
        return bird_text(self.daemon(node, "bird"), command)

    def swanctl(self, node, *words):
        """What a node's charon answers, as text: swanctl("gw1", "--list-sas", "--raw")."""
        return self.daemon(node, "charon").swanctl(*words).stdout

    # --- is it all there

    def missing(self):
        """What is not yet as it must be, in words, empty where all is up: daemons, tunnels, BFD,
        and the routes that BGP brought to Espalier, tr-shanghai, the gateways and dc."""
        alive = [connection for connection in plan.CONNECTIONS
                 if connection.gateway not in self.failed()]
        return [*self.missing_daemons(), *self.missing_tunnels(alive), *self.missing_bfd(alive),
                *self.missing_in_espalier(alive), *self.missing_in_kernels(alive)]

    def missing_daemons(self):
        return [f"{daemon.name} of {daemon.node} does not run" for daemon in self.daemons()
                if not daemon.running()]

    def missing_tunnels(self, alive):
        states = {row["name"]: row["state"] for row in self.espalierctl("show", "tunnels")}
        return [f"{connection.name} is {states[connection.name]}" for connection in alive
                if states[connection.name] != "up"]

    def missing_bfd(self, alive):
        return [f"BFD of {connection.gateway} is not up" for connection in alive
                if not re.search(rf"^{re.escape(connection.cloud_inside)} .* Up ",
                                 self.birdc(connection.gateway, "show bfd sessions"), re.MULTILINE)]

    def missing_in_espalier(self, alive):
        wanted = {prefix: {connection.tun for connection in alive} for prefix in plan.DC_PREFIXES}
        wanted |= {prefix: {plan.REGION_ADDRESS} for prefix in plan.VPC_PREFIXES}
        return missing_ways("Espalier", wanted, self.ways_of_espalier(wanted))

    def ways_of_espalier(self, prefixes):
        """ways_to(), as the cloud's Espalier has them."""
        return ways_to(plan.CLOUD, prefixes, *self.daemon(plan.CLOUD, "charon").carrier(),
                       "--family", "route")

    def missing_in_kernels(self, alive):
        lan = {connection.lan for connection in alive}
        wanted = {plan.DC: {prefix: lan for prefix in plan.VPC_PREFIXES},
                  plan.REGION: {prefix: {plan.CLOUD_REGION_ADDRESS} for prefix in plan.DC_PREFIXES}}
        for connection in alive:
            wanted[connection.gateway] = {
                **{prefix: {connection.cloud_inside} for prefix in plan.VPC_PREFIXES},
                **{prefix: {connection.dc} for prefix in plan.DC_PREFIXES}}
        return [words for node, ways in wanted.items()
                for words in missing_ways(node, ways, ways_to(node, ways))]

    def wait_converged(self, timeout=30):
        """Until missing() is empty; returns how long it took, LabError with the rest."""
        began = time.monotonic()
        while missing := self.missing():
            if time.monotonic() - began > timeout:
                raise LabError(f"after {timeout} s still: {'; '.join(missing)}")
            time.sleep(0.1)
        return time.monotonic() - began

    # --- breaking and mending

    def fail(self, gateway, how="blackhole"):
        """Breaks a gateway; returns time.monotonic() of the moment before. "blackhole": the
        Internet drops all from and to it in silence. "cease": its BGP session in the tunnel is shut down in
        words. "link": the cable of its Internet side loses its carrier."""
        failed = self.failed()
        if gateway in failed:
            raise LabError(f"{gateway} is broken already ({failed[gateway]}): lab heal {gateway}")
        self.save(failed | {gateway: how})
        began = time.monotonic()
        if how == "blackhole":
            scenario_network.break_address(plan.connection_of(gateway).peer)
        elif how == "cease":
            self.birdc(gateway, "disable cloud")
        elif how == "link":
            scenario_network.set_cable(gateway, "down")
        else:
            raise ValueError(how)
        return began

    def heal(self, gateway):
        """Undoes whatever fail() did; the same return."""
        failed = self.failed()
        how = failed.pop(gateway, None)
        self.save(failed)
        began = time.monotonic()
        if how == "blackhole":
            scenario_network.mend_address(plan.connection_of(gateway).peer)
        elif how == "cease":
            self.birdc(gateway, "enable cloud")
        elif how == "link":
            scenario_network.set_cable(gateway, "up")
        return began

    def failed(self):
        """{gateway: how} of those that are broken now."""
        return json.loads(read(STATE) or "{}").get("failed", {})

    def add_prefixes(self, count):
        """The DC announces that many /24s more through all three gateways, out of 20.0.0.0/8 and
        up: to be seen in Espalier after a while. 0 takes them back."""
        text = "".join(f"route {prefix} blackhole;\n" for prefix in more_prefixes(count))
        daemon = self.daemon(plan.DC, "bird")
        write(f"{daemon.directory}/more.conf", text)
        said = self.birdc(plan.DC, "configure")
        if "Reconfigur" not in said:
            raise LabError(f"birdc configure: {said.strip()}")

    # --- trying it

    def trial(self, report, scratch, everything=False):
        """What the report claims of it. `everything`: the long ones too (--all)."""
        from scenario_trial import ScenarioTrial
        ScenarioTrial(self, report, scratch, everything).run()


def more_prefixes(count):
    """Those of World.add_prefixes()."""
    for number in range(MORE_FROM, MORE_FROM + count):
        yield f"{number >> 16}.{number >> 8 & 255}.{number & 255}.0/24"


def ways_to(node, prefixes, *carrier):
    """{prefix: gateways} of those prefixes, as the kernel of a node has them; a way without gateway is
    its interface. Asked for one by one: there may be 200,000 more. With `carrier`, espalier-run, it
    is an Espalier that answers."""
    asked = "".join(f"route get fibmatch {bare(prefix)}\n" for prefix in prefixes)
    said = run_in(node, *carrier, "ip", "-j", "-force", "-batch", "-", stdin=asked, check=False)
    rows = [row for line in said.stdout.splitlines() if line.strip() for row in json.loads(line)]
    return {row["dst"]: {hop.get("gateway", hop.get("dev")) for hop in row.get("nexthops", [row])}
            for row in rows}


def missing_ways(who, wanted, found):
    """In words, what it lacks of {prefix: ways}."""
    return [f"{who} has {prefix} by {', '.join(sorted(found.get(prefix, ()))) or 'no way'}"
            for prefix, ways in wanted.items() if not ways <= found.get(prefix, set())]

# SPDX-License-Identifier: BSD-3-Clause
"""The third scene: the tutorial as a whole."""

import os

import scenario_plan as plan
from daemon import write
from plan import STATE_DIRECTORY
from routing import BIRDC, VTYSH
from stage import Stage
from world import World

# Exit statuses that a SIGTERM may lead to; FRR's daemons say 0, a shell says 143.
CLEAN = (0, None)


class ScenarioScene(Stage):
    name = "scenario"
    title = "three IKE tunnels to independent peers, BGP in each, ECMP by itself"
    drawing = plan.DRAWING

    def __init__(self, options, report):
        self.world = World(options.build, options.bgp, options.role)
        self.everything = options.all
        super().__init__(list(self.world.gateways.values()), report)

    @classmethod
    def standing(cls, options, report):
        """The one that `lab up` raised, as it was raised."""
        world = World.standing(options.build)
        options.bgp, options.role = world.bgp, world.role
        return cls(options, report)

    def raise_up(self):
        self.report.progress("namespaces and cables")
        self.sweep()
        self.world.create()
        self.write_tools()
        self.report.progress(f"Espalier, strongSwan, {self.world.bgp.upper()}, BIRD")
        self.world.start()
        self.check_configs()

    def check_configs(self):
        for gateway in self.gateways:
            status, words = gateway.check()
            self.report.claim(f"espalierctl check finds {gateway.name}'s file good",
                              words if status else "exit status 0", "exit status 0", status == 0)

    def measure(self, scratch):
        self.world.trial(self.report, scratch, self.everything)

    def stop_daemons(self):
        """In the reverse of their order; Espalier is stopped by the Stage."""
        for daemon in reversed(self.world.daemons()):
            if daemon.name != "espalier" and os.path.exists(daemon.directory):
                status = daemon.stop(self.report.progress)
                if status not in CLEAN:
                    self.report.claim(f"{daemon.name} of {daemon.node} stops cleanly",
                                      f"exit status {status}", "exit status 0", False)

    def logs(self):
        return {f"{daemon.name} of {daemon.node}": daemon.log_text()
                for daemon in self.world.daemons()}

    def hints(self):
        return ["lab exec cloud espalierctl show tunnels", "lab exec cloud ip route",
                "lab exec gw2 birdc show protocols", "lab fail gw2; lab heal gw2"]

    # --- for lab exec

    def write_tools(self):
        """Programs that find their daemon by themselves, node by node, for the PATH."""
        for node in plan.nodes_of(self.world.role):
            directory = tools_directory(node)
            os.mkdir(directory, 0o755)
            for name, command in self.tools(node):
                write(f"{directory}/{name}", f'#!/bin/sh\nexec {" ".join(command)} "$@"\n', 0o755)

    def tools(self, node):
        daemons = {daemon.name: daemon for daemon in self.world.daemons(node)}
        if gateway := self.world.gateways.get(node):
            yield "espalierctl", gateway.ctl_command()
            for name in ("espalier-run", "espalier-sync"):
                yield name, (f"{gateway.build}/app/{name}/{name}", "-s", gateway.socket)
        if charon := daemons.get("charon"):
            yield "swanctl", ("env", *charon.environment(), f"{charon.directory}/swanctl")
        if bird := daemons.get("bird"):
            yield "birdc", (BIRDC, "-s", bird.control)
        if frr := daemons.get("frr"):
            yield "vtysh", (VTYSH, "--vty_socket", frr.home)


def tools_directory(node):
    return f"{STATE_DIRECTORY}/bin-{node}"

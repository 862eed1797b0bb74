# SPDX-License-Identifier: BSD-3-Clause
"""Espalier in the scenario, and espalier-sync beside it."""

import os

import scenario_plan as plan
from daemon import Daemon
from gateway import Gateway, cpus
from network import batch
from plan import bare, namespace
from shell import run_in


class ScenarioGateway(Gateway):
    """Espalier with kernel interfaces, and nothing in its file that IKE or BGP would bring."""

    def __init__(self, node, wires, links, build):
        super().__init__(node, build, node=wires, links=list(links))
        self.connections = [connection for connection in plan.CONNECTIONS
                            if node in (plan.CLOUD, connection.gateway)]

    def settings(self):
        return {"name": plan.ESPALIER_NAMES[self.name], "control_socket": self.socket,
                "hash_seed": 1, "kernel_netns": namespace(self.name),
                "max_routes": plan.MAX_ROUTES}

    def ports(self):
        for row, link in zip(super().ports(), self.links):
            yield row | dict(name=plan.PORT_NAMES[link.port], interface=link.port)

    def tunnels(self):
        for connection in self.connections:
            near, far = (connection.cloud, connection.peer) if self.name == plan.CLOUD \
                else (connection.peer, connection.cloud)
            yield dict(name=connection.name, if_id=connection.number, local=near, remote=far,
                       addresses=[connection.tunnel.inside_end(self.name)],
                       liveness_ms=self.liveness_ms(), interface=connection.tun)

    def liveness_ms(self):
        """The cloud has groups to take a dead tunnel out of. A gateway with one tunnel has none, and
        BFD, which the cloud's sends once a second until it is answered, to tell its BGP."""
        return plan.LIVENESS_MS if self.name == plan.CLOUD else 0

    def routes(self):
        """The way of ESP, and no other."""
        yield dict(prefix="0.0.0.0/0", nexthops=[dict(port=plan.PORT_NAMES[plan.WAN_PORT],
                                                      gateway=self.default_gateway())])

    def neighbors(self):
        return ()

    def associations(self, _):
        return ()

    def options(self):
        return []

    def cpu(self):
        return cpus()["cloud" if self.name == plan.CLOUD else "onprem"]

    def default_gateway(self):
        return bare(self.wan().node_addresses[0])


class EspalierDaemon(Daemon):
    """The Gateway, as a Daemon."""

    name = "espalier"

    def __init__(self, node, build, gateway):
        self.gateway = gateway
        super().__init__(node, build)

    def commands(self):
        return ()

    def write_config(self):
        self.gateway.write_config(None)

    def log_files(self):
        return [self.gateway.log]

    def start(self):
        for stale in (self.gateway.status_file, self.gateway.pid_file, self.gateway.log):
            if os.path.exists(stale):
                os.rename(stale, f"{stale}.before")
        self.gateway.start()

    def ready(self):
        return self.gateway.ready()

    def after_start(self):
        """The kernel's own default route, for IKE. It stays when Espalier goes, as its TAPs do."""
        batch(namespace(self.node),
              f"route replace default via {self.gateway.default_gateway()} dev {plan.WAN_PORT} "
              "proto static")

    def end(self, number, tell=None):
        if not self.running():
            return None
        self.gateway.end(number)
        return self.gateway.status()

    def ended(self):
        return self.gateway.status() is not None

    def running(self):
        return self.gateway.pid() is not None

    def pids(self):
        return [pid for pid in (self.gateway.pid(),) if pid]


class SyncDaemon(Daemon):
    """espalier-sync: the kernel's routes, and FRR's by FPM."""

    name = "sync"

    def __init__(self, node, build, gateway, fpm):
        self.gateway, self.fpm = gateway, fpm
        self.said = 0  # what the log held when it was started last
        super().__init__(node, build)

    def commands(self):
        options = ("--fpm", "127.0.0.1:2620") if self.fpm else ()
        yield "sync", (*self.program(), *options)

    def program(self):
        return f"{self.build}/app/espalier-sync/espalier-sync", "-s", self.gateway.socket

    def compare(self):
        """Whether the kernel and Espalier have the same: status and words of --compare."""
        return run_in(self.node, *self.program(), "--compare", check=False)

    def write_config(self):
        os.mkdir(self.directory, 0o700)

    def start(self):
        self.said = len(self.log_text())
        super().start()

    def serves(self):
        return "espalier-sync: in step" in self.log_text()[self.said:]

# SPDX-License-Identifier: BSD-3-Clause
"""Espalier under measurement: its configuration file, its start, what it says of itself."""

import json
import pathlib
import subprocess

import control
import scenario
from process import Failure
from scenario import INBOUND, LAN, OUTBOUND, WAN, Task, Tunnel
from systems import Bench, System

NAMES = {LAN: "lan0", WAN: "wan0"}


class Espalier(System):
    version = {}  # what it says of itself and its libraries, once it has run

    def __init__(self, bench: Bench, name: str, task: Task, build: pathlib.Path | None = None):
        """`build`: another build directory than the bench's."""
        super().__init__(bench, name, task)
        self.build = build or bench.build
        self.socket = bench.directory / f"{name}.sock"
        # Room for what is in the file, and for what comes by the control socket.
        self.routes_max = 4096 + task.routes_n + len(self.routes())
        self.tbl8_max = 4096 + task.routes_n // 100

    @property
    def memory_mb(self):
        # The look-up tables, by lib/tables/route.h; two SAs to a tunnel, and groups of tunnels.
        # Routes and tunnels themselves are in ordinary memory.
        tables = 144 + self.tbl8_max // 512
        return super().memory_mb + tables + self.task.tunnels_n // 100

    def command(self):
        config = self.bench.directory / f"{self.name}.conf"
        config.touch(0o600)  # it holds keys
        config.write_text(self.config())
        return [
            self.build / "app/espalier/espalier", *self.eal(), "--", "-f", config,
            "--no-kernel-interfaces", "--mbufs", self.buffers, "--start-held",
        ]

    def ctl(self, *words) -> subprocess.CompletedProcess:
        ctl = self.build / "app/espalierctl/espalierctl"
        return subprocess.run(
            [ctl, "-s", self.socket, *words], capture_output=True, text=True, timeout=20)

    def show(self, subject: str):
        answer = self.ctl("-j", "show", subject)
        if answer.returncode != 0:
            raise Failure(f"espalierctl show {subject}: {answer.stderr.strip()}")
        return json.loads(answer.stdout)

    def go(self):
        self.process.wait_until("answering", lambda: self.ctl("show", "version").returncode == 0)
        if self.task.internet:
            messages = control.new_routes(self.task.far_prefixes(), self.task.group(0))
            with control.Client(self.socket, control.FAMILY_ROUTE) as client:
                client.pour(control.datagrams(messages, control.FAMILY_ROUTE))
        self.process.wait_until("resumed", lambda: self.ctl("resume").returncode == 0)
        type(self).version = self.show("version")

    def started(self):
        """A few tunnels may be missed by the hash where each has a handful of flows."""
        ways = {"tx": OUTBOUND, "rx": INBOUND}
        wanted = [way for way, one in ways.items()
                  if set(one.ways) <= set(self.task.direction.ways)]

        def used() -> bool:
            tunnels = self.show("tunnels")
            idle = [one for one in tunnels if not all(one[way]["packets"] for way in wanted)]
            return len(idle) <= len(tunnels) // 50

        self.process.wait_until("using all its tunnels", used)

    def check(self):
        lost = {row["reason"]: row["packets"] for row in self.show("drops") if row["packets"]}
        if lost:
            raise Failure(f"{self.name} drops packets: {lost}")

    def routes(self) -> list[str]:
        """Of the configuration file: outbound, inbound, and one to the tunnels' far ends."""
        task = self.task
        routes = []
        if OUTBOUND.ways[0] in task.direction.ways and not task.internet:
            routes += [route(prefix, through(task.group(n)))
                       for n, prefix in enumerate(task.far_prefixes())]
        if INBOUND.ways[0] in task.direction.ways:
            routes += [route(prefix, gateway(LAN)) for prefix in task.near_prefixes()]
        return [*routes, route("0.0.0.0/0", gateway(WAN))]

    def config(self) -> str:
        return "\n".join([
            'gateway: {',
            '  name = "bench"; hash_seed = 1;',
            f'  control_socket = "{self.socket}";',
            f'  max_routes = {self.routes_max}; max_tbl8 = {self.tbl8_max};',
            '};',
            listing("ports", [
                f'{{ name = "{name}"; device = "{self.device}{port}"; mtu = 1500;'
                f' addresses = ["{scenario.PORT_ADDRESS[port]}/24"]; }}'
                for port, name in NAMES.items()
            ]),
            listing("tunnels", [
                f'{{ name = "{tunnel.name}"; if_id = {tunnel.if_id}; local = "{tunnel.local}";'
                f' remote = "{tunnel.remote}"; }}'
                for tunnel in self.task.tunnels
            ]),
            listing("routes", self.routes()),
            listing("neighbors", [
                f'{{ port = "{name}"; address = "{scenario.NEXT_ADDRESS[port]}";'
                f' mac = "{scenario.NEXT_MAC[port].hex(":")}"; }}'
                for port, name in NAMES.items()
            ]),
            listing("security_associations", [
                security_association(self.task, tunnel, way)
                for tunnel in self.task.tunnels for way in ("out", "in")
            ]),
        ])


def listing(name: str, rows: list[str]) -> str:
    return f"{name}: (\n  " + ",\n  ".join(rows) + "\n);"


def route(prefix, nexthops: str) -> str:
    return f'{{ prefix = "{prefix}"; nexthops = ( {nexthops} ); }}'


def through(tunnels: list[Tunnel]) -> str:
    return ", ".join(f'{{ tunnel = "{tunnel.name}"; }}' for tunnel in tunnels)


def gateway(port: int) -> str:
    return f'{{ port = "{NAMES[port]}"; gateway = "{scenario.NEXT_ADDRESS[port]}"; }}'


def security_association(task: Task, tunnel: Tunnel, way: str) -> str:
    suite = task.suite
    text = (
        f'{{ tunnel = "{tunnel.name}"; direction = "{way}";'
        f' spi = {tunnel.spi_out if way == "out" else tunnel.spi_in:#x};'
        f' encryption = "{suite.encryption}"; encryption_key = "{suite.encryption_key.hex()}";')
    if suite.authentication:
        text += (f' authentication = "{suite.authentication}";'
                 f' authentication_key = "{suite.authentication_key.hex()}";')
    if way == "in":
        text += f" replay_window = {task.replay_window};"
    return text + " }"

# SPDX-License-Identifier: BSD-3-Clause
"""The systems that forward packets: how each is configured, started and checked.

A system is started once for a direction and a size, over the same two devices with the same file.
"""

import dataclasses
import json
import pathlib
import subprocess

import scenario
import traffic
from process import Cpus, Failure, Process
from scenario import Direction, LAN, WAN


@dataclasses.dataclass(frozen=True)
class Bench:
    """Where and on what everything runs."""

    directory: pathlib.Path  # for files that live as long as the run; short: sockets lie there
    build: pathlib.Path  # of what is measured, and of espalier-limit
    cpus: Cpus
    hugepages: bool

    def packets(self, direction: Direction, size: scenario.Size) -> pathlib.Path:
        """The pcap file of a direction and size, made when it is first asked for."""
        path = self.directory / f"{direction.name}-{size.name}.pcap"
        if not path.exists():
            traffic.write_pcap(path, traffic.frames(direction, size))
        return path

    def silence(self) -> pathlib.Path:
        """A file without packets: what the other port, which only sends, receives."""
        path = self.directory / "silence.pcap"
        if not path.exists():
            traffic.write_pcap(path, [])
        return path

    def eal(self, name: str, direction: Direction, packets: pathlib.Path, lcores: str) -> list:
        """EAL options: memory, CPUs, and the two devices with the packets at the source port."""
        memory = ["--in-memory", "-m", 512] if self.hugepages else [
            "--no-huge", "--no-shconf", "-m", 1024]
        received = {direction.source: f"{packets},infinite_rx=1", direction.sink: self.silence()}
        devices = []
        for port in (LAN, WAN):
            devices += ["--vdev", f"net_pcap{port},rx_pcap={received[port]}"]
        return [*memory, "--no-pci", "--file-prefix", name, "--lcores", lcores, *devices]

    def two_lcores(self) -> str:
        return f"0@{self.cpus.main},1@{self.cpus.worker}"


class System:
    """Base of all: a process that forwards from a direction's source port to its sink."""

    name: str
    gateway = True  # sends ESP for what is plain, and the reverse
    optional = False  # its failure ends the run

    def __init__(self, bench: Bench):
        self.bench = bench
        self.process = None

    def start(self, direction: Direction, size: scenario.Size) -> None:
        """Returns when packets flow."""
        packets = self.bench.packets(direction, size)
        command = self.command(direction, packets)
        self.process = Process(self.name, command, self.bench.directory, self.bench.cpus)
        self.process.wait_until("reachable by telemetry", self.process.connect)
        self.go()
        self.process.wait_until(
            "sending", lambda: self.process.statistics(direction.sink)["opackets"] > 0)

    def stop(self) -> None:
        if self.process:
            self.process.stop()
            self.process = None

    def command(self, direction: Direction, packets: pathlib.Path) -> list:
        raise NotImplementedError

    def go(self) -> None:
        """Lets a process go that starts held."""

    def check(self, direction: Direction) -> None:
        """Fails unless the system itself says that it lost nothing. It is running."""


class Macswap(System):
    """testpmd that swaps MAC addresses: what rx, tx and the devices cost alone."""

    name = "testpmd"
    gateway = False
    burst = 64

    def command(self, direction, packets):
        return [
            "dpdk-testpmd",
            *self.bench.eal(self.name, direction, packets, self.bench.two_lcores()),
            "--", "--forward-mode=macswap", f"--burst={self.burst}", "--nb-cores=1",
            f"--total-num-mbufs={scenario.BUFFERS}", "--no-mlockall",
        ]


class Espalier(System):
    name = "espalier"

    def __init__(self, bench: Bench, build: pathlib.Path, name: str = name):
        super().__init__(bench)
        self.name = name
        self.build = build
        self.socket = bench.directory / f"{name}.sock"
        self.version = {}  # what it says of itself and its libraries, once it has run

    def command(self, direction, packets):
        config = self.bench.directory / f"{self.name}-{direction.name}.conf"
        config.touch(0o600)  # it holds keys
        config.write_text(self.config(direction))
        return [
            self.build / "app/espalier/espalier",
            *self.bench.eal(self.name, direction, packets, self.bench.two_lcores()),
            "--", "-f", config, "--no-kernel-interfaces", "--mbufs", scenario.BUFFERS,
            "--start-held",
        ]

    def ctl(self, *words) -> subprocess.CompletedProcess:
        ctl = self.build / "app/espalierctl/espalierctl"
        return subprocess.run(
            [ctl, "-s", self.socket, *words], capture_output=True, text=True, timeout=10)

    def show(self, subject: str):
        answer = self.ctl("-j", "show", subject)
        if answer.returncode != 0:
            raise Failure(f"espalierctl show {subject}: {answer.stderr.strip()}")
        return json.loads(answer.stdout)

    def go(self):
        self.process.wait_until("resumed", lambda: self.ctl("resume").returncode == 0)
        self.version = self.show("version")

    def check(self, direction):
        lost = {row["reason"]: row["packets"] for row in self.show("drops") if row["packets"]}
        if lost:
            raise Failure(f"{self.name} drops packets: {lost}")
        way = "tx" if direction is scenario.OUTBOUND else "rx"
        carried = {tunnel["name"]: tunnel[way]["packets"] for tunnel in self.show("tunnels")}
        if not all(carried.get(tunnel.name) for tunnel in scenario.TUNNELS):
            raise Failure(f"{self.name} does not use all tunnels: {carried}")

    def config(self, direction: Direction) -> str:
        outbound = direction is scenario.OUTBOUND
        tunnels = ", ".join(f'{{ tunnel = "{tunnel.name}"; }}' for tunnel in scenario.TUNNELS)
        lan = f'{{ port = "lan0"; gateway = "{scenario.NEXT_ADDRESS[LAN]}"; }}'
        nexthops = tunnels if outbound else lan
        prefix = scenario.far_prefix if outbound else scenario.near_prefix
        routes = [
            f'{{ prefix = "{prefix(n)}"; nexthops = ( {nexthops} ); }}'
            for n in range(scenario.ROUTES)
        ]
        routes.append(
            '{ prefix = "0.0.0.0/0"; nexthops = '
            f'( {{ port = "wan0"; gateway = "{scenario.NEXT_ADDRESS[WAN]}"; }} ); }}')
        return "\n".join([
            'gateway: {',
            '  name = "bench"; hash_seed = 1;',
            f'  control_socket = "{self.socket}";',
            '};',
            listing("ports", [
                f'{{ name = "{name}"; device = "net_pcap{port}"; mtu = 1500;'
                f' addresses = ["{scenario.PORT_ADDRESS[port]}/24"]; }}'
                for port, name in ((LAN, "lan0"), (WAN, "wan0"))
            ]),
            listing("tunnels", [
                f'{{ name = "{tunnel.name}"; if_id = {tunnel.if_id}; local = "{tunnel.local}";'
                f' remote = "{tunnel.remote}"; }}'
                for tunnel in scenario.TUNNELS
            ]),
            listing("routes", routes),
            listing("neighbors", [
                f'{{ port = "{name}"; address = "{scenario.NEXT_ADDRESS[port]}";'
                f' mac = "{scenario.NEXT_MAC[port].hex(":")}"; }}'
                for port, name in ((LAN, "lan0"), (WAN, "wan0"))
            ]),
            listing("security_associations", [
                security_association(tunnel, way)
                for tunnel in scenario.TUNNELS for way in ("out", "in")
            ]),
        ])


def listing(name: str, rows: list[str]) -> str:
    return f"{name}: (\n  " + ",\n  ".join(rows) + "\n);"


def security_association(tunnel: scenario.Tunnel, way: str) -> str:
    # The replayed file repeats its sequence numbers, so nothing may be late or a duplicate.
    window = "replay_window = 0; " if way == "in" else ""
    return (
        f'{{ tunnel = "{tunnel.name}"; direction = "{way}";'
        f' spi = {tunnel.spi_out if way == "out" else tunnel.spi_in:#x}; {window}'
        f'encryption = "aes128-cbc"; encryption_key = "{scenario.ENCRYPTION_KEY.hex()}";'
        ' authentication = "hmac-sha1-96";'
        f' authentication_key = "{scenario.AUTHENTICATION_KEY.hex()}"; }}'
    )

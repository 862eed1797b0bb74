# SPDX-License-Identifier: BSD-3-Clause
"""Runs the real `espalier-gen`, opposite a gateway on memif sockets or between capture files."""
import json
import os
import signal
import subprocess
from dataclasses import dataclass, field

import capture
from gateway import BUILD, ESPALIER, PATIENCE, PORTS, Gateway, environment, lcores, write_config

GENERATOR = BUILD / "app/espalier-gen/espalier-gen"
GATEWAY_MAC = "02:00:00:00:00:01"
RING_BITS = 13  # more slots than a test sends packets: no scheduler can make it lose any


def memif(directory, port, role):
    return f"net_memif{port},role={role},socket={directory}/memif{port}.sock," \
           f"socket-abstract=no,rsize={RING_BITS}"


class MemifGateway(Gateway):
    """An `espalier` whose ports are memif sockets, for a generator to connect to."""

    def __init__(self, directory, config, **arguments):
        for port in range(2):
            config["ports"][port]["device"] = f"net_memif{port}"
        super().__init__(directory, config, **arguments)

    def inputs(self, port, frames):
        pass

    def command(self):
        devices = [word for port in range(2)
                   for word in ("--vdev", memif(self.directory, port, "server"))]
        return [str(ESPALIER), "--no-huge", "--no-shconf", "-m", "256", "--no-pci",
                "--no-telemetry", "--lcores", lcores(self.workers),
                "--file-prefix", f"espalier-test-{os.getpid()}", *devices, *self.eal, "--",
                "-f", str(self.config_file), "--no-kernel-interfaces", *self.options]

    def stop(self):
        drops = self.drops()
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(20 * PATIENCE) == 0, self.output()
        return drops


@dataclass
class Verdict:
    """What a generator said at its end."""

    status: int
    report: dict = field(repr=False)
    errors: str = ""
    text: str = ""

    @property
    def why(self):
        return self.errors + json.dumps(self.report, indent=1)

    @property
    def faults(self):
        return {name: count for name, count in self.report["faults"].items() if count}


def run_generator(directory, config_file, devices, *options, workers=1, timeout=60,
                  stdout=subprocess.PIPE, as_json=True):
    """Runs it to its end. `devices`: an EAL argument for each port."""
    vdevs = [word for device in devices for word in ("--vdev", device)]
    done = subprocess.run(
        [str(GENERATOR), "--no-huge", "--no-shconf", "-m", "256", "--no-pci", "--no-telemetry",
         "--lcores", lcores(workers), "--file-prefix", f"espalier-gen-test-{os.getpid()}", *vdevs,
         "--", "-f", str(config_file), *(["-j"] if as_json else []), *map(str, options)],
        stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE, text=True,
        timeout=timeout * PATIENCE, env=environment(directory), check=False)
    assert "runtime error:" not in done.stderr, done.stderr
    said = done.stdout or ""  # None where it went elsewhere
    try:
        report = json.loads(said[said.index("{"):])
    except ValueError:
        report = None
    return Verdict(done.returncode, report, done.stderr, said)


class Files:
    """A generator between capture files: what it sends can be read, what it receives be made."""

    def __init__(self, directory, config):
        self.directory = directory
        self.config_file = directory / "gateway.conf"
        write_config(self.config_file, config)

    def hear(self, *options, lan=(), wan=(), **arguments):
        """The verdict, once these frames have come in by the port opposite lan0 and wan0."""
        devices = []
        for port, frames in enumerate((lan, wan)):
            capture.write(self.directory / f"rx{port}.pcap", frames)
            devices.append(f"net_pcap{port},rx_pcap={self.directory}/rx{port}.pcap,"
                           f"tx_pcap={self.directory}/tx{port}.pcap")
        return run_generator(self.directory, self.config_file, devices, "--warm-up", 0,
                             "--drain", 0.2, *options, **arguments)

    def run(self, *options, **arguments):
        """The same, with the gateway's MACs known."""
        return self.hear("--gateway-mac", GATEWAY_MAC, *options, **arguments)

    def sent(self, port):
        """The packets, without Ethernet, that it sent towards a port of the gateway."""
        return [frame[14:] for frame in
                capture.read(self.directory / f"tx{PORTS.index(port)}.pcap")]

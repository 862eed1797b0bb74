# SPDX-License-Identifier: BSD-3-Clause
"""One Espalier of the lab: its configuration file, its process, its counters."""

import json
import os
import re
import secrets
import signal

from plan import (GATEWAY_NAMES, STATE_DIRECTORY, SUITE, TUNNELS, bare, links_of, namespace, peer,
                  prefixes)
from shell import LabError, pids_in, run, send, start_in, wait_for

READY_S = 30
STOP_S = 10


def cpus():
    """The CPU of each gateway; the same one where there is only one."""
    usable = sorted(os.sched_getaffinity(0))
    return {"cloud": usable[0], "onprem": usable[-1]}


def make_keys():
    """Fresh keys for each (sender, tunnel number)."""
    _, cipher_bytes, _, hash_bytes = SUITE
    return {(sender, tunnel.number):
            (secrets.token_hex(cipher_bytes), secrets.token_hex(hash_bytes))
            for sender in GATEWAY_NAMES for tunnel in TUNNELS}


class Gateway:
    def __init__(self, name, build, node=None, links=None):
        """`node`: the namespace it runs in, where its ports are; its own name's unless told."""
        self.name = name
        self.node = node or name
        self.links = links or links_of(name)
        self.build = build
        self.directory = f"{STATE_DIRECTORY}/{name}"
        self.config = f"{self.directory}/espalier.conf"
        self.socket = f"{self.directory}/control.sock"
        self.log = f"{self.directory}/log"
        self.pid_file = f"{self.directory}/pid"
        self.status_file = f"{self.directory}/status"
        self.eal_directory = f"/run/dpdk/espalier-{namespace(name)}"  # DPDK makes it, and leaves it

    # --- configuration

    def write_config(self, keys):
        """The file holds keys: it is born with mode 0600, in a directory that is ours alone."""
        os.mkdir(self.directory, 0o700)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        with os.fdopen(os.open(self.config, flags, 0o600), "w") as out:
            out.write(self.render(keys))

    def render(self, keys):
        return "\n".join((
            f"gateway: {render(self.settings())};",
            section("ports", self.ports()),
            section("tunnels", self.tunnels()),
            section("routes", self.routes()),
            section("neighbors", self.neighbors()),
            section("security_associations", self.associations(keys)))) + "\n"

    def settings(self):
        # hash_seed is fixed: a run that fails can be repeated.
        return {"name": GATEWAY_NAMES[self.name], "control_socket": self.socket, "hash_seed": 1}

    def ports(self):
        for index, link in enumerate(self.links):
            yield dict(name=link.port, device=f"net_tap{index}",
                       addresses=list(link.gateway_addresses), mtu=1500)

    def tunnels(self):
        for tunnel in TUNNELS:
            yield dict(name=tunnel.name, if_id=tunnel.number, local=tunnel.end(self.name),
                       remote=tunnel.end(peer(self.name)), addresses=[tunnel.inside_end(self.name)])

    def routes(self):
        group = [dict(tunnel=tunnel.name) for tunnel in TUNNELS]
        for prefix in prefixes(peer(self.name)):
            yield dict(prefix=prefix, nexthops=group)
        wan = self.wan()
        yield dict(prefix="0.0.0.0/0",
                   nexthops=[dict(port=wan.port, gateway=bare(wan.node_addresses[0]))])

    def neighbors(self):
        for link in self.links:
            for address in link.node_addresses:
                yield dict(port=link.port, address=bare(address), mac=link.node_mac)

    def associations(self, keys):
        encryption, _, authentication, _ = SUITE
        for tunnel in TUNNELS:
            for direction, sender in (("out", self.name), ("in", peer(self.name))):
                cipher_key, hash_key = keys[sender, tunnel.number]
                yield dict(tunnel=tunnel.name, direction=direction, spi=tunnel.spi(sender),
                           encryption=encryption, encryption_key=cipher_key,
                           authentication=authentication, authentication_key=hash_key,
                           replay_window=1024)

    def wan(self):
        return next(link for link in self.links if link.node == "internet")

    def configured_keys(self):
        with open(self.config, encoding="ascii") as text:
            return re.findall(r'key = "([0-9a-f]+)"', text.read())

    # --- process

    def command(self):
        cpu = self.cpu()
        vdevs = []
        for index, link in enumerate(self.links):
            vdevs += ["--vdev", f"net_tap{index},iface={link.port},mac={link.gateway_mac}"]
        # A gateway would have cores of its own; here it gets precedence at least.
        return ["nice", "-n", "-10", f"{self.build}/app/espalier/espalier",
                "--no-huge", "--no-shconf", "--no-telemetry", "-m", "512",
                "--file-prefix", os.path.basename(self.eal_directory),
                "--lcores", f"0@{cpu},1@{cpu}", "--no-pci", *vdevs,
                "--", "-f", self.config, *self.options()]

    def cpu(self):
        return cpus()[self.name]

    def options(self):
        return ["--no-kernel-interfaces"]

    def start(self):
        """A shell stays beside it to note pid and exit status, which a later `lab down` could not
        get, not being the parent."""
        script = 'pid=$1 status=$2; shift 2; "$@" & echo $! >"$pid"; wait $!; echo $? >"$status"'
        start_in(self.node, "sh", "-c", script, "sh", self.pid_file, self.status_file,
                 *self.command(), log=self.log)

    def wait_ready(self):
        """Waits until its workers poll."""
        wait_for(f"{self.name}: espalier: ready", self.ready, READY_S)

    def ready(self):
        if self.status() is not None:
            raise LabError(f"{self.name}: espalier ended with status {self.status()}\n"
                           + self.log_text())
        return "espalier: ready" in self.log_text()

    def stop(self):
        """Asks it to stop, and waits; the shell beside it then leaves the exit status."""
        self.end(signal.SIGTERM)

    def end(self, number):
        pid = self.pid()
        if pid is None:
            return
        send([pid], number)
        try:
            wait_for(f"{self.name}: stop", lambda: self.status() is not None, STOP_S)
        except LabError:
            send([pid], signal.SIGKILL)

    def pid(self):
        """Its pid, or None: only a process in the gateway's own namespace is taken for it."""
        noted = read_number(self.pid_file)
        return noted if noted in pids_in(namespace(self.node)) else None

    def status(self):
        """Exit status, None while it runs."""
        return read_number(self.status_file)

    def log_text(self):
        try:
            with open(self.log, encoding="utf-8", errors="replace") as log:
                return log.read()
        except FileNotFoundError:
            return ""

    def last_words(self, what):
        """What it says at its end about `what`, or None."""
        found = re.search(rf"^espalier: {what}: (.*)$", self.log_text(), re.MULTILINE)
        return found.group(1) if found else None

    def cpu_seconds(self):
        """Processor time used so far."""
        with open(f"/proc/{self.pid()}/stat", encoding="ascii") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    # --- what it says

    def ctl_command(self):
        return f"{self.build}/app/espalierctl/espalierctl", "-s", self.socket

    def ctl(self, *arguments):
        return run(*self.ctl_command(), *arguments)

    def show(self, subject):
        return json.loads(self.ctl("-j", "show", subject).stdout)

    def check(self):
        """Exit status and words of `espalierctl check` on its file."""
        done = run(f"{self.build}/app/espalierctl/espalierctl", "check", self.config, check=False)
        return done.returncode, (done.stdout + done.stderr).strip()

    def explain(self, flow):
        """What it would do with a packet of that flow."""
        return json.loads(self.ctl("-j", "explain", "--from", flow.source, "--to", flow.target,
                                   "--proto", flow.protocol, "--sport", str(flow.source_port),
                                   "--dport", str(flow.target_port)).stdout)


def section(name, entries):
    return f"{name}: (\n" + ",\n".join(f"  {render(entry)}" for entry in entries) + " );"


def render(value):
    """A value in the configuration file's syntax (libconfig's)."""
    if isinstance(value, dict):
        return "{ " + " ".join(f"{key} = {render(item)};" for key, item in value.items()) + " }"
    if isinstance(value, list):
        brackets = "()" if value and isinstance(value[0], dict) else "[]"
        return f"{brackets[0]} " + ", ".join(map(render, value)) + f" {brackets[1]}"
    return str(value) if isinstance(value, int) else f'"{value}"'


def read_number(path):
    try:
        with open(path, encoding="ascii") as text:
            return int(text.read())
    except (FileNotFoundError, ValueError):
        return None

# SPDX-License-Identifier: BSD-3-Clause
"""Debian's strongSwan as one gateway of the lab runs it: its files, its process, what it says."""

import base64
import os
import re
import shutil
import signal
import subprocess
from dataclasses import dataclass

from ike_plan import ESP_PROPOSAL, IKE_PROPOSAL, LIFETIME_S, PSK
from plan import STATE_DIRECTORY, namespace
from shell import LabError, pids_in, run, send, start_in, stop, wait_for

CHARON = "/usr/sbin/charon-systemd"
SWANCTL = "/usr/sbin/swanctl"
CONNECTION, CHILD = "dc", "net"
# As much precedence as an Espalier gets: when libipsec is late, its socket's buffer overflows.
PRECEDENCE = ("nice", "-n", "-10")
# What swanctl says of a CHILD_SA that changes by itself, each second.
CLOCKS = ("install-time", "rekey-time", "life-time", "use-in", "use-out")
READY_S = 10
STOP_S = 10
PLUGINS = ("random nonce openssl sha1 sha2 aes hmac kdf gcm pem pkcs1 x509 pubkey {kernel} "
           "socket-default vici updown counters")

SETTINGS = """\
charon-systemd {{
    load = {plugins}
    install_routes = {install_routes}
    {more}
    journal {{ default = -1 }}
    filelog {{ lab {{
        path = {log}
        default = 1
        flush_line = yes
    }} }}
    plugins {{
        vici {{ socket = unix://{vici} }}
        {more_plugins}
    }}
}}
swanctl {{
    load = random openssl
    plugins {{ vici {{ socket = unix://{vici} }} }}
}}
"""

# No ESN is offered: kernel-libipsec knows none.
CONNECTIONS = """\
connections {{ {connection} {{
    version = 2
    proposals = {ike}
    rekey_time = {lifetime}s
    local_addrs = {near}
    remote_addrs = {far}
    {more}
    local {{
        auth = psk
        id = {near}
    }}
    remote {{
        auth = psk
        id = {far}
    }}
    children {{ {child} {{
        esp_proposals = {esp}
        rekey_time = {rekey}s
        life_time = {lifetime}s
        local_ts = {near_prefix}
        remote_ts = {far_prefix}
        close_action = none
        dpd_action = clear
        {interface}
    }} }}
}} }}
secrets {{ ike-{connection} {{
    id = {far}
    secret = 0s{secret}
}} }}
"""


@dataclass(frozen=True)
class End:
    """One end of a connection, as its own side sees it."""

    node: str
    kernel: str           # strongSwan's kernel plugins
    install_routes: str
    near: str
    far: str
    near_prefix: str
    far_prefix: str
    interface: str = ""   # settings that tie the child to an interface, and more of the child's
    connection: str = CONNECTION
    psk: str = PSK
    more: str = ""        # settings of the connection

    def text(self):
        """Its part of swanctl.conf."""
        return CONNECTIONS.format(
            connection=self.connection, child=CHILD, ike=IKE_PROPOSAL, esp=ESP_PROPOSAL,
            lifetime=LIFETIME_S, rekey=LIFETIME_S * 10 // 11, near=self.near, far=self.far,
            near_prefix=self.near_prefix, far_prefix=self.far_prefix, interface=self.interface, more=self.more,
            secret=base64.b64encode(self.psk.encode()).decode())


@dataclass(frozen=True)
class Child:
    """A CHILD_SA as `swanctl --list-sas` has it; counters of both ways."""

    spi_in: int
    spi_out: int
    words: dict

    def count(self, way, unit):
        return int(self.words.get(f"{unit}-{way}", 0))


def settings_text(kernel, install_routes, log, vici, more_plugins="", more=""):
    """strongswan.conf, of charon and of swanctl."""
    return SETTINGS.format(plugins=PLUGINS.format(kernel=kernel), install_routes=install_routes,
                           log=log, vici=vici, more_plugins=more_plugins, more=more)


class Charon:
    def __init__(self, end, carrier=()):
        """`carrier`: the command that carries it, espalier-run, or nothing."""
        self.end, self.carrier = end, carrier
        self.directory = f"{STATE_DIRECTORY}/charon-{end.node}"
        self.log = f"{self.directory}/charon.log"
        self.output = f"{self.directory}/output"
        self.vici = f"{self.directory}/vici"
        self.process = None

    def write_config(self):
        """The file holds a secret: it is born with mode 0600, in a directory that is ours alone."""
        os.mkdir(self.directory, 0o700)
        # A copy: Debian's AppArmor profile of swanctl, which goes by its path, lets it read no
        # configuration but the system's.
        shutil.copy(SWANCTL, self.directory)
        write(f"{self.directory}/strongswan.conf",
              settings_text(self.end.kernel, self.end.install_routes, self.log, self.vici))
        write(f"{self.directory}/swanctl.conf", self.end.text())

    # --- process

    def start(self):
        """`env` behind the carrier's options, so that nothing else sees these settings."""
        self.process = start_in(self.end.node, "env", *self.environment(), *PRECEDENCE,
                                *self.carrier, CHARON, log=self.output)

    def wait_ready(self):
        wait_for(f"charon of {self.end.node}", self.ready, READY_S)
        self.swanctl("--load-all")

    def ready(self):
        if self.process.poll() is not None:
            raise LabError(f"charon of {self.end.node} ended with status "
                           f"{self.process.returncode}\n{self.log_text()}")
        return os.path.exists(self.vici) and \
            self.swanctl("--stats", check=False).returncode == 0

    def stop(self):
        """Asks it to end. Exit status, None where another process started it, or nobody."""
        if self.process is None:
            stop(lambda: pids_in(namespace(self.end.node)), STOP_S)
            return None
        send([self.process.pid], signal.SIGTERM)
        try:
            return self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()

    def environment(self):
        return f"STRONGSWAN_CONF={self.directory}/strongswan.conf", f"SWANCTL_DIR={self.directory}"

    def log_text(self):
        return "".join(read(path) for path in (self.output, self.log))

    # --- what it says

    def swanctl_command(self, *words):
        return ("env", *self.environment(), f"{self.directory}/swanctl", *words,
                "--uri", f"unix://{self.vici}")

    def swanctl(self, *words, check=True):
        return run(*self.swanctl_command(*words), check=check)

    def list_sas(self):
        return self.swanctl("--list-sas", "--raw").stdout

    def ike_words(self):
        """What it says of the IKE_SA itself."""
        return pairs(self.list_sas().split("child-sas", 1)[0])

    def children(self):
        """The installed CHILD_SAs."""
        _, _, listed = self.list_sas().partition("child-sas")
        found = []
        for text in re.split(rf"{CHILD}-\d+ ", listed)[1:]:
            words = {key: value for key, value in pairs(text).items() if key not in CLOCKS}
            if words.get("state") == "INSTALLED":
                found.append(Child(int(words["spi-in"], 16), int(words["spi-out"], 16), words))
        return found


def pairs(text):
    """key=value of swanctl's raw answers; a list's value is left out."""
    return dict(re.findall(r"([\w-]+)=([^\s{}\[\]]*)", text))


def write(path, text):
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(text)


def read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as text:
            return text.read()
    except FileNotFoundError:
        return ""

# SPDX-License-Identifier: BSD-3-Clause
"""One strongSwan as Debian installs it, in a directory of its own, and two that are joined by a cable."""
import os
import re
import shutil
import signal
import subprocess
from contextlib import contextmanager

import espalier_run
from gateway import PATIENCE, wait_until

CHARON, SWANCTL = "/usr/sbin/charon-systemd", "/usr/sbin/swanctl"

# charon-systemd inherits what is said of charon. {kernel}: who has the SAs.
SETTINGS = """
charon {{
    load = random nonce openssl sha1 sha2 aes hmac kdf gcm pem pkcs1 x509 pubkey {kernel} \
socket-default vici updown counters
    {more}
    journal {{ default = -1 }}
    filelog {{ file {{
        path = {directory}/charon.log
        flush_line = yes
        default = 1
    }} }}
    plugins {{ vici {{ socket = unix://{directory}/vici }} }}
}}
"""


def why_not():
    """Why no strongSwan can run here, or None."""
    for path, package in ((CHARON, "charon-systemd"), (SWANCTL, "strongswan-swanctl")):
        if not os.path.exists(path):
            return f"needs the package {package}"
    return None


class Strongswan:
    """A running daemon: `command` starts it, `more` are further lines of its settings."""

    def __init__(self, directory, command, *, kernel="kernel-netlink", more="install_routes = no"):
        self.directory = directory
        directory.mkdir()
        # A copy: where AppArmor knows swanctl by its path, it reads no files but the system's.
        shutil.copy(SWANCTL, directory)
        (directory / "strongswan.conf").write_text(
            SETTINGS.format(directory=directory, kernel=kernel, more=more))
        with open(directory / "output", "wb") as log:
            self.process = subprocess.Popen(command, env=self.environment(), stdout=log, stderr=log,
                                            stdin=subprocess.DEVNULL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def environment(self):
        return {**espalier_run.ENVIRONMENT, "SWANCTL_DIR": str(self.directory),
                "STRONGSWAN_CONF": str(self.directory / "strongswan.conf")}

    def load(self, connections):
        """Has it take this swanctl.conf."""
        wait_until((self.directory / "vici").exists, 20, "charon to start")
        (self.directory / "swanctl.conf").write_text(connections)
        self.swanctl("--load-all")

    def asking(self, *words):
        """The words of a swanctl that talks to it."""
        return [self.directory / "swanctl", *words, "--uri", f"unix://{self.directory}/vici"]

    def swanctl(self, *words):
        done = subprocess.run(self.asking(*words), env=self.environment(), capture_output=True, text=True,
                              check=False, timeout=30 * PATIENCE)
        assert done.returncode == 0, f"swanctl {words}: {done.stderr}\n{done.stdout}\n{self.log()}"
        return done.stdout

    def log(self):
        return "".join((self.directory / name).read_text(errors="replace")
                       for name in ("output", "charon.log") if (self.directory / name).exists())

    def children(self):
        """How many CHILD_SAs it takes for installed."""
        return self.swanctl("--list-sas").count("INSTALLED")

    def counter(self, name):
        """One of its counters of IKE messages, such as info-out-req."""
        return int(re.search(rf"{name}\s*:\s*(\d+)", self.swanctl("--counters"))[1])

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20 * PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def ip(*words):
    subprocess.run(["/usr/sbin/ip", *map(str, words)], check=True)


@contextmanager
def joined(prefix, addresses):
    """Two namespaces, each with its address on the device v0, which leads to the other; their names."""
    names = [f"{prefix}-{os.getpid()}-{number}" for number in (1, 2)]
    for name in names:
        ip("netns", "add", name)
    try:
        ip("link", "add", "v0", "netns", names[0], "type", "veth", "peer", "v0", "netns", names[1])
        for name, here, there in zip(names, addresses, reversed(addresses)):
            ip("-n", name, "link", "set", "lo", "up")
            ip("-n", name, "addr", "add", f"{here}/32", "peer", there, "dev", "v0")
            ip("-n", name, "link", "set", "v0", "up")
        yield names
    finally:
        for name in names:
            ip("netns", "del", name)

# SPDX-License-Identifier: BSD-3-Clause
"""A private FRR: its daemons, configuration and sockets in a directory of their own."""
import pathlib
import shutil
import subprocess
import tempfile

from gateway import PATIENCE, wait_until

DAEMONS = pathlib.Path("/usr/lib/frr")


def why_not():
    """Why FRR cannot run here, or None."""
    return None if (DAEMONS / "zebra").exists() else "there is no FRR: apt-get install frr"


class Frr:
    """Daemons in one namespace. `config` is one text for all; each takes what it understands."""

    def __init__(self, namespace, config):
        self.namespace = namespace
        # Short, for a socket's path has 108 bytes; and where user frr may go.
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="frr-"))
        self.config = self.directory / "frr.conf"
        self.config.write_text(f"log file {self.directory}/log\n{config}")
        subprocess.run(["chown", "-R", "frr:frr", str(self.directory)], check=True)
        self.processes = {}

    def start(self, daemon, *options):
        socket = self.directory / "zserv.api"
        with open(self.directory / f"{daemon}.out", "wb") as out:
            self.processes[daemon] = subprocess.Popen(
                ["ip", "netns", "exec", self.namespace, str(DAEMONS / daemon), "--vty_socket", str(self.directory),
                 *(["-z", str(socket)] if "-Z" not in options else []), "-i", str(self.directory / f"{daemon}.pid"),
                 "-f", str(self.config), *options],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True)
        sign = socket if daemon == "zebra" else self.directory / f"{daemon}.vty"
        wait_until(sign.exists, 10, f"{daemon} to start")
        return self

    def vtysh(self, *commands):
        words = [word for command in commands for word in ("-c", command)]
        done = subprocess.run(["vtysh", "--vty_socket", str(self.directory), *words], capture_output=True,
                              text=True, timeout=20 * PATIENCE, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def configure(self, *commands):
        return self.vtysh("configure terminal", *commands)

    def kill(self, *daemons):
        """SIGKILL, to these or to all."""
        for daemon in daemons or list(self.processes):
            process = self.processes.pop(daemon)
            process.kill()
            process.wait()
        (self.directory / "zserv.api").unlink(missing_ok=True)
        for daemon in daemons:
            (self.directory / f"{daemon}.vty").unlink(missing_ok=True)

    def raze(self):
        if self.processes:
            self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

# SPDX-License-Identifier: BSD-3-Clause
"""A daemon of the scenario: processes that run in a node until told otherwise.

A shell stays beside each process and notes pid and exit status in files, so that any later command
of the lab finds them. It leads a session, and all that is in the session is the daemon's."""

import os
import signal

from gateway import read_number
from plan import STATE_DIRECTORY, namespace
from shell import LabError, pids_in, send, start_in, wait_for
from strongswan import PRECEDENCE

READY_S = 30
STOP_S = 60  # with hundreds of thousands of routes to take out of the kernel
KILL_S = 10
SCRIPT = 'echo $$ >"$1"; status=$2; shift 2; "$@" & wait $!; echo $? >"$status"'


class Process:
    """One program, with a directory that it may share with others."""

    def __init__(self, node, name, directory, command):
        """`command`: with whatever gives it precedence."""
        self.node, self.name, self.command = node, name, command
        self.session_file = f"{directory}/{name}.session"
        self.status_file = f"{directory}/{name}.status"
        self.log = f"{directory}/{name}.output"

    def start(self):
        for stale in (self.session_file, self.status_file):
            if os.path.exists(stale):
                os.unlink(stale)
        start_in(self.node, "sh", "-c", SCRIPT, "sh", self.session_file,
                 self.status_file, *self.command, log=self.log)

    def pids(self):
        session = read_number(self.session_file)
        return [pid for pid in pids_in(namespace(self.node))
                if session and pid != session and session_of(pid) == session]

    def status(self):
        """Exit status, None while it runs or where it never did."""
        return read_number(self.status_file)


class Daemon:
    """A daemon of a node, of one process or, FRR, of several. What differs between daemons:
    write_config(), serves(), and after_start()."""

    name = ""  # "charon", "bird" and so on
    precedence = PRECEDENCE  # a gateway would have cores of its own

    def __init__(self, node, build):
        self.node, self.build = node, build
        self.directory = f"{STATE_DIRECTORY}/{self.name}-{node}"
        self.processes = [Process(node, name, self.directory, (*self.precedence, *command))
                          for name, command in self.commands()]

    # --- of each daemon

    def commands(self):
        """(name, command) of its processes, in the order of their start."""
        raise NotImplementedError

    def write_config(self):
        """Makes its directory and the files in it."""

    def serves(self):
        """Whether it does its work."""
        return True

    def after_start(self):
        """What it needs told each time that it came up."""

    def log_files(self):
        return [process.log for process in self.processes]

    # --- of all

    @property
    def log(self):
        """Path of what it says."""
        return self.log_files()[0]

    def start(self):
        """Starts it and returns at once; wait_ready() says when it serves."""
        for process in self.processes:
            process.start()

    def wait_ready(self):
        """LabError where it ends, or does not come up in time."""
        wait_for(f"{self.name} of {self.node}", self.ready, READY_S)
        self.after_start()

    def ready(self):
        for process in self.processes:
            if process.status() is not None:
                raise LabError(f"{process.name} of {self.node} ended with status "
                               f"{process.status()}\n{self.log_text()}")
        return self.serves()

    def stop(self, tell=None):
        """SIGTERM, and waits. Exit status, the worst of several; None where it did not run.
        `tell` gets words where that takes a while."""
        return self.end(signal.SIGTERM, tell)

    def kill(self):
        """SIGKILL, to all of its processes, and waits until they are gone."""
        return self.end(signal.SIGKILL)

    def end(self, number, tell=None):
        if not (pids := self.pids()):
            return None
        # Children first: a charon whose espalier-run dies is told to end in good order, and says
        # so to its peers.
        send(sorted(pids, reverse=True), number)
        try:
            wait_for(f"{self.name} of {self.node} ends", lambda: not self.pids(), STOP_S, tell=tell)
        except LabError:
            send(self.pids(), signal.SIGKILL)
        wait_for(f"{self.name} of {self.node}: status", self.ended, KILL_S)
        return max(process.status() for process in self.processes)

    def ended(self):
        return all(process.status() is not None for process in self.processes)

    def restart(self, how="stop"):
        """stop() or kill(), start(), wait_ready()."""
        {"stop": self.stop, "kill": self.kill}[how]()
        self.start()
        self.wait_ready()

    def running(self):
        """Whether all of its processes are there."""
        return all(process.pids() for process in self.processes)

    def pids(self):
        """Of its processes."""
        return [pid for process in self.processes for pid in process.pids()]

    def log_text(self):
        """All that it has said so far."""
        return "".join(read(path) for path in self.log_files())


def session_of(pid):
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return None


def read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as text:
            return text.read()
    except FileNotFoundError:
        return ""


def write(path, text, mode=0o600):
    """Makes a file that is born with its mode."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as out:
        out.write(text)

# SPDX-License-Identifier: BSD-3-Clause
"""A scene of the lab as a whole: its state directory, and razing it without a trace."""

import fcntl
import os
import shutil

import network
from plan import STATE_DIRECTORY
from shell import LabError, existing_namespaces, namespaces

KEPT = f"{STATE_DIRECTORY}/kept"  # there while a lab stands that `lab up` made
LOG_TAIL_LINES = 20


class Stage:
    """What scenes have in common. A scene also has `name`, `title` and `drawing`, and brings
    raise_up() and measure()."""

    def __init__(self, gateways, report):
        self.gateways = gateways
        self.report = report
        self.interfaces = network.interfaces()

    def write_configs(self, keys):
        for gateway in self.gateways:
            gateway.write_config(keys)
            status, words = gateway.check()
            self.report.claim(f"espalierctl check finds {gateway.name}'s file good",
                              words if status else "exit status 0", "exit status 0", status == 0)

    def keep(self):
        """Marks the lab as one that stands until `lab down`."""
        with open(KEPT, "w", encoding="ascii") as kept_scene:
            kept_scene.write(self.name)

    def raze(self):
        """Stops all, looks at the gateways' last words, and takes everything away."""
        self.report.progress("taking everything down")
        self.stop_daemons()
        for gateway in self.gateways:
            gateway.stop()
            if gateway.status() is not None:
                self.farewell(gateway)
        self.report.logs |= {f"{name}, scene {self.name}":
                             "\n".join(text.splitlines()[-LOG_TAIL_LINES:])
                             for name, text in self.logs().items()}
        made = namespaces()
        self.sweep()
        shutil.rmtree(STATE_DIRECTORY, ignore_errors=True)
        left = [name for name in existing_namespaces() if name in made]
        left += [name for name in network.interfaces() if name not in self.interfaces]
        left += filter(os.path.exists, (STATE_DIRECTORY, *self.eal_directories()))
        left += [f"process {pid}" for pid in processes()]
        self.report.claim("no namespace, interface, file or process is left",
                          ", ".join(left) or "none", "none", not left)

    def hints(self):
        """How to look at it, for whoever leaves it standing."""
        return [f"{gateway.name:8} {' '.join(gateway.ctl_command())} show tunnels"
                for gateway in self.gateways]

    def stop_daemons(self):
        """Ends what drives the gateways, before them; nothing, in a scene without."""

    def logs(self):
        return {gateway.name: gateway.log_text() for gateway in self.gateways}

    def farewell(self, gateway):
        """What a gateway owes at its end: every packet buffer, all of the heap, a clean status."""
        status = gateway.status()
        self.report.claim(f"{gateway.name} stops cleanly", f"exit status {status}",
                          "exit status 0", status == 0)
        mbufs = gateway.last_words("mbufs") or "said nothing"
        numbers = [int(word) for word in mbufs.split() if word.isdigit()]
        self.report.claim("... with every packet buffer back in the pool", mbufs, "N of N",
                          len(numbers) == 2 and numbers[0] == numbers[1] > 0)
        heap = gateway.last_words("heap") or "said nothing"
        self.report.claim("... and the heap as it found it", heap, "balanced", heap == "balanced")

    def lock(self):
        """One command at a time acts on the lab, until its process ends, however it ends. Comes
        before anything that must be razed: the lab of another command is not ours to raze."""
        os.makedirs(STATE_DIRECTORY, 0o700, exist_ok=True)
        try:
            # The descriptor stays open for the life of this process; its children do not get it.
            self.directory = os.open(STATE_DIRECTORY, os.O_RDONLY | os.O_DIRECTORY)
            fcntl.flock(self.directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
            gone = not os.path.samestat(os.fstat(self.directory), os.stat(STATE_DIRECTORY))
        except (BlockingIOError, FileNotFoundError):
            gone = True
        if gone:
            raise LabError("another lab command is at work")

    def sweep(self):
        """Ends what runs in the lab's namespaces, deletes them, and empties the directories."""
        network.destroy()
        for directory in self.eal_directories():
            shutil.rmtree(directory, ignore_errors=True)
        for entry in os.scandir(STATE_DIRECTORY):
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path)
            else:
                os.unlink(entry.path)

    def eal_directories(self):
        return [gateway.eal_directory for gateway in self.gateways]


def kept():
    """The name of the scene that stands until `lab down`, or None."""
    try:
        with open(KEPT, encoding="ascii") as name:
            return name.read()
    except FileNotFoundError:
        return None


def standing():
    """Whether there is anything to take down."""
    return os.path.exists(STATE_DIRECTORY) or bool(namespaces())


def processes():
    """Processes that still name the state directory in their command line: gateways, above all."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as command:
                if STATE_DIRECTORY.encode() + b"/" in command.read():
                    found.append(int(pid))
        except OSError:
            pass  # it ended while we looked
    return found

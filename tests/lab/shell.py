# SPDX-License-Identifier: BSD-3-Clause
"""Running programs, here and inside the lab's namespaces. Everything has a time limit."""

import os
import signal
import subprocess
import time

from plan import NAMESPACES, namespace

TIMEOUT_S = 20
LAST_LINES = 20  # of what a program said that failed
TELL_EVERY_S = 5  # of what is waited for


class LabError(Exception):
    """The lab cannot go on; the text says why."""


def run(*command, timeout=TIMEOUT_S, check=True, stdin=None):
    """Runs a program to its end and returns what subprocess.run() does, output as text."""
    try:
        done = subprocess.run(command, input=stdin, capture_output=True, text=True,
                              timeout=timeout, check=False,
                              stdin=subprocess.DEVNULL if stdin is None else None)
    except subprocess.TimeoutExpired as late:
        raise LabError(f"{' '.join(command)}: still running after {timeout} s") from late
    except FileNotFoundError as missing:
        raise LabError(f"{command[0]}: no such program") from missing
    if check and done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines()[-LAST_LINES:]
        raise LabError("\n".join([f"{' '.join(command)}: exit status {done.returncode}", *said]))
    return done


def inside(node, *command):
    """The command that runs `command` in a node's namespace, under the pid it is started with."""
    return ("ip", "netns", "exec", namespace(node)) + command


def run_in(node, *command, **options):
    return run(*inside(node, *command), **options)


def start_in(node, *command, log, stdin=subprocess.DEVNULL):
    """Starts a program in the background, in a session of its own so that Ctrl-C passes it by."""
    with open(log, "ab") as output:
        return subprocess.Popen(inside(node, *command), stdin=stdin, stdout=output,
                                stderr=subprocess.STDOUT, start_new_session=True)


def namespaces():
    """All namespaces of the lab that exist now."""
    try:
        with open(NAMESPACES, encoding="ascii") as made:
            ours = made.read().split()
    except FileNotFoundError:
        return []
    return [name for name in existing_namespaces() if name in ours]


def existing_namespaces():
    """All that have a name on this machine."""
    listed = run("ip", "netns", "list", check=False).stdout.split("\n")
    return [line.split()[0] for line in listed if line.strip()]


def add_namespace(node):
    """Makes a node's namespace and notes first that it is the lab's."""
    name = namespace(node)
    if name in existing_namespaces():
        raise LabError(f"there is a namespace '{name}' that the lab did not make: "
                       f"ip netns delete {name}, or ESPALIER_LAB=NAME for a lab beside it")
    with open(NAMESPACES, "a", encoding="ascii") as made:
        made.write(name + "\n")
    run("ip", "netns", "add", name)


def pids_in(name):
    """Processes whose network is that namespace."""
    return [int(pid) for pid in run("ip", "netns", "pids", name, check=False).stdout.split()]


def stop(find, grace_s=10):
    """Ends the processes that find() names: TERM, and KILL for what outlives `grace_s`."""
    told = set()
    deadline = time.monotonic() + grace_s
    while pids := find():
        if time.monotonic() > deadline:
            send(pids, signal.SIGKILL)
            break
        send([pid for pid in pids if pid not in told], signal.SIGTERM)
        told.update(pids)
        time.sleep(0.05)
    deadline = time.monotonic() + 2
    while find() and time.monotonic() < deadline:
        time.sleep(0.05)


def send(pids, number):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


def wait_for(what, condition, timeout, every=0.05, tell=None):
    """Calls condition() until it is true; LabError when `timeout` seconds were not enough. What
    takes its time is told, if somebody is to be told."""
    begin = time.monotonic()
    said = begin
    while not condition():
        now = time.monotonic()
        if now > begin + timeout:
            raise LabError(f"{what}: not within {timeout} s")
        if tell is not None and now > said + TELL_EVERY_S:
            tell(f"{what}: {now - begin:.0f} s so far, {timeout} s at most")
            said = now
        time.sleep(every)

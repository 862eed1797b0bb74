# SPDX-License-Identifier: BSD-3-Clause
"""Starts programs with the real `espalier-run`. No root: a carried netlink socket needs no rights."""
import os
import subprocess
import sys
import textwrap

from gateway import BUILD, PATIENCE

ESPALIER_RUN = BUILD / "app/espalier-run/espalier-run"
ENVIRONMENT = {**os.environ, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin:" + os.environ.get("PATH", "")}

RUNNING = []

# In front of each script: what a client of netlink is made of. Run by the very Python of the tests.
PRELUDE = """
import errno, os, signal, socket, struct, subprocess, sys, threading, time
sys.path.insert(0, {directory!r})
import fake_control as nl
from fake_control import message, messages, attribute, sa_info, sa_id

def open_xfrm(pid=0, groups=0, kind=socket.SOCK_RAW):
    s = socket.socket(socket.AF_NETLINK, kind, nl.XFRM)
    s.bind((pid, groups))
    return s

def ask(s, kind, body=b"", flags=nl.ACK, sequence=1):
    s.send(message(kind, body, nl.REQUEST | flags, sequence))
    return list(messages(s.recv(65536)))

def status(answer):
    (kind, flags, sequence, pid, body), = answer
    assert kind == nl.NLMSG_ERROR
    return -struct.unpack_from("=i", body)[0]
"""


def command(path, *words):
    return [str(ESPALIER_RUN), "-s", str(path), *map(str, words)]


def run(path, *words, **arguments):
    """Runs to the end; the CompletedProcess."""
    return subprocess.run(command(path, *words), capture_output=True, text=True, check=False,
                          timeout=30 * PATIENCE, **{"env": ENVIRONMENT, **arguments})


def output(control, *words):
    """What a run to the end says, which must be in order."""
    done = run(control.path, *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def script_output(control, text, *options):
    """The same for a script, word for word."""
    return output(control, *options, *script(text)).split()


def start(path, *words):
    """A running one, to be talked to by pipes."""
    RUNNING.append(subprocess.Popen(
        command(path, *words), stdin=subprocess.PIPE, text=True, bufsize=1,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT))
    return RUNNING[-1]


def end_all():
    """For the end of a test, failed or not."""
    while RUNNING:
        process = RUNNING.pop()
        process.terminate()
        try:
            process.wait(5 * PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def script(text):
    """A program in Python, as words of a command."""
    return [sys.executable, "-c", PRELUDE.format(directory=os.path.dirname(__file__)) +
            textwrap.dedent(text)]


def finish(process):
    """Lets it end by itself, which must be in order; what else it said on both channels."""
    process.stdin.close()
    output, errors = process.stdout.read(), process.stderr.read()
    assert process.wait(30 * PATIENCE) == 0, errors
    return output, errors


class Program:
    """A script under espalier-run that does a step for each line it is given."""

    def __init__(self, control, text, *options):
        self.process = start(control.path, *options, *script(text))

    def says(self, *words):
        assert self.process.stdout.readline().split() == list(words)

    def go_on(self):
        self.process.stdin.write("\n")

    def finish(self):
        return finish(self.process)

# SPDX-License-Identifier: BSD-3-Clause
"""Load between the clients and the ECS: thousands of UDP flows, both ways, each packet accounted for.

    client0 ──┐      ┌── gw1 ══ 1 ══┐
    client1 ──┼─ dc ─┼── gw2 ══ 2 ══┼─ cloud ── ecs
    client2 ──┘      └── gw3 ══ 3 ══┘

load.c runs at the four ends. The DC's router writes into each packet's DSCP by which gateway it comes
or goes, so that the receiver knows the way of every single packet.
"""

import bisect
import os
import subprocess
import time
from dataclasses import dataclass, field

from scenario_plan import ADDRESSES, CLIENTS
from shell import LabError, inside, wait_for
from strongswan import PRECEDENCE

SERVER = "ecs"
SERVER_PORT = 7000
FIRST_PORT = 20000
FLOWS_PER_CLIENT = 1000
FLOWS = FLOWS_PER_CLIENT * len(CLIENTS)
READY_S, AROUND_S, TELL_S = 20, 30, 30
LEAST_RATE = 3000  # packets a second, each way, that any machine shall carry
DRAIN_S = 1.0  # for packets under way when sending ends
TO_VPC, TO_DC = "DC to VPC", "VPC to DC"
MILLISECOND_NS = 10 ** 6


@dataclass
class Course:
    """What became of one flow's packets in one direction. Times are CLOCK_MONOTONIC, in ns, of when
    the sender let a packet go."""

    way: str
    number: int
    sent: int = 0
    received: int = 0
    following: int = 0                         # one more than the last number that arrived
    duplicate: int = 0
    late: int = 0                              # came after one that was sent later
    gaps: list = field(default_factory=list)   # (packets lost, last sent before, first sent after);
                                               # none before the first of all: the same twice
    paths: list = field(default_factory=list)  # (gateway number, since), in order of time

    @property
    def lost(self):
        return self.sent - self.received

    @property
    def lost_at_the_end(self):
        """Lost, and none after them arrived: the flow did not come back."""
        return self.sent - self.following

    def path_at(self, when):
        """The gateway that it went by at that time, 0 if nothing had arrived by then."""
        index = bisect.bisect([since for _, since in self.paths], when)
        return self.paths[index - 1][0] if index else 0

    def paths_between(self, begin, end):
        """All gateways that it went by in that time."""
        return {self.path_at(begin)} | {path for path, since in self.paths if begin < since < end}

    def lost_times(self):
        """When the lost packets left, but for those at the end: they stand evenly between two that
        are known."""
        return [before + (after - before) * place // (packets + 1)
                for packets, before, after in self.gaps for place in range(1, packets + 1)]

    def lost_on(self, path, begin, end):
        """When the packets left, from `begin` to `end`, that were lost while it went by that path."""
        return [when for when in self.lost_times()
                if begin <= when < end and self.path_at(when) == path]


class Load:
    """Puts the load on for a block's time:

        with Load(scratch, build, rate=12000) as load:
            load.go()
            ...
            courses = load.stop()
    """

    def __init__(self, scratch, build, rate, rounds=1000):
        """`rate`: packets a second in each direction. `rounds`: that many of each flow at most."""
        self.program = f"{build}/tests/lab/espalier-load"
        self.scratch, self.rate, self.rounds = scratch, rate, rounds
        self.ends = {}

    def __enter__(self):
        try:
            self.open(SERVER, self.rate, [flow_line(number, client, to_client=True)
                                          for client in CLIENTS for number in numbers(client)])
            for client in CLIENTS:
                self.open(client, self.rate // len(CLIENTS),
                          [flow_line(number, client, to_client=False)
                           for number in numbers(client)])
            for node in self.ends:
                self.wait_said(node, "ready", READY_S)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in self.ends.values():
            process.kill()
            process.wait()
            process.stdin.close()

    def open(self, node, rate, lines):
        with open(self.log(node), "wb") as output:
            self.ends[node] = subprocess.Popen(
                inside(node, *PRECEDENCE, self.program, ADDRESSES[node], str(rate), str(self.rounds)),
                stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT,
                start_new_session=True)
        self.ends[node].stdin.write("".join(lines + ["\n"]).encode())
        self.ends[node].stdin.flush()

    def wait_said(self, node, word, timeout):
        def has():
            if self.ends[node].poll() is not None:
                raise LabError(f"load at {node}: {self.said(node)}")
            return f"{word}\n" in self.said(node)

        wait_for(f'"{word}" of the load at {node}', has, timeout)

    def go(self):
        """Returns when each flow has sent its first packet: from then on it has a way."""
        self.tell("go")
        for node in self.ends:
            self.wait_said(node, "around", AROUND_S)

    def stop(self):
        """Ends it, waits for what is under way, and returns the courses of all flows."""
        self.tell("stop")
        time.sleep(DRAIN_S)
        self.tell("end")
        for process in self.ends.values():
            process.wait(TELL_S)
        return self.courses()

    def tell(self, word):
        for process in self.ends.values():
            process.stdin.write(f"{word}\n".encode())
            process.stdin.flush()

    def log(self, node):
        return os.path.join(self.scratch, f"load-{node}")

    def said(self, node):
        with open(self.log(node), encoding="ascii", errors="replace") as text:
            return text.read()

    def courses(self):
        to_vpc, to_dc = {}, {}
        sent_to_dc = parse(self.said(SERVER), TO_VPC, to_vpc)
        sent_to_vpc = {}
        for client in CLIENTS:
            sent_to_vpc |= parse(self.said(client), TO_DC, to_dc)
        for courses, sent in ((to_vpc, sent_to_vpc), (to_dc, sent_to_dc)):
            for number, course in courses.items():
                course.sent = sent[number]
        return [*to_vpc.values(), *to_dc.values()]


def parse(text, way, courses):
    """Reads what an end received into `courses`; returns what it sent itself, by flow."""
    sent = {}
    course = None
    for line in text.splitlines()[1:]:
        word, *values = line.split()
        values = [int(value) for value in values]
        if word == "flow":
            number, sent[number] = values[:2]
            course = courses[number] = Course(way, number, 0, *values[2:])
        elif word == "gap":
            course.gaps.append(tuple(values))
        elif word == "path":
            course.paths.append(tuple(values))
        elif word == "failed" and values[0]:
            raise LabError(f"load: {values[0]} packets did not leave their host ({way} received)")
    return sent


def numbers(client):
    """Of the flows of that client."""
    first = CLIENTS.index(client) * FLOWS_PER_CLIENT
    return range(first, first + FLOWS_PER_CLIENT)


def flow_line(number, client, to_client):
    """A flow as load.c wants it told: itself, its port, and where the other end is."""
    port = FIRST_PORT + number % FLOWS_PER_CLIENT
    if to_client:
        return f"{number} {SERVER_PORT} {ADDRESSES[client]} {port}\n"
    return f"{number} {port} {ADDRESSES[SERVER]} {SERVER_PORT}\n"

# SPDX-License-Identifier: BSD-3-Clause
"""Traffic between the lab's hosts: ping, iperf3, and many flows whose content is compared."""

import json
import os
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from plan import CLIENTS, SERVERS, address
from shell import LabError, run_in, start_in, wait_for

ECHO_PORT = 7
# After its last request ping waits for one interval, or for twice the longest answer so far, and no
# longer: with a short one, an answer that the machine's other work held up would pass for lost.
PING_INTERVAL_S = 0.5
FLOWS_PER_CLIENT = 50  # of each protocol
FIRST_PORT = 20000     # fixed source ports: a run can be repeated
FLOWS_PROGRAM = ("/usr/bin/python3", os.path.join(os.path.dirname(__file__), "flows.py"))


@dataclass(frozen=True)
class Flow:
    protocol: str
    source: str
    source_port: int
    target: str
    target_port: int

    def reversed(self):
        return Flow(self.protocol, self.target, self.target_port, self.source, self.source_port)


def ping(here, there, *options, count):
    """How many of `count` pings were answered."""
    said = ping_words(here, there, "-q", "-c", str(count), "-i", str(PING_INTERVAL_S), *options)
    found = re.search(r"(\d+) received", said)
    return int(found.group(1)) if found else 0


def ping_words(here, there, *options):
    """What ping says; it complains on either channel."""
    done = run_in(here, "ping", "-n", "-W", "2", *options, address(there), check=False)
    return done.stdout + done.stderr


def iperf(scratch, client, server, *options, seconds):
    """One iperf3 run, its result as iperf3 tells it. The server serves that run and ends."""
    with background(scratch, server, "listening", "iperf3", "-s", "-1", "-B", address(server),
                    "--forceflush"):
        done = run_in(client, "iperf3", "-c", address(server), "-J", "-t", str(seconds), *options,
                      timeout=seconds + 20, check=False)
    answer = json.loads(done.stdout or '{"error": "it said nothing"}')
    if "error" in answer:
        raise LabError(f"iperf3 {client} to {server}: {answer['error']}")
    return answer["end"]


def plan_flows(protocol):
    """From each client to both servers in turn."""
    return [Flow(protocol, address(client), FIRST_PORT + number,
                 address(SERVERS[number % len(SERVERS)]), ECHO_PORT)
            for client in CLIENTS for number in range(FLOWS_PER_CLIENT)]


@contextmanager
def echo_servers(scratch):
    one, other = (background(scratch, server, "serving", *FLOWS_PROGRAM, "serve", address(server),
                             str(ECHO_PORT)) for server in SERVERS)
    with one, other:
        yield


def talk(flows):
    """All clients at the same time; {outcome: flows}, see flows.py."""
    def one(client):
        mine = [asdict(flow) for flow in flows if flow.source == address(client)]
        return json.loads(run_in(client, *FLOWS_PROGRAM, "talk", stdin=json.dumps(mine),
                                 timeout=30).stdout)

    total = {}
    with ThreadPoolExecutor(len(CLIENTS)) as pool:
        for outcomes in pool.map(one, CLIENTS):
            for outcome, number in outcomes.items():
                total[outcome] = total.get(outcome, 0) + number
    return total


@contextmanager
def background(scratch, node, sign, *command):
    """A server in a node, from the moment that it printed `sign` to the end of the block."""
    log = os.path.join(scratch, f"{node}-server.log")
    with open(log, "wb"):
        pass
    process = start_in(node, *command, log=log)
    try:
        wait_for(f"{node}: {command[0]}", lambda: sign in read(log), timeout=10)
        yield
    finally:
        process.terminate()
        try:
            process.wait(5)
        finally:
            process.kill()  # nothing to do where it has ended


def read(path):
    with open(path, encoding="utf-8", errors="replace") as text:
        return text.read()

# SPDX-License-Identifier: BSD-3-Clause
"""What the gateways of the data centre lose by themselves: kernel-libipsec ciphers in user space,
behind a socket and a TUN whose queues hold some hundred packets. A packet that finds one of them
full, on a machine that has other things to do, is lost by the peer and by nobody else."""

import scenario_plan as plan
from ike_trial import overrun
from load import TO_DC, TO_VPC


class PeerDrops:
    """Counted from when it was made."""

    def __init__(self, world):
        self.world = world
        self.before = self.read()

    def read(self):
        nodes = [connection.gateway for connection in plan.CONNECTIONS
                 if connection.gateway not in self.world.gateways]
        return {TO_DC: sum(map(overrun, nodes)),
                TO_VPC: sum(tun_drops(self.world.node(node)) for node in nodes)}

    def counted(self):
        """{way: packets}"""
        now = self.read()
        return {way: now[way] - before for way, before in self.before.items()}


def tun_drops(node):
    """Packets that found the queue of its charon's TUN full."""
    for line in node.run("cat", "/proc/net/dev").stdout.splitlines():
        name, _, numbers = line.partition(":")
        if name.strip() == "ipsec0":
            return int(numbers.split()[11])
    return 0


def lost_words(lost, by_peers):
    """How to say it: "3 packets lost, 2 of them by a peer's full queue"."""
    words = f"{lost} packets lost"
    return words + (f", {min(lost, by_peers)} of them by a peer's full queue" if lost and by_peers
                    else "")

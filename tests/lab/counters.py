# SPDX-License-Identifier: BSD-3-Clause
"""Counters of both gateways and of the Internet between them, and what a trial changed in them."""

import time

from network import cable_drops, internet_counters
from plan import GATEWAYS, TUNNELS, peer
from shell import LabError


class Snapshot:
    def __init__(self, gateways):
        self.tunnels = {gateway.name: {row["name"]: row for row in gateway.show("tunnels")}
                        for gateway in gateways}
        self.drops = {gateway.name: {row["reason"]: row["packets"] for row in gateway.show("drops")}
                      for gateway in gateways}
        self.internet = internet_counters()
        self.cable_drops = cable_drops()

    def __eq__(self, other):
        return vars(self) == vars(other)


def settled(gateways):
    """A snapshot of counters at rest: two in a row that are alike."""
    last = Snapshot(gateways)
    for _ in range(40):
        time.sleep(0.05)
        now = Snapshot(gateways)
        if now == last:
            return now
        last = now
    raise LabError("the counters do not come to rest, though nobody sends")


class Phase:
    """What happened between two snapshots. `lossless`: at a rate at which nothing may get lost."""

    def __init__(self, name, before, after, lossless=True):
        self.name, self.before, self.after, self.lossless = name, before, after, lossless

    def moved(self, gateway, tunnel, way, unit="packets"):
        """Packets or bytes that passed a tunnel at a gateway; `way` is tx or rx."""
        before, after = (snapshot.tunnels[gateway][tunnel.name][way][unit]
                         for snapshot in (self.before, self.after))
        return after - before

    def sent(self, *senders):
        return sum(self.moved(gateway, tunnel, "tx") for gateway in senders for tunnel in TUNNELS)

    def lost(self):
        """Packets that one gateway sent and the other did not take."""
        return sum(abs(self.moved(gateway, tunnel, "tx") - self.moved(peer(gateway), tunnel, "rx"))
                   for gateway in GATEWAYS for tunnel in TUNNELS)

    def overrun(self):
        """Packets that queues of the kernel dropped at and between the gateways."""
        return self.after.cable_drops - self.before.cable_drops

    def on_the_wire(self, gateway, tunnel):
        """ESP packets of a tunnel that the Internet saw from a gateway."""
        return self.internet(f"{gateway}_{tunnel.number}")

    def internet(self, name):
        return self.after.internet[name] - self.before.internet[name]

    def dropped(self):
        """{(gateway, reason): packets}, zeroes left out."""
        return {(gateway, reason): packets - self.before.drops[gateway][reason]
                for gateway in GATEWAYS
                for reason, packets in self.after.drops[gateway].items()
                if packets != self.before.drops[gateway][reason]}

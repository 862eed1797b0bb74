# SPDX-License-Identifier: BSD-3-Clause
"""10,000 SAs come, change and go while others carry traffic as fast as a worker can.

Nobody may notice: no packet of an untouched SA is lost, and the worker's turns take as long as
they did, since it never waits for the control core.

How long turns take is compared between windows in which SAs change and windows of quiet that
alternate with them, all of a kind together: their median turn, and the turn that 9 of 10 undercut.
Every kind of change counts for itself. The control core makes several of them in each turn of the
worker, so that a worker that waited for a change to end would wait in nearly every turn. On a
machine that others use too, a few turns in a hundred lose the CPU for a while, in quiet as well:
the turn that 99 of 100 undercut tells of our neighbours, and is only printed.
"""
import os
import re
import time
from collections import Counter

import pytest

import capture
import wire
import xfrm
from esp import Sa
from gateway import Gateway, wait_until
from topology import HOST, WAN_ADDRESS, Topology

SAS = 10_000
ROUNDS = 1, 1, 16  # requests sent ahead of their answers; each round has its own SAs
QUIET_SECONDS = 0.3
FRAMES = 512  # in each of the files that are sent for ever
# Powers of two. The caches, which both cores share, cost a tenth of one.
SLOWER_AT_MOST = 1


class Endless(Gateway):
    """Its input is sent again and again as fast as it is taken; its output only counts."""

    def command(self):
        return [re.sub(r",tx_pcap=.*", ",infinite_rx=1", argument)
                for argument in super().command()]

    def start(self):
        for port in range(2):
            capture.write(self.directory / f"tx{port}-0.pcap", [])
        return super().start()

    def loops(self):
        """Busy turns by the power of two of cycles that they took."""
        worker, = self.show("workers")
        return Counter({bucket["log2_cycles"]: bucket["turns"]
                        for bucket in worker["loop_histogram"]})

    def under_way(self):
        """Packets of each direction that were received and are not sent."""
        lan, wan = self.show("ports")
        return [lan["rx"]["packets"] - wan["tx"]["packets"],
                wan["rx"]["packets"] - lan["tx"]["packets"]]


@pytest.fixture
def gateway(tmp_path, socket):
    """One tunnel at work, with SAs from the configuration file."""
    tunnel = Topology()[1]
    config = Topology().config(socket)
    # What is sent again and again repeats its sequence numbers.
    config["security_associations"] = (
        tunnel.out.config(tunnel.name, "out"),
        {**tunnel.into.config(tunnel.name, "in"), "replay_window": 0})
    plain = [wire.udp_packet(HOST, tunnel.peer_host, bytes(72), ident=n) for n in range(FRAMES)]
    inner = wire.udp_packet(tunnel.peer_host, HOST, bytes(72))
    process = Endless(tmp_path, config, lan=wire.ethers(plain),
                      wan=[wire.ether(tunnel.into.seal(inner, n + 1)) for n in range(FRAMES)])
    cpus = os.sched_getaffinity(0)
    process.start()
    # The client stays with the control core: on the worker's CPU it would be felt.
    os.sched_setaffinity(0, {min(cpus)})
    yield process
    os.sched_setaffinity(0, cpus)
    process.kill()


def waves(number):
    """What is asked, in turn, of all the SAs of a round: half are inbound ones of the tunnel at
    work, half are outbound ones of another, which comes up and goes down with them."""
    first = number * SAS
    sas = [(1, 32, Sa(0xD0000000 + first + n, "192.0.2.1", WAN_ADDRESS)) if n % 2 else
           (2, 0, Sa(0x20000000 + first + n, WAN_ADDRESS, "192.0.2.2")) for n in range(SAS)]
    return {
        "added": [(xfrm.NEWSA, xfrm.state(sa, if_id, window=window))
                  for if_id, window, sa in sas],
        "updated": [(xfrm.UPDSA, xfrm.state(sa, if_id, window=window, hard_packets=1 << 40))
                    for if_id, window, sa in sas],
        "deleted": [(xfrm.DELSA, xfrm.name(sa)) for _, _, sa in sas],
    }


def carried(gateway, sa):
    """Packets that went through an SA."""
    return next(row["packets"] for row in gateway.show("sas") if row["spi"] == f"0x{sa.spi:08x}")


def watch(gateway, turns, action):
    """Adds the turns meanwhile to `turns`; returns the seconds that the action took."""
    before, begun = gateway.loops(), time.monotonic()
    action()
    seconds = time.monotonic() - begun
    turns.update(gateway.loops() - before)
    return seconds


def quantile(turns, part):
    """In powers of two of cycles; a bucket is taken to be evenly filled."""
    wanted = part * turns.total()
    for log2, count in sorted(turns.items()):
        if count >= wanted:
            return log2 + wanted / count
        wanted -= count
    raise AssertionError("no turns")


def slower(quiet, churned, part):
    """By how many powers of two a quantile of turns is longer in churn."""
    usual, now = quantile(quiet, part), quantile(churned, part)
    print(f"  {part:.0%} below 2^{now:.2f} cycles, in quiet 2^{usual:.2f}")
    return now - usual


def churn(gateway, client):
    """All rounds: the turns of quiet, and those of churn by kind of wave."""
    quiet, churned = Counter(), {}
    for number, ahead in enumerate(ROUNDS):
        for name, requests in waves(number).items():
            watch(gateway, quiet, lambda: time.sleep(QUIET_SECONDS))
            seconds = watch(gateway, churned.setdefault(name, Counter()),
                            lambda: client.pour(requests, ahead))
            print(f"{SAS / seconds:,.0f} SAs {name} in a second, {ahead} requests at a time")
            assert len(client.list()) == 2 + SAS * (name != "deleted")
    return quiet, churned


def test_churn_is_not_felt(gateway, socket):
    tunnel = Topology()[1]
    quiet, churned = churn(gateway, xfrm.Client(socket))

    # A packet that is not under way was sent: at some moment, between two turns, none is.
    wait_until(lambda: gateway.under_way() == [0, 0], 20, "a moment with no packet under way")
    assert gateway.drops() == {}
    received = gateway.received()
    wait_until(lambda: carried(gateway, tunnel.out) >= received["lan0"] > 0 and
               carried(gateway, tunnel.into) >= received["wan0"] > 0, 20, "all in these SAs")
    outcome = gateway.stop()
    assert "heap: balanced" in outcome.output

    for name, turns in churned.items():
        print(f"{turns.total():,} turns while SAs are {name}, {quiet.total():,} in quiet")
        slower(quiet, turns, 0.99)
        assert slower(quiet, turns, 0.5) < SLOWER_AT_MOST
        assert slower(quiet, turns, 0.9) < SLOWER_AT_MOST

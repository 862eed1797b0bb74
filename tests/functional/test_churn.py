# SPDX-License-Identifier: BSD-3-Clause
"""10,000 SAs come, change and go while others carry traffic as fast as a worker can.

Nobody may notice: no packet of an untouched SA is lost, and the histogram of the worker's turns is
that of quiet, since it never waits for the control core.

Turns are compared between windows in which SAs change and windows of quiet that alternate with
them, every kind of change for itself. The control core makes a change or two in each turn of the
worker, so that a worker that waited for one to end would wait in nearly every turn. Three things tell:

* The whole histograms, all windows of a kind together, for any length: of the turns of churn, no
  greater part may exceed twice that length than of the turns of quiet exceed the length itself. The
  factor is for buckets, which are powers of two. On a machine that others use too, a few turns in a
  hundred lose the CPU for a while, in quiet as in churn; windows do not get quite the same share of
  that, hence a tolerance.
* The median turn, which the caches that both cores share make longer by some hundredths of a power
  of two, and a lock by a third to a whole one (tried: a worker that spins while a request is carried out). What
  neighbours do to a window, another is spared, so the round that shows the least difference counts.
* How often the worker let go of its CPU by itself, to wait for somebody. The kernel counts that.
"""
import os
import re
import time
from collections import Counter
from pathlib import Path

import pytest

import capture
import wire
import xfrm
from esp import Sa
from gateway import PATIENCE, Gateway, wait_until
from topology import HOST, WAN_ADDRESS, Topology

pytestmark = [pytest.mark.alone, pytest.mark.once]

SAS = 10_000
ROUNDS = 1, 16, 1, 16  # requests sent ahead of their answers; each round has its own SAs
QUIET_SECONDS = 0.2
FRAMES = 512  # in each of the files that are sent for ever
TOLERANCE = 0.1  # of all turns
SLOWER_AT_MOST = 0.2  # of a power of two, the median turn


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

    def switches(self):
        """How often the worker gave its CPU away by itself."""
        for task in Path(f"/proc/{self.process.pid}/task").iterdir():
            if re.fullmatch(r"(rte|dpdk)-worker-?1", (task / "comm").read_text().strip()):
                return int(re.search(r"^voluntary_ctxt_switches:\s*(\d+)",
                                     (task / "status").read_text(), re.M)[1])
        raise AssertionError("the worker's thread is not found by its name")

    def with_none_under_way(self):
        """Directions of which all packets that were received are sent."""
        lan, wan = self.show("ports")
        return {name for name, received, sent in (("out", lan, wan), ("in", wan, lan))
                if received["rx"]["packets"] == sent["tx"]["packets"]}


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


def longer(turns, log2):
    """The part of them that took 2^log2 cycles or more."""
    return sum(count for bucket, count in turns.items() if bucket >= log2) / turns.total()


def excess(usual, other):
    """By how much more of the others exceed twice a length than usual ones the length, at most."""
    return max(longer(other, log2 + 1) - longer(usual, log2) for log2 in range(max(other) + 1))


def median(turns):
    """In powers of two; a bucket is taken to be evenly filled."""
    wanted = turns.total() / 2
    for log2, count in sorted(turns.items()):
        if count >= wanted:
            return log2 + wanted / count
        wanted -= count
    raise AssertionError("no turns")


def show(name, turns):
    parts = " ".join(f"2^{bucket}:{100 * count / turns.total():.2f}%"
                     for bucket, count in sorted(turns.items()))
    print(f"{name:8} {turns.total():>9,} turns  {parts}")


def churn(gateway, client):
    """All rounds: pairs (turns of quiet, turns of churn), in lists by kind of wave."""
    pairs = {}
    for number, ahead in enumerate(ROUNDS):
        for name, requests in waves(number).items():
            quiet, churned = Counter(), Counter()
            watch(gateway, quiet, lambda: time.sleep(QUIET_SECONDS))
            seconds = watch(gateway, churned, lambda: client.pour(requests, ahead))
            watch(gateway, quiet, lambda: time.sleep(QUIET_SECONDS))
            pairs.setdefault(name, []).append((quiet, churned))
            print(f"{SAS / seconds:,.0f} SAs {name} in a second, {ahead} requests at a time: "
                  f"median turn 2^{median(quiet):.2f} to 2^{median(churned):.2f} cycles")
            assert len(client.list()) == 2 + SAS * (name != "deleted")
    return pairs


def test_churn_is_not_felt(gateway, socket):
    tunnel = Topology()[1]
    switches = gateway.switches()
    pairs = churn(gateway, xfrm.Client(socket))
    assert gateway.switches() == switches

    # A packet that is not under way was sent. Of each direction there are moments when none is: while the worker is busy
    # with the other one.
    seen = set()
    wait_until(lambda: seen.update(gateway.with_none_under_way()) or len(seen) == 2, 60,
               "a moment with no packet under way, for each direction")
    assert gateway.drops() == {}
    received = gateway.received()
    wait_until(lambda: carried(gateway, tunnel.out) >= received["lan0"] > 0 and
               carried(gateway, tunnel.into) >= received["wan0"] > 0, 20, "all in these SAs")
    outcome = gateway.stop()
    assert "heap: balanced" in outcome.output

    quiet = sum((quiet for rounds in pairs.values() for quiet, _ in rounds), Counter())
    show("quiet", quiet)
    for name, rounds in pairs.items():
        turns = sum((churned for _, churned in rounds), Counter())
        show(name, turns)
        assert excess(quiet, turns) < TOLERANCE
        assert excess(turns, quiet) < TOLERANCE
        assert min(median(churned) - median(before) for before, churned in rounds) < \
            SLOWER_AT_MOST * PATIENCE

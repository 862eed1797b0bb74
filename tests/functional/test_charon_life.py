# SPDX-License-Identifier: BSD-3-Clause
"""What charon leaves to its kernel: when an SA's life ends, when one is wanted, who is alive.

ike_net.py draws the stage. Nobody but Espalier tells our charon that it is time: its limits are in no
other place, and the peer has none.
"""
import re
import time

import pytest

import ike_net
from gateway import wait_until
from ike_net import NEVER, lost
from topology import Topology

pytestmark = [pytest.mark.once,
              pytest.mark.skipif(ike_net.why_not() is not None, reason=ike_net.why_not() or "")]

# Each is reached after about two seconds of twenty pings of 84 bytes.
LIMITS = {
    "time": "rekey_time = 2s\n        life_time = 60s\n        rand_time = 0s\n",
    "packets": NEVER + "rekey_packets = 40\n        life_packets = 400\n        rand_packets = 0\n",
    "bytes": NEVER + "rekey_bytes = 3400\n        life_bytes = 34000\n        rand_bytes = 0\n",
}


@pytest.fixture
def net(tmp_path):
    with ike_net.IkeNet(tmp_path, Topology()) as stage:
        yield stage


@pytest.fixture
def charons(net):
    """(ours, the peer's); the peer awaits us."""
    with ike_net.OurCharon(net) as ours, ike_net.Charon(net) as peer:
        peer.load(child=NEVER)
        yield ours, peer


def rekeyings(charon):
    """What started them, as its log has it."""
    return re.findall(r"creating rekey job for CHILD_SA ESP/0x", charon.log())


@pytest.mark.parametrize("limit", LIMITS)
def test_rekeyed_when_the_limit_is_reached(net, charons, limit):
    """By soft EXPIREs, twice and more, under way of pings of which none is lost."""
    ours, peer = charons
    ours.load(child=LIMITS[limit])
    ours.swanctl("--initiate", "--child", "n")
    seen = net.spis()
    assert len(seen) == 2 and net.ping() == 1
    pings = net.pinging()

    def two_more_pairs():
        seen.update(net.spis())
        return len(seen) >= 6

    wait_until(two_more_pairs, 12, "two rekeyings")
    assert lost(pings) == set()
    assert rekeyings(ours) and not rekeyings(peer)
    assert net.drops().keys() <= {"not_ip", "no_neighbor"}


def test_a_limit_of_nothing_is_never_reached(net, charons):
    """The test above would tell nothing if charon rekeyed by itself."""
    ours, _ = charons
    ours.load(child=NEVER)
    ours.swanctl("--initiate", "--child", "n")
    first = net.spis()
    pings = net.pinging(0.02)
    time.sleep(4)
    assert lost(pings) == set()
    assert net.spis() == first and rekeyings(ours) == []


def test_a_hard_limit_ends_it_and_charon_begins_anew(net, charons):
    """What was never rekeyed stops at its last packet; charon hears of it and negotiates again."""
    ours, _ = charons
    ours.load(child="rekey_time = 0s\n        life_time = 0s\n        rekey_packets = 0\n"
              "        life_packets = 40\n")
    ours.swanctl("--initiate", "--child", "n")
    first = net.spis()
    pings = net.pinging()
    net.new_pair(besides=first, seconds=6)
    lost(pings)
    assert net.ping(3) == 3


def in_two_orders(arrived, waited):
    """Whether 1 to `waited` came one after the other, and what is above, too."""
    return all(part == sorted(part) for part in ([n for n in arrived if n <= waited],
                                                 [n for n in arrived if n > waited]))


def test_started_on_demand(net, charons):
    """A trap: packets ask for the SA and wait for it; all arrive. Those that waited keep their order, and so do
    the others, but one that comes as the SA does may pass them."""
    ours, _ = charons
    ours.load(child=NEVER + "start_action = trap\n")
    wait_until(lambda: net.tunnel_state() == "idle", 5, "the trap")
    assert net.spis() == set()
    said = net.run_in(net.up, "ping", "-n", "-c", "20", "-i", "0.002", "-W", "5",
                      "-I", ike_net.INSIDE, ike_net.PEER_INSIDE).stdout
    arrived = [int(number) for number in re.findall(r"icmp_seq=(\d+) ttl", said)]
    assert sorted(arrived) == list(range(1, 21)), said
    assert any(in_two_orders(arrived, waited) for waited in range(2, 21)), said
    assert net.tunnel_state() == "up" and len(net.spis()) == 2
    assert net.drops().keys() <= {"not_ip", "no_neighbor"}


DPD_SECONDS = 2


def test_dead_peer_detection_listens_to_traffic(net, charons):
    """It asks when nothing came, and is quiet while packets come."""
    ours, _ = charons
    ours.load(connection=f"dpd_delay = {DPD_SECONDS}s", child=NEVER)
    ours.swanctl("--initiate", "--child", "n")

    def asked():
        return ours.counter("info-out-req")

    before = asked()
    wait_until(lambda: asked() >= before + 2, 4 * DPD_SECONDS, "questions while nothing comes")
    pings = net.pinging(0.1)
    time.sleep(1)
    before = asked()
    time.sleep(4 * DPD_SECONDS)
    assert asked() == before
    assert lost(pings) == set()


def test_a_restart_of_the_gateway(net, charons):
    """Its SAs are lost with it; both are told as expired, and charon, which runs on, makes new ones."""
    ours, _ = charons
    ours.load(child=NEVER)
    ours.swanctl("--initiate", "--child", "n")
    before = net.spis()
    assert net.ping() == 1
    net.stop()
    net.start()
    net.new_pair(besides=before, seconds=20)
    wait_until(lambda: net.ping(3) == 3, 5, "packets")
    assert ours.process.poll() is None and "told that they expired" in ours.log()

# SPDX-License-Identifier: BSD-3-Clause
"""espalier-sync as FPM server: a zebra of our own, hostile ones, and FRR's. kernel_net.py draws the stage."""
import random
import socket
import struct
import time

import pytest

import frr
import kernel_net
import sync as s
from gateway import wait_until
from kernel_net import ip
from sync import (Events, FakeZebra, LargeNet, agree, compare, frame, group, multipath, nexthop_message, prefixes,
                  route_message, routes, syncs, u32, wait_routes)
from topology import WAN_ADDRESS, WAN_ROUTER, Topology

pytestmark = [pytest.mark.once,
              pytest.mark.skipif(kernel_net.why_not() is not None, reason=kernel_net.why_not() or "")]


@pytest.fixture
def net(tmp_path):
    with LargeNet(tmp_path, Topology()) as stage:
        yield stage


@pytest.fixture
def start(net):
    with syncs(net) as start_sync:
        def start_server(*options):
            server = start_sync("--fpm", s.FPM_PORT, *options)
            wait_until(lambda: listens(net), 10, "the FPM port")
            return server

        yield start_server


def listens(net):
    return f":{s.FPM_PORT} " in net.run_in(net.up, "ss", "-ltn").stdout


def index(net, name):
    return net.link(name)["ifindex"]


def oif(net, name):
    return s.nl.attribute(s.OIF, u32(index(net, name)))


def frames(net, wanted):
    """One for each prefix, into the first tunnel."""
    way = oif(net, "conn1")
    return [frame(route_message(one, way)) for one in wanted]


# --- a zebra of our own


def test_frames(net, start):
    """Several messages in a frame, several frames in a segment, one frame in many."""
    start()
    zebra = FakeZebra(net)
    one = route_message("100.70.0.0/24", oif(net, "conn1"))
    two = route_message("100.70.1.0/24", multipath((index(net, "conn1"), 3), (index(net, "conn2"), 1)))
    three = route_message("100.70.2.0/24", route_type=s.BLACKHOLE)
    zebra.say(frame(one, two), frame(three))
    expected = {"100.70.0.0/24": ("bgp", ["conn1"]), "100.70.1.0/24": ("bgp", ["conn1*3", "conn2*1"]),
                "100.70.2.0/24": ("bgp", ["drop"])}
    wait_routes(net, expected)
    for byte in frame(route_message("100.70.3.0/24", oif(net, "conn3"))):
        zebra.say(bytes([byte]))
    expected["100.70.3.0/24"] = ("bgp", ["conn3"])
    wait_routes(net, expected)
    zebra.say(frame(route_message("100.70.0.0/24", kind=s.DELROUTE)))
    del expected["100.70.0.0/24"]
    wait_routes(net, expected)


def test_a_change_leaves_no_hole(net, start):
    """zebra changes a route by DELROUTE and NEWROUTE in one frame."""
    start()
    zebra = FakeZebra(net)
    zebra.say(frame(route_message("100.70.0.0/24", oif(net, "conn1"))))
    wait_routes(net, {"100.70.0.0/24": ("bgp", ["conn1"])})
    events = Events(net.socket)
    zebra.say(frame(route_message("100.70.0.0/24", kind=s.DELROUTE),
                    route_message("100.70.0.0/24", oif(net, "conn2"))))
    wait_routes(net, {"100.70.0.0/24": ("bgp", ["conn2"])})
    assert events.take() == [(True, "100.70.0.0/24")]


def test_nexthop_groups(net, start):
    start()
    zebra = FakeZebra(net)
    zebra.say(frame(nexthop_message(1, s.nl.attribute(s.NHA_OIF, u32(index(net, "conn1"))))),
              frame(nexthop_message(2, s.nl.attribute(s.NHA_OIF, u32(index(net, "conn2"))))),
              frame(nexthop_message(10, group((1, 1), (2, 2)))),
              *(frame(route_message(one, s.nl.attribute(s.NH_ID, u32(10)))) for one in ("100.70.0.0/24", "100.70.1.0/24")),
              frame(route_message("100.70.2.0/24", s.nl.attribute(s.NH_ID, u32(1)))),
              frame(route_message("100.70.3.0/24", s.nl.attribute(s.NH_ID, u32(77)))))
    both = ("bgp", ["conn1*1", "conn2*2"])
    expected = {"100.70.0.0/24": both, "100.70.1.0/24": both, "100.70.2.0/24": ("bgp", ["conn1"])}
    wait_routes(net, expected)
    # A member that changes changes the groups it is in; an object that comes late is not too late.
    zebra.say(frame(nexthop_message(1, s.nl.attribute(s.NHA_OIF, u32(index(net, "conn3"))))),
              frame(nexthop_message(77, s.nl.attribute(s.NHA_OIF, u32(index(net, "conn2"))))))
    both = ("bgp", ["conn2*2", "conn3*1"])
    wait_routes(net, {"100.70.0.0/24": both, "100.70.1.0/24": both, "100.70.2.0/24": ("bgp", ["conn3"]),
                      "100.70.3.0/24": ("bgp", ["conn2"])})


def by(number):
    return s.nl.attribute(s.NH_ID, u32(number))


def object_out_of(net, number, name):
    return nexthop_message(number, s.nl.attribute(s.NHA_OIF, u32(index(net, name))))


def test_a_restarted_zebra_numbers_anew(net, start):
    """Routes that it has not told again keep their ways, whatever the numbers mean by now: also when a third zebra
    comes meanwhile, and when Espalier is restarted."""
    sync = start("--no-mirror")
    zebra = FakeZebra(net)
    zebra.say(frame(object_out_of(net, 1, "conn1"), object_out_of(net, 2, "conn2"), nexthop_message(10, group((1, 1), (2, 2))),
                    nexthop_message(11, s.nl.attribute(s.NHA_BLACKHOLE, b""))),
              frame(*(route_message(f"100.70.{number}.0/24", by(number)) for number in (1, 2, 10, 11))))
    expected = {"100.70.1.0/24": ("bgp", ["conn1"]), "100.70.2.0/24": ("bgp", ["conn2"]),
                "100.70.10.0/24": ("bgp", ["conn1*1", "conn2*2"]), "100.70.11.0/24": ("bgp", ["drop"])}
    wait_routes(net, expected)
    sync.wait_in_step()
    events = Events(net.socket)

    zebra.socket.close()
    zebra = FakeZebra(net)
    zebra.say(frame(object_out_of(net, 1, "conn3"), nexthop_message(2, family=socket.AF_INET6),
                    nexthop_message(10, s.nl.attribute(s.NHA_OIF, u32(index(net, "lo")))), object_out_of(net, 11, "conn3")),
              frame(route_message("100.71.1.0/24", by(1))))
    expected["100.71.1.0/24"] = ("bgp", ["conn3"])
    wait_routes(net, expected)
    third = FakeZebra(net)
    third.say(frame(*(object_out_of(net, number, "conn2") for number in (1, 2, 10, 11))),
              frame(route_message("100.72.1.0/24", by(1))))
    expected["100.72.1.0/24"] = ("bgp", ["conn2"])
    wait_routes(net, expected)
    assert events.take() == [(True, "100.71.1.0/24"), (True, "100.72.1.0/24")]

    net.process.kill()
    net.process.wait()
    net.start()
    wait_routes(net, expected)
    third.say(*(frame(route_message(f"100.70.{number}.0/24", by(number))) for number in (1, 2, 10, 11)),
              frame(route_message("100.71.1.0/24", by(1))))
    sync.wait_in_step(2)
    assert routes(net) == {prefix: ("bgp", ["conn2"]) for prefix in expected}


def test_an_object_that_comes_late_takes_no_route_away(net, start):
    """zebra says a route while it is still listing its nexthop objects to whom it just connected to."""
    sync = start("--no-mirror")
    zebra = FakeZebra(net)
    zebra.say(frame(object_out_of(net, 1, "conn1"), route_message("100.70.1.0/24", by(1))))
    wait_routes(net, {"100.70.1.0/24": ("bgp", ["conn1"])})
    sync.wait_in_step()
    events = Events(net.socket)
    zebra.socket.close()
    zebra = FakeZebra(net)
    zebra.say(frame(route_message("100.70.1.0/24", by(7)), route_message("100.70.2.0/24", by(1))))
    for number in (3, 5, 1):
        zebra.say(frame(object_out_of(net, number, "conn2")))
        time.sleep(0.1)
    assert events.take() == [(True, "100.70.2.0/24")]
    zebra.say(frame(object_out_of(net, 7, "conn3")))
    wait_routes(net, {"100.70.1.0/24": ("bgp", ["conn3"]), "100.70.2.0/24": ("bgp", ["conn2"])})
    assert events.take() == [(True, "100.70.1.0/24")]


def test_what_comes_by_which_way(net, start):
    """FRR's protocols by FPM alone, all others by the kernel alone."""
    start().wait_in_step()
    zebra = FakeZebra(net)
    ip("-n", net.up, "route", "add", "100.70.0.0/24", "dev", "conn1", "proto", "186")
    ip("-n", net.up, "route", "add", "100.70.1.0/24", "dev", "conn1", "proto", "12")
    zebra.say(frame(route_message("100.70.2.0/24", oif(net, "conn1"), protocol=196)),
              frame(route_message("100.70.3.0/24", oif(net, "conn1"), protocol=2)),
              frame(route_message("100.70.4.0/24", oif(net, "conn1"), table=100)))
    wait_routes(net, {"100.70.1.0/24": (12, ["conn1"]), "100.70.2.0/24": (196, ["conn1"])})


def test_zebra_comes_back(net, start):
    """Its routes stay meanwhile; what it does not tell again goes when the grace time is over."""
    sync = start("--no-mirror", "--fpm-grace", "6")
    wanted = prefixes(3000)
    said = frames(net, wanted)
    zebra = FakeZebra(net)
    zebra.say(*said)
    sync.wait_in_step()
    assert len(routes(net)) == 3000
    events = Events(net.socket)
    zebra.socket.close()
    wait_until(lambda: "its routes stay" in sync.said(), 5, "a word")
    zebra = FakeZebra(net)
    zebra.say(*said)
    sync.wait_in_step(2)  # nothing was missing: no need for the grace time
    zebra.socket.close()
    zebra, came = FakeZebra(net), time.monotonic()
    zebra.say(*said[:2990], frame(route_message(wanted[2999], kind=s.DELROUTE)))
    wait_until(lambda: events.take() == [(False, wanted[2999])], 3, "the deleted one to go")
    assert len(routes(net)) == 2999
    sync.wait_in_step(3)
    assert time.monotonic() - came >= 6
    assert sorted(events.take()) == sorted((False, one) for one in wanted[2990:2999])
    assert "9 routes did not come again" in sync.said()
    sync.stop()


def test_sync_comes_back(net, start):
    """espalier-sync is killed, and zebra, which sees that, connects to the next."""
    first = start("--no-mirror")
    wanted = prefixes(3000)
    said = frames(net, wanted)
    zebra = FakeZebra(net)
    zebra.say(*said)
    first.wait_in_step()
    first.process.kill()
    first.process.wait()
    events = Events(net.socket)
    second = start("--no-mirror", "--fpm-grace", "1")
    zebra = FakeZebra(net)
    zebra.say(*said[1:])
    second.wait_in_step()
    assert events.take() == [(False, wanted[0])]


def test_espalier_comes_back(net, start):
    sync = start("--no-mirror")
    zebra = FakeZebra(net)
    zebra.say(*frames(net, prefixes(3000)))
    sync.wait_in_step()
    net.process.kill()
    net.process.wait()
    zebra.say(frame(route_message("100.70.0.0/24", oif(net, "conn2"))))
    net.start()
    sync.wait_in_step(2)
    assert len(routes(net)) == 3001


# --- a hostile one


HOSTILE = {
    "no netlink": (struct.pack("!BBH", 1, 2, 8) + bytes(4), "FPM messages of type 2"),
    "another version": (b"GET / HTTP/1.0\r\n\r\n", "FPM version 71"),
    "too short": (struct.pack("!BBH", 1, 1, 3), "less than its header"),
    "longer than its frame": (frame(struct.pack("=IHHII", 4000, 24, 0, 0, 0) + bytes(20)), "4000 bytes long"),
    "a message of nothing": (frame(bytes(16)), "less than its header"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_no_frame(net, start, what):
    sync = start("--no-mirror")
    good, bad = FakeZebra(net), HOSTILE[what]
    good.say(frame(route_message("100.70.0.0/24", oif(net, "conn1"))))
    wait_routes(net, {"100.70.0.0/24": ("bgp", ["conn1"])})
    hostile = FakeZebra(net)
    hostile.say(bad[0])
    assert hostile.is_hung_up() and good.is_hung_up()
    assert bad[1] in sync.said()
    wait_routes(net, {"100.70.0.0/24": ("bgp", ["conn1"])})
    sync.stop()


def test_noise(net, start):
    """Damaged frames, thousands of them: whatever they say, it goes on serving."""
    rng = random.Random(5)
    sync = start("--no-mirror")
    whole = [frame(route_message("100.70.0.0/24", oif(net, "conn1"))),
             frame(route_message("100.70.1.0/24", multipath((1, 1), (2, 2), (3, 3)))),
             frame(nexthop_message(10, group((1, 1), (2, 2)))),
             frame(route_message("100.70.2.0/24", s.nl.attribute(s.NH_ID, u32(10))))]
    for _ in range(300):
        hostile = FakeZebra(net)
        stream = bytearray(b"".join(rng.choice(whole) for _ in range(rng.randrange(1, 20))))
        for _ in range(rng.randrange(4)):
            stream[rng.randrange(len(stream))] = rng.randrange(256)
        try:
            hostile.say(bytes(stream[:rng.randrange(1, len(stream) + 1)]))
        except (BrokenPipeError, ConnectionResetError):
            pass
        hostile.socket.close()
    zebra = FakeZebra(net)
    zebra.say(frame(route_message("100.71.0.0/24", oif(net, "conn1"))))
    wait_until(lambda: "100.71.0.0/24" in routes(net), 5, "a good route")
    sync.stop()


# --- FRR


@pytest.fixture
def make_frr():
    made = []

    def make(namespace, config):
        made.append(frr.Frr(namespace, config))
        return made[-1]

    yield make
    for one in made:
        one.raze()


needs_frr = pytest.mark.skipif(frr.why_not() is not None, reason=frr.why_not() or "")
ZEBRA = ("-M", "dplane_fpm_nl")


@needs_frr
@pytest.mark.parametrize("groups", ["fpm use-next-hop-groups", "no fpm use-next-hop-groups"])
def test_zebra_and_staticd(net, start, make_frr, groups):
    sync = start()
    daemons = make_frr(net.up, f"""
fpm address 127.0.0.1 port {s.FPM_PORT}
{groups}
ip route 100.70.0.0/24 conn1
ip route 100.70.1.0/24 conn1
ip route 100.70.1.0/24 conn2
ip route 100.70.1.0/24 conn3
ip route 100.70.2.0/24 blackhole
ip route 100.70.3.0/24 {WAN_ROUTER}
""")
    daemons.start("zebra", *ZEBRA).start("staticd")
    expected = {"100.70.0.0/24": (196, ["conn1"]), "100.70.1.0/24": (196, ["conn1*1", "conn2*1", "conn3*1"]),
                "100.70.2.0/24": (196, ["drop"]), "100.70.3.0/24": (196, [f"{WAN_ROUTER}@wan0"])}
    wait_routes(net, expected, 15)
    agree(net)
    events = Events(net.socket)
    daemons.configure("no ip route 100.70.1.0/24 conn2", "no ip route 100.70.0.0/24 conn1", "ip route 100.70.0.0/24 conn3")
    expected["100.70.1.0/24"] = (196, ["conn1*1", "conn3*1"])
    expected["100.70.0.0/24"] = (196, ["conn3"])
    wait_routes(net, expected)
    assert (False, "100.70.1.0/24") not in events.take()
    wait_until(lambda: compare(net).returncode == 0, 5, "both to agree")
    wait_until(lambda: "in step: fpm, 4 routes" in sync.said(), 15, "FPM in step")

    # Killed, and back with the configuration of before: what is the same is not touched.
    daemons.kill("zebra", "staticd")
    events.take()
    daemons.start("zebra", *ZEBRA).start("staticd")
    expected["100.70.0.0/24"] = (196, ["conn1"])
    expected["100.70.1.0/24"] = (196, ["conn1*1", "conn2*1", "conn3*1"])
    wait_routes(net, expected, 15)
    assert sorted(events.take()) == [(True, "100.70.0.0/24"), (True, "100.70.1.0/24")]
    sync.stop()
@needs_frr
def test_bgp_is_killed_and_comes_back(net, start, make_frr):
    """2000 prefixes from the router on the wire, through Espalier's own port. FRR starts anew with nothing, and gets
    them again when the session is back: until then they stay as they are."""
    sync = start()
    wanted = prefixes(2000)
    common = "no bgp ebgp-requires-policy\nno bgp network import-check\n"
    make_frr(net.wire, f"router bgp 65530\nbgp router-id {WAN_ROUTER}\n{common}neighbor {WAN_ADDRESS} remote-as 65531\n"
             f"neighbor {WAN_ADDRESS} timers connect 1\naddress-family ipv4 unicast\n"
             + "\n".join(f"network {one}" for one in wanted)).start("bgpd", "-Z")
    ours = make_frr(net.up, f"fpm address 127.0.0.1 port {s.FPM_PORT}\nrouter bgp 65531\n{common}"
                    f"neighbor {WAN_ROUTER} remote-as 65530\nneighbor {WAN_ROUTER} timers connect 1\n")
    ours.start("zebra", *ZEBRA).start("bgpd")
    expected = {one: ("bgp", [f"{WAN_ROUTER}@wan0"]) for one in wanted}
    wait_until(lambda: routes(net) == expected, 40, f"2000 routes: {sync.said()}")
    wait_until(lambda: "in step: fpm, 2000 routes" in sync.said(), 15, f"FPM in step: {sync.said()}")
    agree(net)
    events = Events(net.socket)
    ours.kill("zebra", "bgpd")  # in this order: a zebra that sees bgpd go deletes its routes
    ours.start("zebra", *ZEBRA).start("bgpd")
    wait_until(lambda: sync.said().count("in step: fpm, 2000 routes") == 2, 60, f"FPM in step again: {sync.said()}")
    assert routes(net) == expected and events.take() == []
    ours.configure("router bgp 65531", f"neighbor {WAN_ROUTER} shutdown")
    wait_until(lambda: routes(net) == {}, 20, "all to go")
    sync.stop()

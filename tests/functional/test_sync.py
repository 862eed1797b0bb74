# SPDX-License-Identifier: BSD-3-Clause
"""espalier-sync mirrors the kernel's routes. kernel_net.py draws the stage; sync.py stands beside it."""
import ipaddress
import subprocess
import threading
import time

import pytest

import kernel_net
import wire
from gateway import wait_until
from kernel_net import ip
from sync import (ESPALIER_SYNC, Events, LargeNet, agree, batch, compare, prefixes, routes, syncs, wait_routes)
from topology import WAN_ROUTER, Topology

pytestmark = pytest.mark.skipif(kernel_net.why_not() is not None, reason=kernel_net.why_not() or "")

BOOT = 3
PEER_HOST = "198.18.0.1"


@pytest.fixture
def net(tmp_path):
    with LargeNet(tmp_path, Topology()) as stage:
        yield stage


@pytest.fixture
def start(net):
    """start(options...) -> a running Sync."""
    with syncs(net) as start_sync:
        yield start_sync


def route(net, *words):
    return ip("-n", net.up, "route", *words)


@pytest.mark.parametrize("words, said", [
    (["extra"], "'extra' is no option"), (["-n", "gw", "more", "--compare"], "'more' is no option"),
    (["--no-mirror"], "--no-mirror without --fpm")])
def test_wrong_command_line(words, said):
    done = subprocess.run([str(ESPALIER_SYNC), *words], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and said in done.stderr and "--help" in done.stderr


def test_routes_come_change_and_go(net, start):
    route(net, "add", "100.64.0.0/24", "dev", "conn1")  # before it starts
    sync = start().wait_in_step()
    expected = {"100.64.0.0/24": (BOOT, ["conn1"])}
    wait_routes(net, expected)

    route(net, "add", "100.64.1.0/24", "via", WAN_ROUTER, "dev", "wan0", "proto", "bird")
    expected["100.64.1.0/24"] = (12, [f"{WAN_ROUTER}@wan0"])
    route(net, "add", "blackhole", "100.64.2.0/24")
    expected["100.64.2.0/24"] = (BOOT, ["drop"])
    route(net, "add", "prohibit", "100.64.4.0/24")
    expected["100.64.4.0/24"] = (BOOT, ["prohibited"])
    route(net, "add", "100.64.3.0/24", "nexthop", "dev", "conn1", "weight", "2", "nexthop", "via", "169.254.11.2",
          "dev", "conn2")
    expected["100.64.3.0/24"] = (BOOT, ["conn1*2", "conn2*1"])
    wait_routes(net, expected)
    agree(net)

    route(net, "replace", "100.64.0.0/24", "dev", "conn3")
    expected["100.64.0.0/24"] = (BOOT, ["conn3"])
    route(net, "del", "100.64.2.0/24")
    del expected["100.64.2.0/24"]
    wait_routes(net, expected)
    agree(net)
    sync.stop()
    wait_routes(net, expected)  # they stay


def test_what_is_not_for_espalier(net, start):
    """Routes out of other interfaces, of other tables, by TOS; and Espalier's own connected ones."""
    ip("-n", net.up, "tuntap", "add", "other0", "mode", "tun")
    ip("-n", net.up, "link", "set", "other0", "up")
    route(net, "add", "100.64.0.0/24", "dev", "other0")
    route(net, "add", "100.64.1.0/24", "dev", "conn1", "table", "100")
    route(net, "add", "100.64.2.0/24", "dev", "conn1", "tos", "0x10")
    route(net, "add", "100.64.3.0/24", "nexthop", "dev", "other0", "nexthop", "dev", "conn1")
    sync = start().wait_in_step()
    wait_routes(net, {"100.64.3.0/24": (BOOT, ["conn1"])})
    assert "1 of other interfaces; 1 of kinds that Espalier has not" in sync.said()
    agree(net)


    start("--table", "100").wait_in_step()  # takes over
    wait_routes(net, {"100.64.1.0/24": (BOOT, ["conn1"])})
    route(net, "add", "100.64.4.0/24", "dev", "conn1")  # the first one notices when it has something to say
    assert sync.process.wait(10) == 1 and "another espalier-sync has taken over" in sync.said()


def test_the_best_of_several(net, start):
    route(net, "add", "100.64.0.0/24", "dev", "conn1", "metric", "20")
    start().wait_in_step()
    wait_routes(net, {"100.64.0.0/24": (BOOT, ["conn1"])})
    route(net, "add", "100.64.0.0/24", "dev", "conn2", "metric", "10")
    wait_routes(net, {"100.64.0.0/24": (BOOT, ["conn2"])})
    route(net, "add", "100.64.0.0/24", "dev", "conn3", "metric", "30")
    route(net, "del", "100.64.0.0/24", "metric", "10")
    wait_routes(net, {"100.64.0.0/24": (BOOT, ["conn1"])})
    route(net, "prepend", "100.64.0.0/24", "dev", "conn2", "metric", "20")
    wait_routes(net, {"100.64.0.0/24": (BOOT, ["conn2"])})
    route(net, "append", "100.64.0.0/24", "dev", "conn3", "metric", "20")
    route(net, "del", "100.64.0.0/24", "dev", "conn2", "metric", "20")
    wait_routes(net, {"100.64.0.0/24": (BOOT, ["conn1"])})
    agree(net)


@pytest.mark.parametrize("compatible", [0, 1])
def test_nexthop_objects(net, start, compatible):
    """With and without the ways that the kernel adds to routes for programs which do not know objects."""
    done = net.run_in(net.up, "sysctl", "-qw", f"net.ipv4.nexthop_compat_mode={compatible}")
    assert done.returncode == 0, done.stderr
    ip("-n", net.up, "nexthop", "add", "id", "1", "dev", "conn1")
    ip("-n", net.up, "nexthop", "add", "id", "2", "via", "169.254.11.2", "dev", "conn2")
    ip("-n", net.up, "nexthop", "add", "id", "10", "group", "1,3/2")
    route(net, "add", "100.64.0.0/24", "nhid", "10")
    start().wait_in_step()
    wait_routes(net, {"100.64.0.0/24": (BOOT, ["conn1*3", "conn2*1"])})
    ip("-n", net.up, "nexthop", "replace", "id", "2", "dev", "conn3")
    wait_routes(net, {"100.64.0.0/24": (BOOT, ["conn1*3", "conn3*1"])})
    ip("-n", net.up, "nexthop", "del", "id", "1")
    wait_routes(net, {"100.64.0.0/24": (BOOT, ["conn3"])})
    agree(net)
    ip("-n", net.up, "nexthop", "del", "id", "10")  # takes the route along, without a word
    wait_routes(net, {})


def test_interfaces_that_go_take_routes_along(net, start):
    """The kernel says nothing of the routes that it drops with an interface."""
    route(net, "add", "100.64.0.0/24", "dev", "conn1")
    route(net, "add", "100.64.1.0/24", "nexthop", "dev", "conn1", "nexthop", "dev", "conn2")
    start().wait_in_step()
    ip("-n", net.up, "link", "set", "conn1", "down")
    wait_routes(net, {"100.64.1.0/24": (BOOT, ["conn2"])})
    ip("-n", net.up, "link", "set", "conn1", "up")
    wait_routes(net, {"100.64.1.0/24": (BOOT, ["conn1*1", "conn2*1"])})
    agree(net)


def test_carrier_is_espaliers_business(net, start):
    route(net, "add", "100.64.0.0/24", "dev", "conn1")
    start().wait_in_step()
    events = Events(net.socket)
    net.order("tunnel", "conn1", "down")
    wait_until(lambda: "NO-CARRIER" in net.link("conn1")["flags"], 2, "no carrier")
    time.sleep(0.3)
    assert events.take() == []
    wait_routes(net, {"100.64.0.0/24": (BOOT, ["conn1"])})


def test_the_configuration_stands(net, start):
    """192.168.0.0/16 is in the configuration: the kernel's other way for it is refused, in words."""
    route(net, "add", "192.168.0.0/16", "dev", "conn1")
    route(net, "add", "100.64.0.0/24", "dev", "conn1")
    sync = start().wait_in_step()
    wait_routes(net, {"100.64.0.0/24": (BOOT, ["conn1"])})
    assert "192.168.0.0/16 is refused: " in sync.said() and "configuration file" in sync.said()
    assert "1 refused" in sync.said()
    done = compare(net)
    assert done.returncode == 1
    assert done.stdout.splitlines()[0].startswith("192.168.0.0/16: kernel dev conn1 proto 3; espalier dev conn1 weight 1")


def test_the_configuration_agrees_by_another_protocol(net, start):
    """The default route that the kernel needs as well. Same ways are enough for the file's routes, and only for them."""
    route(net, "add", "default", "via", WAN_ROUTER, "dev", "wan0")
    route(net, "add", "192.168.0.0/16", *(word for i in (1, 2, 3) for word in ("nexthop", "dev", f"conn{i}")))
    route(net, "add", "100.64.0.0/24", "dev", "conn1")
    sync = start().wait_in_step()
    said = agree(net)
    assert said.startswith("3 routes agree, 0 differ; 2 agree but for the protocol, which is static in Espalier; "), said
    route(net, "replace", "default", "via", WAN_ROUTER, "dev", "wan0", "proto", "static")
    route(net, "del", "192.168.0.0/16")
    assert agree(net).startswith("2 routes agree, 0 differ; 4 static ones"), compare(net).stdout
    sync.kill()  # nobody tells Espalier that the protocol is another
    route(net, "replace", "100.64.0.0/24", "dev", "conn1", "proto", "bird")
    assert compare(net).stdout.startswith("100.64.0.0/24: kernel dev conn1 proto 12; espalier dev conn1 proto 3\n")


def test_a_route_of_many_ways_is_refused_and_the_rest_goes_on(net, start):
    sync = start().wait_in_step()
    gateways = [word for i in range(70) for word in ("nexthop", "via", f"203.0.113.{100 + i}", "dev", "wan0")]
    route(net, "add", "100.64.0.0/24", *gateways)
    route(net, "add", "100.64.1.0/24", "dev", "conn1")
    wait_routes(net, {"100.64.1.0/24": (BOOT, ["conn1"])})
    assert "100.64.0.0/24 is refused: a route has 64 ways at most" in sync.said()
    # One that it had goes when what takes its place is refused.
    route(net, "replace", "100.64.1.0/24", *gateways)
    wait_routes(net, {})
    route(net, "replace", "100.64.1.0/24", "dev", "conn2")
    wait_routes(net, {"100.64.1.0/24": (BOOT, ["conn2"])})


def test_a_restarted_sync_changes_nothing_that_did_not_change(net, start):
    first = start().wait_in_step()
    wanted = prefixes(2000)
    batch(net, [f"route add {one} dev conn{1 + i % 3}" for i, one in enumerate(wanted)])
    wait_until(lambda: len(routes(net)) == 2000, 10, "2000 routes")
    first.process.kill()
    first.process.wait()
    events = Events(net.socket)
    batch(net, [f"route del {wanted[0]}", f"route replace {wanted[1]} dev conn1"])
    start().wait_in_step()
    assert sorted(events.take()) == sorted([(False, wanted[0]), (True, wanted[1])])
    agree(net)


def test_a_restarted_espalier_gets_all_again(net, start):
    sync = start().wait_in_step()
    batch(net, [f"route add {one} dev conn{1 + i % 3}" for i, one in enumerate(prefixes(2000))])
    wait_until(lambda: len(routes(net)) == 2000, 10, "2000 routes")
    net.process.kill()
    net.process.wait()
    route(net, "add", "100.127.0.0/24", "dev", "wan0")
    net.start()
    sync.wait_in_step(2)
    assert len(routes(net)) == 2001
    agree(net)


class Sender:
    """Sends to one prefix after another, for as long as `with` lasts."""

    def __init__(self, net, wanted):
        self.stranger, self.sent, self.ends = kernel_net.Stranger(net), 0, False
        self.packets = [wire.udp_packet(PEER_HOST, str(ipaddress.ip_network(one)[7])) for one in wanted]
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.ends:
            self.stranger.send(self.packets[self.sent % len(self.packets)])
            self.sent += 1
            time.sleep(0.0005)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ends = True
        self.thread.join()


def test_traffic_notices_nothing(net, start):
    """espalier-sync is killed and started again, and its socket overruns, while packets follow its routes."""
    wanted, others = prefixes(300), prefixes(3000, "100.96.0.0")
    batch(net, [f"route add {one} dev conn{1 + i % 3}" for i, one in enumerate(wanted)])
    sync = start("--receive-buffer", "8192").wait_in_step()
    wait_until(lambda: WAN_ROUTER in net.neighbors(), 5, "the router's address")
    before = tunnelled(net), net.drops()
    with Sender(net, wanted) as sender:
        for _ in range(3):
            batch(net, [f"route add {one} dev conn1" for one in others])
            sync.kill()
            batch(net, [f"route del {one}" for one in others[:1500]])
            sync.start().wait_in_step()
            batch(net, [f"route del {one}" for one in others[1500:]])
            wait_until(lambda: len(routes(net)) == 300, 20, "the others to go")
    assert sender.sent > 300
    wait_until(lambda: tunnelled(net) == before[0] + sender.sent, 5, f"all {sender.sent} packets: {net.drops()}")
    assert "no_route" not in net.drops()


def tunnelled(net):
    return sum(row["tx"]["packets"] for row in net.show("tunnels"))


@pytest.mark.once
def test_an_overrun_is_made_good(net, start):
    """50,000 routes at once into a buffer for a few dozens, changed and deleted the same way."""
    sync = start("--receive-buffer", "8192").wait_in_step()
    wanted = prefixes(50000)
    batch(net, [f"route add {one} dev conn{1 + i % 3}" for i, one in enumerate(wanted)])
    wait_until(lambda: len(routes(net)) == 50000, 60, "50000 routes")
    batch(net, [f"route replace {one} dev conn1" for one in wanted[:25000]] +
          [f"route del {one}" for one in wanted[25000:]])
    wait_until(lambda: len(routes(net)) == 25000, 60, "25000 routes")
    wait_until(lambda: compare(net).returncode == 0, 20, "both to agree")
    assert "listing its routes again" in sync.said()
    assert agree(net).startswith("25000 routes agree")

    # The next one's COMMIT waits until the kernel has listed all of them.
    sync.kill()
    events = Events(net.socket)
    start().wait_in_step()
    assert events.take() == []

#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Records iproute2, as it is installed: `scene_ip.py` writes traces/ip-*.trace.

No root; but `ip monitor` asks for every namespace in /run/netns, which a trace is better without.
"""
import os
import re
import subprocess
import sys
import time

import stage

OUT = "src 203.0.113.191 dst 192.0.2.1 proto esp spi 0x1234"
IN = "src 192.0.2.1 dst 203.0.113.191 proto esp spi 0x77"
OTHER = "src 203.0.113.191 dst 192.0.2.2 proto esp spi 0x4321"
WAYS = "tmpl src 203.0.113.191 dst 192.0.2.1 proto esp mode tunnel"
BACK = "tmpl src 192.0.2.1 dst 203.0.113.191 proto esp mode tunnel"
THERE, HERE = "src 10.0.0.0/16 dst 192.168.0.0/16", "src 192.168.0.0/16 dst 10.0.0.0/16"


def key(count):
    return "0x" + os.urandom(count).hex()


def states(ip):
    suite = f"mode tunnel enc cbc(aes) {key(16)} auth-trunc hmac(sha1) {key(20)} 96"
    gcm = f"mode tunnel aead rfc4106(gcm(aes)) {key(20)} 128"
    ip(f"xfrm state add {OUT} {suite} if_id 1 reqid 5")
    ip(f"xfrm state add {OUT} {suite} if_id 1", fails=True)
    ip(f"xfrm state add {IN} {gcm} replay-window 128 flag esn "
       "encap espinudp 4500 4501 0.0.0.0")
    ip(f"xfrm state add {OTHER} {suite} if_id 9", fails=True)
    ip(f"xfrm state add {OTHER} {suite.replace('tunnel', 'transport')}", fails=True)
    ip("xfrm state list")
    ip(f"xfrm state update {OUT} {suite} limit packet-hard 100")
    ip(f"xfrm state update {OTHER} {suite}", fails=True)
    ip(f"xfrm state get {OUT}")
    ip("-s xfrm state list")
    ip("-s xfrm state count")
    said = ip("xfrm state allocspi src 192.0.2.1 dst 203.0.113.191 proto esp mode tunnel "
              "min 0x10000 max 0xffffffff")
    spi = re.search("spi (0x[0-9a-f]+)", said)[1]
    ip(f"xfrm state get src 192.0.2.1 dst 203.0.113.191 proto esp spi {spi}")
    ip(f"xfrm state delete {OUT}")
    ip(f"xfrm state delete {OUT}", fails=True)
    ip(f"xfrm state get {OUT}", fails=True)
    ip("xfrm state deleteall")
    ip("xfrm state list")
    ip(f"xfrm state add {OUT} {suite}")
    ip("xfrm state flush")
    ip("xfrm state flush")
    ip("xfrm state list")


def policies(ip):
    ip(f"xfrm policy add {THERE} dir out if_id 1 priority 100 {WAYS} reqid 5")
    ip(f"xfrm policy add {THERE} dir out if_id 1 {WAYS}", fails=True)
    ip(f"xfrm policy add {HERE} dir in if_id 1 priority 100 {BACK} reqid 5")
    ip(f"xfrm policy add {HERE} dir fwd if_id 1 priority 100 {BACK} reqid 5")
    ip(f"xfrm policy add {THERE} dir out if_id 9 {WAYS}", fails=True)
    ip("xfrm policy add src ::/0 dst ::/0 dir out tmpl src fd00::1 dst fd00::2 proto esp "
       "mode tunnel", fails=True)
    ip("xfrm policy list")
    pinned = WAYS.replace("mode", "spi 0x1234 reqid 6 mode")
    ip(f"xfrm policy update {THERE} dir out if_id 1 priority 50 {pinned}")
    ip(f"xfrm policy get {THERE} dir out if_id 1")
    ip("-s xfrm policy list")
    ip("-s xfrm policy count")
    ip(f"xfrm policy delete {HERE} dir fwd if_id 1")
    ip(f"xfrm policy delete {HERE} dir fwd if_id 1", fails=True)
    ip("xfrm policy deleteall")
    ip(f"xfrm policy add {THERE} dir out if_id 1 {WAYS}")
    ip("xfrm policy flush")
    ip("xfrm policy list")


def filters(ip):
    """What `ip xfrm` has besides: filters of listings, defaults, thresholds, index, marks."""
    suite = f"mode tunnel enc cbc(aes) {key(16)} auth-trunc hmac(sha1) {key(20)} 96"
    ip(f"xfrm state add {OUT} {suite} if_id 1 reqid 5")
    ip(f"xfrm state add {OTHER} {suite} if_id 2 reqid 6")
    ip(f"xfrm state add {IN} {suite} if_id 1 reqid 5 replay-window 32")
    for what in ("src 203.0.113.191", "dst 192.0.2.2", "proto esp spi 0x77", "reqid 5",
                 "mode tunnel", "nokeys"):
        ip(f"xfrm state list {what}")
    ip("xfrm state list proto ah")
    ip(f"xfrm state update {OUT} {suite} if_id 1 reqid 5 limit byte-soft 1000 limit byte-hard 2000 "
       "limit time-soft 100 limit time-hard 200")
    ip("xfrm state allocspi src 192.0.2.1 dst 203.0.113.191 proto esp mode tunnel min 7 max 3",
       fails=True)
    ip("xfrm state deleteall dst 192.0.2.2")
    ip("xfrm state list")
    ip("xfrm state flush proto esp")
    ip("xfrm state flush proto ah", fails=None)
    ip(f"xfrm policy add {THERE} dir out if_id 1 priority 100 {WAYS} reqid 5")
    ip(f"xfrm policy add {HERE} dir in if_id 1 priority 100 {BACK} reqid 5")
    said = ip("xfrm policy list dir out")
    ip("xfrm policy list dir in")
    ip("xfrm policy list src 10.0.0.0/16")
    ip("xfrm policy list dst 10.0.0.0/16 dir in")
    ip("xfrm policy list nosock")
    ip("xfrm policy get dir out index 4097", fails=True)
    ip("xfrm policy getdefault")
    ip("xfrm policy setdefault in accept fwd accept out accept")
    ip("xfrm policy setdefault in block", fails=True)
    ip("xfrm policy set hthresh4 32 32")
    ip("-s xfrm policy count")
    ip("xfrm policy deleteall dir in")
    ip("xfrm policy list")
    ip("xfrm policy flush ptype sub", fails=True)
    ip("xfrm policy flush ptype main")
    ip("xfrm policy list")
    assert "dir out" in said


def monitor(ip):
    suite = f"mode tunnel enc cbc(aes) {key(16)} auth-trunc hmac(sha1) {key(20)} 96"
    with ip.listening("xfrm", "monitor"):
        ip(f"xfrm state add {OUT} {suite}")
        ip(f"xfrm state update {OUT} {suite}")
        ip(f"xfrm policy add {THERE} dir out if_id 1 {WAYS}")
        ip(f"xfrm policy update {THERE} dir out if_id 1 priority 7 {WAYS}")
        ip(f"xfrm policy delete {THERE} dir out if_id 1")
        ip(f"xfrm state delete {OUT}")
        ip(f"xfrm state add {OUT} {suite} limit time-hard 1")
        time.sleep(1.5)
        ip("xfrm policy flush")
        ip("xfrm state flush")


def routes(ip):
    with ip.listening("monitor", "route", "neigh"):
        ip("route show")
        ip("route add 10.77.0.0/16 via 192.168.50.2 dev lan0")
        ip("route add 10.77.0.0/16 via 192.168.50.2 dev lan0", fails=True)
        ip("route replace 10.77.0.0/16 nexthop dev conn1 weight 1 nexthop dev conn2 weight 3")
        ip("route add blackhole 10.78.0.0/16 proto static")
        ip("route add 10.79.0.0/16 via 10.1.2.3", fails=True)
        ip("route get 10.77.1.1 from 10.0.0.1")
        ip("route show 10.77.0.0/16")
        ip("route show table all")
        ip("route del 10.77.0.0/16")
        ip("route del 10.77.0.0/16", fails=True)
        ip("route flush proto static")
        ip("route add fd00::/64 dev lan0", fails=True)
        ip("route show")


def neighbors(ip):
    with ip.listening("monitor", "route", "neigh"):
        ip("neigh show")
        ip("neigh add 192.168.50.9 lladdr 02:00:00:00:00:09 dev lan0")
        ip("neigh replace 192.168.50.9 lladdr 02:00:00:00:00:0a nud permanent dev lan0")
        ip("neigh get 192.168.50.9 dev lan0")
        ip("neigh show dev lan0")
        ip("neigh del 192.168.50.9 dev lan0")
        ip("neigh del 192.168.50.9 dev lan0", fails=True)
        ip("link show")
        ip("addr show")
        ip("link set lan0 down", fails=True)


class Ip:
    """ip("xfrm state ...") -> what it said."""

    def __init__(self, setting, family):
        self.setting, self.family = setting, family

    def __call__(self, words, fails=False):
        self.setting.recorder.remark(f"ip {stage.without_keys(words)}")
        done = subprocess.run(self.setting.command("--family", self.family, "ip", *words.split()),
                              capture_output=True, text=True, timeout=20, check=False)
        if fails is not None and (done.returncode != 0) != fails:
            raise RuntimeError(f"ip {words}: exit status {done.returncode}\n{done.stderr}")
        return done.stdout

    def listening(self, *words):
        self.setting.recorder.remark("ip " + " ".join(words))
        return stage.running(self.setting.command("--family", self.family, "ip", *words))


if __name__ == "__main__":
    title = subprocess.run(["ip", "-V"], capture_output=True, text=True, check=True).stdout.strip()
    names = sys.argv[1:]
    for name, scene, group in (("ip-state", states, "xfrm"), ("ip-policy", policies, "xfrm"),
                               ("ip-filters", filters, "xfrm"),
                               ("ip-monitor", monitor, "xfrm"), ("ip-route", routes, "route"),
                               ("ip-neigh", neighbors, "route")):
        if names and name not in names:
            continue
        with stage.recorded(name, title) as here:
            scene(Ip(here, group))

#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Records strongSwan's charon, as it is installed: writes traces/charon-*.trace. Needs root.

    namespace 1: charon 203.0.113.191 --- veth --- 192.0.2.1 charon :namespace 2
                 on a recorded espalier                      on a socket that says yes to all

    scene_charon.py            all scenes
    scene_charon.py trap up    those
"""
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import stage

# pylint: disable=wrong-import-order
import charon
import espalier_run
import fake_control
import wire
from charon import ip, joined
from gateway import wait_until

HOME, PEER, NEW_PEER = "203.0.113.191", "192.0.2.1", "192.0.2.77"
ADDRESSES = (HOME, PEER)
NETWORKS = ("10.0.0.0/16", "172.16.1.0/24")

CONNECTIONS = """
connections {{ c {{
    version = 2
    proposals = aes128-sha1-modp2048
    local_addrs = {local}
    remote_addrs = {remote}
    dpd_delay = {dpd}
    local {{ auth = psk
             id = {me} }}
    remote {{ auth = psk
              id = {other} }}
    children {{ n {{
        esp_proposals = {esp}
        local_ts = {local_ts}
        remote_ts = {remote_ts}
        if_id_in = {if_id}
        if_id_out = {if_id}
        start_action = {start}
        close_action = none
        dpd_action = clear
    }} }}
}} }}
secrets {{ ike {{ secret = "{secret}" }} }}
"""
SETTINGS = """install_routes = no
    retransmit_timeout = 0.5
    retransmit_tries = 2"""


class Charon(charon.Strongswan):
    def freeze(self):
        """The charon itself, which is a child of espalier-run's; it answers nobody any more."""
        for pid in descendants(self.process.pid):
            os.kill(pid, signal.SIGSTOP)

    def stop(self):
        for pid in descendants(self.process.pid):
            os.kill(pid, signal.SIGCONT)
        super().stop()


def descendants(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        children = [int(word) for word in file.read().split()]
    return [found for child in children for found in (child, *descendants(child))]


@contextmanager
def two_charons(here, *, dpd="0s", start="none", esp="aes128-sha1-modp2048"):
    """(the recorded one, its peer, the namespaces)."""
    control = fake_control.FakeControl(here.directory / "peer.sock").start()
    secret = os.urandom(16).hex()
    try:
        with joined("conformance", ADDRESSES) as names:
            ip("-n", names[0], "route", "add", f"{NEW_PEER}/32", "dev", "v0")
            inside = [("ip", "netns", "exec", name, charon.CHARON) for name in names]
            with Charon(here.directory / f"{esp}-1", espalier_run.command(control.path, *inside[1]),
                        more=SETTINGS) as peer, \
                    Charon(here.directory / f"{esp}-0", here.command(*inside[0]), more=SETTINGS) as recorded:
                recorded.load(connections(0, secret, dpd=dpd, start=start, esp=esp))
                peer.load(connections(1, secret, dpd="0s", start="none", esp=esp))
                yield recorded, peer, names
    finally:
        control.stop()


def connections(number, secret, **settings):
    """The swanctl.conf of one end."""
    return CONNECTIONS.format(
        local=ADDRESSES[number], remote=ADDRESSES[1 - number], me=f"{number}.test",
        other=f"{1 - number}.test", local_ts=NETWORKS[number], remote_ts=NETWORKS[1 - number],
        secret=secret, if_id=1, **settings)


def spis(here):
    return {row["spi"] for row in here.gateway.show("sas")}


def stand(here, count=2, besides=frozenset()):
    """Waits until that many SAs stand, none of them one of those."""
    def there():
        now = spis(here)
        return len(now) == count and not now & set(besides)
    wait_until(there, 15, f"{count} new SAs, now {spis(here)}")


def settled(here, count=2, besides=frozenset()):
    """The same; then the trace lists what there is."""
    stand(here, count, besides)
    time.sleep(0.3)  # charon has policies to say yet
    for what in ("state", "policy"):
        here.recorder.remark(f"ip xfrm {what}")
        subprocess.run(here.command("ip", "xfrm", what), stdout=subprocess.DEVNULL, check=True)


def up_and_down(here):
    with two_charons(here) as (ours, _, _):
        here.recorder.remark("initiate")
        ours.swanctl("--initiate", "--child", "n")
        settled(here)
        here.recorder.remark("terminate the child")
        ours.swanctl("--terminate", "--child", "n")
        settled(here, 0)
        here.recorder.remark("initiate again")
        ours.swanctl("--initiate", "--child", "n")
        settled(here)
        here.recorder.remark("terminate all")
        ours.swanctl("--terminate", "--ike", "c")
        settled(here, 0)
        here.recorder.remark("charon ends")


def suites(here):
    """AEADs, the longer hashes, extended sequence numbers."""
    for esp in ("aes256-sha512-esn", "aes128-sha256-noesn", "aes256gcm16-esn", "chacha20poly1305-esn"):
        with two_charons(here, esp=esp) as (ours, _, _):
            here.recorder.remark(f"initiate, {esp}")
            ours.swanctl("--initiate", "--child", "n")
            settled(here)
            before = spis(here)
            here.recorder.remark("rekey")
            ours.swanctl("--rekey", "--child", "n")
            settled(here, besides=before)
            here.recorder.remark("terminate")
            ours.swanctl("--terminate", "--ike", "c")
            settled(here, 0)


def rekey(here):
    with two_charons(here) as (ours, peer, _):
        here.recorder.remark("the peer initiates")
        peer.swanctl("--initiate", "--child", "n")
        settled(here)
        for title, rekeying in (("us", [ours]), ("the peer", [peer]), ("both", [ours, peer])):
            before = spis(here)
            here.recorder.remark(f"rekey by {title}")
            orders = [subprocess.Popen(one.asking("--rekey", "--child", "n"), env=one.environment(),
                                       stdout=subprocess.DEVNULL) for one in rekeying]
            for order in orders:
                order.wait(10)
            settled(here, besides=before)
            time.sleep(0.5)
            settled(here, besides=before)
        here.recorder.remark("terminate")
        ours.swanctl("--terminate", "--ike", "c")
        settled(here, 0)


def dpd(here):
    with two_charons(here, dpd="1s") as (ours, peer, _):
        here.recorder.remark("initiate")
        ours.swanctl("--initiate", "--child", "n")
        settled(here)
        here.recorder.remark("DPD, the peer answers")
        time.sleep(3.5)
        here.recorder.remark("the peer answers no more")
        peer.freeze()
        settled(here, 0)
        wait_until(lambda: ours.children() == 0, 10, "the child to go")


def trap(here):
    with two_charons(here, start="trap") as (ours, _, _):
        time.sleep(0.5)
        frame = wire.ether(wire.udp_packet("10.0.0.1", "172.16.1.1"))
        here.recorder.remark("a packet for the trap")
        here.recorder.frame("lan0", frame)
        here.gateway.feed("lan0", [frame])
        stand(here)  # no listings: they tell whether the packet has left
        time.sleep(0.3)
        here.recorder.remark("terminate")
        ours.swanctl("--terminate", "--ike", "c")
        stand(here, 0)


def moved(here):
    rows = here.gateway.show("sas")
    return len(rows) == 2 and all(NEW_PEER in (row["source"], row["destination"]) for row in rows)


def move(here):
    with two_charons(here) as (ours, _, names):
        here.recorder.remark("initiate")
        ours.swanctl("--initiate", "--child", "n")
        settled(here)
        here.recorder.remark("the peer moves to another address (MOBIKE)")
        ip("-n", names[1], "addr", "add", f"{NEW_PEER}/32", "dev", "v0")
        ip("-n", names[1], "route", "add", HOME, "dev", "v0", "src", NEW_PEER, "metric", 100)
        time.sleep(0.5)
        ip("-n", names[1], "addr", "del", f"{PEER}/32", "peer", HOME, "dev", "v0")
        wait_until(lambda: moved(here), 15, "the SAs to move")
        settled(here)
        here.recorder.remark("terminate")
        ours.swanctl("--terminate", "--ike", "c")
        settled(here, 0)


SCENES = {"up": (up_and_down, {}), "suites": (suites, {}), "rekey": (rekey, {}), "dpd": (dpd, {}),
          "trap": (trap, {"lan": "live"}), "move": (move, {"kind": "roaming"})}


def version():
    said = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", "charon-systemd"],
                          capture_output=True, text=True, check=True).stdout
    return f"strongSwan's charon-systemd, Debian {said}"


def main():
    for name in sys.argv[1:] or SCENES:
        scene, settings = SCENES[name]
        with stage.recorded(f"charon-{name}", f"{version()}: {name}", **settings) as here:
            scene(here)


if __name__ == "__main__":
    main()

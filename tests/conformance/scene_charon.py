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
import espalier_run
import fake_control
import wire
from gateway import wait_until

HOME, PEER, NEW_PEER = "203.0.113.191", "192.0.2.1", "192.0.2.77"
ADDRESSES = (HOME, PEER)
NETWORKS = ("10.0.0.0/16", "172.16.1.0/24")

STRONGSWAN = """
charon-systemd {{
    load = random nonce openssl sha1 sha2 aes hmac kdf gcm pem pkcs1 x509 pubkey \
kernel-netlink socket-default vici updown counters
    install_routes = no
    retransmit_timeout = 0.5
    retransmit_tries = 2
    journal {{ default = -1 }}
    filelog {{ file {{
        path = {directory}/charon.log
        flush_line = yes
        default = 1
    }} }}
    plugins {{ vici {{ socket = unix://{directory}/vici }} }}
}}
"""
SWANCTL = """
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


class Charon:
    def __init__(self, number, command, directory, **settings):
        self.directory = directory
        directory.mkdir()
        (directory / "strongswan.conf").write_text(STRONGSWAN.format(directory=directory))
        (directory / "swanctl.conf").write_text(SWANCTL.format(
            local=ADDRESSES[number], remote=ADDRESSES[1 - number],
            me=f"{number}.test", other=f"{1 - number}.test",
            local_ts=NETWORKS[number], remote_ts=NETWORKS[1 - number], **settings))
        with open(directory / "log", "wb") as log:
            self.process = subprocess.Popen(command, env=self.environment(), stdout=log,
                                            stderr=log)

    def environment(self):
        return {**espalier_run.ENVIRONMENT, "SWANCTL_DIR": str(self.directory),
                "STRONGSWAN_CONF": str(self.directory / "strongswan.conf")}

    def ready(self):
        wait_until((self.directory / "vici").exists, 10, "charon to start")
        self.swanctl("--load-all")

    def swanctl(self, *words):
        done = subprocess.run(
            ["/usr/sbin/swanctl", *words, "--uri", f"unix://{self.directory}/vici"],
            env=self.environment(), capture_output=True, text=True, timeout=30, check=False)
        if done.returncode:
            raise RuntimeError(f"swanctl {words}: {done.stderr}\n"
                               f"{(self.directory / 'log').read_text()}")
        return done.stdout

    def children(self):
        return self.swanctl("--list-sas").count("INSTALLED")

    def freeze(self):
        """The charon itself, which is a child of espalier-run's; it answers nobody any more."""
        for pid in descendants(self.process.pid):
            os.kill(pid, signal.SIGSTOP)

    def stop(self):
        for pid in descendants(self.process.pid):
            os.kill(pid, signal.SIGCONT)
        self.process.terminate()
        self.process.wait(20)


def descendants(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        children = [int(word) for word in file.read().split()]
    return [found for child in children for found in (child, *descendants(child))]


def ip(*words):
    subprocess.run(["/usr/sbin/ip", *map(str, words)], check=True)


@contextmanager
def namespaces():
    names = [f"conformance-{os.getpid()}-{number}" for number in (1, 2)]
    for name in names:
        ip("netns", "add", name)
    try:
        ip("link", "add", "v0", "netns", names[0], "type", "veth", "peer", "v0", "netns", names[1])
        for name, here, there in zip(names, ADDRESSES, reversed(ADDRESSES)):
            ip("-n", name, "link", "set", "lo", "up")
            ip("-n", name, "addr", "add", f"{here}/32", "peer", there, "dev", "v0")
            ip("-n", name, "link", "set", "v0", "up")
        ip("-n", names[0], "route", "add", f"{NEW_PEER}/32", "dev", "v0")
        yield names
    finally:
        for name in names:
            ip("netns", "del", name)


@contextmanager
def two_charons(here, *, dpd="0s", start="none", esp="aes128-sha1-modp2048"):
    """(the recorded one, its peer, the namespaces)."""
    charons, control = [], fake_control.FakeControl(here.directory / "peer.sock").start()
    secret = os.urandom(16).hex()
    with namespaces() as names:
        try:
            for number, command in enumerate((
                    here.command("ip", "netns", "exec", names[0], "charon-systemd"),
                    espalier_run.command(control.path, "ip", "netns", "exec", names[1],
                                         "charon-systemd"))):
                charons.append(Charon(
                    number, command, here.directory / f"{esp}-{number}", secret=secret, if_id=1,
                    esp=esp,
                    dpd="0s" if number else dpd, start="none" if number else start))
            for charon in charons:
                charon.ready()
            yield (*charons, names)
        finally:
            for charon in charons:
                charon.stop()
            control.stop()


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
    with two_charons(here) as (charon, _, _):
        here.recorder.remark("initiate")
        charon.swanctl("--initiate", "--child", "n")
        settled(here)
        here.recorder.remark("terminate the child")
        charon.swanctl("--terminate", "--child", "n")
        settled(here, 0)
        here.recorder.remark("initiate again")
        charon.swanctl("--initiate", "--child", "n")
        settled(here)
        here.recorder.remark("terminate all")
        charon.swanctl("--terminate", "--ike", "c")
        settled(here, 0)
        here.recorder.remark("charon ends")


def suites(here):
    """AEADs, the longer hashes, extended sequence numbers."""
    for esp in ("aes256-sha512-esn", "aes128-sha256-noesn", "aes256gcm16-esn", "chacha20poly1305-esn"):
        with two_charons(here, esp=esp) as (charon, _, _):
            here.recorder.remark(f"initiate, {esp}")
            charon.swanctl("--initiate", "--child", "n")
            settled(here)
            before = spis(here)
            here.recorder.remark("rekey")
            charon.swanctl("--rekey", "--child", "n")
            settled(here, besides=before)
            here.recorder.remark("terminate")
            charon.swanctl("--terminate", "--ike", "c")
            settled(here, 0)


def rekey(here):
    with two_charons(here) as (charon, peer, _):
        here.recorder.remark("the peer initiates")
        peer.swanctl("--initiate", "--child", "n")
        settled(here)
        for title, rekeying in (("us", [charon]), ("the peer", [peer]), ("both", [charon, peer])):
            before = spis(here)
            here.recorder.remark(f"rekey by {title}")
            orders = [subprocess.Popen(
                ["/usr/sbin/swanctl", "--rekey", "--child", "n", "--uri",
                 f"unix://{one.directory}/vici"], stdout=subprocess.DEVNULL,
                env=one.environment()) for one in rekeying]
            for order in orders:
                order.wait(10)
            settled(here, besides=before)
            time.sleep(0.5)
            settled(here, besides=before)
        here.recorder.remark("terminate")
        charon.swanctl("--terminate", "--ike", "c")
        settled(here, 0)


def dpd(here):
    with two_charons(here, dpd="1s") as (charon, peer, _):
        here.recorder.remark("initiate")
        charon.swanctl("--initiate", "--child", "n")
        settled(here)
        here.recorder.remark("DPD, the peer answers")
        time.sleep(3.5)
        here.recorder.remark("the peer answers no more")
        peer.freeze()
        settled(here, 0)
        wait_until(lambda: charon.children() == 0, 10, "the child to go")


def trap(here):
    with two_charons(here, start="trap") as (charon, _, _):
        time.sleep(0.5)
        frame = wire.ether(wire.udp_packet("10.0.0.1", "172.16.1.1"))
        here.recorder.remark("a packet for the trap")
        here.recorder.frame("lan0", frame)
        here.gateway.feed("lan0", [frame])
        stand(here)  # no listings: they tell whether the packet has left
        time.sleep(0.3)
        here.recorder.remark("terminate")
        charon.swanctl("--terminate", "--ike", "c")
        stand(here, 0)


def moved(here):
    rows = here.gateway.show("sas")
    return len(rows) == 2 and all(NEW_PEER in (row["source"], row["destination"]) for row in rows)


def move(here):
    with two_charons(here) as (charon, _, names):
        here.recorder.remark("initiate")
        charon.swanctl("--initiate", "--child", "n")
        settled(here)
        here.recorder.remark("the peer moves to another address (MOBIKE)")
        ip("-n", names[1], "addr", "add", f"{NEW_PEER}/32", "dev", "v0")
        ip("-n", names[1], "route", "add", HOME, "dev", "v0", "src", NEW_PEER, "metric", 100)
        time.sleep(0.5)
        ip("-n", names[1], "addr", "del", f"{PEER}/32", "peer", HOME, "dev", "v0")
        wait_until(lambda: moved(here), 15, "the SAs to move")
        settled(here)
        here.recorder.remark("terminate")
        charon.swanctl("--terminate", "--ike", "c")
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

# SPDX-License-Identifier: BSD-3-Clause
"""libreswan's pluto on espalier-run, in the place of our charon on ike_net.py's stage.

Its Debian package and strongSwan's exclude each other, so it is looked for in an unpacked copy, too:

    apt-get download libreswan libldns3 libevent-pthreads-2.1-7 libnss3-tools bind9-host ...
    for package in *.deb; do dpkg -x $package /opt/libreswan; done
    ESPALIER_LIBRESWAN=/opt/libreswan /usr/bin/python3 -m pytest tests/functional/test_pluto.py
"""
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

import espalier_run
import ike_net
import kernel_net
from esp import SCENARIO_SUITE
from gateway import PATIENCE, wait_until
from ike_net import INSIDE, PEER, PEER_INSIDE, lost
from topology import WAN_ADDRESS, Topology

ROOT = Path(os.environ.get("ESPALIER_LIBRESWAN", "/"))
PROGRAMS = "usr/libexec/ipsec"


def why_not():
    if not (ROOT / PROGRAMS / "pluto").exists():
        return "needs libreswan; ESPALIER_LIBRESWAN may name a directory where it is unpacked"
    return ike_net.why_not()


pytestmark = pytest.mark.skipif(why_not() is not None, reason=why_not() or "")

CONFIG = f"""
config setup
    plutodebug=none
conn c
    left={WAN_ADDRESS}
    right={PEER}
    leftsubnet={INSIDE}/32
    rightsubnet={PEER_INSIDE}/32
    authby=secret
    ikev2=insist
    ike=aes128-sha1-modp2048
    esp=aes128-sha1-modp2048
    leftupdown=%disabled
    auto=ignore
"""
PLAIN = "    esn=no\n    mobike=no\n"
PEER_CHILD = ike_net.NEVER + "esp_proposals = "


class Pluto:
    """`settings` are further lines of its connection."""

    def __init__(self, net, settings=PLAIN):
        self.net, self.directory = net, net.directory / "pluto"
        for name in ("", "run", "nss", "ipsec.d"):
            (self.directory / name).mkdir()
        self.environment = {**espalier_run.ENVIRONMENT,
                            "LD_LIBRARY_PATH": str(ROOT / "usr/lib/x86_64-linux-gnu")}
        self.file("ipsec.conf").write_text(CONFIG + settings)
        self.file("ipsec.secrets").write_text(f'{WAN_ADDRESS} {PEER} : PSK "fddsFF123****"\n')
        subprocess.run([ROOT / "usr/bin/certutil", "-N", "-d", f"sql:{self.directory}/nss",
                        "--empty-password"], env=self.environment, check=True)
        with open(self.file("output"), "wb") as log:
            self.process = subprocess.Popen(
                [*self.stage(), *espalier_run.command(
                    net.socket, "ip", "netns", "exec", net.up, ROOT / PROGRAMS / "pluto",
                    "--nofork", "--config", self.file("ipsec.conf"), "--rundir", self.file("run"),
                    "--secretsfile", self.file("ipsec.secrets"), "--nssdir", self.file("nss"),
                    "--ipsecdir", self.file("ipsec.d"), "--logfile", self.file("log"))],
                env=self.environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        wait_until(self.listens, 20, "pluto to listen")
        self.tool("addconn", "--config", str(self.file("ipsec.conf")), "c")

    def stage(self):
        """It looks for its own programs where the package has them."""
        if ROOT == Path("/"):
            return []
        return ["unshare", "-m", "sh", "-c", f"mkdir -p /usr/libexec && "
                f"mount --bind {ROOT}/usr/libexec /usr/libexec && exec \"$@\"", "-"]

    def file(self, name):
        return self.directory / name

    def listens(self):
        assert self.process.poll() is None, self.log()
        return self.file("run/pluto.ctl").exists() and "listening for IKE messages" in self.log()

    def log(self):
        return "".join(self.file(name).read_text(errors="replace")
                       for name in ("output", "log") if self.file(name).exists())

    def tool(self, name, *words):
        done = self.net.run_in(self.net.up, "env", *(f"{k}={v}" for k, v in
                                                     self.environment.items() if k[:2] == "LD"),
                               str(ROOT / PROGRAMS / name), "--ctlsocket",
                               str(self.file("run/pluto.ctl")), *words)
        assert done.returncode == 0, done.stdout + done.stderr + self.log()
        return done.stdout

    def whack(self, *words):
        return self.tool("whack", *words)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20 * PATIENCE)


@pytest.fixture
def net(tmp_path):
    # Its traps name neither if_id nor addresses, so there must be one tunnel alone.
    with ike_net.IkeNet(tmp_path, Topology([SCENARIO_SUITE])) as stage:
        yield stage


@pytest.fixture
def peer(net):
    with ike_net.Charon(net) as charon:
        charon.load(child=ike_net.NEVER)
        yield charon


@pytest.fixture
def start_pluto(net):
    running = []

    def start(settings=PLAIN):
        running.append(Pluto(net, settings))
        return running[-1]

    yield start
    for pluto in running:
        pluto.stop()


def complaints(pluto):
    """What it takes for an error of its kernel's, but for what it asks of an SA that has expired."""
    return [line for line in pluto.log().splitlines()
            if "ERROR" in line and "No such process" not in line]


def test_up_rekeyed_by_both_and_down(net, peer, start_pluto):
    pluto = start_pluto()
    pluto.whack("--initiate", "--name", "c")
    spis = net.new_pair(besides=set(), seconds=15)
    pings = net.pinging()
    pluto.whack("--rekey-ipsec", "--name", "c")
    spis = net.new_pair(besides=spis, seconds=15)
    assert lost(pings) == set()
    # As responder it has its kernel send on the new SA before the peer can know that one.
    peer.swanctl("--rekey", "--child", "n")
    net.new_pair(besides=spis, seconds=15)
    assert net.ping(3) == 3
    assert net.drops().keys() <= {"not_ip", "no_neighbor"}
    counted = re.search(r"ESPin=(\d+)B ESPout=(\d+)B", pluto.whack("--status"))
    assert counted and all(int(count) % 84 == 0 for count in counted.groups())
    pluto.whack("--terminate", "--name", "c")
    assert net.spis() == set()
    assert pluto.stop() == 0
    assert complaints(pluto) == []


def test_it_rekeys_when_packets_are_used_up(net, peer, start_pluto):
    """By the gateway's soft EXPIREs, each at a quarter of the limit."""
    pluto = start_pluto(PLAIN + "    ipsec-max-packets=200\n")
    pluto.whack("--initiate", "--name", "c")
    seen = net.new_pair(besides=set(), seconds=15)
    pings = net.pinging(0.02)

    def two_more_pairs():
        seen.update(net.spis())
        return len(seen) >= 6

    wait_until(two_more_pairs, 10, "two rekeyings")
    assert lost(pings) == set()
    assert "soft EXPIRE" in pluto.log()


def test_on_demand_and_after_a_restart_of_the_gateway(net, peer, start_pluto):
    """The trap asks; a gateway that lost its SAs tells so, and the trap asks again."""
    pluto = start_pluto()
    pluto.whack("--route", "--name", "c")
    wait_until(lambda: net.tunnel_state() == "idle", 5, "the trap")
    assert net.ping(3) == 3, net.drops()
    spis = net.new_pair(besides=set(), seconds=15)
    net.stop()
    net.start()
    wait_until(lambda: net.tunnel_state() in ("idle", "up"), 10, "the trap, again")
    wait_until(lambda: net.ping() == 1, 10, "new SAs")
    net.new_pair(besides=spis, seconds=15)
    assert "received hard EXPIRE" in pluto.log()


def test_mobike(net, peer, start_pluto):
    """It asks at its start whether the kernel migrates SAs, on a socket that waits for the answer."""
    pluto = start_pluto("    mobike=yes\n    esn=no\n")
    pluto.whack("--initiate", "--name", "c")
    assert net.ping(3) == 3


def test_it_ends_with_its_broker(net, start_pluto):
    """SIGKILL for espalier-run; pluto, which reads its sockets until they are empty, still ends."""
    pluto = start_pluto()

    def alive():
        return kernel_net.ip("netns", "pids", net.up).split()

    assert alive()
    pluto.process.kill()
    wait_until(lambda: not alive(), 10, "pluto to end")

# SPDX-License-Identifier: BSD-3-Clause
"""Debian's strongSwan behind espalier-run: two charons in namespaces of their own, as installed.

    namespace 1: charon 10.99.0.1 --- veth --- 10.99.0.2 charon :namespace 2

Each has a control socket that records and answers. Needs root, for the namespaces.
"""
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

import espalier_run
import fake_control
from fake_control import ALLOCSPI, DELSA, GETSPDINFO, NEWPOLICY, NEWSA, UPDSA, FakeControl
from gateway import PATIENCE, wait_until

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("charon-systemd", path="/usr/sbin"),
    reason="needs root and the package charon-systemd")

STRONGSWAN = """
charon-systemd {{
    load = random nonce openssl sha1 sha2 aes hmac kdf gcm pem pkcs1 x509 pubkey \
kernel-netlink socket-default vici updown counters
    install_routes = no
    journal {{ default = -1 }}
    plugins {{ vici {{ socket = unix://{directory}/vici }} }}
}}
"""
SWANCTL = """
connections {{ c {{
    version = 2
    proposals = aes128-sha1-modp2048
    local_addrs = {local}
    remote_addrs = {remote}
    local {{ auth = psk }}
    remote {{ auth = psk }}
    children {{ n {{
        esp_proposals = aes128-sha1-modp2048
        local_ts = 10.{number}.0.0/16
        remote_ts = 10.{other}.0.0/16
        if_id_in = 1
        if_id_out = 1
        close_action = none
        dpd_action = clear
    }} }}
}} }}
secrets {{ ike {{ secret = "fddsFF123****" }} }}
"""


@dataclass
class Charon:
    directory: Path
    control: FakeControl
    process: subprocess.Popen

    def swanctl(self, *words):
        return subprocess.run(
            ["/usr/sbin/swanctl", *words, "--uri", f"unix://{self.directory}/vici"], check=True,
            env=environment(self.directory), capture_output=True, text=True,
            timeout=30 * PATIENCE).stdout

    def established(self):
        return self.swanctl("--list-sas").count("INSTALLED")


def environment(directory):
    return {**espalier_run.ENVIRONMENT, "STRONGSWAN_CONF": str(directory / "strongswan.conf"),
            "SWANCTL_DIR": str(directory)}


def ip(*words):
    subprocess.run(["/usr/sbin/ip", *map(str, words)], check=True)


@pytest.fixture
def namespaces():
    names = [f"espalier-{os.getpid()}-{number}" for number in (1, 2)]
    for name in names:
        ip("netns", "add", name)
    try:
        ip("link", "add", "v0", "netns", names[0], "type", "veth", "peer", "v0", "netns", names[1])
        for number, name in enumerate(names, start=1):
            ip("-n", name, "addr", "add", f"10.99.0.{number}/24", "dev", "v0")
            ip("-n", name, "link", "set", "v0", "up")
        yield names
    finally:
        for name in names:
            ip("netns", "del", name)


@pytest.fixture
def charons(tmp_path, namespaces):
    running = []
    for number, name in enumerate(namespaces, start=1):
        directory = tmp_path / str(number)
        directory.mkdir()
        (directory / "strongswan.conf").write_text(STRONGSWAN.format(directory=directory))
        (directory / "swanctl.conf").write_text(SWANCTL.format(
            number=number, other=3 - number, local=f"10.99.0.{number}",
            remote=f"10.99.0.{3 - number}"))
        control = FakeControl(directory / "c.sock").start()
        with open(directory / "log", "wb") as log:
            process = subprocess.Popen(
                espalier_run.command(control.path, "ip", "netns", "exec", name, "charon-systemd"),
                env=environment(directory), stdout=log, stderr=log)
        running.append(Charon(directory, control, process))
    try:
        for charon in running:
            wait_until((charon.directory / "vici").exists, 10, "charon to start")
            charon.swanctl("--load-all")
        yield running
    finally:
        for charon in running:
            charon.process.terminate()
        for charon in running:
            charon.process.wait(20 * PATIENCE)
            charon.control.stop()


def test_charon(charons):
    """Up, rekeyed, told of SAs that a restart lost, down: and the same processes all the time."""
    first, _ = charons
    assert first.control.joined(fake_control.GROUP_EXPIRE)
    first.swanctl("--initiate", "--child", "n")
    kinds = [kind for kind in first.control.kinds() if kind != GETSPDINFO]
    assert kinds[:6] == [ALLOCSPI, UPDSA, NEWSA, NEWPOLICY, NEWPOLICY, NEWPOLICY]
    assert len(first.control.sas) == 2 and first.established() == 1
    for body in first.control.sas.values():
        assert b"aes\0" in body and b"sha1\0" in body  # its keys came along

    first.swanctl("--rekey", "--child", "n")
    wait_until(lambda: DELSA in first.control.kinds(), 10, "the old SA to go")

    first.control.stop()
    before = len(first.control.requests)
    first.control.start()
    wait_until(lambda: NEWSA in [request.kind for request in first.control.requests[before:]], 15,
               "a new child SA after the hard EXPIREs")
    wait_until(lambda: first.established() == 1, 10, "the new child SA")
    first.swanctl("--terminate", "--ike", "c")
    wait_until(lambda: not first.control.sas, 10, "the SAs to be deleted")
    assert all(charon.process.poll() is None for charon in charons)

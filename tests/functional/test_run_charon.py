# SPDX-License-Identifier: BSD-3-Clause
"""Debian's strongSwan behind espalier-run: two charons in namespaces of their own, as installed.

    namespace 1: charon 10.99.0.1 --- veth --- 10.99.0.2 charon :namespace 2

Each has a control socket that records and answers. Needs root, for the namespaces.
"""
import os
import re
import struct
from pathlib import Path

import pytest

import charon
import espalier_run
import fake_control
import xfrm
from fake_control import ALLOCSPI, DELSA, GETSPDINFO, NEWPOLICY, NEWSA, UPDSA, FakeControl
from gateway import wait_until

pytestmark = pytest.mark.skipif(os.geteuid() != 0 or charon.why_not() is not None,
                                reason=charon.why_not() or "needs root")

ADDRESSES = ("10.99.0.1", "10.99.0.2")
CONNECTIONS = """
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


class Charon(charon.Strongswan):
    def __init__(self, directory, namespace):
        self.control = FakeControl(directory.with_suffix(".sock")).start()
        super().__init__(directory, espalier_run.command(
            self.control.path, "ip", "netns", "exec", namespace, charon.CHARON))

    def stop(self):
        super().stop()
        self.control.stop()


@pytest.fixture
def charons(tmp_path):
    with charon.joined("espalier", ADDRESSES) as names, \
            Charon(tmp_path / "1", names[0]) as first, Charon(tmp_path / "2", names[1]) as second:
        for number, one in enumerate((first, second)):
            one.load(CONNECTIONS.format(number=number + 1, other=2 - number, local=ADDRESSES[number],
                                        remote=ADDRESSES[1 - number]))
        yield first, second


def test_charon(charons):
    """Up, rekeyed, told of SAs that a restart lost, down: and the same processes all the time."""
    first, _ = charons
    assert first.control.joined(fake_control.GROUP_EXPIRE)
    first.swanctl("--initiate", "--child", "n")
    kinds = [kind for kind in first.control.kinds() if kind != GETSPDINFO]
    assert kinds[:6] == [ALLOCSPI, UPDSA, NEWSA, NEWPOLICY, NEWPOLICY, NEWPOLICY]
    assert len(first.control.sas) == 2 and first.children() == 1
    for body in first.control.sas.values():
        assert b"aes\0" in body and b"sha1\0" in body  # its keys came along

    first.swanctl("--rekey", "--child", "n")
    wait_until(lambda: DELSA in first.control.kinds(), 10, "the old SA to go")

    first.control.stop()
    before = len(first.control.requests)
    first.control.start()
    wait_until(lambda: NEWSA in [request.kind for request in first.control.requests[before:]], 15,
               "a new child SA after the hard EXPIREs")
    wait_until(lambda: first.children() == 1, 10, "the new child SA")
    first.swanctl("--terminate", "--ike", "c")
    wait_until(lambda: not first.control.sas, 10, "the SAs to be deleted")
    assert all(one.process.poll() is None for one in charons)


def test_the_example_is_taken(charons):
    """All its connections, each with policies for its own tunnel: traps here, because nobody would answer."""
    first, _ = charons
    example = (Path(__file__).parents[2] / "config/swanctl.conf.example").read_text()
    cloud = (Path(__file__).parents[2] / "config/cloud.conf").read_text()
    tunnels = re.findall(r'if_id = (\d);\s+local = "(.*?)";\s+remote = "(.*?)"', cloud)
    # charon takes up to life_time less rekey_time off the latter: it must not come out as the past.
    life, rekey = (int(re.search(rf"\t{word}_time = (\d+)s", example[example.index("-child {\n\tesp"):])[1])
                   for word in ("life", "rekey"))
    assert life / 2 < rekey < life
    before = len(first.control.requests)
    first.load(example.replace("start_action = start", "start_action = trap"))
    connections = first.swanctl("--list-conns")
    assert len(tunnels) == 3
    for number, local, remote in tunnels:
        assert re.search(rf"connection{number}: IKEv2.*\n  local:  {local}\n  remote: {remote}\n", connections)
    policies = [request for request in first.control.requests[before:] if request.kind == NEWPOLICY]
    for number, _, _ in tunnels:
        tie = xfrm.attribute(xfrm.IF_ID, struct.pack("=I", int(number)))
        assert any(tie in request.body for request in policies)

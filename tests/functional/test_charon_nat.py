# SPDX-License-Identifier: BSD-3-Clause
"""A NAT between charon and its peer forgets the peer's port and gives it another: nobody tells charon
but Espalier's MAPPING, and charon moves its SAs.

ike_net.py draws the stage. The NAT is two stateless rules at the peer's own end, so that one port
follows the other at a moment that the test knows. What still goes to the old port is lost. ESP in UDP
has no checksum (RFC 3948 2.1), and nft would make a wrong one of none: so there is none for IKE too.
"""
import re
import shutil
import subprocess

import pytest

import espalier_run
import ike_net
from gateway import wait_until
from ike_net import INSIDE, NEVER, PEER, PEER_INSIDE
from topology import Topology

pytestmark = [pytest.mark.once, pytest.mark.skipif(
    ike_net.why_not() is not None or not shutil.which("nft", path="/usr/sbin:/sbin"),
    reason=ike_net.why_not() or "needs nftables")]

NAT_T, NAT_PORT = 4500, 5501
RULES = """
table ip nat_t {{
    chain in {{ type filter hook prerouting priority raw;
        ip daddr {peer} udp dport {inside} {old}
        ip daddr {peer} udp dport {outside} udp dport set {inside} udp checksum set 0
    }}
    chain out {{ type filter hook output priority raw;
        ip saddr {peer} udp sport {inside} udp sport set {outside} udp checksum set 0
    }}
}}
"""


class NattedNet(ike_net.IkeNet):
    mapped = False

    def map(self, port, old="drop"):
        """From now on the NAT shows the peer's port 4500 as this one; what becomes of packets to that."""
        rules = "flush table ip nat_t\ndelete table ip nat_t\n" if self.mapped else ""
        rules += RULES.format(peer=PEER, inside=NAT_T, outside=port, old=old)
        subprocess.run(["ip", "netns", "exec", self.wire, "nft", "-f", "-"], input=rules, text=True,
                       check=True, timeout=20)
        self.mapped = True

    def peer_pings(self):
        """One ping from the peer's side; was it answered?"""
        said = self.run_in(self.wire, "ping", "-n", "-c", "1", "-W", "1", "-I", PEER_INSIDE, INSIDE)
        return "bytes from" in said.stdout


@pytest.fixture
def net(tmp_path):
    with NattedNet(tmp_path, Topology()) as stage:
        yield stage


@pytest.fixture
def charons(net):
    with ike_net.OurCharon(net) as ours, ike_net.Charon(net) as peer:
        for charon in (ours, peer):
            charon.load(child=NEVER)
        yield ours, peer


def test_charon_follows_a_peer_to_its_new_port(net, charons):
    ours, _ = charons
    ours.swanctl("--initiate", "--child", "n")
    spis = net.spis()
    assert net.ping() == 1 and net.peer_pings()
    heard = ours.counter("info-in-req"), ours.counter("info-in-resp")
    for n, port in enumerate((61001, 61002), start=1):
        net.map(port)
        assert net.ping() == 0, "what goes to the old port is lost"
        wait_until(net.peer_pings, 20, "the SAs to be moved")
        assert net.ping(3) == 3
        assert ours.log().count("NAT mappings of CHILD_SA") >= n
        assert net.spis() == spis
        assert f"{PEER}[{port}]" in ours.swanctl("--list-sas")
    assert (ours.counter("info-in-req"), ours.counter("info-in-resp")) == heard, "no IKE said it"
    assert {row["sequence"] > 0 for row in net.show("sas")} == {True}


def test_no_packet_is_lost_where_the_old_port_still_leads_there(net, charons):
    """The SAs move with their keys and numbers. Lost is only what comes while charon has its policy of
    dropping in the place of the tunnel's, lest something leave in the clear."""
    ours, _ = charons
    ours.swanctl("--initiate", "--child", "n")
    before = net.spis()
    assert net.ping(3) == 3
    net.map(NAT_PORT, old="accept")
    answered = net.ping(5)
    assert answered + net.drops().get("policy_out", 0) == 5

    def ports():
        said = espalier_run.run(net.socket, "ip", "xfrm", "state").stdout
        return set(re.findall(r"sport (\d+) dport (\d+)", said))

    wait_until(lambda: ports() == {(str(NAT_T), str(NAT_PORT)), (str(NAT_PORT), str(NAT_T))}, 5,
               "the move")
    assert net.spis() == before and net.ping(5) == 5

# SPDX-License-Identifier: BSD-3-Clause
"""espalier-run and the real gateway: iproute2 as it is installed installs SAs and routes."""
import re
import shutil
import time

import pytest

import espalier_run
import wire
from esp import SCENARIO_SUITE, Sa
from espalier_run import script
from gateway import PATIENCE, wait_until
from topology import HOST, WAN_ADDRESS, Topology

KEYS = ["enc", "cbc(aes)", "0x" + bytes(range(16)).hex(),
        "auth-trunc", "hmac(sha1)", "0x" + bytes(range(20)).hex(), "96"]


def add_state(tunnel, spi):
    return ["ip", "xfrm", "state", "add", "src", WAN_ADDRESS, "dst", tunnel.remote, "proto", "esp",
            "spi", str(spi), "mode", "tunnel", "if_id", str(tunnel.number), *KEYS]


@pytest.fixture
def topology():
    yield Topology()
    espalier_run.end_all()


def run(socket, *words):
    done = espalier_run.run(socket, *words)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_states(start, socket, topology):
    """Added, listed with its keys, shown by espalierctl, refused in words, deleted, flushed."""
    gateway = start(topology)
    run(socket, *add_state(topology[1], 0x1001))
    listed = run(socket, "ip", "xfrm", "state")
    assert len(re.findall("^src ", listed, re.M)) == 7
    assert f"src {WAN_ADDRESS} dst 192.0.2.1\n\tproto esp spi 0x00001001" in listed
    assert bytes(range(20)).hex() in listed
    assert "0x00001001" in {row["spi"] for row in gateway.show("sas")}
    refused = espalier_run.run(socket, *add_state(topology[1], 0x1001))
    assert refused.returncode == 2 and "0x00001001" in refused.stderr  # the gateway's words
    run(socket, "ip", "xfrm", "state", "delete", "src", WAN_ADDRESS, "dst", "192.0.2.1", "proto",
        "esp", "spi", "0x1001")
    assert len(gateway.show("sas")) == 6
    run(socket, "ip", "xfrm", "state", "flush")
    assert gateway.show("sas") == []


def test_packets_go_through_an_sa_that_ip_installed(start, socket, topology):
    config = topology.config(socket)
    del config["security_associations"]
    gateway = start(config, lan="live")
    run(socket, *add_state(topology[2], 0x77001122))
    inner = wire.udp_packet(HOST, topology[2].peer_host)
    gateway.feed("lan0", [wire.ether(inner)])
    outcome = gateway.stop()
    sa = Sa(0x77001122, WAN_ADDRESS, topology[2].remote, SCENARIO_SUITE, False, None, {})
    sa.key, sa.mac_key = bytes(range(16)), bytes(range(20))
    assert sa.open(outcome.wan[0], 1) == wire.forwarded(inner)


def test_routes(start, socket, topology):
    gateway = start(topology)
    route = ["--family", "route", "ip", "route"]
    shown = run(socket, *route, "show")
    assert "default via 203.0.113.1 dev wan0" in shown and shown.count("nexthop") == 3
    run(socket, *route, "add", "10.77.0.0/16", "via", "192.168.50.2", "dev", "lan0")
    assert [row["nexthops"] for row in gateway.show("routes") if row["prefix"] == "10.77.0.0/16"] \
        == [[{"port": "lan0", "gateway": "192.168.50.2", "weight": 1}]]
    run(socket, *route, "del", "10.77.0.0/16")
    assert run(socket, *route, "show") == shown


def test_names_of_ports(start, socket, topology):
    start(topology)
    assert run(socket, "--family", "route", *script("""
        for name in "lan0", "wan0", "conn1":
            print(socket.if_indextoname(socket.if_nametoindex(name)))
        """)).split() == ["lan0", "wan0", "conn1"]


def test_a_gateway_that_starts_anew(start, socket, topology):
    """What ip installed is gone with it; whoever runs under the same broker hears that."""
    gateway = start(topology)
    process = espalier_run.start(socket, *script(f"""
        s = open_xfrm(groups=1 << (nl.GROUP_EXPIRE - 1))
        subprocess.run({add_state(topology[1], 0x1001)!r}, check=True)
        print("installed", flush=True)
        (kind, _, _, _, body), = messages(s.recv(4096))
        print(kind == nl.EXPIRE, body[72:76].hex(), body[224])
        """))
    assert process.stdout.readline() == "installed\n"
    gateway.stop()
    gateway = start(topology)
    output, errors = espalier_run.finish(process)
    assert output.split() == ["True", "00001001", "1"] and "without 1 of our SAs" in errors
    assert len(gateway.show("sas")) == 6


def test_a_policy_that_expired_stays_away(start, socket, topology):
    """One of two is over before the gateway starts anew; the other comes back."""
    gateway = start(topology)
    policies = [["ip", "xfrm", "policy", "add", "src", "10.8.0.0/16", "dst", network, "dir", "in", "tmpl",
                 "src", topology[1].remote, "dst", WAN_ADDRESS, "proto", "esp", "mode", "tunnel",
                 "if_id", "1"] for network in ("10.1.0.0/16", "10.2.0.0/16")]
    process = espalier_run.start(socket, *script(f"""
        s = open_xfrm(groups=1 << (nl.GROUP_EXPIRE - 1))
        subprocess.run({policies[0]!r}, check=True)
        subprocess.run({[*policies[1], "limit", "time-hard", "1"]!r}, check=True)
        print(next(messages(s.recv(4096)))[0] == 0x1b, flush=True)
        input()
        """))
    assert process.stdout.readline() == "True\n"
    gateway.stop()
    gateway = start(topology)
    wait_until(lambda: "10.1.0.0/16" in run(socket, "ip", "xfrm", "policy"), 10, "a policy")
    assert "10.2.0.0/16" not in run(socket, "ip", "xfrm", "policy")
    process.stdin.write("\n")
    espalier_run.finish(process)


BIRD = """
log stderr all;
router id 192.0.2.99;
protocol device { scan time 1; }
protocol kernel { ipv4 { import none; export all; }; merge paths on limit 8; scan time 1; }
protocol static {
    ipv4;
    route 10.50.0.0/16 via "conn1";
    route 10.51.0.0/16 via 203.0.113.1%'wan0';
    route 10.52.0.0/16 blackhole;
    route 10.54.0.0/16 unreachable;
    route 10.53.0.0/16 via "conn1" weight 2 via "conn2" weight 4;
}
"""


@pytest.mark.skipif(not shutil.which("bird", path="/usr/sbin"), reason="needs the package bird2")
def test_bird(start, socket, topology, tmp_path):
    """It finds the interfaces, installs its routes, says them again each second, and takes them back."""
    gateway = start(topology)

    def routes():
        return {row["prefix"]: row["nexthops"] for row in gateway.show("routes")
                if row["protocol"] == "bird" or row["protocol"] == 12}

    before = gateway.show("routes")
    (tmp_path / "bird.conf").write_text(BIRD)
    bird = espalier_run.start(socket, "--family", "route", "/usr/sbin/bird", "-f", "-c",
                              tmp_path / "bird.conf", "-s", tmp_path / "bird.ctl", "-P",
                              tmp_path / "bird.pid")
    wait_until(lambda: len(routes()) == 5, 10, "its routes")
    time.sleep(2.5)
    assert routes() == {
        "10.50.0.0/16": [{"tunnel": "conn1", "weight": 1}],
        "10.51.0.0/16": [{"port": "wan0", "gateway": "203.0.113.1", "weight": 1}],
        "10.52.0.0/16": [{"drop": True}],
        "10.53.0.0/16": [{"tunnel": "conn1", "weight": 2}, {"tunnel": "conn2", "weight": 4}],
        "10.54.0.0/16": [{"drop": True, "reason": "unreachable"}]}
    bird.terminate()
    output, errors = bird.communicate(timeout=10 * PATIENCE)
    assert bird.returncode == 0 and "Netlink" not in output + errors, errors
    assert gateway.show("routes") == before

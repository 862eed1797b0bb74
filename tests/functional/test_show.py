# SPDX-License-Identifier: BSD-3-Clause
"""What espalierctl says: the shapes that programs rely on, and that keys are never among it."""
import json
import stat
import subprocess

import pytest

import wire
from gateway import ESPALIERCTL, run_ctl
from topology import HOST, LAN_ADDRESS, Topology

SUBJECTS = ["tunnels", "sas", "routes", "neighbors", "ports", "workers", "drops", "groups",
            "version"]
COUNT = {"packets": int, "bytes": int}
SHAPES = {
    "tunnels": {"name": str, "if_id": int, "local": str, "remote": str, "state": str, "mtu": int,
                "tx": dict, "rx": dict},
    "sas": {"spi": str, "direction": str, "tunnel": str, "encryption": str, "esn": bool,
            "replay_window": int, "sequence": int, "packets": int, "bytes": int},
    "routes": {"prefix": str, "table": int, "protocol": str, "nexthops": list},
    "drops": {"reason": str, "packets": int, "description": str},
    "neighbors": {"port": str, "address": str},
    "ports": {"name": str, "rx": dict, "tx": dict},
    "workers": {}, "groups": {},
}
DROPS_AT_LEAST = {
    "no_route", "ttl_expired", "bad_header", "no_neighbor", "no_sa", "unknown_spi",
    "replay_duplicate", "replay_late", "bad_icv", "bad_padding", "short_esp", "policy",
    "policy_out", "too_big", "sequence_exhausted"}


@pytest.fixture
def gateway(start):
    topology = Topology([("aes128-cbc", "hmac-sha1-96"), ("aes256-gcm", None),
                         ("aes256-cbc", "hmac-sha512-256")])
    running = start(topology, lan=wire.ethers(
        wire.udp_packet(HOST, tunnel.peer_host, bytes(72)) for tunnel in topology))
    running.settle()
    running.topology = topology
    return running


def assert_shape(row, shape):
    for key, kind in shape.items():
        assert type(row[key]) is kind, (key, row)
    for key in ("tx", "rx"):
        if key in shape:
            assert {name: type(value) for name, value in row[key].items()} == COUNT


def test_shapes(gateway):
    for subject, shape in SHAPES.items():
        rows = gateway.show(subject)
        assert isinstance(rows, list) and rows
        for row in rows:
            assert_shape(row, shape)
    assert isinstance(gateway.show("version")["version"], str)


def test_sas(gateway):
    rows = {row["spi"]: row for row in gateway.show("sas")}
    assert len(rows) == 6
    for tunnel in gateway.topology:
        row = rows[f"0x{tunnel.out.spi:08x}"]
        assert (row["direction"], row["tunnel"]) == ("out", tunnel.name)
        assert (row["encryption"], row["authentication"]) == tunnel.out.suite
        assert (row["packets"], row["bytes"], row["sequence"]) == (1, 100, 1)
        row = rows[f"0x{tunnel.into.spi:08x}"]
        assert (row["direction"], row["replay_window"], row["packets"]) == ("in", 1024, 0)


def test_tunnels(gateway):
    assert [(row["name"], row["if_id"], row["remote"], row["state"], row["mtu"], row["tx"])
            for row in gateway.show("tunnels")] == \
        [(tunnel.name, tunnel.number, tunnel.remote, "up", tunnel.out.mtu,
          {"packets": 1, "bytes": 100}) for tunnel in gateway.topology]


def test_routes(gateway):
    routes = {row["prefix"]: row for row in gateway.show("routes")}
    assert all(row["table"] == 254 for row in routes.values())
    assert routes["192.168.0.0/16"]["protocol"] == "static"
    assert sorted(way["tunnel"] for way in routes["192.168.0.0/16"]["nexthops"]) == \
        ["conn1", "conn2", "conn3"]
    assert all(way["weight"] == 1 for way in routes["192.168.0.0/16"]["nexthops"])
    assert routes["10.0.0.0/16"]["nexthops"] == \
        [{"port": "lan0", "gateway": "192.168.50.2", "weight": 1}]
    connected = routes["192.168.50.0/24"]
    assert connected["protocol"] == "connected"
    assert connected["nexthops"] == [{"port": "lan0", "gateway": None, "weight": 1}]
    assert routes[LAN_ADDRESS + "/32"]["nexthops"] == [{"local": True}]


def test_drops_lists_every_reason(gateway):
    rows = gateway.show("drops")
    names = [row["reason"] for row in rows]
    assert len(names) == len(set(names)) and DROPS_AT_LEAST <= set(names)
    assert all(row["packets"] == 0 and len(row["description"]) > 10 for row in rows)


def test_drops_without_zeroes(start):
    """--nonzero leaves out what did not happen; without it nothing is left out."""
    running = start(Topology(), lan=[wire.ether(wire.udp_packet(HOST, "203.0.113.99"))] * 3)
    running.settle()
    rows = json.loads(running.order("-j", "show", "drops", "--nonzero"))
    assert [(row["reason"], row["packets"]) for row in rows] == [("no_neighbor", 3)]
    assert len(running.order("show", "drops", "--nonzero").splitlines()) == 2
    assert len(running.order("show", "drops").splitlines()) == 1 + len(running.show("drops"))
    assert running.ctl("show", "tunnels", "--nonzero").returncode == 2
    assert running.ctl("check", "--nonzero", running.config_file).returncode == 2


def test_explain(gateway):
    def ask(to, *more):
        return json.loads(gateway.order("-j", "explain", "--from", HOST, "--to", to, *more))

    through = ask("172.16.2.1", "--proto", "udp", "--sport", "1", "--dport", "2")
    assert (through["route"], through["tunnel"], through["bucket"], through["spi"]) == \
        ("172.16.2.0/24", "conn2", None, f"0x{gateway.topology[2].out.spi:08x}")
    plain = ask("8.8.8.8")
    assert (plain["route"], plain["tunnel"], plain["spi"]) == ("0.0.0.0/0", None, None)
    assert plain["nexthop"]["port"] == "wan0" and plain["nexthop"]["gateway"] == "203.0.113.1"
    assert ask("203.0.113.99")["drop"] == "no_neighbor"
    assert ask("8.8.8.8", "--proto", "esp") == plain
    gateway.order("tunnel", "conn2", "down")
    assert ask("172.16.2.1")["drop"] == "no_sa"


def test_tables_for_people(gateway):
    """Without -j: one readable line for each row, and no JSON."""
    for subject in SUBJECTS:
        text = gateway.order("show", subject)
        assert text.strip() and not text.lstrip().startswith(("[", "{"))
    assert all(tunnel.name in gateway.order("show", "tunnels") for tunnel in gateway.topology)


def test_keys_are_never_shown(gateway):
    """Neither in an answer nor in the log, in any spelling."""
    said = gateway.output()
    for subject in SUBJECTS:
        said += gateway.order("show", subject) + gateway.order("-j", "show", subject)
    said += gateway.order("-j", "explain", "--from", HOST, "--to", "172.16.1.1")
    said += gateway.stop().output
    for tunnel in gateway.topology:
        for sa in (tunnel.out, tunnel.into):
            for key in filter(None, (sa.key, sa.mac_key)):
                assert key.hex()[:16] not in said.lower()


def test_read_only_socket(gateway):
    """It answers questions and refuses orders."""
    read_only = gateway.socket.with_name("control-ro.sock")
    asked = gateway.ctl("-j", "show", "tunnels", socket=read_only)
    assert asked.returncode == 0 and len(json.loads(asked.stdout)) == 3
    refused = gateway.ctl("tunnel", "conn1", "down", socket=read_only)
    assert refused.returncode != 0 and refused.stderr.strip()
    assert gateway.ctl("resume", socket=read_only).returncode != 0
    assert [row["state"] for row in gateway.show("tunnels")] == ["up"] * 3
    assert stat.S_IMODE(gateway.socket.stat().st_mode) == 0o660


def test_wrong_orders(gateway):
    """Each is refused with a word of why, and changes nothing."""
    for words in (["show", "nonsense"], ["show"], ["tunnel", "conn9", "down"],
                  ["tunnel", "conn1", "sideways"], ["explain", "--from", HOST],
                  ["explain", "--from", "10.0.0.256", "--to", HOST], ["frobnicate"]):
        done = gateway.ctl(*words)
        assert done.returncode != 0 and done.stderr.strip(), words
    assert gateway.ctl("show", "version", socket="/nonexistent").returncode != 0
    assert [row["state"] for row in gateway.show("tunnels")] == ["up"] * 3


def test_tunnel_names(gateway):
    """A slip is told what was meant, another name which there are, and a name in pieces of quotes."""
    for words, said in ((["con1", "down"], "there is no tunnel 'con1'; did you mean 'conn1'?"),
                        (["Frankfurt", "down"],
                         "there is no tunnel 'Frankfurt'; there are: conn1, conn2, conn3"),
                        (["IPsec-VPN", "Connection", "1", "down"], 'in quotes, for example')):
        done = gateway.ctl("tunnel", *words)
        assert done.returncode != 0 and said in done.stderr


@pytest.mark.parametrize("path", ["", "/tmp", __file__])
def test_what_is_no_socket(path):
    done = run_ctl("-s", path, "show", "version")
    assert done.returncode == 1 and f"'{path}' is no socket" in done.stderr


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["show", "--help"]])
def test_help_that_nobody_gets(words):
    with open("/dev/full", "w", encoding="ascii") as full:
        done = subprocess.run([ESPALIERCTL, *words], stdout=full, stderr=subprocess.PIPE, text=True,
                              check=False)
    assert done.returncode == 1 and "cannot write the answer" in done.stderr


def test_times_have_tenths(gateway):
    """A turn may take less than a microsecond."""
    [worker] = gateway.show("workers")
    row = gateway.order("show", "workers").splitlines()[1].split()
    assert row[-2:] == [f"{worker['loop_us'][quantile]:.1f}" for quantile in ("p50", "p99")]


def test_cycles_per_stage(gateway):
    """Only builds with -Dstage_cycles=true count them: that of the sanitizers does."""
    [worker] = gateway.show("workers")
    if "stages" not in worker:
        pytest.skip("this build counts no cycles per stage")
    packets = {row["stage"]: row["packets"] for row in worker["stages"]}
    sent = sum(tunnel["tx"]["packets"] for tunnel in gateway.show("tunnels"))
    assert packets["rx"] == packets["parse"] == packets["esp_encap"] == packets["esp_seal"] == sent
    assert "esp_verify" not in packets
    assert all(row["cycles"] > 0 for row in worker["stages"])
    table = gateway.ctl("show", "workers").stdout
    assert "CYCLES/PACKET" in table and "esp_seal" in table

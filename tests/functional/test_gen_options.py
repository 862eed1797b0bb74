# SPDX-License-Identifier: BSD-3-Clause
"""espalier-gen's command line, its ARP, its choice of flows, its rates and its search."""
import ipaddress
import struct
import subprocess

import pytest

import capture
import wire
from generator import GATEWAY_MAC, GENERATOR, Files, MemifGateway, memif, run_generator
from topology import LAN_ADDRESS, WAN_ADDRESS, WAN_ROUTER, Topology

GATEWAY = bytes.fromhex("0a0000000001")
QUICK = ("--packets", 100, "--flows", 10)
ARP_REQUEST, ARP_REPLY = 1, 2


@pytest.fixture
def files(tmp_path, socket):
    def make(change=lambda config: None, topology=None):
        config = (topology or Topology()).config(socket)
        change(config)
        return Files(tmp_path, config)

    return make


@pytest.mark.parametrize("arguments, said", [
    ([], "no configuration file"),
    (["--", "--rate", "5"], "no configuration file"),
    (["--", "-f", "x", "more"], "'more' is not an option"),
    (["--", "-f", "x", "--mode", "up"], "--mode takes out, in or both, not 'up'"),
    (["--", "-f", "x", "--rate", "fast"], "--rate takes a number"),
    (["--", "-f", "x", "--rate", "101%"], "--rate takes a share"),
    (["--", "-f", "x", "--size", "47"], "--size takes bytes of IPv4"),
    (["--", "-f", "x", "--size", "64-"], "--size takes bytes of IPv4"),
    (["--", "-f", "x", "--size", "900-100"], "--size takes bytes of IPv4"),
    (["--", "-f", "x", "--flows", "0"], "--flows takes a whole number from 1"),
    (["--", "-f", "x", "--flows", "1.5"], "--flows takes a whole number"),
    (["--", "-f", "x", "--local", "10.0.0.0/33"], "--local 10.0.0.0/33: "),
    (["--", "-f", "x", "--allow", "late,lost"], "nothing is called 'lost'"),
    (["--", "-f", "x", "--search", "--rate", "10%"], "--search finds the rate"),
    (["--", "-f", "no-such-file"], "no-such-file"),
])
def test_bad_command_line(arguments, said):
    """One line that says what is wrong, and status 2."""
    done = subprocess.run([str(GENERATOR), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and said in done.stderr
    assert len(done.stderr.splitlines()) == 1 and done.stdout == ""


def test_help_lists_the_faults():
    done = subprocess.run([str(GENERATOR), "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stderr == ""
    for word in ("--search", "bad_icv", "reordered", "RFC 2544", "-f FILE"):
        assert word in done.stdout


def narrow_wan(config):
    """As RFC 791 allows it: not even the headers of ESP fit in."""
    config["ports"][1]["mtu"] = 68


@pytest.mark.parametrize("options, change, said", [
    (("--opposite", "lan0=net_tap7"), None, "--opposite lan0=net_tap7: DPDK has no such device"),
    (("--opposite", "lan0=net_pcap1"), None, "have the same device opposite"),
    (("--opposite", "wan9=net_null0"), None,
     "--opposite wan9=net_null0: the gateway has no port of that name"),
    (("--gateway-mac", "dmz=02:00:00:00:00:01"), None, "the gateway has no port of that name"),
    (("--gateway-mac", "lan0=02:00"), None, "--gateway-mac lan0=02:00: "),
    (("--senders", 2), None, "--senders 2: there are 1 worker lcores"),
    (("--tunnel", "conn9"), None, "--tunnel conn9: the file has no tunnel of that name"),
    (("--size", 1439), None, "do not fit through the tunnels in one piece"),
    ((), narrow_wan, "do not fit through the tunnels in one piece"),
    (("--local", "172.16.1.0/24", "--remote", "10.0.0.0/16"), None,
     "the file's routes lead to no plain network"),
    ((), lambda config: config.pop("security_associations"), "manual keys are needed"),
])
def test_cannot_start(files, options, change, said):
    verdict = files(change or (lambda config: None)).run(*QUICK, *options)
    assert verdict.status == 2 and verdict.report is None
    lines = [line for line in verdict.errors.splitlines() if line.startswith("espalier-gen:")]
    assert len(lines) == 1 and said in lines[0]


def test_verdict_of_a_loss(files):
    """A loss alone is not "nothing wrong", and where to look is said unless it was allowed."""
    lossy = files().run(*QUICK, as_json=False)
    assert lossy.status == 1 and "\n100 % lost, nothing else wrong\n" in lossy.text
    assert "espalierctl show drops" in lossy.text and lossy.text.endswith("FAILED\n")
    allowed = files().run(*QUICK, "--loss", "100%", as_json=False)
    assert allowed.status == 0 and "\n100 % lost, nothing else wrong\n" in allowed.text
    assert "espalierctl" not in allowed.text


def arp(operation, sender, sender_mac, target):
    body = struct.pack("!HHBBH", 1, 0x0800, 6, 4, operation) + sender_mac + \
        ipaddress.ip_address(sender).packed + bytes(6) + ipaddress.ip_address(target).packed
    return wire.ether(body, ethertype=0x0806, destination=b"\xff" * 6, source=sender_mac)


def read_arp(frame):
    """(operation, sender, sender's MAC, target) of an ARP frame."""
    operation, = struct.unpack_from("!H", frame, 20)
    return (operation, str(ipaddress.ip_address(frame[28:32])), frame[22:28],
            str(ipaddress.ip_address(frame[38:42])))


def run_with_arp(files, *options, wan):
    """Frames that it sent to the WAN port, when that port said these."""
    files.hear("--mode", "in", *QUICK, *options, wan=wan)
    return capture.read(files.directory / "tx1.pcap")


def test_asks_for_the_gateway(files):
    """It learns the gateway's MAC by ARP, and sends there."""
    sent = run_with_arp(files(), "--gateway-mac", f"lan0={GATEWAY_MAC}",
                        wan=[arp(ARP_REPLY, WAN_ADDRESS, GATEWAY, WAN_ROUTER)])
    asked = [read_arp(frame) for frame in sent if frame[12:14] == b"\x08\x06"]
    assert asked and all((a[0], a[3]) == (ARP_REQUEST, WAN_ADDRESS) for a in asked)
    traffic = [frame for frame in sent if frame[12:14] == b"\x08\x00"]
    assert len(traffic) == 100 and {frame[:6] for frame in traffic} == {GATEWAY}


def test_a_given_mac_stays(files):
    """Whatever ARP says later."""
    frames = run_with_arp(files(), "--gateway-mac", GATEWAY_MAC,
                          wan=[arp(ARP_REQUEST, WAN_ADDRESS, GATEWAY, WAN_ROUTER)])
    traffic = [frame for frame in frames if frame[12:14] == b"\x08\x00"]
    assert len(traffic) == 100
    assert {frame[:6] for frame in traffic} == {bytes.fromhex(GATEWAY_MAC.replace(":", ""))}


def test_answers_for_its_hosts(files):
    """Every address of the connected network is its own, but the gateway's; others are not."""
    ours = [WAN_ROUTER, "203.0.113.77"]
    asked = [arp(ARP_REQUEST, WAN_ADDRESS, GATEWAY, target)
             for target in (*ours, WAN_ADDRESS, LAN_ADDRESS, "8.8.8.8")]
    sent = run_with_arp(files(), "--gateway-mac", GATEWAY_MAC, wan=asked)
    answers = [frame for frame in sent if frame[12:14] == b"\x08\x06"]
    assert [read_arp(frame)[:2] for frame in answers] == [(ARP_REPLY, host) for host in ours]
    for frame in answers:
        assert frame[:6] == GATEWAY and frame[6:12] == frame[22:28]


def endpoints(packets):
    assert packets, "nothing was sent"
    return [(ipaddress.ip_address(wire.parse(packet).source),
             ipaddress.ip_address(wire.parse(packet).destination)) for packet in packets]


def within(addresses, *networks):
    return all(any(address in ipaddress.ip_network(network) for network in networks)
               for address in addresses)


def test_flows_follow_the_routes(files):
    bench = files()
    bench.run("--flows", 100, "--packets", 300)
    sent = bench.sent("lan0")
    pairs = endpoints(sent)
    assert within((pair[0] for pair in pairs), "10.0.0.0/16")
    for network in ("192.168.0.0/16", "172.16.1.0/24", "172.16.2.0/24", "172.16.3.0/24"):
        assert any(pair[1] in ipaddress.ip_network(network) for pair in pairs)
    assert within((pair[1] for pair in pairs), "192.168.0.0/16", "172.16.0.0/14")
    assert len({(pair, packet[20:24]) for pair, packet in zip(pairs, sent)}) == 100


def test_a_report_that_nobody_gets(files):
    """A full disk is told, and is no success."""
    with open("/dev/full", "w", encoding="ascii") as full:
        verdict = files().run(*QUICK, "--loss", 1, stdout=full)
    assert verdict.status == 2 and "the report cannot be written" in verdict.errors


def test_many_flows(files):
    """Each is a flow of its own, and none looks like NAT-T."""
    bench = files()
    bench.run("--flows", 60000, "--packets", 60000)
    tuples = {packet[12:24] for packet in bench.sent("lan0")}
    assert len(tuples) == 60000
    assert (4500).to_bytes(2, "big") not in {end for flow in tuples for end in (flow[8:10], flow[10:])}


def test_flows_as_told(files):
    bench = files()
    bench.run(*QUICK, "--local", "10.0.7.0/29", "--remote", "192.168.3.0/30")
    pairs = endpoints(bench.sent("lan0"))
    assert {str(pair[1]) for pair in pairs} == {"192.168.3.1", "192.168.3.2"}
    assert within((pair[0] for pair in pairs), "10.0.7.0/29")

    bench.run(*QUICK, "--tunnel", "conn2")
    assert within((pair[1] for pair in endpoints(bench.sent("lan0"))), "172.16.2.0/24")


def test_flows_within_selectors(files):
    def change(config):
        for tunnel in config["tunnels"]:
            tunnel["selectors"] = ({"local": "10.0.9.0/24", "remote": "192.168.4.0/24"},)

    bench = files(change)
    bench.run(*QUICK, "--mode", "both")
    pairs = endpoints(bench.sent("lan0"))
    assert within((pair[0] for pair in pairs), "10.0.9.0/24")
    assert within((pair[1] for pair in pairs), "192.168.4.0/24")


def test_sizes(files):
    """A mix comes as told, and a range reaches both of its ends."""
    bench = files()
    bench.run("--packets", 3000, "--size", "100x3,200")
    lengths = [len(packet) for packet in bench.sent("lan0")]
    assert set(lengths) == {100, 200} and 0.7 < lengths.count(100) / 3000 < 0.8
    bench.run("--packets", 3000, "--size", "60-80")
    assert {len(packet) for packet in bench.sent("lan0")} == set(range(60, 81))


def test_rate(files):
    """It takes as long as it must, and does not send in a heap what was late."""
    verdict = files().run("--packets", 500, "--rate", "1k")
    assert 0.49 < verdict.report["seconds"]
    assert verdict.report["rate"] == 1000
    ramp = files().run("--packets", 300, "--rate", "1k", "--ramp", 0.4)
    assert 0.49 < ramp.report["seconds"]


def test_nobody_there(tmp_path, socket):
    """A port without a link is told, and not waited for without end."""
    bench = Files(tmp_path, Topology().config(socket))
    verdict = run_generator(tmp_path, bench.config_file,
                            [memif(tmp_path, port, "server") for port in (0, 1)], "--wait", 0.2)
    assert verdict.status == 2 and "no link to the gateway's port 'lan0'" in verdict.errors


@pytest.mark.alone
@pytest.mark.once
def test_search_and_share(tmp_path, socket):
    """Throughput by RFC 2544, and a share of the maximum, against the real gateway."""
    gateway = MemifGateway(tmp_path, Topology().config(socket)).start()
    try:
        devices = [memif(tmp_path, port, "client") for port in (0, 1)]
        common = ("--gateway-mac", GATEWAY_MAC, "--duration", 0.2, "--drain", 2)
        # What a busy machine loses is forgiven; how the search goes is what counts here.
        found = run_generator(tmp_path, gateway.config_file, devices, *common, "--search", "--rate",
                              2000, "--resolution", "5%", "--loss", "50%")
        assert found.status == 0, found.why
        assert 100 < found.report["throughput_pps"] <= 2000
        assert found.errors.count("  trial ") >= 1
        none = run_generator(tmp_path, gateway.config_file, devices, *common, "--search", "--rate",
                             1000, "--resolution", "30%", "--hops", 2)
        assert none.status == 1 and "passes" in none.errors
        share = run_generator(tmp_path, gateway.config_file, devices, *common, "--rate", "1%")
        assert share.report["rate"] > 0 and share.report["out"]["received"] > 0
    finally:
        gateway.kill()


def test_gateway_neighbors(tmp_path, socket):
    """A file in which every host beside the gateway is on its own network."""
    config = Topology().config(socket)
    config["routes"] = tuple(route for route in config["routes"]
                             if route["prefix"] != "10.0.0.0/16")
    bench = Files(tmp_path, config)
    bench.run(*QUICK)
    sources = {str(pair[0]) for pair in endpoints(bench.sent("lan0"))}
    assert within(map(ipaddress.ip_address, sources), "192.168.50.0/24")
    assert LAN_ADDRESS not in sources

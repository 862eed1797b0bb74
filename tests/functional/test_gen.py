# SPDX-License-Identifier: BSD-3-Clause
"""espalier-gen opposite the real gateway: what one sends, the other must take, and say so."""
import pytest

from esp import ALL_SUITES
from generator import GATEWAY_MAC, MemifGateway, memif, run_generator
from topology import Topology

PACKETS = 3000


@pytest.fixture
def opposite(tmp_path, socket):
    """opposite(topology, ...) -> (gateway, generate(*options))"""
    gateways = []

    def start(topology, change=lambda config: None, **arguments):
        config = topology.config(socket)
        change(config)
        gateway = MemifGateway(tmp_path, config, **arguments).start()
        gateways.append(gateway)

        def generate(*options, workers=1):
            return run_generator(
                tmp_path, gateway.config_file, [memif(tmp_path, port, "client") for port in (0, 1)],
                "--gateway-mac", GATEWAY_MAC, "--warm-up", 0, "--packets", PACKETS, *options,
                workers=workers)

        return gateway, generate

    yield start
    for gateway in gateways:
        gateway.kill()


def test_both_ways(opposite):
    """IMIX through three tunnels both ways: every packet arrives once, in order, as it was sent."""
    gateway, generate = opposite(Topology())
    verdict = generate("--mode", "both", "--size", "imix", "--flows", 300)
    assert verdict.status == 0, verdict.why
    for way in ("out", "in"):
        assert verdict.report[way]["sent"] == verdict.report[way]["received"] == PACKETS
        assert 0 < verdict.report[way]["latency_us"]["median"]
    assert verdict.faults == {}
    assert sum(verdict.report["tunnels"].values()) == PACKETS
    assert all(count > PACKETS / 5 for count in verdict.report["tunnels"].values())
    assert verdict.report["esp_order"]["packets"] == PACKETS
    # The gateway counts the same.
    for row in gateway.show("tunnels"):
        assert row["tx"]["packets"] == verdict.report["tunnels"][row["name"]]
    assert sum(row["rx"]["packets"] for row in gateway.show("tunnels")) == PACKETS
    assert gateway.stop() == {}


@pytest.mark.parametrize("options", [{}, {"esn": True}, {"udp_ports": (4500, 4500)}],
                         ids=["plain", "esn", "natt"])
def test_every_suite(opposite, options):
    """A tunnel for each suite, and traffic of every length through all of them."""
    gateway, generate = opposite(Topology(ALL_SUITES, **options))
    verdict = generate("--mode", "both", "--size", "48-1380", "--flows", 200)
    assert verdict.status == 0, verdict.why
    assert verdict.faults == {} and gateway.stop() == {}


def test_several_senders(opposite):
    """Two senders share the SAs of their tunnels, one receiver sees all."""
    gateway, generate = opposite(Topology(), workers=2, queues=2)
    verdict = generate("--mode", "both", "--senders", 2, "--queues", 2, "--allow", "reordered",
                       workers=3)
    assert verdict.status == 0, f"{gateway.drops()} {verdict.why}"
    assert set(verdict.faults) <= {"reordered"} and gateway.stop() == {}


def test_wrong_key_is_refused_by_both(opposite):
    """The far end has other keys: nothing arrives, and both sides say why."""
    topology = Topology()
    gateway, generate = opposite(topology)
    text = gateway.config_file.read_text()
    for tunnel in topology:
        for sa in (tunnel.out, tunnel.into):
            text = text.replace(sa.mac_key.hex(), sa.mac_key[::-1].hex())
    gateway.config_file.write_text(text)
    verdict = generate("--mode", "both")
    assert verdict.status == 1
    assert verdict.report["out"]["received"] == verdict.report["in"]["received"] == 0
    assert verdict.faults == {"bad_icv": PACKETS}
    assert gateway.stop() == {"bad_icv": PACKETS}


def test_sequence_goes_on(opposite):
    """A gateway remembers what it saw; --sequence goes on where the last run ended."""
    gateway, generate = opposite(Topology())
    first = generate("--mode", "in")
    again = generate("--mode", "in")
    after = generate("--mode", "in", "--sequence", first.report["sequence"])
    assert (first.status, again.status, after.status) == (0, 1, 0)
    assert gateway.stop() == {"replay_duplicate": PACKETS}

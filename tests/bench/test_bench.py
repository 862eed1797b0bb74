# SPDX-License-Identifier: BSD-3-Clause
"""The measuring itself, without measuring: packets, checks and arithmetic. No rights needed."""

import json

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.ipsec import ESP, SecurityAssociation
from scapy.layers.l2 import Ether
from scapy.utils import rdpcap

import machine
import measure
import report
import scenario
import traffic
from process import Failure, Window

IMIX = scenario.SIZES[-1]


@pytest.mark.parametrize("size", scenario.SIZES, ids=lambda size: size.name)
def test_outbound_packets_are_what_scapy_would_make(tmp_path, size):
    traffic.write_pcap(tmp_path / "a.pcap", traffic.outbound_frames(size))
    frames = rdpcap(str(tmp_path / "a.pcap"))
    assert len(frames) == scenario.PACKETS
    assert sorted(frame[IP].len for frame in frames) == sorted(size.lengths())
    for frame in frames[:50]:
        assert frame.dst == scenario.PORT_MAC[scenario.LAN].hex(":")
        again = frame.copy()
        del again[IP].chksum
        assert bytes(Ether(bytes(again))) == bytes(frame)
    flows = {(f[IP].src, f[IP].dst, f[UDP].sport, f[UDP].dport) for f in frames}
    assert len(flows) == scenario.FLOWS
    assert len({flow[1].rpartition(".")[0] for flow in flows}) == scenario.ROUTES


@pytest.mark.parametrize("size", scenario.SIZES, ids=lambda size: size.name)
def test_inbound_packets_decrypt(size):
    associations = {
        tunnel.spi_in: SecurityAssociation(
            ESP, spi=tunnel.spi_in, crypt_algo="AES-CBC", crypt_key=scenario.ENCRYPTION_KEY,
            auth_algo="HMAC-SHA1-96", auth_key=scenario.AUTHENTICATION_KEY)
        for tunnel in scenario.TUNNELS
    }
    frames = traffic.inbound_frames(size)
    seen = set()
    for frame, length in list(zip(frames, size.lengths()))[:200]:
        outer = Ether(frame)[IP]
        assert len(outer) == scenario.esp_bytes(length)
        spi, sequence = outer[ESP].spi, outer[ESP].seq
        inner = associations[spi].decrypt(outer).payload
        assert len(inner) == inner.len == length
        assert (spi, sequence) not in seen
        seen.add((spi, sequence))
    assert len({spi for spi, _ in seen}) == len(scenario.TUNNELS)


def test_imix_is_seven_four_one():
    lengths = IMIX.lengths()
    shares = [lengths.count(length) * 12 / len(lengths) for length in (48, 576, 1420)]
    assert shares == [7, 4, 1]


def cell_of(calls, **mpps) -> measure.Cell:
    return measure.Cell(scenario.OUTBOUND, scenario.SIZES[0], mpps=mpps, calls=calls)


def test_the_library_counts_with_its_best_call_over_all_rounds():
    cell = cell_of({"steady": [10, 10, 10], "lucky once": [8, 30, 9]})
    assert cell.crypto() == [10, 10, 10]


def test_limit_and_shares_are_taken_round_by_round():
    cell = cell_of({"pair": [10, 20]}, testpmd=[40, 20], espalier=[4, 8])
    assert cell.limit() == pytest.approx([8, 10])
    share = measure.ratio(cell.mpps["espalier"], cell.limit())
    assert (share.low, share.median, share.high) == pytest.approx((0.5, 0.65, 0.8))


class Subject:
    name, gateway = "subject", True


@pytest.mark.parametrize("mpps_in, mpps, frame_bytes, words", [
    (1, 0, 0, "nothing"),
    (1, 0.9, 150, "0.900 of 1.000 Mpps"),
    (1, 1, 78, "frames of 78.0 bytes, not 150.0"),  # forwarded in the clear
])
def test_a_window_that_is_not_the_task_is_refused(mpps_in, mpps, frame_bytes, words):
    with pytest.raises(Failure, match=words):
        measure.judge(Subject, scenario.OUTBOUND, scenario.SIZES[0],
                      Window(mpps_in, mpps, frame_bytes, cpu_share=1))


def test_a_window_that_is_the_task_passes():
    measure.judge(Subject, scenario.OUTBOUND, scenario.SIZES[0], Window(1, 0.999, 150, 1))


def test_a_disturbed_window_is_taken_again():
    cell = cell_of({})
    windows = iter([Window(1, 1, 150, 0.5), Window(1, 2, 150, 0.99), Window(1, 3, 150, 1)])
    assert measure.quietest(cell, lambda: next(windows)).mpps == 2
    assert cell.cpu_shares == [0.99]


def test_a_machine_that_is_never_quiet_gives_its_quietest_window():
    cell = cell_of({})
    windows = iter([Window(1, 1, 150, 0.5), Window(1, 2, 150, 0.9), Window(1, 3, 150, 0.7)])
    assert measure.quietest(cell, lambda: next(windows)).mpps == 2


def test_a_peer_that_fails_is_left_out_and_named():
    cell = cell_of({"pair": [10]}, testpmd=[40], espalier=[4])
    cell.failures["peer"] = "did not start"
    text = report.table([cell], ["peer"], [])
    assert "peer, outbound 64, left out: did not start" in text
    row = next(line for line in text.splitlines() if line.strip().startswith("64 "))
    assert row.split()[-2:] == ["-", "-"]
    assert "0.50 (0.50..0.50)" in row
    assert json.loads(json.dumps(report.document([cell], ["peer"], {})))["cells"][0]["failures"]


@pytest.mark.parametrize("change, words", [
    ({"optimization": "0"}, "optimization 0"),
    ({"b_sanitize": "address,undefined"}, "sanitizers"),
    ({"b_coverage": True}, "coverage"),
    ({}, None),
])
def test_builds_that_say_nothing_about_speed_are_known(change, words):
    reasons = machine.unfit({"optimization": "3", "b_sanitize": "none"} | change)
    assert reasons == [] if words is None else words in reasons[0]

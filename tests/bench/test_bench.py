# SPDX-License-Identifier: BSD-3-Clause
"""The measuring itself, without measuring: packets, checks and arithmetic. No rights needed."""

import collections
import dataclasses
import json
import pathlib
import types
import xml.etree.ElementTree

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.ipsec import ESP, SecurityAssociation
from scapy.layers.l2 import Ether
from scapy.utils import rdpcap

import chapters
import control
import curves
import goals
import machine
import measure
import order
import prefixes
import report
import scale
import scenario
import traffic
from chapter import Result, Row
from figures import Figure, harmonic_means, in_series, ratios
from process import Failure, Way, Window
from scenario import CBC_SHA1, GCM, IMIX, INBOUND, LAN, MIXED, OUTBOUND, SMALLEST, WAN, Task

SIZES = pytest.mark.parametrize("size", scenario.SIZES, ids=lambda size: size.name)


@SIZES
def test_outbound_packets_are_what_scapy_would_make(tmp_path, size):
    task = Task(OUTBOUND, size)
    traffic.write_files(task, LAN, [tmp_path / "a.pcap"])
    frames = rdpcap(str(tmp_path / "a.pcap"))
    assert len(frames) == task.packets_n
    assert sorted(frame[IP].len for frame in frames) == sorted(size.lengths(task.packets_n))
    for frame in frames[:50]:
        assert frame.dst == scenario.PORT_MAC[LAN].hex(":")
        again = frame.copy()
        del again[IP].chksum
        assert bytes(Ether(bytes(again))) == bytes(frame)
    flows = {(f[IP].src, f[IP].dst, f[UDP].sport, f[UDP].dport) for f in frames}
    assert len(flows) == task.flows_n
    assert len({flow[1].rpartition(".")[0] for flow in flows}) == task.routes_n


def scapy_association(suite, spi):
    if suite is GCM:
        return SecurityAssociation(ESP, spi=spi, crypt_algo="AES-GCM",
                                   crypt_key=suite.encryption_key)
    return SecurityAssociation(
        ESP, spi=spi, crypt_algo="AES-CBC", crypt_key=suite.encryption_key,
        auth_algo="HMAC-SHA1-96", auth_key=suite.authentication_key)


@SIZES
@pytest.mark.parametrize("suite", (CBC_SHA1, GCM), ids=lambda suite: suite.encryption)
def test_inbound_packets_decrypt(size, suite):
    task = Task(INBOUND, size, suite)
    associations = {one.spi_in: scapy_association(suite, one.spi_in) for one in task.tunnels}
    frames = traffic.frames(task, WAN)
    seen = set()
    for frame, length in list(zip(frames, size.lengths(task.packets_n)))[:200]:
        outer = Ether(frame)[IP]
        assert len(outer) == suite.esp_bytes(length)
        spi, sequence = outer[ESP].spi, outer[ESP].seq
        inner = associations[spi].decrypt(outer).payload
        assert len(inner) == inner.len == length
        assert (spi, sequence) not in seen
        seen.add((spi, sequence))
    assert len({spi for spi, _ in seen}) == task.tunnels_n


def test_a_flow_stays_in_its_queue(tmp_path):
    task = Task(OUTBOUND, SMALLEST, workers=2)
    paths = [tmp_path / "0.pcap", tmp_path / "1.pcap"]
    traffic.write_files(task, LAN, paths)
    queues = [{(f[IP].src, f[UDP].sport) for f in rdpcap(str(path))} for path in paths]
    assert len(queues[0]) + len(queues[1]) == task.flows_n and not queues[0] & queues[1]


def test_imix_is_seven_four_one():
    lengths = IMIX.lengths(3000)
    shares = [lengths.count(length) * 12 / len(lengths) for length in (48, 576, 1420)]
    assert shares == [7, 4, 1]


def test_the_internet_has_different_prefixes_and_mostly_slash_24():
    table = prefixes.internet(20000)
    assert len(set(table)) == 20000
    assert all(address & (1 << 32 - bits) - 1 == 0 for address, bits in table)
    share = collections.Counter(bits for _, bits in table)[24] / 20000
    assert 0.58 < share < 0.66
    assert str(table[0]).endswith(f"/{table[0].bits}")


@pytest.mark.parametrize("count", scale.TUNNELS)
def test_flows_are_spread_over_all_tunnels_and_routes(count):
    task = scale.tunnels_task(OUTBOUND, count)
    assert {tunnel for n in range(task.routes_n) for tunnel in task.group(n)} == set(task.tunnels)
    assert {flow.tunnel for flow in task.flows} == set(task.tunnels)
    far = {flow.far.rpartition(".")[0] for flow in task.flows}
    assert len(far) == task.routes_n
    assert len({tunnel.remote for tunnel in task.tunnels}) == count


def cell_of(calls, **mpps) -> measure.Cell:
    return measure.Cell("a cell", [], mpps=mpps, calls={"library": calls})


def test_the_library_counts_with_its_best_call_over_all_rounds():
    assert cell_of({"steady": [10, 10, 10], "lucky once": [8, 30, 9]}).of("library") == [10] * 3


def test_limit_and_shares_are_taken_round_by_round():
    limit = in_series([10, 20], [40, 20])
    assert limit == pytest.approx([8, 10])
    share = Figure.of(ratios([4, 8], limit), "ratio")
    assert (share.low, share.median, share.high) == pytest.approx((0.5, 0.65, 0.8))
    assert Figure.of([], "ratio") is None


def test_a_mix_of_equal_parts_has_the_harmonic_mean():
    assert harmonic_means([6], [3]) == pytest.approx([4])


class Subject:
    name, gateway, task = "subject", True, Task(OUTBOUND, SMALLEST)


class MixedSubject(Subject):
    task = Task(MIXED, SMALLEST)


@pytest.mark.parametrize("mpps_in, mpps, frame_bytes, words", [
    (1, 0, 0, "nothing"),
    (1, 0.9, 150, "0.900 of 1.000 Mpps"),
    (1, 1, 78, "frames of 78.0 bytes, not 150.0"),  # forwarded in the clear
])
def test_a_window_that_is_not_the_task_is_refused(mpps_in, mpps, frame_bytes, words):
    way = Way(mpps_in, mpps, frame_bytes)
    with pytest.raises(Failure, match=words):
        measure.judge(Subject, Window((way,), cpu_share=1))
    good = Way(1, 1, 150)
    with pytest.raises(Failure, match=words if mpps != 1 else "not 78.0"):
        measure.judge(MixedSubject, Window((good, way if mpps != 1 else good), cpu_share=1))


def test_a_window_that_is_the_task_passes():
    measure.judge(Subject, Window((Way(1, 0.999, 150),), 1))
    mixed = Window((Way(1, 0.999, 150), Way(2, 2, 78)), 1)
    measure.judge(MixedSubject, mixed)
    assert mixed.mpps == pytest.approx(2.999)


@dataclasses.dataclass
class Taken:
    value: float
    cpu_share: float


@pytest.mark.parametrize("shares, taken", [((0.5, 0.99, 1), 0.99), ((0.5, 0.9, 0.7), 0.9)])
def test_a_disturbed_window_is_taken_again(shares, taken):
    cell = cell_of({})
    windows = iter([Taken(share, share) for share in shares])
    assert measure.quietest(cell, lambda: next(windows)).value == taken
    assert cell.cpu_shares == [taken]


@pytest.mark.parametrize("change, words", [
    ({"optimization": "0"}, "optimization 0"),
    ({"b_sanitize": "address,undefined"}, "sanitizers"),
    ({"b_coverage": True}, "coverage"),
    ({}, None),
])
def test_builds_that_say_nothing_about_speed_are_known(change, words):
    reasons = machine.unfit({"optimization": "3", "b_sanitize": "none"} | change)
    assert reasons == [] if words is None else words in reasons[0]


def test_batches_ask_for_one_ack_each_and_lose_nothing():
    messages = control.new_routes(prefixes.internet(1000), [scenario.Tunnel(0)])
    batches = control.datagrams(messages, control.FAMILY_ROUTE)
    assert all(len(batch) <= 32768 for batch in batches)
    joined, step = b"".join(batches), len(messages[0])
    flags = [joined[n + control.FLAGS_AT] & control.ACK for n in range(0, len(joined), step)]
    assert len(flags) == 1000 and sum(map(bool, flags)) == len(batches)
    assert joined[step - 8:step] == messages[0][-8:]


def test_a_window_that_fails_is_taken_again_and_then_told():
    cell = cell_of({})
    outcomes = iter([Failure("disturbed"), Taken(1, 1), Failure("a"), Failure("b"), Failure("c")])

    def take():
        outcome = next(outcomes)
        if isinstance(outcome, Failure):
            raise outcome
        return outcome

    assert measure.quietest(cell, take).value == 1
    with pytest.raises(Failure, match="c"):
        measure.quietest(cell, take)


def document(share, **facts) -> dict:
    row = Row("64", facts=facts)
    row.add("limit", [9, 10, 11], "Mpps")
    row.add("espalier", [7, 8, 9], "Mpps")
    row.add("share of limit", share, "ratio")
    row.add("ipsec-secgw", [], "Mpps")
    other = dataclasses.replace(row, key="1420")
    result = Result("Outbound <&>", "IP length", [row, other])
    chapters = {"outbound": result.document()}
    return json.loads(json.dumps({"chapters": chapters, "verdicts": goals.verdicts(chapters)}))


def test_tables_name_the_spread_and_what_was_left_out():
    run = document([0.7, 0.8, 0.85], failures={"ipsec-secgw": "no start"})
    chapter = run["chapters"]["outbound"]
    text = "\n".join(report.chapter_table(chapter))
    assert "8.00 ±12%" in text and "0.80 (0.70..0.85)" in text
    assert "ipsec-secgw, 64, left out: no start" in text


def test_a_chapter_that_fails_takes_no_other_along(monkeypatch):
    class Quiet:
        told = []

        def chapter(self, name):
            pass

        def tell(self, text):
            self.told.append(text)

    def fail(run):
        raise Failure("it lost packets")

    monkeypatch.setattr(chapters, "CHAPTERS", {
        "one": fail, "other": lambda run: Result("Other", "IP length", [Row("64")])})
    run = types.SimpleNamespace(progress=Quiet())
    documents, failures = chapters.take(("one", "other"), run)
    assert list(documents) == ["other"] and failures == {"one": "it lost packets"}
    assert Quiet.told == ["one failed: it lost packets"]
    assert "NOT MEASURED: one: it lost packets" in report.failure_lines(failures)
    compared = report.comparison(document([0.7]), document([0.8]) | {"failures": failures})
    assert "NOT MEASURED: one, after: it lost packets" in compared


@pytest.mark.parametrize("share, verdict", [(0.79, "MISSED"), (0.8, "met"), (0.85, "as aimed at")])
def test_verdicts(share, verdict):
    assert document([share])["verdicts"][0]["verdict"] == verdict


def test_goals_where_less_is_better():
    goal = goals.Goal("latency", "a", "b", 10, most=True)
    assert [goal.verdict({"median": value}) for value in (9, 11)] == ["met", "MISSED"]


def test_what_must_never_happen_is_judged_by_the_worst_round():
    goal = goals.Goal("order", "a", "b", 0, most=True, never=True)
    assert goal.verdict({"median": 0, "high": 0}) == "met"
    assert goal.verdict({"median": 0, "high": 1}) == "MISSED"


def test_a_change_is_one_where_the_rounds_do_not_overlap():
    text = report.comparison(document([0.7, 0.71]), document([0.8, 0.81]))
    row = next(line for line in text.splitlines() if "outbound 64" in line)
    assert "+14.2 %" in row and row.endswith("higher")
    text = report.comparison(document([0.7, 0.81]), document([0.8, 0.81]))
    assert not any(line.endswith("higher") for line in text.splitlines())


@pytest.mark.parametrize("drawn", [
    curves.curves(document([0.7])), curves.comparison(document([0.7]), document([0.8]))])
def test_curves_are_well_formed_and_within_the_frame(drawn):
    (svg,) = drawn.values()
    root = xml.etree.ElementTree.fromstring(svg)
    lines = [one for one in root if one.tag.endswith("polyline")]
    assert len(lines) == 2
    for line in lines:
        for point in line.get("points").split():
            x, y = map(float, point.split(","))
            assert 0 < x < curves.WIDTH and 0 < y < curves.HEIGHT


def test_labels_do_not_touch():
    placed = curves.spread_labels([100, 101, 102, 50])
    assert sorted(placed) == [50, 100, 117, 134]


@pytest.mark.parametrize("top", (14.1, 1, 0.86, 7.001, 99))
def test_ticks_end_just_above(top):
    found = curves.ticks(top)
    assert found[0] == 0 and top <= found[-1] <= top * 1.35 and len(found) <= 9


def test_packets_need_no_directory_but_the_runs_own():
    task = Task(OUTBOUND, SMALLEST)
    assert pathlib.Path(task.file_name(LAN, 0)).name == task.file_name(LAN, 0)


def test_lateness_is_how_far_a_number_lies_below_the_highest():
    assert order.lateness([1, 2, 5, 3, 4, 6, 1000, 7]) == [0, 0, 0, 2, 1, 0, 0, 993]


def packet_of(flow: int, count: int) -> bytes:
    return bytes(12) + bytes((10, 0, 0, flow)) * 2 + bytes(8) + count.to_bytes(4, "big")


def test_disorder_within_a_flow_is_seen_and_between_flows_is_not():
    good = [packet_of(1, 1), packet_of(2, 1), packet_of(2, 2), packet_of(1, 2)]
    assert order.flow_disorder(good) == 0
    assert order.flow_disorder([good[3], good[0], good[1], good[2]]) > 0
    assert order.flow_disorder([good[0], good[1], good[3]]) == 0
    assert order.flow_disorder([good[0], good[2]]) == 1


def test_what_a_receiver_sees_of_two_workers():
    task = Task(OUTBOUND, SMALLEST, flows_n=4, packets_n=200)
    sealer = traffic.Sealer(CBC_SHA1, "")
    frames = [traffic.ethernet(WAN, traffic.ipv4(
        "203.0.113.191", "198.18.0.1", traffic.ESP, sealer.seal(frame[14:], 1, number)))
        for number, frame in enumerate(traffic.frames(task, LAN), 1)]
    records = list(enumerate(frames))
    found = order.look(records, CBC_SHA1)
    assert set(found.values()) == {0}
    found = order.look(records[100:] + records[:100], CBC_SHA1)
    assert found["beyond 64"] == 0.5 and found["beyond 1024"] == 0 and found["latest"] == 199
    assert found["out of order within a flow"] > 0
    with pytest.raises(Failure, match="missing"):
        order.look(records[1:], CBC_SHA1)

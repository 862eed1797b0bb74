# SPDX-License-Identifier: BSD-3-Clause
"""Chapter: one SA that two workers send on: in what order do its packets reach the receiver?

Each worker takes a file once and writes what it sends into a file of its own, with the time to the
nanosecond. Both together, by time, are what the receiver sees.
"""

import pathlib
import struct

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from chapter import Result, Row, Run
from espalier import Espalier
from process import Failure
from scenario import OUTBOUND, WAN, Size, Suite, Task

PACKETS, PACKETS_QUICK = 65536, 16384
WINDOWS = (64, 1024)
ETHERNET, IPV4, ESP_AT = 14, 20, 34
NANOSECONDS = 0xA1B23C4D  # the magic number of a pcap file


class ToFiles(Espalier):
    """Takes its files once, and writes what it sends."""

    infinite = ""

    def sent(self, port):
        if port != WAN:
            return ""
        return "".join(f",tx_pcap={path}" for path in self.outputs())

    def outputs(self) -> list[pathlib.Path]:
        return [self.bench.directory / f"{self.name}-{worker}.pcap"
                for worker in range(self.task.workers)]

    def through(self) -> list[tuple[int, bytes]]:
        """All that it sent: time in nanoseconds, frame; by time."""
        self.launch()
        self.process.let_workers_preempt()
        self.go()
        self.process.wait_until("at the end of its files", lambda: self.process.statistics(WAN)[
            "opackets"] >= self.task.packets_n)
        self.check()
        self.stop()
        return sorted(record for path in self.outputs() for record in read_pcap(path))


def read_pcap(path: pathlib.Path):
    data = path.read_bytes()
    (magic,) = struct.unpack_from("=I", data)
    if magic != NANOSECONDS:
        raise Failure(f"{path.name} has no nanoseconds")
    at = 24
    while at < len(data):
        seconds, nanoseconds, length, _ = struct.unpack_from("=IIII", data, at)
        yield seconds * 10 ** 9 + nanoseconds, data[at + 16:at + 16 + length]
        at += 16 + length


def lateness(numbers: list[int]) -> list[int]:
    """How far each sequence number lies below the highest that came before it; 0 if in order."""
    late, highest = [], 0
    for number in numbers:
        late.append(max(0, highest - number))
        highest = max(highest, number)
    return late


def opened(frame: bytes, suite: Suite) -> bytes:
    """The inner packet, with its ESP trailer."""
    esp = frame[ESP_AT:]
    iv, payload = esp[8:8 + suite.iv_bytes], esp[8 + suite.iv_bytes:-suite.icv_bytes]
    cipher = Cipher(algorithms.AES(suite.encryption_key), modes.CBC(iv)).decryptor()
    return cipher.update(payload) + cipher.finalize()


def flow_disorder(packets: list[bytes]) -> int:
    """Inner packets whose flow's count, which begins their payload, does not go up by one."""
    seen, wrong = {}, 0
    for packet in packets:
        flow, (count,) = packet[12:24], struct.unpack_from("!I", packet, 28)
        wrong += count != seen.get(flow, 0) + 1
        seen[flow] = count
    return wrong


def look(records: list[tuple[int, bytes]], suite: Suite) -> dict[str, float]:
    """What the receiver sees of it."""
    numbers = [struct.unpack_from("!I", frame, ESP_AT + 4)[0] for _, frame in records]
    if sorted(numbers) != list(range(1, len(numbers) + 1)):
        raise Failure("sequence numbers are missing or sent twice")
    late = lateness(numbers)
    found = {f"beyond {window}": sum(one >= window for one in late) / len(late)
             for window in WINDOWS}
    return found | {
        "latest": max(late),
        "out of order": sum(map(bool, late)) / len(late),
        "out of order within a flow": flow_disorder([opened(frame, suite) for _, frame in records]),
    }


UNITS = {"beyond 64": "share", "beyond 1024": "share", "out of order": "share",
         "latest": "packets", "out of order within a flow": "packets"}


def order(run: Run) -> Result:
    result = Result("One SA on two workers, outbound: order at the receiver", "IP length")
    for size in run.few_sizes():
        result.rows.append(row(run, size))
    if run.bench.cpus.second == run.bench.cpus.main:
        result.notes.append("a worker that loses its CPU while it holds numbers is late by what the"
                            " other one sends meanwhile: the second one shares its CPU here")
    return result


def row(run: Run, size: Size) -> Row:
    task = Task(OUTBOUND, size, tunnels_n=1, workers=2, flows_n=256,
                packets_n=PACKETS_QUICK if run.quick else PACKETS)
    looks = []
    for turn in range(run.plan.turns):
        system = ToFiles(run.bench, "order", task)
        try:
            looks.append(look(system.through(), task.suite))
        finally:
            system.stop()
        run.progress(f"order {size.name}", turn + 1, run.plan.turns, looks[-1])
    row = Row(size.name)
    for column, unit in UNITS.items():
        row.add(column, [one[column] for one in looks], unit)
    return row

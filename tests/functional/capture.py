# SPDX-License-Identifier: BSD-3-Clause
"""Capture files (pcap), read and written as lists of frames."""
import struct

MAGIC = 0xA1B2C3D4       # microseconds
MAGIC_NANO = 0xA1B23C4D  # nanoseconds, as DPDK writes
ETHERNET = 1

FILE_HEADER = struct.pack("=IHHiIII", MAGIC, 2, 4, 0, 0, 65535, ETHERNET)


def record(frame):
    return struct.pack("=IIII", 0, 0, len(frame), len(frame)) + frame


def write(path, frames):
    with open(path, "wb") as file:
        file.write(FILE_HEADER)
        file.write(b"".join(map(record, frames)))


def read(path):
    """Every frame of a capture. One cut short is an error: whoever wrote it did not finish."""
    data = path.read_bytes()
    assert struct.unpack_from("=I", data)[0] in (MAGIC, MAGIC_NANO)
    frames, at = [], 24
    while at < len(data):
        captured, length = struct.unpack_from("=II", data, at + 8)
        assert captured == length and at + 16 + captured <= len(data)
        frames.append(data[at + 16:at + 16 + captured])
        at += 16 + captured
    return frames

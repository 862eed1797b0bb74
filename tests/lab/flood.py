#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""flood.py SOURCE TARGET RATE: UDP to the discard port, RATE packets a second, until SIGTERM. Then
prints how many left."""

import signal
import socket
import sys
import time

PORT = 9
BYTES = bytes(200)
BATCH_S = 0.002


def main():
    source, target, rate = sys.argv[1], sys.argv[2], int(sys.argv[3])
    ended = []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(True))
    out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    out.bind((source, 0))
    print("flooding", flush=True)
    sent, began = 0, time.monotonic()
    while not ended:
        due = int((time.monotonic() - began) * rate)
        # What is late is made up for, but for no more than a tenth of a second.
        for _ in range(min(due - sent, rate // 10)):
            out.sendto(BYTES, (target, PORT))
            sent += 1
        time.sleep(BATCH_S)
    print(sent, flush=True)


if __name__ == "__main__":
    main()

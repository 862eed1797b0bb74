#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A control socket that passes everything on to the real one, and writes it down as a trace.

    record.py -s /run/espalier/control.sock -l /tmp/recorded.sock -o run.trace
    espalier-run -s /tmp/recorded.sock charon-systemd

A trace holds the keys of the SAs: record those of a lab only.
"""
import argparse
import os
import selectors
import signal
import socket
import threading
import time

import dialogue

LARGEST = 1 << 20


class Recorder(threading.Thread):
    """One thread for all connections, so that the order of lines is that of events."""

    def __init__(self, upstream, path, output, head=""):
        super().__init__(daemon=True)
        self.upstream, self.path = str(upstream), str(path)
        self.lock = threading.Lock()
        self.output = open(output, "w", encoding="ascii")  # pylint: disable=consider-using-with
        self.output.write(head)
        self.began = time.monotonic()
        self.connections = 0
        self.ended = threading.Event()
        self.selector = selectors.DefaultSelector()
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(self.path)
        self.listener.listen(64)
        self.selector.register(self.listener, selectors.EVENT_READ, self.accept)

    def run(self):
        while not self.ended.is_set():
            for key, _ in self.selector.select(0.1):
                key.data()

    def accept(self):
        program, _ = self.listener.accept()
        gateway = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        gateway.connect(self.upstream)
        self.connections += 1
        connection = Connection(self, str(self.connections), program, gateway)
        for end in (program, gateway):
            self.selector.register(end, selectors.EVENT_READ,
                                   lambda end=end: connection.pass_on(end))

    def write(self, text, remark=""):
        with self.lock:
            self.output.write(f"{text}  # {time.monotonic() - self.began:.3f} {remark}".rstrip()
                              + "\n")

    def remark(self, text):
        """What the scene does now."""
        with self.lock:
            self.output.write(f"# {text}\n")

    def frame(self, port, frame):
        """A frame that the scene is about to send."""
        self.write(f"{port} {frame.hex()}")

    def stop(self):
        self.ended.set()
        self.join()
        self.listener.close()
        os.unlink(self.path)
        self.output.close()


class Connection:
    def __init__(self, recorder, name, program, gateway):
        self.recorder, self.name = recorder, name
        self.program, self.gateway = program, gateway
        self.family = None

    def pass_on(self, end):
        try:
            datagram = end.recv(LARGEST)
        except ConnectionError:
            datagram = b""
        if not datagram:
            self.close()
            return
        outward = end is self.program
        if self.family is None:
            self.family = dialogue.family_of(datagram)
        self.recorder.write(f"{self.name} {'>' if outward else '<'} {datagram.hex()}",
                            dialogue.describe(self.family, datagram))
        try:
            (self.gateway if outward else self.program).send(datagram)
        except (BrokenPipeError, ConnectionError):
            pass  # its end comes to be read

    def close(self):
        self.recorder.write(f"{self.name} -")
        for end in (self.program, self.gateway):
            self.recorder.selector.unregister(end)
            end.close()


def main():
    parser = argparse.ArgumentParser(description="records what goes over a control socket")
    parser.add_argument("-s", "--socket", default="/run/espalier/control.sock")
    parser.add_argument("-l", "--listen", required=True)
    parser.add_argument("-o", "--output", required=True)
    arguments = parser.parse_args()
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    recorder = Recorder(arguments.socket, arguments.listen, arguments.output)
    recorder.start()
    ended.wait()
    recorder.stop()


if __name__ == "__main__":
    main()

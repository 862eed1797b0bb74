#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A client of the control socket that wants to be in the way: `hostile.py KIND SOCKET`, until killed.

On its own so that it has a process and, where there are enough of them, a CPU for itself.
"""
import os
import resource
import socket
import struct
import sys
import time

HELLO, GROUP = 0xF000, 0xF001
ROUTE, XFRM, OWN = 0, 6, 0xE5
# What is asked for in each family: a listing of everything.
LISTINGS = {ROUTE: (26, bytes(12)), XFRM: (0x12, b""), OWN: (0xF010, struct.pack("=I", 2))}
GROUPS = {ROUTE: (1, 3, 7), XFRM: (1, 2, 3, 4, 5), OWN: ()}
PLACES = 4  # connections of a kind, of the 32 there are


def message(kind, body, flags=5, sequence=1):
    return struct.pack("=IHHII", 16 + len(body), kind, flags, sequence, 0) + body


def listing(family):
    kind, body = LISTINGS[family]
    return message(kind, body, 0x301)


def connect(path, family):
    client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    client.connect(path)
    client.send(message(HELLO, struct.pack("=II", 1, family)))
    return client


def places(path):
    for number in range(PLACES):
        family = (XFRM, ROUTE, OWN)[number % 3]
        yield connect(path, family), family


def stuck(path):
    """Asks for all there is, as often as it is let, and takes none of it."""
    clients = list(places(path))
    for client, family in clients:
        client.setblocking(False)
        push(client, listing(family))
    time.sleep(3600)


def slow(path):
    """Takes a datagram a second."""
    clients = list(places(path))
    while True:
        for client, family in clients:
            client.setblocking(False)
            push(client, listing(family))
            try:
                client.recv(1 << 16)
            except BlockingIOError:
                pass
        time.sleep(1)


def flooding(path):
    """Asks, and asks, and never looks at an answer."""
    clients = list(places(path))
    requests = {ROUTE: message(24, os.urandom(40)), XFRM: message(0x12, os.urandom(24)),
                OWN: message(0xF010, os.urandom(4))}
    for client, _ in clients:
        client.setblocking(False)
    while True:
        for client, family in clients:
            push(client, requests[family])
        time.sleep(0.0002)


def deaf(path):
    """Wants to be told everything, and does not listen."""
    clients = list(places(path))
    for client, family in clients:
        for group in GROUPS[family]:
            client.send(message(GROUP, struct.pack("=II", group, 1)))
    time.sleep(3600)


def greedy(path):
    """Reads as fast as it can, and asks again: a listing of everything, without end."""
    clients = list(places(path))
    while True:
        for client, family in clients:
            client.send(listing(family))
        for client, _ in clients:
            client.settimeout(0.2)
            try:
                client.recv(1 << 16)
            except TimeoutError:
                pass


def vanishing(path):
    """Goes in the middle of a listing, before its hello is answered, with half a message sent."""
    turn = 0
    while True:
        try:
            client = connect(path, XFRM if turn % 2 else ROUTE)
            client.send(listing(XFRM if turn % 2 else ROUTE))
            if turn % 3:
                client.send(os.urandom(turn % 40))
            client.close()
        except OSError:
            pass
        turn += 1


def crowd(path):
    """Thousands of connections: some say half a hello, most say nothing."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (8192, 8192))
    held = []
    while True:
        client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        client.setblocking(False)
        try:
            client.connect(path)
            if len(held) % 3 == 0:
                client.send(b"\x18\0\0\0\0\xf0")
        except OSError:
            client.close()
            time.sleep(0.001)
            continue
        held.append(client)
        if len(held) > 4000:
            held.pop(0).close()


def push(client, data):
    """As many as it takes."""
    try:
        while True:
            client.send(data)
    except OSError:
        pass


KINDS = {kind.__name__: kind
         for kind in (stuck, slow, flooding, deaf, greedy, vanishing, crowd)}

if __name__ == "__main__":
    os.nice(10)  # it is the server that is to be hogged, not the CPU
    print("at work", flush=True)
    while True:
        try:
            KINDS[sys.argv[1]](sys.argv[2])
        except OSError:  # sent away, or no place
            time.sleep(0.01)

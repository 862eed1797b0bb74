# SPDX-License-Identifier: BSD-3-Clause
"""Rounds of an owner: a whole table is said anew while packets flow.

    10.0.0.1 --- lan0 ESPALIER === conn1, conn2, conn3 === 20.0.0.0/9 in 8,000 routes of three ways
"""
import threading

import wire
from rtnetlink import IPV4_ROUTE, NEWROUTE, REPLACE, Client, begin, commit, route
from topology import HOST, Topology

ROUTES, BATCH = 8000, 400
ALL = (1001, 1002, 1003)


def prefix(number):
    return bytes([20, number // 256, number % 256, 0])


def say(client, numbers, ways=ALL):
    """In datagrams of BATCH, each of them a batch."""
    numbers = list(numbers)
    for at in range(0, len(numbers), BATCH):
        part = numbers[at:at + BATCH]
        client.socket.send(b"".join(route(NEWROUTE, prefix(number), 24, ways, REPLACE)
                                    for number in part))
        assert client.statuses(len(part)) == [0] * len(part)


def order(client, request):
    client.socket.send(request)
    return client.statuses(1)


def flows(numbers):
    return [wire.udp_packet(HOST, f"20.{number // 256}.{number % 256}.9", sport=2000 + number)
            for number in numbers]


def routes_of(gateway, owner):
    return {row["prefix"] for row in gateway.show("routes") if row["owner"] == owner}


def test_resync_moves_no_flow_and_loses_no_packet(start, socket):
    topology, numbers = Topology(), range(0, ROUTES, 16)
    gateway = start(topology, lan="live")
    client = Client(socket)
    assert order(client, begin("fpm")) == [0]
    say(client, range(ROUTES))
    assert order(client, commit()) == [0]
    listener = Client(socket, [IPV4_ROUTE])
    done, rounds = threading.Event(), 0

    def resync():
        again = Client(socket)
        assert order(again, begin("fpm")) == [0]
        say(again, range(ROUTES))
        assert order(again, commit()) == [0]
        done.set()

    thread = threading.Thread(target=resync)
    thread.start()
    while not done.is_set() or rounds < 3:
        gateway.feed("lan0", wire.ethers(flows(numbers)))
        rounds += 1
    thread.join()
    # Nothing happened, so nobody was told.
    listener.socket.setblocking(False)
    try:
        assert not listener.socket.recv(1)
    except BlockingIOError:
        pass
    outcome = gateway.stop()
    assert {reason for reason in outcome.drops if reason != "not_ip"} == set()
    assert len(outcome.wan) == rounds * len(numbers)
    way = {}
    for number, packet in zip(list(numbers) * rounds, outcome.wan):
        assert way.setdefault(number, topology.of(packet)) is topology.of(packet)
    assert set(way.values()) == set(topology)


def test_commit_sweeps_what_was_not_said(start, socket):
    gateway = start(Topology(), lan="live")
    before = gateway.show("routes")
    lost, client = Client(socket), Client(socket)
    assert order(lost, begin("fpm")) == [0]
    say(lost, range(ROUTES), 1001)
    lost.socket.close()  # before COMMIT: everything stays
    assert len(routes_of(gateway, "fpm")) == ROUTES
    assert order(client, begin("fpm")) == [0]
    say(client, range(0, ROUTES, 2), 1001)
    gateway.feed("lan0", wire.ethers(flows([1, 2])))
    assert order(client, commit()) == [0]
    assert routes_of(gateway, "fpm") == {f"20.{n // 256}.{n % 256}.0/24"
                                         for n in range(0, ROUTES, 2)}
    gateway.feed("lan0", wire.ethers(flows([1, 2])))
    assert order(client, begin("fpm")) == order(client, commit()) == [0]
    assert gateway.show("routes") == before
    assert {row["owner"] for row in before} == {"configuration"}
    outcome = gateway.stop()
    # The last but one of four went to the default route, in the clear.
    assert [Topology().of(packet) and Topology().of(packet).number for packet in outcome.wan] == \
        [1, 1, None, 1]


def test_takeover(start, socket):
    gateway = start(Topology(), lan="live")
    first, second = Client(socket), Client(socket)
    assert order(first, begin("kernel")) == order(second, begin("kernel")) == [0]
    assert order(first, commit()) == [116]  # ESTALE
    assert order(first, route(NEWROUTE, prefix(1), 24, 1001, REPLACE)) == [116]
    assert order(second, commit()) == [0]
    assert order(second, commit()) == [22]  # EINVAL
    gateway.stop()

# SPDX-License-Identifier: BSD-3-Clause
"""The gateway goes and comes back; the program behind espalier-run does not notice more than it must."""
import os
import signal
import socket
import time

import pytest

import espalier_run
import fake_control
from espalier_run import Program
from fake_control import DELSA, FLUSHSA, GETSA, GROUP_EXPIRE, NEWSA
from gateway import PATIENCE, wait_until


def test_nobody_reads_its_log(control):
    """It says that the gateway is gone and back, into a pipe without a reader, and goes on."""
    program = Program(control, """
        s = open_xfrm()
        print("open", flush=True)
        input()
        print(status(ask(s, nl.FLUSHSA, bytes(4), 5)))
        """)
    program.says("open")
    program.process.stderr.close()
    control.stop()
    time.sleep(0.3)
    control.start()
    wait_until(lambda: len(control.clients) >= 2, 10, "its connections")
    program.process.stdin.write("\n")
    assert program.process.stdout.readline() == "0\n"
    assert program.process.wait(10) == 0


def test_the_command_has_signals_as_they_were(control):
    """espalier-run ignores SIGPIPE for itself alone. What else is ignored, as SIGHUP under nohup, was
    so before."""
    done = espalier_run.run(control.path, "grep", "SigIgn", "/proc/self/status")
    assert int(done.stdout.split()[1], 16) & 1 << signal.SIGPIPE - 1 == 0


def test_a_request_without_an_answer_is_sent_again(control):
    """Once, in its order, and the program gets one answer."""
    control.silent = True
    program = Program(control, """
        s = open_xfrm()
        s.send(message(nl.FLUSHSA, bytes(4), 5, 1))
        s.send(message(nl.NEWSA, sa_info("192.0.2.1", 0x1001), 5, 2))
        for _ in range(2):
            (kind, _, sequence, pid, body), = messages(s.recv(4096))
            print(kind, sequence, pid == s.getsockname()[0])
        s.settimeout(0.3)
        try: s.recv(4096)
        except TimeoutError: print("nothing more")
        """)
    wait_until(lambda: len(control.kinds()) == 2, 10, "the requests")
    control.restart()
    assert program.finish()[0].splitlines() == ["2 1 True", "2 2 True", "nothing more"]
    assert control.kinds() == [FLUSHSA, NEWSA] * 2


def test_an_answered_request_is_never_sent_again(control):
    program = Program(control, """
        s = open_xfrm()
        print(status(ask(s, nl.NEWSA, sa_info("192.0.2.1", 0x1001))), flush=True)
        input()
        print(status(ask(s, nl.FLUSHSA, bytes(4), sequence=2)))
        """)
    program.says("0")
    control.restart()
    program.go_on()
    assert program.finish()[0] == "0\n"
    assert control.kinds() == [NEWSA, FLUSHSA]


def test_requests_during_the_outage_wait(control):
    program = Program(control, """
        s = open_xfrm()
        print("open", flush=True)
        input()
        s.send(message(nl.FLUSHSA, bytes(4), 5, 1))
        other = []
        t = threading.Thread(
            target=lambda: other.append(status(ask(open_xfrm(), nl.FLUSHSA, bytes(4)))))
        t.start()
        print(status(list(messages(s.recv(4096)))))
        t.join()
        print(*other)
        """)
    program.says("open")
    control.stop()
    program.go_on()
    with pytest.raises(AssertionError):
        wait_until(lambda: program.process.poll() is not None, 0.5, "")
    control.start()
    assert program.finish()[0].split() == ["0", "0"]


def test_a_listing_that_broke_off_is_not_begun_again(control):
    """Its first row has been read: the program is told, and asks again itself."""
    control.rows = [(NEWSA, fake_control.sa_info("192.0.2.1", spi)) for spi in (1, 2)]
    control.break_off = True
    program = Program(control, """
        s = open_xfrm()
        s.send(message(nl.GETSA, b"", nl.REQUEST | nl.DUMP, 5))
        row, end = [next(messages(s.recv(4096))) for _ in range(2)]
        print(row[0], status([end]) == errno.EINTR, end[2], end[3] == s.getsockname()[0])
        """)
    assert program.finish()[0] == "16 True 5 True\n"
    assert control.kinds() == [GETSA]


def test_groups_are_joined_again(control):
    program = Program(control, """
        s = open_xfrm(groups=1 << (nl.GROUP_EXPIRE - 1))
        print("bound", flush=True)
        print(len(s.recv(4096)))
        """)
    program.says("bound")
    control.restart()
    wait_until(lambda: control.joined(GROUP_EXPIRE), 10, "the group")
    control.event(GROUP_EXPIRE, fake_control.message(fake_control.EXPIRE, bytes(232)))
    assert program.finish()[0] == "248\n"


def test_listeners_for_routes_ask_anew(control):
    """What changed while the gateway was away nobody told: ENOBUFS, once, and not before the groups are
    joined. A socket without groups has missed nothing."""
    program = Program(control, """
        def open_route(groups):
            s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, nl.ROUTE)
            s.bind((0, groups))
            return s
        s, quiet = open_route(0x441), open_route(0)
        s.settimeout(10)
        print("bound", flush=True)
        try: print(s.recv(4096))
        except OSError as error: print(errno.errorcode[error.errno], flush=True)
        print(len(s.recv(4096)))
        quiet.settimeout(0.3)
        try: print(quiet.recv(4096))
        except TimeoutError: print("silent")
        """, "--family", "route")
    program.says("bound")
    control.restart()
    program.says("ENOBUFS")
    assert all(control.joined(group) for group in (1, 7, 11))
    control.event(7, fake_control.message(0x18, bytes(12)))
    assert program.finish()[0].split() == ["28", "silent"]


def test_lost_sas_are_reported_expired(control):
    """Three are installed, one deleted, one still there afterwards: a hard EXPIRE for the third."""
    program = Program(control, """
        events = open_xfrm(groups=1 << (nl.GROUP_EXPIRE - 1))
        quiet = open_xfrm()
        s = open_xfrm()
        infos = [sa_info("192.0.2.%d" % n, 0x1000 + n, reqid=n) for n in (1, 2, 3)]
        for info in infos:
            key = attribute(2, b"cbc(aes)" + bytes(56) + struct.pack("=I", 128) + b"SECRETSECRETSECR")
            assert status(ask(s, nl.NEWSA, info + key + attribute(31, b"\\7\\0\\0\\0"))) == 0
        assert status(ask(s, nl.NEWSA, infos[0])) == errno.EEXIST
        assert status(ask(s, nl.DELSA, sa_id(infos[0]))) == 0
        print("installed", flush=True)
        data, address = events.recvfrom(4096)
        (kind, flags, sequence, pid, body), = messages(data)
        print(kind == nl.EXPIRE, sequence, pid, address == (0, 0))
        print(body[:224] == infos[2], body[224], body[232:] == attribute(31, b"\\7\\0\\0\\0"))
        print(b"SECRET" in data)
        for other in (events, quiet, s):
            other.settimeout(0.3)
            try: print(other.recv(4096))
            except TimeoutError: print("silent")
        """)
    program.says("installed")
    kept = {name: body for name, body in control.sas.items() if body[72:76] == b"\0\0\x10\2"}
    assert len(kept) == 1
    control.stop()
    begin = control.start

    def start_with_one():
        begin()
        control.sas = kept

    start_with_one()
    output, errors = program.finish()
    assert output.splitlines() == ["True 0 0 True", "True 1 True", "False"] + ["silent"] * 3
    assert "is back" in errors and "without 1 of our SAs" in errors
    assert control.kinds().count(NEWSA) == 4 and control.kinds().count(DELSA) == 1


def test_a_slow_program_is_told_of_every_lost_sa(control):
    """More than its outbox holds, while it does not read for a while: whom nobody tells of an SA,
    keeps it."""
    count = 6000
    program = Program(control, f"""
        s, ear = open_xfrm(), open_xfrm(groups=1 << (nl.GROUP_EXPIRE - 1))
        for spi in range(0x1000, 0x1000 + {count}):
            s.send(message(nl.NEWSA, sa_info("192.0.2.1", spi), nl.REQUEST | nl.ACK, spi))
            s.recv(4096)
        print("installed", flush=True)
        input()
        time.sleep(4)
        told = set()
        ear.settimeout(3)
        while len(told) < {count}:
            try: told.update(body[72:76] for _, _, _, _, body in messages(ear.recv(65536)))
            except TimeoutError: break
        print(len(told))
        """)
    program.says("installed")
    control.restart()
    program.go_on()
    output, errors = program.finish()
    assert output.split() == [str(count)], errors


def test_sas_that_expired_or_were_flushed_are_not_missed(control):
    program = Program(control, """
        s = open_xfrm(groups=1 << (nl.GROUP_EXPIRE - 1))
        gone = sa_info("192.0.2.1", 0x1001)
        assert status(ask(s, nl.NEWSA, gone)) == 0
        print("installed", flush=True)
        s.recv(4096)
        print("expired", flush=True)
        input()
        for n in range(5):
            assert status(ask(s, nl.NEWSA, sa_info("192.0.2.9", n + 1))) == 0
        assert status(ask(s, nl.FLUSHSA, b"\\0\\0\\0\\0")) == 0
        print("flushed", flush=True)
        s.settimeout(1)
        try: s.recv(4096)
        except TimeoutError: print("silent")
        """)
    program.says("installed")
    control.event(GROUP_EXPIRE, fake_control.message(
        fake_control.EXPIRE, fake_control.sa_info("192.0.2.1", 0x1001) + b"\1" + bytes(7)))
    program.says("expired")
    program.go_on()
    program.says("flushed")
    control.restart()
    assert program.finish()[0] == "silent\n"


def test_the_last_words_of_a_program_arrive(control):
    """It sends without waiting and ends, while the gateway is away."""
    program = Program(control, """
        s = open_xfrm()
        print("open", flush=True)
        input()
        s.send(message(nl.FLUSHSA, bytes(4), nl.REQUEST, 1))
        print("sent", flush=True)
        """)
    program.says("open")
    control.stop()
    program.go_on()
    program.says("sent")
    with pytest.raises(AssertionError):
        wait_until(lambda: program.process.poll() is not None, 0.5, "")
    control.start()
    program.finish()
    assert control.kinds() == [FLUSHSA]


@pytest.mark.once
def test_a_program_that_ends_with_more_waiting_than_there_is_room_for(control):
    """It floods a gateway that is away, until nothing more is taken, and ends: so does espalier-run,
    with the patience that it has for anybody's last words."""
    program = Program(control, """
        s = open_xfrm()
        print("open", flush=True)
        input()
        s.setblocking(False)
        request, last = message(nl.FLUSHSA, bytes(60000), 5, 1), time.monotonic()
        while time.monotonic() - last < 0.5:
            try: s.send(request); last = time.monotonic()
            except BlockingIOError: time.sleep(0.01)
        print("full", flush=True)
        """)
    program.says("open")
    control.stop()
    program.go_on()
    program.says("full")
    assert program.process.wait(30 * PATIENCE) == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_a_stranger_in_the_gateways_place_gets_nothing(control):
    """Whoever takes the socket's path over while the gateway is away sees no request."""
    program = Program(control, """
        s = open_xfrm()
        print("open", flush=True)
        input()
        print(status(ask(s, nl.FLUSHSA, bytes(4))))
        """)
    program.says("open")
    control.stop()
    stranger = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    stranger.bind(control.path)
    os.seteuid(65534)
    try:
        stranger.listen(64)
    finally:
        os.seteuid(0)
    program.go_on()
    client, _ = stranger.accept()
    assert client.recv(4096) == b""
    stranger.close()
    os.unlink(control.path)
    control.start()
    output, errors = program.finish()
    assert output == "0\n" and "user 65534" in errors

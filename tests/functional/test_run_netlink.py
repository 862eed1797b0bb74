# SPDX-License-Identifier: BSD-3-Clause
"""A carried socket is as good as the kernel's: names, sizes, groups and forks."""
import errno
import time

import pytest

import espalier_run
import fake_control
from espalier_run import output, script, script_output
from fake_control import message, sa_info


# --- what a socket is ---

def test_names(control):
    """Port ids are the kernel's way: none before bind, the process's own first, no one twice."""
    assert script_output(control, """
        s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, nl.XFRM)
        print(s.getsockname() == (0, 0))
        s.bind((0, 0))
        print(s.getsockname() == (os.getpid(), 0), s.family == socket.AF_NETLINK)
        t = open_xfrm()
        print(t.getsockname()[0] not in (0, os.getpid()))
        print(open_xfrm(pid=4711).getsockname() == (4711, 0))
        for pid in (os.getpid(), t.getsockname()[0]):
            try: open_xfrm(pid=pid)
            except OSError as error: print(error.errno == errno.EADDRINUSE)
        try: t.bind((12, 0))
        except OSError as error: print(error.errno == errno.EINVAL)
        s.connect((0, 0))
        print(s.getpeername() == (0, 0))
        print(s.getsockopt(socket.SOL_SOCKET, socket.SO_DOMAIN) == socket.AF_NETLINK)
        print(s.getsockopt(socket.SOL_SOCKET, socket.SO_PROTOCOL) == nl.XFRM)
        """) == ["True"] * 11


@pytest.mark.parametrize("pid", [0, 4711])
def test_answers_carry_sequence_and_port_id(control, pid):
    assert script_output(control, f"""
        s = open_xfrm(pid={pid})
        s.sendto(message(nl.FLUSHSA, bytes(4), 5, 77), (0, 0))
        data, address = s.recvfrom(4096)
        (kind, flags, sequence, pid, body), = messages(data)
        print(address == (0, 0), sequence == 77, pid == s.getsockname()[0] != 0)
        print(struct.unpack_from("=iIHHII", body) == (0, 20, nl.FLUSHSA, 5, 77, 0))
        """) == ["True"] * 4


def test_a_request_arrives_untouched(control):
    script_output(control, """
        s = open_xfrm()
        s.send(message(0x25, b"abc", 5, 99, 4242))
        s.recv(4096)
        """)
    assert [(r.kind, r.flags, r.sequence, r.pid, r.body) for r in control.requests] == \
        [(0x25, 5, 99, 4242, b"abc")]


def test_no_ack_that_was_not_asked_for(control):
    """The broker asks for one, to know the end of each request; the program sees only its own."""
    assert script_output(control, """
        s = open_xfrm()
        s.send(message(nl.FLUSHSA, bytes(4), nl.REQUEST, 1))
        s.send(message(nl.DELSA, bytes(24), nl.REQUEST, 2))
        s.send(message(nl.FLUSHSA, bytes(4), nl.REQUEST | nl.ACK, 3))
        for _ in range(2):
            (kind, _, sequence, _, body), = messages(s.recv(4096))
            print(sequence, -struct.unpack_from("=i", body)[0])
        """) == ["2", "3", "3", "0"]


def test_several_requests_in_a_datagram(control):
    assert script_output(control, """
        s = open_xfrm()
        s.send(b"".join(message(nl.FLUSHSA, bytes(4), 5, n) for n in (1, 2, 3)))
        print(*[next(messages(s.recv(4096)))[2] for _ in range(3)])
        """) == ["1", "2", "3"]


def test_peek_and_truncation(control):
    """As libmnl and iproute2 do: the length first, then the datagram; and a buffer too small."""
    assert script_output(control, """
        s = open_xfrm()
        s.send(message(nl.FLUSHSA, bytes(4), 5, 1))
        for _ in range(2):
            data, control, flags, address = s.recvmsg(0, 0, socket.MSG_PEEK | socket.MSG_TRUNC)
            print(address == (0, 0), flags & socket.MSG_TRUNC != 0)
            print(s.recv_into(bytearray(8), 8, socket.MSG_PEEK | socket.MSG_TRUNC) == 36)
        data, control, flags, address = s.recvmsg(20)
        print(len(data) == 20, flags & socket.MSG_TRUNC != 0, address == (0, 0))
        s.setblocking(False)
        try: s.recv(1)
        except BlockingIOError: print(True)
        """) == ["True"] * 10


def test_every_way_to_send_and_receive(control):
    assert script_output(control, """
        s = open_xfrm(kind=socket.SOCK_DGRAM)
        request = message(nl.FLUSHSA, bytes(4), 5, 1)
        ways = [lambda: s.send(request), lambda: s.sendto(request, (0, 0)),
                lambda: s.sendmsg([request[:10], request[10:]], [], 0, (0, 0)),
                lambda: os.write(s.fileno(), request), lambda: os.writev(s.fileno(), [request])]
        for way in ways:
            print(way() == len(request), len(os.read(s.fileno(), 4096)) == 36)
        """) == ["True"] * 10


def test_many_messages_in_a_call(control):
    """recvmmsg() and sendmmsg(): each with its sender and its length; a lost event ends the call."""
    assert script_output(control, """
        import ctypes
        libc = ctypes.CDLL(None, use_errno=True)

        class Iov(ctypes.Structure):
            _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]

        class Mmsg(ctypes.Structure):
            _fields_ = [("name", ctypes.c_void_p), ("name_bytes", ctypes.c_uint32),
                        ("iov", ctypes.POINTER(Iov)), ("n_iov", ctypes.c_size_t),
                        ("control", ctypes.c_void_p), ("control_bytes", ctypes.c_size_t),
                        ("flags", ctypes.c_long), ("got", ctypes.c_uint)]

        def batch(buffers, names):
            return (Mmsg * len(buffers))(*[
                Mmsg(ctypes.addressof(name), 12, ctypes.pointer(Iov(ctypes.addressof(b), len(b))), 1)
                for b, name in zip(buffers, names)])

        requests = [ctypes.create_string_buffer(r, len(r)) for r in (
            message(nl.FLUSHSA, bytes(4), 5, n) for n in (1, 2, 3))]
        s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, nl.XFRM)
        kernel = ctypes.create_string_buffer(struct.pack("=HHII", socket.AF_NETLINK, 0, 0, 0), 12)
        print(libc.sendmmsg(s.fileno(), batch(requests, [kernel] * 3), 3, 0) == 3)
        print(s.getsockname()[0] == os.getpid())
        answers = [ctypes.create_string_buffer(4096) for _ in range(4)]
        names = [ctypes.create_string_buffer(b"\\xff" * 12, 12) for _ in range(4)]
        got = batch(answers, names)
        print(libc.recvmmsg(s.fileno(), got, 3, 0, None) == 3)
        for n in range(3):
            print(got[n].got == 36, next(messages(answers[n].raw[:36]))[2] == n + 1)
            print(got[n].name_bytes == 12, names[n].raw == kernel.raw)
        libc.sendmmsg(s.fileno(), batch(requests, [kernel] * 3), 2, 0)
        time.sleep(0.2)
        print(libc.recvmmsg(s.fileno(), got, 4, 0x10000, None) == 2)  # MSG_WAITFORONE
        print(libc.recvmmsg(s.fileno(), got, 4, socket.MSG_DONTWAIT, None) == -1)
        print(ctypes.get_errno() == errno.EAGAIN)
        def receive(*timeout):
            return libc.recvmmsg(s.fileno(), got, 3, 0, struct.pack("=qq", *timeout))
        for *timeout, expected in ((2**63 - 1, 10**9 - 1, 3), (0, 0, 1), (0, 10**9, -1), (-1, 0, -1)):
            libc.sendmmsg(s.fileno(), batch(requests, [kernel] * 3), 3, 0)
            print(receive(*timeout) == expected)
        print(ctypes.get_errno() == errno.EINVAL)
        """) == ["True"] * 23


def test_an_overrun_among_many_messages(control):
    """What came before it is had first; the error comes by itself."""
    process = espalier_run.start(control.path, *script("""
        import ctypes
        libc = ctypes.CDLL(None, use_errno=True)
        s = open_xfrm(groups=1 << (nl.GROUP_EXPIRE - 1))
        print("bound", flush=True)
        input()
        room = ctypes.create_string_buffer(4 * 4096)
        vector = b"".join(struct.pack("=QQ", ctypes.addressof(room) + 4096 * n, 4096)
                          for n in range(4))
        iov = ctypes.create_string_buffer(vector, len(vector))
        many = b"".join(struct.pack("=QIxxxxQQQQixxxxIxxxx", 0, 0, ctypes.addressof(iov) + 16 * n,
                                    1, 0, 0, 0, 0) for n in range(4))
        many = ctypes.create_string_buffer(many, len(many))
        for _ in range(3):
            print(libc.recvmmsg(s.fileno(), many, 4, 0x10000, None), ctypes.get_errno())
        """))
    assert process.stdout.readline() == "bound\n"
    event = message(fake_control.EXPIRE, bytes(232))
    for datagram in (event, event, message(4), event):
        control.event(fake_control.GROUP_EXPIRE, datagram)
    time.sleep(0.3)
    process.stdin.write("\n")
    said = espalier_run.finish(process)[0].split()
    assert said[0::2] == ["2", "-1", "1"] and said[3] == str(errno.ENOBUFS)


def test_descriptors_are_real(control):
    """dup, fork, select, flags: the kernel's own, nothing to imitate."""
    assert script_output(control, """
        import fcntl, select
        s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, nl.XFRM)
        s.bind((0, 0))
        print(fcntl.fcntl(s, fcntl.F_GETFL) & os.O_NONBLOCK != 0)
        print(fcntl.fcntl(s, fcntl.F_GETFD) == fcntl.FD_CLOEXEC)
        fd = os.dup(s.fileno())
        name = s.getsockname()
        s.close()
        t = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, nl.XFRM, fileno=fd)
        print(t.getsockname() == name, not select.select([t], [], [], 0)[0])
        if os.fork() == 0:
            t.send(message(nl.FLUSHSA, bytes(4), 5, 1))
            os._exit(0)
        os.wait()
        poll = select.epoll()
        poll.register(t, select.EPOLLIN)
        print(poll.poll(5) == [(fd, select.EPOLLIN)], t.recvfrom(4096)[1] == (0, 0))
        t.close()
        u = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        print(u.fileno() == fd, u.getsockname() == "")
        """) == ["True"] * 8


def test_a_socket_outlives_exec(control):
    """What knows nothing of how it came by its socket can use it."""
    assert script_output(control, """
        s = open_xfrm()
        os.set_inheritable(s.fileno(), True)
        code = "import socket; s = socket.socket(16, 3, 6, fileno=%d); print(s.getsockname()[0] == %d)"
        code %= s.fileno(), s.getsockname()[0]
        os.execv(sys.executable, [sys.executable, "-c", code])
        """) == ["True"]


def test_what_is_no_message(control):
    """The kernel passes over it without a word; so do we, and carry on."""
    assert script_output(control, """
        s = open_xfrm()
        for junk in (b"", b"x", bytes(16), b"\\xff" * 40, struct.pack("=I", 15) + bytes(20)):
            s.send(junk)
        print(status(ask(s, nl.FLUSHSA, bytes(4), sequence=9)))
        s.send(message(nl.FLUSHSA, bytes(70000), 5, 10))
        print(status(list(messages(s.recv(4096)))) == errno.EMSGSIZE)
        """) == ["0", "True"]


def test_many_sockets_and_threads(control):
    assert script_output(control, """
        def work(n):
            s = open_xfrm()
            for i in range(50):
                assert status(ask(s, nl.FLUSHSA, bytes(4), sequence=n * 100 + i)) == 0
            done.append(n)
        done = []
        threads = [threading.Thread(target=work, args=(n,)) for n in range(16)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        print(len(done))
        """) == ["16"]
    assert len(control.requests) == 800


# --- groups ---

def test_groups(control):
    """bind() by mask, setsockopt() by number; they take effect before the call returns."""
    process = espalier_run.start(control.path, *script("""
        s = open_xfrm(groups=1 << (nl.GROUP_EXPIRE - 1))
        print("bound", flush=True)
        input()
        s.setsockopt(270, 1, nl.GROUP_SA)
        print("added", flush=True)
        input()
        s.setsockopt(270, 2, nl.GROUP_EXPIRE)
        print("dropped", flush=True)
        for _ in range(2):
            data, address = s.recvfrom(4096)
            (kind, flags, sequence, pid, body), = messages(data)
            print(kind, sequence, pid, address[0], flush=True)
        try: s.setsockopt(270, 1, 4000)
        except OSError as error: print(error.errno == errno.EINVAL)
        """))

    def step(word):
        assert process.stdout.readline() == word + "\n"
        return [control.joined(group) for group in
                (fake_control.GROUP_EXPIRE, fake_control.GROUP_SA)]

    assert step("bound") == [True, False]
    control.event(fake_control.GROUP_EXPIRE, message(fake_control.EXPIRE, bytes(232)))
    process.stdin.write("\n")
    assert step("added") == [True, True]
    process.stdin.write("\n")
    assert step("dropped") == [False, True]
    control.event(fake_control.GROUP_SA, message(fake_control.NEWSA, sa_info("192.0.2.1", 5)))
    output, _ = espalier_run.finish(process)
    assert output.split() == ["24", "0", "0", "0", "16", "0", "0", "0", "True"]


def test_a_reader_that_sleeps_loses_nothing(control):
    """Events wait in the broker's hands and the server's; nobody else is held up."""
    process = espalier_run.start(control.path, *script("""
        s = open_xfrm(groups=1 << (nl.GROUP_EXPIRE - 1))
        print("bound", flush=True)
        input()
        print(sum(len(s.recv(4096)) == 248 for _ in range(3000)))
        """))
    assert process.stdout.readline() == "bound\n"
    for _ in range(3000):
        control.event(fake_control.GROUP_EXPIRE, message(fake_control.EXPIRE, bytes(232)))
        if _ == 100:
            output(control, "ip", "xfrm", "state", "flush")
            process.stdin.write("\n")
    assert espalier_run.finish(process)[0] == "3000\n"


def test_lost_events_are_an_error(control):
    """NLMSG_OVERRUN becomes what the kernel's readers know: ENOBUFS, once, by each way to read, also by
    those of programs that are built with _FORTIFY_SOURCE."""
    process = espalier_run.start(control.path, *script("""
        import ctypes
        libc = ctypes.CDLL(None, use_errno=True)
        room = ctypes.create_string_buffer(4096)
        def checked(name, *rest):
            if getattr(libc, name)(s.fileno(), room, 4096, 4096, *rest) < 0:
                raise OSError(ctypes.get_errno(), name)
        s = open_xfrm(groups=1 << (nl.GROUP_EXPIRE - 1))
        print("bound", flush=True)
        for way in (lambda: s.recv(4096), lambda: s.recvfrom(4096), lambda: s.recvmsg(4096),
                    lambda: os.read(s.fileno(), 4096), lambda: os.readv(s.fileno(), [room]),
                    lambda: checked("__recv_chk", 0), lambda: checked("__read_chk"),
                    lambda: checked("__recvfrom_chk", 0, None, None)):
            try: way()
            except OSError as error: print(error.errno == errno.ENOBUFS)
            print(len(s.recv(4096)) == 248)
        """))
    assert process.stdout.readline() == "bound\n"
    for _ in range(8):
        control.event(fake_control.GROUP_EXPIRE, message(4))
        control.event(fake_control.GROUP_EXPIRE, message(fake_control.EXPIRE, bytes(232)))
    assert espalier_run.finish(process)[0].split() == ["True"] * 16

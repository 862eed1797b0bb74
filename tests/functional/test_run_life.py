# SPDX-License-Identifier: BSD-3-Clause
"""espalier-run and its command: signals, terminals, which of them ends when, and what is left."""
import os
import pty
import shutil
import signal
from pathlib import Path

import pytest

import espalier_run
from espalier_run import ESPALIER_RUN, script
from gateway import PATIENCE, wait_until


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1])
def test_signals_are_forwarded(control, number):
    process = espalier_run.start(control.path, *script(f"""
        signal.signal({int(number)}, lambda *_: sys.exit(7))
        print("ready", flush=True)
        while True: time.sleep(0.01)
        """))
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    assert process.wait(10 * PATIENCE) == 7


def test_standard_channels_are_the_commands(control):
    done = espalier_run.run(control.path, "sh", "-c", "cat; echo err >&2", input="in\n")
    assert (done.stdout, done.stderr, done.returncode) == ("in\n", "err\n", 0)


def test_terminal(control):
    """The command reads from it, and a key that interrupts reaches it once."""
    text = """
        count = []
        signal.signal(signal.SIGINT, lambda *_: count.append(1))
        print(os.isatty(0), input(), flush=True)
        while not count: time.sleep(0.01)
        time.sleep(0.3)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        print(len(count), "interrupts", flush=True)
        time.sleep(60)
        """
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(ESPALIER_RUN, espalier_run.command(control.path, *script(text)),
                  espalier_run.ENVIRONMENT)
    said = b""

    def says(word):
        nonlocal said
        while word not in said:
            said += os.read(terminal, 1000)

    os.write(terminal, b"hello\n")
    says(b"True hello")
    os.write(terminal, b"\x03")
    says(b"1 interrupts")
    os.write(terminal, b"\x03")
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 128 + signal.SIGINT
    os.close(terminal)


def test_terminal_that_hangs_up(control, tmp_path):
    """The kernel tells it to the leader of the session alone, which is espalier-run itself here."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(ESPALIER_RUN, espalier_run.command(control.path, *script(f"""
            count = []
            signal.signal(signal.SIGHUP, lambda *_: count.append(1))
            print("ready", flush=True)
            while not count: time.sleep(0.01)
            time.sleep(0.3)
            open({str(tmp_path / "count")!r}, "w").write(str(len(count)))
            sys.exit(7)
            """)), espalier_run.ENVIRONMENT)
    said = b""
    while b"ready\r\n" not in said:
        said += os.read(terminal, 1000)
    os.close(terminal)
    try:
        wait_until(lambda: (tmp_path / "count").exists(), 10, "the command to hear of it")
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
    finally:
        end_leader(pid)
    assert (tmp_path / "count").read_text() == "1"


def end_leader(pid):
    """Where it is still there; the command ends with its broker."""
    try:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    except (ProcessLookupError, ChildProcessError):
        pass


def test_memory_is_bounded(control):
    """A program that asks without end and reads nothing is held up, and costs a megabyte or two."""
    process = espalier_run.start(control.path, *script("""
        sockets = [open_xfrm() for _ in range(8)]
        for s in sockets: s.setblocking(False)
        request, sent, last = message(nl.GETSA, bytes(24 + 3000), 5, 1), 0, time.monotonic()
        while time.monotonic() - last < 0.5 and sent < 1 << 28:
            for s in sockets:
                try: sent, last = sent + s.send(request), time.monotonic()
                except BlockingIOError: pass
        print(sent >> 20, flush=True)
        input()
        """))
    megabytes = int(process.stdout.readline())
    with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
        resident = next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
    assert megabytes > 2 and resident < 64 * 1024 * PATIENCE
    process.kill()


def test_requests_count_when_an_answer_was_left_unread(control):
    """The kernel resets such a connection, and says so before it hands out what was sent."""
    espalier_run.script_output(control, """
        import select
        s = open_xfrm()
        s.send(message(nl.FLUSHSA, bytes(4), nl.REQUEST | nl.ACK, 1))
        select.select([s], [], [])
        os.kill(os.getppid(), signal.SIGSTOP)
        s.send(message(nl.NEWSA, sa_info("192.0.2.1", 0x1001), nl.REQUEST, 2))
        s.send(message(nl.NEWSA, sa_info("192.0.2.1", 0x1002), nl.REQUEST, 3))
        s.close()
        os.kill(os.getppid(), signal.SIGCONT)
        """)
    wait_until(lambda: len(control.sas) == 2, 10, "both SAs")


def test_a_daemon_that_leaves_its_parent_is_carried_on(control):
    """The command ends, its child lives and still has a broker; espalier-run ends with the last."""
    process = espalier_run.start(control.path, *script("""
        if os.fork() == 0:
            os.setsid()
            time.sleep(0.3)
            print(status(ask(open_xfrm(), nl.FLUSHSA, bytes(4))), flush=True)
            sys.exit(0)
        os._exit(5)
        """))
    assert process.stdout.readline() == "0\n"
    assert process.wait(10 * PATIENCE) == 5


def test_the_program_ends_when_its_broker_is_killed(control):
    process = espalier_run.start(
        control.path, "sh", "-c", "echo $$ $ESPALIER_RUN_XFRM; exec sleep 1000")
    pid, place = process.stdout.readline().split()
    process.kill()
    process.wait()
    shutil.rmtree(Path(place).parent)  # it had no chance to do so
    wait_until(lambda: not Path(f"/proc/{pid}/stat").exists()
               or Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z", 10, "the program to end")


@pytest.mark.parametrize("change", [
    pytest.param("os.setegid(65534)", marks=pytest.mark.skipif(os.geteuid() != 0, reason="only root can change")),
    "if os.fork(): os._exit(0)"])
def test_who_is_not_told_of_the_brokers_end_hears_it_from_its_socket(control, change):
    """A change of user or group makes the kernel forget PR_SET_PDEATHSIG; for a child nobody set it."""
    process = espalier_run.start(control.path, *script(f"""
        {change}
        count = []
        signal.signal(signal.SIGTERM, lambda *_: count.append(1))
        s = open_xfrm()
        print(os.path.dirname(os.environ["ESPALIER_RUN_XFRM"]), flush=True)
        for _ in range(3):
            try: s.recv(4096)
            except OSError as error: print(errno.errorcode[error.errno])
        print(len(count))
        """))
    place = process.stdout.readline().strip()
    process.kill()
    assert process.stdout.read().split() == ["ECONNRESET"] * 3 + ["1"]
    process.wait()
    shutil.rmtree(place)


def test_a_reader_in_another_thread_ends_nobody_twice(control):
    """The kernel tells the command of the broker's end, whichever thread reads."""
    process = espalier_run.start(control.path, *script("""
        import threading
        told, tell = os.pipe()
        os.set_blocking(tell, False)
        signal.set_wakeup_fd(tell)  # a byte for each signal
        signal.signal(signal.SIGTERM, lambda *_: None)
        s = open_xfrm()
        print(os.path.dirname(os.environ["ESPALIER_RUN_XFRM"]), flush=True)
        def read():
            try: s.recv(4096)
            except OSError as error: print(errno.errorcode[error.errno])
        thread = threading.Thread(target=read)
        thread.start()
        thread.join()
        time.sleep(0.3)
        print(len(os.read(told, 100)))
        """))
    place = process.stdout.readline().strip()
    process.kill()
    assert process.stdout.read().split() == ["ECONNRESET", "1"]
    process.wait()
    shutil.rmtree(place)


def test_sockets_of_a_killed_broker_are_in_error(control):
    """Never at their end: pluto would read that for ever and not get to the SIGTERM it has."""
    process = espalier_run.start(control.path, *script("""
        signal.signal(signal.SIGTERM, lambda *_: None)
        s, t = open_xfrm(), open_xfrm()
        t.setblocking(False)
        place = os.path.dirname(os.environ["ESPALIER_RUN_XFRM"])
        print(place, flush=True)
        try: print("read", len(s.recv(4096)), flush=True)
        except OSError as error: print(errno.errorcode[error.errno], flush=True)
        began = time.monotonic()
        for way in (lambda: t.recv(4096), lambda: t.recvfrom(4096), lambda: t.recvmsg(4096),
                    lambda: os.read(t.fileno(), 4096), lambda: s.recv(4096, socket.MSG_DONTWAIT),
                    lambda: t.send(message(nl.FLUSHSA, bytes(4), 5, 1))):
            try: print("got", way(), flush=True)
            except OSError as error: print(errno.errorcode[error.errno], flush=True)
        print(time.monotonic() - began > 0.04, flush=True)
        """))
    place = process.stdout.readline().strip()
    process.kill()
    assert process.stdout.read().split() == ["ECONNRESET"] + ["EAGAIN"] * 5 + ["EPIPE", "True"]
    process.wait()
    shutil.rmtree(place)


def test_nothing_is_left_behind(control):
    done = espalier_run.run(control.path, "printenv", "ESPALIER_RUN_XFRM")
    place = Path(done.stdout.strip())
    assert place.is_absolute() and not place.parent.exists()


def test_what_a_killed_one_left_is_removed(control):
    """By the next that starts; not what somebody listens in, nor what is as young as one that begins."""
    def start():
        process = espalier_run.start(control.path, "sh", "-c", "echo $ESPALIER_RUN_XFRM; exec sleep 1000")
        return process, Path(process.stdout.readline().strip()).parent

    (killed, old), (also_killed, young), (alive, lived_in) = [start() for _ in range(3)]
    foreign = old.with_name("espalier-run.foreign")
    foreign.mkdir(mode=0o700)
    (foreign / "file").touch()
    for process in killed, also_killed:
        process.kill()
        process.wait()
    for path in old, lived_in, foreign:
        os.utime(path, (0, 0))
    try:
        assert espalier_run.run(control.path, "true").returncode == 0
        assert [path.exists() for path in (old, young, lived_in, foreign)] == [False, True, True, True]
        assert (lived_in / "xfrm").exists() and alive.poll() is None
        os.utime(young, (0, 0))
        assert espalier_run.run(control.path, "true").returncode == 0 and not young.exists()
    finally:
        for path in young, foreign:
            shutil.rmtree(path, ignore_errors=True)

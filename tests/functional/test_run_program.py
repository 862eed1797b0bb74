# SPDX-License-Identifier: BSD-3-Clause
"""espalier-run as a parent: what it starts, what it refuses to start, and exit statuses."""
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

import espalier_run
from espalier_run import ESPALIER_RUN, script
from fake_control import ROUTE, XFRM, FakeControl
from gateway import PATIENCE, wait_until


@pytest.mark.parametrize("words, status", [
    (["true"], 0), (["false"], 1), (["sh", "-c", "exit 77"], 77),
    (["sh", "-c", "kill -9 $$"], 128 + 9), (["sh", "-c", "kill -TERM $$"], 128 + 15),
    (["no-such-program"], 127), (["/no/such/program"], 127), (["/etc/passwd"], 126)])
def test_exit_status(control, words, status):
    done = espalier_run.run(control.path, *words)
    assert done.returncode == status
    assert bool(done.stderr) == (status in (126, 127))


@pytest.mark.parametrize("words", [
    [], ["--family", "ipx", "true"], ["--family"], ["--nonsense", "true"],
    ["--server-uid", "no-such-user", "true"]])
def test_wrong_command_line(control, words):
    done = espalier_run.run(control.path, *words)
    assert done.returncode == 2 and "--help" in done.stderr


def test_unknown_user(control):
    done = espalier_run.run(control.path, "--server-uid", "no-such-user", "true")
    assert "there is no user 'no-such-user'" in done.stderr


def test_help():
    done = subprocess.run([str(ESPALIER_RUN), "--help"], capture_output=True, text=True, check=True)
    assert "--family" in done.stdout and "Exit status" in done.stdout


def test_words_of_the_command_are_left_alone(control):
    done = espalier_run.run(control.path, "printf", "%s|", "-s", "--family", "-h")
    assert done.stdout == "-s|--family|-h|"


# --- programs that would go past it ---

@pytest.fixture
def copy(tmp_path):
    """A copy of `true` that may be spoiled."""
    return Path(shutil.copy("/usr/bin/true", tmp_path / "copy"))


def assert_refused(control, words, *mentions):
    done = espalier_run.run(control.path, *words)
    assert done.returncode == 126 and done.stdout == ""
    assert all(mention in done.stderr for mention in mentions), done.stderr


def test_static_program(control, tmp_path):
    source = tmp_path / "static.c"
    source.write_text("int main(void) { return 0; }\n")
    program = tmp_path / "static"
    subprocess.run(["gcc", "-static", "-o", program, source], check=True)
    assert subprocess.run([program], check=False).returncode == 0
    assert_refused(control, [program], str(program), "static")
    # A script is as good as its interpreter.
    text = tmp_path / "script"
    text.write_text(f"#! {program} -x\n")
    text.chmod(0o755)
    assert_refused(control, [text], str(program), "static")


def test_program_in_go(control, tmp_path):
    """Go's linker leaves a note, which stands among those of others."""
    source = tmp_path / "go.c"

    def build(note):
        source.write_text(
            'int main(void) { return 0; }\n'
            'asm(".pushsection .note.build,\\"a\\",@note\\n.long 4, 6, 4\\n"\n'
            f'    ".ascii \\"{note}\\"\\n.ascii \\"abcdef\\"\\n.balign 4\\n.popsection");\n')
        subprocess.run(["gcc", "-o", tmp_path / "program", source], check=True)

    build(r"Go\\0\\0")
    assert_refused(control, [tmp_path / "program"], "Go", "by hand")
    build("Gox ")
    assert espalier_run.run(control.path, tmp_path / "program").returncode == 0


def test_setuid_program(control, copy):
    assert espalier_run.run(control.path, copy).returncode == 0
    copy.chmod(0o4755)
    assert_refused(control, [copy], str(copy), "setuid")
    copy.chmod(0o2755)
    assert_refused(control, [copy], str(copy), "setgid")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives capabilities to files")
def test_program_with_file_capabilities(control, copy):
    # struct vfs_ns_cap_data, revision 2: CAP_NET_ADMIN, permitted and effective
    data = b"\1\0\0\2" + (1 << 12).to_bytes(4, "little") + bytes(12)
    try:
        os.setxattr(copy, "security.capability", data)
    except OSError:
        pytest.skip("this file system keeps no capabilities")
    assert_refused(control, [copy], "capabilities")


def test_program_of_another_kind(control, copy):
    data = bytearray(copy.read_bytes())
    data[4] = 1  # ELFCLASS32
    copy.write_bytes(data)
    assert_refused(control, [copy], "64-bit")
    copy.write_text("echo no first line\n")
    assert_refused(control, [copy], "script")


def test_script_is_carried(control, tmp_path):
    text = tmp_path / "script"
    text.write_text("#!/bin/sh\nip xfrm state flush\n")
    text.chmod(0o755)
    done = espalier_run.run(control.path, text)
    assert (done.returncode, done.stderr) == (0, "") and control.kinds() == [0x1C]


def test_who_goes_past_the_library_meets_a_closed_kernel(control):
    """A system call by hand, and a child that preloads nothing."""
    by_hand = """
        import ctypes
        libc = ctypes.CDLL(None, use_errno=True)
        for arguments in ((16, 3, 6), (15, 3, 2)):  # NETLINK_XFRM and AF_KEY
            print(libc.syscall(41, *arguments), ctypes.get_errno() == errno.EPROTONOSUPPORT)
            ctypes.set_errno(0)
        fd = libc.syscall(41, 16, 3, 0)
        print(fd >= 0)
        """
    assert espalier_run.run(control.path, *script(by_hand)).stdout.split() == \
        ["-1", "True", "-1", "True", "True"]
    bare = espalier_run.run(control.path, "env", "LD_PRELOAD=", "ip", "xfrm", "state")
    assert bare.returncode != 0 and "not supported" in bare.stderr
    assert control.requests == []


def test_a_child_without_its_environment_is_carried(control):
    """As charon starts updown scripts; by each call that takes an environment or a cleared one."""
    done = espalier_run.run(control.path, *script("""
        import ctypes
        libc = ctypes.CDLL(None)
        flush = ["/usr/sbin/ip", "xfrm", "state", "flush"]
        words = (ctypes.c_char_p * 5)(*[word.encode() for word in flush], None)
        ways = [lambda: os.execve(flush[0], flush, {"LD_PRELOADED": "no"}),
                lambda: libc.execve(words[0], words, None),
                lambda: libc.execvpe(words[0], words, (ctypes.c_char_p * 1)(None)),
                lambda: (os.environ.clear(), os.execv(flush[0], flush)),
                lambda: (os.environ.clear(), libc.execvp(words[0], words))]
        for way in ways:
            pid = os.fork()
            if pid == 0:
                way()
                os._exit(1)
            print(os.waitpid(pid, 0)[1])
        for spawn in (os.posix_spawn, os.posix_spawnp):
            print(os.waitpid(spawn(flush[0], flush, {}), 0)[1])
        print(subprocess.run(flush, env={}).returncode)
        """))
    assert (done.stdout.split(), done.stderr) == (["0"] * 8, "")
    assert control.kinds() == [0x1C] * 8


# --- the control socket ---

def test_it_waits_for_the_gateway(tmp_path):
    server = FakeControl(tmp_path / "c.sock")
    process = espalier_run.start(server.path, "ip", "xfrm", "state", "flush")
    time.sleep(1.2)
    assert process.poll() is None
    server.start()
    _, errors = espalier_run.finish(process)
    assert "no espalier listens" in errors and server.kinds() == [0x1C]
    server.stop()


@pytest.mark.once
def test_no_gateway(tmp_path):
    began = time.monotonic()
    done = espalier_run.run(tmp_path / "none.sock", "touch", tmp_path / "ran")
    assert done.returncode == 1 and "none.sock" in done.stderr
    assert 9 < time.monotonic() - began < 12 * PATIENCE and not (tmp_path / "ran").exists()


@pytest.mark.parametrize("family, served", [("xfrm", ROUTE), ("route", XFRM), ("all", XFRM)])
def test_family_that_the_gateway_does_not_serve(control, family, served):
    control.families = {served}
    done = espalier_run.run(control.path, "--family", family, "true")
    assert done.returncode == 1 and "refuses" in done.stderr
    assert control.requests == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_server_of_a_stranger(tmp_path):
    """Who could make a file at the socket's path gets no key, and not even a hello."""
    path = tmp_path / "stranger.sock"
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(str(path))
    if (pid := os.fork()) == 0:
        os.setuid(65534)
        listener.listen(8)
        time.sleep(60)
        os._exit(0)
    try:
        # The kernel notes who listens.
        wait_until(lambda: peer_uid(path) == 65534, 5, "the stranger to listen")
        done = espalier_run.run(path, "true")
        assert done.returncode == 1 and "user 65534" in done.stderr
        listener.setblocking(False)
        said = []
        try:
            while True:
                said.append(listener.accept()[0].recv(1000))
        except BlockingIOError:
            pass
        assert not any(said)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def peer_uid(path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as client:
        try:
            client.connect(str(path))
        except OSError:
            return None
        return int.from_bytes(client.getsockopt(
            socket.SOL_SOCKET, socket.SO_PEERCRED, 12)[4:8], "little")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_who_changes_his_user_before_he_opens_netlink(control):
    """As `bird -u bird` does; what is open already stays as good as it was."""
    done = espalier_run.run(control.path, *script("""
        s = open_xfrm()
        os.setuid(65534)
        print(status(ask(s, nl.FLUSHSA, bytes(4))))
        try: open_xfrm()
        except OSError as error: print(errno.errorcode[error.errno])
        """))
    assert done.stdout.split() == ["0", "EACCES"] and "changed its user" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
@pytest.mark.parametrize("name", ["nobody", "65534"])
def test_server_of_a_named_user(tmp_path, name):
    """--server-uid: as before, but trusted; it does not answer, and that is all that is wrong."""
    path = tmp_path / "named.sock"
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(str(path))
    os.seteuid(65534)
    try:
        listener.listen(8)
    finally:
        os.seteuid(0)
    process = espalier_run.start(path, "--server-uid", name, "true")
    client = listener.accept()[0]
    assert client.recv(1000)[4:6] == b"\x00\xf0"
    process.terminate()
    process.wait(10 * PATIENCE)
    listener.close()

# SPDX-License-Identifier: BSD-3-Clause
"""Starting and stopping: options, exit statuses, configuration errors, held starts."""
import os
import random
import re
import resource
import signal
import subprocess
import time
from pathlib import Path

import pytest

import gateway as gateway_module
import wire
from gateway import Gateway, environment, run_ctl, write_config
from topology import HOST, Topology, render_file


@pytest.fixture
def fail(tmp_path):
    """fail(config, ...) -> (exit status, stderr) of an espalier that is expected to end itself."""
    def run(config, *, mode=0o600, **arguments):
        failing = Gateway(tmp_path, config, **arguments)
        failing.config_file.chmod(mode)
        done = subprocess.run(failing.command(), capture_output=True, text=True, check=False,
                              env=environment(tmp_path), stdin=subprocess.DEVNULL,
                              timeout=30 * gateway_module.PATIENCE)
        assert "espalier: ready" not in done.stdout
        return done.returncode, done.stderr
    return run


@pytest.mark.parametrize("with_signal", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP,
                                         signal.SIGQUIT])
def test_signals_end_it_cleanly(start, with_signal):
    before = signal.signal(with_signal, lambda *_: None)  # or it inherits what nohup ignores
    running = start(Topology())
    signal.signal(with_signal, before)
    running.process.send_signal(with_signal)
    assert running.process.wait(20 * gateway_module.PATIENCE) == 0
    assert not running.socket.exists(), "it takes its socket away"
    assert f"espalier: stopping: {with_signal.name}" in running.output().splitlines()


def test_log_of_a_start(run):
    """What runs, on which devices and cores, and what is left over."""
    said = run(Topology(), workers=2, queues=2, eal=("--vdev", "net_null7")).output.splitlines()
    for line in (r"version \d+\.\d+\.\d+", "port lan0: device net_pcap0, queues: 2 receive, 2 transmit",
                 "port wan0: device net_pcap1, queues: 2 receive, 2 transmit",
                 "workers: 2, on lcores 1, 2; control core: lcore 0",
                 "device net_null7: not used, for no port of the configuration names it"):
        assert sum(bool(re.fullmatch("espalier: " + line, said_line)) for said_line in said) == 1, line


def test_memory_is_locked(start):
    """Whatever the limit, where root is bound by none: keys do not reach swap."""
    limits = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    if os.geteuid() != 0 or "asan" in gateway_module.BUILD.name:
        pytest.skip("needs CAP_IPC_LOCK, and no sanitizer, which locks nothing")
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (65536, limits[1]))
    try:
        running = start(Topology())
    finally:
        resource.setrlimit(resource.RLIMIT_MEMLOCK, limits)
    status = Path(f"/proc/{running.process.pid}/status").read_text()
    assert int(re.search(r"VmLck:\s+(\d+) kB", status)[1]) > 10000
    assert "memory is not locked" not in running.output()


def test_held_start(start):
    """Nothing is received before `espalierctl resume`."""
    topology = Topology()
    running = start(topology, lan=[wire.ether(wire.udp_packet(HOST, "8.8.8.8"))] * 10, held=True)
    time.sleep(0.3)
    assert not running.ready() and running.received() == {"lan0": 0, "wan0": 0}
    running.order("resume")
    running.wait_ready()
    running.settle()
    assert len(running.stop().wan) == 10


def test_held_start_can_be_stopped(start):
    running = start(Topology(), held=True)
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(20 * gateway_module.PATIENCE) == 0


@pytest.mark.parametrize("mapping, status", [
    ("(0,0,1),(1,0,1)", 0), ("(0,0,1),(1,0,2)", 0),
    ("(0,0,7),(1,0,1)", 2), ("(9,0,1),(1,0,1)", 2), ("(0,0,0),(1,0,1)", 2),
    ("(0,0,1),(0,0,1),(1,0,1)", 2), ("0,0,1", 2), ("(0,0)", 2), ("", 2)])
def test_mapping_of_queues(start, fail, socket, mapping, status):
    """--config as in DPDK's l3fwd: (port, queue, lcore)."""
    config, options = Topology().config(socket), ["--config", mapping]
    frames = [wire.ether(wire.udp_packet(HOST, "8.8.8.8"))] * 5
    if status == 0:
        running = start(config, lan=frames, workers=2, queues=1, options=options)
        running.settle()
        assert len(running.stop().wan) == 5
    else:
        code, said = fail(config, workers=2, queues=1, options=options)
        assert code == status and said.strip()


@pytest.mark.parametrize("options, words", [
    (["--nonsense"], "espalier: see --help"), (["--mbufs", "many"], "--mbufs takes"),
    (["--imb-arch", "z80"], "z80"), (["--idle-sleep-us", "-1"], "--idle-sleep-us takes"),
    (["stray"], "see --help"), (["--mbufs", ""], "--mbufs takes")])
def test_bad_options(fail, socket, options, words):
    code, said = fail(Topology().config(socket), options=options)
    assert code == 2 and words in said


@pytest.mark.parametrize("options", [["--idle-sleep-us", "0"], ["--mbufs", "8192"],
                                     ["--imb-arch", "sse"]], ids=lambda options: options[0][2:])
def test_good_options(run, options):
    topology = Topology()
    outcome = run(topology, options=options,
                  lan=[wire.ether(wire.udp_packet(HOST, topology[1].peer_host))] * 200)
    assert outcome.drops == {} and len(outcome.wan) == 200


def test_no_worker_is_an_error(fail, socket):
    code, said = fail(Topology().config(socket), workers=0, queues=1)
    assert code == 2 and "worker" in said.lower()


def test_without_hugepages_it_says_what_to_do(fail, socket, monkeypatch):
    """More than any machine has; where there is none at all, EAL says no more than EACCES."""
    arguments = Gateway.command

    def with_hugepages(gateway):
        return ["9999999" if word == "256" else word for word in arguments(gateway)
                if word not in ("--no-huge", "--no-shconf")]

    monkeypatch.setattr(Gateway, "command", with_hugepages)
    code, said = fail(Topology().config(socket), eal=("--in-memory",))
    last = said.splitlines()[-1]
    assert code == 1 and "vm.nr_hugepages" in last and "Permission denied" not in last


def test_no_network_namespace(fail, socket, monkeypatch):
    arguments = Gateway.command
    monkeypatch.setattr(Gateway, "command", lambda gateway: [
        word for word in arguments(gateway) if word != "--no-kernel-interfaces"])
    config = Topology().config(socket)
    config["gateway"]["kernel_netns"] = "/etc/passwd"
    code, said = fail(config)
    assert code == 1 and "cannot enter /etc/passwd: it is no network namespace" in said


@pytest.mark.parametrize("device", ["net_pcap7", "0000:3b:00.9", "7", "64", "-1", "0x0", "lan"])
def test_missing_device(fail, socket, device):
    """What the file names and the command line does not bring along is bad input."""
    config = Topology().config(socket)
    config["ports"][1]["device"] = device
    code, said = fail(config)
    assert code == 2 and f"port 'wan0': DPDK has no device '{device}' " \
        "(it has: net_pcap0, net_pcap1); name it with -a PCI-ADDRESS or --vdev NAME,..., " \
        "or see above why it did not start" in said


def test_one_device_by_two_names(fail, socket):
    config = Topology().config(socket)
    config["ports"][1]["device"] = "0"
    code, said = fail(config)
    assert code == 2 and "ports 'lan0' and 'wan0' have the same device" in said


@pytest.mark.parametrize("eal", [["--nonsense"], ["-l", "0,99999"], ["--vdev", "nosuch0"]])
def test_bad_eal_options(fail, socket, eal):
    code, said = fail(Topology().config(socket), eal=eal)
    assert code == 2 and "EAL" in said


def test_missing_file(fail, socket, tmp_path):
    code, said = fail(Topology().config(socket), options=["-f", str(tmp_path / "missing.conf")])
    assert code == 2 and "missing.conf" in said


def test_open_key_file_is_refused(fail, socket):
    """Keys in a file that others may read."""
    code, said = fail(Topology().config(socket), mode=0o644)
    assert code == 2 and "espalier.conf" in said


# A change to the configuration, and a word that its error must hold.
BROKEN = {
    "tunnel's name twice": (lambda c: c["tunnels"][1].update(name="conn1"), "conn1"),
    "if_id twice": (lambda c: c["tunnels"][1].update(if_id=1), "if_id"),
    "unknown tunnel in a route": (
        lambda c: c["routes"][0].update(nexthops=({"tunnel": "conn9"},)), "conn9"),
    "unknown port in a route": (
        lambda c: c["routes"][-1]["nexthops"][0].update(port="lan9"), "lan9"),
    "no address": (lambda c: c["tunnels"][0].update(remote="192.0.2.256"), "192.0.2.256"),
    "prefix with host bits": (lambda c: c["routes"][0].update(prefix="192.168.0.1/16"),
                              "192.168.0.1"),
    "prefix too long": (lambda c: c["routes"][0].update(prefix="192.168.0.0/33"), "/33"),
    "no MAC": (lambda c: c["neighbors"][0].update(mac="02:00:00:00:00"), "02:00:00:00:00"),
    "unknown cipher": (lambda c: c["security_associations"][0].update(encryption="rot13"), "rot13"),
    "key too short": (
        lambda c: c["security_associations"][0].update(encryption_key="00" * 15), "key"),
    "key not hexadecimal": (
        lambda c: c["security_associations"][0].update(encryption_key="zz" * 16), "key"),
    "no authentication": (
        lambda c: c["security_associations"][0].pop("authentication"), "authentication"),
    "SPI reserved": (lambda c: c["security_associations"][0].update(spi="0xff"), "spi"),
    "SPI twice": (lambda c: c["security_associations"][3].update(
        spi=c["security_associations"][1]["spi"]), "0xc6111111"),
    "window too large": (
        lambda c: c["security_associations"][1].update(replay_window=16384), "16384"),
    "unknown setting": (lambda c: c["gateway"].update(hash_sed=1), "hash_sed"),
    "wrong type": (lambda c: c["ports"][0].update(mtu="large"), "mtu"),
    "weight of nothing": (
        lambda c: c["routes"][0]["nexthops"][0].update(weight=0), "weight"),
}


def keys_of(config):
    for sa in config.get("security_associations", ()):
        for name in ("encryption_key", "authentication_key"):
            if name in sa:
                yield sa[name]


def check(path, config):
    write_config(path, config)
    return run_ctl("check", path)


def assert_names_places(text, path, lines=None):
    """Every line is FILE:LINE: text. Returns the line numbers."""
    numbers = []
    for line in text.splitlines():
        found = re.fullmatch(re.escape(str(path)) + r":(\d+): .+", line)
        assert found, line
        numbers.append(int(found[1]))
    return numbers


@pytest.mark.parametrize("name", BROKEN)
def test_each_broken_rule_is_told(socket, tmp_path, name):
    change, word = BROKEN[name]
    config = Topology().config(socket)
    change(config)
    path = tmp_path / "broken.conf"
    done = check(path, config)
    assert done.returncode == 1, done
    said = done.stdout + done.stderr
    assert word.lower() in said.lower()
    numbers = assert_names_places(said, path)
    lines = render_file(config).splitlines()
    assert numbers and all(1 <= number <= len(lines) for number in numbers)
    for key in keys_of(config):
        assert key not in said


def test_all_errors_in_one_run(fail, socket, tmp_path):
    """Every broken rule of one file at once, by `check` and by espalier itself alike."""
    config = Topology().config(socket)
    together = ["unknown tunnel in a route", "no address", "no MAC", "unknown cipher",
                "window too large", "wrong type"]
    for name in together:
        BROKEN[name][0](config)
    path = tmp_path / "espalier.conf"
    checked = check(path, config)
    said = checked.stdout + checked.stderr
    assert checked.returncode == 1
    assert all(BROKEN[name][1] in said for name in together)
    numbers = assert_names_places(said, path)
    assert numbers == sorted(numbers) and len(set(numbers)) >= len(together)
    code, refused = fail(config)
    assert code == 2
    assert set(said.splitlines()) <= set(refused.splitlines())


def test_syntax_error_stands_alone(fail, tmp_path, socket):
    text = render_file(Topology().config(socket)).replace("ports:", "ports; (", 1)
    path = tmp_path / "espalier.conf"
    done = check(path, text)
    said = done.stdout + done.stderr
    assert done.returncode == 2 and len(assert_names_places(said, path)) == 1


def test_check_accepts_what_runs(tmp_path, socket):
    assert check(tmp_path / "good.conf", Topology().config(socket)).returncode == 0
    assert run_ctl("check", tmp_path / "none.conf").returncode == 2


def test_spi_as_a_number(run, socket):
    """Above 2^31 libconfig reads it as negative; it is taken as 32 bits."""
    topology = Topology()
    config = topology.config(socket)
    text = render_file(config)
    for tunnel in topology:
        for sa in (tunnel.out, tunnel.into):
            text = text.replace(f'"0x{sa.spi:08x}"', f"0x{sa.spi:08X}")
    assert "0xC6111111;" in text
    path = socket.with_name("numbers.conf")
    assert check(path, text).returncode == 0
    inner = wire.udp_packet(topology[1].peer_host, HOST)
    outcome = run(config, options=["-f", str(path)],
                  wan=[wire.ether(topology[1].into.seal(inner, 1))])
    assert outcome.lan == [wire.forwarded(inner)]


def test_damaged_files_never_crash_it(tmp_path, socket):
    """Cut anywhere, or with bytes changed: an answer, never a signal, never a key."""
    config = Topology().config(socket)
    text, rng = render_file(config), random.Random(11)
    path = tmp_path / "damaged.conf"
    for _ in range(250):
        damaged = bytearray(text.encode())
        if rng.random() < 0.4:
            del damaged[rng.randrange(len(damaged)):]
        for _ in range(rng.randrange(4)):
            damaged[rng.randrange(len(damaged))] = rng.choice(b'{}();:="#@/\\x00 \n') if \
                rng.random() < 0.7 else rng.randrange(256)
        path.touch(mode=0o600)
        path.write_bytes(bytes(damaged))
        done = subprocess.run([gateway_module.ESPALIERCTL, "check", path], capture_output=True,
                              timeout=20 * gateway_module.PATIENCE, check=False)
        assert done.returncode in (0, 1, 2), done
        said = (done.stdout + done.stderr).decode(errors="replace")
        for key in keys_of(config):
            assert key[:16] not in said

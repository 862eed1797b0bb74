# SPDX-License-Identifier: BSD-3-Clause
"""iproute2 as it is installed, and the names of links that it asks for."""
import socket
import struct

import espalier_run
import fake_control
from espalier_run import output, script_output
from fake_control import attribute, message, sa_info
from gateway import wait_until

STATE = ["ip", "xfrm", "state"]
ADD = [*STATE, "add", "src", "203.0.113.191", "dst", "192.0.2.1", "proto", "esp", "spi", "0x1001",
       "mode", "tunnel", "if_id", "1", "reqid", "7", "enc", "cbc(aes)",
       "0x000102030405060708090a0b0c0d0e0f", "auth", "hmac(sha1)",
       "0x000102030405060708090a0b0c0d0e0f10111213"]


def test_ip_xfrm_state(control):
    output(control, *ADD)
    text = output(control, *STATE, "list")
    assert "src 203.0.113.191 dst 192.0.2.1" in text and "spi 0x00001001" in text
    assert "0x000102030405060708090a0b0c0d0e0f10111213" in text and "if_id 0x1" in text
    again = espalier_run.run(control.path, *ADD)
    assert again.returncode == 2 and "File exists" in again.stderr
    output(control, *STATE, "delete", "src", "203.0.113.191", "dst", "192.0.2.1", "proto", "esp",
        "spi", "0x1001")
    assert output(control, *STATE) == "" and control.sas == {}
    output(control, *ADD)
    output(control, *STATE, "deleteall")
    assert control.sas == {}


def test_ip_xfrm_policy(control):
    output(control, "ip", "xfrm", "policy", "add", "src", "10.0.0.0/8", "dst", "192.168.0.0/16",
        "dir", "out", "tmpl", "src", "203.0.113.191", "dst", "192.0.2.1", "proto", "esp", "mode",
        "tunnel", "if_id", "1")
    assert control.kinds() == [fake_control.NEWPOLICY]
    assert control.requests[0].body[:8] == socket.inet_aton("192.168.0.0") + bytes(4)


def test_ip_xfrm_monitor(control):
    """It binds to all groups at once, and gets what others did."""
    process = espalier_run.start(control.path, "ip", "xfrm", "monitor")
    wait_until(lambda: control.joined(fake_control.GROUP_EXPIRE), 10, "ip to join")
    control.event(fake_control.GROUP_EXPIRE, message(
        fake_control.EXPIRE, sa_info("192.0.2.1", 0x1001) + b"\1" + bytes(7)))
    lines = [process.stdout.readline() for _ in range(2)]
    assert "Expired" in lines[0] and "192.0.2.1" in lines[0] + lines[1]
    process.terminate()
    process.communicate()


def test_ip_route(control):
    """`ip` asks for links by name and number besides."""
    row = struct.pack("=BBBBBBBBI", socket.AF_INET, 16, 0, 0, 254, 4, 0, 1, 0) + \
        attribute(1, socket.inet_aton("192.168.0.0")) + attribute(4, struct.pack("=I", 1000001))
    control.routes = {0x1A: [(0x18, row)]}
    assert output(control, "--family", "route", "ip", "-N", "route", "show").startswith(
        "192.168.0.0/16 dev if1000001")
    assert control.kinds(fake_control.ROUTE).count(0x1A) == 1
    output(control, "--family", "route", "ip", "route", "add", "blackhole", "10.0.0.0/8")
    assert 0x18 in control.kinds(fake_control.ROUTE)
    assert control.kinds(fake_control.XFRM) == []


def test_a_port_that_the_gateway_does_not_know(control):
    """`ip` would ask the kernel next, which has a link of that name and number."""
    words = ["ip", "route", "add", "10.0.0.0/8", "dev", "lo"]
    done = espalier_run.run(control.path, "--family", "route", *words)
    assert done.returncode != 0 and 'Cannot find device "lo"' in done.stderr
    assert 0x18 not in control.kinds(fake_control.ROUTE)


def test_names_and_numbers_of_ports(control):
    """The kernel's, unless the ROUTE family is carried; a name that cannot be one is asked nobody."""
    text = """
        for find in (lambda: socket.if_nametoindex("lo"), lambda: socket.if_indextoname(1),
                     lambda: socket.if_nametoindex(""), lambda: socket.if_nametoindex("l" * 16),
                     lambda: socket.if_indextoname(0)):
            try: print(find())
            except OSError: print("none")
        """
    assert script_output(control, text)[:2] == ["1", "lo"]
    assert script_output(control, text, "--family", "route") == \
        ["none"] * 5
    assert control.kinds(fake_control.ROUTE) == [0x12, 0x12]


def test_both_families(control):
    output(control, "--family", "all", "sh", "-c",
        "ip xfrm state flush && ip route add blackhole 10.0.0.0/8")
    assert control.kinds(fake_control.XFRM) == [0x1C]
    assert control.kinds(fake_control.ROUTE) == [0x18]


def test_other_netlink_stays_the_kernels(control):
    assert "lo" in output(control, "ip", "-o", "link", "show", "lo")
    assert control.requests == []

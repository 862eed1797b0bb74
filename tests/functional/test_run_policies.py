# SPDX-License-Identifier: BSD-3-Clause
"""The gateway goes and comes back: which policies espalier-run installs again."""
import errno
import socket
import struct

import fake_control
from espalier_run import Program
from fake_control import GROUP_EXPIRE
from gateway import wait_until

POLICY_BYTES = 168  # struct xfrm_userpolicy_info


def policy(direction, network, spi=0, if_id=7):
    """Body of a NEWPOLICY: struct xfrm_userpolicy_info, a template, XFRMA_IF_ID."""
    selector = socket.inet_aton(network) + bytes(52)
    template = bytes(16) + struct.pack(">I", spi) + bytes(44)
    return selector + bytes(100 + 4) + bytes([direction, 0, 0, 0]) + bytes(4) + \
        fake_control.attribute(5, template) + fake_control.attribute(31, struct.pack("=I", if_id))


def test_standing_policies_are_installed_again(control):
    """Those that name no SA and were not deleted; by UPDPOLICY, which is an upsert."""
    bodies = [policy(1, "10.0.0.0"), policy(1, "10.1.0.0", spi=5), policy(0, "10.2.0.0"),
              policy(1, "10.3.0.0"), policy(1, "10.4.0.0"), policy(1, "10.0.0.0", if_id=8)]
    bound = policy(1, "10.4.0.0", spi=6)
    gone = bodies[3][:56] + bytes(4) + bytes([1, 0, 0, 0]) + bodies[3][-8:]
    program = Program(control, f"""
        s = open_xfrm()
        for body in {bodies!r}:
            assert status(ask(s, 0x13, body)) == 0
        assert status(ask(s, 0x19, {bound!r})) == 0
        assert status(ask(s, 0x14, {gone!r})) == 0
        print("installed", flush=True)
        input()
        """)
    program.says("installed")
    before = len(control.requests)
    control.restart()
    wait_until(lambda: len(control.requests) >= before + 3, 10, "the policies")
    program.go_on()
    program.finish()
    again = control.requests[before:]
    assert {request.kind for request in again} == {0x19}
    assert sorted(request.body for request in again) == sorted([bodies[0], bodies[2], bodies[5]])


def test_a_policy_deleted_during_the_outage_stays_away(control):
    """It is installed again first, with the others, and deleted then: the gateway comes to where it would
    be, had it never been away."""
    bodies = [policy(1, f"10.{n}.0.0") for n in range(200)]
    gone = bodies[199][:56] + bytes(4) + bytes([1, 0, 0, 0]) + bodies[199][-8:]
    program = Program(control, f"""
        s = open_xfrm()
        for n in range(200):
            assert status(ask(s, 0x13, bytes([10, n]) + {bodies[0][2:]!r})) == 0
        print("installed", flush=True)
        input()
        s.send(message(0x14, {gone!r}, 5))
        print("deleted", flush=True)
        print(status(list(messages(s.recv(4096)))), flush=True)
        input()
        """)
    program.says("installed")
    control.stop()
    program.go_on()
    program.says("deleted")
    before = len(control.requests)
    control.start()
    program.says("0")
    assert [request.kind for request in control.requests[before:]] == [0x19] * 200 + [0x14]
    before = len(control.requests)
    control.restart()
    wait_until(lambda: len(control.requests) >= before + 199, 10, "the others")
    program.go_on()
    program.finish()
    assert bodies[199] not in [request.body for request in control.requests[before:]]


def test_a_policy_that_was_not_there_to_be_deleted_is_forgotten(control):
    """Somebody else did it before. An index that nobody has says nothing of the others."""
    bodies = [policy(1, "10.0.0.0"), policy(1, "10.1.0.0")]
    gone = bodies[0][:56] + bytes(4) + bytes([1, 0, 0, 0]) + bodies[0][-8:]
    control.refusals = {0x14: errno.ENOENT}
    program = Program(control, f"""
        s = open_xfrm()
        for body in {bodies!r}:
            assert status(ask(s, 0x13, body)) == 0
        for body in {gone!r}, bytes(56) + b"\\x63\\0\\0\\0" + bytes([1, 0, 0, 0]):
            assert status(ask(s, 0x14, body)) == errno.ENOENT
        print("installed", flush=True)
        input()
        print(status(ask(s, nl.FLUSHSA, bytes(4))), flush=True)
        input()
        """)
    program.says("installed")
    before = len(control.requests)
    control.restart()
    program.go_on()
    program.says("0")
    assert [request.body for request in control.requests[before:]] == [bodies[1], bytes(4)]
    program.go_on()
    program.finish()


def test_policies_that_expired_are_not_installed_again(control):
    """A hard end of a policy; a soft one is only a warning."""
    bodies = [policy(1, "10.0.0.0"), policy(1, "10.1.0.0"), policy(1, "10.1.0.0", if_id=8)]
    program = Program(control, f"""
        s = open_xfrm(groups=1 << (nl.GROUP_EXPIRE - 1))
        for body in {bodies!r}:
            assert status(ask(s, 0x13, body)) == 0
        print("installed", flush=True)
        print(len(s.recv(4096)), len(s.recv(4096)), flush=True)
        input()
        """)
    program.says("installed")
    for body, hard in zip(bodies, b"\0\1"):
        control.event(GROUP_EXPIRE, fake_control.message(
            0x1B, body[:POLICY_BYTES] + bytes([hard]) + bytes(7) + body[POLICY_BYTES:]))
    program.says("268", "268")
    before = len(control.requests)
    control.restart()
    wait_until(lambda: len(control.requests) >= before + 2, 10, "the policies")
    program.go_on()
    program.finish()
    assert sorted(request.body for request in control.requests[before:]) == \
        sorted([bodies[0], bodies[2]])

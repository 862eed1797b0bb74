# SPDX-License-Identifier: BSD-3-Clause
"""The oracle itself: our ESP and our packets against scapy's. Starts no Espalier."""
import random

import pytest
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.ipsec import ESP

import wire
from esp import AEAD_SUITES, ALL_SUITES, Sa

random_bytes = random.Random(0).randbytes
SEQUENCE = (7 << 32) + 0xFFFF1234


def inner_packet(length):
    return wire.udp_packet("10.0.0.1", "172.16.1.1", random_bytes(length - 28), tos=0xB8)


@pytest.mark.parametrize("udp_ports", [None, (4500, 4500)], ids=["plain", "natt"])
@pytest.mark.parametrize("suite", ALL_SUITES, ids=lambda suite: "-".join(filter(None, suite)))
def test_esp_equals_scapy(suite, udp_ports):
    """Each opens what the other sealed, for every suite."""
    sa = Sa(0x1001, "203.0.113.191", "192.0.2.1", suite, udp_ports=udp_ports)
    for length in (28, 29, 44, 90, 1400):
        inner = inner_packet(length)
        assert bytes(sa.scapy().decrypt(IP(sa.seal(inner, SEQUENCE)))) == inner
        theirs = sa.scapy(SEQUENCE).encrypt(IP(inner))
        assert sa.open_esp(bytes(theirs[ESP]), SEQUENCE)[:length] == inner


@pytest.mark.parametrize("suite", AEAD_SUITES, ids=lambda suite: suite[0])
def test_esn_equals_scapy(suite):
    sa = Sa(0x1001, "203.0.113.191", "192.0.2.1", suite, esn=True)
    inner = inner_packet(200)
    assert bytes(sa.scapy(SEQUENCE).decrypt(IP(sa.seal(inner, SEQUENCE)))) == inner


def test_packets_equal_scapy():
    payload = random_bytes(37)
    header = {"src": "10.0.0.1", "dst": "192.168.1.2", "ttl": 9, "tos": 3, "id": 77}
    ours = wire.udp_packet("10.0.0.1", "192.168.1.2", payload, ttl=9, tos=3, ident=77,
                           fragment=wire.DONT_FRAGMENT)
    udp = UDP(sport=1024, dport=2048, chksum=0)
    assert ours == bytes(IP(flags="DF", **header) / udp / payload)
    echo = bytes(IP(**header) / ICMP(id=1, seq=1) / b"espalier")
    assert echo == wire.ipv4("10.0.0.1", "192.168.1.2", wire.echo_request(), protocol=wire.ICMP,
                             ttl=9, tos=3, ident=77)
    assert wire.forwarded(ours) == bytes(IP(flags="DF", **{**header, "ttl": 8}) / udp / payload)
    assert wire.parse(ours).checksum_good

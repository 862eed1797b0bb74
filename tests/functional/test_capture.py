# SPDX-License-Identifier: BSD-3-Clause
"""A third opinion: tshark opens what Espalier sealed."""
import shutil
import subprocess

import pytest

import wire
from topology import HOST, Topology

SUITES = {  # as tshark calls them
    ("aes128-cbc", "hmac-sha1-96"): ("AES-CBC [RFC3602]", "HMAC-SHA-1-96 [RFC2404]"),
    ("aes256-cbc", "hmac-sha256-128"): ("AES-CBC [RFC3602]", "HMAC-SHA-256-128 [RFC4868]"),
    ("aes192-cbc", "hmac-sha512-256"): ("AES-CBC [RFC3602]", "HMAC-SHA-512-256 [RFC4868]"),
    ("aes128-gcm", None): ("AES-GCM with 16 octet ICV [RFC4106]", "NULL"),
}


def sa_row(sa):
    """A line of tshark's esp_sa table."""
    cipher, mac = SUITES[sa.suite]
    columns = ["IPv4", sa.source, sa.destination, f"0x{sa.spi:08x}", cipher, "0x" + sa.key.hex(),
               mac, "0x" + sa.mac_key.hex() if sa.mac_key else ""]
    return "uat:esp_sa:" + ",".join(f'"{column}"' for column in columns)


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_tshark_decrypts(run, tmp_path):
    topology = Topology(list(SUITES))
    run(topology, lan=[wire.ether(wire.udp_packet(
        HOST, tunnel.peer_host, f"{tunnel} {n}".encode(), sport=4000 + n, ttl=9))
        for n in range(50) for tunnel in topology])
    command = ["tshark", "-r", tmp_path / "0/tx1-0.pcap", "-T", "fields"]
    for field in ("udp.srcport", "ip.ttl", "data.text", "esp.icv_good"):
        command += ["-e", field]
    for option in ("data.show_as_text:TRUE", "esp.enable_encryption_decode:TRUE",
                   "esp.enable_authentication_check:TRUE", *(sa_row(t.out) for t in topology)):
        command += ["-o", option]
    lines = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120,
                           env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}).stdout.splitlines()
    assert lines == [f"{4000 + n}\t64,8\t{tunnel} {n}\t1" for n in range(50) for tunnel in topology]

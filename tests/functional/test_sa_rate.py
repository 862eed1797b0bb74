# SPDX-License-Identifier: BSD-3-Clause
"""Thousands of SAs in a second, several messages in a datagram: all of them come and go. How fast
is printed, and docs/performance.md has the figures; a busy machine proves none."""
import json
import subprocess

import pytest

from gateway import BUILD, PATIENCE
from topology import Topology

pytestmark = pytest.mark.once

SAS = 4_000, 32_000


def measure(socket, sas):
    done = subprocess.run([BUILD / "tests/bench/espalier-sa-rate", socket, str(sas), "18", "8"],
                          capture_output=True, text=True, timeout=60 * PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    print(done.stdout.strip())
    assert json.loads(done.stdout)["listed"] == sas


def test_thousands_of_sas_come_and_go(start, socket):
    gateway = start(Topology().config_without_sas(socket))
    for sas in SAS:
        measure(socket, sas)
    assert gateway.show("sas") == []
    assert "heap: balanced" in gateway.stop().output

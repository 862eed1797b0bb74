# SPDX-License-Identifier: BSD-3-Clause
"""Fixtures; README.md tells the rest."""
import pytest

import espalier_run
import gateway as gateway_module
from fake_control import FakeControl
from gateway import Gateway
from topology import Topology


MARKS = (
    "alone: looks at rates or clocks, so nothing runs beside it",
    "once: waits for clocks, or is about speed or other programs: sanitizers would find nothing more",
)


def pytest_configure(config):
    for mark in MARKS:
        config.addinivalue_line("markers", mark)


def pytest_sessionstart(session):
    for program in (gateway_module.ESPALIER, gateway_module.ESPALIERCTL):
        if not program.exists():
            pytest.exit(f"{program} is not built; ESPALIER_BUILD names the build directory", 4)


@pytest.fixture
def start(tmp_path):
    """start(config, lan=..., wan=..., ...) -> a running Gateway. See Gateway for the arguments."""
    gateways = []

    def start_gateway(config, **arguments):
        directory = tmp_path / str(len(gateways))
        directory.mkdir()
        if isinstance(config, Topology):
            config = config.config(tmp_path / "control.sock")
        gateways.append(Gateway(directory, config, **arguments))
        return gateways[-1].start()

    yield start_gateway
    for gateway in gateways:
        gateway.kill()


@pytest.fixture
def run(start):
    """run(config, lan=..., wan=...) -> the Outcome once all input is through."""

    def run_gateway(config, **arguments):
        gateway = start(config, **arguments)
        gateway.settle()
        return gateway.stop()

    return run_gateway


@pytest.fixture
def socket(tmp_path):
    """Where the control socket of Topology.config() goes."""
    return tmp_path / "control.sock"


@pytest.fixture
def control(tmp_path):
    """A control socket without a gateway, for programs that espalier-run starts; none of them is left."""
    server = FakeControl(tmp_path / "c.sock").start()
    yield server
    espalier_run.end_all()
    server.stop()

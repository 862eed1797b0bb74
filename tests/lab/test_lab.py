# SPDX-License-Identifier: BSD-3-Clause
"""What the lab tells to type next. No rights needed."""
import argparse

import pytest

import lab
import plan
from shell import LabError


def test_commands_work_as_printed(monkeypatch):
    monkeypatch.chdir(lab.ROOT)
    monkeypatch.setattr(plan, "NAME", "")
    assert lab.next_commands(argparse.Namespace(build=lab.BUILD)) == [
        "scripts/lab exec ecs ping 192.168.0.10", "scripts/lab report", "scripts/lab down"]
    monkeypatch.setattr(plan, "NAME", "op")
    assert lab.next_commands(argparse.Namespace(build="a b"))[1] == \
        "ESPALIER_LAB=op scripts/lab --build 'a b' report"


def test_what_is_not_built_is_named_to_ninja(tmp_path):
    for target in lab.TARGETS[:-1]:
        (tmp_path / target).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / target).touch()
    with pytest.raises(LabError) as refused:
        lab.build(argparse.Namespace(build=tmp_path, no_build=True), None)
    assert str(refused.value).endswith(f"ninja -C {tmp_path} tests/lab/espalier-load")

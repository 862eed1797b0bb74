# SPDX-License-Identifier: BSD-3-Clause
"""Facts about the machine and the build that a figure means nothing without."""

import contextlib
import json
import os
import pathlib
import platform
import subprocess

from process import Cpus, Failure


def output(*command) -> str:
    """What a command prints, or nothing where it cannot be run."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def cpu_model() -> str:
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def default_cpus() -> Cpus:
    """The first CPU we may use for what sleeps, the last ones for workers."""
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        raise Failure("measuring takes two CPUs: one for the worker, one for everything else")
    return Cpus(main=cpus[0], worker=cpus[-1], second=cpus[-2])


def stolen_ticks(cpu: int) -> int:
    """Time that the hypervisor gave to others, in clock ticks."""
    for line in pathlib.Path("/proc/stat").read_text().splitlines():
        if line.startswith(f"cpu{cpu} "):
            return int(line.split()[8])
    return 0


HUGEPAGES = pathlib.Path("/sys/kernel/mm/hugepages/hugepages-2048kB")
HUGEPAGES_NEEDED = 1600


def free_hugepages() -> int:
    return int((HUGEPAGES / "free_hugepages").read_text())


def set_hugepages(count: int) -> None:
    try:
        (HUGEPAGES / "nr_hugepages").write_text(str(count))
    except OSError:
        raise Failure(f"--hugepages takes {HUGEPAGES_NEEDED} free 2 MB pages: as root, sysctl"
                      f" vm.nr_hugepages={HUGEPAGES_NEEDED}") from None


@contextlib.contextmanager
def hugepages(wanted: bool):
    """Has enough 2 MB pages free for a run; gives back what it took."""
    if not wanted or free_hugepages() >= HUGEPAGES_NEEDED:
        yield
        return
    before = int((HUGEPAGES / "nr_hugepages").read_text())
    set_hugepages(before + HUGEPAGES_NEEDED - free_hugepages())
    try:
        if free_hugepages() < HUGEPAGES_NEEDED:
            raise Failure(f"--hugepages takes {HUGEPAGES_NEEDED} free 2 MB pages, and the kernel"
                          " has not as much free memory in one piece")
        yield
    finally:
        set_hugepages(before)


def build_options(build: pathlib.Path) -> dict:
    """Meson's options of a build directory."""
    answer = output("meson", "introspect", "--buildoptions", str(build))
    if not answer:
        raise Failure(f"{build} is no build directory of Meson")
    return {option["name"]: option["value"] for option in json.loads(answer)}


def unfit(options: dict) -> list[str]:
    """Why a build with these options says nothing about speed; empty when it does."""
    reasons = []
    if options["optimization"] not in ("2", "3"):
        reasons.append(f"built with optimization {options['optimization']}")
    if options["b_sanitize"] != "none":
        reasons.append(f"built with sanitizers ({options['b_sanitize']})")
    if options.get("b_coverage"):
        reasons.append("built for coverage")
    return reasons


def describe_build(options: dict) -> str:
    flags = [f"-O{options['optimization']}", options["buildtype"]]
    flags += [flag for flag in ("native", "b_lto") if options.get(flag)]
    return ", ".join(flags)


def facts(cpus: Cpus, hugepages: bool, options: dict) -> dict:
    return {
        "cpu": cpu_model(),
        "cpus": os.cpu_count(),
        "kernel": platform.release(),
        "worker_cpu": cpus.worker,
        "main_cpu": cpus.main,
        "hugepages": hugepages,
        "load_average": os.getloadavg()[0],
        "build": describe_build(options),
    }

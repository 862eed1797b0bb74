# SPDX-License-Identifier: BSD-3-Clause
"""What every scene needs: a real espalier, a recorder in front of it, the trace that comes out."""
import re
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent / "functional")]

# pylint: disable=wrong-import-position
from espalier_run import ESPALIER_RUN  # noqa: E402
from gateway import Gateway  # noqa: E402
from gateways import GATEWAYS  # noqa: E402
from record import Recorder  # noqa: E402


@dataclass
class Setting:
    directory: Path
    gateway: Gateway
    recorder: Recorder

    def command(self, *words):
        """espalier-run, with what it is to run."""
        return [str(ESPALIER_RUN), "-s", self.recorder.path, *map(str, words)]


@contextmanager
def recorded(name, title, kind="plain", **inputs):
    """A scene; its trace is kept only if the scene came to its end."""
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch)
        gateway = Gateway(directory, GATEWAYS[kind](directory / "control.sock"), **inputs)
        output = directory / "trace"
        try:
            gateway.start()
            recorder = Recorder(gateway.socket, directory / "r.sock", output,
                                "# SPDX-License-Identifier: BSD-3-Clause\n"
                                f"# {title}\n# The keys are a lab's, made for this run.\n"
                                f"gateway {kind}\n")
            recorder.start()
            yield Setting(directory, gateway, recorder)
            time.sleep(0.2)  # the last connections end
            recorder.stop()
            gateway.stop()
        finally:
            gateway.kill()
        (HERE / "traces" / f"{name}.trace").write_text(output.read_text())
        print(f"{name}: {len(output.read_text().splitlines())} lines")


@contextmanager
def running(command, **arguments):
    """A program that listens; it has joined its groups when the block begins."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, **arguments)
    try:
        time.sleep(0.7)
        yield process
        time.sleep(0.2)
    finally:
        process.terminate()
        process.wait(10)


def without_keys(words):
    return re.sub("0x[0-9a-f]{32,}", "KEY", words)

#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Two Espaliers and three tunnels between them on one machine: brings the reference lab up, tries
it, takes it down again."""

import argparse
import os
import pathlib
import signal
import sys

from claims import Report
from measure import Trial
from plan import DRAWING, NODES, STATE_DIRECTORY
from shell import LabError, inside, namespaces, run
from stage import Stage, kept, standing

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD_S = 600
LIMIT_S = 120  # for a whole run, building apart

EPILOG = f"""\
{DRAWING}
Without a command: up, report, down. Nothing stays behind, after Ctrl-C neither.
A node is one of: {', '.join(NODES)}.

Exit status: 0 all claims hold; 1 one failed, or the lab could not be built; 2 wrong usage.
"""


class Interrupted(BaseException):
    """A signal asks the lab to end. Like KeyboardInterrupt: not an Exception."""


def main():
    arguments = parse()
    report = Report(arguments.json)
    heed_signals()
    try:
        return COMMANDS[arguments.command](arguments, report)
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
    except Interrupted as signalled:
        print(f"lab: {signalled}", file=sys.stderr)
    return 1


def common_options():
    """Options that may stand before or after the command; unset, they leave no trace."""
    common = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    common.add_argument("--json", action="store_true", help="the report as one JSON document")
    common.add_argument("--build", metavar="DIR",
                        help="build directory, made if needed (default: build-lab)")
    common.add_argument("--no-build", action="store_true", help="take what is there as it is")
    return common


def parse():
    parser = argparse.ArgumentParser(
        prog="lab", description=__doc__, epilog=EPILOG, parents=[common_options()],
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.set_defaults(command="run", json=False, build=str(ROOT / "build-lab"), no_build=False)
    commands = parser.add_subparsers(metavar="COMMAND")
    for name, text in (("up", "bring it up and leave it standing"),
                       ("report", "try everything on a lab that is up"),
                       ("down", "take it down; fine if there is none"),
                       ("exec", "run a command, or a shell, in a node")):
        commands.add_parser(name, help=text, parents=[common_options()]).set_defaults(command=name)
    commands.choices["exec"].add_argument("node", choices=NODES, metavar="NODE")
    commands.choices["exec"].add_argument("words", nargs=argparse.REMAINDER, metavar="CMD...")
    return parser.parse_args()


def run_all(arguments, report):
    build(arguments, report)
    stage = Stage(arguments.build, report)
    stage.lock()
    refuse_if_kept()
    signal.alarm(LIMIT_S)
    try:
        stage.raise_up()
        measure(stage, report)
    except LabError as error:
        report.claim("the lab runs to its end", error, "no error", False)
    finally:
        ignore_signals()
        stage.raze()
    return verdict(report)


def up(arguments, report):
    build(arguments, report)
    stage = Stage(arguments.build, report)
    stage.lock()
    refuse_if_kept()
    signal.alarm(LIMIT_S)
    try:
        stage.raise_up()
        stage.keep()
    except BaseException:
        ignore_signals()
        stage.raze()
        report.show_logs(sys.stderr)
        raise
    print(DRAWING)
    for gateway in stage.gateways:
        print(f"{gateway.name:8} {' '.join(gateway.ctl_command())} show tunnels")
    print("\nlab exec ecs ping 192.168.0.10; lab report; lab down")
    return 0


def report_on(arguments, report):
    if not kept():
        raise LabError("no lab is up: lab up makes one")
    stage = Stage(arguments.build, report)
    stage.lock()
    signal.alarm(LIMIT_S)
    measure(stage, report)
    return verdict(report)


def down(arguments, report):
    if not standing():
        report.progress("nothing to take down")
        return 0
    stage = Stage(arguments.build, report)
    stage.lock()
    ignore_signals()
    stage.raze()
    return verdict(report)


def execute(arguments, _):
    if not namespaces():
        raise LabError("no lab is up: lab up makes one")
    command = inside(arguments.node, *(arguments.words or ["sh"]))
    os.execvp(command[0], command)


COMMANDS = {"run": run_all, "up": up, "report": report_on, "down": down, "exec": execute}


def refuse_if_kept():
    if kept():
        raise LabError("a lab is up: lab report tries it, lab down takes it down")


def build(arguments, report):
    directory = arguments.build
    if arguments.no_build:
        return
    if not os.path.exists(f"{directory}/build.ninja"):
        report.progress(f"meson setup {directory}")
        run("meson", "setup", "-Dtests=false", directory, str(ROOT), timeout=BUILD_S)
    report.progress(f"ninja -C {directory}")
    run("ninja", "-C", directory, "app/espalier/espalier", "app/espalierctl/espalierctl",
        timeout=BUILD_S)


def measure(stage, report):
    Trial(stage.gateways, report, STATE_DIRECTORY).run()


def verdict(report):
    report.show()
    return 1 if report.failed() else 0


def heed_signals():
    """From here on a signal, or the time limit's, ends the lab in good order."""
    def interrupt(number, _):
        ignore_signals()  # one is enough; what follows is cleaning up
        raise Interrupted(f"not done within {LIMIT_S} s" if number == signal.SIGALRM
                          else signal.Signals(number).name)

    on_signals(interrupt)


def ignore_signals():
    on_signals(signal.SIG_IGN)


def on_signals(action):
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
        signal.signal(number, action)


if __name__ == "__main__":
    sys.exit(main())

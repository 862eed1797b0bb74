#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The reference lab on one machine, in three scenes: two Espaliers with three tunnels between them;
an Espalier that strongSwan drives, against another strongSwan; and the scenario: three IKE tunnels
to independent peers, BGP in each. Brings a scene up, tries it, takes it down again."""

import argparse
import os
import pathlib
import shlex
import signal
import sys

import ike_plan
import plan
import scenario_plan
from claims import Report
from ike_scene import IkeScene
from manual_scene import ManualScene
from plan import STATE_DIRECTORY, namespace
from scenario_scene import ScenarioScene, tools_directory
from shell import LabError, inside, namespaces, run
from stage import kept, standing
from world import HOWS

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = str(ROOT / "build-lab")
BUILD_S = 600
LIMIT_S, LONG_LIMIT_S = 240, 900  # for a scene, building apart; with --all
SCENES = {scene.name: scene for scene in (ManualScene, IkeScene, ScenarioScene)}
NODES = sorted({*plan.NODES, *ike_plan.NODES, *scenario_plan.nodes_of("on-prem")})
TARGETS = ("app/espalier/espalier", "app/espalierctl/espalierctl", "app/espalier-run/espalier-run",
           "app/espalier-sync/espalier-sync", "app/espalier-run/libespalier-run.so", "tests/lab/espalier-load")

EPILOG = f"""\
Scene manual:

{plan.DRAWING}
Scene ike:

{ike_plan.DRAWING}
Scene scenario:

{scenario_plan.DRAWING}
Without a command: up, report, down, of one scene after the other. Nothing stays behind, after
Ctrl-C neither. A node is one of: {', '.join(NODES)}.

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
    common.add_argument("--scene", choices=SCENES,
                        help="that scene alone; of `up`: that one instead of the scenario")
    common.add_argument("--bgp", choices=("frr", "bird"),
                        help="who speaks BGP in the scenario's cloud (default: frr)")
    common.add_argument("--role", choices=scenario_plan.ROLES,
                        help="on-prem: an Espalier in the place of gw1, too (default: cloud)")
    common.add_argument("--all", action="store_true", help="the scenario's long trials, too")
    common.add_argument("--build", metavar="DIR",
                        help="build directory, made if needed (default: build-lab)")
    common.add_argument("--no-build", action="store_true", help="take what is there as it is")
    return common


def parse():
    parser = argparse.ArgumentParser(
        prog="lab", description=__doc__, epilog=EPILOG, parents=[common_options()],
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.set_defaults(command="run", json=False, scene=None, build=BUILD,
                        no_build=False, bgp="frr", role="cloud", all=False)
    commands = parser.add_subparsers(metavar="COMMAND")
    for name, text in (("up", "bring it up and leave it standing"),
                       ("report", "try everything on a lab that is up"),
                       ("down", "take it down; fine if there is none"),
                       ("exec", "run a command, or a shell, in a node"),
                       ("fail", "break a gateway of the scenario"),
                       ("heal", "mend what `fail` broke")):
        commands.add_parser(name, help=text, parents=[common_options()]).set_defaults(command=name)
    commands.choices["exec"].add_argument("node", choices=NODES, metavar="NODE")
    commands.choices["exec"].add_argument("words", nargs=argparse.REMAINDER, metavar="CMD...")
    for name in ("fail", "heal"):
        commands.choices[name].add_argument("gateway", choices=scenario_plan.PEERS,
                                            metavar="GATEWAY")
    commands.choices["fail"].add_argument("--how", choices=HOWS, default=HOWS[0],
                                          help=f"default: {HOWS[0]} of its Internet side")
    return parser.parse_args()


def run_all(arguments, report):
    build(arguments, report)
    for name in [arguments.scene] if arguments.scene else SCENES:
        run_scene(set_scene(name, arguments, report), arguments, report)
    return verdict(report)


def run_scene(stage, arguments, report):
    heed_signals()  # again, after the end of another scene
    set_limit(arguments)
    try:
        stage.raise_up()
        stage.measure(STATE_DIRECTORY)
    except LabError as error:
        report.claim("the lab runs to its end", error, "no error", False)
    finally:
        ignore_signals()
        stage.raze()


def up(arguments, report):
    build(arguments, report)
    stage = set_scene(arguments.scene or ScenarioScene.name, arguments, report)
    set_limit(arguments)
    try:
        stage.raise_up()
        stage.keep()
    except BaseException:
        ignore_signals()
        stage.raze()
        report.show_logs(sys.stderr)
        raise
    print(stage.drawing)
    print("\n".join(stage.hints()))
    print("\n" + "\n".join(next_commands(arguments)))
    return 0


def next_commands(arguments):
    """What to type for this lab, as it is to be typed in this shell."""
    lab = shlex.quote(os.path.relpath(ROOT / "scripts/lab"))
    if plan.NAME:
        lab = f"ESPALIER_LAB={shlex.quote(plan.NAME)} {lab}"
    if os.path.abspath(arguments.build) != BUILD:
        lab += f" --build {shlex.quote(arguments.build)}"
    return [f"{lab} {words}" for words in ("exec ecs ping 192.168.0.10", "report", "down")]


def report_on(arguments, report):
    if not kept():
        raise LabError("no lab is up: lab up makes one")
    stage = standing_scene(kept(), arguments, report)
    stage.lock()
    report.begin(stage)
    set_limit(arguments)
    stage.measure(STATE_DIRECTORY)
    return verdict(report)


def down(arguments, report):
    if not standing():
        report.progress("nothing to take down")
        return 0
    stage = standing_scene(kept(), arguments, report)
    stage.lock()
    report.begin(stage)
    ignore_signals()
    stage.raze()
    return verdict(report)


def execute(arguments, _):
    if not namespaces():
        raise LabError("no lab is up: lab up makes one")
    if namespace(arguments.node) not in namespaces():
        raise LabError(f"the lab that is up has no {arguments.node}")
    os.environ["PATH"] = ":".join((tools_directory(arguments.node), *(
        os.path.abspath(os.path.dirname(f"{arguments.build}/{target}")) for target in TARGETS[:4]),
        os.environ["PATH"]))
    command = inside(arguments.node, *(arguments.words or ["sh"]))
    os.execvp(command[0], command)


def fail(arguments, report):
    set_scenario(arguments, report).fail(arguments.gateway, arguments.how)
    return 0


def heal(arguments, report):
    world = set_scenario(arguments, report)
    if arguments.gateway not in world.failed():
        raise LabError(f"{arguments.gateway} is not broken")
    world.heal(arguments.gateway)
    return 0


COMMANDS = {"run": run_all, "up": up, "report": report_on, "down": down, "exec": execute,
            "fail": fail, "heal": heal}


def set_scenario(arguments, report):
    """The World that `lab up` raised, ours to act upon."""
    if kept() != ScenarioScene.name:
        raise LabError("the scenario is not up: lab up raises it")
    stage = ScenarioScene.standing(arguments, report)
    stage.lock()
    return stage.world


def standing_scene(name, arguments, report):
    """The scene that stands, or whatever it is that stands there."""
    if name == ScenarioScene.name:
        return ScenarioScene.standing(arguments, report)
    return SCENES[name or ManualScene.name](arguments, report)


def set_limit(arguments):
    signal.alarm(LONG_LIMIT_S if arguments.all else LIMIT_S)


def set_scene(name, arguments, report):
    """A scene that is ours to raise."""
    stage = SCENES[name](arguments, report)
    stage.lock()
    if kept():
        raise LabError("a lab is up: lab report tries it, lab down takes it down")
    report.begin(stage)
    return stage


def build(arguments, report):
    directory = arguments.build
    if arguments.no_build:
        missing = [target for target in TARGETS if not os.path.exists(f"{directory}/{target}")]
        if missing:
            raise LabError(f"--no-build, but {directory} lacks some programs; this makes them: "
                           f"ninja -C {directory} {' '.join(missing)}")
        return
    if not os.path.exists(f"{directory}/build.ninja"):
        report.progress(f"meson setup {directory}")
        run("meson", "setup", "-Dtests=false", directory, str(ROOT), timeout=BUILD_S)
    report.progress(f"ninja -C {directory}")
    run("ninja", "-C", directory, *TARGETS, timeout=BUILD_S)


def verdict(report):
    report.show()
    return 1 if report.failed() else 0


def heed_signals():
    """From here on a signal, or the time limit's, ends the lab in good order."""
    def interrupt(number, _):
        ignore_signals()  # one is enough; what follows is cleaning up
        raise Interrupted(f"not done in time" if number == signal.SIGALRM
                          else signal.Signals(number).name)

    on_signals(interrupt)


def ignore_signals():
    on_signals(signal.SIG_IGN)


def on_signals(action):
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
        signal.signal(number, action)


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: BSD-3-Clause
"""What the lab claims, and how it is shown: to people in colour, to programs as JSON."""

import json
import sys
import textwrap
import time
from dataclasses import asdict, dataclass, field

from plan import TUNNELS

COLOURS = {"ok": "\033[32m", "FAILED": "\033[1;31m", "title": "\033[1m", "faint": "\033[2m"}
BAR_CELLS = 24
MEASURED_COLUMNS = 60
TEXT_COLUMNS = 96


@dataclass
class Claim:
    claim: str
    measured: str
    required: str
    ok: bool


@dataclass
class Table:
    """Something measured, row by row; what it must be stands in claims beside it."""

    title: str
    columns: tuple
    rows: list


@dataclass
class Group:
    """Claims that belong together, with what was tried in a sentence or two."""

    title: str = ""
    words: str = ""
    tables: list = field(default_factory=list)
    claims: list = field(default_factory=list)


@dataclass
class Section:
    """What one scene brought."""

    name: str
    title: str
    drawing: str
    groups: list = field(default_factory=lambda: [Group()])
    throughput: list = field(default_factory=list)  # {what, mbit_per_s, packets_per_s, note}
    shares: list = field(default_factory=list)      # {gateway, tunnel, packets, percent}
    drops: list = field(default_factory=list)       # {gateway, reason, packets, expected}

    @property
    def claims(self):
        return [claim for group in self.groups for claim in group.claims]

    def failed(self):
        return [claim for claim in self.claims if not claim.ok]

    def tables(self):
        return [{"scene": self.name, "group": group.title, **asdict(table)}
                for group in self.groups for table in group.tables]

    def document(self):
        return {"name": self.name, "title": self.title, "ok": not self.failed(),
                "claims": len(self.claims)}


class Report:
    """Collects what a run measured; says on stderr what goes on, and shows the result on stdout."""

    def __init__(self, as_json):
        self.as_json = as_json
        self.began = time.monotonic()
        self.sections = []
        self.gateways = {}  # what they said of themselves
        self.logs = {}      # their last words, shown when a claim failed

    def begin(self, scene):
        """What is measured from here on belongs to that scene."""
        self.sections.append(Section(scene.name, scene.title, scene.drawing))

    @property
    def section(self):
        return self.sections[-1]

    def group(self, title, words=""):
        """Claims and tables from here on stand under that title, below these words."""
        self.progress(title)
        self.section.groups.append(Group(title, " ".join(words.split())))

    def table(self, title, columns, rows):
        rows = [[str(cell) for cell in row] for row in rows]
        self.section.groups[-1].tables.append(Table(title, tuple(columns), rows))

    def progress(self, text):
        seconds = time.monotonic() - self.began
        print(paint(sys.stderr, "faint", f"{seconds:6.1f} s  {text}"), file=sys.stderr, flush=True)

    def claim(self, claim, measured, required, ok):
        measured = ": ".join(str(measured).splitlines()[:2])  # a failed program's words are long
        self.section.groups[-1].claims.append(Claim(claim, measured, str(required), bool(ok)))
        if not ok:
            print(paint(sys.stderr, "FAILED", f"  FAILED  {claim}: {measured}"), file=sys.stderr)

    def failed(self):
        return [claim for section in self.sections for claim in section.failed()]

    def show(self):
        if self.as_json:
            print(json.dumps(self.document(), indent=2))
        else:
            self.show_text()

    def document(self):
        def all_of(what):
            return [row for section in self.sections for row in getattr(section, what)]

        return {
            "ok": not self.failed(),
            "seconds": round(time.monotonic() - self.began, 1),
            "scenes": [section.document() for section in self.sections],
            "claims": [asdict(claim) for claim in all_of("claims")],
            "tables": [table for section in self.sections for table in section.tables()],
            "shares": all_of("shares"),
            "throughput": all_of("throughput"),
            "drops": all_of("drops"),
            "gateways": self.gateways,
            "logs": self.logs if self.failed() else {},
        }

    def show_text(self):
        self.show_failures()
        for section in self.sections:
            print()
            title(f"Scene {section.name}: {section.title}")
            print()
            print(section.drawing)
            for what, show in (("throughput", show_throughput), ("shares", show_shares),
                               ("drops", show_drops)):
                if rows := getattr(section, what):
                    show(rows)
            for group in section.groups:
                if group.claims or group.tables:
                    show_group(group)
        if self.failed():
            self.show_logs(sys.stdout)
        self.show_verdict()

    def show_failures(self):
        """What does not hold comes first."""
        if failed := self.failed():
            print(paint(sys.stdout, "FAILED", f"{len(failed)} claims do not hold:"))
            for claim in failed:
                print(f"  {claim.claim}: {claim.measured}; required: {claim.required}")

    def show_logs(self, stream):
        for name, text in self.logs.items():
            print(paint(stream, "title", f"Last words of {name}"), text, "", sep="\n", file=stream)

    def show_verdict(self):
        seconds = time.monotonic() - self.began
        count = sum(len(section.claims) for section in self.sections)
        if failed := self.failed():
            print(paint(sys.stdout, "FAILED",
                        f"{len(failed)} of {count} claims FAILED, {seconds:.0f} s"))
        else:
            print(paint(sys.stdout, "ok", f"all {count} claims hold, {seconds:.0f} s"))


def show_throughput(throughput):
    title("Throughput")
    for row in throughput:
        print(f"  {row['what']:34} {row['mbit_per_s']:8.0f} Mbit/s "
              f"{row['packets_per_s']:9.0f} packets/s   {row['note']}")
    print()


def show_shares(shares):
    title("Who carried the 300 flows: packets sent into each tunnel")
    by_place = {(row["gateway"], row["tunnel"]): row for row in shares}
    print(f"  {'':24}{'cloud':<{BAR_CELLS + 18}}onprem")
    for tunnel in TUNNELS:
        cells = []
        for gateway in ("cloud", "onprem"):
            row = by_place[gateway, tunnel.name]
            cells.append(f"{row['packets']:7} {row['percent']:5.1f} % "
                         f"{bar(row['percent']):{BAR_CELLS}}")
        print(f"  {tunnel.name:24}{'   '.join(cells)}".rstrip())
    print()


def show_drops(drops):
    title("Packets dropped, by name")
    for row in drops:
        note = row["expected"] or "unexpected"
        print(f"  {row['gateway']:8} {row['reason']:20} {row['packets']:8}   {note}")
    print()


def show_group(group):
    title(group.title or "Claims")
    if group.words:
        for line in textwrap.wrap(group.words, TEXT_COLUMNS):
            print(f"  {line}")
        print()
    for table in group.tables:
        show_table(table)
    if group.claims:
        show_claims(group.claims)


def show_table(table):
    print(f"  {table.title}")
    columns = [(max(map(len, column)), all(map(is_number, column[1:])))
               for column in zip(table.columns, *table.rows)]
    for number, row in enumerate((table.columns, *table.rows)):
        line = "  ".join(cell.rjust(width) if numbers else cell.ljust(width)
                         for cell, (width, numbers) in zip(row, columns)).rstrip()
        print("    " + (line if number else paint(sys.stdout, "faint", line)))
    print()


def is_number(cell):
    return cell.replace(".", "", 1).replace(" %", "").isdigit() or cell == "-"


def show_claims(claims):
    width = max(len(claim.claim) for claim in claims)
    column = min(MEASURED_COLUMNS, max(len(claim.measured) for claim in claims))
    for claim in claims:
        word = "ok" if claim.ok else "FAILED"
        print(f"  {paint(sys.stdout, word, f'{word:6}')}  {claim.claim:{width}}  "
              f"{claim.measured:{column}}  {paint(sys.stdout, 'faint', claim.required)}")
    print()


def title(text):
    print(paint(sys.stdout, "title", text))


def bar(percent):
    return "█" * round(percent / 100 * BAR_CELLS)


def paint(stream, kind, text):
    return f"{COLOURS[kind]}{text}\033[0m" if stream.isatty() else text

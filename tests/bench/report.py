# SPDX-License-Identifier: BSD-3-Clause
"""What a run found, as tables for people. Made from the JSON document alone."""

import typing


def scaled(value: float) -> str:
    """Three digits that count, in thousands or millions where it is large."""
    for factor, letter in ((1e6, " M"), (1e3, " k")):
        if abs(value) >= 10 * factor or (letter == " M" and abs(value) >= factor):
            return f"{value / factor:.3g}{letter}"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def number(value: float, unit: str) -> str:
    if unit == "ratio":
        return f"{value:.3f}" if 0.9 <= value < 1.1 else f"{value:.2f}"
    if unit == "Mpps":
        return f"{value:.2f}" if value < 100 else f"{value:.0f}"
    if unit == "us":
        return f"{value:.1f} us"
    if unit == "share":
        return f"{100 * value:.2f} %"
    return scaled(value)


def text(figure: dict | None) -> str:
    """A median with its spread: the least and greatest of a ratio, what lies to either side of
    anything else."""
    if not figure:
        return "-"
    median, low, high, unit = (figure[name] for name in ("median", "low", "high", "unit"))
    if low == high:
        return number(median, unit)
    if unit in ("Mpps", "per second", "bytes") and median:
        return f"{number(median, unit)} ±{100 * (high - low) / 2 / abs(median):.0f}%"
    return f"{number(median, unit)} ({number(low, unit)}..{number(high, unit)})"


def aligned(rows: list[list[str]]) -> list[str]:
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    return [
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths)).rstrip() for row in rows
    ]


def columns(chapter: dict) -> list[str]:
    """All columns of a chapter's rows, in order."""
    return list(dict.fromkeys(column for row in chapter["rows"] for column in row["figures"]))


def chapter_table(chapter: dict) -> list[str]:
    names = columns(chapter)
    rows = [[row["key"], *(text(row["figures"].get(name)) for name in names)]
            for row in chapter["rows"]]
    lines = [chapter["title"], *aligned([[chapter["key"], *names], *rows])]
    for row in chapter["rows"]:
        for name, failure in row["facts"].get("failures", {}).items():
            lines.append(f"{name}, {row['key']}, left out: {failure}")
    return [*lines, *chapter["notes"], ""]


def verdict_table(verdicts: list[dict]) -> list[str]:
    if not verdicts:
        return []
    rows = [["goal", "required", "aimed at", "measured", ""]]
    for verdict in verdicts:
        aimed = verdict["aimed_at"]
        rows.append([
            verdict["goal"], f"{verdict['sign']} {verdict['required']:g}",
            "" if aimed is None else f"{verdict['sign']} {aimed:g}",
            text(verdict["measured"]), verdict["verdict"]])
    return ["Goals", *aligned(rows), ""]


def failure_lines(failures: dict[str, str]) -> list[str]:
    lines = [f"NOT MEASURED: {chapter}: {failure}" for chapter, failure in failures.items()]
    return [*lines, ""] if lines else []


def facts_text(facts: dict) -> list[str]:
    espalier = facts.get("espalier") or {}
    lines = [
        f"Espalier {espalier.get('version', '?')} ({facts['build']}), {espalier.get('dpdk', '?')},"
        f" {espalier.get('ipsec_mb', '?')}",
        f"{facts['cpu']}, {facts['cpus']} CPUs, Linux {facts['kernel']},"
        f" {'2 MB' if facts['hugepages'] else '4 KB'} pages; worker on CPU {facts['worker_cpu']},"
        f" all else on CPU {facts['main_cpu']}",
        f"{facts['rounds']} rounds of {facts['window_seconds']} s over {facts['starts']} start(s)"
        f" of each program, {facts['seconds']:.0f} s in all",
        f"the worker had at least {100 * facts['cpu_share_min']:.1f} % of its CPU in every window;"
        f" the hypervisor took {facts['stolen_seconds']:.1f} s",
    ]
    if facts["rounds"] < 5:
        lines.append("A quick run: fewer rounds than a figure to be quoted takes.")
    if facts["cpu_share_min"] < 0.95:
        lines.append("WARNING: others used the worker's CPU; figures are low, ratios less so")
    if facts["unfit"]:
        lines.append(f"WARNING: {', '.join(facts['unfit'])}: these figures say nothing")
    return lines


LEGEND = """\
ipsec-mb: the library alone, the fastest of its calls; testpmd: macswap, same devices and packets;
limit = 1 / (1/ipsec-mb + 1/testpmd). Medians of the rounds, in Mpps; a ratio is taken within each
round, its least and greatest in brackets; ± is half of what lies between least and greatest.
"""


def tables(document: dict) -> str:
    """Everything that a run found."""
    lines = []
    for chapter in document["chapters"].values():
        lines += chapter_table(chapter)
    lines += verdict_table(document["verdicts"])
    lines += failure_lines(document["failures"])
    return "\n".join([*lines, LEGEND, *facts_text(document["facts"])])


DRIFTING = {"Mpps", "per second"}


class Column(typing.NamedTuple):
    """A column of a chapter, at the rows that two runs share."""

    keys: list[str]
    figures: list[dict]


def pairs(old: dict, new: dict):
    """What two runs can be compared by, old and new: chapter, column, both columns. Ratios, and
    what is no rate: those drift with the machine."""
    for name, chapter in new["chapters"].items():
        earlier = {row["key"]: row["figures"]
                   for row in old["chapters"].get(name, {"rows": []})["rows"]}
        for column in columns(chapter):
            rows = [(row["key"], earlier[row["key"]].get(column), row["figures"].get(column))
                    for row in chapter["rows"] if row["key"] in earlier]
            rows = [row for row in rows if row[1] and row[2] and row[2]["unit"] not in DRIFTING]
            if rows:
                keys, before, after = map(list, zip(*rows))
                yield name, column, Column(keys, before), Column(keys, after)


def verdict_of_change(before: dict, after: dict) -> str:
    """A difference is one when the rounds of both runs do not overlap."""
    if after["low"] > before["high"]:
        return "higher"
    return "lower" if after["high"] < before["low"] else ""


def comparison(old: dict, new: dict) -> str:
    rows = [["", "", "before", "after", "change", ""]]
    for name, column, before, after in pairs(old, new):
        for key, one, other in zip(after.keys, before.figures, after.figures):
            ratio = other["median"] / one["median"] if one["median"] else None
            change = f"{100 * (ratio - 1):+.1f} %" if ratio else ""
            rows.append([f"{name} {key}", column, text(one), text(other), change,
                         verdict_of_change(one, other)])
    failures = [line for which, run in (("before", old), ("after", new))
                for line in failure_lines({f"{name}, {which}": failure for name, failure
                                           in run.get("failures", {}).items()})]
    if len(rows) == 1:
        return "\n".join([*failures, "The two runs have nothing in common."])
    return "\n".join([
        *aligned(rows), "", *failures,
        "Rates drift with the machine from run to run, so ratios within a run are compared. The",
        "last column says where the rounds of the two runs do not overlap; for small differences",
        "measure both builds in one run: --against DIR."])

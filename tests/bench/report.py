# SPDX-License-Identifier: BSD-3-Clause
"""What a run found, for people (a table) and for programs (JSON)."""

import dataclasses

from measure import Cell, Figure, ratio

JSON_VERSION = 1
BEFORE = "before"  # the other build of Espalier, with --against


def number(figure: Figure | None) -> str:
    if not figure:
        return "-"
    return f"{figure.median:.2f}" if figure.median < 100 else f"{figure.median:.0f}"


def spread(figure: Figure | None) -> str:
    return f"{figure.median:.2f} ({figure.low:.2f}..{figure.high:.2f})" if figure else "-"


def samples(cell: Cell, name: str) -> list[float]:
    return cell.mpps.get(name, [])


def row(cell: Cell, peers: list[str]) -> list[str]:
    espalier, limit = samples(cell, "espalier"), cell.limit()
    cells = [
        cell.size.name,
        number(Figure.of(cell.crypto())),
        number(Figure.of(samples(cell, "testpmd"))),
        number(Figure.of(limit)),
        number(Figure.of(espalier)),
        spread(ratio(espalier, limit)),
    ]
    for peer in peers:
        cells += [
            number(Figure.of(samples(cell, peer))),
            spread(ratio(espalier, samples(cell, peer))),
        ]
    return cells


def aligned(rows: list[list[str]]) -> list[str]:
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    return [
        "  ".join(text.rjust(width) for text, width in zip(row, widths)).rstrip() for row in rows
    ]


def table(cells: list[Cell], peers: list[str], notes: list[str]) -> str:
    """The tables of a run, one per direction, with the notes below."""
    header = ["IP length", "c", "i", "limit", "Espalier", "share of limit"]
    for peer in peers:
        header += [peer, "Espalier / " + peer]
    lines = []
    for direction in dict.fromkeys(cell.direction for cell in cells):
        rows = [row(cell, peers) for cell in cells if cell.direction is direction]
        lines += [f"{direction.name.capitalize()}, Mpps", *aligned([header, *rows]), ""]
    for cell in cells:
        for name, failure in cell.failures.items():
            lines.append(f"{name}, {cell.direction.name} {cell.size.name}, left out: {failure}")
    lines += [
        "c: intel-ipsec-mb alone, the fastest of its calls; i: testpmd macswap, same devices and"
        " packets; limit = 1 / (1/c + 1/i).",
        "Medians of the rounds; a ratio is taken within each round, its least and greatest in"
        " brackets.",
    ]
    return "\n".join(lines + notes)


def figures(figure: Figure | None) -> dict | None:
    return dataclasses.asdict(figure) if figure else None


def document(cells: list[Cell], peers: list[str], facts: dict) -> dict:
    """The JSON document of a run: facts, medians and every sample."""
    rows = []
    for cell in cells:
        espalier, limit = samples(cell, "espalier"), cell.limit()
        rows.append({
            "direction": cell.direction.name,
            "size": cell.size.name,
            "crypto_mpps": figures(Figure.of(cell.crypto())),
            "crypto_call": cell.best_call(),
            "limit_mpps": figures(Figure.of(limit)),
            "mpps": {name: figures(Figure.of(mpps)) for name, mpps in cell.mpps.items()},
            "share_of_limit": figures(ratio(espalier, limit)),
            "espalier_over": {
                peer: figures(ratio(espalier, samples(cell, peer))) for peer in peers},
            "samples_mpps": cell.mpps,
            "crypto_samples_mpps": cell.calls,
            "worker_cpu_share_min": min(cell.cpu_shares, default=None),
            "failures": cell.failures,
        })
    return {"version": JSON_VERSION, "facts": facts, "cells": rows}

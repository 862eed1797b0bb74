# SPDX-License-Identifier: BSD-3-Clause
"""Curves as SVG, made from JSON documents alone."""

import dataclasses
import html

import report

WIDTH, HEIGHT = 760, 420
LEFT, RIGHT, TOP, BOTTOM = 64, 150, 64, 56
INK, FAINT, GRID = "#1c2733", "#6b7785", "#e4e8ec"
OURS = "#00695c"
OTHERS = ("#c2563c", "#3f6fb5", "#8a5fa8", "#b08a1e")
LABEL_GAP = 17  # between the names at the ends of lines

# What would make every curve flat at the bottom: too fast, and no gateway.
TOO_FAST = {"ipsec-mb", "testpmd"}
BOUNDS = {"limit", "harmonic mean"}  # what could be had: dashed
DRAWN = ("outbound", "inbound", "gcm-outbound", "gcm-inbound", "mixed", "tunnels", "routes")
APART = {"imix"}  # places on no scale: no line leads there
DASH = 14  # half of what stands for a bound there


@dataclasses.dataclass(frozen=True)
class Line:
    name: str
    figures: list[dict | None]
    bound: bool = False


def element(name: str, text: str = "", **attributes) -> str:
    words = "".join(f' {key.replace("_", "-")}="{html.escape(str(value))}"'
                    for key, value in attributes.items())
    return f"<{name}{words}>{html.escape(text)}</{name}>" if text else f"<{name}{words}/>"


def ticks(top: float) -> list[float]:
    """Round numbers from zero to just above the top, five to ten of them."""
    step = 10 ** -6
    while True:
        for factor in (1, 2, 2.5, 5):
            if top / (step * factor) <= 7:
                count = int(top / (step * factor) * 0.9999) + 1
                return [step * factor * n for n in range(count + 1)]
        step *= 10


def colours(lines: list[Line]) -> list[str]:
    """The first that is no bound is ours."""
    others = iter(OTHERS * len(lines))
    found = []
    for line in lines:
        if line.bound:
            found.append(FAINT)
        else:
            found.append(OURS if OURS not in found else next(others))
    return found


def spread_labels(wanted: list[float]) -> list[float]:
    """Heights for labels, as near as can be to where they belong, without touching."""
    order = sorted(range(len(wanted)), key=lambda n: wanted[n])
    placed = [0.0] * len(wanted)
    below = -1e9
    for n in order:
        below = placed[n] = max(wanted[n], below + LABEL_GAP)
    return placed


class Chart:
    """Lines over a few named places, which stand at equal distances."""

    def __init__(self, title: str, axis: str, unit: str, places: list[str], lines: list[Line]):
        self.title, self.axis, self.unit = title, axis, unit
        self.places, self.lines = places, lines
        highest = max(one["high"] for line in lines for one in line.figures if one)
        self.ticks = ticks(highest)

    def x(self, place: int) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (place + 0.5) / len(self.places)

    def y(self, value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / self.ticks[-1]

    def grid(self) -> list[str]:
        right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
        drawn = [
            element("rect", width=WIDTH, height=HEIGHT, fill="#ffffff"),
            element("text", self.title, x=LEFT - 40, y=30, font_size=16, font_weight=600, fill=INK),
            element("text", self.unit, x=LEFT - 8, y=TOP - 12, text_anchor="end", fill=FAINT),
            element("text", self.axis, x=(LEFT + right) / 2, y=HEIGHT - 14, text_anchor="middle",
                    fill=FAINT),
        ]
        for value in self.ticks:
            drawn.append(element("line", x1=LEFT, x2=right, y1=f"{self.y(value):.1f}",
                                 y2=f"{self.y(value):.1f}", stroke=INK if value == 0 else GRID))
            drawn.append(element("text", f"{value:.6g}", x=LEFT - 8, y=f"{self.y(value) + 4:.1f}",
                                 text_anchor="end", fill=FAINT))
        for n, place in enumerate(self.places):
            drawn.append(element("text", place, x=f"{self.x(n):.1f}", y=bottom + 20,
                                 text_anchor="middle", fill=INK))
        return drawn

    def curve(self, line: Line, colour: str) -> list[str]:
        points = [(self.x(n), figure, place in APART) for n, (figure, place) in enumerate(
            zip(line.figures, self.places)) if figure]
        path = " ".join(f"{x:.1f},{self.y(figure['median']):.1f}"
                        for x, figure, apart in points if not apart)
        stroke = {"stroke": colour, "stroke_width": 1.5 if line.bound else 2.5}
        if line.bound:
            stroke["stroke_dasharray"] = "6 5"
        drawn = [element("polyline", points=path, fill="none", stroke_linejoin="round", **stroke)]
        for x, figure, apart in points:
            middle = f"{self.y(figure['median']):.1f}"
            if line.bound:
                if apart:
                    drawn.append(element("line", x1=f"{x - DASH:.1f}", x2=f"{x + DASH:.1f}",
                                         y1=middle, y2=middle, **stroke))
                continue
            # From the least to the greatest round.
            drawn.append(element("line", x1=f"{x:.1f}", x2=f"{x:.1f}",
                                 y1=f"{self.y(figure['low']):.1f}",
                                 y2=f"{self.y(figure['high']):.1f}", stroke=colour, stroke_width=6,
                                 stroke_opacity=0.22, stroke_linecap="round"))
            drawn.append(element("circle", cx=f"{x:.1f}", cy=middle, r=4, fill="#ffffff",
                                 stroke=colour, stroke_width=2.5))
        return drawn

    def svg(self) -> str:
        drawn = self.grid()
        lines = [line for line in self.lines if any(line.figures)]
        painted = list(zip(lines, colours(lines)))
        for line, colour in painted:
            drawn += self.curve(line, colour)
        ends = [self.y([one for one in line.figures if one][-1]["median"]) + 4 for line in lines]
        for (line, colour), height in zip(painted, spread_labels(ends)):
            drawn.append(element("text", line.name, x=WIDTH - RIGHT - 20, y=f"{height:.1f}",
                                 fill=colour, font_weight=400 if line.bound else 600))
        return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"'
                f' width="{WIDTH}" height="{HEIGHT}" font-family="system-ui, sans-serif"'
                ' font-size="13">\n' + "\n".join(drawn) + "\n</svg>\n")


def line_of(chapter: dict, column: str, name: str | None = None) -> Line:
    return Line(name or column, [row["figures"].get(column) for row in chapter["rows"]],
                column in BOUNDS)


def unit_of(chapter: dict, column: str) -> str | None:
    return next((row["figures"][column]["unit"] for row in chapter["rows"]
                 if row["figures"].get(column)), None)


def curves(document: dict) -> dict[str, str]:
    """A curve for each chapter that has rates at several places."""
    drawn = {}
    for name, chapter in document["chapters"].items():
        lines = [line_of(chapter, column) for column in report.columns(chapter)
                 if unit_of(chapter, column) == "Mpps" and column not in TOO_FAST]
        if name in DRAWN and lines and len(chapter["rows"]) > 1:
            drawn[name] = Chart(chapter["title"], chapter["key"], "Mpps",
                                [row["key"] for row in chapter["rows"]], lines).svg()
    return drawn


def comparison(old: dict, new: dict) -> dict[str, str]:
    """Before and after, by ratios, because rates of different runs do not compare."""
    drawn = {}
    for name, column, before, after in report.pairs(old, new):
        lines = [Line("after", after.figures), Line("before", before.figures)]
        if name in DRAWN and len(after.keys) > 1:
            drawn[f"{name}-{column.replace(' ', '-').replace('/', 'over')}"] = Chart(
                f"{new['chapters'][name]['title']}: {column}", new["chapters"][name]["key"], "",
                after.keys, lines).svg()
    return drawn

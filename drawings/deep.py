"""Drawings of notebook 3: the deep model."""

import itertools
from collections.abc import Sequence

from drawings.pieces import (
    DEEP,
    EDGE,
    GREY,
    SMALL,
    TINT,
    Parts,
    Point,
    arrow,
    cells,
    dot,
    line,
    number,
    panel,
    signed,
    svg,
    text,
)


def lookup() -> str:
    """A lookup as a row of a table, and its one-hot twin; the table is notebook 3's."""
    rows = [("unseen", "0.0", "0.0"), ("A", "0.9", "0.1"), ("B", "0.8", "0.3"), ("C", "−0.5", "0.7")]
    parts = panel(16, 16, 336, 330, "Look up: take row 3") + panel(368, 16, 336, 330, "One-hot: multiply and add")
    parts += text(132, 62, "id", SMALL) + text(152, 62, "app", SMALL, "start")
    parts += text(424, 62, "one-hot", SMALL) + text(577, 62, "the same table", SMALL)
    table = []
    for i, (name, a, b) in enumerate(rows):
        y, on = 78 + 38 * i, name == "C"
        parts += text(132, y + 19, str(i), bold=on) + text(152, y + 19, name, SMALL, "start", on)
        parts += text(482, y + 19, "×")
        table += [(230, y, 54, 38, a, DEEP, on), (284, y, 54, 38, b, DEEP, on)]
        table += [(400, y, 48, 38, str(int(on)), GREY, on)]
        table += [(520, y, 57, 38, a, DEEP, on), (577, y, 57, 38, b, DEEP, on)]
    for x, width in ((230, 54), (520, 57)):
        parts += arrow((x + width, 230), (x + width, 258))
        table += [(x, 258, width, 38, "−0.5", DEEP, True), (x + width, 258, width, 38, "0.7", DEEP, True)]
    parts += text(484, 277, "sum", SMALL)
    parts += cells(*table) + text(62, 211, "C: id 3", SMALL) + arrow((98, 211), (120, 211))
    parts += text(184, 322, "reads one row", SMALL) + text(536, 322, "reads all four rows", SMALL)
    description = """
        A table has one row of two numbers for each app, and row 0 for unseen ones. Left: app C has id 3, so row 3 is
        taken: -0.5 and 0.7. Right: the one-hot vector 0, 0, 0, 1 is multiplied by the same table and the rows are
        added up. The result is the same row, but every row was read.
    """
    return svg("A lookup is a row of a table", description, 362, parts)


# ------------------------------------------------------------------------------- the plane of the three apps

APPS = {"A": (0.9, 0.1), "B": (0.8, 0.3), "C": (-0.5, 0.7)}  # notebook 3's table


def at(x: float, y: float) -> Point:
    """The place of a vector in the drawing."""
    return 300 + 270 * x, 262 - 230 * y


def polygon(*vectors: Point) -> Parts:
    """A blue area with these corners."""
    points = " ".join(",".join(map(number, at(*vector))) for vector in vectors)
    return [f'<polygon points="{points}" fill="{TINT[DEEP]}"/>']


def axes() -> Parts:
    """The axes of the plane, with their names."""
    zero = at(0, 0)
    parts = arrow((60, zero[1]), (690, zero[1]), colour=EDGE) + arrow((zero[0], 296), (zero[0], 20), colour=EDGE)
    return parts + text(686, 296, "first number", SMALL, "end") + text(314, 26, "second number", SMALL, "start")


def apps(labels: Sequence[str]) -> Parts:
    """The three apps as points, with these labels: C's on its left, away from the axis."""
    parts = []
    for (app, vector), label in zip(APPS.items(), labels, strict=True):
        (x, y), side = at(*vector), -1 if app == "C" else 1
        parts += dot(x, y, DEEP) + text(x + 16 * side, y, label, anchor="end" if side < 0 else "start", bold=True)
    return parts


def neuron() -> str:
    """A neuron is a line in the plane; its weights are notebook 3's: 2, -1, and a bias of -1."""
    labels = []
    for app, (a, b) in APPS.items():
        total = round(2 * a - b - 1, 1)
        labels.append(f"{app}: {signed(total)}" + (" → 0" if total < 0 else ""))
    parts = polygon((0.45, -0.1), (1.0, 1.0), (1.42, 1.0), (1.42, -0.1)) + axes()
    parts += line(*at(0.45, -0.1), *at(1.0, 1.0), colour=DEEP, thick=3)
    parts += text(534, 50, "sum 0", SMALL, "end") + text(588, 62, "above 0", SMALL, "start")
    parts += apps(labels) + text(180, 226, "below 0: ReLU makes it 0", SMALL)
    description = """
        The plane of the three apps with a slanted line through it, where the neuron's sum is 0. To the right of it the
        area is blue, the sum is above 0: A has 0.7 and B has 0.3. C stands on the left of the line with a sum of -2.7,
        and ReLU makes it 0.
    """
    return svg("A neuron is a line through the plane", description, 312, parts)


# ---------------------------------------------------------------------------------------------------- numbers


def quantile_groups() -> str:
    """Eight ages, three boundaries, four groups: those of notebook 3."""

    def place(age: float) -> float:
        return 36 + 10 * (age - 15)

    ages, boundaries = (17, 21, 25, 30, 38, 45, 52, 80), (24, 34, 46.75)
    edges, groups = (15, *boundaries, 82), []
    parts = text(690, 30, "age in years", SMALL, "end") + line(36, 92, 706, 92)
    for age in ages:
        parts += dot(place(age), 92, GREY) + text(place(age), 66, str(age), SMALL)
    for i, (start, end) in enumerate(itertools.pairwise(edges)):
        middle = (place(start) + place(end)) / 2
        parts += text(middle, 124, f"group {i + 1}", SMALL)
        groups.append((place(start), 142, place(end) - place(start), 44, ("0", "0.33", "0.67", "1")[i], DEEP, True))
    for boundary in boundaries:
        parts += line(place(boundary), 80, place(boundary), 196) + text(place(boundary), 210, f"{boundary:g}", SMALL)
    parts += text(690, 210, "boundaries below, quantiles in blue", SMALL, "end")
    description = """
        A line with eight ages from 17 to 80. Three boundaries, at 24, 34 and 46.75, cut it into four groups of two ages
        each. Below each group stands its number for the network: 0, 0.33, 0.67 and 1. The ages 52 and 80, far from each
        other, are in the same group.
    """
    return svg("Eight ages in four groups of equal size", description, 234, parts + cells(*groups))


FIGURES = [lookup, quantile_groups, neuron]

"""Drawings of notebook 1: crosses."""

from drawings.pieces import GREY, SMALL, WIDE, cells, panel, svg, text


def cross():
    """A cross as AND of one-hot columns: one value each, and lists as in notebook 1."""
    parts = []
    for left, title, rows, columns, result in (
        (
            16,
            "One value each",
            [("HS-grad", 0), ("Masters", 1), ("11th", 0)],
            [("Sales", 0), ("Tech", 1), ("Farm", 0)],
            "one pair is 1: Masters AND Tech",
        ),
        (
            368,
            "Lists: installed and shown",
            [("has A", 1), ("has B", 1), ("has C", 0)],
            [("A", 1), ("B", 0), ("C", 1)],
            "two values each: four pairs are 1",
        ),
    ):
        parts += panel(left, 16, 336, 320, title)
        grid = []
        for j, (name, on) in enumerate(columns):
            x = left + 166 + 52 * j
            parts += text(x + 26, 64, name, SMALL, bold=on)
            grid += [(x, 78, 52, 36, str(on), GREY, on)]
        for i, (name, on) in enumerate(rows):
            y = 132 + 48 * i
            parts += text(left + 96, y + 24, name, SMALL, "end", on)
            grid += [(left + 104, y, 48, 48, str(on), GREY, on)]
            for j, (_, other) in enumerate(columns):
                grid += [(left + 166 + 52 * j, y, 52, 48, str(on * other), WIDE, on * other)]
        parts += cells(*grid) + text(left + 128, 96, "AND", SMALL, bold=True)
        parts += text(left + 168, 308, result, SMALL)
    description = """
        Two grids. Left: the one-hot columns of education and of job have one 1 each, and of their nine pairs the one
        where both are 1 is 1, Masters and Tech. Right: a phone has the apps A and B and is shown A and C; of the
        nine pairs the four with 1 on both sides are 1.
    """
    return svg("A cross is the AND of two one-hot columns", description, 352, parts)


FIGURES = [cross]

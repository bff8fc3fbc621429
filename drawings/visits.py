"""Drawings of notebook 9: a real log."""

from drawings.pieces import (
    CARD,
    DEEP,
    EDGE,
    GREY,
    LARGE,
    SMALL,
    WIDE,
    Parts,
    arrow,
    box,
    cells,
    line,
    panel,
    rectangle,
    svg,
    text,
)

# --------------------------------------------------------------------------------- places and negatives


def held_out_place() -> str:
    """A held-out visit's place in a ranking, and what a place earns."""
    parts, table = text(24, 44, "The visitor saw", LARGE, "start"), []
    for i, area in enumerate("ACF"):
        held = area == "F"
        table.append((196 + 60 * i, 22, 44, 44, area, GREY, held))
    parts += text(384, 44, "A and C are told, F is held out.", SMALL, "start")
    for k, area in enumerate("DBFEHGLKIMJ"):
        x, height = 124 + 52 * k, 110 * 2 ** (-k / 5)
        table.append((x, 112, 46, 40, area, GREY, area == "F"))
        parts += text(x + 23, 170, str(k), SMALL)
        parts += rectangle(x + 6, 326 - height, 34, height, GREY if area == "F" else EDGE, EDGE, radius=0)
        if k in (0, 5, 10):
            parts += text(x + 23, 312 - height, str(round(100 * 2 ** (-k / 5))), SMALL, bold=True)
    parts += arrow((338, 66), (338, 84), (251, 84), (251, 110)) + cells(*table)
    for y, string in ((132, "ranking"), (170, "place"), (300, "it earns")):
        parts += text(24, y, string, SMALL, "start")
    parts += line(116, 326, 700, 326) + text(408, 352, "A place that is five further down earns half as much.", SMALL)
    description = """
        A visitor saw the areas A, C and F. A and C are told to a model and F is held out. The model ranks the other
        areas, D, B, F and so on: F stands on place 2, counted from 0. Below, a bar for what each place earns: 100 on
        place 0, 50 on place 5, 25 on place 10.
    """
    return svg("Where the held-out visit stands", description, 378, parts)


def leave_one_out() -> str:
    """Rows from the set of a visitor, with negatives drawn at random."""
    parts, table = text(88, 40, "Visitor saw", bold=True), []
    for i, area in enumerate("ACF"):
        parts += box(58, 62 + 112 * i, 52, 52, area)
    for x, title in ((286, "list"), (428, "candidate"), (540, "label")):
        parts += text(x, 40, title, bold=True)
    for i, (others, rows) in enumerate((("C, F", "ADH"), ("A, F", "CBG"), ("A, C", "FEB"))):
        top = 62 + 112 * i
        parts += arrow((110, top + 26), (206, top + 26)) + text(158, top + 10, "leave out", SMALL)
        for j, candidate in enumerate(rows):
            y, seen = top + 32 * j, j == 0
            table += [(206, y, 160, 32, others, GREY, False), (366, y, 124, 32, candidate, GREY, seen)]
            table += [(490, y, 100, 32, str(int(seen)), GREY, seen)]
    parts += cells(*table) + text(602, 78, "seen", SMALL, "start", True) + text(602, 110, "not seen:", SMALL, "start")
    parts += text(602, 132, "drawn at", SMALL, "start") + text(602, 152, "random", SMALL, "start")
    parts += text(360, 414, "The list never holds the candidate.", SMALL)
    description = """
        A visitor saw the areas A, C and F. Each in turn is left out and becomes the candidate of a row with label 1,
        whose list holds the other two. With the same list go two rows with label 0, whose candidates are drawn at
        random from what the visitor did not see.
    """
    return svg("Rows from a set: leave one out", description, 440, parts)


# --------------------------------------------------------------------------------------------- the model


def _inputs(x: float, width: float, string: str, colour: str, on: bool) -> Parts:
    """One box of a part: lit in the part's colour, or pale when training has nothing for it."""
    if on:
        return box(x, 150, width, 62, string, colour)
    drawn = rectangle(x, 150, width, 62, CARD, EDGE)
    for y, part in zip((170, 192), string.split("\n"), strict=True):
        drawn += text(x + width / 2, y, part, SMALL, colour=GREY)
    return drawn


def visits_new_model() -> str:
    """What wide and deep part add for a candidate that training never saw."""
    parts = panel(16, 108, 308, 116, "wide: a weight each", WIDE) + panel(
        340, 108, 364, 116, "deep: a vector each", DEEP
    )
    for x, string in ((26, "area\nitself"), (126, "games\n& area"), (226, "ie\n& area")):
        parts += _inputs(x, 90, string, WIDE, False)
    for x, string, on in ((350, "seen\nthe mean", True), (470, "area\nitself", False), (590, "words\nthe mean", True)):
        parts += _inputs(x, 108 if x != 590 else 104, string, DEEP, on)
    parts += (
        box(96, 22, 148, 48, "adds 0", GREY) + box(448, 22, 148, 48, "layers", DEEP) + box(298, 22, 96, 48, "logit")
    )
    parts += arrow((170, 108), (170, 70)) + arrow((522, 108), (522, 70))
    parts += arrow((244, 46), (298, 46)) + arrow((448, 46), (394, 46))
    parts += text(360, 252, "seen: games, ie  ·  candidate: gamessupport  ·  its words: games, support", SMALL)
    parts += text(360, 280, "Pale: training never saw this area. Of the candidate only the words speak.", SMALL)
    description = """
        A row with the seen areas games and ie and the candidate gamessupport, which training never saw. The three
        weights of the wide part are pale: it has none for the candidate and none for its crosses. In the deep part the
        candidate's own vector is pale too. The mean of the seen areas and the mean of the title's words stay lit.
    """
    return svg("What is left for a new area", description, 304, parts)


FIGURES = [held_out_place, leave_one_out, visits_new_model]

"""Drawings of notebook 9: a real log."""

from collections.abc import Sequence

from drawings.pieces import (
    CARD,
    DEEP,
    EDGE,
    GREY,
    INK,
    LARGE,
    SMALL,
    WIDE,
    Parts,
    arrow,
    box,
    cells,
    dot,
    line,
    panel,
    rectangle,
    svg,
    text,
)

Block = tuple[float, float, float, float, str, bool]  # x, y, width, height, string, is it asked

# ------------------------------------------------------------------------- the log, and who is asked


def visits_matrix() -> str:
    """A log of visits, and the same as a table of ones and unknowns."""
    log = {"10001": ("regwiz", "support", "athome"), "10002": ("support", "kb"), "10003": ("support", "kb", "search")}
    areas, table, parts = ("regwiz", "support", "athome", "kb", "search"), [], text(107, 28, "the log", bold=True)
    rows = [(user, area) for user, seen in log.items() for area in seen]
    for i, (user, area) in enumerate(rows):
        table += [(24, 46 + 28 * i, 76, 28, user, GREY, False), (100, 46 + 28 * i, 90, 28, area, GREY, False)]
    parts += arrow((202, 158), (240, 158)) + text(507, 28, "the same as a table", bold=True)
    for j, area in enumerate(areas):
        parts += text(351 + 78 * j, 74, area, SMALL)
    for i, (user, seen) in enumerate(log.items()):
        y = 92 + 44 * i
        parts += text(280, y + 22, user, SMALL)
        for j, area in enumerate(areas):
            table.append((312 + 78 * j, y, 78, 44, "1" if area in seen else "?", GREY, area in seen))
    parts += cells(*table) + text(480, 250, "A question mark: nobody was asked.", SMALL)
    description = """
        On the left eight rows of the log, each with a visitor and an area: the first visitor has three rows, the
        second two, the third three. An arrow leads to the same as a table with a line for each visitor and a column
        for each area: a 1 where there was a visit, a question mark in all other cells.
    """
    return svg("A log of visits, and the same as a table", description, 290, parts)


def _who(title: str, description: str, blocks: Sequence[Block], note: str) -> str:
    """The frame that comes back: visitors down, areas across; of its `blocks` those that are lit are asked."""
    parts = text(95, 30, "visitors", bold=True) + text(435, 30, "areas", bold=True)
    parts += cells(*((x, y, width, height, string, GREY, on) for x, y, width, height, string, on in blocks))
    parts += text(95, 106, "training log", SMALL) + text(95, 129, "32,711", SMALL)
    parts += text(95, 223, "test", SMALL) + text(95, 246, "5,000 others", SMALL)
    return svg(title, description, 306, parts + text(435, 284, note, SMALL))


def visits_test() -> str:
    """The visitors' split: training log and test."""
    blocks = [(180, 50, 510, 136, "models learn here", False), (180, 202, 510, 64, "and are asked here", True)]
    description = """
        A field with the visitors down and the areas across is cut in two. The upper block is the training log with its
        32,711 visitors, where models learn. The lower one, lit, is the test with 5,000 other visitors, where models
        are asked. Both have the same 294 areas.
    """
    return _who("Training visitors and test visitors", description, blocks, "the same 294 areas for both")


def visits_practice() -> str:
    """The practice visitors, a part of the training log."""
    blocks = [(180, 50, 510, 90, "models learn here", False), (180, 146, 510, 40, "and practise here", True)]
    blocks += [(180, 202, 510, 64, "not looked at", False)]
    description = """
        The same field of visitors and areas. The block of the training log is cut once more: most of its visitors are
        learned from, and a lower strip of them, lit, is for practice queries. The block of the test visitors is not
        lit: it is not looked at while decisions are made.
    """
    return _who(
        "Practice visitors are training visitors", description, blocks, "decisions are made on the practice part"
    )


def visits_new() -> str:
    """Sixty areas that training does not see."""
    blocks = [(180, 50, 396, 136, "models learn here", False), (582, 50, 108, 136, "taken out", False)]
    blocks += [(180, 202, 396, 64, "what they are told", False), (582, 202, 108, 64, "asked", True)]
    description = """
        The same field of visitors and areas, now cut upright as well: on the right stand the sixty new areas. Their
        visits are taken out of the training log. Of a test visitor the models are told the visits to the other areas,
        and are asked about the new ones: the lit block at the lower right.
    """
    return _who("New areas are asked about only", description, blocks, "294 areas, sixty of them new, on the right")


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
    parts += text(360, 414, "The list never holds the candidate: it would give the label away.", SMALL)
    description = """
        A visitor saw the areas A, C and F. Each in turn is left out and becomes the candidate of a row with label 1,
        whose list holds the other two. With the same list go two rows with label 0, whose candidates are drawn at
        random from what the visitor did not see.
    """
    return svg("Rows from a set: leave one out", description, 440, parts)


def sampled_odds() -> str:
    """What a row's odds are in truth, and among the negatives that were drawn."""
    parts, drawn = (
        text(360, 30, "294 areas: three were seen, four of the others are drawn", bold=True),
        (61, 118, 190, 260),
    )
    for i in range(294):
        x, y = 36 + 13.5 * (i % 49), 60 + 15 * (i // 49)
        kind = (INK, 6) if i in (25, 130, 221) else (GREY, 6) if i in drawn else (EDGE, 3.5)
        parts += dot(x, y, *kind)
    for x, title, odds in ((64, "in truth", "1 : 291"), (476, "in the rows", "1 : 4")):
        parts += box(x, 166, 180, 66, f"{odds}\n{title}")
    parts += arrow((250, 199), (470, 199)) + text(360, 182, "odds × 291/4", bold=True)
    parts += dot(140, 262, INK, 6) + text(154, 262, "seen", SMALL, "start")
    parts += dot(240, 262, GREY, 6) + text(254, 262, "drawn, label 0", SMALL, "start")
    parts += dot(412, 262, EDGE, 3.5) + text(424, 262, "not seen, left aside", SMALL, "start")
    description = """
        A field of 294 dots, one for each area: three dark ones were seen, and of the 291 others four are drawn as
        negatives. Below, the odds of a visit that is left out: in truth one against 291, in the rows one against four,
        which is 291 fourths times as much.
    """
    return svg("Drawing negatives raises the odds", description, 288, parts)


# --------------------------------------------------------------------------------------------- the model


def _inputs(x: float, width: float, string: str, colour: str, on: bool) -> Parts:
    """One box of a part: lit in the part's colour, or pale when training has nothing for it."""
    if on:
        return box(x, 150, width, 62, string, colour)
    drawn = rectangle(x, 150, width, 62, CARD, EDGE)
    for y, part in zip((170, 192), string.split("\n"), strict=True):
        drawn += text(x + width / 2, y, part, SMALL, colour=GREY)
    return drawn


def _ranker(title: str, description: str, known: bool, note: str) -> str:
    """The frame that comes back: what the wide and the deep part add for a list and a candidate."""
    parts = panel(16, 108, 308, 116, "wide: a weight each", WIDE) + panel(
        340, 108, 364, 116, "deep: a vector each", DEEP
    )
    for x, string in ((26, "area\nitself"), (126, "games\n& area"), (226, "ie\n& area")):
        parts += _inputs(x, 90, string, WIDE, known)
    for x, string, on in ((350, "seen\nthe mean", True), (470, "area\nitself", known), (590, "words\nthe mean", True)):
        parts += _inputs(x, 108 if x != 590 else 104, string, DEEP, on)
    parts += (
        box(96, 22, 148, 48, "sum" if known else "adds 0", WIDE if known else GREY)
        + box(448, 22, 148, 48, "layers", DEEP)
        + box(298, 22, 96, 48, "logit")
    )
    parts += arrow((170, 108), (170, 70)) + arrow((522, 108), (522, 70))
    parts += arrow((244, 46), (298, 46)) + arrow((448, 46), (394, 46))
    parts += text(360, 252, "seen: games, ie  ·  candidate: gamessupport  ·  its words: games, support", SMALL)
    return svg(title, description, 304, parts + text(360, 280, note, SMALL))


def visits_model() -> str:
    """What wide and deep part add for a list and a candidate."""
    description = """
        A row with the seen areas games and ie and the candidate gamessupport, whose title has the words games and
        support. The wide part adds up three weights: the candidate's own, and one for each cross of a seen area with
        it. The deep part has three vectors: the mean of the seen areas, the candidate's own, and the mean of the
        words. Layers turn them into a number. Both numbers give the logit.
    """
    note = "Each box that is coloured was learned from the rows."
    return _ranker("What each part knows of a row", description, True, note)


def visits_new_model() -> str:
    """The same for an area that training never saw."""
    description = """
        The same row, when training never saw the area gamessupport. The three weights of the wide part are pale: it
        has none for the candidate and none for its crosses. In the deep part the candidate's own vector is pale too.
        The mean of the seen areas and the mean of the words stay lit.
    """
    note = "Pale: training never saw this area. Of the candidate only the words speak."
    return _ranker("What is left for a new area", description, False, note)


FIGURES = [
    visits_matrix,
    visits_test,
    visits_practice,
    visits_new,
    held_out_place,
    leave_one_out,
    sampled_odds,
    visits_model,
    visits_new_model,
]

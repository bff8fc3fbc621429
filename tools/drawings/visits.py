"""Drawings of notebook 7: a real log."""

from drawings.pieces import GREY, SMALL, arrow, box, cells, svg, text


def leave_one_out():
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


FIGURES = [leave_one_out]

"""Drawings of notebook 3: the deep model."""

from drawings.pieces import DEEP, GREY, SMALL, arrow, cells, panel, svg, text


def lookup():
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


FIGURES = [lookup]

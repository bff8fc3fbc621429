"""Drawings of notebook 1: crosses."""

from drawings.pieces import (
    CARD,
    EDGE,
    GREY,
    INK,
    LINE,
    SMALL,
    TINT,
    WIDE,
    arrow,
    cells,
    dot,
    line,
    panel,
    rectangle,
    ring,
    svg,
    text,
)

INSTALLED, IMPRESSION = (("A", "B"), ("A",), ("B",), ("C",)), (("A", "C"), ("B",), ("C",), ("C",))  # four users
FACTS = [[int(app in cell) for cell in row for app in "ABC"] for row in zip(INSTALLED, IMPRESSION, strict=True)]
ASKED = (1, 0, 0, 0, 0, 1)  # equation 1's c: has A, and is shown C


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


def table(left, top, rows, size, colour=GREY):
    """Cells with the numbers of a table; those that are not 0 are lit."""
    width, height = size
    placed = [(i, j, value) for i, row in enumerate(rows) for j, value in enumerate(row)]
    return cells(
        *((left + width * j, top + height * i, width, height, str(value), colour, value) for i, j, value in placed)
    )


def heads(left, y, names, width):
    """A line of names over the columns of a table."""
    return [part for j, name in enumerate(names) for part in text(left + width * (j + 0.5), y, name, SMALL)]


def facts():
    """Columns of lists become columns of 0 and 1."""
    parts, size, top = [], 44, 96
    for column, (name, lists) in enumerate((("installed", INSTALLED), ("impression", IMPRESSION))):
        left = 54 + 116 * column
        parts += text(left + 58, 74, name, SMALL, bold=True)
        parts += cells(*((left, top + size * i, 116, size, ", ".join(apps), GREY, 0) for i, apps in enumerate(lists)))
        right = 360 + (3 * size + 42) * column
        parts += text(right + 1.5 * size, 44, name, SMALL, bold=True) + heads(right, 76, "ABC", size)
        parts += table(right, top, [row[3 * column : 3 * column + 3] for row in FACTS], (size, size))
    for i in range(4):
        parts += text(32, top + size * (i + 0.5), str(i), SMALL)
    parts += arrow((298, top + 2 * size), (346, top + 2 * size))
    parts += text(170, 304, "two columns of lists", SMALL) + text(513, 304, "six facts, each 0 or 1", SMALL)
    description = """
        A table with four users has a list of apps in each cell: user 0 has installed A and B and is shown A and C.
        An arrow leads to six columns, one for each app that may be installed and one for each that may be shown.
        A 1 stands where the app is in the user's list, and a 0 where it is not.
    """
    return svg("Columns of lists become columns of facts", description, 330, parts)


def product():
    """Equation 1 on the four users: the power lets the asked facts through, the product asks for all of them."""
    size, left, middle, top = 38, 66, 356, 164
    powers = [[fact**asked for fact, asked in zip(row, ASKED, strict=True)] for row in FACTS]
    parts = text(40, 119, "c", bold=True) + table(left, 100, [ASKED], (size, size), WIDE)
    for x, title in ((left, "facts x"), (middle, "x to the power c")):
        parts += text(x + 3 * size, 30, title, bold=True)
    parts += heads(left, 58, ("installed", "impression"), 3 * size) + heads(left, 82, "ABCABC", size)
    for i, row in enumerate(FACTS):
        parts += text(40, top + size * (i + 0.5), str(i), SMALL)
        for j in range(6):
            for x, values in ((left, row), (middle, powers[i])):
                place = (x + size * j, top + size * i, size, size)
                parts += rectangle(*place, TINT[WIDE] if ASKED[j] else CARD, EDGE, radius=0)
                colour = INK if ASKED[j] else GREY
                parts += text(place[0] + size / 2, place[1] + size / 2, str(values[j]), bold=ASKED[j], colour=colour)
    parts += arrow((left + 6 * size + 10, top + 2 * size), (middle - 10, top + 2 * size))
    parts += arrow((middle + 6 * size + 10, top + 2 * size), (634, top + 2 * size))
    every = [[int(all(row))] for row in powers]
    parts += text(662, 30, "product", bold=True) + table(640, top, every, (44, size), WIDE)
    parts += text(middle + 3 * size, 82, "not asked for:", SMALL) + text(middle + 3 * size, 106, "always 1", SMALL)
    description = """
        The six facts of the four users stand under a line c, which is 1 for the first column and for the last. To the
        power c the facts of these two columns stay as they are, and the four between become 1. The product of each
        row is then 1 for user 0 only, who has A and is shown C.
    """
    return svg("Equation 1, first the powers and then the product", description, 344, parts)


def coarse():
    """The pairs of apps of four users, and the same pairs by category; a number is how many users have the pair."""
    users = list(zip(INSTALLED, IMPRESSION, strict=True))
    category = {"A": 0, "B": 0, "C": 1}
    parts, top, size = [], 108, 60
    fine = [[sum(a in has and b in shown for has, shown in users) for b in "ABC"] for a in "ABC"]
    of_users = [({category[a] for a in has}, {category[b] for b in shown}) for has, shown in users]
    rough = [[sum(i in has and j in shown for has, shown in of_users) for j in (0, 1)] for i in (0, 1)]
    parts += text(180, 34, "apps", bold=True) + text(552, 34, "categories", bold=True)
    parts += heads(90, 84, "ABC", size)
    for i, name in enumerate("ABC"):
        parts += text(70, top + size * (i + 0.5), name, SMALL)
    parts += table(90, top, fine, (size, size), WIDE)
    parts += line(90 + 2 * size, top - 8, 90 + 2 * size, top + 3 * size + 8, INK, 3)
    parts += line(82, top + 2 * size, 90 + 3 * size + 8, top + 2 * size, INK, 3)
    parts += arrow((300, top + 1.5 * size), (360, top + 1.5 * size))
    widths, left, placed = (2 * size, size), 470, []
    for i, name in enumerate(("music", "travel")):
        edge = 2 * size * i
        parts += text(left + edge + widths[i] / 2, 84, name, SMALL)
        parts += text(left - 12, top + edge + widths[i] / 2, name, SMALL, "end")
        for j in (0, 1):
            placed.append((left + 2 * size * j, top + edge, widths[j], widths[i], str(rough[i][j]), WIDE, rough[i][j]))
    different, met = (
        [sum(map(bool, sum(grid, []))) for grid in (fine, rough)],
        [sum(map(sum, g)) for g in (fine, rough)],
    )
    parts += cells(*placed)
    for x, n, m in zip((180, 560), different, met, strict=True):
        parts += text(x, 326, f"{n} different pairs, {m} times in all", SMALL)
    description = """
        Left, a grid of the apps that four users have installed by those they are shown; each cell says how many users
        have the pair: six pairs, seven times in all. Thick lines part music, A and B, from travel, C. Right, the same
        by category: music and music two, music and travel two, travel and travel one, so three pairs, five times.
    """
    return svg("Crosses of apps and crosses of categories", description, 352, parts)


def xor():
    """Four points that no line parts, and the same four when the cross is a third direction."""
    parts = panel(16, 16, 336, 330, "two facts") + panel(368, 16, 336, 330, "and their cross")
    parts += arrow((84, 290), (312, 290)) + arrow((84, 290), (84, 72))
    parts += text(250, 316, "game", SMALL) + text(66, 60, "adult", SMALL)
    parts += line(92, 178, 200, 286, WIDE, 3)
    parts += ring(104, 270, INK, 9) + dot(264, 270, INK, 10) + dot(104, 110, INK, 10) + ring(264, 110, INK, 9)
    parts += text(264, 142, "on the wrong side", SMALL)
    parts += arrow((420, 290), (676, 290)) + arrow((420, 290), (420, 72))
    parts += text(590, 316, "adult + game", SMALL) + text(404, 60, "cross", SMALL)
    parts += line(452, 300, 660, 118, WIDE, 3)
    parts += ring(440, 270, INK, 9) + dot(540, 270, INK, 10) + ring(640, 100, INK, 9)
    parts += text(572, 256, "two rows", SMALL, "start")
    parts += dot(216, 372, INK, 10) + text(234, 372, "likes it", SMALL, "start")
    parts += ring(400, 372, INK, 9) + text(418, 372, "does not", SMALL, "start")
    description = """
        Left, the four rows as corners of a square, with game to the right and adult upwards. The two rows that like
        the app stand at opposite corners. The line drawn has the row with both facts on its wrong side, as any line
        has at least one corner. Right, adult plus game to the right and the cross upwards. The row with both facts is
        lifted, the two that like it stay below, and one line parts them from the others.
    """
    return svg("Why XOR needs a cross, in two pictures", description, 396, parts)


EXAMPLES = (
    "HS-grad AND Craft-repair",
    "Bachelors AND Prof-specialty",
    "Bachelors AND Tech-support",
    "9th AND Protective-serv",
    "5th-6th AND Tech-support",
)


def to_weights(ids, notes, way):
    """Five crosses as strings, the table of weights, and an arrow from each to the line of its id."""
    slots, top, size, table_of_weights = list(dict.fromkeys(ids)), 62, 50, []
    parts = text(171, 34, "a string", bold=True) + text(504, 34, "the weights", bold=True)
    parts += text(382, 34, way, SMALL)
    for i, (string, number) in enumerate(zip(EXAMPLES, ids, strict=True)):
        y, end = top + size * (i + 0.5), top + size * (slots.index(number) + 0.5)
        parts += rectangle(16, y - 21, 310, size - 8, CARD, EDGE) + text(171, y, string, SMALL)
        parts += arrow((326, y), (436, end), colour=WIDE if ids.count(number) > 1 else LINE)
    for k, number in enumerate(slots):
        y = top + size * k
        table_of_weights.append((440, y, 50, size, str(number), GREY, 0))
        table_of_weights.append((490, y, 88, size, "weight", WIDE, ids.count(number) > 1))
        for i, string in enumerate(notes.get(number, ())):
            parts += text(590, y + size / 2 + 22 * i - 11 * (len(notes[number]) - 1), string, SMALL, "start")
    return parts + cells(*table_of_weights)


def vocabulary():
    """From a string to an id by a list."""
    parts = to_weights((1, 2, 33, 0, 0), {0: ("rare, or", "never seen")}, "in the list?")
    description = """
        Five crosses of an education and an occupation as strings, with arrows to a table of weights. The first three
        are in the vocabulary, so each has an id and a weight of its own. Two are not, one since it is rare and one
        since it was never seen: both lead to id 0 and share its weight.
    """
    return svg("From a string to an id by a vocabulary", description, 330, parts)


def buckets():
    """From a string to an id by a hash; the strings are those of the vocabulary's drawing."""
    parts = to_weights((5, 33, 34, 34, 45), {34: ("a collision",), 45: ("never seen",)}, "hash")
    description = """
        The same five crosses, with arrows to a table of weights for buckets. Each string is hashed to a bucket: 5, 33,
        34, 34 and 45. Two strings that have nothing to do with each other meet in bucket 34 and share a weight. The
        string that was never seen has a bucket too.
    """
    return svg("From a string to a bucket by a hash", description, 330, parts)


# Educations, the most frequent first, by occupations, likewise: # ten rows or more, + fewer, _ none.
PAIRS = [
    "##############+",
    "##############+",
    "#############++",
    "######+#+++##++",
    "#############+_",
    "###########++#_",
    "#############+_",
    "+##########+++_",
    "+##+#######+++_",
    "#+#+#++#+_+++__",
    "+##########+++_",
    "###########++++",
    "#+#+++_#__++___",
    "+#+++######_+#_",
    "+#+_+###++#_++_",
    "++_+_#++_++__+_",
]


def sparse():
    """The pairs of education and occupation: frequent, rare, or in no row."""
    kinds = {
        "#": (WIDE, "at least ten rows"),
        "+": (TINT[WIDE], "some, fewer than ten"),
        "_": (CARD, "no row at all"),
    }
    parts, left, top, width, height = [], 128, 60, 22, 18
    for i, row in enumerate(PAIRS):
        for j, kind in enumerate(row):
            parts += rectangle(left + width * j, top + height * i, width, height, kinds[kind][0], EDGE, radius=0)
    parts += text(left, 34, "occupations, frequent ones first", SMALL, "start")
    for place, name in ((0, "HS-grad"), (15, "Preschool")):
        parts += text(left - 10, top + height * (place + 0.5), name, SMALL, "end")
    parts += arrow((88, 100), (88, 310))
    for k, (kind, (fill, says)) in enumerate(kinds.items()):
        y = top + 40 + 84 * k
        n = "".join(PAIRS).count(kind)
        parts += rectangle(486, y, 22, 18, fill, EDGE, radius=0)
        parts += text(518, y + 9, f"{n} pairs", bold=True, anchor="start") + text(486, y + 36, says, SMALL, "start")
    description = """
        A grid of 16 educations by 15 occupations, frequent ones first. Of its 240 cells 149 are orange, pairs with at
        least ten rows, most of them at the top and at the left. 65 pale cells have fewer rows, and 26 white ones, at
        the bottom and at the right, have none.
    """
    return svg("Which pairs of education and occupation occur", description, 372, parts)


def folds():
    """Five turns, each with another fold held out, and the gain that notebook 1 prints for it."""
    parts = text(366, 34, "the training rows, dealt out into five folds", SMALL) + text(662, 34, "gain", bold=True)
    for turn, gain in enumerate(("4.2", "2.9", "3.2", "3.6", "2.3")):
        y = 56 + 46 * turn
        parts += text(62, y + 18, f"turn {turn}", SMALL) + text(662, y + 18, gain)
        fitted = [(116 + 100 * fold, y, 100, 36, "fit" if fold != turn else "", GREY, 0) for fold in range(5)]
        parts += cells(*fitted, (116 + 100 * turn, y, 100, 36, "measure", GREY, 1))
    parts += line(632, 292, 692, 292) + text(662, 312, "3.2", bold=True) + text(614, 312, "mean", SMALL, "end")
    description = """
        Five lines, one for each turn, of five boxes, one for each fold. In each turn another fold is grey: the models
        are fitted on the four others and measured on it. Every row is measured once. The gains of the turns are 4.2,
        2.9, 3.2, 3.6 and 2.3 thousandths, and their mean is 3.2.
    """
    return svg("Five turns, another fold held out in each", description, 336, parts)


FIGURES = [cross, facts, product, coarse, xor, vocabulary, buckets, sparse, folds]

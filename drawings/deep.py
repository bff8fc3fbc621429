"""Drawings of notebook 3: the deep model."""

from drawings.pieces import (
    CARD,
    DEEP,
    EDGE,
    GREY,
    LINE,
    SMALL,
    TINT,
    WIDE,
    all_to_all,
    arrow,
    box,
    cells,
    dot,
    line,
    lit_text,
    number,
    panel,
    rectangle,
    signed,
    svg,
    text,
)


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


# ------------------------------------------------------------------------------- the plane of the three apps

APPS = {"A": (0.9, 0.1), "B": (0.8, 0.3), "C": (-0.5, 0.7)}  # notebook 3's table


def at(x, y):
    """The place of a vector in the drawing."""
    return 300 + 270 * x, 262 - 230 * y


def polygon(*vectors):
    """A blue area with these corners."""
    points = " ".join(",".join(map(number, at(*vector))) for vector in vectors)
    return [f'<polygon points="{points}" fill="{TINT[DEEP]}"/>']


def axes():
    """The axes of the plane, with their names."""
    zero = at(0, 0)
    parts = arrow((60, zero[1]), (690, zero[1]), colour=EDGE) + arrow((zero[0], 296), (zero[0], 20), colour=EDGE)
    return parts + text(686, 296, "first number", SMALL, "end") + text(314, 26, "second number", SMALL, "start")


def apps(labels):
    """The three apps as points, with these labels: C's on its left, away from the axis."""
    parts = []
    for (app, vector), label in zip(APPS.items(), labels, strict=True):
        (x, y), side = at(*vector), -1 if app == "C" else 1
        parts += dot(x, y, DEEP) + text(x + 16 * side, y, label, anchor="end" if side < 0 else "start", bold=True)
    return parts


def places():
    """Three vectors are three places."""
    labels = [f"{app}: {signed(a)}, {signed(b)}" for app, (a, b) in APPS.items()]
    parts = axes() + line(*at(*APPS["A"]), *at(*APPS["C"]), colour=GREY) + line(*at(*APPS["A"]), *at(*APPS["B"]))
    parts += apps(labels) + text(386, 128, "far", SMALL) + text(500, 236, "near", SMALL, "end")
    description = """
        A plane with two axes, for the first and the second number of a vector. App A stands at 0.9 and 0.1, app B at
        0.8 and 0.3, close by. App C stands at -0.5 and 0.7, far from both. Lines join A with each of the others.
    """
    return svg("A vector is a place, and places can be near", description, 312, parts)


def neuron():
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


# ---------------------------------------------------------------------------------- the network of the three apps

LOOKUP, HIDDEN, LOGIT = "lookup", "hidden", "logit"


def vectors_side_by_side(lit):
    """The two ids, the table and the four numbers."""
    parts, table = lit_text(82, 34, "two ids", lit) + lit_text(246, 34, "the table", lit), []
    parts += lit_text(372, 34, "side by side", lit)
    for row in range(7):
        for column in range(2):
            table.append((202 + 44 * column, 66 + 32 * row, 44, 32, "", DEEP, lit and row in (2, 4)))
    for i, (row, label) in enumerate(((2, "is shown B"), (4, "has A"))):
        y, first = 82 + 32 * row, 194 - 72 * i
        parts += cells((16, y - 20, 132, 40, label, GREY, lit)) + arrow(
            (148, y), (202, y), colour=LINE if lit else EDGE
        )
        parts += arrow((290, y), (350, first + 18), colour=DEEP if lit else EDGE)
        table += [(350, first - 18 + 36 * j, 44, 36, "", DEEP, lit) for j in range(2)]
    return parts + cells(*table) + lit_text(246, 312, "7 × 2", lit, size=SMALL)


def neurons(lit):
    """The layer of eight, and its lines from the four numbers."""
    four, eight = [(394, 122 + 36 * i) for i in range(4)], [(520, 66 + 32 * i) for i in range(8)]
    parts = all_to_all(four, eight, DEEP if lit else EDGE)
    for x, y in eight:
        parts += dot(x, y, DEEP if lit else EDGE, radius=10)
    return parts + lit_text(520, 34, "8 neurons", lit) + lit_text(456, 312, "4 × 8", lit, size=SMALL)


def one_logit(lit):
    """The weighted sum of the eight."""
    parts = all_to_all([(530, 66 + 32 * i) for i in range(8)], [(622, 178)], DEEP if lit else EDGE)
    parts += cells((622, 156, 84, 44, "logit", DEEP, lit))
    return parts + lit_text(620, 312, "8 × 1", lit, size=SMALL)


def tiny(title, description, *stages):
    """The frame: the whole network of the three apps, of which some stages are lit."""
    parts = vectors_side_by_side(LOOKUP in stages) + neurons(HIDDEN in stages) + one_logit(LOGIT in stages)
    return svg(title, description, 336, parts)


def tiny_network():
    """All of it."""
    description = """
        From left to right: two ids, of the app that somebody has and of the one that is shown; a table of seven rows
        and two columns, of which each id takes a row; the two rows side by side, four numbers; eight neurons, each
        joined to all four; and the logit, joined to all eight.
    """
    return tiny("The network of the three apps", description, LOOKUP, HIDDEN, LOGIT)


def tiny_lookup():
    """The first step."""
    description = """
        The network of the three apps, with its first step lit: the ids of the app that somebody has, A, and of the one
        that is shown, B, each take a row of the table, and the two rows lie side by side, four numbers in all.
    """
    return tiny("The first step: two rows of the table, side by side", description, LOOKUP)


def tiny_hidden():
    """The second step."""
    description = """
        The network of the three apps, with its second step lit: each of the eight neurons is joined to each of the four
        numbers, so the matrix of the layer has four times eight weights. The ids, the table and the logit are pale.
    """
    return tiny("The second step: four numbers become eight", description, HIDDEN)


def tiny_logit():
    """The third step."""
    description = """
        The network of the three apps, with its third step lit: the eight neurons are joined to a single number, the
        logit, by eight weights. All that comes before, the ids, the table and the layer, is pale.
    """
    return tiny("The third step: eight numbers become the logit", description, LOGIT)


# ------------------------------------------------------------------------------ numbers, layers, words, the log


def quantile_groups():
    """Eight ages, three boundaries, four groups: those of notebook 3."""

    def place(age):
        return 36 + 10 * (age - 15)

    ages, boundaries = (17, 21, 25, 30, 38, 45, 52, 80), (24, 34, 46.75)
    edges, groups = (15, *boundaries, 82), []
    parts = text(690, 30, "age in years", SMALL, "end") + line(36, 92, 706, 92)
    for age in ages:
        parts += dot(place(age), 92, GREY) + text(place(age), 66, str(age), SMALL)
    for i, (start, end) in enumerate(zip(edges[:-1], edges[1:], strict=True)):
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


def census_network():
    """The deep model of the census, with the shapes and parameters of notebook 3."""
    middle, rows = 290, []
    parts = box(60, 424, 210, 60, "10 ids\ncategories") + box(290, 424, 230, 60, "5 numbers\nas quantiles")
    parts += box(60, 340, 210, 60, "10 vectors of 8\nrows of the table", DEEP) + arrow((165, 424), (165, 400))
    parts += arrow((405, 424), (405, 308)) + arrow((165, 340), (165, 308))
    parts += box(60, 272, 460, 36, "side by side: 85 numbers", DEEP)
    below = 272
    for y, width, name, count in (
        (208, 400, "ReLU layer, dropout: 128", "11008"),
        (144, 320, "ReLU layer, dropout: 64", "8256"),
        (80, 284, "ReLU layer, dropout: 32", "2080"),
        (16, 100, "logit", "33"),
    ):
        parts += box(middle - width / 2, y, width, 36, name, DEEP) + arrow(
            (middle, below), (middle, y + 36), colour=DEEP
        )
        rows.append((y + 18, count))
        below = y
    for y, count in (*rows, (370, "2512")):
        parts += text(676, y, count, SMALL, "end")
    parts += text(676, 454, "parameters", SMALL, "end", bold=True)
    description = """
        Bottom to top. Ten ids of categories become ten vectors of eight numbers, rows of a table with 2512 parameters.
        With five numbers they lie side by side, 85 in all. Three ReLU layers with dropout follow, of 128, 64 and 32
        neurons, with 11008, 8256 and 2080 parameters, and the logit with 33.
    """
    return svg("The network of the census, layer by layer", description, 500, parts)


def dropout():
    """Two training steps and a prediction, of five neurons."""
    parts = []
    for left, title, out, first, second in (
        (16, "A training step", (1,), "one is left out,", "the others × 1.25"),
        (252, "The next step", (3,), "another one is out,", "the others × 1.25"),
        (488, "Prediction", (), "none is left out,", "each as it is"),
    ):
        parts += panel(left, 16, 216, 252, title)
        for i in range(5):
            x = left + 28 + 40 * i
            if i not in out:
                parts += line(x, 172, left + 108, 86, colour=DEEP, thick=2)
            parts += dot(x, 172, EDGE if i in out else DEEP, radius=13)
        parts += dot(left + 108, 80, DEEP, radius=13)
        parts += text(left + 108, 216, first, SMALL) + text(left + 108, 242, second, SMALL)
    description = """
        Three panels with five neurons and one neuron of the next layer above them. In a training step the second of the
        five is pale and has no line to the next layer; the other four count 1.25 times. In the next step it is the
        fourth. In prediction all five are joined to it, each as it is.
    """
    return svg("Dropout leaves neurons out, in training only", description, 284, parts)


def mean_of_words():
    """A title becomes ids, rows of the table, and their mean; the ids are notebook 3's."""
    parts = text(70, 34, "title", SMALL, bold=True) + text(214, 34, "words, ids", SMALL, bold=True)
    parts += text(424, 34, "the table", SMALL, bold=True) + text(596, 206, "mean", SMALL, bold=True)
    parts += box(16, 150, 110, 44, "jazz map")
    table = []
    for row in range(9):
        on = row in (6, 7)
        table += [(368 + 28 * column, 56 + 28 * row, 28, 28, "", DEEP, on) for column in range(4)]
        parts += text(350, 70 + 28 * row, str(row), SMALL, bold=on)
    for word, of, y in (("jazz", 6, 132), ("map", 7, 212)):
        parts += arrow((126, 172), (166, y)) + box(166, y - 22, 96, 44, f"{word}: {of}")
        parts += arrow((262, y), (338, 70 + 28 * of))
        parts += arrow((480, 70 + 28 * of), (540, 238 + 14 * (of - 6)), colour=DEEP)
    table += [(540 + 28 * column, 231, 28, 28, "", DEEP, True) for column in range(4)]
    parts += arrow((652, 245), (700, 245)) + text(672, 278, "layers", SMALL)
    description = """
        From left to right: the title jazz map is cut into its two words, whose ids are 6 and 7. Each id takes its row
        of the table, four numbers. The mean of the two rows, again four numbers, goes on to the layers, whatever the
        number of words.
    """
    return svg("A text becomes the mean of its words' vectors", description, 326, parts + cells(*table))


def planted():
    """The table of users and apps, with exceptions and gaps: a part of notebook 3's, drawn as a sketch."""
    left, top, size = 156, 92, 40
    exceptions, gaps = {(1, 2), (5, 1), (6, 6)}, {(0, 5), (2, 1), (3, 7), (4, 3), (5, 5), (6, 0), (7, 4), (2, 6)}
    parts, table = [], []
    for i in range(8):
        table.append((left - 36, top + size * i, 28, size, "", DEEP, True))
        table.append((left + size * i, top - 36, size, 28, "", DEEP, True))
        for j in range(8):
            fits, odd, x, y = (i < 4) == (j < 4), (i, j) in exceptions, left + size * j, top + size * i
            parts += rectangle(x, y, size, size, TINT[GREY] if fits else CARD, EDGE, radius=0)
            if (i, j) in gaps:
                parts += text(x + size / 2, y + size / 2, "?", SMALL)
            elif odd:
                table.append((x, y, size, size, "0.1" if fits else "0.8", WIDE, True))
    for k, taste in enumerate(("music", "travel")):
        middle = 2 * size + 4 * size * k
        parts += text(left + middle, 36, f"apps: {taste}", SMALL)
        parts += text(106, top + middle - 11, "users:", SMALL, "end") + text(
            106, top + middle + 11, taste, SMALL, "end"
        )
    for y, fill, stroke, lines in (
        (88, TINT[GREY], EDGE, ("they fit: 0.8",)),
        (126, CARD, EDGE, ("they do not: 0.1",)),
        (164, TINT[WIDE], WIDE, ("an exception:", "a weight of its own", "can hold it")),
        (292, TINT[DEEP], DEEP, ("a place for each", "user and each app:", "all there is to say", "about a “?”")),
    ):
        parts += rectangle(502, y, 24, 24, fill, stroke, radius=0)
        for i, string in enumerate(lines):
            parts += text(536, y + 12 + 22 * i, string, SMALL, "start")
    parts += text(514, 254, "?", SMALL) + text(536, 254, "never shown", SMALL, "start")
    description = """
        A table of eight users and eight apps, half of them music, half travel. Where the tastes fit the cells are grey,
        0.8, elsewhere white, 0.1. Three cells are orange, exceptions with the other number. Eight have a question mark:
        they were never shown. Blue cells at the edge stand for the place of each user and each app.
    """
    return svg("Exceptions and gaps in a table of tastes", description, 430, parts + cells(*table))


FIGURES = [
    lookup,
    places,
    tiny_network,
    quantile_groups,
    neuron,
    tiny_lookup,
    tiny_hidden,
    tiny_logit,
    census_network,
    dropout,
    mean_of_words,
    planted,
]

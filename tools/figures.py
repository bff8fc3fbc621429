"""The drawings that explain: SVG files in notebooks/images/, the same to the byte wherever they are made.

    python tools/figures.py        writes all of them

Each function of the second part draws one and is named like its file. To add one, write such a function and put it into
FIGURES. A drawing stands on a light card of its own, since a picture in a page cannot know whether that page is dark.
"""

import math
import pathlib
from xml.sax.saxutils import escape

IMAGES = pathlib.Path(__file__).resolve().parent.parent / "notebooks" / "images"

WIDTH = 720
WIDE, DEEP, JOINT, GREY = "#D55E00", "#0072B2", "#009E73", "#7F7F7F"  # GREY: what is none of ours
TINT = {WIDE: "#FBE6D9", DEEP: "#DCEBF5", JOINT: "#D9F0E9", GREY: "#EDEDED"}
INK, LINE, CARD, EDGE = "#222222", "#555555", "#FFFFFF", "#C8C8C8"
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
LARGE, SMALL = 19, 17

# The numbers in the two drawings of a model: the paper's figure 4, and the helpers' model of the census data.
STORE = {"dimension": 32, "side_by_side": "about 1200", "units": (1024, 512, 256)}
ADULT = {"wide_ids": 78, "categories": 10, "numbers": 5, "dimension": 8, "side_by_side": "85", "units": (128, 64, 32)}


# ------------------------------------------------------------------------------------------ pieces of a drawing


def number(value):
    """A coordinate with at most one decimal, so that no last digit differs between machines."""
    return f"{round(value, 1):g}"


def signed(value):
    """A whole number with the sign of print."""
    return f"{value}".replace("-", "−")


def text(x, y, string, size=LARGE, anchor="middle", bold=False, colour=INK):
    """One line of text whose middle is at the height y."""
    weight = ' font-weight="bold"' if bold else ""
    place = f'x="{number(x)}" y="{number(y + 0.35 * size)}" font-size="{size}" text-anchor="{anchor}"'
    return [f'<text {place} fill="{colour}"{weight}>{escape(string)}</text>']


def rectangle(x, y, width, height, fill, stroke, radius=6, thick=1.5):
    place = f'x="{number(x)}" y="{number(y)}" width="{number(width)}" height="{number(height)}"'
    return [f'<rect {place} rx="{radius}" fill="{fill}" stroke="{stroke}" stroke-width="{thick}"/>']


def box(x, y, width, height, lines, colour=GREY):
    """A tinted box with its lines in the middle; the first line is bold."""
    first, *rest = lines.split("\n")
    step = 22
    top = y + height / 2 - step * len(rest) / 2
    drawn = rectangle(x, y, width, height, TINT[colour], colour)
    drawn += text(x + width / 2, top, first, bold=True)
    for i, line in enumerate(rest, start=1):
        drawn += text(x + width / 2, top + step * i, line, size=SMALL)
    return drawn


def panel(x, y, width, height, title, colour=EDGE):
    """An open frame around a group, with its title, if any, inside at the top."""
    frame = rectangle(x, y, width, height, CARD, colour, radius=10)
    return frame + text(x + width / 2, y + 20, title, bold=True) if title else frame


def cells(*those):
    """Cells of a table: x, y, width, height, string, colour, and whether it is on, so coloured and bold.

    Those that are on are drawn last, so that no neighbour's edge lies on theirs.
    """
    drawn = []
    for x, y, width, height, string, colour, on in sorted(those, key=lambda cell: bool(cell[-1])):
        fill, stroke = (TINT[colour], colour) if on else (CARD, EDGE)
        drawn += rectangle(x, y, width, height, fill, stroke, radius=0)
        drawn += text(x + width / 2, y + height / 2, string, bold=on) if string else []
    return drawn


def line(x1, y1, x2, y2, colour=LINE, thick=1.5):
    place = f'x1="{number(x1)}" y1="{number(y1)}" x2="{number(x2)}" y2="{number(y2)}"'
    return [f'<line {place} stroke="{colour}" stroke-width="{thick}"/>']


def head(x, y, dx, dy, colour):
    """The head of an arrow that ends at (x, y) and comes along (dx, dy)."""
    length = math.hypot(dx, dy)
    dx, dy = dx / length, dy / length
    corners = [(x, y), (x - 10 * dx - 5 * dy, y - 10 * dy + 5 * dx), (x - 10 * dx + 5 * dy, y - 10 * dy - 5 * dx)]
    points = " ".join(f"{number(a)},{number(b)}" for a, b in corners)
    return [f'<polygon points="{points}" fill="{colour}"/>']


def arrow(*points, colour=LINE, thick=2, dashed=False, both=False):
    """An arrow along the points, with a head at the last one, or at `both` ends."""
    (ax, ay), (bx, by) = points[-2:]
    length = math.hypot(bx - ax, by - ay)
    inner = [*points[:-1], (bx - 6 * (bx - ax) / length, by - 6 * (by - ay) / length)]
    heads = head(bx, by, bx - ax, by - ay, colour)
    if both:
        (ax, ay), (bx, by) = points[:2]
        length = math.hypot(bx - ax, by - ay)
        inner[0] = (ax + 6 * (bx - ax) / length, ay + 6 * (by - ay) / length)
        heads += head(ax, ay, ax - bx, ay - by, colour)
    along = " ".join(f"{number(x)},{number(y)}" for x, y in inner)
    dashes = ' stroke-dasharray="6 4"' if dashed else ""
    return [f'<polyline points="{along}" fill="none" stroke="{colour}" stroke-width="{thick}"{dashes}/>', *heads]


def dot(x, y, colour, radius=8):
    return [f'<circle cx="{number(x)}" cy="{number(y)}" r="{radius}" fill="{colour}"/>']


def all_to_all(lower, upper, colour):
    """Thin lines from each point to each other, as between two layers."""
    return [part for a in lower for b in upper for part in line(*a, *b, colour=colour, thick=1)]


def svg(title, description, height, parts):
    """The whole file: a card, and a title and a description for those who cannot see it."""
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    opening = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-labelledby="title desc" font-family="{FONT}">',
        f'<title id="title">{escape(title)}</title>',
        f'<desc id="desc">{escape(" ".join(description.split()))}</desc>',
        *rectangle(1, 1, WIDTH - 2, height - 2, CARD, EDGE, radius=12),
    ]
    return "\n".join([*opening, *parts, "</svg>"]) + "\n"


# ------------------------------------------------------------------------------------------ the drawings


def spectrum():
    """The paper's figure 1."""
    output, second, first, vectors, features = 92, 150, 208, 266, 330
    parts = []
    for y, label in ((output, "output"), (179, "hidden layers"), (vectors, "embeddings"), (features, "features")):
        parts += text(16, y, label, size=SMALL, anchor="start")
    wide, joint, deep = 215, 410, 605
    for middle, title in ((wide, "Wide"), (joint, "Wide & Deep"), (deep, "Deep")):
        parts += text(middle, 34, title, bold=True)

    for i in range(7):
        parts += line(wide - 78 + 26 * i, features, wide, output, colour=WIDE)
    for i in range(3):
        parts += line(joint - 78 + 26 * i, features, joint, output, colour=WIDE)

    for middle, columns, lower, upper, colour in (
        (joint, [13, 65], [14, 40, 66], [26, 54], JOINT),
        (deep, [-60, 0, 60], [-68, -34, 0, 34, 68], [-51, -17, 17, 51], DEEP),
    ):
        hidden, last = [(middle + x, first) for x in lower], [(middle + x, second) for x in upper]
        parts += all_to_all([(middle + x, vectors) for x in columns], hidden, DEEP)
        parts += all_to_all(hidden, last, DEEP) + all_to_all(last, [(middle, output)], DEEP)
        for x in columns:
            for side in (-13, 13):
                parts += line(middle + x + side, features, middle + x, vectors, colour=DEEP)
                parts += dot(middle + x + side, features, GREY)
            for i in (-1, 0, 1):
                parts += rectangle(middle + x - 6 + 12 * i, vectors - 8, 12, 16, TINT[DEEP], DEEP, radius=0)
        for x, y in hidden + last:
            parts += dot(x, y, DEEP)
        parts += dot(middle, output, colour, radius=11)

    parts += dot(wide, output, WIDE, radius=11)
    for i in range(7):
        parts += dot(wide - 78 + 26 * i, features, GREY)
    for i in range(3):
        parts += dot(joint - 78 + 26 * i, features, GREY)
    parts += arrow((330, 378), (490, 378), both=True)
    parts += text(wide, 378, "memorises", colour=INK) + text(deep, 378, "generalises", colour=INK)
    description = """
        Three networks side by side. Wide: every feature is joined straight to the output. Deep: features become
        embeddings, go through two hidden layers, and then reach the output. Wide and deep, between them: some
        features are joined straight to the output, others go the deep way to the same output.
    """
    return svg("Wide, wide and deep, deep", description, 406, parts)


def recommender():
    """The paper's figure 2."""
    parts = box(20, 80, 110, 80, "Visitor\nopens\nthe store")
    parts += box(200, 80, 150, 80, "Retrieval\nsome hundred\ncandidates")
    parts += box(415, 80, 140, 80, "Ranking\nsorts them by\nP(install | x)", JOINT)
    parts += box(610, 80, 90, 80, "Page\nthe first\nten")
    parts += arrow((130, 120), (200, 120)) + text(164, 106, "query", size=SMALL)
    parts += arrow((350, 120), (415, 120)) + arrow((555, 120), (610, 120))
    parts += arrow((655, 80), (655, 40), (75, 40), (75, 80)) + text(380, 24, "what the visitor sees", size=SMALL)

    parts += box(205, 250, 140, 80, "All apps\nmore than\na million")
    parts += box(415, 250, 140, 80, "Training\na new model\nfrom the log", JOINT)
    parts += box(610, 250, 90, 80, "Log\nshown,\ninstalled")
    parts += arrow((275, 250), (275, 160)) + arrow((485, 250), (485, 160)) + text(492, 205, "model", SMALL, "start")
    parts += arrow((655, 160), (655, 250)) + text(648, 205, "answers", SMALL, "end")
    parts += arrow((610, 290), (555, 290))
    description = """
        A loop. A visitor's query goes to retrieval, which picks some hundred candidates out of more than a million
        apps. Ranking sorts them by the probability of an install, and the first ten make the page that the visitor
        sees. The page and the visitor's answers go into a log, training makes a new model from the log, and ranking
        uses it.
    """
    return svg("Retrieval and ranking", description, 352, parts)


def pipeline():
    """The paper's figure 3."""
    columns = {"Data": 16, "Training": 254, "Serving": 492}
    parts = []
    for title, x in columns.items():
        parts += panel(x, 16, 212, 356, title)
    left, middle, right = (x + 16 for x in columns.values())
    parts += box(left, 56, 180, 76, "Store's log\napps shown, with\ninstalled or not")
    parts += box(left, 168, 180, 76, "Vocabularies\nstring to id,\nnumber to quantile")
    parts += box(left, 280, 180, 76, "Training rows\nids, numbers, label")
    parts += box(middle, 280, 180, 76, "Training\nboth parts jointly,\none loss", JOINT)
    parts += box(middle, 168, 180, 76, "Previous model\nvectors and\nlinear weights", JOINT)
    parts += box(right, 280, 180, 76, "Gate\ndry run against the\nprevious model")
    parts += box(right, 168, 180, 76, "Servers\nscore candidates,\nsome milliseconds", JOINT)
    parts += box(right, 56, 180, 76, "App store\nshows the first")
    parts += arrow((left + 90, 132), (left + 90, 168)) + arrow((left + 90, 244), (left + 90, 280))
    parts += arrow((left + 180, 318), (middle, 318)) + arrow((middle + 180, 318), (right, 318))
    parts += arrow((right + 90, 280), (right + 90, 244)) + arrow((right + 90, 168), (right + 90, 132))
    parts += arrow((right, 206), (middle + 180, 206))
    parts += arrow((middle + 90, 244), (middle + 90, 280)) + text(middle + 98, 262, "warm start", SMALL, "start")
    parts += arrow((right, 94), (left + 180, 94)) + text(middle + 90, 80, "the next day", SMALL)
    description = """
        Three columns. Data: the log of the store gives vocabularies and quantiles, and with them training rows of
        ids, numbers and a label. Training: the rows train both parts jointly, and training starts warm, from the
        previous model's vectors and linear weights. Serving: the new model passes a gate, servers score candidates
        with it, the app store shows the first of them, and what happens goes into the log of the next day.
    """
    return svg("From the log to the server and back", description, 388, parts)


def model(title, description, wide, deep, side_by_side, units, top):
    """A wide and deep model with its shapes, from the inputs at the bottom to the probability at the top.

    wide: title, input and lookup of the wide part. deep: its title and, for each kind of input, input and lookup.
    """
    left, right = 122, 474
    parts = panel(16, 120, 212, 466, "", WIDE) + panel(244, 120, 460, 466, "", DEEP)
    parts += text(left, 567, wide[0], bold=True) + text(right, 567, deep[0], bold=True)
    parts += box(16, 16, 688, 72, top, JOINT)
    parts += box(32, 482, 180, 68, wide[1]) + box(32, 388, 180, 68, wide[2], WIDE) + arrow((left, 482), (left, 456))
    parts += arrow((left, 388), (left, 88), colour=WIDE) + text(left + 10, 250, "wide logit", SMALL, "start")

    width = (428 - 8 * (len(deep) - 2)) / (len(deep) - 1)
    for i, (source, lookup) in enumerate(deep[1:]):
        x = 260 + i * (width + 8)
        parts += box(x, 482, width, 68, source) + box(x, 388, width, 68, lookup, DEEP)
        parts += arrow((x + width / 2, 482), (x + width / 2, 456)) + arrow((x + width / 2, 388), (x + width / 2, 366))
    parts += box(260, 332, 428, 34, f"side by side: {side_by_side} numbers", DEEP)
    below = 332
    for n, (y, half) in zip(units, ((270, 180), (208, 130), (146, 98)), strict=True):
        parts += box(right - half, y, 2 * half, 34, f"ReLU layer: {n}", DEEP)
        parts += arrow((right, below), (right, y + 34))
        below = y
    parts += arrow((right, 146), (right, 88), colour=DEEP)
    parts += text(right + 10, 104, "deep logit", SMALL, "start")
    return svg(title, description, 602, parts)


def store_model():
    """The paper's figure 4."""
    dimension, units = STORE["dimension"], STORE["units"]
    wide = (
        "Wide: FTRL, L1",
        "a cross\ninstalled app AND\nimpression app",
        "one weight\na pair of apps,\nadded up",
    )
    deep = (
        "Deep: AdaGrad",
        ("apps\ninstalled", f"vector\nof {dimension}"),
        ("app\nshown", f"vector\nof {dimension}"),
        ("visitor\ncountry …", f"vectors\nof {dimension}"),
        ("numbers\nage …", "0 to 1\nquantiles"),
    )
    top = "σ ( wide logit + deep logit + one bias ) = P(install)\none logistic loss trains both parts"
    description = f"""
        Bottom to top. Left, the wide part: each pair of an installed app and the app shown has one weight; a row's
        weights are added up. Right, the deep part: installed apps, the app shown and what is known of the visitor
        become vectors of {dimension} numbers; with the numbers, as quantiles, they lie side by side,
        {STORE["side_by_side"]} in all, and go through ReLU layers of {units[0]}, {units[1]} and {units[2]}. At the
        top both logits and one bias are added, and the sigmoid makes the probability of an install.
    """
    return model("The app store's model", description, wide, deep, STORE["side_by_side"], units, top)


def adult_model():
    """The helpers' joint model of the census data, with the shapes of notebooks 2 to 4."""
    n_ids, n_categories, n_numbers = ADULT["wide_ids"], ADULT["categories"], ADULT["numbers"]
    dimension, units = ADULT["dimension"], ADULT["units"]
    wide = (
        "Wide part",
        f"wide_ids\n(rows, {n_ids})\ncolumns and pairs",
        f"{n_ids} weights\none for each id,\nadded up",
    )
    deep = (
        "Deep part",
        (f"deep_ids\n(rows, {n_categories}, 1)\ncategories", f"{n_categories} vectors\nof {dimension} numbers"),
        (f"numbers\n(rows, {n_numbers})\nas quantiles", f"{n_numbers} numbers\nstraight on"),
    )
    top = "σ ( wide logit + deep logit + one bias ) = P(rich)\none log loss trains both parts"
    total = f"{n_categories} · {dimension} + {n_numbers} = {ADULT['side_by_side']}"
    description = f"""
        Bottom to top. Left, the wide part: {n_ids} ids a row, for columns and pairs of columns, each with one weight,
        added up. Right, the deep part: {n_categories} categories become vectors of {dimension} numbers; with
        {n_numbers} numbers they lie side by side, {ADULT["side_by_side"]} in all, and go through ReLU layers of
        {units[0]}, {units[1]} and {units[2]}. At the top both logits and one bias are added, and the sigmoid makes
        the probability.
    """
    return model("The model of the census data, with its shapes", description, wide, deep, total, units, top)


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


def one_error():
    """How the error reaches the parts: joint training beside an ensemble."""
    parts = panel(16, 16, 336, 386, "Joint training") + panel(368, 16, 336, 386, "Ensemble")
    parts += box(40, 72, 288, 120, "p = σ(wide + deep + b)\none loss of p\nand the label y", JOINT)
    parts += box(40, 282, 132, 44, "Wide part", WIDE) + box(196, 282, 132, 44, "Deep part", DEEP)
    for x in (40, 196):
        parts += arrow((x + 28, 282), (x + 28, 192)) + text(x + 36, 212, "logit", SMALL, "start")
        parts += arrow((x + 104, 192), (x + 104, 282), colour=JOINT, thick=3)
        parts += text(x + 96, 262, "p − y", anchor="end", bold=True)
    for y, sentence in ((344, "The same error reaches both."), (366, "What one part explains,")):
        parts += text(184, y, sentence, SMALL)
    parts += text(184, 388, "the other need not learn.", SMALL)

    parts += box(412, 52, 248, 46, "mean of the two p\nafter training")
    for x, name, colour in ((384, "wide", WIDE), (544, "deep", DEEP)):
        parts += box(x, 128, 144, 64, f"p = σ({name})\nits own loss", colour)
        parts += box(x, 282, 144, 44, f"{name.capitalize()} model", colour)
        parts += arrow((x + 72, 128), (x + 72, 98))
        parts += arrow((x + 28, 282), (x + 28, 192)) + text(x + 36, 212, "logit", SMALL, "start")
        parts += arrow((x + 116, 192), (x + 116, 282), colour=colour, thick=3)
        parts += text(x + 108, 262, "p − y", anchor="end", bold=True)
    parts += text(536, 352, "Each has its own error", SMALL) + text(536, 376, "and knows nothing of the other.", SMALL)
    description = """
        Left, joint training: the wide and the deep part send their logits into one probability p with one loss, and
        the same error, p minus y, comes back to both. Right, an ensemble: each model has its own probability, its own
        loss and its own error; the two probabilities are averaged after training.
    """
    return svg("One error for both parts, or one for each model", description, 418, parts)


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


def parameter_servers():
    """Tables in pieces on servers, rows with the workers."""
    parts = []
    servers, workers = (150, 420), (40, 265, 490)
    for x, half in zip(servers, ("even ids", "odd ids"), strict=True):
        parts += panel(x - 50, 16, 250, 132, "Server")
        parts += box(x - 38, 52, 108, 52, "weights\nand slots", WIDE)
        parts += box(x + 80, 52, 108, 52, "vectors\nand slots", DEEP)
        parts += text(x + 75, 126, half, SMALL)
    for x in workers:
        parts += box(x, 262, 190, 64, "Worker\na batch of rows")
        for server in servers:
            parts += arrow((x + 95 + (server - 285) / 8, 262), (server + 75 + (x - 265) / 8, 148), both=True)
    parts += text(360, 354, "Down: the table's rows for the ids of the batch. Up: their gradients.", SMALL)
    parts += text(360, 378, "No worker waits for another.", SMALL)
    description = """
        Two servers at the top hold half of the ids each, one the even and one the odd: weights of the wide
        part, vectors of the deep part, and the optimizer's slots of both. Three workers at the bottom have
        batches of their own rows. Each is joined to both servers: it fetches the table's rows for the ids of
        its batch and sends their gradients back, without waiting for another.
    """
    return svg("Parameter servers and workers", description, 402, parts)


def life():
    """What happens to a model after its first training."""
    left, middle, right = 20, 270, 520
    parts = box(left, 28, 180, 80, "Training\nboth parts jointly", JOINT)
    parts += box(middle, 28, 180, 80, "Export\nfeatures, network\nin one folder", JOINT)
    parts += box(right, 28, 180, 80, "Gate\ndry run against the\nmodel that serves")
    parts += box(right, 280, 180, 80, "Serving\nraw columns in,\nprobabilities out", JOINT)
    parts += box(middle, 280, 180, 80, "A new day\nnew rows,\nnew values")
    parts += box(left, 280, 180, 80, "Warm start\nold ids, weights\nand slots are kept", JOINT)
    parts += arrow((left + 180, 68), (middle, 68)) + arrow((middle + 180, 68), (right, 68))
    parts += arrow((right + 140, 108), (right + 140, 280)) + text(right + 132, 236, "passes", SMALL, "end")
    parts += box(middle, 160, 180, 60, "Rejected\nthe old one stays")
    parts += arrow((right + 40, 108), (right + 40, 190), (middle + 180, 190))
    parts += text(right + 48, 150, "fails", SMALL, "start")
    parts += arrow((right, 320), (middle + 180, 320)) + arrow((middle, 320), (left + 180, 320))
    parts += arrow((left + 90, 280), (left + 90, 108))
    description = """
        A loop. Training makes a model. Export puts its features and its network into one folder. A gate compares it
        with the model that serves: if it fails, the old one serves on; if it passes, it serves. A new day brings new
        rows and new values. A warm start keeps the old ids, weights and optimizer slots, and training goes on.
    """
    return svg("The life of a model", description, 388, parts)


def factors():
    """A table of pairs as a tall table times a flat one."""
    user, app, n = (1, -1, 0, 2), (2, 1, 0, 1), 6
    row, column, size = 1, 3, 34
    left, middle, top, below = 64, 250, 52, 238
    never_shown = {(0, 4), (row, column), (2, 0), (3, 5), (4, 1), (4, 2), (5, 3)}
    product = signed(sum(a * b for a, b in zip(user, app, strict=True)))
    parts, table = [], [(middle + size * column, below + size * row, size, size, product, DEEP, True)]
    for i in range(n):
        for f, value in enumerate(user):
            string = signed(value) if i == row else ""
            table.append((left + size * f, below + size * i, size, size, string, DEEP, i == row))
            string = signed(app[f]) if i == column else ""
            table.append((middle + size * i, top + size * f, size, size, string, DEEP, i == column))
        for j in range(n):
            fill = CARD if (i, j) in never_shown else TINT[WIDE]
            parts += rectangle(middle + size * j, below + size * i, size, size, fill, EDGE, radius=0)
    parts += cells(*table)
    parts += text(left + 2 * size, below - 22, "users: 6 × 4", bold=True)
    parts += text(middle + 3 * size, top - 22, "apps: 4 × 6", bold=True)
    parts += text(middle + 3 * size, below - 22, "pairs: 6 × 6", bold=True)

    x = middle + size * n + 20
    for y, fill, stroke, lines in (
        (below - 74, TINT[DEEP], DEEP, ("trained numbers,", "four for each user", "and for each app")),
        (below + 12, TINT[WIDE], EDGE, ("pair in the log: the", "wide model's weight")),
        (below + 76, CARD, EDGE, ("never shown: a gap",)),
        (below + 118, TINT[DEEP], DEEP, ("a gap filled by", "row times column:", f"2 − 1 + 0 + 2 = {product}")),
    ):
        parts += rectangle(x, y, 22, 22, fill, stroke, radius=0)
        for i, string in enumerate(lines):
            parts += text(x + 32, y + 11 + 22 * i, string, SMALL, "start")
    description = """
        A tall blue table has a row of four numbers for each of six users, a flat blue one a column of four numbers
        for each of six apps. Beside the one and under the other stands the table of their 36 pairs. Most of its cells
        are orange, pairs in the log, and seven were never shown. One of these gaps is filled: the user's row 1, -1,
        0, 2 times the app's column 2, 1, 0, 1 is 3.
    """
    return svg("A table of pairs is a tall table times a flat one", description, 462, parts)


def identity():
    """Rendle's identity as a square of products; the vectors are notebook 5's."""
    vectors, size, top = ((1, 2), (3, 0), (-1, 1)), 50, 128
    products = [[sum(a * b for a, b in zip(v, w, strict=True)) for w in vectors] for v in vectors]
    names = ("v₁", "v₂", "v₃")
    given = ",   ".join(f"{name} = ({signed(a)}, {signed(b)})" for name, (a, b) in zip(names, vectors, strict=True))
    parts, table, sums = text(360, 34, given), [], []
    for left, title, formula, kept in (
        (64, "whole", "(v₁ + v₂ + v₃)²", lambda i, j: True),
        (292, "diagonal", "v₁² + v₂² + v₃²", lambda i, j: i == j),
        (546, "triangle", "v₁v₂ + v₁v₃ + v₂v₃", lambda i, j: i < j),
    ):
        sums.append(sum(products[i][j] for i in range(3) for j in range(3) if kept(i, j)))
        parts += text(left + 1.5 * size, top - 54, title, bold=True)
        for i, name in enumerate(names):
            parts += text(left + size * (i + 0.5), top - 16, name, SMALL)
            parts += text(left - 16, top + size * (i + 0.5), name, SMALL) if title == "whole" else []
            for j, product in enumerate(products[i]):
                string = signed(product) if kept(i, j) else ""
                table.append((left + size * j, top + size * i, size, size, string, GREY, kept(i, j)))
        parts += text(left + 1.5 * size, top + 3 * size + 28, formula, SMALL)
        parts += text(left + 1.5 * size, top + 3 * size + 58, signed(sums[-1]), bold=True)
    parts += text(253, top + 1.5 * size, "minus", SMALL) + text(494, top + 1.5 * size, "halved:", SMALL)
    parts += text(30, top + 3 * size + 58, "(") + text(253, top + 3 * size + 58, "−")
    parts += text(494, top + 3 * size + 58, ") / 2   =")
    parts += cells(*table)
    parts += text(360, 376, "The whole holds each pair twice, on both sides of the diagonal: v₁v₂ = v₂v₁.", SMALL)
    parts += text(360, 402, "So it is with n vectors: n × n products, n of them on the diagonal.", SMALL)
    description = f"""
        Three squares of the products of three vectors with each other. The whole square adds up to {sums[0]}: it is
        the square of the sum of the vectors. The diagonal, each vector with itself, adds up to {sums[1]}. The whole
        minus the diagonal, halved, is the triangle above the diagonal, which holds each pair once: {sums[2]}.
    """
    return svg("Rendle's identity: the whole minus the diagonal, halved", description, 424, parts)


def joins():
    """What is done with the same vectors: a product, layers, or both."""
    ids, lookups, join, top = 316, 220, 126, 56
    parts = []
    for x, width, title, colour in ((16, 206, "FM", GREY), (230, 144, "Deep", DEEP), (382, 322, "DeepFM", GREY)):
        left, right = x + 10, x + width - 10
        parts += panel(x, 16, width, 356, title)
        parts += box(left, top, right - left, 36, "logit → P", colour) + box(left, ids, right - left, 40, "ids")
        if title != "Deep":
            parts += box(left, lookups, 90, 60, "weights\none an id", WIDE) + arrow((left + 45, ids), (left + 45, 280))
            parts += arrow((left + 45, lookups), (left + 45, top + 36), colour=WIDE)
            left += 96
        parts += box(left, lookups, right - left, 60, "vectors\none an id", DEEP)
        parts += arrow(((left + right) / 2, ids), ((left + right) / 2, 280))
        joined = {"FM": ["product"], "Deep": ["layers"], "DeepFM": ["product", "layers"]}[title]
        each = (right - left - 6 * (len(joined) - 1)) / len(joined)
        for i, name in enumerate(joined):
            middle, of = left + (each + 6) * i + each / 2, DEEP if name == "layers" else GREY
            parts += box(middle - each / 2, join, each, 60, f"{name}\n{'learned' if of == DEEP else 'of pairs'}", of)
            parts += arrow((middle, lookups), (middle, join + 60))
            parts += arrow((middle, join), (middle, top + 36), colour=of)
    description = """
        Three models side by side, from the ids of a row at the bottom to the probability at the top. The factorization
        machine looks up a weight and a vector for each id, and adds the weights and the products of all pairs of
        vectors. The deep model looks up vectors only and sends them through layers, which are learned. DeepFM
        looks up both, and sends the same vectors into products and into layers; the three results are added.
    """
    return svg("The same vectors: a product, layers, or both", description, 388, parts)


FIGURES = [
    spectrum,
    recommender,
    pipeline,
    store_model,
    adult_model,
    lookup,
    cross,
    one_error,
    factors,
    identity,
    joins,
    leave_one_out,
    parameter_servers,
    life,
]


def drawings():
    """File name → content, of every drawing."""
    return {f"{figure.__name__}.svg": figure() for figure in FIGURES}


if __name__ == "__main__":
    for name, content in drawings().items():
        (IMAGES / name).write_text(content, encoding="utf-8", newline="\n")
        print(IMAGES.name, name, sep="/")

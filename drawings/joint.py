"""Drawings of notebook 4: joint training."""

import math

from drawings.models import LYING, lying, model
from drawings.pieces import (
    CARD,
    DEEP,
    EDGE,
    GREY,
    INK,
    JOINT,
    SMALL,
    TINT,
    WIDE,
    all_to_all,
    arrow,
    box,
    cells,
    curve,
    dot,
    line,
    panel,
    rectangle,
    signed,
    svg,
    text,
)
from recommender.datasets.planted import planted_log

# The numbers of the helpers' model of the census data.
ADULT = {"wide_ids": 78, "categories": 10, "numbers": 5, "dimension": 8, "side_by_side": "85", "units": (128, 64, 32)}


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


def _building(title, description, now, before, comes_out):
    """One step of building the census model, with the shape that comes out of it."""
    parts = lying(ADULT, now, before)
    parts += text(360, 276, f"What comes out of the filled part: {comes_out}", SMALL)
    return svg(title, description, 300, parts)


def build_wide():
    """The first step: the wide part."""
    description = f"""
        The census model on its side, from its inputs on the left to the logit on the right. Only the wide part is
        filled: {ADULT["wide_ids"]} ids a row look up {ADULT["wide_ids"]} weights, which are added up. One number a
        row comes out. The deep part is still pale.
    """
    return _building("Building the wide part", description, ("wide_ids", "weights"), (), "one number a row")


def build_vectors():
    """The second step: vectors and numbers side by side."""
    now = ("deep_ids", "vectors", "numbers", "beside")
    description = f"""
        The same model. The wide part is built. Filled now: {ADULT["categories"]} categories look up vectors of
        {ADULT["dimension"]} numbers each, and the {ADULT["numbers"]} numbers of the row stand beside them. So
        {ADULT["side_by_side"]} numbers a row come out. The hidden layers and the logit are still pale.
    """
    comes_out = f"{ADULT['side_by_side']} numbers a row"
    return _building("Building the vectors", description, now, ("wide_ids", "weights"), comes_out)


def build_hidden():
    """The third step: the hidden layers."""
    now, units = ("hidden_1", "hidden_2", "hidden_3"), ADULT["units"]
    before = [name for name in LYING if name not in (*now, "logit")]
    description = f"""
        The same model. The wide part and the vectors are built. Filled now: three hidden layers, each smaller than
        the one before, of {units[0]}, {units[1]} and {units[2]} units. The last one gives {units[2]} numbers a row.
        The logit is still pale.
    """
    return _building("Building the hidden layers", description, now, before, f"{units[2]} numbers a row")


def build_sum():
    """The last step: the sum."""
    description = """
        The same model, and now all of it is built. Filled is the last box only: it adds the wide logit, the deep
        logit and one bias. From the wide part one number a row arrives, from the deep part another, and one number a
        row comes out.
    """
    before = [name for name in LYING if name != "logit"]
    return _building("Building the sum", description, ("logit",), before, "one number a row, the logit")


def sum_of_one_row():
    """Equation 3 for the first of the four people."""
    wide, deep, probability = -0.58, -0.27, 0.30

    def place(logit, p):
        return 390 + 150 * logit, 220 - 190 * p

    (left, base), (right, top) = place(-2, 0), place(2, 1)
    logit = wide + deep
    parts = line(left, base, right, base) + line(left, base, left, top)
    parts += curve([place(z / 20, 1 / (1 + math.exp(-z / 20))) for z in range(-40, 41)], JOINT, 3)
    for p in (0, 1):
        parts += text(left - 12, place(0, p)[1], f"{p}", SMALL, "end")
    x, y = place(logit, probability)
    parts += arrow((x, base), (x, y), (left, y), colour=JOINT)
    parts += dot(x, y, JOINT, 6) + text(left - 12, y, f"{probability:.2f}", anchor="end", bold=True)
    parts += text(right, 120, "probability σ(logit)", SMALL, "end")
    middle = place(wide, 0)[0]
    for z in range(-1, 3):
        parts += text(place(z, 0)[0], base + 18, signed(z), SMALL)
    parts += arrow((place(0, 0)[0], 268), (middle, 268), colour=WIDE, thick=4)
    parts += arrow((middle, 300), (x, 300), colour=DEEP, thick=4)
    parts += text(place(0, 0)[0] + 12, 268, f"wide {wide}".replace("-", "−"), anchor="start", bold=True)
    parts += text(middle + 12, 300, f"deep + b {deep}".replace("-", "−"), anchor="start", bold=True)
    parts += text(x - 12, 300, f"logit {logit:.2f}".replace("-", "−"), anchor="end", bold=True)
    description = f"""
        A curve rises from 0 to 1, the sigmoid. Below it the logit of one person is put together: from 0 the wide sum
        goes {-wide} to the left, and from there the deep sum with the bias goes {-deep} further to the left. At that
        logit, {-logit:.2f} below 0, the curve has the height {probability:.2f}, which is the probability.
    """
    return svg("One person's sum and the curve", description, 326, parts)


def copy_weights():
    """Weights of the helper's model on their way into ours."""
    parts = text(176, 30, "the helper's model", bold=True) + text(544, 30, "ours, by_hand", bold=True)
    alike = ["wide_weights", "deep_embeddings", "deep_hidden_1", "deep_hidden_2", "deep_hidden_3"]
    for i, name in enumerate(alike):
        y, colour = 54 + 42 * i, WIDE if name.startswith("wide") else DEEP
        parts += box(56, y, 240, 34, name, colour) + box(424, y, 240, 34, name, colour)
        parts += arrow((296, y + 17), (424, y + 17))
    parts += box(56, 276, 240, 48, "deep_logit\nweights, no bias", DEEP) + box(
        56, 332, 240, 48, "logit\nthe bias", JOINT
    )
    parts += box(424, 276, 240, 104, "deep_logit\nweights and bias", JOINT)
    parts += arrow((296, 300), (424, 300), colour=DEEP, thick=3) + arrow((296, 356), (424, 356), colour=JOINT, thick=3)
    description = """
        Two columns of layers, the helper's model on the left, ours on the right. Five layers of the same name are
        copied straight across. Below them, two layers of the helper, deep_logit with the weights and logit with the
        bias, go into one layer of ours, which holds weights and bias.
    """
    return svg("Seven layers go into six", description, 396, parts)


def error_back():
    """The error of the first training row on its way to the weights."""
    error = "0.5172"
    parts = box(220, 20, 280, 56, f"error p − y = {error}\nof the first row", JOINT)
    groups = ((20, WIDE, "78 wide weights"), (260, JOINT, "one bias"), (500, DEEP, "32 last weights"))
    for x, colour, name in groups:
        parts += box(x, 140, 200, 44, name, colour) + panel(x, 216, 200, 76, "", colour)
        parts += arrow((x + 100, 184), (x + 100, 216), colour=JOINT, thick=3)
    parts += arrow((260, 76), (120, 140), colour=JOINT, thick=3) + arrow((360, 76), (360, 140), colour=JOINT, thick=3)
    parts += arrow((460, 76), (600, 140), colour=JOINT, thick=3)
    for x, first, second in (
        (120, error, "each of them"),
        (360, error, "the same"),
        (600, f"{error} × a", "a: its activation"),
    ):
        parts += text(x, 240, first, bold=True) + text(x, 266, second, SMALL)
    parts += arrow((600, 292), (600, 328), colour=DEEP) + text(704, 344, "and on to the layers below", SMALL, "end")
    description = f"""
        At the top the error of the first training row, {error}. Three arrows lead down from it. Each of the row's 78
        wide weights gets the error itself as its slope, and so does the bias. Each of the deep part's 32 last weights
        gets the error times its activation, and from there it flows on to the layers below.
    """
    return svg("Where one error goes", description, 368, parts)


def planted_grid():
    """All pairs of the notebook's planted log."""
    pairs, _ = planted_log(seed=4)
    size, left, top = 14, 150, 56
    often = {True: GREY, False: TINT[GREY]}
    parts = []
    for i in (0, 12):
        for j in (0, 12):
            x, y = left + size * j, top + size * i
            parts += rectangle(x, y, 12 * size, 12 * size, often[i == j], EDGE, radius=0)
    framed = []
    for place, (kind, truth) in enumerate(zip(pairs["kind"], pairs["truth"], strict=True)):
        x, y = left + size * (place % 24), top + size * (place // 24)
        if kind == "never shown":
            parts += rectangle(x, y, size, size, CARD, EDGE, radius=0, thick=1)
        elif kind == "exception":
            framed += rectangle(x + 1, y + 1, size - 2, size - 2, often[truth > 0.5], INK, radius=0, thick=2)
    parts += framed
    for i, taste in enumerate(("music", "travel")):
        parts += text(left + (84 + 168 * i), 40, f"{taste} apps", SMALL)
        parts += text(left - 10, top + 84 + 168 * i, f"{taste} users", SMALL, "end")
    key = ((GREY, EDGE, "mostly", "installed"), (TINT[GREY], EDGE, "rarely", "installed"))
    key += ((CARD, EDGE, "never shown:", "no rows"), (TINT[GREY], INK, "exception:", "the other way"))
    for i, (fill, edge, first, second) in enumerate(key):
        y = 90 + 78 * i
        parts += rectangle(514, y - 4, 24, 24, fill, edge, radius=0, thick=2)
        parts += text(550, y - 4, first, bold=True, anchor="start") + text(550, y + 20, second, SMALL, "start")
    description = """
        A map of 24 users, from top to bottom, and 24 apps, from left to right. Where both are for music, or both for
        travel, the block is dark: installs are frequent. The other two blocks are light: installs are rare. White
        cells are strewn over all four blocks: these pairs were never shown. Twenty framed cells are exceptions, light
        in a dark block or dark in a light one.
    """
    return svg("The planted log as a map", description, 412, parts)


def who_can_know():
    """What each part has to go by, for each kind of pair."""
    parts = []
    kinds = (
        ("usual", "a weight\nfrom its rows", "the rule\nwhich is right", "either can know it"),
        ("exception", "a weight\nfrom its rows", "", "only memory helps"),
        ("never shown", "", "the rule\nwhich is right", "only the rule helps"),
    )
    for i, (kind, wide, deep, verdict) in enumerate(kinds):
        x = 16 + 234 * i
        parts += panel(x, 16, 220, 250, kind)
        for y, lines, colour, nothing in (
            (60, wide, WIDE, "no rows,\nno weight"),
            (136, deep, DEEP, "the rule\nwhich is wrong"),
        ):
            if lines:
                parts += box(x + 20, y, 180, 60, lines, colour)
            else:
                parts += rectangle(x + 20, y, 180, 60, CARD, EDGE)
                for j, string in enumerate(nothing.split("\n")):
                    parts += text(x + 110, y + 19 + 22 * j, string, SMALL, colour=GREY)
        parts += text(x + 110, 234, verdict, SMALL)
    parts += text(360, 290, "Orange: what the wide model has to go by. Blue: the deep model.", SMALL)
    description = """
        Three panels, one for each kind of pair. A usual pair: the wide model has a weight from its rows, the deep
        model the rule, which is right. An exception: the wide model has a weight, but the rule is wrong. A pair that
        was never shown: the wide model has no rows and no weight, and the rule is right.
    """
    return svg("What each model has to go by", description, 314, parts)


def errors_cancel():
    """The errors of one pair's rows, for a usual pair and for an exception."""
    parts = []
    for left, title, installs, sentence, counts in (
        (16, "A usual pair", 8, "sum 0: L1 holds it near 0", "8 installs, 2 refusals"),
        (368, "An exception", 1, "sum +7: pushed down", "1 install, 9 refusals"),
    ):
        parts += panel(left, 16, 336, 282, title)
        base = 180
        for i in range(10):
            error = -0.2 if i < installs else 0.8
            height = 110 * abs(error)
            y = base if error < 0 else base - height
            parts += rectangle(left + 78 + 24 * i, y, 16, height, TINT[JOINT], JOINT, radius=0)
        parts += line(left + 70, base, left + 318, base)
        parts += text(left + 62, base - 88, "+0.8", SMALL, "end") + text(left + 62, base + 22, "−0.2", SMALL, "end")
        parts += text(left + 194, 232, counts, SMALL)
        parts += text(left + 168, 270, sentence, bold=True)
    parts += text(360, 322, "A small example: errors p − y of ten rows, where the deep part says 0.8.", SMALL)
    description = """
        A small example. Two pairs with ten rows each, and the deep part says 0.8 for both. Left, a usual pair with
        eight installs: eight small errors down and two large errors up, and their sum is 0. Right, an exception with
        one install: one small error down and nine large errors up, and their sum is 7.
    """
    return svg("Errors that cancel and errors that add up", description, 346, parts)


def optimizers_of_parts():
    """Which optimizer moves which part."""
    now = ("weights", "vectors", "hidden_1", "hidden_2", "hidden_3", "logit")
    parts = lying(ADULT, now, ("wide_ids", "deep_ids", "numbers", "beside"), {"beside": GREY, "logit": DEEP})
    parts += text(470, 34, "FTRL with L1: the wide table", colour=WIDE, bold=True)
    parts += text(360, 276, "Adam: vectors, hidden layers, last weights, bias", colour=DEEP, bold=True)
    description = """
        The census model on its side once more. Orange, the wide weights: FTRL with L1 moves them. Blue, everything
        else that is learned, so the vectors, the hidden layers, the last weights and the one bias: Adam moves them.
        What is not learned, the inputs and the numbers side by side, is not filled.
    """
    return svg("Which optimizer moves which part", description, 300, parts)


def repeated_id():
    """The two orders of adding and squaring, for an id that is twice in a batch."""
    parts = box(200, 16, 320, 56, "one id, twice in a batch\neach time with gradient 1")
    ways = (
        (16, "The algorithm", "add: 1 + 1 = 2", "square: 2² = 4", "0.1 · 2 / √(0.1 + 4)", "0.0988", JOINT),
        (368, "Keras", "square: 1² and 1²", "add: 1 + 1 = 2", "0.1 · 2 / √(0.1 + 2)", "0.1380", GREY),
    )
    for left, title, first, second, formula, size, colour in ways:
        parts += panel(left, 100, 336, 256, title, colour)
        parts += box(left + 48, 142, 240, 36, first, colour) + box(left + 48, 204, 240, 36, second, colour)
        parts += arrow((left + 168, 178), (left + 168, 204)) + arrow((left + 168, 240), (left + 168, 266))
        parts += box(left + 48, 266, 240, 72, f"step {size}\n= {formula}", colour)
    parts += arrow((280, 72), (184, 100)) + arrow((440, 72), (536, 100))
    description = """
        One id stands twice in a batch, each time with gradient 1. Left, the algorithm: it adds first, 1 + 1 = 2, then
        squares, 4, and the step is 0.0988. Right, Keras: it squares each gradient first, then adds, which gives 2, and
        the step is 0.1380, so it is larger.
    """
    return svg("Add then square, or square then add", description, 372, parts)


def referee():
    """Three programs from the same start, drawn as ways that part; not to scale."""
    parts = box(16, 86, 170, 68, "same weights\nsame batches")
    for x, steps in ((390, "after 50 steps"), (580, "after 1,000")):
        parts += text(x, 30, steps, bold=True) + line(x, 50, x, 236, EDGE)
    parts += text(200, 92, "tf.estimator", SMALL, "start")
    parts += arrow((186, 112), (696, 112))
    parts += curve([(186, 120), (390, 121), (580, 134), (696, 146)], JOINT, 3)
    parts += curve([(186, 130), (290, 220), (696, 220)], GREY, 3)
    for x, ours, keras in ((390, "1e-07", "2e-02"), (580, "1e-03", "2e-02")):
        parts += text(x + 10, 164, f"ours {ours}", SMALL, "start", colour=INK)
        parts += text(x + 10, 200, f"Keras {keras}", SMALL, "start", colour=INK)
    parts += text(360, 262, "The largest difference of a probability from tf.estimator's. Not to scale.", SMALL)
    description = """
        Three ways that begin at the same weights and get the same batches. The one of tf.estimator goes straight on.
        Ours stays on it, with a difference of 1e-07 after 50 steps, and is a little beside it after 1,000, with 1e-03.
        The one of Keras' own optimizers leaves at once, and is 2e-02 away at both times.
    """
    return svg("Three programs from the same start", description, 286, parts)


def three_classes():
    """Three logits in place of one."""
    parts = box(16, 24, 200, 56, "wide table\n3 weights for each id", WIDE)
    parts += box(16, 176, 200, 56, "last layer\n32 numbers to 3", DEEP)
    table = []
    for y, colour in ((34, WIDE), (186, DEEP), (110, JOINT)):
        table += [(270 + 46 * i, y, 46, 36, f"{i + 1}", colour, True) for i in range(3)]
    parts += cells(*table)
    parts += arrow((216, 52), (270, 52), colour=WIDE) + arrow((216, 204), (270, 204), colour=DEEP)
    parts += (
        arrow((339, 70), (339, 110)) + arrow((339, 186), (339, 146)) + text(352, 90, "+", anchor="start", bold=True)
    )
    parts += text(352, 166, "+", anchor="start", bold=True) + text(252, 128, "3 logits", SMALL, "end")
    parts += arrow((408, 128), (442, 128), colour=JOINT)
    parts += box(442, 92, 108, 72, "softmax\nsum is 1", JOINT) + arrow((550, 128), (576, 128), colour=JOINT)
    parts += box(576, 92, 128, 72, "three\nprobabilities", JOINT)
    description = """
        The model for three classes. The wide table has three weights for each id, so the wide part gives three sums.
        The last layer makes three numbers out of 32. They are added class by class and give three logits. The softmax
        turns the three logits into three probabilities whose sum is 1.
    """
    return svg("Three logits in place of one", description, 256, parts)


def sixty_lines():
    """What the functions of the file are for, in its order."""
    steps = (
        ("strings\nvocabulary\nids", "text to ids", GREY),
        ("quantiles", "0 to 1", GREY),
        ("lookup", "id to weight,\nid to vector", JOINT),
        ("wide_deep\nlog_loss", "equation 3", JOINT),
        ("train_and_\nscore", "optimizers,\nthen the AUC", JOINT),
    )
    parts = []
    for i, (names, purpose, colour) in enumerate(steps):
        x = 16 + 140 * i
        parts += rectangle(x, 24, 128, 96, TINT[colour], colour)
        lines = names.split("\n")
        for j, name in enumerate(lines):
            parts += text(x + 64, 72 - 12 * (len(lines) - 1) + 24 * j, name, SMALL, bold=True)
        for j, string in enumerate(purpose.split("\n")):
            parts += text(x + 64, 142 + 22 * j, string, SMALL)
        if i:
            parts += arrow((x - 12, 72), (x, 72))
    description = """
        Five blocks in a row, the functions of the file in its order. Strings, vocabulary and
        ids turn text into ids. Quantiles turns numbers into shares. Lookup turns an id into a weight or a vector.
        wide_deep and log_loss are equation 3 and its loss. train_and_score has the two optimizers and gives the AUC.
    """
    return svg("The file in five blocks", description, 188, parts)


FIGURES = [
    spectrum,
    adult_model,
    one_error,
    build_wide,
    build_vectors,
    build_hidden,
    build_sum,
    sum_of_one_row,
    copy_weights,
    error_back,
    planted_grid,
    who_can_know,
    errors_cancel,
    optimizers_of_parts,
    repeated_id,
    referee,
    three_classes,
    sixty_lines,
]

"""Drawings of notebook 2: the wide model."""

from drawings.pieces import (
    CARD,
    EDGE,
    GREY,
    LINE,
    SMALL,
    TINT,
    WIDE,
    arrow,
    cells,
    line,
    lit_text,
    rectangle,
    signed,
    svg,
    text,
)

# ------------------------------------------------------------------------------ a row on its way to a probability

CLERK = {"job = clerk": 3, "hours = few": 1, "clerk & few": 5}
DRIVER = {"job = driver": 0, "hours = few": 1, "driver & few": 0}
WEIGHTS = {0: "0", 1: "−0.5", 2: "−0.4", 3: "−2.4", 4: "1.8", 5: "1.1", 6: "−0.3", 7: "0.8", 8: "0.3"}


def ids_of_the_row(row, lit):
    """The first step: the row's features and their ids."""
    parts, table = lit_text(88, 34, "the row", lit) + lit_text(232, 34, "its ids", lit), []
    for i, (name, of) in enumerate(row.items()):
        y = 108 + 78 * i
        parts += lit_text(88, y, name, lit, size=SMALL)
        parts += arrow((152, y), (206, y), colour=LINE if lit else EDGE)
        table.append((206, y - 20, 52, 40, str(of), GREY, lit))
    return parts + cells(*table)


def table_of_weights(row, lit):
    """The second step: the table, in which the weights of the row are lit."""
    parts, table = lit_text(358, 34, "the table", lit), []
    for of, weight in WEIGHTS.items():
        y, on = 54 + 32 * of, lit and of in row.values()
        parts += lit_text(318, y + 16, str(of), on, size=SMALL)
        table.append((334, y, 66, 32, weight, WIDE, on))
    for i, of in enumerate(row.values()):
        colour, ends = LINE if lit else EDGE, ((258, 108 + 78 * i), (304, 70 + 32 * of))
        parts += line(*ends[0], *ends[1], colour=colour, thick=2)
    return cells(*table) + parts


def to_the_sum(row, lit):
    """The arrows from the weights of the row to their sum."""
    parts = []
    for of in set(row.values()):
        parts += arrow((400, 70 + 32 * of), (470, 186 + 6 * (of - 3)), colour=WIDE if lit else EDGE)
    return parts


def way_back():
    """The arrows from the error to the three weights and to the bias, and the error itself."""
    parts = arrow((600, 294), (536, 294)) + cells((462, 272, 74, 44, "0.21", GREY, True))
    parts += text(499, 334, "error: 0.21 − 0", bold=True)
    for of in CLERK.values():
        parts += arrow((462, 294 + 6 * (of - 3)), (400, 70 + 32 * of), colour=WIDE, thick=3)
    return parts + arrow((523, 272), (600, 90), colour=WIDE, thick=3)


def to_the_probability(lit, bias_lit, logit, probability):
    """The last step: the bias, the logit, the sigmoid."""
    colour = LINE if lit else EDGE
    parts = lit_text(642, 34, "bias", bias_lit) + lit_text(642, 334, "probability", lit)
    parts += lit_text(652, 148, "logit", lit, anchor="start") + lit_text(632, 240, "sigmoid", lit, anchor="end")
    parts += arrow((544, 186), (600, 186), colour=colour) + arrow((642, 98), (642, 164), colour=colour)
    parts += arrow((642, 208), (642, 272), colour=colour)
    parts += cells((600, 54, 84, 44, "0.5", WIDE, bias_lit), (600, 164, 84, 44, logit, GREY, lit))
    return parts + cells((600, 272, 84, 44, probability, GREY, lit))


def row_to_probability(stage, title, description):
    """The frame: a row becomes ids, weights, a sum, a probability; the stage's step is lit."""
    unseen = stage == "unseen"
    row, total, *answer = (DRIVER, "−0.5", "0", "0.5") if unseen else (CLERK, "−1.8", "−1.3", "0.21")
    summed = stage in ("sum", "unseen")
    parts = ids_of_the_row(row, unseen or stage == "ids") + table_of_weights(row, summed or stage == "gradient")
    parts += lit_text(507, 146, "sum", summed) + cells((470, 164, 74, 44, total, WIDE, summed))
    lit = unseen or stage == "probability"
    parts += to_the_probability(lit, lit or stage == "gradient", *answer)
    return svg(title, description, 364, parts + (way_back() if stage == "gradient" else to_the_sum(row, summed)))


def wide_ids():
    """A row becomes ids; the row is notebook 2's first."""
    description = """
        A frame that comes back: a row, its ids, a table of weights, a sum, a probability. Lit is the first step. The
        row has the job clerk, few hours, and the pair of both; these features have the ids 3, 1 and 5.
    """
    return row_to_probability("ids", "The first step: a row becomes ids", description)


def wide_sum():
    """The ids become weights, and the weights a sum."""
    description = """
        The frame of a row, its ids, a table of weights, a sum and a probability. Lit is the second step: in the table
        of nine weights the rows 3, 1 and 5 are read, −2.4, −0.5 and 1.1, and arrows lead from them to their sum, −1.8.
    """
    return row_to_probability("sum", "The second step: three weights are gathered and added", description)


def wide_probability():
    """The sum becomes a probability."""
    description = """
        The frame of a row, its ids, a table of weights, a sum and a probability. Lit is the third step: the sum −1.8
        and the bias 0.5 make the logit −1.3, and the sigmoid makes of this the probability 0.21.
    """
    return row_to_probability("probability", "The third step: bias and sigmoid make a probability", description)


def wide_gradient():
    """The error reaches the weights that were read and the bias, and no others."""
    description = """
        The same frame, now with the way back lit: the label 0 is taken from the probability 0.21, and this error goes
        back to the bias and to the three weights of the table that the row has read, at the ids 1, 3 and 5. The other
        weights have no gradient.
    """
    return row_to_probability("gradient", "The way back: the error reaches three weights and the bias", description)


def wide_unseen():
    """A row with two features that the vocabulary does not know."""
    description = """
        The frame of a row, its ids, a table of weights, a sum and a probability, all of it lit. The job is driver,
        which is new, and so is its pair: both have id 0, whose weight is 0. Few hours, with id 1 and −0.5, is the sum.
        With the bias 0.5 the logit is 0 and the probability 0.5.
    """
    return row_to_probability("unseen", "What is new has id 0 and adds nothing", description)


# ------------------------------------------------------------------------------------- FTRL, rows, pairs


def ftrl_steps():
    """Four steps of FTRL: where z goes, and whether there is a weight; the numbers are notebook 2's."""
    zero, scale, top, step = 456, 232, 62, 54
    left, right, bottom = zero - 0.6 * scale, zero + 0.6 * scale, top + 4 * step
    parts = rectangle(left, top, right - left, bottom - top, TINT[GREY], TINT[GREY], radius=0)
    parts += text(44, 34, "step", SMALL, bold=True) + text(120, 34, "z", SMALL, bold=True)
    parts += text(zero, 34, "|z| ≤ 0.6: the weight is 0", SMALL, bold=True) + text(666, 34, "weight", SMALL, bold=True)
    parts += line(zero, top, zero, bottom, colour=EDGE)
    for x, string in ((left, "−0.6"), (zero, "0"), (right, "0.6"), (zero - scale, "−1")):
        parts += text(x, bottom + 20, string, SMALL)
    before, table = 0, []
    for i, (z, weight) in enumerate(((-0.5, 0), (-0.9, 0.21), (-0.8029, 0.1407), (-1.1198, 0.3328))):
        y = top + step * (i + 0.5)
        colour = WIDE if weight else GREY
        parts += text(44, y, str(i + 1), SMALL) + text(120, y, signed(z), SMALL)
        parts += arrow((zero + scale * before, y), (zero + scale * z, y), colour=colour, thick=3)
        parts += line(zero + scale * z, y, zero + scale * z, min(y + step, bottom), colour=EDGE)
        table.append((626, y - 18, 80, 36, str(weight), WIDE, weight))
        before = z
    description = """
        One line for each of four steps. An arrow shows how z moves, from where the last step left it. In step 1 it goes
        to -0.5, inside the grey band from -0.6 to 0.6, and the weight is 0. Then it leaves the band, to -0.9, -0.8029
        and -1.1198, and there are weights, 0.21, 0.1407 and 0.3328.
    """
    return svg("FTRL has no weight while z is inside a band", description, bottom + 44, parts + cells(*table))


def l1_once():
    """The sum of gradients grows with the epochs, the threshold does not: a sketch."""
    ground, size, threshold = 270, 26, 5
    level, parts = ground - threshold * size, []
    for left, epochs, outcome in ((16, 4, "the weight stays 0"), (368, 8, "the weight is free")):
        parts += rectangle(left, 16, 336, 314, CARD, EDGE, radius=10)
        parts += text(left + 168, ground + 22, f"{epochs} epochs", SMALL, bold=True)
        parts += text(left + 168, ground + 44, outcome, SMALL)
        for i in range(epochs):
            beyond = i >= threshold
            fill = TINT[WIDE] if beyond else TINT[GREY]
            parts += rectangle(left + 118, ground - size * (i + 1), 60, size, fill, WIDE if beyond else GREY, radius=0)
        parts += line(left + 20, ground, left + 316, ground) + line(left + 20, level, left + 316, level, colour=WIDE)
        parts += text(left + 24, level - 16, "λ₁, once", SMALL, "start")
        parts += text(left + 190, ground - 40, "|z|: a block", SMALL, "start")
        parts += text(left + 190, ground - 18, "for each epoch", SMALL, "start")
    for y, string in ((76, "what is left"), (98, "for the weight")):
        parts += text(558, y, string, SMALL, "start")
    description = """
        Two panels. Each epoch adds a block to the size of z, the sum of the gradients of a weight; a line at the height
        of five blocks is lambda 1, the same in both. After four epochs the blocks are below the line and the weight
        stays 0. After eight they are above it by three blocks, which are left for the weight.
    """
    return svg("Gradients add up with the epochs, L1 is counted once", description, 346, parts)


def held_out():
    """Which rows are for what: to fit, to choose, to score at the end."""
    parts = []
    for i, (name, rows, lines, colour) in enumerate(
        (
            ("training rows,\nto fit", 26_000, "each vocabulary, and the weights of each trial", WIDE),
            ("training rows,\nheld out", 6_561, "which pairs, which L1, which learning rate: chosen here", WIDE),
            ("test rows", 16_281, "one score of the model that was chosen, at the end", GREY),
        )
    ):
        y, width = 24 + 84 * i, rows / 50
        first, *rest = name.split("\n")
        parts += text(160, y + 20 - 11 * len(rest), first, SMALL, "end", bold=True)
        for other in rest:
            parts += text(160, y + 31, other, SMALL, "end", bold=True)
        parts += rectangle(176, y, width, 40, TINT[colour], colour, radius=0)
        parts += text(176 + width / 2, y + 20, f"{rows:,}", bold=True) + text(178, y + 58, lines, SMALL, "start")
    description = """
        Three bars, as long as the data has rows for them. 26,000 training rows are fitted on, vocabularies and weights.
        6,561 training rows are held out, and settings are chosen by the loss on them. 16,281 test rows give one score
        of the chosen model, at the end.
    """
    return svg("Rows to fit, rows to choose, rows to score", description, 272, parts)


COLUMNS = (
    "workclass", "education", "marital-status", "occupation", "relationship", "race", "sex", "native-country",
    "capital-gain", "capital-loss", "age", "hours-per-week",
)  # fmt: skip
FROM_NOTEBOOK_1 = (  # rows of the triangle below, each with its columns
    (2, (0, 1)), (3, (0,)), (6, (0, 2, 3)), (10, (6,)), (11, (0, 2, 3, 6)),
)  # fmt: skip


def pair_sets():
    """The 66 pairs of 12 columns, and which of the four sets has them first."""
    size, left, top = 31, 22, 18
    found = {(i, j) for i, those in FROM_NOTEBOOK_1 for j in those}
    parts, capital = [], {8, 9}
    counts = {"orange": 0, "capital": 0, "rest": 0}
    for i, name in enumerate(COLUMNS):
        y = top + size * i
        parts += text(left + size * i + 10, y + size / 2, name, SMALL, "start")
        for j in range(i):
            kind = "orange" if (i, j) in found else "capital" if {i, j} & capital else "rest"
            fill = {"orange": WIDE, "capital": TINT[WIDE], "rest": CARD}[kind]
            parts += rectangle(left + size * j, y, size, size, fill, EDGE, radius=0)
            counts[kind] += 1
    for y, fill, first, second in (
        (40, WIDE, f"{counts['orange']} pairs of notebook 1", ""),
        (84, TINT[WIDE], f"{counts['capital']} pairs with an", "amount of capital"),
        (150, CARD, f"{counts['rest']} other pairs", ""),
    ):
        parts += rectangle(452, y - 12, 24, 24, fill, LINE if fill == CARD else WIDE, radius=0)
        parts += text(488, y, first, SMALL, "start") + (text(488, y + 22, second, SMALL, "start") if second else [])
    description = f"""
        A staircase of the twelve columns' names; the cell where a row and a column meet is the pair of the two.
        {counts["orange"]} cells are full orange, the pairs that notebook 1 chose. {counts["capital"]} are pale orange,
        all pairs with capital gain or capital loss. The other {counts["rest"]} are white.
    """
    return svg("The pairs of twelve columns, in three groups", description, top + 12 * size + 14, parts)


FIGURES = [wide_ids, wide_sum, wide_probability, wide_gradient, wide_unseen, ftrl_steps, l1_once, held_out, pair_sets]

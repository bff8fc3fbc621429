"""Drawings of notebook 4: is the joint model better, and for whom?"""

from drawings.pieces import (
    CARD,
    EDGE,
    GREY,
    INK,
    JOINT,
    SMALL,
    TINT,
    WIDE,
    arrow,
    box,
    cells,
    dot,
    line,
    panel,
    rectangle,
    ring,
    svg,
    text,
)

# The numbers of the helpers' model of the census data.
ADULT = {"wide_ids": 78, "categories": 10, "numbers": 5, "dimension": 8, "side_by_side": "85", "units": (128, 64, 32)}


def recipe_grid():
    """What the recipe changes at once, and what the fair comparison changes."""
    rows, columns = ("wide, 64", "wide, 128", "joint, 128"), ("5 epochs", "10 epochs")
    parts = text(196, 34, "model, batch", SMALL, "end")
    for i, row in enumerate(rows):
        parts += text(196, 86 + 96 * i, row, bold=True, anchor="end")
        for j in (0, 1):
            x, y, colour = 220 + 260 * j, 60 + 96 * i, JOINT if row.startswith("joint") else WIDE
            taught = (i, j) in ((0, 1), (2, 0))
            if taught:
                parts += box(x, y, 150, 52, "the recipe's", colour)
            else:
                parts += rectangle(x, y, 150, 52, CARD, colour) + text(x + 75, y + 26, "the script's", SMALL)
    for j, column in enumerate(columns):
        parts += text(295 + 260 * j, 34, column, bold=True)
        parts += arrow((295 + 260 * j, 208), (295 + 260 * j, 252), colour=JOINT, thick=4, both=True)
    parts += arrow((480, 112), (370, 252), dashed=True, both=True)
    parts += text(284, 230, "fair", SMALL, "end") + text(566, 230, "fair", SMALL, "start")
    parts += text(360, 336, "Fair: one thing differs. Dashed: three things differ at once.", SMALL)
    description = """
        A grid of runs. Rows: the wide model in batches of 64, the wide model in batches of 128, the joint model in
        batches of 128. Columns: 5 and 10 epochs. The recipe compares two corners, wide in batches of 64 after 10
        epochs with joint in batches of 128 after 5. The fair comparisons go straight down within one column.
    """
    return svg("What the recipe changes at once", description, 358, parts)


def paired_people():
    """Two models on the same twenty people, a small example."""
    wide = {3, 8, 9, 13, 17, 18}
    joint = {3, 5, 8, 9, 11, 13, 18}
    parts = []
    for y, name in ((60, "wide"), (110, "joint"), (164, "difference")):
        parts += text(128, y, name, bold=True, anchor="end")
    for person in range(20):
        x = 154 + 28 * person
        differ = (person in wide) - (person in joint)
        if differ:
            parts += rectangle(x - 14, 36, 28, 150, TINT[GREY], GREY)
        for y, wrong, colour in ((60, wide, WIDE), (110, joint, JOINT)):
            parts += ring(x, y, colour) if person in wrong else dot(x, y, colour, 9)
        parts += text(x, 164, {1: "+1", 0: "0", -1: "−1"}[differ], SMALL, bold=bool(differ))
    parts += dot(110, 216, GREY, 9) + text(128, 216, "right", SMALL, "start")
    parts += ring(206, 216, GREY) + text(224, 216, "wrong", SMALL, "start")
    parts += text(316, 216, "a small example: gain (1 − 2) / 20", SMALL, "start")
    description = """
        A small example with twenty people in a row. Above, the dots of the wide model, filled where it is right,
        hollow where it is wrong; below, those of the joint model. On seventeen people both are right or both are
        wrong, and the difference is 0. On three they differ: plus 1 once and minus 1 twice.
    """
    return svg("Two models on the same people", description, 242, parts)


def bootstrap_draws():
    """Drawing people and seeds with replacement, a small example."""
    parts = text(278, 30, "people", bold=True) + text(505, 30, "seeds", bold=True)
    parts += text(640, 30, "joint − deep", bold=True)
    rows = (
        ("as they are", "ABCDEF", "123", ""),
        ("draw 1", "AACDFF", "113", "ahead"),
        ("draw 2", "BCCCDE", "233", "ahead"),
        ("draw 3", "ABBDDE", "122", "behind"),
    )
    for i, (name, people, seeds, verdict) in enumerate(rows):
        y = 52 + 52 * i + (16 if i else 0)
        parts += text(146, y + 18, name, anchor="end", bold=not i)
        for strings, left in ((people, 164), (seeds, 448)):
            table = []
            for j, string in enumerate(strings):
                again = i > 0 and strings.count(string) > 1
                table.append((left + 38 * j, y, 38, 36, string, GREY, again))
            parts += cells(*table)
        if verdict:
            parts += text(640, y + 18, verdict, colour=INK, bold=verdict == "behind")
    parts += line(16, 96, 704, 96, EDGE)
    parts += text(360, 286, "A small example. How often is it behind in two thousand draws?", SMALL)
    description = """
        A small example with six people, A to F, and three seeds. Each draw takes six people and three seeds with
        replacement, so that some come twice, grey, and some not at all. Each draw gives a difference of the two
        models: in the first two draws the joint model is ahead, in the third it is behind.
    """
    return svg("A bootstrap of people and seeds", description, 310, parts)


def calibration_groups():
    """Sort, cut, compare: a small example."""
    groups = (((0, 0, 0, 0, 1), "0.1"), ((0, 1, 0, 1, 0), "0.5"), ((1, 1, 0, 1, 1), "0.8"))
    parts = line(28, 38, 210, 38, thick=2) + arrow((510, 38), (692, 38))
    parts += text(360, 38, "sorted by what the model says", SMALL)
    for i, (people, said) in enumerate(groups):
        x, rich = 16 + 234 * i, sum(people)
        parts += panel(x, 64, 220, 190, f"group {i + 1}")
        for j, is_rich in enumerate(people):
            place = (x + 38 + 36 * j, 124)
            parts += dot(*place, GREY, 11) if is_rich else ring(*place, GREY, 11)
        gap = rich / 5 - float(said)
        parts += text(x + 110, 164, f"happened: {rich} of 5 = {rich / 5:.1f}", SMALL)
        parts += text(x + 110, 190, f"said on average: {said}", SMALL)
        parts += text(x + 110, 226, f"gap {gap:+.1f}".replace("-", "−").replace("+0.0", "0.0"), bold=True)
    parts += dot(176, 280, GREY, 9) + text(194, 280, "rich", SMALL, "start")
    parts += ring(262, 280, GREY, 9) + text(280, 280, "not rich", SMALL, "start")
    parts += text(400, 280, "a small example", SMALL, "start")
    description = """
        A small example of fifteen people, sorted by the probability that a model gives them, and cut into three groups
        of five. In each group the share of rich people is compared with the mean probability. In the first group one
        of five is rich and the model said 0.1, in the second two of five and it said 0.5, in the third four of five
        and it said 0.8.
    """
    return svg("Sort, cut into groups, compare", description, 304, parts)


def rows_set_aside():
    """Which rows Platt scaling is fitted on."""
    parts = []
    for x, width, lines in ((16, 354, "26,000 training rows"), (382, 88, "others"), (482, 222, "test rows")):
        parts += box(x, 24, width, 44, lines)
    parts += box(84, 124, 218, 68, "joint model\nits weights", JOINT)
    parts += box(336, 124, 180, 68, "slope and bias\nof its logits", JOINT)
    parts += box(550, 124, 154, 68, "largest gap\nand scores")
    parts += arrow((193, 68), (193, 124)) + arrow((426, 68), (426, 124)) + arrow((627, 68), (627, 124))
    parts += arrow((302, 158), (336, 158), colour=JOINT) + arrow((516, 158), (550, 158), colour=JOINT)
    parts += text(360, 222, "Each row is used for one thing only.", SMALL)
    description = """
        Three kinds of rows, each used for one thing. On 26,000 training rows the joint model learns its weights. Its
        logits of the other 6,561 training rows, which were set aside, give a slope and a bias, two numbers. On the
        test rows the largest gap is measured.
    """
    return svg("Which rows are used for what", description, 246, parts)


def half_and_half():
    """How the weight of a pair is shared out between its columns, a small example."""
    parts = box(16, 24, 284, 56, "education\nweight 0.4", WIDE) + box(16, 200, 284, 56, "occupation\nweight −0.2", WIDE)
    parts += box(16, 112, 284, 56, "education & occupation\nweight 0.6", WIDE)
    parts += panel(454, 24, 250, 76, "education") + panel(454, 180, 250, 76, "occupation")
    parts += text(579, 76, "0.4 + 0.3 = 0.7", bold=True) + text(579, 232, "−0.2 + 0.3 = 0.1", bold=True)
    parts += arrow((300, 52), (454, 52)) + arrow((300, 228), (454, 228))
    parts += arrow((300, 130), (454, 80), colour=WIDE, thick=3) + arrow((300, 150), (454, 200), colour=WIDE, thick=3)
    parts += text(364, 86, "half", SMALL) + text(364, 196, "half", SMALL)
    parts += text(360, 284, "A small example: the sum stays 0.8.", SMALL)
    description = """
        A small example of three weights. Education has 0.4, occupation has minus 0.2, and the pair of the two has 0.6.
        Half of the pair's weight goes to each of its columns: education has 0.7 then, and occupation 0.1. The sum of
        all of them is as before, 0.8.
    """
    return svg("A pair's weight goes half and half", description, 308, parts)


def two_mistakes():
    """False alarms and missed people, a small example."""
    parts = text(300, 30, "said not rich", bold=True) + text(560, 30, "said rich", bold=True)
    for y, name, correct, wrong in ((56, "not rich", 8, 2), (152, "rich", 3, 2)):
        parts += text(136, y + 40, name, bold=True, anchor="end")
        for x, which in ((160, "said not"), (430, "said")):
            right = (name == "rich") == (which == "said")
            colour = EDGE if right else INK
            parts += rectangle(x, y, 260, 80, CARD, colour, thick=1.5 if right else 3)
            count = correct if right else wrong
            for i in range(count):
                parts += dot(x + 143 + 26 * i - 13 * count, y + (40 if right else 24), GREY, 9)
    parts += text(560, 108, "false alarm: 2 of 10", SMALL) + text(290, 204, "missed: 2 of 5", SMALL)
    parts += text(360, 262, "A small example. Each share is of the people in one row.", SMALL)
    description = """
        A small example of fifteen people in a table of two rows and two columns. Of the ten who are not rich, two are
        said rich: these are false alarms, two of ten. Of the five who are rich, two are said not rich: these are
        missed, two of five. Each share is counted within its own row.
    """
    return svg("Two kinds of mistakes", description, 286, parts)


def proxies():
    """What leaving a column out takes away from the model, and what it does not."""
    parts = rectangle(16, 100, 130, 56, CARD, EDGE) + text(81, 128, "sex", colour=GREY)
    middle = 246
    for y, name, second in ((20, "relationship", "husband, wife"), (100, "occupation", ""), (180, "hours", "")):
        parts += box(middle, y, 190, 56, f"{name}\n{second}" if second else name)
        parts += arrow((436, y + 28), (548, 128 + (y - 100) / 8))
        parts += arrow((146, 128), (middle, y + 28), dashed=True)
    parts += box(548, 84, 156, 88, "blind model\nP(rich)", JOINT)
    parts += (
        line(81, 156, 81, 268, EDGE, 2) + line(81, 268, 264, 268, EDGE, 2) + text(341, 268, "this way is cut", SMALL)
    )
    parts += arrow((418, 268), (626, 268), (626, 172), colour=EDGE)
    parts += text(81, 60, "hangs together", SMALL) + text(81, 82, "with", SMALL)
    description = """
        Left the column sex, which is left out: its direct way to the blind model is cut. But it hangs together with
        three other columns, relationship, occupation and hours, as dashed arrows show. These columns lead to the model
        still, so it learns of the sex through them.
    """
    return svg("What leaving a column out does not cut", description, 296, parts)


FIGURES = [
    recipe_grid,
    paired_people,
    bootstrap_draws,
    calibration_groups,
    rows_set_aside,
    half_and_half,
    two_mistakes,
    proxies,
]

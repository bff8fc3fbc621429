"""Drawings of notebook 5: is the joint model better, and for whom?"""

from drawings.pieces import EDGE, GREY, INK, JOINT, SMALL, TINT, WIDE, cells, dot, line, rectangle, ring, svg, text


def paired_people() -> str:
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


def bootstrap_draws() -> str:
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


FIGURES = [paired_people, bootstrap_draws]

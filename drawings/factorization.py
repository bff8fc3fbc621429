"""Drawings of notebook 6: factorization machines."""

from collections.abc import Collection

from drawings.pieces import (
    CARD,
    DEEP,
    EDGE,
    GREY,
    INK,
    LINE,
    SMALL,
    TINT,
    WIDE,
    Parts,
    arrow,
    box,
    cells,
    panel,
    rectangle,
    signed,
    svg,
    text,
)


def factors() -> str:
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


def taught() -> str:
    """Which pairs train the two vectors that meet in a gap."""
    row, column, n, size = 2, 4, 7, 36
    left, middle, top, below = 60, 226, 64, 190
    gaps = {(row, column), (0, 1), (0, 4), (1, 3), (2, 1), (3, 6), (4, 0), (5, 4), (5, 2), (6, 5)}
    parts, lit = [], []
    for i in range(n):
        for j in range(n):
            place = (middle + size * j, below + size * i, size, size)
            of_it = (i == row or j == column) and (i, j) not in gaps
            fill = WIDE if of_it else CARD if (i, j) in gaps else TINT[WIDE]
            parts += rectangle(*place, fill, EDGE, radius=0)
    for f in range(3):
        lit.append((left + size * f, below + size * row, size, size, "", DEEP, True))
        lit.append((middle + size * column, top + size * f - 16, size, size, "", DEEP, True))
    lit.append((middle + size * column, below + size * row, size, size, "?", DEEP, True))
    parts += cells(*lit)
    y, x = below + size * (row + 0.5), middle + size * (column + 0.5)
    parts += arrow((middle - 4, y), (left + 3 * size + 6, y)) + arrow((x, below - 4), (x, top + 3 * size - 10))
    parts += text(left + 1.5 * size, y - 54, "the user's", SMALL) + text(left + 1.5 * size, y - 32, "vector", SMALL)
    parts += text(x - 30, top + 36, "the app's vector", SMALL, "end")
    for k, (fill, lines) in enumerate(
        (
            (WIDE, ("pairs of this user or", "of this app in the log:", "they train the vectors")),
            (TINT[WIDE], ("other pairs in the log",)),
            (CARD, ("never shown",)),
            (TINT[DEEP], ("never shown, and yet", "the product is there")),
        )
    ):
        at = below + (0, 92, 140, 188)[k]
        parts += rectangle(490, at, 22, 22, fill, DEEP if k == 3 else EDGE, radius=0)
        for i, string in enumerate(lines):
            parts += text(520, at + 11 + 22 * i, string, SMALL, "start")
    description = """
        A table of seven users by seven apps. The gap in the third row and the fifth column is blue: this pair was
        never shown. The other pairs of its row that are in the log are dark orange, and an arrow leads from them to
        the user's vector, which they train. The pairs of its column train the app's vector. The two meet in the gap.
    """
    return svg("What trains the two vectors of a pair never shown", description, 462, parts)


def stage(lit: Collection[str], name: str, x: float, width: float, shape: str) -> tuple[Parts, bool]:
    """Title and shape of a stage, and whether it is lit."""
    on = name in lit
    parts = text(x + width / 2, 34, name, SMALL, bold=on, colour=INK if on else GREY)
    return parts + text(x + width / 2, 252, shape, SMALL, bold=on, colour=INK if on else GREY), on


def steps(lit: Collection[str], title: str, description: str) -> str:
    """The way of three rows through the machine, from ids to one number a row; the stages in `lit` have colour."""
    parts, placed = [], []
    ids, idle = stage(lit, "ids", 32, 120, "(3, 2)")
    vectors, vectored = stage(lit, "vectors", 220, 112, "(3, 2, 4)")
    numbers, numbered = stage(lit, "each number", 400, 112, "(3, 4)")
    sums, summed = stage(lit, "pair sum", 590, 70, "(3, 1)")
    parts += ids + vectors + numbers + sums
    for row in range(3):
        y = 58 + 62 * row
        placed += [(32 + 60 * i, y + 9, 60, 32, name, GREY, idle) for i, name in enumerate(("user", "app"))]
        for part in (0, 1):
            placed += [(220 + 28 * f, y + 25 * part, 28, 25, "", DEEP, vectored) for f in range(4)]
        placed += [(400 + 28 * f, y + 12, 28, 26, "", DEEP, numbered) for f in range(4)]
        placed.append((611, y + 12, 28, 26, "", DEEP, summed))
        for start, end, on in ((152, 220, vectored), (332, 400, numbered), (512, 611, summed)):
            parts += arrow((start + 8, y + 25), (end - 6, y + 25), colour=LINE if on else EDGE)
    parts += cells(*placed)
    return svg(title, description, 278, parts)


def fm_vectors() -> str:
    """The first step: a vector for each id."""
    description = """
        Three rows go from left to right: two ids, two vectors of four numbers, one set of four numbers, one number.
        The first step is lit: the ids of a user and of an app are looked up, and there is a vector for each, so the
        shape goes from (3, 2) to (3, 2, 4).
    """
    return steps(("ids", "vectors"), "Step one: a vector for each id", description)


def fm_sum() -> str:
    """The second step: the identity."""
    description = """
        The same three rows, with the second step lit: from the two vectors of a row, of shape (3, 2, 4), the square
        of the sum minus the sum of the squares gives four numbers a row, (3, 4). Added up and halved they are one
        number a row, (3, 1), the product of its two vectors.
    """
    return steps(("vectors", "each number", "pair sum"), "Step two: the identity", description)


def fm_model() -> str:
    """The whole machine: two tables looked up by the same ids, and a sum with the bias."""
    parts = box(24, 112, 92, 80, "ids\n(3, 2)")
    parts += box(176, 28, 150, 76, "vectors\n(3, 2, 4)", DEEP) + box(386, 28, 130, 76, "pair sum\n(3, 1)", DEEP)
    parts += box(176, 200, 340, 76, "weights of the ids, added up\n(3, 1)", WIDE)
    parts += box(576, 112, 120, 80, "logit\nwith the bias")
    for points in (
        ((70, 112), (70, 66), (176, 66)),
        ((326, 66), (386, 66)),
        ((516, 66), (636, 66), (636, 112)),
        ((70, 192), (70, 238), (176, 238)),
        ((516, 238), (636, 238), (636, 192)),
    ):
        parts += arrow(*points)
    description = """
        From the ids of a row two ways lead to its logit. Above, the ids are looked up in a table of vectors, and the
        identity makes one number of them, the sum of the pairs. Below, the same ids are looked up in a table of
        single weights, which are added up. The two numbers and the bias give the logit.
    """
    return svg("The factorization machine, both ways from ids to logit", description, 304, parts)


def identity() -> str:
    """Rendle's identity as a square of products; the vectors are notebook 6's."""
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


def joins() -> str:
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


FIGURES = [factors, taught, identity, fm_vectors, fm_sum, fm_model, joins]

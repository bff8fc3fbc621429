"""Drawings of notebook 6: from products to retrieval."""

from drawings.pieces import (
    CARD,
    DEEP,
    EDGE,
    GREY,
    JOINT,
    SMALL,
    TINT,
    WIDE,
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
    """A table of pairs as a tall table times a short one."""
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
        (below - 74, TINT[DEEP], DEEP, ("learned numbers,", "four per user", "and four per app")),
        (below + 12, TINT[WIDE], EDGE, ("pair in the log: the", "wide model's weight")),
        (below + 76, CARD, EDGE, ("never shown: a gap",)),
        (below + 118, TINT[DEEP], DEEP, ("a gap filled by", "row times column:", f"2 − 1 + 0 + 2 = {product}")),
    ):
        parts += rectangle(x, y, 22, 22, fill, stroke, radius=0)
        for i, string in enumerate(lines):
            parts += text(x + 32, y + 11 + 22 * i, string, SMALL, "start")
    description = """
        A tall blue table has a row of four numbers for each of six users, a short blue one a column of four numbers
        for each of six apps. Beside the one and below the other is the table of their 36 pairs. Most of its cells
        are orange, pairs in the log, and seven were never shown. One of these gaps is filled: the user's row 1, -1,
        0, 2 times the app's column 2, 1, 0, 1 is 3.
    """
    return svg("A table of pairs is a tall table times a short one", description, 462, parts)


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
    parts += text(360, 402, "The same holds for n vectors: n × n products, n of them on the diagonal.", SMALL)
    description = f"""
        Three squares of the products of three vectors with each other. The whole square adds up to {sums[0]}: it is
        the square of the sum of the vectors. The diagonal, each vector with itself, adds up to {sums[1]}. The whole
        minus the diagonal, halved, is the triangle above the diagonal, which holds each pair once: {sums[2]}.
    """
    return svg("Rendle's identity: the whole minus the diagonal, halved", description, 424, parts)


def two_towers() -> str:
    """A network for the user, one for the item, and what is computed when."""
    parts = panel(16, 16, 330, 216, "once a day, for every item", GREY)
    parts += panel(374, 16, 330, 216, "per request", DEEP)
    parts += box(32, 56, 136, 64, "item\nid, words, …") + box(32, 156, 136, 58, "item tower", GREY)
    parts += arrow((100, 120), (100, 156)) + arrow((168, 185), (204, 185))
    parts += box(204, 156, 126, 58, "index\nof all vectors")
    parts += box(390, 56, 136, 64, "user\napps, country") + box(390, 156, 136, 58, "user tower", DEEP)
    parts += arrow((458, 120), (458, 156)) + arrow((526, 185), (562, 185)) + box(562, 156, 126, 58, "one vector", DEEP)
    parts += arrow((625, 214), (625, 262), (430, 262), (430, 286)) + arrow((267, 214), (267, 286))
    parts += box(206, 286, 308, 56, "search\nthe largest dot products", JOINT)
    parts += arrow((360, 342), (360, 366)) + text(360, 384, "a hundred candidates, for the ranker", SMALL)
    description = """
        Left, once a day: the columns of every item go through the item tower, and the resulting vectors into an
        index. Right, per request: the user's columns go through the user tower and become one vector. Below, a search
        in the index finds the largest dot products with that vector, a hundred candidates for the ranker.
    """
    return svg("Two towers and a search", description, 408, parts)


def in_batch() -> str:
    """The scores of a batch: each row's own item against the items of the other rows."""
    items, size, left, top = ("maps", "chess", "go", "maps"), 66, 150, 72
    parts = text(left + 2 * size, 26, "items of the batch", bold=True)
    table = []
    for i, item in enumerate(items):
        parts += text(left + size * (i + 0.5), 54, item, SMALL)
        parts += text(left - 12, top + size * (i + 0.5), f"user {i + 1}, {item}", SMALL, "end")
        for j, other in enumerate(items):
            own, same = i == j, item == other
            table.append((left + size * j, top + size * i, size, size, "+" if own else "" if same else "−", DEEP, own))
    parts += cells(*table)
    x = left + 4 * size + 34
    for y, string, lines in (
        (110, "+", ("the user's own item:", "its score should be high")),
        (190, "−", ("a negative: the item", "of another user")),
        (270, "", ("the same item again:", "not a negative")),
    ):
        parts += cells((x, y - 17, 34, 34, string, DEEP, string == "+"))
        for i, line_of_text in enumerate(lines):
            parts += text(x + 46, y - 11 + 22 * i, line_of_text, SMALL, "start")
    description = """
        A table of four rows by four columns. Each row is a user in the batch and the item that user chose: maps,
        chess, go, and maps again. A column is one of these items. The diagonal holds a plus, the user's own item. All
        other cells hold a minus, a negative, except the two where a user with maps meets the other maps: these are
        empty.
    """
    return svg("In-batch negatives: the items of the other rows", description, 352, parts)


FIGURES = [factors, identity, two_towers, in_batch]

"""A wide and deep model from its inputs to the probability: the frames that several drawings share."""

from drawings.pieces import (
    CARD,
    DEEP,
    EDGE,
    GREY,
    INK,
    JOINT,
    LINE,
    SMALL,
    TINT,
    WIDE,
    arrow,
    box,
    panel,
    rectangle,
    svg,
    text,
)


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


# The same model lying on its side: name → left, top, width, height, lines, colour.
LYING = {
    "wide_ids": (16, 20, 116, 60, "wide_ids\n(rows, {wide_ids})", GREY),
    "weights": (158, 20, 136, 60, "{wide_ids} weights\nadded up", WIDE),
    "deep_ids": (16, 104, 116, 60, "deep_ids\n{categories} a row", GREY),
    "vectors": (158, 104, 136, 60, "{categories} vectors\nof {dimension} each", DEEP),
    "numbers": (16, 188, 116, 60, "numbers\n(rows, {numbers})", GREY),
    "beside": (320, 104, 84, 144, "{side_by_side}\nside\nby side", DEEP),
    "hidden_1": (430, 104, 52, 144, "{units[0]}", DEEP),
    "hidden_2": (502, 124, 52, 104, "{units[1]}", DEEP),
    "hidden_3": (574, 142, 52, 68, "{units[2]}", DEEP),
    "logit": (640, 20, 64, 228, "logit\nwide\n+\ndeep\n+\nbias", JOINT),
}
WAYS = [
    ("wide_ids", "weights", 50),
    ("weights", "logit", 50),
    ("deep_ids", "vectors", 134),
    ("vectors", "beside", 134),
    ("numbers", "beside", 218),
    ("beside", "hidden_1", 176),
    ("hidden_1", "hidden_2", 176),
    ("hidden_2", "hidden_3", 176),
    ("hidden_3", "logit", 176),
]


def lying(shapes, now, before=(), colours=None):
    """The model on its side: the parts `now` are filled, those `before` have their colour's edge, the rest is pale."""
    parts, colours = [], colours or {}
    for start, end, y in WAYS:
        there = end in (*now, *before)
        left, right = LYING[start][0] + LYING[start][2], LYING[end][0]
        parts += arrow((left, y), (right, y), colour=LINE if there else EDGE)
    for name, (x, y, width, height, lines, colour) in LYING.items():
        colour = colours.get(name, colour)
        fill = TINT[colour] if name in now else CARD
        parts += rectangle(x, y, width, height, fill, colour if name in (*now, *before) else EDGE)
        first, *rest = lines.format(**shapes).split("\n")
        top = y + height / 2 - 11 * len(rest)
        ink = INK if name in (*now, *before) else GREY
        parts += text(x + width / 2, top, first, bold=name in now, colour=ink)
        for i, string in enumerate(rest, start=1):
            parts += text(x + width / 2, top + 22 * i, string, SMALL, colour=ink)
    return parts

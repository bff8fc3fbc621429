"""A wide and deep model from its inputs to the probability: the frames that several drawings share."""

from collections.abc import Sequence
from typing import Any

from drawings.pieces import DEEP, JOINT, SMALL, WIDE, arrow, box, panel, svg, text


def model(
    title: str,
    description: str,
    wide: tuple[str, str, str],
    deep: tuple[Any, ...],
    side_by_side: str,
    units: Sequence[int],
    top: str,
) -> str:
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

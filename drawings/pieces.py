"""The pieces of a drawing: text, boxes, tables, lines and arrows, in the house's colours.

Each gives a list of SVG elements, to be added up; `svg` makes the file of them. A drawing stands on a light card of its
own, since a picture in a page cannot know whether that page is dark.
"""

import math
from collections.abc import Iterable, Sequence
from xml.sax.saxutils import escape

WIDTH = 720
WIDE, DEEP, JOINT, GREY = "#D55E00", "#0072B2", "#009E73", "#7F7F7F"  # GREY: other methods
TINT = {WIDE: "#FBE6D9", DEEP: "#DCEBF5", JOINT: "#D9F0E9", GREY: "#EDEDED"}
INK, LINE, CARD, EDGE = "#222222", "#555555", "#FFFFFF", "#C8C8C8"
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
LARGE, SMALL = 19, 17

Parts = list[str]  # SVG elements
Point = tuple[float, float]
Cell = tuple[float, float, float, float, str, str, bool]  # x, y, width, height, string, colour, is it on


def number(value: float) -> str:
    """A coordinate with at most one decimal, so that no last digit differs between machines."""
    return f"{round(value, 1):g}"


def signed(value: float) -> str:
    """A number with the sign of print."""
    return f"{value}".replace("-", "−")


def text(
    x: float,
    y: float,
    string: str,
    size: int = LARGE,
    anchor: str = "middle",
    bold: bool = False,
    colour: str = INK,
) -> Parts:
    """One line of text whose middle is at the height y."""
    weight = ' font-weight="bold"' if bold else ""
    place = f'x="{number(x)}" y="{number(y + 0.35 * size)}" font-size="{size}" text-anchor="{anchor}"'
    return [f'<text {place} fill="{colour}"{weight}>{escape(string)}</text>']


def rectangle(
    x: float, y: float, width: float, height: float, fill: str, stroke: str, radius: int = 6, thick: float = 1.5
) -> Parts:
    place = f'x="{number(x)}" y="{number(y)}" width="{number(width)}" height="{number(height)}"'
    return [f'<rect {place} rx="{radius}" fill="{fill}" stroke="{stroke}" stroke-width="{thick}"/>']


def box(x: float, y: float, width: float, height: float, lines: str, colour: str = GREY) -> Parts:
    """A tinted box with its lines in the middle; the first line is bold."""
    first, *rest = lines.split("\n")
    step = 22
    top = y + height / 2 - step * len(rest) / 2
    drawn = rectangle(x, y, width, height, TINT[colour], colour)
    drawn += text(x + width / 2, top, first, bold=True)
    for i, line in enumerate(rest, start=1):
        drawn += text(x + width / 2, top + step * i, line, size=SMALL)
    return drawn


def panel(x: float, y: float, width: float, height: float, title: str, colour: str = EDGE) -> Parts:
    """An open frame around a group, with its title, if any, inside at the top."""
    frame = rectangle(x, y, width, height, CARD, colour, radius=10)
    return frame + text(x + width / 2, y + 20, title, bold=True) if title else frame


def cells(*those: Cell) -> Parts:
    """Cells of a table: x, y, width, height, string, colour, and whether it is on, so coloured and bold.

    Those that are on are drawn last, so that no neighbour's edge lies on theirs.
    """
    drawn: Parts = []
    for x, y, width, height, string, colour, on in sorted(those, key=lambda cell: bool(cell[-1])):
        fill, stroke = (TINT[colour], colour) if on else (CARD, EDGE)
        drawn += rectangle(x, y, width, height, fill, stroke, radius=0)
        drawn += text(x + width / 2, y + height / 2, string, bold=on) if string else []
    return drawn


def line(x1: float, y1: float, x2: float, y2: float, colour: str = LINE, thick: float = 1.5) -> Parts:
    place = f'x1="{number(x1)}" y1="{number(y1)}" x2="{number(x2)}" y2="{number(y2)}"'
    return [f'<line {place} stroke="{colour}" stroke-width="{thick}"/>']


def head(x: float, y: float, dx: float, dy: float, colour: str) -> Parts:
    """The head of an arrow that ends at (x, y) and comes along (dx, dy)."""
    length = math.hypot(dx, dy)
    dx, dy = dx / length, dy / length
    corners = [(x, y), (x - 10 * dx - 5 * dy, y - 10 * dy + 5 * dx), (x - 10 * dx + 5 * dy, y - 10 * dy - 5 * dx)]
    points = " ".join(f"{number(a)},{number(b)}" for a, b in corners)
    return [f'<polygon points="{points}" fill="{colour}"/>']


def arrow(*points: Point, colour: str = LINE, thick: float = 2, dashed: bool = False, both: bool = False) -> Parts:
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


def dot(x: float, y: float, colour: str, radius: float = 8) -> Parts:
    return [f'<circle cx="{number(x)}" cy="{number(y)}" r="{radius}" fill="{colour}"/>']


def ring(x: float, y: float, colour: str, radius: float = 8) -> Parts:
    """A dot that is not filled."""
    place = f'cx="{number(x)}" cy="{number(y)}" r="{radius}"'
    return [f'<circle {place} fill="{CARD}" stroke="{colour}" stroke-width="2"/>']


def all_to_all(lower: Iterable[Point], upper: Sequence[Point], colour: str) -> Parts:
    """Thin lines from each point to each other, as between two layers."""
    return [part for a in lower for b in upper for part in line(*a, *b, colour=colour, thick=1)]


def svg(title: str, description: str, height: int, parts: Parts) -> str:
    """The whole file: a card, and a title and a description for those who cannot see it."""
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    opening = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-labelledby="title desc" font-family="{FONT}">',
        f'<title id="title">{escape(title)}</title>',
        f'<desc id="desc">{escape(" ".join(description.split()))}</desc>',
        *rectangle(1, 1, WIDTH - 2, height - 2, CARD, EDGE, radius=12),
    ]
    return "\n".join([*opening, *parts, "</svg>"]) + "\n"

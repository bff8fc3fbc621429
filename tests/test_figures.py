"""The drawings: the files are what the script makes, and nothing in them overflows, overlaps or is crossed out."""

import itertools
import re
import xml.etree.ElementTree as ET

import wdl_helpers as wdl
from drawings import figures, pieces
from tools.approximate import agrees, numbers_in

import nbformat
import numpy as np
import pytest
from IPython.core.formatters import DisplayFormatter
from IPython.display import Image
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath
from test_notebooks import PATHS, code, printed, prose

DRAWINGS = {path.name: path.read_text(encoding="utf-8") for path in sorted(figures.IMAGES.glob("*.svg"))}
NOTEBOOKS = [nbformat.read(path, as_version=4) for path in PATHS]
every_drawing = pytest.mark.parametrize("name", DRAWINGS)
HOUSE = {pieces.WIDE: wdl.ORANGE, pieces.DEEP: wdl.BLUE, pieces.JOINT: wdl.GREEN, pieces.GREY: wdl.GREY}


def elements(name, tag):
    return ET.fromstring(DRAWINGS[name]).findall(f".//{{http://www.w3.org/2000/svg}}{tag}")


def numbers(element, *names):
    return [float(element.get(name)) for name in names]


def text_boxes(name):
    """(left, top, right, bottom, text) of each line, in DejaVu Sans: hardly any system's font is wider."""
    found = []
    for element in elements(name, "text"):
        x, y, size = numbers(element, "x", "y", "font-size")
        font = FontProperties(family="DejaVu Sans", weight=element.get("font-weight", "normal"))
        outline = TextPath((0, 0), element.text, size=size, prop=font)
        width = np.ptp(outline.vertices[outline.codes != outline.CLOSEPOLY, 0])
        left = x - {"start": 0, "middle": width / 2, "end": width}[element.get("text-anchor")]
        found.append((left, y - 0.75 * size, left + width, y + 0.2 * size, element.text))
    return found


def segments(name):
    """The ends of each straight piece of a line or an arrow."""
    found = [numbers(line, "x1", "y1", "x2", "y2") for line in elements(name, "line")]
    for arrow in elements(name, "polyline"):
        points = [[float(number) for number in point.split(",")] for point in arrow.get("points").split()]
        found += [[*start, *end] for start, end in itertools.pairwise(points)]
    return found


def apart(one, other):
    return one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]


def crosses(segment, box):
    """Whether a straight line goes through a box: one of many points on it lies inside."""
    x1, y1, x2, y2 = segment
    if apart((min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)), box):
        return False
    points = [(x1 + t / 400 * (x2 - x1), y1 + t / 400 * (y2 - y1)) for t in range(401)]
    return any(box[0] < x < box[2] and box[1] < y < box[3] for x, y in points)


def test_the_files_are_what_the_script_makes():
    """So the other tests look at the files."""
    assert figures.drawings() == DRAWINGS


@every_drawing
def test_it_says_what_it_shows_and_fits_a_page(name):
    (title,), (description,) = elements(name, "title"), elements(name, "desc")
    assert len(title.text.split()) >= 3 and len(description.text.split()) >= 30
    root = ET.fromstring(DRAWINGS[name])
    assert root.get("role") == "img" and root.get("font-family").endswith("sans-serif")
    assert root.get("viewBox") == f"0 0 {root.get('width')} {root.get('height')}" and int(root.get("width")) <= 800


@every_drawing
def test_its_colours_are_the_houses(name):
    assert all(ours == theirs for ours, theirs in HOUSE.items())
    known = {*HOUSE, *pieces.TINT.values(), pieces.INK, pieces.LINE, pieces.CARD, pieces.EDGE}
    assert set(re.findall(r"#[0-9A-F]{6}", DRAWINGS[name])) <= known


@every_drawing
def test_no_text_leaves_its_box_or_meets_another_or_is_crossed_out(name):
    texts = text_boxes(name)
    for one, other in itertools.combinations(texts, 2):
        assert apart(one, other), (one[4], other[4])
    for rectangle in elements(name, "rect"):
        x, y, width, height = numbers(rectangle, "x", "y", "width", "height")
        for left, top, right, bottom, string in texts:
            inside = x + 2 <= left and right <= x + width - 2 and y <= top and bottom <= y + height
            assert inside or apart((left, top, right, bottom), (x, y, x + width, y + height)), string
    for segment, box in itertools.product(segments(name), texts):
        assert not crosses(segment, box), (segment, box[4])


@every_drawing
def test_its_numbers_are_those_of_the_notebook_that_shows_it(name):
    shown = [notebook for notebook in NOTEBOOKS if any(f"images/{name}" in text for text in prose(notebook))]
    assert shown, "no notebook shows it"
    drawn = " ".join(element.text for element in elements(name, "text"))
    said = " ".join(text for notebook in shown for text in prose(notebook) if f"images/{name}" in text)
    if "small example" in drawn + said:
        return  # its numbers are its own
    source = " ".join(printed(notebook) + " ".join(cell.source for cell in code(notebook)) for notebook in shown)
    known = numbers_in(source)
    for number in re.findall(r"\d+\.\d+|\d{1,3}(?:,\d{3})+|\de-\d\d", drawn):
        assert agrees(number, known), f"{number} is not in the notebook"


def test_a_figures_text_is_metadata_of_its_picture_in_old_ipython_too(monkeypatch):
    """Colab's IPython 7.34 has no argument `alt`; these are its own."""

    def image(data=None, url=None, filename=None, format=None, embed=None, width=None, height=None, retina=False,  # noqa: A002
              unconfined=False, metadata=None):  # fmt: skip
        return Image(data, metadata=metadata)

    monkeypatch.setattr("wide_deep.plots.Image", image)
    data, metadata = DisplayFormatter().format(wdl.show(wdl.canvas("One", "x", "y")[0], alt="A text."))
    assert metadata == {"image/png": {"alt": "A text."}}
    assert data["text/plain"] == "<IPython.core.display.Image object>" and data["image/png"].startswith("iVBOR")

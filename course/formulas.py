"""Draw the formulas of a feedback page: a page that runs no scripts cannot call MathJax, but browsers know MathML.

A formula may be a student's, so it may be anything. One that cannot be read, that is very long, or that turns into
anything but MathML stays as it was typed.
"""

import re

import latex2mathml.converter
from bs4 import BeautifulSoup, Tag
from bs4.element import NavigableString

FORMULA = re.compile(r"(?<!\\)\$\$(?P<display>[^$]+)\$\$|(?<!\\)\$(?P<inline>[^$\s](?:[^$]*[^$\s])?)\$(?!\d)")
LONGEST = 1_000  # characters: nothing in the notebooks is longer
UNTOUCHED = ("code", "pre", "script", "style", "math", "textarea")  # where a dollar is a dollar
MATHML = re.compile(r"math|m[a-z]+|semantics|annotation")


def _drawn(formula: str, display: str) -> Tag | None:
    """A formula as an element; None where that cannot be done."""
    if len(formula) > LONGEST:
        return None
    try:
        text = latex2mathml.converter.convert(formula, display=display)
    except Exception:  # the package has a class of its own for each fault, without a common one
        return None
    element = BeautifulSoup(text, "html.parser").find("math")
    if not isinstance(element, Tag) or not all(MATHML.fullmatch(tag.name) for tag in element.find_all(True)):
        return None
    return element


def draw_formulas(page: str) -> str:
    """A page in which the formulas of its texts are MathML.

    Args:
        page: HTML, in which formulas stand between dollars as in a notebook.

    Returns:
        the page; formulas that cannot be drawn, and all dollars in code, stand as they did.

    Example:
        >>> draw_formulas("<p>Take $x^2$, <code>$y$</code> and 5$.</p>")
        '<p>Take <math ...<msup><mi>x</mi><mn>2</mn></msup>...</math>, <code>$y$</code> and 5$.</p>'
    """
    soup = BeautifulSoup(page, "html.parser")
    for text in soup.find_all(string=FORMULA):
        if type(text) is not NavigableString or text.find_parent(UNTOUCHED):
            continue
        end = 0
        pieces: list[Tag | NavigableString] = []
        for match in FORMULA.finditer(text):
            formula = match["display"] or match["inline"]
            element = _drawn(formula, "block" if match["display"] else "inline")
            if element is not None:
                pieces += [NavigableString(text[end : match.start()]), element]
                end = match.end()
        text.replace_with(*pieces, NavigableString(text[end:]))
    return str(soup)

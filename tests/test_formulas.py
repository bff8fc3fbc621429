"""The formulas of feedback pages: drawn without a script, and left as they were typed where they may not be."""

import time

from course.formulas import LONGEST, draw_formulas

import pytest


def test_formulas_in_a_text_are_drawn():
    page = draw_formulas("<p>From $z_1$ to</p><p>$$\\frac{a}{b}$$</p>")
    assert page.count("<math") == 2 and "$" not in page
    assert 'display="inline"' in page and 'display="block"' in page
    assert "<msub><mi>z</mi><mn>1</mn></msub>" in page and "<mfrac>" in page
    assert page.startswith("<p>From <math") and "</math> to</p>" in page


@pytest.mark.parametrize(
    "text",
    [
        "<code>$x$</code>",
        "<pre>a = $x$</pre>",
        "<script>let a = '$x$';</script>",
        "<p>between $5 and $6</p>",
        "<p>\\$x\\$</p>",
        "<!-- $x$ -->",
        "<p>$\\frac{$</p>",
        "<p>$x^$ and ${$</p>",
        f"<p>${'x' * (LONGEST + 1)}$</p>",
    ],
)
def test_what_is_no_formula_or_cannot_be_read_stays_as_it_was_typed(text):
    assert draw_formulas(text) == text


def test_a_formula_brings_no_other_elements_into_the_page():
    hostile = "<p>$\\text{&lt;script&gt;alert(1)&lt;/script&gt;}$ and $&lt;img src=x onerror=alert(1)&gt;$</p>"
    page = draw_formulas(hostile)
    assert "<script" not in page and "<img" not in page


@pytest.mark.parametrize(
    "formula", ["{" * 900, "\\frac{" * 150, "x^{" * 300 + "}" * 300, "\\left(" * 160, "\\sqrt{" * 160]
)
def test_a_formula_of_a_thousand_brackets_holds_nothing_up(formula):
    start = time.perf_counter()
    draw_formulas(f"<p>${formula}$</p>")
    assert time.perf_counter() - start < 5

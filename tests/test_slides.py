"""The slides of the lessons: what is on them and what is not. `make slides` looks whether all of it fits."""

import pathlib

from tools import slides
from tools.slides import Deck, Slide

import nbformat
import nbformat.v4
import pytest

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "notebooks"
CARD = "# 2 · The title\n\n| | |\n|:--|:--|\n| **Question** | Why? |\n| **You learn** | much, and more |"


def deck(*cells: nbformat.NotebookNode | str) -> list[tuple[str, str, str]]:
    """Heading, what is shown and what is said of each slide after the title's."""
    made = [nbformat.v4.new_markdown_cell(cell) if isinstance(cell, str) else cell for cell in (CARD, *cells)]
    found = Deck(nbformat.v4.new_notebook(cells=made), FOLDER).slides
    return [(slide.heading, slide.shown, slide.said.strip()) for slide in found[1:]]


def printing(text: str, **metadata: object) -> nbformat.NotebookNode:
    """A cell of code that has printed a text."""
    cell = nbformat.v4.new_code_cell("secret = 1", metadata=metadata)
    cell.outputs = [nbformat.v4.new_output("stream", text=text)]
    return cell


def test_the_first_slide_is_the_card():
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(CARD)])
    assert Deck(notebook, FOLDER).slides == [Slide("2 · The title", "", "Why?\n\nMuch, and more.")]


def test_an_output_has_the_two_sentences_after_it_and_a_question_the_two_before():
    found = deck("## One", "A. B. C.", "D. E. F. **Predict:** what? And why?", printing("1\n2\n"), "G. H. I.")
    assert found == [
        ("One", "", "A. B.\n\nE. F.\n\n**Predict:** what? And why?"),
        ("One", "<pre>1\n2</pre>", "G. H."),
    ]


def test_what_is_bold_is_what_is_said():
    assert deck("## One", printing("1\n2"), "A. B: **the point.** C.") == [
        ("One", "<pre>1\n2</pre>", "B: **the point.**")
    ]


def test_a_formula_stands_below_what_leads_to_it():
    assert deck("## One", printing("1\n2"), "A. B. C is:\n\n$$C$$") == [
        ("One", "<pre>1\n2</pre>", ""),
        ("One", "", "B. C is:\n\n$$C$$"),
    ]


def test_asides_code_answers_and_what_follows_the_lesson_are_left_out():
    aside = nbformat.v4.new_markdown_cell("### Aside · Two", metadata={"jp-MarkdownHeadingCollapsed": True})
    found = deck(
        "## One",
        aside,
        "Beside.",
        printing("3\n4"),
        "#### Deeper",
        "Beside.",
        "## Two",
        "A.\n\n<details><summary>An answer</summary>\n\nSecret.\n\n</details>",
        printing("a line"),
        "## Exercises",
        "Secret.",
    )
    assert found == [("Two", "", "A.")]


def test_a_link_to_a_file_is_its_text_on_a_slide():
    text = "[all](../README.md#a) and [the paper](https://arxiv.org/abs/1606.07792)"
    assert slides.remove_links(text) == "all and [the paper](https://arxiv.org/abs/1606.07792)"


@pytest.mark.parametrize("number", slides.CORE)
def test_the_slides_of_a_lesson_hold_its_pictures_its_recap_and_its_questions(number):
    (path,) = FOLDER.glob(f"{number}_*.ipynb")
    text = slides.make_page(path)
    notebook = nbformat.read(path, as_version=4)
    found = Deck(notebook, FOLDER).slides
    assert 20 < len(found) < 50
    assert text.count("Check yourself") == 6 and "<details>" not in text and "secret" not in text
    assert sum(slide.heading == "What to remember" for slide in found) == 1
    assert text.count("<img") >= 3 and text.count('src="data:') == text.count("<img")


def test_a_sentence_that_a_formula_ends_is_no_caption():
    assert slides.make_caption("First. **Each weight costs about**") == ""
    assert slides.make_caption("First. **Each weight costs much.** Last.") == "**Each weight costs much.**"

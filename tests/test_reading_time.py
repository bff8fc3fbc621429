"""How long a lesson is, counted by hand on a small notebook."""

from tools.reading_time import (
    count_budgeted,
    count_drawings,
    count_words,
    find_excesses,
    lesson_cells,
    names_given,
    reading_minutes,
    words_of_asides,
)

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

COLLAPSED = {"jp-MarkdownHeadingCollapsed": True}
FOLDED = {"jupyter": {"source_hidden": True}}


def small():
    printed = [new_output("stream", text="1\n"), new_output("display_data", data={"text/plain": "x"})]
    return new_notebook(
        cells=[
            new_markdown_cell("# 2 · Three words"),  # 5 words: whatever stands between blanks
            new_code_cell("import os\n\nrate = 1\nfor i in [2]:\n    def f(x):\n        y = x", outputs=printed),
            new_markdown_cell("Five words, [one linked](../x.md) $$a + b$$ ![a text of no account](a.svg)"),
            new_markdown_cell("## Aside · Why", metadata=COLLAPSED),
            new_markdown_cell("### Deeper\n\nis <b>within</b> it – <!-- not read --> | :-- |"),
            new_code_cell("proof = [z for z in range(3)]\nassert proof", metadata=FOLDED),
            new_markdown_cell("## After"),
            new_markdown_cell("## Exercises"),
            new_code_cell("late = 1"),
            new_markdown_cell("many words of no account"),
        ]
    )


def test_a_lesson_ends_where_its_exercises_begin():
    assert len(lesson_cells(small())) == 7 and lesson_cells(small())[-1].source == "## After"
    without = new_notebook(cells=[new_markdown_cell("a")])
    assert lesson_cells(without) == without.cells


def test_words_are_those_that_are_read():
    cells = small().cells
    assert [count_words([cell]) for cell in cells[:5]] == [5, 0, 4, 4, 13]


def test_names_are_all_that_the_code_that_is_seen_gives():
    assert names_given(small().cells[:7]) == {"rate", "i", "y"}
    more = "a, (b, *c) = 1, (2, 3)\nwith x as d:\n    e = 1\nif (g := 2):\n    class H:\n        inner = 1\n"
    more += "a.x = [h for h in b]"
    assert names_given([new_code_cell(more)]) == {"a", "b", "c", "d", "e", "g", "h", "inner"}


def test_an_aside_is_what_a_collapsed_heading_hides():
    assert words_of_asides(small().cells) == {"Aside · Why": 17}
    later = [new_markdown_cell(f"## {title}", metadata=COLLAPSED) for title in ("A", "B")]
    assert words_of_asides([*later, new_markdown_cell("one two")]) == {"A": 2, "B": 4}


def test_minutes_are_of_words_lines_and_outputs():
    assert reading_minutes(lesson_cells(small())) == pytest.approx((5 + 4 + 4 + 13 + 2) / 150 + 5 * 5 / 60 + 2 * 8 / 60)


def test_what_is_over_the_budget_is_said():
    notebook = small()
    assert find_excesses(notebook) == []
    assert count_budgeted(notebook) == {"words": 28, "cells": 7, "names": 3, "drawings": 1, "asides": 1}
    notebook.cells[4].source = "word " * 2_600
    assert find_excesses(notebook) == ["2,615 words; at most 2,500", "'Aside · Why' has 2604 words; at most 250"]
    crowded = [new_markdown_cell(f"## Aside · {i}", metadata=COLLAPSED) for i in range(61)]
    crowded += [new_code_cell(f"name_{i} = 1") for i in range(61)] + [new_markdown_cell("![a](b)" * 7)]
    assert count_drawings(crowded) == 7
    said = find_excesses(new_notebook(cells=crowded))
    assert said == ["123 cells; at most 60", "61 names; at most 60", "7 drawings; at most 6", "61 asides; at most 5"]


def test_a_notebook_that_is_read_from_a_file_counts_the_same(tmp_path):
    nbformat.write(small(), tmp_path / "small.ipynb")
    assert count_budgeted(nbformat.read(tmp_path / "small.ipynb", as_version=4)) == count_budgeted(small())

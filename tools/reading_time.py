"""How long a lesson is: its words, cells, names, drawings and asides, and the minutes that it takes to read.

    python -m tools.reading_time [02 …]    a line for each notebook, and what is over its budget

A lesson is all of a notebook before its exercises.
"""

import argparse
import ast
import pathlib
import re
import sys
from collections.abc import Iterable

import nbformat
from nbformat import NotebookNode

NOTEBOOKS = pathlib.Path(__file__).resolve().parent.parent / "notebooks"
WORDS_A_MINUTE, SECONDS_A_LINE, SECONDS_AN_OUTPUT = 150, 5, 8
BUDGET = {"words": 2_500, "cells": 60, "names": 60, "drawings": 6, "asides": 5}
WORDS_AN_ASIDE, WORDS_OF_THE_COURSE = 250, 30_000
# What is looked at and not read: a picture with its text, a formula on lines of its own.
NOT_READ = re.compile(r"!\[[^\]]*\]\([^)]*\)|\$\$.*?\$\$", re.S)
HEADING = re.compile(r"(#+) (.+)")


def lesson_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """The cells before the exercises; all, if there are none."""
    starts = [i for i, cell in enumerate(notebook.cells) if cell.source.startswith("## Exercises")]
    return notebook.cells[: starts[0]] if starts else notebook.cells


def is_folded(cell: NotebookNode) -> bool:
    """Whether JupyterLab hides the source of a cell of code until one clicks."""
    return cell.metadata.get("jupyter", {}).get("source_hidden", False)


def is_collapsed(cell: NotebookNode) -> bool:
    """Whether JupyterLab hides all that stands below a heading until one clicks."""
    return cell.metadata.get("jp-MarkdownHeadingCollapsed", False)


def count_words(cells: Iterable[NotebookNode]) -> int:
    """The number of words in the text of cells: whatever stands between blanks, the bars of a table too."""
    texts = [NOT_READ.sub(" ", cell.source) for cell in cells if cell.cell_type == "markdown"]
    return sum(len(text.split()) for text in texts)


def count_drawings(cells: Iterable[NotebookNode]) -> int:
    """The number of drawings that the text of cells shows."""
    return sum(len(re.findall(r"!\[", cell.source)) for cell in cells if cell.cell_type == "markdown")


def visible_code(cells: Iterable[NotebookNode]) -> list[NotebookNode]:
    """The cells of code that a reader sees."""
    return [cell for cell in cells if cell.cell_type == "code" and not is_folded(cell)]


def names_given(cells: Iterable[NotebookNode]) -> set[str]:
    """The names that visible code gives, inside functions, loops and comprehensions too; not arguments and imports."""
    nodes = [node for cell in visible_code(cells) for node in ast.walk(ast.parse(cell.source))]
    return {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}


def words_of_asides(cells: Iterable[NotebookNode]) -> dict[str, int]:
    """Title → words, for each collapsed section: what stands below its heading, up to the next that is not deeper."""
    found: dict[str, int] = {}
    title = None
    depth = 0
    for cell in cells:
        heading = HEADING.match(cell.source) if cell.cell_type == "markdown" else None
        if heading and (title is None or len(heading[1]) <= depth):
            title, depth = (heading[2], len(heading[1])) if is_collapsed(cell) else (None, 0)
        if title is not None:
            found[title] = found.get(title, 0) + count_words([cell])
    return found


def reading_minutes(cells: Iterable[NotebookNode]) -> float:
    """How long it takes to read cells: words, lines of code that are seen, outputs."""
    code = visible_code(cells)
    lines = sum(bool(line.strip()) for cell in code for line in cell.source.splitlines())
    outputs = sum(len(cell.outputs) for cell in code)
    return count_words(cells) / WORDS_A_MINUTE + (lines * SECONDS_A_LINE + outputs * SECONDS_AN_OUTPUT) / 60


def count_budgeted(notebook: NotebookNode) -> dict[str, int]:
    """What the budget counts, of a notebook's lesson: dict name → number."""
    cells = lesson_cells(notebook)
    return {
        "words": count_words(cells),
        "cells": len(cells),
        "names": len(names_given(cells)),
        "drawings": count_drawings(cells),
        "asides": len(words_of_asides(cells)),
    }


def find_excesses(notebook: NotebookNode) -> list[str]:
    """What is over the budget, a sentence each; an empty list if nothing is."""
    counted = count_budgeted(notebook)
    found = [f"{counted[name]:,} {name}; at most {most:,}" for name, most in BUDGET.items() if counted[name] > most]
    for title, length in words_of_asides(lesson_cells(notebook)).items():
        found += [f"'{title}' has {length} words; at most {WORDS_AN_ASIDE}"] if length > WORDS_AN_ASIDE else []
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("numbers", nargs="*", help="notebooks, such as 02; all if none is named")
    numbers = parser.parse_args().numbers
    paths = [path for path in sorted(NOTEBOOKS.glob("*.ipynb")) if not numbers or path.stem[:2] in numbers]
    missing = set(numbers) - {path.stem[:2] for path in paths}
    if missing:
        sys.exit(f"There is no notebook {min(missing)}.")
    total, faults = 0, 0
    for path in paths:
        notebook = nbformat.read(path, as_version=4)
        counted = count_budgeted(notebook)
        total += counted["words"]
        listed = ", ".join(f"{number:,} {name}" for name, number in counted.items())
        print(f"{path.stem}: {reading_minutes(lesson_cells(notebook)):.0f} minutes; {listed}")
        for sentence in find_excesses(notebook):
            faults += 1
            print(f"    {sentence}")
    print(f"{total:,} words in all; at most {WORDS_OF_THE_COURSE:,}")
    sys.exit(1 if faults or total > WORDS_OF_THE_COURSE else 0)


if __name__ == "__main__":
    main()

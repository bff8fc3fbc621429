"""The exercises of a notebook, and how to read a notebook that someone has sent in."""

import copy
import json
import pathlib
import re
from collections.abc import Callable
from typing import Any

import nbformat
from nbformat import NotebookNode

LARGEST_FILE = 50_000_000  # bytes, with all pictures
LARGEST = 10_000_000  # characters, without outputs
HEADING = "## Exercises"
QUIZ = "check-yourself"  # the id of the cell with questions that are not graded
NEW_CELL: dict[str, Callable[..., NotebookNode]] = {
    "code": nbformat.v4.new_code_cell,
    "markdown": nbformat.v4.new_markdown_cell,
    "raw": nbformat.v4.new_raw_cell,
}


class UnreadableNotebook(ValueError):
    """A file that is not a notebook; its text says why, as the end of a sentence that begins with 'The file'."""


# ---------------------------------------------------------------------------------------------- read a file


def _without_outputs(text: str) -> dict[str, Any]:
    """The JSON of a notebook without outputs and attachments, which nobody grades and which can be large."""
    notebook = json.loads(text)
    if not isinstance(notebook, dict):
        raise TypeError("a notebook is a JSON object")
    for cell in notebook.get("cells", []):
        if cell.get("cell_type") == "code":
            cell["outputs"] = []
        cell.pop("attachments", None)
    return notebook


def read_notebook(path: pathlib.Path) -> NotebookNode:
    """Read a notebook that someone has sent in, without its outputs.

    Args:
        path: the file. A byte-order mark, as some editors write it, does no harm.

    Returns:
        The notebook, in nbformat 4.

    Raises:
        UnreadableNotebook: it is a link, too large, or not a notebook.
    """
    if path.is_symlink() or not path.is_file():
        raise UnreadableNotebook("is a link, or no file")
    if path.stat().st_size > LARGEST_FILE:
        size = path.stat().st_size / 1e6
        raise UnreadableNotebook(f"has {size:.1f} MB, and can have {LARGEST_FILE // 10**6} MB")
    try:
        text = json.dumps(_without_outputs(path.read_bytes().decode("utf-8-sig")))
    except Exception as error:  # anything may stand in a file that someone sends in
        raise UnreadableNotebook(f"cannot be read as a notebook ({type(error).__name__})") from None
    if len(text) > LARGEST:
        size = len(text) / 1e6
        raise UnreadableNotebook(f"has {size:.1f} MB without outputs, and can have {LARGEST // 10**6} MB")
    try:
        return nbformat.reads(text, as_version=4)
    except Exception as error:
        raise UnreadableNotebook(f"cannot be read as a notebook ({type(error).__name__})") from None


# ------------------------------------------------------------------------------------------------ exercises


def grade_id(cell: NotebookNode) -> str | None:
    """The name that nbgrader knows a cell by; None for a cell of the lesson or of the student."""
    return cell.metadata.get("nbgrader", {}).get("grade_id")


def is_answer(cell: NotebookNode) -> bool:
    """Whether a student is to write into a cell."""
    return cell.metadata.get("nbgrader", {}).get("solution", False)


def is_heading(cell: NotebookNode) -> bool:
    """Whether a cell is the heading above the exercises."""
    return cell.cell_type == "markdown" and cell.source.startswith(HEADING)


def heading_index(notebook: NotebookNode) -> int | None:
    """The position of the heading above the exercises, or None where it was deleted."""
    return next((index for index, cell in enumerate(notebook.cells) if is_heading(cell)), None)


def first_exercise_cell(notebook: NotebookNode, released: NotebookNode | None) -> int:
    """The position from which all cells belong to the exercises.

    Args:
        notebook: as the student has left it.
        released: as it was handed out, if that is known: where the heading was deleted, the exercises begin after the
            last cell of the lesson.

    Returns:
        The position; the notebook's length if nothing tells where the exercises begin.
    """
    index = heading_index(notebook)
    if index is not None:
        return index
    lesson = released.cells[: heading_index(released)] if released else []
    lesson_ids = {cell.get("id") for cell in lesson} - {None}
    lesson_indices = [index for index, cell in enumerate(notebook.cells) if cell.get("id") in lesson_ids]
    return lesson_indices[-1] + 1 if lesson_indices else len(notebook.cells)


def _with_marks_by_id(notebook: NotebookNode, released: NotebookNode) -> NotebookNode:
    """A copy in which cells that lost nbgrader's metadata, as some editors drop it, have them again by their ids."""
    result = copy.deepcopy(notebook)
    seen = {grade_id(cell) for cell in result.cells}
    released_metadata = {cell.id: cell.metadata.nbgrader for cell in released.cells if grade_id(cell) and "id" in cell}
    for cell in result.cells:
        marks = released_metadata.get(cell.get("id"))
        if marks is not None and "nbgrader" not in cell.metadata and marks.grade_id not in seen:
            cell.metadata["nbgrader"] = copy.deepcopy(marks)
            seen.add(marks.grade_id)
    return result


def extract_exercises(notebook: NotebookNode, released: NotebookNode | None = None) -> NotebookNode:
    """A copy of a notebook with its exercises alone, as they are graded.

    Args:
        notebook: as the student has left it.
        released: as it was handed out; a cell of nbgrader that the student has deleted is taken from there, after the
            cell that it followed.

    Returns:
        The cells that nbgrader knows, each once, and all that stands after the heading 'Exercises' but its quiz.
    """
    result = _with_marks_by_id(notebook, released) if released else copy.deepcopy(notebook)
    start = first_exercise_cell(result, released)
    kept = []
    seen = set()
    for index, cell in enumerate(result.cells):
        if grade_id(cell) in seen:
            cell.metadata.pop("nbgrader")  # a copy is an ordinary cell
        is_quiz = cell.cell_type == "markdown" and cell.get("id") == QUIZ
        if (index >= start and not is_quiz) or grade_id(cell):
            kept.append(cell)
        if grade_id(cell):
            seen.add(grade_id(cell))
    result.cells = kept
    after = 0
    for cell in copy.deepcopy(released.cells) if released else []:
        names = [grade_id(other) for other in result.cells]
        if grade_id(cell) in names:
            after = names.index(grade_id(cell)) + 1
        elif grade_id(cell):
            result.cells.insert(after, cell)
            after += 1
    return result


def find_missing_parts(notebook: NotebookNode, released: NotebookNode) -> list[str]:
    """What is missing in a student's notebook, a sentence each: answers, and the heading above the exercises."""
    names = {grade_id(cell) for cell in _with_marks_by_id(notebook, released).cells}
    missing = [grade_id(cell) for cell in released.cells if is_answer(cell) and grade_id(cell) not in names]
    remarks = [f"The answer cell '{name}' is missing, so it counts as empty." for name in missing]
    if heading_index(notebook) is None and heading_index(released) is not None:
        remarks.append("The heading 'Exercises' is missing, so cells of the student's own above it may be left out.")
    return remarks


# --------------------------------------------------------------------------------- what nbgrader gets to see


def remark_cell(text: str) -> NotebookNode:
    """A cell with a remark, for the student's feedback and for the teacher's table of grades."""
    shown = re.sub(r"([\\`*_\[\]#])", r"\\\1", _escape_html(text))
    return nbformat.v4.new_markdown_cell(f"**{shown}**", metadata={"remark": text})


def _escape_html(markdown: str) -> str:
    """Markdown in which HTML is shown as text: the teacher's browser does not run it."""
    return re.sub(r"<(?=[A-Za-z/!?])", "&lt;", markdown)


def restore_exercises(notebook: NotebookNode, released: NotebookNode) -> NotebookNode:
    """The exercises of a notebook, of which nothing but what the student wrote is the student's.

    Tags, outputs, attributes and the kernel's name come from the notebook as it was handed out: a tag can make the
    grading leave out a cell.

    Args:
        notebook: as the student has left it.
        released: as it was handed out.

    Returns:
        The exercises, with the sentences of `find_missing_parts` at their head.
    """
    result = extract_exercises(notebook, released)
    result.metadata = copy.deepcopy(released.metadata)
    released_cells = {grade_id(cell): cell for cell in released.cells if grade_id(cell)}
    cells = []
    for cell in result.cells:
        if grade_id(cell) in released_cells:
            cells.append(copy.deepcopy(released_cells[grade_id(cell)]))
            if is_answer(cells[-1]):
                cells[-1].source = cell.source
        else:
            cells.append(NEW_CELL[cell.cell_type](cell.source))
    for cell in cells:
        if cell.cell_type == "markdown" and not cell.metadata.get("nbgrader", {}).get("locked"):
            cell.source = _escape_html(cell.source)
    result.cells = [*map(remark_cell, find_missing_parts(notebook, released)), *cells]
    return result


def read_hand_in(path: pathlib.Path, released: NotebookNode) -> NotebookNode:
    """Read a notebook that someone has sent in, as nbgrader gets to see it.

    Args:
        path: the file.
        released: the notebook as it was handed out.

    Raises:
        UnreadableNotebook: it is a link, too large, or not a notebook.
    """
    notebook = read_notebook(path)
    try:
        result = restore_exercises(notebook, released)
        nbformat.validate(result)
        return result
    except Exception as error:  # a list where a name is expected, and the like
        raise UnreadableNotebook(f"cannot be read as a notebook ({type(error).__name__})") from None


def without_answers(released: NotebookNode, remark: str) -> NotebookNode:
    """The exercises as they were handed out, so without any answer, with a remark at their head."""
    result = extract_exercises(released)
    result.cells.insert(0, remark_cell(remark))
    return result

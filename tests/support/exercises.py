"""The graded exercises of the notebooks, found by nbgrader's marks, and a way to run them without a kernel."""

import contextlib
import pathlib

import nbformat
import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def marks(cell):
    return cell.metadata.get("nbgrader", {})


def setup(notebook):
    """The source of the first code cell: all that exercises may need of the lesson."""
    return next(cell.source for cell in notebook.cells if cell.cell_type == "code")


def exercises(notebook):
    """dict exercise id → its cells, the answer first and then its tests, of the exercises that a machine grades."""
    found = {}
    for cell in notebook.cells:
        if cell.cell_type == "code" and marks(cell).get("solution"):
            found[marks(cell)["grade_id"]] = [cell]
        elif marks(cell).get("grade") and cell.cell_type == "code":
            found[list(found)[-1]].append(cell)
    return found


def points(answer, tests, names):
    """Run an exercise in the namespace `names`, as the grading does.

    Args:
        answer: source of the answer.
        tests: its test cells.
        names: dict, what was defined before.

    Returns:
        Two lists, an entry a test cell: the points that it gives, and the error that it raised, or None.
    """
    with contextlib.suppress(Exception):  # its tests show what is missing
        exec(answer, names)
    given, errors = [], []
    for cell in tests:
        try:
            exec(cell.source, names)
        except Exception as error:
            given, errors = [*given, 0], [*errors, error]
        else:
            given, errors = [*given, marks(cell)["points"]], [*errors, None]
    return given, errors


SOURCE = {path.stem: nbformat.read(path, as_version=4) for path in sorted((ROOT / "notebooks").glob("*.ipynb"))}
EXERCISES = [pytest.param(stem, name, id=f"{stem[:2]}-{name}") for stem in SOURCE for name in exercises(SOURCE[stem])]
every_exercise = pytest.mark.parametrize("stem, name", EXERCISES)


def solved_before(stem, name):
    """The namespace in which an exercise starts: the imports, and the answers of those before it."""
    names = {}
    exec(setup(SOURCE[stem]), names)
    for other, cells in exercises(SOURCE[stem]).items():
        if other == name:
            break
        exec(cells[0].source, names)
    return names

"""A course whose notebooks are small, so that a class is graded in seconds."""

import copy
import csv
import functools

from course.folders import Folders, nbgrader_settings
from course.release import write_student_notebooks

import nbformat
import nbgrader.api
from exercises import marks

WORDS = "*Your answer here*"
# Each new gradebook starts a program that takes seconds, to ask for a number that is always the same.
nbgrader.api.get_alembic_version = functools.cache(nbgrader.api.get_alembic_version)


def mark(name, kind, worth=None):
    """nbgrader's marks of a cell: 'answer', 'test', 'words' or 'imports'."""
    fields = {
        "grade": kind in ("test", "words"),
        "solution": kind in ("answer", "words"),
        "locked": kind in ("test", "imports"),
        "task": False,
    }
    points = {} if worth is None else {"points": worth}
    return {"nbgrader": {"schema_version": 3, "grade_id": name, **fields} | points}


def small_notebook():
    """A notebook with two exercises, worth 1 + 2 and 1 + 1 points, and a question in words, worth 2."""
    v4 = nbformat.v4
    cells = [
        v4.new_code_cell("import numpy as np", metadata=mark("imports", "imports")),
        v4.new_code_cell("lesson = 1"),
        v4.new_markdown_cell("## Exercises"),
    ]
    for name, factor, worth in (("double", 2, 2), ("triple", 3, 1)):
        answer = f"def {name}(x):\n    ### BEGIN SOLUTION\n    return {factor} * x\n    ### END SOLUTION"
        hidden = f"assert ({name}(np.arange(9)) == {factor} * np.arange(9)).all()"
        cells += [
            v4.new_code_cell(answer, metadata=mark(name, "answer")),
            v4.new_code_cell(f"assert {name}(1) == {factor}", metadata=mark(f"{name}-test", "test", 1)),
            v4.new_code_cell(
                f"### BEGIN HIDDEN TESTS\n{hidden}\n### END HIDDEN TESTS",
                metadata=mark(f"{name}-hidden", "test", worth),
            ),
        ]
    cells.append(v4.new_markdown_cell("The answer", metadata=mark("in-words", "words", 2)))
    for index, cell in enumerate(cells):
        cell.id = f"cell-{index}"
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    return v4.new_notebook(cells=cells, metadata=kernel)


def small_course(folder, source, names=("05_small",)):
    """A course in `folder` whose notebooks are all `source`: its folders, and the notebook as students get it."""
    folders = Folders(folder, folder / "build")
    folders.notebooks.mkdir(parents=True)
    for name in names:
        nbformat.write(source, folders.notebooks / f"{name}.ipynb")
    config = nbgrader_settings(folders)
    config.GenerateAssignment.no_database = True
    config.SaveCells.enabled = False
    write_student_notebooks(folders, config)
    return folders, nbformat.read(folders.release / "notebooks" / f"{names[0]}.ipynb", as_version=4)


def cell_of(notebook, name):
    """The cell that nbgrader knows by a name."""
    return next(cell for cell in notebook.cells if marks(cell).get("grade_id") == name)


def solve(notebook, source, but=None):
    """Write the source's answers into a released notebook, with those in `but`, id → answer, in place of some."""
    solved = copy.deepcopy(notebook)
    for cell in solved.cells:
        if marks(cell).get("solution"):
            cell.source = (but or {}).get(marks(cell)["grade_id"], cell_of(source, marks(cell)["grade_id"]).source)
    return solved


def without(notebook, *names):
    """A notebook without some of the cells that nbgrader knows."""
    smaller = copy.deepcopy(notebook)
    smaller.cells = [cell for cell in smaller.cells if marks(cell).get("grade_id") not in names]
    return smaller


def without_marks(notebook):
    """A notebook whose cells have lost nbgrader's metadata, as an editor dropped it."""
    stripped = copy.deepcopy(notebook)
    for cell in stripped.cells:
        cell.metadata.pop("nbgrader", None)
    return stripped


def own_helper(released, source):
    """A right notebook without its heading, whose answer needs a cell of the student's own above it."""
    notebook = solve(released, source, {"double": "def double(x): return plus(x, x)"})
    notebook.cells = [cell for cell in notebook.cells if cell.source != "## Exercises"]
    first = notebook.cells.index(cell_of(notebook, "double"))
    notebook.cells.insert(first, nbformat.v4.new_code_cell("def plus(one, other): return one + other"))
    return notebook


def hand_in(folder, files):
    """Write files, path below `folder` → notebook, text or bytes."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, nbformat.NotebookNode):
            path.write_text(nbformat.writes(content), encoding="utf-8", newline="\n")
        else:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def table(folders):
    """dict student → row of grades.csv, whose columns of notebooks are called like the notebooks."""
    with (folders.build / "grades.csv").open(encoding="utf-8-sig", newline="") as file:
        found = list(csv.DictReader(file))
    return {row["student"]: {name.partition(" (of")[0]: value for name, value in row.items()} for row in found}


class QuickKernels:
    """In place of `execution.Kernels`: runs a notebook in this process, for tests of what stands around the kernels."""

    stopped = None

    def __init__(self):
        self.graded = []
        self.cut_off_at = None
        self.cut_off_by = KeyboardInterrupt()

    def grade(self, notebook, resources):
        """Run the cells as they come, each into its outputs."""
        self.graded.append((resources["nbgrader"]["student"], resources["nbgrader"]["notebook"]))
        if len(self.graded) == self.cut_off_at:
            raise self.cut_off_by
        names = {}
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs = []
                try:
                    exec(cell.source, names)
                except Exception as error:
                    fields = {"ename": type(error).__name__, "evalue": "", "traceback": []}
                    cell.outputs = [nbformat.v4.new_output("error", **fields)]
        return notebook, resources

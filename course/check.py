"""`make check`: run the exercises' tests that students can see, as the grading will, and say which fail.

python -m course.check            all notebooks of this folder
python -m course.check 02 05      those whose names begin so
"""

import argparse
import ast
import json
import re
import sys
import tempfile

from course.cells import UnreadableNotebook, extract_exercises, grade_id, heading_index, read_notebook
from course.folders import ROOT, CourseError, Folders, exit_on_course_error, nbgrader_settings

from nbconvert.filters import strip_ansi
from nbformat import NotebookNode
from nbgrader.preprocessors import Execute
from nbgrader.utils import compute_checksum, determine_grade, is_grade, is_locked
from traitlets.config import Config

KERNEL = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}


def choose_notebooks(names: list[str], beginnings: list[str]) -> list[str]:
    """The notebooks' names that begin as wanted.

    Args:
        names: all names.
        beginnings: what to choose; empty chooses all.

    Raises:
        CourseError: no name begins like one of them; the text lists the names.

    Example:
        >>> choose_notebooks(["01_feature_crossing", "02_wide_model"], ["02"])
        ['02_wide_model']
    """
    for beginning in beginnings:
        if not any(name.startswith(beginning) for name in names):
            raise CourseError(f"There is no notebook {beginning!r}; there are: {', '.join(names)}.")
    return [name for name in names if not beginnings or name.startswith(tuple(beginnings))]


def read_expected_cells(folders: Folders, name: str) -> list[str]:
    """nbgrader's ids of the cells that a notebook was handed out with; empty where that is not known."""
    path = folders.root / "course" / "exercises.json"
    return json.loads(path.read_text(encoding="utf-8")).get(name, []) if path.exists() else []


def find_problems(notebook: NotebookNode, expected: list[str]) -> list[str]:
    """What is missing or changed in a notebook, a sentence each.

    Args:
        notebook: as the student has left it.
        expected: see `read_expected_cells`.
    """
    names = [grade_id(cell) for cell in notebook.cells]
    missing = [name for name in expected if name not in names]
    lines = [
        f"The cell '{name}' is missing, or has lost nbgrader's mark: copy it from a new notebook." for name in missing
    ]
    if not any(names) and not missing:
        lines.append("It has no exercise, or its cells have lost nbgrader's marks: begin with a new notebook.")
    for cell in notebook.cells:
        checksum = cell.metadata.get("nbgrader", {}).get("checksum")
        if checksum and is_locked(cell) and compute_checksum(cell) != checksum:
            lines.append(f"The cell '{grade_id(cell)}' was changed; it is put back before grading.")
    if heading_index(notebook) is None:
        lines.append("The heading '## Exercises' is missing: put it back, or your own cells are not run.")
    return lines


def is_hidden(cell: NotebookNode) -> bool:
    """Whether nothing is left of a test cell: its tests are hidden."""
    try:
        return not ast.parse(cell.source).body
    except SyntaxError:
        return False


def why_it_failed(cell: NotebookNode) -> str:
    """The line of a test, and the student's, at which it failed, and the error's text."""
    explanation = []
    for output in cell.outputs:
        if output.output_type == "error":
            lines = strip_ansi("\n".join(output.traceback)).splitlines()
            explanation += [line for line in lines if re.match(r"-+> ", line)]
            explanation += f"{output.ename}: {output.evalue}".splitlines()[:20]
        elif output.get("name") == "stderr":
            explanation += output.text.splitlines()[:20]
    return "\n".join(f"      {line[:200]}" for line in explanation)


def run_exercises(notebook: NotebookNode, config: Config) -> NotebookNode:
    """Run the exercises of a notebook in this Python, whatever its kernel is called, and return it with outputs."""
    notebook = extract_exercises(notebook)
    notebook.metadata.update(KERNEL)
    with tempfile.TemporaryDirectory() as folder:
        notebook, _ = Execute(config=config).preprocess(notebook, {"metadata": {"path": folder}})
    return notebook


def print_failures(notebook: NotebookNode) -> tuple[float, float, float]:
    """Print which tests fail.

    Args:
        notebook: with outputs, as `run_exercises` gives it.

    Returns:
        The points that the visible tests give, those that they could give, and those of what they do not show: hidden
        tests and answers in words.
    """
    points = 0.0
    possible = 0.0
    unseen = 0.0
    for cell in filter(is_grade, notebook.cells):
        score, most = determine_grade(cell)
        if score is None or is_hidden(cell):
            unseen += most
            continue
        points += score
        possible += most
        if score < most:
            print(f"  {grade_id(cell)}: {score:g} of {most:g} points\n{why_it_failed(cell)}")
    return points, possible, unseen


def check_notebooks(folders: Folders, beginnings: list[str]) -> bool:
    """Check notebooks, and print what is wrong and a sum of points.

    Args:
        folders: where the notebooks stand.
        beginnings: how the names of those to check begin; empty checks all.

    Returns:
        Whether all is well.
    """
    config = nbgrader_settings(folders)
    all_well = True
    sums = []
    for name in choose_notebooks(folders.notebook_names(), beginnings):
        print(f"\n{name}.ipynb", flush=True)
        try:
            notebook = read_notebook(folders.notebooks / f"{name}.ipynb")
            problems = find_problems(notebook, read_expected_cells(folders, name))
        except UnreadableNotebook as error:
            print(f"  The file {error}.")
            all_well = False
            continue
        for sentence in problems:
            print(f"  {sentence}")
        points, possible, unseen = print_failures(run_exercises(notebook, config))
        print(f"  {points:g} of {possible:g} points that you can check; {unseen:g} more are for hidden tests and words")
        sums.append((points, possible))
        all_well = all_well and not problems and points == possible
    if len(sums) > 1:
        print(f"\n{sum(points for points, _ in sums):g} of {sum(possible for _, possible in sums):g} points in all")
    return all_well


def main() -> None:
    """Check the notebooks that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="notebooks, such as 02_wide_model or 02; all if none is named")
    names = parser.parse_args().names
    with exit_on_course_error():
        sys.exit(not check_notebooks(Folders(ROOT, ROOT / "build"), names))


if __name__ == "__main__":
    main()

"""The notebooks as a course, with nbgrader: hand them out, let students check themselves, grade what comes back.

python tools/course.py release           build/release/ and build/release.zip, the students' copy
python tools/course.py check             run the exercises' tests on the notebooks in this folder
python tools/course.py autograde FOLDER  grade FOLDER/STUDENT/NOTEBOOK.ipynb: build/grades.csv and build/feedback/
python tools/course.py grades            write both anew, after grading by hand

Only the exercises are run, with the imports at the top of the notebook. So a student may do anything to the lesson
itself, and a submission is graded in seconds.
"""

import argparse
import copy
import csv
import os
import pathlib
import re
import shutil
import sys
import tempfile
import warnings
import zipfile

import nbformat
from nbgrader.api import Gradebook
from nbgrader.apps import NbGraderAPI
from nbgrader.validator import Validator
from traitlets.config import PyFileConfigLoader

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD, RELEASE = ROOT / "build", ROOT / "build" / "release"
ASSIGNMENT = "notebooks"
COPIED = [
    "wdl_*.py", "tools/course.py", "nbgrader_config.py", "pyproject.toml", "constraints.txt", "environment.yml",
    "LICENSE", "GLOSSARY.md", "PAPER.md", "data/*", "benchmarks/*.*", "notebooks/images/*.svg",
]  # fmt: skip
MAKEFILE_ENDS = "# ---- what follows is not in the students' copy\n"


def settings(timeout=None):
    """The settings of nbgrader_config.py, if need be with another timeout, in seconds."""
    BUILD.mkdir(exist_ok=True)
    config = PyFileConfigLoader("nbgrader_config.py", path=str(ROOT)).load_config()
    if timeout:
        config.Execute.timeout = timeout
    # nbgrader calls alembic, which stands beside this Python and need not be on the path.
    os.environ["PATH"] = os.pathsep.join([str(pathlib.Path(sys.executable).parent), os.environ["PATH"]])
    return config


# -------------------------------------------------------------------------------------------- hand out


def student_notebooks(config):
    """Let nbgrader write the notebooks without solutions and hidden tests into build/release/notebooks."""
    result = NbGraderAPI(config=config).generate_assignment(ASSIGNMENT)
    if not result["success"]:
        sys.exit(f"nbgrader could not make the students' notebooks:\n{result['log'][-2000:]}")
    for path in (RELEASE / ASSIGNMENT).glob("*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            cell.metadata.pop("jupyter", None)  # the tutorial folds its solutions away; students must see the cell
        path.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8", newline="\n")


def section(page, title):
    """A section of a Markdown page of the project, from its heading to the next one."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.search(rf"^## {re.escape(title)}\n.*?(?=^## |\Z)", text, re.M | re.S)[0]


def release():
    """Write the students' copy to build/release/, and as a zip that has the same bytes each time."""
    shutil.rmtree(RELEASE, ignore_errors=True)
    config = settings()
    config.GenerateAssignment.no_database, config.SaveCells.enabled = True, False  # no gradebook is needed
    student_notebooks(config)
    for path in sorted(path for pattern in COPIED for path in ROOT.glob(pattern)):
        target = RELEASE / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (RELEASE / "Makefile").write_text(makefile.split(MAKEFILE_ENDS)[0], encoding="utf-8", newline="\n")
    page = ["# Wide & Deep learning: the exercises\n\n", section("notebooks/README.md", "For students")]
    page += [section("README.md", title) for title in ("The notebooks", "Your own data", "Licence and citation")]
    (RELEASE / "README.md").write_text("".join(page), encoding="utf-8", newline="\n")
    with zipfile.ZipFile(BUILD / "release.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(path for path in RELEASE.rglob("*") if path.is_file()):
            name = pathlib.Path("wide-deep-course") / path.relative_to(RELEASE)
            entry = zipfile.ZipInfo(name.as_posix(), date_time=(1980, 1, 1, 0, 0, 0))
            entry.external_attr, entry.compress_type = 0o644 << 16, zipfile.ZIP_DEFLATED
            archive.writestr(entry, path.read_bytes())
    print(f"{RELEASE.relative_to(ROOT)}/ and build/release.zip are for the students")


# ------------------------------------------------------------------------------------------- exercises


def grade_id(cell):
    """The name that nbgrader knows a cell by; None for a cell of the lesson or of the student."""
    return cell.metadata.get("nbgrader", {}).get("grade_id")


def exercises(notebook, released=None):
    """A copy of a notebook with its exercises alone, as they are graded.

    Args:
        notebook: as the student has left it. released: as it was handed out; a cell of nbgrader that the student has
            deleted is taken from there, after the cell that it followed.
    Returns:
        notebook: the cells that nbgrader knows, each once, and all that stands after the heading 'Exercises'.
    """
    result, seen, inside = copy.deepcopy(notebook), set(), False
    result.cells = []
    for cell in copy.deepcopy(notebook.cells):
        inside |= cell.cell_type == "markdown" and cell.source.startswith("## Exercises")
        if grade_id(cell) in seen:
            cell.metadata.pop("nbgrader")  # a copy is an ordinary cell
        if inside or grade_id(cell):
            result.cells.append(cell)
        seen.add(grade_id(cell))
        seen.discard(None)
    after = 0
    for cell in copy.deepcopy(released.cells) if released else []:
        names = [grade_id(other) for other in result.cells]
        if grade_id(cell) in names:
            after = names.index(grade_id(cell)) + 1
        elif grade_id(cell):
            result.cells.insert(after, cell)
            after += 1
    return result


def check(names):
    """Run the exercises' tests on the notebooks in this folder, as the grading will, and say which fail."""
    config = settings()
    for path in sorted((ROOT / ASSIGNMENT).glob("*.ipynb")):
        if names and path.stem not in names:
            continue
        print(f"\n{path.name}", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            copied = pathlib.Path(folder) / path.name
            nbformat.write(exercises(nbformat.read(path, as_version=4)), copied)
            validator = Validator(config=config)
            validator.stream = sys.stdout
            validator.validate_and_print(str(copied))


# ----------------------------------------------------------------------------------------------- grade


def with_note(released, note):
    """The notebook as it was handed out, so without any answer, with a note for the student at its head."""
    result = exercises(released)
    result.cells.insert(0, nbformat.v4.new_markdown_cell(f"**{note}**"))
    return result


def stage(path, released):
    """What nbgrader gets to see of a submission: its exercises, or a note if the file cannot be read."""
    try:
        return exercises(nbformat.read(path, as_version=4), released)
    except Exception as error:  # anything may stand in a file that someone sends in
        print(f"  {path} cannot be read ({type(error).__name__}): no points")
        return with_note(released, "The file cannot be read as a notebook, so there are no points.")


def grade_notebook(api, student, name, notebook, released):
    """Grade one notebook of one student; one that cannot be graded gets no points and does not stop the others."""
    target = BUILD / "submitted" / student / ASSIGNMENT / f"{name}.ipynb"
    api.coursedir.notebook_id = name
    note = "The notebook could not be run to its end: Python ended before, so there are no points."
    for attempt in (notebook, with_note(released, note)):
        nbformat.write(attempt, target)
        result = api.autograde(ASSIGNMENT, student)
        if result["success"]:
            return
        print(f"  {student}: {name} could not be graded: no points")
    sys.exit(f"nbgrader cannot grade {name} even as it was handed out:\n{result['log'][-2000:]}")


def autograde(submissions, timeout):
    """Grade every SUBMISSIONS/STUDENT/NOTEBOOK.ipynb, then write the grades and the feedback."""
    released = {path.stem: path for path in sorted((ROOT / ASSIGNMENT).glob("*.ipynb"))}
    students = sorted(path for path in submissions.iterdir() if path.is_dir()) if submissions.is_dir() else []
    if not any((folder / f"{name}.ipynb").exists() for folder in students for name in released):
        sys.exit(f"{submissions} holds no submission; expected files such as STUDENT/{next(iter(released))}.ipynb.")
    config = settings(timeout)
    student_notebooks(config)
    released = {name: nbformat.read(RELEASE / ASSIGNMENT / f"{name}.ipynb", as_version=4) for name in released}
    api = NbGraderAPI(config=config)
    for folder in students:
        print(folder.name, flush=True)
        target = BUILD / "submitted" / folder.name / ASSIGNMENT
        shutil.rmtree(target.parent, ignore_errors=True)
        target.mkdir(parents=True)
        for path in sorted(folder.glob("*")):
            if path.stem not in released or path.suffix != ".ipynb":
                print(f"  {path} is not called like a notebook of the course: left out")
        found = {name: folder / f"{name}.ipynb" for name in released if (folder / f"{name}.ipynb").exists()}
        staged = {name: stage(path, released[name]) for name, path in found.items()}
        if not staged:
            first = next(iter(released))
            staged[first] = with_note(released[first], "No notebook was found among the files, so there are no points.")
        for name, notebook in staged.items():  # all of them first: nbgrader gives 0 to those that are not there
            nbformat.write(notebook, target / f"{name}.ipynb")
        for name, notebook in staged.items():
            grade_notebook(api, folder.name, name, notebook, released[name])
    grades()


def grades():
    """Write build/grades.csv, a row a student, and build/feedback/STUDENT/notebooks/NOTEBOOK.html."""
    config = settings()
    api = NbGraderAPI(config=config)
    students = sorted(path.name for path in (BUILD / "submitted").iterdir())
    rows = []
    for student in students:
        result = api.generate_feedback(ASSIGNMENT, student)
        if not result["success"]:
            print(f"{student}: there is no feedback:\n{result['log'][-2000:]}")
        with Gradebook(config.CourseDirectory.db_url) as gradebook:
            submission = gradebook.find_submission(ASSIGNMENT, student)
            waiting = [g.max_score for n in submission.notebooks for g in n.grades if g.needs_manual_grade]
            row = {"student": student} | {n.name: n.score for n in sorted(submission.notebooks, key=lambda n: n.name)}
            rows.append(row | {"total": submission.score, "of": submission.max_score, "by hand": float(sum(waiting))})
    with (BUILD / "grades.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, rows[0])
        table.writeheader()
        table.writerows(rows)
    print("build/grades.csv has the grades, build/feedback/ a page for each notebook")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("release", help="make the students' copy")
    checked = commands.add_parser("check", help="run the exercises' tests on the notebooks in this folder")
    checked.add_argument("names", nargs="*", help="notebooks, such as 02_wide_model; all if none is named")
    graded = commands.add_parser("autograde", help="grade submissions")
    graded.add_argument("submissions", type=pathlib.Path, help="a folder with STUDENT/NOTEBOOK.ipynb in it")
    graded.add_argument("--timeout", type=int, help="seconds after which a cell is interrupted")
    commands.add_parser("grades", help="write grades and feedback anew, after grading by hand")
    arguments = parser.parse_args()
    # SQLAlchemy's, about nbgrader, and nbformat's, about what students send in: neither is a teacher's business.
    warnings.filterwarnings("ignore", "Object of type|Non-unique cell id|Cell is missing an id")
    if arguments.command == "release":
        release()
    elif arguments.command == "check":
        check(arguments.names)
    elif arguments.command == "autograde":
        autograde(arguments.submissions, arguments.timeout)
    else:
        grades()


if __name__ == "__main__":
    main()

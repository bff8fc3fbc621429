"""The notebooks as a course, with nbgrader: hand them out, let students check themselves, grade what comes back.

python tools/course.py release           build/release/ and build/release.zip, the students' copy
python tools/course.py check             run the exercises' tests on the notebooks in this folder
python tools/course.py autograde FOLDER  grade FOLDER/STUDENT/NOTEBOOK.ipynb: build/grades.csv and build/feedback/
    in a sandbox (sandbox.py, witness.py), or with --sandbox none without one
python tools/course.py grades            write both anew, after grading by hand

Only the exercises are run, with the imports at the top of the notebook. So a student may do anything to the lesson
itself, and a submission is graded in seconds.
"""

import argparse
import copy
import csv
import hashlib
import json
import os
import pathlib
import re
import shutil
import sys
import tempfile
import time
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
    "notebooks/*.py", "tools/environment.py", "tools/lab/*.*",
    "wdl_*.py", "tools/course.py", "nbgrader_config.py", "pyproject.toml", "constraints.txt", "environment.yml",
    "recommender/*.py", "recommender/datasets/*.py",
    "LICENSE", "docs/*.md", "data/*", "benchmarks/*.*", "notebooks/images/*.svg", "playground/*",
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


LARGEST = 10_000_000  # bytes of a file that someone sends in
NO_SCRIPTS = (
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
    "img-src data:; font-src data:; base-uri 'none'; form-action 'none'\">"
)


def restored(notebook, released):
    """The exercises of a notebook, of which nothing but what the student wrote is the student's.

    Tags, outputs, attributes and the kernel's name come from the notebook as it was handed out: a tag can make the
    grading leave out a cell.
    """
    result, known = exercises(notebook, released), {grade_id(cell): cell for cell in released.cells if grade_id(cell)}
    result.metadata, cells = copy.deepcopy(released.metadata), []
    new = {
        "code": nbformat.v4.new_code_cell,
        "markdown": nbformat.v4.new_markdown_cell,
        "raw": nbformat.v4.new_raw_cell,
    }
    for cell in result.cells:
        if grade_id(cell) in known:
            cells.append(copy.deepcopy(known[grade_id(cell)]))
            if cells[-1].metadata.nbgrader["solution"]:
                cells[-1].source = cell.source
        else:
            cells.append(new[cell.cell_type](cell.source))
    for cell in cells:
        if cell.cell_type == "markdown" and not cell.metadata.get("nbgrader", {}).get("locked"):
            cell.source = re.sub(r"<(?=[A-Za-z/!?])", "&lt;", cell.source)  # in the teacher's browser, text and no page
    result.cells = cells
    return result


def with_note(released, note):
    """The notebook as it was handed out, so without any answer, with a note for the student at its head."""
    result = exercises(released)
    result.cells.insert(0, nbformat.v4.new_markdown_cell(f"**{note}**", metadata={"remark": note}))
    return result


def stage(path, released):
    """What nbgrader gets to see of a submission: its exercises, or a note if the file cannot be read."""
    if path.is_symlink() or not path.is_file():
        print(f"  {path} is a link, or no file: no points")
        return with_note(released, "The file is a link, or no file, so there are no points.")
    try:
        if path.stat().st_size > LARGEST:
            raise ValueError(f"more than {LARGEST} bytes")
        return restored(nbformat.read(path, as_version=4), released)
    except Exception as error:  # anything may stand in a file that someone sends in
        print(f"  {path} cannot be read ({type(error).__name__}): no points")
        return with_note(released, "The file cannot be read as a notebook, so there are no points.")


def handed_in(submissions, names):
    """dict student → dict notebook → path, of what a folder holds; what is called otherwise is named and left out."""
    found = {}
    for folder in sorted(submissions.iterdir()) if submissions.is_dir() else []:
        if not folder.is_dir() or folder.is_symlink():
            continue
        if not re.fullmatch(r"\w[\w .,@'()-]*", folder.name):
            print(f"{folder} cannot be a student's name: left out")
            continue
        found[folder.name] = {path.stem: path for path in sorted(folder.glob("*.ipynb")) if path.stem in names}
        for path in sorted(folder.glob("*")):
            if path not in found[folder.name].values():
                print(f"  {path} is not called like a notebook of the course: left out")
    return found


def grade_notebook(api, bench, student, name, notebook, released):
    """Grade one notebook of one student; one that cannot be graded gets no points and does not stop the others."""
    target = BUILD / "submitted" / student / ASSIGNMENT / f"{name}.ipynb"
    api.coursedir.notebook_id, bench.released = name, released
    attempt = notebook
    for _ in range(2):
        nbformat.write(attempt, target)
        result = api.autograde(ASSIGNMENT, student)
        if result["success"]:
            return
        print(f"  {student}: {name} could not be graded: no points")
        why = bench.stopped or "Python ended before"
        attempt = with_note(released, f"The notebook could not be run to its end: {why}, so there are no points.")
    sys.exit(f"nbgrader cannot grade {name} even as it was handed out:\n{result['log'][-2000:]}")


def hidden(submissions):
    """The folders that no submission may see."""
    return [ROOT, submissions.resolve()]


def bench_for(submissions, sandbox, config):
    """The kernels for grading, and nbgrader told to use them; ends with what to install if there can be no sandbox."""
    import sandbox as walls  # not in the students' copy
    import witness

    reason = walls.why_not(hidden(submissions)) if sandbox else None
    if reason:
        sys.exit(walls.MISSING.format(reason=reason))
    if not sandbox:
        print(walls.NONE, flush=True)
    bench = witness.Bench(lambda first: walls.Kernel(hidden(submissions), sandbox, first), config)

    def run_cells(notebook, resources):  # a function, since nbgrader copies its settings and kernels cannot be copied
        return bench.grade(notebook, resources)

    steps = ("IgnorePattern", "LimitOutput", "SaveAutoGrades", "AssignLatePenalties", "CheckCellMetadata")
    config.Autograde.autograde_preprocessors = [run_cells, *(f"nbgrader.preprocessors.{step}" for step in steps)]
    return bench


def digest(path, *settings):
    """What decides about a notebook's grades, in short: the file, the course's own files, and the settings."""
    files = [
        path,
        *sorted(
            [
                *ROOT.glob("wdl_*.py"),
                *ROOT.glob("recommender/**/*.py"),
                *ROOT.glob("tools/*.py"),
                *ROOT.glob("nbgrader_config.py"),
            ]
        ),
    ]
    files.append(ROOT / ASSIGNMENT / path.name)
    known = hashlib.sha256(repr(settings).encode())
    for file in files:
        readable = file.is_file() and not file.is_symlink() and file.stat().st_size <= LARGEST
        known.update(hashlib.sha256(file.read_bytes() if readable else b"").digest())
    return known.hexdigest()


def autograde(submissions, timeout=None, sandbox=True):
    """Grade every SUBMISSIONS/STUDENT/NOTEBOOK.ipynb, then write the grades and the feedback.

    What was graded before, from the same files, is not run again: so a run that was cut off goes on.
    """
    names = [path.stem for path in sorted((ROOT / ASSIGNMENT).glob("*.ipynb"))]
    found = handed_in(submissions, names)
    if not any(found.values()):
        sys.exit(f"{submissions} holds no submission; expected files such as STUDENT/{names[0]}.ipynb.")
    config = settings(timeout)
    bench = bench_for(submissions, sandbox, config)
    try:
        grade_all(found, names, config, bench, (timeout, sandbox))
    finally:
        bench.close()
    grades()


def grade_all(found, names, config, bench, how):
    """Grade the notebooks of a class, as `handed_in` found them, and say how far it is. how: what else decides."""
    record = BUILD / "graded.json"
    if not (BUILD / "gradebook.db").exists():
        record.unlink(missing_ok=True)
    done = json.loads(record.read_text(encoding="utf-8")) if record.exists() else {}
    student_notebooks(config)
    released = {name: nbformat.read(RELEASE / ASSIGNMENT / f"{name}.ipynb", as_version=4) for name in names}
    todo = []
    for student, paths in found.items():
        target = BUILD / "submitted" / student / ASSIGNMENT
        shutil.rmtree(target.parent, ignore_errors=True)
        target.mkdir(parents=True)
        staged = {name: stage(path, released[name]) for name, path in paths.items()}
        if not staged:
            staged[names[0]] = with_note(
                released[names[0]], "No notebook was found among the files, so there are no points."
            )
        for name, notebook in staged.items():  # all of them first: nbgrader gives 0 to those that are not there
            nbformat.write(notebook, target / f"{name}.ipynb")
            known = digest(paths.get(name, pathlib.Path(f"{name}.ipynb")), *how)
            if done.get(f"{student}/{name}") != known:
                todo.append((student, name, notebook, known))
    skipped = sum(len(paths) or 1 for paths in found.values()) - len(todo)
    if skipped:
        print(f"{skipped} notebooks are graded already, from the same files")
    api, start = NbGraderAPI(config=config), time.monotonic()
    for i, (student, name, notebook, known) in enumerate(todo):
        bench.following = released[todo[i + 1][1]] if i + 1 < len(todo) else None
        grade_notebook(api, bench, student, name, notebook, released[name])
        done[f"{student}/{name}"] = known
        record.with_suffix(".new").write_text(json.dumps(done, indent=1), encoding="utf-8")
        record.with_suffix(".new").replace(record)
        left = (time.monotonic() - start) / (i + 1) * (len(todo) - i - 1) / 60
        print(f"{i + 1} of {len(todo)}: {student}, {name}; about {left:.0f} minutes left", flush=True)


def remarks(student):
    """What a teacher should know of a student's notebooks: what was refused, and what could not be run or read."""
    found = []
    for path in sorted((BUILD / "autograded" / student / ASSIGNMENT).glob("*.ipynb")):
        cells = nbformat.read(path, as_version=4).cells
        said = [cell.metadata["remark"] for cell in cells if "remark" in cell.metadata]
        outputs = [(cell, output) for cell in cells if cell.cell_type == "code" for output in cell.outputs]
        for cell, output in outputs:
            if output.get("ename") == "NoPoints" and cell.metadata.get("nbgrader", {}).get("grade"):
                said.append(f"{grade_id(cell)}: {output.evalue}")
        found += [f"{path.stem}: {text}" for text in said]
    return "; ".join(found)


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
        for page in (BUILD / "feedback" / student / ASSIGNMENT).glob("*.html"):
            text = page.read_text(encoding="utf-8")
            page.write_text(text.replace("<head>", f"<head>{NO_SCRIPTS}", 1), encoding="utf-8")
        with Gradebook(config.CourseDirectory.db_url) as gradebook:
            submission = gradebook.find_submission(ASSIGNMENT, student)
            waiting = [g.max_score for n in submission.notebooks for g in n.grades if g.needs_manual_grade]
            row = {"student": student} | {n.name: n.score for n in sorted(submission.notebooks, key=lambda n: n.name)}
            row |= {"total": submission.score, "of": submission.max_score, "by hand": float(sum(waiting))}
            rows.append(row | {"remarks": remarks(student)})
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
    graded.add_argument("--sandbox", choices=["none"], help="none: let a submission do all that you can do")
    commands.add_parser("grades", help="write grades and feedback anew, after grading by hand")
    arguments = parser.parse_args()
    # SQLAlchemy's, about nbgrader, and nbformat's, about what students send in: neither is a teacher's business.
    warnings.filterwarnings("ignore", "Object of type|Non-unique cell id|Cell is missing an id")
    if arguments.command == "release":
        release()
    elif arguments.command == "check":
        check(arguments.names)
    elif arguments.command == "autograde":
        autograde(arguments.submissions, arguments.timeout, sandbox=arguments.sandbox != "none")
    else:
        grades()


if __name__ == "__main__":
    main()

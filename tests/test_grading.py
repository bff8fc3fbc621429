"""Grading: submissions get the marks they deserve, week after week, and none is lost, whatever the files are called."""

import contextlib
import copy
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading

from course import check, execution, grade, gradebook, sandbox
from course.folders import ASSIGNMENT, ROOT, CourseError, Folders
from tools import run_notebooks

import nbformat
import pytest
from exercises import SOURCE, marks
from nbgrader.api import Gradebook
from nbgrader.coursedir import CourseDirectory
from nbgrader.server_extensions.formgrader.formgrader import FormgradeExtension
from small_course import (
    WORDS,
    QuickKernels,
    cell_of,
    hand_in,
    own_helper,
    small_course,
    small_notebook,
    solve,
    table,
    without,
    without_marks,
)

SANDBOX = sandbox.why_unavailable([ROOT]) is None
quiet = pytest.mark.filterwarnings("ignore:Object of type", "ignore:Non-unique cell id", "ignore:Cell is missing an id")

# ---------------------------------------------------------------------------------------- a class, as it is graded

LOOP = "def double(x):\n    while np.ndim(x):\n        pass\n    return 2 * x"
STUBBORN = """
def triple(x):
    while np.ndim(x):
        try:
            while True:
                pass
        except BaseException:
            pass
    return 3 * x
"""
PRINTS = """
from rich import print
%pdb on
print("[bold]twice[/bold]")
globals = __import__ = calls = 1
def double(x): return 2 * x
"""
STREAMS = """
import sys
class Quiet:
    def write(self, text): return len(text)
sys.stdout = Quiet()
sys.excepthook = sys.displayhook = lambda *args: 1 / 0
def print(*args): raise RuntimeError("mine")
def triple(x): return 3 * x
"""


def submissions(released, source):
    """dict student → (what the file holds, points of a machine, points that wait for a person)."""
    right = solve(released, source)
    tampered = copy.deepcopy(released)
    for cell in tampered.cells:
        if marks(cell).get("locked") and marks(cell).get("grade"):
            cell.source = "pass"
            cell.metadata["nbgrader"]["points"] = 50
    careless = without(right, "imports", "double-hidden", "triple-test")
    careless.cells[0].source = "1 / 0"  # in the lesson
    careless.cells.append(copy.deepcopy(cell_of(careless, "double-test")))
    cell_of(careless, "double-test").cell_type = "raw"
    return {
        "right": (right, 5, 2),
        "empty": (released, 0, 0),
        "off by one": (solve(released, source, {"double": "def double(x): return 2 * x + 1"}), 2, 2),
        "hard-coded": (solve(released, source, {"double": "def double(x): return 2", "in-words": WORDS}), 3, 0),
        "tampered tests": (tampered, 0, 0),
        "infinite loop": (solve(released, source, {"double": LOOP}), 3, 2),
        "loop that cannot be stopped": (solve(released, source, {"triple": STUBBORN}), 4, 2),
        "syntax error": (solve(released, source, {"double": "def double(x) return 2 * x"}), 2, 2),
        "deleted exercise": (without(right, "double", "double-test", "double-hidden"), 2, 2),
        "all deleted": (nbformat.v4.new_notebook(metadata=released.metadata), 0, 0),
        "careless, but right": (careless, 5, 2),
        "leaves python": (solve(released, source, {"double": "import os\nos._exit(1)"}), 0, 0),
        "prints and debugs": (solve(released, source, {"double": PRINTS, "triple": STREAMS}), 5, 2),
        "deleted heading": (own_helper(released, source), 5, 2),
        "numpy's error": (solve(released, source, {"double": "def double(x): return np.linalg.inv(x)"}), 2, 2),
        "no notebook": ("{", 0, 0),
    }


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """A class after its first grading, with kernels: (folders, dict of `submissions`)."""
    folder = tmp_path_factory.mktemp("class")
    source = small_notebook()
    folders, released = small_course(folder / "course", source)
    expected = submissions(released, source)
    hand_in(folder / "in", {f"{student}/05_small.ipynb": held for student, (held, *_) in expected.items()})
    hand_in(folder / "in", {"another name/mine.ipynb": expected["right"][0]})
    grade.autograde(folders, folder / "in", timeout=3, use_sandbox=SANDBOX)
    return folders, expected


@quiet
def test_each_submission_gets_the_marks_it_should_and_none_stops_the_others(graded):
    folders, expected = graded
    found = table(folders)
    assert found.pop("another name") | {"remarks": ""} == {
        "student": "another name", "05_small": "", "total": "0.0", "of": "7.0", "by hand": "0.0", "remarks": ""
    }  # fmt: skip
    got = {student: (float(row["05_small"]), float(row["by hand"])) for student, row in found.items()}
    assert got == {student: tuple(rest) for student, (_, *rest) in expected.items()}
    assert all((row["total"], row["of"]) == (row["05_small"], "7.0") for row in found.values())


@quiet
def test_the_grades_say_what_was_missing_and_nothing_of_what_is_in_order(graded):
    said = {student: row["remarks"] for student, row in table(graded[0]).items()}
    for student in ("right", "empty", "off by one", "prints and debugs", "careless, but right"):
        assert said[student] == ""
    assert said["deleted exercise"] == "05_small: The answer cell 'double' is missing, so it counts as empty."
    assert "The heading 'Exercises' is missing" in said["deleted heading"]
    assert "'double' is missing" in said["all deleted"] and "'in-words' is missing" in said["all deleted"]
    assert said["no notebook"] == (
        "05_small: The file cannot be read as a notebook (JSONDecodeError), so there are no points."
    )
    assert "could not be run to its end" in said["leaves python"]
    assert said["another name"] == "Left out: mine.ipynb.; No notebook of the course was found among the files."


@quiet
def test_the_feedback_names_its_tests_and_no_place_of_the_teachers(graded):
    folders, expected = graded
    for student in expected:
        [page] = folders.student_folder("feedback", student).iterdir()
        text = page.read_text(encoding="utf-8")
        assert "Score" in text and "lesson = 1" not in text and "double" in text
        assert '<a href="#double-hidden">double-hidden</a>' in text and ">Test cell<" not in text
        for place in (str(ROOT), str(folders.build), sys.prefix, sys.base_prefix):
            assert place not in text, (student, place)
    assert "python/lib" in re.sub(
        "<[^>]*>", "", (folders.student_folder("feedback", "numpy's error") / "05_small.html").read_text()
    )
    assert (
        "is missing, so it counts" in (folders.student_folder("feedback", "all deleted") / "05_small.html").read_text()
    )


@quiet
def test_a_released_notebook_solved_in_its_answers_alone_gets_full_marks(tmp_path):
    """With kernels, as a teacher runs it; the answers of the other notebooks are run in test_course.py, without."""
    name = "01_feature_crossing"
    folders, released = small_course(tmp_path / "course", SOURCE[name], names=[name])
    hand_in(tmp_path / "in", {f"ada/{name}.ipynb": solve(released, SOURCE[name])})
    grade.autograde(folders, tmp_path / "in", use_sandbox=SANDBOX)
    row = {"student": "ada", name: "8.0", "total": "8.0", "of": "10.0", "by hand": "2.0", "remarks": ""}
    assert table(folders) == {"ada": row}


# ------------------------------------------------------------------------------------------------- a term


NAMES = [f"{number:02}_notebook" for number in range(1, 7)]


@pytest.fixture
def quick(monkeypatch):
    """Kernels that take no time, in place of the real ones; the feedback is left out, since it takes seconds."""
    kernels = QuickKernels()
    monkeypatch.setattr(grade, "open_kernels", lambda *_: contextlib.nullcontext(kernels))
    monkeypatch.setattr(gradebook, "write_feedback", lambda *_: None)
    return kernels


def give_points(folders, student, name, points, cell="in-words"):
    """What the form grader does."""
    with Gradebook(folders.db_url) as book:
        mark = book.find_grade(cell, name, ASSIGNMENT, student)
        mark.manual_score = points
        mark.needs_manual_grade = False
        book.db.commit()


def scores(folders):
    """dict (student, notebook) → points, of all that was handed in."""
    found = table(folders)
    return {
        (student, name): float(value)
        for student, row in found.items()
        for name, value in row.items()
        if name in NAMES and value
    }


@quiet
def test_a_term_of_grading_loses_no_mark(tmp_path, quick):
    """Twelve weeks, each with a folder of its own; after each, all marks but those of that week are as they were."""
    source = small_notebook()
    first, second, third, fourth, fifth, sixth = NAMES
    folders, released = small_course(tmp_path / "course", source, names=NAMES[:5])
    right = solve(released, source)
    wrong = solve(released, source, {"double": "def double(x): return x"})
    empty = solve(released, source, {"double": "", "triple": "", "in-words": WORDS})
    before = {}

    def week(number, changed, files):
        nonlocal before
        hand_in(tmp_path / f"week {number}", {f"{path}.ipynb": notebook for path, notebook in files.items()})
        grade.autograde(folders, tmp_path / f"week {number}")
        after = scores(folders)
        assert {key for key in before | after if before.get(key) != after.get(key)} == set(changed)
        assert {key: after[key] for key in changed} == changed
        before = after

    week(1, {("ada", first): 5, ("bob", first): 2}, {f"ada/{first}": right, f"bob/{first}": wrong})
    give_points(folders, "ada", first, 1.5)
    gradebook.write_grades(folders)
    before = scores(folders)
    assert before[("ada", first)] == 6.5
    week(2, {("ada", second): 5}, {f"ada/{second}": right})
    # Bob is late with the second, and corrects the first.
    week(
        3,
        {("ada", third): 2, ("bob", second): 5, ("bob", first): 5},
        {f"ada/{third}": wrong, f"bob/{second}": right, f"bob/{first}": right},
    )
    # The first folder once more, with a late student in it: Bob's old version is not graded again.
    week(1, {("cy", first): 5}, {f"cy/{first}": right})
    assert "this version was graded before" in table(folders)["bob"]["remarks"]
    # Ada corrects what has points by hand: they stay, and wait to be looked at again.
    better = solve(released, source, {"in-words": "More words"})
    week(4, {("ada", fourth): 5}, {f"ada/{first}": better, f"ada/{fourth}": right})
    assert table(folders)["ada"]["by hand"] == "8.0"
    # What cannot be read takes nothing away, neither does a folder without a notebook.
    hand_in(tmp_path / "week 5", {f"ada/{first}.ipynb": "{", "bob/homework.zip": "PK"})
    week(5, {("cy", second): 5}, {f"cy/{second}": right})
    assert "the file handed in last cannot be read" in table(folders)["ada"]["remarks"]
    assert "homework.zip" in table(folders)["bob"]["remarks"]
    # Someone deletes what nbgrader works with.
    shutil.rmtree(folders.build / "submitted")
    week(6, {("ada", fifth): 5, ("bob", fifth): 0}, {f"ada/{fifth}": right, f"bob/{fifth}": empty})
    # A notebook comes into the course.
    nbformat.write(source, folders.notebooks / f"{sixth}.ipynb")
    week(7, {("ada", sixth): 5, ("bob", fourth): 5}, {f"ada/{sixth}": right, f"bob/{fourth}": right})
    # A run is cut off in its second notebook, which had marks already, and goes on when it is started again.
    quick.graded.clear()
    quick.cut_off_at = 2
    files = {f"ada/{third}": right, f"bob/{fourth}": wrong, f"cy/{third}": right}
    with pytest.raises(KeyboardInterrupt):
        week(8, {}, files)
    gradebook.write_grades(folders)
    assert scores(folders) == before | {("ada", third): 5}, "the first is graded, the second keeps what it had"
    quick.cut_off_at = None
    week(8, {("ada", third): 5, ("bob", fourth): 2, ("cy", third): 5}, files)
    assert quick.graded == [("ada", third), *[("bob", fourth)] * 2, ("cy", third)], "what was done is not done again"
    # Cy marries, and is Cy Smith in the hand-ins: the marks come together under the new name.
    week(9, {("Cy Smith", fourth): 5}, {f"Cy Smith/{fourth}": right})
    gradebook.rename_student(folders, "cy", "Cy Smith")
    gradebook.write_grades(folders)
    moved = {("Cy Smith", name): points for (student, name), points in before.items() if student == "cy"}
    kept = {key: points for key, points in before.items() if key[0] != "cy"}
    assert moved and scores(folders) == moved | kept
    before = scores(folders)
    week(10, {("Cy Smith", fifth): 5}, {f"Cy Smith/{fifth}": right})
    # Nothing new; then the record is lost; the marks stay.
    week(10, {}, {})
    (folders.build / "graded.json").unlink()
    week(11, {("bob", third): 5}, {f"bob/{third}": right})
    # Bob leaves the course.
    week(12, {("Cy Smith", sixth): 5}, {f"Cy Smith/{sixth}": right})
    gradebook.remove_student(folders, "bob")
    gradebook.write_grades(folders)
    assert scores(folders) == {key: points for key, points in before.items() if key[0] != "bob"}
    assert set(table(folders)) == {"ada", "Cy Smith"}
    # Each run has left a backup of the gradebook as it was before.
    backups = sorted((folders.build / "backups").iterdir())
    assert len(backups) == 14 + 2, "all runs but the first, and before renaming and removing"
    with contextlib.closing(sqlite3.connect(backups[-1] / "gradebook.db")) as book:
        assert book.execute("SELECT id FROM student ORDER BY id").fetchall() == [("Cy Smith",), ("ada",), ("bob",)]


@quiet
def test_a_run_that_is_cut_off_while_marks_are_written_leaves_the_old_ones(tmp_path, quick, monkeypatch):
    source = small_notebook()
    folders, released = small_course(tmp_path / "course", source)
    hand_in(tmp_path / "1", {"ada/05_small.ipynb": solve(released, source)})
    grade.autograde(folders, tmp_path / "1")
    found = []

    def cut_off(cell):
        found.append(cell)
        if len(found) == 3:
            raise KeyboardInterrupt
        return 0.0, 1.0

    monkeypatch.setattr(grade.utils, "determine_grade", cut_off)
    hand_in(tmp_path / "2", {"ada/05_small.ipynb": released})
    with pytest.raises(KeyboardInterrupt):
        grade.autograde(folders, tmp_path / "2")
    gradebook.write_grades(folders)
    assert table(folders)["ada"]["05_small"] == "5.0"
    kept = nbformat.read(folders.student_folder("autograded", "ada") / "05_small.ipynb", as_version=4)
    assert cell_of(kept, "double").source == cell_of(source, "double").source, "and the notebook that they are for"


@quiet
def test_what_the_machine_could_not_grade_keeps_its_marks_and_is_graded_in_the_next_run(tmp_path, quick):
    source = small_notebook()
    folders, released = small_course(tmp_path / "course", source)
    hand_in(tmp_path / "1", {"ada/05_small.ipynb": released, "bob/05_small.ipynb": solve(released, source)})
    quick.cut_off_at = 1
    quick.cut_off_by = OSError("No space left on device")
    grade.autograde(folders, tmp_path / "1")
    assert table(folders)["ada"]["05_small"] == "" and table(folders)["bob"]["05_small"] == "5.0"
    assert table(folders)["ada"]["remarks"].endswith(
        "could not be graded, and its marks stay as they were: grade it again."
    )
    grade.autograde(folders, tmp_path / "1")
    assert (table(folders)["ada"]["05_small"], table(folders)["ada"]["remarks"]) == ("0.0", "")
    hand_in(tmp_path / "2", {"bob/05_small.ipynb": released})
    quick.cut_off_at = len(quick.graded) + 1
    grade.autograde(folders, tmp_path / "2")
    assert table(folders)["bob"]["05_small"] == "5.0"


@quiet
def test_a_file_that_cannot_be_read_is_graded_once_and_corrected_by_one_that_can(tmp_path, quick):
    source = small_notebook()
    folders, released = small_course(tmp_path / "course", source)
    for _ in range(2):
        grade.autograde(folders, hand_in(tmp_path / "1", {"ada/05_small.ipynb": "{"}))
        assert table(folders)["ada"]["05_small"] == "0.0"
        assert table(folders)["ada"]["remarks"].endswith("(JSONDecodeError), so there are no points.")
    assert len(quick.graded) == 1
    grade.autograde(folders, hand_in(tmp_path / "2", {"ada/05_small.ipynb": solve(released, source)}))
    assert (table(folders)["ada"]["05_small"], table(folders)["ada"]["remarks"]) == ("5.0", "")


@quiet
def test_the_grades_tell_what_was_due_from_what_was_wrong(tmp_path, quick):
    source = small_notebook()
    folders, released = small_course(tmp_path / "course", source, names=["01_a", "02_b", "03_c"])
    hand_in(tmp_path / "in", {"ada/01_a.ipynb": solve(released, source), "bob/02_b.ipynb": released})
    grade.autograde(folders, tmp_path / "in")
    heading = (folders.build / "grades.csv").read_text(encoding="utf-8-sig").splitlines()[0]
    assert heading == "student,01_a (of 7),02_b (of 7),03_c (of 7),total,of,by hand,remarks"
    rows = table(folders)
    assert [rows["ada"][name] for name in ("01_a", "02_b", "03_c", "total", "of")] == ["5.0", "", "", "5.0", "14.0"]
    assert [rows["bob"][name] for name in ("01_a", "02_b", "03_c", "total", "of")] == ["", "0.0", "", "0.0", "14.0"]
    gradebook.write_grades(folders, due=["01_a"])
    assert (table(folders)["ada"]["of"], table(folders)["bob"]["of"]) == ("7.0", "14.0"), (
        "and what was handed in besides"
    )


@pytest.mark.parametrize(
    "command", [["grades"], ["rename", "ada", "Ada"], ["remove", "ada"]], ids=lambda words: words[0]
)
def test_before_any_grading_a_sentence_says_so(tmp_path, monkeypatch, command):
    monkeypatch.setattr(grade, "Folders", lambda: Folders(tmp_path, tmp_path / "build"))
    monkeypatch.setattr(sys, "argv", ["grade", *command])
    with pytest.raises(SystemExit, match="Nothing has been graded yet: type 'make autograde SUBMISSIONS=folder'"):
        grade.main()


def test_clean_does_not_remove_marks(tmp_path):
    shutil.copy(ROOT / "Makefile", tmp_path)
    hand_in(tmp_path, {"build/gradebook.db": "marks"})
    done = subprocess.run(["make", "clean"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode != 0 and "build/gradebook.db holds marks" in done.stdout
    assert (tmp_path / "build" / "gradebook.db").read_text() == "marks"


@quiet
def test_students_of_any_name_get_a_row_with_their_marks(tmp_path, quick, monkeypatch):
    monkeypatch.undo()  # with the pages
    monkeypatch.setattr(grade, "open_kernels", lambda *_: contextlib.nullcontext(quick))
    source = small_notebook()
    folders, released = small_course(tmp_path / "course", source)
    names = ["Jose\u0301", "สมชาย", "x[1] {*}", "=1+1", "ada "]
    right = nbformat.writes(solve(released, source))
    hand_in(tmp_path / "in", {f"{name}/05_small.ipynb": right for name in names})
    hand_in(tmp_path / "in", {"05_small.ipynb": right, "__MACOSX/ada/._05_small.ipynb": "x", "ada /.DS_Store": "x"})
    (tmp_path / "in" / "a link").symlink_to(tmp_path / "in" / "ada ")
    grade.autograde(folders, tmp_path / "in")
    rows = table(folders)
    left_out = {name: rows.pop(name) for name in ("a link", "05_small.ipynb")}
    assert set(rows) == {"José", "สมชาย", "x[1] {*}", "'=1+1", "ada"}
    assert all((row["05_small"], row["remarks"]) == ("5.0", "") for row in rows.values())
    assert left_out["a link"]["remarks"] == "Left out: it is a link, or no file."
    assert left_out["05_small.ipynb"]["remarks"] == "Left out: its name has no student and notebook in it."
    assert len(list(folders.build.glob("feedback/*/notebooks/05_small.html"))) == len(names)


def test_an_empty_folder_is_named(tmp_path):
    with pytest.raises(CourseError, match="nowhere holds no submission; expected files such as STUDENT/01_"):
        grade.autograde(Folders(ROOT, tmp_path / "build"), tmp_path / "nowhere")


@pytest.mark.parametrize("place", [str(ROOT), sys.prefix, sys.base_prefix])
def test_a_traceback_shows_no_place_of_the_teachers(place):
    line = f"\x1b[36mFile \x1b[39m\x1b[32m{place}/lib/x.py:3\x1b[39m, and {place}/y, not /mnt{place}/z"
    shown = execution.hide_own_folders(line)
    assert shown.count(place) == 1 and f"/mnt{place}/z" in shown
    assert re.search(r"\x1b\[32m(course|python)/lib/x.py:3", shown)


class SlowKernels:
    """A student's kernel, and one for the tests, of which one is too slow to import anything."""

    def __init__(self, slow):
        self.slow = slow
        self.violations = []
        self.kernel = self
        self.late = nbformat.v4.new_output("error", ename="CellTimeoutError", evalue="", traceback=[])

    def run(self, source):
        return [self.late] if self.slow == "student's" else []

    async def silently(self, source):
        pass

    async def tests_run(self, source):
        return nbformat.v4.new_code_cell(source, outputs=[self.late] if self.slow == "tests'" else [])


@pytest.mark.parametrize("slow", ["student's", "tests'"])
def test_a_machine_that_is_too_slow_takes_nobodys_points(slow):
    student = SlowKernels(slow)
    tester = SlowKernels(slow)
    tester.run = tester.tests_run
    with pytest.raises(RuntimeError, match="The imports cannot be run on this machine, or not in time"):
        execution.run_cells(small_notebook(), {}, student, tester)


# ------------------------------------------------------------------------------------------- the environment


def test_the_form_grader_finds_the_settings_by_the_makefiles_variable(monkeypatch):
    [variable] = re.findall(
        r"JUPYTER_CONFIG_PATH='.*:\$\(CURDIR\)/(\w+)'", (ROOT / "Makefile").read_text(encoding="utf-8")
    )
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", str(ROOT / variable))
    form_grader = FormgradeExtension()
    form_grader.coursedir = CourseDirectory(parent=form_grader)
    form_grader.root_dir = str(ROOT)
    assert form_grader.url_prefix == "."
    assert form_grader.coursedir.db_url == Folders().db_url
    steps = form_grader.load_config().Autograde.autograde_preprocessors
    assert steps == ["only_make_autograde_has_a_sandbox.Execute"], "its button runs no student's code"


@pytest.mark.skipif(not SANDBOX, reason="there is no bubblewrap here")
def test_an_environment_behind_a_link_made_of_a_python_behind_a_link_can_be_in_the_sandbox(tmp_path, monkeypatch):
    base = tmp_path / "python"
    base.symlink_to(sys.base_prefix)
    python = next(path for path in sorted((base / "bin").iterdir()) if re.fullmatch(r"python3\.\d+", path.name))
    subprocess.run([python, "-m", "venv", "--without-pip", tmp_path / "environment"], check=True)
    (tmp_path / "project").mkdir()
    link = tmp_path / "project" / ".venv"
    link.symlink_to(tmp_path / "environment")
    monkeypatch.setattr(sys, "prefix", str(link))
    monkeypatch.setattr(sys, "base_prefix", str(base))
    monkeypatch.setattr(sys, "executable", str(link / "bin" / "python"))
    assert sandbox.why_unavailable([tmp_path / "project"]) is None


# ------------------------------------------------------------------------------------------------ make check


@pytest.fixture
def student(tmp_path):
    """A student's folder with two notebooks, solved but for one answer: (folders, function that writes one of them)."""
    source = small_notebook()
    _, released = small_course(tmp_path / "course", source, names=["01_a", "02_b"])
    copied = Folders(tmp_path / "student", tmp_path / "student" / "build")
    expected = {name: [marks(cell)["grade_id"] for cell in source.cells if marks(cell)] for name in ("01_a", "02_b")}
    hand_in(copied.root, {"course/exercises.json": json.dumps(expected)})

    def write(name, change=lambda notebook: notebook, but=None):
        hand_in(copied.notebooks, {f"{name}.ipynb": change(solve(released, source, but))})

    write("01_a", but={"double": "def double(x): return 1 / 0"})
    write("02_b")
    return copied, write


def renamed_kernel(notebook):
    notebook.metadata.kernelspec = {"display_name": "conda", "language": "R", "name": "conda-env-x"}
    notebook.cells[1].source = "1 / 0"  # in the lesson
    return notebook


@quiet
def test_a_check_adds_points_up_and_shows_the_line_that_failed(student, capsys):
    folders, write = student
    write("02_b", renamed_kernel)
    assert not check.check_notebooks(folders, [])
    said = capsys.readouterr().out
    assert "1 of 2 points that you can check; 5 more are for hidden tests and words" in said
    assert re.search(
        r"double-test: 0 of 1 points\n +-+> 1 assert double.*\n +-+> 1 def double.*\n +ZeroDivisionError", said
    )
    assert "\n3 of 4 points in all" in said and len(said.splitlines()) < 15


@quiet
@pytest.mark.parametrize(
    "change, says",
    [
        (lambda notebook: "{", "The file cannot be read as a notebook (JSONDecodeError)."),
        (without_marks, "The cell 'double' is missing, or has lost nbgrader's mark"),
        (lambda notebook: without(notebook, "triple"), "The cell 'triple' is missing"),
        (lambda notebook: nbformat.from_dict(json.loads(nbformat.writes(notebook).replace("== 2", "== 4"))),
         "The cell 'double-test' was changed; it is put back before grading."),
        (lambda notebook: b"\xef\xbb\xbf" + nbformat.writes(notebook).encode(), None),
    ],
    ids=["cut off", "no marks", "no cell", "changed", "byte-order mark"],
)  # fmt: skip
def test_a_check_says_what_the_grading_would_take_points_for(student, capsys, change, says):
    folders, write = student
    write("02_b", change)
    assert check.check_notebooks(folders, ["02"]) == (says is None)
    said = capsys.readouterr().out
    assert (says or "2 of 2 points") in said and "01_a" not in said


@pytest.mark.skipif(os.name != "posix", reason="sockets are files on POSIX alone")
def test_a_kernel_that_cannot_start_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError("no memory")

    monkeypatch.setattr(sandbox.AsyncKernelManager, "start_kernel", fail)
    threads = threading.active_count()
    with pytest.raises(RuntimeError, match="no memory"):
        sandbox.Kernel([tmp_path], False, "")
    assert list(tmp_path.iterdir()) == []
    assert threading.active_count() == threads


@pytest.mark.parametrize("module", [check, run_notebooks], ids=lambda module: module.__name__)
def test_a_name_that_no_notebook_has_is_refused(module, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["program", "02_wide_modell"])
    with pytest.raises(SystemExit, match="no notebook '02_wide_modell'; there are: 01_feature_crossing"):
        module.main()

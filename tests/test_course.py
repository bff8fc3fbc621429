"""The course: exercises tell right from wrong, nothing is given away, and submissions get the marks they deserve."""

import copy
import csv
import importlib.util
import pathlib
import re
import shutil
import subprocess
import zipfile

import wdl_helpers  # noqa: F401, before TensorFlow

import nbformat
import pytest
import sandbox
import wrong_answers
from exercises import ROOT, SOURCE, exercises, marks, points, setup
from wrong_answers import WRONG

EXERCISES = [pytest.param(stem, name, id=f"{stem[:2]}-{name}") for stem in SOURCE for name in exercises(SOURCE[stem])]
every_exercise = pytest.mark.parametrize("stem, name", EXERCISES)
every_notebook = pytest.mark.parametrize("stem", SOURCE)
SANDBOX = sandbox.why_not([ROOT]) is None
WRITTEN = pathlib.Path(wrong_answers.__file__).relative_to(ROOT)
STUB = "raise NotImplementedError"


def solved_before(stem, name):
    """The namespace in which an exercise starts: the imports, and the answers of those before it."""
    names = {}
    exec(setup(SOURCE[stem]), names)
    for other, cells in exercises(SOURCE[stem]).items():
        if other == name:
            return names
        exec(cells[0].source, names)


# ----------------------------------------------------------------------------------------- the exercises


@every_notebook
def test_a_notebook_has_graded_exercises_and_one_in_words(stem):
    assert len(exercises(SOURCE[stem])) >= 2
    words = [c for c in SOURCE[stem].cells if c.cell_type == "markdown" and marks(c).get("solution")]
    assert [(marks(c)["grade"], marks(c)["grade_id"]) for c in words] == [(True, "in-words")]
    assert re.search(r"<details>.*One point: .*One point: .*</details>", words[0].source, re.S), "a rubric, folded away"


@every_notebook
def test_the_marks_of_nbgrader_are_complete(stem):
    graded = [cell for cell in SOURCE[stem].cells if marks(cell)]
    assert len({marks(cell)["grade_id"] for cell in graded}) == len(graded)
    for cell in graded:
        assert marks(cell)["schema_version"] == 3
        assert marks(cell)["locked"] != marks(cell)["solution"]
        assert ("points" in marks(cell)) == marks(cell)["grade"]
    first = next(cell for cell in SOURCE[stem].cells if cell.cell_type == "code")
    assert marks(first)["locked"], "the imports are all that exercises need of the lesson"


@every_exercise
def test_an_exercise_has_a_text_an_answer_visible_and_hidden_tests(stem, name):
    answer, *tests = exercises(SOURCE[stem])[name]
    cells = SOURCE[stem].cells
    title = re.match(r"### Exercise \d+: .* \((\d+) points\)\n", cells[cells.index(answer) - 1].source)
    assert int(title[1]) == sum(marks(cell)["points"] for cell in tests)
    assert "### BEGIN SOLUTION" in answer.source and not answer.outputs
    assert [marks(cell)["grade_id"].removeprefix(f"{name}-") for cell in tests] in (
        ["test", "hidden"],
        ["test", "check", "hidden"],
    )
    for cell in (answer, tests[-1]):
        assert cell.metadata["jupyter"] == {"source_hidden": True}, "folded away for the tutorial's readers"
    for line in re.findall(r"^assert .*", "\n".join(cell.source for cell in tests[:-1]), re.M):
        assert re.search(r', f?"[^"]{20,}"$', line), f"the message teaches: {line}"
    assert tests[-1].source.splitlines()[1] == "### BEGIN HIDDEN TESTS"
    assert tests[-1].source.endswith("\n### END HIDDEN TESTS")


@every_exercise
def test_the_answer_gets_full_points_with_nothing_but_the_imports(stem, name):
    answer, *tests = exercises(SOURCE[stem])[name]
    given, errors = points(answer.source, tests, solved_before(stem, name))
    assert errors == [None] * len(tests)
    assert given == [marks(cell)["points"] for cell in tests]


@pytest.mark.parametrize(
    "stem, name, wrong",
    [
        pytest.param(*param.values, wrong, id=f"{param.id}-{wrong}")
        for param in EXERCISES
        for wrong in WRONG.get(param.values[1], {})
    ],
)
def test_a_wrong_answer_loses_points(stem, name, wrong):
    tests = exercises(SOURCE[stem])[name][1:]
    if wrong != "hard-coded":  # a check that trains is slow, and the others must find it
        tests = [cell for cell in tests if not marks(cell)["grade_id"].endswith("-check")]
    names = solved_before(stem, name)
    exec(WRONG[name][wrong], dict(names))  # it must be wrong, and not merely broken
    if wrong == "hard-coded":
        given, errors = points(WRONG[name][wrong], tests, names)
        assert given[0] and not given[-1], "it passes what is visible, and only that"
    else:
        given, errors = points(WRONG[name][wrong], tests[:1], names)
        if given[0]:  # what is visible did not find it, so what is hidden must
            given, errors = points("", tests[1:], names)
        assert 0 in given
    assert not any(isinstance(error, (NameError, SyntaxError)) for error in errors)


def test_every_exercise_has_wrong_answers():
    names = {param.values[1] for param in EXERCISES}
    for name in names:
        assert len(WRONG.get(name, {})) >= 5, f"'{name}' needs at least five wrong answers in {WRITTEN}"
        assert "hard-coded" in WRONG[name], (
            f"'{name}' needs an answer 'hard-coded' in {WRITTEN}: what knows the visible tests alone"
        )
    assert set(WRONG) == names, "wrong answers to what is no exercise"


# -------------------------------------------------------------------------------------- the students' copy


def project(folder, keep=lambda path: True):
    """The module tools/course.py of a copy of the project in `folder`, with the notebooks that `keep` accepts."""
    left_out = shutil.ignore_patterns(".*", "build", "*.egg-info", "__pycache__", "tests")
    shutil.copytree(ROOT, folder, ignore=left_out)
    for path in (folder / "notebooks").glob("*.ipynb"):
        if not keep(path):
            path.unlink()
    spec = importlib.util.spec_from_file_location("course", folder / "tools" / "course.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    """The folder that students get, unpacked from the zip."""
    folder = tmp_path_factory.mktemp("release")
    course = project(folder / "project")
    course.release()
    with zipfile.ZipFile(course.BUILD / "release.zip") as archive:
        archive.extractall(folder)
    first = (course.BUILD / "release.zip").read_bytes()
    course.release()
    assert (course.BUILD / "release.zip").read_bytes() == first, "a second generation has the same bytes"
    return folder / "wide-deep-course"


def regions(source, name):
    """The lines between nbgrader's BEGIN and END marks."""
    return re.findall(rf"### BEGIN {name}\n(.*?)\n\s*### END {name}", source, re.S)


@every_notebook
def test_nothing_is_given_away(release, stem):
    text = (release / "notebooks" / f"{stem}.ipynb").read_text(encoding="utf-8")
    assert not re.search("SOLUTION|HIDDEN|One point|source_hidden", text)
    assert "<details>" not in text.partition("### Predict and try")[0], "what nobody grades may have folded answers"
    released = nbformat.reads(text, as_version=4)
    sources = "\n".join(cell.source for cell in released.cells)
    for cell in SOURCE[stem].cells:
        for taken in regions(cell.source, "SOLUTION") + regions(cell.source, "HIDDEN TESTS"):
            assert taken not in sources
    assert not any(cell.get("outputs") for cell in released.cells)


def without_answers(source):
    """The source of a cell as the students should get it."""
    source = re.sub(
        r"( *)### BEGIN SOLUTION\n.*?### END SOLUTION", rf"\1# Your code here\n\1{STUB}", source, flags=re.S
    )
    return re.sub(r"\n### BEGIN HIDDEN TESTS\n.*?### END HIDDEN TESTS", "", source, flags=re.S)


@every_notebook
def test_all_else_is_as_in_the_tutorial(release, stem):
    released = nbformat.read(release / "notebooks" / f"{stem}.ipynb", as_version=4)
    for ours, theirs in zip(SOURCE[stem].cells, released.cells, strict=True):
        if marks(ours).get("solution") and ours.cell_type == "markdown":
            assert theirs.source == WORDS
        else:
            assert theirs.source == without_answers(ours.source)
        assert marks(theirs).get("grade_id") == marks(ours).get("grade_id")
        assert theirs.metadata.get("editable", True) is not bool(marks(ours).get("locked"))


@every_notebook
def test_each_empty_answer_says_that_it_is_not_there_yet(release, stem):
    released, names = nbformat.read(release / "notebooks" / f"{stem}.ipynb", as_version=4), {}
    exec(setup(released), names)
    for answer, *tests in exercises(released).values():
        assert answer.source.count(STUB) >= 1
        given, errors = points(answer.source, tests[:-1], names)
        assert given[0] == 0 and [type(error) for error in errors] == [NotImplementedError] * len(errors)


def links(page):
    return [target for target in re.findall(r"\]\(([^)\s#]+)[^)\s]*\)", page) if not re.match("https?:", target)]


def test_the_links_of_the_release_lead_somewhere(release):
    assert links((release / "README.md").read_text(encoding="utf-8"))
    for path in [release / "README.md", *release.glob("notebooks/*.ipynb")]:
        for target in links(path.read_text(encoding="utf-8")):
            assert (path.parent / target).exists(), (path.name, target)
    card = nbformat.read(next(release.glob("notebooks/01*.ipynb")), as_version=4).cells[0].source
    for anchor in re.findall(r"README.md#([\w-]+)", card):
        assert f"## {anchor.capitalize().replace('-', ' ')}\n" in (release / "README.md").read_text(encoding="utf-8")


def test_the_release_has_the_students_commands_and_no_others(release):
    listed = subprocess.run(["make"], cwd=release, capture_output=True, text=True, check=True).stdout
    assert re.findall(r"^make (\w+)", listed, re.M) == ["lab", "check", "play", "clean"]
    planned = subprocess.run(["make", "-n", "check"], cwd=release, capture_output=True, text=True, check=True).stdout
    assert "tools/environment.py 'course'" in planned and "tools/course.py check" in planned


# --------------------------------------------------------------------------------------------- the grading


def mark(name, kind, worth=None):
    """nbgrader's marks of a cell: 'answer', 'test' or 'words'."""
    fields = {"grade": kind != "answer", "solution": kind != "test", "locked": kind == "test", "task": False}
    return {
        "nbgrader": {"schema_version": 3, "grade_id": name, **fields} | ({} if worth is None else {"points": worth})
    }


def small_notebook():
    """A notebook with two exercises, worth 1 + 2 and 1 + 1 points, and a question in words, worth 2."""
    v4 = nbformat.v4
    imports = v4.new_code_cell("import numpy as np", metadata=mark("imports", "test") | {})
    imports.metadata["nbgrader"]["grade"] = False
    cells = [imports, v4.new_code_cell("lesson = 1"), v4.new_markdown_cell("## Exercises")]
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
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    return v4.new_notebook(cells=cells, metadata=kernel)


WORDS = "*Your answer here*"
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


def cell_of(notebook, name):
    return next(cell for cell in notebook.cells if marks(cell).get("grade_id") == name)


def solve(notebook, source, but=None):
    """Write the source's answers into a released notebook, with those in `but`, id → answer, in place of some."""
    solved = copy.deepcopy(notebook)
    for cell in solved.cells:
        if marks(cell).get("solution"):
            cell.source = (but or {}).get(marks(cell)["grade_id"], cell_of(source, marks(cell)["grade_id"]).source)
    return solved


def without(notebook, *names):
    smaller = copy.deepcopy(notebook)
    smaller.cells = [cell for cell in smaller.cells if marks(cell).get("grade_id") not in names]
    return smaller


def submissions(released, source):
    """dict student → (what the file holds, points of a machine, points that wait for a person)."""
    right = solve(released, source)
    tampered = copy.deepcopy(released)
    for cell in tampered.cells:
        if marks(cell).get("locked") and marks(cell).get("grade"):
            cell.source, cell.metadata["nbgrader"]["points"] = "pass", 50
    careless = without(right, "imports", "double-hidden", "triple-test")
    careless.cells[0].source = "1 / 0"  # in the lesson
    careless.cells.append(copy.deepcopy(cell_of(careless, "double-test")))
    cell_of(careless, "double-test").cell_type = "raw"
    held = {
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
    }
    return {student: (nbformat.writes(held[student][0]), *held[student][1:]) for student in held} | {
        "no notebook": ("{", 0, 0)
    }


def grades(course):
    with (course.BUILD / "grades.csv").open(encoding="utf-8", newline="") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


quiet = pytest.mark.filterwarnings("ignore:Object of type", "ignore:Non-unique cell id")


@quiet
def test_each_submission_gets_the_marks_it_should_and_none_stops_the_others(tmp_path):
    course = project(tmp_path / "project", keep=lambda path: False)
    source = small_notebook()
    nbformat.write(source, tmp_path / "project" / "notebooks" / "05_small.ipynb")
    course.release()
    released = nbformat.read(course.RELEASE / "notebooks" / "05_small.ipynb", as_version=4)
    expected = submissions(released, source)
    for student, (text, *_) in expected.items():
        (tmp_path / "in" / student).mkdir(parents=True)
        (tmp_path / "in" / student / "05_small.ipynb").write_text(text, encoding="utf-8")
    (tmp_path / "in" / "another name").mkdir()
    (tmp_path / "in" / "another name" / "mine.ipynb").write_text(expected["right"][0], encoding="utf-8")
    course.autograde(tmp_path / "in", timeout=3, sandbox=SANDBOX)

    found = grades(course)
    got = {student: (float(row["05_small"]), float(row["by hand"])) for student, row in found.items()}
    assert got == {student: tuple(rest) for student, (_, *rest) in expected.items()} | {"another name": (0, 0)}
    assert all((row["total"], row["of"]) == (row["05_small"], "7.0") for row in found.values())
    for student in found:
        page = (course.BUILD / "feedback" / student / "notebooks" / "05_small.html").read_text(encoding="utf-8")
        assert "Score" in page
        assert ("lesson = 1" not in page) and ("double" in page)


@quiet
def test_a_released_notebook_solved_in_its_answers_alone_gets_full_marks(release, tmp_path):
    """With a kernel, as a teacher runs it; the answers of the other notebooks are run above, without one."""
    course = project(tmp_path / "project", keep=lambda path: path.stem == "01_feature_crossing")
    path = release / "notebooks" / "01_feature_crossing.ipynb"
    (tmp_path / "in" / "ada").mkdir(parents=True)
    solved = solve(nbformat.read(path, as_version=4), SOURCE[path.stem])
    nbformat.write(solved, tmp_path / "in" / "ada" / path.name)
    course.autograde(tmp_path / "in", sandbox=SANDBOX)
    row = {"student": "ada", path.stem: "8.0", "total": "8.0", "of": "10.0", "by hand": "2.0", "remarks": ""}
    assert grades(course)["ada"] == row

    with course.Gradebook(course.settings().CourseDirectory.db_url) as gradebook:  # what the form grader does
        grade = gradebook.find_grade("in-words", path.stem, course.ASSIGNMENT, "ada")
        grade.manual_score, grade.needs_manual_grade = 1.5, False
        gradebook.db.commit()
    course.grades()
    assert (grades(course)["ada"]["total"], grades(course)["ada"]["by hand"]) == ("9.5", "0.0")


@pytest.mark.parametrize("answer, says", [(None, "Success! Your notebook passes"), ("def double(x): 1 / 0", "ZeroDiv")])
def test_a_student_can_check_a_notebook_in_any_state_of_the_lesson(tmp_path, capsys, answer, says):
    course = project(tmp_path / "project", keep=lambda path: False)
    notebook = solve(small_notebook(), small_notebook(), {"double": answer} if answer else None)
    notebook.cells[1].source = "1 / 0"
    nbformat.write(notebook, course.ROOT / "notebooks" / "05_small.ipynb")
    course.check([])
    assert says in capsys.readouterr().out


def test_an_empty_folder_is_named(tmp_path):
    course = project(tmp_path / "project")
    with pytest.raises(SystemExit, match="nowhere holds no submission; expected files such as STUDENT/01_"):
        course.autograde(tmp_path / "nowhere")

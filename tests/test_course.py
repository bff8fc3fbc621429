"""The course's exercises tell right from wrong, and the students' copy gives nothing away."""

import hashlib
import json
import pathlib
import re
import subprocess
import zipfile

import wdl_helpers  # noqa: F401, before TensorFlow
from course.folders import Folders
from course.release import write_release

import nbformat
import pytest
import wrong_answers
from exercises import EXERCISES, ROOT, SOURCE, every_exercise, exercises, marks, points, setup, solved_before
from small_course import WORDS
from wrong_answers import WRONG

every_notebook = pytest.mark.parametrize("stem", SOURCE)
WRITTEN = pathlib.Path(wrong_answers.__file__).relative_to(ROOT)
STUB = "raise NotImplementedError"

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


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    """The folder that students get, unpacked from the zip."""
    build = tmp_path_factory.mktemp("release")
    for _ in range(2):
        write_release(Folders(ROOT, build))
        made = (build / "release.zip").read_bytes()
        (build / "release.zip").rename(build / f"{hashlib.sha256(made).hexdigest()}.zip")
    [archive] = build.glob("*.zip")  # a second generation has the same bytes
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(build)
    return build / "wide-deep-course"


def regions(source, name):
    """The lines between nbgrader's BEGIN and END marks."""
    return re.findall(rf"### BEGIN {name}\n(.*?)\n\s*### END {name}", source, re.S)


@every_notebook
def test_nothing_is_given_away(release, stem):
    text = (release / "notebooks" / f"{stem}.ipynb").read_text(encoding="utf-8")
    assert not re.search("SOLUTION|HIDDEN|One point|source_hidden", text)
    graded = text.partition("### Exercise 1")[2].partition("### Predict and try")[0]
    assert graded and "<details>" not in graded, "what nobody grades may have folded answers"
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
    pages = {release / "README.md": (release / "README.md").read_text(encoding="utf-8")}
    for path in release.glob("notebooks/*.ipynb"):
        cells = nbformat.read(path, as_version=4).cells
        pages[path] = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    for path, page in pages.items():
        for target in links(page):
            assert (path.parent / target).exists(), (path.name, target)
    card = nbformat.read(next(release.glob("notebooks/01*.ipynb")), as_version=4).cells[0].source
    for anchor in re.findall(r"README.md#([\w-]+)", card):
        assert f"## {anchor.capitalize().replace('-', ' ')}\n" in (release / "README.md").read_text(encoding="utf-8")


def test_the_release_has_the_students_commands_and_no_others(release):
    listed = subprocess.run(["make"], cwd=release, capture_output=True, text=True, check=True).stdout
    assert re.findall(r"^make (\w+)", listed, re.M) == ["lab", "check", "play", "serve", "clean"]
    planned = subprocess.run(["make", "-n", "check"], cwd=release, capture_output=True, text=True, check=True).stdout
    assert "-m tools.environment 'course'" in planned and "-m course.check" in planned


def test_the_copy_has_what_a_check_needs_and_nothing_of_the_grading(release):
    assert {path.name for path in (release / "course").iterdir()} == {
        "__init__.py", "cells.py", "check.py", "exercises.json", "folders.py", "nbgrader_config.py"
    }  # fmt: skip
    expected = json.loads((release / "course" / "exercises.json").read_text(encoding="utf-8"))
    for stem, notebook in SOURCE.items():
        assert expected[stem] == [marks(cell)["grade_id"] for cell in notebook.cells if marks(cell)]
    assert not list(release.glob("notebooks/*.json"))
    assert {path.name for path in (release / "docs").iterdir()} == {
        path.name for path in (ROOT / "docs").glob("*.md") if path.name != "teaching.md"
    }

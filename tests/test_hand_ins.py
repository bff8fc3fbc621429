"""Which file is whose, and what is read of it: names in any script, copies, exports, files that are no notebooks."""

import json
import unicodedata

from course.cells import (
    UnreadableNotebook,
    extract_exercises,
    find_missing_parts,
    read_hand_in,
    read_notebook,
    restore_exercises,
)
from course.hand_ins import find_hand_ins, shown_name, student_id

import nbformat
import pytest
from small_course import cell_of, hand_in, own_helper, small_course, small_notebook, solve, without_marks

# ------------------------------------------------------------------------------------------------ names, files


COURSE = ["01_feature_crossing", "02_wide_model"]
DECOMPOSED = unicodedata.normalize("NFD", "José")


@pytest.mark.parametrize(
    "path, student",
    [
        ("ada/02_wide_model.ipynb", "ada"),
        (f"{DECOMPOSED}/02_wide_model.ipynb", "José"),
        ("สมชาย ใจดี/02_wide_model.ipynb", "สมชาย ใจดี"),
        ("अनुष्का शर्मा/02_wide_model.ipynb", "अनुष्का शर्मा"),
        ("D’Angelo/02_wide_model.ipynb", "D’Angelo"),
        ("O'Neil, Jean–Luc/02_wide_model.ipynb", "O'Neil, Jean–Luc"),
        ("a+b@x.org/02_wide_model.ipynb", "a+b@x.org"),
        ("Smith & Co/02_wide_model.ipynb", "Smith & Co"),
        (" ada/02_wide_model.ipynb", "ada"),
        ("ada /02_wide_model.ipynb", "ada"),
        ("x[1]/02_wide_model.ipynb", "x[1]"),
        ("*/02_wide_model.ipynb", "*"),
        ("100% {me}/02_wide_model.ipynb", "100% {me}"),
        ("=1+1/02_wide_model.ipynb", "=1+1"),
        ("x" * 150 + "/02_wide_model.ipynb", "x" * 120),
        ("Ada Lovelace_123_assignsubmission_file/02_wide_model.ipynb", "Ada Lovelace"),
        ("Ada Lovelace_123_assignsubmission_file_/02_wide_model.ipynb", "Ada Lovelace"),
        ("Ada Lovelace_123_assignsubmission_file_02_wide_model.ipynb", "Ada Lovelace"),
        ("lovelaceada_4711_90210_02_wide_model.ipynb", "lovelaceada_4711"),
        ("lovelaceada_LATE_4711_90210_02_wide_model-2.ipynb", "lovelaceada_4711"),
        ("ada_02_wide_model.ipynb", "ada"),
        ("Ada Lovelace - 02_wide_model (1).ipynb", "Ada Lovelace"),
        ("ada/02_wide_model (1).ipynb", "ada"),
        ("ada/02_wide_model-Copy1.ipynb", "ada"),
        ("ada/02_wide_model copy 2.ipynb", "ada"),
    ],
)
def test_a_name_is_taken_as_it_is_written(tmp_path, path, student):
    hand_ins, nobodys = find_hand_ins(hand_in(tmp_path, {path: "{}", "zoe/01_feature_crossing.ipynb": "{}"}), COURSE)
    assert nobodys == [] and set(hand_ins) == {student_id(student), "zoe"}
    assert shown_name(student_id(student)) == student
    held = hand_ins[student_id(student)]
    assert (held.files, held.remarks) == ({"02_wide_model": tmp_path / path}, [])


@pytest.mark.parametrize(
    "files, taken, said",
    [
        (
            ["a/02_wide_model.ipynb", "a/02_wide_model-Copy1.ipynb"],
            "a/02_wide_model.ipynb",
            "02_wide_model-Copy1.ipynb",
        ),
        (["a/02_wide_model (1).ipynb", "a/02_wide_model (2).ipynb"], "a/02_wide_model (2).ipynb", "02_wide_model (1)"),
        (["a/02_wide_model.ipynb", "a/work/02_wide_model.ipynb"], "a/02_wide_model.ipynb", "work/"),
        (["a/02_wide_model.ipynb", "a/notes.txt"], "a/02_wide_model.ipynb", "notes.txt"),
        (["a/homework.zip"], None, "homework.zip"),
        (["a/02_Wide_Model.ipynb"], None, "02_Wide_Model.ipynb"),
        (["a_7_1_homework.pdf", "a_7_1_02_wide_model.ipynb"], "a_7_1_02_wide_model.ipynb", "homework.pdf"),
        ([*(f"a/{i}.txt" for i in range(40)), "a/02_wide_model.ipynb"], "a/02_wide_model.ipynb", "and 35 more"),
        (["a/02_wide_model.ipynb", "a/x\n=y.txt"], "a/02_wide_model.ipynb", "x =y.txt"),
    ],
    ids=["copy", "two copies", "folder", "text", "zip", "capitals", "flat", "many", "line break"],
)
def test_what_is_left_out_is_named(tmp_path, files, taken, said):
    hand_ins, nobodys = find_hand_ins(hand_in(tmp_path, dict.fromkeys(files, "{}")), COURSE)
    [held] = hand_ins.values()
    assert nobodys == [] and list(held.files.values()) == ([tmp_path / taken] if taken else [])
    assert held.remarks[0].startswith("Left out: ") and said in held.remarks[0]
    assert ("No notebook of the course was found among the files." in held.remarks) == (taken is None)


def test_two_folders_of_one_name_and_two_students_of_one_name_are_told_apart(tmp_path):
    files = ["ada/01_feature_crossing.ipynb", "ada /02_wide_model.ipynb", "ada /01_feature_crossing.ipynb"]
    files += [f"Bo Li_{number}_assignsubmission_file/02_wide_model.ipynb" for number in (1, 2)]
    hand_ins, _ = find_hand_ins(hand_in(tmp_path, dict.fromkeys(files, "{}")), COURSE)
    assert set(hand_ins) == {"ada", "Bo Li 1", "Bo Li 2"}
    assert set(hand_ins["ada"].files) == set(COURSE)
    assert any("Several folders have this name: 'ada ', 'ada'" in said for said in hand_ins["ada"].remarks)
    assert hand_ins["Bo Li 1"].remarks == []


# ---------------------------------------------------------------------------------------------- what is read


def picture(size):
    """An output with a picture of so many bytes."""
    return nbformat.v4.new_output("display_data", {"image/png": "A" * size})


def test_pictures_and_a_byte_order_mark_do_no_harm(tmp_path):
    source = small_notebook()
    source.cells[1].outputs = [picture(12_000_000)]
    path = hand_in(tmp_path, {"a.ipynb": b"\xef\xbb\xbf" + nbformat.writes(source).encode()}) / "a.ipynb"
    read = read_notebook(path)
    assert [cell.source for cell in read.cells] == [cell.source for cell in source.cells]
    assert read.cells[1].outputs == []


@pytest.mark.parametrize(
    "content, why",
    [
        (b'{"cells": [', r"cannot be read as a notebook \(JSONDecodeError\)"),
        (b"\xff\xfe{\x00", r"cannot be read as a notebook \(UnicodeDecodeError\)"),
        (b"[]", r"cannot be read as a notebook \(TypeError\)"),
        (b"[" * 100_000, r"cannot be read as a notebook \(RecursionError\)"),
        (b'{"cells": [1]}', r"cannot be read as a notebook \(AttributeError\)"),
        (b'{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5, "x": "' + b"A" * 10_000_001 + b'"}',
         r"has 10\.0 MB without outputs, and can have 10 MB"),
        (b" " * 50_000_001, r"has 50\.0 MB, and can have 50 MB"),
    ],
    ids=["cut off", "UTF-16", "list", "deep", "no cell", "long", "large"],
)  # fmt: skip
def test_what_is_no_notebook_is_said(tmp_path, content, why):
    with pytest.raises(UnreadableNotebook, match=why):
        read_notebook(hand_in(tmp_path, {"a.ipynb": content}) / "a.ipynb")


@pytest.mark.parametrize(
    "field, value",
    [("id", ["a"]), ("id", {}), ("metadata", {"nbgrader": "x"}), ("metadata", {"nbgrader": {"grade_id": [1]}}),
     ("metadata", None), ("cell_type", "page"), ("cell_type", 3), ("source", {"a": 1}), ("source", None)],
    ids=str,
)  # fmt: skip
def test_a_cell_of_a_strange_form_is_no_more_than_an_unreadable_notebook(tmp_path, field, value):
    source = small_notebook()
    _, released = small_course(tmp_path / "course", source)
    strange = json.loads(nbformat.writes(solve(released, source)))
    strange["cells"][3][field] = value
    path = hand_in(tmp_path, {"a.ipynb": json.dumps(strange)}) / "a.ipynb"
    try:
        read = read_hand_in(path, released)
    except UnreadableNotebook as error:
        assert "cannot be read as a notebook" in str(error)
    else:
        nbformat.validate(read)
        assert cell_of(read, "double-test").source == cell_of(released, "double-test").source


def test_cells_that_lost_nbgraders_metadata_are_known_by_their_ids_or_named(tmp_path):
    source = small_notebook()
    _, released = small_course(tmp_path / "course", source)
    stripped = without_marks(solve(released, source))
    assert find_missing_parts(stripped, released) == []
    assert cell_of(restore_exercises(stripped, released), "double").source == cell_of(source, "double").source
    for index, cell in enumerate(stripped.cells):
        cell.id = f"other-{index}"
    missing = [
        f"The answer cell '{name}' is missing, so it counts as empty." for name in ("double", "triple", "in-words")
    ]
    assert find_missing_parts(stripped, released) == missing
    assert [cell.metadata.get("remark") for cell in restore_exercises(stripped, released).cells[:3]] == missing


def test_without_its_heading_the_exercises_begin_after_the_lesson(tmp_path):
    source = small_notebook()
    _, released = small_course(tmp_path / "course", source)
    kept = [cell.source for cell in extract_exercises(own_helper(released, source), released).cells]
    assert "def plus(one, other): return one + other" in kept and "lesson = 1" not in kept

"""The line over which the grading's tests call a student's functions: plain data comes back, and nothing else."""

import json
import pickle

from course.execution import find_needed_names
from course.inside import calls

import numpy as np
import pandas as pd
import pytest
from exercises import SOURCE, every_exercise, exercises, marks, points, solved_before

FRAME = pd.DataFrame({"a": [1, 2], "b": ["x", None]}, index=[4, 7])
VALUES = [
    None, True, 3, -0.5, "text", [1, [2, "a"]], (1, 2), {1, 2}, {"a": 1, (1, 2): [3]}, 2**70, 1 + 2j, np.float32(0.1),
    np.int64(3), np.bool_(True), np.arange(6).reshape(2, 3), np.array([True, False]), np.array(["a", "bcd"]),
    np.zeros((0, 3)), np.array([1, "a", None], dtype=object), np.array("2024-01-01", dtype="datetime64[D]"),
    FRAME, FRAME["b"], FRAME.index,
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_plain_data_goes_over_the_line_as_it_is(value):
    back = calls.decode(json.loads(json.dumps(calls.encode(value))))
    assert type(back) is type(value)
    if isinstance(value, (pd.DataFrame, pd.Series, pd.Index)):
        assert back.equals(value)
    else:
        assert np.array_equal(back, value) if isinstance(value, np.ndarray) else back == value
        assert getattr(back, "dtype", None) == getattr(value, "dtype", None)


@pytest.mark.parametrize(
    "code",
    [
        ["array", "O", [1], "AAAAAAAAAAA="], ["array", "V8", [1], "AAAAAAAAAAA="], ["array", "f8", [9], "AAAAAAAAAAA="],
        ["exec", "1"], {"a": 1}, ["list", 3], [], ["scalar", "i4,O", [], ""], ["frame", 1, 2, 3],
    ],
    ids=str,
)  # fmt: skip
def test_anything_else_on_the_line_is_an_error(code):
    with pytest.raises((ValueError, TypeError, KeyError, IndexError, AttributeError)):
        calls.decode(code)


def test_a_truth_value_has_no_third_state():
    assert calls.decode(["array", "|b1", [2], "AgA="]).view(np.uint8).tolist() == [1, 0]


@pytest.mark.parametrize("value", [object(), print, b"bytes", iter([1])], ids=lambda value: type(value).__name__)
def test_what_cannot_go_over_the_line_is_named(value):
    with pytest.raises(TypeError, match=f"gives a {type(value).__name__}; the tests can take numbers"):
        calls.encode(value)


@pytest.mark.parametrize(
    "before, change",
    [
        ([1, 2, 3], lambda x: x.pop()),
        ({"a": [1]}, lambda x: x.update(b=2)),
        (np.arange(3), lambda x: x.fill(7)),
        (FRAME.copy(), lambda x: x.pop("a")),
        (FRAME["a"].copy(), lambda x: x.__setitem__(4, 9)),
    ],
    ids=["list", "dict", "array", "frame", "series"],
)
def test_a_test_sees_what_a_function_does_to_its_arguments(before, change):
    changed = calls.decode(calls.encode(before))
    change(changed)
    assert not calls.is_same(before, changed)
    calls.write_back(before, calls.encode(changed))
    assert calls.is_same(before, changed)


def over_the_line(function):
    """The function as the tests of the grading see it: what it gets and what it gives are copies."""

    def call(*args, **kwargs):
        args, kwargs = pickle.loads(pickle.dumps((args, kwargs)))
        return calls.decode(json.loads(json.dumps(calls.encode(function(*args, **kwargs)))))

    return call


@every_exercise
def test_an_answer_gets_full_points_over_the_line(stem, name):
    answer, *tests = exercises(SOURCE[stem])[name]
    tests = [cell for cell in tests if not marks(cell)["grade_id"].endswith("-check")]  # slow, and alike
    names = solved_before(stem, name)
    exec(answer.source, names)
    functions = set(find_needed_names(SOURCE[stem])) & set(names)
    assert functions, "the tests call the answer"
    names.update({each: over_the_line(names[each]) for each in functions})
    given, errors = points("", tests, names)
    assert errors == [None] * len(tests) and sum(given)

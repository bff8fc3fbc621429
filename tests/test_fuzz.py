"""The search for examples that break a law: it finds one, tries many, and ends."""

import subprocess
import sys
import time
import types

from tools import fuzz

import pytest

LAWS = """
import pathlib
from hypothesis import given, strategies as st
from laws import FEW

TRIED = []

@given(st.integers(0, 10**6))
@FEW
def test_a_law(n):
    TRIED.append(n)
    pathlib.Path(__file__).with_name("tried").write_text(str(len(TRIED)))

@given(st.integers(0, 10**6))
def test_a_broken_law(n):
    assert n < 900_000

def test_no_law():
    raise NotImplementedError
"""


def test_a_law_gets_hundreds_of_examples_and_what_breaks_it_is_printed(tmp_path):
    (tmp_path / "test_small.py").write_text(LAWS)
    command = [sys.executable, fuzz.__file__, "--minutes", "5", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1 and "n=900000" in done.stdout and "reproduce_failure" in done.stdout
    assert int((tmp_path / "tried").read_text()) >= 400, done.stdout
    assert " examples of 2 laws" in done.stdout and "NotImplementedError" not in done.stdout


def law():
    """A test as hypothesis makes it, and the examples that it was run with."""
    ran = []
    inner = types.SimpleNamespace(inner_test=ran.append)
    return types.SimpleNamespace(nodeid="a.py::test_a[1]", obj=types.SimpleNamespace(hypothesis=inner)), ran


def test_once_the_time_is_over_a_law_that_runs_does_nothing_and_the_next_is_skipped():
    clock = fuzz.Clock(minutes=1)
    item, ran = law()
    for _ in range(2):  # two tests of one law, which is counted once
        clock.pytest_runtest_setup(item)
    item.obj.hypothesis.inner_test(1)
    clock.start = time.monotonic() - 61
    item.obj.hypothesis.inner_test(2)
    assert ran == [1] and clock.examples == 1 and len(clock.laws) == 1
    with pytest.raises(pytest.skip.Exception, match="time is over"):
        clock.pytest_runtest_setup(law()[0])


def test_an_example_that_breaks_a_law_is_tried_again_after_the_end():
    clock = fuzz.Clock(minutes=1)
    item, _ = law()
    item.obj.hypothesis.inner_test = lambda n: 1 / n
    clock.pytest_runtest_setup(item)
    with pytest.raises(ZeroDivisionError):
        item.obj.hypothesis.inner_test(0)
    clock.start = time.monotonic() - 61
    with pytest.raises(ZeroDivisionError):
        item.obj.hypothesis.inner_test(0)

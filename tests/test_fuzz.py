"""The search for examples that break a law: it finds one, tries many, and ends."""

import subprocess
import sys
import time

import fuzz
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
    assert "2 times a law" in done.stdout and "NotImplementedError" not in done.stdout


def test_what_begins_after_the_end_is_skipped():
    clock = fuzz.Clock(minutes=1)
    clock.pytest_runtest_setup()
    assert clock.laws == 1 and not clock.is_over()
    clock.start = time.monotonic() - 61
    with pytest.raises(pytest.skip.Exception, match="time is over"):
        clock.pytest_runtest_setup()
    assert clock.laws == 1

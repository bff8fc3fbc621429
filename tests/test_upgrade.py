"""Trying other versions: what is asked for, and what the page says. `make upgrade` installs them."""

from tools import upgrade
from tools.upgrade import Result

import pytest

PYPROJECT = """[project]
dependencies = [
    "keras==3.15.1",
    "tensorflow==2.21.0",
]
[project.optional-dependencies]
course = ["nbgrader==0.9.6"]
"""
JUNIT = """<testsuites><testsuite>
<testcase classname="tests.test_one" name="test_good"/>
<testcase classname="tests.test_one" name="test_bad"><failure message="1 == 2&#10;more"/></testcase>
<testcase classname="notebooks.02_wide_model.ipynb" name="Cell 3"><failure>outputs differ</failure></testcase>
<testcase classname="tests.test_one" name="test_left_out"><skipped/></testcase>
<testcase classname="tests.test_one" name="test_broken"><error message="no fixture"/></testcase>
</testsuite></testsuites>"""
SAID = """
tests/test_one.py::test_good
tests/test_one.py::test_other
  /somewhere/pandas/core.py:10: FutureWarning: this will go
    frame.applymap(str)
tests/test_one.py::test_bad
  /elsewhere/keras/x.py:7: DeprecationWarning: use y
  /somewhere/pandas/core.py:99: FutureWarning: this will go
  /somewhere/numpy/core.py:99: RuntimeWarning: divide by zero
"""


def test_the_newest_are_any_from_the_committed_ones_on():
    text = upgrade.ask_for_versions(PYPROJECT, newest=True, pins={})
    assert '"keras>=3.15.1"' in text and '"nbgrader>=0.9.6"' in text and "==" not in text


def test_the_drill_backwards_changes_the_named_versions_alone():
    text = upgrade.ask_for_versions(PYPROJECT, newest=False, pins={"keras": "3.13.0"})
    assert text == PYPROJECT.replace("3.15.1", "3.13.0")
    with pytest.raises(SystemExit, match="pins no torch"):
        upgrade.ask_for_versions(PYPROJECT, newest=False, pins={"torch": "2.0"})


def test_the_nightly_lane_takes_tensorflows_nightly_build():
    text = upgrade.ask_for_versions(PYPROJECT, newest=True, pins={}, nightly=True)
    assert '"tf-nightly"' in text and '"tensorflow' not in text


def test_the_copy_pins_what_was_found():
    found = upgrade.read_pins(upgrade.replace_pins(PYPROJECT, {"keras": "3.16.0", "other": "1.0"}))
    assert found == {"keras": "3.16.0", "tensorflow": "2.21.0", "nbgrader": "0.9.6"}
    assert upgrade.read_pins("numpy==2.4.6 ; python_version < '3.13'\nscipy==1.17.1\n") == {
        "numpy": "2.4.6",
        "scipy": "1.17.1",
    }


def test_the_page_tells_tests_from_cells_and_counts_deprecations(tmp_path):
    (tmp_path / "tests.xml").write_text(JUNIT, encoding="utf-8")
    result = upgrade.read_result(tmp_path / "tests.xml", SAID)
    assert result == Result(
        passed=1,
        failures={
            "tests.test_one::test_bad": "1 == 2",
            "notebooks.02_wide_model.ipynb::Cell 3": "outputs differ",
            "tests.test_one::test_broken": "no fixture",
        },
        warnings={"FutureWarning: this will go": 2, "DeprecationWarning: use y": 1},
    )
    page = upgrade.report_page({"keras": "3.15.1", "numpy": "2.4.6"}, {"keras": "3.16.0", "numpy": "2.4.6"}, result)
    assert "1 of 2 packages change." in page and "| keras | 3.15.1 | 3.16.0 |" in page and "| numpy" not in page
    assert "1 tests and cells pass, 3 fail." in page
    assert "## Tests that fail: 2" in page and "## Cells whose outputs differ, or that fail: 1" in page
    assert "- 2 × FutureWarning: this will go" in page


def test_versions_that_do_not_fit_together_are_said_to():
    page = upgrade.report_page({"keras": "3.15.1"}, {}, None, "× No solution found\n  because a needs b")
    assert "0 of 0 packages change." in page and "because a needs b" in page

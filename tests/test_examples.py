"""The examples in the docstrings of tools/ and course/ hold; `make test` runs those of the helpers by themselves."""

import doctest
import importlib
import pathlib

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
WITH_EXAMPLES = [
    f"{folder}.{path.stem}"
    for folder in ("tools", "course")
    for path in sorted((ROOT / folder).glob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_the_examples_of_a_module_hold(name):
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    failed, tried = doctest.testmod(importlib.import_module(name), optionflags=flags)
    assert tried and not failed


def test_there_are_examples():
    assert {"tools.slides", "tools.pdf", "tools.upgrade", "tools.links", "course.lms", "course.check"} <= set(
        WITH_EXAMPLES
    )

"""Data that several test files share, made when the first test asks for it."""

import types

import pytest


@pytest.fixture(scope="session")
def small():
    """The small data set of laws.py: fitted parts `wide` and `deep`, all `inputs`, `labels`."""
    from laws import small_parts  # here: tests that need no TensorFlow do not wait for it

    wide, deep, inputs, labels = small_parts()
    return types.SimpleNamespace(wide=wide, deep=deep, inputs=inputs, labels=labels)

"""The tolerance of cells tagged `approx`: words and integers are strict, decimals may differ a little."""

import pytest

from conftest import Approximate


@pytest.mark.parametrize(
    "one, other",
    [("AUC 0.9302", "AUC 0.9315"), ("a  0.32\nb 1", "a 0.33\nb 1"), ("1.3", "1.4"), ("-0.002", "0.000"), ("x", "x")],
)
def test_words_and_integers_equal_and_decimals_close_are_equal(one, other):
    assert Approximate(one) == other
    assert not (Approximate(one) != other)  # noqa: SIM202, nbval compares with !=


@pytest.mark.parametrize(
    "one, other",
    [
        ("AUC 0.9302", "AUC 0.9325"),
        ("AUC 0.9302", "auc 0.9302"),
        ("8,661 weights", "8,662 weights"),
        ("0.32", "0.34"),
        ("1.3", "1.5"),
        ("0.5", "0.5 0.5"),
        ("0.5", "nan"),
        ("1", "1.0"),
    ],
)
def test_anything_else_is_different(one, other):
    assert Approximate(one) != other

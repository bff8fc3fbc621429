"""Checks of models and arguments that no other test file reaches."""

import wdl_helpers as wdl

import keras
import pytest
from keras import layers


def model(*outputs, kind=None):
    inputs = keras.Input((3,))
    made = [layers.Dense(width, kind)(inputs) for width in outputs]
    return keras.Model(inputs, made[0] if len(made) == 1 else made, name="small")


def test_a_model_with_one_logit_a_row_is_taken_however_it_was_made():
    wdl.check_logit(model(1))
    wdl.check_logit(keras.Sequential([keras.Input((3,)), layers.Dense(1)]))


@pytest.mark.parametrize(
    "made, message",
    [
        (lambda: model(2), r"'small' returns \(None, 2\); expected one logit a row"),
        (lambda: model(1, 1), r"'small' returns \(None, 1\), \(None, 1\); expected one logit a row"),
        (lambda: model(1, kind="sigmoid"), "'small' ends in a sigmoid; expected a logit"),
        (lambda: keras.Sequential([layers.Dense(1)], name="small"), "'small' does not say what it returns"),
    ],
)
def test_a_model_that_returns_something_else_is_named(made, message):
    with pytest.raises(ValueError, match=message):
        wdl.check_logit(made())


@pytest.mark.parametrize("value", [2**31 - 2, 1])
def test_the_largest_number_of_buckets_is_allowed(value):
    wdl.check_buckets("n", value)
    with pytest.raises(ValueError, match="n is 2147483647; expected at most 2147483646"):
        wdl.check_buckets("n", 2**31 - 1)

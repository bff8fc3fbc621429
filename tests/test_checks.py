"""Checks of models and arguments that no other test file reaches."""

import json

import wdl_helpers as wdl
from wide_deep import checks, plain

import keras
import numpy as np
import pandas as pd
import pytest
from keras import layers


def model(*outputs, kind=None):
    inputs = keras.Input((3,))
    made = [layers.Dense(width, kind)(inputs) for width in outputs]
    return keras.Model(inputs, made[0] if len(made) == 1 else made, name="small")


def test_a_model_with_one_logit_a_row_is_taken_however_it_was_made():
    checks.check_logit(model(1))
    checks.check_logit(keras.Sequential([keras.Input((3,)), layers.Dense(1)]))


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
        checks.check_logit(made())


@pytest.mark.parametrize("value", [2**31 - 2, 1])
def test_the_largest_number_of_buckets_is_allowed(value):
    checks.check_buckets("n", value)
    with pytest.raises(ValueError, match="n is 2147483647; expected at most 2147483646"):
        checks.check_buckets("n", 2**31 - 1)


CITY = pd.DataFrame({"city": ["Rome", "Oslo", "Rome"], "age": [20, 30, 40]})
STRINGS = wdl.cross(CITY, ["city"])
WIDE = wdl.fit_wide(CITY, ["city"])
WIDER = pd.DataFrame({f"c{i}": ["a"] for i in range(300)})
IDS = {"wide_ids": wdl.wide_ids(CITY, WIDE)}


@pytest.mark.parametrize(
    "call, error, message",
    [
        # Names, and lists of them
        (lambda: wdl.fit_wide(CITY, None), TypeError, "features is None; expected a list.* of column names and tuples"),
        (lambda: wdl.fit_wide(CITY, {"city"}), TypeError, "features is {'city'}; expected a list, which has an order"),
        (
            lambda: wdl.fit_deep(CITY, None, []),
            TypeError,
            "categories is None; expected a list.* of column names",
        ),
        (
            lambda: wdl.fit_deep(CITY, {"city"}, []),
            TypeError,
            "categories is {'city'}; expected a list, which has an order",
        ),
        (lambda: wdl.fit_wide(CITY, ["age"], buckets={"age": 10.0}), ValueError, r"buckets\['age'\] is 10.0"),
        (lambda: list(wdl.feature_codes(CITY, ["city"], {})), TypeError, "feature is 'city'; expected a list"),
        (lambda: list(wdl.feature_codes(CITY, [("town",)], {})), KeyError, "no column 'town'"),
        (lambda: wdl.cross(CITY.T.set_index([0, 1]).T, ["city"]), TypeError, "several levels; expected one name"),
        (lambda: wdl.cross(CITY, []), ValueError, "columns is empty"),
        (lambda: wdl.fit_wide(CITY, ["age"], buckets=["age"]), TypeError, r"buckets is \['age'\]; expected a dict"),
        (lambda: wdl.fit_wide(CITY, ["city"], buckets={"age": 2}), ValueError, "the column 'age', which is in no feat"),
        (lambda: wdl.deep_model(DEEP, units=3), TypeError, "units is 3; expected a list"),
        # Strings and vocabularies
        (lambda: wdl.vocabulary(CITY), TypeError, "a Series of strings.*got a DataFrame"),
        (lambda: wdl.vocabulary(CITY["age"]), TypeError, "a Series of strings.*it holds .*20"),
        (lambda: wdl.vocabulary(pd.Series(["a=x", None])), TypeError, "a Series of strings.*it holds (None|nan)"),
        (
            lambda: wdl.vocabulary_ids(STRINGS, WIDE, 3),
            TypeError,
            "a vocabulary, a dict string → id; it has 'kind'",
        ),
        (lambda: wdl.vocabulary_ids(STRINGS, {"city=Rome": 1.9}, 3), TypeError, "it has 'city=Rome': 1.9"),
        (lambda: wdl.vocabulary_ids(STRINGS, {"city=Rome": 0}, 3), TypeError, "it has 'city=Rome': 0"),
        (lambda: wdl.vocabulary_ids(STRINGS, {"city=Rome": 2**31}, 3), TypeError, "it has 'city=Rome': 2147483648"),
        (lambda: wdl.vocabulary_ids(STRINGS, ["city=Rome"], 3), TypeError, "a vocabulary.*got a list"),
        (lambda: wdl.vocabulary_ids(["city=Rome"], {}, 1), TypeError, "a Series of strings.*got a list"),
        # Boundaries
        (lambda: wdl.quantile_index(CITY, "age", [30, 20]), ValueError, "expected finite numbers that ascend"),
        (lambda: wdl.quantile_index(CITY, "age", [20, float("nan")]), ValueError, "finite numbers that ascend"),
        (lambda: wdl.quantile_normalise(CITY, "age", []), ValueError, "finite numbers that ascend"),
        (lambda: wdl.quantile_index(CITY, "age", ["25", "35"]), TypeError, "expected numbers that ascend"),
        (lambda: wdl.bucket_names([3, 1]), ValueError, "finite numbers that ascend"),
        # Cells
        (lambda: wdl.cross(pd.DataFrame({"c": [np.array(1)]}), ["c"]), TypeError, "an array without a length in row 0"),
        (lambda: checks.check_numbers(pd.DataFrame({"n": [1, 10**400]}), "n"), ValueError, "'n' holds .* too large"),
        # Optimizers
        (lambda: wdl.Ftrl(0.1, initial_accumulator_value=0.0), ValueError, "initial_accumulator_value is 0"),
        (lambda: wdl.joint_optimizer(wide=0.1, deep="adam"), TypeError, "wide is 0.1; expected a Keras optimizer"),
        (lambda: wdl.joint_optimizer(wide="ftrl", deep=keras.optimizers.Adam), TypeError, "deep is <class"),
        (lambda: wdl.joint_optimizer(wide="ftrl", deep="eve"), ValueError, "deep is 'eve', and Keras has no"),
        (lambda: wdl.train(wdl.wide_model(WIDE), IDS, [0, 1, 1], 0.1), TypeError, "optimizer is 0.1; expected a Keras"),
        # Counts and parts
        (lambda: wdl.vocabulary_of_counts(pd.Series({"a=x": 1}), 0), ValueError, "min_count is 0; expected"),
        (lambda: checks.check_fitted({"kind": "deep"}, "wide"), ValueError, "the dict that fit_wide.* call fit_wide"),
        (lambda: checks.check_fitted({}, "wide", "deep"), ValueError, "fit_wide or fit_deep.* call fit_wide or fit_d"),
        # Models and scores
        (lambda: wdl.predict(None, {}), TypeError, "Expected a Keras model; got a NoneType"),
        (lambda: wdl.scores([0, 1], None), ValueError, r"have the shape \(\); expected one a row"),
        (lambda: wdl.wide_weights(wdl.wide_model(WIDE), None), ValueError, "call fit_wide first. Got None"),
        (
            lambda: wdl.wide_model(wdl.fit_deep(CITY, ["city"], [])),
            ValueError,
            "fit_wide first. Got the dict of fit_deep",
        ),
        (lambda: wdl.wide_model(CITY), ValueError, "Got something of the type DataFrame"),
        (lambda: wdl.wide_weights(None, WIDE), TypeError, "Expected a Keras model; got .* NoneType"),
        (lambda: wdl.wide_weights(model(1), WIDE), ValueError, "'small' has no layer 'wide_weights': it has no wide"),
        (
            lambda: wdl.scores([0, 1], ["x", "y"]),
            TypeError,
            r"probabilities are \['x', 'y'\]; expected one n",
        ),
        (lambda: wdl.fit_wide(WIDER, ["x"]), KeyError, r"no column 'x'; it has \['c0', .*'c19', and 280 more\]"),
    ],
)
def test_what_cannot_be_used_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_equal_boundaries_and_lists_of_them_are_usable():
    assert wdl.quantile_index(CITY, "age", [30, 30]).tolist() == [0, 2, 2]


def test_one_optimizer_cannot_have_both_parts_but_a_name_makes_two():
    adam = wdl.Adam(0.1)
    with pytest.raises(ValueError, match="wide and deep are the same optimizer"):
        wdl.joint_optimizer(wide=adam, deep=adam)
    wide, deep = wdl.joint_optimizer(wide="adam", deep="adam").optimizers
    assert wide is not deep and type(wide) is type(deep) is keras.optimizers.Adam


@pytest.mark.parametrize("setting", ["initial_accumulator_value", "beta", "l2_regularization_strength"])
def test_a_first_gradient_of_zero_leaves_a_number(setting):
    settings = {"initial_accumulator_value": 0.0} | {setting: 1e-6}
    model = wdl.wide_model(WIDE)
    ids = {"wide_ids": np.array([[1], [1], [2], [2]])}
    wdl.train(model, ids, [0, 1, 0, 1], wdl.Ftrl(0.1, **settings), epochs=2, batch_size=4)  # all gradients are 0
    assert all(np.isfinite(array).all() for array in model.get_weights())


DEEP = wdl.fit_deep(CITY, ["city"], ["age"])
JOINT_INPUTS = wdl.joint_inputs(CITY, WIDE, DEEP)


@pytest.mark.parametrize(
    "name, array, message",
    [
        (
            "wide_ids",
            np.array([[0], [3], [1]]),
            "'wide_ids' holds the id 3; the table of 'wide_deep' has the ids 0 to 2",
        ),
        ("wide_ids", np.array([[0], [-1], [1]]), "'wide_ids' holds the id -1; the table of 'wide_deep'"),
        ("deep_ids", np.array([[[0]], [[9]], [[1]]]), "'deep_ids' holds the id 9; the table of 'wide_deep'"),
        ("wide_ids", np.array([0, 1, 1]), r"'wide_ids' has the shape \(3,\); 'wide_deep' takes \(None, None\)"),
        ("wide_ids", np.ones((3, 1, 1), int), r"'wide_ids' has the shape \(3, 1, 1\)"),
        ("deep_ids", np.ones((3, 2, 1), int), r"'deep_ids' has the shape \(3, 2, 1\); .* takes \(None, 1, None\)"),
        ("numbers", np.ones((3, 2)), r"'numbers' has the shape \(3, 2\); 'wide_deep' takes \(None, 1\)"),
    ],
)
def test_inputs_of_other_features_are_named(name, array, message):
    model = wdl.wide_deep_model(WIDE, DEEP, units=(2,))
    with pytest.raises(ValueError, match=message):
        wdl.predict(model, JOINT_INPUTS | {name: array})
    with pytest.raises(ValueError, match=message):
        wdl.train(model, JOINT_INPUTS | {name: array}, [0, 1, 1], wdl.Adam(0.1), epochs=1)


def test_a_pair_of_inputs_and_labels_validates():
    model = wdl.wide_model(WIDE)
    for validation in (JOINT_INPUTS, (JOINT_INPUTS, [0, 1, 1], "more")):
        with pytest.raises(TypeError, match=r"expected a pair \(inputs, labels\)"):
            wdl.train(model, JOINT_INPUTS, [0, 1, 1], wdl.Ftrl(0.1), epochs=1, validation=validation)


@pytest.mark.parametrize("kind", [list, tuple, np.array])
def test_inputs_may_be_lists_and_tuples_too(kind):
    model = wdl.wide_model(WIDE)
    ids = [[1], [2], [1]]
    given = {"wide_ids": kind(ids)}
    wdl.train(model, given, [0, 1, 1], wdl.Ftrl(0.1), epochs=1, validation=(given, [0, 1, 1]))
    np.testing.assert_array_equal(wdl.predict(model, given), wdl.predict(model, {"wide_ids": np.array(ids)}))


def test_a_row_of_a_filtered_frame_is_named_by_position_and_label():
    frame = pd.DataFrame({"city": ["Rome", "Oslo", None, "Bern"], "age": [20, 30, 40, None]})
    cut = frame[frame["city"] != "Rome"]  # positions 0, 1, 2 have the labels 1, 2, 3
    with pytest.raises(ValueError, match=r"'city' has 1 missing values, first in row 1 \(index 2\): look\.$"):
        checks.check_no_gaps(pd.DataFrame({"city": ["Rome", None]}, index=[1, 2]), "city", "look")
    with pytest.raises(ValueError, match=r"'city' has a missing value in row 1 \(index 2\): fill it"):
        wdl.fit_wide(cut, ["city"])
    with pytest.raises(ValueError, match=r"'age' has 1 missing or infinite values, first in row 2 \(index 3\)\."):
        wdl.fit_deep(cut, [], ["age"])
    with pytest.raises(ValueError, match=r"first in row 3\.$"):
        wdl.fit_deep(frame, [], ["age"])
    named = frame.set_index(pd.Index(["a", "b", "c", "d"]))
    with pytest.raises(ValueError, match=r"in row 2 \(index 'c'\)"):
        wdl.fit_wide(named, ["city"])
    mixed = pd.DataFrame({"city": [["Rome"], "Oslo"]}, index=[7, 8])
    with pytest.raises(TypeError, match=r"mixes lists with single values, as in row 1 \(index 8\)"):
        wdl.fit_wide(mixed, ["city"])


@pytest.mark.parametrize("key", ["features", "boundaries", "vocabulary", "n_ids"])
def test_a_part_without_one_of_its_keys_is_refused(key):
    wide = wdl.fit_wide(CITY, ["city"])
    del wide[key]
    with pytest.raises(ValueError, match=f"The dict has no '{key}', which fit_wide"):
        wdl.wide_ids(CITY, wide)


def test_hashing_has_no_minimum_count():
    with pytest.raises(ValueError, match="min_count is 9 and hash_buckets 5; expected one of them"):
        wdl.fit_wide(CITY, ["city"], hash_buckets=5, min_count=9)


def test_fitted_parts_go_through_json_and_come_back():
    wide = wdl.fit_wide(CITY, ["city", ("city", "age")], buckets={"age": 2}, longest=3)
    hashed = wdl.fit_wide(CITY, ["city"], hash_buckets=5)
    deep = wdl.fit_deep(CITY, ["city"], ["age"], n_quantiles=4)
    for part in (wide, hashed, deep):
        again = plain.from_plain(json.loads(json.dumps(plain.to_plain(part))))
        np.testing.assert_equal(again, part)
        assert all(edges.dtype == "float64" for edges in again["boundaries"].values())
    with pytest.raises(TypeError, match="boundaries is a list; expected a dict"):
        plain.from_plain({**plain.to_plain(wide), "boundaries": []})
    with pytest.raises(ValueError, match="'city=Rome' and 'city=Oslo' of the vocabulary have the same id, 1"):
        plain.from_plain({**plain.to_plain(wide), "vocabulary": {"city=Rome": 1, "city=Oslo": 1}})
    with pytest.raises(ValueError, match="n_ids is 1; expected a whole number of at least 2"):
        plain.from_plain({**plain.to_plain(hashed), "n_ids": 1})
    with pytest.raises(ValueError, match=r"The numbers are \['size'\], but there are boundaries for \['age'\]"):
        plain.from_plain({**plain.to_plain(deep), "numbers": ["size"]})
    with pytest.raises(ValueError, match="Column 'age': The boundaries are .*that ascend"):
        plain.from_plain({**plain.to_plain(deep), "boundaries": {"age": [2.0, 1.0]}})
    with pytest.raises(ValueError, match="The vocabulary has 'city=Rome' with the id 9, but n_ids is 3"):
        plain.from_plain({**plain.to_plain(wide), "vocabulary": {"city=Rome": 9}, "n_ids": 3})


def test_a_way_through_json_that_sorts_the_keys_changes_no_input_and_no_name():
    frame = pd.DataFrame({"city": list("cabd") * 3, "size": range(12), "age": range(12, 0, -1)})
    wide = wdl.fit_wide(frame, ["city"])
    deep = wdl.fit_deep(frame, ["city"], ["size", "age"], n_quantiles=4)
    again = [plain.from_plain(json.loads(json.dumps(plain.to_plain(part), sort_keys=True))) for part in (wide, deep)]
    for name, array in wdl.joint_inputs(frame, wide, deep).items():
        np.testing.assert_array_equal(wdl.joint_inputs(frame, *again)[name], array)
    model = wdl.wide_model(wide)
    model.set_weights([np.arange(len(wide["vocabulary"]) + 1)[:, None], np.zeros(1)])
    by_name = {name: float(number) for name, number in wide["vocabulary"].items()}
    shuffled = {**wide, "vocabulary": dict(sorted(wide["vocabulary"].items(), key=lambda item: -item[1]))}
    for part in (wide, again[0], shuffled):
        assert wdl.wide_weights(model, part).to_dict() == by_name


def test_an_empty_dict_is_no_part_that_is_missing():
    with pytest.raises(ValueError, match="Expected the dict that fit_wide"):
        wdl.optional_inputs(CITY, {}, None)

import decimal
import enum
import functools
import itertools
import re

import wdl_helpers as wdl
from wide_deep.columns import is_missing

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from laws import FEW, FLAG_TYPES, TEXT_TYPES, WHOLE_TYPES, column_names, typed_columns
from sklearn.preprocessing import MultiLabelBinarizer

SINGLE = st.sampled_from("xyz")
MULTI = st.lists(st.sampled_from("xyz"), max_size=4)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=5)
NUMBERS = st.floats(-1e6, 1e6).map(lambda value: round(value, 3))


@st.composite
def frames(draw, columns="abc"):
    """Small frames whose columns are single- or multi-valued."""
    rows = draw(st.integers(1, 6))
    kinds = {column: draw(st.sampled_from([SINGLE, MULTI])) for column in columns}
    return pd.DataFrame({column: draw(st.lists(kind, min_size=rows, max_size=rows)) for column, kind in kinds.items()})


def values_of(cell):
    return set(cell) if isinstance(cell, list) else {cell}


def names_by_loop(frame, features):
    """The binary features that are 1 in each row, by equation 1 and plain loops."""
    rows = []
    for i in range(len(frame)):
        names = set()
        for feature in features:
            for combination in itertools.product(*(sorted(values_of(frame[column].iloc[i])) for column in feature)):
                names.add(" & ".join(f"{column}={value}" for column, value in zip(feature, combination, strict=True)))
        rows.append(names)
    return rows


def names_by_id(ids, vocabulary):
    name = {i: value for value, i in vocabulary.items()}
    return [{name[i] for i in row if i != 0} for row in ids]


def row_of(values, row):
    return values[values.index == row].tolist()


# -------------------------------------------------------------------------------------------- crosses


def test_the_papers_example_of_a_cross():
    frame = pd.DataFrame({"installed": [["A", "B"], ["A", "B"]], "impression": ["A", "C"]})
    values = wdl.cross(frame, ["installed", "impression"])
    assert row_of(values, 0) == ["installed=A & impression=A", "installed=B & impression=A"]
    assert row_of(values, 1) == ["installed=A & impression=C", "installed=B & impression=C"]
    wide = wdl.fit_wide(frame, [("installed", "impression")])
    both_a = wide["vocabulary"]["installed=A & impression=A"]
    assert [both_a in row for row in wdl.wide_ids(frame, wide)] == [True, False]


def test_a_cross_with_one_column_is_the_feature_itself():
    assert wdl.cross(pd.DataFrame({"sex": ["F", "M"]}), ["sex"]).tolist() == ["sex=F", "sex=M"]


def test_a_cross_of_three_columns_by_hand():
    frame = pd.DataFrame({"a": ["x", "y"], "b": [["p", "q"], ["p"]], "c": [["1", "2"], []]})
    values = wdl.cross(frame, ["a", "b", "c"])
    assert row_of(values, 0) == [
        "a=x & b=p & c=1", "a=x & b=p & c=2", "a=x & b=q & c=1", "a=x & b=q & c=2",
    ]  # fmt: skip
    assert row_of(values, 1) == []


def test_a_cross_is_named_in_the_order_given():
    frame = pd.DataFrame({"a": ["x"], "b": ["p"]})
    assert wdl.cross(frame, ["b", "a"]).tolist() == ["b=p & a=x"]


def test_a_repeated_value_in_a_list_counts_once():
    frame = pd.DataFrame({"a": [["x", "x", "y"], ["x"]], "b": [["p", "p"], ["p"]]})
    assert row_of(wdl.cross(frame, ["a"]), 0) == ["a=x", "a=y"]
    assert row_of(wdl.cross(frame, ["a", "b"]), 0) == ["a=x & b=p", "a=y & b=p"]
    assert wdl.fit_wide(frame, ["a"], min_count=3)["vocabulary"] == {}


def test_an_empty_list_gives_no_feature():
    frame = pd.DataFrame({"a": [[], ["x", "y"], []], "b": ["p", "p", "q"]})
    wide = wdl.fit_wide(frame, ["a", ("a", "b")])
    assert wide["vocabulary"] == {"a=x": 1, "a=x & b=p": 2, "a=y": 3, "a=y & b=p": 4}
    assert wdl.wide_ids(frame, wide).tolist() == [[0, 0, 0, 0], [1, 3, 2, 4], [0, 0, 0, 0]]


@pytest.mark.parametrize("hash_buckets", [None, 9])
def test_a_column_of_empty_lists_gives_no_feature(hash_buckets):
    wide = wdl.fit_wide(pd.DataFrame({"a": [["x"], []]}), ["a"], hash_buckets=hash_buckets)
    empty = pd.DataFrame({"a": [[], []]})
    assert wdl.wide_ids(empty, wide).tolist() == [[0], [0]]
    deep = wdl.fit_deep(pd.DataFrame({"a": [["x"], []]}), ["a"], [])
    assert wdl.deep_inputs(empty, deep)["deep_ids"].tolist() == [[[0]], [[0]]]
    assert wdl.fit_wide(empty, ["a"])["n_ids"] == wdl.fit_deep(empty, ["a"], [])["n_ids"] == 1


@pytest.mark.parametrize("kind", [list, tuple, np.array])
def test_lists_tuples_and_arrays_are_multi_valued_cells(kind):
    frame = pd.DataFrame({"a": pd.Series([kind(["x", "y"]), kind(["x"])], dtype=object)})
    assert wdl.cross(frame, ["a"]).tolist() == ["a=x", "a=y", "a=x"]


@given(frames(), st.sampled_from([("a", "b"), ("b", "a"), ("a", "b", "c"), ("c", "b", "a")]))
def test_a_cross_is_one_iff_all_its_parts_are(frame, columns):
    found = wdl.cross(frame, columns)
    for row in range(len(frame)):
        names = row_of(found, row)
        for parts in itertools.product("xyz", repeat=len(columns)):
            holds = all(part in values_of(frame[column].iloc[row]) for column, part in zip(columns, parts, strict=True))
            name = " & ".join(f"{column}={part}" for column, part in zip(columns, parts, strict=True))
            assert names.count(name) == holds


@FEW
@given(frames())
def test_wide_ids_are_the_one_hot_matrix_of_an_independent_route(frame):
    features = [("a",), ("b",), ("a", "b"), ("c", "a"), ("a", "b", "c")]
    wide = wdl.fit_wide(frame, ["a", "b", ("a", "b"), ("c", "a"), ("a", "b", "c")])
    ids = wdl.wide_ids(frame, wide)
    ones = np.zeros((len(frame), wide["n_ids"]), dtype=int)
    for row, line in enumerate(ids):
        np.add.at(ones[row], line[line > 0], 1)
    names = sorted(wide["vocabulary"], key=wide["vocabulary"].get)
    expected = MultiLabelBinarizer(classes=names).fit_transform(names_by_loop(frame, features))
    np.testing.assert_array_equal(ones[:, 1:], expected)


@FEW
@given(frames(), frames())
def test_a_test_row_has_the_known_ones_of_its_features(train, test):
    features = [("a",), ("a", "b"), ("a", "b", "c")]
    wide = wdl.fit_wide(train, ["a", ("a", "b"), ("a", "b", "c")])
    known = set().union(*names_by_loop(train, features))
    assert set(wide["vocabulary"]) == known
    expected = [names & known for names in names_by_loop(test, features)]
    assert names_by_id(wdl.wide_ids(test, wide), wide["vocabulary"]) == expected


# ------------------------------------------------------------------------------- vocabularies and ids


def test_the_most_frequent_value_comes_first_and_ties_go_by_string():
    values = pd.Series(["b"] * 2 + ["d"] * 3 + ["a"] * 2 + ["c"] * 3 + ["e"])
    expected = {"c": 1, "d": 2, "a": 3, "b": 4, "e": 5}
    for shuffled in (values, values[::-1], values.sample(frac=1, random_state=0)):
        assert list(wdl.vocabulary(shuffled).items()) == list(expected.items())


def test_a_value_is_kept_if_it_occurs_min_count_times_and_dropped_below():
    values = pd.Series(["a"] * 3 + ["b"] * 2 + ["c"])
    assert wdl.vocabulary(values, 1) == {"a": 1, "b": 2, "c": 3}
    assert wdl.vocabulary(values, 2) == {"a": 1, "b": 2}
    assert wdl.vocabulary(values, 3) == {"a": 1}
    assert wdl.vocabulary(values, 4) == {}


def test_min_count_holds_for_the_wide_and_the_deep_part():
    frame = pd.DataFrame({"a": list("xxxyyz"), "b": list("pppppp")})
    assert wdl.fit_wide(frame, [("a", "b")], min_count=3)["vocabulary"] == {"a=x & b=p": 1}
    assert wdl.fit_deep(frame, ["a", "b"], [], min_count=3)["vocabulary"] == {"b=p": 1, "a=x": 2}
    assert wdl.fit_deep(frame, ["a", "b"], [], min_count=3)["n_ids"] == 3


def test_an_unseen_value_has_id_zero():
    train, test = pd.DataFrame({"a": ["x", "x", "y"]}), pd.DataFrame({"a": ["y", "new", "x"]})
    wide, deep = wdl.fit_wide(train, ["a"]), wdl.fit_deep(train, ["a"], [])
    assert wdl.wide_ids(test, wide).tolist() == [[2], [0], [1]]
    assert wdl.deep_inputs(test, deep)["deep_ids"].tolist() == [[[2]], [[0]], [[1]]]


def test_equal_values_of_two_columns_have_ids_of_their_own():
    frame = pd.DataFrame({"a": ["x", "y"], "b": ["x", "x"]})
    deep = wdl.fit_deep(frame, ["a", "b"], [])
    assert deep["vocabulary"] == {"b=x": 1, "a=x": 2, "a=y": 3}
    assert wdl.deep_inputs(frame, deep)["deep_ids"].tolist() == [[[2], [1]], [[3], [1]]]


def test_deep_ids_keep_the_order_of_the_categories_and_fill_up_with_zero():
    frame = pd.DataFrame({"a": ["x", "x"], "tags": [["p", "q", "r"], ["p"]], "n": [1.0, 2.0]})
    deep = wdl.fit_deep(frame, ["a", "tags"], ["n"], n_quantiles=2)
    assert deep["vocabulary"] == {"a=x": 1, "tags=p": 2, "tags=q": 3, "tags=r": 4}
    inputs = wdl.deep_inputs(frame, deep)
    assert inputs["deep_ids"].tolist() == [[[1, 0, 0], [2, 3, 4]], [[1, 0, 0], [2, 0, 0]]]
    assert inputs["numbers"].tolist() == [[0.0], [1.0]]


def test_numbers_keep_the_order_of_their_columns_and_have_quantiles_of_their_own():
    frame = pd.DataFrame({"n": [1, 2, 3, 4], "m": [40, 10, 30, 20]})
    inputs = wdl.deep_inputs(frame, wdl.fit_deep(frame, [], ["m", "n"], n_quantiles=4))
    expected = [[3 / 3, 0 / 3], [0 / 3, 1 / 3], [2 / 3, 2 / 3], [1 / 3, 3 / 3]]
    assert inputs["numbers"].tolist() == np.array(expected, "float32").tolist()


def test_a_column_may_be_a_category_and_a_number():
    frame = pd.DataFrame({"n": [1, 2, 3]})
    deep = wdl.fit_deep(frame, ["n"], ["n"], n_quantiles=2)
    assert deep["vocabulary"] == {"n=1": 1, "n=2": 2, "n=3": 3}
    inputs = wdl.deep_inputs(frame, deep)
    assert inputs["deep_ids"].ravel().tolist() == [1, 2, 3] and inputs["numbers"].ravel().tolist() == [0, 1, 1]


def test_inputs_have_the_promised_types_and_shapes():
    frame = pd.DataFrame({"a": ["x", "y"], "tags": [["p", "q"], []], "n": [1, 2], "m": [1.5, 2.5]})
    ids = wdl.wide_ids(frame, wdl.fit_wide(frame, ["a", "tags"]))
    inputs = wdl.deep_inputs(frame, wdl.fit_deep(frame, ["a", "tags"], ["m", "n"]))
    assert ids.dtype == "int32" and ids.shape == (2, 3)
    assert inputs["deep_ids"].dtype == "int32" and inputs["deep_ids"].shape == (2, 2, 2)
    assert inputs["numbers"].dtype == "float32" and inputs["numbers"].shape == (2, 2)
    hashed = wdl.wide_ids(frame, wdl.fit_wide(frame, ["a"], hash_buckets=3))
    assert hashed.dtype == "int32" and hashed.shape == (2, 1)
    only_numbers = wdl.deep_inputs(frame, wdl.fit_deep(frame, [], ["n"]))
    assert only_numbers["deep_ids"].shape == (2, 0, 1) and only_numbers["numbers"].shape == (2, 1)
    only_categories = wdl.deep_inputs(frame, wdl.fit_deep(frame, ["a"], []))
    assert only_categories["deep_ids"].shape == (2, 1, 1) and only_categories["numbers"].shape == (2, 0)


@FEW
@given(frames(), frames(), st.integers(1, 3))
def test_ids_run_from_one_to_the_length_of_the_vocabulary(train, test, min_count):
    wide = wdl.fit_wide(train, ["a", ("b", "c")], min_count=min_count)
    deep = wdl.fit_deep(train, ["a", "b", "c"], [], min_count=min_count)
    for part in (wide, deep):
        assert sorted(part["vocabulary"].values()) == list(range(1, part["n_ids"]))
    for frame in (train, test):
        for ids, part in ((wdl.wide_ids(frame, wide), wide), (wdl.deep_inputs(frame, deep)["deep_ids"], deep)):
            assert ids.min() >= 0 and ids.max() < part["n_ids"]


def test_joint_inputs_are_the_inputs_of_both_parts():
    frame = pd.DataFrame({"a": ["x", "y"], "n": [1, 2]})
    wide, deep = wdl.fit_wide(frame, ["a"]), wdl.fit_deep(frame, ["a"], ["n"], n_quantiles=2)
    inputs = wdl.joint_inputs(frame[::-1], wide, deep)
    assert {name: array.tolist() for name, array in inputs.items()} == {
        "wide_ids": [[2], [1]],
        "deep_ids": [[[2]], [[1]]],
        "numbers": [[1.0], [0.0]],
    }


# ---------------------------------------------------------------------------------------------- hashes


@pytest.mark.parametrize(
    "value, bucket_of_1000, bucket_of_7", [("a=x", 910, 4), ("a=y", 164, 6), ("日本=東京 & /=1", 888, 2)]
)
def test_hash_ids_are_those_of_fingerprint64_plus_one(value, bucket_of_1000, bucket_of_7):
    assert wdl.hash_ids(pd.Series([value]), 1000, 1).tolist() == [[bucket_of_1000 + 1]]
    assert wdl.hash_ids(pd.Series([value]), 7, 1).tolist() == [[bucket_of_7 + 1]]


@FEW
@given(st.lists(st.text(st.characters(codec="utf-8")), min_size=1, max_size=20), st.integers(1, 30))
def test_hash_ids_run_from_one_to_the_number_of_buckets(strings, n_buckets):
    ids = wdl.hash_ids(pd.Series(strings), n_buckets, len(strings))
    assert ids.shape == (len(strings), 1) and ids.min() >= 1 and ids.max() <= n_buckets
    assert [len(set(ids[[s == t for t in strings], 0])) for s in strings] == [1] * len(strings)


def test_hashing_needs_no_vocabulary_and_gives_unseen_values_an_id():
    wide = wdl.fit_wide(pd.DataFrame({"a": ["x"], "b": ["p"]}), ["a", ("a", "b")], hash_buckets=1000)
    assert wide["vocabulary"] is None and wide["n_ids"] == 1001
    ids = wdl.wide_ids(pd.DataFrame({"a": ["y", "x"], "b": ["p", "p"]}), wide)
    values = pd.Series(["a=y", "a=y & b=p", "a=x", "a=x & b=p"])
    assert ids.ravel().tolist() == wdl.hash_ids(values, 1000, 4).ravel().tolist()


def test_hash_ids_of_shorter_rows_are_filled_up_with_zero():
    wide = wdl.fit_wide(pd.DataFrame({"a": [["x", "y"], ["x"], []]}), ["a"], hash_buckets=1000)
    ids = wdl.wide_ids(pd.DataFrame({"a": [["x", "y"], ["x"], []]}), wide)
    assert ids.tolist() == [[911, 165], [911, 0], [0, 0]]


@pytest.mark.parametrize("column", [[0.5, 2.0], [["x"], [None]], ["x", ["y"]]], ids=str)
@pytest.mark.parametrize("features", [["a"], [("b", "a")], [("n", "a")]], ids=str)
def test_a_bad_cell_is_found_when_hashed_features_are_fitted(column, features):
    frame = pd.DataFrame({"a": pd.Series(column, dtype=object), "b": ["p", "q"], "n": [1, 2]})
    with pytest.raises((TypeError, ValueError), match="Column 'a' (holds a float|has a missing value|mixes lists)"):
        wdl.fit_wide(frame, features, buckets={"n": 2} if "n" in features[0] else None, hash_buckets=10)


def test_no_cross_is_counted_for_hashed_features(monkeypatch):
    def count(coded):
        raise AssertionError("counted")

    monkeypatch.setattr("wide_deep.features.feature_counts", count)
    monkeypatch.setattr("wide_deep.columns.cross_coded", count)
    assert wdl.fit_wide(STRANGE, [("a", "tags")], hash_buckets=10)["n_ids"] == 11


# ----------------------------------------------------------------------------------------- long lists


def test_a_list_keeps_its_first_different_values():
    frame = pd.DataFrame({"tags": [["p", "p", "q", "r"], ["r"], [], ["q", "p", "q"]], "a": [*"xyxx"]})
    wide = wdl.fit_wide(frame, ["tags", ("tags", "a")], longest=2)
    assert wide["longest"] == 2
    assert set(wide["vocabulary"]) == {
        "tags=p", "tags=q", "tags=r", "tags=p & a=x", "tags=q & a=x", "tags=r & a=y",
    }  # fmt: skip
    name = {i: value for value, i in wide["vocabulary"].items()} | {0: ""}
    assert [[name[i] for i in row] for row in wdl.wide_ids(frame, wide)] == [
        ["tags=p", "tags=q", "tags=p & a=x", "tags=q & a=x"],
        ["tags=r", "", "tags=r & a=y", ""],
        ["", "", "", ""],
        ["tags=q", "tags=p", "tags=q & a=x", "tags=p & a=x"],
    ]
    deep = wdl.fit_deep(frame, ["a", "tags"], [], longest=1)
    assert deep["longest"] == 1 and deep["vocabulary"] == {"a=x": 1, "a=y": 2, "tags=p": 3, "tags=q": 4, "tags=r": 5}
    assert wdl.deep_inputs(frame, deep)["deep_ids"].tolist() == [[[1], [3]], [[2], [5]], [[1], [0]], [[1], [4]]]


def test_a_value_that_is_never_among_the_first_gets_no_id():
    frame = pd.DataFrame({"tags": [["p", "q"], ["p"]]})
    assert wdl.fit_wide(frame, ["tags"], longest=1)["vocabulary"] == {"tags=p": 1}
    assert wdl.fit_deep(frame, ["tags"], [], longest=1)["n_ids"] == 2


@FEW
@given(frames(), st.integers(1, 4), st.sampled_from([None, 30]))
def test_the_longest_list_is_that_of_lists_cut_before(frame, longest, hash_buckets):
    def cut(cell):
        return list(dict.fromkeys(cell))[:longest] if isinstance(cell, list) else cell

    before = frame.map(cut)
    features = ["a", ("a", "b"), ("c", "b", "a")]
    wide = wdl.fit_wide(frame, features, longest=longest, hash_buckets=hash_buckets)
    expected = wdl.fit_wide(before, features, hash_buckets=hash_buckets)
    assert wide == {**expected, "longest": longest}
    np.testing.assert_array_equal(wdl.wide_ids(frame, wide), wdl.wide_ids(before, expected))
    deep, expected = wdl.fit_deep(frame, ["a", "b"], [], longest=longest), wdl.fit_deep(before, ["a", "b"], [])
    assert deep == {**expected, "longest": longest}
    ids = wdl.deep_inputs(frame, deep)["deep_ids"]
    assert ids.shape[2] <= longest
    np.testing.assert_array_equal(ids, wdl.deep_inputs(before, expected)["deep_ids"])


def test_without_it_nothing_is_kept_of_the_longest_list():
    assert "longest" not in wdl.fit_wide(STRANGE, ["a"]) and "longest" not in wdl.fit_deep(STRANGE, ["a"], [])


def test_what_follows_the_longest_list_is_checked_too():
    with pytest.raises(TypeError, match="'tags' holds a float in row 1"):
        wdl.fit_wide(pd.DataFrame({"tags": [["p"], ["p", 0.5]]}), ["tags"], longest=1)


@pytest.mark.parametrize("longest", [0, -1, 1.5, True, "2"])
def test_a_longest_list_that_is_no_positive_whole_number_is_refused(longest):
    for call in (
        lambda: wdl.fit_wide(STRANGE, ["tags"], longest=longest),
        lambda: wdl.fit_wide(STRANGE, ["tags"], longest=longest, hash_buckets=3),
        lambda: wdl.fit_deep(STRANGE, ["tags"], [], longest=longest),
    ):
        with pytest.raises(ValueError, match="longest is .*; expected a whole number of at least 1"):
            call()


def padded(rest):
    """Sixty rows, the first with thirty tags, the others with as many as `rest` says."""
    sizes = [30, *rest, *[1] * (59 - len(rest))]
    return pd.DataFrame({"a": ["x"] * 60, "tags": [[str(i) for i in range(size)] for size in sizes]})


def test_ids_that_are_nearly_all_padding_get_one_warning_that_names_the_column(monkeypatch):
    frame = padded([])
    wide, deep = wdl.fit_wide(frame, ["a", "tags"]), wdl.fit_deep(frame, ["a", "tags"], [])
    short = wdl.fit_wide(frame, ["a", "tags"], longest=2)
    monkeypatch.setattr("wide_deep.features.WARN_FROM_IDS", 1859)
    with pytest.warns(UserWarning, match="padding") as found:  # noqa: PT031, the warnings of all calls
        wdl.wide_ids(frame, wide)  # 60 × 31 ids, of which 60 + 30 + 59 are values
        wdl.deep_inputs(frame, deep)  # 60 × 2 × 30 ids
        wdl.wide_ids(frame, short)
    assert [str(one.message) for one in found] == [
        "92.0% of 1,860 ids are padding, since a row of 'tags' has 30 values: call fit_wide with longest=, the most "
        "values of a list to take.",
        "95.9% of 3,600 ids are padding, since a row of 'tags' has 30 values: call fit_deep with longest=, the most "
        "values of a list to take.",
    ]
    assert {one.filename for one in found} == {__file__}


@pytest.mark.parametrize(
    "large, rest",
    [(1800, []), (1799, [3] * 32 + [2] * 27)],
    ids=["an array that is not large", "one with a tenth of values"],
)
def test_padding_that_costs_little_is_no_reason_to_warn(monkeypatch, recwarn, large, rest):
    monkeypatch.setattr("wide_deep.features.WARN_FROM_IDS", large)
    frame = padded(rest)
    assert wdl.wide_ids(frame, wdl.fit_wide(frame, ["tags"])).size == 1800
    assert wdl.deep_inputs(frame, wdl.fit_deep(frame, ["tags"], []))["deep_ids"].size == 1800
    assert not recwarn.list


# --------------------------------------------------------------------------------------------- numbers


def test_boundaries_cut_a_column_into_groups_of_equal_size():
    frame = pd.DataFrame({"n": [4, 1, 3, 2]})
    assert wdl.quantile_boundaries(frame, "n", 2).tolist() == [2.5]
    assert wdl.quantile_boundaries(frame, "n", 4).tolist() == [1.75, 2.5, 3.25]
    frame = pd.DataFrame({"n": np.random.default_rng(0).permutation(1000) / 8})
    index = wdl.quantile_index(frame, "n", wdl.quantile_boundaries(frame, "n", 10))
    assert np.bincount(index).tolist() == [100] * 10


def test_quantile_normalisation_by_hand():
    frame = pd.DataFrame({"n": [4, 1, 3, 2]})
    boundaries = wdl.quantile_boundaries(frame, "n", 4)
    assert wdl.quantile_index(frame, "n", boundaries).tolist() == [3, 0, 2, 1]
    expected = np.array([3 / 3, 0 / 3, 2 / 3, 1 / 3], dtype="float32")
    result = wdl.quantile_normalise(frame, "n", boundaries)
    assert result.dtype == "float32" and result.tolist() == expected.tolist()


def test_quantile_normalisation_with_ties_by_hand():
    frame = pd.DataFrame({"n": [0, 0, 0, 8]})
    boundaries = wdl.quantile_boundaries(frame, "n", 4)
    assert boundaries.tolist() == [0, 0, 2]
    new = pd.DataFrame({"n": [-1, 0, 1, 2, 8]})
    assert wdl.quantile_index(new, "n", boundaries).tolist() == [0, 2, 2, 3, 3]


def test_a_constant_column_falls_into_the_last_quantile():
    frame = pd.DataFrame({"n": [5, 5, 5]})
    boundaries = wdl.quantile_boundaries(frame, "n", 3)
    assert boundaries.tolist() == [5, 5]
    assert wdl.quantile_normalise(pd.DataFrame({"n": [4.9, 5, 6]}), "n", boundaries).tolist() == [0, 1, 1]


def test_numbers_outside_the_training_range_map_to_zero_and_one():
    boundaries = wdl.quantile_boundaries(pd.DataFrame({"n": [10.0, 20.0, 30.0]}), "n", 100)
    far = pd.DataFrame({"n": [-1e300, 9.9, 10.0, 30.0, 30.1, 1e300]})
    assert wdl.quantile_normalise(far, "n", boundaries).tolist() == [0, 0, 0, 1, 1, 1]


@given(st.lists(NUMBERS, min_size=1, max_size=30), st.lists(NUMBERS, min_size=1, max_size=10), st.integers(2, 12))
@example([0.0, 0.0, 0.0, 1.0], [0.0, 1.0], 4)
def test_quantile_normalisation_is_monotone_and_counts_boundaries(train, new, n_quantiles):
    boundaries = wdl.quantile_boundaries(pd.DataFrame({"n": train}), "n", n_quantiles)
    assert len(boundaries) == n_quantiles - 1 and (np.diff(boundaries) >= 0).all()
    position = (len(train) - 1) * np.arange(1, n_quantiles) / n_quantiles
    by_hand = np.interp(position, np.arange(len(train)), np.sort(train))
    np.testing.assert_allclose(boundaries, by_hand, rtol=1e-9, atol=1e-6)
    new = np.sort(new)
    result = wdl.quantile_normalise(pd.DataFrame({"n": new}), "n", boundaries)
    assert (np.diff(result) >= 0).all() and result.min() >= 0 and result.max() <= 1
    i = [1 + sum(boundary <= value for boundary in boundaries) for value in new]
    np.testing.assert_allclose(result, [(k - 1) / (n_quantiles - 1) for k in i], rtol=1e-6)


def test_a_boundary_that_falls_on_a_value_is_that_value():
    prices = np.round(
        np.arange(5261) / 100 + 29, 2
    )  # position 5260 · 11/20 = 2893; NumPy's quantile is 57.93000000000001
    boundaries = wdl.quantile_boundaries(pd.DataFrame({"price": prices[::-1]}), "price", 20)
    assert boundaries.tolist() == prices[263::263][:19].tolist()
    index = wdl.quantile_index(pd.DataFrame({"price": [57.93]}), "price", boundaries)
    assert index.tolist() == [11], "as many boundaries are not above it"


@pytest.mark.parametrize("dtype", ["int8", "int64", "uint8", "float32", "float64", "Int64", "Float64"])
def test_all_types_of_numbers_give_the_same_quantiles(dtype):
    frame = pd.DataFrame({"n": pd.Series([4, 1, 3, 2]).astype(dtype)})
    assert wdl.quantile_boundaries(frame, "n", 4).tolist() == [1.75, 2.5, 3.25]


def test_a_bucket_is_named_by_its_ends():
    frame = pd.DataFrame({"age": [20, 25, 32, 40], "sex": list("FMFM")})
    wide = wdl.fit_wide(frame, ["age", ("age", "sex")], buckets={"age": 3})
    assert wide["boundaries"]["age"].tolist() == [25, 32]
    assert set(wide["vocabulary"]) == {
        "age=[-inf, 25)", "age=[25, 32)", "age=[32, inf)",
        "age=[-inf, 25) & sex=F", "age=[25, 32) & sex=M", "age=[32, inf) & sex=F", "age=[32, inf) & sex=M",
    }  # fmt: skip
    new = pd.DataFrame({"age": [-5, 24.9, 25, 31.9, 32, 99], "sex": ["F"] * 6})
    ages = [wide["vocabulary"][f"age={name}"] for name in ("[-inf, 25)", "[25, 32)", "[32, inf)")]
    assert wdl.wide_ids(new, wide)[:, 0].tolist() == [ages[i] for i in (0, 0, 1, 1, 2, 2)]


def test_a_bucket_with_a_decimal_end_is_named_without_an_exponent():
    frame = pd.DataFrame({"n": [1, 2]})
    assert set(wdl.fit_wide(frame, ["n"], buckets={"n": 2})["vocabulary"]) == {"n=[-inf, 1.5)", "n=[1.5, inf)"}
    frame = pd.DataFrame({"n": [0, 3e-7, 2e20]})
    assert wdl.fit_wide(frame, ["n"], buckets={"n": 2})["boundaries"]["n"].tolist() == [3e-7]
    assert "n=[-inf, 0.0000003)" in wdl.fit_wide(frame, ["n"], buckets={"n": 2})["vocabulary"]


def test_a_boundary_that_repeats_makes_one_bucket():
    frame = pd.DataFrame({"gain": [0, 0, 0, 8]})
    wide = wdl.fit_wide(frame, ["gain"], buckets={"gain": 4})
    assert wide["boundaries"]["gain"].tolist() == [0, 2]
    assert wide["vocabulary"] == {"gain=[0, 2)": 1, "gain=[2, inf)": 2}
    assert wdl.wide_ids(pd.DataFrame({"gain": [-1, 0, 1, 2]}), wide).ravel().tolist() == [0, 1, 1, 2]


# ------------------------------------------------------------------------------- what a frame may be like

NAMES = ["plain", "two words", " ", "größe", "国", "a/b", "12", "3.5", "a.b", "class", "", "frame", "self", "x,y", "5"]


@pytest.mark.parametrize("name", NAMES)
def test_a_column_may_have_any_name(name):
    frame = pd.DataFrame({name: ["x", "y", "x"], "other": ["p", "p", "q"], "n": [1, 2, 3]})
    wide = wdl.fit_wide(frame, [name, (name, "other")])
    assert wide["vocabulary"][f"{name}=x"] == 1 and f"{name}=x & other=q" in wide["vocabulary"]
    assert names_by_id(wdl.wide_ids(frame, wide), wide["vocabulary"]) == names_by_loop(frame, wide["features"])
    deep = wdl.fit_deep(frame, [name], ["n"])
    assert wdl.deep_inputs(frame, deep)["deep_ids"].tolist() == [[[1]], [[2]], [[1]]]


@pytest.mark.parametrize("name", NAMES)
def test_a_column_of_numbers_may_have_any_name(name):
    frame = pd.DataFrame({name: [1, 2, 3, 4], "other": list("pqpq")})
    wide = wdl.fit_wide(frame, [(name, "other")], buckets={name: 2})
    assert f"{name}=[-inf, 2.5) & other=p" in wide["vocabulary"]
    inputs = wdl.deep_inputs(frame, wdl.fit_deep(frame, [], [name], n_quantiles=2))
    assert inputs["numbers"].tolist() == [[0], [0], [1], [1]]


def test_two_columns_never_share_a_feature():
    # 'a' with the value 'b=c' and 'a=b' with the value 'c' would both be 'a=b=c'.
    frame = pd.DataFrame({"a": ["b=c", "x"], "a=b": ["y", "c"]})
    names = ["a=b=c", "a=x", "a\\=b=c", "a\\=b=y"]
    assert list(wdl.fit_wide(frame, ["a", "a=b"])["vocabulary"]) == names
    deep = wdl.fit_deep(frame, ["a", "a=b"], [])
    assert list(deep["vocabulary"]) == names and deep["n_ids"] == 5
    assert wdl.deep_inputs(frame, deep)["deep_ids"].tolist() == [[[1], [4]], [[2], [3]]]


def test_a_value_or_a_name_that_looks_like_a_cross_is_another_feature():
    frame = pd.DataFrame({"a": ["1", "1 & b=2"], "b": ["2", "2"], "a=1 & b": ["2", "3"]})
    wide = wdl.fit_wide(frame, [("a", "b"), "a", "a=1 & b"])
    assert list(wide["vocabulary"]) == [
        "a=1", "a=1 & b=2", "a=1 && b=2", "a=1 && b=2 & b=2", "a\\=1 && b=2", "a\\=1 && b=3",
    ]  # fmt: skip
    assert wdl.wide_ids(frame, wide).tolist() == [[2, 1, 5], [4, 3, 6]]


@pytest.mark.parametrize(
    "column, value, name",
    [
        ("city", "Rome", "city=Rome"),
        ("a=b", "c=d", "a\\=b=c=d"),
        ("a\\", "\\", "a\\\\=\\"),
        ("& b", "& c", "&& b=& c"),
        ("a & b", "c & d && e", "a && b=c && d &&& e"),
        ("a&b", "c&d", "a&b=c&d"),
        ("a  &", "  &", "a  &&=  &&"),
        ("", "", "="),
    ],
)
def test_how_the_name_of_a_feature_is_written(column, value, name):
    assert wdl.cross(pd.DataFrame({column: [value]}), [column]).tolist() == [name]
    two = pd.DataFrame({column: [value], "other": ["p"]})
    assert wdl.cross(two, ["other", column]).tolist() == [f"other=p & {name}"]


def parts_of(feature):
    """Read a feature back: the column and the value of each of its parts."""
    parts = []
    for part in feature.split(" & "):  # neither a name nor a value holds it, where they are written as ' &&'
        name = re.match(r"(?:[^\\=]|\\.)*", part, re.S)[0]
        value = part[len(name) + 1 :]
        plain = re.sub(r"\\(.)", r"\1", (" " + name).replace(" &&", " &")[1:], flags=re.S)
        parts.append((plain, value.replace(" &&", " &")))
    return parts


PIECES = st.text(st.sampled_from(" &=\\ab"), max_size=6)  # all that has a meaning in the name of a feature


@given(st.lists(st.tuples(st.one_of(PIECES, column_names().map("".join)), st.one_of(PIECES, TEXTS)), min_size=1))
@example([("a &", "& "), ("& b", " &")])
@example([("a\\", "="), ("=", "\\")])
def test_a_feature_can_be_read_back_so_no_two_look_alike(parts):
    feature = wdl.AND.join(wdl.feature_prefix(column) + wdl.escaped(value) for column, value in parts)
    assert parts_of(feature) == parts


@given(st.data(), column_names(3))
def test_the_features_of_any_columns_can_be_read_back(data, columns):
    frame = pd.DataFrame({column: data.draw(st.lists(TEXTS, min_size=3, max_size=3)) for column in columns})
    features = [(columns[0],), (columns[1],), tuple(columns[:2]), tuple(columns[::-1])]
    wide = wdl.fit_wide(frame, features)
    expected = {tuple((c, frame[c].iloc[row]) for c in feature) for feature in features for row in range(3)}
    assert {tuple(parts_of(name)) for name in wide["vocabulary"]} == expected
    assert len(wide["vocabulary"]) == len(expected) == wide["n_ids"] - 1
    of_id = {i: parts_of(name) for name, i in wide["vocabulary"].items()}
    for row, ids in enumerate(wdl.wide_ids(frame, wide)):
        assert [of_id[i] for i in ids] == [[(c, frame[c].iloc[row]) for c in feature] for feature in features]


@given(column_names(4), st.integers(0, 10))
def test_columns_of_any_names_do_not_get_in_each_others_way(names, seed):
    """The same frame under other names has the same ids, boundaries and inputs."""
    plain = STRANGE.assign(b=["p & q", "p", "p &", "q"])
    renamed = plain.rename(columns=dict(zip(["a", "tags", "n", "b"], names, strict=True)))
    found = []
    for frame, (a, tags, n, b) in ((plain, ["a", "tags", "n", "b"]), (renamed, names)):
        wide = wdl.fit_wide(frame, [a, tags, (a, b), (tags, n, b)], buckets={n: 2}, hash_buckets=None)
        deep = wdl.fit_deep(frame, [b, tags], [n], n_quantiles=3)
        ids = wdl.wide_ids(frame, wide)
        names_of = {i: tuple(value for _, value in parts_of(name)) for name, i in wide["vocabulary"].items()}
        found.append(
            (
                [[names_of.get(i) for i in row] for row in ids],
                wide["n_ids"],
                deep["n_ids"],
                *[array.tolist() for array in wdl.deep_inputs(frame, deep).values()][1:],
            )
        )
    assert found[0] == found[1]


@pytest.mark.parametrize("name", [5, 1.5, ("a", "b"), None, b"a"], ids=repr)
def test_a_column_that_is_not_named_by_a_string_is_refused_everywhere_by_the_same_sentence(name):
    frame = pd.DataFrame({"a": ["x"], "n": [1.0]})
    frame.columns = pd.Index([name, "n"], tupleize_cols=False)
    sentence = re.escape(
        f"The name of column {name!r} has the type {type(name).__name__}; expected a string: "
        "rename the columns, for example with frame.columns.map(str)."
    )
    numbers = frame.set_axis(pd.Index(["a", name], tupleize_cols=False), axis=1)
    calls = [
        lambda: wdl.fit_wide(frame, [(name,)]),
        lambda: wdl.fit_wide(frame, ["n"], buckets={name: 2}),
        lambda: wdl.fit_deep(frame, [name], []),
        lambda: wdl.fit_deep(frame, [], [name]),
        lambda: wdl.cross(frame, [name]),
        lambda: wdl.quantile_boundaries(numbers, name, 2),
    ]
    for call in calls:
        with pytest.raises(TypeError, match=sentence):
            call()


STRANGE = pd.DataFrame({"a": list("xyxz"), "tags": [["p", "q"], [], ["q"], ["p"]], "n": [1, 2, 3, 4]})


@pytest.mark.parametrize(
    "index",
    [
        [3, 0, 2, 1],
        [7, 7, 7, 7],
        ["r", "s", "r", "t"],
        [1.5, -1, 1e9, 0],
        pd.date_range("2020", periods=4),
        list("abcd"),
    ],
)
def test_the_index_of_a_frame_has_no_influence(index):
    strange = STRANGE.set_axis(index, axis=0)
    features, buckets = ["a", "tags", ("a", "tags"), ("n", "a")], {"n": 2}
    wide, deep = wdl.fit_wide(STRANGE, features, buckets=buckets), wdl.fit_deep(STRANGE, ["a", "tags"], ["n"])
    again = wdl.fit_wide(strange, features, buckets=buckets)
    assert again["vocabulary"] == wide["vocabulary"]
    assert wdl.fit_deep(strange, ["a", "tags"], ["n"])["vocabulary"] == deep["vocabulary"]
    np.testing.assert_array_equal(wdl.wide_ids(strange, wide), wdl.wide_ids(STRANGE, wide))
    hashed = wdl.fit_wide(strange, features, buckets=buckets, hash_buckets=50)
    np.testing.assert_array_equal(wdl.wide_ids(strange, hashed), wdl.wide_ids(STRANGE, hashed))
    for name, array in wdl.deep_inputs(STRANGE, deep).items():
        np.testing.assert_array_equal(wdl.deep_inputs(strange, deep)[name], array)


@FEW
@given(st.data(), frames())
def test_ids_follow_the_order_of_the_rows(data, frame):
    frame["n"] = range(len(frame))
    wide = wdl.fit_wide(frame, ["a", ("a", "b"), ("n", "c")], buckets={"n": 2})
    deep = wdl.fit_deep(frame, ["a", "b"], ["n"], n_quantiles=3)
    order = data.draw(st.permutations(range(len(frame))))
    shuffled = frame.iloc[order]
    np.testing.assert_array_equal(wdl.wide_ids(shuffled, wide), wdl.wide_ids(frame, wide)[order])
    for name, array in wdl.deep_inputs(frame, deep).items():
        np.testing.assert_array_equal(wdl.deep_inputs(shuffled, deep)[name], array[order])


@FEW
@given(st.data(), frames())
def test_the_order_of_the_training_rows_has_no_influence(data, frame):
    frame["n"] = range(len(frame))
    shuffled = frame.iloc[data.draw(st.permutations(range(len(frame))))]
    features, buckets = ["a", ("a", "b"), ("n", "c")], {"n": 2}
    wide, again = (wdl.fit_wide(rows, features, buckets=buckets) for rows in (frame, shuffled))
    assert list(wide["vocabulary"].items()) == list(again["vocabulary"].items())
    deep, again = wdl.fit_deep(frame, ["a", "c"], ["n"]), wdl.fit_deep(shuffled, ["a", "c"], ["n"])
    assert list(deep["vocabulary"].items()) == list(again["vocabulary"].items())
    assert deep["boundaries"]["n"].tolist() == again["boundaries"]["n"].tolist()


def test_nothing_of_a_test_frame_leaks_into_the_features():
    train = pd.DataFrame({"a": list("xxyy"), "tags": [["p"], ["p", "q"], [], ["q"]], "n": [1.0, 2.0, 3.0, 4.0]})
    test = pd.DataFrame(
        {"a": ["x", "new", "y", "new"], "tags": [["new"], ["p", "new"], [], ["new"]], "n": [9.0, 9.0, 0.0, 2.0]}
    )
    wide = wdl.fit_wide(train, ["a", "tags", ("a", "tags"), "n"], buckets={"n": 2})
    deep = wdl.fit_deep(train, ["a", "tags"], ["n"], n_quantiles=4)
    before = repr(wide) + repr(deep)
    ids, inputs = wdl.wide_ids(test, wide), wdl.deep_inputs(test, deep)
    assert repr(wide) + repr(deep) == before
    known = wide["vocabulary"]
    assert ids[1].tolist() == [0, known["tags=p"], 0, 0, 0, known["n=[2.5, inf)"]]
    assert ids[3].tolist() == [0, 0, 0, 0, 0, known["n=[-inf, 2.5)"]]
    assert inputs["deep_ids"][1].tolist() == [[0, 0], [deep["vocabulary"]["tags=p"], 0]]
    assert inputs["numbers"].ravel().tolist() == np.array([1, 1, 0, 1 / 3], "float32").tolist()
    np.testing.assert_array_equal(wdl.wide_ids(test.iloc[[1]], wide)[0, :1], ids[1, :1])


def test_the_frame_is_not_modified():
    frame = STRANGE.set_axis([3, 3, "s", 0], axis=0)
    copy = frame.copy()
    copy["tags"] = [list(cell) for cell in frame["tags"]]
    wide = wdl.fit_wide(frame, ["a", ("a", "tags"), "n"], buckets={"n": 2})
    deep = wdl.fit_deep(frame, ["a", "tags"], ["n"])
    wdl.wide_ids(frame, wide), wdl.deep_inputs(frame, deep)
    pd.testing.assert_frame_equal(frame, copy)


def test_a_frame_may_have_more_columns_than_the_features():
    wide = wdl.fit_wide(STRANGE[["a"]], ["a"])
    np.testing.assert_array_equal(wdl.wide_ids(STRANGE, wide), wdl.wide_ids(STRANGE[["a"]], wide))
    assert wdl.wide_ids(STRANGE.assign(date=pd.Timestamp(0), gap=None), wide).shape == (4, 1)


@pytest.mark.parametrize(
    "column, names",
    [
        (pd.Series(["x", "y", "x"], dtype="str"), ["a=x", "a=y"]),
        (pd.Series(["x", "y", "x"], dtype="string"), ["a=x", "a=y"]),
        (pd.Series(["x", "y", "x"], dtype=object), ["a=x", "a=y"]),
        (pd.Series(pd.Categorical(["x", "y", "x"], categories=["z", "y", "x"])), ["a=x", "a=y"]),
        (pd.Series(pd.Categorical([3, 10, 3])), ["a=3", "a=10"]),
        (pd.Series([3, 10, 3]), ["a=3", "a=10"]),
        (pd.Series([3, 10, 3], dtype="uint8"), ["a=3", "a=10"]),
        (pd.Series([3, 10, 3], dtype="Int64"), ["a=3", "a=10"]),
        (pd.Series([3, 10, 3], dtype=object), ["a=3", "a=10"]),
        (pd.Series([True, False, True]), ["a=True", "a=False"]),
        (pd.Series([True, False, True], dtype="boolean"), ["a=True", "a=False"]),
        (pd.Series([True, False, True], dtype=object), ["a=True", "a=False"]),
    ],
)
def test_categories_of_every_type_are_named_by_their_value(column, names):
    frame = pd.DataFrame({"a": column, "b": ["p", "q", "p"]})
    wide = wdl.fit_wide(frame, ["a"])
    assert list(wide["vocabulary"]) == names
    assert wdl.wide_ids(frame, wide).ravel().tolist() == [1, 2, 1]
    assert wdl.cross(frame, ["a", "b"]).tolist() == [f"{names[i]} & b={'pqp'[row]}" for row, i in enumerate([0, 1, 0])]
    assert wdl.deep_inputs(frame, wdl.fit_deep(frame, ["a"], []))["deep_ids"].ravel().tolist() == [1, 2, 1]


def test_a_whole_number_is_the_same_category_as_its_string():
    wide = wdl.fit_wide(pd.DataFrame({"zip": ["10", "20"]}), ["zip"])
    assert wdl.wide_ids(pd.DataFrame({"zip": [20, 30]}), wide).tolist() == [[2], [0]]


ALL_TYPES = [
    *((name, make, ["x", "02116", "x", ""], ["x", "02116", "x", ""]) for name, make in TEXT_TYPES.items()),
    *((name, make, [7, -3, 7, 0], ["7", "-3", "7", "0"]) for name, make in WHOLE_TYPES.items()),
    *(
        (name, make, [True, False, True, False], ["True", "False", "True", "False"])
        for name, make in FLAG_TYPES.items()
    ),
]


@pytest.mark.parametrize(
    "name, make, values, texts", ALL_TYPES, ids=lambda value: value if isinstance(value, str) else ""
)
def test_each_type_of_a_column_by_hand(name, make, values, texts):
    frame = pd.DataFrame({"a": make(values), "b": [*"ppqq"]})
    assert wdl.cross(frame, ["a"]).tolist() == [f"a={text}" for text in texts]
    assert wdl.cross(frame, ["b", "a"]).tolist() == [f"b={b} & a={text}" for b, text in zip("ppqq", texts, strict=True)]
    lists = pd.DataFrame({"a": [list(make(values)), [], list(make(values))[1:2]]})
    assert wdl.cross(lists, ["a"]).tolist() == [f"a={text}" for text in [*dict.fromkeys(texts), texts[1]]]


@given(typed_columns(), st.sampled_from([None, 9]))
def test_two_frames_of_different_types_have_the_same_features(columns, hash_buckets):
    texts, one, other = columns
    train = pd.DataFrame({"a": one, "b": range(len(one))})
    test = pd.DataFrame({"a": other, "b": range(len(one))})
    features = ["a", ("a", "b")]
    wide = wdl.fit_wide(train, features, hash_buckets=hash_buckets)
    again = wdl.fit_wide(test, features, hash_buckets=hash_buckets)
    assert wide == again
    np.testing.assert_array_equal(wdl.wide_ids(test, wide), wdl.wide_ids(train, wide))
    deep = wdl.fit_deep(train, ["a"], [])
    assert deep == wdl.fit_deep(test, ["a"], [])
    assert set(deep["vocabulary"]) == {f"a={text}".replace(" &", " &&") for text in texts}
    np.testing.assert_array_equal(wdl.deep_inputs(test, deep)["deep_ids"], wdl.deep_inputs(train, deep)["deep_ids"])


def test_values_of_several_types_in_one_column_are_their_texts():
    cells = [1, "1", 1.0, True, decimal.Decimal("1.0"), np.int8(1), np.bool_(True), "True", np.float32(1)]
    frame = pd.DataFrame({"a": pd.Series(cells, dtype=object)})
    deep = wdl.fit_deep(frame, ["a"], [])
    assert deep["vocabulary"] == {"a=1": 1, "a=True": 2} and deep["n_ids"] == 3
    assert wdl.deep_inputs(frame, deep)["deep_ids"].ravel().tolist() == [1, 1, 1, 2, 1, 1, 2, 2, 1]
    mixed = pd.DataFrame({"a": pd.Categorical(["1", 1, "x"])})
    assert wdl.fit_deep(mixed, ["a"], [])["vocabulary"] == {"a=1": 1, "a=x": 2}


@pytest.mark.parametrize(
    "value, text",
    [
        (-0.0, "0"),
        (decimal.Decimal("-0.00"), "0"),
        (decimal.Decimal("1E+3"), "1000"),
        (-12.0, "-12"),
        (2**53 - 1.0, "9007199254740991"),
        (np.float32(2**24 - 1), "16777215"),
        (2**80, "1208925819614629174706176"),
        (np.uint64(2**64 - 1), "18446744073709551615"),
        (enum.Enum("Colour", {"RED": "red"}, type=str).RED, "red"),
        (enum.StrEnum("Colour", {"RED": "red"}).RED, "red"),
        (enum.IntEnum("Size", {"LARGE": 3}).LARGE, "3"),
        (np.str_(" x "), " x "),
        (2.5, None),
        (float("inf"), None),
        (2.0**53, None),
        (np.float32(2**24), None),
        (decimal.Decimal("2.5"), None),
        (decimal.Decimal("NaN"), None),
        (decimal.Decimal("Infinity"), None),
        (enum.Enum("Colour", {"RED": 1}).RED, None),
        (b"x", None),
        (1 + 0j, None),
        (pd.NaT, None),
        (pd.NA, None),
        (np.datetime64("2020-01-01"), None),
    ],
    ids=repr,
)
def test_the_text_of_a_value(value, text):
    assert wdl.category_text(value) == text
    assert text is None or type(wdl.category_text(value)) is str
    column = pd.Series([value, "x"], dtype=object)
    if text is None:
        with pytest.raises((TypeError, ValueError), match="Column 'a' (holds a .+|has a missing value) in row 0"):
            wdl.cross(pd.DataFrame({"a": column}), ["a"])
    else:
        assert wdl.cross(pd.DataFrame({"a": column}), ["a"]).tolist() == [f"a={text}", "a=x"]


@pytest.mark.parametrize("sign", [1, -1])
def test_a_whole_number_that_python_does_not_write_is_named(sign):
    longest = sign * (10**4300 - 1)
    assert wdl.category_text(longest) == str(longest)
    for value in (longest + sign, decimal.Decimal(f"{sign}E4300"), decimal.Decimal(f"{sign}E1000000000000")):
        assert wdl.category_text(value) is None
        for cells in (["x", value], [["x", value]]):
            with pytest.raises(
                TypeError, match=r"'a' holds a \w+ in row [01]; .*: this one has more than 4,300 digits"
            ):
                wdl.cross(pd.DataFrame({"a": pd.Series(cells, dtype=object)}), ["a"])


def test_all_gaps_of_pandas_are_gaps():
    gaps = [None, np.nan, np.float32("nan"), pd.NA, pd.NaT, np.datetime64("NaT"), np.timedelta64("NaT")]
    gaps += [decimal.Decimal("NaN")]
    others = ["", "nan", 0, False, [], {}, np.array([np.nan, np.nan]), np.datetime64("2020-01-01"), decimal.Decimal(0)]
    assert [is_missing(value) for value in gaps + others] == [True] * len(gaps) + [False] * len(others)


@pytest.mark.parametrize("dtype, first", [("float64", 2**53), ("float32", 2**24), ("Float64", 2**53)])
def test_a_float_that_may_have_been_another_whole_number_is_refused(dtype, first):
    assert wdl.cross(pd.DataFrame({"a": pd.Series([first - 1], dtype=dtype)}), ["a"]).tolist() == [f"a={first - 1}"]
    with pytest.raises(
        TypeError, match=f"'a' holds a float in row 1; .*: from {first} on, two of them can be the same"
    ):
        wdl.cross(pd.DataFrame({"a": pd.Series([0, first + 1], dtype=dtype)}), ["a"])


def test_a_text_that_no_file_can_hold_is_named():
    with pytest.raises(ValueError, match=r"'a' holds '\\ud800', which is no text in UTF-8"):
        wdl.cross(pd.DataFrame({"a": pd.Series(["é", "\ud800"], dtype=object)}), ["a"])


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([decimal.Decimal("1.5"), decimal.Decimal(2)], dtype=object),
        pd.Series([1.5, 2], dtype=object),
        pd.Series(pd.array([1.5, 2], dtype="Float64")),
        WHOLE_TYPES["Arrow decimal"]([decimal.Decimal("1.5"), decimal.Decimal(2)]),
        pd.Series([1.5, 2], dtype="float32"),
    ],
    ids=lambda column: f"{column.dtype}, {type(column[0]).__name__}",
)
def test_numbers_of_all_types_are_read(column):
    frame = pd.DataFrame({"n": column})
    assert wdl.quantile_boundaries(frame, "n", 2).tolist() == [1.75]
    assert wdl.deep_inputs(frame, wdl.fit_deep(frame, [], ["n"], n_quantiles=2))["numbers"].ravel().tolist() == [0, 1]


def test_a_boundary_of_minus_zero_is_that_of_zero():
    for zero in (0.0, -0.0):
        wide = wdl.fit_wide(pd.DataFrame({"n": [zero, zero]}), ["n"], buckets={"n": 2})
        assert wide["vocabulary"] == {"n=[0, inf)": 1}


# ------------------------------------------------------------------------------------------- bad input

FRAME = pd.DataFrame({"a": ["x", "y"], "b": ["p", "q"], "n": [1.0, 2.0], "tags": [["p"], ["q"]]})


@functools.cache
def wide():
    return wdl.fit_wide(FRAME, ["a", ("a", "b")])


@functools.cache
def deep():
    return wdl.fit_deep(FRAME, ["a"], ["n"])


@functools.cache
def buckets():
    return wdl.fit_wide(FRAME, ["n"], buckets={"n": 2})


ENTRANCES = {
    "cross": lambda frame: wdl.cross(frame, ["a"]),
    "fit_wide": lambda frame: wdl.fit_wide(frame, ["a"]),
    "wide_ids": lambda frame: wdl.wide_ids(frame, wide()),
    "fit_deep": lambda frame: wdl.fit_deep(frame, ["a"], []),
    "deep_inputs": lambda frame: wdl.deep_inputs(frame, deep()),
}
NUMBER_ENTRANCES = {
    "quantile_boundaries": lambda frame: wdl.quantile_boundaries(frame, "n", 2),
    "quantile_index": lambda frame: wdl.quantile_index(frame, "n", [1.0]),
    "quantile_normalise": lambda frame: wdl.quantile_normalise(frame, "n", np.array([1.0])),
    "fit_wide": lambda frame: wdl.fit_wide(frame, ["n"], buckets={"n": 2}),
    "wide_ids": lambda frame: wdl.wide_ids(frame, buckets()),
    "fit_deep": lambda frame: wdl.fit_deep(frame, [], ["n"]),
    "deep_inputs": lambda frame: wdl.deep_inputs(frame, deep()),
}
category_entrances = pytest.mark.parametrize("entrance", ENTRANCES.values(), ids=ENTRANCES)
number_entrances = pytest.mark.parametrize("entrance", NUMBER_ENTRANCES.values(), ids=NUMBER_ENTRANCES)


@category_entrances
def test_a_missing_column_is_named(entrance):
    with pytest.raises(KeyError, match=r"no column 'a'; it has \['b', 'n', 'tags'\]"):
        entrance(FRAME.drop(columns="a"))


@number_entrances
def test_a_missing_column_of_numbers_is_named(entrance):
    with pytest.raises(KeyError, match="no column 'n'"):
        entrance(FRAME.drop(columns="n"))


def test_an_unknown_column_of_a_cross_or_of_the_buckets_is_named():
    with pytest.raises(KeyError, match="no column 'nowhere'"):
        wdl.fit_wide(FRAME, [("a", "nowhere")])
    with pytest.raises(KeyError, match="no column 'nowhere'"):
        wdl.fit_wide(FRAME, ["a"], buckets={"nowhere": 2})
    with pytest.raises(KeyError, match="no column 'nowhere'"):
        wdl.fit_deep(FRAME, ["a"], ["nowhere"])
    with pytest.raises(KeyError, match="no column 'b'"):
        wdl.wide_ids(FRAME.drop(columns="b"), wide())


@category_entrances
@pytest.mark.parametrize("frame", [{"a": ["x"]}, [["x"]], None, FRAME["a"], FRAME.to_numpy()])
def test_what_is_not_a_frame_is_refused(entrance, frame):
    with pytest.raises(TypeError, match=f"Expected a pandas DataFrame, got {type(frame).__name__}"):
        entrance(frame)


@number_entrances
def test_what_is_not_a_frame_of_numbers_is_refused(entrance):
    with pytest.raises(TypeError, match="Expected a pandas DataFrame, got dict"):
        entrance({"n": [1.0, 2.0]})


@category_entrances
def test_an_empty_frame_is_refused(entrance):
    with pytest.raises(ValueError, match="frame is empty"):
        entrance(FRAME.iloc[:0])


@number_entrances
def test_an_empty_frame_of_numbers_is_refused(entrance):
    with pytest.raises(ValueError, match="frame is empty"):
        entrance(FRAME.iloc[:0])


@category_entrances
def test_a_column_that_stands_in_a_frame_twice_is_named(entrance):
    with pytest.raises(ValueError, match="column 'b' more than once"):
        entrance(pd.concat([FRAME, FRAME["b"]], axis=1))


@number_entrances
def test_a_column_of_numbers_that_stands_in_a_frame_twice_is_named(entrance):
    with pytest.raises(ValueError, match="column 'n' more than once"):
        entrance(pd.concat([FRAME, FRAME["n"]], axis=1))


@category_entrances
@pytest.mark.parametrize(
    "column",
    [
        ["x", None],
        ["x", np.nan],
        pd.Series(["x", pd.NA], dtype="string"),
        pd.Categorical(["x", None]),
        pd.array([1, None], dtype="Int64"),
        [["x"], ["x", None]],
        [["x"], [np.nan]],
        [["x"], None],
        [1.0, np.nan],
        WHOLE_TYPES["Arrow int64"]([1, None]),
    ],
    ids=str,
)
def test_a_missing_category_is_named_with_its_row(entrance, column):
    with pytest.raises(ValueError, match="'a' has a missing value in row 1: fill it"):
        entrance(FRAME.assign(a=column))


def test_rows_in_messages_are_positions_whatever_the_index():
    frame = pd.DataFrame({"a": ["x", "y", None], "n": [1, 2, np.nan]}, index=[0, 5, 5])
    with pytest.raises(ValueError, match="'a' has a missing value in row 2"):
        wdl.cross(frame, ["a"])
    with pytest.raises(ValueError, match="'n' has 1 missing or infinite values, first in row 2"):
        wdl.quantile_boundaries(frame, "n", 2)


@category_entrances
@pytest.mark.parametrize(
    "column, kind",
    [
        ([1.0, 2.5], "float"),
        ([["x"], [0.5]], "float"),
        (pd.to_datetime(["2020-01-01", "2020-01-02"]), "Timestamp"),
        (pd.to_timedelta([1, 2]), "Timedelta"),
        (pd.Series([b"x", b"y"], dtype=object), "bytes"),
        (pd.Series([{"x"}, {"y"}], dtype=object), "set"),
        (pd.Series([{"x": 1}, {"y": 1}], dtype=object), "dict"),
        (pd.Series([[["x"]], [["y"]]], dtype=object), "list"),
        (pd.cut(pd.Series([1, 2]), 2), "Interval"),
    ],
    ids=str,
)
def test_a_category_that_is_no_string_and_no_whole_number_is_named(entrance, column, kind):
    with pytest.raises(TypeError, match=f"'a' holds a {kind} in row [01]; expected strings or whole numbers"):
        entrance(FRAME.assign(a=column))


@category_entrances
@pytest.mark.parametrize("column", [["x", ["y"]], [["x"], "y"], ["x", ("y",)]], ids=str)
def test_a_column_that_mixes_lists_and_single_values_is_named(entrance, column):
    with pytest.raises(TypeError, match="'a' mixes lists with single values, as in row"):
        entrance(FRAME.assign(a=column))


@number_entrances
@pytest.mark.parametrize(
    "column", [[1.0, np.nan], [1.0, np.inf], [1.0, -np.inf], pd.array([1, None], dtype="Int64")], ids=str
)
def test_a_number_that_is_missing_or_infinite_is_named_with_its_row(entrance, column):
    with pytest.raises(ValueError, match="'n' has 1 missing or infinite values, first in row 1"):
        entrance(FRAME.assign(n=column))


@number_entrances
@pytest.mark.parametrize(
    "column, dtype",
    [
        (["1", "2"], "str"),
        (pd.Series(["1", "2"], dtype=object), "object"),
        (pd.Series([True, False], dtype=object), "object"),
        (pd.Series([1j, 2j]), "complex128"),
        (pd.Series([1j, 2j], dtype=object), "object"),
        ([True, False], "bool"),
        (pd.to_datetime(["2020-01-01", "2020-01-02"]), "datetime64"),
        (pd.Categorical([1, 2]), "category"),
        ([[1], [2]], "object"),
    ],
    ids=str,
)
def test_numbers_of_another_type_are_named_with_their_type(entrance, column, dtype):
    with pytest.raises(TypeError, match=f"'n' has the type {dtype}.*expected numbers"):
        entrance(FRAME.assign(n=column))


def test_a_category_at_fit_that_is_a_decimal_later_is_named():
    with pytest.raises(TypeError, match="'a' holds a float"):
        wdl.wide_ids(FRAME.assign(a=[1.5, 2.5]), wide())
    with pytest.raises(TypeError, match="'a' holds a float"):
        wdl.deep_inputs(FRAME.assign(a=[1.5, 2.5]), deep())


@pytest.mark.parametrize(
    "features", [["a", "b", "a"], [("a", "b"), ("a", "b")], [("a", "b"), ("b", "a")], ["a", ("a",)]]
)
def test_a_feature_that_is_listed_twice_is_refused(features):
    with pytest.raises(ValueError, match="'a( & b)?' is listed more than once"):
        wdl.fit_wide(FRAME, features)


def test_a_column_twice_in_one_cross_is_refused():
    with pytest.raises(ValueError, match="'a' is listed more than once"):
        wdl.fit_wide(FRAME, [("a", "b", "a")])


def test_a_column_twice_in_a_cross_by_itself_is_refused():
    with pytest.raises(ValueError, match="'a' is listed more than once"):
        wdl.cross(FRAME, ["a", "b", "a"])


def test_a_column_twice_in_the_deep_part_is_refused():
    with pytest.raises(ValueError, match="'a' is listed more than once"):
        wdl.fit_deep(FRAME, ["a", "b", "a"], [])
    with pytest.raises(ValueError, match="'n' is listed more than once"):
        wdl.fit_deep(FRAME, ["a"], ["n", "n"])


@pytest.mark.parametrize("features", [[], [()], ["a", ()]])
def test_an_empty_list_of_features_is_refused(features):
    with pytest.raises(ValueError, match="features is empty"):
        wdl.fit_wide(FRAME, features)


def test_a_deep_part_without_columns_is_refused():
    with pytest.raises(ValueError, match="categories and numbers are both empty"):
        wdl.fit_deep(FRAME, [], [])


@pytest.mark.parametrize("count", [0, -1, 1.5, 2.0, True, "2", None])
def test_a_minimum_count_that_is_no_positive_whole_number_is_refused(count):
    with pytest.raises(ValueError, match="min_count is .*; expected a whole number of at least 1"):
        wdl.fit_wide(FRAME, ["a"], min_count=count)
    with pytest.raises(ValueError, match="min_count is .*; expected a whole number of at least 1"):
        wdl.fit_deep(FRAME, ["a"], [], min_count=count)
    with pytest.raises(ValueError, match="min_count is .*; expected a whole number of at least 1"):
        wdl.vocabulary(pd.Series(["x"]), count)


@pytest.mark.parametrize("n", [1, 0, -5, 2.5, True, "4", None])
def test_a_number_of_quantiles_below_two_is_refused(n):
    with pytest.raises(ValueError, match="n_quantiles is .*; expected a whole number of at least 2"):
        wdl.fit_deep(FRAME, [], ["n"], n_quantiles=n)
    with pytest.raises(ValueError, match="; expected a whole number of at least 2"):
        wdl.fit_wide(FRAME, ["n"], buckets={"n": n})
    with pytest.raises(ValueError, match="n_quantiles is .*; expected a whole number of at least 2"):
        wdl.quantile_boundaries(FRAME, "n", n)


@pytest.mark.parametrize("n", [0, -1, 2.5, True, "4"])
def test_a_number_of_hash_buckets_below_one_is_refused(n):
    with pytest.raises(ValueError, match="hash_buckets is .*; expected a whole number of at least 1"):
        wdl.fit_wide(FRAME, ["a"], hash_buckets=n)
    with pytest.raises(ValueError, match="n_buckets is .*; expected a whole number of at least 1"):
        wdl.hash_ids(pd.Series(["x"]), n, 1)


def test_numpy_whole_numbers_are_counts():
    assert wdl.fit_wide(FRAME, ["a"], min_count=np.int64(1))["n_ids"] == 3
    assert wdl.fit_wide(FRAME, ["a"], hash_buckets=np.int32(4))["n_ids"] == 5
    assert len(wdl.quantile_boundaries(FRAME, "n", np.int64(4))) == 3


NOT_FITTED = [lambda: None, dict, list, lambda: "wide"]


@pytest.mark.parametrize("make", [*NOT_FITTED, deep], ids=["None", "dict", "list", "str", "deep"])
def test_wide_ids_before_fit_wide_are_refused(make):
    with pytest.raises(ValueError, match=r"Expected the dict that fit_wide\(.*\) returns: call fit_wide first"):
        wdl.wide_ids(FRAME, make())


@pytest.mark.parametrize("make", [*NOT_FITTED, wide], ids=["None", "dict", "list", "str", "wide"])
def test_deep_inputs_before_fit_deep_are_refused(make):
    with pytest.raises(ValueError, match=r"Expected the dict that fit_deep\(.*\) returns: call fit_deep first"):
        wdl.deep_inputs(FRAME, make())


def test_a_single_name_in_place_of_a_list_of_names_is_refused():
    # Read as a list, a string is its letters: with columns 'a' and 'b', "ab" would pass unnoticed.
    for call in (
        lambda: wdl.fit_wide(FRAME, "ab"),
        lambda: wdl.fit_deep(FRAME, "ab", []),
        lambda: wdl.fit_deep(FRAME, ["a"], "n"),
        lambda: wdl.cross(FRAME, "ab"),
    ):
        with pytest.raises(TypeError, match="list"):
            call()


@pytest.mark.parametrize("index", [[1, 0, 1], [0.0, 1.0, 1.0], ["a", "b", "c"]])
def test_strings_whose_index_is_no_row_numbers_are_refused(index):
    strings = pd.Series(["a=x", "a=y", "a=z"], index=index)
    for look_up in (lambda: wdl.vocabulary_ids(strings, {"a=x": 1}, 2), lambda: wdl.hash_ids(strings, 10, 2)):
        with pytest.raises(ValueError, match="expected numbers of rows that ascend"):
            look_up()


def test_strings_of_more_rows_than_there_are_are_refused():
    with pytest.raises(ValueError, match="rows 0 to 2, but n_rows is 2"):
        wdl.vocabulary_ids(pd.Series(["a=x", "a=y"], index=[0, 2]), {"a=x": 1}, 2)


@pytest.mark.parametrize("n_rows", [-1, 2.0, None])
def test_the_number_of_rows_is_checked(n_rows):
    strings = wdl.cross(pd.DataFrame({"a": ["x"]}), ["a"])
    with pytest.raises(ValueError, match="n_rows is .*expected a whole number of at least 0"):
        wdl.hash_ids(strings, 10, n_rows)
    with pytest.raises(ValueError, match="n_rows is .*expected a whole number of at least 0"):
        wdl.vocabulary_ids(strings, {"a=x": 1}, n_rows)

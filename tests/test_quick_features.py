"""The quick features are those of the slow way, which builds a string for each row."""

import wdl_helpers as wdl
from recommender.datasets import adult

import numpy as np
import pandas as pd
import pytest
import slow_features as slow
from hypothesis import given
from hypothesis import strategies as st
from laws import FEW, small_frame

WORDS = st.sampled_from(["a", "b", "c", "?", "", "a=b", "&", "& x", " & x", "x &", "x && y", "é", "1"])
CELLS = {
    "word": WORDS,
    "number": st.integers(-3, 3),
    "mixed": st.one_of(WORDS, st.integers(0, 2), st.booleans(), st.sampled_from([-0.0, 1.0])),
    "list": st.lists(st.one_of(WORDS, st.integers(0, 2)), max_size=4),
    "tuple": st.lists(WORDS, max_size=3).map(tuple),
}
FEATURES = [
    "word", "list", "size", ("word", "number"), ("list", "tuple"), ("tuple", "list", "word"), ("mixed", "size"),
    ("size", "list", "number", "mixed"),
]  # fmt: skip


@st.composite
def frames(draw):
    """A frame to fit on and another one to look up, with the same columns."""
    made = []
    for _ in range(2):
        n = draw(st.integers(1, 12))
        columns = {name: draw(st.lists(cells, min_size=n, max_size=n)) for name, cells in CELLS.items()}
        columns["size"] = draw(st.lists(st.floats(-5, 5), min_size=n, max_size=n))
        frame = pd.DataFrame({name: pd.Series(cells, dtype=object) for name, cells in columns.items()})
        frame["size"] = frame["size"].astype("float64")
        made.append(frame.astype({"number": "int64"}).set_index(pd.Index(draw(st.permutations(range(n))))))
    return made


@given(frames(), st.integers(1, 3), st.sampled_from([None, 7]))
@FEW
def test_wide_ids_and_vocabularies_are_those_of_the_slow_way(pair, min_count, hash_buckets):
    first, second = pair
    how = {"hash_buckets": hash_buckets} if hash_buckets else {"min_count": min_count}
    wide = wdl.fit_wide(first, FEATURES, buckets={"size": 3}, **how)
    if not hash_buckets:
        assert list(wide["vocabulary"].items()) == list(slow.vocabulary_of(first, wide, min_count).items())
    for frame in (first, second):
        blocks = [slow.ids(values, wide, len(frame)) for values in slow.values_of(frame, wide)]
        np.testing.assert_array_equal(wdl.wide_ids(frame, wide), np.hstack(blocks))


@given(frames(), st.integers(1, 3))
@FEW
def test_deep_ids_are_those_of_the_slow_way(pair, min_count):
    first, second = pair
    deep = wdl.fit_deep(first, ["word", "list", "mixed", "tuple"], ["size"], n_quantiles=4, min_count=min_count)
    assert list(deep["vocabulary"].items()) == list(slow.vocabulary_of(first, deep, min_count).items())
    ids = wdl.deep_inputs(second, deep)["deep_ids"]
    for i, values in enumerate(slow.values_of(second, deep)):
        block = slow.ids(values, deep, len(second))
        np.testing.assert_array_equal(ids[:, i, : block.shape[1]], block)
        assert not ids[:, i, block.shape[1] :].any()


@pytest.mark.parametrize("columns", [["letter"], ["tags"], ["letter", "tags"], ["tags", "letter"]])
def test_a_cross_is_that_of_the_slow_way(columns):
    frame, _ = small_frame()
    quick, reference = wdl.cross(frame, columns), slow.cross(frame, columns)
    assert quick.tolist() == reference.tolist() and quick.index.tolist() == reference.index.tolist()


def test_the_ids_of_adult_are_those_of_the_slow_way():
    train, test = (frame[:2000] for frame in adult.load_adult())
    wide = adult.wide_features(train)
    assert wide["vocabulary"] == slow.vocabulary_of(train, wide, 1)
    blocks = [slow.ids(values, wide, len(test)) for values in slow.values_of(test, wide)]
    np.testing.assert_array_equal(wdl.wide_ids(test, wide), np.hstack(blocks))


def test_a_list_that_stands_in_many_rows_is_read_as_if_each_row_had_its_own():
    one, other = ["a", "b", "a"], [1, 2, 1]
    cells = [one, other, one, [], other, ["a", "b", "a"], one]
    frame = pd.DataFrame({"list": pd.Series(cells, dtype=object), "word": [*"xyxyxyz"]})
    copied = frame.assign(list=[list(cell) for cell in cells])
    features = ["list", ("list", "word")]
    wide = wdl.fit_wide(frame, features)
    assert wide["vocabulary"] == slow.vocabulary_of(copied, wide, 1)
    blocks = [slow.ids(values, wide, len(frame)) for values in slow.values_of(copied, wide)]
    np.testing.assert_array_equal(wdl.wide_ids(frame, wide), np.hstack(blocks))


def test_the_row_of_a_bad_value_in_a_list_that_is_shared_is_its_first():
    bad = ["b", 0.5]
    with pytest.raises(TypeError, match="'list' holds a float in row 1"):
        wdl.fit_wide(pd.DataFrame({"list": [["a"], bad, ["a"], bad]}), ["list"])
    first = ["a"]
    with pytest.raises(TypeError, match="'list' holds a float in row 2"):
        wdl.fit_wide(pd.DataFrame({"list": [first, first, bad, bad]}), ["list"])
    gap = ["b", None]
    with pytest.raises(ValueError, match="'list' has a missing value in row 2"):
        wdl.fit_wide(pd.DataFrame({"list": [["a"], ["b"], gap, gap]}), ["list"])


def test_texts_that_differ_in_their_last_zero_byte_alone_have_two_ids():
    assert len(wdl.fit_wide(pd.DataFrame({"a": ["x", "x\0"]}), ["a"])["vocabulary"]) == 2


def test_more_buckets_than_an_id_has_bits_are_refused():
    with pytest.raises(ValueError, match="hash_buckets is 2147483647; expected at most 2147483646"):
        wdl.fit_wide(pd.DataFrame({"a": ["x"]}), ["a"], hash_buckets=2**31 - 1)

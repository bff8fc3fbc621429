"""Gaps that are values, by missing="value": the same in frames, files, the graph, an export and the server."""

import itertools
import json
import tempfile

import wdl_helpers as wdl  # before TensorFlow: it sets how TensorFlow computes
from recommender import client, graph, lifecycle, raw_columns, server, serving, shards
from wide_deep import columns, features, plain

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from laws import FEW, column_names

FRAME = pd.DataFrame(
    {
        "city": ["Rome", None, "missing", "Rome"],
        "tags": [["p", None, None], None, [], ["q"]],
        "age": [1.0, np.nan, 3.0, 10.0],
        "size": [1, 2, 3, 4],
    }
)
FEATURES = ["city", "tags", ("city", "tags"), ("age", "city")]


def fit(frame=FRAME, **settings):
    wide = wdl.fit_wide(frame, FEATURES, buckets={"age": 2}, missing="value", **settings)
    return wide, wdl.fit_deep(frame, ["city", "tags"], ["age", "size"], n_quantiles=3, missing="value")


def named(ids, fitted):
    """The names of the ids in each row."""
    name_of = {i: name for name, i in fitted["vocabulary"].items()}
    return [[name_of[i] for i in row if i] for row in np.asarray(ids).reshape(len(ids), -1).tolist()]


# -------------------------------------------------------------------------------------------- by hand


def test_a_gap_is_a_value_of_its_own_by_hand():
    wide, _ = fit()
    assert wide["boundaries"]["age"].tolist() == [3.0]  # of 1, 3 and 10
    assert named(wdl.wide_ids(FRAME, wide), wide) == [
        ["city=Rome", "tags=p", "tags is missing", "city=Rome & tags=p", "city=Rome & tags is missing",
         "age=[-inf, 3) & city=Rome"],
        ["city is missing", "tags is missing", "city is missing & tags is missing", "age is missing & city is missing"],
        ["city=missing", "age=[3, inf) & city=missing"],
        ["city=Rome", "tags=q", "city=Rome & tags=q", "age=[3, inf) & city=Rome"],
    ]  # fmt: skip


def test_a_missing_number_becomes_the_median_of_training_and_has_an_indicator():
    _, deep = fit()
    assert (deep["medians"], deep["indicators"]) == ({"age": 3.0, "size": 2.5}, ["age"])
    assert features.number_names(deep) == ["age", "size", "age is missing"]
    new = pd.DataFrame({"city": ["Rome"] * 2, "tags": [["p"]] * 2, "age": [None, 2.0], "size": [None, 1.0]})
    numbers = wdl.deep_inputs(new, deep)["numbers"]
    # The boundaries of 'age' are 2⅓ and 5⅓, so that the median is in the middle; those of 'size' are 2 and 3.
    assert numbers.tolist() == [[0.5, 0.5, 1.0], [0.0, 0.0, 0.0]]
    assert wdl.deep_model(deep).get_layer("deep_hidden_1").kernel.shape[0] == 2 * 8 + 3


def test_a_median_is_that_of_the_column_also_where_no_boundary_is_it():
    deep = wdl.fit_deep(pd.DataFrame({"n": [0, 1, 2, None, 50, 99]}), [], ["n"], n_quantiles=3, missing="value")
    assert deep["medians"] == {"n": 2.0}


@given(column_names(2), st.sampled_from(["missing", " is missing"]) | st.text(st.characters(codec="utf-8"), max_size=5))
def test_the_name_of_a_gap_is_that_of_no_value_and_of_no_other_column(names, text):
    value = columns.feature_prefix(names[0]) + columns.escaped(text)
    gaps = [columns.missing_name(name) for name in names]
    assert value not in gaps and gaps[0] != gaps[1]
    assert columns.AND not in gaps[0]


def test_without_gaps_the_features_are_those_of_the_default():
    whole = FRAME.iloc[[3]].assign(age=[1.0])
    for part, default in zip(
        fit(whole), (wdl.fit_wide(whole, FEATURES, buckets={"age": 2}), wdl.fit_deep(whole, ["city"], ["age"]))
    ):
        assert "missing" not in default and part["missing"] == "value"
    wide, _ = fit(whole)
    assert wide["vocabulary"] == wdl.fit_wide(whole, FEATURES, buckets={"age": 2})["vocabulary"]


def test_what_is_no_gap_and_no_value_stays_an_error():
    for frame, message in (
        (FRAME.assign(age=[1, 2, np.inf, 3]), "'age' has 1 infinite values, first in row 2"),
        (FRAME.assign(age=np.nan), "Column 'age' has no number"),
    ):
        with pytest.raises(ValueError, match=message):
            fit(frame)
    with pytest.raises(TypeError, match="'city' holds a float in row 1"):
        fit(FRAME.assign(city=["a", 0.5, None, "b"]))
    with pytest.raises(TypeError, match="'tags' mixes lists with single values, as in row 1"):
        fit(FRAME.assign(tags=[["p"], "p", None, []]))
    for function in (
        lambda m: wdl.fit_wide(FRAME, ["size"], missing=m),
        lambda m: wdl.fit_deep(FRAME, [], ["size"], missing=m),
    ):
        with pytest.raises(ValueError, match="missing is 'drop'; expected 'error' or 'value'"):
            function("drop")
    with pytest.raises(ValueError, match="'city' has a missing value in row 1"):
        wdl.fit_wide(FRAME, ["city"])


def test_a_part_is_saved_and_read_again_and_a_damaged_one_is_named():
    for part in fit():
        again = plain.from_plain(json.loads(json.dumps(plain.to_plain(part), sort_keys=True)))
        np.testing.assert_equal(again, part)
    deep = plain.to_plain(fit()[1])
    for change, message in (
        ({"missing": "drop"}, "missing is 'drop'"),
        ({"medians": {"age": 1.0}}, "expected one for each of"),
        ({"medians": {"age": None, "size": 1.0}}, "'age': the median is None"),
        ({"indicators": ["city"]}, "'city' has an indicator"),
    ):
        with pytest.raises(ValueError, match=message):
            plain.from_plain({**deep, **change})
    with pytest.raises(ValueError, match="no 'medians'"):
        plain.from_plain({key: value for key, value in deep.items() if key != "medians"})


def test_a_new_day_may_bring_the_first_gap_and_take_a_value_away():
    wide = wdl.fit_wide(pd.DataFrame({"city": ["Rome"]}), ["city"], missing="value")
    grown = lifecycle.grow(wide, pd.DataFrame({"city": ["Rome", None]}), min_count=1)
    assert grown["vocabulary"] == {"city=Rome": 1, "city is missing": 2}
    smaller, _ = lifecycle.expire(grown, pd.DataFrame({"city": [None]}))
    assert smaller["vocabulary"] == {"city is missing": 1}


# ------------------------------------------------------------------- frame, files and graph on random data

TEXTS = st.none() | st.sampled_from(["x", "y", "", "missing", " is missing", "x & y", " & ", " &", "é"])
LISTS = st.none() | st.lists(st.none() | st.sampled_from(["p", "q", "p & q", " & ", ""]), max_size=4)
NUMBERS = st.none() | st.sampled_from([-1.5, 0.0, 0.1, 2.0, 1e9])
WHOLE = st.none() | st.sampled_from([-3, 0, 7, 2**53 + 1])
FLAGS = st.none() | st.booleans()


@st.composite
def frames(draw, names):
    n = draw(st.integers(1, 6))
    frame = {}
    for name, cell in zip(names, (TEXTS, LISTS, NUMBERS, WHOLE, FLAGS), strict=True):
        cells = draw(st.lists(cell, min_size=n, max_size=n))
        if cell is NUMBERS and set(cells) == {None}:
            cells[0] = 0.5
        frame[name] = pd.Series(cells, dtype="float64" if cell is NUMBERS else object)
    return pd.DataFrame(frame)


def settings_of(names, hash_buckets, longest):
    text, tags, number, whole, flag = names
    crosses = [text, tags, whole, flag, number, (text, tags, number), (whole, flag)]
    wide = {"features": crosses, "buckets": {number: 3}, "hash_buckets": hash_buckets, "longest": longest}
    deep = {"categories": [flag, text, tags, whole], "numbers": [number], "n_quantiles": 3, "longest": longest}
    return {**wide, "missing": "value"}, {**deep, "missing": "value"}


@FEW
@given(st.data(), column_names(5), st.none() | st.just(9), st.none() | st.integers(1, 2))
def test_the_graph_computes_what_pandas_computes(data, names, hash_buckets, longest):
    train, new = data.draw(frames(names)), data.draw(frames(names))
    wide_settings, deep_settings = settings_of(names, hash_buckets, longest)
    wide, deep = wdl.fit_wide(train, **wide_settings), wdl.fit_deep(train, **deep_settings)
    kinds = dict(zip(names, ("text", "list", "number", "text", "text")))
    raw = raw_columns.raw_tensors(new, kinds, graph.gap_of(wide, deep))
    found = graph.graph_inputs(wide, deep)(raw)
    for name, expected in wdl.joint_inputs(new, wide, deep).items():
        if name == "wide_ids":  # the graph fills up in other places
            known = [[[i for i in row if i] for row in np.asarray(ids).tolist()] for ids in (found[name], expected)]
            assert known[0] == known[1]
        else:
            np.testing.assert_array_equal(found[name], expected)


@FEW
@given(
    st.data(),
    column_names(6),
    st.integers(1, 3),
    st.none() | st.just(9),
    st.none() | st.integers(1, 2),
    st.sampled_from([pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())]),
    st.sampled_from([pa.float64(), pa.float32()]),
)
def test_files_give_the_features_and_inputs_of_their_frame(
    data, names, n_files, hash_buckets, longest, text_type, number_type
):
    *names, label = names
    frame = data.draw(frames(names))
    text, tags, number, whole, flag = names
    if number_type == pa.float32():
        frame[number] = frame[number].astype("float32").astype("float64")
    wide, deep = settings_of(names, hash_buckets, longest)
    edges = np.linspace(0, len(frame), min(n_files, len(frame)) + 1).astype(int)
    types = {text: text_type, tags: pa.list_(pa.string()), number: number_type, whole: pa.int64(), flag: pa.bool_()}
    with tempfile.TemporaryDirectory() as folder:
        for first, last in itertools.pairwise(edges):
            cells = {name: frame[name].astype(object)[first:last] for name in names}
            table = {name: pa.array(cells[name], types[name], from_pandas=name != number) for name in names}
            table[label] = pa.array([0] * (last - first))
            pq.write_table(pa.table(table), f"{folder}/{first}.parquet", row_group_size=2)
        fitted = shards.fit_shards(folder, wide, deep)
        expected = wdl.fit_wide(frame, **wide), wdl.fit_deep(frame, **deep)
        np.testing.assert_equal(fitted, expected)
        for part, wanted in zip(fitted, expected):
            assert list(part["vocabulary"] or {}) == list(wanted["vocabulary"] or {})
        ((inputs, _),) = shards.stream(folder, *fitted, label, (0, 1), len(frame))
    for name, array in wdl.joint_inputs(frame, *fitted).items():
        np.testing.assert_array_equal(inputs[name], array)


def write(folder, name="a", **cells):
    pq.write_table(pa.table(cells), folder / f"{name}.parquet")
    return folder


def test_gaps_of_all_types_of_a_file_are_gaps(tmp_path):
    nan = pa.array([1.0, float("nan"), None])
    folder = write(
        tmp_path, f=nan, d=pa.array([1, None, 2]).cast(pa.decimal128(20, 1)), none=pa.nulls(3),
        lists=pa.array([[1.0, float("nan")], None, [None]]),
    )  # fmt: skip
    wide, deep = shards.fit_shards(
        folder,
        {"features": ["f", "d", "none", "lists"], "missing": "value"},
        {"categories": [], "numbers": ["f"], "missing": "value"},
    )
    assert set(wide["vocabulary"]) == {
        "f=1", "f is missing", "d=1", "d=2", "d is missing", "none is missing", "lists=1", "lists is missing",
    }  # fmt: skip
    assert (deep["medians"], deep["indicators"]) == ({"f": 1.0}, ["f"])


def test_in_files_too_what_is_no_gap_and_no_value_stays_an_error(tmp_path):
    value = {"features": ["a"], "missing": "value"}
    numbers = {"categories": [], "numbers": ["n"], "missing": "value"}
    write(tmp_path, a=["x"], n=[1.0])  # which is what settings are tried on
    for cells, message in (
        ({"a": ["x"], "n": [np.inf]}, "b.parquet: Column 'n' has infinite values, in 1 rows"),
        ({"a": [0.5], "n": [1.0]}, "b.parquet: Column 'a' holds floats that are no whole"),
        ({"a": [float(2**53)], "n": [1.0]}, "b.parquet: Column 'a' holds floats that are no whole"),
    ):
        with pytest.raises((TypeError, ValueError), match=message):
            shards.fit_shards(write(tmp_path, "b", **cells), value, numbers)
    write(tmp_path, "b", a=pa.array(["x", None]), n=[1.0, 2.0])
    with pytest.raises(ValueError, match="b.parquet: Column 'a' has missing values"):  # the deep part takes it too
        shards.fit_shards(tmp_path, value, {"categories": ["a"], "numbers": ["n"]})
    wide, deep = shards.fit_shards(tmp_path, value, {"categories": [], "numbers": ["n"]})
    assert "a is missing" in wide["vocabulary"] and "missing" not in deep


def test_numbers_may_begin_in_a_later_file_but_must_begin_somewhere(tmp_path):
    numbers = {"categories": [], "numbers": ["n"], "missing": "value"}
    write(tmp_path, a=["x"], n=pa.array([None], pa.float64()))
    with pytest.raises(ValueError, match="Column 'n' has no number"):
        shards.fit_shards(tmp_path, {"features": ["a"]}, numbers)
    _, deep = shards.fit_shards(write(tmp_path, "b", a=["x"], n=[4.0]), {"features": ["a"]}, numbers)
    assert (deep["medians"], deep["indicators"]) == ({"n": 4.0}, ["n"])


def test_a_label_has_no_gaps(tmp_path):
    wide = wdl.fit_wide(pd.DataFrame({"a": ["x", None]}), ["a"], missing="value")
    folder = write(tmp_path, a=pa.array(["x", None]), y=pa.array([0, None]))
    with pytest.raises(tf.errors.InvalidArgumentError, match="'y' has missing values"):
        list(shards.stream(folder, wide, None, "y", (0, 1), 2))


# ------------------------------------------------------------------------------------- export and server


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """The parts, a model with random weights, and its export, which takes 'city' and 'age' once a request."""
    wide, deep = fit()
    model = wdl.wide_deep_model(wide, deep, 4, (8,), dropout=0.0)
    random = np.random.default_rng(0)
    for weight in model.trainable_variables:
        weight.assign(random.normal(0, 1, weight.shape))
    folder = tmp_path_factory.mktemp("gaps") / "1"
    serving.export(model, wide, deep, FRAME, folder, context=["city", "age"])
    return wide, deep, model, folder


def test_the_export_scores_gaps_as_the_model_does(exported):
    wide, deep, model, folder = exported
    expected = wdl.predict(model, wdl.joint_inputs(FRAME, wide, deep))
    assert len(set(expected.round(6))) == len(FRAME)
    np.testing.assert_allclose(serving.scorer(folder)(FRAME), expected, atol=1e-6)
    request = {column: FRAME[column].tolist() for column in FRAME}
    np.testing.assert_allclose(serving.scorer(folder)(request), expected, atol=1e-6)
    context = {"city": None, "age": None}
    rows = FRAME.assign(city=pd.Series([None] * 4, dtype=object), age=np.nan)
    in_context = wdl.predict(model, wdl.joint_inputs(rows, wide, deep))
    found = serving.scorer(folder)(rows[["tags", "size"]], context)
    np.testing.assert_allclose(found, in_context, atol=1e-6)


def test_an_example_that_leaves_features_out_has_gaps_there(exported):
    wide, deep, model, folder = exported
    gaps = pd.DataFrame({"city": [None], "tags": [[]], "age": [np.nan], "size": [np.nan]})
    signature = tf.saved_model.load(str(folder)).signatures["serving_default"]
    found = signature(tf.constant([tf.train.Example().SerializeToString()]))["probability"]
    np.testing.assert_allclose(found, wdl.predict(model, wdl.joint_inputs(gaps, wide, deep)), atol=1e-6)


def test_null_is_a_gap_to_the_server(exported):
    wide, deep, model, folder = exported
    version = server.read_version("1", folder)
    rows = FRAME.assign(tags=[["p", None], [None], [], ["q"]])  # the protocol has no null in place of a list
    body = json.dumps({"inputs": client.to_inputs(rows)}).encode()
    assert b"null" in body
    answer = server.score_request(version, "model", body, server.Limits())
    expected = wdl.predict(model, wdl.joint_inputs(rows, wide, deep))
    np.testing.assert_allclose(answer["outputs"][0]["data"], expected, atol=1e-6)


def test_an_export_of_an_earlier_version_takes_a_gap_for_the_empty_text(tmp_path, monkeypatch):
    """Such an export has no variable 'gap'."""
    frame = pd.DataFrame({"city": ["Rome", ""]})
    wide = wdl.fit_wide(frame, ["city"])
    model = wdl.wide_model(wide)
    model.get_layer("wide_weights").table.assign([[0.0], [1.0], [2.0]])
    with monkeypatch.context() as patch:
        patch.setattr(serving.tf, "Variable", lambda *arguments, **settings: None)
        serving.export(model, wide, None, frame, tmp_path / "old")
    assert not hasattr(tf.saved_model.load(str(tmp_path / "old")), "gap")
    assert serving.load_export(tmp_path / "old").gap == b""
    score = serving.scorer(tmp_path / "old")
    assert score({"city": [None]}) == score({"city": [""]}) != score({"city": ["new"]})


def test_parts_that_differ_in_what_a_gap_is_are_not_exported():
    wide, _ = fit()
    with pytest.raises(ValueError, match="fit both with the same missing="):
        graph.graph_inputs(wide, wdl.fit_deep(FRAME, [], ["size"]))

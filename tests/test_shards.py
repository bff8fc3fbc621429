import csv
import datetime
import decimal
import gc
import itertools
import json
import pathlib
import subprocess
import sys
import tempfile

import wdl_helpers as wdl  # before TensorFlow: it sets how TensorFlow computes
from benchmarks import distributed
from recommender import parquet, shards, sql
from recommender.datasets import adult, visits

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from laws import FEW, TEXT_VALUES, column_names, typed_columns

ROOT = pathlib.Path(__file__).resolve().parent.parent

# ------------------------------------------------------------------------------------------------- counting

BASE = ["workclass", "education", "age", "capital-gain"]
WIDE_SETTINGS = {"features": [*BASE, ("education", "age"), ("workclass", "education", "age")], "buckets": {"age": 6}}
CLASSES = "<=50K", ">50K"
DEEP_SETTINGS = {"categories": ["education", "capital-gain"], "numbers": ["age", "capital-gain"]}


def cut(frame, folder, kind, n):
    """The frame's rows in n files of a kind, 'csv' or 'parquet'."""
    edges = np.linspace(0, len(frame), n + 1).astype(int)
    for i, (start, end) in enumerate(itertools.pairwise(edges)):
        path, part = folder / f"part_{i}.{kind}", frame[start:end]
        part.to_csv(path, index=False) if kind == "csv" else part.to_parquet(path, index=False)
    return sorted(folder.glob(f"*.{kind}"))


def assert_same_features(found, expected):
    np.testing.assert_equal(found, expected)
    for part, wanted in zip(found, expected):
        assert list(part["vocabulary"] or {}) == list(wanted["vocabulary"] or {})


@pytest.fixture(scope="module")
def adult_shards(tmp_path_factory):
    """Adult's first 3,000 rows in three CSV files, and in one frame."""
    frame = adult.load_adult()[0][:3000]
    return cut(frame, tmp_path_factory.mktemp("shards"), "csv", 3), frame


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_features_of_all_rows_of_adult_are_those_of_the_frame(tmp_path, kind):
    frame = adult.load_adult()[0]
    cut(frame, tmp_path, kind, 3)
    wide_settings = {**WIDE_SETTINGS, "min_count": 2}
    found = shards.fit_shards(tmp_path, wide_settings, DEEP_SETTINGS)
    assert_same_features(found, (wdl.fit_wide(frame, **wide_settings), wdl.fit_deep(frame, **DEEP_SETTINGS)))


def test_features_of_a_log_with_lists_are_those_of_the_frame(tmp_path):
    train, _, areas = visits.load_visits()
    rows = visits.visit_rows(train[:3000], areas, negatives=1)
    cut(rows, tmp_path, "parquet", 2)
    wide = {"features": ["area", "visited", ("visited", "area"), ("visited", "words"), ("visited", "words", "area")]}
    deep = {"categories": ["visited", "area", "words"], "numbers": [], "min_count": 3}
    found = shards.fit_shards(tmp_path, wide, deep)
    assert_same_features(found, (wdl.fit_wide(rows, **wide), wdl.fit_deep(rows, **deep)))


LISTS = st.lists(st.sampled_from(TEXT_VALUES), max_size=4)
QUARTERS = st.integers(-400, 400).map(lambda n: n / 4)  # the same number in each of the types below
NUMBER_TYPES = [
    lambda values: pa.array(values, pa.float64()),
    lambda values: pa.array(values, pa.float32()),
    lambda values: pa.array([decimal.Decimal(value) for value in values], pa.decimal128(10, 2)),
    lambda values: pa.array(values).cast(pa.decimal128(30, 9)),
]
WHOLE_NUMBER_TYPES = [
    *NUMBER_TYPES,
    *(lambda v, kind=kind: pa.array(v).cast(kind) for kind in (pa.int16(), pa.int64())),
]
LIST_TYPES = [pa.list_(pa.string()), pa.large_list(pa.string()), pa.list_(pa.large_string())]
LABEL_TYPES = [
    *(
        lambda whole, kind=kind: whole.cast(kind)
        for kind in (pa.int8(), pa.int64(), pa.float64(), pa.decimal128(20, 1))
    ),
    lambda whole: whole.cast(pa.string()),
    lambda whole: whole.cast(pa.string()).dictionary_encode(),
]


def split(n_rows, n_files):
    edges = np.linspace(0, n_rows, min(n_files, n_rows) + 1).astype(int)
    return [slice(first, last) for first, last in itertools.pairwise(edges)]


@given(
    st.data(),
    column_names(5),
    typed_columns(),
    st.integers(1, 3),
    st.none() | st.just(7),
    st.none() | st.integers(1, 2),
)
@FEW
def test_files_of_any_names_and_types_give_the_features_of_their_frame(
    data, names, column, n_files, hash_buckets, longest
):
    text, tags, number, whole, label = names
    texts, *typed = column
    n_rows = len(texts)
    frame = pd.DataFrame({text: texts}, dtype=object)
    frame[tags] = data.draw(st.lists(LISTS, min_size=n_rows, max_size=n_rows))
    frame[number] = data.draw(st.lists(QUARTERS, min_size=n_rows, max_size=n_rows))
    frame[whole] = data.draw(st.lists(st.integers(-9, 9), min_size=n_rows, max_size=n_rows))
    frame[label] = data.draw(st.lists(st.integers(0, 1), min_size=n_rows, max_size=n_rows))
    settings = {"hash_buckets": hash_buckets, "longest": longest}
    crosses = [text, tags, (tags, text, number), (text, whole)]
    wide = {"features": crosses, "buckets": {number: 3}, **settings}
    deep = {"categories": [tags, whole, text], "numbers": [number, whole], "min_count": 2, "longest": longest}
    with tempfile.TemporaryDirectory() as folder:
        for i, rows in enumerate(split(n_rows, n_files)):
            part = frame[rows]
            columns = {
                "not used": pa.array(range(len(part))),
                label: data.draw(st.sampled_from(LABEL_TYPES))(pa.array(part[label], pa.int8())),
                whole: data.draw(st.sampled_from(WHOLE_NUMBER_TYPES))(part[whole].astype(float).tolist()),
                tags: pa.array(part[tags]).cast(data.draw(st.sampled_from(LIST_TYPES))),
                text: pa.array(data.draw(st.sampled_from(typed))[rows]),
                number: data.draw(st.sampled_from(NUMBER_TYPES))(part[number].tolist()),
            }
            order = data.draw(st.permutations(list(columns)))
            table = pa.table([columns[name] for name in order], order)
            pq.write_table(table, f"{folder}/{i}.parquet", row_group_size=2)
        fitted = shards.fit_shards(folder, wide, deep)
        assert_same_features(fitted, (wdl.fit_wide(frame, **wide), wdl.fit_deep(frame, **deep)))
        ((inputs, labels),) = shards.stream(folder, *fitted, label, (0, 1), n_rows)
    for name, array in wdl.joint_inputs(frame, *fitted).items():
        np.testing.assert_array_equal(inputs[name], array)
    np.testing.assert_array_equal(labels, frame[label])


@given(st.data(), column_names(4), st.integers(1, 8), st.integers(1, 3))
@FEW
def test_csv_files_give_the_features_of_the_frame_that_was_written(data, names, n_rows, n_files):
    text, other, number, label = names
    cells = st.sampled_from(TEXT_VALUES) | st.text(st.characters(codec="utf-8"), max_size=4)
    frame = pd.DataFrame({name: data.draw(st.lists(cells, min_size=n_rows, max_size=n_rows)) for name in (text, other)})
    # TensorFlow takes subnormal numbers, below 2.2e-308, for 0 in its threads: see the known limits. A boundary lies
    # between two numbers, so they are kept far above.
    numbers = QUARTERS | st.floats(-100, 100).map(lambda value: value if abs(value) > 1e-300 else 0.0)
    frame[number] = data.draw(st.lists(numbers, min_size=n_rows, max_size=n_rows))
    frame[label] = data.draw(st.lists(st.sampled_from(["a", "0"]), min_size=n_rows, max_size=n_rows))
    wide = {"features": [text, (other, text), (text, number)], "buckets": {number: 3}}
    deep = {"categories": [other, text], "numbers": [number]}
    # pandas leaves a lone \r without quotes, where it ends a line.
    has_return = any("\r" in value for value in [*names, *frame[text], *frame[other]])
    quoting = csv.QUOTE_ALL if has_return else data.draw(st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]))
    with tempfile.TemporaryDirectory() as folder:
        for i, rows in enumerate(split(n_rows, n_files)):
            order = data.draw(st.permutations(names))
            ending = data.draw(st.sampled_from(["\n", "\r\n"]))
            encoding = data.draw(st.sampled_from(["utf-8", "utf-8-sig"]))
            index = "" not in names and data.draw(st.booleans())
            path = f"{folder}/{i}.csv"
            frame[rows][order].to_csv(path, index=index, lineterminator=ending, encoding=encoding, quoting=quoting)
        fitted = shards.fit_shards(folder, wide, deep)
        assert_same_features(fitted, (wdl.fit_wide(frame, **wide), wdl.fit_deep(frame, **deep)))
        ((inputs, labels),) = shards.stream(folder, *fitted, label, ("a", 0), n_rows)
    for name, array in wdl.joint_inputs(frame, *fitted).items():
        np.testing.assert_array_equal(inputs[name], array)
    np.testing.assert_array_equal(labels, frame[label] == "0")


@given(st.lists(st.sampled_from([-3.0, 0.0, 0.1, 0.7, 2.0, 1e6]) | st.floats(-1e3, 1e3), min_size=1), st.integers(2, 9))
def test_quantiles_of_counted_values_are_those_of_the_values(values, n_quantiles):
    values = np.array(values) + 0.0  # −0 is counted with 0
    different, counts = np.unique(values, return_counts=True)
    shuffled_rows = pd.DataFrame({"v": different, "n": counts}).sample(frac=1, random_state=0)
    expected = wdl.quantile_boundaries(pd.DataFrame({"v": values}), "v", n_quantiles)
    np.testing.assert_array_equal(shards.counted_quantiles(shuffled_rows, n_quantiles), expected)


def test_a_boundary_that_falls_on_a_value_is_that_value():
    prices = pd.DataFrame({"price": np.round(np.arange(5261) / 100 + 29, 2), "n": 1})
    found = shards.counted_quantiles(prices, 20)
    np.testing.assert_array_equal(found, wdl.quantile_boundaries(prices, "price", 20))
    assert found[10] == 57.93


def bad_file(tmp_path, frame, name="bad.parquet"):
    path = tmp_path / name
    frame.to_csv(path, index=False) if name.endswith(".csv") else frame.to_parquet(path, index=False)
    return path


GOOD = {"a": ["x", "y"], "n": [1, 2], "tags": [["p"], []]}
BAD_CELLS = [
    ({"a": ["x", None]}, ValueError, "bad.parquet: Column 'a' has missing values.*in 1 rows"),
    ({"a": [0.5, 1.0]}, TypeError, "bad.parquet: Column 'a' holds floats that are no whole numbers.*in 1 rows"),
    ({"a": [2.0**53, 1.0]}, TypeError, "bad.parquet: Column 'a' holds floats that are no whole.*in 1 rows"),
    ({"a": pd.array([2.0**24, 1.0], "float32")}, TypeError, "bad.parquet: Column 'a' holds floats.* below 16777216:"),
    ({"a": [float("inf"), 1.0]}, TypeError, "bad.parquet: Column 'a' holds floats that are no whole.*in 1 rows"),
    ({"a": [float("nan"), 1.0]}, ValueError, "bad.parquet: Column 'a' has missing values.*in 1 rows"),
    ({"a": [decimal.Decimal("0.5")] * 2}, TypeError, "bad.parquet: Column 'a' holds decimals.*in 2 rows"),
    ({"a": [datetime.date(2026, 1, 1)] * 2}, TypeError, "bad.parquet: Column 'a' has the type date32"),
    ({"a": [b"x", b"y"]}, TypeError, "bad.parquet: Column 'a' has the type binary"),
    (
        {"a": [["x"], []]},
        TypeError,
        r"bad.parquet: Column 'a' has the type list.*and (large_)?string in .*good.parquet",
    ),
    ({"tags": [["p", None], []]}, ValueError, "bad.parquet: Column 'tags' has missing values"),
    ({"tags": [None, ["p"]]}, ValueError, "bad.parquet: Column 'tags' has missing values"),
    ({"tags": [[0.5], []]}, TypeError, "bad.parquet: Column 'tags' holds floats that are no whole.*in 1 rows"),
    ({"tags": [[float("nan")], []]}, ValueError, "bad.parquet: Column 'tags' has missing values.*in 1 rows"),
    ({"tags": [[["p"]], []]}, TypeError, "bad.parquet: Column 'tags' has the type list.*expected strings"),
    ({"n": [1.0, float("nan")]}, ValueError, "bad.parquet: Column 'n' has missing or infinite values, in 1 rows"),
    ({"n": [1.0, float("inf")]}, ValueError, "bad.parquet: Column 'n' has missing or infinite values"),
    ({"n": ["1", "2"]}, TypeError, "bad.parquet: Column 'n' has the type .*string; expected numbers"),
    ({"n": [True, False]}, TypeError, "bad.parquet: Column 'n' has the type bool; expected numbers"),
    ({"n": pd.Categorical(["1", "2"])}, TypeError, "bad.parquet: Column 'n' has the type dict.*; expected numbers"),
    ({"n": [[1], [2]]}, TypeError, "bad.parquet: Column 'n' has the type list.*; expected numbers"),
    ({"n": None}, KeyError, "bad.parquet has no column 'n'; it has .*'a', 'tags'"),
]


@pytest.mark.parametrize("change, error, message", BAD_CELLS, ids=[message for *_, message in BAD_CELLS])
def test_a_cell_that_no_frame_may_hold_is_refused_with_its_file(tmp_path, change, error, message):
    good = bad_file(tmp_path, pd.DataFrame(GOOD), "good.parquet")
    bad = bad_file(tmp_path, pd.DataFrame({**GOOD, **change}).drop(columns=[c for c, v in change.items() if v is None]))
    wide, deep = {"features": ["a", ("a", "tags")]}, {"categories": ["tags"], "numbers": ["n"]}
    assert shards.fit_shards(good, wide, deep)[0]["n_ids"] == 4
    with pytest.raises(error, match=message):
        shards.fit_shards([good, bad], wide, deep)


def test_a_bad_csv_file_is_named(adult_shards, tmp_path):
    (first, *_), frame = adult_shards
    bad = bad_file(tmp_path, frame[:9].assign(age=["?", *range(8)]), "bad.csv")
    with pytest.raises(TypeError, match="bad.csv: Column 'age' holds '\\?'; expected numbers"):
        shards.fit_shards([first, bad], WIDE_SETTINGS, DEEP_SETTINGS)
    bad_file(tmp_path, frame[:9].assign(age=[None, *range(8)]), "bad.csv")
    with pytest.raises(ValueError, match="bad.csv: Column 'age' has missing or infinite values, in 1 rows"):
        shards.fit_shards([first, bad], WIDE_SETTINGS, DEEP_SETTINGS)
    bad_file(tmp_path, frame[:9].drop(columns="age"), "bad.csv")
    with pytest.raises(KeyError, match="bad.csv has no column 'age'"):
        shards.fit_shards([first, bad], WIDE_SETTINGS, DEEP_SETTINGS)
    text = first.read_bytes()
    for damage in (text.replace(b"Bachelors", b"\xff"), text + b"39,State-gov\n", text + b'39,"State-gov\n'):
        bad.write_bytes(damage)
        with pytest.raises(ValueError, match="bad.csv: "):
            shards.fit_shards([first, bad], WIDE_SETTINGS, DEEP_SETTINGS)
    bad.write_bytes(b"")
    for paths in (bad, [first, bad]):
        with pytest.raises(ValueError, match="bad.csv is empty"):
            shards.fit_shards(paths, WIDE_SETTINGS, DEEP_SETTINGS)


def test_a_csv_file_becomes_small_row_groups_in_its_order(tmp_path):
    frame = pd.DataFrame({"row": np.arange(50_000), "a": ["x", "y"] * 25_000})
    path = bad_file(tmp_path, frame, "many.csv")
    parquet.to_parquet(path, tmp_path / "many.parquet", ["row", "a"], {"row"})
    metadata = pq.read_metadata(tmp_path / "many.parquet")
    sizes = [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]
    assert len(sizes) >= 4 and max(sizes) < 1.5 * parquet.GROUP_ROWS, sizes
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "many.parquet"), frame, check_dtype=False)


def test_files_that_are_not_there_or_of_another_kind_are_refused(adult_shards, tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere.csv does not exist"):
        shards.fit_shards([adult_shards[0][0], tmp_path / "nowhere.csv"], WIDE_SETTINGS, DEEP_SETTINGS)
    with pytest.raises(FileNotFoundError, match="The folder .* holds no file"):
        parquet.shard_files(tmp_path)
    with pytest.raises(ValueError, match="paths is empty"):
        parquet.shard_files([])
    (tmp_path / "rows.json").write_text("{}")
    with pytest.raises(ValueError, match="rows.json ends in '.json'; expected .csv or .parquet"):
        parquet.shard_files(str(tmp_path / "rows.json"))
    empty = bad_file(tmp_path, adult_shards[1][:0])
    with pytest.raises(ValueError, match="bad.parquet: The frame is empty"):
        shards.fit_shards(empty, WIDE_SETTINGS, DEEP_SETTINGS)


def test_a_file_without_rows_adds_nothing(tmp_path):
    full = bad_file(tmp_path, pd.DataFrame(GOOD), "full.parquet")
    empty = bad_file(tmp_path, pd.DataFrame(GOOD).head(0).astype({"n": str}), "none.parquet")  # its lists have no type
    wide, deep = {"features": ["a", "tags"]}, {"categories": [], "numbers": ["n"]}
    assert_same_features(shards.fit_shards([full, empty], wide, deep), shards.fit_shards(full, wide, deep))


def test_a_small_memory_limit_spills_to_the_folder_and_changes_nothing(tmp_path):
    values = np.random.default_rng(0).integers(0, 10**9, 2_000_000)
    path = bad_file(tmp_path, pd.DataFrame({"a": values, "b": values % 7}), "many.parquet")
    wide, deep = {"features": ["a", ("a", "b")], "min_count": 2}, {"categories": ["b"], "numbers": []}
    expected = shards.fit_shards(path, wide, deep, memory_limit="4GB")
    found = shards.fit_shards(path, wide, deep, memory_limit="100MB", folder=tmp_path / "spill")
    assert_same_features(found, expected)
    assert found[0]["n_ids"] > 3000 and not list((tmp_path / "spill").iterdir())


BAD_SETTINGS = [
    ({"features": ["age", ("age",)]}, {}, ValueError, "part_0.csv: 'age' is listed more than once"),
    ({"features": ["agee"]}, {}, KeyError, "part_0.csv: .*'agee'"),
    ({"hash_buckets": 0}, {}, ValueError, "hash_buckets"),
    ({"hash_bucket": 9}, {}, TypeError, "argument 'hash_bucket'"),
    ({}, {"n_quantiles": 1}, ValueError, "n_quantiles"),
]


@pytest.mark.parametrize("wide, deep, error, message", BAD_SETTINGS, ids=[message for *_, message in BAD_SETTINGS])
def test_a_bad_setting_of_a_pass_is_refused_as_that_of_a_frame(adult_shards, wide, deep, error, message):
    with pytest.raises(error, match=message):
        shards.fit_shards(adult_shards[0], WIDE_SETTINGS | {"buckets": None} | wide, DEEP_SETTINGS | deep)


# ------------------------------------------------------------------------------------------------ streaming


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_streamed_batches_are_the_inputs_of_the_frame(tmp_path, kind):
    frame = adult.load_adult()[0][:3000]
    cut(frame, tmp_path, kind, 3)
    wide, deep = wdl.fit_wide(frame, **WIDE_SETTINGS), wdl.fit_deep(frame, **DEEP_SETTINGS)
    batches = list(shards.stream(tmp_path, wide, deep, "income", CLASSES, 512))
    assert [len(labels) for _, labels in batches] == [512] * 5 + [440]
    for name, array in wdl.joint_inputs(frame, wide, deep).items():
        np.testing.assert_array_equal(np.concatenate([inputs[name] for inputs, _ in batches]), array)
    np.testing.assert_array_equal(np.concatenate([labels for _, labels in batches]), frame["income"] == ">50K")


def test_streamed_lists_are_those_of_the_frame(tmp_path):
    frame = pd.DataFrame({"tags": [["a", "b", "a"], [], ["b"]] * 20, "ids": [[1], [2, 3], [3, 3]] * 20})
    frame["label"] = [0, 1, 1] * 20
    cut(frame, tmp_path, "parquet", 2)
    wide, deep = wdl.fit_wide(frame, ["tags", ("tags", "ids")]), wdl.fit_deep(frame, ["tags", "ids"], [])
    for parts in ((wide, deep), (wide, None), (None, deep)):
        ((found, labels),) = shards.stream(tmp_path, *parts, "label", (0, 1), 60)
        expected = wdl.joint_inputs(frame, wide, deep)
        assert len(found) == (1 if parts[1] is None else 2 if parts[0] is None else 3)
        for name, array in found.items():
            np.testing.assert_array_equal(array, expected[name])
        np.testing.assert_array_equal(labels, frame["label"])


@pytest.fixture(scope="module", params=["csv", "parquet"])
def numbered(request, tmp_path_factory):
    """A folder of 1,000 rows, in row groups of 50 where a file can have such; and the wide part, an id for each row."""
    folder = tmp_path_factory.mktemp("numbered")
    frame = pd.DataFrame({"row": np.arange(1000), "label": np.arange(1000) % 2})
    for i in range(5):
        part = frame[i * 200 : (i + 1) * 200]
        if request.param == "csv":
            part.to_csv(folder / f"{i}.csv", index=False)
        else:
            part.to_parquet(folder / f"{i}.parquet", index=False, row_group_size=50)
    return folder, wdl.fit_wide(frame, ["row"])


def order(numbered, **arguments):
    """The numbers of the rows, batch by batch."""
    folder, wide = numbered
    arguments = {"batch_size": 64, "seed": 0, "buffer_rows": 300, **arguments}
    classes = (0, 1) if list(folder.glob("*.parquet")) else ("0", "1")
    row_of = np.array([-1, *(int(name.removeprefix("row=")) for name in wide["vocabulary"])])
    dataset = shards.stream(folder, wide, None, "label", classes, **arguments)
    batches = [(row_of[inputs["wide_ids"].numpy().ravel()], labels.numpy()) for inputs, labels in dataset]
    assert len(batches) == len(dataset) and all((rows % 2 == labels).all() for rows, labels in batches)
    return [rows for rows, _ in batches]


def test_an_epoch_holds_each_row_once_in_an_order_of_its_own(numbered):
    first = np.concatenate(order(numbered))
    assert sorted(first) == list(range(1000)) and list(first) != sorted(first)
    assert list(first) == list(np.concatenate(order(numbered)))
    for other in ({"seed": 1}, {"epoch": 1}):
        changed = np.concatenate(order(numbered, **other))
        assert sorted(changed) == sorted(first) and list(changed) != list(first)


def test_rows_of_all_files_meet_in_the_buffer(numbered):
    of_file = np.concatenate(order(numbered, buffer_rows=1000)) // 200
    assert len(set(of_file[:64])) == 5
    small = np.concatenate(order(numbered, buffer_rows=50)) // 200
    next_epoch = np.concatenate(order(numbered, buffer_rows=50, epoch=1)) // 200
    assert list(next_epoch) != list(small), "in each epoch the row groups come in another order"
    assert (np.diff(small) != 0).sum() < 30, "a small buffer holds one row group, or one file"


@pytest.mark.parametrize("seed", [None, 5])
@pytest.mark.parametrize("start", [1, 5, 16])
def test_an_epoch_goes_on_where_it_was_left(numbered, start, seed):
    whole, rest = order(numbered, seed=seed), order(numbered, start=start, seed=seed)
    assert len(whole) == 16 and len(rest) == 16 - start
    for expected, found in zip(whole[start:], rest):
        np.testing.assert_array_equal(found, expected)


def test_what_is_done_is_not_read_again(tmp_path):
    good = bad_file(tmp_path, pd.DataFrame({"a": ["x"] * 64, "label": [0, 1] * 32}), "0.parquet")
    bad = bad_file(tmp_path, pd.DataFrame({"a": [None] * 64, "label": [0, 1] * 32}).astype({"a": str}), "1.parquet")
    wide = wdl.fit_wide(pd.DataFrame({"a": ["x"]}), ["a"])
    with pytest.raises(tf.errors.InvalidArgumentError, match="1.parquet: Column 'a' has missing values"):
        list(shards.stream([bad, good], wide, None, "label", (0, 1), 64))
    assert len(list(shards.stream([bad, good], wide, None, "label", (0, 1), 64, start=1, buffer_rows=64))) == 1


def test_workers_share_the_rows_and_none_comes_to_two(numbered):
    parts = [np.concatenate(order(numbered, worker=(i, 3))) for i in range(3)]
    assert sorted(np.concatenate(parts)) == list(range(1000)) and min(map(len, parts)) >= 200
    with pytest.raises(ValueError, match="Worker 99 of 100 gets no row group"):
        order(numbered, worker=(99, 100))
    for worker in ((3, 3), (-1, 3), (0, 0), (0.5, 3), (True, 3)):
        with pytest.raises(ValueError, match="worker"):
            order(numbered, worker=worker)


def test_workers_with_unequal_shares_can_make_the_same_steps(numbered):
    folder, wide = numbered
    classes = (0, 1) if list(folder.glob("*.parquet")) else ("0", "1")

    def share(i):
        return shards.stream(folder, wide, None, "label", classes, 64, seed=0, worker=(i, 3))

    lengths = [len(share(i)) for i in range(3)]
    assert len(set(lengths)) > 1
    for i in range(3):
        cut_off = share(i).take(min(lengths))  # a CSV file's copy must live as long as this
        assert len(cut_off) == sum(1 for _ in cut_off) == min(lengths)


def test_keras_trains_on_a_stream(adult_shards):
    paths, frame = adult_shards
    wide, deep = wdl.fit_wide(frame, **WIDE_SETTINGS), wdl.fit_deep(frame, **DEEP_SETTINGS)
    model = wdl.wide_deep_model(wide, deep)
    model.compile(wdl.joint_optimizer(wide=wdl.Ftrl(0.1), deep=wdl.Adam(0.002)), wdl.LogLoss(), jit_compile=False)
    losses = []
    for epoch in range(3):
        dataset = shards.stream(paths, wide, deep, "income", CLASSES, 64, seed=0, epoch=epoch)
        losses += model.fit(dataset, verbose=0, shuffle=False).history["loss"]
    assert losses[0] > losses[1] > losses[2]


def test_a_stream_of_bad_files_or_settings_is_refused(adult_shards, tmp_path):
    paths, frame = adult_shards
    wide, deep = wdl.fit_wide(frame, **WIDE_SETTINGS), wdl.fit_deep(frame, **DEEP_SETTINGS)
    with pytest.raises(KeyError, match="part_0.csv has no column 'label'"):
        shards.stream(paths, wide, deep, "label", CLASSES, 10)
    with pytest.raises(ValueError, match="batch_size is 0"):
        shards.stream(paths, wide, deep, "income", CLASSES, 0)
    for change, message in (({"income": "maybe"}, "'income' has the label 'maybe'"), ({"age": ""}, "'age' has")):
        bad = bad_file(tmp_path, frame[:9].assign(**change), "bad.csv")
        with pytest.raises((tf.errors.InvalidArgumentError, TypeError), match=message):
            list(shards.stream([bad], wide, deep, "income", CLASSES, 10))


# ------------------------------------------------------------------------------------------- files as they come


def fitted_city(paths, **settings):
    """The vocabulary of the column 'city' alone."""
    wide, _ = shards.fit_shards(paths, {"features": ["city"], **settings}, {"categories": ["city"], "numbers": []})
    return wide["vocabulary"]


def write(path, **columns):
    path.parent.mkdir(exist_ok=True)
    pq.write_table(pa.table(columns), path)
    return path


def test_columns_whose_names_differ_in_case_alone_stay_apart(tmp_path):
    frame = pd.DataFrame({"App": ["X", "Y", "X"], "app": ["p", "p", "q"], "NUM": [1, 2, 3], "num": [7, 8, 9]})
    wide = {"features": ["app", ("App", "app"), ("app", "num"), "NUM"], "buckets": {"num": 2, "NUM": 2}}
    deep = {"categories": ["App"], "numbers": ["NUM", "num"], "n_quantiles": 3}
    expected = wdl.fit_wide(frame, **wide), wdl.fit_deep(frame, **deep)
    for name in ("case.parquet", "case.csv"):
        path = bad_file(tmp_path, frame, name)
        assert_same_features(shards.fit_shards(path, wide, deep), expected)
        ((inputs, _),) = shards.stream(path, *expected, "app", ("p", "q"), 3)
        for key, array in wdl.joint_inputs(frame, *expected).items():
            np.testing.assert_array_equal(inputs[key], array)
    parquet.to_parquet(tmp_path / "case.csv", tmp_path / "both.parquet", ["NUM", "num"], {"num"})
    assert pq.read_table(tmp_path / "both.parquet").to_pydict() == {"NUM": ["1", "2", "3"], "num": [7, 8, 9]}


@pytest.mark.parametrize("name", ["part*.parquet", "part[12].parquet", "part?.parquet", "it's [0-9]*.csv"])
def test_a_file_whose_name_looks_like_a_pattern_is_that_file_alone(tmp_path, name):
    for other in ("part1.parquet", "part2.parquet", "parts.parquet"):
        write(tmp_path / other, city=["wrong"])
    path = bad_file(tmp_path, pd.DataFrame({"city": ["right"]}), name)
    assert fitted_city(path) == {"city=right": 1}
    assert fitted_city([tmp_path / "part1.parquet", path]) == {"city=right": 1, "city=wrong": 2}


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_folder_that_looks_like_a_partition_is_only_a_folder(tmp_path, ending):
    folder = tmp_path / "city=Rome"
    folder.mkdir()
    frame = pd.DataFrame({"city": ["01", "02"], "label": ["0", "1"]})
    path = bad_file(folder, frame, f"a.{ending}")
    assert fitted_city(path) == {"city=01": 1, "city=02": 2}
    ((inputs, labels),) = shards.stream(path, wdl.fit_wide(frame, ["city"]), None, "label", ("0", "1"), 2)
    assert inputs["wide_ids"].numpy().tolist() == [[1], [2]] and labels.numpy().tolist() == [0, 1]


def test_endings_in_capitals_are_found_and_what_is_left_out_is_named(tmp_path):
    bad_file(tmp_path, pd.DataFrame({"city": ["a"]}), "a.csv")
    (tmp_path / "B.CSV").write_text("city\nb\n")
    write(tmp_path / "C.Parquet", city=["c"])
    (tmp_path / "_SUCCESS").touch()
    (tmp_path / ".hidden").touch()
    assert [path.name for path in parquet.shard_files(tmp_path)] == ["B.CSV", "C.Parquet", "a.csv"]
    assert set(fitted_city(tmp_path)) == {"city=a", "city=b", "city=c"}
    write(tmp_path / "day2" / "d.parquet", city=["d"])
    write(tmp_path / "day3.parquet" / "e.parquet", city=["e"])
    (tmp_path / "f.csv.gz").touch()
    with pytest.warns(UserWarning, match=r"is read without day2, day3.parquet, f.csv.gz: only its own files"):
        assert len(parquet.shard_files(tmp_path)) == 3
    assert set(fitted_city([tmp_path / "day2", tmp_path / "day3.parquet"])) == {"city=d", "city=e"}


def test_a_damaged_file_is_named_wherever_it_stands(tmp_path):
    good = write(tmp_path / "good.parquet", city=["a"] * 1000)
    bad = tmp_path / "bad.parquet"
    whole = good.read_bytes()
    bad.write_bytes(whole[: len(whole) // 2])
    wide = wdl.fit_wide(pd.DataFrame({"city": ["a"]}), ["city"])
    for paths in ([good, bad], [bad, good]):
        with pytest.raises(ValueError, match="bad.parquet cannot be read"):
            fitted_city(paths)
        with pytest.raises(ValueError, match="bad.parquet cannot be read"):
            shards.stream(paths, wide, None, "city", ("a", "b"), 10)
    bad.write_bytes(whole[:4] + b"\xff" * 40 + whole[44:])  # its end is whole, its rows are not
    with pytest.raises(ValueError, match="bad.parquet cannot be read"):
        fitted_city([good, bad])
    with pytest.raises(tf.errors.InvalidArgumentError, match="bad.parquet cannot be read"):
        list(shards.stream([good, bad], wide, None, "city", ("a", "b"), 10))


CSV_FILES = {
    "a byte-order mark": b"\xef\xbb\xbfcity,n\nx,1\n",
    "the index of a frame": b",city,n\n0,x,1\n",
    "equal names that are not used": b"b,city,b,n,B\n1,x,2,1,3\n",
    "a comma at the end": b"city,n,\nx,1,\n",
    "blank lines": b"\ncity,n\n\nx,1\n\n",
    "no line end at the end": b"city,n\nx,1",
    "old line ends": b"city,n\rx,1\r",
    "a name of two lines": b'city,n,"a\nb"\nx,1,2\n',
    "blanks around a number": b"city,n\nx, 1 \n",
    "a plus": b"city,n\nx,+1\n",
    "quotes": b'"city","n"\n"x","1"\n',
}


@pytest.mark.parametrize("text", CSV_FILES.values(), ids=CSV_FILES)
def test_a_csv_file_of_any_make_is_read(tmp_path, text):
    path = tmp_path / "a.csv"
    path.write_bytes(text)
    wide, deep = shards.fit_shards(path, {"features": ["city"]}, {"categories": [], "numbers": ["n"], "n_quantiles": 2})
    assert wide["vocabulary"] == {"city=x": 1} and deep["boundaries"]["n"].tolist() == [1]


def test_mixed_line_ends_and_odd_texts_stay_as_they_are(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b'n,city\n1,007\r\n2, x\n3, "a"\r4,NA\n5,\n6,"x ""y"", z"\n7,"1\n2"\n8,"x & y"\n9,-0.0\n')
    found = fitted_city(path)
    assert {name.removeprefix("city=") for name in found} == {
        "007", " x", ' "a"', "NA", "", 'x "y", z', "1\n2", "x && y", "-0.0",
    }  # fmt: skip
    assert set(found) == set(wdl.fit_wide(wdl.read_table(path, ["n"]), ["city"])["vocabulary"])


BAD_CSV_FILES = [
    (b"city, n\nx,1\n", KeyError, r"a.csv: The frame has no column 'n'; it has \['city', ' n'\]"),
    (b"city,n,n\nx,1,2\n", ValueError, "a.csv has the column 'n' more than once"),
    (b"city,n\nx,1,\n", ValueError, "a.csv: .*Expected 2 columns, got 3"),
    (b"city,n\nx\n", ValueError, "a.csv: .*Expected 2 columns, got 1"),
    (b'city,n\nx,1\n"y,2\n', ValueError, "a.csv: a quotation mark is opened"),
    (b'city,n\nx,1\n"y"",2\n', ValueError, "a.csv: a quotation mark is opened"),
    (b'n,city\n1,x\n2,"y\n', ValueError, "a.csv: a quotation mark is opened"),
    (b"city,n\n\xff,1\n", ValueError, "a.csv: .*invalid UTF8"),
    (b"city,n\nx,1_0\n", TypeError, "a.csv: Column 'n' holds '1_0'; expected numbers"),
    (b"city,n\nx,\n", ValueError, "a.csv: Column 'n' has .*missing"),
    (b"city,n\n", ValueError, "a.csv: The frame is empty"),
    (b"\n\n", ValueError, "a.csv is empty"),
]


@pytest.mark.parametrize("text, error, message", BAD_CSV_FILES, ids=[message for *_, message in BAD_CSV_FILES])
def test_a_csv_file_that_has_no_one_reading_is_refused_by_name(tmp_path, text, error, message):
    path = tmp_path / "a.csv"
    path.write_bytes(text)
    with pytest.raises(error, match=message):
        shards.fit_shards(path, {"features": ["city"]}, {"categories": [], "numbers": ["n"]})


def test_an_open_quote_is_found_in_the_only_column(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b'city\nx\n"y\nz\n')
    with pytest.raises(ValueError, match="a.csv: a quotation mark is opened"):
        fitted_city(path)


def test_files_without_rows_and_a_header_that_is_none_are_named(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("city,bought\n")
    wide = wdl.fit_wide(pd.DataFrame({"city": ["Rome"]}), ["city"])
    with pytest.raises(ValueError, match=r"a\.csv.* holds no rows"):
        shards.stream(path, wide, None, "bought", (0, 1), 1)
    path.write_text(f"city,{'x' * 200_000}\n")
    with pytest.raises(ValueError, match=r"a\.csv: the header cannot be read: field larger"):
        parquet.csv_header(path)


def test_an_empty_line_is_a_cell_where_there_is_one_column(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"city\nx\n\n x\n")
    assert fitted_city(path) == {"city=": 1, "city= x": 2, "city=x": 3}
    assert fitted_city(path) == wdl.fit_wide(wdl.read_table(path), ["city"])["vocabulary"]


def test_a_csv_file_of_many_blocks_is_read_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "BLOCK_BYTES", 64)
    path = bad_file(tmp_path, pd.DataFrame({"city": [f"c{i % 7}" for i in range(500)], "n": range(500)}), "a.csv")
    parquet.to_parquet(path, tmp_path / "a.parquet", ["n", "city"], {"n"})
    assert pq.read_table(tmp_path / "a.parquet")["n"].to_pylist() == list(range(500))


def test_files_may_have_their_columns_in_different_orders(tmp_path):
    write(tmp_path / "a.parquet", city=["x"], City=["wrong"], label=[0])
    write(tmp_path / "b.parquet", City=["wrong"], city=["y"], label=[1])
    write(tmp_path / "c.parquet", label=[1], unused=[0], City=["wrong"], city=["y"])
    assert fitted_city(tmp_path) == {"city=y": 1, "city=x": 2}
    wide = wdl.fit_wide(pd.DataFrame({"city": ["x"]}), ["city"])
    ((inputs, labels),) = shards.stream(tmp_path, wide, None, "label", (0, 1), 3)
    assert inputs["wide_ids"].numpy().tolist() == [[1], [0], [0]] and labels.numpy().tolist() == [0, 1, 1]


def test_an_index_that_pandas_wrote_is_a_column_like_others(tmp_path):
    path = tmp_path / "a.parquet"
    pd.DataFrame({"n": [1, 2]}, index=pd.Index(["x", "y"], name="city")).to_parquet(path)
    assert fitted_city(path) == {"city=x": 1, "city=y": 2}
    wide = wdl.fit_wide(pd.DataFrame({"city": ["x"]}), ["city"])
    ((inputs, _),) = shards.stream(path, wide, None, "n", (1, 2), 2)
    assert inputs["wide_ids"].numpy().tolist() == [[1], [0]]


def test_a_value_has_one_text_in_files_of_all_types(tmp_path):
    arrays = [
        pa.array([7, 0]), pa.array([7, 0], pa.uint8()), pa.array([7.0, -0.0]), pa.array([7.0, 0.0], pa.float16()),
        pa.array([decimal.Decimal("7.00"), decimal.Decimal("0.00")]), pa.array(["7", "0"]),
        pa.array(["7", "0"], pa.large_string()), pa.array(["7", "0"]).dictionary_encode(),
        pa.array([7, 0]).dictionary_encode(),
    ]  # fmt: skip
    label = pa.array([1, 0])
    for i, array in enumerate(arrays):
        write(tmp_path / "all" / f"{i}.parquet", city=array, label=label)
        assert fitted_city(tmp_path / "all" / f"{i}.parquet") == {"city=0": 1, "city=7": 2}
    assert fitted_city(tmp_path / "all", min_count=len(arrays)) == {"city=0": 1, "city=7": 2}
    wide = wdl.fit_wide(pd.DataFrame({"city": [7, 0]}), ["city"])
    ((inputs, _),) = shards.stream(tmp_path / "all", wide, None, "label", (0, 1), 100)
    assert inputs["wide_ids"].numpy().ravel().tolist() == [2, 1] * len(arrays)


def test_a_decimal_that_comes_in_a_stream_is_named_with_its_file(tmp_path):
    wide = wdl.fit_wide(pd.DataFrame({"city": ["7"]}), ["city"])
    for i, array in enumerate((pa.array([0.5]), pa.array([decimal.Decimal("0.5")]), pa.array([2.0**53]))):
        path = write(tmp_path / f"{i}.parquet", city=array, label=pa.array([0]))
        with pytest.raises(
            tf.errors.InvalidArgumentError, match=f"{i}.parquet: Column 'city' holds .*; expected strings"
        ):
            list(shards.stream(path, wide, None, "label", (0, 1), 1))


@pytest.mark.parametrize("cells", [[float("nan"), 1.0], [[1.0, float("nan")], [1.0]]], ids=["single", "list"])
def test_a_nan_in_a_category_is_missing(tmp_path, cells):
    path = write(tmp_path / "a.parquet", city=pa.array(cells), label=pa.array([0, 1]))
    with pytest.raises(ValueError, match="a.parquet: Column 'city' has missing values.*in 1 rows"):
        fitted_city([write(tmp_path / "good.parquet", city=pa.array(cells[1:])), path])
    wide = wdl.fit_wide(pd.DataFrame({"city": ["1"]}), ["city"])
    with pytest.raises(tf.errors.InvalidArgumentError, match="a.parquet: Column 'city' has missing values"):
        list(shards.stream(path, wide, None, "label", (0, 1), 2))


def test_a_nan_between_numbers_is_a_gap(tmp_path):
    numbers = [-2.0, np.nan, 2.0, 7.0, np.nan, 3.0]
    frame = pd.DataFrame({"n": numbers, "m": numbers, "row": range(6)})
    columns = [pa.array(numbers, from_pandas=False), pa.array(numbers, from_pandas=False), pa.array(range(6))]
    pq.write_table(pa.table(columns, ["n", "m", "row"]), tmp_path / "a.parquet")
    wide = {"features": ["n", "m", ("n", "m")], "buckets": {"n": 3}, "missing": "value"}
    deep = {"categories": ["m"], "numbers": ["n"], "missing": "value"}
    found = shards.fit_shards(tmp_path, wide, deep)
    assert_same_features(found, (wdl.fit_wide(frame, **wide), wdl.fit_deep(frame, **deep)))
    assert found[0]["vocabulary"]["n is missing"] == 2


def test_truth_values_and_long_whole_numbers_have_one_text_too(tmp_path):
    write(
        tmp_path / "a.parquet", city=pa.array([True, False]), tags=pa.array([[2**60 + 1], []]), label=pa.array([1, 0])
    )
    write(tmp_path / "b.parquet", city=pa.array(["True"]), tags=pa.array([[str(2**60 + 1)]]), label=pa.array([1]))
    wide, _ = shards.fit_shards(tmp_path, {"features": ["city", "tags"]}, {"categories": ["city"], "numbers": []})
    assert wide["vocabulary"] == {"city=True": 1, f"tags={2**60 + 1}": 2, "city=False": 3}
    ((inputs, _),) = shards.stream(tmp_path, wide, None, "label", (0, 1), 3)
    assert inputs["wide_ids"].numpy().tolist() == [[1, 2], [3, 0], [1, 2]]


def test_decimals_are_numbers_to_the_last_bit(tmp_path):
    # Cast by Arrow, the one in the middle would be a bit smaller, and fall below the boundary that it is.
    texts = ["-1", "0.10", "3919.888516739533088188", "4000", "12345678901234567.89"]
    values = [decimal.Decimal(text) for text in texts]
    path = write(tmp_path / "a.parquet", n=pa.array(values, pa.decimal128(38, 18)), label=pa.array([0, 1, 1, 0, 0]))
    frame = pd.DataFrame({"n": [float(text) for text in texts]})
    deep = {"categories": [], "numbers": ["n"], "n_quantiles": 4}  # the three in the middle are boundaries
    _, found = shards.fit_shards(path, {"features": ["label"]}, deep)
    expected = wdl.fit_deep(frame, **deep)
    np.testing.assert_equal(found, expected)
    ((inputs, _),) = shards.stream(path, None, found, "label", (0, 1), 5)
    np.testing.assert_array_equal(inputs["numbers"], wdl.deep_inputs(frame, expected)["numbers"])


def test_minus_zero_is_zero(tmp_path):
    path = write(tmp_path / "a.parquet", n=pa.array([-0.0, -0.0, -0.0, 1.0]), city=pa.array(["x"] * 4))
    wide, _ = shards.fit_shards(path, {"features": ["n"], "buckets": {"n": 2}}, {"categories": ["city"], "numbers": []})
    assert set(wide["vocabulary"]) == {"n=[0, inf)"}


def test_a_list_keeps_its_first_different_values(tmp_path):
    tags = [["b & c", "a", "b & c", "d"], ["d", "a"], [], ["a", "a", "a"]]
    ids = [[3, 3, 1, 2], [2], [1, 3], [1]]
    frame = pd.DataFrame({"tags": tags, "ids": ids, "label": [0, 1, 0, 1]})
    frame.to_parquet(tmp_path / "a.parquet")
    wide = {"features": ["tags", ("ids", "tags")], "longest": 2}
    deep = {"categories": ["ids"], "numbers": [], "longest": 1}
    found = shards.fit_shards(tmp_path, wide, deep)
    assert_same_features(found, (wdl.fit_wide(frame, **wide), wdl.fit_deep(frame, **deep)))
    assert "tags=b && c" in found[0]["vocabulary"] and found[0]["longest"] == 2
    assert list(found[1]["vocabulary"]) == ["ids=1", "ids=2", "ids=3"] and found[1]["longest"] == 1
    ((inputs, _),) = shards.stream(tmp_path, *found, "label", (0, 1), 4)
    for name, array in wdl.joint_inputs(frame, *found).items():
        np.testing.assert_array_equal(inputs[name], array)


LABELS = [
    ([0.0, 1.0], (0, 1)), ([0, 1], ("0", "1")), (["0", "1"], (0, 1)), ([False, True], (0, 1)), ([0, 1], (False, True)),
    (["False", "True"], (False, True)), (pd.Categorical(["no", "yes"]), ("no", "yes")), ([0.0, 1.0], ("0", "1")),
    ([decimal.Decimal("0.0"), decimal.Decimal("1.0")], (0, 1)),
]  # fmt: skip


@pytest.mark.parametrize("labels, classes", LABELS, ids=map(str, LABELS))
def test_a_label_is_known_by_its_value_or_its_text(tmp_path, labels, classes):
    path = bad_file(tmp_path, pd.DataFrame({"city": ["x", "y"], "label": labels}))
    ((_, found),) = shards.stream(
        path, wdl.fit_wide(pd.DataFrame({"city": ["x"]}), ["city"]), None, "label", classes, 2
    )
    assert found.numpy().tolist() == [0, 1]


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"classes": (0, 1, 2)}, "classes is .*expected two different values"),
        ({"classes": (0, "0")}, "classes is .*expected two different values"),
        ({"classes": (1,)}, "classes is .*expected two different values"),
        ({"epoch": -1}, "epoch is -1"),
        ({"epoch": 0.5}, "epoch is 0.5"),
        ({"seed": -1}, "seed is -1"),
        ({"start": -1}, "start is -1"),
        ({"buffer_rows": 0}, "buffer_rows is 0"),
        ({"wide": None}, "wide and deep are both None"),
    ],
)
def test_an_argument_of_a_stream_that_means_nothing_is_refused(adult_shards, arguments, message):
    wide = wdl.fit_wide(adult_shards[1], ["education"])
    settings = {"wide": wide, "deep": None, "label": "income", "classes": CLASSES, "batch_size": 10, **arguments}
    with pytest.raises(ValueError, match=message):
        shards.stream(adult_shards[0], **settings)


def test_files_of_a_stream_are_kept_as_long_as_its_dataset_and_no_longer(adult_shards, tmp_path):
    wide = wdl.fit_wide(adult_shards[1], ["education"])
    dataset = shards.stream(adult_shards[0], wide, None, "income", CLASSES, 1000, folder=tmp_path).take(2)
    gc.collect()
    assert len(list(tmp_path.glob("*/*.parquet"))) == 3 and len(list(dataset)) == 2
    del dataset
    gc.collect()
    assert not list(tmp_path.iterdir())


def test_the_query_of_a_cross_runs_on_any_table_of_the_columns():
    duckdb.execute(
        "CREATE OR REPLACE TEMP VIEW shards AS SELECT * FROM (VALUES ('a', 'x'), ('a', 'x'), ('b', 'x')) t(one, two)"
    )
    found = duckdb.sql(sql.vocabulary_query([("one", "two"), ("two",)], set(), {}, 2)).fetchall()
    assert found == [("two=x", 3), ("one=a & two=x", 2)]


# ------------------------------------------------------------------------------------------ several workers


@pytest.mark.skipif(not distributed.has_loopback(), reason="without a loopback interface no worker reaches another")
def test_two_workers_agree_with_one_and_outlive_the_death_of_one_of_them(tmp_path):
    command = [sys.executable, "-m", "benchmarks.distributed", "--workers", "2", "--kill-after", "6"]
    done = subprocess.run(
        [*command, "--json", str(tmp_path / "file.json")], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads((tmp_path / "file.json").read_text())
    assert result["restarts"] == 1
    assert result["rows"] == {"all": 12 * 256, "different": 12 * 256}  # none lost, none seen twice
    assert result["steps"][1] == 6 + 8  # six before its death, and after that what followed the checkpoint of step 4
    first, second = result["losses"]
    assert first == second and len(first) == len(result["single"]) >= 10
    np.testing.assert_allclose(first, result["single"], atol=1e-5)
    assert max(result["difference"]) < 1e-5 and result["apart"] == 0


def test_a_memory_limit_that_is_no_size_is_named(tmp_path):
    pd.DataFrame({"city": ["Rome"]}).to_parquet(tmp_path / "a.parquet")
    settings = {"features": ["city"]}, {"categories": ["city"], "numbers": []}
    with pytest.raises(ValueError, match="memory_limit is 'lots'; expected a size such as '1GB'"):
        shards.fit_shards(tmp_path, *settings, memory_limit="lots")

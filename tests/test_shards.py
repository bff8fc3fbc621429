import itertools
import json
import pathlib
import subprocess
import sys
import tempfile

import wdl_helpers as wdl  # before TensorFlow: it sets how TensorFlow computes
from recommender import shards
from recommender.datasets import adult, visits

import distributed
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from laws import FEW

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
    wide = {"features": ["area", "seen", ("seen", "area"), ("seen", "words"), ("seen", "words", "area")]}
    deep = {"categories": ["seen", "area", "words"], "numbers": [], "min_count": 3}
    found = shards.fit_shards(tmp_path, wide, deep)
    assert_same_features(found, (wdl.fit_wide(rows, **wide), wdl.fit_deep(rows, **deep)))


TEXTS = st.text("ab &=|'\"\\é€,\n", max_size=3).filter(lambda text: wdl.AND not in text and "\x00" not in text)
FRAMES = st.lists(
    st.fixed_dictionaries(
        {
            'it\'s "a"': TEXTS,
            "whole": st.integers(-3, 3),
            "flag": st.booleans(),
            "tags": st.lists(TEXTS, max_size=3),
            "ids": st.lists(st.integers(0, 3), max_size=3),
            "number": st.sampled_from([0.1, 0.2, 1e-9, 1 / 3]) | st.floats(-100, 100).map(lambda x: x + 0.0),
        }
    ),
    min_size=1,
    max_size=30,
)


@given(FRAMES, st.integers(1, 3), st.integers(2, 5), st.none() | st.just(7))
@FEW
def test_features_of_random_files_are_those_of_their_frame(rows, n_files, n, hash_buckets):
    text, *others = columns = ['it\'s "a"', "whole", "flag", "tags", "ids", "number"]
    frame = pd.DataFrame(rows, columns=columns)
    crosses = [("tags", "ids"), (text, "number"), ("ids", text, "tags"), ("flag", "whole", "number")]
    wide = {"features": [text, *others, *crosses], "buckets": {"number": n}, "hash_buckets": hash_buckets}
    deep = {"categories": [text, "whole", "flag", "tags", "ids"], "numbers": ["number"], "min_count": 2}
    with tempfile.TemporaryDirectory() as folder:
        cut(frame, pathlib.Path(folder), "parquet", min(n_files, len(frame)))
        found = shards.fit_shards(folder, wide, deep)
        singles = frame[[text, "whole", "number"]].astype({text: str})
        csv = cut(singles, pathlib.Path(folder), "csv", min(n_files, len(frame)))
        deep_csv = {"categories": [text], "numbers": ["whole", "number"], "n_quantiles": n}
        found_csv = shards.fit_shards(csv, {"features": [text, (text, "whole")]}, deep_csv)
    assert_same_features(found, (wdl.fit_wide(frame, **wide), wdl.fit_deep(frame, **deep)))
    wide_csv = wdl.fit_wide(singles, [text, (text, "whole")])
    assert_same_features(found_csv, (wide_csv, wdl.fit_deep(singles, **deep_csv)))


@given(st.lists(st.sampled_from([-3.0, 0.0, 0.1, 0.7, 2.0, 1e6]) | st.floats(-1e3, 1e3), min_size=1), st.integers(2, 9))
def test_quantiles_of_counted_values_are_those_of_the_values(values, n_quantiles):
    values = np.array(values) + 0.0  # −0 is counted with 0
    different, counts = np.unique(values, return_counts=True)
    shuffled_rows = pd.DataFrame({"v": different, "n": counts}).sample(frac=1, random_state=0)
    expected = wdl.quantile_boundaries(pd.DataFrame({"v": values}), "v", n_quantiles)
    np.testing.assert_array_equal(shards.counted_quantiles(shuffled_rows, n_quantiles), expected)


def bad_file(tmp_path, frame, name="bad.parquet"):
    path = tmp_path / name
    frame.to_csv(path, index=False) if name.endswith(".csv") else frame.to_parquet(path, index=False)
    return path


GOOD = {"a": ["x", "y"], "n": [1, 2], "tags": [["p"], []]}
BAD_CELLS = [
    ({"a": ["x", None]}, ValueError, "bad.parquet: Column 'a' has missing values.*in 1 rows"),
    ({"a": ["x & y", "y"]}, ValueError, "bad.parquet: Column 'a' holds ' & '"),
    ({"a": [0.5, 1.0]}, TypeError, "bad.parquet: Column 'a' has the type double; expected strings"),
    ({"a": [["x"], []]}, TypeError, "bad.parquet: Column 'a' has the type list.*another one in other files"),
    ({"tags": [["p", None], []]}, ValueError, "bad.parquet: Column 'tags' has missing values"),
    ({"tags": [None, ["p"]]}, ValueError, "bad.parquet: Column 'tags' has missing values"),
    ({"tags": [["p", "q & r"], []]}, ValueError, "bad.parquet: Column 'tags' holds ' & '"),
    ({"tags": [[0.5], []]}, TypeError, "bad.parquet: Column 'tags' has the type list.*expected strings"),
    ({"n": [1.0, float("nan")]}, ValueError, "bad.parquet: Column 'n' has missing or infinite values, in 1 rows"),
    ({"n": [1.0, float("inf")]}, ValueError, "bad.parquet: Column 'n' has missing or infinite values"),
    ({"n": ["1", "2"]}, TypeError, "bad.parquet: Column 'n' has the type .*string; expected numbers"),
    ({"n": [True, False]}, TypeError, "bad.parquet: Column 'n' has the type bool; expected numbers"),
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
    with pytest.raises(TypeError, match="bad.csv: Column 'age' has the type .*string; expected numbers"):
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
    with pytest.raises(KeyError, match="bad.csv has no column"):
        shards.fit_shards([first, bad], WIDE_SETTINGS, DEEP_SETTINGS)


def test_a_csv_file_becomes_small_row_groups_in_its_order(tmp_path):
    frame = pd.DataFrame({"row": np.arange(50_000), "a": ["x", "y"] * 25_000})
    path = bad_file(tmp_path, frame, "many.csv")
    shards.to_parquet(path, tmp_path / "many.parquet", ["row", "a"], {"row"})
    metadata = pq.read_metadata(tmp_path / "many.parquet")
    sizes = [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]
    assert len(sizes) >= 4 and max(sizes) < 1.5 * shards.GROUP_ROWS, sizes
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "many.parquet"), frame, check_dtype=False)


def test_files_that_are_not_there_or_of_another_kind_are_refused(adult_shards, tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere.csv does not exist"):
        shards.fit_shards([adult_shards[0][0], tmp_path / "nowhere.csv"], WIDE_SETTINGS, DEEP_SETTINGS)
    with pytest.raises(FileNotFoundError, match="The folder .* holds no file"):
        shards.shard_files(tmp_path)
    with pytest.raises(ValueError, match="paths is empty"):
        shards.shard_files([])
    (tmp_path / "rows.json").write_text("{}")
    with pytest.raises(ValueError, match="rows.json ends in '.json'; expected .csv or .parquet"):
        shards.shard_files(str(tmp_path / "rows.json"))
    empty = bad_file(tmp_path, adult_shards[1][:0])
    with pytest.raises(ValueError, match="bad.parquet: The frame is empty"):
        shards.fit_shards(empty, WIDE_SETTINGS, DEEP_SETTINGS)


def test_a_file_without_rows_adds_nothing(tmp_path):
    full = bad_file(tmp_path, pd.DataFrame(GOOD), "full.parquet")
    empty = bad_file(tmp_path, pd.DataFrame(GOOD).head(0), "none.parquet")
    wide, deep = {"features": ["a"]}, {"categories": [], "numbers": ["n"]}
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
    with pytest.raises(tf.errors.InvalidArgumentError, match="missing value"):
        list(shards.stream([bad, good], wide, None, "label", (0, 1), 64))
    assert len(list(shards.stream([bad, good], wide, None, "label", (0, 1), 64, start=1))) == 1


def test_workers_share_the_rows_and_none_comes_to_two(numbered):
    parts = [np.concatenate(order(numbered, worker=(i, 3))) for i in range(3)]
    assert sorted(np.concatenate(parts)) == list(range(1000)) and min(map(len, parts)) >= 200
    with pytest.raises(ValueError, match="Worker 99 of 100 gets no row group"):
        order(numbered, worker=(99, 100))


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


# ------------------------------------------------------------------------------------------ several workers


@pytest.mark.skipif(not distributed.has_loopback(), reason="without a loopback interface no worker reaches another")
def test_two_workers_agree_with_one_and_outlive_the_death_of_one_of_them(tmp_path):
    command = [sys.executable, str(ROOT / "benchmarks" / "distributed.py"), "--workers", "2", "--kill-after", "6"]
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

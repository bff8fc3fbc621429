import json
import pathlib
import subprocess
import sys
import tracemalloc

import wdl_helpers as wdl  # before TensorFlow: it sets how TensorFlow computes
import wdl_adult as adult
import wdl_shards

# isort: split
import distributed
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

ROOT = pathlib.Path(__file__).resolve().parent.parent

# --------------------------------------------------------------------------------- counting and streaming

BASE = ["workclass", "education", "age", "capital-gain"]
WIDE_SETTINGS = {"features": [*BASE, ("education", "age"), ("workclass", "education", "age")], "buckets": {"age": 6}}
CLASSES = "<=50K", ">50K"
DEEP_SETTINGS = {"categories": ["education", "capital-gain"], "numbers": ["age", "capital-gain"]}


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    """Adult's first 3,000 rows in three files, and in one frame."""
    frame, folder = adult.load_adult()[0][:3000], tmp_path_factory.mktemp("shards")
    paths = [folder / f"part_{i}.csv" for i in range(3)]
    for i, path in enumerate(paths):
        frame[i * 1000 : (i + 1) * 1000].to_csv(path, index=False)
    return paths, frame


@pytest.mark.parametrize("min_count, hash_buckets", [(1, None), (4, None), (1, 100)])
def test_streamed_features_are_those_of_the_frame(shards, min_count, hash_buckets):
    paths, frame = shards
    settings = {**WIDE_SETTINGS, "min_count": min_count, "hash_buckets": hash_buckets}
    deep_settings = {**DEEP_SETTINGS, "min_count": min_count, "n_quantiles": 17}
    wide, deep = wdl_shards.fit_shards(paths, settings, deep_settings, chunk_rows=700)
    expected = wdl.fit_wide(frame, **settings), wdl.fit_deep(frame, **deep_settings)
    np.testing.assert_equal((wide, deep), expected)
    assert list(wide["vocabulary"] or {}) == list(expected[0]["vocabulary"] or {})
    batches = list(wdl_shards.stream(paths, wide, deep, "income", CLASSES, 512))
    assert [len(labels) for _, labels in batches] == [512] * 5 + [440]
    for name, array in wdl.joint_inputs(frame, wide, deep).items():
        np.testing.assert_array_equal(np.concatenate([inputs[name] for inputs, _ in batches]), array)
    np.testing.assert_array_equal(np.concatenate([labels for _, labels in batches]), frame["income"] == ">50K")


@given(st.lists(st.sampled_from([-3.0, 0.0, 0.1, 0.7, 2.0, 1e6]) | st.floats(-1e3, 1e3), min_size=1), st.integers(2, 9))
def test_quantiles_of_counted_values_are_those_of_the_values(values, n_quantiles):
    values = np.array(values) + 0.0  # −0 is counted with 0
    different, counts = np.unique(values, return_counts=True)
    shuffled_rows = pd.DataFrame({"v": different, "n": counts}).sample(frac=1, random_state=0)
    expected = wdl.quantile_boundaries(pd.DataFrame({"v": values}), "v", n_quantiles)
    np.testing.assert_array_equal(wdl_shards.counted_quantiles(shuffled_rows, n_quantiles), expected)


def test_the_memory_of_the_pass_does_not_grow_with_the_rows(shards):
    def peak(repeats):
        tracemalloc.start()
        wdl_shards.fit_shards(shards[0] * repeats, WIDE_SETTINGS, DEEP_SETTINGS, chunk_rows=500)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(1)  # what is loaded once
    assert peak(5) < 1.2 * peak(1)


def test_a_bad_shard_is_named(shards, tmp_path):
    paths, frame = shards
    bad = tmp_path / "bad.csv"
    frame[:9].assign(age=["?", *range(8)]).to_csv(bad, index=False)
    with pytest.raises(TypeError, match="bad.csv: Column 'age' has the type str; expected numbers"):
        wdl_shards.fit_shards([paths[0], bad], WIDE_SETTINGS, DEEP_SETTINGS)
    wide, deep = wdl.fit_wide(frame, **WIDE_SETTINGS), wdl.fit_deep(frame, **DEEP_SETTINGS)
    bad.write_bytes(b"age,education\n1,\xff\n")
    with pytest.raises(ValueError, match="bad.csv: .*codec can't decode"):
        wdl_shards.fit_shards([bad], WIDE_SETTINGS, DEEP_SETTINGS)
    frame[:9].drop(columns="age").to_csv(bad, index=False)
    with pytest.raises(ValueError, match="bad.csv"):
        wdl_shards.fit_shards([paths[0], bad], WIDE_SETTINGS, DEEP_SETTINGS)
    with pytest.raises(ValueError, match="bad.csv has the header .*; expected .* as in .*part_0.csv"):
        wdl_shards.stream([paths[0], bad], wide, deep, "income", CLASSES, 10)
    with pytest.raises(ValueError, match="part_0.csv has no column 'label'"):
        wdl_shards.stream(paths, wide, deep, "label", CLASSES, 10)
    for change, message in (({"income": "maybe"}, "income has another.*maybe"), ({"age": ""}, "age lacks a number")):
        frame[:9].assign(**change).to_csv(bad, index=False)
        with pytest.raises(tf.errors.InvalidArgumentError, match=message):
            list(wdl_shards.stream([bad], wide, deep, "income", CLASSES, 10))


BAD_SETTINGS = [
    ({"features": ["age", ("age",)]}, {}, ValueError, "part_0.csv: 'age' is listed more than once"),
    ({"features": ["agee"]}, {}, KeyError, "part_0.csv: .*'agee'"),
    ({"hash_buckets": 0}, {}, ValueError, "hash_buckets"),
    ({"hash_bucket": 9}, {}, TypeError, "argument 'hash_bucket'"),
    ({}, {"n_quantiles": 1}, ValueError, "n_quantiles"),
]


@pytest.mark.parametrize("wide, deep, error, message", BAD_SETTINGS, ids=[message for *_, message in BAD_SETTINGS])
def test_a_bad_setting_of_a_pass_is_refused_as_that_of_a_frame(shards, wide, deep, error, message):
    with pytest.raises(error, match=message):
        wdl_shards.fit_shards(shards[0], WIDE_SETTINGS | {"buckets": None} | wide, DEEP_SETTINGS | deep)


def test_a_pass_counts_no_cross_that_is_hashed(shards, monkeypatch):
    counted, groups = wdl_shards._counted, []

    def spy(paths, found, *rest):
        groups.extend(found)
        return counted(paths, found, *rest)

    monkeypatch.setattr(wdl_shards, "_counted", spy)
    wdl_shards.fit_shards(shards[0], {**WIDE_SETTINGS, "hash_buckets": 50}, DEEP_SETTINGS)
    assert groups and all(len(group) == 1 for group in groups)


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
    assert result["steps"][1] == 6 + 8  # six before its death, and after that what followed the checkpoint of step 4
    first, second = result["losses"]
    assert first == second and len(first) == len(result["single"]) >= 10
    np.testing.assert_allclose(first, result["single"], atol=1e-5)
    assert max(result["difference"]) < 1e-5 and result["apart"] == 0

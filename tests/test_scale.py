"""The measured figures of notebook 11, held to what is said of them, and the arithmetic of the scripts."""

import json
import pathlib

import wdl_helpers as wdl
from benchmarks import streaming, tables
from recommender import shards, sql

import numpy as np
import pytest

BENCHMARKS = pathlib.Path(streaming.__file__).parent


def figures(name):
    return json.loads((BENCHMARKS / f"{name}.json").read_text())


def test_ten_million_rows_are_counted_under_two_gigabytes_and_exactly():
    """Of committed files: no change of the code can fail it, `make benchmarks` can."""
    count = figures("streaming")["count"]
    assert count["rows"] == 10_000_000 and count["users"] > 2_800_000
    assert count["peak_mb"] < 2_048 and count["same"]


def test_the_engine_takes_less_than_a_third_of_a_loop_in_python_and_agrees_with_it():
    """Of committed files: no change of the code can fail it, `make benchmarks` can."""
    beside = figures("streaming")["side_by_side"]
    assert beside["rows"] == 1_000_000 and beside["same"]
    assert beside["chunks_cpu"] > 3 * beside["fit_shards_cpu"]


def test_a_row_is_read_in_half_the_time_that_it_is_trained_on():
    """Of committed files: no change of the code can fail it, `make benchmarks` can."""
    reading = figures("streaming")["reading"]
    assert reading["streamed_cpu"] > 2 * reading["trained_cpu"]


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    folder = tmp_path_factory.mktemp("log")
    for ending in ("csv", "parquet"):
        streaming.write_log(folder / f"log.{ending}", 5_000)
    return folder


def test_three_ways_of_counting_agree(log):
    exact = streaming.fingerprint(*streaming.exact(log / "log.parquet"))
    assert streaming.fingerprint(*shards.fit_shards(log / "log.parquet", streaming.WIDE, streaming.DEEP)) == exact
    fitted = shards.fit_shards(log / "log.csv", streaming.BESIDE, streaming.DEEP)
    assert streaming.fingerprint(*streaming.by_chunks(log / "log.csv")) == streaming.fingerprint(*fitted)


def test_the_fingerprint_sees_each_change(log):
    wide, deep = shards.fit_shards(log / "log.csv", streaming.WIDE, streaming.DEEP)
    first = streaming.fingerprint(wide, deep)
    names = list(wide["vocabulary"])
    swapped = dict(zip([names[1], names[0], *names[2:]], wide["vocabulary"].values()))
    assert streaming.fingerprint({**wide, "vocabulary": swapped}, deep) != first
    moved = {"age": wide["boundaries"]["age"] + 1e-9}
    assert streaming.fingerprint({**wide, "boundaries": moved}, deep) != first


def test_two_workers_do_as_one_and_send_ids_and_values():
    """Of committed files: no change of the code can fail it, `make benchmarks` can."""
    workers = figures("distributed")
    assert workers["rows"]["all"] == workers["rows"]["different"]
    assert workers["step_kb"]["measured"] < 0.5 * workers["step_kb"]["tables"]
    assert 0.7 < workers["step_kb"]["measured"] / workers["step_kb"]["gradients"] < 1.3


def test_no_two_ids_have_remainder_and_quotient_in_common():
    ids = np.arange(1, 1001)[:, None]
    for divisor in (7, 250, 1000):
        parts = tables.parts_of(ids, divisor)
        assert len(set(map(tuple, parts.tolist()))) == 1000 and parts.min() >= 1
        assert parts.max() < 2 + divisor + (1001 - 2) // divisor  # the table's rows, as `measure` counts them
        assert not set(parts[:, 0]) & set(parts[:, 1])
    assert tables.parts_of(np.array([[0, 5]]), 3).tolist() == [[0, 2, 0, 5]]


def test_dropping_zeros_is_free_and_smaller_tables_are_not():
    """Of committed files: no change of the code can fail it, `make benchmarks` can."""
    found = figures("tables")
    assert set(found) == {"vocabulary", "no_zeros", *(f"{k}_{n}" for k in ("hash", "remainder") for n in tables.SIZES)}
    np.testing.assert_allclose(found["no_zeros"]["auc"], found["vocabulary"]["auc"], atol=1e-6)
    for kind in ("hash", "remainder"):
        auc = [np.mean(found[f"{kind}_{size}"]["auc"]) for size in tables.SIZES]
        assert auc == sorted(auc, reverse=True) and auc[0] < np.mean(found["vocabulary"]["auc"])


def test_spark_gives_the_same_vocabularies():
    found = figures("spark")
    assert {"adult, wide", "adult, deep", "visits, lists"} < set(found)
    assert all(query["same"] and query["rows"] > 10 for query in found.values())
    assert wdl.AND in sql.vocabulary_query([("a", "b")], set(), {}, 1)

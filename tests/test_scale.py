"""The measured figures of notebook 11, held to what is said of them, and the arithmetic of the scripts."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import wdl_helpers as wdl
from benchmarks import streaming
from recommender import shards, sql

import nbformat
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


def test_spark_gives_the_same_vocabularies():
    found = figures("spark")
    assert {"adult, wide", "adult, deep", "visits, lists"} < set(found)
    assert all(query["same"] and query["rows"] > 10 for query in found.values())
    assert wdl.AND in sql.vocabulary_query([("a", "b")], set(), {}, 1)


# What the notebook's cells need of the cells before them; the rest of the program is the cells themselves.
BEFORE = """
import json, pathlib, socket, subprocess, sys
import numpy as np
folder, rng = pathlib.Path(sys.argv[1]), np.random.default_rng(0)
ids, labels = rng.integers(1, 500, (4_000, 9)), rng.integers(0, 2, 4_000).astype(float)
np.savez(folder / "rows.npz", ids=ids, labels=labels, n_ids=500)
"""


@pytest.fixture
def workers_program(tmp_path):
    """The start of a program: the cells that write a worker's program and define `run`."""
    notebook = nbformat.read(BENCHMARKS.parent / "notebooks" / "11_scale.ipynb", as_version=4)
    cells = {cell.id: cell.source for cell in notebook.cells}
    worker = cells["worker"][: cells["worker"].index("labels = ")]
    return BEFORE + worker + cells["run"][: cells["run"].index("runs = ")]


def workers_of(folder):
    """Numbers of the processes that run this folder's workers."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            arguments = path.read_bytes().split(b"\0")
        except OSError:  # it has ended meanwhile
            continue
        if str(folder / "worker.py").encode() in arguments:
            found.append(int(path.parent.name))
    return found


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


linux = pytest.mark.skipif(not pathlib.Path("/proc/self/cmdline").exists(), reason="there is no /proc")


@linux
def test_two_workers_of_the_notebook_make_the_steps_of_one(workers_program, tmp_path):
    program = (
        workers_program
        + """
one, two = run(1, 200, passes=2), run(2, 100, passes=2)
assert np.array_equal(two[0]["weights"], two[1]["weights"]) and one[0]["steps"] == two[0]["steps"] == 40
assert np.allclose(one[0]["weights"], two[0]["weights"], atol=1e-9) and one[0]["weights"].any()
"""
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True, timeout=120)
    assert not workers_of(tmp_path)


@linux
def test_an_interrupted_cell_leaves_no_worker_behind(workers_program, tmp_path):
    """As the stop button does it: SIGINT to the process that runs the cell, in the middle of the training."""
    # As a kernel does; a shell may have started us deaf to the signal.
    listen = "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
    program = listen + workers_program + "run(2, 100, passes=10**9)"
    process = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stderr=subprocess.PIPE, text=True)
    try:
        wait_for(lambda: len(workers_of(tmp_path)) == 2)
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        assert "KeyboardInterrupt" in errors and not workers_of(tmp_path)
    finally:
        process.kill()
        for number in workers_of(tmp_path):
            os.kill(number, signal.SIGKILL)


@linux
@pytest.mark.parametrize("victim", [0, 1])
def test_a_worker_that_dies_ends_the_other(workers_program, tmp_path, victim):
    program = workers_program + "run(2, 100, passes=10**9)"
    process = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stderr=subprocess.PIPE, text=True)
    try:
        wait_for(lambda: len(workers_of(tmp_path)) == 2)
        time.sleep(2)  # until both talk to each other
        os.kill(sorted(workers_of(tmp_path))[victim], signal.SIGKILL)
        _, errors = process.communicate(timeout=60)
        assert "a worker failed" in errors and not workers_of(tmp_path)
    finally:
        process.kill()
        for number in workers_of(tmp_path):
            os.kill(number, signal.SIGKILL)

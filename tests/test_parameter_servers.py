"""The sharded model against the helpers', and what survives when a process dies."""

import json
import pathlib
import subprocess
import sys

import wdl_helpers as wdl
from benchmarks import distributed
from benchmarks import parameter_servers as servers
from recommender import serving

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

FIGURES = json.loads((pathlib.Path(servers.__file__).parent / "parameter_servers.json").read_text())


@pytest.fixture(scope="module")
def small():
    """A small model, its features, and 64 rows of a log in which rows repeat ids and one id is unseen."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({name: rng.integers(0, 9, 64).astype(str) for name in "ab"})
    frame["tags"] = [rng.integers(0, 5, n).astype(str).tolist() for n in rng.integers(0, 4, 64)]
    frame["n"] = rng.normal(size=64)
    wide, deep = wdl.fit_wide(frame[:50], ["a", ("a", "b")]), wdl.fit_deep(frame[:50], ["b", "tags"], ["n"])
    model = wdl.wide_deep_model(wide, deep, units=(8, 4), dropout=0.0)
    labels = (frame["a"] < "4").to_numpy("float32")
    return model, wide, deep, frame, labels


def test_pieces_of_tables_train_as_the_helpers_do(small):
    model, wide, deep, frame, labels = small
    start, inputs = model.get_weights(), wdl.joint_inputs(frame, wide, deep)
    sharded, batches = servers.Sharded(servers.weights_of(model)), [np.arange(64, dtype="int32")] * 6
    assert [len(pieces) for pieces in sharded.variables.values()].count(servers.SERVERS) == 2
    step = tf.function(sharded.step)
    found = [step({n: tf.constant(a) for n, a in inputs.items()}, tf.constant(labels)) for _ in batches]
    expected = list(servers.local_losses(model, inputs, labels, batches))
    np.testing.assert_allclose([loss for loss, _ in found], expected, atol=1e-5)
    weights = servers.weights_of(model)
    for path, array in sharded.weights().items():
        np.testing.assert_allclose(array, weights[path], atol=1e-5)
    assert int(sharded.applied) == 6 and [int(stale) for _, stale in found] == [0] * 6
    model.set_weights(start)


def test_a_checkpoint_of_pieces_becomes_the_export_of_any_model(small, tmp_path):
    model, wide, deep, frame, labels = small
    sharded, inputs = servers.Sharded(servers.weights_of(model)), wdl.joint_inputs(frame, wide, deep)
    for _ in range(3):
        sharded.step({name: tf.constant(array) for name, array in inputs.items()}, tf.constant(labels))
    path = tf.train.Checkpoint(variables=sharded.all_variables()).save(str(tmp_path / "pieces"))
    again = servers.Sharded(servers.weights_of(model))
    tf.train.Checkpoint(variables=again.all_variables()).restore(path).assert_consumed()
    for variable in model.trainable_variables:
        variable.assign(again.weights()[variable.path])
    serving.export(model, wide, deep, frame, tmp_path / "export")
    logits = sharded.logits({name: tf.constant(array) for name, array in inputs.items()})
    np.testing.assert_allclose(serving.scorer(tmp_path / "export")(frame), tf.sigmoid(logits), atol=1e-6)


def test_a_larger_table_begins_with_the_weights_and_ends_with_zeros(small):
    weights = servers.weights_of(small[0])
    large = servers.Sharded(weights, rows=1001).weights()[servers.TABLES[0]]
    n = len(weights[servers.TABLES[0]])
    assert large.shape == (1001, 1) and not large[n:].any()
    np.testing.assert_array_equal(large[:n], weights[servers.TABLES[0]])


@pytest.fixture(scope="module")
def kills(tmp_path_factory):
    if not distributed.has_loopback():
        pytest.skip("without a loopback interface no process reaches another")
    path = tmp_path_factory.mktemp("kills") / "kills.json"
    command = [sys.executable, "-m", "benchmarks.parameter_servers", "--kills", "200", "--json", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(path.read_text())


def test_a_worker_that_dies_is_replaced_and_no_batch_is_lost(kills):
    found = kills["worker_killed"]
    assert found["restored"] == 0, "the run never stopped"
    assert found["batches"] == found["finished"] == 200
    assert 200 <= found["applied"] <= 201  # a step that died between its update and its answer is made again
    assert found["log_loss"] < 0.32


def test_a_server_that_dies_costs_the_steps_since_the_checkpoint(kills):
    found = kills["server_killed"]
    assert found["restored"] >= servers.SAVE_EVERY
    assert found["finished"] == found["batches"] - found["restored"] and found["applied"] == found["batches"] == 200
    assert found["log_loss"] < 0.32


def test_the_figures_hold_what_is_claimed():
    step = FIGURES["step_ms"]
    assert step["100000000"] <= 1.3 * step["1000000"]
    np.testing.assert_allclose(FIGURES["one_worker"], FIGURES["local"], atol=1e-5)
    assert abs(FIGURES["log_loss"]["two_workers"] - FIGURES["log_loss"]["local"]) < 0.002
    assert len(FIGURES["local"]) == FIGURES["worker_killed"]["finished"] == FIGURES["worker_killed"]["batches"]
    assert FIGURES["server_killed"]["restored"] > 0 and FIGURES["server_killed"]["applied"] == len(FIGURES["local"])

import contextlib
import hashlib
import io
import logging
import os
import pathlib
import platform
import subprocess
import sys
import warnings

import wdl_helpers as wdl
from wide_deep import reproducible, training

import keras
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from laws import sigmoid, small_parts, weights_of
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score

WIDE, DEEP, INPUTS, LABELS = small_parts()
WIDE_INPUTS = {"wide_ids": INPUTS["wide_ids"]}


def log_losses(labels, probabilities):
    return -np.where(np.asarray(labels) == 1, np.log(probabilities), np.log1p(-np.asarray(probabilities)))


# ---------------------------------------------------------------------------------------------- training


def test_the_losses_are_the_log_losses_of_the_epochs():
    model = wdl.wide_model(WIDE)
    half = ({"wide_ids": INPUTS["wide_ids"][:32]}, LABELS[:32])
    first = wdl.train(model, WIDE_INPUTS, LABELS, wdl.Ftrl(0.1), epochs=1, batch_size=64, validation=half)
    assert sorted(first) == ["loss", "val_loss"]
    assert first["loss"] == [pytest.approx(np.log(2), rel=1e-6)]  # all weights are 0 when the batch is computed
    after = wdl.predict(model, WIDE_INPUTS)
    assert first["val_loss"] == [pytest.approx(log_losses(LABELS, after)[:32].mean(), rel=1e-5)]
    more = wdl.train(model, WIDE_INPUTS, LABELS, epochs=3, batch_size=64)
    assert sorted(more) == ["loss"] and len(more["loss"]) == 3
    assert more["loss"][0] == pytest.approx(log_losses(LABELS, after).mean(), rel=1e-5)
    assert more["loss"][2] < more["loss"][1] < more["loss"][0] < first["loss"][0]


def test_an_epoch_takes_a_step_a_batch_and_no_optimizer_goes_on_with_the_last_one():
    model, optimizer = wdl.wide_model(WIDE), wdl.Ftrl(0.1)
    wdl.train(model, WIDE_INPUTS, LABELS, optimizer, epochs=2, batch_size=24)
    assert model.optimizer is optimizer and int(optimizer.iterations) == 6
    wdl.train(model, WIDE_INPUTS, LABELS, epochs=1, batch_size=64)
    assert model.optimizer is optimizer and int(optimizer.iterations) == 7
    again = wdl.Adagrad(0.1)
    wdl.train(model, WIDE_INPUTS, LABELS, again, epochs=1, batch_size=64)
    assert model.optimizer is again and int(again.iterations) == 1


@pytest.mark.parametrize("batch_size, steps_per_call", [(64, 256), (24, 256), (10, 4), (100, 256)])
def test_training_is_keras_fit_on_the_same_order_to_the_last_bit(batch_size, steps_per_call, monkeypatch):
    monkeypatch.setattr(training, "STEPS_PER_CALL", steps_per_call)
    models, losses = [], []
    for train in (True, False):
        keras.utils.set_random_seed(3)
        models.append(wdl.wide_deep_model(WIDE, DEEP, 3, (8,), dropout=0.5))
        optimizer = wdl.joint_optimizer(wide=wdl.Ftrl(0.3, l1_regularization_strength=0.01), deep=wdl.Adam(0.1))
        np.random.seed(5)
        if train:
            losses.append(wdl.train(models[-1], INPUTS, LABELS, optimizer, 3, batch_size)["loss"])
            continue
        models[-1].compile(optimizer, wdl.LogLoss(), jit_compile=False)
        orders = [np.random.permutation(len(LABELS)) for _ in range(3)]
        histories = [
            models[-1].fit(
                {name: array[order] for name, array in INPUTS.items()}, LABELS[order].astype("float32"),
                batch_size=batch_size, shuffle=False, verbose=0,
            ).history["loss"]
            for order in orders
        ]  # fmt: skip
        losses.append([loss for (loss,) in histories])
    assert losses[0] == losses[1] and losses[0][2] < losses[0][0]
    for path, weight in weights_of(models[0]).items():
        np.testing.assert_array_equal(weight, weights_of(models[1])[path], err_msg=path)


def test_one_graph_serves_whole_batches_the_shorter_last_one_and_other_data(monkeypatch):
    model, built = wdl.wide_model(WIDE), []
    step = model.train_step
    monkeypatch.setattr(model, "train_step", lambda data: (built.append(data), step(data))[1])
    wdl.train(model, WIDE_INPUTS, LABELS, wdl.Ftrl(0.1), epochs=2, batch_size=24)
    wdl.train(model, {"wide_ids": INPUTS["wide_ids"][:30]}, LABELS[:30], epochs=1, batch_size=8)
    assert len(LABELS) % 24 and len(built) == 1


def test_each_row_is_in_one_batch_an_epoch_and_the_seed_gives_the_order():
    for n_rows, batch_size, shapes in ((600, 2, [(256, 2), (44, 2)]), (7, 3, [(2, 3), (1, 1)]), (3, 5, [(1, 3)])):
        np.random.seed(1)
        first, second = (training._draw_batches(n_rows, batch_size) for _ in range(2))
        assert [batches.shape for batches in first] == shapes
        rows = [np.concatenate([batches.ravel() for batches in each]) for each in (first, second)]
        assert sorted(rows[0]) == sorted(rows[1]) == list(range(n_rows)) and (n_rows == 3 or (rows[0] != rows[1]).any())
        np.random.seed(1)
        again = np.concatenate([batches.ravel() for batches in training._draw_batches(n_rows, batch_size)])
        np.testing.assert_array_equal(again, rows[0])


def test_a_model_that_is_compiled_again_is_trained_by_its_new_optimizer():
    model = wdl.wide_model(WIDE)
    wdl.train(model, WIDE_INPUTS, LABELS, wdl.Ftrl(0.1), epochs=1)
    model.compile(wdl.Adagrad(0.1), wdl.LogLoss(), jit_compile=False)
    wdl.train(model, WIDE_INPUTS, LABELS, epochs=1, batch_size=32)
    assert int(model.optimizer.iterations) == 2
    before = weights_of(model)
    model.fit(WIDE_INPUTS, LABELS, verbose=0)  # Keras' own way stays open
    assert int(model.optimizer.iterations) == 4
    assert not np.array_equal(before["wide_weights/table"], weights_of(model)["wide_weights/table"])


def fresh(optimizer, epochs, build=lambda: wdl.wide_model(WIDE), **settings):
    """A new model after some epochs in one go, its losses, and its weights: what any other sequence must give."""
    keras.utils.set_random_seed(1)
    model = build()
    np.random.seed(2)
    history = wdl.train(model, inputs_of(model), LABELS, optimizer, epochs, 24, **settings)
    return model, history["loss"], weights_of(model)


def inputs_of(model):
    return {tensor.name: INPUTS[tensor.name] for tensor in model.inputs}


def assert_same(weights, expected):
    assert weights.keys() == expected.keys()
    for path, weight in expected.items():
        np.testing.assert_array_equal(weights[path], weight, err_msg=path)


def joint(rate=0.3):
    return wdl.joint_optimizer(wide=wdl.Ftrl(rate), deep=wdl.Adagrad(rate))


BUILDERS = {
    "wide": (lambda: wdl.wide_model(WIDE), lambda: wdl.Ftrl(0.3)),
    "joint": (lambda: wdl.wide_deep_model(WIDE, DEEP, 3, (4,), 0.0), joint),
    "adam": (lambda: wdl.deep_model(DEEP, 3, (4,), 0.0), lambda: wdl.Adam(0.1)),
}


@pytest.mark.parametrize("kind", BUILDERS)
def test_the_same_optimizer_given_again_goes_on_and_reports_the_loss(kind):
    build, make = BUILDERS[kind]
    _, losses, weights = fresh(make(), 3, build)
    optimizer = make()
    model, first, _ = fresh(optimizer, 1, build)
    inputs = inputs_of(model)
    again = wdl.train(model, inputs, LABELS, optimizer, 1, 24, validation=(inputs, LABELS))
    last = wdl.train(model, inputs, LABELS, None, 1, 24)
    assert first + again["loss"] + last["loss"] == losses
    assert_same(weights_of(model), weights)


@pytest.mark.parametrize("kind", BUILDERS)
def test_compile_between_two_calls_changes_what_it_says_and_nothing_else(kind):
    build, make = BUILDERS[kind]
    _, losses, weights = fresh(make(), 3, build)
    model, found, _ = fresh(make(), 1, build)
    for metrics in (["accuracy"], [keras.metrics.AUC(from_logits=True)]):
        model.compile(model.optimizer, wdl.LogLoss(), metrics=metrics, jit_compile=False)
        found += wdl.train(model, inputs_of(model), LABELS, None, 1, 24)["loss"]
    assert found == losses
    assert_same(weights_of(model), weights)


def test_another_loss_given_to_compile_is_the_one_that_is_trained_and_reported():
    model, _, weights = fresh(wdl.Adagrad(0.1), 1)
    model.compile(model.optimizer, "mse", jit_compile=False)
    logits = wdl.predict_logits(model, WIDE_INPUTS)
    found = wdl.train(model, WIDE_INPUTS, LABELS, None, 1, batch_size=64)["loss"]
    assert found == [pytest.approx(np.mean((LABELS - logits) ** 2), rel=1e-5)]
    step = weights_of(model)["logit/bias"] - weights["logit/bias"]
    assert np.sign(step) == -np.sign(np.mean(logits - LABELS))  # downhill
    log_loss_now = log_losses(LABELS, wdl.predict(model, WIDE_INPUTS)).mean()
    given = wdl.train(model, WIDE_INPUTS, LABELS, model.optimizer, 1, batch_size=64)["loss"]
    assert given == [pytest.approx(log_loss_now, rel=1e-5)]  # an optimizer that is given comes with the log loss


@pytest.mark.parametrize("again", ["the same optimizer", "no optimizer", "compiled by hand"])
def test_the_alarm_for_nan_is_never_off(again):
    optimizer = wdl.Adagrad(0.1)
    model, _, _ = fresh(optimizer, 1)
    model.get_layer("logit").set_weights([np.array([np.nan])])
    if again == "compiled by hand":
        model.compile(optimizer, wdl.LogLoss(), metrics=["accuracy"], jit_compile=False)
    with pytest.raises(FloatingPointError, match="'wide' became NaN or infinite"):
        wdl.train(model, WIDE_INPUTS, LABELS, optimizer if again == "the same optimizer" else None, epochs=1)


def test_another_optimizer_starts_with_slots_of_its_own():
    model, _, _ = fresh(wdl.Adagrad(0.1), 1)
    twin, by_hand = wdl.wide_model(WIDE), fresh(wdl.Adagrad(0.1), 1)[0]
    twin.set_weights(model.get_weights())
    by_hand.optimizer = wdl.Adagrad(0.1)  # put in place without `compile`
    histories = []
    for each, optimizer in ((model, wdl.Adagrad(0.1)), (twin, wdl.Adagrad(0.1)), (by_hand, None)):
        np.random.seed(5)
        histories.append(wdl.train(each, WIDE_INPUTS, LABELS, optimizer, 2, 24))
    assert histories[0] == histories[1] == histories[2]
    assert_same(weights_of(model), weights_of(twin))  # this one was never trained, it only got the weights
    assert_same(weights_of(model), weights_of(by_hand))


def test_an_optimizer_of_another_model_is_refused_and_nothing_is_changed():
    optimizer, ftrl = wdl.Adagrad(0.1), wdl.Ftrl(0.1)
    fresh(optimizer, 1)
    fresh(ftrl, 1)
    build = BUILDERS["joint"][0]
    second, losses, weights = fresh(joint(), 1, build)
    shared = wdl.joint_optimizer(wide=ftrl, deep=wdl.Adagrad(0.1))
    for other in (optimizer, shared):
        with pytest.raises(
            ValueError, match=f"'{other.name}' keeps slots of other weights .*'wide_deep' trains now.*an"
        ):
            wdl.train(second, INPUTS, LABELS, other, 1)
    assert_same(weights_of(second), weights)
    losses += wdl.train(second, INPUTS, LABELS, None, 1, 24)["loss"]
    assert losses == fresh(joint(), 2, build)[1]
    with pytest.raises(ValueError, match="keeps slots of other weights"):  # the same builder, but another model
        wdl.train(wdl.wide_model(WIDE), WIDE_INPUTS, LABELS, optimizer, 1)


def test_the_two_optimizers_of_a_joint_one_may_be_joined_anew():
    build = BUILDERS["joint"][0]
    _, losses, weights = fresh(joint(), 2, build)
    optimizer = joint()
    model, found, _ = fresh(optimizer, 1, build)
    wide, deep = optimizer.optimizers
    found += wdl.train(model, INPUTS, LABELS, wdl.joint_optimizer(wide=wide, deep=deep), 1, 24)["loss"]
    assert found == losses
    assert_same(weights_of(model), weights)


def test_a_frozen_layer_needs_a_new_optimizer_and_then_stays_as_it_is():
    build = BUILDERS["joint"][0]
    optimizer = joint()
    model, _, before = fresh(optimizer, 1, build)
    twin = build()
    twin.set_weights(model.get_weights())
    for each in (model, twin):
        each.get_layer("deep_embeddings").trainable = False
    for given in (None, optimizer):
        with pytest.raises(ValueError, match="a layer was frozen or unfrozen since. Give a new optimizer"):
            wdl.train(model, INPUTS, LABELS, given, 1, 24)
    for each in (model, twin):
        np.random.seed(5)
        wdl.train(each, INPUTS, LABELS, joint(), 2, 24)
    assert_same(weights_of(model), weights_of(twin))
    table = model.get_layer("deep_embeddings").get_weights()[0]
    np.testing.assert_array_equal(table, before["deep_embeddings/table"])
    model.get_layer("deep_embeddings").trainable = True
    with pytest.raises(ValueError, match="frozen or unfrozen"):
        wdl.train(model, INPUTS, LABELS, None, 1, 24)
    wdl.train(model, INPUTS, LABELS, wdl.Adagrad(0.1), 1, 24)
    assert (model.get_layer("deep_embeddings").get_weights()[0][1:] != table[1:]).any()


def test_a_graph_is_built_for_each_compilation_and_no_oftener(monkeypatch):
    model, built = wdl.wide_model(WIDE), []
    step = model.train_step
    monkeypatch.setattr(model, "train_step", lambda data: (built.append(data), step(data))[1])
    for optimizer, graphs in ((wdl.Adagrad(0.1), 1), (None, 1), (None, 1), (wdl.Adagrad(0.1), 2), (None, 2)):
        wdl.train(model, WIDE_INPUTS, LABELS, optimizer, epochs=2, batch_size=24)
        assert len(built) == graphs


def test_optimizers_are_taken_by_name_too_and_keras_own_are_warned_of_where_ids_repeat():
    for given, ours in (("adagrad", "Adagrad"), (keras.optimizers.RMSprop(0.1), "Adagrad, Adam or Ftrl")):
        with pytest.warns(
            UserWarning, match=f"squares the pieces of a repeated id's .*Take wdl_helpers' {ours}"
        ) as seen:
            wdl.train(wdl.wide_model(WIDE), WIDE_INPUTS, LABELS, given, 1)
        assert len(seen) == 1 and seen[0].filename == __file__
    shared = wdl.joint_optimizer(wide=wdl.Ftrl(0.1), deep=keras.optimizers.Adam(0.1))
    with pytest.warns(UserWarning, match="Keras' own Adam .* are not Adam's. Take wdl_helpers' Adam."):
        wdl.train(wdl.wide_deep_model(WIDE, DEEP, 3, ()), INPUTS, LABELS, shared, 1)
    ids = keras.Input((2,), name="ids")
    plain = keras.Model([ids], keras.layers.Dense(1)(ids))
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        wdl.train(plain, {"ids": np.ones((2, 2), "float32")}, [0, 1], "adam", 1)  # no lookups
        for right in ("sgd", "lion", wdl.Adam(0.1), joint()):
            model = wdl.wide_deep_model(WIDE, DEEP, 3, ())
            wdl.train(model, INPUTS, LABELS, right, 1)


@pytest.mark.parametrize("kind", BUILDERS)
def test_keras_own_functions_take_the_inputs_by_name_from_a_larger_dict_too(kind, tmp_path):
    build, make = BUILDERS[kind]
    model, _, _ = fresh(make(), 1, build)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    others = {"a_first": np.zeros((64, 1), "float32"), **INPUTS, "price": np.zeros((64, 1)), "z_last": np.ones(64)}
    expected, labels = wdl.predict_logits(model, inputs_of(model)), LABELS.astype("float32")
    loss = pytest.approx(log_losses(LABELS, sigmoid(expected)).mean(), rel=1e-5)
    dataset = tf.data.Dataset.from_tensor_slices((others, labels)).batch(64)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        for each in (model, loaded):
            np.testing.assert_array_equal(each.predict(others, verbose=0)[:, 0], expected)
            assert each.evaluate(others, labels, verbose=0) == loss
            assert each.evaluate(dataset, verbose=0) == loss
            assert each.fit(others, labels, batch_size=64, verbose=0).history["loss"] == [loss]
    with pytest.raises(ValueError, match="Missing data for input"):
        model.predict({"a_first": others["a_first"]}, verbose=0)


def test_mixed_precision_keeps_the_step_on_a_lookup_sparse_and_float16_is_refused():
    try:
        keras.config.set_dtype_policy("mixed_bfloat16")
        model = wdl.wide_deep_model(WIDE, DEEP, 3, (4,), 0.0)
        keras.config.set_dtype_policy("mixed_float16")
        half = wdl.wide_model(WIDE)
    finally:
        keras.config.set_dtype_policy("float32")
    with tf.GradientTape() as tape:
        loss = wdl.LogLoss()(LABELS.astype("float32"), model(INPUTS))
    gradients = dict(zip(weights_of(model), tape.gradient(loss, [each.value for each in model.trainable_variables])))
    for table in ("wide_weights/table", "deep_embeddings/table"):
        assert isinstance(gradients[table], tf.IndexedSlices) and gradients[table].dtype == tf.float32
    shapes = {name: tf.TensorSpec(array.shape, array.dtype) for name, array in INPUTS.items()}
    graph = tf.function(model, autograph=False).get_concrete_function(shapes).graph
    kinds = [each.type for each in graph.get_operations()]
    assert kinds.count("ResourceGather") == 2 and "GatherV2" not in kinds  # from the variable, not from a copy of it
    losses = wdl.train(model, INPUTS, LABELS, joint(), 5, 24)["loss"]
    assert losses[-1] < losses[0] - 0.05
    with pytest.raises(ValueError, match="'wide' computes in mixed_float16.*expected float32 or mixed_bfloat16"):
        wdl.train(half, WIDE_INPUTS, LABELS, wdl.Ftrl(0.1))


def test_the_first_call_needs_an_optimizer():
    with pytest.raises(ValueError, match="The model 'wide' has no optimizer yet: give one"):
        wdl.train(wdl.wide_model(WIDE), WIDE_INPUTS, LABELS)


def test_one_line_of_progress_is_shown_in_jupyter_and_nowhere_else(monkeypatch, capsys):
    model = wdl.wide_model(WIDE)
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    wdl.train(model, WIDE_INPUTS, LABELS, wdl.Ftrl(0.1), epochs=1)
    wdl.predict(model, WIDE_INPUTS)
    silent = capsys.readouterr()
    assert silent.out == silent.err == ""
    monkeypatch.setenv("JPY_SESSION_NAME", "/notebooks/some.ipynb")
    wdl.train(model, WIDE_INPUTS, LABELS, epochs=3)
    shown = capsys.readouterr().out
    assert [line.split(",")[0] for line in shown.split("\r")] == ["", *(f"wide: epoch {i} of 3" for i in (1, 2, 3))]
    assert shown.count("\n") == 1 and shown.endswith("\n") and "loss 0." in shown
    wdl.predict(model, WIDE_INPUTS)
    assert capsys.readouterr().out == ""


def test_the_progress_can_be_asked_for_and_turned_off(monkeypatch, capsys):
    model = wdl.wide_model(WIDE)
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    wdl.train(model, WIDE_INPUTS, LABELS, wdl.Ftrl(0.1), epochs=2, verbose=2)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in lines] == ["wide: epoch 1 of 2", "wide: epoch 2 of 2"]
    wdl.train(model, WIDE_INPUTS, LABELS, epochs=2, verbose=1)
    assert capsys.readouterr().out.count("\r") == 2
    monkeypatch.setenv("JPY_SESSION_NAME", "/notebooks/some.ipynb")
    wdl.train(model, WIDE_INPUTS, LABELS, epochs=2, verbose=0)
    assert capsys.readouterr().out == ""
    with pytest.raises(ValueError, match="verbose is 'loud'; expected 'auto', 0, 1 or 2"):
        wdl.train(model, WIDE_INPUTS, LABELS, epochs=2, verbose="loud")


def test_of_tensorflows_warnings_that_of_retracing_alone_is_kept_back():
    logger = tf.get_logger()
    message = "5 out of the last 5 calls to <function> triggered tf.function retracing. Tracing is expensive."
    passes = [
        bool(logger.filter(logging.LogRecord("tensorflow", logging.WARNING, "", 0, text, (), None)))
        for text in (message, "The operation is deprecated.")
    ]
    assert passes == [False, True] and logger.isEnabledFor(logging.WARNING)


def test_a_loss_that_becomes_nan_is_an_error():
    model = wdl.wide_deep_model(WIDE, DEEP, 3, (), 0.0)
    model.get_layer("logit").set_weights([np.array([np.nan])])
    with pytest.raises(FloatingPointError, match="'wide_deep' became NaN or infinite: lower the learning rate"):
        wdl.train(model, INPUTS, LABELS, wdl.Adagrad(0.1), epochs=1)


def test_labels_may_be_booleans_numbers_lists_arrays_and_series():
    model, results = wdl.wide_model(WIDE), []
    wdl.train(model, WIDE_INPUTS, LABELS, wdl.Ftrl(0.1), epochs=1, batch_size=64)
    model.set_weights([np.ones(weight.shape) for weight in model.get_weights()])
    series = pd.Series(LABELS, index=range(64, 0, -1))
    for labels in (LABELS, LABELS.tolist(), LABELS == 1, LABELS.astype("float32"), series, series == 1):
        results.append(wdl.train(model, WIDE_INPUTS, labels, epochs=1, batch_size=64)["loss"][0])
        model.set_weights([np.ones(weight.shape) for weight in model.get_weights()])
    assert results == [pytest.approx(log_losses(LABELS, wdl.predict(model, WIDE_INPUTS)).mean(), rel=1e-5)] * 6


# --------------------------------------------------------------------------------------------- predicting


def test_predictions_are_probabilities_of_label_one():
    model = wdl.wide_model(WIDE)
    model.set_weights([np.linspace(-30, 30, WIDE["n_ids"])[:, None], np.array([0.25])])
    logits = model(WIDE_INPUTS).numpy()[:, 0]
    result = wdl.predict(model, WIDE_INPUTS)
    assert result.dtype == "float64" and result.shape == (64,)
    np.testing.assert_allclose(result, sigmoid(logits), rtol=1e-6)
    assert wdl.predict(model, {"wide_ids": INPUTS["wide_ids"][:1]}).shape == (1,)


def test_a_model_takes_its_inputs_by_name_from_a_larger_dict():
    others = {"a_first": np.zeros(3), **INPUTS, "z_last": np.zeros((64, 2))}
    backwards = dict(reversed(others.items()))
    for model in (wdl.wide_model(WIDE), wdl.deep_model(DEEP, 3, ()), wdl.wide_deep_model(WIDE, DEEP, 3, ())):
        model.set_weights([np.linspace(-1, 1, weight.size).reshape(weight.shape) for weight in model.get_weights()])
        expected = sigmoid(model({tensor.name: INPUTS[tensor.name] for tensor in model.inputs}).numpy()[:, 0])
        for inputs in (others, backwards):
            np.testing.assert_allclose(wdl.predict(model, inputs), expected, rtol=1e-6)
    history = wdl.train(model, others, LABELS, wdl.Adagrad(1e-9), 1, 64, validation=(backwards, LABELS))
    assert history["loss"] == [pytest.approx(log_losses(LABELS, expected).mean(), rel=1e-5)]
    assert history["val_loss"] == [pytest.approx(log_losses(LABELS, expected).mean(), rel=1e-5)]


def test_predictions_keep_the_order_of_many_rows():
    model = wdl.wide_model(WIDE)
    model.set_weights([np.linspace(-3, 3, WIDE["n_ids"])[:, None], np.array([0.0])])
    many = np.resize(np.arange(WIDE["n_ids"], dtype="int32"), (9001, 1))
    alone = wdl.predict(model, {"wide_ids": many[: WIDE["n_ids"]]})
    np.testing.assert_allclose(wdl.predict(model, {"wide_ids": many}), np.resize(alone, 9001), rtol=1e-6)


def test_logits_do_not_saturate_and_no_rows_give_no_predictions():
    model = wdl.wide_model(WIDE)
    model.set_weights([np.zeros((WIDE["n_ids"], 1)), np.array([-800.5])])
    assert set(wdl.predict_logits(model, WIDE_INPUTS)) == {-800.5} and not wdl.predict(model, WIDE_INPUTS).any()
    for predict in (wdl.predict, wdl.predict_logits):
        nothing = predict(model, {"wide_ids": INPUTS["wide_ids"][:0]})
        assert nothing.shape == (0,) and nothing.dtype == "float64"
        with pytest.raises(KeyError, match="needs the input 'wide_ids'"):
            predict(model, {})
    with pytest.raises(ValueError, match="differ in their numbers of rows: {'deep_ids': 0, 'numbers': 64}"):
        wdl.predict(wdl.deep_model(DEEP, 3, ()), {**INPUTS, "deep_ids": INPUTS["deep_ids"][:0]})


def test_extreme_logits_give_probabilities_in_the_unit_interval():
    model = wdl.wide_model(WIDE)
    for bias, expected in ((1e30, 1.0), (-1e30, 0.0)):
        model.set_weights([np.zeros((WIDE["n_ids"], 1)), np.array([bias])])
        assert set(wdl.predict(model, WIDE_INPUTS)) == {expected}


# ---------------------------------------------------------------------------------------------- bad input

BAD_LABELS = [
    (2 * LABELS, ValueError, "hold 2; expected 0 and 1"),
    (2 * LABELS - 1, ValueError, "hold -1; expected 0 and 1"),
    (LABELS / 2, ValueError, "hold 0.5; expected 0 and 1"),
    (np.where(LABELS == 1, np.nan, 0), ValueError, "hold nan; expected 0 and 1"),
    (np.where(LABELS == 1, np.inf, 0), ValueError, "hold inf; expected 0 and 1"),
    (np.where(LABELS == 1, ">50K", "<=50K"), TypeError, "type <U5; expected one 0 or 1 a row"),
    (LABELS.astype(object), TypeError, "type object; expected one 0 or 1 a row"),
    (np.where(LABELS == 1, None, 0), TypeError, "type object; expected one 0 or 1 a row"),
    (LABELS[:, None], TypeError, r"shape \(64, 1\) .*; expected one 0 or 1 a row"),
    (np.eye(2)[LABELS], TypeError, r"shape \(64, 2\) .*; expected one 0 or 1 a row"),
    (1, TypeError, r"shape \(\) .*; expected one 0 or 1 a row"),
    (np.zeros(64), ValueError, r"All 64 labels are \[0.0\]: both classes"),
    (np.ones(64, dtype=int), ValueError, r"All 64 labels are \[1\]: both classes"),
    (np.zeros(0), ValueError, "both classes"),
]
bad_labels = pytest.mark.parametrize("labels, error, message", BAD_LABELS, ids=[str(i) for i in range(len(BAD_LABELS))])


@bad_labels
def test_labels_that_are_not_zeros_and_ones_are_refused(labels, error, message):
    model = wdl.wide_model(WIDE)
    with pytest.raises(error, match=message):
        wdl.train(model, WIDE_INPUTS, labels, wdl.Ftrl(0.1))
    with pytest.raises(error, match=message):
        wdl.train(model, WIDE_INPUTS, LABELS, wdl.Ftrl(0.1), validation=(WIDE_INPUTS, labels))
    with pytest.raises(error, match=message):
        wdl.scores(labels, np.full(64, 0.5))


def test_inputs_and_labels_of_different_length_are_refused():
    model, message = wdl.wide_model(WIDE), "'wide_ids' has 64 rows but there are 63 labels"
    with pytest.raises(ValueError, match=message):
        wdl.train(model, WIDE_INPUTS, LABELS[:-1], wdl.Ftrl(0.1))
    with pytest.raises(ValueError, match=message):
        wdl.train(model, WIDE_INPUTS, LABELS, wdl.Ftrl(0.1), validation=(WIDE_INPUTS, LABELS[:-1]))
    shorter = {**INPUTS, "numbers": INPUTS["numbers"][:-1]}
    with pytest.raises(ValueError, match="'numbers' has 63 rows but there are 64 labels"):
        wdl.train(wdl.deep_model(DEEP, 3, ()), shorter, LABELS, wdl.Adagrad(0.1))


def test_inputs_that_are_no_dict_are_refused():
    # The natural slip: wide_ids returns the array itself.
    model = wdl.wide_model(WIDE)
    with pytest.raises(TypeError, match="dict"):
        wdl.train(model, INPUTS["wide_ids"], LABELS, wdl.Ftrl(0.1))
    with pytest.raises(TypeError, match="dict"):
        wdl.predict(model, INPUTS["wide_ids"])


def test_an_input_that_the_model_lacks_is_named():
    model, message = wdl.wide_model(WIDE), r"'wide' needs the input 'wide_ids'; there are \['deep_ids', 'numbers'\]"
    deep_only = {name: INPUTS[name] for name in ("deep_ids", "numbers")}
    with pytest.raises(KeyError, match=message):
        wdl.train(model, deep_only, LABELS, wdl.Ftrl(0.1))
    with pytest.raises(KeyError, match=message):
        wdl.train(model, WIDE_INPUTS, LABELS, wdl.Ftrl(0.1), validation=(deep_only, LABELS))
    with pytest.raises(KeyError, match=message):
        wdl.predict(model, deep_only)


# ---------------------------------------------------------------------------------------------- evaluation


def test_scores_of_four_rows_by_hand():
    result = wdl.scores([0, 0, 1, 1], [0.1, 0.6, 0.4, 0.9])
    # Rows 0 and 3 are right; of the four pairs (positive, negative) only (0.4, 0.6) is in the wrong order.
    assert result == {
        "accuracy": 0.5,
        "AUC": 0.75,
        "log loss": pytest.approx(-(np.log(0.9) + np.log(0.4) + np.log(0.4) + np.log(0.9)) / 4, rel=1e-12),
    }


def test_one_half_counts_as_a_one_and_ties_count_half():
    assert wdl.scores([0, 1, 1], [0.5, 0.5, 0.5]) == {
        "accuracy": pytest.approx(2 / 3),
        "AUC": 0.5,
        "log loss": pytest.approx(np.log(2)),
    }


def test_scores_are_those_of_scikit_learn():
    random = np.random.default_rng(0)
    labels, probabilities = random.integers(0, 2, 500), random.random(500).round(2)
    assert {0.0, 1.0} <= set(probabilities)  # certain and wrong: the log loss must stay finite
    for given in (labels, labels.tolist(), labels == 1, pd.Series(labels, index=range(500, 0, -1))):
        assert wdl.scores(given, probabilities) == {
            "accuracy": accuracy_score(labels, probabilities >= 0.5),
            "AUC": roc_auc_score(labels, probabilities),
            "log loss": log_loss(labels, probabilities),
        }


@pytest.mark.parametrize("bad", [-0.01, 1.01, np.nan, np.inf, 30.0])
def test_a_probability_outside_the_unit_interval_is_refused(bad):
    with pytest.raises(ValueError, match=rf"probability in row 2 is {bad:g}; expected one from 0 to 1"):
        wdl.scores([0, 1, 1], [0.5, 0.5, bad])


def test_probabilities_and_labels_of_different_length_are_refused():
    with pytest.raises(ValueError, match="'probabilities' has 2 rows but there are 3 labels"):
        wdl.scores([0, 1, 1], [0.5, 0.5])


def test_a_comparison_has_a_row_for_each_model():
    results = {
        "wide": {"accuracy": 0.123456, "AUC": 0.5, "log loss": 0.7},
        "deep": {"accuracy": 0.9, "AUC": 0.99996, "log loss": 0.12344},
    }
    table = wdl.comparison(results)
    assert list(table.index) == ["wide", "deep"] and table.index.name == "model"
    assert list(table.columns) == ["accuracy", "AUC", "log loss"]
    assert table.to_numpy().tolist() == [[0.1235, 0.5, 0.7], [0.9, 1.0, 0.1234]]


@pytest.mark.parametrize("build", [wdl.wide_model, lambda wide: wdl.wide_deep_model(wide, DEEP)], ids=["wide", "joint"])
def test_wide_weights_have_names_and_the_largest_comes_first(build):
    frame = pd.DataFrame({"a": ["x", "x", "y"], "b": ["p", "q", "p"]})
    wide = wdl.fit_wide(frame, ["a", ("a", "b")])
    model = build(wide)
    model.get_layer("wide_weights").set_weights([np.array([[1000], [0.5], [-3], [2], [-0.5], [0]])])
    weights = wdl.wide_weights(model, wide)
    assert list(weights.items()) == [
        ("a=x & b=p", -3), ("a=x & b=q", 2), ("a=x", 0.5), ("a=y", -0.5), ("a=y & b=p", 0),
    ]  # fmt: skip
    assert weights.dtype == "float32" and weights.name == "weight"


def test_wide_weights_of_a_hashed_part_are_named_by_bucket():
    wide = wdl.fit_wide(pd.DataFrame({"a": ["x"]}), ["a"], hash_buckets=3)
    model = wdl.wide_model(wide)
    model.get_layer("wide_weights").set_weights([np.array([[1000], [1], [-2], [3]])])
    assert list(wdl.wide_weights(model, wide).items()) == [(3, 3), (2, -2), (1, 1)]


# ---------------------------------------------------------------------------------- the same in every process

PRODUCT = """
random = np.random.default_rng(0)
left = random.normal(size=(77, 555)).astype("float32")
right = random.normal(size=(555, 33)).astype("float32")
print(hashlib.md5(tf.matmul(left, right).numpy().tobytes()).hexdigest())
"""

# One process for several facts, because importing TensorFlow takes seconds.
TENSORFLOW_FIRST = """
import hashlib
import tensorflow as tf
import wdl_helpers as wdl
import numpy as np
import pandas as pd
print(wdl.hash_ids(pd.Series(["a=x", "a=y", "名=東京"]), 1000, 3).ravel().tolist())
try:
    wdl.reproducible()
except RuntimeError as error:
    print(error)
wide = wdl.fit_wide(pd.DataFrame({"a": ["x"]}), ["a"])
for _ in range(6):
    wdl.predict(wdl.wide_model(wide), {"wide_ids": np.ones((1, 1), "int32")})
"""
HELPERS_FIRST = f"""
import gc
import hashlib
import os
import sys
import wdl_features
print([name for name in ("tensorflow", "keras", "matplotlib", "IPython", "sklearn") if name in sys.modules])
from recommender import serving, shards
print([name for name in ("wdl_helpers", "wide_deep.plots", "wide_deep.evaluation") if name in sys.modules])
import wdl_helpers as wdl
import numpy as np
import tensorflow as tf
print(gc.isenabled(), gc.get_freeze_count(), "TENSORFLOW_USE_CUSTOM_CONTRACTION_KERNEL" in os.environ)
tf.config.threading.set_intra_op_parallelism_threads(2)  # as many as `reproducible` sets, so this need not change
{PRODUCT}
try:
    wdl.reproducible()
except RuntimeError as error:
    print(error)
"""
SET_FROM_THE_START = f"""
import hashlib
import os
import numpy as np
os.environ |= {{"TF_ENABLE_ONEDNN_OPTS": "0", "TENSORFLOW_USE_CUSTOM_CONTRACTION_KERNEL": "false"}}
import tensorflow as tf
tf.config.threading.set_intra_op_parallelism_threads(2)
{PRODUCT}
import wdl_helpers as wdl
wdl.reproducible()
"""
SETTINGS = {**reproducible.AT_IMPORT, **reproducible.AT_FIRST_PRODUCT}


def other_process(program, **settings):
    environment = {name: value for name, value in os.environ.items() if name not in (*SETTINGS, "KERAS_BACKEND")}
    environment |= {"PYTHONHASHSEED": "12345", "PYTHONIOENCODING": "utf-8", **settings}
    command, folder = [sys.executable, "-c", program], pathlib.Path(wdl.__file__).parent
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, encoding="utf-8", timeout=200)


@pytest.fixture(scope="module")
def tensorflow_first():
    run = other_process(TENSORFLOW_FIRST)
    assert run.returncode == 0, run.stderr
    return run


def test_hash_ids_are_the_same_in_every_process(tensorflow_first):
    here = wdl.hash_ids(pd.Series(["a=x", "a=y", "名=東京"]), 1000, 3).ravel().tolist()
    assert tensorflow_first.stdout.splitlines()[0] == str(here) == "[911, 165, 186]"


def test_reproducible_refuses_when_tensorflow_was_imported_first(tensorflow_first):
    assert tensorflow_first.stdout.splitlines()[1].startswith("Import wdl_helpers before tensorflow and keras")


def test_many_models_in_one_process_print_no_warning(tensorflow_first):
    assert "retracing" not in tensorflow_first.stderr


def test_who_does_not_call_reproducible_gets_the_fast_products_and_light_imports():
    run = other_process(HELPERS_FIRST)
    assert (run.returncode, run.stderr) == (0, "")
    features, serving, collector, product, late = run.stdout.splitlines()
    assert features == serving == "[]"
    assert collector == "True 0 False"
    assert late.startswith("Call reproducible before TensorFlow computes anything: its number of threads and its kern")
    exact = other_process(SET_FROM_THE_START)
    assert exact.returncode == 0, exact.stderr  # everything was set, so it does not come too late
    here = io.StringIO()
    with contextlib.redirect_stdout(here):
        exec(PRODUCT, {"np": np, "tf": tf, "hashlib": hashlib})
    assert here.getvalue() == exact.stdout  # set by `reproducible`, after the import and before the first product
    if sys.platform == "linux" and platform.machine() == "x86_64":  # other builds have no such kernel
        assert product != exact.stdout.strip()


def test_reproducible_fixes_the_settings_for_equal_bits():
    assert reproducible.IMPORTED_FIRST
    assert SETTINGS == {"TF_ENABLE_ONEDNN_OPTS": "0", "TENSORFLOW_USE_CUSTOM_CONTRACTION_KERNEL": "false"}
    assert SETTINGS.items() <= os.environ.items()


@pytest.mark.parametrize("name", SETTINGS)
def test_reproducible_refuses_what_the_environment_forbids(name, monkeypatch):
    monkeypatch.setenv(name, "1")
    with pytest.raises(RuntimeError, match=f"variable {name} is 1; unset it, or set it to {SETTINGS[name]}"):
        wdl.reproducible()


def test_another_backend_of_keras_is_an_error_that_names_it(monkeypatch):
    run = other_process("import wdl_helpers", KERAS_BACKEND="jax")
    assert run.returncode == 1 and "ImportError: Keras runs on jax, and these modules on TensorFlow" in run.stderr
    features = "import os, wdl_features; assert os.environ['KERAS_BACKEND'] == 'jax'"
    assert other_process(features, KERAS_BACKEND="jax").returncode == 0  # they are for whatever library trains
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")  # Keras is there, whatever the variable says
    with pytest.raises(ImportError, match="Keras runs on torch, .* with KERAS_BACKEND=tensorflow"):
        reproducible.check_backend()


def test_the_same_seed_gives_the_same_bits_and_another_seed_others():
    starts, ends = [], []
    for seed in (3, 3, 4):
        wdl.reproducible(seed)
        model = wdl.wide_deep_model(WIDE, DEEP, 4, (8,), dropout=0.3)
        starts.append(weights_of(model)["deep_embeddings/table"])
        if seed == 3:
            optimizer = wdl.joint_optimizer(wide=wdl.Ftrl(0.1), deep=wdl.Adagrad(0.1))
            wdl.train(model, INPUTS, LABELS, optimizer, epochs=2, batch_size=16)
            ends.append(weights_of(model))
    assert (starts[2] != starts[1]).all()
    for path, weight in ends[0].items():
        np.testing.assert_array_equal(ends[1][path], weight, err_msg=path)


def test_reproducible_seeds_all_random_numbers_and_asks_for_deterministic_sums(monkeypatch):
    calls = []
    monkeypatch.setattr(tf.config.experimental, "enable_op_determinism", lambda: calls.append("deterministic"))
    draws = []
    for arguments in ((), (0,), (5,)):
        wdl.reproducible(*arguments)
        draws.append((np.random.random(), float(keras.random.uniform(())), float(tf.random.uniform(()))))
    assert draws[0] == draws[1] and not set(draws[0]) & set(draws[2])
    assert calls == ["deterministic"] * 3


def test_reproducible_refuses_when_it_comes_too_late(monkeypatch):
    monkeypatch.setattr(reproducible, "IMPORTED_FIRST", False)
    with pytest.raises(RuntimeError, match="Import wdl_helpers before tensorflow"):
        wdl.reproducible()


# --------------------------------------------------------------------------------------------------- plots


def drawn():
    figure, axes = plt.subplots()
    axes.plot([0, 1], color=wdl.BLUE)
    return figure


def test_show_returns_a_picture_with_its_text_and_closes_the_figure():
    figure = drawn()
    image = wdl.show(figure, "A line that rises from 0 to 1.")
    assert image.data.startswith(b"\x89PNG\r\n") and image.format == "png"
    bundle, metadata = image._repr_mimebundle_()
    assert metadata["image/png"]["alt"] == "A line that rises from 0 to 1."
    assert bundle["image/png"] and not plt.fignum_exists(figure.number)


def test_the_same_figure_is_the_same_picture_and_carries_no_version():
    first, second = wdl.show(drawn(), "A line."), wdl.show(drawn(), "A line.")
    assert first.data == second.data and b"Matplotlib" not in first.data


def test_a_canvas_has_its_title_its_axes_names_and_as_many_panels_as_asked():
    figure, axes = wdl.canvas("Joint training wins", "epoch", "log loss", panels=2)
    assert figure.get_suptitle() == "Joint training wins" and len(axes) == 2
    assert [panel.get_xlabel() for panel in axes] == ["epoch"] * 2 and axes[0].get_ylabel() == "log loss"
    plt.close(figure)
    figure, axes = wdl.canvas("One", "", "share", size=(3, 2))
    assert axes.get_ylabel() == "share" and figure.get_size_inches().tolist() == [3, 2]
    plt.close(figure)
    with pytest.raises(ValueError, match="panels is 0; expected a whole number of at least 1"):
        wdl.canvas("None", "", "", panels=0)


def test_colours_are_four_and_differ():
    colours = {wdl.BLUE, wdl.ORANGE, wdl.GREEN, wdl.GREY}
    assert len(colours) == 4 and all(plt.matplotlib.colors.is_color_like(colour) for colour in colours)


def test_a_model_that_gives_probabilities_or_several_outputs_is_refused():
    ids = keras.Input((3,), name="ids")
    inputs, labels = {"ids": np.ones((2, 3), "float32")}, [0, 1]
    sigmoid = keras.Model({"ids": ids}, keras.layers.Dense(1, "sigmoid")(ids), name="recipe")
    double = keras.Model({"ids": ids}, keras.layers.Dense(2)(ids), name="double")
    several = keras.Model([ids], [keras.layers.Dense(1)(ids), keras.layers.Dense(1)(ids)], name="several")
    for model, message in (
        (sigmoid, "'recipe' ends in a sigmoid; expected a logit"),
        (double, "one logit a row"),
        (several, r"'several' returns \(None, 1\), \(None, 1\); expected one logit a row"),
    ):
        with pytest.raises(ValueError, match=message):
            wdl.predict(model, inputs)
        with pytest.raises(ValueError, match=message):
            wdl.train(model, inputs, labels, wdl.Adam(0.01))


def test_weights_of_another_model_are_refused():
    frame = pd.DataFrame({"a": ["x", "y", "z"]})
    wide, other = wdl.fit_wide(frame, ["a"]), wdl.fit_wide(frame[:2], ["a"])
    with pytest.raises(ValueError, match="3 wide weights, but `wide` has 2 features"):
        wdl.wide_weights(wdl.wide_model(wide), other)


@pytest.mark.parametrize(
    "last", [keras.ops.sigmoid, keras.layers.Dense(1, "softmax"), keras.layers.Dense(1, "sigmoid")]
)
def test_a_model_that_ends_in_a_probability_is_refused(last):
    numbers = keras.Input((2,), name="numbers")
    model = keras.Model([numbers], last(keras.layers.Dense(1)(numbers)), name="squashed")
    with pytest.raises(ValueError, match="'squashed' ends in a (sigmoid|softmax); expected a logit"):
        wdl.predict(model, {"numbers": np.zeros((3, 2))})


def test_ids_that_are_no_whole_numbers_and_numbers_that_are_none_are_refused(small):
    model = wdl.wide_deep_model(small.wide, small.deep, 4, (8,), 0.0)
    with pytest.raises(TypeError, match="Input 'wide_ids' has the type float64; expected ids"):
        wdl.predict(model, small.inputs | {"wide_ids": small.inputs["wide_ids"] + 0.7})
    with pytest.raises(ValueError, match="Input 'numbers' holds NaN or infinite values"):
        wdl.predict(model, small.inputs | {"numbers": small.inputs["numbers"] * np.nan})


def test_a_probability_is_found_behind_what_only_reshapes_it():
    numbers = keras.Input((2,), name="numbers")
    squashed = keras.layers.Dense(1, "sigmoid")(numbers)
    inner = keras.Model(numbers, squashed, name="inner")
    for model in (keras.Model([numbers], keras.layers.Reshape((1,))(squashed)), keras.Sequential([numbers, inner])):
        with pytest.raises(ValueError, match="ends in a sigmoid; expected a logit"):
            wdl.predict(model, {"numbers": np.zeros((3, 2))})

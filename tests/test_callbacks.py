"""The options of `train` that are Keras': callbacks, weights of rows and classes, early stopping."""

import re

import wdl_helpers as wdl

import keras
import numpy as np
import pandas as pd
import pytest

N_ROWS = 60
BATCH_SIZE = 16


def made(seed=0, dropout=0.0, lengthens=True):
    """A joint model, its inputs, labels, and held-out rows on which it soon gets worse."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame({"city": random.choice(list("abc"), N_ROWS), "age": random.normal(size=N_ROWS)})
    labels = random.integers(0, 2, N_ROWS)
    wide = wdl.fit_wide(frame, ["city"])
    deep = wdl.fit_deep(frame, ["city"], ["age"])
    keras.utils.set_random_seed(seed)
    model = wdl.wide_deep_model(wide, deep, units=(8,), dropout=dropout)
    held_out = pd.DataFrame({"city": random.choice(list("abc"), 40), "age": random.normal(size=40)})
    validation = (wdl.joint_inputs(held_out, wide, deep), random.integers(0, 2, 40))
    return model, wdl.joint_inputs(frame, wide, deep), labels, validation


def two(wide_rate=0.1, deep_rate=0.01):
    return wdl.joint_optimizer(wide=wdl.Adagrad(wide_rate), deep=wdl.Adam(deep_rate))


def rates(model):
    """The rate of the wide part and that of the deep part."""
    by_name = {type(part).__name__: float(part.learning_rate.numpy()) for part in model.optimizer.optimizers}
    return by_name.get("Adagrad", by_name.get("Ftrl")), by_name["Adam"]


def bits(model):
    return [variable.numpy().tobytes() for variable in [*model.variables, *model.optimizer.variables]]


class Diary(keras.callbacks.Callback):
    """Writes down what it was called for, and with which keys of the logs."""

    def __init__(self):
        super().__init__()
        self.lines = []

    def __getattribute__(self, name):
        if not name.startswith("on_"):
            return super().__getattribute__(name)

        def write(*arguments, logs=None):
            at = [argument for argument in arguments if not isinstance(argument, dict | None)]
            found = [argument for argument in [*arguments, logs] if isinstance(argument, dict)]
            self.lines.append((name, at, sorted(found[0]) if found else []))

        return write


# ---------------------------------------------------------------------------------------------- callbacks


def test_a_callback_is_called_as_by_fit():
    model, inputs, labels, validation = made()
    ours, keras_own = Diary(), Diary()
    wdl.train(model, inputs, labels, two(), 2, BATCH_SIZE, validation, callbacks=[ours])
    other = made()[0]
    other.compile(two(), wdl.LogLoss())
    other.fit(
        {tensor.name: inputs[tensor.name] for tensor in other.inputs},
        labels,
        BATCH_SIZE,
        epochs=2,
        validation_data=({tensor.name: validation[0][tensor.name] for tensor in other.inputs}, validation[1]),
        validation_batch_size=4096,
        callbacks=[keras_own],
        verbose=0,
    )
    assert ours.lines == keras_own.lines and len(ours.lines) == 2 + 2 * (2 + 2 * 4 + 4)


def test_what_looks_at_each_step_changes_no_bit():
    alone, watched = made(dropout=0.5)[0], made(dropout=0.5)[0]
    _, inputs, labels, validation = made()
    for model, callbacks in ((alone, []), (watched, [Diary()])):
        keras.utils.set_random_seed(1)
        wdl.train(model, inputs, labels, two(), 3, BATCH_SIZE, validation, callbacks=callbacks)
    assert bits(alone) == bits(watched)


def test_early_stopping_of_keras_restores_the_best_epoch_to_the_last_bit():
    model, inputs, labels, validation = made()
    stopping = keras.callbacks.EarlyStopping(monitor="val_loss", patience=3, restore_best_weights=True)
    history = wdl.train(model, inputs, labels, two(0.5, 0.05), 40, BATCH_SIZE, validation, callbacks=[stopping])
    best = int(np.argmin(history["val_loss"])) + 1
    assert len(history["loss"]) == best + 3 < 40
    other = made()[0]
    wdl.train(other, inputs, labels, two(0.5, 0.05), best, BATCH_SIZE, validation)
    assert [v.numpy().tobytes() for v in model.variables] == [v.numpy().tobytes() for v in other.variables]


@pytest.mark.parametrize("wide", [lambda: wdl.Ftrl(0.5), lambda: wdl.Adagrad(0.5)])
def test_patience_goes_back_to_the_best_epoch_with_the_optimizer_so_that_training_can_go_on(wide):
    model, inputs, labels, validation = made()
    optimizer = wdl.joint_optimizer(wide=wide(), deep=wdl.Adam(0.05))
    history = wdl.train(model, inputs, labels, optimizer, 40, BATCH_SIZE, validation, patience=2)
    best = int(np.argmin(history["val_loss"])) + 1
    assert len(history["loss"]) == len(history["val_loss"]) == best + 2 < 40
    other = made()[0]
    wdl.train(
        other, inputs, labels, wdl.joint_optimizer(wide=wide(), deep=wdl.Adam(0.05)), best, BATCH_SIZE, validation
    )
    assert bits(model) == bits(other)
    for each in (model, other):
        keras.utils.set_random_seed(5)
        wdl.train(each, inputs, labels, None, 2, BATCH_SIZE)
    assert bits(model) == bits(other)


def test_patience_keeps_the_best_epoch_even_if_training_runs_to_its_end():
    model, inputs, labels, validation = made()
    history = wdl.train(model, inputs, labels, two(0.5, 0.05), 8, BATCH_SIZE, validation, patience=8)
    assert len(history["loss"]) == 8 and int(np.argmin(history["val_loss"])) < 7
    scored = model.evaluate(*validation, batch_size=4096, verbose=0)
    assert scored == min(history["val_loss"])


def test_halving_a_rate_halves_each_optimizers_own():
    model, inputs, labels, _ = made()
    halving = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
    wdl.train(model, inputs, labels, two(0.1, 0.01), 3, callbacks=[halving])
    assert rates(model) == pytest.approx((0.1 / 8, 0.01 / 8))


def test_a_schedule_that_names_rates_names_those_of_the_deep_part_and_the_wide_one_keeps_its_distance():
    model, inputs, labels, _ = made()
    naming = keras.callbacks.LearningRateScheduler(lambda epoch: [0.04, 0.0, 0.002][epoch])
    wdl.train(model, inputs, labels, two(0.1, 0.01), 3, callbacks=[naming])
    assert rates(model) == pytest.approx((0.02, 0.002))


def test_a_plateau_reduces_each_rate_by_the_factor_and_never_that_of_ftrl():
    for wide, expected in ((wdl.Adagrad(0.1), 0.1 * 0.5**3), (wdl.Ftrl(0.1), 0.1)):
        model, inputs, labels, validation = made()
        flat = keras.callbacks.ReduceLROnPlateau(factor=0.5, patience=1, min_delta=100)
        optimizer = wdl.joint_optimizer(wide=wide, deep=wdl.Adam(0.01))
        wdl.train(model, inputs, labels, optimizer, 4, BATCH_SIZE, validation, callbacks=[flat])
        assert rates(model) == pytest.approx((expected, 0.01 * 0.5**3))


def test_files_are_written_and_read(tmp_path):
    model, inputs, labels, validation = made()
    callbacks = [
        keras.callbacks.CSVLogger(tmp_path / "log.csv"),
        keras.callbacks.ModelCheckpoint(tmp_path / "best.keras", save_best_only=True),
        keras.callbacks.ModelCheckpoint(str(tmp_path / "step-{batch}.weights.h5"), save_weights_only=True, save_freq=3),
    ]
    history = wdl.train(model, inputs, labels, two(0.5, 0.05), 6, BATCH_SIZE, validation, callbacks=callbacks)
    written = pd.read_csv(tmp_path / "log.csv")
    assert written["val_loss"].tolist() == history["val_loss"] and written["loss"].tolist() == history["loss"]
    best = keras.saving.load_model(tmp_path / "best.keras")
    assert best.evaluate(*validation, batch_size=4096, verbose=0) == min(history["val_loss"])
    assert list(tmp_path.glob("step-*"))


def test_the_training_ends_where_a_callback_says_so():
    model, inputs, labels, _ = made()
    stopping = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: setattr(model, "stop_training", True))
    assert len(wdl.train(model, inputs, labels, two(), 9, callbacks=[stopping])["loss"]) == 1
    assert len(wdl.train(model, inputs, labels, None, 2)["loss"]) == 2, "the next training does not stop at once"
    halted = wdl.train(model, inputs, labels, wdl.Adam(1e30), 9, callbacks=[keras.callbacks.TerminateOnNaN()])
    assert len(halted["loss"]) == 2 and np.isnan(halted["loss"][-1]), "the first step was still finite"
    with pytest.raises(FloatingPointError, match="lower the learning rate"):
        wdl.train(made()[0], inputs, labels, wdl.Adam(1e30), 9)


def test_patience_and_the_end_at_a_nan_go_together():
    model, inputs, labels, validation = made()
    callbacks = [keras.callbacks.TerminateOnNaN()]
    history = wdl.train(
        model, inputs, labels, wdl.Adam(1e30), 9, BATCH_SIZE, validation, callbacks=callbacks, patience=2
    )
    assert len(history["loss"]) == 1 and np.isnan(history["val_loss"][0]), "the second step met a NaN"


class StopsAtSmallRate(keras.callbacks.ReduceLROnPlateau):
    """Stops when it has reduced the rate to a given one."""

    def on_epoch_end(self, epoch, logs=None):
        super().on_epoch_end(epoch, logs)
        self.model.stop_training = self.model.optimizer.learning_rate < 0.003


def test_a_callback_that_sets_rates_can_also_stop_the_training():
    model, inputs, labels, validation = made()
    stopping = StopsAtSmallRate(factor=0.5, patience=1, min_delta=100)
    history = wdl.train(model, inputs, labels, two(), 9, BATCH_SIZE, validation, callbacks=[stopping])
    assert len(history["loss"]) == 3 and rates(model) == pytest.approx((0.025, 0.0025)), "0.01, 0.005, 0.0025"


def test_tensorboard_writes_its_events(tmp_path):
    pytest.importorskip("tensorboard")
    model, inputs, labels, validation = made()
    wdl.train(
        model, inputs, labels, two(), 2, BATCH_SIZE, validation, callbacks=[keras.callbacks.TensorBoard(tmp_path)]
    )
    assert list(tmp_path.rglob("events*"))


# ---------------------------------------------------------------------------------------------- weights


def test_weights_of_rows_are_those_of_fit():
    weights = np.random.default_rng(2).uniform(0, 3, N_ROWS)
    ours, inputs, labels, _ = made()
    history = wdl.train(ours, inputs, labels, two(), 5, N_ROWS, sample_weight=weights)
    other = made()[0]
    other.compile(two(), wdl.LogLoss())
    arrays = {tensor.name: inputs[tensor.name] for tensor in other.inputs}
    expected = other.fit(arrays, labels, N_ROWS, 5, sample_weight=weights, shuffle=False, verbose=0).history
    assert history["loss"] == pytest.approx(expected["loss"], abs=1e-6)
    for one, another in zip(ours.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(one, another, atol=2e-5)  # the sums are in another order


def test_the_loss_of_an_untrained_model_by_hand():
    model, inputs, labels, _ = made()
    model.set_weights([np.zeros_like(weights) for weights in model.get_weights()])
    weights = np.arange(N_ROWS) % 3
    history = wdl.train(model, inputs, labels, keras.optimizers.SGD(0.0), 1, N_ROWS, sample_weight=weights)
    assert history["loss"] == pytest.approx([np.log(2) * weights.mean()], abs=1e-6)


def test_weights_of_classes_are_weights_of_their_rows():
    by_class, inputs, labels, _ = made(dropout=0.5)
    by_row = made(dropout=0.5)[0]
    plain, ones = made(dropout=0.5)[0], made(dropout=0.5)[0]
    options = (
        (by_class, {"class_weight": {0: 0.5, 1: 3}}),
        (by_row, {"sample_weight": np.where(labels == 1, 3, 0.5)}),
        (plain, {}),
        (ones, {"class_weight": {0: 1, 1: 1}}),
    )
    for model, option in options:
        keras.utils.set_random_seed(3)
        wdl.train(model, inputs, labels, two(), 3, BATCH_SIZE, **option)
    assert bits(by_class) == bits(by_row) != bits(plain)
    for one, another in zip(plain.get_weights(), ones.get_weights(), strict=True):
        np.testing.assert_allclose(one, another, atol=1e-5)


def test_a_model_is_trained_with_weights_and_then_without():
    model, inputs, labels, _ = made()
    wdl.train(model, inputs, labels, two(), 1, BATCH_SIZE, class_weight={0: 1, 1: 5})
    wdl.train(model, inputs, labels, None, 1, BATCH_SIZE)
    wdl.train(model, inputs, labels, None, 1, BATCH_SIZE, sample_weight=np.ones(N_ROWS))


ROW_7 = np.where(np.arange(N_ROWS) == 7, -1.0, 1.0)


@pytest.mark.parametrize(
    "options, error, message",
    [
        ({"sample_weight": np.ones(3)}, ValueError, "sample_weight has the shape (3,); expected (60,)"),
        ({"sample_weight": np.ones((N_ROWS, 1))}, ValueError, "sample_weight has the shape (60, 1)"),
        ({"sample_weight": ROW_7}, ValueError, "sample_weight holds -1.0, first in row 7; expected 0 or more"),
        ({"sample_weight": np.where(ROW_7 < 0, np.nan, 1)}, ValueError, "sample_weight holds nan, first in row 7"),
        ({"sample_weight": np.where(ROW_7 < 0, np.inf, 1)}, ValueError, "sample_weight holds inf, first in row 7"),
        ({"sample_weight": np.where(ROW_7 < 0, 1e39, 1)}, ValueError, "inf, first in row 7"),
        ({"sample_weight": np.zeros(N_ROWS)}, ValueError, "sample_weight is 0 for all rows"),
        ({"sample_weight": np.full(N_ROWS, 1e-47)}, ValueError, "sample_weight is 0 for all rows"),
        ({"sample_weight": ["1"] * N_ROWS}, TypeError, "sample_weight holds <U1; expected numbers"),
        ({"class_weight": {1: 3}}, ValueError, "expected a dict with a weight for 0 and one for 1"),
        ({"class_weight": {0: 1, 1: 2, 2: 3}}, ValueError, "expected a dict with a weight for 0 and one for 1"),
        ({"class_weight": [1, 3]}, ValueError, "class_weight is [1, 3]; expected a dict"),
        (
            {"class_weight": {0: 1, 1: -3}},
            ValueError,
            "class_weight holds -3.0, for the class 1; expected 0 or more, in single",
        ),
        ({"class_weight": {0: np.nan, 1: 1}}, ValueError, "class_weight holds nan, for the class 0"),
        ({"class_weight": {0: 1, 1: 2}, "sample_weight": np.ones(N_ROWS)}, ValueError, "expected one"),
        ({"patience": 0}, ValueError, "patience"),
        ({"patience": 2, "validation": None}, ValueError, "patience needs the validation loss"),
        ({"callbacks": keras.callbacks.TerminateOnNaN()}, TypeError, "callbacks is a TerminateOnNaN; expected a list"),
        ({"callbacks": [print]}, TypeError, "callbacks holds a builtin_function_or_method"),
        ({"callbacks": [keras.callbacks.BackupAndRestore("x")]}, ValueError, "BackupAndRestore, which needs `fit`"),
    ],
)
def test_what_is_refused(options, error, message):
    model, inputs, labels, validation = made()
    before = [weights.tobytes() for weights in model.get_weights()]
    with pytest.raises(error, match=re.escape(message)):
        wdl.train(model, inputs, labels, two(), 2, **({"validation": validation} | options))
    assert [weights.tobytes() for weights in model.get_weights()] == before


@pytest.mark.parametrize("rate", [lambda epoch: 0.5, lambda epoch, rate: rate / 2])
def test_ftrl_alone_has_no_rate_that_could_change(rate):
    frame = pd.DataFrame({"city": ["a", "b"] * 8})
    wide = wdl.fit_wide(frame, ["city"])
    scheduler = keras.callbacks.LearningRateScheduler(rate)
    with pytest.raises(ValueError, match="the only optimizer is FTRL, whose rate cannot change"):
        wdl.train(
            wdl.wide_model(wide), {"wide_ids": wdl.wide_ids(frame, wide)}, [0, 1] * 8, wdl.Ftrl(), callbacks=[scheduler]
        )
    model, inputs, labels, _ = made()
    with pytest.raises(ValueError, match="it is 0 now"):
        wdl.train(model, inputs, labels, two(0.1, 0.0), callbacks=[scheduler])

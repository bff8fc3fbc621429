"""Any order of a model's days, train, compile, save, load, grow and so on, gives what fresh objects give."""

import pathlib
import tempfile
import warnings

import wdl_helpers as wdl
from recommender import lifecycle, serving
from wide_deep import optimizers

import hypothesis
import keras
import numpy as np
import pandas as pd
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from laws import FEW, small_frame

BATCH = 24


def ftrl():
    return wdl.Ftrl(0.3, l1_regularization_strength=0.001)


OPTIMIZERS = {
    "joint": lambda: wdl.joint_optimizer(wide=ftrl(), deep=wdl.Adagrad(0.2)),
    "adam": lambda: wdl.Adam(0.05),
    "ftrl": ftrl,
}


def weights_by_path(model):
    return {variable.path: variable.numpy() for variable in model.weights}


def slots_of(optimizer):
    return [variable.numpy() for variable in optimizers.optimizer_slots(optimizer)]


class Life(RuleBasedStateMachine):
    """One model lives on, with the optimizers, graphs and files that it gathers.

    Beside it stands all that may matter for what comes next: its features, weights and slots, as plain arrays. Each
    step is taken with the living model, and with a model and an optimizer that are new and get those arrays; these
    train by Keras' own `fit`.
    """

    @initialize()
    def begin(self):
        self.day = 0
        self.frame, self.labels = small_frame(48)
        known = self.frame[self.frame.letter.isin(["a", "b"])]
        self.wide = wdl.fit_wide(known, ["letter", ("letter", "tags")])
        self.deep = wdl.fit_deep(known, ["letter", "tags"], ["size"], n_quantiles=8)
        keras.utils.set_random_seed(1)
        self.model = self.built()
        self.weights = weights_by_path(self.model)
        self.slots = None
        self.kind = None  # of the optimizer
        self.frozen = False
        self.refused = False  # frozen or unfrozen since the optimizer was given
        self.draws = 0

    def built(self):
        return wdl.wide_deep_model(self.wide, self.deep, 2, (3,), 0.0)

    def fresh(self):
        """A new model in the present state."""
        model = self.built()
        for variable in model.weights:
            variable.assign(self.weights[variable.path])
        model.get_layer("deep_hidden_1").trainable = not self.frozen
        return model

    def fresh_optimizer(self, model):
        """A new optimizer for a new model, in the present state."""
        optimizer = OPTIMIZERS[self.kind]()
        optimizer.build(model.trainable_variables)
        if self.slots is not None:
            for variable, value in zip(optimizers.optimizer_slots(optimizer), self.slots, strict=True):
                variable.assign(value)
        return optimizer

    def inputs(self):
        return wdl.joint_inputs(self.frame, self.wide, self.deep)

    def trained(self, optimizer):
        """Train the living model and a fresh one for an epoch, and compare them."""
        self.draws += 1
        np.random.seed(self.draws)
        found = wdl.train(self.model, self.inputs(), self.labels, optimizer, 1, BATCH)["loss"]
        fresh = self.fresh()
        fresh.compile(self.fresh_optimizer(fresh), wdl.LogLoss(), jit_compile=False)
        np.random.seed(self.draws)
        order = np.random.permutation(len(self.labels))
        inputs = {name: array[order] for name, array in self.inputs().items()}
        labels = self.labels[order].astype("float32")
        expected = fresh.fit(inputs, labels, batch_size=BATCH, shuffle=False, verbose=0).history["loss"]
        assert found == expected
        self.weights = weights_by_path(fresh)
        self.slots = slots_of(fresh.optimizer)

    # ------------------------------------------------------------------------------------------ the rules

    @rule(kind=st.sampled_from(sorted(OPTIMIZERS)))
    def train_with_a_new_optimizer(self, kind):
        self.kind = kind
        self.slots = None
        self.refused = False
        self.trained(OPTIMIZERS[kind]())

    @precondition(lambda self: self.kind)
    @rule(given=st.booleans())
    def train_again(self, given):
        optimizer = self.model.optimizer if given else None
        if self.refused:
            with pytest.raises(ValueError, match="frozen or unfrozen"):
                wdl.train(self.model, self.inputs(), self.labels, optimizer, 1, BATCH)
        else:
            self.trained(optimizer)

    @precondition(lambda self: not self.kind)
    @rule()
    def train_without_an_optimizer(self):
        with pytest.raises(ValueError, match="has no optimizer yet"):
            wdl.train(self.model, self.inputs(), self.labels)

    @precondition(lambda self: self.kind)
    @rule(metrics=st.sampled_from([None, ["accuracy"]]))
    def compile_by_hand(self, metrics):
        self.model.compile(self.model.optimizer, wdl.LogLoss(), metrics=metrics, jit_compile=False)

    @rule()
    def an_optimizer_of_another_model_is_refused(self):
        other, adagrad = self.built(), wdl.Adagrad(0.1)
        optimizers.build_for(adagrad, other)
        with pytest.raises(ValueError, match="keeps slots of other weights"):
            wdl.train(self.model, self.inputs(), self.labels, adagrad, 1, BATCH)

    @rule()
    def freeze_or_unfreeze(self):
        self.frozen = not self.frozen
        self.model.get_layer("deep_hidden_1").trainable = not self.frozen
        built_for = set() if self.slots is None else {id(each) for each in self.built_for()}
        self.refused = built_for != {id(variable) for variable in self.model.trainable_variables}

    def built_for(self):
        parts = optimizers.inner_optimizers(self.model.optimizer)
        return [variable for part in parts for variable in part._trainable_variables]

    @rule()
    def predict(self):
        expected = self.fresh()(self.inputs()).numpy()[:, 0]
        np.testing.assert_allclose(wdl.predict_logits(self.model, self.inputs()), expected, rtol=1e-5, atol=1e-5)

    @precondition(lambda self: not self.refused)
    @rule()
    def save_and_load(self):
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # Keras warns where it cannot load an optimizer's slots
            lifecycle.save_training(self.model, self.wide, self.deep, folder)
            self.model, self.wide, self.deep = lifecycle.load_training(folder)

    @precondition(lambda self: self.kind and not self.frozen and not self.refused and self.day < 2)
    @rule()
    def grow_and_start_warm(self):
        self.day += 1
        new_letter = "cd"[self.day - 1]
        frame = self.frame[self.frame.letter == new_letter]
        self.wide = lifecycle.grow(self.wide, frame, min_count=1)
        self.deep = lifecycle.grow(self.deep, frame, min_count=1)
        new = self.built()
        start = weights_by_path(new)
        optimizer = OPTIMIZERS[self.kind]()
        lifecycle.warm_start(self.model, new, optimizer)
        new.compile(optimizer, wdl.LogLoss(), jit_compile=False)
        unused = OPTIMIZERS[self.kind]()
        unused.build(self.built().trainable_variables)
        self.weights = {path: with_new_rows(old, start[path]) for path, old in self.weights.items()}
        self.slots = list(map(with_new_rows, self.slots, slots_of(unused)))
        self.model = new

    @rule()
    def export_and_score(self):
        with tempfile.TemporaryDirectory() as folder:
            serving.export(self.model, self.wide, self.deep, self.frame, pathlib.Path(folder) / "export")
            scores = serving.scorer(pathlib.Path(folder) / "export")(self.frame)
        np.testing.assert_allclose(scores, wdl.predict(self.fresh(), self.inputs()), rtol=1e-5, atol=1e-6)

    # -------------------------------------------------------------------------------------- what never changes

    @invariant()
    def weights_and_slots_are_those_of_the_fresh_objects(self):
        found = weights_by_path(self.model)
        assert found.keys() == self.weights.keys()
        for path, weight in self.weights.items():
            np.testing.assert_array_equal(found[path], weight, err_msg=path)
        if self.slots is not None:
            for slot, expected in zip(slots_of(self.model.optimizer), self.slots, strict=True):
                np.testing.assert_array_equal(slot, expected)


def with_new_rows(old, start):
    """The old values, and below them the rows of `start` that are new."""
    return old if old.shape == start.shape else np.concatenate([old, start[len(old) :]])


TestLife = Life.TestCase
# A life takes seconds, and `make fuzz` waits for its end: fewer of them than of other examples.
TestLife.settings = hypothesis.settings(max_examples=FEW.max_examples // 12 + 2, stateful_step_count=10, deadline=None)


def test_the_data_has_what_each_day_needs():
    frame, labels = small_frame(48)
    assert set(frame.letter) == set("abcd") and set(labels) == {0, 1}
    assert isinstance(frame, pd.DataFrame) and len(frame) % BATCH == 0

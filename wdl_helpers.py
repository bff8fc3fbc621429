"""Wide & Deep learning on plain data frames, with TensorFlow and Keras 3.

Read it from top to bottom: the functions stand in the order in which data flows.

    data frame ─► fit_wide, fit_deep ─► wide_ids, deep_inputs      features, in wdl_features
               ─► wide_model, deep_model, wide_deep_model          Keras models with one logit
               ─► joint_optimizer, train ─► predict ─► scores      training and evaluation

The features are called by this module's name too, so that one import is enough. The paper is Cheng et al., "Wide & Deep
Learning for Recommender Systems", 2016, arXiv 1606.07792.
"""

import io
import os

from wdl_checks import (
    check_buckets,
    check_fitted,
    check_frame,
    check_labels,
    check_lengths,
    check_logit,
    check_names,
    check_numbers,
    check_whole,
)
from wdl_columns import (
    AND,
    bucket_names,
    category_text,
    escaped,
    feature_prefix,
    quantile_boundaries,
    quantile_index,
    quantile_normalise,
    read_table,
)
from wdl_features import (
    cross,
    deep_inputs,
    feature_codes,
    feature_counts,
    fit_deep,
    fit_wide,
    hash_ids,
    joint_inputs,
    optional_inputs,
    used_columns,
    vocabulary,
    vocabulary_ids,
    vocabulary_of_counts,
    wide_ids,
)
from wdl_optimizers import Adagrad, Adam, Ftrl, joint_optimizer
from wdl_reproducible import reproducible

import keras
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import tensorflow as tf
from IPython.display import Image
from keras import layers, ops
from scipy.special import expit
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score

__all__ = [
    "AND",
    "Adagrad",
    "Adam",
    "BLUE",
    "Ftrl",
    "GREEN",
    "GREY",
    "LogLoss",
    "LogitSum",
    "Lookup",
    "ORANGE",
    "bucket_names",
    "canvas",
    "category_text",
    "check_buckets",
    "check_fitted",
    "check_frame",
    "check_labels",
    "check_lengths",
    "check_logit",
    "check_names",
    "check_numbers",
    "check_whole",
    "comparison",
    "cross",
    "deep_inputs",
    "deep_model",
    "escaped",
    "feature_codes",
    "feature_counts",
    "feature_prefix",
    "fit_deep",
    "fit_wide",
    "hash_ids",
    "joint_inputs",
    "joint_optimizer",
    "optional_inputs",
    "predict",
    "quantile_boundaries",
    "quantile_index",
    "quantile_normalise",
    "read_table",
    "reproducible",
    "scores",
    "show",
    "train",
    "used_columns",
    "vocabulary",
    "vocabulary_ids",
    "vocabulary_of_counts",
    "wide_deep_model",
    "wide_ids",
    "wide_model",
    "wide_weights",
]

# ---------------------------------------------------------------------------------------------- models


@keras.saving.register_keras_serializable("wdl")
class Lookup(layers.Layer):
    """Gather a table's rows by id and combine them along the last axis of ids; id 0, unseen, adds exactly 0.

    Args:
        n_ids: int, rows of the table, id 0 included. dimension: int, columns of the table.
        combiner: 'sum', or 'mean' over the ids that are not 0. initializer: the table's first values.
    Call:
        int ids (..., k) → float (..., dimension).
    """

    def __init__(self, n_ids, dimension, combiner, initializer, **kwargs):
        super().__init__(**kwargs)
        self.settings = {"n_ids": n_ids, "dimension": dimension, "combiner": combiner, "initializer": initializer}

    def build(self, shape):
        size = self.settings["n_ids"], self.settings["dimension"]
        self.table = self.add_weight(shape=size, initializer=self.settings["initializer"], name="table")

    def call(self, ids):
        known = ops.cast(ops.not_equal(ids, 0), self.compute_dtype)[..., None]
        rows = tf.gather(self.table.value, ids)  # straight from the variable: ops.take would copy the table first
        total = ops.sum(rows * known, axis=-2)
        return total if self.settings["combiner"] == "sum" else total / ops.maximum(ops.sum(known, axis=-2), 1)

    def get_config(self):
        return {**super().get_config(), **self.settings}


@keras.saving.register_keras_serializable("wdl")
class LogitSum(layers.Layer):
    """The sum of the given logits, each (rows, 1), and of ONE bias: the inside of σ in equation 3."""

    def build(self, shapes):
        self.bias = self.add_weight(shape=(1,), initializer="zeros", name="bias")

    def call(self, logits):
        return sum(logits) + self.bias


def _wide_part(wide):
    check_fitted(wide, "fit_wide", "features")
    ids = keras.Input((None,), dtype="int32", name="wide_ids")
    return {"wide_ids": ids}, Lookup(wide["n_ids"], 1, "sum", "zeros", name="wide_weights")(ids)


def _deep_part(deep, embedding_dim, units, dropout):
    check_fitted(deep, "fit_deep", "categories")
    k, m = len(deep["categories"]), len(deep["boundaries"])
    ids = keras.Input((k, None), dtype="int32", name="deep_ids")
    values = keras.Input((m,), name="numbers")
    vectors = Lookup(deep["n_ids"], embedding_dim, "mean", "uniform", name="deep_embeddings")(ids)
    vectors = layers.Reshape((k * embedding_dim,), name="deep_flatten")(vectors)
    activations = layers.Concatenate(name="deep_concatenate")([vectors, values])
    for i, n in enumerate(units, start=1):
        activations = layers.Dense(n, activation="relu", name=f"deep_hidden_{i}")(activations)
        activations = layers.Dropout(dropout, name=f"deep_dropout_{i}")(activations)
    logit = layers.Dense(1, use_bias=False, name="deep_logit")(activations)
    return {"deep_ids": ids, "numbers": values}, logit


def wide_model(wide):
    """Logistic regression on ids: the logit is the sum of one weight per id, and a bias.

    Args:
        wide: what `fit_wide` returned.
    Returns:
        Keras model {'wide_ids': (rows, k)} → logit (rows, 1). All weights start at 0. Trained with one
        optimizer, L1 holds the bias down too.
    Source:
        Section 3.1 of the paper.
    """
    inputs, logit = _wide_part(wide)
    return keras.Model(inputs, LogitSum(name="logit")([logit]), name="wide")


def deep_model(deep, embedding_dim=8, units=(128, 64, 32), dropout=0.2):
    """A feed-forward network on embeddings and normalised numbers.

    Args:
        deep: what `fit_deep` returned.
        embedding_dim: int, length of each category's vector.
        units: sequence of int, neurons of each ReLU layer. dropout: share of them dropped in training.
    Returns:
        Keras model {'deep_ids': (rows, categories, width), 'numbers': (rows, numbers)} → logit (rows, 1).
        A multi-valued cell enters as the mean of its known values' vectors.
    Source:
        Section 3.2 and equation 2 of the paper.
    """
    inputs, logit = _deep_part(deep, embedding_dim, units, dropout)
    return keras.Model(inputs, LogitSum(name="logit")([logit]), name="deep")


def wide_deep_model(wide, deep, embedding_dim=8, units=(128, 64, 32), dropout=0.2):
    """Both parts under one loss: the logit is the wide logit plus the deep logit plus one bias.

    Args:
        wide, deep: what `fit_wide` and `fit_deep` returned.
        embedding_dim, units, dropout: as in `deep_model`.
    Returns:
        Keras model with the inputs of both parts → logit (rows, 1).
    Source:
        Section 3.3 and equation 3 of the paper.
    """
    wide_inputs, wide_logit = _wide_part(wide)
    inputs, deep_logit = _deep_part(deep, embedding_dim, units, dropout)
    logit = LogitSum(name="logit")([wide_logit, deep_logit])
    return keras.Model({**wide_inputs, **inputs}, logit, name="wide_deep")


# -------------------------------------------------------------------------------------------- training


def _inputs_of(model, inputs):
    """The arrays that the model takes; Keras would pair a larger dict's arrays with the wrong inputs."""
    check_logit(model)
    if not isinstance(inputs, dict):
        raise TypeError(f"The inputs are a {type(inputs).__name__}; expected a dict of arrays, by the inputs' names.")
    names = [tensor.name for tensor in model.inputs]
    for name in names:
        if name not in inputs:
            raise KeyError(f"The model '{model.name}' needs the input {name!r}; there are {list(inputs)}.")
    return {name: inputs[name] for name in names}


@tf.custom_gradient
def _log(x):
    return tf.math.log(x), lambda upstream: upstream / x  # TensorFlow's own gradient takes the kernel Reciprocal


@keras.saving.register_keras_serializable("wdl")
class LogLoss(keras.losses.Loss):
    """The log loss in nats, also called binary cross-entropy, with the same bits on every processor.

    It is Keras' BinaryCrossentropy but for the rounding, and the loss that all training here goes through.

    Args:
        from_logits: bool, whether the model returns a logit z, or a probability p. The loss of a row with the label y
            is softplus(z) − y z, or −y log p − (1 − y) log(1 − p) with p cut off at 1e-7 and 1 − 1e-7.
    """

    def __init__(self, from_logits=True, name="log_loss", **kwargs):
        super().__init__(name=name, **kwargs)
        self.from_logits = from_logits

    def call(self, labels, outputs):
        labels = ops.reshape(labels, ops.shape(outputs))
        if self.from_logits:
            losses = ops.softplus(outputs) - labels * outputs
        else:
            p = ops.clip(outputs, 1e-7, 1 - 1e-7)
            losses = -labels * _log(p) - (1 - labels) * _log(1 - p)
        return ops.mean(losses, axis=-1)

    def get_config(self):
        return {**super().get_config(), "from_logits": self.from_logits}


STEPS_PER_CALL = 256  # between two calls a reader can interrupt the training


def _batches(n_rows, batch_size):
    """An epoch: the row numbers in random order, as matrices of up to STEPS_PER_CALL lines, a line a batch."""
    order = np.random.permutation(n_rows).astype("int32")
    block, whole = STEPS_PER_CALL * batch_size, n_rows // batch_size * batch_size
    matrices = [order[start : min(start + block, whole)].reshape(-1, batch_size) for start in range(0, whole, block)]
    return matrices + [order[None, whole:]] * (whole < n_rows)  # the last batch may be shorter


def _trainer(model):
    """The function (inputs, labels, batches) that takes a step for each line of `batches`, all in one call.

    The step is Keras' own. What `fit` adds, to fetch a batch from another thread, takes longer than a small one.
    The function is kept with the model, since TensorFlow needs seconds to compile it.
    """
    kept = getattr(model, "wdl_trainer", None)
    if kept is not None and kept.optimizer is model.optimizer:
        return kept
    step = tf.autograph.experimental.do_not_convert(model.train_step)

    @tf.function
    def compiled(inputs, labels, batches):
        for rows in batches:
            step(({name: tf.gather(array, rows) for name, array in inputs.items()}, tf.gather(labels, rows)))

    def any_rows(array):
        return tf.TensorSpec([None, *array.shape[1:]], array.dtype)

    def trainer(inputs, labels, batches):
        # One graph for whole batches and the shorter last one: to build a graph takes as long as some epochs.
        shapes = {name: any_rows(array) for name, array in inputs.items()}, any_rows(labels)
        graph = compiled.get_concrete_function(*shapes, tf.TensorSpec([None, None], tf.int32))
        graph(inputs, labels, batches)

    model.optimizer.build(model.trainable_variables)
    trainer.optimizer, model.wdl_trainer = model.optimizer, trainer
    return trainer


def _finite(model, loss):
    if not np.isfinite(loss):
        raise FloatingPointError(f"The loss of '{model.name}' became NaN or infinite: lower the learning rate.")
    return float(loss)


def _epoch(model, inputs, labels, batch_size):
    """Train for an epoch, and return the mean loss of its rows, each at the time of its step."""
    model.reset_metrics()
    for batches in _batches(len(labels), batch_size):
        _trainer(model)(inputs, labels, tf.constant(batches))
        loss = _finite(model, model.metrics[0].result())
    return loss


def train(model, inputs, labels, optimizer=None, epochs=10, batch_size=256, validation=None):
    """Fit a model to labels by their log loss; in JupyterLab a line says how far it is.

    Args:
        model: Keras model that returns one logit a row. inputs: dict of arrays, with at least the model's inputs.
        labels: 0 or 1 a row. optimizer: Keras optimizer; None goes on with the one from the last call.
        epochs, batch_size: int. validation: (inputs, labels) that are scored after each epoch.
    Returns:
        dict of lists, one entry an epoch: 'loss', the mean log loss, and 'val_loss' with `validation`.
    Raises:
        ValueError, TypeError: labels are not 0/1 or of one class, lengths differ, or there is no optimizer yet.
        KeyError: an input is missing. FloatingPointError: the loss became NaN or infinite.
    """
    check_whole("epochs", epochs, 1)
    check_whole("batch_size", batch_size, 1)
    inputs, labels = _inputs_of(model, inputs), check_labels(labels)
    check_lengths(inputs, labels)
    if validation is not None:
        validation = _inputs_of(model, validation[0]), check_labels(validation[1])
        check_lengths(*validation)
    if optimizer is not None:
        model.compile(optimizer, LogLoss(), jit_compile=False)  # XLA cannot compile the sum over repeated ids
    elif getattr(model, "optimizer", None) is None:
        raise ValueError(f"The model '{model.name}' has no optimizer yet: give one.")
    inputs, labels = {name: tf.constant(array) for name, array in inputs.items()}, tf.constant(labels)
    history = {"loss": []} if validation is None else {"loss": [], "val_loss": []}
    for epoch in range(1, epochs + 1):
        history["loss"].append(_epoch(model, inputs, labels, batch_size))
        if validation is not None:
            history["val_loss"].append(
                model.evaluate(*validation, batch_size=4096, verbose=0, return_dict=True)["loss"]
            )
        if "JPY_SESSION_NAME" in os.environ:  # Jupyter sets it in a notebook that someone has open, in no other run
            shown = ", ".join(f"{name} {values[-1]:.4f}" for name, values in history.items())
            end = "\n" if epoch == epochs else ""
            print(f"\r{model.name}: epoch {epoch} of {epochs}, {shown}", end=end, flush=True)
    return history


def predict(model, inputs):
    """The probability of label 1, σ(logit), for each row.

    Args:
        model: Keras model that returns one logit a row. inputs: dict of arrays, with at least the model's inputs.
    Returns:
        float64 array (rows,).
    Raises:
        KeyError: an input is missing. ValueError: the model returns something else than one logit a row.
    """
    logits = model.predict(_inputs_of(model, inputs), batch_size=4096, verbose=0)
    return expit(logits.ravel().astype("float64"))


# ------------------------------------------------------------------------------------------ evaluation


def scores(labels, probabilities):
    """Accuracy at threshold 0.5, area under the ROC curve, and log loss in nats, by scikit-learn.

    Args:
        labels: 0 or 1 a row, both classes present. probabilities: of label 1, as many.
    Returns:
        dict with 'accuracy', 'AUC' (more is better) and 'log loss' (less is better).
    Raises:
        ValueError: lengths differ, labels are not 0/1 or of one class, or a probability is not in [0, 1].
    """
    labels, probabilities = check_labels(labels), np.asarray(probabilities, dtype="float64")
    check_lengths({"probabilities": probabilities}, labels)
    if probabilities.ndim != 1:
        raise ValueError(f"The probabilities have the shape {probabilities.shape}; expected one a row.")
    if not ((probabilities >= 0) & (probabilities <= 1)).all():
        raise ValueError("A probability is not in [0, 1].")
    return {
        "accuracy": accuracy_score(labels, probabilities >= 0.5),
        "AUC": roc_auc_score(labels, probabilities),
        "log loss": log_loss(labels, probabilities),
    }


def comparison(results):
    """One table of the scores of several models.

    Args:
        results: dict model name → dict from `scores`.
    Returns:
        data frame with a row per model, rounded to 4 decimals.
    """
    return pd.DataFrame(results).T.rename_axis("model").round(4)


def wide_weights(model, wide):
    """The wide part's weights by name, largest absolute value first.

    Args:
        model: from `wide_model` or `wide_deep_model`. wide: what `fit_wide` returned.
    Returns:
        float32 Series; the index is the feature's string, or the bucket's id when hashed.
    Raises:
        ValueError: the model was built for other features.
    """
    weights = model.get_layer("wide_weights").get_weights()[0][1:, 0]
    if len(weights) != wide["n_ids"] - 1:
        raise ValueError(f"The model has {len(weights)} wide weights, but `wide` has {wide['n_ids'] - 1} features.")
    names = wide["vocabulary"] or range(1, wide["n_ids"])
    return pd.Series(weights, index=list(names), name="weight").sort_values(key=np.abs, ascending=False, kind="stable")


# ----------------------------------------------------------------------------------------------- plots

# Okabe and Ito's colours, which colour-blind readers can tell apart.
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#7F7F7F"


def canvas(title, x, y, panels=1, size=(7, 4)):
    """An empty figure in the house style.

    Args:
        title: str, the answer that the picture gives. x, y: str, what the axes show, with units; '' for none.
        panels: int ≥ 1, axes side by side, which share the y axis. size: (width, height) in inches.
    Returns:
        Matplotlib figure, and its axes, or an array of them if there are several panels.
    Raises:
        ValueError: panels is not a whole number of at least 1.
    """
    check_whole("panels", panels, 1)
    figure, axes = plt.subplots(1, panels, figsize=size, sharey=True, layout="constrained")
    figure.suptitle(title, x=0.01, ha="left", fontsize=12, fontweight="bold")
    for panel in np.ravel(axes):
        panel.set_xlabel(x)
        panel.spines[["top", "right"]].set_visible(False)
        panel.grid(color="#DDDDDD", linewidth=0.6)
        panel.set_axisbelow(True)
    np.ravel(axes)[0].set_ylabel(y)
    return figure, axes


def show(figure, alt):
    """Show a Matplotlib figure as a picture with a text for those who cannot see it.

    Args:
        figure: Matplotlib figure; it is closed afterwards. alt: str, one sentence that says what it shows.
    Returns:
        IPython image; as the last line of a cell it is displayed.
    """
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=110, bbox_inches="tight", facecolor="white", metadata={"Software": None})
    plt.close(figure)
    return Image(png.getvalue(), alt=alt)

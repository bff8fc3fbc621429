"""Wide & Deep learning on plain data frames, with TensorFlow and Keras 3.

Read it from top to bottom: the functions stand in the order in which data flows.

    data frame ─► fit_wide, fit_deep ─► wide_ids, deep_inputs      features, in wdl_features
               ─► wide_model, deep_model, wide_deep_model          Keras models with one logit
               ─► joint_optimizer, train ─► predict ─► scores      training and evaluation

The features are called by this module's name too, so that one import is enough. The paper is Cheng et al., "Wide & Deep
Learning for Recommender Systems", 2016, arXiv 1606.07792.
"""

import hashlib
import io
import os
import pathlib

from wdl_features import (  # noqa: F401
    AND,
    bucket_names,
    check_buckets,
    check_fitted,
    check_frame,
    check_names,
    check_numbers,
    check_whole,
    cross,
    deep_inputs,
    feature_codes,
    feature_counts,
    fit_deep,
    fit_wide,
    hash_ids,
    joint_inputs,
    quantile_boundaries,
    quantile_index,
    quantile_normalise,
    vocabulary,
    vocabulary_ids,
    vocabulary_of_counts,
    wide_ids,
)
from wdl_reproducible import reproducible  # noqa: F401, before TensorFlow: it sets how TensorFlow computes

# isort: split
import keras
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import tensorflow as tf
from IPython.display import Image
from keras import layers, ops
from scipy.special import expit
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score

# ------------------------------------------------------------------------------------------------ data


def read_original(path, sha256):
    """Read a CSV file as it was published; missing values stay the strings that they are.

    Args:
        path: path of the file. sha256: str, the checksum that it must have.
    Returns:
        data frame.
    Raises:
        FileNotFoundError: the file is missing or cannot be read. ValueError: it has another checksum. Both name it.
    """
    try:
        content = pathlib.Path(path).read_bytes()
    except OSError as error:
        message = f"Cannot read {path} ({error.strerror}): fetch it with `git checkout data`."
        raise FileNotFoundError(message) from None
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ValueError(
            f"{path} is not the original file: it has {len(content):,} bytes and another SHA-256 than "
            f"{sha256[:12]}…; it was cut off or edited. Restore it with `git checkout data`."
        )
    return pd.read_csv(io.BytesIO(content), keep_default_na=False)


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


# ------------------------------------------------------------------------------------------ optimizers
# A batch repeats ids. Keras' own optimizers square the pieces of such a gradient and then add, Σg²;
# the algorithms add first, (Σg)². So each class here adds first. Only rows of the batch are touched.


def _sum_repeated(gradient):
    """A lookup's gradient with each id once, its pieces added up; any other gradient as it is."""
    if not isinstance(gradient, tf.IndexedSlices):
        return gradient
    ids, position = tf.unique(gradient.indices)
    sums = tf.math.unsorted_segment_sum(gradient.values, position, tf.size(ids))
    return tf.IndexedSlices(sums, ids, gradient.dense_shape)


class _SumFirst:
    """Sums in `update_step`, where several workers' pieces have met; and before Keras clips, if it is to."""

    def apply(self, grads, trainable_variables=None):
        if self.clipvalue or self.clipnorm or self.global_clipnorm:
            grads = [_sum_repeated(gradient) for gradient in grads]
        super().apply(grads, trainable_variables)

    def update_step(self, gradient, variable, learning_rate):
        step = self.sparse_step if isinstance(gradient, tf.IndexedSlices) else super().update_step
        step(_sum_repeated(gradient), variable, tf.cast(learning_rate, variable.dtype))


@keras.saving.register_keras_serializable("wdl")
class Ftrl(_SumFirst, keras.optimizers.Ftrl):
    """FTRL-Proximal with L1, exact on lookups: a step costs what the batch's ids cost, whatever the table's size.

    Arguments are those of `keras.optimizers.Ftrl`. Where ids are rare, set initial_accumulator_value near 0.
    Source:
        McMahan et al., "Ad Click Prediction: a View from the Trenches", KDD 2013, algorithm 1.
    """

    def sparse_step(self, gradient, variable, rate):
        i = self._get_variable_index(variable)
        tf.raw_ops.ResourceSparseApplyFtrlV2(
            var=variable.handle, accum=self._accumulators[i].value.handle, linear=self._linears[i].value.handle,
            grad=gradient.values, indices=gradient.indices, lr=rate, lr_power=self.learning_rate_power,
            l1=self.l1_regularization_strength, l2=self.l2_regularization_strength + self.beta / (2 * rate),
            l2_shrinkage=self.l2_shrinkage_regularization_strength,
        )  # fmt: skip


@keras.saving.register_keras_serializable("wdl")
class Adagrad(_SumFirst, keras.optimizers.Adagrad):
    """AdaGrad, exact on lookups: a step costs what the batch's ids cost, whatever the table's size.

    Arguments are those of `keras.optimizers.Adagrad`. Where ids are rare, set initial_accumulator_value near 0.
    Source:
        Duchi, Hazan and Singer, "Adaptive Subgradient Methods", JMLR 2011.
    """

    def sparse_step(self, gradient, variable, rate):
        # Keras' own formula, on the batch's rows alone: TensorFlow's kernel puts ε outside the root.
        accumulator = self._accumulators[self._get_variable_index(variable)].value
        accumulator.scatter_add(tf.IndexedSlices(gradient.values**2, gradient.indices))
        root = tf.sqrt(tf.gather(accumulator, gradient.indices) + self.epsilon)
        variable.scatter_sub(tf.IndexedSlices(rate * gradient.values / root, gradient.indices))


@keras.saving.register_keras_serializable("wdl")
class Adam(_SumFirst, keras.optimizers.Adam):
    """Adam, exact on lookups. Its momentum moves every row in every step, so a step costs the whole table.

    Arguments are those of `keras.optimizers.Adam`.
    Source:
        Kingma and Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015, algorithm 1.
    """

    def sparse_step(self, gradient, variable, rate):
        self.update_step(tf.convert_to_tensor(gradient), variable, rate)


def joint_optimizer(wide, deep):
    """One optimizer for the wide weights, another for everything else.

    Args:
        wide, deep: Keras optimizers; the paper takes FTRL with L1 and AdaGrad.
    Returns:
        A Keras optimizer for `compile` of a `wide_deep_model`.
    Source:
        Section 3.3 of the paper.
    """
    return keras.optimizers.MultiOptimizer(keras.optimizers.OptimizerMap(deep, {"wide_weights/.*": wide}))


# -------------------------------------------------------------------------------------------- training


def check_labels(labels):
    """The `labels` as float32 (rows,); a clear error unless they are 0 and 1, and both are there."""
    labels = np.asarray(labels)
    if labels.ndim != 1 or not (np.issubdtype(labels.dtype, np.number) or labels.dtype == bool):
        raise TypeError(f"The labels have the shape {labels.shape} and type {labels.dtype}; expected one 0 or 1 a row.")
    found = np.unique(labels)
    if not np.isin(found, [0, 1]).all():
        raise ValueError(f"The labels hold {found[~np.isin(found, [0, 1])][0]}; expected 0 and 1 only.")
    if len(found) < 2:
        raise ValueError(f"All {len(labels)} labels are {found.tolist()}: both classes, 0 and 1, are needed.")
    return labels.astype("float32")


def check_lengths(inputs, labels):
    """Raise a ValueError unless each array of the dict `inputs` has as many rows as there are `labels`."""
    for name, array in inputs.items():
        if len(array) != len(labels):
            raise ValueError(f"Input {name!r} has {len(array)} rows but there are {len(labels)} labels.")


def check_logit(model):
    """Raise a ValueError unless the `model` returns one logit a row."""
    if tuple(model.output.shape[1:]) != (1,):
        raise ValueError(f"The model '{model.name}' returns {model.output.shape}; expected one logit a row, (None, 1).")
    if getattr(model.layers[-1], "activation", None) is keras.activations.sigmoid:
        raise ValueError(f"The model '{model.name}' ends in a sigmoid; expected a logit: leave the activation out.")


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

"""Training and prediction: `train` runs Keras' own steps, many of them in one call of a graph; `predict` scores rows.

The paper is Cheng et al., "Wide & Deep Learning for Recommender Systems", 2016, arXiv 1606.07792.
"""

import logging
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from wide_deep import backend  # noqa: F401, before Keras
from wide_deep.callbacks import callback_list, need_each_step
from wide_deep.checks import check_labels, check_lengths, check_logit, check_whole
from wide_deep.models import Lookup
from wide_deep.optimizers import as_optimizer, build_for, warn_of_repeated_ids

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from keras import ops
from scipy.special import expit

__all__ = ["LogLoss", "predict", "predict_logits", "train"]


def _is_no_retracing(record: logging.LogRecord) -> bool:
    return "triggered tf.function retracing" not in record.getMessage()


# TensorFlow takes each new model for a retracing of the one before, and warns of it; a notebook trains many.
tf.get_logger().addFilter(_is_no_retracing)
tf.get_logger().setLevel(logging.WARNING)  # in a notebook it would report each file that an export writes

Inputs = Mapping[str, npt.ArrayLike]  # arrays by the names of a model's inputs, each with a row for each label


def _select_inputs(model: keras.Model, inputs: Inputs) -> dict[str, npt.ArrayLike]:
    """The arrays that the model takes, by name, out of what may be a larger dict."""
    check_logit(model)
    if not isinstance(inputs, Mapping):
        raise TypeError(f"The inputs are a {type(inputs).__name__}; expected a dict of arrays, by the inputs' names.")
    arrays: dict[str, npt.ArrayLike] = {}
    for tensor in model.inputs:
        if tensor.name not in inputs:
            raise KeyError(f"The model '{model.name}' needs the input {tensor.name!r}; there are {list(inputs)}.")
        array = np.asarray(inputs[tensor.name])
        if tensor.dtype.startswith("int") and array.dtype.kind not in "iu":
            raise TypeError(f"Input {tensor.name!r} has the type {array.dtype}; expected ids, which are whole numbers.")
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ValueError(f"Input {tensor.name!r} holds NaN or infinite values; expected numbers.")
        sizes = zip(array.shape, tensor.shape, strict=False)
        if array.ndim != len(tensor.shape) or any(expected not in (None, actual) for actual, expected in sizes):
            raise ValueError(f"Input {tensor.name!r} has the shape {array.shape}; '{model.name}' takes {tensor.shape}.")
        _check_ids(model, tensor, array)
        arrays[tensor.name] = array
    return arrays


def _check_ids(model: keras.Model, tensor: keras.KerasTensor, ids: np.ndarray) -> None:
    """Raise an error by name if a table that takes this input has no row for one of the ids."""
    for layer in model.layers:
        if not isinstance(layer, Lookup) or tensor not in keras.tree.flatten(layer.input) or not ids.size:
            continue
        if ids.min() < 0 or ids.max() >= layer.n_ids:
            wrong = ids.min() if ids.min() < 0 else ids.max()
            raise ValueError(
                f"Input {tensor.name!r} holds the id {wrong}; the table of '{model.name}' has the ids 0 to "
                f"{layer.n_ids - 1}: was it looked up with the features that the model was built for?"
            )


@tf.custom_gradient
def _log(x: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
    def gradient(upstream: tf.Tensor) -> tf.Tensor:
        return upstream / x  # TensorFlow's own takes the kernel Reciprocal

    return tf.math.log(x), gradient


@keras.saving.register_keras_serializable("wdl")
class LogLoss(keras.losses.Loss):
    """The log loss in nats, also called binary cross-entropy, with the same bits on every processor.

    It is Keras' BinaryCrossentropy except for rounding; all training here uses it.

    Args:
        from_logits: whether the model returns a logit z, or a probability p. The loss of a row with the label y
            is softplus(z) − y z, or −y log p − (1 − y) log(1 − p) with p cut off at 1e-7 and 1 − 1e-7.
        name: the loss' name.
        **kwargs: those of `keras.losses.Loss`, such as `reduction`.

    Taught in: notebook 4, "One error for all".

    Example:
        >>> float(LogLoss()([1, 0], np.array([[0.0], [0.0]], "float32")))  # log 2
        0.6931471824645996
    """

    def __init__(self, from_logits: bool = True, name: str = "log_loss", **kwargs: Any):
        super().__init__(name=name, **kwargs)
        self.from_logits = from_logits

    def call(self, labels: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:  # (rows,) or (rows, 1), (rows, 1)
        labels = ops.reshape(labels, ops.shape(outputs))  # (rows, 1)
        if self.from_logits:
            losses = ops.softplus(outputs) - labels * outputs
        else:
            p = ops.clip(outputs, 1e-7, 1 - 1e-7)
            losses = -labels * _log(p) - (1 - labels) * _log(1 - p)
        return ops.mean(losses, axis=-1)  # (rows,)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "from_logits": self.from_logits}


STEPS_PER_CALL = 256  # between two calls a reader can interrupt the training


def _draw_batches(n_rows: int, batch_size: int) -> list[np.ndarray]:
    """An epoch: the row numbers in random order, as matrices of up to STEPS_PER_CALL lines, a line a batch."""
    order = np.random.permutation(n_rows).astype("int32")  # noqa: NPY002, of the numbers that `reproducible` fixes
    in_whole_batches = n_rows // batch_size * batch_size
    block = STEPS_PER_CALL * batch_size
    matrices = []
    for start in range(0, in_whole_batches, block):
        rows = order[start : min(start + block, in_whole_batches)]
        matrices.append(rows.reshape(-1, batch_size))  # (steps, batch_size)
    if in_whole_batches < n_rows:
        matrices.append(order[None, in_whole_batches:])  # (1, rows that are left)
    return matrices


class _Steps:
    """The training steps of a model, as it is compiled now, in one graph; the step itself is Keras' own.

    `fit` fetches each batch from another thread, which takes longer than a small step. TensorFlow needs seconds to
    build the graph, so the model keeps it. It writes into variables of the optimizer, of the loss' tracker and of the
    layers: `compile` makes a new tracker, and freezing a layer takes its weights away, so both need a new graph.
    """

    def __init__(self, model: keras.Model):
        self.written = self._written_by(model)
        step = tf.autograph.experimental.do_not_convert(model.train_step)

        @tf.function
        def take_all(
            inputs: dict[str, tf.Tensor], labels: tf.Tensor, weights: tf.Tensor | None, batches: tf.Tensor
        ) -> None:
            # {name: (rows, …)}, (rows,), (rows,), (steps, batch size)
            for rows in batches:
                batch = {name: tf.gather(array, rows) for name, array in inputs.items()}
                if weights is None:
                    step((batch, tf.gather(labels, rows)))
                else:
                    step((batch, tf.gather(labels, rows), tf.gather(weights, rows)))

        self.take_all = take_all

    @staticmethod
    def _written_by(model: keras.Model) -> list[Any]:
        return [model.optimizer, model.metrics[0], *model.trainable_variables]

    def are_of(self, model: keras.Model) -> bool:
        """Whether a step of the `model` would write into the same variables."""
        return list(map(id, self.written)) == list(map(id, self._written_by(model)))

    def __call__(
        self, inputs: dict[str, tf.Tensor], labels: tf.Tensor, weights: tf.Tensor | None, batches: np.ndarray
    ) -> None:
        """Take a step for each line of `batches`."""
        # One graph for whole batches and the shorter last one: to build a graph takes as long as some epochs.
        shapes = {name: tf.TensorSpec([None, *array.shape[1:]], array.dtype) for name, array in inputs.items()}
        of_rows = tf.TensorSpec([None], labels.dtype)
        of_weights = None if weights is None else tf.TensorSpec([None], weights.dtype)
        graph = self.take_all.get_concrete_function(shapes, of_rows, of_weights, tf.TensorSpec([None, None], tf.int32))
        graph(inputs, labels, weights, tf.constant(batches))


def _steps_for(model: keras.Model) -> _Steps:
    """The steps that the `model` keeps, or new ones if those are of another optimizer, loss or list of weights."""
    steps = getattr(model, "wdl_steps", None)
    if steps is None or not steps.are_of(model):
        model.wdl_steps = steps = _Steps(model)
    return steps


def _one_by_one(blocks: list[np.ndarray]) -> Iterator[np.ndarray]:
    """Each batch of the blocks in a block of its own, (1, batch size)."""
    for block in blocks:
        yield from block[:, None]


def _train_epoch(
    model: keras.Model,
    inputs: dict[str, tf.Tensor],
    labels: tf.Tensor,
    weights: tf.Tensor | None,
    batch_size: int,
    each_step: keras.callbacks.CallbackList | None,
) -> float:
    """Train for an epoch, and return the mean loss of its rows, each measured in its own step.

    With `each_step`, the callbacks are called before and after each of them, and one step is taken at a time.
    """
    steps = _steps_for(model)
    model.reset_metrics()
    blocks: Iterable[np.ndarray] = _draw_batches(len(labels), batch_size)
    if each_step:
        blocks = _one_by_one(list(blocks))
    for number, batches in enumerate(blocks):
        if each_step:
            each_step.on_train_batch_begin(number)
        steps(inputs, labels, weights, batches)
        loss = float(model.metrics[0].result())
        if each_step:
            each_step.on_train_batch_end(number, {"loss": loss})
        if model.stop_training:
            break
        if not np.isfinite(loss):
            raise FloatingPointError(f"The loss of '{model.name}' became NaN or infinite: lower the learning rate.")
    return loss


def _compile_for(model: keras.Model, optimizer: keras.optimizers.Optimizer | str | None) -> None:
    """Compile the model for an optimizer; with None leave it as it was compiled. Check that it can be trained so."""
    if optimizer is None and getattr(model, "optimizer", None) is None:
        raise ValueError(f"The model '{model.name}' has no optimizer yet: give one.")
    if model.dtype_policy.name == "mixed_float16":
        raise ValueError(
            f"The model '{model.name}' computes in mixed_float16, for which Keras scales the loss and makes each "
            "lookup's gradient as large as its table; expected float32 or mixed_bfloat16."
        )
    chosen = model.optimizer if optimizer is None else as_optimizer("optimizer", optimizer)
    build_for(chosen, model)
    if any(isinstance(layer, Lookup) for layer in model.layers):
        warn_of_repeated_ids(chosen)
    if optimizer is not None:
        model.compile(chosen, LogLoss(), jit_compile=False)  # XLA cannot compile the sum over repeated ids


def _weights_of(
    labels: np.ndarray, sample_weight: npt.ArrayLike | None, class_weight: Mapping[int, float] | None
) -> tf.Tensor | None:
    """The weight of each row, float32 (rows,); None if all have the same."""
    if sample_weight is not None and class_weight is not None:
        raise ValueError("There are both sample_weight and class_weight; expected one: multiply them yourself.")
    if sample_weight is None and class_weight is None:
        return None
    argument = "class_weight" if sample_weight is None else "sample_weight"
    if class_weight is not None:
        if not isinstance(class_weight, Mapping) or set(class_weight) != {0, 1}:
            raise ValueError(f"class_weight is {class_weight!r}; expected a dict with a weight for 0 and one for 1.")
        given: npt.ArrayLike = [class_weight[0], class_weight[1]]
    else:
        given = sample_weight  # type: ignore[assignment]
    weights = np.asarray(given)
    if weights.dtype.kind not in "biuf":
        raise TypeError(f"{argument} holds {weights.dtype}; expected numbers.")
    if sample_weight is not None and weights.shape != labels.shape:
        raise ValueError(f"sample_weight has the shape {weights.shape}; expected {labels.shape}, one for each row.")
    with np.errstate(over="ignore"):
        weights = weights.astype("float32")  # what is too large for it becomes infinite, what is too small 0
    unfit = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
    if unfit.size:
        where = f"first in row {unfit[0]}" if class_weight is None else f"for the class {unfit[0]}"
        raise ValueError(f"{argument} holds {weights[unfit[0]]}, {where}; expected 0 or more, in single precision.")
    if class_weight is not None:
        weights = weights[labels.astype(int)]  # (rows,)
    if not weights.any():
        raise ValueError(f"{argument} is 0 for all rows; expected some above 0.")
    return tf.constant(weights)


def _progress_style(verbose: Literal["auto", 0, 1, 2]) -> int:
    """What `verbose` asks `train` to print: 0 nothing, 1 a line that is written anew, 2 a line an epoch."""
    if verbose == "auto":  # Jupyter sets the variable in a notebook that someone has open, in no other run
        return int("JPY_SESSION_NAME" in os.environ)
    if verbose not in (0, 1, 2):
        raise ValueError(f"verbose is {verbose!r}; expected 'auto', 0, 1 or 2.")
    return verbose


def train(
    model: keras.Model,
    inputs: Inputs,
    labels: npt.ArrayLike,
    optimizer: keras.optimizers.Optimizer | str | None = None,
    epochs: int = 10,
    batch_size: int = 256,
    validation: tuple[Inputs, npt.ArrayLike] | None = None,
    *,
    verbose: Literal["auto", 0, 1, 2] = "auto",
    callbacks: Sequence[keras.callbacks.Callback] = (),
    sample_weight: npt.ArrayLike | None = None,
    class_weight: Mapping[int, float] | None = None,
    patience: int | None = None,
) -> dict[str, list[float]]:
    """Fit a model to labels by minimizing the log loss.

    Each epoch takes the rows in another random order. It comes from NumPy's global random numbers, so the same
    `reproducible(seed)` or `keras.utils.set_random_seed` before it, and no other draw between, gives the same training.

    Args:
        model: Keras model that returns one logit a row.
        inputs: arrays by name, at least the model's inputs; others are ignored.
        labels: 0 or 1 a row.
        optimizer: Keras optimizer that is new, or has trained this model before, with the same layers; it goes on
            with its slots. A name, such as 'sgd', is one of Keras' own. None goes on as the model was compiled last,
            by `train` or by `compile`: with that optimizer and that loss.
        epochs: passes over the rows, at least 1.
        batch_size: rows of a step, at least 1; the last step of an epoch takes what is left.
        validation: inputs and labels that are scored after each epoch.
        verbose: what is printed, as in Keras' `fit`: 0 nothing, 1 one line that is written anew after each epoch, 2 a
            line an epoch. 'auto' is 1 in a notebook that is open in JupyterLab, and 0 anywhere else.
        callbacks: Keras callbacks, called as in `fit`. Of two optimizers, LearningRateScheduler and ReduceLROnPlateau
            see and set the deep part's rate; the wide part's changes by the same factor, unless it is FTRL's, which
            stays. One that looks at each step makes training slower.
        sample_weight: number of at least 0 a row, by which its loss is multiplied; a step's loss is still divided by
            its number of rows, as in Keras.
        class_weight: dict with such a weight for the label 0 and one for 1.
        patience: epochs without a lower validation loss, at least 1, after which training stops; weights and optimizer
            go back to the best epoch.

    Returns:
        Lists with one entry an epoch: 'loss', the mean loss of the rows, each measured in its own step, in nats, times
        its weight, and 'val_loss' with `validation`, without weights.

    Raises:
        ValueError: the model returns something else than one logit a row, an input does not fit it, the labels are not
            0 and 1 or all alike, lengths differ, epochs, batch_size or patience is below 1, verbose is another word
            or number, the optimizer is missing or has trained other weights, a weight is negative or not finite, all
            are 0, both kinds of weights are given, patience has no validation, or a callback is BackupAndRestore or
            is to change the rate of FTRL alone.
        TypeError: the model is not a Keras model, the inputs are not a dict of arrays of its types, the labels are not
            numbers, nor the weights, the optimizer is not one of Keras, validation is not a pair, or callbacks are not
            a list of Keras callbacks.
        KeyError: an input is missing.
        FloatingPointError: the loss became NaN or infinite.

    Source:
        Section 3.3 of the paper.

    Taught in: notebook 2, "The grid, filled in".

    Example:
        >>> import pandas as pd
        >>> import wdl_helpers as wdl
        >>> frame = pd.DataFrame({"city": ["Oslo", "Rome"] * 8})
        >>> wide = wdl.fit_wide(frame, ["city"])
        >>> ids = wdl.wide_ids(frame, wide)
        >>> history = train(wdl.wide_model(wide), {"wide_ids": ids}, [0, 1] * 8, wdl.Ftrl(0.5), epochs=3)
        >>> [round(loss, 3) for loss in history["loss"]]
        [0.693, 0.55, 0.458]
    """
    check_whole("epochs", epochs, 1)
    check_whole("batch_size", batch_size, 1)
    style = _progress_style(verbose)
    inputs = _select_inputs(model, inputs)
    labels = check_labels(labels)  # (rows,)
    check_lengths(inputs, labels)
    weights = _weights_of(labels, sample_weight, class_weight)
    history: dict[str, list[float]] = {"loss": []}
    if validation is not None:
        if not isinstance(validation, (tuple, list)) or len(validation) != 2:
            raise TypeError(f"validation is a {type(validation).__name__}; expected a pair (inputs, labels).")
        validation = (_select_inputs(model, validation[0]), check_labels(validation[1]))
        check_lengths(*validation)
        history["val_loss"] = []
    if patience is not None:
        check_whole("patience", patience, 1)
        if validation is None:
            raise ValueError("patience needs the validation loss; expected validation=(inputs, labels), too.")
    _compile_for(model, optimizer)
    n_steps = math.ceil(len(labels) / batch_size)
    called = callback_list(callbacks, model, epochs, n_steps, patience)
    each_step = called if need_each_step(callbacks) else None
    tensors = {name: tf.constant(array) for name, array in inputs.items()}
    labels = tf.constant(labels)
    model.stop_training = False
    called.on_train_begin()
    for epoch in range(1, epochs + 1):
        called.on_epoch_begin(epoch - 1)
        history["loss"].append(_train_epoch(model, tensors, labels, weights, batch_size, each_step))
        if validation is not None:
            scored = model.evaluate(*validation, batch_size=4096, verbose=0, return_dict=True, callbacks=called)
            history["val_loss"].append(scored["loss"])
        called.on_epoch_end(epoch - 1, {name: values[-1] for name, values in history.items()})
        is_last = epoch == epochs or model.stop_training
        if style:
            losses = ", ".join(f"{name} {values[-1]:.4f}" for name, values in history.items())
            line = f"{model.name}: epoch {epoch} of {epochs}, {losses}"
            ends = "\n" if style == 2 or is_last else ""
            print(line if style == 2 else f"\r{line}", end=ends, flush=True)
        if is_last:
            break
    called.on_train_end({name: values[-1] for name, values in history.items()})
    return history


def predict_logits(model: keras.Model, inputs: Inputs) -> np.ndarray:
    """The logit of label 1 for each row: unlike a probability it never rounds to 0 or 1, so it can be ranked.

    Args:
        model: Keras model that returns one logit a row.
        inputs: arrays by name, at least the model's inputs; they may have no rows.

    Returns:
        float64 array (rows,).

    Raises:
        TypeError: the model is not a Keras model, or the inputs are not a dict of arrays of its types.
        KeyError: an input is missing.
        ValueError: the model returns something else than one logit a row, or the inputs differ in length.

    Taught in: notebook 9, "Wide, deep, and both".

    Example:
        >>> import pandas as pd
        >>> import wdl_helpers as wdl
        >>> wide = wdl.fit_wide(pd.DataFrame({"city": ["Oslo", "Rome"]}), ["city"])
        >>> model = wdl.wide_model(wide)
        >>> model.set_weights([np.array([[0], [100], [-100]]), np.array([0.5])])
        >>> predict_logits(model, {"wide_ids": np.array([[1], [2], [0]])}).tolist()
        [100.5, -99.5, 0.5]
    """
    arrays = _select_inputs(model, inputs)
    rows = {name: len(np.asarray(array)) for name, array in arrays.items()}
    if len(set(rows.values())) > 1:
        raise ValueError(f"The inputs differ in their numbers of rows: {rows}.")
    if not any(rows.values()):
        return np.zeros(0)  # Keras' own `predict` fails without rows
    logits = model.predict(arrays, batch_size=4096, verbose=0)  # (rows, 1)
    return logits.ravel().astype("float64")


def predict(model: keras.Model, inputs: Inputs) -> np.ndarray:
    """The probability of label 1, σ(logit), for each row.

    Args:
        model: Keras model that returns one logit a row.
        inputs: arrays by name, at least the model's inputs; they may have no rows.

    Returns:
        float64 array (rows,).

    Raises:
        TypeError: the model is not a Keras model, or the inputs are not a dict of arrays of its types.
        KeyError: an input is missing.
        ValueError: the model returns something else than one logit a row, or the inputs differ in length.

    Taught in: notebook 2, "The grid, filled in".

    Example:
        >>> import pandas as pd
        >>> import wdl_helpers as wdl
        >>> wide = wdl.fit_wide(pd.DataFrame({"city": ["Oslo", "Rome"]}), ["city"])
        >>> predict(wdl.wide_model(wide), {"wide_ids": np.array([[1], [2], [0]])}).tolist()
        [0.5, 0.5, 0.5]
    """
    return expit(predict_logits(model, inputs))

"""Position bias: the relevance of an item, learned from labels that also depend on its position.

    product_model         P(click) = examination(position) · relevance(features)
    shallow_tower_model   logit of a click = bias(position) + relevance logit(features)

Both take any model of the relevance and give one with a further input, the position. The two models share their layers:
train the one with the position, then rank by the one without. Instead of positions, they take anything else that is
numbered, hides labels, and is not known, or must not count, when a model is used: such as hours since an impression.
"""

from wide_deep import backend  # noqa: F401, before Keras
from wide_deep.checks import check_logit, check_name, check_numbers, check_whole

import keras
import numpy as np
import pandas as pd
from keras import layers, ops

__all__ = ["SPEED", "examination", "position_input", "product_model", "shallow_tower_model"]

SPEED = 10.0  # a few numbers that all rows share may take larger steps than the vectors: AdaGrad and Adam make them so
START = 2.0  # at first each position is examined with probability σ(2) = 0.88: the product begins near the plain model


def position_input(frame: pd.DataFrame, column: str, positions: int) -> dict[str, np.ndarray]:
    """A column of positions as an input of the models below.

    Args:
        frame: data frame of impressions.
        column: name of the column with the positions, whole numbers from 0.
        positions: the number of positions, at least 2.

    Returns:
        `column` → int32 array (rows, 1).

    Raises:
        TypeError: the column does not hold numbers.
        KeyError: it is missing.
        ValueError: a position is missing, or is not one of 0 … positions − 1.

    Taught in: notebook 8, "Is it good, or was it just at the top?".

    Example:
        >>> position_input(pd.DataFrame({"position": [0, 2]}), "position", 3)["position"].tolist()
        [[0], [2]]
    """
    check_whole("positions", positions, 2)
    values = check_numbers(frame, column)
    bad = np.flatnonzero((values < 0) | (values >= positions) | (values != np.floor(values)))
    if bad.size:
        raise ValueError(
            f"Column {column!r} holds {values[bad[0]]:g} in row {bad[0]}; expected positions from 0 to {positions - 1}."
        )
    return {column: values.astype("int32")[:, None]}


def _position_logit(positions: int, name: str, start: float) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """An input of positions (rows, 1), and a number for each, (rows, 1), which is `start` at first."""
    check_name(name)
    check_whole("positions", positions, 2)
    position = keras.Input((1,), dtype="int32", name=name)
    first = keras.initializers.Constant(start / SPEED)
    table = layers.Embedding(positions, 1, first, name="of_position")(position)  # (rows, 1, 1)
    return position, SPEED * layers.Flatten()(table)


def product_model(relevance: keras.Model, positions: int, name: str = "position") -> keras.Model:
    """P(click) = examination(position) · relevance(features): without examination there is no click.

    Only the product is learned: the shares of two positions can be compared, not their size.

    Args:
        relevance: Keras model that returns one logit a row; its layers are shared, so it is trained with the product.
        positions: the number of positions, at least 2.
        name: of the further input, int (rows, 1), from `position_input`.

    Returns:
        Keras model with the inputs of `relevance` and the position → logit of the product (rows, 1).

    Raises:
        TypeError: `relevance` is no Keras model, or the name is not a string.
        ValueError: `relevance` does not return one logit a row, or positions is not usable.

    Source:
        Guo and others, "PAL: A Position-bias Aware Learning Framework for CTR Prediction", RecSys 2019.

    Taught in: notebook 8, "Is it good, or was it just at the top?".

    Example:
        >>> numbers = keras.Input((3,), name="numbers")
        >>> relevance = keras.Model([numbers], layers.Dense(1)(numbers))
        >>> [tensor.name for tensor in product_model(relevance, positions=10).inputs]
        ['numbers', 'position']
    """
    check_logit(relevance)
    position, seen = _position_logit(positions, name, START)
    # With σ(a) · σ(z) = p the odds are p / (1 − p) = e^a / (1 + (1 + e^a) e^−z), and softplus(x) = log(1 + e^x).
    logit = seen - ops.softplus(ops.softplus(seen) - relevance.output)
    return keras.Model([*relevance.inputs, position], logit, name="product")


def shallow_tower_model(relevance: keras.Model, positions: int, name: str = "position") -> keras.Model:
    """The relevance logit plus a bias of the position: a wide & deep model whose wide side is the position.

    Args:
        relevance: as in `product_model`.
        positions: the number of positions, at least 2.
        name: of the further input, int (rows, 1), from `position_input`.

    Returns:
        Keras model with the inputs of `relevance` and the position → the sum of both logits (rows, 1).

    Raises:
        TypeError: `relevance` is no Keras model, or the name is not a string.
        ValueError: `relevance` does not return one logit a row, or positions is not usable.

    Source:
        Zhao and others, "Recommending What Video to Watch Next: A Multitask Ranking System", RecSys 2019, section 4.3.

    Taught in: notebook 8, "Is it good, or was it just at the top?".

    Example:
        >>> numbers = keras.Input((3,), name="numbers")
        >>> shallow_tower_model(keras.Model([numbers], layers.Dense(1)(numbers)), positions=10).output_shape
        (None, 1)
    """
    check_logit(relevance)
    position, bias = _position_logit(positions, name, 0.0)
    return keras.Model([*relevance.inputs, position], bias + relevance.output, name="shallow_tower")


def examination(model: keras.Model) -> np.ndarray:
    """The examination that a `product_model` has learned for each position, relative to the first.

    Args:
        model: from `product_model`, trained.

    Returns:
        float64 array (positions,); the first is 1.

    Raises:
        ValueError: the model is not from `product_model`.

    Taught in: notebook 8, "Is it good, or was it just at the top?".

    Example:
        >>> numbers = keras.Input((3,), name="numbers")
        >>> examination(product_model(keras.Model([numbers], layers.Dense(1)(numbers)), positions=3)).tolist()
        [1.0, 1.0, 1.0]
    """
    if getattr(model, "name", "") != "product":
        raise ValueError(f"Expected a model from product_model; got {getattr(model, 'name', type(model).__name__)!r}.")
    table = np.asarray(model.get_layer("of_position").get_weights()[0], dtype="float64")[:, 0]
    shares = 1 / (1 + np.exp(-SPEED * table))
    return shares / shares[0]

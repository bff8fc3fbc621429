"""The three models: wide, deep, and both under one loss. Keras models that return one logit a row.

The paper is Cheng et al., "Wide & Deep Learning for Recommender Systems", 2016, arXiv 1606.07792.
"""

import numbers
from collections.abc import Iterable, Sequence
from typing import Any

from wide_deep import backend  # noqa: F401, before Keras
from wide_deep.checks import check_fitted, check_whole
from wide_deep.features import DeepFeatures, WideFeatures, number_names

import keras
import tensorflow as tf
from keras import layers, ops

__all__ = [
    "DEEP_CONCATENATE", "DEEP_EMBEDDINGS", "DEEP_HIDDEN_1", "DEEP_LOGIT", "TABLE", "WIDE_WEIGHTS", "LogitSum", "Lookup",
    "check_units", "deep_model", "make_tower", "wide_deep_model", "wide_model",
]  # fmt: skip

# The layers' names are a contract: other modules find layers by them, and saved models hold them.
WIDE_WEIGHTS = "wide_weights"  # the joint optimizer gives its variables to the wide optimizer
DEEP_EMBEDDINGS = "deep_embeddings"
DEEP_CONCATENATE = "deep_concatenate"
DEEP_HIDDEN_1 = "deep_hidden_1"
DEEP_LOGIT = "deep_logit"
TABLE = "table"  # the variable of a `Lookup`


@keras.saving.register_keras_serializable("wdl")
class Lookup(layers.Layer):
    """Gather a table's rows by id and combine them along the last axis of ids; id 0, unseen, adds exactly 0.

    Args:
        n_ids: rows of the table, id 0 included.
        dimension: columns of the table.
        combiner: 'sum', or 'mean' over the ids that are not 0.
        initializer: the table's first values: a Keras initializer or its name.
        **kwargs: those of `keras.layers.Layer`.

    Call:
        int ids (..., k) → float (..., dimension).

    Raises:
        ValueError: n_ids or dimension is not a whole number of at least 1, or the combiner is another word.

    Taught in: notebook 2, "A weight for every id".

    Example:
        >>> import numpy as np
        >>> lookup = Lookup(3, 2, "mean", "ones")
        >>> lookup(np.array([[1, 2, 0], [0, 0, 0]])).numpy().tolist()
        [[1.0, 1.0], [0.0, 0.0]]
    """

    def __init__(self, n_ids: int, dimension: int, combiner: str, initializer: str | keras.Initializer, **kwargs: Any):
        super().__init__(**kwargs)
        check_whole("n_ids", n_ids, 1)
        check_whole("dimension", dimension, 1)
        if combiner not in ("sum", "mean"):
            raise ValueError(f"The combiner is {combiner!r}; expected 'sum' or 'mean'.")
        self.n_ids = n_ids
        self.dimension = dimension
        self.combiner = combiner
        self.initializer = initializer

    def build(self, shape: Any) -> None:
        size = (self.n_ids, self.dimension)
        # Without autocast, since with mixed precision Keras would cast, and so copy, the whole table in each step.
        self.table = self.add_weight(shape=size, initializer=self.initializer, name=TABLE, autocast=False)

    def call(self, ids: tf.Tensor) -> tf.Tensor:  # (..., k)
        seen = ops.cast(ops.not_equal(ids, 0), self.compute_dtype)[..., None]  # (..., k, 1), 1 or, for id 0, 0
        rows = tf.gather(self.table.value, ids)  # straight from the variable: ops.take would copy the table first
        rows = ops.cast(rows, self.compute_dtype)  # (..., k, dimension)
        total = ops.sum(rows * seen, axis=-2)  # (..., dimension)
        if self.combiner == "sum":
            return total
        return total / ops.maximum(ops.sum(seen, axis=-2), 1)

    def get_config(self) -> dict[str, Any]:
        config = {name: getattr(self, name) for name in ("n_ids", "dimension", "combiner", "initializer")}
        return {**super().get_config(), **config}


@keras.saving.register_keras_serializable("wdl")
class LogitSum(layers.Layer):
    """The sum of the given logits, each (rows, 1), and of ONE bias: the inside of σ in equation 3.

    Taught in: notebook 4, "One logit, one loss".

    Example:
        >>> import numpy as np
        >>> LogitSum()([np.array([[1.0]]), np.array([[2.5]])]).numpy().tolist()  # the bias starts at 0
        [[3.5]]
    """

    def build(self, shapes: Any) -> None:
        self.bias = self.add_weight(shape=(1,), initializer="zeros", name="bias")

    def call(self, logits: list[tf.Tensor]) -> tf.Tensor:
        return sum(logits) + self.bias


# The inputs of a model are a list, in the order of their names. So Keras takes arrays out of a dict by name, however
# many others are in it; for a model whose inputs are a dict, it would pair the arrays with the wrong inputs.


def _make_wide_part(wide: WideFeatures) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    check_fitted(wide, "wide")
    ids = keras.Input((None,), dtype="int32", name="wide_ids")  # (rows, k)
    return ids, Lookup(wide["n_ids"], 1, "sum", "zeros", name=WIDE_WEIGHTS)(ids)


def check_units(units: Iterable[int]) -> list[int]:
    """Raise a clear error unless an argument lists the neurons of each layer.

    Args:
        units: list of whole numbers of at least 1; it may be empty.

    Returns:
        The numbers as a list.

    Raises:
        TypeError: it cannot be iterated over.
        ValueError: one of them is not a whole number of at least 1.

    Example:
        >>> check_units(64)
        Traceback (most recent call last):
        TypeError: units is 64; expected a list with the number of neurons of each layer.
    """
    if not isinstance(units, Iterable):
        raise TypeError(f"units is {units!r}; expected a list with the number of neurons of each layer.")
    units = list(units)
    for n in units:
        check_whole("a size in units", n, 1)
    return units


def make_tower(
    features: DeepFeatures, embedding_dim: int, units: Sequence[int], name: str, dropout: float | None = None
) -> tuple[list[keras.KerasTensor], keras.KerasTensor]:
    """The layers of a deep part, from its inputs to its last ReLU layer.

    Args:
        features: what `fit_deep` returned.
        embedding_dim: length of each category's vector.
        units: neurons of each ReLU layer; there may be none.
        name: what the layers' names begin with, such as 'deep' in 'deep_embeddings'.
        dropout: share of the neurons dropped in training; None makes no layers for it.

    Returns:
        The inputs 'deep_ids' and 'numbers', and the last activations (rows, units).

    Example:
        >>> import pandas as pd
        >>> import wdl_helpers as wdl
        >>> deep = wdl.fit_deep(pd.DataFrame({"city": ["Oslo", "Rome"], "age": [20, 60]}), ["city"], ["age"])
        >>> inputs, activations = make_tower(deep, 4, [16], "user")
        >>> [tensor.name for tensor in inputs], activations.shape
        (['deep_ids', 'numbers'], (None, 16))
    """
    n_categories = len(features["categories"])
    ids = keras.Input((n_categories, None), dtype="int32", name="deep_ids")  # (rows, categories, width)
    values = keras.Input((len(number_names(features)),), name="numbers")  # (rows, numbers)
    vectors = Lookup(features["n_ids"], embedding_dim, "mean", "uniform", name=f"{name}_embeddings")(ids)
    vectors = layers.Reshape((n_categories * embedding_dim,), name=f"{name}_flatten")(vectors)
    activations = layers.Concatenate(name=f"{name}_concatenate")([vectors, values])
    for i, n in enumerate(units, start=1):
        activations = layers.Dense(n, activation="relu", name=f"{name}_hidden_{i}")(activations)  # (rows, n)
        if dropout is not None:
            activations = layers.Dropout(dropout, name=f"{name}_dropout_{i}")(activations)
    return [ids, values], activations


def _make_deep_part(
    deep: DeepFeatures, embedding_dim: int, units: Iterable[int], dropout: float
) -> tuple[list[keras.KerasTensor], keras.KerasTensor]:
    check_fitted(deep, "deep")
    units = check_units(units)
    check_whole("embedding_dim", embedding_dim, 1)
    if not isinstance(dropout, numbers.Real) or isinstance(dropout, bool) or not 0 <= dropout <= 1:
        raise ValueError(f"dropout is {dropout!r}; expected a share from 0 to 1.")
    inputs, activations = make_tower(deep, embedding_dim, units, "deep", dropout)
    logit = layers.Dense(1, use_bias=False, name=DEEP_LOGIT)(activations)  # (rows, 1)
    return inputs, logit


def wide_model(wide: WideFeatures) -> keras.Model:
    """Logistic regression on ids: the logit is the sum of one weight per id, and a bias.

    Args:
        wide: what `fit_wide` returned.

    Returns:
        Keras model {'wide_ids': (rows, k)} → logit (rows, 1). All weights start at 0. Trained with one
        optimizer, L1 holds the bias down too.

    Raises:
        ValueError: `wide` is not from `fit_wide`.

    Source:
        Section 3.1 of the paper.

    Taught in: notebook 2, "A weight for every id".

    Example:
        >>> import pandas as pd
        >>> import wdl_helpers as wdl
        >>> frame = pd.DataFrame({"city": ["Oslo", "Rome"], "device": ["phone", "phone"]})
        >>> wide = wdl.fit_wide(frame, ["city", ("city", "device")])
        >>> model = wide_model(wide)
        >>> model({"wide_ids": wdl.wide_ids(frame, wide)}).numpy().tolist()
        [[0.0], [0.0]]
    """
    ids, logit = _make_wide_part(wide)
    return keras.Model([ids], LogitSum(name="logit")([logit]), name="wide")


def deep_model(
    deep: DeepFeatures, embedding_dim: int = 8, units: Sequence[int] = (128, 64, 32), dropout: float = 0.2
) -> keras.Model:
    """A feed-forward network on embeddings and normalised numbers.

    Args:
        deep: what `fit_deep` returned.
        embedding_dim: length of each category's vector.
        units: neurons of each ReLU layer.
        dropout: share of them dropped in training.

    Returns:
        Keras model {'deep_ids': (rows, categories, width), 'numbers': (rows, numbers)} → logit (rows, 1).
        A multi-valued cell enters as the mean of its known values' vectors.

    Raises:
        TypeError: units is not a list.
        ValueError: `deep` is not from `fit_deep`, a size is not a whole number of at least 1, or dropout is not a share
            from 0 to 1.

    Source:
        Section 3.2 and equation 2 of the paper.

    Taught in: notebook 3, "The grid, filled in".

    Example:
        >>> import pandas as pd
        >>> import wdl_helpers as wdl
        >>> deep = wdl.fit_deep(pd.DataFrame({"city": ["Oslo", "Rome"], "age": [20, 60]}), ["city"], ["age"])
        >>> model = deep_model(deep, embedding_dim=4, units=(16, 8))
        >>> {weight.path: tuple(weight.shape) for weight in model.trainable_variables[:2]}
        {'deep_embeddings/table': (3, 4), 'deep_hidden_1/kernel': (5, 16)}
    """
    inputs, logit = _make_deep_part(deep, embedding_dim, units, dropout)
    return keras.Model(inputs, LogitSum(name="logit")([logit]), name="deep")


def wide_deep_model(
    wide: WideFeatures,
    deep: DeepFeatures,
    embedding_dim: int = 8,
    units: Sequence[int] = (128, 64, 32),
    dropout: float = 0.2,
) -> keras.Model:
    """Both parts under one loss: the logit is the wide logit plus the deep logit plus one bias.

    Args:
        wide: what `fit_wide` returned.
        deep: what `fit_deep` returned.
        embedding_dim: as in `deep_model`.
        units: as in `deep_model`.
        dropout: as in `deep_model`.

    Returns:
        Keras model with the inputs of both parts → logit (rows, 1).

    Raises:
        TypeError: units is not a list.
        ValueError: `wide` is not from `fit_wide`, `deep` is not from `fit_deep`, a size is not a whole number of at
            least 1, or dropout is not a share from 0 to 1.

    Source:
        Section 3.3 and equation 3 of the paper.

    Taught in: notebook 4, "One logit, one loss".

    Example:
        >>> import pandas as pd
        >>> import wdl_helpers as wdl
        >>> frame = pd.DataFrame({"city": ["Oslo", "Rome"], "age": [20, 60]})
        >>> model = wide_deep_model(wdl.fit_wide(frame, ["city"]), wdl.fit_deep(frame, ["city"], ["age"]))
        >>> [tensor.name for tensor in model.inputs], model.output_shape
        (['deep_ids', 'numbers', 'wide_ids'], (None, 1))
    """
    ids, wide_logit = _make_wide_part(wide)
    inputs, deep_logit = _make_deep_part(deep, embedding_dim, units, dropout)
    logit = LogitSum(name="logit")([wide_logit, deep_logit])
    return keras.Model([*inputs, ids], logit, name="wide_deep")

"""The user's side once a request: what all candidates of a request share is looked up and multiplied once.

A request asks for the scores of many candidates for one user. With the columns that describe the user, the *context*:

- the wide part's logit is a sum over features: those of context columns alone are summed once. A cross of a context
  column with a candidate's is still one feature a candidate;
- the deep part's first layer multiplies [context's inputs, candidate's inputs] with a matrix. That is a sum, too: the
  context's inputs times their rows of the matrix, once, plus the candidate's inputs times theirs.

From the first layer's activations on, all is one a candidate.
"""

from collections.abc import Collection
from typing import Any

from recommender.graph import Tables, graph_inputs
from recommender.raw_columns import Tensors
from wide_deep import backend  # noqa: F401, before Keras
from wide_deep.features import DeepFeatures, WideFeatures, number_names, used_columns
from wide_deep.models import DEEP_CONCATENATE, DEEP_EMBEDDINGS, DEEP_HIDDEN_1, DEEP_LOGIT, WIDE_WEIGHTS

import keras
import numpy as np
import tensorflow as tf

__all__ = ["Once", "split_parts"]


def split_parts(
    wide: WideFeatures | None, deep: DeepFeatures | None, context: Collection[str]
) -> list[tuple[WideFeatures | None, DeepFeatures | None]]:
    """Split fitted features into those of the context alone, and those that take a candidate's column.

    Args:
        wide: what `fit_wide` returned, or None.
        deep: what `fit_deep` returned, or None.
        context: columns that all candidates of a request share.

    Returns:
        Two pairs (wide, deep): the context's and the candidates'. A wide part without a feature is None.

    Raises:
        KeyError: the features have no such column.
        ValueError: no column is left for the candidates.

    Example:
        >>> import pandas as pd
        >>> import wdl_helpers as wdl
        >>> wide = wdl.fit_wide(pd.DataFrame({"user": ["a"], "app": ["b"]}), ["user", "app", ("user", "app")])
        >>> (once, _), (each, _) = split_parts(wide, None, ["user"])
        >>> once["features"], each["features"]
        ([('user',)], [('app',), ('user', 'app')])
    """
    used = used_columns(wide, deep)
    for column in context:
        if column not in used:
            raise KeyError(f"The context has the column {column!r}, which no feature takes; expected some of {used}.")
    if set(used) <= set(context):
        raise ValueError("The context has all columns of the model; a candidate needs at least one of its own.")
    parts = []
    for is_once in (True, False):
        wide_part: WideFeatures | None = None
        deep_part: DeepFeatures | None = None
        if wide is not None:
            features = [feature for feature in wide["features"] if (set(feature) <= set(context)) == is_once]
            wide_part = WideFeatures(**(wide | {"features": features})) if features else None
        if deep is not None:
            categories = [column for column in deep["categories"] if (column in context) == is_once]
            boundaries = {c: cuts for c, cuts in deep["boundaries"].items() if (c in context) == is_once}
            deep_part = DeepFeatures(**(deep | {"categories": categories, "boundaries": boundaries}))
            if "indicators" in deep:
                deep_part["indicators"] = [column for column in deep["indicators"] if column in boundaries]
        parts.append((wide_part, deep_part))
    return parts


class Once(tf.Module):
    """A model that scores the candidates of one request; what all share is computed once.

    Args:
        model: from `wide_model`, `deep_model` or `wide_deep_model`.
        wide: what `fit_wide` returned, or None.
        deep: what `fit_deep` returned, or None.
        context: as in `split_parts`.
        tables: those of `graph_inputs(wide, deep)`.

    Call:
        context columns with one row, candidates' columns with (rows,) → logits (rows,).

    Raises:
        KeyError, ValueError: as `split_parts`.
        ValueError: the model is built otherwise.

    Example:
        >>> import pandas as pd
        >>> import wdl_helpers as wdl
        >>> wide = wdl.fit_wide(pd.DataFrame({"user": ["a"], "app": ["b"]}), [("user", "app")])
        >>> once = Once(wdl.wide_model(wide), wide, None, ["user"], graph_inputs(wide, None).tables)
        >>> once({"user": tf.constant(["a"])}, {"app": tf.constant(["b", "c"])}).numpy().tolist()
        [0.0, 0.0]
    """

    def __init__(
        self,
        model: keras.Model,
        wide: WideFeatures | None,
        deep: DeepFeatures | None,
        context: Collection[str],
        tables: Tables,
    ):
        super().__init__()
        parts = split_parts(wide, deep, context)
        self.features = [graph_inputs(*part, tables).function for part in parts]
        self.crossed = [column for column in used_columns(*parts[1]) if column in context]
        layers = {layer.name: layer for layer in model.layers}
        self.has_wide = WIDE_WEIGHTS in layers
        self.has_deep = DEEP_CONCATENATE in layers
        if not self.has_wide and not self.has_deep:
            raise ValueError(
                f"The model '{model.name}' has no layer {WIDE_WEIGHTS!r} or {DEEP_CONCATENATE!r}: score each row."
            )
        cuts = []  # the tensors from which on all is one a candidate
        if self.has_wide:
            self.weights = layers[WIDE_WEIGHTS]
            cuts.append(self.weights.output)
        if self.has_deep:
            self.embeddings = layers[DEEP_EMBEDDINGS]
            self.first = layers.get(DEEP_HIDDEN_1, layers[DEEP_LOGIT])
            kernels = [self._kernel_of(deep, part) for _, part in parts if deep is not None and part is not None]
            self.kernels = [tf.Variable(kernel, trainable=False) for kernel in kernels]
            cuts.append(self.first.output)
        self.rest = keras.Model(cuts, model.output)

    def _kernel_of(self, deep: DeepFeatures, part: DeepFeatures) -> np.ndarray:
        """The rows of the first layer's matrix that belong to the columns of a part, in the part's order."""
        size = self.embeddings.dimension
        first_number = len(deep["categories"]) * size
        rows: list[int] = []
        for column in part["categories"]:
            start = deep["categories"].index(column) * size
            rows += range(start, start + size)
        numbers = number_names(deep)
        rows += [first_number + numbers.index(name) for name in number_names(part)]
        return np.asarray(self.first.kernel)[rows]  # (inputs of the part, units)

    def _product(self, inputs: Tensors, kernel: tf.Variable) -> tf.Tensor:
        """A part's inputs of the deep part times its rows of the first layer's matrix, (rows, units)."""
        vectors = self.embeddings(inputs["deep_ids"])  # (rows, categories, dimension)
        numbers = tf.cast(inputs["numbers"], vectors.dtype)  # (rows, numbers)
        flat = tf.reshape(vectors, (tf.shape(vectors)[0], kernel.shape[0] - numbers.shape[1]))
        return tf.matmul(tf.concat([flat, numbers], axis=1), kernel)

    def __call__(self, context: Tensors, candidates: Tensors) -> tf.Tensor:
        """Score the candidates, as the class says: `context` and `candidates`."""
        crossed = {column: context[column] for column in self.crossed}
        # The candidates' columns stand first: by the first one, the features know the number of rows.
        inputs = [self.features[0](context), self.features[1](candidates | crossed)]
        activations: list[Any] = []
        if self.has_wide:
            ids = [each["wide_ids"] for each in inputs if "wide_ids" in each]  # (1, k), (rows, k)
            activations.append(sum(self.weights(each) for each in ids))  # (rows, 1)
        if self.has_deep:
            products = [self._product(each, kernel) for each, kernel in zip(inputs, self.kernels, strict=True)]
            total = products[0] + products[1]  # (1, units) + (rows, units)
            if self.first.use_bias:
                total += self.first.bias
            activations.append(self.first.activation(total))
        return self.rest(activations, training=False)[:, 0]

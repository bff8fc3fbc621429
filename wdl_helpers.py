"""Wide & Deep learning on plain data frames, with TensorFlow and Keras 3.

Read it from top to bottom: the functions stand in the order in which data flows.

    data frame ─► fit_wide, fit_deep ─► wide_ids, deep_inputs      features, fitted on the training frame
               ─► wide_model, deep_model, wide_deep_model          Keras models with one logit
               ─► joint_optimizer, train ─► predict ─► scores      training and evaluation

The paper is Cheng et al., "Wide & Deep Learning for Recommender Systems", 2016, arXiv 1606.07792.
"""

import io
import itertools
import numbers
import os

from wdl_reproducible import missing, reproducible  # noqa: F401, before TensorFlow: it sets how TensorFlow computes

# isort: split
import keras
import tensorflow as tf

try:
    import matplotlib.pyplot as plt
    import numpy as np
    import pandas as pd
    from IPython.display import Image
    from keras import layers, ops
    from scipy.special import expit
    from sklearn.metrics import accuracy_score, log_loss, roc_auc_score
except ModuleNotFoundError as error:
    raise missing(error) from None

# ------------------------------------------------------------------------------ checks of arguments


def check_frame(frame, columns):
    """Raise a clear error unless the `frame` is a data frame with rows, and with each of the `columns` once."""
    if not isinstance(frame, pd.DataFrame):
        raise TypeError(f"Expected a pandas DataFrame, got {type(frame).__name__}.")
    repeated = list(frame.columns[frame.columns.duplicated()])
    if repeated:
        raise ValueError(f"The frame has the column {repeated[0]!r} more than once.")
    for column in columns:
        if column not in frame.columns:
            raise KeyError(f"The frame has no column {column!r}; it has {list(frame.columns)}.")
    if frame.empty:
        raise ValueError("The frame is empty: at least one row and one column are needed.")


def check_whole(name, value, least):
    """Raise a ValueError unless the argument called `name` has a `value` that is a whole number of at `least` that."""
    if not isinstance(value, numbers.Integral) or isinstance(value, bool) or value < least:
        raise ValueError(f"{name} is {value!r}; expected a whole number of at least {least}.")


def check_names(names):
    """Raise a clear error unless `names` is a list of names with each of them once."""
    if isinstance(names, str):
        raise TypeError(f"{names!r} is a single name; expected a list of column names.")
    for name in names:
        if list(names).count(name) > 1:
            raise ValueError(f"{name!r} is listed more than once.")


def check_numbers(frame, column):
    """The numbers of a `column` of the `frame`, float64 (rows,); a clear error unless all are finite numbers."""
    check_frame(frame, [column])
    if not pd.api.types.is_numeric_dtype(frame[column]) or pd.api.types.is_bool_dtype(frame[column]):
        raise TypeError(f"Column {column!r} has the type {frame[column].dtype}; expected numbers.")
    values = frame[column].to_numpy(dtype="float64", na_value=np.nan)
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        raise ValueError(f"Column {column!r} has {bad.size} missing or infinite values, first in row {bad[0]}.")
    return values


def check_fitted(fitted, function, key):
    """Raise a ValueError unless `fitted` is the dict with a `key` that the `function` of that name returns."""
    if not isinstance(fitted, dict) or key not in fitted:
        raise ValueError(f"Expected the dict that {function}(training frame, …) returns: call {function} first.")


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


# -------------------------------------------------------------------------------- features: categories

AND = " & "


def _joined(names):
    return AND.join(map(str, names))


def _unfolded(frame, columns):
    """The frame's `columns` with row numbers as index and a row for each value of a multi-valued cell."""
    long = frame[list(columns)].reset_index(drop=True)
    for column in columns:
        if "=" in str(column) or AND in str(column):
            raise ValueError(f"Column {column!r}: rename it without '=' and {AND!r}, they build the names of features.")
        many = long[column].map(type).isin([list, tuple, np.ndarray]) if long[column].dtype == object else None
        if many is not None and many.any():
            if not many.all():
                raise TypeError(f"Column {column!r} mixes lists with single values, as in row {many.idxmin()}.")
            long = long[long[column].map(len) > 0].explode(column)
        new = ~long[column].duplicated()
        if long[column].dtype == object:
            new |= ~long[column].map(type).duplicated()  # 1 and 1.0 are equal, but not alike
        for row, value in long[column][new].items():
            if pd.isna(value):
                raise ValueError(f"Column {column!r} has a missing value in row {row}: fill it, for example with '?'.")
            if not isinstance(value, (str, numbers.Integral, np.bool_)):
                raise TypeError(
                    f"Column {column!r} holds a {type(value).__name__} in row {row}; expected strings or whole "
                    "numbers: cut decimals into buckets, turn anything else into strings."
                )
            if AND in str(value):
                raise ValueError(f"Column {column!r} holds {value!r} in row {row}; replace {AND!r}, it joins crosses.")
    return long


def cross(frame, columns):
    """Cross-product transformation: the AND of one value of each column, named by a string.

    Args:
        frame: data frame; its cells hold strings or whole numbers, or lists of them (multi-valued columns).
        columns: list of column names; one name gives the base feature itself.
    Returns:
        Series of strings such as 'education=Masters & sex=Female': the binary features that are 1. Its
        index is the row's number; a row of a multi-valued column stands there once per combination.
    Raises:
        KeyError: a column is missing. ValueError: a value is missing, or contains ' & '.
        TypeError: a cell is not a string, a whole number or a list of them.
    Source:
        Equation 1 of the paper; section 4.2 for AND(installed app, impression app).
    """
    check_names(columns)
    if len(columns) == 0:
        raise ValueError("columns is empty: name at least one column.")
    check_frame(frame, columns)
    long = _unfolded(frame, columns)
    names = [f"{column}=" + long[column].astype(str) for column in columns]
    crossed = names[0]
    for name in names[1:]:
        crossed = crossed + AND + name
    if not crossed.index.is_unique:  # a feature is 1 however often a list repeats its value
        crossed = crossed[~pd.MultiIndex.from_arrays([crossed.index, crossed]).duplicated()]
    return crossed.rename(_joined(columns))


def vocabulary_of_counts(counts, min_count):
    """The vocabulary of strings that were already counted.

    Args, `min_count`, and the result are those of `vocabulary`; counts: Series of int, its index the strings.
    """
    kept = sorted((-count, value) for value, count in counts[counts >= min_count].items())
    return {value: i for i, (_, value) in enumerate(kept, start=1)}


def vocabulary(values, min_count=1):
    """Give an id to each string that is frequent enough.

    Args:
        values: Series of strings from `cross`, of the training frame only.
        min_count: int ≥ 1, how often a string must occur to get an id.
    Returns:
        dict string → id. Ids run from 1, the most frequent string first; id 0 is kept for unseen strings.
    Raises:
        ValueError: min_count is not a whole number of at least 1.
    Source:
        Section 4.1 of the paper.
    """
    check_whole("min_count", min_count, 1)
    return vocabulary_of_counts(values.value_counts(), min_count)


def vocabulary_ids(values, vocabulary, n_rows):
    """Look strings up in a vocabulary.

    Args:
        values: Series of strings from `cross`. vocabulary: dict string → id. n_rows: int, the frame's length.
    Returns:
        int32 array (n_rows, width), width being the largest number of strings that a row has, at least 1.
        An unseen string has id 0, and shorter rows are filled up with 0.
    """
    return _one_line_a_row(values, values.map(vocabulary).fillna(0), n_rows)


def hash_ids(values, n_buckets, n_rows):
    """Give each string the number of a bucket, without a vocabulary; two strings may share a bucket.

    The hash is TensorFlow's Fingerprint64: the same in every process, on every machine and inside a model.

    Args:
        values: Series of strings from `cross`. n_buckets: int ≥ 1. n_rows: int, the frame's length.
    Returns:
        int32 array (n_rows, width) of ids 1 … n_buckets; shorter rows are filled up with 0.
    Raises:
        ValueError: n_buckets is not a whole number of at least 1.
    """
    check_whole("n_buckets", n_buckets, 1)
    strings = tf.constant(values.tolist(), tf.string)
    return _one_line_a_row(values, tf.strings.to_hash_bucket_fast(strings, n_buckets).numpy() + 1, n_rows)


def _one_line_a_row(values, ids, n_rows):
    position = values.groupby(level=0).cumcount()  # 0 for a row's first string, 1 for its second, …
    matrix = np.zeros((n_rows, position.max() + 1 if len(values) else 1), dtype="int32")
    matrix[values.index, position] = ids
    return matrix


# ----------------------------------------------------------------------------------- features: numbers


def quantile_boundaries(frame, column, n_quantiles):
    """The values that cut a column into groups of equal size.

    Args:
        frame: the training frame. column: name of a column of numbers.
        n_quantiles: int ≥ 2, the number of groups, n_q in the paper.
    Returns:
        float64 array of n_quantiles − 1 boundaries in the column's unit, ascending; a value that fills
        several groups stands there several times.
    Raises:
        KeyError, TypeError, ValueError: the column is missing, not numeric, or has missing values.
    """
    check_whole("n_quantiles", n_quantiles, 2)
    return np.quantile(check_numbers(frame, column), np.arange(1, n_quantiles) / n_quantiles)


def quantile_index(frame, column, boundaries):
    """The quantile that each number falls into, counted from 0: how many boundaries are ≤ it.

    Args:
        frame: any frame. column: name of a column of numbers. boundaries: from `quantile_boundaries`.
    Returns:
        int array (rows,), 0 … len(boundaries).
    Raises:
        KeyError, TypeError, ValueError: the column is missing, not numeric, or has missing values.
    """
    return np.searchsorted(boundaries, check_numbers(frame, column), side="right")


def quantile_normalise(frame, column, boundaries):
    """Map numbers to [0, 1] by their quantile: (i − 1)/(n_q − 1) for the i-th of n_q quantiles.

    Args, `frame`, `column` and `boundaries`, and errors are those of `quantile_index`.
    Returns:
        float32 array (rows,).
    Source:
        Section 4.1 of the paper.
    """
    return (quantile_index(frame, column, boundaries) / len(boundaries)).astype("float32")


def bucket_names(boundaries):
    """The names of the buckets between the `boundaries`, such as '[25, 32)': array of strings, one more than those."""
    ends = ["-inf", *(np.format_float_positional(edge, trim="-") for edge in boundaries), "inf"]
    return np.array([f"[{low}, {high})" for low, high in itertools.pairwise(ends)], dtype=object)


def bucketed(frame, boundaries):
    """The `frame` with each number of a column in `boundaries` replaced by the name of its bucket."""
    frame = frame.copy(deep=False)
    for column, edges in boundaries.items():
        frame[column] = bucket_names(edges)[quantile_index(frame, column, edges)]
    return frame


# -------------------------------------------------------------------------------- features: wide and deep


def wide_values(frame, wide):
    """What `cross` gives of the `frame`, for each feature of `wide`: list of Series."""
    frame = bucketed(frame, wide["boundaries"])
    return [cross(frame, feature) for feature in wide["features"]]


def fit_wide(frame, features, buckets=None, min_count=1, hash_buckets=None):
    """Learn the wide part's features from the training frame.

    Args:
        frame: the training frame.
        features: list; a column name is a base feature, a tuple of column names their cross.
        buckets: dict column → int, the numbers to be cut into that many quantile buckets first.
        min_count: int ≥ 1, rows that must hold a feature's value for it to get a weight of its own.
        hash_buckets: int, hash all values into that many ids; there is no vocabulary then, and no minimum count.
    Returns:
        dict with 'features', 'boundaries', 'vocabulary' (None when hashed) and 'n_ids', for `wide_ids`.
    Raises:
        KeyError: a column is missing. ValueError, TypeError: a cell, a count or the list is not usable.
    """
    if isinstance(features, str):
        raise TypeError(f"features is the string {features!r}; expected a list of column names and tuples of them.")
    features = [tuple(item) if isinstance(item, (tuple, list)) else (item,) for item in features]
    if not features or not all(features):
        raise ValueError("features is empty: name at least one column or cross.")
    check_names([_joined(sorted(feature, key=str)) for feature in features])
    for feature in features:
        check_names(feature)
    used, buckets = list(itertools.chain(*features)), buckets or {}
    check_frame(frame, [*used, *buckets])
    for column in buckets:
        if column not in used:
            raise ValueError(f"buckets names the column {column!r}, which is in no feature.")
    boundaries = {column: np.unique(quantile_boundaries(frame, column, n)) for column, n in buckets.items()}
    wide = {"features": features, "boundaries": boundaries, "vocabulary": None}
    values = pd.concat(wide_values(frame, wide))
    if hash_buckets is None:
        wide["vocabulary"] = vocabulary(values, min_count)
        return {**wide, "n_ids": len(wide["vocabulary"]) + 1}
    check_whole("hash_buckets", hash_buckets, 1)
    return {**wide, "n_ids": hash_buckets + 1}


def wide_ids(frame, wide):
    """The wide part's input: the ids of the binary features that are 1 in each row.

    Args:
        frame: any frame with the columns that `fit_wide` saw. wide: what `fit_wide` returned.
    Returns:
        int32 array (rows, k); id 0 is 'unseen' and adds nothing to the logit.
    Raises:
        ValueError: `wide` is not from `fit_wide`, or a cell is not usable. KeyError: a column is missing.
    """
    check_fitted(wide, "fit_wide", "features")
    check_frame(frame, itertools.chain(*wide["features"]))
    columns, n = wide_values(frame, wide), len(frame)
    if wide["vocabulary"] is None:
        return np.hstack([hash_ids(values, wide["n_ids"] - 1, n) for values in columns])
    return np.hstack([vocabulary_ids(values, wide["vocabulary"], n) for values in columns])


def fit_deep(frame, categories, numbers, n_quantiles=100, min_count=1):
    """Learn the deep part's features from the training frame.

    Args:
        frame: the training frame.
        categories: list of column names that get embeddings; cells may be lists (multi-valued).
        numbers: list of names of numeric columns.
        n_quantiles: int ≥ 2, n_q of the quantile normalisation.
        min_count: int ≥ 1, rows that must hold a value for it to get an embedding of its own.
    Returns:
        dict with 'categories', 'vocabulary', 'boundaries' and 'n_ids', for `deep_inputs`.
    Raises:
        KeyError: a column is missing. ValueError, TypeError: a cell, a count or the lists are not usable.
    """
    check_names(categories)
    check_names(numbers)
    check_whole("n_quantiles", n_quantiles, 2)
    check_whole("min_count", min_count, 1)
    if not [*categories, *numbers]:
        raise ValueError("categories and numbers are both empty: name at least one column.")
    check_frame(frame, [*categories, *numbers])
    values = [cross(frame, [column]) for column in categories]
    names = vocabulary(pd.concat(values), min_count) if values else {}
    boundaries = {column: quantile_boundaries(frame, column, n_quantiles) for column in numbers}
    return {"categories": list(categories), "vocabulary": names, "boundaries": boundaries, "n_ids": len(names) + 1}


def deep_inputs(frame, deep):
    """The deep part's inputs.

    Args:
        frame: any frame with the columns that `fit_deep` saw. deep: what `fit_deep` returned.
    Returns:
        dict with 'deep_ids', int32 array (rows, categories, width), width being 1 or the longest list's
        length, and 'numbers', float32 array (rows, numbers) in [0, 1].
    Raises:
        ValueError: `deep` is not from `fit_deep`, or a cell is not usable. KeyError: a column is missing.
    """
    check_fitted(deep, "fit_deep", "categories")
    check_frame(frame, [*deep["categories"], *deep["boundaries"]])
    n = len(frame)
    ids = [vocabulary_ids(cross(frame, [column]), deep["vocabulary"], n) for column in deep["categories"]]
    deep_ids = np.zeros((n, len(ids), max([block.shape[1] for block in ids], default=1)), dtype="int32")
    for i, block in enumerate(ids):
        deep_ids[:, i, : block.shape[1]] = block
    values = np.zeros((len(frame), len(deep["boundaries"])), dtype="float32")
    for i, (column, boundaries) in enumerate(deep["boundaries"].items()):
        values[:, i] = quantile_normalise(frame, column, boundaries)
    return {"deep_ids": deep_ids, "numbers": values}


def joint_inputs(frame, wide, deep):
    """A frame's inputs for both parts, `wide` and `deep`: dict with 'wide_ids', and what `deep_inputs` returns."""
    return {"wide_ids": wide_ids(frame, wide), **deep_inputs(frame, deep)}


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
    """Sums in `apply`, before Keras clips, and again in `update_step`, where several workers' sums have met."""

    def apply(self, grads, trainable_variables=None):
        return super().apply([_sum_repeated(gradient) for gradient in grads], trainable_variables)

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


def _progress(name, epochs):
    """A callback that keeps one line up to date, where Keras' own bar takes two lines an epoch."""

    def say(epoch, scores):
        shown = ", ".join(f"{score} {value:.4f}" for score, value in scores.items())
        print(f"\r{name}: epoch {epoch + 1} of {epochs}, {shown}", end="\n" if epoch + 1 == epochs else "", flush=True)

    return keras.callbacks.LambdaCallback(on_epoch_end=say)


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
        loss = keras.losses.BinaryCrossentropy(from_logits=True)
        # XLA cannot compile the sum over repeated ids. 32 steps a call are sooner done, with the same numbers.
        model.compile(optimizer, loss, jit_compile=False, steps_per_execution=32)
    elif getattr(model, "optimizer", None) is None:
        raise ValueError(f"The model '{model.name}' has no optimizer yet: give one.")
    callbacks = [keras.callbacks.TerminateOnNaN()]
    if "JPY_SESSION_NAME" in os.environ:  # Jupyter sets it in a notebook that someone has open, and in no other run
        callbacks.append(_progress(model.name, epochs))
    history = model.fit(
        inputs, labels, epochs=epochs, batch_size=batch_size, validation_data=validation, verbose=0,
        callbacks=callbacks,
    ).history  # fmt: skip
    if not np.isfinite([*itertools.chain(*history.values())]).all():
        raise FloatingPointError(f"The loss of '{model.name}' became NaN or infinite: lower the learning rate.")
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


def ranking_scores(frame, query, label, scores, k=10):
    """How well scores rank the rows of each query, as recommender people measure it.

    Args:
        frame: data frame of impressions, one row for each item of each query.
        query: name of the column that tells the queries, such as a visit, apart. label: name of a column of 0 and 1.
        scores: array (rows,), higher is better. k: int ≥ 1, places on the page.
    Returns:
        dict with 'NDCG@k', the mean of Σ label/log2(1 + place) over the first k places as a share of the best
        possible order's, and 'hit rate@k', the share of queries with a 1 on the first k places; both over the
        'queries' that have a 1 at all. Rows with equal scores share the mean of their places' worth, as in
        scikit-learn's `ndcg_score`; a hit needs a 1 that is among the first k whichever of the equals go first.
    Raises:
        KeyError: a column is missing. TypeError, ValueError: labels are not 0/1 or of one class, a query is missing,
        a score is not a finite number, or there are not as many scores as rows.
    Source:
        Järvelin and Kekäläinen, "Cumulated gain-based evaluation of IR techniques", TOIS 2002.
    """
    check_frame(frame, [query, label])
    check_whole("k", k, 1)
    labels, scores = check_labels(frame[label]), np.asarray(scores, dtype="float64")
    if scores.shape != labels.shape:
        raise ValueError(f"The scores have the shape {scores.shape}; expected one for each of {len(labels)} rows.")
    if not np.isfinite(scores).all():
        raise ValueError(f"Row {np.flatnonzero(~np.isfinite(scores))[0]} has a score that is not a finite number.")
    if frame[query].isna().any():
        raise ValueError(f"Column {query!r} has a missing value: each row needs its query.")
    rows = pd.DataFrame({"query": frame[query].to_numpy(), "label": labels.astype("float64"), "score": scores})
    rows = rows.sort_values("score", ascending=False, kind="stable")
    place = rows.groupby("query").cumcount() + 1
    rows["worth"] = np.where(place <= k, 1 / np.log2(place + 1), 0)
    shared = rows.groupby(["query", "score"])["worth"].transform("mean")
    worst = rows.groupby("query")["score"].rank(method="max", ascending=False)
    rows["gain"], rows["hit"] = rows["label"] * shared, rows["label"] * (worst <= k)
    # The best order has the 1s in front: as many places' worths as there are 1s.
    rows["best"] = rows["worth"] * (place <= rows.groupby("query")["label"].transform("sum"))
    total = rows.groupby("query")[["label", "gain", "best"]].sum().assign(hit=rows.groupby("query")["hit"].max())
    total = total[total["label"] > 0]
    return {
        f"NDCG@{k}": float((total["gain"] / total["best"]).mean()),
        f"hit rate@{k}": float(total["hit"].mean()),
        "queries": len(total),
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

"""Wide & Deep learning for any data frame, in plain Keras 3: crosses, embeddings, one loss, two optimizers."""

import math

import keras
import numpy as np
import pandas as pd
from keras import layers, ops
from sklearn.metrics import roc_auc_score


def strings(frame, feature):
    """A row's string for a feature, a tuple of columns: 'city=Oslo', or the cross 'city=Oslo & device=phone'."""
    parts = [f"{column}=" + frame[column].astype(str) for column in feature]
    return parts[0].str.cat(parts[1:], sep=" & ")


def vocabulary(train, features, min_count=1):
    """An id for each string of the training frame, the most frequent first; id 0 is left for strings never seen."""
    counts = pd.concat([strings(train, feature) for feature in features]).value_counts()
    kept = counts[counts >= min_count].sort_index().sort_values(ascending=False, kind="stable")
    return {string: i for i, string in enumerate(kept.index, start=1)}


def ids(frame, features, known):
    """One id for each row and feature, (rows, features)."""
    return np.stack([strings(frame, f).map(known).fillna(0).astype("int32") for f in features], axis=1)


def quantiles(train, frame, columns, n=100):
    """Each number as the share of the training frame below it, in steps of 1 / (n - 1), (rows, columns)."""
    cuts = [np.quantile(train[column], np.arange(1, n) / n) for column in columns]
    return np.stack([np.searchsorted(c, frame[column], "right") / (n - 1) for column, c in zip(columns, cuts)], axis=1)


def lookup(tensor, n_ids, size, start, name):
    """A row of the table for each id, and zeros for id 0."""
    # The penalty is 0. With one, Keras adds the gradients of a repeated id before it squares them, as it should.
    table = layers.Embedding(n_ids, size, start, embeddings_regularizer=keras.regularizers.L2(0.0), name=name)
    return table(tensor) * ops.expand_dims(ops.cast(ops.not_equal(tensor, 0), "float32"), -1)


def wide_deep(n_wide, crosses, n_deep, categories, numbers, size=8, units=(128, 64, 32), dropout=0.2):
    """Equation 3: the logits of both parts are added; the last layer has the one bias."""
    wide_ids, deep_ids = keras.Input((crosses,), dtype="int32"), keras.Input((categories,), dtype="int32")
    values = keras.Input((numbers,))
    wide_logit = ops.sum(lookup(wide_ids, n_wide, 1, "zeros", "wide_weights"), axis=1)
    vectors = layers.Flatten()(lookup(deep_ids, n_deep, size, "uniform", "embeddings"))
    a = layers.Concatenate()([vectors, values])
    for n in units:
        a = layers.Dropout(dropout)(layers.Dense(n, "relu")(a))
    return keras.Model([wide_ids, deep_ids, values], wide_logit + layers.Dense(1)(a))


def log_loss(labels, logits):
    return ops.softplus(logits) - labels * logits


def train_and_score(train, test, label, categories, numbers, crosses, epochs=8, batch_size=256, **sizes):
    """Train on one frame, and return the model and its AUC on the other; the label is a column of 0 and 1."""
    deep, wide = [(column,) for column in categories], [*[(column,) for column in categories], *crosses]
    of_wide, of_deep = vocabulary(train, wide), vocabulary(train, deep)
    x, x_test = ([ids(f, wide, of_wide), ids(f, deep, of_deep), quantiles(train, f, numbers)] for f in (train, test))
    model = wide_deep(len(of_wide) + 1, len(wide), len(of_deep) + 1, len(deep), len(numbers), **sizes)
    ftrl = keras.optimizers.Ftrl(0.02, initial_accumulator_value=1e-6, l1_regularization_strength=0.003)
    steps = epochs * math.ceil(len(train) / batch_size)
    adam = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.002, steps))  # to 0 with the last step
    both = keras.optimizers.OptimizerMap(adam, {"wide_weights/.*": ftrl})
    model.compile(keras.optimizers.MultiOptimizer(both), log_loss, jit_compile=keras.backend.backend() == "jax")
    model.fit(x, train[label].to_numpy("float32")[:, None], batch_size=batch_size, epochs=epochs, verbose=0)
    return model, roc_auc_score(test[label], model.predict(x_test, batch_size=4096, verbose=0))

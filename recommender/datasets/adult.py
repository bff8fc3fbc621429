"""The Adult census data, and what the notebooks train on it.

load_adult ─► wide_features, deep_features ─► build_model, training
           ─► beginner_features, beginner_inputs ─► beginner_model      a recipe of beginners' courses, to compare with
"""

import itertools
import math
import pathlib
from typing import Any

from recommender.datasets.files import read_original
from recommender.datasets.recipes import ModelKind, check_kind, model_of_kind, optimizer_of_kind
from wide_deep import backend  # noqa: F401, before Keras
from wide_deep.features import DeepFeatures, WideFeatures, deep_inputs, fit_deep, fit_wide, number_names, wide_ids
from wide_deep.optimizers import Adam, Ftrl
from wide_deep.tables import PathLike
from wide_deep.training import LogLoss

import keras
import numpy as np
import pandas as pd
from keras import layers

__all__ = [
    "CATEGORIES", "DATA", "NUMBERS", "SHA256", "beginner_features", "beginner_inputs", "beginner_model", "build_model",
    "deep_features", "load_adult", "training", "wide_features",
]  # fmt: skip

# ---------------------------------------------------------------------------------------------- data

DATA = pathlib.Path(__file__).resolve().parents[2] / "data"
SHA256 = {
    "adult_train.csv": "f2c62076f19504d99a38b22badf445a7f42530ade6b827acf78dd143fbce38bb",
    "adult_test.csv": "f6b1801c5d231515ea5ff04d4444997bacd57e04876e94710cb9b9bd5549c033",
}


def load_adult(folder: PathLike = DATA) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the Adult census data in its official split; missing values stay the string '?'.

    Args:
        folder: path of the folder that holds adult_train.csv and adult_test.csv.

    Returns:
        Two data frames, train (32,561 rows) and test (16,281 rows), 15 columns each. The label is the
        column `income`, '<=50K' or '>50K'.

    Raises:
        FileNotFoundError: a file is missing or cannot be read; the message names it.
        ValueError: a file is not the original one, by its SHA-256; the message names it.

    Source:
        Becker and Kohavi, UCI Machine Learning Repository, 1996, DOI 10.24432/C5XW20.

    Taught in: notebook 5, "Three accuracies".

    Example:
        >>> train, test = load_adult()
        >>> train.shape, test.shape
        ((32561, 15), (16281, 15))
    """
    train, test = (read_original(pathlib.Path(folder) / name, sha256) for name, sha256 in SHA256.items())
    return train, test


# ------------------------------------------------------------------------------------ the Adult recipes
# Chosen on 6,561 held-out training rows, of two random splits: notebook 5 trains these models.

CATEGORIES = [
    "workclass", "education", "marital-status", "occupation", "relationship", "race", "sex", "native-country",
    "capital-gain", "capital-loss",
]  # fmt: skip
NUMBERS = ["age", "education-num", "capital-gain", "capital-loss", "hours-per-week"]


def wide_features(train: pd.DataFrame) -> WideFeatures:
    """The wide part's features: every column, and every pair of columns.

    Args:
        train: training rows of Adult.

    Taught in: notebook 5, "Choose by rules, then look once".

    Example:
        >>> len(wide_features(load_adult()[0][:1000])["features"])  # 12 columns, 66 pairs
        78
    """
    base = [*CATEGORIES, "age", "hours-per-week"]
    pairs = itertools.combinations(base, 2)
    return fit_wide(train, [*base, *pairs], buckets={"age": 10, "hours-per-week": 8})


def deep_features(train: pd.DataFrame) -> DeepFeatures:
    """The deep part's features; capital is both a category and a number.

    Args:
        train: training rows of Adult.

    Taught in: notebook 5, "Choose by rules, then look once".

    Example:
        >>> list(deep_features(load_adult()[0][:1000])["boundaries"]) == NUMBERS
        True
    """
    return fit_deep(train, CATEGORIES, NUMBERS)


def build_model(kind: ModelKind, wide: WideFeatures, deep: DeepFeatures) -> keras.Model:
    """An untrained model, with the default sizes.

    Args:
        kind: 'wide', 'deep' or 'wide_deep'.
        wide: from `wide_features`.
        deep: from `deep_features`.

    Raises:
        ValueError: there is no such kind.

    Example:
        >>> rows = load_adult()[0][:1000]
        >>> build_model("wide_deep", wide_features(rows), deep_features(rows)).name
        'wide_deep'
    """
    return model_of_kind(kind, wide, deep)


def training(kind: ModelKind, n_rows: int) -> dict[str, Any]:
    """How a model is trained.

    Args:
        kind: 'wide', 'deep' or 'wide_deep'.
        n_rows: rows of training.

    Returns:
        Arguments of `train`.

    Raises:
        ValueError: there is no such kind.

    Taught in: notebook 5, "Choose by rules, then look once".

    Example:
        >>> training("wide", n_rows=32_561)["epochs"]
        8
    """
    epochs = 8
    batch_size = 256
    # FTRL's n starts near 0: its usual start, 0.1, would drown the tiny gradients of rare ids.
    ftrl = Ftrl(0.03 if kind == "wide" else 0.02, l1_regularization_strength=0.003, initial_accumulator_value=1e-6)
    steps = epochs * math.ceil(n_rows / batch_size)
    adam = Adam(keras.optimizers.schedules.CosineDecay(2e-3, steps))
    return {"optimizer": optimizer_of_kind(kind, ftrl, adam), "epochs": epochs, "batch_size": batch_size}


# A recipe that beginners' courses use, to compare with: dense one-hot input, a sigmoid, one Adam for all weights.


def beginner_features(train: pd.DataFrame) -> tuple[WideFeatures, DeepFeatures]:
    """The recipe's features, of the wide and of the deep part.

    Args:
        train: training rows of Adult.

    Taught in: notebook 5, "Three accuracies".

    Example:
        >>> beginner_features(load_adult()[0][:1000])[0]["features"][-1]
        ('marital-status', 'sex')
    """
    categories = CATEGORIES[:8]
    buckets = {"age": 10, "hours-per-week": 6}
    crosses = [("workclass", "occupation"), ("workclass", "hours-per-week"), ("marital-status", "sex")]
    wide = fit_wide(train, [*categories, *buckets, *crosses], buckets=buckets, min_count=10)
    return wide, fit_deep(train, categories, NUMBERS)


def beginner_inputs(frame: pd.DataFrame, wide: WideFeatures, deep: DeepFeatures) -> dict[str, np.ndarray]:
    """The recipe's inputs.

    Args:
        frame: rows of Adult.
        wide: the first of `beginner_features`.
        deep: the second.

    Returns:
        dict with those of the deep part, and 'one_hot', float32 (rows, ids of the wide part).

    Taught in: notebook 5, "Three accuracies".

    Example:
        >>> rows = load_adult()[0][:1000]
        >>> sorted(beginner_inputs(rows, *beginner_features(rows)))
        ['deep_ids', 'numbers', 'one_hot']
    """
    one_hot = np.zeros((len(frame), wide["n_ids"]), dtype="float32")
    np.put_along_axis(one_hot, wide_ids(frame, wide), 1, axis=1)
    one_hot[:, 0] = 0  # unseen
    return {"one_hot": one_hot, **deep_inputs(frame, deep)}


def beginner_model(kind: ModelKind, wide: WideFeatures, deep: DeepFeatures, penalty: float = 0.01) -> keras.Model:
    """The recipe's model, compiled.

    Args:
        kind: 'wide', 'deep' or 'wide_deep'.
        wide: the first of `beginner_features`.
        deep: the second.
        penalty: L1 and L2 of the first hidden layer.

    Returns:
        Keras model of those of `beginner_inputs` that the kind takes → probability (rows, 1).

    Raises:
        ValueError: there is no such kind.

    Taught in: notebook 5, "Three accuracies".

    Example:
        >>> model = beginner_model("wide_deep", *beginner_features(load_adult()[0][:1000]))
        >>> sorted(tensor.name for tensor in model.inputs)
        ['deep_ids', 'numbers', 'one_hot']
    """
    check_kind(kind)
    one_hot = keras.Input((wide["n_ids"],), name="one_hot")
    ids = keras.Input((len(deep["categories"]), 1), name="deep_ids")
    numeric = keras.Input((len(number_names(deep)),), name="numbers")
    vectors = layers.Flatten()(layers.Embedding(deep["n_ids"], 8)(ids))  # (rows, categories · 8)
    x = layers.Concatenate()([vectors, numeric])
    x = layers.Dense(100, "relu", kernel_regularizer=keras.regularizers.l1_l2(penalty, penalty))(x)
    x = layers.Dense(50, "relu")(layers.Dropout(0.5)(x))
    x = layers.Dropout(0.5)(x)  # (rows, 50)
    if kind == "wide":
        inputs = [one_hot]
        last = one_hot
    elif kind == "deep":
        inputs = [ids, numeric]
        last = x
    else:
        inputs = [one_hot, ids, numeric]
        last = layers.Concatenate()([one_hot, x])
    probability = layers.Dense(1, "sigmoid")(last)
    model = keras.Model({tensor.name: tensor for tensor in inputs}, probability, name=kind)
    model.compile("adam", LogLoss(from_logits=False), metrics=["accuracy"], steps_per_execution=32)
    return model

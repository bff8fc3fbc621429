"""The Adult census data, and what the notebooks train on it.

load_adult ─► wide_features, deep_features ─► training          data, features, and how each model is trained
           ─► course_features, course_inputs, course_model      a beginners' recipe, to compare with
"""

import itertools
import math
import pathlib

import wdl_helpers as wdl
from recommender.datasets.files import read_original

import keras
import numpy as np
from keras import layers

# ---------------------------------------------------------------------------------------------- data

DATA = pathlib.Path(__file__).resolve().parents[2] / "data"
SHA256 = {
    "adult_train.csv": "f2c62076f19504d99a38b22badf445a7f42530ade6b827acf78dd143fbce38bb",
    "adult_test.csv": "f6b1801c5d231515ea5ff04d4444997bacd57e04876e94710cb9b9bd5549c033",
}


def load_adult(folder=DATA):
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
    """
    return tuple(read_original(pathlib.Path(folder) / name, sha256) for name, sha256 in SHA256.items())


# ------------------------------------------------------------------------------------ the Adult recipes
# Chosen on 6,561 held-out training rows, of two random splits: notebooks 02 to 04 train these models.

CATEGORIES = [
    "workclass", "education", "marital-status", "occupation", "relationship", "race", "sex", "native-country",
    "capital-gain", "capital-loss",
]  # fmt: skip
NUMBERS = ["age", "education-num", "capital-gain", "capital-loss", "hours-per-week"]


def wide_features(train):
    """The wide part's features, fitted on Adult's `train` frame: every column, and every pair of columns."""
    base = [*CATEGORIES, "age", "hours-per-week"]
    pairs = list(itertools.combinations(base, 2))
    return wdl.fit_wide(train, base + pairs, buckets={"age": 10, "hours-per-week": 8})


def deep_features(train):
    """The deep part's features, fitted on Adult's `train` frame; capital is both a category and a number."""
    return wdl.fit_deep(train, CATEGORIES, NUMBERS)


def training(model, n_rows):
    """How a `model`, 'wide', 'deep' or 'wide_deep', is trained on `n_rows` of Adult: arguments of `train`."""
    epochs, batch_size = 8, 256
    # FTRL's n starts near 0: its usual start, 0.1, would drown the tiny gradients of rare ids.
    ftrl = wdl.Ftrl(0.03 if model == "wide" else 0.02, l1_regularization_strength=0.003, initial_accumulator_value=1e-6)
    steps = epochs * math.ceil(n_rows / batch_size)
    adam = wdl.Adam(keras.optimizers.schedules.CosineDecay(2e-3, steps))
    optimizer = {"wide": ftrl, "deep": adam, "wide_deep": wdl.joint_optimizer(wide=ftrl, deep=adam)}[model]
    return {"optimizer": optimizer, "epochs": epochs, "batch_size": batch_size}


# A recipe that beginners' courses use, to compare with: dense one-hot input, a sigmoid, one Adam for all weights.


def course_features(train):
    """The recipe's features, fitted on Adult's `train` frame: what `fit_wide` and `fit_deep` return."""
    categories, buckets = CATEGORIES[:8], {"age": 10, "hours-per-week": 6}
    crosses = [("workclass", "occupation"), ("workclass", "hours-per-week"), ("marital-status", "sex")]
    wide = wdl.fit_wide(train, [*categories, *buckets, *crosses], buckets=buckets, min_count=10)
    return wide, wdl.fit_deep(train, categories, NUMBERS)


def course_inputs(frame, wide, deep):
    """The recipe's inputs of a `frame`: those of the `deep` part, and 'one_hot', float32 (rows, ids of `wide`)."""
    one_hot = np.zeros((len(frame), wide["n_ids"]), dtype="float32")
    np.put_along_axis(one_hot, wdl.wide_ids(frame, wide), 1, axis=1)
    one_hot[:, 0] = 0  # unseen
    return {"one_hot": one_hot, **wdl.deep_inputs(frame, deep)}


def course_model(kind, wide, deep, penalty=0.01):
    """The recipe's model of a `kind`: 'wide', 'deep' or 'wide and deep'; `penalty` is L1 and L2 of the first layer."""
    one_hot = keras.Input((wide["n_ids"],), name="one_hot")
    ids = keras.Input((len(deep["categories"]), 1), name="deep_ids")
    values = keras.Input((len(deep["boundaries"]),), name="numbers")
    vectors = layers.Flatten()(layers.Embedding(deep["n_ids"], 8)(ids))
    x = layers.Concatenate()([vectors, values])
    x = layers.Dense(100, "relu", kernel_regularizer=keras.regularizers.l1_l2(penalty, penalty))(x)
    x = layers.Dense(50, "relu")(layers.Dropout(0.5)(x))
    x = layers.Dropout(0.5)(x)
    parts = {"wide": [one_hot], "deep": [x], "wide and deep": [one_hot, x]}[kind]
    inputs = ([one_hot] if "wide" in kind else []) + ([ids, values] if "deep" in kind else [])
    probability = layers.Dense(1, "sigmoid")(layers.Concatenate()(parts) if len(parts) > 1 else parts[0])
    model = keras.Model({tensor.name: tensor for tensor in inputs}, probability, name=kind.replace(" ", "_"))
    model.compile("adam", wdl.LogLoss(from_logits=False), metrics=["accuracy"], steps_per_execution=32)
    return model

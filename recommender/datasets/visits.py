"""A real log: which areas of a web site each visitor saw in a week of 1998, and what is trained on it.

load_rows                                                       rows of a list, a candidate and a label, in one call
load_visits ─► visit_rows ─► wide_features, deep_features ─► build_model, training
            ─► held_out_visits                                  the queries of the published test

Where models rank the held-out visits, and whom they would show a new area: `recommender.catalogue`.
"""

import math
import pathlib
import re
from typing import Any

from recommender import logs
from recommender.datasets.files import read_original
from recommender.datasets.recipes import ModelKind, model_of_kind, optimizer_of_kind
from wide_deep import backend  # noqa: F401, before Keras
from wide_deep.features import DeepFeatures, WideFeatures, fit_deep, fit_wide
from wide_deep.optimizers import Adagrad, Ftrl
from wide_deep.tables import PathLike

import keras
import pandas as pd

__all__ = [
    "DATA", "LONGEST_LIST", "MODEL_SIZES", "NEGATIVES", "SHA256", "SINGLE_VISIT_SHARE", "build_model", "deep_features",
    "held_out_visits", "load_rows", "load_visits", "title_words", "training", "visit_rows", "wide_features",
    "with_words",
]  # fmt: skip

# ---------------------------------------------------------------------------------------------- data

DATA = pathlib.Path(__file__).resolve().parents[2] / "data"
SHA256 = {
    "visits_train.csv": "1067ec32ec77623d2d8ab14a7455e66c66009f8621487a741d93937b5ad78ee1",
    "visits_test.csv": "fad26c73dfb1661a538cbce1c0f546de9cc2e9c3e92def0a2b0624b13a191aea",
    "visits_areas.csv": "b7b2106ae54d8fcb7b9e5621e0f8b064d34533eead4b1954add5839e5d3f7215",
}


def load_visits(folder: PathLike = DATA) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Read the log of visits in its official split, and the titles of the areas.

    Args:
        folder: path of the folder that holds visits_train.csv, visits_test.csv and visits_areas.csv.

    Returns:
        Three data frames: train (98,654 visits of 32,711 users) and test (15,191 visits of 5,000 others), with the
        columns 'user', a number, and 'area'; areas (294), with 'area' and 'title'. No user is in both.

    Raises:
        FileNotFoundError: a file is missing or cannot be read; the message names it.
        ValueError: a file is not the original one, by its SHA-256; the message names it.

    Source:
        Breese, Heckerman and Kadie, UCI Machine Learning Repository, 1998, DOI 10.24432/C5VS3Q.

    Taught in: notebook 9, "A test that others published".

    Example:
        >>> train, test, areas = load_visits()
        >>> len(train), len(test), len(areas)
        (98654, 15191, 294)
    """
    train, test, areas = (read_original(pathlib.Path(folder) / name, sha256) for name, sha256 in SHA256.items())
    return train, test, areas


# --------------------------------------------------------------------------------------- rows and queries


SINGLE_VISIT_SHARE = 0.3  # of the visitors with a single visit, those that are trained on: their lists are empty
LONGEST_LIST = 7  # other visits in a row's list, the most


def title_words(areas: pd.DataFrame) -> dict[str, list[str]]:
    """The words of each area's title, in small letters.

    Args:
        areas: data frame of 'area' and 'title'.

    Returns:
        dict area → list of words, each once.

    Taught in: notebook 9, "Wide, deep, and both".

    Example:
        >>> title_words(pd.DataFrame({"area": ["/games"], "title": ["Games, more Games"]}))
        {'/games': ['games', 'more']}
    """
    words = {}
    for area, title in zip(areas["area"], areas["title"], strict=True):
        words[area] = list(dict.fromkeys(re.findall(r"[a-z0-9]+", title.lower())))
    return words


def with_words(frame: pd.DataFrame, words: dict[str, list[str]]) -> pd.DataFrame:
    """The frame with a column 'words', the list of each area's title.

    Args:
        frame: data frame with a column 'area'.
        words: from `title_words`.

    Taught in: notebook 9, "Wide, deep, and both".

    Example:
        >>> with_words(pd.DataFrame({"area": ["/games"]}), {"/games": ["games"]})["words"].tolist()
        [['games']]
    """
    return frame.assign(words=frame["area"].map(words))


def visit_rows(log: pd.DataFrame, areas: pd.DataFrame, negatives: int, seed: int = 0) -> pd.DataFrame:
    """Rows to train on: each visit with the visitor's other ones as a list, and areas that the visitor did not see.

    Args:
        log: data frame of 'user' and 'area'.
        areas: data frame of 'area' and 'title'; negatives are drawn from it.
        negatives: rows of label 0 for each visit, at least 1.
        seed: of all draws.

    Returns:
        data frame in random order with 'user', 'area', 'visited', a list of at most 7 areas, 'label', and 'words', a
        list.

    Raises:
        ValueError: negatives is not usable, or a visitor saw nearly all areas.

    Taught in: notebook 9, "Rows from sets, and a leak".

    Example:
        >>> train, _, areas = load_visits()
        >>> visit_rows(train[:100], areas, negatives=4).columns.tolist()
        ['user', 'area', 'visited', 'label', 'words']
    """
    rows = logs.leave_one_out(log, "user", "area", "visited", longest=LONGEST_LIST, seed=seed)
    single = rows["visited"].map(len) == 0
    some_single = rows[single].sample(frac=SINGLE_VISIT_SHARE, random_state=seed)
    rows = pd.concat([rows[~single], some_single])
    rows = logs.with_negatives(rows, log, "user", "area", negatives, items=areas["area"], seed=seed)
    return with_words(rows.sample(frac=1, random_state=seed, ignore_index=True), title_words(areas))


def load_rows(negatives: int = 4, seed: int = 0, folder: PathLike = DATA) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The log as rows for a model, in one call: would someone who visited these areas visit this one too?

    A row of label 1 is an area that a visitor saw, beside the list of the other areas that the same visitor saw. The
    log has no row of label 0: nobody was asked, and what a visitor did not see may be what nobody offered. So we make
    them: for each row of label 1, with the same list, areas that the visitor did not see, drawn at random. That is why
    the share of ones is 1 / (1 + negatives), and why a model's probability is one of these rows; what it says of a
    visitor is the order of the areas.

    Visitors who saw a single area are left out, as in the published test: their lists would be empty. Of longer lists
    seven areas are kept, drawn at random.

    Args:
        negatives: rows of label 0 for each row of label 1, at least 1.
        seed: of all draws.
        folder: path of the folder that holds the three files of `load_visits`.

    Returns:
        Two data frames, train and test, with 'user', 'visited', a list of areas, 'area' and 'label', 0 or 1, in
        random order. No visitor is in both: split `train` by 'user' to choose settings.

    Raises:
        FileNotFoundError: a file is missing or cannot be read; the message names it.
        ValueError: negatives is not usable, or a file is not the original one.

    Taught in: notebook 1, "A real log".

    Example:
        >>> train, test = load_rows(negatives=1)
        >>> train.columns.tolist(), float(train["label"].mean())
        (['user', 'visited', 'area', 'label'], 0.5)
    """
    *both_logs, areas = load_visits(folder)
    parts = []
    for log in both_logs:
        rows = logs.leave_one_out(log, "user", "area", "visited", longest=LONGEST_LIST, seed=seed)
        rows = rows[rows["visited"].map(len) > 0]
        rows = logs.with_negatives(rows, log, "user", "area", negatives, items=areas["area"], seed=seed)
        rows = rows.sample(frac=1, random_state=seed, ignore_index=True)
        parts.append(rows[["user", "visited", "area", "label"]])
    train, test = parts
    return train, test


def held_out_visits(test: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """The published test, "all but 1": of each visitor with two visits or more, one visit is held out at random.

    Args:
        test: data frame of 'user' and 'area'.
        seed: of the draw.

    Returns:
        data frame with a row for each such visitor: 'user', 'area', what is held out, and 'visited', the others.

    Taught in: notebook 9, "A test that others published".

    Example:
        >>> queries = held_out_visits(load_visits()[1])
        >>> len(queries), queries.columns.tolist()
        (3453, ['user', 'area', 'visited'])
    """
    several = test.groupby("user")["area"].transform("nunique") > 1
    return logs.hold_one_out(test[several], "user", "area", "visited", seed)


# ------------------------------------------------------------------------------------------- the recipes
# Chosen on held-out training visitors, for wide & deep; benchmarks/visits.py --search starts from them.

MODEL_SIZES: dict[str, Any] = {"embedding_dim": 32, "units": (64, 32), "dropout": 0.0}
BATCH_SIZE = 2048
NEGATIVES = 10  # areas that a visitor did not see, for each visit


def wide_features(rows: pd.DataFrame) -> WideFeatures:
    """The wide part's features: the area, and AND(visited area, area).

    Args:
        rows: the training rows, from `visit_rows`.

    Taught in: notebook 9, "Wide, deep, and both".

    Example:
        >>> wide_features(pd.DataFrame({"visited": [["/a"]], "area": ["/b"]}))["features"]
        [('area',), ('visited', 'area')]
    """
    return fit_wide(rows, ["area", ("visited", "area")])


def deep_features(rows: pd.DataFrame) -> DeepFeatures:
    """The deep part's features: the areas seen, the area, and the words of its title.

    Args:
        rows: the training rows, from `visit_rows`.

    Taught in: notebook 9, "Wide, deep, and both".

    Example:
        >>> deep_features(pd.DataFrame({"visited": [["/a"]], "area": ["/b"], "words": [["b"]]}))["categories"]
        ['visited', 'area', 'words']
    """
    return fit_deep(rows, ["visited", "area", "words"], [])


def build_model(kind: ModelKind, wide: WideFeatures, deep: DeepFeatures) -> keras.Model:
    """An untrained model; its vectors have 32 numbers, as in the paper.

    Args:
        kind: 'wide', 'deep' or 'wide_deep'.
        wide: from `wide_features`.
        deep: from `deep_features`.

    Raises:
        ValueError: there is no such kind.

    Taught in: notebook 9, "Wide, deep, and both".

    Example:
        >>> rows = pd.DataFrame({"visited": [["/a"]], "area": ["/b"], "words": [["b"]]})
        >>> build_model("deep", wide_features(rows), deep_features(rows)).name
        'deep'
    """
    return model_of_kind(kind, wide, deep, **MODEL_SIZES)


def training(
    kind: ModelKind, n_rows: int, epochs: int = 4, wide_rate: float = 0.2, l1: float = 0.001, deep_rate: float = 0.06
) -> dict[str, Any]:
    """How a model is trained; `epochs`, rates and L1 have the values that the search chose.

    Args:
        kind: 'wide', 'deep' or 'wide_deep'.
        n_rows: rows of training.
        epochs: at least 1.
        wide_rate: FTRL's learning rate.
        l1: FTRL's L1.
        deep_rate: AdaGrad's learning rate at the start; it falls to 0 with the last step.

    Returns:
        Arguments of `train`.

    Raises:
        ValueError: there is no such kind.

    Taught in: notebook 9, "Wide, deep, and both".

    Example:
        >>> training("wide_deep", n_rows=10_000)["batch_size"]
        2048
    """
    # Both sums of squares start near 0: the usual start, 0.1, would drown the tiny gradients of rare ids.
    ftrl = Ftrl(wide_rate, l1_regularization_strength=l1, initial_accumulator_value=1e-6)
    steps = epochs * math.ceil(n_rows / BATCH_SIZE)
    adagrad = Adagrad(keras.optimizers.schedules.CosineDecay(deep_rate, steps), initial_accumulator_value=1e-6)
    return {"optimizer": optimizer_of_kind(kind, ftrl, adagrad), "epochs": epochs, "batch_size": BATCH_SIZE}

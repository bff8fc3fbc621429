"""A real log: which areas of a web site each visitor saw in a week of 1998, and what is trained on it.

load_visits ─► visit_rows ─► wide_features, deep_features ─► build_model, training
            ─► held_out_visits ─► model_places                  where each held-out visit is ranked
            ─► new_area_logits ─► beyond_visitor, area_aucs     who visits an area that training never saw
"""

import math
import pathlib
import re

import wdl_helpers as wdl
from recommender import ranking
from recommender.datasets.files import read_original

import keras
import numpy as np
import pandas as pd
from scipy.special import logit
from sklearn.metrics import roc_auc_score

# ---------------------------------------------------------------------------------------------- data

DATA = pathlib.Path(__file__).resolve().parents[2] / "data"
SHA256 = {
    "visits_train.csv": "1067ec32ec77623d2d8ab14a7455e66c66009f8621487a741d93937b5ad78ee1",
    "visits_test.csv": "fad26c73dfb1661a538cbce1c0f546de9cc2e9c3e92def0a2b0624b13a191aea",
    "visits_areas.csv": "b7b2106ae54d8fcb7b9e5621e0f8b064d34533eead4b1954add5839e5d3f7215",
}


def load_visits(folder=DATA):
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
    """
    return tuple(read_original(pathlib.Path(folder) / name, sha256) for name, sha256 in SHA256.items())


# --------------------------------------------------------------------------------------- rows and queries


ALONE = 0.3  # share of the visitors with a single visit that are trained on: their lists are empty


def title_words(areas):
    """Area → the words of its title, each once, in small letters: dict of lists, from the frame `areas`."""
    words = {}
    for area, title in zip(areas["area"], areas["title"], strict=True):
        words[area] = list(dict.fromkeys(re.findall(r"[a-z0-9]+", title.lower())))
    return words


def with_words(frame, words):
    """The `frame` with a column 'words', the list of each area's title; `words` is from `title_words`."""
    return frame.assign(words=frame["area"].map(words))


def visit_rows(log, areas, negatives, seed=0, longest=7):
    """Rows to train on: each visit with the visitor's other ones as a list, and areas that the visitor did not see.

    Args:
        log: data frame of 'user' and 'area'. areas: data frame of 'area' and 'title'; negatives are drawn from it.
        negatives: int ≥ 1, rows of label 0 for each visit. seed: int, of all draws.
        longest: int ≥ 1, the most other visits in a row's list.
    Returns:
        data frame in random order with 'user', 'area', 'seen', a list of areas, 'label' and 'words', a list.
    """
    rows = ranking.leave_one_out(log, "user", "area", "seen", longest=longest, seed=seed)
    alone = rows["seen"].map(len) == 0
    rows = pd.concat([rows[~alone], rows[alone].sample(frac=ALONE, random_state=seed)])
    rows = ranking.with_negatives(rows, log, "user", "area", negatives, items=areas["area"], seed=seed)
    return with_words(rows.sample(frac=1, random_state=seed, ignore_index=True), title_words(areas))


def held_out_visits(test, seed=0):
    """The published test, "all but 1": of each visitor with two visits or more, one visit is held out at random.

    Args:
        test: data frame of 'user' and 'area'. seed: int, of the draw.
    Returns:
        data frame with a row for each such visitor: 'user', 'area', what is held out, and 'seen', the others.
    """
    several = test.groupby("user")["area"].transform("nunique") > 1
    return ranking.hold_one_out(test[several], "user", "area", "seen", seed)


# ------------------------------------------------------------------------------------------- the recipes
# Rates and L1 were chosen on held-out training visitors: benchmarks/visits_search.json has what was tried.

SIZES = {"embedding_dim": 32, "units": (64, 32), "dropout": 0.0}
BATCH_SIZE = 2048
NEGATIVES = 10  # areas that a visitor did not see, for each visit


def wide_features(rows):
    """The wide part's features, fitted on the training `rows`: the area, and AND(seen area, area)."""
    return wdl.fit_wide(rows, ["area", ("seen", "area")])


def deep_features(rows):
    """The deep part's features, fitted on the training `rows`: areas seen, the area, and the words of its title."""
    return wdl.fit_deep(rows, ["seen", "area", "words"], [])


def build_model(kind, wide, deep):
    """An untrained model of a `kind`, 'wide', 'deep' or 'wide_deep', for the fitted features.

    Args, `wide` and `deep`, are the fitted features; embeddings have 32 dimensions, as in the paper.
    """
    if kind == "wide":
        return wdl.wide_model(wide)
    return wdl.deep_model(deep, **SIZES) if kind == "deep" else wdl.wide_deep_model(wide, deep, **SIZES)


def training(kind, n_rows, epochs=4, wide_rate=0.2, l1=0.001, deep_rate=0.06):
    """How a model of a `kind`, 'wide', 'deep' or 'wide_deep', is trained on `n_rows`: arguments of `wdl.train`.

    Args, `epochs`, `wide_rate`, `l1` and `deep_rate`, have the values that the search chose.
    """
    # Both sums of squares start near 0: the usual start, 0.1, would drown the tiny gradients of rare ids.
    ftrl = wdl.Ftrl(wide_rate, l1_regularization_strength=l1, initial_accumulator_value=1e-6)
    steps = epochs * math.ceil(n_rows / BATCH_SIZE)
    adagrad = wdl.Adagrad(keras.optimizers.schedules.CosineDecay(deep_rate, steps), initial_accumulator_value=1e-6)
    optimizer = {"wide": ftrl, "deep": adagrad, "wide_deep": wdl.joint_optimizer(wide=ftrl, deep=adagrad)}[kind]
    return {"optimizer": optimizer, "epochs": epochs, "batch_size": BATCH_SIZE}


def _scored(models, queries, areas, wide, deep):
    """Blocks of the `queries`, each with a dict name → the model's scores (queries, areas), higher is better."""
    words = title_words(areas)
    ordered = queries.loc[queries["seen"].map(len).sort_values(kind="stable").index]  # short lists need less room
    size = max(ranking.BLOCK // len(areas), 1)
    for start in range(0, len(ordered), size):
        block = ordered.iloc[start : start + size]
        rows = with_words(ranking.candidates(block, "area", areas["area"]), words)
        inputs = wdl.joint_inputs(rows, wide, deep)
        yield block, {name: wdl.predict(model, inputs).reshape(len(block), -1) for name, model in models.items()}


def model_places(models, queries, areas, wide, deep):
    """Where models put the area that is held out, among all that the visitor did not see.

    Args:
        models: dict name → trained model from `build_model`. queries: from `held_out_visits`.
        areas: data frame of 'area' and 'title', all that are ranked. wide, deep: the fitted features.
    Returns:
        data frame of places, counted from 0: a row a query, with its index, and a column a model.
    """
    found = pd.DataFrame(0.0, index=queries.index, columns=list(models))
    for block, scores in _scored(models, queries, areas, wide, deep):
        for name, score in scores.items():
            score = dict(zip(block.index, score, strict=True))
            found.loc[block.index, name] = ranking.held_out_places(
                block, "area", "seen", areas["area"], lambda part, score=score: [score[row] for row in part.index]
            )
    return found


def new_area_logits(models, test, new, wide, deep):
    """What models say of areas that training never saw, to each user who saw another area.

    Args:
        models: dict name → trained model from `build_model`. test: data frame of 'user' and 'area'.
        new: data frame of 'area' and 'title', the areas that were left out. wide, deep: the fitted features.
    Returns:
        float64 array (users, new areas) of 1 where the user visited it and 0 elsewhere; and a dict name → float64
        array of the same shape, the logits. The lists of the users hold the areas that are not new.
    Raises:
        ValueError: nobody visited both a new area and another one.
    """
    is_new = test["area"].isin(new["area"])
    queries = test[~is_new].groupby("user")["area"].agg(list).reset_index(name="seen")
    visits = test[is_new & test["user"].isin(queries["user"])]
    if visits.empty:
        raise ValueError("No user visited both a new area and another one, so there is nobody to tell apart.")
    row, column = (
        pd.Index(queries["user"]).get_indexer(visits["user"]),
        pd.Index(new["area"]).get_indexer(visits["area"]),
    )
    visited = np.zeros((len(queries), len(new)))
    visited[row, column] = 1
    logits = {name: np.zeros(visited.shape) for name in models}
    for block, found in _scored(models, queries, new, wide, deep):
        for name, score in found.items():
            logits[name][block.index] = logit(score)
    return visited, logits


def beyond_visitor(logits):
    """What `logits`, (users, areas), say beyond how much the user visits at all: each less the user's own mean.

    Rounded to six decimals, so that logits that were equal stay equal.
    """
    return (logits - logits.mean(axis=1, keepdims=True)).round(6)


def area_aucs(visited, scores):
    """For each area the chance that one who visited it has a higher score for it than one who did not.

    Args:
        visited: array (users, areas) of 0 and 1. scores: array of the same shape.
    Returns:
        float64 array (areas,), the AUC in each column; NaN for an area that nobody visited, or everybody.
    """
    mixed = (visited.min(axis=0) == 0) & (visited.max(axis=0) == 1)
    return np.array([roc_auc_score(visited[:, i], scores[:, i]) if known else np.nan for i, known in enumerate(mixed)])

"""A small simulated log whose truth is known: what a wide model remembers, and what a deep model generalises to.

planted_log ─► wide_features, deep_features ─► build_model, training
"""

from typing import Any

from recommender.datasets.recipes import ModelKind, check_kind, model_of_kind, optimizer_of_kind
from wide_deep import backend  # noqa: F401, before Keras
from wide_deep.checks import check_whole
from wide_deep.features import DeepFeatures, WideFeatures, fit_deep, fit_wide
from wide_deep.optimizers import Adam, Ftrl

import keras
import numpy as np
import pandas as pd

__all__ = ["SETTINGS", "build_model", "deep_features", "planted_log", "training", "wide_features"]

N_USERS = 24
N_APPS = 24
N_NEVER_SHOWN = 170  # of the 576 pairs
N_EXCEPTIONS = 20
FITTING = 0.8  # probability that a user installs an app of the user's own taste
OTHER = 0.1


def planted_log(seed: int = 0, repeats: int = 20) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A small simulated log of app impressions whose truth is known.

    Of 24 users and 24 apps, the first halves like music and the second halves travel. A fitting app is
    installed with probability 0.8, another with 0.1. Of the 576 pairs, 20 are exceptions, where the two are
    exchanged, and 170 are never shown.

    Args:
        seed: of the random numbers.
        repeats: rows of the log for each shown pair, at least 1.

    Returns:
        Two data frames: pairs, one row a pair, with 'user', 'app', 'kind' ('usual', 'exception' or
        'never shown') and 'truth', the probability; log, with 'user', 'app' and 'install', 0 or 1.

    Raises:
        ValueError: repeats is not a whole number of at least 1.

    Taught in: notebook 1, "Two questions".

    Example:
        >>> pairs, log = planted_log(seed=4)
        >>> len(pairs), len(log), pairs["truth"].unique().tolist()
        (576, 8120, [0.8, 0.1])
    """
    check_whole("repeats", repeats, 1)
    rng = np.random.default_rng(seed)
    n_pairs = N_USERS * N_APPS
    user, app = np.divmod(np.arange(n_pairs), N_APPS)  # (pairs,)
    n_usual = n_pairs - N_NEVER_SHOWN - N_EXCEPTIONS
    kind = rng.permutation(["never shown"] * N_NEVER_SHOWN + ["exception"] * N_EXCEPTIONS + ["usual"] * n_usual)
    same_taste = (user < N_USERS // 2) == (app < N_APPS // 2)
    likes = same_taste != (kind == "exception")
    truth = np.where(likes, FITTING, OTHER)
    pairs = pd.DataFrame({"user": [f"u{i}" for i in user], "app": [f"a{i}" for i in app], "kind": kind, "truth": truth})
    shown = pairs[kind != "never shown"]
    log = shown.loc[shown.index.repeat(repeats)].reset_index(drop=True)
    log["install"] = (rng.random(len(log)) < log["truth"]).astype(int)
    return pairs, log[["user", "app", "install"]]


# ------------------------------------------------------------------------------------ the recipes of the planted log

MODEL_SIZES: dict[str, Any] = {"embedding_dim": 4, "units": (16,), "dropout": 0.0}


def wide_features(log: pd.DataFrame) -> WideFeatures:
    """The wide part's features, fitted on the `log`: user, app, and AND(user, app).

    Example:
        >>> wide_features(planted_log()[1])["n_ids"]  # 24 users, 24 apps, 406 pairs, and id 0
        455
    """
    return fit_wide(log, ["user", "app", ("user", "app")])


def deep_features(log: pd.DataFrame) -> DeepFeatures:
    """The deep part's features, fitted on the `log`: user and app.

    Example:
        >>> deep_features(planted_log()[1])["n_ids"]
        49
    """
    return fit_deep(log, ["user", "app"], [])


def build_model(kind: ModelKind, wide: WideFeatures, deep: DeepFeatures) -> keras.Model:
    """An untrained model, with vectors of four numbers and one hidden layer of 16 neurons.

    Args:
        kind: 'wide', 'deep' or 'wide_deep'.
        wide: from `wide_features`.
        deep: from `deep_features`.

    Raises:
        ValueError: there is no such kind.

    Example:
        >>> log = planted_log()[1]
        >>> build_model("deep", wide_features(log), deep_features(log)).count_params()  # 49 · 4, 8 · 16 + 16, 16 + 1
        357
    """
    return model_of_kind(kind, wide, deep, **MODEL_SIZES)


# kind → FTRL's rate, its L1, and Adam's rate: the best of a grid on five other logs, by benchmarks/planted.py.
SETTINGS: dict[ModelKind, tuple[float, float, float]] = {
    "wide": (3.0, 0.0, 0.003),
    "deep": (3.0, 0.0, 0.001),
    "wide_deep": (10.0, 0.6, 0.003),
}


def training(kind: ModelKind, l1: float | None = None) -> dict[str, Any]:
    """How a model is trained: each kind has the settings that were best for it on other logs.

    Args:
        kind: 'wide', 'deep' or 'wide_deep'.
        l1: FTRL's L1; None takes the chosen one.

    Returns:
        Arguments of `train`.

    Raises:
        ValueError: there is no such kind.

    Taught in: notebook 4, "The grid, for the last time".

    Example:
        >>> sorted(training("wide"))
        ['batch_size', 'epochs', 'optimizer']
    """
    check_kind(kind)
    wide_rate, chosen_l1, deep_rate = SETTINGS[kind]
    ftrl = Ftrl(wide_rate, l1_regularization_strength=chosen_l1 if l1 is None else l1)
    return {"optimizer": optimizer_of_kind(kind, ftrl, Adam(deep_rate)), "epochs": 15, "batch_size": 128}

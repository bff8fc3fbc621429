"""A simulated app store whose truth is known: what people like, what was shown to them, what they installed.

Nobody can look up in a real log what would have happened with an app that was not shown. Here it is known. The
functions stand in the order in which data flows; the truth itself is made in `store_truth`.

    make_store ─► retrieve ─► simulate_day ─► impressions with labels       what a store's log would hold
               ─► install_probability ─► expected_installs                  what only a simulation can say

Then come the store's recipes: a first stage of two towers, and the features and settings of the models that rank.
"""

import math
from collections.abc import Sequence
from typing import Any

from recommender.datasets.recipes import ModelKind, model_of_kind, optimizer_of_kind
from recommender.datasets.store_truth import (
    BASE,
    LANGUAGES,
    MOST_INSTALLED,
    USERS_AT_ONCE,
    Store,
    install_probability,
    make_store,
)
from recommender.retrieval import Towers, train_towers, two_towers
from wide_deep import backend  # noqa: F401, before Keras
from wide_deep.checks import check_frame, check_whole
from wide_deep.features import DeepFeatures, WideFeatures, fit_deep, fit_wide
from wide_deep.optimizers import Adagrad, Ftrl

import keras
import numpy as np
import pandas as pd

__all__ = [
    "BASE", "COARSE_CROSSES", "LANGUAGES", "MIN_COUNT", "build_model", "day_candidates", "deep_features",
    "expected_installs", "first_stage", "impressions", "install_probability", "make_store", "retrieve", "simulate_day",
    "training", "wide_features", "with_installed_categories",
]  # fmt: skip


def retrieve(store: Store, users: Sequence[int] | np.ndarray, n: int = 100, seed: int | list[int] = 0) -> np.ndarray:
    """Retrieval, the first half of a recommender: candidates for each visit, drawn from what the phone lacks.

    Args:
        store: from `make_store`.
        users: (visits,), row numbers of the store's users.
        n: candidates a visit, at least 1.
        seed: of the random numbers.

    Returns:
        int array (visits, n), row numbers of the store's apps, each at most once a visit.

    Raises:
        ValueError: n is not a whole number, or more than the catalogue has for everyone.

    Taught in: notebook 7, "A first stage".

    Example:
        >>> retrieve(make_store(seed=6, n_users=100), [7, 8], n=5).shape
        (2, 5)
    """
    check_whole("n", n, 1)
    n_apps = len(store["apps"])
    if n > n_apps - MOST_INSTALLED:
        raise ValueError(f"n is {n}; a catalogue of {n_apps} apps has at most {n_apps - MOST_INSTALLED} for everyone.")
    rng = np.random.default_rng(seed)
    blocks = []
    for start in range(0, len(users), USERS_AT_ONCE):
        block = users[start : start + USERS_AT_ONCE]
        key = rng.random((len(block), n_apps + 1))  # the smallest are taken; what is installed gets 2
        np.put_along_axis(key, store["hidden"]["on_phone"][block], 2.0, axis=1)
        blocks.append(np.argsort(key[:, :n_apps], axis=1, kind="stable")[:, :n].astype("int32"))
    return np.concatenate(blocks)


def impressions(store: Store, users: Sequence[int] | np.ndarray, apps: Sequence[int] | np.ndarray) -> pd.DataFrame:
    """The log's columns for people and apps, one row each: what a model may see.

    Args:
        store: from `make_store`.
        users: (n,), row numbers of the store's users.
        apps: (n,), row numbers of its apps.

    Returns:
        data frame with 'country', 'language', 'device', 'age', 'installed', 'app', 'category' and 'app_age'.

    Taught in: notebook 7, "A store whose truth is known".

    Example:
        >>> impressions(make_store(seed=6, n_users=100), [7, 7], [0, 13])["app"].tolist()
        ['books 1', 'chess 2']
    """
    user_columns = store["users"].iloc[users].reset_index(drop=True)
    app_columns = store["apps"].iloc[apps].reset_index(drop=True)
    return pd.concat([user_columns, app_columns], axis=1)


def _chance_of_tied(others: int, tied: int, ahead: int, shown: int) -> np.ndarray:
    """For each slot, the probability that what is explored there is one of the `tied` candidates, float64 (shown,).

    The policy breaks ties by the candidates' order, which is random. `ahead` candidates are on the page because they
    came before `tied` others that it believes in as much. So those come late, and are explored less often than the
    rest of the `others`. Here f counts the others up to the first of them; all numbers of orders are exact.
    """
    chance = np.zeros(shown)
    orders = math.comb(others + ahead, tied + ahead)
    for f in range(1, others - tied + 2) if tied else []:
        first_is_f = math.comb(others - f, tied - 1) * math.comb(f - 1 + ahead, ahead) / orders
        chance[f - 1 : f] += first_is_f
        if f < others:
            chance[f:] += first_is_f * (tied - 1) / (others - f)
    return chance


def _propensities(
    by_rank: np.ndarray, chosen: np.ndarray, explored: np.ndarray, share: float
) -> tuple[np.ndarray, np.ndarray]:
    """How likely each app of a page was: in its slot, and on the page at all, each float64 (visits, shown).

    An app is of one of two kinds. The policy believes in it as much as in the last favourite of the page ("tied"):
    which of these are the favourites is up to the order of the candidates. Or it is for sure a favourite or for sure
    one of the others, and then comes by exploration only.

    Args:
        by_rank: (visits, candidates), the beliefs of a visit's candidates, from the highest on.
        chosen: (visits, shown), the beliefs of the apps on the page.
        explored: (visits, shown), bool, the slots that went to one of the others.
        share: the probability that a slot is explored.
    """
    shown = explored.shape[1]
    in_slot, on_page = np.empty(explored.shape), np.empty(explored.shape)
    tied_favourite = by_rank[:, :shown] == by_rank[:, [shown - 1]]  # (visits, shown)
    n_tied_others = (by_rank[:, shown:] == by_rank[:, [shown - 1]]).sum(axis=1)  # (visits,)
    n_tied_favourites = tied_favourite.sum(axis=1)
    n_equal = (by_rank[:, :shown, None] == by_rank[:, None, :]).sum(axis=2)  # as good as each slot's favourite
    is_tied = chosen == by_rank[:, [shown - 1]]
    n_others = by_rank.shape[1] - shown
    for tied, ahead in np.unique(np.stack([n_tied_others, n_tied_favourites], axis=1), axis=0).tolist():
        alike = np.flatnonzero((n_tied_others == tied) & (n_tied_favourites == ahead))  # visits
        chance = _chance_of_tied(n_others, tied, ahead, shown)  # in each slot, if it is explored
        in_slot_if_tied = ((1 - share) * tied_favourite[alike] + share * chance) / (tied + ahead)
        on_page_if_tied = ((1 - share) * ahead + share * chance.sum()) / (tied + ahead)
        of_other = (1 - chance) / max(n_others - tied, 1)  # for each of the others that is not tied
        in_slot_if_not = np.where(explored[alike], share * of_other, (1 - share) / n_equal[alike])
        on_page_if_not = np.where(explored[alike], share * of_other.sum(), 1 - share)
        in_slot[alike] = np.where(is_tied[alike], in_slot_if_tied, in_slot_if_not)
        on_page[alike] = np.where(is_tied[alike], on_page_if_tied, on_page_if_not)
    return in_slot, on_page


def _pages(
    store: Store, users: np.ndarray, candidates: np.ndarray, shown: int, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """What stands on the pages: 'app', row numbers, 'explored' and the two propensities, each (visits, shown)."""
    country_number = {country: i for i, country in enumerate(LANGUAGES)}
    country = store["users"]["country"].map(country_number).to_numpy()[users]  # (visits,)
    share = store["exploration"]
    explored = rng.random((len(users), shown)) < share
    apps = np.empty((len(users), shown), dtype="int32")
    propensity = np.empty((len(users), shown))
    page_propensity = np.empty((len(users), shown))
    for start in range(0, len(users), USERS_AT_ONCE):
        rows = slice(start, start + USERS_AT_ONCE)
        belief = store["beliefs"][country[rows, None], candidates[rows]]  # (visits, candidates)
        ranked = np.argsort(-belief, axis=1, kind="stable")
        # Candidates come in random order, so the first ones of the others are drawn at random.
        others = np.sort(ranked[:, shown:], axis=1)[:, :shown]
        index = np.where(explored[rows], others, ranked[:, :shown])
        apps[rows] = np.take_along_axis(candidates[rows], index, axis=1)
        by_rank, chosen = (np.take_along_axis(belief, each, axis=1) for each in (ranked, index))
        propensity[rows], page_propensity[rows] = _propensities(by_rank, chosen, explored[rows], share)
    return {
        "app": apps,
        "explored": explored,
        "propensity": propensity.round(12),
        "page_propensity": page_propensity.round(12),
    }


def _draw_visits(store: Store, visits: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.random.Generator]:
    """Who comes (visits,), what is retrieved for them (visits, 100), and the numbers that the day goes on with."""
    rng = np.random.default_rng([seed, 1])
    visitors = rng.integers(0, len(store["users"]), visits)
    return visitors, retrieve(store, visitors, seed=[seed, 2]), rng


def day_candidates(store: Store, visits: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Who came on a day, and what the policy could choose from: what a new ranking of the same visits needs.

    Args:
        store: from `make_store`.
        visits: as in `simulate_day`.
        seed: as in `simulate_day`.

    Returns:
        int array (visits,), row numbers of the store's users, and (visits, 100), row numbers of its apps in the order
        of the catalogue. (The order in which they were retrieved decides what is explored; a new ranking that depends
        on it, if only in a tie, cannot be estimated from the log.)

    Taught in: notebook 8, "What would a new ranking do?".

    Example:
        >>> visitors, candidates = day_candidates(make_store(seed=6, n_users=100), visits=20, seed=0)
        >>> visitors.shape, candidates.shape
        ((20,), (20, 100))
    """
    visitors, candidates, _ = _draw_visits(store, visits, seed)
    return visitors, np.sort(candidates, axis=1)


def simulate_day(store: Store, visits: int, seed: int, shown: int = 10) -> pd.DataFrame:
    """A day's log. At each visit the policy shows, of 100 candidates, those that it believes in.

    Its beliefs are the store's, one number for each country and app. A slot of the page, with the store's probability
    of exploration, gets one of the other candidates instead, at random.

    Args:
        store: from `make_store`.
        visits: by people at random, at least 1.
        seed: of the random numbers.
        shown: slots on the page, 1 to 50.

    Returns:
        data frame of visits · shown rows: the columns of `impressions`, 'visit', a number, 'install', 0 or 1, and
        'truth', the probability that 'install' was drawn from, which no model may see. Of the policy it says
        'position', from 0, 'explored', and the probabilities that this app was in this position, 'propensity', and
        anywhere on this page, 'page_propensity', given the visit's candidates.

    Raises:
        ValueError: visits or shown are not usable.

    Taught in: notebook 7, "A store whose truth is known".

    Example:
        >>> len(simulate_day(make_store(seed=6, n_users=100), visits=20, seed=0))
        200
    """
    check_whole("visits", visits, 1)
    check_whole("shown", shown, 1)
    if shown > 50:
        raise ValueError(f"shown is {shown}; expected at most 50 of the 100 candidates.")
    visitors, candidates, rng = _draw_visits(store, visits, seed)
    pages = _pages(store, visitors, candidates, shown, rng)
    apps = pages["app"].ravel()  # (rows,)
    users = np.repeat(visitors, shown)
    log = impressions(store, users, apps)
    log["visit"] = np.repeat(np.arange(visits), shown)
    log["truth"] = install_probability(store, users, apps)
    log["install"] = (rng.random(len(log)) < log["truth"]).astype(int)
    log["position"] = np.tile(np.arange(shown), visits)
    for column in ("explored", "propensity", "page_propensity"):
        log[column] = pages[column].ravel()
    return log


def expected_installs(truth: np.ndarray, scores: np.ndarray, shown: int = 10) -> np.ndarray:
    """The expected installs on a page with the candidates of the highest scores.

    Args:
        truth: (visits, candidates), from `install_probability`.
        scores: as many, in any shape, higher is better.
        shown: slots on the page, at least 1.

    Returns:
        float64 array (visits,), the expected number of installs a visit.

    Raises:
        ValueError: there are not as many scores as probabilities, a score is NaN, or shown is not usable.

    Taught in: notebook 7, "All five at once".

    Example:
        >>> expected_installs([[0.25, 0.5, 0.125]], [3, 1, 2], shown=2).tolist()
        [0.375]
    """
    truth = np.asarray(truth)
    scores = np.asarray(scores)
    if scores.size != truth.size:
        raise ValueError(f"There are {scores.size} scores for {truth.size} candidates; expected one each.")
    missing = np.argwhere(np.isnan(scores.reshape(truth.shape)))  # (numbers, 2)
    if missing.size:
        raise ValueError(f"The score of visit {missing[0, 0]}, candidate {missing[0, 1]} is NaN; expected a number.")
    check_whole("shown", shown, 1)
    if shown > truth.shape[1]:
        raise ValueError(f"shown is {shown}, but there are {truth.shape[1]} candidates.")
    order = np.argsort(-scores.reshape(truth.shape), axis=1, kind="stable")
    return np.take_along_axis(truth, order[:, :shown], axis=1).sum(axis=1)


# ------------------------------------------------------------------------------------ the store's recipes
# Chosen on held-out rows of the logs of other stores: no result is taken from those.

MIN_COUNT = 20  # rows that a value needs for a weight and a vector of its own
MODEL_SIZES: dict[str, Any] = {"embedding_dim": 32, "units": (64, 32), "dropout": 0.0}


def with_installed_categories(frame: pd.DataFrame, apps: pd.DataFrame) -> pd.DataFrame:
    """The frame with one more column, 'installed_category': the categories of the apps on the phone, as a list.

    Args:
        frame: rows with 'installed', such as a log or a store's users.
        apps: the store's apps, with 'app' and 'category'.

    Raises:
        KeyError: a column is missing, or an installed app is none of the apps.

    Taught in: notebook 7, "Five rankers".

    Example:
        >>> store = make_store(seed=6, n_users=100)
        >>> store["users"]["installed"][1][:3]
        ['fitness 1', 'fitness 11', 'books 7']
        >>> with_installed_categories(store["users"], store["apps"])["installed_category"][1][:3]
        ['fitness', 'fitness', 'books']
    """
    check_frame(frame, ["installed"])
    check_frame(apps, ["app", "category"])
    category = dict(zip(apps["app"], apps["category"], strict=True))
    return frame.assign(installed_category=[[category[app] for app in installed] for installed in frame["installed"]])


COARSE_CROSSES = [
    ("installed_category", "category"), ("country", "category"), ("device", "category"), ("age", "category"),
]  # fmt: skip


def wide_features(log: pd.DataFrame, min_count: int = MIN_COUNT, coarse: bool = False) -> WideFeatures:
    """The wide part's features: every column, and AND(installed app, impression app).

    Args:
        log: the training log, from `simulate_day`.
        min_count: how many rows a value needs for a weight of its own, at least 1.
        coarse: whether to cross what is known of the visitor with the category of the app, too. The log then needs
            the column 'installed_category', from `with_installed_categories`.

    Taught in: notebook 7, "Five rankers".

    Example:
        >>> log = simulate_day(make_store(seed=6, n_users=100), visits=20, seed=0)
        >>> wide_features(log)["features"][-1]
        ('installed', 'app')
    """
    columns = ["country", "language", "device", "age", "installed", "app", "category", "app_age"]
    features = [*columns, ("installed", "app")]
    if coarse:
        features += ["installed_category", *COARSE_CROSSES]
    return fit_wide(log, features, buckets={"age": 6, "app_age": 6}, min_count=min_count)


def deep_features(log: pd.DataFrame, min_count: int = MIN_COUNT) -> DeepFeatures:
    """The deep part's features: a vector for each category, and two numbers.

    Args:
        log: the training log, from `simulate_day`.
        min_count: how many rows a value needs for a vector of its own, at least 1.

    Taught in: notebook 7, "Five rankers".

    Example:
        >>> log = simulate_day(make_store(seed=6, n_users=100), visits=20, seed=0)
        >>> list(deep_features(log)["boundaries"])
        ['age', 'app_age']
    """
    categories = ["country", "language", "device", "installed", "app", "category"]
    return fit_deep(log, categories, ["age", "app_age"], min_count=min_count)


def build_model(kind: ModelKind, wide: WideFeatures, deep: DeepFeatures) -> keras.Model:
    """An untrained model; its vectors have 32 numbers, as in the paper.

    Args:
        kind: 'wide', 'deep' or 'wide_deep'.
        wide: from `wide_features`.
        deep: from `deep_features`.

    Raises:
        ValueError: there is no such kind.

    Taught in: notebook 7, "Five rankers".

    Example:
        >>> log = simulate_day(make_store(seed=6, n_users=100), visits=20, seed=0)
        >>> build_model("wide_deep", wide_features(log), deep_features(log)).name
        'wide_deep'
    """
    return model_of_kind(kind, wide, deep, **MODEL_SIZES)


def training(kind: ModelKind) -> dict[str, Any]:
    """How a model is trained.

    Args:
        kind: 'wide', 'deep' or 'wide_deep'.

    Returns:
        Arguments of `train`.

    Raises:
        ValueError: there is no such kind.

    Taught in: notebook 7, "Five rankers".

    Example:
        >>> training("wide")["epochs"]
        5
    """
    # Both sums of squares start near 0: the usual start, 0.1, would drown the tiny gradients of rare ids.
    # Beside a deep part, L1 may be strict: a cross must then be worth more than what taste already says.
    l1 = 0.003 if kind == "wide" else 0.02
    ftrl = Ftrl(0.05, l1_regularization_strength=l1, initial_accumulator_value=1e-6)
    adagrad = Adagrad(0.02, initial_accumulator_value=1e-6)
    return {"optimizer": optimizer_of_kind(kind, ftrl, adagrad), "epochs": 5, "batch_size": 512}


def first_stage(log: pd.DataFrame, log_q: bool = True) -> Towers:
    """Two trained towers, which find candidates for a visitor: trained on the log's installs.

    Args:
        log: the training log, from `simulate_day`.
        log_q: whether to correct for how often each app is a negative.

    Returns:
        Towers for the store's users and for its apps.

    Taught in: notebook 7, "A first stage".

    Example:
        >>> store = make_store(seed=6, n_users=100)
        >>> towers = first_stage(simulate_day(store, visits=200, seed=0))
        >>> towers.users.output_shape, towers.items.output_shape
        ((None, 16), (None, 16))
    """
    users = fit_deep(log, ["country", "language", "device", "installed"], ["age"], min_count=MIN_COUNT)
    apps = fit_deep(log, ["app", "category"], ["app_age"], min_count=MIN_COUNT)
    towers = two_towers(users, apps, embedding_dim=16, units=(32,), dimension=16)
    installs = log[log["install"] == 1].reset_index(drop=True)
    optimizer = Adagrad(0.05, initial_accumulator_value=1e-6)
    train_towers(towers, installs, "app", optimizer, epochs=20, batch_size=512, log_q=log_q)
    return towers

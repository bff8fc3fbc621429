"""A simulated app store whose truth is known: what people like, what was shown to them, what they installed.

Nobody can look up in a real log what would have happened with an app that was not shown. Here it is known. The
functions stand in the order in which data flows.

    make_store ─► retrieve ─► simulate_day ─► impressions with labels       what a store's log would hold
               ─► install_probability ─► expected_installs                  what only a simulation can say

How likely a person is to install an app, in log odds, is a sum of four parts:

    BASE  +  the app's popularity  +  the person's taste · the app's character  +  the rules between apps

Taste is what generalises: it depends on country, device and age, shows in the apps on the phone, and meets the app's
category. A rule is what must be memorised: people who have app A install B more often, or less often, than their taste
says. Nothing but the pair itself tells.

The same seed gives the same store on every machine: there is no matrix product in here, whose last digit depends on the
processor, and whatever leaves an exponential function is rounded.
"""

import math
from collections.abc import Sequence
from typing import Any, TypedDict

from recommender.datasets.recipes import ModelKind, model_of_kind, optimizer_of_kind
from wide_deep.checks import check_whole
from wide_deep.features import DeepFeatures, WideFeatures, fit_deep, fit_wide
from wide_deep.optimizers import Adagrad, Ftrl

import keras
import numpy as np
import pandas as pd
from scipy.special import expit

LANGUAGES = {"BR": "pt", "DE": "de", "FR": "fr", "IN": "hi", "JP": "ja", "MX": "es", "NG": "en", "US": "en"}
DEVICES = ["phone", "tablet", "television", "watch"]
CATEGORIES = [
    "books", "chess", "cooking", "fitness", "games", "maps", "music", "news", "photo", "travel", "video", "weather",
]  # fmt: skip
BASE = -1.5  # log odds of an average person and an average app: 18 %
TASTES = 3  # directions in which people and apps differ
OWN_TASTE = 0.1  # share of a taste's variance that country, device and age do not explain
OWN_CHARACTER = 0.15  # share of an app's character that its category does not explain
OWN_LANGUAGE = 0.85  # share of the people whose language is surely that of their country
NEW_APP_DAYS = 31  # an app of fewer days is new: on no phone yet, without a past
POPULARITY_DEVIATION = 0.6  # standard deviation of the apps' popularity, in log odds
INSTALLED_POPULARITY = 4.0  # how much more popularity counts for what is on the phones: a few apps are on very many
FEWEST_INSTALLED = 3  # apps on a phone
MOST_INSTALLED = 9
KNOWN_APPS = 30  # so many apps, those that are best known, have rules
RULE_SHARE = 0.1  # with this share of all other apps, each
PAST_IMPRESSIONS = 40  # how often, in each country, each old app had been shown before the log begins
USERS_AT_ONCE = 10_000  # people that are worked on at once: it bounds the memory and changes no number


class Hidden(TypedDict):
    """The truth about people and apps, which no model may see."""

    character: np.ndarray  # (apps, TASTES)
    popularity: np.ndarray  # (apps,), in log odds
    tastes: np.ndarray  # (users, TASTES), times the knob `taste`
    on_phone: np.ndarray  # (users, MOST_INSTALLED), row numbers of apps; the number of apps stands for none
    rule: np.ndarray  # (apps + 1, apps), in log odds: row, an app on the phone or none; column, the app shown


class Store(TypedDict):
    """What `make_store` returns."""

    users: pd.DataFrame  # country, language, device, age in years, installed: a list of apps
    apps: pd.DataFrame  # app, category, app_age in days
    rules: pd.DataFrame  # installed, app, strength in log odds
    hidden: Hidden
    exploration: float  # share of the page's places that are filled at random
    # The policy's beliefs: installs / (shown + 20) in a simulated past, 0 for a new app.
    beliefs: np.ndarray  # (countries, apps)


def make_store(
    seed: int = 0,
    n_users: int = 8_000,
    n_apps: int = 200,
    taste: float = 1.5,
    rules: float = 1.5,
    exploration: float = 0.05,
    new_apps: float = 0.5,
) -> Store:
    """People, apps, the truth about them, and the beliefs of the policy that fills the store's log.

    Args:
        seed: of the random numbers.
        n_users: at least 1.
        n_apps: the catalogue, at least 150.
        taste: how strongly taste · character counts, in log odds, at least 0; 0 leaves nothing to generalise.
        rules: mean size of a rule in log odds, at least 0, half of them negative; 0 leaves nothing to memorise.
        exploration: share of the page's places that the policy fills at random, 0 to 1.
        new_apps: share of the catalogue that came last month, 0 to 0.8: on no phone yet, without a past.

    Returns:
        the store, a dict; what is in 'hidden' no model may see.

    Raises:
        ValueError: a knob is out of its range.

    Taught in: notebook 7, "A store whose truth is known".

    Example:
        >>> store = make_store(seed=6, n_users=100)
        >>> store["users"].columns.tolist(), store["apps"].columns.tolist()
        (['country', 'language', 'device', 'age', 'installed'], ['app', 'category', 'app_age'])
    """
    check_whole("n_users", n_users, 1)
    check_whole("n_apps", n_apps, 150)
    upper = {"taste": math.inf, "rules": math.inf, "exploration": 1, "new_apps": 0.8}
    for (name, most), value in zip(upper.items(), (taste, rules, exploration, new_apps), strict=True):
        if not 0 <= value <= most:
            raise ValueError(f"{name} is {value!r}; expected a number from 0 to {most}.")
    rng = np.random.default_rng(seed)
    apps, character, popularity = _make_apps(rng, n_apps, new_apps)
    users, tastes = _make_users(rng, n_users)
    on_phone = _make_phones(rng, tastes, apps, character, popularity)
    rule = _make_rules(rng, rules, apps, popularity)
    names = apps["app"].to_numpy()
    users["installed"] = [names[row[row < n_apps]].tolist() for row in on_phone]
    first, second = np.nonzero(rule)
    planted = pd.DataFrame({"installed": names[first], "app": names[second], "strength": rule[first, second]})
    hidden: Hidden = {
        "character": character,
        "popularity": popularity,
        "tastes": taste * tastes,
        "on_phone": on_phone,
        "rule": rule,
    }
    return {
        "users": users,
        "apps": apps,
        "rules": planted,
        "hidden": hidden,
        "exploration": exploration,
        "beliefs": _beliefs(rng, users, apps, hidden),
    }


def _unit(vectors: np.ndarray) -> np.ndarray:
    """The vectors, scaled to length 1: (n, TASTES)."""
    return vectors / np.sqrt(_dot(vectors, vectors))[:, None]


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Row-wise inner products (n,), added from left to right: the same bits on every processor."""
    return sum(a[:, i] * b[:, i] for i in range(a.shape[1]))


def _make_apps(rng: np.random.Generator, n_apps: int, new_apps: float) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """The apps, their character (apps, TASTES) and their popularity (apps,)."""
    category = np.arange(n_apps) % len(CATEGORIES)
    of_category = _unit(rng.normal(size=(len(CATEGORIES), TASTES)))
    own = _unit(rng.normal(size=(n_apps, TASTES)))
    character = math.sqrt(1 - OWN_CHARACTER) * of_category[category] + math.sqrt(OWN_CHARACTER) * own
    is_new = rng.permutation(n_apps) < round(new_apps * n_apps)
    new_age = rng.integers(1, NEW_APP_DAYS, n_apps)
    old_age = rng.integers(NEW_APP_DAYS, 2_000, n_apps)
    popularity = POPULARITY_DEVIATION * rng.normal(size=n_apps)
    apps = pd.DataFrame(
        {
            "app": [f"{CATEGORIES[c]} {1 + i // len(CATEGORIES)}" for i, c in enumerate(category)],
            "category": np.array(CATEGORIES)[category],
            "app_age": np.where(is_new, new_age, old_age),
        }
    )
    return apps, character.round(6), popularity.round(6)


def _make_users(rng: np.random.Generator, n_users: int) -> tuple[pd.DataFrame, np.ndarray]:
    """The people, without the apps on their phones, and their tastes (users, TASTES)."""
    country = rng.integers(0, len(LANGUAGES), n_users)
    device = rng.integers(0, len(DEVICES), n_users)
    age = rng.integers(15, 75, n_users)
    speaks_own = rng.random(n_users) < OWN_LANGUAGE
    language_of = np.where(speaks_own, country, rng.integers(0, len(LANGUAGES), n_users))  # number of a country
    of_country = _unit(rng.normal(size=(len(LANGUAGES), TASTES)))
    of_device = _unit(rng.normal(size=(len(DEVICES), TASTES)))
    of_age = _unit(rng.normal(size=(1, TASTES)))
    standard_age = (age - 44.5) / 17.3  # a uniform age from 15 to 74 has this mean and this standard deviation
    shared = of_country[country] + of_device[device] + standard_age[:, None] * of_age  # (users, TASTES)
    own = rng.normal(size=(n_users, TASTES))
    tastes = math.sqrt(1 - OWN_TASTE) * shared + math.sqrt(OWN_TASTE) * own
    users = pd.DataFrame(
        {
            "country": np.array(list(LANGUAGES))[country],
            "language": np.array(list(LANGUAGES.values()))[language_of],
            "device": np.array(DEVICES)[device],
            "age": age,
        }
    )
    return users, tastes.round(6)


def _make_phones(
    rng: np.random.Generator, tastes: np.ndarray, apps: pd.DataFrame, character: np.ndarray, popularity: np.ndarray
) -> np.ndarray:
    """What is on each phone: row numbers of apps, (users, MOST_INSTALLED); the number of apps stands for no app."""
    n_users = len(tastes)
    n_installed = rng.integers(FEWEST_INSTALLED, MOST_INSTALLED + 1, n_users)
    is_new = apps["app_age"].to_numpy() < NEW_APP_DAYS
    on_phone = np.full((n_users, MOST_INSTALLED), len(apps))
    for start in range(0, n_users, USERS_AT_ONCE):
        rows = slice(start, start + USERS_AT_ONCE)
        liking = sum(2 * tastes[rows, i, None] * character[:, i] for i in range(TASTES))  # (users, apps)
        liking = liking + INSTALLED_POPULARITY * popularity
        # The k largest of liking + Gumbel noise are k draws without replacement, with weights exp(liking).
        noisy = liking - np.log(-np.log(rng.random(liking.shape)))
        chosen = np.argsort(-np.where(is_new, -np.inf, noisy), axis=1, kind="stable")[:, :MOST_INSTALLED]
        is_there = np.arange(MOST_INSTALLED) < n_installed[rows, None]
        on_phone[rows] = np.where(is_there, chosen, len(apps))
    return on_phone


def _make_rules(rng: np.random.Generator, rules: float, apps: pd.DataFrame, popularity: np.ndarray) -> np.ndarray:
    """Rule strengths, float64 (apps + 1, apps): row, an app on the phone; column, the app shown."""
    n = len(apps)
    planted = rng.random((n, n)) < RULE_SHARE
    negative = rng.random((n, n)) < 0.5
    strength = (rules * rng.uniform(0.5, 1.5, (n, n))).round(6)
    fame = np.where(apps["app_age"] < NEW_APP_DAYS, -np.inf, popularity)
    planted[np.argsort(-fame, kind="stable")[KNOWN_APPS:]] = False
    np.fill_diagonal(planted, False)
    signed = np.where(negative, -strength, strength)
    of_no_app = np.zeros(n)
    return np.vstack([np.where(planted, signed, 0), of_no_app])


def _probability(hidden: Hidden, users: np.ndarray, apps: np.ndarray) -> np.ndarray:
    """The probability that each person installs the app of the same row, float64 (n,)."""
    taste = _dot(hidden["tastes"][users], hidden["character"][apps])  # (n,)
    logit = BASE + hidden["popularity"][apps] + taste
    for installed in hidden["on_phone"].T:  # (users,), the first apps of all phones, then the second ones, …
        logit = logit + hidden["rule"][installed[users], apps]
    return expit(logit).round(6)


def _beliefs(rng: np.random.Generator, users: pd.DataFrame, apps: pd.DataFrame, hidden: Hidden) -> np.ndarray:
    """What counting gives after a past in which old apps were shown at random: installs / (shown + 20)."""
    shown = np.repeat(np.flatnonzero(apps["app_age"] >= NEW_APP_DAYS), PAST_IMPRESSIONS)
    beliefs = np.zeros((len(LANGUAGES), len(apps)))
    for i, country in enumerate(LANGUAGES):
        people = np.flatnonzero(users["country"] == country)
        if len(people):
            asked = people[rng.integers(0, len(people), len(shown))]
            installs = rng.random(len(shown)) < _probability(hidden, asked, shown)
            beliefs[i] = np.bincount(shown[installs], minlength=len(apps)) / (PAST_IMPRESSIONS + 20)
    return beliefs


def install_probability(
    store: Store, users: Sequence[int] | np.ndarray, apps: Sequence[int] | np.ndarray
) -> np.ndarray:
    """The truth: the probability that a person who is shown an app installs it.

    Args:
        store: from `make_store`.
        users: (n,), row numbers of the store's users.
        apps: (n,), row numbers of its apps.

    Returns:
        float64 array (n,), rounded to six decimals.

    Raises:
        IndexError: there is no such row.
        ValueError: there are not as many users as apps.

    Taught in: notebook 7, "A store whose truth is known".

    Example:
        >>> install_probability(make_store(seed=6, n_users=100), [0, 0], [9, 10]).tolist()
        [0.271301, 0.49546]
    """
    users = np.asarray(users)
    apps = np.asarray(apps)
    if users.shape != apps.shape or users.ndim != 1:
        raise ValueError(f"users have the shape {users.shape} and apps {apps.shape}; expected one of each a row.")
    for name, rows, n_rows in (("users", users, len(store["users"])), ("apps", apps, len(store["apps"]))):
        if len(rows) and not 0 <= rows.min() <= rows.max() < n_rows:
            raise IndexError(f"{name} holds {rows.min()} to {rows.max()}; the store has {n_rows} {name}.")
    return _probability(store["hidden"], users, apps)


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

    Taught in: notebook 7, "From a query to a page".

    Example:
        >>> retrieve(make_store(seed=6, n_users=100), [7, 8], n=5).shape
        (2, 5)
    """
    check_whole("n", n, 1)
    n_apps = len(store["apps"])
    if n > n_apps - MOST_INSTALLED:
        raise ValueError(f"n is {n}; a catalogue of {n_apps} apps has at most {n_apps - MOST_INSTALLED} for everyone.")
    rng = np.random.default_rng(seed)
    found = []
    for start in range(0, len(users), USERS_AT_ONCE):
        block = users[start : start + USERS_AT_ONCE]
        key = rng.random((len(block), n_apps + 1))  # the smallest are taken; what is installed gets 2
        np.put_along_axis(key, store["hidden"]["on_phone"][block], 2.0, axis=1)
        found.append(np.argsort(key[:, :n_apps], axis=1, kind="stable")[:, :n].astype("int32"))
    return np.concatenate(found)


def impressions(store: Store, users: Sequence[int] | np.ndarray, apps: Sequence[int] | np.ndarray) -> pd.DataFrame:
    """The log's columns for people and apps, one row each: what a model may see.

    Args:
        store: from `make_store`.
        users: (n,), row numbers of the store's users.
        apps: (n,), row numbers of its apps.

    Returns:
        data frame with 'country', 'language', 'device', 'age', 'installed', 'app', 'category' and 'app_age'.

    Taught in: notebook 7, "From a query to a page".

    Example:
        >>> impressions(make_store(seed=6, n_users=100), [7, 7], [0, 13])["app"].tolist()
        ['books 1', 'chess 2']
    """
    left = store["users"].iloc[users].reset_index(drop=True)
    right = store["apps"].iloc[apps].reset_index(drop=True)
    return pd.concat([left, right], axis=1)


def _pages(store: Store, users: np.ndarray, candidates: np.ndarray, shown: int, rng: np.random.Generator) -> np.ndarray:
    """The apps shown at each visit, (visits, shown): the policy's favourites, and explored ones in some places."""
    country_number = {country: i for i, country in enumerate(LANGUAGES)}
    country = store["users"]["country"].map(country_number).to_numpy()[users]  # (visits,)
    explored = rng.random((len(users), shown)) < store["exploration"]
    apps = np.empty((len(users), shown), dtype="int32")
    for start in range(0, len(users), USERS_AT_ONCE):
        rows = slice(start, start + USERS_AT_ONCE)
        belief = store["beliefs"][country[rows, None], candidates[rows]]  # (visits, candidates)
        ranked = np.argsort(-belief, axis=1, kind="stable")
        # Candidates come in random order, so the first ones of the others are drawn at random.
        others = np.sort(ranked[:, shown:], axis=1)[:, :shown]
        place = np.where(explored[rows], others, ranked[:, :shown])
        apps[rows] = np.take_along_axis(candidates[rows], place, axis=1)
    return apps


def simulate_day(store: Store, visits: int, seed: int, shown: int = 10) -> pd.DataFrame:
    """A day's log. At each visit the policy shows, of 100 candidates, those that it believes in.

    Its beliefs are the store's, one number for each country and app. A place of the page, with the store's probability
    of exploration, gets one of the other candidates instead, at random.

    Args:
        store: from `make_store`.
        visits: by people at random, at least 1.
        seed: of the random numbers.
        shown: places on the page, 1 to 50.

    Returns:
        data frame of visits · shown rows: the columns of `impressions`, 'visit', a number, 'install', 0 or 1, and
        'truth', the probability that 'install' was drawn from, which no model may see.

    Raises:
        ValueError: visits or shown are not usable.

    Taught in: notebook 7, "From a query to a page".

    Example:
        >>> len(simulate_day(make_store(seed=6, n_users=100), visits=20, seed=0))
        200
    """
    check_whole("visits", visits, 1)
    check_whole("shown", shown, 1)
    if shown > 50:
        raise ValueError(f"shown is {shown}; expected at most 50 of the 100 candidates.")
    rng = np.random.default_rng([seed, 1])
    visitors = rng.integers(0, len(store["users"]), visits)
    candidates = retrieve(store, visitors, seed=[seed, 2])
    apps = _pages(store, visitors, candidates, shown, rng).ravel()  # (rows,)
    users = np.repeat(visitors, shown)
    log = impressions(store, users, apps)
    log["visit"] = np.repeat(np.arange(visits), shown)
    log["truth"] = install_probability(store, users, apps)
    log["install"] = (rng.random(len(log)) < log["truth"]).astype(int)
    return log


def expected_installs(truth: np.ndarray, scores: np.ndarray, shown: int = 10) -> np.ndarray:
    """What a page is worth on which the candidates with the highest scores stand.

    Args:
        truth: (visits, candidates), from `install_probability`.
        scores: as many, in any shape, higher is better.
        shown: places on the page, at least 1.

    Returns:
        float64 array (visits,), the expected number of installs a visit.

    Raises:
        ValueError: there are not as many scores as probabilities, a score is NaN, or shown is not usable.

    Taught in: notebook 7, "The online experiment".

    Example:
        >>> expected_installs([[0.25, 0.5, 0.125]], [3, 1, 2], shown=2).tolist()
        [0.375]
    """
    truth = np.asarray(truth)
    scores = np.asarray(scores)
    if scores.size != truth.size:
        raise ValueError(f"There are {scores.size} scores for {truth.size} candidates.")
    if np.isnan(scores).any():
        raise ValueError("A score is NaN.")
    check_whole("shown", shown, 1)
    if shown > truth.shape[1]:
        raise ValueError(f"shown is {shown}, but there are {truth.shape[1]} candidates.")
    order = np.argsort(-scores.reshape(truth.shape), axis=1, kind="stable")
    return np.take_along_axis(truth, order[:, :shown], axis=1).sum(axis=1)


# ------------------------------------------------------------------------------------ the store's recipes
# Chosen on held-out rows of the logs of other stores: no result is taken from those.

MIN_COUNT = 20  # rows that a value needs for a weight and a vector of its own
MODEL_SIZES: dict[str, Any] = {"embedding_dim": 32, "units": (64, 32), "dropout": 0.0}


def wide_features(log: pd.DataFrame, min_count: int = MIN_COUNT) -> WideFeatures:
    """The wide part's features: every column, and AND(installed app, impression app).

    Args:
        log: the training log, from `simulate_day`.
        min_count: how many rows a value needs for a weight of its own, at least 1.

    Taught in: notebook 7, "Three groups of features".

    Example:
        >>> log = simulate_day(make_store(seed=6, n_users=100), visits=20, seed=0)
        >>> wide_features(log)["features"][-1]
        ('installed', 'app')
    """
    columns = ["country", "language", "device", "age", "installed", "app", "category", "app_age"]
    buckets = {"age": 6, "app_age": 6}
    return fit_wide(log, [*columns, ("installed", "app")], buckets=buckets, min_count=min_count)


def deep_features(log: pd.DataFrame, min_count: int = MIN_COUNT) -> DeepFeatures:
    """The deep part's features: a vector for each category, and two numbers.

    Args:
        log: the training log, from `simulate_day`.
        min_count: how many rows a value needs for a vector of its own, at least 1.

    Taught in: notebook 7, "Three groups of features".

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

    Taught in: notebook 7, "Three models".

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

    Taught in: notebook 7, "Three models".

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

"""The truth of the simulated app store: people, apps, and how likely each person is to install each app.

How likely that is, in log odds, is a sum of four parts:

    BASE  +  the app's popularity  +  the person's taste · the app's character  +  the rules between apps

Taste is what generalises: it depends on country, device and age, shows in the apps on the phone, and meets the app's
category. A rule is what must be memorised: people who have app A install B more often, or less often, than their taste
says. Nothing but the pair itself tells.

The same seed gives the same store on every machine: there is no matrix product in here, whose last digit depends on the
processor, and whatever leaves an exponential function is rounded.
"""

import math
from collections.abc import Sequence
from typing import TypedDict

from wide_deep.checks import check_whole

import numpy as np
import pandas as pd
from scipy.special import expit

__all__ = [
    "BASE", "LANGUAGES", "MOST_INSTALLED", "OWN_CHARACTER", "POPULARITY_DEVIATION", "USERS_AT_ONCE", "Hidden", "Store",
    "install_probability", "make_store",
]  # fmt: skip

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
    exploration: float  # share of the page's slots that are filled at random
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
        exploration: share of the page's slots that the policy fills at random, 0 to 1.
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
            visitors = people[rng.integers(0, len(people), len(shown))]
            installs = rng.random(len(shown)) < _probability(hidden, visitors, shown)
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

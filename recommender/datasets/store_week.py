"""Days that follow each other in the simulated store: what changes overnight, and what a model that serves writes down.

    make_store ─► next_day ─► next_day ─► …          tastes turn, fashions change, apps come and go
                  serve_day ─► labels_at ─► ripe_rows       a day's log of the model's own pages; its labels, as late
                                                            as they are; the rows that a night may train on
                  describe, train_night                     the day as the monitor sees it; the model of the next day

The store of `recommender.datasets.store` fills its pages by counts. Here a model fills them, so what it believes
today decides what it can learn from tomorrow.
"""

from collections.abc import Callable, Mapping

from recommender.datasets.store import build_model, day_candidates, impressions, install_probability, training
from recommender.datasets.store_truth import OWN_CHARACTER, POPULARITY_DEVIATION, Store
from recommender.lifecycle import grow, warm_start
from recommender.monitoring import Day, describe_day
from wide_deep import backend  # noqa: F401, before Keras
from wide_deep.checks import check_frame, check_whole
from wide_deep.features import DeepFeatures, WideFeatures, joint_inputs
from wide_deep.training import predict, train

import keras
import numpy as np
import pandas as pd

__all__ = [
    "DELAY", "MIN_COUNT", "WAIT", "Parts", "describe", "labels_at", "next_day", "ripe_rows", "score_with", "serve_day",
    "train_night",
]  # fmt: skip

Parts = tuple[WideFeatures, DeepFeatures]

TURN = 0.12  # radians by which tastes turn in a night
FASHION = 0.1  # share of the variance of an app's popularity that a night replaces
DELAY = 4.0  # hours from an impression to the news of its install, on average
MIN_COUNT = 10  # rows of a night that hold a new value, for it to get an id
WAIT = 12.0  # hours after which the news of 95 of 100 installs has come


def _turned(vectors: np.ndarray, angle: float) -> np.ndarray:
    """The vectors (n, TASTES), turned in the plane of their first two coordinates."""
    turned = vectors.copy()
    turned[:, 0] = np.cos(angle) * vectors[:, 0] - np.sin(angle) * vectors[:, 1]
    turned[:, 1] = np.sin(angle) * vectors[:, 0] + np.cos(angle) * vectors[:, 1]
    return turned.round(6)


def _new_characters(
    character: np.ndarray, category: pd.Series, apps: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Characters (apps, TASTES) of new apps: what those of the category have in common, and something of their own."""
    of_category = [character[(category == category[app]).to_numpy()].mean(axis=0) for app in apps]
    common = np.array(of_category).reshape(-1, character.shape[1])  # also of no app
    common /= np.sqrt((common**2).sum(axis=1, keepdims=True))
    own = rng.normal(size=common.shape)
    own /= np.sqrt((own**2).sum(axis=1, keepdims=True))
    return (np.sqrt(1 - OWN_CHARACTER) * common + np.sqrt(OWN_CHARACTER) * own).round(6)


def next_day(store: Store, day: int, seed: int, replaced: int = 5, turn: float = TURN) -> Store:
    """The store a night later: tastes have turned a little, fashions have changed, and some apps are new.

    As many apps as come are withdrawn, so that the catalogue keeps its size; a withdrawn app never comes back. Only
    apps that are on no phone are withdrawn, since phones keep what is on them.

    Args:
        store: from `make_store` or from this function; it stays as it is.
        day: number of the new day, from 1: names of new apps say it, and it chooses the random numbers.
        seed: of the random numbers.
        replaced: apps that come, and that go, from 0 to 99.
        turn: radians by which tastes turn against the apps' characters, the same way each night.

    Returns:
        The store of the new day.

    Raises:
        ValueError: a number is out of its range, or so many apps cannot be withdrawn.

    Taught in: notebook 10, "A store that does not stand still".

    Example:
        >>> from recommender.datasets.store import make_store
        >>> monday = next_day(make_store(seed=6, n_users=100), day=1, seed=6, replaced=2)
        >>> monday["apps"]["app"][monday["apps"]["app_age"] == 1].tolist()[-2:]
        ['chess 100', 'photo 101']
    """
    check_whole("day", day, 1)
    check_whole("replaced", replaced, 0)
    hidden, n_apps = store["hidden"], len(store["apps"])
    on_no_phone = np.setdiff1d(np.arange(n_apps), hidden["on_phone"])
    if replaced > min(99, len(on_no_phone)):
        raise ValueError(f"replaced is {replaced}; expected at most 99, and {len(on_no_phone)} apps are on no phone.")
    rng = np.random.default_rng([seed, day, 3])
    gone = np.sort(rng.choice(on_no_phone, replaced, replace=False))
    noise = POPULARITY_DEVIATION * rng.normal(size=n_apps)
    popularity = np.sqrt(1 - FASHION) * hidden["popularity"] + np.sqrt(FASHION) * noise
    popularity[gone] = POPULARITY_DEVIATION * rng.normal(size=replaced)
    character = hidden["character"].copy()
    apps = store["apps"].assign(app_age=store["apps"]["app_age"] + 1)
    character[gone] = _new_characters(character, apps["category"], gone, rng)
    apps.loc[gone, "app"] = [f"{apps['category'][app]} {100 * day + i}" for i, app in enumerate(gone)]
    apps.loc[gone, "app_age"] = 1
    rule = hidden["rule"].copy()
    rule[:, gone] = 0.0
    beliefs = store["beliefs"].copy()
    beliefs[:, gone] = 0.0
    changed = hidden.copy()
    changed["character"] = character
    changed["popularity"] = popularity.round(6)
    changed["tastes"] = _turned(hidden["tastes"], turn)
    changed["rule"] = rule
    known = store["rules"][~store["rules"]["app"].isin(store["apps"]["app"].to_numpy()[gone])]
    return {**store, "apps": apps, "rules": known, "beliefs": beliefs, "hidden": changed}


def serve_day(
    store: Store,
    score: Callable[[pd.DataFrame], np.ndarray],
    visits: int,
    seed: int,
    shown: int = 10,
    explore: float = 0.1,
) -> pd.DataFrame:
    """A day's log of a model that serves: at each visit, the ten best of 100 candidates by its scores.

    Args:
        store: of this day.
        score: function from rows, as `impressions` makes them, to their probabilities: what the server answers.
        visits: of the day, at least 1.
        seed: of the random numbers; visitors and candidates are those of `day_candidates`.
        shown: slots on the page, 1 to 50.
        explore: share of the slots that are filled at random with another candidate, 0 to 1.

    Returns:
        data frame of visits · shown rows: the columns of `impressions`, 'visit', 'hour' of the day, from 0 to 24, 'p',
        the score, 'explored', 'install', 0 or 1, 'delay', hours until an install is known, and 'truth', the
        probability that 'install' was drawn from, which no model may see.

    Raises:
        ValueError: a number is out of its range, or there is not one score for each row.

    Taught in: notebook 10, "A store that does not stand still".

    Example:
        >>> from recommender.datasets.store import make_store
        >>> store = make_store(seed=6, n_users=100)
        >>> log = serve_day(store, lambda rows: rows["app_age"] / 10_000, visits=20, seed=0)
        >>> len(log), log.columns[-7:].tolist()
        (200, ['visit', 'hour', 'p', 'explored', 'install', 'delay', 'truth'])
    """
    check_whole("shown", shown, 1)
    if shown > 50 or not 0 <= explore <= 1:
        raise ValueError(f"shown is {shown} and explore {explore}; expected at most 50 of 100, and a share.")
    visitors, candidates = day_candidates(store, visits, seed)  # (visits,), (visits, 100)
    users = np.repeat(visitors, candidates.shape[1])
    scores = np.asarray(score(impressions(store, users, candidates.ravel())), dtype=float)
    if scores.shape != users.shape:
        raise ValueError(f"The scores have the shape {scores.shape}; expected {users.shape}, one for each row.")
    rng = np.random.default_rng([seed, 4])
    order = np.argsort(-scores.reshape(candidates.shape), axis=1, kind="stable")  # (visits, 100)
    explored = rng.random((visits, shown)) < explore
    others = shown + np.argsort(rng.random((visits, candidates.shape[1] - shown)), axis=1)[:, :shown]
    rank = np.where(explored, others, np.arange(shown))  # (visits, shown)
    place = np.take_along_axis(order, rank, axis=1)
    apps = np.take_along_axis(candidates, place, axis=1).ravel()  # (rows,)
    users = np.repeat(visitors, shown)
    log = impressions(store, users, apps)
    log["visit"] = np.repeat(np.arange(visits), shown)
    log["hour"] = np.repeat(np.sort(24 * rng.random(visits)).round(4), shown)
    log["p"] = np.take_along_axis(scores.reshape(candidates.shape), place, axis=1).ravel()
    log["explored"] = explored.ravel()
    truth = install_probability(store, users, apps)
    log["install"] = (rng.random(len(log)) < truth).astype(int)
    log["delay"] = rng.exponential(DELAY, len(log)).round(4)
    return log.assign(truth=truth)


def labels_at(log: pd.DataFrame, hour: float) -> np.ndarray:
    """What is known of the installs at an hour: 1 where the news has come, else 0, int (rows,).

    Args:
        log: from `serve_day`, or some of its rows.
        hour: counted from the beginning of the log's day; 24 is midnight.

    Raises:
        KeyError: a column is missing.

    Taught in: notebook 10, "Labels come late".

    Example:
        >>> log = pd.DataFrame({"hour": [1.0, 23.0, 5.0], "delay": [2.0, 3.0, 1.0], "install": [1, 1, 0]})
        >>> labels_at(log, 24).tolist(), labels_at(log, 26).tolist()
        ([1, 0, 0], [1, 1, 0])
    """
    check_frame(log, ["hour", "delay", "install"])
    return ((log["install"] == 1) & (log["hour"] + log["delay"] <= hour)).astype(int).to_numpy()


def ripe_rows(yesterday: pd.DataFrame | None, today: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray]:
    """What a model may learn from at midnight: the rows whose labels have had `WAIT` hours, and have not been used.

    Args:
        yesterday: from `serve_day`, or None before the first day.
        today: likewise, the day that ends.

    Returns:
        The rows of yesterday's afternoon and of today's morning, and their labels, int (rows,).

    Raises:
        KeyError: a column is missing.

    Taught in: notebook 10, "Labels come late".

    Example:
        >>> monday = pd.DataFrame({"hour": [9.0, 20.0], "delay": [1.0, 5.0], "install": [1, 1]})
        >>> rows, labels = ripe_rows(monday, monday)
        >>> rows["hour"].tolist(), labels.tolist()
        ([20.0, 9.0], [1, 1])
    """
    morning = today[today["hour"] <= 24 - WAIT]
    if yesterday is None:
        return morning.reset_index(drop=True), labels_at(morning, 24)
    afternoon = yesterday[yesterday["hour"] > 24 - WAIT]
    rows = pd.concat([afternoon, morning], ignore_index=True)
    return rows, np.concatenate([labels_at(afternoon, 48), labels_at(morning, 24)])


def score_with(model: keras.Model, parts: Parts) -> Callable[[pd.DataFrame], np.ndarray]:
    """A function from rows, as `impressions` makes them, to the model's probabilities: what `serve_day` takes.

    Args:
        model: joint model.
        parts: its features, wide and deep.

    Taught in: notebook 10, "A store that does not stand still".
    """
    return lambda rows: predict(model, joint_inputs(rows, *parts))


def describe(log: pd.DataFrame, parts: Parts) -> Day:
    """A day as the monitor sees it at midnight: only ripe labels count, and for the PSI only explored rows.

    Args:
        log: from `serve_day`.
        parts: features of the model that served, wide and deep.

    Taught in: notebook 10, "What breaks on Tuesday?".
    """
    labels = np.where(log["hour"] <= 24 - WAIT, labels_at(log, 24), np.nan)
    is_random = log["explored"].to_numpy()
    return describe_day(log, *parts, score="p", unit="visit", labels=labels, is_random=is_random)


def train_night(
    model: keras.Model,
    parts: Parts,
    rows: pd.DataFrame,
    labels: np.ndarray,
    kept: Mapping[str, np.ndarray] | None = None,
) -> tuple[keras.Model, Parts]:
    """A night: the vocabularies grow by the new rows, and one pass over these starts from yesterday's model.

    Args:
        model: yesterday's joint model, which stays as it is.
        parts: its features, wide and deep; smaller ones if ids expire.
        rows: from `ripe_rows`.
        labels: likewise.
        kept: as in `warm_start`, if ids expire.

    Returns:
        The candidate for tomorrow and its features.

    Taught in: notebook 10, "A store that does not stand still".
    """
    wide, deep = parts
    grown = (grow(wide, rows, MIN_COUNT), grow(deep, rows, MIN_COUNT))
    candidate = build_model("wide_deep", *grown)
    settings = training("wide_deep")
    warm_start(model, candidate, settings["optimizer"], kept)
    train(candidate, joint_inputs(rows, *grown), labels, settings["optimizer"], 1, settings["batch_size"])
    return candidate, grown

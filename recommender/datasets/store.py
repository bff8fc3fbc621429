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

import wdl_helpers as wdl

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
POPULARITY = 0.6  # standard deviation of the apps' popularity, in log odds
FAME = 4.0  # how much more popularity counts for what is on the phones: a few apps are on very many
INSTALLED = 3, 9  # fewest and most apps on a phone
KNOWN_APPS, RULE_SHARE = 30, 0.1  # the best known apps have rules, each with this share of all other apps
PAST = 40  # how often, in each country, each old app had been shown before the log begins
BLOCK = 10_000  # people that are worked on at once: it bounds the memory and changes no number


def make_store(seed=0, n_users=8_000, n_apps=200, taste=1.5, rules=1.5, exploration=0.05, new_apps=0.5):
    """People, apps, the truth about them, and the beliefs of the policy that fills the store's log.

    Args:
        seed: int, seed of the random numbers. n_users: int ≥ 1. n_apps: int ≥ 150, the catalogue.
        taste: float ≥ 0, how strongly taste · character counts, in log odds; 0 leaves nothing to generalise.
        rules: float ≥ 0, mean size of a rule in log odds, half of them negative; 0 leaves nothing to memorise.
        exploration: float in [0, 1], share of the page's places that the policy fills at random.
        new_apps: float in [0, 0.8], share of the catalogue that came last month: on no phone yet, without a past.
    Returns:
        dict with the frames 'users' (country, language, device, age in years, installed: a list of apps),
        'apps' (app, category, app_age in days) and 'rules' (installed, app, strength in log odds), what no model
        may see in 'hidden', float 'exploration', and 'beliefs', float64 (countries, apps): installs / (shown + 20) in a
        simulated past, so 0 for a new app.
    Raises:
        ValueError: a knob is out of its range.
    """
    wdl.check_whole("n_users", n_users, 1)
    wdl.check_whole("n_apps", n_apps, 150)
    upper = {"taste": math.inf, "rules": math.inf, "exploration": 1, "new_apps": 0.8}
    for (name, most), value in zip(upper.items(), (taste, rules, exploration, new_apps), strict=True):
        if not 0 <= value <= most:
            raise ValueError(f"{name} is {value!r}; expected a number from 0 to {most}.")
    rng = np.random.default_rng(seed)
    apps, character, popularity = _make_apps(rng, n_apps, new_apps)
    users, tastes, on_phone = _make_users(rng, n_users, apps, character, popularity)
    rule = _make_rules(rng, rules, apps, popularity)
    names = apps["app"].to_numpy()
    first, second = np.nonzero(rule)
    planted = pd.DataFrame({"installed": names[first], "app": names[second], "strength": rule[first, second]})
    hidden = {"character": character, "popularity": popularity, "tastes": taste * tastes, "on_phone": on_phone}
    hidden["rule"] = rule
    store = {"users": users, "apps": apps, "rules": planted, "hidden": hidden, "exploration": exploration}
    return {**store, "beliefs": _beliefs(rng, store)}


def _unit(vectors):
    """The vectors, scaled to length 1."""
    return vectors / np.sqrt(_dot(vectors, vectors))[:, None]


def _dot(a, b):
    """Row-wise inner products, added from left to right: the same bits on every processor."""
    return sum(a[:, i] * b[:, i] for i in range(a.shape[1]))


def _make_apps(rng, n_apps, new_apps):
    category = np.arange(n_apps) % len(CATEGORIES)
    centre, own = _unit(rng.normal(size=(len(CATEGORIES), TASTES))), _unit(rng.normal(size=(n_apps, TASTES)))
    character = math.sqrt(1 - OWN_CHARACTER) * centre[category] + math.sqrt(OWN_CHARACTER) * own
    new = rng.permutation(n_apps) < round(new_apps * n_apps)
    age = np.where(new, rng.integers(1, 31, n_apps), rng.integers(31, 2_000, n_apps))
    names = [f"{CATEGORIES[c]} {1 + i // len(CATEGORIES)}" for i, c in enumerate(category)]
    apps = pd.DataFrame({"app": names, "category": np.array(CATEGORIES)[category], "app_age": age})
    return apps, character.round(6), (POPULARITY * rng.normal(size=n_apps)).round(6)


def _make_users(rng, n_users, apps, character, popularity):
    country, device = rng.integers(0, len(LANGUAGES), n_users), rng.integers(0, len(DEVICES), n_users)
    age = rng.integers(15, 75, n_users)
    tongue = np.where(rng.random(n_users) < 0.85, country, rng.integers(0, len(LANGUAGES), n_users))
    of_country, of_device, of_age = (_unit(rng.normal(size=(n, TASTES))) for n in (len(LANGUAGES), len(DEVICES), 1))
    # A uniform age from 15 to 74 has the mean 44.5 and the standard deviation 17.3.
    group = of_country[country] + of_device[device] + (age[:, None] - 44.5) / 17.3 * of_age
    tastes = math.sqrt(1 - OWN_TASTE) * group + math.sqrt(OWN_TASTE) * rng.normal(size=(n_users, TASTES))
    tastes = tastes.round(6)

    size, most = rng.integers(INSTALLED[0], INSTALLED[1] + 1, n_users), INSTALLED[1]
    on_phone = np.full((n_users, most), len(apps))  # this number, one past the last app, stands for no app
    new = apps["app_age"].to_numpy() < 31
    for start in range(0, n_users, BLOCK):
        rows = slice(start, start + BLOCK)
        liking = sum(2 * tastes[rows, i, None] * character[:, i] for i in range(TASTES)) + FAME * popularity
        # The k largest of liking + Gumbel noise are k draws without replacement, with weights exp(liking).
        liking = liking - np.log(-np.log(rng.random(liking.shape)))
        chosen = np.argsort(-np.where(new, -np.inf, liking), axis=1, kind="stable")[:, :most]
        on_phone[rows] = np.where(np.arange(most) < size[rows, None], chosen, len(apps))
    users = pd.DataFrame({"country": np.array([*LANGUAGES])[country]})
    users["language"] = np.array([*LANGUAGES.values()])[tongue]
    users["device"], users["age"], names = np.array(DEVICES)[device], age, apps["app"].to_numpy()
    users["installed"] = [names[row[:k]].tolist() for row, k in zip(on_phone, size, strict=True)]
    return users, tastes, on_phone


def _make_rules(rng, rules, apps, popularity):
    """Rule strengths, float64 (apps + 1, apps): row, an app on the phone; column, the app shown."""
    n = len(apps)
    planted, negative = rng.random((n, n)) < RULE_SHARE, rng.random((n, n)) < 0.5
    strength = (rules * rng.uniform(0.5, 1.5, (n, n))).round(6)
    fame = np.where(apps["app_age"] < 31, -np.inf, popularity)
    planted[np.argsort(-fame, kind="stable")[KNOWN_APPS:]] = False
    np.fill_diagonal(planted, False)
    return np.vstack([np.where(planted, np.where(negative, -strength, strength), 0), np.zeros(n)])  # last: no app


def install_probability(store, users, apps):
    """The truth: the probability that a person who is shown an app installs it.

    Args:
        store: from `make_store`. users, apps: int arrays (n,), row numbers of the store's frames.
    Returns:
        float64 array (n,), in whole millionths.
    Raises:
        IndexError: a number is no row of the frame. ValueError: the arrays differ in length.
    """
    users, apps = np.asarray(users), np.asarray(apps)
    if users.shape != apps.shape or users.ndim != 1:
        raise ValueError(f"users have the shape {users.shape} and apps {apps.shape}; expected one of each a row.")
    for name, rows in (("users", users), ("apps", apps)):
        if len(rows) and not 0 <= rows.min() <= rows.max() < len(store[name]):
            raise IndexError(f"{name} holds {rows.min()} to {rows.max()}; the store has {len(store[name])} {name}.")
    hidden = store["hidden"]
    logit = BASE + hidden["popularity"][apps] + _dot(hidden["tastes"][users], hidden["character"][apps])
    for installed in hidden["on_phone"].T:
        logit = logit + hidden["rule"][installed[users], apps]
    return expit(logit).round(6)


def _beliefs(rng, store):
    """What counting gives after a past in which old apps were shown at random: installs / (shown + 20)."""
    old = np.repeat(np.flatnonzero(store["apps"]["app_age"] >= 31), PAST)
    beliefs = np.zeros((len(LANGUAGES), len(store["apps"])))
    for i, country in enumerate(LANGUAGES):
        people = np.flatnonzero(store["users"]["country"] == country)
        if len(people):
            users = people[rng.integers(0, len(people), len(old))]
            installs = rng.random(len(old)) < install_probability(store, users, old)
            beliefs[i] = np.bincount(old[installs], minlength=len(store["apps"])) / (PAST + 20)
    return beliefs


def retrieve(store, users, n=100, seed=0):
    """Retrieval, the first half of a recommender: candidates for each visit, drawn from what the phone lacks.

    Args:
        store: from `make_store`. users: int array (visits,), rows of the store's users.
        n: int ≥ 1, candidates a visit. seed: int or list of int, of the random numbers.
    Returns:
        int array (visits, n), rows of the store's apps, each at most once a visit.
    Raises:
        ValueError: n is not a whole number, or more than the catalogue has for everyone.
    """
    wdl.check_whole("n", n, 1)
    n_apps = len(store["apps"])
    if n > n_apps - INSTALLED[1]:
        raise ValueError(f"n is {n}; a catalogue of {n_apps} apps has at most {n_apps - INSTALLED[1]} for everyone.")
    rng, candidates = np.random.default_rng(seed), []
    for start in range(0, len(users), BLOCK):
        block = users[start : start + BLOCK]
        key = rng.random((len(block), n_apps + 1))
        np.put_along_axis(key, store["hidden"]["on_phone"][block], 2.0, axis=1)
        candidates.append(np.argsort(key[:, :n_apps], axis=1, kind="stable")[:, :n].astype("int32"))
    return np.concatenate(candidates)


def impressions(store, users, apps):
    """The log's columns for people and apps, one row each: what a model may see.

    Args:
        store: from `make_store`. users, apps: int arrays (n,), row numbers of the store's frames.
    Returns:
        data frame with 'country', 'language', 'device', 'age', 'installed', 'app', 'category' and 'app_age'.
    """
    left, right = store["users"].iloc[users], store["apps"].iloc[apps]
    return pd.concat([left.reset_index(drop=True), right.reset_index(drop=True)], axis=1)


def simulate_day(store, visits, seed, shown=10):
    """A day's log. At each visit the policy shows, of 100 candidates, those that it believes in.

    Its beliefs are the store's, one number for each country and app. A place of the page, with the store's probability
    of exploration, gets one of the other candidates instead, at random.

    Args:
        store: from `make_store`. visits: int ≥ 1, by people at random. seed: int, of the random numbers.
        shown: int, 1 to 50, places on the page.
    Returns:
        data frame of visits · shown rows: the columns of `impressions`, 'visit', a number, 'install', 0 or 1, and
        'truth', the probability that 'install' was drawn from, which no model may see.
    Raises:
        ValueError: visits or shown are not usable.
    """
    wdl.check_whole("visits", visits, 1)
    wdl.check_whole("shown", shown, 1)
    if shown > 50:
        raise ValueError(f"shown is {shown}; expected at most 50 of the 100 candidates.")
    rng = np.random.default_rng([seed, 1])
    users = rng.integers(0, len(store["users"]), visits)
    country = store["users"]["country"].map([*LANGUAGES].index).to_numpy()[users]
    candidates = retrieve(store, users, seed=[seed, 2])
    explored, apps = rng.random((visits, shown)) < store["exploration"], np.empty((visits, shown), dtype="int32")
    for start in range(0, visits, BLOCK):
        rows = slice(start, start + BLOCK)
        belief = store["beliefs"][country[rows, None], candidates[rows]]
        ranked = np.argsort(-belief, axis=1, kind="stable")
        others = np.sort(ranked[:, shown:], axis=1)[
            :, :shown
        ]  # candidates come in random order: so the first are random
        place = np.where(explored[rows], others, ranked[:, :shown])
        apps[rows] = np.take_along_axis(candidates[rows], place, axis=1)
    users, apps = np.repeat(users, shown), apps.ravel()
    log = impressions(store, users, apps)
    log["visit"], log["truth"] = np.repeat(np.arange(visits), shown), install_probability(store, users, apps)
    log["install"] = (rng.random(len(log)) < log["truth"]).astype(int)
    return log


def expected_installs(truth, scores, shown=10):
    """What a page is worth on which the candidates with the highest scores stand.

    Args:
        truth: float array (visits, candidates) from `install_probability`. scores: array of as many, any shape.
        shown: int ≥ 1, places on the page.
    Returns:
        float64 array (visits,), the expected number of installs a visit.
    Raises:
        ValueError: there are not as many scores as probabilities, a score is NaN, or shown is not usable.
    """
    truth, scores = np.asarray(truth), np.asarray(scores)
    if scores.size != truth.size:
        raise ValueError(f"There are {scores.size} scores for {truth.size} candidates.")
    if np.isnan(scores).any():
        raise ValueError("A score is NaN.")
    wdl.check_whole("shown", shown, 1)
    if shown > truth.shape[1]:
        raise ValueError(f"shown is {shown}, but there are {truth.shape[1]} candidates.")
    order = np.argsort(-scores.reshape(truth.shape), axis=1, kind="stable")
    return np.take_along_axis(truth, order[:, :shown], axis=1).sum(axis=1)


# ------------------------------------------------------------------------------------ the store's recipes
# Chosen on held-out rows of the logs of other stores: no result is taken from those.

MIN_COUNT = 20  # rows that a value needs for a weight and a vector of its own
SIZES = {"embedding_dim": 32, "units": (64, 32), "dropout": 0.0}


def wide_features(log, min_count=MIN_COUNT):
    """The wide part's features, fitted on the training `log`: every column, and AND(installed app, impression app).

    `min_count`, int ≥ 1, is how many rows a value needs for a weight of its own.
    """
    columns = ["country", "language", "device", "age", "installed", "app", "category", "app_age"]
    buckets = {"age": 6, "app_age": 6}
    return wdl.fit_wide(log, [*columns, ("installed", "app")], buckets=buckets, min_count=min_count)


def deep_features(log, min_count=MIN_COUNT):
    """The deep part's features, fitted on the training `log`; `min_count` as in `wide_features`."""
    categories = ["country", "language", "device", "installed", "app", "category"]
    return wdl.fit_deep(log, categories, ["age", "app_age"], min_count=min_count)


def build_model(kind, wide, deep):
    """An untrained model of a `kind`, 'wide', 'deep' or 'wide_deep', for the fitted features.

    Args, `wide` and `deep`, are the fitted features; embeddings have 32 dimensions, as in the paper.
    """
    if kind == "wide":
        return wdl.wide_model(wide)
    return wdl.deep_model(deep, **SIZES) if kind == "deep" else wdl.wide_deep_model(wide, deep, **SIZES)


def training(kind):
    """How a model of a `kind`, 'wide', 'deep' or 'wide_deep', is trained: arguments of `wdl.train`."""
    # Both sums of squares start near 0: the usual start, 0.1, would drown the tiny gradients of rare ids.
    # Beside a deep part, L1 may be strict: a cross must then be worth more than what taste already says.
    l1 = 0.003 if kind == "wide" else 0.02
    ftrl = wdl.Ftrl(0.05, l1_regularization_strength=l1, initial_accumulator_value=1e-6)
    adagrad = wdl.Adagrad(0.02, initial_accumulator_value=1e-6)
    optimizer = {"wide": ftrl, "deep": adagrad, "wide_deep": wdl.joint_optimizer(wide=ftrl, deep=adagrad)}[kind]
    return {"optimizer": optimizer, "epochs": 5, "batch_size": 512}


def planted_log(seed=0, repeats=20):
    """A small simulated log of app impressions whose truth is known.

    Of 24 users and 24 apps, the first halves like music and the second halves travel. A fitting app is
    installed with probability 0.8, another with 0.1. Of the 576 pairs, 20 are exceptions, where the two are
    exchanged, and 170 are never shown.

    Args:
        seed: int, seed of the random numbers. repeats: int, rows of the log per shown pair.
    Returns:
        Two data frames: pairs, one row a pair, with 'user', 'app', 'kind' ('usual', 'exception' or
        'never shown') and 'truth', the probability; log, with 'user', 'app' and 'install', 0 or 1.
    """
    rng = np.random.default_rng(seed)
    user, app = np.divmod(np.arange(576), 24)
    kind = rng.permutation(["never shown"] * 170 + ["exception"] * 20 + ["usual"] * 386)
    truth = np.where(((user < 12) == (app < 12)) != (kind == "exception"), 0.8, 0.1)
    pairs = pd.DataFrame({"user": [f"u{i}" for i in user], "app": [f"a{i}" for i in app], "kind": kind, "truth": truth})
    shown = pairs[kind != "never shown"]
    log = shown.loc[shown.index.repeat(repeats)].reset_index(drop=True)
    log["install"] = (rng.random(len(log)) < log["truth"]).astype(int)
    return pairs, log[["user", "app", "install"]]

"""The simulated store, and what the benchmark's file must hold."""

import hashlib
import itertools
import json
import pathlib
import tracemalloc
from statistics import mean, stdev

import wdl_helpers  # noqa: F401, it sets how TensorFlow computes
from recommender import retrieval
from recommender.datasets import store as app_store

import keras
import numpy as np
import pandas as pd
import pytest
from laws import sigmoid
from scipy.stats import t as student

RESULTS = pathlib.Path(__file__).resolve().parent.parent / "benchmarks" / "app_store.json"
# The first 16 digits of SHA-256 of users, apps, rules, a log and candidates, the same on every machine.
DIGESTS = ["0bb21ef21bea7263", "7f8217568f3943d4", "16cedf2816d5fa1c", "42a269958a70723c", "9413c7752e92335e"]


@pytest.fixture(scope="module")
def store():
    return app_store.make_store(0, n_users=2_000)


@pytest.fixture(scope="module")
def log(store):
    return app_store.simulate_day(store, 1_500, seed=1)


def digest(frame):
    text = frame.assign(installed=frame["installed"].map("|".join)) if "installed" in frame.columns else frame
    return hashlib.sha256(text.to_csv(index=False, float_format="%.6f", lineterminator="\n").encode()).hexdigest()[:16]


# ---------------------------------------------------------------------------------------------- the store


def test_a_seed_gives_the_same_store_on_every_machine(store, log):
    candidates = pd.DataFrame(app_store.retrieve(store, np.arange(500), seed=5))
    rules = store["rules"].rename(columns={"installed": "first"})
    shown = log.loc[:, :"install"]  # what follows says how the policy came to it
    found = [digest(frame) for frame in (store["users"], store["apps"], rules, shown, candidates)]
    assert found == DIGESTS
    again = app_store.make_store(0, n_users=2_000)
    pd.testing.assert_frame_equal(app_store.simulate_day(again, 1_500, seed=1), log)
    assert not app_store.simulate_day(store, 1_500, seed=2)["app"].equals(log["app"])
    assert not app_store.make_store(1, n_users=2_000)["users"].equals(store["users"])


def test_users_have_distinct_apps_that_are_not_new(store):
    ages = store["apps"].set_index("app")["app_age"]
    for installed in store["users"]["installed"]:
        assert 3 <= len(installed) <= 9 and len(set(installed)) == len(installed)
        assert (ages[installed] >= 31).all()
    assert {len(installed) for installed in store["users"]["installed"]} == set(range(3, 10))
    assert (ages < 31).mean() == 0.5
    assert store["apps"]["app"].is_unique


def test_the_truth_is_the_sum_that_is_documented(store):
    hidden, names = store["hidden"], {name: i for i, name in enumerate(store["apps"]["app"])}
    strength = store["rules"].set_index(["installed", "app"])["strength"].to_dict()
    users, apps = np.random.default_rng(0).integers(0, [[2_000], [200]], (2, 300))
    with_rules = 0
    for user, app, truth in zip(users, apps, app_store.install_probability(store, users, apps)):
        installed = store["users"]["installed"][user]
        rules = [strength.get((name, store["apps"]["app"][app]), 0) for name in installed]
        logit = (
            app_store.BASE + hidden["popularity"][app] + hidden["tastes"][user] @ hidden["character"][app] + sum(rules)
        )
        assert truth == pytest.approx(sigmoid(logit), abs=6e-7)
        assert names.keys() >= set(installed)
        with_rules += any(rules)
    assert with_rules > 50


def test_labels_are_drawn_from_the_truth(log):
    bins = pd.qcut(log["truth"], 10)
    for _, group in log.groupby(bins, observed=True):
        error = (group["truth"] * (1 - group["truth"])).sum() ** 0.5 / len(group)
        assert abs(group["install"].mean() - group["truth"].mean()) < 3.5 * error


def test_rules_are_planted_on_the_best_known_apps_with_both_signs(store):
    rules = store["rules"]
    popularity = pd.Series(store["hidden"]["popularity"], store["apps"]["app"])[
        store["apps"]["app_age"].to_numpy() >= 31
    ]
    assert set(rules["installed"]) == set(popularity.nlargest(30).index)
    assert 0.08 < len(rules) / (30 * 200) < 0.12
    assert (rules["installed"] != rules["app"]).all()
    assert rules["strength"].abs().between(0.75, 2.25).all()
    assert 0.4 < (rules["strength"] > 0).mean() < 0.6
    assert app_store.make_store(0, n_users=100, rules=0)["rules"].empty


def test_the_log_covers_a_part_of_the_catalogue_and_exploration_widens_it(store, log):
    counts = log["app"].value_counts()
    assert (counts >= 20).sum() < 100  # of 200
    assert (log["app_age"] < 31).mean() < 0.05  # half of the catalogue
    never = app_store.make_store(0, n_users=2_000, exploration=0)
    always = app_store.make_store(0, n_users=2_000, exploration=1)
    shown = [set(app_store.simulate_day(each, 1_500, seed=1)["app"]) for each in (never, store, always)]
    assert len(shown[0]) < len(shown[1]) <= len(shown[2]) == 200
    assert not never["apps"].set_index("app")["app_age"][list(shown[0])].lt(31).any()


@pytest.mark.parametrize("others, tied, ahead", [(4, 2, 1), (5, 1, 2), (4, 4, 1), (5, 3, 2), (5, 0, 2)])
def test_the_chance_of_a_tied_candidate_is_that_over_all_orders(others, tied, ahead):
    counted, orders = np.zeros(3), 0
    for order in itertools.permutations(range(ahead + others)):  # first the ones ahead, then the tied, then the rest
        place = np.argsort(order)
        if not tied or place[:ahead].max() < place[ahead : ahead + tied].min():
            counted += [ahead <= name < ahead + tied for name in [name for name in order if name >= ahead][:3]]
            orders += 1
    np.testing.assert_allclose(app_store._chance_of_tied(others, tied, ahead, 3), counted / orders, atol=1e-12)


def test_the_log_says_what_was_explored_and_how_likely_that_was(store, log):
    share = store["exploration"]
    assert log["explored"].mean() == pytest.approx(share, abs=0.01)
    assert log["position"].tolist() == list(range(10)) * 1_500
    favourites, explored = log[~log["explored"]], log[log["explored"]]
    assert (
        favourites["page_propensity"].max() == 1 - share and (favourites["page_propensity"] == 1 - share).mean() > 0.5
    )
    assert favourites["propensity"].max() == 1 - share
    assert (log["propensity"] <= log["page_propensity"] + 1e-12).all() and log["propensity"].min() > 0
    assert explored["page_propensity"].mode()[0] == pytest.approx(share / 9, rel=0.05)  # ten places of ninety others
    country = {name: i for i, name in enumerate(app_store.LANGUAGES)}
    number = store["apps"].reset_index().set_index("app")["index"]
    belief = store["beliefs"][log["country"].map(country), log["app"].map(number)]
    assert belief[~log["explored"]].mean() > 2 * belief[log["explored"]].mean()


def test_over_many_orders_each_candidate_is_shown_as_often_as_its_propensity_says():
    """For one visitor and one set of candidates: the share of the orders in which an app stands at a place."""
    store = app_store.make_store(6, n_users=100, exploration=0.3)
    candidates = app_store.retrieve(store, [7], seed=1)[0]
    n = 8_000
    orders = np.random.default_rng(0).permuted(np.tile(candidates, (n, 1)), axis=1)
    pages = app_store._pages(store, np.full(n, 7), orders, 10, np.random.default_rng(1))
    for cell, column in ((pages["app"] * 10 + np.arange(10), "propensity"), (pages["app"], "page_propensity")):
        said = pd.Series(pages[column].ravel()).groupby(cell.ravel()).agg(["min", "max", "size"])
        assert (said["max"] - said["min"] < 1e-9).all(), "it depends on the candidates alone, not on their order"
        error = np.sqrt(said["max"] / n)
        assert (np.abs(said["size"] / n - said["max"]) < 4.5 * error + 1e-3).all()
    on_page = pd.Series(pages["page_propensity"].ravel()).groupby(pages["app"].ravel()).first()
    assert set(on_page.index) == set(candidates) and on_page.sum() == pytest.approx(10)


def test_the_candidates_of_a_day_are_those_that_its_pages_were_made_of(store, log):
    visitors, candidates = app_store.day_candidates(store, 1_500, seed=1)
    assert candidates.shape == (1_500, 100) and (np.diff(candidates, axis=1) > 0).all()
    number = store["apps"].reset_index().set_index("app")["index"]
    apps = log["app"].map(number).to_numpy()
    assert (candidates[log["visit"]] == apps[:, None]).any(axis=1).all()
    np.testing.assert_array_equal(app_store.install_probability(store, visitors[log["visit"]], apps), log["truth"])


def test_without_exploration_or_with_nothing_else_the_propensities_are_right():
    never = app_store.simulate_day(app_store.make_store(0, n_users=200, exploration=0.0), 50, seed=1)
    assert not never["explored"].any() and never["page_propensity"].max() == 1 and never["page_propensity"].min() > 0.05
    always = app_store.simulate_day(app_store.make_store(0, n_users=200, exploration=1.0), 50, seed=1)
    assert always["explored"].all() and (always["propensity"] > 0).all()


def test_nobody_is_shown_an_app_twice_or_one_that_is_installed(store, log):
    assert not log.duplicated(["visit", "app"]).any()
    assert not any(app in installed for app, installed in zip(log["app"], log["installed"]))
    assert (log.groupby("visit").size() == 10).all()
    candidates = app_store.retrieve(store, np.arange(2_000), seed=9)
    assert all(len(set(row)) == 100 for row in candidates)
    assert np.bincount(candidates.ravel(), minlength=200).min() > 0


def test_without_exploration_a_page_is_what_the_policy_believes_in_most():
    store = app_store.make_store(3, n_users=500, exploration=0)
    log = app_store.simulate_day(store, 50, seed=0)
    beliefs = pd.DataFrame(store["beliefs"], list(app_store.LANGUAGES), store["apps"]["app"])
    for _, page in log.groupby("visit"):
        shown = beliefs.loc[page["country"].iloc[0], page["app"]]
        assert shown.is_monotonic_decreasing and shown.min() > 0


def test_memory_grows_linearly_with_the_people():
    peaks = []
    for n_users in (20_000, 40_000):
        tracemalloc.start()
        app_store.simulate_day(app_store.make_store(0, n_users=n_users), n_users, seed=0)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert 1 < peaks[1] / peaks[0] < 2.2


def test_the_block_changes_no_number(store, log, monkeypatch):
    monkeypatch.setattr(app_store, "USERS_AT_ONCE", 700)
    again = app_store.make_store(0, n_users=2_000)
    assert again["users"].equals(store["users"]) and again["rules"].equals(store["rules"])
    assert (again["beliefs"] == store["beliefs"]).all()
    drawn = app_store.retrieve(again, np.arange(2_000), seed=5)
    pd.testing.assert_frame_equal(app_store.simulate_day(again, 1_500, seed=1), log)
    monkeypatch.undo()
    assert (drawn == app_store.retrieve(store, np.arange(2_000), seed=5)).all()


@pytest.mark.parametrize(
    "knobs, message",
    [
        ({"n_users": 0}, "n_users is 0"),
        ({"n_apps": 100}, "n_apps is 100"),
        ({"taste": -1}, "taste is -1"),
        ({"rules": float("nan")}, "rules is nan"),
        ({"exploration": 1.5}, "exploration is 1.5; expected a number from 0 to 1"),
        ({"new_apps": 0.9}, "new_apps is 0.9"),
    ],
)
def test_a_knob_out_of_range_is_named(knobs, message):
    with pytest.raises(ValueError, match=message):
        app_store.make_store(0, **knobs)


def test_bad_rows_and_sizes_are_named(store):
    with pytest.raises(IndexError, match="apps holds 0 to 200; the store has 200 apps"):
        app_store.install_probability(store, [0, 1], [0, 200])
    with pytest.raises(IndexError, match="users holds -1 to 1"):
        app_store.install_probability(store, [-1, 1], [0, 1])
    with pytest.raises(ValueError, match="expected one of each"):
        app_store.install_probability(store, [0, 1], [0])
    with pytest.raises(ValueError, match="n is 192; a catalogue of 200 apps has at most 191"):
        app_store.retrieve(store, np.arange(3), n=192)
    with pytest.raises(ValueError, match="visits is 0"):
        app_store.simulate_day(store, 0, seed=0)
    with pytest.raises(ValueError, match="shown is 51"):
        app_store.simulate_day(store, 1, seed=0, shown=51)


def test_a_page_is_worth_the_truth_of_its_best_scored_candidates():
    truth = np.array([[0.1, 0.2, 0.3], [0.5, 0.6, 0.7]])
    scores = np.array([[3, 2, 1], [1, 2, 3]])
    assert app_store.expected_installs(truth, scores, shown=2) == pytest.approx([0.3, 1.3])
    assert app_store.expected_installs(truth, scores.ravel(), shown=1) == pytest.approx([0.1, 0.7])
    with pytest.raises(ValueError, match="There are 5 scores for 6"):
        app_store.expected_installs(truth, np.zeros(5))
    with pytest.raises(ValueError, match="score of visit 1, candidate 2 is NaN"):
        app_store.expected_installs(truth, [0, 0, 0, 0, 0, np.nan])
    with pytest.raises(ValueError, match="shown is 4"):
        app_store.expected_installs(truth, scores, shown=4)


# ------------------------------------------------------------------------------------ what is claimed of it


def interval(differences):
    """The mean and the half width of its 95 % confidence interval, by Student's t."""
    return mean(differences), student.ppf(0.975, len(differences) - 1) * stdev(differences) / len(differences) ** 0.5


def differences(results, better, worse, key):
    return [a - b for a, b in zip(results[better][key], results[worse][key], strict=True)]


@pytest.mark.parametrize(
    "better, worse, key",
    [
        ("wide_deep", "wide", "auc"),
        ("wide", "deep", "auc"),
        ("wide_deep", "deep", "random_gain"),
        ("deep", "wide", "random_gain"),  # the wide model's gain over itself is 0
        ("wide_deep", "wide_coarse", "online_gain"),
        ("wide_coarse", "deep", "online_gain"),
        ("wide_coarse", "deep", "auc"),
    ],
)
def test_the_order_of_the_models_holds_in_ten_stores(better, worse, key):
    """Of committed files: no change of the code can fail it, `make benchmarks` can."""
    results = json.loads(RESULTS.read_text())
    assert len(results["bayes_auc"]) == 10
    assert set(results["wide"]["online_gain"]) == set(results["wide"]["random_gain"]) == {0}
    centre, half = interval(differences(results, better, worse, key))
    assert centre - half > 0


def test_the_log_prefers_a_first_stage_that_finds_what_was_shown():
    """Of committed files: no change of the code can fail it, `make benchmarks` can."""
    stage = json.loads(RESULTS.read_text())["first_stage"]
    assert min(stage["log_recall"]) > max(stage["best_ten"])
    assert max(stage["known_among_candidates"]) < 0.5 < 0.9 < min(stage["known_in_log"])


@pytest.mark.parametrize("kind", ["wide_coarse", "deep", "wide_deep", "wide_deep_coarse"])
def test_ids_from_five_rows_gain_installs_and_hardly_any_auc(kind):
    """Of committed files: no change of the code can fail it, `make benchmarks` can."""
    results = json.loads(RESULTS.read_text())
    usual, low = results["sweep"]["exploration"]["0.05"], results["sweep"]["min_count"]["5"]
    assert low["control"] == usual["wide"]
    centre, half = interval([a - b for a, b in zip(low[kind]["online_gain"], usual[kind]["online_gain"], strict=True)])
    assert centre - half > 0
    assert mean(low[kind]["auc"]) - mean(usual[kind]["auc"]) < 0.003


def test_a_large_gap_in_auc_agrees_with_the_installs_and_a_tiny_one_says_nothing():
    """Of committed files: no change of the code can fail it, `make benchmarks` can."""
    results = json.loads(RESULTS.read_text())
    agrees = {"large": [], "tiny": []}
    for one, other in itertools.combinations(["wide", "wide_coarse", "deep", "wide_deep", "wide_deep_coarse"], 2):
        aucs = np.subtract(results[one]["auc"], results[other]["auc"])
        gains = np.subtract(results[one]["online_gain"], results[other]["online_gain"])
        agrees["large"] += (aucs * gains > 0)[np.abs(aucs) > 0.02].tolist()
        agrees["tiny"] += (aucs * gains > 0)[np.abs(aucs) < 0.0025].tolist()
    assert len(agrees["large"]) >= 20 and all(agrees["large"])
    assert len(agrees["tiny"]) >= 20 and sum(agrees["tiny"]) <= len(agrees["tiny"]) / 2


def test_the_log_exaggerates_what_log_q_gains():
    """Of committed files: no change of the code can fail it, `make benchmarks` can."""
    results = json.loads(RESULTS.read_text())
    gains = {
        key: mean(results["first_stage"][key]) - mean(results["first_stage_plain"][key])
        for key in results["first_stage_plain"]
    }
    assert len(results["first_stage_plain"]["best_ten"]) == 10
    assert gains["log_recall"] > 2 * gains["best_ten"] > 0


def test_a_value_with_as_many_rows_as_the_minimum_gets_an_id(log):
    rows = log["app"].value_counts()
    for fit in (app_store.wide_features, app_store.deep_features):
        for min_count in (5, app_store.MIN_COUNT):
            names = {
                name for name in fit(log, min_count)["vocabulary"] if name.startswith("app=") and " & " not in name
            }
            assert names == {f"app={app}" for app in rows.index[rows >= min_count]}


def test_installed_categories_are_those_of_the_apps_on_the_phone():
    apps = pd.DataFrame({"app": ["go", "sun", "rain"], "category": ["games", "weather", "weather"]})
    frame = pd.DataFrame({"installed": [["rain", "go"], [], ["sun", "rain"]], "country": ["NO", "NO", "DE"]})
    found = app_store.with_installed_categories(frame, apps)
    assert found["installed_category"].tolist() == [["weather", "games"], [], ["weather", "weather"]]
    assert list(frame) == ["installed", "country"], "the frame that was given stays as it is"
    with pytest.raises(KeyError, match="snow"):
        app_store.with_installed_categories(frame.assign(installed=[["snow"]] * 3), apps)


def test_coarse_crosses_are_of_visitors_and_categories(store):
    log = app_store.simulate_day(store, visits=200, seed=0)
    coarse = app_store.wide_features(app_store.with_installed_categories(log, store["apps"]), coarse=True)
    plain = app_store.wide_features(log)
    assert coarse["features"][: len(plain["features"])] == plain["features"]
    added = coarse["features"][len(plain["features"]) :]
    assert added == [("installed_category",), *app_store.COARSE_CROSSES]
    assert all(cross[1] == "category" for cross in app_store.COARSE_CROSSES)


def test_the_first_stage_finds_what_is_installed(store):
    log = app_store.simulate_day(store, visits=600, seed=0)
    after = app_store.simulate_day(store, visits=200, seed=1)
    keras.utils.set_random_seed(0)
    towers = app_store.first_stage(log)
    installs = after[after["install"] == 1]
    rows = pd.Index(store["apps"]["app"]).get_indexer(installs["app"])
    found = retrieval.top_k(retrieval.user_vectors(towers, installs), retrieval.item_vectors(towers, store["apps"]), 40)
    by_chance = 40 / len(store["apps"])
    assert retrieval.recall_at_k(found, rows[:, None]) > 2 * by_chance

"""Days of the store that follow each other: what changes overnight, the log of a model's own pages, late labels."""

import wdl_helpers as wdl  # before TensorFlow
from recommender import lifecycle
from recommender.datasets import store as app_store
from recommender.datasets import store_week

import keras
import numpy as np
import pandas as pd
import pytest


@pytest.fixture(scope="module")
def store():
    return app_store.make_store(seed=6, n_users=300)


def by_age(rows):
    return np.asarray(1 / (1 + rows["app_age"]))


def test_a_night_changes_what_it_says_and_leaves_the_old_store_alone(store):
    before = store["apps"].copy(), store["hidden"]["tastes"].copy()
    night = store_week.next_day(store, 3, seed=1, replaced=7)
    old, new = set(store["apps"]["app"]), set(night["apps"]["app"])
    assert len(new - old) == len(old - new) == 7 and len(new) == len(night["apps"]) == 200
    gone = store["apps"]["app"].isin(old - new).to_numpy()
    assert not set(np.flatnonzero(gone)) & set(store["hidden"]["on_phone"].ravel()), "phones keep what is on them"
    assert (night["apps"]["category"] == store["apps"]["category"]).all()
    assert (night["apps"]["app_age"][~gone] == store["apps"]["app_age"][~gone] + 1).all()
    assert (night["apps"]["app_age"][gone] == 1).all()
    assert (night["hidden"]["rule"][:, gone] == 0).all() and (night["beliefs"][:, gone] == 0).all()
    lengths = [np.linalg.norm(each["hidden"]["tastes"], axis=1) for each in (store, night)]
    assert np.allclose(*lengths, atol=1e-5), "tastes turn, and keep their strength"
    assert not np.allclose(store["hidden"]["tastes"], night["hidden"]["tastes"], atol=0.01)
    pd.testing.assert_frame_equal(store["apps"], before[0])
    assert (store["hidden"]["tastes"] == before[1]).all()


def test_without_drift_and_new_apps_only_fashions_change(store):
    night = store_week.next_day(store, 1, seed=1, replaced=0, turn=0.0)
    assert (night["apps"]["app"] == store["apps"]["app"]).all()
    assert np.allclose(night["hidden"]["tastes"], store["hidden"]["tastes"], atol=1e-6)
    assert np.corrcoef(night["hidden"]["popularity"], store["hidden"]["popularity"])[0, 1] > 0.85


def test_a_log_holds_the_best_of_the_candidates_and_some_others(store):
    log = store_week.serve_day(store, by_age, visits=200, seed=3, explore=0.2)
    _, candidates = app_store.day_candidates(store, 200, 3)
    names = store["apps"]["app"].to_numpy()
    ages = store["apps"]["app_age"].to_numpy()
    for visit, page in log.groupby("visit"):
        assert page["app"].is_unique and set(page["app"]) <= set(names[candidates[visit]])
        best = np.sort(ages[candidates[visit]])[:10]
        chosen = page[~page["explored"]]
        assert (chosen["app_age"].to_numpy() == best[(~page["explored"]).to_numpy()]).all()
    assert 0.15 < log["explored"].mean() < 0.25
    assert log["hour"].between(0, 24).all() and log["hour"].is_monotonic_increasing
    assert (log["p"] == by_age(log)).all()
    assert abs(log["install"].mean() - log["truth"].mean()) < 0.04


def test_labels_come_late_and_a_night_uses_each_row_once(store):
    monday, tuesday = (store_week.serve_day(store, by_age, visits=2_000, seed=seed) for seed in (4, 5))
    assert store_week.labels_at(monday, 0).sum() == 0
    assert (store_week.labels_at(monday, 1_000) == monday["install"]).all()
    known = [store_week.labels_at(monday, hour).sum() for hour in (6, 12, 24, 48)]
    assert known == sorted(known) and known[2] < monday["install"].sum()
    morning, labels = store_week.ripe_rows(None, monday)
    assert len(morning) == len(labels) == (monday["hour"] <= 12).sum()
    rows, labels = store_week.ripe_rows(monday, tuesday)
    assert len(rows) == (monday["hour"] > 12).sum() + (tuesday["hour"] <= 12).sum()
    assert labels.sum() / rows["install"].sum() > 0.95 and (labels <= rows["install"]).all()


def test_a_night_trains_on_and_ids_expire(store):
    keras.utils.set_random_seed(6)
    log = store_week.serve_day(store, by_age, visits=200, seed=6)
    parts = (app_store.wide_features(log), app_store.deep_features(log))
    model = app_store.build_model("wide_deep", *parts)
    wdl.train(model, wdl.joint_inputs(log, *parts), log["install"], **app_store.training("wide_deep"))
    few = log[log["app"] != log["app"].iloc[0]].reset_index(drop=True)
    smaller, kept = zip(*(lifecycle.expire(part, few) for part in parts))
    assert f"app={log['app'].iloc[0]}" in parts[1]["vocabulary"]
    assert f"app={log['app'].iloc[0]}" not in smaller[1]["vocabulary"]
    kept = dict(zip(["wide_weights", "deep_embeddings"], kept))
    new = app_store.build_model("wide_deep", *smaller)
    lifecycle.warm_start(model, new, app_store.training("wide_deep")["optimizer"], kept)
    scores = [store_week.score_with(*each)(few) for each in ((model, parts), (new, smaller))]
    assert np.abs(scores[0] - scores[1]).max() < 1e-6, "what no row holds has no part in its score"
    candidate = store_week.train_night(model, smaller, few, few["install"].to_numpy(), kept)
    for part, before in zip(candidate[1], smaller):
        assert sorted(part["vocabulary"].values()) == list(range(1, part["n_ids"]))
        assert part["vocabulary"].items() >= before["vocabulary"].items()
    losses = [
        wdl.scores(few["install"], store_week.score_with(*each)(few))["log loss"]
        for each in (candidate, (new, smaller))
    ]
    assert 0 < abs(losses[0] - losses[1]) < 0.05, "one pass with dropout moves the model a little, up or down"
    day = store_week.describe(log, parts)
    assert day["units"] == 200 and ("Σp/Σy", "") in day["quantities"].index


def test_expired_ids_that_do_not_fit_are_refused(store):
    wide = wdl.fit_wide(pd.DataFrame({"city": ["Rome", "Oslo", "Bern"]}), ["city"])
    smaller, kept = lifecycle.expire(wide, pd.DataFrame({"city": ["Rome", "Oslo", "Rome"]}), min_count=2)
    assert smaller["vocabulary"] == {"city=Rome": 1} and kept.tolist() == [0, 3]
    old = wdl.wide_model(wide)
    wdl.train(
        old, {"wide_ids": wdl.wide_ids(pd.DataFrame({"city": ["Rome", "Oslo"]}), wide)}, [1, 0], wdl.Ftrl(0.1), epochs=1
    )
    new = wdl.wide_model(smaller)
    lifecycle.warm_start(old, new, wdl.Ftrl(0.1), {"wide_weights": kept})
    weights = [model.get_layer("wide_weights").get_weights()[0] for model in (old, new)]
    assert (weights[0][kept] == weights[1]).all() and weights[1][1] != 0
    with pytest.raises(ValueError, match="no_such_layer"):
        lifecycle.warm_start(old, new, wdl.Ftrl(0.1), {"no_such_layer": kept})
    with pytest.raises(ValueError, match="wide_weights"):
        lifecycle.warm_start(old, new, wdl.Ftrl(0.1), {"wide_weights": np.array([0, 99])})
    with pytest.raises(ValueError, match="only rows of tables may be added"):
        lifecycle.warm_start(old, new, wdl.Ftrl(0.1))


def test_bad_input_is_named(store):
    with pytest.raises(ValueError, match="replaced is 200"):
        store_week.next_day(store, 1, seed=0, replaced=200)
    with pytest.raises(ValueError, match="day"):
        store_week.next_day(store, 0, seed=0)
    with pytest.raises(ValueError, match="shown is 51"):
        store_week.serve_day(store, by_age, visits=2, seed=0, shown=51)
    with pytest.raises(ValueError, match=r"\(3,\); expected \(200,\)"):
        store_week.serve_day(store, lambda rows: np.zeros(3), visits=2, seed=0)
    with pytest.raises(KeyError, match="delay"):
        store_week.labels_at(pd.DataFrame({"hour": [1.0], "install": [1]}), 24)

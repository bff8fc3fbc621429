"""Position bias in ten simulated stores: what each remedy brings in installs.

    python -m benchmarks.position --json benchmarks/position.json

A visitor examines the ten positions of a page with probability 1, 0.8, 0.64, … and installs what is examined and liked.
A store (its seed gives people, apps, log and first weights) has a log of 6,000 such visits. Joint models are
trained on it, each with another remedy, and rank a hundred candidates for each of 1,500 visitors. 'shuffled' says that
on a fifth of the log's pages the ten apps stood in random order. The stores have the seeds 20 to 29; how fast positions
are learned, and from where, was chosen on two others, 1 and 6.

The file holds

    installs      remedy → one figure a store: expected installs on a page, by the true probabilities and the
                  examination of its positions
    control       the same of a model whose log lost as many installs, whatever the position; 'nothing hidden', of one
                  whose log lost none; 'truth', of pages ranked by the true probabilities
    examination   of 'product model' and 'product model, shuffled': each position's learned share, one list a store;
                  'explored', the installs of explored rows by position, as shares of the first one's
    page          installs on the log's pages: 'as it is', and 'shuffled', for the shuffled ones; one figure a store
"""

import argparse
import pathlib

import wdl_helpers as wdl
from benchmarks.results import write
from recommender import position
from recommender.datasets import store as app_store

import keras
import numpy as np

FIRST_SEED = 20
VISITS, ASKED, POSITIONS, SHUFFLED = 6_000, 1_500, 10, 0.2
EXAMINED = 0.8 ** np.arange(POSITIONS)


def log_of(store, seed):
    """A log with two versions of its pages: column → 'position' and 'install', as they are and with some shuffled."""
    log = app_store.simulate_day(store, VISITS, seed)
    rng = np.random.default_rng([seed, 60])
    order = rng.permuted(np.tile(np.arange(POSITIONS), (VISITS, 1)), axis=1)
    is_shuffled = np.repeat(rng.random(VISITS) < SHUFFLED, POSITIONS)
    luck = rng.random(len(log))
    log["shuffled position"] = np.where(is_shuffled, order.ravel(), log["position"])
    log["seen install"] = log["install"] * (luck < EXAMINED[log["position"]])
    log["shuffled install"] = log["install"] * (luck < EXAMINED[log["shuffled position"]])
    log["fewer installs"] = log["install"] * (luck < log["seen install"].sum() / log["install"].sum())
    shuffled = log[is_shuffled]
    return log, {
        "as it is": (log["truth"] * EXAMINED[log["position"]]).sum() / VISITS,
        "shuffled": (shuffled["truth"] * EXAMINED[shuffled["shuffled position"]]).sum() / is_shuffled.sum() * POSITIONS,
    }


class Asked:
    """Visitors and their candidates, and what a page of ten of them would bring."""

    def __init__(self, store, seed):
        visitors = np.random.default_rng([seed, 7]).integers(0, len(store["users"]), ASKED)
        candidates = app_store.retrieve(store, visitors, seed=[seed, 8])
        users = np.repeat(visitors, candidates.shape[1])
        self.rows = app_store.impressions(store, users, candidates.ravel())
        self.truth = app_store.install_probability(store, users, candidates.ravel()).reshape(candidates.shape)

    def installs(self, scores):
        best = np.argsort(-scores.reshape(self.truth.shape), axis=1, kind="stable")[:, :POSITIONS]
        return round(float((np.take_along_axis(self.truth, best, axis=1) @ EXAMINED).mean()), 4)


def trained(log, asked, labels, seed, remedy=None, column="position"):
    """Installs that a model brings, and the model it was trained as."""
    wide, deep = app_store.wide_features(log), app_store.deep_features(log)
    rows = asked.rows
    if remedy == "feature":
        log = log.assign(position=log[column].astype(str))
        rows = rows.assign(position="0")  # for ranking, all candidates are in the first position
        wide = wdl.fit_wide(log, [*wide["features"], "position"], buckets={"age": 6, "app_age": 6}, min_count=20)
        deep = wdl.fit_deep(log, [*deep["categories"], "position"], ["age", "app_age"], min_count=20)
    keras.utils.set_random_seed(seed)
    relevance = app_store.build_model("wide_deep", wide, deep)
    inputs, model = wdl.joint_inputs(log, wide, deep), relevance
    if callable(remedy):
        model = remedy(relevance, POSITIONS, name=column)
        inputs |= position.position_input(log, column, POSITIONS)
    wdl.train(model, inputs, log[labels], **app_store.training("wide_deep"))
    return asked.installs(wdl.predict(relevance, wdl.joint_inputs(rows, wide, deep))), model


REMEDIES = {
    "no remedy": None,
    "position as a feature": "feature",
    "product model": position.product_model,
    "shallow tower": position.shallow_tower_model,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10, help="stores")
    parser.add_argument("--json", type=pathlib.Path, required=True, help="the file to write")
    arguments = parser.parse_args()
    wdl.reproducible(seed=0)
    names = [name + how for how in ("", ", shuffled") for name in REMEDIES]
    results = {"installs": {name: [] for name in names}, "control": {}, "examination": {}, "page": {}}

    def add(part, name, value):
        results[part].setdefault(name, []).append(value)

    for seed in range(FIRST_SEED, FIRST_SEED + arguments.seeds):
        store = app_store.make_store(seed=seed)
        log, pages = log_of(store, seed)
        asked = Asked(store, seed)
        for name, value in pages.items():
            add("page", name, round(float(value), 4))
        for how, column, labels in (
            ("", "position", "seen install"),
            (", shuffled", "shuffled position", "shuffled install"),
        ):
            for name, remedy in REMEDIES.items():
                installs, model = trained(log, asked, labels, seed, remedy, column)
                add("installs", name + how, installs)
                if name == "product model":
                    add("examination", name + how, position.examination(model).round(3).tolist())
        explored = log[log["explored"]].groupby("position")["seen install"].mean()
        add("examination", "explored", (explored / explored[0]).round(3).tolist())
        add("control", "as many installs lost", trained(log, asked, "fewer installs", seed)[0])
        add("control", "nothing hidden", trained(log, asked, "install", seed)[0])
        add("control", "truth", asked.installs(asked.truth))
        print(seed, {name: values[-1] for name, values in results["installs"].items()}, flush=True)
    write(arguments.json, results)


if __name__ == "__main__":
    main()

"""Table 1 of the paper in the simulated store: offline AUC and online gain of three models, several stores each.

    python benchmarks/app_store.py --seeds 10 --json benchmarks/app_store.json

Each seed is another store, another log and other first weights. The file holds, one entry a seed:

    wide, deep, wide_deep    'auc' on the next day's log;
                             'online_gain', the installs in percent over the wide model's, if each visitor sees
                             each model's page;
                             'assigned_gain', the same if a lot gives each visitor one of the pages, as in a real
                             experiment
                             'against_rules', of the places on its pages that hold an app known in the visitor's
                             country, the share whose rules, added up, speak against an install
    bayes_auc, oracle_gain   the same of the true probabilities
    rule_correlation         Spearman's, of the joint model's cross weights with the planted rules that occur at least
                             20 times in the log
    sweep                    knob → its value → the same dict, for a third of the seeds; the knobs are arguments of
                             `make_store`, and 'min_count', the rows that a value needs for an id
"""

import argparse
import inspect
import pathlib

import wdl_helpers as wdl
from recommender.datasets import store as app_store

import keras
import numpy as np
import pandas as pd
from results import write
from sklearn.metrics import roc_auc_score

MODELS = ["wide", "deep", "wide_deep"]
VISITS, NEXT_DAY, ONLINE = 12_000, 4_000, 1_500
SWEEP = {"rules": [0.0, 0.75, 1.5, 2.25, 3.0], "exploration": [0.0, 0.05, 0.25, 1.0], "min_count": [5, 20]}
KNOBS = inspect.signature(app_store.make_store).parameters
DEFAULTS = {name: knob.default for name, knob in KNOBS.items()} | {"min_count": app_store.MIN_COUNT}


def percent(installs, base):
    return 100 * (installs / base - 1)


def rule_correlation(store, log, model, wide):
    """Of the joint model's cross weights with the planted rules that occur at least 20 times in the log."""
    pairs = wdl.cross(log, ["installed", "app"]).value_counts()
    rules = store["rules"]
    names = "installed=" + rules["installed"] + wdl.AND + "app=" + rules["app"]
    frequent = pairs.reindex(names).fillna(0).to_numpy() >= 20
    if not frequent.any():
        return None
    learned = wdl.wide_weights(model, wide).reindex(names[frequent]).fillna(0).reset_index(drop=True)
    return learned.corr(rules["strength"][frequent].reset_index(drop=True), method="spearman")


def against_rules(store, log, pages, truth, users, apps, scores):
    """The share that rules speak against, of the places on the pages with an app known in the visitor's country."""
    first = np.argsort(-scores.reshape(truth.shape), axis=1, kind="stable")[:, :10]
    shown = (first + np.arange(len(truth))[:, None] * truth.shape[1]).ravel()
    rule, on_phone = store["hidden"]["rule"], store["hidden"]["on_phone"][users[shown]]
    strength = sum(rule[installed, apps[shown]] for installed in on_phone.T)
    places = pd.MultiIndex.from_frame(pages.iloc[shown][["country", "app"]])
    known = log.groupby(["country", "app"]).size().reindex(places).fillna(0).to_numpy() >= 20
    return (strength[known] < 0).mean()


def run(seed, visits=VISITS, next_day=NEXT_DAY, online=ONLINE, min_count=app_store.MIN_COUNT, **knobs):
    """One store: a day's log, three models, the next day's log and the online experiment."""
    store = app_store.make_store(seed, **knobs)
    log, after = (app_store.simulate_day(store, n, seed=day) for day, n in ((1, visits), (2, next_day)))
    rng = np.random.default_rng([seed, 3])
    visitors, arm = rng.integers(0, len(store["users"]), online), rng.permutation(online) % len(MODELS)
    candidates = app_store.retrieve(store, visitors, seed=[seed, 4])
    users, apps = np.repeat(visitors, candidates.shape[1]), candidates.ravel()
    truth = app_store.install_probability(store, users, apps).reshape(candidates.shape)

    wide, deep = app_store.wide_features(log, min_count), app_store.deep_features(log, min_count)
    pages = app_store.impressions(store, users, apps)
    x, x_after, x_pages = (wdl.joint_inputs(frame, wide, deep) for frame in (log, after, pages))
    result, installs = {}, {}
    for name in MODELS:
        keras.utils.set_random_seed(seed)
        model = app_store.build_model(name, wide, deep)
        wdl.train(model, x, log["install"], **app_store.training(name))
        scores = wdl.predict(model, x_pages)
        installs[name] = app_store.expected_installs(truth, scores)
        result[name] = {"auc": roc_auc_score(after["install"], wdl.predict(model, x_after))}
        result[name]["against_rules"] = against_rules(store, log, pages, truth, users, apps, scores)
    assigned = {name: installs[name][arm == i].mean() for i, name in enumerate(MODELS)}
    for name in MODELS:
        result[name]["online_gain"] = percent(installs[name].mean(), installs["wide"].mean())
        result[name]["assigned_gain"] = percent(assigned[name], assigned["wide"])
    result["bayes_auc"] = roc_auc_score(after["install"], after["truth"])
    best = app_store.expected_installs(truth, truth).mean()
    result["oracle_gain"] = percent(best, installs["wide"].mean())
    result["rule_correlation"] = rule_correlation(store, log, model, wide)  # the last model is the joint one
    return result


def lists(results):
    """The dicts of several seeds as one dict of lists."""
    if isinstance(results[0], dict):
        return {key: lists([result[key] for result in results]) for key in results[0]}
    return [None if result is None else round(result, 5) for result in results]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10, help="how many; they are 0, 1, 2, …")
    parser.add_argument("--json", type=pathlib.Path, required=True, help="the file to write")
    arguments = parser.parse_args()

    wdl.reproducible()
    runs, sweep = [], {}

    def keep(message):
        """Write what there is, so that a run that is stopped loses nothing."""
        write(arguments.json, {**lists(runs), "sweep": sweep})
        print(message, flush=True)

    for seed in range(arguments.seeds):
        runs.append(run(seed))
        keep(f"seed {seed} done")
    few = -(-arguments.seeds // 3)
    for knob, values in SWEEP.items():
        sweep[knob] = {}
        for value in values:
            at_default = value == DEFAULTS[knob]
            sweep[knob][str(value)] = lists(runs[:few] if at_default else [run(s, **{knob: value}) for s in range(few)])
            keep(f"{knob} {value} done")


if __name__ == "__main__":
    main()

"""What a log says of a new ranking: IPS and SNIPS on many simulated logs, against the truth.

    python -m benchmarks.offpolicy --json benchmarks/offpolicy.json

One store of 2,000 people. A joint model is trained once, on a log that is not used again, and its ten best candidates
are the new page of every visit. Then the old policy writes logs, of 3,000 visits each, for several shares of
exploration, and from each log both estimators say how many installs a new page would bring. Without another word a
weight is that of an app anywhere on the page; 'same place' counts an app only where it stands at the same place.

The file holds

    ips, snips    'bias', the mean of the estimates minus the truth, in installs a page, with 'bias_error', its standard
                  error, and 'coverage', the share of the 95 % intervals that hold the truth: at the store's own share
                  of exploration, 0.05
    logs          so many, for each share of exploration
    truth         installs a new page would bring, by the true probabilities, over all visits of all logs
    exploration   share → 'ips', 'snips' and 'same place', each with the above and with 'half_width' and
                  'effective_rows', means over the logs; 'explored', rows of a log, and 'installs' on the policy's
                  pages; 'drawn', the 'value', 'low' and 'high' of IPS in the first logs, to be drawn
"""

import argparse
import pathlib

import wdl_helpers as wdl
from benchmarks.results import write
from recommender import offpolicy
from recommender.datasets import store as app_store

import keras
import numpy as np
import pandas as pd

USERS, VISITS, DRAWN = 2_000, 3_000, 50
EXPLORATION = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5]
PAIRS_AT_ONCE = 50_000


def scores_of_all_pairs(store):
    """What a joint model, trained on a log of its own, says of each user and app: (users, apps)."""
    log = app_store.simulate_day(store, 6_000, seed=10_000)
    wide, deep = app_store.wide_features(log), app_store.deep_features(log)
    keras.utils.set_random_seed(0)
    model = app_store.build_model("wide_deep", wide, deep)
    wdl.train(model, wdl.joint_inputs(log, wide, deep), log["install"], **app_store.training("wide_deep"))
    n_apps = len(store["apps"])
    users, apps = np.divmod(np.arange(USERS * n_apps), n_apps)
    parts = []
    for start in range(0, len(users), PAIRS_AT_ONCE):
        rows = slice(start, start + PAIRS_AT_ONCE)
        parts.append(
            wdl.predict(model, wdl.joint_inputs(app_store.impressions(store, users[rows], apps[rows]), wide, deep))
        )
    return np.concatenate(parts).reshape(USERS, n_apps)


def new_pages(scores, visitors, candidates):
    """The ten best candidates of each visit, the best first: row numbers of apps (visits, 10)."""
    of_visit = np.take_along_axis(scores[visitors], candidates, axis=1)
    best = np.argsort(-of_visit, axis=1, kind="stable")[:, :10]
    return np.take_along_axis(candidates, best, axis=1)


def estimates(log, pages, number_of):
    """'ips', 'snips' and 'same place' from one log."""
    shown = log["app"].map(number_of).to_numpy().reshape(pages.shape)
    on_page = (shown[:, :, None] == pages[:, None, :]).any(axis=2).ravel()
    log = log.assign(on_page=on_page.astype(float), same_place=(shown == pages).ravel().astype(float))
    page = {"propensity": "page_propensity", "target": "on_page", "unit": "visit", "actions": 10}
    place = {"propensity": "propensity", "target": "same_place", "unit": "visit", "actions": 10}
    return {
        "ips": offpolicy.ips(log, "install", **page),
        "snips": offpolicy.snips(log, "install", **page),
        "same place": offpolicy.ips(log, "install", **place),
    }


def summary(found, truth):
    """Bias, coverage, width and effective rows of an estimator's runs."""
    runs = pd.DataFrame(found)
    return {
        "bias": round(float(runs["value"].mean() - truth), 4),
        "bias_error": round(float(runs["value"].std() / len(runs) ** 0.5), 4),
        "coverage": round(float(((runs["low"] < truth) & (truth < runs["high"])).mean()), 4),
        "half_width": round(float((runs["high"] - runs["low"]).mean() / 2), 4),
        "effective_rows": round(float(runs["effective_rows"].mean()), 1),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--logs", type=int, default=200, help="logs for each share of exploration, at least 2")
    parser.add_argument("--json", type=pathlib.Path, required=True, help="the file to write")
    arguments = parser.parse_args()
    wdl.reproducible(seed=0)
    store = app_store.make_store(seed=0, n_users=USERS)
    number_of = {name: i for i, name in enumerate(store["apps"]["app"])}
    scores = scores_of_all_pairs(store)
    found = {share: [] for share in EXPLORATION}
    truths, installs = [], {share: [] for share in EXPLORATION}
    for seed in range(arguments.logs):
        visitors, candidates = app_store.day_candidates(store, VISITS, seed)
        pages = new_pages(scores, visitors, candidates)
        users = np.repeat(visitors, 10)
        truths.append(app_store.install_probability(store, users, pages.ravel()).sum() / VISITS)
        for share in EXPLORATION:
            log = app_store.simulate_day({**store, "exploration": share}, VISITS, seed)
            found[share].append({**estimates(log, pages, number_of), "explored": int(log["explored"].sum())})
            installs[share].append(log["truth"].sum() / VISITS)
        print(seed, {share: round(runs[-1]["ips"]["value"], 2) for share, runs in found.items()}, flush=True)
    truth = float(np.mean(truths))
    results = {"logs": arguments.logs, "truth": round(truth, 4), "exploration": {}}
    for share, runs in found.items():
        point = {name: summary([run[name] for run in runs], truth) for name in ("ips", "snips", "same place")}
        point["explored"] = round(float(np.mean([run["explored"] for run in runs])), 1)
        point["installs"] = round(float(np.mean(installs[share])), 4)
        drawn = pd.DataFrame([run["ips"] for run in runs[:DRAWN]])[["value", "low", "high"]]
        point["drawn"] = drawn.round(4).to_dict("list")
        results["exploration"][f"{share:g}"] = point
    own = results["exploration"][f"{store['exploration']:g}"]
    write(arguments.json, {"ips": own["ips"], "snips": own["snips"], **results})


if __name__ == "__main__":
    main()

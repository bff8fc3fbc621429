"""A leaking statistic and a random split in a store that drifts: how much AUC each of them overstates.

    python -m benchmarks.leak --json benchmarks/leak.json

A week of a store (its seed gives people, apps, logs and first weights) has eight days of 1,000 visits. Popularity
counts twice as much as in notebook 7, and each night three apps in ten take on another app's. The wide model of
notebook 8 has one more column, the install rate of a row's country, device and app: 'leaking', counted on all seven
days, or 'past', counted on the days before. Rows are held out at random, a sixth of them, or as the seventh day. The
eighth day is tomorrow.

The file holds, for each combination, the AUC on the held-out rows and tomorrow, one figure a week. 'too high by' is
their difference, less the difference for the true probabilities, since one day is easier than another. The weeks have
the seeds 40 to 59; that popularity counts twice was chosen on others, 70 to 77, so that the drift is felt.
"""

import argparse
import pathlib

import wdl_helpers as wdl
from benchmarks.results import write
from recommender.datasets import store as app_store

import keras
import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

FIRST_SEED = 40
DAYS, VISITS, CHANGING = 8, 1_000, 0.3
FASHION = 2  # popularity counts so many times as much as in notebook 7: the drift is to be felt
GROUPS = ["country", "device", "app"]


def install_rate(rows, past):
    """The install rate, in the past rows, of each row's country, device and app; pseudo-rows shrink it to the mean."""
    counts = past.groupby(GROUPS)["install"].agg(["sum", "count"])
    rates = (counts["sum"] + 5 * past["install"].mean()) / (counts["count"] + 5)
    return rates.reindex(pd.MultiIndex.from_frame(rows[GROUPS])).fillna(past["install"].mean()).to_numpy()


def week_of(seed):
    """The rows of seven days but the first, with both rates, and tomorrow's."""
    rng = np.random.default_rng([seed, 80])
    store = app_store.make_store(seed=seed)
    hidden = {**store["hidden"], "popularity": FASHION * store["hidden"]["popularity"]}
    days = []
    for day in range(DAYS):
        log = app_store.simulate_day({**store, "hidden": hidden}, VISITS, seed=1_000 * seed + day)
        days.append(log.assign(day=day))
        popularity = hidden["popularity"]
        changes = rng.random(len(popularity)) < CHANGING
        hidden = {**hidden, "popularity": np.where(changes, rng.permutation(popularity), popularity)}
    known, tomorrow = pd.concat(days[:-1], ignore_index=True), days[-1]
    tomorrow["rate"] = install_rate(tomorrow, known)
    known["leaking"] = install_rate(known, known)
    for day in range(1, DAYS - 1):
        known.loc[known["day"] == day, "past"] = install_rate(days[day], known[known["day"] < day])
    return known[known["day"] > 0], tomorrow  # the first day has no past


def two_aucs(frame, is_held_out, tomorrow, seed):
    """The AUC of a wide model on the held-out rows and on tomorrow's, and by how much the first is too high."""
    rows = frame[~is_held_out]
    columns = [*app_store.wide_features(rows)["features"], "rate"]
    fitted = wdl.fit_wide(rows, columns, buckets={"age": 6, "app_age": 6, "rate": 10}, min_count=app_store.MIN_COUNT)
    keras.utils.set_random_seed(seed)
    model = wdl.wide_model(fitted)
    wdl.train(model, {"wide_ids": wdl.wide_ids(rows, fitted)}, rows["install"], **app_store.training("wide"))
    aucs = {}
    ideal = {}
    for name, scored in {"held out": frame[is_held_out], "tomorrow": tomorrow}.items():
        p = wdl.predict(model, {"wide_ids": wdl.wide_ids(scored, fitted)})
        aucs[name] = float(roc_auc_score(scored["install"], p))
        ideal[name] = float(roc_auc_score(scored["install"], scored["truth"]))
    aucs["too high by"] = aucs["held out"] - aucs["tomorrow"] - (ideal["held out"] - ideal["tomorrow"])
    return {name: round(auc, 5) for name, auc in aucs.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weeks", type=int, default=20)
    parser.add_argument("--json", type=pathlib.Path, required=True, help="the file to write")
    arguments = parser.parse_args()
    wdl.reproducible(seed=0)
    results = {}
    for seed in range(FIRST_SEED, FIRST_SEED + arguments.weeks):
        known, tomorrow = week_of(seed)
        at_random = np.random.default_rng([seed, 81]).random(len(known)) < 1 / (DAYS - 2)
        splits = {"rows at random": at_random, "the last day": known["day"].to_numpy() == DAYS - 2}
        for statistic in ("leaking", "past"):
            for split, is_held_out in splits.items():
                aucs = two_aucs(known.assign(rate=known[statistic]), is_held_out, tomorrow, seed)
                for name, auc in aucs.items():
                    results.setdefault(f"{statistic} rate, {split}", {}).setdefault(name, []).append(auc)
        print(seed, {name: aucs["too high by"][-1] for name, aucs in results.items()}, flush=True)
    write(arguments.json, results)


if __name__ == "__main__":
    main()

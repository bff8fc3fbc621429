"""Weeks of a store in production: is a broken day found, a quiet one left alone, and what do stale models cost?

    python -m benchmarks.week --json benchmarks/week.json

A week has a store of `recommender.datasets.store` of its own. First the store's policy fills the pages of 4,000 visits,
from which the joint model of notebook 7 learns. From then on the model fills them, 1,000 visits a day with a tenth of
the slots explored, and trains on each night from a warm start, once over the rows whose labels are ripe. Tastes and
fashions drift, and each night five apps are replaced. After six such days the week begins.

`recommender.monitoring`, with its default bounds, looks at each day at midnight, without the afternoon's labels, and
compares it with the last seven days, the very first one left out. A quiet week is one in which nothing is broken: any
alarm in it is false. In a broken week the requests of Tuesday come with a broken column, the model scores what it gets,
and so the pages and the labels suffer, too. Each kind of break has its own copy of the Tuesday of each week. Only the
requests are looked at: to compare them with a second source (`skew`) would show every break.

WIDTH and FLOORS were chosen with `--first-seed 0 --weeks 8`; the file has other seeds. 'staleness' compares, on each
day of the week, the model of the last night with that of the eve of the week: AUC, log loss and expected installs a
page, on all candidates of 400 visits, with labels drawn from the true probabilities. 'expiry' is the last night of each
week with all ids and with those alone that the last seven days hold.
"""

import argparse
import pathlib

import wdl_helpers as wdl
from benchmarks.results import write
from recommender import lifecycle, monitoring
from recommender.datasets import store as app_store
from recommender.datasets import store_week

import keras
import numpy as np
import pandas as pd
from sklearn.metrics import log_loss, roc_auc_score

FIRST_SEED, WEEKS = 100, 10
WARM_UP, DAYS = 6, 7
VISITS_BEFORE, VISITS, JUDGED = 4_000, 1_000, 400
PROFILE = ["country", "language", "device", "age", "installed"]


def of_other_visits(rows, visit, seed):
    """Each visit gets the profile of another visitor: the same values, in the wrong rows."""
    first = np.unique(visit, return_index=True)[1]  # the first row of each visit
    other = np.random.default_rng(seed).permutation(first)[visit]
    return rows.assign(**{column: rows[column].iloc[other].to_numpy() for column in PROFILE})


def some(rows, visit, column, values):
    """The values in one visit of ten, which come from a new version of the phones' program."""
    return rows.assign(**{column: np.where(visit % 10 == 0, values, rows[column])})


# Name → function of the rows of requests, the number of each row's visit, and a seed.
BREAKS = {
    "another spelling": lambda rows, visit, seed: rows.assign(device=rows["device"].str.capitalize()),
    "another spelling, a tenth": lambda rows, visit, seed: some(rows, visit, "device", rows["device"].str.capitalize()),
    "another unit": lambda rows, visit, seed: rows.assign(age=12 * rows["age"]),
    "another unit, a tenth": lambda rows, visit, seed: some(rows, visit, "age", 12 * rows["age"]),
    "an empty column": lambda rows, visit, seed: rows.assign(country=""),
    "empty lists": lambda rows, visit, seed: rows.assign(installed=pd.Series([[]] * len(rows), rows.index)),
    "one value for all": lambda rows, visit, seed: rows.assign(device="phone"),
    "another visitor's profile": of_other_visits,
}


def found_in(log, parts, past):
    """The alarms of a day: lists of a quantity, its column, its value and the bound that it passed."""
    table = monitoring.alarms(store_week.describe(log, parts), past)
    table["bound"] = np.where(table["value"] < table["low"], table["low"], table["high"])
    return table[["quantity", "column", "value", "bound"]].round(4).to_numpy().tolist()


def broken_day(store, model, parts, seed, change):
    """The log of a day whose requests come changed, as the model got them."""

    def score(rows):
        return store_week.score_with(model, parts)(change(rows, np.arange(len(rows)) // 100, seed))

    log = store_week.serve_day(store, score, VISITS, seed)
    return change(log, log["visit"].to_numpy(), seed)


def judged(store, models, seed):
    """AUC, log loss and installs a page of models on all candidates of a day: dict name → three numbers."""
    visitors, candidates = app_store.day_candidates(store, JUDGED, seed)
    users = np.repeat(visitors, 100)
    truth = app_store.install_probability(store, users, candidates.ravel())
    labels = np.random.default_rng([seed, 5]).random(len(truth)) < truth
    rows = app_store.impressions(store, users, candidates.ravel())
    found = {}
    for name, (model, parts) in models.items():
        p = store_week.score_with(model, parts)(rows)
        installs = app_store.expected_installs(truth.reshape(-1, 100), p).mean()
        found[name] = [round(float(x), 5) for x in (roc_auc_score(labels, p), log_loss(labels, p), installs)]
    return found


def expired(model, parts, days, tomorrow, seed):
    """The last night with all ids, and with those of the last seven days alone."""
    recent = pd.concat(days[-7:], ignore_index=True)
    smaller, kept = zip(*(lifecycle.expire(part, recent) for part in parts), strict=True)
    kept = dict(zip(["wide_weights", "deep_embeddings"], kept, strict=True))
    night = store_week.ripe_rows(*days[-2:])
    models = {
        "all ids": store_week.train_night(model, parts, *night),
        "ids of a week": store_week.train_night(model, smaller, *night, kept),
    }
    scores = judged(tomorrow, models, seed)
    return [
        {"kept": name, "wide ids": new_parts[0]["n_ids"], "deep ids": new_parts[1]["n_ids"]}
        | dict(zip(["AUC", "log loss", "installs"], scores[name], strict=True))
        for name, (_, new_parts) in models.items()
    ]


def week_of(seed, replaced=5, monitored=True):
    """All that is measured in one week: a dict."""
    keras.utils.set_random_seed(seed)
    store = app_store.make_store(seed=seed)
    log = app_store.simulate_day(store, VISITS_BEFORE, seed=1_000 * seed)
    parts = [app_store.wide_features(log), app_store.deep_features(log)]
    model = app_store.build_model("wide_deep", *parts)
    wdl.train(model, wdl.joint_inputs(log, *parts), log["install"], **app_store.training("wide_deep"))
    past = []
    logs = []
    stale = None
    result = {"alarms": [], "breaks": {}, "daily": [], "stale": []}
    for day in range(1, WARM_UP + DAYS + 1):
        store = store_week.next_day(store, day, seed, replaced)
        log = store_week.serve_day(store, store_week.score_with(model, parts), VISITS, 1_000 * seed + day)
        if day > WARM_UP:
            stale = stale or (model, parts)
            scores = judged(store, {"daily": (model, parts), "stale": stale}, 1_000 * seed + day)
            result["daily"].append(scores["daily"])
            result["stale"].append(scores["stale"])
        if monitored and day > WARM_UP:
            result["alarms"] += [[day - WARM_UP, *alarm] for alarm in found_in(log, parts, past[-7:])]
        if monitored and day == WARM_UP + 2:  # Tuesday
            for name, change in BREAKS.items():
                broken = broken_day(store, model, parts, 1_000 * seed + day, change)
                result["breaks"][name] = found_in(broken, parts, past[-7:])
        if monitored and day > 1:
            past.append(store_week.describe(log, parts))
        logs.append(log)
        if day < WARM_UP + DAYS:
            model, parts = store_week.train_night(
                model, parts, *store_week.ripe_rows(logs[-2] if day > 1 else None, log)
            )
    if monitored:
        tomorrow = store_week.next_day(store, WARM_UP + DAYS + 1, seed, replaced)
        result["expiry"] = expired(model, parts, logs, tomorrow, 1_000 * seed + 99)
    return result


def staleness(weeks, stores):
    """What the stale model lacks against the daily one: a dict for each week and day."""
    rows = []
    for week in weeks:
        for day, (daily, stale) in enumerate(zip(week["daily"], week["stale"], strict=True)):
            auc, loss, installs = (round(new - old, 5) for new, old in zip(daily, stale, strict=True))
            lost = round(100 * installs / daily[2], 3)
            rows.append({"stores": stores, "day": day, "installs lost, %": lost, "log loss": -loss, "AUC": -auc})
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED)
    parser.add_argument("--weeks", type=int, default=WEEKS)
    parser.add_argument("--json", type=pathlib.Path, required=True, help="the file to write")
    arguments = parser.parse_args()
    wdl.reproducible(seed=0)
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.weeks)
    weeks = []
    for seed in seeds:
        weeks.append(week_of(seed))
        print(seed, weeks[-1]["alarms"], {name: len(found) for name, found in weeks[-1]["breaks"].items()}, flush=True)
    no_new_apps = [week_of(seed, replaced=0, monitored=False) for seed in list(seeds)[: arguments.weeks // 2]]
    found = {name: [week["breaks"][name] for week in weeks] for name in BREAKS}
    write(
        arguments.json,
        {
            "bad_weeks": len(weeks) * len(BREAKS),
            "found": sum(bool(alarms) for each in found.values() for alarms in each),
            "quiet_weeks": len(weeks),
            "alarms": sum(len(week["alarms"]) for week in weeks),
            "false": [week["alarms"] for week in weeks],
            "found_by_break": {name: sum(map(bool, each)) for name, each in found.items()},
            "alarms_by_break": {name: each[0] for name, each in found.items()},
            "staleness": [
                *staleness(weeks, "new apps"),
                *staleness(no_new_apps, "no new apps"),
            ],
            "expiry": [row for week in weeks for row in week["expiry"]],
        },
    )


if __name__ == "__main__":
    main()

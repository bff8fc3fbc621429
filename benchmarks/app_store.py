"""Table 1 of the paper in the simulated store: offline AUC and online gain of five models, several stores each.

    python -m benchmarks.app_store --seeds 10 --json benchmarks/app_store.json

Each seed is another store, another log and other first weights. The store, the log and the number of candidates are as
large as in notebook 7. The file holds, one entry a seed:

    wide, wide_coarse, deep, wide_deep, wide_deep_coarse
                       'auc' on the next day's log;
                       'online_gain', the installs in percent over the wide model's, if each visitor sees each model's
                       page, out of the candidates of the first stage;
                       'random_gain', the same out of as many candidates that are drawn at random
    bayes_auc          of the true probabilities
    oracle_gain        the gain of a page that the true probabilities rank
    first_stage        'log_recall', the share of the next day's installs that are among the candidates;
                       'best_ten', the share of the ten apps that a visitor is most likely to install;
                       'known_in_log', 'known_among_candidates', the share of the rows whose app has 20 rows or more
                       from the visitor's country in the log
    first_stage_plain  the same 'log_recall' and 'best_ten' without the logQ correction
    new_app_rows       mean number of rows in the log of an app that came in the last month
    sweep              'exploration' → its value → the same dict, for a third of the seeds;
                       'min_count' → '5' → the same, if the models keep each value with five rows or more; the gains
                       are over 'control', a wide model with the usual minimum
"""

import argparse
import inspect
import pathlib

import wdl_helpers as wdl
from benchmarks.results import write
from recommender import ranking, retrieval
from recommender.datasets import store as app_store

import keras
import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

KINDS = {
    "wide": "wide",
    "wide_coarse": "wide",
    "deep": "deep",
    "wide_deep": "wide_deep",
    "wide_deep_coarse": "wide_deep",
}
VISITS, NEXT_DAY, ONLINE, CANDIDATES = 6_000, 3_000, 1_500, 100
EXPLORATION = [0.0, 0.025, 0.05, 0.1, 0.25]
DEFAULT = inspect.signature(app_store.make_store).parameters["exploration"].default


def percent(installs, base):
    return 100 * (installs / base - 1)


def on_phones(store, visitors):
    """A matrix (visits, apps) of what is on the phone, which is never a candidate."""
    return ranking.set_matrix(store["users"]["installed"].iloc[visitors], store["apps"]["app"])


def candidates_of(store, towers, visitors):
    """What the first stage finds for each visit: row numbers of apps, (visits, CANDIDATES)."""
    users = retrieval.user_vectors(towers, store["users"].iloc[visitors])
    apps = retrieval.item_vectors(towers, store["apps"])
    return retrieval.top_k(users, apps, CANDIDATES, excluded=on_phones(store, visitors))


def known_share(log, frame):
    """The share of the rows whose app has 20 rows or more from the same country in the log."""
    places = pd.MultiIndex.from_frame(frame[["country", "app"]])
    return (log.groupby(["country", "app"]).size().reindex(places).fillna(0).to_numpy() >= app_store.MIN_COUNT).mean()


def recalls(store, after, towers, visitors, found):
    """How good a first stage is by the next day's log, and by the truth."""
    installs = after[after["install"] == 1]
    row_of = pd.Series(range(len(store["apps"])), store["apps"]["app"])
    wanted = installs.groupby("visit")["app"].agg(lambda apps: row_of[apps].to_numpy())
    queries = installs.drop_duplicates("visit").set_index("visit").loc[wanted.index]
    queries = retrieval.user_vectors(towers, queries)
    of_log = retrieval.top_k(queries, retrieval.item_vectors(towers, store["apps"]), CANDIDATES)
    n_apps = len(store["apps"])
    truth = app_store.install_probability(
        store, np.repeat(visitors, n_apps), np.tile(np.arange(n_apps), len(visitors))
    ).reshape(-1, n_apps)
    truth[on_phones(store, visitors).toarray() != 0] = -1
    best = np.argsort(-truth, axis=1, kind="stable")[:, :10]
    return {
        "log_recall": retrieval.recall_at_k(of_log, list(wanted)),
        "best_ten": retrieval.recall_at_k(found, list(best)),
    }


def days(seed, **knobs):
    """A store, its training log, the next day's log, and who comes online: row numbers of users."""
    store = app_store.make_store(seed, **knobs)
    log, after = (app_store.simulate_day(store, n, seed=day) for day, n in ((1, VISITS), (2, NEXT_DAY)))
    return store, log, after, np.random.default_rng([seed, 3]).integers(0, len(store["users"]), ONLINE)


def plain_stage(seed):
    """The recalls of a store's first stage that is trained without the logQ correction."""
    store, log, after, visitors = days(seed)
    keras.utils.set_random_seed(seed)
    towers = app_store.first_stage(log, log_q=False)
    return recalls(store, after, towers, visitors, candidates_of(store, towers, visitors))


def run(seed, min_count=app_store.MIN_COUNT, **knobs):
    """One store: a day's log, a first stage, five models, the next day's log and the visitors who see their pages."""
    store, log, after, visitors = days(seed, **knobs)
    keras.utils.set_random_seed(seed)
    towers = app_store.first_stage(log)
    found = {
        "online_gain": candidates_of(store, towers, visitors),
        "random_gain": app_store.retrieve(store, visitors, CANDIDATES, seed=[seed, 4]),
    }
    users = np.repeat(visitors, CANDIDATES)
    truth = {
        name: app_store.install_probability(store, users, apps.ravel()).reshape(apps.shape)
        for name, apps in found.items()
    }
    frames = {"log": log, "after": after}
    frames |= {name: app_store.impressions(store, users, apps.ravel()) for name, apps in found.items()}
    frames = {name: app_store.with_installed_categories(frame, store["apps"]) for name, frame in frames.items()}
    models = {name: (kind, min_count) for name, kind in KINDS.items()}
    if min_count != app_store.MIN_COUNT:
        models = {"control": ("wide", app_store.MIN_COUNT)} | models
    control = next(iter(models))
    result, installs = {}, {}
    for name, (kind, rows_needed) in models.items():
        wide = app_store.wide_features(frames["log"], rows_needed, coarse="coarse" in name)
        deep = app_store.deep_features(frames["log"], rows_needed)
        keras.utils.set_random_seed(seed)
        model = app_store.build_model(kind, wide, deep)
        wdl.train(model, wdl.joint_inputs(frames["log"], wide, deep), log["install"], **app_store.training(kind))
        scores = {key: wdl.predict(model, wdl.joint_inputs(frame, wide, deep)) for key, frame in frames.items()}
        result[name] = {"auc": roc_auc_score(after["install"], scores["after"])}
        for key in found:
            installs[name, key] = app_store.expected_installs(truth[key], scores[key]).mean()
            result[name][key] = percent(installs[name, key], installs[control, key])
    best = app_store.expected_installs(truth["online_gain"], truth["online_gain"]).mean()
    is_new = store["apps"]["app_age"] < 31
    rows = log["app"].value_counts().reindex(store["apps"]["app"]).fillna(0).to_numpy()
    return result | {
        "bayes_auc": roc_auc_score(after["install"], after["truth"]),
        "oracle_gain": percent(best, installs[control, "online_gain"]),
        "first_stage": recalls(store, after, towers, visitors, found["online_gain"])
        | {
            "known_in_log": known_share(log, after),
            "known_among_candidates": known_share(log, frames["online_gain"]),
        },
        "new_app_rows": rows[is_new].mean(),
    }


def lists(results):
    """The dicts of several seeds as one dict of lists."""
    if isinstance(results[0], dict):
        return {key: lists([result[key] for result in results]) for key in results[0]}
    return [round(float(result), 5) for result in results]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10, help="how many; they are 0, 1, 2, …")
    parser.add_argument("--json", type=pathlib.Path, required=True, help="the file to write")
    arguments = parser.parse_args()

    wdl.reproducible()
    runs, plain, sweep = [], [], {"exploration": {}, "min_count": {}}

    def keep(message):
        """Write what there is, so that a run that is stopped loses nothing."""
        write(arguments.json, {**lists(runs), "first_stage_plain": lists(plain), "sweep": sweep})
        print(message, flush=True)

    for seed in range(arguments.seeds):
        runs.append(run(seed))
        plain.append(plain_stage(seed))
        keep(f"seed {seed} done")
    few = -(-arguments.seeds // 3)
    for value in EXPLORATION:
        at_default = value == DEFAULT
        some = runs[:few] if at_default else [run(s, exploration=value) for s in range(few)]
        sweep["exploration"][str(value)] = lists(some)
        keep(f"exploration {value} done")
    sweep["min_count"]["5"] = lists([run(s, min_count=5) for s in range(few)])
    keep("min_count 5 done")


if __name__ == "__main__":
    main()

"""The real log of notebook 9: where eight models rank a visit that was held out, and areas that training never saw.

    python benchmarks/visits.py --search --json benchmarks/visits_search.json     settings, on held-out training users
    python benchmarks/visits.py --draws 10 --json benchmarks/visits.json          the test users, with those settings

The published test, "all but 1": of each test user with two visits or more, one is held out at random, and all areas
but the others are ranked. A draw is another choice of held-out visits, other negatives and other first weights. The
file holds, one entry a draw:

    all_but_1    100 · mean of 2^(-place / 5), places counted from 0; the published unit
    hit_10       the share of held-out visits on the first ten places

and under 'new_areas' how well models tell who visits areas that were left out of training altogether. For each of them
it is the AUC over all test visitors: how often one who saw the area has a higher score for it than one who did not,
and the mean of that over the areas. 'raw' takes the scores as they are. Some visitors see many areas of any kind, so a
model that knows the visitor's activity and nothing of the area is above one half there. 'beyond visitor' takes from
each score the visitor's own mean over the new areas; without a word about the area one half is chance.

als and bpr are those of the library implicit, run by visits_peers.py in the other libraries' environment.
"""

import argparse
import itertools
import json
import pathlib
import subprocess

import wdl_helpers as wdl
from recommender import logs, ranking
from recommender.datasets import visits

import keras
import numpy as np
from results import write
from scipy import sparse

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "visits"
PEERS_PYTHON = ROOT / "build" / "peers" / "bin" / "python"
KINDS = ["wide", "deep", "wide_deep"]
PEERS = ["als", "bpr"]
MODELS = ["popularity", "cosine", "ease", *PEERS, *KINDS]
PENALTY = 100  # EASE's, chosen by --search
NEW_AREAS, FEWER_USERS = 60, 10_000  # areas left out at a time, and training users for that
# What --search tries for the models that are trained here: rate and L1 of the wide part, rate of the deep part.
GRID = [(0.1, 0.003, 0.06), (0.2, 0.001, 0.06), (0.4, 0.001, 0.1), (0.4, 0.0003, 0.1)]
# And for the other library's: two grids each, the second around the best of the first.
PEER_GRIDS = [
    ("als", {"factors": (8, 16, 32, 64), "regularization": (0.1, 1, 10), "alpha": (1, 5, 20)}),
    ("als", {"factors": (8, 64, 128), "regularization": (10, 30, 100), "alpha": (1, 2)}),
    (
        "bpr",
        {
            "factors": (16, 64),
            "learning_rate": (0.01, 0.03),
            "regularization": (0.01, 0.03),
            "iterations": (30, 100),
            "popularity": (0, 1),
        },
    ),
    (
        "bpr",
        {
            "factors": (32, 64, 128),
            "learning_rate": (0.03, 0.06),
            "regularization": (0.003, 0.01),
            "iterations": (100, 200),
            "popularity": (1,),
        },
    ),
]


def log_matrix(log, areas):
    """The log as a sparse matrix of zeros and ones, (users, areas)."""
    return ranking.set_matrix(log.groupby("user")["area"].agg(list), areas["area"])


def area_weights(visits, penalty):
    """Name → how much each seen area speaks for each area, float64 (areas, areas); `visits` from `log_matrix`.

    Cosine neighbours; and EASE, Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019, equation 8.
    """
    together = (visits.T @ visits).toarray()
    lengths = np.sqrt(np.maximum(together.diagonal(), 1))
    cosine = together / np.outer(lengths, lengths)
    inverse = np.linalg.inv(together + penalty * np.eye(len(together)))
    ease = -inverse / inverse.diagonal()
    for weights in (cosine, ease):
        np.fill_diagonal(weights, 0)
    return {"cosine": cosine, "ease": ease}


def linear_ranks(log, queries, areas, penalty=PENALTY):
    """Name → places of the held-out visits, for the models without training."""
    visits = log_matrix(log, areas)
    popularity = np.asarray(visits.sum(axis=0)).ravel()
    scores = {"popularity": lambda block: np.tile(popularity, (len(block), 1))}
    for name, weights in area_weights(visits, penalty).items():
        scores[name] = lambda block, weights=weights: ranking.set_matrix(block["visited"], areas["area"]) @ weights
    return {
        name: ranking.held_out_ranks(queries, "area", "visited", areas["area"], score) for name, score in scores.items()
    }


def trained(kinds, log, areas, seed, features=None, **settings):
    """Train models on a log: dict kind → model, and the fitted features."""
    rows = visits.visit_rows(log, areas, visits.NEGATIVES, seed)
    wide, deep = features(rows) if features else (visits.wide_features(rows), visits.deep_features(rows))
    inputs, models = wdl.joint_inputs(rows, wide, deep), {}
    for kind in kinds:
        keras.utils.set_random_seed(seed)
        models[kind] = visits.build_model(kind, wide, deep)
        wdl.train(models[kind], inputs, rows["label"], **visits.training(kind, len(rows), **settings))
    return models, wide, deep


def result(places):
    return {
        "all_but_1": round(ranking.half_life_score(places, 5), 4),
        "hit_10": round(ranking.hit_rate(places, 10), 5),
    }


# ------------------------------------------------------------------------------------- other libraries


def peer_ranks(name, log, queries, areas, seed, **settings):
    """The places of a model of visits_peers.py, which gets the log, and the other visits of the queries' users."""
    if not PEERS_PYTHON.exists():
        raise SystemExit(f"{PEERS_PYTHON} is missing: `make build/peers/installed` installs the other libraries.")
    BUILD.mkdir(parents=True, exist_ok=True)
    sparse.save_npz(BUILD / "log.npz", sparse.csr_matrix(log_matrix(log, areas)))
    sparse.save_npz(BUILD / "queries.npz", sparse.csr_matrix(ranking.set_matrix(queries["visited"], areas["area"])))
    command = [PEERS_PYTHON, ROOT / "benchmarks" / "visits_peers.py", name, BUILD, seed, json.dumps(settings)]
    subprocess.run([*map(str, command)], check=True)
    scores = dict(zip(queries.index, np.load(BUILD / f"{name}.npy"), strict=True))
    return ranking.held_out_ranks(
        queries, "area", "visited", areas["area"], lambda block: [scores[row] for row in block.index]
    )


# ------------------------------------------------------------------------------------------- new areas


def without_words(rows):
    """The features of `trained`, but for the words of the titles."""
    return visits.wide_features(rows), wdl.fit_deep(rows, ["visited", "area"], [])


def new_area_auc(train, test, areas, seed):
    """Model → AUC of areas that are in no training row, raw and beyond the visitor's own mean; one draw.

    Each area that was left out and that a test visitor saw counts once, however many saw it.
    """
    new = areas.sample(NEW_AREAS, random_state=seed)
    old = areas.drop(new.index)
    users = np.random.default_rng(seed).choice(train["user"].unique(), min(FEWER_USERS, train["user"].nunique()), False)
    log = train[train["area"].isin(old["area"]) & train["user"].isin(users)]
    found = {}
    for suffix, features, kinds in (("", None, KINDS), (", no words", without_words, ["deep"])):
        models, wide, deep = trained(kinds, log, old, seed, features)
        visited, logits = visits.new_area_logits(models, test, new, wide, deep)
        for kind in kinds:
            ways = {"raw": logits[kind], "beyond visitor": visits.beyond_visitor(logits[kind])}
            aucs = {way: np.nanmean(visits.area_aucs(visited, scores)) for way, scores in ways.items()}
            found[kind + suffix] = {way: round(float(auc), 5) for way, auc in aucs.items()}
    return found


# ------------------------------------------------------------------------------------------------ runs


def ours(train, test, areas, seed):
    """Model → its scores, for one draw of the test users' held-out visits."""
    queries = visits.held_out_visits(test, seed)
    models, wide, deep = trained(KINDS, train, areas, seed)
    places = visits.model_ranks(models, queries, areas, wide, deep)
    found = {**linear_ranks(train, queries, areas), **{kind: places[kind] for kind in KINDS}}
    return {name: result(place) for name, place in found.items()}


def peers(train, test, areas, seed):
    """The same for the other library's models."""
    queries = visits.held_out_visits(test, seed)
    return {name: result(peer_ranks(name, train, queries, areas, seed)) for name in PEERS}


def search(train, areas, found, keep):
    """Score settings on 5,000 training users that are held out, but for those that are in the dict `found` already.

    `keep` is called with all scores after each.
    """
    log, held_out = logs.split_by_user(train, "user", 5_000 / train["user"].nunique(), seed=1)
    queries = visits.held_out_visits(held_out)

    def note(name, places):
        found[name] = result(places)
        keep(found)

    if "popularity" not in found:
        note("popularity", linear_ranks(log, queries, areas)["popularity"])
    for penalty in (10, 20, 50, 100, 200, 500):
        if f"ease, penalty {penalty}" not in found:
            note(f"ease, penalty {penalty}", linear_ranks(log, queries, areas, penalty)["ease"])
    for name, grid in PEER_GRIDS:
        for values in itertools.product(*grid.values()):
            settings = dict(zip(grid, values, strict=True))
            title = ", ".join([name, *(f"{key} {value}" for key, value in settings.items())])
            if title not in found:
                note(title, peer_ranks(name, log, queries, areas, 0, **settings))
    for wide_rate, l1, deep_rate in GRID:
        settings = {"wide_rate": wide_rate, "l1": l1, "deep_rate": deep_rate}
        titles = {kind: f"{kind}, wide rate {wide_rate}, L1 {l1}, deep rate {deep_rate}" for kind in KINDS}
        if not all(title in found for title in titles.values()):
            models, wide, deep = trained(KINDS, log, areas, 0, **settings)
            places = visits.model_ranks(models, queries, areas, wide, deep)
            for kind in KINDS:
                note(titles[kind], places[kind])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=10, help="how many; they are 0, 1, 2, …")
    parser.add_argument("--search", action="store_true", help="score settings on held-out training users instead")
    parser.add_argument("--json", type=pathlib.Path, required=True, help="the file to write")
    arguments = parser.parse_args()

    wdl.reproducible()
    train, test, areas = visits.load_visits()

    def keep(found):
        """Write what there is, so that a run that is stopped loses nothing."""
        write(arguments.json, found)

    known = json.loads(arguments.json.read_text()) if arguments.json.exists() else {}  # a run that was stopped goes on
    if arguments.search:
        search(train, areas, known, keep)
        return
    results = {name: {"all_but_1": [], "hit_10": []} for name in MODELS}
    results["new_areas"] = {name: {"raw": [], "beyond visitor": []} for name in (*KINDS, "deep, no words")}
    results |= known
    for group, member in ((ours, "ease"), (peers, "als")):
        for seed in range(len(results[member]["hit_10"]), arguments.draws):
            for name, scores in group(train, test, areas, seed).items():
                for key, value in scores.items():
                    results[name][key].append(value)
            keep(results)
            print(f"{group.__name__}, draw {seed} done", flush=True)
    for seed in range(len(results["new_areas"]["wide"]["raw"]), arguments.draws):
        for name, ways in new_area_auc(train, test, areas, seed).items():
            for way, auc in ways.items():
                results["new_areas"][name][way].append(auc)
        keep(results)
        print(f"new areas {seed} done", flush=True)


if __name__ == "__main__":
    main()

"""The real log of notebook 9: where models rank a visit that was held out, and areas that training never saw.

    python -m benchmarks.visits --search --json benchmarks/visits_search.json     settings, on held-out training users
    python -m benchmarks.visits --draws 10 --json benchmarks/visits.json          the test users, with those settings

The search gives wide, deep and wide & deep the same number of trials, TRIALS, and three settings each to choose. It
starts with those that notebooks 3, 4 and 6 use (`visits.training`) and climbs: one setting at a time goes up or down
its ladder as long as the score rises, first by two rungs, then by one.

The published test, "all but 1": of each test user with two visits or more, one is held out at random, and all areas
but the others are ranked. A draw is another choice of held-out visits, other negatives and other first weights. The
file holds, one entry a draw:

    all_but_1    100 · mean of 2^(-place / 5), places counted from 0; the published unit
    hit_10       the share of held-out visits on the first ten places

for 'wide', 'deep' and 'wide_deep', which share the settings of `visits.training`, and for the same models 'tuned', each
with the best of its own trials in visits_search.json; and under 'new_areas' how well models tell who visits areas that
were left out of training altogether. For each of them it is the AUC over all test visitors: how often one who saw the
area has a higher score for it than one who did not, and the mean of that over the areas. 'raw' takes the scores as they
are. Some visitors see many areas of any kind, so a model that knows the visitor's activity and nothing of the area is
above one half there. 'beyond visitor' takes from each score the visitor's own mean over the new areas; without a word
about the area one half is chance. The models there share their settings. Those named 'words' have one cross more, each
visited area with each word of the candidate's title.

als and bpr are those of the library implicit, run by visits_peers.py in the other libraries' environment.
"""

import argparse
import itertools
import json
import pathlib
import subprocess

import wdl_helpers as wdl
from benchmarks.results import write
from recommender import catalogue, logs, ranking
from recommender.datasets import recipes, visits

import keras
import numpy as np
from scipy import sparse

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "visits"
PEERS_PYTHON = ROOT / "build" / "peers" / "bin" / "python"
KINDS = ["wide", "deep", "wide_deep"]
PEERS = ["als", "bpr"]
TUNED = {kind: f"{kind}, tuned" for kind in KINDS}
MODELS = ["popularity", "cosine", "ease", *PEERS, *KINDS]
PENALTY = 100  # EASE's, chosen by --search
NEW_AREAS, FEWER_USERS = 60, 10_000  # areas left out at a time, and training users for that
SEARCH = ROOT / "benchmarks" / "visits_search.json"
# What --search may choose for the models that are trained here, and where it starts.
LADDERS = {
    "embedding_dim": (4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256),  # and layers of 2 and of 1 times as many
    "deep_rate": (0.015, 0.02, 0.03, 0.042, 0.06, 0.085, 0.12, 0.17, 0.24, 0.34, 0.48, 0.68, 0.96),
    "wide_rate": (0.025, 0.035, 0.05, 0.07, 0.1, 0.14, 0.2, 0.28, 0.4, 0.56, 0.8, 1.1, 1.6, 2.2, 3.2),
    "l1": (0.00006, 0.0001, 0.00018, 0.0003, 0.00056, 0.001, 0.0018, 0.003, 0.0056, 0.01),
    "epochs": (1, 2, 3, 4, 6, 8, 11, 16, 22, 32),
}
START = {"embedding_dim": 32, "deep_rate": 0.06, "wide_rate": 0.2, "l1": 0.001, "epochs": 4}
OF_KIND = {
    "wide": ["wide_rate", "l1", "epochs"],
    "deep": ["embedding_dim", "deep_rate", "epochs"],
    "wide_deep": ["embedding_dim", "deep_rate", "epochs"],  # its wide part keeps the shared rate and L1
}
TRIALS = 8  # of each kind
NAMES = {"item": "area", "others": "visited"}
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


def fitted(log, areas, seed, features=None):
    """The rows of a log, the features of both parts, and the inputs of all models."""
    rows = visits.visit_rows(log, areas, visits.NEGATIVES, seed)
    wide, deep = features(rows) if features else (visits.wide_features(rows), visits.deep_features(rows))
    return rows, wide, deep, wdl.joint_inputs(rows, wide, deep)


def trained(kind, rows, wide, deep, inputs, seed, settings=START):
    """A trained model of that kind; what `settings` leaves out is as in `visits.training`."""
    rates = {name: settings[name] for name in ("epochs", "wide_rate", "l1", "deep_rate") if name in settings}
    width = settings.get("embedding_dim", START["embedding_dim"])
    keras.utils.set_random_seed(seed)
    sizes = {"embedding_dim": width, "units": (2 * width, width)}
    model = recipes.model_of_kind(kind, wide, deep, **visits.MODEL_SIZES | sizes)
    wdl.train(model, inputs, rows["label"], **visits.training(kind, len(rows), **rates))
    return model


def with_words(areas):
    """The areas with the words of their titles, a feature of the candidate."""
    return visits.with_words(areas, visits.title_words(areas))


def places_of(model, blocks, queries, areas):
    """The places of the held-out visits by a model, from blocks of inputs."""
    scores = np.empty((len(queries), len(areas)))
    for rows, inputs in blocks:
        scores[rows] = wdl.predict(model, inputs).reshape(len(rows), len(areas))
    numbered = queries.reset_index(drop=True)
    return ranking.held_out_ranks(numbered, "area", "visited", areas["area"], lambda some: scores[some.index])


def best_settings(kind):
    """The settings of the kind's best trial in visits_search.json, of those with none at an end of what was tried."""
    trials = json.loads(SEARCH.read_text())[kind]
    tried = {name: [trial[name] for trial in trials] for name in OF_KIND[kind]}
    inside = [t for t in trials if all(min(values) < t[name] < max(values) for name, values in tried.items())]
    best = max(inside, key=lambda trial: trial["all_but_1"])
    return {name: best[name] for name in OF_KIND[kind]}


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
    """The features of `fitted`, but the deep part knows no words of the titles."""
    return visits.wide_features(rows), wdl.fit_deep(rows, ["visited", "area"], [])


def words_crossed(rows):
    """The features of `fitted`, and in the wide part each visited area with each word of the candidate's title."""
    return wdl.fit_wide(rows, ["area", ("visited", "area"), ("visited", "words")]), visits.deep_features(rows)


NEW_AREA_MODELS = {  # by the end of their names: the features, and the kinds that have them
    "": (None, KINDS),
    ", no words": (without_words, ["deep"]),
    ", words": (words_crossed, ["wide", "wide_deep"]),
}


def new_area_auc(train, test, areas, seed, end):
    """Model → AUC of areas that are in no training row, raw and beyond the visitor's own mean; one draw.

    Each area that was left out and that a test visitor saw counts once, however many saw it.
    """
    new = areas.sample(NEW_AREAS, random_state=seed)
    old = areas.drop(new.index)
    users = np.random.default_rng(seed).choice(train["user"].unique(), min(FEWER_USERS, train["user"].nunique()), False)
    log = train[train["area"].isin(old["area"]) & train["user"].isin(users)]
    features, kinds = NEW_AREA_MODELS[end]
    rows, wide, deep, inputs = fitted(log, old, seed, features)
    models = {kind: trained(kind, rows, wide, deep, inputs, seed) for kind in kinds}
    visited, logits = catalogue.new_item_logits(models, test, with_words(new), wide, deep, user="user", **NAMES)
    found = {}
    for kind in kinds:
        ways = {"raw": logits[kind], "beyond visitor": catalogue.beyond_visitor(logits[kind])}
        aucs = {way: np.nanmean(catalogue.item_aucs(visited, scores)) for way, scores in ways.items()}
        found[kind + end] = {way: round(float(auc), 5) for way, auc in aucs.items()}
    return found


# ------------------------------------------------------------------------------------------------ runs


def without_training(train, test, areas, seed):
    """Model → its scores, for one draw of the test users' held-out visits; models that need no gradient."""
    places = linear_ranks(train, visits.held_out_visits(test, seed), areas)
    return {name: result(place) for name, place in places.items()}


def ours(train, test, areas, seed, tuned=False):
    """The same for wide, deep and wide & deep: with the settings that they share, or each with its own best."""
    queries = visits.held_out_visits(test, seed)
    rows, wide, deep, inputs = fitted(train, areas, seed)
    settings = {kind: best_settings(kind) if tuned else START for kind in KINDS}
    models = {kind: trained(kind, rows, wide, deep, inputs, seed, settings[kind]) for kind in KINDS}
    places = catalogue.model_ranks(models, queries, with_words(areas), wide, deep, **NAMES)
    return {TUNED[kind] if tuned else kind: result(places[kind]) for kind in KINDS}


def ours_tuned(train, test, areas, seed):
    return ours(train, test, areas, seed, tuned=True)


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
    rows, wide, deep, inputs = fitted(log, areas, 0)
    blocks = list(catalogue.candidate_inputs(queries, with_words(areas), wide, deep, **NAMES))  # once for all trials
    for kind in KINDS:
        trials = found.setdefault(kind, [])

        def score(settings, kind=kind, trials=trials):
            """The score of a trial, from the file if it is there."""
            for trial in trials:
                if all(trial[name] == value for name, value in settings.items()):
                    return trial["all_but_1"]
            model = trained(kind, rows, wide, deep, inputs, 0, settings)
            trials.append(settings | result(places_of(model, blocks, queries, areas)))
            keep(found)
            print(kind, trials[-1], flush=True)
            return trials[-1]["all_but_1"]

        climb({name: START[name] for name in OF_KIND[kind]}, score, TRIALS)


def climb(start, score, most):
    """Move one setting at a time along its ladder as long as the score rises, at first by two rungs, then by one.

    Args:
        start: dict of settings, each a rung of its ladder in LADDERS.
        score: function of such a dict; higher is better.
        most: how many settings may be scored.

    Returns:
        list of the settings that were scored.
    """
    scores = {}  # values of the settings → score

    def is_better(settings):
        values = tuple(settings.values())
        if values not in scores and len(scores) < most:
            scores[values] = score(settings)
        return scores.get(values, -np.inf) > scores[tuple(best.values())]

    best = dict(start)
    scores[tuple(best.values())] = score(best)
    for step in (2, 1):
        moved = True
        while moved:
            moved = False
            for name in start:
                for rungs in (step, -step):
                    while (other := neighbour(best, name, rungs)) and is_better(other):
                        best = other
                        moved = True
    return [dict(zip(start, values, strict=True)) for values in scores]


def neighbour(settings, name, rungs):
    """The settings with one of them moved along its ladder; None beyond its end."""
    ladder = LADDERS[name]
    rung = ladder.index(settings[name]) + rungs
    return settings | {name: ladder[rung]} if 0 <= rung < len(ladder) else None


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
    results = {name: {"all_but_1": [], "hit_10": []} for name in (*MODELS, *TUNED.values())}
    results["new_areas"] = {}
    results |= known
    of_new = results["new_areas"]
    for end, (_, kinds) in NEW_AREA_MODELS.items():
        for kind in kinds:
            of_new.setdefault(kind + end, {"raw": [], "beyond visitor": []})
        for seed in range(len(of_new[kinds[0] + end]["raw"]), arguments.draws):
            for name, ways in new_area_auc(train, test, areas, seed, end).items():
                for way, auc in ways.items():
                    of_new[name][way].append(auc)
            keep(results)
            print(f"new areas{end}, draw {seed} done", flush=True)
    groups = {"ease": without_training, "als": peers, "wide": ours, TUNED["wide"]: ours_tuned}
    for member, group in groups.items():
        for seed in range(len(results[member]["hit_10"]), arguments.draws):
            for name, scores in group(train, test, areas, seed).items():
                for key, value in scores.items():
                    results[name][key].append(value)
            keep(results)
            print(f"{group.__name__}, draw {seed} done", flush=True)


if __name__ == "__main__":
    main()

"""The first stage of notebook 6: two towers with and without the logQ correction, and search in up to a million items.

    python -m benchmarks.retrieval --json benchmarks/retrieval.json

Two towers are trained on the log of visits, with the other areas of a batch as negatives, once with the correction for
how often an area is a negative (Yi et al., 2019) and once without. What is measured is recall@20: of the visits that
were held out, one a visitor, the share that is among the 20 areas with the largest dot products, without those that the
visitor is known to have seen. Each of the two has settings of its own, the best of the same grid on 5,000 training
visitors that were held out. A reported draw is another choice of held-out visits of the test visitors, other negatives
and other first weights, so draws share their visitors.

Vectors for 10,000 to 1,000,000 items cannot come from 294 areas: they are drawn. A hundred items belong to an interest.
An interest is a point with 64 standard normal numbers, an item is its interest's point plus as much normal noise, and a
query is another point of that kind. The noise decides how hard the search is, so one size is measured with half of it,
too: measure your own vectors.

All searches are for 100 items, one query at a time, by one thread. A time is the median of 200 queries, the least of
three rounds in which the searches take turns. The recall of the approximate search is its mean share of what the exact
one finds. The file holds

    items        number of items → exact_ms; the first effort of the curve that has a recall of at least 0.95, or the
                 last one: ann_effort, ann_ms, ann_recall_at_100; build_seconds; vectors_mb and index_mb, in memory and
                 as a file; curve, a list of effort, ms and recall_at_100. The times depend on what else the machine
                 does, the seconds of building most of all; those of a million are of one round
    easier       the same for EASIER items with half the noise
    two_towers   'logq' and 'plain' → recall@20, one a draw
    settings     'logq' and 'plain' → rate, epochs and batch size, and their recall@20 on the held-out training visitors
"""

import argparse
import itertools
import pathlib
import time

import wdl_helpers as wdl
from benchmarks.results import write
from recommender import logs, ranking, retrieval
from recommender.datasets import visits

import keras
import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

K = 20  # of the towers' recall
DRAWS = range(10)
GRID = list(itertools.product([0.003, 0.01, 0.03], [4, 8, 16], [256, 1024]))  # rate, epochs, batch size
SIZES = [10_000, 100_000, 1_000_000]
EASIER = 100_000
DIMENSION, PER_INTEREST, NOISE = 64, 100, 1.0
QUERIES, FOUND, ENOUGH, ROUNDS = 200, 100, 0.95, 3
EFFORTS = [100, 200, 400, 800, 1600, 3200]

# ------------------------------------------------------------------------------------- two towers


def positive_rows(log, areas, seed):
    """The rows of label 1 of `visits.visit_rows`."""
    rows = logs.leave_one_out(log, "user", "area", "visited", longest=visits.LONGEST_LIST, seed=seed)
    single = rows["visited"].map(len) == 0
    rows = pd.concat([rows[~single], rows[single].sample(frac=visits.SINGLE_VISIT_SHARE, random_state=seed)])
    return visits.with_words(rows, visits.title_words(areas))


def tower_recall(rows, queries, areas, seed, log_q, rate, epochs, batch_size):
    """Recall@K of towers that are trained on `rows`, on the held-out visits of `queries`."""
    keras.utils.set_random_seed(seed)
    features = [wdl.fit_deep(rows, columns, []) for columns in (["visited"], ["area", "words"])]
    towers = retrieval.two_towers(*features)
    schedule = keras.optimizers.schedules.CosineDecay(rate, epochs * (len(rows) // batch_size))
    retrieval.train_towers(towers, rows, "area", wdl.Adam(schedule), epochs=epochs, batch_size=batch_size, log_q=log_q)
    catalogue = visits.with_words(areas, visits.title_words(areas))
    vectors = retrieval.user_vectors(towers, queries), retrieval.item_vectors(towers, catalogue)
    found = retrieval.top_k(*vectors, K, excluded=ranking.set_matrix(queries["visited"], areas["area"]))
    return retrieval.recall_at_k(found, pd.Index(areas["area"]).get_indexer(queries["area"])[:, None])


def chosen_settings(train, areas, log_q):
    """The settings with the best recall on held-out training visitors."""
    log, held_out = logs.split_by_user(train, "user", 5_000 / train["user"].nunique(), seed=1)
    queries = visits.held_out_visits(held_out)
    rows = positive_rows(log, areas, seed=0)
    recalls = {settings: tower_recall(rows, queries, areas, 0, log_q, *settings) for settings in GRID}
    print({settings: round(recall, 4) for settings, recall in recalls.items()}, flush=True)
    best = max(recalls, key=recalls.get)
    return {**dict(zip(("rate", "epochs", "batch_size"), best)), "recall": round(recalls[best], 4)}


def measured_towers():
    """'settings' and 'two_towers' of the file."""
    train, test, areas = visits.load_visits()
    settings = {name: chosen_settings(train, areas, name == "logq") for name in ("logq", "plain")}
    recalls = {name: [] for name in settings}
    for seed in DRAWS:
        queries = visits.held_out_visits(test, seed)
        rows = positive_rows(train, areas, seed)
        for name, chosen in settings.items():
            how = [chosen["rate"], chosen["epochs"], chosen["batch_size"]]
            recalls[name].append(round(tower_recall(rows, queries, areas, seed, name == "logq", *how), 4))
        print({name: values[-1] for name, values in recalls.items()}, flush=True)
    return {"two_towers": recalls, "settings": settings}


# ------------------------------------------------------------------------------------------- search


def drawn_vectors(n_items, noise=NOISE):
    """Vectors of items and of queries, by the recipe above."""
    rng = np.random.default_rng(0)
    interests = rng.normal(size=(n_items // PER_INTEREST, DIMENSION))

    def points(n):
        away = rng.normal(size=(n, DIMENSION))
        return (interests[rng.integers(0, len(interests), n)] + noise * away).astype("float32")

    return points(n_items), points(QUERIES)


def timed(searches, queries):
    """For each search the milliseconds of a query and what all queries find.

    The searches take turns, so that whatever else the machine does meets all of them; the milliseconds are the least of
    the rounds' medians.
    """
    medians = [[] for _ in searches]
    for _ in range(ROUNDS):
        all_found = []
        for search, of_search in zip(searches, medians):
            seconds, found = [], []
            for query in queries:
                start = time.perf_counter()
                found.append(search(query[None])[0])
                seconds.append(time.perf_counter() - start)
            of_search.append(float(np.median(seconds)))
            all_found.append(np.array(found))
    return [(round(1000 * min(of_search), 4), found) for of_search, found in zip(medians, all_found)]


def searched(n_items, noise=NOISE):
    """All that is measured of one number of items."""
    items, queries = drawn_vectors(n_items, noise)
    start = time.perf_counter()
    index = retrieval.build_index(items)
    build_seconds = time.perf_counter() - start
    searches = [lambda query: retrieval.top_k(query, items, FOUND)]
    searches += [lambda query, e=effort: retrieval.approximate_top_k(index, query, FOUND, e) for effort in EFFORTS]
    (exact_ms, exact), *approximate = timed(searches, queries)
    points = [
        {"effort": effort, "ms": ms, "recall_at_100": round(retrieval.recall_at_k(found, exact), 4)}
        for effort, (ms, found) in zip(EFFORTS, approximate)
    ]
    first = next((point for point in points if point["recall_at_100"] >= ENOUGH), points[-1])
    result = {
        "exact_ms": exact_ms,
        "ann_effort": first["effort"],
        "ann_ms": first["ms"],
        "ann_recall_at_100": first["recall_at_100"],
        "build_seconds": round(build_seconds, 1),
        "vectors_mb": round(items.nbytes / 1e6, 1),
        "index_mb": round(len(index.as_bytes()) / 1e6, 1),
        "curve": points,
    }
    print(n_items, result, flush=True)
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=pathlib.Path, required=True, help="the file to write")
    arguments = parser.parse_args()
    wdl.reproducible(seed=0)
    with threadpool_limits(1):
        items = {str(n): searched(n) for n in SIZES}
        easier = searched(EASIER, NOISE / 2)
    write(arguments.json, {"items": items, "easier": easier, **measured_towers()})


if __name__ == "__main__":
    main()

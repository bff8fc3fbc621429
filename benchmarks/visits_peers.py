"""Matrix factorization by the library implicit, for visits.py, in an environment of its own (requirements.txt).

    python visits_peers.py MODEL FOLDER SEED SETTINGS

reads FOLDER/log.npz and FOLDER/queries.npz, sparse matrices (users, items), and writes FOLDER/MODEL.npy, the score of
each item for each query. SETTINGS is a JSON dict; what it does not name is as visits.py --search chose it.
"""

import json
import os
import pathlib
import sys

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before NumPy: the library has threads of its own

import numpy as np
from implicit.als import AlternatingLeastSquares
from implicit.bpr import BayesianPersonalizedRanking
from scipy import sparse


def als(log, queries, seed, factors=128, regularization=30, alpha=1, iterations=20):
    """Alternating least squares; the factors of the queries' users are solved for with the items' held fixed.

    What a user did not have weighs 1, what the user had weighs 1 + alpha.
    """
    model = AlternatingLeastSquares(
        factors, regularization=regularization, alpha=alpha, iterations=iterations, random_state=seed, num_threads=1
    )
    model.fit(log, show_progress=False)
    users = model.recalculate_user(np.arange(queries.shape[0]), queries)
    return users @ model.item_factors.T


def bpr(log, queries, seed, factors=128, learning_rate=0.06, regularization=0.01, iterations=200, popularity=1):
    """Bayesian personalized ranking; it cannot add users, so it learns from those of the queries too.

    The library draws an item to rank lower as often as the log holds it, so the scores lack the logarithm of that
    number: it is added as many times as `popularity` says.
    """
    model = BayesianPersonalizedRanking(
        factors, learning_rate=learning_rate, regularization=regularization, iterations=iterations,
        random_state=seed, num_threads=1,
    )  # fmt: skip
    model.fit(sparse.vstack([log, queries], format="csr"), show_progress=False)
    scores = model.user_factors[log.shape[0] :] @ model.item_factors.T
    return scores + popularity * np.log(np.asarray(log.sum(axis=0)).ravel() + 1)


def main():
    name, folder, seed, settings = sys.argv[1:]
    folder = pathlib.Path(folder)
    log, queries = (sparse.load_npz(folder / f"{part}.npz").astype("float32") for part in ("log", "queries"))
    scores = {"als": als, "bpr": bpr}[name](log, queries, int(seed), **json.loads(settings))
    np.save(folder / f"{name}.npy", scores)


if __name__ == "__main__":
    main()

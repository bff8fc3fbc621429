"""What makes the table of wide weights smaller, and what each costs.

    python -m benchmarks.tables --json FILE

The wide model of the README, all pairs of Adult's columns, is trained with a table of each kind, and scored on the test
rows. The file holds, for each kind, 'rows' of the table or tables, and lists of 'auc' and 'log_loss', an entry a seed:

    vocabulary    a row for each value and cross of the training rows
    hash_N        the same values hashed into N buckets
    remainder_N   a value's weight is the sum of two: of its id's remainder by N, and of its quotient. No two values
                  have both in common: Shi et al., "Compositional Embeddings Using Complementary Partitions", KDD 2020
    no_zeros      the vocabulary's table without the rows that L1 left at 0, whose ids become 0, unseen
"""

import argparse
import pathlib

import wdl_helpers as wdl
from benchmarks.results import write
from recommender.datasets import adult

import keras
import numpy as np

SIZES = 4000, 1000, 250


def parts_of(ids, divisor):
    """Ids (rows, k) as two ids each, (rows, 2 k): 1 + remainder, and 1 + divisor + quotient. 0 stays 0."""
    remainder, quotient = (ids - 1) % divisor + 1, (ids - 1) // divisor + 1 + divisor
    return np.where(np.hstack([ids, ids]) == 0, 0, np.hstack([remainder, quotient])).astype("int32")


def trained(n_ids, ids, labels, seed):
    """A wide model with the recipe of the README's wide model."""
    keras.utils.set_random_seed(seed)
    model = wdl.wide_model({"n_ids": n_ids, "features": None})
    wdl.train(model, {"wide_ids": ids}, labels, **adult.training("wide", len(labels)))
    return model


def measure(seed):
    """Kind of table → its rows and scores."""
    train, test = adult.load_adult()
    labels, truth = ((frame["income"] == ">50K").to_numpy(int) for frame in (train, test))
    wide = adult.wide_features(train)
    ids, test_ids = wdl.wide_ids(train, wide), wdl.wide_ids(test, wide)
    tables = {"vocabulary": (wide["n_ids"], ids, test_ids)}
    for size in SIZES:
        hashed = {**wide, "vocabulary": None, "n_ids": size + 1}
        tables[f"hash_{size}"] = size + 1, wdl.wide_ids(train, hashed), wdl.wide_ids(test, hashed)
    for divisor in SIZES:
        n_ids = 2 + divisor + (wide["n_ids"] - 2) // divisor
        tables[f"remainder_{divisor}"] = n_ids, parts_of(ids, divisor), parts_of(test_ids, divisor)
    found = {}
    for kind, (n_ids, seen, asked) in tables.items():
        model = trained(n_ids, seen, labels, seed)
        scores = wdl.scores(truth, wdl.predict(model, {"wide_ids": asked}))
        found[kind] = {"rows": n_ids, "auc": scores["AUC"], "log_loss": scores["log loss"]}
        if kind == "vocabulary":
            table = model.get_layer("wide_weights").get_weights()[0]
            kept = np.flatnonzero(table[:, 0])
            new = np.zeros(len(table), "int32")
            new[kept] = np.arange(1, len(kept) + 1)
            small = wdl.wide_model({"n_ids": len(kept) + 1, "features": None})
            small.set_weights([np.vstack([[[0.0]], table[kept]]), *model.get_weights()[1:]])
            scores = wdl.scores(truth, wdl.predict(small, {"wide_ids": new[test_ids]}))
            found["no_zeros"] = {"rows": len(kept) + 1, "auc": scores["AUC"], "log_loss": scores["log loss"]}
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=pathlib.Path, required=True, help="the file to write")
    parser.add_argument("--seeds", type=int, default=3, help="how many runs of each")
    arguments = parser.parse_args()
    wdl.reproducible()
    runs = [measure(seed) for seed in range(arguments.seeds)]
    result = {
        kind: {name: [run[kind][name] for run in runs] for name in ("rows", "auc", "log_loss")} for kind in runs[0]
    }
    write(arguments.json, result)


if __name__ == "__main__":
    main()

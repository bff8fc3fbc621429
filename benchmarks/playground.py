"""What the course's helpers make of the playground's store: ten logs, two settings of L1, errors by kind of pair.

    python -m benchmarks.playground --seeds 10 --json benchmarks/playground.json

The page in playground/ trains the same three models in the browser. `make play-test` compares its ten seeds with these.
The file holds, for "the paper's case" and "no L1", one entry a seed:

    errors      model → kind of pair → the mean error of the probability
    weights     'wide' or 'joint' → kind of pair → the mean size of the pairs' wide weights
"""

import argparse
import json
import pathlib

import wdl_helpers as wdl
from recommender import pictures
from recommender.datasets import planted

import keras
import numpy as np

RATE = 3.0
ADAM = 0.01
SIZES = {"embedding_dim": 4, "units": (16,), "dropout": 0.0}
EPOCHS = 15
BATCH_SIZE = 128
L1 = {"the paper's case": 0.3, "no L1": 0.0}


def trained(seed, l1):
    """One planted log: the errors of the three models, and the sizes of the crosses' weights, by kind of pair."""
    pairs, log = planted.planted_log(seed)
    wide = wdl.fit_wide(log, ["user", "app", ("user", "app")])
    deep = wdl.fit_deep(log, ["user", "app"], [])
    inputs = wdl.joint_inputs(log, wide, deep)
    asked = wdl.joint_inputs(pairs, wide, deep)
    crosses = wdl.cross(pairs, ["user", "app"]).to_numpy()

    def ftrl():
        return wdl.Ftrl(RATE, l1_regularization_strength=l1)

    runs = {
        "wide": (wdl.wide_model(wide), ftrl()),
        "deep": (wdl.deep_model(deep, **SIZES), wdl.Adam(ADAM)),
        "joint": (wdl.wide_deep_model(wide, deep, **SIZES), wdl.joint_optimizer(wide=ftrl(), deep=wdl.Adam(ADAM))),
    }
    errors = {}
    weights = {}
    for name, (model, optimizer) in runs.items():
        keras.utils.set_random_seed(seed)
        wdl.train(model, inputs, log["install"], optimizer, epochs=EPOCHS, batch_size=BATCH_SIZE)
        errors[name] = by_kind(pairs, np.abs(wdl.predict(model, asked) - pairs["truth"]))
        if name != "deep":
            sizes = wdl.wide_weights(model, wide).reindex(crosses).fillna(0).abs()
            weights[name] = by_kind(pairs, sizes.to_numpy())
    return errors, weights


def by_kind(pairs, values):
    """The mean of the values, one a pair, for each kind of pair."""
    return {kind: round(float(np.mean(values[pairs["kind"] == kind])), 4) for kind in pictures.PAIR_KINDS}


def by_model(runs):
    """A list with an entry a seed → model → kind of pair → a list with a value a seed."""
    return {model: {kind: [run[model][kind] for run in runs] for kind in pictures.PAIR_KINDS} for model in runs[0]}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--json", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    wdl.reproducible(seed=0)
    results = {}
    for case, l1 in L1.items():
        runs = [trained(seed, l1) for seed in range(arguments.seeds)]
        results[case] = {
            "errors": by_model([errors for errors, _ in runs]),
            "weights": by_model([weights for _, weights in runs]),
        }
        for model, errors in results[case]["errors"].items():
            print(case, model, {kind: round(float(np.mean(values)), 3) for kind, values in errors.items()}, flush=True)
    arguments.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()

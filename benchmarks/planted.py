"""The grid of 24 users and 24 apps over ten logs: what each model gets right, and what L1 and the rate change.

    python -m benchmarks.planted --json benchmarks/planted.json

Every model has settings of its own: those with the smallest mean error over all pairs in five logs (seeds 100 to 104)
that are not reported. The reported logs have the seeds 0 to 9; a seed gives the log and the first weights. "long"
models train ten times as many epochs, and have settings chosen for that. "crosses afterwards" is not trained jointly:
first the deep model is, and then, with that frozen, the wide part on top of its logit, for 15 epochs each.

The file holds

    settings    contender → its settings: rate and L1 of FTRL, rate of Adam, epochs
    errors      contender → kind of pair → the mean error of the probability, one a log
    weights     'wide' or 'wide & deep' → kind of pair → the mean size of the pairs' cross weights, one a log
    strength    'rate, L1' of FTRL → 'errors' and 'weights' of wide & deep, as above; 'Adam' is one Adam for all weights
"""

import argparse
import functools
import itertools
import pathlib

import wdl_helpers as wdl
from benchmarks.results import write
from recommender import pictures
from recommender.datasets import planted

import keras
import numpy as np
import pandas as pd

CHOSEN_ON, REPORTED = range(100, 105), range(10)
EPOCHS, LONG, BATCH_SIZE = 15, 150, 128
SIZES = {"embedding_dim": 4, "units": (16,), "dropout": 0.0}
# What each contender may choose from: rate and L1 of FTRL, rate of Adam.
GRIDS = {
    ("wide", EPOCHS): list(itertools.product([0.3, 1.0, 3.0, 10.0], [0.0, 0.1, 0.3, 1.0], [None])),
    ("wide", LONG): list(itertools.product([0.1, 0.3, 1.0], [0.0, 0.1, 0.3], [None])),
    ("deep", EPOCHS): list(itertools.product([None], [None], [0.0003, 0.001, 0.003, 0.01, 0.03])),
    ("deep", LONG): list(itertools.product([None], [None], [0.0003, 0.001, 0.003, 0.01])),
    ("wide & deep", EPOCHS): list(itertools.product([3.0, 10.0, 30.0], [0.1, 0.3, 0.6, 1.0], [0.001, 0.003, 0.01])),
    ("wide & deep", LONG): [  # the best of the first grid stood at its edge, so others were added
        *itertools.product([1.0, 3.0, 10.0], [1.0, 2.0, 4.0], [0.001, 0.003, 0.01]),
        *itertools.product([0.3, 1.0, 3.0], [4.0, 8.0], [0.0003, 0.001]),
        *itertools.product([1.0, 3.0], [2.0], [0.0003]),
        *itertools.product([1.0, 3.0], [4.0], [0.0001]),
        (10.0, 4.0, 0.0003),
        (1.0, 16.0, 0.001),
    ],
    ("crosses afterwards", EPOCHS): list(
        itertools.product([1.0, 3.0, 10.0, 30.0], [0.1, 0.3, 0.6, 1.0], [0.0003, 0.001, 0.003])
    ),
}
STRENGTHS = list(itertools.product([1.0, 3.0, 10.0], [0.0, 0.1, 0.3, 0.6, 1.0]))


def parts(seed):
    """A log and what the models need of it: pairs, log, fitted features, and the inputs of the log and of all pairs."""
    pairs, log = planted.planted_log(seed)
    wide = wdl.fit_wide(log, ["user", "app", ("user", "app")])
    deep = wdl.fit_deep(log, ["user", "app"], [])
    return pairs, log, wide, deep, wdl.joint_inputs(log, wide, deep), wdl.joint_inputs(pairs, wide, deep)


def untrained(kind, wide, deep, rate, l1, deep_rate):
    """A model of a kind and its optimizer; `rate` None gives the wide part the deep part's Adam."""
    adam = wdl.Adam(deep_rate) if deep_rate else None
    ftrl = wdl.Ftrl(rate, l1_regularization_strength=l1) if rate else None
    if kind == "wide":
        return wdl.wide_model(wide), ftrl
    if kind == "deep":
        return wdl.deep_model(deep, **SIZES), adam
    optimizer = wdl.joint_optimizer(wide=ftrl, deep=adam) if ftrl else adam
    return wdl.wide_deep_model(wide, deep, **SIZES), optimizer


def trained(kind, seed, epochs, settings):
    """Train on one log: its pairs, the model's probabilities of them, and the cross weight of each."""
    pairs, log, wide, deep, inputs, asked = parts(seed)
    keras.utils.set_random_seed(seed)
    if kind == "crosses afterwards":
        model, optimizer = (
            untrained("wide & deep", wide, deep, *settings)[0],
            untrained("wide", wide, deep, *settings)[1],
        )
        freeze_all_but_the_wide_weights(model, trained_deep_weights(seed, epochs, settings[2]))
    else:
        model, optimizer = untrained(kind, wide, deep, *settings)
    wdl.train(model, inputs, log["install"], optimizer, epochs, BATCH_SIZE)
    return pairs, wdl.predict(model, asked), cross_weights(model, wide, pairs)


@functools.cache
def trained_deep_weights(seed, epochs, rate):
    """Layer → its weights, of the deep model trained on one log."""
    _, log, wide, deep, inputs, _ = parts(seed)
    keras.utils.set_random_seed(seed)
    model, optimizer = untrained("deep", wide, deep, None, None, rate)
    wdl.train(model, inputs, log["install"], optimizer, epochs, BATCH_SIZE)
    return {layer.name: layer.get_weights() for layer in model.layers}


def freeze_all_but_the_wide_weights(model, of_layers):
    """Give a joint model a deep model's weights, and keep them, and the bias, as they are."""
    for layer in model.layers:
        if layer.name != "wide_weights":
            layer.set_weights(of_layers.get(layer.name, []))
            layer.trainable = False


def cross_weights(model, wide, pairs):
    """The cross weight of each pair, 0 where it was never shown; None for a model without a wide part."""
    if "wide_weights" not in [layer.name for layer in model.layers]:
        return None
    return wdl.wide_weights(model, wide).reindex(wdl.cross(pairs, ["user", "app"]).to_numpy()).fillna(0).to_numpy()


def mean_error(kind, epochs, settings):
    """The mean error over all pairs of the logs that settings are chosen on."""
    runs = [trained(kind, seed, epochs, settings) for seed in CHOSEN_ON]
    return float(np.mean([np.abs(p - pairs["truth"]).mean() for pairs, p, _ in runs]))


def chosen_settings():
    """Contender → 'kind', 'epochs', and the 'settings' with the smallest mean error."""
    best = {}
    for (kind, epochs), grid in GRIDS.items():
        errors = {settings: mean_error(kind, epochs, settings) for settings in grid}
        name = kind if epochs == EPOCHS else f"{kind}, long"
        best[name] = {"kind": kind, "epochs": epochs, "settings": min(errors, key=errors.get)}
        print(name, sorted((round(error, 4), settings) for settings, error in errors.items())[:6], flush=True)
    return best


def reported(kind, epochs, settings):
    """'errors' and 'weights' by kind of pair, a list with one entry a reported log."""
    errors, weights = [], []
    for seed in REPORTED:
        pairs, p, cross = trained(kind, seed, epochs, settings)
        errors.append(pictures.errors_by_pair_kind(pairs, {"": p}).iloc[0])
        if cross is not None:
            weights.append(pd.Series(np.abs(cross)).groupby(pairs["kind"].to_numpy()).mean())
    found = {"errors": as_lists(errors)}
    return {**found, "weights": as_lists(weights)} if weights else found


def as_lists(runs):
    """Kind of pair → its values, one a log."""
    return {kind: [round(float(run[kind]), 4) for run in runs] for kind in pictures.PAIR_KINDS}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=pathlib.Path, required=True, help="the file to write")
    arguments = parser.parse_args()
    wdl.reproducible(seed=0)
    best = chosen_settings()
    results = {"settings": best, "errors": {}, "weights": {}, "strength": {}}
    for name, how in best.items():
        found = reported(how["kind"], how["epochs"], tuple(how["settings"]))
        results["errors"][name] = found["errors"]
        if "weights" in found:
            results["weights"][name] = found["weights"]
        print(name, {kind: round(float(np.mean(values)), 3) for kind, values in found["errors"].items()}, flush=True)
    deep_rate = best["wide & deep"]["settings"][2]
    for rate, l1 in STRENGTHS:
        results["strength"][f"{rate:g}, {l1:g}"] = reported("wide & deep", EPOCHS, (rate, l1, deep_rate))
    results["strength"]["Adam"] = reported("wide & deep", EPOCHS, (None, None, deep_rate))
    write(arguments.json, results)


if __name__ == "__main__":
    main()

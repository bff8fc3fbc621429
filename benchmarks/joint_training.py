"""What notebook 4 says of joint training, over several seeds: the planted log, and the beginners' recipe by batch size.

    python benchmarks/joint_training.py --seeds 10 --recipe-seeds 4 --json benchmarks/joint_training.json

Each seed is another log and other first weights. The file holds, one entry a seed:

    planted     'errors': model → kind of pair → the mean error of the probability;
                'weights': 'wide' or 'joint' → kind of pair → the mean size of the pairs' wide weights
    batch size  setting → after 5 and after 10 epochs → the log loss of the training rows that were held out; the
                recipe is trained on the first 26,000 training rows of Adult, and the test rows are not looked at
"""

import argparse
import pathlib

import wdl_helpers as wdl
from recommender.datasets import adult
from recommender.datasets import planted as planted_data

import keras
import numpy as np
from results import write

KINDS = ["exception", "never shown", "usual"]
N_FIT = 26_000
# model, penalty on the deep part, batch size
SETTINGS = {
    "wide, 64": ("wide", 0.01, 64),
    "wide, 128": ("wide", 0.01, 128),
    "joint, 128": ("wide_deep", 0.01, 128),
    "joint without penalty, 128": ("wide_deep", 0.0, 128),
}


def planted(seed, epochs=15, long=150):
    """One planted log: errors of five models and sizes of the wide weights, by kind of pair."""
    pairs, log = planted_data.planted_log(seed)
    wide, deep = planted_data.wide_features(log), planted_data.deep_features(log)
    inputs, asked = (wdl.joint_inputs(frame, wide, deep) for frame in (log, pairs))
    runs = {"wide": ("wide", epochs), "deep": ("deep", epochs), "deep, long": ("deep", long)}
    runs["joint"] = "wide_deep", epochs
    models = {name: planted_data.build_model(kind, wide, deep) for name, (kind, _) in runs.items()}
    said, sizes = {}, {}
    for name, (kind, n) in runs.items():
        keras.utils.set_random_seed(seed)
        wdl.train(models[name], inputs, log["install"], **planted_data.training(kind, n))
        said[name] = wdl.predict(models[name], asked)
        if name in ("wide", "joint"):
            weights = (
                wdl.wide_weights(models[name], wide).reindex(wdl.cross(pairs, ["user", "app"]).to_numpy()).fillna(0)
            )
            sizes[name] = by_kind(pairs, weights.abs().to_numpy())
    said["ensemble"] = (said["wide"] + said["deep"]) / 2
    return {name: by_kind(pairs, np.abs(p - pairs["truth"])) for name, p in said.items()}, sizes


def by_kind(pairs, values):
    """The mean of the values, one a pair, for each kind of pair."""
    return {kind: round(float(np.mean(values[pairs["kind"] == kind])), 4) for kind in KINDS}


def held_out_losses(seed, train, kind, penalty, batch_size, epochs=(5, 10)):
    """The held-out log losses of the recipe's model of a kind after some numbers of epochs."""
    labels = (train["income"] == ">50K").astype(int).to_numpy()
    course = adult.course_features(train[:N_FIT])
    keras.utils.set_random_seed(seed)
    model, losses, done = adult.course_model(kind, *course, penalty=penalty), {}, 0
    fit, rest = (adult.course_inputs(frame, *course) for frame in (train[:N_FIT], train[N_FIT:]))
    fit, rest = ({tensor.name: part[tensor.name] for tensor in model.inputs} for part in (fit, rest))
    for n in epochs:
        model.fit(fit, labels[:N_FIT], epochs=n, initial_epoch=done, batch_size=batch_size, verbose=0)
        p, done = model.predict(rest, batch_size=4096, verbose=0)[:, 0], n
        losses[str(n)] = round(wdl.scores(labels[N_FIT:], p)["log loss"], 5)
    return losses


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10, help="of the planted log")
    parser.add_argument("--recipe-seeds", type=int, default=4)
    parser.add_argument("--json", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    wdl.reproducible(seed=0)
    errors, weights, results = [], [], {}
    for seed in range(arguments.seeds):
        of_seed, sizes = planted(seed)
        errors, weights = [*errors, of_seed], [*weights, sizes]
        print(seed, of_seed, sizes, flush=True)
        results["planted"] = {
            "errors": {model: {kind: [run[model][kind] for run in errors] for kind in KINDS} for model in of_seed},
            "weights": {model: {kind: [run[model][kind] for run in weights] for kind in KINDS} for model in sizes},
        }
        write(arguments.json, results)
    train, _ = adult.load_adult()
    for name, setting in SETTINGS.items():
        runs = [held_out_losses(seed, train, *setting) for seed in range(arguments.recipe_seeds)]
        print(name, runs, flush=True)
        results.setdefault("batch size", {})[name] = {epochs: [run[epochs] for run in runs] for epochs in runs[0]}
        write(arguments.json, results)


if __name__ == "__main__":
    main()

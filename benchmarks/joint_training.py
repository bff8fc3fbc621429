"""The beginners' recipe on the census by epochs and batch size: the log loss of held-out training rows.

    python -m benchmarks.joint_training --seeds 4 --json benchmarks/joint_training.json

The recipe is trained on the first 26,000 training rows of Adult, and the test rows are not looked at. The file holds

    batch size  setting → after 5 and after 10 epochs → the log loss of the training rows that were held out, one a seed
"""

import argparse
import pathlib

import wdl_helpers as wdl
from benchmarks.results import write
from recommender.datasets import adult

import keras

N_FIT = 26_000
# model, penalty on the deep part, batch size
SETTINGS = {
    "wide, 64": ("wide", 0.01, 64),
    "wide, 128": ("wide", 0.01, 128),
    "joint, 128": ("wide_deep", 0.01, 128),
    "joint without penalty, 128": ("wide_deep", 0.0, 128),
}


def held_out_losses(seed, train, kind, penalty, batch_size, epochs=(5, 10)):
    """The held-out log losses of the recipe's model of a kind after some numbers of epochs."""
    labels = (train["income"] == ">50K").astype(int).to_numpy()
    course = adult.beginner_features(train[:N_FIT])
    keras.utils.set_random_seed(seed)
    model, losses, done = adult.beginner_model(kind, *course, penalty=penalty), {}, 0
    fit, rest = (adult.beginner_inputs(frame, *course) for frame in (train[:N_FIT], train[N_FIT:]))
    fit, rest = ({tensor.name: part[tensor.name] for tensor in model.inputs} for part in (fit, rest))
    for n in epochs:
        model.fit(fit, labels[:N_FIT], epochs=n, initial_epoch=done, batch_size=batch_size, verbose=0)
        p, done = model.predict(rest, batch_size=4096, verbose=0)[:, 0], n
        losses[str(n)] = round(wdl.scores(labels[N_FIT:], p)["log loss"], 5)
    return losses


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--json", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    wdl.reproducible(seed=0)
    results = {}
    train, _ = adult.load_adult()
    for name, setting in SETTINGS.items():
        runs = [held_out_losses(seed, train, *setting) for seed in range(arguments.seeds)]
        print(name, runs, flush=True)
        results.setdefault("batch size", {})[name] = {epochs: [run[epochs] for run in runs] for epochs in runs[0]}
        write(arguments.json, results)


if __name__ == "__main__":
    main()

"""What is each part of the recipe worth? Change one thing at a time and score held-out TRAINING rows.

    python -m benchmarks.ablation --seeds 10 --json benchmarks/ablation.json

A fifth of Adult's training rows is held out, another fifth for each seed; the test rows are never looked at. The file
holds, for each variant of the joint model, the lists 'auc', 'accuracy' and 'log_loss', one entry a seed; 'as it is' is
the recipe of the notebooks.
"""

import argparse
import itertools
import math
import pathlib

import wdl_helpers as wdl
from benchmarks.adult import labels, result
from benchmarks.results import write
from recommender.datasets import adult

import keras
from sklearn.model_selection import train_test_split

EPOCHS, BATCH_SIZE = 8, 256
WITHOUT_CAPITAL = adult.CATEGORIES[:8]


def wide_part(train, capital=True, order=2, min_count=1):
    """The recipe's wide features; or without amounts of capital as ids, without pairs, without rare ids."""
    base = [*(adult.CATEGORIES if capital else WITHOUT_CAPITAL), "age", "hours-per-week"]
    pairs = list(itertools.combinations(base, 2)) if order == 2 else []
    return wdl.fit_wide(train, base + pairs, buckets={"age": 10, "hours-per-week": 8}, min_count=min_count)


def deep_part(train, capital=True, n_quantiles=100):
    categories = adult.CATEGORIES if capital else WITHOUT_CAPITAL
    return wdl.fit_deep(train, categories, adult.NUMBERS, n_quantiles=n_quantiles)


def cosine(rate, n_rows):
    return keras.optimizers.schedules.CosineDecay(rate, EPOCHS * math.ceil(n_rows / BATCH_SIZE))


def ftrl(kind=wdl.Ftrl, l1=0.003, start=1e-6):
    return kind(0.02, l1_regularization_strength=l1, initial_accumulator_value=start)


def adam(n_rows, kind=wdl.Adam, **settings):
    return kind(cosine(2e-3, n_rows), **settings)


def joint(n_rows, wide=ftrl, deep=adam):
    return wdl.joint_optimizer(wide=wide(), deep=deep(n_rows))


# Each variant: functions of the training frame for the two parts, of the number of rows for the optimizer, and options
# of `wdl.wide_deep_model`; what a variant does not name is the recipe's.
RECIPE = {"wide": wide_part, "deep": deep_part, "optimizer": joint, "model": {}}
VARIANTS = {
    "as it is": {},
    "no crosses": {"wide": lambda train: wide_part(train, order=1)},
    "crosses of 5 rows or more only": {"wide": lambda train: wide_part(train, min_count=5)},
    "capital not as ids": {
        "wide": lambda train: wide_part(train, capital=False),
        "deep": lambda train: deep_part(train, capital=False),
    },
    "FTRL's n starts at 0.1": {"optimizer": lambda n: joint(n, wide=lambda: ftrl(start=0.1))},
    "no L1": {"optimizer": lambda n: joint(n, wide=lambda: ftrl(l1=0.0))},
    "Adam for the wide part too": {"optimizer": adam},
    "AdaGrad for the deep part": {
        "optimizer": lambda n: joint(n, deep=lambda n: wdl.Adagrad(0.02, initial_accumulator_value=1e-6))
    },
    "Keras' own FTRL and Adam": {
        "optimizer": lambda n: joint(n, lambda: ftrl(keras.optimizers.Ftrl), lambda n: adam(n, keras.optimizers.Adam))
    },
    "no cosine decay": {"optimizer": lambda n: joint(n, deep=lambda n: wdl.Adam(2e-3))},
    "no dropout": {"model": {"dropout": 0.0}},
    "dropout 0.3": {"model": {"dropout": 0.3}},
    "embeddings of 32": {"model": {"embedding_dim": 32}},
    "10 quantiles": {"deep": lambda train: deep_part(train, n_quantiles=10)},
    "averaged weights": {"optimizer": lambda n: joint(n, deep=lambda n: adam(n, use_ema=True, ema_momentum=0.99))},
}


def probabilities(variant, train, held_out, seed):
    variant = {**RECIPE, **variant}
    keras.utils.set_random_seed(seed)
    wide, deep = variant["wide"](train), variant["deep"](train)
    model, optimizer = wdl.wide_deep_model(wide, deep, **variant["model"]), variant["optimizer"](len(train))
    wdl.train(model, wdl.joint_inputs(train, wide, deep), labels(train), optimizer, EPOCHS, BATCH_SIZE)
    return wdl.predict(model, wdl.joint_inputs(held_out, wide, deep))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10, help="how many; they are 0, 1, 2, …")
    parser.add_argument("--json", type=pathlib.Path, required=True, help="the file to write")
    arguments = parser.parse_args()

    wdl.reproducible()
    rows, _ = adult.load_adult()
    results = {name: {"auc": [], "accuracy": [], "log_loss": []} for name in VARIANTS}
    for seed in range(arguments.seeds):
        train, held_out = train_test_split(rows, test_size=0.2, random_state=seed, stratify=labels(rows))
        for name, variant in VARIANTS.items():
            scores = result(labels(held_out), [probabilities(variant, train, held_out, seed)], [])
            for score in results[name]:
                results[name][score] += scores[score]
        write(arguments.json, results)
        print(f"seed {seed} done", flush=True)


if __name__ == "__main__":
    main()

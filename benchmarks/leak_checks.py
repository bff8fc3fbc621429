"""Are the results honest? Two checks that a leak from the labels or a lucky split would fail.

    python -m benchmarks.leak_checks --seeds 5 --json benchmarks/leak_checks.json

'shuffled labels': the joint model is trained on training labels in random order, so the AUC on the true test labels
must be about 0.5. 'fresh split': train and test rows are put together and split again, a third for testing, another
third for each seed, so the models must keep their order. The file holds lists of test AUCs, one entry a seed.
"""

import argparse
import pathlib

import wdl_helpers as wdl
from benchmarks.adult import labels, neural, result, scikit_learn
from benchmarks.results import write
from recommender.datasets import adult

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

FRESH = ["wide", "deep", "wide_deep", "logistic_regression", "hist_gradient_boosting"]


def shuffled_labels(train, seed):
    """The frame with its labels in random order, everything else as it is."""
    return train.assign(income=np.random.default_rng(seed).permutation(train["income"]))


def fresh_split(train, test, seed):
    """Other train and test frames of the same rows, with the same share of rich people in both."""
    rows = pd.concat([train, test], ignore_index=True)
    parts = train_test_split(rows, test_size=len(test), random_state=seed, stratify=rows["income"])
    return [part.reset_index(drop=True) for part in parts]


def auc(train, test, names, seed):
    """Test AUC of the named models: dict."""
    runs = {**neural(train, test), **scikit_learn(train, test)}
    return {name: result(labels(test), [runs[name](seed)[0]], [])["auc"][0] for name in names}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5, help="how many; they are 0, 1, 2, …")
    parser.add_argument("--json", type=pathlib.Path, required=True, help="the file to write")
    arguments = parser.parse_args()

    wdl.reproducible()
    train, test = adult.load_adult()
    results = {"shuffled labels": {"wide_deep": []}, "fresh split": {name: [] for name in FRESH}}
    for seed in range(arguments.seeds):
        scores = {
            "shuffled labels": auc(shuffled_labels(train, seed), test, ["wide_deep"], seed),
            "fresh split": auc(*fresh_split(train, test, seed), FRESH, seed),
        }
        for check, found in scores.items():
            for name, value in found.items():
                results[check][name].append(value)
        write(arguments.json, results)
        print(f"seed {seed} done", flush=True)


if __name__ == "__main__":
    main()

"""Score the notebooks' models on Adult's test rows, several seeds each.

    python benchmarks/adult.py --seeds 10 --json benchmarks/adult.json

The file holds, for each model, the lists 'auc', 'accuracy', 'log_loss' and 'seconds' (of training), one entry a seed.
"""

import argparse
import functools
import json
import pathlib
import time

import wdl_helpers as wdl
import keras
from sklearn.ensemble import HistGradientBoostingClassifier

MODELS = ["wide", "deep", "wide_deep", "ensemble", "hist_gradient_boosting"]


def labels(frame):
    return (frame["income"] == ">50K").astype(int).to_numpy()


def neural(train, test):
    """Name → function seed → test probabilities, for the helpers' three models."""
    wide, deep = wdl.adult_wide(train), wdl.adult_deep(train)
    inputs, test_inputs = (wdl.joint_inputs(frame, wide, deep) for frame in (train, test))
    models = {
        "wide": lambda: wdl.wide_model(wide),
        "deep": lambda: wdl.deep_model(deep),
        "wide_deep": lambda: wdl.wide_deep_model(wide, deep),
    }

    def run(name, seed):
        keras.utils.set_random_seed(seed)
        model = models[name]()
        wdl.train(model, inputs, labels(train), **wdl.adult_training(name, len(train)))
        return wdl.predict(model, test_inputs)

    return {name: functools.partial(run, name) for name in models}


def trees(train, test):
    """A function seed → test probabilities, for scikit-learn's gradient-boosted trees with their default settings."""
    categories = wdl.ADULT_CATEGORIES[:8]  # the amounts of capital are numbers here
    columns, kinds = [*categories, *wdl.ADULT_NUMBERS], dict.fromkeys(categories, "category")

    def run(seed):
        model = HistGradientBoostingClassifier(random_state=seed)
        model.fit(train[columns].astype(kinds), labels(train))
        return model.predict_proba(test[columns].astype(kinds))[:, 1]

    return run


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10, help="how many; they are 0, 1, 2, …")
    parser.add_argument("--json", type=pathlib.Path, required=True, help="the file to write")
    arguments = parser.parse_args()

    wdl.reproducible()
    train, test = wdl.load_adult()
    runs = {**neural(train, test), "hist_gradient_boosting": trees(train, test)}

    results = {name: {"auc": [], "accuracy": [], "log_loss": [], "seconds": []} for name in MODELS}
    for seed in range(arguments.seeds):
        probabilities, seconds = {}, {}
        for name, run in runs.items():
            start = time.perf_counter()
            probabilities[name] = run(seed)
            seconds[name] = time.perf_counter() - start
        probabilities["ensemble"] = (probabilities["wide"] + probabilities["deep"]) / 2
        seconds["ensemble"] = seconds["wide"] + seconds["deep"]
        for name in MODELS:
            score = wdl.scores(labels(test), probabilities[name])
            for key, value in zip(
                ("auc", "accuracy", "log_loss"), (score["AUC"], score["accuracy"], score["log loss"])
            ):
                results[name][key].append(round(value, 6))
            results[name]["seconds"].append(round(seconds[name], 2))
        print(f"seed {seed} done", flush=True)
    arguments.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()

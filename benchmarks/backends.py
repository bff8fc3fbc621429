"""The sixty lines of notebook 4 on the census, on each backend of Keras: the AUC on the test rows.

    python -m benchmarks.backends --json benchmarks/backends.json

It runs in an environment of its own, which `make backends` builds, and needs no module of this project but the sixty
lines. The file holds

    tensorflow, jax, torch    the AUC
    versions                  package → version
"""

import argparse
import importlib.metadata
import itertools
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
BACKENDS = ("tensorflow", "jax", "torch")
PACKAGES = ("keras", "tensorflow-cpu", "jax", "torch", "numpy", "pandas", "scikit-learn")
# As in recommender/datasets/adult.py, which runs on TensorFlow only.
CATEGORIES = [
    "workclass", "education", "marital-status", "occupation", "relationship", "race", "sex", "native-country",
    "capital-gain", "capital-loss",
]  # fmt: skip
NUMBERS = ["age", "education-num", "capital-gain", "capital-loss", "hours-per-week"]


def rows(name):
    """The rows of a file of the census, with the label 'earns_more', 0 or 1."""
    import pandas as pd

    frame = pd.read_csv(ROOT / "data" / name, keep_default_na=False)
    return frame.assign(earns_more=(frame["income"] == ">50K").astype(int))


def auc():
    """The AUC of the sixty lines, on the backend that KERAS_BACKEND names."""
    sys.path.insert(0, str(ROOT / "notebooks"))
    import keras
    import wide_deep_in_60_lines as sixty

    keras.utils.set_random_seed(4)
    crosses = list(itertools.combinations(CATEGORIES, 2))
    frames = rows("adult_train.csv"), rows("adult_test.csv")
    return sixty.train_and_score(*frames, "earns_more", CATEGORIES, NUMBERS, crosses)[1]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=pathlib.Path, help="the file to write; without it, print one AUC")
    arguments = parser.parse_args()
    if arguments.json is None:
        print(auc())
        return
    found = {}
    for backend in BACKENDS:  # a process for each, since Keras chooses its backend once
        environment = {**os.environ, "KERAS_BACKEND": backend}
        run = subprocess.run([sys.executable, __file__], env=environment, capture_output=True, text=True, check=True)
        found[backend] = round(float(run.stdout.split()[-1]), 5)
        print(backend, found[backend], flush=True)
    found["versions"] = {name: importlib.metadata.version(name) for name in PACKAGES}
    arguments.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

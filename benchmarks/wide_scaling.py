"""Step time of the wide model against the size of its table, with Keras' FTRL and with ours.

    python -m benchmarks.wide_scaling --json benchmarks/wide_scaling.json

Adult's columns and pairs of columns are hashed into 10⁴ to 10⁷ buckets, so the data stays the same and only the table
grows. The file holds 'buckets' and the milliseconds of one training step of 256 rows, 'keras_ftrl_ms' and
'sparse_ftrl_ms': the median of the rounds, after one warm-up round in which the rows of memory are first touched.
"""

import argparse
import pathlib
import statistics
import time

import wdl_helpers as wdl
from benchmarks.adult import labels
from benchmarks.results import write
from recommender.datasets import adult

import keras

BATCH_SIZE, STEPS = 256, 32
OPTIMIZERS = {"keras_ftrl_ms": keras.optimizers.Ftrl, "sparse_ftrl_ms": wdl.Ftrl}


def trainer(frame, n_buckets, optimizer):
    """A function that trains STEPS steps of a new model and returns the milliseconds of one."""
    recipe = adult.wide_features(frame)
    buckets = {column: len(edges) + 1 for column, edges in recipe["boundaries"].items()}
    wide = wdl.fit_wide(frame, recipe["features"], buckets=buckets, hash_buckets=n_buckets)
    inputs, truth = {"wide_ids": wdl.wide_ids(frame, wide)}, labels(frame)
    settings = {"l1_regularization_strength": 0.003, "initial_accumulator_value": 1e-6}
    model = wdl.wide_model(wide)
    wdl.train(model, inputs, truth, optimizer(0.03, **settings), epochs=1, batch_size=BATCH_SIZE)

    def round_():
        start = time.perf_counter()
        wdl.train(model, inputs, truth, epochs=1, batch_size=BATCH_SIZE)
        return 1000 * (time.perf_counter() - start) / STEPS

    return round_


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=pathlib.Path, required=True, help="the file to write")
    parser.add_argument("--buckets", default="10000,100000,1000000,10000000", help="numbers with commas between them")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()

    frame = adult.load_adult()[0][: BATCH_SIZE * STEPS]
    results = {"buckets": [int(n) for n in arguments.buckets.split(",")], **{name: [] for name in OPTIMIZERS}}
    for n_buckets in results["buckets"]:
        rounds = {name: trainer(frame, n_buckets, optimizer) for name, optimizer in OPTIMIZERS.items()}
        times = {name: [] for name in OPTIMIZERS}
        for _ in range(arguments.rounds):
            for name, train in rounds.items():  # in turns, so that a slow minute of the machine is slow for both
                times[name].append(train())
        for name in OPTIMIZERS:
            results[name].append(round(statistics.median(times[name]), 3))
        print(n_buckets, {name: results[name][-1] for name in OPTIMIZERS}, flush=True)
    write(arguments.json, results)


if __name__ == "__main__":
    main()

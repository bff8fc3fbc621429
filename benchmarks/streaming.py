"""Fit features on five million rows from CSV files, and time a training step by the size of its table.

    python benchmarks/streaming.py --json FILE

The rows are Adult's, read again and again. The file holds 'rows', 'seconds' of the one pass, and 'peak_mb', the most
memory that the process held during it, beside 'base_mb', what it held before, and 'frame_mb', what the rows would take
as a data frame; and 'buckets', with 'wdl_ms' and 'keras_ms': medians of a step of FTRL on 256 rows with 20 ids each.
"""

import argparse
import json
import math
import os
import pathlib
import subprocess
import sys
import time

import wdl_helpers as wdl
import wdl_production as production
import keras
import numpy as np
import tensorflow as tf

BUCKETS = [10_000, 100_000, 1_000_000, 10_000_000]


def memory_mb(name):
    """What the kernel says of this process: VmRSS, held now, or VmHWM, the most ever held."""
    line = next(line for line in pathlib.Path("/proc/self/status").read_text().splitlines() if line.startswith(name))
    return round(int(line.split()[1]) / 1024)


def one_pass(n_rows):
    train, _ = wdl.load_adult()
    wide_settings = {"features": wdl.adult_wide(train)["features"], "buckets": {"age": 10, "hours-per-week": 8}}
    deep_settings = {"categories": wdl.ADULT_CATEGORIES, "numbers": wdl.ADULT_NUMBERS}
    frame_mb = round(train.memory_usage(deep=True).sum() / len(train) * n_rows / 2**20)
    repeats = math.ceil(n_rows / len(train))
    before, start = memory_mb("VmRSS"), time.perf_counter()
    production.fit_shards([wdl.DATA / "adult_train.csv"] * repeats, wide_settings, deep_settings)
    return {
        "rows": repeats * len(train), "seconds": round(time.perf_counter() - start), "base_mb": before,
        "peak_mb": memory_mb("VmHWM"), "frame_mb": frame_mb,
    }  # fmt: skip


def step_ms(optimizers, n_buckets, steps=15):
    """The median milliseconds of a step, `optimizers` being the module that FTRL is taken from."""
    model = wdl.wide_model({"features": [("a",)], "n_ids": n_buckets + 1})
    optimizer = optimizers.Ftrl(0.1)
    optimizer.build(model.trainable_variables)

    @tf.function
    def step(ids, labels):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels, model({"wide_ids": ids})))
        weights = model.trainable_variables
        optimizer.apply(tape.gradient(loss, [weight.value for weight in weights]), weights)

    random, taken = np.random.default_rng(0), []
    for _ in range(steps):
        ids = tf.constant(random.integers(1, n_buckets + 1, (256, 20)), tf.int32)
        labels = tf.constant(random.integers(0, 2, (256, 1)), tf.float32)
        start = time.perf_counter()
        step(ids, labels)
        model.trainable_variables[1].numpy()  # wait until it is done
        taken.append(1000 * (time.perf_counter() - start))
    return round(float(np.median(taken[3:])), 2)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=pathlib.Path, required=True, help="the file to write")
    parser.add_argument("--rows", type=int, default=5_000_000, help="rows of the pass")
    parser.add_argument("--only-pass", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only_pass:
        arguments.json.write_text(json.dumps(one_pass(arguments.rows), indent=1) + "\n")
        return
    # The pass has a process of its own, or its peak would be that of the large tables.
    subprocess.run([sys.executable, *sys.argv, "--only-pass"], check=True, env=os.environ)
    result = json.loads(arguments.json.read_text()) | {"buckets": BUCKETS}
    for name, module in (("wdl_ms", wdl), ("keras_ms", keras.optimizers)):
        result[name] = [step_ms(module, n_buckets) for n_buckets in BUCKETS]
    arguments.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()

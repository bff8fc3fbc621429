"""Time of a training step against the size of the table: sparse and dense optimizers, and the memory's own limit.

    python -m benchmarks.wide_scaling --json benchmarks/wide_scaling.json

A step has 256 rows with ten ids each. The 2,560 ids of a step are all different and drawn from the whole table, and no
step repeats another's, so each step touches as many rows, whatever the table's size, and finds few of them in the
cache. The sizes and the optimizers take turns, round by round, so that a slow minute of the machine is slow for all.
The file holds 'ids', the sizes, 'ids_a_step', and by size

    ms             by optimizer: median of the rounds, in milliseconds a step, 'low' and 'high' its quartiles
    arrays         by optimizer: arrays as large as the table, the weights included
    memory_ms      of NumPy alone, with the same numbers of ids: read one float a row in each of three arrays, add to
                   it, write it back; with pages of 4 KiB and with 'huge' ones of 2 MiB
    kernel_ms      of TensorFlow alone, with the same numbers of ids: the lookup, and the kernel of a sparse FTRL step
"""

import argparse
import mmap
import pathlib
import time

import wdl_helpers as wdl
from benchmarks.results import write

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

ROWS, COLUMNS = 256, 10
STEPS, FEW_STEPS = 64, 8  # a round; the few are those of a dense step on a large table
SETTINGS = {"l1_regularization_strength": 0.003, "initial_accumulator_value": 1e-6}
OPTIMIZERS = {
    "wdl.Ftrl": (lambda: wdl.Ftrl(0.03, **SETTINGS), 3),
    "wdl.Adagrad": (lambda: wdl.Adagrad(0.03), 2),
    "keras.Ftrl": (lambda: keras.optimizers.Ftrl(0.03, **SETTINGS), 3),
    "keras.Adam": (lambda: keras.optimizers.Adam(0.001), 3),
}


def draw_ids(rng, n_ids, n_steps):
    """Ids (steps * ROWS, COLUMNS); those of one step are all different."""
    n = ROWS * COLUMNS
    if n_ids <= 10**5:
        steps = [rng.permutation(n_ids)[:n] for _ in range(n_steps)]
    else:  # a draw with a few more than are needed, so that as many are different
        steps = [rng.permutation(np.unique(rng.integers(0, n_ids, n + n // 8)))[:n] for _ in range(n_steps)]
    return (np.concatenate(steps).reshape(-1, COLUMNS) + 1).astype("int32")


def trainer(n_ids, name):
    """A function that trains a new model for some steps and returns the milliseconds of one."""
    rng, n_steps = np.random.default_rng(0), FEW_STEPS if n_ids > 10**6 and name.startswith("keras") else STEPS
    frame = pd.DataFrame({f"c{i}": ["a", "b"] for i in range(COLUMNS)})
    wide = wdl.fit_wide(frame, list(frame), hash_buckets=n_ids)
    model = wdl.wide_model(wide)
    optimizer = OPTIMIZERS[name][0]()

    def round_(first=None):
        inputs = {"wide_ids": draw_ids(rng, n_ids, n_steps)}
        labels = rng.integers(0, 2, len(inputs["wide_ids"])).astype("float32")
        start = time.perf_counter()
        wdl.train(model, inputs, labels, first, epochs=1, batch_size=ROWS, verbose=0)
        return 1000 * (time.perf_counter() - start) / n_steps

    round_(optimizer)
    return round_


def memory(n_ids, is_huge):
    """The same of NumPy alone: three arrays, one float of each touched by id, in pages of either size."""
    rng, arrays = np.random.default_rng(0), []
    for _ in range(3):
        block = mmap.mmap(-1, max(4 * (n_ids + 1), 2**21))
        block.madvise(mmap.MADV_HUGEPAGE if is_huge else mmap.MADV_NOHUGEPAGE)
        arrays.append(np.frombuffer(block, "float32"))
        arrays[-1][:] = 1.0

    def round_():
        steps = draw_ids(rng, n_ids, STEPS).reshape(STEPS, -1)
        start = time.perf_counter()
        for ids in steps:
            for array in arrays:
                array[ids] = array[ids] + 1.0
        return 1000 * (time.perf_counter() - start) / len(steps)

    round_()
    return round_


def kernel(n_ids):
    """The same of TensorFlow's two kernels that go to the table: the lookup and the step, on ids that all differ."""
    rng = np.random.default_rng(0)
    weights, linear = (tf.Variable(tf.zeros((n_ids + 1, 1))) for _ in range(2))
    squares = tf.Variable(tf.ones((n_ids + 1, 1)))
    rates = {"lr": 0.03, "l1": 0.003, "l2": 0.0, "l2_shrinkage": 0.0, "lr_power": -0.5}

    @tf.function
    def steps(all_ids):
        for ids in all_ids:
            gradient = tf.gather(weights, ids) * 0.01 + 0.001
            tf.raw_ops.ResourceSparseApplyFtrlV2(
                var=weights.handle, accum=squares.handle, linear=linear.handle, grad=gradient, indices=ids, **rates
            )

    def round_():
        all_ids = tf.constant(draw_ids(rng, n_ids, STEPS).reshape(STEPS, -1))
        start = time.perf_counter()
        steps(all_ids)
        return 1000 * (time.perf_counter() - start) / STEPS

    round_()
    return round_


def summary(times):
    low, median, high = np.percentile(times, [25, 50, 75])
    return {"median": round(median, 3), "low": round(low, 3), "high": round(high, 3)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=pathlib.Path, required=True, help="the file to write")
    parser.add_argument("--ids", default="10000,100000,1000000,10000000,100000000", help="sizes, with commas between")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--slow-rounds", type=int, default=3, help="rounds of a step that takes over a second")
    arguments = parser.parse_args()

    sizes = [int(n) for n in arguments.ids.split(",")]
    rounds = {}
    for n_ids in sizes:
        rounds |= {(name, n_ids): trainer(n_ids, name) for name in OPTIMIZERS}
        rounds |= {(name, n_ids): memory(n_ids, name == "huge") for name in ("small", "huge")}
        rounds["kernel", n_ids] = kernel(n_ids)
        print(n_ids, "is ready", flush=True)
    times = {key: [] for key in rounds}
    for number in range(arguments.rounds):
        for key, run in rounds.items():
            if number < arguments.slow_rounds or times[key][0] < 1000:
                times[key].append(run())
        print("round", number + 1, flush=True)
    found = {
        name: [summary(times[name, n_ids]) for n_ids in sizes] for name in [*OPTIMIZERS, "small", "huge", "kernel"]
    }
    results = {
        "ids": sizes,
        "ids_a_step": ROWS * COLUMNS,
        "ms": {name: found[name] for name in OPTIMIZERS},
        "arrays": {name: arrays for name, (_, arrays) in OPTIMIZERS.items()},
        "memory_ms": {name: found[name] for name in ("small", "huge")},
        "kernel_ms": found["kernel"],
    }
    write(arguments.json, results)
    for name, rows in found.items():
        print(name, [row["median"] for row in rows])


if __name__ == "__main__":
    main()

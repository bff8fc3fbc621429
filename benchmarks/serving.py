"""Time one request of 200 candidates with a network of the paper's size.

    python benchmarks/serving.py --json FILE

The network is 1200 → 1024 → 512 → 256 → 1, as in section 4.2 of the paper, beside a wide part of crosses. Its file has
milliseconds: '…_ms' the median, '…_p99_ms' the 99th percentile, of

    predict                   `model.predict` on 200 rows of ids, as one calls it: in batches of 32
    predict_one_batch         the same with `batch_size=200`
    function                  a compiled function on the same ids, with the same threads, TensorFlow's usual ones
    xla                       the same function, compiled by XLA for just this number of rows
    batch_200_threads_1       the exported model on 200 raw rows, in one thread
    batch_100_threads_2       the same rows, in two threads of 100
    batch_50_threads_4        the same rows, in four threads of 50
    raw_tensors               a request's columns, lists of Python values, made into tensors: before the three above

and 'cores', and 'pandas_rows_per_second' and 'graph_rows_per_second', by which Adult's test rows become ids. TensorFlow
has as many threads as the request, and one for each operation. As their number cannot change in a process, each of them
has a process of its own, in each of three rounds.
"""

import os

# A server needs speed and not equal bits: leave oneDNN's matrix kernels on, before wdl_helpers turns them off.
os.environ |= {"TF_ENABLE_ONEDNN_OPTS": "1", "TENSORFLOW_USE_CUSTOM_CONTRACTION_KERNEL": "true"}

import argparse
import collections
import concurrent.futures
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import wdl_helpers as wdl
from recommender import raw_columns, serving
from recommender.datasets import adult

import numpy as np
import pandas as pd
import tensorflow as tf
from results import write

CANDIDATES, COLUMNS, NUMBERS = 200, 36, 48  # 36 embeddings of 32 dimensions, and 48 numbers: 1200


def store(rows, seed=0):
    """A frame as wide as the paper's: what a user has installed, the app shown, and 83 other columns."""
    random = np.random.default_rng(seed)
    frame = {f"c{i}": random.integers(0, 500, rows).astype(str) for i in range(COLUMNS - 2)}
    frame |= {f"n{i}": random.normal(size=rows) for i in range(NUMBERS)}
    frame["app"] = random.integers(0, 500, rows).astype(str)
    frame["installed"] = [random.integers(0, 500, 20).astype(str).tolist() for _ in range(rows)]
    return pd.DataFrame(frame)


def paper_sized_model(frame):
    categories = [column for column in frame if not column.startswith("n")]
    wide = wdl.fit_wide(frame, ["app", ("installed", "app"), ("c0", "app"), ("c1", "app")], hash_buckets=1_000_000)
    deep = wdl.fit_deep(frame, categories, [column for column in frame if column.startswith("n")])
    return wdl.wide_deep_model(wide, deep, embedding_dim=32, units=(1024, 512, 256)), wide, deep


def milliseconds(calls, times):
    """The times of each call, after three that do not count."""
    taken = {name: [] for name in calls}
    for name, call in calls.items():
        for _ in range(times + 3):
            start = time.perf_counter()
            call()
            taken[name].append(1000 * (time.perf_counter() - start))
    return {name: each[3:] for name, each in taken.items()}


def on_ids(times):
    """Times on ids, with TensorFlow's usual threads."""
    model, wide, deep = paper_sized_model(store(5000))
    inputs = wdl.joint_inputs(store(CANDIDATES, seed=1), wide, deep)
    tensors = {name: tf.constant(array) for name, array in inputs.items()}
    function = tf.function(lambda tensors: model(tensors, training=False))
    xla = tf.function(lambda tensors: model(tensors, training=False), jit_compile=True)
    calls = {
        "predict": lambda: model.predict(inputs, verbose=0),
        "predict_one_batch": lambda: model.predict(inputs, batch_size=CANDIDATES, verbose=0),
        "function": lambda: function(tensors).numpy(),
        "xla": lambda: xla(tensors).numpy(),
    }
    return milliseconds(calls, times)


def on_raw_rows(n_threads, times):
    """Times of the exported model, in so many threads, each with its share of the rows."""
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(n_threads)
    request = store(CANDIDATES, seed=1)
    model, wide, deep = paper_sized_model(store(5000))
    types = raw_columns.column_types(request, wide, deep)
    columns = request.to_dict("list")
    raw = raw_columns.raw_tensors(columns, types)
    size = CANDIDATES // n_threads
    # A tensor of lists is cut like the others.
    parts = [{name: t[i * size : (i + 1) * size] for name, t in raw.items()} for i in range(n_threads)]
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(n_threads) as pool:
        serving.export(model, wide, deep, request, folder)
        loaded = tf.saved_model.load(folder)
        graph = loaded.score.concrete_functions[0]

        def score(part):
            return graph(part)["probability"].numpy()

        if n_threads == 1:
            calls = {f"batch_{size}_threads_1": lambda: score(parts[0])}
            calls["raw_tensors"] = lambda: raw_columns.raw_tensors(columns, types)
        else:
            calls = {f"batch_{size}_threads_{n_threads}": lambda: list(pool.map(score, parts))}
        return milliseconds(calls, times)


def rows_per_second():
    """How fast Adult's test rows become ids, by pandas and in the graph."""
    train, test = adult.load_adult()
    wide, deep = adult.wide_features(train), adult.deep_features(train)
    types = raw_columns.column_types(train, wide, deep)
    features = tf.function(serving.graph_inputs(wide, deep))
    calls = {
        "pandas": lambda: wdl.joint_inputs(test, wide, deep),
        "graph": lambda: features(raw_columns.raw_tensors(test, types)),
    }
    times = milliseconds(calls, 5)
    return {f"{name}_rows_per_second": round(1000 * len(test) / np.median(each)) for name, each in times.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=pathlib.Path, required=True, help="the file to write")
    parser.add_argument("--repeats", type=int, default=200, help="requests of each kind in each of three rounds")
    parser.add_argument("--threads", type=int, choices=(0, 1, 2, 4), help=argparse.SUPPRESS)  # one of the processes
    arguments = parser.parse_args()
    if arguments.threads is not None:
        n, times = arguments.threads, arguments.repeats
        arguments.json.write_text(json.dumps(on_raw_rows(n, times) if n else on_ids(times)))
        return
    times = collections.defaultdict(list)
    for n_threads in (0, 1, 2, 4) * 3:
        subprocess.run([sys.executable, *sys.argv, "--threads", str(n_threads)], check=True)
        for name, each in json.loads(arguments.json.read_text()).items():
            times[name] += each
    result = {f"{name}_ms": np.median(each).round(2) for name, each in times.items()}
    result |= {f"{name}_p99_ms": np.percentile(each, 99).round(2) for name, each in times.items()}
    result |= {"cores": os.cpu_count(), **rows_per_second()}
    write(arguments.json, result)


if __name__ == "__main__":
    main()

"""Time one request of 200 candidates with a network of the paper's size.

    python benchmarks/serving.py --json FILE

The network is 1200 → 1024 → 512 → 256 → 1, as in section 4.2 of the paper, beside a wide part of crosses; the request
comes as raw columns. The file holds milliseconds: '…_ms' the median, '…_p99_ms' the 99th percentile, of

    predict                   `model.predict` on 200 rows of ids, with TensorFlow's usual threads
    function                  a compiled function on the same ids, with the same threads
    batch_200_threads_1       the exported model on 200 raw rows; here each request thread has one TensorFlow thread
    batch_100_threads_2       the same rows, in two threads of 100
    batch_50_threads_4        the same rows, in four threads of 50

and 'cores', and 'pandas_rows_per_second' and 'graph_rows_per_second', by which Adult's test rows become ids.
"""

import os

# A server needs speed and not equal bits: leave oneDNN's matrix kernels on, before wdl_helpers turns them off.
os.environ |= {"TF_ENABLE_ONEDNN_OPTS": "1", "TENSORFLOW_USE_CUSTOM_CONTRACTION_KERNEL": "true"}

import argparse
import concurrent.futures
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import wdl_helpers as wdl
import wdl_production as production
import numpy as np
import pandas as pd
import tensorflow as tf

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


def milliseconds(call, times):
    """The median and the 99th percentile of a call, after three that do not count."""
    taken = []
    for _ in range(times + 3):
        start = time.perf_counter()
        call()
        taken.append(1000 * (time.perf_counter() - start))
    return np.percentile(taken[3:], [50, 99]).round(2).tolist()


def in_threads(score, tensors, n_threads, pool):
    """A call that scores the rows in so many threads; a kind of tensor is cut as a list is."""
    size = CANDIDATES // n_threads
    parts = [{name: t[i * size : (i + 1) * size] for name, t in tensors.items()} for i in range(n_threads)]
    if n_threads == 1:
        return lambda: score(parts[0])["probability"].numpy()
    return lambda: list(pool.map(lambda part: score(part)["probability"].numpy(), parts))


def rows_per_second():
    """How fast Adult's test rows become ids, by pandas and in the graph."""
    train, test = wdl.load_adult()
    wide, deep = wdl.adult_wide(train), wdl.adult_deep(train)
    kinds = production.column_kinds(train, wide, deep)
    features = tf.function(production.graph_inputs(wide, deep, kinds))
    pandas, _ = milliseconds(lambda: wdl.joint_inputs(test, wide, deep), 5)
    graph, _ = milliseconds(lambda: features(production.raw_tensors(test, kinds)), 5)
    rows = 1000 * len(test)
    return {"pandas_rows_per_second": round(rows / pandas), "graph_rows_per_second": round(rows / graph)}


def on_ids(repeats):
    """Times of `predict` and of a compiled function."""
    model, wide, deep = paper_sized_model(store(5000))
    inputs = wdl.joint_inputs(store(CANDIDATES, seed=1), wide, deep)
    tensors = {name: tf.constant(array) for name, array in inputs.items()}
    compiled = tf.function(lambda tensors: model(tensors, training=False))
    return {
        "predict": milliseconds(lambda: model.predict(inputs, verbose=0), max(repeats // 5, 3)),
        "function": milliseconds(lambda: compiled(tensors).numpy(), repeats),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=pathlib.Path, required=True, help="the file to write")
    parser.add_argument("--repeats", type=int, default=500, help="requests of each kind")
    parser.add_argument("--usual-threads", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.usual_threads:
        arguments.json.write_text(json.dumps(on_ids(arguments.repeats)))
        return
    # The number of threads cannot change in a process, so the first part has one of its own.
    subprocess.run([sys.executable, *sys.argv, "--usual-threads"], check=True)
    times = json.loads(arguments.json.read_text())
    tf.config.threading.set_intra_op_parallelism_threads(1)
    request = store(CANDIDATES, seed=1)
    model, wide, deep = paper_sized_model(store(5000))
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(4) as pool:
        production.export(model, wide, deep, request, folder)
        loaded = tf.saved_model.load(folder)
        raw = production.raw_tensors(request, production.column_kinds(request, wide, deep))
        for n_threads in (1, 2, 4):
            call = in_threads(loaded.score, raw, n_threads, pool)
            times[f"batch_{CANDIDATES // n_threads}_threads_{n_threads}"] = milliseconds(call, arguments.repeats)
    result = {f"{name}_ms": median for name, (median, _) in times.items()}
    result |= {f"{name}_p99_ms": p99 for name, (_, p99) in times.items()}
    result |= {"cores": os.cpu_count(), **rows_per_second()}
    arguments.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()

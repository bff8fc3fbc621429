"""Time requests of 200 candidates with a network of the paper's size: one by one, and as they come.

    python -m benchmarks.serving --json FILE [--only once load server]

The network is 1200 → 1024 → 512 → 256 → 1, as in section 4.2 of the paper, beside a wide part of crosses. Its file has
milliseconds: '…_ms' the median, '…_p99_ms' the 99th percentile. One request after the other on an idle machine, of

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

'once': what the user's side once a request saves, all in one thread and in turns, from the columns as Python values to
the scores; 'server, …' is from the request's JSON to the answer, and so is 'user_once_speedup'.

'load': an open loop. Requests come at random (Poisson) at a given rate, whether or not those before are answered; a
time runs from the moment when a request came; 'answered' is how many were, a second. The last rate of a setting is more
than it can do, or the highest that was tried. Each entry has its setting:

    1 thread                  two requests at a time, each in one thread
    2 threads                 one request at a time, its rows halved between two threads
    1 thread, batched         as the first, but a thread scores up to four of the requests that wait as one
    user once                 as the first, with the user's columns once a request

'server': requests to `recommender.server` by fifty clients at once, and how many answers were wrong.
"""

import os

# A server needs speed and not equal bits: leave oneDNN's matrix kernels on, before wdl_helpers turns them off.
os.environ |= {"TF_ENABLE_ONEDNN_OPTS": "1", "TENSORFLOW_USE_CUSTOM_CONTRACTION_KERNEL": "true"}

import argparse
import collections
import concurrent.futures
import functools
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import wdl_helpers as wdl
from benchmarks.open_loop import open_loop
from benchmarks.results import write
from recommender import client, once, raw_columns, server, serving
from recommender.datasets import adult

import numpy as np
import pandas as pd
import tensorflow as tf

CANDIDATES, COLUMNS, NUMBERS = 200, 36, 48  # 36 embeddings of 32 dimensions, and 48 numbers: 1200
# The columns that describe a candidate: 17 of 84, the app, six more categories and ten numbers; or half of all.
OF_A_CANDIDATE = {
    "17 of 84": ["app", *(f"c{i}" for i in range(28, 34)), *(f"n{i}" for i in range(38, 48))],
    "42 of 84": ["app", *(f"c{i}" for i in range(17, 34)), *(f"n{i}" for i in range(24, 48))],
}
RATES = [10, 20, 30, 40, 50, 60, 70, 80, 100, 120, 140, 170, 200, 240]  # requests a second
AT_LEAST = 5  # seconds at each rate, so that what waits can pile up


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


class FeaturesOnce(once.Once):
    """Features and vectors of the user once, and the network for each row: to see which part saves what."""

    def __call__(self, context, candidates):
        """As the class above does, but with one product for the vectors of both, repeated for each row."""
        crossed = {column: context[column] for column in self.crossed}
        inputs = [self.features[0](context), self.features[1](candidates | crossed)]
        wide = sum(self.weights(each["wide_ids"]) for each in inputs if "wide_ids" in each)  # (rows, 1)
        blocks = []
        for each in inputs:
            vectors = self.embeddings(each["deep_ids"])  # (1 or rows, categories, dimension)
            flat = tf.reshape(vectors, (tf.shape(vectors)[0], vectors.shape[1] * vectors.shape[2]))
            block = tf.concat([flat, each["numbers"]], axis=1)  # (1 or rows, inputs)
            blocks.append(tf.broadcast_to(block, (tf.shape(wide)[0], block.shape[1])))
        hidden = self.first.activation(tf.matmul(tf.concat(blocks, 1), tf.concat(self.kernels, 0)) + self.first.bias)
        return self.rest([wide, hidden], training=False)[:, 0]


def one_thread_each():
    """Let TensorFlow compute each of two requests in one thread."""
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(2)


def halves(request, own):
    """A request of one user as the candidates' columns and the user's values."""
    columns = request[own].to_dict("list")
    return columns, {column: request[column].iloc[0] for column in request if column not in own}


def once_a_request(times):
    """What each part of the user's side once a request saves."""
    one_thread_each()
    model, wide, deep = paper_sized_model(store(5000))
    results = {name: one_split(model, wide, deep, own, times) for name, own in OF_A_CANDIDATE.items()}
    return {"once": results, "user_once_speedup": results["17 of 84"]["speedup_in_server"]}


def one_split(model, wide, deep, own, times):
    """Medians of rounds in which all calls take turns, where the columns `own` are a candidate's."""
    request = one_user(store(CANDIDATES, seed=1), own)
    columns, user = halves(request, own)
    everything = request.to_dict("list")
    with tempfile.TemporaryDirectory() as folder:
        serving.export(model, wide, deep, request, folder, list(user))
        export = serving.load_export(folder)
    repeating = export._replace(context=[], once=None)
    features = serving.graph_inputs(wide, deep)
    parts = FeaturesOnce(model, wide, deep, list(user), features.tables)
    features_once = tf.function(lambda user, own: tf.sigmoid(parts(user, own)))
    features_alone = tf.function(features)
    network = tf.function(lambda ids: model(ids, training=False))
    tensors = raw_columns.raw_tensors(everything, export.types)
    ids = features_alone(tensors)

    def score(model, *request):
        return serving.score_tensors(model, *serving.request_tensors(model, *request))

    scored = {
        "each row": lambda: score(export, everything),
        "columns once": lambda: score(repeating, columns, user),
        "features once": lambda: features_once(*serving.request_tensors(export, columns, user)).numpy(),
        "first layer once": lambda: score(export, columns, user),
    }
    version, limits = server.Version("1", export), server.Limits()
    bodies = [json.dumps({"inputs": client.to_inputs(*each)}).encode() for each in ((everything,), (columns, user))]
    shares = {
        "server, each row": lambda: server.score_request(version, "model", bodies[0], limits),
        "server, user once": lambda: server.score_request(version, "model", bodies[1], limits),
        "columns to tensors": lambda: raw_columns.raw_tensors(everything, export.types),
        "features in the graph": lambda: features_alone(tensors),
        "network on ids": lambda: network(ids).numpy(),
        "features by pandas instead": lambda: wdl.joint_inputs(request, wide, deep),
    }
    expected = scored["each row"]()
    worst = max(float(np.abs(call() - expected).max()) for call in scored.values())
    assert worst < 1e-6, worst
    taken = milliseconds_in_turns(scored | shares, times)
    speedup = np.median(np.array(taken["each row"]) / taken["first layer once"])
    in_server = np.median(np.array(taken["server, each row"]) / taken["server, user once"])
    medians = {f"{name}_ms": round(float(np.median(each)), 2) for name, each in taken.items()}
    medians["speedup"] = round(float(speedup), 2)
    medians["speedup_in_server"] = round(float(in_server), 2)
    return medians | {"largest_difference": worst}


def one_user(request, own):
    """A request whose rows all have the first row's user."""
    same = {column: pd.Series([request[column].iloc[0]] * len(request)) for column in request if column not in own}
    return request.assign(**same)


def milliseconds_in_turns(calls, times):
    """The times of calls that take turns, after three rounds that do not count."""
    taken = {name: [] for name in calls}
    for _ in range(times + 3):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            taken[name].append(1000 * (time.perf_counter() - start))
    return {name: each[3:] for name, each in taken.items()}


def load_curves(times):
    """p50 and p99 against the rate, for each of four settings."""
    one_thread_each()
    own = OF_A_CANDIDATE["17 of 84"]
    model, wide, deep = paper_sized_model(store(5000))
    requests = [one_user(store(CANDIDATES, seed=1 + i), own) for i in range(8)]
    with tempfile.TemporaryDirectory() as folder:
        serving.export(model, wide, deep, requests[0], folder, [c for c in requests[0] if c not in own])
        export = serving.load_export(folder)
    whole = [request.to_dict("list") for request in requests]
    split = [halves(request, own) for request in requests]
    pool = concurrent.futures.ThreadPoolExecutor(2)

    def each_row(batch):
        together = {column: [value for request in batch for value in request[column]] for column in batch[0]}
        return serving.score_tensors(export, *serving.request_tensors(export, together))

    def in_two(batch):
        _, tensors = serving.request_tensors(export, batch[0])
        parts = [{name: t[i : i + CANDIDATES // 2] for name, t in tensors.items()} for i in (0, CANDIDATES // 2)]
        return list(pool.map(lambda part: serving.score_tensors(export, {}, part), parts))

    def user_once(batch):
        return serving.score_tensors(export, *serving.request_tensors(export, *batch[0]))

    settings = {  # function, requests, workers, requests that are scored as one
        "1 thread": (each_row, whole, 2, 1),
        "2 threads": (in_two, whole, 1, 1),
        "1 thread, batched": (each_row, whole, 2, 4),
        "user once": (user_once, split, 2, 1),
    }
    points = []
    for name, (answer, types, workers, most) in settings.items():
        for size in range(1, most + 1):
            answer(types[:size])  # the first call of a size is slower
        for rate in RATES:
            comes = [types[i % len(types)] for i in range(max(times, AT_LEAST * rate))]
            start = time.perf_counter()
            taken = open_loop(answer, comes, rate, workers, most)
            answered = round(len(comes) / (time.perf_counter() - start), 1)  # a second
            p50, p99 = np.percentile(taken, [50, 99]).round(1).tolist()
            points.append({"setting": name, "rate": rate, "p50_ms": p50, "p99_ms": p99, "answered": answered})
            print(points[-1], flush=True)
            if answered < 0.85 * rate:  # more than it can do: whatever comes waits longer and longer
                break
    pool.shutdown()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {"load": points, "load_requests": times, "load_cores": cores}


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


def many_requests(times):
    """Ask the model server over HTTP, by fifty clients at once, and once more after it was started anew."""
    frame = store(2000)[["app", "c0", "n0", "installed"]]
    wide = wdl.fit_wide(frame, ["app", ("installed", "app")])
    deep = wdl.fit_deep(frame, ["app", "c0", "installed"], ["n0"])
    model = wdl.wide_deep_model(wide, deep, units=(64, 32))
    random = np.random.default_rng(0)
    for weight in model.trainable_variables:
        weight.assign(random.normal(0, 0.3, weight.shape))
    expected = wdl.predict(model, wdl.joint_inputs(frame, wide, deep))
    wrong, errors, taken = [], [], []

    def ask(address, i):
        rows = slice(20 * (i % 100), 20 * (i % 100) + 20)
        start = time.perf_counter()
        try:
            scores, _ = client.ask(address, frame[rows])
        except OSError as error:
            errors.append(str(error))
            return
        taken.append(1000 * (time.perf_counter() - start))
        if np.abs(scores - expected[rows]).max() > 1e-6:
            wrong.append(i)

    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(50) as pool:
        serving.export(model, wide, deep, frame[:50], f"{folder}/1")
        start = time.perf_counter()
        for _ in range(2):
            with client.running_server(folder) as address:
                list(pool.map(lambda i: ask(address, i), range(times // 2)))
        seconds = time.perf_counter() - start
    p50, p99 = np.percentile(taken, [50, 99]).round(1).tolist()
    counts = {"requests": times, "clients": 50, "answers": len(taken), "wrong": len(wrong), "errors": len(errors)}
    return {"server": counts | {"seconds": round(seconds, 1), "p50_ms": p50, "p99_ms": p99}}


PARTS = {
    "0": on_ids,
    **{str(n): functools.partial(on_raw_rows, n) for n in (1, 2, 4)},
    "once": once_a_request,
    "load": load_curves,
    "server": many_requests,
}
REPEATS = {"once": 50, "load": 500, "server": 10_000}  # rounds; requests at each rate; requests


def measure(path, part, repeats):
    """What a part finds in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.serving", "--json", path, "--repeats", repeats, "--part", part]
    subprocess.run(list(map(str, command)), check=True)
    return json.loads(path.read_text())


def one_by_one(path, repeats):
    """Medians and 99th percentiles of one request after the other, over three rounds of processes."""
    times = collections.defaultdict(list)
    for part in ("0", "1", "2", "4") * 3:
        for name, each in measure(path, part, repeats).items():
            times[name] += each
    result = {f"{name}_ms": np.median(each).round(2) for name, each in times.items()}
    result |= {f"{name}_p99_ms": np.percentile(each, 99).round(2) for name, each in times.items()}
    return result | {"cores": os.cpu_count(), **rows_per_second()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=pathlib.Path, required=True, help="the file to write")
    parser.add_argument(
        "--repeats", type=int, default=200, help="requests of each kind in each of three rounds; the rest in proportion"
    )
    parser.add_argument("--only", nargs="+", choices=REPEATS, help="measure these, and keep the rest of FILE")
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)  # one of the processes
    arguments = parser.parse_args()
    if arguments.part:
        arguments.json.write_text(json.dumps(PARTS[arguments.part](arguments.repeats)))
        return
    result = json.loads(arguments.json.read_text()) if arguments.only else {}
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "part.json")
        if not arguments.only:
            result = one_by_one(path, arguments.repeats)
        for part in arguments.only or REPEATS:
            result |= measure(path, part, REPEATS[part] * arguments.repeats // 200)
    write(arguments.json, result)


if __name__ == "__main__":
    main()

"""Count the features of ten million rows under a limit of memory, and read rows faster than a model trains on them.

    python -m benchmarks.streaming --json FILE

The rows are drawn: a user out of three million, an app, a device and an age. The file holds

    count          'rows', different 'users', 'seconds' of `fit_shards` on a Parquet file, 'peak_mb', the most memory of
                   its process, TensorFlow included, and 'same', whether Arrow's exact count gives the same vocabularies
    side_by_side   a million of the rows from CSV, with a cross of user and device: seconds by the clock and of
                   processors' time of `fit_shards`, and of 'chunks', a count in Python, chunk by chunk; and 'same',
                   whether they agree
    reading        rows a second of Adult with the recipe of the README: 'trained', that `wdl.train` takes from memory,
                   and 'streamed', that `stream` delivers, shuffled; 'trained_cpu', 'streamed_cpu': rows a second of a
                   processor's time. All are medians of turns, one after the other
"""

import argparse
import collections
import functools
import hashlib
import itertools
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import wdl_helpers as wdl
from benchmarks.results import write
from recommender import shards
from recommender.datasets import adult

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

ROWS, FEW_ROWS, TURNS = 10_000_000, 1_000_000, 5
FEATURES = [("user",), ("app",), ("device",), ("app", "device"), ("app", "age"), ("device", "age")]
WIDE = {"features": FEATURES, "buckets": {"age": 8}}
BESIDE = {**WIDE, "features": [*FEATURES, ("user", "device")]}
DEEP = {"categories": ["app", "device"], "numbers": ["age"], "min_count": 10}


def write_log(path, rows):
    """Draw a log, the same each time, and write it as a CSV or a Parquet file."""
    kind = {".csv": "csv, HEADER", ".parquet": "parquet"}[path.suffix]
    duckdb.execute(
        f"""COPY (SELECT 'u' || hash(i) % 3000000 AS "user",
        'app' || CAST(floor(1000 * power(hash(i + 7) % 1000000 / 1e6, 2)) AS INT) AS app,
        ['phone', 'laptop', 'tablet'][CAST(1 + hash(i + 1) % 3 AS INT)] AS device,
        CAST(18 + hash(i + 2) % 63 AS BIGINT) AS age FROM range({rows}) AS numbers(i)) TO '{path}' (FORMAT {kind})"""
    )


def fingerprint(wide, deep):
    """A checksum of everything that was fitted, the order of the ids included."""
    digest = hashlib.sha256()
    for part in (wide, deep):
        for name, i in part["vocabulary"].items():
            digest.update(f"{i} {name}\n".encode())
        digest.update(repr({column: edges.tolist() for column, edges in part["boundaries"].items()}).encode())
    return digest.hexdigest()


def peak_mb():
    """The most memory that this process has ever held, by the kernel."""
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return round(int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024)


def one_pass(path):
    """`fit_shards` in a process of its own: seconds, peak and fingerprint."""
    start = time.perf_counter()
    fitted = shards.fit_shards(path, WIDE, DEEP, memory_limit="750MB")
    return {"seconds": time.perf_counter() - start, "peak_mb": peak_mb(), "fingerprint": fingerprint(*fitted)}


def exact(path):
    """The same features by another engine, from the whole table in memory."""
    table = pq.read_table(path)
    boundaries = wdl.quantile_boundaries(pd.DataFrame({"age": table["age"].to_numpy()}), "age", 8)
    cuts = {"age": np.unique(boundaries)}
    bucket = wdl.bucket_names(cuts["age"])[np.searchsorted(cuts["age"], table["age"].to_numpy(), side="right")]
    texts = table.set_column(table.schema.get_field_index("age"), "age", pa.array(bucket, pa.string()))

    def vocabulary(features, min_count):
        found = []
        for feature in features:
            groups = texts.group_by(list(feature)).aggregate([([], "count_all")])
            names = [pc.binary_join_element_wise(f"{c}=", groups[c].cast(pa.string()), "") for c in feature]
            name = names[0] if len(names) == 1 else pc.binary_join_element_wise(*names, wdl.AND)
            found.append(pa.table({"name": name, "n": groups["count_all"]}))
        found = pa.concat_tables(found)
        found = found.filter(pc.field("n") >= min_count).sort_by([("n", "descending"), ("name", "ascending")])
        return dict(zip(found["name"].to_pylist(), itertools.count(1)))

    deep_cuts = {"age": wdl.quantile_boundaries(pd.DataFrame({"age": table["age"].to_numpy()}), "age", 100)}
    return (
        {"vocabulary": vocabulary(FEATURES, 1), "boundaries": cuts},
        {"vocabulary": vocabulary([(c,) for c in DEEP["categories"]], DEEP["min_count"]), "boundaries": deep_cuts},
    )


def by_chunks(path):
    """The same features from a CSV file by counters of Python, 50,000 rows at a time."""
    groups = [*BESIDE["features"], ("age",)]
    totals = {group: collections.Counter() for group in groups}
    for chunk in pd.read_csv(path, chunksize=50_000):
        for group, total in totals.items():
            total.update(chunk.groupby(list(group), sort=False).size().to_dict())
    counts = {
        group: pd.DataFrame(
            [key if len(group) > 1 else (key[0] if isinstance(key, tuple) else key,) for key in total],
            columns=list(group),
        ).assign(n=list(total.values()))
        for group, total in totals.items()
    }
    cuts = {"age": np.unique(shards.counted_quantiles(counts["age",], 8))}
    names = {}
    for feature in BESIDE["features"]:
        (coded,) = wdl.feature_codes(counts[feature], [feature], cuts)
        names[feature] = counts[feature]["n"].groupby(coded.names[coded.codes]).sum()
    wide = {"vocabulary": wdl.vocabulary_of_counts(pd.concat(names.values()), 1), "boundaries": cuts}
    deep = pd.concat([names[column,] for column in DEEP["categories"]])
    deep_cuts = {"age": shards.counted_quantiles(counts["age",], 100)}
    return wide, {"vocabulary": wdl.vocabulary_of_counts(deep, DEEP["min_count"]), "boundaries": deep_cuts}


def clocked(work):
    """What the work returns, and the seconds by the clock, and of processors' time, that it takes."""
    wall, cpu = time.perf_counter(), time.process_time()
    found = work()
    return found, time.perf_counter() - wall, time.process_time() - cpu


def reading(folder):
    """Rows a second of training from memory, and of streaming from Parquet files."""
    train, _ = adult.load_adult()
    wide, deep = adult.wide_features(train), adult.deep_features(train)
    for i in range(10):
        train.to_parquet(folder / f"part_{i}.parquet", index=False, row_group_size=8_192)
    inputs, labels = wdl.joint_inputs(train, wide, deep), (train["income"] == ">50K").to_numpy(int)
    model, optimizer = wdl.wide_deep_model(wide, deep), wdl.joint_optimizer(wide=wdl.Ftrl(0.02), deep=wdl.Adam(0.002))
    wdl.train(model, inputs, labels, optimizer, epochs=1)  # compiles
    turns = []
    for turn in range(TURNS):
        _, train_wall, train_cpu = clocked(lambda: wdl.train(model, inputs, labels, epochs=2))
        batches = shards.stream(folder, wide, deep, "income", ("<=50K", ">50K"), 256, seed=0, epoch=turn)
        _, stream_wall, stream_cpu = clocked(functools.partial(batches.reduce, np.int64(0), lambda n, _: n + 1))
        trained, streamed = 2 * len(train), 10 * len(train)
        turns.append([trained / train_wall, streamed / stream_wall, trained / train_cpu, streamed / stream_cpu])
    names = "trained", "streamed", "trained_cpu", "streamed_cpu"
    return dict(zip(names, np.median(turns, axis=0).round().astype(int).tolist()))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=pathlib.Path, help="the file to write")
    parser.add_argument("--rows", type=int, default=ROWS, help="rows to count")
    parser.add_argument("--few-rows", type=int, default=FEW_ROWS, help="rows to count side by side")
    parser.add_argument("--count", type=pathlib.Path, help=argparse.SUPPRESS)  # a file for the process that is measured
    arguments = parser.parse_args()
    if arguments.count:
        print(json.dumps(one_pass(arguments.count)))
        return
    if not arguments.json:
        parser.error("name the file to write with --json")
    with tempfile.TemporaryDirectory() as made:
        folder = pathlib.Path(made)
        write_log(folder / "log.parquet", arguments.rows)
        write_log(folder / "log.csv", arguments.few_rows)
        command = [sys.executable, "-m", "benchmarks.streaming", "--count", str(folder / "log.parquet")]
        count = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        found, beside = {}, {"rows": arguments.few_rows}
        for name, work in (
            ("fit_shards", functools.partial(shards.fit_shards, folder / "log.csv", BESIDE, DEEP)),
            ("chunks", functools.partial(by_chunks, folder / "log.csv")),
        ):
            found[name], wall, cpu = clocked(work)
            beside |= {f"{name}_seconds": round(wall, 1), f"{name}_cpu": round(cpu, 1)}
        beside["same"] = fingerprint(*found["fit_shards"]) == fingerprint(*found["chunks"])
        expected = exact(folder / "log.parquet")
        users = sum(name.startswith("user=") and wdl.AND not in name for name in expected[0]["vocabulary"])
        (folder / "adult").mkdir()
        result = {
            "count": {
                "rows": arguments.rows, "users": users, "seconds": round(count["seconds"], 1),
                "peak_mb": count["peak_mb"], "same": count["fingerprint"] == fingerprint(*expected),
            },
            "side_by_side": beside,
            "reading": reading(folder / "adult"),
        }  # fmt: skip
    write(arguments.json, result)


if __name__ == "__main__":
    main()

"""Fit features on five million rows from CSV files, in bounded memory.

    python benchmarks/streaming.py --json FILE

The rows are Adult's, read again and again: so the number of different values is that of one file, and what is shown is
that memory does not grow with the rows. The file holds 'rows', 'seconds' of the pass, and 'peak_mb', the most memory
of the process until then, beside 'base_mb', what it held before, and 'frame_mb', what the rows would take as one frame.
"""

import argparse
import itertools
import json
import math
import pathlib
import time

import wdl_adult
import wdl_shards

FILE_ROWS = 32_561


def memory_mb(name):
    """What the kernel says of this process: VmRSS, held now, or VmHWM, the most ever held."""
    line = next(line for line in pathlib.Path("/proc/self/status").read_text().splitlines() if line.startswith(name))
    return round(int(line.split()[1]) / 1024)


def one_pass(n_rows):
    base = [*wdl_adult.CATEGORIES, "age", "hours-per-week"]
    features = [*base, *itertools.combinations(base, 2)]  # those of wdl_adult.wide_features
    wide_settings = {"features": features, "buckets": {"age": 10, "hours-per-week": 8}}
    deep_settings = {"categories": wdl_adult.CATEGORIES, "numbers": wdl_adult.NUMBERS}
    repeats = math.ceil(n_rows / FILE_ROWS)
    # No data were read before: the process has given back no memory that the pass could use unseen.
    before, start = memory_mb("VmRSS"), time.perf_counter()
    wdl_shards.fit_shards([wdl_adult.DATA / "adult_train.csv"] * repeats, wide_settings, deep_settings)
    seconds, peak = round(time.perf_counter() - start), memory_mb("VmHWM")
    train, _ = wdl_adult.load_adult()
    assert len(train) == FILE_ROWS
    return {
        "rows": repeats * FILE_ROWS, "seconds": seconds, "base_mb": before, "peak_mb": peak,
        "frame_mb": round(repeats * train.memory_usage(deep=True).sum() / 2**20),
    }  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=pathlib.Path, required=True, help="the file to write")
    parser.add_argument("--rows", type=int, default=5_000_000, help="rows of the pass")
    arguments = parser.parse_args()
    arguments.json.write_text(json.dumps(one_pass(arguments.rows), indent=1) + "\n")


if __name__ == "__main__":
    main()

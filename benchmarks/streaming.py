"""Fit features on five million rows from CSV files, in bounded memory.

    python benchmarks/streaming.py --json FILE

The rows are Adult's, read again and again. The file holds 'rows', 'seconds' of the one pass, and 'peak_mb', the most
memory that the process held during it, beside 'base_mb', what it held before, and 'frame_mb', what the rows would take
as a data frame.
"""

import argparse
import json
import math
import pathlib
import time

import wdl_helpers as wdl
import wdl_production as production


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


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=pathlib.Path, required=True, help="the file to write")
    parser.add_argument("--rows", type=int, default=5_000_000, help="rows of the pass")
    arguments = parser.parse_args()
    arguments.json.write_text(json.dumps(one_pass(arguments.rows), indent=1) + "\n")


if __name__ == "__main__":
    main()

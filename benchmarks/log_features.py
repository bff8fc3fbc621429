"""How long a log of a million rows takes on its way to both models' inputs, and how much memory.

    python -m benchmarks.log_features --json benchmarks/log_features.json

The log is made up: 10,000 users with eleven of 2,000 items each, on average, few items having most of the visits. Each
visit becomes a row with the user's other items as its list, and nine items that the user does not have. The wide part
takes the candidate and its crosses with the list, the deep part both, without a minimum count. The file holds, by step,
seconds of the clock and of the processor; the sizes; and the most memory that the process had.
"""

import argparse
import pathlib
import resource
import time

import wdl_helpers as wdl
from benchmarks.results import write
from recommender import logs

import numpy as np
import pandas as pd

USERS, ITEMS, VISITS, NEGATIVES = 10_000, 2_000, 110_000, 9


def made_up_log(users, items, visits, seed=0):
    """A log of 'user' and 'item' in which few items have most of the visits."""
    rng = np.random.default_rng(seed)
    log = pd.DataFrame({"user": rng.integers(0, users, visits), "item": (items * rng.random(visits) ** 2).astype(int)})
    return log.drop_duplicates(ignore_index=True)


def measure(users, items, visits, negatives):
    """The content of the file: dict of 'seconds' and 'processor seconds' by step, and of sizes."""
    log, seconds, processor = made_up_log(users, items, visits), {}, {}

    def step(name, function):
        start, used = time.perf_counter(), time.process_time()
        result = function()
        seconds[name] = round(time.perf_counter() - start, 2)
        processor[name] = round(time.process_time() - used, 2)
        return result

    def rows():
        one = logs.leave_one_out(log, "user", "item", "others")
        return logs.with_negatives(one, log, "user", "item", negatives, items=range(items))

    frame = step("rows", rows)
    wide = step("fit_wide", lambda: wdl.fit_wide(frame, ["item", ("others", "item")]))
    ids = step("wide_ids", lambda: wdl.wide_ids(frame, wide))
    deep = step("fit_deep", lambda: wdl.fit_deep(frame, ["others", "item"], []))
    step("deep_inputs", lambda: wdl.deep_inputs(frame, deep))
    sizes = {"rows": len(frame), "items a list": round(float(frame["others"].map(len).mean()), 1)}
    sizes |= {"wide weights": wide["n_ids"] - 1, "wide ids": int((ids > 0).sum())}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2  # Linux counts in KiB
    return {"seconds": seconds, "processor seconds": processor, **sizes, "peak GiB": round(peak, 2)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=pathlib.Path, required=True, help="the file to write")
    arguments = parser.parse_args()
    found = measure(USERS, ITEMS, VISITS, NEGATIVES)
    write(arguments.json, found)


if __name__ == "__main__":
    main()

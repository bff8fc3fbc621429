"""Time an epoch of training of our models and of others, in turns in one run.

    python -m benchmarks.speed --json benchmarks/speed.json

The file holds

'epochs':  for each contender on Adult's 32,561 training rows, with the notebooks' features and batches of 256, the
           'seconds' of each round, their 'median', and the 'rows_per_second' of the median;
'dense':   for 2,000, 20,000 and 200,000 hashed ids, the median seconds of an epoch of wide_deep from ids and of the
           course recipe's model from a dense one-hot matrix, and that matrix's 'gigabytes'. Where it would fill more
           than half of the machine's memory, its seconds are null;
'machine': what it ran on, with the versions of the libraries.

The limit is what NumPy takes to gather and sum the weights of the same ids, without any training.
"""

import argparse
import contextlib
import importlib.metadata
import os
import pathlib
import platform
import statistics
import subprocess
import time

import wdl_helpers as wdl
from benchmarks.adult import BUILD, ask_peer, labels, peer_command, save_features
from benchmarks.results import write
from recommender.datasets import adult

import numpy as np

BATCH_SIZE = 256
GIGABYTE = 1e9
MEMORY = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
PEERS = {
    "pytorch_widedeep wide_deep": "peers",
    "pytorch_widedeep wide_deep, defaults": "peers",
    "pytorch_widedeep wide": "peers",
    "vowpal_wabbit wide": "peers",
    "tf_estimator wide_deep": "estimator",
}


def timed(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def epoch_of(model, inputs, frame, settings):
    """A function that trains `model` for an epoch; the first call, here, also compiles."""
    truth = labels(frame)
    wdl.train(model, inputs, truth, settings["optimizer"], epochs=1, batch_size=BATCH_SIZE)
    return lambda: wdl.train(model, inputs, truth, epochs=1, batch_size=BATCH_SIZE)


def dense_epoch_of(frame, wide, deep):
    """The same for the course recipe's joint model, whose wide part is a dense one-hot matrix."""
    inputs, truth = adult.beginner_inputs(frame, wide, deep), labels(frame)
    model = adult.beginner_model("wide_deep", wide, deep)
    inputs = {tensor.name: inputs[tensor.name] for tensor in model.inputs}

    def epoch():
        model.fit(inputs, truth, epochs=1, batch_size=BATCH_SIZE, verbose=0)

    epoch()
    return epoch


def ours(frame):
    """Name → function that trains one epoch, or gathers once, on Adult's training rows."""
    wide, deep = adult.wide_features(frame), adult.deep_features(frame)
    inputs = wdl.joint_inputs(frame, wide, deep)
    weights = np.ones(wide["n_ids"], dtype="float32")
    models = {"wide": wdl.wide_model(wide), "wide_deep": wdl.wide_deep_model(wide, deep)}
    epochs = {
        f"ours {name}": epoch_of(model, inputs, frame, adult.training(name, len(frame)))
        for name, model in models.items()
    }
    epochs["course recipe dense wide_deep"] = dense_epoch_of(frame, wide, deep)
    epochs["NumPy gather and sum"] = lambda: weights[inputs["wide_ids"]].sum(axis=1)
    return epochs


def measure(epochs, rounds):
    """All contenders in turns: name → seconds of each round."""
    seconds = {name: [] for name in epochs}
    for _ in range(rounds):
        for name, epoch in epochs.items():
            seconds[name].append(epoch())
    return seconds


def ask(process, name):
    """The seconds that another library's process says that an epoch took."""
    print(name, file=process.stdin, flush=True)
    return float(process.stdout.readline())


def all_epochs(frame, rounds):
    save_features(frame, frame[:100], BUILD)
    contenders = {name: (lambda epoch=epoch: timed(epoch)) for name, epoch in ours(frame).items()}
    with contextlib.ExitStack() as stack:
        processes = {}
        for environment in dict.fromkeys(PEERS.values()):
            command, pipe = peer_command(environment, "speed", BUILD), subprocess.PIPE
            process = stack.enter_context(subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True))
            assert process.stdout.readline().strip() == "ready"
            processes[environment] = process
        for name, environment in PEERS.items():
            contenders[name] = lambda name=name, process=processes[environment]: ask(process, name)
        measure(contenders, rounds=1)  # a warm-up
        seconds = measure(contenders, rounds)
        for process in processes.values():
            process.stdin.close()
    return {
        name: {
            "seconds": [round(value, 5) for value in values],
            "median": round(statistics.median(values), 5),
            "rows_per_second": round(len(frame) / statistics.median(values)),
        }
        for name, values in seconds.items()
    }


def dense_against_ids(frame, n_ids, rounds):
    recipe, deep = adult.wide_features(frame), adult.deep_features(frame)
    buckets = {column: len(edges) + 1 for column, edges in recipe["boundaries"].items()}
    wide = wdl.fit_wide(frame, recipe["features"], buckets=buckets, hash_buckets=n_ids)
    settings = adult.training("wide_deep", len(frame))
    model = wdl.wide_deep_model(wide, deep)
    epochs = {"ours": epoch_of(model, wdl.joint_inputs(frame, wide, deep), frame, settings)}
    size = 4 * len(frame) * wide["n_ids"]
    if size < MEMORY / 2:
        epochs["dense"] = dense_epoch_of(frame, wide, deep)
    seconds = measure({name: (lambda epoch=epoch: timed(epoch)) for name, epoch in epochs.items()}, rounds)
    medians = {name: round(statistics.median(values), 4) for name, values in seconds.items()}
    return {"ids": n_ids, "gigabytes": round(size / GIGABYTE, 2), "dense": None, **medians}


def machine():
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines() if os.path.exists("/proc/cpuinfo") else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return {
        "cpu": names[0] if names else platform.processor(),
        "cores": os.cpu_count(),
        "memory_gigabytes": round(MEMORY / GIGABYTE),
        "python": platform.python_version(),
        "versions": {
            **{name: importlib.metadata.version(name) for name in ("tensorflow", "keras", "numpy", "scikit-learn")},
            "peers": ask_peer("peers", "versions"),
            "estimator": ask_peer("estimator", "versions"),
        },
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=pathlib.Path, required=True, help="the file to write")
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()

    wdl.reproducible()
    frame, _ = adult.load_adult()
    results = {"machine": machine(), "epochs": all_epochs(frame, arguments.rounds), "dense": []}
    for n_ids in (2_000, 20_000, 200_000):
        results["dense"].append(dense_against_ids(frame, n_ids, arguments.rounds))
        print(results["dense"][-1], flush=True)
    write(arguments.json, results)


if __name__ == "__main__":
    main()

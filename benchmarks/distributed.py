"""Train one model with several worker processes on this machine, and hold it against one worker alone.

    python -m benchmarks.distributed --workers 2 --json FILE

Every worker keeps the whole model, computes the gradients of its share of each batch, and adds up the gradients of all:
`tf.distribute.MultiWorkerMirroredStrategy`. Workers speak to each other through the loopback interface. The file holds

    losses      one list a worker: the loss of each step, over the whole batch
    single      the same of one worker that gets the whole batches
    difference  how far the last weights of each worker are from those of the single one, at most
    apart       how far the last weights of the workers are from each other, at most
    steps       how many steps each worker made, those that were lost and made again included
    rows        rows that the steps which count were made of, 'all' of them, and the 'different' ones
    restarts    how often the workers were started anew
    fit_error   what Keras' own `fit` says under this strategy, null if it works
    step_ms     milliseconds a step of 2,048 rows with a table of a million wide weights, a core a worker: of one worker
                with the whole batch, 'alone', and with its share of the batch, 'share'; and of the workers together,
                'workers' (strong scaling); and with 2,048 rows each, 'weak' (weak scaling); medians of rounds in turns
    step_ms_rounds  the same of each round
    step_kb     kilobytes that went through the loopback interface, a step, 'measured'; what the ids and values of the
                lookups' gradients and the dense layers' gradients are, of all workers, 'gradients'; and what whole
                tables would be, 'tables'

Some are not measured with --kill-after: fit_error, step_ms, step_kb.

With --kill-after N the last worker dies after N steps. A collective operation cannot go on without it, so all workers
are stopped and started anew, as an orchestrator would do, and go on from the last checkpoint.
"""

import argparse
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time

from benchmarks.results import write

STEPS, GLOBAL_BATCH, SAVE_EVERY, WARM_UP = 12, 256, 4, 10
LARGE, LARGE_BATCH = 1_000_000, 2048  # ids of the wide table, and rows a step, where costs are measured
ROUNDS = 5  # of each way to train, where costs are measured


def data(n_rows, large):
    """Fitted parts, inputs and labels of as many rows of Adult; `large`: all pairs, hashed into a large table."""
    frame = adult.load_adult()[0]
    frame = frame.iloc[np.arange(n_rows) % len(frame)]
    categories = ["workclass", "education", "occupation", "marital-status"]
    wide = wdl.fit_wide(frame, [*categories, ("education", "occupation")])
    if large:
        wide = wdl.fit_wide(frame, adult.wide_features(frame)["features"], hash_buckets=LARGE)
    deep = wdl.fit_deep(frame, categories, ["age", "hours-per-week"])
    labels = (frame["income"] == ">50K").to_numpy("float32")
    return wide, deep, wdl.joint_inputs(frame, wide, deep), labels


def loopback_bytes():
    """Bytes that the loopback interface has sent since the machine was started, by the kernel."""
    lines = pathlib.Path("/proc/net/dev").read_text().splitlines()
    return int(next(line for line in lines if line.strip().startswith("lo:")).split()[9])


def train(strategy, index, n_workers, steps, log=None, checkpoints=None, die_after=None, large=False, weak=False):
    """The custom loop: `strategy.run` in place of `fit`. Returns the losses by step, the last weights, the costs."""
    batch_size, units = (LARGE_BATCH, (128, 64, 32)) if large else (GLOBAL_BATCH, (32, 16))
    batch_size *= n_workers if weak else 1
    wide, deep, inputs, labels = data(steps * batch_size, large)
    keras.utils.set_random_seed(0)  # every worker must begin with the same weights
    with strategy.scope():
        # No dropout: two workers would draw other masks than one.
        model = wdl.wide_deep_model(wide, deep, units=units, dropout=0.0)
        ftrl = wdl.Ftrl(0.05, l1_regularization_strength=0.003, initial_accumulator_value=1e-6)
        optimizer = wdl.joint_optimizer(wide=ftrl, deep=wdl.Adagrad(0.05))
        optimizer.build(model.trainable_variables)
        done = tf.Variable(0, dtype=tf.int64)

    @tf.function
    def step(x, y):
        def replica_step(x, y):
            with tf.GradientTape() as tape:
                total = wdl.LogLoss(reduction="sum")(y, model(x, training=True))
                loss = total / batch_size  # not the mean of the share: shares are added up
            weights = model.trainable_variables
            optimizer.apply(tape.gradient(loss, [weight.value for weight in weights]), weights)
            return loss

        return strategy.reduce("SUM", strategy.run(replica_step, args=(x, y)), axis=None)

    # Variable by variable: given a MultiOptimizer, a checkpoint silently leaves out the slots of those inside.
    variables = [variable.value for variable in [*model.variables, *optimizer.variables]]
    state = tf.train.Checkpoint(variables=variables, done=done)
    manager = tf.train.CheckpointManager(state, checkpoints, max_to_keep=2) if checkpoints else None
    if manager and manager.latest_checkpoint:
        state.restore(manager.latest_checkpoint).assert_existing_objects_matched()
    share, losses, times, sent = batch_size // n_workers, {}, [], loopback_bytes()
    for number in range(int(done.numpy()), steps):
        start = number * batch_size + index * share
        rows = slice(start, start + share)  # each worker has rows of its own
        batch = {name: tf.constant(array[rows]) for name, array in inputs.items()}, tf.constant(labels[rows])
        began = time.perf_counter()
        losses[number] = float(step(*batch))
        times.append(time.perf_counter() - began)
        if number == WARM_UP:
            sent = loopback_bytes()
        done.assign(number + 1)
        if log:
            with open(log, "a") as file:
                file.write(json.dumps([number, losses[number], start, share]) + "\n")
        if manager and (number + 1) % SAVE_EVERY == 0 and index == 0:
            manager.save()
        if die_after == number + 1:
            os._exit(1)  # at once, with nothing tidied up
    tables = {variable.path: variable for variable in model.trainable_variables if "table" in variable.path}
    size = {name: table.numpy().nbytes for name, table in tables.items()}
    dense = sum(variable.numpy().nbytes for variable in model.trainable_variables) - sum(size.values())
    # A gradient of a lookup has, for each id of the batch, the id as int32 and the row's values as float32.
    ids_of = {"wide_weights/table": "wide_ids", "deep_embeddings/table": "deep_ids"}
    pieces = [inputs[ids_of[name]][:share].size * (4 + 4 * table.shape[1]) for name, table in tables.items()]
    costs = {
        "step_ms": 1000 * float(np.median(times[WARM_UP:])) if len(times) > WARM_UP else None,
        "measured": (loopback_bytes() - sent) / max(steps - WARM_UP - 1, 1) / 1024,
        "gradients": n_workers * (dense + sum(pieces)) / 1024,
        "tables": n_workers * (dense + sum(size.values())) / 1024,
    }
    return losses, np.concatenate([weight.numpy().ravel() for weight in model.trainable_variables]), costs


def try_fit(strategy):
    """The type and the first words of the error that `fit` raises, or None."""
    with strategy.scope():
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        model.compile("sgd", "mse")
    try:
        model.fit(np.ones((8, 2)), np.ones((8, 1)), batch_size=4, verbose=0)
    except Exception as error:  # whatever it is, it is the answer
        return f"{type(error).__name__}: {str(error).split(':')[0]}"


def worker(arguments):
    """What a worker process does; TF_CONFIG tells it who it is."""
    index = json.loads(os.environ["TF_CONFIG"])["task"]["index"]
    strategy = tf.distribute.MultiWorkerMirroredStrategy()  # before any other call to TensorFlow
    folder = pathlib.Path(arguments.folder)
    if arguments.fit:
        (folder / f"fit_{index}.json").write_text(json.dumps(try_fit(strategy)))
        return
    die_after = arguments.kill_after if index == arguments.workers - 1 else None
    log = folder / f"losses_{index}.jsonl"
    if arguments.core:
        os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[index % len(os.sched_getaffinity(0))]})
    n_shares = arguments.shares or arguments.workers
    checkpoints = None if arguments.core else str(folder / "checkpoints")
    _, weights, costs = train(
        strategy, index, n_shares, arguments.steps, log, checkpoints, die_after, arguments.core, arguments.weak
    )
    np.save(folder / f"weights_{index}.npy", weights)
    (folder / f"costs_{index}.json").write_text(json.dumps(costs))


def has_loopback():
    """Whether a process can reach another one of this machine by the network, which a sandbox may cut off as well."""
    try:
        with (
            socket.create_server(("127.0.0.1", 0)) as server,
            socket.create_connection(server.getsockname(), timeout=5),
        ):
            return True
    except OSError:
        return False


def free_addresses(n):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(n)]
    addresses = [f"127.0.0.1:{s.getsockname()[1]}" for s in sockets]
    for s in sockets:
        s.close()
    return addresses


def start(n_workers, folder, *options):
    """Start all workers; return whether all of them came to the end."""
    addresses, running = free_addresses(n_workers), []
    for index in range(n_workers):
        cluster = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
        command = [
            sys.executable,
            "-m",
            "benchmarks.distributed",
            "--workers",
            str(n_workers),
            "--folder",
            folder,
            *options,
        ]
        environment = {**os.environ, "TF_CONFIG": json.dumps(cluster), "CUDA_VISIBLE_DEVICES": "-1"}
        with open(f"{folder}/worker_{index}.log", "a") as log:
            running.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log))
    while any(process.poll() is None for process in running) and not any(process.poll() for process in running):
        time.sleep(0.1)
    failed = any(process.poll() for process in running)
    for process in running:
        process.kill()  # the others cannot go on without the one that died
        process.wait()
    return not failed


def costs_of(n_workers, folder):
    """Milliseconds and kilobytes a step, when each worker has a core of its own."""
    found = {}
    cases = {
        "alone": (1, 1),
        "share": (1, n_workers),
        "workers": (n_workers, n_workers),
        "weak": (n_workers, n_workers),
    }
    times = {name: [] for name in cases}
    for number in range(ROUNDS):
        for name, (running, shares) in cases.items():  # in turns: a slow minute of the machine is slow for all
            place, weak = pathlib.Path(folder, f"{name}_{number}"), ["--weak"] if name == "weak" else []
            place.mkdir()
            start(running, str(place), "--core", "--shares", str(shares), "--steps", "50", *weak)
            found[name] = json.loads((place / "costs_0.json").read_text())
            times[name].append(found[name]["step_ms"])
    together = {name: round(found["workers"][name], 1) for name in ("measured", "gradients", "tables")}
    return {
        "step_ms": {name: round(float(np.median(times[name])), 2) for name in cases},
        "step_ms_rounds": {name: [round(ms, 2) for ms in times[name]] for name in cases},
        "step_kb": together,
    }


def compare(arguments):
    """Run the workers, then one alone, and write the file."""
    with tempfile.TemporaryDirectory() as folder:
        accident, restarts = ["--kill-after", str(arguments.kill_after)] if arguments.kill_after else [], 0
        while not start(arguments.workers, folder, "--steps", str(arguments.steps), *accident):
            if not accident:
                logs = sorted(pathlib.Path(folder).glob("worker_*.log"))
                sys.exit("\n".join(["A worker failed.", *(log.read_text()[-3000:] for log in logs)]))
            accident, restarts = [], restarts + 1
        losses, steps, weights, rows = [], [], [], []
        for index in range(arguments.workers):
            lines = pathlib.Path(folder, f"losses_{index}.jsonl").read_text().splitlines()
            made = {number: rest for number, *rest in map(json.loads, lines)}  # a step made twice counts once
            losses.append({number: loss for number, (loss, *_) in made.items()})
            rows += [row for _, start, share in made.values() for row in range(start, start + share)]
            steps.append(len(lines))
            weights.append(np.load(f"{folder}/weights_{index}.npy"))
        single, expected, _ = train(tf.distribute.get_strategy(), 0, 1, arguments.steps)
        if not arguments.kill_after:
            start(arguments.workers, folder, "--fit")
            fit_error = json.loads(pathlib.Path(folder, "fit_0.json").read_text())
            costs = costs_of(arguments.workers, folder)
    result = {
        "losses": [[found[step] for step in range(arguments.steps)] for found in losses],
        "single": [single[step] for step in range(arguments.steps)],
        "difference": [float(np.abs(found - expected).max()) for found in weights],
        "apart": float(max(np.abs(found - weights[0]).max() for found in weights)),
        "steps": steps,
        "rows": {"all": len(rows), "different": len(set(rows))},
        "restarts": restarts,
    }
    if not arguments.kill_after:
        result |= {"fit_error": fit_error, **costs}
    write(arguments.json, result)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, default=2, help="how many processes; the batch is divided among them")
    parser.add_argument("--json", type=pathlib.Path, help="the file to write")
    parser.add_argument("--kill-after", type=int, help="steps after which the last worker dies")
    parser.add_argument("--steps", type=int, default=STEPS, help="steps of the run that is compared")
    parser.add_argument("--core", action="store_true", help=argparse.SUPPRESS)  # a core a worker, and no checkpoints
    parser.add_argument("--weak", action="store_true", help=argparse.SUPPRESS)  # a whole batch for each worker
    parser.add_argument("--shares", type=int, help=argparse.SUPPRESS)  # into how many shares a batch is cut
    parser.add_argument("--fit", action="store_true", help=argparse.SUPPRESS)  # try Keras' own fit
    parser.add_argument("--folder", help=argparse.SUPPRESS)  # where a worker keeps its files
    arguments = parser.parse_args()
    if GLOBAL_BATCH % arguments.workers:
        parser.error(f"--workers must divide the batch of {GLOBAL_BATCH}")
    if not has_loopback():
        sys.exit("The workers cannot reach each other: the loopback interface is down.")
    import wdl_helpers as wdl  # here, so that a wrong argument is answered at once
    from recommender.datasets import adult

    import keras
    import numpy as np
    import tensorflow as tf

    if arguments.folder:
        worker(arguments)
    elif arguments.json:
        compare(arguments)
    else:
        parser.error("name the file to write with --json")

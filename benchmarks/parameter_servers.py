"""Train a wide & deep model whose tables lie in pieces on several servers, and measure what that costs and survives.

    python -m benchmarks.parameter_servers --json FILE

Two processes are the servers: each holds half of the rows of each table, and of what FTRL and AdaGrad remember of them.
Two others are workers. A coordinator hands out batches; a worker fetches the rows that its batch needs, computes their
gradients, and sends these back as ids and values: `tf.distribute.ParameterServerStrategy`. No worker waits for another.
All processes are on this machine, and speak through the loopback interface. The file holds

    step_ms       milliseconds a step of 256 rows, by the rows of the wide table, with one worker
    slots_mb      megabytes of that table and of its two slots, by its rows
    one_worker    the loss of each step with one worker on two servers
    local         the same of one process, by the helpers' Keras model and optimizers
    log_loss      of held-out rows of Adult after the passes: 'local', 'one_worker', 'two_workers'; in nats
    seconds       of the passes without their first SAVE_EVERY steps: 'one_process', 'one_worker', 'two_workers'
    rows          that were trained on in these seconds
    staleness     steps that others made between a step's start and its end: mean with 'one_worker', 'two_workers'
    worker_killed, server_killed
                  what happened when a process was killed: 'batches' that were handed out, 'finished', those that came
                  back, each once, 'applied', steps that the servers counted, and 'restored', the batch from which the
                  run went on (0: it never stopped); 'log_loss' at the end
"""

import argparse
import json
import multiprocessing
import os
import pathlib
import sys
import tempfile
import time
import traceback

import wdl_helpers as wdl
from benchmarks import distributed
from benchmarks.results import write
from recommender.datasets import adult

import keras
import numpy as np
import tensorflow as tf

SERVERS, BATCH, EPOCHS, HELD_OUT, SAVE_EVERY = 2, 256, 4, 6_561, 50
FTRL = {"learning_rate": 0.05, "l1_regularization_strength": 0.003, "initial_accumulator_value": 1e-6}
ADAGRAD = {"learning_rate": 0.05, "initial_accumulator_value": 1e-6}
TABLES = "wide_weights/table", "deep_embeddings/table"


# ------------------------------------------------------------------------------------- the sharded model


class Sharded:
    """A wide & deep model as plain variables; each table is a list of pieces, row r in piece r % SERVERS.

    Args:
        weights: dict path → array, as `weights_of` gives them, from which all variables start. rows: int, rows of the
            wide table, if it is to have more of them, all 0.
    """

    def __init__(self, weights, rows=None):
        self.variables, self.slots = {}, {}
        for path, array in weights.items():
            is_wide = path == TABLES[0]
            n = rows if is_wide and rows else len(array)
            starts = [array[i::SERVERS] for i in range(SERVERS)] if path in TABLES else [array]
            sizes = [len(range(i, n, SERVERS)) for i in range(SERVERS)] if path in TABLES else [n]
            # Within a strategy's scope variables go to the servers in turn, so piece i of a table lies on server i.
            self.variables[path] = [
                tf.Variable(lambda start=start, size=size: _padded(start, size)) for start, size in zip(starts, sizes)
            ]
            start = (FTRL if is_wide else ADAGRAD)["initial_accumulator_value"]
            shapes = [(size, *array.shape[1:]) for size in sizes]
            self.slots[path] = [[tf.Variable(lambda s=s, start=start: tf.fill(s, start)) for s in shapes]]
            if is_wide:
                self.slots[path].append([tf.Variable(lambda s=s: tf.zeros(s)) for s in shapes])
        self.applied = tf.Variable(0, dtype=tf.int64)

    def logits(self, x):
        """The logits (rows,) of a batch's inputs, those of `wdl.wide_deep_model` without dropout."""
        rows, known = self._rows(TABLES[0], x["wide_ids"])
        logits = tf.reduce_sum(rows * known, axis=[1, 2])
        rows, known = self._rows(TABLES[1], x["deep_ids"])
        vectors = tf.reduce_sum(rows * known, axis=2) / tf.maximum(tf.reduce_sum(known, axis=2), 1)
        flat = tf.reshape(vectors, [tf.shape(vectors)[0], vectors.shape[1] * vectors.shape[2]])
        activations, layer = tf.concat([flat, x["numbers"]], axis=1), 1
        while f"deep_hidden_{layer}/kernel" in self.variables:
            kernel, bias = (self.variables[f"deep_hidden_{layer}/{name}"][0] for name in ("kernel", "bias"))
            activations, layer = tf.nn.relu(activations @ kernel + bias), layer + 1
        return logits + (activations @ self.variables["deep_logit/kernel"][0])[:, 0] + self.variables["logit/bias"][0]

    def _rows(self, path, ids):
        """Rows of a table, each fetched from the server that holds it, and 0 or 1: whether the id is known."""
        rows = tf.compat.v1.nn.embedding_lookup(self.variables[path], ids, partition_strategy="mod")
        return rows, tf.cast(ids != 0, tf.float32)[..., None]

    def step(self, x, y):
        """A step on a batch; returns its loss, and how many steps others made meanwhile."""
        before = self.applied.read_value()
        with tf.GradientTape() as tape, tf.control_dependencies([before]):
            logits = self.logits(x)
            loss = tf.reduce_mean(tf.nn.softplus(logits) - y * logits)
        gradients = tape.gradient(loss, self.variables)
        updates = []
        for path, pieces in self.variables.items():
            update = _ftrl if path == TABLES[0] else _adagrad
            for i, piece in enumerate(pieces):
                gradient = _summed(gradients[path][i])
                with tf.device(piece.device):  # only ids and values travel: the update is made where the piece is
                    updates += update(piece, [slot[i] for slot in self.slots[path]], gradient)
        with tf.control_dependencies(updates):
            return loss, self.applied.assign_add(1, read_value=True) - before - 1

    def all_variables(self):
        """Every variable in a fixed order: list."""
        slots = [variable for slots in self.slots.values() for slot in slots for variable in slot]
        return [*(piece for pieces in self.variables.values() for piece in pieces), *slots, self.applied]

    def weights(self):
        """Path → array, each table in one piece again: what a Keras model takes, and so `export`."""
        found = {}
        for path, pieces in self.variables.items():
            found[path] = np.zeros((sum(piece.shape[0] for piece in pieces), *pieces[0].shape[1:]), "float32")
            for i, piece in enumerate(pieces):
                found[path][i :: len(pieces)] = piece.numpy()
        return found


def _padded(start, size):
    start = tf.constant(start)
    return start if len(start) == size else tf.concat([start, tf.zeros((size - len(start), *start.shape[1:]))], 0)


def _summed(gradient):
    """A lookup's gradient with each id once; the worker adds before it sends."""
    if not isinstance(gradient, tf.IndexedSlices):
        return gradient
    ids, position = tf.unique(gradient.indices)
    return tf.IndexedSlices(tf.math.unsorted_segment_sum(gradient.values, position, tf.size(ids)), ids)


def _ftrl(variable, slots, gradient):
    """FTRL's step on the rows of a gradient, by the kernel that `wdl.Ftrl` calls."""
    accumulator, linear = slots
    rate = FTRL["learning_rate"]
    return [
        tf.raw_ops.ResourceSparseApplyFtrlV2(
            var=variable.handle, accum=accumulator.handle, linear=linear.handle, grad=gradient.values,
            indices=gradient.indices, lr=rate, l1=FTRL["l1_regularization_strength"], l2=0.0, l2_shrinkage=0.0,
            lr_power=-0.5,
        )
    ]  # fmt: skip


def _adagrad(variable, slots, gradient, epsilon=1e-7):
    """AdaGrad's step, by the formula of `wdl.Adagrad`: on the rows of a lookup's gradient, or on all."""
    (accumulator,), rate = slots, ADAGRAD["learning_rate"]
    if not isinstance(gradient, tf.IndexedSlices):
        accumulator.assign_add(gradient**2)
        return [variable.assign_sub(rate * gradient / tf.sqrt(accumulator + epsilon))]
    ids = gradient.indices
    accumulator.scatter_add(tf.IndexedSlices(gradient.values**2, ids))
    root = tf.sqrt(tf.gather(accumulator, ids) + epsilon)
    return [variable.scatter_sub(tf.IndexedSlices(rate * gradient.values / root, ids))]


# -------------------------------------------------------------------------------------------------- data


def census():
    """The model in Keras, inputs and labels of Adult's training rows, and those that are held out."""
    train, _ = adult.load_adult()
    fitted, held_out = train[:-HELD_OUT], train[-HELD_OUT:]
    wide, deep = adult.wide_features(fitted), adult.deep_features(fitted)
    keras.utils.set_random_seed(0)
    model = wdl.wide_deep_model(wide, deep, units=(32, 16), dropout=0.0)
    parts = [
        (wdl.joint_inputs(frame, wide, deep), (frame["income"] == ">50K").to_numpy("float32"))
        for frame in (fitted, held_out)
    ]
    return model, *parts


def weights_of(model):
    """Path → array of a Keras model's weights."""
    return {variable.path: variable.numpy() for variable in model.trainable_variables}


def batches_of(n_rows, n_steps):
    """The row numbers of each step, (steps, BATCH), the same for all runs; each pass has its own order."""
    rng, epochs = np.random.default_rng(0), -(-n_steps * BATCH // n_rows)
    rows = np.concatenate([rng.permutation(n_rows)[: n_rows // BATCH * BATCH] for _ in range(epochs + 1)])
    return rows.reshape(-1, BATCH)[:n_steps].astype("int32")


def local_losses(model, inputs, labels, batches):
    """Yields the loss of each step of one process, with the helpers' model and optimizers; the model is trained."""
    optimizer = wdl.joint_optimizer(wide=wdl.Ftrl(**FTRL), deep=wdl.Adagrad(**ADAGRAD))
    optimizer.build(model.trainable_variables)

    @tf.function
    def step(x, y):
        with tf.GradientTape() as tape:
            loss = wdl.LogLoss()(y, model(x, training=True))
        optimizer.apply(tape.gradient(loss, [v.value for v in model.trainable_variables]), model.trainable_variables)
        return loss

    arrays = {name: tf.constant(array) for name, array in inputs.items()}
    for rows in batches:
        yield float(step({name: tf.gather(array, rows) for name, array in arrays.items()}, labels[rows]))


# ----------------------------------------------------------------------------------------- the processes


def serve(cluster, kind, index):
    """What a server or a worker does: wait for orders until it is killed."""
    tf.distribute.Server(tf.train.ClusterSpec(cluster), kind, index, protocol="grpc").join()


def coordinate(cluster, task):
    """Train, and write what happened to the file that the task names."""
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(tf.train.ClusterSpec(cluster), rpc_layer="grpc")
    strategy = tf.distribute.ParameterServerStrategy(resolver)
    coordinator = tf.distribute.coordinator.ClusterCoordinator(strategy)
    model, (inputs, labels), held_out = census()
    n_steps = task["steps"] or EPOCHS * (len(labels) // BATCH)
    if task["rows"]:  # a larger table, with ids from all over it
        ids = np.random.default_rng(1).integers(1, task["rows"], inputs["wide_ids"].shape)
        inputs = {**inputs, "wide_ids": ids.astype("int32")}
    with strategy.scope():
        sharded = Sharded(weights_of(model), task["rows"])
    state = tf.train.Checkpoint(variables=sharded.all_variables())
    manager = tf.train.CheckpointManager(state, task["folder"], max_to_keep=2) if task["folder"] else None
    restored = 0
    if manager and manager.latest_checkpoint:
        state.restore(manager.latest_checkpoint).assert_consumed()
        restored = int(manager.latest_checkpoint.rsplit("-", 1)[1])

    @tf.function(autograph=False)
    def step(rows):
        x = {name: tf.gather(array, rows) for name, array in inputs.items()}
        return sharded.step(x, tf.gather(labels, rows))

    batches = batches_of(len(labels), n_steps)
    coordinator.schedule(tf.function(lambda: sharded.logits({n: a[:2] for n, a in inputs.items()})))  # connects all
    coordinator.join()
    results, start = [], time.perf_counter()
    for first in range(restored, n_steps, SAVE_EVERY):
        block = [coordinator.schedule(step, args=(rows,)) for rows in batches[first : first + SAVE_EVERY]]
        coordinator.join()  # all of them are done
        results += [[float(number) for number in coordinator.fetch(result)] for result in block]
        if manager:
            manager.save(first + len(block))
        if task["log"]:
            pathlib.Path(task["log"]).write_text(str(first + len(block)))
        if first == 0:
            start = time.perf_counter()  # what was compiled is not counted
    seconds = time.perf_counter() - start
    done = {
        "losses": [loss for loss, _ in results], "staleness": float(np.mean([stale for _, stale in results])),
        "batches": n_steps, "finished": len(results), "applied": int(sharded.applied.numpy()), "restored": restored,
        "seconds": seconds, "step_ms": seconds * 1000 / max(n_steps - restored - SAVE_EVERY, 1),
    }  # fmt: skip
    if task["rows"] is None:
        for variable in model.trainable_variables:
            variable.assign(sharded.weights()[variable.path])
        done["log_loss"] = wdl.scores(held_out[1], wdl.predict(model, held_out[0]))["log loss"]
    pathlib.Path(task["result"]).write_text(json.dumps(done))


class Cluster:
    """Servers and workers as processes of this machine, and a coordinator.

    Args:
        n_workers: int. folder: path where the processes' logs go.
    """

    processes = multiprocessing.get_context("fork")  # TensorFlow is imported once; so this process computes nothing

    def __init__(self, n_workers, folder):
        self.folder, self.running = pathlib.Path(folder), {}
        addresses = distributed.free_addresses(SERVERS + n_workers)
        self.cluster = {"ps": addresses[:SERVERS], "worker": addresses[SERVERS:]}
        for kind, members in self.cluster.items():
            for index in range(len(members)):
                self.start(kind, index)

    def start(self, kind, index):
        self.running[kind, index] = self._process(f"{kind}_{index}", serve, self.cluster, kind, index)

    def kill(self, kind, index):
        """At once, with nothing tidied up."""
        process = self.running.pop((kind, index))
        process.kill()
        process.join()

    def coordinator(self, **task):
        task = {"steps": None, "rows": None, "folder": None, "log": None, **task}
        return self._process("coordinator", coordinate, self.cluster, {**task, "result": str(self.folder / "result")})

    def _process(self, name, work, *arguments):
        process = self.processes.Process(target=_logged, args=(self.folder / f"{name}.log", work, *arguments))
        process.start()
        return process

    def finish(self, process):
        """The result of a coordinator's run; an error with its log if it failed."""
        process.join()
        if process.exitcode:
            raise RuntimeError((self.folder / "coordinator.log").read_text()[-3000:])
        return json.loads((self.folder / "result").read_text())

    def __enter__(self):
        return self

    def __exit__(self, *error):
        for member in list(self.running):
            self.kill(*member)


def _logged(path, work, *arguments):
    with open(path, "a") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    status = 1
    try:
        work(*arguments)
        status = 0
    except Exception:
        traceback.print_exc()
    finally:
        os._exit(status)  # TensorFlow's threads wait for the others' end, and would keep the process


def run(n_workers=1, **task):
    """The result of one run from its start to its end."""
    with tempfile.TemporaryDirectory() as folder, Cluster(n_workers, folder) as cluster:
        return cluster.finish(cluster.coordinator(**task))


def killed(kind, steps=None):
    """The result of a run with two workers, of which one 'worker' or one server, 'ps', is killed on the way."""
    with tempfile.TemporaryDirectory() as folder:
        log, task = pathlib.Path(folder) / "log", {"steps": steps, "folder": f"{folder}/checkpoints"}
        with Cluster(2, folder) as cluster:
            process = cluster.coordinator(log=str(log), **task)
            while process.exitcode is None and (not log.exists() or int(log.read_text() or 0) < SAVE_EVERY):
                time.sleep(0.02)
            cluster.kill(kind, 1)
            if kind == "worker":
                time.sleep(1)  # the others go on meanwhile
                cluster.start(kind, 1)  # an orchestrator starts it again, at the same address
                return cluster.finish(process)
            process.join()
        if not process.exitcode:
            raise RuntimeError("The run ended before the server was killed: make it longer.")
        with Cluster(2, folder) as cluster:  # all others are started again too
            return cluster.finish(cluster.coordinator(**task))


def local(result):
    """The losses, the held-out log loss and the seconds of one process, written to a file."""
    model, (inputs, labels), held_out = census()
    losses, start = [], None
    for loss in local_losses(model, inputs, labels, batches_of(len(labels), EPOCHS * (len(labels) // BATCH))):
        losses.append(loss)
        if len(losses) == SAVE_EVERY:
            start = time.perf_counter()  # what was compiled is not counted, as with servers
    seconds = time.perf_counter() - start
    log_loss = wdl.scores(held_out[1], wdl.predict(model, held_out[0]))["log loss"]
    pathlib.Path(result).write_text(json.dumps({"losses": losses, "log_loss": log_loss, "seconds": seconds}))


def kills(steps):
    """What happens when a worker, and when a server is killed: a part of the file."""
    kept, found = ("batches", "finished", "applied", "restored", "log_loss"), {}
    for name, kind in (("worker_killed", "worker"), ("server_killed", "ps")):
        result = killed(kind, steps)
        found[name] = {key: result[key] for key in kept}
    return found


def measure():
    """Everything that the file holds."""
    with tempfile.TemporaryDirectory() as folder:
        process = Cluster.processes.Process(target=local, args=(f"{folder}/local",))
        process.start()
        process.join()
        alone = json.loads(pathlib.Path(folder, "local").read_text())
    result = {"step_ms": {}, "slots_mb": {}}
    for rows in (10**6, 10**8):
        result["step_ms"][str(rows)] = round(run(1, rows=rows, steps=400)["step_ms"], 2)
        result["slots_mb"][str(rows)] = round(3 * 4 * rows / 2**20)
    runs = {"one_worker": run(1), "two_workers": run(2)}
    result |= {"one_worker": runs["one_worker"]["losses"], "local": alone["losses"]}
    result["log_loss"] = {"local": alone["log_loss"], **{name: found["log_loss"] for name, found in runs.items()}}
    result["seconds"] = {name: round(found["seconds"], 2) for name, found in {"one_process": alone, **runs}.items()}
    result["rows"] = (len(alone["losses"]) - SAVE_EVERY) * BATCH
    result["staleness"] = {name: round(found["staleness"], 3) for name, found in runs.items()}
    return result | kills(None)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=pathlib.Path, required=True, help="the file to write")
    parser.add_argument("--kills", type=int, help="only kill a worker and a server, in runs of so many steps")
    arguments = parser.parse_args()
    if not distributed.has_loopback():
        sys.exit("The processes cannot reach each other: the loopback interface is down.")
    found = kills(arguments.kills) if arguments.kills else measure()
    write(arguments.json, found)

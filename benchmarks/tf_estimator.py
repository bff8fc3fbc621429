"""The paper's own system, tf.estimator.DNNLinearCombinedClassifier, in an environment of its own.

Its last TensorFlow was 2.15 (estimator_requirements.txt). estimator.py, adult.py and speed.py start this file there:

    python tf_estimator.py steps FOLDER 50,1000    trains on the batches of FOLDER/batches.npy; after 0 and each of
                                                   these steps writes weights and test probabilities, FOLDER/step-50.npz
    python tf_estimator.py score MODEL RUNS FOLDER     as peers.py
    python tf_estimator.py speed FOLDER                as peers.py
    python tf_estimator.py versions                    as peers.py
    python tf_estimator.py example FOLDER              writes the checkpoint of docs/migrating.md and its answers

All models but the example's get the project's own features, of FOLDER/features.npz.
"""

import importlib.metadata
import json
import math
import os
import pathlib
import sys
import tempfile
import time

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np
import tensorflow as tf

tf.compat.v1.logging.set_verbosity(tf.compat.v1.logging.ERROR)
EMBEDDING_DIM, UNITS, BATCH_SIZE, EPOCHS = 8, [128, 64, 32], 256, 8


def load(folder):
    """The estimator's features of both parts and the training labels; it ignores the id −1 as we do 0."""
    arrays = np.load(folder / "features.npz")
    found = {}
    for part in ("train", "test"):
        ids = {f"deep_{i:02}": column[:, None] for i, column in enumerate(arrays[f"{part}_deep"].T)}
        ids["wide"] = arrays[f"{part}_wide"]
        found[part] = {name: np.where(values == 0, -1, values).astype("int64") for name, values in ids.items()}
        found[part]["numbers"] = arrays[f"{part}_numbers"]
    return found["train"], found["test"], arrays["train_labels"][:, None], int(arrays["n_wide"]), int(arrays["n_deep"])


def classifier(n_wide, n_deep, seed, folder, scale=None, **settings):
    """One identity column for all wide ids; an embedding of each category; the numbers come last, by name.

    Embeddings start as tf.estimator has it, or with a `scale` between −scale and scale, as in Keras.
    """
    identity = tf.feature_column.categorical_column_with_identity
    embeddings = []
    for i in range(10):
        first = tf.keras.initializers.RandomUniform(-scale, scale, seed=100 * seed + i) if scale else None
        column = identity(f"deep_{i:02}", n_deep)
        embeddings.append(tf.feature_column.embedding_column(column, EMBEDDING_DIM, initializer=first))
    return tf.estimator.DNNLinearCombinedClassifier(
        model_dir=str(folder),
        linear_feature_columns=[identity("wide", n_wide)],
        dnn_feature_columns=[*embeddings, tf.feature_column.numeric_column("numbers", (5,))],
        config=tf.estimator.RunConfig(
            tf_random_seed=seed, save_summary_steps=None, save_checkpoints_steps=10**9, keep_checkpoint_max=None,
            log_step_count_steps=None,
        ),
        **{"dnn_hidden_units": UNITS, **settings},
    )  # fmt: skip


def batches(features, labels, order, repeat=1):
    """An input function; `order`, (steps, rows), lists each batch's row numbers, filled up with −1."""

    def pick(numbers):
        numbers = tf.boolean_mask(numbers, numbers >= 0)
        return {name: tf.gather(array, numbers) for name, array in features.items()}, tf.gather(labels, numbers)

    return lambda: tf.data.Dataset.from_tensor_slices(order).repeat(repeat).map(pick).prefetch(2)


def cut(rows, size):
    """Row numbers in batches of a `size`, as `batches` takes them."""
    return np.pad(rows, (0, -len(rows) % size), constant_values=-1).reshape(-1, size)


def epochs_of_batches(n_rows, seed, epochs=EPOCHS):
    random = np.random.default_rng(seed)
    return np.concatenate([cut(random.permutation(n_rows), BATCH_SIZE) for _ in range(epochs)])


def probabilities(model, features, checkpoint=None):
    n_rows = len(features["numbers"])
    inputs = batches(features, np.zeros((n_rows, 1), int), cut(np.arange(n_rows), 4096))
    answers = model.predict(inputs, "probabilities", checkpoint_path=checkpoint, yield_single_examples=False)
    return np.concatenate([answer["probabilities"][:, 1] for answer in answers]).astype("float64")


# ------------------------------------------------------------------------------------ step for step


def steps(folder, wanted):
    train, test, labels, n_wide, n_deep = load(folder)
    order = np.load(folder / "batches.npy")
    legacy = tf.keras.optimizers.legacy
    with tempfile.TemporaryDirectory() as kept:
        model = classifier(
            n_wide, n_deep, 0, kept,
            linear_optimizer=lambda: legacy.Ftrl(0.02, l1_regularization_strength=0.003, initial_accumulator_value=0.1),
            dnn_optimizer=lambda: legacy.Adagrad(0.02, initial_accumulator_value=0.1),
        )  # fmt: skip
        for first, last in zip([0, *wanted], wanted):
            model.train(batches(train, labels, order[first:last]), max_steps=last)
        for step in [0, *wanted]:
            checkpoint = f"{kept}/model.ckpt-{step}"
            reader = tf.train.load_checkpoint(checkpoint)
            weights = {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}
            weights["probabilities"] = probabilities(model, test, checkpoint)
            np.savez(folder / f"step-{step}.npz", **weights)


# ------------------------------------------------------------------------------------ scores


def same_settings(n_rows):
    """What adult.training and wdl_helpers.wide_deep_model say, in the old words."""
    legacy, n_steps = tf.keras.optimizers.legacy, EPOCHS * math.ceil(n_rows / BATCH_SIZE)
    return {
        "linear_optimizer": lambda: legacy.Ftrl(0.02, l1_regularization_strength=0.003, initial_accumulator_value=1e-6),
        "dnn_optimizer": lambda: legacy.Adam(tf.keras.optimizers.schedules.CosineDecay(2e-3, n_steps)),
        "dnn_dropout": 0.2,
        "scale": 0.05,
    }


def tuned(n_rows, wide_rate, l1, deep_rate, dropout, units):
    """The optimizers that it has by default, FTRL and AdaGrad, with other settings."""
    legacy = tf.keras.optimizers.legacy
    return {
        "linear_optimizer": lambda: legacy.Ftrl(wide_rate, l1_regularization_strength=l1),
        "dnn_optimizer": lambda: legacy.Adagrad(deep_rate),
        "dnn_dropout": dropout,
        "dnn_hidden_units": units,
    }


MODELS = {"tf_estimator": same_settings, "tf_estimator_defaults": lambda n_rows: {}, "tf_estimator_tuned": tuned}


def score(name, runs, folder):
    """As in peers.py; each of the runs is [seed, settings], and 'epochs' is one of the settings."""
    train, test, labels, n_wide, n_deep = load(folder)
    results = []
    for i, (seed, settings) in enumerate(runs):
        epochs, chosen = settings.get("epochs", EPOCHS), {k: v for k, v in settings.items() if k != "epochs"}
        with tempfile.TemporaryDirectory() as kept:
            model = classifier(n_wide, n_deep, seed, kept, **MODELS[name](len(labels), **chosen))
            start = time.perf_counter()
            model.train(batches(train, labels, epochs_of_batches(len(labels), seed, epochs)))
            results.append({"seconds": time.perf_counter() - start, "settings": settings})
            np.save(folder / f"{name}-{i}.npy", probabilities(model, test))
    return results


# ------------------------------------------------------------------------------------ speed


class Turns(tf.estimator.SessionRunHook):
    """For each line of stdin, let training run for one epoch and say how many seconds it took."""

    def __init__(self, n_steps):
        self.n_steps, self.done = n_steps, 0

    def before_run(self, context):
        if self.done % self.n_steps == 0:
            if not sys.stdin.readline():
                context.request_stop()
            self.start = time.perf_counter()

    def after_run(self, context, values):
        self.done += 1
        if self.done % self.n_steps == 0:
            print(time.perf_counter() - self.start, flush=True)


def speed(folder):
    train, _, labels, n_wide, n_deep = load(folder)
    order = epochs_of_batches(len(labels), 0)
    n_steps = len(order) // EPOCHS
    with tempfile.TemporaryDirectory() as kept:
        model = classifier(n_wide, n_deep, 0, kept, **same_settings(len(labels)))
        print("ready", flush=True)
        model.train(batches(train, labels, order, repeat=1000), hooks=[Turns(n_steps)])


# ------------------------------------------------------------------- the checkpoint of docs/migrating.md

CITIES, TAGS, EDGES = ["Rome", "Oslo", "Lima"], ["new", "sale", "gift"], [25, 40, 60]
TEXTS = ["Rome", "Ünder", "東京", "a=b & c", "7", "-1", "x" * 100]


def example(folder):
    """A model of feature columns of most kinds. 'Bern' is in no vocabulary; a row has none to three tags."""
    random, column = np.random.default_rng(0), tf.feature_column
    n_rows = 240
    tags = [random.choice(TAGS, size, replace=False).tolist() for size in random.integers(0, 4, n_rows)]
    rows = {
        "city": random.choice([*CITIES, "Bern"], n_rows).tolist(),
        "device": random.choice(["phone", "tablet", "laptop", "tv"], n_rows).tolist(),
        "age": random.integers(18, 80, n_rows).tolist(),
    }
    padded = {**rows, "tags": [(cell + [""] * 3)[:3] for cell in tags]}
    likes = [(city == "Rome") ^ (device == "tv") for city, device in zip(rows["city"], rows["device"])]
    labels = (np.array(likes) + ["sale" in cell for cell in tags] + random.normal(0, 0.7, n_rows) > 1).astype(int)

    city = column.categorical_column_with_vocabulary_list("city", CITIES)
    device = column.categorical_column_with_hash_bucket("device", 10)
    tag = column.categorical_column_with_vocabulary_list("tags", TAGS)
    age = column.numeric_column("age", normalizer_fn=lambda value: (tf.cast(value, tf.float32) - 40) / 10)
    groups = column.bucketized_column(column.numeric_column("age"), EDGES)
    cross = column.crossed_column(["city", "device"], 50)

    def inputs(repeat):
        return lambda: tf.data.Dataset.from_tensor_slices((padded, labels)).repeat(repeat).batch(40)

    with tempfile.TemporaryDirectory() as kept:
        model = tf.estimator.DNNLinearCombinedClassifier(
            model_dir=kept,
            linear_feature_columns=[city, device, tag, groups, cross],
            linear_optimizer=lambda: tf.keras.optimizers.legacy.Ftrl(0.1),
            dnn_feature_columns=[*(column.embedding_column(each, 4) for each in (city, device, tag)), age],
            dnn_optimizer=lambda: tf.keras.optimizers.legacy.Adagrad(0.1),
            dnn_hidden_units=[8, 4],
            config=tf.estimator.RunConfig(tf_random_seed=0),
        )
        model.train(inputs(30))
        said = [float(answer["probabilities"][1]) for answer in model.predict(inputs(1))]
        folder.mkdir(exist_ok=True)
        for path in pathlib.Path(kept).glob(f"{pathlib.Path(model.latest_checkpoint()).name}.[di]*"):
            (folder / f"model.ckpt{path.suffix}").write_bytes(path.read_bytes())
    with tf.Graph().as_default():
        hashed = column.indicator_column(column.categorical_column_with_hash_bucket("text", 1000))
        numbers = tf.compat.v1.feature_column.input_layer({"text": tf.constant(TEXTS)[:, None]}, hashed)
        with tf.compat.v1.Session() as session:
            buckets = session.run(numbers).argmax(axis=1).tolist()
    content = {"rows": {**rows, "tags": tags}, "probabilities": said, "texts": TEXTS, "buckets": buckets}
    (folder / "example.json").write_text(json.dumps(content) + "\n")


def main():
    task, *arguments = sys.argv[1:]
    if task == "steps":
        steps(pathlib.Path(arguments[0]), [int(step) for step in arguments[1].split(",")])
        print(json.dumps("done"))
    elif task == "score":
        print(json.dumps(score(arguments[0], json.loads(arguments[1]), pathlib.Path(arguments[2]))))
    elif task == "versions":
        print(json.dumps({name: importlib.metadata.version(name) for name in ("tensorflow-cpu", "numpy")}))
    elif task == "example":
        example(pathlib.Path(arguments[0]))
    else:
        speed(pathlib.Path(arguments[0]))


if __name__ == "__main__":
    main()

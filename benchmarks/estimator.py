"""Train our model and the paper's own system, tf.estimator, on the same batches from the same start, and compare.

    python -m benchmarks.estimator --json benchmarks/estimator.json

The file holds 'steps', and for each number of steps the largest absolute difference from tf.estimator, in weights and
in the test rows' 'probabilities', with the helpers' optimizers ('ours') and with Keras' own ('keras'). Under 'zeros' it
holds how many wide weights are exactly 0. tf_estimator.py, in its own environment, does the other half.
"""

import argparse
import itertools
import pathlib

import wdl_helpers as wdl
from benchmarks.adult import BUILD, ask_peer, labels, save_features
from benchmarks.results import write
from recommender.datasets import adult

import keras
import numpy as np

STEPS, BATCH_SIZE = [50, 1000], 256
OPTIMIZERS = {"ours": wdl, "keras": keras.optimizers}
WIDE, EMBEDDINGS = "wide_weights/table", "deep_embeddings/table"


def random_batches(n_rows, steps):
    """Row numbers, (steps, batch size): the rows in random order, and again when all were there."""
    random = np.random.default_rng(0)
    epochs = [random.permutation(n_rows) for _ in range(-(-steps * BATCH_SIZE // n_rows))]
    return np.concatenate(epochs)[: steps * BATCH_SIZE].reshape(steps, BATCH_SIZE)


def two_biases(inputs, wide):
    """The inputs with one id more, which is 1 in each row: tf.estimator's wide part has a bias, and FTRL trains it."""
    ids = np.pad(inputs["wide_ids"], ((0, 0), (0, 1)), constant_values=wide["n_ids"])
    return {**inputs, "wide_ids": ids}


def estimators_weights(step, deep):
    """What tf.estimator has after a step: its weights by the names of ours, and its test probabilities."""
    found = np.load(BUILD / f"step-{step}.npz")
    wide = found["linear/linear_model/wide/weights"], found["linear/linear_model/bias_weights"][:, None]
    weights = {WIDE: np.concatenate(wide), EMBEDDINGS: np.zeros((deep["n_ids"], 8), "float32")}
    for i, column in enumerate(deep["categories"]):
        table = found[f"dnn/input_from_feature_columns/input_layer/deep_{i:02}_embedding/embedding_weights"]
        ids = [number for name, number in deep["vocabulary"].items() if name.startswith(f"{column}=")]
        weights[EMBEDDINGS][ids] = table[ids]
    for i, kind in itertools.product(range(3), ("kernel", "bias")):
        weights[f"deep_hidden_{i + 1}/{kind}"] = found[f"dnn/hiddenlayer_{i}/{kind}"]
    weights["deep_logit/kernel"], weights["logit/bias"] = found["dnn/logits/kernel"], found["dnn/logits/bias"]
    return weights, found["probabilities"]


def our_model(module, wide, deep):
    """The joint model with tf.estimator's first weights, compiled with a module's FTRL and AdaGrad."""
    model = wdl.wide_deep_model({**wide, "n_ids": wide["n_ids"] + 1}, deep, dropout=0.0)
    start, _ = estimators_weights(0, deep)
    for variable in model.trainable_variables:
        variable.assign(start[variable.path])
    ftrl = module.Ftrl(0.02, l1_regularization_strength=0.003, initial_accumulator_value=0.1)
    adagrad = module.Adagrad(0.02, initial_accumulator_value=0.1)
    model.compile(wdl.joint_optimizer(wide=ftrl, deep=adagrad), wdl.LogLoss(), jit_compile=False)
    return model


def differences(model, test_inputs, step, deep):
    """How far our model is from tf.estimator after a step: dict name → largest absolute difference."""
    weights, probabilities = estimators_weights(step, deep)
    found = {v.path: float(np.abs(v.numpy() - weights[v.path]).max()) for v in model.trainable_variables}
    return {
        "wide_weights": found.pop(WIDE),
        "embeddings": found.pop(EMBEDDINGS),
        "hidden_layers": max(found.values()),
        "probabilities": float(np.abs(wdl.predict(model, test_inputs) - probabilities).max()),
    }


def zeros(weights):
    return int(np.sum(weights[1:-1] == 0))  # neither id 0, unseen, nor the bias


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=pathlib.Path, required=True, help="the file to write")
    arguments = parser.parse_args()

    wdl.reproducible()
    train, test = adult.load_adult()
    wide, deep = adult.wide_features(train), adult.deep_features(train)
    inputs, test_inputs = (two_biases(wdl.joint_inputs(frame, wide, deep), wide) for frame in (train, test))
    order = random_batches(len(train), STEPS[-1])
    save_features(train, test, BUILD)
    np.save(BUILD / "batches.npy", order)
    ask_peer("estimator", "steps", BUILD, ",".join(map(str, STEPS)))

    results = {"steps": STEPS, "zeros": {"tf.estimator": [zeros(estimators_weights(n, deep)[0][WIDE]) for n in STEPS]}}
    for name, module in OPTIMIZERS.items():
        model, found, results["zeros"][name] = our_model(module, wide, deep), [], []
        for first, last in zip([0, *STEPS], STEPS):
            rows = order[first:last].ravel()
            batches = {key: array[rows] for key, array in inputs.items()}
            model.fit(batches, labels(train)[rows], batch_size=BATCH_SIZE, shuffle=False, verbose=0)
            found.append(differences(model, test_inputs, last, deep))
            results["zeros"][name].append(zeros(model.get_layer("wide_weights").get_weights()[0]))
        results[name] = {part: [float(f"{step[part]:.2g}") for step in found] for part in found[0]}
        print(name, results[name], flush=True)
    write(arguments.json, results)


if __name__ == "__main__":
    main()

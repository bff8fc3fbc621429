"""The features worked out slowly, a string for each row: the reference that the quick ones are held to."""

import fractions

import wdl_helpers as wdl

import numpy as np
import pandas as pd
import tensorflow as tf


def text(value):
    """The text of a value: exact arithmetic says which number is whole."""
    if isinstance(value, str):
        return "".join(value)
    if isinstance(value, (bool, np.bool_)):
        return "True" if value else "False"
    exact = fractions.Fraction(value.item() if isinstance(value, np.generic) else value)
    assert exact.denominator == 1, value
    return str(exact.numerator)


def name(column, value):
    """Letter by letter: a backslash before each backslash and '=' of a column's name; ' & ' is kept for crosses."""
    marked = "".join("\\" + letter if letter in "\\=" else letter for letter in column)
    return "=".join(part.replace(" &", " &&") for part in (" " + marked, text(value)))[1:]


def _unfolded(frame, columns):
    """The frame's `columns` with row numbers as index and a row for each value of a multi-valued cell."""
    long = frame[list(columns)].reset_index(drop=True).astype(object)
    for column in columns:
        many = long[column].map(type).isin([list, tuple, np.ndarray])
        if many.any():
            assert many.all()
            long = long[long[column].map(len) > 0].explode(column)
    return long


def cross(frame, columns):
    long = _unfolded(frame, columns)
    names = [[name(column, value) for value in long[column]] for column in columns]
    crossed = pd.Series([" & ".join(parts) for parts in zip(*names)], index=long.index, dtype=object)
    if not crossed.index.is_unique:  # a feature is 1 however often a list repeats its value
        crossed = crossed[~pd.MultiIndex.from_arrays([crossed.index, crossed]).duplicated()]
    return crossed


def values_of(frame, fitted):
    """What `cross` gives for each feature of a fitted wide or deep part."""
    cut = frame.copy(deep=False)
    if "features" in fitted:
        for column, edges in fitted["boundaries"].items():
            cut[column] = wdl.bucket_names(edges)[wdl.quantile_index(frame, column, edges)]
    return [cross(cut, feature) for feature in fitted.get("features") or [(c,) for c in fitted["categories"]]]


def vocabulary_of(frame, fitted, min_count):
    counts = pd.concat(values_of(frame, fitted)).value_counts()
    kept = sorted((-count, value) for value, count in counts[counts >= min_count].items())
    return {value: i for i, (_, value) in enumerate(kept, start=1)}


def ids(values, fitted, n_rows):
    if fitted["vocabulary"] is None:
        numbers = [int(tf.strings.to_hash_bucket_fast(value, fitted["n_ids"] - 1)) + 1 for value in values]
    else:
        numbers = values.map(fitted["vocabulary"]).fillna(0)
    position = values.groupby(level=0).cumcount()  # 0 for a row's first string, 1 for its second, …
    matrix = np.zeros((n_rows, position.max() + 1 if len(values) else 1), dtype="int32")
    matrix[values.index, position] = numbers
    return matrix

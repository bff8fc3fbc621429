"""The features worked out slowly, a string for each row: the reference that the quick ones are held to."""

import numbers

import wdl_helpers as wdl

import numpy as np
import pandas as pd


def _unfolded(frame, columns):
    """The frame's `columns` with row numbers as index and a row for each value of a multi-valued cell."""
    long = frame[list(columns)].reset_index(drop=True)
    for column in columns:
        if "=" in str(column) or wdl.AND in str(column):
            raise ValueError(
                f"Column {column!r}: rename it without '=' and {wdl.AND!r}, they build the names of features."
            )
        many = long[column].map(type).isin([list, tuple, np.ndarray]) if long[column].dtype == object else None
        if many is not None and many.any():
            if not many.all():
                raise TypeError(f"Column {column!r} mixes lists with single values, as in row {many.idxmin()}.")
            long = long[long[column].map(len) > 0].explode(column)
        new = ~long[column].duplicated()
        if long[column].dtype == object:
            new |= ~long[column].map(type).duplicated()  # 1 and 1.0 are equal, but not alike
        for row, value in long[column][new].items():
            if pd.isna(value):
                raise ValueError(f"Column {column!r} has a missing value in row {row}: fill it, for example with '?'.")
            if not isinstance(value, (str, numbers.Integral, np.bool_)):
                raise TypeError(
                    f"Column {column!r} holds a {type(value).__name__} in row {row}; expected strings or whole "
                    "numbers: cut decimals into buckets, turn anything else into strings."
                )
            if wdl.AND in str(value):
                raise ValueError(
                    f"Column {column!r} holds {value!r} in row {row}; replace {wdl.AND!r}, it joins crosses."
                )
    return long


def cross(frame, columns):
    wdl.check_names(columns)
    if len(columns) == 0:
        raise ValueError("columns is empty: name at least one column.")
    wdl.check_frame(frame, columns)
    long = _unfolded(frame, columns)
    names = [f"{column}=" + long[column].astype(str) for column in columns]
    crossed = names[0]
    for name in names[1:]:
        crossed = crossed + wdl.AND + name
    if not crossed.index.is_unique:  # a feature is 1 however often a list repeats its value
        crossed = crossed[~pd.MultiIndex.from_arrays([crossed.index, crossed]).duplicated()]
    return crossed.rename(wdl.AND.join(map(str, columns)))


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
        numbers = [int(wdl.tf.strings.to_hash_bucket_fast(value, fitted["n_ids"] - 1)) + 1 for value in values]
    else:
        numbers = values.map(fitted["vocabulary"]).fillna(0)
    position = values.groupby(level=0).cumcount()  # 0 for a row's first string, 1 for its second, …
    matrix = np.zeros((n_rows, position.max() + 1 if len(values) else 1), dtype="int32")
    matrix[values.index, position] = numbers
    return matrix

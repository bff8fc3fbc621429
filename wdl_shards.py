"""Data larger than memory: features counted over files, and batches streamed from them.

fit_shards     what `fit_wide` and `fit_deep` learn, from files
stream         batches of a model's inputs, from files
"""

import collections
import inspect
import itertools

import wdl_helpers as wdl  # before TensorFlow: it sets how TensorFlow computes
from wdl_production import graph_inputs, used_columns

# isort: split
import numpy as np
import pandas as pd
import tensorflow as tf


def counted_quantiles(counted, n_quantiles):
    """`quantile_boundaries` of a column of which only the different values and their counts are known.

    Args:
        counted: data frame with two columns, numbers and how many rows have each. n_quantiles: int ≥ 2.
    Returns:
        float64 array of n_quantiles − 1 boundaries, those of `quantile_boundaries` to the last bit.
    """
    values, counts = counted.sort_values(counted.columns[0]).to_numpy("float64").T
    last = np.cumsum(counts) - 1  # the place of each value's last row, if all rows were sorted
    place = (counts.sum() - 1) * (np.arange(1, n_quantiles) / n_quantiles)
    low, high = (values[np.searchsorted(last, edge)] for edge in (np.floor(place), np.ceil(place)))
    share = place - np.floor(place)
    # NumPy interpolates from the nearer end, and so must we, to get its bits.
    return np.where(share < 0.5, low + (high - low) * share, high - (high - low) * (1 - share))


def fit_shards(paths, wide_settings, deep_settings, chunk_rows=50_000):
    """`fit_wide` and `fit_deep` on CSV files that do not fit into memory, in one pass over them.

    The pass counts the values of each column and of each cross that is not hashed. Memory grows with the number of
    different values, not with the number of rows; so a column of numbers should have few different ones. All else is
    exact.

    Args:
        paths: list of CSV files with the same header; a cell holds one value. A missing text is the empty string.
        wide_settings: dict, arguments of `fit_wide` without the frame. deep_settings: dict, those of `fit_deep`.
        chunk_rows: int, rows that are in memory at once.
    Returns:
        wide, deep: what `fit_wide` and `fit_deep` would return for all rows in one frame.
    Raises:
        KeyError, ValueError, TypeError: a setting or a cell is not usable, or a file lacks a column; the message names
            the file.
    """
    wide_settings, deep_settings = _complete(wdl.fit_wide, wide_settings), _complete(wdl.fit_deep, deep_settings)
    buckets, hash_buckets = wide_settings["buckets"] or {}, wide_settings["hash_buckets"]
    categories, numbers = deep_settings["categories"], deep_settings["numbers"]
    try:  # what is wrong with the settings is said at once, and as ever
        types = {column: str for column in pd.read_csv(paths[0], nrows=0) if column not in {*buckets, *numbers}}
        first = pd.read_csv(paths[0], dtype=types, keep_default_na=False, nrows=chunk_rows)
        features = wdl.fit_wide(first, **wide_settings)["features"]
        wdl.fit_deep(first, **deep_settings)
    except (KeyError, TypeError, ValueError) as error:
        raise _of_file(paths[0], error) from None
    singles = [(column,) for column in [*categories, *numbers, *buckets]]
    counted = singles if hash_buckets else [*features, *singles]  # what is hashed need not be counted
    counts = _counted(paths, counted, {*buckets, *numbers}, chunk_rows)

    cuts = {column: np.unique(counted_quantiles(counts[column,], n)) for column, n in buckets.items()}
    wide = {"features": features, "boundaries": cuts, "vocabulary": None, "n_ids": (hash_buckets or 0) + 1}
    if not hash_buckets:
        names = _name_counts(counts, features, cuts)
        wide["vocabulary"] = wdl.vocabulary_of_counts(names, wide_settings["min_count"])
        wide["n_ids"] = len(wide["vocabulary"]) + 1

    names = _name_counts(counts, [(column,) for column in categories], {})
    vocabulary = wdl.vocabulary_of_counts(names, deep_settings["min_count"])
    cuts = {column: counted_quantiles(counts[column,], deep_settings["n_quantiles"]) for column in numbers}
    return wide, {
        "categories": list(categories), "vocabulary": vocabulary, "boundaries": cuts, "n_ids": len(vocabulary) + 1,
    }  # fmt: skip


def _complete(function, settings):
    """The settings, without the frame, with the function's defaults for those that are not named."""
    bound = inspect.signature(function).bind(None, **settings)
    bound.apply_defaults()
    return {name: value for name, value in bound.arguments.items() if name != "frame"}


def _of_file(path, error):
    kind = ValueError if isinstance(error, UnicodeError) else type(error)
    return kind(f"{path}: {error.args[0] if isinstance(error, KeyError) else error}")


def _counted(paths, groups, numbers, chunk_rows):
    """Group of columns → data frame of its different values, with their numbers of rows in the last column, ''."""
    totals = {group: collections.Counter() for group in groups}
    columns = list(dict.fromkeys(itertools.chain(*groups)))
    types = {column: str for column in columns if column not in numbers}
    for path in paths:
        try:
            for chunk in pd.read_csv(path, usecols=columns, dtype=types, keep_default_na=False, chunksize=chunk_rows):
                for column in numbers:
                    wdl.check_numbers(chunk, column)
                for group, total in totals.items():
                    total.update(chunk.groupby(list(group), sort=False).size().to_dict())
        except (TypeError, ValueError) as error:
            raise _of_file(path, error) from None
    frames = {}
    for group, total in totals.items():
        keys = total if len(group) > 1 else ((key,) for key in total)
        frames[group] = pd.DataFrame(list(keys), columns=list(group)).assign(**{"": list(total.values())})
    return frames


def _name_counts(counts, features, boundaries):
    """Rows that hold each name 'column=value' or cross of such; the index is the name."""
    series = [pd.Series(dtype=int)]
    for feature in features:
        counted = counts[feature]
        cut = {column: boundaries[column] for column in feature if column in boundaries}
        ((_, codes, names),) = wdl.feature_codes(counted, [feature], cut)
        series.append(counted[""].groupby(names[codes]).sum())
    return pd.concat(series)


def stream(paths, wide, deep, label, classes, batch_size):
    """A `tf.data.Dataset` of a model's inputs and labels, read from CSV files batch after batch, in their order.

    Nothing is shuffled: training needs files whose rows are in random order, or the dataset's own `shuffle`.

    Args:
        paths: list of CSV files with the same header; a cell holds one value.
        wide, deep: what `fit_wide`, `fit_deep` or `fit_shards` returned.
        label: name of the label's column. classes: two str, its texts where the label is 0 and where it is 1.
        batch_size: int, rows a batch.
    Returns:
        dataset of (dict of inputs, float32 labels (rows,)). Its length is unknown, of which Keras warns; so train with
        `model.fit(dataset.repeat(), steps_per_epoch=…)`.
    Raises:
        ValueError: a file lacks a column, or its header is another than the first file's.
        tf.errors.InvalidArgumentError: while it is read: a missing number, or another label than the two.
    """
    headers = {path: list(pd.read_csv(path, nrows=0).columns) for path in dict.fromkeys(paths)}
    header = headers[paths[0]]
    for path, found in headers.items():
        if found != header:
            raise ValueError(f"{path} has the header {found}; expected {header}, as in {paths[0]}.")
    numbers = {column for part in (wide, deep) if part for column in part["boundaries"]}
    kinds = {column: "number" if column in numbers else "text" for column in used_columns(wide, deep)}
    for column in [*kinds, label]:
        if column not in header:
            raise ValueError(f"{paths[0]} has no column {column!r}; it has {header}.")
    read = sorted({*kinds, label}, key=header.index)
    missing = {"number": tf.constant([np.nan], tf.float64), "text": tf.constant([""])}
    rows = tf.data.experimental.CsvDataset(
        [str(path) for path in paths], [missing[kinds.get(column, "text")] for column in read], header=True,
        select_cols=[header.index(column) for column in read],
    )  # fmt: skip
    features = graph_inputs(wide, deep, kinds)

    def ready(*cells):
        columns = dict(zip(read, cells, strict=True))
        for column in numbers:
            tf.debugging.assert_all_finite(columns[column], f"Column {column} lacks a number")
        negative, positive = (columns[label] == text for text in classes)
        known = tf.reduce_all(negative | positive)
        tf.debugging.Assert(known, [f"Column {label} has another label than {' and '.join(classes)}:", columns[label]])
        return features(columns), tf.cast(positive, tf.float32)

    return rows.batch(batch_size).map(ready).prefetch(1)

"""Vocabularies and hashing: an id for each string that names a feature.

Read it from top to bottom, in the order in which data flows.

    vocabulary_of_counts, vocabulary     which strings get an id, and which
    look_up, hash_names                  the ids of strings
    padded_matrix                        ids of rows, which may have several or none
    vocabulary_ids, hash_ids             both in one
"""

from collections.abc import Mapping

from wide_deep.checks import check_buckets, check_strings, check_vocabulary, check_whole
from wide_deep.reproducible import quiet_stderr

import numpy as np
import pandas as pd

__all__ = [
    "hash_ids", "hash_names", "look_up", "padded_matrix", "vocabulary", "vocabulary_ids", "vocabulary_of_counts",
]  # fmt: skip


def vocabulary_of_counts(counts: pd.Series, min_count: int) -> dict[str, int]:
    """The vocabulary of strings that have already been counted.

    Args:
        counts: int Series, its index the strings.
        min_count: at least 1, how often a string must occur to get an id.

    Returns:
        dict string → id, as from `vocabulary`.

    Raises:
        ValueError: min_count is not a whole number of at least 1.

    Taught in: notebook 11, "Counting rows that do not fit".

    Example:
        >>> vocabulary_of_counts(pd.Series({"city=Rome": 2, "city=Bern": 3, "city=Oslo": 2}), min_count=1)
        {'city=Bern': 1, 'city=Oslo': 2, 'city=Rome': 3}
    """
    check_whole("min_count", min_count, 1)
    frequent = counts[counts.to_numpy() >= min_count]
    names = frequent.index.tolist()
    by_name = np.array(sorted(range(len(names)), key=names.__getitem__), dtype="int64")
    order = by_name[np.argsort(-frequent.to_numpy()[by_name], kind="stable")]  # the most frequent first, ties by string
    return {names[i]: rank for rank, i in enumerate(order.tolist(), start=1)}


def vocabulary(values: pd.Series, min_count: int = 1) -> dict[str, int]:
    """Give an id to each string that is frequent enough.

    Args:
        values: strings from `cross`, of the training frame only.
        min_count: at least 1, how often a string must occur to get an id.

    Returns:
        dict string → id. Ids run from 1, the most frequent string first; id 0 is kept for unseen strings.

    Raises:
        TypeError: the values are not a Series of strings.
        ValueError: min_count is not a whole number of at least 1.

    Source:
        Section 4.1 of the paper.

    Taught in: notebook 1, "From a cross to an id".

    Example:
        >>> vocabulary(pd.Series(["a=x", "a=y", "a=x"]))
        {'a=x': 1, 'a=y': 2}
    """
    check_strings(values)
    return vocabulary_of_counts(values.value_counts(), min_count)


def look_up(names: pd.Series | np.ndarray, id_of: Mapping[str, int]) -> np.ndarray:
    """The ids of names in a vocabulary.

    Args:
        names: strings (n,).
        id_of: dict string → id.

    Returns:
        int32 (n,); an unseen string has id 0.

    Example:
        >>> look_up(np.array(["a=x", "a=new"], dtype=object), {"a=x": 1}).tolist()
        [1, 0]
    """
    return np.fromiter((id_of.get(name, 0) for name in names), "int32", len(names))


def hash_names(names: pd.Series | np.ndarray, n_buckets: int) -> np.ndarray:
    """The buckets of names, by TensorFlow's Fingerprint64.

    Args:
        names: strings (n,).
        n_buckets: at least 1.

    Returns:
        int64 (n,) of 1 … n_buckets.

    Example:
        >>> hash_names(np.array(["a=x", "a=y"], dtype=object), 1000).tolist()
        [911, 165]
    """
    with quiet_stderr():
        import tensorflow as tf  # here, since it takes seconds, and nothing else about features needs it
    return tf.strings.to_hash_bucket_fast(tf.constant(list(names), tf.string), n_buckets).numpy() + 1


def padded_matrix(rows: np.ndarray, ids: np.ndarray, n_rows: int) -> np.ndarray:
    """One line a row, shorter ones filled up with 0.

    Args:
        rows: int64 (k,), the row of each id, ascending, below n_rows.
        ids: whole numbers (k,).
        n_rows: number of rows.

    Returns:
        int32 (n_rows, width), width being the most ids that a row has, at least 1.

    Example:
        >>> padded_matrix(np.array([0, 0, 2]), np.array([7, 8, 9]), 3).tolist()
        [[7, 8], [0, 0], [9, 0]]
    """
    sizes = np.bincount(rows, minlength=n_rows)  # (n_rows,), how many ids each row has
    starts = np.cumsum(sizes) - sizes  # (n_rows,), where they begin
    column = np.arange(len(rows)) - starts[rows]  # (k,), 0 for a row's first id, 1 for its second
    matrix = np.zeros((n_rows, max(sizes.max(initial=0), 1)), dtype="int32")
    matrix[rows, column] = ids
    return matrix


def _row_numbers(values: pd.Series, n_rows: int) -> np.ndarray:
    """The numbers of the rows that strings from `cross` belong to, which are their index."""
    check_strings(values)
    rows = values.index.to_numpy()
    if not np.issubdtype(rows.dtype, np.integer) or (np.diff(rows) < 0).any():
        raise ValueError("The index of the strings is not that of `cross`: expected numbers of rows that ascend.")
    if len(rows) and not (rows[0] >= 0 and rows[-1] < n_rows):
        raise ValueError(f"The strings belong to rows {rows[0]} to {rows[-1]}, but n_rows is {n_rows}.")
    return rows


def vocabulary_ids(values: pd.Series, id_of: Mapping[str, int], n_rows: int) -> np.ndarray:
    """Look strings up in a vocabulary.

    Args:
        values: strings from `cross`.
        id_of: dict string → id, from `vocabulary`.
        n_rows: the frame's length, at least 0.

    Returns:
        int32 (n_rows, width), width being the largest number of strings that a row has, at least 1. An unseen string
        has id 0, and shorter rows are filled up with 0.

    Raises:
        TypeError: the values are not a Series of strings, or `id_of` is not a vocabulary.
        ValueError: n_rows is not a whole number of at least 0, or the strings' index does not hold numbers of rows that
            ascend, all below n_rows.

    Taught in: notebook 1, "From a cross to an id".

    Example:
        >>> vocabulary_ids(pd.Series(["a=x", "a=y", "a=new"], index=[0, 0, 1]), {"a=x": 1, "a=y": 2}, 2).tolist()
        [[1, 2], [0, 0]]
    """
    check_vocabulary(id_of)
    check_whole("n_rows", n_rows, 0)
    return padded_matrix(_row_numbers(values, n_rows), look_up(values, id_of), n_rows)


def hash_ids(values: pd.Series, n_buckets: int, n_rows: int) -> np.ndarray:
    """Give each string the number of a bucket, without a vocabulary; two strings may share a bucket.

    The hash is TensorFlow's Fingerprint64: the same in every process, on every machine and inside a model.

    Args:
        values: strings from `cross`.
        n_buckets: at least 1.
        n_rows: the frame's length, at least 0.

    Returns:
        int32 (n_rows, width) of ids 1 … n_buckets; shorter rows are filled up with 0.

    Raises:
        TypeError: the values are not a Series of strings.
        ValueError: n_buckets is not a whole number of at least 1, or too large for an int32; n_rows is not a whole
            number of at least 0; or the strings' index does not hold numbers of rows that ascend, all below n_rows.

    Taught in: notebook 1, "From a cross to an id".

    Example:
        >>> hash_ids(pd.Series(["a=x", "a=y", "a=x"]), 1000, 3).tolist()
        [[911], [165], [911]]
    """
    check_buckets("n_buckets", n_buckets)
    check_whole("n_rows", n_rows, 0)
    return padded_matrix(_row_numbers(values, n_rows), hash_names(values, n_buckets), n_rows)

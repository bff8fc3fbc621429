"""Features of plain data frames: fitted on the training frame, then looked up in any frame.

Read it from top to bottom, in the order in which data flows.

    cross ─► vocabulary ─► vocabulary_ids, hash_ids                 a string for each binary feature, and its id
    fit_wide, fit_deep ─► wide_ids, deep_inputs, joint_inputs       what the models take

A feature is named 'column=value', a cross 'column=value & other=value'. columns.py defines the
text of a value, and how numbers are cut into quantiles.

Fitting sees the training frame and no other. The paper is Cheng et al., "Wide & Deep Learning
for Recommender Systems", 2016, arXiv 1606.07792.
"""

import itertools
import warnings
from collections.abc import Mapping, Sequence
from typing import Literal, NotRequired, TypedDict

from wide_deep.checks import (
    check_buckets,
    check_features,
    check_fitted,
    check_frame,
    check_names,
    check_strings,
    check_vocabulary,
    check_whole,
)
from wide_deep.columns import (
    AND,
    feature_codes,
    feature_counts,
    quantile_boundaries,
    quantile_normalise,
)
from wide_deep.reproducible import quiet_stderr

import numpy as np
import pandas as pd

__all__ = [
    "DeepFeatures", "WideFeatures", "assemble_deep", "assemble_wide", "cross", "deep_inputs", "features_and_buckets",
    "fit_deep", "fit_wide", "hash_ids", "joint_inputs", "optional_inputs", "used_columns", "vocabulary",
    "vocabulary_ids", "vocabulary_of_counts", "wide_ids",
]  # fmt: skip

# ------------------------------------------------------------------------------------- what is fitted


class WideFeatures(TypedDict):
    """What `fit_wide` learns from the training frame."""

    kind: Literal["wide"]  # tells the two parts apart
    features: list[tuple[str, ...]]  # the columns of each feature; several columns are a cross
    boundaries: dict[str, np.ndarray]  # of the columns that are cut into buckets, ascending, float64
    vocabulary: dict[str, int] | None  # feature string → id from 1; None when hashed
    n_ids: int  # rows of the table of weights, id 0 included
    longest: NotRequired[int]  # the most values that are taken of a list


class DeepFeatures(TypedDict):
    """What `fit_deep` learns from the training frame."""

    kind: Literal["deep"]
    categories: list[str]
    vocabulary: dict[str, int]
    boundaries: dict[str, np.ndarray]  # of the numbers' quantiles, ascending, float64
    n_ids: int
    longest: NotRequired[int]


# -------------------------------------------------------------------------------------------- crosses


def cross(frame: pd.DataFrame, columns: Sequence[str]) -> pd.Series:
    """Cross-product transformation: the AND of one value of each column, named by a string.

    Args:
        frame: data frame; its cells hold categories, or lists of them (multi-valued columns).
        columns: names of columns; one name gives the base feature itself.

    Returns:
        Series of strings: the binary features that are 1. Its index is the row's number; with a
        multi-valued column it is repeated, once per combination.

    Raises:
        KeyError: a column is missing.
        ValueError: a value is missing.
        TypeError: a cell is not a string, a whole number or a list of them.

    Source:
        Equation 1 of the paper; section 4.2 for AND(installed app, impression app).

    Taught in: notebook 1, "The cross is an AND".

    Example:
        >>> frame = pd.DataFrame({"installed": [["maps", "chess"], ["maps"]], "app": ["go", "news"]})
        >>> print(cross(frame, ["installed", "app"]).to_string())
        0      installed=maps & app=go
        0     installed=chess & app=go
        1    installed=maps & app=news
    """
    columns = check_names(columns)
    if len(columns) == 0:
        raise ValueError("columns is empty: name at least one column.")
    check_frame(frame, columns)
    (coded,) = feature_codes(frame, [tuple(columns)], {})
    return pd.Series(coded.names[coded.codes], index=coded.rows, name=AND.join(columns), dtype=object)


# --------------------------------------------------------------------------------- vocabularies and ids


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


def _padded_matrix(rows: np.ndarray, ids: np.ndarray, n_rows: int) -> np.ndarray:
    """One line a row, shorter ones filled up with 0: int32 (n_rows, width).

    Of the `rows` 0, 0, 2, which ascend, and the `ids` 7, 8, 9 it makes [[7, 8], [0, 0], [9, 0]].
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


def _look_up(names: pd.Series | np.ndarray, id_of: Mapping[str, int]) -> np.ndarray:
    return np.fromiter((id_of.get(name, 0) for name in names), "int32", len(names))


def _hash_names(names: pd.Series | np.ndarray, n_buckets: int) -> np.ndarray:
    with quiet_stderr():
        import tensorflow as tf  # here, since it takes seconds, and nothing else about features needs it
    return tf.strings.to_hash_bucket_fast(tf.constant(list(names), tf.string), n_buckets).numpy() + 1


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
    return _padded_matrix(_row_numbers(values, n_rows), _look_up(values, id_of), n_rows)


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
    return _padded_matrix(_row_numbers(values, n_rows), _hash_names(values, n_buckets), n_rows)


# ----------------------------------------------------------------------------------------- wide and deep

WARN_FROM_IDS = 10_000_000  # ids of an array, 40 MB: from here on padding is worth a warning


def features_and_buckets(
    fitted: WideFeatures | DeepFeatures,
) -> tuple[list[tuple[str, ...]], Mapping[str, np.ndarray]]:
    """What `feature_codes` takes for a `fitted` part: its features, and the boundaries of columns cut into buckets.

    Example:
        >>> features_and_buckets(fit_deep(pd.DataFrame({"city": ["Rome"], "age": [20]}), ["city"], ["age"]))
        ([('city',)], {})
    """
    if fitted["kind"] == "wide":
        return fitted["features"], fitted["boundaries"]
    return [(column,) for column in fitted["categories"]], {}  # the deep part's boundaries are of its numbers


def _ids_of_features(frame: pd.DataFrame, fitted: WideFeatures | DeepFeatures) -> tuple[list[np.ndarray], int]:
    """The ids of each feature, list of int32 (rows, width); and how many of them are not padding."""
    features, boundaries = features_and_buckets(fitted)
    blocks = []
    filled = 0
    for coded in feature_codes(frame, features, boundaries, fitted.get("longest")):
        id_of = fitted["vocabulary"]
        ids = _hash_names(coded.names, fitted["n_ids"] - 1) if id_of is None else _look_up(coded.names, id_of)
        ids = ids[coded.codes]  # (k,)
        blocks.append(ids.astype("int32")[:, None] if coded.single else _padded_matrix(coded.rows, ids, len(frame)))
        filled += len(ids)
    return blocks, filled


def _warn_of_padding(
    features: Sequence[tuple[str, ...]], blocks: list[np.ndarray], filled: int, size: int, part: Literal["wide", "deep"]
) -> None:
    """Say so if a large array of `size` ids would be nearly all padding, since lists differ much in length."""
    if size > WARN_FROM_IDS and filled < size / 10:
        widest = max(range(len(blocks)), key=lambda i: blocks[i].shape[1])
        warnings.warn(
            f"{1 - filled / size:.1%} of {size:,} ids are padding, since a row of {AND.join(features[widest])!r} has "
            f"{blocks[widest].shape[1]:,} values: call fit_{part} with longest=, the most values of a list to take.",
            stacklevel=3,
        )


def assemble_wide(
    features: list[tuple[str, ...]],
    boundaries: dict[str, np.ndarray],
    id_of: dict[str, int] | None,
    hash_buckets: int | None,
    longest: int | None,
) -> WideFeatures:
    """What `fit_wide` returns, of its parts, whatever has counted them.

    `features`, `boundaries` and `longest` stand in it as they are; `id_of` is the vocabulary, or None where there are
    `hash_buckets` in its place.
    """
    n_ids = (len(id_of) if hash_buckets is None else hash_buckets) + 1  # type: ignore[arg-type]
    wide = WideFeatures(kind="wide", features=features, boundaries=boundaries, vocabulary=id_of, n_ids=n_ids)
    if longest is not None:
        wide["longest"] = longest
    return wide


def assemble_deep(
    categories: list[str], id_of: dict[str, int], boundaries: dict[str, np.ndarray], longest: int | None
) -> DeepFeatures:
    """What `fit_deep` returns, of its parts: `categories`, the vocabulary `id_of`, `boundaries`, and `longest`."""
    deep = DeepFeatures(
        kind="deep", categories=categories, vocabulary=id_of, boundaries=boundaries, n_ids=len(id_of) + 1
    )
    if longest is not None:
        deep["longest"] = longest
    return deep


def fit_wide(
    frame: pd.DataFrame,
    features: Sequence[str | Sequence[str]],
    *,
    buckets: Mapping[str, int] | None = None,
    min_count: int = 1,
    hash_buckets: int | None = None,
    longest: int | None = None,
) -> WideFeatures:
    """Learn the wide part's features from the training frame.

    All rows are padded to the row with the most ids, so a single list of 2,000 values costs 2,000 ids in every row.
    `longest` prevents that.

    Args:
        frame: the training frame.
        features: a column name is a base feature, a tuple of column names their cross.
        buckets: dict column → number of quantile buckets that its numbers are cut into first.
        min_count: at least 1, rows that must hold a feature's value for it to get a weight of its own.
        hash_buckets: hash all values into that many ids. There is no vocabulary then, so min_count must be 1.
        longest: at least 1, how many distinct values of a list count, the first ones; None takes all.

    Returns:
        What `wide_ids` needs; 'vocabulary' is None when hashed.

    Raises:
        KeyError: a column is missing.
        ValueError: a value is missing, features is empty or lists one twice, buckets names a column of no feature, a
            count is too small, or min_count is given with hash_buckets.
        TypeError: features is not a list, buckets is not a dict, or a cell has a type that has no text.

    Source:
        Section 3.1 of the paper.

    Taught in: notebook 2, "A weight for every id".

    Example:
        >>> frame = pd.DataFrame({"city": ["Rome", "Oslo", "Rome"], "device": ["phone", "phone", "laptop"]})
        >>> fit_wide(frame, ["city", ("city", "device")], min_count=2)["vocabulary"]
        {'city=Rome': 1}
    """
    tuples = check_features(features)
    used = list(dict.fromkeys(itertools.chain(*tuples)))
    buckets = {} if buckets is None else buckets
    if not isinstance(buckets, Mapping):
        raise TypeError(f"buckets is {buckets!r}; expected a dict, column → number of buckets.")
    check_frame(frame, [*used, *buckets])
    for column, n_buckets in buckets.items():
        if column not in used:
            raise ValueError(f"buckets names the column {column!r}, which is in no feature.")
        check_whole(f"buckets[{column!r}]", n_buckets, 2)
    boundaries = {column: np.unique(quantile_boundaries(frame, column, n)) for column, n in buckets.items()}
    check_whole("min_count", min_count, 1)
    if longest is not None:
        check_whole("longest", longest, 1)
    if hash_buckets is not None:
        check_buckets("hash_buckets", hash_buckets)
        if min_count != 1:
            raise ValueError(
                f"min_count is {min_count} and hash_buckets {hash_buckets}; expected one of them, since hashing counts "
                "no values."
            )
        for column in used:  # hashing learns nothing, but a bad cell is found now and not when the model serves
            list(feature_codes(frame, [(column,)], boundaries))
        return assemble_wide(tuples, boundaries, None, hash_buckets, longest)
    counts = feature_counts(feature_codes(frame, tuples, boundaries, longest))
    return assemble_wide(tuples, boundaries, vocabulary_of_counts(counts, min_count), None, longest)


def wide_ids(frame: pd.DataFrame, wide: WideFeatures) -> np.ndarray:
    """The wide part's input: the ids of the binary features that are 1 in each row.

    Args:
        frame: any frame with the columns that `fit_wide` saw.
        wide: what `fit_wide` returned.

    Returns:
        int32 (rows, k); id 0 is 'unseen' and adds nothing to the logit.

    Raises:
        KeyError: a column is missing.
        ValueError: `wide` is not from `fit_wide`, or a value is missing.
        TypeError: a cell has a type that has no text.

    Taught in: notebook 2, "A weight for every id".

    Example:
        >>> wide = fit_wide(pd.DataFrame({"city": ["Rome", "Oslo", "Rome"]}), ["city"])
        >>> wide_ids(pd.DataFrame({"city": ["Oslo", "Bern"]}), wide).tolist()
        [[2], [0]]
    """
    check_fitted(wide, "wide")
    check_frame(frame, itertools.chain(*wide["features"]))
    blocks, filled = _ids_of_features(frame, wide)
    size = sum(block.size for block in blocks)
    _warn_of_padding(wide["features"], blocks, filled, size, wide["kind"])
    return np.hstack(blocks)


def fit_deep(
    frame: pd.DataFrame,
    categories: Sequence[str],
    numbers: Sequence[str],
    *,
    n_quantiles: int = 100,
    min_count: int = 1,
    longest: int | None = None,
) -> DeepFeatures:
    """Learn the deep part's features from the training frame.

    All cells of the categories are padded to the longest list of all; `longest` limits it.

    Args:
        frame: the training frame.
        categories: names of columns that get embeddings; cells may be lists (multi-valued).
        numbers: names of numeric columns.
        n_quantiles: at least 2, n_q of the quantile normalisation.
        min_count: at least 1, rows that must hold a value for it to get an embedding of its own.
        longest: at least 1, how many distinct values of a list count, the first ones; None takes all.

    Returns:
        What `deep_inputs` needs.

    Raises:
        KeyError: a column is missing.
        ValueError: a value is missing or a number infinite, a column is listed twice, both lists are empty, or a count
            is too small.
        TypeError: categories or numbers is not a list, or a cell has a type that has no text, or is not a number.

    Source:
        Sections 3.2 and 4.1 of the paper.

    Taught in: notebook 3, "Three apps in the plane".

    Example:
        >>> deep = fit_deep(pd.DataFrame({"city": ["Rome", "Oslo"], "age": [20, 40]}), ["city"], ["age"], n_quantiles=2)
        >>> deep["vocabulary"], deep["boundaries"]["age"].tolist()
        ({'city=Oslo': 1, 'city=Rome': 2}, [30.0])
    """
    categories = check_names(categories, "categories")
    numbers = check_names(numbers, "numbers")
    check_whole("n_quantiles", n_quantiles, 2)
    check_whole("min_count", min_count, 1)
    if not [*categories, *numbers]:
        raise ValueError("categories and numbers are both empty: name at least one column.")
    check_frame(frame, [*categories, *numbers])
    if longest is not None:
        check_whole("longest", longest, 1)
    coded = feature_codes(frame, [(column,) for column in categories], {}, longest)
    id_of = vocabulary_of_counts(feature_counts(coded), min_count)
    boundaries = {column: quantile_boundaries(frame, column, n_quantiles) for column in numbers}
    return assemble_deep(categories, id_of, boundaries, longest)


def deep_inputs(frame: pd.DataFrame, deep: DeepFeatures) -> dict[str, np.ndarray]:
    """The deep part's inputs.

    Args:
        frame: any frame with the columns that `fit_deep` saw.
        deep: what `fit_deep` returned.

    Returns:
        dict with 'deep_ids', int32 (rows, categories, width), width being 1 or the longest list's length, and
        'numbers', float32 (rows, numbers) in [0, 1].

    Raises:
        KeyError: a column is missing.
        ValueError: `deep` is not from `fit_deep`, or a value is missing.
        TypeError: a cell has a type that has no text, or is not a number.

    Taught in: notebook 3, "Three apps in the plane".

    Example:
        >>> frame = pd.DataFrame({"city": ["Rome", "Oslo"], "age": [20, 40]})
        >>> inputs = deep_inputs(frame, fit_deep(frame, ["city"], ["age"], n_quantiles=2))
        >>> inputs["deep_ids"].tolist(), inputs["numbers"].tolist()
        ([[[2]], [[1]]], [[0.0], [1.0]])
    """
    check_fitted(deep, "deep")
    check_frame(frame, [*deep["categories"], *deep["boundaries"]])
    features = [(column,) for column in deep["categories"]]
    blocks, filled = _ids_of_features(frame, deep)
    width = max([block.shape[1] for block in blocks], default=1)
    _warn_of_padding(features, blocks, filled, len(frame) * len(blocks) * width, deep["kind"])
    deep_ids = np.zeros((len(frame), len(blocks), width), dtype="int32")
    for i, block in enumerate(blocks):
        deep_ids[:, i, : block.shape[1]] = block
    values = np.zeros((len(frame), len(deep["boundaries"])), dtype="float32")
    for i, (column, boundaries) in enumerate(deep["boundaries"].items()):
        values[:, i] = quantile_normalise(frame, column, boundaries)
    return {"deep_ids": deep_ids, "numbers": values}


def joint_inputs(frame: pd.DataFrame, wide: WideFeatures, deep: DeepFeatures) -> dict[str, np.ndarray]:
    """A frame's inputs for both parts.

    Args:
        frame: any frame with the columns that both parts saw.
        wide: what `fit_wide` returned.
        deep: what `fit_deep` returned.

    Returns:
        dict with 'wide_ids', from `wide_ids`, and with what `deep_inputs` returns.

    Raises:
        KeyError: a column is missing.
        ValueError: a part is not from `fit_wide` or `fit_deep`, or a value is missing.
        TypeError: a cell has a type that has no text, or is not a number.

    Taught in: notebook 4, "One logit, one loss".

    Example:
        >>> frame = pd.DataFrame({"city": ["Rome", "Oslo"]})
        >>> list(joint_inputs(frame, fit_wide(frame, ["city"]), fit_deep(frame, ["city"], [])))
        ['wide_ids', 'deep_ids', 'numbers']
    """
    return {"wide_ids": wide_ids(frame, wide), **deep_inputs(frame, deep)}


def used_columns(wide: WideFeatures | None, deep: DeepFeatures | None) -> list[str]:
    """The columns that the fitted parts read, each once.

    Args:
        wide: what `fit_wide` returned, or None.
        deep: what `fit_deep` returned, or None.

    Returns:
        Names, in the order in which the parts name them.

    Example:
        >>> frame = pd.DataFrame({"city": ["Rome", "Oslo"], "age": [20, 40]})
        >>> used_columns(fit_wide(frame, ["city"]), fit_deep(frame, ["city"], ["age"]))
        ['city', 'age']
    """
    columns = list(itertools.chain(*wide["features"])) if wide else []
    columns += [*deep["categories"], *deep["boundaries"]] if deep else []
    return list(dict.fromkeys(columns))


def optional_inputs(frame: pd.DataFrame, wide: WideFeatures | None, deep: DeepFeatures | None) -> dict[str, np.ndarray]:
    """A frame's inputs for the parts that are there.

    Args:
        frame: any frame with the columns that the parts saw.
        wide: what `fit_wide` returned, or None.
        deep: what `fit_deep` returned, or None.

    Returns:
        dict like that of `joint_inputs`, without the inputs of a part that is None.

    Raises:
        KeyError: a column is missing.
        ValueError: a part is not from `fit_wide` or `fit_deep`, or a value is missing.
        TypeError: a cell has a type that has no text, or is not a number.

    Example:
        >>> frame = pd.DataFrame({"city": ["Rome", "Oslo"]})
        >>> list(optional_inputs(frame, fit_wide(frame, ["city"]), None))
        ['wide_ids']
    """
    inputs = {} if wide is None else {"wide_ids": wide_ids(frame, wide)}
    return inputs | ({} if deep is None else deep_inputs(frame, deep))

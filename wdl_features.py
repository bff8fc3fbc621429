"""Features of plain data frames: fitted on the training frame, then looked up in any frame.

Read it from top to bottom: the functions stand in the order in which data flows.

    quantile_boundaries ─► quantile_index, quantile_normalise       numbers
    cross ─► vocabulary ─► vocabulary_ids, hash_ids                 categories: a string for each binary feature
    fit_wide, fit_deep ─► wide_ids, deep_inputs, joint_inputs       what the models take

Nothing that is fitted sees another frame than the one it is fitted on. The paper is Cheng et al., "Wide & Deep Learning
for Recommender Systems", 2016, arXiv 1606.07792.
"""

import functools
import itertools
import numbers
from typing import NotRequired, TypedDict

import wdl_reproducible  # before TensorFlow: it sets how TensorFlow computes
from wdl_checks import check_buckets, check_fitted, check_frame, check_names, check_numbers, check_whole

import numpy as np
import pandas as pd

# ------------------------------------------------------------------------------------- what is fitted


class WideFeatures(TypedDict):
    """What `fit_wide` learns from the training frame."""

    features: list[tuple[str, ...]]  # the columns of each feature; several columns are a cross
    boundaries: dict[str, np.ndarray]  # of the columns that are cut into buckets, ascending, float64
    vocabulary: dict[str, int] | None  # feature string → id from 1; None when hashed
    n_ids: int  # rows of the table of weights, id 0 included
    longest: NotRequired[int]  # the most values that are taken of a list


class DeepFeatures(TypedDict):
    """What `fit_deep` learns from the training frame."""

    categories: list[str]
    vocabulary: dict[str, int]
    boundaries: dict[str, np.ndarray]  # of the numbers' quantiles, ascending, float64
    n_ids: int
    longest: NotRequired[int]


# -------------------------------------------------------------------------------------------- numbers


def quantile_boundaries(frame, column, n_quantiles):
    """The values that cut a column into groups of equal size.

    Args:
        frame: the training frame. column: name of a column of numbers.
        n_quantiles: int ≥ 2, the number of groups, n_q in the paper.
    Returns:
        float64 array of n_quantiles − 1 boundaries in the column's unit, ascending; a value that fills
        several groups stands there several times.
    Raises:
        KeyError, TypeError, ValueError: the column is missing, not numeric, or has missing values.
    """
    check_whole("n_quantiles", n_quantiles, 2)
    return np.quantile(check_numbers(frame, column), np.arange(1, n_quantiles) / n_quantiles)


def quantile_index(frame, column, boundaries):
    """The quantile that each number falls into, counted from 0: how many boundaries are ≤ it.

    Args:
        frame: any frame. column: name of a column of numbers. boundaries: from `quantile_boundaries`.
    Returns:
        int array (rows,), 0 … len(boundaries).
    Raises:
        KeyError, TypeError, ValueError: the column is missing, not numeric, or has missing values.
    """
    return np.searchsorted(boundaries, check_numbers(frame, column), side="right")


def quantile_normalise(frame, column, boundaries):
    """Map numbers to [0, 1] by their quantile: (i − 1)/(n_q − 1) for the i-th of n_q quantiles.

    Args, `frame`, `column` and `boundaries`, and errors are those of `quantile_index`.
    Returns:
        float32 array (rows,).
    Source:
        Section 4.1 of the paper.
    """
    return (quantile_index(frame, column, boundaries) / len(boundaries)).astype("float32")


def bucket_names(boundaries):
    """The names of the buckets between the `boundaries`, such as '[25, 32)': array of strings, one more than those."""
    ends = ["-inf", *(np.format_float_positional(edge, trim="-") for edge in boundaries), "inf"]
    return np.array([f"[{low}, {high})" for low, high in itertools.pairwise(ends)], dtype=object)


# ----------------------------------------------------------------------------------------- categories

# A feature is written 'column=value & other=value'. So that no two features look alike, ' &' in a value is written
# ' &&', and '=' in a column's name with a backslash before it. The rule stands in SQL (recommender.shards) and in an
# export's graph (recommender.serving) too.
AND = " & "


def feature_prefix(column: str) -> str:
    """What stands before a column's value in the name of a feature.

    Example:
        >>> feature_prefix("city"), feature_prefix("a=b")
        ('city=', 'a\\\\=b=')
    """
    name = column.replace("\\", "\\\\").replace("=", "\\=")
    return escaped(f" {name}")[1:] + "="


def escaped(value: str) -> str:
    """A value as it is written in the name of a feature, where ' & ' joins the parts of a cross.

    Example:
        >>> escaped("Carry out & Take away")
        'Carry out && Take away'
    """
    return value.replace(" &", " &&")


LISTS = {list, tuple, np.ndarray}  # the types of a multi-valued cell


def _joined(names):
    return AND.join(map(str, names))


# A coded feature is (rows, codes, names): in row rows[i] the string names[codes[i]] is 1, and rows ascend. So each
# different string is built and looked up once, however many rows have it.


def _runs(starts, lengths):
    """For each start its run start, start + 1, … of that length, all in one int array (sum of lengths,)."""
    return np.arange(lengths.sum()) + np.repeat(starts - (np.cumsum(lengths) - lengths), lengths)


def _cells(series):
    """The cells as an array, and the Python types among them."""
    if (series.dtype.kind in "iubU" or isinstance(series.dtype, pd.StringDtype)) and not series.hasnans:
        return series.array, {str}  # whole numbers become strings later, each different one once
    cells = series.astype(object).to_numpy()
    return cells, set(map(type, cells))


def _values(column, series, rows):
    """The values one after another, their types, the row of each; of lists which one a row has, and their sizes."""
    if isinstance(series.dtype, pd.ArrowDtype) and series.dtype.type is list and not series.hasnans:
        sizes = series.list.len().to_numpy().astype("int64")  # no Python object for each value
        return *_cells(series.list.flatten()), np.repeat(rows, sizes), (rows, sizes)
    cells, kinds = _cells(series)
    if kinds.isdisjoint(LISTS):
        return cells, kinds, rows, None
    if not kinds <= LISTS:
        row = next(row for row, cell in enumerate(cells) if type(cell) not in LISTS)
        raise TypeError(f"Column {column!r} mixes lists with single values, as in row {row}.")
    # One list may stand in many rows, as with negatives: it is read once, where it stands first.
    list_of_row, _ = pd.factorize(np.fromiter(map(id, cells), "int64", len(cells)))
    _, first = np.unique(list_of_row, return_index=True)
    sizes = np.array([len(cells[row]) for row in first])
    values = np.fromiter(itertools.chain.from_iterable(cells[first]), object, sizes.sum())
    return values, set(map(type, values)), np.repeat(first, sizes), (list_of_row, sizes)


def _coded_column(frame, column, rows):
    """A column as a coded feature; a clear error unless its cells are strings, whole numbers or lists of them.

    Single-valued columns of a frame share the array `rows`, of the numbers of all rows: by that they are known.
    """
    cells, kinds, found, lists = _values(column, frame[column], rows)
    if kinds != {str} and not all(issubclass(kind, numbers.Integral) and kind is not bool for kind in kinds):
        cells = np.array([_text(column, row, value) for row, value in zip(found, cells, strict=True)], dtype=object)
    codes, values = pd.factorize(cells)
    values = np.array([str(value) for value in values], dtype=object)
    for code, value in enumerate(values):
        if AND in value:
            row = found[np.argmax(codes == code)]
            raise ValueError(f"Column {column!r} holds {value!r} in row {row}; replace {AND!r}, it joins crosses.")
    if lists is None:
        return rows, codes, f"{column}=" + values
    list_of_row, sizes = lists
    list_of_value = np.repeat(np.arange(len(sizes)), sizes)
    new = ~pd.Series(list_of_value * len(values) + codes).duplicated().to_numpy()
    codes, sizes = codes[new], np.bincount(list_of_value[new], minlength=len(sizes))  # a repeated value counts once
    taken = _runs((np.cumsum(sizes) - sizes)[list_of_row], sizes[list_of_row])
    return np.repeat(rows, sizes[list_of_row]), codes[taken], f"{column}=" + values


def _text(column, row, value):
    if not isinstance(value, (*LISTS, str)) and pd.isna(value):
        raise ValueError(f"Column {column!r} has a missing value in row {row}: fill it, for example with '?'.")
    if not isinstance(value, (str, numbers.Integral, np.bool_)):
        raise TypeError(
            f"Column {column!r} holds a {type(value).__name__} in row {row}; expected strings or whole "
            "numbers: cut decimals into buckets, turn anything else into strings."
        )
    return str(value)


def _renumbered(codes, n_codes):
    """The codes, all below n_codes, numbered anew from 0 without gaps; and for each new number the old one."""
    if n_codes > 10 * len(codes):  # a table of them would be mostly empty
        return pd.factorize(codes)
    old = np.flatnonzero(np.bincount(codes, minlength=n_codes))
    new = np.zeros(n_codes, dtype="int64")
    new[old] = np.arange(len(old))
    return new[codes], old


def _crossed(one, other):
    """The AND of two coded features: 1 in the rows where both are."""
    (rows, codes, names), (other_rows, other_codes, other_names) = one, other
    if rows is not other_rows:  # not both are single-valued
        sizes = np.bincount(other_rows, minlength=rows.max(initial=-1) + 1)
        starts = np.cumsum(sizes) - sizes
        other_codes = other_codes[_runs(starts[rows], sizes[rows])]
        rows, codes = np.repeat(rows, sizes[rows]), np.repeat(codes, sizes[rows])
    codes, pairs = _renumbered(codes * len(other_names) + other_codes, len(names) * len(other_names))
    first, second = np.divmod(pairs, len(other_names))
    return rows, codes, names[first] + AND + other_names[second]


def feature_codes(frame, features, boundaries):
    """The binary features of a frame, without a string for each row.

    Args:
        frame: data frame as for `cross`. features: list of tuples of column names.
        boundaries: dict column → boundaries of the buckets that its numbers are cut into first.
    Returns:
        iterator with (rows, codes, names) for each feature: in the row rows[i], counted from 0, the string
        names[codes[i]] is 1. int array (k,), int array (k,), array of str; rows ascend.
    Raises:
        Those of `cross` and, for a column in `boundaries`, of `quantile_index`.
    """
    columns, rows = {}, np.arange(len(frame))
    for column in dict.fromkeys(itertools.chain(*features)):
        if "=" in str(column) or AND in str(column):
            raise ValueError(f"Column {column!r}: rename it without '=' and {AND!r}, they build the names of features.")
        if column in boundaries:
            codes, names = quantile_index(frame, column, boundaries[column]), bucket_names(boundaries[column])
            columns[column] = rows, codes, f"{column}=" + names
        else:
            columns[column] = _coded_column(frame, column, rows)
    for feature in features:
        yield functools.reduce(_crossed, (columns[column] for column in feature))


def feature_counts(coded):
    """How many rows hold each string of coded features, which is what `feature_codes` gives: int Series by string."""
    parts = [pd.Series(np.bincount(codes, minlength=len(names)), index=names) for _, codes, names in coded]
    return pd.concat([pd.Series(dtype="int64"), *parts])


def cross(frame, columns):
    """Cross-product transformation: the AND of one value of each column, named by a string.

    Args:
        frame: data frame; its cells hold strings or whole numbers, or lists of them (multi-valued columns).
        columns: list of column names; one name gives the base feature itself.
    Returns:
        Series of strings such as 'education=Masters & sex=Female': the binary features that are 1. Its
        index is the row's number; a row of a multi-valued column stands there once per combination.
    Raises:
        KeyError: a column is missing. ValueError: a value is missing, or contains ' & '.
        TypeError: a cell is not a string, a whole number or a list of them.
    Source:
        Equation 1 of the paper; section 4.2 for AND(installed app, impression app).
    """
    check_names(columns)
    if len(columns) == 0:
        raise ValueError("columns is empty: name at least one column.")
    check_frame(frame, columns)
    ((rows, codes, names),) = feature_codes(frame, [tuple(columns)], {})
    return pd.Series(names[codes], index=rows, name=_joined(columns), dtype=object)


def vocabulary_of_counts(counts, min_count):
    """The vocabulary of strings that were already counted.

    Args, `min_count`, and the result are those of `vocabulary`; counts: Series of int, its index the strings.
    """
    kept = counts[counts.to_numpy() >= min_count]
    names = kept.index.tolist()
    by_name = np.array(sorted(range(len(names)), key=names.__getitem__), dtype="int64")
    order = by_name[np.argsort(-kept.to_numpy()[by_name], kind="stable")]
    return {names[i]: rank for rank, i in enumerate(order.tolist(), start=1)}


def vocabulary(values, min_count=1):
    """Give an id to each string that is frequent enough.

    Args:
        values: Series of strings from `cross`, of the training frame only.
        min_count: int ≥ 1, how often a string must occur to get an id.
    Returns:
        dict string → id. Ids run from 1, the most frequent string first; id 0 is kept for unseen strings.
    Raises:
        ValueError: min_count is not a whole number of at least 1.
    Source:
        Section 4.1 of the paper.
    """
    check_whole("min_count", min_count, 1)
    return vocabulary_of_counts(values.value_counts(), min_count)


def vocabulary_ids(values, vocabulary, n_rows):
    """Look strings up in a vocabulary.

    Args:
        values: Series of strings from `cross`. vocabulary: dict string → id. n_rows: int, the frame's length.
    Returns:
        int32 array (n_rows, width), width being the largest number of strings that a row has, at least 1.
        An unseen string has id 0, and shorter rows are filled up with 0.
    """
    return _one_line_a_row(values.index.to_numpy(), _looked_up(values, vocabulary), n_rows)


def hash_ids(values, n_buckets, n_rows):
    """Give each string the number of a bucket, without a vocabulary; two strings may share a bucket.

    The hash is TensorFlow's Fingerprint64: the same in every process, on every machine and inside a model.

    Args:
        values: Series of strings from `cross`. n_buckets: int ≥ 1. n_rows: int, the frame's length.
    Returns:
        int32 array (n_rows, width) of ids 1 … n_buckets; shorter rows are filled up with 0.
    Raises:
        ValueError: n_buckets is not a whole number of at least 1, or too large for an int32.
    """
    check_buckets("n_buckets", n_buckets)
    return _one_line_a_row(values.index.to_numpy(), _hashed(values, n_buckets), n_rows)


def _looked_up(names, vocabulary):
    return np.fromiter((vocabulary.get(name, 0) for name in names), "int32", len(names))


def _hashed(names, n_buckets):
    with wdl_reproducible.quiet_stderr():
        import tensorflow as tf  # here, since it takes seconds, and nothing else about features needs it
    return tf.strings.to_hash_bucket_fast(tf.constant(list(names), tf.string), n_buckets).numpy() + 1


def _one_line_a_row(rows, ids, n_rows):
    if len(rows) == n_rows and (rows[1:] > rows[:-1]).all():  # one string in each row
        return ids.astype("int32")[:, None]
    place, new = np.arange(len(rows)), np.diff(rows, prepend=-1) > 0
    if new.all():
        position = np.zeros(len(rows), dtype="int64")
    else:
        position = place - np.maximum.accumulate(
            np.where(new, place, 0)
        )  # 0 for a row's first string, 1 for its second
    matrix = np.zeros((n_rows, position.max(initial=0) + 1), dtype="int32")
    matrix[rows, position] = ids
    return matrix


def _ids(coded, fitted, n_rows):
    """The ids of each coded feature, list of int32 arrays (n_rows, width), by the vocabulary or the hash of a fit."""
    blocks, names_of = [], fitted["vocabulary"]
    for rows, codes, names in coded:
        ids = _hashed(names, fitted["n_ids"] - 1) if names_of is None else _looked_up(names, names_of)
        blocks.append(_one_line_a_row(rows, ids[codes], n_rows))
    return blocks


# ----------------------------------------------------------------------------------------- wide and deep


def fit_wide(frame, features, buckets=None, min_count=1, hash_buckets=None):
    """Learn the wide part's features from the training frame.

    Args:
        frame: the training frame.
        features: list; a column name is a base feature, a tuple of column names their cross.
        buckets: dict column → int, the numbers to be cut into that many quantile buckets first.
        min_count: int ≥ 1, rows that must hold a feature's value for it to get a weight of its own.
        hash_buckets: int, hash all values into that many ids; there is no vocabulary then, and no minimum count.
    Returns:
        dict with 'features', 'boundaries', 'vocabulary' (None when hashed) and 'n_ids', for `wide_ids`.
    Raises:
        KeyError: a column is missing. ValueError, TypeError: a cell, a count or the list is not usable.
    """
    if isinstance(features, str):
        raise TypeError(f"features is the string {features!r}; expected a list of column names and tuples of them.")
    features = [tuple(item) if isinstance(item, (tuple, list)) else (item,) for item in features]
    if not features or not all(features):
        raise ValueError("features is empty: name at least one column or cross.")
    check_names([_joined(sorted(feature, key=str)) for feature in features])
    for feature in features:
        check_names(feature)
    used, buckets = list(itertools.chain(*features)), buckets or {}
    check_frame(frame, [*used, *buckets])
    for column in buckets:
        if column not in used:
            raise ValueError(f"buckets names the column {column!r}, which is in no feature.")
    boundaries = {column: np.unique(quantile_boundaries(frame, column, n)) for column, n in buckets.items()}
    wide = {"features": features, "boundaries": boundaries, "vocabulary": None}
    if hash_buckets is not None:
        check_buckets("hash_buckets", hash_buckets)
    check_whole("min_count", min_count, 1)
    counts = feature_counts(feature_codes(frame, features, boundaries))
    if hash_buckets is not None:
        return {**wide, "n_ids": hash_buckets + 1}
    wide["vocabulary"] = vocabulary_of_counts(counts, min_count)
    return {**wide, "n_ids": len(wide["vocabulary"]) + 1}


def wide_ids(frame, wide):
    """The wide part's input: the ids of the binary features that are 1 in each row.

    Args:
        frame: any frame with the columns that `fit_wide` saw. wide: what `fit_wide` returned.
    Returns:
        int32 array (rows, k); id 0 is 'unseen' and adds nothing to the logit.
    Raises:
        ValueError: `wide` is not from `fit_wide`, or a cell is not usable. KeyError: a column is missing.
    """
    check_fitted(wide, "fit_wide", "features")
    check_frame(frame, itertools.chain(*wide["features"]))
    return np.hstack(_ids(feature_codes(frame, wide["features"], wide["boundaries"]), wide, len(frame)))


def fit_deep(frame, categories, numbers, n_quantiles=100, min_count=1):
    """Learn the deep part's features from the training frame.

    Args:
        frame: the training frame.
        categories: list of column names that get embeddings; cells may be lists (multi-valued).
        numbers: list of names of numeric columns.
        n_quantiles: int ≥ 2, n_q of the quantile normalisation.
        min_count: int ≥ 1, rows that must hold a value for it to get an embedding of its own.
    Returns:
        dict with 'categories', 'vocabulary', 'boundaries' and 'n_ids', for `deep_inputs`.
    Raises:
        KeyError: a column is missing. ValueError, TypeError: a cell, a count or the lists are not usable.
    """
    check_names(categories)
    check_names(numbers)
    check_whole("n_quantiles", n_quantiles, 2)
    check_whole("min_count", min_count, 1)
    if not [*categories, *numbers]:
        raise ValueError("categories and numbers are both empty: name at least one column.")
    check_frame(frame, [*categories, *numbers])
    coded = feature_codes(frame, [(column,) for column in categories], {})
    names = vocabulary_of_counts(feature_counts(coded), min_count)
    boundaries = {column: quantile_boundaries(frame, column, n_quantiles) for column in numbers}
    return {"categories": list(categories), "vocabulary": names, "boundaries": boundaries, "n_ids": len(names) + 1}


def deep_inputs(frame, deep):
    """The deep part's inputs.

    Args:
        frame: any frame with the columns that `fit_deep` saw. deep: what `fit_deep` returned.
    Returns:
        dict with 'deep_ids', int32 array (rows, categories, width), width being 1 or the longest list's
        length, and 'numbers', float32 array (rows, numbers) in [0, 1].
    Raises:
        ValueError: `deep` is not from `fit_deep`, or a cell is not usable. KeyError: a column is missing.
    """
    check_fitted(deep, "fit_deep", "categories")
    check_frame(frame, [*deep["categories"], *deep["boundaries"]])
    ids = _ids(feature_codes(frame, [(column,) for column in deep["categories"]], {}), deep, len(frame))
    deep_ids = np.zeros((len(frame), len(ids), max([block.shape[1] for block in ids], default=1)), dtype="int32")
    for i, block in enumerate(ids):
        deep_ids[:, i, : block.shape[1]] = block
    values = np.zeros((len(frame), len(deep["boundaries"])), dtype="float32")
    for i, (column, boundaries) in enumerate(deep["boundaries"].items()):
        values[:, i] = quantile_normalise(frame, column, boundaries)
    return {"deep_ids": deep_ids, "numbers": values}


def joint_inputs(frame, wide, deep):
    """A frame's inputs for both parts, `wide` and `deep`: dict with 'wide_ids', and what `deep_inputs` returns."""
    return {"wide_ids": wide_ids(frame, wide), **deep_inputs(frame, deep)}


def used_columns(wide, deep):
    """The columns that the fitted parts `wide` and `deep` read, each once; either may be None."""
    columns = list(itertools.chain(*wide["features"])) if wide else []
    columns += [*deep["categories"], *deep["boundaries"]] if deep else []
    return list(dict.fromkeys(columns))


def optional_inputs(frame, wide, deep):
    """A frame's inputs for the parts that are there: like `joint_inputs`, but `wide` or `deep` may be None."""
    found = {"wide_ids": wide_ids(frame, wide)} if wide else {}
    return found | (deep_inputs(frame, deep) if deep else {})

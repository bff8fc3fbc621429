"""Features of plain data frames: fitted on the training frame, then looked up in any frame.

Read it from top to bottom, in the order in which data flows.

    cross                                                           a string for each binary feature
    fit_wide, fit_deep ─► wide_ids, deep_inputs, joint_inputs       what the models take

A feature is named 'column=value', a cross 'column=value & other=value'. columns.py defines the
text of a value, and how numbers are cut into quantiles; vocabularies.py gives the strings their ids.

Fitting sees the training frame and no other. The paper is Cheng et al., "Wide & Deep Learning
for Recommender Systems", 2016, arXiv 1606.07792.
"""

import itertools
from collections.abc import Mapping, Sequence
from typing import Literal, NotRequired, TypedDict

from wide_deep.checks import (
    Missing,
    check_buckets,
    check_features,
    check_fitted,
    check_frame,
    check_missing,
    check_names,
    check_numbers,
    check_whole,
    warn_caller,
)
from wide_deep.columns import (
    AND,
    feature_codes,
    feature_counts,
    missing_name,
)
from wide_deep.quantiles import quantile_boundaries, quantile_normalise
from wide_deep.vocabularies import (
    hash_ids,  # noqa: F401, for who imports it from here, as the other two
    hash_names,
    look_up,
    padded_matrix,
    vocabulary,  # noqa: F401
    vocabulary_ids,  # noqa: F401
    vocabulary_of_counts,
)

import numpy as np
import pandas as pd

__all__ = [
    "DeepFeatures", "WideFeatures", "assemble_deep", "assemble_wide", "cross", "deep_inputs", "features_and_buckets",
    "fit_deep", "fit_wide", "joint_inputs", "number_names", "optional_inputs", "used_columns",
    "wide_ids",
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
    missing: NotRequired[Literal["value"]]  # a gap is a value of its own; without it, a gap is an error


class DeepFeatures(TypedDict):
    """What `fit_deep` learns from the training frame."""

    kind: Literal["deep"]
    categories: list[str]
    vocabulary: dict[str, int]
    boundaries: dict[str, np.ndarray]  # of the numbers' quantiles, ascending, float64
    n_ids: int
    longest: NotRequired[int]
    missing: NotRequired[Literal["value"]]
    medians: NotRequired[dict[str, float]]  # what a gap in a column of numbers becomes, if it is no error
    indicators: NotRequired[list[str]]  # the columns of numbers that had gaps: each has an indicator among the numbers


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
    for coded in feature_codes(frame, features, boundaries, fitted.get("longest"), fitted.get("missing", "error")):
        id_of = fitted["vocabulary"]
        ids = hash_names(coded.names, fitted["n_ids"] - 1) if id_of is None else look_up(coded.names, id_of)
        ids = ids[coded.codes]  # (k,)
        blocks.append(ids.astype("int32")[:, None] if coded.single else padded_matrix(coded.rows, ids, len(frame)))
        filled += len(ids)
    return blocks, filled


def _warn_of_padding(
    features: Sequence[tuple[str, ...]], blocks: list[np.ndarray], filled: int, size: int, part: Literal["wide", "deep"]
) -> None:
    """Say so if a large array of `size` ids would be nearly all padding, since lists differ much in length."""
    if size > WARN_FROM_IDS and filled < size / 10:
        widest = max(range(len(blocks)), key=lambda i: blocks[i].shape[1])
        warn_caller(
            f"{1 - filled / size:.1%} of {size:,} ids are padding, since a row of {AND.join(features[widest])!r} has "
            f"{blocks[widest].shape[1]:,} values: call fit_{part} with longest=, the most values of a list to take."
        )


def assemble_wide(
    features: list[tuple[str, ...]],
    boundaries: dict[str, np.ndarray],
    id_of: dict[str, int] | None,
    hash_buckets: int | None,
    longest: int | None,
    missing: Missing = "error",
) -> WideFeatures:
    """What `fit_wide` returns, of its parts, whatever has counted them.

    `features`, `boundaries`, `longest` and `missing` stand in it as they are; `id_of` is the vocabulary, or None where
    there are `hash_buckets` in its place.
    """
    n_ids = (len(id_of) if hash_buckets is None else hash_buckets) + 1  # type: ignore[arg-type]
    wide = WideFeatures(kind="wide", features=features, boundaries=boundaries, vocabulary=id_of, n_ids=n_ids)
    if longest is not None:
        wide["longest"] = longest
    if missing == "value":
        wide["missing"] = missing
    return wide


def assemble_deep(
    categories: list[str],
    id_of: dict[str, int],
    boundaries: dict[str, np.ndarray],
    longest: int | None,
    gaps: tuple[dict[str, float], list[str]] | None = None,
) -> DeepFeatures:
    """What `fit_deep` returns, of its parts: `categories`, the vocabulary `id_of`, `boundaries`, and `longest`.

    Of `gaps`, which are the medians and the columns with an indicator, there are none where a gap is an error.
    """
    deep = DeepFeatures(
        kind="deep", categories=categories, vocabulary=id_of, boundaries=boundaries, n_ids=len(id_of) + 1
    )
    if longest is not None:
        deep["longest"] = longest
    if gaps is not None:
        deep["missing"] = "value"
        deep["medians"], deep["indicators"] = gaps
    return deep


def number_names(deep: DeepFeatures) -> list[str]:
    """What stands in each column of the input 'numbers': the columns of numbers, and then the indicators of gaps.

    Args:
        deep: what `fit_deep` returned.

    Returns:
        Names, as many as the input has columns.

    Example:
        >>> frame = pd.DataFrame({"age": [20, None], "size": [1, 2]})
        >>> number_names(fit_deep(frame, [], ["age", "size"], missing="value"))
        ['age', 'size', 'age is missing']
    """
    return [*deep["boundaries"], *map(missing_name, deep.get("indicators", []))]


def fit_wide(
    frame: pd.DataFrame,
    features: Sequence[str | Sequence[str]],
    *,
    buckets: Mapping[str, int] | None = None,
    min_count: int = 1,
    hash_buckets: int | None = None,
    longest: int | None = None,
    missing: Missing = "error",
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
        missing: 'error', or 'value': then a gap is a value of its own, 'city is missing', unlike any text. A gap in
            place of a list is a list of one gap.

    Returns:
        What `wide_ids` needs; 'vocabulary' is None when hashed.

    Raises:
        KeyError: a column is missing.
        ValueError: a value is missing, and that is an error; a column of numbers has none; features is empty or lists
            one twice, buckets names a column of no feature, a count is too small, min_count is given with hash_buckets,
            or missing is something else.
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
    check_missing(missing)
    boundaries = {column: np.unique(quantile_boundaries(frame, column, n, missing)) for column, n in buckets.items()}
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
            list(feature_codes(frame, [(column,)], boundaries, missing=missing))
        return assemble_wide(tuples, boundaries, None, hash_buckets, longest, missing)
    counts = feature_counts(feature_codes(frame, tuples, boundaries, longest, missing))
    return assemble_wide(tuples, boundaries, vocabulary_of_counts(counts, min_count), None, longest, missing)


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
    missing: Missing = "error",
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
        missing: 'error', or 'value': then a gap in a category is a value of its own, as in `fit_wide`. One in a column
            of numbers becomes the median of the training frame; and for each column that has gaps here, one more
            number is 1 in a gap and 0 elsewhere.

    Returns:
        What `deep_inputs` needs.

    Raises:
        KeyError: a column is missing.
        ValueError: a value is missing, and that is an error; a column of numbers has none, or an infinite one; a column
            is listed twice, both lists are empty, a count is too small, or missing is something else.
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
    check_missing(missing)
    coded = feature_codes(frame, [(column,) for column in categories], {}, longest, missing)
    id_of = vocabulary_of_counts(feature_counts(coded), min_count)
    boundaries = {column: quantile_boundaries(frame, column, n_quantiles, missing) for column in numbers}
    if missing == "error":
        return assemble_deep(categories, id_of, boundaries, longest)
    medians = {column: float(quantile_boundaries(frame, column, 2, missing)[0]) for column in numbers}
    indicators = [column for column in numbers if np.isnan(check_numbers(frame, column, missing)).any()]
    return assemble_deep(categories, id_of, boundaries, longest, (medians, indicators))


def _deep_numbers(frame: pd.DataFrame, deep: DeepFeatures) -> np.ndarray:
    """The numbers by their quantiles, and the indicators of gaps: float32 (rows, numbers)."""
    medians = deep.get("medians", {})
    shares = []  # (rows,) each
    gaps = {}  # column → where it has a gap, bool (rows,)
    for column, boundaries in deep["boundaries"].items():
        cells = frame[[column]]
        if column in medians:
            numbers = check_numbers(frame, column, "value")
            gaps[column] = np.isnan(numbers)
            cells = pd.DataFrame({column: np.where(gaps[column], medians[column], numbers)})
        shares.append(quantile_normalise(cells, column, boundaries))
    shares += [gaps[column] for column in deep.get("indicators", [])]
    return np.array(shares, dtype="float32").reshape(len(shares), len(frame)).T.copy()


def deep_inputs(frame: pd.DataFrame, deep: DeepFeatures) -> dict[str, np.ndarray]:
    """The deep part's inputs.

    Args:
        frame: any frame with the columns that `fit_deep` saw.
        deep: what `fit_deep` returned.

    Returns:
        dict with 'deep_ids', int32 (rows, categories, width), width being 1 or the longest list's length, and
        'numbers', float32 (rows, numbers) in [0, 1]; `number_names` says which is which.

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
    return {"deep_ids": deep_ids, "numbers": _deep_numbers(frame, deep)}


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

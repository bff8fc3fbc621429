"""Fitted parts as plain data for JSON: `to_plain` turns their arrays into lists, `from_plain` turns them back."""

import json
import math
from collections.abc import Mapping
from typing import Any

from wide_deep.checks import (
    check_boundaries,
    check_features,
    check_fitted,
    check_missing,
    check_names,
    check_vocabulary,
    check_whole,
)
from wide_deep.features import DeepFeatures, WideFeatures

import numpy as np

__all__ = ["from_plain", "to_plain"]


def to_plain(fitted: WideFeatures | DeepFeatures) -> dict[str, Any]:
    """A fitted part that `json.dumps` can write.

    Args:
        fitted: what `fit_wide` or `fit_deep` returned.

    Returns:
        A new dict with the same keys, which holds only dicts, lists, strings and numbers. For a deep part
        'numbers' gives the order of its columns of numbers, since not every store of JSON keeps the order of keys.

    Raises:
        ValueError: it is not such a part.

    Example:
        >>> import pandas as pd
        >>> from wide_deep.features import fit_deep
        >>> to_plain(fit_deep(pd.DataFrame({"age": [20, 40]}), [], ["age"], n_quantiles=2))["boundaries"]
        {'age': [30.0]}
    """
    check_fitted(fitted, "wide", "deep")
    plain: dict[str, Any] = json.loads(json.dumps(fitted, default=lambda array: array.tolist()))
    return plain | {"numbers": list(fitted["boundaries"])} if fitted["kind"] == "deep" else plain


def _check_gaps(part: Mapping[str, Any]) -> None:
    """Raise a ValueError or TypeError unless a deep part says what a gap in each column of numbers becomes."""
    for key in ("medians", "indicators"):
        if key not in part:
            raise ValueError(f"The deep part has missing={part['missing']!r}, but no {key!r}.")
    columns = sorted(part["boundaries"])
    medians = part["medians"]
    if not isinstance(medians, Mapping) or sorted(medians) != columns:
        raise ValueError(f"The medians are {medians!r}; expected one for each of {columns}.")
    for column, median in medians.items():
        if not isinstance(median, (int, float)) or isinstance(median, bool) or not math.isfinite(median):
            raise ValueError(f"Column {column!r}: the median is {median!r}; expected a number.")
    for column in check_names(part["indicators"], "indicators"):
        if column not in medians:
            raise ValueError(f"The column {column!r} has an indicator, but is not among the numbers {columns}.")


def from_plain(plain: Mapping[str, Any]) -> WideFeatures | DeepFeatures:
    """A fitted part as `fit_wide` or `fit_deep` returned it, from what `to_plain` made of it.

    Args:
        plain: what `to_plain` returned, perhaps written as JSON and read again.

    Returns:
        The part; its boundaries are arrays again, its features tuples.

    Raises:
        ValueError: a key is missing, a number or the boundaries are not usable, or two strings have one id.
        TypeError: an entry has another type.

    Example:
        >>> import pandas as pd
        >>> from wide_deep.features import fit_wide
        >>> wide = fit_wide(pd.DataFrame({"city": ["Rome", "Oslo"]}), ["city"])
        >>> from_plain(json.loads(json.dumps(to_plain(wide)))) == wide
        True
    """
    check_fitted(plain, "wide", "deep")
    part: Any = dict(plain)
    check_whole("n_ids", part["n_ids"], 2 if part["vocabulary"] is None else 1)  # a hashed part has a bucket at least
    if "longest" in part:
        check_whole("longest", part["longest"], 1)
    if "missing" in part:
        check_missing(part["missing"])
        if part["kind"] == "deep":
            _check_gaps(part)
    if part["kind"] == "wide":
        part["features"] = check_features(part["features"])
    else:
        part["categories"] = check_names(part["categories"], "categories")
    if part["kind"] == "deep" or part["vocabulary"] is not None:
        check_vocabulary(part["vocabulary"])
        _check_ids(part["vocabulary"], part["n_ids"])
        part["vocabulary"] = dict(sorted(part["vocabulary"].items(), key=lambda item: item[1]))
    if not isinstance(part["boundaries"], Mapping):
        raise TypeError(f"boundaries is a {type(part['boundaries']).__name__}; expected a dict, column → numbers.")
    boundaries: dict[str, np.ndarray] = {}
    columns = part.pop("numbers", list(part["boundaries"]))  # an earlier version did not write their order
    if sorted(columns) != sorted(part["boundaries"]):
        raise ValueError(f"The numbers are {columns}, but there are boundaries for {list(part['boundaries'])}.")
    for column in columns:
        try:
            boundaries[column] = check_boundaries(part["boundaries"][column])
        except (TypeError, ValueError) as error:
            raise type(error)(f"Column {column!r}: {error}") from None
    part["boundaries"] = boundaries
    return part


def _check_ids(vocabulary: Mapping[str, int], n_ids: int) -> None:
    """Raise a ValueError unless each string of a vocabulary has an id of its own, below n_ids."""
    string_of: dict[int, str] = {}
    for string, identity in vocabulary.items():
        if identity >= n_ids:
            raise ValueError(f"The vocabulary has {string!r} with the id {identity}, but n_ids is {n_ids}.")
        if identity in string_of:
            raise ValueError(f"{string_of[identity]!r} and {string!r} of the vocabulary have the same id, {identity}.")
        string_of[identity] = string

"""Numbers cut into quantiles: where a column is cut, and which part each number falls into.

Read it from top to bottom: `quantile_boundaries`, and what is done with the boundaries.
"""

import itertools
from collections.abc import Sequence

from wide_deep.checks import Missing, check_boundaries, check_numbers, check_whole

import numpy as np
import pandas as pd

__all__ = ["bucket_names", "quantile_boundaries", "quantile_index", "quantile_normalise"]


def quantile_boundaries(frame: pd.DataFrame, column: str, n_quantiles: int, missing: Missing = "error") -> np.ndarray:
    """The values that cut a column into groups of equal size.

    Args:
        frame: the training frame.
        column: name of a column of numbers.
        n_quantiles: at least 2, the number of groups, n_q in the paper.
        missing: whether a gap is an error, or is left out.

    Returns:
        float64 (n_quantiles − 1,), in the column's unit, ascending; a value that fills several groups is repeated.

    Raises:
        KeyError: the column is missing.
        TypeError: it is not numeric.
        ValueError: it has missing values, and they are an error; it has no number at all; or n_quantiles is below 2.

    Source:
        Section 4.1 of the paper.

    Taught in: notebook 3, "Numbers become quantiles".

    Example:
        >>> quantile_boundaries(pd.DataFrame({"age": [20, 30, 40, 60]}), "age", 4).tolist()
        [27.5, 35.0, 45.0]
    """
    check_whole("n_quantiles", n_quantiles, 2)
    values = check_numbers(frame, column, missing)
    values = np.sort(values[~np.isnan(values)])
    if not values.size:
        raise ValueError(f"Column {column!r} has no number: all of its values are missing.")
    boundaries = np.quantile(values, np.arange(1, n_quantiles) / n_quantiles)
    # By a rounding error NumPy may miss the value on which a boundary falls, so that the value falls below it.
    position, rest = np.divmod((len(values) - 1) * np.arange(1, n_quantiles), n_quantiles)
    boundaries[rest == 0] = values[position[rest == 0]]
    return boundaries + 0.0  # which makes 0 of −0


def quantile_index(frame: pd.DataFrame, column: str, boundaries: np.ndarray, missing: Missing = "error") -> np.ndarray:
    """The quantile that each number falls into, counted from 0: how many boundaries are ≤ it.

    Args:
        frame: any frame.
        column: name of a column of numbers.
        boundaries: numbers in the column's unit, ascending, from `quantile_boundaries`.
        missing: whether a gap is an error, or has the index −1.

    Returns:
        int64 (rows,), 0 … len(boundaries).

    Raises:
        KeyError: the column is missing.
        TypeError: the column or the boundaries are not numeric.
        ValueError: the column has missing values, or the boundaries do not ascend.

    Taught in: notebook 3, "Numbers become quantiles".

    Example:
        >>> quantile_index(pd.DataFrame({"age": [20, 35, 99]}), "age", np.array([27.5, 35, 45])).tolist()
        [0, 2, 3]
    """
    values = check_numbers(frame, column, missing)
    index = np.searchsorted(check_boundaries(boundaries), values, side="right")
    return np.where(np.isnan(values), -1, index) if missing == "value" else index


def quantile_normalise(frame: pd.DataFrame, column: str, boundaries: np.ndarray) -> np.ndarray:
    """Map numbers to [0, 1] by their quantile: (i − 1)/(n_q − 1) for the i-th of n_q quantiles.

    Args:
        frame: any frame.
        column: name of a column of numbers.
        boundaries: numbers in the column's unit, ascending, from `quantile_boundaries`.

    Returns:
        float32 (rows,).

    Raises:
        KeyError: the column is missing.
        TypeError: the column or the boundaries are not numeric.
        ValueError: the column has missing values, or the boundaries do not ascend.

    Source:
        Section 4.1 of the paper.

    Taught in: notebook 3, "Numbers become quantiles".

    Example:
        >>> quantile_normalise(pd.DataFrame({"age": [20, 35, 99]}), "age", np.array([27.5, 35])).tolist()
        [0.0, 1.0, 1.0]
    """
    return (quantile_index(frame, column, boundaries) / len(boundaries)).astype("float32")


def bucket_names(boundaries: Sequence[float] | np.ndarray) -> np.ndarray:
    """The names of the buckets between boundaries.

    Args:
        boundaries: numbers, ascending.

    Returns:
        str objects (len(boundaries) + 1,).

    Raises:
        TypeError: the boundaries are not numbers.
        ValueError: they do not ascend.

    Example:
        >>> bucket_names([25, 32.5]).tolist()
        ['[-inf, 25)', '[25, 32.5)', '[32.5, inf)']
    """
    edges = (np.format_float_positional(edge, trim="-") for edge in check_boundaries(boundaries))
    ends = ["-inf", *edges, "inf"]
    return np.array([f"[{low}, {high})" for low, high in itertools.pairwise(ends)], dtype=object)

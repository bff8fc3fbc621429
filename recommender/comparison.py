"""A candidate against the model that serves, on the same rows: how much worse it is, how sure that is, and for whom.

`recommender.lifecycle.dry_run` loads two exports and knows one number for all rows. Here are the scores of both models,
and the differences come with standard errors, overall and by slice.
"""

from collections.abc import Sequence
from typing import TypedDict

from wide_deep.checks import check_frame, check_labels

import numpy as np
import pandas as pd

__all__ = ["Comparison", "compare", "log_losses"]

LEAST = 1e-7  # a probability that is nearer to 0 or 1 counts as this one


class Comparison(TypedDict):
    """What `compare` returns; of the log loss, in nats."""

    rise: float  # the candidate's less the live model's, mean over the units
    error: float  # its standard error
    slice: str  # the slice with the largest rise, in standard errors, such as 'device=watch'
    slice_rise: float  # in standard errors of that slice
    calibration: float  # Σp / Σy of the candidate


def log_losses(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    """The log loss of each row, in nats.

    Args:
        y: labels 0 or 1, (rows,).
        p: probabilities of label 1, (rows,).

    Returns:
        float array (rows,), of which none is infinite.

    Example:
        >>> log_losses(np.array([1, 0]), np.array([0.5, 0.0])).round(4).tolist()
        [0.6931, -0.0]
    """
    return -np.log(np.where(y == 1, p, 1 - p).clip(LEAST))


def compare(
    rows: pd.DataFrame, labels: np.ndarray, live: np.ndarray, candidate: np.ndarray, unit: str, slices: Sequence[str]
) -> Comparison:
    """Compare the scores of two models on rows that neither was trained on.

    The difference is taken row by row, so that what is hard for both cancels, and averaged by unit, since the rows of
    a unit are not independent.

    Args:
        rows: data frame with the unit and the slices.
        labels: 0 or 1 a row, both must occur; ripe ones.
        live: probabilities of the model that serves, (rows,).
        candidate: probabilities of the one that may take its place, (rows,).
        unit: name of the column that says which rows belong together, such as a visit.
        slices: names of columns with few values. A value with fewer than ten units is left out.

    Returns:
        Comparison. If the candidate has a score that is no probability, all its numbers are NaN.

    Raises:
        KeyError: a column is missing.
        TypeError: the labels are not numbers.
        ValueError: the labels are not 0 and 1, there are not as many scores as rows, or one of the live model's is no
            probability.

    Taught in: notebook 10, "The gate".

    Example:
        >>> rows = pd.DataFrame({"visit": [1, 1, 2, 3], "device": ["watch", "watch", "phone", "phone"]})
        >>> found = compare(rows, [1, 0, 1, 0], [0.8, 0.2, 0.5, 0.5], [0.8, 0.2, 0.25, 0.5], "visit", ["device"])
        >>> round(found["rise"], 3), round(found["error"], 3), found["slice"]  # ln 2 in one of three visits
        (0.231, 0.231, '')
    """
    check_frame(rows, [unit, *slices])
    y = check_labels(labels)
    scores = {"live": np.asarray(live, dtype=float), "candidate": np.asarray(candidate, dtype=float)}
    for name, p in scores.items():
        if p.shape != (len(rows),) or y.shape != p.shape:
            raise ValueError(f"{name} has the shape {p.shape} and the labels {y.shape}; expected ({len(rows)},).")
    unfit = np.flatnonzero(~((scores["live"] >= 0) & (scores["live"] <= 1)))
    if unfit.size:
        raise ValueError(f"live holds {scores['live'][unfit[0]]}, first in row {unfit[0]}; expected probabilities.")
    p = scores["candidate"]
    if not ((p >= 0) & (p <= 1)).all():
        return {"rise": np.nan, "error": np.nan, "slice": "", "slice_rise": np.nan, "calibration": np.nan}
    rise = log_losses(y, p) - log_losses(y, scores["live"])  # (rows,)
    by_row = rows[[unit, *slices]].assign(rise=rise)
    of_unit = by_row.groupby(unit)["rise"].mean()
    worst = ""
    largest = -np.inf
    for column in slices:
        of_slice = by_row.groupby([column, unit])["rise"].mean().groupby(level=0)
        standard = (of_slice.mean() / of_slice.sem())[of_slice.size() >= 10]
        if len(standard) and standard.max() > largest:
            worst = f"{column}={standard.idxmax()}"
            largest = float(standard.max())
    return {
        "rise": float(of_unit.mean()),
        "error": float(of_unit.sem()),
        "slice": worst,
        "slice_rise": largest,
        "calibration": float(p.sum() / y.sum()),
    }

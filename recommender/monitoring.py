"""What a day of serving looks like, and how it differs from the days before.

    served rows, scores, labels ─► describe_day ─► bounds      each quantity of today with the bounds that past days set
                                                ─► alarms      the same, where it is beyond them: empty on a quiet day

A monitor is of use only if it is quiet on quiet days. So a bound is never narrower than a difference too small to
matter (`FLOORS`), than `WIDTH` standard deviations of chance, nor than `WIDTH` standard deviations of the past days.
Chance is counted over *units*, such as visits, which are independent of each other; the rows of a page are not.
"""

from collections.abc import Sequence
from typing import TypedDict

from recommender.comparison import log_losses
from wide_deep.checks import check_frame, check_no_gaps, check_numbers
from wide_deep.columns import category_text, escaped, feature_prefix, is_missing
from wide_deep.features import DeepFeatures, WideFeatures, features_and_buckets, used_columns

import numpy as np
import pandas as pd

__all__ = ["FLOORS", "GROUPS", "RARE", "WIDTH", "Day", "alarms", "bounds", "describe_day", "psi"]

# Chosen on quiet weeks of other simulated stores than those of benchmarks/week.json.
WIDTH = 5.0  # standard deviations: a day has some thirty quantities, and past days are few
FLOORS = {
    "id 0": 0.03,  # share of the values
    "out of range": 0.03,  # share of the numbers
    "gaps": 0.01,  # share of the rows
    "skew": 0.001,  # share of the rows
    "PSI": 0.1,  # the usual rule: above 0.1 look, above 0.25 act
    "mean score": 0.05,
    "Σp/Σy": 0.15,
    "log loss": 0.05,
}
GROUPS = 10  # that the boundaries of a number make, at most, for its PSI
RARE = 0.01  # values of a smaller share of the past days are counted together, with those that are new


class Day(TypedDict):
    """What `describe_day` returns."""

    quantities: pd.DataFrame  # index (quantity, column); 'value', and 'error', its standard error
    units: int
    counts: dict[str, pd.Series]  # column, and 'score' → how often each value, or group of numbers, was served
    counted_units: int  # units with a row that counts


def _ratio(top: np.ndarray, bottom: np.ndarray, unit: np.ndarray) -> tuple[float, float]:
    """Σ top / Σ bottom with its standard error, where rows (rows,) of different units are independent."""
    total = bottom.sum()
    if total == 0:
        return (np.inf if top.sum() else 0.0), 0.0
    ratio = top.sum() / total
    residual = np.bincount(unit, top - ratio * bottom)  # (units,)
    return float(ratio), float(np.sqrt((residual**2).sum()) / total)


def _text(value: object) -> str:
    """The text of a value; of one that has none, its type: a monitor must not stop at what it should report."""
    text = category_text(value)
    return f"<{type(value).__name__}>" if text is None else text


def _texts_of(series: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """The values of a column as texts, and the row of each: a list has several, a gap and an empty list have none."""
    texts: list[str] = []
    rows: list[int] = []
    for row, cell in enumerate(series.array):
        entries = cell if isinstance(cell, (list, tuple)) else [cell]
        present = [_text(entry) for entry in entries if not is_missing(entry) and entry != ""]
        texts += present
        rows += [row] * len(present)
    return np.array(texts, dtype=object), np.array(rows, dtype=int)


def _vocabulary_of(parts: Sequence[WideFeatures | DeepFeatures], column: str) -> set[str] | None:
    """The names of a column's values that have an id in a part; None if no part has such a vocabulary."""
    found: set[str] | None = None
    prefix = feature_prefix(column)
    for part in parts:
        if part["vocabulary"] is not None and (column,) in features_and_buckets(part)[0]:
            found = (found or set()) | {name for name in part["vocabulary"] if name.startswith(prefix)}
    return found


def _is_same(one: object, other: object) -> bool:
    """Whether two cells say the same to a model: 1 and 1.0 do, and two gaps."""
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return list(one) == list(other)
    if isinstance(one, (list, tuple)) or isinstance(other, (list, tuple)):
        return False
    if is_missing(one) or is_missing(other):
        return is_missing(one) and is_missing(other)
    return one == other or _text(one) == _text(other)


def _skew(served: pd.Series, logged: pd.Series) -> np.ndarray:
    """1.0 where the cells of two sources differ, else 0.0, (rows,)."""
    if len(logged) != len(served):
        raise ValueError(f"There are {len(logged)} logged rows for {len(served)} served ones; expected the same rows.")
    return np.array([float(not _is_same(*pair)) for pair in zip(served.array, logged.array, strict=True)])


def describe_day(
    served: pd.DataFrame,
    wide: WideFeatures | None,
    deep: DeepFeatures | None,
    *,
    score: str,
    unit: str,
    labels: np.ndarray | None = None,
    is_random: np.ndarray | None = None,
    logged: pd.DataFrame | None = None,
) -> Day:
    """A day as a few numbers with standard errors: of each column, of the scores, and of the labels.

    Args:
        served: the rows of the day's requests as the server got them.
        wide: what `fit_wide` returned, of the model that served, or None.
        deep: what `fit_deep` returned, or None.
        score: name of the column of the probabilities that the server gave.
        unit: name of the column that says which rows belong together, such as a visit.
        labels: 0, 1, or NaN where a label may still change, (rows,); None if there are none yet.
        is_random: bool (rows,), which rows chance put there and not the model, such as explored ones; None for all.
            Only these count for the PSI: what a model shows moves whenever the model does.
        logged: the same rows in the same order as training will read them, for the *skew* of each column: the share
            of rows in which the two differ.

    Returns:
        Day. 'id 0' is the share of a category's values without an id, 'out of range' of a number's values beyond its
        first or last boundary, 'gaps' of the rows with a missing value, an empty string or an empty list.

    Raises:
        KeyError: a column is missing.
        TypeError: the scores are not numbers.
        ValueError: there are no rows, not as many labels or other entries as rows, a score is no probability, a unit is
            missing, or a label is something else than 0, 1 and NaN.

    Taught in: notebook 10, "What breaks on Tuesday?".

    Example:
        >>> import wdl_helpers as wdl
        >>> deep = wdl.fit_deep(pd.DataFrame({"city": ["Rome", "Oslo"]}), ["city"], [])
        >>> served = pd.DataFrame({"city": ["Rome", "ROME", "", "Oslo"], "p": 0.5, "visit": [1, 1, 2, 2]})
        >>> describe_day(served, None, deep, score="p", unit="visit")["quantities"]["value"].round(2).to_dict()
        {('gaps', 'city'): 0.25, ('id 0', 'city'): 0.33, ('mean score', ''): 0.5}
    """
    columns = used_columns(wide, deep)
    check_frame(served, [*columns, score, unit])
    parts = [part for part in (wide, deep) if part is not None]
    boundaries = {column: part["boundaries"][column] for part in parts for column in part["boundaries"]}
    p = check_numbers(served, score)
    unfit = np.flatnonzero((p < 0) | (p > 1))
    if unfit.size:
        raise ValueError(f"Column {score!r} holds {p[unfit[0]]}, first in row {unfit[0]}; expected probabilities.")
    check_no_gaps(served, unit)
    if is_random is not None and np.shape(is_random) != p.shape:
        raise ValueError(f"is_random has the shape {np.shape(is_random)}; expected {p.shape}, one for each row.")
    units = pd.factorize(served[unit])[0]  # (rows,)
    every_row = np.ones(len(served))
    is_counted = every_row > 0 if is_random is None else np.asarray(is_random, dtype=bool)
    counts = {"score": pd.Series(np.floor(20 * p[is_counted]).clip(0, 19)).value_counts()}
    found: dict[tuple[str, str], tuple[float, float]] = {}
    for column in columns:
        vocabulary = None
        if column in boundaries:
            numbers = pd.to_numeric(served[column], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
            rows = np.flatnonzero(~np.isnan(numbers))
            some = np.linspace(0, len(boundaries[column]) - 1, GROUPS + 1).round().astype(int)[1:-1]
            values = np.searchsorted(np.unique(boundaries[column][some]), numbers[rows], side="right")
            outside = (numbers < boundaries[column][0]) | (numbers > boundaries[column][-1])  # NaN is not
            found["out of range", column] = _ratio(outside * every_row, ~np.isnan(numbers) * every_row, units)
        else:
            values, rows = _texts_of(served[column])
            vocabulary = _vocabulary_of(parts, column)
        counts[column] = pd.Series(values[is_counted[rows]]).value_counts()
        per_row = np.bincount(rows, minlength=len(served))
        found["gaps", column] = _ratio((per_row == 0) * every_row, every_row, units)
        if vocabulary is not None:
            new = [text for text in set(values) if feature_prefix(column) + escaped(text) not in vocabulary]
            new_per_row = np.bincount(rows[pd.Series(values).isin(new)], minlength=len(served))
            found["id 0", column] = _ratio(new_per_row, per_row, units)
        if logged is not None:
            check_frame(logged, [column])
            found["skew", column] = _ratio(_skew(served[column], logged[column]), every_row, units)
    found["mean score", ""] = _ratio(p, every_row, units)
    if labels is not None:
        y = np.asarray(labels, dtype=float)
        if y.shape != p.shape:
            raise ValueError(f"The labels have the shape {y.shape}; expected {p.shape}, one for each row.")
        old = ~np.isnan(y)  # (rows,)
        if not np.isin(y[old], (0, 1)).all():
            raise ValueError(f"The labels hold {y[old][~np.isin(y[old], (0, 1))][0]}; expected 0, 1 or NaN.")
        loss = log_losses(y, p)
        found["Σp/Σy", ""] = _ratio(p[old], y[old], units[old])
        found["log loss", ""] = _ratio(loss[old], every_row[old], units[old])
    quantities = pd.DataFrame(found, index=["value", "error"]).T.rename_axis(["quantity", "column"])
    return {
        "quantities": quantities,
        "units": int(units.max()) + 1,
        "counts": counts,
        "counted_units": len(set(units[is_counted])),
    }


def _groups(past: pd.Series, today: pd.Series) -> pd.DataFrame:
    """Counts in 'past' and 'today', a row a value; values that are rare in the past share one."""
    if not past.sum() > 0:
        raise ValueError("The past counts nothing; expected counts of values.")
    both = pd.DataFrame({"past": past, "today": today}).fillna(0.0)
    is_rare = both["past"] < RARE * both["past"].sum()
    rare = both[is_rare].sum().to_frame("rare").T
    return pd.concat([both[~is_rare], rare])


def psi(past: pd.Series, today: pd.Series) -> float:
    """The population stability index: Σ (q − p) ln(q / p) over the shares p of the past and q of today.

    Args:
        past: counts; its index are the values.
        today: counts, likewise.

    Returns:
        0 or more. Half a count is added to each value, so that no share is 0.

    Raises:
        ValueError: the past counts nothing.

    Taught in: notebook 10, "What breaks on Tuesday?".

    Example:
        >>> monday = pd.Series({"phone": 60, "watch": 40})
        >>> psi(monday, monday), round(psi(monday, pd.Series({"phone": 40, "watch": 60})), 2)
        (0.0, 0.16)
    """
    counts = _groups(past, today) + 0.5
    share = counts / counts.sum()
    return float(((share["today"] - share["past"]) * np.log(share["today"] / share["past"])).sum())


def _pooled(days: Sequence[Day], column: str) -> pd.Series:
    """The counts of a column in several days together."""
    return pd.concat([day["counts"][column] for day in days]).groupby(level=0).sum()


def _psi_row(today: Day, past: Sequence[Day], column: str, width: float) -> list[object]:
    """The row of `bounds` for the PSI of a column: today against the past, as each past day against those before it."""
    pool = _pooled(past, column)
    own = [psi(_pooled(past[:i], column), past[i]["counts"][column]) for i in range(1, len(past))]
    # If nothing has changed, PSI / (1/n + 1/m) has a chi-squared distribution with so many degrees of freedom.
    freedom = len(_groups(pool, pool)) - 1
    units = sum(day["counted_units"] for day in past)
    chance = (freedom + width * np.sqrt(2 * freedom)) * (1 / max(today["counted_units"], 1) + 1 / max(units, 1))
    high = max(FLOORS["PSI"], chance, np.mean(own) + width * np.std(own, ddof=1))
    return ["PSI", column, psi(pool, today["counts"][column]), 0.0, high]


def bounds(today: Day, past: Sequence[Day], width: float = WIDTH) -> pd.DataFrame:
    """Each quantity of a day, with the bounds that follow from the days before.

    Args:
        today: from `describe_day`.
        past: days that were quiet, at least three, the oldest first, such as the last seven.
        width: of the bounds, in standard deviations.

    Returns:
        data frame with 'quantity', 'column', 'value', 'low', 'high', and 'distance': of the value from the usual one,
        in units of the distance of the bound.

    Raises:
        KeyError: a past day lacks a quantity of today.
        ValueError: there are fewer than three past days.

    Taught in: notebook 10, "What breaks on Tuesday?".
    """
    if len(past) < 3:
        raise ValueError(f"There are {len(past)} past days; expected at least three.")
    rows: list[list[object]] = []
    for (quantity, column), value in today["quantities"]["value"].items():
        before = pd.DataFrame([day["quantities"].loc[(quantity, column)] for day in past])  # (days, 2)
        chance = np.sqrt((before["error"] ** 2).mean() * np.mean([day["units"] for day in past]) / today["units"])
        spread = max(before["value"].std(), chance) * np.sqrt(1 + 1 / len(past))
        reach = max(FLOORS[quantity], width * spread)
        rows.append([quantity, column, value, before["value"].mean() - reach, before["value"].mean() + reach])
    rows += [_psi_row(today, past, column, width) for column in today["counts"]]
    table = pd.DataFrame(rows, columns=["quantity", "column", "value", "low", "high"])
    usual = np.where(table["quantity"] == "PSI", 0.0, (table["low"] + table["high"]) / 2)
    return table.assign(distance=(table["value"] - usual) / (table["high"] - usual))


def alarms(today: Day, past: Sequence[Day], width: float = WIDTH) -> pd.DataFrame:
    """What differs today from the days before by more than chance and habit explain.

    Args:
        today: as in `bounds`.
        past: as in `bounds`.
        width: as in `bounds`.

    Returns:
        The rows of `bounds` whose value is beyond a bound, the furthest first; none on a quiet day.

    Raises:
        KeyError, ValueError: as `bounds`.

    Taught in: notebook 10, "What breaks on Tuesday?".

    Example:
        >>> import wdl_helpers as wdl
        >>> deep = wdl.fit_deep(pd.DataFrame({"city": ["Rome", "Oslo"]}), ["city"], [])
        >>> served = pd.DataFrame({"city": ["Rome", "Oslo"] * 50, "p": 0.5, "visit": range(100)})
        >>> quiet = describe_day(served, None, deep, score="p", unit="visit")
        >>> bad = describe_day(served.replace("Rome", "ROME"), None, deep, score="p", unit="visit")
        >>> alarms(bad, [quiet] * 3)[["quantity", "column", "value"]].round(1).values.tolist()
        [['PSI', 'city', 5.1], ['id 0', 'city', 0.5]]
    """
    table = bounds(today, past, width)
    is_inside = table["distance"].abs() <= 1  # NaN is not
    return table[~is_inside].sort_values("distance", key=abs, ascending=False).reset_index(drop=True)

"""Times and dates: read from texts, and taken apart into columns that a model can use."""

import datetime

from wide_deep.checks import check_frame, row_name

import numpy as np
import pandas as pd

__all__ = ["date_parts", "parse_times"]


def _have_zone(texts: pd.Series) -> pd.Series:
    """Whether each text ends with a time zone, bool (rows,)."""
    return texts.str.contains(r"[T ].*(?:[zZ]|[+-]\d\d(?::?\d\d)?)$")


def parse_times(texts: pd.Series, column: str) -> pd.Series:
    """Read times in ISO 8601, year first, the one way of writing them that is read alike in all countries.

    Args:
        texts: strings (rows,), such as '2024-01-31' or '2024-01-31 09:30'; all with a time zone, or none.
        column: what an error calls them.

    Returns:
        times (rows,) in UTC; those without a time zone are taken as if they were.

    Raises:
        ValueError: a text has another form, or some have a time zone and some have none.

    Example:
        >>> parse_times(pd.Series(["2024-01-31T09:30+02:00"]), "time").tolist()
        [Timestamp('2024-01-31 07:30:00+0000', tz='UTC')]
    """
    times = pd.to_datetime(texts, format="ISO8601", utc=True, errors="coerce")
    unread = np.flatnonzero(times.isna() | ~texts.str.match(r"\d{4}(?:-|\d{4}|$)"))
    if unread.size:
        where = row_name(texts.index, unread[0])
        raise ValueError(
            f"Column {column!r} holds the text {texts.iloc[unread[0]]!r} in {where}, which does not say by its "
            f"letters what is later: read it first, such as pd.to_datetime(frame[{column!r}], format='%m/%d/%Y')."
        )
    with_zone = _have_zone(texts)
    others = np.flatnonzero(with_zone != with_zone.iloc[0])
    if others.size:
        where = row_name(texts.index, others[0])
        raise ValueError(f"Column {column!r} has times with a time zone and times without one, as in {where}.")
    return times


def _as_times(series: pd.Series, column: str) -> pd.Series:
    """The times of a column, of texts or of times, datetime64 (rows,)."""
    missing = np.flatnonzero(series.isna())
    if missing.size:
        where = row_name(series.index, missing[0])
        raise ValueError(f"Column {column!r} has {missing.size} missing times, first in {where}: fill or drop them.")
    if pd.api.types.is_datetime64_any_dtype(series):
        return series
    if pd.api.types.is_string_dtype(series):
        times = parse_times(series, column)
        return times if _have_zone(series).iloc[0] else times.dt.tz_localize(None)
    if series.map(lambda value: isinstance(value, datetime.date)).all():  # a datetime is one, too
        return pd.to_datetime(series)
    raise TypeError(f"Column {column!r} holds {series.dtype}; expected times, or texts such as '2024-01-31 09:30'.")


def date_parts(frame: pd.DataFrame, column: str, since: str | datetime.date) -> pd.DataFrame:
    """Take times apart: no model sees a weekday or an hour in '2024-01-31 09:30'.

    Args:
        frame: data frame.
        column: name of its column of times, dates, or texts as in `parse_times`. Hours are those of their own time
            zone; texts with a time zone are turned to UTC first.
        since: a day or a moment from which days are counted, the same for training and serving; in the times' zone.

    Returns:
        A copy with three more columns: COLUMN_weekday, 'Monday' to 'Sunday', COLUMN_hour, 0 to 23, and COLUMN_days,
        float, the days since then.

    Raises:
        KeyError: there is no such column.
        TypeError: it holds something else than times.
        ValueError: a time is missing or has another form, the frame has one of the new columns already, or since is
            no time.

    Taught in: notebook 12, "Columns for the model".

    Example:
        >>> frame = pd.DataFrame({"time": ["2024-01-31 09:30", "2024-02-01 18:00"]})
        >>> date_parts(frame, "time", since="2024-01-31").drop(columns="time").values.tolist()
        [['Wednesday', 9, 0.3958333333333333], ['Thursday', 18, 1.75]]
    """
    check_frame(frame, [column])
    new = [f"{column}_weekday", f"{column}_hour", f"{column}_days"]
    for name in new:
        if name in frame:
            raise ValueError(f"The frame has a column {name!r} already: rename it, or drop it.")
    times = _as_times(frame[column], column)  # (rows,)
    try:
        start = pd.Timestamp(since)
    except (TypeError, ValueError):
        start = pd.NaT
    if pd.isna(start):
        raise ValueError(f"since is {since!r}; expected a day, such as '2024-01-31'.")
    zone = times.dt.tz
    if start.tzinfo is None and zone is not None:
        start = start.tz_localize(zone)
    elif start.tzinfo is not None and zone is None:
        raise ValueError(f"since is {since!r}, with a time zone, and the times of {column!r} have none.")
    days = (times - start) / pd.Timedelta(days=1)
    return frame.assign(**{new[0]: times.dt.day_name(), new[1]: times.dt.hour.astype("int64"), new[2]: days})

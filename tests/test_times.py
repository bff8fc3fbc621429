"""Times and dates taken apart: by hand, against the standard library, and bad input."""

import datetime
import re

import wdl_helpers as wdl

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

TIMES = st.datetimes(datetime.datetime(1900, 1, 1), datetime.datetime(2200, 1, 1))


@given(st.lists(TIMES, min_size=1, max_size=5), st.dates(datetime.date(1900, 1, 1), datetime.date(2200, 1, 1)))
def test_the_parts_are_those_of_the_standard_library_however_a_time_is_written(times, since):
    start = datetime.datetime.combine(since, datetime.time())
    days = [(time - start) / datetime.timedelta(days=1) for time in times]
    for column in (times, [time.isoformat() for time in times], [time.isoformat(" ") for time in times]):
        parts = wdl.date_parts(pd.DataFrame({"t": column}, index=range(7, 7 + len(times))), "t", since)
        assert parts["t_weekday"].tolist() == [time.strftime("%A") for time in times]
        assert parts["t_hour"].tolist() == [time.hour for time in times]
        np.testing.assert_allclose(parts["t_days"], days, rtol=0, atol=1e-9)
        assert parts.index.tolist() == list(range(7, 7 + len(times)))


def test_dates_and_zones():
    days = pd.DataFrame({"day": [datetime.date(2024, 2, 29), datetime.date(2024, 3, 1)]})
    assert wdl.date_parts(days, "day", "2024-03-01")["day_days"].tolist() == [-1, 0]
    texts = pd.DataFrame({"t": ["2024-01-31T23:30-02:00"]})
    assert wdl.date_parts(texts, "t", "2024-02-01").iloc[0, 1:].tolist() == ["Thursday", 1, 1.5 / 24]
    local = pd.DataFrame({"t": pd.to_datetime(["2024-01-31T23:30"]).tz_localize("America/New_York")})
    assert wdl.date_parts(local, "t", "2024-01-31").iloc[0, 1:].tolist() == ["Wednesday", 23, 23.5 / 24]
    moment = pd.Timestamp("2024-01-31T22:30", tz="UTC")
    assert wdl.date_parts(local, "t", moment)["t_days"].tolist() == [6 / 24], "one moment, two zones"


def test_the_frame_stays_as_it_is():
    frame = pd.DataFrame({"t": ["2024-01-31"]})
    wdl.date_parts(frame, "t", "2024-01-01")
    assert list(frame) == ["t"]


@pytest.mark.parametrize(
    "values, since, error, message",
    [
        (["2024-01-31", None], "2024-01-01", ValueError, "Column 't' has 1 missing times, first in row 1"),
        ([pd.Timestamp(0), pd.NaT], "2024-01-01", ValueError, "Column 't' has 1 missing times, first in row 1"),
        (["31.1.2024"], "2024-01-01", ValueError, "Column 't' holds the text '31.1.2024' in row 0"),
        (["2024-01-31", "2024-01-31T00:00Z"], "2024-01-01", ValueError, "times with a time zone and times without"),
        ([20240131], "2024-01-01", TypeError, "Column 't' holds int64; expected times"),
        (["2024-01-31"], "yesterday, all my troubles", ValueError, "since is 'yesterday, all my troubles'; expected"),
        (["2024-01-31"], None, ValueError, "since is None; expected a day"),
        (["2024-01-31"], pd.Timestamp("2024-01-01", tz="UTC"), ValueError, "with a time zone, and the times of 't'"),
    ],
)
def test_what_is_refused(values, since, error, message):
    with pytest.raises(error, match=re.escape(message)):
        wdl.date_parts(pd.DataFrame({"t": values}), "t", since)


def test_no_column_of_the_user_is_overwritten():
    with pytest.raises(ValueError, match="The frame has a column 't_hour' already"):
        wdl.date_parts(pd.DataFrame({"t": ["2024-01-31"], "t_hour": ["mine"]}), "t", "2024-01-01")
    with pytest.raises(KeyError, match="'t'"):
        wdl.date_parts(pd.DataFrame({"u": [1]}), "t", "2024-01-01")

"""The monitor: values by hand, laws, quiet days that stay quiet and broken ones that do not, and bad input."""

import decimal

import wdl_helpers as wdl  # before TensorFlow
from recommender import monitoring

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from laws import FEW

COLUMNS = {"score": "p", "unit": "visit"}


@pytest.fixture(scope="module")
def parts():
    """A category in both parts, one in the wide part alone, a list, a number, and a cross."""
    frame = pd.DataFrame(
        {"city": ["Rome", "Oslo"] * 50, "tags": [["a", "b"], ["b"]] * 50, "plan": "x", "age": range(100)}
    )
    wide = wdl.fit_wide(frame, ["city", "plan", ("city", "plan")])
    return wide, wdl.fit_deep(frame, ["city", "tags"], ["age"])


def drawn(seed, visits=400):
    """A day of so many visits, two rows each: all as it was in training."""
    rng = np.random.default_rng(seed)
    visit = np.repeat(np.arange(visits), 2)
    tags = [["a"], ["a", "b"], ["b"]]
    frame = pd.DataFrame(
        {
            "city": rng.choice(["Rome", "Oslo"], visits)[visit],
            "tags": [tags[i] for i in rng.integers(0, 3, len(visit))],
            "plan": "x",
            "age": rng.integers(0, 100, visits)[visit],
            "p": rng.uniform(0.2, 0.6, len(visit)),
            "visit": visit,
        }
    )
    return frame, (rng.random(len(frame)) < frame["p"]).astype(float).to_numpy()


@pytest.fixture(scope="module")
def past(parts):
    days = [drawn(seed) for seed in range(6)]
    return [monitoring.describe_day(frame, *parts, **COLUMNS, labels=labels) for frame, labels in days]


def value(day, quantity, column=""):
    return day["quantities"].loc[(quantity, column), "value"]


# ---------------------------------------------------------------------------------------------- by hand


def test_shares_are_counted_by_hand(parts):
    served = pd.DataFrame(
        {
            "city": ["Rome", "rome", None, "", "Oslo"],
            "tags": [["a", "c"], [], None, ["b"], ("a", "b")],
            "plan": ["x", "x", "x", "y", "x"],
            "age": [5.0, None, 98.0, 100.0, -1.0],
            "p": [0.1, 0.2, 0.3, 0.4, 0.5],
            "visit": [1, 1, 2, 3, 3],
        }
    )
    labels = [0, 1, np.nan, 1, 0]
    day = monitoring.describe_day(served, *parts, **COLUMNS, labels=labels)
    assert value(day, "id 0", "city") == pytest.approx(1 / 3)  # of Rome, rome, Oslo
    assert value(day, "gaps", "city") == pytest.approx(2 / 5)
    assert value(day, "id 0", "tags") == pytest.approx(1 / 5)  # c, of five values
    assert value(day, "gaps", "tags") == pytest.approx(2 / 5)
    assert value(day, "id 0", "plan") == pytest.approx(1 / 5)
    assert value(day, "out of range", "age") == pytest.approx(2 / 4)  # 100 and -1
    assert value(day, "gaps", "age") == pytest.approx(1 / 5)
    assert value(day, "mean score") == pytest.approx(0.3)
    assert value(day, "Σp/Σy") == pytest.approx(1.2 / 2)  # without the row of the NaN
    expected = -np.mean(np.log([0.9, 0.2, 0.4, 0.5]))
    assert value(day, "log loss") == pytest.approx(expected)
    assert day["units"] == day["counted_units"] == 3 and ("id 0", "age") not in day["quantities"].index


def test_the_error_counts_units_and_not_rows(parts):
    frame, _ = drawn(0, visits=100)
    once = monitoring.describe_day(frame, *parts, **COLUMNS)["quantities"]
    ten_times = frame.loc[frame.index.repeat(10)]  # the same visits, with ten times the rows
    again = monitoring.describe_day(ten_times, *parts, **COLUMNS)["quantities"]
    pd.testing.assert_frame_equal(once, again)
    means = frame.groupby("visit")["p"].mean()
    assert once.loc[("mean score", ""), "error"] == pytest.approx(means.std(ddof=0) / 10)


def test_psi_by_hand():
    past = pd.Series({"a": 60, "b": 40})
    today = pd.Series({"a": 40, "b": 60})
    p, q = (60.5 / 101.5, 40.5 / 101.5)  # a third group, of rare values, has half a count
    assert monitoring.psi(past, today) == pytest.approx(2 * (p - q) * np.log(p / q))
    new = pd.Series({"c": 100})
    share = np.array([60.5, 40.5, 0.5]) / 101.5
    new_share = np.array([0.5, 0.5, 100.5]) / 101.5
    assert monitoring.psi(past, new) == pytest.approx(((new_share - share) * np.log(new_share / share)).sum())


def test_rare_values_count_as_one():
    past = pd.Series({"a": 990, "b": 5, "c": 5})
    assert monitoring.psi(past, pd.Series({"a": 990, "b": 10})) == 0
    assert monitoring.psi(past, pd.Series({"a": 990, "new": 10})) == 0


def test_only_random_rows_count_for_the_psi(parts):
    frame, _ = drawn(0)
    is_random = np.arange(len(frame)) % 4 == 0
    day = monitoring.describe_day(frame, *parts, **COLUMNS, is_random=is_random)
    assert {column: counts.sum() for column, counts in day["counts"].items() if column != "tags"} == {
        column: is_random.sum() for column in ("score", "city", "plan", "age")
    }
    assert day["counts"]["tags"].sum() == frame["tags"][is_random].map(len).sum()
    assert day["units"] == 400 and day["counted_units"] == len(set(frame["visit"][is_random]))


def test_skew_is_the_share_of_rows_that_differ(parts):
    served, _ = drawn(0, visits=5)
    logged = served.copy()
    logged["age"] = served["age"].astype(float)  # 5 and 5.0 are the same
    logged.loc[[0, 1], "city"] = "ROME"
    logged["tags"] = [tuple(tags) for tags in served["tags"][:-1]] + [[]]
    day = monitoring.describe_day(served, *parts, **COLUMNS, logged=logged)
    assert value(day, "skew", "city") == pytest.approx(0.2) and value(day, "skew", "age") == 0
    assert value(day, "skew", "tags") == pytest.approx(0.1) and value(day, "skew", "plan") == 0
    gaps = served.assign(city=None)
    assert value(monitoring.describe_day(gaps, *parts, **COLUMNS, logged=gaps), "skew", "city") == 0
    assert value(monitoring.describe_day(served, *parts, **COLUMNS, logged=gaps), "skew", "city") == 1


def test_bounds_by_hand():
    """Three days with 0.1, 0.2, 0.3, a deviation of 0.1, and an error that is smaller, then larger."""

    def day(x, error, units=100):
        index = pd.MultiIndex.from_tuples([("id 0", "city")], names=["quantity", "column"])
        quantities = pd.DataFrame({"value": [x], "error": [error]}, index)
        return {"quantities": quantities, "units": units, "counts": {}, "counted_units": units}

    for error, units, deviation in ((0.01, 100, 0.1), (0.4, 100, 0.4), (0.4, 25, 0.8), (0.4, 10_000, 0.1)):
        past = [day(x, error) for x in (0.1, 0.2, 0.3)]
        row = monitoring.bounds(day(0.5, 0.9, units), past, width=2).iloc[0]
        reach = 2 * deviation * np.sqrt(4 / 3)
        assert [row["low"], row["high"]] == pytest.approx([0.2 - reach, 0.2 + reach])
        assert row["distance"] == pytest.approx(0.3 / reach)
    same = [day(0.2, 0.0)] * 3
    assert monitoring.bounds(day(0.2, 0.0), same).iloc[0]["high"] == pytest.approx(0.2 + monitoring.FLOORS["id 0"])


def test_without_a_change_the_psi_of_chance_stays_within_its_bound():
    """The bound's chance is that of a chi-squared distribution: held to draws."""
    rng = np.random.default_rng(0)
    shares = np.full(20, 0.05)
    found = []
    for _ in range(300):
        counts = [pd.Series(rng.multinomial(n, shares)) for n in (2_000, 500)]
        found.append(monitoring.psi(*counts))
    assert np.mean(found) == pytest.approx(19 * (1 / 500 + 1 / 2_000), rel=0.1)
    assert np.max(found) < (19 + 5 * np.sqrt(38)) * (1 / 500 + 1 / 2_000)


# ---------------------------------------------------------------------------------------- quiet and broken


def test_quiet_days_stay_quiet_also_in_a_small_store(parts):
    for visits in (20, 400):
        days = [drawn(100 + seed, visits) for seed in range(24)]
        described = [monitoring.describe_day(frame, *parts, **COLUMNS, labels=labels) for frame, labels in days]
        alarms = [len(monitoring.alarms(described[i], described[i - 7 : i])) for i in range(7, 24)]
        assert sum(alarms) <= 1, visits


BREAKS = {
    "spelling": (lambda frame: frame.assign(city=frame["city"].str.upper()), ("id 0", "city")),
    "a tenth of it": (
        lambda frame: frame.assign(city=frame["city"].where(frame["visit"] % 10 > 0, "?")), ("id 0", "city")
    ),
    "a unit": (lambda frame: frame.assign(age=12 * frame["age"]), ("out of range", "age")),
    "a gap": (lambda frame: frame.assign(plan=""), ("gaps", "plan")),
    "no lists": (lambda frame: frame.assign(tags=[[]] * len(frame)), ("gaps", "tags")),
    "one value": (lambda frame: frame.assign(city="Rome"), ("PSI", "city")),
    "numbers in one half": (lambda frame: frame.assign(age=frame["age"] // 2), ("PSI", "age")),
    "scores": (lambda frame: frame.assign(p=frame["p"] ** 2), ("PSI", "score")),
    "scores, late": (lambda frame: frame.assign(p=frame["p"] / 2), ("Σp/Σy", "")),
    "no text": (lambda frame: frame.assign(city=decimal.Decimal("2.5")), ("id 0", "city")),
    "numbers that are none": (lambda frame: frame.assign(age="old"), ("gaps", "age")),
}  # fmt: skip


@pytest.mark.parametrize("change, expected", BREAKS.values(), ids=BREAKS)
def test_a_broken_column_is_named_first_or_second(parts, past, change, expected):
    frame, labels = drawn(50)
    assert monitoring.alarms(monitoring.describe_day(frame, *parts, **COLUMNS, labels=labels), past).empty
    table = monitoring.alarms(monitoring.describe_day(change(frame), *parts, **COLUMNS, labels=labels), past)
    assert expected in [*zip(table["quantity"], table["column"])]
    assert (table["distance"].abs() > 1).all() and table["distance"].abs().is_monotonic_decreasing
    others = {"city", "plan", "age", "tags"} - {expected[1], ""}
    if expected[1] in {"city", "plan", "age", "tags"}:
        assert not others & set(table["column"]), "no other column is to blame"


def test_no_install_at_all_is_an_alarm(parts, past):
    frame, labels = drawn(51)
    day = monitoring.describe_day(frame, *parts, **COLUMNS, labels=0 * labels)
    assert np.isinf(value(day, "Σp/Σy"))
    assert ("Σp/Σy", "") in monitoring.alarms(day, past)[["quantity", "column"]].apply(tuple, axis=1).tolist()


def test_a_hashed_part_has_no_vocabulary_to_be_missing_from():
    frame, _ = drawn(0)
    hashed = wdl.fit_wide(frame, ["city"], hash_buckets=8)
    quantities = monitoring.describe_day(frame, hashed, None, **COLUMNS)["quantities"]
    assert ("id 0", "city") not in quantities.index and ("gaps", "city") in quantities.index


# -------------------------------------------------------------------------------------------------- laws

counts = st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 1_000), min_size=1).map(pd.Series)


@FEW
@given(counts, counts)
def test_psi_is_not_negative_and_0_for_the_same_shares(past, today):
    assert monitoring.psi(past, today) >= 0
    assert monitoring.psi(past, past) == pytest.approx(0, abs=1e-12)


@FEW
@given(st.floats(0.5, 20), st.floats(0.5, 20))
def test_wider_bounds_have_no_more_alarms(parts, past, one, other):
    frame, labels = drawn(52)
    day = monitoring.describe_day(frame.assign(p=frame["p"] * 0.8), *parts, **COLUMNS, labels=labels)
    few, many = (len(monitoring.alarms(day, past, width)) for width in (max(one, other), min(one, other)))
    assert few <= many


# --------------------------------------------------------------------------------------------- bad input


def test_bad_input_is_named(parts, past):
    frame, labels = drawn(0)

    def describe(frame, **settings):
        return monitoring.describe_day(frame, *parts, **COLUMNS, **settings)

    with pytest.raises(KeyError, match="city"):
        describe(frame.drop(columns="city"))
    with pytest.raises(KeyError, match="visit"):
        describe(frame.drop(columns="visit"))
    with pytest.raises(TypeError, match="'p'"):
        describe(frame.assign(p="high"))
    with pytest.raises(ValueError, match="empty"):
        describe(frame[:0])
    with pytest.raises(ValueError, match=r"\(3,\); expected \(800,\)"):
        describe(frame, labels=labels[:3])
    with pytest.raises(ValueError, match="Column 'p' holds 3.0, first in row 7; expected probabilities"):
        describe(frame.assign(p=np.where(np.arange(800) == 7, 3.0, 0.5)))
    with pytest.raises(ValueError, match="Column 'visit' has 1 missing"):
        describe(frame.assign(visit=frame["visit"].astype(float).where(frame.index != frame.index[3])))
    with pytest.raises(ValueError, match="The labels hold 2.0; expected 0, 1 or NaN"):
        describe(frame, labels=np.full(800, 2.0))
    with pytest.raises(ValueError, match="is_random has the shape"):
        describe(frame, is_random=np.ones(3, dtype=bool))
    with pytest.raises(ValueError, match="799 logged rows for 800"):
        describe(frame, logged=frame[:-1])
    with pytest.raises(KeyError, match="age"):
        describe(frame, logged=frame.drop(columns="age"))
    with pytest.raises(ValueError, match="2 past days"):
        monitoring.alarms(past[0], past[:2])
    with pytest.raises(KeyError):
        monitoring.alarms(past[0], [describe(frame)] * 3)  # the past has no labels
    with pytest.raises(ValueError, match="counts nothing"):
        monitoring.psi(pd.Series({"a": 0}), pd.Series({"a": 1}))

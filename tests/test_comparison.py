"""A candidate against the model that serves: by hand, against an interval that is drawn, and bad input."""

from recommender.comparison import compare

import numpy as np
import pandas as pd
import pytest


def drawn(seed, visits=200, harm=0.0):
    """Rows of visits with a device each, their labels, and the scores of two models; `harm` is done to watches."""
    rng = np.random.default_rng(seed)
    visit = np.repeat(np.arange(visits), 5)
    device = np.array(["phone", "watch", "tablet"])[rng.integers(0, 3, visits)][visit]
    truth = rng.uniform(0.1, 0.9, len(visit))
    labels = (rng.random(len(visit)) < truth).astype(int)
    logit = np.log(truth / (1 - truth)) + rng.normal(0, 0.2, visits)[visit]
    live = 1 / (1 + np.exp(-logit))
    candidate = 1 / (1 + np.exp(-logit - rng.normal(0, 0.1, len(visit)) - harm * (device == "watch")))
    return pd.DataFrame({"visit": visit, "device": device}), labels, live, candidate


def test_by_hand():
    rows = pd.DataFrame({"visit": [7, 7, 8, 9], "device": ["watch", "watch", "phone", "phone"]})
    found = compare(rows, [1, 0, 1, 0], [0.8, 0.2, 0.5, 0.5], [0.4, 0.2, 0.25, 0.5], "visit", ["device"])
    rises = np.array([np.log(2) / 2, np.log(2), 0])  # of the three visits
    assert found["rise"] == pytest.approx(rises.mean())
    assert found["error"] == pytest.approx(rises.std(ddof=1) / 3**0.5)
    assert found["calibration"] == pytest.approx(1.35 / 2)
    assert (found["slice"], found["slice_rise"]) == ("", -np.inf)  # both have fewer than ten visits


def test_the_worst_slice_is_named_with_its_rise_in_standard_errors():
    rows, labels, live, candidate = drawn(0, harm=2.0)
    found = compare(rows, labels, live, candidate, "visit", ["device"])
    rise = np.log(np.where(labels == 1, live, 1 - live) / np.where(labels == 1, candidate, 1 - candidate))
    watches = pd.Series(rise)[rows["device"] == "watch"].groupby(rows["visit"]).mean()
    assert found["slice"] == "device=watch"
    assert found["slice_rise"] == pytest.approx(watches.mean() / watches.sem()) and found["slice_rise"] > 3


def test_the_error_is_that_of_visits_and_the_interval_holds_the_truth():
    found = [compare(*drawn(seed), "visit", []) for seed in range(300)]
    rises = np.array([each["rise"] for each in found])
    errors = np.array([each["error"] for each in found])
    assert errors.mean() == pytest.approx(rises.std(), rel=0.15)
    assert 0.91 < (np.abs(rises - rises.mean()) < 1.96 * errors).mean() < 0.99


def test_the_same_scores_do_not_rise():
    rows, labels, live, _ = drawn(0)
    found = compare(rows, labels, live, live, "visit", [])
    assert found["rise"] == found["error"] == 0


@pytest.mark.parametrize("bad", [np.nan, 1.2, -0.1, np.inf])
def test_a_score_that_is_no_probability_makes_all_numbers_nan(bad):
    rows, labels, live, candidate = drawn(0)
    candidate[3] = bad
    found = compare(rows, labels, live, candidate, "visit", ["device"])
    assert np.isnan([found["rise"], found["error"], found["slice_rise"], found["calibration"]]).all()


def test_bad_input_is_named():
    rows, labels, live, candidate = drawn(0)
    with pytest.raises(KeyError, match="country"):
        compare(rows, labels, live, candidate, "visit", ["country"])
    with pytest.raises(KeyError, match="page"):
        compare(rows, labels, live, candidate, "page", [])
    for bad in (np.nan, -0.1, 7.0):
        with pytest.raises(ValueError, match="live holds .*, first in row 2; expected probabilities"):
            compare(rows, labels, np.where(np.arange(len(live)) == 2, bad, live), candidate, "visit", [])
    with pytest.raises(ValueError, match="candidate has the shape"):
        compare(rows, labels, live, candidate[1:], "visit", [])
    with pytest.raises(ValueError, match="0 and 1|0 or 1"):
        compare(rows, labels + 1, live, candidate, "visit", [])

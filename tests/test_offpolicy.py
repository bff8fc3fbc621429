"""Off-policy evaluation, held to values worked out by hand, to small problems that are enumerated, and to laws."""

import itertools

from recommender import offpolicy

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

BY_HAND = pd.DataFrame({"click": [1, 0, 1, 1], "old": [0.5, 0.5, 0.5, 0.25], "new": [0, 0, 1, 1]})
COLUMNS = {"reward": "click", "propensity": "old", "target": "new"}


# ----------------------------------------------------------------------------------- a small world, complete

OLD = np.array([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]])  # (contexts, actions)
NEW = np.array([[0.1, 0.2, 0.7], [0.6, 0.3, 0.1]])
CLICKS = np.array([[0.9, 0.5, 0.1], [0.2, 0.7, 0.4]])  # the probability of a click


def all_rows():
    """Each possible row of a log with its probability; both contexts are equally likely."""
    for context, action, click in itertools.product(range(2), range(3), range(2)):
        chance = 0.5 * OLD[context, action] * (CLICKS[context, action] if click else 1 - CLICKS[context, action])
        yield chance, {"context": context, "click": click, "old": OLD[context, action], "new": NEW[context, action]}


def all_logs(rows):
    """Each possible log of so many rows, with its probability."""
    for drawn in itertools.product(list(all_rows()), repeat=rows):
        yield np.prod([chance for chance, _ in drawn]), pd.DataFrame([row for _, row in drawn])


def test_over_all_logs_ips_is_the_truth_and_its_squared_error_is_the_variance():
    truth = 0.5 * (NEW * CLICKS).sum()
    logs = [(chance, offpolicy.ips(log, **COLUMNS)) for chance, log in all_logs(2)]
    chances = np.array([chance for chance, _ in logs])
    values = np.array([estimate["value"] for _, estimate in logs])
    squares = np.array([estimate["standard_error"] ** 2 for _, estimate in logs])
    assert np.isclose(chances.sum(), 1) and len(logs) == 144
    assert np.isclose(chances @ values, truth)
    assert np.isclose(chances @ squares, chances @ (values - truth) ** 2)
    assert np.isclose(chances @ [estimate["mean_weight"] for _, estimate in logs], 1)


def test_over_all_logs_of_pages_ips_is_the_truth():
    """A unit is a page of two actions, drawn apart; what each brings is certain here, and is added up."""
    pages = [
        (0.5 * OLD[context, actions].prod(), [{"context": context, "action": action} for action in actions])
        for context, *actions in itertools.product(range(2), range(3), range(3))
    ]
    expected = 0.0
    for (chance_1, rows_1), (chance_2, rows_2) in itertools.product(pages, repeat=2):
        log = pd.DataFrame([*rows_1, *rows_2]).assign(page=["a", "a", "b", "b"])
        of_row = (log["context"], log["action"])
        log = log.assign(click=CLICKS[of_row], old=OLD[of_row], new=NEW[of_row])
        expected += chance_1 * chance_2 * offpolicy.ips(log, **COLUMNS, unit="page")["value"]
    assert np.isclose(expected, (NEW * CLICKS).sum())  # two actions, and half of the sum for each


def drawn_log(rng, rows):
    context = rng.integers(0, 2, rows)
    action = (rng.random(rows)[:, None] > OLD[context].cumsum(axis=1)).sum(axis=1)
    click = (rng.random(rows) < CLICKS[context, action]).astype(int)
    return pd.DataFrame({"click": click, "old": OLD[context, action], "new": NEW[context, action]})


@pytest.mark.parametrize("estimator", [offpolicy.ips, offpolicy.snips])
def test_the_interval_of_a_large_log_holds_the_truth_nineteen_times_in_twenty(estimator):
    truth, rng = 0.5 * (NEW * CLICKS).sum(), np.random.default_rng(0)
    found = pd.DataFrame([estimator(drawn_log(rng, 400), **COLUMNS) for _ in range(500)])
    assert 0.92 < ((found["low"] < truth) & (truth < found["high"])).mean() < 0.98
    assert abs(found["value"].mean() - truth) < 3 * found["value"].std() / 500**0.5
    assert np.isclose(found["standard_error"].mean(), found["value"].std(), rtol=0.1)


# -------------------------------------------------------------------------------------------- values by hand


def test_ips_by_hand():
    found = offpolicy.ips(BY_HAND, **COLUMNS)
    assert found["value"] == 1.5  # weights 0, 0, 2, 4; (0 + 0 + 2 + 4) / 4
    error = np.sqrt((1.5**2 + 1.5**2 + 0.5**2 + 2.5**2) / 3 / 4)
    assert np.isclose(found["standard_error"], error)
    assert np.isclose(found["low"], 1.5 - 1.959964 * error) and np.isclose(found["high"], 1.5 + 1.959964 * error)
    assert found["mean_weight"] == 1.5 and np.isclose(found["effective_rows"], 36 / 20)


def test_snips_by_hand():
    log = BY_HAND.assign(click=[1, 1, 0, 1])
    found = offpolicy.snips(log, **COLUMNS)
    assert np.isclose(found["value"], 4 / 6)
    residuals = np.array([0, 0, -2 * 4 / 6, 4 - 4 * 4 / 6])
    assert np.isclose(found["standard_error"], np.sqrt((residuals**2).sum() / 3 / 4) / 1.5)
    assert found["mean_weight"] == 1.5


def test_pages_add_up_their_rewards_in_any_order_of_rows():
    log = BY_HAND.assign(page=["x", "y", "y", "x"])
    found = offpolicy.ips(log, **COLUMNS, unit="page", actions=2)
    assert found["value"] == 3.0 and found["standard_error"] == 1.0  # page sums 4 and 2
    assert found["mean_weight"] == 1.5
    assert offpolicy.ips(log.iloc[::-1], **COLUMNS, unit="page", actions=2)["value"] == 3.0
    assert offpolicy.snips(log, **COLUMNS, unit="page", actions=2)["value"] == 2.0  # each of two actions is clicked


def test_the_error_of_snips_is_that_of_a_jackknife():
    log = drawn_log(np.random.default_rng(1), 2_000).assign(page=np.repeat(np.arange(500), 4))
    found = offpolicy.snips(log, **COLUMNS, unit="page", actions=4)
    weights = log["new"] / log["old"]
    sums = pd.DataFrame({"gain": weights * log["click"], "weight": weights}).groupby(log["page"]).sum()
    without = sums.sum() - sums
    values = 4 * without["gain"] / without["weight"]
    jackknife = np.sqrt(((values - values.mean()) ** 2).sum() * 499 / 500)
    assert np.isclose(found["standard_error"], jackknife, rtol=0.01)


# ------------------------------------------------------------------------------------------------------ laws


@st.composite
def logs(draw):
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    rows = draw(st.integers(2, 40))
    log = pd.DataFrame({"click": rng.normal(size=rows), "old": rng.uniform(0.01, 1, rows)})
    log["new"] = np.where(rng.random(rows) < 0.5, rng.random(rows), 0)
    log.loc[0, "new"] = 0.5
    return log.assign(page=rng.permutation(np.arange(rows) % max(2, rows // 3)))


@given(logs(), st.floats(-10, 10))
def test_a_constant_moves_snips_by_itself_and_no_interval(log, constant):
    before = offpolicy.snips(log, **COLUMNS, unit="page", actions=3)
    after = offpolicy.snips(log.assign(click=log["click"] + constant), **COLUMNS, unit="page", actions=3)
    assert np.isclose(after["value"], before["value"] + 3 * constant, atol=1e-6)
    assert np.isclose(after["standard_error"], before["standard_error"], atol=1e-6)


@given(logs())
def test_a_policy_that_is_judged_by_its_own_log_gets_the_mean(log):
    itself = {"reward": "click", "propensity": "old", "target": "old"}
    for estimator in (offpolicy.ips, offpolicy.snips):
        found = estimator(log, **itself)
        assert np.isclose(found["value"], log["click"].mean()) and np.isclose(found["mean_weight"], 1)
        assert np.isclose(found["standard_error"], log["click"].std() / len(log) ** 0.5)
        assert np.isclose(found["effective_rows"], len(log))


@given(logs(), st.floats(0.1, 100))
def test_the_effective_sample_size_has_no_unit_and_is_at_most_the_rows_with_weight(log, factor):
    weights = offpolicy.importance_weights(log, "old", "new")
    size = offpolicy.effective_sample_size(weights)
    assert 1 - 1e-9 <= size <= (weights > 0).sum() + 1e-9
    assert np.isclose(offpolicy.effective_sample_size(factor * weights), size)
    assert np.isclose(offpolicy.effective_sample_size(np.tile(weights, 3)), 3 * size)


def test_even_huge_weights_have_an_effective_sample_size():
    assert offpolicy.effective_sample_size([1e300, 1e300]) == 2
    assert np.isclose(offpolicy.effective_sample_size([3, 1]), 1.6)


# ------------------------------------------------------------------------------------------- looking targets up

LOG = pd.DataFrame({"visit": [1, 1, 2, 2], "app": ["chess", "maps", "maps", "news"]}, index=[7, 7, 8, 9])
PAGES = pd.DataFrame({"visit": [2, 1, 1, 2], "app": ["chess", "news", "chess", "maps"], "p": [1.0, 0.5, 0.5, 0.0]})


def test_targets_are_looked_up_by_context_and_action():
    assert offpolicy.target_probabilities(LOG, PAGES, "visit", "app", "p").tolist() == [0.5, 0, 0, 0]
    whole = PAGES.assign(p=1.0)
    assert offpolicy.target_probabilities(LOG, whole, "visit", "app", "p", actions=2).tolist() == [1, 0, 1, 0]


@pytest.mark.parametrize(
    "log, pages, actions, sentence",
    [
        (LOG, PAGES.assign(p=1.0), 1, "in the context 1 add up to 2; expected 1"),
        (LOG, PAGES, 2, "in the context 1 add up to 1; expected 2"),
        (LOG, PAGES.assign(p=[2.0, 0.5, 0.5, -1.0]), 1, "'p' holds 2 in row 0; expected probabilities"),
        (LOG, PAGES.assign(p=[np.nan, 0.5, 0.5, 0.0]), 1, "'p' has 1 missing"),
        (LOG.assign(visit=[1, 1, 3, 3]), PAGES, 1, "no row for the context 3"),
        (LOG, pd.concat([PAGES, PAGES[:1]]), 1, r"lists \(2, chess\) twice"),
        (LOG.assign(app=["chess", None, "maps", "news"]), PAGES, 1, "'app' has 1 missing values, first in row 1"),
        (LOG, PAGES.assign(visit=[2, 1, 1, None]), 1, "'visit' has 1 missing values, first in row 3"),
    ],
)
def test_a_policy_that_is_none_is_refused(log, pages, actions, sentence):
    with pytest.raises(ValueError, match=sentence):
        offpolicy.target_probabilities(log, pages, "visit", "app", "p", actions=actions)


# ---------------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize("estimator", [offpolicy.ips, offpolicy.snips])
@pytest.mark.parametrize(
    "changed, error, sentence",
    [
        ({"old": [0.5, 0.0, 0.5, 0.5]}, ValueError, "'old' is 0 in row 1: what the old policy never does"),
        ({"old": [0.5, -0.1, 0.5, 0.5]}, ValueError, "'old' holds -0.1 in row 1; expected probabilities"),
        ({"old": [0.5, 0.5, 1.5, 0.5]}, ValueError, "'old' holds 1.5 in row 2; expected probabilities"),
        ({"old": [0.5, 0.5, None, 0.5]}, ValueError, "'old' has 1 missing or infinite values, first in row 2"),
        ({"new": [0.5, 0.5, 1.1, 0.5]}, ValueError, "'new' holds 1.1 in row 2"),
        ({"new": [0, 0, 0, 0]}, ValueError, "do not overlap: column 'new' is 0 in all rows"),
        ({"click": [1, np.nan, 1, 0]}, ValueError, "'click' has 1 missing or infinite values, first in row 1"),
        ({"click": ["a", "b", "c", "d"]}, TypeError, "'click' has the type"),
        ({"page": [1, 1, 1, 1]}, ValueError, "There is one unit"),
        ({"page": [1, 1, None, 2]}, ValueError, "'page' has 1 missing values, first in row 2: each row needs its unit"),
    ],
)
def test_bad_logs_are_refused_by_name(estimator, changed, error, sentence):
    log = BY_HAND.assign(page=[1, 1, 2, 2]).assign(**changed)
    with pytest.raises(error, match=sentence):
        estimator(log, **COLUMNS, unit="page")


def test_other_bad_input_is_refused_by_name():
    with pytest.raises(KeyError, match="no column 'neu'"):
        offpolicy.ips(BY_HAND, "click", "old", "neu")
    with pytest.raises(KeyError, match="no column 'page'"):
        offpolicy.snips(BY_HAND, **COLUMNS, unit="page")
    with pytest.raises(ValueError, match="There is one unit"):
        offpolicy.ips(BY_HAND[2:3], **COLUMNS)
    with pytest.raises(ValueError, match="actions is 0"):
        offpolicy.snips(BY_HAND, **COLUMNS, actions=0)
    with pytest.raises(ValueError, match="actions is 0"):
        offpolicy.ips(BY_HAND, **COLUMNS, actions=0)
    with pytest.raises(ValueError, match="actions is 0"):
        offpolicy.target_probabilities(LOG, PAGES, "visit", "app", "p", actions=0)
    for weights in ([1, -1], [1, np.inf], [1, np.nan]):
        with pytest.raises(ValueError, match=f"The weight in row 1 is {weights[1]:g}; expected a finite number"):
            offpolicy.effective_sample_size(weights)
    with pytest.raises(ValueError, match="All weights are 0"):
        offpolicy.effective_sample_size([0, 0])


def test_a_probability_may_be_above_one_by_a_rounding():
    assert offpolicy.ips(BY_HAND.assign(new=[0, 0, 1 + 1e-12, 1]), **COLUMNS)["value"] == pytest.approx(1.5)

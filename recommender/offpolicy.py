"""Off-policy evaluation: the reward of a new policy, estimated from the log of another one.

    log, with the probability of each action ─► importance_weights ─► effective_sample_size
                                              ─► ips, snips          an estimate with its 95 % interval

A *policy* chooses actions, such as the apps of a page. Its *propensity* of an action is the probability that it takes
it. An action that the new policy takes twice as often as the old one did stands in the log half as often as it should,
so its reward counts twice: the weight is the target probability, divided by the propensity.

Give these functions the whole log, also the rows that the new policy would not have: their target is 0. What it takes
but the old policy never took is not in the log, and no weight brings it back.
"""

from typing import TypedDict

from wide_deep.checks import check_frame, check_no_gaps, check_numbers, check_whole

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["Estimate", "effective_sample_size", "importance_weights", "ips", "snips", "target_probabilities"]

NORMAL_95 = 1.959964  # so many standard errors on both sides hold 95 % of a normal distribution
ROUNDING = 1e-9  # a probability may be above 1 by so much, and a sum of probabilities away from what it should be


class Estimate(TypedDict):
    """What `ips` and `snips` return."""

    value: float  # reward of a unit
    standard_error: float
    low: float  # of the 95 % interval
    high: float
    effective_rows: float  # the effective sample size
    mean_weight: float  # of the target's actions: near 1 if the propensities are right


def _probabilities(frame: pd.DataFrame, column: str) -> np.ndarray:
    """A column of probabilities, float64 (rows,); a ValueError by name unless all lie from 0 to 1."""
    values = check_numbers(frame, column)
    bad = np.flatnonzero((values < 0) | (values > 1 + ROUNDING))
    if bad.size:
        raise ValueError(f"Column {column!r} holds {values[bad[0]]:g} in row {bad[0]}; expected probabilities, 0 to 1.")
    return values


def target_probabilities(
    log: pd.DataFrame, policy: pd.DataFrame, context: str, action: str, probability: str, actions: int = 1
) -> np.ndarray:
    """The new policy's probability of what the log holds, looked up in a table of the policy.

    Args:
        log: data frame, one row an action that was taken.
        policy: data frame, one row for each context and each action that the new policy may take in it.
        context: name of the column, in both frames, that tells the contexts apart, such as a visit.
        action: name of the column, in both frames, of the actions.
        probability: name of the policy's column of probabilities; for a page that is certain, all are 1.
        actions: the number of actions that the policy takes in each context, such as the apps of a page, at least 1.

    Returns:
        float64 array (rows of the log,); 0 where the policy never takes the logged action.

    Raises:
        KeyError: a column is missing.
        TypeError: the probabilities are not numbers.
        ValueError: a context or action is missing or is listed twice, a probability is none, the probabilities of a
            context do not add up to `actions`, or the policy has no row for a context of the log.

    Taught in: notebook 8, "What would a new ranking do?".

    Example:
        >>> log = pd.DataFrame({"visit": [1, 1, 2, 2], "app": ["chess", "maps", "maps", "news"]})
        >>> pages = pd.DataFrame({"visit": [1, 1, 2, 2], "app": ["chess", "news", "maps", "chess"], "p": 1.0})
        >>> target_probabilities(log, pages, "visit", "app", "p", actions=2).tolist()
        [1.0, 0.0, 1.0, 0.0]
    """
    check_whole("actions", actions, 1)
    pair = [context, action]
    for frame in (log, policy):
        check_frame(frame, pair)
        for column in pair:
            check_no_gaps(frame, column)
    values = pd.Series(_probabilities(policy, probability), pd.MultiIndex.from_frame(policy[pair]))
    if values.index.has_duplicates:
        twice = ", ".join(str(name) for name in values.index[values.index.duplicated()][0])
        raise ValueError(f"The policy lists ({twice}) twice.")
    sums = values.groupby(level=0).sum()
    wrong = sums.index[(sums - actions).abs() > ROUNDING * actions]
    if len(wrong):
        raise ValueError(
            f"The policy's probabilities in the context {wrong[0]} add up to {sums[wrong[0]]:g}; expected {actions}."
        )
    unknown = ~log[context].isin(sums.index)
    if unknown.any():
        raise ValueError(f"The policy has no row for the context {log[context][unknown].iloc[0]}, which the log has.")
    return values.reindex(pd.MultiIndex.from_frame(log[pair])).fillna(0.0).to_numpy()


def importance_weights(log: pd.DataFrame, propensity: str, target: str) -> np.ndarray:
    """Target probability divided by propensity, for each row of a log.

    Args:
        log: data frame, one row an action that was taken; at least two.
        propensity: name of the column with the probability that the old policy took this action.
        target: name of the column with the probability that the new one takes it, 0 where it never does.

    Returns:
        float64 array (rows,).

    Raises:
        KeyError: a column is missing.
        TypeError: a column does not hold numbers.
        ValueError: a probability is missing or not one, a propensity is 0, or the policies do not overlap.

    Source:
        Horvitz and Thompson, "A Generalization of Sampling Without Replacement from a Finite Universe", JASA 1952.

    Taught in: notebook 8, "What would a new ranking do?".

    Example:
        >>> log = pd.DataFrame({"old": [0.5, 0.5, 0.25], "new": [0.25, 0.25, 0.5]})
        >>> importance_weights(log, "old", "new").tolist()
        [0.5, 0.5, 2.0]
    """
    old = _probabilities(log, propensity)
    new = _probabilities(log, target)
    if (old == 0).any():
        raise ValueError(
            f"Column {propensity!r} is 0 in row {np.flatnonzero(old == 0)[0]}: what the old policy never does cannot "
            "stand in its log."
        )
    if not new.any():
        raise ValueError(
            f"The policies do not overlap: column {target!r} is 0 in all rows, so the new policy does nothing of what "
            "is in the log."
        )
    return new / old


def effective_sample_size(weights: npt.ArrayLike) -> float:
    """(Σ w)² / Σ w²: the number of rows of equal weight that would give as certain a mean.

    Args:
        weights: array (rows,), at least 0, not all 0.

    Raises:
        ValueError: a weight is negative or not finite, or all are 0.

    Source:
        Kish, "Survey Sampling", 1965.

    Taught in: notebook 8, "How sure can we be?".

    Example:
        >>> effective_sample_size([1, 1, 1, 1, 0, 0]), effective_sample_size([100, 1, 1, 1])
        (4.0, 1.06...)
    """
    values = np.asarray(weights, dtype="float64")
    bad = np.flatnonzero(~(np.isfinite(values) & (values >= 0)))
    if bad.size:
        raise ValueError(f"The weight in row {bad[0]} is {values[bad[0]]:g}; expected a finite number of at least 0.")
    if not values.any():
        raise ValueError("All weights are 0; expected one above 0.")
    values = values / values.max()  # so that no square is too large for a float
    return float(values.sum() ** 2 / (values**2).sum())


def _sums(
    log: pd.DataFrame, reward: str, propensity: str, target: str, unit: str | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The weights (rows,), and for each unit the sums of weight · reward and of the weights, each (units,)."""
    rewards = check_numbers(log, reward)
    weights = importance_weights(log, propensity, target)
    if unit is None:
        units = np.arange(len(log))
    else:
        check_frame(log, [unit])
        check_no_gaps(log, unit, "each row needs its unit")
        units = log.groupby(unit, sort=False).ngroup().to_numpy()
    if units.max() == 0:
        raise ValueError("There is one unit; an interval needs at least two.")
    return weights, np.bincount(units, weights * rewards), np.bincount(units, weights)


def _estimate(value: float, error: float, weights: np.ndarray, mean_weight: float) -> Estimate:
    """An estimate with its interval."""
    return {
        "value": float(value),
        "standard_error": float(error),
        "low": float(value - NORMAL_95 * error),
        "high": float(value + NORMAL_95 * error),
        "effective_rows": effective_sample_size(weights),
        "mean_weight": float(mean_weight),
    }


def ips(
    log: pd.DataFrame, reward: str, propensity: str, target: str, unit: str | None = None, actions: int = 1
) -> Estimate:
    """Inverse propensity scoring: the mean over units of Σ weight · reward.

    It is unbiased if the propensities are right, if everything that the new policy may do has a propensity above 0,
    and if a reward depends on the unit and its own action alone.

    Args:
        log: data frame, one row an action that was taken: all of them, also those with a target of 0.
        reward: name of the column with what the action brought.
        propensity: name of the column with the probability that the old policy took this action.
        target: name of the column with the probability that the new one takes it, 0 where it never does.
        unit: name of the column that tells independent units apart, such as visits or people, whose rewards are added
            up; without it each row is a unit.
        actions: the number of actions that the new policy takes in each unit, such as the apps of a page; it is needed
            for 'mean_weight' alone.

    Returns:
        An `Estimate`. Its interval is that of a normal distribution: with few effective rows it is too short.

    Raises:
        KeyError: a column is missing.
        TypeError: a column does not hold numbers.
        ValueError: a number is missing or no probability, a propensity is 0, the policies do not overlap, or there is
            only one unit.

    Source:
        Horvitz and Thompson, JASA 1952; Bottou and others, "Counterfactual Reasoning and Learning Systems", JMLR 2013.

    Taught in: notebook 8, "What would a new ranking do?".

    Example:
        >>> log = pd.DataFrame({"click": [1, 0, 1, 1], "old": [0.5, 0.5, 0.5, 0.25], "new": [0, 0, 1, 1]})
        >>> estimate = ips(log, "click", "old", "new")  # (0 + 0 + 2 + 4) / 4
        >>> estimate["value"], round(estimate["standard_error"], 2), estimate["effective_rows"]
        (1.5, 0.96, 1.8)
    """
    check_whole("actions", actions, 1)
    weights, gained, weight = _sums(log, reward, propensity, target, unit)
    error = gained.std(ddof=1) / np.sqrt(len(gained))
    return _estimate(gained.mean(), error, weights, weight.mean() / actions)


def snips(
    log: pd.DataFrame, reward: str, propensity: str, target: str, unit: str | None = None, actions: int = 1
) -> Estimate:
    """Self-normalized IPS: Σ weight · reward / Σ weight, times the number of actions in a unit.

    If by chance the log holds too much of what the new policy does, both sums are too large, and the error cancels. The
    price is a bias that vanishes with more units. All rewards raised by 1 raise the value by `actions`, exactly.

    Args:
        log: as in `ips`.
        reward: as in `ips`.
        propensity: as in `ips`.
        target: as in `ips`.
        unit: as in `ips`.
        actions: the number of actions that the new policy takes in each unit, such as the apps of a page, at least 1.

    Returns:
        An `Estimate`. The standard error is that of a ratio of two means.

    Raises:
        KeyError: a column is missing.
        TypeError: a column does not hold numbers.
        ValueError: as in `ips`.

    Source:
        Swaminathan and Joachims, "The Self-Normalized Estimator for Counterfactual Learning", NIPS 2015.

    Taught in: notebook 8, "What would a new ranking do?".

    Example:
        >>> log = pd.DataFrame({"click": [1, 0, 1, 1], "old": [0.5, 0.5, 0.5, 0.25], "new": [0, 0, 1, 1]})
        >>> snips(log, "click", "old", "new")["value"]  # (2 + 4) / (2 + 4): both that it would show were clicked
        1.0
    """
    check_whole("actions", actions, 1)
    weights, gained, weight = _sums(log, reward, propensity, target, unit)
    ratio = gained.sum() / weight.sum()  # reward of an action
    error = (gained - ratio * weight).std(ddof=1) / np.sqrt(len(gained)) / weight.mean()
    return _estimate(actions * ratio, actions * error, weights, weight.mean() / actions)

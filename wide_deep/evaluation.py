"""How good a trained model is, and what its wide part has learned."""

from collections.abc import Mapping

from wide_deep import backend  # noqa: F401, before Keras
from wide_deep.checks import check_fitted, check_labels, check_lengths
from wide_deep.features import WideFeatures
from wide_deep.models import WIDE_WEIGHTS
from wide_deep.reproducible import NEEDED_BY_EVALUATION, check_packages

import keras
import numpy as np
import numpy.typing as npt
import pandas as pd

check_packages(NEEDED_BY_EVALUATION)
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score  # noqa: E402

__all__ = ["comparison", "scores", "wide_weights"]


def scores(labels: npt.ArrayLike, probabilities: npt.ArrayLike) -> dict[str, float]:
    """Accuracy at threshold 0.5, area under the ROC curve, and log loss in nats, by scikit-learn.

    Args:
        labels: 0 or 1 a row, both classes present.
        probabilities: of label 1, one a row.

    Returns:
        'accuracy' and 'AUC' (more is better), and 'log loss' (less is better).

    Raises:
        TypeError: labels or probabilities are not numbers.
        ValueError: lengths differ, labels are not 0/1 or of one class, or a probability is not in [0, 1].

    Taught in: notebook 5, "Choose by rules, then look once".

    Example:
        >>> measures = scores([0, 1, 1], [0.2, 0.4, 0.9])
        >>> {name: round(float(value), 3) for name, value in measures.items()}
        {'accuracy': 0.667, 'AUC': 1.0, 'log loss': 0.415}
    """
    labels = check_labels(labels)  # (rows,)
    try:
        probabilities = np.asarray(probabilities, dtype="float64")
    except (TypeError, ValueError):
        raise TypeError(f"The probabilities are {str(probabilities)[:50]}; expected one number a row.") from None
    if probabilities.ndim != 1:
        raise ValueError(f"The probabilities have the shape {probabilities.shape}; expected one a row.")
    check_lengths({"probabilities": probabilities}, labels)
    bad = np.flatnonzero(~((probabilities >= 0) & (probabilities <= 1)))
    if bad.size:
        raise ValueError(f"The probability in row {bad[0]} is {probabilities[bad[0]]:g}; expected one from 0 to 1.")
    return {
        "accuracy": accuracy_score(labels, probabilities >= 0.5),
        "AUC": roc_auc_score(labels, probabilities),
        "log loss": log_loss(labels, probabilities),
    }


def comparison(results: Mapping[str, Mapping[str, float]]) -> pd.DataFrame:
    """One table of the scores of several models.

    Args:
        results: name of a model → what `scores` returned.

    Returns:
        A row a model, rounded to 4 decimals.

    Taught in: notebook 5, "Choose by rules, then look once".

    Example:
        >>> comparison({"a constant": {"accuracy": 0.75, "AUC": 0.5}}).loc["a constant"].tolist()
        [0.75, 0.5]
    """
    return pd.DataFrame(results).T.rename_axis("model").round(4)


def wide_weights(model: keras.Model, wide: WideFeatures) -> pd.Series:
    """The wide part's weights by name, largest absolute value first.

    Args:
        model: from `wide_model` or `wide_deep_model`.
        wide: what `fit_wide` returned.

    Returns:
        float32; the index is the feature's string, or the bucket's id when hashed.

    Raises:
        TypeError: the model is not a Keras model.
        ValueError: it has no wide part, was built for other features, or `wide` is not from `fit_wide`.

    Taught in: notebook 2, "What it remembers".

    Example:
        >>> import wdl_helpers as wdl
        >>> wide = wdl.fit_wide(pd.DataFrame({"city": ["Oslo", "Rome"]}), ["city"])
        >>> model = wdl.wide_model(wide)
        >>> model.set_weights([np.array([[0], [1], [-2]]), np.array([0.5])])
        >>> wide_weights(model, wide).to_dict()
        {'city=Rome': -2.0, 'city=Oslo': 1.0}
    """
    check_fitted(wide, "wide")
    if not isinstance(model, keras.Model):
        raise TypeError(f"Expected a Keras model; got something of the type {type(model).__name__}.")
    if WIDE_WEIGHTS not in [layer.name for layer in model.layers]:
        raise ValueError(f"The model '{model.name}' has no layer {WIDE_WEIGHTS!r}: it has no wide part of ours.")
    weights = model.get_layer(WIDE_WEIGHTS).get_weights()[0][1:, 0]  # (ids,), without id 0
    if len(weights) != wide["n_ids"] - 1:
        raise ValueError(f"The model has {len(weights)} wide weights, but `wide` has {wide['n_ids'] - 1} features.")
    id_of = wide["vocabulary"]
    names = range(1, wide["n_ids"]) if id_of is None else sorted(id_of, key=id_of.__getitem__)  # in the order of ids
    return pd.Series(weights, index=list(names), name="weight").sort_values(key=np.abs, ascending=False, kind="stable")

"""What the recipes of all data sets share: a model of each kind, and the optimizer that goes with it.

The kinds are 'wide', 'deep' and 'wide_deep' everywhere.
"""

from typing import Any, Literal, get_args

from wide_deep import backend  # noqa: F401, before Keras
from wide_deep.features import DeepFeatures, WideFeatures
from wide_deep.models import deep_model, wide_deep_model, wide_model
from wide_deep.optimizers import joint_optimizer

import keras

__all__ = ["MODEL_KINDS", "ModelKind", "check_kind", "model_of_kind", "optimizer_of_kind"]

ModelKind = Literal["wide", "deep", "wide_deep"]
MODEL_KINDS = get_args(ModelKind)


def check_kind(kind: ModelKind) -> None:
    """Raise a ValueError unless the `kind` is one of MODEL_KINDS.

    Example:
        >>> check_kind("wide and deep")
        Traceback (most recent call last):
        ValueError: kind is 'wide and deep'; expected 'wide', 'deep' or 'wide_deep'.
    """
    if kind not in MODEL_KINDS:
        raise ValueError(f"kind is {kind!r}; expected 'wide', 'deep' or 'wide_deep'.")


def model_of_kind(kind: ModelKind, wide: WideFeatures, deep: DeepFeatures, **sizes: Any) -> keras.Model:
    """An untrained model.

    Args:
        kind: 'wide', 'deep' or 'wide_deep'.
        wide: the fitted features of the wide part.
        deep: those of the deep part.
        **sizes: of the deep part, arguments of `deep_model`.

    Raises:
        ValueError: there is no such kind.

    Example:
        >>> import wdl_helpers as wdl
        >>> import pandas as pd
        >>> log = pd.DataFrame({"app": ["a", "b", "b"]})
        >>> model = model_of_kind("wide", wdl.fit_wide(log, ["app"]), wdl.fit_deep(log, ["app"], []))
        >>> model.name
        'wide'
    """
    check_kind(kind)
    if kind == "wide":
        return wide_model(wide)
    if kind == "deep":
        return deep_model(deep, **sizes)
    return wide_deep_model(wide, deep, **sizes)


def optimizer_of_kind(
    kind: ModelKind, wide_optimizer: keras.optimizers.Optimizer, deep_optimizer: keras.optimizers.Optimizer
) -> keras.optimizers.Optimizer:
    """The optimizer of a model of that kind.

    Args:
        kind: 'wide', 'deep' or 'wide_deep'.
        wide_optimizer: of the wide weights.
        deep_optimizer: of everything else.

    Raises:
        TypeError: one of them is not an optimizer.
        ValueError: there is no such kind.

    Example:
        >>> import wdl_helpers as wdl
        >>> type(optimizer_of_kind("deep", wdl.Ftrl(0.1), wdl.Adam(0.001))).__name__
        'Adam'
    """
    check_kind(kind)
    if kind == "wide":
        return wide_optimizer
    if kind == "deep":
        return deep_optimizer
    return joint_optimizer(wide=wide_optimizer, deep=deep_optimizer)

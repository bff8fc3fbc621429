"""Checks of what a caller gives: each returns what is usable, or says by name what is wrong and what was expected."""

import numbers

import wdl_reproducible  # noqa: F401, it sets how TensorFlow computes

import numpy as np
import pandas as pd

# ------------------------------------------------------------------------------ checks of arguments


def check_frame(frame, columns):
    """Raise a clear error unless the `frame` is a data frame with rows, and with each of the `columns` once."""
    if not isinstance(frame, pd.DataFrame):
        raise TypeError(f"Expected a pandas DataFrame, got {type(frame).__name__}.")
    repeated = list(frame.columns[frame.columns.duplicated()])
    if repeated:
        raise ValueError(f"The frame has the column {repeated[0]!r} more than once.")
    for column in columns:
        if column not in frame.columns:
            raise KeyError(f"The frame has no column {column!r}; it has {list(frame.columns)}.")
    if frame.empty:
        raise ValueError("The frame is empty: at least one row and one column are needed.")


def check_whole(name, value, least):
    """Raise a ValueError unless the argument called `name` has a `value` that is a whole number of at `least` that."""
    if not isinstance(value, numbers.Integral) or isinstance(value, bool) or value < least:
        raise ValueError(f"{name} is {value!r}; expected a whole number of at least {least}.")


def check_buckets(name, value):
    """Raise a ValueError unless the argument called `name` has a `value` that is a number of buckets for int32 ids."""
    check_whole(name, value, 1)
    if value > 2**31 - 2:
        raise ValueError(f"{name} is {value}; expected at most {2**31 - 2}, so that ids are 32-bit numbers.")


def check_names(names):
    """Raise a clear error unless `names` is a list of names with each of them once."""
    if isinstance(names, str):
        raise TypeError(f"{names!r} is a single name; expected a list of column names.")
    for name in names:
        if list(names).count(name) > 1:
            raise ValueError(f"{name!r} is listed more than once.")


def check_numbers(frame, column):
    """The numbers of a `column` of the `frame`, float64 (rows,); a clear error unless all are finite numbers."""
    check_frame(frame, [column])
    if not pd.api.types.is_numeric_dtype(frame[column]) or pd.api.types.is_bool_dtype(frame[column]):
        raise TypeError(f"Column {column!r} has the type {frame[column].dtype}; expected numbers.")
    values = frame[column].to_numpy(dtype="float64", na_value=np.nan)
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        raise ValueError(f"Column {column!r} has {bad.size} missing or infinite values, first in row {bad[0]}.")
    return values


def check_fitted(fitted, function, key):
    """Raise a ValueError unless `fitted` is the dict with a `key` that the `function` of that name returns."""
    if not isinstance(fitted, dict) or key not in fitted:
        raise ValueError(f"Expected the dict that {function}(training frame, …) returns: call {function} first.")


# ------------------------------------------------------------------------ labels, inputs and models


def check_labels(labels):
    """The `labels` as float32 (rows,); a clear error unless they are 0 and 1, and both are there."""
    labels = np.asarray(labels)
    if labels.ndim != 1 or not (np.issubdtype(labels.dtype, np.number) or labels.dtype == bool):
        raise TypeError(f"The labels have the shape {labels.shape} and type {labels.dtype}; expected one 0 or 1 a row.")
    found = np.unique(labels)
    if not np.isin(found, [0, 1]).all():
        raise ValueError(f"The labels hold {found[~np.isin(found, [0, 1])][0]}; expected 0 and 1 only.")
    if len(found) < 2:
        raise ValueError(f"All {len(labels)} labels are {found.tolist()}: both classes, 0 and 1, are needed.")
    return labels.astype("float32")


def check_lengths(inputs, labels):
    """Raise a ValueError unless each array of the dict `inputs` has as many rows as there are `labels`."""
    for name, array in inputs.items():
        if len(array) != len(labels):
            raise ValueError(f"Input {name!r} has {len(array)} rows but there are {len(labels)} labels.")


def check_logit(model):
    """Raise a ValueError unless the `model` returns one logit a row."""
    import keras  # here, since it takes seconds, and features need none of it

    outputs = getattr(model, "outputs", None)
    if not outputs:
        raise ValueError(f"The model '{model.name}' does not say what it returns: begin it with a keras.Input.")
    shapes = ", ".join(str(output.shape) for output in outputs)
    if len(outputs) != 1 or tuple(outputs[0].shape[1:]) != (1,):
        raise ValueError(f"The model '{model.name}' returns {shapes}; expected one logit a row, (None, 1).")
    if getattr(model.layers[-1], "activation", None) is keras.activations.sigmoid:
        raise ValueError(f"The model '{model.name}' ends in a sigmoid; expected a logit: leave the activation out.")

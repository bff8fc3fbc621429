"""Checks of arguments: each returns a usable value, or raises an error that says what is wrong and what it expected."""

import decimal
import inspect
import numbers
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

__all__ = [
    "Missing", "check_boundaries", "check_buckets", "check_features", "check_fitted", "check_frame", "check_labels",
    "check_lengths", "check_logit", "check_missing", "check_name", "check_names", "check_no_gaps", "check_numbers",
    "check_strings", "check_vocabulary", "check_whole", "row_name", "warn_caller",
]  # fmt: skip

OURS = ("recommender", "wide_deep")  # packages whose lines no warning points at


def warn_caller(message: str) -> None:
    """Warn, and point at the line that called our packages, however deep in them the warning is.

    Args:
        message: what to say.

    Example:
        >>> with warnings.catch_warnings(record=True) as seen:
        ...     warnings.simplefilter("always")
        ...     warn_caller("The ids are rare.")
        >>> str(seen[0].message)
        'The ids are rare.'
    """
    frame, level = inspect.currentframe(), 1
    while frame is not None and frame.f_globals.get("__name__", "").split(".")[0] in OURS:
        frame = frame.f_back
        level += 1
    warnings.warn(message, stacklevel=level)


# ------------------------------------------------------------------------------ checks of arguments


def check_name(column: object) -> None:
    """Raise a clear error unless the name of a column is a string.

    In a file or a request every name is text, so 5 and '5' must not be two columns of a frame.

    Args:
        column: the name of a column.

    Raises:
        TypeError: it is not a string.

    Example:
        >>> check_name(5)
        Traceback (most recent call last):
        TypeError: The name of column 5 has the type int; expected a string: rename the columns, for example with \
frame.columns.map(str).
    """
    if not isinstance(column, str):
        raise TypeError(
            f"The name of column {column!r} has the type {type(column).__name__}; expected a string: "
            "rename the columns, for example with frame.columns.map(str)."
        )


def _first_names(names: Iterable[object], most: int = 20) -> str:
    """A list of names for a message; of many the first, and how many follow."""
    names = list(names)
    if len(names) <= most:
        return str(names)
    return f"{str(names[:most])[:-1]}, and {len(names) - most} more]"


def check_frame(frame: pd.DataFrame, columns: Iterable[str]) -> None:
    """Raise a clear error unless a frame has rows, and each of the columns once.

    Args:
        frame: data frame.
        columns: names of the columns that are needed.

    Raises:
        TypeError: `frame` is not a data frame, its columns have several levels, or a name is not a string.
        KeyError: a column is missing.
        ValueError: the frame has a column twice, or is empty.

    Example:
        >>> check_frame(pd.DataFrame({"age": [20]}), ["city"])
        Traceback (most recent call last):
        KeyError: "The frame has no column 'city'; it has ['age']."
    """
    if not isinstance(frame, pd.DataFrame):
        raise TypeError(f"Expected a pandas DataFrame, got {type(frame).__name__}.")
    if isinstance(frame.columns, pd.MultiIndex):
        raise TypeError("The frame's columns have several levels; expected one name a column.")
    repeated = list(frame.columns[frame.columns.duplicated()])
    if repeated:
        raise ValueError(f"The frame has the column {repeated[0]!r} more than once.")
    for column in columns:
        check_name(column)
        if column not in frame.columns:
            raise KeyError(f"The frame has no column {column!r}; it has {_first_names(frame.columns)}.")
    if frame.empty:
        raise ValueError("The frame is empty: at least one row and one column are needed.")


def check_whole(name: str, value: object, least: int) -> None:
    """Raise a clear error unless an argument is a whole number that is large enough.

    Args:
        name: the argument's name.
        value: its value.
        least: the smallest number that is allowed.

    Raises:
        ValueError: it is not a whole number, or below `least`.

    Example:
        >>> check_whole("epochs", 2.5, 1)
        Traceback (most recent call last):
        ValueError: epochs is 2.5; expected a whole number of at least 1.
    """
    if not isinstance(value, numbers.Integral) or isinstance(value, bool) or value < least:
        raise ValueError(f"{name} is {value!r}; expected a whole number of at least {least}.")


def check_buckets(name: str, value: Any) -> None:
    """Raise a clear error unless an argument is a number of buckets whose ids are 32-bit numbers.

    Args:
        name: the argument's name.
        value: its value.

    Raises:
        ValueError: it is not a whole number from 1 to 2³¹ − 2.

    Example:
        >>> check_buckets("hash_buckets", 2**31)
        Traceback (most recent call last):
        ValueError: hash_buckets is 2147483648; expected at most 2147483646, so that ids are 32-bit numbers.
    """
    check_whole(name, value, 1)
    if value > 2**31 - 2:
        raise ValueError(f"{name} is {value}; expected at most {2**31 - 2}, so that ids are 32-bit numbers.")


def _as_list(argument: str, value: object, of: str) -> list[Any]:
    """The `value` of an argument as a list; a TypeError if it is a single string, has no order or no entries."""
    if isinstance(value, (str, set, frozenset)) or not isinstance(value, Iterable):
        raise TypeError(f"{argument} is {value!r}; expected a list, which has an order, of {of}.")
    return list(value)


def check_names(columns: Iterable[str], argument: str = "columns") -> list[str]:
    """Raise a clear error unless a list holds names of columns, each of them once.

    Args:
        columns: list of names, or another iterable.
        argument: the name of the argument, for the message.

    Returns:
        The names as a list.

    Raises:
        TypeError: it is a single string or a set, cannot be iterated over, or a name is not a string.
        ValueError: a name is listed twice.

    Example:
        >>> check_names(["city", "age", "city"])
        Traceback (most recent call last):
        ValueError: 'city' is listed more than once.
    """
    columns = _as_list(argument, columns, "column names")
    for column in columns:
        check_name(column)
        if columns.count(column) > 1:
            raise ValueError(f"{column!r} is listed more than once.")
    return columns


def check_features(features: Iterable[str | Sequence[str]]) -> list[tuple[str, ...]]:
    """Raise a clear error unless a list holds names of columns, and tuples of them for crosses, each once.

    Args:
        features: list of names, and of tuples of names.

    Returns:
        A tuple of names for each.

    Raises:
        TypeError: it is a single string or a set, cannot be iterated over, or a name is not a string.
        ValueError: it is empty, or a column or a cross is listed twice.

    Example:
        >>> check_features(["city", ("city", "device")])
        [('city',), ('city', 'device')]
        >>> check_features([("city", "device"), ("device", "city")])
        Traceback (most recent call last):
        ValueError: 'city & device' is listed more than once.
    """
    entries = _as_list("features", features, "column names and tuples of them")
    tuples = [tuple(feature) if isinstance(feature, (tuple, list)) else (feature,) for feature in entries]
    if not tuples or not all(tuples):
        raise ValueError("features is empty: name at least one column or cross.")
    for columns in tuples:
        check_names(columns)
    sorted_tuples = [tuple(sorted(columns)) for columns in tuples]  # a cross is the same in any order
    for columns in sorted_tuples:
        if sorted_tuples.count(columns) > 1:
            raise ValueError(f"{' & '.join(columns)!r} is listed more than once.")
    return tuples


def check_strings(values: Any) -> None:
    """Raise a clear error unless something is a Series of strings, without a gap.

    Args:
        values: should be the strings that `cross` returns.

    Raises:
        TypeError: it is something else.

    Example:
        >>> check_strings(pd.Series(["city=Rome", None], dtype=object))
        Traceback (most recent call last):
        TypeError: Expected a Series of strings, as `cross` returns it; it holds None.
    """
    if not isinstance(values, pd.Series):
        raise TypeError(f"Expected a Series of strings, as `cross` returns it; got a {type(values).__name__}.")
    if isinstance(values.dtype, pd.StringDtype) and not values.hasnans:
        return
    for value in values.unique():
        if not isinstance(value, str):
            raise TypeError(f"Expected a Series of strings, as `cross` returns it; it holds {value!r}.")


def check_vocabulary(vocabulary: Any) -> None:
    """Raise a clear error unless something is a vocabulary: a dict string → id from 1.

    Args:
        vocabulary: should be a vocabulary.

    Raises:
        TypeError: it is something else.

    Example:
        >>> check_vocabulary({"features": [], "vocabulary": {}})
        Traceback (most recent call last):
        TypeError: Expected a vocabulary, a dict string → id; it has 'features': [].
    """
    if not isinstance(vocabulary, Mapping):
        raise TypeError(f"Expected a vocabulary, a dict string → id; got a {type(vocabulary).__name__}.")
    for name, identity in vocabulary.items():
        if not isinstance(identity, (int, np.integer)) or isinstance(identity, bool) or not 1 <= identity < 2**31:
            raise TypeError(f"Expected a vocabulary, a dict string → id; it has {name!r}: {identity!r}.")


def check_boundaries(boundaries: Any) -> np.ndarray:
    """The boundaries between quantiles as an array; a clear error unless they are numbers in ascending order.

    Args:
        boundaries: list or array; neighbours may be equal.

    Returns:
        float64 (boundaries,).

    Raises:
        TypeError: they are not numbers.
        ValueError: there are none, one is missing or infinite, or they are not in ascending order.

    Example:
        >>> check_boundaries([30, 20])
        Traceback (most recent call last):
        ValueError: The boundaries are [30, 20]; expected finite numbers that ascend.
    """
    array = np.asarray(boundaries)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iuf"):
        raise TypeError(f"The boundaries are {boundaries!r}; expected numbers that ascend.")
    if not array.size or not np.isfinite(array).all() or (np.diff(array) < 0).any():
        raise ValueError(f"The boundaries are {boundaries!r}; expected finite numbers that ascend.")
    return array.astype("float64")


def _is_numeric(series: pd.Series) -> bool:
    """Whether a column holds real numbers, also as objects, which is how databases return decimals."""
    if series.dtype == object:
        types = set(map(type, series.dropna()))
        return bool not in types and all(issubclass(each, (numbers.Real, decimal.Decimal)) for each in types)
    is_type = pd.api.types
    real = is_type.is_numeric_dtype(series) and not is_type.is_complex_dtype(series)
    return real and not is_type.is_bool_dtype(series)


def row_name(index: pd.Index, row: int) -> str:
    """How a message names a row: by its position, and by its label in the frame's index if that differs.

    Args:
        index: the frame's index.
        row: the row's position, from 0.

    Returns:
        A text such as 'row 2', or 'row 2 (index 17)': `frame.iloc[2]`, `frame.loc[17]`.

    Example:
        >>> frame = pd.DataFrame({"age": [20, 30, 40]})
        >>> row_name(frame.index, 1), row_name(frame[frame["age"] > 20].index, 1)
        ('row 1', 'row 1 (index 2)')
    """
    label = index[row]
    label = label.item() if isinstance(label, np.generic) else label
    return f"row {row}" if label == row and not isinstance(label, bool) else f"row {row} (index {label!r})"


def check_no_gaps(frame: pd.DataFrame, column: str, hint: str = "") -> None:
    """Raise a clear error if a cell of a column is missing.

    Args:
        frame: data frame that has the column.
        column: name of the column.
        hint: what the message says behind its sentence, such as 'each row needs its user'.

    Raises:
        ValueError: a value is missing.

    Example:
        >>> check_no_gaps(pd.DataFrame({"user": ["Ann", None]}), "user", "each row needs its user")
        Traceback (most recent call last):
        ValueError: Column 'user' has 1 missing values, first in row 1: each row needs its user.
    """
    missing = np.flatnonzero(frame[column].isna())
    if missing.size:
        first = row_name(frame.index, missing[0])
        said = f": {hint}" if hint else ""
        raise ValueError(f"Column {column!r} has {missing.size} missing values, first in {first}{said}.")


Missing = Literal["error", "value"]  # what a gap is: an error, or a value like others


def check_missing(missing: object) -> None:
    """Raise a clear error unless an argument says what a gap is.

    Args:
        missing: should be 'error' or 'value'.

    Raises:
        ValueError: it is something else.

    Example:
        >>> check_missing("drop")
        Traceback (most recent call last):
        ValueError: missing is 'drop'; expected 'error' or 'value'.
    """
    if not isinstance(missing, str) or missing not in ("error", "value"):
        raise ValueError(f"missing is {missing!r}; expected 'error' or 'value'.")


def check_numbers(frame: pd.DataFrame, column: str, missing: Missing = "error") -> np.ndarray:
    """The numbers of a column; a clear error unless all of them are finite.

    Args:
        frame: data frame.
        column: name of a column of whole numbers, floats or decimals, of any dtype.
        missing: whether a gap is an error, or a NaN.

    Returns:
        float64 (rows,).

    Raises:
        TypeError: the column holds something else.
        KeyError: it is missing.
        ValueError: a number is missing, infinite, or a whole number too large for a float.

    Example:
        >>> check_numbers(pd.DataFrame({"age": [20, None]}), "age")
        Traceback (most recent call last):
        ValueError: Column 'age' has 1 missing or infinite values, first in row 1.
    """
    check_frame(frame, [column])
    if not _is_numeric(frame[column]):
        raise TypeError(f"Column {column!r} has the type {frame[column].dtype}; expected numbers.")
    try:
        values = frame[column].to_numpy(dtype="float64", na_value=np.nan)
    except OverflowError:
        raise ValueError(f"Column {column!r} holds a whole number that is too large for a float.") from None
    bad = np.flatnonzero(~np.isfinite(values) if missing == "error" else np.isinf(values))
    if bad.size:
        first = row_name(frame.index, bad[0])
        words = "missing or infinite" if missing == "error" else "infinite"
        raise ValueError(f"Column {column!r} has {bad.size} {words} values, first in {first}.")
    return values


FITTED_KEYS = {
    "wide": ("features", "boundaries", "vocabulary", "n_ids"),
    "deep": ("categories", "vocabulary", "boundaries", "n_ids"),
}


def _what(fitted: object) -> str:
    """What stands in a fitted part's place."""
    if isinstance(fitted, dict):
        known = fitted.get("kind") in FITTED_KEYS
        return f"the dict of fit_{fitted['kind']}" if known else "a dict of something else"
    return "None" if fitted is None else f"something of the type {type(fitted).__name__}"


def check_fitted(fitted: object, *parts: Literal["wide", "deep"]) -> None:
    """Raise a clear error unless something is what `fit_wide` or `fit_deep` returns.

    Args:
        fitted: should be such a dict.
        *parts: the parts that it may be.

    Raises:
        ValueError: it is something else, or one of its keys is missing.

    Example:
        >>> check_fitted({}, "wide")
        Traceback (most recent call last):
        ValueError: Expected the dict that fit_wide(training frame, …) returns: call fit_wide first. Got a dict \
of something else.
    """
    if not isinstance(fitted, dict) or fitted.get("kind") not in parts:
        functions = " or ".join(f"fit_{part}" for part in parts)
        raise ValueError(
            f"Expected the dict that {functions}(training frame, …) returns: call {functions} first. "
            f"Got {_what(fitted)}."
        )
    part = fitted["kind"]
    missing = [key for key in FITTED_KEYS[part] if key not in fitted]
    if missing:
        raise ValueError(f"The dict has no {missing[0]!r}, which fit_{part}(training frame, …) gives: call it again.")


# ------------------------------------------------------------------------ labels, inputs and models


def check_labels(labels: Any) -> np.ndarray:
    """The labels as numbers; a clear error unless they are 0 and 1, and both occur.

    Args:
        labels: list, array or column of numbers or bools, one a row.

    Returns:
        float32 (rows,).

    Raises:
        TypeError: they are not numbers, or not one a row.
        ValueError: one of them is neither 0 nor 1, or all are equal.

    Example:
        >>> check_labels([0, 1, 2])
        Traceback (most recent call last):
        ValueError: The labels hold 2; expected 0 and 1 only.
    """
    labels = np.asarray(labels)
    if labels.ndim != 1 or labels.dtype.kind not in "biuf":
        raise TypeError(f"The labels have the shape {labels.shape} and type {labels.dtype}; expected one 0 or 1 a row.")
    classes = np.unique(labels)
    if not np.isin(classes, [0, 1]).all():
        raise ValueError(f"The labels hold {classes[~np.isin(classes, [0, 1])][0]}; expected 0 and 1 only.")
    if len(classes) < 2:
        raise ValueError(f"All {len(labels)} labels are {classes.tolist()}: both classes, 0 and 1, are needed.")
    return labels.astype("float32")


def check_lengths(inputs: Mapping[str, Any], labels: Any) -> None:
    """Raise a clear error unless each input has as many rows as there are labels.

    Args:
        inputs: dict of arrays.
        labels: array, one label a row.

    Raises:
        ValueError: an input has more rows, or fewer.

    Example:
        >>> check_lengths({"wide_ids": np.zeros((3, 2))}, [0, 1])
        Traceback (most recent call last):
        ValueError: Input 'wide_ids' has 3 rows but there are 2 labels.
    """
    for name, array in inputs.items():
        if len(array) != len(labels):
            raise ValueError(f"Input {name!r} has {len(array)} rows but there are {len(labels)} labels.")


def _last_operation(model: Any) -> Any:
    """The layer, or the operation such as keras.ops.sigmoid, that makes a model's output, whatever reshapes it."""
    operations = list(getattr(model, "operations", model.layers))
    while operations and type(operations[-1]).__name__ in ("Dropout", "Flatten", "Identity", "Reshape", "Squeeze"):
        operations.pop()
    last = operations[-1] if operations else model
    return _last_operation(last) if getattr(last, "layers", None) else last


def check_logit(model: Any) -> None:
    """Raise a clear error unless a model returns one logit a row.

    Args:
        model: Keras model.

    Raises:
        TypeError: it is not a Keras model.
        ValueError: it returns something else, or ends in a sigmoid or a softmax.

    Example:
        >>> import keras
        >>> check_logit(keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)], name="small"))
        Traceback (most recent call last):
        ValueError: The model 'small' returns (None, 2); expected one logit a row, (None, 1).
    """
    import keras  # here, since it takes seconds, and features need none of it

    if not isinstance(model, keras.Model):
        raise TypeError(f"Expected a Keras model; got a {type(model).__name__}.")
    outputs = getattr(model, "outputs", None)
    if not outputs:
        raise ValueError(f"The model '{model.name}' does not say what it returns: begin it with a keras.Input.")
    shapes = ", ".join(str(output.shape) for output in outputs)
    if len(outputs) != 1 or tuple(outputs[0].shape[1:]) != (1,):
        raise ValueError(f"The model '{model.name}' returns {shapes}; expected one logit a row, (None, 1).")
    last = _last_operation(model)
    activation = getattr(last, "activation", None)
    squashes = activation in (keras.activations.sigmoid, keras.activations.softmax)
    if squashes or type(last).__name__ in ("Sigmoid", "Softmax"):
        name = getattr(activation, "__name__", type(last).__name__.lower())
        raise ValueError(f"The model '{model.name}' ends in a {name}; expected a logit: leave the activation out.")

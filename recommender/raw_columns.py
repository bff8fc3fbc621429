"""The raw columns of a request: what type each is, checked, and made into tensors or examples.

Read it from top to bottom, in the order in which data flows.

    column_types      which columns a model takes, and what they hold
    raw_tensors       columns as tensors
    tf_examples       rows as what TensorFlow Serving takes

A request may lack values. Where training took a gap for a value, by missing="value", it is the same value here: among
texts it is GAP, bytes that no text has; an example may also leave such a feature out. A missing number is NaN. An
infinite one, which training refuses, counts as missing.

Otherwise a missing value is an error in training. In a request this rule holds, for columns and for examples:

- A missing text is the text '', alone and in a list. If training had no '', it is unseen like any new text.
- A missing list is an empty one.
- A missing number is NaN, and an infinite one counts as missing. It has no bucket and is not a category, so it is
  unseen; among the numbers of the deep part it becomes the median of the training rows.

An unseen value adds nothing in the wide part and has no vector in the deep part. With hashed features no text is
unseen: each has a bucket.
"""

import decimal
import itertools
import math
import numbers
import re
import reprlib
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from wide_deep import backend  # noqa: F401, before Keras
from wide_deep.checks import check_frame
from wide_deep.columns import LIST_TYPES, MOST_DIGITS, category_text, is_missing, is_too_long
from wide_deep.features import DeepFeatures, WideFeatures, used_columns

import numpy as np
import pandas as pd
import tensorflow as tf

__all__ = ["GAP", "ColumnType", "Columns", "Tensors", "column_types", "is_utf8", "raw_tensors", "tf_examples"]

ColumnType = Literal["number", "text", "list"]
Columns: TypeAlias = pd.DataFrame | Mapping[str, Any]  # a request: column → one entry a row
Tensors = dict[str, Any]  # column → tensor, or ragged tensor
GAP = b"\xff"  # a gap that is a value, among texts in UTF-8, none of which holds such a byte


def is_utf8(text: str) -> bool:
    """Whether a text can be written in UTF-8, which one half of a surrogate pair cannot.

    Args:
        text: any text.

    Returns:
        True if it can.

    Example:
        >>> is_utf8("größe"), is_utf8("\\ud800")
        (True, False)
    """
    return re.search("[\ud800-\udfff]", text) is None


def column_types(frame: pd.DataFrame, wide: WideFeatures | None, deep: DeepFeatures | None) -> dict[str, ColumnType]:
    """The type of each column of a model's raw input.

    Args:
        frame: rows as in training, to see which columns hold lists.
        wide: what `fit_wide` returned, or None.
        deep: what `fit_deep` returned, or None.

    Returns:
        dict column → 'number', 'text' or 'list'. A column that is cut into quantiles somewhere is a number, one with a
        list in it is a list, and anything else is text.

    Raises:
        TypeError: `frame` is not a data frame.
        KeyError: a column is missing.
        ValueError: the frame is empty, or has a column twice.

    Taught in: notebook 10, "Monday: one artefact".

    Example:
        >>> import wdl_helpers as wdl
        >>> frame = pd.DataFrame({"city": ["Rome", "Oslo"], "tags": [["new"], []], "age": [20, 30]})
        >>> column_types(frame, wdl.fit_wide(frame, ["city", "tags"]), wdl.fit_deep(frame, ["city"], ["age"]))
        {'city': 'text', 'tags': 'list', 'age': 'number'}
    """
    columns = used_columns(wide, deep)
    check_frame(frame, columns)
    numeric = {column for part in (wide, deep) if part is not None for column in part["boundaries"]}
    types: dict[str, ColumnType] = {}
    for column in columns:
        if column in numeric:
            types[column] = "number"
        elif any(map(_is_list, frame[column].astype(object))):
            types[column] = "list"
        else:
            types[column] = "text"
    return types


def _is_list(value: object) -> bool:
    return isinstance(value, tuple(LIST_TYPES))


def _check_request(columns: Columns) -> None:
    if isinstance(columns, pd.DataFrame):
        repeated = list(columns.columns[columns.columns.duplicated()])
        if repeated:
            raise ValueError(f"The request has the column {repeated[0]!r} more than once.")
    elif not isinstance(columns, Mapping):
        raise TypeError(f"The request is a {type(columns).__name__}; expected a data frame, or a dict of columns.")


def _check_entries(column: str, values: object) -> None:
    """Refuse what has no order of rows, or would be misread: the keys of a dict, the letters of a text."""
    sequences = (list, tuple, range, np.ndarray, pd.Series, pd.Index, pd.api.extensions.ExtensionArray)
    if not isinstance(values, sequences) or getattr(values, "ndim", 1) == 0:
        text = " ".join(reprlib.repr(values).split())  # a frame's has several lines
        raise TypeError(f"Column {column!r} is {text}; expected a list with one entry a row, an array or a Series.")
    if isinstance(values, np.ma.MaskedArray):
        raise TypeError(f"Column {column!r} is a masked array; expected its gaps as NaN or None.")


def _entries(values: Any) -> list[Any]:
    """The entries of a column, or of one list in it, as a list."""
    if isinstance(values, list):
        return values
    if isinstance(values, (pd.Series, pd.Index)) and isinstance(values.dtype, np.dtype):
        values = values.to_numpy()
    if isinstance(values, np.ndarray) and values.dtype.kind == "U":
        return values.tolist()  # plain strings
    return list(values)  # and not tolist, which makes whole numbers of dates


def _number_tensor(column: str, values: Any) -> tf.Tensor:
    """The numbers of a column, float64 (rows,)."""
    if _holds_numbers(values):
        if values.ndim != 1:
            raise TypeError(f"Column {column!r} has the shape {values.shape}; expected one number a row.")
        return tf.constant(np.asarray(pd.array(values).to_numpy("float64", na_value=np.nan)), tf.float64)
    entries = _entries(values)
    try:
        if not set(map(type, entries)) <= {float, int}:
            entries = [_number(column, value) for value in entries]
        return tf.constant(np.array(entries, "float64"), tf.float64)
    except OverflowError:
        raise ValueError(f"Column {column!r} holds a number that is too large for a float.") from None


def _holds_numbers(values: Any) -> bool:
    """Whether a column has a type of real numbers, so that none of its entries need be looked at."""
    types = pd.api.types
    if isinstance(values, (list, tuple, range)) or not types.is_numeric_dtype(values.dtype):
        return False
    return not types.is_bool_dtype(values.dtype) and not types.is_complex_dtype(values.dtype)


def _number(column: str, value: Any) -> float:
    if is_missing(value):
        return np.nan
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (numbers.Real, decimal.Decimal)):
        raise TypeError(f"Column {column!r} holds {reprlib.repr(value)}; expected numbers.")
    number = float(value)
    if math.isinf(number) and value != number:  # of Decimal("1E999") Python makes an infinite number
        raise OverflowError
    return number


def _text_or_gap(column: str, value: Any, gap: bytes) -> str | bytes:
    """The text of a category's value, as training writes it; `gap` if it is missing."""
    if is_missing(value):
        return gap
    text = category_text(value)
    if text is not None:
        return text
    if is_too_long(value):
        raise TypeError(f"Column {column!r} holds a whole number of more than {MOST_DIGITS:,} digits.")
    shown = reprlib.repr(value)
    if _is_list(value):
        raise TypeError(f"Column {column!r} holds the list {shown}; expected one value a row.")
    if isinstance(value, bytes):
        raise TypeError(f"Column {column!r} holds the bytes {shown}; expected text: decode them.")
    if isinstance(value, (float, np.floating)) and value.is_integer():
        raise TypeError(f"Column {column!r} holds {shown}; so large a float can stand for several whole numbers.")
    raise TypeError(f"Column {column!r} holds {shown}, a {type(value).__name__}; expected texts or whole numbers.")


def _strings(column: str, values: list[Any], gap: bytes) -> tf.Tensor:
    """The texts of a column's values, string (values,)."""
    texts: list[str | bytes] = values
    if not set(map(type, values)) <= {str}:
        texts = [_text_or_gap(column, value, gap) for value in values]
    try:
        return tf.constant(texts, tf.string)
    except ValueError:  # of a half of a surrogate pair; nothing else can be wrong with a list of texts
        wrong = next(text for text in texts if isinstance(text, str) and not is_utf8(text))
        raise ValueError(f"Column {column!r} holds {wrong!r}, which is no text that UTF-8 can hold.") from None


def _list_tensor(column: str, values: Any, gap: bytes) -> tf.RaggedTensor:
    rows: list[list[Any]] = []
    for value in _entries(values):
        if _is_list(value) and getattr(value, "ndim", 1) != 0:
            rows.append(_entries(value))
        elif is_missing(value):
            rows.append([None] if gap else [])
        else:
            raise TypeError(f"Column {column!r} holds {reprlib.repr(value)}; expected a list in each row.")
    lengths = [len(row) for row in rows]
    flat = _strings(column, list(itertools.chain.from_iterable(rows)), gap)
    return tf.RaggedTensor.from_row_lengths(flat, tf.constant(lengths, tf.int64))


def raw_tensors(columns: Columns, types: Mapping[str, ColumnType], gap: bytes = b"") -> Tensors:
    """Check the raw columns of a request, and turn them into tensors.

    The texts are those of training, by `category_text`. The top of this module
    says what a missing value becomes.

    Args:
        columns: data frame, or dict column → list, tuple, array or Series with one entry a row.
        types: from `column_types`.
        gap: what stands for a missing text: GAP where training took gaps for values.

    Returns:
        dict column → float64 tensor (rows,) for numbers, string tensor (rows,) for text, ragged string tensor
        (rows, any) for lists.

    Raises:
        KeyError: a column is missing.
        TypeError: a column, or an entry of it, is of another type.
        ValueError: lengths differ, a column is there twice, or a value cannot be held in UTF-8 or as a float.

    Taught in: notebook 10, "Monday: a thousand people at once".

    Example:
        >>> tensors = raw_tensors({"city": ["Rome", None], "age": [20, 30.5]}, {"city": "text", "age": "number"})
        >>> tensors["city"].numpy().tolist(), tensors["age"].numpy().tolist()
        ([b'Rome', b''], [20.0, 30.5])
    """
    _check_request(columns)
    if not types:
        raise ValueError("types is empty; expected a type for at least one column.")
    tensors: Tensors = {}
    n_rows = None
    for column, column_type in types.items():
        if column not in columns:
            raise KeyError(f"The request has no column {column!r}; expected {list(types)}.")
        values = columns[column]
        _check_entries(column, values)
        if n_rows is not None and len(values) != n_rows:
            raise ValueError(f"Column {column!r} has {len(values)} rows; the columns before it have {n_rows}.")
        n_rows = len(values)
        if column_type == "number":
            tensors[column] = _number_tensor(column, values)
        elif column_type == "text":
            tensors[column] = _strings(column, _entries(values), gap)
        else:
            tensors[column] = _list_tensor(column, values, gap)
    return tensors


def tf_examples(columns: Columns, types: Mapping[str, ColumnType], gap: bytes = b"") -> list[bytes]:
    """Rows as serialised `tf.Example`s, which an export's signature 'serving_default' takes.

    An example holds numbers as float32, in which a whole number is exact up to 2²⁴.

    Args:
        columns: as for `raw_tensors`.
        types: from `column_types`.
        gap: as for `raw_tensors`.

    Returns:
        An example a row: numbers as a float_list, texts and lists of them as a bytes_list, in UTF-8.

    Raises:
        KeyError: a column is missing.
        TypeError: a column, or an entry of it, is of another type.
        ValueError: lengths differ, a column is there twice, or a value cannot be held in UTF-8 or as a float.

    Example:
        >>> (serialised,) = tf_examples({"city": ["Rome"]}, {"city": "text"})
        >>> tf.train.Example.FromString(serialised).features.feature["city"].bytes_list.value[0]
        b'Rome'
    """
    tensors = raw_tensors(columns, types, gap)
    cells = {}
    for column, column_type in types.items():
        cells[column] = tensors[column].to_list() if column_type == "list" else tensors[column].numpy()
    serialised = []
    for row in range(len(next(iter(cells.values())))):
        example = tf.train.Example()
        for column, column_type in types.items():
            feature = example.features.feature[column]
            value = cells[column][row]
            if column_type == "number":
                feature.float_list.value.append(value)
            else:
                feature.bytes_list.value.extend(value if column_type == "list" else [value])
        serialised.append(example.SerializeToString())
    return serialised

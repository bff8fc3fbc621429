"""The columns of a frame, turned into named features: categories, and numbers cut into buckets.

Read it from top to bottom, in the order in which data flows.

    category_text ─► escaped, feature_prefix ─► code_column      categories: a named feature for each value
    cross_coded                                                  and for each pair of values of two columns
    feature_codes ─► feature_counts                              all features of a frame, and how often each holds

One rule gives the text of a category in frames, files (recommender.shards) and requests (recommender.serving):

- A string is itself: '02116', 'NA', ' x' and '' are values like any other.
- A whole number is its digits, whatever its type: 7, 7.0, Decimal("7.00") and '7' are all '7'; -0.0 is '0'.
- A truth value is 'True' or 'False'.
- In a column of pandas' category, nullable or Arrow types, the values of the cells count.
- A missing value (None, NaN, NA) has no text. To fit or look up one is an error that names the column and the row;
  or, with missing="value", it is a value of its own, which no text can be: see `missing_name`.
- Nor has anything else: cut decimals with a fraction into buckets; turn dates and bytes into text first.
"""

import decimal
import functools
import itertools
import numbers as numeric_types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, NoReturn

from wide_deep.checks import Missing, check_frame, check_names, row_name
from wide_deep.quantiles import (  # two of them for who imports them from here
    bucket_names,
    quantile_boundaries,  # noqa: F401
    quantile_index,
    quantile_normalise,  # noqa: F401
)

import numpy as np
import pandas as pd

__all__ = [
    "AND", "LIST_TYPES", "MOST_DIGITS", "Coded", "category_text", "code_column", "cross_coded",
    "escaped", "exact_below", "feature_codes", "feature_counts", "feature_prefix", "is_missing", "is_too_long",
    "missing_name",
]  # fmt: skip

# ---------------------------------------------------------------------------------------- cells as text

LIST_TYPES = {list, tuple, np.ndarray}  # the types of a cell that holds several values
MOST_DIGITS = 4300  # of a whole number: Python writes no longer one, unless it is told to
NUMBER_TYPES = (numeric_types.Integral, float, np.floating, decimal.Decimal)  # and bool, which is an Integral


def exact_below(float_type: type[float | np.floating]) -> int:
    """The number below which each whole number is a float of its own: 2⁵³ for float64, 2²⁴ for float32.

    Args:
        float_type: a type of floats.

    Returns:
        The number. From it on, two whole numbers may be the same float.

    Example:
        >>> exact_below(float) == 2**53, exact_below(np.float32) == 2**24
        (True, True)
    """
    return 2 ** (np.finfo(float_type).nmant + 1)


def _is_whole(value: decimal.Decimal) -> bool:
    return value.is_finite() and value == value.to_integral_value()


_TOO_LONG = 10**MOST_DIGITS


def is_too_long(value: object) -> bool:
    """Whether a value is a whole number with more than MOST_DIGITS digits.

    Args:
        value: a cell, or an entry of a list.

    Returns:
        True for such a number.

    Example:
        >>> is_too_long(10**4299), is_too_long(10**4300), is_too_long(decimal.Decimal("1E5000")), is_too_long("7")
        (False, True, True, False)
    """
    if isinstance(value, decimal.Decimal):
        return _is_whole(value) and value.adjusted() >= MOST_DIGITS
    return isinstance(value, numeric_types.Integral) and abs(value) >= _TOO_LONG


def category_text(value: object) -> str | None:
    """The text of a category's value, by the rule at the top of this module.

    Args:
        value: a cell, or an entry of a list.

    Returns:
        Its text; None if it has none: it is missing, is neither a text nor a whole number, or is a number with more
        than 4,300 digits.

    Example:
        >>> category_text("02116"), category_text(7.0), category_text(decimal.Decimal("-0.00")), category_text(True)
        ('02116', '7', '0', 'True')
        >>> print(category_text(2.5), category_text(None), category_text(b"x"))
        None None None
    """
    if isinstance(value, str):
        return str.__str__(value)  # of a subclass of str, such as an Enum of texts, its own text
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value))
    if is_too_long(value):
        return None
    if isinstance(value, numeric_types.Integral):
        return str(int(value))
    if isinstance(value, decimal.Decimal):
        return str(int(value)) if _is_whole(value) else None
    if isinstance(value, (float, np.floating)):
        number = float(value)
        return str(int(number)) if number.is_integer() and abs(number) < exact_below(type(value)) else None
    return None


def is_missing(value: object) -> bool:
    """Whether a cell, or an entry of a list, is a gap.

    It does what `pandas.isna` does, but fast enough to be called on each entry of a request.

    Args:
        value: a cell, or an entry of a list.

    Returns:
        True for None, NaN, NaT and NA.

    Example:
        >>> is_missing(None), is_missing(float("nan")), is_missing(""), is_missing([])
        (True, True, False, False)
    """
    if isinstance(value, decimal.Decimal):
        return value.is_nan()
    if isinstance(value, (float, np.floating)):
        return value != value
    if isinstance(value, (np.datetime64, np.timedelta64)):
        return bool(np.isnat(value))
    return value is None or value is pd.NA or value is pd.NaT


def _refuse(series: pd.Series, row: int, value: object = None) -> NoReturn:
    """Say why a cell of a column, or an entry of its list, has no text."""
    column = series.name
    where = row_name(series.index, row)
    if is_missing(value):
        raise ValueError(f"Column {column!r} has a missing value in {where}: fill it, for example with '?'.")
    type_name = type(value).__name__
    reason = "cut decimals into buckets, turn anything else into strings."
    if isinstance(value, (float, np.floating)):
        type_name = "float"
        if value.is_integer():
            reason = f"from {exact_below(type(value))} on, two of them can be the same float."
    elif is_too_long(value):
        reason = f"this one has more than {MOST_DIGITS:,} digits."
    raise TypeError(f"Column {column!r} holds a {type_name} in {where}; expected strings or whole numbers: {reason}")


# ----------------------------------------------------------------------------------- names of features

# A feature is written 'column=value & other=value'. So that no two features have the same name, ' &' in a value is
# written ' &&', and '=' in a column's name is escaped with a backslash. SQL (recommender.sql) and the graph of an
# export (recommender.serving) follow the same rule.
AND = " & "


def escaped(value: str) -> str:
    """A value as it is written in the name of a feature, in which ' & ' joins the parts of a cross.

    Args:
        value: any text.

    Returns:
        The text with ' &&' for each ' &', so that it never holds ' & '.

    Example:
        >>> escaped("Carry out & Take away")
        'Carry out && Take away'
    """
    return value.replace(" &", " &&")


def feature_prefix(column: str) -> str:
    """What comes before a column's value in the name of a feature.

    Args:
        column: name of a column, any text.

    Returns:
        The name, followed by '='. An '=' or a backslash inside the name is escaped with a backslash.

    Example:
        >>> print(feature_prefix("city"), feature_prefix("a=b"))
        city= a\\=b=
    """
    name = column.replace("\\", "\\\\").replace("=", "\\=")
    return escaped(f" {name}")[1:] + "="


def missing_name(column: str) -> str:
    """The name of the feature that is 1 where a column has a gap.

    It is no value's: in front of the '=' of a value's name stands a column's name, in which each '=' is escaped, and
    this name has no other '='.

    Args:
        column: name of a column, any text.

    Returns:
        The name, escaped as in `feature_prefix`, followed by ' is missing'.

    Example:
        >>> missing_name("city"), feature_prefix("city") + "missing", feature_prefix("city is missing")
        ('city is missing', 'city=missing', 'city is missing=')
    """
    return feature_prefix(column)[:-1] + " is missing"


# --------------------------------------------------------------------------------------- coded columns


class Coded(NamedTuple):
    """The features of a column or a cross, without a string for each row: in row rows[i], names[codes[i]] is 1.

    So each distinct name is built and looked up once, however many rows have it. The lists [x, y], [] and [x] of a
    column 'a' are rows 0, 0, 2; codes 0, 1, 0; names 'a=x', 'a=y'.
    """

    rows: np.ndarray  # int64 (k,), ascending
    codes: np.ndarray  # int64 (k,), below n
    names: np.ndarray  # str objects (n,), each different
    single: bool  # each row has just one, so that rows are 0, 1, 2, …


def _consecutive_runs(starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """For each start its run start, start + 1, … of that length, one after another: int64 (sum of lengths,).

    The `starts` 5, 0, 7 with the `lengths` 3, 0, 2 become 5, 6, 7, 7, 8.
    """
    before = np.cumsum(lengths) - lengths  # how many numbers stand before each run
    return np.arange(lengths.sum()) + np.repeat(starts - before, lengths)


def code_column(
    frame: pd.DataFrame,
    column: str,
    every_row: np.ndarray,
    longest: int | None = None,
    missing: Missing = "error",
) -> Coded:
    """The features of one column of categories.

    Args:
        frame: data frame with at least one row.
        column: name of a column whose cells are single values, or all of them lists.
        every_row: int64 (rows,), 0, 1, 2, …; one array for all columns.
        longest: how many distinct values of a list count, the first ones; None takes all.
        missing: whether a gap is an error, or a value of its own. A gap in place of a list is a list of one gap.

    Returns:
        The coded features. A value that a list repeats is 1 like any other.

    Raises:
        TypeError: a cell is of another type, or some cells are lists and others not.
        ValueError: a value is missing, and that is an error.

    Example:
        >>> frame = pd.DataFrame({"apps": [["maps", "chess", "maps"], [], ["chess"]]})
        >>> rows, codes, names, single = code_column(frame, "apps", np.arange(3))
        >>> rows.tolist(), codes.tolist(), names.tolist()
        ([0, 0, 2], [0, 1, 1], ['apps=maps', 'apps=chess'])
    """
    series = frame[column]
    lists = _find_lists(series, missing)
    if lists is None:
        codes, names = _code_values(series, series, every_row, missing)
        return Coded(every_row, codes, names, single=True)
    codes, names = _code_values(series, lists.values, np.repeat(lists.first_row, lists.sizes), missing)
    codes, sizes = _drop_repeats(codes, lists.sizes, longest)
    starts = np.cumsum(sizes) - sizes  # (lists,), where each begins in codes
    sizes_of_rows = sizes[lists.list_of_row]  # (rows,)
    positions = _consecutive_runs(starts[lists.list_of_row], sizes_of_rows)  # (k,), positions in codes
    return Coded(np.repeat(every_row, sizes_of_rows), codes[positions], names, single=False)


class _Lists(NamedTuple):
    """The distinct lists of a column. One list may be in many rows, as with negatives: here it is only once."""

    values: pd.Series  # (v,), the entries of all lists, one list after another
    sizes: np.ndarray  # int64 (lists,), how many entries each has
    first_row: np.ndarray  # int64 (lists,), the first row that each stands in
    list_of_row: np.ndarray  # int64 (rows,), which list stands in a row


def _is_plain(dtype: Any) -> bool:
    """Whether the cells of such a column are single values of one type, so that equal cells have equal texts."""
    if isinstance(dtype, pd.CategoricalDtype):
        return _is_plain(dtype.categories.dtype)
    return isinstance(dtype, pd.StringDtype) or dtype.kind in "iufb"


def _find_lists(series: pd.Series, missing: Missing) -> _Lists | None:
    """The lists of a column; None if its cells are single values."""
    if _is_plain(series.dtype):
        return None
    if isinstance(series.dtype, pd.ArrowDtype) and series.dtype.type is list and not series.hasnans:
        sizes = series.list.len().to_numpy().astype("int64")
        every_row = np.arange(len(series))
        return _Lists(series.list.flatten(), sizes, every_row, every_row)  # no Python object for each value
    cells = series.astype(object).to_numpy()
    types = set(map(type, cells))
    if types.isdisjoint(LIST_TYPES):
        return None
    if missing == "value":
        one_gap = [None]
        cells = np.fromiter((one_gap if is_missing(cell) else cell for cell in cells), object, len(cells))
        types = set(map(type, cells))
    if not types <= LIST_TYPES:
        row = next(row for row, cell in enumerate(cells) if type(cell) not in LIST_TYPES)
        where = row_name(series.index, row)
        if is_missing(cells[row]):
            raise ValueError(f"Column {series.name!r} has a missing value in {where}: fill it, for example with [].")
        raise TypeError(f"Column {series.name!r} mixes lists with single values, as in {where}.")
    for row, cell in enumerate(cells):
        if np.ndim(cell) == 0 and isinstance(cell, np.ndarray):
            where = row_name(series.index, row)
            raise TypeError(f"Column {series.name!r} holds an array without a length in {where}; expected lists.")
    # An id is one list's, since the cells keep all of them alive.
    list_of_row, _ = pd.factorize(np.fromiter(map(id, cells), "int64", len(cells)))
    _, first_row = np.unique(list_of_row, return_index=True)
    sizes = np.array([len(cells[row]) for row in first_row])
    values = np.fromiter(itertools.chain.from_iterable(cells[first_row]), object, sizes.sum())
    return _Lists(pd.Series(values, dtype=object), sizes, first_row, list_of_row)


def _factorize(
    column: pd.Series, values: pd.Series, rows: np.ndarray, missing: Missing
) -> tuple[np.ndarray, list[Any]]:
    """For each value the code of a different one, int64 (k,), −1 if it is missing; and the different ones."""
    if _is_plain(values.dtype):
        codes, different = pd.factorize(values.array)
        is_text = isinstance(different.dtype, pd.StringDtype)
        return codes, np.asarray(different, object).tolist() if is_text else list(different)
    cells = values.astype(object).to_numpy()
    types = set(map(type, cells))
    if types != {str} and not all(issubclass(each, NUMBER_TYPES) and each is not bool for each in types):
        # True equals 1, but is another text; sets cannot be looked up. So each cell becomes a text first.
        texts = [_text_or_error(column, row, cell, missing) for row, cell in zip(rows, cells, strict=True)]
        cells = np.array(texts, dtype=object)
    codes, different = pd.factorize(cells)
    return codes, different.tolist()


def _text_or_error(column: pd.Series, row: int, value: object, missing: Missing) -> str | None:
    """The text of a value; None of a gap that is a value."""
    text = category_text(value)
    if text is None and not (missing == "value" and is_missing(value)):
        _refuse(column, row, value)
    return text


def _code_values(
    column: pd.Series, values: pd.Series, rows: np.ndarray, missing: Missing
) -> tuple[np.ndarray, np.ndarray]:
    """For each value the code of its feature, int64 (k,), and the names of the features, str objects (n,).

    The values are the cells of the `column`, or the entries of its lists; `rows`, int64 (k,), has the row of each.
    """
    codes, different = _factorize(column, values, rows, missing)
    gaps = np.flatnonzero(codes == -1)
    if gaps.size and missing == "error":
        _refuse(column, rows[gaps[0]])
    texts = []
    for code, value in enumerate(different):
        text = category_text(value)
        if text is None:
            _refuse(column, rows[np.argmax(codes == code)], value)
        texts.append(text)
    joined = "".join(texts)  # searched at once, since most columns hold nothing special
    if not joined.isascii():
        _check_utf8(column.name, texts)
    if " &" in joined:
        texts = [escaped(text) for text in texts]
    return _name_gaps(column.name, codes, feature_prefix(column.name) + np.array(texts, dtype=object))


def _name_gaps(column: str, codes: np.ndarray, names: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The codes of a column's features, −1 in gaps, which become the last one; and its names, with that of gaps."""
    if not (codes == -1).any():
        return codes, names
    return np.where(codes == -1, len(names), codes), np.append(names, missing_name(column))


def _check_utf8(column: str, texts: list[str]) -> None:
    for text in texts:
        try:
            text.encode()
        except UnicodeEncodeError:
            raise ValueError(f"Column {column!r} holds {text!r}, which is no text in UTF-8.") from None


def _drop_repeats(codes: np.ndarray, sizes: np.ndarray, longest: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Lists of codes, each code once a list; and of each list its first `longest`.

    Lists of the `sizes` 3, 1 with the codes 5, 5, 2 and 5 become sizes 2, 1 with the codes 5, 2 and 5.
    """
    list_of_code = np.repeat(np.arange(len(sizes)), sizes)  # (v,)
    is_first = ~pd.Series(list_of_code * (codes.max(initial=0) + 1) + codes).duplicated().to_numpy()
    codes = codes[is_first]
    list_of_code = list_of_code[is_first]
    sizes = np.bincount(list_of_code, minlength=len(sizes))
    if longest is None:
        return codes, sizes
    starts = np.cumsum(sizes) - sizes
    position = np.arange(len(codes)) - starts[list_of_code]  # 0 for a list's first code, 1 for its second
    return codes[position < longest], np.minimum(sizes, longest)


def _renumber(codes: np.ndarray, n_codes: int) -> tuple[np.ndarray, np.ndarray]:
    """The codes, all below n_codes, numbered anew from 0 without gaps; and for each new number the old one.

    Codes 7, 2, 7 become 1, 0, 1 and the old ones 2, 7.
    """
    if n_codes > 10 * len(codes):  # a table of them would be mostly empty
        return pd.factorize(codes)
    old = np.flatnonzero(np.bincount(codes, minlength=n_codes))
    new = np.zeros(n_codes, dtype="int64")
    new[old] = np.arange(len(old))
    return new[codes], old


def cross_coded(one: Coded, other: Coded) -> Coded:
    """The AND of two features: 1 in the rows where both are.

    A row with a=x, a=y of the one and b=p, b=q of the other has four pairs: x and p, x and q, y and p, y and q.

    Args:
        one: coded features of some columns.
        other: those of other columns of the same frame.

    Returns:
        Coded features, named by both names with ' & ' between them.

    Source:
        Equation 1 of the paper.

    Example:
        >>> frame = pd.DataFrame({"apps": [["maps", "chess"], ["go"]], "city": ["Rome", "Oslo"]})
        >>> of_apps, of_city = (code_column(frame, column, np.arange(2)) for column in frame)
        >>> rows, codes, names, single = cross_coded(of_apps, of_city)
        >>> rows.tolist(), names[codes].tolist()
        ([0, 0, 1], ['apps=maps & city=Rome', 'apps=chess & city=Rome', 'apps=go & city=Oslo'])
    """
    rows = one.rows
    left = one.codes
    right = other.codes
    if not (one.single and other.single):
        sizes = np.bincount(other.rows, minlength=rows.max(initial=-1) + 1)  # (rows of the frame,)
        starts = np.cumsum(sizes) - sizes  # (rows of the frame,), where a row's codes begin in other.codes
        partners = sizes[rows]  # (k,), how many codes of the other each code of the one meets
        right = other.codes[_consecutive_runs(starts[rows], partners)]  # (pairs,)
        left = np.repeat(left, partners)  # (pairs,)
        rows = np.repeat(rows, partners)  # (pairs,)
    codes, pairs = _renumber(left * len(other.names) + right, len(one.names) * len(other.names))
    of_one, of_other = np.divmod(pairs, len(other.names))
    names = one.names[of_one] + AND + other.names[of_other]
    return Coded(rows, codes, names, one.single and other.single)


def feature_codes(
    frame: pd.DataFrame,
    features: Iterable[Sequence[str]],
    boundaries: Mapping[str, np.ndarray],
    longest: int | None = None,
    missing: Missing = "error",
) -> Iterator[Coded]:
    """The binary features of a frame, without a string for each row.

    Args:
        frame: data frame as for `cross`.
        features: tuples of column names.
        boundaries: dict column → boundaries of the buckets that its numbers are cut into first.
        longest: how many distinct values of a list count, the first ones; None takes all.
        missing: whether a gap is an error, or a value of its own.

    Returns:
        Iterator with a `Coded` for each feature: in the row rows[i], counted from 0, the feature names[codes[i]] is 1.

    Raises:
        KeyError: a column is missing.
        TypeError: a cell is not a string, a whole number or a list of them; or, of a column in `boundaries`, not a
            number.
        ValueError: a value is missing, and that is an error; or boundaries do not ascend.

    Example:
        >>> frame = pd.DataFrame({"city": ["Rome", "Oslo", "Rome"], "age": [20, 30, 40]})
        >>> ((rows, codes, names, single),) = feature_codes(frame, [("city", "age")], {"age": np.array([30.0])})
        >>> codes.tolist(), names.tolist()
        ([0, 2, 1], ['city=Rome & age=[-inf, 30)', 'city=Rome & age=[30, inf)', 'city=Oslo & age=[30, inf)'])
    """
    features = [check_names(feature, "feature") for feature in features]
    check_frame(frame, itertools.chain(*features))
    every_row = np.arange(len(frame))
    columns = {}
    for column in dict.fromkeys(itertools.chain(*features)):
        if column in boundaries:
            buckets = quantile_index(frame, column, boundaries[column], missing)  # (rows,)
            names = feature_prefix(column) + bucket_names(boundaries[column])
            columns[column] = Coded(every_row, *_name_gaps(column, buckets, names), single=True)
        else:
            columns[column] = code_column(frame, column, every_row, longest, missing)
    for feature in features:
        yield functools.reduce(cross_coded, (columns[column] for column in feature))


def feature_counts(coded: Iterable[Coded]) -> pd.Series:
    """How many rows hold each feature.

    Args:
        coded: what `feature_codes` gives.

    Returns:
        int64 Series, its index the names of the features.

    Taught in: notebook 11, "Counting rows that do not fit".

    Example:
        >>> feature_counts(feature_codes(pd.DataFrame({"city": ["Rome", "Oslo", "Rome"]}), [("city",)], {})).to_dict()
        {'city=Rome': 2, 'city=Oslo': 1}
    """
    parts = [pd.Series(np.bincount(one.codes, minlength=len(one.names)), index=one.names) for one in coded]
    return pd.concat([pd.Series(dtype="int64"), *parts])

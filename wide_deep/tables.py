"""Read a CSV or Parquet file so that a category is exactly the text in the file: `read_table`."""

import collections
import contextlib
import csv
import math
import os
import pathlib
from collections.abc import Sequence

from wide_deep.checks import check_names

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

__all__ = ["PathLike", "check_quotes", "read_table"]

PathLike = str | os.PathLike[str]


def check_quotes(path: PathLike) -> None:
    """Raise a ValueError if quotation marks of a CSV file do not match: the rows behind an open one would be one cell.

    Args:
        path: the file, in UTF-8.

    Example:
        >>> import tempfile
        >>> file = pathlib.Path(tempfile.mkdtemp(), "cities.csv")
        >>> _ = file.write_text('n,city\\n1,"Rome\\n2,"Oslo\\n')
        >>> check_quotes(file)
        Traceback (most recent call last):
        ValueError: a quotation mark is opened and not closed ...
    """
    with pathlib.Path(path).open("rb") as file:
        if not any(b'"' in block for block in iter(lambda: file.read(2**20), b"")):
            return  # nothing to look for, and a large file is not read row by row
    limit = csv.field_size_limit(2**31 - 1)  # a cell may be long; on Windows the limit is a 32-bit number
    try:
        with pathlib.Path(path).open(newline="", encoding="utf-8-sig", errors="replace") as file:
            collections.deque(csv.reader(file, strict=True), maxlen=0)
    except csv.Error as error:
        raise ValueError(f"a quotation mark is opened and not closed as it should be ({error}).") from None
    finally:
        csv.field_size_limit(limit)


def read_table(path: PathLike, numbers: Sequence[str] = ()) -> pd.DataFrame:
    """Read a file so that a category is exactly the text in the file.

    `pandas.read_csv` guesses: it turns the postcode 02116 into 2116 and the text NA into a missing value. Here only the
    columns in `numbers` become numbers.

    Args:
        path: a CSV file (commas, double quotes, a header, UTF-8 with or without a byte-order mark) or a Parquet file.
        numbers: names of the columns that hold numbers, such as those of `fit_deep`, and the label.

    Returns:
        The rows of the file. In a CSV file the numbers are float64, with NaN for an empty cell, and all other columns
        are text, with '' for an empty cell. Columns of a Parquet file keep their types, except that texts in a column
        of `numbers` become numbers too.

    Raises:
        TypeError: `numbers` is not a list of names.
        KeyError: one of them is missing.
        ValueError: the file is neither CSV nor Parquet; it has no rows, rows of different lengths, two columns of one
            name or a column without a name; or a cell of `numbers` is not a number. The message names the file.

    Example:
        >>> import tempfile
        >>> file = pathlib.Path(tempfile.mkdtemp(), "shops.csv")
        >>> _ = file.write_text("postcode,kind,visits\\n02116,Food & drink,12\\n10001,NA,\\n")
        >>> read_table(file, numbers=["visits"])
          postcode          kind  visits
        0    02116  Food & drink    12.0
        1    10001            NA     NaN
    """
    numbers = check_names(numbers, "numbers")
    path = pathlib.Path(path)
    readers = {".csv": _read_csv, ".parquet": _read_parquet}
    if path.suffix.lower() not in readers:
        raise ValueError(f"{path} ends in {path.suffix!r}; expected .csv or .parquet.")
    try:
        table = readers[path.suffix.lower()](path)
    except ValueError as error:  # Arrow's errors are such, and those of text that is not UTF-8
        raise ValueError(f"{path}: {error}") from None
    for column in numbers:
        if column not in table.column_names:
            raise KeyError(f"{path} has no column {column!r}; it has {table.column_names}.")
    if not len(table):
        raise ValueError(f"{path} holds no rows.")
    # Whole numbers with a gap would become floats, and long ones others.
    frame = table.to_pandas(ignore_metadata=True, integer_object_nulls=True)
    for column in numbers:
        if not pd.api.types.is_numeric_dtype(frame[column]):
            frame[column] = _parse_numbers(path, column, frame[column])
    return frame


def _read_csv(path: pathlib.Path) -> pa.Table:
    check_quotes(path)  # first, since an open one in the header would take in all rows
    with path.open(newline="", encoding="utf-8-sig") as file:
        header = next((row for row in csv.reader(file) if row), [])
    _check_header(header)
    return pyarrow.csv.read_csv(
        path,
        # In a file of one column an empty line is a cell that is empty.
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=len(header) > 1),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=dict.fromkeys(header, pa.string()), strings_can_be_null=False
        ),
    )


def _read_parquet(path: pathlib.Path) -> pa.Table:
    table = pyarrow.parquet.ParquetFile(path).read()
    _check_header(table.column_names)
    return table


def _check_header(columns: Sequence[str]) -> None:
    for number, name in enumerate(columns, start=1):
        if name == "" or name.startswith("__index_level_"):
            raise ValueError(f"column {number} is an index, or has no name: write the file with index=False.")
    check_names(columns)


def _parse_numbers(path: pathlib.Path, column: str, texts: pd.Series) -> pd.Series:
    """Texts as float64, '' as NaN."""
    values = np.full(len(texts), np.nan)
    for row, text in enumerate(texts):
        if text == "" or pd.isna(text):
            continue
        with contextlib.suppress(TypeError, ValueError):  # it stays NaN then
            # Python takes the text 1_000 for 1000, and other alphabets' digits. Decimals, and whole numbers with a gap,
            # come as they are.
            is_strange = isinstance(text, str) and ("_" in text or not text.isascii())
            values[row] = np.nan if is_strange else float(text)
        if not math.isfinite(values[row]):
            raise ValueError(
                f"{path}: Column {column!r} holds {text!r} in row {row}; expected a number, or '' for a gap."
            )
    return pd.Series(values, texts.index)

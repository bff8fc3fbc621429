"""CSV and Parquet files: found, checked, and read by the positions of their columns.

Read it from top to bottom, in the order in which data flows.

    shard_files                    the files of a folder
    csv_header ─► to_parquet       a CSV file, block by block
    as_shards                      all files that hold rows, those of CSV as Parquet
    check_types, common_types      what a column holds in all of them
    read_group                     a piece of a file, in types that are the same for all files
"""

import contextlib
import csv
import os
import pathlib
import re
import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from wide_deep.columns import category_text
from wide_deep.tables import PathLike, check_quotes

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

__all__ = [
    "GROUP_ROWS", "Paths", "Shard", "as_shards", "check_columns", "check_types", "column_type", "common_types",
    "csv_batches", "csv_header", "is_list", "naming_file", "read_group", "shard_files", "to_parquet", "type_family",
    "value_type",
]  # fmt: skip

Paths = PathLike | Iterable[PathLike]  # a file, a folder, or several of them

# -------------------------------------------------------------------------------------- which files

ENDINGS = (".csv", ".parquet")


def shard_files(paths: Paths) -> list[pathlib.Path]:
    """The CSV and Parquet files that `paths` names.

    A warning names what is left out of a folder: folders in it, and files with another ending. Names that begin with a
    dot or with '_' are left out without one, since programs keep their own notes there.

    Args:
        paths: path of a file or of a folder, or a list of such.

    Returns:
        Paths of the files; those of a folder stand in the order of their names.

    Raises:
        FileNotFoundError: a path does not exist, or a folder holds no such file.
        ValueError: a file has another ending, or `paths` is empty.

    Taught in: notebook 11, "Counting rows that do not fit".

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name in ("b.csv", "a.parquet"):
        ...         (pathlib.Path(folder) / name).touch()
        ...     [path.name for path in shard_files(folder)]
        ['a.parquet', 'b.csv']
    """
    files = []
    for path in map(pathlib.Path, [paths] if isinstance(paths, (str, os.PathLike)) else paths):
        if not path.exists():
            raise FileNotFoundError(f"{path} does not exist.")
        files += _files_inside(path) if path.is_dir() else [path]
    if not files:
        raise ValueError("paths is empty: name at least one file.")
    for path in files:
        if path.suffix.lower() not in ENDINGS:
            raise ValueError(f"{path} ends in {path.suffix!r}; expected .csv or .parquet.")
    return files


def _files_inside(folder: pathlib.Path) -> list[pathlib.Path]:
    entries = sorted(folder.iterdir())
    files = [path for path in entries if path.is_file() and path.suffix.lower() in ENDINGS]
    if not files:
        raise FileNotFoundError(f"The folder {folder} holds no file *.parquet or *.csv.")
    left_out = [path.name for path in entries if path not in files and not path.name.startswith((".", "_"))]
    if left_out:
        warnings.warn(
            f"The folder {folder} is read without {', '.join(left_out)}: only its own files *.parquet and *.csv count. "
            "If a folder in it belongs to the data, name that one too.",
            stacklevel=2,
        )
    return files


# -------------------------------------------------------------------------------------------- CSV

GROUP_ROWS = 10_000  # rows of a row group: small, so that many of them meet in a stream's buffer
BLOCK_BYTES = 2**23  # that are read of a CSV file at once; no row may be longer


def check_columns(path: PathLike, columns: list[str], expected: Iterable[str]) -> None:
    """Raise a clear error unless a file has each of the columns once.

    Args:
        path: path of the file, for the message.
        columns: names of its columns.
        expected: names of those that are needed.

    Raises:
        KeyError: a column is missing.
        ValueError: a column is there twice.

    Example:
        >>> check_columns("log.csv", ["age", "city", "city"], ["city"])
        Traceback (most recent call last):
        ValueError: log.csv has the column 'city' more than once.
    """
    for column in expected:
        if column not in columns:
            raise KeyError(f"{path} has no column {column!r}; it has {columns}.")
        if columns.count(column) > 1:
            raise ValueError(f"{path} has the column {column!r} more than once.")


def csv_header(path: PathLike) -> tuple[list[str], int]:
    """The first row of a CSV file.

    Args:
        path: path of the file.

    Returns:
        The names of the columns, and after how many lines of the file its next row begins.

    Raises:
        ValueError: there is no such row.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder) / "a.csv"
        ...     _ = path.write_text('city,"age, in\\nyears"\\nRome,31\\n')
        ...     csv_header(path)
        (['city', 'age, in\\nyears'], 2)
    """
    with open(path, newline="", encoding="utf-8-sig", errors="replace") as file:
        rows = csv.reader(file)
        try:
            names = next((row for row in rows if row), [])
        except csv.Error as error:
            raise ValueError(f"{path}: the header cannot be read: {error}") from None
    if not names:
        raise ValueError(f"{path} is empty; expected a header.")
    return names, rows.line_num


def csv_batches(path: PathLike, types: Mapping[int, pa.DataType]) -> Iterator[pa.RecordBatch]:
    """The rows of a CSV file, block by block.

    Args:
        path: path of the file.
        types: position of a column → the Arrow type to read it as.

    Returns:
        Batches of these columns, in this order.

    Raises:
        TypeError: a cell that should be a number is not one.
        ValueError: the file is no CSV file of UTF-8, or its rows have different lengths. Both name the file.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder) / "a.csv"
        ...     _ = path.write_text('zip,city,age\\n02116,"Boston, MA",31\\n')
        ...     [batch.to_pylist() for batch in csv_batches(path, {1: pa.string(), 2: pa.int64()})]
        [[{'1': 'Boston, MA', '2': 31}]]
    """
    header, lines = csv_header(path)
    try:
        check_quotes(path)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    read = pa.csv.ReadOptions(column_names=list(map(str, range(len(header)))), skip_rows=lines, block_size=BLOCK_BYTES)
    # In a file of one column an empty line is a cell that is empty.
    parse = pa.csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=len(header) > 1)
    convert = pa.csv.ConvertOptions(
        column_types={str(position): arrow_type for position, arrow_type in types.items()},
        include_columns=list(map(str, types)),
        null_values=[""],
        strings_can_be_null=False,
    )
    try:
        yield from pa.csv.open_csv(path, read_options=read, parse_options=parse, convert_options=convert)
    except pa.ArrowInvalid as error:
        raise _csv_error(path, header, str(error)) from None


def _csv_error(path: PathLike, header: list[str], message: str) -> Exception:
    """What is said of a CSV file that Arrow cannot read."""
    match = re.match(r"In CSV column #(\d+): .* to double: invalid value '(.*)'", message, re.DOTALL)
    if match:
        return TypeError(f"{path}: Column {header[int(match[1])]!r} holds {match[2]!r}; expected numbers.")
    return ValueError(f"{path}: {message}")


def to_parquet(path: PathLike, target: PathLike, columns: list[str], numbers: Collection[str]) -> None:
    """Write columns of a CSV file as a Parquet file, block by block, without holding the file in memory.

    A text stays as it is, leading zeros and blanks too, and a missing one is the empty string. A row group has at most
    GROUP_ROWS rows.

    Args:
        path: path of the CSV file: commas, double quotes, a header, UTF-8 with or without a byte-order mark.
        target: path to write to.
        columns: names of the columns to keep.
        numbers: those of them that are numbers; the others are texts.

    Raises:
        KeyError: a column is missing.
        TypeError: a cell in a column of numbers is not a number.
        ValueError: the file is not such a CSV file. All name the file.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     source, target = pathlib.Path(folder) / "a.csv", pathlib.Path(folder) / "a.parquet"
        ...     _ = source.write_text("zip,age\\n02116,31\\n")
        ...     to_parquet(source, target, ["zip", "age"], {"age"})
        ...     pq.read_table(target).to_pylist()
        [{'zip': '02116', 'age': 31.0}]
    """
    header, _ = csv_header(path)
    check_columns(path, header, columns)
    types = {header.index(column): pa.float64() if column in numbers else pa.string() for column in columns}
    schema = pa.schema([(header[position], arrow_type) for position, arrow_type in types.items()])
    with pq.ParquetWriter(target, schema) as writer:
        for batch in csv_batches(path, types):
            writer.write_batch(pa.record_batch(batch.columns, schema), row_group_size=GROUP_ROWS)


# ------------------------------------------------------------------------------------------ Parquet


class Shard(NamedTuple):
    """A file that holds rows."""

    path: pathlib.Path  # of a Parquet file
    origin: pathlib.Path  # of the file that it was made from: itself, or a CSV file
    schema: pa.Schema


@contextlib.contextmanager
def naming_file(path: PathLike) -> Iterator[None]:
    """Within it, the error of a damaged file names the file.

    Args:
        path: path of the file.

    Raises:
        ValueError: the file cannot be read.

    Example:
        >>> import io
        >>> with naming_file("log.parquet"):
        ...     pq.read_schema(io.BytesIO(b"no Parquet"))
        Traceback (most recent call last):
        ValueError: log.parquet cannot be read: Parquet magic bytes not found in footer. Either the file is corrupted \
or this is not a parquet file.
    """
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from None


def as_shards(paths: Paths, columns: list[str], numbers: Collection[str], workplace: PathLike) -> list[Shard]:
    """All files that hold rows, those of CSV as Parquet.

    Args:
        paths: a CSV or Parquet file, a folder of such, or a list of them.
        columns: names of the columns that are needed.
        numbers: those of them that are numbers.
        workplace: path of the folder where CSV files are written as Parquet.

    Returns:
        The files, in their order.

    Raises:
        KeyError: a column is missing.
        TypeError: a cell of a CSV file in a column of numbers is not a number.
        ValueError: a file is damaged, or none holds rows. All name the file.
        FileNotFoundError: a file is missing.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder) / "a.csv"
        ...     _ = path.write_text("city\\nRome\\n")
        ...     (shard,) = as_shards(path, ["city"], [], folder)
        >>> shard.origin.name, shard.path.name
        ('a.csv', '0.parquet')
    """
    shards = []
    for i, origin in enumerate(shard_files(paths)):
        path = origin
        if origin.suffix.lower() == ".csv":
            path = pathlib.Path(workplace) / f"{i}.parquet"
            to_parquet(origin, path, columns, numbers)
        with naming_file(origin):
            metadata = pq.read_metadata(path)
            schema = metadata.schema.to_arrow_schema()
        check_columns(origin, schema.names, columns)
        if metadata.num_rows:
            shards.append(Shard(path, origin, schema))
    if not shards:
        raise ValueError(f"{paths} holds no rows.")
    return shards


# -------------------------------------------------------------------------------------------- types


def column_type(shard: Shard, column: str) -> pa.DataType:
    """The Arrow type of a column of a file.

    Args:
        shard: the file.
        column: name of the column.

    Returns:
        The type.

    Example:
        >>> column_type(Shard("a.parquet", "a.parquet", pa.schema([("age", pa.int8())])), "age")
        DataType(int8)
    """
    return shard.schema.field(shard.schema.names.index(column)).type


def is_list(arrow_type: pa.DataType) -> bool:
    """Whether the cells of an Arrow type are lists.

    Args:
        arrow_type: the type.

    Returns:
        True for lists.

    Example:
        >>> is_list(pa.list_(pa.string()))
        True
    """
    return pa.types.is_list(arrow_type) or pa.types.is_large_list(arrow_type) or pa.types.is_fixed_size_list(arrow_type)


def value_type(arrow_type: pa.DataType) -> pa.DataType:
    """The type of single values: of those in a list, or of those that a dictionary stands for.

    Args:
        arrow_type: the type of a column.

    Returns:
        The type of its values.

    Example:
        >>> value_type(pa.list_(pa.dictionary(pa.int32(), pa.string())))
        DataType(string)
    """
    return (
        value_type(arrow_type.value_type) if is_list(arrow_type) or pa.types.is_dictionary(arrow_type) else arrow_type
    )


def type_family(arrow_type: pa.DataType) -> str | None:
    """What the values of an Arrow type are.

    Args:
        arrow_type: the type of a column, which may hold lists.

    Returns:
        'text', 'whole', 'float', 'decimal' or 'bool'; None for anything that is of no use.

    Example:
        >>> type_family(pa.list_(pa.int8())), type_family(pa.date32())
        ('whole', None)
    """
    tests = {
        "text": (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view, pa.types.is_null),
        "whole": (pa.types.is_integer,),
        "bool": (pa.types.is_boolean,),
        "float": (pa.types.is_floating,),
        "decimal": (pa.types.is_decimal128, pa.types.is_decimal64, pa.types.is_decimal32),
    }
    value = value_type(arrow_type)
    return next((kind for kind, of_kind in tests.items() if any(test(value) for test in of_kind)), None)


def check_types(shards: list[Shard], columns: Iterable[str], numbers: Collection[str]) -> None:
    """Raise a clear error unless each column can be used for what it is to be, in all files.

    Args:
        shards: the files.
        columns: names of the columns that are read; the cells of a category may be lists.
        numbers: those of them that are read as numbers, also or only.

    Raises:
        TypeError: a column holds something else, or lists in some files and single values in others.

    Example:
        >>> schema = pa.schema([("day", pa.date32())])
        >>> check_types([Shard("a.parquet", "a.parquet", schema)], ["day"], ["day"])
        Traceback (most recent call last):
        TypeError: a.parquet: Column 'day' has the type date32[day]; expected numbers.
    """
    for shard in shards:
        for column in sorted(columns):
            arrow_type = column_type(shard, column)
            problem = f"{shard.origin}: Column {column!r} has the type {arrow_type}"
            if column in numbers and (
                type_family(arrow_type) not in ("whole", "float", "decimal") or arrow_type != value_type(arrow_type)
            ):
                raise TypeError(f"{problem}; expected numbers.")
            if type_family(arrow_type) is None or (is_list(arrow_type) and is_list(arrow_type.value_type)):
                raise TypeError(
                    f"{problem}; expected strings, whole numbers, or lists of them: cut decimals into buckets, turn "
                    "anything else into strings."
                )
            first = column_type(shards[0], column)
            if is_list(arrow_type) != is_list(first):
                raise TypeError(
                    f"{problem}, and {first} in {shards[0].origin}; expected lists in all files or in none."
                )


def common_types(shards: list[Shard], columns: Iterable[str], numbers: Collection[str]) -> dict[str, pa.DataType]:
    """The types in which columns of all files can stand in one table, and mean the same as before.

    Args:
        shards: the files.
        columns: names of the columns that are read.
        numbers: those of them that are read as numbers, also or only.

    Returns:
        Column → the type that its values have in all files, if they are whole numbers or bools; else float64 for a
        number and string for a category. Of lists, lists of these.

    Example:
        >>> files = [Shard("", "", pa.schema([("zip", arrow_type)])) for arrow_type in (pa.int64(), pa.large_string())]
        >>> common_types(files, ["zip"], [])
        {'zip': DataType(string)}
    """
    types = {}
    for column in columns:
        value_types = {value_type(column_type(shard, column)) for shard in shards}
        value = pa.float64() if column in numbers else pa.string()
        if len(value_types) == 1 and type_family(*value_types) in ("whole", "bool"):
            (value,) = value_types
        types[column] = pa.list_(value) if is_list(column_type(shards[0], column)) else value
    return types


def read_group(shard: Shard, group: int, types: Mapping[str, pa.DataType], gaps: Collection[str] = ()) -> pa.Table:
    """A row group of a file.

    Args:
        shard: the file.
        group: number of the row group.
        types: column → the type that it gets, from `common_types`.
        gaps: the columns in which a cell may be missing; in place of a list, it is a list of one gap.

    Returns:
        Table of these columns.

    Raises:
        TypeError: a cell has no text, such as 0.5 in a category.
        ValueError: a cell is missing that may not, or the file is damaged. All name the file.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder) / "a.parquet"
        ...     pq.write_table(pa.table({"zip": [2116.0, 9000.0]}), path)
        ...     (shard,) = as_shards(path, ["zip"], [], folder)
        ...     read_group(shard, 0, {"zip": pa.string()}).to_pylist()
        [{'zip': '2116'}, {'zip': '9000'}]
    """
    with naming_file(shard.origin):
        table = pq.ParquetFile(shard.path).read_row_group(group, columns=list(types))
    columns = []
    for column, arrow_type in types.items():
        cells = table.column(column).combine_chunks()
        try:
            columns.append(_convert(cells, arrow_type, column in gaps))
        except (TypeError, ValueError) as error:
            raise type(error)(f"{shard.origin}: Column {column!r} {error}") from None
    return pa.table(columns, list(types))


MISSING = "has missing values: fill them, for example with '?'."


def _convert(cells: pa.Array, arrow_type: pa.DataType, may_miss: bool) -> pa.Array:
    """The cells in another type that means the same; an error for those that it cannot hold."""
    if cells.null_count and not may_miss:
        raise ValueError(MISSING)
    if is_list(arrow_type):
        if cells.null_count:
            cells = pa.array([[None] if cell is None else cell for cell in cells.to_pylist()], cells.type)
        values = _convert(cells.flatten(), arrow_type.value_type, may_miss)
        ends = np.cumsum(pa.compute.list_value_length(cells).to_numpy())
        return pa.ListArray.from_arrays(np.concatenate([[0], ends]).astype("int32"), values)
    if cells.type == arrow_type:
        return cells
    if arrow_type == pa.float64():
        exact = cells.cast(pa.string()) if type_family(cells.type) == "decimal" else cells
        return exact.cast(arrow_type, safe=False)
    if type_family(cells.type) in ("text", "whole"):
        return cells.cast(arrow_type)
    coded = cells.dictionary_encode()
    values = coded.dictionary.to_numpy(zero_copy_only=False)
    texts = [category_text(value) for value in values]
    for value, text in zip(values, texts, strict=True):
        if text is None and value == value:
            raise TypeError(f"holds {value}; expected strings or whole numbers: cut decimals into buckets.")
        if text is None and not may_miss:  # NaN
            raise ValueError(MISSING)
    return pa.array(texts, pa.string()).take(coded.indices)

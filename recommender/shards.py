"""Data larger than memory: features counted over files, and batches streamed from them.

Read it from top to bottom, in the order in which data flows.

    counted_quantiles ─► fit_shards            what `fit_wide` and `fit_deep` learn, from files
    stream                                     batches of a model's inputs, from files

The files themselves are read by `recommender.parquet`; the queries that count are in `recommender.sql`. DuckDB runs
them: it groups on all cores, and spills to disk what does not fit under its memory limit. It finds a column by its
position in a file, since names that differ only in case are one name in SQL.
"""

import collections
import concurrent.futures
import functools
import inspect
import itertools
import pathlib
import re
import tempfile
import weakref
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from recommender.parquet import (
    Paths,
    Shard,
    as_shards,
    check_types,
    column_type,
    common_types,
    csv_batches,
    csv_header,
    is_list,
    naming_file,
    read_group,
    shard_files,
)
from recommender.sql import cell_problems, counts_query, rows_of, table_query, vocabulary_query
from wide_deep import backend  # noqa: F401, before Keras
from wide_deep.checks import Missing, check_whole
from wide_deep.columns import category_text
from wide_deep.features import (
    DeepFeatures,
    WideFeatures,
    assemble_deep,
    assemble_wide,
    fit_deep,
    fit_wide,
    number_names,
    optional_inputs,
    used_columns,
)
from wide_deep.tables import PathLike

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf

__all__ = ["counted_quantiles", "fit_shards", "stream"]

# ------------------------------------------------------------------------------------------------ counts


def counted_quantiles(counted: pd.DataFrame, n_quantiles: int) -> np.ndarray:
    """`quantile_boundaries` of a column of which only the different values and their counts are known.

    Args:
        counted: two columns, numbers and how many rows have each.
        n_quantiles: the number of groups, at least 2.

    Returns:
        float64 (n_quantiles − 1,), the boundaries of `quantile_boundaries` to the last bit.

    Taught in: notebook 11, "Counting rows that do not fit".

    Example:
        >>> counted_quantiles(pd.DataFrame({"age": [40, 20], "n": [1, 3]}), 2)  # of the rows 20, 20, 20, 40
        array([20.])
    """
    values, counts = counted.sort_values(counted.columns[0]).to_numpy("float64").T  # (different values,) each
    last = np.cumsum(counts) - 1  # the position of each value's last row, if all rows were sorted
    position = (counts.sum() - 1) * (np.arange(1, n_quantiles) / n_quantiles)  # of each boundary, (n_quantiles − 1,)
    low = values[np.searchsorted(last, np.floor(position))]
    high = values[np.searchsorted(last, np.ceil(position))]
    share = position - np.floor(position)
    # NumPy interpolates from the nearer end, and so must we, to get its bits.
    boundaries = np.where(share < 0.5, low + (high - low) * share, high - (high - low) * (1 - share))
    whole, rest = np.divmod(last[-1].astype(int) * np.arange(1, n_quantiles), n_quantiles)
    boundaries = np.where(rest == 0, values[np.searchsorted(last, whole)], boundaries)
    return boundaries + 0.0  # −0 becomes 0


# ------------------------------------------------------------------------------------------------ fitting


def fit_shards(
    paths: Paths,
    wide_settings: Mapping[str, Any],
    deep_settings: Mapping[str, Any],
    memory_limit: str = "1GB",
    folder: PathLike | None = None,
) -> tuple[WideFeatures, DeepFeatures]:
    """`fit_wide` and `fit_deep` on files that do not fit into memory.

    DuckDB counts each value, and each cross that is not hashed. What comes into Python's memory is the vocabularies,
    and the different values of the columns of numbers. All results are exact.

    Args:
        paths: a CSV or Parquet file, a folder of such, or a list of them. A cell of a Parquet file may hold a list. In
            a CSV file a text stays as it is, and a missing one is the empty string.
        wide_settings: arguments of `fit_wide` without the frame.
        deep_settings: those of `fit_deep`.
        memory_limit: what DuckDB may take, such as '1GB'.
        folder: path of a folder for what it spills, and for CSV files as Parquet; both are removed at the end. None:
            the system's temporary folder.

    Returns:
        wide, deep: what `fit_wide` and `fit_deep` would return for all rows in one frame.

    Raises:
        KeyError: a file lacks a column.
        TypeError: a column holds what is not of use.
        ValueError: a setting or a cell is not usable, or a file is damaged. All name the file.
        FileNotFoundError: a file is missing.

    Taught in: notebook 11, "Counting rows that do not fit".

    Example:
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for day, cities in enumerate([["Rome", "Oslo"], ["Oslo"]]):
        ...         frame = pd.DataFrame({"city": cities, "age": 30 + day})
        ...         frame.to_parquet(f"{folder}/{day}.parquet")
        ...     wide, deep = fit_shards(folder, {"features": ["city"]}, {"categories": [], "numbers": ["age"]})
        >>> wide["vocabulary"]
        {'city=Oslo': 1, 'city=Rome': 2}
    """
    wide_settings = _with_defaults(fit_wide, wide_settings)
    deep_settings = _with_defaults(fit_deep, deep_settings)
    buckets = wide_settings["buckets"] or {}
    numbers = {*buckets, *deep_settings["numbers"]}
    features = _check_settings(shard_files(paths)[0], wide_settings, deep_settings, numbers)
    of_wide = {*itertools.chain(*features)}
    of_deep = {*deep_settings["categories"], *deep_settings["numbers"]}
    texts = of_wide - {*buckets} | {*deep_settings["categories"]}
    gaps = _may_miss((of_wide, wide_settings["missing"]), (of_deep, deep_settings["missing"]))
    with _make_workplace(folder) as workplace, _open_engine(memory_limit, workplace) as engine:
        shards = as_shards(paths, sorted(texts | numbers), numbers, workplace)
        check_types(shards, texts | numbers, numbers)
        for shard in shards:
            _check_cells(engine, shard, texts, numbers, gaps)
        counted = {column: _count_numbers(engine, shards, column, column in gaps) for column in sorted(numbers)}
        wide = _fit_wide_from_counts(engine, shards, features, counted, wide_settings)
        deep = _fit_deep_from_counts(engine, shards, counted, deep_settings)
    return wide, deep


def _may_miss(*parts: tuple[Collection[str], Missing]) -> set[str]:
    """The columns in which a gap is a value: those of parts that say so, if no other part takes them."""
    columns = {column for used, missing in parts if missing == "value" for column in used}
    return columns - {column for used, missing in parts if missing == "error" for column in used}


def _make_workplace(folder: PathLike | None) -> tempfile.TemporaryDirectory[str]:
    """A folder below `folder`, with what is in it gone at the end."""
    if folder is not None:
        pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
    return tempfile.TemporaryDirectory(dir=folder)


def _open_engine(memory_limit: str, workplace: str) -> duckdb.DuckDBPyConnection:
    """A DuckDB that spills into a folder what does not fit under its limit."""
    if not re.fullmatch(r"\d+(\.\d+)? ?[KMGT]i?B", memory_limit):
        raise ValueError(f"memory_limit is {memory_limit!r}; expected a size such as '1GB' or '500MB'.")
    config = {
        "memory_limit": memory_limit,
        "temp_directory": workplace,
        "preserve_insertion_order": False,  # to keep an order takes memory
    }
    return duckdb.connect(config=config)


def _with_defaults(function: Callable[..., Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings, without the frame, with the function's defaults for those that are not named."""
    bound = inspect.signature(function).bind(None, **settings)
    bound.apply_defaults()
    return {name: value for name, value in bound.arguments.items() if name != "frame"}


def _check_settings(
    first: pathlib.Path, wide_settings: dict[str, Any], deep_settings: dict[str, Any], numbers: Collection[str]
) -> list[tuple[str, ...]]:
    """The wide part's features; what is wrong with the settings is said at once, and as `fit_wide` says it."""
    head = _read_head(first, numbers)
    if "value" in (wide_settings["missing"], deep_settings["missing"]):
        for column in numbers:
            if column in head and head[column].isna().all():
                head[column] = 0.0  # there may be numbers in the rows that follow
    try:
        features = fit_wide(head, **wide_settings)["features"]
        fit_deep(head, **deep_settings)
    except (KeyError, TypeError, ValueError) as error:
        raise type(error)(f"{first}: {error.args[0] if isinstance(error, KeyError) else error}") from None
    return features


def _read_head(path: pathlib.Path, numbers: Collection[str]) -> pd.DataFrame:
    """The first rows of a file as a data frame; of columns of one name the first, since they are checked later."""
    if path.suffix.lower() == ".csv":
        header, _ = csv_header(path)
        positions = {name: header.index(name) for name in header}
        types = {position: pa.float64() if name in numbers else pa.string() for name, position in positions.items()}
        no_rows = [pa.array([], arrow_type) for arrow_type in types.values()]
        columns = next((batch.columns for batch in csv_batches(path, types)), no_rows)
    else:
        with naming_file(path):
            file = pq.ParquetFile(path)
            batch = next(file.iter_batches(1000), file.schema_arrow.empty_table())
        positions = {name: batch.schema.names.index(name) for name in batch.schema.names}
        columns = [batch.column(position) for position in positions.values()]
    head = pa.table([column[:1000] for column in columns], list(positions))
    return head.to_pandas(timestamp_as_object=True, integer_object_nulls=True)


def _check_cells(
    engine: duckdb.DuckDBPyConnection,
    shard: Shard,
    texts: Collection[str],
    numbers: Collection[str],
    gaps: Collection[str],
) -> None:
    """Raise an error that names the column and the file if a cell cannot be used."""
    problems = cell_problems(shard, texts, numbers, gaps)
    if not problems:
        return
    selection = ", ".join(f"count(*) FILTER (WHERE {problem.condition})" for problem in problems)
    try:
        counts = engine.execute(f"SELECT {selection} FROM {rows_of([shard])}").fetchone()
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:
        raise ValueError(f"{shard.origin} cannot be read: {error}") from None
    for problem, count in zip(problems, counts, strict=True):
        if count:
            raise problem.error(f"{shard.origin}: Column {problem.column!r} {problem.words}, in {count} rows.")


def _create_view(
    engine: duckdb.DuckDBPyConnection,
    shards: list[Shard],
    columns: Iterable[str],
    numbers: Collection[str],
    longest: int | None = None,
    missing: Missing = "error",
) -> dict[str, str]:
    """Make the table `shards` of all files, with texts as they are written in features; column → its name there."""
    aliases = {column: f"c{i}" for i, column in enumerate(columns)}
    engine.execute(f"CREATE OR REPLACE VIEW shards AS {table_query(shards, aliases, numbers, longest, missing)}")
    return aliases


def _count_numbers(engine: duckdb.DuckDBPyConnection, shards: list[Shard], column: str, may_miss: bool) -> pd.DataFrame:
    """The different numbers of a column, and how many rows have each; NaN are the gaps."""
    aliases = _create_view(engine, shards, [column], [column], missing="value" if may_miss else "error")
    counted = engine.execute(counts_query(aliases[column])).df()
    if counted["value"].isna().all():
        raise ValueError(f"Column {column!r} has no number: all of its values are missing.")
    return counted


def _count_vocabulary(
    engine: duckdb.DuckDBPyConnection,
    shards: list[Shard],
    features: list[tuple[str, ...]],
    boundaries: Mapping[str, np.ndarray],
    settings: Mapping[str, Any],
) -> dict[str, int]:
    """The vocabulary of some features of all files."""
    used = list(dict.fromkeys(itertools.chain(*features)))
    aliases = _create_view(engine, shards, used, boundaries, settings["longest"], settings["missing"])
    lists = {column for column in used if is_list(column_type(shards[0], column))}
    query = vocabulary_query(features, lists, boundaries, settings["min_count"], aliases, settings["missing"])
    vocabulary: dict[str, int] = {}
    ids = itertools.count(1)
    for batch in engine.sql(query).to_arrow_reader(100_000):
        vocabulary.update(zip(batch["name"].to_pylist(), ids, strict=False))
    return vocabulary


def _fit_wide_from_counts(
    engine: duckdb.DuckDBPyConnection,
    shards: list[Shard],
    features: list[tuple[str, ...]],
    counted: Mapping[str, pd.DataFrame],
    settings: Mapping[str, Any],
) -> WideFeatures:
    """What `fit_wide` learns; `counted` has the different numbers of each column, and how many rows have them."""
    boundaries = {}
    for column, n_buckets in (settings["buckets"] or {}).items():
        boundaries[column] = np.unique(counted_quantiles(counted[column].dropna(), n_buckets))
    hash_buckets = settings["hash_buckets"]
    id_of = _count_vocabulary(engine, shards, features, boundaries, settings) if hash_buckets is None else None
    return assemble_wide(features, boundaries, id_of, hash_buckets, settings["longest"], settings["missing"])


def _fit_deep_from_counts(
    engine: duckdb.DuckDBPyConnection,
    shards: list[Shard],
    counted: Mapping[str, pd.DataFrame],
    settings: Mapping[str, Any],
) -> DeepFeatures:
    """What `fit_deep` learns; `counted` as for `_fit_wide_from_counts`."""
    features: list[tuple[str, ...]] = [(column,) for column in settings["categories"]]
    id_of = _count_vocabulary(engine, shards, features, {}, settings) if features else {}
    numbers = {column: counted[column].dropna() for column in settings["numbers"]}
    boundaries = {column: counted_quantiles(counts, settings["n_quantiles"]) for column, counts in numbers.items()}
    gaps = None
    if settings["missing"] == "value":
        medians = {column: float(counted_quantiles(counts, 2)[0]) for column, counts in numbers.items()}
        gaps = medians, [column for column in numbers if counted[column]["value"].isna().any()]
    return assemble_deep(list(settings["categories"]), id_of, boundaries, settings["longest"], gaps)


# ----------------------------------------------------------------------------------------------- reading

READERS = 2  # threads that look up ids; Arrow and NumPy let them run at once
CHUNK_ROWS = 32_768  # about as many rows are looked up at once


def stream(
    paths: Paths,
    wide: WideFeatures | None,
    deep: DeepFeatures | None,
    label: str,
    classes: tuple[Any, Any],
    batch_size: int,
    *,
    seed: int | None = None,
    epoch: int = 0,
    start: int = 0,
    worker: tuple[int, int] = (0, 1),
    buffer_rows: int = 200_000,
    folder: PathLike | None = None,
) -> tf.data.Dataset:
    """A `tf.data.Dataset` of an epoch's batches, inputs and labels, read from files while the model trains.

    The row groups of all files are drawn in random order, as many at a time as the buffer holds, and the buffer's rows
    are shuffled. So an epoch is one pass in which each row comes once; and its order follows from the seed, the epoch
    and the files alone. To go on in the middle of an epoch, keep the number of batches done, and `start` there: what
    comes before is not read.

    Rows mix as far as the buffer holds many row groups. By themselves pandas puts up to a million rows into one, and
    DuckDB a hundred thousand. So write files with pandas' `to_parquet(…, row_group_size=10_000)`, or with
    `recommender.parquet.to_parquet`, which CSV files go through here.

    Workers may get unequal numbers of batches, since row groups are dealt out whole. Where all must make each step
    together, one with more batches would wait for ever. So cut each worker's dataset to the smallest number of all,
    `dataset.take(n)`: n is the smallest `len` of the datasets of all workers, which reads no rows of a Parquet file.

    Args:
        paths: a CSV or Parquet file, a folder of such, or a list of them. CSV files are written as Parquet first.
        wide: what `fit_wide` or `fit_shards` returned, or None.
        deep: what `fit_deep` or `fit_shards` returned, or None.
        label: name of the label's column.
        classes: two values of it, where the label is 0 and where it is 1; 1, 1.0 and '1' are the same value.
        batch_size: rows a batch; the last batch may have fewer.
        seed: None keeps the order of the files.
        epoch: the number of the pass, from 0.
        start: how many batches of this epoch are already done.
        worker: (i, n), the number i of this worker, from 0 to n − 1, of n workers; each gets every n-th row group, and
            no row goes to two of them.
        buffer_rows: rows that are shuffled at once, and held in memory. A row group is read as a whole.
        folder: path of the folder where CSV files are kept as Parquet as long as the dataset lives. None: the system's
            temporary folder.

    Returns:
        Dataset of (dict of inputs, float32 labels (rows,)); its length is the number of batches that are left.

    Raises:
        KeyError: a column is missing.
        TypeError: a column is of no use.
        ValueError: an argument is of no use, or a file is damaged. The message names it.
        FileNotFoundError: a file is missing.
        tf.errors.InvalidArgumentError: while it is read: a missing cell, or another label than the two.

    Taught in: notebook 11, "Reading while the model trains".

    Example:
        >>> frame = pd.DataFrame({"city": ["Rome", "Oslo", "Rome"], "bought": [0, 1, 1]})
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     frame.to_parquet(f"{folder}/log.parquet")
        ...     wide = fit_wide(frame, ["city"])
        ...     for inputs, labels in stream(folder, wide, None, "bought", (0, 1), batch_size=2):
        ...         print(inputs["wide_ids"].numpy().tolist(), labels.numpy().tolist())
        [[1], [2]] [0.0, 1.0]
        [[1]] [1.0]
    """
    for name, value, least in (("batch_size", batch_size, 1), ("start", start, 0), ("buffer_rows", buffer_rows, 1)):
        check_whole(name, value, least)
    _check_order(seed, epoch, worker)
    _check_classes(classes)
    if wide is None and deep is None:
        raise ValueError("wide and deep are both None: name at least one.")
    numbers = {column for part in (wide, deep) if part for column in part["boundaries"]}
    columns = list(dict.fromkeys([*used_columns(wide, deep), label]))
    workplace = _make_workplace(folder)
    shards = as_shards(paths, columns, numbers, workplace.name)
    check_types(shards, columns, numbers)
    groups = _row_groups(shards, seed, epoch, worker)
    windows = _fill_windows(groups, buffer_rows)
    n_batches = -(-sum(group.rows for group in groups) // batch_size)
    parts = [(used_columns(wide, None), wide), (used_columns(None, deep), deep), ([label], None)]
    gaps = _may_miss(*((used, "value" if part and "missing" in part else "error") for used, part in parts))
    read = functools.partial(read_group, types=common_types(shards, columns, numbers), gaps=gaps)
    look_up = functools.partial(_inputs_and_labels, wide=wide, deep=deep, label=label, classes=classes)

    def chunks() -> Iterator[tuple[dict[str, np.ndarray], np.ndarray]]:
        tables = _shuffle(windows, read, start * batch_size, None if seed is None else [seed, epoch])
        yield from _read_ahead(look_up, _cut_into_batches(tables, batch_size))

    dataset = tf.data.Dataset.from_generator(chunks, output_signature=_signature(wide, deep))
    dataset = dataset.prefetch(1).flat_map(functools.partial(_make_batches, batch_size)).prefetch(16)
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(max(n_batches - start, 0)))
    weakref.finalize(dataset, workplace.cleanup)  # the files are there as long as the dataset is
    return dataset


def _check_order(seed: int | None, epoch: int, worker: tuple[int, int]) -> None:
    if seed is not None:
        check_whole("seed", seed, 0)
    check_whole("epoch", epoch, 0)
    number, n_workers = worker
    check_whole("worker's n", n_workers, 1)
    check_whole("worker's number", number, 0)
    if number >= n_workers:
        raise ValueError(f"worker is {worker}; expected a number from 0 to {n_workers - 1}, of {n_workers} workers.")


def _check_classes(classes: tuple[Any, Any]) -> None:
    if len(classes) != 2 or _is_class(classes[0], classes[1]):
        raise ValueError(f"classes is {classes!r}; expected two different values, of the label 0 and of the label 1.")


class _Group(NamedTuple):
    """A row group of a file."""

    shard: Shard
    number: int
    rows: int


def _row_groups(shards: list[Shard], seed: int | None, epoch: int, worker: tuple[int, int]) -> list[_Group]:
    """A worker's row groups, in the order of the epoch."""
    groups = []
    for shard in shards:
        metadata = pq.read_metadata(shard.path)
        groups += [_Group(shard, i, metadata.row_group(i).num_rows) for i in range(metadata.num_row_groups)]
    number, n_workers = worker
    groups = groups[number::n_workers]
    if not groups:
        raise ValueError(f"Worker {number} of {n_workers} gets no row group: write the rows in more files.")
    if seed is not None:
        groups = [groups[i] for i in np.random.default_rng([seed, epoch]).permutation(len(groups))]
    return groups


def _fill_windows(groups: list[_Group], buffer_rows: int) -> list[list[_Group]]:
    """The row groups, as many together as the buffer holds, but at least one."""
    windows: list[list[_Group]] = [[]]
    for group in groups:
        if windows[-1] and sum(held.rows for held in windows[-1]) + group.rows > buffer_rows:
            windows.append([])
        windows[-1].append(group)
    return windows


def _shuffle(
    windows: list[list[_Group]], read: Callable[[Shard, int], pa.Table], skip: int, seed: list[int] | None
) -> Iterator[pa.Table]:
    """A table for each window, shuffled unless the seed is None, without the first rows that are to be skipped."""
    for number, window in enumerate(windows):
        n_rows = sum(group.rows for group in window)
        if skip >= n_rows:  # it need not be read
            skip -= n_rows
            continue
        table = pa.concat_tables([read(group.shard, group.number) for group in window])
        if seed is not None:
            table = table.take(np.random.default_rng([*seed, number]).permutation(n_rows))
        yield table.slice(skip)
        skip = 0


def _cut_into_batches(tables: Iterable[pa.Table], batch_size: int) -> Iterator[pa.Table]:
    """The same rows in tables of about CHUNK_ROWS; each is a whole number of batches, but for the last."""
    step = max(CHUNK_ROWS // batch_size, 1) * batch_size
    remainder = None
    for table in tables:
        rows = table if remainder is None else pa.concat_tables([remainder, table])
        n_whole = len(rows) // batch_size * batch_size
        for first in range(0, n_whole, step):
            yield rows.slice(first, min(step, n_whole - first))
        remainder = rows.slice(n_whole)
    if remainder is not None and len(remainder):
        yield remainder


def _read_ahead(function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
    """function(item) for each item in order; threads work on the next ones meanwhile."""
    with concurrent.futures.ThreadPoolExecutor(READERS) as readers:
        waiting: collections.deque[Any] = collections.deque()
        for item in items:
            waiting.append(readers.submit(function, item))
            if len(waiting) > READERS:
                yield waiting.popleft().result()
        for result in waiting:
            yield result.result()


def _inputs_and_labels(
    table: pa.Table, wide: WideFeatures | None, deep: DeepFeatures | None, label: str, classes: tuple[Any, Any]
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    frame = table.to_pandas(types_mapper=_list_dtype, integer_object_nulls=True)
    return optional_inputs(frame, wide, deep), _labels(frame[label], classes)


def _list_dtype(arrow_type: pa.DataType) -> pd.ArrowDtype | None:
    """The pandas type of a column: lists stay Arrow's, anything else becomes what pandas makes of it."""
    return pd.ArrowDtype(arrow_type) if pa.types.is_list(arrow_type) else None


def _labels(cells: pd.Series, classes: tuple[Any, Any]) -> np.ndarray:
    """0 or 1 for each cell, float32 (rows,)."""
    codes, values = pd.factorize(cells)
    for value in values:
        if not _is_class(value, classes[0]) and not _is_class(value, classes[1]):
            raise ValueError(
                f"Column {cells.name!r} has the label {value!r}; expected {classes[0]!r} or {classes[1]!r}."
            )
    return np.array([_is_class(value, classes[1]) for value in values], "float32")[codes]


def _is_class(value: Any, expected: Any) -> bool:
    """Whether a label is one of the classes: the same value, or one with the same text, as a CSV file has."""
    if value == expected:
        return True
    text = category_text(value)
    return text is not None and text == category_text(expected)


def _signature(wide: WideFeatures | None, deep: DeepFeatures | None) -> tuple[Any, ...]:
    """The shapes and types of the inputs and labels."""
    inputs = {}
    if wide:
        inputs["wide_ids"] = tf.TensorSpec((None, None), tf.int32)
    if deep:
        inputs["deep_ids"] = tf.TensorSpec((None, len(deep["categories"]), None), tf.int32)
        inputs["numbers"] = tf.TensorSpec((None, len(number_names(deep))), tf.float32)
    return inputs, tf.TensorSpec((None,), tf.float32)


def _make_batches(batch_size: int, inputs: dict[str, tf.Tensor], labels: tf.Tensor) -> tf.data.Dataset:
    """The batches of a chunk of rows."""

    def batch(first: tf.Tensor) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        rows = slice(first, first + batch_size)
        return {name: array[rows] for name, array in inputs.items()}, labels[rows]

    return tf.data.Dataset.range(0, tf.size(labels, tf.int64), batch_size).map(batch)

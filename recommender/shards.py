"""Data larger than memory: features counted over files, and batches streamed from them.

Read it from top to bottom: the functions stand in the order in which data flows.

    shard_files ─► to_parquet                  CSV and Parquet files, one or many
    counts_query, vocabulary_query             what is counted, as SQL
    counted_quantiles ─► fit_shards            what `fit_wide` and `fit_deep` learn, from files
    stream                                     batches of a model's inputs, from files

DuckDB counts: it groups on all cores, and spills to disk what does not fit under its memory limit.
"""

import collections
import concurrent.futures
import contextlib
import csv
import inspect
import itertools
import pathlib
import tempfile

import wdl_helpers as wdl

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf

# ----------------------------------------------------------------------------------------------- files


def shard_files(paths):
    """The CSV and Parquet files that `paths` names.

    Args:
        paths: path of a file or of a folder, or a list of such.
    Returns:
        list of paths; those of a folder stand in the order of their names.
    Raises:
        FileNotFoundError: a path does not exist, or a folder holds no such file. ValueError: a file has another ending.
    """
    found = []
    for path in map(pathlib.Path, [paths] if isinstance(paths, (str, pathlib.Path)) else paths):
        if not path.exists():
            raise FileNotFoundError(f"{path} does not exist.")
        inside = sorted([*path.glob("*.parquet"), *path.glob("*.csv")]) if path.is_dir() else [path]
        if not inside:
            raise FileNotFoundError(f"The folder {path} holds no file *.parquet or *.csv.")
        found += inside
    if not found:
        raise ValueError("paths is empty: name at least one file.")
    for path in found:
        if path.suffix not in (".csv", ".parquet"):
            raise ValueError(f"{path} ends in {path.suffix!r}; expected .csv or .parquet.")
    return found


def _literal(text):
    return "'" + str(text).replace("'", "''") + "'"


def _quoted(column):
    return '"' + str(column).replace('"', '""') + '"'


@contextlib.contextmanager
def _engine(memory_limit, folder):
    """A DuckDB of its own, and the path of a workplace below `folder`, both gone at the end."""
    if folder is not None:
        pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as workplace, duckdb.connect() as engine:
        engine.execute(f"SET memory_limit = {_literal(memory_limit)}")
        engine.execute(f"SET temp_directory = {_literal(workplace)}")
        yield engine, pathlib.Path(workplace)


GROUP_ROWS = 10_000  # rows of a row group: small, so that many of them meet in the buffer of `stream`


def to_parquet(path, target, columns, numbers, memory_limit="1GB"):
    """Write columns of a CSV file as a Parquet file, row after row, without holding the file in memory.

    A row group has about GROUP_ROWS rows.

    Args:
        path: path of the CSV file: commas, double quotes, a header, UTF-8. A missing text is the empty string.
        target: path to write to. columns: list of names, those to keep. numbers: those of them that are numbers; the
            others are texts. memory_limit: str, such as '1GB', what DuckDB may take.
    Raises:
        KeyError: a column is missing. ValueError: the file is not such a CSV file. Both name the file.
    """
    with open(path, newline="", encoding="utf-8", errors="replace") as file:
        header = next(csv.reader(file), [])
    _check_columns(path, header, columns)
    kept = [_quoted(c) if c in numbers else f"coalesce({_quoted(c)}, '') AS {_quoted(c)}" for c in columns]
    texts = [f"{_literal(column)}: 'VARCHAR'" for column in header if column not in numbers]
    reader = (
        f"read_csv({_literal(path)}, header = true, delim = ',', quote = '\"', escape = '\"', sample_size = -1, "
        f"auto_type_candidates = ['BIGINT', 'DOUBLE', 'VARCHAR'], types = {{{', '.join(texts)}}})"
    )
    with _engine(memory_limit, pathlib.Path(target).parent) as (engine, _):
        form = f"FORMAT parquet, ROW_GROUP_SIZE {GROUP_ROWS}"
        try:
            engine.execute(f"COPY (SELECT {', '.join(kept)} FROM {reader}) TO {_literal(target)} ({form})")
        except duckdb.Error as error:
            raise ValueError(f"{path}: {error}") from None


def _check_columns(path, found, expected):
    for column in expected:
        if column not in found:
            raise KeyError(f"{path} has no column {column!r}; it has {list(found)}.")


def _as_parquet(paths, columns, numbers, workplace, memory_limit):
    """Parquet file → the file that it was made from, itself or a CSV file, for all files that hold rows."""
    found = {}
    for i, path in enumerate(shard_files(paths)):
        target = path
        if path.suffix == ".csv":
            target = pathlib.Path(workplace) / f"{i}.parquet"
            to_parquet(path, target, columns, numbers, memory_limit)
        if pq.read_metadata(target).num_rows:
            found[target] = path
    if not found:
        raise ValueError(f"{paths} holds no rows.")
    return found


# ------------------------------------------------------------------------------------------------ counts
# Each value and each cross is counted by one GROUP BY over a table called `shards`. It is plain SQL.


def counts_query(column):
    """The SQL that counts the different numbers of a `column`: str; its result has the columns 'value' and 'n'."""
    return f"SELECT CAST({_quoted(column)} AS DOUBLE) AS value, count(*) AS n FROM shards GROUP BY 1"


def vocabulary_query(features, lists, boundaries, min_count):
    """The SQL that gives the strings of a vocabulary in the order of their ids.

    Args:
        features: list of tuples of column names. lists: set of the columns that hold lists.
        boundaries: dict column → boundaries of the buckets that its numbers are cut into first.
        min_count: int ≥ 1, rows that must hold a string.
    Returns:
        str; the result has the columns 'name', the string as `wdl_features.cross` writes it, and 'n', its rows.
    """
    groups = []
    for feature in features:
        rows = "shards"
        for column in feature:
            if column in lists:  # a row for each different value of the list
                others = [_quoted(other) for other in feature if other != column]
                value = f"unnest(array_distinct({_quoted(column)})) AS {_quoted(column)}"
                rows = f"(SELECT {', '.join([*others, value])} FROM {rows})"
        values = [_bucket(column, boundaries) if column in boundaries else _quoted(column) for column in feature]
        values = ", ".join(f"{value} AS v{i}" for i, value in enumerate(values))
        places = ", ".join(str(i) for i in range(1, len(feature) + 1))
        parts = [f"{_literal(f'{column}=')} || CAST(v{i} AS STRING)" for i, column in enumerate(feature)]
        groups.append(
            f"SELECT {f' || {_literal(wdl.AND)} || '.join(parts)} AS name, n FROM (SELECT {values}, count(*) AS n "
            f"FROM {rows} GROUP BY {places} HAVING count(*) >= {min_count})"
        )
    return " UNION ALL ".join(groups) + " ORDER BY n DESC, name"


def _bucket(column, boundaries):
    """The name of a number's bucket; a boundary is written in full, and belongs to the bucket above it."""
    *names, last = wdl.bucket_names(boundaries[column])
    steps = [
        f"WHEN CAST({_quoted(column)} AS DOUBLE) < CAST('{float(edge)!r}' AS DOUBLE) THEN {_literal(name)}"
        for edge, name in zip(boundaries[column], names, strict=True)
    ]
    return f"CASE {' '.join(steps)} ELSE {_literal(last)} END"


def counted_quantiles(counted, n_quantiles):
    """`quantile_boundaries` of a column of which only the different values and their counts are known.

    Args:
        counted: data frame with two columns, numbers and how many rows have each. n_quantiles: int ≥ 2.
    Returns:
        float64 array of n_quantiles − 1 boundaries, those of `quantile_boundaries` to the last bit.
    """
    values, counts = counted.sort_values(counted.columns[0]).to_numpy("float64").T
    last = np.cumsum(counts) - 1  # the place of each value's last row, if all rows were sorted
    place = (counts.sum() - 1) * (np.arange(1, n_quantiles) / n_quantiles)
    low, high = (values[np.searchsorted(last, edge)] for edge in (np.floor(place), np.ceil(place)))
    share = place - np.floor(place)
    # NumPy interpolates from the nearer end, and so must we, to get its bits.
    return np.where(share < 0.5, low + (high - low) * share, high - (high - low) * (1 - share))


# ------------------------------------------------------------------------------------------------ fitting


def fit_shards(paths, wide_settings, deep_settings, memory_limit="1GB", folder=None):
    """`fit_wide` and `fit_deep` on files that do not fit into memory.

    DuckDB counts each value, and each cross that is not hashed. What comes into Python's memory is the vocabularies,
    and the different values of the columns of numbers. All is exact.

    Args:
        paths: a CSV or Parquet file, a folder of such, or a list of them. A cell of a Parquet file may hold a list. In
            a CSV file a missing text is the empty string.
        wide_settings: dict, arguments of `fit_wide` without the frame. deep_settings: dict, those of `fit_deep`.
        memory_limit: str, such as '1GB', what DuckDB may take. folder: path of a folder for what it spills, and for
            CSV files as Parquet; both are removed at the end. None: the system's temporary folder.
    Returns:
        wide, deep: what `fit_wide` and `fit_deep` would return for all rows in one frame.
    Raises:
        KeyError, ValueError, TypeError: a setting or a cell is not usable, or a file lacks a column; the message names
            the file. FileNotFoundError: a file is missing.
    """
    wide_settings, deep_settings = _complete(wdl.fit_wide, wide_settings), _complete(wdl.fit_deep, deep_settings)
    buckets, categories, numbers = wide_settings["buckets"] or {}, deep_settings["categories"], deep_settings["numbers"]
    first = shard_files(paths)[0]
    try:  # what is wrong with the settings is said at once, and as ever
        head = _head(first, {*buckets, *numbers})
        features = wdl.fit_wide(head, **wide_settings)["features"]
        wdl.fit_deep(head, **deep_settings)
    except (KeyError, TypeError, ValueError) as error:
        kind = ValueError if isinstance(error, UnicodeError) else type(error)
        raise kind(f"{first}: {error.args[0] if isinstance(error, KeyError) else error}") from None
    texts, numeric = {*itertools.chain(*features), *categories} - {*buckets}, {*buckets, *numbers}
    with _engine(memory_limit, folder) as (engine, workplace):
        files = _as_parquet(paths, sorted(texts | numeric), numeric, workplace, memory_limit)
        kinds = _kinds(files, texts, numeric)
        for path, origin in files.items():
            _check_cells(engine, path, origin, kinds)
        _create_shards(engine, files, kinds)
        lists = {column for column, kind in kinds.items() if kind == "list"}
        counts = {column: engine.execute(counts_query(column)).df() for column in sorted(numeric)}
        cuts = {column: np.unique(counted_quantiles(counts[column], n)) for column, n in buckets.items()}
        wide = {"features": features, "boundaries": cuts, "vocabulary": None}
        wide["n_ids"] = (wide_settings["hash_buckets"] or 0) + 1
        if not wide_settings["hash_buckets"]:
            query = vocabulary_query(features, lists, cuts, wide_settings["min_count"])
            wide["vocabulary"] = _vocabulary(engine, query)
            wide["n_ids"] = len(wide["vocabulary"]) + 1
        singles = [(column,) for column in categories]
        query = vocabulary_query(singles, lists, {}, deep_settings["min_count"])
        names = _vocabulary(engine, query) if singles else {}
    cuts = {column: counted_quantiles(counts[column], deep_settings["n_quantiles"]) for column in numbers}
    return wide, {"categories": list(categories), "vocabulary": names, "boundaries": cuts, "n_ids": len(names) + 1}


def _complete(function, settings):
    """The settings, without the frame, with the function's defaults for those that are not named."""
    bound = inspect.signature(function).bind(None, **settings)
    bound.apply_defaults()
    return {name: value for name, value in bound.arguments.items() if name != "frame"}


def _head(path, numbers):
    """The first rows of a file as a data frame."""
    if path.suffix == ".csv":
        types = {column: str for column in pd.read_csv(path, nrows=0) if column not in numbers}
        return pd.read_csv(path, dtype=types, keep_default_na=False, nrows=1000)
    return next(pq.ParquetFile(path).iter_batches(1000), pq.read_schema(path).empty_table()).to_pandas()


def _kinds(files, texts, numeric):
    """Column → 'number', 'text', 'bool' or 'list', in all files; an error unless each can be used for what it is to be.

    A column of whole numbers may be both, and is then a 'number'.
    """
    kinds = {}
    for path, origin in files.items():
        schema = pq.read_schema(path)
        _check_columns(origin, schema.names, sorted(texts | numeric))
        for column in sorted(texts | numeric):
            found, kind = schema.field(column).type, _arrow_kind(schema.field(column).type)
            if column in numeric and kind not in ("whole", "decimal"):
                raise TypeError(f"{origin}: Column {column!r} has the type {found}; expected numbers.")
            if column in texts and kind not in ("whole", "text", "bool", "list"):
                raise TypeError(
                    f"{origin}: Column {column!r} has the type {found}; expected strings, whole numbers, or lists of "
                    "them: cut decimals into buckets, turn anything else into strings."
                )
            kind = "number" if column in numeric else "text" if kind == "whole" else kind
            if kinds.setdefault(column, kind) != kind:
                raise TypeError(f"{origin}: Column {column!r} has the type {found}, and another one in other files.")
    return kinds


def _arrow_kind(kind):
    types = pa.types
    if types.is_dictionary(kind):
        return _arrow_kind(kind.value_type)
    if types.is_list(kind) or types.is_large_list(kind):
        return "list" if _arrow_kind(kind.value_type) in ("text", "whole") else None
    for name, tests in (
        ("text", (types.is_string, types.is_large_string, types.is_null)), ("whole", (types.is_integer,)),
        ("bool", (types.is_boolean,)), ("decimal", (types.is_floating, types.is_decimal)),
    ):  # fmt: skip
        if any(test(kind) for test in tests):
            return name


def _check_cells(engine, path, origin, kinds):
    """Raise a ValueError that names the column and the file `origin` if a cell of the Parquet file cannot be used."""
    rules = {}
    for column, kind in kinds.items():
        name, missing = _quoted(column), f"{_quoted(column)} IS NULL"
        if kind == "number":
            rules[f"{column!r} has missing or infinite values"] = f"{missing} OR NOT isfinite(CAST({name} AS DOUBLE))"
            continue
        text = f"CAST({name} AS STRING)"
        if kind == "list":  # a separator without blanks joins no two texts to the AND
            missing, text = f"{missing} OR len({name}) > list_count({name})", f"array_to_string({name}, '|')"
        rules[f"{column!r} has missing values: fill them, for example with '?'"] = missing
        rules[f"{column!r} holds {wdl.AND!r}: replace it, it joins crosses"] = f"contains({text}, {_literal(wdl.AND)})"
    counts = ", ".join(f"count(*) FILTER (WHERE {rule})" for rule in rules.values())
    counts = engine.execute(f"SELECT {counts} FROM read_parquet({_literal(path)})").fetchone()
    for problem, count in zip(rules, counts, strict=True):
        if count:
            raise ValueError(f"{origin}: Column {problem}, in {count} rows.")


def _create_shards(engine, files, kinds):
    """Make the table `shards` of all files. Its bools are the texts that Python writes for them."""
    columns = [
        f"CASE WHEN {_quoted(column)} THEN 'True' ELSE 'False' END AS {_quoted(column)}" if kind == "bool"
        else _quoted(column) for column, kind in kinds.items()
    ]  # fmt: skip
    paths = ", ".join(map(_literal, files))
    engine.execute(
        f"CREATE VIEW shards AS SELECT {', '.join(columns)} FROM read_parquet([{paths}], union_by_name = true)"
    )
    engine.execute("SET preserve_insertion_order = false")  # counts have no order, and to keep one takes memory


def _vocabulary(engine, query):
    vocabulary, ids = {}, itertools.count(1)
    for batch in engine.sql(query).to_arrow_reader(100_000):
        vocabulary.update(zip(batch["name"].to_pylist(), ids, strict=False))
    return vocabulary


# ----------------------------------------------------------------------------------------------- reading


def stream(
    paths, wide, deep, label, classes, batch_size, seed=None, epoch=0, start=0, worker=(0, 1), buffer_rows=200_000,
    memory_limit="1GB", folder=None,
):  # fmt: skip
    """A `tf.data.Dataset` of an epoch's batches, a model's inputs and labels, read from files while it trains.

    The row groups of all files are drawn in random order, as many at a time as the buffer holds, and the buffer's rows
    are shuffled. So an epoch is one pass in which each row comes once; and its order follows from the seed, the epoch
    and the files alone. To go on in the middle of an epoch, keep the number of batches done, and `start` there: what
    comes before is not read.

    Rows mix as far as the buffer holds many row groups. By themselves pandas puts up to a million rows into one, and
    DuckDB a hundred thousand. So write files with pandas' `to_parquet(…, row_group_size=10_000)`, or with `to_parquet`
    of this module, which CSV files go through here.

    Workers may get unequal numbers of batches, since row groups are dealt out whole. Where all must make each step
    together, one with more batches would wait for ever. So cut each worker's dataset to the smallest number of all,
    `dataset.take(n)`: n is the smallest `len` of the datasets of all workers, which reads no rows of a Parquet file.

    Args:
        paths: a CSV or Parquet file, a folder of such, or a list of them. CSV files are written as Parquet first.
        wide, deep: what `fit_wide`, `fit_deep` or `fit_shards` returned.
        label: name of the label's column. classes: two values of it, where the label is 0 and where it is 1.
        batch_size: int, rows a batch; the last batch may have fewer.
        seed: int; None keeps the order of the files. epoch: int ≥ 0, the number of the pass.
        start: int ≥ 0, batches of this epoch that are already done.
        worker: (i, n), the place of this worker among n; each gets each n-th row group, and no row comes to two.
        buffer_rows: int ≥ 1, rows that are shuffled at once, and held in memory. A row group is read as a whole.
        memory_limit: str, what DuckDB may take for a CSV file. folder: path of the folder where CSV files are kept as
            Parquet as long as the dataset lives. None: the system's temporary folder.
    Returns:
        dataset of (dict of inputs, float32 labels (rows,)); its length is the number of batches that are left.
    Raises:
        KeyError, TypeError, ValueError: a column is missing or of no use, or an argument is; the message names it.
        tf.errors.InvalidArgumentError: while it is read: a missing cell, or another label than the two.
    """
    for name, value, least in (("batch_size", batch_size, 1), ("start", start, 0), ("buffer_rows", buffer_rows, 1)):
        wdl.check_whole(name, value, least)
    numeric = {column for part in (wide, deep) if part for column in part["boundaries"]}
    columns = list(dict.fromkeys([*wdl.used_columns(wide, deep), label]))
    if folder is not None:
        pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
    workplace = tempfile.TemporaryDirectory(dir=folder)
    files = _as_parquet(paths, columns, numeric, workplace.name, memory_limit)
    _kinds(files, {*columns} - numeric, numeric)
    windows = _windows(files, seed, epoch, worker, buffer_rows)

    def ready(table):
        frame = table.to_pandas(types_mapper=lambda kind: pd.ArrowDtype(kind) if pa.types.is_list(kind) else None)
        inputs = {"wide_ids": wdl.wide_ids(frame, wide)} if wide else {}
        return {**inputs, **(wdl.deep_inputs(frame, deep) if deep else {})}, _labels(frame, label, classes)

    def chunks():
        with concurrent.futures.ThreadPoolExecutor(READERS) as readers:
            waiting = collections.deque()
            for table in _tables(windows, columns, batch_size, start, seed, epoch):
                waiting.append(readers.submit(ready, table))
                if len(waiting) > READERS:
                    yield waiting.popleft().result()
            for chunk in waiting:
                yield chunk.result()

    def batches(inputs, labels):
        def batch(first):
            rows = slice(first, first + batch_size)
            return {name: array[rows] for name, array in inputs.items()}, labels[rows]

        return tf.data.Dataset.range(0, tf.size(labels, tf.int64), batch_size).map(batch)

    shapes = {"wide_ids": ((None, None), tf.int32)} if wide else {}
    if deep:
        shapes |= {"deep_ids": ((None, len(deep["categories"]), None), tf.int32)}
        shapes |= {"numbers": ((None, len(deep["boundaries"])), tf.float32)}
    specs = {name: tf.TensorSpec(*shape) for name, shape in shapes.items()}, tf.TensorSpec((None,), tf.float32)
    dataset = tf.data.Dataset.from_generator(chunks, output_signature=specs).prefetch(1).flat_map(batches).prefetch(16)
    n_batches = -(-sum(rows for window in windows for *_, rows in window) // batch_size)
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(max(n_batches - start, 0)))
    dataset.workplace = workplace  # the files are there as long as the dataset is
    return dataset


READERS = 2  # threads that look up ids; Arrow and NumPy let them run at once
CHUNK_ROWS = 32_768  # about as many rows are looked up at once


def _windows(files, seed, epoch, worker, buffer_rows):
    """An epoch's row groups, in its order: list of windows, each a list of (path, row group, rows)."""
    groups = [
        (path, i, metadata.row_group(i).num_rows)
        for path, metadata in ((path, pq.read_metadata(path)) for path in files)
        for i in range(metadata.num_row_groups)
    ]
    index, n_workers = worker
    groups = groups[index::n_workers]
    if not groups:
        raise ValueError(f"Worker {index} of {n_workers} gets no row group: write the rows in more files.")
    if seed is not None:
        groups = [groups[i] for i in np.random.default_rng([seed, epoch]).permutation(len(groups))]
    windows = [[]]
    for group in groups:
        if sum(rows for *_, rows in windows[-1]) + group[2] > buffer_rows and windows[-1]:
            windows.append([])
        windows[-1].append(group)
    return windows


def _tables(windows, columns, batch_size, start, seed, epoch):
    """Arrow tables of the epoch's rows from batch `start` on; each is a whole number of batches, but for the last."""
    skip, rest = start * batch_size, None
    for number, window in enumerate(windows):
        rows = sum(rows for *_, rows in window)
        if skip >= rows:
            skip -= rows
            continue
        read = [pq.ParquetFile(path).read_row_group(group, columns=columns) for path, group, _ in window]
        table = pa.concat_tables(read, promote_options="permissive")
        if seed is not None:
            table = table.take(np.random.default_rng([seed, epoch, number]).permutation(rows))
        table, skip = table.slice(skip), 0
        table = table if rest is None else pa.concat_tables([rest, table], promote_options="permissive")
        whole = len(table) // batch_size * batch_size
        step = max(CHUNK_ROWS // batch_size, 1) * batch_size
        for first in range(0, whole, step):
            yield table.slice(first, min(step, whole - first))
        rest = table.slice(whole)
    if rest is not None and len(rest):
        yield rest


def _labels(frame, column, classes):
    codes, values = pd.factorize(frame[column])
    for value in values:
        if value not in classes:
            raise ValueError(f"Column {column!r} has the label {value!r}; expected {classes[0]!r} or {classes[1]!r}.")
    if (codes < 0).any():
        raise ValueError(f"Column {column!r} lacks a label.")
    return np.array([value == classes[1] for value in values], "float32")[codes]

"""What is counted over files, as SQL: each value and each cross by one GROUP BY.

Read it from top to bottom, in the order in which data flows.

    cell_problems                       what may be wrong with the cells of a file
    table_query                         the table `shards` of all files
    counts_query, vocabulary_query      what is counted in it
"""

import collections
import itertools
import os
import re
from collections.abc import Collection, Mapping
from typing import NamedTuple

from recommender.parquet import Shard, column_type, is_list, type_family, value_type
from wide_deep.checks import Missing
from wide_deep.columns import AND, exact_below, feature_prefix, missing_name
from wide_deep.quantiles import bucket_names

import numpy as np
import pyarrow as pa

__all__ = ["Problem", "cell_problems", "counts_query", "rows_of", "table_query", "vocabulary_query"]


GAP = AND  # a gap that is a value, among texts in which ' &' is written ' &&', so that none of them is this one


def _is_nan(value: str) -> str:
    """The SQL that is true of NaN.

    DuckDB's own isnan is not: it is taken for false where the least and the largest number of a Parquet file are known,
    and of those NaN is none.
    """
    return f"(NOT isfinite({value}) AND NOT isinf({value}))"


def _literal(text: object) -> str:
    """A text as it is written in SQL."""
    return "'" + str(text).replace("'", "''") + "'"


def _quoted(column: str) -> str:
    """The name of a column as it is written in SQL."""
    return '"' + column.replace('"', '""') + '"'


# ------------------------------------------------------------------------------- the rows of files


def rows_of(shards: list[Shard]) -> str:
    """The SQL that reads files of one schema, with columns called p0, p1, … by their positions.

    Names would not do: in SQL 'App' and 'app' are one column.

    Args:
        shards: the files.

    Returns:
        What stands after FROM.

    Example:
        >>> rows_of([Shard("/a[1].parquet", "/a[1].parquet", pa.schema([("age", pa.int8())]))])
        "read_parquet(['/a[[]1].parquet'], hive_partitioning = false) AS file(p0)"
    """
    # *, ? and [ would be patterns that more files may fit, unless they stand in brackets.
    paths = ", ".join(_literal(re.sub(r"([*?[])", r"[\1]", os.path.abspath(shard.path))) for shard in shards)
    names = ", ".join(f"p{position}" for position in range(len(shards[0].schema)))
    return f"read_parquet([{paths}], hive_partitioning = false) AS file({names})"


def _source(shard: Shard, column: str) -> str:
    return f"p{shard.schema.names.index(column)}"


class Problem(NamedTuple):
    """What may be wrong with the cells of a column."""

    column: str
    words: str
    error: type[Exception]
    condition: str  # the SQL that is true where it is wrong


def cell_problems(
    shard: Shard, texts: Collection[str], numbers: Collection[str], gaps: Collection[str] = ()
) -> list[Problem]:
    """What may be wrong with the cells of a file, as conditions over `rows_of` the file.

    Args:
        shard: the file.
        texts: names of the columns that are read as categories; their cells may be lists.
        numbers: names of the columns that are read as numbers; a column may be both.
        gaps: names of those of them in which a gap is a value.

    Returns:
        The problems, in the order of the columns' names.

    Example:
        >>> shard = Shard("a.parquet", "a.parquet", pa.schema([("city", pa.string())]))
        >>> [(problem.words, problem.condition) for problem in cell_problems(shard, ["city"], [])]
        [("has missing values: fill them, for example with '?'", 'p0 IS NULL')]
    """
    problems = []
    for column in sorted({*texts, *numbers}):
        source = _source(shard, column)
        if column in numbers:
            if column in gaps:
                problems.append(Problem(column, "has infinite values", ValueError, f"isinf(CAST({source} AS DOUBLE))"))
            else:
                wrong = f"{source} IS NULL OR NOT isfinite(CAST({source} AS DOUBLE))"
                problems.append(Problem(column, "has missing or infinite values", ValueError, wrong))
        if column in texts:
            problem_of_gaps, *others = _problems_of_texts(column, source, column_type(shard, column))
            problems += others if column in gaps else [problem_of_gaps, *others]
    return problems


def _problems_of_texts(column: str, source: str, arrow_type: pa.DataType) -> list[Problem]:
    value = "cell" if is_list(arrow_type) else source
    gaps = f"{value} IS NULL"
    family = type_family(arrow_type)
    decimals = f"{value} <> trunc({value})" if family in ("float", "decimal") else ""
    words = "holds decimals: cut them into buckets"
    if family == "float":
        gaps += f" OR {_is_nan(value)}"
        too_large = exact_below(value_type(arrow_type).to_pandas_dtype())  # two whole numbers may be one float
        decimals = f"NOT {_is_nan(value)} AND ({decimals} OR abs({value}) >= {too_large})"
        words = f"holds floats that are no whole numbers below {too_large}: cut decimals into buckets"
    if is_list(arrow_type):
        gaps = f"{source} IS NULL OR {_in_a_list(source, gaps)}"
        decimals = _in_a_list(source, decimals) if decimals else ""
    problems = [Problem(column, "has missing values: fill them, for example with '?'", ValueError, gaps)]
    return problems + ([Problem(column, words, TypeError, decimals)] if decimals else [])


def _in_a_list(source: str, condition: str) -> str:
    return f"len(list_filter({source}, lambda cell: {condition})) > 0"


def _text_sql(value: str, arrow_type: pa.DataType) -> str:
    """The SQL of a category's text, by the one rule for all (see `wide_deep.columns`); whole numbers may stay."""
    texts = {
        "text": f"replace({value}, ' &', ' &&')",  # as `wide_deep.columns.escaped` does it
        "whole": value,
        "float": f"CAST({value} AS BIGINT)",
        "decimal": f"CAST(CAST({value} AS DECIMAL(38, 0)) AS STRING)",
        "bool": f"CASE WHEN {value} THEN 'True' ELSE 'False' END",
    }
    return texts[type_family(arrow_type) or ""]


def _text_or_gap(value: str, arrow_type: pa.DataType) -> str:
    """The SQL of a category's text, or of GAP where it is missing."""
    if pa.types.is_null(value_type(arrow_type)):
        return _literal(GAP)
    is_gap = f"{value} IS NULL" + (f" OR {_is_nan(value)}" if type_family(arrow_type) == "float" else "")
    return f"CASE WHEN {is_gap} THEN {_literal(GAP)} ELSE CAST({_text_sql(value, arrow_type)} AS STRING) END"


def _category_sql(source: str, arrow_type: pa.DataType, longest: int | None, missing: Missing) -> str:
    """The SQL of a category's texts: of one, or of a list, of which the first `longest` different ones are taken."""
    text_sql = _text_sql if missing == "error" else _text_or_gap
    if not is_list(arrow_type):
        return text_sql(source, arrow_type)
    lists = source if missing == "error" else f"coalesce({source}, [NULL])"
    stay = type_family(arrow_type) == "whole" and missing == "error"
    texts = source if stay else f"list_transform({lists}, lambda cell: {text_sql('cell', arrow_type)})"
    if longest is None:
        return texts
    return f"list_filter({texts}, lambda cell, i: list_position({texts}, cell) = i)[:{longest}]"


def table_query(
    shards: list[Shard],
    aliases: Mapping[str, str],
    numbers: Collection[str],
    longest: int | None = None,
    missing: Missing = "error",
) -> str:
    """The SQL of the table of all files.

    Its texts are written as in features, with ' &&' for ' &', and its numbers as float64.

    Args:
        shards: the files.
        aliases: column → its name in the table.
        numbers: names of the columns that are read as numbers.
        longest: how many different values are taken of a list; None: all.
        missing: 'value' if there may be gaps: a missing text is ' & ', which no text is, a missing number NULL.

    Returns:
        The query, with one part for all files of one schema.

    Example:
        >>> shard = Shard("/log.parquet", "/log.parquet", pa.schema([("age", pa.int8()), ("city", pa.string())]))
        >>> print(table_query([shard], {"city": "c0"}, []))
        SELECT replace(p1, ' &', ' &&') AS c0
        FROM read_parquet(['/log.parquet'], hive_partitioning = false) AS file(p0, p1)
    """
    alike = collections.defaultdict(list)
    for shard in shards:
        alike[tuple(shard.schema.names), tuple(shard.schema.types)].append(shard)
    parts = []
    for group in alike.values():
        values = []
        for column, alias in aliases.items():
            source = _source(group[0], column)
            arrow_type = column_type(group[0], column)
            # Of a decimal, DuckDB's cast is the nearest float64, as Python's is.
            value = f"CAST({source} AS DOUBLE)"
            if column not in numbers:
                value = _category_sql(source, arrow_type, longest, missing)
            elif missing == "value":
                value = f"CASE WHEN {_is_nan(value)} THEN NULL ELSE {value} END"
            values.append(f"{value} AS {alias}")
        parts.append(f"SELECT {', '.join(values)}\nFROM {rows_of(group)}")
    return "\nUNION ALL ".join(parts)


# ------------------------------------------------------------------------------------------- counts


def counts_query(column: str) -> str:
    """The SQL that counts the different numbers of a column.

    Args:
        column: name of the column.

    Returns:
        The query; its result has the columns 'value' and 'n'.

    Taught in: notebook 11, "Counting rows that do not fit".

    Example:
        >>> counts_query("age")
        'SELECT CAST("age" AS DOUBLE) AS value, count(*) AS n FROM shards GROUP BY 1'
    """
    return f"SELECT CAST({_quoted(column)} AS DOUBLE) AS value, count(*) AS n FROM shards GROUP BY 1"


COUNT_FEATURE = """\
SELECT {name} AS name, n FROM
(SELECT {values}, count(*) AS n
FROM {rows}
GROUP BY {places}
HAVING count(*) >= {min_count})"""


def vocabulary_query(
    features: list[tuple[str, ...]],
    lists: Collection[str],
    boundaries: Mapping[str, np.ndarray],
    min_count: int,
    aliases: Mapping[str, str] | None = None,
    missing: Missing = "error",
) -> str:
    """The SQL that gives the strings of a vocabulary in the order of their ids.

    In the table's texts ' &' must be written ' &&' already, as `wide_deep.columns.escaped` does it: where no text holds
    ' &', as in most data, that is the case. `fit_shards` writes it when it makes the table.

    Args:
        features: tuples of column names.
        lists: the columns that hold lists.
        boundaries: column → boundaries of the buckets that its numbers are cut into first.
        min_count: how many rows must hold a string, at least 1.
        aliases: column → its name in the table, if it has another one there.
        missing: 'value' if there are gaps in the table, as `table_query` writes them.

    Returns:
        The query; its result has the columns 'name', the string as `cross` writes it, and 'n', its rows.

    Raises:
        TypeError: boundaries are not numbers.
        ValueError: they do not ascend.

    Taught in: notebook 11, "Counting rows that do not fit".

    Example:
        >>> print(vocabulary_query([("education", "sex")], set(), {}, min_count=100))
        SELECT 'education=' || CAST(v0 AS STRING) || ' & ' || 'sex=' || CAST(v1 AS STRING) AS name, n FROM
        (SELECT "education" AS v0, "sex" AS v1, count(*) AS n
        FROM shards
        GROUP BY 1, 2
        HAVING count(*) >= 100)
        ORDER BY n DESC, name
    """
    aliases = aliases or {column: column for column in itertools.chain(*features)}
    counts = [_count_feature(feature, lists, boundaries, min_count, aliases, missing) for feature in features]
    return "\nUNION ALL ".join(counts) + "\nORDER BY n DESC, name"


def _count_feature(
    feature: tuple[str, ...],
    lists: Collection[str],
    boundaries: Mapping[str, np.ndarray],
    min_count: int,
    aliases: Mapping[str, str],
    missing: Missing,
) -> str:
    """The SQL that counts the strings of one feature; see the example of `vocabulary_query`."""
    parts = []
    values = []
    for i, column in enumerate(feature):
        alias = _quoted(aliases[column])
        value = _bucket(alias, boundaries[column]) if column in boundaries else alias
        name = f"{_literal(feature_prefix(column))} || CAST(v{i} AS STRING)"
        if missing == "value":
            if column in boundaries:
                value = f"CASE WHEN {alias} IS NULL THEN {_literal(GAP)} ELSE {value} END"
            name = f"CASE WHEN v{i} = {_literal(GAP)} THEN {_literal(missing_name(column))} ELSE {name} END"
        values.append(f"{value} AS v{i}")
        parts.append(name)
    return COUNT_FEATURE.format(
        name=f" || {_literal(AND)} || ".join(parts),
        values=", ".join(values),
        rows=_unnested(
            [aliases[column] for column in feature], [aliases[column] for column in feature if column in lists]
        ),
        places=", ".join(str(i) for i in range(1, len(feature) + 1)),
        min_count=min_count,
    )


def _unnested(columns: list[str], lists: list[str]) -> str:
    """The SQL of the table of some columns, with a row for each different value of a list."""
    rows = "shards"
    for column in lists:
        others = [_quoted(other) for other in columns if other != column]
        value = f"unnest(array_distinct({_quoted(column)})) AS {_quoted(column)}"
        rows = f"(SELECT {', '.join([*others, value])} FROM {rows})"
    return rows


def _bucket(alias: str, boundaries: np.ndarray) -> str:
    """The SQL of a number's bucket; a boundary is written in full, and belongs to the bucket above it."""
    *buckets, last = bucket_names(boundaries)
    steps = [
        f"WHEN CAST({alias} AS DOUBLE) < CAST('{float(edge)!r}' AS DOUBLE) THEN {_literal(bucket)}"
        for edge, bucket in zip(boundaries, buckets, strict=True)
    ]
    return f"CASE {' '.join(steps)} ELSE {_literal(last)} END"

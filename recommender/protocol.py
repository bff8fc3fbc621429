"""A request of the Open Inference Protocol, read and checked, and the limits that it has to keep."""

import itertools
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from recommender.input_names import length_names
from recommender.raw_columns import ColumnType

import numpy as np

__all__ = ["DATATYPES", "LIMITS", "Limits", "Refused", "lengths_of", "read_request"]


class Limits(NamedTuple):
    """What one request, and all of them together, may take: `LIMITS` says what each is.

    Example:
        >>> Limits(rows=500).rows, LIMITS["rows"]
        (500, 'rows of a request')
    """

    megabytes: float = 4.0
    rows: int = 1000
    longest: int = 100
    seconds: float = 10.0
    queue: int = 64
    threads: int = 2
    poll: float = 2.0


LIMITS = {
    "megabytes": "megabytes (2**20 bytes) of a request's body",
    "rows": "rows of a request",
    "longest": "values in one list: every list of a request is padded to its longest",
    "seconds": "seconds to send a body, and again to wait for the scores",
    "queue": "requests that wait or are scored; a further one is refused",
    "threads": "requests that are scored at the same time",
    "poll": "seconds between two looks for a newer version",
}


class Refused(Exception):
    """A request that gets no scores.

    Args:
        status: the status of HTTP; 400 and those below 500 say that the request is at fault.
        message: what is wrong, for the client.
    """

    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status = status
        self.message = message


def lengths_of(types: Mapping[str, ColumnType]) -> dict[str, str]:
    """What the second input of each list column is called: see `length_names`.

    Args:
        types: the types of the export's columns.

    Example:
        >>> lengths_of({"city": "text", "tags": "list"})
        {'tags': 'tags_lengths'}
    """
    return length_names(types, [column for column, column_type in types.items() if column_type == "list"])


DATATYPES = {  # the protocol's; the first is what the metadata says
    "number": ("FP64", "FP32", "FP16"),
    "text": ("BYTES", "BOOL"),
    "list": ("BYTES", "BOOL"),
    "lengths": (),
}
WHOLE = ("INT64", "INT32", "INT16", "INT8", "UINT64", "UINT32", "UINT16", "UINT8")


def read_request(body: bytes, types: Mapping[str, ColumnType], limits: Limits) -> tuple[dict[str, list[Any]], int, str]:
    """The columns of a request, each with one entry a row or with one for all rows.

    Args:
        body: JSON as the protocol has it.
        types: the types of the export's columns.
        limits: what is the most rows, and values in a list.

    Returns:
        dict column → entries, the number of rows, and the request's id, '' if it has none.

    Raises:
        Refused: with status 400, if the request is not right. What raw_columns refuses is not yet looked at.

    Example:
        >>> request = {"inputs": [{"name": "city", "shape": [2], "datatype": "BYTES", "data": ["Rome", "Oslo"]}]}
        >>> read_request(json.dumps(request).encode(), {"city": "text"}, Limits())
        ({'city': ['Rome', 'Oslo']}, 2, '')
    """
    request = _parse(body)
    inputs = _inputs_by_name(request)
    lengths = lengths_of(types)
    _check_input_names(inputs, [*types, *lengths.values()])
    columns = {}
    for column, column_type in types.items():
        values = _entries(column, inputs[column], (*DATATYPES[column_type], *WHOLE))
        if column_type == "list":
            sizes = _entries(lengths[column], inputs[lengths[column]], WHOLE)
            values = _split_rows(column, values, sizes, limits.longest)
        columns[column] = values
    return columns, _n_rows(columns, limits.rows), str(request.get("id", ""))


def _parse(body: bytes) -> dict[str, Any]:
    try:
        request = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refused(400, f"The request is not JSON: {error}.") from None
    if not isinstance(request, dict) or not isinstance(request.get("inputs"), list):
        raise Refused(400, "The request has no list 'inputs'.")
    return request


def _inputs_by_name(request: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    inputs: dict[str, dict[str, Any]] = {}
    for each in request["inputs"]:
        if not isinstance(each, dict) or not isinstance(each.get("name"), str):
            raise Refused(400, "An input has no name.")
        if each["name"] in inputs:
            raise Refused(400, f"The input {each['name']!r} is there twice.")
        inputs[each["name"]] = each
    return inputs


def _check_input_names(inputs: Mapping[str, Any], expected: list[str]) -> None:
    for name in expected:
        if name not in inputs:
            raise Refused(400, f"The request has no input {name!r}; expected {expected}.")
    for name in inputs:
        if name not in expected:
            raise Refused(400, f"The model has no input {name!r}; expected {expected}.")


def _entries(name: str, each: Mapping[str, Any], datatypes: tuple[str, ...]) -> list[Any]:
    """The entries of an input of shape [rows], or [rows, 1] as some clients send it."""
    data = each.get("data")
    is_missing = isinstance(data, list) and all(entry is None for entry in data)  # null has no type
    if each.get("datatype") not in datatypes and not is_missing:
        raise Refused(400, f"The input {name!r} has the datatype {each.get('datatype')!r}; expected {datatypes[0]}.")
    if not isinstance(data, list):
        raise Refused(400, f"The input {name!r} has no list 'data'.")
    shape = each.get("shape")
    if shape == [len(data), 1]:
        data = [entry[0] if isinstance(entry, list) and len(entry) == 1 else entry for entry in data]
    elif shape != [len(data)]:
        raise Refused(400, f"The input {name!r} has {len(data)} entries and the shape {shape}; expected [{len(data)}].")
    return data


def _split_rows(column: str, values: list[Any], sizes: list[Any], longest: int) -> list[list[Any]]:
    """The list of each row, from the values of all rows and their numbers."""
    if not all(type(size) is int and 0 <= size <= longest for size in sizes):
        raise Refused(400, f"The lengths of column {column!r} must be whole numbers from 0 to {longest}.")
    if sum(sizes) != len(values):
        raise Refused(400, f"Column {column!r} has {len(values)} values; its lengths add up to {sum(sizes)}.")
    ends = np.cumsum([0, *sizes]).tolist()
    return [values[start:end] for start, end in itertools.pairwise(ends)]


def _n_rows(columns: Mapping[str, list[Any]], most: int) -> int:
    """How many rows a request has: a column has so many entries, or one that holds for all of them."""
    n_rows = max(map(len, columns.values()))
    if n_rows > most:
        raise Refused(400, f"The request has {n_rows} rows; at most {most} are scored at once.")
    for column, values in columns.items():
        if len(values) not in (1, n_rows):
            raise Refused(400, f"Column {column!r} has {len(values)} entries; expected {n_rows}, or 1 for all rows.")
    return n_rows

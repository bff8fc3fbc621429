"""The other side of `recommender.server`: start one, and ask it. Of packages it needs NumPy alone.

running_server      a server as a process, which ends with the block that started it
to_inputs, ask      rows as a request of the Open Inference Protocol (V2), and its scores
"""

import contextlib
import json
import numbers
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any

from recommender.input_names import length_names

import numpy as np

__all__ = ["ROOT", "ask", "running_server", "to_inputs", "wait_for_version"]

ROOT = pathlib.Path(__file__).resolve().parents[1]


@contextlib.contextmanager
def running_server(folder: str | os.PathLike[str], name: str = "model", **limits: float) -> Iterator[str]:
    """Start a server on a free port of this machine, and stop it at the end of the block, however that ends.

    Args:
        folder: an export, or exports in numbered folders: see `recommender.server`.
        name: of the model.
        **limits: those of `recommender.protocol.Limits` that shall be others.

    Yields:
        The model's address, such as http://127.0.0.1:40123/v2/models/model.

    Raises:
        RuntimeError: it does not start; the message is what it wrote.
    """
    command = [sys.executable, "-m", "recommender.server", str(pathlib.Path(folder).resolve())]
    command += ["--name", name, "--port", "0"]
    for limit, value in limits.items():
        command += [f"--{limit}", str(value)]
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            yield f"{_wait_until_it_runs(process, log)}/v2/models/{name}"
        finally:
            _stop(process)


def _wait_until_it_runs(process: subprocess.Popen[bytes], log: Any, seconds: float = 60) -> str:
    """The address that a server writes into its log once it listens."""
    end = time.monotonic() + seconds
    while True:
        has_ended = process.poll() is not None  # asked before the log is read, so that its last words are in it
        log.seek(0)
        text = log.read()
        found = re.search(r"running on (http://\S+:\d+)", text)
        if found:
            return found[1]
        if has_ended or time.monotonic() > end:
            raise RuntimeError(f"The server has not started. It wrote:\n{text}")
        time.sleep(0.05)


def _stop(process: subprocess.Popen[bytes], seconds: float = 15) -> None:
    """Ask a process to end, and end it if it does not."""
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def to_inputs(columns: Mapping[str, Any], context: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    """Rows as the inputs of a request.

    Args:
        columns: data frame, or dict column → one entry a row: texts, numbers, lists of texts, None.
        context: dict column → the one value that all rows share.

    Returns:
        An input a column; of a list column two, the second with the lengths.

    Example:
        >>> for each in to_inputs({"app": ["a", None]}, {"tags": ["new", "hot"]}):
        ...     print(each)
        {'name': 'app', 'shape': [2], 'datatype': 'BYTES', 'data': ['a', None]}
        {'name': 'tags', 'shape': [2], 'datatype': 'BYTES', 'data': ['new', 'hot']}
        {'name': 'tags_lengths', 'shape': [1], 'datatype': 'INT64', 'data': [2]}
    """
    inputs = []
    everything = {column: list(columns[column]) for column in columns}
    everything |= {column: [value] for column, value in (context or {}).items()}
    lists = [column for column in everything if any(isinstance(entry, (list, tuple)) for entry in everything[column])]
    lengths = length_names(everything, lists)
    for column, entries in everything.items():
        if column in lengths:
            rows = [entry or [] for entry in entries]
            inputs.append(_input(column, [value for row in rows for value in row]))
            inputs.append(_input(lengths[column], [len(row) for row in rows]))
        else:
            inputs.append(_input(column, entries))
    return inputs


def _input(name: str, entries: list[Any]) -> dict[str, Any]:
    data = [entry.item() if isinstance(entry, np.generic) else entry for entry in entries]
    data = [None if isinstance(entry, float) and np.isnan(entry) else entry for entry in data]  # JSON has no NaN
    present = [entry for entry in data if entry is not None]
    datatype = "BYTES"
    if present and all(isinstance(entry, numbers.Integral) and not isinstance(entry, bool) for entry in present):
        datatype = "INT64"
    elif present and all(isinstance(entry, numbers.Real) and not isinstance(entry, bool) for entry in present):
        datatype = "FP64"
    return {"name": name, "shape": [len(data)], "datatype": datatype, "data": data}


def _sentence_of(error: urllib.error.HTTPError) -> str:
    """What the server says of an error; a proxy, or a server that takes no more connections, may say it as no JSON."""
    body = error.read()
    try:
        return str(json.loads(body)["error"])
    except (ValueError, KeyError, TypeError):
        return body.decode(errors="replace").strip() or str(error.msg)


def ask(
    address: str, columns: Mapping[str, Any], context: Mapping[str, Any] | None = None, seconds: float = 30
) -> tuple[np.ndarray, str]:
    """Ask a server for scores.

    Args:
        address: the model's, from `running_server`.
        columns: as in `to_inputs`.
        context: as in `to_inputs`.
        seconds: to wait at most.

    Returns:
        float64 array (rows,), the probability of label 1, and the version that answered.

    Raises:
        ValueError: the server refuses the request; the message is the server's.
        OSError: it cannot be reached, has no free place, or has failed; the message has the server's sentence.
    """
    body = json.dumps({"inputs": to_inputs(columns, context)}).encode()
    request = urllib.request.Request(f"{address}/infer", body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=seconds) as response:
            answer = json.load(response)
    except urllib.error.HTTPError as error:
        error.msg = _sentence_of(error)
        if error.code < 500:
            raise ValueError(error.msg) from None
        raise
    (output,) = answer["outputs"]
    return np.array(output["data"], "float64"), answer["model_version"]


def wait_for_version(address: str, version: str, seconds: float = 60) -> None:
    """Wait until a server answers with a version, such as one whose folder has just been added or taken away.

    Args:
        address: the model's, from `running_server`.
        version: the name of the folder.
        seconds: to wait at most.

    Raises:
        TimeoutError: it answers with another version to the end.
        OSError: it cannot be reached.

    Taught in: notebook 10, "Shadow, canary, rollback".
    """
    end = time.monotonic() + seconds
    while True:
        with urllib.request.urlopen(address, timeout=seconds) as response:
            (found,) = json.load(response)["versions"]
        if found == version:
            return
        if time.monotonic() > end:
            raise TimeoutError(f"Version {version} does not answer after {seconds:g} seconds; version {found} does.")
        time.sleep(0.05)

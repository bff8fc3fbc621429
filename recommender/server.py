"""A model server: `python -m recommender.server FOLDER` answers over HTTP with an export.

It speaks the Open Inference Protocol (V2), as KServe, Triton and MLServer do:

    GET  /v2/health/live, /v2/health/ready          whether it runs, and can answer
    GET  /v2/models/NAME, /v2/models/NAME/ready     the model's columns, its version
    POST /v2/models/NAME/infer                      columns in, probabilities out

An input is a column of the export, with an entry a row. `null` is a missing value. A column with one entry holds for
all rows: so a user's columns are sent once for all candidates. A list column has two inputs: the values of all rows one
after the other, and `COLUMN_lengths`, how many each row has.

FOLDER is an export, or holds exports in folders that are numbered, as TensorFlow Serving wants them: FOLDER/1,
FOLDER/2. Then the highest number answers; a new one is loaded while the old one goes on, and each answer says which it
is from. To roll back, take the newest folder away.

What a deployment must add: encryption (TLS) and who may ask (authentication), both in a proxy in front, which also
closes connections that send nothing. The server has neither, and so listens on this machine alone unless told
otherwise.
"""

import argparse
import asyncio
import concurrent.futures
import contextlib
import itertools
import json
import logging
import pathlib
import signal
import sys
import threading
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from types import FrameType
from typing import Any, NamedTuple

from recommender.raw_columns import ColumnType
from recommender.serving import Export, load_export, request_tensors, score_tensors
from wide_deep import backend  # noqa: F401, before Keras
from wide_deep.tables import PathLike

import numpy as np
import tensorflow as tf
import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

__all__ = [
    "Limits", "Refused", "Server", "Version", "length_names", "main", "make_app", "newest_version", "read_request",
    "read_version", "run", "score_request", "to_json",
]  # fmt: skip

LOG = logging.getLogger("uvicorn.error")  # where uvicorn says that it has started


class Limits(NamedTuple):
    """What one request, and all of them together, may take."""

    megabytes: float = 4.0  # of a request's body
    rows: int = 1000  # of a request
    longest: int = 100  # values in one list: every list of a request is padded to its longest
    seconds: float = 10.0  # to send a body, and again to wait for the scores
    queue: int = 64  # requests that wait or are scored; a further one is refused
    threads: int = 2  # requests that are scored at the same time
    poll: float = 2.0  # seconds between two looks for a newer version


class Refused(Exception):
    """A request that gets no scores.

    Args:
        status: of HTTP: 400 and those below 500 say that the request is at fault.
        message: what is wrong, for the client.
    """

    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status = status
        self.message = message


# ------------------------------------------------------------------------------------------- a request


def length_names(types: Mapping[str, ColumnType]) -> dict[str, str]:
    """What the second input of a list column is called.

    Args:
        types: of the export.

    Returns:
        dict list column → the name of its lengths, which is no other column's.

    Example:
        >>> length_names({"tags": "list", "city": "text", "areas": "list", "areas_lengths": "number"})
        {'tags': 'tags_lengths', 'areas': 'areas_lengths_'}
    """
    names: dict[str, str] = {}
    for column, column_type in types.items():
        if column_type == "list":
            name = f"{column}_lengths"
            while name in types or name in names.values():
                name += "_"
            names[column] = name
    return names


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
        types: of the export.
        limits: of rows, and of values in a list.

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
    lengths = length_names(types)
    _check_names(inputs, [*types, *lengths.values()])
    columns = {}
    for column, column_type in types.items():
        values = _data(column, inputs[column], (*DATATYPES[column_type], *WHOLE))
        if column_type == "list":
            sizes = _data(lengths[column], inputs[lengths[column]], WHOLE)
            values = _cut(column, values, sizes, limits.longest)
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


def _check_names(inputs: Mapping[str, Any], expected: list[str]) -> None:
    for name in expected:
        if name not in inputs:
            raise Refused(400, f"The request has no input {name!r}; expected {expected}.")
    for name in inputs:
        if name not in expected:
            raise Refused(400, f"The model has no input {name!r}; expected {expected}.")


def _data(name: str, each: Mapping[str, Any], datatypes: tuple[str, ...]) -> list[Any]:
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


def _cut(column: str, values: list[Any], sizes: list[Any], longest: int) -> list[list[Any]]:
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


# ------------------------------------------------------------------------------------------- the model


class Version(NamedTuple):
    """A version of the model, with all that an answer needs of it."""

    name: str
    export: Export


def read_version(name: str, folder: PathLike) -> Version:
    """Load a version, and let it score a row of missing values, so that it fails here if it fails.

    Args:
        name: what answers call it.
        folder: path that `export` wrote.

    Raises:
        OSError: there is no SavedModel.
        ValueError: it was not written by `export`.
        tf.errors.OpError: its graph fails.
    """
    export = load_export(folder)
    missing: dict[str, list[Any]] = {"number": [None], "text": [None], "list": [[]]}
    row = {column: missing[column_type] for column, column_type in export.types.items()}
    score_tensors(export, *request_tensors(export, row))
    return Version(name, export)


def newest_version(folder: pathlib.Path, without: Collection[str] = ()) -> str | None:
    """The highest number among the exports in a folder, or None; '0' of a folder that is an export itself.

    Args:
        folder: see the top of this module.
        without: versions that do not count.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name in ("2", "10", "tmp9", "11"):
        ...         pathlib.Path(folder, name).mkdir()
        ...     for name in ("2", "10", "tmp9"):
        ...         pathlib.Path(folder, name, "saved_model.pb").touch()
        ...     newest_version(pathlib.Path(folder))
        '10'
    """
    if (folder / "saved_model.pb").is_file():
        return "0"
    names = [path.parent.name for path in folder.glob("*/saved_model.pb")]
    numbers = [name for name in names if name.isascii() and name.isdigit()]
    return max(set(numbers) - set(without), key=int, default=None)


def score_request(version: Version, name: str, body: bytes, limits: Limits) -> dict[str, Any]:
    """Score the rows of a request.

    Args:
        version: that answers.
        name: of the model.
        body: as in `read_request`.
        limits: as in `read_request`.

    Returns:
        The answer as the protocol has it.

    Raises:
        Refused: with status 400, if the request is not right, 500, if the model has no finite score for it.
        tf.errors.OpError: the export's graph fails.
    """
    export = version.export
    columns, n_rows, request_id = read_request(body, export.types, limits)
    shared = {column: values[0] for column, values in columns.items() if len(values) != n_rows}
    own = {column: values for column, values in columns.items() if column not in shared}
    try:
        tensors = request_tensors(export, own, shared)
    except (KeyError, TypeError, ValueError) as error:
        raise Refused(400, str(error.args[0])) from None
    probabilities = score_tensors(export, *tensors)
    if not np.isfinite(probabilities).all():
        raise Refused(500, f"Version {version.name} has no finite score for this request.")
    output = {"name": "probability", "datatype": "FP64", "shape": [n_rows], "data": probabilities.tolist()}
    answer = {"model_name": name, "model_version": version.name, "outputs": [output]}
    return answer | ({"id": request_id} if request_id else {})


# ------------------------------------------------------------------------------------------ the server


def to_json(content: Mapping[str, Any], status: int = 200) -> Response:
    """An answer of the server, in ASCII, so that any text can stand in it.

    Args:
        content: what JSON can hold.
        status: of HTTP.

    Example:
        >>> to_json({"live": True}).body
        b'{"live": true}'
    """
    return Response(json.dumps(content, allow_nan=False), status, media_type="application/json")


def _take_one_thread_a_request() -> None:
    """While several requests are scored at once, one that takes all cores only lets the others wait."""
    with contextlib.suppress(RuntimeError):  # where TensorFlow has computed already, as in a test
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)


class Server:
    """The model of a folder, its queue, and the answers to all that can be asked.

    Args:
        folder: see the top of this module.
        name: of the model.
        limits: of requests.

    Raises:
        FileNotFoundError: the folder has no export.
        OSError, ValueError: the newest one cannot be loaded.
    """

    def __init__(self, folder: PathLike, name: str, limits: Limits):
        self.folder = pathlib.Path(folder)
        self.name = name
        self.limits = limits
        newest = newest_version(self.folder)
        if newest is None:
            raise FileNotFoundError(f"{folder} holds no export, and none in a numbered folder: write one with export.")
        _take_one_thread_a_request()
        self.live = read_version(newest, self._path(newest))
        self.failed: set[str] = set()  # versions that could not be loaded
        self.free_places = threading.BoundedSemaphore(limits.queue)
        self.pool = concurrent.futures.ThreadPoolExecutor(limits.threads, thread_name_prefix="score")

    def _path(self, version: str) -> pathlib.Path:
        return self.folder if version == "0" else self.folder / version

    def refresh(self) -> None:
        """Let the newest version answer, if it can be loaded; until then, and otherwise, the one before goes on."""
        newest = newest_version(self.folder, without=self.failed)
        if newest is None or newest == self.live.name:
            return
        try:
            self.live = read_version(newest, self._path(newest))  # one assignment: no request sees half of it
            LOG.info("Version %s answers.", newest)
        except Exception:
            self.failed.add(newest)
            LOG.exception("Version %s cannot be loaded; version %s goes on.", newest, self.live.name)

    async def watch(self) -> None:
        """Look for a newer version now and then, until cancelled."""
        while True:
            await asyncio.sleep(self.limits.poll)
            await asyncio.to_thread(self.refresh)

    async def body_of(self, request: Request) -> bytes:
        """Read a request's body.

        Args:
            request: of Starlette.

        Raises:
            Refused: it is too large, or not there in time. What is too much is read and forgotten, so that the client
                gets to read the answer.
        """
        most = int(self.limits.megabytes * 2**20)
        parts = []
        size = 0
        try:
            async with asyncio.timeout(self.limits.seconds):
                async for part in request.stream():
                    size += len(part)
                    if size <= most:
                        parts.append(part)
                    else:
                        parts.clear()
        except TimeoutError:
            raise Refused(408, f"The request was not there after {self.limits.seconds:g} seconds.") from None
        if size > most:
            raise Refused(413, f"The request has {size:,} bytes; at most {most:,} are taken.")
        return b"".join(parts)

    async def score(self, body: bytes) -> dict[str, Any]:
        """Wait for a free thread and for the scores.

        Args:
            body: of a request.

        Raises:
            Refused: too many requests wait, it took too long, or see `score_request`.
        """
        if not self.free_places.acquire(blocking=False):
            raise Refused(503, f"{self.limits.queue} requests wait already: try again later.")
        work = self.pool.submit(score_request, self.live, self.name, body, self.limits)
        work.add_done_callback(lambda _: self.free_places.release())  # only then: what runs cannot be stopped
        try:
            return await asyncio.wait_for(asyncio.wrap_future(work), self.limits.seconds)
        except TimeoutError:
            raise Refused(503, f"No score after {self.limits.seconds:g} seconds: try again later.") from None

    async def infer(self, request: Request) -> Response:
        """Answer a request for scores.

        Args:
            request: of Starlette.
        """
        try:
            self.check_name(request)
            return to_json(await self.score(await self.body_of(request)))
        except Refused as refused:
            return to_json({"error": refused.message}, refused.status)
        except ClientDisconnect:
            return to_json({"error": "The client has gone."}, 400)  # nobody reads it
        except Exception:
            LOG.exception("A request failed.")
            return to_json({"error": "The model failed; the server's log says why."}, 500)

    def check_name(self, request: Request) -> None:
        """Refuse another model's name.

        Args:
            request: of Starlette.

        Raises:
            Refused: there is no model of that name.
        """
        if request.path_params["name"] != self.name:
            raise Refused(404, f"There is no model {request.path_params['name']!r}; this server has {self.name!r}.")

    async def metadata(self, request: Request) -> Response:
        """Say which inputs the model takes.

        Args:
            request: of Starlette.
        """
        try:
            self.check_name(request)
        except Refused as refused:
            return to_json({"error": refused.message}, refused.status)
        version, export = self.live
        inputs = [
            {"name": c, "datatype": DATATYPES[column_type][0], "shape": [-1]} for c, column_type in export.types.items()
        ]
        inputs += [{"name": n, "datatype": "INT64", "shape": [-1]} for n in length_names(export.types).values()]
        outputs = [{"name": "probability", "datatype": "FP64", "shape": [-1]}]
        known = {"name": self.name, "versions": [version], "platform": "tensorflow_savedmodel"}
        return to_json({**known, "inputs": inputs, "outputs": outputs})


def make_app(server: Server) -> Starlette:
    """The routes of the protocol.

    Args:
        server: that answers.

    Returns:
        What uvicorn, or any server for ASGI, runs.
    """

    async def about(request: Request) -> Response:
        return to_json({"name": "recommender.server", "version": "2", "extensions": []})

    async def live(request: Request) -> Response:
        return to_json({"live": True})

    async def ready(request: Request) -> Response:
        return to_json({"ready": True})  # it listens only once a version is loaded

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        watching = asyncio.create_task(server.watch())
        yield
        watching.cancel()
        server.pool.shutdown(wait=False, cancel_futures=True)

    routes = [
        Route("/v2", about),
        Route("/v2/health/live", live),
        Route("/v2/health/ready", ready),
        Route("/v2/models/{name}", server.metadata),
        Route("/v2/models/{name}/ready", server.metadata),
        Route("/v2/models/{name}/infer", server.infer, methods=["POST"]),
    ]
    return Starlette(routes=routes, lifespan=lifespan)


def run(folder: PathLike, name: str, host: str, port: int, limits: Limits) -> None:
    """Serve until SIGTERM or Control-C; what is being scored then is answered first.

    Args:
        folder: see the top of this module.
        name: of the model.
        host: to listen on; '127.0.0.1' is this machine alone.
        port: to listen on; 0 takes a free one, which the log says.
        limits: of requests.

    Raises:
        OSError, ValueError: the folder has no export, or the newest one cannot be loaded.
    """
    config = uvicorn.Config(
        make_app(Server(folder, name, limits)),
        host=host,
        port=port,
        access_log=False,
        limit_concurrency=4 * limits.queue,  # connections; beyond, uvicorn answers 503
        timeout_graceful_shutdown=int(limits.seconds) + 1,
    )
    with _clean_end():
        uvicorn.Server(config).run()


@contextlib.contextmanager
def _clean_end() -> Iterator[None]:
    """End with status 0 on the signals that uvicorn stops at: it raises them again when all is closed."""

    def end(number: int, frame: FrameType | None) -> None:
        sys.exit(0)

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m recommender.server", description="Serve an export over HTTP.")
    parser.add_argument("folder", help="an export, or a folder of exports named 1, 2, …: the highest number answers")
    parser.add_argument("--name", default="model", help="the model's name in the address: /v2/models/NAME/infer")
    parser.add_argument("--host", default="127.0.0.1", help="to listen on; without it, this machine alone can ask")
    parser.add_argument("--port", type=int, default=8080)
    for field, default in Limits()._asdict().items():
        parser.add_argument(f"--{field}", type=type(default), default=default, help=f"limit; {default} without it")
    arguments = vars(parser.parse_args())
    limits = Limits(**{field: arguments[field] for field in Limits._fields})
    try:
        run(arguments["folder"], arguments["name"], arguments["host"], arguments["port"], limits)
    except (OSError, ValueError) as error:
        sys.exit(f"The server cannot start: {error}")


if __name__ == "__main__":
    main()

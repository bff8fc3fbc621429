"""A model server: `python -m recommender.server FOLDER` answers over HTTP with an export.

It speaks the Open Inference Protocol (V2), as KServe, Triton and MLServer do:

    GET  /v2/health/live, /v2/health/ready          whether it runs, and can answer
    GET  /v2/models/NAME, /v2/models/NAME/ready     the model's columns, its version
    POST /v2/models/NAME/infer                      columns in, probabilities out

An input is a column of the export, with an entry a row. `null` is a missing value. A column with one entry holds for
all rows: so a user's columns are sent once for all candidates. A list column has two inputs: the values of all rows one
after the other, and `COLUMN_lengths`, how many each row has (`COLUMN_lengths_2` if a column has that name).

FOLDER is an export, or holds exports in folders that are numbered, as TensorFlow Serving wants them: FOLDER/1,
FOLDER/2. Then the highest number answers; a new one is loaded while the old one goes on, and each answer says which it
is from. Move a new one in by a rename, so that it is never seen half written; one that cannot be loaded is tried again
when its files have changed. To roll back, take the newest folder away.

What a deployment must add: encryption (TLS) and who may ask (authentication), both in a proxy in front, which also
closes connections that send nothing. The server has neither, and so listens on this machine alone unless told
otherwise.
"""

import argparse
import asyncio
import concurrent.futures
import contextlib
import json
import logging
import pathlib
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from types import FrameType
from typing import Any, NamedTuple

from recommender.protocol import DATATYPES, LIMITS, Limits, Refused, lengths_of, read_request
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
    "Server", "Version", "main", "make_app", "newest_version", "read_version", "run", "score_request", "to_json",
]  # fmt: skip

LOG = logging.getLogger("uvicorn.error")  # where uvicorn says what it does
PORT = 8080  # where it listens without --port


# ------------------------------------------------------------------------------------------- the model


class Version(NamedTuple):
    """A version of the model, with all that an answer needs of it."""

    name: str
    export: Export
    folder: pathlib.Path


def read_version(name: str, folder: PathLike) -> Version:
    """Load a version, and let it score a row of missing values, so that it fails here if it fails.

    Args:
        name: what answers call it.
        folder: path that `export` wrote.

    Returns:
        The version, ready to answer.

    Raises:
        OSError: there is no SavedModel.
        ValueError: it was not written by `export`.
        tf.errors.OpError: its graph fails.
    """
    export = load_export(folder)
    missing: dict[str, list[Any]] = {"number": [None], "text": [None], "list": [[]]}
    row = {column: missing[column_type] for column, column_type in export.types.items()}
    score_tensors(export, *request_tensors(export, row))
    return Version(name, export, pathlib.Path(folder))


def newest_version(folder: pathlib.Path, without: Collection[pathlib.Path] = ()) -> pathlib.Path | None:
    """Where the version stands that shall answer.

    Args:
        folder: an export, or a folder with exports: see the top of this module.
        without: folders of versions that do not count.

    Returns:
        The folder itself if it is an export, else the one in it with the highest number; None if there is none.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name in ("2", "10", "tmp9", "11"):
        ...         pathlib.Path(folder, name).mkdir()
        ...     for name in ("2", "10", "tmp9"):
        ...         pathlib.Path(folder, name, "saved_model.pb").touch()
        ...     newest_version(pathlib.Path(folder)).name
        '10'
    """
    if (folder / "saved_model.pb").is_file():
        return folder
    found = {path.parent for path in folder.glob("*/saved_model.pb")}
    numbered = {path for path in found if path.name.isascii() and path.name.isdigit()}
    return max(numbered - set(without), key=lambda path: int(path.name), default=None)


def _state_of(folder: pathlib.Path) -> set[tuple[str, int, int]]:
    """What tells whether a folder's files have changed: of each its path, its size and when it was written."""
    state = set()
    for path in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):  # taken away meanwhile
            found = path.stat()
            state.add((str(path), found.st_size, found.st_mtime_ns))
    return state


def score_request(version: Version, name: str, body: bytes, limits: Limits) -> dict[str, Any]:
    """Score the rows of a request.

    Args:
        version: the version that answers.
        name: the model's name.
        body: the request, as in `read_request`.
        limits: the limits of requests, as in `read_request`.

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
        status: the status of HTTP.

    Returns:
        The answer, as Starlette sends it.

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
        folder: an export, or a folder with exports: see the top of this module.
        name: the model's name.
        limits: the limits of requests.

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
        self.live = read_version(self._name_of(newest), newest)
        # Versions that could not be loaded, and what their files were then.
        self.failed: dict[pathlib.Path, set[tuple[str, int, int]]] = {}
        self.free_places = threading.BoundedSemaphore(limits.queue)
        self.pool = concurrent.futures.ThreadPoolExecutor(limits.threads, thread_name_prefix="score")

    def _name_of(self, version: pathlib.Path) -> str:
        return "0" if version == self.folder else version.name

    def refresh(self) -> None:
        """Let the newest version answer, if it can be loaded; until then, and otherwise, the one before goes on."""
        hopeless = [path for path, state in self.failed.items() if _state_of(path) == state]
        newest = newest_version(self.folder, without=hopeless)
        if newest is None or newest == self.live.folder:
            return
        state, name = _state_of(newest), self._name_of(newest)
        try:
            self.live = read_version(name, newest)  # one assignment: no request sees half of it
            self.failed.pop(newest, None)
            LOG.info("Version %s answers.", name)
        except Exception:
            self.failed[newest] = state
            LOG.exception("Version %s cannot be loaded; version %s goes on.", name, self.live.name)

    async def watch(self) -> None:
        """Look for a newer version now and then, until cancelled."""
        while True:
            await asyncio.sleep(self.limits.poll)
            await asyncio.to_thread(self.refresh)

    async def body_of(self, request: Request) -> bytes:
        """Read a request's body.

        Args:
            request: Starlette's request.

        Returns:
            The body's bytes.

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
            body: the body of a request.

        Returns:
            The answer as the protocol has it.

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
            request: Starlette's request.

        Returns:
            The scores, or what is wrong.
        """
        try:
            self.refuse_other_model(request)
            return to_json(await self.score(await self.body_of(request)))
        except Refused as refused:
            return to_json({"error": refused.message}, refused.status)
        except ClientDisconnect:
            return to_json({"error": "The client has gone."}, 400)  # nobody reads it
        except Exception:
            LOG.exception("A request failed.")
            return to_json({"error": "The model failed; the server's log says why."}, 500)

    def refuse_other_model(self, request: Request) -> None:
        """Refuse a request that names another model.

        Args:
            request: Starlette's request.

        Raises:
            Refused: there is no model of that name.
        """
        if request.path_params["name"] != self.name:
            raise Refused(404, f"There is no model {request.path_params['name']!r}; this server has {self.name!r}.")

    async def metadata(self, request: Request) -> Response:
        """Say which inputs the model takes.

        Args:
            request: Starlette's request.

        Returns:
            The model's inputs, its version and its output.
        """
        try:
            self.refuse_other_model(request)
        except Refused as refused:
            return to_json({"error": refused.message}, refused.status)
        version, export, _ = self.live
        inputs = [
            {"name": c, "datatype": DATATYPES[column_type][0], "shape": [-1]} for c, column_type in export.types.items()
        ]
        inputs += [{"name": n, "datatype": "INT64", "shape": [-1]} for n in lengths_of(export.types).values()]
        outputs = [{"name": "probability", "datatype": "FP64", "shape": [-1]}]
        known = {"name": self.name, "versions": [version], "platform": "tensorflow_savedmodel"}
        return to_json({**known, "inputs": inputs, "outputs": outputs})


def make_app(server: Server) -> Starlette:
    """The routes of the protocol.

    Args:
        server: the server that answers.

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
        host: the address to listen on; '127.0.0.1' is this machine alone.
        port: the port to listen on; 0 takes a free one. The log says 'running on http://…'.
        limits: of requests.

    Raises:
        OSError, ValueError: the folder has no export, the newest one cannot be loaded, or the port is taken.
    """
    config = uvicorn.Config(
        make_app(Server(folder, name, limits)),
        access_log=False,
        limit_concurrency=4 * limits.queue,  # connections; beyond, uvicorn answers 503
        timeout_graceful_shutdown=int(limits.seconds) + 1,
    )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with _clean_end(), socket.create_server((host, port), family=family, backlog=config.backlog) as listening:
        shown = f"[{host}]" if ":" in host else host
        LOG.info("The server is running on http://%s:%d (Control-C ends it).", shown, listening.getsockname()[1])
        uvicorn.Server(config).run([listening])


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
    parser.add_argument("--port", type=int, default=PORT, help=f"to listen on; {PORT} without it, 0 takes a free one")
    for field, default in Limits()._asdict().items():
        meaning = f"{LIMITS[field]}; {default:g} without it"
        parser.add_argument(f"--{field}", type=type(default), default=default, metavar="N", help=meaning)
    arguments = vars(parser.parse_args())
    limits = Limits(**{field: arguments[field] for field in Limits._fields})
    try:
        run(arguments["folder"], arguments["name"], arguments["host"], arguments["port"], limits)
    except (OSError, ValueError) as error:
        sys.exit(f"The server cannot start: {error}")


if __name__ == "__main__":
    main()

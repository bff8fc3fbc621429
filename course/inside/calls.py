"""Calls from the tests, in one Python, to a student's functions, in another. Both ends of the line stand here.

A call goes out, and plain data comes back: it is built anew from text, numbers and bytes, never unpickled. So whatever
the student's Python sends, the tests get a number, a string, a list, an array or a frame, and nothing that could act.
"""

import base64
import builtins
import inspect
import json
import os
import pickle
import secrets
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence, Set
from multiprocessing.connection import Client, Listener
from typing import Any

import numpy as np
import pandas as pd

LARGEST = 64_000_000  # bytes of one answer
PLAIN = (str, bool, int, float, type(None))

# ------------------------------------------------------------------------------------------------ plain data


def encode(value: Any) -> Any:
    """What json can write of a value: plain ones as they are, all others as a list that starts with a tag.

    Raises:
        TypeError: the value is of a type that does not go over the line.
    """
    if isinstance(value, (np.ndarray, np.generic)):
        tag = "array" if isinstance(value, np.ndarray) else "scalar"
        if value.dtype.kind in "OU":
            items = value.tolist() if tag == "scalar" else [encode(item) for item in value.ravel().tolist()]
            return items if tag == "scalar" else ["objects", value.dtype.kind, value.shape, items]
        if value.dtype.kind in "biufcmM":
            return [tag, value.dtype.str, value.shape, base64.b64encode(value.tobytes()).decode()]
    elif isinstance(value, pd.DataFrame):
        columns = [encode(value.iloc[:, i].to_numpy()) for i in range(value.shape[1])]
        return ["frame", encode(value.columns), columns, encode(value.index)]
    elif isinstance(value, pd.Series):
        return ["series", encode(value.name), encode(value.to_numpy()), encode(value.index)]
    elif isinstance(value, pd.Index):
        return ["index", encode(value.name), encode(value.to_numpy())]
    elif isinstance(value, PLAIN):
        return next(plain(value) for plain in PLAIN[:-1] if isinstance(value, plain)) if value is not None else None
    elif isinstance(value, complex):
        return ["complex", value.real, value.imag]
    elif isinstance(value, Mapping):
        return ["dict", [[encode(key), encode(entry)] for key, entry in value.items()]]
    elif isinstance(value, (tuple, Sequence, Set)) and not isinstance(value, (bytes, bytearray, memoryview)):
        tag = "tuple" if isinstance(value, tuple) else "list" if isinstance(value, Sequence) else "set"
        return [tag, [encode(item) for item in value]]
    elif hasattr(value, "__array__"):
        return encode(np.asarray(value))
    raise TypeError(
        f"The answer gives a {type(value).__name__}; the tests can take numbers, strings, lists, tuples, sets, dicts, "
        "arrays and data frames."
    )


def decode_array(tag: str, text: str, shape: Sequence[int], data: str) -> Any:
    """The array, or with the tag 'scalar' NumPy's scalar, of a dtype's `text`, a shape and base64 `data`."""
    dtype = np.dtype(text)
    if dtype.kind not in "biufcmM":
        raise ValueError(f"No array of the dtype {text} was expected.")
    stored = np.uint8 if dtype.kind == "b" else dtype
    values = np.frombuffer(base64.b64decode(data), stored).reshape(shape)
    values = values != 0 if dtype.kind == "b" else values.copy()  # a truth value has no third state
    return values if tag == "array" else values[()]


def decode_objects(dtype: str, shape: Sequence[int], items: Sequence[Any]) -> np.ndarray:
    """The array of strings (dtype 'U') or of any values that items are, in a shape."""
    if dtype == "U":
        return np.array([str(item) for item in items], dtype="U").reshape(shape)
    values = np.empty(len(items), dtype=object)
    for i, item in enumerate(items):
        values[i] = decode(item)
    return values.reshape(shape)


def decode(code: Any) -> Any:
    """The value of which `encode` made the code. Any code gives plain data or an error."""
    if not isinstance(code, list):
        if not isinstance(code, PLAIN):
            raise ValueError("No such value was expected.")
        return code
    tag, *rest = code
    if tag in ("array", "scalar"):
        return decode_array(tag, *rest)
    if tag == "objects":
        return decode_objects(*rest)
    if tag == "frame":
        columns, values, index = decode(rest[0]), rest[1], decode(rest[2])
        frame = pd.DataFrame({i: decode(column) for i, column in enumerate(values)}, index=index)
        return frame.set_axis(columns, axis=1)
    if tag == "series":
        return pd.Series(decode(rest[1]), index=decode(rest[2]), name=decode(rest[0]))
    if tag == "index":
        return pd.Index(decode(rest[1]), name=decode(rest[0]))
    if tag == "complex":
        return complex(*rest)
    if tag == "dict":
        return {decode(key): decode(value) for key, value in rest[0]}
    return {"list": list, "tuple": tuple, "set": set}[tag](decode(item) for item in rest[0])


# ------------------------------------------------------------------------------------------ the student's end


def is_same(one: Any, other: Any) -> bool:
    """Whether two values are alike to the last bit; for values that have no plain form, whether they say so."""
    try:
        return encode(one) == encode(other)
    except TypeError:
        return True


def reply(
    namespace: Mapping[str, Any], name: str | None, args: Sequence[Any], kwargs: Mapping[str, Any], untouched: Any
) -> dict[str, Any]:
    """What goes back for a call: the answer, and the arguments if the function has changed them, or an error.

    Args:
        namespace: where the student's functions are.
        name: of the function; None asks which of the names in `args` there are.
        args: the call's arguments.
        kwargs: those by name.
        untouched: the arguments once more, to compare.
    """
    try:
        if name is None:
            present = [each for each in args if each in namespace]
            values = {each: encode(namespace[each]) for each in present if not callable(namespace[each])}
            return {"functions": [each for each in present if each not in values], "values": values}
        if name not in namespace:
            raise NameError(f"name '{name}' is not defined")
        answer = {"given": encode(namespace[name](*args, **kwargs))}
        if not is_same((args, kwargs), untouched):
            answer["arguments"] = encode((args, kwargs))
        return answer
    except BaseException as error:  # whatever a student's function does, the tests go on
        return {"error": [type(error).__name__, str(error)[:10_000], traceback.format_exc(limit=-5)[-10_000:]]}


def guard_streams() -> None:
    """Put the kernel's own streams back after each cell that leaves a stream which cannot be flushed.

    The kernel flushes them before it replies, so after `sys.stdout = Mine()` it would never be heard of again.
    """
    from IPython import get_ipython

    own = {name: getattr(sys, name) for name in ("stdout", "stderr")}

    def restore(*_: object) -> None:
        for name, stream in own.items():
            now = getattr(sys, name, None)
            if not callable(getattr(now, "flush", None)) or getattr(now, "closed", False):
                setattr(sys, name, stream)

    get_ipython().events.register("post_execute", restore)


def serve(address: str, namespace: dict[str, Any] | None = None) -> None:
    """Answer calls until the tests hang up.

    Args:
        address: where the tests listen.
        namespace: where the student's functions are; None takes the caller's, whatever `globals` is called there.
    """
    if namespace is None:
        here = inspect.currentframe()
        caller = here.f_back if here else None
        namespace = caller.f_globals if caller else {}
    with Client(address) as line:
        while True:
            try:
                request = line.recv_bytes()
            except (EOFError, OSError):
                return
            name, args, kwargs = pickle.loads(request)
            answer = reply(namespace, name, args, kwargs, pickle.loads(request)[1:])
            line.send_bytes(json.dumps(answer).encode())


# --------------------------------------------------------------------------------------------- the tests' end

STATE: dict[str, Any] = {"listener": None, "line": None, "changed": False, "write back": False}


def write_back(target: Any, code: Any) -> None:
    """Change an argument in place to what the student's function has made of its copy."""
    new = decode(code)
    if isinstance(target, (list, tuple)):
        for one, other in zip(target, code[1], strict=False):
            write_back(one, other)
        if isinstance(target, list):
            kept = [one if is_same(one, other) else other for one, other in zip(target, new, strict=False)]
            target[:] = kept + new[len(kept) :]
    elif isinstance(target, (dict, set)):
        if not is_same(target, new):
            target.clear()
            target.update(new)
    elif isinstance(target, np.ndarray) and target.flags.writeable:
        target[...] = new
    elif isinstance(target, (pd.DataFrame, pd.Series)) and not is_same(target, new):
        target.__init__(new)


def ask(name: str | None, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Send a call and return its answer, or raise the error that it raised."""
    __tracebackhide__ = True
    try:
        STATE["line"].send_bytes(pickle.dumps((name, args, kwargs)))
        answer = json.loads(STATE["line"].recv_bytes(LARGEST))
    except (EOFError, OSError):
        raise RuntimeError("The notebook's Python gave no answer: it ended, or sent more than fits.") from None
    if "error" in answer:
        class_name, message, text = (str(part) for part in answer["error"])
        named = getattr(builtins, class_name, None)
        error_class: type[Exception] = RuntimeError
        if isinstance(named, type) and issubclass(named, Exception) and not issubclass(named, UnicodeError):
            error_class = named  # a UnicodeError takes other arguments than a message
        else:
            message = f"{class_name}: {message}"
        error = error_class(message)
        error.add_note(text)
        raise error
    if "arguments" in answer:
        STATE["changed"] = True
        if STATE["write back"]:
            write_back(args, answer["arguments"][1][0])
            write_back(kwargs, answer["arguments"][1][1])
    return answer if name is None else decode(answer["given"])


def remote_function(name: str) -> Callable[..., Any]:
    """A function that calls the student's function of that name."""

    def call(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        return ask(name, args, kwargs)

    call.__name__ = call.__qualname__ = name
    return call


def listen(folder: str | None) -> Any:
    """Wait for a student's Python at a socket in a folder; None means anywhere. Returns the address."""
    mask = os.umask(0)  # the student's Python may be another user
    try:
        STATE["listener"] = Listener(folder and os.path.join(folder, secrets.token_hex(8)))
    finally:
        os.umask(mask)
    return STATE["listener"].address


def connect(names: list[str], namespace: dict[str, Any], write_back: bool) -> None:
    """Take the student's call and put what it has under these names into the namespace of the tests.

    Args:
        names: what the tests use and do not define themselves.
        namespace: where the tests run.
        write_back: whether the tests see what a function does to its arguments.
    """
    STATE["line"] = STATE["listener"].accept()
    STATE["changed"] = False
    STATE["write back"] = write_back
    for name in names:
        namespace.pop(name, None)
    try:
        found = ask(None, names, {})
        for name in set(names) & set(found["functions"]):
            namespace[name] = remote_function(name)
        for name in set(names) & set(found["values"]):
            namespace[name] = decode(found["values"][name])
    except Exception:  # then the names are missing, and the tests say so
        return


def hang_up() -> bool:
    """End the line. Returns whether a function has changed an argument."""
    for end in ("line", "listener"):
        if STATE[end] is not None:
            STATE[end].close()
            STATE[end] = None
    return STATE["changed"]

"""Read the files in data/ as they were published."""

import hashlib
import io
import pathlib

from wide_deep.tables import PathLike

import pandas as pd

__all__ = ["read_original"]


def read_original(path: PathLike, sha256: str) -> pd.DataFrame:
    """Read a CSV file as it was published; missing values stay the strings that they are.

    Args:
        path: path of the file.
        sha256: the checksum that it must have.

    Raises:
        FileNotFoundError: the file is missing or a folder; the message names it.
        PermissionError: it may not be read; the message names it.
        ValueError: it has another checksum; the message names it.

    Example:
        >>> read_original("data/no.csv", "")
        Traceback (most recent call last):
        FileNotFoundError: Cannot read data/no.csv (No such file): fetch it with `git checkout data`.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        reason = "it is a folder" if path.exists() else "No such file"
        raise FileNotFoundError(f"Cannot read {path} ({reason}): fetch it with `git checkout data`.")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ValueError(
            f"{path} is not the original file: it has {len(content):,} bytes and another SHA-256 than "
            f"{sha256[:12]}…; it was cut off or edited. Restore it with `git checkout data`."
        )
    return pd.read_csv(io.BytesIO(content), keep_default_na=False)

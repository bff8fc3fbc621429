"""Reading the files in data/ as they were published."""

import hashlib
import io
import pathlib

import pandas as pd


def read_original(path, sha256):
    """Read a CSV file as it was published; missing values stay the strings that they are.

    Args:
        path: path of the file. sha256: str, the checksum that it must have.
    Returns:
        data frame.
    Raises:
        FileNotFoundError: the file is missing or cannot be read. ValueError: it has another checksum. Both name it.
    """
    try:
        content = pathlib.Path(path).read_bytes()
    except OSError as error:
        message = f"Cannot read {path} ({error.strerror}): fetch it with `git checkout data`."
        raise FileNotFoundError(message) from None
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ValueError(
            f"{path} is not the original file: it has {len(content):,} bytes and another SHA-256 than "
            f"{sha256[:12]}…; it was cut off or edited. Restore it with `git checkout data`."
        )
    return pd.read_csv(io.BytesIO(content), keep_default_na=False)

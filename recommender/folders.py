"""Folders that are replaced in one go, so that they are never half written."""

import pathlib
import shutil

from wide_deep.tables import PathLike

__all__ = ["check_replaceable", "replace_folder"]


def check_replaceable(folder: PathLike, replaced: set[str]) -> pathlib.Path:
    """Raise a clear error unless a folder is free, or holds only what will be replaced.

    Args:
        folder: path of a folder that may not be there yet, or a link to one.
        replaced: names of the files and folders that may be in it.

    Returns:
        The path behind all links.

    Raises:
        FileExistsError: something else is there.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = pathlib.Path(folder, "thesis.tex").write_text("years of work")
        ...     try:
        ...         check_replaceable(folder, replaced={"model.keras"})
        ...     except FileExistsError as error:
        ...         print(str(error).replace(folder, "FOLDER"))
        FOLDER holds something else than what is written there, 'thesis.tex': name a new folder.
    """
    folder = pathlib.Path(folder).resolve()
    if folder.exists() and not folder.is_dir():
        raise FileExistsError(f"{folder} is a file: name a new folder.")
    others = sorted({path.name for path in folder.iterdir()} - replaced) if folder.exists() else []
    if others:
        raise FileExistsError(
            f"{folder} holds something else than what is written there, {others[0]!r}: name a new folder."
        )
    return folder


def replace_folder(folder: pathlib.Path, new: pathlib.Path) -> None:
    """Replace a folder by another one: move the old one aside, the new one in, and only then delete the old one.

    Args:
        folder: the place; it may be free.
        new: a folder on the same disk, in one that will be deleted.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as beside:
        ...     pathlib.Path(beside, "new").mkdir()
        ...     replace_folder(pathlib.Path(beside, "live"), pathlib.Path(beside, "new"))
        ...     [path.name for path in pathlib.Path(beside).iterdir()]
        ['live']
    """
    old = new.with_name("old")
    if folder.exists():
        folder.rename(old)
    try:
        new.rename(folder)
    except BaseException:  # an interrupt too: the folder that holds both is deleted next
        if old.exists():
            old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)

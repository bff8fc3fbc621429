"""Run the notebooks without a browser: `python -m tools.run_notebooks`; with --write, keep their outputs.

Writing is a no-op when nothing changed: outputs carry no time stamps and only the metadata that Jupyter needs.
"""

import argparse
import base64
import os
import pathlib
import sys
import tempfile
import time
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode
from traitlets.config import Config

NOTEBOOKS = pathlib.Path(__file__).resolve().parent.parent / "notebooks"
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def find_notebooks(names: list[str]) -> list[pathlib.Path]:
    """The files of notebooks that are named as '02' or '02_wide_model'; all, if none is named.

    Raises:
        SystemExit: there is none of a name; says which there are.
    """
    paths = sorted(NOTEBOOKS.glob("*.ipynb"))
    for name in names:
        if not any(name in (path.stem, path.stem[:2]) for path in paths):
            sys.exit(f"There is no notebook {name!r}; there are: {', '.join(path.stem for path in paths)}.")
    return [path for path in paths if not names or {path.stem, path.stem[:2]} & set(names)]


def tagged_outputs(notebook: NotebookNode, tag: str) -> list[NotebookNode]:
    """The outputs of the cells that have a tag."""
    cells = [cell for cell in notebook.cells if tag in cell.metadata.get("tags", [])]
    return [output for cell in cells for output in cell.outputs]


def execute_notebook(notebook: NotebookNode, folder: pathlib.Path) -> NotebookNode:
    """Run a notebook in a new kernel, in a folder, and return it with its outputs."""
    with tempfile.TemporaryDirectory() as sockets:
        config = Config()
        if os.name == "posix":  # Unix sockets work with the network cut, loopback included
            config.KernelManager.transport = "ipc"
            config.KernelManager.ip = f"{sockets}/kernel"
        resources = {"metadata": {"path": folder}}
        settings: dict[str, Any] = {"timeout": 600, "kernel_name": "python3", "record_timing": False}
        NotebookClient(notebook, resources=resources, config=config, coalesce_streams=True, **settings).execute()
    return notebook


def run_notebook(path: pathlib.Path) -> NotebookNode:
    """Run the notebook of a file in its folder, and return it with its outputs and the metadata that Jupyter needs."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
    execute_notebook(notebook, path.parent)
    notebook.metadata = nbformat.from_dict(METADATA)
    return notebook


def write_notebook(path: pathlib.Path, notebook: NotebookNode) -> None:
    """Write the notebook, and the pictures that the README shows, if they changed."""
    text = nbformat.writes(notebook) + "\n"
    if path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8", newline="\n")
    for output in tagged_outputs(notebook, "readme-picture"):
        picture = NOTEBOOKS / "images" / "result.png"
        picture.parent.mkdir(exist_ok=True)
        picture.write_bytes(base64.b64decode(output.data["image/png"]))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", help="notebooks to run, such as 02; all if none is named")
    parser.add_argument("--write", action="store_true", help="write the outputs into the notebooks")
    arguments = parser.parse_args()
    os.environ.pop("JPY_SESSION_NAME", None)  # no progress lines, wherever this is started from
    console: list[str] = []
    for path in find_notebooks(arguments.names):
        start = time.perf_counter()
        try:
            notebook = run_notebook(path)
        except CellExecutionError as error:
            sys.exit(f"{path.name} failed:\n{error}")
        print(f"{path.name:32} {time.perf_counter() - start:5.0f} s", flush=True)
        console += [output.text for output in tagged_outputs(notebook, "result-console") if "text" in output]
        if arguments.write:
            write_notebook(path, notebook)
    if console:
        print("\nResult console\n" + "\n".join(console), end="")


if __name__ == "__main__":
    main()

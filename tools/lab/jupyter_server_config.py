"""How JupyterLab starts for a reader: `make lab`, or `jupyter lab --config=tools/lab/jupyter_server_config.py`.

A notebook is saved with the metadata that it is committed with. JupyterLab adds the number of the reader's Python, and
so would change every notebook that is merely opened.
"""

import os
import pathlib
from typing import Any

import zmq
from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager

c = get_config()  # type: ignore[name-defined]  # noqa: F821, Jupyter defines it
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


class Files(AsyncLargeFileManager):
    """Files as JupyterLab keeps them, but for the metadata of a notebook in Python."""

    async def save(self, model: dict[str, Any], path: str = "") -> dict[str, Any]:
        metadata = model["content"]["metadata"] if model.get("type") == "notebook" else {}
        if metadata.get("language_info", {}).get("name") == "python":
            metadata |= METADATA
        return await super().save(model, path)  # type: ignore[no-untyped-call]


c.ServerApp.contents_manager_class = Files
c.ServerApp.root_dir = os.getcwd()  # the project's folder: links to its pages can be followed
# overrides.json: without it a box over the text asks for news. page_config.json hides nbgrader's menus.
c.LabApp.app_settings_dir = str(pathlib.Path(__file__).parent)
# A quiet console; the address to open is printed all the same.
c.ServerApp.log_level = c.LabApp.log_level = "ERROR"
c.KernelManager.transport_encryption = "auto" if zmq.has("curve") else "disabled"  # each kernel warns without it

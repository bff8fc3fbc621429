"""How JupyterLab is started for a reader, and that it saves a notebook as it is committed."""

import asyncio
import json
import pathlib
import shutil

from tools.run_notebooks import METADATA

import nbformat
import pytest
from traitlets.config import PyFileConfigLoader

ROOT = pathlib.Path(__file__).resolve().parent.parent
PATHS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture(scope="module")
def config():
    return PyFileConfigLoader("jupyter_server_config.py", path=str(ROOT / "tools" / "lab")).load_config()


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_notebook_that_is_opened_and_saved_has_the_bytes_that_are_committed(config, path, tmp_path):
    shutil.copy(path, tmp_path)
    files = config.ServerApp.contents_manager_class(root_dir=str(tmp_path))
    model = asyncio.run(files.get(path.name))
    model["content"]["metadata"]["language_info"] |= {"version": "3.13.9", "mimetype": "text/x-python"}
    model["content"]["metadata"]["kernelspec"]["display_name"] = "Python 3"
    asyncio.run(files.save({"type": "notebook", "format": "json", "content": model["content"]}, path.name))
    assert (tmp_path / path.name).read_bytes() == path.read_bytes()


def test_a_notebook_of_another_language_keeps_its_metadata(config, tmp_path):
    files = config.ServerApp.contents_manager_class(root_dir=str(tmp_path))
    notebook = nbformat.v4.new_notebook(metadata={"language_info": {"name": "R", "version": "4.4"}})
    asyncio.run(files.save({"type": "notebook", "format": "json", "content": notebook}, "other.ipynb"))
    assert nbformat.read(tmp_path / "other.ipynb", as_version=4).metadata == notebook.metadata


def test_what_jupyterlab_saves_is_what_make_outputs_writes():
    """The two cannot import each other: one runs inside Jupyter's server."""
    text = (ROOT / "tools" / "lab" / "jupyter_server_config.py").read_text(encoding="utf-8")
    written = text.split("METADATA = ")[1].split("\n}\n")[0] + "\n}"
    assert eval(written) == METADATA


def test_a_reader_sees_no_news_and_no_teachers_menus_and_a_teacher_does(config):
    folder = pathlib.Path(config.LabApp.app_settings_dir)
    news = json.loads((folder / "overrides.json").read_text())["@jupyterlab/apputils-extension:notification"]
    assert news == {"checkForUpdates": False, "fetchNews": "false"}
    menus = [folder / "page_config.json", folder / "teacher" / "labconfig" / "page_config.json"]
    assert [json.loads(path.read_text())["disabledExtensions"]["@jupyter/nbgrader"] for path in menus] == [True, False]


def test_make_lab_opens_the_first_notebook():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert f"default_url=/lab/tree/notebooks/{PATHS[0].name}" in makefile

"""A notebook that was opened without the files beside it: what the cell at its top does."""

import importlib.metadata
import subprocess
import sys

from tools import colab

import pytest


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """Another folder, to which the test returns, and the path as it was."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return tmp_path


def test_what_is_missing_or_too_old_is_installed_in_our_version_and_the_rest_stays(elsewhere, monkeypatch, capsys):
    there = {name: ours for name, (ours, _) in colab.compare_versions().items()} | {
        "pandas": "2.2.2",
        "keras": "3.10.0",
    }
    del there["duckdb"]

    def version(name):
        if name not in there:
            raise importlib.metadata.PackageNotFoundError(name)
        return there[name]

    asked = []
    monkeypatch.setattr(importlib.metadata, "version", version)
    monkeypatch.setattr(subprocess, "run", lambda command, check: asked.append(command[4:]))
    ours = colab.compare_versions()
    assert {"keras", "numpy"} <= set(ours) and "jupyterlab" not in ours
    colab.main()
    assert asked == [["--quiet", f"duckdb=={ours['duckdb'][0]}", f"keras=={ours['keras'][0]}"]]
    said = capsys.readouterr().out
    assert "pandas 2.2.2 (ours: " in said and "keras" not in said


def test_the_notebook_then_finds_the_modules_and_the_files(elsewhere, monkeypatch):
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("nothing is missing here"))
    colab.main()
    assert sys.path[0] == str(colab.ROOT)
    assert (elsewhere.cwd() / "../README.md").exists() and (elsewhere.cwd() / "01_feature_crossing.ipynb").exists()

"""What is said of how a benchmark's results were made."""

import datetime
import json
import pathlib
import re

from benchmarks import results

import pytest

FOLDER = pathlib.Path(results.__file__).parent


def is_complete(made):
    assert set(made) == {"commit", "changed", "versions", "date"}
    assert set(made["versions"]) == {*results.PACKAGES, "python"} and all(made["versions"].values())
    return bool(datetime.date.fromisoformat(made["date"]))


def test_results_are_written_with_how_they_were_made_and_others_are_kept(tmp_path):
    for name, measured in (("b", [1]), ("a", {"x": 0.5}), ("b", [2])):
        results.write(tmp_path / f"{name}.json", measured)
    assert json.loads((tmp_path / "a.json").read_text()) == {"x": 0.5}
    assert (tmp_path / "b.json").read_text() == "[\n 2\n]\n"
    made = json.loads((tmp_path / "made.json").read_text())
    assert list(made) == ["a.json", "b.json"] and all(is_complete(entry) for entry in made.values())


def test_the_commit_is_gits_and_empty_without_git(monkeypatch):
    assert re.fullmatch(r"[0-9a-f]{40}|", results.provenance()["commit"])
    monkeypatch.setenv("PATH", "")
    assert (results.provenance()["commit"], results.provenance()["changed"]) == ("", False)


@pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.glob("made.json")))
def test_what_is_committed_is_complete(name):
    """It compares a committed file with a form, and runs no benchmark."""
    made = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    assert all(is_complete(entry) and (FOLDER / file).exists() for file, entry in made.items())

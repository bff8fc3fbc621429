"""The playground's files, and what the course's helpers make of its store; `make play-test` tries it in a browser."""

import json
import pathlib
import re
from statistics import mean

from benchmarks import playground
from recommender import pictures

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "playground"
HTML = (PAGE / "index.html").read_text(encoding="utf-8")
RUNS = json.loads((ROOT / "benchmarks" / "playground.json").read_text())
PAPER = RUNS["the paper's case"]
NO_L1 = RUNS["no L1"]


def errors(case, model, kind):
    return mean(case["errors"][model][kind])


def test_the_page_is_small_and_complete():
    files = [path for path in PAGE.iterdir() if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 150_000
    used = set(re.findall(r'(?:src|href)="([\w.]+)"', HTML))
    assert used | {"index.html"} == {path.name for path in files}


@pytest.mark.parametrize("path", sorted(PAGE.iterdir()), ids=lambda path: path.name)
def test_nothing_is_asked_of_another_host(path):
    text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?:|//\w+\.\w+/|\bfetch\(|XMLHttpRequest|WebSocket|@import|import\(", text)


def test_the_page_works_from_a_folder():
    """A browser loads no module from a file, so every script is a plain one, and comes before those that call it."""
    assert "module" not in re.findall(r"<script[^>]*>", HTML)
    scripts = re.findall(r'<script src="(\w+)\.js" defer></script>', HTML)
    assert scripts[:2] == ["trainer", "worker"] and scripts[-1] == "app"
    assert HTML.count("<script") == len(scripts)


def test_the_first_page_leads_to_the_playground_with_a_picture():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(r"\[!\[([^\]]+)\]\(([^)]+)\)\]\(playground/index\.html[^)]*\)", readme)
    assert len(found[1].split()) > 10
    assert (ROOT / found[2]).stat().st_size < 150_000


def test_the_helpers_were_asked_for_what_the_page_starts_with():
    start = dict(re.findall(r"^  (\w+): \{\n.*?start: ([\d.]+)", (PAGE / "state.js").read_text(), re.M))
    assert float(start["rate"]) == playground.RATE
    assert float(start["adam"]) == playground.ADAM
    assert float(start["l1"]) == playground.L1["the paper's case"]
    assert int(start["size"]) == playground.SIZES["embedding_dim"]
    assert (int(start["units"]),) == playground.SIZES["units"]
    assert int(start["epochs"]) == playground.EPOCHS
    assert (int(start["rows"]), int(start["exceptions"]), int(start["never"])) == (20, 20, 170)
    assert f"const BATCH = {playground.BATCH_SIZE};" in (PAGE / "trainer.js").read_text()


def test_the_runs_are_complete():
    assert list(RUNS) == list(playground.L1)
    for case in RUNS.values():
        assert list(case["errors"]) == ["wide", "deep", "joint"]
        assert list(case["weights"]) == ["wide", "joint"]
        for kinds in [*case["errors"].values(), *case["weights"].values()]:
            assert {kind: len(values) for kind, values in kinds.items()} == dict.fromkeys(pictures.PAIR_KINDS, 10)


def test_the_papers_case_shows_what_the_page_says_of_it():
    """In every seed: wide fails where it saw nothing, deep on exceptions, and the joint model nowhere."""
    constant = 0.35
    assert min(PAPER["errors"]["wide"]["never shown"]) > constant
    assert max(PAPER["errors"]["wide"]["exception"]) < 0.1
    assert min(PAPER["errors"]["deep"]["exception"]) > 0.2
    assert max(PAPER["errors"]["deep"]["never shown"]) < 0.15
    assert max(max(values) for values in PAPER["errors"]["joint"].values()) < 0.1


def test_without_l1_the_map_fills_up_and_the_gaps_get_worse():
    weights = PAPER["weights"]["joint"]
    assert all(20 * usual < exception for usual, exception in zip(weights["usual"], weights["exception"]))
    filled = NO_L1["weights"]["joint"]["usual"]
    assert min(filled) > 5 * max(weights["usual"])
    assert errors(NO_L1, "joint", "never shown") > 1.5 * errors(PAPER, "joint", "never shown")

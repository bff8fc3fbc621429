"""What the book's source is made of, without making the pages: `make book-test` reads those in a browser."""

import re

from tools import book
from tools.book import ROOT

import nbformat.v4
import pytest
import yaml

NOTEBOOKS = ROOT / "notebooks"
LESSON = NOTEBOOKS / "01_feature_crossing.ipynb"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Let what is copied go to a temporary folder."""
    monkeypatch.setattr(book, "SOURCE", tmp_path)


def test_every_notebook_and_every_page_for_readers_is_in_the_book():
    names = {path.relative_to(ROOT).as_posix() for path in book.page_paths()}
    assert {path.relative_to(ROOT).as_posix() for path in NOTEBOOKS.glob("*.ipynb")} <= names
    assert {"README.md", "CONTRIBUTING.md", "notebooks/README.md", "benchmarks/README.md", "data/README.md"} <= names


@pytest.mark.parametrize(
    "target, expected",
    [
        ("https://arxiv.org/abs/1606.07792", "https://arxiv.org/abs/1606.07792"),
        ("#exercises", "#exercises"),
        ("02_wide_model.ipynb", "02_wide_model.ipynb"),
        ("04_joint_training.ipynb#Table-1%2C-twice", "04_joint_training.ipynb#table-1-twice"),
        ("../README.md#the-notebooks", "../index.md#the-notebooks"),
        ("../benchmarks", "../benchmarks/README.md"),
        ("../benchmarks/adult.py", "../benchmarks/adult.py"),
        ("../playground/index.html", "page:../playground/index.html#"),
        ("../playground/index.html#l1=0&at=960", "page:../playground/index.html#l1=0&at=960"),
    ],
)
def test_links_lead_to_pages_of_the_book(target, expected):
    assert book.link_target(target, LESSON) == expected


def test_what_is_no_page_is_copied_until_the_repository_has_an_address(tmp_path, monkeypatch):
    book.link_target("../benchmarks/adult.py", LESSON)
    assert (tmp_path / "benchmarks" / "adult.py").read_bytes() == (ROOT / "benchmarks" / "adult.py").read_bytes()
    monkeypatch.setattr(book, "repository_address", lambda: "https://github.com/owner/name")
    assert book.link_target("../LICENSE", LESSON) == "https://github.com/owner/name/blob/main/LICENSE"
    assert book.link_target("images/result.png", LESSON) == "images/result.png"


@pytest.mark.parametrize("target", ["nowhere.md", "../notebooks/nowhere.ipynb", "../tests", "../../elsewhere.md"])
def test_a_link_that_leads_nowhere_is_named_with_its_page(target):
    with pytest.raises(SystemExit, match=f"notebooks/{LESSON.name} links to {re.escape(target)}"):
        book.link_target(target, LESSON)


def test_links_in_code_stay_as_they_are():
    text = "[a](../README.md) `b[0](../README.md)`\n```\n[c](../README.md)\n```\n![d](images/result.png)"
    expected = text.replace("[a](../README.md)", "[a](../index.md)")
    assert book.rewrite_links(text, LESSON) == expected


@pytest.mark.parametrize(
    "metadata, line",
    [
        ({"jupyter": {"source_hidden": True}}, "Show the code"),
        ({"jupyter": {"source_hidden": True}, "nbgrader": {"solution": True, "grade": False}}, "Show a solution"),
        ({"jupyter": {"source_hidden": True}, "nbgrader": {"solution": False, "grade": True}}, "Show the hidden tests"),
        ({"tags": ["approx"]}, None),
    ],
)
def test_a_cell_is_folded_where_jupyterlab_folds_it(metadata, line):
    cell = nbformat.v4.new_code_cell("pass", metadata=metadata)
    book.fold_cell(cell)
    assert ("hide-input" in cell.metadata.get("tags", [])) is (line is not None)
    assert cell.metadata.get("mystnb", {}).get("code_prompt_show") == line


def test_an_aside_is_folded_up_to_the_next_heading_that_is_not_deeper():
    names = ["## One", "### Aside · Two", "text", "#### Three", "### Four", "## Aside · Five", "text"]
    cells = [nbformat.v4.new_markdown_cell(name) for name in names]
    for i in (1, 5):
        cells[i].metadata["jp-MarkdownHeadingCollapsed"] = True
    cells.insert(3, nbformat.v4.new_code_cell("# a comment"))
    found = [
        cell.source.removeprefix("```{raw} html\n").split("<summary>")[0].split("\n")[0]
        for cell in book.fold_asides(cells)
    ]
    assert found == [
        *["## One", "### Aside · Two", "<details>", "text", "# a comment", "#### Three", "</details>"],
        *["### Four", "## Aside · Five", "<details>", "text", "</details>"],
    ]
    assert len({cell.id for cell in book.fold_asides(cells)}) == len(found)


def test_the_citation_names_the_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert f"## [{citation['version']}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), "what was released"
    assert citation["references"][0]["doi"] in (ROOT / "README.md").read_text(encoding="utf-8")

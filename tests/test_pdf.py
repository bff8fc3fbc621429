"""How the pages of the book become one page for paper; `make pdf` prints it."""

import pathlib

from tools import pdf

import pytest

PAGE = """<html><head><title>One</title></head><body><nav>menu</nav><article>
<section id="one"><h1>One<a class="headerlink" href="#one">#</a></h1>
<section id="part"><h2>Part</h2><p><a href="#part">here</a> <a href="../index.html#first">there</a>
<a href="../LICENSE">a file</a> <a href="https://arxiv.org">elsewhere</a></p>
<img src="../_images/picture.png" alt="A picture."></section></section>
<details><summary>Show the aside</summary><p>Beside.</p><details class="hide"><summary>Show the code</summary>proof</details></details>
<details class="hide"><summary>Show the hidden tests</summary>tests</details>
<details><summary>Answer 1</summary>an answer</details><p>Go to: <a href="02.html">next</a></p></article></body></html>"""  # noqa: E501


@pytest.fixture
def book(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """A book of two pages."""
    monkeypatch.setattr(pdf, "BOOK", tmp_path)
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "01_one.html").write_text(PAGE, encoding="utf-8")
    first = '<article><section id="first"><h1>First</h1></section></article>'
    (tmp_path / "index.html").write_text(first, encoding="utf-8")
    return tmp_path


def test_links_lead_to_places_in_the_one_page(book):
    text = pdf.make_article("notebooks/01_one.html", ["index.html", "notebooks/01_one.html"])
    links = {link.get_text(): link["href"] for link in text.select("a[href]")}
    assert links == {
        "#": "#notebooks-01_one--one",
        "here": "#notebooks-01_one--part",
        "there": "#index--first",
        "elsewhere": "https://arxiv.org",
    }
    assert text["id"] == "notebooks-01_one" and text.select_one("img")["src"] == "_images/picture.png"
    assert "a file" in text.get_text()


def test_what_a_reader_opens_is_open_and_what_machines_read_is_left_out(book):
    text = pdf.make_article("notebooks/01_one.html", ["notebooks/01_one.html"])
    assert all(fold.has_attr("open") for fold in text.select("details")) and len(text.select("details")) == 2
    said = text.get_text()
    assert "Beside." in said and "an answer" in said
    assert not [left_out for left_out in ("proof", "tests", "Go to", "menu") if left_out in said]


def test_the_one_page_begins_with_the_first_page_and_a_list_of_all(book):
    whole = pdf.join_pages()
    assert pdf.printed_pages() == ["index.html", "notebooks/01_one.html"]
    places = [whole.index(part) for part in ("First</h1>", "Contents</h1>", 'id="notebooks-01_one"')]
    assert places == sorted(places)
    assert '<a href="#notebooks-01_one--part">Part</a>' in whole

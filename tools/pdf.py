"""Print the book as one PDF with bookmarks and links: `make pdf` writes build/wide-deep.pdf.

The pages of build/book are put into one, whose links lead to places in it. On paper nothing can be opened with a click:
asides and answers stand open, and what is for machines, proofs and hidden tests, is left out.
"""

import os
import pathlib
import posixpath
import re
import urllib.parse

from tools.book import BOOK, ROOT
from tools.printing import open_page

from bs4 import BeautifulSoup, Tag

PDF = ROOT / "build" / "wide-deep.pdf"
# The lessons, then what to look things up in.
ORDER = (
    "index",
    "notebooks/[0-9]*",
    "docs/glossary",
    "docs/paper",
    "docs/migrating",
    "benchmarks/README",
    "data/README",
)
STYLE = """
@page { size: A4; margin: 18mm 16mm 20mm; }
body { font-size: 10.5pt; background: white; }
article { break-before: page; max-width: none; }
article:first-of-type { break-before: auto; }
h1 { font-size: 20pt; } h2 { font-size: 15pt; } h3 { font-size: 12pt; }
h1, h2, h3, h4 { break-after: avoid; }
p, li, pre { orphans: 4; widows: 4; }
.cell { break-inside: auto; }
div.math { font-size: 84% !important; }
details > summary, .headerlink, .copybtn, .buttons { display: none !important; }
details { border-left: 2px solid #ccc; padding-left: 3mm; }
details.hide > summary { display: none !important; }
pre { font-size: 8pt !important; }
table { font-size: 8.5pt; } td.text-right { white-space: normal; }
img { max-height: 200mm; object-fit: contain; }
.all-chapters { break-before: page; columns: 2; }
.all-chapters ul { padding-left: 1em; }
.all-chapters > ul > li { margin-top: 2mm; }
"""
FOOTER = """<div style="font-size: 8px; width: 100%; text-align: center; color: #555">
<span class="pageNumber"></span></div>"""


def printed_pages() -> list[str]:
    """The pages of the book that are printed, in their order, such as 'notebooks/02_wide_model.html'."""
    found = [path for pattern in ORDER for path in sorted(BOOK.glob(f"{pattern}.html"))]
    return [path.relative_to(BOOK).as_posix() for path in found]


def anchor_in_one_page(name: str, anchor: str) -> str:
    """What a place of a page is called in the one page of all.

    Args:
        name: the page.
        anchor: the place's id; empty for the page itself.

    Example:
        >>> anchor_in_one_page("notebooks/02_wide_model.html", "the-threshold")
        'notebooks-02_wide_model--the-threshold'
    """
    return re.sub(r"\W", "-", name.removesuffix(".html")) + (f"--{anchor}" if anchor else "")


def rewrite_link(target: str, name: str, printed: list[str]) -> str | None:
    """Where a link of a page leads in the one page; None if on paper it leads nowhere.

    Args:
        target: as it stands in the page.
        name: the page.
        printed: the pages that are in the PDF.

    Example:
        >>> rewrite_link("../index.html#results", "docs/paper.html", ["index.html"])
        '#index--results'
        >>> rewrite_link("../LICENSE", "docs/paper.html", ["index.html"])
        >>> rewrite_link("https://arxiv.org/abs/1606.07792", "docs/paper.html", [])
        'https://arxiv.org/abs/1606.07792'
    """
    if re.match(r"[a-z]+:", target):
        return target if target.startswith("https:") else None
    file, _, anchor = target.partition("#")
    page = posixpath.normpath(posixpath.join(posixpath.dirname(name), file)) if file else name
    return f"#{anchor_in_one_page(page, urllib.parse.unquote(anchor))}" if page in printed else None


def make_article(name: str, printed: list[str]) -> Tag:
    """A page's text, whose places, links and pictures are those of the one page.

    Args:
        name: the page.
        printed: the pages that are in the PDF.
    """
    soup = BeautifulSoup((BOOK / name).read_text(encoding="utf-8"), "html.parser")
    text = soup.select_one("article")
    if text is None:
        raise ValueError(f"{name} has no article: `make book` builds pages that have.")
    text["id"] = anchor_in_one_page(name, "")
    for element in text.select("[id]"):
        element["id"] = anchor_in_one_page(name, str(element["id"]))
    for link in text.select("a[href]"):
        target = rewrite_link(str(link["href"]), name, printed)
        if target is None:
            link.unwrap()
        else:
            link["href"] = target
    for image in text.select("img[src]"):
        image["src"] = posixpath.normpath(posixpath.join(posixpath.dirname(name), str(image["src"])))
    for way_on in [p for p in text.select("p") if p.get_text().startswith("Go to: ")]:
        way_on.decompose()
    for fold in text.select("details"):
        line = fold.find("summary", recursive=False)
        if line is not None and re.search("Show the (code|hidden tests)", line.get_text()):
            fold.decompose()  # for machines; no other fold is in it
        else:
            fold["open"] = ""
    return text


def make_contents(articles: list[Tag]) -> str:
    """A list of all chapters and their sections, each a link."""
    lines = []
    for text in articles:
        inner = []
        for heading in text.select("h2") if text["id"] != "docs-glossary" else []:
            section = heading.find_parent("section")
            title = heading.get_text().removesuffix("#").removesuffix("¶")
            inner.append(f'<li><a href="#{section["id"]}">{title}</a></li>' if section else "")
        title = text.select("h1")[0].get_text().removesuffix("#").removesuffix("¶")
        lines.append(f'<li><a href="#{text["id"]}"><b>{title}</b></a><ul>{"".join(inner)}</ul></li>')
    return f'<article class="all-chapters"><h1>Contents</h1><ul>{"".join(lines)}</ul></article>'


def join_pages() -> str:
    """All pages as one, with the book's own style and scripts."""
    printed = printed_pages()
    lesson = BeautifulSoup((BOOK / printed[1]).read_text(encoding="utf-8"), "html.parser")
    head = lesson.head
    if head is None:
        raise ValueError(f"{printed[1]} has no head.")
    for script in lesson.select("script"):
        if "mathjax" in f"{script}".lower():
            head.append(script)
    for element in head.select("[href], [src]"):
        for key in ("href", "src"):
            if element.get(key) and not str(element[key]).startswith("data:"):
                element[key] = posixpath.normpath(posixpath.join(posixpath.dirname(printed[1]), str(element[key])))
    for element in head.select('link[rel="next"], link[rel="prev"], link[rel="index"], link[rel="search"], title'):
        element.decompose()
    articles = [make_article(name, printed) for name in printed]
    body = "\n".join([str(articles[0]), make_contents(articles), *map(str, articles[1:])])
    start = f"<title>Wide &amp; Deep learning, step by step</title><style>{STYLE}</style>"
    return f'<!doctype html><html lang="en">{head.decode_contents()}{start}<body>{body}</body></html>'


def main() -> None:
    """Write the PDF, from the book as it was built."""
    whole = BOOK / "whole.html"
    whole.write_text(join_pages(), encoding="utf-8", newline="\n")
    with open_page(whole) as page:
        page.emulate_media(media="print", color_scheme="light")
        page.pdf(
            path=PDF,
            prefer_css_page_size=True,
            print_background=True,
            display_header_footer=True,
            header_template="<span></span>",
            footer_template=FOOTER,
            outline=True,
            tagged=True,
        )
    os.unlink(whole)
    print(f"{PDF.relative_to(pathlib.Path.cwd())}: {len(printed_pages())} chapters")


if __name__ == "__main__":
    main()

"""Build the book, the pages of this project for a browser: `make book` writes build/book/.

The notebooks and the Markdown pages are its only source. They are copied to build/book-source/ with the few changes
that a page needs: links that lead to pages of the book, and folds where JupyterLab folds. Sphinx makes the pages of
them, with the outputs as they are committed; nothing is run, and nothing is fetched.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tomllib
import urllib.parse

from tools.printing import copy_mathjax

import nbformat
from nbformat import NotebookNode

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCE, BOOK = ROOT / "build" / "book-source", ROOT / "build" / "book"
PAGES = ("*.md", "docs/*.md", "notebooks/*.ipynb", "notebooks/*.md", "benchmarks/**/*.md", "data/**/*.md")
CODE = re.compile(r"(^```.*?^```|^~~~.*?^~~~|`[^`\n]+`)", re.M | re.S)
LINK = re.compile(r"(\]\()([^)\s]+)")


def repository_address() -> str | None:
    """The repository's address from pyproject.toml, the one place that may name it; None as long as it does not."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project.get("urls", {}).get("Repository")


def page_paths() -> list[pathlib.Path]:
    """The files that become pages."""
    return sorted({path for pattern in PAGES for path in ROOT.glob(pattern)})


# ------------------------------------------------------------------------------------- the pages' source


def link_target(target: str, page: pathlib.Path) -> str:
    """Where a link of the `page` leads in the book; other files are copied, or shown in the repository."""
    if re.match(r"[a-z]+:|#", target):
        return target
    file, _, anchor = target.partition("#")
    linked = (page.parent / file).resolve()
    if (linked / "README.md").exists():
        linked = linked / "README.md"
    if not linked.is_file() or ROOT not in linked.parents:
        sys.exit(f"{page.relative_to(ROOT)} links to {target}; expected a file, or a folder with a README.md.")
    if linked.parent == ROOT / "playground":  # conf.py's scheme: a page that Sphinx does not make
        return f"page:{pathlib.Path(os.path.relpath(linked, page.parent)).as_posix()}#{anchor}"
    if linked.suffix not in (".md", ".ipynb", ".png", ".svg") and repository_address():
        return f"{repository_address()}/blob/main/{linked.relative_to(ROOT).as_posix()}"
    if linked not in page_paths():
        copied = SOURCE / linked.relative_to(ROOT)
        copied.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(linked, copied)
    if linked.suffix == ".ipynb":  # JupyterLab's anchors are the titles themselves, the book's are slugs as in Markdown
        anchor = re.sub(r"[^\w-]", "", urllib.parse.unquote(anchor).lower())
    if linked == ROOT / "README.md":
        linked = ROOT / "index.md"  # the book's first page
    return pathlib.Path(os.path.relpath(linked, page.parent)).as_posix() + (f"#{anchor}" if anchor else "")


def rewrite_links(text: str, page: pathlib.Path) -> str:
    """Markdown whose links lead to where they lead in the book; code stays as it is."""
    parts = CODE.split(text)
    parts[::2] = [LINK.sub(lambda link: link[1] + link_target(link[2], page), part) for part in parts[::2]]
    return "".join(parts)


def fold_cell(cell: NotebookNode) -> None:
    """Let a code cell that JupyterLab folds be folded in the book, under a line that says what it holds."""
    if cell.metadata.get("jupyter", {}).get("source_hidden"):
        graded = cell.metadata.get("nbgrader", {})
        what = "a solution" if graded.get("solution") else "the hidden tests" if graded.get("grade") else "the code"
        cell.metadata["tags"] = [*cell.metadata.get("tags", []), "hide-input"]
        cell.metadata["mystnb"] = {"code_prompt_show": f"Show {what}", "code_prompt_hide": f"Hide {what}"}


def html_cell(html: str, name: str) -> NotebookNode:
    """A cell of HTML that Sphinx lets through."""
    return nbformat.v4.new_markdown_cell(f"```{{raw}} html\n{html}\n```", id=name)


def fold_asides(cells: list[NotebookNode]) -> list[NotebookNode]:
    """The cells, and around what stands below the heading of each aside a fold, closed as JupyterLab shows it."""
    folded: list[NotebookNode] = []
    depth = 0
    for cell in cells:
        heading = re.match("#+(?= )", cell.source) if cell.cell_type == "markdown" else None
        if depth and heading and len(heading[0]) <= depth:
            folded.append(html_cell("</details>", f"end-{len(folded)}"))
            depth = 0
        folded.append(cell)
        if cell.metadata.get("jp-MarkdownHeadingCollapsed"):
            folded.append(html_cell("<details><summary>Show the aside</summary>", f"fold-{len(folded)}"))
            depth = len(heading[0]) if heading else 0
    return [*folded, html_cell("</details>", f"end-{len(folded)}")] if depth else folded


def write_source() -> None:
    """Write build/book-source/ anew: the pages, what they link to, and the formulas' fonts."""
    shutil.rmtree(SOURCE, ignore_errors=True)
    for page in page_paths():
        copied = SOURCE / page.relative_to(ROOT)
        copied.parent.mkdir(parents=True, exist_ok=True)
        if page.suffix == ".md":
            text = rewrite_links(page.read_text(encoding="utf-8"), page)
        else:
            notebook = nbformat.read(page, as_version=4)
            for cell in notebook.cells:
                if cell.cell_type == "markdown":
                    cell.source = rewrite_links(cell.source, page)
                else:
                    fold_cell(cell)
            notebook.cells = fold_asides(notebook.cells)
            text = nbformat.writes(notebook)
        copied.write_text(text, encoding="utf-8", newline="\n")
    shutil.copyfile(ROOT / "book" / "index.md", SOURCE / "index.md")
    copy_mathjax(SOURCE / "_static" / "mathjax")


# -------------------------------------------------------------------------------------------- the book


def build_book() -> None:
    """Write build/book/ anew; a warning of Sphinx is an error."""
    write_source()
    shutil.rmtree(BOOK, ignore_errors=True)
    options = ["--fail-on-warning", "--keep-going", "--quiet", "--fresh-env"]
    command: list[str | pathlib.Path] = [sys.executable, "-m", "sphinx", *options, "--conf-dir", ROOT / "book"]
    command += ["--doctree-dir", ROOT / "build" / "book-doctrees", SOURCE, BOOK]
    done = subprocess.run(command, check=False)
    if done.returncode:
        sys.exit(done.returncode)
    for notebook in ROOT.glob("notebooks/*.ipynb"):
        shutil.copyfile(notebook, BOOK / "notebooks" / notebook.name)  # to download, as committed
    shutil.copytree(ROOT / "playground", BOOK / "playground")
    for name in ("objects.inv", ".buildinfo"):
        (BOOK / name).unlink()
    print(f"{BOOK.relative_to(ROOT)}/index.html: {len(page_paths())} pages")


if __name__ == "__main__":
    build_book()

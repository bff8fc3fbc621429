"""Pages of HTML on paper: how the slides and the book become PDF files, with Chromium and without a network."""

import contextlib
import importlib.util
import pathlib
import shutil
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

MATHJAX = ("tex-chtml-full.js", "output/chtml/fonts/woff-v2/*.woff")
# Chromium without a host to ask: what a page needs must be in its folder.
OFFLINE = ["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND", "--allow-file-access-from-files"]


def find_chromium() -> str:
    """The path of a Chromium or Chrome on this machine.

    Raises:
        SystemExit: there is none; says how to get one.
    """
    for name in ("chromium", "chromium-browser", "google-chrome"):
        path = shutil.which(name)
        if path:
            return path
    sys.exit("There is no chromium on this machine: on Debian, apt-get install chromium.")


def copy_mathjax(folder: pathlib.Path) -> None:
    """Copy what draws formulas, MathJax and its fonts, into a folder."""
    found = importlib.util.find_spec("sphinx-mathjax-offline")
    if found is None or found.origin is None:
        sys.exit("sphinx-mathjax-offline is not installed: it comes with the extra 'book'.")
    package = pathlib.Path(found.origin).parent / "static" / "mathjax"
    for file in [file for pattern in MATHJAX for file in package.glob(pattern)]:
        copied = folder / file.relative_to(package)
        copied.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copied)


@contextlib.contextmanager
def open_page(path: pathlib.Path) -> "Iterator[Page]":
    """A page of a folder in a browser, once its formulas are drawn and its pictures are loaded.

    Args:
        path: the page.

    Raises:
        SystemExit: something that the page names is not there, or its scripts fail.
    """
    from playwright.sync_api import sync_playwright  # what needs no browser can be tested without it

    faults: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=OFFLINE)
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.on("requestfailed", lambda request: faults.append(f"{request.url} is missing"))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(path.resolve().as_uri(), wait_until="load")
        page.evaluate("async () => { if (window.MathJax) await MathJax.startup.promise; await document.fonts.ready; }")
        page.evaluate("() => Promise.all([...document.images].map(image => image.decode().catch(() => 0)))")
        if faults:
            sys.exit(f"{path.name}: " + "; ".join(faults))
        yield page
        browser.close()

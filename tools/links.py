"""Ask every address that the notebooks and pages link to whether it is still there: `make links`. It needs a network.

The links within the project need none: tests hold them, those of the book `make book-test`.
"""

import concurrent.futures
import pathlib
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Callable

import nbformat

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGES = ("*.md", "docs/*.md", "notebooks/*.md", "notebooks/*.ipynb", "benchmarks/*.md", "data/*.md", "CITATION.cff")
ADDRESS = re.compile(r"https?://(?:[^\s()<>\"'`\]\\]|\([^\s()]*\))+")
# Answers of a host that lets no program in: they say nothing about the page.
NO_ENTRY = {401, 403, 405, 406, 418, 429, 503, 999}
SECONDS, TRIES = 30, 3


def find_addresses(text: str) -> list[str]:
    """The addresses in a text, without the signs that end a sentence.

    Args:
        text: Markdown.

    Example:
        >>> find_addresses("See [it](https://en.wikipedia.org/wiki/XOR_(logic)#a), or https://arxiv.org.")
        ['https://en.wikipedia.org/wiki/XOR_(logic)', 'https://arxiv.org']
    """
    return [found.rstrip(".,;:*_").partition("#")[0] for found in ADDRESS.findall(text)]


def linked_addresses() -> dict[str, list[str]]:
    """All addresses that the project links to → the files that do."""
    found: dict[str, list[str]] = {}
    for path in sorted({path for pattern in PAGES for path in ROOT.glob(pattern)}):
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".ipynb":
            cells = nbformat.reads(text, as_version=4).cells
            text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
        for address in set(find_addresses(text)):
            found.setdefault(address, []).append(path.relative_to(ROOT).as_posix())
    return found


def find_fault(address: str, ask: Callable[..., object] = urllib.request.urlopen) -> str:
    """Why an address cannot be reached; '' if it can, or if its host lets no program in.

    Args:
        address: what is asked for.
        ask: what asks, as `urllib.request.urlopen` does.
    """
    request = urllib.request.Request(address, headers={"User-Agent": "Mozilla/5.0 (link check)"})
    fault = ""
    for _ in range(TRIES):
        try:
            ask(request, timeout=SECONDS)
            return ""
        except urllib.error.HTTPError as error:
            fault = f"{error.code} {error.reason}"
            if error.code in NO_ENTRY:
                return ""
        except (OSError, ValueError) as error:
            fault = f"{type(error).__name__}: {error}"
    return fault


def main() -> int:
    """Ask all, and print those that are gone, with the files that link to them."""
    found = linked_addresses()
    with concurrent.futures.ThreadPoolExecutor(8) as several:
        faults = dict(zip(found, several.map(find_fault, found)))
    gone = {address: said for address, said in faults.items() if said}
    for address, said in gone.items():
        print(f"{address}: {said} ({', '.join(found[address])})")
    print(f"{len(found)} addresses, {len(gone)} cannot be reached")
    return int(bool(gone))


if __name__ == "__main__":
    sys.exit(main())

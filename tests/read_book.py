"""Read the book as its readers do, in a real browser with no way out: `make book-test`. Needs chromium.

Every page is opened once, as a phone, a tablet and a laptop see it, in the light and in the dark. What a person should
look at is in build/book-screenshots/.
"""

import functools
import http.server
import itertools
import os
import pathlib
import shutil
import subprocess
import sys
import threading

from tools.book import BOOK, ROOT, page_paths

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from browser import chromium
from playwright.sync_api import sync_playwright

WIDTHS = (390, 800, 1366)
SCREENSHOTS = ROOT / "build" / "book-screenshots"
NOTEBOOKS = sorted(ROOT.glob("notebooks/*.ipynb"))
# The dark changes nothing but colours.
AXE = {
    "light": {"resultTypes": ["violations"]},
    "dark": {"resultTypes": ["violations"], "runOnly": {"type": "rule", "values": ["color-contrast"]}},
}
# What one page holds. A formula is drawn when MathJax has put a container with glyphs into its place.
HELD = """async () => {
  const later = () => new Promise(done => setTimeout(done, 50));
  while (document.querySelector('.math') && !window.MathJax?.startup?.promise) await later(); // on a busy machine
  if (document.querySelector('.math')) await MathJax.startup.promise;
  const all = (selector, value) => [...document.querySelectorAll(selector)].map(value);
  return {
    links: all('a[href]', a => a.href.split('#')[0] === location.href.split('#')[0] && a.hash ? a.hash : a.href),
    anchors: all('[id]', element => element.id),
    formulas: all('.math', formula => formula.querySelectorAll('mjx-math *').length > 0),
    errors: all('mjx-merror, [data-mjx-error], mjx-mtext[style*="red"]', error => error.textContent || 'no such macro'),
    headings: all('article :is(h1, h2, h3, h4, h5, h6)', heading => Number(heading.tagName[1])),
    pictures: all('article img', image => ({ loaded: image.naturalWidth > 0, alt: image.alt })),
    title: document.title,
    description: document.querySelector('meta[name=description]')?.content ?? '',
  };
}"""
# What is wider than the window: a picture, or the page itself. A table or a line of code has a box that scrolls.
WIDER = """() => [...document.querySelectorAll('article img')]
  .map(image => image.getBoundingClientRect()).filter(box => box.left < 0 || box.right > innerWidth)
  .map(box => box.right)
  .concat(document.documentElement.scrollWidth > innerWidth ? [document.documentElement.scrollWidth] : [])"""
# Thousands of coloured words of code have a dozen colours: let each stand once, and axe takes a tenth of its time.
ONCE = """() => {
  const seen = new Set();
  for (const word of document.querySelectorAll('pre span[class]'))
    if (seen.size < seen.add(word.className).size) continue;
    else word.replaceWith(...word.childNodes);
  document.querySelectorAll('pre').forEach(pre => pre.normalize());
}"""
CUT = """() => [...document.querySelectorAll('article pre')].filter(
  pre => pre.clientWidth > 0 && pre.scrollWidth > pre.clientWidth + 1).map(pre => pre.textContent)"""


class Handler(http.server.SimpleHTTPRequestHandler):
    """A plain web server that says nothing."""

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def address():
    """The book's address on this machine."""
    handler = functools.partial(Handler, directory=BOOK)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"]
        browser = playwright.chromium.launch(executable_path=chromium(), args=arguments)
        yield browser
        browser.close()


def watched(browser, **options):
    """A new page of the browser, and the list to which its faults and its requests go."""
    page = browser.new_context(viewport={"width": 1366, "height": 768}, **options).new_page()
    faults, requests = [], []
    page.on("request", lambda request: requests.append(request.url))
    page.on("requestfailed", lambda request: faults.append(f"failed: {request.url}"))
    page.on("response", lambda answer: answer.status >= 400 and faults.append(f"{answer.status}: {answer.url}"))
    page.on("console", lambda message: message.type in ("error", "warning") and faults.append(message.text))
    page.on("pageerror", lambda error: faults.append(str(error)))
    return page, faults, requests


@pytest.fixture(scope="module")
def visits(address, browser):
    """Page → what was seen of it: what it holds, its faults and requests, what is too wide, cut, or hard to read."""
    axe, seen = Axe(), {}
    for path in sorted(path for path in BOOK.rglob("*.html") if path.parent.name != "playground"):
        name = path.relative_to(BOOK).as_posix()
        page, faults, requests = watched(browser, color_scheme="light")
        page.goto(f"{address}/{name}", wait_until="networkidle")
        visit = seen[name] = {"faults": faults, "requests": requests} | page.evaluate(HELD)
        visit["wider"] = []
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 800})
            visit["wider"] += [(width, right) for right in page.evaluate(WIDER)]
        page.emulate_media(media="print")
        visit["cut"] = page.evaluate(CUT)
        page.evaluate(ONCE)
        visit["unreadable"] = []
        for scheme, options in AXE.items():
            page.emulate_media(media="screen", color_scheme=scheme)
            page.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))")  # drawn anew
            violations = axe.run(page, options=options).response["violations"]
            visit["unreadable"] += [(scheme, v["impact"], v["id"], v["nodes"][0]["html"]) for v in violations]
        page.context.close()
    return seen


def faults(visits, key):
    """Page → what it has under a key, for the pages that have something there."""
    return {name: visit[key] for name, visit in visits.items() if visit[key]}


def test_the_figures(visits, address, capsys):
    assert len(visits) == len(page_paths()) + 1  # the search
    links = [link for visit in visits.values() for link in visit["links"]]
    pictures = sum(len(visit["pictures"]) for visit in visits.values())
    formulas = sum(len(visit["formulas"]) for visit in visits.values())
    inner = [link for link in links if link.startswith(("#", address))]
    assert pictures > 20 and formulas > 20 and len(inner) > 200
    with capsys.disabled():
        print(f"\n{len(visits)} pages, {len(inner)} links inside the book, {len(links) - len(inner)} to elsewhere,")
        print(f"{pictures} pictures, {formulas} formulas, axe's lesser findings:")
        for name, found in faults(visits, "unreadable").items():
            print("  ", name, sorted({(impact, rule) for _, impact, rule, _ in found}))


def test_every_page_loads_without_a_fault(visits):
    assert faults(visits, "faults") == {}


def test_nothing_is_asked_of_another_host(visits, address):
    requests = [url for visit in visits.values() for url in visit["requests"]]
    assert len(requests) > len(visits)
    assert [url for url in requests if not url.startswith((address, "data:"))] == []


def test_every_link_and_every_anchor_leads_somewhere(visits, address):
    broken = []
    for name, visit in visits.items():
        for link in visit["links"]:
            if not link.startswith(("#", address)):
                assert link.startswith("https://"), link
                continue
            target, _, anchor = link.removeprefix(address).lstrip("/").partition("#")
            target = target.partition("?")[0] or name
            if target == "playground/index.html":  # it takes a state after its #, and `make play-test` reads it
                anchor = ""
            if not (BOOK / target).is_file() or (anchor and anchor not in visits[target]["anchors"]):
                broken.append((name, link))
    assert broken == []


def test_every_formula_is_drawn(visits):
    assert [name for name, visit in visits.items() if not all(visit["formulas"])] == []
    assert faults(visits, "errors") == {}


def test_every_picture_is_loaded_and_has_a_text(visits):
    pictures = [(name, picture) for name, visit in visits.items() for picture in visit["pictures"]]
    assert [(name, p) for name, p in pictures if not p["loaded"] or len(p["alt"].split()) < 5] == []


def test_no_page_and_no_picture_is_wider_than_the_window(visits):
    assert faults(visits, "wider") == {}


def test_paper_shows_every_line_of_code_to_its_end(visits):
    assert faults(visits, "cut") == {}


def test_the_headings_are_in_order(visits):
    for name, visit in visits.items():
        levels = visit["headings"] if name != "search.html" else [1]
        assert levels.count(1) == 1 and levels[0] == 1, name
        assert all(after <= before + 1 for before, after in itertools.pairwise(levels)), (name, levels)


def test_axe_finds_nothing_serious(visits):
    serious = [
        (name, *v) for name, visit in visits.items() for v in visit["unreadable"] if v[1] in ("serious", "critical")
    ]
    assert serious == []


def test_each_page_says_what_it_is(visits):
    described = {name: visit for name, visit in visits.items() if name != "search.html"}
    for key in ("title", "description"):
        assert len({visit[key] for visit in described.values()}) == len(described), key
    assert all(len(visit["description"]) > 30 for visit in described.values())


@pytest.mark.parametrize("place", ["server", "folder"])
def test_the_search_finds_ftrl(browser, address, place):
    page, faults, _ = watched(browser)
    page.goto(f"{address if place == 'server' else BOOK.as_uri()}/index.html")
    page.get_by_role("textbox", name="Search").fill("FTRL")
    page.keyboard.press("Enter")
    page.wait_for_selector("ul.search li a")
    assert page.locator("ul.search li a", has_text="The wide model").count() >= 1
    page.wait_for_load_state("networkidle")
    page.locator("ul.search li a", has_text="The wide model").first.click()
    page.wait_for_url("**/02_wide_model.html*")
    assert faults == []
    page.context.close()


def test_a_folded_solution_opens_with_a_click(browser, address):
    page, _, _ = watched(browser)
    page.goto(f"{address}/notebooks/{NOTEBOOKS[0].stem}.html")
    code = page.locator("details", has_text="Show a solution").first.locator("pre")
    assert not code.is_visible()
    page.locator("summary", has_text="Show a solution").first.click()
    assert code.is_visible()
    assert "BEGIN SOLUTION" in code.inner_text()
    page.context.close()


def test_the_dark_can_be_chosen_and_code_can_be_copied(browser, address):
    page, _, _ = watched(browser, color_scheme="light", permissions=["clipboard-read", "clipboard-write"])
    page.goto(f"{address}/index.html")
    colour = "() => getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(colour)
    page.locator(".theme-toggle:visible").first.click()
    assert page.evaluate("() => document.body.dataset.theme") == "dark"
    assert page.evaluate(colour) != light
    page.locator("div.highlight").first.hover()
    page.locator("button.copybtn").first.click()
    assert page.evaluate("() => navigator.clipboard.readText()").startswith("make lab")
    page.context.close()


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_lesson_can_be_downloaded_as_it_is_committed(browser, address, notebook):
    page, _, _ = watched(browser)
    page.goto(f"{address}/notebooks/{notebook.stem}.html")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the notebook").click()
    assert pathlib.Path(download.value.path()).read_bytes() == notebook.read_bytes()
    page.context.close()


def test_a_changed_output_is_all_that_changes_wherever_the_book_is_built(tmp_path):
    """The same bytes from another folder and with another order of sets, but for the output that was changed."""
    ignore = shutil.ignore_patterns(".[!g]*", "build", "*.egg-info", "__pycache__")  # .git has dates
    copy = pathlib.Path(shutil.copytree(ROOT, tmp_path / "elsewhere", ignore=ignore))
    path = copy / "notebooks" / NOTEBOOKS[0].name
    notebook = nbformat.read(path, as_version=4)
    output = next(o for cell in notebook.cells for o in cell.get("outputs", []) if o.output_type == "stream")
    output.text = "another result\n"
    nbformat.write(notebook, path)
    closed = {f"{kind}_proxy": "http://127.0.0.1:9" for kind in ("http", "https")}
    environment = os.environ | closed | {"PYTHONHASHSEED": "7"}
    subprocess.run([sys.executable, "-m", "tools.book"], cwd=copy, env=environment, check=True)
    first, second = BOOK, copy / "build" / "book"
    files = {path.relative_to(first).as_posix() for path in first.rglob("*") if path.is_file()}
    assert files == {path.relative_to(second).as_posix() for path in second.rglob("*") if path.is_file()}
    changed = {file for file in files if (first / file).read_bytes() != (second / file).read_bytes()}
    lesson = f"notebooks/{NOTEBOOKS[0].stem}"
    assert {f"{lesson}.html", f"{lesson}.ipynb"} <= changed <= {f"{lesson}.html", f"{lesson}.ipynb", "searchindex.js"}
    assert "another result" in (second / f"{lesson}.html").read_text(encoding="utf-8")


LOOKS = {
    "first page": ("index.html", 1366, "light", "h1"),
    "lesson": (f"notebooks/{NOTEBOOKS[1].stem}.html", 1366, "light", "div.math"),
    "plot": (f"notebooks/{NOTEBOOKS[2].stem}.html", 1366, "light", ".cell_output img"),
    "exercise": (f"notebooks/{NOTEBOOKS[0].stem}.html", 1366, "light", "#exercises"),
    "table": ("index.html", 1366, "light", "#results"),
    "phone": (f"notebooks/{NOTEBOOKS[0].stem}.html", 390, "light", "h1"),
    "phone table": ("benchmarks/README.html", 390, "light", "table"),
    "dark": (f"notebooks/{NOTEBOOKS[3].stem}.html", 1366, "dark", ".cell_output img"),
    "dark first page": ("index.html", 1366, "dark", "h1"),
}


@pytest.mark.parametrize("look", LOOKS)
def test_there_is_a_picture_of_it_for_a_person_to_look_at(browser, address, look):
    name, width, scheme, place = LOOKS[look]
    page, faults, _ = watched(browser, color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 768})
    page.goto(f"{address}/{name}", wait_until="networkidle")
    page.evaluate("async () => await window.MathJax?.startup?.promise")
    page.evaluate("place => scrollTo(0, document.querySelector(place).getBoundingClientRect().top - 90)", place)
    page.wait_for_timeout(200)
    page.screenshot(path=SCREENSHOTS / f"{look.replace(' ', '-')}.png")
    assert faults == []
    page.context.close()

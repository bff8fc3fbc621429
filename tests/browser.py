"""Open the notebooks in JupyterLab in a real browser, as a reader does: `make browser`. Needs chromium.

Every notebook is run with Kernel > Restart Kernel and Run All Cells…, and must end without an error, with every figure
drawn, and with progress shown while a model trains. Then a student's copy is opened and one exercise is solved in it.
What a person should look at is in build/screenshots/.
"""

import contextlib
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request

import nbformat
from playwright.sync_api import sync_playwright
from support.exercises import ROOT, SOURCE, exercises, marks

FOLDER, SCREENSHOTS = ROOT / "build" / "browser", ROOT / "build" / "screenshots"
LAPTOP = {"width": 1366, "height": 768}
CELLS = """() => {
  const panel = jupyterapp.shell.currentWidget;
  return panel.content.widgets.map(widget => ({
    type: widget.model.type, count: widget.model.executionCount ?? null,
    outputs: widget.model.type === 'code' ? widget.model.outputs.toJSON() : []
  }));
}"""
KERNEL = "() => jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel?.status ?? null"
SAVED = "() => !jupyterapp.shell.currentWidget.context.model.dirty"
SHOW = """async index => {
  const content = jupyterapp.shell.currentWidget.content;
  content.activeCellIndex = index;
  await content.scrollToItem(index, 'start');
}"""
PROGRESS = """index => {
  const output = jupyterapp.shell.currentWidget.content.widgets[index].node.querySelector('.jp-Cell-outputArea');
  const { top, bottom } = output.getBoundingClientRect();
  return output.innerText.includes(': epoch ') && bottom > 0 && top < window.innerHeight;
}"""
PICTURES = """index => [...jupyterapp.shell.currentWidget.content.widgets[index].node.querySelectorAll('img')]
  .map(image => image.complete && image.naturalWidth > 0 && image.getBoundingClientRect().height > 0)"""


def chromium():
    """The path of a Chromium or Chrome on this machine."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if shutil.which(name):
            return shutil.which(name)
    sys.exit("There is no chromium on this machine: on Debian, apt-get install chromium.")


@contextlib.contextmanager
def lab(folder):
    """A running JupyterLab that shows `folder`; yields its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {
        "JUPYTER_CONFIG_PATH": str(ROOT / "tools" / "lab"),
        "JUPYTERLAB_SETTINGS_DIR": str(folder.parent / "lab-settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder.parent / "lab-workspaces"),
    }
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--ServerApp.port={port}"]
    command += [f"--ServerApp.root_dir={folder}", "--IdentityProvider.token=", "--LabApp.expose_app_in_browser=True"]
    with (folder.parent / "lab.log").open("w") as log:
        server = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log)
        try:
            address = f"http://127.0.0.1:{port}"
            wait(lambda: answers(f"{address}/api"), 120, "JupyterLab does not start: see build/browser/lab.log")
            yield address
        finally:
            server.terminate()
            server.wait()


def answers(address):
    try:
        return urllib.request.urlopen(address, timeout=5).status == 200
    except OSError:
        return False


def wait(condition, seconds, otherwise):
    """Wait until a condition holds, and return what it gives; end the check if it does not hold in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.5)
    raise AssertionError(otherwise)


def open_notebook(page, address, path):
    page.goto(f"{address}/lab/tree/{path}?reset")
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=120_000)
    wait(lambda: page.evaluate(KERNEL) == "idle", 120, f"{path}: the kernel does not get ready")


def menu(page, *names):
    """Choose an entry of JupyterLab's menu by its names, such as 'Kernel' and 'Restart Kernel'."""
    page.locator(".lm-MenuBar-itemLabel", has_text=names[0]).first.click()
    *between, last = (page.locator(".lm-Menu-itemLabel", has_text=re.compile(f"^{name}$")) for name in names[1:])
    for entry in between:
        entry.hover()  # opens a menu beside this one
    last.click()


def run_all(page, path):
    """Restart the kernel and run all cells; return the cells, and whether a running one showed progress."""
    menu(page, "Kernel", "Restart Kernel and Run All Cells…")
    page.locator(".jp-Dialog .jp-mod-accept").click()
    code = [cell for cell in page.evaluate(CELLS) if cell["type"] == "code"]
    wait(lambda: any(c["count"] is None for c in page.evaluate(CELLS) if c["type"] == "code"), 60, f"{path}: no start")
    live = False

    def finished():
        nonlocal live
        cells = page.evaluate(CELLS)
        for index, cell in enumerate(cells):
            running = cell["type"] == "code" and cell["count"] is None
            if not live and running and any(": epoch " in "".join(out.get("text", "")) for out in cell["outputs"]):
                picture_of(page, f"{pathlib.Path(path).stem}-progress", index)
                live = page.evaluate(PROGRESS, index)
        return all(cell["count"] for cell in cells if cell["type"] == "code") and page.evaluate(KERNEL) == "idle"

    wait(finished, 900, f"{path}: the run does not end")
    cells = page.evaluate(CELLS)
    assert [c["count"] for c in cells if c["type"] == "code"] == list(range(1, len(code) + 1)), f"{path}: not in order"
    return cells, live


def picture_of(page, name, cell=None):
    """A screenshot, of a cell at the top of the window if one is named."""
    if cell is not None:
        page.evaluate(SHOW, cell)
        page.wait_for_timeout(500)
    page.screenshot(path=SCREENSHOTS / f"{name}.png")


def check_tutorial(page, address, stem):
    path = f"notebooks/{stem}.ipynb"
    open_notebook(page, address, path)
    cells, live = run_all(page, path)
    menu(page, "File", "Save Notebook")
    wait(lambda: page.evaluate(SAVED), 20, f"{path}: it is not saved")
    saved, committed = (nbformat.read(folder / path, as_version=4) for folder in (FOLDER, ROOT))
    assert [saved.metadata, [cell.source for cell in saved.cells], [cell.metadata for cell in saved.cells]] == [
        committed.metadata,
        [cell.source for cell in committed.cells],
        [cell.metadata for cell in committed.cells],
    ], f"{path}: running it changed more than its outputs"
    errors = [out for cell in cells for out in cell["outputs"] if out["output_type"] == "error"]
    assert not errors, f"{path}: {errors[0]['ename']}: {errors[0]['evalue']}"
    source = "".join(cell.source for cell in SOURCE[stem].cells if not marks(cell))
    assert live == ("wdl.train(" in source), f"{path}: progress was {'' if live else 'not '}seen"
    drawn = [i for i, cell in enumerate(cells) if any("image/png" in out.get("data", {}) for out in cell["outputs"])]
    for index in drawn:
        page.evaluate(SHOW, index)
        wait(lambda index=index: page.evaluate(PICTURES, index) == [True], 20, f"{path}: figure of cell {index}")
    tables = [i for i, cell in enumerate(cells) if any("text/html" in out.get("data", {}) for out in cell["outputs"])]
    ends = next(i for i, cell in enumerate(SOURCE[stem].cells) if cell.source.startswith("## Exercises"))
    for theme in ("Light", "Dark"):
        menu(page, "Settings", "Theme", f"JupyterLab {theme}")
        page.wait_for_timeout(2000)
        shown = {"card": 0, "figure": drawn[0], "figure-last": drawn[-1], "table": tables[0], "exercises": ends}
        for name, index in shown.items():
            picture_of(page, f"{stem}-{theme.lower()}-{name}", index)
    menu(page, "Settings", "Theme", "JupyterLab Light")
    menu(page, "View", "Table of Contents")
    page.wait_for_timeout(1500)
    picture_of(page, f"{stem}-contents", 0)
    menu(page, "View", "Table of Contents")
    print(f"{stem}: {len(cells)} cells, {len(drawn)} figures{', live progress' if live else ''}", flush=True)


def check_exercise(page, address, stem):
    """Solve the first exercise of a student's copy by typing, and see its test pass."""
    path = f"release/notebooks/{stem}.ipynb"
    released = nbformat.read(FOLDER / path, as_version=4)
    name, (answer, test, *_) = next(iter(exercises(released).items()))
    position = {marks(cell).get("grade_id"): i for i, cell in enumerate(released.cells)}
    imports, typed, tested = (position[marks(cell)["grade_id"]] for cell in (released.cells[1], answer, test))
    open_notebook(page, address, path)

    def run(index):
        page.evaluate(SHOW, index)
        page.locator(".jp-Notebook .jp-Cell").nth(index).locator(".jp-InputPrompt").click()
        page.keyboard.press("Shift+Enter")
        wait(lambda: page.evaluate(CELLS)[index]["count"] and page.evaluate(KERNEL) == "idle", 120, f"{path}: {index}")
        return [out.get("ename") for out in page.evaluate(CELLS)[index]["outputs"]]

    assert run(imports) == [] and run(typed) == []
    assert run(tested) == ["NotImplementedError"], "the empty answer says that it is not there yet"
    picture_of(page, f"student-{stem}-before", typed)
    page.locator(".jp-Notebook .jp-Cell").nth(typed).locator(".cm-content").click()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(exercises(SOURCE[stem])[name][0].source)
    assert run(typed) == [] and run(tested) == [], "the answer passes its test"
    picture_of(page, f"student-{stem}-after", typed)
    print(f"student's copy of {stem}: '{name}' is solved by typing, and its test passes")


def main():
    shutil.rmtree(FOLDER, ignore_errors=True)
    shutil.rmtree(SCREENSHOTS, ignore_errors=True)
    SCREENSHOTS.mkdir(parents=True)
    subprocess.run([sys.executable, "-m", "course.release"], cwd=ROOT, check=True)
    for name in ("notebooks", "benchmarks", "README.md"):  # a copy: JupyterLab saves what it runs
        source, target = ROOT / name, FOLDER / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
    shutil.copytree(ROOT / "build" / "release", FOLDER / "release")
    stems = sys.argv[1:] or list(SOURCE)
    with lab(FOLDER) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        page = browser.new_page(viewport=LAPTOP)
        try:
            for stem in stems:
                check_tutorial(page, address, stem)
            check_exercise(page, address, stems[0])
        except Exception:
            picture_of(page, "where-it-failed")
            raise
        browser.close()
    print("build/screenshots/ has the pictures to look at")


if __name__ == "__main__":
    main()

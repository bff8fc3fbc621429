"""Slides of the core notebooks, made from their headings, pictures and sentences: `make slides` writes build/slides/.

    python -m tools.slides [02 …]    a page to show and a PDF to print for each notebook, of 1 to 5 if none is named

A slide is an output, a drawing, a formula or a question of the lesson, with the sentence or two that go with it. Asides
and code are left out. Last come the recap and the six questions, without their answers.
"""

import argparse
import base64
import dataclasses
import html
import pathlib
import re
import sys

from tools.printing import copy_mathjax, open_page
from tools.reading_time import is_collapsed, is_folded, lesson_cells

import nbformat
from nbconvert.filters import markdown2html
from nbformat import NotebookNode

ROOT = pathlib.Path(__file__).resolve().parent.parent
SLIDES = ROOT / "build" / "slides"
CORE = ("01", "02", "03", "04", "05")
SENTENCES = 2  # that stand below a picture
LINES = 14  # of printed text that a slide can hold
# A sentence ends before a capital, a formula or an emphasis; within formulas and code no sentence ends.
END = re.compile(r"(?:(?<=[.!?])|(?<=[.!?]\*\*)|(?<=[.!?]\)))\s+(?=[A-Z“$*(`])")
KEPT = re.compile(r"\$\$.*?\$\$|\$[^$]+\$|`[^`]+`|\bet al\.", re.S)
ONE_LINE = re.compile(r"(<pre>[^\n]*</pre>)?")  # of which nothing is said shows nothing
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width"><style>{style}</style>
<script>MathJax = {{tex: {{inlineMath: [["$", "$"]]}}, options: {{enableMenu: false}}}};</script>
<script src="mathjax/tex-chtml-full.js" defer></script></head>
<body>{slides}<script>{script}</script></body></html>
"""
STYLE = """
@page { size: 1280px 720px; margin: 0; }
html { scroll-snap-type: y mandatory; }
body { margin: 0; font-family: "DejaVu Sans", Verdana, sans-serif; color: #222; background: #fff; }
section { box-sizing: border-box; width: 100vw; height: 100vh; padding: 5vh 6vw; scroll-snap-align: start;
  overflow: hidden; display: flex; flex-direction: column; break-after: page; position: relative; font-size: 2.9vh;
  line-height: 1.45; }
section::after { content: ""; margin-top: auto; }
h2 { margin: 0 0 auto; font-size: 1.35em; color: #1f4e79; }
.shown { display: flex; flex-direction: column; align-items: center; margin-top: 2vh; }
.shown img { max-width: 88vw; max-height: 66vh; object-fit: contain; }
.said { margin-top: 2vh; }
.text .said { font-size: 1.3em; }
.title h1 { font-size: 2em; margin: auto 0 0; color: #1f4e79; }
.number { position: absolute; right: 2vw; bottom: 2vh; color: #666; font-size: 0.6em; }
pre { font-size: 1.1em; } blockquote { border-left: 4px solid #d9822b; margin: 0; padding-left: 1em; }
table { border: none; border-collapse: collapse; font-size: 1.1em; }
th, td { text-align: right; padding: 0.2em 0.8em; border: none; border-bottom: 1px solid #ccc; }
.anchor-link { display: none; }
section:not(:has(.said)) .shown img { max-height: 78vh; }
@media print { section { width: 1280px; height: 720px; font-size: 21px; } }
"""
# What is too large for a slide gets smaller letters; the keys and a click turn the page.
SCRIPT = """
const slides = [...document.querySelectorAll("section")];
const full = slide => slide.scrollHeight > slide.clientHeight + 1 || slide.scrollWidth > slide.clientWidth + 1;
const fit = () => slides.forEach(slide => {
  slide.style.fontSize = "";
  for (let size = parseFloat(getComputedStyle(slide).fontSize); full(slide) && size > 9; size *= 0.93)
    slide.style.fontSize = size + "px";
});
addEventListener("load", () => MathJax.startup.promise.then(fit));
addEventListener("resize", fit);
addEventListener("keydown", event => {
  const step = { ArrowRight: 1, ArrowDown: 1, PageDown: 1, " ": 1, ArrowLeft: -1, ArrowUp: -1, PageUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const now = Math.round(scrollY / innerHeight);
  slides[Math.max(0, Math.min(slides.length - 1, now + step))].scrollIntoView();
});
"""


@dataclasses.dataclass
class Slide:
    """A slide: its heading, what it shows as HTML, and what it says as Markdown."""

    heading: str
    shown: str = ""
    said: str = ""


def split_sentences(text: str) -> list[str]:
    """The sentences of a paragraph.

    Args:
        text: Markdown.

    Example:
        >>> split_sentences("Cheng et al. add $a$. The loss is one, $L. D$. And so on.")
        ['Cheng et al. add $a$.', 'The loss is one, $L. D$.', 'And so on.']
    """
    kept: list[str] = []

    def put_away(match: re.Match[str]) -> str:
        kept.append(match[0])
        # A formula keeps its first letter, by which the end of the sentence before it is known.
        return f"{match[0][0]}\x00{len(kept) - 1}\x00"

    parts = END.split(KEPT.sub(put_away, " ".join(text.split())))
    return [re.sub(r".\x00(\d+)\x00", lambda match: kept[int(match[1])], part) for part in parts if part]


def remove_links(text: str) -> str:
    """Markdown in which a link to a file of the project is its text alone."""
    return re.sub(r"(?<!!)\[([^\]]+)\]\((?!https?:)[^)]*\)", r"\1", text)


def data_url(mime_type: str, content: bytes) -> str:
    """Bytes as an address that a page can hold."""
    return f"data:{mime_type};base64,{base64.b64encode(content).decode()}"


def drawing_html(markdown: str, folder: pathlib.Path) -> str:
    """A drawing of the text as HTML that needs no file.

    Args:
        markdown: such as '![A line.](images/line.svg)'.
        folder: the notebook's.
    """
    found = re.match(r"!\[(.*?)\]\((.*?)\)", markdown, re.S)
    if found is None:
        raise ValueError(f"Expected a picture in Markdown; got {markdown[:40]!r}.")
    url = data_url("image/svg+xml", (folder / found[2]).read_bytes())
    return f'<img src="{url}" alt="{html.escape(found[1])}" style="width: 88vw">'


def output_html(shown: NotebookNode) -> str:
    """An output of a cell as HTML; empty if it is too long for a slide."""
    data = shown.get("data", {})
    if "image/png" in data:
        alt = html.escape(shown.metadata["image/png"]["alt"])
        return f'<img src="data:image/png;base64,{data["image/png"].strip()}" alt="{alt}">'
    if "text/html" in data:
        return re.sub(r"<style.*?</style>", "", data["text/html"], flags=re.S)
    text: str = shown.get("text", "").rstrip()
    return f"<pre>{html.escape(text)}</pre>" if 0 < len(text.splitlines()) <= LINES else ""


def make_caption(paragraph: str) -> str:
    """What a paragraph says in a sentence or two: from what it prints in bold, or how it begins."""
    all_of_it = split_sentences(paragraph)
    bold = [i for i, sentence in enumerate(all_of_it) if re.search(r"\*\*[a-zA-Z]", sentence)]
    first = bold[0] if bold else 0
    caption = " ".join(all_of_it[first : first + (1 if bold else SENTENCES)])
    return caption if re.search(r"[.!?:)]\**$", caption) else ""  # a sentence that a formula ends stands with it


class Deck:
    """The slides of a notebook, as they are collected from its top to its end."""

    def __init__(self, notebook: NotebookNode, folder: pathlib.Path):
        self.folder = folder
        self.heading = ""
        self.before = ""  # the paragraph before, which leads to what is shown next
        self.slides: list[Slide] = []
        self.collect(lesson_cells(notebook))
        self.slides = [slide for slide in self.slides if slide.said or not ONE_LINE.fullmatch(slide.shown)]
        self.ask(notebook)

    def add(self, shown: str = "", said: str = "") -> None:
        """A slide under the present heading."""
        self.slides.append(Slide(self.heading, shown, said))

    def collect(self, cells: list[NotebookNode]) -> None:
        """The slides of a lesson, whose asides are left out."""
        aside = 0
        for cell in cells:
            head = re.match(r"(#+) (.+)", cell.source) if cell.cell_type == "markdown" else None
            if head:
                aside = len(head[1]) if is_collapsed(cell) else 0 if len(head[1]) <= aside else aside
            if aside or is_folded(cell):
                continue
            if head:
                self.heading = head[2]
                self.before = ""
                if head[1] == "#":
                    self.title(cell.source)
                else:
                    self.add()
            elif cell.cell_type == "markdown":
                self.text(cell.source)
            else:
                for shown in filter(None, map(output_html, cell.outputs)):
                    self.add(shown)

    def title(self, card: str) -> None:
        """The first slide, from the card at the notebook's head."""
        rows = dict(re.findall(r"^\| \*\*(.+?)\*\* \| (.+) \|$", card, re.M))
        self.add(said=f"{rows['Question']}\n\n{rows['You learn'][0].upper()}{rows['You learn'][1:]}.")

    def text(self, source: str) -> None:
        """What a cell of text has for slides: drawings, formulas, questions, and sentences to what was shown before."""
        source = re.sub(r"<details>.*?</details>", "", source, flags=re.S)
        if self.heading == "What to remember":
            self.slides[-1].said = source
            return
        if self.heading == "At work":
            return
        quotes = re.findall(r"^>.*(?:\n>.*)*", source, re.M)
        for paragraph in re.split(r"\n\s*\n", source):
            if paragraph in quotes:
                if paragraph == quotes[0]:
                    self.add(said="\n\n".join(quotes))
            elif paragraph.startswith("!["):
                self.add(drawing_html(paragraph, self.folder), make_caption(self.before))
            elif paragraph.startswith("$$"):
                self.formula(paragraph)
            elif paragraph.strip():
                if not paragraph.rstrip().endswith(":"):  # that leads to what comes next
                    self.paragraph(paragraph)
                self.before = paragraph

    def formula(self, formula: str) -> None:
        """A formula below the sentences that lead to it."""
        if self.slides[-1].shown or self.slides[-1].heading != self.heading:
            self.add()
        if self.slides[-1].said:  # a second one, or a question before
            self.add()
        spoken = " ".join(split_sentences(self.before)[-SENTENCES:])
        self.slides[-1].said = f"{spoken}\n\n{formula}"

    def paragraph(self, paragraph: str) -> None:
        """A question, a table, or sentences for the slide before, if it has none."""
        question = re.search(r"\*\*Predict\b.*", paragraph, re.S)
        if paragraph.startswith("|"):
            self.add(markdown2html(paragraph))
        elif question:
            leads = split_sentences(paragraph[: question.start()])[-SENTENCES:]
            if self.slides[-1].shown or "**Predict" in self.slides[-1].said:
                self.add()
            self.slides[-1].said += f"\n\n{' '.join(leads)}\n\n{question[0]}"
        elif re.match(r"(\d+\.|-) ", paragraph):
            self.add(said=paragraph)
        elif not self.slides[-1].said and self.slides[-1].heading == self.heading:
            self.slides[-1].said = make_caption(paragraph)

    def ask(self, notebook: NotebookNode) -> None:
        """A slide for each question with which readers check themselves, without the answer."""
        for cell in notebook.cells:
            if cell.get("id") == "check-yourself":
                questions = re.sub(r"<details>.*?</details>", "", cell.source, flags=re.S)
                for question in re.split(r"^(?=\*\*\d\.\*\*)", questions, flags=re.M)[1:]:
                    self.slides.append(Slide("Check yourself", said=question.strip()))


def make_page(path: pathlib.Path) -> str:
    """The slides of a notebook as one page of HTML.

    Args:
        path: the notebook's file.
    """
    slides = Deck(nbformat.read(path, as_version=4), path.parent).slides
    parts = []
    for number, slide in enumerate(slides, 1):
        level = "h1" if number == 1 else "h2"
        css_class = "title" if number == 1 else "" if slide.shown else "text"
        parts += [f'<section class="{css_class}"><{level}>{html.escape(slide.heading)}</{level}>']
        parts += [f'<div class="shown">{slide.shown}</div>'] if slide.shown else []
        parts += [f'<div class="said">{markdown2html(remove_links(slide.said))}</div>'] if slide.said else []
        parts += [f'<div class="number">{number}</div></section>']
    return PAGE.format(title=html.escape(slides[0].heading), style=STYLE, script=SCRIPT, slides="\n".join(parts))


def write_slides(path: pathlib.Path) -> int:
    """Write the slides of a notebook to build/slides/, as a page and as a PDF.

    Args:
        path: the notebook's file.

    Returns:
        How many slides there are.

    Raises:
        SystemExit: a slide holds more than fits on it.
    """
    target = SLIDES / f"{path.stem}.html"
    target.write_text(make_page(path), encoding="utf-8", newline="\n")
    with open_page(target) as shown:
        shown.emulate_media(media="print")
        shown.evaluate("() => { fit(); }")
        too_full = shown.evaluate("() => slides.map((slide, i) => full(slide) ? i + 1 : 0).filter(Boolean)")
        if too_full:
            sys.exit(f"{target.name}: more than fits on slides {too_full}")
        shown.pdf(path=target.with_suffix(".pdf"), prefer_css_page_size=True, print_background=True)
        count: int = shown.evaluate("() => slides.length")
    return count


def main() -> None:
    """Write the slides of the notebooks that are named."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("numbers", nargs="*", default=CORE, help="notebooks, such as 02; 1 to 5 if none is named")
    SLIDES.mkdir(parents=True, exist_ok=True)
    copy_mathjax(SLIDES / "mathjax")
    for number in parser.parse_args().numbers:
        (path,) = (ROOT / "notebooks").glob(f"{number}_*.ipynb")
        print(f"build/slides/{path.stem}.html and .pdf: {write_slides(path)} slides", flush=True)


if __name__ == "__main__":
    main()

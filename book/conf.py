"""How Sphinx makes the book; tools/book.py writes its source and starts it."""

import hashlib
import html
import pathlib
import shutil
import subprocess
import sys
from base64 import b64decode

import nbformat
from docutils import nodes

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from tools.book import ROOT, SOURCE, repository_address

# The repository's owner and name, if pyproject.toml has its address; then the pages can say where they are published.
PLACE = repository_address().removeprefix("https://github.com/") if repository_address() else None

project = "Wide & Deep learning"
html_title = "Wide & Deep learning, step by step"
language = "en"
extensions = ["myst_nb", "sphinx_copybutton"]
exclude_patterns = ["README.md"]  # index.md includes it

myst_enable_extensions = ["dollarmath"]
# "page:" leads to a page that Sphinx does not make, the playground; what follows its # is the page's own affair.
myst_url_schemes = {"http": None, "https": None, "mailto": None, "page": "{{path}}#{{fragment}}"}
myst_heading_anchors = 4  # a link to a heading names it as the repository's page does
nb_execution_mode = "off"
nb_ipywidgets_js = {}  # its default names another host
nb_merge_streams = True
mathjax_path = "mathjax/tex-chtml-full.js"
mathjax3_config = {"options": {"enableMenu": False}}  # the menu would fetch what is not shipped

html_theme = "furo"
html_static_path = ["static", str(SOURCE / "_static")]
html_css_files = ["book.css"]
html_js_files = ["book.js"]
html_favicon = "static/icon.svg"
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
html_use_index = False
html_baseurl = "https://{}.github.io/{}/".format(*PLACE.split("/")) if PLACE else ""
copybutton_selector = "div.cell_input pre, div:not(.cell_output) > div.highlight pre"
pygments_style = "a11y-light"
pygments_dark_style = "a11y-dark"


def describe_pictures(app, doctree):
    """Give each picture of an output the text that the notebook holds for it."""
    path = pathlib.Path(app.env.doc2path(app.env.docname))
    if path.suffix != ".ipynb":
        return
    texts = {}
    for cell in nbformat.read(path, as_version=4).cells:
        for output in cell.get("outputs", []):
            picture = output.get("data", {}).get("image/png")
            if picture:
                texts[hashlib.sha256(b64decode(picture)).hexdigest()] = output.metadata["image/png"]["alt"]
    for image in doctree.findall(nodes.image):
        image["alt"] = texts.get(pathlib.PurePosixPath(image["uri"]).stem, image.get("alt", ""))


def description(doctree):
    """A sentence or two for search engines: what a lesson teaches, or how a page begins."""
    for row in doctree.findall(nodes.row):
        if row.astext().startswith("You learn"):
            text = row[1].astext()
            return f"{text[0].upper()}{text[1:]}."
    return next(p for p in doctree.findall(nodes.paragraph) if isinstance(p.parent, nodes.section)).astext()


def last_changed(source):
    """The day of a file's last commit; None without git, or without its history."""
    if not shutil.which("git"):
        return None
    file = "README.md" if source.name == "index.md" else source.relative_to(SOURCE).as_posix()
    said = []
    for command in (["rev-parse", "--is-shallow-repository"], ["log", "-1", "--format=%cs", "--", file]):
        done = subprocess.run(["git", *command], cwd=ROOT, capture_output=True, text=True, check=False)
        said.append(done.stdout.strip())
    return said[1] if said[0] == "false" and said[1] else None


def buttons(name):
    """A lesson's links: to its notebook, and to hosts that run it, as soon as they can know where it is."""
    links = [f'<a href="{name}" download>Download the notebook</a>']
    if PLACE:
        links.append(f'<a href="https://mybinder.org/v2/gh/{PLACE}/main?urlpath=lab/tree/notebooks/{name}">Binder</a>')
        links.append(f'<a href="https://colab.research.google.com/github/{PLACE}/blob/main/notebooks/{name}">Colab</a>')
        links.append('<a href="../index.html#other-ways-in">How to run it there</a>')
    return f'<p class="buttons">{"".join(links)}</p>'


def add_to_page(app, pagename, templatename, context, doctree):
    """Add what search engines and previews of links read, a lesson's buttons, and the level of the menu's headings."""
    context["furo_navigation_tree"] = context["furo_navigation_tree"].replace(
        'role="heading"', 'role="heading" aria-level="2"'
    )
    if doctree is None:
        return
    text = " ".join(description(doctree).split())
    tags = {"name": {"description": text}, "property": {"og:title": html.unescape(context["title"])}}
    tags["property"] |= {"og:description": text, "og:type": "article", "og:site_name": html_title}
    if html_baseurl:
        tags["property"] |= {"og:url": context["pageurl"], "og:image": f"{html_baseurl}_images/result.png"}
    for kind, contents in tags.items():
        for name, content in contents.items():
            context["metatags"] += f'<meta {kind}="{name}" content="{html.escape(content)}">\n'
    path = pathlib.Path(app.env.doc2path(pagename))
    context["last_updated"] = last_changed(path)
    if path.suffix == ".ipynb":
        context["body"] = context["body"].replace("</h1>", f"</h1>{buttons(path.name)}", 1)


def setup(app):
    app.connect("doctree-read", describe_pictures)
    app.connect("html-page-context", add_to_page, priority=900)  # after the theme made its menu

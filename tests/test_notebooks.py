"""The house rules of the notebooks, checked on the files as they are committed."""

import ast
import base64
import pathlib
import re

from tools.approximate import agrees, numbers_in
from tools.reading_time import (
    WORDS_OF_THE_COURSE,
    count_words,
    find_excesses,
    is_collapsed,
    is_folded,
    lesson_cells,
    reading_minutes,
    words_of_asides,
)

import nbformat
import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
PATHS = sorted((ROOT / "notebooks").glob("*.ipynb"))
NOTEBOOKS = [pytest.param(path, nbformat.read(path, as_version=4), id=path.stem) for path in PATHS]
every_notebook = pytest.mark.parametrize("path, notebook", NOTEBOOKS)

UNSTABLE = re.compile(r"0x[0-9a-f]{6,}|\d+m?s/step|it/s\]|/tmp/|/home/|/Users/|C:\\\\|site-packages")
FORBIDDEN = re.compile(r"^\s*[!%]|filterwarnings|https?://|urlopen|wget|\.\./\.\./|[\"']/(?!\w*[\"'])|;\s*$", re.M)
# A number in the prose that could be a result: with decimals, with thousands, or a percentage.
RESULT = re.compile(r"\d+\.\d+|\d{1,3}(?:,\d{3})+|\d+(?= ?%)")


def test_there_are_the_four_core_notebooks():
    assert [path.stem[:2] for path in PATHS][:4] == ["01", "02", "03", "04"]


def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def prose(notebook):
    return [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]


def outputs(notebook):
    return [output for cell in code(notebook) for output in cell.outputs]


def printed(notebook):
    """All text that the cells print or show."""
    texts = [output.get("text", "") for output in outputs(notebook)]
    for output in outputs(notebook):
        texts += [text for kind, text in output.get("data", {}).items() if kind.startswith("text/")]
    return "\n".join(texts)


def sections(notebook):
    """Title → the section's cells, for each '## ' heading."""
    found, title = {}, None
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for match in re.finditer(r"^## (.+)$", cell.source, re.M):
                title = match[1]
                found[title] = []
        found.setdefault(title, []).append(cell)
    found.pop(None, None)
    return found


def tags(cell):
    return set(cell.metadata.get("tags", []))


@every_notebook
def test_it_is_valid_and_says_only_what_jupyter_needs(path, notebook):
    nbformat.validate(notebook)
    assert notebook.metadata == {
        "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in notebook.cells:
        assert set(cell.metadata) <= {"tags", "jupyter", "nbgrader", "jp-MarkdownHeadingCollapsed"}, (
            "run `make outputs`: a cell carries other metadata"
        )
        assert tags(cell) <= {"approx", "result-console", "readme-picture"}


@every_notebook
def test_it_was_run_once_from_top_to_bottom(path, notebook):
    assert [cell.execution_count for cell in code(notebook)] == list(range(1, len(code(notebook)) + 1))


@every_notebook
def test_a_cells_prints_are_one_output_since_their_pieces_change_with_the_run(path, notebook):
    for cell in code(notebook):
        streams = [output.name for output in cell.outputs if output.output_type == "stream"]
        assert len(streams) == len(set(streams)), cell.source


@every_notebook
def test_its_outputs_hold_no_error_no_warning_and_nothing_that_changes(path, notebook):
    for output in outputs(notebook):
        assert output.output_type != "error"
        assert output.get("name") != "stderr"
    assert not UNSTABLE.search(printed(notebook)), UNSTABLE.search(printed(notebook))


@every_notebook
def test_every_cell_is_compared(path, notebook):
    source = "\n".join(cell.source for cell in code(notebook)).lower()
    assert "nbval" not in source, "no cell is skipped or ignored"


@every_notebook
def test_what_is_folded_in_its_lesson_proves_and_shows_nothing(path, notebook):
    for cell in lesson_cells(notebook):
        if is_folded(cell):
            assert cell.cell_type == "code" and "assert " in cell.source and not cell.outputs


@every_notebook
def test_its_lesson_keeps_to_the_budget(path, notebook):
    assert not find_excesses(notebook), find_excesses(notebook)


@every_notebook
def test_a_heading_is_a_cell_of_its_own_so_that_its_section_can_be_folded(path, notebook):
    for cell in lesson_cells(notebook)[1:]:
        if cell.cell_type == "markdown" and re.search(r"^##+ ", cell.source, re.M):
            assert len(cell.source.splitlines()) == 1, cell.source


@every_notebook
def test_what_is_collapsed_is_an_aside_and_every_aside_is_collapsed(path, notebook):
    for cell in notebook.cells:
        is_aside = cell.cell_type == "markdown" and re.match(r"##+ Aside · \w", cell.source)
        assert bool(is_aside) == is_collapsed(cell), cell.source
    assert not [cell for cell in notebook.cells if is_collapsed(cell) and cell not in lesson_cells(notebook)]
    assert len(words_of_asides(lesson_cells(notebook))) == sum(is_collapsed(cell) for cell in notebook.cells), (
        "two have one title"
    )


@every_notebook
def test_a_proof_for_machines_is_the_last_cell_of_its_section(path, notebook):
    for title, cells in sections(notebook).items():
        if title != "Exercises":
            assert not any(is_folded(cell) for cell in cells[:-1]), f"'{title}' has a folded cell before its end"


@every_notebook
def test_its_card_says_how_long_it_takes_to_read(path, notebook):
    said, counted = card_minutes(notebook), reading_minutes(lesson_cells(notebook))
    assert abs(said - counted) <= 3, f"the card says {said} minutes; reading takes {counted:.0f}"


def test_the_notebooks_together_keep_to_the_budget():
    assert sum(count_words(lesson_cells(param.values[1])) for param in NOTEBOOKS) <= WORDS_OF_THE_COURSE


def card_minutes(notebook):
    return int(re.search(r"(\d+) minutes", notebook.cells[0].source)[1])


@every_notebook
def test_it_opens_with_a_card(path, notebook):
    card = notebook.cells[0].source
    assert re.match(rf"# {int(path.stem[:2])} · \w", card)
    for row in ("You learn", "You need", "Time", "Go to"):
        assert f"| **{row}** |" in card
    assert card_minutes(notebook) > 0
    assert "(../README.md" in card
    neighbours = [PATHS[i] for i in (PATHS.index(path) - 1, PATHS.index(path) + 1) if 0 <= i < len(PATHS)]
    assert [n.name for n in neighbours if f"({n.name})" not in card] == []


@every_notebook
def test_it_has_one_title_and_ends_with_a_recap_and_exercises(path, notebook):
    lines = "\n".join(prose(notebook)).splitlines()
    assert sum(line.startswith("# ") for line in lines) == 1
    assert list(sections(notebook))[-3:] == ["What to remember", "At work", "Exercises"]
    open_questions = notebook.cells[-1].source
    assert open_questions.startswith("### Predict and try\n")
    assert len(re.findall(r"^\d+\. ", open_questions, re.M)) >= 2


@every_notebook
def test_it_leads_on_where_it_ends_as_its_card_does(path, notebook):
    card = re.search(r"^\| \*\*Go to\*\* \| (.*) \|$", notebook.cells[0].source, re.M)[1]
    assert notebook.cells[-1].source.splitlines()[-1] == f"Go to: {card}"


@every_notebook
def test_it_proves_what_it_claims(path, notebook):
    assert any("assert " in cell.source for cell in lesson_cells(notebook) if cell.cell_type == "code")


@every_notebook
def test_its_first_cell_imports_the_helpers_first_and_fixes_the_seed(path, notebook):
    lines = code(notebook)[0].source.splitlines()
    assert lines[0].startswith("import wdl_helpers as wdl")
    assert re.fullmatch(r"wdl\.reproducible\(seed=\d+\)", lines[-1])


@every_notebook
def test_its_code_has_no_shell_no_network_no_absolute_path(path, notebook):
    for cell in code(notebook):
        assert not FORBIDDEN.search(cell.source), FORBIDDEN.search(cell.source)


@every_notebook
def test_every_picture_has_a_text_for_those_who_cannot_see_it(path, notebook):
    for output in outputs(notebook):
        if "image/png" in output.get("data", {}):
            assert len(output.metadata["image/png"]["alt"].split()) >= 8
            assert base64.b64decode(output.data["image/png"]).startswith(b"\x89PNG")
    for text in prose(notebook):
        assert "![](" not in text


@every_notebook
def test_every_figure_has_a_title_and_is_shown_with_its_text(path, notebook):
    for cell in code(notebook):
        assert "plt.subplots" not in cell.source
        if "wdl.canvas" in cell.source:
            shown = ast.unparse(ast.parse(cell.source).body[-1])
            assert re.match(r"wdl\.show\(figure, alt=", shown), shown


def slug(title):
    """A heading's anchor, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


@pytest.mark.parametrize(
    "path",
    [
        *PATHS,
        *(
            path
            for folder in ("", "docs/", "data/", "benchmarks/", "notebooks/")
            for path in ROOT.glob(f"{folder}*.md")
        ),
    ],
    ids=lambda path: path.name,
)
def test_relative_links_resolve(path):
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        text = "\n".join(prose(nbformat.reads(text, as_version=4)))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"https?:", target):
            continue
        file, _, anchor = target.partition("#")
        linked = (path.parent / file).resolve() if file else path
        assert linked.exists(), target
        if linked.parent.name == "playground":  # what follows # is the state of the page
            assert re.fullmatch(r"(\w+=[\w.]+(&\w+=[\w.]+)*)?", anchor), target
        elif anchor and linked.suffix == ".ipynb":
            titles = re.findall(r"^#+ (.+)$", "\n".join(prose(nbformat.read(linked, as_version=4))), re.M)
            assert anchor in [title.replace(" ", "-") for title in titles], target  # as JupyterLab makes it
        elif anchor:
            titles = re.findall(r"^#+ (.+)$", linked.read_text(encoding="utf-8"), re.M)
            assert anchor in [slug(title) for title in titles], target


def test_the_glossary_is_in_order_and_says_where_each_word_is_taught():
    _, *entries = re.split(r"^## ", (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8"), flags=re.M)
    words = [entry.split("\n")[0] for entry in entries]
    assert words == sorted(words, key=str.lower) and len(words) == len(set(words)) > 50
    for entry in entries:
        assert re.search(r"→ (\[\d+ · .+\]\(\.\./notebooks/|\d+ · )", entry), entry


def test_the_map_of_the_paper_misses_no_part_of_it_and_no_notebook():
    page = (ROOT / "docs" / "paper.md").read_text(encoding="utf-8")
    there, back = page.split("## From the notebooks to the paper")
    rows = [line.split(" | ")[0].strip("| ") for line in there.splitlines() if line.startswith("| ")]
    sections = ["2 ", "3.1 ", "3.2 ", "3.3 ", "4.1 ", "4.2 ", "4.3 ", "5.1 ", "5.2 ", "6 ", "7 "]
    equations, pictures = ["1, ", "2, ", "3, "], [f"Figure {i}" for i in (1, 2, 3, 4)] + ["Table 1", "Table 2"]
    for part in ["Abstract, 1 ", *sections, *equations, *pictures]:
        assert [row for row in rows if row.startswith(part)], part
    missing = {int(path.stem[:2]) for path in PATHS} - {int(n) for n in re.findall(r"^\| (\d+) \|", back, re.M)}
    assert not missing, f"docs/paper.md says of no part of the paper that it is in notebook {min(missing)}"


@every_notebook
def test_numbers_in_the_prose_are_numbers_of_the_outputs_or_the_code(path, notebook):
    settings = "\n".join(cell.source for cell in code(notebook) if "assert" not in cell.source)
    known = numbers_in(printed(notebook) + settings)
    for text in prose(notebook):
        plain = re.sub(r"\]\([^)]*\)|\$\$.*?\$\$|\$.*?\$|https?://\S+|`[^`]*`", "", text, flags=re.S)
        for number in RESULT.findall(plain):
            assert agrees(number, known), f"{number} is in the prose and in no output: …{plain[:60]}…"


def tagged(tag):
    """(number of the notebook, output) of each cell with a tag."""
    cells = [(param.id[:2], cell) for param in NOTEBOOKS for cell in code(param.values[1]) if tag in tags(cell)]
    return [(number, output) for number, cell in cells for output in cell.outputs]


def test_make_run_prints_three_accuracies():
    ((number, output),) = tagged("result-console")
    lines = re.findall(r"^(.+) model accuracy: 0\.\d{4}$", output.text, re.M)
    assert (number, lines) == ("05", ["wide", "deep", "wide and deep"])


def test_the_readme_shows_the_three_grids_of_notebook_4():
    ((number, output),) = tagged("readme-picture")
    shown = (ROOT / "notebooks" / "images" / "result.png").read_bytes()
    assert number == "04" and base64.b64decode(output.data["image/png"]) == shown, "run `make outputs`"


def test_the_readme_lists_every_notebook_with_its_minutes():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for path in PATHS:
        said = card_minutes(nbformat.read(path, as_version=4))
        row = re.search(rf"^.*\(notebooks/{path.name}\).*\| {said} \|$", readme, re.M)
        assert row, f"README.md needs a row '| [{path.stem} · …](notebooks/{path.name}) | … | {said} |'"

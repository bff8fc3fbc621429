"""The tolerance of cells tagged `approx`: words are strict, numbers may differ by what other seeds change."""

import pathlib

from tools import seeds
from tools.approximate import agrees, find_difference, numbers_in, read_spread, split_numbers
from tools.seeds import deviation, find_stale_cells, measure_spread, shift_seeds

import nbformat
import pytest

NOTEBOOKS = sorted((pathlib.Path(__file__).resolve().parent.parent / "notebooks").glob("*.ipynb"))


def printed(text):
    return [{"output_type": "stream", "name": "stdout", "text": text}]


@pytest.mark.parametrize(
    "one, other, deviations",
    [
        ("AUC 0.9302", "AUC 0.9341", [0.001]),
        ("a  0.32\nb 1", "a 0.33\nb 1", None),
        ("8,661 weights", "8,702 weights", [10.0]),
        ("rose by +1.3%", "rose by -0.6%", [0.5]),
        ("-0.002", "0.000", [0.0005]),
        ("3e-05", "5e-05", [5e-6]),
        ("x", "x", None),
        ("u12 likes 3", "u12 likes 4", [0.3]),
    ],
)
def test_numbers_within_four_deviations_and_a_unit_of_the_last_digit_are_equal(one, other, deviations):
    assert find_difference(printed(one), printed(other), deviations) == ""


@pytest.mark.parametrize(
    "one, other, deviations, what",
    [
        ("AUC 0.9302", "AUC 0.9345", [0.001], "0.9345 is more than 0.0041 from 0.9302"),
        ("AUC 0.9302", "auc 0.9302", [1.0], "words"),
        ("8,661 weights", "8,662 weights", [0.0], "8,662 is more than 0 from 8,661"),
        ("0.32", "0.34", None, "0.34 is more than 0.01 from 0.32"),
        ("u12 likes", "u13 likes", [], "words"),
        ("0.5", "0.5 0.5", [1.0], "words"),
        ("0.5", "nan", [1.0], "words"),
        ("0.5", "0.5", [1.0, 1.0], "spread.json was measured on other outputs"),
    ],
)
def test_anything_else_is_different(one, other, deviations, what):
    assert what in find_difference(printed(one), printed(other), deviations)


def test_a_number_of_the_prose_is_a_printed_one_or_a_rounding_of_one():
    known = numbers_in("loss 0.93458, rows  1692 and 32_561, 8,661.5 weights, -0.25, 3e-05, w_1 = 7")
    for said in ("0.93458", "0.9346", "0.93", "0.9", "1,692", "1692", "32,561", "8,661", "8,662", "0.25", "0.3", "7"):
        assert agrees(said, known), said
    for said in ("0.935", "0.94", "0.93459", "1,693", "1,700", "32,600", "8,663", "0.26", "0.4", "93", "8"):
        assert agrees(said, known) == (said == "0.935"), said  # 0.93458 is 0.935


def test_a_print_that_arrives_in_two_messages_is_one():
    assert find_difference(printed("AUC 0.93"), [*printed("AUC "), *printed("0.93")], None) == ""


def test_every_kind_of_output_is_compared_but_pictures():
    table = {"output_type": "execute_result", "data": {"text/plain": "a 0.10", "text/html": "<b>0.10</b>"}}
    picture = {"output_type": "display_data", "data": {"image/png": "12", "text/plain": "<Image>"}}
    words, numbers = split_numbers([table, picture, *printed("7")])
    assert numbers == ["0.10", "0.10", "7"] and len(words) == 4
    other = {**table, "data": {**table["data"], "text/html": "<b>0.20</b>"}}
    assert find_difference([table], [other], [0.0, 0.0]) and not find_difference([table], [other], [0.03, 0.03])


def test_a_deviation_is_taken_from_the_committed_number_and_not_from_the_mean():
    assert deviation(1.0, [4.0, 5.0]) == 3.5  # √((3² + 4²) / 2) is 3.54
    assert deviation(4.5, [4.0, 5.0]) == 0.5
    assert deviation(2.0, [2.0]) == deviation(2.0, []) == 0.0


def test_seeds_are_moved_in_the_lesson_alone():
    cells = [
        "wdl.reproducible(seed=3)",
        "keras.utils.set_random_seed(seed)",
        "## Exercises",
        "wdl.reproducible(seed=4)",
    ]
    make = {True: nbformat.v4.new_markdown_cell, False: nbformat.v4.new_code_cell}
    notebook = nbformat.v4.new_notebook(cells=[make[source.startswith("#")](source) for source in cells])
    sources = [cell.source for cell in shift_seeds(notebook, 70).cells]
    assert sources == [
        "wdl.reproducible(seed=70 + 3)",
        "keras.utils.set_random_seed(70 + seed)",
        "## Exercises",
        "wdl.reproducible(seed=4)",
    ]
    assert notebook.cells[0].source == cells[0]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_spread_was_measured_on_the_outputs_that_are_committed(path):
    """A notebook that is not in the file yet is compared to the last digit that it prints."""
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if "approx" in cell.metadata.get("tags", [])]
    spread = read_spread(path.stem)
    assert not spread or list(spread) == [cell.id for cell in cells]
    for cell in cells if spread else []:
        assert len(spread[cell.id]) == len(split_numbers(cell.outputs)[1]), f"run `python -m tools.seeds {path.stem}`"


def cell(name, source="pass", text="", tags=()):
    made = nbformat.v4.new_code_cell(source, id=name, metadata={"tags": list(tags)})
    made.outputs = [nbformat.v4.new_output("stream", text=text)] if text else []
    return made


def test_only_what_changed_since_it_was_measured_is_measured_again():
    before = nbformat.v4.new_notebook(cells=[cell("a"), cell("b", text="1 2", tags=["approx"]), cell("c", "x = 1")])
    notebook = nbformat.v4.new_notebook(cells=[*before.cells, nbformat.v4.new_markdown_cell("## Exercises"), cell("e")])
    spread = {"b": [0.1, 0.1]}
    assert find_stale_cells(notebook, before, spread) == []
    assert find_stale_cells(notebook, None, spread) == [0, 1, 2]  # and nothing of the exercises
    assert (
        find_stale_cells(notebook, before, {}) == find_stale_cells(notebook, before, {"b": [0.1]}) == [1]
    )  # it was never measured
    notebook.cells[2] = cell("c", "x = 2")  # what it proves may not hold with other seeds
    assert find_stale_cells(notebook, before, spread) == [2]
    notebook.cells[1] = cell("b", text="1 3", tags=["approx"])
    notebook.cells.insert(1, cell("new"))
    assert find_stale_cells(notebook, before, spread) == [1, 2, 3]
    notebook.cells[1] = nbformat.v4.new_markdown_cell("New words change no number.")
    assert find_stale_cells(notebook, before, spread) == [2, 3]


def test_a_measured_cell_gets_its_deviations_and_the_others_get_none(tmp_path):
    cells = [cell("a", text="5", tags=["approx"]), cell("b", text="10", tags=["approx"]), cell("c", text="7")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "n.ipynb")
    runs = {100: [cells[0], cell("b", text="13")], 200: [cells[0], cell("b", text="6")]}
    assert measure_spread(tmp_path / "n.ipynb", runs, [1]) == ({"b": [3.5]}, [])


def write_notebook(folder, *cells):
    path = folder / "07_small.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=list(cells)), path)
    return path


def test_a_plan_runs_few_seeds_where_nothing_trained_is_printed(tmp_path, monkeypatch):
    exact, trained = nbformat.v4.new_code_cell("x = 1"), nbformat.v4.new_code_cell("y", metadata={"tags": ["approx"]})
    monkeypatch.setattr(seeds, "read_measured_version", lambda path: None)
    path = write_notebook(tmp_path, exact)
    assert seeds.plan_runs(path, [1, 2, 3], check=False, all_cells=False) == ([0], [1, 2])
    assert seeds.plan_runs(path, [1, 2, 3], check=True, all_cells=False) == ([0], [1, 2, 3])
    path = write_notebook(tmp_path, exact, trained)
    assert seeds.plan_runs(path, [1, 2, 3], check=False, all_cells=False) == ([0, 1], [1, 2, 3])
    monkeypatch.setattr(seeds, "read_measured_version", lambda path: nbformat.read(path, as_version=4))
    path = write_notebook(tmp_path, exact)
    assert seeds.plan_runs(path, [1, 2, 3], check=False, all_cells=False) == ([], [])
    assert seeds.plan_runs(path, [1, 2, 3], check=False, all_cells=True) == ([0], [1, 2])

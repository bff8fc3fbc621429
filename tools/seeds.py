"""Run the notebooks with other seeds: how much does each printed number change, and does every claim still hold?

    python tools/seeds.py [02_wide_model …]                     measure, and write notebooks/spread.json
    python tools/seeds.py [02_wide_model …] --check 17 170 1700 count the cells that `make test` would find different

Each seed of the lesson, in `reproducible(seed=…)` and `set_random_seed(…)`, is moved by the same amount. The exercises
stay as they are. Measuring takes twenty times as long as running the notebooks: name the one that you have changed.
"""

import argparse
import concurrent.futures
import json
import math
import pathlib
import re
import statistics
import sys
from collections.abc import Mapping, Sequence

import nbformat
from approximate import SPREAD, difference, split, spread_of, value
from nbformat import NotebookNode
from run_notebooks import NOTEBOOKS, execute

# With ten seeds, luck alone takes one number in 400 beyond four deviations; with twenty, one in 1,400 (Student's t).
AMOUNTS = [100 * i for i in range(1, 21)]
SEED = re.compile(r"(reproducible\(seed=|set_random_seed\()")


def moved(notebook: NotebookNode, amount: int) -> NotebookNode:
    """A copy of the notebook whose lesson has other seeds."""
    copy = nbformat.from_dict(notebook)
    lesson = True
    for cell in copy.cells:
        lesson &= not cell.source.startswith("## Exercises")
        if lesson and cell.cell_type == "code":
            cell.source = SEED.sub(rf"\g<1>{amount} + ", cell.source)
    return copy


def run(path: pathlib.Path, amount: int) -> list[NotebookNode]:
    """The notebook's cells after a run with its seeds moved by an amount; an error does not end the run."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        cell.metadata.setdefault("tags", []).append("raises-exception")  # nbclient goes on after it
    return execute(moved(notebook, amount), path.parent).cells


def failure(cell: NotebookNode) -> str:
    """The last line of the error that a cell ended in, or ''."""
    errors = [output for output in cell.get("outputs", []) if output["output_type"] == "error"]
    return f"{errors[0]['ename']}: {errors[0]['evalue']}" if errors else ""


def is_approximate(cell: NotebookNode) -> bool:
    return "approx" in cell.metadata.get("tags", [])


def deviation(committed: float, others: Sequence[float]) -> float:
    """How far a number is in other runs from the committed one: the root of the mean square, to two digits."""
    squares = [(other - committed) ** 2 for other in others]
    return float(f"{math.sqrt(statistics.fmean(squares)):.2g}") if squares else 0.0


def measured(
    path: pathlib.Path, runs: Mapping[int, Sequence[NotebookNode]]
) -> tuple[dict[str, list[float]], list[str]]:
    """Cell id → how far the runs are from each committed number, see `deviation`; and what went wrong."""
    result = {}
    wrong = []
    for i, cell in enumerate(nbformat.read(path, as_version=4).cells):
        if cell.cell_type != "code":
            continue
        words, numbers = split(cell.outputs)
        values: list[list[float]] = [[] for _ in numbers]
        for amount, cells in runs.items():
            other_words, others = split(cells[i].outputs)
            if failure(cells[i]):
                wrong.append(f"{path.stem} [{i}], seeds moved by {amount}: {failure(cells[i])}")
            elif words != other_words:
                wrong.append(f"{path.stem} [{i}], seeds moved by {amount}: the words differ")
            elif not is_approximate(cell) and numbers != others:
                wrong.append(f"{path.stem} [{i}], seeds moved by {amount}: a cell without the tag approx changes")
            else:
                for known, other in zip(values, others, strict=True):
                    known.append(value(other))
        if is_approximate(cell):
            committed = [value(number) for number in numbers]
            result[cell.id] = [deviation(number, others) for number, others in zip(committed, values, strict=True)]
    return result, wrong


def differing(path: pathlib.Path, cells: Sequence[NotebookNode]) -> list[str]:
    """The cells of a run that `make test` would find different from the committed ones, a line for each."""
    spread = spread_of(path.stem)
    lines: list[str] = []
    for i, cell in enumerate(nbformat.read(path, as_version=4).cells):
        if cell.cell_type == "code":
            deviations = spread.get(cell.id) if is_approximate(cell) else [0.0] * len(split(cell.outputs)[1])
            what = failure(cells[i]) or difference(cell.outputs, cells[i].outputs, deviations)
            lines += [f"  {path.stem} [{i}]: {what}"] if what else []
    return lines


def write(results: dict[str, dict[str, list[float]]]) -> None:
    """Put new results into the file, a line for each cell."""
    known = json.loads(SPREAD.read_text(encoding="utf-8")) if SPREAD.exists() else {}
    known = {name: cells for name, cells in sorted((known | results).items()) if (NOTEBOOKS / f"{name}.ipynb").exists()}
    blocks = []
    for name, cells in known.items():
        lines = [f"  {json.dumps(cell)}: {json.dumps(deviations)}" for cell, deviations in cells.items()]
        blocks.append(f" {json.dumps(name)}: {{\n" + ",\n".join(lines) + "\n }")
    SPREAD.write_text("{\n" + ",\n".join(blocks) + "\n}\n", encoding="utf-8", newline="\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", help="notebooks, such as 02_wide_model; all if none is named")
    parser.add_argument("--check", nargs="+", type=int, metavar="AMOUNT", help="amounts to move the seeds by")
    parser.add_argument("--jobs", type=int, default=2, help="notebooks that run at once (default: 2)")
    arguments = parser.parse_args()
    names = [name for name in arguments.names if not (NOTEBOOKS / f"{name}.ipynb").exists()]
    if names:
        sys.exit(f"There is no notebook {names[0]}.")
    paths = [path for path in sorted(NOTEBOOKS.glob("*.ipynb")) if not arguments.names or path.stem in arguments.names]
    amounts = arguments.check or AMOUNTS
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        jobs = {(path, amount): pool.submit(run, path, amount) for path in paths for amount in amounts}
        if arguments.check:
            for amount in amounts:
                lines = [line for path in paths for line in differing(path, jobs[path, amount].result())]
                print("\n".join([f"Seeds moved by {amount}: {len(lines)} cells differ", *lines]), flush=True)
            return
        results = {}
        wrong: list[str] = []
        for path in paths:
            results[path.stem], found = measured(path, {amount: jobs[path, amount].result() for amount in amounts})
            print(f"{path.stem}: {len(results[path.stem])} cells, {len(found)} findings", flush=True)
            wrong += found
    write(results)
    if wrong:
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    main()

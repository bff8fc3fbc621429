"""Run the notebooks with other seeds: how much does each printed number change, and does every claim still hold?

    python -m tools.seeds [02 …]                     measure, and write notebooks/spread.json
    python -m tools.seeds [02 …] --check 17 170 1700 count the cells that `make test` would find different

Each seed of the lesson, in `reproducible(seed=…)` and `set_random_seed(…)`, is moved by the same amount; the exercises
are not run. What is measured are the cells that have changed since spread.json was last committed, so a notebook is run
twenty times up to the last of them, and not at all if there are none. `--all` measures every cell.
"""

import argparse
import concurrent.futures
import json
import math
import pathlib
import re
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tools.approximate import SPREAD, find_difference, parse_number, read_spread, split_numbers
from tools.reading_time import lesson_cells
from tools.run_notebooks import NOTEBOOKS, execute_notebook, find_notebooks

import nbformat
from nbformat import NotebookNode

# With ten seeds, luck alone takes one number in 400 beyond four deviations; with twenty, one in 1,400 (Student's t).
AMOUNTS = [100 * i for i in range(1, 21)]
FEW = 2  # so many seeds show whether a number depends on them at all, where nothing trained is printed
SEED = re.compile(r"(reproducible\(seed=|set_random_seed\()")


def shift_seeds(notebook: NotebookNode, amount: int) -> NotebookNode:
    """A copy of the notebook whose lesson has other seeds."""
    copy = nbformat.from_dict(notebook)
    in_lesson = True
    for cell in copy.cells:
        in_lesson &= not cell.source.startswith("## Exercises")
        if in_lesson and cell.cell_type == "code":
            cell.source = SEED.sub(rf"\g<1>{amount} + ", cell.source)
    return copy


def read_measured_version(path: pathlib.Path) -> NotebookNode | None:
    """The notebook as it was when spread.json was last committed; None without git, or if it is new since."""
    commit = _git("log", "-1", "--format=%H", "--", str(SPREAD))
    text = _git("show", f"{commit}:./{path.name}") if commit else ""
    return nbformat.reads(text, as_version=4) if text else None


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], cwd=NOTEBOOKS, capture_output=True, encoding="utf-8", check=False)
    except OSError:  # there is no git
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def find_stale_cells(
    notebook: NotebookNode, before: NotebookNode | None, spread: Mapping[str, list[float]]
) -> list[int]:
    """The positions of the lesson's cells that must be measured: what they do or print is new, or was never measured.

    Args:
        notebook: the notebook.
        before: as it was when it was last measured, or None.
        spread: cell's id → its deviations.
    """
    cell_before = {cell.id: cell for cell in before.cells} if before else {}
    found = []
    for i, cell in enumerate(lesson_cells(notebook)):
        old = cell_before.get(cell.id)
        if cell.cell_type == "code" and (
            old is None
            or (cell.source, split_numbers(cell.outputs)) != (old.source, split_numbers(old.outputs))
            or (is_approximate(cell) and len(spread.get(cell.id) or []) != len(split_numbers(cell.outputs)[1]))
        ):
            found.append(i)
    return found


def run_with_seeds(path: pathlib.Path, amount: int, end: int) -> list[NotebookNode]:
    """The notebook's first cells after a run with its seeds moved by an amount; an error does not end the run.

    Args:
        path: the notebook's file.
        amount: what is added to each seed.
        end: how many cells are run.
    """
    notebook = nbformat.read(path, as_version=4)
    notebook.cells = notebook.cells[:end]
    for cell in notebook.cells:
        cell.metadata.setdefault("tags", []).append("raises-exception")  # nbclient goes on after it
    return execute_notebook(shift_seeds(notebook, amount), path.parent).cells


def error_line(cell: NotebookNode) -> str:
    """The last line of the error that a cell ended in, or ''."""
    errors = [output for output in cell.get("outputs", []) if output["output_type"] == "error"]
    return f"{errors[0]['ename']}: {errors[0]['evalue']}" if errors else ""


def is_approximate(cell: NotebookNode) -> bool:
    return "approx" in cell.metadata.get("tags", [])


def deviation(committed: float, others: Sequence[float]) -> float:
    """How far a number is in other runs from the committed one: the root of the mean square, to two digits."""
    squares = [(other - committed) ** 2 for other in others]
    return float(f"{math.sqrt(statistics.fmean(squares)):.2g}") if squares else 0.0


def measure_spread(
    path: pathlib.Path, runs: Mapping[int, Sequence[NotebookNode]], positions: Sequence[int]
) -> tuple[dict[str, list[float]], list[str]]:
    """Cell id → how far the runs are from each committed number, see `deviation`; and what went wrong.

    Args:
        path: the notebook's file.
        runs: amount by which the seeds are moved → the cells of that run.
        positions: those of the cells that are measured.
    """
    result = {}
    wrong = []
    all_cells = nbformat.read(path, as_version=4).cells
    for i in positions:
        cell = all_cells[i]
        words, numbers = split_numbers(cell.outputs)
        values: list[list[float]] = [[] for _ in numbers]
        for amount, cells in runs.items():
            other_words, others = split_numbers(cells[i].outputs)
            if error_line(cells[i]):
                wrong.append(f"{path.stem} [{i}], seeds moved by {amount}: {error_line(cells[i])}")
            elif words != other_words:
                wrong.append(f"{path.stem} [{i}], seeds moved by {amount}: the words differ")
            elif not is_approximate(cell) and numbers != others:
                wrong.append(f"{path.stem} [{i}], seeds moved by {amount}: a cell without the tag approx changes")
            else:
                for known, other in zip(values, others, strict=True):
                    known.append(parse_number(other))
        if is_approximate(cell):
            committed = [parse_number(number) for number in numbers]
            result[cell.id] = [deviation(number, others) for number, others in zip(committed, values)]
    return result, wrong


def find_differing_cells(path: pathlib.Path, cells: Sequence[NotebookNode]) -> list[str]:
    """The cells of a run that `make test` would find different from the committed ones, a line for each."""
    spread = read_spread(path.stem)
    lines: list[str] = []
    for i, cell in enumerate(nbformat.read(path, as_version=4).cells[: len(cells)]):
        if cell.cell_type == "code":
            deviations = spread.get(cell.id) if is_approximate(cell) else [0.0] * len(split_numbers(cell.outputs)[1])
            what = error_line(cells[i]) or find_difference(cell.outputs, cells[i].outputs, deviations)
            lines += [f"  {path.stem} [{i}]: {what}"] if what else []
    return lines


def write_spread(results: dict[str, dict[str, list[float]]]) -> None:
    """Put new results into the file, a line for each cell in the order of its notebook; what is gone is left out."""
    spread = json.loads(SPREAD.read_text(encoding="utf-8")) if SPREAD.exists() else {}
    blocks = []
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        name, notebook = path.stem, nbformat.read(path, as_version=4)
        merged = spread.get(name, {}) | results.get(name, {})
        cells = {cell.id: merged[cell.id] for cell in notebook.cells if cell.id in merged and is_approximate(cell)}
        if not cells:
            continue
        lines = [f"  {json.dumps(cell)}: {json.dumps(deviations)}" for cell, deviations in cells.items()]
        blocks.append(f" {json.dumps(name)}: {{\n" + ",\n".join(lines) + "\n }")
    SPREAD.write_text("{\n" + ",\n".join(blocks) + "\n}\n", encoding="utf-8", newline="\n")


class Plan(NamedTuple):
    """What is to be run of a notebook: the positions of the cells that are looked at, and by how much seeds move."""

    positions: list[int]
    amounts: list[int]


def plan_runs(path: pathlib.Path, amounts: list[int], check: bool, all_cells: bool) -> Plan:
    """What must be run of a notebook.

    Args:
        path: the notebook's file.
        amounts: by how much the seeds are moved; a few of them do where nothing trained is printed.
        check: whether the runs are only compared with what is committed: then all cells are run, with all amounts.
        all_cells: whether to measure cells that have not changed, too.
    """
    notebook = nbformat.read(path, as_version=4)
    before = None if all_cells or check else read_measured_version(path)
    positions = find_stale_cells(notebook, before, read_spread(path.stem))
    if not positions:
        return Plan([], [])
    trained = any(map(is_approximate, notebook.cells[: positions[-1] + 1]))
    return Plan(positions, amounts if trained or check else amounts[:FEW])


Jobs = Mapping[tuple[pathlib.Path, int], "concurrent.futures.Future[list[NotebookNode]]"]


def print_differences(plans: Mapping[pathlib.Path, Plan], jobs: Jobs, amounts: Sequence[int]) -> None:
    """Print how many cells `make test` would find different, for each amount, and which."""
    for amount in amounts:
        lines = [
            line
            for path, plan in plans.items()
            if plan.positions
            for line in find_differing_cells(path, jobs[path, amount].result())
        ]
        print("\n".join([f"Seeds moved by {amount}: {len(lines)} cells differ", *lines]), flush=True)


def measure_all(plans: Mapping[pathlib.Path, Plan], jobs: Jobs) -> tuple[dict[str, dict[str, list[float]]], list[str]]:
    """Measure each notebook as soon as it has run, and print how far it is.

    Returns:
        Notebook's name → what `measure_spread` has found of it, and what went wrong in any.
    """
    results: dict[str, dict[str, list[float]]] = {}
    wrong: list[str] = []
    for path, plan in plans.items():
        runs: dict[int, list[NotebookNode]] = {}
        for amount in plan.amounts:
            runs[amount] = jobs[path, amount].result()
            print(f"\r{path.stem}: {len(runs)} of {len(plan.amounts)} seeds", end="", flush=True)
        results[path.stem], faults = measure_spread(path, runs, plan.positions)
        print(f"\r{path.stem}: {len(plan.positions)} cells have changed, {len(faults)} findings", flush=True)
        wrong += faults
    return results, wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", help="notebooks, such as 02; all if none is named")
    parser.add_argument("--check", nargs="+", type=int, metavar="AMOUNT", help="amounts to move the seeds by")
    parser.add_argument("--all", action="store_true", help="measure all cells, and not only those that have changed")
    parser.add_argument("--jobs", type=int, default=2, help="notebooks that run at once (default: 2)")
    arguments = parser.parse_args()
    amounts = arguments.check or AMOUNTS
    check = bool(arguments.check)
    plans = {path: plan_runs(path, amounts, check, arguments.all) for path in find_notebooks(arguments.names)}
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        jobs = {
            (path, amount): pool.submit(run_with_seeds, path, amount, plan.positions[-1] + 1)
            for path, plan in plans.items()
            for amount in plan.amounts
        }
        if check:
            print_differences(plans, jobs, amounts)
            return
        results, wrong = measure_all(plans, jobs)
    write_spread(results)
    if wrong:
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    main()

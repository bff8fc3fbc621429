"""The students' copy: `python -m course.release` writes build/release/ and build/release.zip."""

import json
import pathlib
import re
import shutil
import zipfile

from course.cells import grade_id
from course.folders import ASSIGNMENT, CourseError, Folders, exit_on_course_error, nbgrader_settings

import nbformat
from nbgrader.apps import NbGraderAPI
from traitlets.config import Config

COPIED = [
    "notebooks/*.py", "tools/__init__.py", "tools/environment.py", "tools/small_export.py", "tools/lab/*.*",
    "wdl_*.py", "wide_deep/*.py", "recommender/*.py", "recommender/datasets/*.py",
    "course/__init__.py", "course/cells.py", "course/check.py", "course/folders.py", "course/nbgrader_config.py",
    "pyproject.toml", "constraints.txt", "environment.yml",
    "docs/glossary.md", "docs/paper.md", "docs/migrating.md", "docs/ARCHITECTURE.md",  # not those for teachers
    "LICENSE", "data/*", "benchmarks/*.*", "notebooks/images/*.svg", "playground/*",
]  # fmt: skip
MAKEFILE_ENDS = "# ---- what follows is not in the students' copy\n"


def write_student_notebooks(folders: Folders, config: Config) -> None:
    """Let nbgrader write the notebooks without solutions and hidden tests into build/release/notebooks.

    Args:
        folders: where the course stands.
        config: nbgrader's settings. Unless they say otherwise, the gradebook learns of the exercises.

    Raises:
        CourseError: nbgrader refuses; the text says why, or is what nbgrader has logged.
    """
    api = NbGraderAPI(config=config)
    result = api.generate_assignment(ASSIGNMENT)
    if "Cannot modify existing assignment" in result.get("log", ""):
        # A notebook came into the course, or left it, after the first grading: nbgrader takes them one by one.
        for name in folders.notebook_names():
            api.coursedir.notebook_id = name
            result = api.generate_assignment(ASSIGNMENT)
            if not result["success"]:
                break
    if "Cannot add or remove cells" in result.get("log", ""):
        raise CourseError(
            "Exercises were added to a notebook, or taken from it, that is graded already, and nbgrader keeps such a "
            "notebook as it is. Bring it back, or begin a new gradebook: move build/ away."
        )
    if not result["success"]:
        raise CourseError(f"nbgrader could not make the students' notebooks:\n{result['log'][-2000:]}")
    for path in (folders.release / ASSIGNMENT).glob("*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            cell.metadata.pop("jupyter", None)  # the tutorial folds its solutions away; students must see the cell
        path.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8", newline="\n")


def read_section(page: pathlib.Path, title: str) -> str:
    """A section of a Markdown page, from its heading to the next one; a CourseError if it is not there."""
    text = page.read_text(encoding="utf-8")
    found = re.search(rf"^## {re.escape(title)}\n.*?(?=^## |\Z)", text, re.M | re.S)
    if found is None:
        raise CourseError(f"{page} has no section '{title}', which the students' copy takes over.")
    return found[0]


def find_expected_cells(folders: Folders) -> dict[str, list[str]]:
    """Name of a notebook → nbgrader's ids of its cells, by which `make check` finds what is missing."""
    paths = sorted((folders.release / ASSIGNMENT).glob("*.ipynb"))
    found = {path.stem: map(grade_id, nbformat.read(path, as_version=4).cells) for path in paths}
    return {name: [each for each in ids if each] for name, ids in found.items()}


def _write_zip(folders: Folders) -> None:
    """Write the copy as a zip that has the same bytes each time."""
    with zipfile.ZipFile(folders.build / "release.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(path for path in folders.release.rglob("*") if path.is_file()):
            name = pathlib.Path("wide-deep-course") / path.relative_to(folders.release)
            entry = zipfile.ZipInfo(name.as_posix(), date_time=(1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, path.read_bytes())


def write_release(folders: Folders) -> None:
    """Write the students' copy to build/release/, and as build/release.zip.

    Args:
        folders: where the course stands; its root is the project's.
    """
    shutil.rmtree(folders.release, ignore_errors=True)
    config = nbgrader_settings(folders)
    config.GenerateAssignment.no_database = True  # no gradebook is needed
    config.SaveCells.enabled = False
    write_student_notebooks(folders, config)
    for path in sorted(path for pattern in COPIED for path in folders.root.glob(pattern)):
        target = folders.release / path.relative_to(folders.root)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    expected = json.dumps(find_expected_cells(folders), indent=1) + "\n"
    (folders.release / "course" / "exercises.json").write_text(expected, encoding="utf-8", newline="\n")
    makefile = (folders.root / "Makefile").read_text(encoding="utf-8")
    (folders.release / "Makefile").write_text(makefile.split(MAKEFILE_ENDS)[0], encoding="utf-8", newline="\n")
    page = ["# Wide & Deep learning: the exercises\n\n", read_section(folders.notebooks / "README.md", "For students")]
    readme = folders.root / "README.md"
    page += [read_section(readme, title) for title in ("The notebooks", "Your own data", "License and citation")]
    (folders.release / "README.md").write_text("".join(page), encoding="utf-8", newline="\n")
    _write_zip(folders)
    print("build/release/ and build/release.zip are for the students")


if __name__ == "__main__":
    with exit_on_course_error():
        write_release(Folders())

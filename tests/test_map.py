"""docs/ARCHITECTURE.md: its table of rooms has every module in the order of imports, and what it names is there."""

import itertools
import pathlib
import re

import pytest
from test_project import MODULES

ROOT = pathlib.Path(__file__).resolve().parent.parent
MAP = (ROOT / "docs" / "ARCHITECTURE.md").read_text(encoding="utf-8")
PACKAGES = ("recommender", "wide_deep")


def rooms():
    """The modules of the table of rooms, line by line, from the uppermost room to the lowest."""
    table = MAP.split("| room | what is in it |")[1].split("\n\n")[0]
    lines, package = [], None
    for first in re.findall(r"^\| (.+?) \|", table, re.M):
        heading = re.search(r"\*\*.*`(\w+)/`\*\*", first)
        package = heading[1] if heading else package
        if package and not heading:
            names = re.findall(r"`([\w/]+?)(?:\.py)?/?`", first)
            if names == ["datasets"]:
                names = [f"datasets/{path.stem}" for path in ROOT.glob("recommender/datasets/[!_]*.py")]
                names.remove("datasets/store_week")  # a room above: it uses the life of a model
            lines.append([f"{package}.{name.replace('/', '.')}" for name in names])
    return lines


def test_every_module_has_one_place_in_the_table():
    named = [name for line in rooms() for name in line]
    assert sorted(named) == sorted(module.__name__ for module in MODULES)


def test_the_rooms_stand_in_the_order_of_imports():
    """Each line's modules come after those of the lines below it, in MODULES, which a test holds to the imports."""
    place = {module.__name__: i for i, module in enumerate(MODULES)}
    lines = rooms()
    for upper, lower in itertools.pairwise(lines):
        assert min(place[name] for name in upper) > max(place[name] for name in lower), (upper, lower)


NAMED = sorted(set(re.findall(r"`((?:[\w.-]+/)+[\w.-]*)`", MAP)))
WITHIN = [ROOT, ROOT / "recommender"]  # the table of rooms goes on within the package


@pytest.mark.parametrize("path", NAMED)
def test_a_path_that_the_map_names_is_there(path):
    assert path.startswith("build/") or any((folder / path).exists() for folder in WITHIN)


def test_the_names_that_a_row_gives_are_in_the_files_that_it_gives():
    """In 'Where do I change'."""
    table = MAP.split("## Where do I change")[1].split("\n## ")[0]
    found = []
    for row in table.splitlines():
        named = re.findall(r"`([^`]+)`", row)
        paths = [ROOT / name for name in named if re.fullmatch(r"[\w/]+\.(py|js)", name)]
        text = "\n".join(path.read_text(encoding="utf-8") for path in paths)
        names = [name for name in named if re.fullmatch(r"_?[A-Za-z]\w+", name)]
        assert not [name for name in names if paths and not re.search(rf"\b{name}\b", text)], row
        found += names if paths else []
    assert len(found) > 15

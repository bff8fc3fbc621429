"""Make a notebook run on Colab, or wherever a notebook was opened without the files beside it: one cell at its top.

    !git clone --quiet --branch VERSION ADDRESS wide-deep
    %run wide-deep/tools/colab.py

What is installed there stays, in the version that it has; what is missing, or too old, is installed in ours. Then the
notebook finds the project's modules and files, and goes on without a restart.
"""

import importlib.metadata
import os
import pathlib
import subprocess
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent
OLDEST = {"keras": (3, 15)}  # the first that has one optimizer for each part
NOT_NEEDED = {"jupyter", "jupyterlab"}  # there is another notebook around it


def compare_versions() -> dict[str, tuple[str, str]]:
    """Each package that the notebooks need → our version and the one that is installed, '' if none is."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found = {}
    for name, ours in (pin.split("==") for pin in project["dependencies"]):
        try:
            found[name] = ours, importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = ours, ""
    return {name: both for name, both in found.items() if name not in NOT_NEEDED}


def is_too_old(name: str, there: str) -> bool:
    """Whether a package is missing, or older than the notebooks can use.

    Example:
        >>> is_too_old("keras", "3.13.2"), is_too_old("keras", "3.15.0"), is_too_old("pandas", "")
        (True, False, True)
    """
    return not there or tuple(map(int, there.split(".")[:2])) < OLDEST.get(name, (0, 0))


def main() -> None:
    """Install what is missing or too old, and go to the notebooks."""
    found = compare_versions()
    wanted = [f"{name}=={ours}" for name, (ours, there) in found.items() if is_too_old(name, there)]
    if wanted:
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", *wanted], check=True)
    others = [
        f"{name} {there} (ours: {ours})"
        for name, (ours, there) in found.items()
        if there != ours and not is_too_old(name, there)
    ]
    if others:
        print("Numbers may differ in their last digits, as with another seed:", ", ".join(others))
    sys.path.insert(0, str(ROOT))
    os.chdir(ROOT / "notebooks")
    print("Ready: go on with the notebook's first cell.")


if __name__ == "__main__":
    main()

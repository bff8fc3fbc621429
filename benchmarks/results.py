"""Write what a benchmark measured, and say in made.json beside it with which code, which versions, and when."""

import datetime
import importlib.metadata
import json
import pathlib
import platform
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
PACKAGES = ("tensorflow", "keras", "numpy", "pandas", "scikit-learn", "duckdb")


def git(*arguments):
    """What git prints; '' without git, or outside of a clone."""
    try:
        return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def version_of(name):
    """The version of a package; TensorFlow's nightly build stands in TensorFlow's place."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        if name != "tensorflow":
            raise
        return importlib.metadata.version("tf-nightly")


def provenance():
    """The commit, whether code was changed since, the versions, and the day: a dict."""
    return {
        "commit": git("rev-parse", "HEAD"),
        "changed": bool(git("status", "--porcelain", "--", "*.py")),
        "versions": {"python": platform.python_version(), **{name: version_of(name) for name in PACKAGES}},
        "date": datetime.date.today().isoformat(),
    }


def write(path, measured):
    """Write results, and into made.json in the same folder how they were made.

    Args:
        path: pathlib.Path, such as benchmarks/adult.json.
        measured: what json can write.
    """
    path.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")
    made = path.with_name("made.json")
    known = json.loads(made.read_text(encoding="utf-8")) if made.exists() else {}
    known[path.name] = provenance()
    made.write_text(json.dumps(dict(sorted(known.items())), indent=1) + "\n", encoding="utf-8")

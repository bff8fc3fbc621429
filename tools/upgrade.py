"""Try other versions of what is installed, and say on one page what they change: `make upgrade`.

    python -m tools.upgrade                              the newest that fit together
    python -m tools.upgrade --pin pandas==2.3.3          the committed versions, but this one
    python -m tools.upgrade --nightly                    the newest, with TensorFlow's nightly build

A copy of the project is made in build/upgrade/, with the versions in its pyproject.toml, and an environment for it. All
tests run there, every cell of every notebook among them. build/upgrade/report.md says what is different; nothing of
the project is changed.
"""

import argparse
import collections
import dataclasses
import pathlib
import re
import shutil
import subprocess
import sys
from xml.etree import ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDER = ROOT / "build" / "upgrade"
PROJECT, ENVIRONMENT, REPORT = FOLDER / "project", FOLDER / "environment", FOLDER / "report.md"
PIN = re.compile(r'(?P<start>"|^ +- )(?P<name>[\w.-]+)==(?P<version>[\w.]+)(?P<end>"|$)', re.M)
DEPRECATED = re.compile(r"^\s+(?:\S+:\d+: )?(\w*(?:Deprecation|Future)Warning: .+)$", re.M)
SHOWN = 40  # so many failures the page lists


@dataclasses.dataclass
class Result:
    """What a run of the tests has found.

    Attributes:
        passed: How many passed.
        failures: Name of a test or cell → the last line of why it failed.
        warnings: Text of a deprecation → how often it came.
    """

    passed: int = 0
    failures: dict[str, str] = dataclasses.field(default_factory=dict)
    warnings: dict[str, int] = dataclasses.field(default_factory=dict)


def read_pins(text: str) -> dict[str, str]:
    """The versions that a pyproject.toml or a constraints file names: package → version.

    Example:
        >>> read_pins('dependencies = ["keras==3.15.1", "numpy==2.4.6"]')
        {'keras': '3.15.1', 'numpy': '2.4.6'}
    """
    found = PIN.findall(text) or re.findall(r"^()([\w.-]+)==([\w.]+)", text, re.M)
    return {each[1]: each[2] for each in found}


def ask_for_versions(text: str, newest: bool, pins: dict[str, str], nightly: bool = False) -> str:
    """A pyproject.toml that asks for other versions.

    Args:
        text: the committed file.
        newest: whether what is not in `pins` may be any version from the committed one on.
        pins: package → the version that it must have.
        nightly: whether TensorFlow is its nightly build.

    Example:
        >>> ask_for_versions('["keras==3.15.1", "pandas==3.1.1"]', True, {"pandas": "2.3.3"})
        '["keras>=3.15.1", "pandas==2.3.3"]'
    """

    def other(pin: re.Match[str]) -> str:
        name, version = pin["name"], pin["version"]
        if nightly and name == "tensorflow":
            return f"{pin['start']}tf-nightly{pin['end']}"
        if name in pins:
            return f"{pin['start']}{name}=={pins[name]}{pin['end']}"
        return f"{pin['start']}{name}{'>=' if newest else '=='}{version}{pin['end']}"

    missing = set(pins) - set(read_pins(text))
    if missing:
        sys.exit(f"pyproject.toml pins no {', '.join(sorted(missing))}.")
    return PIN.sub(other, text)


def replace_pins(text: str, versions: dict[str, str]) -> str:
    """A file of the project that pins the versions that were found, in place of the committed ones.

    Args:
        text: pyproject.toml or environment.yml, as committed.
        versions: package → version.

    Example:
        >>> replace_pins("    - keras==3.15.1", {"keras": "3.16.0"})
        '    - keras==3.16.0'
        >>> replace_pins('"tensorflow==2.21.0"', {"tf-nightly": "2.23.0.dev1"})  # which stands in its place
        '"tf-nightly==2.23.0.dev1"'
    """

    def other(pin: re.Match[str]) -> str:
        name = pin["name"]
        if name == "tensorflow" and "tf-nightly" in versions:
            name = "tf-nightly"
        return f"{pin['start']}{name}=={versions.get(name, pin['version'])}{pin['end']}"

    return PIN.sub(other, text)


def read_result(report: pathlib.Path, log: str) -> Result:
    """What pytest has found.

    Args:
        report: the file that `--junitxml` has written.
        log: what pytest has printed, whose summary has the warnings.
    """
    result = Result()
    for case in ElementTree.parse(report).iter("testcase"):
        faults = [fault for kind in ("failure", "error") for fault in case.findall(kind)]
        if faults:
            why = faults[0].get("message") or faults[0].text or ""
            name = f"{case.get('classname')}::{case.get('name')}"
            result.failures[name] = (why.strip().splitlines() or ["?"])[0][:160]
        elif case.find("skipped") is None:
            result.passed += 1
    result.warnings = dict(collections.Counter(DEPRECATED.findall(log)).most_common())
    return result


def report_page(before: dict[str, str], after: dict[str, str], result: Result | None, why_not: str = "") -> str:
    """The report, in Markdown.

    Args:
        before: package → the committed version, of all that is installed.
        after: package → the version that was tried.
        result: what the tests found; None if they could not run.
        why_not: in that case, the reason.
    """
    changed = {name: new for name, new in sorted(after.items()) if before.get(name) != new}
    lines = ["# Other versions", "", f"{len(changed)} of {len(after)} packages change.", ""]
    if changed:
        lines += ["| package | committed | tried |", "|:--|--:|--:|"]
        lines += [f"| {name} | {before.get(name, 'none')} | {new} |" for name, new in changed.items()]
    if result is None:
        return "\n".join(
            [*lines, "", "## They cannot be tried", "", "```", *why_not.strip().splitlines()[-25:], "```", ""]
        )
    cells = {name: why for name, why in result.failures.items() if ".ipynb" in name or "notebooks" in name}
    tests = {name: why for name, why in result.failures.items() if name not in cells}
    lines += ["", f"{result.passed} tests and cells pass, {len(result.failures)} fail.", ""]
    for title, found in {"Tests that fail": tests, "Cells whose outputs differ, or that fail": cells}.items():
        lines += [f"## {title}: {len(found)}", ""]
        lines += [f"- `{name}`: {why}" for name, why in list(found.items())[:SHOWN]] + [""] * bool(found)
        lines += [f"- and {len(found) - SHOWN} more", ""] if len(found) > SHOWN else []
    lines += [f"## Deprecations: {len(result.warnings)}", ""]
    lines += [f"- {count} × {text[:200]}" for text, count in list(result.warnings.items())[:SHOWN]]
    return "\n".join([*lines, ""])


def copy_project() -> None:
    """Copy what git knows of the project into build/upgrade/project, as it stands in the working tree."""
    shutil.rmtree(PROJECT, ignore_errors=True)
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).exists():
            (PROJECT / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, PROJECT / name)
    subprocess.run(["git", "init", "--quiet"], cwd=PROJECT, check=True)  # its tests may look for a repository


def resolve_versions(uv: str, python: str, text: str, nightly: bool) -> tuple[dict[str, str], str]:
    """The versions that fit together, and, if there are none, uv's reason.

    Args:
        uv: the program.
        python: for which Python.
        text: the pyproject.toml that asks.
        nightly: whether versions before a release may be taken.
    """
    (PROJECT / "pyproject.toml").write_text(text, encoding="utf-8")
    command = [uv, "pip", "compile", "--quiet", "--python", python, "--all-extras", "--no-annotate", "--no-header"]
    command += ["--no-emit-index-url", *(["--prerelease", "allow"] if nightly else [])]
    command += ["pyproject.toml", "--output-file", "constraints.txt", "--upgrade"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    if done.returncode:
        return {}, done.stderr
    return read_pins((PROJECT / "constraints.txt").read_text(encoding="utf-8")), ""


def install_copy(uv: str, python: str) -> str:
    """Install the copy with its versions into build/upgrade/environment; what uv says if that fails, else ''."""
    shutil.rmtree(ENVIRONMENT, ignore_errors=True)
    target = str(ENVIRONMENT / "bin" / "python")
    for command in (
        [uv, "venv", "--quiet", "--python", python, str(ENVIRONMENT)],
        [
            uv,
            "pip",
            "install",
            "--quiet",
            "--python",
            target,
            "--constraint",
            "constraints.txt",
            "-e",
            ".[test,course]",
        ],
    ):
        done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
        if done.returncode:
            return done.stderr
    return ""


def run_tests(selection: list[str]) -> Result:
    """Run the copy's tests with the new versions; what pytest prints is kept in build/upgrade/tests.log.

    Args:
        selection: pytest's arguments; all tests and notebooks if there are none.
    """
    junit = FOLDER / "tests.xml"
    command = [str(ENVIRONMENT / "bin" / "python"), "-m", "pytest", "--nbval", f"--junitxml={junit}", "-q"]
    command += selection or ["--ignore", "tests/test_attacks.py", "--numprocesses", "2", "--dist", "loadfile"]
    with (FOLDER / "tests.log").open("w", encoding="utf-8") as file:
        subprocess.run(command, cwd=PROJECT, stdout=file, stderr=subprocess.STDOUT, check=False)
    log = (FOLDER / "tests.log").read_text(encoding="utf-8", errors="replace")
    if not junit.exists():
        sys.exit(f"pytest has made no report:\n{log[-2000:]}")
    return read_result(junit, log)


def main() -> int:
    """Try the versions that the command line asks for; the number of tests that fail, at most 1, is the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pin", action="append", default=[], help="one version to try, such as pandas==2.3.3")
    parser.add_argument("--nightly", action="store_true", help="TensorFlow's nightly build")
    parser.add_argument("--uv", default="uv", help="the program uv")
    parser.add_argument("selection", nargs="*", help="tests, as pytest takes them; all if none is named")
    arguments = parser.parse_args()
    uv = str(pathlib.Path(arguments.uv).resolve()) if "/" in arguments.uv else arguments.uv
    committed = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    before = read_pins((ROOT / "constraints.txt").read_text(encoding="utf-8"))
    pins = dict(pin.split("==") for pin in arguments.pin)
    copy_project()
    text = ask_for_versions(committed, not pins, pins, arguments.nightly)
    after, why_not = resolve_versions(uv, sys.executable, text, arguments.nightly)
    result = None
    if after:
        conda = (ROOT / "environment.yml").read_text(encoding="utf-8")
        (PROJECT / "environment.yml").write_text(replace_pins(conda, after), encoding="utf-8")
        (PROJECT / "pyproject.toml").write_text(replace_pins(committed, after), encoding="utf-8")
        why_not = install_copy(uv, sys.executable)
        result = None if why_not else run_tests(arguments.selection)
    REPORT.write_text(report_page(before, after, result, why_not), encoding="utf-8")
    print(REPORT.read_text(encoding="utf-8"))
    return int(result is None or bool(result.failures))


if __name__ == "__main__":
    sys.exit(main())

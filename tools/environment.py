"""Make the environment .venv, or mend it after its folder was moved: `python -m tools.environment course`.

A new environment is built next to the old one, in .venv-new, and takes its place once everything is installed. If that
fails, without a network or with versions that do not agree, the old one stays as it was. It needs Python alone.

`python -m tools.environment --conda` writes environment.yml, conda's list of the same versions.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent
HOME, NEW, OLD = ROOT / ".venv", ROOT / ".venv-new", ROOT / ".venv-old"
STAMP = HOME / "installed"  # its first line is the project's folder, where it was installed
# The first lines of a program in bin/: pip writes the environment's path there, in one of two ways.
FIRST_LINES = re.compile(rb"#!/[^\n]*python[^\n]*\n|#!/bin/sh\n'''exec' [^\n]*\n' '''\n")
# In place of them: the Python next to the program, wherever that is.
ANYWHERE = b"""#!/bin/sh
'''exec' "$(dirname -- "$(realpath -- "$0")")/python" "$0" "$@"
' '''
"""
CONDA = """\
# conda's and Binder's door to the same versions: conda env create -f environment.yml; `make lock` writes this file.
name: wide-deep
channels:
  - conda-forge
dependencies:
  - python=3.12
  - pip
  - pip:
"""


def describe_wanted(extras: str) -> str:
    """What is installed, as one line: another line means another environment.

    Args:
        extras: of pyproject.toml, such as 'test,course'.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    parts = [project["build-system"], project["project"].get("dependencies"), extras]
    parts += [project["project"].get("optional-dependencies"), project.get("tool", {}).get("setuptools")]
    parts.append((ROOT / "constraints.txt").read_text(encoding="utf-8"))
    return json.dumps(parts)


def read_stamp() -> tuple[str, str]:
    """The folder in which the environment was installed, and what was wanted; two empty strings if there is none."""
    lines = STAMP.read_text(encoding="utf-8").splitlines() if STAMP.exists() else []
    before, what, *_ = [*lines, "", ""]
    return before, what


def write_stamp(extras: str) -> None:
    STAMP.write_text(f"{ROOT}\n{describe_wanted(extras)}\n", encoding="utf-8")


def is_working(environment: pathlib.Path) -> bool:
    """Whether an environment's Python starts; it does not if the Python that it was made with is gone."""
    python = environment / "bin" / "python"
    return python.exists() and subprocess.run([python, "-c", ""], check=False, capture_output=True).returncode == 0


def update_paths(before: str) -> None:
    """Tell .venv where it is now: its programs, its script `activate`, and what leads to the project's modules.

    Args:
        before: the project's folder when it was installed.
    """
    subprocess.run([HOME / "bin" / "python", "-m", "venv", "--without-pip", HOME], check=True)
    for program in (HOME / "bin").iterdir():
        content = program.read_bytes() if program.is_file() and not program.is_symlink() else b""
        first = FIRST_LINES.match(content)
        if first:
            program.write_bytes(ANYWHERE + content[first.end() :])
    for path in HOME.glob("lib/python*/site-packages/__editable__*"):
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace(before, str(ROOT)), encoding="utf-8")


def swap_environments() -> None:
    """Put .venv-new into the place of .venv, and that into .venv-old."""
    shutil.rmtree(OLD, ignore_errors=True)
    if HOME.exists():
        HOME.rename(OLD)
    NEW.rename(HOME)


def install_project(environment: pathlib.Path, extras: str) -> bool:
    """Install the project and what it needs with an environment's pip, and show how far it is.

    Args:
        environment: the environment's folder.
        extras: of pyproject.toml.

    Returns:
        Whether it is installed; if not, what pip said is printed.
    """
    command: list[str | pathlib.Path] = [environment / "bin" / "python", "-m", "pip", "install"]
    command += ["--disable-pip-version-check", "--progress-bar=off", "--constraint", "constraints.txt"]
    command += ["--editable", f".[{extras}]"]
    lines: list[str] = []
    found = 0
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as pip:
        for line in pip.stdout or ():
            lines += [line] if line.strip() else []
            if line.startswith("Collecting "):
                found += 1
                print(f"\r{found} packages", end="", flush=True)
            elif line.startswith("Installing collected packages"):
                print(" are here; unpacking them takes another minute or two.", flush=True)
    if pip.returncode:
        print("", *lines[-20:], sep="\n" if found else "", end="", flush=True)
    return pip.returncode == 0


def build_environment(extras: str) -> None:
    """Install everything into .venv-new, then let it be .venv.

    Args:
        extras: of pyproject.toml.

    Raises:
        SystemExit: it cannot be installed; says so, and that the old environment is as it was.
    """
    print("Installing TensorFlow, JupyterLab and what they need into .venv. This is done once. It takes about three")
    print("minutes, most of them to download 0.7 GB, and 3 GB on the disk.", flush=True)
    shutil.rmtree(NEW, ignore_errors=True)
    made = subprocess.run([sys.executable, "-m", "venv", NEW], check=False, cwd=ROOT).returncode == 0
    if not made or not install_project(NEW, extras):
        shutil.rmtree(NEW, ignore_errors=True)
        old = " The old one is as it was: `make -o .venv/installed lab` uses it." if is_working(HOME) else ""
        sys.exit(f"The environment could not be installed; the reason stands above.{old}")
    swap_environments()
    update_paths(str(ROOT))
    write_stamp(extras)
    shutil.rmtree(OLD, ignore_errors=True)


def describe_for_conda() -> str:
    """environment.yml, which names the packages of pyproject.toml and of its extras `test` and `course`."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = ["--constraint constraints.txt", "--editable .", *project["dependencies"], *extras["test"]]
    return CONDA + "".join(f"      - {line}\n" for line in [*wanted, *extras["course"]])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("extras", nargs="?", default="", help="extras of pyproject.toml, such as test,course")
    parser.add_argument("--conda", action="store_true", help="write environment.yml, and nothing else")
    arguments = parser.parse_args()
    if arguments.conda:
        (ROOT / "environment.yml").write_text(describe_for_conda(), encoding="utf-8")
        return
    extras = arguments.extras
    before, what = read_stamp()
    if what != describe_wanted(extras) or not is_working(HOME):
        build_environment(extras)
    elif before != str(ROOT):
        print(f"The folder was moved from {before}: its environment is told so.", flush=True)
        update_paths(before)
        write_stamp(extras)
    else:
        os.utime(STAMP)  # pyproject.toml is newer, and says nothing new about what is installed


if __name__ == "__main__":
    main()

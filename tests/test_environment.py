"""The environment: a new one takes the old one's place only when it works, and a moved folder goes on working.

A small program stands in for Python's `venv` and `pip`, which take minutes.
"""

import os
import pathlib
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.skipif(os.name != "posix", reason="make and sh")

# What `make` calls as Python, and the environment's Python too. A file `offline` lets pip fail.
STAND_IN = r"""#!/bin/sh
echo "$*" >> '{log}'
case "$*" in
"-m venv --clear "*) mkdir -p "$4/bin"; cp '{stand_in}' "$4/bin/python"; cp '{stand_in}' "$4/bin/pip" ;;
"-m venv --without-pip "*) echo "VIRTUAL_ENV=$4" > "$4/bin/activate" ;;
"-m venv "*) mkdir -p "$3/bin"; cp '{stand_in}' "$3/bin/python" ;;
*"pip install"*|"install "*)
  [ -e offline ] && {{ echo "ERROR: no matching distribution"; exit 1; }}
  here=$(dirname "$0")
  printf '#!%s\nimport sys\n' "$here/python" > "$here/jupyter"
  printf '#!/bin/sh\necho "PYTHONPATH=$PYTHONPATH"\necho "lab $*"\n' > "$here/jupyter-lab"
  printf '#!/bin/sh\necho "uv $*"\n' > "$here/uv"
  chmod +x "$here"/*
  mkdir -p "$here/../lib/python3.12/site-packages"
  echo "MAPPING = '$PWD'" > "$here/../lib/python3.12/site-packages/__editable___finder.py" ;;
"-m tools.environment"*)
  shift 2
  exec '{python}' -c "import runpy, sys; sys.executable = '{stand_in}'; \
sys.argv = ['environment.py', '$1']; runpy.run_path('tools/environment.py', run_name='__main__')" ;;
*jupyter*) exit 0 ;;
*) exec '{python}' "$@" ;;
esac
"""


class Project:
    """A copy of what `make` needs, in a folder whose name has a blank and an accent."""

    def __init__(self, folder):
        self.folder, self.log, self.stand_in = folder / "Größe 1", folder / "log", folder / "python-stand-in"
        self.stand_in.write_text(STAND_IN.format(log=self.log, stand_in=self.stand_in, python=sys.executable))
        self.stand_in.chmod(0o755)
        for name in ("Makefile", "pyproject.toml", "constraints.txt", "tools/environment.py"):
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, self.folder / name)

    def make(self, *arguments, **variables):
        """Run make; returns whether it went well, and all that it printed."""
        command = ["make", f"PYTHON={self.stand_in}", *arguments]
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "MFLAGS"))}
        done = subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, env=environment | variables, timeout=60
        )
        return done.returncode == 0, done.stdout + done.stderr

    def change(self, name, old, new):
        path = self.folder / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))
        os.utime(self.folder / ".venv" / "installed", (0, 0))  # it was made before the change

    def installs(self):
        """How often pip was called."""
        return self.log.read_text().count("pip install") if self.log.exists() else 0


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


def test_it_is_installed_once_and_says_what_it_does(project):
    good, said = project.make(".venv/installed")
    assert good and "about three\nminutes" in said and "3 GB" in said
    assert project.make(".venv/installed")[1].strip() == "make: '.venv/installed' is up to date."
    assert project.installs() == 1 and not (project.folder / ".venv-new").exists()


def test_the_old_environment_survives_an_installation_that_fails(project):
    project.make(".venv/installed")
    (project.folder / ".venv" / "mine").touch()
    (project.folder / "offline").touch()
    project.change("pyproject.toml", '"keras==', '"keras==9')
    good, said = project.make(".venv/installed")
    assert not good and "no matching distribution" in said and "The old one is as it was" in said
    assert (project.folder / ".venv" / "mine").exists() and not (project.folder / ".venv-new").exists()
    assert project.make("-o", ".venv/installed", "lab")[0], "the command that the message names"
    (project.folder / "offline").unlink()
    assert project.make(".venv/installed")[0], "it is tried again"
    assert not (project.folder / ".venv" / "mine").exists() and project.installs() == 3


def test_the_first_installation_that_fails_leaves_nothing_and_does_not_speak_of_an_old_one(project):
    (project.folder / "offline").touch()
    good, said = project.make(".venv/installed")
    assert not good and "could not be installed" in said and "The old one" not in said
    assert not list(project.folder.glob(".venv*"))


def test_a_change_of_pyproject_that_says_nothing_of_packages_installs_nothing(project):
    project.make(".venv/installed")
    project.change("pyproject.toml", "line-length = 120", "line-length = 121")
    assert project.make(".venv/installed") == (True, "")
    project.change("constraints.txt", "absl-py==", "absl-py==9")
    project.make(".venv/installed")
    assert project.installs() == 2


def test_a_moved_folder_is_told_where_it_is(project):
    project.make(".venv/installed")
    old, project.folder = project.folder, project.folder.with_name("elsewhere")
    old.rename(project.folder)
    good, said = project.make(".venv/installed")
    assert good and "was moved" in said and project.installs() == 1
    assert str(old) not in (project.folder / ".venv/bin/activate").read_text()
    (finder,) = project.folder.glob(".venv/lib/python*/site-packages/__editable__*")
    assert finder.read_text() == f"MAPPING = '{project.folder}'\n"
    assert project.make(".venv/installed")[1].strip() == "make: '.venv/installed' is up to date."


def test_its_programs_run_wherever_they_are(project):
    project.make(".venv/installed")
    program = project.folder / ".venv/bin/jupyter"
    assert b"#!/bin/sh\n'''exec' \"$(dirname" in program.read_bytes() and b"import sys\n" in program.read_bytes()
    (project.folder / ".venv/bin/python").unlink()
    (project.folder / ".venv/bin/python").symlink_to(sys.executable)
    program.write_text(program.read_text() + "print(sys.executable)\n")
    elsewhere = project.folder / "a b"
    (project.folder / ".venv").rename(elsewhere)
    done = subprocess.run([elsewhere / "bin/jupyter"], capture_output=True, text=True)
    assert done.stdout.strip() == str(elsewhere / "bin/python"), done.stderr


def test_an_environment_whose_python_is_gone_is_made_anew(project):
    project.make(".venv/installed")
    (project.folder / ".venv/bin/python").unlink()
    (project.folder / ".venv/bin/python").symlink_to("/python-that-was-removed")
    assert project.make(".venv/installed")[0] and project.installs() == 2


def test_packages_of_elsewhere_do_not_get_in_the_way_unless_one_brings_an_environment(project):
    project.make(".venv/installed")
    lab = project.folder / ".venv/bin/jupyter"
    lab.write_text('#!/bin/sh\necho "PYTHONPATH=$PYTHONPATH"\n')
    assert "PYTHONPATH=\n" in project.make("lab", PYTHONPATH="/elsewhere")[1]
    mine = "BIN=.venv/bin"
    assert "PYTHONPATH=/elsewhere\n" in project.make(mine, "lab", PYTHONPATH="/elsewhere")[1]


def test_locking_needs_no_environment_but_uvs_own(project):
    good, said = project.make("lock")
    assert good and "uv pip compile" in said and not (project.folder / ".venv").exists()
    assert (project.folder / "environment.yml").read_text() == (ROOT / "environment.yml").read_text()
    (pin,) = [line for line in project.log.read_text().splitlines() if line.startswith("install ")]
    assert pin.endswith(f"uv=={pinned('uv')}")


def pinned(package):
    lines = (ROOT / "pyproject.toml").read_text(encoding="utf-8").splitlines()
    (line,) = [line for line in lines if line.strip().startswith(f'"{package}==')]
    return line.split("==")[1].split('"')[0]

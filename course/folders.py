"""Where the course's files stand, nbgrader's settings for them, and the error that ends a command with a sentence."""

import contextlib
import dataclasses
import os
import pathlib
import sys
from collections.abc import Iterator

from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

ROOT = pathlib.Path(__file__).resolve().parent.parent
ASSIGNMENT = "notebooks"


class CourseError(Exception):
    """A command cannot do what was asked; the text says why, for a person who has typed it."""


@contextlib.contextmanager
def exit_on_course_error() -> Iterator[None]:
    """End the program with the sentence of a `CourseError`, in place of a traceback."""
    try:
        yield
    except CourseError as error:
        sys.exit(str(error))


@dataclasses.dataclass(frozen=True)
class Folders:
    """The folders of a course.

    Attributes:
        root: Folder whose `notebooks/` holds the assignment's source.
        build: Folder for all that is made from it.
    """

    root: pathlib.Path = ROOT
    build: pathlib.Path = ROOT / "build"

    @property
    def notebooks(self) -> pathlib.Path:
        """The notebooks with solutions and hidden tests."""
        return self.root / ASSIGNMENT

    @property
    def release(self) -> pathlib.Path:
        """The students' copy."""
        return self.build / "release"

    @property
    def gradebook(self) -> pathlib.Path:
        """nbgrader's database, which holds all marks."""
        return self.build / "gradebook.db"

    @property
    def db_url(self) -> str:
        """The gradebook's address, as SQLAlchemy writes it."""
        return f"sqlite:///{self.gradebook}"

    def student_folder(self, step: str, student: str) -> pathlib.Path:
        """The folder of a student's notebooks.

        Args:
            step: 'submitted', 'autograded' or 'feedback'.
            student: nbgrader's name of the student.
        """
        return self.build / step / student / ASSIGNMENT

    def notebook_names(self) -> list[str]:
        """The names of the course's notebooks, such as '01_feature_crossing'."""
        return [path.stem for path in sorted(self.notebooks.glob("*.ipynb"))]


def nbgrader_settings(folders: Folders, timeout: int | None = None) -> Config:
    """nbgrader's settings, as nbgrader_config.py has them, for these folders.

    Args:
        folders: where the course stands.
        timeout: seconds after which a cell is interrupted; None leaves the setting as it is.
    """
    folders.build.mkdir(parents=True, exist_ok=True)
    config = PyFileConfigLoader("nbgrader_config.py", path=str(ROOT / "course")).load_config()
    config.CourseDirectory.root = str(folders.root)
    for step in ("release", "submitted", "autograded", "feedback"):
        config.CourseDirectory[f"{step}_directory"] = str(folders.build / step)
    config.CourseDirectory.db_url = folders.db_url
    if timeout:
        config.Execute.timeout = timeout
    # nbgrader calls alembic, which stands beside this Python and need not be on the path.
    os.environ["PATH"] = os.pathsep.join([str(pathlib.Path(sys.executable).parent), os.environ["PATH"]])
    return config

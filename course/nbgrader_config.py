"""nbgrader's settings: the notebooks are the assignment's source, and all that is made from them goes to build/."""

import atexit
import os
import pathlib
import shutil
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
c = get_config()  # type: ignore[name-defined]  # noqa: F821, nbgrader defines it

c.CourseDirectory.course_id = "wide-deep"
c.CourseDirectory.root = str(ROOT)
c.CourseDirectory.source_directory = "."
for step in ("release", "submitted", "autograded", "feedback"):
    c.CourseDirectory[f"{step}_directory"] = f"build/{step}"
c.CourseDirectory.db_url = f"sqlite:///{ROOT}/build/gradebook.db"
# What stands beside the notebooks is copied by course/release.py, and belongs into no feedback.
c.CourseDirectory.ignore = ["*.md", "*.json", "*.py", "images", "__pycache__", ".ipynb_checkpoints"]

c.ClearSolutions.code_stub = {"python": "# Your code here\nraise NotImplementedError"}
c.ClearSolutions.text_stub = "*Your answer here*"

# course/grade.py puts a sandbox in the place of this. nbgrader's command and the form grader's button know none, and
# there is no such module: they end with an error, and no student's code is run.
c.Autograde.autograde_preprocessors = ["only_make_autograde_has_a_sandbox.Execute"]
# A cell that takes longer is interrupted and counts as failed.
c.Execute.timeout = 60
# The pages with what students wrote, feedback and the form grader's, run no scripts of theirs.
c.HTMLExporter.sanitize_html = True
c.Execute.raise_on_iopub_timeout = False  # a loop that cannot be interrupted costs its own tests, not the notebook
if os.name == "posix":  # Unix sockets work with the network cut, loopback included
    sockets = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, sockets, ignore_errors=True)
    c.KernelManager.transport, c.KernelManager.ip = "ipc", f"{sockets}/kernel"

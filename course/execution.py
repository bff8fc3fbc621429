"""Run a notebook in two kernels: the student's cells in the sandbox, the tests where no student's code ever runs.

A test calls the student's functions over a line on which only plain data comes back (inside/calls.py). So a test runs
as it was written, with NumPy, the helpers and the shell as they are, and all that a submission can do to it is to
answer. Hidden tests never reach the student's kernel; it sees what they call its functions with.
"""

import ast
import asyncio
import builtins
import contextlib
import os
import pathlib
import re
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Client as Caller
from typing import Any

from course.folders import ROOT
from course.sandbox import Kernel

import nbformat
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import run_sync
from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode
from nbgrader.preprocessors import Execute
from nbgrader.utils import is_grade, is_locked, is_solution
from traitlets.config import Config

INSIDE = ROOT / "course" / "inside"
OUTPUT_BUDGET = 2_000_000  # characters of output that a cell may have
CELLS = 20  # a notebook may take as long as so many cells that are interrupted
REFUSED = "NoPoints"
# A statement, and a name that no student has: whatever else is called `globals` or `calls` there does no harm.
SERVE = "from calls import serve as _serve_the_tests\n_serve_the_tests({address!r})"
SHOWN = {"text/plain", "text/html", "text/latex", "text/markdown", "image/png", "image/jpeg"}  # what runs no scripts


Resources = dict[str, Any]  # what nbgrader hands from step to step


class Client(Execute):
    """nbgrader's runner of cells, for a kernel that is there already, with bounded output."""

    def __init__(self, kernel: "Kernel | TestKernel", config: Config):
        super().__init__(config=config)
        self.nb = nbformat.v4.new_notebook()
        self.km = kernel.manager
        self.kc = kernel.client
        self.budget = OUTPUT_BUDGET

    def process_message(self, msg: dict[str, Any], cell: NotebookNode, cell_index: int) -> NotebookNode | None:
        content = msg["content"]
        if msg["msg_type"].startswith("comm"):
            return None
        if isinstance(content.get("data"), dict):
            content["data"] = {kind: value for kind, value in content["data"].items() if kind in SHOWN}
        if msg["msg_type"] not in ("status", "execute_input"):
            self.budget -= len(str(content))
            if self.budget < 0:
                return None
        return super().process_message(msg, cell, cell_index)

    async def run(self, source: str, endless: bool = False) -> NotebookNode:
        """Run a source, if need be without a limit of time, and return the cell with its outputs."""
        cell = nbformat.v4.new_code_cell(source)
        self.nb.cells.append(cell)
        self.budget = OUTPUT_BUDGET
        self.timeout_func = (lambda cell: -1) if endless else None
        await self.async_execute_cell(cell, len(self.nb.cells) - 1, store_history=True)
        if self.budget < 0:
            remark = note_output("The output was longer than fits, and its end is left out.")
            cell.outputs = [*cell.outputs[:100], remark]
        return cell

    async def silently(self, source: str, value: str = "None") -> str | None:
        """Run a source that nobody needs to see; the text of an expression's value after it, or None if that failed."""
        sent = self.kc.execute(source, silent=True, store_history=False, user_expressions={"value": value})
        answer = await self.async_wait_for_reply(sent)
        with contextlib.suppress(TypeError, KeyError):
            return answer["content"]["user_expressions"]["value"]["data"]["text/plain"]
        return None

    async def status(self, source: str) -> str | None:
        """How a source that nobody needs to see ends, as the kernel replies: 'ok' or 'error'."""
        answer = await self.async_wait_for_reply(self.kc.execute(source, silent=True, store_history=False))
        return answer and answer["content"].get("status")


class TestKernel:
    """The kernel in which tests run, for all notebooks one after the other.

    Attributes:
        manager: jupyter_client's manager of the kernel.
        client: jupyter_client's client of it.
    """

    __test__ = False  # no class of pytest's

    def __init__(self) -> None:
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.manager = AsyncKernelManager()
        if os.name == "posix":
            self.manager.transport, self.manager.ip = "ipc", str(self.folder / "kernel")
        environment = {name: value for name, value in os.environ.items() if name != "JPY_SESSION_NAME"}
        environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(INSIDE)])
        run_sync(self.manager.start_kernel)(env=environment, cwd=str(self.folder))
        self.client = self.manager.client()
        self.client.start_channels()
        run_sync(self.client.wait_for_ready)(timeout=60)

    def close(self) -> None:
        self.client.stop_channels()
        run_sync(self.manager.shutdown_kernel)(now=True)
        shutil.rmtree(self.folder, ignore_errors=True)


# ------------------------------------------------------------------------------------------ what tests need


def own_folders() -> dict[str, str]:
    """The teacher's folders, the longest first, and what stands for them in a student's feedback."""
    stands_for = {str(ROOT): "course", str(pathlib.Path.home()): "~"}
    for prefix in (sys.base_prefix, sys.prefix):
        stands_for |= {prefix: "python", str(pathlib.Path(prefix).resolve()): "python"}
    return dict(sorted(stands_for.items(), key=lambda item: -len(item[0])))


def hide_own_folders(text: str) -> str:
    """A text, with its colours, that tells nobody where the teacher's files stand, as a traceback does."""
    for folder, stands_for in own_folders().items():
        text = re.sub(rf"(\x1b\[[\d;]*m|(?<![\w.-])){re.escape(folder)}(?=[/\\])", rf"\g<1>{stands_for}", text)
    return text


def hide_own_folders_in(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """A cell's outputs, changed in place as `hide_own_folders` says."""
    for output in outputs:
        for field in {"text", "evalue"} & set(output):
            output[field] = hide_own_folders(output[field])
        if "traceback" in output:
            output["traceback"] = [hide_own_folders(line) for line in output["traceback"]]
    return outputs


def note_output(text: str) -> NotebookNode:
    """An output with a text, as of print."""
    return nbformat.v4.new_output("stream", name="stdout", text=text + "\n")


def refusal_output(text: str) -> NotebookNode:
    """The output of a test that gives no points whatever its outcome, with a sentence for the student."""
    return nbformat.v4.new_output(
        "error", ename=REFUSED, evalue=text, traceback=[f"\x1b[0;31m{REFUSED}\x1b[0m: {text}"]
    )


def code_cells(notebook: NotebookNode, which: Callable[[NotebookNode], bool]) -> list[NotebookNode]:
    """The code cells for which a function is true."""
    return [cell for cell in notebook.cells if cell.cell_type == "code" and which(cell)]


def import_source(notebook: NotebookNode) -> str:
    """The source of the locked cell with which a notebook begins."""
    return next((cell.source for cell in code_cells(notebook, is_locked) if not is_grade(cell)), "")


def sources_by_id(notebook: NotebookNode) -> dict[str, str]:
    """nbgrader's id → source of the cells that it knows."""
    return {cell.metadata.nbgrader.grade_id: cell.source for cell in notebook.cells if "nbgrader" in cell.metadata}


def find_needed_names(notebook: NotebookNode) -> list[str]:
    """The names that the locked cells of a notebook use and do not define: those of the student's functions."""
    used: set[str] = set()
    builtin_names = set(dir(builtins))
    for node in (node for cell in code_cells(notebook, is_locked) for node in ast.walk(ast.parse(cell.source))):
        if isinstance(node, ast.Name):
            (used if isinstance(node.ctx, ast.Load) else builtin_names).add(node.id)
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.ExceptHandler)):
            builtin_names.add(node.name or "")
        elif isinstance(node, ast.arg):
            builtin_names.add(node.arg)
        elif isinstance(node, ast.alias):
            builtin_names.add((node.asname or node.name).partition(".")[0])
    return sorted(used - builtin_names)


def find_tests_of(notebook: NotebookNode, index: int) -> list[NotebookNode]:
    """The test cells of the exercise that a cell belongs to: those up to the next answer, from the next test on."""
    cells = notebook.cells
    following = [i for i in range(index, len(cells)) if cells[i].cell_type == "code" and is_grade(cells[i])]
    start = following[0] if following else index
    before = [i for i in range(start + 1) if cells[i].cell_type == "code" and is_solution(cells[i])]
    first = before[-1] if before else 0
    after = [i for i in range(first + 1, len(cells)) if cells[i].cell_type == "code" and is_solution(cells[i])]
    span = cells[first : after[0] if after else len(cells)]
    return [cell for cell in span if cell.cell_type == "code" and is_locked(cell) and is_grade(cell)]


# ------------------------------------------------------------------------------------------------- a notebook


def is_slow(outputs: list[NotebookNode]) -> bool:
    """Whether a cell was interrupted because it took too long."""
    return any(output.get("ename") == "CellTimeoutError" for output in outputs)


def is_alive(kernel: Kernel | TestKernel) -> bool:
    """Whether a kernel's process is still there."""
    return run_sync(kernel.manager.is_alive)()


async def can_answer(client: Client) -> bool:
    """Whether a kernel that was interrupted can be spoken to again."""
    with contextlib.suppress(asyncio.TimeoutError):
        return await asyncio.wait_for(client.silently("", "1"), timeout=5) == "1"
    return False


class Student:
    """The student's side of one notebook: its kernel, and what to do when that must be started again."""

    def __init__(self, kernel: Kernel, start: Callable[[], Kernel], config: Config):
        """Wait until the kernel is ready.

        Args:
            kernel: a kernel for student code.
            start: starts another like it.
            config: nbgrader's settings.
        """
        self.kernel = kernel
        self.start = start
        self.config = config
        self.client = Client(kernel, config)
        self.sources: list[str] = []
        self.violations: list[str] = []
        self.until = time.monotonic() + CELLS * self.client.timeout
        run_sync(kernel.client.wait_for_ready)(timeout=120)
        kernel.violations()  # those of the imports

    def run(self, source: str) -> list[NotebookNode]:
        """Run one of the student's cells, or what the student can see of a test; the outputs."""
        if time.monotonic() > self.until:
            return [note_output("The notebook took too long, so this cell was not run.")]
        outputs = run_sync(self.client.run)(source).outputs
        if not is_slow(outputs):
            self.sources.append(source)
        elif not run_sync(can_answer)(self.client):
            self.restart()
        return outputs

    def is_sound(self) -> bool:
        """Whether Python does what it is told: it adds numbers that nobody can know before, and fails where it must.

        Only the kernel's own replies are looked at, so students may print, display and debug as they like.
        """
        one = secrets.randbelow(10**9)
        other = secrets.randbelow(10**9)
        right = run_sync(self.client.status)(f"assert {one} + {other} == {one + other}")
        wrong = run_sync(self.client.status)(f"assert {one} + {other} == {one + other + 1}")
        return (right, wrong) == ("ok", "error")

    def restart(self) -> None:
        """Start a new kernel and run the same cells in it, in place of the one that cannot be stopped."""
        self.violations += self.kernel.violations()
        self.kernel.close()
        self.kernel = self.start()
        self.client = Client(self.kernel, self.config)
        run_sync(self.kernel.client.wait_for_ready)(timeout=120)
        for source in self.sources:
            run_sync(self.client.run)(source)


async def end_call(student: Student, serving: asyncio.Future[NotebookNode]) -> list[NotebookNode] | None:
    """The output of the functions that were called, once the student's Python has stopped; None if it cannot."""
    done, _ = await asyncio.wait([serving], timeout=1)
    if not done:
        await student.kernel.manager.interrupt_kernel()
        done, _ = await asyncio.wait([serving], timeout=3)
    if done:
        return [output for output in serving.result().outputs if output.output_type in ("stream", "display_data")]
    serving.cancel()
    with contextlib.suppress(asyncio.CancelledError, DeadKernelError):
        await serving
    return None


async def run_test_with_calls(
    student: Student, tester: Client, source: str, names: list[str], write_back: bool
) -> tuple[NotebookNode, bool, list[NotebookNode] | None]:
    """Run a test in the kernel for the tests while the student's kernel answers its calls.

    Args:
        student: The student's kernel.
        tester: The kernel for the tests.
        source: The test.
        names: What the test uses and does not define, the student's functions among it.
        write_back: Whether the test sees what a function does to its arguments.

    Returns:
        The test cell with its outputs, whether a function has changed an argument, and what `end_call` returns.
    """
    address = await tester.silently(f"_at = __import__('calls').listen({student.kernel.sockets!r})", "_at")
    address = ast.literal_eval(address or "''")
    serving = asyncio.ensure_future(student.client.run(SERVE.format(address=address), endless=True))
    connecting = asyncio.ensure_future(
        tester.silently(f"__import__('calls').connect({names!r}, globals(), {write_back})")
    )
    await asyncio.wait([serving, connecting], return_when=asyncio.FIRST_COMPLETED, timeout=tester.timeout)
    if not connecting.done():  # the student's Python did not call: call in its place, and hang up
        with contextlib.suppress(OSError):
            Caller(address).close()
    await connecting
    cell = await tester.run(source)
    changed = await tester.silently("_at = __import__('calls').hang_up()", "_at")
    return cell, changed == "True", await end_call(student, serving)


def has_failed(outputs: list[NotebookNode]) -> bool:
    """Whether the outputs of a test say that it failed, as nbgrader sees it."""
    return any(output.output_type == "error" or output.get("name") == "stderr" for output in outputs)


def run_test(student: Student, tester: Client, source: str, names: list[str]) -> list[NotebookNode]:
    """The outputs of a test. If a function changes its arguments, it must pass with that hidden from it and without."""
    outputs: list[NotebookNode] = []
    for write_back in (False, True):
        cell, changed, shown = run_sync(run_test_with_calls)(student, tester, source, names, write_back)
        if shown is None:
            student.restart()
        outputs = [*(shown or []), *cell.outputs]
        if has_failed(outputs) or not changed:
            break
    return outputs


def run_cells(
    notebook: NotebookNode, released: dict[str, str], student: Student, tester: Client
) -> list[tuple[int, str]]:
    """Run a notebook's cells, each in the kernel where it belongs, and write their outputs into it.

    Args:
        notebook: as nbgrader has restored it, with all tests.
        released: nbgrader's id → source of its cells, as the student got them.
        student: the student's kernel.
        tester: the kernel for the tests.

    Returns:
        A list of (cell's index, what its code has done): exercises that get no points, and why.

    Raises:
        RuntimeError: the imports at the notebook's head fail or take too long, which is not the student's fault.
    """
    names = find_needed_names(notebook)
    first = next((index for index, cell in enumerate(notebook.cells) if cell.cell_type == "code"), None)
    refused = []
    sound = True
    run_sync(tester.silently)("get_ipython().reset(new_session=True)")
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type != "code" or not cell.source.strip():
            continue
        if is_locked(cell) and is_grade(cell):
            cell.outputs = student.run(released.get(cell.metadata.nbgrader.grade_id, ""))
            if not is_slow(cell.outputs):
                cell.outputs = run_test(student, tester, cell.source, names)
        else:
            cell.outputs = student.run(cell.source)
            if is_locked(cell):
                outputs = run_sync(tester.run)(cell.source).outputs
                has_failed = any(output.output_type == "error" for output in outputs)
                if has_failed or (index == first and is_slow(cell.outputs)):
                    raise RuntimeError("The imports cannot be run on this machine, or not in time.")
            elif sound and not student.is_sound():
                sound = False
                refused.append((index, "changed how Python runs code"))
        hide_own_folders_in(cell.outputs)
        refused += [(index, violation) for violation in (*student.violations, *student.kernel.violations())]
        student.violations = []
    return refused


def take_points(notebook: NotebookNode, refused: list[tuple[int, str]]) -> None:
    """Take the points of exercises whose code did what it must not: an error in each of their tests, with why."""
    for index, violation in refused:
        text = f"No points for this exercise: its code {violation}."
        for cell in find_tests_of(notebook, index):
            kept = [output for output in cell.outputs if output.get("ename") == REFUSED]
            if all(output.evalue != text for output in kept):
                cell.outputs = [*kept, refusal_output(text)]


class Kernels:
    """What grading a class needs: one kernel for the tests, and a student's kernel that gets ready while another works.

    Attributes:
        released: The notebook at hand, as students got it.
        following: The one that comes next, or None.
        stopped: Why the student's code has ended the last notebook's kernel, in a sentence; None if it has not.
    """

    def __init__(self, start: Callable[[str], Kernel], config: Config):
        """Start the kernel for the tests.

        Args:
            start: starts a student's kernel, which runs the source that it gets.
            config: nbgrader's settings.
        """
        self.start = start
        self.config = config
        self.tester = TestKernel()
        self.waiting: dict[str, Kernel] = {}
        self.released: NotebookNode = nbformat.v4.new_notebook()
        self.following: NotebookNode | None = None
        self.stopped: str | None = None

    def _take(self, first: str) -> Kernel:
        """A kernel that has run the source `first`, and the next one's start."""
        kernel = self.waiting.pop(first, None) or self.start(first)
        following = import_source(self.following) if self.following else None
        if following is not None and following not in self.waiting:
            self.waiting[following] = self.start(following)
        return kernel

    def grade(self, notebook: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        """nbgrader's step in which a notebook is run: takes and returns the notebook and nbgrader's resources."""
        first = import_source(self.released)
        kernel = self._take(first)
        self.stopped = None
        student = None
        try:
            student = Student(kernel, lambda: self.start(first), self.config)
            tester = Client(self.tester, self.config)
            take_points(notebook, run_cells(notebook, sources_by_id(self.released), student, tester))
        except DeadKernelError:
            kernel = student.kernel if student else kernel
            if not is_alive(kernel):
                self.stopped = kernel.stopped or "Python ended before"
            if not is_alive(self.tester):
                self.tester.close()
                self.tester = TestKernel()
            raise
        finally:
            (student.kernel if student else kernel).close()
        return notebook, resources

    def close(self) -> None:
        """End all kernels."""
        for kernel in self.waiting.values():
            kernel.close()
        self.tester.close()

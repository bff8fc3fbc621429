"""Grade a notebook in two kernels: the student's cells behind the wall, the tests where no student's code ever runs.

A test calls the student's functions over a line on which only plain data comes back (calls.py). So a test runs as it
was written, with NumPy, the helpers and the shell as they are, and all that a submission can do to it is to answer.
Hidden tests never reach the student's kernel; it sees what they call its functions with.
"""

import ast
import asyncio
import builtins
import contextlib
import os
import pathlib
import secrets
import shutil
import tempfile
import time
from multiprocessing.connection import Client as Caller

import nbformat
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import run_sync
from nbclient.exceptions import DeadKernelError
from nbgrader.preprocessors import Execute
from nbgrader.utils import is_grade, is_locked, is_solution

TOOLS = pathlib.Path(__file__).resolve().parent
ROOM = 2_000_000  # characters of output that a cell may have
CELLS = 20  # a notebook may take as long as so many cells that are interrupted
REFUSED = "NoPoints"
SHOWN = {"text/plain", "text/html", "text/latex", "text/markdown", "image/png", "image/jpeg"}  # what runs no scripts


class Client(Execute):
    """nbgrader's runner of cells, for a kernel that is there already, with bounded output."""

    def __init__(self, kernel, config):
        super().__init__(config=config)
        self.nb = nbformat.v4.new_notebook()
        self.km, self.kc, self.room = kernel.manager, kernel.client, ROOM

    def process_message(self, msg, cell, cell_index):
        content = msg["content"]
        if msg["msg_type"].startswith("comm"):
            return None
        if isinstance(content.get("data"), dict):
            content["data"] = {kind: value for kind, value in content["data"].items() if kind in SHOWN}
        if msg["msg_type"] not in ("status", "execute_input"):
            self.room -= len(str(content))
            if self.room < 0:
                return None
        return super().process_message(msg, cell, cell_index)

    async def run(self, source, endless=False):
        """Run a source, if need be without a limit of time, and return the cell with its outputs."""
        cell = nbformat.v4.new_code_cell(source)
        self.nb.cells.append(cell)
        self.room, self.timeout_func = ROOM, (lambda cell: -1) if endless else None
        await self.async_execute_cell(cell, len(self.nb.cells) - 1, store_history=True)
        if self.room < 0:
            cell.outputs = cell.outputs[:100] + [note("The output was longer than fits, and its end is left out.")]
        return cell

    async def silently(self, source, value="None"):
        """Run a source that nobody needs to see; the text of an expression's value after it, or None if that failed."""
        sent = self.kc.execute(source, silent=True, store_history=False, user_expressions={"value": value})
        answer = await self.async_wait_for_reply(sent)
        with contextlib.suppress(TypeError, KeyError):
            return answer["content"]["user_expressions"]["value"]["data"]["text/plain"]


class Judge:
    """The kernel in which tests run, for all notebooks one after the other. Attributes: as of sandbox.Kernel."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.manager = AsyncKernelManager()
        if os.name == "posix":
            self.manager.transport, self.manager.ip = "ipc", str(self.folder / "kernel")
        environment = {name: value for name, value in os.environ.items() if name != "JPY_SESSION_NAME"}
        environment["PYTHONPATH"] = os.pathsep.join([str(TOOLS.parent), str(TOOLS)])
        run_sync(self.manager.start_kernel)(env=environment, cwd=str(self.folder))
        self.client = self.manager.client()
        self.client.start_channels()
        run_sync(self.client.wait_for_ready)(timeout=60)

    def close(self):
        self.client.stop_channels()
        run_sync(self.manager.shutdown_kernel)(now=True)
        shutil.rmtree(self.folder, ignore_errors=True)


# ------------------------------------------------------------------------------------------ what tests need


def note(text):
    """An output with a text, as of print."""
    return nbformat.v4.new_output("stream", name="stdout", text=text + "\n")


def refusal(text):
    """The output of a test that gives no points whatever its outcome, with a sentence for the student."""
    return nbformat.v4.new_output(
        "error", ename=REFUSED, evalue=text, traceback=[f"\x1b[0;31m{REFUSED}\x1b[0m: {text}"]
    )


def code_cells(notebook, which):
    return [cell for cell in notebook.cells if cell.cell_type == "code" and which(cell)]


def imports(notebook):
    """The source of the locked cell with which a notebook begins."""
    return next((cell.source for cell in code_cells(notebook, is_locked) if not is_grade(cell)), "")


def sources(notebook):
    """dict id → source of the cells that nbgrader knows."""
    return {cell.metadata.nbgrader.grade_id: cell.source for cell in notebook.cells if "nbgrader" in cell.metadata}


def needed(notebook):
    """The names that the locked cells of a notebook use and do not define: those of the student's functions."""
    used, made = set(), set(dir(builtins))
    for node in (node for cell in code_cells(notebook, is_locked) for node in ast.walk(ast.parse(cell.source))):
        if isinstance(node, ast.Name):
            (used if isinstance(node.ctx, ast.Load) else made).add(node.id)
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.ExceptHandler)):
            made.add(node.name)
        elif isinstance(node, ast.arg):
            made.add(node.arg)
        elif isinstance(node, ast.alias):
            made.add((node.asname or node.name).partition(".")[0])
    return sorted(used - made)


def exercise_of(notebook, index):
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


def is_slow(outputs):
    """Whether a cell was interrupted because it took too long."""
    return any(output.get("ename") == "CellTimeoutError" for output in outputs)


async def answers(client):
    """Whether a kernel that was interrupted can be spoken to again."""
    with contextlib.suppress(asyncio.TimeoutError):
        return await asyncio.wait_for(client.silently("", "1"), timeout=5) == "1"
    return False


class Student:
    """The student's side of one notebook: its kernel, and what to do when that must be started again.

    Args:
        kernel: sandbox.Kernel. start: function that starts another like it. config: nbgrader's.
    """

    def __init__(self, kernel, start, config):
        self.kernel, self.start, self.config = kernel, start, config
        self.client, self.sources, self.deeds = Client(kernel, config), [], []
        self.until = time.monotonic() + CELLS * self.client.timeout
        run_sync(kernel.client._async_wait_for_ready)(timeout=120)
        kernel.deeds()  # those of the imports

    def run(self, source):
        """Run one of the student's cells, or what the student can see of a test; the outputs."""
        if time.monotonic() > self.until:
            return [note("The notebook took too long, so this cell was not run.")]
        outputs = run_sync(self.client.run)(source).outputs
        if not is_slow(outputs):
            self.sources.append(source)
        elif not run_sync(answers)(self.client):
            self.again()
        return outputs

    def is_sound(self):
        """Whether Python does what it is told: it fails where it must, and computes what nobody can know before."""
        one, other = secrets.randbelow(10**9), secrets.randbelow(10**9)
        added = run_sync(self.client.run)(f"print({one} + {other})").outputs
        failing = run_sync(self.client.run)(f"assert {one} == {one + 1}, {str(other)!r}").outputs
        errors = [(output.ename, output.evalue) for output in failing if output.output_type == "error"]
        printed = "".join(output.get("text", "") for output in added)
        return printed.strip() == str(one + other) and errors == [("AssertionError", str(other))]

    def again(self):
        """Start a new kernel and run the same cells in it, in place of one that cannot be stopped."""
        self.deeds += self.kernel.deeds()
        self.kernel.close()
        self.kernel = self.start()
        self.client = Client(self.kernel, self.config)
        run_sync(self.kernel.client._async_wait_for_ready)(timeout=120)
        for source in self.sources:
            run_sync(self.client.run)(source)


async def end_call(student, serving):
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


async def call(student, judge, source, names, write_back):
    """Run a test in the judge's kernel while the student's kernel answers its calls.

    Returns:
        cell: the test with its outputs. changed: whether a function has changed an argument. shown: see `end_call`.
    """
    address = await judge.silently(f"_at = __import__('calls').listen({student.kernel.sockets!r})", "_at")
    address = ast.literal_eval(address or "''")
    serving = asyncio.ensure_future(
        student.client.run(f"__import__('calls').serve({address!r}, globals())", endless=True)
    )
    connecting = asyncio.ensure_future(
        judge.silently(f"__import__('calls').connect({names!r}, globals(), {write_back})")
    )
    await asyncio.wait([serving, connecting], return_when=asyncio.FIRST_COMPLETED, timeout=judge.timeout)
    if not connecting.done():  # the student's Python did not call: call in its place, and hang up
        with contextlib.suppress(OSError):
            Caller(address).close()
    await connecting
    cell = await judge.run(source)
    changed = await judge.silently("_at = __import__('calls').hang_up()", "_at")
    return cell, changed == "True", await end_call(student, serving)


def failed(outputs):
    """Whether the outputs of a test say that it failed, as nbgrader sees it."""
    return any(output.output_type == "error" or output.get("name") == "stderr" for output in outputs)


def test(student, judge, source, names):
    """The outputs of a test. If a function changes its arguments, it must pass with that hidden from it and without."""
    for write_back in (False, True):
        cell, changed, shown = run_sync(call)(student, judge, source, names, write_back)
        if shown is None:
            student.again()
        outputs = [*(shown or []), *cell.outputs]
        if failed(outputs) or not changed:
            break
    return outputs


def grade(notebook, released, student, judge):
    """Run a notebook's cells, each in the kernel where it belongs, and write their outputs into it.

    Args:
        notebook: as nbgrader has restored it, with all tests. released: dict id → source of its cells as the student
            got them. student: Student. judge: Client of the kernel for the tests.
    Returns:
        list of (cell's index, what its code has done): exercises that get no points, and why.
    """
    names, refused, sound = needed(notebook), [], True
    run_sync(judge.silently)("get_ipython().reset(new_session=True)")
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type != "code" or not cell.source.strip():
            continue
        if is_locked(cell) and is_grade(cell):
            cell.outputs = student.run(released.get(cell.metadata.nbgrader.grade_id, ""))
            if not is_slow(cell.outputs):
                cell.outputs = test(student, judge, cell.source, names)
        else:
            cell.outputs = student.run(cell.source)
            if is_locked(cell):
                run_sync(judge.run)(cell.source)
            elif sound and not student.is_sound():
                sound = False
                refused.append((index, "changed how Python runs code"))
        refused += [(index, deed) for deed in (*student.deeds, *student.kernel.deeds())]
        student.deeds = []
    return refused


def refuse(notebook, refused):
    """Take the points of exercises whose code did what it must not: an error in each of their tests, with why."""
    for index, deed in refused:
        text = f"No points for this exercise: its code {deed}."
        for cell in exercise_of(notebook, index):
            kept = [output for output in cell.outputs if output.get("ename") == REFUSED]
            if all(output.evalue != text for output in kept):
                cell.outputs = [*kept, refusal(text)]


class Bench:
    """What grading a class needs: one kernel for the tests, and a student's kernel that gets ready while another works.

    Attributes:
        released: the notebook at hand, as students got it. following: the one that comes next, or None.
        stopped: why the last notebook was stopped, in a sentence, or None.
    """

    def __init__(self, start, config):
        """start: function that starts a student's kernel, which runs the source that it gets. config: nbgrader's."""
        self.start, self.config, self.judge = start, config, Judge()
        self.waiting, self.released, self.following, self.stopped = {}, None, None, None

    def grade(self, notebook, resources):
        """nbgrader's step in which a notebook is run: takes and returns the notebook and the resources."""
        first, following = imports(self.released), self.following and imports(self.following)
        kernel = self.waiting.pop(first, None) or self.start(first)
        if self.following and following not in self.waiting:
            self.waiting[following] = self.start(following)
        self.stopped, student = None, None
        try:
            student = Student(kernel, lambda: self.start(first), self.config)
            refuse(notebook, grade(notebook, sources(self.released), student, Client(self.judge, self.config)))
        except DeadKernelError:
            self.stopped = (student.kernel if student else kernel).stopped
            raise
        finally:
            (student.kernel if student else kernel).close()
        return notebook, resources

    def close(self):
        """End all kernels."""
        for kernel in (*self.waiting.values(), self.judge):
            kernel.close()

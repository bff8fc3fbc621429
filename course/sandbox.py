"""A Jupyter kernel in a sandbox: bubblewrap shows a student's code the environment, the helpers and scratch folders.

It sees no clone, no solution, no gradebook, no other submission and no network, only its own processes, and it has
bounded memory, disk and processes. Linux only; `make autograde SANDBOX=none` does without.
"""

import contextlib
import functools
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from typing import Any

from course.folders import ROOT

import matplotlib
import psutil
import zmq.asyncio
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import run_sync

INSIDE = ROOT / "course" / "inside"
MEMORY = 6_000_000_000  # bytes, of all processes of a submission together
DISK = 256_000_000  # bytes, of each of its three scratch folders, which stand in memory
LARGEST_MESSAGE = 8_000_000  # bytes, so a larger picture is not shown
RESOURCES = {"RLIMIT_NPROC": 400, "RLIMIT_FSIZE": DISK, "RLIMIT_CORE": 0, "RLIMIT_AS": 8_000_000_000}
COURSE = "/course"  # where the students' copy stands in the sandbox
WORK = "/course/notebooks"
SCRATCH = ["/tmp", WORK, "/dev/shm", "/dev/null"]
WITHOUT_SANDBOX = (
    "SANDBOX=none: a submission can read, change and send all that you can: solutions, marks, all your files."
)
NO_SANDBOX = (
    "Submissions are run in a sandbox, and it cannot be built here: {reason}\n"
    "On Linux, install bubblewrap (apt-get install bubblewrap, dnf install bubblewrap). On macOS or Windows, grade "
    "in a virtual machine with Linux.\n'make autograde SANDBOX=none SUBMISSIONS=folder' does without; a submission can "
    "then read and change all that you can."
)


# --------------------------------------------------------------------------------------------- the sandbox


def system_arguments() -> list[str]:
    """bubblewrap's arguments for the system's programs and libraries, and what they need of /etc."""
    arguments = ["--ro-bind", "/usr", "/usr"]
    for name in ("bin", "sbin", "lib", "lib64", "lib32"):
        path = pathlib.Path("/", name)
        if path.is_symlink():
            arguments += ["--symlink", os.readlink(path), str(path)]
        elif path.is_dir():
            arguments += ["--ro-bind", str(path), str(path)]
    for name in ("ld.so.cache", "alternatives", "fonts", "localtime"):
        arguments += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    return arguments


def parent_folder_arguments(path: pathlib.Path) -> list[str]:
    """Arguments that make the folders above a path, which everyone may enter."""
    return [word for folder in reversed(path.parents[:-1]) for word in ("--dir", str(folder))]


def environment_prefixes() -> list[pathlib.Path]:
    """The folders of this environment and of the Python that it was made of, as they are written."""
    return [pathlib.Path(os.path.abspath(prefix)) for prefix in (sys.prefix, sys.base_prefix)]


def _is_shown(path: pathlib.Path, shown: set[pathlib.Path]) -> bool:
    return any(path.is_relative_to(other) for other in (*shown, pathlib.Path("/usr")))


def environment_arguments(hidden: list[pathlib.Path]) -> list[str]:
    """Arguments that show this Python and its packages, and cover those of the hidden folders that they would show."""
    shown = {path.resolve() for path in environment_prefixes()}
    shown = {path for path in shown if not path.is_relative_to("/usr")}
    covered = {path for path in hidden if _is_shown(path, shown)}
    arguments = []
    for path in sorted(shown | covered):  # a folder before what is in it
        if not _is_shown(path, shown - {path}):
            arguments += parent_folder_arguments(path)
        arguments += ["--tmpfs", str(path)] if path in covered else ["--ro-bind", str(path), str(path)]
    for path in sorted(set(environment_prefixes())):  # the environment finds its Python by a path that may be a link
        if path != path.resolve() and not _is_shown(path, shown):
            arguments += [*parent_folder_arguments(path), "--symlink", str(path.resolve()), str(path)]
    return arguments


def students_copy_arguments() -> list[str]:
    """Arguments that show the helpers, the data, and the two files with which tests reach the student's functions."""
    arguments = ["--dir", COURSE, "--dir", f"{COURSE}/inside", "--ro-bind", str(ROOT / "data"), f"{COURSE}/data"]
    for path in sorted([*ROOT.glob("wdl_*.py"), ROOT / "recommender", ROOT / "wide_deep"]):
        arguments += ["--ro-bind", str(path), f"{COURSE}/{path.name}"]
    for path in (INSIDE / "calls.py", INSIDE / "start.py"):
        arguments += ["--ro-bind", str(path), f"{COURSE}/inside/{path.name}"]
    arguments += ["--perms", "1777", "--dir", "/tmp/matplotlib"]
    for fonts in pathlib.Path(matplotlib.get_cachedir()).glob("fontlist-*.json"):  # seconds to make, else
        arguments += ["--ro-bind", str(fonts), f"/tmp/matplotlib/{fonts.name}"]
    return arguments


def environment_variables() -> dict[str, str]:
    """All environment variables that a student's code gets."""
    return {
        "HOME": "/tmp",
        "LANG": "C.UTF-8",
        "MPLCONFIGDIR": "/tmp/matplotlib",
        "PATH": os.pathsep.join([str(pathlib.Path(sys.executable).parent), "/usr/bin", "/bin"]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
        "PYTHONPATH": f"{COURSE}:{COURSE}/inside",
    }


@functools.cache
def isolation_arguments() -> list[str]:
    """Arguments that take rights away: an ordinary user gets a namespace of its own; root becomes nobody inside."""
    unshared = ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
    if os.geteuid() == 0:
        return [*unshared, "--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    help_text = subprocess.run(["bwrap", "--help"], check=False, capture_output=True, text=True).stdout
    no_more = ["--disable-userns"] if "--disable-userns" in help_text else []
    return [*unshared, "--unshare-user", *no_more, "--cap-drop", "ALL"]


def bwrap_command(hidden: list[pathlib.Path], folder: pathlib.Path | None = None) -> list[str]:
    """The command that runs inside/start.py in the sandbox.

    Args:
        hidden: absolute paths, the teacher's folders.
        folder: where the kernel's connection file and its sockets stand; None tries the sandbox alone.
    """
    limits = {"resources": RESOURCES, "scratch": SCRATCH, "hidden": [str(path) for path in hidden]}
    limits["environment"] = [str(path) for prefix in environment_prefixes() for path in (prefix, prefix.resolve())]
    scratch = ["--perms", "1777", "--size", str(DISK), "--tmpfs"]
    arguments = ["bwrap", "--die-with-parent", "--new-session", *isolation_arguments(), *system_arguments()]
    arguments += ["--proc", "/proc", "--dev", "/dev", *scratch, "/dev/shm", "--remount-ro", "/dev"]
    arguments += [*scratch, "/tmp", *environment_arguments(hidden)]
    arguments += [*students_copy_arguments(), *scratch, WORK]
    if folder:
        limits["reports"] = str(folder / "sockets" / "reports")
        arguments += parent_folder_arguments(folder / "sockets")
        arguments += ["--bind", str(folder / "sockets"), str(folder / "sockets")]
        arguments += ["--ro-bind", str(folder / "kernel.json"), str(folder / "kernel.json")]
    arguments += ["--remount-ro", "/", "--chdir", WORK, "--clearenv"]
    for name, value in environment_variables().items():
        arguments += ["--setenv", name, value]
    program = [sys.executable, f"{COURSE}/inside/start.py", json.dumps(limits)]
    return [*arguments, "--", *program, *([str(folder / "kernel.json")] if folder else [])]


def why_unavailable(hidden: list[pathlib.Path]) -> str | None:
    """Why there can be no sandbox on this machine, in a sentence, or None if there can."""
    if not sys.platform.startswith("linux") or not shutil.which("bwrap"):
        return "bubblewrap is not installed."
    environment = {"PATH": os.environ["PATH"]}
    tried = subprocess.run(bwrap_command(hidden), check=False, capture_output=True, text=True, env=environment)
    return None if tried.returncode == 0 else f"bubblewrap says: {tried.stderr.strip()[-500:]}"


# ---------------------------------------------------------------------------------------------- the kernel


def memory_of_children(pid: int) -> int:
    """Memory, in bytes, of all that a process has started, and what those have; its own is not counted."""
    total = 0
    with contextlib.suppress(psutil.Error):
        for process in psutil.Process(pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                total += process.memory_info().rss
    return total


class Kernel:
    """A Jupyter kernel for one submission, in the sandbox or, without one, as any other process.

    Attributes:
        manager: jupyter_client's manager of the kernel.
        client: jupyter_client's client of it.
        sockets: The folder for sockets; None where there are no Unix sockets.
        stopped: Why it was stopped, in a sentence, or None.
    """

    def __init__(self, hidden: list[pathlib.Path], sandbox: bool, first: str):
        """Start it, and let it run a source while others still work.

        Args:
            hidden: absolute paths, the teacher's folders.
            sandbox: whether to start it in a sandbox.
            first: the source that it runs first.
        """
        self.folder = pathlib.Path(tempfile.mkdtemp()).resolve()
        self.sandbox = sandbox
        self.stopped: str | None = None
        self.manager: Any = None
        self.client: Any = None
        self.reports: socket.socket | None = None  # listens for the sandbox' line
        self.line: socket.socket | None = None
        self.heard = b""
        self.is_closed = threading.Event()
        sockets = self.folder / "sockets"
        self.sockets = str(sockets) if os.name == "posix" else None
        try:
            sockets.mkdir()
            self._start(hidden, sockets, first)
        except BaseException:
            self.close()
            raise
        if sandbox:
            threading.Thread(target=self.watch, daemon=True).start()

    def _start(self, hidden: list[pathlib.Path], sockets: pathlib.Path, first: str) -> None:
        context = zmq.asyncio.Context()
        context.setsockopt(zmq.MAXMSGSIZE, LARGEST_MESSAGE)
        context.setsockopt(zmq.RCVHWM, 50)
        manager: Any = AsyncKernelManager(context=context, connection_file=str(self.folder / "kernel.json"))
        if os.name == "posix":
            manager.transport, manager.ip = "ipc", str(sockets / "kernel")
        manager.write_connection_file()
        environment = {"PATH": os.environ["PATH"]}  # bubblewrap's own, which the sandbox may read
        if self.sandbox:
            self.reports = socket.socket(socket.AF_UNIX)
            self._listen(self.reports, sockets / "reports")
            command = bwrap_command(hidden, self.folder)
        else:
            environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(INSIDE)])}
            command = [sys.executable, "-m", "ipykernel_launcher", "-f", str(self.folder / "kernel.json")]
        spec = KernelSpec(argv=command, interrupt_mode="message", language="python")
        manager._kernel_spec = spec  # noqa: SLF001, nothing public takes a command that is not installed as a kernel
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.manager = manager
        run_sync(manager.start_kernel)(env=environment, cwd=str(sockets), **quiet)
        self.client = manager.client()
        self.client.start_channels(hb=False)  # a heart that has stopped would make the end of this wait for ever
        self.client.allow_stdin = False
        self.client.execute(f"import calls\ncalls.guard_streams()\ndel calls\n{first}", store_history=False)

    def _listen(self, reports: socket.socket, path: pathlib.Path) -> None:
        """Let the sandbox report at a path. Where root grades, the sandbox runs as nobody, who must reach it."""
        reports.bind(str(path))
        reports.listen(1)
        if os.geteuid() == 0:
            for shown in (self.folder / "kernel.json", path.parent, path):
                os.chown(shown, 65534, 65534)

    def _reason_to_stop(self, pid: int) -> str | None:
        """What the kernel does that it must not, in a sentence, or None."""
        files = [path for path in (self.folder / "sockets").rglob("*") if path.is_file() and not path.is_socket()]
        if memory_of_children(pid) > MEMORY:
            return f"it used more than {MEMORY // 10**9} GB of memory"
        if sum(path.lstat().st_size for path in files) > 0:
            return "it wrote where only its sockets may be"
        return None

    def watch(self) -> None:
        """Stop the kernel when it takes more memory than it may, or writes files where only its sockets stand."""
        process = self.manager.provisioner.process
        while not self.is_closed.wait(0.3):
            with contextlib.suppress(OSError):  # a file may go while it is looked at
                self.stopped = self._reason_to_stop(process.pid)
            if self.stopped:
                process.kill()
                return

    def violations(self) -> list[str]:
        """What the code has tried and must not, a sentence each, since this was last asked."""
        if self.reports is None:
            return []
        with contextlib.suppress(OSError):
            if self.line is None:
                self.reports.settimeout(5)
                self.line, _ = self.reports.accept()
                self.line.setblocking(False)
            while data := self.line.recv(65536):
                self.heard += data
                if len(self.heard) > 10**6:
                    break
            self.line.close()
            self.heard += b'"has closed the line on which it is reported"\n'
        *lines, self.heard = self.heard.split(b"\n")
        return [report_text(line) for line in lines if line]

    def close(self) -> None:
        """End the kernel and remove what was made for it."""
        if self.is_closed.is_set():
            return
        self.is_closed.set()
        if self.client is not None:
            self.client.stop_channels()
        if self.manager is not None:
            with contextlib.suppress(Exception):
                run_sync(self.manager.shutdown_kernel)(now=True)
        for end in (self.reports, self.line):
            if end is not None:
                end.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def report_text(line: bytes) -> str:
    """The text of a report, which student code may have sent itself: short, and a line."""
    try:
        text = json.loads(line)
    except ValueError:
        text = "has written into the line on which it is reported"
    return " ".join(str(text).split())[:300]

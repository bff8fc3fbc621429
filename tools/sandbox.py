"""A Jupyter kernel behind a wall: bubblewrap shows a student's code the environment, the helpers and scratch folders.

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
import time

import matplotlib
import psutil
import zmq.asyncio
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import run_sync

ROOT = pathlib.Path(__file__).resolve().parent.parent
INSIDE = pathlib.Path(__file__).resolve().parent / "inside.py"
MEMORY = 6_000_000_000  # bytes, of all processes of a submission together
DISK = 256_000_000  # bytes, of each of its three scratch folders, which stand in memory
LARGEST_MESSAGE = 8_000_000  # bytes, so a larger picture is not shown
RESOURCES = {"RLIMIT_NPROC": 400, "RLIMIT_FSIZE": DISK, "RLIMIT_CORE": 0, "RLIMIT_AS": 8_000_000_000}
COURSE, WORK = "/course", "/course/notebooks"  # where the students' copy stands in the sandbox
SCRATCH = ["/tmp", WORK, "/dev/shm", "/dev/null"]
NONE = "SANDBOX=none: a submission can read, change and send all that you can: solutions, marks, all your files."
MISSING = (
    "Submissions are run in a sandbox, and it cannot be built here: {reason}\n"
    "On Linux, install bubblewrap (apt-get install bubblewrap, dnf install bubblewrap). On macOS or Windows, grade "
    "in a virtual machine with Linux.\n'make autograde SANDBOX=none SUBMISSIONS=folder' does without; a submission can "
    "then read and change all that you can."
)


# ------------------------------------------------------------------------------------------------ the wall


def system():
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


def way_to(path):
    """Arguments that make the folders above a path, which everyone may enter."""
    return [word for folder in reversed(path.parents[:-1]) for word in ("--dir", str(folder))]


def environment_but(hidden):
    """Arguments that show this Python and its packages, and cover those of the hidden folders that they would show."""
    shown = {pathlib.Path(prefix).resolve() for prefix in (sys.prefix, sys.base_prefix)}
    shown = {path for path in shown if not path.is_relative_to("/usr")}
    covered = {path for path in hidden if any(path.is_relative_to(other) for other in (*shown, pathlib.Path("/usr")))}
    arguments = []
    for path in sorted(shown | covered):  # a folder before what is in it
        if not any(path.is_relative_to(other) for other in (*shown - {path}, "/usr")):
            arguments += way_to(path)
        arguments += ["--tmpfs", str(path)] if path in covered else ["--ro-bind", str(path), str(path)]
    return arguments


def students_copy():
    """Arguments that show the helpers, the data, and the two files with which tests reach the student's functions."""
    arguments = ["--dir", COURSE, "--dir", f"{COURSE}/inside", "--ro-bind", str(ROOT / "data"), f"{COURSE}/data"]
    for path in sorted([*ROOT.glob("wdl_*.py"), ROOT / "recommender"]):
        arguments += ["--ro-bind", str(path), f"{COURSE}/{path.name}"]
    for path in (INSIDE, INSIDE.with_name("calls.py")):
        arguments += ["--ro-bind", str(path), f"{COURSE}/inside/{path.name}"]
    arguments += ["--perms", "1777", "--dir", "/tmp/matplotlib"]
    for fonts in pathlib.Path(matplotlib.get_cachedir()).glob("fontlist-*.json"):  # seconds to make, else
        arguments += ["--ro-bind", str(fonts), f"/tmp/matplotlib/{fonts.name}"]
    return arguments


def variables():
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
def rights():
    """Arguments that take rights away: an ordinary user gets a namespace of its own; root becomes nobody inside."""
    unshared = ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
    if os.geteuid() == 0:
        return [*unshared, "--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    help_text = subprocess.run(["bwrap", "--help"], capture_output=True, text=True).stdout
    no_more = ["--disable-userns"] if "--disable-userns" in help_text else []
    return [*unshared, "--unshare-user", *no_more, "--cap-drop", "ALL"]


def wall(hidden, folder=None):
    """The command that runs inside.py behind the wall.

    Args:
        hidden: list of absolute paths, the teacher's folders.
        folder: where the kernel's connection file and its sockets stand; None tries the wall alone.
    """
    limits = {"resources": RESOURCES, "scratch": SCRATCH, "hidden": [str(path) for path in hidden]}
    limits["environment"] = [str(pathlib.Path(prefix).resolve()) for prefix in (sys.prefix, sys.base_prefix)]
    scratch = ["--perms", "1777", "--size", str(DISK), "--tmpfs"]
    arguments = [
        "bwrap",
        "--die-with-parent",
        "--new-session",
        *rights(),
        *system(),
        "--proc",
        "/proc",
        "--dev",
        "/dev",
    ]
    arguments += [*scratch, "/dev/shm", "--remount-ro", "/dev", *scratch, "/tmp", *environment_but(hidden)]
    arguments += [*students_copy(), *scratch, WORK]
    if folder:
        limits["reports"] = str(folder / "sockets" / "reports")
        arguments += way_to(folder / "sockets")
        arguments += ["--bind", str(folder / "sockets"), str(folder / "sockets")]
        arguments += ["--ro-bind", str(folder / "kernel.json"), str(folder / "kernel.json")]
    arguments += ["--remount-ro", "/", "--chdir", WORK, "--clearenv"]
    for name, value in variables().items():
        arguments += ["--setenv", name, value]
    program = [sys.executable, f"{COURSE}/inside/inside.py", json.dumps(limits)]
    return [*arguments, "--", *program, *([str(folder / "kernel.json")] if folder else [])]


def why_not(hidden):
    """Why there can be no sandbox on this machine, in a sentence, or None if there can."""
    if not sys.platform.startswith("linux") or not shutil.which("bwrap"):
        return "bubblewrap is not installed."
    tried = subprocess.run(wall(hidden), capture_output=True, text=True, env={"PATH": os.environ["PATH"]})
    return None if tried.returncode == 0 else f"bubblewrap says: {tried.stderr.strip()[-500:]}"


# ---------------------------------------------------------------------------------------------- the kernel


def used(pid):
    """Memory, in bytes, of a process and all that it has started."""
    total = 0
    with contextlib.suppress(psutil.Error):
        for process in psutil.Process(pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                total += process.memory_info().rss
    return total


class Kernel:
    """A Jupyter kernel for one submission, behind the wall or, without a sandbox, as any other process.

    Attributes:
        manager, client: of jupyter_client. sockets: the folder for sockets, None where there are no Unix sockets.
        stopped: why it was stopped, in a sentence, or None.
    """

    def __init__(self, hidden, sandbox, first):
        """Start it, and let it run the source `first` while others still work. hidden: see `wall`."""
        self.folder = pathlib.Path(tempfile.mkdtemp()).resolve()
        self.sandbox, self.stopped, self.heard, self.line = sandbox, None, b"", None
        sockets = self.folder / "sockets"
        sockets.mkdir()
        self.sockets = str(sockets) if os.name == "posix" else None
        context = zmq.asyncio.Context()
        context.setsockopt(zmq.MAXMSGSIZE, LARGEST_MESSAGE)
        context.setsockopt(zmq.RCVHWM, 50)
        self.manager = AsyncKernelManager(context=context, connection_file=str(self.folder / "kernel.json"))
        if os.name == "posix":
            self.manager.transport, self.manager.ip = "ipc", str(sockets / "kernel")
        self.manager.write_connection_file()
        environment = {"PATH": os.environ["PATH"]}  # bubblewrap's own, which the sandbox may read
        if not sandbox:
            environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(INSIDE.parent)])}
        self.manager._kernel_spec = KernelSpec(argv=self.command(hidden), interrupt_mode="message", language="python")
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        run_sync(self.manager.start_kernel)(env=environment, cwd=str(sockets), **quiet)
        self.client = self.manager.client()
        self.client.start_channels(hb=False)  # a heart that has stopped would make the end of this wait for ever
        self.client.allow_stdin = False
        self.client.execute(f"import calls\ndel calls\n{first}", store_history=False)
        if sandbox:
            threading.Thread(target=self.watch, daemon=True).start()

    def command(self, hidden):
        if not self.sandbox:
            return [sys.executable, "-m", "ipykernel_launcher", "-f", str(self.folder / "kernel.json")]
        self.reports = socket.socket(socket.AF_UNIX)
        self.reports.bind(str(self.folder / "sockets" / "reports"))
        self.reports.listen(1)
        if os.geteuid() == 0:
            for path in (self.folder / "kernel.json", self.folder / "sockets", self.folder / "sockets" / "reports"):
                os.chown(path, 65534, 65534)
        return wall(hidden, self.folder)

    def watch(self):
        """Stop the kernel when it takes more memory than it may, or writes files where only its sockets stand."""
        while self.manager is not None and self.stopped is None:
            with contextlib.suppress(OSError, AttributeError):
                files = [
                    path for path in (self.folder / "sockets").rglob("*") if path.is_file() and not path.is_socket()
                ]
                if used(self.manager.provisioner.pid) > MEMORY:
                    self.stopped = f"it used more than {MEMORY // 10**9} GB of memory"
                elif sum(path.lstat().st_size for path in files) > 0:
                    self.stopped = "it wrote where only its sockets may be"
                if self.stopped:
                    self.manager.provisioner.process.kill()
            time.sleep(0.3)

    def deeds(self):
        """What the code has tried and must not, a sentence each, since this was last asked."""
        if not self.sandbox:
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
        return [sentence(line) for line in lines if line]

    def close(self):
        """End the kernel and remove what was made for it."""
        manager, self.manager = self.manager, None
        if manager is None:
            return
        self.client.stop_channels()
        with contextlib.suppress(Exception):
            run_sync(manager.shutdown_kernel)(now=True)
        if self.sandbox:
            for end in (self.reports, self.line):
                if end is not None:
                    end.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def sentence(line):
    """The text of a report, which student code may have sent itself: short, and a line."""
    try:
        text = json.loads(line)
    except ValueError:
        text = "has written into the line on which it is reported"
    return " ".join(str(text).split())[:300]

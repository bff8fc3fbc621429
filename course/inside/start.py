"""What runs first within the sandbox: it gives up rights, limits itself, starts to report, becomes a Jupyter kernel.

Started as `python start.py LIMITS [CONNECTION_FILE]`; without a connection file it only tries whether all this works.
"""

import json
import os
import resource
import socket
import sys
from typing import Any

NOBODY = 65534
REPORTS = 20  # so many are enough
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGES = {
    "os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.chmod", "os.chown", "os.link", "os.symlink", "os.truncate",
    "sqlite3.connect",
}  # fmt: skip


def path_of(argument: object) -> str | None:
    """The absolute path that an event names, or None."""
    if isinstance(argument, os.PathLike):
        argument = os.fspath(argument)
    if isinstance(argument, bytes):
        argument = os.fsdecode(argument)
    return os.path.abspath(argument) if isinstance(argument, str) and argument != ":memory:" else None


def is_within(path: str, folders: list[str]) -> bool:
    """Whether a path is one of the folders or in it."""
    return any(path == folder or path.startswith(folder + os.sep) for folder in folders)


def describe_violation(event: str, args: tuple[Any, ...], limits: dict[str, Any]) -> str | None:
    """A sentence about what the code tried and must not, or None.

    Args:
        event: name of Python's audit event.
        args: the event's arguments.
        limits: dict 'scratch', folders where it may write, 'hidden', the teacher's folders, which are not in the
            sandbox, and 'environment', what is there of them.
    """
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        family = getattr(args[0], "family", None)
        return None if family == getattr(socket, "AF_UNIX", None) else "tried to reach the network"
    if event in ("os.kill", "os.killpg"):
        return None if args[0] > 1 and args[0] != os.getppid() else "tried to end a process that is not its own"
    if event not in CHANGES and event not in ("open", "os.listdir", "os.scandir", "os.chdir"):
        return None
    path = path_of(args[0]) if args else None
    if path is None:
        return None
    if is_within(path, limits["hidden"]) and not is_within(path, limits["environment"]):
        return f"tried to reach {path}, which is the teacher's"
    start, _, rest = path.lstrip("/").partition("/")
    if start == "proc" and rest.partition("/")[0] not in ("self", "thread-self", str(os.getpid())):
        return f"tried to read {path}, of another process" if rest.endswith(("/environ", "/mem", "/cmdline")) else None
    writes = event in CHANGES or (event == "open" and isinstance(args[2], int) and args[2] & WRITING)
    if writes and not is_within(path, limits["scratch"]):
        return f"tried to change {path}"
    return None


def report_violations(limits: dict[str, Any]) -> None:
    """Send a line for each violation to the teacher's side, which listens at the address limits['reports']."""
    line = socket.socket(socket.AF_UNIX)
    line.connect(limits["reports"])
    sent: set[str] = set()

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if ("." not in event and event != "open") or len(sent) >= REPORTS:
            return
        try:
            violation = describe_violation(event, args, limits)
            if violation and violation not in sent:
                sent.add(violation)
                line.sendall(json.dumps(violation).encode() + b"\n")
        except Exception:  # a report must not break what it reports
            return

    sys.addaudithook(hook)


def main() -> None:
    limits = json.loads(sys.argv[1])
    if os.getuid() == 0:  # root in the sandbox is root outside of it, so become nobody
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        os.execv(sys.executable, [sys.executable, *sys.argv])
    for name, value in limits["resources"].items():
        resource.setrlimit(getattr(resource, name), (value, value))
    if len(sys.argv) > 2:
        from ipykernel import kernelapp

        report_violations(limits)
        sys.argv = [sys.argv[0], "-f", sys.argv[2], "--HistoryManager.hist_file=:memory:"]
        kernelapp.launch_new_instance()


if __name__ == "__main__":
    main()

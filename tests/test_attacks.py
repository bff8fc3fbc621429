"""Submissions that cheat: none gets a point it does not deserve, sees what is hidden, or changes what is others'."""

import hashlib
import json
import os
import re
import subprocess
import sys

from course import grade, gradebook, sandbox
from course.execution import Client
from course.folders import ROOT, CourseError, Folders

import nbformat
import pytest
from jupyter_core.utils import run_sync
from small_course import cell_of, hand_in, small_course, small_notebook, solve, table
from test_grading import SANDBOX, quiet
from traitlets.config import Config

needs_a_sandbox = pytest.mark.skipif(not SANDBOX, reason="there is no bubblewrap here, so no sandbox to attack")

# -------------------------------------------------------------------------------------- attacks on the marks

LIE = "def {name}(x): return 0\n"
ALWAYS = """
class Always:
    __array_ufunc__ = None
    def __eq__(self, other): return self
    def __getattr__(self, name): return lambda *args, **kwargs: True
    def __bool__(self): return True
def {name}(x): return Always()
"""
THIEF = """
import json, pathlib
for folder in [pathlib.Path("{clone}"), pathlib.Path("/course"), pathlib.Path.cwd()]:
    for path in folder.rglob("*.ipynb"):
        for cell in json.loads(path.read_text())["cells"]:
            if cell["cell_type"] == "code" and "BEGIN SOLUTION" in "".join(cell["source"]):
                exec("".join(cell["source"]), globals())
exec((pathlib.Path("{clone}") / "notebooks" / "05_small.ipynb").read_text(), globals())
"""
GRADEBOOK = """
import sqlite3
base = sqlite3.connect("{clone}/build/gradebook.db")
base.execute("UPDATE grade SET manual_score = 99, needs_manual_grade = 0")
base.commit()
"""
NEIGHBOUR = """
import os
for student in ("ada", "zoe"):
    try:
        open(os.path.join("{submissions}", student, "05_small.ipynb"), "w").write("{{}}")
    except OSError:
        pass
"""
GRAFFITI = """
import pathlib
for folder in [pathlib.Path("{clone}"), pathlib.Path.cwd(), *pathlib.Path.cwd().parents]:
    for path in [*folder.glob("*.ipynb"), *folder.glob("notebooks/*"), folder / "notebooks" / "05_small.ipynb"]:
        try:
            path.open("a").write(" ")
        except OSError:
            pass
"""
TRANSFORMER = "get_ipython().input_transformers_post.append(lambda lines: ['pass\\n'])\n"
PATCHER = """
import IPython
async def nothing(self, *args, **kwargs):
    return IPython.core.interactiveshell.ExecutionResult(None)
type(get_ipython()).run_cell_async = nothing
"""
NO_ERROR = """
import builtins
class AssertionError(builtins.BaseException):
    def __new__(cls, *args): raise SystemExit(0)
builtins.AssertionError = AssertionError
builtins.all = builtins.any = lambda *args: True
get_ipython().showtraceback = lambda *args, **kwargs: None
get_ipython().set_custom_exc((BaseException,), lambda *args, **kwargs: None)
"""
NUMPY = """
np.allclose = np.array_equal = np.all = lambda *args, **kwargs: True
class Yes(np.ndarray):
    def __eq__(self, other): return np.ones(9, bool).view(Yes)
    def all(self, *args): return True
def {name}(x): return np.zeros(9).view(Yes)
"""
FRAMES = """
import sys, gc, re
def {name}(x):
    frame = sys._getframe()
    while frame:
        for names in (frame.f_locals, frame.f_globals):
            for value in list(names.values()):
                if isinstance(value, str) and (found := re.search(r"== (\\d) \\* np.arange", value)):
                    return int(found[1]) * x
        frame = frame.f_back
    for thing in gc.get_objects():
        if isinstance(thing, (list, tuple)) and any(isinstance(t, str) and "HIDDEN TESTS" in t for t in thing):
            raise SystemExit("found")
"""
HISTORY = """
def {name}(x):
    text = " ".join(get_ipython().user_ns["In"])
    found = __import__("re").search(r"== (\\d) \\* (np.arange|values)", text)
    print("hidden test " + "seen" * bool(found))
    return int(found[1]) * x if found else 0
"""
REWRITER = """
import gc, threading, time
def rewrite():
    while True:
        for thing in gc.get_objects():
            if isinstance(thing, dict) and "points" in thing:
                thing["points"] = 50
        for name in ("double", "triple"):
            globals()[name] = lambda x: True
        time.sleep(0.01)
threading.Thread(target=rewrite, daemon=True).start()
"""
LINE = """
import calls
calls.encode = lambda value: ["list", [True]]
calls.is_same = lambda *args: True
calls.reply = lambda *args: {{"given": True, "functions": ["double", "triple", "np"], "values": {{"np": 1}}}}
"""
PICKLE = """
import calls, json, pickle
class Bomb:
    def __reduce__(self): return (exec, ("import os; os._exit(0)",))
def {name}(x): return Bomb()
json.dumps = lambda value: type("Text", (), {{"encode": lambda self: pickle.dumps(Bomb())}})()
"""
FORGER = """
kernel = get_ipython().kernel
def {name}(x):
    for text in ("2", "99"):
        kernel.session.send(kernel.iopub_socket, "execute_result", parent=kernel.get_parent(), ident=b"execute_result",
                            content={{"data": {{"text/plain": text}}, "metadata": {{}}, "execution_count": 1}})
    get_ipython().displayhook(99)
    return 0
"""
HELPERS = """
import sys, types
sys.modules["pytest"] = sys.modules["wdl_helpers"] = types.ModuleType("wdl_helpers")
np.arange = lambda *args: 0
"""
MUTATOR = """
def {name}(x):
    if np.ndim(x):
        x[...] = 0
        return x.copy()
    return {factor}
"""
REPORTS = """
import os, socket
for number in range(3, 200):
    try:
        if str(socket.socket(fileno=os.dup(number)).getpeername()).endswith("reports"):
            os.write(number, b'"is a model student"\\n')
            os.close(number)
    except OSError:
        pass
open("/usr/evidence", "w")
"""

# name → what stands in an answer cell, and what the teacher must be told of it
ATTACKS = {
    "gradebook": (GRADEBOOK + LIE, "gradebook.db, which is the teacher's"),
    "thief": (THIEF + LIE, "which is the teacher's"),
    "transformer": (TRANSFORMER + LIE, "changed how Python runs code"),
    "neighbour": (NEIGHBOUR + LIE, "which is the teacher's"),
    "graffiti": (GRAFFITI + LIE, "which is the teacher's"),
    "patcher": (PATCHER + LIE, "changed how Python runs code"),
    "always equal": (ALWAYS, ""),
    "no errors": (NO_ERROR + LIE, ""),  # what it changes is in its own process, and no test runs there
    "another numpy": (NUMPY, ""),
    "frames": (FRAMES, ""),
    "history": (HISTORY, ""),
    "rewriter": (REWRITER + LIE, ""),
    "line": (LINE + LIE, ""),
    "pickle": (PICKLE, ""),
    "forger": (FORGER, ""),
    "other helpers": (HELPERS + LIE, ""),
    "mutator": (MUTATOR, ""),
    "leaves": ("import sys\ndef {name}(x): sys.exit(0)", ""),
    "network": ("import socket\nsocket.create_connection(('192.0.2.1', 80), 1)\n" + LIE, "reach the network"),
    "signals": ("import os\nos.kill(os.getppid(), 9)\n" + LIE, "end a process that is not its own"),
    "reports": (REPORTS + LIE, "reported"),
    "freezes": ("import os\ndef {name}(x): os.kill(os.getpid(), 19)", ""),
    "loud": ("print('x' * 100_000_000)\n" + LIE, ""),
}
# Two to a submission, the first as the answer `double` and the second as `triple`, where one does not hide the other.
TOGETHER = [
    ("gradebook", "thief"), ("neighbour", "graffiti"), ("always equal", "another numpy"), ("frames", "history"),
    ("pickle", "forger"), ("leaves", "network"), ("signals", "reports"), ("freezes", "loud"), ("rewriter", "line"),
    ("other helpers", "mutator"), ("transformer", "transformer"), ("patcher", "patcher"), ("no errors", "no errors"),
]  # fmt: skip
DESERVED = {"other helpers and mutator": 1}  # it gives 3 for triple(1), which is what the visible test asks
PAGE = "<img src=x onerror=alert(1)><script>alert(2)</script><iframe src='javascript:alert(3)'></iframe>"
SCRIPTS = f"""
from IPython.display import HTML, Javascript, SVG, display
display(HTML({PAGE!r}), Javascript("alert(4)"), SVG(data="<svg xmlns='http://www.w3.org/2000/svg'><script>alert(5)</script></svg>"))
print({PAGE!r})
"""
HONEST = """
import functools, math
from fractions import Fraction

class Doubler:
    def __init__(self, factor): self.factor = factor
    def __call__(self, x): return plus(x, x) if self.factor == 2 else NotImplemented

double = Doubler(2)
import matplotlib.pyplot as plt
plt.plot([1, 2]); plt.show()
open("notes.txt", "w").write("mine"); print(open("notes.txt").read())
"""
RECURSIVE = """
def triple(x, times=3):
    return x + triple(x, times - 1) if times > 1 else x.tolist() if np.ndim(x) and times == 0 else x
"""


def attacked_notebook():
    """The small notebook, with one hidden test that uses what it gives to the function once more."""
    notebook = small_notebook()
    hidden = "values = np.arange(1, 9)\nassert (np.asarray(triple(values)) == 3 * values).all()"
    cell_of(notebook, "triple-hidden").source = f"### BEGIN HIDDEN TESTS\n{hidden}\n### END HIDDEN TESTS"
    return notebook


def attacking(released, source, pair, places):
    """A submission with an attack in each of its answers."""
    names = {"double": (pair[0], 2), "triple": (pair[1], 3)}
    but = {
        name: ATTACKS[attack][0].format(name=name, factor=factor, **places) for name, (attack, factor) in names.items()
    }
    return solve(released, source, but | {"in-words": "*Your answer here*"})


def honest(released, source):
    """A right and unusual submission, with a helper in a cell of its own, and pages that would run scripts."""
    notebook = solve(released, source, {"double": HONEST, "triple": RECURSIVE, "in-words": PAGE})
    helper = nbformat.v4.new_code_cell("def plus(one, other):\n    return np.add(one, other)\n" + SCRIPTS)
    helper.metadata["tags"] = ["skip-execution"]
    notebook.cells.insert(3, helper)  # after the heading: what stands above it is the lesson
    return notebook


def tagged(released):
    """A submission without answers whose tests are tagged, filled in and rated as one would like."""
    notebook = nbformat.from_dict(json.loads(nbformat.writes(released)))
    notebook.metadata["kernelspec"]["name"] = "another"
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.metadata["tags"] = ["skip-execution", "raises-exception"]
            cell.outputs = [nbformat.v4.new_output("execute_result", {"text/plain": "5"}, execution_count=1)]
    return notebook


def checksums(*folders):
    """dict path → checksum of all files in some folders, but for caches and what the grading itself makes."""
    files = [(path, path.relative_to(folder).parts) for folder in folders for path in sorted(folder.rglob("*"))]
    ours = [path for path, parts in files if not any(p.startswith(".") or p in ("build", "__pycache__") for p in parts)]
    kept = [path for path in ours if path.is_file() and not path.is_symlink()]
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in kept}


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """The course after all attacks: (folders, checksums before, checksums after)."""
    if not SANDBOX:
        pytest.skip("there is no bubblewrap here, so no sandbox to attack")
    folder = tmp_path_factory.mktemp("attacked")
    source = attacked_notebook()
    folders, released = small_course(folder / "project", source)
    places = {"clone": str(folder / "project"), "submissions": str(folder / "in")}
    handed = {" and ".join(pair): attacking(released, source, pair, places) for pair in TOGETHER}
    handed |= {"ada": honest(released, source), "zoe": honest(released, source), "tags": tagged(released)}
    hand_in(folder / "in", {f"{student}/05_small.ipynb": notebook for student, notebook in handed.items()})
    for student, target in (("link to a solution", folders.notebooks), ("link to ada", folder / "in" / "ada")):
        (folder / "in" / student).mkdir()
        (folder / "in" / student / "05_small.ipynb").symlink_to(target / "05_small.ipynb")
    (folder / "in" / "pipe").mkdir()
    os.mkfifo(folder / "in" / "pipe" / "05_small.ipynb")
    (folder / "in" / "*").mkdir()
    (folder / "in" / "a link").symlink_to(folder / "in" / "ada")
    before = checksums(folder / "in", folder / "project", ROOT)
    grade.autograde(folders, folder / "in", timeout=5)
    return folders, before, checksums(folder / "in", folder / "project", ROOT)


@needs_a_sandbox
@quiet
@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_gets_what_it_deserves_and_leaves_a_mark(graded, attack):
    pair = next(pair for pair in TOGETHER if attack in pair)
    student, exercise, told = " and ".join(pair), ("double", "triple")[pair.index(attack)], ATTACKS[attack][1]
    row = table(graded[0])[student]
    assert float(row["05_small"]) == DESERVED.get(student, 0)
    said = "; ".join(part for part in row["remarks"].split("; ") if f"{exercise}-" in part)
    assert told in said and bool(told) == bool(said)
    page = (graded[0].student_folder("feedback", student) / "05_small.html").read_text(encoding="utf-8")
    assert ("No points for this exercise: its code" in page) >= bool(told)
    assert "hidden test seen" not in page and len(page) < 3_000_000


def test_every_attack_is_made():
    assert {attack for pair in TOGETHER for attack in pair} == set(ATTACKS)
    assert len(ATTACKS) >= 6 + 15


@needs_a_sandbox
@pytest.mark.parametrize("student", ["tags", "link to a solution", "link to ada", "pipe"])
def test_a_file_cannot_talk_its_way_to_points(graded, student):
    row = table(graded[0])[student]
    assert float(row["05_small"]) == 0
    assert ("so there are no points" in row["remarks"]) == (student != "tags")


@needs_a_sandbox
@pytest.mark.parametrize("student", ["ada", "zoe"])
def test_honest_unusual_answers_get_full_points_among_them(graded, student):
    row = table(graded[0])[student]
    assert (row["05_small"], row["by hand"], row["remarks"]) == ("5.0", "2.0", "")


@needs_a_sandbox
def test_nothing_of_anybody_has_changed(graded):
    _, before, after = graded
    assert before == after and len(before) > 100
    assert set(table(graded[0])) == {
        *map(" and ".join, TOGETHER),
        "ada",
        "zoe",
        "tags",
        "link to a solution",
        "link to ada",
        "pipe",
        "*",
        "a link",
    }
    assert {table(graded[0])[name]["05_small"] for name in ("*", "a link")} == {""}


@needs_a_sandbox
def test_a_page_of_feedback_runs_no_scripts(graded):
    page = (graded[0].student_folder("feedback", "ada") / "05_small.html").read_text(encoding="utf-8")
    assert re.search('<head>\\s*<meta http-equiv="Content-Security-Policy" content="default-src \'none\';', page)
    assert "script-src" not in page
    body = page[page.index("<body") :]
    assert not re.search(r"<img[^>]*onerror|<script>alert|<iframe|<svg[^>]*>\s*<script", body)
    assert "data:image/png;base64," in body and "mine" in body


@needs_a_sandbox
@quiet
def test_a_run_that_was_cut_off_goes_on(graded, capsys, monkeypatch):
    folders = graded[0]
    record = gradebook.read_record(folders)
    assert len(record["graded"]) == len(TOGETHER) + 6
    before = table(folders)
    del record["graded"]["ada/05_small"], record["graded"]["transformer and transformer/05_small"]
    gradebook.write_record(folders, record)
    monkeypatch.setattr(gradebook, "write_feedback", lambda *_: None)  # the pages are the same
    grade.autograde(folders, folders.root.parent / "in", timeout=5)
    said = capsys.readouterr().out
    assert f"{len(record['graded'])} notebooks are graded already" in said
    assert "1 of 2: ada, 05_small; about" in said and "2 of 2: transformer" in said
    assert table(folders) == before


# -------------------------------------------------------------------------------------- attacks on the sandbox


def outputs(kernel, source, timeout=20):
    """The text that a source makes in a kernel, errors included."""
    client = Client(kernel, Config())
    client.timeout = timeout
    made = run_sync(client.run)(source).outputs
    return "".join(output.get("text") or f"{output.get('ename')}: {output.get('evalue')}" for output in made)


@pytest.fixture
def kernel(tmp_path, monkeypatch):
    """A kernel in the sandbox, of a teacher who has secrets in a folder and in an environment variable."""
    (tmp_path / "secret.txt").write_text("the solution")
    monkeypatch.setenv("TEACHERS_TOKEN", "the solution")
    kernel = sandbox.Kernel([ROOT, tmp_path], True, "import os, pathlib")
    kernel.folder_of_secrets = tmp_path
    run_sync(kernel.client.wait_for_ready)(timeout=60)
    yield kernel
    kernel.close()
    assert not kernel.folder.exists()


LOOKS = """
found = []
for path in pathlib.Path("/proc").glob("[0-9]*/*"):
    try:
        if path.name in ("environ", "cmdline", "maps") and "the solution" in path.read_text(errors="replace"):
            found.append(path)
    except OSError:
        pass
print(found, "TEACHERS_TOKEN" in os.environ, len(list(pathlib.Path("/proc").glob("[0-9]*"))) < 5)
"""
RAISES = """
def tried(function, *args):
    try:
        return function(*args)
    except (OSError, MemoryError) as error:
        return type(error).__name__
"""


@needs_a_sandbox
def test_the_sandbox_shows_nothing_of_the_teachers(kernel):
    run = lambda source: outputs(kernel, source).strip()  # noqa: E731
    secret = kernel.folder_of_secrets / "secret.txt"
    assert run(LOOKS) == "[] False True", "/proc and the environment"
    for path in (secret, ROOT / "notebooks", ROOT / "course", ROOT / "tests", "/etc/shadow", "/etc/passwd"):
        assert run(f"print(os.path.exists({str(path)!r}))") == "False", path
    assert run("print(os.getuid())") == str(os.getuid() or 65534)
    places = ["/course", "/tmp", str(ROOT / "notebooks")]
    found = f"[p for place in {places!r} for p in pathlib.Path(place).rglob('*.ipynb')]"
    run(f"import sys; found = [p for p in {found} if not p.is_relative_to(sys.prefix)]")  # packages bring some along
    assert run("print(found)") == "[]", "no notebook"
    assert str(ROOT / "notebooks") not in run("print(open('/proc/self/mountinfo').read())")


@needs_a_sandbox
def test_the_sandbox_can_be_neither_left_nor_changed(kernel):
    run = lambda source: outputs(kernel, source).strip()  # noqa: E731
    run(RAISES)
    for path in (
        "/usr/x",
        "/course/wdl_helpers.py",
        f"{sys.prefix}/x",
        "/x",
        "/dev/x",
        str(kernel.folder / "kernel.json"),
    ):
        assert run(f"print(tried(open, {path!r}, 'a'))") in ("OSError", "PermissionError"), path
    assert (
        run("import socket; print(tried(socket.create_connection, ('127.0.0.1', 22), 1))") == "ConnectionRefusedError"
    )
    assert run("print(tried(socket.create_connection, ('192.0.2.1', 80), 1))") == "OSError"
    for call in ("mount(b'none', b'/tmp', b'tmpfs', 0, 0)", "setuid(0)", "chroot(b'/tmp')", "sethostname(b'x', 1)"):
        assert run(f"import ctypes; print(ctypes.CDLL(None).{call})") == "-1", call
    run("os.kill(1, 9)")
    assert run("print(6 * 7)") == "42", "the sandbox's first process cannot be ended from within"


@needs_a_sandbox
def test_the_sandbox_is_bounded_in_memory_disk_and_processes(kernel):
    run = lambda source: outputs(kernel, source).strip()  # noqa: E731
    run(RAISES)
    assert run("print(tried(bytearray, 10**10))") == "MemoryError"
    fill = "tried(lambda: [open(f'{folder}/{i}', 'wb').write(bytes(10**7)) for i in range(100)])"
    for folder in sandbox.SCRATCH[:3]:
        assert run(f"folder = {folder!r}; print({fill})") == "OSError", folder
        assert (
            run(f"print(sum(p.stat().st_size for p in pathlib.Path({folder!r}).glob('*')) <= {sandbox.DISK})") == "True"
        )
        run(f"[p.unlink() for p in pathlib.Path({folder!r}).glob('*') if p.is_file()]")
    bomb = "import subprocess\nstarted = [subprocess.Popen(['sleep', '60']) for _ in range(1000)]"
    assert "BlockingIOError" in run(bomb)
    assert len(sandbox.psutil.Process(kernel.manager.provisioner.pid).children(recursive=True)) <= 400


@needs_a_sandbox
@pytest.mark.parametrize(
    "source, why",
    [
        (
            "[os.fork() for _ in range(3)]\nkept = bytearray(b'x' * 10**9)\n__import__('time').sleep(9)",
            "more than 2 GB",
        ),
        ("open({sockets!r} + '/x', 'wb').write(bytes(10**6))\n__import__('time').sleep(9)", "where only its sockets"),
    ],
    ids=["memory of many processes", "files beside the sockets"],
)
def test_a_kernel_that_takes_too_much_is_stopped(kernel, monkeypatch, source, why):
    monkeypatch.setattr(sandbox, "MEMORY", 2 * 10**9)
    with pytest.raises(Exception, match="died"):
        outputs(kernel, source.format(sockets=kernel.sockets))
    assert why in kernel.stopped


@needs_a_sandbox
@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can become an ordinary user")
def test_an_ordinary_user_has_the_same_wall(tmp_path):
    """The other tests of the wall run as whoever runs them; this one gives root's machine a run as nobody."""
    os.chmod(tmp_path, 0o777)
    program = (
        "from course import sandbox\nfrom jupyter_core.utils import run_sync\nfrom test_attacks import outputs\n"
        "assert sandbox.why_not([sandbox.ROOT]) is None, sandbox.why_not([sandbox.ROOT])\n"
        "kernel = sandbox.Kernel([sandbox.ROOT], True, 'import os')\n"
        "run_sync(kernel.client.wait_for_ready)(timeout=60)\n"
        f"print(outputs(kernel, 'print(os.getuid(), os.path.exists({json.dumps(str(ROOT / 'course'))}))'))\n"
        "kernel.close()"
    )
    paths = os.pathsep.join(str(ROOT / folder) for folder in ("tools", "tests/support", "tests", "."))
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TMPDIR": str(tmp_path), "PYTHONPATH": paths}
    nobody = {"user": 65534, "group": 65534, "extra_groups": [], "env": environment, "cwd": tmp_path}
    try:
        done = subprocess.run([sys.executable, "-c", program], **nobody, capture_output=True, text=True)
    except PermissionError:
        pytest.skip("the environment stands where an ordinary user cannot read it")
    assert done.stdout.strip() == "65534 False", done.stderr[-2000:]


@pytest.mark.parametrize("reason", ["not installed", "not allowed"])
def test_without_bubblewrap_grading_refuses_and_says_what_to_do(tmp_path, monkeypatch, reason):
    folders = Folders(ROOT, tmp_path / "build")
    hand_in(tmp_path / "in", {"ada/01_feature_crossing.ipynb": "{"})
    found = {"not installed": None, "not allowed": "/bin/false"}[reason]
    monkeypatch.setattr(sandbox.shutil, "which", lambda name: found)
    monkeypatch.setattr(sandbox, "bwrap_command", lambda hidden: ["false"])
    with pytest.raises(CourseError, match="(?s)apt-get install bubblewrap.*SANDBOX=none"):
        grade.autograde(folders, tmp_path / "in")
    assert not (tmp_path / "build" / "grades.csv").exists()


def test_the_makefile_hands_on_that_no_sandbox_is_wanted():
    for words, end in ((["SANDBOX=none"], ' --sandbox "none"'), ([], "")):
        command = ["make", "--no-print-directory", "-n", "autograde", "SUBMISSIONS=folder", *words]
        planned = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        assert planned.strip().splitlines()[-1].strip().endswith(f'autograde "folder"{end}')

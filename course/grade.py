"""Grade what students hand in, week after week, and write the grades: the commands for teachers.

python -m course.grade autograde FOLDER  grade FOLDER/STUDENT/NOTEBOOK.ipynb, or Canvas' and Moodle's files:
    build/grades.csv and build/feedback/, in a sandbox or with --sandbox none without one
python -m course.grade grades            write both anew, after grading by hand
python -m course.grade rename OLD NEW    give a student another name, or join two names
python -m course.grade remove STUDENT    take a student out of the grades

Only the exercises are run, with the imports at the top of the notebook. So a student may do anything to the lesson
itself, and a submission is graded in seconds.
"""

import argparse
import contextlib
import dataclasses
import hashlib
import pathlib
import shutil
import time
import warnings
from collections.abc import Iterator

from course import gradebook, sandbox
from course.cells import UnreadableNotebook, read_hand_in, without_answers
from course.check import choose_notebooks
from course.execution import Kernels, Resources
from course.folders import ASSIGNMENT, ROOT, CourseError, Folders, exit_on_course_error, nbgrader_settings
from course.hand_ins import HandIn, find_hand_ins, shown_name
from course.release import write_student_notebooks

import nbformat
from nbformat import NotebookNode
from nbgrader import utils
from nbgrader.api import Gradebook
from nbgrader.apps import NbGraderAPI
from traitlets.config import Config

OLDER = "{name}: this version was graded before, and a later one since, whose marks stay."
UNREADABLE = "{name}: the file handed in last {why}, so the marks of the one before stay."
NO_VERSION = "unreadable"  # in place of a digest
UNGRADED = "{name} could not be graded, and its marks stay as they were: grade it again."


@dataclasses.dataclass(frozen=True)
class Job:
    """A notebook that is to be graded.

    Attributes:
        student: nbgrader's name of the student.
        name: Of the notebook.
        notebook: What nbgrader gets to see of it.
        digest: The file's, and that of all else that decides about its marks.
    """

    student: str
    name: str
    notebook: NotebookNode
    digest: str

    @property
    def key(self) -> str:
        """Its name in the record."""
        return f"{self.student}/{self.name}"


# --------------------------------------------------------------------------------------- what is to be graded


def course_digest(folders: Folders, name: str, *how: object) -> str:
    """The digest of all but a student's file that decides about marks.

    Args:
        folders: where the course stands.
        name: of the notebook.
        how: the settings.
    """
    files = [*ROOT.glob("wdl_*.py")]
    for folder in ("wide_deep", "recommender", "course"):
        files += ROOT.glob(f"{folder}/**/*.py")
    digest = hashlib.sha256(repr(how).encode())
    for path in [*sorted(files), folders.notebooks / f"{name}.ipynb"]:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def read_for_grading(path: pathlib.Path, released: NotebookNode) -> tuple[NotebookNode, str, str]:
    """What nbgrader gets to see of a file, the file's digest, and why it cannot be read, or ''.

    Args:
        path: the file.
        released: the notebook as it was handed out.
    """
    try:
        return read_hand_in(path, released), hashlib.sha256(path.read_bytes()).hexdigest(), ""
    except UnreadableNotebook as error:
        return without_answers(released, f"The file {error}, so there are no points."), NO_VERSION, str(error)


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is to be done with what was handed in.

    Attributes:
        jobs: The notebooks to grade.
        remarks: Student → sentences about what was handed in.
        n_graded: Notebooks that were graded before, from the same files.
    """

    jobs: list[Job]
    remarks: dict[str, list[str]]
    n_graded: int


def plan_jobs(
    folders: Folders,
    hand_ins: dict[str, HandIn],
    released: dict[str, NotebookNode],
    record: gradebook.Record,
    how: tuple[object, ...],
) -> Plan:
    """What is to be graded: all that has not been graded from the same file, with the same course.

    A file that cannot be read, and one that was followed by a later version, leave the marks that there are.

    Args:
        folders: where the course stands.
        hand_ins: see `find_hand_ins`.
        released: name → notebook as it was handed out.
        record: see `gradebook.read_record`.
        how: the settings that decide about marks.
    """
    courses = {name: course_digest(folders, name, *how) for name in released}
    jobs = []
    remarks = {}
    n_graded = 0
    for student, hand_in in hand_ins.items():
        sentences = list(hand_in.remarks)
        for name, path in hand_in.files.items():
            before = record["graded"].get(f"{student}/{name}", [])
            notebook, version, why = read_for_grading(path, released[name])
            versions: list[str | None] = [each.partition(" ")[0] for each in before] or [None]
            digest = f"{version} {courses[name]}"
            has_marks = before or (folders.student_folder("autograded", student) / f"{name}.ipynb").exists()
            if before and digest == before[-1]:
                n_graded += 1
            elif why and has_marks and versions[-1] != NO_VERSION:
                sentences.append(UNREADABLE.format(name=name, why=why))
            elif version in versions[:-1] and version != versions[-1]:
                sentences.append(OLDER.format(name=name))
            else:
                jobs.append(Job(student, name, notebook, digest))
        remarks[student] = sentences
    return Plan(jobs, remarks, n_graded)


def print_plan(plan: Plan) -> None:
    """Print the remarks, and how many notebooks need no grading."""
    for student, sentences in plan.remarks.items():
        for sentence in sentences:
            print(f"  {shown_name(student)}: {sentence}")
    if plan.n_graded:
        print(f"{plan.n_graded} notebooks are graded already, from the same files")


# -------------------------------------------------------------------------------------------------- grade


def save_marks(folders: Folders, notebook: NotebookNode, student: str, name: str) -> None:
    """Write what the tests of a notebook give into the gradebook, all of it in one step.

    Points that a teacher has given by hand stay, and wait to be looked at again.

    Args:
        folders: where the course stands.
        notebook: with outputs.
        student: nbgrader's name of the student.
        name: of the notebook.
    """
    with Gradebook(folders.db_url) as book:
        submitted = book.find_submission_notebook(name, ASSIGNMENT, student)
        grades = {grade.name: grade for grade in submitted.grades}
        comments = {comment.name: comment for comment in submitted.comments}
        for cell in notebook.cells:
            if utils.is_grade(cell):
                grade = grades[cell.metadata.nbgrader.grade_id]
                grade.auto_score, _ = utils.determine_grade(cell)
                grade.needs_manual_grade = grade.manual_score is not None or grade.auto_score is None
            if utils.is_solution(cell):
                unchanged = cell.metadata.nbgrader.get("checksum") == utils.compute_checksum(cell)
                comments[cell.metadata.nbgrader.grade_id].auto_comment = "No response." if unchanged else None
        book.db.commit()


def hidden_folders(folders: Folders, submissions: pathlib.Path) -> list[pathlib.Path]:
    """The folders that no submission may see."""
    return sorted({path.resolve() for path in (ROOT, folders.root, folders.build, submissions)})


@contextlib.contextmanager
def open_kernels(hidden: list[pathlib.Path], use_sandbox: bool, config: Config) -> Iterator[Kernels]:
    """The kernels for grading, which are closed at the end.

    Args:
        hidden: see `hidden_folders`.
        use_sandbox: whether student code runs in a sandbox.
        config: nbgrader's settings.

    Raises:
        CourseError: there can be no sandbox here; the text says what to install.
    """
    reason = sandbox.why_unavailable(hidden) if use_sandbox else None
    if reason:
        raise CourseError(sandbox.NO_SANDBOX.format(reason=reason))
    if not use_sandbox:
        print(sandbox.WITHOUT_SANDBOX, flush=True)
    kernels = Kernels(lambda first: sandbox.Kernel(hidden, use_sandbox, first), config)
    try:
        yield kernels
    finally:
        kernels.close()


def make_grader(folders: Folders, config: Config, kernels: Kernels) -> NbGraderAPI:
    """nbgrader, told to run notebooks in our kernels, and to write what it has run into build/grading/.

    Args:
        folders: where the course stands.
        config: nbgrader's settings.
        kernels: see `open_kernels`.
    """

    # Functions, since nbgrader copies its settings, and kernels cannot be copied.
    def run_cells(notebook: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        return kernels.grade(notebook, resources)

    def save(notebook: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        save_marks(folders, notebook, resources["nbgrader"]["student"], resources["nbgrader"]["notebook"])
        return notebook, resources

    config = Config(config)
    steps = [f"nbgrader.preprocessors.{name}" for name in ("IgnorePattern", "LimitOutput")]
    late = [f"nbgrader.preprocessors.{name}" for name in ("AssignLatePenalties", "CheckCellMetadata")]
    config.Autograde.autograde_preprocessors = [run_cells, *steps, save, *late]
    config.CourseDirectory.autograded_directory = str(folders.build / "grading")
    return NbGraderAPI(config=config)


def grade_notebook(
    folders: Folders, api: NbGraderAPI, kernels: Kernels, job: Job, released: NotebookNode
) -> str | None:
    """Grade one notebook of one student; a notebook that ends its own kernel gets no points, and the others go on.

    Args:
        folders: where the course stands.
        api: see `make_grader`.
        kernels: see `open_kernels`.
        job: what to grade.
        released: the notebook as it was handed out.

    Returns:
        Why it could not be graded, for a reason that may be the machine's: then the marks stay as they are. None if it
        was graded.
    """
    gradebook.protect_marks(folders, job.student)
    target = folders.student_folder("submitted", job.student) / f"{job.name}.ipynb"
    api.coursedir.notebook_id = job.name
    kernels.released = released
    attempt: NotebookNode = job.notebook
    for _ in range(2):
        nbformat.write(attempt, target)
        result = api.autograde(ASSIGNMENT, job.student)
        if result["success"]:
            break
        last_line = result["error"].strip().splitlines()[-1]
        if last_line.startswith("KeyboardInterrupt"):  # nbgrader catches that, too
            raise KeyboardInterrupt
        if kernels.stopped is None:
            print(result.get("log", "")[-2000:])
            return UNGRADED.format(name=job.name)
        print(f"  {shown_name(job.student)}: {job.name} could not be graded: no points")
        note = f"The notebook could not be run to its end: {kernels.stopped}, so there are no points."
        attempt = without_answers(released, note)
    else:
        return UNGRADED.format(name=job.name)
    graded = folders.student_folder("autograded", job.student) / f"{job.name}.ipynb"
    graded.parent.mkdir(parents=True, exist_ok=True)
    (folders.build / "grading" / job.student / ASSIGNMENT / graded.name).replace(graded)
    return None


def grade_all(
    folders: Folders,
    kernels: Kernels,
    config: Config,
    jobs: list[Job],
    released: dict[str, NotebookNode],
    record: gradebook.Record,
) -> None:
    """Grade notebooks, record each as soon as it is graded, and say how far it is.

    Args:
        folders: where the course stands.
        kernels: see `open_kernels`.
        config: nbgrader's settings.
        jobs: what to grade.
        released: name → notebook as it was handed out.
        record: see `gradebook.read_record`.
    """
    shutil.rmtree(folders.build / "grading", ignore_errors=True)
    api = make_grader(folders, config, kernels)
    start = time.monotonic()
    for number, job in enumerate(jobs, start=1):
        kernels.following = released[jobs[number].name] if number < len(jobs) else None
        why_not = grade_notebook(folders, api, kernels, job, released[job.name])
        if why_not:
            print(f"  {shown_name(job.student)}: {why_not}")
            record["remarks"][job.student].append(why_not)
        else:
            record["graded"].setdefault(job.key, []).append(job.digest)
        gradebook.write_record(folders, record)
        minutes_left = (time.monotonic() - start) / number * (len(jobs) - number) / 60
        progress = f"{number} of {len(jobs)}: {shown_name(job.student)}, {job.name}"
        print(f"{progress}; about {minutes_left:.0f} minutes left", flush=True)
    shutil.rmtree(folders.build / "grading", ignore_errors=True)


def autograde(
    folders: Folders, submissions: pathlib.Path, timeout: int | None = None, use_sandbox: bool = True
) -> None:
    """Grade what a folder holds, then write the grades and the feedback.

    What was graded before, from the same files, is not run again: so a run that was cut off goes on. The marks of all
    that is not in the folder stay as they are.

    Args:
        folders: where the course stands.
        submissions: see `find_hand_ins`.
        timeout: seconds after which a cell is interrupted; None takes nbgrader_config.py's.
        use_sandbox: whether student code runs in a sandbox.

    Raises:
        CourseError: the folder holds no submission, there can be no sandbox, or nbgrader refuses.
    """
    names = folders.notebook_names()
    hand_ins, nobodys = find_hand_ins(submissions, names)
    for name, reason in nobodys:
        print(f"  {name}: {reason}")
    if not any(hand_in.files for hand_in in hand_ins.values()):
        raise CourseError(f"{submissions} holds no submission; expected files such as STUDENT/{names[0]}.ipynb.")
    config = nbgrader_settings(folders, timeout)
    with open_kernels(hidden_folders(folders, submissions), use_sandbox, config) as kernels:
        gradebook.back_up(folders)
        record = gradebook.read_record(folders)
        write_student_notebooks(folders, config)
        paths = {name: folders.release / ASSIGNMENT / f"{name}.ipynb" for name in names}
        released = {name: nbformat.read(path, as_version=4) for name, path in paths.items()}
        record["left out"] = nobodys
        plan = plan_jobs(folders, hand_ins, released, record, (timeout, use_sandbox))
        record["remarks"] |= plan.remarks
        print_plan(plan)
        gradebook.write_record(folders, record)
        grade_all(folders, kernels, config, plan.jobs, released, record)
    gradebook.write_grades(folders)


def run_command(folders: Folders, arguments: argparse.Namespace) -> None:
    """Run one of the commands, with its arguments.

    Args:
        folders: where the course stands.
        arguments: as `main` has read them: 'command', and what belongs to it.

    Raises:
        CourseError: the command cannot do what was asked.
    """
    if arguments.command == "autograde":
        autograde(folders, arguments.submissions, arguments.timeout, use_sandbox=arguments.sandbox != "none")
        return
    if not folders.gradebook.exists():
        raise CourseError(gradebook.NOTHING_YET)
    due = None
    if arguments.command == "rename":
        gradebook.rename_student(folders, arguments.old, arguments.new)
    elif arguments.command == "remove":
        gradebook.remove_student(folders, arguments.student)
    elif arguments.due:
        due = choose_notebooks(folders.notebook_names(), arguments.due)
    gradebook.write_grades(folders, due)


def main() -> None:
    """Run the command that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    graded = commands.add_parser("autograde", help="grade submissions")
    graded.add_argument("submissions", type=pathlib.Path, help="a folder with STUDENT/NOTEBOOK.ipynb in it")
    graded.add_argument("--timeout", type=int, help="seconds after which a cell is interrupted")
    graded.add_argument("--sandbox", choices=["none"], help="none: let a submission do all that you can do")
    written = commands.add_parser("grades", help="write grades and feedback anew, after grading by hand")
    written.add_argument("due", nargs="*", help="notebooks that were due, such as 01 02; what anybody has handed in")
    renamed = commands.add_parser("rename", help="give a student another name")
    renamed.add_argument("old")
    renamed.add_argument("new")
    removed = commands.add_parser("remove", help="take a student out of the grades")
    removed.add_argument("student")
    arguments = parser.parse_args()
    # SQLAlchemy's, about nbgrader, and nbformat's, about what students send in: neither is a teacher's business.
    warnings.filterwarnings("ignore", "Object of type|Non-unique cell id|Cell is missing an id")
    with exit_on_course_error():
        run_command(Folders(), arguments)


if __name__ == "__main__":
    main()

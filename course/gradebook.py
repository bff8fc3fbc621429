"""The marks of a term: nbgrader's gradebook, its backups, and what is made from it, grades.csv and feedback.

A run changes the marks of what it has graded anew, and no others.
"""

import contextlib
import csv
import datetime
import json
import pathlib
import re
import shutil
import sqlite3
from collections.abc import Iterable
from typing import Any, TypedDict

from course.cells import grade_id
from course.folders import ASSIGNMENT, CourseError, Folders, nbgrader_settings
from course.formulas import draw_formulas
from course.hand_ins import shown_name, student_id, student_name

import nbformat
from nbgrader.api import Comment, Grade, Gradebook, MissingEntry, SubmittedAssignment, SubmittedNotebook
from nbgrader.apps import NbGraderAPI

NO_SCRIPTS = (
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
    "img-src data:; font-src data:; base-uri 'none'; form-action 'none'\">"
)
NOTHING_YET = "Nothing has been graded yet: type 'make autograde SUBMISSIONS=folder'."


# ----------------------------------------------------------------------------------------------- the record


# What was graded, and what to say of it.
Record = TypedDict(
    "Record",
    {
        "graded": dict[str, list[str]],  # 'STUDENT/NOTEBOOK' → digests, the one that counts last
        "remarks": dict[str, list[str]],  # student → sentences
        "left out": list[tuple[str, str]],  # of the last run: name, sentence
    },
)


def read_record(folders: Folders) -> Record:
    """The record that the last run has written; an empty one if there is none."""
    path = folders.build / "graded.json"
    found = json.loads(path.read_text(encoding="utf-8")) if path.exists() and folders.gradebook.exists() else {}
    if "graded" not in found:  # as it was written before there were remarks: STUDENT/NOTEBOOK → digest
        found = {"graded": {key: [value] for key, value in found.items()}}
    return {"graded": found["graded"], "remarks": found.get("remarks", {}), "left out": found.get("left out", [])}


def write_record(folders: Folders, record: Record) -> None:
    """Write the record, in one step: a run that is cut off leaves the old one or the new one."""
    path = folders.build / "graded.json"
    path.with_suffix(".new").write_text(json.dumps(record, indent=1, ensure_ascii=False), encoding="utf-8")
    path.with_suffix(".new").replace(path)


def back_up(folders: Folders) -> pathlib.Path | None:
    """Copy the gradebook and the record into a new folder of build/backups/; None if there is no gradebook yet."""
    if not folders.gradebook.exists():
        return None
    now = datetime.datetime.now().strftime("%Y-%m-%d_%H-%M-%S-%f")
    target = folders.build / "backups" / now
    target.mkdir(parents=True)
    with (
        contextlib.closing(sqlite3.connect(folders.gradebook)) as source,
        contextlib.closing(sqlite3.connect(target / folders.gradebook.name)) as copied,
    ):
        source.backup(copied)
    if (folders.build / "graded.json").exists():
        shutil.copyfile(folders.build / "graded.json", target / "graded.json")
    return target


# ------------------------------------------------------------------------------------------------- the marks


def is_handed_in(folders: Folders, record: Record, student: str, notebook: SubmittedNotebook) -> bool:
    """Whether a notebook of a student has been graded, by the machine or, as after an oral test, by hand."""
    graded = f"{student}/{notebook.name}" in record["graded"]
    kept = (folders.student_folder("autograded", student) / f"{notebook.name}.ipynb").exists()
    return graded or kept or any(grade.manual_score is not None for grade in notebook.grades)


def protect_marks(folders: Folders, student: str) -> None:
    """See to it that grading one notebook leaves the marks of the others alone.

    nbgrader gives 0 to each notebook of which there is no file, and knows none that came into the course after the
    student's first one.
    """
    record = read_record(folders)
    target = folders.student_folder("submitted", student)
    target.mkdir(parents=True, exist_ok=True)
    with Gradebook(folders.db_url) as book:
        try:
            submission = book.find_submission(ASSIGNMENT, student)
        except MissingEntry:
            return
        for notebook in submission.notebooks:
            path = target / f"{notebook.name}.ipynb"
            if not path.exists() and is_handed_in(folders, record, student, notebook):
                nbformat.write(nbformat.v4.new_notebook(), path)  # it is never graded; it must only be there
        notebook_names = {notebook.name for notebook in submission.notebooks}
        for notebook in submission.assignment.notebooks:
            if notebook.name not in notebook_names:
                new = SubmittedNotebook(notebook=notebook, assignment=submission)
                for cell in notebook.grade_cells:
                    Grade(cell_id=cell.id, notebook=new)
                for cell in notebook.solution_cells:
                    Comment(cell_id=cell.id, notebook=new)
                book.db.add(new)
        book.db.commit()


def read_remarks(path: pathlib.Path) -> list[str]:
    """What a teacher should know of a graded notebook: what was refused, and what was missing or could not be run."""
    cells = nbformat.read(path, as_version=4).cells
    remarks = [cell.metadata["remark"] for cell in cells if "remark" in cell.metadata]
    for cell in cells:
        for output in cell.get("outputs", []):
            if output.get("ename") == "NoPoints" and cell.metadata.get("nbgrader", {}).get("grade"):
                remarks.append(f"{grade_id(cell)}: {output.evalue}")
    return remarks


def join_remarks(folders: Folders, record: Record, student: str) -> str:
    """All remarks on a student, in one line: those on the graded notebooks, then those on the files handed in last."""
    paths = sorted(folders.student_folder("autograded", student).glob("*.ipynb"))
    found = [f"{path.stem}: {text}" for path in paths for text in read_remarks(path)]
    return "; ".join([*found, *record["remarks"].get(student, [])])


def _student_row(
    folders: Folders,
    record: Record,
    notebooks: dict[str, float],
    due: set[str],
    student: str,
    submission: SubmittedAssignment | None,
) -> dict[str, Any]:
    """A student's row of grades.csv.

    Args:
        folders: where the course stands.
        record: see `read_record`.
        notebooks: name → the most points that it gives.
        due: names of the notebooks that were due.
        student: nbgrader's name of the student.
        submission: nbgrader's submission of the student, or None.
    """
    handed = [
        notebook
        for notebook in (submission.notebooks if submission else [])
        if is_handed_in(folders, record, student, notebook)
    ]
    scores = {notebook.name: notebook.score for notebook in handed}
    waiting = [grade.max_score for notebook in handed for grade in notebook.grades if grade.needs_manual_grade]
    row: dict[str, Any] = {"student": _spreadsheet_text(shown_name(student))}
    row |= {column_heading(name, most): scores.get(name, "") for name, most in notebooks.items()}
    row |= {"total": float(sum(scores.values()))}
    row |= {"of": float(sum(most for name, most in notebooks.items() if name in due or name in scores))}
    return row | {"by hand": float(sum(waiting)), "remarks": _spreadsheet_text(join_remarks(folders, record, student))}


def column_heading(name: str, most: float) -> str:
    """The heading of a notebook's column in grades.csv.

    Example:
        >>> column_heading("02_wide_model", 12.0)
        '02_wide_model (of 12)'
    """
    return f"{name} (of {most:g})"


def _spreadsheet_text(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return "'" + text if text[:1] in ("=", "+", "-", "@") else text


def grade_rows(folders: Folders, due: Iterable[str] | None = None) -> list[dict[str, Any]]:
    """The rows of grades.csv, a dict each: the students', then what was left out in the last run.

    Args:
        folders: where the course stands.
        due: names of the notebooks that students had to hand in; None takes those that anybody has handed in. Their
            points make the column 'of', to which what a student has handed in besides is added.

    Raises:
        CourseError: nothing has been graded yet.
    """
    record = read_record(folders)
    with Gradebook(folders.db_url) as book:
        try:
            assignment = book.find_assignment(ASSIGNMENT)
        except MissingEntry:
            raise CourseError(NOTHING_YET) from None
        submissions = {submission.student.id: submission for submission in assignment.submissions}
        most = {each.name: each.max_score for each in sorted(assignment.notebooks, key=lambda each: each.name)}
        if due is None:
            pairs = [(student, each) for student, held in submissions.items() for each in held.notebooks]
            due = {each.name for student, each in pairs if is_handed_in(folders, record, student, each)}
        students = sorted(set(submissions) | set(record["remarks"]), key=lambda student: shown_name(student).casefold())
        table = [
            _student_row(folders, record, most, set(due), student, submissions.get(student)) for student in students
        ]
    return table + [{"student": _spreadsheet_text(name), "remarks": said} for name, said in record["left out"]]


# --------------------------------------------------------------------------------------------- what is made


def write_feedback(folders: Folders, student: str) -> None:
    """Write a student's pages, which run no scripts, draw their formulas, and name the test cells in their lists."""
    result = NbGraderAPI(config=nbgrader_settings(folders)).generate_feedback(ASSIGNMENT, student)
    if not result["success"]:
        print(f"{shown_name(student)}: there is no feedback:\n{result['log'][-2000:]}")
    for page in folders.student_folder("feedback", student).glob("*.html"):
        text = page.read_text(encoding="utf-8")
        text = re.sub(r'<a href="#([\w-]+)">Test cell</a>', r'<a href="#\1">\1</a>', text)
        page.write_text(draw_formulas(text).replace("<head>", f"<head>{NO_SCRIPTS}", 1), encoding="utf-8")


def write_grades(folders: Folders, due: Iterable[str] | None = None) -> None:
    """Write build/grades.csv, a row a student, and build/feedback/STUDENT/notebooks/NOTEBOOK.html.

    Args:
        folders: where the course stands.
        due: see `grade_rows`.

    Raises:
        CourseError: nothing has been graded yet.
    """
    if not folders.gradebook.exists():
        raise CourseError(NOTHING_YET)
    table = grade_rows(folders, due)
    if not table:
        raise CourseError(NOTHING_YET)
    for path in sorted((folders.build / "autograded").glob("*")):
        write_feedback(folders, path.name)
    target = folders.build / "grades.csv"
    with target.with_suffix(".new").open("w", encoding="utf-8-sig", newline="") as file:  # Excel needs the mark
        writer = csv.DictWriter(file, max(table, key=len))
        writer.writeheader()
        writer.writerows(table)
    target.with_suffix(".new").replace(target)
    print("build/grades.csv has the grades, build/feedback/ a page for each notebook")


# ------------------------------------------------------------------------------------- rename and remove


def _find_student(book: Gradebook, record: Record, name: str) -> str:
    """nbgrader's name of a student of this name; a CourseError with a list of names if there is none."""
    students = {student.id for student in book.students} | set(record["remarks"])
    if student_id(student_name(name)) in students:
        return student_id(student_name(name))
    listed = ", ".join(sorted(map(shown_name, students))[:20])
    raise CourseError(f"There is no student called {name!r}; there are: {listed}.")


def _move_marks(old: SubmittedNotebook, new: SubmittedNotebook) -> None:
    """Give one student's marks and comments on a notebook to another."""
    marks = {grade.cell_id: grade for grade in old.grades}
    for grade in new.grades:
        for field in ("auto_score", "manual_score", "extra_credit", "needs_manual_grade"):
            setattr(grade, field, getattr(marks[grade.cell_id], field))
    comments = {comment.cell_id: comment for comment in old.comments}
    for comment in new.comments:
        for field in ("auto_comment", "manual_comment"):
            setattr(comment, field, getattr(comments[comment.cell_id], field))


def _forget_files(folders: Folders, record: Record, student: str) -> None:
    for step in ("submitted", "autograded", "feedback"):
        shutil.rmtree(folders.build / step / student, ignore_errors=True)
    record["remarks"].pop(student, None)
    for key in [key for key in record["graded"] if key.rpartition("/")[0] == student]:
        del record["graded"][key]


def _has_submission(book: Gradebook, student: str) -> bool:
    with contextlib.suppress(MissingEntry):
        return book.find_submission(ASSIGNMENT, student) is not None
    return False


def _adopt_notebook(folders: Folders, book: Gradebook, record: Record, theirs: SubmittedNotebook, new: str) -> None:
    """Give a graded notebook, its marks, files and digests, to another student who has none of this name."""
    old = theirs.assignment.student.id
    _move_marks(theirs, book.find_submission_notebook(theirs.name, ASSIGNMENT, new))
    for step in ("submitted", "autograded"):
        source = folders.student_folder(step, old) / f"{theirs.name}.ipynb"
        folders.student_folder(step, new).mkdir(parents=True, exist_ok=True)
        if source.exists():
            shutil.copyfile(source, folders.student_folder(step, new) / source.name)
    if f"{old}/{theirs.name}" in record["graded"]:
        record["graded"][f"{new}/{theirs.name}"] = record["graded"][f"{old}/{theirs.name}"]


def rename_student(folders: Folders, old_name: str, new_name: str) -> None:
    """Give a student another name. If both have handed in, the marks come together.

    A notebook that is graded under both names keeps the new name's marks, and a line says so.

    Args:
        folders: where the course stands.
        old_name: as in grades.csv.
        new_name: as the hand-ins will be called from now on.

    Raises:
        CourseError: there is no student of the old name.
    """
    back_up(folders)
    record = read_record(folders)
    new = student_id(student_name(new_name))
    with Gradebook(folders.db_url) as book:
        old = _find_student(book, record, old_name)
        if old == new:
            return
        book.update_or_create_student(new)
        book.update_or_create_submission(ASSIGNMENT, new)
        protect_marks(folders, new)
        submits = _has_submission(book, old)
        for theirs in list(book.find_submission(ASSIGNMENT, old).notebooks) if submits else []:
            if not is_handed_in(folders, record, old, theirs):
                continue
            if is_handed_in(folders, record, new, book.find_submission_notebook(theirs.name, ASSIGNMENT, new)):
                print(f"{theirs.name} is graded under both names: the marks of {shown_name(new)} stay")
            else:
                _adopt_notebook(folders, book, record, theirs, new)
        book.db.commit()
        record["remarks"].setdefault(new, record["remarks"].get(old, []))
        write_record(folders, record)
        if submits:
            book.remove_student(old)
    _forget_files(folders, record, old)
    write_record(folders, record)


def remove_student(folders: Folders, name: str) -> None:
    """Take a student out of the gradebook; the backup that is made before has the marks.

    Args:
        folders: where the course stands.
        name: as in grades.csv.

    Raises:
        CourseError: there is no student of this name.
    """
    backup = back_up(folders)
    record = read_record(folders)
    with Gradebook(folders.db_url) as book:
        student = _find_student(book, record, name)
        if student in {each.id for each in book.students}:
            book.remove_student(student)
    _forget_files(folders, record, student)
    write_record(folders, record)
    print(f"{name} is removed; the marks are in {backup}")

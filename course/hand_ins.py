"""Which file is whose: a folder for each student, or flat files as Canvas and Moodle export them, or both.

Nothing is left out without a word: what cannot be graded stands in a remark, in the row of its student or of its own.
"""

import dataclasses
import pathlib
import re
import unicodedata
import urllib.parse

SYSTEM_FILES = {"__MACOSX", "Thumbs.db", "desktop.ini"}  # and all that begin with a dot
# What browsers, file managers, JupyterLab and Canvas write behind the name of a second copy.
COPY_MARK = r"(?: ?\((?P<n1>\d+)\)|[- ](?P<n2>\d+)|[ -]+[Cc]opy ?\(?(?P<n3>\d*)\)?)?"
MOODLE_FOLDER = re.compile(r"(?P<student>.+?)_(?P<id>\d+)_assignsubmission_\w+?_?")
MOODLE_FILE = re.compile(r"(?P<student>.+?)_(?P<id>\d+)_assignsubmission_file_(?P<file>.+)")
CANVAS_FILE = re.compile(r"(?P<student>[^_]+)_(?:LATE_)?(?P<id>\d+)_\d+_(?P<file>.+)")
MOST_LISTED = 5  # so many files a remark names


@dataclasses.dataclass
class HandIn:
    """What a student has handed in.

    Attributes:
        files: Name of a notebook → the file that is graded as it.
        remarks: What was left out, a sentence each.
    """

    files: dict[str, pathlib.Path] = dataclasses.field(default_factory=dict)
    remarks: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True)
class _Found:
    """A file, or a folder without any, that belongs to a student."""

    student: str
    lms_id: str | None  # the learning management system's number of the student
    path: pathlib.Path | None
    file_name: str


def printable_name(name: str) -> str:
    """A file's name for a line of text: without control characters, and not too long.

    Example:
        >>> printable_name("mine" + chr(10) + "and yours.ipynb")
        'mine and yours.ipynb'
    """
    # A surrogate stands for a byte that is no UTF-8; it can be neither printed nor written.
    kept = "".join(" " if unicodedata.category(sign) in ("Cc", "Cs") else sign for sign in name)
    return " ".join(kept.split())[:120]


def student_name(written: str) -> str:
    """A student's name as it was written, in one Unicode form and with single blanks.

    Example:
        >>> student_name(" Jose\\u0301  Garcia ") == "José Garcia"
        True
    """
    return printable_name(unicodedata.normalize("NFC", written))


def student_id(name: str) -> str:
    """The name that nbgrader gets for a student: it searches for files by patterns, so their signs are written in hex.

    Example:
        >>> student_id("Smith & Co"), student_id("x[1]")
        ('Smith & Co', 'x%5B1%5D')
    """
    return re.sub(r"[*?\[\]{}<>\"\\/:|%]|^[-=+@.]|[. ]$", lambda sign: f"%{ord(sign[0]):02X}", name)


def shown_name(nbgrader_id: str) -> str:
    """The name of which `student_id` has made nbgrader's.

    Example:
        >>> shown_name("x%5B1%5D")
        'x[1]'
    """
    return urllib.parse.unquote(nbgrader_id)


def split_notebook_name(stem: str, names: list[str]) -> tuple[str, str, int] | None:
    """What stands before a notebook's name, the name, and the number of the copy (-1 for the original).

    Args:
        stem: a file's name without '.ipynb'.
        names: the names of the course's notebooks.

    Returns:
        None if the file is called like no notebook of the course.

    Example:
        >>> split_notebook_name("ada_02_wide_model (1)", ["02_wide_model"])
        ('ada', '02_wide_model', 1)
    """
    for name in names:
        match = re.fullmatch(rf"(?:(?P<before>.*?)[ _-]+)?{re.escape(name)}(?P<copy>{COPY_MARK})", stem, re.S)
        if match:
            number = match["n1"] or match["n2"] or match["n3"] or "0"
            return match["before"] or "", name, int(number[:9]) if match["copy"] else -1
    return None


def _files_in_folder(folder: pathlib.Path) -> list[_Found]:
    """The files in a student's folder; without any, the folder itself."""
    match = MOODLE_FOLDER.fullmatch(folder.name)
    student = student_name(match["student"] if match else folder.name)
    number = match["id"] if match else None
    inside = [path for path in sorted(folder.iterdir()) if not _is_system_file(path)]
    return [_Found(student, number, path, path.name) for path in inside] or [_Found(student, number, None, "")]


def _flat_file(path: pathlib.Path, names: list[str]) -> _Found | None:
    """A file that tells in its name whose it is; None if it does not."""
    moodle = MOODLE_FILE.fullmatch(path.name)
    canvas = CANVAS_FILE.fullmatch(path.name)
    split = split_notebook_name(path.stem, names) if path.suffix == ".ipynb" else None
    if moodle:
        return _Found(student_name(moodle["student"]), moodle["id"], path, moodle["file"])
    if canvas:  # its number of a student is the same in each assignment, and its names have no blanks: keep both
        return _Found(student_name(f"{canvas['student']}_{canvas['id']}"), None, path, canvas["file"])
    if split and split[0]:
        return _Found(student_name(split[0]), None, path, path.stem[len(split[0]) :].lstrip(" _-") + path.suffix)
    return None


def _is_system_file(path: pathlib.Path) -> bool:
    return path.name.startswith(".") or path.name in SYSTEM_FILES


def _tell_apart(found: list[_Found]) -> list[_Found]:
    """Students of one name, whom Moodle tells apart by a number, with the number in their names."""
    numbers: dict[str, set[str | None]] = {}
    for each in found:
        numbers.setdefault(each.student, set()).add(each.lms_id)
    return [
        dataclasses.replace(each, student=f"{each.student} {each.lms_id}")
        if each.lms_id and len(numbers[each.student]) > 1
        else each
        for each in found
    ]


def _listed(paths: list[str]) -> str:
    """A list of files for a remark, which a student cannot make long."""
    more = f" and {len(paths) - MOST_LISTED} more" if len(paths) > MOST_LISTED else ""
    return ", ".join(paths[:MOST_LISTED]) + more


def _choose_files(found: list[_Found], names: list[str]) -> HandIn:
    """Choose a student's files: the file with the notebook's own name, else its last copy."""
    candidates: dict[str, list[tuple[bool, int, float, str, pathlib.Path]]] = {}
    left_out = []
    for each in found:
        if each.path is None:
            continue
        stem, _, suffix = each.file_name.rpartition(".")
        split = split_notebook_name(unicodedata.normalize("NFC", stem), names) if suffix == "ipynb" else None
        if split is None or split[0]:
            left_out.append(printable_name(each.file_name) + "/" * (each.path.is_dir() and not each.path.is_symlink()))
            continue
        _, name, copy_number = split
        changed = each.path.lstat().st_mtime
        candidates.setdefault(name, []).append((copy_number == -1, copy_number, changed, str(each.path), each.path))
    result = HandIn()
    for name in sorted(candidates):
        *others, best = sorted(candidates[name], key=lambda candidate: candidate[:4])
        result.files[name] = best[-1]
        left_out += [printable_name(other[-1].name) for other in others]
    if left_out:
        result.remarks.append(f"Left out: {_listed(left_out)}.")
    if not result.files:
        result.remarks.append("No notebook of the course was found among the files.")
    return result


def find_hand_ins(submissions: pathlib.Path, names: list[str]) -> tuple[dict[str, HandIn], list[tuple[str, str]]]:
    """Find who has handed in what.

    Args:
        submissions: a folder with folders STUDENT/NOTEBOOK.ipynb, with flat files, or with both. Moodle's and Canvas'
            exports are taken as they are, without links.
        names: the names of the course's notebooks.

    Returns:
        A dict from nbgrader's name of a student to what was handed in, and a list of (name, remark) of the files and
        folders that are nobody's.
    """
    found = []
    nobodys = []
    for path in sorted(submissions.iterdir()) if submissions.is_dir() else []:
        if _is_system_file(path):
            continue
        if path.is_symlink() or not (path.is_dir() or path.is_file()):
            nobodys.append((printable_name(path.name), "Left out: it is a link, or no file."))
        elif path.is_dir():
            try:
                found += _files_in_folder(path)
            except OSError as error:
                nobodys.append((printable_name(path.name), f"Left out: the folder cannot be read ({error.strerror})."))
        elif flat := _flat_file(path, names):
            found.append(flat)
        else:
            nobodys.append((printable_name(path.name), "Left out: its name has no student and notebook in it."))
    by_student: dict[str, list[_Found]] = {}
    for each in _tell_apart(found):
        identifier = student_id(each.student)
        if not each.student or len(identifier.encode()) > 200:
            nobodys.append(
                (printable_name(each.student or repr(each.file_name)), "Left out: it cannot be a student's name.")
            )
        else:
            by_student.setdefault(identifier, []).append(each)
    hand_ins = {identifier: _choose_files(files, names) for identifier, files in sorted(by_student.items())}
    for identifier, folders in _folders_of(by_student).items():
        if len(folders) > 1:
            hand_ins[identifier].remarks.append(f"Several folders have this name: {_listed(sorted(folders))}.")
    return hand_ins, nobodys


def _folders_of(by_student: dict[str, list[_Found]]) -> dict[str, set[str]]:
    """The folders, as they are written, from which a student's files come; flat files come from none."""
    return {
        identifier: {repr(each.path.parent.name) for each in files if each.path and each.path.name == each.file_name}
        for identifier, files in by_student.items()
    }

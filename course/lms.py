"""Grades in the form that Canvas and Moodle import: `make lms ROSTER=file` joins build/grades.csv with their own list.

The list is what the system itself exports: Canvas' gradebook, Moodle's grades, or the grading worksheet of one of
Moodle's assignments. Its columns tell which of them it is. A cell is empty where nothing was handed in.
"""

import argparse
import csv
import dataclasses
import pathlib
import re
import unicodedata
from collections.abc import Sequence

from course.folders import CourseError, Folders, exit_on_course_error

NOTEBOOK_COLUMN = re.compile(r"\S+ \(of [\d.]+\)")  # as in grades.csv
CANVAS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
WORKSHEET = ("Identifier", "Full name", "Grade")
NOBODY = ("points possible", "manual posting", "student, test")  # rows of Canvas' export
Row = dict[str, str]


@dataclasses.dataclass(frozen=True)
class Table:
    """A file of comma-separated values: its headings in their order, and its rows."""

    headings: list[str]
    rows: list[Row]


@dataclasses.dataclass(frozen=True)
class Lateness:
    """What late work costs.

    Attributes:
        days: (student, notebook) → days late.
        free: Days in all that cost a student nothing, used up in the notebooks' order.
        penalty: Percent of a notebook's points that each further day costs.
    """

    days: dict[tuple[str, str], int] = dataclasses.field(default_factory=dict)
    free: int = 0
    penalty: float = 10


def comparable_name(name: str) -> str:
    """A name as names are compared: in one Unicode form, without capitals, with single blanks.

    Example:
        >>> comparable_name("  JOSE\\u0301  Garcia ") == comparable_name("José Garcia")
        True
    """
    return " ".join(unicodedata.normalize("NFC", name).casefold().split())


def student_name(row: Row) -> str:
    """A student of grades.csv, whose name has an apostrophe before it where a spreadsheet would take it for a formula.

    Example:
        >>> student_name({"student": "'=Ada"})
        '=ada'
    """
    return comparable_name(row["student"].removeprefix("'"))


def notebook_of_heading(heading: str) -> str:
    """The notebook of a column of grades.csv.

    Example:
        >>> notebook_of_heading("02_wide_model (of 12)")
        '02_wide_model'
    """
    return heading.partition(" ")[0]


def most_points_of_heading(heading: str) -> str:
    """The most points of a column of grades.csv.

    Example:
        >>> most_points_of_heading("02_wide_model (of 12)")
        '12'
    """
    return heading.partition("(of ")[2].rstrip(")")


def read_table(path: pathlib.Path) -> Table:
    """Read a file as spreadsheets and learning management systems write it.

    Args:
        path: UTF-8 with or without a byte-order mark, separated by commas, semicolons or tabs, with any line ends.

    Raises:
        CourseError: it cannot be read, or has no heading.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise CourseError(f"{path} cannot be read ({type(error).__name__}): expected a CSV file in UTF-8.") from None
    first = text.partition("\n")[0]
    separator = max(",;\t", key=first.count)
    headings, *lines = list(csv.reader(text.splitlines(), delimiter=separator)) or [[]]
    if len(headings) < 2:
        raise CourseError(f"{path} has no headings: expected a CSV file whose first line names its columns.")
    headings = [heading.strip() for heading in headings]
    return Table(headings, [dict(zip(headings, [*line, *[""] * len(headings)])) for line in lines if any(line)])


def possible_names(row: Row) -> set[str]:
    """What a person of a roster may be called in grades.csv.

    Args:
        row: the roster's; Canvas writes 'Lovelace, Ada', and calls her files 'lovelaceada_4711_…' by her number.

    Example:
        >>> sorted(possible_names({"Student": "Lovelace, Ada", "ID": "4711"}))
        ['ada lovelace', 'lovelace, ada', 'lovelaceada_4711']
        >>> sorted(possible_names({"Full name": "Ada Lovelace", "Identifier": "Participant 31"}))
        ['ada lovelace', 'ada lovelace 31']
    """
    if "Student" in row:
        last, comma, first = row["Student"].partition(",")
        joined = re.sub(r"\W", "", f"{last}{first}")
        both = [row["Student"], f"{first} {last}" if comma else "", f"{joined}_{row['ID']}"]
    elif "Full name" in row:
        both = [row["Full name"], f"{row['Full name']} {row.get('Identifier', '').removeprefix('Participant ')}"]
    else:
        both = [f"{row['First name']} {row.get('Last name') or row.get('Surname', '')}"]
    return {comparable_name(name) for name in both} - {""}


def match_students(roster: list[Row], students: list[Row]) -> dict[int, Row]:
    """Who of the roster is who in the grades: position in the roster → row of the grades.

    Args:
        roster: the roster's rows.
        students: those of grades.csv.

    Raises:
        CourseError: a name fits two people; says which.
    """
    found: dict[int, Row] = {}
    for student in students:
        name = student_name(student)
        number = re.search(r"_(\d+)$", name)
        fits = [i for i, row in enumerate(roster) if number and row.get("ID") == number[1]]
        fits = fits or [i for i, row in enumerate(roster) if name in possible_names(row)]
        if len(fits) > 1 or (fits and fits[0] in found):
            raise CourseError(
                f"'{student['student']}' fits two people: tell them apart by `make rename`, with their numbers "
                "in their names ('Ada Lovelace 31' in Moodle, 'lovelaceada_4711' in Canvas)."
            )
        if fits:
            found[fits[0]] = student
        elif any(value for heading, value in student.items() if NOTEBOOK_COLUMN.fullmatch(heading)):
            print(f"  {student['student']}: graded, but not in the roster")
    return found


def points_after_lateness(student: Row, heading: str, late: Lateness, headings: Sequence[str]) -> str:
    """A student's points for a notebook after what lateness costs; empty if nothing was handed in.

    Args:
        student: the row of grades.csv.
        heading: the notebook's column.
        late: what late work costs.
        headings: all notebooks' columns, in the order in which free days are used up.
    """
    name = student_name(student)
    free = late.free
    for each in headings:
        days = late.days.get((name, notebook_of_heading(each)), 0) if student[each] else 0
        over = max(0, days - free)
        free = max(0, free - days)
        if each == heading and student[each]:
            return f"{float(student[each]) * max(0.0, 1 - over * late.penalty / 100):g}"
    return ""


def read_lateness(path: pathlib.Path, free: int, penalty: float, names: list[str]) -> Lateness:
    """What late work costs, with the days from a file whose columns are student, notebook and days.

    Args:
        path: the file.
        free: see `Lateness`.
        penalty: see `Lateness`.
        names: the notebooks' names; a file may say '02' for '02_wide_model'.

    Raises:
        CourseError: a line has no such notebook, or no number of days.
    """
    days = {}
    for row in read_table(path).rows:
        fits = [name for name in names if name.startswith(row.get("notebook") or "?")]
        if len(fits) != 1 or not re.fullmatch(r"\d+", row.get("days", "")):
            raise CourseError(
                f"{path}: expected lines such as 'Ada Lovelace,02,3' below 'student,notebook,days'; got {row}."
            )
        days[comparable_name(row["student"]), fits[0]] = int(row["days"])
    return Lateness(days, free, penalty)


def canvas_table(roster: Table, grades: Table, chosen: list[str], late: Lateness) -> Table:
    """Canvas' import: who it is, a column for each notebook, and a row with the most points.

    Args:
        roster: Canvas' gradebook as exported; a column such as '02_wide_model (4711)' is filled, another is made.
        grades: grades.csv.
        chosen: its columns that are wanted.
        late: what late work costs.
    """
    columns = [heading for heading in grades.headings if NOTEBOOK_COLUMN.fullmatch(heading)]
    headings = {}
    for heading in chosen:
        name = notebook_of_heading(heading)
        in_roster = [old for old in roster.headings if re.fullmatch(rf"{re.escape(name)}( \(\d+\))?", old)]
        headings[heading] = in_roster[0] if in_roster else name
    people = [row for row in roster.rows if row["Student"].strip().casefold() not in NOBODY]
    found = match_students(people, grades.rows)
    identity = [heading for heading in CANVAS if heading in roster.headings]
    most = dict.fromkeys(identity, "") | {"Student": "    Points Possible"}
    rows = [most | {headings[heading]: most_points_of_heading(heading) for heading in chosen}]
    for i, person in enumerate(people):
        row = {heading: person[heading] for heading in identity}
        for heading in chosen:
            row[headings[heading]] = points_after_lateness(found[i], heading, late, columns) if i in found else ""
        rows.append(row)
    return Table([*identity, *headings.values()], rows)


def moodle_table(roster: Table, grades: Table, chosen: list[str], late: Lateness) -> Table:
    """Moodle's import: a column for each notebook behind who it is, or a worksheet whose grades are filled in.

    Args:
        roster: Moodle's grades as exported, or an assignment's grading worksheet.
        grades: grades.csv.
        chosen: its columns that are wanted; one, for a worksheet.
        late: what late work costs.

    Raises:
        CourseError: a worksheet is for another number of notebooks or points.
    """
    columns = [heading for heading in grades.headings if NOTEBOOK_COLUMN.fullmatch(heading)]
    found = match_students(roster.rows, grades.rows)
    if set(WORKSHEET) <= set(roster.headings):
        if len(chosen) != 1:
            raise CourseError("A grading worksheet is for one assignment: name its notebook, as in NB=02.")
        most = float(most_points_of_heading(chosen[0]))
        for row in roster.rows:
            if row.get("Maximum Grade") and float(row["Maximum Grade"].replace(",", ".")) != most:
                raise CourseError(
                    f"{chosen[0]}, but the assignment's maximum in Moodle is {row['Maximum Grade']}: set it alike."
                )
        rows = [
            row | {"Grade": points_after_lateness(found[i], chosen[0], late, columns) if i in found else ""}
            for i, row in enumerate(roster.rows)
        ]
        return Table(roster.headings, rows)
    personal_columns = ("First name", "Last name", "Surname", "ID number", "Email address", "Username")
    identity = [heading for heading in personal_columns if heading in roster.headings]
    titles = {heading: notebook_of_heading(heading) for heading in chosen}
    rows = []
    for i, person in enumerate(roster.rows):
        filled = dict.fromkeys(titles.values(), "")
        for heading, title in titles.items():
            if i in found:
                filled[title] = points_after_lateness(found[i], heading, late, columns)
        rows.append({heading: person[heading] for heading in identity} | filled)
    return Table([*identity, *titles.values()], rows)


def write_import(
    folders: Folders, roster: pathlib.Path, notebooks: Sequence[str], late: Lateness | None = None
) -> None:
    """Write build/canvas.csv or build/moodle.csv, whichever the roster is for.

    Args:
        folders: where the course stands; `make grades` has written its grades.csv.
        roster: what the system has exported.
        notebooks: beginnings of the notebooks' names that are wanted, such as '02'; all that were graded if empty.
        late: what late work costs.

    Raises:
        CourseError: a file is missing, or the roster is not one of those three.
    """
    path = folders.build / "grades.csv"
    if not path.exists():
        raise CourseError("There is no build/grades.csv yet: `make grades` writes it.")
    grades, people = read_table(path), read_table(roster)
    columns = [heading for heading in grades.headings if NOTEBOOK_COLUMN.fullmatch(heading)]
    graded = [heading for heading in columns if any(row[heading] for row in grades.rows)]
    chosen = [heading for heading in columns if heading.startswith(tuple(notebooks))] if notebooks else graded
    if not chosen:
        raise CourseError(f"No notebook begins with {' or '.join(notebooks)}; there are: {', '.join(columns)}.")
    if {"Student", "ID"} <= set(people.headings):
        name, table = "canvas", canvas_table(people, grades, chosen, late or Lateness())
    elif {"Full name"} <= set(people.headings) or {"First name", "Email address"} <= set(people.headings):
        name, table = "moodle", moodle_table(people, grades, chosen, late or Lateness())
    else:
        raise CourseError(
            f"{roster} is neither Canvas' gradebook nor Moodle's grades or worksheet: {', '.join(people.headings)}."
        )
    target = folders.build / f"{name}.csv"
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, table.headings, lineterminator="\n")
        writer.writeheader()
        writer.writerows(table.rows)
    print(
        f"build/{name}.csv has {len(chosen)} notebook{'s'[: len(chosen) > 1]} of {len(people.rows)} rows of the roster"
    )


def main() -> None:
    """Write the file that the command line asks for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("roster", type=pathlib.Path, help="what Canvas or Moodle has exported")
    parser.add_argument("notebooks", nargs="*", help="such as 01 02; all that were graded if none is named")
    parser.add_argument("--late", type=pathlib.Path, help="a CSV file with the columns student, notebook, days")
    parser.add_argument("--free", type=int, default=0, help="late days in all that cost nothing")
    parser.add_argument("--penalty", type=float, default=10, help="percent of the points for each further day")
    arguments = parser.parse_args()
    folders = Folders()
    late = None
    with exit_on_course_error():
        if arguments.late:
            late = read_lateness(arguments.late, arguments.free, arguments.penalty, folders.notebook_names())
        write_import(folders, arguments.roster, arguments.notebooks, late)


if __name__ == "__main__":
    main()

"""Grades as Canvas and Moodle import them, joined with rosters as these export them."""

import contextlib
import csv
import pathlib

from course import grade, gradebook, lms
from course.folders import CourseError, Folders
from course.lms import Lateness

import nbformat
import pytest
from small_course import QuickKernels, hand_in, small_course, small_notebook, solve

GRADES = """student,01_crosses (of 10),02_wide (of 12),total,of,by hand,remarks
José Muñoz,8.5,,8.5,10.0,2.0,
Ada Lovelace 31,10.0,12.0,22.0,22.0,0.0,
lovelaceada_4712,0.0,6.0,6.0,22.0,0.0,
'=Zoë,4.0,,4.0,10.0,0.0,
nobody we know,1.0,,1.0,10.0,0.0,
readme.txt,,,,,,Left out
"""
CANVAS = (
    "\ufeffStudent,ID,SIS User ID,SIS Login ID,Section,01_crosses (99),Quiz (100),Current Score\r\n"
    "    Points Possible,,,,,10,5,(read only)\r\n"
    '"Muñoz, Jose\u0301 ",4711,s1,jose,A,,3,60\r\n'
    '"Lovelace, Ada",4712,s2,ada,A,,4,80\r\n'
    '"Unseen, Una",4713,s3,una,B,,,\r\n'
    '"Student, Test",4714,,,A,,,\r\n'
)
WORKSHEET = """Identifier;Full name;Email address;Status;Grade;Maximum Grade;Last modified (grade);Feedback comments
Participant 30;Ada Lovelace;a30@x.org;Submitted;;12,00;-;
Participant 31;Ada Lovelace;a31@x.org;Submitted;;12,00;-;
Participant 32;JOSÉ  muñoz;j@x.org;No submission;;12,00;-;
"""
EXPORT = """First name,Last name,ID number,Email address,Course total
José,Muñoz,1,j@x.org,-
=Zoë,,2,z@x.org,-
Una,Unseen,3,u@x.org,-
"""


@pytest.fixture
def folders(tmp_path: pathlib.Path) -> Folders:
    """A course with grades, as Excel saves them."""
    (tmp_path / "grades.csv").write_text(GRADES, encoding="utf-8-sig", newline="\r\n")
    return Folders(tmp_path, tmp_path)


def made(folders: Folders, roster: str, *notebooks: str, late: Lateness | None = None) -> list[dict[str, str]]:
    """The rows of the one file that is written for a roster."""
    path = folders.build / "roster.csv"
    path.write_text(roster, encoding="utf-8", newline="")
    lms.write_import(folders, path, notebooks, late)
    (written,) = [path for path in folders.build.glob("*.csv") if path.stem in ("canvas", "moodle")]
    with written.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_canvas_gets_its_own_people_its_columns_and_the_most_points(folders, capsys):
    rows = made(folders, CANVAS)
    assert list(rows[0]) == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "01_crosses (99)", "02_wide"]
    assert [(row["Student"].strip(), row["01_crosses (99)"], row["02_wide"]) for row in rows] == [
        ("Points Possible", "10", "12"),
        ("Muñoz, Jose\u0301", "8.5", ""),
        ("Lovelace, Ada", "0", "6"),
        ("Unseen, Una", "", ""),
    ]
    said = capsys.readouterr().out
    assert "nobody we know: graded, but not in the roster" in said and "Ada Lovelace 31: graded" in said
    assert "readme.txt" not in said


def test_a_worksheet_of_moodle_is_filled_and_else_left_as_it_is(folders):
    rows = made(folders, WORKSHEET, "02")
    assert [(row["Identifier"], row["Grade"], row["Maximum Grade"]) for row in rows] == [
        ("Participant 30", "", "12,00"),
        ("Participant 31", "12", "12,00"),
        ("Participant 32", "", "12,00"),
    ]
    assert list(rows[0]) == WORKSHEET.splitlines()[0].split(";")


def test_moodles_grades_get_a_column_for_each_notebook(folders):
    rows = made(folders, EXPORT, "01")
    assert list(rows[0]) == ["First name", "Last name", "ID number", "Email address", "01_crosses"]
    assert [row["01_crosses"] for row in rows] == ["8.5", "4", ""]


@pytest.mark.parametrize(
    "roster, notebooks, says",
    [
        (WORKSHEET, ["01", "02"], "for one assignment"),
        (WORKSHEET, ["01"], "maximum in Moodle is 12,00"),
        (EXPORT + "José,Muñoz,4,other@x.org,-\n", [], "'José Muñoz' fits two people"),
        (EXPORT, ["07"], "No notebook begins with 07; there are: 01_crosses"),
        ("a,b\n1,2\n", [], "neither Canvas' gradebook nor Moodle's"),
        ("", [], "has no headings"),
    ],
)
def test_what_cannot_be_joined_is_named(folders, roster, notebooks, says):
    with pytest.raises(CourseError, match=says):
        made(folders, roster, *notebooks)


def test_free_late_days_are_used_up_in_the_notebooks_order():
    student = {"student": "Ada", "01_a (of 10)": "10.0", "02_b (of 10)": "8.0", "03_c (of 10)": "", "04_d (of 10)": "9"}
    headings = [heading for heading in student if heading != "student"]
    days = {("ada", "01_a"): 2, ("ada", "02_b"): 3, ("ada", "03_c"): 9, ("ada", "04_d"): 20}
    late = Lateness(days, free=3, penalty=10)
    # 2 of 3 free days, then 1 free and 2 that cost 10% each; nothing handed in costs nothing; 20 days cost all.
    assert [lms.points_after_lateness(student, each, late, headings) for each in headings] == ["10", "6.4", "", "0"]
    assert [lms.points_after_lateness(student, each, Lateness(), headings) for each in headings] == ["10", "8", "", "9"]


def test_a_name_that_looks_like_a_formula_is_late_all_the_same():
    student = {"student": "'=Ada", "01_a (of 10)": "10.0"}
    late = Lateness({("=ada", "01_a"): 1}, free=0, penalty=10)
    assert lms.points_after_lateness(student, "01_a (of 10)", late, ["01_a (of 10)"]) == "9"


def test_late_days_come_from_a_file(tmp_path, folders):
    path = tmp_path / "late.csv"
    path.write_text("student,notebook,days\nJosé Muñoz,01,1\n", encoding="utf-8")
    late = lms.read_lateness(path, 0, 20, ["01_crosses", "02_wide"])
    assert [row["01_crosses"] for row in made(folders, EXPORT, "01", late=late)] == ["6.8", "4", ""]
    path.write_text("student,notebook,days\nJosé Muñoz,09,one\n", encoding="utf-8")
    with pytest.raises(CourseError, match="expected lines such as"):
        lms.read_lateness(path, 0, 20, ["01_crosses"])


CLASS = """Identifier,Full name,Email address,Status,Grade,Maximum Grade,Last modified (grade),Feedback comments
Participant 1,Zoë  Ångström,1@x.org,Submitted,,7.00,-,
Participant 2,José Muñoz,2@x.org,Submitted,,7.00,-,
Participant 3,Ada Lovelace,3@x.org,Submitted,,7.00,-,
Participant 4,Ada Lovelace,4@x.org,Submitted,,7.00,-,
Participant 5,Smith & Co,5@x.org,Submitted,,7.00,-,
Participant 6,Late Lee,6@x.org,Submitted,,7.00,-,
Participant 7,Twice Tom,7@x.org,Submitted,,7.00,-,
Participant 8,Una Unseen,8@x.org,No submission,,7.00,-,
"""


@pytest.mark.filterwarnings("ignore:Object of type", "ignore:Non-unique cell id", "ignore:Cell is missing an id")
def test_a_messy_class_of_eight_gets_its_grades_back_into_moodle(tmp_path, monkeypatch):
    """Folders and flat files as Moodle writes them, accents in both forms, other line ends, late, twice, none."""
    monkeypatch.setattr(grade, "open_kernels", lambda *_: contextlib.nullcontext(QuickKernels()))
    monkeypatch.setattr(gradebook, "write_feedback", lambda *_: None)
    source = small_notebook()
    folders, released = small_course(tmp_path / "course", source)
    right, wrong = solve(released, source), solve(released, source, {"double": "def double(x): return x"})
    text = nbformat.writes(right)
    hand_in(
        tmp_path / "in",
        {
            "Zoë Ångström_1_assignsubmission_file_/05_small.ipynb": "\ufeff" + text,
            "Jose\u0301 Mun\u0303oz_2_assignsubmission_file_/05_small.ipynb": text.replace("\n", "\r\n"),
            "Ada Lovelace_3_assignsubmission_file_05_small.ipynb": wrong,
            "Ada Lovelace_4_assignsubmission_file_05_small.ipynb": right,
            "Smith & Co_5_assignsubmission_file_/05_small (1).ipynb": right,
            "Late Lee_6_assignsubmission_file_05_small.ipynb": right,
            "Twice Tom_7_assignsubmission_file_/05_small.ipynb": right,
            "Twice Tom_7_assignsubmission_file_/05_small (1).ipynb": wrong,
            "__MACOSX/._05_small.ipynb": "",
        },
    )
    grade.autograde(folders, tmp_path / "in")
    (tmp_path / "roster.csv").write_text(CLASS, encoding="utf-8-sig", newline="\r\n")
    (tmp_path / "late.csv").write_text("student,notebook,days\nLate Lee,05,3\n", encoding="utf-8")
    late = lms.read_lateness(tmp_path / "late.csv", free=1, penalty=10, names=folders.notebook_names())
    lms.write_import(folders, tmp_path / "roster.csv", [], late)
    rows = lms.read_table(folders.build / "moodle.csv").rows
    # Five points without the question in words, which a person grades; Lee's are five less 20%.
    assert [row["Grade"] for row in rows] == ["5", "5", "2", "5", "5", "4", "5", ""]
    assert [row["Full name"] for row in rows][:2] == ["Zoë  Ångström", "José Muñoz"]

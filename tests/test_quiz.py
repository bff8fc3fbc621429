"""The questions with which readers check themselves: their form, and that every copy of a notebook has them."""

import pathlib
import re

from course import cells

import nbformat
import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
NOTEBOOKS = {path.stem: nbformat.read(path, as_version=4) for path in sorted((ROOT / "notebooks").glob("*.ipynb"))}
QUIZZES = {stem: [cell for cell in book.cells if cell.id == cells.QUIZ] for stem, book in NOTEBOOKS.items()}
QUESTION = re.compile(
    r"\*\*(?P<number>\d)\.\*\* (?P<asked>.+\?)\n\n(?P<choices>(?:- \*\*[A-E]\.\*\* .+\n)+)\n"
    r"<details><summary>Answer (?P=number)</summary>\n\n(?P<reasons>(?:- \*\*[A-E]\*\*, .+\n)+)\n</details>"
)
every_quiz = pytest.mark.parametrize("stem", [stem for stem, found in QUIZZES.items() if found])


def questions(stem: str) -> list[re.Match[str]]:
    """The questions of a notebook."""
    return list(QUESTION.finditer(QUIZZES[stem][0].source))


def test_the_notebooks_of_the_second_edition_have_a_quiz():
    assert {stem[:2] for stem, found in QUIZZES.items() if found} >= {f"{number:02}" for number in range(1, 10)}


@every_quiz
def test_a_quiz_stands_first_below_the_exercises_and_has_six_questions(stem):
    (quiz,) = QUIZZES[stem]
    assert cells.heading_index(NOTEBOOKS[stem]) == NOTEBOOKS[stem].cells.index(quiz) - 1
    assert [match["number"] for match in questions(stem)] == list("123456")
    assert re.fullmatch(r"### Check yourself\n\n[^\n]+", QUESTION.sub("", quiz.source).strip())


@every_quiz
def test_each_question_has_one_right_choice_and_a_reason_for_every_choice(stem):
    for match in questions(stem):
        choices = re.findall(r"- \*\*([A-E])\.\*\* (.+)", match["choices"])
        reasons = re.findall(r"- \*\*([A-E])\*\*, (right|no): (.+)", match["reasons"])
        letters = list("ABCDE")[: len(choices)]
        assert [letter for letter, _ in choices] == [letter for letter, _, _ in reasons] == letters
        assert len(choices) >= 3 and len({text for _, text in choices}) == len(choices)
        assert [verdict for _, verdict, _ in reasons].count("right") == 1, match["asked"]
        assert min(len(reason.split()) for _, _, reason in reasons) >= 6, match["asked"]


@every_quiz
def test_the_right_letter_cannot_be_guessed(stem):
    right = [re.search(r"\*\*([A-E])\*\*, right", match["reasons"])[1] for match in questions(stem)]
    assert max(map(right.count, right)) <= 3 and len(set(right)) >= 3, right


@every_quiz
def test_a_quiz_is_neither_graded_nor_in_what_is_graded(stem):
    (quiz,) = QUIZZES[stem]
    assert not quiz.metadata
    graded = cells.extract_exercises(NOTEBOOKS[stem])
    assert quiz.source not in [cell.source for cell in graded.cells]
    assert len(graded.cells) > 5

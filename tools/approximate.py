"""When two outputs of a cell say the same: the words are equal, and each number is as close as other seeds let it be.

`spread.json` holds, for each number that a cell tagged `approx` prints, how far runs with other seeds are from it, as
tools/seeds.py measured it: the standard deviation, but from the committed number in place of the mean, since that is
what a run is compared with. To another build of TensorFlow, whose last bits differ, a run is another seed.
"""

import json
import pathlib
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

SPREAD = pathlib.Path(__file__).resolve().parent.parent / "notebooks" / "spread.json"
DEVIATIONS = 4  # how many of the deviations in spread.json a number may differ
NUMBER = re.compile(r"(?<![\w.])([+-]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:e[+-]?\d+)?)(?![\d_])")

UNSIGNED = re.compile(r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:e[+-]?\d+)?")


def output_texts(outputs: Iterable[dict[str, Any]]) -> list[tuple[str, str]]:
    """The texts of a cell's outputs, pictures left out: list of (kind, text)."""
    found: list[tuple[str, str]] = []
    for output in outputs:
        if output["output_type"] == "stream" and found and found[-1][0] == output["name"]:
            found[-1] = output["name"], found[-1][1] + output["text"]  # one print may arrive in several messages
        elif output["output_type"] == "stream":
            found.append((output["name"], output["text"]))
        for kind, text in sorted(output.get("data", {}).items()):
            if not kind.startswith("image/"):
                found.append((kind, text))
    return found


def split_numbers(outputs: Iterable[dict[str, Any]]) -> tuple[list[Any], list[str]]:
    """The words of a cell's outputs, in which white space does not count, and its numbers as they are printed."""
    words = []
    printed: list[str] = []
    for kind, text in output_texts(outputs):
        parts = NUMBER.split(text)
        words.append([kind, *(part.split() for part in parts[::2])])
        printed += parts[1::2]
    return words, printed


def parse_number(printed: str) -> float:
    """The number that is printed as '1,024', '+0.5' or '3e-05'."""
    return float(printed.replace(",", ""))


def numbers_in(text: str) -> set[Decimal]:
    """The numbers in a text, as they are printed or as they stand in code, without their signs: a set of Decimal."""
    text = re.sub(r"(?<=\d)_(?=\d{3})", "", text)
    return {Decimal(number.replace(",", "")) for number in UNSIGNED.findall(text)}


def agrees(text: str, numbers: Iterable[Decimal]) -> bool:
    """Whether a number in the prose is a known one, or a known one rounded to the digits that the prose shows.

    Args:
        text: the number as the prose has it, such as '1,692' or '0.93'.
        numbers: see `numbers_in`.
    """
    number = Decimal(text.replace(",", ""))
    half = Decimal(1).scaleb(int(number.as_tuple().exponent)) / 2
    return any(abs(number - other) <= half for other in numbers)


def last_digit(printed: str) -> float:
    """One unit of the last digit of a number with decimals, which rounding may flip: 0.01 for '0.32', 0 for '32'."""
    mantissa, _, exponent = printed.partition("e")
    decimals = len(mantissa.partition(".")[2])
    return 1.01 * 10.0 ** (int(exponent or 0) - decimals) if decimals or exponent else 0.0


def tolerance(printed: str, deviation: float) -> float:
    """How far a number may be from the printed one; a whole number that no seed changes must be equal."""
    unit = last_digit(printed) or (1.01 if deviation else 0.0)
    return DEVIATIONS * deviation + unit


def find_difference(
    reference: Iterable[dict[str, Any]], found: Iterable[dict[str, Any]], deviations: Sequence[float] | None
) -> str:
    """What differs between two lists of outputs of a cell, in a sentence; '' if they say the same.

    Args:
        reference: the committed outputs.
        found: new ones.
        deviations: one for each number of the reference; None if they were not measured, and then all are 0.
    """
    words, numbers = split_numbers(reference)
    other_words, others = split_numbers(found)
    if words != other_words:
        return "the words differ"
    if deviations is not None and len(deviations) != len(numbers):
        return "spread.json was measured on other outputs: run `python -m tools.seeds` on this notebook"
    for printed, other, deviation in zip(numbers, others, deviations or [0.0] * len(numbers), strict=True):
        allowed = tolerance(printed, deviation)
        if not abs(parse_number(printed) - parse_number(other)) <= allowed:
            return f"{other} is more than {allowed:.2g} from {printed}"
    return ""


def read_spread(notebook: str) -> dict[str, list[float]]:
    """Cell id → deviations of the numbers that the cell prints, for a notebook such as '02_wide_model'."""
    return json.loads(SPREAD.read_text(encoding="utf-8")).get(notebook, {}) if SPREAD.exists() else {}

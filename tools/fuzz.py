"""Look for examples that break a law, at random and for a while: `python -m tools.fuzz --minutes 20`.

The laws are the tests that use hypothesis. `make test` tries the same few examples each time. Here each law gets 500
new ones a round, in an order drawn at random, and there are as many rounds as there is time for. What fails is printed
as an example to copy into a test, and kept in .hypothesis/, so that the next run tries it first.
"""

import argparse
import functools
import os
import pathlib
import random
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
OPTIONS = ["-c", "pyproject.toml", "-m", "hypothesis", "-q", "--no-header", "-W", "ignore"]


class Clock:
    """A plugin of pytest: the tests in random order, until the time is over. It runs from the first test on."""

    def __init__(self, minutes: float):
        self.minutes = minutes
        self.start: float | None = None
        self.examples = 0
        self.laws: set[str] = set()
        self.broken = False

    def is_over(self) -> bool:
        return self.start is not None and time.monotonic() > self.start + 60 * self.minutes

    def timed(self, law: Callable[..., None]) -> Callable[..., None]:
        """The body of a law, which counts its examples, and does nothing once the time is over.

        An example that breaks the law is made smaller by trying it again and again, so that has all the time it needs.
        """

        @functools.wraps(law)
        def body(*arguments: Any, **keywords: Any) -> None:
            if self.is_over() and not self.broken:
                return
            self.examples += 1
            try:
                law(*arguments, **keywords)
            except Exception:
                self.broken = True
                raise

        return body

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        random.shuffle(items)

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        if self.is_over():
            pytest.skip("the time is over")
        self.start = self.start or time.monotonic()
        self.broken = False
        name = item.nodeid.partition("[")[0]  # a law with parameters is several tests
        if name not in self.laws:
            self.laws.add(name)
            # A state machine has no `hypothesis`, and runs to its end.
            law = getattr(getattr(item, "obj", None), "hypothesis", None)
            if law is not None:
                law.inner_test = self.timed(law.inner_test)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=20, help="how long to look; 20 if not given")
    parser.add_argument("paths", nargs="*", default=["tests"], help="test files, such as tests/test_ranking.py")
    arguments = parser.parse_args()
    os.environ["LAWS_PROFILE"] = "fuzz"
    os.chdir(ROOT)
    clock = Clock(arguments.minutes)
    code: int = pytest.ExitCode.OK
    while code == pytest.ExitCode.OK and not clock.is_over():
        code = pytest.main([*OPTIONS, *arguments.paths], plugins=[clock])
    print(f"{clock.examples:,} examples of {len(clock.laws)} laws")
    sys.exit(int(code))


if __name__ == "__main__":
    main()

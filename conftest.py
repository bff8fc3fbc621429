"""What makes `pytest --nbval` compare strictly and yet hold on every machine."""

import functools
import os
import re
import tempfile

import nbval.kernel

# Kernels that pytest starts from inside a notebook must not show progress either.
os.environ.pop("JPY_SESSION_NAME", None)

# Kernels are spoken to through Unix sockets, which work with the network cut, loopback included.
if os.name == "posix":
    SOCKETS = tempfile.TemporaryDirectory()
    nbval.kernel.KernelManager = functools.partial(
        nbval.kernel.KernelManager, transport="ipc", ip=f"{SOCKETS.name}/kernel"
    )

# With another CPU's matrix kernels an AUC was seen to move by 0.0015; helpers ask for kernels that agree,
# so this tolerance is a second belt, and only cells tagged `approx` wear it.
TOLERANCE = 0.002
DECIMAL = re.compile(r"(-?\d+\.\d+(?:e[+-]?\d+)?)")


def last_digit(decimal):
    """One unit of a decimal's last digit, which rounding may flip: 0.01 for '0.32'."""
    return 1.01 * 10.0 ** -len(decimal.split("e")[0].split(".")[1])


class Approximate(str):
    """Text that equals another if its words and integers are the same and its decimals are close."""

    def __eq__(self, other):
        mine, theirs = DECIMAL.split(self), DECIMAL.split(str(other))
        return (
            len(mine) == len(theirs)
            and [part.split() for part in mine[::2]] == [part.split() for part in theirs[::2]]
            and all(
                abs(float(a) - float(b)) <= max(TOLERANCE, last_digit(a))
                for a, b in zip(mine[1::2], theirs[1::2], strict=True)
            )
        )

    def __ne__(self, other):
        return not self == other

    __hash__ = str.__hash__


def pytest_collection_modifyitems(items):
    for item in items:
        if "approx" in getattr(item, "cell", {}).get("metadata", {}).get("tags", []):
            exact = item.sanitize
            item.sanitize = lambda text, exact=exact: Approximate(exact(text)) if isinstance(text, str) else text

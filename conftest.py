"""What makes `pytest --nbval` compare strictly and yet hold on every machine."""

import functools
import os
import tempfile

from tools.approximate import find_difference, read_spread

import nbval.kernel

# Kernels that pytest starts from inside a notebook must not show progress either.
os.environ.pop("JPY_SESSION_NAME", None)

# Kernels are spoken to through Unix sockets, which work with the network cut, loopback included.
if os.name == "posix":
    SOCKETS = tempfile.TemporaryDirectory()
    nbval.kernel.KernelManager = functools.partial(
        nbval.kernel.KernelManager, transport="ipc", ip=f"{SOCKETS.name}/kernel"
    )


def approximately(item, deviations):
    """The comparison of a cell tagged `approx`, in place of nbval's own."""

    def compare_outputs(test, ref, skip_compare=None):
        what = find_difference(ref, test, deviations)
        item.comparison_traceback = [f"{what}\n", f"committed: {ref}\n", f"now: {test}"] if what else []
        return not what

    return compare_outputs


def pytest_collection_modifyitems(items):
    for item in items:
        cell = getattr(item, "cell", None)
        if cell and "approx" in cell["metadata"].get("tags", []):
            item.compare_outputs = approximately(item, read_spread(item.path.stem).get(cell["id"]))

"""Figures in one style: an empty figure, its colours, and how it is shown with alternative text."""

import io
from typing import Any

from wide_deep.checks import check_whole
from wide_deep.reproducible import NEEDED_BY_PLOTS, check_packages

check_packages(NEEDED_BY_PLOTS)
import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402
from IPython.display import Image  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402

__all__ = ["BLUE", "GREEN", "GREY", "ORANGE", "canvas", "show"]

# Okabe and Ito's colours, which colour-blind readers can tell apart.
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#7F7F7F"


def canvas(
    title: str, x: str, y: str, panels: int = 1, size: tuple[float, float] = (7, 4), share_y: bool = True
) -> tuple[Figure, Any]:
    """An empty figure in the project's style.

    Args:
        title: the answer that the picture gives.
        x: what the x axes show, with the unit; '' for none.
        y: what the first y axis shows, with the unit; '' for none.
        panels: axes side by side, at least 1.
        size: width and height in inches.
        share_y: whether the panels have one scale.

    Returns:
        The figure, and its axes, or an array of them if there are several panels.

    Raises:
        ValueError: panels is not a whole number of at least 1.

    Example:
        >>> figure, axes = canvas("Twice as much", "weeks", "installs")
        >>> axes.get_xlabel(), axes.get_ylabel()
        ('weeks', 'installs')
    """
    check_whole("panels", panels, 1)
    figure, axes = plt.subplots(1, panels, figsize=size, sharey=share_y, layout="constrained")
    figure.suptitle(title, x=0.01, ha="left", fontsize=12, fontweight="bold")
    for panel in np.ravel(axes):
        panel.set_xlabel(x)
        panel.spines[["top", "right"]].set_visible(False)
        panel.grid(color="#DDDDDD", linewidth=0.6)
        panel.set_axisbelow(True)
    np.ravel(axes)[0].set_ylabel(y)
    return figure, axes


def show(figure: Figure, alt: str) -> Image:
    """Show a Matplotlib figure as a picture with alternative text for those who cannot see it.

    Args:
        figure: what is shown; it is closed afterwards.
        alt: one sentence that says what it shows.

    Returns:
        IPython image; as the last line of a cell it is displayed.

    Example:
        >>> show(canvas("Nothing yet", "", "")[0], alt="An empty picture.").metadata
        {'alt': 'An empty picture.'}
    """
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=110, bbox_inches="tight", facecolor="white", metadata={"Software": None})
    plt.close(figure)
    # The text is metadata, since IPython 7, which Colab has, knows no alt=.
    return Image(png.getvalue(), metadata={"alt": alt})  # type: ignore[no-untyped-call]

"""The pictures that the notebooks of Part I share: the grid of users and apps, and the errors by kind of pair."""

from collections.abc import Mapping, Sequence

from wide_deep.plots import BLUE, GREEN, GREY, ORANGE, canvas

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle

__all__ = [
    "FRAME_INSET", "PAIR_KINDS", "WEIGHT", "draw_grid", "error_bars", "errors_by_pair_kind", "grids", "mark",
    "pair_matrix",
]  # fmt: skip

INK = "#222222"
GAP = "#E0E0E0"  # a pair that was never shown: there is nothing to draw
PROBABILITY = LinearSegmentedColormap.from_list(
    "probability", ["#FFFFFF", "#C9B3DC", "#6A3D9A", "#2D1150"]
).with_extremes(bad=GAP)
WEIGHT = LinearSegmentedColormap.from_list("weight", ["#2166AC", "#FFFFFF", "#B2182B"])
COLOURS = {
    "wide": ORANGE,
    "deep": BLUE,
    "wide & deep": GREEN,
    "FM k = 1": "#D9A9CC",
    "FM k = 8": "#8E3B80",
}
FRAME_INSET = 0.09  # so that the frames of neighbours enclose no square between them
PAIR_KINDS = ("exception", "never shown", "usual")


def pair_matrix(pairs: pd.DataFrame, values: Sequence[float]) -> np.ndarray:
    """The values of pairs as a matrix, (users, apps), in the order in which users and apps first stand in `pairs`.

    Args:
        pairs: a row for each user and app, with the columns 'user' and 'app'.
        values: one for each row; NaN leaves a gap.

    Raises:
        ValueError: a pair is missing or stands there twice, or there is not one value a row.

    Example:
        >>> pair_matrix(pd.DataFrame({"user": ["u", "u"], "app": ["a", "b"]}), [0.1, 0.8])
        array([[0.1, 0.8]])
    """
    rows, users = pd.factorize(pairs["user"])
    columns, apps = pd.factorize(pairs["app"])
    if len(values) != len(pairs):
        raise ValueError(f"There are {len(values)} values for {len(pairs)} pairs; expected one a pair.")
    if len(pairs) != len(users) * len(apps) or pairs.duplicated(["user", "app"]).any():
        raise ValueError(f"Expected each of {len(users)} users with each of {len(apps)} apps once.")
    matrix = np.full((len(users), len(apps)), np.nan)
    matrix[rows, columns] = np.asarray(values, dtype="float64")
    return matrix


def draw_grid(
    panel: Axes,
    pairs: pd.DataFrame,
    values: Sequence[float],
    colours: Colormap = PROBABILITY,
    limits: tuple[float, float] = (0.0, 1.0),
) -> AxesImage:
    """Draw one grid: a square a pair, a frame around each exception, a dot in each pair that was never shown.

    Args:
        panel: where to draw.
        pairs: as for `pair_matrix`, with the column 'kind'.
        values: one for each row, such as probabilities or weights; NaN leaves a gap.
        colours: a Matplotlib colormap.
        limits: the values of its two ends.

    Returns:
        What `Figure.colorbar` takes.

    Raises:
        ValueError: there is not one value for each row.
    """
    matrix = pair_matrix(pairs, values)
    n_users, n_apps = matrix.shape
    image = panel.imshow(matrix, cmap=colours, vmin=limits[0], vmax=limits[1], interpolation="nearest")
    kinds = pairs["kind"].to_numpy()
    rows, columns = pd.factorize(pairs["user"])[0], pd.factorize(pairs["app"])[0]
    for row, column in zip(rows[kinds == "exception"], columns[kinds == "exception"], strict=True):
        corner = (column - 0.5 + FRAME_INSET, row - 0.5 + FRAME_INSET)
        side = 1 - 2 * FRAME_INSET
        panel.add_patch(Rectangle(corner, side, side, fill=False, edgecolor=INK, linewidth=1.4))
    hidden = kinds == "never shown"
    panel.scatter(columns[hidden], rows[hidden], s=3.5, color="#888888", linewidths=0)
    panel.set_xlim(-0.7, n_apps - 0.3)
    panel.set_ylim(n_users - 0.3, -0.7)
    panel.set_xticks([n_apps / 4 - 0.5, n_apps * 3 / 4 - 0.5], ["music apps", "travel apps"])
    panel.set_yticks([n_users / 4 - 0.5, n_users * 3 / 4 - 0.5], ["music fans", "travelers"], rotation=90, va="center")
    panel.tick_params(length=0)
    panel.grid(False)
    panel.spines[:].set_visible(False)
    return image


def grids(
    title: str,
    pairs: pd.DataFrame,
    values: Mapping[str, Sequence[float]],
    colours: Colormap = PROBABILITY,
    limits: tuple[float, float] = (0.0, 1.0),
    label: str = "probability of an install",
    height: float = 4.6,
) -> Figure:
    """Grids side by side, page-wide: what a log holds, or what several models predict for the same pairs.

    Args:
        title: the answer that the picture gives.
        pairs: as for `draw_grid`.
        values: title of each grid → one value a pair.
        colours: a Matplotlib colormap.
        limits: the values of its two ends.
        label: what the colours mean.
        height: of the picture, in inches.

    Returns:
        The figure, for `show`.

    Raises:
        ValueError: there is no grid, or not one value for each pair.
    """
    figure, panels = canvas(title, "", "", panels=len(values), size=(max(3.6 * len(values) + 0.9, height + 1), height))
    for panel, (name, numbers) in zip(np.ravel(panels), values.items(), strict=True):
        image = draw_grid(panel, pairs, numbers, colours, limits)
        panel.set_title(name, fontsize=11, color=COLOURS.get(name.split(",")[0], INK))
    bar = figure.colorbar(image, ax=np.ravel(panels).tolist(), fraction=0.03, pad=0.02, label=label)
    bar.outline.set_visible(False)
    return figure


def mark(panel: Axes, letter: str, user: int, app: int) -> None:
    """Put a circle around one pair of a grid, with a letter next to it.

    Args:
        panel: a grid that `draw_grid` drew.
        letter: what is written.
        user: the row of the pair, from 0.
        app: the column of the pair, from 0.
    """
    panel.plot(app, user, "o", markersize=20, markerfacecolor="none", markeredgecolor=ORANGE, markeredgewidth=2.5)
    panel.annotate(
        letter, (app, user), xytext=(13, 10), textcoords="offset points", color=ORANGE, fontsize=15, weight="bold"
    )


def errors_by_pair_kind(pairs: pd.DataFrame, predictions: Mapping[str, Sequence[float]]) -> pd.DataFrame:
    """The mean error of the probability, for each model and kind of pair.

    Args:
        pairs: with the columns 'kind' and 'truth', a probability.
        predictions: model → its probability for each pair.

    Returns:
        A row a model, a column a kind: the mean of |prediction − truth|.

    Example:
        >>> pairs = pd.DataFrame({"kind": ["usual", "exception"], "truth": [0.8, 0.1]})
        >>> errors_by_pair_kind(pairs, {"a constant": [0.45, 0.45]})
                    exception  usual
        a constant       0.35   0.35
    """
    present = [kind for kind in PAIR_KINDS if (pairs["kind"] == kind).any()]
    errors = {
        name: np.abs(np.asarray(p) - pairs["truth"]).groupby(pairs["kind"]).mean() for name, p in predictions.items()
    }
    return pd.DataFrame(errors).T[present].rename_axis(columns=None)


def error_bars(title: str, errors: pd.DataFrame, constant: float = 0.35, spread: pd.DataFrame | None = None) -> Figure:
    """Bars of the mean errors by kind of pair, with a grey line: the error of one constant prediction for every pair.

    Args:
        title: the answer that the picture gives.
        errors: from `errors_by_pair_kind`.
        constant: the error of the best constant prediction.
        spread: a frame like `errors` with the standard deviation over several logs, or None.

    Returns:
        The figure, for `show`.
    """
    size = (max(7.6, 2 * len(errors)), 3.6)  # room for the numbers on the bars
    figure, panel = canvas(title, "", "mean error of the probability", size=size)
    width = 0.8 / len(errors)
    for i, (name, row) in enumerate(errors.iterrows()):
        centers = np.arange(len(row)) + (i - (len(errors) - 1) / 2) * width
        light = 0.45 if "," in str(name) else 1.0  # 'deep, long' is a lighter 'deep'
        colour = COLOURS.get(str(name).split(",")[0], GREY)
        panel.bar(centers, row, width * 0.92, color=colour, alpha=light, label=name)
        if spread is not None:
            panel.errorbar(centers, row, spread.loc[name], fmt="none", ecolor=INK, elinewidth=1, capsize=2)
        above = row if spread is None else row + spread.loc[name]
        for center, top, error in zip(centers, above, row, strict=True):
            panel.annotate(f"{error:.2f}", (center, top), (0, 2), textcoords="offset points", ha="center", fontsize=8)
    panel.axhline(constant, color=GREY, linewidth=1.5, zorder=0)
    panel.text(
        len(errors.columns) - 0.5,
        constant + 0.006,
        "the same for every pair",
        color=GREY,
        ha="right",
        va="bottom",
        fontsize=9,
    )
    panel.margins(y=0.12)  # room for the number on the tallest bar
    panel.set_xticks(range(len(errors.columns)), errors.columns)
    panel.grid(axis="x", visible=False)
    panel.legend(frameon=False, ncols=len(errors), loc="upper center", bbox_to_anchor=(0.5, -0.1))
    return figure

"""The grid and the bars show what they are given."""

import wdl_helpers as wdl
from recommender import pictures
from recommender.datasets import planted

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.patches import Rectangle


@pytest.fixture(scope="module")
def pairs():
    return planted.planted_log(0)[0]


def test_a_value_stands_where_its_user_and_app_meet(pairs):
    values = np.arange(len(pairs))
    shuffled = np.random.default_rng(0).permutation(len(pairs))
    matrix = pictures.pair_matrix(pairs, values)
    assert matrix.shape == (24, 24) and matrix[1, 2] == 26  # user u1 and app a2
    again = pictures.pair_matrix(pairs.iloc[shuffled], values[shuffled])
    users, apps = pairs["user"].iloc[shuffled].unique(), pairs["app"].iloc[shuffled].unique()
    assert again[list(users).index("u1"), list(apps).index("a2")] == 26


@pytest.mark.parametrize("broken", [lambda pairs: pairs[:-1], lambda pairs: pd.concat([pairs[1:], pairs[1:2]])])
def test_a_grid_with_a_hole_or_a_pair_twice_is_refused(pairs, broken):
    with pytest.raises(ValueError, match="each of 24 users with each of 24 apps once"):
        pictures.pair_matrix(broken(pairs), np.zeros(len(broken(pairs))))
    with pytest.raises(ValueError, match="3 values for 576 pairs"):
        pictures.pair_matrix(pairs, [1, 2, 3])


def test_each_exception_has_a_frame_and_each_hidden_pair_a_dot(pairs):
    figure = pictures.grids("title", pairs, {"truth": pairs["truth"], "wide": pairs["truth"]})
    for panel in figure.axes[:2]:
        frames = [patch for patch in panel.patches if isinstance(patch, Rectangle)]
        assert len(frames) == 20 and len(panel.collections[0].get_offsets()) == 170
        kinds = pairs.set_index(["user", "app"])["kind"]
        for frame in frames:
            app, user = frame.get_center()
            assert kinds[f"u{user:.0f}", f"a{app:.0f}"] == "exception"
            left, right = frame.get_x(), frame.get_x() + frame.get_width()
            top, bottom = frame.get_y(), frame.get_y() + frame.get_height()
            inside = pytest.approx(0.5 - pictures.FRAME_INSET)  # its own square, and no line on a neighbour's edge
            assert [app - left, right - app, user - top, bottom - user] == [inside] * 4 and pictures.FRAME_INSET > 0
    plt.close(figure)


def test_errors_are_means_of_absolute_differences_by_kind(pairs):
    errors = pictures.errors_by_pair_kind(pairs, {"constant": np.full(576, 0.45), "truth": pairs["truth"]})
    np.testing.assert_allclose(errors.loc["constant"], 0.35)
    np.testing.assert_allclose(errors.loc["truth"], 0)
    assert list(errors.columns) == ["exception", "never shown", "usual"]
    figure = pictures.error_bars("title", errors, spread=errors * 0.1)
    heights = [bar.get_height() for bar in figure.axes[0].patches]
    assert heights == pytest.approx([0.35] * 3 + [0] * 3) and wdl.GREY is not None
    plt.close(figure)


def test_a_mark_is_drawn_around_the_pair_that_it_names(pairs):
    figure = pictures.grids("title", pairs, {"": pairs["truth"]})
    pictures.mark(figure.axes[0], "A", user=4, app=18)
    assert figure.axes[0].lines[-1].get_xydata().tolist() == [[18, 4]]
    assert figure.axes[0].texts[-1].get_text() == "A"
    plt.close(figure)

"""The figures of a sweep: each trial is a line through its values."""

import numpy as np
import pytest

from phistar.components.reports.plots import sweep
from phistar.components.reports.plots.sweep import Axis

AXES = [
    Axis("rate", [1e-4, 1e-3, 1e-2, 1e-3], (), True),
    Axis("width", [8, 32, 20, 8]),
    Axis("network", ["mlp", "linear", "mlp", "mlp"], ("linear", "mlp")),
]
NLL = [0.5, 0.3, 0.4, np.nan]  # the last one was pruned


def lines(figure):
    """y of each line over all axes: the trials, the best one last."""
    found = [np.asarray(line.get_ydata()) for line in figure.axes[0].lines]
    return [y for y in found if len(y) == len(AXES) + 1]


def test_a_line_goes_through_the_values_of_its_trial():
    *others, best = lines(sweep.parallel_coordinates(AXES, NLL, 1))
    assert len(others) == 3
    low, high = sweep.ROOM, 1 - sweep.ROOM
    assert best == pytest.approx([0.5, 1.0, low, 0.0])  # 1e-3 is halfway by its log
    whole = [y for y in others if np.isfinite(y).all()]
    assert sorted(y[-1] for y in whole) == pytest.approx([0.5, 1.0])
    (pruned,) = [y for y in others if np.isnan(y[-1])]
    assert pruned[:-1] == pytest.approx([0.5, 0.0, high])


def test_a_wide_range_of_valid_nll_is_shown_by_its_logarithm():
    figure = sweep.parallel_coordinates(AXES, [0.1, 1.0, 10.0, np.nan], 0)
    heights = sorted(y[-1] for y in lines(figure) if np.isfinite(y[-1]))
    assert heights == pytest.approx([0.0, 0.5, 1.0])


def test_whole_numbers_have_whole_ticks_and_a_constant_has_one():
    assert [text for _, text in sweep.ticks(AXES[1])] == ["8", "14", "20", "26", "32"]
    assert sweep.ticks(Axis("a", [3, 3])) == [(0.0, "3")]
    many = Axis("a", ["0"], tuple(map(str, range(100))))
    assert len(sweep.ticks(many)) <= sweep.MOST_WORDS


def test_importance_has_a_bar_for_each_key_the_largest_on_top():
    axes = sweep.importance({"rate": 0.7, "width": 0.3}).axes[0]
    assert [bar.get_width() for bar in axes.patches] == [0.3, 0.7]
    assert [t.get_text() for t in axes.get_yticklabels()] == ["width", "rate"]

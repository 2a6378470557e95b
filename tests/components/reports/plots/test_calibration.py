import numpy as np
import pytest

from phistar.components import metrics
from phistar.components.reports.plots.calibration import reliability


@pytest.fixture(scope="module")
def scored():
    """1,000 decisions with their bins.  -> (correct, confidence, rows)"""
    rng = np.random.default_rng(0)
    log_probs = np.log(rng.dirichlet([0.4, 0.4, 0.4], 1000))
    index = rng.integers(3, size=1000)
    _, rows = metrics.reliability(log_probs, index, 10)
    return log_probs.argmax(axis=1) == index, np.exp(log_probs.max(axis=1)), rows


@pytest.fixture(scope="module")
def figure(scored):
    drawn = reliability(scored[2], 0.1, 3, 10)
    drawn.draw_without_rendering()
    return drawn


def test_axes_are_0_to_1_and_square(figure):
    top = figure.axes[0]
    assert top.get_xlim() == top.get_ylim() == (0, 1)
    box = top.get_window_extent()
    assert box.width == pytest.approx(box.height, rel=1e-3)
    assert figure.axes[1].get_window_extent().x0 == pytest.approx(box.x0, abs=1)


def test_intervals_are_wilsons_of_each_bin(scored, figure):
    correct, confidence, rows = scored
    (bars,) = figure.axes[0].collections
    edges = 1 / 3 + np.arange(11) / 10 * 2 / 3
    bins = np.clip(np.digitize(confidence, edges) - 1, 0, 9)
    assert len(bars.get_segments()) == len(rows) == len(np.unique(bins))
    for segment, b in zip(bars.get_segments(), np.unique(bins), strict=True):
        expected = metrics.accuracy(correct[bins == b])
        low, high = expected["accuracy_low"], expected["accuracy_high"]
        np.testing.assert_allclose(segment[:, 1], [low, high], atol=1e-9)
        np.testing.assert_allclose(segment[:, 0], confidence[bins == b].mean())


def test_strip_has_the_n_of_each_bin_in_its_place(scored, figure):
    _, confidence, _ = scored
    strip = figure.axes[1]
    for bar in strip.patches:
        left, right = bar.get_x(), bar.get_x() + bar.get_width()
        middle, half = (left + right) / 2, 1 / 30
        inside = (confidence >= middle - half) & (confidence < middle + half)
        assert bar.get_height() == inside.sum()
    heights = [bar.get_height() for bar in strip.patches]
    assert sum(heights) == 1000
    assert [text.get_text() for text in strip.texts] == [f"{n:.0f}" for n in heights]


def test_dots_on_the_frame_are_whole_and_the_line_has_a_name():
    figure = reliability([(1, 0.5, 0.0), (9, 1.0, 1.0)], 0.0, 2, 10)
    top = figure.axes[0]
    lines = {line.get_label(): line for line in top.lines}
    assert "perfectly calibrated" in lines
    dots = [line for line in top.lines if line.get_marker() == "o"]
    assert dots and not any(line.get_clip_on() for line in dots)


def test_many_bins_have_no_numbers_that_overlap():
    rows = [(5.0, (b + 0.5) / 50, 0.5) for b in range(50)]
    assert not reliability(rows, 0.0, 1000, 50).axes[1].texts

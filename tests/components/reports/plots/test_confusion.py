import numpy as np
import pytest

from phistar.components.reports.plots import style
from phistar.components.reports.plots.confusion import (
    NAMED_LABELS,
    PERCENT_LABELS,
    confusion_matrix,
)


def matrix(size, names=None, times=1):
    """The figure of `size` labels, each decided for `times` times, never rightly."""
    index = np.repeat(np.arange(size), times)
    names = names or [f"label {i}" for i in range(size)]
    return confusion_matrix(index, (index + 1) % size, names)


def words(size):
    """Long names of different lengths."""
    return [f"a class whose name is long {'x' * (i % 9)} _{i:02d}" for i in range(size)]


@pytest.mark.parametrize("size", [2, 30, NAMED_LABELS])
@pytest.mark.parametrize("long", [True, False])
def test_tick_labels_are_under_their_own_column(size, long):
    figure = matrix(size, words(size) if long else [str(i) for i in range(size)])
    style.subtitle(figure, "data")
    figure.draw_without_rendering()
    axes, _ = figure.axes
    centres = axes.transData.transform([(i, 0) for i in range(size)])[:, 0]
    column = centres[1] - centres[0]
    bottom = axes.get_window_extent().y0
    labels = axes.get_xticklabels()
    assert len(labels) == size
    for number, label in enumerate(labels):
        box = label.get_window_extent()
        # the part next to the column: a flat label's middle, a turned one's end
        near = box.x1 if label.get_rotation() else (box.x0 + box.x1) / 2
        assert abs(near - centres[number]) < column / 2
        assert box.y1 <= bottom
    flat = [label.get_window_extent() for label in labels if not label.get_rotation()]
    assert len(flat) in (0, size)
    for one, other in zip(flat, flat[1:], strict=False):
        assert one.x1 < other.x0


def test_row_labels_are_beside_their_own_row():
    figure = matrix(30, words(30))
    figure.draw_without_rendering()
    axes, _ = figure.axes
    for number, label in enumerate(axes.get_yticklabels()):
        box = label.get_window_extent()
        row = axes.transData.inverted().transform((0, (box.y0 + box.y1) / 2))[1]
        assert row == pytest.approx(number, abs=0.2)
        assert label.get_text().endswith(f"_{number:02d}")


@pytest.mark.parametrize("size", [2, PERCENT_LABELS, PERCENT_LABELS + 1, NAMED_LABELS])
def test_cells_have_counts_and_with_few_labels_their_share_of_the_row(size):
    axes, _ = matrix(size, times=3).axes
    written = "3\n100.0%" if size <= PERCENT_LABELS else "3"
    assert [text.get_text() for text in axes.texts] == [written] * size


@pytest.mark.parametrize("size, times", [(2, 9), (10, 1000), (15, 99), (40, 999)])
def test_numbers_stay_inside_their_cells(size, times):
    figure = matrix(size, times=times)
    figure.draw_without_rendering()
    axes, _ = figure.axes
    assert axes.texts
    (x0, y0), (x1, y1) = axes.transData.transform([(0, 0), (1, 1)])
    for text in axes.texts:
        box = text.get_window_extent()
        assert box.width < abs(x1 - x0) and box.height < abs(y1 - y0)


def test_numbers_that_do_not_fit_are_left_out():
    index = np.zeros(2_000_000, int)
    axes, _ = confusion_matrix(index, index, words(40)).axes
    assert not axes.texts
    assert len(axes.get_xticklabels()) == 40


def test_colours_are_shares_of_the_row_from_0_to_1_with_a_bar():
    figure = confusion_matrix([0] * 99 + [1] * 4, [0] * 99 + [1, 1, 1, 0], ("a", "b"))
    axes, bar = figure.axes
    (image,) = axes.images
    np.testing.assert_allclose(image.get_array(), [[1, 0], [0.25, 0.75]])
    assert image.get_clim() == (0, 1) and "share" in bar.get_ylabel()


def test_matrix_of_many_labels_is_an_image_of_the_same_size():
    figure = matrix(1000)
    assert figure.get_size_inches().max() * 200 < 3000  # pixels of the PNG
    axes, _ = figure.axes
    assert not axes.texts
    (image,) = axes.images
    np.testing.assert_array_equal(image.get_array(), np.roll(np.eye(1000), 1, axis=1))


@pytest.mark.parametrize("size", [2, 30])
def test_no_wide_white_margins(size, tmp_path):
    from PIL import Image

    style.save({"matrix": matrix(size, words(size))}, tmp_path / "figures", "data")
    with Image.open(tmp_path / "figures" / "matrix.png") as image:
        dark = np.asarray(image.convert("L")) < 250
    for axis in (0, 1):
        used = np.flatnonzero(dark.any(axis=axis))
        assert used[0] < 30 and dark.shape[1 - axis] - used[-1] < 30  # 0.15 inches
        assert np.diff(used).max() < 100  # nothing is far from the rest

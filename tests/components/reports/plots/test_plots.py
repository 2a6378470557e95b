import numpy as np
import pytest

from components.data.arrays import Ragged
from components.reports.plots.confusion import NAMED_LABELS, confusion_matrix
from components.reports.plots.texts import nll_by_position

PIXELS = 200  # an inch, as evaluate saves figures
FLOORS = {"prior": 1.8, "uniform": 9.0}


def matrix(size):
    """The figure of `size` labels, each decided for once."""
    index = np.arange(size)
    names = [f"label {i}" for i in index]
    return confusion_matrix(index, np.roll(index, 1), names)


@pytest.mark.parametrize("size", [2, 10, NAMED_LABELS])
def test_confusion_matrix_names_and_numbers_few_labels(size):
    axes, _ = matrix(size).axes
    assert [t.get_text() for t in axes.get_xticklabels()][-1] == f"label {size - 1}"
    assert [t.get_text().split("\n")[0] for t in axes.texts] == ["1"] * size


def test_confusion_matrix_of_many_labels_is_no_larger():
    figure = matrix(1000)
    assert figure.get_size_inches().max() * PIXELS < 3000
    axes, _ = figure.axes
    assert not axes.texts
    (image,) = axes.images
    np.testing.assert_array_equal(image.get_array(), np.roll(np.eye(1000), 1, axis=1).T)


def test_nll_by_position_draws_the_mean_of_every_bin():
    texts = Ragged(np.zeros(200, int), np.array([0, 100, 200]))
    place = texts.places
    nll = 1.0 + (place >= 10)  # from the eleventh token on twice as hard
    models = {"network": -nll}
    figure = nll_by_position(models, texts, place % 50, "windows", FLOORS)
    left, right = figure.axes[:2]
    x, y = left.lines[0].get_data()
    assert x[0] == 1 and x[-1] <= 100
    np.testing.assert_allclose(y[x <= 8], 1)  # places are counted from 1
    np.testing.assert_allclose(y[x > 12], 2)
    x, y = right.lines[0].get_data()
    assert x[0] < 1 and x[-1] < 50
    # half of the tokens with as few before them come from the second window
    assert y[0] == pytest.approx(1.5) and y[-1] == pytest.approx(2)

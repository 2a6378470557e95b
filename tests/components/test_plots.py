import numpy as np
import pytest

from components import plots

PIXELS = 120  # an inch, as evaluate saves figures


def matrix(size):
    """The figure of `size` labels, each decided for once."""
    index = np.arange(size)
    names = [f"label {i}" for i in index]
    return plots.confusion_matrix(index, np.roll(index, 1), names)


@pytest.mark.parametrize("size", [2, 10, plots.NAMED_LABELS])
def test_confusion_matrix_names_and_numbers_few_labels(size):
    (axes,) = matrix(size).axes
    assert [t.get_text() for t in axes.get_xticklabels()][-1] == f"label {size - 1}"
    assert [t.get_text() for t in axes.texts] == ["1"] * size


def test_confusion_matrix_of_many_labels_is_no_larger():
    figure = matrix(1000)
    assert figure.get_size_inches().max() * PIXELS < 3000
    (axes,) = figure.axes
    assert not axes.texts
    (image,) = axes.images
    np.testing.assert_array_equal(image.get_array(), np.roll(np.eye(1000), 1, axis=1).T)

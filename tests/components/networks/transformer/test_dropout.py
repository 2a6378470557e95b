"""What dropout keeps, and how often."""

import numpy as np
import pytest
from keras import ops

from phistar.components.networks.transformer.dropout import Dropout


def dropped(rate, shape=(50, 40, 64)):
    """Ones after dropout, as an array."""
    return ops.convert_to_numpy(Dropout(rate)(np.ones(shape, "float32"), training=True))


@pytest.mark.parametrize("rate", [0.001, 0.1, 0.5, 0.9])
def test_dropout_is_as_frequent_as_asked_and_keeps_the_mean(rate):
    values = dropped(rate)
    exact = max(round(rate * 256), 1) / 256
    deviation = np.sqrt(exact * (1 - exact) / values.size)
    assert abs((values == 0).mean() - exact) < 5 * deviation
    assert abs(exact - rate) <= 1 / 256
    np.testing.assert_allclose(values[values > 0], 1 / (1 - exact), rtol=1e-6)


def test_dropout_decides_each_number_alone():
    kept = dropped(0.5, (4000, 64)) > 0
    correlation = np.corrcoef(kept.T) - np.eye(64)
    assert np.abs(correlation).max() < 6 / np.sqrt(4000)
    correlation = np.corrcoef(kept.reshape(64, 4000)) - np.eye(64)
    assert np.abs(correlation).max() < 6 / np.sqrt(4000)


def test_dropout_of_a_width_that_is_no_multiple_of_four():
    values = dropped(0.5, (100, 30, 6))
    assert values.shape == (100, 30, 6)
    assert ((values == 0).mean((0, 1)) > 0.4).all()


def test_dropout_differs_from_call_to_call():
    layer, ones = Dropout(0.5), np.ones((4, 64), "float32")
    first, second = (ops.convert_to_numpy(layer(ones, training=True)) for _ in "ab")
    assert (first != second).any()


def test_dropout_outside_training_or_of_rate_0_changes_nothing():
    ones = np.ones((4, 64), "float32")
    np.testing.assert_array_equal(Dropout(0.5)(ones), ones)
    np.testing.assert_array_equal(Dropout(0.0)(ones, training=True), ones)

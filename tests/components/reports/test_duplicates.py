import numpy as np
import pytest

from phistar.components.reports import duplicates
from phistar.components.reports.duplicates import row_keys
from tests.helpers.data import ragged


@pytest.fixture(params=[2**24, 100])
def blocks(request, monkeypatch):
    """Everything in one block, or a few rows in each."""
    monkeypatch.setattr(duplicates, "BLOCK_BYTES", request.param)


@pytest.mark.usefixtures("blocks")
def test_keys_are_equal_where_rows_are():
    rng = np.random.default_rng(0)
    rows = rng.integers(0, 3, (200, 3)).astype("float32")
    keys = row_keys(rows)
    equal = (rows[:, None] == rows[None]).all(axis=2)
    np.testing.assert_array_equal(keys[:, None] == keys[None], equal)


@pytest.mark.usefixtures("blocks")
def test_keys_of_texts_are_equal_where_texts_are():
    rows = [[1, 2, 0], [1, 0], [2, 0], [1, 2, 0], [0], [1] * 300 + [0], [0]]
    keys = row_keys(ragged(rows)).tolist()
    for one, key in zip(rows, keys, strict=True):
        assert [key == other for other in keys] == [one == other for other in rows]


def test_zeros_of_both_signs_are_equal():
    assert len(set(row_keys(np.array([[0.0], [-0.0]], "float32")).tolist())) == 1


def test_images_are_compared_whole():
    images = np.zeros((3, 8, 8, 1), "uint8")
    images[2, 7, 7] = 1
    first, second, third = row_keys(images).tolist()
    assert first == second != third


def test_of_many_rows_the_first_ones_are_compared(monkeypatch):
    rows = np.arange(100, dtype="float32")[:, None]
    monkeypatch.setattr(duplicates, "MAX_ROWS", 30)
    assert len(row_keys(rows)) == 30
    monkeypatch.setattr(duplicates, "MAX_BYTES", 4 * 10)
    assert len(row_keys(rows)) == 10

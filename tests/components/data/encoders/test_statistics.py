import numpy as np
import pytest

from phistar.components.data.encoders.statistics import (
    BLOCK_ROWS,
    HASH_PLACES,
    MAX_VALUES,
    describe,
)


def column(num_rows, seed=0):
    """Numbers far from 0, some of them missing, and words."""
    rng = np.random.default_rng(seed)
    numbers = rng.normal(1000, 3, num_rows)
    numbers[rng.random(num_rows) < 0.1] = np.nan
    return {"x": numbers, "word": rng.choice(["a", "b", "c"], num_rows)}


def cut(raw, cuts):
    """The same columns in pieces."""
    for rows in np.split(np.arange(len(raw["x"])), cuts):
        yield {name: values[rows] for name, values in raw.items()}


@pytest.mark.parametrize("num_rows", [500, BLOCK_ROWS, 3 * BLOCK_ROWS + 17])
def test_pieces_do_not_change_a_bit(num_rows):
    raw, rng = column(num_rows), np.random.default_rng(1)
    whole = describe([raw])
    for number in (1, 2, 30):
        cuts = np.sort(rng.integers(0, num_rows, number))
        assert describe(cut(raw, cuts)) == whole


def test_mean_and_variance_are_those_of_all_rows():
    raw = column(3 * BLOCK_ROWS + 17)
    numeric, categorical = describe([raw])
    np.testing.assert_allclose(numeric["mean"], np.nanmean(raw["x"]), rtol=1e-14)
    np.testing.assert_allclose(numeric["variance"], np.nanvar(raw["x"]), rtol=1e-11)
    assert numeric["missing"]
    assert categorical["values"] == ["a", "b", "c"]


def test_a_block_without_a_value_counts_for_nothing():
    numbers = np.full(3 * BLOCK_ROWS, np.nan)
    numbers[-2:] = [3.0, 5.0]
    (numeric,) = describe([{"x": numbers}])
    assert (numeric["mean"], numeric["variance"]) == (4.0, 1.0)


def test_rare_words_are_left_to_the_unseen():
    words = np.array(["a", "b", "c", "b", "c", "c"])
    for few, kept in ((1, ["a", "b", "c"]), (2, ["b", "c"]), (3, ["c"])):
        (column,) = describe([{"x": words[:2]}, {"x": words[2:]}], few)
        assert column["values"] == kept


def test_very_many_words_are_hashed_unless_they_are_rare():
    many = np.arange(MAX_VALUES + 1).astype(str)
    pieces = [{"x": many[:5000]}, {"x": many[5000:]}, {"x": many[:3]}]
    (column,) = describe(pieces)
    assert (column["kind"], column["places"]) == ("hashed", HASH_PLACES)
    (column,) = describe(pieces, 2)
    assert column["values"] == ["0", "1", "2"]

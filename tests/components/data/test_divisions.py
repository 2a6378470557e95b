"""Splits by a column, by time, by label and by a group."""

import numpy as np
import pytest

from phistar.components.data.sources.base import Rows
from phistar.components.data.splits import SPLITS, split_rows


def rows_of(labels, **more):
    """Rows with one column, the number of the row."""
    labels = np.array(labels, str)
    return Rows({"x": np.arange(len(labels)) + 0.0}, labels, **more)


def split(*pieces, valid=0.1, test=0.2, seed=0, stratified=False):
    """Split name -> the numbers of its rows."""
    found = {name: [] for name in SPLITS}
    for name, rows in split_rows({"all": pieces}, valid, test, seed, stratified):
        found[name] += rows.numbers.tolist()
    return found


def test_each_label_has_its_share_of_every_split():
    labels = np.repeat(["a", "b", "c"], [700, 100, 30])
    found = split(rows_of(labels), stratified=True)
    for label, total in (("a", 700), ("b", 100), ("c", 30)):
        shares = {n: sum(labels[found[n]] == label) / total for n in SPLITS}
        assert shares == pytest.approx({"train": 0.7, "valid": 0.1, "test": 0.2})


def test_a_label_of_one_row_is_trained_on():
    labels = [*"ab" * 50, *(f"rare {i}" for i in range(20))]
    for seed in range(5):
        assert set(range(100, 120)) <= set(
            split(rows_of(labels), seed=seed, stratified=True)["train"]
        )


def test_a_frequent_label_keeps_its_rows_when_one_is_added():
    few, many = (rows_of(["a", "b"] * n) for n in (2000, 2001))
    before, after = (split(rows, stratified=True) for rows in (few, many))
    assert all(set(before[name]) <= set(after[name]) for name in SPLITS)


def test_equal_inputs_with_two_labels_are_in_one_split():
    inputs = {"x": np.arange(60) // 2 + 0.0}
    rows = Rows(inputs, np.array(["a", "b"] * 30))
    for found in split(rows, stratified=True).values():
        assert {n ^ 1 for n in found} == set(found)


def test_test_has_the_latest_rows_and_valid_those_before():
    time = np.random.default_rng(0).permutation(100) // 2 + 0.0
    found = split(rows_of(["a", "b"] * 50, time=time))
    of = {name: time[numbers] for name, numbers in found.items()}
    assert of["train"].max() < of["valid"].min() <= of["valid"].max() < of["test"].min()
    assert {name: len(numbers) for name, numbers in found.items()} == {
        **{"train": 70, "valid": 10, "test": 20}
    }


def test_a_group_is_in_one_split():
    group = np.repeat(np.arange(50, dtype="uint64"), 4)
    found = split(rows_of(["a", "b"] * 100, keys=group))
    groups = [set(group[numbers]) for numbers in found.values()]
    assert all(groups) and sum(map(len, groups)) == 50


def test_a_column_says_the_split():
    named = np.array(["train", "valid", "test", "train"] * 25)
    found = split(rows_of(["a", "b"] * 50, split=named))
    assert {n: set(named[numbers]) for n, numbers in found.items()} == {
        name: {name} for name in SPLITS
    }


@pytest.mark.parametrize("stratified", [False, True])
@pytest.mark.parametrize("lacks", ["valid", "test"])
def test_a_split_that_the_column_lacks_is_made_from_its_train(lacks, stratified):
    given = {"valid": "test", "test": "valid"}[lacks]
    named = np.array(["train", "train", given, "train"] * 100)
    rows = rows_of(["a", "b"] * 200, split=named)
    found = split(rows.take(slice(0, 150)), rows.take(slice(150, 400)))
    assert set(found[given]) == set(np.flatnonzero(named == given))
    assert 0 < len(found[lacks]) < 120


def test_a_column_without_train_is_refused():
    with pytest.raises(ValueError, match="no row to train on.*test and valid"):
        split(rows_of(["a", "b"], split=np.array(["test", "valid"])))

"""Folds: each row of train and valid is valid once, and test never moves."""

import numpy as np
import pytest

from phistar.components.data.sources.base import Rows, objects
from phistar.components.data.splits import SPLITS, split_rows


def rows_of(labels, **more):
    """Rows with one column, the number of the row."""
    labels = np.array(labels, str)
    return Rows({"x": np.arange(len(labels)) + 0.0}, labels, **more)


def folds(rows, count=4, seed=0, given=None):
    """One dict of split -> numbers of its rows for each fold, and that without."""
    every = []
    for fold in [None, *((k, count) for k in range(count))]:
        found = {name: [] for name in SPLITS}
        how = 0.1, 0.2, seed, True, fold
        for name, part in split_rows(given or {"all": [rows]}, *how):
            found[name] += part.numbers.tolist()
        every.append(found)
    plain, *folded = every
    return folded, plain


def require_cover(folded, plain):
    """Test is as without folds; valid of all folds together is train and valid."""
    rest = sorted(plain["train"] + plain["valid"])
    for found in folded:
        assert found["test"] == plain["test"]
        assert sorted(found["train"] + found["valid"]) == rest
    assert sorted(sum((found["valid"] for found in folded), [])) == rest


def test_each_label_has_its_share_of_every_fold():
    labels = np.repeat(["a", "b", "c"], [700, 100, 30])
    folded, plain = folds(rows_of(labels))
    require_cover(folded, plain)
    for label in "abc":
        sizes = [sum(labels[found["valid"]] == label) for found in folded]
        assert max(sizes) - min(sizes) <= 1
    sizes = [len(found["valid"]) for found in folded]
    assert max(sizes) - min(sizes) <= 1


def test_a_label_of_one_row_is_trained_on_in_every_fold():
    rows = rows_of([*"ab" * 50, *(f"rare {i}" for i in range(5))])
    folded, _ = folds(rows)
    assert all(set(range(100, 105)) <= set(found["train"]) for found in folded)


def test_a_group_is_in_one_fold():
    group = np.repeat(np.arange(50, dtype="uint64"), 4)
    folded, plain = folds(rows_of(["a", "b"] * 100, keys=group))
    require_cover(folded, plain)
    groups = [set(group[found["valid"]]) for found in folded]
    assert all(groups) and sum(map(len, groups)) == len(set.union(*groups))


def test_over_time_a_fold_is_judged_by_what_came_before():
    time = np.random.default_rng(0).permutation(200) // 2 + 0.0
    folded, plain = folds(rows_of(["a", "b"] * 100, time=time))
    before = -1
    for found in folded:
        assert found["test"] == plain["test"]
        of = {name: time[numbers] for name, numbers in found.items()}
        assert of["train"].max() < of["valid"].min()
        assert before < of["valid"].min() and of["valid"].max() < of["test"].min()
        before = of["valid"].max()
        assert len(found["valid"]) == pytest.approx(160 / 5, abs=2)


def test_connected_pairs_are_in_one_fold():
    rng = np.random.default_rng(0)
    letters = [
        objects([b"%c%c" % (97 + a // 26, 97 + a % 26) for a in side])
        for side in rng.integers(0, 600, (2, 400))
    ]
    folded, plain = folds(Rows(*letters))
    require_cover(folded, plain)
    for side in letters:
        seen = [set(side[found["valid"]]) for found in folded]
        assert sum(map(len, seen)) == len(set.union(*seen))


def test_splits_of_the_source_are_folded_together():
    named = np.array(["train", "valid", "test", "train"] * 25)
    folded, plain = folds(rows_of(["a", "b"] * 50, split=named))
    require_cover(folded, plain)
    assert set(named[plain["test"]]) == {"test"}


def test_a_fold_that_is_not_is_refused():
    with pytest.raises(ValueError, match=r"fold=\[4, 4\].*0 ... 3"):
        split_rows({"all": [rows_of([*"ab"] * 9)]}, 0.1, 0.2, 0, True, (4, 4))

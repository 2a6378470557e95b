import numpy as np
import pytest

from phistar.components.data.batches.passes import Plan


@pytest.mark.parametrize(("n", "size"), [(10, 3), (9, 3), (2, 5), (1, 1), (57, 32)])
def test_batches_of_a_pass_are_a_permutation(n, size):
    plan = Plan(n, size, seed=0)
    for epoch in range(3):
        start = epoch * plan.steps_per_epoch
        rows, weights = plan.batches(start, start + plan.steps_per_epoch)
        assert rows.shape == weights.shape == (plan.steps_per_epoch, size)
        assert sorted(rows[weights > 0]) == list(range(n))


@pytest.mark.parametrize(("n", "size"), [(10, 3), (2, 5), (57, 32)])
def test_batch_weights_sum_to_one_and_padding_weighs_nothing(n, size):
    plan = Plan(n, size, seed=0)
    _, weights = plan.batches(0, 2 * plan.steps_per_epoch)
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, rtol=1e-6)
    real = (weights > 0).sum(axis=1)
    assert real.sum() == 2 * n
    for row, count in zip(weights, real, strict=True):  # one weight for all real rows
        np.testing.assert_allclose(row[row > 0], 1 / count, rtol=1e-6)


def test_batches_from_anywhere_are_those_from_zero():
    plan = Plan(10, 4, seed=1)
    rows, weights = plan.batches(0, 12)
    for start in range(12):
        later_rows, later_weights = plan.batches(start, 12)
        np.testing.assert_array_equal(later_rows, rows[start:])
        np.testing.assert_array_equal(later_weights, weights[start:])
        np.testing.assert_array_equal(plan.batch(start)[0], rows[start])


def test_order_is_another_in_each_pass_and_for_each_seed():
    orders = {tuple(Plan(50, 8, s).order(e)) for s in range(3) for e in range(3)}
    assert len(orders) == 9
    np.testing.assert_array_equal(Plan(50, 8, 2).order(1), Plan(50, 16, 2).order(1))

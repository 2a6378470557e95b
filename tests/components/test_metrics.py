import math

import numpy as np
import pytest
from scipy.stats import binom

from phistar.components import metrics

Z = metrics.Z_95


@pytest.mark.parametrize(
    ("right", "n"), [(0, 7), (7, 7), (30, 40), (1, 1), (999, 1000)]
)
def test_accuracy_interval_ends_are_z_standard_errors_from_the_share(right, n):
    # Wilson's ends solve |share - p| = z sqrt(p (1 - p) / n) for p
    correct = np.arange(n) < right
    result = metrics.accuracy(correct)
    for p in (result["accuracy_low"], result["accuracy_high"]):
        error = Z * math.sqrt(p * (1 - p) / n)
        np.testing.assert_allclose(abs(right / n - p), error, atol=1e-9)
    assert 0 <= result["accuracy_low"] <= right / n <= result["accuracy_high"] <= 1


@pytest.mark.parametrize("n", [20, 100])
def test_accuracy_interval_covers_the_truth_95_times_in_100(n):
    # by the binomial law itself, on the average over the true share
    ends = [metrics.accuracy(np.arange(n) < right) for right in range(n + 1)]
    low = np.array([end["accuracy_low"] for end in ends])
    high = np.array([end["accuracy_high"] for end in ends])
    truth = np.linspace(0.05, 0.95, 181)[:, None]
    covered = (low <= truth) & (truth <= high)  # [truths, n + 1]
    coverage = (covered * binom.pmf(np.arange(n + 1), n, truth)).sum(axis=1)
    np.testing.assert_allclose(coverage.mean(), 0.95, atol=0.01)


def test_nll_is_total_over_count_with_bits_and_interval():
    losses = np.array([0.1, 0.5, 3.0, 0.2])
    result = metrics.nll(-losses)
    np.testing.assert_allclose(result["nll"] * result["n"], losses.sum())
    np.testing.assert_allclose(result["bits"] * math.log(2), result["nll"])
    half = Z * losses.std(ddof=1) / 2
    np.testing.assert_allclose(result["nll_high"] - result["nll"], half)
    assert result["nll_low"] == max(0.0, result["nll"] - half)


def test_floors_are_entropies_where_the_shares_are_those_of_train():
    counts = np.array([6, 3, 1])
    index = np.repeat(np.arange(3), counts * 2)
    result = metrics.floors(index, counts)
    share = counts / counts.sum()
    np.testing.assert_allclose(result["nll_prior"], -(share * np.log(share)).sum())
    np.testing.assert_allclose(result["nll_uniform"], np.log(3))


def test_floors_are_equal_where_all_labels_are_equally_frequent():
    result = metrics.floors(np.array([0, 1, 1, 1]), [5, 5])
    np.testing.assert_allclose(result["nll_prior"], result["nll_uniform"])


def test_auroc_counts_pairs_and_ties_half():
    rng = np.random.default_rng(1)
    score = rng.integers(0, 6, size=40).astype("float64")
    labels = rng.choice([-1, 1], size=40)
    positive, negative = score[labels == 1], score[labels == -1]
    larger = (positive[:, None] > negative).mean()
    equal = (positive[:, None] == negative).mean()
    np.testing.assert_allclose(metrics.auroc(score, labels), larger + equal / 2)
    assert math.isnan(metrics.auroc(score, np.ones(40)))


@pytest.mark.parametrize("k", [1, 2, 5])
def test_top_accuracy_counts_labels_with_fewer_than_k_above(k):
    rng = np.random.default_rng(2)
    logits, labels = rng.normal(size=(50, 5)), rng.integers(0, 5, size=50)
    above = (logits > logits[np.arange(50), labels][:, None]).sum(axis=-1)
    assert metrics.top_accuracy(logits, labels, k) == (above < k).mean()


def forecasts(confidence, right, n):
    """n two-label forecasts of one confidence, `right` of them right."""
    log_probs = np.log([[confidence, 1 - confidence]] * n)
    return log_probs, np.where(np.arange(n) < right, 0, 1)


def test_reliability_of_a_perfect_forecaster_is_zero():
    parts = [forecasts(0.75, 15, 20), forecasts(0.9, 9, 10)]
    log_probs, index = (np.concatenate(part) for part in zip(*parts, strict=True))
    ece, rows = metrics.reliability(log_probs, index, 10)
    np.testing.assert_allclose(ece, 0, atol=1e-12)
    assert [row[0] for row in rows] == [20, 10]


def test_reliability_is_the_weighted_gap_of_confidence_and_accuracy():
    parts = [forecasts(0.75, 10, 20), forecasts(0.95, 8, 10)]
    log_probs, index = (np.concatenate(part) for part in zip(*parts, strict=True))
    ece, _ = metrics.reliability(log_probs, index, 10)
    np.testing.assert_allclose(ece, (20 * 0.25 + 10 * 0.15) / 30)


def test_reliability_takes_confidences_at_both_ends():
    log_probs = np.array([[0.0, -1e4], [np.log(0.5), np.log(0.5)]])
    ece, rows = metrics.reliability(log_probs, np.array([0, 1]), 5)
    assert sum(row[0] for row in rows) == 2
    np.testing.assert_allclose(ece, (0 + 0.5) / 2)


def margins(seed):
    """Margins of a forecaster that is mostly right, in some unit."""
    rng = np.random.default_rng(seed)
    return rng.normal(1, 1, size=60) * 10 ** rng.uniform(-2, 2)


@pytest.mark.parametrize("seed", range(5))
def test_fit_scale_meets_the_first_order_condition(seed):
    # d/d(ln a) of sum ln(1 + e^(-a m)) + (ln a)^2 / 2 is zero
    margin = margins(seed)
    a = metrics.fit_scale(margin)
    pull = (a * margin / (1 + np.exp(a * margin))).sum()
    np.testing.assert_allclose(pull, math.log(a), atol=1e-2)


@pytest.mark.parametrize("seed", range(5))
def test_fit_scale_is_the_best_of_a_fine_grid(seed):
    margin = margins(seed)

    def cost(a):
        return np.logaddexp(0, -a * margin).sum() + math.log(a) ** 2 / 2

    best = min(cost(a) for a in np.exp(np.linspace(-9, 9, 2001)))
    assert cost(metrics.fit_scale(margin)) <= best + 1e-6


@pytest.mark.parametrize("n", [1, 50, 5000])
def test_fit_scale_is_finite_where_the_margins_separate_the_labels(n):
    a = metrics.fit_scale(np.full(n, 2.0))
    assert 1 < a < 100


def test_fit_scale_is_positive_where_every_decision_is_wrong():
    assert 0 < metrics.fit_scale(np.full(50, -2.0)) < 1


def test_token_nll_divides_totals_once():
    offsets, sizes = np.array([0, 1, 5]), np.array([[0, 0], [4, 6]])
    log_prob = -np.array([2.0, 1.0, 1.0, 1.0, 5.0])
    measured = metrics.token_nll(log_prob, offsets, sizes)
    assert measured["nll"] == pytest.approx(10 / 5)  # not the mean of 2 and 2
    assert measured["perplexity"] == pytest.approx(math.exp(2))
    assert measured["bits_per_character"] == pytest.approx(10 / math.log(2) / 4)
    assert measured["bits_per_byte"] == pytest.approx(10 / math.log(2) / 6)
    assert measured["n"] == 5


def test_token_nll_interval_is_that_of_texts():
    rng = np.random.default_rng(0)
    lengths = rng.integers(5, 40, 400)
    offsets = np.cumsum([0, *lengths])
    sizes = np.stack([lengths, lengths], axis=1)
    level = np.repeat(rng.normal(2, 0.5, 400), lengths)  # of a whole text
    measured = metrics.token_nll(-level, offsets, sizes)
    half = (measured["nll_high"] - measured["nll_low"]) / 2
    # drawn anew, the means spread as the interval says
    means = []
    for _ in range(300):
        rows = rng.integers(0, 400, 400)
        total = sum(level[offsets[r]] * lengths[r] for r in rows)
        means.append(total / lengths[rows].sum())
    assert half == pytest.approx(1.96 * np.std(means), rel=0.15)


def test_token_floors_know_tokens_that_train_lacks():
    measured = metrics.token_floors(np.array([0, 1, 2]), [3, 1, 0])
    assert measured["nll_uniform"] == pytest.approx(math.log(3))
    expected = -np.log([4 / 7, 2 / 7, 1 / 7]).mean()
    assert measured["nll_prior"] == pytest.approx(expected)

import math

import numpy as np
import pytest

from phistar.components.data.arrays import Ragged
from phistar.components.metrics import floors, token_floors
from phistar.components.reports import baselines, tokens


def rows(number, seed=0, labels=3):
    """Inputs [number, 4] that tell the label, and the labels."""
    rng = np.random.default_rng(seed)
    index = rng.integers(0, labels, number)
    inputs = rng.normal(size=(number, 4)) + 3 * np.eye(labels, 4)[index]
    return inputs.astype("float32"), index


def test_floors_are_those_of_the_metrics():
    _, index = rows(200)
    counts = [50, 30, 20]
    prior, uniform = baselines.floors(index, counts, ("a", "b", "c"))
    expected = floors(index, counts)
    assert prior.nll.mean() == pytest.approx(expected["nll_prior"])
    assert uniform.nll.mean() == pytest.approx(expected["nll_uniform"])
    # the decision for the largest share is a majority vote
    assert prior.correct.mean() == (index == 0).mean()
    assert not prior.reads and not uniform.reads


def test_floors_of_texts_are_those_of_the_metrics():
    texts = Ragged(np.array([1, 2, 0, 3, 0, 1, 1, 0]), np.array([0, 3, 5, 8]))
    counts = [3, 4, 2, 0, 1]  # train lacks a token
    prior, uniform = baselines.token_floors(texts, counts, tokens.by_text)
    expected = token_floors(texts.tokens, counts)
    assert prior.nll.sum() / 8 == pytest.approx(expected["nll_prior"])
    assert uniform.nll.sum() / 8 == pytest.approx(expected["nll_uniform"])
    assert len(prior.nll) == 3


def test_logistic_regression_is_scikit_learns():
    from sklearn.linear_model import LogisticRegression

    train, (inputs, index) = rows(300), rows(100, seed=1)
    counts = np.bincount(train[1])
    (found,) = baselines.logistic_regression(train, (inputs, index), counts)
    model = LogisticRegression().fit(*train)
    expected = -model.predict_log_proba(inputs)[np.arange(100), index].mean()
    assert found.nll.mean() == pytest.approx(expected, abs=0.01)
    assert found.correct.mean() == model.score(inputs, index)


def test_a_label_that_the_rows_read_lack_has_a_probability(monkeypatch):
    monkeypatch.setattr(baselines, "MAX_ROWS", 50)
    inputs, index = rows(300, labels=2)
    counts = np.array([150, 149, 1])  # the one example of the third is not read
    tested = inputs[:3], np.array([2, 0, 1])
    (found,) = baselines.logistic_regression((inputs, index), tested, counts)
    assert np.isfinite(found.nll).all()
    assert found.nll[0] == pytest.approx(-math.log(counts[2] / 300 / 51))
    assert "50 of 300" in found.note


def test_too_few_rows_for_the_labels_give_no_baseline(monkeypatch):
    inputs, index = rows(300)
    monkeypatch.setattr(baselines, "MAX_WORK", 4 * 3 * 5)  # five rows
    assert (
        baselines.logistic_regression((inputs, index), (inputs, index), [1] * 3) == []
    )
    monkeypatch.undo()
    one = inputs[:30], np.zeros(30, int)
    assert baselines.logistic_regression(one, one, [30, 0]) == []


def test_large_pictures_are_read_as_means_of_squares():
    pixels = np.zeros((2, 64, 96, 1), "uint8")
    pixels[1, :3, :3] = 255
    small = baselines.flat(pixels).reshape(2, 21, 32)
    assert small[0].max() == 0
    assert small[1, 0, 0] == 1 and small[1].sum() == 1
    digit = np.full((1, 8, 8, 1), 51, "uint8")
    np.testing.assert_allclose(baselines.flat(digit), 0.2, rtol=1e-6)


def test_sample_is_all_rows_or_always_the_same_ones():
    assert baselines.sample(5, 9).tolist() == [0, 1, 2, 3, 4]
    one, two = baselines.sample(1000, 10), baselines.sample(1000, 10)
    assert one.tolist() == two.tolist() == sorted(set(one.tolist()))

"""Law: `sample` draws from P, tempered and cut as asked, and gives ln P itself."""

import numpy as np
import pytest
import tensorflow as tf

from tests.distribution import assert_frequencies, truncated

DRAWS = 4000


def telling(case):
    """The request whose P a temperature changes most, DRAWS times; and its ln P [K].

    d^2 ln Z / d(1/T)^2 is the variance of ln P: none if P is uniform, or certain.
    """
    log_probs = case.predicted["log_probs"]
    p = np.exp(log_probs)
    mean = (p * log_probs).sum(axis=-1, keepdims=True)
    variance = (p * (log_probs - mean) ** 2).sum(axis=-1)
    row = variance.argmax()
    assert variance[row] > 0.05  # else the frequencies below would tell nothing
    request = case.request(slice(row, row + 1))
    inputs = {name: np.repeat(value, DRAWS) for name, value in request.items()}
    return inputs, log_probs[row]


def positions(case, answer):
    """Positions of the drawn labels in the label space.  -> int [B]."""
    order = {name.encode(): i for i, name in enumerate(case.names)}
    return np.array([order[label] for label in answer["label"]])


@pytest.mark.parametrize(
    ("temperature", "top_k", "top_p"),
    [(1.0, 10**6, 1.0), (0.5, 10**6, 1.0), (2.0, 2, 1.0), (1.0, 10**6, 0.8)],
)
def test_sample_frequencies_are_p(case, temperature, top_k, top_p):
    inputs, log_probs = telling(case)
    answer = case.draw(inputs, np.arange(DRAWS), temperature, top_k, top_p)
    drawn = positions(case, answer)
    expected = truncated(log_probs, temperature, top_k, top_p)
    assert_frequencies(drawn, expected)
    # ln P of the label under P itself, not under what it was drawn from
    np.testing.assert_allclose(answer["log_prob"], log_probs[drawn], atol=1e-5)


def test_sample_of_the_first_label_alone_equals_predict(case):
    answer = case.draw(case.request(), np.arange(case.num_test), 1.0, 1)
    for name in ("label", "log_prob"):
        np.testing.assert_array_equal(answer[name], case.predicted[name])


def test_sample_is_a_function_of_the_seed(case):
    inputs, _ = telling(case)
    first = case.draw(inputs, np.arange(DRAWS), 2.0)["label"]
    again = case.draw(inputs, np.arange(DRAWS), 2.0)["label"]
    other = case.draw(inputs, np.arange(DRAWS) + DRAWS, 2.0)["label"]
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@pytest.mark.parametrize(
    ("knob", "value"),
    [
        ("temperature", 0.0),
        ("temperature", -1.0),
        ("temperature", 1000.0),
        ("temperature", np.nan),
        ("top_k", 0),
        ("top_p", 0.0),
        ("top_p", 1.5),
        ("top_p", np.nan),
    ],
)
def test_sample_refuses_a_knob_out_of_range(case, knob, value):
    # one bad row among good ones, so that no row hides behind another
    good = {"temperature": 1.0, "top_k": 2, "top_p": 1.0}
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"{knob} must be"):
        case.draw(case.request(slice(0, 2)), **good | {knob: [good[knob], value]})

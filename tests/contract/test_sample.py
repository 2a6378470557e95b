"""Law: `sample` draws from P, tempered and cut by its knobs, and gives ln P itself."""

import numpy as np
import pytest

from tests.helpers.distribution import assert_frequencies, truncated

DRAWS = 4000


def telling(case):
    """The request whose P a temperature changes most, DRAWS times; and its ln P [K].

    Of a text it is the P of its first token.

    d^2 ln Z / d(1/T)^2 is the variance of ln P: none if P is uniform, or certain.
    """
    log_probs = case.following(case.request())
    p = np.exp(log_probs)
    mean = (p * log_probs).sum(axis=-1, keepdims=True)
    variance = (p * (log_probs - mean) ** 2).sum(axis=-1)
    row = variance.argmax()
    assert variance[row] > 0.05  # else the frequencies below would tell nothing
    request = case.request(slice(row, row + 1))
    inputs = {name: np.repeat(value, DRAWS) for name, value in request.items()}
    return inputs, log_probs[row]


def draw(case, inputs, seed, **knobs):
    """Draw the first decision.  -> (positions, int [B]; ln P, float [B])."""
    answer = case.draw(inputs, seed=seed, **case.first | knobs)
    return case.decided(answer), answer["log_prob"]


@pytest.mark.parametrize(
    ("temperature", "top_k", "top_p"),
    [(1.0, 10**6, 1.0), (0.5, 10**6, 1.0), (2.0, 2, 1.0), (1.0, 10**6, 0.8)],
)
def test_sample_frequencies_are_p(case, temperature, top_k, top_p):
    inputs, log_probs = telling(case)
    knobs = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
    drawn, log_prob = draw(case, inputs, np.arange(DRAWS), **knobs)
    expected = truncated(log_probs, temperature, top_k, top_p)
    assert_frequencies(drawn, expected)
    # ln P of the label under P itself, not under what it was drawn from
    np.testing.assert_allclose(log_prob, log_probs[drawn], atol=1e-5)


def test_sample_of_the_first_label_alone_equals_predict(case):
    answer = case.draw(case.request(), top_k=1)
    for name, values in answer.items():
        expected = case.predicted[name]
        if values.dtype.kind == "f":
            np.testing.assert_allclose(values, expected, rtol=1e-6, atol=1e-5)
        else:
            np.testing.assert_array_equal(values, expected)


def test_sample_is_a_function_of_the_seed(case):
    inputs, _ = telling(case)
    seeds = np.arange(DRAWS)
    first, _ = draw(case, inputs, seeds, temperature=2.0)
    again, _ = draw(case, inputs, seeds, temperature=2.0)
    other, _ = draw(case, inputs, seeds + DRAWS, temperature=2.0)
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()

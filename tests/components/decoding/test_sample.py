import numpy as np
import pytest

from phistar.components.decoding.sample import sample
from tests.helpers.distribution import assert_frequencies, truncated

DRAWS = 4000
P = np.array([0.05, 0.4, 0.02, 0.3, 0.03, 0.2])


def draw(probabilities, temperature=1.0, top_k=10**6, top_p=1.0, seed=0, draws=DRAWS):
    """Many draws from one distribution.  -> int [draws]."""
    log_probs = np.log(np.asarray(probabilities, "float64")).astype("float32")
    uniform = np.random.default_rng(seed).uniform(0, 1 - 1e-7, draws)
    drawn = sample(
        np.tile(log_probs, (draws, 1)),
        uniform.astype("float32"),
        np.full(draws, temperature, "float32"),
        np.full(draws, top_k, "int32"),
        np.full(draws, top_p, "float32"),
    )
    return np.asarray(drawn)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
@pytest.mark.parametrize(
    ("top_k", "top_p"), [(6, 1.0), (3, 1.0), (6, 0.65), (3, 0.85), (1, 1.0), (6, 1e-6)]
)
def test_sample_frequencies_are_those_of_the_definition(temperature, top_k, top_p):
    drawn = draw(P, temperature, top_k, top_p)
    assert_frequencies(drawn, truncated(np.log(P), temperature, top_k, top_p))


def test_frequencies_of_another_distribution_are_told_apart():
    other = np.roll(P, 1)
    with pytest.raises(AssertionError, match="p ="):
        assert_frequencies(draw(P), other)
    with pytest.raises(AssertionError, match="cut label"):
        assert_frequencies(draw(P), np.array([0, 0.4, 0.1, 0.3, 0, 0.2]))


@pytest.mark.parametrize(("top_k", "top_p"), [(1, 1.0), (100, 1e-6)])
def test_sample_of_one_label_is_the_most_probable(top_k, top_p):
    assert set(draw(P, 5.0, top_k, top_p)) == {P.argmax()}


def test_sample_top_p_keeps_the_label_that_reaches_the_mass():
    # 0.5 of 0.5 is reached by the first label alone, 0.51 needs the second
    half = np.array([0.5, 0.3, 0.2])
    assert set(draw(half, top_p=0.49)) == {0}
    assert set(draw(half, top_p=0.51)) == {0, 1}
    assert set(draw(half, top_p=0.81)) == {0, 1, 2}


def test_sample_top_p_of_one_keeps_every_label():
    many = np.full(1000, 1e-3)
    drawn = draw(many, top_p=1.0, draws=20_000)
    assert len(set(drawn)) == 1000


def test_sample_never_draws_an_impossible_label():
    drawn = draw([1.0, 1e-30, 1e-30], temperature=1.0)
    assert set(drawn) == {0}


def test_sample_knobs_are_those_of_the_row():
    log_probs = np.tile(np.log(P), (DRAWS, 1)).astype("float32")
    uniform = np.random.default_rng(3).uniform(0, 1 - 1e-7, DRAWS)
    odd = np.arange(DRAWS) % 2
    drawn = np.asarray(
        sample(
            log_probs,
            uniform.astype("float32"),
            np.where(odd, 2.0, 1.0).astype("float32"),
            np.where(odd, 6, 2).astype("int32"),
            np.where(odd, 1.0, 0.99).astype("float32"),
        )
    )
    assert_frequencies(drawn[odd == 0], truncated(np.log(P), 1.0, 2, 0.99))
    assert_frequencies(drawn[odd == 1], truncated(np.log(P), 2.0, 6, 1.0))

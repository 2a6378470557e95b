"""Muon's step: the iteration by hand, on singular values."""

import keras
import numpy as np
import pytest

from phistar.components.training.optimizers import Muon, muon


def iterated(x, count=5):
    """x = U S V^T with S <- a S + b S^3 + c S^5, `count` times, after |x| = 1."""
    u, s, v = np.linalg.svd(x / np.linalg.norm(x), full_matrices=False)
    for _ in range(count):
        s = 3.4445 * s - 4.7750 * s**3 + 2.0315 * s**5
    return (u * s) @ v


def gradient(shape, decay):
    """A matrix whose singular values fall like those of real gradients."""
    x = np.random.default_rng(0).normal(size=shape)
    u, s, v = np.linalg.svd(x, full_matrices=False)
    return (u * (s * np.arange(1.0, len(s) + 1) ** -decay)) @ v


def orthogonal(x, policy, steps=5):
    """x after the iteration of our optimizer, under a dtype policy."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    optimizer, _ = muon(8)
    keras.config.set_dtype_policy(before)
    given = keras.ops.convert_to_tensor(x.astype("float32"))
    return np.asarray(optimizer.zeropower_via_newtonschulz5(given, steps))


@pytest.mark.parametrize("shape", [(24, 24), (24, 96), (96, 24)])
@pytest.mark.parametrize("steps", [1, 3, 4, 5, 6])
def test_muon_moves_singular_values_by_its_polynomial(shape, steps):
    x = gradient(shape, 0.5)
    found = orthogonal(x, "float32", steps)
    np.testing.assert_allclose(found, iterated(x, steps), atol=2e-5)


@pytest.mark.parametrize("decay", [0.0, 1.0])
def test_bfloat16_does_not_drown_small_singular_values(decay):
    x = gradient((128, 512), decay)
    found, expected = orthogonal(x, "mixed_bfloat16"), iterated(x)
    error = np.linalg.norm(found - expected) / np.linalg.norm(expected)
    assert error < 0.07  # Keras's own order of the products: 0.04 and 0.06


class Doubled(Muon):
    """Muon whose iteration returns twice the matrix."""

    def zeropower_via_newtonschulz5(self, x, steps):
        return 2 * super().zeropower_via_newtonschulz5(x, steps)


@pytest.mark.parametrize(("shape", "factor"), [((6, 4), 2), ((6,), 1)])
def test_keras_moves_matrices_by_our_iteration_and_nothing_else(shape, factor):
    # a Keras that no longer calls the method that we override would train otherwise
    slopes = np.linspace(-1, 1, np.prod(shape), dtype="float32").reshape(shape)
    moved = []
    for kind in (Muon, Doubled):
        variable = keras.Variable(np.zeros(shape, "float32"))
        kind(0.1, weight_decay=0.0).apply(
            [keras.ops.convert_to_tensor(slopes)], [variable]
        )
        moved.append(np.asarray(variable))
    assert np.abs(moved[0]).max() > 0
    np.testing.assert_allclose(moved[1], factor * moved[0], rtol=1e-6)

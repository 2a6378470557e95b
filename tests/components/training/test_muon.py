"""Muon's step: the iteration by hand, on singular values."""

import keras
import numpy as np
import pytest

from components.training.optimizers import muon


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
    """What our optimizer makes of it under a dtype policy."""
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

"""Identities of the fundamental equations."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from phistar.components.losses import (
    binary_log_prob,
    cross_entropy,
    hinge,
    linear_cross_entropy,
    log_partition,
    log_prob,
    margin,
)

LABELS = np.array([-1, 1, 1, -1])
SCORE = np.array([0.3, -2.0, 40.0, 1e4], dtype="float32")


def test_binary_log_prob_is_the_softmax_over_the_two_scores():
    two_scores = np.stack([-SCORE, SCORE], axis=-1)
    expected = log_prob(two_scores, (LABELS + 1) // 2)
    np.testing.assert_allclose(
        binary_log_prob(SCORE, LABELS), expected, rtol=1e-6, atol=1e-6
    )


def test_binary_probabilities_sum_to_one():
    total = ops.exp(binary_log_prob(SCORE, LABELS)) + ops.exp(
        binary_log_prob(SCORE, -LABELS)
    )
    np.testing.assert_allclose(total, 1.0, rtol=1e-6)


def test_hinge_is_zero_exactly_from_margin_one_on():
    score = np.array([0.5, 0.49, -0.5], dtype="float32")
    labels = np.array([1, 1, 1])
    np.testing.assert_allclose(margin(score, labels), [1.0, 0.98, -1.0], rtol=1e-6)
    np.testing.assert_allclose(hinge(score, labels), [0.0, 0.02, 2.0], atol=1e-6)


def test_log_prob_sums_to_one():
    logits = np.random.default_rng(0).normal(size=(5, 7)).astype("float32") * 30
    every_label = [ops.exp(log_prob(logits, np.full(5, k))) for k in range(7)]
    np.testing.assert_allclose(sum(every_label), 1.0, rtol=1e-5)


@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
def test_cross_entropy_equals_keras_on_dense_targets(label_smoothing):
    rng = np.random.default_rng(1)
    logits = rng.normal(size=(6, 4)).astype("float32")
    labels = rng.integers(0, 4, size=6)
    expected = keras.losses.categorical_crossentropy(
        np.eye(4, dtype="float32")[labels],
        logits,
        from_logits=True,
        label_smoothing=label_smoothing,
    )
    ours = cross_entropy(logits, labels, label_smoothing)
    np.testing.assert_allclose(ours, expected, rtol=1e-5)


def test_binary_log_prob_is_the_logistic_function_of_twice_the_score():
    score = np.array([0.25, -1.5, 3.0], dtype="float32")
    expected = -np.log(1 + np.exp(-2 * score.astype("float64")))
    np.testing.assert_allclose(binary_log_prob(score, np.ones(3)), expected, rtol=1e-6)


@pytest.mark.parametrize("extreme", [1e4, 1e30])
def test_log_prob_is_finite_for_extreme_scores(extreme):
    score = np.array([extreme, -extreme], dtype="float32")
    for labels in (np.array([1, 1]), np.array([-1, -1])):
        assert np.isfinite(binary_log_prob(score, labels)).all()
    logits = np.array([[extreme, -extreme, 0.0]] * 3, dtype="float32")
    assert np.isfinite(log_prob(logits, np.arange(3))).all()
    assert np.isfinite(log_partition(-logits)).all()


def test_log_prob_of_a_certain_mistake_is_minus_the_margin():
    # a loss from clipped probabilities would say 16.1
    score = np.array([-50.0], dtype="float32")
    np.testing.assert_allclose(binary_log_prob(score, np.array([1])), -100.0)


@pytest.mark.parametrize("num_labels", [2, 10, 1000])
def test_log_prob_of_equal_logits_is_minus_ln_k(num_labels):
    logits = np.full((1, num_labels), 3.0, dtype="float32")
    expected = -np.log(num_labels)
    np.testing.assert_allclose(log_prob(logits, np.array([0])), expected, rtol=1e-6)


def test_log_prob_does_not_change_with_a_constant_added():
    logits = np.random.default_rng(2).normal(size=(5, 4)).astype("float32")
    labels = np.array([0, 1, 2, 3, 0])
    expected = log_prob(logits, labels)
    np.testing.assert_allclose(log_prob(logits + 64, labels), expected, atol=1e-5)


def test_log_prob_takes_labels_over_time():
    logits = np.random.default_rng(3).normal(size=(2, 3, 5)).astype("float32")
    labels = np.array([[0, 1, 2], [3, 4, 0]])
    rows = log_prob(logits.reshape(6, 5), labels.reshape(6))
    together = ops.reshape(log_prob(logits, labels), 6)
    np.testing.assert_allclose(together, rows, rtol=1e-6)


def test_log_prob_keeps_large_labels_apart():
    # in bfloat16, 257 would be 256
    logits = np.zeros((2, 300), dtype="float32")
    logits[:, 257] = 50.0
    answer = ops.convert_to_numpy(log_prob(logits, np.array([257, 256])))
    np.testing.assert_allclose(answer, [0.0, -50.0], atol=1e-5)


def test_log_prob_refuses_one_hot_labels():
    with pytest.raises(ValueError, match="Received: labels.shape"):
        log_prob(np.zeros((2, 3), "float32"), np.eye(3)[:2])


def test_cross_entropy_without_smoothing_is_minus_log_prob():
    logits = np.random.default_rng(4).normal(size=(6, 4)).astype("float32")
    labels = np.array([0, 1, 2, 3, 0, 1])
    expected = -log_prob(logits, labels)
    np.testing.assert_allclose(cross_entropy(logits, labels), expected, rtol=1e-6)


def test_cross_entropy_smoothed_is_least_where_p_is_the_target():
    eps, num_labels = 0.2, 4
    target = np.full(num_labels, eps / num_labels)
    target[1] += 1 - eps
    logits = np.log(target)[None].astype("float32")
    entropy = -(target * np.log(target)).sum()
    least = cross_entropy(logits, np.array([1]), eps)
    np.testing.assert_allclose(least, entropy, rtol=1e-6)


@pytest.mark.parametrize("label_smoothing", [-0.1, 1.0])
def test_cross_entropy_refuses_smoothing_that_is_no_mass(label_smoothing):
    with pytest.raises(ValueError, match="Received: label_smoothing"):
        cross_entropy(np.zeros((1, 2), "float32"), np.array([0]), label_smoothing)


def test_cross_entropy_gradient_is_p_minus_target():
    logits = tf.random.stateless_normal((3, 4), seed=(0, 5))
    labels, eps = np.array([0, 3, 1]), 0.1
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = tf.reduce_sum(cross_entropy(logits, labels, eps))
    target = (1 - eps) * np.eye(4)[labels] + eps / 4
    expected = tf.nn.softmax(logits) - target
    np.testing.assert_allclose(tape.gradient(loss, logits), expected, atol=1e-6)


@pytest.mark.parametrize("eps", [0.0, 0.1])
def test_linear_cross_entropy_is_that_of_the_logits_and_so_are_its_gradients(eps):
    x = tf.random.stateless_normal((2, 3, 4), seed=(0, 6))
    embeddings = tf.Variable(3 * tf.random.stateless_normal((7, 4), seed=(0, 7)))
    labels = tf.constant([[0, 6, 1], [3, 3, 0]])
    weights = tf.constant([[0.5, 0.25, 0.0], [0.25, 1.0, 2.0]])
    found = []
    for direct in (True, False):
        with tf.GradientTape() as tape:
            tape.watch(x)
            if direct:
                losses = linear_cross_entropy(x, embeddings, labels, eps)
            else:
                logits = ops.matmul(x, ops.transpose(embeddings))
                losses = cross_entropy(logits, labels, eps)
            total = tf.reduce_sum(weights * losses)
        slopes = tape.gradient(total, [x, embeddings])
        found.append((losses, *(tf.convert_to_tensor(slope) for slope in slopes)))
    for ours, expected in zip(*found, strict=True):
        assert ours.shape == expected.shape
        np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-5)


def test_linear_cross_entropy_keeps_its_sum_in_float32_under_bfloat16():
    x = tf.cast(tf.random.stateless_normal((5, 4), seed=(0, 6)), "bfloat16")
    embeddings = 3 * tf.random.stateless_normal((700, 4), seed=(0, 7))
    labels = tf.constant([0, 699, 1, 3, 50])
    losses = linear_cross_entropy(x, embeddings, labels)
    logits = ops.matmul(tf.cast(x, "float32"), ops.transpose(embeddings))
    assert losses.dtype == "float32"
    np.testing.assert_allclose(losses, cross_entropy(logits, labels), rtol=1e-5)


@pytest.mark.parametrize("label_smoothing", [-0.1, 1.0])
def test_linear_cross_entropy_refuses_smoothing_that_is_no_mass(label_smoothing):
    x, rows = np.zeros((1, 2), "float32"), np.zeros((3, 2), "float32")
    with pytest.raises(ValueError, match=r"mass in \[0, 1\)"):
        linear_cross_entropy(x, rows, np.array([0]), label_smoothing)


def test_binary_log_prob_gradient_is_twice_the_label_times_p_of_the_other():
    score = tf.constant([0.3, -2.0, 60.0])
    labels = np.array([1, -1, -1])
    with tf.GradientTape() as tape:
        tape.watch(score)
        loss = tf.reduce_sum(binary_log_prob(score, labels))
    p_other = tf.sigmoid(-2.0 * labels * score)
    gradient = tape.gradient(loss, score)
    np.testing.assert_allclose(gradient, 2 * labels * p_other, rtol=1e-5)

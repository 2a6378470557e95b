"""Law: sum over y of P(y | x) is one, by calls of `log_prob` one by one."""

import itertools

import numpy as np


def test_log_prob_sums_to_one_over_the_labels(label_case):
    request, size = label_case.request(), label_case.num_decisions
    log_probs = np.stack(
        [
            label_case.ask("log_prob", **request, label=[name] * size)["log_prob"]
            for name in label_case.names
        ],
        axis=-1,
    )
    np.testing.assert_allclose(np.exp(log_probs).sum(axis=-1), 1.0, rtol=1e-5)
    predicted = label_case.predicted["log_probs"]
    np.testing.assert_allclose(log_probs, predicted, atol=1e-5)


def test_log_prob_is_never_positive(case):
    log_probs = case.following(case.request())
    assert log_probs.max() <= 0
    assert np.isfinite(log_probs).all()


def test_next_tokens_sum_to_one_and_are_those_of_the_scores(sequence_case):
    rng = np.random.default_rng(0)
    labels = sequence_case.data.split("test")[1]
    texts = [labels[row].tolist() for row in rng.integers(0, len(labels), 200)]
    rows = [text[: rng.integers(0, len(text))] for text in texts]
    following = sequence_case.by_token(rows)["next_log_probs"]
    np.testing.assert_allclose(np.exp(following).sum(axis=-1), 1, atol=1e-5)
    for row, expected in list(zip(rows, following, strict=True))[:5]:
        more = [[*row, token] for token in range(len(sequence_case.names))]
        both = sequence_case.by_token([row, *more])["log_prob"]
        np.testing.assert_allclose(both[1:] - both[0], expected, atol=1e-4)


def test_nothing_but_the_end_follows_the_end(sequence_case):
    following = sequence_case.by_token([[1, 0], [0], [1]])["next_log_probs"]
    assert (following[:2, 0] == 0).all()
    assert (following[:2, 1:] < -1e20).all()
    assert following[2, 0] < 0 and (following[2] > -1e20).all()


def test_every_sequence_and_what_has_not_ended_sum_to_one(toy):
    vocabulary, limit = range(1, len(toy.names)), 6  # beyond the context of 4
    assert len(toy.names) <= 5
    total = 0.0
    for length in range(limit):
        rows = [[*row, 0] for row in itertools.product(vocabulary, repeat=length)]
        total += np.exp(toy.by_token(rows)["log_prob"]).sum()
    rows = [list(row) for row in itertools.product(vocabulary, repeat=limit)]
    not_ended = np.exp(toy.by_token(rows)["log_prob"]).sum()
    assert 1e-3 < not_ended < 0.999
    assert abs(total + not_ended - 1) < 1e-5

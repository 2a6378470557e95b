"""Law: `predict` (and `serving_default`) answers the most probable label, its ln P."""

import numpy as np


def names_of(answer):
    """Labels of an answer.  bytes [...] -> str [...]."""
    return np.char.decode(answer.astype("S"), "utf-8")


def test_predict_label_is_the_most_probable(case):
    best = case.predicted["log_probs"].argmax(axis=-1)
    expected = [case.names[i] for i in best]
    assert names_of(case.predicted["label"]).tolist() == expected
    np.testing.assert_array_equal(
        case.predicted["log_prob"], case.predicted["log_probs"].max(axis=-1)
    )


def test_predict_log_prob_is_that_of_log_prob(case):
    label = case.predicted["label"]
    answer = case.ask("log_prob", **case.request(), label=label)
    np.testing.assert_allclose(
        answer["log_prob"], case.predicted["log_prob"], atol=1e-5
    )


def test_predict_labels_are_the_label_space_in_every_row(case):
    labels = names_of(case.predicted["labels"])
    assert labels.tolist() == [list(case.names)] * case.num_test


def test_serving_default_equals_predict(case):
    answer = case.ask("serving_default", **case.request())
    assert answer.keys() == case.predicted.keys()
    for name, values in answer.items():
        np.testing.assert_array_equal(values, case.predicted[name])

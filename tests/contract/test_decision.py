"""Law: `predict` answers what is most probable, and its ln P; by default as stated."""

import numpy as np


def names_of(answer):
    """Labels of an answer.  bytes [...] -> str [...]."""
    return np.char.decode(answer.astype("S"), "utf-8")


def test_predict_label_is_the_most_probable(label_case):
    predicted = label_case.predicted
    best = predicted["log_probs"].argmax(axis=-1)
    expected = [label_case.names[i] for i in best]
    assert names_of(predicted["label"]).tolist() == expected
    np.testing.assert_array_equal(
        predicted["log_prob"], predicted["log_probs"].max(axis=-1)
    )


def test_predict_labels_are_the_label_space_in_every_row(label_case):
    labels = names_of(label_case.predicted["labels"])
    assert labels.tolist() == [list(label_case.names)] * label_case.num_decisions


def test_predict_says_the_most_probable_token_each_time(sequence_case):
    case = sequence_case
    request = case.request(slice(0, 6))
    answer = case.ask("predict", **request, **case.limits("predict"))
    for row, x in enumerate(request[case.x_name]):
        tokens = answer["tokens"][row, : answer["lengths"][row]].tolist()
        before = [tokens[:n] for n in range(len(tokens))]
        following = case.by_token(before, x)["next_log_probs"]
        assert following.argmax(axis=-1).tolist() == tokens


def test_log_prob_of_what_was_predicted_or_drawn_is_that_of_log_prob(case):
    request = case.request()
    drawn = case.draw(request, seed=np.arange(len(case.test_nll)), temperature=1.3)
    for answer in (case.predicted, drawn):
        scored = case.score(request, answer)
        np.testing.assert_allclose(scored, answer["log_prob"], atol=1e-4)


def test_serving_default_is_predict_with_the_stated_knobs(case):
    request = case.request(slice(0, 20))
    stated = case.contract.get("serving_default", {})
    knobs = {name: value for name, value in stated.items() if name != "decoding"}
    answer = case.ask("serving_default", **request)
    expected = case.ask("predict", **request, **knobs)
    assert answer.keys() == expected.keys()
    for name, values in answer.items():
        np.testing.assert_array_equal(values, expected[name])

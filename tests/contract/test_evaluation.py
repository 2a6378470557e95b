"""Law: what was measured is what is served."""

import numpy as np


def test_log_prob_of_the_test_examples_is_minus_the_reported_nll(case):
    answer = case.ask("log_prob", **case.examples())
    np.testing.assert_allclose(answer["log_prob"], -case.test_nll, atol=1e-4)


def test_nll_is_the_mean_over_all_decisions(case):
    assert case.metrics["test_n"] == case.num_decisions
    mean = case.test_nll.sum() / case.num_decisions
    np.testing.assert_allclose(case.metrics["test_nll"], mean, rtol=1e-6)


def test_accuracy_is_that_of_the_served_answers(label_case):
    labels = np.char.encode(label_case.test_labels, "utf-8")
    right = label_case.predicted["label"] == labels
    np.testing.assert_allclose(label_case.metrics["test_accuracy"], right.mean())


def test_log_prob_of_a_text_is_that_of_its_tokens(sequence_case):
    case = sequence_case
    labels, examples = case.data.split("test")[1], case.examples()
    by_text = case.ask("log_prob", **examples)
    rows = [labels[row].tolist() for row in range(len(labels))]
    by_token = case.by_token(rows, examples[case.x_name])
    for name, values in by_text.items():
        if name in by_token:
            np.testing.assert_allclose(values, by_token[name], atol=1e-4)
    for row, tokens in enumerate(rows):
        assert by_text["tokens"][row, : by_text["lengths"][row]].tolist() == tokens


def test_texts_of_test_need_windows(text_case):
    # else the protocol of texts longer than what is read at once would go untested
    longest = text_case.data.split("test")[1].lengths.max()
    assert longest > text_case.contract["context"]

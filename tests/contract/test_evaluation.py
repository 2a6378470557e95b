"""Law: what was measured is what is served."""

import json
from pathlib import Path

import numpy as np


def test_log_prob_of_the_test_labels_is_minus_the_reported_nll(case):
    answer = case.ask("log_prob", **case.request(), label=case.test_labels)
    nll = np.load(Path(case.folders.report) / "test_nll.npy")
    assert nll.shape == (case.num_test,)
    np.testing.assert_allclose(answer["log_prob"], -nll, atol=1e-4)


def test_metrics_are_those_of_the_served_answers(case):
    metrics = json.loads((Path(case.folders.report) / "metrics.json").read_text())
    nll = np.load(Path(case.folders.report) / "test_nll.npy")
    np.testing.assert_allclose(metrics["test_nll"], nll.mean(), rtol=1e-6)
    right = case.predicted["label"] == np.char.encode(case.test_labels, "utf-8")
    np.testing.assert_allclose(metrics["test_accuracy"], right.mean())
    assert metrics["test_n"] == case.num_test

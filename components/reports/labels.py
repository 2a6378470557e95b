"""The shared part of the binary and multiclass reports: a label is one of K names."""

import numpy as np

from components import progress
from components.data.splits import SPLITS
from components.metrics import floors, nll, reliability
from components.reports import plots
from components.reports.base import Report, golden

GOLDEN = 32  # test examples that go with the export, with their ln P
CLEAR = 1e-3  # nats between two labels: below it, rounding may change the decision


def report(task, data, network, scale, encoder, num_bins, metrics_of, figures_of=None):
    """Score every split with P.

    Args:
        task: Binary or Multiclass.
        data: Dataset.
        network: Network.
        scale: the factor of the logits before P is taken.
        encoder: of the raw inputs, like Columns or Images.
        num_bins: bins of the calibration error and of the reliability diagram.
        metrics_of: function of (LabelSpace, logits, labels) -> dict of float, the
            task's own metrics of a split.
        figures_of: the same of test -> dict of Figure; None for no other figures.

    Returns:
        Report.
    """
    metrics = {}
    for split in SPLITS:
        progress.doing(f"scoring {split}")
        inputs, labels = data.split(split)
        labels = np.asarray(labels)
        logits = network.logits(inputs)
        # P is that of scale x logits; the decision does not depend on the scale
        calibrated = scale * logits
        log_probs = np.asarray(task.log_probs(calibrated))
        log_prob = np.asarray(task.log_prob(calibrated, labels))
        index = data.space.index(labels)
        ece, bins = reliability(log_probs, index, num_bins)
        measured = {
            **nll(log_prob),
            **floors(index, data.description["train_counts"]),
            **metrics_of(data.space, logits, labels),
            "ece": ece,
        }
        metrics |= {f"{split}_{name}": value for name, value in measured.items()}
    # the last split is test: the rest of the report is about it
    names = data.space.names
    decision = np.asarray(task.predict(logits))
    figures = {
        "confusion_matrix": plots.confusion_matrix(index, decision, names),
        "reliability": plots.reliability(bins, metrics["test_ece"]),
        **(figures_of(data.space, logits, labels) if figures_of else {}),
    }
    rows = slice(0, GOLDEN)
    request = encoder.request(data.raw(), rows)
    scored = request | {"label": np.array(names)[index[rows]]}
    answer = {"log_probs": log_probs[rows]}
    second, first = np.sort(log_probs[rows], axis=1)[:, -2:].T  # [GOLDEN] each
    if (first - second).min() > CLEAR:
        answer["label"] = np.array(names)[decision[rows]]
    requests = golden("log_prob", scored, {"log_prob": log_prob[rows]})
    requests |= golden("predict", request, answer)
    return Report(metrics, -log_prob, requests, figures)

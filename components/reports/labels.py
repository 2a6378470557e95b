"""The report of a task whose label is one of K names."""

import numpy as np

from components.data.splits import SPLITS
from components.metrics import floors, nll, reliability
from components.reports import plots
from components.reports.base import Report

GOLDEN = 32  # test examples that go with the export, with their ln P
CLEAR = 1e-3  # nats between two labels: a nearer decision may be another by rounding


def report(task, data, network, scale, encoder, num_bins):
    """Score every split with P.

    Args:
        task: Binary or Multiclass.
        data: Dataset.
        network: Network.
        scale: what the logits are multiplied by before P is taken.
        encoder: Columns or Images.
        num_bins: bins of the calibration error and of the reliability diagram.

    Returns:
        Report.
    """
    metrics, scored = {}, {}
    for split in SPLITS:
        inputs, labels = data.split(split)
        labels = np.asarray(labels)
        logits = network.logits(inputs)
        # P is taken of scale x logits; the decision does not depend on the scale
        calibrated = scale * logits
        log_probs = np.asarray(task.log_probs(calibrated))
        log_prob = np.asarray(task.log_prob(calibrated, labels))
        index = data.space.index(labels)
        ece, bins = reliability(log_probs, index, num_bins)
        measured = {
            **nll(log_prob),
            **floors(index, data.description["train_counts"]),
            **task.metrics(logits, labels),
            "ece": ece,
        }
        metrics |= {f"{split}_{name}": value for name, value in measured.items()}
        scored[split] = (logits, labels, log_probs, log_prob, index, bins)

    logits, labels, log_probs, log_prob, index, bins = scored["test"]
    names = data.space.names
    decision = np.asarray(task.predict(logits))
    figures = {
        "confusion_matrix": plots.confusion_matrix(index, decision, names),
        "reliability": plots.reliability(bins, metrics["test_ece"]),
        **task.figures(logits, labels),
    }
    rows = slice(0, GOLDEN)
    request = encoder.request(data.raw(), rows)
    inputs = {name: plain(values) for name, values in request.items()}
    golden = {
        **{f"log_prob/in/{name}": values for name, values in inputs.items()},
        "log_prob/in/label": plain(np.array(names)[index[rows]]),
        "log_prob/out/log_prob": log_prob[rows],
        **{f"predict/in/{name}": values for name, values in inputs.items()},
        "predict/out/log_probs": log_probs[rows],
    }
    second, first = np.sort(log_probs[rows], axis=1)[:, -2:].T
    if (first - second).min() > CLEAR:
        golden["predict/out/label"] = plain(np.array(names)[decision[rows]])
    return Report(metrics, -log_prob, golden, figures)


def plain(values):
    """Strings as bytes of one width, since object arrays would need pickle."""
    if values.dtype.kind == "U":
        return np.char.encode(values, "utf-8")
    return values.astype("S") if values.dtype.kind == "O" else values

"""The report of the task multiclass: K labels, K logits."""

import numpy as np

from phistar.components.metrics import accuracy, top_accuracy
from phistar.components.reports import labels


def report(task, data, network, scale, encoder, *, num_bins, **_):
    """Metrics, figures and the golden batch; see components/reports/labels.py.

    Returns:
        Report.
    """
    return labels.report(task, data, network, scale, encoder, num_bins, metrics)


def metrics(space, logits, labels, weights=None):
    """Metrics of a split beside nll, floors and calibration.

    Args:
        space: LabelSpace, K names.
        logits: float [N, K].
        labels: int [N], 0 ... K-1.
        weights: float [N] or None, how much each row counts.

    Returns:
        dict of name -> float: accuracy with its interval; top5 if K > 5.
    """
    logits = np.asarray(logits)
    result = accuracy(logits.argmax(axis=-1) == labels, weights)
    if space.size > 5:
        result["top5"] = top_accuracy(logits, labels, 5, weights)
    return result

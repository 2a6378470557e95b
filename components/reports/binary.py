"""The report of the task binary: two labels, one score."""

import numpy as np

from components.metrics import accuracy, auroc
from components.reports import labels, plots


def report(task, data, network, scale, encoder, *, num_bins, **_):
    """Metrics, figures and the golden batch; see components/reports/labels.py.

    Returns:
        Report.
    """
    return labels.report(
        task, data, network, scale, encoder, num_bins, metrics, figures
    )


def metrics(space, logits, labels):
    """Metrics of a split beside nll, floors and calibration.

    Args:
        space: LabelSpace.
        logits: float [N, 1], unscaled.
        labels: int [N], -1 or +1.

    Returns:
        dict of name -> float: accuracy with its interval, auroc.
    """
    score = np.asarray(logits)[:, 0]
    correct = np.where(score >= 0, 1, -1) == labels
    return {**accuracy(correct), "auroc": auroc(score, labels)}


def figures(space, logits, labels):
    """Both losses over the margins m = 2 y s(x) of test.

    Args:
        space, logits, labels: see `metrics`.

    Returns:
        dict of name -> matplotlib Figure.
    """
    margin = 2.0 * labels * logits[:, 0]
    return {"margin": plots.margin(margin, space.index(labels), space.names)}

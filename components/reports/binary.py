"""The report of the task binary: two labels, one score."""

import functools

import numpy as np

from phistar.components.metrics import accuracy, auroc
from phistar.components.reports import labels
from phistar.components.reports.plots import scores


def report(task, data, network, scale, encoder, *, loss, num_bins, **_):
    """Metrics, figures and the golden batch; see components/reports/labels.py.

    Returns:
        Report.
    """
    drawn = functools.partial(figures, loss=loss, scale=scale)
    return labels.report(task, data, network, scale, encoder, num_bins, metrics, drawn)


def metrics(space, logits, labels, weights=None):
    """Metrics of a split beside nll, floors and calibration.

    Args:
        space: LabelSpace.
        logits: float [N, 1], unscaled.
        labels: int [N], -1 or +1.
        weights: float [N] or None, how much each row counts.

    Returns:
        dict of name -> float: accuracy with its interval, auroc.
    """
    score = np.asarray(logits)[:, 0]
    correct = np.where(score >= 0, 1, -1) == labels
    return {**accuracy(correct, weights), "auroc": auroc(score, labels, weights)}


def figures(space, logits, labels, loss, scale):
    """Margins m = 2 y s(x) of test; ROC, precision and recall if both labels occur.

    Args:
        space, logits, labels: see `metrics`.
        loss: name of the one that was minimised.
        scale: the factor of the logits before P is taken.

    Returns:
        dict of name -> matplotlib Figure.
    """
    score, index = np.asarray(logits)[:, 0], space.index(labels)
    drawn = {
        "margin": scores.margin(2 * labels * score, index, space.names, loss, scale)
    }
    if len(np.unique(labels)) == 2:
        given = score, labels, space.names[1]
        drawn["roc"] = scores.roc(*given)
        drawn["precision_recall"] = scores.precision_recall(*given)
    return drawn

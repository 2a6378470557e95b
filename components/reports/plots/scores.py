"""Figures of the scores of two labels: margins, ROC, precision and recall."""

import numpy as np

from phistar.components.reports.plots.calibration import unit_square
from phistar.components.reports.plots.style import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    legend,
    shown,
    styled,
    subplots,
)


@styled
def margin(values, label_index, names, loss, scale):
    """Both losses over the margin, above the margins of test.

    Args:
        values: float [N], m = 2 y s(x) of the test examples, unscaled.
        label_index: int [N], positions in `names`.
        names: (negative, positive).
        loss: name of the one that was minimised, "logistic" or "hinge".
        scale: a of P = 1 / (1 + e^(-a m)).

    Returns:
        Figure.

    Source: D. McAllester, "The Fundamental Equations of Deep Learning".
    """
    wrong = int((values < 0).sum())
    title = f"Margins, {wrong:,} of {len(values):,} test examples on the wrong side"
    figure, (top, bottom) = subplots(
        title, 6.6, 5.4, 2, sharex=True, height_ratios=(1, 1)
    )
    low, high = min(-4.0, values.min()), max(6.0, np.quantile(values, 0.99))
    m = np.linspace(low, high, 400)
    curves = {
        "logistic": ("ln(1 + e⁻ᵐ)", np.logaddexp(0, -m), BLUE),
        "hinge": ("max(0, 1 - m)", np.maximum(0, 1 - m), ORANGE),
    }
    for name, (equation, values_of, color) in curves.items():
        trained = name == loss
        top.plot(
            m,
            values_of,
            color=color,
            linewidth=2.5 if trained else 1,
            linestyle="-" if trained else "--",
            label=f"{name}, {equation}" + (" (trained)" if trained else ""),
        )
    if loss == "hinge":
        fitted = f"-ln P, a fitted on valid: ln(1 + e⁻ᵃᵐ), a = {scale:.3g}"
        top.plot(m, np.logaddexp(0, -scale * m), ":", color="black", label=fitted)
    top.set(ylabel="loss of one example", ylim=(0, None))
    legend(top, 2)
    width = (high - low) / 48
    # 0 is an edge: what is left of it is wrong
    bins = width * np.arange(np.floor(low / width), np.ceil(high / width) + 1)
    clipped = np.clip(values, low, high)  # the tail is counted in the last bin
    groups = [clipped[label_index == i] for i in range(2)]
    labels = [
        f"y = {sign}1, {shown(name)} (n = {len(group):,})"
        for sign, name, group in zip("-+", names, groups, strict=True)
    ]
    bottom.hist(groups, bins, stacked=True, label=labels, color=[GREEN, PURPLE])
    bottom.set(
        xlabel="margin m = 2 y s(x); below 0 the decision is wrong",
        ylabel="test examples",
        xlim=(bins[0], bins[-1]),
    )
    legend(bottom, 2)
    for axes in (top, bottom):
        axes.axvline(0, color=GREY, linewidth=0.8)
    return figure


@styled
def roc(score, labels, positive):
    """True positive rate over false positive rate, for every threshold.

    Args:
        score: float [N].
        labels: int [N], -1 or +1; both occur.
        positive: name of +1.

    Returns:
        Figure.
    """
    from sklearn.metrics import auc, roc_curve

    false, true, _ = roc_curve(labels == 1, score)
    figure, axes = subplots(
        f"ROC curve, {len(labels):,} test examples", 4.7, 5.4, fixed=True
    )
    name = f"network, area under it {auc(false, true):.4f}"
    axes.plot(false, true, color=BLUE, clip_on=False, label=name)
    at_zero(axes, *decided(score, labels, "roc"))
    axes.plot([0, 1], [0, 1], "--", color=GREY, linewidth=1, label="guessing, 0.5")
    unit_square(axes)
    negatives, positives = (int((labels == sign).sum()) for sign in (-1, 1))
    axes.set(
        xlabel=f"share of the {negatives:,} negatives decided as positive",
        ylabel=f"share of the {positives:,} positives ({shown(positive)}) found",
    )
    legend(axes, 1)
    return figure


@styled
def precision_recall(score, labels, positive):
    """Precision over recall, for every threshold.

    Args:
        score: float [N].
        labels: int [N], -1 or +1; both occur.
        positive: name of +1.

    Returns:
        Figure.
    """
    from sklearn.metrics import average_precision_score, precision_recall_curve

    true = labels == 1
    precision, recall, _ = precision_recall_curve(true, score)
    average = average_precision_score(true, score)
    title = f"Precision and recall, {len(labels):,} test examples"
    figure, axes = subplots(title, 4.7, 5.4, fixed=True)
    name = f"network, average precision {average:.4f}"
    style = {"color": BLUE, "clip_on": False, "label": name}
    axes.step(recall, precision, where="post", **style)
    at_zero(axes, *decided(score, labels, "precision_recall"))
    prior, line = true.mean(), {"color": GREY, "linewidth": 1, "linestyle": "--"}
    axes.axhline(prior, label=f"guessing, {prior:.3g}", **line)
    unit_square(axes)
    axes.set(
        xlabel=f"recall: share of the {int(true.sum()):,} positives found",
        ylabel=f"precision: share of decisions for {shown(positive)} that are right",
    )
    legend(axes, 1)
    return figure


def decided(score, labels, curve):
    """The point of a curve where the network decides, score >= 0.

    Args:
        score, labels: see `roc`.
        curve: "roc" or "precision_recall".

    Returns:
        (x, y), y is nan for a precision without any positive decision.
    """
    chosen, true = score >= 0, labels == 1
    found = (chosen & true).sum() / true.sum()
    if curve == "roc":
        return (chosen & ~true).sum() / (~true).sum(), found
    return found, (chosen & true).sum() / chosen.sum() if chosen.any() else np.nan


def at_zero(axes, x, y):
    """Mark the decision of the network, s(x) >= 0."""
    style = {"color": ORANGE, "markersize": 7, "clip_on": False, "zorder": 4}
    axes.plot(x, y, "o", label="its decision, s(x) ≥ 0", **style)

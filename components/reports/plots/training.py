"""The figure of a training."""

import numpy as np

from phistar.components.reports.plots.style import (
    BLUE,
    GREY,
    ORANGE,
    legend,
    plain_log,
    styled,
    subplots,
)

WIDE = 8  # from this ratio of the largest to the least value on, the axis is a log one
CUT = 1.25  # an interval may exceed the largest value by this factor, no more
FEW = 40  # evaluations that are drawn as dots, too


@styled
def learning_curves(history, floors, unit):
    """Loss on train and valid_nll over steps, beside the floors of valid.

    Hinge loss is not in nats, so it has its own axes.

    Args:
        history: content of history.json.
        floors: name -> nats, of models that do not read x.
        unit: "label" or "token".

    Returns:
        Figure.
    """
    hinge = history["loss"] == "hinge"
    figure, axes = subplots(
        "Learning curves",
        6.6,
        5.0 if hinge else 3.8,
        2 if hinge else 1,
        sharex=True,
        squeeze=False,
        height_ratios=(3, 2) if hinge else None,
    )
    top, bottom = axes[0, 0], axes[-1, 0]
    step, valid = history["step"], history["valid_nll"]
    marker = "." if len(step) <= FEW else ""
    style = {"marker": marker, "color": BLUE, "linewidth": 1.2}
    bottom.plot(step, history["train_loss"], label=train_name(history), **style)
    top.plot(step, valid, marker=marker, color=ORANGE, label="valid, -ln P")
    kept_step, kept_value, kept = best(history)
    top.plot(kept_step, kept_value, "o", color=ORANGE, mec="black", ms=7, label=kept)
    top.axvline(kept_step, color=ORANGE, linewidth=0.8, linestyle=":")
    drawn = [valid] if hinge else [valid, history["train_loss"]]
    limits(top, np.concatenate(drawn), [], floors)
    top.set_ylabel(f"nats per {unit}")
    if hinge:
        bottom.set_ylabel("hinge loss, no unit")
        bottom.set_ylim(bottom=0)
        legend(bottom)
    legend(top, 3)
    bottom.set_xlim(0, 1.02 * step[-1])
    bottom.set_xlabel("step (updates of the weights)")
    return figure


def train_name(history):
    """The loss on train, in words."""
    if history["label_smoothing"]:
        return f"train, labels smoothed by {history['label_smoothing']:g}"
    if history["loss"] == "hinge":
        return "train, max(0, 1 - m)"
    return "train, -ln P"


def best(history):
    """The step whose weights were kept.

    Returns:
        (step, its valid_nll, a sentence).
    """
    step, valid = history["step"], history["valid_nll"]
    least, mean = int(np.argmin(valid)), history["average_nll"]
    if mean is not None and mean < valid[least]:
        return step[-1], mean, f"kept: mean of the last weights, {mean:.4g}"
    return step[least], valid[least], f"kept: step {step[least]}, {valid[least]:.4g}"


def limits(axes, values, ends, floors):
    """Limit the y axis to the curves and the prior, and draw the floors.

    A floor outside is a word in the legend, so that it does not flatten the curves.

    Args:
        axes: Axes.
        values: float, of all curves.
        ends: float, of their intervals; those of a bin of few may be cut.
        floors: name -> nats; "prior" is one.
    """
    inside = np.append(values[np.isfinite(values)], floors["prior"])
    low, high = inside.min(), inside.max()
    if low > 0 and high / low > WIDE:
        axes.set_yscale("log")
        plain_log(axes.yaxis)
        low, high = low / 1.2, high * 1.2
    else:
        # no comparison holds for nan
        inside = [low, high, *(end for end in ends if 0 < end < CUT * high)]
        low, high = min(inside), max(inside)
        room = 0.06 * (high - low) or 0.1
        low, high = max(0, low - room), high + room
    for (name, value), style in zip(floors.items(), ("--", "-."), strict=False):
        text = f"{name} {value:.4g}"
        text += " (above)" if value > high else " (below)" if value < low else ""
        axes.axhline(value, color=GREY, linestyle=style, linewidth=1, label=text)
    axes.set_ylim(low, high)

"""The figure of calibration, and the parts of figures of probabilities."""

import numpy as np

from phistar.components.metrics import wilson
from phistar.components.reports.plots.style import (
    BLUE,
    GREY,
    legend,
    plain_log,
    styled,
    subplots,
)

NUMBERED = 12  # bins of a strip that have their n written


def unit_square(axes):
    """Make both axes 0 to 1, as long as each other, so that figures can be compared."""
    ticks = np.linspace(0, 1, 6)
    axes.set(xlim=(0, 1), ylim=(0, 1), xticks=ticks, yticks=ticks)
    axes.set_box_aspect(1)


@styled
def reliability(rows, ece, num_labels, num_bins):
    """Accuracy over confidence with 95 % Wilson intervals, above the n of each bin.

    Args:
        rows: list of (n, confidence, accuracy), of the bins that are not empty.
        ece: float.
        num_labels: K; no confidence is less than 1 / K.
        num_bins: bins of equal width in 1/K ... 1.

    Returns:
        Figure.
    """
    count, confidence, accuracy = np.array(rows).T
    interval = np.array([wilson(share, n) for n, _, share in rows]).T  # [2, bins]
    title = f"Reliability on test, calibration error {ece:.4f}"
    figure, (top, bottom) = subplots(
        title, 4.7, 6.2, 2, fixed=True, sharex=True, height_ratios=(5, 1)
    )
    line = {"color": GREY, "linewidth": 1, "linestyle": "--"}
    top.plot([0, 1], [0, 1], label="perfectly calibrated", **line)
    top.errorbar(
        confidence,
        accuracy,
        np.abs(interval - accuracy),
        fmt="o",
        color=BLUE,
        elinewidth=1,
        capsize=2,
        clip_on=False,  # a dot on the frame is a whole one
        zorder=3,
        label="test, 95 % interval",
    )
    unit_square(top)
    top.set_ylabel("share of right decisions")
    legend(top, 2)
    low = 1 / num_labels
    width = (1 - low) / num_bins
    number = np.clip((confidence - low) // width, 0, num_bins - 1)
    strip(bottom, low + (number + 0.5) * width, count, 0.94 * width)
    bottom.set_box_aspect(0.2)
    bottom.set_xlabel("confidence: P of the decision")
    return figure


def strip(axes, middle, count, width):
    """Draw the n of each bin as bars: with its number, or on a log scale.

    Args:
        axes: Axes.
        middle: float [bins], in the unit of x.
        count: int [bins].
        width: float or float [bins], of the bars.
    """
    axes.bar(middle, count, width, color="0.75")
    axes.set_ylabel("n")
    axes.grid(False)
    if len(count) > NUMBERED:
        # so that a bin of few is seen beside one of many
        axes.set_yscale("log")
        axes.set_ylim(0.7, 1.5 * max(count))
        plain_log(axes.yaxis)
    else:
        axes.margins(y=0.3)
        axes.set_yticks([])
        for x, n in zip(middle, count, strict=True):
            axes.annotate(
                f"{n:.0f}",
                (x, n),
                (0, 1.5),
                textcoords="offset points",
                ha="center",
                fontsize=7,
            )

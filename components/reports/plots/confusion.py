"""The figure of decisions by label."""

import numpy as np

from phistar.components.reports.plots.style import shown, styled, subplots

# Labels that a figure has room for. It grows with them: 1,000 would make 54,000 pixels
# a side.
NAMED_LABELS = 40
IMAGE = 6  # inches of a side without names
PERCENT_LABELS = 14  # up to so many, a cell also has its share of the row
SMALLEST = 4.5  # points; numbers that need smaller letters are left out
WHITE_FROM = 0.55  # share from which on text on the colour is white


@styled
def confusion_matrix(label_index, decision, names):
    """Counts of test examples by label (rows) and decision (columns).

    The colour is the share of the row, so a rare label is seen as well as a common one.

    Args:
        label_index, decision: int [N], positions in `names`.
        names: K names.

    Returns:
        Figure; of more than NAMED_LABELS an image without names and numbers.
    """
    size = len(names)
    counts = np.zeros((size, size), int)
    np.add.at(counts, (label_index, decision), 1)
    shares = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    cell = 0.8 if size < 4 else 0.56 if size <= PERCENT_LABELS else 0.27  # inches
    side = cell * size if size <= NAMED_LABELS else IMAGE
    title = f"Confusion matrix, {len(decision):,} test examples"
    figure, axes = subplots(title, side + 2, side + 1.4, fixed=True)
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, interpolation="nearest")
    axes.set(xlabel="decision", ylabel="label")
    axes.grid(False)
    axes.spines[:].set_visible(False)
    bar = figure.colorbar(image, ax=axes, shrink=0.8, aspect=25, pad=0.03)
    bar.set_label("share of the row (of the label)")
    bar.outline.set_visible(False)
    if size > NAMED_LABELS:
        axes.set(xlabel="decision, number of the label", ylabel="label, its number")
        return figure
    label_ticks(axes, [shown(name) for name in names], cell)
    axes.tick_params(length=0)
    between = np.arange(1, size) - 0.5
    white = {"color": "white", "linewidth": 1}
    axes.hlines(between, -0.5, size - 0.5, **white)
    axes.vlines(between, -0.5, size - 0.5, **white)
    write_numbers(axes, counts, shares, cell)
    return figure


def label_ticks(axes, names, cell):
    """Write the names of the labels beside their rows and under their columns.

    Args:
        axes: Axes.
        names: list of str.
        cell: inches of a column.
    """
    points = 9 if len(names) <= 20 else 7.5
    axes.set_xticks(range(len(names)), names, fontsize=points)
    axes.set_yticks(range(len(names)), names, fontsize=points)
    if 0.65 * points * max(map(len, names)) > 72 * cell:
        # the end of a turned name, not its middle, is under the column
        turned = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
        for label in axes.get_xticklabels():
            label.set(**turned)


def write_numbers(axes, counts, shares, cell):
    """Write count and share into the cells that are not empty, where they fit.

    Args:
        axes: Axes.
        counts: int [K, K].
        shares: float [K, K], of the rows.
        cell: inches of a side.
    """
    widest = max(2, len(str(counts.max())))
    points = min(9.0, 0.85 * 72 * cell / (0.64 * widest))
    if points < SMALLEST:
        return
    for row, column in zip(*counts.nonzero(), strict=True):
        text = str(counts[row, column])
        if len(counts) <= PERCENT_LABELS:
            text += f"\n{shares[row, column]:.1%}"
        color = "white" if shares[row, column] > WHITE_FROM else "black"
        size = min(points, 8.0 if "\n" in text else 7.0)
        axes.text(
            column, row, text, ha="center", va="center", color=color, fontsize=size
        )

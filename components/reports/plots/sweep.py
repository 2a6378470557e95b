"""The figures of a sweep: its trials as lines over the keys, and the keys' shares."""

from typing import NamedTuple

import numpy as np

from phistar.components.reports.plots.style import (
    BLUE,
    GREY,
    ORANGE,
    shown,
    styled,
    subplots,
)

COLUMN, HEIGHT = 1.5, 4.2  # inches
WIDE = (
    8  # from this ratio of the largest to the least valid_nll on, its axis is a log one
)
TICKS = 5  # of a range
MOST_WORDS = 12  # of a list that are written beside its axis
ROOM = 0.06  # above and below the outermost words of a list
COLOURS = "viridis_r"


class Axis(NamedTuple):
    """One upright axis.

    Args:
        name: below it.
        values: [N], of each trial: float, or the words of a list.
        words: of a list, the lowest first; () for numbers.
        log: True for a log scale.
    """

    name: str
    values: list
    words: tuple = ()
    log: bool = False


@styled
def parallel_coordinates(axes, nll, best):
    """Each trial as a line over one upright axis for each key, and one for valid_nll.

    The darker a line, the lower its valid_nll. Trials without one, that were pruned,
    are grey.

    Args:
        axes: list of Axis, with N values each.
        nll: float [N], valid_nll, nats per label; NaN of a pruned trial.
        best: int, the position of the best trial.

    Returns:
        Figure.
    """
    nll = np.asarray(nll, "float64")
    known = np.isfinite(nll)
    log = bool(nll[known].min() > 0 and nll[known].max() > WIDE * nll[known].min())
    every = [*axes, Axis("valid_nll", nll.tolist(), (), log)]
    title = f"Parallel coordinates, {len(nll)} trials"
    figure, plot = subplots(title, max(5.0, COLUMN * len(every)), HEIGHT)
    heights = np.stack([height(axis) for axis in every], axis=1)  # [N, keys + 1]
    order = np.argsort(np.argsort(-nll[known])) / max(1, known.sum() - 1)  # 1: the best
    colours = np.full((len(nll), 4), 0.75)
    from matplotlib import colormaps

    colours[known] = colormaps[COLOURS](0.15 + 0.85 * order)
    place = np.arange(len(every))
    worst_first = [i for i in np.argsort(np.where(known, -nll, -np.inf)) if i != best]
    for i in worst_first:
        width = 1.2 if known[i] else 0.7
        plot.plot(place, heights[i], color=colours[i], linewidth=width, alpha=0.8)
    label = f"the best, valid_nll {nll[best]:.4g}"
    plot.plot(
        place, heights[best], color=ORANGE, linewidth=2.5, marker="o", label=label
    )
    for x, axis in enumerate(every):
        plot.axvline(x, color="0.3", linewidth=0.8, zorder=3)
        for y, text in ticks(axis):
            box = {"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 0.5}
            plot.text(x - 0.03, y, text, ha="right", va="center", bbox=box, zorder=4)
    plot.set_xticks(place, [shown(axis.name) for axis in every])
    plot.set_yticks([])
    plot.set(xlim=(-0.7, len(every) - 0.9), ylim=(-0.03, 1.03))
    plot.grid(False)
    plot.spines[:].set_visible(False)
    plot.legend(loc="lower left", bbox_to_anchor=(0, 1))
    return figure


def height(axis):
    """Height of each trial on an axis, 0 ... 1; NaN where it has no value.  -> [N]"""
    return scale(axis, axis.values)


def scale(axis, values):
    """Heights of values of an axis, 0 ... 1.  [M] -> float [M]"""
    if axis.words:
        spread = np.linspace(ROOM, 1 - ROOM, len(axis.words))
        if len(axis.words) == 1:
            spread = np.array([0.5])
        return np.array([spread[axis.words.index(value)] for value in values])
    low, high = ends(axis)
    found = np.asarray(values, "float64")
    if axis.log:
        found, low, high = np.log(found), np.log(low), np.log(high)
    return (found - low) / ((high - low) or 1)


def ends(axis):
    """The least and the largest value of an axis of numbers.  -> (float, float)"""
    found = np.asarray(axis.values, "float64")
    return np.nanmin(found), np.nanmax(found)


def ticks(axis):
    """The words beside an axis.  -> list of (height, text)"""
    if axis.words:
        step = -(-len(axis.words) // MOST_WORDS)
        words = axis.words[::step]
        return list(zip(scale(axis, words), map(shown, words), strict=True))
    low, high = ends(axis)
    if low == high:
        return [(0.0, f"{low:.4g}")]
    spread = np.geomspace if axis.log else np.linspace
    values = spread(low, high, TICKS)
    if all(isinstance(value, int) for value in axis.values):
        values = np.unique(np.round(values))
    return [(y, f"{v:.3g}") for y, v in zip(scale(axis, values), values, strict=True)]


@styled
def importance(shares):
    """The share of each key in the variance of valid_nll over the trials.

    Args:
        shares: name of a key -> float in 0 ... 1, the largest first.

    Returns:
        Figure.
    """
    names, values = list(shares)[::-1], list(shares.values())[::-1]
    figure, axes = subplots("Importance of the keys", 5.0, 1.2 + 0.3 * len(names))
    axes.barh([shown(name, 40) for name in names], values, color=BLUE, height=0.6)
    for y, value in enumerate(values):
        axes.text(value + 0.01, y, f"{value:.0%}", va="center", color=GREY)
    axes.set(xlim=(0, 1.08), xlabel="share of the variance of valid_nll")
    axes.grid(axis="y", visible=False)
    return figure

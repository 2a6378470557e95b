"""Figures of texts: -ln P over place and length."""

import numpy as np

from phistar.components.metrics import Z_95, ratio
from phistar.components.reports.plots.calibration import strip
from phistar.components.reports.plots.style import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    legend,
    plain_log,
    styled,
    subplots,
)
from phistar.components.reports.plots.training import limits


@styled
def nll_by_position(models, texts, read, protocol, floors):
    """-ln P of a token over its place in the text, and over how much was read before.

    Args:
        models: name -> float [tokens], ln P, nats; this network is the first.
        texts: Ragged, the tokens.
        read: int [tokens], tokens before it in its window, which were read.
        protocol: the windows in words.
        floors: name -> nats, of models that do not read x.

    Returns:
        Figure; means of bins, those of the left side growing with the place.
    """
    counts = f"{len(read):,} tokens of {len(texts):,} test texts"
    figure, axes = subplots(
        f"-ln P of a token by place, {counts}",
        9,
        5,
        2,
        2,
        sharex="col",
        sharey="row",
        height_ratios=(5, 1),
    )
    place = texts.places
    text = np.repeat(np.arange(len(texts)), texts.lengths)
    grown = 2 ** np.arange(1 + np.log2(place.max() + 1), step=0.5)
    grown = np.unique(grown.round()).astype(int)  # 1, 2, 3, 4, 6, 8, 11, ...
    even = np.unique(np.linspace(0, read.max() + 1, 25).round()).astype(int)
    sides = ((place + 1, grown), (read, even))
    values = []
    for (top, bottom), (x, edges) in zip(axes.T, sides, strict=True):
        where = np.digitize(x, edges) - 1
        bins = [np.flatnonzero(where == b) for b in range(where.max() + 1)]
        bins = [rows for rows in bins if len(rows)]
        middle = [x[rows].mean() for rows in bins]
        for (name, log_prob), color in zip(models.items(), (BLUE, GREEN), strict=False):
            means = [mean_over_texts(-log_prob[rows], text[rows]) for rows in bins]
            curve(top, middle, *np.array(means).T, color=color, label=name)
            values += means
        used = [b for b in range(where.max() + 1) if (where == b).any()]
        left = edges[used]
        right = np.append(edges[1:], edges[-1] + 1)[used]
        strip(bottom, (left + right) / 2, [len(rows) for rows in bins], right - left)
    left, right = axes[0]
    limits(left, *held(values), floors)
    limits(right, *held(values), floors)
    for top in (left, right):
        top.tick_params(labelleft=True)
        top.set_ylabel("nats per token")
    left.set_xscale("log")
    plain_log(left.xaxis)
    axes[1, 0].set_xlabel("place in the text (1: its first token)")
    axes[1, 1].set_xlabel("tokens read before it in its window")
    legend(left, 2)
    figure.supxlabel(f"Read in {protocol}.", x=0.01, ha="left", fontsize=8, color=GREY)
    return figure


def mean_over_texts(nll, text):
    """Mean of tokens, and its standard error, since tokens of a text are alike.

    Args:
        nll: float [n], nats.
        text: int [n], number of the text of each.

    Returns:
        (mean, error); the error is nan if they are of one text.
    """
    first = text.min()
    counts = np.bincount(text - first)
    totals = np.bincount(text - first, nll)
    return ratio(totals[counts > 0], counts[counts > 0])


def held(means):
    """Values that the axes of curves with intervals hold.

    Args:
        means: (mean, error) of every bin.

    Returns:
        (the means, the ends of their intervals).
    """
    mean, error = np.array(means).T
    return mean, np.concatenate([mean - Z_95 * error, mean + Z_95 * error])


def curve(axes, x, mean, error, **style):
    """Draw means with their 95 % intervals."""
    axes.errorbar(x, mean, Z_95 * error, fmt=".-", elinewidth=0.8, capsize=1.5, **style)


def bar_widths(middle):
    """Widths of bars at these places that do not touch.  float [bins] -> float."""
    return 0.8 * min(np.diff(middle), default=1.0)


@styled
def by_length(lengths, totals, counts, floors, bleu, num_bins=8):
    """-ln P of a token, and BLEU, over the length of the source.

    Args:
        lengths: int [N], tokens of the sources.
        totals: float [N], -ln P of each reference, nats.
        counts: int [N], tokens of each reference.
        floors: name -> nats, of models that do not read x.
        bleu: name of texts -> function of the rows of a bin -> (BLEU, low, high).
        num_bins: bins of about as many pairs each.

    Returns:
        Figure.
    """
    title = f"Quality by length of the source, {len(lengths):,} test pairs"
    figure, axes = subplots(title, 9, 4.8, 2, 2, sharex=True, height_ratios=(5, 1))
    (left, right), strips = axes
    edges = np.unique(np.quantile(lengths, np.linspace(0, 1, num_bins + 1)))
    where = np.clip(np.digitize(lengths, edges) - 1, 0, max(0, len(edges) - 2))
    bins = [np.flatnonzero(where == b) for b in range(where.max() + 1)]
    bins = [rows for rows in bins if len(rows)]
    middle = [np.mean(lengths[rows]) for rows in bins]
    means = np.array([ratio(totals[rows], counts[rows]) for rows in bins])
    curve(left, middle, *means.T, color=BLUE, label="network")
    limits(left, *held(means), floors)
    left.set_ylabel("nats per token of the reference")
    for (name, of_rows), color in zip(bleu.items(), (BLUE, ORANGE), strict=False):
        score, low, high = np.array([of_rows(rows) for rows in bins]).T
        between = np.maximum(0, (score - low, high - score))
        style = {"elinewidth": 0.8, "capsize": 1.5, "color": color}
        right.errorbar(middle, score, between, fmt=".-", label=name, **style)
    right.set(ylabel="BLEU", ylim=(0, None))
    for top, bottom in axes.T:
        legend(top, 2)
        strip(bottom, middle, [len(rows) for rows in bins], bar_widths(middle))
        bottom.set_xlabel("tokens of the source (mean of each bin)")
    return figure

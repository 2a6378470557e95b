"""The figures of a report. Each function returns a matplotlib Figure."""

import numpy as np
from matplotlib.figure import Figure

# Labels that a figure has room for. It grows with them: 1,000 would make 54,000 pixels
# a side, 20 GB.
NAMED_LABELS = 40


def subplots(width, height, rows=1, columns=1, **options):
    """A Figure of this size, inches, and its axes."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(rows, columns, **options)


def margin(values, label_index, names):
    """Both losses over the margin, above the margins of test.

    Args:
        values: float [N], m = 2 y s(x) of the test examples, unscaled.
        label_index: int [N], positions in `names`.
        names: (negative, positive).

    Returns:
        Figure.

    Source: D. McAllester, "The Fundamental Equations of Deep Learning".
    """
    figure, (top, bottom) = subplots(7, 6, 2, sharex=True, height_ratios=(3, 2))
    low, high = min(-4.0, values.min()), max(6.0, np.quantile(values, 0.99))
    m = np.linspace(low, high, 400)
    top.plot(m, np.logaddexp(0, -m), label=r"logistic  $\ln(1 + e^{-m})$")
    top.plot(m, np.maximum(0, 1 - m), label=r"hinge  $\max(0, 1 - m)$")
    top.axvline(0, color="0.7", linewidth=0.8)
    top.set(ylabel="loss of one example")
    top.legend()
    wrong = int((values < 0).sum())
    bins = np.linspace(low, high, 49)
    shown = np.clip(values, low, high)  # the tail is counted in the last bin
    groups = [shown[label_index == i] for i in range(2)]
    labels = [f"y = {name}" for name in names]
    bottom.hist(groups, bins, stacked=True, label=labels, color=["C2", "C4"])
    bottom.axvline(0, color="0.7", linewidth=0.8)
    bottom.set(
        xlabel=r"margin  $m = 2\,y\,s(x)$",
        ylabel="test examples",
        title=f"{wrong} of {len(values)} test margins are negative",
    )
    bottom.legend()
    return figure


def confusion_matrix(label_index, decision, names):
    """Counts of test examples by label (rows) and decision (columns).

    Args:
        label_index, decision: int [N], positions in `names`.
        names: K names.

    Returns:
        Figure; of more than 40 labels an image without names and numbers.
    """
    size = len(names)
    counts = np.zeros((size, size), int)
    np.add.at(counts, (label_index, decision), 1)
    side = 2.5 + 0.45 * min(size, NAMED_LABELS)
    figure, axes = subplots(side + 1, side)
    axes.imshow(counts, cmap="Blues")
    axes.set(xlabel="decision", ylabel="label", title="test examples")
    if size > NAMED_LABELS:
        return figure
    axes.set(xticks=range(size), yticks=range(size))
    axes.set_xticklabels(names, rotation=45 if max(map(len, names)) > 3 else 0)
    axes.set_yticklabels(names)
    for row, column in np.ndindex(size, size):
        if counts[row, column]:
            dark = counts[row, column] > counts.max() / 2  # needs white text
            color = "white" if dark else "black"
            style = {"ha": "center", "va": "center", "color": color}
            axes.text(column, row, counts[row, column], **style)
    return figure


def reliability(rows, ece):
    """Accuracy over confidence, a dot per bin, its area the share of examples.

    Args:
        rows: list of (n, confidence, accuracy).
        ece: float.

    Returns:
        Figure.
    """
    count, confidence, accuracy = np.array(rows).T
    figure, axes = subplots(5, 5)
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=0.8)
    axes.plot(confidence, accuracy, color="C0", linewidth=1)
    axes.scatter(confidence, accuracy, s=15 + 400 * count / count.sum(), alpha=0.6)
    low = min(confidence.min(), accuracy.min()) - 0.05
    axes.set(
        xlim=(max(0, low), 1.02),
        ylim=(max(0, low), 1.02),
        xlabel="P of the decision",
        ylabel="share of right decisions",
        title=f"test, expected calibration error {ece:.4f}",
    )
    return figure


def learning_curves(history, uniform):
    """Training loss and valid_nll over steps.

    Args:
        history: dict of "step", "train_loss", "valid_nll" -> list.
        uniform: the uniform floor, nats.

    Returns:
        Figure.
    """
    figure, axes = subplots(7, 4)
    step, valid = history["step"], history["valid_nll"]
    axes.plot(step, history["train_loss"], label="train_loss")
    axes.plot(step, valid, label="valid_nll")
    best = int(np.argmin(valid))
    kept = f"kept: step {step[best]}"
    axes.plot(step[best], valid[best], "o", color="C1", label=kept)
    axes.axhline(uniform, color="0.7", linewidth=0.8, label="uniform")
    axes.set(xlabel="step", ylabel="per label, valid_nll in nats", yscale="log")
    axes.legend()
    return figure


def nll_by_position(log_prob, place, read, protocol):
    """-ln P of a token over its place in the text, and over how much was read before.

    Args:
        log_prob: float [tokens], nats.
        place: int [tokens], 0 for the first token of a text.
        read: int [tokens], tokens before it in its window, which were read.
        protocol: the windows in words.

    Returns:
        Figure; means of bins, those of the left side growing with the place.
    """
    figure, (left, right) = subplots(9, 4, 1, 2, sharey=True)
    edges = 2 ** np.arange(1 + np.log2(place.max() + 1), step=0.5)
    edges = np.unique(edges.round()).astype(int)  # 1, 2, 3, 4, 6, 8, 11, ...
    left.plot(*binned(place + 1, log_prob, edges), marker=".")
    left.set(
        xscale="log",
        xlabel="place in the text (1: its first token)",
        ylabel="mean -ln P of a token of test, nats",
    )
    edges = np.unique(np.linspace(0, read.max() + 1, 33).round()).astype(int)
    right.plot(*binned(read, log_prob, edges), marker=".")
    right.set(xlabel="tokens read before it in its window")
    figure.suptitle(protocol, fontsize="medium")
    return figure


def binned(x, log_prob, edges):
    """Means in the bins edges[i] <= x < edges[i + 1]; beyond the last one as well.

    Returns:
        (the lower edges of the bins that hold something, the mean of -log_prob there).
    """
    where = np.digitize(x, edges) - 1
    count = np.bincount(where, minlength=len(edges))
    total = np.bincount(where, -np.asarray(log_prob, "float64"), len(edges))
    some = count > 0
    return edges[some], total[some] / count[some]


def by_length(lengths, totals, counts, bleu, num_bins=8):
    """-ln P of a token, and BLEU, over the length of the source.

    Args:
        lengths: int [N], tokens of the sources.
        totals: float [N], -ln P of each reference, nats.
        counts: int [N], tokens of each reference.
        bleu: function of the rows of a bin -> its BLEU.
        num_bins: bins of about as many pairs each.

    Returns:
        Figure.
    """
    edges = np.unique(np.quantile(lengths, np.linspace(0, 1, num_bins + 1)))
    where = np.clip(np.digitize(lengths, edges) - 1, 0, max(0, len(edges) - 2))
    bins = [np.flatnonzero(where == b) for b in range(where.max() + 1)]
    bins = [rows for rows in bins if len(rows)]
    middle = [np.mean(lengths[rows]) for rows in bins]
    figure, (left, right) = subplots(9, 4, 1, 2)
    nll = [totals[rows].sum() / counts[rows].sum() for rows in bins]
    left.plot(middle, nll, marker=".")
    left.set(ylabel="mean -ln P of a token of the reference, nats")
    right.plot(middle, [bleu(rows) for rows in bins], marker=".")
    right.set(ylabel="BLEU", ylim=(0, None))
    for axes in (left, right):
        axes.set(xlabel="tokens of the source (mean of each bin)")
    return figure


def attention(shares, source, target):
    """Attention to each source token at the choice of each target token.

    Args:
        shares: float [T, S], rows sum to one.
        source, target: list of str, names of the tokens.

    Returns:
        Figure.
    """
    width, height = (1.5 + 0.3 * len(side) for side in (source, target))
    figure, axes = subplots(max(4, width), max(3, height))
    axes.imshow(shares, cmap="Blues", vmin=0)
    shown = [[name.replace("$", r"\$") for name in side] for side in (source, target)]
    axes.set_xticks(range(len(source)), shown[0], rotation=90)
    axes.set_yticks(range(len(target)), shown[1])
    axes.set(xlabel="source", ylabel="the next token")
    return figure

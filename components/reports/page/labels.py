"""Parts of the page of a task whose labels are names."""

import math

import numpy as np

from phistar.components.metrics import accuracy, nll
from phistar.components.reports.base import Section
from phistar.components.reports.baselines import sample
from phistar.components.reports.page import examples, html

WORST = 20
LABELS = 30  # of the table of each label
SLICES = 12
SLICED_ROWS = 10**5  # of test, that are cut into slices


def sections(names, raw, index, decision, log_probs):
    """Sections of tasks whose labels are names.

    Args:
        names: K names.
        raw: inputs of test as the data have them; see Dataset.raw.
        index, decision: int [N], positions in `names`.
        log_probs: float [N, K], nats.

    Returns:
        list of Section.
    """
    cost = -np.asarray(log_probs)[np.arange(len(index)), index]  # [N]
    found = [
        Section("Calibration", html.paragraph(CALIBRATION), ("reliability",)),
        each_label(names, index, decision),
    ]
    if len(names) == 2:
        curves = ("roc", "precision_recall", "margin")
        found.append(Section("Every threshold", html.paragraph(THRESHOLD), curves))
    if isinstance(raw, dict):
        found.append(slices(raw, cost, decision == index))
    found.append(worst(names, raw, index, decision, log_probs))
    return found


CALIBRATION = (
    "Of all decisions made with P = 0.8, 80 % should be right: then the dots are on "
    "the diagonal. Above it the network is too careful, below it too sure."
)
THRESHOLD = (
    "A decision is made at P = 0.5. Where one kind of mistake costs more, choose "
    "another threshold on these curves."
)


def each_label(names, index, decision):
    """Precision, recall, F1 and number of each label.

    Args:
        names, index, decision: see `sections`.

    Returns:
        Section.
    """
    size = len(names)
    support = np.bincount(index, minlength=size)
    decided = np.bincount(decision, minlength=size)
    right = np.bincount(index[index == decision], minlength=size)
    both = support + decided
    f1 = np.divide(2 * right, both, out=np.full(size, np.nan), where=both > 0)
    order = np.arange(size)
    lines = [
        "Precision: of the decisions for a label, the share that is right. Recall: of "
        "its examples, the share that is found. F1 is their harmonic mean."
    ]
    if size > LABELS:
        order = np.argsort(np.nan_to_num(f1, nan=2.0), kind="stable")[:LABELS]
        lines.append(f"The {LABELS} of {size:,} labels with the least F1.")
    rows = [
        [
            names[label],
            share(right[label], decided[label]),
            share(right[label], support[label]),
            number(f1[label]),
            int(support[label]),
        ]
        for label in order
    ]
    rows.append(
        ["mean of all labels", "", "", number(np.nanmean(f1)), int(sum(support))]
    )
    table = html.table(["label", "precision", "recall", "F1", "n"], rows)
    body = html.joined([*map(html.paragraph, lines), table])
    return Section("Each label", body, ("confusion_matrix",))


def share(part, whole):
    """A share with its 95 % interval.  int, int -> Markup; a dash of none"""
    if not whole:
        return html.Markup("–")
    correct = np.arange(whole) < part
    return html.measured(accuracy(correct), "accuracy")


def number(value):
    """A number with four digits, or a dash.  -> str"""
    return "–" if math.isnan(value) else html.number(float(value))


def slices(raw, cost, correct):
    """Groups of test that the network finds hard.

    Args:
        raw: dict of name -> array [N].
        cost: float [N], -ln P of the label, nats.
        correct: bool [N].

    Returns:
        Section.
    """
    chosen = sample(len(cost), SLICED_ROWS)
    cost, correct = cost[chosen], correct[chosen]
    fewest = max(10, len(chosen) // 100)
    found = []
    for name, values in raw.items():
        for group, inside in groups(np.asarray(values)[chosen]):
            if fewest <= inside.sum() < len(chosen):
                found.append(
                    (name, group, nll(-cost[inside]), accuracy(correct[inside]))
                )
    # a few rows may be hard by chance: the lower end of the interval decides
    found.sort(key=lambda slice_: -slice_[2]["nll_low"])
    rows = [
        [
            name,
            group,
            html.measured(cost, "nll"),
            html.measured(right, "accuracy"),
            cost["n"],
        ]
        for name, group, cost, right in found[:SLICES]
    ]
    text = (
        "Rows of test were grouped by the values of each column, numbers by quarters. "
        f"These are the {len(rows)} of {len(found)} groups whose -ln P is most surely "
        f"high. Groups of fewer than {fewest} rows are left out. Of so many groups, "
        "some are high by chance."
    )
    if not rows:
        text = f"No group of rows has {fewest} or more: test is too small."
    table = html.table(["column", "values", "-ln P", "accuracy", "n"], rows)
    body = [html.paragraph(text), *([table] if rows else [])]
    return Section("Hard groups of rows", html.joined(body))


def groups(values):
    """Rows by the value of a column: words by value, numbers by quarters.

    Args:
        values: array [N] of str or numbers.

    Yields:
        (str, bool [N]).
    """
    if values.dtype.kind in "OUT":
        for value in np.unique(values):
            yield str(value) or "missing", values == value
        return
    values = values.astype("float64")
    gone = np.isnan(values)
    if gone.any():
        yield "missing", gone
    if gone.all():
        return
    edges = np.unique(np.quantile(values[~gone], [0, 0.25, 0.5, 0.75, 1]))
    if len(edges) == 1:
        yield f"{edges[0]:.4g}", ~gone
        return
    for low, high in zip(edges[:-1], edges[1:], strict=True):
        last = high == edges[-1]
        inside = (values >= low) & ((values <= high) if last else (values < high))
        yield f"{low:.4g} to {high:.4g}", inside


def worst(names, raw, index, decision, log_probs):
    """The examples whose labels were the least probable.

    Args:
        see `sections`.

    Returns:
        Section.
    """
    rows, every = np.arange(len(index)), np.asarray(log_probs)
    own = every[rows, index].astype("float64")
    decided = every[rows, decision].astype("float64")
    order = np.argsort(own, kind="stable")[:WORST]
    text = html.Markup(
        "<div><b>{}</b>{}</div><div><small>P {}{}, -ln P {}, row {}</small></div>"
    )
    wrong = html.Markup(', decided <span class="wrong">{}</span>')

    def head(row):
        named = decision[row] != index[row]
        other = f" beside {probability(decided[row])}" if named else ""
        return text.format(
            names[index[row]],
            wrong.format(names[decision[row]]) if named else "",
            probability(own[row]),
            other,
            f"{-own[row]:.4f}",
            f"{row:,}",
        )

    listed = ((head(row), examples.shown(raw, row)) for row in order)
    lead = html.paragraph(
        f"The {len(order)} examples of test whose label the network found least "
        "probable: mistakes of the network, or of the labels."
    )
    body = examples.gallery(listed, examples.are_pictures(raw))
    return Section("Worst examples", html.joined([lead, body]))


def probability(log_prob):
    """P with three digits after the point, or its size.  -> str"""
    share = math.exp(log_prob)
    return f"{share:.3f}" if share >= 0.001 else f"{share:.0e}"

"""The verdict on a network: better than guessing, or not, in one sentence.

    d_i = -ln P(y_i | x_i) of the network, less that of a baseline on the same example

The mean of d over the labels of test has an interval of its own. It is much narrower
than those of the two means, since most examples are hard or easy for both.

Source: the ratio of two sums over examples, Cochran, 1977, section 6.4.
"""

import math

from phistar.components.metrics import Z_95, accuracy, interval

NAMES = {"uniform": "guessing evenly", "prior": "the shares of train"}


def verdict(report, warnings=()):
    """Compare a network with its floors and baselines.

    It is better if it is so than every floor, beyond the 95 % interval of the
    difference. A vote for the most frequent label is a floor too: its P is 1, and one
    mistake costs it infinitely much. A baseline that reads x decides nothing.

    Args:
        report: Report.
        warnings: sentences about the data that make the result doubtful.

    Returns:
        dict of plain data:

        - verdict: "better" or "not better"
        - than: name of the best floor
        - difference, standard_error: the network's nats a label less that floor's; the
          error is None if test has one example
        - sentence: the verdict in words
        - baselines: name -> nats a label
        - rows: a dict for each baseline: name, reads, note; nll, nll_low, nll_high, n,
          difference, standard_error if it has a P; accuracy with its interval if it
          decides; further metrics
        - warnings: list of str
    """
    rows = [compared(report, baseline) for baseline in report.baselines]
    scored = [row for row in rows if "nll" in row]
    floors = [row for row in scored if not row["reads"]]
    best = min(floors, key=lambda row: row["nll"])
    better = all(beyond(row) and row["difference"] < 0 for row in floors)
    others = [row for row in scored if row["reads"]]
    text = sentence(better, report.metrics["test_nll"], best, others, report.unit)
    for row in rows:
        if "bleu" in row:
            own = report.metrics["test_bleu"]
            beside = f"BLEU {own:.2f}, of {row['name']} {row['bleu']:.2f}"
            text = f"{text.removesuffix('.')}; {beside}."
    return {
        "verdict": "better" if better else "not better",
        "than": best["name"],
        "difference": best["difference"],
        "standard_error": best["standard_error"],
        "sentence": text,
        "baselines": {row["name"]: row["nll"] for row in scored},
        "rows": rows,
        "warnings": [*warnings, *votes(report)],
    }


def compared(report, baseline):
    """One baseline beside the network, as plain data.

    Args:
        report: Report.
        baseline: Baseline.
    """
    row = {"name": baseline.name, "reads": baseline.reads, "note": baseline.note}
    row |= baseline.metrics
    if baseline.correct is not None:
        row |= accuracy(baseline.correct, report.weights)
    if baseline.nll is None:
        return row
    mean, error = report.mean_error(baseline.nll)
    difference, of_both = report.mean_error(report.test_nll - baseline.nll)
    return row | {
        **interval(mean, error or 0.0),
        "n": int(report.counts.sum()),
        "difference": difference,
        "standard_error": of_both,
    }


def beyond(row):
    """True if 0 is outside the interval of a difference, or there is no interval."""
    error = row["standard_error"] or 0.0
    return abs(row["difference"]) > Z_95 * error


def sentence(better, nll, best, others, unit):
    """The verdict in words.

    Args:
        better: bool.
        nll: of the network, nats a label.
        best: row of the best floor.
        others: rows of the baselines that read x.
        unit: "label" or "token".

    Returns:
        str.
    """
    found = [said(row) for row in others]
    if better:
        first = f"Better than guessing by {amount(best)} nats a {unit}"
        return "".join([first, *found]) + "."
    name = NAMES.get(best["name"], best["name"])
    sign = "-" if best["difference"] < 0 else ""
    first = (
        f"Not better than guessing: -ln P {nll:.3f} beside {best['nll']:.3f} for "
        f"{name} (difference {sign}{amount(best)} nats a {unit})"
    )
    return "".join([first, *found]) + "."


def said(row):
    """A comparison with a baseline that reads x, to end a sentence.  -> str"""
    close = "" if beyond(row) else " (within the interval)"
    if row["difference"] < 0:
        return f", and than {row['name']} by {amount(row)}{close}"
    return f"; {row['name']} is better by {amount(row)}{close}"


def amount(row):
    """Size of a difference with half its 95 % interval: "0.59 ± 0.04".  -> str"""
    size, error = abs(row["difference"]), row["standard_error"]
    if error is None:
        return f"{size:.3f} (one example of test: no interval)"
    half = Z_95 * error
    # the first digit of the interval that is not 0, and one more if it is a 1 or a 2
    exponent = math.floor(math.log10(half)) if half > 0 else -2
    digits = -exponent + (half < 3 * 10.0**exponent)
    digits = min(4, max(2, digits))
    return f"{size:.{digits}f} ± {half:.{digits}f}"


def votes(report):
    """A warning if decisions are right no more often than the most frequent label.

    Args:
        report: Report.

    Returns:
        list of str, one sentence or none.
    """
    floors = [b for b in report.baselines if not b.reads and b.correct is not None]
    if report.correct is None or not floors:
        return []
    gained = report.correct.astype(float) - floors[0].correct
    mean, error = report.mean_error(gained)
    if mean > Z_95 * (error or 0.0):
        return []
    own, vote = (report.mean_error(c)[0] for c in (report.correct, floors[0].correct))
    return [
        f"Its decisions are right in {own:.1%} of test, those of {floors[0].name} in "
        f"{vote:.1%}: no more, beyond the interval."
    ]

"""The results of test beside floors and baselines, and those of every split."""

from phistar.components.data.splits import SPLITS
from phistar.components.reports.page import html
from phistar.components.reports.verdict import amount, beyond

# metric -> its heading; a table has those that its rows have
METRICS = {
    "nll": "-ln P, nats a {unit}",
    "accuracy": "accuracy",
    "auroc": "AUROC",
    "top5": "label among the 5 most probable",
    "ece": "calibration error",
    "entropy": "entropy of P, nats a label",
    "perplexity": "perplexity",
    "bits_per_character": "bits a character",
    "bits_per_byte": "bits a byte",
    "bleu": "BLEU",
    "chrf": "chrF",
    "truncated": "share cut at max_length",
    "not_canonical": "share with other tokens than their text",
    "translation_nll": "-ln P of the translations, nats a token",
}
# of every row the same, in the table of the floors, or other units of nll
NOT_SHOWN = {"n", "bits", "nll_prior", "nll_uniform", "nll_ngram"}
NOT_SHOWN |= {"bleu_copy", "xz_bits_per_byte"}
TERMS = {
    "nll": "-ln P is the mean surprise at the right {unit}, in nats. 0 is perfect; "
    "less is better.",
    "accuracy": "Accuracy is the share of right decisions.",
    "auroc": "AUROC is the chance that a positive example gets a higher P than a "
    "negative one; 0.5 is guessing.",
    "ece": "Calibration error is the mean distance of P from the share of right "
    "decisions.",
    "entropy": "Entropy of P is the -ln P to expect if P is right; a -ln P above it "
    "means that P is too sure.",
    "perplexity": "Perplexity is e to the power of -ln P.",
    "bleu": "BLEU and chrF (sacreBLEU) compare translations with the references, from "
    "0 to 100; more is better.",
}


def beside(report, verdict):
    """The network on test, beside floors and baselines.

    Args:
        report: Report.
        verdict: plain data of components/reports/verdict.py.

    Returns:
        (head, rows) of a table.
    """
    known = {name for row in verdict["rows"] for name in row}
    names = [name for name in METRICS if name in known]
    own = of_split(report.metrics, "test")
    head = ["model", *titles(names, report.unit), "-ln P of this network"]
    rows = [["this network", *cells(own, names), ""]]
    for row in verdict["rows"]:
        note = html.Markup("{} <small>{}</small>").format(row["name"], row["note"])
        rows.append([note, *cells(row, names), against(row)])
    return head, rows


def by_split(report):
    """The network on every split.  -> (head, rows) of a table"""
    splits = {split: of_split(report.metrics, split) for split in SPLITS}
    names = [name for name in METRICS if name in splits["test"]]
    names += sorted(splits["test"].keys() - METRICS.keys() - NOT_SHOWN)
    names = [name for name in names if not name.endswith(("_low", "_high"))]
    rows = [
        [split, *cells(values, names), values["n"]]
        for split, values in reversed(splits.items())
    ]
    return ["split", *titles(names, report.unit), "n"], rows


def terms(report):
    """The metrics of a report, in words.  -> list of str"""
    own = of_split(report.metrics, "test")
    return [
        text.format(unit=report.unit) for name, text in TERMS.items() if name in own
    ]


def of_split(metrics, split):
    """Metrics of one split without its name in front.  -> dict"""
    start = f"{split}_"
    return {
        name.removeprefix(start): value
        for name, value in metrics.items()
        if name.startswith(start)
    }


def titles(names, unit):
    """Headings of metrics.  -> list of str"""
    words = (METRICS.get(name, name.replace("_", " ")) for name in names)
    return [word.format(unit=unit) for word in words]


def cells(values, names):
    """Metrics with their intervals.  -> list of Markup"""
    return [html.measured(values, name) for name in names]


def against(row):
    """The network's difference to a baseline, in words.  -> str"""
    if "nll" not in row:
        return ""
    word = "less" if row["difference"] < 0 else "more"
    close = "" if beyond(row) else ", within the interval"
    return f"{amount(row)} {word}{close}"

"""The model card: the page in short, as HTML and as Markdown, for who uses the model.

Both forms are written from the same parts. Export puts the versions that wrote the
model at `<!-- versions -->`.

Source: Mitchell et al., 2019, "Model Cards for Model Reporting" (the headings).
"""

import numbers
import re

import numpy as np

from phistar.components.reports.page import html as page
from phistar.components.reports.page.parts import Part
from phistar.components.reports.page.report import head
from phistar.components.reports.page.results import beside, terms


def parts(report, verdict, known):
    """The card without its head.

    Args:
        report: Report.
        verdict: plain data of components/reports/verdict.py.
        known: list of Part, facts about the data.

    Returns:
        list of Part.
    """
    return [
        Part("Intended use", uses(report)),
        Part("Limits", limits(report)),
        Part("Results on test", terms(report), beside(report, verdict)),
        *known,
        Part("Licence", ["Unknown: none was given for data or model."]),
    ]


def uses(report):
    """Intended use, from facts.  -> list of str"""
    kind = "texts" if report.unit == "token" else "inputs"
    return [
        f"Probabilities for {kind} of the kind that it was trained on: from the same "
        "place, collected in the same way.",
    ]


def limits(report):
    """Limits, from facts.  -> list of str"""
    metrics = report.metrics
    lines = [
        f"The results are those of {len(report.counts):,} examples of one data set. "
        "Other data may give others.",
        "It was not tested for fairness, nor against inputs made to deceive it.",
    ]
    if "test_ece" in metrics:
        lines.append(
            f"Its probabilities are off by {metrics['test_ece']:.1%} on average (the "
            "calibration error of test)."
        )
        lines.append("It knows the labels of train only: any input gets one of them.")
        lines.append(least_found(report))
    else:
        lines.append(
            "Its texts can be wrong, and are not checked for truth or offence."
        )
    return lines


def least_found(report):
    """The label that is found least often.  -> str"""
    names, index = np.unique(report.predictions["label"], return_inverse=True)
    number = np.bincount(index)
    found = np.bincount(index, report.correct).astype(int)
    worst = int(np.argmin(found / number))
    return (
        f"Of the labels of test it finds {str(names[worst])!r} least often: in "
        f"{found[worst]:,} of {number[worst]:,} examples."
    )


def html(about, report, verdict, known):
    """The card as a page.

    Args:
        about: (title, one sentence), str.
        report, verdict, known: see `parts`.

    Returns:
        str, HTML.
    """
    body = head(about, report, verdict)
    for part in parts(report, verdict, known):
        shown = [page.bullets(part.lines)] if part.lines else []
        if part.table:
            shown.append(page.table(*part.table))
        body.append(page.section(part.title, *shown))
    versions = page.Markup(page.VERSIONS)
    return page.document(f"{about[0]}: model card", [*body, versions])


def markdown(about, report, verdict, known):
    """The card as Markdown.  -> str"""
    lines = [f"# {plain(about[0])}", "", plain(about[1]), ""]
    lines += [f"**{plain(verdict['sentence'])}**", ""]
    lines += [f"- Warning: {plain(text)}" for text in verdict["warnings"]]
    for part in parts(report, verdict, known):
        lines += ["", f"## {part.title}", ""]
        lines += [f"- {plain(text)}" for text in part.lines]
        if part.table:
            names, rows = part.table
            lines += ["", row(names), "|" + "---|" * len(names), *map(row, rows)]
    return "\n".join([*lines, "", page.VERSIONS, ""])


def row(cells):
    """A line of a table.  list of cells -> str"""
    return f"| {' | '.join(plain(cell) for cell in cells)} |"


def plain(value):
    """A cell or a text with the characters escaped that Markdown and HTML read."""
    if isinstance(value, page.Markup):
        text = re.sub("<small[^>]*>", "(", str(value)).replace("</small>", ")")
        value = page.Markup(text).striptags().replace("()", "")
    elif isinstance(value, numbers.Number):
        value = page.number(value)
    text = re.sub(r"([\\`*_|\[\]#])", r"\\\1", " ".join(str(value).split()))
    return text.replace("&", "&amp;").replace("<", "&lt;")

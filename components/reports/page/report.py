"""The page of one trained network: report.html."""

from phistar.components.reports.page import html
from phistar.components.reports.page.results import beside, by_split, terms
from phistar.components.reports.verdict import beyond

# figure -> what it shows, in words
FIGURES = {
    "learning_curves": "The loss of train and -ln P of valid, step by step.",
    "reliability": "Of decisions made with P = 0.8, 80 % should be right.",
    "confusion_matrix": "Labels of test against decisions.",
    "margin": "Both losses of a binary task, and the margins of test.",
    "roc": "True positives against false positives, at every threshold.",
    "precision_recall": "Precision against recall, at every threshold.",
    "nll_by_position": "-ln P of a token by its place in the text.",
    "by_length": "-ln P of a token, and BLEU, by the length of the source.",
    "attention": "Attention of the decoder's last block, for one pair of test.",
}


def page(about, report, verdict, drawn, known):
    """The page of an evaluation; pipeline/run puts its facts at `<!-- run -->`.

    Args:
        about: (title, one sentence), str.
        report: Report.
        verdict: plain data of components/reports/verdict.py.
        drawn: name of a figure -> bytes of its SVG.
        known: list of Section, facts about the data.

    Returns:
        str, HTML.
    """
    left = dict(drawn)

    def figures(names):
        taken = {name: left.pop(name) for name in names if name in left}
        shown = [html.picture(s, FIGURES.get(name, name)) for name, s in taken.items()]
        text = html.Markup('<div class="figures">\n{}\n</div>')
        return text.format(html.joined(shown)) if shown else html.Markup("")

    parts = {
        "Results": results(report, verdict),
        "Training": [figures(["learning_curves"])],
    }
    for part in [*report.sections, *known]:
        parts[part.title] = [part.body, figures(part.figures)]
    if left:
        parts["Further figures"] = [figures(list(left))]
    sections = [html.section(title, *shown) for title, shown in parts.items()]
    top = [*head(about, report, verdict), html.contents(parts)]
    return html.document(about[0], [*top, *sections, html.Markup(html.RUN)])


def head(about, report, verdict):
    """Title, verdict and warnings.  -> list of Markup"""
    kind = "better" if verdict["verdict"] == "better" else "not-better"
    reading = [row for row in verdict["rows"] if row["reads"]]
    if kind == "better" and any(r["difference"] > 0 and beyond(r) for r in reading):
        kind = "mixed"
    parts = [
        html.Markup("<h1>{}</h1>").format(about[0]),
        html.Markup(html.QUESTION),
        html.paragraph(about[1]),
        html.paragraph(verdict["sentence"], f"verdict {kind}"),
        html.Markup(html.CHAMPION),
    ]
    if report.correct is not None:
        right, total = int(report.correct.sum()), len(report.correct)
        text = f"Its decision is right in {right:,} of {total:,} examples of test."
        parts.append(html.paragraph(text))
    if verdict["warnings"]:
        parts.append(html.bullets(verdict["warnings"], "warnings"))
    return parts


def results(report, verdict):
    """Both tables of results.  -> iterator of Markup"""
    number = f"{len(report.counts):,} examples"
    if report.unit == "token":
        number = f"{report.counts.sum():,} tokens of {len(report.counts):,} texts"
    yield html.paragraph(
        f"Measured on test: {number}, kept apart from training. Small numbers are "
        "95 % intervals; ± is half of one."
    )
    yield html.table(*beside(report, verdict), "results")
    yield html.bullets(terms(report), "note")
    yield html.Markup("<h3>On every split</h3>")
    yield html.table(*by_split(report))

"""Parts of the page of a task whose labels are texts: each token has its cost."""

import numpy as np

from phistar.components.metrics import interval
from phistar.components.reports.base import Section, mean_error
from phistar.components.reports.page import examples, html

WORST, RANDOM = 20, 8
SPAN = 100  # tokens of a passage
BINS = 4
SHADE = "The darker a token, the less probable it was; its -ln P shows on hover."


def by_length(lengths, totals, counts, what, protocol=""):
    """-ln P of a token for texts of different lengths.

    Args:
        lengths: int [N], that the texts are grouped by.
        totals: float [N], -ln P of each text, nats.
        counts: int [N], tokens of each text that were scored.
        what: name of the lengths, "source" or "text".
        protocol: the windows in words, of a network that reads in windows.

    Returns:
        Section.
    """
    edges = np.unique(np.quantile(lengths, np.linspace(0, 1, BINS + 1)).astype(int))
    inner = edges[1:-1] if len(edges) > 2 else edges[:0]
    where, rows = np.digitize(lengths, inner, right=True), []
    for group in range(len(inner) + 1):
        inside = where == group
        if not inside.any():
            continue
        mean, error = mean_error(totals[inside], counts[inside])
        own = lengths[inside]
        rows.append(
            [
                f"{own.min():,} to {own.max():,}",
                html.measured(interval(mean, error or 0.0), "nll"),
                int(inside.sum()),
                int(counts[inside].sum()),
            ]
        )
    head = [f"tokens of the {what}", "-ln P, nats a token", "texts", "tokens"]
    figures = ("by_length", "nll_by_position")
    read = [html.paragraph(f"Read in {protocol}.")] if protocol else []
    body = html.joined([*read, html.table(head, rows)])
    return Section("By length", body, figures)


def passages(log_prob, texts, encoder):
    """The worst passages of test, and random ones.

    Args:
        log_prob: float [tokens], ln P, nats.
        texts: Ragged, the tokens of test.
        encoder: Text.

    Returns:
        list of Section.
    """
    means, starts = spans(log_prob, texts)
    order = np.argsort(-means, kind="stable")[:WORST]
    chosen = np.random.default_rng(0).permutation(len(means))[:RANDOM]
    text = html.Markup(
        "<div><b>{}</b> <small>nats a token · text {}, from token {}</small></div>"
    )

    def listed(numbers):
        for number in numbers:
            start = int(starts[number])
            row = int(np.searchsorted(texts.offsets, start, side="right")) - 1
            first = int(texts.offsets[row])
            part = slice(start, min(start + SPAN, int(texts.offsets[row + 1])))
            tokens = np.asarray(texts.tokens[part])
            shaded = examples.pieces(encoder, tokens, -log_prob[part])
            head = text.format(f"{means[number]:.3f}", row, start - first)
            yield head, examples.costs(shaded)

    lead = (
        f"Passages of {SPAN} tokens of test, or whole texts that are shorter. {SHADE}"
    )
    return [
        Section(
            title,
            html.joined([html.paragraph(lead), examples.gallery(listed(numbers))]),
        )
        for title, numbers in (("Worst passages", order), ("Random passages", chosen))
    ]


def spans(log_prob, texts):
    """Mean -ln P of passages of SPAN tokens, and of shorter texts as a whole.

    Returns:
        (float [P], mean -ln P of a token, nats; int [P], their first tokens).
    """
    place = texts.places
    starts = np.flatnonzero(place % SPAN == 0)
    sizes = np.diff(starts, append=len(place))
    means = -np.add.reduceat(np.asarray(log_prob, "float64"), starts) / sizes
    # the rest of a longer text is left out: few tokens, extreme means
    whole = (sizes == SPAN) | (place[starts] == 0)
    return means[whole], starts[whole]


def drawn(samples):
    """Texts drawn from P.

    Args:
        samples: list of (temperature, text).

    Returns:
        Section.
    """
    head = html.Markup("<div><small>temperature {}</small></div>")
    listed = ((head.format(f"{t:g}"), examples.text(text)) for t, text in samples)
    lead = html.paragraph(
        "Texts that the network wrote itself, token by token. At temperature 1 they "
        "are drawn from P; below it probable tokens come more often."
    )
    return Section("Samples", html.joined([lead, examples.gallery(listed)]))


def translations(written, log_prob, labels, encoder, found):
    """The pairs with the least probable references, and random ones.

    Args:
        written: (sources, references, translations), lists of N str.
        log_prob: float [tokens], ln P of the references' tokens, nats.
        labels: Ragged, the tokens of the references.
        encoder: Pairs.
        found: float [N], ln P of each translation, nats.

    Returns:
        list of Section.
    """
    totals = -np.add.reduceat(log_prob.astype("float64"), labels.offsets[:-1])
    means = totals / labels.lengths
    order = np.argsort(-means, kind="stable")[:WORST]
    chosen = np.random.default_rng(0).permutation(len(means))[:RANDOM]
    text = html.Markup(
        "<div><b>{}</b> <small>nats a token of the reference · pair {}</small></div>"
    )

    def listed(rows):
        for row in rows:
            part = slice(int(labels.offsets[row]), int(labels.offsets[row + 1]))
            tokens = np.asarray(labels.tokens[part])
            shaded = examples.pieces(encoder, tokens, -log_prob[part])
            body = [
                named("source", examples.text(written[0][row])),
                named("reference", examples.costs(shaded)),
                named(
                    f"translation, ln P {found[row]:.2f}",
                    examples.text(written[2][row]),
                ),
            ]
            yield text.format(f"{means[row]:.3f}", int(row)), html.joined(body)

    return [
        Section(
            title,
            html.joined([html.paragraph(SHADE), examples.gallery(listed(rows))]),
        )
        for title, rows in (("Worst pairs", order), ("Random pairs", chosen))
    ]


def search(metrics, scorers, beam_size, length_penalty):
    """The search for translations, and how they were scored.

    Args:
        metrics: of the report.
        scorers: sacreBLEU's, after they have scored.
        beam_size, length_penalty: of the search.

    Returns:
        Section.
    """
    lines = [
        f"Translations are found by beam search: beam_size {beam_size}, "
        f"length_penalty {length_penalty:g}. {metrics['test_truncated']:.2%} came to "
        f"max_length before their end. {metrics['test_not_canonical']:.2%} of the "
        "others have tokens that their text would not be cut into.",
        *(
            f"sacreBLEU signature: {scorer.get_signature().format()}"
            for scorer in scorers
        ),
    ]
    body = html.joined(map(html.paragraph, lines))
    return Section("Translations", body, ("attention",))


def named(name, body):
    """A text below its name.  str, Markup -> Markup"""
    return html.Markup("<small>{}</small>{}").format(name, body)

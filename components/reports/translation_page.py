"""The page of a translation's report: its worst pairs, and random ones."""

import numpy as np

from components.reports.base import nll_table

SHOWN = 15  # pairs of each kind


def lines(texts):
    """Texts as lines of a file: their own line breaks become spaces."""
    return [" ".join(text.splitlines()) for text in texts]


def markdown(metrics, signatures, decoding, written, nll, found):
    """Write the page.

    Args:
        metrics: of the report, names with their split.
        signatures: sacreBLEU's, by metric.
        decoding: the search, name -> value.
        written: (sources, references, translations), lists of str.
        nll: float [N], -ln P of a token of the reference, nats.
        found: float [N], ln P of the translation, nats.

    Returns:
        str, Markdown.
    """
    search = ", ".join(f"{name} {value:g}" for name, value in decoding.items())
    worst = np.argsort(-nll, kind="stable")[:SHOWN]
    chosen = np.random.default_rng(0).permutation(len(nll))[:SHOWN]
    return "\n".join(
        [
            f"Test: {len(nll)} pairs, {metrics['test_n']} tokens of the target, EOS "
            "included.",
            "",
            *nll_table(metrics),
            "",
            f"Found by beam search ({search}):",
            "",
            "| | score | the source, copied | signature |",
            "|---|---|---|---|",
            f"| BLEU | {metrics['test_bleu']:.2f} | {metrics['test_bleu_copy']:.2f} | "
            f"`{signatures['bleu']}` |",
            f"| chrF | {metrics['test_chrf']:.2f} | | `{signatures['chrf']}` |",
            "",
            f"{metrics['test_truncated']:.2%} came to `max_length` before their end. "
            f"{metrics['test_not_canonical']:.2%} of the others have tokens that their "
            "text would not be cut into.",
            "",
            "## The least probable references",
            "",
            *table(worst, written, nll, found),
            "",
            "## Random pairs",
            "",
            *table(chosen, written, nll, found),
            "",
        ]
    )


def table(rows, written, nll, found):
    """Pairs as a table.  -> iterator of str."""
    yield "| -ln P of a token | source | reference | translation | its ln P |"
    yield "|---|---|---|---|---|"
    for row in rows:
        cells = " | ".join(cell(side[row]) for side in written)
        yield f"| {nll[row]:.3f} | {cells} | {found[row]:.2f} |"


def cell(text):
    """A text with the characters escaped that would break a table."""
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("`", "\\`")

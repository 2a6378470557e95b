"""The report of the task language: nats per token, passages and samples."""

import lzma

import numpy as np

from phistar.components import progress
from phistar.components.data.splits import SPLITS
from phistar.components.reports import (
    base,
    baselines,
    continuations,
    ngram,
    samples,
    tokens,
)
from phistar.components.reports.page import texts as page
from phistar.components.reports.plots.texts import nll_by_position

GOLDEN_TEXTS, GOLDEN_TOKENS = 4, 2000  # of test, in the golden batch
XZ_TOKENS = 10**7  # the last ones of train, for xz, whose window is 64 MiB


def report(task, data, network, scale, encoder, **_):
    """Score every split with P; train on as many of its texts as test has tokens.

    Beside test_nll the report gives that of an n-gram model of train, and xz -9.

    Args:
        task: Language.
        data: Dataset.
        network: TransformerLM.
        scale: not used; ln P is that of the logits.
        encoder: Text.

    Returns:
        Report.
    """
    train, valid, texts = (data.split(split)[1] for split in SPLITS)
    limit = texts.offsets[-1]  # tokens

    def train_rows(labels):
        return 1 + int(np.searchsorted(labels.offsets[1:], limit))

    metrics, log_prob = tokens.score(task, data, network, train_rows)
    progress.doing("counting n-grams")
    counted = ngram.fit(train, valid, len(encoder.names))
    ngram_log_prob = counted.log_prob(texts)
    of_ngram = tokens.by_text(ngram_log_prob, texts)
    metrics |= {
        "test_nll_ngram": -ngram_log_prob.mean(),
        "ngram_order": counted.order,
        "test_xz_bits_per_byte": xz_bits(train, texts, encoder),
    }
    progress.doing("continuing texts, and drawing")
    protocol = network.windows.describe()
    place = texts.places
    read = place - np.asarray(network.windows.start(place))
    models = {"network": log_prob, f"{counted.order}-gram of train": ngram_log_prob}
    floors = tokens.floors_of(metrics)
    by_text, raw = tokens.by_text(log_prob, texts), data.raw()
    counts = data.description["train_counts"]
    return base.Report(
        metrics=metrics,
        test_nll=by_text,
        golden=golden(task, network, data, encoder, texts, log_prob),
        figures={
            "nll_by_position": nll_by_position(models, texts, read, protocol, floors)
        },
        unit="token",
        counts=texts.lengths,
        correct=None,
        baselines=[
            *baselines.token_floors(texts, counts, tokens.by_text),
            base.Baseline(
                f"an n-gram model (n = {counted.order})",
                of_ngram,
                reads=True,
                note="counts of train, Kneser-Ney",
            ),
            base.Baseline(
                "xz -9",
                None,
                note="compresses test after train",
                metrics={"bits_per_byte": metrics["test_xz_bits_per_byte"]},
            ),
        ],
        predictions={
            "row": np.arange(len(texts)),
            "nll": by_text,
            "tokens": texts.lengths,
            "text": tokens.raw_texts(raw),
        },
        sections=[
            page.by_length(texts.lengths, by_text, texts.lengths, "text", protocol),
            *page.passages(log_prob, texts, encoder),
            page.drawn(samples.samples(network, encoder)),
        ],
    )


def xz_bits(train, texts, encoder):
    """Size that `xz -9` adds for texts compressed after train.

    Args:
        train, texts: Ragged of tokens; each text is ended by a NUL.
        encoder: Text.

    Returns:
        float, bits per byte of the texts in normal form, their ends not counted.
    """

    def size(*parts):
        return len(lzma.compress(b"".join(parts), preset=9))

    def joined(rows, first):
        ended = (encoder.decode(rows[row]) + "\0" for row in range(first, len(rows)))
        return "".join(ended).encode()

    known = int(np.searchsorted(train.offsets, train.offsets[-1] - XZ_TOKENS))
    before, after = joined(train, known), joined(texts, 0)
    num_bytes = max(1, len(after) - len(texts))
    return 8 * (size(before, after) - size(before)) / num_bytes


def golden(task, network, data, encoder, texts, log_prob):
    """Expected ln P of short texts of test, and continuations of their halves.

    Args:
        task: Language.
        network: TransformerLM.
        data: Dataset.
        encoder: Text.
        texts: Ragged, the tokens of test.
        log_prob: float [tokens], ln P of them, nats.

    Returns:
        dict, Report.golden.
    """
    rows = np.argsort(texts.lengths, kind="stable")[:GOLDEN_TEXTS]
    # a batch is as wide as its longest text
    rows = [row for row in rows if texts.lengths[row] <= GOLDEN_TOKENS] or rows[:1]
    request = encoder.request(data.raw(), rows)
    answer = {"token_log_probs": tokens.padded(log_prob, texts, rows)}
    continued = continuations.golden(task, network, encoder, texts, rows)
    return base.golden("log_prob", request, answer) | continued

"""The report of the task translation: nats per token, BLEU and chrF."""

from typing import NamedTuple

import keras
import numpy as np
from sacrebleu.metrics import BLEU, CHRF

from phistar.components import progress
from phistar.components.data.batches.buckets import length_batches, places
from phistar.components.decoding.beam import NEVER
from phistar.components.decoding.search import search
from phistar.components.reports import base, baselines, bleu_counts, tokens
from phistar.components.reports.labels import CLEAR
from phistar.components.reports.page import texts as page
from phistar.components.reports.plots import attention as attention_plot
from phistar.components.reports.plots.texts import by_length
from phistar.components.tasks.translation import LONGEST

GOLDEN = 8  # pairs of test in the golden batch
READABLE = 40  # tokens of each side of the pair whose attention is drawn
BATCH_TOKENS = 2**11  # source positions that are translated at once


def report(task, data, network, scale, encoder, *, beam_size, length_penalty, **_):
    """Score every split with P, and translate test.

    Train is scored on as many pairs as test has.

    Args:
        task: Translation.
        data: Dataset.
        network: Transformer.
        scale: not used; ln P is that of the logits.
        encoder: Pairs.
        beam_size, length_penalty: of the search.

    Returns:
        Report.
    """
    inputs, labels = data.split("test")
    most = len(labels)
    # of train as many pairs as test has: more would cost time and tell nothing
    metrics, log_prob = tokens.score(task, data, network, lambda _: most)
    found = translate(network, inputs, beam_size, length_penalty, task.max_length)
    texts = [encoder.decode(one.tokens[: one.length]) for one in found]
    # BLEU compares texts as the data have them, not their normal form or tokens
    sources, references = map(tokens.raw_texts, data.raw())
    # one line each, so that the written files stay aligned
    written = [lines(side) for side in (sources, references, texts)]
    bleu, chrf = BLEU(), CHRF()  # sacreBLEU's defaults: comparable numbers
    metrics |= {
        "test_bleu": bleu.corpus_score(written[2], [written[1]]).score,
        "test_bleu_copy": bleu.corpus_score(written[0], [written[1]]).score,
        "test_chrf": chrf.corpus_score(written[2], [written[1]]).score,
        "test_truncated": float(np.mean([not one.ended for one in found])),
        "test_not_canonical": not_canonical(encoder, texts, found),
        "test_translation_nll": -sum(float(one.log_prob) for one in found)
        / sum(int(one.length) for one in found),
    }

    bleu_of = {
        "network": bleu_counts.of_rows(written[2], written[1]),
        "source copied": bleu_counts.of_rows(written[0], written[1]),
    }

    every = np.arange(most)
    _, *between = bleu_of["network"](every)
    metrics |= dict(zip(("test_bleu_low", "test_bleu_high"), between, strict=True))
    _, *of_copy = bleu_of["source copied"](every)
    copied = dict(zip(("bleu_low", "bleu_high"), of_copy, strict=True))
    totals = tokens.by_text(log_prob, labels)
    of_found = np.array([one.log_prob for one in found])
    shown = readable(inputs.lengths, labels.lengths)
    return base.Report(
        metrics=metrics,
        test_nll=totals,
        golden=golden(data, encoder, labels, log_prob, texts, found),
        figures={
            "by_length": by_length(
                inputs.lengths,
                totals,
                labels.lengths,
                tokens.floors_of(metrics),
                bleu_of,
            ),
            "attention": attention(network, encoder, inputs[shown], labels[shown]),
        },
        unit="token",
        counts=labels.lengths,
        correct=None,
        baselines=[
            *baselines.token_floors(
                labels, data.description["train_counts"], tokens.by_text
            ),
            base.Baseline(
                "the source, copied",
                None,
                note="a translation that changes nothing",
                metrics={"bleu": metrics["test_bleu_copy"], **copied},
            ),
        ],
        predictions={
            "row": every,
            "source": sources,
            "reference": references,
            "translation": texts,
            "nll": totals,
            "tokens": labels.lengths,
            "log_prob_translation": of_found,
        },
        sections=[
            page.search(metrics, (bleu, chrf), beam_size, length_penalty),
            page.by_length(inputs.lengths, totals, labels.lengths, "source"),
            *page.translations(written, log_prob, labels, encoder, of_found),
        ],
        files={
            "sources.txt": "".join(f"{line}\n" for line in written[0]),
            "references.txt": "".join(f"{line}\n" for line in written[1]),
            "translations.txt": "".join(f"{line}\n" for line in written[2]),
        },
    )


def lines(texts):
    """Texts as lines of a file: their own line breaks become spaces."""
    return [" ".join(text.splitlines()) for text in texts]


class Found(NamedTuple):
    """The best text of a source.

    Args:
        tokens: int32 [M].
        length: int, EOS counted.
        log_prob: float, nats.
        ended: bool, True if EOS was chosen before max_length.
        lead: float, its score less that of the next best text.
    """

    tokens: object
    length: int
    log_prob: float
    ended: bool
    lead: float


class Search(keras.Model):
    """The best text of each source, as a Keras model: it is compiled.

    Args:
        network: Transformer.
        beam_size: K.
        max_length: tokens at most, EOS counted.
        length_penalty: float.
    """

    def __init__(self, network, beam_size, max_length, length_penalty):
        super().__init__()
        self.network, self.beam_size = network, beam_size
        self.max_length, self.length_penalty = max_length, length_penalty
        self.built = True

    def call(self, source):
        """int32 [B, S] -> the parts of Found, [B, M] and [B] each."""
        every = keras.ops.zeros_like(source[:, 0])  # [B], to make one knob per row
        found = search(
            self.network,
            source,
            num_slots=self.beam_size,
            size=self.max_length,
            beam_size=every + self.beam_size,
            max_length=every + self.max_length,
            length_penalty=keras.ops.cast(every, "float32") + self.length_penalty,
        )
        best = (found.tokens, found.lengths, found.log_prob, found.ended)
        # a search with one slot has no second text: its lead is large
        other = found.score[:, 1] if self.beam_size > 1 else NEVER
        return *(part[:, 0] for part in best), found.score[:, 0] - other


def translate(network, sources, beam_size, length_penalty, max_length):
    """Search for the best text of each source.

    Args:
        network: Transformer.
        sources: Ragged of tokens, each text ended by EOS.
        beam_size, length_penalty: of the search.
        max_length: tokens of a translation at most, EOS counted.

    Returns:
        list of Found.
    """
    model = Search(network, beam_size, max_length, length_penalty)
    found = [None] * len(sources)
    lengths = sources.lengths
    progress.doing("translating test")
    seen = progress.counter("sentences", len(sources))
    for rows, (size, width, _) in length_batches(lengths, lengths, BATCH_TOKENS):
        padded = np.resize(rows, size)
        source = sources.tokens[places(sources.offsets, padded, width)]
        parts = model.predict_on_batch(source.astype("int32"))
        for row, *answer in zip(rows, *parts, strict=False):  # the rest is padding
            found[row] = Found(*answer)
        seen(len(rows))
    return found


def not_canonical(text, texts, found):
    """Share of translations that the tokenizer would cut into other tokens.

    Args:
        text: Text.
        texts: list of str.
        found: see `translate`; those that were cut at max_length are left out.

    Returns:
        float; 0 if all were cut.
    """
    differs = [
        not np.array_equal(text.encode(written.encode()), one.tokens[: one.length])
        for written, one in zip(texts, found, strict=True)
        if one.ended
    ]
    return float(np.mean(differs)) if differs else 0.0


def golden(data, encoder, labels, log_prob, texts, found):
    """Expected answers of `log_prob` and `serving_default` for pairs of test.

    The text found by a search is expected only where the second best one has a clearly
    lower score, since rounding may change the order of nearly equal ones.

    Args:
        data: Dataset.
        encoder: Pairs.
        labels: Ragged, the target tokens of test.
        log_prob: float [tokens], ln P of them, nats.
        texts: list of N str, the translation of each source.
        found: list of N Found, the same.

    Returns:
        dict, Report.golden.
    """
    # a given test may hold texts that are longer than a request may be
    asked = np.flatnonzero(labels.lengths <= LONGEST)
    rows = np.random.default_rng(0).permutation(asked)[:GOLDEN]
    scored = {"token_log_probs": tokens.padded(log_prob, labels, rows)}
    clear = [row for row in rows if found[row].lead > CLEAR]
    searched = clear or rows
    answer = {"log_prob": np.array([found[row].log_prob for row in searched])}
    if clear:
        answer["text"] = np.array([texts[row].encode() for row in clear], object)
    given, source = (encoder.request(data.raw(), some) for some in (rows, searched))
    del source["text"]
    requests = base.golden("log_prob", given, scored)
    return requests | base.golden("serving_default", source, answer)


def readable(sources, targets):
    """A pair whose tokens can be read in a figure.

    Args:
        sources, targets: int [N], tokens of each side.

    Returns:
        int, its row: of the pairs with no side above READABLE that of median length, or
        else the shortest.
    """
    longer = np.maximum(sources, targets)
    rows = np.argsort(longer, kind="stable")
    fitting = int((longer <= READABLE).sum())
    return int(rows[fitting // 2])


def attention(network, text, source, target):
    """Attention of the decoder's last block to one source.

    Args:
        network: Transformer.
        text: Text.
        source, target: int [S], [T], ended by EOS.

    Returns:
        Figure.
    """
    read = np.append(0, target[:-1])
    shares = network.features.attention(
        np.array(source, "int32")[None], np.array(read, "int32")[None]
    )
    names = [[text.names[token] for token in side] for side in (source, target)]
    shares = keras.ops.convert_to_numpy(shares)[0]
    return attention_plot.attention(
        shares, *names, "the decoder's last block, mean of heads"
    )

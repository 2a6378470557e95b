"""The page of a language model's report: passages of test, and samples."""

import json

import keras
import numpy as np
from keras import ops

from components.decoding.sample import continue_texts, sample
from components.reports.base import nll_table

SPAN = 100  # tokens of a passage
SHOWN = 8  # passages of each kind
TEMPERATURES, DRAWS, LENGTH = (0.5, 0.8, 1.0), 2, 400  # of the samples


def markdown(metrics, protocol, log_prob, texts, network, encoder):
    """Write the page.

    Args:
        metrics: of the report, names with their split.
        protocol: the windows in words.
        log_prob: float [tokens], ln P of the tokens of test, nats.
        texts: Ragged, the tokens of test.
        network: TransformerLM.
        encoder: Text.

    Returns:
        str, Markdown.
    """
    ngram = f"{metrics['ngram_order']}-gram of train", metrics["test_nll_ngram"]
    means, starts = spans(log_prob, texts)
    order = np.argsort(-means, kind="stable")
    chosen = np.random.default_rng(0).permutation(len(means))
    return "\n".join(
        [
            f"Test: {metrics['test_n']} tokens, EOS included. Read in {protocol}.",
            "",
            *nll_table(metrics, ngram),
            "",
            f"{metrics['test_bits_per_byte']:.4f} bits per byte of the texts; xz -9, "
            f"given train: {metrics['test_xz_bits_per_byte']:.4f}.",
            "",
            f"## Worst passages of {SPAN} tokens, nats per token",
            "",
            *lines(order[:SHOWN], means, starts, texts, encoder),
            "",
            "## Random passages",
            "",
            *lines(chosen[:SHOWN], means, starts, texts, encoder),
            *samples(network, encoder),
            "",
        ]
    )


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


def lines(passages, means, starts, texts, encoder):
    """One line of Markdown for each passage.  -> iterator of str."""
    for number in passages:
        start = starts[number]
        row = int(np.searchsorted(texts.offsets, start, side="right")) - 1
        stop = min(start + SPAN, texts.offsets[row + 1])
        text = encoder.decode(texts.tokens[start:stop])
        where = f"text {row}, from token {start - texts.offsets[row]}"
        yield f"- {means[number]:.3f} ({where}) `{quoted(text)}`"


class Drawn(keras.Model):
    """Texts drawn from P, as a Keras model: `predict_on_batch` compiles it.

    Args:
        network: TransformerLM.
        num_labels: V.
    """

    def __init__(self, network, num_labels):
        super().__init__()
        self.network, self.num_labels = network, num_labels
        self.built = True

    def call(self, inputs):
        """(temperature float [B], uniform float [B, M]) -> int32 [B, M]."""
        temperature, uniform = inputs
        rows, length = ops.shape(uniform)  # tensors, since batches differ in size
        no_text = ops.cast(ops.zeros_like(temperature), "int32")
        # top_k and top_p that cut nothing
        cut = no_text + self.num_labels, ops.ones_like(temperature)

        def choose(log_probs, number):
            place = ops.minimum(number, length - 1)[:, None]
            drawn = ops.take_along_axis(uniform, place, axis=1)[:, 0]
            return sample(log_probs, drawn, temperature, *cut)

        prompt = ops.zeros((rows, 0), "int32")
        most = no_text + length
        return continue_texts(
            self.network, prompt, no_text, most, length, choose
        ).tokens


def samples(network, encoder):
    """Texts drawn from P, as the SavedModel's `sample` draws.  -> iterator of str."""
    temperature = np.repeat(np.array(TEMPERATURES, "float32"), DRAWS)
    uniform = np.random.default_rng(0).random((len(temperature), LENGTH), "float32")
    drawn = Drawn(network, len(encoder.names))
    for row, tokens in enumerate(drawn.predict_on_batch((temperature, uniform))):
        if row % DRAWS == 0:
            yield from ("", f"## Drawn at temperature {temperature[row]:g}", "")
        yield f"- `{quoted(encoder.decode(tokens))}`"


def quoted(text):
    """A text on one line, with a similar character for each backquote."""
    return json.dumps(text, ensure_ascii=False)[1:-1].replace("`", "\u02cb")

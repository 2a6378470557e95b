"""Texts without input: Y = V* EOS, a chain of softmaxes, the last factor EOS."""

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from phistar.components import progress
from phistar.components.data.batches.passes import PackedPlan
from phistar.components.tasks.softmax import Softmax

BATCH_TOKENS = 2**13  # of a batch when a split is measured


class Language(Softmax):
    """P(y) = product over t = 0 ... |y| of softmax over w of s(w | y_1 ... y_t).

    A label is a token here, and an example a text: |y| tokens and EOS.

    Args:
        space: the `LabelSpace` of V and EOS.
        tokenizer: kind of token; see components/data/encoders/tokenizers/.
        vocab_size: number of tokens, EOS counted; of sentencepiece, and only of it.
    """

    losses = ("cross_entropy",)
    counted_by = "windows"

    def __init__(
        self,
        space=None,
        *,
        tokenizer: Literal["characters", "bytes", "sentencepiece"] = "characters",
        vocab_size: Annotated[int, Field(ge=259)] | None = None,
    ):
        super().__init__(space)
        self.tokenizer, self.vocab_size = tokenizer, vocab_size

    def plan(self, inputs, labels, network, batch_size, batch_tokens, seed, devices=1):
        """Passes over windows of the texts laid end to end.  -> PackedPlan."""
        self.require_unit(batch_tokens)
        context = network.windows.context
        return PackedPlan(labels.offsets, context, batch_size, seed, devices)

    def measure(self, network, inputs, labels, loss="cross_entropy", weights=None):
        """ln P of every token of the texts, in the windows of the protocol.

        Args:
            network: TransformerLM.
            inputs: None.
            labels: Ragged of tokens.
            loss: the only one.
            weights: None.

        Returns:
            (float32 [labels.offsets[-1]], nats; 1).
        """
        tokens, result = labels.tokens, np.empty(int(labels.offsets[-1]), "float32")
        starts, scored, stops = network.windows.of(labels.offsets)
        width = int((stops - starts).max())
        size = min(len(starts), max(1, BATCH_TOKENS // width))
        seen = progress.counter("tokens", len(result))
        for first in range(0, len(starts), size):
            rows = np.arange(first, min(first + size, len(starts)))
            places = starts[rows, None] + np.arange(width)  # [R, width]
            inside = places < stops[rows, None]
            places = np.where(inside, places, 0)
            read = np.zeros((size, width), "int32")  # one shape, the last one padded
            read[: len(rows)] = tokens[places - 1] * inside  # of a text's first: 0, EOS
            logits = network.predict_on_batch(read)[: len(rows)]  # [R, width, V]
            log_prob = np.asarray(self.log_prob(logits, tokens[places].astype("int32")))
            # windows overlap: a token counts in the first that scores it
            new = inside & (places >= scored[rows, None])
            result[places[new]] = log_prob[new]
            seen(int(new.sum()))
        return result, 1.0

"""Structured labels: a text in V_y* EOS for each text x, a chain of softmaxes."""

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from phistar.components import progress
from phistar.components.data.batches.buckets import BucketPlan, length_batches, places
from phistar.components.tasks.softmax import Softmax

LONGEST = 1024  # tokens of a text that a request may have
BATCH_TOKENS = 2**12  # positions of a side in a batch when a split is measured


class Translation(Softmax):
    """P(y | x) = product over t = 0 ... |y| of softmax over w of s(w | x, y_1 ... y_t).

    A label is a token here, and an example a pair of texts: |y| tokens and EOS.

    Args:
        space: the `LabelSpace` of V and EOS, of both sides together.
        tokenizer: kind of token; see components/data/encoders/tokenizers/.
        vocab_size: number of tokens, EOS counted; of sentencepiece, and only of it.
        max_length: tokens of either side at most, EOS counted: longer pairs are left
            out of the data, longer requests cut. Of a test that the data give, longer
            pairs are kept, and their sources cut as those of requests.
    """

    losses = ("cross_entropy",)
    counted_by = "tokens"

    def __init__(
        self,
        space=None,
        *,
        tokenizer: Literal["sentencepiece", "characters", "bytes"] = "sentencepiece",
        vocab_size: Annotated[int, Field(ge=259)] | None = None,
        max_length: Annotated[int, Field(ge=2, le=1024)] = 64,  # servers' limit
    ):
        super().__init__(space)
        self.tokenizer, self.vocab_size = tokenizer, vocab_size
        self.max_length = max_length

    def plan(self, inputs, labels, network, batch_size, batch_tokens, seed, devices=1):
        """Passes over the pairs in batches of similar lengths.  -> BucketPlan."""
        self.require_unit(batch_tokens)
        lengths = inputs.lengths, labels.lengths
        return BucketPlan(*lengths, batch_tokens, seed, devices)

    def measure(self, network, inputs, labels, loss="cross_entropy", weights=None):
        """ln P of every token of the target texts.

        Args:
            network: Transformer.
            inputs, labels: Ragged of tokens, sources and targets.
            loss: the only one.
            weights: None.

        Returns:
            (float32 [labels.offsets[-1]], nats; 1).
        """
        result = np.empty(int(labels.offsets[-1]), "float32")
        seen = progress.counter("tokens", len(result))
        for rows, (size, source_width, width) in length_batches(
            inputs.lengths, labels.lengths, BATCH_TOKENS
        ):
            padded = np.resize(rows, size)  # rows again, to keep one shape
            source = inputs.tokens[places(inputs.offsets, padded, source_width)]
            place = places(labels.offsets, padded, width)
            target = labels.tokens[place].astype("int32")
            read = np.pad(target[:, :-1], [(0, 0), (1, 0)])
            # [size, width, V]
            logits = network.predict_on_batch((source.astype("int32"), read))
            log_prob = np.asarray(self.log_prob(logits, target))
            real = np.arange(width) < labels.lengths[padded, None]
            real[len(rows) :] = False  # the repeated rows
            result[place[real]] = log_prob[real]
            seen(int(real.sum()))
        return result, 1.0

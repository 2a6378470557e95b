"""Pairs of texts: a source x and a target y, both of one V and EOS."""

import tensorflow as tf

from components.data.encoders.text import Text
from components.data.sources.base import objects


class Pairs(tf.Module):
    """The encoder of pairs.

    One V for both sides, so that what is equal in both (names, numbers) is the same
    tokens, and the embedding of the source can be that of the target and the head.

    Args:
        **fitted: what the `Text` of both sides is made from.

    Attributes:
        text: Text.
    """

    shape, dtype = Text.shape, Text.dtype
    reads, max_rows, batch_size = Text.reads, Text.max_rows, Text.batch_size
    array = None  # tokens are no array of one shape

    def __init__(self, **fitted):
        super().__init__()
        self.text = Text(**fitted)

    @classmethod
    def fit(cls, tokenizer, texts, vocab_size=None):
        """As `Text.fit`; the texts are the sources and the targets of train."""
        return cls(**Text.fit(tokenizer, texts, vocab_size).to_json())

    @property
    def names(self):
        """What the tokens 0 ... are called, EOS first.  -> tuple of str."""
        return self.text.names

    @property
    def op_libraries(self):
        """See Text."""
        return self.text.op_libraries

    def to_json(self):
        """Plain data; `Pairs(**encoder.to_json())` is the same encoder."""
        return self.text.to_json()

    def describe(self):
        """Meaning of both texts, for the contract.  -> dict of name -> str."""
        held = self.text.describe()["text"]
        return {"source": held, "text": held}

    def encode_all(self, texts):
        """Texts of either side -> their tokens; see Text."""
        return self.text.encode_all(texts)

    def request(self, raw, rows):
        """Pairs as the SavedModel takes them.

        Args:
            raw: (Ragged, Ragged) of bytes, sources and targets as the data have them.
            rows: list of int.
        """
        return {
            name: objects([side[row].tobytes() for row in rows])
            for name, side in zip(("source", "text"), raw, strict=True)
        }

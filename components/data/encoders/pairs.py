"""Pairs of texts: a source x and a target y, both of one V and EOS."""

import tensorflow as tf

from components.data.encoders.text import Text
from components.data.sources.base import objects


class Pairs(tf.Module):
    """The encoder of pairs.

    Both sides have one V. So names and numbers are the same tokens in both, and source,
    target and head can share one embedding.

    Args:
        **fitted: arguments of the `Text` of both sides.

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
        """The encoder of sources and targets of train; see `Text.fit`."""
        return cls(**Text.fit(tokenizer, texts, vocab_size).to_json())

    @property
    def names(self):
        """Names of the tokens 0 ..., EOS first.  -> tuple of str."""
        return self.text.names

    @property
    def op_libraries(self):
        """Packages whose operations the graph needs; see Text."""
        return self.text.op_libraries

    def to_json(self):
        """Plain data; `Pairs(**encoder.to_json())` is the same encoder."""
        return self.text.to_json()

    def describe(self):
        """Meaning of both texts, for the contract.  -> dict of name -> str."""
        held = self.text.describe()["text"]
        return {"source": held, "text": held}

    def encode_all(self, texts):
        """Encode texts of either side; see Text."""
        return self.text.encode_all(texts)

    def request(self, raw, rows):
        """Request of the SavedModel for some pairs.

        Args:
            raw: (Ragged, Ragged) of bytes, sources and targets as the data have them.
            rows: list of int.
        """
        return {
            name: objects([side[row].tobytes() for row in rows])
            for name, side in zip(("source", "text"), raw, strict=True)
        }

"""The tokenizer bytes: byte b is token b + 1, so every text has its tokens."""

import numpy as np
import tensorflow as tf


class Bytes:
    """The tokenizer; nothing is fitted."""

    names = tuple(f"0x{b:02x}" for b in range(256))
    reads = ""
    op_libraries = ()

    @classmethod
    def fit(cls, texts, vocab_size=None):
        """The one tokenizer of all texts, which are not read."""
        return cls()

    def to_json(self):
        """No arguments.  -> {}."""
        return {}

    def encode(self, texts):
        """list of str -> list of int32 [n]."""
        raw = (np.frombuffer(text.encode(), "uint8") for text in texts)
        return [values.astype("int32") + 1 for values in raw]

    def decode(self, tokens):
        """int [n] -> str; U+FFFD where the bytes are not UTF-8."""
        return (tokens - 1).astype("uint8").tobytes().decode("utf-8", "replace")

    def encode_graph(self, texts):
        """string [B] -> int32 Ragged [B, n]."""
        return tf.strings.unicode_decode(texts, "ISO-8859-1") + 1  # byte = code point

    def decode_graph(self, tokens):
        """int32 Ragged [B, n] -> string [B]."""
        every = tf.constant([bytes([b]) for b in range(256)])
        joined = tf.strings.reduce_join(tf.gather(every, tokens - 1), axis=-1)
        return tf.strings.unicode_transcode(joined, "UTF-8", "UTF-8")

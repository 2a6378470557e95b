"""V is the characters of train and U+FFFD, which replaces any other character."""

import numpy as np
import tensorflow as tf

REPLACEMENT = "\ufffd"


class Characters:
    """The tokenizer of characters.

    Args:
        characters: str, V in the order of its code points, U+FFFD included.
    """

    reads = "characters unseen in train as U+FFFD"
    op_libraries = ()

    def __init__(self, characters):
        self.characters = characters
        self.points = np.array([ord(c) for c in characters], "int32")
        self.other = characters.index(REPLACEMENT) + 1  # token of all others
        # code point -> token; the last place is that of all points behind it
        self.token_of = np.full(self.points[-1] + 2, self.other, "int32")
        self.token_of[self.points] = np.arange(1, len(characters) + 1)

    @classmethod
    def fit(cls, texts, vocab_size=None):
        """The tokenizer whose V is the characters of the texts.

        Args:
            texts: iterable of str, read once.
            vocab_size: None; the texts decide the size of V.
        """
        found = {REPLACEMENT}
        for text in texts:
            found.update(text)
        return cls("".join(sorted(found)))

    @property
    def names(self):
        """The characters.  -> tuple of str."""
        return tuple(self.characters)

    def to_json(self):
        """Plain data; `Characters(**tokenizer.to_json())` is the same tokenizer."""
        return {"characters": self.characters}

    def encode(self, texts):
        """list of str -> list of int [n]."""
        # all at once: one by one most of the time is NumPy's own
        points = np.frombuffer("".join(texts).encode("utf-32-le"), "uint32")
        tokens = self.token_of[np.minimum(points, len(self.token_of) - 1)]
        ends = np.cumsum([len(text) for text in texts], dtype=int).tolist()
        return [tokens[i:j] for i, j in zip([0, *ends[:-1]], ends, strict=True)]

    def decode(self, tokens):
        """int [n] -> str."""
        return "".join(self.characters[i] for i in tokens - 1)

    def encode_graph(self, texts):
        """string [B] -> int32 Ragged [B, n]."""
        ragged = tf.strings.unicode_decode(texts, "UTF-8")
        points = ragged.flat_values  # all texts end to end
        place = tf.searchsorted(self.points, points)
        place = tf.minimum(place, len(self.points) - 1)
        hit = tf.equal(tf.gather(self.points, place), points)
        return ragged.with_flat_values(tf.where(hit, place + 1, self.other))

    def decode_graph(self, tokens):
        """int32 Ragged [B, n] -> string [B]."""
        points = tf.gather(self.points, tokens.flat_values - 1)
        return tf.strings.unicode_encode(tokens.with_flat_values(points), "UTF-8")

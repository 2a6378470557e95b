"""The tokenizer characters: those of train, and U+FFFD for any other."""

import numpy as np
import tensorflow as tf

REPLACEMENT = "\ufffd"


class Characters:
    """The tokenizer.

    Args:
        characters: str, V in the order of its code points.
    """

    reads = "characters unseen in train as U+FFFD"
    op_libraries = ()

    def __init__(self, characters):
        self.characters = characters
        self.points = np.array([ord(c) for c in characters], "int32")
        self.other = characters.index(REPLACEMENT) + 1  # token of what is not in V

    @classmethod
    def fit(cls, texts, vocab_size=None):
        """The tokenizer whose V is that of the texts.

        Args:
            texts: iterable of str, read once.
            vocab_size: None; the texts define the size of V.
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
        """Plain data; `Characters(**tokenizer.to_json())` is the same one."""
        return {"characters": self.characters}

    def encode(self, texts):
        """list of str -> list of int [n]."""
        return [self.tokens(text) for text in texts]

    def tokens(self, text):
        """str -> int [n]."""
        points = np.frombuffer(text.encode("utf-32-le"), "int32")
        place = np.searchsorted(self.points, points)
        place = np.minimum(place, len(self.points) - 1)
        return np.where(self.points[place] == points, place + 1, self.other)

    def decode(self, tokens):
        """int [n] -> str."""
        return "".join(self.characters[i] for i in tokens - 1)

    def encode_graph(self, texts):
        """string [B] -> int32 Ragged [B, n]."""
        ragged = tf.strings.unicode_decode(texts, "UTF-8")
        points = ragged.flat_values
        place = tf.searchsorted(self.points, points)
        place = tf.minimum(place, len(self.points) - 1)
        hit = tf.equal(tf.gather(self.points, place), points)
        return ragged.with_flat_values(tf.where(hit, place + 1, self.other))

    def decode_graph(self, tokens):
        """int32 Ragged [B, n] -> string [B]."""
        points = tf.gather(self.points, tokens.flat_values - 1)
        return tf.strings.unicode_encode(tokens.with_flat_values(points), "UTF-8")

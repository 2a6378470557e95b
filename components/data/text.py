"""Text: bytes of UTF-8 -> tokens, each a label of V and EOS, what the networks take.

What is scored is the normal form of a text, the same at ingest and in the SavedModel:

    bytes that are no UTF-8   U+FFFD, one for each maximal part, as Unicode advises
    NUL                       U+FFFD
    U+FEFF at the beginning   left out (a byte order mark)
    CR LF, and CR alone       LF

Nothing else is changed: spaces, empty lines and the form of composed characters stay.

    characters   V is the characters of train and U+FFFD, which stands for any other
    bytes        V is the 256 bytes, byte b being token b + 1: every text has its tokens

Token 0 is EOS. Both need core TensorFlow operations only.

Source: The Unicode Standard 15, section 3.9, "U+FFFD Substitution of Maximal Subparts".
"""

import numpy as np
import tensorflow as tf

from components.data.sources.base import objects

REPLACEMENT = "\ufffd"
EOS = 0


class Text:
    """The encoder of texts.

    Args:
        tokenizer: "characters" or "bytes".
        characters: str, V in the order of its code points; of no use with bytes.
    """

    kind = "text"
    shape = (None,)
    dtype = "int32"

    def __init__(self, tokenizer, characters=""):
        self.tokenizer, self.characters = tokenizer, characters
        self.points = np.array([ord(c) for c in characters], "int32")
        self.other = characters.find(REPLACEMENT) + 1  # token of what is not in V

    @classmethod
    def fit(cls, tokenizer, texts):
        """The encoder whose V is that of the train texts.

        Args:
            tokenizer: "characters" or "bytes".
            texts: iterable of bytes, read once.
        """
        found = {REPLACEMENT}
        for text in texts:
            found.update(normal_form(text))
        return cls(tokenizer, "".join(sorted(found)) * (tokenizer == "characters"))

    @property
    def names(self):
        """What the tokens 0 ... are called, EOS first.  -> tuple of str."""
        if self.tokenizer == "bytes":
            return ("<EOS>", *(f"0x{b:02x}" for b in range(256)))
        return ("<EOS>", *self.characters)

    def to_json(self):
        """Plain data; `Text(**encoder.to_json())` is the same encoder."""
        return {"tokenizer": self.tokenizer, "characters": self.characters}

    def describe(self):
        """Name -> what it holds, for the contract."""
        return {
            "text": "UTF-8; bytes that are none, NUL"
            + ("" if self.tokenizer == "bytes" else " and characters unseen in train")
            + " are read as U+FFFD, CR LF and CR as LF"
        }

    def request(self, raw, rows):
        """Texts as the SavedModel takes them.

        Args:
            raw: Ragged of bytes, texts as the data have them.
            rows: list of int.
        """
        texts = [raw[row].tobytes() for row in rows]
        return {"prompt": np.array([""] * len(rows)), "text": objects(texts)}

    def encode(self, text):
        """One text -> its tokens.  bytes -> int32 [n + 1], the last one EOS."""
        text = normal_form(text)
        if self.tokenizer == "bytes":
            tokens = np.frombuffer(text.encode(), "uint8").astype("int32") + 1
        else:
            points = np.frombuffer(text.encode("utf-32-le"), "int32")
            place = np.searchsorted(self.points, points)
            place = np.minimum(place, len(self.points) - 1)
            tokens = np.where(self.points[place] == points, place + 1, self.other)
        return np.append(tokens, EOS).astype("int32")

    def decode(self, tokens):
        """Tokens -> the text, EOS left out.  int [n] -> str."""
        tokens = np.asarray(tokens)
        tokens = tokens[tokens != EOS] - 1
        if self.tokenizer == "bytes":
            return tokens.astype("uint8").tobytes().decode("utf-8", "replace")
        return "".join(self.characters[i] for i in tokens)

    def encode_graph(self, text):
        """The same, in a graph.

        Args:
            text: string [B].

        Returns:
            (int32 [B, T] with 0 after the end, int32 [B] lengths, EOS counted).
        """
        text = normal_form_graph(text)
        if self.tokenizer == "bytes":
            lengths = tf.strings.length(text)
            # one place more: the operation takes no length of 0
            longest = tf.reduce_max(tf.concat([lengths, [0]], 0)) + 1
            raw = tf.io.decode_raw(text, tf.uint8, fixed_length=longest)
            tokens = tf.cast(raw, tf.int32) + 1
        else:
            points = tf.strings.unicode_decode(text, "UTF-8")
            lengths = tf.cast(points.row_lengths(), tf.int32)
            points = points.to_tensor(0)
            points = tf.pad(points, [[0, 0], [0, 1]])
            place = tf.searchsorted(self.points, tf.reshape(points, [-1]))
            place = tf.reshape(place, tf.shape(points))
            place = tf.minimum(place, len(self.points) - 1)
            hit = tf.equal(tf.gather(self.points, place), points)
            tokens = tf.where(hit, place + 1, self.other)
        inside = tf.sequence_mask(lengths, tf.shape(tokens)[1])
        return tf.where(inside, tokens, EOS), lengths + 1

    def decode_graph(self, tokens, lengths):
        """Tokens -> texts, EOS left out.  int32 [B, T], int32 [B] -> string [B]."""
        inside = tf.sequence_mask(lengths, tf.shape(tokens)[1]) & (tokens != EOS)
        kept = tf.RaggedTensor.from_row_lengths(
            tf.boolean_mask(tokens, inside) - 1,
            tf.reduce_sum(tf.cast(inside, tf.int64), axis=1),
        )
        if self.tokenizer == "bytes":
            every = tf.constant([bytes([b]) for b in range(256)])
            joined = tf.strings.reduce_join(tf.gather(every, kept), axis=-1)
            return tf.strings.unicode_transcode(joined, "UTF-8", "UTF-8")
        points = kept.with_flat_values(tf.gather(self.points, kept.flat_values))
        return tf.strings.unicode_encode(points, "UTF-8")


def normal_form(text):
    """The text that is scored.  bytes -> str."""
    text = text.decode("utf-8", "replace").removeprefix("\ufeff")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.replace("\0", REPLACEMENT)


def normal_form_graph(text):
    """The same, in a graph.  string [B] -> string [B]."""
    text = tf.strings.unicode_transcode(text, "UTF-8", "UTF-8", errors="replace")
    for pattern, new in (("^\ufeff", ""), ("\r\n?", "\n"), (r"\x00", REPLACEMENT)):
        text = tf.strings.regex_replace(text, pattern, new, replace_global=True)
    return text


def sizes(text):
    """(characters, bytes) of a text as the data have it; bytes -> two int."""
    return len(text.decode("utf-8", "replace")), len(text)

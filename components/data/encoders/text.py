"""Text: bytes of UTF-8 -> tokens, each a label of V and EOS, what the networks take.

P is that of a text's normal form, the same at ingest and in the SavedModel:

    bytes that are no UTF-8   U+FFFD, one for each maximal part, as Unicode advises
    NUL                       U+FFFD
    U+FEFF at the beginning   left out (a byte order mark)
    CR LF, and CR alone       LF

Nothing else is changed: spaces, empty lines and the form of composed characters stay.
A class of components/data/encoders/tokenizers/ defines the tokens; token 0 is EOS.

Source: The Unicode Standard 15, section 3.9, "U+FFFD Substitution of Maximal Subparts".
"""

import numpy as np
import tensorflow as tf

from phistar.components.data.encoders.tokenizers import tokenizer as tokenizer_class
from phistar.components.data.encoders.tokenizers.characters import REPLACEMENT
from phistar.components.data.sources.base import objects

EOS = 0


class Text(tf.Module):
    """The encoder of texts.

    Args:
        tokenizer: its name, a case of components/data/encoders/tokenizers/.
        **fitted: arguments of that class.
    """

    shape = (None,)
    dtype = "int32"
    reads = "lines"
    max_rows = 32  # of a request: a search keeps keys and values of every hypothesis
    batch_size = 32
    reading = None
    own_names = {}  # no columns
    array = None  # tokens are no array of one shape
    given = ("prompt", "text")  # inputs of the SavedModel that are texts of data

    def __init__(self, tokenizer, **fitted):
        super().__init__()
        self.tokenizer = tokenizer
        self.vocabulary = tokenizer_class(tokenizer)(**fitted)

    @classmethod
    def fit(cls, tokenizer, texts, vocab_size=None):
        """The encoder whose V is that of the train texts.

        Args:
            tokenizer: its name.
            texts: iterable of bytes, read once at most.
            vocab_size: number of tokens, EOS counted; of sentencepiece only.

        Raises:
            ValueError: a size for characters or bytes, or none for sentencepiece.
        """
        if (tokenizer == "sentencepiece") != (vocab_size is not None):
            raise ValueError(
                "`task.vocab_size` belongs to `task.tokenizer=sentencepiece`, which "
                f"needs it. Received: vocab_size={vocab_size} with {tokenizer}."
            )
        fitted = tokenizer_class(tokenizer).fit(map(normal_form, texts), vocab_size)
        return cls(tokenizer, **fitted.to_json())

    @property
    def names(self):
        """Names of the tokens 0 ..., EOS first.  -> tuple of str."""
        return ("<EOS>", *self.vocabulary.names)

    @property
    def op_libraries(self):
        """Packages whose operations a graph with this encoder needs."""
        return self.vocabulary.op_libraries

    def to_json(self):
        """Plain data; `Text(**encoder.to_json())` is the same encoder."""
        return {"tokenizer": self.tokenizer, **self.vocabulary.to_json()}

    def describe(self):
        """Meaning of a text, for the contract.  -> dict of name -> str."""
        also = f", {self.vocabulary.reads}" if self.vocabulary.reads else ""
        return {
            "text": "UTF-8; bytes that are none and NUL are read as U+FFFD, CR LF and "
            f"CR as LF{also}"
        }

    def seen(self):
        """Characters of train, for the contract; see components/serving/drift.py."""
        known = (
            "".join(self.vocabulary.names) if self.tokenizer == "characters" else None
        )
        return {"characters": {"inputs": list(self.given), "known": known}}

    def request(self, raw, rows):
        """Request of the SavedModel for some texts.

        Args:
            raw: Ragged of bytes, texts as the data have them.
            rows: list of int.
        """
        texts = [raw[row].tobytes() for row in rows]
        return {"prompt": np.array([""] * len(rows)), "text": objects(texts)}

    def encode(self, text):
        """Encode one text.  bytes -> int32 [n + 1], the last one EOS."""
        return self.encode_all([text])[0]

    def encode_all(self, texts):
        """Encode texts, faster than one by one.

        Args:
            texts: list of bytes.

        Returns:
            list of int32 [n + 1], the last one EOS.
        """
        tokens, lengths = self.encode_flat(texts)
        return np.split(tokens, np.cumsum(lengths)[:-1]) if texts else []

    def encode_flat(self, texts):
        """Encode texts, their tokens end to end.

        Args:
            texts: list of bytes.

        Returns:
            (int32 [total], each text ended by EOS; int64 [N], lengths, EOS counted).
        """
        rows = self.vocabulary.encode([normal_form(text) for text in texts])
        lengths = np.array([len(row) + 1 for row in rows], "int64")
        tokens = np.full(lengths.sum(), EOS, "int32")
        inside = np.ones(len(tokens), bool)
        inside[np.cumsum(lengths) - 1] = False
        if inside.any():
            tokens[inside] = np.concatenate(rows)
        return tokens, lengths

    def decode(self, tokens):
        """Decode tokens, EOS left out.  int [n] -> str."""
        tokens = np.asarray(tokens)
        return self.vocabulary.decode(tokens[tokens != EOS])

    def encode_graph(self, text):
        """Encode texts in a graph.

        Args:
            text: string [B].

        Returns:
            (int32 [B, T] with 0 after the end, int32 [B] lengths, EOS counted).
        """
        tokens = self.vocabulary.encode_graph(normal_form_graph(text))
        lengths = tf.cast(tokens.row_lengths(), tf.int32)
        return tf.pad(tokens.to_tensor(EOS), [[0, 0], [0, 1]]), lengths + 1

    def decode_graph(self, tokens, lengths):
        """Decode in a graph, EOS left out.  int32 [B, T], int32 [B] -> string [B]."""
        inside = tf.sequence_mask(lengths, tf.shape(tokens)[1]) & (tokens != EOS)
        kept = tf.RaggedTensor.from_row_lengths(
            tf.boolean_mask(tokens, inside),
            tf.reduce_sum(tf.cast(inside, tf.int64), axis=1),
        )
        return self.vocabulary.decode_graph(kept)


def normal_form(text):
    """Normal form of a text.  bytes -> str."""
    text = text.decode("utf-8", "replace").removeprefix("\ufeff")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.replace("\0", REPLACEMENT)


def normal_form_graph(text):
    """Normal form of texts, in a graph.  string [B] -> string [B]."""
    text = tf.strings.unicode_transcode(text, "UTF-8", "UTF-8", errors="replace")
    for pattern, new in (("^\ufeff", ""), ("\r\n?", "\n"), (r"\x00", REPLACEMENT)):
        text = tf.strings.regex_replace(text, pattern, new, replace_global=True)
    return text

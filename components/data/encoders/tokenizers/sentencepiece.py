"""V is pieces of words, chosen so that the texts of train are probable.

In this unigram model of pieces, a text is cut into the pieces whose product of
probabilities is the largest. Characters that no piece covers are spelled in bytes, 256
further tokens. So every text has tokens, and decode gives it back. A space is U+2581 in
a piece, so this character itself is read as a space. Nothing is added before the first
word, and no space is dropped, so the tokens of a prompt and of its continuation can be
joined.

tensorflow-text's operation cuts the texts at ingest too: of equally probable cuts
("66 6" and "6 66") the package sentencepiece takes others.

Source: T. Kudo, "Subword Regularization", ACL 2018, section 3.2; T. Kudo and
J. Richardson, "SentencePiece", EMNLP 2018 (https://github.com/google/sentencepiece).
"""

import base64
import hashlib
import io
import itertools
import re
import tempfile

import sentencepiece
import tensorflow as tf
from sentencepiece.sentencepiece_model_pb2 import ModelProto

from phistar.components import progress
from phistar.components.data.encoders.tokenizers.characters import REPLACEMENT

TRAIN_CHARACTERS = 2**26  # largest number of characters to choose the pieces by
SENTENCE = 2**14  # characters; longer texts are cut for the training of the model
# The normal form is that of components/data/encoders/text.py, and one rule after it. A
# model without any rule prints a warning on stderr whenever it is loaded.
RULES = "2581\t20\n"  # U+2581 -> space
OPTIONS = {
    "model_type": "unigram",
    "byte_fallback": True,
    # EOS is 0, and there is no token beside V and EOS
    "eos_id": 0,
    "unk_id": 1,
    "bos_id": -1,
    "pad_id": -1,
    "unk_surface": REPLACEMENT,
    "add_dummy_prefix": False,
    "remove_extra_whitespaces": False,
    "max_sentence_length": 4 * SENTENCE,  # bytes
    "hard_vocab_limit": False,
    # sums depend on the number of threads: a fixed one gives the same on all machines
    "num_threads": 16,
    "minloglevel": 2,
}


class SentencePiece(tf.Module):
    """The tokenizer of pieces.

    Args:
        model: str, SentencePiece's own file in base64. It is part of the Dataset's
            description, since some stages read nothing else of a Dataset.
    """

    reads = "U+2581 as a space"
    op_libraries = ("tensorflow_text",)

    def __init__(self, model):
        super().__init__()
        self.model = base64.b64decode(model)
        self.processor = sentencepiece.SentencePieceProcessor(model_proto=self.model)
        self.in_graph = None

    @classmethod
    def fit(cls, texts, vocab_size):
        """The tokenizer of `vocab_size` tokens, EOS counted, that fits the texts best.

        Args:
            texts: iterable of str, read once.
            vocab_size: int.

        Raises:
            ValueError: if there are no texts, or they have too many characters for
                `vocab_size`, or too few pieces.
        """
        sample = thinned(texts, TRAIN_CHARACTERS)
        progress.doing("choosing the pieces of words")
        if not sample:
            raise ValueError(
                "no pieces can be chosen without a text. Received: an empty train. "
                "Add data, or lower `ingest.valid_fraction` and `ingest.test_fraction`."
            )
        try:
            model = trained(sample, vocab_size)
        except RuntimeError as error:
            # the trainer states the size it needs only in its message
            needed = re.search(r"required_chars\. \d+ vs (\d+)", str(error))
            if needed is None:
                raise
            raise ValueError(
                "`task.vocab_size` is smaller than EOS, U+FFFD, the 256 bytes and the "
                f"characters of train. Received: {vocab_size}. Expected {needed[1]} "
                "at least, and more for pieces of several characters."
            ) from error
        made = cls(base64.b64encode(model).decode())
        # the limit is soft, so the trainer may return fewer pieces without an error
        found = made.processor.get_piece_size()
        if found < vocab_size:
            raise ValueError(
                "`task.vocab_size` is larger than train has pieces for. Received: "
                f"{vocab_size}. Expected {found} at most: set `task.vocab_size={found}`"
                ", or add data."
            )
        return made

    @property
    def names(self):
        """The pieces; the first is <unk>, which no text contains.  -> tuple of str."""
        number = self.processor.get_piece_size()
        return tuple(self.processor.id_to_piece(i) for i in range(1, number))

    def to_json(self):
        """Plain data; `SentencePiece(**tokenizer.to_json())` is the same tokenizer."""
        return {"model": base64.b64encode(self.model).decode()}

    def encode(self, texts):
        """list of str -> list of int32 [n]."""
        rows = self.encode_graph(tf.constant(texts, tf.string))
        tokens, borders = rows.flat_values.numpy(), rows.row_splits.numpy()
        return [tokens[start:stop] for start, stop in itertools.pairwise(borders)]

    def decode(self, tokens):
        """int [n] -> str; bytes that are not UTF-8 become U+FFFD."""
        return self.processor.decode(tokens.tolist())

    def operations(self):
        """The model in TensorFlow; created at first use, since the import is slow."""
        if self.in_graph is None:
            import tensorflow_text

            # outside of any graph that is being traced: all graphs share the object
            with tf.init_scope():
                self.in_graph = tensorflow_text.SentencepieceTokenizer(self.model)
        return self.in_graph

    def encode_graph(self, texts):
        """string [B] -> int32 Ragged [B, n]."""
        return self.operations().tokenize(texts)

    def decode_graph(self, tokens):
        """int32 Ragged [B, n] -> string [B]."""
        return self.operations().detokenize(tokens)


def trained(texts, vocab_size):
    """Train a model; the same texts give the same bytes.

    Args:
        texts: list of str.
        vocab_size: int; the model may have fewer pieces.

    Returns:
        bytes, SentencePiece's own file.

    Raises:
        RuntimeError: if `vocab_size` is too small for the characters.
    """
    file = io.BytesIO()
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as rules:
        rules.write(RULES)
        rules.flush()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(texts),
            model_writer=file,
            vocab_size=vocab_size,
            normalization_rule_tsv=rules.name,
            **OPTIONS,
        )
    model = ModelProto.FromString(file.getvalue())
    model.normalizer_spec.ClearField("normalization_rule_tsv")  # a random name
    return model.SerializeToString(deterministic=True)


def thinned(texts, limit):
    """Texts in pieces of at most SENTENCE characters, together at most `limit`.

    The hash of a piece decides if it is kept. So a further text moves few others, and
    the choice does not depend on the order of the texts.

    Args:
        texts: iterable of str.
        limit: number of characters.

    Returns:
        list of str.
    """
    kept, size, share = [], 0, 1.0
    for text in texts:
        for start in range(0, len(text), SENTENCE):
            piece = text[start : start + SENTENCE]
            place = position(piece)
            if place < share:
                kept.append((place, piece))
                size += len(piece)
        # half of the hashes are given up at a time, of pieces to come too
        while size > limit:
            share /= 2
            kept = [entry for entry in kept if entry[0] < share]
            size = sum(len(piece) for _, piece in kept)
    return [piece for _, piece in kept]


def position(text):
    """Hash of a text, as a number in [0, 1)."""
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64

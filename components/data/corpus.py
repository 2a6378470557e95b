"""Texts, or pairs of texts -> flat tokens and offsets by split, a block at a time."""

from dataclasses import dataclass

import numpy as np

from components.data.encoders.text import sizes
from components.data.splits import SPLITS
from components.data.texts import SIDES, TextFiles

BLOCK = 1024  # rows to encode at once


@dataclass(frozen=True)
class Written:
    """Result of the second pass.

    Args:
        digests: split -> SHA-256 of its tokens.
        train_counts: list [V], occurrences in train of each token of the labels.
        num_rows: split -> its number of rows.
        num_dropped: split -> its number of rows that were left out as too long.
    """

    digests: dict[str, str]
    train_counts: list[int]
    num_rows: dict[str, int]
    num_dropped: dict[str, int]


def train_texts(pieces, kind):
    """The first pass: the texts of train, for the tokenizer.

    Args:
        pieces: iterable of (split, Rows), as from `split_rows`.
        kind: a key of SIDES.

    Yields:
        bytes; of a pair, both sides.
    """
    for split, rows in pieces:
        if split == "train":
            for side in SIDES[kind]:
                yield from getattr(rows, side)


def write(folder, pieces, kind, encoder, max_length=None):
    """The second pass: write tokens and sizes, and the raw texts of test.

    Args:
        folder: Path of the Dataset.
        pieces: iterable of (split, Rows), as from `split_rows`.
        kind: a key of SIDES.
        encoder: Text or Pairs.
        max_length: tokens, EOS counted; a row with a longer side is left out of all
            files. Default: any length.

    Returns:
        Written.
    """
    vocab_size = len(encoder.names)
    dtype = np.min_scalar_type(vocab_size)  # uint8 or uint16 for most vocabularies
    files = {
        name: TextFiles(folder / name, kind, dtype, raw=name == "test")
        for name in SPLITS
    }
    counts = np.zeros(vocab_size, int)
    num_rows, num_dropped = dict.fromkeys(SPLITS, 0), dict.fromkeys(SPLITS, 0)
    for split, texts in blocks(pieces, kind):
        # rows -> sides, each encoded as a whole -> rows again
        encoded = zip(*map(encoder.encode_all, zip(*texts, strict=True)), strict=True)
        for row, tokens in zip(texts, encoded, strict=True):
            if max_length and max(map(len, tokens)) > max_length:
                num_dropped[split] += 1
                continue
            raw = [np.frombuffer(t, "uint8") for t in row if split == "test"]
            files[split].append(tokens, raw, sizes(row[-1]))
            num_rows[split] += 1
            # of the label only: it is the last side
            if split == "train":
                counts += np.bincount(tokens[-1], minlength=vocab_size)
    digests = {name: files[name].close() for name in SPLITS}
    return Written(digests, counts.tolist(), num_rows, num_dropped)


def blocks(pieces, kind):
    """Blocks of at most BLOCK rows.

    Args:
        pieces: iterable of (split, Rows), as from `split_rows`.
        kind: a key of SIDES.

    Yields:
        (name of the split, list of tuples of bytes, one for each side, the label last).
    """
    for split, rows in pieces:
        for start in range(0, len(rows), BLOCK):
            part = rows.take(slice(start, start + BLOCK))
            sides = (getattr(part, side) for side in SIDES[kind])
            yield split, list(zip(*sides, strict=True))

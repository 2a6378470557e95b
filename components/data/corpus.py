"""Texts, or pairs of them -> flat tokens and offsets by split, some rows at a time."""

import numpy as np

from phistar.components.data.arrays import TextFiles
from phistar.components.data.kinds import kind as kind_class
from phistar.components.data.splits import SPLITS
from phistar.components.data.text_blocks import blocks, blocks_by_workers


def train_texts(pieces, sides):
    """Texts of train for the tokenizer: the first pass.

    Args:
        pieces: of `split_rows`.
        sides: names of the sides that are texts, the label last.

    Yields:
        bytes.
    """
    for split, rows in pieces:
        if split == "train":
            for side in sides:
                yield from getattr(rows, side)


def write(folder, pieces, kind, encoder, max_length, notices, workers):
    """Run the second pass: write tokens, sizes, and of test the texts as they are.

    A test that the data give is kept line by line, so that its BLEU is comparable. Of a
    pair with a long side the source is cut, as that of a request is.

    Args:
        folder: Path of the Dataset.
        pieces: of `split_rows`.
        kind: name of the kind of data.
        encoder: Text or Pairs.
        max_length: tokens, EOS counted; a row with a longer side is left out of all
            files. None for any length.
        notices: Counter of what is left out or cut.
        workers: Workers that encode the texts.

    Returns:
        A tuple:

        - digests: split -> SHA-256 of its tokens
        - train_counts: list, how often each token occurs in the labels of train
        - num_rows: split -> number of its rows
        - num_dropped: split -> number of rows left out as too long
    """
    vocab_size, sides = len(encoder.names), kind_class(kind).sides
    dtype = np.min_scalar_type(vocab_size)
    files = {
        name: TextFiles(folder / name, sides, dtype, raw=name == "test")
        for name in SPLITS
    }
    counts = np.zeros(vocab_size, int)
    num_rows, num_dropped = dict.fromkeys(SPLITS, 0), dict.fromkeys(SPLITS, 0)
    encode = blocks if workers.number == 1 else blocks_by_workers
    for split, block in encode(pieces, kind, encoder, max_length, workers, folder):
        tokens, raw, sizes, dropped, noted = block
        notices.join(noted)
        files[split].append(tokens, raw if split == "test" else [], sizes)
        num_rows[split] += len(sizes)
        num_dropped[split] += dropped
        if split == "train":
            counts += np.bincount(tokens[-1][0], minlength=vocab_size)
    digests = {name: files[name].close() for name in SPLITS}
    return digests, counts.tolist(), num_rows, num_dropped

"""Texts, or pairs of them -> flat tokens and offsets by split, some rows at a time."""

import numpy as np

from phistar.components.data.arrays import TextFiles
from phistar.components.data.files.encodings import is_foreign
from phistar.components.data.splits import SPLITS

TOO_LONG = "pairs of {} with a side longer than task.max_length={} left out"
KEPT_LONG = "pairs of {} longer than task.max_length={} kept, long sources cut"
FOREIGN = "texts with bytes that are not UTF-8, read as U+FFFD"
SHOWN = 30  # bytes of a text that name it
BLOCK = 1024  # rows that are encoded at once


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


def write(folder, pieces, sides, encoder, max_length, notices):
    """Run the second pass: write tokens, sizes, and of test the texts as they are.

    A test that the data give is kept line by line, so that its BLEU is comparable. Of a
    pair with a long side the source is cut, as that of a request is.

    Args:
        folder: Path of the Dataset.
        pieces: of `split_rows`.
        sides: names of the sides that are texts, the label last.
        encoder: Text or Pairs.
        max_length: tokens, EOS counted; a row with a longer side is left out of all
            files. None for any length.
        notices: Counter of what is left out or cut.

    Returns:
        A tuple:

        - digests: split -> SHA-256 of its tokens
        - train_counts: list, how often each token occurs in the labels of train
        - num_rows: split -> number of its rows
        - num_dropped: split -> number of rows left out as too long
    """
    vocab_size = len(encoder.names)
    dtype = np.min_scalar_type(vocab_size)
    files = {
        name: TextFiles(folder / name, sides, dtype, raw=name == "test")
        for name in SPLITS
    }
    counts = np.zeros(vocab_size, int)
    num_rows, num_dropped = dict.fromkeys(SPLITS, 0), dict.fromkeys(SPLITS, 0)
    for split, given, texts in blocks(pieces, sides):
        encoded = zip(*map(encoder.encode_all, zip(*texts, strict=True)), strict=True)
        for row, tokens in zip(texts, encoded, strict=True):
            if max_length and max(map(len, tokens)) > max_length:
                what = KEPT_LONG if given else TOO_LONG
                beginning = row[0][:SHOWN].decode("utf-8", "ignore")
                notices.add(what.format(split, max_length), f"{beginning!r} ...")
                if not given:
                    num_dropped[split] += 1
                    continue
                tokens = [*(cut(x, max_length) for x in tokens[:-1]), tokens[-1]]
            for text in row:
                if is_foreign(text):
                    notices.add(FOREIGN, f"{text[:SHOWN].decode('utf-8', 'replace')!r}")
            raw = [np.frombuffer(t, "uint8") for t in row if split == "test"]
            files[split].append(tokens, raw, sizes(row[-1]))
            num_rows[split] += 1
            if split == "train":
                counts += np.bincount(tokens[-1], minlength=vocab_size)
    digests = {name: files[name].close() for name in SPLITS}
    return digests, counts.tolist(), num_rows, num_dropped


def cut(tokens, max_length):
    """The first tokens of a long source, EOS at the end, as a server cuts it."""
    if len(tokens) <= max_length:
        return tokens
    return np.append(tokens[: max_length - 1], tokens[-1:])


def blocks(pieces, sides):
    """A few rows at a time.

    Args:
        pieces: of `split_rows`.
        sides: names of the sides that are texts, the label last.

    Yields:
        (name of the split, True if the data give it and it is test, list of tuples of
        bytes, by side, the label last).
    """
    for split, rows in pieces:
        for start in range(0, len(rows), BLOCK):
            part = rows.take(slice(start, start + BLOCK))
            texts = (getattr(part, side) for side in sides)
            # a test that is made has no split of its own, or that of train
            given = split == "test" and part.split is not None
            given = given and bool(part.split[0] == "test")
            yield split, given, list(zip(*texts, strict=True))


def sizes(text):
    """(characters, bytes) of a text as the data have it; bytes -> two int."""
    return len(text.decode("utf-8", "replace")), len(text)

"""Blocks of texts, encoded: in this process, or by several if there are gigabytes."""

import json
import os
import tempfile
from collections import deque
from functools import cache
from itertools import compress
from pathlib import Path
from typing import NamedTuple

import numpy as np

from phistar.components.data import scratch
from phistar.components.data.encoders import encoder as encoder_class
from phistar.components.data.files.encodings import is_foreign
from phistar.components.data.kinds import kind as kind_class
from phistar.components.data.notices import Counter

TOO_LONG = "pairs of {} with a side longer than task.max_length={} left out"
KEPT_LONG = "pairs of {} longer than task.max_length={} kept, long sources cut"
FOREIGN = "texts with bytes that are not UTF-8, read as U+FFFD"
SHOWN = 30  # bytes of a text that name it
BLOCK = 1024  # rows that are encoded at once


class Block(NamedTuple):
    """Rows of one split, encoded.

    Args:
        tokens: list of (int [total], the rows end to end; int [n], lengths), by side.
        raw: the same of their bytes, uint8.
        sizes: int64 [n, 2], (characters, bytes) of the labels.
        dropped: int, rows that are too long and left out.
        noted: dict of what -> [count, first places], see Counter.
    """

    tokens: list
    raw: list
    sizes: np.ndarray
    dropped: int
    noted: dict


def blocks(pieces, kind, encoder, max_length, workers, folder):
    """Encode in this process.

    Args:
        pieces, kind, encoder, max_length, workers, folder: see `write` of corpus.py.

    Yields:
        (name of the split, Block).
    """
    for split, given, texts in split_texts(pieces, kind_class(kind).sides):
        for start in range(0, len(texts[0]), BLOCK):
            part = [side[start : start + BLOCK] for side in texts]
            yield split, block(part, split, given, encoder, max_length)


def blocks_by_workers(pieces, kind, encoder, max_length, workers, folder):
    """Encode in several processes; see `blocks`."""
    sides = kind_class(kind).sides
    with tempfile.TemporaryDirectory(dir=folder, ignore_cleanup_errors=True) as name:
        between, waiting = Path(name), deque()
        made_of = between / "encoder.json"
        made_of.write_text(json.dumps(encoder.to_json()), "utf-8")

        def requests():
            for number, (split, given, texts) in enumerate(split_texts(pieces, sides)):
                file = scratch.ScratchFile(between / f"{number}.arrow", lasting=False)
                file.append(dict(zip(sides, texts, strict=True)))
                file.close()
                waiting.append((split, between / f"{number}.npz"))
                yield {
                    "path": str(file.path),
                    "kind": kind,
                    "encoder": str(made_of),
                    "sides": list(sides),
                    "split": split,
                    "given": given,
                    "max_length": max_length,
                }

        for dropped, noted in workers.map(encode_file, requests()):
            split, path = waiting.popleft()
            with np.load(path) as arrays:
                sizes = arrays["sizes"]
                both = [
                    [(arrays[name], arrays[f"{name} lengths"]) for name in names]
                    for names in (
                        [f"{what}{side}" for side in range(len(sides))]
                        for what in ("tokens", "raw")
                    )
                ]
            path.unlink()
            yield split, Block(*both, sizes, dropped, noted)


def encode_file(path, kind, encoder, sides, split, given, max_length, read):
    """Encode the texts of a scratch file, and write an .npz beside it.

    Args:
        path: of the scratch file; it is removed.
        kind: name of the kind of data.
        encoder: path of the encoder's own JSON.
        sides, split, given, max_length: see `block`.
        read: not called.

    Returns:
        (dropped, noted) of Block.
    """
    encode, found = loaded(kind, encoder), []
    for piece in scratch.batches(path):
        texts = [piece[side].to_pylist() for side in sides]
        for start in range(0, len(texts[0]), BLOCK):
            part = [side[start : start + BLOCK] for side in texts]
            found.append(block(part, split, given, encode, max_length))
    os.unlink(path)
    arrays = {"sizes": np.concatenate([one.sizes for one in found])}
    for what in ("tokens", "raw"):
        for side in range(len(sides)):
            both = zip(*(getattr(one, what)[side] for one in found), strict=True)
            flat, lengths = map(np.concatenate, both)
            arrays[f"{what}{side}"] = flat
            arrays[f"{what}{side} lengths"] = lengths
    np.savez(Path(path).with_suffix(".npz"), **arrays)
    noted = Counter()
    for one in found:
        noted.join(one.noted)
    return sum(one.dropped for one in found), noted.plain()


@cache
def loaded(kind, path):
    """The encoder of a kind of data in a file."""
    return encoder_class(kind)(**json.loads(Path(path).read_text("utf-8")))


def block(texts, split, given, encoder, max_length):
    """Encode some rows.

    Args:
        texts: list of list of bytes, by side, the label last.
        split: name of theirs.
        given: True if the data give it and it is test.
        encoder: Text or Pairs.
        max_length: see `write` of corpus.py.

    Returns:
        Block.
    """
    noted, dropped = Counter(), 0
    tokens = [encoder.encode_flat(side) for side in texts]
    long = np.zeros(len(texts[0]), bool)
    for _, lengths in tokens if max_length else ():
        long |= lengths > max_length
    if long.any():
        what = (KEPT_LONG if given else TOO_LONG).format(split, max_length)
        for row in np.flatnonzero(long).tolist():
            beginning = texts[0][row][:SHOWN].decode("utf-8", "ignore")
            noted.add(what, f"{beginning!r} ...")
        if given:
            tokens[:-1] = [cut(*side, max_length) for side in tokens[:-1]]
        else:
            dropped = int(long.sum())
            tokens = [chosen(*side, ~long) for side in tokens]
            texts = [list(compress(side, ~long)) for side in texts]
    for row in foreign_rows(texts):
        shown = row[:SHOWN].decode("utf-8", "replace")
        noted.add(FOREIGN, f"{shown!r}")
    dtype = np.min_scalar_type(len(encoder.names))
    return Block(
        [(flat.astype(dtype), lengths) for flat, lengths in tokens],
        [laid(side) for side in texts] if split == "test" else [laid([])] * len(texts),
        np.array([sizes(text) for text in texts[-1]], "int64").reshape(-1, 2),
        dropped,
        noted.plain(),
    )


def laid(texts):
    """Bytes of texts end to end, and their lengths.  -> (uint8 [total], int64 [n])"""
    lengths = np.array([len(text) for text in texts], "int64")
    return np.frombuffer(b"".join(texts), "uint8"), lengths


def foreign_rows(texts):
    """The texts that are not UTF-8.  list of list of bytes -> list of bytes"""
    every = [text for row in zip(*texts, strict=True) for text in row]
    # one by one only if there is any
    return list(filter(is_foreign, every)) if is_foreign(b"\n".join(every)) else []


def chosen(tokens, lengths, kept):
    """Some rows of tokens.  int [total], int [n], bool [n] -> (int, int [k])"""
    return tokens[np.repeat(kept, lengths)], lengths[kept]


def cut(tokens, lengths, max_length):
    """The first tokens of long sources, EOS at the end, as a server cuts them.

    Args:
        tokens: int [total], the rows end to end.
        lengths: int [n], EOS counted.
        max_length: int.

    Returns:
        (int, int [n]).
    """
    starts = np.cumsum(lengths) - lengths
    place = np.arange(len(tokens)) - np.repeat(starts, lengths)
    last = np.repeat(lengths, lengths) - 1
    return tokens[(place < max_length - 1) | (place == last)], np.minimum(
        lengths, max_length
    )


def split_texts(pieces, sides):
    """The texts of pieces.

    Args:
        pieces: of `split_rows`.
        sides: names of the sides that are texts, the label last.

    Yields:
        (name of the split, True if the data give it and it is test, list of list of
        bytes, by side).
    """
    for split, rows in pieces:
        # a test that is made has no split of its own, or that of train
        given = split == "test" and rows.split is not None
        given = given and bool(rows.split[0] == "test")
        yield split, given, [list(getattr(rows, side)) for side in sides]


def sizes(text):
    """(characters, bytes) of a text as the data have it; bytes -> two int."""
    size = len(text)
    return size if text.isascii() else len(text.decode("utf-8", "replace")), size

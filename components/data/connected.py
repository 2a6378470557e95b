"""Sentence pairs that share a sentence, and so must be in one split.

Pairs are connected if their source sentences are the same, or their target sentences,
or a third pair connects them. Two sentences are the same if their letters are. Case,
digits, punctuation and spaces do not count ("Row 1" and "row 2:").
"""

import hashlib
from unicodedata import category, normalize

import numpy as np


def components(pieces):
    """Components of connected pairs, over chains of any length.

    Args:
        pieces: iterable of Rows of pairs; read once, 8 bytes kept of each sentence.

    Returns:
        (names, component): uint64 [C], the lowest key of each component's source
        sentences, which no order of the rows changes; int [N], in 0 ... C-1, the
        component of each pair.
    """
    keys = [(sentence_keys(r.inputs), sentence_keys(r.labels)) for r in pieces]
    source, target = (np.concatenate(side) for side in zip(*keys, strict=True))
    # keys -> numbers from 0, so that they can index arrays
    numbers = (np.unique(side, return_inverse=True)[1] for side in (source, target))
    # the lowest row identifies a component; number the components from 0
    _, component = np.unique(lowest_rows(*numbers), return_inverse=True)
    names = np.full(component.max() + 1, np.iinfo("uint64").max, "uint64")
    np.minimum.at(names, component, source)
    return names, component


def lowest_rows(first, second):
    """The lowest row that each row is connected to.

    Rows whose numbers are equal in `first` or in `second` are connected.

    Args:
        first, second: int [N], from 0.

    Returns:
        int [N], in 0 ... N-1.
    """
    lowest = np.arange(len(first))
    while True:
        before = lowest
        for numbers in (first, second):
            # rows of one number all get the lowest row that any of them has
            of_number = np.full(numbers.max() + 1, len(numbers))
            np.minimum.at(of_number, numbers, lowest)
            lowest = of_number[numbers]
        # A row passes its new lowest row on to the one it pointed to before, then takes
        # two steps at once. So chains of any length take few rounds.
        found = lowest.copy()
        np.minimum.at(lowest, before, found)
        lowest = lowest[lowest]
        if (lowest == before).all():
            return lowest


def sentence_keys(sentences):
    """Hash of each sentence, equal where the letters are equal.

    Args:
        sentences: array of bytes.

    Returns:
        uint64 [N].
    """
    digests = (hashlib.blake2b(letters(s), digest_size=8).digest() for s in sentences)
    return np.frombuffer(b"".join(digests), "<u8")


def letters(sentence):
    """Letters of a sentence in one case, by which it is compared.  bytes -> bytes.

    A sentence without letters ("1 + 1 = 2") is compared as a whole, but for the width
    of its spaces: numbers and formulas are not all the same sentence.
    """
    text = normalize("NFKC", sentence.decode("utf-8", "replace")).casefold()
    return (text.translate(LETTERS) or " ".join(text.split())).encode()


class _Letters(dict):
    """Code point -> itself, or None if it is neither a letter nor a mark on one."""

    def __missing__(self, point):
        self[point] = point if category(chr(point))[0] in "LM" else None
        return self[point]


LETTERS = _Letters()

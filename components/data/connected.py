"""Sentence pairs that share a sentence, which must be in one split.

Pairs are connected if their source sentences are the same, or their target sentences,
or a third pair connects them. A sentence is the same as another one if its letters are:
upper or lower case, digits, punctuation and spaces do not count ("Row 1" and "row 2:").
"""

import hashlib
from unicodedata import category, normalize

import numpy as np


def components(pieces):
    """The connected components of all pairs, through chains of any length.

    Args:
        pieces: iterable of Rows of pairs; read once, 8 bytes kept of each sentence.

    Returns:
        (uint64 [C], the name of each component: the least of its source sentences'
        keys, the same in any order of the rows; int [N], the component of each pair).
    """
    keys = [(sentence_keys(r.inputs), sentence_keys(r.labels)) for r in pieces]
    source, target = (np.concatenate(side) for side in zip(*keys, strict=True))
    numbers = (np.unique(side, return_inverse=True)[1] for side in (source, target))
    _, component = np.unique(lowest_rows(*numbers), return_inverse=True)
    names = np.full(component.max() + 1, np.iinfo("uint64").max, "uint64")
    np.minimum.at(names, component, source)
    return names, component


def lowest_rows(first, second):
    """The lowest row that each row is connected with.

    Rows whose numbers are equal in `first` or in `second` are connected.

    Args:
        first, second: int [N], from 0.

    Returns:
        int [N].
    """
    lowest = np.arange(len(first))
    while True:
        before = lowest
        for numbers in (first, second):
            of_number = np.full(numbers.max() + 1, len(numbers))
            np.minimum.at(of_number, numbers, lowest)
            lowest = of_number[numbers]
        # pass what a row found on to the row that it pointed to before: so chains of
        # any length take few rounds
        found = lowest.copy()
        np.minimum.at(lowest, before, found)
        lowest = lowest[lowest]
        if (lowest == before).all():
            return lowest


def sentence_keys(sentences):
    """8 bytes for each sentence, equal where the letters are.

    Args:
        sentences: array of bytes.

    Returns:
        uint64 [N].
    """
    digests = (hashlib.blake2b(letters(s), digest_size=8).digest() for s in sentences)
    return np.frombuffer(b"".join(digests), "<u8")


def letters(sentence):
    """Letters of a sentence in one case, by which sentences are compared.

    bytes -> bytes. A sentence without letters ("1 + 1 = 2") is compared whole, but for
    the width of its spaces: formulas are not all the same sentence.
    """
    text = normalize("NFKC", sentence.decode("utf-8", "replace")).casefold()
    return (text.translate(LETTERS) or " ".join(text.split())).encode()


class _Letters(dict):
    """Code point -> itself, or None if it is no letter and no mark on one."""

    def __missing__(self, point):
        self[point] = point if category(chr(point))[0] in "LM" else None
        return self[point]


LETTERS = _Letters()

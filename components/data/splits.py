"""Splits: an example is in the one its source gives, else in that of a hash.

Hashed are its inputs; where there is no input, only a text, the text itself. Pairs of
sentences stay together if equal sentences connect them (components/data/connected.py).
So no sentence of either language is in two splits, except as the source divides them.
"""

import hashlib
from dataclasses import replace
from functools import cache

import numpy as np

from components.data.connected import components
from components.data.sources.base import Chunks

SPLITS = ("train", "valid", "test")
GIVEN = ("all", *SPLITS)
# Larger components, as a share of all pairs, are for training: one would be much of
# valid or test, and all alike. In LibreOffice's help the largest is 0.001.
LARGE = 0.01


def split_rows(given, valid_fraction, test_fraction, seed):
    """The rows of the three splits, in pieces.

    Splits that the source gives are kept. A missing valid or test is taken from its
    train (or "all") by a hash of the inputs. So equal inputs are in one split, and a
    new row moves no other.

    Args:
        given: dict of split name -> iterable of Rows, see Source.read.
        valid_fraction, test_fraction: shares of the rows that are divided.
        seed: of the hash.

    Returns:
        Chunks of (name of the split, Rows), the rows of each split in the source's
        order.

    Raises:
        ValueError: no train, or a split of another name.
    """
    if set(given) - set(GIVEN) or ("all" in given) == ("train" in given):
        raise ValueError(
            f"these splits cannot be used. Received: {sorted(given)}. Expected "
            "train, and valid and test if there are such, or one set of all rows."
        )
    low = 0.0 if "test" in given else test_fraction
    high = low if "valid" in given else low + valid_fraction

    @cache  # it takes a pass over the rows
    def of_pairs(name):
        return pair_positions(given[name], seed)

    def divided():
        for name, pieces in given.items():
            start = 0
            for rows in pieces:
                rows = replace(rows, numbers=np.arange(start, start + len(rows)))
                start += len(rows)
                if name in ("valid", "test") or high == 0:
                    yield name, rows
                    continue
                if are_pairs(rows):
                    position = of_pairs(name)[rows.numbers]
                else:
                    hashed = rows.labels if rows.inputs is None else rows.inputs
                    position = hash_positions(hashed, seed)
                split = np.digitize(position, [low, high])
                for number, part in enumerate(("test", "valid", "train")):
                    if (chosen := split == number).any():
                        yield part, rows.take(chosen)

    return Chunks(divided)


def are_pairs(rows):
    """True if both sides of the rows are texts."""
    sides = (rows.inputs, rows.labels)
    return all(isinstance(side, np.ndarray) and side.dtype == object for side in sides)


def pair_positions(pieces, seed):
    """Numbers as of `hash_positions`, equal for all pairs that are connected.

    Each is a hash of the component's name, so a new pair moves only those that it is
    connected with.

    Args:
        pieces: Rows of pairs, all of them.
        seed: int.

    Returns:
        float64 [N], in [0, 1) or, of large components, 1.
    """
    names, component = components(pieces)
    position = hash_positions(names, seed)
    position[np.bincount(component) > max(1, LARGE * len(component))] = 1
    return position[component]


def hash_positions(inputs, seed):
    """A number in [0, 1) for each example, a function of its inputs and the seed.

    Args:
        inputs: dict of name -> array [N], array [N, ...], or bytes [N] as objects.
        seed: int.

    Returns:
        float64 [N].
    """
    if isinstance(inputs, dict):
        # 0.0 and -0.0 are equal, so they must not be in two splits
        columns = [v + 0.0 if v.dtype.kind == "f" else v for v in inputs.values()]
        columns = [values.tolist() for values in columns]
        examples = (repr(row).encode() for row in zip(*columns, strict=True))
    elif inputs.dtype == object:
        examples = inputs
    else:
        examples = (np.ascontiguousarray(image).tobytes() for image in inputs)
    key = str(seed).encode()
    digests = (hashlib.blake2b(e, digest_size=8, key=key).digest() for e in examples)
    return np.array([int.from_bytes(d, "big") / 2**64 for d in digests])

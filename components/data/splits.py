"""The split of an example: the source's, else by a hash of its inputs.

If there is no input, only a text, the text itself is hashed. Pairs that equal
sentences connect (components/data/connected.py) are in one split. So no sentence of
either language is in two splits, except in splits that the source gives.
"""

import hashlib
from dataclasses import replace
from functools import cache

import numpy as np

from phistar.components.data.connected import components
from phistar.components.data.sources.base import Chunks

SPLITS = ("train", "valid", "test")
GIVEN = ("all", *SPLITS)
# A component with more than this share of all pairs is for training: it would be much
# of valid or test, all of one kind. In LibreOffice's help the largest is 0.001.
LARGE = 0.01


def split_rows(given, valid_fraction, test_fraction, seed):
    """The rows of the three splits, in pieces.

    Splits that the source gives are taken as they are. If it gives no valid or no test,
    a hash of the inputs takes rows from its train (or "all"). So equal inputs are in
    one split, and a new row moves no other row.

    Args:
        given: dict of split name -> iterable of Rows, see Source.read.
        valid_fraction, test_fraction: shares of the rows that are divided, in 0 ... 1.
        seed: of the hash.

    Returns:
        Chunks of (name of the split, Rows), the rows of each split in the source's
        order.

    Raises:
        ValueError: if there is nothing to train on, or a split has another name.
    """
    if set(given) - set(GIVEN) or ("all" in given) == ("train" in given):
        raise ValueError(
            f"these splits cannot be used. Received: {sorted(given)}. Expected "
            "train, and valid and test if there are such, or one set of all rows."
        )
    # a position in [0, low) is for test, in [low, high) for valid, above for train
    low = 0.0 if "test" in given else test_fraction
    high = low if "valid" in given else low + valid_fraction

    @cache  # it is one more pass over the rows
    def of_pairs(name):
        return pair_positions(given[name], seed)

    def divided():
        for name, pieces in given.items():
            start = 0
            for rows in pieces:
                # before the rows are divided, since errors name the rows of the data
                rows = replace(rows, numbers=np.arange(start, start + len(rows)))
                start += len(rows)
                if name in ("valid", "test") or high == 0:
                    yield name, rows
                    continue
                # the position of a pair depends on all pairs, that of others on the row
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
    """True if inputs and labels of the rows are texts."""
    sides = (rows.inputs, rows.labels)
    return all(isinstance(side, np.ndarray) and side.dtype == object for side in sides)


def pair_positions(pieces, seed):
    """Positions as in `hash_positions`, but one for all connected pairs.

    It is a hash of the component's name, so a new pair moves only pairs that it
    connects.

    Args:
        pieces: iterable of Rows, all pairs.
        seed: int.

    Returns:
        float64 [N], in [0, 1), or 1 for large components.
    """
    names, component = components(pieces)
    position = hash_positions(names, seed)  # [C]
    # 1 is in train whatever the fractions
    position[np.bincount(component) > max(1, LARGE * len(component))] = 1
    return position[component]


def hash_positions(inputs, seed):
    """Position of each example in [0, 1), a function of its inputs and the seed.

    Args:
        inputs: dict of name -> array [N]; array [N, ...]; or object array [N] of bytes.
        seed: int.

    Returns:
        float64 [N].
    """
    if isinstance(inputs, dict):
        # 0.0 and -0.0 are equal, so they must be in one split: -0.0 + 0.0 is 0.0
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

"""Which split an example is in: what the source says, else a hash of its inputs.

Where there is no input, only a text, the text itself is hashed.
"""

import hashlib
from dataclasses import replace

import numpy as np

SPLITS = ("train", "valid", "test")
GIVEN = ("all", *SPLITS)


def split_rows(given, valid_fraction, test_fraction, seed):
    """The rows of the three splits, in pieces.

    Those the source gives are taken as they are; what it lacks of valid and test is
    taken from its train (or "all") by a hash of the inputs, so equal inputs are in
    one split and a new row moves no other.

    Args:
        given: dict of split name -> iterable of Rows, see Source.read.
        valid_fraction, test_fraction: shares of the rows that are divided.
        seed: of the hash.

    Yields:
        (name of the split, Rows), the rows of each split in the source's order.

    Raises:
        ValueError: if there is nothing to train on, or a split of another name.
    """
    if set(given) - set(GIVEN) or ("all" in given) == ("train" in given):
        raise ValueError(
            f"these splits cannot be used. Received: {sorted(given)}. Expected "
            "train, and valid and test if there are such, or one set of all rows."
        )
    low = 0.0 if "test" in given else test_fraction
    high = low if "valid" in given else low + valid_fraction
    for name, pieces in given.items():
        start = 0
        for rows in pieces:
            rows = replace(rows, numbers=np.arange(start, start + len(rows)))
            start += len(rows)
            if name in ("valid", "test") or high == 0:
                yield name, rows
                continue
            alone = rows.inputs is None
            position = hash_positions(rows.labels if alone else rows.inputs, seed)
            split = np.digitize(position, [low, high])  # 0: test, 1: valid, 2: train
            for number, part in enumerate(("test", "valid", "train")):
                if (chosen := split == number).any():
                    yield part, rows.take(chosen)


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

"""The split of each row: by a column, by time, by label, or by a hash alone.

Each function reads the rows once, and returns a function of Rows -> int [N], places in
DIVIDED.

Equal inputs are in one split, but for splits that the data give. If there is no input,
only a text, the text itself is hashed. Pairs that equal sentences connect
(components/data/connected.py) are in one split, so no sentence of either language is
in two.
"""

import hashlib
from dataclasses import replace

import numpy as np

from phistar.components.data.connected import components
from phistar.components.data.sources.base import Chunks

DIVIDED = ("test", "valid", "train")
TEST, VALID, TRAIN = range(3)
# A component with more than this share of all pairs is for training: it would be much
# of valid or test, all of one kind. In LibreOffice's help the largest is 0.001.
LARGE = 0.01
# Rows of a label above which a hash alone gives it its share: 20 % of 1,000 rows is
# then 20 % +- 1.3 %. Fewer are counted out.
FEW_OF_LABEL = 1000


def division(pieces, valid_fraction, test_fraction, seed, stratified):
    """The function that divides rows into test, valid and train.

    Args:
        pieces: Chunks of Rows, numbered.
        valid_fraction, test_fraction: shares of the rows; 0 for no such split.
        seed: int, of the hash.
        stratified: True to give each label its share.

    Returns:
        function of Rows -> int [N].
    """
    first = next(iter(pieces), None)
    if first is not None and first.split is not None:
        return by_column(pieces, valid_fraction, test_fraction, seed, stratified)
    borders = test_fraction, test_fraction + valid_fraction
    if first is not None and first.time is not None:
        return by_time(pieces, borders)
    if first is not None and first.keys is None and are_pairs(first):
        position = pair_positions(pieces, seed)
        return lambda rows: np.digitize(position[rows.numbers], borders)
    if stratified:
        return by_label(pieces, borders, seed)
    return lambda rows: np.digitize(positions(rows, seed), borders)


def by_column(pieces, valid_fraction, test_fraction, seed, stratified):
    """As a column says. A split that it does not name is made from its train.

    Raises:
        ValueError: no row is for training.
    """
    found = set()
    for rows in pieces:
        found.update(np.unique(rows.split).tolist())
    if "train" not in found:
        raise ValueError(
            "no row to train on. Received: a column of splits with "
            f"{' and '.join(sorted(found))} alone. Expected train in some rows."
        )
    made = None
    if not found.issuperset(DIVIDED):
        fractions = [
            0 if name in found else fraction
            for name, fraction in (("valid", valid_fraction), ("test", test_fraction))
        ]
        made = division(
            Chunks(lambda: map(train_only, pieces)), *fractions, seed, stratified
        )

    def divide(rows):
        """The split of each row, by its column.  Rows -> int [N], of DIVIDED"""
        chosen = (rows.split[:, None] == np.array(DIVIDED)).argmax(axis=1)
        train = chosen == TRAIN
        if made is not None and train.any():
            chosen[train] = made(train_only(rows))
        return chosen

    return divide


def train_only(rows):
    """The rows that a column puts into train, without that column.  -> Rows"""
    return replace(rows.take(rows.split == "train"), split=None)


def by_time(pieces, borders):
    """Test the latest rows, valid those before it; rows of one time in one split."""
    times = np.sort(np.concatenate([rows.time for rows in pieces]))
    last = len(times) - 1
    starts = [
        times[min(last, round(len(times) * (1 - border)))] if border else np.inf
        for border in borders
    ]

    def divide(rows):
        test, valid = (rows.time >= start for start in starts)
        return np.select([test, valid], [TEST, VALID], TRAIN)

    return divide


def few_of_label(pieces, seed):
    """The hashes of the rows of each label that has few, both in rising order.

    Args:
        pieces: iterable of Rows.
        seed: of the hashes.

    Returns:
        list of list of int, by label.
    """
    of_label = {}  # label -> set of hashes, None once there are many
    for rows in pieces:
        hashed = positions(rows, seed)
        names, place = np.unique(rows.labels, return_inverse=True)
        for number, name in enumerate(names.tolist()):
            known = of_label.setdefault(name, set())
            if known is not None:
                known.update(hashed[place == number].tolist())
                if len(known) > FEW_OF_LABEL:
                    of_label[name] = None
    return [sorted(of_label[name]) for name in sorted(of_label) if of_label[name]]


def by_label(pieces, borders, seed):
    """Each label its share; the first row of a label is for training.

    Rows of a label with few are put in the order of their hashes and counted out. The
    others are where their hash puts them, so a new row moves none of them. Equal
    inputs with two labels are where the first of both puts them.
    """
    chosen = {}
    for hashes in few_of_label(pieces, seed):
        low, high = (min(len(hashes) - 1, round(len(hashes) * b)) for b in borders)
        for rank, one in enumerate(hashes):
            split = TEST if rank < low else VALID if rank < high else TRAIN
            chosen.setdefault(one, split)
    keys = np.array(sorted(chosen))
    splits = np.array([chosen[key] for key in keys.tolist()], int)

    def divide(rows):
        """The split of each row, by its hash.  Rows -> int [N], of DIVIDED"""
        hashed = positions(rows, seed)
        found = np.digitize(hashed, borders)
        if len(keys):
            place = np.minimum(np.searchsorted(keys, hashed), len(keys) - 1)
            counted = keys[place] == hashed
            found[counted] = splits[place[counted]]
        return found

    return divide


def are_pairs(rows):
    """True if inputs and labels of the rows are texts."""
    sides = (rows.inputs, rows.labels)
    return all(isinstance(side, np.ndarray) and side.dtype == object for side in sides)


def pair_positions(pieces, seed):
    """Positions as in `positions`, but one for all connected pairs.

    It is a hash of the component's name, so a new pair moves only pairs that it
    connects.

    Args:
        pieces: iterable of Rows, all pairs, numbered.
        seed: int.

    Returns:
        float64 [the highest number + 1], by the pairs' numbers, in [0, 1), or 1 for
        large components.
    """
    numbers = []

    def noted():
        for rows in pieces:
            numbers.append(rows.numbers)
            yield rows

    names, component = components(noted())
    numbers = np.concatenate(numbers)
    position = hash_positions(names, seed)  # [C]
    # 1 is in train whatever the fractions
    position[np.bincount(component) > max(1, LARGE * len(component))] = 1
    by_number = np.ones(numbers.max() + 1)
    by_number[numbers] = position[component]
    return by_number


def positions(rows, seed):
    """Position of each row in [0, 1), a function of its key and the seed.

    Args:
        rows: Rows; without keys their inputs are hashed, or the texts.
        seed: int.

    Returns:
        float64 [N].
    """
    if rows.keys is not None:
        return scattered(rows.keys, seed)
    return hash_positions(rows.labels if rows.inputs is None else rows.inputs, seed)


def scattered(keys, seed):
    """Positions of keys.  uint64 [N], int -> float64 [N].

    Source: the finalizer of splitmix64, Steele, Lea and Flood, 2014, "Fast splittable
    pseudorandom number generators".
    """
    digest = hashlib.blake2b(str(seed).encode(), digest_size=8).digest()
    x = keys.astype("uint64") ^ np.uint64(int.from_bytes(digest, "big"))
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        x = (x ^ (x >> np.uint64(shift))) * np.uint64(factor)
    return (x ^ (x >> np.uint64(31))) / 2**64


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

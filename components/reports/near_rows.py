"""Rows of test that are nearly rows of train: equal in all columns but one."""

import math

import numpy as np

from phistar.components.reports.encoded import STEPS, codes, decoded
from phistar.components.reports.page.examples import plain

MAX_CELLS = 3 * 10**6  # of a split, the first rows: seconds, and 24 MB
PART = 2**24  # numbers that are read at once
BITS = 20  # chance then makes fewer than one near row in a million of test
SHOWN = 5  # columns of the example


def near_rows(data, known):
    """Count rows of test that differ from one of train in one column at most.

    Numbers are equal if they are so to 1/STEPS of their standard deviation. Rows that
    chance may have made alike are not counted. With n rows of train, the shares of the
    equal values must multiply to less than 2^-BITS / n.

    Args:
        data: Dataset of columns.
        known: bool [N], rows of test that train has exactly.

    Returns:
        list of str: one sentence, or none.
    """
    columns = data.description["inputs"]["encoder"]["columns"]
    if len(columns) < 2:
        return []
    train, test = (hashes(data.split(name)[0], columns) for name in ("train", "test"))
    compared = len(test)
    rows = np.flatnonzero(~known[:compared])
    test, bits = test[rows], np.zeros((len(rows), len(columns)))
    for place in range(len(columns)):
        values, counts = np.unique(train[:, place], return_counts=True)
        found = np.searchsorted(values, test[:, place]).clip(max=len(values) - 1)
        same = values[found] == test[:, place]
        share = np.where(same, counts[found], 1) / len(train)
        bits[:, place] = -np.log2(share)
    # sums wrap around: what is left of one is that of the other columns
    sums = train.sum(axis=1), test.sum(axis=1)
    near, pair = np.zeros(len(rows), bool), None
    for place in range(len(columns)):
        surely = bits.sum(axis=1) - bits[:, place] >= math.log2(len(train)) + BITS
        of_train, of_test = sums[0] - train[:, place], sums[1] - test[:, place]
        alike = surely & np.isin(of_test, of_train)
        if pair is None and alike.any():
            first = int(alike.argmax())
            other = int((of_train == of_test[first]).argmax())
            pair = other, int(rows[first]), place
        near |= alike
    if pair is None:
        return []
    total = len(data.split("train")[1])
    of_train = "" if len(train) == total else f"the first {len(train):,} of "
    of_test = "" if compared == len(known) else f"the first {compared:,} of "
    return [
        f"{near.sum():,} of {of_test}{len(known):,} rows of test are nearly rows of "
        f"{of_train}train: they differ in one column at most, numbers by more than "
        f"1/{STEPS} of their standard deviation. {example(data, columns, *pair)}"
    ]


def hashes(inputs, columns):
    """A hash of each value of the first rows.

    Args:
        inputs: float32 [N, D], encoded.
        columns: of the encoder.

    Returns:
        uint64 [n, C], equal where the codes of a column are.
    """
    most = min(len(inputs), max(1, MAX_CELLS // len(columns)))
    found = np.empty((most, len(columns)), "uint64")
    salt = np.arange(1, len(columns) + 1, dtype="uint64") << np.uint64(56)
    size = max(1, PART // inputs.shape[1])
    for start in range(0, most, size):
        part = np.asarray(inputs[start : min(start + size, most)])
        found[start : start + size] = scattered(
            codes(columns, part).view("uint64"), salt
        )
    return found


def scattered(numbers, salt):
    """Hashes of numbers; the finalizer of splitmix64, see divisions.py of data.

    Args:
        numbers: uint64 [n, C].
        salt: uint64 [C].

    Returns:
        uint64 [n, C].
    """
    x = numbers ^ salt
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        x = (x ^ (x >> np.uint64(shift))) * np.uint64(factor)
    return x ^ (x >> np.uint64(31))


def example(data, columns, in_train, in_test, place):
    """A sentence about two rows that are nearly equal.

    Args:
        data: Dataset.
        columns: of the encoder.
        in_train, in_test: int, the rows.
        place: of the column that may differ, as `codes` orders them.
    """
    rows = [
        np.asarray(data.split(name)[0][row : row + 1])
        for name, row in (("train", in_train), ("test", in_test))
    ]
    both = [decoded(data.description["inputs"]["encoder"], row) for row in rows]
    numeric = [c["name"] for c in columns if c["kind"] == "numeric"]
    order = numeric + [c["name"] for c in columns if c["name"] not in numeric]
    other = order[place]
    shown = [name for name in order if name != other and name in both[1]][:SHOWN]
    equal = ", ".join(f"{name} {plain(both[1][name][0])}" for name in shown)
    told = "in all columns"
    if (codes(columns, rows[0]) != codes(columns, rows[1])).any():
        values = "another value"
        if other in both[0]:
            here, there = (plain(one[other][0]) for one in both[::-1])
            values = f"{here} in test and {there} in train"
        told = f"but for {other}, {values}"
    more = " and others" if len(order) - 1 > len(shown) else ""
    return f"Two of them agree {told}: {equal}{more}."

"""Folds: train and valid divided K times, so that each row is valid once.

The rows of test stay where they are. Equal inputs, the rows of a group, and connected
pairs are in one fold, as they are in one split. Each label has its share of every fold.
Over time valid of fold k is block k + 1 of K + 1. Train is what comes before it, and
later rows are left out.
"""

from dataclasses import replace
from functools import cache

import numpy as np

from phistar.components.data.connected import components
from phistar.components.data.divisions import (
    are_pairs,
    few_of_label,
    hash_positions,
    positions,
)
from phistar.components.data.sources.base import Chunks

ALWAYS_TRAIN = -1  # the only row of a label: it cannot be valid


def folded(divided, fold, seed):
    """The rows of the splits, with valid being one fold of train and valid.

    Args:
        divided: Chunks of (name of the split, Rows), of `split_rows`.
        fold: (k, K): fold k of K, from 0.
        seed: int, of the split.

    Returns:
        Chunks like `divided`.

    Raises:
        ValueError: there is no such fold.
    """
    number, count = fold
    if not number < count:
        raise ValueError(
            f"no such fold. Received: ingest.fold={list(fold)}. Expected [k, K], fold "
            f"k of K, with k in 0 ... {count - 1}."
        )
    pieces = Chunks(lambda: (rows for name, rows in divided if name != "test"))

    @cache  # it is one more pass over the rows
    def divide():
        """The function of (Rows, number of the first one) -> fold of each, int [N]."""
        first = next(iter(pieces))
        if first.time is not None:
            return by_time(pieces, count)
        if first.keys is None and are_pairs(first):
            return by_component(pieces, count, seed)
        if first.labels.dtype == object:
            return lambda rows, start: at(positions(rows, salted(seed)), count)
        return by_label(pieces, count, seed)

    def again():
        start = 0
        for name, rows in divided:
            if name == "test":
                yield name, rows
                continue
            found = divide()(rows, start)
            start += len(rows)
            valid, train = found == number, found != number
            if rows.time is not None:
                valid, train = found == number + 1, found <= number
            rows = replace(rows, split=None)
            for part, chosen in (("train", train), ("valid", valid)):
                if chosen.any():
                    yield part, rows.take(chosen)

    return Chunks(again)


def salted(seed):
    """A seed for positions that know nothing of those of the split."""
    return f"{seed} folds"


def at(position, count):
    """The fold at positions in [0, 1].  float [N], int -> int [N]"""
    return np.minimum((position * count).astype(int), count - 1)


def by_time(pieces, count):
    """The block of each row among `count` + 1, as large as each other, in time.

    Args:
        pieces: Chunks of Rows.
        count: int, folds.

    Returns:
        function of (Rows, number of rows before them) -> int [N].
    """
    times = np.sort(np.concatenate([rows.time for rows in pieces]))
    starts = [round(len(times) * k / (count + 1)) for k in range(1, count + 1)]
    borders = times[starts]
    return lambda rows, start: np.searchsorted(borders, rows.time, side="right")


def by_component(pieces, count, seed):
    """The fold of each pair, one for all that are connected; as `by_time`."""
    names, component = components(pieces)
    found = at(hash_positions(names, salted(seed)), count)[component]
    return lambda rows, start: found[start : start + len(rows)]


def by_label(pieces, count, seed):
    """The fold of each row, each label having its share of all; as `by_time`.

    As in a split, rows of a label with few are counted out, in the order of their
    hashes. Equal inputs with two labels are where the first of both puts them.
    """
    chosen, begin = {}, 0
    for hashes in few_of_label(pieces, salted(seed)):
        if len(hashes) == 1:
            chosen.setdefault(hashes[0], ALWAYS_TRAIN)
            continue
        for rank, one in enumerate(hashes):
            chosen.setdefault(one, (begin + rank) % count)
        begin += len(hashes)  # the folds of all labels together are as large, too
    keys = np.array(sorted(chosen))
    folds = np.array([chosen[key] for key in keys.tolist()], int)

    def divide(rows, start):
        """The fold of each row, by its hash.  Rows -> int [N]"""
        hashed = positions(rows, salted(seed))
        found = at(hashed, count)
        if len(keys):
            place = np.minimum(np.searchsorted(keys, hashed), len(keys) - 1)
            counted = keys[place] == hashed
            found[counted] = folds[place[counted]]
        return found

    return divide

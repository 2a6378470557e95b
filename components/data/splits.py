"""The rows of train, valid and test: the source's splits, others made from them."""

from dataclasses import replace
from functools import cache

import numpy as np

from phistar.components.data.divisions import DIVIDED, division
from phistar.components.data.folds import folded
from phistar.components.data.sources.base import Chunks

SPLITS = ("train", "valid", "test")
GIVEN = ("all", *SPLITS)


def split_rows(given, valid_fraction, test_fraction, seed, stratified=False, fold=None):
    """The rows of the three splits, in pieces.

    Splits that the source gives are taken as they are. If it gives no valid or no test,
    these are made from its train (or "all"), see components/data/divisions.py.

    Args:
        given: dict of split name -> Chunks or list of Rows, see Source.read.
        valid_fraction, test_fraction: shares of the rows that are divided, in 0 ... 1.
        seed: of the hash.
        stratified: True to give each label its share of both.
        fold: (k, K) for valid to be fold k of K of train and valid, or None.

    Returns:
        Chunks of (name of the split, Rows), the rows of each split in the source's
        order. Rows of valid and test that are given, not made, have it as `split`.

    Raises:
        ValueError: if there is nothing to train on, or a split has another name.
    """
    if set(given) - set(GIVEN) or ("all" in given) == ("train" in given):
        raise ValueError(
            f"these splits cannot be used. Received: {sorted(given)}. Expected "
            "train, and valid and test if there are such, or one set of all rows."
        )
    fractions = [
        0 if name in given else fraction
        for name, fraction in (("valid", valid_fraction), ("test", test_fraction))
    ]

    @cache  # it is one more pass over the rows
    def divide(name):
        pieces = Chunks(lambda: numbered(given[name]))
        return division(pieces, *fractions, seed, stratified)

    codes = {}  # name -> those of each piece, 1 byte a row, after a pass to the end

    def divided():
        for name, pieces in given.items():
            known, found = codes.get(name), []
            for place, rows in enumerate(numbered(pieces)):
                if name in ("valid", "test"):
                    yield name, replace(rows, split=np.full(len(rows), name))
                    continue
                if not any(fractions):
                    yield name, rows
                    continue
                split = known[place] if known else divide(name)(rows).astype("uint8")
                found.append(split)
                for number, part in enumerate(DIVIDED):
                    if len(chosen := np.flatnonzero(split == number)):
                        yield part, rows.take(chosen)
            codes[name] = found

    found = Chunks(divided)
    return found if fold is None else folded(found, fold, seed)


def numbered(pieces):
    """The same rows with their numbers, which errors name.  -> iterator of Rows"""
    start = 0
    for rows in pieces:
        yield replace(rows, numbers=np.arange(start, start + len(rows)))
        start += len(rows)

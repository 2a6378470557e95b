"""Sentence pairs in the user's files: lines of two files, or rows of tables."""

import re
from itertools import zip_longest

from phistar.components.data.files.columns import text_columns
from phistar.components.data.files.found import shown
from phistar.components.data.files.parts import digest, origin
from phistar.components.data.files.texts import TextFile
from phistar.components.data.sources.base import (
    FEW_ROWS,
    Amount,
    Chunks,
    Overview,
    Rows,
    objects,
)
from phistar.components.data.sources.pieces import grouped
from phistar.components.digests import data_sha256

SMALL = 64 * 2**20  # bytes that are read within a second or two
SIDES = ("source", "target")
EMPTY = "pairs with an empty side left out"
KEPT = "pairs with an empty side kept, as the test is given"


class LinePairs:
    """Line n of one file, and line n of another, its translation.

    Args:
        given: dict of split, or "all" -> list of two Path.
        encoding: of the files, or None.
        notices: of the source.
    """

    def __init__(self, given, encoding, notices):
        self.given, self.encoding, self.notices = given, encoding, notices
        self.folders = []
        every = [file for both in given.values() for file in both]
        self.name = re.sub(r"\W+", "_", every[0].resolve().name.split(".")[0])
        self.amount = Amount(sum(file.stat().st_size for file in every))
        self.origin = {
            split: " and ".join(map(shown, both)) for split, both in given.items()
        }

    def fingerprint(self):
        """SHA-256 of each file.  -> dict"""
        named = {
            f"{split} {side}": file
            for split, both in self.given.items()
            for side, file in zip(SIDES, both, strict=True)
        }
        return dict(zip(named, data_sha256(list(named.values())), strict=True))

    def require_columns(self):
        """Do nothing: lines have no columns."""

    def rows(self, split):
        """The pairs of a part.  -> iterator of Rows"""
        counts = self.notices.begin(split)
        both = [
            TextFile(file, shown(file.name), self.encoding)
            for file in self.given[split]
        ]
        return pieces(pairs(both, split == "test", counts, self.amount.add))


class RowPairs:
    """A row of a table, with a column of sentences and one of their translations.

    Args:
        given: dict of split, or "all" -> Part.
        named: dict of key -> name of a column, the source's first.
        dividing: Dividing.
        options: keys of TableFiles.
        notices: of the source.
    """

    def __init__(self, given, named, dividing, options, notices):
        self.given, self.notices = given, notices
        self.folders = []  # the last one is for the list of bad rows
        self.tables = text_columns(given, named, dividing, options, self.folders)
        self.name = (given.get("all") or given["train"]).found.title
        every = [file for part in given.values() for file in part.files]
        self.amount = Amount(sum(file.stat().st_size for file in every))
        self.origin = origin(given, dividing)

    def fingerprint(self):
        """SHA-256 of all files.  -> dict"""
        return {"sha256": digest(self.given)}

    def require_columns(self):
        """Refuse a column that is not there."""
        for table in self.tables.values():
            table.require()

    def rows(self, split):
        """The pairs of a part; of a given test also those with an empty side.

        Yields:
            Rows.
        """
        import numpy as np

        counts = self.notices.begin(split)
        for sides, fields, note in self.tables[split].batches(counts, self.amount.add):
            rows = Rows(*map(objects, sides), **fields)
            whole = np.full(len(rows), split == "test")
            if rows.split is not None:
                whole = rows.split == "test"
            full = np.array(
                [all(map(bytes.strip, pair)) for pair in zip(*sides, strict=True)]
            )
            for row in np.flatnonzero(~full).tolist():
                note(KEPT if whole[row] else EMPTY, row)
            if (full | whole).any():
                yield rows.take(full | whole)


def chunks(data):
    """The pairs of each part.  LinePairs or RowPairs -> dict of split -> Chunks"""
    return {split: Chunks(lambda split=split: data.rows(split)) for split in data.given}


def overview(data):
    """The pairs, unless they are many.

    Args:
        data: LinePairs or RowPairs.

    Returns:
        Overview.

    Raises:
        ValueError: no pair, other numbers of lines, or a file that cannot be read.
    """
    data.require_columns()
    if data.amount.total > SMALL:
        return Overview()
    read, total = chunks(data), 0
    for split, pieces in read.items():
        count = sum(
            bool(source.strip() and target.strip())
            for piece in pieces
            for source, target in zip(piece.inputs, piece.labels, strict=True)
        )
        total += count
        if not count:
            raise ValueError(
                f"no pair of sentences. Received: {data.origin[split]}, where every "
                "pair is empty on one side or both. Expected sentences in both."
            )
    few = "all" in read and total < FEW_ROWS
    return Overview(rows=read["all"] if few else None)


def pairs(both, whole, counts, read):
    """The pairs of lines.

    Args:
        both: two TextFile.
        whole: True to keep pairs with an empty side.
        counts: Counter of notices.
        read: called with how many more bytes of the files have been read.

    Yields:
        (bytes, bytes).

    Raises:
        ValueError: if the numbers of lines differ, with both.
    """
    numbers = [0, 0]
    for pair in zip_longest(*(file.lines(counts, read) for file in both)):
        for side, line in enumerate(pair):
            numbers[side] += line is not None
        if None in pair:
            continue  # the other file's lines are counted, for the error
        if all(map(bytes.strip, pair)):
            yield pair
            continue
        counts.add(KEPT if whole else EMPTY, f"{both[0].name}:{numbers[0]}")
        if whole:
            yield pair
    if numbers[0] != numbers[1]:
        raise ValueError(
            f"the files are not line by line one another's translation. Received: "
            f"{both[0].file} with {numbers[0]} lines, {both[1].file} with {numbers[1]}."
            " Expected as many: a sentence without a translation leaves an empty line."
        )


def pieces(pairs):
    """Pairs -> Rows of about PIECE_BYTES each.

    Args:
        pairs: iterable of (bytes, bytes), source and target.

    Yields:
        Rows.
    """
    for group in grouped(pairs, lambda pair: sum(map(len, pair))):
        yield Rows(*map(objects, zip(*group, strict=True)))

"""Your own sentence pairs: two files, line n of one the translation of the other's.

Bytes are taken as they are. The treatment of bytes that are not UTF-8 is that of
components/data/encoders/text.py.
"""

import re
import sys
from itertools import zip_longest

from phistar.components.data.sources.base import (
    FEW_ROWS,
    Chunks,
    Overview,
    Rows,
    Source,
    existing,
    objects,
)
from phistar.components.data.sources.text import grouped
from phistar.components.data.tables import opened
from phistar.components.hashing import file_sha256


def parallel(*, source_path: str, target_path: str):
    """Pairs of lines of two files; pairs with an empty side are left out.

    Their number is reported on stderr.

    Args:
        source_path: of the file of sentences to translate, plain or .gz; relative to
            the working directory.
        target_path: of the file of their translations, with as many lines.

    Returns:
        Source of pairs, without splits.

    Raises:
        ValueError: if there is no such file.
    """
    paths = {"source_path": source_path, "target_path": target_path}
    files = [
        existing(*given, "a file of lines, plain or .gz") for given in paths.items()
    ]

    rows = Chunks(lambda: pieces(pairs(files)))

    def overview():
        count, empty = aligned(files)
        if count == empty:
            raise ValueError(
                f"no pair of lines. Received: {files[0]} and {files[1]}, where every "
                "pair is empty on one side or both. Expected sentences in both."
            )
        return Overview(rows=rows if count - empty < FEW_ROWS else None)

    def read():
        count, empty = aligned(files)
        if empty:
            note = f"{empty} of {count} pairs are left out, empty on one side or both"
            print(f"{files[0].name}, {files[1].name}: {note}", file=sys.stderr)
        return {"all": rows}

    return Source(
        name=re.sub(r"\W+", "_", files[0].resolve().name.split(".")[0]),
        kind="pairs",
        fingerprint={"source": file_sha256(files[0]), "target": file_sha256(files[1])},
        read=read,
        overview=overview,
    )


def aligned(files):
    """Numbers of all pairs, and of those that are empty on a side.

    Args:
        files: list of two Path.

    Returns:
        Two int.

    Raises:
        ValueError: if the numbers of lines differ, with both.
    """
    counts, empty = [0, 0], 0
    for both in zip_longest(*map(lines, files)):
        for side, line in enumerate(both):
            counts[side] += line is not None
        empty += not all(both)
    if counts[0] != counts[1]:
        raise ValueError(
            f"the files are not line by line one another's translation. Received: "
            f"{files[0]} with {counts[0]} lines, {files[1]} with {counts[1]}. Expected "
            "as many: a sentence without a translation leaves an empty line."
        )
    return counts[0], empty


def pairs(files):
    """The pairs of lines that are not empty on either side.

    Args:
        files: list of two Path.

    Yields:
        (bytes, bytes).
    """
    yield from filter(all, zip(*map(lines, files), strict=True))


def lines(file):
    """Lines of a file as bytes, without their ends; b"" for white space alone."""
    with opened(file) as stream:
        for line in stream:
            yield line.rstrip(b"\r\n") if line.strip() else b""


def pieces(pairs):
    """Pairs -> Rows of about PIECE_BYTES each.

    Args:
        pairs: iterable of (bytes, bytes), source and target.

    Yields:
        Rows.
    """
    for group in grouped(pairs, lambda pair: sum(map(len, pair))):
        yield Rows(*map(objects, zip(*group, strict=True)))

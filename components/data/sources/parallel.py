"""Your own sentence pairs: two files, line n of one being line n's translation.

Bytes are taken as they are; what becomes of those that are no UTF-8 is said in
components/data/encoders/text.py.
"""

import re
import sys
from itertools import zip_longest
from pathlib import Path

from components.data.sources.base import Chunks, Rows, Source, objects
from components.data.sources.text import PIECE_BYTES
from components.data.tables import opened
from components.hashing import file_sha256


def parallel(*, source_path: str, target_path: str):
    """A pair is a line of two files; empty on one side or both, it is left out.

    How many are left out is said on stderr.

    Args:
        source_path: of the file of sentences to translate, plain or .gz; relative to
            the working directory.
        target_path: of the file of their translations, with as many lines.

    Returns:
        Source of pairs, not split.

    Raises:
        ValueError: if there is no such file.
    """
    files = [
        existing("source_path", source_path),
        existing("target_path", target_path),
    ]

    def read():
        require_aligned(files)
        return {"all": Chunks(lambda: pieces(pairs(files)))}

    return Source(
        name=re.sub(r"\W+", "_", files[0].resolve().name.split(".")[0]),
        kind="pairs",
        fingerprint={"source": file_sha256(files[0]), "target": file_sha256(files[1])},
        read=read,
    )


def existing(key, path):
    """The Path of a file that is there.

    Raises:
        ValueError: if it is not.
    """
    file = Path(path).expanduser()
    if not file.is_file():
        raise ValueError(
            f"no such file. Received: ingest.{key}={path!r}, that is "
            f"{file.absolute()}. Expected a file of lines, plain or .gz."
        )
    return file


def require_aligned(files):
    """Refuse files of different lengths, and say how many pairs will be left out.

    Args:
        files: list of two Path.

    Raises:
        ValueError: with both numbers of lines.
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
    if empty:
        note = f"{empty} of {counts[0]} pairs are left out, empty on one side or both"
        print(f"{files[0].name}, {files[1].name}: {note}", file=sys.stderr)


def pairs(files):
    """The pairs of lines that are not empty on either side.

    Args:
        files: list of two Path.

    Yields:
        (bytes, bytes).
    """
    yield from filter(all, zip(*map(lines, files), strict=True))


def lines(file):
    """The lines of a file, ends left out; of white space alone, a line is empty."""
    with opened(file) as stream:
        for line in stream:
            yield line.rstrip(b"\r\n") if line.strip() else b""


def pieces(pairs):
    """Pairs -> Rows of about PIECE_BYTES each.

    Args:
        pairs: iterable of (bytes, bytes), source and target.
    """
    waiting, size = [], 0
    for pair in pairs:
        waiting.append(pair)
        size += sum(map(len, pair))
        if size >= PIECE_BYTES:
            yield Rows(*map(objects, zip(*waiting, strict=True)))
            waiting, size = [], 0
    if waiting:
        yield Rows(*map(objects, zip(*waiting, strict=True)))

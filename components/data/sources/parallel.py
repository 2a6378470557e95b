"""Your own sentence pairs: two files, line n of one the translation of the other's.

What a line holds is kept as it is. What the encoder reads as something else, like NUL,
is counted: components/data/encoders/text.py.
"""

import re
from itertools import zip_longest

from phistar.components.data.files.encodings import require_encoding
from phistar.components.data.files.parts import require_apart
from phistar.components.data.files.texts import TextFile
from phistar.components.data.notices import Notices
from phistar.components.data.sources.base import (
    FEW_ROWS,
    Amount,
    Chunks,
    Overview,
    Rows,
    Source,
    existing,
    objects,
)
from phistar.components.data.sources.text import grouped
from phistar.components.hashing import file_sha256

SMALL = 64 * 2**20  # bytes that are read within a second or two
SIDES = ("source", "target")
EMPTY = "pairs with an empty side left out"
KEPT = "pairs with an empty side kept, as the test is given"


def parallel(
    *,
    source_path: str,
    target_path: str,
    valid_source_path: str | None = None,
    valid_target_path: str | None = None,
    test_source_path: str | None = None,
    test_target_path: str | None = None,
    encoding: str | None = None,
):
    """Pairs of lines of two files; pairs with an empty side are left out.

    A test that is given is kept line by line, so that its BLEU is comparable.

    Args:
        source_path: of the file of sentences to translate, plain, .gz or .zst; relative
            to the working directory.
        target_path: of the file of their translations, with as many lines.
        valid_source_path: as `source_path`, of the pairs that choose the weights.
        valid_target_path: of their translations.
        test_source_path: as `source_path`, of the pairs that are scored at the end.
        test_target_path: of their translations.
        encoding: of all files, like windows-1252; default: as a byte order mark says,
            or UTF-8.

    Returns:
        Source of pairs.

    Raises:
        ValueError: if there is no such file.
    """
    require_encoding(encoding)
    paths = {
        "train": (source_path, target_path),
        "valid": (valid_source_path, valid_target_path),
        "test": (test_source_path, test_target_path),
    }
    given = files(paths)
    notices = Notices()
    every = [file for both in given.values() for file in both]
    amount = Amount(sum(file.stat().st_size for file in every))

    def rows(split):
        counts = notices.begin(split)
        both = [TextFile(file, file.name, encoding) for file in given[split]]
        return pieces(pairs(both, split == "test", counts, amount.add))

    read = {split: Chunks(lambda split=split: rows(split)) for split in given}
    return Source(
        name=re.sub(r"\W+", "_", every[0].resolve().name.split(".")[0]),
        kind="pairs",
        fingerprint={
            f"{split} {side}": file_sha256(file)
            for split, both in given.items()
            for side, file in zip(SIDES, both, strict=True)
        },
        read=lambda: read,
        overview=lambda: overview(read, given, amount.total),
        notices=notices,
        origin={split: " and ".join(map(str, both)) for split, both in given.items()},
        amount=amount,
    )


def files(paths):
    """The two files of each part.

    Args:
        paths: dict of split -> (path of the sources, path of the targets), None for one
            that is not given.

    Returns:
        dict of "train", "valid", "test", or "all" alone -> list of two Path.

    Raises:
        ValueError: one file without the other, a file that does not exist, or is in
            two splits.
    """
    given = {}
    for split, both in paths.items():
        front = "" if split == "train" else f"{split}_"
        keys = [f"{front}{side}_path" for side in SIDES]
        named = dict(zip(keys, both, strict=True))
        if None in both and any(both):
            lacking = next(key for key, path in named.items() if path is None)
            key, path = next((k, p) for k, p in named.items() if p is not None)
            raise ValueError(
                f"one file of two. Received: ingest.{key}={path!r} without "
                f"ingest.{lacking}. Expected both, line n of the one the translation "
                "of line n of the other."
            )
        if any(both):
            kind = "a file of lines, plain, .gz or .zst"
            given[split] = [existing(*one, kind) for one in named.items()]
    require_apart(given)
    return given if len(given) > 1 else {"all": given["train"]}


def overview(read, given, size):
    """The pairs, unless they are many.

    Args:
        read: dict of split -> Chunks.
        given: dict of split -> list of two Path.
        size: bytes of all files.

    Returns:
        Overview.

    Raises:
        ValueError: no pair, other numbers of lines, or a file that cannot be read.
    """
    if size > SMALL:
        return Overview()
    total = 0
    for split, both in given.items():
        count = sum(
            bool(source.strip()) and bool(target.strip())
            for piece in read[split]
            for source, target in zip(piece.inputs, piece.labels, strict=True)
        )
        total += count
        if not count:
            raise ValueError(
                f"no pair of lines. Received: {both[0]} and {both[1]}, where every "
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

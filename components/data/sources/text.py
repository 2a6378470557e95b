"""Your own texts: a file, a folder, a pattern; or a column of a table.

What a text holds is kept as it is. What the encoder reads as something else, like NUL,
is counted: components/data/encoders/text.py.
"""

import hashlib
from typing import Literal

from phistar.components.data.files.encodings import require_encoding
from phistar.components.data.files.parts import parts
from phistar.components.data.files.texts import TextFile
from phistar.components.data.notices import Notices
from phistar.components.data.sources.base import (
    FEW_ROWS,
    Amount,
    Chunks,
    Overview,
    Rows,
    Source,
    objects,
)
from phistar.components.hashing import file_sha256

SUFFIXES = (".txt", ".text", ".md", ".gz", ".zst")
PIECE_BYTES = 16 * 2**20
PIECE_ROWS = 2**17  # short texts cost more as objects than their bytes tell
EMPTY = "empty lines left out"


def text(
    *,
    path: str,
    document: Literal["file", "line"] = "file",
    valid_path: str | None = None,
    test_path: str | None = None,
    encoding: str | None = None,
):
    """Documents: each file is one, or each line that is not empty.

    Folders train, valid and test below `path`, or files called so, are the splits.
    Hidden files and those of other kinds are left out of folders and named.

    Args:
        path: of a file, a folder or a pattern like "letters/*.txt". Of a folder the
            .txt, .text and .md files are read, those in folders below too, also with
            .gz or .zst behind; relative to the working directory.
        document: the unit that is one text.
        valid_path: as `path`, of the texts that choose the weights to keep.
        test_path: as `path`, of the texts that are scored at the end.
        encoding: of the files, like windows-1252; default: as a byte order mark says,
            or UTF-8.

    Returns:
        Source of texts.

    Raises:
        ValueError: if there is no such file.
    """
    require_encoding(encoding)
    notices = Notices()
    paths = {"path": path, "valid_path": valid_path, "test_path": test_path}
    given = parts(paths, SUFFIXES, notices.begin("files"))
    every = [one for part in given.values() for one in part.named()]
    amount = Amount(sum(file.stat().st_size for file, _ in every))

    def rows(split):
        counts = notices.begin(split)
        files = [TextFile(*one, encoding) for one in given[split].named()]
        return pieces(documents(files, document, counts, amount.add))

    read = {split: Chunks(lambda split=split: rows(split)) for split in given}
    first = given.get("all") or given["train"]
    return Source(
        name=first.found.title,
        kind="text",
        fingerprint={"sha256": digest(given)},
        read=lambda: read,
        overview=lambda: overview(path, amount.total, read, document),
        notices=notices,
        origin={split: str(part) for split, part in given.items()},
        amount=amount,
    )


def digest(given):
    """A hash of the names and bytes of all files.

    Args:
        given: dict of split -> Part.

    Returns:
        str.
    """
    listed = hashlib.sha256()
    for split, part in given.items():
        for file, name in part.named():
            listed.update(f"{split}\0{name}\0{file_sha256(file)}\n".encode())
    return listed.hexdigest()


def overview(path, size, read, document):
    """The texts, unless they are many.

    Args:
        path: as the user gave it, for errors.
        size: bytes of all files.
        read: dict of split -> Chunks.
        document: "file" or "line".

    Returns:
        Overview.

    Raises:
        ValueError: if there is no text, or a file that cannot be read.
    """
    if size > PIECE_BYTES:
        return Overview()
    texts = {
        split: [text for piece in pieces for text in piece.labels]
        for split, pieces in read.items()
    }
    for split, found in texts.items():
        if not any(found):
            where = "" if split in ("all", "train") else f" for {split}"
            raise ValueError(
                f"no text{where}. Received: ingest.path={path!r}, where every "
                f"{document} is empty. Expected texts to learn from."
            )
    few = sum(map(len, texts.values())) < FEW_ROWS
    return Overview(rows=read["all"] if few and "all" in read else None)


def documents(files, document, counts, read):
    """The texts of all files, in order.

    Args:
        files: list of TextFile.
        document: "file" or "line".
        counts: Counter of notices.
        read: called with how many more bytes of the files have been read.

    Yields:
        bytes.
    """
    for file in files:
        if document == "file":
            yield file.whole(counts, read)
            continue
        for number, line in enumerate(file.lines(counts, read), 1):
            if line:
                yield line
            else:
                counts.add(EMPTY, f"{file.name}:{number}")


def pieces(texts):
    """Texts -> Rows of about PIECE_BYTES each.

    Args:
        texts: iterable of bytes.

    Yields:
        Rows.
    """
    for group in grouped(texts, len):
        yield Rows(None, objects(group))


def grouped(examples, size_of):
    """Groups of examples, of about PIECE_BYTES each.

    Args:
        examples: iterable.
        size_of: function of an example -> its bytes.

    Yields:
        list of examples.
    """
    group, size = [], 0
    for example in examples:
        group.append(example)
        size += size_of(example)
        if size >= PIECE_BYTES or len(group) == PIECE_ROWS:
            yield group
            group, size = [], 0
    if group:
        yield group

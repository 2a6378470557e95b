"""Your own texts: a file, or a folder of files, .txt or .gz.

Bytes are taken as they are. The treatment of bytes that are not UTF-8 is that of
components/data/encoders/text.py.
"""

import hashlib
import re
from pathlib import Path
from typing import Literal

from phistar.components.data.sources.base import (
    FEW_ROWS,
    Chunks,
    Overview,
    Rows,
    Source,
    objects,
)
from phistar.components.data.tables import opened
from phistar.components.hashing import file_sha256

SUFFIXES = (".txt", ".gz")
PIECE_BYTES = 16 * 2**20


def text(*, path: str, document: Literal["file", "line"] = "file"):
    """Documents of a file or folder: each file is one, or each line that is not empty.

    Args:
        path: of a file, or of a folder whose .txt and .gz files are read, those in
            folders below too; relative to the working directory.
        document: the unit that is one text.

    Returns:
        Source of texts, without splits.

    Raises:
        ValueError: if there is no such file.
    """
    root = Path(path).expanduser()
    found = files(root)
    listed = (
        f"{file.relative_to(root.parent).as_posix()}\0{file_sha256(file)}\n"
        for file in found
    )
    digest = hashlib.sha256("".join(listed).encode())
    rows = Chunks(lambda: pieces(documents(found, document)))
    return Source(
        name=re.sub(r"\W+", "_", root.resolve().name.split(".")[0]),
        kind="text",
        fingerprint={"sha256": digest.hexdigest()},
        read=lambda: {"all": rows},
        overview=lambda: overview(root, found, rows, document),
    )


def overview(root, found, rows, document):
    """The texts of a file or folder, unless they are many.

    Args:
        root: Path, for errors.
        found: list of Path, its files.
        rows: Chunks of all texts.
        document: "file" or "line".

    Returns:
        Overview.

    Raises:
        ValueError: if there is no text.
    """
    if sum(file.stat().st_size for file in found) > PIECE_BYTES:
        return Overview()
    texts = [text for piece in rows for text in piece.labels]
    if not any(texts):
        raise ValueError(
            f"no text. Received: ingest.path={str(root)!r}, where every {document} is "
            "empty. Expected texts to learn from."
        )
    return Overview(rows=rows if len(texts) < FEW_ROWS else None)


def files(root):
    """The text files of a path, sorted.

    Args:
        root: Path of a file or folder.

    Returns:
        list of Path.

    Raises:
        ValueError: if there is none.
    """
    found = [root] if root.is_file() else sorted(root.rglob("*"))
    found = [file for file in found if file.is_file() and file.suffix in SUFFIXES]
    if not found:
        raise ValueError(
            f"no text files. Received: ingest.path={str(root)!r}, that is "
            f"{root.absolute()}. Expected a file that ends in {' or '.join(SUFFIXES)}, "
            "or a folder with such files."
        )
    return found


def documents(found, document):
    """The texts of all files, in order.

    Args:
        found: list of Path.
        document: "file" or "line".

    Yields:
        bytes.

    Raises:
        ValueError: if a .gz file cannot be read.
    """
    for file in found:
        with opened(file) as stream:
            if document == "file":
                yield stream.read()
                continue
            for line in stream:
                if line := line.rstrip(b"\r\n"):
                    yield line


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
        if size >= PIECE_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group

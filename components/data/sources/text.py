"""Your own texts: a file, a folder, a pattern; or a column of a table.

What a text holds is kept as it is. What the encoder reads as something else, like NUL,
is counted: components/data/encoders/text.py.
"""

from itertools import chain
from typing import Annotated, Literal

from pydantic import Field

from phistar.components.data.files import columns
from phistar.components.data.files.dividing import Dividing
from phistar.components.data.files.encodings import require_encoding
from phistar.components.data.files.found import own_suffix
from phistar.components.data.files.parts import (
    digest,
    origin,
    parts,
    size_of,
)
from phistar.components.data.notices import Notices
from phistar.components.data.sources.base import (
    FEW_ROWS,
    Overview,
    Source,
    require_no,
)
from phistar.components.data.sources.pieces import PIECE_BYTES
from phistar.components.data.sources.text_files import TextRows
from phistar.components.data.sources.text_parts import line_parts
from phistar.components.data.sources.text_pieces import lines_piece
from phistar.components.digests import Inputs

SUFFIXES = (".txt", ".text", ".md", ".gz", ".zst", ".bz2")
FEW_FILES = 3  # one for each split at least


def text(
    *,
    path: str,
    document: Literal["file", "line"] = "file",
    text: str | None = None,
    valid_path: str | None = None,
    test_path: str | None = None,
    split: str | None = None,
    group: str | None = None,
    time: str | None = None,
    encoding: str | None = None,
    separator: str | None = None,
    quote: str | None = None,
    max_bad_rows: Annotated[int, Field(ge=0)] = 0,
):
    """Documents: each file is one, each line that is not empty, or each row of a table.

    Folders train, valid and test below `path`, or files called so, are the splits.
    Hidden files and those of other kinds are left out of folders and named.

    Args:
        path: of a file, a folder or a pattern like "letters/*.txt". Of a folder the
            .txt, .text and .md files are read, those in folders below too, also with
            .gz or .zst behind; relative to the working directory.
        document: the unit that is one text.
        text: name of the column of texts, if the files are tables: JSON lines, Parquet,
            Feather, CSV or TSV.
        valid_path: as `path`, of the texts that choose the weights to keep.
        test_path: as `path`, of the texts that are scored at the end.
        split: of a table, the column that says train, valid or test.
        group: of a table, the column of groups; rows of a group are in one split.
        time: of a table, the column of times; test is the latest.
        encoding: of the files, like windows-1252; default: as a byte order mark says,
            or UTF-8.
        separator: of the cells of a CSV file; default: as its first lines show.
        quote: around cells of a CSV file, "" for none; default: as its lines show.
        max_bad_rows: rows of a table that cannot be read and are left out, at most.

    Returns:
        Source of texts.

    Raises:
        ValueError: if there is no such file.
    """
    require_encoding(encoding)
    notices = Notices()
    of_table = {"split": split, "group": group, "time": time}
    of_table |= {"separator": separator, "quote": quote}
    of_table |= {"max_bad_rows": max_bad_rows or None}
    if text is None:
        require_no("without ingest.text, the column of texts", of_table)
    elif document == "line":
        require_no("with ingest.text: a row is a text", {"document": document})
    suffixes = SUFFIXES if text is None else columns.SUFFIXES
    given = parts(path, valid_path, test_path, split, suffixes, notices)
    named = {split: list(part.named()) for split, part in given.items()}
    if text is None:
        require_no_tables(chain(*named.values()))
    options = {"separator": separator, "quote": quote, "encoding": encoding}
    options |= {"max_bad_rows": max_bad_rows}
    dividing = Dividing(split, group, time)
    if text is None:
        data = TextRows(
            lines_piece,
            lambda whole: line_parts(named, document, encoding),
            given,
            notices,
        )
    else:
        data = TextRows.of_tables(given, {"text": text}, dividing, options, notices)
    first = given.get("all") or given["train"]
    unit, size = document if text is None else "row", size_of(given)
    inputs = Inputs()
    return Source(
        name=first.found.title,
        kind="text",
        fingerprint={"sha256": digest(given, inputs)},
        read=data.read,
        prepare=data.prepare,
        overview=lambda: overview(path, size, data, unit),
        notices=notices,
        origin=origin(given, dividing),
        size=size,
        inputs=inputs,
    )


def require_no_tables(every):
    """Refuse tables that are to be read as plain text.

    Args:
        every: list of (Path, name).

    Raises:
        ValueError: the first one.
    """
    for file, name in every:
        if own_suffix(file) in columns.SUFFIXES:
            raise ValueError(
                f"a table, not a plain text. Received: {name}. Expected the name of "
                "the column of texts: ingest.text=COLUMN."
            )


def overview(path, size, data, unit):
    """The texts, unless they are many.

    Args:
        path: as the user gave it, for errors.
        size: bytes of all files.
        data: TextRows.
        unit: "file", "line" or "row", what a text is.

    Returns:
        Overview.

    Raises:
        ValueError: if there is no text, or a file that cannot be read.
    """
    data.require_columns()
    if size > PIECE_BYTES:
        return Overview()
    read = data.read()
    texts = {
        split: [text for piece in pieces for text in piece.labels]
        for split, pieces in read.items()
    }
    for split, found in texts.items():
        if not any(found):
            where = "" if split in ("all", "train") else f" for {split}"
            raise ValueError(
                f"no text{where}. Received: ingest.path={path!r}, where every "
                f"{unit} is empty. Expected texts to learn from."
            )
    if unit == "file" and len(texts.get("all", [0] * FEW_FILES)) < FEW_FILES:
        raise ValueError(
            f"too few texts for train, valid and test. Received: ingest.path={path!r}, "
            f"{len(texts['all'])} files, each of them a text. Expected more: "
            "ingest.document=line makes a text of each line, ingest.valid_path and "
            "ingest.test_path name files of their own."
        )
    few = sum(map(len, texts.values())) < FEW_ROWS
    return Overview(rows=read["all"] if few and "all" in read else None)

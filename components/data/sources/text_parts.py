"""Parts of own files of texts or pairs, each of them read by itself."""

from typing import NamedTuple

from phistar.components.data.files import ranges
from phistar.components.data.files.ranges import (
    places_of_lines,
    table_parts,
    text_parts,
)
from phistar.components.data.files.texts import TextFile


class Part(NamedTuple):
    """A part of the files that is read by itself.

    Args:
        split: it is of, or "all".
        size: bytes that are read for it.
        request: dict of plain data, see text_pieces.py.
        table: TableFile that it is of, or None.
    """

    split: str
    size: int
    request: dict
    table: object = None


def line_parts(given, document, encoding):
    """Parts of plain files of texts.

    Args:
        given: dict of split, or "all" -> list of (Path, name).
        document: "file" or "line".
        encoding: of the files, or None.

    Returns:
        list of Part.
    """
    found, request = [], {"document": document, "encoding": encoding}
    whole = request | {"span": None, "line": 1}
    for split, files in given.items():
        group, size = [], 0
        for file, name in files:
            named, large = [str(file), name], file.stat().st_size
            if document == "line" and large >= 2 * ranges.PART_BYTES:
                codec = TextFile(file, name, encoding).encoding()
                spans, lines = text_parts(file, codec)
            else:
                spans = [None]
            if spans == [None]:
                group.append(named)
                size += large
            if group and (size >= ranges.PART_BYTES or spans != [None]):
                found.append(Part(split, size, whole | {"files": group}))
                group, size = [], 0
            if spans != [None]:
                for span, line in zip(spans, lines, strict=True):
                    own = {"files": [named], "span": span, "line": line}
                    found.append(Part(split, span[1] - span[0], request | own))
        if group:
            found.append(Part(split, size, whole | {"files": group}))
    return found


def pair_parts(given, encoding):
    """Parts of pairs of files of lines.

    Args:
        given: dict of split, or "all" -> two (Path, name).
        encoding: of the files, or None.

    Returns:
        list of Part.
    """
    found = []
    for split, files in given.items():
        codecs = [TextFile(*file, encoding).encoding() for file in files]
        sizes = [file.stat().st_size for file, _ in files]
        (spans, lines), other = text_parts(files[0][0], codecs[0]), [None]
        if spans != [None] and text_parts(files[1][0], codecs[1])[0] != [None]:
            starts = places_of_lines(files[1][0], lines)
            # a file with fewer lines is told when both are read as they are
            if starts[-1] < sizes[1]:
                ends = [*starts[1:], sizes[1]]
                other = list(zip(starts, ends, strict=True))
        if other == [None]:
            spans, lines = [None], [1]
        for one, two, line in zip(spans, other, lines, strict=True):
            size = sum(sizes) if one is None else one[1] - one[0] + two[1] - two[0]
            request = {
                "files": [[str(file), name] for file, name in files],
                "encoding": encoding,
                "spans": [one, two],
                "line": line,
                "whole": split == "test",
            }
            found.append(Part(split, size, request))
    return found


def row_parts(tables, whole):
    """Parts of files of rows.

    Args:
        tables: dict of split, or "all" -> TextColumns.
        whole: paths of files that are not divided.

    Returns:
        list of Part.
    """
    found = []
    for split, texts in tables.items():
        for one in texts.table.opened.values():
            spans = [None] if str(one.file) in whole else table_parts(one)
            size = one.file.stat().st_size // len(spans)
            for span in spans:
                request = {
                    "table": one.plain(),
                    "span": span,
                    "columns": list(texts.columns.values()),
                    "dividing": texts.dividing.keys,
                    "form": None,
                    "whole": split == "test" and len(texts.columns) > 1,
                    "most_bad": texts.table.max_bad_rows,
                }
                found.append(Part(split, size, request, one))
    return found

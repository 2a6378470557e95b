"""Rows of a file of cells one by one, each with its line: where is the mistake?

It is for files that the fast reader refuses, and for the line of a row. It is some
twenty times slower.
"""

import csv
import io
import re
from typing import NamedTuple

from phistar.components.data.files import streams

SHOWN = 60  # characters of a value in an error
WIDE = ("utf-16", "utf-32")  # their decoders keep no single wrong byte


class Fault(NamedTuple):
    """A row that cannot be read.

    Args:
        file: Path.
        line: where the row begins, from 1.
        column: its name, "" if the mistake is in none.
        value: as it is in the file.
        reason: what is wrong with it.
        expected: what is expected, and what to do.
    """

    file: object
    line: int
    column: str
    value: str
    reason: str
    expected: str

    def __str__(self):
        where = f" in the column {self.column!r}" if self.column else ""
        return (
            f"{self.file}:{self.line}: {self.reason}. Received: {self.value}{where}. "
            f"Expected {self.expected}."
        )


def rows(file, found, header=None):
    """The rows of a file, blank lines left out.

    Args:
        file: Path.
        found: Dialect.
        header: names of the columns; None to give the header as the first row too.

    Yields:
        (int, list of str or Fault): the line where a row begins, and its cells.
    """
    wide = found.encoding.replace("_", "-").startswith(WIDE)
    errors = "replace" if wide else "surrogateescape"
    with streams.opened(file) as stream:
        text = io.TextIOWrapper(stream, found.encoding, errors, newline="")
        line, names = 1, header
        for _ in range(found.skipped):
            line += bool(next(text, ""))
        table = found.reader(unmarked(text))
        before = line
        try:
            while True:
                start, line = line, None
                try:
                    row = next(table)
                except StopIteration:
                    return
                except csv.Error as error:
                    line = before + table.line_num
                    yield start, unreadable(file, start, error, found)
                    if "unexpected end" in str(error):
                        return
                    continue
                line = before + table.line_num
                if not row:
                    continue
                if names is None:
                    names = row
                    if header is None:
                        yield start, row
                    continue
                yield start, checked(file, start, names, row, wide, found)
        finally:
            text.detach()


def unmarked(lines):
    """The same lines without a byte order mark, or a line end without its line."""
    for number, line in enumerate(lines):
        yield line.removeprefix("\ufeff") if not number else line


def checked(file, line, names, row, wide, found):
    """A row, or the Fault that is in it."""
    if len(row) != len(names):
        received = f"{len(row)} values"
        reason, expected = "a row of another length", f"{len(names)}, as the header has"
        return Fault(file, line, "", received, reason, expected)
    bad = "\ufffd" if wide else r"[\udc80-\udcff]"
    for name, cell in zip(names, row, strict=True):
        if match := re.search(bad, cell):
            return foreign(file, line, name, cell, match.start(), found.encoding)
    return row


def foreign(file, line, name, cell, start, encoding):
    """The Fault of bytes that are not of the encoding."""
    word = cell[max(0, start - 20) : start + 20]
    if encoding != "utf-8":
        reason = f"text that is not {encoding}"
        expected = f"{encoding}, as told or marked: set ingest.encoding"
        return Fault(file, line, name, repr(word), reason, expected)
    data = word.encode("utf-8", "surrogateescape")
    received = (
        f"byte 0x{ord(cell[start]) - 0xDC00:02x}, in "
        f"{data.decode('cp1252', 'replace')!r} if it is Windows-1252 (Latin-1)"
    )
    expected = "UTF-8: set ingest.encoding=cp1252, or what else it is"
    return Fault(file, line, name, received, "text that is not UTF-8", expected)


def unreadable(file, line, error, found):
    """The Fault of a row that is not CSV."""
    expected = (
        f"{found}, and quotes that are closed: correct the row, or set "
        "ingest.separator or ingest.quote ('' if quotes mean nothing)"
    )
    return Fault(file, line, "", str(error), "not a row that can be read", expected)


def faults(file, found):
    """All rows of a file that cannot be read.  -> iterator of Fault."""
    return (row for _, row in rows(file, found) if isinstance(row, Fault))

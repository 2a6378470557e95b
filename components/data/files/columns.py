"""Columns of texts in files of rows."""

import csv
import io
import re
from functools import cached_property

from phistar.components.data.files import streams
from phistar.components.data.files.dialect import dialect
from phistar.components.data.files.tables import TableFiles

SUFFIXES = (
    *(".jsonl", ".ndjson", ".json", ".parquet", ".pq", ".feather", ".arrow", ".ipc"),
    *(".csv", ".tsv", ".tab"),
)


class TextColumns:
    """The texts of one part of the data.

    Args:
        part: Part.
        columns: dict of a key of the section `ingest` -> name of a column of texts.
        dividing: Dividing.
        options: keys of TableFiles.
    """

    def __init__(self, part, columns, dividing, options):
        self.part, self.columns, self.dividing = part, columns, dividing
        self.options = options

    @cached_property
    def table(self):
        """The files, their headers read.

        Raises:
            ValueError: a column that they lack.
        """
        files, quote = self.part.files, self.options["quote"]
        if quote is None:
            found = {quote_of(file, self.options) for file in files}
            quote = found.pop() if len(found) == 1 else None
        table = TableFiles(files, **self.options | {"quote": quote})
        for key, name in (self.columns | self.dividing.given).items():
            table.require(key, name)
        return table

    def require(self):
        """Refuse a column that the files lack."""
        _ = self.table


def as_bytes(array):
    """pyarrow.Array of strings [N] -> list of N bytes, b"" for null."""
    import pyarrow as pa

    return array.fill_null("").cast(pa.binary()).to_pylist()


def quote_of(file, options):
    """The quote of a file of cells that are sentences; None for what is usual.

    Sentences have quotes of their own, and cells divided by tabs are seldom quoted. So
    a quote there is a cell's only if a program has surely written it. It then stands
    around all cells, or around those alone that need it, their own quotes doubled.

    Args:
        file: Path.
        options: keys of TableFiles.
    """
    head = streams.head(file)
    if streams.kind(file, head) != "csv":
        return None
    found = dialect(file, options["separator"], '"', options["encoding"], None)
    if found.separator != "\t":
        return None
    text = head.decode(found.encoding, "ignore").removeprefix("\ufeff")
    cut = len(head) == streams.HEAD
    rows = []
    try:
        for row in found.reader(io.StringIO(text, newline="")):
            rows.append(row)
    except csv.Error as error:
        if not (cut and "unexpected end" in str(error)):
            return ""
    lengths = {len(row) for row in (rows[:-1] if cut else rows) if row}
    num_cells = sum(map(len, rows))
    num_quoted = len(re.findall(r'(?:^|\t)"', text, re.MULTILINE))
    needless = re.search(r'(?:^|\t)"[^"\t\r\n]*"(?=\t|\r|$)', text, re.MULTILINE)
    surely = len(lengths) == 1 and (not needless or num_quoted >= num_cells)
    return None if num_quoted and surely else ""

"""Columns of texts in files of rows, some rows at a time, as bytes of UTF-8."""

import csv
import io
import re
from functools import cached_property

from phistar.components.data.files import bad_rows, streams
from phistar.components.data.files.dialect import dialect
from phistar.components.data.files.tables import TableFiles
from phistar.components.data.files.texts import CHANGED
from phistar.components.data.files.typed_files import shortened
from phistar.components.data.notices import FIRST

SUFFIXES = (
    ".jsonl",
    ".ndjson",
    ".json",
    ".parquet",
    ".pq",
    ".feather",
    ".arrow",
    ".csv",
    ".tsv",
    ".tab",
)
SIGNS = {sign.encode(): what for sign, what in CHANGED.items() if sign != "\r"}
BAD = "rows that cannot be read left out, see bad_rows.csv"


def text_columns(given, columns, dividing, options, folders):
    """The texts of each part.

    Args:
        given: dict of split, or "all" -> Part.
        columns, dividing, options, folders: see TextColumns.

    Returns:
        dict of split, or "all" -> TextColumns.
    """
    names = {
        split: bad_rows.NAME.format("" if split == "all" else f"_{split}")
        for split in given
    }
    return {
        split: TextColumns(part, columns, dividing, options, names[split], folders)
        for split, part in given.items()
    }


class TextColumns:
    """The texts of one part of the data.

    Args:
        part: Part.
        columns: dict of a key of the section `ingest` -> name of a column of texts.
        dividing: Dividing.
        options: keys of TableFiles.
        name: of the list of bad rows.
        folders: list of Path; the list is written to the last one, if there is one.
    """

    def __init__(self, part, columns, dividing, options, name, folders):
        self.part, self.columns, self.dividing = part, columns, dividing
        self.options, self.name, self.folders = options, name, folders

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
            if name not in table.names:
                raise ValueError(
                    f"no such column. Received: ingest.{key}={name!r}. Expected one "
                    f"of {shortened(table.names)} ({files[0]}). A file whose first "
                    "line is a row needs a line with the columns' names before it."
                )
        return table

    def require(self):
        """Refuse a column that the files lack."""
        _ = self.table

    def batches(self, counts, read):
        """The rows, in order.

        Args:
            counts: Counter of notices.
            read: called with how many more bytes of the files have been read.

        Yields:
            (list of list of bytes, by column, b"" for null; dict of fields of Rows;
            function of (what, row) that counts it with its place).
        """
        table, sizes = self.table, dict.fromkeys(self.part.files, 0)
        names = [*self.columns.values(), *self.dividing.given.values()]
        for batch in table.batches(names):
            sizes[batch.file] = batch.file.stat().st_size

            def place(row, batch=batch):
                return table.place(batch.file, batch.first + row)

            def note(what, row, place=place):
                known = counts.get(what)
                few = known is None or len(known.places) < FIRST
                counts.add(what, place(row) if few else "")

            texts = [as_bytes(batch.columns[name]) for name in self.columns.values()]
            for row in range(len(texts[0])):
                for sign, what in SIGNS.items():
                    if any(sign in column[row] for column in texts):
                        note(what, row)
            yield texts, self.dividing.fields(batch.columns, place), note
        for fault in table.bad:
            counts.add(BAD, f"{fault.file}:{fault.line}")
        for folder in self.folders[-1:]:
            bad_rows.write(table.bad, folder / self.name)
        read(sum(sizes.values()))


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

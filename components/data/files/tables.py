"""Files of rows in any format, as columns of strings, some rows at a time.

CSV in any dialect, JSON lines, Parquet and Feather; gzip, zstd and bzip2. pyarrow reads
them. Only a file with a mistake is read by Python too, to find its line.
"""

import sys
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

from phistar.components.data.cells.missing import number
from phistar.components.data.files.table_file import TableFile
from phistar.components.data.files.typed_files import shortened


class Batch(NamedTuple):
    """Rows that stand one behind the other in a file.

    Args:
        file: Path.
        first: int, number of the first row in its file, from 0.
        columns: dict of name -> pyarrow.Array of strings [N], null where the file
            itself has null.
    """

    file: Path
    first: int
    columns: dict


class TableFiles:
    """Files that have the same columns.

    Args:
        files: list of Path.
        separator, quote, encoding, decimal: of files of cells, see Dialect; None for
            what each file itself tells.
        max_bad_rows: int, rows that cannot be read and are let through.

    Attributes:
        files: list of Path.
        opened: file -> TableFile.
        names: of the columns.
        bad: list of Fault, the rows that the last pass has let through.

    Raises:
        ValueError: a file of another kind, without a header, or with other columns.
    """

    def __init__(
        self,
        files,
        separator=None,
        quote=None,
        encoding=None,
        decimal=None,
        max_bad_rows=0,
    ):
        self.files, self.max_bad_rows, self.bad = list(files), max_bad_rows, []
        options = separator, quote, encoding, decimal
        self.opened = {file: TableFile.open(file, options) for file in self.files}
        self.names = self.opened[self.files[0]].header
        for file, one in self.opened.items():
            if sorted(one.header) != sorted(self.names):
                raise ValueError(
                    f"files with other columns. Received: {file} with "
                    f"{shortened(one.header)}. Expected those of "
                    f"{self.files[0]}: {shortened(self.names)}."
                )

    def require(self, key, column):
        """Refuse a column that is not in the header.

        Args:
            key: of the section `ingest` that names it.
            column: its name.

        Raises:
            ValueError: with the names that are there, and what may be meant.
        """
        if column in self.names:
            return
        near = get_close_matches(column, self.names, 1)
        numbers = [name for name in self.names if number(name) is not None]
        hint = ""
        if near:
            hint = f" Did you mean {near[0]!r}?"
        elif numbers:
            hint = (
                f" The first line looks like a row, since {numbers[0]!r} is a "
                "number: add a line with the columns' names before it."
            )
        file = self.files[0]
        alone = len(self.names) == 1 and file in self.dialects
        how = f"{file}, {self.dialects[file]}" if alone else file
        raise ValueError(
            f"no such column. Received: ingest.{key}={column!r}. Expected one of "
            f"{shortened(self.names)} ({how}).{hint}"
        )

    @property
    def dialects(self):
        """Dialect of each file of cells.  -> dict of Path -> Dialect"""
        found = {file: one.dialect for file, one in self.opened.items()}
        return {file: one for file, one in found.items() if one is not None}

    @property
    def decimal(self):
        """The decimal mark of numbers in the files; None if nothing tells it."""
        marks = {found.decimal for found in self.dialects.values()}
        if not marks:
            return "."  # JSON and typed files know no other
        return "," if "," in marks else "." if "." in marks else None

    def formats(self):
        """Format of each file in words.  -> dict of words -> list of Path."""
        found = {}
        for file, one in self.opened.items():
            found.setdefault(str(one), []).append(file)
        return found

    def batches(self, columns=None):
        """The rows of all files, in order.

        Args:
            columns: names of those to read; None for all.

        Yields:
            Batch.

        Raises:
            ValueError: a row that cannot be read, with its line; no row at all.
        """
        self.bad, total = [], 0
        wanted = list(dict.fromkeys(self.names if columns is None else columns))
        for file, one in self.opened.items():
            first = 0
            for arrays in one.arrays(wanted, self.bad, self.max_bad_rows):
                yield Batch(file, first, dict(zip(wanted, arrays, strict=True)))
                first += len(arrays[0])
            total += first
        self.require_rows(total)

    def require_rows(self, total):
        """Refuse files without a row.

        Args:
            total: int, their rows.

        Raises:
            ValueError: there is none.
        """
        if not total:
            raise ValueError(
                f"{self.files[0]} has no row below its header. Received: "
                f"{len(self.names)} columns. Expected a row for each example."
            )

    def lines(self, file):
        """The line of each row of a file, see TableFile."""
        return self.opened[file].lines()

    def place(self, file, row):
        """Place of a row of a file in words, see TableFile."""
        return self.opened[file].place(row)


def report(files, out=None):
    """Say how the files are read.

    Args:
        files: TableFiles.
        out: stream; default: stderr.
    """
    for words, found in files.formats().items():
        more = f" and {len(found) - 1} more" if len(found) > 1 else ""
        print(f"{found[0].name}{more}: {words}", file=out or sys.stderr)

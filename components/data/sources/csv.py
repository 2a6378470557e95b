"""Your own table: a CSV file with a header, one row per example."""

import re
import sys
from difflib import get_close_matches
from functools import cache
from itertools import islice

import numpy as np

from phistar.components.data import tables
from phistar.components.data.sources.base import (
    FEW_ROWS,
    Chunks,
    Overview,
    Rows,
    Source,
    existing,
)
from phistar.components.hashing import file_sha256

SHOWN = 30  # columns that an error names
CHUNK_CELLS = 2**18  # values read at a time: about 20 MB as Python's strings


def csv(
    *,
    path: str,
    label: str,
    missing: tuple[str, ...] = ("", "NA", "nan"),
    numeric: tuple[str, ...] = (),
    categorical: tuple[str, ...] = (),
    ignore: tuple[str, ...] = (),
):
    """A CSV file (UTF-8; .gz too). A column is numeric if all its values are.

    Args:
        path: of the file; relative to the working directory.
        label: name of the column that holds the labels.
        missing: cells without a value, in any column but the label.
        numeric: columns that must be numeric; another value in one is an error.
        categorical: columns whose numbers are names, like a postcode.
        ignore: columns to leave out.

    Returns:
        Source of columns, not split.

    Raises:
        ValueError: if the file does not exist.
    """
    file = existing("path", path, "a CSV file with a header")

    def table():
        return Table(file, label, missing, numeric, categorical, ignore)

    def read():
        opened = table()
        rows = opened.rows()
        opened.report_types()
        return {"all": rows}

    return Source(
        name=re.sub(r"\W+", "_", file.name.split(".")[0]),
        kind="columns",
        fingerprint={"sha256": file_sha256(file)},
        read=read,
        overview=cache(lambda: table().overview()),
    )


class Table:
    """A file, its header checked, its columns' types known after one pass.

    Args:
        file: Path.
        label, missing, numeric, categorical, ignore: see `csv`.
    """

    def __init__(self, file, label, missing, numeric, categorical, ignore):
        self.file, self.label, self.missing = file, label, missing
        self.header = next(pieces(file))
        self.require("label", [label])
        declared = {"numeric": numeric, "categorical": categorical, "ignore": ignore}
        for key, columns in declared.items():
            self.require(key, columns)
        if len(set(self.header)) < len(self.header):
            raise ValueError(
                f"two columns of {file} have one name. Received: {self.header}. Rename "
                "one."
            )
        self.names = [c for c in self.header if c != label and c not in ignore]
        self.must, self.words = set(numeric), set(categorical)

    def require(self, key, columns):
        """Refuse columns that are not in the header."""
        for column in columns:
            if column not in self.header:
                near = get_close_matches(column, self.header, 1)
                numbers = [c for c in self.header if tables.number(c) is not None]
                hint = ""
                if near:
                    hint = f" Did you mean {near[0]!r}?"
                elif numbers:
                    hint = (
                        f" The first line looks like a row, since {numbers[0]!r} is a "
                        "number: add a line with the columns' names before it."
                    )
                listed = ", ".join(map(repr, self.header[:SHOWN]))
                if len(self.header) > SHOWN:
                    listed += f" and {len(self.header) - SHOWN} more"
                raise ValueError(
                    f"no such column. Received: ingest.{key}={column!r}. "
                    f"Expected one of {listed} ({self.file}).{hint}"
                )

    def overview(self):
        """The labels, after one pass over the file that refuses a broken row.

        Returns:
            Overview.

        Raises:
            ValueError: a row without a label, of another length, not in UTF-8.
        """
        labels, start, place = {}, 0, self.header.index(self.label)
        table = pieces(self.file)
        next(table)
        for rows in table:
            found = [row[place] for row in rows]
            self.require_labels(found, start)
            for row, label in enumerate(found, start):
                labels.setdefault(label, row)
            start += len(rows)
        return Overview(labels, start, self.rows() if start < FEW_ROWS else None)

    def require_labels(self, labels, start):
        """Refuse rows without a label.

        Args:
            labels: list of str.
            start: number of the first row.
        """
        if "" in labels:
            raise ValueError(
                f"{self.file}: row {start + labels.index('')} has no label. Received: "
                f"'' in the column {self.label!r}. Expected a label: complete it, or "
                "remove the row."
            )

    def rows(self):
        """All rows, typed: float64 with NaN, or str with "" for missing.  -> Chunks."""
        for start, columns in self.columns():
            for column in set(self.names) - self.words:
                row = not_a_number(columns[column], self.missing)
                if row is None:
                    continue
                if column in self.must:
                    raise ValueError(
                        f"{self.file}: row {start + row} of the column {column!r} is "
                        f"not a number. Received: {columns[column][row]!r}. Expected a "
                        f"number or one of {list(self.missing)}, since ingest.numeric "
                        "names the column."
                    )
                self.words.add(column)
        return Chunks(self.typed)

    def report_types(self):
        """Report on stderr which columns are numbers, and which are words."""
        for kind, wanted in (("numbers", False), ("words", True)):
            found = [c for c in self.names if (c in self.words) == wanted]
            print(f"{self.file.name}: {kind}: {', '.join(found)}", file=sys.stderr)

    def columns(self):
        """Pieces of the table.  -> iterator of (first row, {column: str [N]})."""
        start, table = 0, pieces(self.file)
        header = next(table)
        for rows in table:
            columns = [np.array(values, str) for values in zip(*rows, strict=True)]
            yield start, dict(zip(header, columns, strict=True))
            start += len(rows)

    def typed(self):
        """Pieces of the table.  -> iterator of Rows."""
        for start, columns in self.columns():
            labels = columns[self.label]
            self.require_labels(labels.tolist(), start)
            inputs = {}
            for column in self.names:
                values, gone = columns[column], np.isin(columns[column], self.missing)
                if column in self.words:
                    inputs[column] = np.where(gone, "", values)
                else:
                    inputs[column] = np.where(gone, "nan", values).astype("float64")
            yield Rows(inputs, labels)


def not_a_number(values, missing):
    """The first row of str [N] that is not a number and not missing, or None."""
    values = np.where(np.isin(values, missing), "nan", values)
    try:
        values.astype("float64")
    except ValueError:
        cells = enumerate(values)
        return next((row for row, cell in cells if tables.number(cell) is None), None)
    return None


def pieces(file):
    """The header, then lists of rows, each as long as it; no blank lines."""
    with tables.opened(file) as stream:
        rows = tables.rows(stream, file)
        _, header = next(rows)
        if not header:
            raise ValueError(
                f"{file} is empty. Received: no header. Expected a CSV file with one."
            )
        yield header
        size = max(1, CHUNK_CELLS // len(header))
        piece = [row for _, row in islice(rows, size)]
        if not piece:
            raise ValueError(
                f"{file} has no row below its header. Received: {len(header)} columns. "
                "Expected a row for each example."
            )
        while piece:
            yield piece
            piece = [row for _, row in islice(rows, size)]

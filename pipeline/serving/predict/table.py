"""The rows of tables as a signature takes them, whole columns at a time.

Files are those of ingest, in any format; cells are read by the rules that ingest has
found for each column, which the contract keeps.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from phistar.components.data.cells import dates, forms
from phistar.components.data.cells.labels import WHOLE
from phistar.components.data.cells.missing import NO_CELL, NO_WORD, Markers, trimmed
from phistar.components.data.files.dialect import of_another
from phistar.components.data.files.tables import TableFiles
from phistar.components.serving.request import Signature
from phistar.pipeline.process.terminal import nearest
from phistar.pipeline.serving.predict.files import local, present, shown

SHOWN = 10  # columns that an error names
NO_READING = {
    "forms": {},
    "named": [],
    "missing": [],
    "decimal": ".",
    "dialect": {},
}
ISO = "date year-month-day"  # as typed files give times
ALSO = ("number", "grouped")  # forms that cells of other numbers may have too


@dataclass(frozen=True)
class Piece:
    """Rows that stand one behind the other in a file.

    Args:
        place: name -> what tells where each row is: "file" a str, "line" or "row" an
            array; or "id", a pyarrow.Array.
        values: input -> array [N]: float64 with NaN, or objects, bytes.
        first: number of the first row among all.
        file: its name, for errors.
        what: "line" or "row".
        numbers: int [N], the line or the row of each.
    """

    place: dict
    values: dict
    first: int
    file: str
    what: str
    numbers: np.ndarray

    def __len__(self) -> int:
        return len(self.numbers)

    def slice(self, start: int, stop: int) -> "Piece":
        """Some of the rows."""
        place = {
            name: value if isinstance(value, str) else value[start:stop]
            for name, value in self.place.items()
        }
        values = {name: value[start:stop] for name, value in self.values.items()}
        return replace(
            self,
            place=place,
            values=values,
            first=self.first + start,
            numbers=self.numbers[start:stop],
        )

    def where(self, row: int) -> str:
        """Place of a row, for errors: "FILE:LINE"."""
        return where(self.file, self.what, int(self.numbers[row]))


class Table:
    """Tables with the columns of a signature.

    Args:
        called: the signature.
        label: the column with the labels.
        reading: how cells are read, of the contract; None for the usual rules.
        missing: further cells without a value.
        options: how a user gives the label, and missing cells, for errors.

    Raises:
        ValueError: a label that is an input too.
    """

    def __init__(
        self,
        called: Signature,
        label: str,
        reading: dict | None,
        missing: tuple[str, ...] = (),
        options: tuple[str, str] = ("--label COLUMN", " (`--missing WORD`)"),
    ):
        self.specs, self.options = called.inputs, options
        self.reading = reading or NO_READING
        self.markers = Markers((*self.reading["missing"], *missing))
        # column's own name -> the signature's
        self.names = {
            label if spec["form"] == "label" else spec.get("column", name): name
            for name, spec in self.specs.items()
        }
        if len(self.names) < len(self.specs):
            raise ValueError(
                f"an input cannot be the label. Received: {label}, as "
                f"{self.options[0]}. Expected a column that the model does not read."
            )

    def columns(self, place: str, header: list[str]) -> dict[str, str]:
        """The signature's name -> name of the column in a header.

        Args:
            place: of the header, for errors.
            header: names of columns.

        Raises:
            ValueError: a column that is not in the header, or is there twice.
        """
        # a file may have the signature's names too
        known = {
            name: column
            for column, name in self.names.items()
            if self.specs[name]["form"] != "label"
        }
        own = [c if c in self.names else known.get(c, c) for c in header]
        count = Counter(own)
        missing = [column for column in self.names if column not in count]
        twice = [column for column in self.names if count[column] > 1]
        wrong = {"missing": missing, "more than once": twice}
        if missing or twice:
            what = "; ".join(
                f"{how} in the header: {shortened(columns)}"
                for how, columns in wrong.items()
                if columns
            )
            hint = self.hint(missing, own) if missing else ""
            raise ValueError(
                f"{place}: {what}. Received: {shortened(own) or 'no header'}. "
                "Expected each column that the model was trained on, once; others are "
                f"ignored.{hint}"
            )
        return {name: header[own.index(column)] for column, name in self.names.items()}

    def hint(self, missing: list[str], header: list[str]) -> str:
        """The end of an error about missing columns."""
        if any(self.specs[self.names[c]]["form"] == "label" for c in missing):
            return f" `{self.options[0]}` names the column with the labels."
        return nearest(missing[0], header)

    def values(
        self, cells: dict, decimal: str | None, at: Callable[[int], str]
    ) -> dict[str, np.ndarray]:
        """Inputs of a request.

        Args:
            cells: the signature's name -> pyarrow.Array of strings [N].
            decimal: mark of decimals; None for that of training.
            at: function of a row, the place in words, for errors.

        Returns:
            input -> float64 [N], NaN where it is missing, or objects [N], bytes.

        Raises:
            ValueError: a cell that is not a number where one is needed.
        """
        decimal = decimal or self.reading["decimal"]
        return {
            name: self.numbers(name, array, decimal, at)
            if self.specs[name]["form"] == "number"
            else self.words(name, array)
            for name, array in cells.items()
        }

    def numbers(
        self, name: str, cells: Any, decimal: str, at: Callable[[int], str]
    ) -> np.ndarray:
        """The numbers of a column.  -> float64 [N]"""
        own = self.specs[name].get("column", name)
        form = self.reading["forms"].get(own, "number")
        found, _, wrong = forms.values(cells, form, self.markers, decimal)
        others = (ISO,) if form in dates.PATTERNS else ALSO
        for other in others if wrong.any() else ():
            again, _, still = forms.values(cells, other, self.markers, decimal)
            found, wrong = np.where(wrong, again, found), wrong & still
        # a number that is infinite as float32 is not one for the model
        wrong |= np.abs(found) > np.finfo("float32").max
        if wrong.any():
            row = int(wrong.argmax())
            raise ValueError(
                f"{at(row)}: the column {own!r} holds no number. Received: "
                f"{cells[row].as_py()!r}. Expected {forms.MEANING[form]}, finite, or "
                "a common word for a missing value like NA"
                f"{self.options[1]}."
            )
        return found

    def words(self, name: str, cells: Any) -> np.ndarray:
        """The words of a column.  -> objects [N], bytes"""
        spec = self.specs[name]
        if spec["form"] == "label":
            found = labels(cells)
        else:
            named = spec.get("column", name) in self.reading["named"]
            found = forms.words(cells, self.markers, NO_CELL if named else NO_WORD)
        return found.cast("binary").to_numpy(zero_copy_only=False)

    def pieces(self, files: list[str], own: str | None = None) -> Iterator[Piece]:
        """The rows of all files, in order.

        Args:
            files: as typed, - for stdin.
            own: column that names the rows; None for file and line.
        """
        first = 0
        for file in present(files):
            with local(file) as path:
                for piece in self._pieces(file, path, own):
                    yield replace(piece, first=first)
                    first += len(piece)

    def _pieces(self, file: str, path: Path, own: str | None) -> Iterator[Piece]:
        """The rows of one file."""
        told = of_another(self.reading["dialect"], path)
        table, name = TableFiles([path], **told), shown(file)
        chosen = self.columns(f"{file}:1", table.names)
        if own is not None and own not in table.names:
            raise ValueError(
                f"{file}: no such column. Received: --id {own}. Expected one of "
                f"{shortened(table.names)}."
            )
        what, lines = table.lines(path)
        wanted = [*chosen.values(), *([own] if own is not None else [])]
        for batch in table.batches(wanted):
            size = len(batch.columns[wanted[0]])
            numbers = np.fromiter(islice(lines, size), "int64", size)

            def at(row: int, numbers: np.ndarray = numbers) -> str:
                return where(name, what, int(numbers[row]))

            cells = {n: batch.columns[column] for n, column in chosen.items()}
            values = self.values(cells, table.decimal, at)
            place = {"file": name, what: numbers}
            if own is not None:
                place = {"id": batch.columns[own]}
            yield Piece(place, values, 0, name, what, numbers)


def labels(cells: Any) -> Any:
    """Labels as ingest takes them: trimmed, 1.0 is 1.  pyarrow.Array -> the same"""
    import pyarrow.compute as pc

    cells = pc.fill_null(trimmed(cells), "")
    return pc.replace_substring_regex(cells, WHOLE, r"\1")


def where(file: str, what: str, number: int) -> str:
    """Place of a row: "FILE:LINE", or "FILE: row N"."""
    return f"{file}:{number}" if what == "line" else f"{file}: row {number}"


def shortened(names: list[str]) -> str:
    """Names in one line, of many the first ones and the number of the others."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more

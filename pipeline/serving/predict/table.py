"""The rows of a CSV file as a signature takes them."""

from collections import Counter
from collections.abc import Iterator

import numpy as np

from phistar.components.data import tables
from phistar.components.serving.request import Signature
from phistar.pipeline.process.terminal import nearest
from phistar.pipeline.serving.predict.files import Input, opened, shown

SHOWN = 10  # columns that an error names


class Table:
    """CSV files with the columns of a signature.

    Args:
        called: the signature.
        label: the column with the labels.
        missing: cells without a value, but in the labels.
        options: how a user gives the last two, for errors.

    Raises:
        ValueError: a label that is an input too.
    """

    def __init__(
        self,
        called: Signature,
        label: str,
        missing: tuple[str, ...],
        options: tuple[str, str] = ("--label COLUMN", " (`--missing WORD`)"),
    ):
        self.specs, self.missing = called.inputs, frozenset(missing)
        self.options = options
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

    def rows(self, file: str) -> Iterator[Input]:
        """The rows of a file."""
        with opened(file) as stream:
            rows = tables.rows(stream, file)
            _, header = next(rows)
            places = self.places(f"{file}:1", header)
            for line, row in rows:
                values = {
                    name: self.value(f"{file}:{line}", name, row[place])
                    for name, place in places.items()
                }
                yield Input({"file": shown(file), "line": line}, values)

    def places(self, place: str, header: list[str]) -> dict[str, int]:
        """The signature's name -> position in a row.

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
        header = [c if c in self.names else known.get(c, c) for c in header]
        count = Counter(header)
        missing = [column for column in self.names if column not in count]
        twice = [column for column in self.names if count[column] > 1]
        wrong = {"missing": missing, "more than once": twice}
        if missing or twice:
            what = "; ".join(
                f"{how} in the header: {shortened(columns)}"
                for how, columns in wrong.items()
                if columns
            )
            hint = self.hint(missing, header) if missing else ""
            raise ValueError(
                f"{place}: {what}. Received: {shortened(header) or 'no header'}. "
                "Expected each column that the model was trained on, once; others are "
                f"ignored.{hint}"
            )
        return {name: header.index(column) for column, name in self.names.items()}

    def hint(self, missing: list[str], header: list[str]) -> str:
        """The end of an error about missing columns."""
        if any(self.specs[self.names[c]]["form"] == "label" for c in missing):
            return f" `{self.options[0]}` names the column with the labels."
        return nearest(missing[0], header)

    def value(self, place: str, name: str, cell: str) -> float | bytes:
        """A cell as the signature takes it.

        Raises:
            ValueError: a cell that is not a number where one is needed.
        """
        form = self.specs[name]["form"]
        missing = cell in self.missing and form != "label"
        if form != "number":
            return b"" if missing else cell.encode()
        value = float("nan") if missing else tables.number(cell)
        # a number that is infinite as float32 is not one for the model
        if value is None or abs(value) > np.finfo("float32").max:
            own = self.specs[name].get("column", name)
            raise ValueError(
                f"{place}: the column {own!r} holds no number. Received: {cell!r}. "
                "Expected a finite number, or one of "
                f"{sorted(self.missing)} where it is missing{self.options[1]}."
            )
        return value


def shortened(names: list[str]) -> str:
    """Names in one line, of many the first ones and the number of the others."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more

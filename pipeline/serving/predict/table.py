"""The rows of a CSV file as a signature takes them."""

from collections.abc import Iterator

import numpy as np

from components.data import tables
from components.serving.request import Signature
from pipeline.process.terminal import nearest
from pipeline.serving.predict.files import Input, opened, shown

SHOWN = 10  # columns that an error names


class Table:
    """CSV files with the columns of a signature.

    Args:
        called: the signature.
        label: the column with the labels.
        missing: cells without a value, but in the labels.

    Raises:
        ValueError: a label that is an input too.
    """

    def __init__(self, called: Signature, label: str, missing: tuple[str, ...]):
        self.specs, self.missing = called.inputs, frozenset(missing)
        # column's name -> the signature's
        self.names = {
            tables.plain_name(label) if spec["form"] == "label" else name: name
            for name, spec in self.specs.items()
        }
        if len(self.names) < len(self.specs):
            raise ValueError(
                f"an input cannot be the label. Received: --label {label}. "
                "Expected a column that the model does not read."
            )

    def rows(self, file: str) -> Iterator[Input]:
        """The rows of a file."""
        with opened(file) as stream:
            rows = tables.rows(stream, file)
            _, header = next(rows)
            places = self.places(file, header)
            for line, row in rows:
                values = {
                    name: self.value(f"{file}:{line}", name, row[place])
                    for name, place in places.items()
                }
                yield Input({"file": shown(file), "line": line}, values)

    def places(self, file: str, header: list[str]) -> dict[str, int]:
        """The signature's name -> position in a row.

        Raises:
            ValueError: a column that is not in the header, or is there twice.
        """
        found = [tables.plain_name(column) for column in header]
        expected = "Expected the columns that the model was trained on, others are"
        if missing := [column for column in self.names if column not in found]:
            raise ValueError(
                f"{file}:1: {counted(len(missing), 'column')} missing: "
                f"{shortened(missing)}. Received: {shortened(header) or 'no header'}. "
                f"{expected} ignored.{self.hint(missing[0], header)}"
            )
        if twice := [column for column in self.names if found.count(column) > 1]:
            same = [c for c, name in zip(header, found, strict=True) if name in twice]
            raise ValueError(
                f"{file}:1: {counted(len(twice), 'column')} more than once in the "
                f"header: {shortened(twice)}. Received: {shortened(same)}. {expected} "
                "ignored: remove or rename all but one."
            )
        return {name: found.index(column) for column, name in self.names.items()}

    def hint(self, column: str, header: list[str]) -> str:
        """The end of an error about a missing column."""
        if self.specs[self.names[column]]["form"] == "label":
            return " `--label COLUMN` names the column with the labels."
        return nearest(column, header)

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
            raise ValueError(
                f"{place}: the column {name!r} holds no number. Received: "
                f"{cell!r}. Expected a finite number, or one of "
                f"{sorted(self.missing)} where it is missing (`--missing WORD`)."
            )
        return value


def counted(number: int, word: str) -> str:
    """Number of things with their verb: a column is, 3 columns are."""
    return f"a {word} is" if number == 1 else f"{number} {word}s are"


def shortened(names: list[str]) -> str:
    """Names in one line, of many the first ones and the number of the others."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more

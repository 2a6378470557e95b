"""The rows of a CSV file as a signature takes them."""

import csv
import io

import numpy as np

from components.data.sources.csv import plain_name
from pipeline.serving.predict.files import Input, opened, shown

MISSING = ("", "NA", "nan")  # what the source csv takes for missing


class Table:
    """CSV files whose columns a signature takes.

    Args:
        names: column's name -> the signature's.
        specs: the signature's name -> dtype.
        missing: what stands for a missing value, but in the labels.
    """

    def __init__(self, names, specs, missing):
        self.names, self.missing = names, frozenset(missing)
        self.is_text = {name: dtype == "string" for name, dtype in specs.items()}

    def rows(self, file):
        """The rows of a file; no blank lines.  -> iterator of Input."""
        with opened(file) as stream:
            text = io.TextIOWrapper(stream, "utf-8-sig", newline="")
            table, number = csv.reader(text, strict=True), 1
            try:
                header = next(table, [])
                places = self.places(file, header)
                number = table.line_num + 1
                for row in table:
                    if row and len(row) != len(header):
                        raise ValueError(
                            f"{file}:{number}: a row of another length. Received: "
                            f"{len(row)} values. Expected {len(header)}, as the header "
                            "has."
                        )
                    if row:
                        yield self.input(file, number, row, places)
                    number = table.line_num + 1
            except (csv.Error, UnicodeDecodeError) as error:
                raise ValueError(
                    f"{file}:{number}: not a CSV file that can be read: {error}. "
                    "Expected UTF-8, and quotes that are closed."
                ) from error
            finally:
                text.detach()  # stdin stays open

    def places(self, file, header):
        """The signature's name -> position in a row.

        Raises:
            ValueError: a column that is not in the header, or is there twice.
        """
        found = [plain_name(column) for column in header]
        if wrong := [column for column in self.names if found.count(column) != 1]:
            hint = " `--label COLUMN` names the labels'." if "label" in wrong else ""
            raise ValueError(
                f"{file}:1: not once in the header: {', '.join(wrong)}. Received: "
                f"{', '.join(header) or 'no header'}. Expected the columns that the "
                f"model was trained on, others are ignored.{hint}"
            )
        return {name: found.index(column) for column, name in self.names.items()}

    def input(self, file, number, row, places):
        """One row.

        Raises:
            ValueError: a cell that is no number where one is needed.
        """
        values = {}
        for name, place in places.items():
            cell = row[place]
            gone = cell in self.missing and name != "label"
            if self.is_text[name]:
                values[name] = b"" if gone else cell.encode()
                continue
            value = float("nan") if gone else as_number(cell)
            if value is None:
                raise ValueError(
                    f"{file}:{number}: the column {name!r} holds no number. Received: "
                    f"{cell!r}. Expected a finite number, or one of "
                    f"{sorted(self.missing)} where it is missing (`--missing WORD`)."
                )
            values[name] = value
        return Input({"file": shown(file), "line": number}, values)


def as_number(cell):
    """A cell as float, NaN included; None if it is none, or infinite as float32."""
    try:
        value = float(cell)
    except ValueError:
        return None
    return None if abs(value) > np.finfo("float32").max else value

"""Texts to predict from: lines of plain files, or columns of tables.

A plain line has one field, or several divided by tabs. JSON lines, Parquet and Feather
are tables by their names; CSV and TSV are if a column is named.
"""

from collections.abc import Iterator
from pathlib import Path

from phistar.components.data.files.columns import SUFFIXES, as_bytes, quote_of
from phistar.components.data.files.found import own_suffix
from phistar.components.data.files.tables import TableFiles, shortened
from phistar.pipeline.serving.predict.files import STDIN, Input, opened, shown

CELLS = (".csv", ".tsv", ".tab")
BINARY = (".parquet", ".pq", ".feather", ".arrow")
TARGET = "target"  # the column of translations, as the source `parallel` calls it


def inputs(
    file: str, names: list[str], column: str | None, label: str | None
) -> Iterator[Input]:
    """The inputs of a file, in order.

    Args:
        file: as typed.
        names: of the signature's texts; "text", if there are two, is scored.
        column: with the texts that are read, None for one of the signature's name.
        label: with the texts that are scored, None for one of the usual name.

    Raises:
        ValueError: a column that is not there, a line without its fields.
    """
    if not is_table(file, names, column, label):
        return lines(file, names)
    columns = {}
    for name in names:
        scored = len(names) > 1 and name == "text"
        columns[name] = (label or TARGET) if scored else (column or name)
    return rows(file, columns)


def is_table(
    file: str, names: list[str], column: str | None, label: str | None
) -> bool:
    """True for a file of rows.

    Raises:
        ValueError: stdin with a column; cells of which none is named.
    """
    named = column is not None or label is not None
    if file == STDIN:
        if named:
            raise ValueError(
                "stdin gives plain lines. Received: - with a column. Expected a file "
                "of JSON lines, Parquet, CSV or TSV."
            )
        return False
    suffix = own_suffix(Path(file))
    if not named and suffix in CELLS and len(names) == 1:
        raise ValueError(
            f"a table without a column. Received: {file}. Expected the column with the "
            "texts: --column NAME. A file of plain lines has another suffix, like .txt."
        )
    return named or (suffix in SUFFIXES and suffix not in CELLS)


def has_lines(file: str) -> bool:
    """False of a file whose rows are no lines."""
    return own_suffix(Path(file)) not in BINARY


def rows(file: str, columns: dict[str, str]) -> Iterator[Input]:
    """One input a row; `columns` are the signature's names and those of the file."""
    options = dict.fromkeys(("separator", "quote", "encoding"))
    options["quote"] = quote_of(Path(file), options)
    table = TableFiles([Path(file)], **options)
    options = dict(zip(columns, ("--column NAME", "--label NAME"), strict=False))
    for name, column in columns.items():
        if column not in table.names:
            raise ValueError(
                f"{file}: no such column. Received: {column!r}. Expected one of "
                f"{shortened(table.names)}: {options[name]}."
            )
    for batch in table.batches(list(columns.values())):
        texts = [as_bytes(batch.columns[column]) for column in columns.values()]
        for row, values in enumerate(zip(*texts, strict=True), batch.first):
            place = {"file": shown(file), "row": row}
            yield Input(place, dict(zip(columns, values, strict=True)))


def lines(file: str, names: list[str]) -> Iterator[Input]:
    """One input a line; `names` are the fields of a line."""
    with opened(file) as stream:
        for number, line in enumerate(stream, 1):
            line = line.removesuffix(b"\n").removesuffix(b"\r")
            fields = [line] if len(names) == 1 else line.split(b"\t")
            place = {"file": shown(file), "line": number}
            if len(fields) != len(names):
                raise ValueError(
                    f"{file}:{number}: a line without its fields. Received: "
                    f"{len(fields) - 1} tabs. Expected {' TAB '.join(names)}."
                )
            yield Input(place, dict(zip(names, fields, strict=True)))

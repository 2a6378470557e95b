"""Texts to predict from: lines of plain files, or columns of tables.

A plain line has one field, or several divided by tabs. JSON lines, Parquet and Feather
are tables by their names; CSV and TSV are if a column is named.
"""

from collections.abc import Iterator
from pathlib import Path

from phistar.components.data.files.columns import SUFFIXES, as_bytes, quote_of
from phistar.components.data.files.found import own_suffix
from phistar.components.data.files.tables import TableFiles
from phistar.components.data.files.typed_files import shortened
from phistar.pipeline.serving.predict.files import Input, local, opened, shown

CELLS = (".csv", ".tsv", ".tab")
BINARY = (".parquet", ".pq", ".feather", ".arrow")
TARGET = "target"  # the column of translations, as the source `parallel` calls it


def inputs(
    file: str,
    names: list[str],
    column: str | None,
    label: str | None,
    own: str | None = None,
) -> Iterator[Input]:
    """The inputs of a file, in order.

    Args:
        file: as typed, - for stdin.
        names: of the signature's texts; "text", if there are two, is scored.
        column: with the texts that are read, None for one of the signature's name.
        label: with the texts that are scored, None for one of the usual name.
        own: column that names the rows; None for file and line.

    Raises:
        ValueError: a column that is not there, a line without its fields.
    """
    if not is_table(file, len(names), (column, label, own)):
        yield from lines(file, names)
        return
    columns = {}
    for name in names:
        scored = len(names) > 1 and name == "text"
        columns[name] = (label or TARGET) if scored else (column or name)
    with local(file) as path:
        yield from rows(shown(file), path, columns, own)


def is_table(file: str, num_fields: int, columns: tuple) -> bool:
    """True for a file of rows.

    Args:
        file: as typed.
        num_fields: of a plain line.
        columns: those that are named, None for one that is not.

    Raises:
        ValueError: cells of which none is named.
    """
    if any(column is not None for column in columns):
        return True
    suffix = own_suffix(Path(file))
    if suffix in CELLS and num_fields == 1:
        raise ValueError(
            f"a table without a column. Received: {file}. Expected the column with the "
            "texts: --column NAME. A file of plain lines has another suffix, like .txt."
        )
    return suffix in SUFFIXES and suffix not in CELLS


def has_lines(file: str) -> bool:
    """False of a file whose rows are no lines."""
    return own_suffix(Path(file)) not in BINARY


def rows(
    name: str, path: Path, columns: dict[str, str], own: str | None
) -> Iterator[Input]:
    """One input a row.

    Args:
        name: of the file, for places.
        path: of it.
        columns: the signature's name -> name of a column.
        own: column that names the rows, or None.
    """
    options: dict = dict.fromkeys(("separator", "quote", "encoding"))
    options["quote"] = quote_of(path, options)
    table = TableFiles([path], **options)
    typed = dict(zip(("--column", "--label"), columns.values(), strict=False))
    typed |= {} if own is None else {"--id": own}
    for option, column in typed.items():
        if column not in table.names:
            raise ValueError(
                f"{name}: no such column. Received: {column!r}. Expected one of "
                f"{shortened(table.names)}: {option} NAME."
            )
    what, numbers = table.lines(path)
    for batch in table.batches(list(typed.values())):
        texts = [as_bytes(batch.columns[column]) for column in columns.values()]
        own_names = [] if own is None else batch.columns[own].to_pylist()
        for row, values in enumerate(zip(*texts, strict=True)):
            place = {"file": name, what: next(numbers)}
            if own is not None:
                place = {"id": own_names[row]}
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

"""Your own table: files of rows, one per example, in any format."""

from functools import cache
from typing import Annotated, Literal

from pydantic import Field

from phistar.components.data.files.columns import SUFFIXES as TABLES
from phistar.components.data.files.dividing import Dividing
from phistar.components.data.files.parts import (
    digest,
    origin,
    parts,
    size_of,
)
from phistar.components.data.kept import Scratch
from phistar.components.data.notices import Notices
from phistar.components.data.sources.base import Source
from phistar.components.digests import Inputs

SUFFIXES = (*TABLES, ".txt")


def table(
    *,
    path: str,
    label: str,
    valid_path: str | None = None,
    test_path: str | None = None,
    split: str | None = None,
    group: str | None = None,
    time: str | None = None,
    weight: str | None = None,
    missing: tuple[str, ...] = (),
    numeric: tuple[str, ...] = (),
    categorical: tuple[str, ...] = (),
    ignore: tuple[str, ...] = (),
    separator: str | None = None,
    quote: str | None = None,
    encoding: str | None = None,
    decimal: Literal[".", ","] | None = None,
    min_count: Annotated[int, Field(ge=1)] = 1,
    drop_unlabelled: bool = False,
    max_bad_rows: Annotated[int, Field(ge=0)] = 0,
):
    """Files of rows: CSV of any kind, JSON lines, Parquet, Feather; also packed.

    Args:
        path: a file, a folder or a pattern like 'data/*.csv'; of a folder with
            train.*, valid.* and test.*, or with folders of these names, the splits.
        label: name of the column that holds the labels.
        valid_path: as path, for valid alone; else valid is made from train.
        test_path: as path, for test alone; else test is made from train.
        split: column that says train, valid or test.
        group: column whose rows of one value are in one split.
        time: column of dates or numbers; test is the latest rows.
        weight: column of numbers: how much a row counts, in training and in metrics.
        missing: further cells without a value; NA, NULL and the like are known.
        numeric: columns that must be numeric; another value in one is an error.
        categorical: columns whose numbers are names, like a postcode.
        ignore: columns to leave out.
        separator: one character between two cells; default: as the file tells.
        quote: one character around a cell, '' for none; default: as the file tells.
        encoding: like cp1252; default: UTF-8, or what a mark at the start says.
        decimal: mark before decimals; default: as the files tell.
        min_count: rows of train that a category needs; rarer ones are one together.
        drop_unlabelled: leave out and count the rows without a label.
        max_bad_rows: rows that cannot be read and are left out and listed.

    Returns:
        Source of columns.

    Raises:
        ValueError: if a file does not exist.
    """
    notices = Notices()
    given = parts(path, valid_path, test_path, split, SUFFIXES, notices)
    dialect = {
        "separator": separator,
        "quote": quote,
        "encoding": encoding,
        "decimal": decimal,
        "max_bad_rows": max_bad_rows,
    }
    columns = {"label": label, "split": split, "group": group}
    columns |= {"time": time, "weight": weight}
    keys = {"numeric": numeric, "categorical": categorical, "ignore": ignore}

    @cache
    def opened():
        from phistar.components.data.cells.table import Table

        rules = {"missing": missing, "drop_unlabelled": drop_unlabelled}
        return Table(given, dialect, columns, keys, rules, notices)

    scratch = []  # the last one is the one to use

    def read():
        return opened().read(scratch[-1] if scratch else Scratch())

    first, inputs = next(iter(given.values())), Inputs()
    return Source(
        name=first.found.title,
        kind="columns",
        fingerprint={"sha256": digest(given, inputs)},
        read=read,
        prepare=scratch.append,
        fitting=lambda: {"min_count": min_count, "reading": opened().reading()},
        overview=cache(lambda: opened().overview()),
        stratified=True,
        notices=notices,
        origin=origin(given, Dividing(split, group, time)),
        size=size_of(given),
        inputs=inputs,
    )

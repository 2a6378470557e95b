"""Your own images: a table of their files and labels, CSV or any format of tables."""

import os
from typing import Annotated, Literal

from pydantic import Field

from phistar.components.data.cells.labels import Labels
from phistar.components.data.cells.missing import Markers, number
from phistar.components.data.files import bad_rows
from phistar.components.data.files.columns import SUFFIXES
from phistar.components.data.files.dividing import Dividing
from phistar.components.data.files.parts import (
    digest,
    origin,
    parts,
)
from phistar.components.data.files.tables import TableFiles
from phistar.components.data.notices import Notices
from phistar.components.data.sources.images import Example, ImageFiles, Options
from phistar.components.digests import Inputs


def image_table(
    *,
    path: str,
    images: str,
    label: str,
    valid_path: str | None = None,
    test_path: str | None = None,
    split: str | None = None,
    group: str | None = None,
    time: str | None = None,
    weight: str | None = None,
    height: Annotated[int, Field(ge=1)] | None = None,
    width: Annotated[int, Field(ge=1)] | None = None,
    channels: Literal[1, 3] | None = None,
    drop_unlabelled: bool = False,
    max_bad_files: Annotated[int, Field(ge=0)] = 0,
    max_bad_rows: Annotated[int, Field(ge=0)] = 0,
    separator: str | None = None,
    quote: str | None = None,
    encoding: str | None = None,
):
    """Images whose files and labels are columns of a table, each resized to one size.

    They are read as by image_folder. Rows are in the order of the table.

    Args:
        path: of the table: CSV of any kind, JSON lines, Parquet or Feather; a file, a
            folder or a pattern. Files train, valid and test in a folder are the splits.
        images: column of the images' files; relative to the folder of the table.
        label: column of the labels.
        valid_path: as path, of valid; default: made from train.
        test_path: as path, of test; default: made from train.
        split: column that says train, valid or test.
        group: column of groups, like a patient; images of a group are in one split.
        time: column of numbers or dates; test is the latest.
        weight: column of numbers: how much a row counts, in training and in metrics.
        height: of the images in the data; default: that of the most files.
        width: of the images in the data; default: that of the most files.
        channels: 1 is grey, 3 is RGB; default: 3 if a file has colours.
        drop_unlabelled: leave out and count the rows without a label.
        max_bad_files: files that may be left out, as they are no whole image.
        max_bad_rows: rows of the table that may be left out, as they cannot be read.
        separator: of the cells; default: as the first lines show.
        quote: around cells, "" for none; default: as the first lines show.
        encoding: of the table, like windows-1252; default: as a mark says, or UTF-8.

    Returns:
        Source of images.

    Raises:
        ValueError: if there is no such table or column, or a row lacks a value.
    """
    notices = Notices()
    given = parts(path, valid_path, test_path, split, SUFFIXES, notices)
    dividing = Dividing(split, group, time)
    columns = {"images": images, "label": label, **dividing.given}
    columns |= {"weight": weight} if weight is not None else {}
    options = {"separator": separator, "quote": quote, "encoding": encoding}
    # before the tables are read, so that a change meanwhile is seen
    inputs = Inputs()
    tables = digest(given, inputs)
    splits, bad, markers = {}, [], Markers()
    for name, part in given.items():
        table = TableFiles(part.files, **options, max_bad_rows=max_bad_rows)
        for key, column in columns.items():
            table.require(key, column)
        counts = notices.begin(f"rows of {name}")
        labels = Labels(label, markers, drop_unlabelled)
        splits[name] = rows(table, columns, dividing, labels, counts)
        bad += table.bad
    options = Options(height, width, channels, max_bad_files)
    name = next(iter(given.values())).found.title
    files = ImageFiles(splits, options, notices, bad, inputs)
    return files.source("images", name, origin(given, dividing), tables)


def rows(table, columns, dividing, labels, counts):
    """The examples of a table.

    Args:
        table: TableFiles.
        columns: key -> name, `images` and `label` among them.
        dividing: Dividing.
        labels: Labels, new.
        counts: Counter of notices.

    Returns:
        list of Example.

    Raises:
        ValueError: rows without a label or a file, with their lines.
    """
    import numpy as np

    found = []
    for batch in table.batches(list(columns.values())):

        def place(row, batch=batch):
            return table.place(batch.file, batch.first + row)

        of_label = batch.columns[columns["label"]]
        named, kept = labels.add(of_label, batch.file, batch.first)
        divided = dividing.fields(batch.columns, place)
        fields = {name: values.tolist() for name, values in divided.items()}
        fields["labels"] = named.to_pylist()
        if weight := columns.get("weight"):
            fields["weights"] = weights(batch.columns[weight], weight, place)
        files = batch.columns[columns["images"]].to_pylist()
        folder = os.path.dirname(batch.file)
        for row in np.flatnonzero(kept).tolist():
            if not files[row]:
                raise ValueError(
                    f"{place(row)}: no file in the column {columns['images']!r}. "
                    f"Received: {files[row]!r}. Expected the name of an image in every "
                    "row, as ingest.images names the column: complete it, or remove "
                    "the row."
                )
            file = os.path.join(folder, os.path.expanduser(files[row]))
            of_row = {name: values[row] for name, values in fields.items()}
            found.append(Example(file, of_row, files[row]))
    labels.require(table.place)
    labels.tell(table.place, counts)
    bad_rows.tell(table.bad, counts)
    if not found:
        raise ValueError(
            f"no row with an image. Received: {table.files[0]}. Expected a row for "
            "each image."
        )
    return found


def weights(array, column, place):
    """Weights of the rows.

    Args:
        array: pyarrow.Array of strings [N].
        column: its name.
        place: function of a row, its place in words.

    Returns:
        list of float.

    Raises:
        ValueError: a weight that is no number from 0 on.
    """
    found = [number(cell or "") for cell in array.to_pylist()]
    for row, value in enumerate(found):
        if value is None or value < 0:
            raise ValueError(
                f"{place(row)}: a weight that is none. Received: {array[row].as_py()!r}"
                f" in the column {column!r} (ingest.weight). Expected a number from 0 "
                "on in every row: correct it."
            )
    return found

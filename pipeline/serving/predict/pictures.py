"""Images to predict from: files, folders of them, and tables that name them.

Files in a table are relative to the folder of the table, as at ingest.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from phistar.components.data.files.columns import SUFFIXES as TABLES
from phistar.components.data.files.columns import as_bytes
from phistar.components.data.files.found import own_suffix
from phistar.components.data.files.tables import TableFiles
from phistar.components.data.files.typed_files import shortened
from phistar.components.data.image_files import below
from phistar.components.data.image_kinds import READABLE, Unreadable, refusal
from phistar.components.data.notices import Counter
from phistar.components.data.plain_image import plain
from phistar.components.serving.request import Signature
from phistar.pipeline.process.terminal import note
from phistar.pipeline.serving.predict.files import Input, expanded, shown
from phistar.pipeline.serving.predict.table import labels, where

LABEL = "label"  # the usual column of labels


def inputs(
    files: list[str],
    called: Signature,
    column: str | None,
    label: str | None,
    own: str | None,
    counts: Counter,
) -> Iterator[Input]:
    """The images of all files, in order.

    Args:
        files: as typed.
        called: the signature; of a file without a table the label, if it takes one, is
            the name of its folder.
        column: of a table, with the images; None for the only one that names some.
        label: of a table, with the labels; None for LABEL.
        own: of a table, that names the rows; None for the images' files.
        counts: of what is left out of folders, and changed in images.

    Raises:
        ValueError: a file that does not exist, at once; one that is no image later.
    """
    whole = present(files, counts)

    def found() -> Iterator[Input]:
        for file in whole:
            if is_table(file):
                yield from rows(file, called, column, label or LABEL, own, counts)
            else:
                yield picture(file, called, counts)

    return found()


def is_table(file: str) -> bool:
    """True for a file of rows, by its name."""
    return own_suffix(Path(file)) in TABLES


def present(files: list[str], counts: Counter) -> list[str]:
    """Images, those below folders in the order of their names, and tables.

    Raises:
        ValueError: no such file, or a folder without any.
    """
    found = []
    for file in map(expanded, files):
        inside = below(file, counts) if os.path.isdir(file) else [file]
        if not inside or not os.path.isfile(inside[0]):
            raise ValueError(
                f"no image. Received: {file}, that is {os.path.abspath(file)}. "
                f"Expected a {READABLE} file, a folder with such files, or a table "
                "that names some."
            )
        found += inside
    return found


def rows(
    file: str,
    called: Signature,
    column: str | None,
    label: str,
    own: str | None,
    counts: Counter,
) -> Iterator[Input]:
    """The images that a table names; the arguments are those of `inputs`.

    Raises:
        ValueError: no such column, or a row without an image.
    """
    path = Path(file)
    table = TableFiles([path])
    typed = {"--column": column, "--id": own}
    if any(spec["form"] == "label" for spec in called.inputs.values()):
        typed["--label"] = label
    for option, name in typed.items():
        if name is not None and name not in table.names:
            raise ValueError(
                f"{shown(file)}: no such column. Received: {name!r}. Expected one of "
                f"{shortened(table.names)}: {option} NAME."
            )
    column = column or column_of_images(table, path)
    what, lines = table.lines(path)
    wanted = [column, *(name for name in (typed.get("--label"), own) if name)]
    for batch in table.batches(wanted):
        names = batch.columns[column].to_pylist()
        of_rows = (
            as_bytes(labels(batch.columns[label])) if "--label" in typed else names
        )
        ids = names if own is None else batch.columns[own].to_pylist()
        for name, of_row, one in zip(names, of_rows, ids, strict=True):
            place, image = where(shown(file), what, next(lines)), located(path, name)
            if image is None:
                raise ValueError(
                    f"{place}: no image. Received: {name!r} in the column {column!r}. "
                    f"Expected a {READABLE} file, from the table's folder on."
                )
            found = picture(image, called, counts, of_row)
            yield found._replace(place={"id": one}) if own is not None else found


def column_of_images(table: TableFiles, path: Path) -> str:
    """The only column whose first cell names a file that is there.

    Raises:
        ValueError: there is none, or there are several.
    """
    first = next(iter(table.batches())).columns
    named = [name for name, cells in first.items() if located(path, cells[0].as_py())]
    if len(named) != 1:
        what = "several columns name files" if named else "no column names files"
        raise ValueError(
            f"{shown(path)}: {what} that are there. Received: "
            f"{shortened(named or table.names)}. Expected the column with the images, "
            "from the table's folder on: --column NAME."
        )
    note(f"{shown(path)}: images of the column {named[0]!r}")
    return named[0]


def located(table: Path, name: str | None) -> str | None:
    """The path of a file that a table names; None if it is not there."""
    if not name:
        return None
    path = os.path.join(table.parent, os.path.expanduser(name))
    return path if os.path.isfile(path) else None


def picture(
    path: str, called: Signature, counts: Counter, label: bytes | None = None
) -> Input:
    """One image.

    Args:
        path: of its file.
        called: the signature.
        counts: of what is changed.
        label: of it; None for the name of its folder.

    Raises:
        ValueError: a file that is no image.
    """
    if label is None:
        folder = os.path.dirname(os.path.abspath(path))
        label = os.fsencode(os.path.basename(folder))
    values: dict[str, float | bytes] = {}
    for name, spec in called.inputs.items():
        if spec["form"] == "label":
            values[name] = label
        else:
            data = Path(path).read_bytes()
            values[name] = plain_bytes(data, path, spec["white"], counts)
    return Input({"file": shown(path)}, values)


def plain_bytes(data: bytes, name: str, white: int, counts: Counter) -> bytes:
    """An image as the SavedModel reads it, here already, where its name is known.

    Args:
        data: of a file.
        name: of it.
        white: of the contract.
        counts: of what is changed.

    Raises:
        ValueError: no image that can be read.
    """
    try:
        made, changes = plain(data, white)
    except Unreadable as error:
        raise ValueError(refusal(name, str(error))) from None
    for change in changes:
        counts.add(change, shown(name))
    return made

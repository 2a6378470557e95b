"""Data of Python, as `Run.predict` takes them -> the inputs of a signature.

    DataFrame, list of dicts     a row each, by the columns' own names
    paths                        files, as `phistar predict` reads them
    array of images, or a list   uint8 [N, H, W] or [N, H, W, C]; bytes of image files
    list of texts                for a signature with one text

A cell of a table is read as the same cell of a CSV file would be.
"""

import io
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from phistar.components.data.notices import Counter
from phistar.components.serving.request import SHOWN, Signature
from phistar.pipeline.serving.predict import inputs, pictures
from phistar.pipeline.serving.predict.files import Input
from phistar.pipeline.serving.predict.table import Table, shortened

OPTIONS = ('label="COLUMN"', ", or None")  # as Table takes them
CHANNELS = (1, 3, 4)


class Found(NamedTuple):
    """Inputs.

    Args:
        rows: the inputs, in order.
        index: labels of the rows; None for files, whose inputs have places.
    """

    rows: Iterator[Input]
    index: Any


def read(
    data: Any, reads: str, called: Signature, label: str, reading: dict | None = None
) -> Found:
    """The inputs that a value of Python holds.

    Args:
        data: see the top of this file; one dict, text, path or image in bytes is one.
        reads: "table", "images" or "lines", of the contract.
        called: the signature.
        label: the column with the labels.
        reading: how the cells of tables are read, of the contract.

    Raises:
        ValueError: what is wrong with it.
    """
    table = Table(called, label, reading, (), OPTIONS) if reads == "table" else None

    def of_named(columns: dict[str, list]) -> Iterator[Input]:
        if table is not None:
            return of_table(columns, table)
        return of_columns(columns, called, label)

    if isinstance(data, pd.DataFrame):
        return Found(of_named(columns_of(data)), data.index)
    if isinstance(data, str | bytes | os.PathLike | Mapping):
        data = [data]
    index = data.index if isinstance(data, pd.Series) else None
    if not isinstance(data, Iterable) or getattr(data, "ndim", 1) == 0:
        raise unexpected(data, reads, called)
    data = list(data)
    index = pd.RangeIndex(len(data)) if index is None else index
    if not data:
        return Found(iter(()), index)
    if all(isinstance(row, Mapping) for row in data):
        return Found(of_named(columns_of_rows(data)), index)
    paths = (os.PathLike,) if reads == "lines" else (os.PathLike, str)
    if all(isinstance(one, paths) for one in data):
        files = [os.fspath(path) for path in data]
        if table is not None:
            return Found(of_files(files, table), None)
        label = None if reads == "lines" else label  # texts have columns of their own
        return Found(inputs.read(reads, files, called, label), None)
    names = needed(called)
    if reads == "table" or len(names) > 1:
        raise unexpected(data, reads, called)
    return Found(of_named({names[0]: data}), index)


def unexpected(data: Any, reads: str, called: Signature) -> ValueError:
    """The error of data that have no names where names are needed."""
    names = needed(called)
    expected = f"a DataFrame or a list of dicts with {shortened(names)}"
    if reads == "table":
        expected += ", or paths of files of rows"
    elif reads == "images":
        expected += ", uint8 images [N, H, W] or [N, H, W, C], or paths of images"
    elif len(names) == 1:
        expected += ", a list of texts, or Paths of files with a text in each line"
    return ValueError(
        f"{called.name} cannot read this. Received: {SHOWN.repr(data)} of type "
        f"{type(data).__name__}. Expected: {expected}."
    )


def needed(called: Signature) -> list[str]:
    """Names of the inputs that a row must have: a text needs no prompt before it."""
    names = list(called.shown.values())
    return [n for n in names if n != "prompt"] if "text" in called.y else names


def columns_of(frame: pd.DataFrame) -> dict[str, list]:
    """Columns of a DataFrame as lists.

    Raises:
        ValueError: two columns have one name.
    """
    names = [str(name) for name in frame.columns]
    if twice := [name for name in names if names.count(name) > 1]:
        raise ValueError(
            f"the DataFrame has a column twice. Received: {shortened(twice)}. Expected "
            "each name once."
        )
    return {name: frame.iloc[:, i].tolist() for i, name in enumerate(names)}


def columns_of_rows(rows: list[Mapping]) -> dict[str, list]:
    """Columns of rows that name the same inputs.

    Raises:
        ValueError: a row that names others than the first one.
    """
    first = rows[0].keys()
    for number, row in enumerate(rows):
        if row.keys() != first:
            raise ValueError(
                f"row {number} has other names than row 0. Received: "
                f"{shortened(list(map(str, row)))}. Expected: "
                f"{shortened(list(map(str, first)))}, and None for what is missing."
            )
    return {str(name): [row[name] for row in rows] for name in first}


def of_columns(
    columns: dict[str, list], called: Signature, label: str
) -> Iterator[Input]:
    """The inputs of named columns, checked at once as far as names go."""
    taken = {
        name: columns[column] for name, column in named(columns, called, label).items()
    }
    return (
        Input(
            {"row": f"row {number}"},
            {
                name: one(f"row {number}", name, of[number], called.inputs[name])
                for name, of in taken.items()
            },
        )
        for number in range(len(next(iter(taken.values()))))
    )


def of_table(columns: dict[str, list], table: Table) -> Iterator[Input]:
    """The inputs of a table's columns, all of them checked at once."""
    import pyarrow as pa

    values = {}
    for name, column in table.columns("the columns", list(columns)).items():
        given, spec = columns[column], table.specs[name]
        cells = [
            cell(f"row {number}", column, value, spec["form"])
            for number, value in enumerate(given)
        ]
        # numbers of Python have a point, whatever the files of training have
        texts = all(isinstance(value, str) for value in given)
        array = pa.array(cells, pa.string())
        found = table.values({name: array}, None if texts else ".", at)
        values[name] = found[name].tolist()
    return (
        Input({"row": at(number)}, dict(zip(values, row, strict=True)))
        for number, row in enumerate(zip(*values.values(), strict=True))
    )


def of_files(files: list[str], table: Table) -> Iterator[Input]:
    """The inputs of files of rows, with their places."""
    for piece in table.pieces(files):
        values = {name: array.tolist() for name, array in piece.values.items()}
        for number, row in enumerate(zip(*values.values(), strict=True)):
            place = {"file": piece.file, piece.what: int(piece.numbers[number])}
            yield Input(place, dict(zip(values, row, strict=True)))


def at(number: int) -> str:
    """Place of a row, for errors."""
    return f"row {number}"


def named(columns: dict[str, list], called: Signature, label: str) -> dict[str, str]:
    """The signature's name -> the column that has its values.

    Raises:
        ValueError: a column that is missing.
    """
    names = {
        name: label if spec["form"] == "label" else name
        for name, spec in called.inputs.items()
    }
    missing = [names[name] for name in needed(called) if names[name] not in columns]
    if missing:
        hint = f" `{OPTIONS[0]}` names the column with the labels."
        hint = hint if label in missing else ""
        raise ValueError(
            f"{called.name} needs a column that is missing: {shortened(missing)}. "
            f"Received: {shortened(list(columns)) or 'none'}. Expected: "
            f"{shortened(list(names.values()))}; others are ignored.{hint}"
        )
    return {name: column for name, column in names.items() if column in columns}


def cell(place: str, name: str, value: Any, form: str) -> str:
    """A value as a cell of a CSV file.

    Args:
        place: of the value, for errors.
        name: of its column.
        value: None, NaN or pandas.NA if it is missing.
        form: "number", "category" or "label".

    Raises:
        ValueError: a number with a point where a text is needed. Of 3.0 nobody knows
            whether the data have "3", which pandas makes 3.0 where others are missing.
    """
    value = value.item() if isinstance(value, np.generic) else value
    nan = isinstance(value, float) and value != value
    if nan or any(value is none for none in (None, pd.NA, pd.NaT)):
        return ""
    if isinstance(value, float) and form != "number":
        raise ValueError(
            f"{place}: the column {name!r} holds texts. Received: {value!r}. Expected "
            f"the text of the data: pandas.read_csv(…, dtype={{{name!r}: str}})."
        )
    return value if isinstance(value, str) else str(value)


def one(place: str, name: str, value: Any, spec: dict) -> Any:
    """A value as a request has it, of an input that is in no table.

    Raises:
        ValueError: a value of another kind.
    """
    match form := spec["form"]:
        case "image":
            return picture(value, place, spec["white"])
        case "tokens":
            return [int(token) for token in value]
        case "lengths":
            return int(value)
        case "label":
            value = cell(place, name, value, form)
    if not isinstance(value, str | bytes):
        raise ValueError(
            f"{place}: {name} must be a text. Received: {SHOWN.repr(value)} of type "
            f"{type(value).__name__}. Expected a str."
        )
    # half of a surrogate pair is not UTF-8: the SavedModel replaces it
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value


def picture(value: Any, place: str, white: int) -> bytes:
    """The bytes of an image: of a file, made plain, or of an array's PNG.

    Raises:
        ValueError: no image.
    """
    if isinstance(value, str | os.PathLike):
        (path,) = pictures.present([os.fspath(value)], Counter())
        value, place = Path(path).read_bytes(), os.fspath(value)
    if hasattr(value, "getexif"):
        value = of_pillow(value)
    if isinstance(value, bytes):
        return pictures.plain_bytes(value, place, white, Counter())
    pixels = np.asarray(value)
    colours = pixels.ndim == 3 and pixels.shape[-1] in CHANNELS
    if pixels.dtype != np.uint8 or not (pixels.ndim == 2 or colours):
        hint = " Of one image that is images[None]." if pixels.ndim == 1 else ""
        if pixels.dtype.kind == "f":
            hint = " Of floats 0 ... 1 that is (255 * images).round().astype('uint8')."
        raise ValueError(
            f"{place}: no image. Received: {pixels.dtype} of shape {pixels.shape}. "
            f"Expected uint8 of shape [H, W] or [H, W, C], 0 ... 255.{hint}"
        )
    from PIL import Image

    buffer = io.BytesIO()
    grey = colours and pixels.shape[-1] == 1
    Image.fromarray(pixels[..., 0] if grey else pixels).save(buffer, format="PNG")
    return buffer.getvalue()


def of_pillow(image: Any) -> bytes:
    """The bytes of a file of Pillow's image, with palette, transparency and EXIF."""
    buffer = io.BytesIO()
    kept = image.mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")
    image.save(buffer, "PNG" if kept else "TIFF", exif=image.getexif())
    return buffer.getvalue()

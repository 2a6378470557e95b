"""Your own table: a CSV file with a header, one row per example."""

import gzip
import hashlib
import re
import zlib
from csv import Error, reader
from pathlib import Path

import numpy as np

from components.data.sources.base import Rows, Source


def csv(*, path: str, label: str, missing: tuple[str, ...] = ("", "NA", "nan")):
    """A CSV file (UTF-8; .gz too). A column is numeric if all its values are.

    Args:
        path: of the file; relative to the working directory.
        label: name of the column that holds the labels.
        missing: what stands for a missing value, in any column but the label.

    Returns:
        Source of columns, not split.

    Raises:
        ValueError: if the file is not there.
    """
    file = Path(path).expanduser()
    if not file.is_file():
        raise ValueError(
            f"no such file. Received: ingest.path={path!r}, that is "
            f"{file.absolute()}. Expected a CSV file with a header."
        )
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return Source(
        name=re.sub(r"\W+", "_", file.name.split(".")[0]),
        kind="columns",
        fingerprint={"sha256": digest},
        read=lambda: _read(file, label, missing),
    )


def _read(file, label, missing):
    header, rows = _rows(file)
    if label not in header:
        raise ValueError(
            f"no such column. Received: ingest.label={label!r}. "
            f"Expected one of {header} ({file})."
        )
    names = [re.sub(r"\W+", "_", name.strip()).strip("_") for name in header]
    if len(set(names)) < len(names):
        raise ValueError(
            f"two columns of {file} have one name once all but letters, digits and "
            f"_ is left out. Received: {header}. Rename one."
        )
    columns = [np.array(values, str) for values in zip(*rows, strict=True)]
    labels = columns[header.index(label)]
    if (labels == "").any():
        raise ValueError(
            f"{file}: row {int((labels == '').argmax())} has no label. Received: '' "
            f"in the column {label!r}. Expected a label: complete it, or remove it."
        )
    inputs = {
        name: _typed(values, missing)
        for name, column, values in zip(names, header, columns, strict=True)
        if column != label
    }
    return {"all": Rows(inputs, labels)}


def _rows(file):
    """The header and the rows of a file, each as long as it; no blank lines.

    Not by pandas, which fills a short row up and, where all rows are one too long,
    moves every value to the next column.
    """
    try:
        with (gzip.open if file.suffix == ".gz" else open)(
            file, "rt", encoding="utf-8-sig", newline=""
        ) as stream:
            lines = reader(stream, strict=True)
            header, rows = next(lines), []
            for values in filter(None, lines):
                if len(values) != len(header):
                    raise ValueError(
                        f"row {len(rows)} (line {lines.line_num}) has {len(values)} "
                        f"values, the header has {len(header)}: correct it"
                    )
                rows.append(values)
            if not rows:
                raise ValueError("it has no row below its header")
    except StopIteration:
        raise ValueError(
            f"{file} is empty. Expected a CSV file with a header."
        ) from None
    except (ValueError, Error, OSError, EOFError, zlib.error) as error:
        raise ValueError(
            f"{file} is not a CSV file that can be read: {error}. "
            "Expected UTF-8, a header, and as many values in each row."
        ) from error
    return header, rows


def _typed(values, missing):
    """str [N] -> float64 [N] with NaN, or str [N] with "" for missing."""
    gone = np.isin(values, missing)
    try:
        return np.where(gone, "nan", values).astype("float64")
    except ValueError:
        return np.where(gone, "", values)

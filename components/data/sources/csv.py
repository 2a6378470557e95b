"""Your own table: a CSV file with a header, one row per example."""

import hashlib
import re
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
    import pandas

    try:
        table = pandas.read_csv(file, dtype=str, keep_default_na=False)
    except (ValueError, UnicodeDecodeError, OSError, EOFError) as error:
        raise ValueError(
            f"{file} is not a CSV file that can be read: {error}. "
            "Expected UTF-8, a header, and as many values in each row."
        ) from error
    if label not in table:
        raise ValueError(
            f"no such column. Received: ingest.label={label!r}. "
            f"Expected one of {list(table)} ({file})."
        )
    short = np.flatnonzero(table.isna().any(axis=1))
    if len(short):
        raise ValueError(
            f"{file}: row {short[0]} (line {short[0] + 2}) has fewer values than the "
            f"header. Expected {len(table.columns)}: complete it, or remove it."
        )
    names = [re.sub(r"\W+", "_", name.strip()).strip("_") for name in table]
    if len(set(names)) < len(names):
        raise ValueError(
            f"two columns of {file} have one name once all but letters, digits and "
            f"_ is left out. Received: {list(table)}. Rename one."
        )
    inputs = {
        name: _typed(table[column].to_numpy(str), missing)
        for name, column in zip(names, table, strict=True)
        if column != label
    }
    return {"all": Rows(inputs, table[label].to_numpy(str))}


def _typed(values, missing):
    """str [N] -> float64 [N] with NaN, or str [N] with "" for missing."""
    gone = np.isin(values, missing)
    try:
        return np.where(gone, "nan", values).astype("float64")
    except ValueError:
        return np.where(gone, "", values)

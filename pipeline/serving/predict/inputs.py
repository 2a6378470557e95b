"""FILE -> the inputs of a signature, one after the other, with where they stand.

    columns   a CSV with a header: the columns that the signature takes, others ignored
    images    a file; a folder, for all below it
    text      a line each
    pairs     a line each; several fields divided by tabs

A file that ends in .gz is decompressed; - is stdin, for all but images.
"""

import os
from itertools import chain
from pathlib import Path

from components.data.sources.csv import plain_name
from components.data.sources.image_folder import SUFFIXES, order
from pipeline.serving.predict.files import STDIN, Input, opened, present, shown
from pipeline.serving.predict.table import MISSING, Table

CHUNK_ROWS, CHUNK_BYTES = 4096, 64 * 2**20  # what is in memory at a time


def read(kind, files, specs, label="label", missing=MISSING):
    """The inputs of all files, in order.

    Args:
        kind: of the contract.
        files: list of str, as typed.
        specs: name -> dtype, what the signature takes of each input.
        label: column of a CSV that holds what the signature calls `label`.
        missing: what stands for a missing value in a CSV.

    Returns:
        iterator of Input.

    Raises:
        ValueError: a file that is not there, at once; what is wrong in one, where.
    """
    match kind:
        case "images":
            return (picture(path, specs) for path in pictures(files))
        case "columns":
            names = {plain_name(label) if n == "label" else n: n for n in specs}
            if len(names) < len(specs):
                raise ValueError(
                    f"an input cannot be the label. Received: --label {label}. "
                    "Expected a column that the model does not read."
                )
            table = Table(names, specs, missing)
            return chain.from_iterable(map(table.rows, present(files)))
        case _:
            return chain.from_iterable(lines(f, list(specs)) for f in present(files))


def chunks(inputs):
    """Pieces of what may be long.  iterator of Input -> iterator of lists of them."""
    waiting, size = [], 0
    for one in inputs:
        waiting.append(one)
        size += one.size
        if len(waiting) == CHUNK_ROWS or size >= CHUNK_BYTES:
            yield waiting
            waiting, size = [], 0
    if waiting:
        yield waiting


def count(kind, files):
    """About how many inputs there are, for the progress bar; None for stdin."""
    if kind == "images":
        return len(pictures(files))
    if STDIN in files:
        return None
    total = 0
    for file in files:
        with opened(file) as stream:
            total += sum(1 for _ in stream) - (kind == "columns")
    return total


def lines(file, names):
    """One input a line.

    Args:
        file: str.
        names: list of str, the fields of a line.

    Yields:
        Input.
    """
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


def pictures(files):
    """Image files, and those below folders in the order of their names.

    Returns:
        list of Path.

    Raises:
        ValueError: no such file, or a folder without any.
    """
    found = []
    for file in map(Path, files):
        below = [file] if file.is_file() else sorted(file.rglob("*"), key=order)
        if not file.is_file():
            below = [
                path
                for path in below
                if path.suffix.lower() in SUFFIXES
                and not any(p.startswith(".") for p in path.relative_to(file).parts)
            ]
        if not below:
            raise ValueError(
                f"no image. Received: {file}, that is {file.absolute()}. Expected a "
                f"PNG or JPEG file, or a folder with files that end in "
                f"{', '.join(SUFFIXES)}."
            )
        found += below
    return found


def picture(path, specs):
    """One image; its label, where one is asked for, is the name of its folder."""
    values = {"image": path.read_bytes()}
    if "label" in specs:
        values["label"] = os.fsencode(path.absolute().parent.name)
    return Input({"file": shown(path)}, values)

"""FILE -> the inputs of a signature, one after the other, each with its place.

    table     a CSV with a header: the columns that the signature takes, others ignored
    images    a file; a folder, for all below it
    lines     a line each, or a column of a table; see texts.py

A file that ends in .gz is decompressed; - is stdin, for all but images.
"""

import os
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from phistar.components.data.foreign import require_image
from phistar.components.data.sources.image_folder import SUFFIXES, order
from phistar.components.serving.request import Signature
from phistar.pipeline.serving.predict import texts
from phistar.pipeline.serving.predict.files import STDIN, Input, opened, present, shown
from phistar.pipeline.serving.predict.table import Table

CHUNK_ROWS, CHUNK_BYTES = 4096, 64 * 2**20  # inputs in memory at a time


def read(
    reads: str,
    files: list[str],
    called: Signature,
    label: str | None,
    missing: tuple,
    column: str | None = None,
) -> Iterator[Input]:
    """The inputs of all files, in order.

    Args:
        reads: "table", "images" or "lines", of the contract.
        files: as typed.
        called: the signature.
        label: column of a table with the labels, or of texts with those to score.
        missing: cells of a table without a value.
        column: of texts in a table.

    Raises:
        ValueError: a file that does not exist, at once; a mistake in a file, with its
            place, when it is read.
    """
    match reads:
        case "images":
            return (picture(path, called) for path in pictures(files))
        case "table":
            table = Table(called, label or "label", missing)
            return chain.from_iterable(map(table.rows, present(files)))
        case _:
            names = list(called.inputs)
            if "text" in called.y:
                names = [n for n in names if n != "prompt"]  # the whole text
            return chain.from_iterable(
                texts.inputs(file, names, column, label) for file in present(files)
            )


def chunks(inputs: Iterator[Input]) -> Iterator[list[Input]]:
    """Pieces of what may be long, the inputs numbered from 0."""
    waiting, size = [], 0
    for number, one in enumerate(inputs):
        waiting.append(one._replace(number=number))
        size += one.size
        if len(waiting) == CHUNK_ROWS or size >= CHUNK_BYTES:
            yield waiting
            waiting, size = [], 0
    if waiting:
        yield waiting


def count(reads: str, files: list[str]) -> int | None:
    """About the number of inputs, for the progress bar; None for stdin."""
    if reads == "images":
        return len(pictures(files))
    if STDIN in files or not all(map(texts.has_lines, files)):
        return None
    present(files)
    total = 0
    for file in files:
        with opened(file) as stream:
            total += sum(1 for _ in stream) - (reads == "table")
    return total


def pictures(files: list[str]) -> list[Path]:
    """Image files, and those below folders in the order of their names.

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


def picture(path: Path, called: Signature) -> Input:
    """One image; its label, if the signature takes one, is the name of its folder.

    Raises:
        ValueError: a file that is no image.
    """
    folder, data = os.fsencode(path.absolute().parent.name), path.read_bytes()
    require_image(data, path)  # before TensorFlow's import, which takes seconds
    values = {
        name: folder if spec["form"] == "label" else data
        for name, spec in called.inputs.items()
    }
    return Input({"file": shown(path)}, values)

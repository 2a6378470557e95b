"""FILE -> the inputs of a signature, one after the other, each with its place.

    images    a file of any format; a folder, for all below it
    lines     a line each, or a column of a table; see texts.py

A file that ends in .gz is decompressed; - is stdin, for all but images. Tables are
read by table.py.
"""

import os
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from phistar.components.data.image_files import below
from phistar.components.data.image_kinds import READABLE, Unreadable, refusal
from phistar.components.data.notices import Counter
from phistar.components.data.plain_image import plain
from phistar.components.serving.request import Signature
from phistar.pipeline.serving.predict import texts
from phistar.pipeline.serving.predict.files import (
    STDIN,
    Input,
    expanded,
    opened,
    present,
    shown,
)

CHUNK_ROWS, CHUNK_BYTES = 4096, 64 * 2**20  # inputs in memory at a time


def read(
    reads: str,
    files: list[str],
    called: Signature,
    label: str | None = None,
    column: str | None = None,
    own: str | None = None,
    counts: Counter | None = None,
) -> Iterator[Input]:
    """The inputs of all files, in order.

    Args:
        reads: "images" or "lines", of the contract.
        files: as typed.
        called: the signature.
        label: column of texts in a table, with those to score.
        column: of texts in a table.
        own: column of a table of texts that names the rows; None for file and line.
        counts: of what is left out of folders, and changed in images.

    Raises:
        ValueError: a file that does not exist, at once; a mistake in a file, with its
            place, when it is read.
    """
    match reads:
        case "images":
            counts = Counter() if counts is None else counts
            found = pictures(files, counts)
            return (picture(path, called, counts) for path in found)
        case _:
            names = list(called.inputs)
            if "text" in called.y:
                names = [n for n in names if n != "prompt"]  # the whole text
            return chain.from_iterable(
                texts.inputs(file, names, column, label, own) for file in present(files)
            )


def chunks(inputs: Iterator[Input]) -> Iterator[list[Input]]:
    """Pieces of what may be long, the inputs numbered from 0."""
    waiting, size = [], 0
    for number, one in enumerate(inputs):
        # rows of a file without lines have other names for their place
        if waiting and one.place.keys() != waiting[-1].place.keys():
            yield waiting
            waiting, size = [], 0
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
        return len(pictures(files, Counter()))
    if STDIN in files or not all(map(texts.has_lines, files)):
        return None
    total = 0
    for file in present(files):
        with opened(file) as stream:
            total += sum(1 for _ in stream)
    return total


def pictures(files: list[str], counts: Counter) -> list[str]:
    """Image files, and those below folders in the order of their names.

    Raises:
        ValueError: no such file, or a folder without any.
    """
    found = []
    for file in map(expanded, files):
        inside = below(file, counts) if os.path.isdir(file) else [file]
        if not inside or not os.path.isfile(inside[0]):
            raise ValueError(
                f"no image. Received: {file}, that is {os.path.abspath(file)}. "
                f"Expected a {READABLE} file, or a folder with such files."
            )
        found += inside
    return found


def picture(path: str, called: Signature, counts: Counter) -> Input:
    """One image; its label, if the signature takes one, is the name of its folder.

    Raises:
        ValueError: a file that is no image.
    """
    folder = os.fsencode(os.path.basename(os.path.dirname(os.path.abspath(path))))
    values: dict[str, float | bytes] = {}
    for name, spec in called.inputs.items():
        if spec["form"] == "label":
            values[name] = folder
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

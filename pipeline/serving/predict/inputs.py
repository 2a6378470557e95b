"""FILE -> the inputs of a signature, one after the other, each with its place.

    images    a file; a folder, for all below it
    lines     a line each; several fields divided by tabs

A file that ends in .gz is decompressed; - is stdin, for all but images. Tables are
read by table.py.
"""

import os
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from phistar.components.data.foreign import require_image
from phistar.components.data.sources.image_folder import SUFFIXES, order
from phistar.components.serving.request import Signature
from phistar.pipeline.serving.predict.files import STDIN, Input, opened, present, shown

CHUNK_ROWS, CHUNK_BYTES = 4096, 64 * 2**20  # inputs in memory at a time


def read(reads: str, files: list[str], called: Signature) -> Iterator[Input]:
    """The inputs of all files, in order.

    Args:
        reads: "images" or "lines", of the contract.
        files: as typed.
        called: the signature.

    Raises:
        ValueError: a file that does not exist, at once; a mistake in a file, with its
            place, when it is read.
    """
    match reads:
        case "images":
            return (picture(path, called) for path in pictures(files))
        case _:
            names = list(called.inputs)
            if "text" in called.y:
                names = [n for n in names if n != "prompt"]  # the whole text
            return chain.from_iterable(lines(f, names) for f in present(files))


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
    if STDIN in files:
        return None
    present(files)
    total = 0
    for file in files:
        with opened(file) as stream:
            total += sum(1 for _ in stream)
    return total


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

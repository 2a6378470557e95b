"""FILE -> the inputs of a signature, one after the other, each with its place.

    images    a file of any format, a folder, a table that names some; see pictures.py
    lines     a line each, or a column of a table; see texts.py

A file that ends in .gz is decompressed; - is stdin, for all but images. Tables are
read by table.py.
"""

from collections.abc import Iterator
from itertools import chain

from phistar.components.data.notices import Counter
from phistar.components.serving.request import Signature
from phistar.pipeline.serving.predict import pictures, texts
from phistar.pipeline.serving.predict.files import STDIN, Input, opened, present

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
        label: column of a table, with the labels of images or with texts to score.
        column: of images or of texts in a table.
        own: column of a table that names the rows; None for file and line.
        counts: of what is left out of folders, and changed in images.

    Raises:
        ValueError: a file that does not exist, at once; a mistake in a file, with its
            place, when it is read.
    """
    match reads:
        case "images":
            counts = Counter() if counts is None else counts
            return pictures.inputs(files, called, column, label, own, counts)
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
    """About the number of inputs, for the progress bar; None if nothing tells it."""
    if reads == "images":
        found = pictures.present(files, Counter())
        return None if any(map(pictures.is_table, found)) else len(found)
    if STDIN in files or not all(map(texts.has_lines, files)):
        return None
    total = 0
    for file in present(files):
        with opened(file) as stream:
            total += sum(1 for _ in stream)
    return total

"""Files as the user names them, and the inputs in them."""

import contextlib
import io
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from phistar.components.data.files import streams

STDIN = "-"


class Input(NamedTuple):
    """One input.

    Args:
        place: {"file"} or {"file", "line"}, its place.
        values: name -> number or bytes, as the signature takes it.
        number: of the input among all, from 0.
    """

    place: dict
    values: dict
    number: int = 0

    @property
    def size(self) -> int:
        """Bytes of its texts and images."""
        return sum(len(v) for v in self.values.values() if isinstance(v, bytes))

    def __str__(self) -> str:
        return ":".join(map(str, self.place.values()))


def expanded(file: str) -> str:
    """A path without ~, unless a file is called so: in Python no shell expands it."""
    return file if os.path.exists(file) else os.path.expanduser(file)


def present(files: list[str]) -> list[str]:
    """The same files, ~ expanded; all of them exist."""
    files = [expanded(file) for file in files]
    for file in files:
        if file != STDIN and not Path(file).is_file():
            place = Path(file).absolute()
            meant = "" if str(place) == file else f", that is {place}"
            what = "a folder, not a file" if place.is_dir() else "no such file"
            if place.exists() and not place.is_dir():
                what = "a pipe or a device, not a file"
            raise ValueError(
                f"{what}. Received: {file}{meant}. Expected a file, or - for stdin."
            )
    return files


@contextlib.contextmanager
def opened(file: str) -> Iterator[BinaryIO]:
    """The bytes of a file or of stdin; a file that cannot be read is a ValueError."""
    if file == STDIN:
        yield sys.stdin.buffer
    else:
        with streams.opened(file) as stream:
            yield io.BufferedReader(stream)  # which has lines


def shown(file: str | Path) -> str:
    """A file's name as JSON can hold it."""
    return os.fsencode(file).decode("utf-8", "replace")


class local:  # noqa: N801, used as a function
    """The Path of a file; stdin is copied to a temporary file inside a `with`."""

    def __init__(self, file: str):
        self.file, self.folder = file, None

    def __enter__(self) -> Path:
        if self.file != STDIN:
            return Path(self.file)
        self.folder = tempfile.TemporaryDirectory(prefix="phistar-")
        path = Path(self.folder.name, "stdin")
        with path.open("wb") as copy:
            shutil.copyfileobj(sys.stdin.buffer, copy)
        return path

    def __exit__(self, *error: object) -> None:
        if self.folder is not None:
            self.folder.cleanup()

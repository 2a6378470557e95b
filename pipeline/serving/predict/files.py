"""Files as the user names them: opened, and said in an error or in an answer."""

import contextlib
import gzip
import os
import sys
import zlib
from pathlib import Path
from typing import NamedTuple

STDIN = "-"


class Input(NamedTuple):
    """One input.

    Args:
        place: {"file"} or {"file", "line"}, where it stands.
        values: name -> number or bytes, as the signature takes it.
    """

    place: dict
    values: dict

    @property
    def size(self):
        """Bytes of its texts and images."""
        return sum(len(v) for v in self.values.values() if isinstance(v, bytes))

    def __str__(self):
        return ":".join(map(str, self.place.values()))


def present(files):
    """The files, which are there.  -> list of str."""
    for file in files:
        if file != STDIN and not Path(file).is_file():
            place = Path(file).absolute()
            meant = "" if str(place) == file else f", that is {place}"
            raise ValueError(
                f"no such file. Received: {file}{meant}. "
                "Expected a file, or - for stdin."
            )
    return files


@contextlib.contextmanager
def opened(file):
    """The bytes of a file or of stdin; what cannot be read is the caller's mistake."""
    try:
        if file == STDIN:
            yield sys.stdin.buffer
        else:
            with (gzip.open if file.endswith(".gz") else open)(file, "rb") as stream:
                yield stream
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(
            f"{file} cannot be read: {error}. Expected a whole gzip file."
        ) from error


def shown(file):
    """A file's name as JSON can hold it."""
    return os.fsencode(file).decode("utf-8", "replace")

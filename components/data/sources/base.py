"""The interface of a source: a cheap description, and a function to read the rows."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # NumPy takes longer to import than a source to open
    import numpy as np


@dataclass(frozen=True)
class Rows:
    """Examples as they are in the data.

    Args:
        inputs: columns: dict of name -> float64 [N] or str [N]. Images: uint8
            [N, H, W, C]. Source sentences: object array [N] of bytes. None if there
            is no x, only y.
        labels: str [N], the data's own labels; or object array [N] of bytes: texts, of
            pairs the target sentences.
        numbers: int [N], the numbers of the rows in the data, for errors; set by
            `split_rows`.
    """

    inputs: "dict | np.ndarray | None"
    labels: "np.ndarray"
    numbers: "np.ndarray | None" = None

    def __len__(self):
        return len(self.labels)

    def take(self, rows):
        """The rows of an index: bool [N], int [n] or a slice.  -> Rows."""
        if self.inputs is None:
            inputs = None
        elif isinstance(self.inputs, dict):
            inputs = {name: values[rows] for name, values in self.inputs.items()}
        else:
            inputs = self.inputs[rows]
        numbers = None if self.numbers is None else self.numbers[rows]
        return Rows(inputs, self.labels[rows], numbers)


def objects(texts):
    """list of bytes -> object array; NumPy's array of bytes would drop final NULs."""
    import numpy as np

    result = np.empty(len(texts), object)
    result[:] = texts
    return result


def existing(key, path, expected):
    """The Path of a file that exists.

    Args:
        key: of the section `ingest`, for the error.
        path: its value, "~" allowed.
        expected: the file in words.

    Raises:
        ValueError: if it does not exist.
    """
    file = Path(path).expanduser()
    if not file.is_file():
        raise ValueError(
            f"no such file. Received: ingest.{key}={path!r}, that is "
            f"{file.absolute()}. Expected {expected}."
        )
    return file


@dataclass(frozen=True)
class Chunks:
    """Rows in pieces, read again in each iteration.

    Args:
        read: () -> iterator of Rows, always the same rows in the same order.
    """

    read: Callable[[], Iterable[Rows]]

    def __iter__(self):
        return iter(self.read())


@dataclass(frozen=True)
class Source:
    """A source of examples. Opening one must not read the rows.

    Args:
        name: of the data.
        kind: of the input, a case of components/data/encoders/__init__.py.
        fingerprint: plain data that changes when the rows change: a package's
            version, a file's SHA-256.
        read: () -> dict of split name -> pieces of Rows that can be iterated more than
            once: [Rows], or Chunks if all rows together are large. Splits are "train",
            "valid" and "test", or "all" if the data are not split.
        require: () -> None; raises at once if the rows are neither on this machine
            nor within reach. It neither reads nor fetches them.
    """

    name: str
    kind: str
    fingerprint: dict
    read: Callable[[], dict[str, Iterable[Rows]]]
    require: Callable[[], None] = lambda: None

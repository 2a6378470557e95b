"""The result of opening a source: a cheap description, and a way to read the rows."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Rows:
    """Examples as they are in the data.

    Args:
        inputs: raw x. Columns: dict of name -> float64 [N] or str [N]. Images: uint8
            [N, H, W, C]. Pairs: source sentences, bytes in an object array. Texts
            without an input: None.
        labels: y, the data's own words: str [N]; texts: bytes in an object array.
        numbers: int [N], the rows' numbers in the data, for errors; `split_rows`
            counts them.
    """

    inputs: dict | np.ndarray | None
    labels: np.ndarray
    numbers: np.ndarray | None = None

    def __len__(self):
        return len(self.labels)

    def take(self, rows):
        """The rows of a bool or int index."""
        if self.inputs is None:
            inputs = None
        elif isinstance(self.inputs, dict):
            inputs = {name: values[rows] for name, values in self.inputs.items()}
        else:
            inputs = self.inputs[rows]
        numbers = None if self.numbers is None else self.numbers[rows]
        return Rows(inputs, self.labels[rows], numbers)


def objects(texts):
    """list of bytes -> object array; dtype "S" would drop NULs at the end."""
    result = np.empty(len(texts), object)
    result[:] = texts
    return result


@dataclass(frozen=True)
class Chunks:
    """Rows in pieces, read again at each iteration.

    Args:
        read: () -> iterator of Rows, always the same ones in the same order.
    """

    read: Callable[[], Iterable[Rows]]

    def __iter__(self):
        return iter(self.read())


@dataclass(frozen=True)
class Source:
    """An opened source of examples. Opening one must not read the rows.

    Args:
        name: of the data.
        kind: of the data, a case of components/data/kinds/__init__.py.
        fingerprint: plain data that changes when the rows do: a package's
            version, a file's SHA-256.
        read: () -> dict of split name -> pieces of Rows that can be iterated more than
            once: [Rows], or Chunks where all rows together are large. Splits are
            "train", "valid" and "test", or "all" if the data are not split.
        require: () -> None; raises at once, without reading or fetching the rows, if
            they are neither on this machine nor within reach.
    """

    name: str
    kind: str
    fingerprint: dict
    read: Callable[[], dict[str, Iterable[Rows]]]
    require: Callable[[], None] = lambda: None

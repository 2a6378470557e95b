"""What a source gives: a description that is cheap, and a way to read the rows."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Rows:
    """Examples as they are in the data.

    Args:
        inputs: dict of name -> float64 [N] or str [N] (columns), uint8 [N, H, W, C]
            (images), bytes in an object array (source sentences), or None where
            there is no x, only y.
        labels: str [N], the data's own labels; or bytes in an object array, texts
            (of pairs, target sentences).
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
    """list of bytes -> array of them; NumPy's own would drop NULs at the end."""
    result = np.empty(len(texts), object)
    result[:] = texts
    return result


@dataclass(frozen=True)
class Chunks:
    """Rows in pieces, read anew each time they are iterated.

    Args:
        read: () -> iterator of Rows, always the same ones in the same order.
    """

    read: Callable[[], Iterable[Rows]]

    def __iter__(self):
        return iter(self.read())


@dataclass(frozen=True)
class Source:
    """Where examples come from. Opening one must not read the rows.

    Args:
        name: of the data.
        kind: of the input, a case of components/data/encoders/__init__.py.
        fingerprint: plain data that changes when the rows do: a package's
            version, a file's SHA-256.
        read: () -> dict of split name -> pieces of Rows that can be iterated again
            and again: [Rows], or Chunks where all rows together are large. Splits
            are "train", "valid" and "test", or "all" if the data are not split.
        require: () -> None; raises at once if the rows are not here and cannot be
            had, without reading or fetching them.
    """

    name: str
    kind: str
    fingerprint: dict
    read: Callable[[], dict[str, Iterable[Rows]]]
    require: Callable[[], None] = lambda: None

"""The interface of a source: a cheap description, and a function to read the rows."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, NamedTuple

from phistar.components.data.files.found import expanded
from phistar.components.data.files.streams import require_regular
from phistar.components.data.notices import Notices

if TYPE_CHECKING:  # NumPy takes longer to import than a source to open
    import numpy as np

    from phistar.components.data.kept import Scratch
    from phistar.components.digests import Inputs


@dataclass(frozen=True)
class Rows:
    """Examples as they are in the data.

    Args:
        inputs: columns: dict of name -> float64 [N] or str [N]. Images: uint8
            [N, H, W, C]. Source sentences: object array [N] of bytes. None if there
            is no x, only y.
        labels: str [N], the data's own labels; or object array [N] of bytes: texts, of
            pairs the target sentences.
        split: str [N], "train", "valid" or "test", if a column of the data says it.
        time: float64 [N], if test shall be the latest rows.
        keys: uint64 [N]; rows of one key are in one split. Default: a hash of the
            inputs, slower to compute than a hash of whole columns. Of grouped rows the
            key is that of their group.
        weights: float64 [N], how much each row counts, in training and in the metrics;
            each as much as another without them.
        numbers: int [N], the numbers of the rows in the data, for errors; set by
            `split_rows`.
    """

    inputs: "dict | np.ndarray | None"
    labels: "np.ndarray"
    split: "np.ndarray | None" = None
    time: "np.ndarray | None" = None
    keys: "np.ndarray | None" = None
    weights: "np.ndarray | None" = None
    numbers: "np.ndarray | None" = None

    def __len__(self):
        return len(self.labels)

    def take(self, rows):
        """The rows of an index: bool [N], int [n] or a slice.  -> Rows."""
        taken = {}
        for one in fields(self):
            values = getattr(self, one.name)
            if isinstance(values, dict):
                values = {name: column[rows] for name, column in values.items()}
            elif values is not None:
                values = values[rows]
            taken[one.name] = values
        return Rows(**taken)


def objects(texts):
    """list of bytes -> object array; NumPy's array of bytes would drop final NULs."""
    import numpy as np

    result = np.empty(len(texts), object)
    result[:] = texts
    return result


def existing(key, path, expected):
    """The Path of a file that exists and can be read.

    Args:
        key: of the section `ingest`, for the error.
        path: its value, "~" allowed.
        expected: the file in words.

    Raises:
        ValueError: if it does not exist, is no file, or may not be read.
    """
    file = expanded(key, path)
    received = f"Received: ingest.{key}={path!r}, that is {file.absolute()}"
    if file.is_dir():
        raise ValueError(f"a folder, not a file. {received}. Expected {expected}.")
    if not file.exists():
        raise ValueError(f"no such file. {received}. Expected {expected}.")
    require_regular(file)
    if not os.access(file, os.R_OK):
        raise ValueError(
            f"a file that may not be read. {received}. Expected {expected} that you "
            "may read: change its permissions."
        )
    return file


def require_no(why, keys):
    """Refuse keys that have no use with others.

    Args:
        why: in words.
        keys: dict of key -> value, None if it is not given.

    Raises:
        ValueError: the first one that is given.
    """
    for key, value in keys.items():
        if value is not None:
            raise ValueError(
                f"a key without a use. Received: ingest.{key}={value!r}, {why}. "
                f"Expected one or the other: leave ingest.{key} out."
            )


@dataclass(frozen=True)
class Chunks:
    """Rows in pieces, read again in each iteration.

    Args:
        read: () -> iterator of Rows, always the same rows in the same order.
    """

    read: Callable[[], Iterable[Rows]]

    def __iter__(self):
        return iter(self.read())


FEW_ROWS = 1000  # with more, no split of a tenth is empty: 0.9**1000 is 1e-46


class Overview(NamedTuple):
    """Facts about the rows that a source finds within a second, without TensorFlow.

    Args:
        labels: label -> the first row of train that has it, in that order; None if
            labels are texts.
        num_rows: rows that `labels` is of.
        rows: pieces of all rows if they are fewer than FEW_ROWS and not split yet,
            else None.
    """

    labels: dict[str, int] | None = None
    num_rows: int = 0
    rows: Iterable[Rows] | None = None


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
        overview: () -> Overview; raises where the files are not what they must be.
            None if the rows must be fetched first, or need TensorFlow.
        prepare: (Scratch) -> None, called before `read` with a folder for what is kept
            between the passes. A CSV file in it is kept beside the Dataset.
        fitting: () -> dict, further arguments of the encoder's `fit`, known after
            `read`.
        stratified: True to give each label its share of every split that is made. The
            packaged data leave it out, so that their published splits stay.
        notices: of what `read` drops or changes.
        origin: split, or "all" -> where its rows come from, in words. A split that it
            lacks is made from the others. {} if the name of the source tells it.
        size: bytes of the user's files that `read` reads in parts; 0 if it does not.
        inputs: Inputs, the user's files that the fingerprint is made of; else None.
    """

    name: str
    kind: str
    fingerprint: dict
    read: Callable[[], dict[str, Iterable[Rows]]]
    require: Callable[[], None] = lambda: None
    overview: Callable[[], Overview] | None = None
    prepare: Callable[["Scratch"], None] = lambda scratch: None
    fitting: Callable[[], dict] = dict
    stratified: bool = False
    notices: Notices = field(default_factory=Notices)
    origin: dict[str, str] = field(default_factory=dict)
    size: int = 0
    inputs: "Inputs | None" = None

"""An earlier network's files, which may come from anywhere: checked as they are read.

A file of a few bytes may claim a terabyte, or hold numbers that are none. An array is
read only if its header has the shape that the new network has.
"""

import json
import zipfile
import zlib
from pathlib import Path

import numpy as np

DESCRIPTION, WEIGHTS = "network.json", "weights.npz"
FILES = (DESCRIPTION, WEIGHTS)
LARGEST = 2**24  # bytes of a description
# what reading a damaged file raises, in Python's libraries and in NumPy
BROKEN = (OSError, ValueError, KeyError, TypeError, EOFError, RecursionError)
BROKEN += (zipfile.BadZipFile, zlib.error, NotImplementedError)


class Earlier:
    """A Network on disk.

    Args:
        folder: as the stages build and train write it.

    Attributes:
        names: list of str, "layer/weight", by position.
        shapes: list of list of int.

    Raises:
        ValueError: it is none, or damaged.
    """

    def __init__(self, folder):
        self.folder = Path(folder).expanduser()
        with self._checked(DESCRIPTION):
            path = self.folder / DESCRIPTION
            if path.stat().st_size > LARGEST:
                raise ValueError(f"more than {LARGEST:,} bytes")
            described = json.loads(path.read_text("utf-8"))
            self.names = [str(name) for name in described["names"]]
            self.shapes = [list(map(int, shape)) for shape in described["shapes"]]
            if len(self.names) != len(self.shapes):
                raise ValueError(
                    f"{len(self.names)} names of weights, {len(self.shapes)} shapes"
                )
        with self._checked(WEIGHTS), zipfile.ZipFile(self.folder / WEIGHTS) as packed:
            self.members = sorted(packed.namelist())
            if len(self.members) != len(self.names):
                raise ValueError(
                    f"{len(self.members)} arrays, {len(self.names)} in {DESCRIPTION}"
                )

    def arrays(self, wanted):
        """Some of the weights.

        Args:
            wanted: positions -> shape of each.

        Returns:
            dict of position -> float array of that shape, finite.

        Raises:
            ValueError: one has another shape, no numbers, or one that is not finite.
        """
        found = {}
        with self._checked(WEIGHTS), zipfile.ZipFile(self.folder / WEIGHTS) as packed:
            for position, shape in wanted.items():
                name = self.members[position]
                with packed.open(name) as file:
                    array = _array(file, tuple(shape))
                if not np.isfinite(array).all():
                    raise ValueError(
                        f"{self.names[position]} has numbers that are not finite"
                    )
                found[position] = array
        return found

    def _checked(self, name):
        """A block that reads a file: what goes wrong in it is told as one error."""
        return _Checked(self.folder / name)


class _Checked:
    """A block whose failures are a ValueError that names a file."""

    def __init__(self, path):
        self.path = path

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        if not isinstance(error, BROKEN):
            return False
        raise ValueError(
            f"a network that cannot be read. Received: {self.path}: {error}. Expected "
            "files as the stages build and train write them: copy them again, or run "
            "that network's recipe again."
        ) from error


def _array(file, shape):
    """The array of a .npy stream that has this shape.

    Raises:
        ValueError: its header says something else.
    """
    version = np.lib.format.read_magic(file)
    readers = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    if version not in readers:
        raise ValueError(f"a NumPy file of version {version}")
    claimed, fortran, dtype = readers[version](file)
    if claimed != shape or dtype.kind not in "fiub":
        raise ValueError(f"an array of {claimed}, {dtype}, where {shape} was said")
    size = dtype.itemsize * int(np.prod(shape, dtype=np.int64))
    data = file.read(size)
    if len(data) != size:
        raise ValueError(f"an array of {len(data):,} bytes for {size:,}")
    file.read(1)  # the end: the check of the sum is there
    order = "F" if fortran else "C"
    return np.frombuffer(data, dtype).reshape(shape, order=order)

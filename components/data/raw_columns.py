"""Columns of test as the data have them: raw.npy, whose columns' names are in raw.json.

A row is bytes of one length, its columns one behind the other. So the file's head is as
short for ten thousand columns as for one, and the names may be any text.
"""

import json

import numpy as np

from phistar.components.data.arrays import ArrayFile

ROWS, COLUMNS = "raw.npy", "raw.json"


class ColumnFile:
    """The columns of a split, written front to back.

    Args:
        folder: Path of the split, which exists.
        dtypes: dict of name -> np.dtype that holds all values of the column.
        num_rows: N.
    """

    def __init__(self, folder, dtypes, num_rows):
        self.names = list(dtypes)
        self.dtype = np.dtype([(f"f{i}", d) for i, d in enumerate(dtypes.values())])
        described = [[name, np.dtype(d).str] for name, d in dtypes.items()]
        (folder / COLUMNS).write_text(json.dumps(described) + "\n", "utf-8")
        self.bytes = np.dtype((np.void, self.dtype.itemsize))
        self.file = ArrayFile(folder / ROWS, self.bytes, (num_rows,))

    def append(self, columns):
        """Write the next rows.

        Args:
            columns: dict of name -> array [n].
        """
        block = np.empty(len(next(iter(columns.values()))), self.dtype)
        for field, name in zip(self.dtype.names, self.names, strict=True):
            block[field] = columns[name]
        self.file.append(block.view(self.bytes))

    def close(self):
        """Close the file."""
        self.file.close()


def columns(folder):
    """The columns of a split, memory-mapped.  Path -> dict of name -> array [N]."""
    described = json.loads((folder / COLUMNS).read_text("utf-8"))
    dtype = np.dtype([(f"f{i}", d) for i, (_, d) in enumerate(described)])
    table = np.load(folder / ROWS, mmap_mode="r").view(dtype)
    fields = zip(described, dtype.names, strict=True)
    return {name: table[field] for (name, _), field in fields}


def truncate(folder, out, num_rows):
    """Copy the first rows of the columns of a split, if it has columns.

    Args:
        folder, out: Paths of the split and of the copy, which exist.
        num_rows: rows to keep, at most.
    """
    if (folder / ROWS).exists():
        np.save(out / ROWS, np.load(folder / ROWS, mmap_mode="r")[:num_rows])
        (out / COLUMNS).write_bytes((folder / COLUMNS).read_bytes())

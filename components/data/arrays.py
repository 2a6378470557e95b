"""Arrays on disk, written and read in pieces: memory does not grow with their size."""

import hashlib
import mmap
from array import array
from dataclasses import dataclass

import numpy as np

BLOCK_BYTES = 2**20


class Mapped(np.memmap):
    """A memory-mapped array that releases its pages after each read.

    Rows are read as copies. Without the release, pages that were read would stay in
    this process's resident memory, until it is as large as the file. They stay in the
    system's cache.
    """

    def __getitem__(self, index):
        rows = np.asarray(super().__getitem__(index))
        rows = rows.copy() if np.may_share_memory(rows, self) else rows
        self._mmap.madvise(mmap.MADV_DONTNEED)
        return rows


def load(path):
    """The array of a .npy file, memory-mapped.  -> Mapped."""
    return np.load(path, mmap_mode="r").view(Mapped)


class ArrayFile:
    """A .npy file of a known shape, written front to back; same bytes as np.save's.

    It is not written through a memory map, whose pages would count as this process's
    memory.

    Args:
        path: Path to write to.
        dtype: np.dtype.
        shape: of the whole array.
    """

    def __init__(self, path, dtype, shape):
        self.dtype, self.missing = np.dtype(dtype), shape[0]
        self.offset = np.lib.format.open_memmap(path, "w+", self.dtype, shape).offset
        self.file = open(path, "r+b")  # noqa: SIM115, closed by close
        self.file.seek(self.offset)

    def append(self, array):
        """Write the next rows, an array [n, ...]."""
        self.missing -= len(array)
        self.file.write(np.asarray(array, self.dtype).tobytes())

    def blocks(self):
        """The bytes written so far, without the header.  -> iterator of bytes."""
        self.file.seek(self.offset)
        while block := self.file.read(BLOCK_BYTES):
            yield block

    def close(self):
        """Close the file.

        Raises:
            ValueError: if there were too few rows, or too many.
        """
        self.file.close()
        if self.missing:
            raise ValueError(
                f"{self.file.name}: the data have changed while they were read. "
                f"Received: {-self.missing:+d} rows. Run it again."
            )


class SplitFiles:
    """The files inputs.npy and labels.npy of one split.

    Args:
        folder: Path of the split; created here.
        num_rows: N.
        shape: of one input.
        dtype: of the inputs.
    """

    def __init__(self, folder, num_rows, shape, dtype):
        folder.mkdir(parents=True)
        shape = (num_rows, *shape)
        self.inputs = ArrayFile(folder / "inputs.npy", dtype, shape)
        self.labels = ArrayFile(folder / "labels.npy", "int32", (num_rows,))
        self.digest = hashlib.sha256(f"{self.inputs.dtype}{shape}".encode())
        self.label_head = f"{self.labels.dtype}{(num_rows,)}".encode()

    def append(self, inputs, labels):
        """Write the next rows.

        Args:
            inputs: array [n, ...].
            labels: int [n].
        """
        inputs = np.ascontiguousarray(inputs)
        self.digest.update(inputs)
        self.inputs.append(inputs)
        self.labels.append(labels)

    def close(self):
        """Close both files.  -> str, SHA-256 of dtypes, shapes and values."""
        # inputs are hashed as they are written; labels now, after all inputs
        self.digest.update(self.label_head)
        for block in self.labels.blocks():
            self.digest.update(block)
        self.inputs.close()
        self.labels.close()
        return self.digest.hexdigest()


@dataclass(frozen=True)
class Ragged:
    """Rows of different lengths, laid end to end.

    Args:
        tokens: array [total].
        offsets: int64 [N + 1]; row i is tokens[offsets[i] : offsets[i + 1]].
    """

    tokens: np.ndarray
    offsets: np.ndarray

    @classmethod
    def load(cls, folder, name):
        """The rows of NAME_tokens.npy and NAME_offsets.npy, tokens memory-mapped."""
        return cls(
            load(folder / f"{name}_tokens.npy"), np.load(folder / f"{name}_offsets.npy")
        )

    def __len__(self):
        return len(self.offsets) - 1

    def __getitem__(self, row):
        """One row [length], or the first rows (a slice from 0) as Ragged."""
        if isinstance(row, slice):
            offsets = self.offsets[: len(self.offsets[:-1][row]) + 1]
            return Ragged(self.tokens[: offsets[-1]], offsets)
        return np.asarray(self.tokens[self.offsets[row] : self.offsets[row + 1]])

    @property
    def lengths(self):
        """Lengths of the rows.  -> int64 [N]."""
        return np.diff(self.offsets)

    @property
    def places(self):
        """Position of each token in its row.  -> int64 [total]."""
        return np.arange(self.offsets[-1]) - np.repeat(self.offsets[:-1], self.lengths)


class RaggedFile:
    """NAME_tokens.npy and NAME_offsets.npy, written row by row.

    Args:
        folder: Path, must exist.
        name: str, NAME.
        dtype: of the tokens.
    """

    def __init__(self, folder, name, dtype):
        self.dtype, self.lengths = np.dtype(dtype), array("q")
        self.offsets = folder / f"{name}_offsets.npy"
        self.file = open(folder / f"{name}_tokens.npy", "w+b")  # noqa: SIM115
        self._head(0)
        self.digest = hashlib.sha256()

    def _head(self, total):
        """Write the header; NumPy's has room for the length to grow."""
        described = np.lib.format.dtype_to_descr(self.dtype)
        self.file.seek(0)
        np.lib.format.write_array_header_1_0(
            self.file, {"descr": described, "fortran_order": False, "shape": (total,)}
        )

    def append(self, row):
        """Write the next row, an array [length]."""
        data = np.asarray(row, self.dtype).tobytes()
        self.file.write(data)
        self.digest.update(data)
        self.lengths.append(len(row))

    def close(self):
        """Close both files.  -> str, SHA-256 of dtype, lengths and values."""
        offsets = np.cumsum([0, *self.lengths], dtype="int64")
        # the number of tokens is known only now
        self._head(int(offsets[-1]))
        self.file.close()
        np.save(self.offsets, offsets)
        self.digest.update(f"{self.dtype}".encode())
        self.digest.update(offsets.tobytes())
        return self.digest.hexdigest()

"""Arrays on disk, written and read in pieces: memory does not grow with them."""

import hashlib
import mmap
from dataclasses import dataclass

import numpy as np

BLOCK_BYTES = 2**20
RAW = {"inputs": "raw_inputs", "labels": "raw"}  # side -> name of its texts' files


class Mapped(np.memmap):
    """A memory-mapped array whose rows are read as copies, and its pages let go.

    Without that, the pages that were read stay in this process's resident memory, until
    it is as large as the file. They stay in the system's cache.
    """

    def __getitem__(self, index):
        rows = np.asarray(super().__getitem__(index))
        rows = rows.copy() if np.may_share_memory(rows, self) else rows
        self._mmap.madvise(mmap.MADV_DONTNEED)
        return rows


def load(path):
    """The array of a .npy file.  -> Mapped."""
    return np.load(path, mmap_mode="r").view(Mapped)


class ArrayFile:
    """A .npy file of a known shape, written front to back; the bytes of np.save.

    Not through a memory map: its pages would count as this process's memory.

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
        """Write the next rows."""
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
            ValueError: if rows are missing, or there were too many.
        """
        self.file.close()
        if self.missing:
            raise ValueError(
                f"{self.file.name}: the data have changed while they were read. "
                f"Received: {-self.missing:+d} rows. Run it again."
            )


class SplitFiles:
    """One split's inputs.npy and labels.npy, and weights.npy if its rows have some.

    Args:
        folder: Path of the split; made here.
        num_rows: N.
        shape: of one input.
        dtype: of the inputs.
        weighted: True if rows have weights.
    """

    def __init__(self, folder, num_rows, shape, dtype, weighted=False):
        folder.mkdir(parents=True)
        shape = (num_rows, *shape)
        self.inputs = ArrayFile(folder / "inputs.npy", dtype, shape)
        self.labels = ArrayFile(folder / "labels.npy", "int32", (num_rows,))
        self.further = [self.labels]
        if weighted:
            path = folder / "weights.npy"
            self.further.append(ArrayFile(path, "float64", (num_rows,)))
        self.digest = hashlib.sha256(f"{self.inputs.dtype}{shape}".encode())
        self.num_rows = num_rows

    def append(self, inputs, labels, weights=None):
        """Write the next rows."""
        inputs = np.ascontiguousarray(inputs)
        self.digest.update(inputs)
        self.inputs.append(inputs)
        for file, values in zip(self.further, (labels, weights), strict=False):
            file.append(values)

    def close(self):
        """Close all.  -> str, SHA-256 of dtypes, shapes and values."""
        for file in self.further:
            self.digest.update(f"{file.dtype}{(self.num_rows,)}".encode())
            for block in file.blocks():
                self.digest.update(block)
            file.close()
        self.inputs.close()
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
        """NAME_tokens.npy and NAME_offsets.npy, memory-mapped."""
        return cls(
            load(folder / f"{name}_tokens.npy"), np.load(folder / f"{name}_offsets.npy")
        )

    def __len__(self):
        return len(self.offsets) - 1

    def __getitem__(self, row):
        """One row, or the first rows (a slice that starts at 0) as Ragged."""
        if isinstance(row, slice):
            offsets = self.offsets[: len(self.offsets[:-1][row]) + 1]
            return Ragged(self.tokens[: offsets[-1]], offsets)
        return np.asarray(self.tokens[self.offsets[row] : self.offsets[row + 1]])

    @property
    def lengths(self):
        """int64 [N]."""
        return np.diff(self.offsets)

    @property
    def places(self):
        """Place of each token in its row, from 0.  -> int64 [total]."""
        return np.arange(self.offsets[-1]) - np.repeat(self.offsets[:-1], self.lengths)


class GrowingFile:
    """A .npy file of a number of rows that is not known before; the bytes of np.save.

    Args:
        path: Path to write to.
        dtype: of the values.
        shape: of one row.
    """

    def __init__(self, path, dtype, shape=()):
        self.dtype, self.shape, self.num_rows = np.dtype(dtype), shape, 0
        self.file = open(path, "w+b")  # noqa: SIM115, closed by close
        self._head()
        self.offset = self.file.tell()

    def _head(self):
        """Write the header; NumPy leaves room in it for the length to grow."""
        described = np.lib.format.dtype_to_descr(self.dtype)
        shape = (self.num_rows, *self.shape)
        self.file.seek(0)
        np.lib.format.write_array_header_1_0(
            self.file, {"descr": described, "fortran_order": False, "shape": shape}
        )

    def append(self, rows):
        """Write the next rows.  array [n, ...] -> bytes, as they are written."""
        data = np.asarray(rows, self.dtype).tobytes()
        self.file.write(data)
        self.num_rows += len(rows)
        return data

    def blocks(self):
        """The bytes written so far, without the header.  -> iterator of bytes."""
        self.file.seek(self.offset)
        while block := self.file.read(BLOCK_BYTES):
            yield block

    def close(self):
        """Write the length and close the file."""
        self._head()
        self.file.close()


class RaggedFile:
    """NAME_tokens.npy and NAME_offsets.npy, written front to back.

    Args:
        folder: Path, which exists.
        name: str.
        dtype: of the tokens.
    """

    def __init__(self, folder, name, dtype):
        self.tokens = GrowingFile(folder / f"{name}_tokens.npy", dtype)
        self.offsets = GrowingFile(folder / f"{name}_offsets.npy", "int64")
        self.offsets.append([0])
        self.digest = hashlib.sha256()

    def append(self, tokens, lengths):
        """Write the next rows.

        Args:
            tokens: array [total], the rows end to end.
            lengths: int [n].
        """
        start = self.tokens.num_rows
        self.digest.update(self.tokens.append(tokens))
        self.offsets.append(start + np.cumsum(lengths))

    def close(self):
        """Close both.  -> str, SHA-256 of dtype, lengths and values."""
        self.digest.update(f"{self.tokens.dtype}".encode())
        for block in self.offsets.blocks():
            self.digest.update(block)
        self.tokens.close()
        self.offsets.close()
        return self.digest.hexdigest()


class TextFiles:
    """One split whose labels are texts, written front to back.

    Args:
        folder: Path of the split; made here.
        sides: names of the sides, see components/data/kinds/base.py.
        dtype: of the tokens.
        raw: True to keep the texts too.
    """

    def __init__(self, folder, sides, dtype, raw):
        folder.mkdir(parents=True)
        self.sizes = GrowingFile(folder / "sizes.npy", "int64", (2,))
        self.tokens = [RaggedFile(folder, side, dtype) for side in sides]
        kept = sides if raw else ()
        self.raw = [RaggedFile(folder, RAW[side], "uint8") for side in kept]

    def append(self, tokens, raw, sizes):
        """Write the next rows.

        Args:
            tokens: list of (int [total], the rows end to end; int [n], their lengths),
                by side.
            raw: the same of uint8, by side; empty if they are not kept.
            sizes: int [n, 2], (characters, bytes) of the labels.
        """
        for file, rows in zip(self.tokens, tokens, strict=True):
            file.append(*rows)
        for file, rows in zip(self.raw, raw, strict=True):
            file.append(*rows)
        self.sizes.append(sizes)

    def close(self):
        """Close all.  -> str, SHA-256 of the tokens."""
        for file in self.raw:
            file.close()
        self.sizes.close()
        digests = [file.close() for file in self.tokens]
        if len(digests) == 1:
            return digests[0]
        return hashlib.sha256("".join(digests).encode()).hexdigest()

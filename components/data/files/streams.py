"""The bytes of a file, unpacked, and the format that its first bytes tell."""

import contextlib
import io
import json
import os
import stat
from pathlib import Path

HEAD = 2**18  # bytes from which the dialect is told
FOLD, FREE = 200, 2**26  # a file may grow so many times, and to so many bytes anyway
PACKED = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bz2"}
JSON = (".json", ".jsonl", ".ndjson")
PACKED_SUFFIXES = (".gz", ".zst", ".bz2")
# first bytes -> what a file is that holds no text
KINDS = {
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"PK\x03\x04": "an Excel file (.xlsx) or another ZIP archive",
    b"\xd0\xcf\x11\xe0": "an old Excel or Word file",
    b"%PDF": "a PDF file",
    b"\xfd7zXZ": "an xz file",
    b"SQLite format 3": "an SQLite database",
    b"\x89HDF": "an HDF5 file",
    b"\x93NUMPY": "a NumPy file",
    b"FEA1": "a Feather file of version 1",
}


@contextlib.contextmanager
def opened(file, span=None):
    """A file to read bytes from; gzip, zstd and bzip2 are unpacked, whatever its name.

    Args:
        file: Path.
        span: (start, stop) bytes of a plain file to read alone, or None for all.

    Raises:
        ValueError: if it cannot be read to its end, or is no file that has an end.
    """
    with positioned(file, span) as (stream, _):
        yield stream


@contextlib.contextmanager
def positioned(file, span=None):
    """As `opened`, with the position in the file as it is on disk.

    Yields:
        (stream, function () -> bytes of the file that have been read).
    """
    import pyarrow as pa

    try:
        with native(file) as raw:
            if span is not None:
                yield Part(raw, *span), raw.tell
                return
            first = raw.read(4)
            raw.seek(0)
            packed = next((p for m, p in PACKED.items() if first.startswith(m)), None)
            if packed is None:
                yield raw, raw.tell
                return
            with pa.CompressedInputStream(raw, packed) as stream:
                yield Unpacked(stream, raw, file), raw.tell
    except (OSError, EOFError) as error:
        raise ValueError(
            f"{file} cannot be read: {error}. Expected a whole file, and a whole "
            "archive if it is packed: replace it, or take it away."
        ) from error


def require_regular(file):
    """Refuse a pipe, a device or a socket: it may have no end, or nobody may write it.

    Raises:
        ValueError: it is one of them.
    """
    with contextlib.suppress(OSError):  # what is not there is refused elsewhere
        mode = os.stat(file).st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise ValueError(
                "a pipe or a device, not a file. Received: "
                f"{os.fsencode(file).decode('utf-8', 'replace')}. Expected a file with "
                "an end: write what it gives into one."
            )


class Unpacked(io.RawIOBase):
    """The bytes of a packed file; a few of them may not become very many.

    Args:
        stream: of unpacked bytes.
        raw: the file, with `tell`.
        file: its name, for the error.
    """

    def __init__(self, stream, raw, file):
        super().__init__()
        self.stream, self.raw, self.file, self.made = stream, raw, file, 0

    def readable(self):
        """True."""
        return True

    def read(self, size=-1):
        """The next bytes, b"" at the end.

        Raises:
            ValueError: far more bytes than the file has.
        """
        if size is None or size < 0:  # piece by piece: all may be too much
            return b"".join(iter(lambda: self.read(FREE), b""))
        data = self.stream.read(size)
        self.made += len(data)
        if self.made > FREE and self.made > FOLD * self.raw.tell():
            raise ValueError(
                f"{self.file} unpacks to more than {FOLD} times its size. Received: "
                f"{self.made:,} bytes of {self.raw.tell():,}, and more to come. "
                "Expected a file that is not made to fill the memory: if its data are "
                "meant, unpack it first."
            )
        return data

    def readinto(self, buffer):
        """Read into a buffer.  -> int, bytes that were read"""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


class Part(io.RawIOBase):
    """A part of a stream, as a stream.

    Args:
        stream: of bytes, which can be sought in.
        start, stop: bytes of it.
    """

    def __init__(self, stream, start, stop):
        super().__init__()
        self.stream, self.left = stream, stop - start
        stream.seek(start)

    def readable(self):
        """True."""
        return True

    def read(self, size=-1):
        """The next bytes, b"" at the end."""
        size = self.left if size is None or size < 0 else min(size, self.left)
        data = self.stream.read(size)
        self.left -= len(data)
        return data

    def readinto(self, buffer):
        """Read into a buffer.  -> int, bytes that were read"""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def native(file):
    """A file as pyarrow reads it.  Path -> pyarrow.NativeFile"""
    import pyarrow as pa

    require_regular(file)
    try:
        return pa.OSFile(str(file))
    except UnicodeEncodeError:  # pyarrow takes only names in UTF-8
        return pa.PythonFile(open(file, "rb"), mode="r")  # noqa: SIM115


def head(file, size=HEAD):
    """The first bytes of a file, unpacked.  -> bytes."""
    with opened(file) as stream:
        return stream.read(size)


def suffix(file):
    """The suffix of a file without that of its packing: ".csv" of "a.csv.gz"."""
    name = Path(file).name.lower()
    for packed in PACKED_SUFFIXES:
        name = name.removesuffix(packed)
    return Path(name).suffix


def kind(file, first):
    """The format of a file of rows.

    Args:
        file: Path.
        first: bytes, its head.

    Returns:
        "parquet", "feather" (Arrow's IPC, file or stream), "json" (an object in each
        line) or "csv" (cells in any dialect).

    Raises:
        ValueError: a file of another kind.
    """
    if first.startswith(b"PAR1"):
        return "parquet"
    if first.startswith((b"ARROW1", b"\xff\xff\xff\xff")):
        return "feather"
    other = next((words for mark, words in KINDS.items() if first.startswith(mark)), "")
    text = first.lstrip(b"\xef\xbb\xbf \t\r\n")
    advice = "give a CSV, JSON lines or Parquet file"
    if not other and text.startswith(b"[") and suffix(file) == ".json":
        other, advice = "one JSON array", "write one object a line: jq -c '.[]' FILE"
    if "Excel" in other:
        advice = "save the sheet as CSV UTF-8"
    if other:
        raise ValueError(
            f"{file} is no CSV file, nor another that is read. Received: {other}. "
            "Expected text with a header in the first line, JSON lines, Parquet or "
            f"Feather: {advice}."
        )
    return "json" if suffix(file) in JSON or is_object(text) else "csv"


def is_object(text):
    """True if the first line of a text is a JSON object.  bytes -> bool"""
    try:
        return isinstance(json.loads(text.split(b"\n", 1)[0]), dict)
    except (ValueError, RecursionError):  # brackets in brackets in brackets
        return False

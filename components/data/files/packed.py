"""Files as bytes, unpacked if their names end in .gz or .zst."""

import contextlib
import gzip
import zlib
from pathlib import Path

PACKED = (".gz", ".zst")


def unpacked_suffix(file):
    """The end of a file's name in small letters, without that of its packing.

    "a.TXT.gz" has ".txt", "a.gz" has ".gz".
    """
    suffixes = [suffix.lower() for suffix in Path(file).suffixes]
    if len(suffixes) > 1 and suffixes[-1] in PACKED:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


@contextlib.contextmanager
def opened(file):
    """A file to read bytes from, unpacked.

    Args:
        file: Path.

    Yields:
        (stream of bytes, function () -> how many bytes of the file have been read).

    Raises:
        ValueError: if it cannot be read to its end.
    """
    try:
        with open(file, "rb") as raw, unpacking(file, raw) as stream:
            yield stream, raw.tell
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(
            f"{file} cannot be read: {error}. Expected a whole file, and a whole "
            "packed file if it ends in .gz or .zst: replace it, or take it away."
        ) from error


def unpacking(file, raw):
    """The stream that unpacks another."""
    match Path(file).suffix.lower():
        case ".gz":
            return gzip.GzipFile(fileobj=raw)
        case ".zst":
            import pyarrow

            return pyarrow.CompressedInputStream(raw, "zstd")
        case _:
            return contextlib.nullcontext(raw)

"""Files of another kind than is read: their kind.

A kind is known by a file's first bytes.
"""

PNG, JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
IMAGES = {PNG: "a PNG image", JPEG: "a JPEG image"}
KINDS = {
    **IMAGES,
    b"GIF8": "a GIF image",
    b"PK\x03\x04": "an Excel file (.xlsx) or another ZIP archive",
    b"\xd0\xcf\x11\xe0": "an old Excel or Word file",
    b"%PDF": "a PDF file",
    b"\x1f\x8b": "a gzip file",
    b"BZh": "a bzip2 file",
    b"\xfd7zXZ": "an xz file",
    b"PAR1": "a Parquet file",
    b"SQLite format 3": "an SQLite database",
    b"\x89HDF": "an HDF5 file",
    b"\x93NUMPY": "a NumPy file",
    b"\xff\xfe": "text in UTF-16",
    b"\xfe\xff": "text in UTF-16",
}
ENDS = {PNG: b"IEND", JPEG: b"\xff\xd9"}  # marks that a whole file has


def known(head):
    """The kind of a file in words, "" if its first bytes tell none.

    Args:
        head: bytes, 16 of them or more if the file has them.
    """
    return next((kind for first, kind in KINDS.items() if head.startswith(first)), "")


def require_image(data, name):
    """Refuse what is surely no whole PNG or JPEG file; a decoder finds the rest.

    Args:
        data: bytes of the file.
        name: of the file, for the error.

    Raises:
        ValueError: what the file is instead.
    """
    first = next((first for first in IMAGES if data.startswith(first)), None)
    if first and ENDS[first] in data:
        return
    if first:
        received = f"{IMAGES[first]} that is cut off after {len(data)} bytes"
    elif not data:
        received = "an empty file"
    else:
        received = known(data) or beginning(data)
    raise ValueError(
        f"{name} is not an image that can be read. Received: {received}. Expected a "
        "whole PNG or JPEG file: replace it, or take it away."
    )


def beginning(data):
    """The first bytes of an unknown file, as text if they are text."""
    try:
        return f"text that begins with {data[:16].decode('ascii')!r}"
    except UnicodeDecodeError:
        return f"bytes that begin with {data[:16]!r}"

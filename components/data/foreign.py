"""Files of another kind than is read: their kind, and the command that converts them.

A kind is known by a file's first bytes.
"""

import json
import re
import shlex
import sys

KINDS = {
    b"\x89PNG\r\n\x1a\n": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
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
SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}


def known(head):
    """The kind of a file in words, "" if its first bytes tell none.

    Args:
        head: bytes, 16 of them or more if the file has them.
    """
    return next((kind for first, kind in KINDS.items() if head.startswith(first)), "")


def require_table(header, file):
    """Refuse a header that shows a file of another kind, or another separator.

    Args:
        header: list of str.
        file: name of the file, for errors.

    Raises:
        ValueError: what the file is.
    """
    if header and (kind := known(header[0].encode())):
        raise ValueError(another_kind(kind, file))
    if len(header) != 1:
        return
    for mark, words in SEPARATORS.items():
        if mark in header[0]:
            # decimal commas would make words of numbers
            decimals = r'.replace(r"^(-?\d+),(\d+)$", r"\1.\2", regex=True)'
            names = (str(file), mark, converted(file))
            old, separator, new = (json.dumps(n, ensure_ascii=False) for n in names)
            code = (
                f"import pandas; pandas.read_csv({old}, sep={separator}, dtype=str, "
                f"keep_default_na=False){decimals if mark == ';' else ''}"
                f".to_csv({new}, index=False)"
            )
            raise ValueError(
                f"{file}: cells divided by {words}. Received: the header "
                f"{header[0]!r}. Expected commas. Convert the file: "
                f"{shlex.join([sys.executable, '-c', code])}"
            )


def not_utf8(error, lines_read, file):
    """The message about bytes that are not UTF-8, with their line.

    Args:
        error: UnicodeDecodeError.
        lines_read: lines of the file before the bytes that were decoded.
        file: name of the file.

    Returns:
        str.
    """
    if not lines_read and (kind := known(error.object)):
        return another_kind(kind, file)
    before, after = error.object[: error.start], error.object[error.start :]
    line = lines_read + 1 + before.count(b"\n")
    # one word around the byte, as most likely meant
    word = re.split(rb"[\s,;]", before)[-1][-20:] + re.split(rb"[\s,;]", after)[0][:20]
    return (
        f"{file}:{line}: text that is not UTF-8. Received: byte 0x{after[0]:02x}, in "
        f"{word.decode('cp1252', 'replace')!r} if it is Windows-1252 (Latin-1). "
        f"Expected UTF-8. Convert the file: {recoded('WINDOWS-1252', file)}"
    )


def recoded(encoding, file):
    """The command that writes a copy of a file in UTF-8."""
    name, new = shlex.quote(str(file)), shlex.quote(converted(file))
    change = f"iconv -f {encoding} -t UTF-8"
    if str(file).endswith(".gz"):
        return f"gunzip -c {name} | {change} > {new}"
    return f"{change} {name} > {new}"


def another_kind(kind, file):
    """The message about a file of another kind."""
    advice = "give a CSV file"
    if "Excel" in kind:
        advice = "save the sheet as CSV UTF-8"
    elif "gzip" in kind:
        advice = "let its name end in .gz, or unpack it"
    elif "UTF-16" in kind:
        advice = f"convert it, {recoded('UTF-16', file)}"
    return (
        f"{file} is no CSV file. Received: {kind}. Expected text in UTF-8, cells "
        f"divided by commas, a header in the first line: {advice}."
    )


def converted(file):
    """Name for a converted copy of a file, beside it."""
    return re.sub(r"(\.csv|\.tsv|\.txt)?(\.gz)?$", "_converted.csv", str(file), count=1)

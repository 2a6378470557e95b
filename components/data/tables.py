"""CSV files, read by one rule at ingest and by `phistar predict`."""

import contextlib
import csv
import gzip
import io
import json
import re
import shlex
import sys
import zlib

from components.data.magic import known

MISSING = ("", "NA", "nan")  # cells without a value, unless others are named
SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}


@contextlib.contextmanager
def opened(file):
    """A file to read bytes from, unpacked if it ends in .gz.

    Raises:
        ValueError: if it cannot be read to its end.
    """
    try:
        with (gzip.open if str(file).endswith(".gz") else open)(file, "rb") as stream:
            yield stream
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(
            f"{file} cannot be read: {error}. Expected a whole file, and a whole gzip "
            "file if it ends in .gz: replace it, or take it away."
        ) from error


def rows(stream, file):
    """Rows of a CSV file, all as long as the header; no blank lines.

    Not by pandas, which fills a short row up and, where all rows are one too long,
    moves every value to the next column.

    Args:
        stream: of bytes.
        file: its name, for errors.

    Yields:
        (int, list of str): the line where a row begins, and its cells. The first row is
        the header; it is [] in an empty file.

    Raises:
        ValueError: if it is not CSV in UTF-8.
    """
    text = io.TextIOWrapper(stream, "utf-8-sig", newline="")
    table, line = csv.reader(text, strict=True), 1
    try:
        header = next(table, [])
        require_table(header, file)
        yield line, header
        line = table.line_num + 1
        for row in table:
            if row and len(row) != len(header):
                raise ValueError(
                    f"{file}:{line}: a row of another length. Received: {len(row)} "
                    f"values. Expected {len(header)}, as the header has."
                )
            if row:
                yield line, row
            line = table.line_num + 1  # a cell may hold ends of line
    except UnicodeDecodeError as error:
        raise ValueError(not_utf8(error, table.line_num, file)) from error
    except csv.Error as error:
        raise ValueError(
            f"{file}:{line}: not a CSV file that can be read. Received: {error}. "
            "Expected cells divided by commas, and quotes that are closed."
        ) from error
    finally:
        if not stream.closed:
            text.detach()  # else it closes stdin


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
            old, separator, new = map(json.dumps, (str(file), mark, converted(file)))
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


def plain_name(column):
    """Name of a column in the data: the header's letters, digits and _."""
    return re.sub(r"\W+", "_", column.strip()).strip("_")


def number(cell):
    """A cell as float, NaN included; None if it is not a number."""
    try:
        return float(cell)
    except ValueError:
        return None

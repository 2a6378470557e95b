"""CSV files, read by one rule at ingest and by `phistar predict`."""

import contextlib
import csv
import gzip
import io
import zlib

from phistar.components.data.foreign import not_utf8, require_table

MISSING = ("", "NA", "nan")  # cells without a value, unless others are named


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


def number(cell):
    """A cell as float, NaN included; None if it is not a number."""
    try:
        return float(cell)
    except ValueError:
        return None

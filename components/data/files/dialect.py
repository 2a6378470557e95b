"""The dialect of a file of cells: separator, quote, encoding, decimal mark.

What is not told is seen in the first bytes of the file.
"""

import codecs
import csv
import io
import re
from dataclasses import dataclass

from phistar.components.data.files import streams

NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins as UTF-16's does
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
SAMPLE_ROWS = 1000
GROUPED = re.compile(r"[-+]?\d{1,3}(,\d{3})+")  # 1,234 may be either
COMMA = re.compile(r"[-+]?\d+,\d+%?")
POINT = re.compile(r"[-+]?\d*\.\d+")


@dataclass(frozen=True)
class Dialect:
    """Marks between and around the cells of a file.

    Args:
        separator: one character between two cells.
        quote: one character around a cell; "" if there is none.
        escape: one character before a quote inside a cell; "" if quotes are doubled.
        encoding: Python's name of it.
        decimal: "." or ","; None if nothing tells it.
        skipped: lines before the header: blank ones, and Excel's "sep=;".
    """

    separator: str = ","
    quote: str = '"'
    escape: str = ""
    encoding: str = "utf-8"
    decimal: str | None = None
    skipped: int = 0

    def __str__(self):
        parts = [f"cells divided by {NAMES.get(self.separator, repr(self.separator))}"]
        if self.quote != '"':
            parts.append(f"quote {self.quote!r}" if self.quote else "no quotes")
        if self.encoding != "utf-8":
            parts.append(f"encoding {self.encoding}")
        if self.decimal == ",":
            parts.append("decimal comma")
        return ", ".join(parts)

    def reader(self, lines):
        """Python's reader of CSV in this dialect; it refuses what is malformed.

        Args:
            lines: iterable of str.
        """
        csv.field_size_limit(2**31 - 1)  # 128 KiB, if nothing is said
        quoting = {"quotechar": self.quote} if self.quote else {"quotechar": None}
        return csv.reader(
            lines,
            delimiter=self.separator,
            quoting=csv.QUOTE_MINIMAL if self.quote else csv.QUOTE_NONE,
            doublequote=not self.escape,
            escapechar=self.escape or None,
            strict=True,
            **quoting,
        )


def dialect(file, separator=None, quote=None, encoding=None, decimal=None):
    """The dialect of a file.

    Args:
        file: Path.
        separator, quote, encoding, decimal: as in Dialect; None for what the file's
            first bytes tell.

    Raises:
        ValueError: an unknown encoding.
    """
    first = streams.head(file)
    encoding = known_encoding(encoding) or encoding_of(first)
    text = codecs.getincrementaldecoder(encoding)("replace").decode(first)
    text = text.removeprefix("\ufeff")
    skipped = 0
    while match := re.match(r"[ \t]*(\r\n|\n|\r)|sep=(.)[ \t]*(\r\n|\n|\r)", text):
        separator = separator or match[2]
        text, skipped = text[match.end() :], skipped + 1
    whole = len(first) < streams.HEAD
    if not whole:  # the last line may be cut
        end = max(text.rfind("\r"), text.rfind("\n"))
        text = text[: end + 1] or text
    separator = separator or separator_of(text, quote, streams.suffix(file))
    quote = quote_of(text, separator) if quote is None else quote
    found = Dialect(
        separator, quote, escape_of(text, separator, quote), encoding, None, skipped
    )
    decimal = decimal or decimal_of(found, text)
    return Dialect(separator, quote, found.escape, encoding, decimal, skipped)


def known_encoding(encoding):
    """An encoding as Python names it; None of None.

    Raises:
        ValueError: Python does not know it.
    """
    if encoding is None:
        return None
    try:
        return codecs.lookup(encoding).name
    except LookupError as error:
        raise ValueError(
            f"no such encoding. Received: {encoding!r}. Expected utf-8, cp1252 (of "
            "Windows), latin-1, utf-16, or another of Python's codecs."
        ) from error


def encoding_of(first):
    """The encoding that a byte order mark tells, else UTF-8."""
    return next((name for mark, name in MARKS if first.startswith(mark)), "utf-8")


def separator_of(text, quote, suffix):
    """The separator whose rows are most often as long as the header."""
    best, best_share = ",", 0.0
    marks = "\t,;|" if suffix in (".tsv", ".tab") else ",;\t|"
    for mark in marks:
        guess = Dialect(mark, quote_of(text, mark) if quote is None else quote)
        lengths = [len(row) for row in sample(guess, text)]
        if not lengths or lengths[0] < 2:
            continue
        share = sum(n == lengths[0] for n in lengths) / len(lengths)
        if share > best_share:
            best, best_share = mark, share
    return best


def quote_of(text, separator):
    """The single quote if it stands around cells and the double quote does not."""
    mark = re.escape(separator)

    def around(quote):
        cell = rf"(?:^|{mark}){quote}[^{quote}\r\n]*{quote}(?={mark}|\r|$)"
        return len(re.findall(cell, text, re.MULTILINE))

    return "'" if around("'") > 1 and not around('"') else '"'


def escape_of(text, separator, quote):
    """A backslash if it stands before quotes inside of cells, else ""."""
    if not quote:
        return ""
    mark = re.escape(separator)
    inside = rf"\\{quote}(?!{mark}|\r|\n|\Z)"
    return "\\" if re.search(inside, text) and quote * 2 not in text else ""


def decimal_of(found, text):
    """The mark that numbers have where only a decimal mark can stand, or None."""
    commas = points = 0
    for row in sample(found, text):
        for cell in map(str.strip, row):
            commas += bool(COMMA.fullmatch(cell) and not GROUPED.fullmatch(cell))
            points += bool(POINT.fullmatch(cell))
    if points:
        return "."
    return "," if commas else None


def sample(found, text):
    """The first rows of a text, as far as they can be read.  -> list of lists."""
    rows = []
    try:
        for row in found.reader(io.StringIO(text, newline="")):
            if row:
                rows.append(row)
            if len(rows) == SAMPLE_ROWS:
                break
    except csv.Error:
        pass  # of the last row, cut off; or not in this dialect
    return rows


def of_another(told, file):
    """Options that a user has told of some files, as far as another one can have them.

    Args:
        told: dict of separator, quote, encoding and decimal.
        file: Path of the other file.

    Returns:
        dict, without a separator that its first line has not, and without the encoding
        of a file in UTF-8.
    """
    first, held = streams.head(file), dict(told)
    line = re.split(rb"[\r\n]", first, maxsplit=1)[0]
    if "separator" in held and held["separator"].encode() not in line:
        del held["separator"]
    if "encoding" in held and (encoding_of(first) != "utf-8" or in_utf8(file)):
        del held["encoding"]
    return held


def in_utf8(file):
    """True if all bytes of a file are UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with streams.opened(file) as stream:
            while block := stream.read(streams.HEAD):
                decoder.decode(block)
        decoder.decode(b"", True)
    except UnicodeDecodeError:
        return False
    return True

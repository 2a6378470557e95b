"""Text files, line by line or whole, as bytes of UTF-8.

A byte order mark is left out. What a text holds is kept: NUL, U+2028 and carriage
returns inside a line too. What the encoder reads as something else is counted.
"""

import contextlib
import io
from functools import partial

from phistar.components.data.files.encodings import HEAD, encoding_of, refusal
from phistar.components.data.files.streams import opened, positioned

FEW_LINES = 1024  # between two reports of how much has been read
LARGEST = 2**26  # characters of a text: some 45 bytes for each are needed
CHANGED = {
    "\ufffd": "texts with U+FFFD, which bytes that were lost before leave behind",
    "\0": "texts with NUL, read as U+FFFD",
    "\r": "lines with a carriage return inside, read as an end of line",
}


class TextFile:
    """A text file.

    Args:
        file: Path; .gz and .zst are unpacked.
        name: of it, for notices and errors.
        encoding: a codec; None is that of the byte order mark, or UTF-8.
        span: (start, stop) bytes to read alone, or None for all; see ranges.py.
        first: number of the line that begins there.
    """

    def __init__(self, file, name, encoding=None, span=None, first=1):
        self.file, self.name, self.told = file, name, encoding
        self.span, self.first = span, first

    def lines(self, counts, read=lambda more: None):
        """The lines without their ends: LF, CR LF, or CR in a file that has no LF.

        Args:
            counts: Counter of notices.
            read: called with how many more bytes of the file have been read.

        Yields:
            bytes, UTF-8.

        Raises:
            ValueError: bytes that the encoding does not have, or a line that is too
                long, with its number.
        """
        with self.decoded() as (text, position):
            before = self.span[0] if self.span else 0
            each = iter(partial(text.readline, LARGEST + 1), "")
            for number, line in enumerate(each, self.first):
                if len(line) > LARGEST:
                    raise ValueError(
                        f"{self.file}:{number}: a line that is too long to be one "
                        f"text. Received: more than {LARGEST:,} characters. Expected "
                        "shorter lines: is this a file of lines?"
                    )
                line = line.rstrip("\r\n")
                line = line.removeprefix("\ufeff") if number == 1 else line
                if "\r" in line or "\0" in line or "\ufffd" in line:
                    noted(line, f"{self.name}:{number}", counts)
                yield line.encode()
                if number % FEW_LINES == 0:
                    read(position() - before)
                    before = position()
            read(position() - before)

    def whole(self, counts, read=lambda more: None):
        """The whole text.  -> bytes, UTF-8; see `lines`."""
        with self.decoded() as (text, position):
            found = text.read(LARGEST + 1)
            if len(found) > LARGEST:
                raise ValueError(
                    f"{self.file}: a text that is too long to be one. Received: a file "
                    f"of more than {LARGEST:,} characters, with ingest.document=file. "
                    "Expected shorter texts: ingest.document=line, or several files."
                )
            read(position())
        found = found.removeprefix("\ufeff")
        noted(found, self.name, counts, whole=True)
        return found.encode()

    def head(self):
        """The first bytes."""
        with opened(self.file) as stream:
            return stream.read(HEAD)

    def encoding(self):
        """The codec, as told or as the first bytes tell.  -> str"""
        return self.told or encoding_of(self.head(), self.file)

    @contextlib.contextmanager
    def decoded(self):
        """The file as a stream of str, and the position in it; see `opened`."""
        head, encoding = self.head(), self.encoding()
        first = head.decode(encoding, "ignore")
        end = "\r" if "\r" in first and "\n" not in first else "\n"
        try:
            with positioned(self.file, self.span) as (stream, position):
                yield io.TextIOWrapper(stream, encoding, newline=end), position
        except UnicodeDecodeError as error:
            with opened(self.file) as stream:
                told = self.told is not None
                wrong = refusal(stream, encoding, self.file, told)
            raise ValueError(wrong) from error


def noted(text, place, counts, whole=False):
    """Count a text that is read as another.

    Args:
        text: str.
        place: of it, in words.
        counts: Counter of notices.
        whole: True for a text of lines: in it CR is an end of line like LF.
    """
    for sign, what in CHANGED.items():
        if sign in text and not (whole and sign == "\r"):
            counts.add(what, place)

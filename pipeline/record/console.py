"""The log of a run: the lines that its user saw on stderr, as plain text."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from phistar.pipeline.process.output import Passing, clean

_CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")  # colours, and moves of the cursor


class Console(Passing):
    """A stream that passes everything on and keeps it."""

    def __init__(self, stream: TextIO):
        super().__init__(stream)
        self.written: list[str] = []

    def write(self, text: str) -> int:
        """Write to the stream, and keep the text."""
        self.written.append(text)
        return self.stream.write(text)

    def flush(self) -> None:
        """Flush the stream."""
        self.stream.flush()

    def text(self) -> str:
        """The lines without colours; of a bar its last state."""
        lines = _CODES.sub("", "".join(self.written)).split("\n")
        # a bar is drawn over itself: what stands after the last return was seen last
        last = (line.rstrip("\r").rpartition("\r")[2].rstrip() for line in lines)
        return clean("\n".join(last).strip("\n") + "\n")


@contextmanager
def kept() -> Iterator[Console]:
    """Keep what is written to stderr in the block."""
    before = sys.stderr
    sys.stderr = console = Console(before)
    try:
        yield console
    finally:
        sys.stderr = before

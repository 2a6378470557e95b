"""Output of a command on the terminal: readable, without secrets, and never fatal.

The user's data have names of their own, and a name may hold what a terminal obeys:
`ESC ]0;` sets its title, others move the cursor. `clean` shows such signs as `\\u001b`.
`streams` lets all that this process prints through it. A stderr that is closed or full
ends no run: its lines are lost, the run is not.
"""

import contextlib
import io
import os
import re
import select
import sys
from collections.abc import Iterator
from typing import TextIO

from phistar.pipeline.process.credentials import redacted

# C0 and C1 but tab, newline and return; a return in a line, which hides its beginning
CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]|(?<=[^\r])\r(?=[^\r\n])")
LONGEST = 10_000  # letters of a line that is for people
LONG = re.compile(f"([^\\n]{{{LONGEST}}})[^\\n]+")
COLOUR = re.compile(r"(\x1b\[[0-9;]{0,8}m)")  # harmless, and our own


def clean(text: str, colours: bool = False) -> str:
    """A text whose control characters are readable, and that holds no secret.

    Args:
        text: any.
        colours: True keeps codes of colours as they are.
    """
    text = redacted(text)
    if not CONTROLS.search(text):
        return text
    parts = COLOUR.split(text) if colours else [text]
    parts[::2] = [CONTROLS.sub(_escaped, part) for part in parts[::2]]
    return "".join(parts)


def brief(text: str) -> str:
    """The text, long lines cut where nobody reads on: a name may have 10**6 letters."""
    return LONG.sub(r"\1…", text) if len(text) > LONGEST else text


def _escaped(match: re.Match) -> str:
    """A sign as JSON has it: in an answer in JSON it stays the same sign."""
    return f"\\u{ord(match[0]):04x}"


class Passing(io.TextIOBase):
    """A stream in front of another one.

    Args:
        stream: of text.
    """

    def __init__(self, stream: TextIO):
        self.stream = stream

    def isatty(self) -> bool:
        """True if the stream is a terminal."""
        return self.stream.isatty()

    def fileno(self) -> int:
        """The stream's descriptor."""
        return self.stream.fileno()

    @property
    def encoding(self) -> str:
        """The stream's encoding."""
        return self.stream.encoding

    @property
    def errors(self) -> str:
        """The stream's way with letters that its encoding lacks."""
        return self.stream.errors


class Clean(Passing):
    """A stream that passes on what `clean` leaves.

    Args:
        stream: of text.
        needed: False lets a write that fails be lost.
    """

    def __init__(self, stream: TextIO, needed: bool = True):
        super().__init__(stream)
        self.needed = needed

    def write(self, text: str) -> int:
        """Write to the stream."""
        with self._trying():
            shown = clean(text if self.needed else brief(text), self.isatty())
            try:
                self.stream.write(shown)
            except UnicodeEncodeError as error:  # half a surrogate pair, of a file name
                encoding = error.encoding
                shown = shown.encode(encoding, "backslashreplace").decode(encoding)
                self.stream.write(shown)
        return len(text)

    def flush(self) -> None:
        """Flush the stream, unless it is closed: Python flushes it once more."""
        with self._trying():
            if not self.stream.closed:
                self.stream.flush()

    @contextlib.contextmanager
    def _trying(self) -> Iterator[None]:
        """Let a failure pass where nobody needs what is written."""
        try:
            yield
        except (OSError, ValueError):  # full, closed, a pipe without a reader
            if self.needed:
                raise
            with contextlib.suppress(OSError, ValueError):
                # what the stream has kept would fail again at the end of the process
                discard(self.fileno())


@contextlib.contextmanager
def streams() -> Iterator[None]:
    """Let stdout and stderr be clean in the block, and a lost stderr be no failure."""
    require_descriptors()
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = Clean(sys.stdout), Clean(sys.stderr, needed=False)
    try:
        yield
    finally:
        sys.stderr.flush()
        sys.stdout, sys.stderr = before


def require_descriptors() -> None:
    """Open stdin, stdout and stderr where the shell has closed them (`2>&-`).

    Else the next file that is opened would be one of them, and get what libraries
    print. Python has no stream for one that was closed at its start.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            discard(number)
    for name, number in (("stdout", 1), ("stderr", 2)):
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "w", encoding="utf-8"))  # noqa: SIM115


def last_word(text: str, descriptor: int = 2) -> None:
    """Write a line if that is possible within a second.

    For a process that ends whatever happens: nobody may read the pipe, or it is closed.
    """
    with contextlib.suppress(OSError, ValueError):
        if select.select([], [descriptor], [], 1.0)[1]:
            # a pipe that takes anything takes so much at once
            os.write(descriptor, f"{clean(text)}\n".encode()[: select.PIPE_BUF])


def discard(number: int) -> None:
    """Let a descriptor lead nowhere."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    if nowhere != number:
        os.dup2(nowhere, number)
        os.close(nowhere)

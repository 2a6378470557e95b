"""Lines and progress for the user, on stderr: stdout belongs to the answer.

On a terminal the work in progress is drawn at the bottom (live.py), below the lines
that stay. Elsewhere (a file, a pipe, CI) there are plain lines only: one for each set
of metrics, and in long work one each half minute.
"""

import contextlib
import os
import shutil
import sys
import textwrap
import time
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import TextIO

from phistar.components import progress
from phistar.pipeline.process import output

PLAIN_VALUES = 6
PLAIN_SECONDS = 30.0  # between two plain lines about work that has no metrics
STYLES = {"bold": 1, "dim": 2, "red": 31, "green": 32, "yellow": 33, "cyan": 36}

_titles: list[str] = []  # of the blocks of `working`, the innermost last
_shown: list["Progress"] = []  # work in progress on a terminal, the innermost last
_live = None  # the drawing of the last one
_last_line = 0.0  # time of the last plain line, monotonic


class Progress:
    """Progress of one piece of work, often a stage: the terminal side of a `Journal`.

    It is a listener of `components.progress`. Its attributes are what is drawn.

    Args:
        title: short word in front of the bar or line, often the stage's name.

    Attributes:
        began: time of its start, monotonic.
        text: the part of the work that is being done.
        part: (done, total or None, unit) of that part, or None.
        whole: (step, total) of all of the work, or None.
        start: (time, number done) from which the time left is estimated.
        values: newest metrics by name.
    """

    def __init__(self, title: str = ""):
        self.title, self.began = title, time.monotonic()
        self.text, self.part, self.whole, self.values = "", None, None, {}
        self.start = None

    def doing(self, text: str) -> None:
        """Name the part of the work that begins."""
        self.text, self.part = text, None
        if self.whole is None:
            self.start = None
        self._plain()
        self.open()

    def count(self, done: int, total: int | None, unit: str) -> None:
        """Tell how much of the part is done; cheap enough to call for every batch."""
        if self.whole is None and (self.part is None or done < self.part[0]):
            self.start = time.monotonic(), done
        self.part = done, total, unit
        self._plain()
        self.open()

    def show(self, step: int, total: int, values: dict) -> None:
        """Move the bar to `step` of `total`; cheap enough to call every step."""
        if self.whole is None:
            # A resumed training starts at `step`: without it the time left would
            # count steps that this process never took.
            self.start = time.monotonic(), step
        self.whole, self.values = (step, total), values
        self.text, self.part = "", None
        self.open()

    def line(self, step: int, values: dict) -> None:
        """Print `values` as a plain line, except on a terminal, which has the bar."""
        if is_live() or not self.whole:
            return
        place = f"step {step}/{self.whole[1]}"
        shown = [f"{k} {brief(v)}" for k, v in list(values.items())[:PLAIN_VALUES]]
        if len(values) > PLAIN_VALUES:
            shown.append(f"and {len(values) - PLAIN_VALUES} more")
        note("  ".join([" ".join([self.title, place]).strip(), *shown]))

    def open(self) -> None:
        """Show this work in front of the work that it is a part of."""
        if self not in _shown and is_live():
            _shown.append(self)
            _draw()

    def close(self) -> None:
        """Show this work no longer."""
        if self in _shown:
            if _live and self is _shown[-1]:
                _live.refresh()  # work of less than a redraw is seen too
            _shown.remove(self)
            _draw()

    def _plain(self) -> None:
        """Print a plain line if there was none for a while."""
        since = max(_last_line, self.began)
        if is_live() or time.monotonic() - since < PLAIN_SECONDS:
            return
        note("  ".join(filter(None, [self.title, self.text, counted(self.part)])))


@contextlib.contextmanager
def working(title: str, text: str = "") -> Iterator[Progress]:
    """Show work in progress while the block runs, and listen to its progress.

    Args:
        title: in front of it, and in front of all work inside the block.
        text: the part of the work that is done first.
    """
    shown = Progress(title)
    shown.text = text
    shown.open()
    _titles.append(title)
    try:
        with progress.listening(shown):
            yield shown
    finally:
        _titles.pop()
        shown.close()


@contextlib.contextmanager
def paused() -> Iterator[None]:
    """Draw nothing while the block runs: another process has the terminal."""
    if _live:
        _live.pause()
    try:
        yield
    finally:
        if _live:
            _live.resume()


def titled(title: str) -> str:
    """A title behind those of the work that it is a part of: "preflight: train"."""
    return ": ".join(filter(None, [*_titles, title]))


def _draw() -> None:
    """Begin or end the drawing, as there is work to show or none."""
    global _live
    if _shown and _live is None:
        from phistar.pipeline.process.live import Drawing  # rich, only where it is used

        _live = Drawing(lambda: _shown[-1] if _shown else None)
    elif not _shown and _live is not None:
        _live.stop()
        _live = None


def is_live() -> bool:
    """True if stderr is a terminal that can draw a line again."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def note(text: str) -> None:
    """Write a line for the user that is not the answer of the command."""
    global _last_line
    _last_line = time.monotonic()
    # above the work in progress: live.py stands in for sys.stderr
    print(output.clean(output.brief(text), is_live()), file=sys.stderr, flush=True)


def note_dropped(keys: list[str]) -> None:
    """Write a line about keys of a recipe that another choice has made void."""
    if keys:
        note(f"dropped, since another choice: {', '.join(keys)}")


def paint(text: str, style: str, stream: TextIO | None = None) -> str:
    """A text in a style of STYLES, if the stream (stderr) is a terminal with colours.

    NO_COLOR turns colours off: https://no-color.org.
    """
    stream = stream or sys.stderr
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    if not text or plain or not stream.isatty():
        return text
    return f"\x1b[{STYLES[style]}m{text}\x1b[0m"


def width(stream: TextIO | None = None) -> int | None:
    """Columns of the terminal that the stream (stdout) is; None if it is none."""
    stream = stream or sys.stdout
    return shutil.get_terminal_size().columns if stream.isatty() else None


def wrapped(text: str, columns: int | None = None) -> list[str]:
    """The lines of a text in so many columns, those of the terminal by default.

    Where stdout is no terminal it stays one line.
    """
    columns = columns or width()
    return (textwrap.wrap(text, columns - 1) if columns else [text]) or [""]


def brief(value: object) -> str:
    """A float in four significant digits, anything else as it is."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def counted(part: tuple[int, int | None, str] | None) -> str:
    """The share that is done: "1,200 of 34,140 rows"; "" for nothing."""
    if part is None or not (part[0] or part[1]):
        return ""
    done, total, unit = part
    return f"{done:,} {unit}" if total is None else f"{done:,} of {total:,} {unit}"


def duration(seconds: float) -> str:
    """A time as people read it: "0.4 s", "12 s", "3 min 5 s", "1 h 2 min"."""
    if round(seconds, 1) < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    for size, unit, part, smaller in (
        (86400, "d", 3600, "h"),
        (3600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if whole >= size:
            # rounded to the smaller unit before it is divided: no "59 min 60 s"
            count, rest = divmod(round(whole / part), size // part)
            return f"{count} {unit} {rest} {smaller}" if rest else f"{count} {unit}"


def nearest(word: object, known: Iterable) -> str:
    """A hint for the end of an error: the known word that looks most like it, or ""."""
    found = get_close_matches(str(word), list(map(str, known)), 1)
    return f" Did you mean {found[0]}?" if found else ""

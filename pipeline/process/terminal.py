"""Progress of a stage on the terminal, and lines for the user.

On a terminal: one bar with the newest values and the time left. Elsewhere (a file, a
pipe, CI): a plain line for each set of metrics, and nothing in between. Everything
goes to stderr, because stdout belongs to the answer of the command.
"""

import sys
import time
from collections.abc import Iterable
from difflib import get_close_matches

REDRAW_SECONDS = 0.1
PLAIN_VALUES = 6


class Progress:
    """Terminal side of a `Journal`.

    Args:
        title: short word in front of the bar or line, often the stage's name.
    """

    def __init__(self, title: str = ""):
        self.title = title
        self.tty = sys.stderr.isatty()
        self.total = None
        self._bar = None
        self._drawn = 0.0

    def show(self, step: int, total: int, values: dict) -> None:
        """Move the bar to `step` of `total`; cheap enough to call every step."""
        self.total = total
        if not self.tty:
            return
        now = time.monotonic()
        if now - self._drawn < REDRAW_SECONDS and step < total:
            return
        self._drawn = now
        if self._bar is None:
            from tqdm import tqdm

            # A resumed training starts at `initial`: without it the time left
            # would count steps that this process never took.
            self._bar = tqdm(
                total=total,
                initial=step,
                desc=self.title or None,
                file=sys.stderr,
                dynamic_ncols=True,
                mininterval=0,
            )
        self._bar.set_postfix({k: brief(v) for k, v in values.items()}, refresh=False)
        self._bar.update(step - self._bar.n)
        if step >= total:
            self.close()

    def line(self, step: int, values: dict) -> None:
        """Print `values` as a plain line, except on a terminal, which has the bar."""
        if self.tty or not self.total:
            return
        place = f"step {step}/{self.total}"
        shown = [f"{k} {brief(v)}" for k, v in list(values.items())[:PLAIN_VALUES]]
        if len(values) > PLAIN_VALUES:
            shown.append(f"and {len(values) - PLAIN_VALUES} more")
        print(" ".join([self.title, place]).strip(), *shown, sep="  ", file=sys.stderr)

    def close(self) -> None:
        """End the bar, so that the next message starts on its own line."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def brief(value: object) -> str:
    """A float in four significant digits, anything else as it is."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def note(text: str) -> None:
    """Write a line for the user that is not the answer of the command."""
    print(text, file=sys.stderr, flush=True)


def nearest(word: object, known: Iterable) -> str:
    """A hint for the end of an error: the known word that looks most like it, or ""."""
    found = get_close_matches(str(word), list(map(str, known)), 1)
    return f" Did you mean {found[0]}?" if found else ""

"""Commands on a terminal of their own, with the time of each thing that they write."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import time
from typing import NamedTuple

from tests.helpers.commands import CODE

CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Shown(NamedTuple):
    """What a terminal has been sent.

    Args:
        status: of the command.
        text: all of it, with the codes.
        silences: seconds between two writes, and before the first.
        load: the largest load average meanwhile, for each core.
    """

    status: int
    text: str
    silences: list[float]
    load: float

    @property
    def plain(self):
        """The text without codes; what is drawn over is still in it."""
        return CODES.sub("", self.text)


def on_terminal(*words, root, columns=80, rows=30, **environment):
    """Run a command to its end.  -> Shown.

    Args:
        *words: after `phistar`.
        root: for --root.
        columns, rows: size of the terminal.
        **environment: variables.
    """
    root.mkdir(parents=True, exist_ok=True)
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    kept = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "NO_COLOR")}
    kept |= {"TERM": "xterm-256color", "PYTHONPATH": str(CODE), **environment}
    process = subprocess.Popen(
        [sys.executable, "-m", "phistar", *words, "--root", str(root)],
        cwd=root.parent,
        env=kept,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    last, parts, silences, load = time.monotonic(), [], [], 0.0
    while True:
        try:
            part = os.read(ours, 2**16)
        except OSError:  # Linux: all writers are gone
            part = b""
        now = time.monotonic()
        silences.append(now - last)
        last, load = now, max(load, os.getloadavg()[0] / os.cpu_count())
        if not part:
            break
        parts.append(part)
    os.close(ours)
    text = b"".join(parts).decode()
    return Shown(process.wait(), text, silences, load)

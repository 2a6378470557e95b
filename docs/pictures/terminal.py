"""README's terminal: a run of breast_cancer as it was seen, drawn as a moving picture.

    .venv-docs/bin/python docs/pictures/terminal.py .venv/bin/phistar

The command runs on a terminal of its own, in an empty project. pyte keeps the screen as
a terminal would; a screen that stays for a while becomes a frame of the picture.
"""

import codecs
import fcntl
import os
import pty
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path
from xml.sax.saxutils import escape

import pyte
from svg import picture, write

COLUMNS, ROWS = 80, 30
COMMAND = ("run", "breast_cancer")
STEP = 1.0  # s of the run between two frames, at least
FRAMES = 24  # at most
PACE, LAST = 0.3, 8.0  # s that a frame is shown, and the last one
WIDE, HIGH = 8.4, 18  # pixels of a character
COLOURS = {
    "default": "#d6dde6",
    "red": "#ff7b72",
    "green": "#7ee787",
    "brown": "#e3b341",
    "cyan": "#79c0ff",
    "magenta": "#d2a8ff",
}


def watch(command, columns=COLUMNS, rows=ROWS):
    """Run a command on a terminal.  -> the frames, each a tuple of rows of cells"""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    kept = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "NO_COLOR")}
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=kept | {"TERM": "xterm-256color"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        screen = pyte.Screen(columns, rows)
        stream, decoder = pyte.Stream(screen), codecs.getincrementaldecoder("utf-8")()
        frames, last = [], 0.0
        while part := read(ours):
            stream.feed(decoder.decode(part))
            if time.monotonic() - last > STEP:
                frames.append(cells(screen))
                last = time.monotonic()
        frames.append(cells(screen))
        if process.wait():
            raise RuntimeError("\n".join(screen.display))
    before = [None, *frames]
    new = [f for f, b in zip(frames, before, strict=False) if f != b]
    chosen = {round(n * (len(new) - 1) / (FRAMES - 1)) for n in range(FRAMES)}
    return [new[number] for number in sorted(chosen)]


def read(terminal):
    """What was written; empty when all writers are gone.  -> bytes"""
    try:
        return os.read(terminal, 2**16)
    except OSError:
        return b""


def cells(screen):
    """The screen.  -> tuple of rows: each a tuple of (text, colour, bold)"""
    rows = []
    for y in range(screen.lines):
        spans = []
        for x in range(screen.columns):
            cell = screen.buffer[y][x]
            look = cell.fg, cell.bold
            if spans and spans[-1][1:] == look:
                spans[-1] = spans[-1][0] + cell.data, *look
            else:
                spans.append((cell.data, *look))
        rows.append(tuple(spans))
    return tuple(rows)


def terminal(frames, typed):
    """The picture.  -> str"""
    used = 1 + max(n for f in frames for n, row in enumerate(f) if plain(row))
    high = (used + 3) * HIGH
    total = PACE * len(frames) + LAST
    said = f"$ {typed}"
    parts = [
        '<rect width="100%" height="100%" rx="8" fill="#0d1117"/>',
        f'<g transform="translate(14 26)">{line(((said, "default", True),), 0)}</g>',
    ]
    for number, frame in enumerate(frames):
        first, end = number * PACE / total, (number + 1) * PACE / total
        lines = "".join(line(row, n + 1) for n, row in enumerate(frame) if plain(row))
        # the last frame is what a reader sees where nothing moves
        shown = "inline" if number == len(frames) - 1 else "none"
        if shown == "inline":
            times, values = f"0;{first:.4f}", "none;inline"
        else:
            times, values = f"0;{first:.4f};{end:.4f}", "none;inline;none"
        parts.append(
            f'<g transform="translate(14 26)" display="{shown}">'
            f'<animate attributeName="display" calcMode="discrete" dur="{total:g}s" '
            f'repeatCount="indefinite" keyTimes="{times}" values="{values}"/>'
            f"{lines}</g>"
        )
    style = "text { font: 14px ui-monospace, Menlo, Consolas, monospace; }"
    width = round(COLUMNS * WIDE) + 28
    return picture(
        width, high, f"A terminal: {typed}, and what it prints", parts, style
    )


def plain(row):
    """The text of a row, without spaces at its end.  -> str"""
    return "".join(span[0] for span in row).rstrip()


def line(row, number):
    """One row as text.  -> str"""
    spans, column = [], 0
    for words, colour, bold in row:
        if words.strip():
            fill = COLOURS.get(colour, COLOURS["default"])
            weight = ' font-weight="600"' if bold else ""
            # a place and a width for each span: no font is asked how wide it is
            size = f'x="{column * WIDE:.1f}" textLength="{len(words) * WIDE:.1f}"'
            spans.append(f'<tspan {size} fill="{fill}"{weight}>{escape(words)}</tspan>')
        column += len(words)
    return f'<text y="{number * HIGH}" xml:space="preserve">{"".join(spans)}</text>\n'


if __name__ == "__main__":
    program = Path(sys.argv[1]).absolute()
    write(
        "terminal.svg",
        terminal(watch([program, *COMMAND]), " ".join(["phistar", *COMMAND])),
    )

"""The pages and their blocks: what is typed, what comes out, files that are shown."""

import re
from typing import NamedTuple

from tests.helpers.commands import CODE

PAGES = ["README.md", "CONTRIBUTING.md"]
PAGES += sorted(p.relative_to(CODE).as_posix() for p in (CODE / "docs").rglob("*.md"))
MADE = ("keys.md", "commands.md", "metrics.md", "signatures.md", "exit-statuses.md")
FENCE = re.compile(r"^```(\w+)(?: title=\"([^\"]+)\")?\n(.*?)^```$", re.M | re.S)


class Block(NamedTuple):
    """One block of a page.

    Args:
        kind: sh, python, yaml, text.
        title: name of the file that it shows, or "".
        text: its lines.
        line: of the page, from 1.
    """

    kind: str
    title: str
    text: str
    line: int


def blocks(page):
    """The fenced blocks of a page, in order.  -> list of Block"""
    text = (CODE / page).read_text("utf-8")
    return [
        Block(m[1], m[2] or "", m[3], text.count("\n", 0, m.start()) + 1)
        for m in FENCE.finditer(text)
    ]


def masked(text):
    """A text without what varies: numbers, ids, the path of the root, runs of spaces.

    Returns:
        list of lines that are not empty.
    """
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    text = re.sub(r"\b[0-9a-f]{8,}\b", "N", text)
    text = re.sub(r"\d+ (?:h|min) (?:\d+ (?:min|s))?", "0 s", text)
    text = re.sub(r"-?\d+(?:[.,:]\d+)*(?:e-?\d+)?", "N", text)
    lines = (" ".join(line.split()) for line in text.splitlines())
    return [line for line in lines if line]

"""The King James Bible, chapter by chapter.

Fetched from Debian's archive: sword-text-kjv 14.3-1 (public domain; in the United
Kingdom letters patent restrict its printing). Source: The Holy Bible, 1769 edition;
eBible.org's engKJV2006eb as a module of the SWORD project.
"""

import html
import re
import struct
import tempfile
import zlib
from pathlib import Path

from phistar.components.data.sources.base import Chunks, Rows, Source, objects
from phistar.components.data.sources.fetch import debian, require_debian

PACKAGE = "sword-text-kjv"
SHA256 = "9f463f28ce665f6f528fc723179722bced880a4c5485f7a41bf742838315de57"
MODULE = "usr/share/sword/modules/texts/ztext/engKJV2006eb"
CHAPTER = re.compile(r'<chapter n="\d+" osisID="[^"]+"')
# Notes, titles and the Hebrew letters in Psalm 119 are the editor's, not of the text.
LEFT_OUT = re.compile(r"<(note|title|foreign)\b[^>]*?(?:/>|>.*?</\1>)", re.DOTALL)
TAG = re.compile(r"<[^>]+>")
LEFT_OVER = re.compile(r"¶|\\nd ")  # the editor's sign, and a tag that OSIS left over
SPACE = re.compile(r"\s+")


def kjv():
    """1,189 chapters, 4.1 million characters; a line is a verse.

    Returns:
        Source of texts, without splits; a text is a chapter.
    """
    return Source(
        name="kjv",
        kind="text",
        fingerprint={PACKAGE: SHA256},
        read=lambda: {"all": Chunks(_read)},
        require=lambda: require_debian(PACKAGE, SHA256),
    )


def _read():
    """All chapters in the order of the canon.  -> iterator of Rows."""
    with tempfile.TemporaryDirectory(prefix="phistar-kjv-") as folder:
        debian(PACKAGE, Path(folder), SHA256)
        texts = []
        for testament in ("ot", "nt"):
            entries = verses(Path(folder) / MODULE, testament)
            texts += [text.encode() for text in chapters(entries)]
    yield Rows(None, objects(texts))


def verses(folder, testament):
    """The entries of a testament in the order of the canon, with their markup.

    A module has three files: deflated blocks of one book each (bzz), the position of
    each block (bzs), and the position of each entry in its block (bzv).

    Args:
        folder: Path of the module.
        testament: "ot" or "nt".

    Returns:
        list of str, "" for an empty entry.

    Source: the SWORD project, `zverse.cpp`.
    """
    blocks, packed, entries = (
        (folder / f"{testament}.{end}").read_bytes() for end in ("bzs", "bzz", "bzv")
    )
    books = [
        zlib.decompress(packed[start : start + size])
        for start, size, _ in struct.iter_unpack("<III", blocks)
        if size
    ]
    return [
        books[book][start : start + size].decode() if size else ""
        for book, start, size in struct.iter_unpack("<IIH", entries)
    ]


def chapters(entries):
    """Entries with markup -> texts, one for each chapter.

    Args:
        entries: list of str; the entry that opens a chapter is before its verses.

    Returns:
        list of str, lines that end in a newline.
    """
    found = []
    for entry in entries:
        if CHAPTER.search(entry):
            found.append([])
        text = html.unescape(TAG.sub("", LEFT_OUT.sub("", entry)))
        text = SPACE.sub(" ", LEFT_OVER.sub("", text)).strip()
        # entries before the first chapter are not verses
        if text and found:
            found[-1].append(text + "\n")
    return ["".join(lines) for lines in found]

"""The encoding of files that are not UTF-8: a guess, and a word that shows it."""

import codecs
import re
from pathlib import Path

from phistar.components.data.files import dialect, streams
from phistar.components.data.files.encodings import is_foreign, likely_encoding
from phistar.pipeline.init.guess import Line

HEAD = 2**22  # bytes of a file that are looked at
SAMPLE = 2**12  # bytes of lines that are not UTF-8
FILES = 20


def encoding_line(files: list[Path]) -> Line | None:
    """The key `encoding`; None where the files tell it, by a mark or as UTF-8.

    Args:
        files: of one data set; the first ones are looked at.
    """
    for file in files[:FILES]:
        head = streams.head(file, HEAD)
        if head.startswith(tuple(streams.KINDS)) or is_typed(head) or in_utf8(head):
            continue
        foreign = b"\n".join(filter(is_foreign, head.split(b"\n")))[:SAMPLE]
        likely = likely_encoding(foreign)
        word = next(filter(str.strip, words(foreign, likely)), "")
        why = f"{file.name} is not UTF-8; by its letters"
        return Line("encoding", likely, why, f"is this a word, {word!r}?")
    return None


def is_typed(head: bytes) -> bool:
    """True of Parquet, Feather, and files whose byte order mark tells the encoding."""
    marked = dialect.encoding_of(head) != "utf-8"
    return marked or head.startswith((b"PAR1", b"ARROW1", b"\xff\xff\xff\xff"))


def in_utf8(head: bytes) -> bool:
    """True if the first bytes of a file are UTF-8; the last letter may be cut."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return True


def words(text: bytes, encoding: str) -> list[str]:
    """Words that have a letter beyond ASCII."""
    return re.findall(r"\w*[^\W\x00-\x7f]\w*", text.decode(encoding, "replace"))

"""The encoding of a text file: told, by its mark, or UTF-8; and what is wrong if not.

Bytes that the encoding does not have are refused with their line. They are never turned
into U+FFFD in silence.
"""

import codecs
import re
import unicodedata

from phistar.components.data.files import dialect, streams

HEAD = 2**16  # bytes of a file that tell its encoding and its ends of line
NEAR = 2**12  # bytes around a wrong one that tell the likely encoding
TABLES = {b"PAR1": "a Parquet file", b"ARROW1": "a Feather file"}
ZEROS = 0.3  # share of NUL on even or on odd places that text in UTF-8 never has
WESTERN = "windows-1252"


def require_encoding(encoding):
    """Refuse the name of an encoding of texts that Python does not know.

    Args:
        encoding: value of `ingest.encoding`, None for none.

    Raises:
        ValueError: with names that are known.
    """
    try:
        if encoding is None or codecs.lookup(encoding)._is_text_encoding:
            return
    except (LookupError, ValueError):  # a NUL in the name is a ValueError
        pass
    raise ValueError(
        f"no such encoding. Received: ingest.encoding={encoding!r}. Expected a name "
        "like utf-8, windows-1252, iso-8859-15, utf-16-le, shift_jis or gb18030."
    )


def encoding_of(head, file):
    """The encoding of a file without a told one.

    Args:
        head: bytes, its first ones.
        file: its name, for the error.

    Returns:
        str, a codec: that of the byte order mark, else UTF-8.

    Raises:
        ValueError: text in UTF-16 without a mark, or a file of another kind.
    """
    marked = dialect.encoding_of(head)
    if marked != "utf-8":
        return marked
    kinds = (streams.KINDS | TABLES).items()
    kind = next((words for mark, words in kinds if head.startswith(mark)), "")
    if kind:
        raise ValueError(
            f"{file} is no text. Received: {kind}. Expected text in UTF-8, or a table "
            "with `ingest.text`, the name of its column of texts."
        )
    sides = [head[start:NEAR:2] for start in (0, 1)]
    for side, codec in zip(sides, ("utf-16-be", "utf-16-le"), strict=True):
        if side and side.count(0) > ZEROS * len(side):
            raise ValueError(
                f"{file}: text that is not UTF-8. Received: NUL in every other byte, "
                f"so {codec.upper()} without a byte order mark. Expected UTF-8, or the "
                f"encoding's name: ingest.encoding={codec}."
            )
    return "utf-8"


def refusal(stream, encoding, file, told):
    """The message about the first bytes of a file that its encoding does not have.

    Args:
        stream: of bytes, at its beginning.
        encoding: a codec.
        file: its name.
        told: True if `ingest.encoding` names the codec.

    Returns:
        str, with the line.
    """
    decoder, lines, mixed = codecs.getincrementaldecoder(encoding)(), 0, False
    while True:
        block = stream.read(HEAD)
        try:
            text = decoder.decode(block, final=not block)
            lines += text.count("\n")
            mixed = mixed or not text.isascii()
        except UnicodeDecodeError as error:
            data, start = error.object, error.start
            break
        if not block:
            return f"{file} has changed while it was read. Run it again."
    text = data[:start].decode(encoding, "replace")
    line = lines + 1 + text.count("\n")
    wrong = f"byte 0x{data[start]:02x}" if start < len(data) else "an end too early"
    if told:
        return (
            f"{file}:{line}: text that is not {encoding}. Received: {wrong}, with "
            f"ingest.encoding={encoding}. Expected the file's own encoding: leave the "
            "key out for UTF-8, or name another."
        )
    near = data[max(0, start - NEAR // 2) : start + NEAR // 2]
    likely = likely_encoding(b"\n".join(filter(is_foreign, near.split(b"\n"))))
    # the word around the byte, as most likely meant
    before, after = (
        data[max(0, start - 20) : start].decode(likely, "replace"),
        data[start : start + 20].decode(likely, "replace"),
    )
    word = re.split(r"\s", before)[-1] + re.split(r"\s", after)[0]
    advice = f"UTF-8, or the encoding's name: ingest.encoding={likely}"
    if mixed or not text.isascii():
        # a name would make other words of those that are UTF-8
        advice = "UTF-8, which the text before it is: correct the line"
    return (
        f"{file}:{line}: text that is not UTF-8. Received: {wrong}, in {word!r} if it "
        f"is {likely}. Expected {advice}."
    )


def is_foreign(line):
    """True if bytes are not UTF-8."""
    try:
        line.decode()
    except UnicodeDecodeError:
        return True
    return False


def likely_encoding(sample):
    """The encoding that some bytes, which are not UTF-8, most likely have.

    Args:
        sample: bytes.

    Returns:
        str, a name that Python knows.
    """
    high = sample.decode("cp1252", "replace")
    high = [one for one in high if ord(one) > 127]
    letters = sum(chr(byte).isalpha() for byte in sample if byte < 128)
    # words of Western languages: mostly letters of ASCII, the others letters or quotes
    if letters > len(high) and all(map(western, high)):
        return WESTERN
    import charset_normalizer

    best = charset_normalizer.from_bytes(sample).best()
    return best.encoding if best and best.encoding != "utf_8" else WESTERN


def western(character):
    """True for a letter, or a sign of Western texts: quotes, dashes, €, §, °."""
    return character.isalpha() or (
        unicodedata.category(character) in ("Pi", "Pf", "Pd", "Ps")
        or character in "…€§°£·•\xa0"
    )

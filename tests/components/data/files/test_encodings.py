"""Encodings of text files: read as marked or told, refused with line and advice."""

import gzip

import pytest

from phistar.components.data.files.encodings import require_encoding
from phistar.components.data.files.texts import TextFile
from phistar.components.data.notices import Counter

GERMAN = "eins\nzwei Häuser\nMaße für\u2028Größen\n"
WORDS = {
    "windows-1252": "one\nl’été à la plage\n",
    "windows-1250": "one\nZażółć gęślą jaźń, proszę państwa\n",
    "windows-1251": "one\nСъешь же ещё этих мягких французских булок\n",
    "shift_jis": "one\nいろはにほへと ちりぬるを わかよたれそ つねならむ\n",
    "gb18030": "one\n我能吞下玻璃而不伤身体。这是一个测试文件\n",
}


def lines(tmp_path, content, encoding=None):
    """The lines of a file with this content."""
    file = tmp_path / "a.txt"
    file.write_bytes(content)
    return [one.decode() for one in TextFile(file, "a.txt", encoding).lines(Counter())]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_tells_the_encoding(tmp_path, encoding):
    assert lines(tmp_path, GERMAN.encode(encoding)) == GERMAN.split("\n")[:-1]


@pytest.mark.parametrize("encoding", [*WORDS, "utf-16-le", "utf-16-be"])
def test_another_encoding_is_refused_and_read_if_it_is_told(tmp_path, encoding):
    text = WORDS.get(encoding, GERMAN)
    with pytest.raises(ValueError, match=r"a.txt.*: text that is not UTF-8") as error:
        lines(tmp_path, text.encode(encoding))
    told = str(error.value).rpartition("ingest.encoding=")[2].rstrip(".")
    # the key that the error names is the one that works
    assert lines(tmp_path, text.encode(encoding), told) == text.split("\n")[:-1]
    assert encoding in WORDS or told == encoding
    assert "a.txt:2:" in str(error.value) or encoding not in WORDS


@pytest.mark.parametrize("packed", [False, True])
def test_the_line_of_a_wrong_byte_is_that_of_the_file(tmp_path, packed):
    content = "größer\n".encode() * 50_000 + b"Gr\xf6\xdfe\n" + b"x\n" * 9
    file = tmp_path / ("a.gz" if packed else "a.txt")
    file.write_bytes(gzip.compress(content) if packed else content)
    wrong = "50001: .*byte 0xf6, in 'Größe' if it is windows-1252.*before it is: corr"
    for read in (TextFile(file, "a").whole, lambda c: [*TextFile(file, "a").lines(c)]):
        with pytest.raises(ValueError, match=wrong):
            read(Counter())


def test_bytes_that_a_told_encoding_lacks_are_refused(tmp_path):
    with pytest.raises(
        ValueError, match="a.txt:2: text that is not ascii. Received: by"
    ):
        lines(tmp_path, GERMAN.encode(), "ascii")
    with pytest.raises(ValueError, match="an end too early|byte 0x"):
        lines(tmp_path, "größer".encode("utf-16")[:-1])


@pytest.mark.parametrize("name", ["latin9000", "base64", "rot13", "", "\0"])
def test_a_name_of_no_encoding_is_refused(name):
    with pytest.raises(
        ValueError, match="no such encoding. Received: ingest.encoding="
    ):
        require_encoding(name)
    require_encoding("WINDOWS-1252")

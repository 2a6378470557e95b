"""Files that never end, or that are far larger than they look: refused at once."""

import gzip
import os

import pytest

from phistar.components.data.files import streams, texts
from phistar.components.data.files.found import Found
from phistar.components.data.files.table_file import MOST_COLUMNS, TableFile
from phistar.components.data.files.texts import TextFile
from phistar.components.data.files.typed_files import shortened
from phistar.components.data.image_files import below
from phistar.components.data.notices import Counter
from phistar.components.data.sources.base import existing


def pipe(path):
    """A pipe that nobody writes."""
    os.mkfifo(path)


def device(path):
    """A link to a device that never ends."""
    path.symlink_to("/dev/zero")


OPENED = {
    "a file of a source": lambda file: existing("path", str(file), "a file"),
    "found": lambda file: Found("path", str(file), (".csv",), Counter()),
    "by a pattern": lambda file: Found(
        "path", str(file.with_name("*.csv")), (".csv",), Counter()
    ),
    "a table": lambda file: TableFile.open(file, (None, None, None, None)),
    "a text": lambda file: list(TextFile(file, "a").lines(Counter())),
}


@pytest.mark.parametrize("make", [pipe, device])
@pytest.mark.parametrize("how", OPENED)
def test_file_without_an_end_is_refused(how, make, tmp_path):
    file = tmp_path / "data.csv"
    make(file)
    with pytest.raises(ValueError, match=r"a pipe or a device, not a file\. Received"):
        OPENED[how](file)


@pytest.mark.parametrize("make", [pipe, device])
def test_image_without_an_end_is_left_out_and_counted(make, tmp_path):
    make(tmp_path / "a.png")
    make(tmp_path / "b")
    (tmp_path / "c.png").write_bytes(b"\x89PNG")
    counts = Counter()
    assert below(tmp_path, counts) == [str(tmp_path / "c.png")]
    assert "2" in str(list(counts.values()))


@pytest.fixture
def bomb(tmp_path, monkeypatch):
    """A packed file of 2 MB of equal lines, in a few kB."""
    monkeypatch.setattr(streams, "FREE", 2**18)
    file = tmp_path / "a.txt.gz"
    file.write_bytes(gzip.compress(b"a,b,c\n" * (2**21 // 6)))
    return file


READ = {
    "lines": lambda file: list(TextFile(file, "a").lines(Counter())),
    "whole": lambda file: TextFile(file, "a").whole(Counter()),
    "cells": lambda file: list(
        TableFile.open(file, (None, None, None, None)).arrays(["a"], [], 0)
    ),
    "all at once": lambda file: streams.head(file, -1),
}


@pytest.mark.parametrize("how", READ)
def test_packed_file_that_fills_the_memory_is_refused(how, bomb):
    with pytest.raises(ValueError, match="unpacks to more than 200 times its size"):
        READ[how](bomb)


def test_packed_file_of_data_is_read_whole(tmp_path):
    lines = [f"{number * 7919 % 10007}" for number in range(5000)]
    file = tmp_path / "a.txt.gz"
    file.write_bytes(gzip.compress("\n".join(lines).encode()))
    found = [line.decode() for line in TextFile(file, "a").lines(Counter())]
    assert found == lines


@pytest.mark.parametrize("how", ["lines", "whole"])
def test_text_that_is_too_long_to_be_one_is_refused(how, tmp_path, monkeypatch):
    monkeypatch.setattr(texts, "LARGEST", 1000)
    file = tmp_path / "a.txt"
    file.write_text("a" * 1001)
    with pytest.raises(ValueError, match="too long to be one"):
        READ[how](file)


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_table_of_too_many_columns_is_one_short_error(kind, tmp_path):
    names = [f"c{number}" for number in range(MOST_COLUMNS + 1)]
    file = tmp_path / f"a.{kind}"
    if kind == "csv":
        file.write_text(",".join(names) + "\n" + ",".join("1" for _ in names))
    else:
        file.write_text("{" + ",".join(f'"{name}": 1' for name in names) + "}\n")
    with pytest.raises(ValueError, match="too many columns") as caught:
        TableFile.open(file, (None, None, None, None))
    assert len(str(caught.value)) < 500


def test_long_names_are_cut_where_they_are_listed():
    assert len(shortened(["x" * 10**6] * 1000)) < 30 * 320


@pytest.mark.parametrize(
    "text", ["[" * 60_000, '{"a": ' * 20_000, '{"a": 1}\n' + "[" * 10**5]
)
def test_deep_json_is_one_clear_error(text, tmp_path):
    file = tmp_path / "a.jsonl"
    file.write_text(text + "\n")
    with pytest.raises(ValueError, match="no JSON object: "):
        TableFile.open(file, (None, None, None, None))

"""Texts of files to predict from: plain lines, or columns of tables."""

import io
import sys

import pandas
import pytest

from phistar.pipeline.serving.predict import texts

ODD = ["one\u2028two", "süß\n\x85zwei", "", 'the "quoted" one', "\t"]


def write(path, **columns):
    """Write a table as its suffix says.  -> str"""
    table = pandas.DataFrame(columns)
    match path.suffix:
        case ".jsonl":
            table.to_json(path, orient="records", lines=True)
        case ".parquet":
            table.to_parquet(path)
        case ".csv":
            table.to_csv(path, index=False)
        case ".tsv":
            table.to_csv(path, index=False, sep="\t")
    return str(path)


def values(file, names, column=None, label=None):
    """Values of all inputs, as str."""
    return [
        {name: text.decode() for name, text in one.values.items()}
        for one in texts.inputs(file, names, column, label)
    ]


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet", ".csv", ".tsv"])
def test_a_column_of_a_table_is_read(tmp_path, suffix):
    file = write(tmp_path / f"a{suffix}", id=range(5), body=ODD, other=ODD[::-1])
    found = list(texts.inputs(file, ["prompt"], "body", None))
    assert [one.values["prompt"].decode() for one in found] == ODD
    line = {".jsonl": [1, 2, 3, 4, 5], ".parquet": [0, 1, 2, 3, 4]}
    line = line.get(suffix, [2, 3, 5, 6, 8])  # two rows have two lines
    what = "row" if suffix == ".parquet" else "line"
    assert [one.place for one in found] == [{"file": file, what: n} for n in line]
    named = texts.inputs(file, ["prompt"], "body", None, "id")
    assert [one.place["id"] for one in named] == ["0", "1", "2", "3", "4"]
    with pytest.raises(ValueError, match="'bodi'. Expected one of 'id', 'body'"):
        values(file, ["prompt"], "bodi")


def test_a_table_is_known_by_its_name_and_its_columns(tmp_path):
    file = write(tmp_path / "a.jsonl", source=["a", None], target=["b", "c"])
    assert values(file, ["source"]) == [{"source": "a"}, {"source": ""}]
    both = [{"source": "a", "text": "b"}, {"source": "", "text": "c"}]
    assert values(file, ["source", "text"]) == both
    named = write(tmp_path / "a.csv", en=["a", ""], de=["b", "c"])
    assert values(named, ["source", "text"], "en", "de") == both


def test_plain_lines_stay_lines(tmp_path):
    file = tmp_path / "a.txt"
    file.write_bytes("one\u2028two\x85\r\n\n{}\n".encode())
    expected = ["one\u2028two\x85", "", "{}"]
    assert [one["source"] for one in values(str(file), ["source"])] == expected
    file = tmp_path / "pairs.tsv"  # two fields are divided by tabs
    file.write_text("a\tb\n")
    assert values(str(file), ["source", "text"]) == [{"source": "a", "text": "b"}]


def test_what_may_be_meant_otherwise_is_refused(tmp_path):
    file = write(tmp_path / "a.csv", source=["a"])
    with pytest.raises(ValueError, match="a table without a column.*--column NAME"):
        values(file, ["source"])


def test_stdin_may_be_a_table(tmp_path, monkeypatch):
    content = b'{"source": "a"}\n{"source": "b"}\n'
    for column, expected in (
        (None, content.decode().split("\n")[:2]),
        ("source", "ab"),
    ):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        found = values("-", ["source"], column)
        assert [one["source"] for one in found] == list(expected)

"""Files of rows: one table, in every format and dialect, gives the same cells."""

import bz2
import gzip
import json

import pyarrow as pa
import pytest
from pyarrow import feather, parquet

from phistar.components.data.files import csv_files
from phistar.components.data.files.tables import TableFiles

NAMES = ["number", "größe", "a, b"]
ROWS = [
    ["1.5", "klein", "x"],
    ["-2", 'mit "Anführung"', "two\nlines"],
    ["", "groß; sehr", " spaced "],
]


def written(rows=ROWS, names=NAMES, separator=",", quote='"', end="\n"):
    """A table as text, each cell quoted."""

    def cell(text):
        return f"{quote}{text.replace(quote, quote * 2)}{quote}"

    lines = [separator.join(map(cell, row)) for row in [names, *rows]]
    return "".join(line + end for line in lines)


def read(files, **options):
    """All rows of files, as lists."""
    table = TableFiles(files, **options)
    found = []
    for batch in table.batches():
        assert batch.first == sum(1 for row in found if row[0] == batch.file)
        columns = [array.to_pylist() for array in batch.columns.values()]
        found += [[batch.file, *row] for row in zip(*columns, strict=True)]
    return [row[1:] for row in found]


def dialects():
    """(name, bytes, options) of the same table."""
    text = written()
    yield "commas.csv", text.encode(), {}
    yield "crlf.csv", written(end="\r\n").encode(), {}
    yield "bom.csv", text.encode("utf-8-sig"), {}
    yield "wide.csv", text.encode("utf-16"), {}
    yield "told.csv", text.encode("cp1252"), {"encoding": "cp1252"}
    yield "semicolons.csv", written(separator=";").encode(), {}
    yield "tabs.tsv", written(separator="\t").encode(), {}
    yield "bars.txt", written(separator="|").encode(), {}
    yield "single.csv", written(quote="'").encode(), {}
    yield "excel.csv", f"sep=;\n{written(separator=';')}".encode(), {}
    yield "blank.csv", f"\n\n{text}\n\n".encode(), {}
    yield "packed.csv.gz", gzip.compress(text.encode()), {}
    yield "packed.bz2", bz2.compress(text.encode()), {}
    zstd = pa.compress(text.encode(), "zstd", asbytes=True)
    yield "packed.csv.zst", zstd, {}
    rows = [dict(zip(NAMES, row, strict=True)) for row in ROWS]
    lines = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    yield "rows.jsonl", lines.encode(), {}


@pytest.mark.parametrize(
    ("name", "data", "options"), list(dialects()), ids=[name for name, *_ in dialects()]
)
def test_every_dialect_gives_the_same_cells(tmp_path, name, data, options):
    (tmp_path / name).write_bytes(data)
    assert read([tmp_path / name], **options) == ROWS


def test_typed_files_give_numbers_that_are_read_as_they_were(tmp_path):
    table = pa.table(
        {"x": [0.1, None, 1e300], "n": [2**60 + 1, -1, 0], "is": [True, None, False]}
    )
    parquet.write_table(table, tmp_path / "t.parquet")
    feather.write_feather(table, tmp_path / "t.feather")
    for name in ("t.parquet", "t.feather"):
        rows = read([tmp_path / name])
        assert [None if x is None else float(x) for x, *_ in rows] == [0.1, None, 1e300]
        assert [n for _, n, _ in rows] == ["1152921504606846977", "-1", "0"]
        assert [flag for *_, flag in rows] == ["true", None, "false"]


def test_lines_of_json_keep_numbers_as_written(tmp_path):
    path = tmp_path / "t.jsonl"
    path.write_text(
        '{"n": 12345678901234567890, "x": 1.10}\n\n{"n": null, "b": true}\n'
    )
    table = TableFiles([path])
    assert table.names == ["n", "x", "b"]
    (batch,) = table.batches()
    assert batch.columns["n"].to_pylist() == ["12345678901234567890", None]
    assert batch.columns["x"].to_pylist() == ["1.10", None]
    assert batch.columns["b"].to_pylist() == [None, "true"]
    assert table.place(path, 1) == f"{path}:3"


def test_several_files_are_one_behind_the_other(tmp_path):
    for number, name in enumerate(["a.csv", "b.csv"]):
        (tmp_path / name).write_text(f"x,y\n{number},first\n{number},second\n")
    (tmp_path / "c.csv").write_text("y,x\nother order,2\n")
    rows = read(sorted(tmp_path.iterdir()))
    assert rows == [
        *(["0", "first"], ["0", "second"], ["1", "first"], ["1", "second"]),
        ["2", "other order"],
    ]
    (tmp_path / "d.csv").write_text("x,z\n1,2\n")
    with pytest.raises(ValueError, match=r"other columns.*d\.csv with 'x', 'z'"):
        TableFiles(sorted(tmp_path.iterdir()))


MISTAKES = {
    "1,a\n2,b,c\n3,d\n": ":3: a row of another length. Received: 3 values. Expected 2",
    '1,a\n2,"b\n3,c\n': ":3: not a row.*unexpected end of data.*ingest.quote",
    '1,a\n2,"b" c\n3,d\n': ":3: not a row.*ingest.quote",
    '1,"two\nlines"\n2,"5" disk"\n': ":4: not a row.*ingest.quote",
    '1,a\n"2,b\n3",c\n4,d,e\n': ":5: a row of another length",
}


@pytest.mark.parametrize("rows", MISTAKES)
def test_a_mistake_is_told_with_its_line(tmp_path, rows):
    path = tmp_path / "t.csv"
    path.write_text("x,y\n" + rows)
    with pytest.raises(ValueError, match=f"t.csv{MISTAKES[rows]}"):
        read([path])


def test_bytes_of_another_encoding_are_told_with_line_column_and_key(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes("x,stadt\n1,Bonn\n2,Zürich\n".encode("latin-1"))
    match = "t.csv:3: .*0xfc, in 'Zürich'.*column 'stadt'.*ingest.encoding=cp1252"
    with pytest.raises(ValueError, match=match):
        read([path])


@pytest.mark.parametrize("size", [64, 2**22])
def test_a_few_bad_rows_are_let_through_and_listed(tmp_path, monkeypatch, size):
    monkeypatch.setattr(csv_files, "BLOCK_BYTES", size)
    path = tmp_path / "t.csv"
    good = [[str(n), f"word {n}"] for n in range(40)]
    lines = [",".join(row) for row in good]
    bad = {10: "1,2,3", 20: "alone", 30: '7,"stray" quote'}
    for place, line in bad.items():
        lines.insert(place, line)
    path.write_text("\n".join(["x,y", *lines]) + "\n")
    table = TableFiles([path], max_bad_rows=3)
    for _ in range(2):  # in every pass the same
        rows = [
            list(row)
            for batch in table.batches()
            for row in zip(
                *[a.to_pylist() for a in batch.columns.values()], strict=True
            )
        ]
        assert rows == good
        assert [fault.line for fault in table.bad] == [12, 22, 32]
    with pytest.raises(ValueError, match="t.csv:12: .*3 such rows.*max_bad_rows"):
        read([path], max_bad_rows=2)


def test_places_are_lines_whatever_stands_between(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('\nx,y\n1,"two\nlines"\n\n2,b\n3,c\n')
    table = TableFiles([path])
    assert [table.place(path, row) for row in range(3)] == [
        f"{path}:{line}" for line in (3, 6, 7)
    ]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"x,y\n", "no row below its header"),
        (b"\x89PNG\r\n\x1a\n", "a PNG image"),
        (b"PK\x03\x04", "an Excel file.*save the sheet as CSV"),
        (gzip.compress(b"x,y\n" + b"1,a\n" * 10**5)[:-20], "cannot be read"),
    ],
)
def test_a_file_that_is_no_table_is_refused(tmp_path, data, message):
    path = tmp_path / "t.csv"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=message):
        read([path])


def test_decimal_comma_is_seen_where_nothing_else_is_possible(tmp_path):
    path = tmp_path / "t.csv"
    for text, decimal in (
        ("x;y\n1,5;a\n2,25;b\n", ","),
        ("x;y\n1,234;a\n2,345;b\n", None),  # it may be thousands: nothing is told
        ("x;y\n1.5;a,b\n2;b\n", "."),
    ):
        path.write_text(text)
        assert TableFiles([path]).decimal == decimal

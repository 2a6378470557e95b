"""Parts of large files: together they are the file, and no row is cut."""

import csv
import random

import pyarrow as pa
import pytest
from pyarrow import parquet

from phistar.components.data.files import csv_files, ranges
from phistar.components.data.files.tables import TableFiles

CELLS = ["", "a", "1.5", "two\nlines", 'a "word"', "x,y", "\r\n", "ä€\u2028", '"', '""']


@pytest.fixture
def small(monkeypatch):
    """Parts of a few bytes, read in blocks that end anywhere."""
    monkeypatch.setattr(ranges, "PART_BYTES", 40)
    monkeypatch.setattr(ranges, "BLOCK_BYTES", 7)


def parts_of(path):
    """The rows of each part of a file, and the rows of the whole file."""
    table = TableFiles([path])
    one = table.opened[path]

    def rows(span):
        pieces = one.arrays(table.names, [], 0, span)
        columns = zip(*pieces, strict=True)
        columns = [pa.chunked_array(c).to_pylist() for c in columns]
        return list(zip(*columns, strict=True))

    return [rows(span) for span in ranges.table_parts(one)], rows(None)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
def test_parts_of_cells_are_the_rows_whatever_is_quoted(
    tmp_path, small, monkeypatch, seed, quoting
):
    chance, path = random.Random(seed), tmp_path / "t.csv"
    size = chance.choice([3, 7, 64, 2**23])
    monkeypatch.setattr(ranges, "BLOCK_BYTES", size)
    end, mark = chance.choice(["\n", "\r\n"]), chance.choice(["", "\ufeff"])
    with open(path, "w", newline="", encoding="utf-8") as file:
        file.write(mark)
        table = csv.writer(file, quoting=quoting, lineterminator=end)
        table.writerow(["first", "second"])
        table.writerows([chance.choices(CELLS, k=2) for _ in range(60)])
    parts, whole = parts_of(path)
    assert len(parts) > 5 and len(whole) == 60
    assert [row for part in parts for row in part] == whole


@pytest.mark.parametrize("place", range(7, 400, 7))
def test_a_quote_that_is_no_cell_is_never_cut_through(tmp_path, small, place):
    path, lines = tmp_path / "t.csv", ["a,b", *(f"{n},{n}" for n in range(100))]
    text = "\n".join(lines) + "\n"
    path.write_text(text[:place] + '"' + text[place:])
    found = TableFiles([path]).opened[path].dialect
    assert found.quote == '"'
    cuts = ranges.cell_cuts(path, found)
    # an opened quote takes in all that follows; any other one leaves the file whole
    assert cuts[-1] == path.stat().st_size
    assert all(cut <= place for cut in cuts[:-1])


def test_parts_of_lines_know_their_first_line(tmp_path, small):
    path, chance = tmp_path / "t.txt", random.Random(0)
    lines = [b"x" * chance.randrange(30) for _ in range(300)]
    for last in (b"\n", b""):
        path.write_bytes(b"\n".join(lines) + last)
        parts, first = ranges.text_parts(path, "utf-8")
        data = path.read_bytes()
        assert b"".join(data[start:stop] for start, stop in parts) == data
        numbers = [1 + data[:start].count(b"\n") for start, _ in parts]
        assert first == numbers and len(parts) > 50
        starts = [start for start, _ in parts]
        assert ranges.places_of_lines(path, first) == starts
        assert ranges.places_of_lines(path, [1000]) == [len(data)]


def test_objects_and_row_groups_are_cut_too(tmp_path, small):
    path = tmp_path / "t.jsonl"
    path.write_text("".join(f'{{"a": {n}}}\n\n' for n in range(50)))
    parts, whole = parts_of(path)
    assert len(parts) > 5 and sum(parts, []) == whole
    path = tmp_path / "t.parquet"
    parquet.write_table(pa.table({"a": range(50)}), path, row_group_size=10)
    parts, whole = parts_of(path)
    assert len(parts) == 5 and sum(parts, []) == whole


@pytest.mark.parametrize(
    ("name", "encoding", "data"),
    [
        ("t.csv", "utf-16", "a,b\n" * 100),
        ("t.csv", "utf-8", "a,b\n" + '1,5" pipe\n' * 100),
        ("t.csv", "utf-8", "a,b\n" + '1,"a \\"b"\n' * 100),
        ("t.csv", "utf-8", "a,b\r" * 100),
    ],
)
def test_files_whose_rows_may_begin_anywhere_stay_whole(
    tmp_path, small, name, encoding, data
):
    path = tmp_path / name
    path.write_bytes(data.encode(encoding))
    table = TableFiles([path])
    assert ranges.table_parts(table.opened[path]) == [None]


def test_a_stray_quote_in_a_part_is_not_read_as_another_row(tmp_path, monkeypatch):
    path = tmp_path / "t.csv"
    path.write_text('a,b\n1,2\n3,"4\n5,6\n')
    one = TableFiles([path]).opened[path]
    monkeypatch.setattr(csv_files, "BLOCK_BYTES", 8)
    with pytest.raises(ValueError, match="quote"):
        list(one.arrays(["a"], [], 0, (8, path.stat().st_size)))

import csv
import gzip
from pathlib import Path

import numpy as np
import pandas
import pytest

from phistar.components.data.files.bad_rows import LEFT_OUT as BAD
from phistar.components.data.kept import Scratch
from phistar.components.data.sources.parallel import parallel
from phistar.components.data.sources.text_pieces import KEPT
from phistar.components.data.sources.text_pieces import NO_SIDE as EMPTY


def pairs(pieces):
    """All pairs of pieces of Rows.  -> list of (bytes, bytes)."""
    return [
        pair
        for piece in pieces
        for pair in zip(piece.inputs, piece.labels, strict=True)
    ]


@pytest.fixture
def files(tmp_path):
    """Write two files.  (source bytes, target bytes) -> their paths as options."""

    def made(source, target, suffix=""):
        paths = {"source_path": source, "target_path": target}
        for name, content in paths.items():
            file = tmp_path / f"{name}.txt{suffix}"
            file.write_bytes(gzip.compress(content) if suffix else content)
            paths[name] = str(file)
        return paths

    return made


def notices(source):
    """What has been counted.  -> {words: (number, places)}"""
    return {one.what: (one.count, one.places) for one in source.notices.found()}


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_parallel_pairs_line_by_line(files, suffix):
    given = files(
        "one\n\n\ntwo\r\n \nf\u2028ö\0\x0bur".encode(),
        b"eins\nx\n\nzwei\nu\nvier\n",
        suffix,
    )
    source = parallel(**given)
    assert source.kind == "pairs" and source.name == "source_path"
    rows = source.read()["all"]
    four = "f\u2028ö\0\x0bur".encode()
    expected = [(b"one", b"eins"), (b"two", b"zwei"), (four, b"vier")]
    assert pairs(rows) == expected == pairs(rows)
    said = notices(source)
    name = f"source_path.txt{suffix}"
    assert said.pop(EMPTY) == (3, [f"{name}:2", f"{name}:3", f"{name}:5"])
    assert list(said.values()) == [(1, [f"{name}:6"])]  # NUL


def test_parallel_says_nothing_where_nothing_is_left_out(files):
    source = parallel(**files(b"one\ntwo", b"eins\nzwei"))
    assert len(pairs(source.read()["all"])) == 2 and not source.notices.found()


@pytest.mark.parametrize("side", [0, 1])
def test_parallel_refuses_other_numbers_of_lines_with_both(files, side):
    contents = [b"one\ntwo\nthree\n", b"eins\nzwei\n"]
    source = parallel(**files(contents[side], contents[1 - side]))
    counts = [(3, 2), (2, 3)][side]
    match = "source_path.txt with {} lines, .*target_path.txt with {}.".format(*counts)
    for read in (lambda: pairs(source.read()["all"]), source.overview):
        with pytest.raises(ValueError, match=match):
            read()


def test_parallel_knows_a_change_on_either_side(files):
    prints = [
        parallel(**files(*contents)).fingerprint
        for contents in ((b"a", b"b"), (b"a", b"c"), (b"c", b"b"), (b"b", b"a"))
    ]
    assert len({str(one) for one in prints}) == 4
    assert parallel(**files(b"a", b"b")).fingerprint == prints[0]


def test_parallel_comes_in_pieces(files, monkeypatch):
    monkeypatch.setattr("phistar.components.data.sources.pieces.PIECE_BYTES", 10)
    rows = parallel(**files(b"\n".join([b"abc"] * 5), b"\n".join([b"de"] * 5)))
    assert [len(piece) for piece in rows.read()["all"]] == [2, 2, 1]


@pytest.mark.parametrize("key", ["source_path", "target_path"])
def test_parallel_refuses_a_file_that_is_not_there(files, key):
    given = files(b"a", b"b") | {key: "nowhere.txt"}
    with pytest.raises(ValueError, match=f"no such file. Received: ingest.{key}='now"):
        parallel(**given)


def test_parallel_refuses_half_a_gzip_file(files):
    given = files(b"one\n" * 1000, b"eins\n" * 1000, ".gz")
    file = Path(given["target_path"])
    file.write_bytes(file.read_bytes()[:-12])
    with pytest.raises(ValueError, match="target_path.txt.gz cannot be read"):
        pairs(parallel(**given).read()["all"])


def test_parallel_refuses_lines_without_a_pair_before_they_are_read(files):
    with pytest.raises(ValueError, match="no pair of sentences. Received: .*Expected"):
        parallel(**files(b"one\n\n", b"\nzwei\n")).overview()
    with pytest.raises(ValueError, match="with 2 lines, .* with 1"):
        parallel(**files(b"one\ntwo\n", b"eins\n")).overview()
    rows = parallel(**files(b"one\n\n", b"eins\nzwei\n")).overview().rows
    assert pairs(rows) == [(b"one", b"eins")]


def test_a_given_test_is_kept_line_by_line(files, tmp_path):
    given = files(b"one\n\ntwo\n", b"eins\nx\nzwei\n")
    for name, content in {"s": b"a\n\nc\n \n", "t": b"A\nB\n\n\n"}.items():
        (tmp_path / name).write_bytes(content)
    for split in ("valid", "test"):
        given[f"{split}_source_path"] = str(tmp_path / f"{split}.s")
        given[f"{split}_target_path"] = str(tmp_path / f"{split}.t")
        for side in "st":
            copied = (tmp_path / side).read_bytes()
            (tmp_path / f"{split}.{side}").write_bytes(copied)
    source = parallel(**given)
    found = {split: pairs(rows) for split, rows in source.read().items()}
    assert found == {
        "train": [(b"one", b"eins"), (b"two", b"zwei")],
        "valid": [(b"a", b"A")],
        "test": [(b"a", b"A"), (b"", b"B"), (b"c", b""), (b" ", b"")],
    }
    assert {what: count for what, (count, _) in notices(source).items()} == {
        EMPTY: 4,
        KEPT: 3,
    }
    assert source.origin["test"] == f"{tmp_path}/test.s and {tmp_path}/test.t"


ROWS = [
    ("Hi there", "Hallo du", "train"),
    ('"Hello," he said.', "„Hallo“, sagte er.", "train"),
    ("", "leer", "train"),
    ("dev", "Entwicklung", "dev"),
    ("long\u2028line", "", "test"),
    ("last", "letzte", "Test"),
]


def write_rows(file, rows=ROWS, names=("source", "target", "part")):
    """Write rows as the suffix of a file says."""
    columns = zip(names, map(list, zip(*rows, strict=True)), strict=True)
    columns = dict(columns)
    match file.suffix:
        case ".tsv":  # as the field has it: no quotes around cells
            lines = ["\t".join(row) for row in (names, *rows)]
            file.write_text("\n".join(lines) + "\n", "utf-8")
        case ".csv":
            pandas.DataFrame(columns).to_csv(file, index=False)
        case ".jsonl":
            pandas.DataFrame(columns).to_json(file, orient="records", lines=True)
        case ".parquet":
            pandas.DataFrame(columns).to_parquet(file)
    return file


@pytest.mark.parametrize("suffix", [".tsv", ".csv", ".jsonl", ".parquet"])
def test_pairs_of_a_table_with_a_column_of_splits(tmp_path, suffix):
    file = write_rows(tmp_path / f"pairs{suffix}")
    source = parallel(path=str(file), split="part")
    (rows,) = source.read()["all"]
    expected = [row for row in ROWS if row[0] and row[1] or row[2] == "test"]
    assert pairs([rows]) == [(x.encode(), y.encode()) for x, y, _ in expected]
    assert rows.split.tolist() == ["train", "train", "valid", "test", "test"]
    found = notices(source)
    assert found[EMPTY][0] == found[KEPT][0] == 1
    line = {".parquet": ": row 4"}.get(suffix, ":5" if suffix == ".jsonl" else ":6")
    assert found[KEPT][1] == [f"{file}{line}"]


@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
def test_a_tsv_that_a_program_has_quoted_is_read_so(tmp_path, quoting):
    with open(tmp_path / "pairs.tsv", "w", newline="") as file:
        table = csv.writer(file, dialect="excel-tab", quoting=quoting)
        table.writerows([("source", "target"), ('a "b" c', "d"), ("e", "f")])
    rows = parallel(path=str(tmp_path / "pairs.tsv")).read()["all"]
    assert pairs(rows) == [(b'a "b" c', b"d"), (b"e", b"f")]


def test_folders_of_tables_are_splits(tmp_path):
    for split in ("train", "dev", "test"):
        (tmp_path / split).mkdir()
        write_rows(tmp_path / split / "a.jsonl", [(split, "x")], ("en", "de"))
    keys = {"source_column": "en", "target_column": "de"}
    source = parallel(path=str(tmp_path), **keys)
    found = {split: pairs(rows) for split, rows in source.read().items()}
    assert found == {
        "train": [(b"train", b"x")],
        "valid": [(b"dev", b"x")],
        "test": [(b"test", b"x")],
    }
    with pytest.raises(ValueError, match=r"splits given twice.*ingest.split='x'"):
        parallel(path=str(tmp_path), split="x", **keys)


def test_rows_of_a_group_and_of_times(tmp_path):
    rows = [
        ("a", "x", "2024-01-03"),
        ("b", "y", "2024-01-01"),
        ("c", "z", "2024-01-03"),
    ]
    file = write_rows(tmp_path / "a.csv", rows, ("source", "target", "day"))
    (found,) = parallel(path=str(file), group="day").read()["all"]
    assert found.keys[0] == found.keys[2] != found.keys[1]
    (found,) = parallel(path=str(file), time="day").read()["all"]
    assert np.diff(found.time).tolist() == [-2 * 86400, 2 * 86400]


def test_bad_rows_are_refused_or_listed(tmp_path):
    file, folder = tmp_path / "a.csv", tmp_path / "kept"
    file.write_text("source,target\none,eins\na,b,c\ntwo,zwei\n")
    with pytest.raises(ValueError, match="a.csv:3: a row of another length"):
        pairs(parallel(path=str(file)).read()["all"])
    folder.mkdir()
    source = parallel(path=str(file), max_bad_rows=1)
    source.prepare(Scratch(folder))
    for _ in range(2):  # it is written anew in each pass
        assert len(pairs(source.read()["all"])) == 2
    listed = (folder / "bad_rows.csv").read_text().splitlines()
    assert len(listed) == 2 and listed[1].startswith(f"{file},3,")
    assert notices(source) == {BAD: (1, [f"{file}:3"])}


MIXED = [
    ({"path": "a", "source_path": "b"}, "ingest.source_path='b', with ingest.path"),
    ({"path": "a", "test_target_path": "b"}, "ingest.test_target_path='b', with"),
    ({"source_path": "b"}, "ingest.source_path='b' without ingest.target_path"),
    ({"split": "b"}, "ingest.split='b', without ingest.path"),
    ({}, "no pairs to train on"),
]


@pytest.mark.parametrize(("keys", "message"), MIXED)
def test_parallel_refuses_mixtures(tmp_path, keys, message):
    for name in "ab":
        (tmp_path / name).write_text("one\n")
    given = {k: v if k == "split" else str(tmp_path / v) for k, v in keys.items()}
    message = message.replace("'b'", ".*b'") if "split" not in keys else message
    with pytest.raises(ValueError, match=message):
        parallel(**given)


def test_a_column_that_is_not_there_is_named_before_rows_are_read(tmp_path):
    file = write_rows(tmp_path / "a.tsv", names=("en", "de", "part"))
    match = r"ingest.source_column='source'. Expected one of 'en', 'de', 'part'"
    with pytest.raises(ValueError, match=match):
        parallel(path=str(file)).overview()


def test_a_file_is_in_one_split(tmp_path, files):
    given = files(b"one", b"eins")
    given |= {f"test_{key}": path for key, path in given.items()}
    with pytest.raises(ValueError, match="one file in two splits.*in train and in te"):
        parallel(**given)

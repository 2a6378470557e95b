"""Tables of images: paths, labels, and columns that divide the rows."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from phistar.components.data.sources.image_table import image_table
from tests.helpers.formats import colours, saved

COLUMNS = {"images": "file", "label": "kind"}


@pytest.fixture
def data(tmp_path):
    """A folder with four images, and rows that name them."""
    rows = []
    for number in range(4):
        file = f"pictures/{number}.png"
        (tmp_path / "pictures").mkdir(exist_ok=True)
        (tmp_path / file).write_bytes(saved(colours(number)))
        rows.append({"file": file, "kind": "ab"[number % 2], "who": f"p{number // 2}"})
    rows[3]["file"] = str(tmp_path / "pictures" / "3.png")
    return tmp_path, rows


def written(path, rows):
    """Write rows in the format that the name of a file tells.  -> str."""
    if path.suffix == ".parquet":
        pa.parquet.write_table(pa.Table.from_pylist(rows), path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        mark = ";" if path.suffix == ".csv" else "\t"
        lines = [mark.join(rows[0]), *(mark.join(row.values()) for row in rows)]
        path.write_text("\n".join(lines) + "\n")
    return str(path)


def read(**keys):
    """Split -> Rows, of a table that is small."""
    splits = image_table(**COLUMNS | keys).read()
    return {split: next(iter(pieces)) for split, pieces in splits.items()}


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.parquet"])
def test_paths_are_relative_to_the_table_or_absolute(data, name):
    folder, rows = data
    found = read(path=written(folder / name, rows))["all"]
    assert found.labels.tolist() == ["a", "b", "a", "b"]
    expected = [colours(number) for number in range(4)]
    np.testing.assert_array_equal(found.inputs, expected)


def test_columns_divide_the_rows(data):
    folder, rows = data
    for row, split in zip(rows, ("train", "Train", "dev", "test"), strict=True):
        row |= {
            "part": split,
            "counts": f"{len(split) / 2}",
            "day": f"2024-01-0{rows.index(row) + 1}",
        }
    path = written(folder / "a.csv", rows)
    given = {"split": "part", "group": "who", "time": "day", "weight": "counts"}
    found = read(path=path, **given)["all"]
    assert found.weights.tolist() == [2.5, 2.5, 1.5, 2.0]
    assert found.split.tolist() == ["train", "train", "valid", "test"]
    assert found.keys.dtype == "uint64"
    assert (found.keys == found.keys[0]).tolist() == [True, True, False, False]
    assert np.diff(found.time).tolist() == [86400] * 3
    opened = image_table(**COLUMNS, path=path, split="part")
    assert opened.overview().labels == {"a": 0, "b": 1}
    assert opened.overview().num_rows == 2  # of train
    assert "split by its column 'part'" in opened.origin["all"]


def test_splits_may_be_tables(data):
    folder, rows = data
    train, test = folder / "train.csv", folder / "test.jsonl"
    given = {"path": written(train, rows[:2]), "test_path": written(test, rows[2:])}
    found = read(**given)
    assert {split: len(part) for split, part in found.items()} == {
        "train": 2,
        "test": 2,
    }


def test_fingerprint_is_that_of_the_table_and_the_images(data):
    folder, rows = data

    def fingerprint():
        path = written(folder / "a.csv", rows)
        return image_table(**COLUMNS, path=path).fingerprint

    first = fingerprint()
    assert fingerprint() == first
    rows[0]["kind"] = "b"
    second = fingerprint()
    (folder / "pictures" / "0.png").write_bytes(saved(colours(9)))
    assert len({str(one) for one in (first, second, fingerprint())}) == 3


@pytest.mark.parametrize(
    ("row", "keys", "word"),
    [
        (
            {"kind": ""},
            {},
            "1 row has no label: .*a.csv:3. .*ingest.drop_unlabelled=true",
        ),
        ({"file": ""}, {}, "a.csv:3: no file in the column 'file'"),
        ({"file": "no.png"}, {}, "no.png is not an image that.*Received: no file"),
        ({"who": "p"}, {"split": "who"}, "a.csv:2: the column 'who' does not tell"),
        ({"who": "-1"}, {"weight": "who"}, "a.csv:2: a weight that is none.*'p0'"),
        ({}, {"images": "path"}, "no such column. Received: ingest.images='path'"),
        ({}, {"path": "none.csv"}, "no such file"),
    ],
)
def test_what_cannot_be_read_is_named(data, row, keys, word):
    folder, rows = data
    rows[1] |= row
    given = COLUMNS | {"path": written(folder / "a.csv", rows)} | keys
    with pytest.raises(ValueError, match=word):
        image_table(**given).overview()


def test_rows_are_left_out_and_counted_if_asked(data):
    folder, rows = data
    rows[1]["kind"], rows[2]["file"] = "", "gone.png"
    path = written(folder / "a.csv", rows)
    source = image_table(**COLUMNS, path=path, drop_unlabelled=True, max_bad_files=1)
    (found,) = source.read()["all"]
    assert found.labels.tolist() == ["a", "b"]
    said = " | ".join(map(str, source.notices.found()))
    assert f"1 rows without a label left out: {path}:3" in said
    assert "1 files left out, as none is a whole image (ingest.max_bad_files): " in said
    assert "gone.png (no file)" in said

import numpy as np
import pytest

from phistar.components.data.sources.csv import csv
from tests.helpers import stages

LINES = ["x,post code,y", "1,01,a", "2,,b", "NA,03,a", "4,four,b", "5,05,a"]


def table(tmp_path, lines=LINES):
    path = tmp_path / "t.csv"
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def read(path, **options):
    """The columns of all rows."""
    pieces = list(csv(path=path, label="y", **options).read()["all"])
    return {
        name: np.concatenate([piece.inputs[name] for piece in pieces])
        for name in pieces[0].inputs
    }


@pytest.mark.parametrize("cells", [1, 6, 2**18])
def test_pieces_do_not_change_the_columns(tmp_path, monkeypatch, cells):
    stages.write_table(tmp_path / "t.csv", ["no", "yes"])
    path = str(tmp_path / "t.csv")
    options = {"label": "verdict", "ignore": ("city",)}
    (whole,) = csv(path=path, **options).read()["all"]
    monkeypatch.setattr("phistar.components.data.sources.csv.CHUNK_CELLS", cells)
    pieces = list(csv(path=path, **options).read()["all"])
    assert len(pieces) == {1: 240, 6: 240, 2**18: 1}[cells]
    for name, values in whole.inputs.items():
        together = np.concatenate([piece.inputs[name] for piece in pieces])
        np.testing.assert_array_equal(together, values)
    labels = np.concatenate([piece.labels for piece in pieces])
    np.testing.assert_array_equal(labels, whole.labels)


def test_types_are_inferred_from_all_rows_and_said(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("phistar.components.data.sources.csv.CHUNK_CELLS", 3)
    columns = read(table(tmp_path))
    np.testing.assert_array_equal(columns["x"], [1, 2, np.nan, 4, 5])
    assert columns["post_code"].tolist() == ["01", "", "03", "four", "05"]
    said = capsys.readouterr().err
    assert "t.csv: numbers: x\n" in said
    assert "t.csv: words: post code\n" in said


def test_types_can_be_declared(tmp_path):
    path = table(tmp_path)
    columns = read(path, categorical=("x",), ignore=("post code",))
    assert {k: v.tolist() for k, v in columns.items()} == {
        "x": ["1", "2", "", "4", "5"]
    }
    with pytest.raises(ValueError, match="row 3 of the column 'post code'.*'four'"):
        read(path, numeric=("post code",))
    columns = read(path, numeric=("post code",), missing=("", "NA", "four"))
    np.testing.assert_array_equal(columns["post_code"], [1, np.nan, 3, np.nan, 5])


@pytest.mark.parametrize("key", ["numeric", "categorical", "ignore"])
def test_a_declared_column_must_be_there(tmp_path, key):
    with pytest.raises(ValueError, match=f"ingest.{key}='z'.*'post code'"):
        read(table(tmp_path), **{key: ("z",)})

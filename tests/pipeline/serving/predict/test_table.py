"""Cells are read by `predict` as ingest has read them."""

import numpy as np
import pandas as pd
import pytest

from phistar.components.data.files import csv_files
from phistar.components.data.sources.table import table
from phistar.components.serving.request import signature
from phistar.pipeline.serving.predict.table import Table

COLUMNS = {
    "Preis": ["1.234,50 €", "7 €", "-3,5 €", "n/a"],
    "Anteil": ["5,5 %", "7 %", "", "8 %"],
    "Tag": ["31.12.2023", "1.1.2024 13:00", "02.02.2024", "?"],
    "Zahl": ["1,5", "-999", "-999,0", "2"],
    "wahr": ["true", "False", "TRUE", "NA"],
    "Land": ["NA", "DE", " FR", ""],
    "Wort": ["NA", "ein", " zwei", ""],
    "Art": ["a", "b", "a", "b"],
}
OPTIONS = {"label": "Art", "missing": ("-999",), "categorical": ("Land",)}


def write(folder, columns, name="t.csv", encoding="utf-8"):
    """A file with semicolons; returns its path."""
    rows = zip(*columns.values(), strict=True)
    lines = [";".join(columns), *map(";".join, rows)]
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding)
    return path


def ingested(path, **options):
    """(inputs, reading) of ingest."""
    source = table(path=str(path), **OPTIONS, **options)
    (rows,) = source.read()["all"]
    return rows.inputs, source.fitting()["reading"]


def called(inputs):
    """The signature of a model of some inputs."""
    specs = {
        name: {
            "dtype": "string" if values.dtype.kind == "U" else "float64",
            "shape": [None],
            "meaning": "",
            "form": "category" if values.dtype.kind == "U" else "number",
            "column": name,
        }
        for name, values in inputs.items()
    }
    every = {"serving_default": {"inputs": specs, "outputs": {}}}
    return signature(
        {"signatures": every, "knobs": {}, "ranges": {}}, "serving_default"
    )


def predicted(path, inputs, reading):
    """The inputs that predict reads, as ingest has them."""
    pieces = list(Table(called(inputs), "label", reading).pieces([str(path)]))
    found = {}
    for name, values in inputs.items():
        together = np.concatenate([piece.values[name] for piece in pieces])
        if values.dtype.kind == "U":
            together = np.array([value.decode() for value in together])
        found[name] = together
    return found


def same(one, other):
    """Assert that inputs are equal, NaN too."""
    assert one.keys() == other.keys()
    for name, values in other.items():
        np.testing.assert_array_equal(one[name], values, name)


@pytest.mark.parametrize("size", [16, 2**22])
def test_a_file_is_read_as_ingest_has_read_it(tmp_path, monkeypatch, size):
    path = write(tmp_path, COLUMNS)
    inputs, reading = ingested(path)
    assert inputs["Land"].tolist() == ["NA", "DE", "FR", ""]
    assert inputs["Wort"].tolist() == ["", "ein", "zwei", ""]
    np.testing.assert_array_equal(inputs["Zahl"], [1.5, np.nan, np.nan, 2])
    monkeypatch.setattr(csv_files, "BLOCK_BYTES", size)
    same(predicted(path, inputs, reading), inputs)


def test_a_single_row_is_read_by_the_rules_of_all(tmp_path):
    inputs, reading = ingested(write(tmp_path, COLUMNS))
    for row in range(4):
        alone = {name: cells[row : row + 1] for name, cells in COLUMNS.items()}
        path = write(tmp_path, alone, f"{row}.csv")
        expected = {name: values[row : row + 1] for name, values in inputs.items()}
        same(predicted(path, inputs, reading), expected)


def test_typed_files_have_the_same_values(tmp_path):
    inputs, reading = ingested(write(tmp_path, COLUMNS))
    frame = pd.DataFrame(inputs | {"wahr": [True, False, True, None]})
    frame["Tag"] = pd.to_datetime(frame["Tag"], unit="s")
    frame.to_parquet(tmp_path / "t.parquet")
    same(predicted(tmp_path / "t.parquet", inputs, reading), inputs)


def test_what_ingest_was_told_of_its_files_is_tried_on_others(tmp_path):
    columns = COLUMNS | {"Wort": ["grün", "blau", "grün", "weiß"]}
    path = write(tmp_path, columns, encoding="cp1252")
    inputs, reading = ingested(path, encoding="cp1252")
    same(predicted(path, inputs, reading), inputs)
    same(predicted(write(tmp_path, columns, "u.csv"), inputs, reading), inputs)


def test_places_are_those_of_the_rows(tmp_path):
    path = write(tmp_path, COLUMNS)
    inputs, reading = ingested(path)
    path.write_text(path.read_text().replace("7 %", "viel"))
    with pytest.raises(ValueError, match=r"t.csv:3: the column 'Anteil'.*'viel'"):
        predicted(path, inputs, reading)

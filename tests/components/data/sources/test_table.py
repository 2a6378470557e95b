"""The source of a user's own tables: what cells become, what is refused."""

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from phistar.components.data.encoders.statistics import describe
from phistar.components.data.files import csv_files
from phistar.components.data.kept import Scratch
from phistar.components.data.sources.table import table
from phistar.components.data.splits import split_rows
from tests.helpers import stages


def write(tmp_path, *columns, header="x,y", name="t.csv", separator=","):
    """A file of columns of cells; returns its path."""
    rows = [separator.join(row) for row in zip(*columns, strict=True)]
    path = tmp_path / name
    path.write_text("\n".join([header, *rows]) + "\n", "utf-8")
    return str(path)


def opened(tmp_path, cells, labels=None, **options):
    """The source of a table with a column x and labels y."""
    labels = labels or ["ab"[n % 2] for n in range(len(cells))]
    quoted = [f'"{cell}"' for cell in cells]
    return table(path=write(tmp_path, quoted, labels), label="y", **options)


def read(source, split="all"):
    """The columns and the labels of all rows of a split."""
    pieces = list(source.read()[split])
    columns = {
        name: np.concatenate([piece.inputs[name] for piece in pieces])
        for name in pieces[0].inputs
    }
    return columns | {"label": np.concatenate([piece.labels for piece in pieces])}


def found(source):
    """The notices of a source as text."""
    return [str(notice) for notice in source.notices.found()]


NAN = np.nan
DAY = 86400.0
COLUMNS = {
    "numbers": (["1", " 2.5", "1e3", "-0.5 ", "+7"], [1, 2.5, 1000, -0.5, 7]),
    "thousands": (["1,234", "12", "1,234,567.5"], [1234, 12, 1234567.5]),
    "later thousands": ([*"12345678", "1,000"], [*range(1, 9), 1000]),
    "money": (["$5", "$1,250.50", "-$3"], [5, 1250.5, -3]),
    "euros": (["5 €", "7 €"], [5, 7]),
    "percent": (["5%", "12.5 %"], [5, 12.5]),
    "truths": (["True", "false", "TRUE"], [1, 0, 1]),
    "dates": (["1970-01-02", "1969-12-31"], [DAY, -DAY]),
    "times": (["1970-01-01T01:00:00Z", "1970-01-01 02:00+01:00"], [3600, 3600]),
    "german dates": (["02.01.1970", "31.12.1969"], [DAY, -DAY]),
    "american dates": (["01/02/1970", "12/31/1969 1:00 PM"], [DAY, -DAY + 46800]),
    "european dates": (["02/01/1970", "31/12/1969"], [DAY, -DAY]),
    "month names": (["2 Jan 1970", "31-Dec-1969"], [DAY, -DAY]),
    "large": (["9007199254740993", "9007199254740995"], [2.0**53, 2.0**53 + 4]),
    "minus": (["−5", "3"], [-5, 3]),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_of_one_form_becomes_numbers(tmp_path, name):
    cells, numbers = COLUMNS[name]
    np.testing.assert_array_equal(read(opened(tmp_path, cells))["x"], numbers)


@pytest.mark.parametrize("size", [16, 2**22])
@pytest.mark.parametrize(
    "marker", ["NULL", "N/A", "None", "nan", "-", "?", "", " ", " NA", ".", "missing"]
)
def test_a_marker_among_numbers_is_missing_and_counted(
    tmp_path, monkeypatch, marker, size
):
    monkeypatch.setattr(csv_files, "BLOCK_BYTES", size)
    cells = [str(n) for n in range(30)]
    cells[20] = marker
    source = opened(tmp_path, cells)
    expected = np.where(np.arange(30) == 20, NAN, np.arange(30))
    np.testing.assert_array_equal(read(source)["x"], expected)
    counted = [line for line in found(source) if "taken as missing" in line]
    assert len(counted) == bool(marker.strip())
    assert all(
        line.startswith(f"1 cells {marker!r} of 'x'") and line.endswith("t.csv:22")
        for line in counted
    )


@pytest.mark.parametrize("size", [16, 2**22])
@pytest.mark.parametrize("row", [0, 5, 29])
def test_another_word_among_numbers_is_refused_with_its_place(
    tmp_path, monkeypatch, row, size
):
    monkeypatch.setattr(csv_files, "BLOCK_BYTES", size)
    cells = [str(n) for n in range(30)]
    cells[row] = "about 7"
    match = f"t.csv:{row + 2}: 'about 7'.*ingest.missing.*ingest.categorical"
    with pytest.raises(ValueError, match=match):
        opened(tmp_path, cells).read()
    columns = read(opened(tmp_path, cells, missing=("About 7",)))
    assert np.flatnonzero(np.isnan(columns["x"])).tolist() == [row]
    assert read(opened(tmp_path, cells, categorical=("x",)))["x"].tolist() == cells
    with pytest.raises(ValueError, match=f"t.csv:{row + 2}: not a number.*about 7"):
        opened(tmp_path, cells, numeric=("x",)).read()


@pytest.mark.parametrize("size", [16, 2**22])
@pytest.mark.parametrize("first", [0, 20])
def test_mostly_words_are_words_wherever_the_numbers_stand(
    tmp_path, monkeypatch, first, size
):
    monkeypatch.setattr(csv_files, "BLOCK_BYTES", size)
    cells = [f"word {n}" for n in range(40)]
    cells[first : first + 10] = map(str, range(10))
    assert read(opened(tmp_path, cells))["x"].tolist() == cells


def test_a_missing_number_is_one_however_it_is_written(tmp_path):
    cells = ["1", "-999.0", "-999", "-9.99e2", "2"]
    columns = read(opened(tmp_path, cells, missing=("-999",)))
    np.testing.assert_array_equal(columns["x"], [1, NAN, NAN, NAN, 2])
    columns = read(opened(tmp_path, cells, missing=("-999",), categorical=("x",)))
    assert columns["x"].tolist() == ["1", "", "", "", "2"]


def test_na_is_a_word_where_the_column_is_said_to_hold_names(tmp_path):
    cells = ["NA", "DE", "", "NA"]
    assert read(opened(tmp_path, cells))["x"].tolist() == ["", "DE", "", ""]
    columns = read(opened(tmp_path, cells, categorical=("x",)))
    assert columns["x"].tolist() == cells


REFUSED = {
    "two meanings": ["1/2/2020", "3/4/2021"],
    "has no value in any row.*ingest.ignore": ["", "NA", " "],
}


@pytest.mark.parametrize("message", REFUSED)
def test_a_column_without_one_meaning_is_refused(tmp_path, message):
    cells = REFUSED[message]
    with pytest.raises(ValueError, match=message):
        opened(tmp_path, cells).read()
    source = opened(tmp_path, cells, categorical=("x",))
    assert len(read(source)["x"]) == len(cells)


def test_a_decimal_comma_is_a_number_or_refused_never_a_word(tmp_path):
    labels = ["a", "b", "a"]

    def source(cells, others=("0", "1", "2"), **options):
        columns = cells, others, labels
        path = write(tmp_path, *columns, header="x;z;y", separator=";")
        return table(path=path, label="y", **options)

    commas = ["1,5", "2,25", "3"]
    np.testing.assert_array_equal(read(source(commas))["x"], [1.5, 2.25, 3])
    with pytest.raises(ValueError, match="'x' has numbers with ','.*ingest.decimal=,"):
        source(commas, ["0.5", "1.5", "2"]).read()
    thousands = ["1,234", "2,345", "3"]
    with pytest.raises(ValueError, match="two meanings.*ingest.decimal"):
        source(thousands).read()
    for decimal, first in ((".", 1234), (",", 1.234)):
        assert read(source(thousands, decimal=decimal))["x"][0] == first


def test_labels_are_trimmed_and_decimals_of_whole_ones_left_out(tmp_path):
    labels = ["no ", " no", "no", "1.0", "1", "1.00", "1.5", "01"]
    source = opened(tmp_path, list("12345678"), labels)
    expected = ["no", "no", "no", "1", "1", "1", "1.5", "01"]
    assert read(source)["label"].tolist() == expected
    assert any(line.startswith("2 labels with spaces") for line in found(source))
    assert any(line.startswith("2 labels like 1.0") for line in found(source))


@pytest.mark.parametrize("missing", ["", " ", "NA", "null", "nan"])
def test_rows_without_a_label_are_refused_or_left_out_and_counted(tmp_path, missing):
    cells, labels = list("123456"), ["a", "b", missing, "a", missing, "b"]
    match = "2 rows have no label: .*t.csv:4, .*t.csv:6.*ingest.drop_unlabelled=true"
    with pytest.raises(ValueError, match=match):
        opened(tmp_path, cells, labels).read()
    source = opened(tmp_path, cells, labels, drop_unlabelled=True)
    columns = read(source)
    assert columns["label"].tolist() == ["a", "b", "a", "b"]
    assert columns["x"].tolist() == [1, 2, 4, 6]
    dropped = next(line for line in found(source) if "without a label" in line)
    assert dropped.startswith("2 rows") and "t.csv:4" in dropped


def test_a_copy_of_the_label_is_refused_unless_it_is_meant(tmp_path):
    labels = ["0.0", "1", "1", "0"]
    cells = ["0", "1.0", " 1", "0"]
    with pytest.raises(ValueError, match=r"'x' is equal to the label.*ingest.ignore"):
        opened(tmp_path, cells, labels).read()
    for key in ("numeric", "categorical"):
        source = opened(tmp_path, cells, labels, **{key: ("x",)})
        source.read()
        assert any("equal to the label" in line for line in found(source))
    opened(tmp_path, ["0", "1", "1", "1"], labels).read()


def test_columns_that_tell_nothing_are_named(tmp_path):
    rows = range(40)
    columns = (
        [str(n) for n in rows],
        [f"id-{n}" for n in rows],
        ["7"] * 40,
        ["same"] * 40,
        [str(n % 9) for n in rows],
        ["ab"[n % 2] for n in rows],
    )
    path = write(tmp_path, *columns, header="number,name,seven,word,x,y")
    source = table(path=path, label="y")
    source.read()
    named = {line.partition(":")[0]: line.partition(": ")[2] for line in found(source)}
    assert named["2 columns that are the same in every row"] == "seven, word"
    ids = next(line for line in found(source) if "number or name the rows" in line)
    assert ids.endswith(": number, name")


def test_equal_inputs_and_equal_groups_have_one_key(tmp_path):
    columns = (
        ["1", "1.0", "-0", "0.0", "NA", "NULL", "2"],
        ["a", " a", "b", "b", "c", "c", "a"],
        ["g", "h", "g", "h", "g", "h", "g"],
        ["p", "q", "p", "q", "p", "q", "q"],
    )
    path = write(tmp_path, *columns, header="x,word,of,y")
    (rows,) = table(path=path, label="y", ignore=("of",)).read()["all"]
    assert len(set(rows.keys.tolist())) == 4
    np.testing.assert_array_equal(rows.keys[0:6:2], rows.keys[1:6:2])
    (rows,) = table(path=path, label="y", group="of").read()["all"]
    assert "of" not in rows.inputs
    assert len(set(rows.keys.tolist())) == 2


def test_splits_are_those_of_a_column_by_any_name_and_case(tmp_path):
    names = ["train", "Training", " DEV", "val", "validation", "TEST", "train"]
    path = write(tmp_path, list("1234567"), list("abababa"), names, header="x,y,part")
    (rows,) = table(path=path, label="y", split="part").read()["all"]
    expected = ["train", "train", "valid", "valid", "valid", "test", "train"]
    assert rows.split.tolist() == expected
    assert list(rows.inputs) == ["x"]
    path = write(tmp_path, list("12"), list("ab"), ["train", "holdout"], header="x,y,p")
    with pytest.raises(ValueError, match="t.csv:3: .* not tell. Received: 'holdout'"):
        table(path=path, label="y", split="p").read()


def test_test_is_the_latest_by_time(tmp_path):
    days = [f"2024-{1 + n // 28:02d}-{1 + n % 28:02d}" for n in range(100)]
    order = np.random.default_rng(0).permutation(100)
    columns = (
        [str(n) for n in order],
        [days[n] for n in order],
        ["ab"[n % 2] for n in order],
    )
    path = write(tmp_path, *columns, header="x,day,y")
    source = table(path=path, label="y", time="day")
    parts = {}
    for name, rows in split_rows(source.read(), 0.1, 0.2, 0, source.stratified):
        assert list(rows.inputs) == ["x"]
        parts.setdefault(name, []).extend(rows.inputs["x"].tolist())
    assert sorted(parts["test"]) == list(range(80, 100))
    assert sorted(parts["valid"]) == list(range(70, 80))
    path = write(tmp_path, list("12"), ["2024-01-01", ""], list("ab"), header="x,day,y")
    with pytest.raises(ValueError, match="t.csv:3: a row without a time"):
        table(path=path, label="y", time="day").read()


@pytest.mark.parametrize("folders", [False, True])
def test_splits_are_the_files_of_a_folder(tmp_path, folders):
    for number, name in enumerate(["train", "dev", "test"]):
        place = tmp_path / "data" / name if folders else tmp_path / "data"
        place.mkdir(parents=True, exist_ok=True)
        cells = [str(100 * number + n) for n in range(4)]
        write(place, cells, list("abab"), name=f"{name}.csv")
    given = table(path=str(tmp_path / "data"), label="y").read()
    values = {
        name: [x for r in rows for x in r.inputs["x"]] for name, rows in given.items()
    }
    assert values == {
        name: [100 * number + n for n in range(4)]
        for number, name in enumerate(["train", "valid", "test"])
    }


def test_splits_are_files_of_their_own_in_any_format(tmp_path):
    train = write(tmp_path, list("1234"), list("abab"))
    test = tmp_path / "test.parquet"
    parquet.write_table(pa.table({"y": ["a", "b"], "x": [5.0, 6.5]}), test)
    source = table(path=train, test_path=str(test), label="y")
    assert set(source.read()) == {"train", "test"}
    assert read(source, "test")["x"].tolist() == [5, 6.5]
    parquet.write_table(pa.table({"y": ["a", "b"]}), test)
    with pytest.raises(ValueError, match=r"test.parquet, of test, lacks columns.*'x'"):
        table(path=train, test_path=str(test), label="y").read()


@pytest.mark.parametrize("size", [64, 2**22])
def test_pieces_change_neither_columns_nor_labels_nor_keys(tmp_path, monkeypatch, size):
    path = tmp_path / "t.csv"
    stages.write_table(path, ["no", "yes"])
    options = {"path": str(path), "label": "verdict"}
    (whole,) = table(**options).read()["all"]
    monkeypatch.setattr(csv_files, "BLOCK_BYTES", size)
    pieces = list(table(**options).read()["all"])
    assert (len(pieces) > 1) == (size == 64)
    for name, values in whole.inputs.items():
        together = np.concatenate([piece.inputs[name] for piece in pieces])
        np.testing.assert_array_equal(together, values)
    for field in ("labels", "keys"):
        together = np.concatenate([getattr(piece, field) for piece in pieces])
        np.testing.assert_array_equal(together, getattr(whole, field))


@pytest.mark.parametrize("key", ["numeric", "categorical", "ignore"])
def test_a_declared_column_must_be_there(tmp_path, key):
    with pytest.raises(ValueError, match=f"ingest.{key}='z'.*'x', 'y'"):
        opened(tmp_path, ["1", "2"], **{key: ("z",)}).read()


def test_a_column_has_one_use(tmp_path):
    for keys in ({"numeric": ("x",), "ignore": ("x",)}, {"categorical": ("y",)}):
        with pytest.raises(ValueError, match="a column with two uses"):
            opened(tmp_path, ["1", "2"], **keys).read()


def test_bad_rows_are_left_out_counted_and_listed(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("x,y\n1,a\n2,b,c\n3,b\n")
    source = table(path=str(path), label="y", max_bad_rows=1)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    source.prepare(Scratch(scratch))
    assert read(source)["x"].tolist() == [1, 3]
    assert any("cannot be read" in line and "t.csv:3" in line for line in found(source))
    listed = (scratch / "bad_rows.csv").read_text().splitlines()
    assert listed[0] == "file,line,column,value,reason"
    assert listed[1].endswith("t.csv,3,,3 values,a row of another length")


def test_a_hundred_thousand_categories_take_the_room_of_their_places(tmp_path):
    many = [f"c{n}" for n in range(20_000)]
    path = write(tmp_path, many, ["ab"[n % 2] for n in range(20_000)])
    source = table(path=path, label="y")
    (column,) = describe(rows.inputs for rows in source.read()["all"])
    assert column["kind"] == "hashed"


def test_a_column_weights_the_rows_and_is_no_input(tmp_path):
    given = list("1234"), ["1", "0.5", "0", "2"], list("abab")
    source = table(path=write(tmp_path, *given, header="x,w,y"), label="y", weight="w")
    (rows,) = source.read()["all"]
    assert rows.weights.tolist() == [1, 0.5, 0, 2] and list(rows.inputs) == ["x"]
    for wrong, told in (("-1", "the least is -1"), ("NA", "'NA' in .*t.csv:3")):
        given[1][1] = wrong
        path = write(tmp_path, *given, header="x,w,y")
        with pytest.raises(ValueError, match=f"a weight that is none.*{told}"):
            table(path=path, label="y", weight="w").read()


def test_each_file_has_its_own_decimal_mark(tmp_path):
    folder = tmp_path / "parts"
    folder.mkdir()
    write(
        folder,
        ["1,5", "2,5"],
        list("ab"),
        name="train.csv",
        separator=";",
        header="x;y",
    )
    write(folder, ["3.5", "4.5"], list("ab"), name="test.csv")
    parquet.write_table(
        pa.table({"x": [5.5, 6.5], "y": ["a", "b"]}), folder / "valid.parquet"
    )
    source = table(path=str(folder), label="y")
    found = {split: read(source, split)["x"].tolist() for split in source.read()}
    assert found == {"train": [1.5, 2.5], "test": [3.5, 4.5], "valid": [5.5, 6.5]}

import gzip
import hashlib
import re

import numpy as np
import pytest

from phistar.components import ingest
from phistar.components.artifacts import Dataset
from phistar.components.data import checks
from phistar.components.data.divisions import hash_positions
from phistar.components.data.sources.base import Rows
from phistar.components.data.sources.table import table
from phistar.components.data.splits import split_rows
from tests.helpers import stages

BINARY = {"name": "binary", "positive": "yes"}
MULTICLASS = {"name": "multiclass"}
SPLITS = ("train", "valid", "test")


def lines_of(num_rows, seed=0):
    """Rows of a table: a number, a word, and every second time "yes"."""
    rng = np.random.default_rng(seed)
    return [
        f"{rng.normal():.6f},{rng.choice(['a', 'b'])},{('no', 'yes')[row % 2]}"
        for row in range(num_rows)
    ]


def write(folder, lines, header="x,word,verdict"):
    """A CSV file in `folder`; returns its path."""
    path = folder / "table.csv"
    path.write_text("\n".join([header, *lines]) + "\n", "utf-8")
    return path


def run(path, folder, task=BINARY, label="verdict", **options):
    """The real ingest of a table.  -> Dataset."""
    given = {"source": "table", "path": str(path), "label": label} | options
    return Dataset.load(stages.call(ingest, folder, task=task, **given))


def split_of(lines, seed=0):
    """Line -> the split that it is in, at the default fractions."""
    cells = [line.split(",") for line in lines]
    inputs = {
        "x": np.array([float(cell[0]) for cell in cells]),
        "word": np.array([cell[1] for cell in cells]),
    }
    rows = Rows(inputs, np.array(lines))
    splits = split_rows({"all": [rows]}, 0.1, 0.2, seed)
    return {line: name for name, part in splits for line in part.labels}


def parted(lines):
    """The lines with a column of splits, and header and key of `run` for it."""
    lines = [f"{line},{SPLITS[(0, 0, 0, 1, 2)[n % 5]]}" for n, line in enumerate(lines)]
    return lines, "x,word,verdict,part", {"split": "part"}


def digests(data, *splits):
    """SHA-256 of each file of some splits, and of dataset.json."""
    files = [f for s in splits for f in sorted((data.folder / s).iterdir())]
    files.append(data.folder / "dataset.json")
    return {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


def test_split_rows_holds_every_row_once():
    lines = lines_of(500)
    assert sorted(split_of(lines)) == sorted(lines)


def test_split_rows_has_about_the_fractions_asked_for():
    names = list(split_of(lines_of(5000)).values())
    for name, fraction in {"train": 0.7, "valid": 0.1, "test": 0.2}.items():
        error = (fraction * (1 - fraction) / 5000) ** 0.5
        assert abs(names.count(name) / 5000 - fraction) < 4 * error


def test_split_rows_moves_no_row_when_one_is_added():
    lines = lines_of(300)
    before, after = split_of(lines), split_of([*lines_of(20, seed=1), *lines])
    assert all(after[line] == before[line] for line in lines)


def test_split_rows_puts_equal_inputs_into_one_split():
    lines = lines_of(300)
    other_label = [line.rpartition(",")[0] + ",maybe" for line in lines]
    names = split_of([*lines, *other_label])
    for line, twin in zip(lines, other_label, strict=True):
        assert names[line] == names[twin]


def test_split_rows_is_another_for_another_seed():
    lines = lines_of(300)
    assert split_of(lines, seed=0) != split_of(lines, seed=1)


def test_split_rows_keeps_the_test_split_of_the_source():
    train, test = (
        Rows(np.arange(n)[:, None], np.arange(n).astype(str)) for n in (300, 50)
    )
    splits = dict(split_rows({"train": [train], "test": [test]}, 0.1, 0.2, 0))
    assert splits["test"].inputs is test.inputs
    assert splits["test"].labels is test.labels
    both = np.concatenate([splits["train"].labels, splits["valid"].labels])
    assert sorted(both) == sorted(train.labels)
    assert 10 < len(splits["valid"]) < 60


def test_hash_positions_of_zero_do_not_depend_on_its_sign():
    zeros = [{"x": np.array([zero])} for zero in (0.0, -0.0)]
    assert len({hash_positions(inputs, 0)[0] for inputs in zeros}) == 1


def test_hash_positions_of_images_depend_on_every_pixel():
    images = np.zeros((65, 8, 8, 1), "uint8")
    images.reshape(65, 64)[np.arange(64), np.arange(64)] = 1
    assert len(set(hash_positions(images, 0))) == 65


def test_run_writes_nothing_of_test_into_train_and_valid(tmp_path):
    lines, header, split = parted(lines_of(200))
    # others in the place of test: huge, and of a word of its own
    spare = (f"{1e6 + i},strange,{('no', 'yes')[i % 2]},test" for i in range(2000))
    altered = [next(spare) if line.endswith("test") else line for line in lines]
    data, other = (
        run(write(tmp_path, table, header), tmp_path / name, **split)
        for name, table in (("data", lines), ("other", altered))
    )
    assert digests(data, "train", "valid") == digests(other, "train", "valid")
    assert digests(data, "test") != digests(other, "test")


def test_run_fits_statistics_on_train(tmp_path):
    data = run(write(tmp_path, lines_of(200)), tmp_path)
    number = {name: data.split(name)[0][:, 0].astype("float64") for name in SPLITS}
    np.testing.assert_allclose(number["train"].mean(), 0, atol=1e-6)
    np.testing.assert_allclose(number["train"].var(), 1, rtol=1e-5)
    assert abs(number["valid"].mean()) > 1e-3


def test_run_gives_raw_test_inputs_in_the_order_of_the_arrays(tmp_path):
    lines = lines_of(200)
    data = run(write(tmp_path, lines, "x,file,verdict"), tmp_path)
    column = data.description["inputs"]["encoder"]["columns"][0]
    scaled = (data.raw()["x"] - column["mean"]) / column["variance"] ** 0.5
    np.testing.assert_allclose(data.split("test")[0][:, 0], scaled, atol=1e-5)
    label_of = {float(line.split(",")[0]): line.split(",")[2] for line in lines}
    values = [{"no": -1, "yes": 1}[label_of[x]] for x in data.raw()["x"]]
    np.testing.assert_array_equal(data.split("test")[1], values)


def test_run_twice_gives_equal_bytes(tmp_path):
    path = write(tmp_path, lines_of(200))
    once, twice = run(path, tmp_path / "once"), run(path, tmp_path / "twice")
    assert digests(once, *SPLITS) == digests(twice, *SPLITS)
    assert once.digests == twice.digests


def test_run_reads_a_compressed_table_alike(tmp_path):
    path = write(tmp_path, lines_of(200))
    packed = tmp_path / "table.csv.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    plain, unpacked = run(path, tmp_path / "a"), run(packed, tmp_path / "b")
    assert plain.digests == unpacked.digests


def test_run_counts_the_labels_of_train(tmp_path):
    data = run(write(tmp_path, lines_of(200)), tmp_path)
    values = data.split("train")[1]
    counts = [int((values == value).sum()) for value in (-1, 1)]
    assert data.description["train_counts"] == counts


def relabelled(lines, split, names):
    """The lines of `parted`, those of one split with other labels in turn."""
    rows = [row for row, line in enumerate(lines) if line.endswith(split)]
    changed = list(lines)
    for turn, row in enumerate(rows):
        x, word, _, part = lines[row].split(",")
        changed[row] = ",".join([x, word, names[turn % len(names)], part])
    return changed


def first_row(lines, label):
    """The row of the file that a label is in first, from 0, the header apart."""
    return next(i for i, line in enumerate(lines) if f",{label}" in line)


def test_run_refuses_all_labels_that_train_has_not_with_their_rows(tmp_path):
    lines, header, split = parted(lines_of(200))
    lines = relabelled(lines, "valid", ["no", "yes", "perhaps"])
    lines = relabelled(lines, "test", ["no", "yes", "never"])
    rows = [first_row(lines, label) for label in ("perhaps", "never")]
    match = (
        rf"'perhaps' \(row {rows[0]}, in valid\), 'never' \(row {rows[1]}, in test\)"
        ".*'no', 'yes'"
    )
    with pytest.raises(ValueError, match=match):
        run(write(tmp_path, lines, header), tmp_path, MULTICLASS, **split)


def test_run_shortens_an_error_about_many_labels(tmp_path):
    lines, header, split = parted(lines_of(3000))
    lines = relabelled(lines, "test", [f"label {n}" for n in range(600)])
    with pytest.raises(ValueError, match="and 590 more") as error:
        run(write(tmp_path, lines, header), tmp_path, MULTICLASS, **split)
    assert len(str(error.value)) < 1000


def test_run_refuses_a_third_label_of_a_binary_task(tmp_path):
    lines, header, split = parted(lines_of(200))
    lines = relabelled(lines, "train", ["no", "yes", "perhaps"])
    row = first_row(lines, "perhaps")
    with pytest.raises(ValueError, match=f"third one, 'perhaps', in row {row}"):
        run(write(tmp_path, lines, header), tmp_path, **split)


@pytest.mark.parametrize("split", SPLITS)
def test_run_refuses_one_class_only(tmp_path, split):
    lines, header, key = parted(lines_of(200))
    lines = relabelled(lines, split, ["yes"])
    with pytest.raises(ValueError, match="one class only") as error:
        run(write(tmp_path, lines, header), tmp_path, **key)
    assert split in str(error.value)


@pytest.mark.parametrize("num_rows", [1, 3])
def test_run_refuses_an_empty_split(tmp_path, num_rows):
    with pytest.raises(ValueError, match=f"an empty split: .* {num_rows} rows in all"):
        run(write(tmp_path, lines_of(num_rows)), tmp_path)


def checked(path, task=BINARY, label="verdict"):
    """The message of the check before TensorFlow is imported, or None."""
    opened = table(path=str(path), label=label)
    try:
        checks.require(task, opened, "table", 0.1, 0.2, 0)
    except ValueError as error:
        return str(error)
    return None


@pytest.mark.parametrize("task", [BINARY, MULTICLASS])
@pytest.mark.parametrize("seed", range(12))
def test_the_early_check_refuses_what_ingest_refuses_and_nothing_else(
    tmp_path, seed, task
):
    rng = np.random.default_rng(seed)
    lines = lines_of(int(rng.integers(5, 60)), seed)
    if seed % 3 == 1:  # some labels are another one
        lines = [
            line.rsplit(",", 1)[0] + ",perhaps" if rng.random() < 0.1 else line
            for line in lines
        ]
    if seed % 4 == 1:  # a row that is too short
        lines[rng.integers(len(lines))] = "1,a"
    path = write(tmp_path, lines)
    early = checked(path, task)
    try:
        run(path, tmp_path, task)
    except ValueError as error:
        assert early and early.split(".")[0] == str(error).split(".")[0]
    else:
        assert early is None


def test_the_early_check_of_many_rows_makes_no_splits(tmp_path, monkeypatch):
    monkeypatch.setattr("phistar.components.data.cells.table.FEW_ROWS", 50)
    lines = lines_of(60)
    assert checked(write(tmp_path, lines)) is None
    for change, message in (
        ("1,a,perhaps", "third one, 'perhaps', in row 60"),
        ("1,a,", "table.csv:62"),
        ("1,a", "table.csv:62: a row of another length"),
    ):
        assert message in checked(write(tmp_path, [*lines, change]))
    assert "one class only" in checked(write(tmp_path, [x for x in lines if "no" in x]))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "is empty"),
        (b"x,word,verdict\n", "no row below its header"),
        (
            b"x,word,verdict\n1,a,yes\n2,b\n",
            "csv:3: a row of another.*: 2",
        ),
        (b"x,word,verdict\n1,a,yes,9\n", "csv:2: a row of another.*: 4"),
        (
            b"x,word,verdict\n1,a,yes,\n2,b,no,\n",
            "csv:2: a row of another.*: 4",
        ),
        (b'x,word,verdict\n1,"a,yes\n', "csv:2: not a row.*unexpected end of data"),
        (
            b"x,word,verdict\n1,a,y\xff\n",
            "csv:2: text that is not UTF-8.*0xff.*ingest.encoding=cp1252",
        ),
        (b"x,word,verdict\n1,a,\n", "1 row has no label: .*csv:2.*drop_unlabelled"),
        (b"x,word\n1,a\n", "no such column. Received: ingest.label='verdict'"),
        (b"x,x,verdict\n1,a,yes\n", "two columns"),
    ],
)
def test_run_refuses_a_table_that_is_broken(tmp_path, text, message):
    path = tmp_path / "table.csv"
    path.write_bytes(text)
    assert re.search(message, checked(path))
    with pytest.raises(ValueError, match=message):
        run(path, tmp_path)


def test_run_refuses_a_damaged_archive(tmp_path):
    path = tmp_path / "table.csv.gz"
    whole = gzip.compress(write(tmp_path, lines_of(500)).read_bytes())
    for text in (whole[: len(whole) // 2], whole[:40] + whole[60:]):
        path.write_bytes(text)
        with pytest.raises(ValueError, match="gz cannot be read.*whole archive"):
            run(path, tmp_path / str(len(text)))


def test_run_refuses_a_file_that_is_not_there(tmp_path):
    path = tmp_path / "nothing.csv"
    with pytest.raises(ValueError, match=f"no such file. Received: .*{path}"):
        run(path, tmp_path)


def test_run_refuses_a_column_without_numbers(tmp_path):
    lines = [
        f"{line.split(',', 1)[0]},NA,{line[-3:].strip(',')}" for line in lines_of(99)
    ]
    with pytest.raises(ValueError, match="'word' has no value.*ingest.ignore"):
        run(write(tmp_path, lines), tmp_path)


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("value", ["inf", "-1e39"])
def test_run_refuses_an_infinite_number_with_column_and_row(tmp_path, split, value):
    # -1e39 is finite in the file, but not in float32
    lines, header, key = parted(lines_of(200))
    lines.insert(150, f"{value},a,no,{split}")
    match = f"row 150, in {split}: the column 'x' is not finite. Received: {value[:3]}"
    with pytest.raises(ValueError, match=match):
        run(write(tmp_path, lines, header), tmp_path, **key)

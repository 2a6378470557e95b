"""Data written out to files give the arrays, bit for bit, of their own source."""

import csv as csv_module
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_breast_cancer

from phistar.components import ingest
from phistar.components.data.sources.base import Overview
from phistar.components.data.sources.breast_cancer import breast_cancer
from phistar.components.data.splits import SPLITS, split_rows
from phistar.components.labels import first_rows
from tests.helpers import stages

BREAST_CANCER = {"name": "binary", "positive": "malignant"}
DIGITS = {"name": "multiclass"}


def files(folder):
    """Every file of a Dataset -> its bytes, the journal left out."""
    found = [f for f in Path(folder).rglob("*") if f.is_file()]
    return {
        f.relative_to(folder).as_posix(): f.read_bytes()
        for f in found
        # the page names the source
        if f.name not in ("journal.jsonl", "source.json")
    }


@pytest.fixture(scope="module")
def built_in(tmp_path_factory):
    """The files of both data sets by their own sources."""
    folder = tmp_path_factory.mktemp("built_in")
    return {
        name: files(stages.call(ingest, folder / name, task=task, source=name))
        for name, task in (("breast_cancer", BREAST_CANCER), ("digits", DIGITS))
    }


def test_overview_of_breast_cancer_is_that_of_its_rows():
    (rows,) = breast_cancer().read()["all"]
    found = Overview(first_rows(rows.labels), len(rows))
    assert breast_cancer().overview() == found


@pytest.fixture(scope="module")
def split():
    """The split of each row of breast cancer, by its own source."""
    found = {}
    for name, rows in split_rows(breast_cancer().read(), 0.1, 0.2, 0):
        found |= dict.fromkeys(rows.numbers.tolist(), name)
    return [found[number] for number in sorted(found)]


def same_arrays(folder, built_in):
    """Assert that all arrays of a Dataset of a table are those of breast cancer."""
    arrays = {n: b for n, b in built_in["breast_cancer"].items() if n.endswith(".npy")}
    assert len(arrays) > 6
    found = files(folder)
    assert {name: found[name] for name in arrays} == arrays


def test_csv_of_breast_cancer(built_in, split, tmp_path):
    (rows,) = breast_cancer().read()["all"]
    # the label between the columns, and their names with spaces
    columns = [("diagnosis", rows.labels), *rows.inputs.items()]
    columns = [*columns[1:8], columns[0], *columns[8:]]
    header = [name.replace("_", " ") for name, _ in columns]
    with (tmp_path / "breast_cancer.csv").open("w", newline="") as file:
        writer = csv_module.writer(file)
        writer.writerow([*header, "part"])
        writer.writerows(zip(*[c.tolist() for _, c in columns], split, strict=True))
    table = {"source": "table", "path": str(file.name), "label": "diagnosis"}
    given = table | {"split": "part"}
    same_arrays(stages.call(ingest, tmp_path, task=BREAST_CANCER, **given), built_in)


@pytest.mark.parametrize("suffix", ["csv", "parquet", "feather", "jsonl"])
def test_breast_cancer_by_pandas(built_in, split, tmp_path, suffix):
    data = load_breast_cancer(as_frame=True)
    frame = data.data.assign(diagnosis=data.target_names[data.target], part=split)
    path = tmp_path / f"breast_cancer.{suffix}"
    match suffix:
        case "csv":
            frame.to_csv(path, index=False)
        case "jsonl":
            frame.to_json(path, orient="records", lines=True, double_precision=15)
        case _:
            getattr(frame, f"to_{suffix}")(path)
    table = {"source": "table", "path": str(path), "label": "diagnosis"}
    given = table | {"split": "part"}
    same_arrays(stages.call(ingest, tmp_path, task=BREAST_CANCER, **given), built_in)


@pytest.mark.parametrize("name", ["{}.png", "{:05d}.png"])
def test_image_folder_of_digits(built_in, tmp_path, name):
    root = tmp_path / "digits"
    for split in SPLITS:
        inputs, labels = (
            np.load(io.BytesIO(built_in["digits"][f"{split}/{what}.npy"]))
            for what in ("inputs", "labels")
        )
        for number, (image, label) in enumerate(zip(inputs, labels, strict=True)):
            folder = root / split / str(label)
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image[..., 0]).save(folder / name.format(number))
    given = {"source": "image_folder", "path": str(root)}
    folder = stages.call(ingest, tmp_path, task=DIGITS, **given)
    assert files(folder) == built_in["digits"]

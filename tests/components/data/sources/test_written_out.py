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
from phistar.components.data.splits import SPLITS
from phistar.components.labels import first_rows
from tests.helpers import stages

BREAST_CANCER = {"name": "binary", "positive": "malignant"}
DIGITS = {"name": "multiclass"}


def files(folder):
    """Every file of a Dataset -> its bytes, but of those that name the source."""
    found = [f for f in Path(folder).rglob("*") if f.is_file()]
    return {
        f.relative_to(folder).as_posix(): f.read_bytes()
        for f in found
        if f.name not in ("journal.jsonl", "data_card.html")
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
    found = Overview(first_rows(rows.labels.tolist()), len(rows))
    assert breast_cancer().overview() == found


def test_csv_of_breast_cancer(built_in, tmp_path):
    (rows,) = breast_cancer().read()["all"]
    # the label between the columns, and the names as scikit-learn has them
    columns = [("diagnosis", rows.labels), *rows.inputs.items()]
    columns = [*columns[1:8], columns[0], *columns[8:]]
    header = [name.replace("_", " ") for name, _ in columns]
    with (tmp_path / "breast_cancer.csv").open("w", newline="") as file:
        writer = csv_module.writer(file)
        writer.writerow(header)
        writer.writerows(zip(*[c.tolist() for _, c in columns], strict=True))
    table = {"source": "table", "path": str(file.name), "label": "diagnosis"}
    folder = stages.call(ingest, tmp_path, task=BREAST_CANCER, **table)
    assert files(folder) == built_in["breast_cancer"]


def test_csv_of_breast_cancer_by_pandas(built_in, tmp_path):
    data = load_breast_cancer(as_frame=True)
    frame = data.data.assign(diagnosis=data.target_names[data.target])
    frame.to_csv(tmp_path / "breast_cancer.csv", index=False)
    path = str(tmp_path / "breast_cancer.csv")
    table = {"source": "table", "path": path, "label": "diagnosis"}
    folder = stages.call(ingest, tmp_path, task=BREAST_CANCER, **table)
    assert files(folder) == built_in["breast_cancer"]


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

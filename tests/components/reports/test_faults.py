"""Faults that are put into real data: the report must find and state each one."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image
from sklearn import datasets

from phistar.components import ingest
from phistar.components.artifacts import Dataset, read_json, write_json
from phistar.components.data.sources.base import Rows, objects
from tests.helpers import stages
from tests.helpers.pages import Page
from tests.helpers.reports import evaluated, on_dataset, read

pytestmark = pytest.mark.heavy  # trains

CANCER = {"name": "binary", "positive": "malignant"}
PAIRS = {"name": "translation", "tokenizer": "bytes", "max_length": 64}
SMALL = {"num_layers": 1, "num_heads": 2, "model_dim": 16, "mlp_dim": 32}
LEARNT = {"loss": "logistic", "steps": 200, "eval_every": 100, "learning_rate": 0.02}


def cancer(labels=None):
    """The rows of breast_cancer, with their labels or others.  -> Rows"""
    data = datasets.load_breast_cancer()
    names = [name.replace(" ", "_") for name in data.feature_names]
    own = data.target_names[data.target].astype(str)
    columns = dict(zip(names, data.data.T, strict=True))
    return Rows(columns, own if labels is None else labels)


def verdict(report):
    return json.loads(read(report, "verdict.json"))


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    """A report on breast_cancer as it is."""
    folder = tmp_path_factory.mktemp("honest")
    return evaluated(folder, {"all": cancer()}, CANCER, **LEARNT)


def test_labels_as_they_are_can_be_learnt(honest):
    found = verdict(honest)
    assert found["verdict"] == "better" and found["warnings"] == []
    assert found["sentence"].startswith("Better than guessing by ")


@pytest.mark.parametrize("seed", [0, 1])
def test_shuffled_labels_are_not_better_than_guessing(tmp_path, seed):
    labels = np.random.default_rng(seed).permutation(cancer().labels)
    report = evaluated(tmp_path, {"all": cancer(labels)}, CANCER, **LEARNT)
    found = verdict(report)
    assert found["verdict"] == "not better"
    assert found["sentence"].startswith("Not better than guessing: ")
    for name in ("report.html", "card.html", "card.md"):
        assert "Not better than guessing" in read(report, name)
    # the decisions are no better than a vote, which is said apart
    assert any("decisions" in warning for warning in found["warnings"])


def test_rows_of_test_copied_into_train_are_counted(honest, tmp_path):
    """The split goes by a hash of the inputs: only arrays can have such a leak."""
    folder = tmp_path / "dataset"
    shutil.copytree(honest.parent / "ingest", folder)
    data = Dataset.load(folder)
    for name, side in (("inputs", 0), ("labels", 1)):
        train, test = (
            np.asarray(data.split(split)[side]) for split in ("train", "test")
        )
        np.save(folder / "train" / f"{name}.npy", np.concatenate([train, test[:50]]))
    description = read_json(folder / "dataset.json")
    index = data.space.index(np.asarray(data.split("test")[1])[:50])
    copied = np.bincount(index, minlength=2)
    counts = np.array(description["train_counts"]) + copied
    write_json(folder / "dataset.json", description | {"train_counts": counts.tolist()})

    report = on_dataset(tmp_path, folder, CANCER, **LEARNT)
    (warning,) = verdict(report)["warnings"]
    nll = np.load(report / "test_nll.npy").astype("float64")
    assert warning.startswith(f"50 of {len(nll)} inputs of test")
    assert "are in train too" in warning
    assert f"without them -ln P is {nll[50:].mean():.4f}" in warning
    for name in ("report.html", "card.html"):
        page = Page(read(report, name))
        assert warning in page.text
        rows = {row[0]: row[1:] for row in page.table("split", "rows")}
        assert rows["test"][-1] == "50"


def test_pictures_of_test_copied_into_train_are_counted(tmp_path):
    """Folders that the user has split are taken as they are."""
    images, labels = datasets.load_digits(return_X_y=True)
    root = tmp_path / "images"
    for row in range(300):
        split = "test" if row >= 240 else "train"
        save(images[row], root / split / str(labels[row] % 2) / f"{row}.png")
    for row in range(240, 247):  # seven of test, under other names
        save(images[row], root / "train" / str(labels[row] % 2) / f"copy{row}.png")
    dataset = stages.call(
        ingest,
        tmp_path,
        task={"name": "multiclass"},
        source="image_folder",
        path=str(root),
    )
    report = on_dataset(tmp_path, dataset, {"name": "multiclass"}, batch_size=16)
    found = [w for w in verdict(report)["warnings"] if "inputs of test" in w]
    seen = [w.split(" are in ")[1].split()[0] for w in found]
    # a hash takes some rows of train for valid
    assert set(seen) <= {"train", "valid"}
    assert sum(int(w.split()[0]) for w in found) == 7


def save(digit, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((digit.reshape(8, 8) * 15).astype("uint8")).save(path)


def pairs(numbers):
    """Sentence pairs, each of which is told apart by its numbers.  -> Rows"""
    words = ["la", "bim", "bam", "dum", "do", "re", "mi", "fa"]
    sources = [" ".join(words[int(c)] for c in f"{number:04o}") for number in numbers]
    targets = [" ".join(s.split()[::-1]) for s in sources]
    return Rows(*(objects([s.encode() for s in side]) for side in (sources, targets)))


def test_a_source_of_test_in_train_is_named(tmp_path):
    """A source of data that gives its own test split may give such pairs."""
    train, test = pairs(range(0, 80)), pairs(range(200, 220))
    train.inputs[3] = test.inputs[5]  # its own translation is another
    given = {"train": train, "valid": pairs(range(100, 120)), "test": test}
    report = evaluated(
        tmp_path,
        given,
        PAIRS,
        "transformer",
        SMALL,
        steps=4,
        eval_every=4,
        batch_tokens=512,
    )
    (warning,) = verdict(report)["warnings"]
    assert warning.startswith("1 of 20 sources of test (5.0%) are in train too")
    page = Page(read(report, "report.html"))
    assert warning in page.text
    rows = {row[0]: row[1:] for row in page.table("split", "rows")}
    assert rows["test"][-1] == "1" and rows["valid"][-1] == "0"

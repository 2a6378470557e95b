"""Every law is asked of every case; a case runs the five stages once a session."""

import functools
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from components.artifacts import Dataset, make_encoder
from tests import stages

BREAST_CANCER = {"name": "binary", "positive": "malignant"}
TABLE = {"name": "binary", "positive": "ja"}
MULTICLASS = {"name": "multiclass"}

# name -> (task, sections of ingest, build, train); "TABLE" is a file of the fixture
CASES = {
    "breast_cancer_linear_logistic": (
        BREAST_CANCER,
        {"source": "breast_cancer"},
        {"network": "linear"},
        {"loss": "logistic", "steps": 40, "eval_every": 20, "learning_rate": 0.01},
    ),
    "breast_cancer_mlp_hinge": (
        BREAST_CANCER,
        {"source": "breast_cancer"},
        {"network": "mlp", "mlp_dim": 8},
        {"loss": "hinge", "steps": 40, "eval_every": 20, "learning_rate": 0.01},
    ),
    "digits_vgg_small_cross_entropy": (
        MULTICLASS,
        {"source": "digits", "test_fraction": 0.4},
        {"network": "vgg_small", "num_blocks": 1, "width": 4, "mlp_dim": 16},
        {
            "loss": "cross_entropy",
            "steps": 120,
            "eval_every": 60,
            "learning_rate": 0.01,
        },
    ),
    "table_linear_hinge": (
        TABLE,
        {"source": "csv", "path": "TABLE", "label": "verdict"},
        {"network": "linear"},
        {"loss": "hinge", "steps": 40, "eval_every": 20, "learning_rate": 0.01},
    ),
    "table_mlp_cross_entropy": (
        MULTICLASS,
        {"source": "csv", "path": "TABLE", "label": "verdict"},
        {"network": "mlp", "mlp_dim": 8},
        {
            "loss": "cross_entropy",
            "steps": 40,
            "eval_every": 20,
            "learning_rate": 0.02,
            "label_smoothing": 0.1,
        },
    ),
}
TABLE_LABELS = {"binary": ["nein", "ja"], "multiclass": ["10", "9", "größer"]}


@dataclass(frozen=True)
class Case:
    """One export, loaded, and what it was made from.

    Args:
        name: of the case.
        folders: of the stages' outputs, see tests/stages.py.
        data: Dataset.
        signatures: of the SavedModel as loaded.
        contract: dict.
    """

    name: str
    folders: object
    data: Dataset
    signatures: dict
    contract: dict

    @property
    def saved_model(self):
        """Folder of the SavedModel."""
        return Path(self.folders.export) / "saved_model"

    @property
    def kind(self):
        """Of the inputs: "columns" or "images"."""
        return self.data.description["inputs"]["kind"]

    @property
    def names(self):
        """The labels, as str."""
        return self.data.space.names

    @property
    def num_test(self):
        """Rows of the test split."""
        return len(self.data.split("test")[1])

    def request(self, rows=slice(None)):
        """Raw test inputs as the SavedModel takes them.  -> dict of arrays [B]."""
        return self.encoder.request(self.data.raw(), rows)

    @functools.cached_property
    def encoder(self):
        """Columns or Images."""
        return make_encoder(self.data)

    @functools.cached_property
    def test_labels(self):
        """The labels of test, by name.  -> list of str [N]."""
        values = self.data.split("test")[1]
        return [self.names[i] for i in self.data.space.index(values)]

    @functools.cached_property
    def predicted(self):
        """What `predict` answers for all test inputs."""
        return self.ask("predict", **self.request())

    def ask(self, signature, **inputs):
        """Call a signature.  dict of arrays -> dict of np.ndarray."""
        tensors = {name: tf.constant(values) for name, values in inputs.items()}
        answer = self.signatures[signature](**tensors)
        return {name: value.numpy() for name, value in answer.items()}

    def draw(self, inputs, seed=0, temperature=1.0, top_k=10**6, top_p=1.0):
        """Call `sample`; a knob is one number, or one for each row."""
        size = len(next(iter(inputs.values())))

        def knob(value, dtype):
            return np.broadcast_to(np.asarray(value, dtype), size)

        return self.ask(
            "sample",
            **inputs,
            seed=knob(seed, "int64"),
            temperature=knob(temperature, "float32"),
            top_k=knob(top_k, "int32"),
            top_p=knob(top_p, "float32"),
        )


@pytest.fixture(scope="session")
def make_case(tmp_path_factory):
    """Name -> Case, each made once."""

    made = {}

    def make(name):
        if name not in made:
            made[name] = None
            made[name] = new(name)
        if made[name] is None:
            pytest.fail(f"the stages of {name} have failed before")
        return made[name]

    def new(name):
        task, ingest, build, train = CASES[name]
        folder = tmp_path_factory.mktemp(name)
        if ingest["source"] == "csv":
            table = folder / "table.csv"
            stages.write_table(table, TABLE_LABELS[task["name"]])
            ingest = ingest | {"path": str(table)}
        sections = {"ingest": ingest, "build": build, "train": train}
        folders = stages.run(folder, task, sections)
        saved_model = Path(folders.export) / "saved_model"
        return Case(
            name=name,
            folders=folders,
            data=Dataset.load(folders.dataset),
            signatures=tf.saved_model.load(str(saved_model)).signatures,
            contract=json.loads((saved_model / "contract.json").read_text("utf-8")),
        )

    return make


@pytest.fixture(params=CASES)
def case(request, make_case):
    """Each case in turn."""
    return make_case(request.param)


@pytest.fixture(params=[n for n in CASES if CASES[n][1]["source"] != "digits"])
def column_case(request, make_case):
    """Each case whose inputs are columns."""
    return make_case(request.param)


@pytest.fixture(params=[n for n in CASES if CASES[n][1]["source"] == "digits"])
def image_case(request, make_case):
    """Each case whose inputs are images."""
    return make_case(request.param)

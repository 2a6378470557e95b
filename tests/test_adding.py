"""CONTRIBUTING's lists are whole: one of each thing is added to a copy of the tree.

Each list is the files of a table below: new files, a case in each table named, and a
recipe. A run through all five stages then shows that nothing else had to be known.
"""

from typing import NamedTuple

import pytest
import yaml

from tests.helpers.commands import copy_code, edit, phistar


class Case(NamedTuple):
    """A case of a table: its name, and the module (None: the same) of its symbol."""

    name: str
    module: str | None
    symbol: str


class Edit(NamedTuple):
    """A text that is replaced."""

    old: str
    new: str


NETWORK = {
    "components/networks/pooled.py": '''
import keras

from phistar.components.networks.base import Network, network_inputs


def pooled(input_shape, input_dtype, num_outputs, *, width: int = 8):
    """The mean of a hidden layer over the letters.

    Args:
        width: of the layer.
    """
    inputs, x = network_inputs(input_shape, input_dtype)
    x = keras.layers.Conv1D(width, 3, activation="relu", name="letters")(x)
    x = keras.layers.GlobalMaxPooling1D(name="pool")(x)
    return Network(keras.Model(inputs, x, name="features"), num_outputs)
''',
    "components/networks/__init__.py": Case(
        "pooled", "phistar.components.networks.pooled", "pooled"
    ),
}
SOURCE = {
    "components/data/sources/motif.py": '''
import numpy as np

from phistar.components.data.sources.base import Rows, Source


def motif(*, num_rows: int = 300):
    """Strands of twelve letters; the label says if TATA is in one.

    Args:
        num_rows: how many.
    """

    def read():
        rng = np.random.default_rng(0)
        letters = rng.choice(list("ACGT"), (num_rows, 12))
        letters[::2, 4:8] = list("TATA")
        strands = np.array(["".join(row) for row in letters])
        found = np.char.find(strands, "TATA") >= 0
        return {"all": [Rows(strands, np.where(found, "yes", "no"))]}

    return Source("motif", "strands", {"rows": num_rows}, read)
''',
    "components/data/sources/__init__.py": Case(
        "motif", "phistar.components.data.sources.motif", "motif"
    ),
}
KIND = {
    "components/data/kinds/strands.py": '''
from phistar.components.data.kinds.base import StoredNames


class StoredStrands(StoredNames):
    """One-hot letters, float32 [N, T, 4]."""
''',
    "components/data/encoders/strands.py": '''
import numpy as np
import tensorflow as tf

LETTERS = np.array(list("ACGT"))


class Strands:
    """The encoder of strands of one length."""

    op_libraries = ()
    dtype = "float32"
    reads = "table"
    max_rows = batch_size = 1024
    own_names, reading = {}, None
    array = "for each letter four numbers, 1 at the place of it in ACGT, else 0"

    def __init__(self, length):
        self.length, self.shape = length, (length, 4)

    @classmethod
    def fit(cls, pieces):
        (length,) = {len(strand) for raw in pieces for strand in raw.tolist()}
        return cls(length)

    def to_json(self):
        return {"length": self.length}

    def signature(self):
        return {"strand": tf.TensorSpec([None], tf.string, "strand")}

    def describe(self):
        return {"strand": f"{self.length} letters of ACGT"}

    def forms(self):
        return {"strand": "category"}

    def seen(self):
        return {}

    def request(self, raw, rows):
        letters = LETTERS[np.argmax(raw[rows], axis=-1)]
        return {"strand": np.array(["".join(row) for row in letters])}

    def encode(self, raw):
        return self.encode_graph({"strand": tf.constant(raw)}).numpy()

    def encode_graph(self, inputs):
        codes = tf.io.decode_raw(inputs["strand"], tf.uint8)
        hot = tf.cast(codes[..., None] == np.array(list(b"ACGT"), "uint8"), "float32")
        return tf.ensure_shape(hot, [None, *self.shape])
''',
    "components/data/kinds/__init__.py": Case(
        "strands",
        "phistar.components.data.kinds.strands",
        "StoredStrands",
    ),
    "components/data/encoders/__init__.py": Case(
        "strands",
        "phistar.components.data.encoders.strands",
        "Strands",
    ),
}
METRIC = {
    "components/reports/binary.py": Edit(
        'return {**accuracy(correct, weights), "auroc": auroc(score, labels, weights)}',
        """hit = {y: correct[labels == y].mean() for y in (-1, 1)}
    return {
        **accuracy(correct),
        "auroc": auroc(score, labels),
        "balanced_accuracy": float((hit[-1] + hit[1]) / 2),
    }""",
    ),
}
TASK = {
    "components/tasks/ordinal.py": '''
import numpy as np
from keras import ops

from phistar.components.data.batches.passes import Plan
from phistar.components.losses import binary_log_prob
from phistar.components.tasks.base import Task


class Ordinal(Task):
    """K labels in order: P(y = k | x) = C(K-1, k) p^k (1-p)^(K-1-k), p = P(+1 | s)."""

    losses = ("cross_entropy",)
    num_outputs = 1

    def log_probs(self, logits):
        size = self.space.size
        below = np.cumsum(np.log(np.arange(1, size))).tolist()
        below = np.array([0.0, *below])  # ln k!
        k = np.arange(size)
        ways = below[size - 1] - below - below[::-1]
        score = logits[..., :1]
        one = ops.ones_like(score)
        ups, downs = binary_log_prob(score, one), binary_log_prob(score, -one)
        floats = [ops.cast(v, "float32") for v in (ways, k, size - 1 - k)]
        return floats[0] + floats[1] * ups + floats[2] * downs

    def log_prob(self, logits, labels):
        index = ops.cast(labels, "int32")[..., None]
        return ops.take_along_axis(self.log_probs(logits), index, axis=-1)[..., 0]

    def example_loss(self, logits, labels, loss, label_smoothing=0.0):
        return -self.log_prob(logits, labels)

    def predict(self, logits):
        return ops.cast(ops.argmax(self.log_probs(logits), axis=-1), "int32")

    def plan(self, inputs, labels, network, batch_size, batch_tokens, seed, devices=1):
        return Plan(len(labels), batch_size, seed, devices)

    def measure(self, network, inputs, labels, loss, weights=None):
        return np.asarray(self.log_prob(network.logits(inputs), labels)), 1.0
''',
    "components/tasks/__init__.py": Case(
        "ordinal",
        "phistar.components.tasks.ordinal",
        "Ordinal",
    ),
    "components/labels.py": Case("ordinal", None, "MULTICLASS"),
    "components/reports/ordinal.py": '''
import numpy as np

from phistar.components.metrics import accuracy
from phistar.components.reports import labels


def report(task, data, network, scale, encoder, *, num_bins, **_):
    """Accuracy, and how far decisions are away."""

    def metrics(space, logits, values, weights=None):
        away = np.abs(np.asarray(task.predict(logits)) - values)
        return {**accuracy(away == 0), "distance": float(away.mean())}

    return labels.report(task, data, network, scale, encoder, num_bins, metrics)
''',
    "components/reports/__init__.py": Case(
        "ordinal",
        "phistar.components.reports.ordinal",
        "report",
    ),
    "components/serving/__init__.py": Case(
        "ordinal",
        "phistar.components.serving.labels",
        "LabelServer",
    ),
}
SHORT = {"steps": 60, "eval_every": 30}
MOTIF = {
    "task": {"name": "binary", "positive": "yes"},
    "ingest": {"source": "motif"},
    "build": {"network": "pooled", "width": 6},
    "train": {"loss": "logistic", "learning_rate": 0.05, **SHORT},
}
ORDERED = {
    "task": {"name": "ordinal"},
    "ingest": {"source": "breast_cancer"},
    "build": {"network": "linear"},
    "train": {"loss": "cross_entropy", "learning_rate": 0.01, **SHORT},
}


def add(root, added):
    """Write new files, and change those that exist."""
    for name, change in added.items():
        path = root / name
        match change:
            case str():
                assert not path.exists()
                path.write_text(change.lstrip())
            case Edit(old, new):
                edit(path, old, new)
            case Case(word, module, symbol):
                source = f"            from {module} import {symbol}\n" * bool(module)
                lines = f'case "{word}":\n{source}            return {symbol}\n'
                edit(path, "        case _:", f"        {lines}        case _:")


@pytest.mark.parametrize(
    ("recipe", "added", "metric"),
    [
        (MOTIF, [NETWORK, SOURCE, KIND, METRIC], "test_balanced_accuracy"),
        (ORDERED, [TASK], "test_distance"),
    ],
    ids=["network, source, kind of data and metric", "task"],
)
def test_what_is_added_by_the_list_runs(recipe, added, metric, tmp_path):
    code = copy_code(tmp_path / "code")
    for one in added:
        add(code, one)
    (tmp_path / "new.yaml").write_text(yaml.safe_dump(recipe))
    done = phistar("run", tmp_path / "new.yaml", root=tmp_path / "project", code=code)
    assert done.status == 0, done.stderr
    metrics = done.answer["metrics"]
    assert metrics["test_nll"] < metrics["test_nll_uniform"]
    assert metric in metrics

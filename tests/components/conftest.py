"""Small datasets of both kinds of input, for every task."""

import numpy as np
import pytest

from components import ingest
from components.data.sources.base import Rows, Source
from tests import stages

TASKS = {
    "binary": {"name": "binary", "positive": "1"},
    "multiclass": {"name": "multiclass"},
}
NUM_ROWS = 160


def make_rows(kind, num_labels, num_rows=NUM_ROWS, seed=0):
    """Rows whose inputs tell the label a little.  -> Rows."""
    rng = np.random.default_rng(seed)
    label = np.arange(num_rows) % num_labels
    if kind == "columns":
        number = rng.normal(label)
        number[::7] = np.nan
        words = np.where(rng.random(num_rows) < 0.2 + 0.3 * label, "odd", "even")
        inputs = {"number": number, "word": words, "other": rng.normal(size=num_rows)}
    else:
        inputs = (
            rng.integers(0, 128, (num_rows, 8, 8, 1)) + 60 * label[:, None, None, None]
        )
        inputs = inputs.astype("uint8")
    return Rows(inputs, label.astype(str))


@pytest.fixture(scope="session")
def make_dataset(tmp_path_factory):
    """(kind, task name) -> folder of a Dataset, made once by the real ingest."""
    made = {}

    def make(kind, task):
        if (kind, task) not in made:
            rows = make_rows(kind, 2 if task == "binary" else 3)
            opened = Source("made", kind, {}, lambda: {"all": [rows]})
            folder = tmp_path_factory.mktemp(f"{kind}_{task}")
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(ingest, "source_function", lambda _: lambda: opened)
                made[kind, task] = stages.call(
                    ingest, folder, task=TASKS[task], source="made"
                )
        return made[kind, task]

    return make

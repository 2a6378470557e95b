"""CONTRIBUTING's own lines: a plain Keras model as a network."""

import re
from pathlib import Path

import numpy as np
import pytest

from phistar.components import artifacts, build, evaluate, train
from phistar.components.artifacts import load_network, make_network, save_network
from tests.helpers import stages
from tests.helpers.data import TASKS

TEXT = (Path(__file__).parents[3] / "CONTRIBUTING.md").read_text("utf-8")
DESCRIPTION = {
    "network": "mobilenet",
    "arguments": {},
    "input_shape": [32, 32, 3],
    "input_dtype": "uint8",
    "num_outputs": 3,
    "scale": 1.0,
}


@pytest.fixture
def lines():
    """The code under "Wrap a Keras model"."""
    section = TEXT.partition("## Wrap a Keras model\n")[2].partition("\n## ")[0]
    (code,) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    return code


@pytest.fixture
def mobilenet(lines, monkeypatch):
    """The function they define, and a table that knows it."""
    scope = {}
    exec(compile(lines, "CONTRIBUTING.md", "exec"), scope)
    monkeypatch.setattr(artifacts, "network_function", lambda _: scope["mobilenet"])


def test_wrapping_takes_ten_lines_at_most(lines):
    assert 0 < len([line for line in lines.splitlines() if line.strip()]) <= 10


def test_wrapped_model_is_written_and_read_like_any_network(mobilenet, tmp_path):
    model = make_network(DESCRIPTION)
    names = [name for name in model.weight_names() if name is not None]
    assert len(set(names)) == len(names) == len(model.weights) > 200
    save_network(tmp_path, model, DESCRIPTION)
    again, _ = load_network(tmp_path)
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype("uint8")
    assert again.logits(images).shape == (2, 3)
    np.testing.assert_array_equal(again.logits(images), model.logits(images))


@pytest.mark.slow
def test_wrapped_model_trains(mobilenet, make_dataset, tmp_path):
    given = {
        "task": TASKS["multiclass"],
        "dataset": make_dataset("large images", "multiclass"),
    }
    network = stages.call(build, tmp_path, **given, network="mobilenet")
    keys = {"loss": "cross_entropy", "steps": 2, "batch_size": 16, "flip": True}
    trained = stages.call(train, tmp_path, **given, network=network, **keys)
    report = stages.call(evaluate, tmp_path, **given, network=trained)
    assert (Path(report) / "metrics.json").exists()

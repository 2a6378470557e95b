"""Steps in one scan, and steps in two halves, are the steps one after the other."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from phistar.components import build
from phistar.pipeline.process import quiet
from tests.helpers import stages
from tests.helpers.data import TASKS

CODE = Path(__file__).resolve().parents[3]

# train.run on JAX, as on a CPU and as on a GPU
BOTH = """
import json, sys
from pathlib import Path
from phistar.pipeline.process import quiet
quiet.import_keras()
import jax, numpy as np
from phistar.components import train
from phistar.components.training.jax_training import JaxTraining
from phistar.pipeline.record.journal import Journal

def on_gpu(devices, inputs, labels, one_shape, *arguments):
    arrays = None
    if inputs is not None:
        arrays = jax.device_put((np.asarray(inputs), np.asarray(labels)))
    return JaxTraining(arrays, "scan", *arguments)

def split(devices, inputs, labels, one_shape, *arguments):
    return JaxTraining(None, "split", *arguments)

on_cpu = train.make_training
for name, arguments in json.load(sys.stdin).items():
    for way, make in (("step", on_cpu), ("scan", on_gpu), ("split", split)):
        train.make_training = make
        folder = Path(arguments["network"]).parent / f"{name}-{way}"
        folder.mkdir()
        log = Journal(folder / "journal.jsonl")
        train.run(**arguments, out_dir=folder, log=log)
"""
LENGTH = {"steps": 12, "eval_every": 6, "batch_size": 16, "seed": 1}


@pytest.fixture(scope="module")
def trained(make_dataset, tmp_path_factory):
    """kind of input -> folders of the three trainings."""
    requests = {}
    networks = {
        "columns": ("binary", "logistic", {"network": "mlp", "dropout": 0.3}),
        "images": (
            "multiclass",
            "cross_entropy",
            {"network": "vgg_small", "num_blocks": 1, "width": 4, "mlp_dim": 8},
        ),
        "text": (
            "language",
            "cross_entropy",
            {"network": "transformer_lm", "num_layers": 1, "model_dim": 16}
            | {"num_heads": 2, "mlp_dim": 16, "context": 16, "stride": 16},
        ),
    }
    for kind, (task, loss, keys) in networks.items():
        given = {"task": TASKS[task], "dataset": make_dataset(kind, task)}
        place = tmp_path_factory.mktemp(kind)
        network = stages.call(build, place, **given, **keys)
        requests[kind] = {**given, **LENGTH, "network": network, "loss": loss}
        requests[kind]["flip"] = kind == "images"
    subprocess.run(
        [sys.executable, "-c", BOTH],
        input=json.dumps(requests),
        cwd=CODE,
        env=os.environ | quiet.environment("jax"),
        text=True,
        check=True,
    )

    def folders(kind):
        above = Path(requests[kind]["network"]).parent
        return [above / f"{kind}-{way}" for way in ("step", "scan", "split")]

    return folders


@pytest.mark.parametrize("kind", ["columns", "images", "text"])
def test_all_ways_make_the_same_steps(trained, kind):
    histories, weights = [], []
    for folder in trained(kind):
        histories.append(json.loads((folder / "history.json").read_text()))
        with np.load(folder / "weights.npz") as arrays:
            weights.append([arrays[name] for name in sorted(arrays)])
    assert histories[0]["step"] == [6, 12]
    for name in ("train_loss", "valid_nll"):
        for other in histories[1:]:
            assert other[name] == pytest.approx(histories[0][name], abs=1e-5)
    for other in weights[1:]:
        for expected, found in zip(weights[0], other, strict=True):
            np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)

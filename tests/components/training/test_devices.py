"""Several devices train as one does, on either framework; missing ones are reported."""

import json
import os
import subprocess
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from phistar.components import build, evaluate, export
from phistar.components.artifacts import read_json
from phistar.components.data.batches.passes import Plan
from phistar.components.training import devices
from phistar.pipeline.process import quiet
from phistar.pipeline.process.errors import Failure
from phistar.pipeline.record.journal import read
from phistar.pipeline.run import process
from tests.helpers import stages
from tests.helpers.data import TASKS
from tests.helpers.verified import verified_here

CODE = Path(__file__).resolve().parents[3]
LENGTH = {"steps": 12, "eval_every": 4, "batch_size": 16, "seed": 1}
NETWORKS = {
    "columns": {"network": "mlp", "mlp_dim": 6, "dropout": 0.0},
    # batch normalisation: of all rows of the batch, whichever device they are on
    "images": {
        "network": "vgg_small",
        "num_blocks": 1,
        "width": 4,
        "mlp_dim": 8,
        "dropout": 0.0,
    },
    "text": {
        "network": "transformer_lm",
        "num_layers": 1,
        "num_heads": 2,
        "model_dim": 16,
        "mlp_dim": 16,
        "context": 16,
        "stride": 10,
        "dropout": 0.0,
    },
}
KIND_TASKS = {"columns": "binary", "images": "multiclass", "text": "language"}

# train.run in a process with two devices, each training killed and resumed
RESUMED = """
import json, sys
from pathlib import Path
requests = json.loads(sys.argv[1])
from phistar.pipeline.process import quiet
quiet.import_keras(2)
from phistar.components.training import checkpoints
from phistar.components import train
from phistar.pipeline.record.journal import Journal

checkpoints.SHARE = 1e9  # a checkpoint at every border

class Dying(Journal):
    def progress(self, step, total, values):
        if step == 8:  # at the end of an execution, before the border
            raise KeyboardInterrupt

for folder, arguments in requests.items():
    for cut in (False, True):
        path = Path(folder, str(cut))
        path.mkdir(parents=True)
        if cut:
            try:
                log = Dying(path / "journal.jsonl")
                train.run(**arguments, out_dir=str(path), log=log)
            except KeyboardInterrupt:
                pass
            assert list(path.glob("checkpoints/step-*"))
        train.run(**arguments, out_dir=str(path), log=Journal(path / "journal.jsonl"))
print(json.dumps(sorted(name for name, module in sys.modules.items() if module)))
"""


@pytest.fixture(scope="module")
def case(make_dataset, tmp_path_factory):
    """kind of input -> arguments of train, but for the devices."""

    def make(kind, **words):
        task = KIND_TASKS[kind]
        given = {"task": TASKS[task], "dataset": make_dataset(kind, task)}
        place = tmp_path_factory.mktemp(kind)
        network = stages.call(build, place, **given, **NETWORKS[kind] | words)
        loss = "logistic" if task == "binary" else "cross_entropy"
        return {**given, **LENGTH, "network": network, "loss": loss}

    return make


# Trainings that share a process, since its imports take seconds; `half` is of images.
# All others have a process each, as the runner starts it.
SHARED = {
    ("tensorflow", 1): ("images", "columns", "text", "half"),
    ("jax", 1): ("images", "text", "half"),
    ("jax", 3): ("columns", "text"),
}
HALF = {"precision": "mixed_float16", "steps": 240, "eval_every": 240}

SEVERAL = """
import json, sys
from phistar.pipeline.run.process import in_process
for request in json.load(sys.stdin):
    in_process(**request)
"""


@pytest.fixture(scope="module")
def trained(case, tmp_path_factory):
    """(backend, number of devices, name) -> (arguments, folder) of a training."""
    cases, made = {}, {}

    def request(backend, count, name):
        kind = "images" if name == "half" else name
        if kind not in cases:
            cases[kind] = case(kind)
        arguments = cases[kind] | {"backend": backend, "devices": count}
        arguments |= HALF if name == "half" else {}
        folder = tmp_path_factory.mktemp(f"{backend}_{count}_{name}")
        made[backend, count, name] = arguments, folder
        return {
            "stage": "train",
            "arguments": arguments,
            "folder": str(folder),
            "run_id": "0" * 32,
        }

    def make(backend, count, name):
        if (backend, count, name) not in made:
            names = SHARED.get((backend, count), (name,))
            requests = [request(backend, count, name) for name in names]
            if len(names) == 1:
                process.in_child(*requests, backend)
            else:
                subprocess.run(
                    [sys.executable, "-c", SEVERAL],
                    input=json.dumps(requests),
                    cwd=CODE,
                    env=os.environ | quiet.environment(backend),
                    text=True,
                    check=True,
                )
        return made[backend, count, name]

    return make


def weights(folder):
    """All of a network's weights, as one vector."""
    with np.load(folder / "weights.npz") as arrays:
        return np.concatenate([arrays[name].ravel() for name in sorted(arrays)])


@pytest.mark.parametrize(
    ("backend", "count", "kind"),
    [
        ("tensorflow", 2, "images"),
        pytest.param("jax", 1, "images", marks=pytest.mark.slow),
        ("jax", 2, "images"),
        # 16 rows are 18 for three devices, and the last batch of a pass is not full
        pytest.param("tensorflow", 3, "columns", marks=pytest.mark.slow),
        ("jax", 3, "columns"),
        pytest.param("tensorflow", 2, "text", marks=pytest.mark.slow),
        ("jax", 1, "text"),
        pytest.param("jax", 3, "text", marks=pytest.mark.slow),
    ],
)
def test_devices_and_frameworks_agree(trained, backend, count, kind):
    _, expected = trained("tensorflow", 1, kind)
    _, folder = trained(backend, count, kind)
    np.testing.assert_allclose(weights(folder), weights(expected), rtol=0, atol=1e-5)
    entries, _ = read(folder / "journal.jsonl")
    (tags,) = [entry["values"] for entry in entries if entry["kind"] == "tags"]
    assert tags["device_count"] == count
    assert tags["device"] == devices.processor()
    assert float(tags["device_peak_memory_mib"]) > 100


@pytest.mark.parametrize(
    ("backend", "kinds"),
    [
        ("jax", ["text"]),
        pytest.param("jax", ["images"], marks=pytest.mark.slow),
        pytest.param("tensorflow", ["images"], marks=pytest.mark.slow),
    ],
)
def test_resumed_on_two_devices_equals_uninterrupted(case, tmp_path, backend, kinds):
    augmented = {"images": {"flip": True, "crop": 1}}
    requests = {
        str(tmp_path / kind): {
            **case(kind, dropout=0.3),
            **augmented.get(kind, {}),
            "devices": 2,
            "backend": backend,
        }
        for kind in kinds
    }
    done = subprocess.run(
        [sys.executable, "-c", RESUMED, json.dumps(requests)],
        cwd=CODE,
        env=os.environ | quiet.environment(backend),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for place, name in product(requests, ("weights.npz", "history.json")):
        whole, cut = (Path(place, folder, name) for folder in ("False", "True"))
        assert whole.read_bytes() == cut.read_bytes()
    imported = {name.partition(".")[0] for name in json.loads(done.stdout)}
    assert backend in imported
    assert ("tensorflow" in imported) == (backend == "tensorflow")


@pytest.mark.parametrize(
    "kind", [pytest.param("images", marks=pytest.mark.slow), "text"]
)
def test_network_trained_with_jax_is_exported_by_tensorflow(trained, tmp_path, kind):
    arguments, network = trained("jax", 1, kind)
    network = str(network)
    given = {name: arguments[name] for name in ("task", "dataset")}
    report = stages.call(evaluate, tmp_path, **given, network=network)
    with verified_here():
        folder = stages.call(export, tmp_path, **given, network=network, report=report)
    # the nll of valid is the same with JAX, with TensorFlow and with the SavedModel
    found = min(read_json(Path(network) / "history.json")["valid_nll"])
    assert read_json(Path(report) / "metrics.json")["valid_nll"] == pytest.approx(
        found, abs=1e-4
    )
    entries, _ = read(Path(folder) / "journal.jsonl")
    (values,) = [entry["values"] for entry in entries if entry["kind"] == "metrics"]
    assert values["export_log_prob_difference"] < 1e-4


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_float16_scales_its_loss(trained, backend):
    _, expected = trained("tensorflow", 1, "images")
    _, folder = trained(backend, 1, "half")
    history = read_json(folder / "history.json")
    assert history["train_loss"][-1] < 1.0  # from ln 3
    assert np.isfinite(weights(folder)).all()
    assert not np.allclose(weights(folder), weights(expected))


def test_devices_that_are_not_there_are_refused(case, tmp_path):
    if quiet.has_driver():
        pytest.skip("this machine has a GPU driver")
    with pytest.raises(Failure, match="train.devices=gpu.*/dev/nvidiactl"):
        process.require_devices("gpu")
    with pytest.raises(Failure, match="finds none"):
        arguments = case("columns") | {"devices": "gpu"}
        process.call("train", arguments, tmp_path, "0" * 32)


def test_one_process_does_not_change_its_devices():
    with pytest.raises(ValueError, match=r"`train.devices=64`.* 1 \(cpu\)"):
        devices.place(64)


def test_plan_pads_to_a_multiple_of_the_devices():
    one, three = Plan(10, 4, seed=0), Plan(10, 4, seed=0, devices=3)
    for step in range(6):
        (rows, share), (more, shares) = one.batch(step), three.batch(step)
        assert len(more) == 6
        np.testing.assert_array_equal(more[shares > 0], rows[share > 0])
        np.testing.assert_array_equal(shares[shares > 0], share[share > 0])

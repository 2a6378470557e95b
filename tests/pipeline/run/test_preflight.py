"""Two batches go all the way before hours go into training."""

import json
import os
import re

import pytest

from phistar.pipeline.config.load import load
from phistar.pipeline.process import disk
from phistar.pipeline.process.errors import Failure
from phistar.pipeline.run.preflight import is_long, require_space
from phistar.pipeline.store.store import Store
from tests.helpers.commands import (
    SHORT,
    artifact,
    copy_code,
    copy_store,
    edit,
    here,
    leftovers,
    mlflow_runs,
    phistar,
)

TRAIN = ("train", "breast_cancer", *SHORT)
ESTIMATE = (
    r"preflight: passed; training will take about ([\d.]+ (s|min) )+\(80 steps of "
    r"[\d.]+ ms, and evaluations\); its process [\d.]+ GiB of memory"
)
BEGUN = "preflight: its laws; then train, evaluate and export on two batches"


def test_preflight_runs_once_and_changes_nothing(trained, tmp_path):
    root = copy_store(trained[0], tmp_path, "ingest", "build")
    first = here(*TRAIN, "--preflight", root=root, mlflow=True)
    assert first.status == 0, first.stderr
    assert BEGUN in first.stderr
    assert re.search(ESTIMATE, first.stderr)
    assert first.digests["train"] == trained[1].digests["train"]
    # neither its training nor its report is seen anywhere
    assert not list((root / "mlruns").glob("stages/evaluate/[!.]*"))
    assert not leftovers(root)
    (run,) = mlflow_runs(root).values()
    assert sorted(step for step, *_ in run["metrics"]["train/loss"])[0] == 10
    assert "test/nll" not in run["metrics"]

    again = here(*TRAIN, "--preflight", "--force", "train", root=root)
    assert again.statuses["train"] == "ran"
    assert BEGUN not in again.stderr  # remembered by train's key


def test_short_training_is_not_checked(trained):
    assert BEGUN not in trained[1].stderr


def test_preflight_of_a_cached_training_is_silent(trained, tmp_path):
    root = copy_store(trained[0], tmp_path, "ingest", "build", "train")
    done = here(*TRAIN, "--preflight", root=root)
    assert done.statuses["train"] == "cached"
    assert BEGUN not in done.stderr


UNSERVABLE = """

class Flatten(keras.layers.Layer):
    def call(self, inputs):
        import tensorflow as tf

        outputs = tf.numpy_function(lambda rows: rows, [inputs], inputs.dtype)
        outputs.set_shape(inputs.shape)
        return outputs
"""


def test_fault_in_export_is_found_before_a_long_training(trained, tmp_path):
    # a network that calls Python trains and evaluates; its SavedModel may not
    tree = copy_code(tmp_path / "tree")
    path = tree / "components" / "networks" / "linear.py"
    edit(path, "keras.layers.Flatten(", "Flatten(")
    path.write_text(path.read_text() + UNSERVABLE)
    root = copy_store(trained[0], tmp_path / "root", "ingest")
    # long: it gets a preflight without --preflight, and is not run to its end
    long = ("train.steps=1000000", "train.eval_every=1000")
    done = phistar("run", "breast_cancer", *long, root=root, code=tree)
    assert done.status == 3
    assert BEGUN in done.stderr
    assert "train step 4/4" in done.stderr
    assert "train step 1000/" not in done.stderr
    assert "PyFunc" in done.answer["error"]
    assert artifact(root, "build").is_dir()
    for stage in ("train", "evaluate", "export", "preflight"):
        assert not list((root / "mlruns").glob(f"stages/{stage}/[!.]*"))
    assert not leftovers(root)
    (run,) = mlflow_runs(root).values()
    assert run["status"] == "FAILED"


def test_a_law_that_is_broken_is_named_before_training(trained, tmp_path):
    tree = copy_code(tmp_path / "tree")
    edit(tree / "components" / "networks" / "base.py", "stddev=0.01", "stddev=9.0")
    root = copy_store(trained[0], tmp_path / "root", "ingest")
    done = phistar("run", "breast_cancer", *SHORT, "--preflight", root=root, code=tree)
    assert done.status == 3, done.stderr
    assert "the first loss is that of the uniform P" in done.answer["error"]
    assert "train step" not in done.stderr
    assert not leftovers(root)


def test_preflight_of_rows_sorted_by_label_passes(project, tmp_path):
    # the first two batches are all of one label
    rows = [f"{i},{'a' if i < 300 else 'b'}" for i in range(600)]
    path = tmp_path / "mine.csv"
    path.write_text("\n".join(["x,y", *rows]) + "\n")
    root = copy_store(project, tmp_path / "root")
    words = ("ingest.source=table", f"ingest.path={path}", "ingest.label=y")
    done = here(*TRAIN, *words, "task.positive=b", "--preflight", root=root)
    assert done.status == 0, done.stderr
    assert BEGUN in done.stderr


@pytest.mark.parametrize(
    ("length", "context", "long"),
    [
        ({"steps": 6_000}, None, False),
        ({"steps": 6_500}, None, True),
        ({"epochs": 3}, None, False),
        ({"epochs": 21}, None, True),
        # of texts a batch has windows, and a pass tokens: either way tokens are counted
        ({"steps": 1_900}, 64, False),
        ({"steps": 2_000}, 64, True),
        ({"epochs": 399}, 64, False),
        ({"epochs": 401}, 64, True),
        # of pairs too, which take longer
        ({"steps": 30, "batch_tokens": 8192}, None, False),
        ({"steps": 31, "batch_tokens": 8192}, None, True),
        ({"epochs": 25, "batch_tokens": 8192}, None, False),
        ({"epochs": 26, "batch_tokens": 8192}, None, True),
    ],
)
def test_long_training_is_told_by_its_labels(tmp_path, length, context, long):
    network = {"arguments": {"context": context} if context else {}}
    (tmp_path / "network.json").write_text(json.dumps(network))
    counts = {"train_counts": [4_000, 6_000]}
    (tmp_path / "dataset.json").write_text(json.dumps(counts))
    words = {"batch_size": 32, "steps": None, "epochs": None, "batch_tokens": None}
    words |= length
    arguments = {f"train.{name}": value for name, value in words.items()}
    parts = {"stage": "train", "arguments": arguments}
    artifacts = {"dataset": tmp_path, "network": tmp_path}
    assert is_long(parts, Store(tmp_path / "store"), artifacts) == long


def test_a_disk_without_place_for_the_training_is_refused(tmp_path):
    config, folder = load("breast_cancer", [], tmp_path), tmp_path / "preflight"
    (folder / "train").mkdir(parents=True)
    weights = folder / "train" / "weights.npz"
    weights.write_bytes(bytes(1000))
    require_space(config, tmp_path, folder)
    # a file of holes is as large as it says, and takes no place itself
    os.truncate(weights, disk.free(tmp_path) // 8)
    with pytest.raises(Failure, match="the disk is too full for this run. Received"):
        require_space(config, tmp_path, folder)

import json
from pathlib import Path

import keras
import numpy as np
import pytest

from phistar.components import build, train
from phistar.components.artifacts import Dataset, load_network, make_task
from phistar.components.hashing import file_sha256
from phistar.components.metrics import fit_scale
from phistar.components.training import steps as counts
from phistar.components.training.fit import Training
from phistar.pipeline.record import journal
from tests.helpers import stages
from tests.helpers.data import TASKS


@pytest.fixture
def fit(make_dataset, tmp_path):
    """Build and train on small columns.  (name, **keys of train) -> folder."""

    def run(name, task="binary", dropout=0.2, **options):
        given = {"task": TASKS[task], "dataset": make_dataset("columns", task)}
        folder = tmp_path / name
        network = stages.call(
            build, folder, **given, network="mlp", mlp_dim=6, dropout=dropout
        )
        defaults = {
            "loss": "logistic" if task == "binary" else "cross_entropy",
            "steps": 12,
            "eval_every": 4,
            "learning_rate": 0.02,
        }
        return Path(
            stages.call(train, folder, **given, network=network, **defaults | options)
        )

    run.dataset = lambda task: Dataset.load(make_dataset("columns", task))
    return run


def history(folder):
    """Content of history.json."""
    return json.loads((folder / "history.json").read_text())


def digest(folder):
    """SHA-256 of the file of weights."""
    return file_sha256(folder / "weights.npz")


@pytest.mark.parametrize("optimizer", ["adamw", "muon", "sgd"])
def test_run_twice_gives_equal_bytes(fit, optimizer):
    first, second = (
        fit("first", optimizer=optimizer),
        fit("second", optimizer=optimizer),
    )
    assert digest(first) == digest(second)
    assert history(first) == history(second)


def test_run_with_another_seed_gives_other_weights(fit):
    assert digest(fit("first")) != digest(fit("second", seed=1))


def test_run_keeps_the_weights_with_the_least_valid_nll(fit):
    # a rate so high that training soon goes wrong
    folder = fit("run", steps=24, eval_every=2, learning_rate=2.0, optimizer="sgd")
    curve = history(folder)["valid_nll"]
    assert np.argmin(curve) < len(curve) - 1  # the last weights are not the best
    assert valid_nll(fit.dataset("binary"), folder, "binary") == pytest.approx(
        min(curve), rel=1e-5
    )


def valid_nll(data, folder, task):
    """-ln P of valid under the network of a folder, computed apart from train."""
    model, description = load_network(folder)
    inputs, labels = data.split("valid")
    logits = description["scale"] * model(np.asarray(inputs), training=False)
    the_task = make_task(TASKS[task], data.space)
    return -np.mean(the_task.log_prob(logits, np.asarray(labels)))


def test_run_never_smooths_valid_nll(fit):
    folder = fit("run", "multiclass", label_smoothing=0.3)
    expected = valid_nll(fit.dataset("multiclass"), folder, "multiclass")
    assert min(history(folder)["valid_nll"]) == pytest.approx(expected, rel=1e-5)


def test_run_smooths_what_it_minimises(fit):
    plain, smooth = (
        fit(f"eps_{eps}", "multiclass", label_smoothing=eps) for eps in (0.0, 0.3)
    )
    assert digest(plain) != digest(smooth)
    assert history(plain)["train_loss"] != history(smooth)["train_loss"]


def test_run_fits_the_scale_of_hinge_on_valid(fit):
    folder = fit("run", loss="hinge")
    model, description = load_network(folder)
    inputs, labels = fit.dataset("binary").split("valid")
    margin = 2.0 * labels * np.asarray(model(np.asarray(inputs), training=False))[:, 0]
    assert description["scale"] == pytest.approx(fit_scale(margin), rel=1e-3)


def test_run_leaves_the_scale_of_a_likelihood_at_one(fit):
    assert load_network(fit("run"))[1]["scale"] == 1


def test_run_logs_each_evaluation_at_its_step(fit):
    folder = fit("run")
    entries, _ = journal.read(folder / "journal.jsonl")
    logged = [entry for entry in entries if entry["kind"] == "metrics"]
    assert [entry["step"] for entry in logged] == history(folder)["step"] == [4, 8, 12]
    for name in ("train_loss", "valid_nll"):
        assert [entry["values"][name] for entry in logged] == history(folder)[name]


def test_run_for_epochs_is_run_for_their_steps(fit):
    passes = -(-len(fit.dataset("binary").split("train")[1]) // 32)
    by_epochs = fit("epochs", steps=None, eval_every=None, epochs=2)
    by_steps = fit("steps", steps=2 * passes, eval_every=passes)
    assert digest(by_epochs) == digest(by_steps)


def test_run_refuses_steps_that_end_between_evaluations(fit):
    with pytest.raises(ValueError, match="Received: 10 steps .*eval_every=4"):
        fit("run", steps=10, eval_every=4)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_run_stops_at_a_loss_that_is_not_finite(fit, monkeypatch, value):
    def broken(self, x=None, y=None, y_pred=None, *_, **__):
        logits = self.network.head(y_pred)
        return keras.ops.mean(logits) * 0.0 + np.float32(value)

    monkeypatch.setattr(Training, "compute_loss", broken)
    with pytest.raises(
        FloatingPointError, match=r"loss is not finite at step \d+ of 12"
    ):
        fit("run")


def test_run_stops_when_it_diverges(fit, tmp_path):
    with pytest.raises(FloatingPointError, match=r"at step \d+ of 12"):
        fit("run", learning_rate=1e38, optimizer="sgd")
    assert not (tmp_path / "run" / "train" / "weights.npz").exists()


def test_run_restores_the_precision_of_the_process(fit):
    before = keras.config.dtype_policy().name
    folder = fit("run", precision="mixed_bfloat16")
    assert keras.config.dtype_policy().name == before
    with np.load(folder / "weights.npz") as arrays:
        assert {arrays[n].dtype for n in arrays if arrays[n].ndim == 2} == {
            np.dtype("float32")
        }


@pytest.mark.parametrize("eval_every", [1, 2, 7, 50, 64, 80, 97, 1000])
def test_execution_steps_divide_the_interval(eval_every):
    for work in (1, 10**5, 10**12):
        steps = counts.execution_steps(eval_every, work)
        assert 1 <= steps <= counts.MAX_EXECUTION_STEPS
        assert eval_every % steps == 0
        assert steps == 1 or steps * work <= counts.MAX_EXECUTION_WORK
    # a GPU: also large steps come several at once, a divisor of the interval
    large = counts.execution_steps(eval_every, 10**12, counts.GPU_STEPS)
    assert large == counts.largest_divisor(eval_every, counts.GPU_STEPS)


def test_seed_changes_dropout(make_dataset, tmp_path):
    dataset = make_dataset("columns", "binary")
    given = {"task": TASKS["binary"], "dataset": dataset}
    network = stages.call(build, tmp_path, **given, network="mlp", dropout=0.5)
    # one full batch a pass: the seed's order of the examples changes nothing else
    rows = len(np.load(f"{dataset}/train/labels.npy"))
    length = {"epochs": 2, "batch_size": rows, "loss": "logistic"}
    weights = []
    for seed in (0, 1, 0):
        folder = tmp_path / f"run{len(weights)}"
        folder.mkdir()
        out = stages.call(train, folder, **given, **length, network=network, seed=seed)
        with np.load(f"{out}/weights.npz") as arrays:
            weights.append(np.concatenate([a.ravel() for a in arrays.values()]))
    assert np.abs(weights[0] - weights[1]).max() > 1e-4
    np.testing.assert_array_equal(weights[0], weights[2])

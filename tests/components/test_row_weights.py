"""Row weights: a row of weight 2 counts as two rows, a row of weight 0 as none."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from phistar.components import build, evaluate, ingest, metrics, train
from phistar.components.artifacts import Dataset, read_json, write_json
from phistar.components.data.batches.passes import Plan
from phistar.components.data.sources.base import Rows, Source
from phistar.pipeline.run.paired import paired
from tests.helpers import stages

BINARY = {"name": "binary", "positive": "yes"}
STEPS = {"steps": 60, "eval_every": 20, "learning_rate": 0.05}


def rows(number, seed, weights):
    """Rows whose column tells a little of the label, the wrong one where they are 0."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, number)
    x = rng.normal(size=number) + labels
    labels = np.where(weights == 0, 1 - labels, labels)
    return Rows({"x": x}, np.array(["no", "yes"])[labels], weights=weights)


def plain(given):
    """The same rows without weights."""
    return Rows(given.inputs, given.labels)


def repeated(folder, given):
    """A copy of a Dataset with each row as often as its weight says."""
    data = Dataset.load(folder)
    shutil.copytree(data.folder, copy := data.folder.parent / "repeated")
    for split, one in given.items():
        again = np.repeat(np.arange(len(one)), one.weights.astype(int))
        for path in (copy / split).glob("*.npy"):
            np.save(path, np.load(path)[again])
        (copy / split / "weights.npy").unlink()
    found = data.space.index(np.load(copy / "train" / "labels.npy"))
    counts = np.bincount(found).tolist()
    write_json(copy / "dataset.json", data.description | {"train_counts": counts})
    return copy


@pytest.fixture(scope="module")
def given():
    rng, numbers = np.random.default_rng(0), {"train": 120, "valid": 60, "test": 60}
    return {
        split: rows(number, seed, rng.integers(0, 4, number) + 0.0)
        for seed, (split, number) in enumerate(numbers.items())
    }


def ingested(folder, given):
    with pytest.MonkeyPatch.context() as patch:
        pieces = {split: [one] for split, one in given.items()}
        source = Source("made", "columns", {}, lambda: pieces)
        patch.setattr(ingest, "source_function", lambda _: lambda: source)
        return stages.call(ingest, folder, task=BINARY, source="made")


def network(folder, dataset, **training):
    about = {"task": BINARY, "dataset": str(dataset)}
    made = stages.call(build, folder, **about, network="linear")
    return stages.call(train, folder, **about, network=made, **(STEPS | training))


@pytest.fixture(scope="module", params=["logistic", "hinge"])
def both(request, tmp_path_factory, given):
    """Evaluations of one network on weighted rows and on repeated rows."""
    folder, folders = tmp_path_factory.mktemp("weighted"), []
    dataset = Path(ingested(folder, given))
    trained = network(folder, dataset, loss=request.param)
    for number, data in enumerate((dataset, repeated(dataset, given))):
        about = {"task": BINARY, "dataset": str(data), "network": trained}
        (folder / str(number)).mkdir()
        report = stages.call(evaluate, folder / str(number), **about)
        folders.append({"ingest": data, "evaluate": Path(report)})
    return folders


def test_metrics_are_those_of_repeated_rows(both):
    weighted, plain = (read_json(side["evaluate"] / "metrics.json") for side in both)
    for name in ("nll", "nll_prior", "accuracy", "auroc", "ece", "entropy"):
        for split in ("train", "valid", "test"):
            key = f"{split}_{name}"
            assert weighted[key] == pytest.approx(plain[key], rel=1e-5), key
    # the rows are not more for being counted twice
    assert weighted["test_n"] == 60 < plain["test_n"]
    assert weighted["test_nll_high"] > plain["test_nll_high"]


def test_the_verdict_is_that_of_repeated_rows(both):
    weighted, plain = (read_json(side["evaluate"] / "verdict.json") for side in both)
    assert weighted["difference"] == pytest.approx(plain["difference"], rel=1e-5)
    assert weighted["baselines"] == pytest.approx(plain["baselines"], rel=1e-2)


def test_two_runs_are_compared_by_the_weights(both, given):
    side = both[0]
    w, before = given["test"].weights, np.load(side["evaluate"] / "test_nll.npy")
    worse = side["evaluate"].parent / "worse"
    worse.mkdir(exist_ok=True)
    np.save(worse / "test_nll.npy", before + np.where(w == 0, 100.0, 0.5))
    found = paired([side, side | {"evaluate": worse}], False)
    assert found["difference"] == pytest.approx(0.5) and found["verdict"] == "A"


def test_training_minimises_the_weighted_loss(tmp_path, given):
    """Half of the rows say the opposite: weight 0 leaves them out."""
    own = rows(400, 5, np.where(np.arange(400) % 2, 1.0, 0.0))
    held_out = {split: plain(given[split]) for split in ("valid", "test")}
    cases = {
        "weighted": given | {"train": own},
        "alone": held_out | {"train": plain(own.take(own.weights > 0))},
        "all": held_out | {"train": plain(own)},
    }
    weight, more = {}, {"loss": "logistic", "batch_size": 400, "optimizer": "sgd"}
    for name, data in cases.items():
        folder = tmp_path / name
        folder.mkdir()
        found = network(folder, ingested(folder, data), **more)
        with np.load(f"{found}/weights.npz") as file:
            weight[name] = float(file[file.files[0]].ravel()[0])
    assert weight["weighted"] == pytest.approx(weight["alone"], rel=0.1)
    assert abs(weight["all"]) < 0.3 * weight["alone"]


def test_weights_of_a_pass_have_the_mean_one():
    own = np.random.default_rng(0).random(100)
    plan = Plan(100, 8, 0, row_weights=own / own.mean())
    total = sum(plan.batch(step)[1].sum() * 8 for step in range(12))
    rows, weights = plan.batch(0)
    np.testing.assert_allclose(weights * 8, own[rows] / own.mean(), rtol=1e-6)
    assert total / 96 == pytest.approx(1, abs=0.1)


def test_weights_that_are_all_zero_are_refused(tmp_path, given):
    test = given["test"]
    none = Rows(test.inputs, test.labels, weights=np.zeros(len(test)))
    with pytest.raises(ValueError, match="no row of test counts.*all 0"):
        ingested(tmp_path, given | {"test": none})


def test_weights_are_in_the_dataset_and_its_digest(tmp_path, given):
    data = Dataset.load(ingested(tmp_path / "a", given))
    assert np.average(data.weights("test")) == pytest.approx(1)
    more = {name: replace(r, weights=r.weights + 1) for name, r in given.items()}
    other = Dataset.load(ingested(tmp_path / "b", more))
    assert data.digests["test"] != other.digests["test"]


def test_equal_weights_are_as_no_weights():
    rng = np.random.default_rng(0)
    log_probs, index = np.log(rng.dirichlet([1, 1, 1], 50)), rng.integers(0, 3, 50)
    ones, chosen = np.ones(50), log_probs[np.arange(50), index]
    assert metrics.nll(chosen, ones) == pytest.approx(metrics.nll(chosen))
    right = log_probs.argmax(axis=1) == index
    assert metrics.accuracy(right, ones) == pytest.approx(metrics.accuracy(right))
    found = metrics.reliability(log_probs, index, 5, ones)
    assert found[0] == pytest.approx(metrics.reliability(log_probs, index, 5)[0])
    assert metrics.size(ones) == 50

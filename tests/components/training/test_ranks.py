"""Several processes train as one does, for every task, and may take over from others.

In the standard suite tests/pipeline/launch/test_launch.py trains one task so.
"""

import threading

import numpy as np
import pytest

from phistar.components import build
from phistar.components.artifacts import read_json
from phistar.components.data.batches.buckets import BucketPlan
from phistar.components.data.batches.passes import PackedPlan, Parts, Plan, Share
from tests.helpers import ranks, stages
from tests.helpers.commands import until
from tests.helpers.data import TASKS

LENGTH = {"steps": 12, "eval_every": 4, "seed": 1, "average": 2}
TEXT = {"num_layers": 1, "num_heads": 2, "model_dim": 16, "mlp_dim": 16}
CASES = {  # kind of data -> (task, its keys of train, build)
    "columns": (
        "binary",
        {"loss": "hinge", "batch_size": 16},
        {"network": "mlp", "mlp_dim": 6, "dropout": 0.3},
    ),
    "images": (
        "multiclass",
        {"loss": "cross_entropy", "batch_size": 16, "flip": True, "crop": 1},
        {"network": "vgg_small", "num_blocks": 1, "width": 4, "mlp_dim": 8},
    ),
    "text": (
        "language",
        {"loss": "cross_entropy", "batch_size": 16, "optimizer": "muon"},
        {"network": "transformer_lm", "context": 16, "stride": 10, "dropout": 0.3}
        | TEXT,
    ),
    "pairs": (
        "translation",
        {"loss": "cross_entropy", "batch_tokens": 256, "accumulate": 2},
        {"network": "transformer", "dropout": 0.3} | TEXT,
    ),
}


@pytest.fixture(autouse=True)
def compiled_quickly(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", ranks.QUICK)


@pytest.fixture(scope="module")
def case(make_dataset, tmp_path_factory):
    """kind of data -> arguments of train."""
    made = {}

    def make(kind):
        if kind not in made:
            task, keys, network = CASES[kind]
            given = {"task": TASKS[task], "dataset": make_dataset(kind, task)}
            place = tmp_path_factory.mktemp(kind)
            folder = stages.call(build, place, **given, **network)
            made[kind] = {**given, **LENGTH, **keys, "network": folder}
        return made[kind]

    return make


PAIRS = np.arange(2, 40), np.arange(41, 3, -1)  # lengths of both sides
PLANS = {
    "rows": Plan(20, 6, 0, 4),
    "weighted rows": Plan(20, 6, 0, 4, np.linspace(0.5, 1.5, 20)),
    "parts of rows": Parts(Plan(20, 6, 0, 8), 2),
    "windows": PackedPlan(np.array([0, 7, 30, 31, 90]), 8, 5, 0, 4),
    "parts of windows": Parts(PackedPlan(np.array([0, 7, 30, 31, 90]), 8, 5, 0, 8), 2),
    "pairs": BucketPlan(*PAIRS, 128, 0, 4),
    "parts of pairs": Parts(BucketPlan(*PAIRS, 128, 0, 8), 2),
}


@pytest.mark.parametrize("name", PLANS)
def test_shares_of_all_processes_are_the_batch(name):
    plan = PLANS[name]
    for step in range(12):
        parts = [Share(plan, rank, 4).batch(step) for rank in range(4)]
        whole = zip(zip(*parts, strict=True), plan.batch(step), strict=True)
        for found, expected in whole:
            np.testing.assert_array_equal(np.concatenate(found), expected)


@pytest.mark.slow
@pytest.mark.parametrize("kind", CASES)
def test_processes_make_what_one_makes(case, kind, tmp_path):
    found = {}
    for count in (1, 2, 4):
        folder = tmp_path / str(count)
        folder.mkdir()
        assert not ranks.train(case(kind), folder, count)
        found[count] = ranks.weights(folder)
        history = read_json(folder / "history.json")
        assert history["step"] == [4, 8, 12]
        files = sorted(path.name for path in folder.iterdir())
        expected = ["history.json", "journal.jsonl", "network.json", "valid.json"]
    assert files == [*expected, "valid_nll.npz", "weights.npz"]
    for count in (2, 4):
        np.testing.assert_allclose(found[count], found[1], rtol=0, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(("before", "after"), [(1, 2), (2, 1), (2, 4)])
def test_training_goes_on_with_another_number(case, before, after, tmp_path):
    arguments = case("columns") | {"steps": 4000, "eval_every": 400}
    whole, cut = (tmp_path / name for name in ("whole", "cut"))
    for folder in (whole, cut):
        folder.mkdir()
    assert not ranks.train(arguments, whole, before)

    def stop(child):
        until(lambda: list(cut.glob("checkpoints/step-*")))
        child.kill()

    def begun(child):  # it has not been told what to do yet
        threading.Thread(target=stop, args=[child]).start()

    assert len(ranks.train(arguments, cut, before, begun)) == before
    assert not (cut / "weights.npz").exists()
    assert not ranks.train(arguments, cut, after)
    steps = read_json(cut / "history.json")["step"]
    assert steps == list(range(400, 4001, 400))
    found = ranks.weights(cut)
    np.testing.assert_allclose(found, ranks.weights(whole), rtol=0, atol=1e-5)

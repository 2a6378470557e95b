"""The optimizers by hand in NumPy, and the learning rate that waits for valid."""

import math

import keras
import numpy as np
import pytest

from phistar.components import build, train
from phistar.components.training.optimizers import adamw, muon, sgd
from phistar.components.training.schedules import plateaus
from phistar.pipeline.record.journal import read
from tests.helpers import stages
from tests.helpers.data import TASKS
from tests.helpers.dying import Dying, Killed


@pytest.mark.parametrize(
    ("valid_nll", "expected"),
    [
        ([], 0),
        ([1.0], 0),
        ([3, 2, 1, 0.5, 0.4], 0),
        ([1, 1], 0),  # one evaluation without a new least value
        ([1, 1, 1], 1),  # two: equal is no improvement
        ([1, 2, 0.9, 1, 0.95, 1, 1], 2),  # the counting starts again after each
        ([1, 2, 2, 0.5, 2, 2, 2, 2], 3),
    ],
)
def test_plateaus_are_runs_without_a_new_least_value(valid_nll, expected):
    assert plateaus(valid_nll, 2) == expected


def test_plateaus_never_fall_as_the_history_grows():
    values = list(np.random.default_rng(0).random(60))
    counts = [plateaus(values[:n], 3) for n in range(len(values))]
    assert all(0 <= b - a <= 1 for a, b in zip(counts, counts[1:], strict=False))


def gradient_steps(optimizer, start, slopes):
    """Weights after each step of a kernel and a bias that have the same slopes."""
    kernel = keras.Variable(np.float32(start), name="kernel")
    bias = keras.Variable(np.float32(start), name="bias")
    for slope in slopes:
        tensor = keras.ops.convert_to_tensor(np.float32(slope))
        optimizer.apply([tensor, tensor], [kernel, bias])
    return float(kernel), float(bias)


def test_sgd_descends_on_loss_plus_l2():
    rate, momentum, decay = 0.1, 0.9, 0.3
    slopes = np.random.default_rng(1).normal(size=12)
    optimizer, _ = sgd(12, learning_rate=rate, weight_decay=decay, schedule="plateau")
    ends = gradient_steps(optimizer, 2.0, slopes)
    for end, share in zip(ends, (decay, 0.0), strict=True):  # a bias has no decay
        w, velocity = 2.0, 0.0
        for slope in slopes:
            velocity = momentum * velocity - rate * (slope + share * w)
            w += velocity
        assert end == pytest.approx(w, rel=1e-5)


@pytest.mark.parametrize("make", [adamw, muon, sgd])
def test_cosine_falls_to_zero_and_borders_leave_it(make):
    optimizer, at_border = make(8, learning_rate=0.5)
    at_border([1.0] * 50)
    rates = []
    for _ in range(8):
        rates.append(float(optimizer.learning_rate))
        gradient_steps(optimizer, 1.0, [1.0]) if not optimizer.built else (
            optimizer.iterations.assign_add(1)
        )
    expected = [0.5 * (1 + math.cos(math.pi * step / 8)) / 2 for step in range(8)]
    np.testing.assert_allclose(rates, expected, rtol=1e-5)
    assert float(optimizer.learning_rate) == pytest.approx(0, abs=1e-7)


PLATEAU = {  # a rate that soon stops helping
    "optimizer": "sgd",
    "schedule": "plateau",
    "patience": 1,
    "learning_rate": 2.0,
    "weight_decay": 5e-4,
    "loss": "cross_entropy",
    "steps": 24,
    "eval_every": 2,
    "batch_size": 16,
}


@pytest.fixture
def run(make_dataset, tmp_path, monkeypatch):
    """Train on columns with dropout; (name, step to die at) -> folder."""
    monkeypatch.setattr("phistar.components.training.checkpoints.SHARE", 1e9)
    dataset = make_dataset("columns", "multiclass")
    given = {"task": TASKS["multiclass"], "dataset": dataset}
    network = stages.call(
        build, tmp_path, **given, network="mlp", dropout=0.5, mlp_dim=8
    )

    def call(name, dies=None, **changed):
        (tmp_path / name).mkdir(exist_ok=True)
        log = Dying(tmp_path / name / "journal.jsonl")
        log.step, log.at_border = dies, True
        train.run(
            **given,
            network=network,
            out_dir=str(tmp_path / name),
            log=log,
            **PLATEAU | changed,
        )
        return tmp_path / name

    return call


def curve(folder):
    """The metrics of a journal.  -> list of (step, values)."""
    entries, _ = read(folder / "journal.jsonl")
    return [(e["step"], e["values"]) for e in entries if e["kind"] == "metrics"]


def test_rate_is_divided_by_ten_when_valid_stops_improving(run):
    points = curve(run("whole"))
    nll = [values["valid_nll"] for _, values in points]
    for border, (_, values) in enumerate(points):
        expected = 2.0 / 10 ** plateaus(nll[:border], 1)
        assert values["learning_rate"] == pytest.approx(expected, rel=1e-6)
    assert plateaus(nll, 1) >= 2  # else nothing was seen here


def test_resumed_plateau_equals_the_uninterrupted_one(run):
    whole = run("whole")
    for dies in (6, 14, 22):
        with pytest.raises(Killed):
            run("cut", dies)
    cut = run("cut")
    for name in ("weights.npz", "history.json", "network.json"):
        assert (cut / name).read_bytes() == (whole / name).read_bytes()
    assert curve(cut) == curve(whole)

"""A resumed training equals the uninterrupted one, bit for bit."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from phistar.components import build, train
from phistar.components.hashing import seal
from phistar.components.training.checkpoint_files import load
from phistar.pipeline.record.journal import read
from tests.helpers import stages
from tests.helpers.data import TASKS
from tests.helpers.dying import Dying, Killed

NETWORKS = {  # all with dropout, one with moving averages
    "columns": {"network": "mlp", "dropout": 0.5},
    "images": {"network": "vgg_small", "num_blocks": 1, "width": 4, "mlp_dim": 8},
    "text": {
        "network": "transformer_lm",
        **{"num_layers": 1, "num_heads": 2, "model_dim": 8, "mlp_dim": 16},
        **{"context": 16, "stride": 12, "dropout": 0.2},
    },
    "pairs": {
        "network": "transformer",
        **{"num_layers": 1, "num_heads": 2, "model_dim": 8, "mlp_dim": 16},
        "dropout": 0.2,
    },
}
TRAIN = {
    "text": {
        **{"accumulate": 2, "average": 3, "clip_norm": 1.0, "warmup_steps": 4},
        "optimizer": "muon",
    },
    "pairs": {"batch_tokens": 256, "accumulate": 2, "average": 2, "optimizer": "muon"},
}
OF_KIND = {
    "columns": "binary",
    "images": "multiclass",
    "text": "language",
    "pairs": "translation",
}
LENGTH = {"steps": 24, "eval_every": 4, "batch_size": 16}
LOSSES = {
    "binary": "hinge",
    "multiclass": "cross_entropy",
    "language": "cross_entropy",
    "translation": "cross_entropy",
}


@pytest.fixture(scope="module")
def trainings(make_dataset, tmp_path_factory):
    """Kind of input -> (function that trains into a folder, the uninterrupted one)."""
    made = {}

    def make(kind):
        if kind in made:
            return made[kind]
        task = OF_KIND[kind]
        given = {"task": TASKS[task], "dataset": make_dataset(kind, task)}
        place = tmp_path_factory.mktemp(kind)
        network = stages.call(build, place, **given, **NETWORKS[kind])

        def run(folder, dies=None, at_border=False, **changed):
            folder.mkdir(exist_ok=True)
            log = Dying(folder / "journal.jsonl")
            log.step, log.at_border = dies, at_border
            arguments = {**given, **LENGTH, "loss": LOSSES[task], "seed": 1}
            arguments |= TRAIN.get(kind, {}) | changed
            train.run(**arguments, network=network, out_dir=str(folder), log=log)
            return folder

        made[kind] = run, run(place / "whole")
        return made[kind]

    with pytest.MonkeyPatch.context() as patch:
        # as large a share as it takes: a checkpoint at every border
        patch.setattr("phistar.components.training.checkpoints.SHARE", 1e9)
        yield make


@pytest.fixture(scope="module")
def dead(trainings, tmp_path_factory):
    """A folder of columns, whose training died at step 20."""
    run, _ = trainings("columns")
    folder = tmp_path_factory.mktemp("dead") / "cut"
    with pytest.raises(Killed):
        run(folder, dies=20)
    return folder


@pytest.fixture
def died(dead, tmp_path):
    """A copy of it: tmp_path / "cut"."""
    return Path(shutil.copytree(dead, tmp_path / "cut"))


@pytest.fixture
def case(trainings, tmp_path):
    """(function that trains into tmp_path / "cut", the uninterrupted folder)."""
    train_into, whole = trainings("columns")
    return (lambda **how: train_into(tmp_path / "cut", **how)), whole


def written(folder):
    """Bytes of the files that later stages read of a trained network."""
    names = ("network.json", "weights.npz", "history.json")
    return {name: (folder / name).read_bytes() for name in names}


def curve(folder):
    """(step, values) of every metric in the journal, in order."""
    entries, _ = read(folder / "journal.jsonl")
    return [(e["step"], e["values"]) for e in entries if e["kind"] == "metrics"]


def stopped(run, step, **how):
    with pytest.raises(Killed):
        run(dies=step, **how)


# The other instants of the kinds whose graphs take seconds are slow tests.
@pytest.mark.parametrize(
    "kind, step, at_border",
    [
        ("columns", 4, False),
        ("columns", 4, True),
        ("columns", 12, False),
        ("columns", 12, True),
        ("columns", 24, True),
        ("images", 12, False),
        pytest.param("images", 24, True, marks=pytest.mark.slow),
        ("text", 4, False),
        pytest.param("text", 12, True, marks=pytest.mark.slow),
        pytest.param("text", 24, True, marks=pytest.mark.slow),
        pytest.param("pairs", 4, False, marks=pytest.mark.slow),
        pytest.param("pairs", 12, True, marks=pytest.mark.slow),
    ],
)
def test_resumed_equals_uninterrupted(trainings, tmp_path, kind, step, at_border):
    train_into, whole = trainings(kind)
    with pytest.raises(Killed):
        train_into(tmp_path / "cut", dies=step, at_border=at_border)
    cut = train_into(tmp_path / "cut")
    assert written(cut) == written(whole)  # bit for bit
    assert curve(cut) == curve(whole)


def test_resumed_goes_on_from_the_last_border(case, died, capsys):
    run, _ = case
    run()
    assert "continuing from step 16 of 24" in capsys.readouterr().err


def test_resumed_twice_equals_uninterrupted(case, tmp_path):
    run, whole = case
    stopped(run, 8)
    stopped(run, 20)
    cut = run()
    assert written(cut) == written(whole)
    assert curve(cut) == curve(whole)


def test_checkpoints_are_two_at_most_and_gone_at_the_end(case, tmp_path):
    run, whole = case
    assert not (whole / "checkpoints").exists()
    stopped(run, 24)
    kept = sorted(path.name for path in (tmp_path / "cut/checkpoints").iterdir())
    assert [name for name in kept if name.startswith("step")] == [
        "step-00000016",
        "step-00000020",
    ]
    assert not [name for name in kept if name.startswith(".")]


def damage(path, how):
    if how == "flipped":
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    elif how == "short":
        path.write_bytes(path.read_bytes()[:-10])
    else:
        path.write_bytes(b"")


@pytest.mark.parametrize(
    "file, how",
    [
        ("variables.npz", "flipped"),
        ("variables.npz", "short"),
        ("variables.npz", "empty"),
        ("state.json", "short"),
        ("state.json", "empty"),
    ],
)
def test_damaged_checkpoint_falls_back_to_the_one_before(case, died, capsys, file, how):
    run, whole = case
    damage(died / "checkpoints/step-00000016" / file, how)
    cut = run()
    said = capsys.readouterr().err
    assert "step-00000016" in said and "Going back to step-00000012" in said
    assert written(cut) == written(whole)
    assert curve(cut) == curve(whole)


def test_damaged_best_weights_are_written_again(case, died):
    run, whole = case
    folder = died / "checkpoints"
    newest, older = (
        json.loads((folder / f"step-000000{step}/state.json").read_text())["best"]
        for step in (16, 12)
    )
    assert newest != older  # else there would be no older checkpoint to go back to
    damage(folder / newest, "flipped")
    stopped(run, 20)
    assert load(folder)[0]["step"] == 16
    assert written(run()) == written(whole)


def test_no_checkpoint_that_loads_is_an_error_not_a_fresh_start(case, died):
    run, whole = case
    for path in died.glob("checkpoints/step-*/variables.npz"):
        damage(path, "short")
    with pytest.raises(ValueError, match="does not load.*remove"):
        run()


def test_checkpoint_of_another_machine_warns(case, died, capsys):
    run, whole = case
    for path in died.glob("checkpoints/step-*/state.json"):
        state = json.loads(path.read_text())
        state["machine"]["cores"] += 62
        del state["seal"]
        path.write_text(json.dumps(state | {"seal": seal(state)}))
    run()
    assert "may differ in the last bits" in capsys.readouterr().err


def test_load_without_a_checkpoint_is_none(tmp_path):
    assert load(tmp_path / "checkpoints") is None


def test_weights_that_are_not_finite_keep_the_last_finite_checkpoint(
    case, died, tmp_path
):
    run, whole = case
    folder = died / "checkpoints/step-00000016"
    with np.load(folder / "variables.npz") as arrays:
        assert all(np.isfinite(a).all() for a in arrays.values() if a.dtype.kind == "f")
    shutil.rmtree(tmp_path / "cut")
    with pytest.raises(FloatingPointError, match="step"):
        run(learning_rate=1e30, optimizer="sgd")
    for path in (tmp_path / "cut").glob("checkpoints/step-*/variables.npz"):
        with np.load(path) as arrays:
            values = [a for a in arrays.values() if a.dtype.kind == "f"]
            assert all(np.isfinite(a).all() for a in values)

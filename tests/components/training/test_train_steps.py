"""Steps of training: parts of a batch, length of a run, averaged weights."""

import itertools
import json
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from phistar.components import build, train
from phistar.components.artifacts import Dataset, load_network, make_task
from phistar.components.data.batches.buckets import BucketPlan
from phistar.components.data.batches.passes import WHOLE, PackedPlan, Parts, Plan
from phistar.components.tasks.language import Language
from phistar.components.training.optimizers import adamw
from phistar.pipeline.record.journal import read
from tests.helpers import stages
from tests.helpers.data import TASKS

SMALL = {
    **{"num_layers": 1, "num_heads": 2, "model_dim": 8, "mlp_dim": 16},
    **{"context": 16, "stride": 12, "dropout": 0.0},
}
NETWORKS = {
    "columns": ("binary", {"network": "mlp", "mlp_dim": 6}, "logistic"),
    "text": ("language", {"network": "transformer_lm", **SMALL}, "cross_entropy"),
}


@pytest.fixture
def fit(make_dataset, tmp_path):
    """Build and train.  (name, kind, **keys of train) -> folder."""

    def run(name, kind="text", **options):
        task, network, loss = NETWORKS[kind]
        given = {"task": TASKS[task], "dataset": make_dataset(kind, task)}
        untrained = stages.call(build, tmp_path / name, **given, **network)
        defaults = {"steps": 12, "eval_every": 4, "learning_rate": 0.01, "loss": loss}
        defaults |= {"network": untrained, "batch_size": 12}
        folder = stages.call(train, tmp_path / name, **given, **defaults | options)
        return Path(folder)

    run.dataset = lambda kind: Dataset.load(make_dataset(kind, NETWORKS[kind][0]))
    return run


def weights(folder):
    """All weights as one array."""
    with np.load(folder / "weights.npz") as arrays:
        return np.concatenate([arrays[name].ravel() for name in sorted(arrays)])


def history(folder):
    return json.loads((folder / "history.json").read_text())


def valid_nll(fit, folder, kind):
    """-ln P of valid under the network of a folder, one text after the other."""
    data, (task, _, _) = fit.dataset(kind), NETWORKS[kind]
    labels = data.split("valid")[1]
    model, _ = load_network(folder)
    call = tf.function(lambda x: model(x, training=False), reduce_retracing=True)
    the_task, windows, total = make_task(TASKS[task], data.space), model.windows, 0.0
    for row in range(len(labels)):
        text = labels[row].astype("int32")
        before = np.append(0, text[:-1])
        for t in range(len(text)):
            start = (
                0
                if t < windows.context
                else ((t - windows.context) // windows.stride + 1) * windows.stride
            )
            logits = call(tf.constant(before[None, start : t + 1]))[0, -1:]
            total -= float(the_task.log_prob(logits, text[t : t + 1])[0])
    return total / len(labels.tokens)


def test_valid_nll_is_that_of_the_protocol_label_by_label(fit):
    folder = fit("run")
    expected = valid_nll(fit, folder, "text")
    assert min(history(folder)["valid_nll"]) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_accumulated_step_is_the_step(fit, kind, optimizer):
    # the last batch of a pass is mostly padding, so the parts' labels differ
    whole = fit("whole", kind, optimizer=optimizer)
    parts = fit("parts", kind, optimizer=optimizer, accumulate=3)
    np.testing.assert_allclose(weights(whole), weights(parts), atol=2e-4)
    for name in ("step", "valid_nll", "train_loss"):
        np.testing.assert_allclose(
            history(whole)[name], history(parts)[name], rtol=1e-4
        )


def test_parts_hold_the_batch_with_its_weights():
    offsets = np.cumsum([0, 40, 7, 33, 20])
    for plan in (Plan(10, 4, 0, devices=2), PackedPlan(offsets, 8, 4, 0, devices=2)):
        parts = Parts(plan, 2)
        for step in range(2 * plan.steps_per_epoch):
            chosen, weight = plan.batch(step)
            rows, shares = zip(
                *(parts.batch(2 * step + i) for i in (0, 1)), strict=True
            )
            np.testing.assert_array_equal(np.concatenate(rows), chosen)
            np.testing.assert_allclose(np.concatenate(shares) / 2, weight)
        many, _ = parts.batches(3, 6)
        np.testing.assert_array_equal(many, [parts.batch(i)[0] for i in range(3, 6)])


class TextsByLength(BucketPlan):
    """The target side of a BucketPlan alone: one text a row."""

    def batch(self, step, part=WHOLE):
        return super().batch(step, part)[1:]


def test_batch_tokens_reach_the_plan_and_its_padding_is_logged(fit, monkeypatch):
    made = []

    def plan(self, inputs, labels, network, batch_size, batch_tokens, seed, devices):
        assert (batch_tokens, seed, devices) == (512, 7, 3)
        sides = np.ones(len(labels), "int64"), labels.lengths
        made.append(TextsByLength(*sides, batch_tokens, seed, devices))
        return made[0]

    monkeypatch.setattr(Language, "plan", plan)
    monkeypatch.setitem(NETWORKS["text"][1], "context", 64)
    folder = fit("run", batch_tokens=512, seed=7, accumulate=3, devices="cpu")
    assert len({made[0].batch(i)[1].shape for i in range(12)}) > 1
    entries, _ = read(folder / "journal.jsonl")
    facts = [e["values"] for e in entries if e["kind"] == "params"]
    logged = next(f["train.padding"] for f in facts if "train.padding" in f)
    assert logged == made[0].padding["both"] and 0 < logged < 0.5


def test_batch_tokens_are_refused_where_there_are_no_pairs(fit):
    with pytest.raises(ValueError, match=r"train.batch_tokens=64 .* task language"):
        fit("run", batch_tokens=64)


def test_stop_after_ends_at_the_first_plateau(fit):
    options = {"steps": 60, "eval_every": 2, "learning_rate": 1.0, "optimizer": "sgd"}
    curve = history(fit("run", "columns", **options, stop_after=3))["valid_nll"]
    best = int(np.argmin(curve[:-3]))
    assert len(curve) < 30
    assert min(curve[-3:]) >= curve[best] and len(curve) == best + 4
    assert len(history(fit("whole", "columns", **options))["valid_nll"]) == 30


def test_average_is_kept_if_it_is_the_best(fit):
    # a rate so high to the end that the steps jump around a minimum
    options = {"steps": 120, "eval_every": 6, "learning_rate": 0.1}
    options |= {"schedule": "inverse_sqrt", "warmup_steps": 40}
    kept, seeds = False, itertools.count()
    while not kept:  # else this would tell nothing
        seed = next(seeds)
        folder = fit(f"run{seed}", **options, average=6, seed=seed)
        entries, _ = read(folder / "journal.jsonl")
        facts = [e["values"] for e in entries if e["kind"] == "params"]
        nll = next(f["train.average_nll"] for f in facts if "train.average_nll" in f)
        least = min(history(folder)["valid_nll"])
        expected = min(nll, least)
        assert valid_nll(fit, folder, "text") == pytest.approx(expected, rel=1e-5)
        kept = nll < least


def rates(steps, **keys):
    optimizer, _ = adamw(steps, **keys)
    optimizer.build([keras.Variable(np.zeros(1))])
    found = []
    for _ in range(steps):
        found.append(float(optimizer.learning_rate))
        optimizer.iterations.assign_add(1)
    return np.array(found)


def test_adamw_warms_up_then_falls():
    cosine = rates(100, learning_rate=0.5, warmup_steps=20)
    np.testing.assert_allclose(cosine[:21], 0.5 * np.arange(21) / 20, rtol=1e-5)
    angle = np.pi * np.arange(80) / 80
    np.testing.assert_allclose(cosine[20:], 0.25 * (1 + np.cos(angle)), rtol=1e-4)
    root = rates(100, learning_rate=0.5, warmup_steps=25, schedule="inverse_sqrt")
    step = np.arange(1, 101)
    expected = 0.5 * np.minimum(step / 25, (25 / step) ** 0.5)
    np.testing.assert_allclose(root, expected, rtol=1e-5)
    # a preflight has few steps, whatever the recipe
    assert np.isfinite(rates(2, learning_rate=0.5, warmup_steps=1000)).all()


def test_adamw_clips_the_norm_of_all_gradients_together():
    optimizer, _ = adamw(10, clip_norm=1.0)
    gradients = [keras.ops.full((2,), 30.0), keras.ops.full((2,), 40.0)]
    clipped = optimizer._clip_gradients(gradients)
    norm = np.sqrt(sum(float(keras.ops.sum(g**2)) for g in clipped))
    assert norm == pytest.approx(1.0, rel=1e-5)

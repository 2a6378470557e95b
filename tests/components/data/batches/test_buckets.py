"""Planned batches of sentence pairs: within a budget, of few shapes, little padding."""

import keras
import numpy as np
import pytest

from phistar.components.data.arrays import Ragged
from phistar.components.data.batches import loader as loaders
from phistar.components.data.batches.buckets import SHAPES, BucketPlan, length_batches
from phistar.components.data.batches.loader import loader, pairs_batch
from phistar.components.data.batches.passes import Parts
from phistar.components.tasks import task


def pair_lengths(num_pairs, seed=0, longest=64):
    """Tokens of either side, as English-German software help has them.

    Median 16 and 18, mean 18 and 20; the logarithms have a correlation of 0.95.
    """
    rng = np.random.default_rng(seed)
    length = np.exp(rng.normal(np.log(16), 0.72, 2 * num_pairs))
    ratio = 1.1 * np.exp(rng.normal(0, 0.22, len(length)))
    sides = np.maximum(2, np.round([length, ratio * length])).astype("int64")
    kept = (sides <= longest).all(axis=0)
    return sides[:, kept][:, :num_pairs]


def sentences(lengths, seed):
    """Ragged of tokens 1 ... 249, each sentence ended by 0."""
    offsets = np.cumsum([0, *lengths])
    tokens = np.random.default_rng(seed).integers(1, 250, offsets[-1]).astype("uint8")
    tokens[offsets[1:] - 1] = 0
    return Ragged(tokens, offsets)


def pairs_of(num_pairs, seed=0, longest=24):
    """(Ragged, Ragged)."""
    sides = pair_lengths(num_pairs, seed, longest)
    return tuple(sentences(side, seed + i) for i, side in enumerate(sides))


def plan_of(pairs, batch_tokens, seed=0, devices=1):
    return BucketPlan(*(side.lengths for side in pairs), batch_tokens, seed, devices)


def read_pairs(plan, step, pairs):
    """The pairs that weigh something in a step, by where their labels begin."""
    sources, places, weights = plan.batch(step)
    real = weights[:, 0] > 0
    found = np.searchsorted(pairs[1].offsets, places[real, 0])
    np.testing.assert_array_equal(pairs[1].offsets[found], places[real, 0])
    np.testing.assert_array_equal(pairs[0].offsets[found], sources[real, 0])
    return found


CASES = [(300, 128, 1), (300, 500, 3), (300, 10**6, 1), (1, 64, 4), (40, 30, 2)]


@pytest.mark.parametrize(("num_pairs", "batch_tokens", "devices"), CASES)
def test_pass_has_every_pair_once(num_pairs, batch_tokens, devices):
    pairs = pairs_of(num_pairs)
    plan = plan_of(pairs, batch_tokens, devices=devices)
    for epoch in range(3):
        first = epoch * plan.steps_per_epoch
        steps = range(first, first + plan.steps_per_epoch)
        seen = np.concatenate([read_pairs(plan, step, pairs) for step in steps])
        assert sorted(seen) == list(range(num_pairs))


@pytest.mark.parametrize(("num_pairs", "batch_tokens", "devices"), CASES)
def test_weights_are_those_of_the_mean_over_real_labels(
    num_pairs, batch_tokens, devices
):
    pairs = pairs_of(num_pairs)
    plan = plan_of(pairs, batch_tokens, devices=devices)
    for step in range(plan.steps_per_epoch):
        sources, places, weights = plan.batch(step)
        assert len(sources) == len(places) and places.shape == weights.shape
        assert len(weights) % devices == 0 and weights.dtype == np.float32
        found = read_pairs(plan, step, pairs)
        lengths = np.zeros(len(weights), "int64")
        lengths[: len(found)] = pairs[1].lengths[found]
        real = np.arange(weights.shape[1]) < lengths[:, None]
        np.testing.assert_allclose(weights, real / lengths.sum(), rtol=1e-6)
        np.testing.assert_allclose(weights.sum(), 1, rtol=1e-5)


def test_batch_is_a_function_of_the_step():
    pairs = pairs_of(200)
    plan = plan_of(pairs, 200, seed=5)
    steps = range(3 * plan.steps_per_epoch)
    forward = [plan.batch(step) for step in steps]
    for step in reversed(steps):
        again = plan_of(pairs, 200, seed=5).batch(step)
        for part, expected in zip(again, forward[step], strict=True):
            np.testing.assert_array_equal(part, expected)


def test_order_is_another_in_each_pass_and_for_each_seed():
    pairs = pairs_of(200)
    passes, shapes, groups = set(), set(), set()
    for seed in range(3):
        plan = plan_of(pairs, 200, seed)
        for epoch in range(2):
            first = epoch * plan.steps_per_epoch
            steps = range(first, first + plan.steps_per_epoch)
            found = [read_pairs(plan, step, pairs) for step in steps]
            passes.add(tuple(np.concatenate(found)))
            shapes.add(tuple(plan.batch(step)[1].shape for step in steps))
            groups.add(frozenset(frozenset(pair.tolist()) for pair in found))
    # the order of the batches, and which pairs meet in one
    assert len(passes) == len(shapes) == len(groups) == 6


@pytest.mark.parametrize("devices", [1, 8])
@pytest.mark.parametrize("batch_tokens", [300, 4096])
def test_batch_stays_within_the_budget(batch_tokens, devices):
    plan = BucketPlan(*pair_lengths(3000), batch_tokens, 0, devices)
    for step in range(plan.steps_per_epoch):
        sources, places, _ = plan.batch(step)
        # rows that fill up the devices are beyond it
        rows = len(places) - (devices - 1)
        widest = max(sources.shape[1], places.shape[1])
        assert rows * widest <= batch_tokens or rows <= 1
        assert len(places) % devices == 0 and places.size <= plan.step_labels
    if devices == 1:  # then nothing goes beyond it
        assert plan.step_labels <= batch_tokens


def test_devices_change_no_batch():
    pairs = pairs_of(300)
    plans = [plan_of(pairs, 200, devices=devices) for devices in (1, 2, 3, 4)]
    assert len({plan.steps_per_epoch for plan in plans}) == 1
    for step in range(plans[0].steps_per_epoch):
        expected, weights = read_pairs(plans[0], step, pairs), plans[0].batch(step)[2]
        for plan in plans[1:]:
            np.testing.assert_array_equal(read_pairs(plan, step, pairs), expected)
            real = plan.batch(step)[2][: len(expected)]
            np.testing.assert_array_equal(real, weights[: len(expected)])


def test_pair_longer_than_the_budget_is_alone():
    lengths = np.array([5] * 20 + [50, 60, 50])
    plan = BucketPlan(lengths, lengths[::-1], 25, seed=0)
    # reversed: pairs 0 ... 2 have long targets, the last three long sources
    alone = 0
    for step in range(plan.steps_per_epoch):
        sources, places, _ = plan.batch(step)
        assert sources.size <= 25 and places.size <= 25 or len(places) == 1
        alone += len(places) == 1
    assert alone == 6


def test_bucket_has_few_shapes_and_hardly_a_row_of_padding():
    plan = BucketPlan(*pair_lengths(20_000), 4096, seed=0)
    batches = [plan.batch(step) for step in range(plan.steps_per_epoch)]
    shapes = {(*s.shape, *p.shape) for s, p, _ in batches}
    assert len(shapes) <= SHAPES["tensorflow"]
    real = sum((weights[:, 0] > 0).sum() for _, _, weights in batches)
    assert real == 20_000
    assert sum(len(weights) for _, _, weights in batches) <= 1.005 * real
    # full enough: a fifth more batches than the larger side needs without padding
    assert np.mean([max(s.size, p.size) for s, p, _ in batches]) > 0.85 * 4096


@pytest.mark.parametrize("seed", range(3))
def test_padding_is_small(seed):
    sides = pair_lengths(26_000, seed)
    plan = BucketPlan(*sides, 4096, seed=0)
    assert max(plan.padding.values()) <= 0.085
    assert plan.padding["both"] <= 0.08
    batches = [plan.batch(step) for step in range(plan.steps_per_epoch)]
    held = [sum(batch[i].size for batch in batches) for i in (0, 1)]
    np.testing.assert_allclose(
        [plan.padding[name] for name in ("source", "target", "both")],
        1 - np.array([*sides.sum(axis=1) / held, sides.sum() / sum(held)]),
    )


def test_few_pairs_are_not_torn_into_tiny_batches():
    plan = BucketPlan(*pair_lengths(200), 10**5, seed=0)
    assert plan.steps_per_epoch == 1


def written_out(pairs, rows, shape):
    """((source, read), labels) of pairs, one token after the other."""
    num_rows, *widths = shape
    source, labels = (np.zeros((num_rows, width), "int32") for width in widths)
    read = np.zeros_like(labels)
    for i, row in enumerate(rows):
        source[i, : pairs[0].lengths[row]] = pairs[0][row]
        labels[i, : pairs[1].lengths[row]] = pairs[1][row]
        read[i, 1 : pairs[1].lengths[row]] = pairs[1][row][:-1]
    return (source, read), labels


@pytest.mark.parametrize("tensorflow", [True, False])
def test_loader_gives_the_pairs_written_out(tensorflow, monkeypatch):
    if not tensorflow:
        monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    pairs = pairs_of(150)
    plan = plan_of(pairs, 150, devices=2)
    data = loader(*pairs, plan, 3, 3 + plan.steps_per_epoch)
    assert isinstance(data, loaders.PlannedBatches) is not tensorflow
    if tensorflow:
        (source, read), labels, weights = data.element_spec
        for spec in (source, read, labels, weights):
            assert spec.shape.as_list() == [None, None]
    batches = data if tensorflow else (data[i] for i in range(len(data)))
    padded = 0
    for step, ((source, read), labels, weights) in enumerate(batches, 3):
        rows, shape = read_pairs(plan, step, pairs), plan.batch(step)[0].shape
        expected = written_out(pairs, rows, (*shape, plan.batch(step)[1].shape[1]))
        (expected_source, expected_read), expected_labels = expected
        real = slice(len(rows))
        for part, other in (
            (source, expected_source),
            (read, expected_read),
            (labels, expected_labels),
        ):
            assert part.shape == other.shape and part.dtype == np.int32
            np.testing.assert_array_equal(np.asarray(part)[real], other[real])
        np.testing.assert_array_equal(weights, plan.batch(step)[2])
        # rows of padding are pairs too: no row is all mask
        repeated = np.resize(np.asarray(source)[real], source.shape)
        np.testing.assert_array_equal(source, repeated)
        padded += len(labels) - len(rows)
    assert step == 2 + plan.steps_per_epoch and padded


def test_parts_hold_the_batch_with_its_weights():
    pairs = pairs_of(100)
    plan = plan_of(pairs, 200, devices=3)
    parts = Parts(plan, 3)
    for step in range(2 * plan.steps_per_epoch):
        split = [
            pairs_batch(pairs[0].tokens, pairs[1].tokens, parts, 3 * step + i)
            for i in range(3)
        ]
        whole = pairs_batch(pairs[0].tokens, pairs[1].tokens, plan, step)
        together = keras.tree.map_structure(lambda *p: np.concatenate(p), *split)
        for part, expected in zip(
            keras.tree.flatten(together[:2]), keras.tree.flatten(whole[:2]), strict=True
        ):
            np.testing.assert_array_equal(part, expected)
        np.testing.assert_allclose(together[2], 3 * whole[2], rtol=1e-6)


def trained(pairs, plan, count, at_once):
    """Weights of a small network of both sides after two passes."""
    keras.utils.set_random_seed(0)
    source, read = (keras.Input((None,), dtype="int32") for _ in range(2))
    table = keras.layers.Embedding(250, 4)
    context = keras.ops.mean(table(source), axis=1, keepdims=True)
    scores = keras.layers.Dense(250)(table(read) + context)

    class Pairs(keras.Model):
        def compute_loss(self, x, y, y_pred, sample_weight, **_):
            losses = keras.losses.sparse_categorical_crossentropy(y, y_pred, True)
            return keras.ops.sum(sample_weight * losses)

    model = Pairs((source, read), scores)
    every = count if count > 1 else None
    optimizer = keras.optimizers.SGD(0.5, gradient_accumulation_steps=every)
    model.compile(optimizer=optimizer, steps_per_execution=at_once)
    steps = 2 * plan.steps_per_epoch
    parts = plan if count == 1 else Parts(plan, count)
    data = loader(*pairs, parts, 0, steps * count)
    model.fit(data, steps_per_epoch=steps * count, shuffle=False, verbose=0)
    return np.concatenate([w.ravel() for w in model.get_weights()])


@pytest.mark.heavy
def test_shapes_vary_within_one_execution_and_parts_are_the_step():
    pairs = pairs_of(60)
    plan = plan_of(pairs, 300, devices=2)
    assert len({plan.batch(i)[0].shape for i in range(plan.steps_per_epoch)}) > 1
    whole = trained(pairs, plan, 1, 1)
    steps = 2 * plan.steps_per_epoch
    np.testing.assert_allclose(whole, trained(pairs, plan, 1, steps), atol=1e-6)
    np.testing.assert_allclose(whole, trained(pairs, plan, 2, 2), atol=1e-5)


@pytest.mark.parametrize("batch_tokens", [100, 1000, 10**6])
def test_length_batches_have_each_pair_once_within_the_budget(batch_tokens):
    sides = pair_lengths(500)
    seen, shapes, widths = [], set(), []
    for rows, (num_rows, source, target) in length_batches(*sides, batch_tokens):
        assert 0 < len(rows) <= num_rows
        assert num_rows * max(source, target) <= batch_tokens
        assert (sides[:, rows].max(axis=1) <= (source, target)).all()
        seen += rows.tolist()
        shapes.add((num_rows, source, target))
        widths.append(target)
    assert sorted(seen) == list(range(500))
    assert len(shapes) <= SHAPES["tensorflow"] and widths == sorted(widths)


def test_length_batches_of_nothing_are_none():
    assert list(length_batches(np.zeros(0, int), np.zeros(0, int), 100)) == []


@pytest.mark.parametrize("name", ["binary", "multiclass", "language"])
def test_tasks_without_pairs_refuse_batch_tokens(name):
    keys = {"positive": "1"} if name == "binary" else {}
    with pytest.raises(ValueError, match=f"train.batch_tokens=64 .* task {name}"):
        task(name)(**keys).plan(None, [], None, 32, 64, 0)

"""Planned windows of texts: every label once a pass, a function of the step alone."""

import numpy as np
import pytest

from phistar.components.data.arrays import Ragged
from phistar.components.data.batches.loader import loader, packed_batch
from phistar.components.data.batches.passes import PackedPlan, Plan
from phistar.components.data.batches.windows import Windows


def texts_of(lengths, seed=0):
    """Ragged of tokens 1 ... 250 that end in EOS; each text begins with its number."""
    rng = np.random.default_rng(seed)
    rows = [
        np.append(rng.integers(1, 250, length), 0).astype("uint8") for length in lengths
    ]
    offsets = np.cumsum([0, *(len(row) for row in rows)])
    return Ragged(np.concatenate(rows), offsets)


LENGTHS = [5, 0, 1, 30, 64, 7, 200, 12, 0, 3]


@pytest.mark.parametrize(("context", "batch_size"), [(8, 4), (16, 3), (500, 2), (1, 7)])
def test_pass_has_every_label_once(context, batch_size):
    texts = texts_of(LENGTHS)
    plan = PackedPlan(texts.offsets, context, batch_size, seed=3)
    for epoch in range(2):
        steps = range(epoch * plan.steps_per_epoch, (epoch + 1) * plan.steps_per_epoch)
        seen = []
        for step in steps:
            places, weights = plan.batch(step)
            assert places.shape == weights.shape == (batch_size, context)
            np.testing.assert_allclose(weights.sum(), 1, rtol=1e-5)
            assert len(set(weights[weights > 0])) == 1
            seen += places[weights > 0].tolist()
        assert sorted(seen) == list(range(len(texts.tokens)))


def test_window_reads_the_token_before_or_the_start():
    texts = texts_of(LENGTHS)
    plan = PackedPlan(texts.offsets, 16, 4, seed=0)
    starts = set(texts.offsets[:-1].tolist())
    for step in range(plan.steps_per_epoch):
        places, weights = plan.batch(step)
        read, labels, same = packed_batch(texts.tokens, plan, step)
        np.testing.assert_array_equal(weights, same)
        for row, column in np.ndindex(places.shape):
            place = places[row, column]
            if not weights[row, column]:
                assert read[row, column] == labels[row, column] == 0
                continue
            assert labels[row, column] == texts.tokens[place]
            before = 0 if place in starts else texts.tokens[place - 1]
            assert read[row, column] == before
            # where no text begins, the window shows the token before beside it
            if column and place not in starts:
                assert labels[row, column - 1] == before


def test_batch_is_a_function_of_the_step():
    texts = texts_of(LENGTHS)
    steps = 3 * PackedPlan(texts.offsets, 8, 4, 0).steps_per_epoch
    forward, again = ([], [])
    plan = PackedPlan(texts.offsets, 8, 4, seed=5)
    forward = [plan.batch(step)[0] for step in range(steps)]
    again = [
        PackedPlan(texts.offsets, 8, 4, seed=5).batch(step)[0]
        for step in reversed(range(steps))
    ]
    np.testing.assert_array_equal(forward, again[::-1])
    other = PackedPlan(texts.offsets, 8, 4, seed=6)
    assert (other.batch(0)[0] != forward[0]).any()
    per_pass = steps // 3
    assert any((forward[i] != forward[i + per_pass]).any() for i in range(per_pass))


def test_loader_gives_the_planned_batches_of_the_steps():
    texts = texts_of(LENGTHS)
    plan = PackedPlan(texts.offsets, 16, 4, seed=0)
    for step, batch in enumerate(loader(None, texts, plan, 3, 12), 3):
        for part, expected in zip(
            batch, packed_batch(texts.tokens, plan, step), strict=True
        ):
            np.testing.assert_array_equal(part, expected)
            assert part.dtype.name == expected.dtype.name
    assert step == 11


def test_loader_has_no_thread_that_the_end_of_training_waits_for():
    texts, images = texts_of(LENGTHS), np.zeros((20, 4, 4, 1), "uint8")
    packed = PackedPlan(texts.offsets, 16, 4, seed=0)
    for data in (
        loader(None, texts, packed, 0, 12),
        loader(images, np.zeros(20, "int32"), Plan(20, 4, 0), 0, 12),
    ):
        assert data.options().autotune.enabled is False


@pytest.mark.parametrize(
    ("context", "stride"), [(8, 8), (8, 6), (8, 1), (1, 1), (400, 3)]
)
def test_windows_score_every_label_once_by_the_stated_rule(context, stride):
    texts, windows = texts_of(LENGTHS), Windows(context, stride)
    starts, scored, stops = windows.of(texts.offsets)
    read_from = np.full(len(texts.tokens), -1)
    for start, first, stop in zip(starts, scored, stops, strict=True):
        assert start <= first < stop <= start + context
        assert (read_from[first:stop] == -1).all()
        read_from[first:stop] = start
    text = np.searchsorted(texts.offsets, np.arange(len(texts.tokens)), "right") - 1
    label = np.arange(len(texts.tokens)) - texts.offsets[text]
    number = np.where(label < context, 0, (label - context) // stride + 1)
    np.testing.assert_array_equal(read_from - texts.offsets[text], number * stride)
    np.testing.assert_array_equal(np.asarray(windows.start(label)), number * stride)

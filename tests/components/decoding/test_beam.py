import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from phistar.components.decoding.beam import NEVER, beam_search
from phistar.components.decoding.picking import BLOCK, best
from phistar.pipeline.process import quiet
from tests.helpers import prefixes

ROOT = Path(__file__).parents[3]
ALPHAS = [0.0, 0.6, 1.0, -0.5]
MIXED = {  # knobs of six rows
    "beam_size": [4, 1, 2, 4, 3, 1],
    "max_length": [5, 5, 1, 2, 4, 3],
    "length_penalty": [0.0, 1.0, 0.6, 0.6, -0.5, 0.0],
}


def assert_same_texts(hypotheses, row, expected):
    """The same tokens in the same order, the scores up to rounding."""
    texts = prefixes.texts(hypotheses, row)
    assert [tokens for tokens, _ in texts] == [tokens for tokens, _ in expected]
    np.testing.assert_allclose(
        [score for _, score in texts], [score for _, score in expected], atol=1e-5
    )


@pytest.mark.parametrize("length_penalty", ALPHAS)
@pytest.mark.parametrize(("vocab_size", "max_length"), [(3, 5), (4, 4), (5, 3)])
def test_beam_search_of_full_width_is_exhaustive(
    vocab_size, max_length, length_penalty
):
    tables = prefixes.random_tables(3, vocab_size, max_length, seed=1)
    expected = [prefixes.every_text(t, max_length, length_penalty) for t in tables]
    width = len(expected[0])
    found = prefixes.found(tables, width, max_length, length_penalty)
    for row in range(3):
        assert len(expected[row]) == len({tokens for tokens, _ in expected[row]})
        assert_same_texts(found, row, expected[row])


@pytest.mark.parametrize("length_penalty", ALPHAS)
@pytest.mark.parametrize("beam_size", [1, 2, 3, 5, 8])
def test_beam_search_is_its_definition_on_lists(beam_size, length_penalty):
    # the definition on lists ends at max_length only: an early end loses nothing
    tables = prefixes.random_tables(40, 4, 5, seed=beam_size, sharpness=1.5)
    found = prefixes.found(tables, beam_size, 5, length_penalty)
    for row, table in enumerate(tables):
        expected = prefixes.slow_search(table, beam_size, 5, length_penalty)
        assert_same_texts(found, row, expected)


@pytest.mark.parametrize("beam_size", [1, 2, 3, 8])
def test_hypotheses_say_the_truth_about_themselves(beam_size):
    length_penalty = np.linspace(-0.5, 2.0, 50)
    tables = prefixes.random_tables(50, 4, 5, seed=7)
    found = prefixes.found(tables, beam_size, 5, length_penalty)
    assert found.tokens.shape == (50, beam_size, 5)
    for row, table in enumerate(tables):
        texts = prefixes.texts(found, row)
        assert len(texts) == len({tokens for tokens, _ in texts}) == beam_size
        for k, (tokens, score) in enumerate(texts):
            log_prob = prefixes.log_prob(table, tokens)
            assert found.log_prob[row, k] == pytest.approx(log_prob, abs=1e-5)
            expected = prefixes.rank(log_prob, len(tokens), length_penalty[row])
            assert score == pytest.approx(expected, abs=1e-5)
            assert found.ended[row, k] == (tokens[-1] == 0)
            assert 0 not in tokens[:-1]
            assert found.ended[row, k] or len(tokens) == 5
            assert not found.tokens[row, k, len(tokens) :].any()
        for kind in (found.ended[row], ~found.ended[row]):
            assert (np.diff(found.score[row, kind]) <= 0).all()
        assert (np.diff(found.ended[row].astype(int)) <= 0).all()  # ended ones first


@pytest.mark.parametrize("beam_size", [1, 2, 3])
def test_ended_hypothesis_stays_as_it_is(beam_size):
    table = prefixes.table_of({(): {0: 0.6, 1: 0.4}}, 2, 4)
    found = prefixes.found(table, beam_size, 4, 0.0)
    expected = [((0,), math.log(0.6)), ((1, 0), math.log(0.4))]
    assert_same_texts(found, 0, expected[:beam_size])
    assert found.ended[0].tolist() == [True, True, False][:beam_size]


@pytest.mark.parametrize("length_penalty", [0.0, 1.0, 3.0, -1.0])
def test_beam_of_one_is_greedy(length_penalty):
    tables = prefixes.random_tables(60, 4, 5, seed=2)
    found = prefixes.found(tables, 1, 5, length_penalty)
    for row, table in enumerate(tables):
        tokens = []
        while len(tokens) < 5 and 0 not in tokens:
            tokens.append(int(table[len(tokens), prefixes.code(tokens, 4)].argmax()))
        assert prefixes.texts(found, row)[0][0] == tuple(tokens)


def test_row_alone_is_that_of_a_mixed_batch():
    tables = prefixes.random_tables(6, 4, 5, seed=3)
    together = prefixes.found(tables, **MIXED, num_slots=6, size=5)
    for row in range(6):
        knobs = {name: values[row] for name, values in MIXED.items()}
        alone = prefixes.found(tables[row : row + 1], **knobs)
        width, length = knobs["beam_size"], knobs["max_length"]
        np.testing.assert_array_equal(
            together.tokens[row, :width, :length], alone.tokens[0]
        )
        assert not together.tokens[row, :, length:].any()
        for name in ("lengths", "log_prob", "score", "ended"):
            of_row = getattr(together, name)[row]
            # a power's last bit depends on the place in the array
            rounding = 3e-7 if name == "score" else 0
            np.testing.assert_allclose(
                of_row[:width], getattr(alone, name)[0], rtol=rounding
            )
            nothing = {"lengths": 0, "ended": False}.get(name, np.float32(NEVER))
            assert (of_row[width:] == nothing).all()


@pytest.mark.parametrize("beam_size", [1, 2, 4])
def test_text_without_end_is_cut(beam_size):
    tables = prefixes.random_tables(5, 4, 4, seed=4)
    tables[..., 0] = -np.inf
    found = prefixes.found(tables, beam_size, 4, 0.6)
    assert not found.ended.any()
    assert (found.lengths == 4).all()
    for row, table in enumerate(tables):
        assert_same_texts(found, row, prefixes.slow_search(table, beam_size, 4, 0.6))


def test_cut_text_comes_after_ended_ones():
    following = {1: 0.9, 0: 0.1}
    table = prefixes.table_of({(1,) * n: following for n in range(3)}, 2, 3)
    found = prefixes.found(table, 3, 3, 0.0)
    texts = [tokens for tokens, _ in prefixes.texts(found, 0)]
    assert texts == [(0,), (1, 0), (1, 1, 0)]
    found = prefixes.found(table, 4, 3, 0.0)
    assert [tokens for tokens, _ in prefixes.texts(found, 0)] == [*texts, (1, 1, 1)]
    assert found.ended[0].tolist() == [True, True, True, False]
    assert found.score[0, 3] == found.log_prob[0, 3] > found.score[0, 0]


def test_length_penalty_prefers_the_longer_text():
    table = prefixes.table_of({(): {0: 0.5, 1: 0.5}, (1,): {1: 0.8, 0: 0.2}}, 2, 4)
    for length_penalty, expected in ((0.0, (0,)), (1.0, (1, 1, 0))):
        found = prefixes.found(table, 2, 4, length_penalty)
        assert prefixes.texts(found, 0)[0][0] == expected


@pytest.mark.parametrize(
    ("length_penalty", "beam_size", "expected"),
    # the second that ends scores ln(.06 .9) / (7/6) = -2.5 where length_penalty is 1;
    # n tokens that go on reach n ln(.06) / (25/6): -2.0 after 3, -2.7 after 4
    [(0.0, 1, 1), (0.0, 2, 2), (1.0, 2, 4), (-1.0, 2, 2), (9.0, 1, 1), (9.0, 2, 20)],
)
def test_search_ends_when_nothing_can_win(length_penalty, beam_size, expected):
    log_probs = tf.math.log(tf.constant([0.9, 0.06, 0.04]))
    indices = []

    def step(state, tokens, index, ancestors):
        indices.append(int(index))
        shape = (*tokens.shape, 3)
        return tf.broadcast_to(log_probs, shape), state

    found = beam_search(
        step,
        (),
        num_slots=beam_size,
        size=20,
        beam_size=tf.constant([beam_size]),
        max_length=tf.constant([20]),
        length_penalty=tf.constant([length_penalty]),
    )
    assert found.ended.numpy().all()
    assert indices == list(range(len(indices)))
    assert len(indices) == expected


def test_search_waits_for_what_can_still_win():
    # two have ended, and the one that goes on would lose by its present length, but
    # for length_penalty 4 its divisor grows from 3.2 to 39
    certain = {(1,) * n: {1: 1.0} for n in range(2, 9)}
    likely = {(): {0: 0.6, 1: 0.4}, (1,): {0: 0.999, 1: 0.001}}
    found = prefixes.found(prefixes.table_of(likely | certain, 2, 10), 2, 10, 4.0)
    assert prefixes.texts(found, 0)[0][0] == (*[1] * 9, 0)
    # for -4 it would lose by max_length, but not by one token more
    likely = {(): {0: 0.6, 1: 0.4}, (1,): {0: 0.05, 1: 0.95}}
    found = prefixes.found(prefixes.table_of(likely, 2, 10), 2, 10, -4.0)
    assert [tokens for tokens, _ in prefixes.texts(found, 0)] == [(0,), (1, 1, 0)]


def test_search_is_traced_once():
    tables = prefixes.random_tables(7, 4, 5, seed=5)
    graph = prefixes.graph(tables.shape[1:])
    for rows, beam_size, max_length in ((1, 1, 1), (3, 2, 5), (0, 2, 2)):
        found = prefixes.found(
            tables[:rows], beam_size, max_length, 0.6, beam_size, max_length
        )
        assert found.tokens.shape == (rows, beam_size, max_length)
    assert graph.experimental_get_tracing_count() == 1


ON_JAX = """
import json, sys
from tests.helpers import prefixes
request = json.loads(sys.argv[1])
tables = prefixes.random_tables(6, 4, 5, seed=3)
found = prefixes.found(tables, **request)
assert "tensorflow" not in sys.modules
print(json.dumps([values.tolist() for values in found]))
"""


@pytest.mark.heavy
def test_jax_finds_the_same():
    done = subprocess.run(
        [sys.executable, "-c", ON_JAX, json.dumps(MIXED)],
        cwd=ROOT,
        env=os.environ | quiet.environment("jax"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    expected = prefixes.found(prefixes.random_tables(6, 4, 5, seed=3), **MIXED)
    for ours, theirs in zip(expected, json.loads(done.stdout), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5)


@pytest.mark.parametrize("num_labels", [2, 5, BLOCK, BLOCK + 1, 9 * BLOCK, 1000])
@pytest.mark.parametrize("count", [1, 3, 9])
def test_best_is_what_sorting_finds(num_labels, count):
    rng = np.random.default_rng(num_labels)
    values = rng.normal(size=(4, 3, num_labels)).astype("float32")
    values[1] = np.round(values[1])  # ties
    values[2, :, :-1] = -np.inf  # in the block that padding is in
    values[3] = -np.inf
    found, label = (x.numpy() for x in best(values, count))
    expected = -np.sort(-values, axis=-1)[..., :count]
    np.testing.assert_array_equal(found, expected)
    assert label.min() >= 0 and label.max() < num_labels
    of_label = np.take_along_axis(values, label, axis=-1)
    np.testing.assert_array_equal(of_label[:2], expected[:2])
    # of equal ones, the first: as argmax chooses
    np.testing.assert_array_equal(label[..., 0], values.argmax(axis=-1))
    for labels in label[:2].reshape(6, -1):
        assert len(set(labels)) == min(count, num_labels)

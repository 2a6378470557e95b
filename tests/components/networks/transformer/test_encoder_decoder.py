"""Identities of the encoder-decoder."""

import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from phistar.components.artifacts import get_weights, set_weights
from phistar.components.losses import cross_entropy
from phistar.components.networks.transformer.decoder import transformer_lm
from phistar.components.networks.transformer.encoder_decoder import (
    sinusoids,
    transformer,
)
from phistar.components.tasks.translation import Translation
from phistar.pipeline.process import quiet

CODE = Path(__file__).resolve().parents[4]
VOCAB_SIZE, LENGTH, SOURCE = 11, 12, 9
SIZES = {"num_layers": 2, "num_heads": 2, "model_dim": 16, "mlp_dim": 32}


def build(spread=0.3, **options):
    """A small network with large weights, so that everything tells."""
    network = transformer((None,), "int32", VOCAB_SIZE, **SIZES | options)
    rng = np.random.default_rng(0)
    values = [rng.normal(0, spread, w.shape) for w in get_weights(network)]
    set_weights(network, values)
    return network


@pytest.fixture(scope="module", params=["rotary", "sinusoidal"])
def network(request):
    return build(positions=request.param)


def sources(rows=3, length=SOURCE, seed=0):
    """Tokens, then 0.  -> int32 [rows, length]."""
    tokens = np.random.default_rng(seed).integers(1, VOCAB_SIZE, (rows, length))
    tokens[:, -1] = 0
    return tokens.astype("int32")


def texts(rows=3, length=LENGTH, seed=1):
    """What is read: 0, then tokens.  -> int32 [rows, length]."""
    return np.roll(sources(rows, length, seed), 1, axis=1)


def logits(network, source, read):
    """Logits as an array."""
    return ops.convert_to_numpy(network((source, read), training=False))


def test_later_tokens_change_nothing(network):
    source, read = sources(), texts()
    before = logits(network, source, read)
    for place in (1, 7, LENGTH - 1):
        for new in (5, 0):
            changed = read.copy()
            changed[:, place:] = (changed[:, place:] + new) % VOCAB_SIZE if new else 0
            after = logits(network, source, changed)
            np.testing.assert_allclose(after[:, :place], before[:, :place], atol=1e-5)
            assert np.abs(after[:, place] - before[:, place]).max() > 1e-2


def test_every_token_of_the_source_and_before_counts(network):
    source, read = sources(1), texts(1)
    before = logits(network, source, read)
    for place in range(SOURCE - 1):
        changed = source.copy()
        changed[0, place] = source[0, place] % (VOCAB_SIZE - 1) + 1
        after = logits(network, changed, read)
        assert np.abs(after - before).max(axis=-1).min() > 1e-5  # at every position
    for place in range(1, LENGTH):
        changed = read.copy()
        changed[0, place] = read[0, place] % (VOCAB_SIZE - 1) + 1
        after = logits(network, source, changed)
        assert np.abs(after[0, -1] - before[0, -1]).max() > 1e-4


def test_order_of_the_source_counts(network):
    source, read = sources(1), texts(1)
    changed = source[:, [1, 0, *range(2, SOURCE)]]
    difference = logits(network, changed, read) - logits(network, source, read)
    assert np.abs(difference).max() > 1e-2


def test_end_of_the_source_is_read_and_padding_is_not(network):
    source, read = sources(), texts()
    before = logits(network, source, read)
    for padding in (1, 30):
        padded = np.pad(source, [(0, 0), (0, padding)])
        np.testing.assert_allclose(logits(network, padded, read), before, atol=1e-5)
        # nor is anything that stands there
        padded[:, SOURCE:] = 3
        np.testing.assert_allclose(logits(network, padded, read), before, atol=1e-5)
    after = logits(network, source[:, :-1], read)
    assert np.abs(after - before).max() > 1e-2


def test_longer_padding_of_the_target_changes_nothing(network):
    source, read = sources(), texts()
    before = logits(network, source, read)
    for padding in (1, 30):
        padded = np.pad(read, [(0, 0), (0, padding)])
        after = logits(network, source, padded)[:, :LENGTH]
        np.testing.assert_allclose(after, before, atol=1e-5)


def test_row_of_padding_is_an_empty_source(network):
    source, read = sources(), texts()
    source[1] = 0
    values = logits(network, source, read)
    assert np.isfinite(values).all()
    alone = logits(network, np.zeros((1, 1), "int32"), read[1:2])
    np.testing.assert_allclose(values[1:2], alone, atol=1e-5)


def test_row_alone_equals_the_same_in_a_mixed_batch(network):
    lengths = [(1, 12), (9, 1), (4, 7)]
    source = [sources(1, s, seed=s)[0] for s, _ in lengths]
    read = [texts(1, t, seed=t)[0] for _, t in lengths]
    together = logits(
        network,
        np.stack([np.pad(row, (0, SOURCE - len(row))) for row in source]),
        np.stack([np.pad(row, (0, LENGTH - len(row))) for row in read]),
    )
    for row, (x, y) in enumerate(zip(source, read, strict=True)):
        alone = logits(network, x[None], y[None])[0]
        np.testing.assert_allclose(together[row, : len(y)], alone, atol=1e-5)


def test_decoder_that_ignores_the_source_is_transformer_lm():
    network = build(dropout=0.0)
    model = transformer_lm((None,), "int32", VOCAB_SIZE, **SIZES, dropout=0.0)
    for block in network.features.decoder:
        block.cross_out.kernel.assign(ops.zeros_like(block.cross_out.kernel))
    weights = zip(network.weight_names(), get_weights(network), strict=True)
    of_decoder = {name.removeprefix("decoder_"): values for name, values in weights}
    set_weights(model, [of_decoder[name] for name in model.weight_names()])
    read = np.concatenate([texts(), texts(seed=2)], axis=1)  # two texts end to end
    expected = ops.convert_to_numpy(model(read))
    np.testing.assert_allclose(logits(network, sources(), read), expected, atol=1e-5)


def hypotheses(rows, num_beams, length):
    """A random tree of hypotheses in slots.

    Returns:
        (written int32 [rows, num_beams, length], what each slot reads at each step;
        ancestors, list by step of int32 [rows, num_beams, length]).
    """
    rng = np.random.default_rng(4)
    written = rng.integers(1, VOCAB_SIZE, (rows, num_beams, length))
    written[:, :, 0] = 0
    # what is not yet said of a hypothesis may be anything
    now = rng.integers(0, num_beams, (rows, num_beams, length))
    ancestors = []
    for step in range(length):
        parent = rng.integers(0, num_beams, (rows, num_beams, 1))
        if step:
            now = np.take_along_axis(now, parent, axis=1)
        now[:, :, step] = np.arange(num_beams)
        ancestors.append(now.astype("int32"))
    return written.astype("int32"), ancestors


@pytest.mark.parametrize("num_beams", [1, 4])
def test_cached_steps_equal_the_full_pass_of_each_history(network, num_beams):
    features, source = network.features, np.pad(sources(), [(0, 0), (0, 3)])
    written, ancestors = hypotheses(len(source), num_beams, LENGTH)
    memory = features.encode(source)
    cache = features.start_cache(len(source), num_beams, LENGTH)
    step, decode = tf.function(features.step), tf.function(features.decode)
    for index, now in enumerate(ancestors):
        at = ops.convert_to_tensor(index, "int32")
        x, cache = step(written[:, :, index], at, cache, memory, now)
        history = np.take_along_axis(written, now, axis=1)
        history[:, :, index + 1 :] = 0
        for slot in range(num_beams):
            full = decode(memory, history[:, slot])[:, index]
            np.testing.assert_allclose(x[:, slot], full, atol=1e-5)


def test_memory_is_read_as_it_is():
    # no copy for each of a row's hypotheses: B rows in, whatever K is
    features = build().features
    memory = features.encode(sources(5))
    for keys, values in memory.heads:
        assert keys.shape == values.shape == (5, 2, SOURCE, 8)


def test_sinusoids_turn_by_the_distance():
    # so that a product of two depends on their distance only
    wave = ops.convert_to_numpy(sinusoids(ops.arange(50), 16, "float32"))
    product = wave @ wave.T
    np.testing.assert_allclose(np.diag(product), 8, atol=1e-4)
    for distance in (1, 7):
        values = np.diag(product, distance)
        np.testing.assert_allclose(values, values[0], atol=1e-3)


def test_both_sides_and_the_head_share_one_table(network):
    names = network.weight_names()
    assert len(set(names)) == len(names) == len(network.weights)
    assert sum("embeddings" in name for name in names) == 1
    source, read = sources(), texts()
    source[source == 7], read[read == 7] = 1, 1
    for side, other in ((source, read), (read, source)):
        assert not (other == 7).any()
        side[0, 3] = 7
        changed = build(positions=network.features.positions)
        table = changed.features.embedding.embeddings
        values = ops.convert_to_numpy(table).copy()
        values[7] += 1
        table.assign(values)
        difference = logits(changed, source, read) - logits(network, source, read)
        assert np.abs(difference[0, 3:, :7]).max() > 1e-2
        assert np.abs(difference[1:, :, :7]).max() == 0
        side[0, 3] = 1
    difference = logits(changed, source, read) - logits(network, source, read)
    assert np.abs(difference[..., 7]).max() > 1e-2


@pytest.mark.parametrize("positions", ["rotary", "sinusoidal"])
def test_first_p_is_nearly_uniform(positions):
    keras.utils.set_random_seed(0)
    network = transformer((None,), "int32", 1000, positions=positions)
    values = logits(network, sources(2), texts(2))
    log_p = values - np.log(np.exp(values).sum(-1, keepdims=True))
    assert abs(-log_p.mean() - np.log(1000)) < 0.1


def test_dropout_is_for_training_only():
    network, source, read = build(dropout=0.5), sources(), texts()
    first, second = (logits(network, source, read) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    memory = network.features.encode(source)
    for heads, dropped in zip(
        memory.heads, network.features.encode(source, training=True).heads, strict=True
    ):
        assert np.abs(heads[0] - dropped[0]).max() > 0.1
    dropped = network.features.decode(memory, read, training=True)
    whole = network.features.decode(memory, read)
    assert np.abs(dropped - whole).max() > 0.1


@pytest.mark.parametrize(
    ("shape", "keys", "message"),
    [
        ((5,), {}, "takes texts. Received: an input of shape"),
        ((None,), {"num_heads": 3}, "must be a multiple of 2 num_heads"),
    ],
)
def test_refuses_what_does_not_fit(shape, keys, message):
    with pytest.raises(ValueError, match=message):
        transformer(shape, "int32", 5, **keys)


@pytest.fixture
def bfloat16():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    yield
    keras.config.set_dtype_policy(before)


def test_half_precision_hides_what_may_not_be_seen_and_is_nearly_the_same(bfloat16):
    half, source, read = build(spread=0.1), sources(), texts()
    keras.config.set_dtype_policy("float32")
    whole = logits(build(spread=0.1), source, read)
    values = logits(half, source, read)
    assert values.dtype == np.float32
    np.testing.assert_allclose(values, whole, atol=0.05)
    changed, padded = read.copy(), np.pad(source, [(0, 0), (0, 3)])
    changed[:, 9:], padded[:, SOURCE:] = 1, 1
    after = logits(half, padded, changed)[:, :9]
    np.testing.assert_allclose(after, values[:, :9], atol=0.02)
    features = half.features
    cache = features.start_cache(3, 1, 2)
    assert {x.dtype for pair in cache for x in pair} == {tf.bfloat16}
    own = np.zeros((3, 1, 2), "int32")
    index = ops.convert_to_tensor(0, "int32")
    x, _ = features.step(read[:, :1], index, cache, features.encode(source), own)
    full = features((source, read))[:, :1]
    np.testing.assert_allclose(ops.cast(x, "float32"), full, atol=0.05)


# Run with JAX: the file of weights and inputs, then where the logits go
ON_JAX = """
import sys
from phistar.pipeline.process import quiet
quiet.import_keras()
import numpy as np
from keras import backend, ops
from phistar.components.artifacts import set_weights
from phistar.components.losses import cross_entropy
from phistar.components.networks.transformer.encoder_decoder import transformer

given = dict(np.load(sys.argv[1]))
network = transformer(
    (None,), "int32", 11, num_layers=2, num_heads=2, model_dim=16, mlp_dim=32
)
weights = sorted(name for name in given if name.startswith("w"))
set_weights(network, [given[name] for name in weights])
source, read, features = given["source"], given["read"], network.features
memory = features.encode(source)
cache = features.start_cache(len(source), 1, read.shape[1])
own, steps = np.zeros((len(source), 1, read.shape[1]), "int32"), []
for index in range(read.shape[1]):
    at = ops.convert_to_tensor(index, "int32")
    x, cache = features.step(read[:, index, None], at, cache, memory, own)
    steps.append(network.head(x))
np.savez(
    sys.argv[2],
    full=network((source, read)),
    steps=np.concatenate(steps, axis=1),
    dropped=network((source, read), training=True),
)
print(backend.backend(), sorted(sys.modules))
"""


@pytest.mark.heavy
def test_jax_gives_the_same(tmp_path):
    network, source, read = build(), sources(), texts()
    given = {f"w{i:03}": values for i, values in enumerate(get_weights(network))}
    np.savez(tmp_path / "given.npz", source=source, read=read, **given)
    files = [str(tmp_path / "given.npz"), str(tmp_path / "got.npz")]
    done = subprocess.run(
        [sys.executable, "-c", ON_JAX, *files],
        cwd=CODE,
        env=os.environ | quiet.environment("jax") | {"PYTHONPATH": str(CODE)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("jax")
    got, expected = np.load(files[1]), logits(network, source, read)
    np.testing.assert_allclose(got["full"], expected, atol=1e-5)
    np.testing.assert_allclose(got["steps"], expected, atol=1e-5)
    assert np.abs(got["dropped"] - expected).max() > 0.01


@pytest.mark.parametrize("vocab_size", [VOCAB_SIZE, 4 * VOCAB_SIZE])
def test_the_loss_of_a_wide_head_is_that_of_its_logits(vocab_size):
    network = transformer((None,), "int32", vocab_size, **SIZES)
    assert network.head.is_wide == (vocab_size > SIZES["model_dim"])
    rng = np.random.default_rng(0)
    labels = rng.integers(0, vocab_size, (3, LENGTH))
    weights = rng.random((3, LENGTH)).astype("float32")
    features = network.features((sources(), labels))
    expected = ops.sum(weights * cross_entropy(network.head(features), labels, 0.1))
    found = Translation().loss(
        features, network.head, labels, weights, "cross_entropy", 0.1
    )
    np.testing.assert_allclose(found, expected, rtol=1e-6)

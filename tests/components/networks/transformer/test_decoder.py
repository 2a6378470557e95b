"""Identities of the language model's network."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from phistar.components.artifacts import get_weights, set_weights
from phistar.components.networks.transformer import layers
from phistar.components.networks.transformer.decoder import same_text, transformer_lm

VOCAB_SIZE, LENGTH = 11, 24


def build(seed=0, spread=0.3, **options):
    """A small network with large weights, so that everything tells."""
    sizes = {"num_layers": 2, "num_heads": 2, "model_dim": 16, "mlp_dim": 32}
    network = transformer_lm((None,), "int32", VOCAB_SIZE, **sizes | options)
    rng = np.random.default_rng(seed)
    values = [rng.normal(0, spread, w.shape) for w in get_weights(network)]
    set_weights(network, values)
    return network


@pytest.fixture(scope="module")
def network():
    return build()


def texts(rows=3, length=LENGTH, seed=0):
    """What is read: 0, then tokens.  -> int32 [rows, length]."""
    read = np.random.default_rng(seed).integers(1, VOCAB_SIZE, (rows, length))
    read[:, 0] = 0
    return read.astype("int32")


def logits(network, read):
    """Logits as an array."""
    return ops.convert_to_numpy(network(read, training=False))


def test_later_tokens_change_nothing(network):
    read = texts()
    before = logits(network, read)
    for place in (1, 7, LENGTH - 1):
        for new in (5, 0):
            changed = read.copy()
            changed[:, place:] = (changed[:, place:] + new) % VOCAB_SIZE if new else 0
            after = logits(network, changed)
            np.testing.assert_allclose(after[:, :place], before[:, :place], atol=1e-5)
            assert np.abs(after[:, place] - before[:, place]).max() > 1e-2


def test_every_token_before_counts(network):
    read = texts(rows=1)
    before = logits(network, read)
    for place in range(1, LENGTH):
        changed = read.copy()
        changed[0, place] = read[0, place] % (VOCAB_SIZE - 1) + 1
        assert np.abs(logits(network, changed)[0, -1] - before[0, -1]).max() > 1e-4


def test_longer_padding_changes_nothing(network):
    read = texts()
    before = logits(network, read)
    for padding in (1, 40):
        padded = np.pad(read, [(0, 0), (0, padding)])
        after = logits(network, padded)[:, :LENGTH]
        np.testing.assert_allclose(after, before, atol=1e-5)


def test_text_alone_equals_the_same_in_a_mixed_batch(network):
    rows = [texts(1, length, seed=length)[0] for length in (1, 5, 17, LENGTH)]
    batch = np.stack([np.pad(row, (0, LENGTH - len(row))) for row in rows])
    together = logits(network, batch)
    for row, values in zip(rows, together, strict=True):
        alone = logits(network, row[None])[0]
        np.testing.assert_allclose(values[: len(row)], alone, atol=1e-5)


def test_texts_end_to_end_equal_texts_apart(network):
    first, second = texts(1, 9, seed=1)[0], texts(1, 14, seed=2)[0]
    apart = np.concatenate([logits(network, t[None])[0] for t in (first, second)])
    joined = logits(network, np.concatenate([first, second])[None])[0]
    np.testing.assert_allclose(joined, apart, atol=1e-5)


def test_positions_are_relative(network):
    # in the middle of a text nothing says how far its beginning is
    read = texts(1)[:, 1:]
    shifted = np.concatenate([texts(1, 6, seed=3), np.zeros((1, 1), "int32")], axis=1)
    shifted = np.concatenate([shifted, read], axis=1)
    with_start = np.concatenate([np.zeros((1, 1), "int32"), read], axis=1)
    expected = logits(network, with_start)[0]
    np.testing.assert_allclose(logits(network, shifted)[0, 6:], expected, atol=1e-5)


@pytest.mark.parametrize("given", [1, 2, 10, LENGTH - 1])
def test_cached_steps_equal_the_full_pass(network, given):
    read = texts()
    full = ops.convert_to_numpy(network.features(read))
    features, cache = network.features.prefill(
        np.where(np.arange(LENGTH) < given, read, 0)
    )
    np.testing.assert_allclose(features[:, :given], full[:, :given], atol=1e-5)
    cache, places = network.features.start(cache, LENGTH)
    for index in range(given, LENGTH):
        at = np.full(len(read), index, "int32")
        features, cache = network.features.step(read[:, index], at, cache, places)
        np.testing.assert_allclose(features, full[:, index], atol=1e-5)


def test_cached_steps_of_rows_at_different_places(network):
    read, given = texts(), np.array([1, 9, 20], "int32")
    full = ops.convert_to_numpy(network.features(read))
    cut = np.where(np.arange(LENGTH) < given[:, None], read, 0)
    _, cache = network.features.prefill(cut)
    cache, places = network.features.start(cache, LENGTH)

    @tf.function
    def step(read, index, cache):
        return network.features.step(read, index, cache, places)

    for further in range(LENGTH - given.max()):
        index = given + further
        features, cache = step(read[np.arange(3), index], index, cache)
        np.testing.assert_allclose(features, full[np.arange(3), index], atol=1e-5)


def test_head_is_tied_to_the_embedding_and_the_start_is_not_eos(network):
    names = network.weight_names()
    assert len(set(names)) == len(names) == len(network.weights)
    assert sum("embeddings" in name for name in names) == 1
    changed = build()
    changed.features.embedding.start.assign(np.ones(16))
    read = texts()
    assert np.abs(logits(changed, read) - logits(network, read)).max() > 1e-2
    # EOS is only ever said: its row of E moves its own logit and no other
    changed = build()
    table = changed.features.embedding.embeddings
    table.assign(ops.concatenate([table[:1] + 1.0, table[1:]]))
    apart = np.abs(logits(changed, read) - logits(network, read)).max(axis=(0, 1))
    assert apart[0] > 1e-2 and apart[1:].max() == 0


def test_first_p_is_nearly_uniform():
    keras.utils.set_random_seed(0)
    network = transformer_lm((None,), "int32", 100)
    values = logits(network, texts(2))
    log_p = values - np.log(np.exp(values).sum(-1, keepdims=True))
    assert abs(-log_p.mean() - np.log(100)) < 0.1


def test_dropout_is_for_training_only():
    network, read = build(dropout=0.5), texts()
    first, second = (logits(network, read) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    dropped = ops.convert_to_numpy(network(read, training=True))
    assert np.abs(dropped - first).max() > 0.1


@pytest.mark.parametrize(
    ("shape", "keys", "message"),
    [
        ((5,), {}, "takes texts. Received: an input of shape"),
        ((None,), {"num_heads": 3}, "must be a multiple of 2 num_heads"),
        ((None,), {"context": 8, "stride": 9}, "must not be larger than the context"),
    ],
)
def test_refuses_what_does_not_fit(shape, keys, message):
    with pytest.raises(ValueError, match=message):
        transformer_lm(shape, "int32", 5, **keys)


@pytest.fixture
def bfloat16():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    yield
    keras.config.set_dtype_policy(before)


def test_half_precision_hides_what_may_not_be_seen_and_is_nearly_the_same(bfloat16):
    half, read = build(spread=0.1), texts()
    keras.config.set_dtype_policy("float32")
    whole = logits(build(spread=0.1), read)
    values = logits(half, read)
    assert values.dtype == np.float32
    np.testing.assert_allclose(values, whole, atol=0.05)
    changed = read.copy()
    changed[:, 9:] = 1
    np.testing.assert_array_equal(logits(half, changed)[:, :9], values[:, :9])


def test_attention_of_a_gpu_is_attention():
    # the arguments that cuDNN gets, computed without it
    rng = np.random.default_rng(0)
    query, keys, values = rng.normal(size=(3, 2, 4, 6, 8)).astype("float32")
    read = np.array([[0, 5, 5, 0, 5, 5], [5, 5, 5, 5, 0, 5]], "int32")
    padding = np.array([[1, 1, 1, 0, 0, 0], [1, 1, 1, 1, 1, 0]], bool)[:, None]
    for seen, causal in ((same_text(read), True), (padding, False)):
        given = query, keys, values, layers.hidden(seen)
        expected = layers.attention(*given, causal)
        found = layers.flash_attention(*given, causal, cudnn=False)
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_embedding_of_a_gpu_is_the_embedding(monkeypatch):
    embedding = layers.Embedding(VOCAB_SIZE, 6, 0.0)
    expected = ops.convert_to_numpy(embedding(texts()))
    monkeypatch.setattr(layers, "on_gpu", lambda: True)
    np.testing.assert_allclose(embedding(texts()), expected, rtol=0, atol=1e-7)

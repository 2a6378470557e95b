"""A toy network, P(next token | all tokens before) from a table; its texts, one by one.

The network knows what its slots have read, and nothing of the hypotheses: it finds a
history by the ancestors that it is given.
"""

import functools
import itertools
import math

import keras
import numpy as np
from keras import ops

from phistar.components.decoding.beam import NEVER, beam_search


def random_tables(num_rows, vocab_size, longest, seed, sharpness=1.0):
    """ln P of each token after each prefix.

    Args:
        sharpness: standard deviation of the scores.

    Returns:
        float32 [num_rows, longest, vocab_size^(longest - 1), vocab_size].
    """
    shape = (num_rows, longest, vocab_size ** (longest - 1), vocab_size)
    scores = sharpness * np.random.default_rng(seed).normal(size=shape)
    total = np.log(np.exp(scores).sum(axis=-1, keepdims=True))
    return (scores - total).astype("float32")


def table_of(texts, vocab_size, longest):
    """A table from {prefix: {token: P}}; after other prefixes comes EOS.

    Returns:
        float32 [1, longest, vocab_size^(longest - 1), vocab_size].
    """
    shape = (1, longest, vocab_size ** (longest - 1), vocab_size)
    result = np.full(shape, -np.inf, "float32")
    result[..., 0] = 0.0
    for prefix, following in texts.items():
        row = result[0, len(prefix), code(prefix, vocab_size)]
        row[:] = -np.inf
        for token, probability in following.items():
            row[token] = math.log(probability)
    return result


def code(prefix, vocab_size):
    """Position of a prefix in a table, among those of its length."""
    return functools.reduce(lambda c, token: c * vocab_size + token, prefix, 0)


def log_prob(table, tokens):
    """ln P of tokens, added up one after the other.

    Args:
        table: float32 [longest, ...], a row's.
        tokens: sequence of int, EOS included if it is there.

    Returns:
        float.
    """
    size = table.shape[-1]
    return sum(
        float(table[t, code(tokens[:t], size), token]) for t, token in enumerate(tokens)
    )


def rank(log_prob, length, length_penalty):
    """Score that hypotheses are sorted by."""
    return log_prob / ((5 + length) / 6) ** length_penalty


def every_text(table, max_length, length_penalty):
    """Texts that a search of full width finds: ended ones by score, then cut ones.

    Returns:
        list of (tokens, score).
    """
    labels = range(1, table.shape[-1])
    ended = [
        (*prefix, 0)
        for length in range(max_length)
        for prefix in itertools.product(labels, repeat=length)
    ]
    result = []
    for texts in (ended, list(itertools.product(labels, repeat=max_length))):
        scored = [
            (text, rank(log_prob(table, text), len(text), length_penalty))
            for text in texts
        ]
        result += sorted(scored, key=lambda pair: -pair[1])
    return result


def slow_search(table, beam_size, max_length, length_penalty):
    """The definition of components/decoding/beam.py on lists, without an early end.

    Returns:
        list of (tokens, score).
    """
    live, ended = [((), 0.0)], []
    size = table.shape[-1]
    for _ in range(max_length):
        longer = [
            ((*text, token), before + float(table[len(text), code(text, size), token]))
            for text, before in live
            for token in range(size)
        ]
        longer = [pair for pair in longer if pair[1] > -math.inf]
        longer.sort(key=lambda pair: -pair[1])
        ended += [pair for pair in longer[:beam_size] if pair[0][-1] == 0]
        if beam_size == 1 and ended:
            break
        live = [pair for pair in longer if pair[0][-1] != 0][:beam_size]
    result = []
    for texts in (ended, live):
        scored = [(text, rank(p, len(text), length_penalty)) for text, p in texts]
        result += sorted(scored, key=lambda pair: -pair[1])
    return result[:beam_size]


def step(state, tokens, index, ancestors):
    """The table's ln P, of the histories that `ancestors` point at.

    Args:
        state: (tables float32 [B, longest, N, V], int32 [B, K, M], what each slot has
            read, number of steps int32).
        tokens, index, ancestors: as components/decoding/beam.py says.

    Returns:
        (float32 [B, K, V], state).
    """
    tables, read, steps = state
    rows, longest, num_prefixes, size = ops.shape(tables)
    place = ops.arange(ops.shape(read)[2], dtype="int32")
    read = ops.where(place == index, tokens[:, :, None], read)
    history = ops.take_along_axis(read, ancestors, axis=1)
    # by Horner's rule, position 0 left out: it read the start
    known = ops.logical_and(place >= 1, place <= index)
    power = ops.where(known, size ** ops.clip(index - place, 0, longest), 0)
    prefix = ops.sum(history * power, axis=2)
    row = ops.arange(rows, dtype="int32")[:, None]
    chosen = (row * longest + index) * num_prefixes + prefix
    flat = ops.reshape(tables, (-1, tables.shape[-1]))
    return ops.take(flat, chosen, axis=0), (tables, read, steps + 1)


def search(tables, beam_size, max_length, length_penalty, num_slots, size):
    """beam_search over tables, as graph code."""
    # 3: what nobody has read is no token of any history
    read = ops.zeros((ops.shape(tables)[0], num_slots, size), "int32") + 3
    return beam_search(
        step,
        (tables, read, ops.zeros((), "int32")),
        num_slots=num_slots,
        size=size,
        beam_size=beam_size,
        max_length=max_length,
        length_penalty=length_penalty,
    )


def compiled(tables, num_slots, size):
    """`search` as this backend compiles it, for tables like these."""
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(functools.partial(search, num_slots=num_slots, size=size))
    return functools.partial(graph(tables.shape[1:]), num_slots=num_slots, size=size)


@functools.cache
def graph(shape):
    """One tf.function for any number of rows, of slots and of tokens."""
    import tensorflow as tf

    def knob(dtype):
        return tf.TensorSpec([None], dtype)

    count = tf.TensorSpec([], tf.int32)
    return tf.function(
        search,
        input_signature=[
            tf.TensorSpec([None, *shape], tf.float32),
            knob(tf.int32),
            knob(tf.int32),
            knob(tf.float32),
            count,
            count,
        ],
        autograph=False,
    )


def found(tables, beam_size, max_length, length_penalty, num_slots=None, size=None):
    """Search with knobs that are numbers, or lists by row.

    Returns:
        Hypotheses of NumPy arrays.
    """
    rows = len(tables)
    beam_size = np.broadcast_to(np.int32(beam_size), [rows])
    max_length = np.broadcast_to(np.int32(max_length), [rows])
    length_penalty = np.broadcast_to(np.float32(length_penalty), [rows])
    run = compiled(
        tables,
        num_slots=int(num_slots or beam_size.max()),
        size=int(size or max_length.max()),
    )
    result = run(tables, beam_size, max_length, length_penalty)
    return type(result)(*(np.asarray(ops.convert_to_numpy(x)) for x in result))


def texts(hypotheses, row):
    """The hypotheses of a row.  -> list of (tokens, score)."""
    return [
        (
            tuple(hypotheses.tokens[row, k, : hypotheses.lengths[row, k]].tolist()),
            float(hypotheses.score[row, k]),
        )
        for k in range(hypotheses.tokens.shape[1])
        if hypotheses.log_prob[row, k] != np.float32(NEVER)
    ]

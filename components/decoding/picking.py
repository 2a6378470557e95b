"""The largest of many numbers, and rows by their position, on any backend."""

from keras import ops

BLOCK = 64  # labels of a block; a first search compares only the largest of each


def best(log_probs, count):
    """The `count` largest along the last axis, in two steps.

    The first step finds the largest label of each block, the second searches the
    `count` blocks whose largest is highest. One search through all labels takes four
    times as long.

    Args:
        log_probs: float32 [B, K, V], V static.
        count: int or scalar tensor; a count above V gives V.

    Returns:
        (values float32, positions int32), each [B, K, min(count, V)], largest first.
    """
    num_labels = log_probs.shape[-1]
    num_blocks = -(-num_labels // BLOCK)
    count = smaller(count, num_labels)
    num_kept = smaller(count, num_blocks)
    lacking = num_blocks * BLOCK - num_labels
    if lacking:
        pad = ((0, 0), (0, 0), (0, lacking))
        log_probs = ops.pad(log_probs, pad, constant_values=-float("inf"))
    rows, slots = ops.shape(log_probs)[0], ops.shape(log_probs)[1]
    # [B, K, V] -> [B K, V / 64, 64]
    blocks = ops.reshape(log_probs, (rows * slots, num_blocks, BLOCK))
    # the `count` largest are in at most `count` blocks, those of the highest maxima
    _, kept = ops.top_k(ops.max(blocks, axis=-1), num_kept)
    inside = ops.reshape(pick(blocks, kept), (rows * slots, num_kept * BLOCK))
    values, chosen = ops.top_k(inside, count)  # [B K, count]
    # position in the kept blocks -> position in V
    label = pick(kept, chosen // BLOCK) * BLOCK + chosen % BLOCK
    # padding is -inf, and may be chosen where labels are -inf too
    label = ops.minimum(label, num_labels - 1)
    shape = (rows, slots, count)
    return ops.reshape(values, shape), ops.reshape(label, shape)


def smaller(a, b):
    """The smaller of two sizes; an int if both are ints."""
    return min(a, b) if isinstance(a, int) else ops.minimum(a, b)


def joined(x):
    """[B, K, N] -> [B, K N]."""
    rows, slots, number = ops.shape(x)
    return ops.reshape(x, (rows, slots * number))


def pick(x, index):
    """x [B, N, ...], index int32 [B, K] -> x[b, index[b, k]], [B, K, ...]."""
    rows, number = ops.shape(x)[0], ops.shape(x)[1]
    flat = ops.reshape(x, (rows * number, *ops.shape(x)[2:]))
    first = ops.arange(rows, dtype="int32")[:, None] * number
    return ops.take(flat, first + index, axis=0)

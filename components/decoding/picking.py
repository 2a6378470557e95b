"""The largest of many numbers, and rows by their place, on any backend."""

from keras import ops

BLOCK = 64  # labels of which only the largest is looked at first


def best(log_probs, count):
    """The largest along the last axis, in two steps.

    A search through every label for `count` of them takes four times as long as the
    largest of each block, and a search in the `count` blocks that have the largest.

    Args:
        log_probs: float32 [B, K, V], V static.
        count: int or scalar tensor; V are given where it is larger.

    Returns:
        (float32, positions int32), each [B, K, min(count, V)], falling.
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
    blocks = ops.reshape(log_probs, (rows * slots, num_blocks, BLOCK))
    _, kept = ops.top_k(ops.max(blocks, axis=-1), num_kept)
    inside = ops.reshape(pick(blocks, kept), (rows * slots, num_kept * BLOCK))
    values, chosen = ops.top_k(inside, count)
    label = pick(kept, chosen // BLOCK) * BLOCK + chosen % BLOCK
    label = ops.minimum(label, num_labels - 1)  # of -inf, which padding has too
    shape = (rows, slots, count)
    return ops.reshape(values, shape), ops.reshape(label, shape)


def smaller(a, b):
    """The smaller of two sizes: an int where both are."""
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

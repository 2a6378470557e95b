"""Thin loaders that feed planned batches to `fit`, one per Keras backend.

Both yield (inputs, labels, weights) of exactly the planned steps, in order; call
`fit(..., shuffle=False)`, since Keras would reorder a `PyDataset`.
"""

import keras
import numpy as np

from components.data.arrays import Ragged

BLOCK_STEPS = 1024  # planned at a time: the plan of a long run would not fit in memory
IN_GRAPH_BYTES = 256 * 2**20  # arrays up to this size are gathered inside the graph


def loader(inputs, labels, plan, start, stop):
    """What `fit` reads for the steps start ... stop-1.

    Args:
        inputs: array [N, ...], may be memory-mapped; None where there is no x.
        labels: int32 [N], or Ragged of tokens.
        plan: Plan, or of tokens PackedPlan.
        start, stop: global steps.

    Returns:
        tf.data.Dataset (TensorFlow, arrays that fit in memory) or PyDataset.
    """
    tensorflow = keras.backend.backend() == "tensorflow"
    if isinstance(labels, Ragged):
        tokens = labels.tokens
        if tokens.nbytes <= IN_GRAPH_BYTES:
            tokens = np.array(tokens)

        def packed(step):
            return packed_batch(tokens, plan, step)

        return (_in_steps if tensorflow else PlannedBatches)(packed, start, stop)
    if tensorflow and inputs.nbytes <= IN_GRAPH_BYTES:
        return _in_graph(inputs, labels, plan, start, stop)

    def rows_of(step):
        rows, weights = plan.batch(step)
        return np.asarray(inputs[rows]), np.asarray(labels[rows]), weights

    return PlannedBatches(rows_of, start, stop)


def packed_batch(tokens, plan, step):
    """What a step reads, and is to say.

    Args:
        tokens: int [total], texts end to end, each ended by 0.
        plan: PackedPlan.
        step: int.

    Returns:
        (int32 [B, C] the tokens before, 0 where a text begins; int32 [B, C] labels;
        float32 [B, C] weights).
    """
    places, weights = plan.batch(step)
    # before a text's first token stands the EOS of another, 0; so it does at -1
    read, labels = tokens[places - 1], tokens[places]
    real = weights > 0
    return (read * real).astype("int32"), (labels * real).astype("int32"), weights


class PlannedBatches(keras.utils.PyDataset):
    """Planned batches read with NumPy; index = global step - start.

    Args:
        batch: function of the global step -> (inputs, labels, weights).
        start, stop: global steps.
    """

    def __init__(self, batch, start, stop):
        super().__init__(workers=1)  # more would reorder and repeat batches
        self.batch, self.start, self.stop = batch, start, stop

    def __len__(self):
        return self.stop - self.start

    def __getitem__(self, index):
        return self.batch(self.start + index)


def _in_graph(inputs, labels, plan, start, stop):
    """tf.data over the plan; the arrays are tensors, gathered in the graph."""
    import tensorflow as tf

    inputs, labels = tf.constant(np.asarray(inputs)), tf.constant(np.asarray(labels))

    def gather(rows, weights):
        return tf.gather(inputs, rows), tf.gather(labels, rows), weights

    def block(first):
        return plan.batches(first, min(first + BLOCK_STEPS, stop))

    def planned(first):
        rows, weights = tf.numpy_function(block, [first], [tf.int32, tf.float32])
        shape = [None, plan.num_rows]
        return tf.ensure_shape(rows, shape), tf.ensure_shape(weights, shape)

    data = tf.data.Dataset.range(start, stop, BLOCK_STEPS).map(planned)
    return _ahead(data.unbatch().map(gather))


def _in_steps(batch, start, stop):
    """tf.data over the steps; batches of tokens, of any shape, are read with NumPy."""
    import tensorflow as tf

    def read(step):
        kinds = [tf.int32, tf.int32, tf.float32]
        parts = tf.numpy_function(batch, [step], kinds)
        return tuple(tf.ensure_shape(part, [None, None]) for part in parts)

    return _ahead(tf.data.Dataset.range(start, stop).map(read))


def _ahead(data):
    """Two batches are made while the one before them is trained on.

    Nothing is left to tune then; the thread that tunes sleeps for up to a minute at a
    time, and the end of `fit` would wait for it.
    """
    import tensorflow as tf

    options = tf.data.Options()
    options.autotune.enabled = False
    return data.prefetch(2).with_options(options)

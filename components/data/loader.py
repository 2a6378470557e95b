"""Thin loaders that feed planned batches to `fit`, one per Keras backend.

Both yield (inputs, labels, weights) of exactly the planned steps, in order; call
`fit(..., shuffle=False)`, since Keras would reorder a `PyDataset`.
"""

import keras
import numpy as np

BLOCK_STEPS = 1024  # planned at a time: the plan of a long run would not fit in memory
IN_GRAPH_BYTES = 256 * 2**20  # arrays up to this size are gathered inside the graph


def loader(inputs, labels, plan, start, stop):
    """What `fit` reads for the steps start ... stop-1.

    Args:
        inputs: array [N, ...], may be memory-mapped.
        labels: int32 [N].
        plan: components.data.batches.Plan.
        start, stop: global steps.

    Returns:
        tf.data.Dataset (TensorFlow, arrays that fit in memory) or PyDataset.
    """
    if keras.backend.backend() == "tensorflow" and inputs.nbytes <= IN_GRAPH_BYTES:
        return _in_graph(inputs, labels, plan, start, stop)
    return PlannedBatches(inputs, labels, plan, start, stop)


class PlannedBatches(keras.utils.PyDataset):
    """Planned batches read with NumPy; index = global step - start."""

    def __init__(self, inputs, labels, plan, start, stop):
        super().__init__(workers=1)  # more would reorder and repeat batches
        self.inputs, self.labels, self.plan = inputs, labels, plan
        self.start, self.stop = start, stop

    def __len__(self):
        return self.stop - self.start

    def __getitem__(self, index):
        rows, weights = self.plan.batch(self.start + index)
        return np.asarray(self.inputs[rows]), np.asarray(self.labels[rows]), weights


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
    return data.unbatch().map(gather).prefetch(tf.data.AUTOTUNE)

"""Thin loaders that feed planned batches to `fit`, one per Keras backend.

Both yield (inputs, labels, weights) of exactly the planned steps, in order. Call
`fit(..., shuffle=False)`, since Keras would reorder a `PyDataset`.
"""

from functools import partial

import keras
import numpy as np

from phistar.components.data.arrays import Ragged

BLOCK_STEPS = 1024  # planned at a time: the plan of a long run would not fit in memory
IN_GRAPH_BYTES = 256 * 2**20  # arrays up to this size are gathered inside the graph
PACKED = ("int32", "int32", "float32")  # (read, labels, weights)
PAIRS = (("int32", "int32"), "int32", "float32")  # ((source, read), labels, weights)


def loader(inputs, labels, plan, start, stop, by_row=False):
    """Input of `fit` for the steps start ... stop-1.

    Args:
        inputs: array [N, ...], may be memory-mapped; Ragged of tokens; None if there
            is no x.
        labels: int32 [N], or Ragged of tokens.
        plan: Plan; for texts PackedPlan; for sentence pairs BucketPlan.
        start, stop: int, global steps.
        by_row: give row numbers in place of inputs and labels; the step has the arrays.

    Returns:
        tf.data.Dataset (TensorFlow, arrays that fit in memory) or PyDataset.
    """
    tensorflow = keras.backend.backend() == "tensorflow"
    if isinstance(labels, Ragged):
        tokens = _in_memory(labels.tokens)
        if inputs is None:
            batch = partial(packed_batch, tokens, plan)
        else:
            batch = partial(pairs_batch, _in_memory(inputs.tokens), tokens, plan)
        if tensorflow:
            return _in_steps(batch, start, stop, PACKED if inputs is None else PAIRS)
        return PlannedBatches(batch, start, stop)
    if tensorflow and inputs.nbytes <= IN_GRAPH_BYTES:
        return _in_graph(inputs, labels, plan, start, stop)

    def rows_of(step):
        rows, weights = plan.batch(step)
        if by_row:
            return rows, rows, weights
        return np.asarray(inputs[rows]), np.asarray(labels[rows]), weights

    return PlannedBatches(rows_of, start, stop)


def packed_batch(tokens, plan, step):
    """Inputs, labels and weights of one step over packed texts.

    Args:
        tokens: int [total], texts end to end, each ended by 0.
        plan: PackedPlan.
        step: int, global step.

    Returns:
        (int32 [B, C], the token before each label, 0 where a text begins; int32 [B, C],
        labels; float32 [B, C], weights).
    """
    places, weights = plan.batch(step)
    # The token before a text's first is the EOS of another text, 0. Position -1 is the
    # last EOS, so this holds for the first text too.
    read, labels = tokens[places - 1], tokens[places]
    real = weights > 0
    return (read * real).astype("int32"), (labels * real).astype("int32"), weights


def pairs_batch(sources, targets, plan, step):
    """Inputs, labels and weights of one step over sentence pairs.

    Args:
        sources, targets: int [total], sentences end to end, each ended by 0.
        plan: BucketPlan.
        step: int, global step.

    Returns:
        ((source, read), labels, weights): int32 [R, S], 0 after its EOS; int32 [R, T],
        the labels shifted by one; int32 [R, T], 0 after EOS; float32 [R, T].
    """
    source_places, places, weights = plan.batch(step)
    source = sources[source_places].astype("int32")
    labels = targets[places].astype("int32")
    return (source, read_before(labels)), labels, weights


def read_before(labels):
    """The labels shifted by one, 0 first: the input of the decoder.  [R, T] -> same."""
    return np.pad(labels[:, :-1], ((0, 0), (1, 0)))


def _in_memory(tokens):
    """A copy of tokens in memory; large arrays stay memory-mapped."""
    return np.array(tokens) if tokens.nbytes <= IN_GRAPH_BYTES else tokens


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
    """tf.data over the plan; the arrays are tensors, gathered in the graph.

    NumPy plans BLOCK_STEPS steps at a time; all else runs without Python.
    """
    import tensorflow as tf

    inputs, labels = tf.constant(np.asarray(inputs)), tf.constant(np.asarray(labels))

    @tf.autograph.experimental.do_not_convert
    def gather(rows, weights):
        return tf.gather(inputs, rows), tf.gather(labels, rows), weights

    def block(first):
        return plan.batches(first, min(first + BLOCK_STEPS, stop))

    @tf.autograph.experimental.do_not_convert
    def planned(first):
        rows, weights = tf.numpy_function(block, [first], [tf.int32, tf.float32])
        shape = [None, plan.num_rows]
        return tf.ensure_shape(rows, shape), tf.ensure_shape(weights, shape)

    data = tf.data.Dataset.range(start, stop, BLOCK_STEPS).map(planned)
    return _ahead(data.unbatch().map(gather))


def _in_steps(batch, start, stop, kinds):
    """tf.data over the steps; NumPy reads the batches of tokens, of any shape.

    Args:
        batch: function of the step -> nested arrays.
        start, stop: global steps.
        kinds: dtypes, nested as the arrays are.
    """
    import tensorflow as tf

    def flat(step):
        return tf.nest.flatten(batch(step))

    @tf.autograph.experimental.do_not_convert
    def read(step):
        parts = tf.numpy_function(flat, [step], tf.nest.flatten(kinds))
        parts = [tf.ensure_shape(part, [None, None]) for part in parts]
        return tf.nest.pack_sequence_as(kinds, parts)

    return _ahead(tf.data.Dataset.range(start, stop).map(read))


def _ahead(data):
    """Prepare two batches ahead of the one in training.

    With a fixed number there is nothing to tune. The tuning thread sleeps for up to a
    minute at a time, and the end of `fit` would wait for it.
    """
    import tensorflow as tf

    options = tf.data.Options()
    options.autotune.enabled = False
    return data.prefetch(2).with_options(options)

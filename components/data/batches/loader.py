"""Thin loaders that feed planned batches to `fit`, one per Keras backend.

Both yield (inputs, labels, weights) of exactly the planned steps, in order; call
`fit(..., shuffle=False)`, since Keras would reorder a `PyDataset`.
"""

from functools import partial

import keras
import numpy as np

from components.data.arrays import Ragged

BLOCK_STEPS = 1024  # planned at a time: the plan of a long run would not fit in memory
IN_GRAPH_BYTES = 256 * 2**20  # arrays up to this size are gathered inside the graph
PACKED = ("int32", "int32", "float32")  # (read, labels, weights)
PAIRS = (("int32", "int32"), "int32", "float32")  # ((source, read), labels, weights)


def loader(inputs, labels, plan, start, stop):
    """What `fit` reads for the steps start ... stop-1.

    Args:
        inputs: array [N, ...], may be memory-mapped; Ragged of tokens; None where
            there is no x.
        labels: int32 [N], or Ragged of tokens.
        plan: Plan; of texts PackedPlan; of sentence pairs BucketPlan.
        start, stop: global steps.

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


def pairs_batch(sources, targets, plan, step):
    """What a step reads of sentence pairs, and is to say.

    Args:
        sources, targets: int [total], sentences end to end, each ended by 0.
        plan: BucketPlan.
        step: int.

    Returns:
        ((int32 [R, S] source, 0 after its EOS; int32 [R, T] the labels before, 0 where
        a sentence begins); int32 [R, T] labels, 0 after EOS; float32 [R, T] weights).
    """
    source_places, places, weights = plan.batch(step)
    source = sources[source_places].astype("int32")
    labels = targets[places].astype("int32")
    return (source, read_before(labels)), labels, weights


def read_before(labels):
    """The labels shifted by one, 0 first: what is read to say them.  [R, T] -> same."""
    return np.pad(labels[:, :-1], ((0, 0), (1, 0)))


def _in_memory(tokens):
    """A copy in memory, unless it is large."""
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


def _in_steps(batch, start, stop, kinds):
    """tf.data over the steps; batches of tokens, of any shape, are read with NumPy.

    `kinds` says how `batch` nests its arrays, and what they hold.
    """
    import tensorflow as tf

    def flat(step):
        return tf.nest.flatten(batch(step))

    def read(step):
        parts = tf.numpy_function(flat, [step], tf.nest.flatten(kinds))
        parts = [tf.ensure_shape(part, [None, None]) for part in parts]
        return tf.nest.pack_sequence_as(kinds, parts)

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

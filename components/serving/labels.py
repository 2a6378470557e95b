"""The SavedModel of the tasks binary and multiclass: a label is one of K names."""

import tensorflow as tf

from phistar.components.decoding.sample import sample
from phistar.components.serving.knobs import (
    DEFAULTS,
    KNOBS,
    RANGES,
    UNITS,
    concrete,
    noise,
    require,
)
from phistar.components.serving.request import MOST, listed


class LabelServer(tf.Module):
    """The signatures: raw inputs in, the data's own labels and nats out.

    Args:
        task: Binary or Multiclass.
        encoder: of one input for each label, like Columns or Images.
        network: Network.
        scale: the factor of the logits before P is taken.
        decoding: not used; labels are not searched.
    """

    def __init__(self, task, encoder, network, scale, decoding=None):
        super().__init__()
        self.task, self.encoder, self.network = task, encoder, network
        self.scale = scale
        self.labels = tf.constant(task.space.names)
        self.inputs = encoder.signature()
        # tracked, so that lookup tables and weights are saved
        self.tracked = [network, *getattr(encoder, "lookups", [])]

    def logits(self, inputs):
        """Logits times the scale.  dict of [B] -> float32 [B, num_outputs].

        Inputs that are too large give infinite logits, which have no P: refused.
        """
        inputs = self.encoder.encode_graph(inputs)
        rows = tf.shape(inputs)[0]
        # TensorFlow's convolutions on a CPU give an empty batch another one's channels
        some = tf.cond(rows > 0, lambda: inputs, lambda: one_row(inputs))
        some = tf.ensure_shape(some, inputs.shape)
        logits = self.scale * self.network(some, training=False)[:rows]
        message = "the numbers are too large for the network, whose scores are none"
        known = tf.debugging.Assert(tf.reduce_all(tf.math.is_finite(logits)), [message])
        with tf.control_dependencies([known]):
            return tf.identity(logits)

    def signatures(self):
        """The three signatures and `serving_default`.  -> dict of functions."""

        def predict(**inputs):
            logits = self.logits(inputs)
            log_probs = self.task.log_probs(logits)
            return chosen(log_probs, self.task.predict(logits)) | {
                "labels": tf.broadcast_to(self.labels, tf.shape(log_probs)),
                "log_probs": log_probs,
                "probs": tf.exp(log_probs),
            }

        def log_prob(*, label, **inputs):
            log_probs = self.task.log_probs(self.logits(inputs))
            hit = tf.equal(label[:, None], self.labels[None, :])  # [B, K]
            names = listed(self.task.space.names, ordered=False)
            rule = f"label must be one of: {names}"
            known = require(tf.reduce_any(hit, axis=1), rule, label)
            with tf.control_dependencies([known]):
                index = tf.argmax(tf.cast(hit, tf.int32), axis=1)
            return {"log_prob": tf.gather(log_probs, index, batch_dims=1)}

        def draw(*, seed, temperature, top_k, top_p, **inputs):
            log_probs = self.task.log_probs(self.logits(inputs))
            uniform = noise(seed, 1)[:, 0]
            index = sample(log_probs, uniform, temperature, top_k, top_p)
            return chosen(log_probs, index)

        def chosen(log_probs, index):
            return {
                "label": tf.gather(self.labels, index),
                "log_prob": tf.gather(log_probs, index, batch_dims=1),
            }

        label = {"label": tf.TensorSpec([None], tf.string, "label")}
        made = concrete(
            {
                "predict": (predict, self.inputs),
                "log_prob": (log_prob, self.inputs | label),
                "sample": (draw, self.inputs | KNOBS),
            },
            self.ranges,
        )
        return {"serving_default": made["predict"], **made}

    @property
    def knobs(self):
        """Inputs beside x and y.  -> dict of name -> default."""
        return DEFAULTS | {"top_k": self.task.space.size}

    @property
    def ranges(self):
        """Knob -> Range, of those that have one."""
        return RANGES

    @property
    def forms(self):
        """Input name -> how a request gives it."""
        knobs = dict.fromkeys(self.knobs, "knob")
        return knobs | self.encoder.forms() | {"label": "label"}

    def facts(self):
        """Further keys of the contract.  -> plain data."""
        facts = getattr(self.encoder, "facts", dict)()
        return {"scale": self.scale} | facts

    @property
    def units(self):
        """Input or output name -> its meaning, with unit or range."""
        return {
            **self.encoder.describe(),
            "label": one_of(self.task.space.names),
            "labels": "all labels, in the order of log_probs",
            "log_prob": "ln P(label | x), nats",
            "log_probs": "ln P(y | x) for every label, nats",
            "probs": "P(y | x) for every label; they sum to 1",
            **UNITS,
        }


def one_of(names):
    """The meaning of a label: all names; of many their number and the first ones."""
    if len(names) <= MOST:
        return f"one of {list(names)}"
    return f"one of {len(names)} labels: {listed(names, ordered=False)}"


def one_row(inputs):
    """A batch of one row of zeros.  [0, ...] -> [1, ...]."""
    return tf.zeros(tf.concat([[1], tf.shape(inputs)[1:]], axis=0), inputs.dtype)
